/** What the delivery engine and the world around it say to each other. */
import type { EventRecord, FailureReason, Ordering, Packing, TargetKind, TargetSettings } from '../contract';

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

/** What becomes of a record before it leaves: filter and transforms say so, from the record alone. */
export type Prepared =
  | { readonly kind: 'item'; readonly item: Item }
  | { readonly kind: 'filtered' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** What leaves as one: a message, an object, a stream record. Items are in stream order; there is at least one. */
export interface Entry {
  /**
   * The same for the same records, whenever they are packed: the record's id, or one made of the ids of all records. What
   * the destination drops duplicates by.
   */
  readonly id: string;
  readonly items: readonly Item[];
  /** The items packed: as they are, or as array, lines, compressed. */
  readonly body: Uint8Array;
}

export type EntryOutcome =
  /** It is there, now or since an earlier attempt, or something newer is in its place. */
  | { readonly kind: 'delivered' }
  /** Of a pack: its first items are there, since an earlier attempt that ended sooner. The rest is packed anew. */
  | { readonly kind: 'partly'; readonly items: number }
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
  /** Calls under way at a time at most. Those of one key never overlap; with order per shard there is one at a time. */
  readonly concurrency: number;
  /** Which bodies it takes: any bytes, UTF-8, or UTF-8 of characters allowed in XML. Others become text before. */
  readonly bodies: 'bytes' | 'utf8' | 'xml';
  /** How entries are packed for it, if what leaves is packed anew. */
  readonly packing?: Packing;
  /** Bytes the destination counts for an entry, its key and attributes included. */
  sizeOf(entry: Entry): number;
  /**
   * One call. Never rejects: an error of the whole call is the outcome of every entry, and 'refused' then only if there is
   * no other entry it could be about; the engine splits calls that were refused as a whole. Makes one attempt: repeating is
   * the engine's business, and an unseen repetition would reorder.
   *
   * @param signal aborts when the invocation is about to end
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
  /**
   * @param signal aborts when the invocation is about to end
   * @throws if it could not be stored: the record is unfinished then
   */
  put(record: FanOutRecord, refusal: Refusal, attempts: number, signal: AbortSignal): Promise<void>;
}

export type TargetOf<K extends TargetKind> = Extract<TargetSettings, { readonly kind: K }>;

/**
 * What a sender is made of, once per environment. Convention: `send-<kind>.ts` exports
 * `class <Kind>Sender implements Sender { constructor(context: SenderContext<'<kind>'>, client = new <Kind>Client(CLIENT)) }`.
 */
export interface SenderContext<K extends TargetKind> {
  /** What the destination is called by: `TARGET` of the environment. */
  readonly name: string;
  /** Of the HTTPS Authorization header; empty if there is none. */
  readonly secretArn: string;
  readonly target: TargetOf<K>;
  readonly ordering: Ordering;
  readonly packing: Packing;
}
