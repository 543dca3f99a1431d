import type { Millis, Snapshot } from './ports';
import { deviceOfSet, isStranger, memberCount } from './set-tags';
import { parseSetId, type RecoveryMember, type RecoveryPoint, TAG } from '../contract';

/** A set as the snapshots of one side show it. */
export interface SetView {
  readonly set: string;
  readonly plan: string;
  readonly instance: string;
  readonly name?: string;
  /** `account/region` where it was taken. */
  readonly origin: string;
  /** Scheduled time. */
  readonly at: Millis;
  /** Earliest StartTime of the originals. */
  readonly takenAt: Millis;
  /** Number of snapshots it should have. */
  readonly members: number;
  /** One of each volume. */
  readonly snapshots: readonly Snapshot[];
  /** What stands beside them needlessly. */
  readonly duplicates: readonly Snapshot[];
  /** partial: snapshots are missing, or are of other volumes than they should be; failed: at least one ended in an error. */
  readonly state: 'complete' | 'pending' | 'failed' | 'partial';
  readonly consistency: 'application' | 'crash';
}

/** One for all: there may be 100,000 sets. */
const NONE: readonly Snapshot[] = [];

export type PointExtras = Pick<RecoveryPoint, 'image' | 'artifacts' | 'template'>;

/** The sets that originals or copies among the snapshots make up, by plan and id. What carries no readable tags of ours, or lies in the Recycle Bin, is left out. */
export function readSets(snapshots: readonly Snapshot[], side: 'originals' | 'copies'): SetView[] {
  const groups = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const { [TAG.plan]: plan, [TAG.set]: set, [TAG.source]: source } = snapshot.tags;
    if ((source !== undefined) !== (side === 'copies') || plan === undefined || set === undefined) continue;
    if (snapshot.state === 'recoverable') continue;
    const key = `${plan} ${set}`;
    const group = groups.get(key);
    if (group) group.push(snapshot);
    else groups.set(key, [snapshot]);
  }
  return [...groups].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([, group]) => isReadable(group[0]) ? viewOf(group, side) : []);
}

/** @throws if the set is not complete */
export function recoveryPoint(set: SetView, extras: PointExtras = {}): RecoveryPoint {
  if (set.state !== 'complete') throw new Error(`a recovery point needs a complete set, ${set.set} is ${set.state}`);
  return {
    version: 1,
    plan: set.plan,
    set: set.set,
    instance: set.instance,
    ...set.name !== undefined && { name: set.name },
    origin: set.origin,
    takenAt: iso(set.takenAt),
    completedAt: iso(Math.max(...set.snapshots.map(({ completedAt, startedAt }) => completedAt ?? startedAt))),
    consistency: set.consistency,
    members: set.snapshots.map(memberOf).sort((a, b) => a.device < b.device ? -1 : 1),
    ...extras,
  };
}

/** The newest one of each plan's instances, none of them taken later than `before`. */
export function newestPoints(points: readonly RecoveryPoint[], before: Millis = Infinity): RecoveryPoint[] {
  const newest = new Map<string, RecoveryPoint>();
  for (const point of points) {
    if (Date.parse(point.takenAt) > before) continue;
    const key = `${point.plan} ${point.instance}`;
    const other = newest.get(key);
    if (other === undefined || Date.parse(point.takenAt) > Date.parse(other.takenAt)) newest.set(key, point);
  }
  return [...newest].sort(([a], [b]) => a < b ? -1 : 1).map(([, point]) => point);
}

/** The volume that was snapshotted, which a copy has only as a tag. */
export function lineageOf({ tags, volume }: Snapshot): string {
  return tags[TAG.volume] ?? volume;
}

const SET_ID = /^i-[0-9a-f]+@(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/;

/** One call makes all snapshots of a set with the same tags: what one of them says holds for all of that call. */
function isReadable({ tags }: Snapshot): boolean {
  const time = SET_ID.exec(tags[TAG.set])?.[1];
  return time !== undefined && !Number.isNaN(Date.parse(time)) && !Number.isNaN(memberCount(tags));
}

function viewOf(group: readonly Snapshot[], side: 'originals' | 'copies'): SetView {
  const chosen = ofOneCall(group, side);
  const { tags } = chosen[0];
  const { instance, scheduledAt } = parseSetId(tags[TAG.set]);
  return {
    set: tags[TAG.set],
    plan: tags[TAG.plan],
    instance,
    ...tags[TAG.name] !== undefined && { name: tags[TAG.name] },
    origin: tags[TAG.origin] ?? '',
    at: Date.parse(scheduledAt),
    takenAt: Math.min(...chosen.map(takenAt)),
    members: memberCount(tags),
    snapshots: chosen,
    duplicates: chosen.length === group.length ? NONE : group.filter((snapshot) => !chosen.includes(snapshot)),
    state: stateOf(chosen),
    consistency: chosen.every(isFrozen) ? 'application' : 'crash',
  };
}

function stateOf(snapshots: readonly Snapshot[]): SetView['state'] {
  if (snapshots.some(({ state }) => state === 'error')) return 'failed';
  if (snapshots.length !== memberCount(snapshots[0].tags) || !areMeant(snapshots)) return 'partial';
  return snapshots.every(({ state }) => state === 'completed') ? 'complete' : 'pending';
}

/**
 * A set may have been taken twice, also with other members if a volume was swapped meanwhile. Only what one call took is consistent,
 * so snapshots of two calls never make one set. The set is the first call that is whole, of copies rather one that is completed.
 */
function ofOneCall(snapshots: readonly Snapshot[], side: 'originals' | 'copies'): readonly Snapshot[] {
  if (snapshots.length === 1) return snapshots;
  const calls = groupBy(snapshots, ({ tags }) => `${tags[TAG.members]} ${tags[TAG.devices]} ${tags[TAG.moreDevices]}`)
    .map(oneOfEachVolume)
    .sort(([a], [b]) => takenAt(a) - takenAt(b) || (a.snapshot < b.snapshot ? -1 : 1));
  const first = (...states: ReadonlyArray<SetView['state']>) => calls.find((call) => states.includes(stateOf(call)));
  return (side === 'copies' ? first('complete') : undefined) ?? first('complete', 'pending') ?? first('partial') ?? calls[0];
}

function areMeant(snapshots: readonly Snapshot[]): boolean {
  return snapshots.every((snapshot) => !isStranger(snapshot.tags, lineageOf(snapshot)));
}

/** Of copies of the same snapshot the best one, the older one of equals. */
function oneOfEachVolume(snapshots: readonly Snapshot[]): Snapshot[] {
  const rank = ({ state }: Snapshot) => ['completed', 'pending', 'recovering', 'error'].indexOf(state);
  return byLineage(snapshots).map((ofVolume) => ofVolume.sort((a, b) => rank(a) - rank(b) || older(a, b))[0]);
}

function byLineage(snapshots: readonly Snapshot[]): Snapshot[][] {
  return groupBy(snapshots, lineageOf);
}

function groupBy(snapshots: readonly Snapshot[], keyOf: (snapshot: Snapshot) => string): Snapshot[][] {
  const groups = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const key = keyOf(snapshot);
    const group = groups.get(key);
    if (group) group.push(snapshot);
    else groups.set(key, [snapshot]);
  }
  return [...groups.values()];
}

function older(a: Snapshot, b: Snapshot): number {
  return a.startedAt - b.startedAt || (a.snapshot < b.snapshot ? -1 : 1);
}

/** When its original was started. */
function takenAt({ tags, startedAt }: Snapshot): Millis {
  const taken = Date.parse(tags[TAG.taken] ?? '');
  return Number.isNaN(taken) ? startedAt : taken;
}

function isFrozen(snapshot: Snapshot): boolean {
  const frozen = snapshot.tags[TAG.frozen];
  if (frozen === undefined) return false;
  const [from, until] = frozen.split('/').map((time) => Date.parse(time));
  const taken = takenAt(snapshot);
  return taken >= from && taken <= until;
}

function memberOf(snapshot: Snapshot): RecoveryMember {
  const { tags, sizeGiB, encrypted } = snapshot;
  const volume = lineageOf(snapshot);
  return {
    snapshot: snapshot.snapshot,
    source: tags[TAG.source] ?? snapshot.snapshot,
    volume,
    device: tags[TAG.device] ?? deviceOfSet(tags)(volume) ?? '',
    sizeGiB,
    encrypted,
  };
}

function iso(at: Millis): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
