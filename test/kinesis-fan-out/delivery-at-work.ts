import type { EventRecord } from '../../src/kinesis-fan-out/contract';
import { type DeliveryReport, type DeliveryRules, deliverRecords } from '../../src/kinesis-fan-out/handlers/delivery';
import type { CallOutcome, EntryOutcome, FanOutRecord, Prepared, Refusal, Sender } from '../../src/kinesis-fan-out/handlers/ports';
import { createMemory, type Memory } from '../../src/kinesis-fan-out/handlers/recent-records';

export const SHARD = 'shardId-000000000000';
export const REFUSAL: Refusal = { reason: 'REFUSED', code: 'Bad' };
export const DELIVERED: EntryOutcome = { kind: 'delivered' };
export const FAILED: EntryOutcome = { kind: 'failed', code: 'Throttled' };
export const REFUSED = { kind: 'refused', refusal: REFUSAL } as const;

/** A record named by its key and a number, such as 'a1'; those of an aggregate have an outer record in common: 'a1@7'. */
export function record(name: string, at = 0): FanOutRecord {
  const [inner, outer] = name.split('@');
  const sequenceNumber = String(1000 + Number(outer ?? inner.slice(1)));
  const subSequence = outer === undefined ? undefined : Number(inner.slice(1));
  const data = Buffer.from(JSON.stringify(inner));
  return {
    id: `${SHARD}:${sequenceNumber}${subSequence === undefined ? '' : `:${subSequence}`}`,
    shardId: SHARD,
    sequenceNumber,
    subSequence,
    partitionKey: inner[0],
    data,
    arrivedAt: at,
    source: sourceOf(sequenceNumber, inner[0], data),
  };
}

const sources = new Map<string, EventRecord>();

/** Records of one aggregate share theirs. */
function sourceOf(sequenceNumber: string, partitionKey: string, data: Buffer): EventRecord {
  const known = sources.get(sequenceNumber);
  if (known) return known;
  const kinesis = { partitionKey, sequenceNumber, data: data.toString('base64'), approximateArrivalTimestamp: 0 };
  const source = { eventID: `${SHARD}:${sequenceNumber}`, eventSourceARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/s', kinesis };
  sources.set(sequenceNumber, source);
  return source;
}

export interface Scene extends Partial<DeliveryRules> {
  readonly records: readonly string[];
  /** Names of records per entry → what comes of the call; `n` counts from 1. */
  readonly send: (entries: readonly string[], n: number, signal: AbortSignal) => CallOutcome | readonly EntryOutcome[] | Promise<CallOutcome>;
  readonly sender?: Partial<Sender>;
  readonly prepare?: (name: string) => Prepared | undefined;
  readonly put?: (name: string, attempts: number, signal: AbortSignal) => void | Promise<void>;
  readonly memory?: Memory;
  /** Milliseconds from the beginning. */
  readonly timeLeftMs?: number;
  readonly callMs?: number;
  readonly signal?: AbortSignal;
}

export interface Play {
  readonly report: DeliveryReport;
  /** What each call carried: entries by their records' names. */
  readonly calls: readonly string[];
  readonly puts: readonly string[];
  readonly unfinished: string;
  readonly elapsedMs: number;
}

/** Delivers records by a script, on a clock of its own. Jitter is always half of its bound. */
export async function play(scene: Scene): Promise<Play> {
  const { callMs = 10, records, send, timeLeftMs = 60_000 } = scene;
  const calls: string[] = [];
  const puts: string[] = [];
  let now = 0;
  const nameOf = ({ partitionKey, sequenceNumber, subSequence }: FanOutRecord) => (
    `${partitionKey}${subSequence ?? Number(sequenceNumber) - 1000}${subSequence === undefined ? '' : `@${Number(sequenceNumber) - 1000}`}`);
  const clock = { now: () => now, sleep: async (ms: number) => void (now += ms), random: () => 0.5 };
  const report = await deliverRecords(
    records.map((name) => record(name)),
    (arrival) => scene.prepare?.(nameOf(arrival)) ?? { kind: 'item', item: { record: arrival, body: arrival.data } },
    { ordering: 'per-key', packing: { kind: 'none', maxBytes: 1e6, envelope: false }, sendAhead: 1000, ...scene },
    {
      sender: {
        maxEntries: 500,
        maxCallBytes: 1e6,
        maxEntryBytes: 1e6,
        concurrency: 1,
        bodies: 'bytes',
        sizeOf: ({ body }) => body.length,
        send: async (entries, signal) => {
          const names = entries.map(({ items }) => items.map((item) => nameOf(item.record)).join('+'));
          calls.push(names.join(' '));
          const n = calls.length;
          await Promise.resolve();
          now += callMs;
          const outcome = await send(names, n, signal);
          return 'kind' in outcome ? outcome : { kind: 'answered', outcomes: outcome };
        },
        ...scene.sender,
      },
      quarantine: {
        put: async (arrival, _refusal, attempts, signal) => {
          now += 1;
          await scene.put?.(nameOf(arrival), attempts, signal);
          puts.push(nameOf(arrival));
        },
      },
      memory: scene.memory ?? createMemory(clock.now),
      clock,
      deadline: { remainingMs: () => Math.max(0, timeLeftMs - now), signal: scene.signal ?? new AbortController().signal },
    },
  );
  return { report, calls, puts, unfinished: report.unfinished.map(nameOf).join(' '), elapsedMs: now };
}

/** All entries arrive. */
export function arrive(entries: readonly string[]): readonly EntryOutcome[] {
  return entries.map(() => DELIVERED);
}

/** Entries with one of these names fail, the others arrive. */
export function failing(...names: readonly string[]): (entries: readonly string[]) => readonly EntryOutcome[] {
  return (entries) => entries.map((entry) => names.includes(entry) ? FAILED : DELIVERED);
}
