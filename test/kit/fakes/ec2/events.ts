import type { Caller } from './model';
import type { StoredSnapshot } from './store';

/** As EventBridge carries it. */
export interface Ec2Event {
  readonly 'version': '0';
  readonly 'id': string;
  readonly 'detail-type': string;
  readonly 'source': 'aws.ec2';
  readonly 'account': string;
  readonly 'time': string;
  readonly 'region': string;
  readonly 'resources': readonly string[];
  readonly 'detail': Readonly<Record<string, unknown>>;
}

/** `swapped` is what some of the documentation's examples show: `arn:aws:ec2::us-west-2:snapshot/…`. */
export type ArnForm = 'documented' | 'swapped';

export interface EventPlace extends Caller {
  readonly form: ArnForm;
}

/** "Amazon EventBridge events for Amazon EBS", EBS user guide. */
export function completionEvent(place: EventPlace, snapshot: StoredSnapshot, now: number): Ec2Event {
  return event(place, 'EBS Snapshot Notification', now, snapshot.id, [arn(place, 'snapshot', snapshot.id)], {
    ...outcome('createSnapshot', snapshot, now),
    snapshot_id: arn(place, 'snapshot', snapshot.id),
    source: arn(place, 'volume', snapshot.volume),
  });
}

export function copyEvent(place: EventPlace, snapshot: StoredSnapshot, now: number): Ec2Event {
  return event(place, 'EBS Snapshot Notification', now, snapshot.id, [arn(place, 'snapshot', snapshot.id)], {
    ...outcome('copySnapshot', snapshot, now),
    snapshot_id: arn(place, 'snapshot', snapshot.id),
    source: arn({ ...place, region: snapshot.sourceRegion! }, 'snapshot', snapshot.source!),
    incremental: String(snapshot.incremental ?? false),
  });
}

/** The account stands as a bare number. */
export function shareEvent(place: EventPlace, snapshot: StoredSnapshot, account: string, now: number): Ec2Event {
  return event({ ...place, account }, 'EBS Snapshot Notification', now, `${snapshot.id} ${account}`, [arn(place, 'snapshot', snapshot.id)], {
    'event': 'shareSnapshot',
    'result': 'succeeded',
    'cause': '',
    'request-id': '',
    'snapshot_id': arn(place, 'snapshot', snapshot.id),
    'source': Number(place.account),
    'startTime': iso(now),
    'endTime': iso(now),
  });
}

export function multiVolumeEvent(place: EventPlace, members: readonly StoredSnapshot[], now: number): Ec2Event {
  const failed = members.some(({ state }) => state === 'error');
  return event(place, 'EBS Multi-Volume Snapshots Completion Status', now, `${members[0].id} set`, members.map(({ id }) => arn(place, 'snapshot', id)), {
    'event': 'createSnapshots',
    'result': failed ? 'failed' : 'succeeded',
    'cause': failed ? 'Snapshot of one of the volumes failed' : '',
    'request-id': '',
    'startTime': iso(members[0].startedAt),
    'endTime': iso(now),
    'snapshots': members.map(({ id, state, volume }) => ({
      snapshot_id: arn(place, 'snapshot', id), source: arn(place, 'volume', volume), status: state === 'error' ? 'error' : 'completed',
    })),
  });
}

function outcome(name: string, { startedAt, state, stateMessage }: StoredSnapshot, now: number) {
  return {
    'event': name,
    'result': state === 'error' ? 'failed' : 'succeeded',
    'cause': state === 'error' ? stateMessage ?? '' : '',
    'request-id': '',
    'startTime': iso(startedAt),
    'endTime': iso(now),
  };
}

function event({ account, region }: EventPlace, detailType: string, now: number, name: string, resources: readonly string[], detail: Ec2Event['detail']): Ec2Event {
  const id = `${name} ${String(detail.event)}`;
  return { 'version': '0', id, 'detail-type': detailType, 'source': 'aws.ec2', account, 'time': iso(now), region, resources, detail };
}

function arn({ form, region }: EventPlace, kind: string, id: string): string {
  return form === 'documented' ? `arn:aws:ec2:${region}::${kind}/${id}` : `arn:aws:ec2::${region}:${kind}/${id}`;
}

function iso(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}
