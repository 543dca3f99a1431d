/** What the delivery engine and the world around it say to each other. */
import type { EventRecord, FailureReason } from '../contract';

/** A record a producer wrote: one of the event, or one of those in an aggregate. */
export interface FanOutRecord {
  /** `shardId:sequenceNumber[:subSequence]`, the sub-sequence for records of aggregates only. */
  readonly id: string;
  readonly shardId: string;
  /** Of the record of the event; records of one aggregate share it. */
  readonly sequenceNumber: string;
  readonly subSequence?: number;
  readonly partitionKey: string;
  readonly data: Uint8Array;
  /** Milliseconds since 1970. */
  readonly arrivedAt: number;
  /** The record of the event it came in. */
  readonly source: EventRecord;
}

/** A record that cannot be delivered by anybody: why, and what about it. */
export interface Refusal {
  readonly reason: FailureReason;
  /** Says what is wrong without quoting content. */
  readonly code: string;
}

/** A record ready to leave: filtered, transformed. */
export interface Item {
  readonly record: FanOutRecord;
  /** The data after transforms. */
  readonly body: Uint8Array;
}

/** What leaves as one: a message, an object, a stream record. Items are in stream order. */
export interface Entry {
  readonly items: readonly Item[];
  /** The items packed: as they are, or as array, lines, compressed. */
  readonly body: Uint8Array;
}

export type EntryOutcome =
  /** It is there, now or since an earlier attempt, or something newer is in its place. */
  | { readonly kind: 'delivered' }
  /** Provably its own fault; the same entry would be refused for ever. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Anything else: throttled, server error, timeout, access denied, destination gone. Sent again. */
  | { readonly kind: 'failed'; readonly code: string; readonly broken?: boolean };

/** One kind of destination. Holds no state but its client's connections. */
export interface Sender {
  /** Entries of one call at most. */
  readonly maxEntries: number;
  /** Bytes of one call at most. */
  readonly maxCallBytes: number;
  /** Bytes of one entry at most. */
  readonly maxEntryBytes: number;
  /** Entries of one call arrive in their order, and a failed one stops those behind it. */
  readonly keepsOrder: boolean;
  /** Bytes the destination counts for an entry, its key and attributes included. */
  sizeOf(entry: Entry): number;
  /**
   * One call. Never rejects: an error of the whole call is the outcome of every entry, and 'refused' then only if there is
   * no other entry it could be about; the engine splits calls that were refused as a whole.
   */
  send(entries: readonly Entry[], signal: AbortSignal): Promise<CallOutcome>;
}

export type CallOutcome =
  /** One outcome per entry, in their order. */
  | { readonly kind: 'answered'; readonly outcomes: readonly EntryOutcome[] }
  /** Refused as a whole for what one of the entries is: to be split until that one stands alone. */
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Keeps what cannot be delivered. */
export interface Quarantine {
  /** @throws if it could not be stored: the record is unfinished then */
  put(record: FanOutRecord, refusal: Refusal, attempts: number): Promise<void>;
}
