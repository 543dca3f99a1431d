import { createHash } from 'node:crypto';
import { entryId } from './pack';
import type { Entry, EntryOutcome } from './ports';

/** What an object says about the records in it, in its metadata. */
export interface PackMark {
  /** {@link Entry.id} of its records. */
  readonly id: string;
  /** How many they are. */
  readonly records: number;
}

export interface ObjectStore {
  /**
   * A write that happens only if nothing is there under this key (`If-None-Match: *`).
   * @throws if it is not known whether it was done
   */
  create(key: string, body: Uint8Array, mark: PackMark): Promise<'created' | 'exists'>;
  /** Undefined: it is no object of ours. */
  markOf(key: string): Promise<PackMark | undefined>;
}

/**
 * Writes a pack under the name of its first record, so that what is sent again meets what arrived before, and never
 * overwrites: an earlier write that takes effect late would otherwise replace a longer one. What is there counts for exactly
 * those records its mark proves; where it proves nothing, since it holds more or others, the pack gets a name of its own.
 *
 * @throws what the store throws
 */
export async function createPack(store: ObjectStore, prefix: string, extension: string, entry: Entry): Promise<EntryOutcome> {
  const { id, items, body } = entry;
  const { shardId, sequenceNumber, subSequence } = items[0].record;
  const name = `${prefix}${shardId}/${sequenceNumber}${subSequence === undefined ? '' : `.${subSequence}`}`;
  const mark: PackMark = { id, records: items.length };
  if (await store.create(`${name}${extension}`, body, mark) === 'created') {
    return { kind: 'delivered' };
  }
  const there = await store.markOf(`${name}${extension}`);
  if (there !== undefined && there.records <= items.length && there.id === entryId(items.slice(0, there.records))) {
    return there.records === items.length ? { kind: 'delivered' } : { kind: 'partly', items: there.records };
  }
  // If this one exists, it holds the very same records.
  await store.create(`${name}-${createHash('sha256').update(id).digest('hex').slice(0, 16)}${extension}`, body, mark);
  return { kind: 'delivered' };
}
