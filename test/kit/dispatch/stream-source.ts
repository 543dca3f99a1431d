/** What an event source mapping reads: a stream of shards, whoever keeps it. */

/** A record as it lies in a shard. */
export interface StreamRecord {
  readonly sequenceNumber: string;
  /** What order is kept by: the partition key, of a DynamoDB stream the item's key. */
  readonly partitionKey: string;
  /** Milliseconds since 1970. */
  readonly arrivedAt: number;
  /** Kinesis: base64. */
  readonly data: string;
  /** DynamoDB: what stands in `dynamodb`, and the event's name. */
  readonly change?: { readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE'; readonly dynamodb: Readonly<Record<string, unknown>> };
}

export interface StreamShard {
  readonly id: string;
  /** Shards it took over from; none, or trimmed ones, for those the stream began with. */
  readonly parents: readonly string[];
}

/** Where reading goes on. */
export type ShardPosition =
  /** The oldest record there is. */
  | { readonly kind: 'trim-horizon' }
  /** Behind the newest record there is. */
  | { readonly kind: 'latest' }
  /** The first record that arrived then or later, in milliseconds since 1970. */
  | { readonly kind: 'at-timestamp'; readonly time: number }
  /** The first record behind this one. */
  | { readonly kind: 'after'; readonly sequenceNumber: string }
  /** As the source calls it. */
  | { readonly kind: 'iterator'; readonly iterator: string };

export interface ShardPage {
  readonly records: readonly StreamRecord[];
  /** Where the next page begins. */
  readonly next: ShardPosition;
  /** More can be read at once. */
  readonly more: boolean;
  /** The shard is closed, and this page was its last. */
  readonly end: boolean;
}

export interface StreamSource {
  /** Of the stream, also where a consumer reads it. */
  readonly streamArn: string;
  /** Older records are gone. */
  readonly retentionSeconds: number;
  /** Shards of which records are left, or can come. */
  shards(): Promise<readonly StreamShard[]>;
  /** At most 10,000 records and 10 MB, as GetRecords answers. */
  read(shardId: string, from: ShardPosition, limit: number): Promise<ShardPage>;
  /** Told when records or shards came. */
  onChange(listener: () => void): void;
}

/** GetRecords' maximum. */
export const MAX_PAGE_RECORDS = 10_000;
export const MAX_PAGE_BYTES = 10 * 1024 * 1024;
