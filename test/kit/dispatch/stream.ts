import type { StreamInvoke } from './in-process';
import { ShardReader } from './shard-reader';
import type { DiscardedBatch } from './stream-failure';
import { checkFilters } from './stream-filter';
import { PLAIN_SERVICE, type StreamPlan } from './stream-plan';
import type { ShardPosition, StreamShard, StreamSource } from './stream-source';
import type { Timeline } from './timeline';

/** Settings of an event source mapping of a stream; defaults are the service's. */
export interface StreamMapping {
  readonly uuid: string;
  readonly functionArn: string;
  /** Stream, or its consumer: enhanced fan-out. */
  readonly sourceArn: string;
  readonly enabled: boolean;
  readonly batchSize: number;
  readonly windowSeconds: number;
  readonly parallelizationFactor: number;
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP';
  /** Seconds since 1970. */
  readonly startingTimestamp?: number;
  readonly bisects: boolean;
  /** -1: until the record expires. */
  readonly maximumRetryAttempts: number;
  /** -1: until the record expires. */
  readonly maximumRecordAgeSeconds: number;
  readonly tumblingWindowSeconds: number;
  readonly reportsBatchItemFailures: boolean;
  /** Patterns; none: everything. */
  readonly filters: readonly unknown[];
  readonly onFailureArn?: string;
}

/** "Lambda parameters for Amazon Kinesis Data Streams event source mappings", Lambda developer guide. */
export const STREAM_MAPPING_DEFAULTS: Omit<StreamMapping, 'uuid' | 'functionArn' | 'sourceArn'> = {
  enabled: true,
  batchSize: 100,
  windowSeconds: 0,
  parallelizationFactor: 1,
  startingPosition: 'TRIM_HORIZON',
  bisects: false,
  maximumRetryAttempts: -1,
  maximumRecordAgeSeconds: -1,
  tumblingWindowSeconds: 0,
  reportsBatchItemFailures: false,
  filters: [],
};

export interface StreamDispatcherOptions {
  readonly mapping: StreamMapping;
  readonly source: StreamSource;
  readonly timeline: Timeline;
  readonly invoke: StreamInvoke;
  /** Role of the function, as events name it. */
  readonly roleArn?: string;
  readonly plan?: StreamPlan;
  /** Takes a batch that is given up; without an on-failure destination it is only counted. */
  readonly onDiscard?: (batch: DiscardedBatch) => Promise<void>;
}

/** Records, each counted once, where they ended: read = filtered + succeeded + discarded + open. */
export interface StreamLedger {
  readonly read: number;
  readonly filtered: number;
  readonly succeeded: number;
  readonly discarded: number;
  /** Read and not yet at an end. */
  readonly open: number;
  readonly invocations: number;
  readonly throttled: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What Lambda's event source mapping does with a stream. */
export class StreamDispatcher {
  public plan: StreamPlan;
  /** Metric IteratorAge, one value for each attempt: the age of the last record of the batch, in milliseconds. */
  public readonly iteratorAges: number[] = [];

  private readonly readers = new Map<string, ShardReader>();
  private counts: Mutable<Omit<StreamLedger, 'open'>> = { ...EMPTY };
  private beginnings?: Promise<ReadonlyMap<string, ShardPosition>>;

  constructor(private readonly options: StreamDispatcherOptions) {
    const { mapping, source, timeline } = options;
    checkSettings(mapping);
    this.plan = options.plan ?? PLAIN_SERVICE;
    if (!mapping.enabled) return;
    const start = timeline.now + this.plan.startsAfter(mapping.uuid);
    source.onChange(() => timeline.at(Math.max(timeline.now, start), () => this.look()));
    timeline.at(start, () => this.look());
  }

  public get mapping(): StreamMapping {
    return this.options.mapping;
  }

  public get ledger(): StreamLedger {
    const { discarded, filtered, read, succeeded } = this.counts;
    return { ...this.counts, open: read - filtered - succeeded - discarded };
  }

  /** The last record up to which all of a shard are at an end; undefined: none is. */
  public checkpoint(shardId: string): string | undefined {
    return this.readers.get(shardId)?.checkpoint;
  }

  /** Milliseconds since the oldest record arrived that is not at an end; 0: all are. */
  public get lagMs(): number {
    return Math.max(0, ...[...this.readers.values()].map(({ oldest }) => oldest === undefined ? 0 : this.options.timeline.now - oldest));
  }

  /** Looks for new shards and new records. */
  private async look(): Promise<void> {
    const shards = await this.options.source.shards();
    const beginnings = await (this.beginnings ??= this.begin(shards));
    for (const { id, parents } of shards) {
      // Parents first: what a key was written before the reshard comes before what it was written after.
      const isOpen = (parent: string) => shards.some((other) => other.id === parent) && !this.readers.get(parent)?.isDrained;
      if (this.readers.has(id) || parents.some(isOpen)) continue;
      this.readers.set(id, this.reader(id, beginnings.get(id) ?? { kind: 'trim-horizon' }));
    }
    for (const reader of this.readers.values()) reader.wake();
  }

  private reader(shardId: string, from: ShardPosition): ShardReader {
    return new ShardReader({
      ...this.options,
      roleArn: this.options.roleArn ?? 'arn:aws:iam::123456789012:role/in-process',
      plan: () => this.plan,
      shardId,
      from,
      count: (what, records) => this.counts[what] += records,
      onIteratorAge: (age) => this.iteratorAges.push(age),
      onDrained: () => this.look(),
    });
  }

  private async begin(shards: readonly StreamShard[]): Promise<ReadonlyMap<string, ShardPosition>> {
    return new Map(await Promise.all(shards.map(async ({ id }) => [id, await this.beginningOf(id)] as const)));
  }

  /** Where the mapping begins in a shard that was there before it. */
  private async beginningOf(shardId: string): Promise<ShardPosition> {
    const { startingPosition, startingTimestamp } = this.options.mapping;
    switch (startingPosition) {
      case 'TRIM_HORIZON': return { kind: 'trim-horizon' };
      case 'AT_TIMESTAMP': return { kind: 'at-timestamp', time: startingTimestamp! * 1000 };
      // Fixed at the first look: a shard read later must not have moved on.
      case 'LATEST': return (await this.options.source.read(shardId, { kind: 'latest' }, 1)).next;
    }
  }
}

const EMPTY: Omit<StreamLedger, 'open'> = { read: 0, filtered: 0, succeeded: 0, discarded: 0, invocations: 0, throttled: 0 };

/** API reference, CreateEventSourceMapping. */
function checkSettings(mapping: StreamMapping): void {
  const { maximumRecordAgeSeconds: age, startingPosition, startingTimestamp } = mapping;
  const range = (name: string, value: number, min: number, max: number) => {
    if (!Number.isInteger(value) || value < min || value > max) throw new Error(`${name} of a stream must be ${min} to ${max}, got ${value}`);
  };
  range('the batch size', mapping.batchSize, 1, 10_000);
  range('the batching window', mapping.windowSeconds, 0, 300);
  range('the parallelization factor', mapping.parallelizationFactor, 1, 10);
  range('the maximum of retries', mapping.maximumRetryAttempts, -1, 10_000);
  if (age !== -1) range('the maximum record age', age, 60, 604_800);
  range('the tumbling window', mapping.tumblingWindowSeconds, 0, 900);
  if (mapping.tumblingWindowSeconds > 0) throw new Error('tumbling windows are not simulated');
  if ((startingPosition === 'AT_TIMESTAMP') !== (startingTimestamp !== undefined)) {
    throw new Error(`a starting timestamp belongs to AT_TIMESTAMP, got ${startingPosition} and ${startingTimestamp}`);
  }
  checkFilters(mapping.filters);
}
