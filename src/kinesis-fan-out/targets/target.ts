import { Duration, IResource } from 'aws-cdk-lib';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import { Ordering, Packing, TargetKind, TargetSettings } from '../contract';

/** One kind of destination as the construct sees it: what it can do, and what the function that delivers to it needs. */
export interface Target {
  readonly kind: TargetKind;
  /** Orders it can keep, the default first. */
  readonly orderings: readonly [Ordering, ...Ordering[]];
  /** What to do where an order is wanted that it cannot keep. */
  readonly orderingRemedy?: string;
  /** Ways of packing it can take, the default first. */
  readonly packings: readonly [Packing['kind'], ...Packing['kind'][]];
  readonly envelope: boolean;
  /** Bytes of an entry at most, as far as known at synth. */
  readonly maxEntryBytes: number;
  /** Bytes of an entry unless asked for otherwise. */
  readonly defaultEntryBytes: number;
  /** What to do where larger entries are wanted. */
  readonly sizeRemedy?: string;
  /** Records sent at most beyond the lowest unfinished one. */
  readonly sendAhead: number;
  readonly batchWindow: Duration;
  /** What the function may wait for one answer. */
  readonly patience?: Duration;
  /** What it is made of, unless it is no AWS resource. */
  readonly resource?: IResource;
  readonly arn?: string;
  /** Of objects, which are named by their records. */
  readonly objectKeys?: ObjectKeys;
  /** The stream records end up in, which might be the source. */
  readonly stream?: kinesis.IStream;
  bind(ordering: Ordering): BoundTarget;
}

export interface ObjectKeys {
  readonly prefix: string;
  /** In folders below the prefix that records name. */
  readonly sorted: boolean;
}

export interface BoundTarget {
  readonly target: string;
  readonly secretArn?: string;
  readonly settings: TargetSettings;
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly actions: string[];
  readonly resources: string[];
  readonly conditions?: Record<string, Record<string, unknown>>;
  /** Why a resource ends with '*'. */
  readonly wildcard?: string;
}

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Destinations that recognise what they have may be sent a whole batch ahead; elsewhere this many duplicates are bearable. */
export const SEND_AHEAD = { DEDUPLICATED: 10_000, OTHERS: 1_000 } as const;

export const EVERY_ORDERING = ['per-key', 'per-shard', 'none'] as const;
export const EVERY_PACKING = ['none', 'json-array', 'ndjson', 'ndjson-gzip'] as const;
