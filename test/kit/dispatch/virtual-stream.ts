import { createHash } from 'node:crypto';
import { MAX_PAGE_BYTES, MAX_PAGE_RECORDS, type ShardPage, type ShardPosition, type StreamRecord, type StreamShard, type StreamSource } from './stream-source';
import type { Timeline } from './timeline';

export interface StreamEntry {
  readonly partitionKey: string;
  readonly data: string | Uint8Array;
  readonly explicitHashKey?: string;
}

export interface VirtualStreamOptions {
  readonly timeline: Timeline;
  readonly arn?: string;
  /** Shards at the beginning, each with an equal part of the hash range. @default 1 */
  readonly shards?: number;
  /** @default 24 hours */
  readonly retentionSeconds?: number;
  /** Whether a shard takes more than 1 MiB or 1,000 records a second. @default true */
  readonly unlimited?: boolean;
}

export type PutResult = { readonly shardId: string; readonly sequenceNumber: string } | { readonly errorCode: 'ProvisionedThroughputExceededException' };

interface Shard extends StreamShard {
  readonly from: bigint;
  readonly to: bigint;
  readonly sequencePrefix: string;
  readonly records: StreamRecord[];
  /** Records trimmed off the front. */
  trimmed: number;
  closedAt?: number;
  sequence: number;
  second: { start: number; records: number; bytes: number };
}

const HASH_KEYS = 2n ** 128n;
/** Kinesis developer guide, "Quotas and limits": write capacity of a shard. */
const MAX_SECOND = { records: 1000, bytes: 1024 * 1024 };

export const STREAM_ARN = 'arn:aws:kinesis:eu-west-1:123456789012:stream/virtual';

/**
 * A Kinesis data stream on the virtual clock: hash ranges, split and merge, retention, 56-digit sequence numbers that
 * grow within a shard and from parent to child.
 */
export class VirtualStream implements StreamSource {
  public readonly streamArn: string;
  public readonly retentionSeconds: number;
  private readonly all: Shard[] = [];
  private readonly byKey = new Map<string, Shard>();
  private readonly listeners: (() => void)[] = [];
  private announced = false;

  constructor(private readonly options: VirtualStreamOptions) {
    this.streamArn = options.arn ?? STREAM_ARN;
    this.retentionSeconds = options.retentionSeconds ?? 24 * 3600;
    const count = BigInt(options.shards ?? 1);
    for (let i = 0n; i < count; i++) this.open(i * HASH_KEYS / count, (i + 1n) * HASH_KEYS / count - 1n, []);
  }

  public onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** PutRecords: in the order given. */
  public put(entries: readonly StreamEntry[]): readonly PutResult[] {
    const results = entries.map((entry) => this.add(entry));
    this.announce();
    return results;
  }

  /** Ids of shards that take records. */
  public get openShards(): readonly string[] {
    return this.all.filter(({ closedAt }) => closedAt === undefined).map(({ id }) => id);
  }

  /** Everything in a shard that is not trimmed, oldest first. */
  public records(shardId: string): readonly StreamRecord[] {
    return this.trim(this.shard(shardId)).records;
  }

  /** How many records retention took. */
  public get trimmed(): number {
    return this.all.reduce((sum, shard) => sum + this.trim(shard).trimmed, 0);
  }

  /** SplitShard, at the middle of its range. */
  public split(shardId: string): readonly [string, string] {
    const shard = this.close(shardId);
    const middle = (shard.from + shard.to + 1n) / 2n;
    const children = [this.open(shard.from, middle - 1n, [shardId]), this.open(middle, shard.to, [shardId])] as const;
    this.announce();
    return [children[0].id, children[1].id];
  }

  /** MergeShards. */
  public merge(shardId: string, adjacentShardId: string): string {
    const [a, b] = [this.shard(shardId), this.shard(adjacentShardId)].sort((x, y) => x.from < y.from ? -1 : 1);
    if (a.to + 1n !== b.from) throw new Error(`shards to merge must be adjacent, got ${shardId} and ${adjacentShardId}`);
    this.close(a.id);
    this.close(b.id);
    const child = this.open(a.from, b.to, [shardId, adjacentShardId]);
    this.announce();
    return child.id;
  }

  /** A closed shard goes once its last record is older than the retention. */
  public async shards(): Promise<readonly StreamShard[]> {
    return this.all.filter((shard) => shard.closedAt === undefined || shard.closedAt >= this.horizon).map(({ id, parents }) => ({ id, parents }));
  }

  public async read(shardId: string, from: ShardPosition, limit: number): Promise<ShardPage> {
    const shard = this.trim(this.shard(shardId));
    const start = this.indexOf(shard, from);
    let end = start;
    for (let bytes = 0; end < shard.records.length && end - start < Math.min(limit, MAX_PAGE_RECORDS); end++) {
      bytes += shard.records[end].data.length * 0.75;
      if (bytes > MAX_PAGE_BYTES && end > start) break;
    }
    const more = end < shard.records.length;
    const last = shard.records[end - 1];
    return {
      records: shard.records.slice(start, end),
      // A position at the tip is one behind the last record there is, or was.
      next: last ? { kind: 'after', sequenceNumber: last.sequenceNumber } : { kind: 'after', sequenceNumber: this.sequenceNumber(shard, shard.sequence) },
      more,
      end: !more && shard.closedAt !== undefined,
    };
  }

  private get horizon(): number {
    return this.options.timeline.now - this.retentionSeconds * 1000;
  }

  private add({ partitionKey, data, explicitHashKey }: StreamEntry): PutResult {
    const shard = explicitHashKey === undefined ? this.shardOf(partitionKey) : this.shardAt(BigInt(explicitHashKey));
    const { now } = this.options.timeline;
    if (this.options.unlimited === false && !this.admit(shard, Buffer.byteLength(partitionKey) + data.length)) {
      return { errorCode: 'ProvisionedThroughputExceededException' };
    }
    // Not consecutive: nobody is to count on it.
    shard.sequence += 1 + (shard.sequence * 7) % 13;
    const sequenceNumber = this.sequenceNumber(shard, shard.sequence);
    shard.records.push({ sequenceNumber, partitionKey, arrivedAt: now, data: Buffer.from(data).toString('base64') });
    return { shardId: shard.id, sequenceNumber };
  }

  private admit(shard: Shard, bytes: number): boolean {
    const { now } = this.options.timeline;
    if (now - shard.second.start >= 1000) shard.second = { start: now - now % 1000, records: 0, bytes: 0 };
    if (shard.second.records + 1 > MAX_SECOND.records || shard.second.bytes + bytes > MAX_SECOND.bytes) return false;
    shard.second.records += 1;
    shard.second.bytes += bytes;
    return true;
  }

  /** Decimal, of one length: prefix, creation of the shard, position, shard. */
  private sequenceNumber({ sequencePrefix, id }: StreamShard & { sequencePrefix: string }, sequence: number): string {
    return `${sequencePrefix}${String(sequence).padStart(26, '0')}${id.slice(-6)}`;
  }

  private shardOf(partitionKey: string): Shard {
    const known = this.byKey.get(partitionKey);
    if (known && known.closedAt === undefined) return known;
    // The service maps keys by the MD5 of their UTF-8 bytes.
    const found = this.shardAt(BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`));
    this.byKey.set(partitionKey, found);
    return found;
  }

  private shardAt(hash: bigint): Shard {
    return this.all.find(({ closedAt, from, to }) => closedAt === undefined && from <= hash && hash <= to)!;
  }

  private shard(shardId: string): Shard {
    const found = this.all.find(({ id }) => id === shardId);
    if (!found) throw new Error(`the stream has no shard '${shardId}'`);
    return found;
  }

  private open(from: bigint, to: bigint, parents: readonly string[]): Shard {
    const { now } = this.options.timeline;
    const index = this.all.length;
    const shard: Shard = {
      id: `shardId-${String(index).padStart(12, '0')}`,
      parents,
      from,
      to,
      sequencePrefix: `49${String(now).padStart(14, '0')}${String(index).padStart(8, '0')}`,
      records: [],
      trimmed: 0,
      sequence: 0,
      second: { start: 0, records: 0, bytes: 0 },
    };
    this.all.push(shard);
    return shard;
  }

  private close(shardId: string): Shard {
    const shard = this.shard(shardId);
    if (shard.closedAt !== undefined) throw new Error(`a shard to split or merge must be open, got '${shardId}'`);
    shard.closedAt = this.options.timeline.now;
    return shard;
  }

  private trim(shard: Shard): Shard {
    const { horizon } = this;
    if (shard.records.length > 0 && shard.records[0].arrivedAt < horizon) {
      const kept = lowerBound(shard.records, (record) => record.arrivedAt >= horizon);
      shard.records.splice(0, kept);
      shard.trimmed += kept;
    }
    return shard;
  }

  private indexOf({ records }: Shard, from: ShardPosition): number {
    switch (from.kind) {
      case 'trim-horizon': return 0;
      case 'latest': return records.length;
      case 'at-timestamp': return lowerBound(records, ({ arrivedAt }) => arrivedAt >= from.time);
      case 'after': return lowerBound(records, ({ sequenceNumber }) => sequenceNumber > from.sequenceNumber);
      case 'iterator': throw new Error('a virtual stream is read by positions');
    }
  }

  /** Once for all that happens at one time. */
  private announce(): void {
    if (this.announced) return;
    this.announced = true;
    this.options.timeline.at(this.options.timeline.now, async () => {
      this.announced = false;
      this.listeners.forEach((listener) => listener());
    });
  }
}

/** Index of the first item for which it holds; it holds for all behind it. */
function lowerBound<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(items[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
