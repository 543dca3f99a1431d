import { gunzipSync } from 'node:zlib';
import type { Sky } from './weather';
import type { CallOutcome, Entry, EntryOutcome, FanOutRecord, Quarantine, Refusal, Sender } from '../../../src/kinesis-fan-out/handlers/ports';
import type { PackMark } from '../../../src/kinesis-fan-out/handlers/s3-objects';
import { createPack } from '../../../src/kinesis-fan-out/handlers/s3-objects';
import type { InProcessContext } from '../../kit/dispatch/in-process';
import type { Timeline } from '../../kit/dispatch/timeline';

/** One invocation of the function, as its destination sees it. */
export interface Run {
  readonly context: InProcessContext;
  /** The mapping has its answer: what was acknowledged to it stays so. */
  answered: boolean;
}

/** An environment: which invocation it is in. */
export interface Process {
  run: Run;
}

/** A record that took effect, as often as it did. */
export interface Arrival {
  readonly n: number;
  readonly run: Run;
  /** The sender said that it is there. */
  acknowledged: boolean;
}

export interface Traits extends Pick<Sender, 'maxEntries' | 'maxCallBytes' | 'maxEntryBytes' | 'concurrency' | 'bodies'> {
  /** What one answer speaks of. */
  readonly answers: 'entry' | 'call';
  /** Who is refused for a bad entry. */
  readonly refuses: 'entry' | 'call';
}

/** FIFO queues and topics: the deduplication interval. */
const DEDUPLICATION_MS = 5 * 60_000;
/** What a hanging call is given up after. */
const CLIENT_TIMEOUT_MS = 10_000;

/** Takes effect entry by entry, remembers in which order, and does to calls what the sky says. */
export class ModelDestination {
  public readonly arrivals: Arrival[] = [];
  /** Calls as the destination logs them. */
  public readonly log: string[] = [];
  public calls = 0;

  constructor(private readonly traits: Traits, protected readonly sky: Sky, protected readonly timeline: Timeline) {}

  /** Records that are there: what a reader finds, and what something newer replaced. */
  public get present(): ReadonlySet<number> {
    return new Set(this.arrivals.map(({ n }) => n));
  }

  public sender(process: Process): Sender {
    const { traits } = this;
    return {
      ...traits,
      sizeOf: ({ items, body }) => body.length + items[0].record.partitionKey.length,
      send: (entries, signal) => this.send(entries, process.run, signal),
    };
  }

  protected async send(entries: readonly Entry[], run: Run, signal: AbortSignal): Promise<CallOutcome> {
    this.calls += 1;
    this.check(entries);
    const { sky, timeline, traits } = this;
    const fate = sky.call(timeline.now);
    const latency = sky.latency();
    const failed = (code: string, broken = false): CallOutcome => ({ kind: 'answered', outcomes: entries.map(() => ({ kind: 'failed', code, broken })) });
    try {
      await run.context.sleep(fate === 'hang' ? CLIENT_TIMEOUT_MS : latency, signal);
      if (fate === 'hang') return failed('Timeout');
      if (fate === 'error' || fate === 'broken') return failed(fate, fate === 'broken');
      if (traits.refuses === 'call' && entries.some(isPoison)) {
        this.log.push(`${timeline.now} refused`);
        return { kind: 'refused', refusal: { reason: 'REFUSED', code: 'Poison' } };
      }
      const applied = this.apply(entries, run);
      this.log.push(`${timeline.now} ${entries.map(({ id }) => id).join()} ${applied.map(({ outcome }) => outcome.kind).join()}`);
      await run.context.sleep(fate === 'hang-applied' ? CLIENT_TIMEOUT_MS : latency, signal);
      if (fate !== 'fine') return failed(fate);
      applied.forEach(({ outcome, arrivals }) => {
        if (outcome.kind !== 'failed') arrivals.forEach((arrival) => arrival.acknowledged = true);
      });
      return { kind: 'answered', outcomes: applied.map(({ outcome }) => outcome) };
    } catch (error) {
      if (!signal.aborted) throw error;
      return failed('Aborted');
    }
  }

  /** In any order: no service says otherwise. */
  private apply(entries: readonly Entry[], run: Run): { outcome: EntryOutcome; arrivals: Arrival[] }[] {
    const results: { outcome: EntryOutcome; arrivals: Arrival[] }[] = [];
    for (const n of this.sky.shuffle(entries.map((_entry, index) => index))) {
      const weather = this.traits.answers === 'entry' ? this.sky.entry() : 'fine';
      if (weather === 'throttled') {
        results[n] = { outcome: { kind: 'failed', code: 'Throttled' }, arrivals: [] };
      } else if (isPoison(entries[n])) {
        results[n] = { outcome: { kind: 'refused', refusal: { reason: 'REFUSED', code: 'Poison' } }, arrivals: [] };
      } else {
        const arrivals = this.take(entries[n], run);
        results[n] = { outcome: weather === 'ambiguous' ? { kind: 'failed', code: 'InternalFailure' } : { kind: 'delivered' }, arrivals };
      }
    }
    return results;
  }

  /** The entry takes effect. */
  protected take(entry: Entry, run: Run): Arrival[] {
    const arrivals = recordsIn(entry.body).map((n) => ({ n, run, acknowledged: false }));
    this.arrivals.push(...arrivals);
    return arrivals;
  }

  private check(entries: readonly Entry[]): void {
    const { maxEntries, maxCallBytes, maxEntryBytes } = this.traits;
    const sizes = entries.map(({ items, body }) => body.length + items[0].record.partitionKey.length);
    if (entries.length < 1 || entries.length > maxEntries) throw new Error(`a call of ${entries.length} entries`);
    if (sizes.reduce((sum, size) => sum + size, 0) > maxCallBytes) throw new Error('a call of too many bytes');
    if (sizes.some((size) => size > maxEntryBytes)) throw new Error('an entry of too many bytes');
  }
}

/** Drops what it has taken within five minutes, by the entry's id. */
export class FifoDestination extends ModelDestination {
  private readonly seen = new Map<string, number>();

  protected override take(entry: Entry, run: Run): Arrival[] {
    const { now } = this.timeline;
    const before = this.seen.get(entry.id);
    if (before !== undefined && now - before < DEDUPLICATION_MS) return [];
    this.seen.set(entry.id, now);
    return super.take(entry, run);
  }
}

/** A table: an item for each key, replaced by newer ones only. */
export class TableDestination extends ModelDestination {
  private readonly items = new Map<string, number>();
  private readonly settled = new Set<number>();

  public override get present(): ReadonlySet<number> {
    return this.settled;
  }

  protected override take(entry: Entry, run: Run): Arrival[] {
    const [n] = recordsIn(entry.body);
    const { partitionKey } = entry.items[0].record;
    this.settled.add(n);
    if ((this.items.get(partitionKey) ?? -1) >= n) return [];
    this.items.set(partitionKey, n);
    return super.take(entry, run);
  }
}

/** A bucket written with `If-None-Match: *`; a write whose answer was lost may take effect late. */
export class BucketDestination extends ModelDestination {
  protected readonly objects = new Map<string, { readonly mark: PackMark; readonly arrivals: readonly Arrival[] }>();

  public override get present(): ReadonlySet<number> {
    return new Set([...this.objects.values()].flatMap(({ arrivals }) => arrivals.map(({ n }) => n)));
  }

  protected override async send([entry]: readonly Entry[], run: Run, signal: AbortSignal): Promise<CallOutcome> {
    this.calls += 1;
    const created: Arrival[] = [];
    try {
      const outcome = await createPack({
        create: (key, _body, mark) => this.request(run, signal, () => this.create(key, mark, entry, run, created)),
        markOf: (key) => this.request(run, signal, () => this.objects.get(key)?.mark),
      }, 'lake/', '.ndjson', entry);
      created.forEach((arrival) => arrival.acknowledged = true);
      this.log.push(`${this.timeline.now} ${entry.id} ${outcome.kind}`);
      return { kind: 'answered', outcomes: [outcome] };
    } catch (error) {
      return { kind: 'answered', outcomes: [{ kind: 'failed', code: (error as Error).message }] };
    }
  }

  protected create(key: string, mark: PackMark, entry: Entry, run: Run, created: Arrival[]): 'created' | 'exists' {
    if (this.objects.has(key)) return 'exists';
    const arrivals = this.take(entry, run);
    created.push(...arrivals);
    this.objects.set(key, { mark, arrivals });
    return 'created';
  }

  private async request<T>(run: Run, signal: AbortSignal, effect: () => T): Promise<T> {
    const { sky, timeline } = this;
    const fate = sky.call(timeline.now);
    const latency = sky.latency();
    await run.context.sleep(fate === 'hang' ? CLIENT_TIMEOUT_MS : latency, signal);
    if (fate === 'late') {
      const delay = sky.delay();
      timeline.at(timeline.now + delay, async () => void effect());
    }
    if (fate === 'error' || fate === 'broken' || fate === 'hang' || fate === 'late') throw new Error(fate);
    const value = effect();
    await run.context.sleep(fate === 'hang-applied' ? CLIENT_TIMEOUT_MS : latency, signal);
    if (fate !== 'fine') throw new Error(fate);
    return value;
  }
}

/** What most write to a bucket: the last write wins. */
export class OverwrittenBucket extends BucketDestination {
  protected override create(...[key, mark, entry, run, created]: Parameters<BucketDestination['create']>): 'created' {
    this.objects.delete(key);
    super.create(key, mark, entry, run, created);
    return 'created';
  }
}

/** What puts records aside, with a sky of its own. */
export class ModelQuarantine {
  public readonly stored = new Map<string, Refusal>();

  constructor(private readonly sky: Sky, private readonly timeline: Timeline) {}

  public of(process: Process): Quarantine {
    return {
      put: async (record: FanOutRecord, refusal: Refusal) => {
        const { context } = process.run;
        const fate = this.sky.call(this.timeline.now);
        await context.sleep(this.sky.latency());
        if (fate === 'error' || fate === 'broken' || fate === 'hang') throw new Error(fate);
        this.stored.set(record.id, refusal);
        if (fate !== 'fine') throw new Error(fate);
      },
    };
  }
}

function isPoison({ body }: Entry): boolean {
  return textOf(body).includes('"t":"poison"');
}

/** What a reader finds in an entry. */
export function recordsIn(body: Uint8Array): number[] {
  return [...textOf(body).matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n));
}

function textOf(body: Uint8Array): string {
  return (body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)).toString();
}
