import { batchResult } from './batch-response';
import type { StreamInvoke, StreamOutcome } from './in-process';
import type { StreamMapping } from './stream';
import { EVENT_FRAME_BYTES, eventRecord, sizer, type EventSource } from './stream-event';
import type { DiscardCondition, DiscardedBatch } from './stream-failure';
import { matchesRecord } from './stream-filter';
import type { StreamPlan } from './stream-plan';
import { MAX_PAGE_RECORDS, type ShardPosition, type StreamRecord, type StreamSource } from './stream-source';
import type { Timeline } from './timeline';

/** Lambda developer guide, "Lambda quotas": synchronous payload. */
const MAX_EVENT_BYTES = 6 * 1024 * 1024;
/** Lambda developer guide, "Using Lambda to process records from Kinesis": a shard is polled once a second. */
const POLL_MS = 1000;
/** Assumed: no document says how long. Doubles from the first to the last. */
const BACKOFF_MS = { first: 1000, last: 60_000 };

export interface ShardReaderOptions {
  readonly mapping: StreamMapping;
  readonly source: StreamSource;
  readonly timeline: Timeline;
  readonly invoke: StreamInvoke;
  readonly roleArn: string;
  readonly plan: () => StreamPlan;
  readonly onDiscard?: (batch: DiscardedBatch) => Promise<void>;
  readonly shardId: string;
  readonly from: ShardPosition;
  readonly count: (what: 'read' | 'filtered' | 'succeeded' | 'discarded' | 'invocations' | 'throttled', records: number) => void;
  readonly onIteratorAge: (milliseconds: number) => void;
  readonly onDrained: () => Promise<void>;
}

/** A record on its way through the mapping. */
interface Entry {
  readonly record: StreamRecord;
  readonly bytes: number;
  readonly readAt: number;
  done: boolean;
}

interface Batch {
  readonly entries: readonly Entry[];
  /** Failures that count as retries used. */
  failures: number;
  /** Invocations that carried it. */
  invocations: number;
  /** Of any kind, invoked or not: names the next one. */
  attempts: number;
  /** Failures or throttles in a row: how long to wait. */
  streak: number;
  error?: DiscardedBatch['error'];
}

/** One shard: reads ahead, shares records among its lanes, keeps the checkpoint. */
export class ShardReader {
  /** The last record up to which all are at an end. */
  public checkpoint?: string;

  private readonly lanes: readonly Lane[];
  private readonly sizeOf: (record: StreamRecord) => number;
  private position: ShardPosition;
  private entries: Entry[] = [];
  private head = 0;
  private ended = false;
  private reading = false;
  private pollAt?: number;
  private nextPoll = 0;
  private drained = false;

  constructor(private readonly options: ShardReaderOptions) {
    const { mapping, roleArn, shardId } = options;
    const event: EventSource = { sourceArn: mapping.sourceArn, roleArn };
    this.position = options.from;
    this.sizeOf = sizer(shardId, event);
    this.lanes = Array.from({ length: mapping.parallelizationFactor }, () => new Lane(options, event, this));
  }

  /** The shard is closed, and every record of it is at an end. */
  public get isDrained(): boolean {
    return this.drained;
  }

  /** When the oldest record arrived that is not at an end. */
  public get oldest(): number | undefined {
    return this.entries[this.head]?.record.arrivedAt;
  }

  /** No more records come: batches need not wait for any. */
  public get isAtEnd(): boolean {
    return this.ended;
  }

  /** Something may be there to read. */
  public wake(): void {
    const { timeline } = this.options;
    if (this.ended || this.reading || this.pollAt !== undefined) return;
    const at = Math.max(timeline.now, this.nextPoll);
    this.pollAt = at;
    timeline.at(at, async () => {
      this.pollAt = undefined;
      await this.read();
    });
  }

  /** Records that are at an end; the checkpoint goes on as far as no gap is left. */
  public async finish(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) entry.done = true;
    await this.advance();
    this.wake();
  }

  private async read(): Promise<void> {
    if (this.reading || this.ended) return;
    this.reading = true;
    try {
      let more = true;
      while (more && this.entries.length - this.head < this.room) {
        const page = await this.options.source.read(this.options.shardId, this.position, MAX_PAGE_RECORDS);
        this.position = page.next;
        this.take(page.records);
        more = page.more;
        this.ended = page.end;
      }
      // With a consumer of its own, records are pushed.
      if (!more && !this.options.mapping.sourceArn.includes('/consumer/')) this.nextPoll = this.options.timeline.now + POLL_MS;
    } finally {
      this.reading = false;
    }
    for (const lane of this.lanes) lane.kick();
    await this.advance();
  }

  /** Reads ahead a little, so that a full lane does not starve the others. */
  private get room(): number {
    const { batchSize, parallelizationFactor } = this.options.mapping;
    return batchSize * parallelizationFactor + MAX_PAGE_RECORDS;
  }

  private take(records: readonly StreamRecord[]): void {
    const { count, mapping: { filters }, timeline: { now } } = this.options;
    let filtered = 0;
    for (const record of records) {
      const matches = filters.length === 0 || matchesRecord(filters, record);
      const entry: Entry = { record, bytes: this.sizeOf(record), readAt: now, done: !matches };
      this.entries.push(entry);
      if (matches) this.laneOf(record).queue.push(entry);
      else filtered += 1;
    }
    count('read', records.length);
    count('filtered', filtered);
  }

  /** Records of one key always go the same way. */
  private laneOf({ partitionKey }: StreamRecord): Lane {
    return this.lanes.length === 1 ? this.lanes[0] : this.lanes[fnv1a(partitionKey) % this.lanes.length];
  }

  private async advance(): Promise<void> {
    while (this.entries[this.head]?.done) this.checkpoint = this.entries[this.head++].record.sequenceNumber;
    if (this.head > MAX_PAGE_RECORDS || this.head === this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
    if (this.ended && this.entries.length === 0 && !this.drained) {
      this.drained = true;
      await this.options.onDrained();
    }
  }
}

/** One of the shard's concurrent batches: one at a time, in order. */
class Lane {
  public readonly queue: Entry[] = [];
  private parts: Batch[] = [];
  private busy = false;
  private idleSince = 0;
  private timerAt?: number;

  constructor(private readonly options: ShardReaderOptions, private readonly event: EventSource, private readonly reader: ShardReader) {}

  /** Begins a batch if one can begin. */
  public kick(): void {
    if (this.busy) return;
    const batch = this.parts.shift() ?? this.gather();
    if (!batch) return;
    this.busy = true;
    this.again(batch);
  }

  private gather(): Batch | undefined {
    const { mapping, timeline } = this.options;
    const { queue } = this;
    if (queue.length === 0) return undefined;
    const [fitting, full] = this.fitting();
    // A window begins with its first record, and not before the invocation before it is over.
    const windowEnd = Math.max(queue[0].readAt, this.idleSince) + mapping.windowSeconds * 1000;
    if (!full && !this.reader.isAtEnd && timeline.now < windowEnd) {
      this.waitUntil(windowEnd);
      return undefined;
    }
    const size = this.options.plan().cut(this.nameOf(queue.slice(0, fitting), 0), fitting);
    return newBatch(queue.splice(0, size));
  }

  /** How many records a batch can take, and whether no more would fit. */
  private fitting(): [number, boolean] {
    const { batchSize } = this.options.mapping;
    let bytes = EVENT_FRAME_BYTES;
    for (let count = 0; count < this.queue.length; count++) {
      bytes += this.queue[count].bytes;
      // A record too large for any event goes alone, to fail alone.
      if (bytes > MAX_EVENT_BYTES) return [Math.max(1, count), true];
      if (count + 1 === batchSize) return [batchSize, true];
    }
    return [this.queue.length, false];
  }

  private waitUntil(time: number): void {
    if (this.timerAt !== undefined && this.timerAt <= time) return;
    this.timerAt = time;
    this.options.timeline.at(time, async () => {
      this.timerAt = undefined;
      this.kick();
    });
  }

  private again(batch: Batch, delayMs = 0): void {
    this.options.timeline.at(this.options.timeline.now + delayMs, () => this.attempt(batch));
  }

  private async attempt(whole: Batch): Promise<void> {
    const batch = await this.withoutExpired(whole);
    if (!batch) return this.next();
    const { count, invoke, mapping, onIteratorAge, plan, timeline } = this.options;
    const name = this.nameOf(batch.entries, batch.attempts++);
    onIteratorAge(timeline.now - batch.entries.at(-1)!.record.arrivedAt);
    const outcome = await this.fits(batch.entries) ? await invoke(mapping.functionArn, this.eventOf(batch.entries), name) : TOO_LARGE;
    if (outcome.kind === 'throttled') {
      // Not the function's failure: neither retries nor halves.
      count('throttled', 1);
      return this.again(batch, backoff(++batch.streak));
    }
    count('invocations', 1);
    batch.invocations += 1;
    const result = batchResult(outcome, batch.entries.map(({ record }) => record.sequenceNumber), mapping.reportsBatchItemFailures);
    if (result.kind === 'succeeded') {
      if (plan().losesCheckpoint(name)) return this.again(batch);
      await this.succeed(batch.entries);
      return this.next();
    }
    batch.error = outcome.error;
    return result.kind === 'failed-from' && result.index > 0 ? this.progress(batch, result.index) : this.fail(batch);
  }

  /** Part of it is done: the rest comes again, its retries anew. */
  private async progress(batch: Batch, failed: number): Promise<void> {
    await this.succeed(batch.entries.slice(0, failed));
    this.again({ ...newBatch(batch.entries.slice(failed)), invocations: batch.invocations, error: batch.error }, backoff(1));
  }

  /** Nothing of it is done: halves, which use up no retry, or the same batch again, which does. */
  private async fail(batch: Batch): Promise<void> {
    const { bisects, maximumRetryAttempts } = this.options.mapping;
    if (bisects && batch.entries.length > 1) {
      const middle = Math.ceil(batch.entries.length / 2);
      const half = (entries: readonly Entry[]): Batch => ({ ...batch, entries, attempts: 0 });
      this.parts.unshift(half(batch.entries.slice(middle)));
      return this.again(half(batch.entries.slice(0, middle)), backoff(1));
    }
    batch.failures += 1;
    if (maximumRetryAttempts >= 0 && batch.failures > maximumRetryAttempts) {
      await this.discard(batch, batch.entries, 'RetryAttemptsExhausted');
      return this.next();
    }
    this.again(batch, backoff(++batch.streak));
  }

  /** Without the records that are too old, in the mapping's eyes or the stream's: they are the first ones. */
  private async withoutExpired(batch: Batch): Promise<Batch | undefined> {
    const { mapping: { maximumRecordAgeSeconds: age }, source, timeline } = this.options;
    const oldest = timeline.now - Math.min(age === -1 ? Infinity : age, source.retentionSeconds) * 1000;
    const live = batch.entries.findIndex(({ record }) => record.arrivedAt > oldest);
    if (live === 0) return batch;
    await this.discard(batch, live < 0 ? batch.entries : batch.entries.slice(0, live), 'RecordAgeExceeded');
    return live < 0 ? undefined : { ...batch, entries: batch.entries.slice(live) };
  }

  private async succeed(entries: readonly Entry[]): Promise<void> {
    this.options.count('succeeded', entries.length);
    await this.reader.finish(entries);
  }

  private async discard(batch: Batch, entries: readonly Entry[], condition: DiscardCondition): Promise<void> {
    const { count, mapping, onDiscard, shardId, source, timeline } = this.options;
    await onDiscard?.({
      mappingUuid: mapping.uuid,
      functionArn: mapping.functionArn,
      streamArn: source.streamArn,
      shardId,
      condition,
      invokeCount: batch.invocations,
      error: batch.error,
      discardedAt: timeline.now,
      records: entries.map(({ record }) => record),
      event: this.eventOf(entries),
    });
    count('discarded', entries.length);
    await this.reader.finish(entries);
  }

  private next(): void {
    this.busy = false;
    this.idleSince = this.options.timeline.now;
    this.kick();
  }

  private fits(entries: readonly Entry[]): boolean {
    return entries.reduce((bytes, entry) => bytes + entry.bytes, EVENT_FRAME_BYTES) <= MAX_EVENT_BYTES;
  }

  private eventOf(entries: readonly Entry[]): { readonly Records: readonly Readonly<Record<string, unknown>>[] } {
    return { Records: entries.map(({ record }) => eventRecord(record, this.options.shardId, this.event)) };
  }

  private nameOf(entries: readonly Entry[], attempt: number): string {
    const { mapping, shardId } = this.options;
    return `${mapping.uuid}/${shardId}/${entries[0].record.sequenceNumber}+${entries.length}/${attempt}`;
  }
}

/** What an event source mapping does with a record that fits no event is documented nowhere: assumed, a failed invocation. */
const TOO_LARGE: StreamOutcome = { kind: 'error', error: { errorType: 'RequestTooLargeException', errorMessage: 'the event exceeds 6 MB' } };

function newBatch(entries: readonly Entry[]): Batch {
  return { entries, failures: 0, invocations: 0, attempts: 0, streak: 0 };
}

function backoff(streak: number): number {
  return Math.min(BACKOFF_MS.last, BACKOFF_MS.first * 2 ** (streak - 1));
}

function fnv1a(text: string): number {
  let hash = 0x811C9DC5;
  /* eslint-disable no-bitwise */
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
  /* eslint-enable no-bitwise */
}
