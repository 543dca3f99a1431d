import {
  DescribeStreamSummaryCommand, GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand, type GetShardIteratorCommandInput,
} from '@aws-sdk/client-kinesis';
import { MAX_PAGE_RECORDS, type ShardPage, type ShardPosition, type StreamShard, type StreamSource } from './stream-source';

const DIGITS = 56;
/** Real sequence numbers begin so; emulators hand out shorter ones. */
const PREFIX = '49';

/** A stream that an emulator keeps, read as an event source mapping reads it. Nobody tells when records come: call `poll`. */
export class EmulatedStream implements StreamSource {
  public static async of(client: KinesisClient, streamArn: string): Promise<EmulatedStream> {
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamARN: streamArn }));
    return new EmulatedStream(client, streamArn, StreamDescriptionSummary!.RetentionPeriodHours! * 3600);
  }

  private readonly listeners: (() => void)[] = [];
  private readonly closed = new Set<string>();

  private constructor(private readonly client: KinesisClient, public readonly streamArn: string, public readonly retentionSeconds: number) {}

  public onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Lets the mappings look. */
  public poll(): void {
    this.listeners.forEach((listener) => listener());
  }

  public async shards(): Promise<readonly StreamShard[]> {
    const shards: StreamShard[] = [];
    let next: string | undefined;
    do {
      const page = await this.client.send(new ListShardsCommand(next === undefined ? { StreamARN: this.streamArn } : { NextToken: next }));
      for (const { SequenceNumberRange, ShardId } of page.Shards!) {
        if (SequenceNumberRange?.EndingSequenceNumber !== undefined) this.closed.add(ShardId!);
      }
      shards.push(...page.Shards!.map(({ AdjacentParentShardId, ParentShardId, ShardId }) => (
        { id: ShardId!, parents: [ParentShardId, AdjacentParentShardId].filter((parent) => parent !== undefined) })));
      next = page.NextToken;
    } while (next !== undefined);
    return shards;
  }

  public async read(shardId: string, from: ShardPosition, limit: number): Promise<ShardPage> {
    const iterator = from.kind === 'iterator' ? from.iterator : await this.iterator(shardId, from);
    const page = await this.client.send(new GetRecordsCommand({
      ShardIterator: iterator, Limit: Math.min(limit, MAX_PAGE_RECORDS), StreamARN: this.streamArn,
    }));
    const records = page.Records!.map(({ ApproximateArrivalTimestamp, Data, PartitionKey, SequenceNumber }) => ({
      sequenceNumber: SequenceNumber!.length >= DIGITS ? SequenceNumber! : `${PREFIX}${SequenceNumber!.padStart(DIGITS - PREFIX.length, '0')}`,
      partitionKey: PartitionKey!,
      arrivedAt: ApproximateArrivalTimestamp!.getTime(),
      data: Buffer.from(Data!).toString('base64'),
    }));
    // Emulators give an iterator even at the end of a closed shard.
    const end = page.NextShardIterator === undefined || (records.length === 0 && this.closed.has(shardId));
    return { records, next: { kind: 'iterator', iterator: page.NextShardIterator ?? iterator }, more: !end && records.length > 0, end };
  }

  private async iterator(shardId: string, from: Exclude<ShardPosition, { kind: 'iterator' }>): Promise<string> {
    const input = { StreamARN: this.streamArn, ShardId: shardId, ...iteratorAt(from) };
    const { ShardIterator } = await this.client.send(new GetShardIteratorCommand(input));
    return ShardIterator!;
  }
}

function iteratorAt(from: Exclude<ShardPosition, { kind: 'iterator' }>): Pick<GetShardIteratorCommandInput, 'ShardIteratorType' | 'Timestamp'> {
  switch (from.kind) {
    case 'trim-horizon': return { ShardIteratorType: 'TRIM_HORIZON' };
    case 'latest': return { ShardIteratorType: 'LATEST' };
    case 'at-timestamp': return { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(from.time) };
    case 'after': throw new Error('an emulated stream is read by iterators');
  }
}
