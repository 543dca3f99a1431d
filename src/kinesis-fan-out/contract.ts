/**
 * What crosses the wall between the construct and its handlers: variable names, settings, what is written to the failure
 * store, and metric names. Imports nothing; a rename here breaks both sides' compilation.
 */

/** Variables of each function that delivers to one destination. One that is not in use is the empty string. */
export const DELIVER_ENV = [
  /** Name of the metric dimension `FanOut`. */
  'FAN_OUT_NAME',
  /** Id of the destination: metric dimension `Destination`, and part of quarantine keys. */
  'DESTINATION',
  'FAILURE_BUCKET',
  /** JSON of {@link DeliverSettings}. */
  'SETTINGS',
  /** What the destination is called by: bucket, table, stream or delivery stream name, queue or other URL, bus, topic or function ARN. */
  'TARGET',
  /** Secret that holds the Authorization header of an HTTPS destination. */
  'SECRET_ARN',
] as const;
export type DeliverEnv = Record<typeof DELIVER_ENV[number], string>;

/** Variables of the replay function. */
export const REPLAY_ENV = [
  'FAN_OUT_NAME',
  'FAILURE_BUCKET',
  /** JSON of a record: id of the destination → name of its function. */
  'FUNCTIONS',
] as const;
export type ReplayEnv = Record<typeof REPLAY_ENV[number], string>;

/** How a destination is served. Holds nothing that is known only at deployment. */
export interface DeliverSettings {
  readonly ordering: Ordering;
  /** Patterns of which one must match; empty: every record is delivered. */
  readonly filters: readonly FilterPattern[];
  readonly transforms: readonly TransformStep[];
  readonly packing: Packing;
  /** Records at most that are sent beyond the lowest unfinished one of their shard. */
  readonly sendAhead: number;
  readonly target: TargetSettings;
}

/** Whose order a destination keeps. */
export type Ordering = 'per-key' | 'per-shard' | 'none';

/** A pattern in EventBridge's syntax over `{ data, partitionKey }`, `data` being the record's JSON. */
export type FilterPattern = { readonly [field: string]: unknown };

/** One change of a record's JSON. Paths are '$.a.b' or "$['a b']"; what is not there stays away. */
export type TransformStep =
  /** Keeps these fields and no others. */
  | { readonly kind: 'pick'; readonly paths: readonly string[] }
  | { readonly kind: 'remove'; readonly paths: readonly string[] }
  /** Field → its new path. */
  | { readonly kind: 'rename'; readonly paths: Readonly<Record<string, string>> }
  /** Path → constant. */
  | { readonly kind: 'set'; readonly values: Readonly<Record<string, unknown>> }
  /** Replaces values by '***'. */
  | { readonly kind: 'mask'; readonly paths: readonly string[] }
  /** A new JSON document; strings '<$.a.b>' are replaced by what stands there, with its type if it is the whole string. */
  | { readonly kind: 'template'; readonly document: unknown };

const PATH_STEP = /\.([A-Za-z_][A-Za-z0-9_]*)|\['([^'\\]+)'\]/y;

/** Names of the fields a path like '$.a.b' or "$['a b']" goes through. */
export function fieldsOf(name: string, path: string): string[] {
  const fields: string[] = [];
  let end = 1;
  PATH_STEP.lastIndex = end;
  for (let step = path.startsWith('$') && PATH_STEP.exec(path); step; step = PATH_STEP.exec(path)) {
    fields.push(step[1] ?? step[2]);
    end = PATH_STEP.lastIndex;
  }
  if (fields.length === 0 || end !== path.length) {
    throw new Error(`'${name}' must be a path to a field like '$.a.b' or "$['a b']", got '${path}'`);
  }
  return fields;
}

/** How several records leave in one entry: a message, an object, a stream record. */
export interface Packing {
  /** 'none': one record, one entry. */
  readonly kind: 'none' | 'json-array' | 'ndjson' | 'ndjson-gzip';
  /** Bytes of an entry at most, after compression. */
  readonly maxBytes: number;
  /** A record leaves as {@link Envelope} instead of its bare data. */
  readonly envelope: boolean;
}

/** What a record is wrapped in where its data alone would lose its id, or is no text. Exactly one of the last two is there. */
export interface Envelope {
  readonly id: string;
  readonly partitionKey: string;
  /** ISO 8601. */
  readonly arrivedAt: string;
  /** The record's JSON, or its text. */
  readonly data?: unknown;
  readonly base64?: string;
}

export type TargetSettings =
  | {
    readonly kind: 's3';
    readonly prefix: string;
    /** Folders below the prefix, and how many an invocation may write to. */
    readonly partition?: { readonly template: string; readonly max: number };
  }
  | {
    readonly kind: 'dynamodb';
    readonly partitionKey: string;
    readonly sortKey?: string;
    /** Attribute that holds the record's position in the stream, as a string that compares like it. */
    readonly sequenceAttribute: string;
  }
  | { readonly kind: 'kinesis'; readonly maxRecordBytes: number }
  | { readonly kind: 'firehose' }
  | { readonly kind: 'sqs'; readonly fifo: boolean }
  | { readonly kind: 'sns'; readonly fifo: boolean; readonly maxMessageBytes: number }
  | { readonly kind: 'eventbridge'; readonly source: string; readonly detailType: string }
  | {
    readonly kind: 'https';
    readonly method: 'POST' | 'PUT' | 'PATCH';
    readonly headers: Readonly<Record<string, string>>;
    /** Milliseconds until an unanswered request counts as failed. */
    readonly timeoutMs: number;
    readonly maxBodyBytes: number;
    /** Requests under way at a time. */
    readonly concurrency: number;
  }
  | { readonly kind: 'lambda' };
export type TargetKind = TargetSettings['kind'];

/** `quarantine/<destination>/<shard>/<sequence>[.<sub>].json` in the failure bucket. */
export const QUARANTINE_PREFIX = 'quarantine/';
/** Where the event source mapping writes what expired: `aws/lambda/<mapping uuid>/<shard>/YYYY/MM/DD/...`. */
export const EXPIRED_PREFIX = 'aws/lambda/';
/** Receipts of the replay function: `receipts/<destination>/...`. */
export const RECEIPT_PREFIX = 'receipts/';

/** Why a record is quarantined. The public enum `FanOutFailureReason` has the same members. */
export const FAILURE_REASONS = [
  /** The destination refuses it: its answer is provably about the record. */
  'REFUSED',
  /** More bytes than the destination takes. */
  'TOO_LARGE',
  /** A transform, packing or destination needs JSON (or text), and it is none. Filters drop it, as event source mappings do. */
  'UNPARSABLE',
  /** A field the destination needs is not there. */
  'FIELD_MISSING',
  /** An aggregate whose inside points nowhere. */
  'CORRUPT_AGGREGATE',
] as const;
export type FailureReason = typeof FAILURE_REASONS[number];

/** A quarantined record, as stored. */
export interface QuarantinedRecord {
  readonly version: 1;
  readonly destination: string;
  /** `shardId:sequenceNumber[:subSequence]`. */
  readonly id: string;
  readonly reason: FailureReason;
  /** The destination's own error code, or what of the record is wrong; never its content. */
  readonly code: string;
  /** Calls that carried it. */
  readonly attempts: number;
  /** ISO 8601. */
  readonly quarantinedAt: string;
  /** The record exactly as the event brought it: its data is base64 and, for an aggregate, the whole aggregate. */
  readonly record: EventRecord;
}

/** A record as Lambda's event source mapping for Kinesis delivers it. */
export interface EventRecord {
  readonly eventID: string;
  readonly eventSourceARN: string;
  readonly kinesis: {
    readonly partitionKey: string;
    readonly sequenceNumber: string;
    /** Base64. */
    readonly data: string;
    /** Seconds since 1970, with fraction. */
    readonly approximateArrivalTimestamp: number;
  };
  readonly [field: string]: unknown;
}

/** Records by `eventID`: of an aggregate these sub-sequences, of any other record an empty list. */
export type RecordSelection = Readonly<Record<string, readonly number[]>>;

/**
 * What the replay function hands to a destination's function: an event of the mapping's own shape. `only` restricts an
 * aggregate, named by its `eventID`, to these sub-sequences, as its other records were delivered long ago.
 */
export interface ReplayEvent {
  readonly Records: readonly EventRecord[];
  readonly replay: { readonly only?: RecordSelection };
}

/** What the function says to it: received = delivered + filtered + those quarantined + those unfinished. */
export interface ReplayAnswer {
  readonly received: number;
  readonly delivered: number;
  readonly filtered: number;
  readonly quarantined: RecordSelection;
  readonly unfinished: RecordSelection;
}

/** Input of the replay function. Exactly one of `key` and `prefix`. */
export interface ReplayRequest {
  readonly destination: string;
  readonly key?: string;
  readonly prefix?: string;
  /** Key of the last object that is done, together with `prefix`: an answer's `next` says it. */
  readonly after?: string;
}

/** Answer of the replay function. */
export interface ReplayResult {
  readonly destination: string;
  /** Objects whose records were all handed to the destination's function, and are delivered, filtered or quarantined again. */
  readonly objects: number;
  /** Objects nothing could be replayed from. */
  readonly skipped: number;
  readonly delivered: number;
  readonly filtered: number;
  readonly quarantined: number;
  readonly unfinished: number;
  /** Keys of the receipts, the first ones if they are many. */
  readonly receipts: readonly string[];
  /** What to ask for next; absent when everything is done. */
  readonly next?: ReplayRequest;
}

/** What became of one call of a destination's function and its repetitions, as stored. */
export interface ReplayReceipt {
  readonly version: 1;
  readonly destination: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** Keys of the objects whose last record is among these. */
  readonly objects: readonly string[];
  /** Key of an object nothing could be replayed from → why. */
  readonly skipped: Readonly<Record<string, string>>;
  readonly attempts: number;
  readonly delivered: number;
  readonly filtered: number;
  readonly quarantined: RecordSelection;
  readonly unfinished: RecordSelection;
  /** Why the last attempt failed as a whole; a code. */
  readonly error?: string;
}

export const METRIC_NAMESPACE = 'CdkLambdaBlueprints/KinesisFanOut';
export const METRIC_DIMENSION = { FAN_OUT: 'FanOut', DESTINATION: 'Destination' } as const;
/** For each destination: received = delivered + filtered + quarantined + suppressed, once nothing is unfinished. */
export const METRIC = {
  /** Records decoded, counted once per invocation they arrive in. */
  RECEIVED: 'RecordsReceived',
  DELIVERED: 'RecordsDelivered',
  FILTERED: 'RecordsFiltered',
  QUARANTINED: 'RecordsQuarantined',
  /** Entries sent again. */
  RETRIED: 'EntriesRetried',
  /** Records left out because they had been delivered before. */
  SUPPRESSED: 'RecordsSuppressed',
  /** Records handed back to the mapping. */
  UNFINISHED: 'RecordsUnfinished',
  /** Milliseconds between arrival in the stream and delivery. */
  LATENCY: 'DeliveryLatency',
  /** Answers that say the function may not call the destination, or that it is gone. */
  BROKEN: 'DestinationBroken',
} as const;
