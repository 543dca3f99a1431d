/** Bar 7 of EbsSnapshotDr: what parsers make of events of EBS. By itself: `npx tsx bench/ebs-events.ts`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import fc from 'fast-check';
import { grouped, table } from './fan-out-kit';
import { parseEbsEvent } from '../src/ebs-snapshot-dr/handlers/ebs-event';
import { hash32, Prng } from '../test/kit/faults';

/** Of each kind; of rubbish twenty times as many. */
const EVENTS = 500;

/** What an event says: where the snapshot is, its id, and that of what it was made of. */
interface Said {
  readonly region?: string;
  readonly snapshot?: string;
  readonly source?: string;
}

interface Case {
  readonly event: unknown;
  /** Undefined: rubbish, of which nothing may be taken for an id or a Region. */
  readonly says?: Said;
}

interface Kind {
  readonly name: string;
  /** By the peer's rules. */
  readonly reachesPeer: boolean;
  readonly make: (prng: Prng) => Case;
}

/** What it reads of an event; throws as the code under test does. */
type Parser = (event: unknown) => Said;

/** `swapped`: `arn:aws:ec2::us-west-2:snapshot/…`, as the EC2 user guide's examples have it; `owned`: with Region and account. */
type Form = 'swapped' | 'normal' | 'owned';
const FORMS: Readonly<Record<Form, (region: string, resource: string) => string>> = {
  swapped: (region, resource) => `arn:aws:ec2::${region}:${resource}`,
  normal: (region, resource) => `arn:aws:ec2:${region}::${resource}`,
  owned: (region, resource) => `arn:aws:ec2:${region}:111122223333:${resource}`,
};
const REGIONS = ['us-east-1', 'us-west-2', 'eu-central-1', 'ap-southeast-3', 'us-gov-west-1'];

const KINDS: readonly Kind[] = [
  ...(['swapped', 'normal', 'owned'] as const).map((form) => ({ name: `snapshot of a volume, ${form} ARN`, reachesPeer: true, make: created(form) })),
  { name: '… that failed, swapped ARN', reachesPeer: true, make: created('swapped', { result: 'failed', cause: 'Given key ID is not accessible' }) },
  { name: '… with unknown version and fields', reachesPeer: true, make: created('swapped', { progress: { percent: 100 }, snapshots: null }, { version: '7', trace: [1] }) },
  ...(['swapped', 'normal'] as const).map((form) => ({ name: `copy, ${form} ARN`, reachesPeer: true, make: copied(form) })),
  { name: 'set', reachesPeer: false, make: multiVolume },
  { name: 'share, account as a bare number', reachesPeer: false, make: shared },
  { name: 'archive', reachesPeer: false, make: archived },
  { name: 'fast snapshot restore', reachesPeer: false, make: fastRestored },
];

export function ebsEvents(): string {
  const directory = process.env.BENCH_SFN;
  const parsers: ReadonlyArray<readonly [name: string, parser: Parser]> = [
    ['EbsSnapshotDr', ours],
    directory === undefined ? ['model of SFN', modelOfPeer] : ['SFN, as it is', peer(directory)],
  ];
  const rows = KINDS.map(({ name, reachesPeer, make }) => {
    const prng = new Prng(hash32('ebs-events', name));
    return row(name, reachesPeer, Array.from({ length: EVENTS }, () => make(prng)));
  });
  rows.push(row('rubbish within an event', true, fc.sample(rubbish(), { numRuns: 20 * EVENTS, seed: 7 }).map((event) => ({ event }))));
  return [
    `### Bar 7: events read rightly / wrongly / threw (bar: never throws; ${EVENTS} of each kind, ${grouped(20 * EVENTS)} of rubbish)`,
    table(['', ...parsers.map(([name]) => name), 'reach SFN by its rules'], rows),
  ].join('\n\n');

  function row(name: string, reachesPeer: boolean, cases: readonly Case[]): string[] {
    return [name, ...parsers.map(([, parse]) => judge(parse, cases)), reachesPeer ? 'yes' : 'no'];
  }
}

function judge(parse: Parser, cases: readonly Case[]): string {
  const counts = { right: 0, wrong: 0, threw: 0 };
  for (const { event, says } of cases) {
    try {
      const read = parse(structuredClone(event));
      counts[isRight(read, says) ? 'right' : 'wrong'] += 1;
    } catch {
      counts.threw += 1;
    }
  }
  return [counts.right, counts.wrong, counts.threw].map(grouped).join(' / ');
}

/** Whatever a parser looks for in an event must be read as the event has it, the snapshot in any case. */
function isRight(read: Said, says: Said | undefined): boolean {
  if (says === undefined) return [read.snapshot, read.source].every((id) => id === undefined || ID.test(id));
  return read.snapshot === says.snapshot && Object.entries(read).every(([field, value]) => value === says[field as keyof Said]);
}

const ID = /^(snap|vol)-[0-9a-f]+$/;

const ours: Parser = (event) => {
  const { region, snapshot, source } = parseEbsEvent(event) ?? {};
  return { region, snapshot, source };
};

type PeerHandler = (event: unknown, context: object, callback: () => void) => void;
interface PeerCalls {
  copySnapshot?: { readonly Description: string; readonly SourceRegion: string; readonly SourceSnapshotId: string };
  describeSnapshots?: { readonly SnapshotIds: readonly string[] };
}

/**
 * Its functions as they stand in a directory: what they read of an event is what they ask EC2 for, in calls that are answered
 * here. Events of copies are for the function of its recovery Region, which reads the snapshot alone.
 */
function peer(directory: string): Parser {
  const [copy, tagCopy] = ['CopySnapshotToDR.js', 'TagSnapshotCopy.js'].map((name) => peerHandler(join(directory, name)));
  return (event) => {
    const asked = ofCopy(event) ? tagCopy(event) : copy(event);
    if (asked.describeSnapshots) return { snapshot: asked.describeSnapshots.SnapshotIds[0] };
    const { Description, SourceRegion: region, SourceSnapshotId: snapshot } = asked.copySnapshot!;
    return { region, snapshot, source: Description.split('**')[1] };
  };
}

function peerHandler(file: string): (event: unknown) => PeerCalls {
  const script = new Script(`(function (require, exports, process, console) { ${readFileSync(file, 'utf8')}\n})`, { filename: file });
  const load = script.runInThisContext() as (require: () => object, exports: object, process: object, console: object) => void;
  return (event) => {
    const asked: PeerCalls = {};
    const answer = (call: keyof PeerCalls) => (params: never) => void (asked[call] = params);
    class EC2 {
      public readonly copySnapshot = answer('copySnapshot');
      public readonly describeSnapshots = answer('describeSnapshots');
    }
    const exported: { handler?: PeerHandler } = {};
    load(() => ({ EC2, config: { update() {} } }), exported, { env: { destRegion: 'us-west-1' } }, { log() {} });
    exported.handler!(event, {}, () => {});
    return asked;
  };
}

/** The algorithm in words: the Region stands after the first `::` of the source up to the next `:`, ids after the first `/`. */
const modelOfPeer: Parser = (event) => {
  const { detail: { snapshot_id: snapshot, source } } = event as { readonly detail: { readonly snapshot_id: string; readonly source: string } };
  const afterFirst = (text: string, mark: string) => text.substring(text.indexOf(mark) + mark.length);
  if (ofCopy(event)) return { snapshot: afterFirst(snapshot, '/') };
  const rest = afterFirst(source, '::');
  return { region: rest.substring(0, rest.indexOf(':')), snapshot: afterFirst(snapshot, '/'), source: afterFirst(source, '/') };
};

function ofCopy(event: unknown): boolean {
  return (event as { readonly detail: { readonly event?: unknown } }).detail.event === 'copySnapshot';
}

function created(form: Form, detail: object = {}, outer: object = {}): Kind['make'] {
  return (prng) => {
    const [region, snapshot, volume] = [prng.pick(REGIONS), idOf(prng, 'snap'), idOf(prng, 'vol')];
    const arn = FORMS[form];
    return {
      event: eventOf(region, {
        event: 'createSnapshot', result: 'succeeded', snapshot_id: arn(region, `snapshot/${snapshot}`), source: arn(region, `volume/${volume}`), ...detail,
      }, outer),
      says: { region, snapshot, source: volume },
    };
  };
}

function copied(form: Form): Kind['make'] {
  return (prng) => {
    const [from, to] = [REGIONS[0], prng.pick(REGIONS.slice(1))];
    const [snapshot, source] = [idOf(prng, 'snap'), idOf(prng, 'snap')];
    const arn = FORMS[form];
    return {
      event: eventOf(to, {
        event: 'copySnapshot', result: 'succeeded', snapshot_id: arn(to, `snapshot/${snapshot}`), source: arn(from, `snapshot/${source}`), incremental: 'true',
      }),
      says: { region: to, snapshot, source },
    };
  };
}

function multiVolume(prng: Prng): Case {
  const region = prng.pick(REGIONS);
  const snapshots = Array.from({ length: 3 }, () => ({
    snapshot_id: FORMS.swapped(region, `snapshot/${idOf(prng, 'snap')}`), source: FORMS.swapped(region, `volume/${idOf(prng, 'vol')}`), status: 'completed',
  }));
  const detail = { event: 'createSnapshots', result: 'succeeded', snapshots };
  return { event: eventOf(region, detail, { 'detail-type': 'EBS Multi-Volume Snapshots Completion Status' }), says: { region } };
}

function shared(prng: Prng): Case {
  const [region, snapshot] = [prng.pick(REGIONS), idOf(prng, 'snap')];
  const detail = { event: 'shareSnapshot', result: 'succeeded', snapshot_id: FORMS.swapped(region, `snapshot/${snapshot}`), source: 111122223333 };
  return { event: eventOf(region, detail), says: { region, snapshot } };
}

function archived(prng: Prng): Case {
  const [region, snapshot] = [prng.pick(REGIONS), idOf(prng, 'snap')];
  const detail = { event: 'archiveSnapshot', result: 'succeeded', snapshot_id: FORMS.normal(region, `snapshot/${snapshot}`), tieringStatus: 'archival-completed' };
  return { event: eventOf(region, detail), says: { region, snapshot } };
}

function fastRestored(prng: Prng): Case {
  const region = prng.pick(REGIONS);
  const detail = { 'snapshot-id': FORMS.normal(region, `snapshot/${idOf(prng, 'snap')}`), 'state': 'enabled', 'zone': `${region}a` };
  return { event: eventOf(region, detail, { 'detail-type': 'EBS Fast Snapshot Restore State-change Notification' }), says: { region } };
}

/** Events that pass the peer's rules, with anything in their other fields. */
function rubbish(): fc.Arbitrary<unknown> {
  const arn = fc.tuple(fc.string(), fc.string(), fc.string()).map(([a, b, c]) => `arn:aws:ec2:${a}:${b}:snapshot/snap-${c}`);
  const value = fc.oneof(fc.anything({ maxDepth: 1, withNullPrototype: false }), arn);
  const detail = fc.record({ snapshot_id: value, source: value, result: value }, { requiredKeys: [] })
    .chain((fields) => fc.constantFrom('createSnapshot', 'copySnapshot').map((name) => ({ ...fields, event: name })));
  return detail.map((made) => eventOf('us-east-1', made));
}

function eventOf(region: string, detail: object, outer: object = {}): object {
  return { 'version': '0', 'id': 'e', 'detail-type': 'EBS Snapshot Notification', 'source': 'aws.ec2', 'account': '111122223333', region, detail, ...outer };
}

function idOf(prng: Prng, kind: 'snap' | 'vol'): string {
  return `${kind}-0${Array.from({ length: 16 }, () => prng.int(0, 15).toString(16)).join('')}`;
}

if (require.main === module) console.log(ebsEvents());
