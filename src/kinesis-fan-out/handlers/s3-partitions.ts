import { RecordJson } from './json';
import type { Packer } from './pack';
import type { Entry, EntryOutcome, Item, Refusal } from './ports';
import { createPack, type ObjectStore } from './s3-objects';
import { OVERFLOW_FOLDER, type FolderOf } from '../common/partition';

/** How the items of an entry become objects in several folders. */
export interface Partitions {
  readonly folderOf: FolderOf;
  /** Folders of an entry at most, beside the one for the rest. */
  readonly max: number;
  /** One for each folder: what others hold must not change how it is packed. */
  createPacker(): Pick<Packer, 'pack'>;
}

interface Part {
  readonly folder: string;
  readonly entry: Entry;
}

/** Objects written at a time. */
const CONCURRENCY = 8;

/** Writes the objects of entries, folder by folder. */
export class FolderWriter {
  /** Of entries that were sent and are not finished, what is left: else the more folders, the less would an attempt ever succeed. */
  private readonly left = new WeakMap<Entry, Part[]>();

  constructor(private readonly partitions: Partitions) {}

  /**
   * All objects of an entry, or it counts as failed: those that are there are recognised when it comes again. Nothing is
   * written before all can be, as a refused entry is halved, and the objects of a half would not be those of the whole.
   *
   * @throws what the store throws
   */
  public async create(store: ObjectStore, prefix: string, extension: string, entry: Entry): Promise<EntryOutcome> {
    const parts = this.left.get(entry) ?? partsOf(foldersOf(entry.items, this.partitions), this.partitions);
    if (isRefusal(parts)) return { kind: 'refused', refusal: parts };
    this.left.set(entry, parts);
    const errors: unknown[] = [];
    const failed: Part[] = [];
    const write = async () => {
      while (parts.length > 0 && failed.length < CONCURRENCY) {
        const part = parts.shift()!;
        try {
          parts.unshift(...await this.createPart(store, prefix, extension, part));
        } catch (error) {
          failed.push(part);
          errors.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, write));
    parts.unshift(...failed);
    if (errors.length > 0) throw errors[0];
    return { kind: 'delivered' };
  }

  /** @returns what is to be written behind it */
  private async createPart(store: ObjectStore, prefix: string, extension: string, { folder, entry }: Part): Promise<readonly Part[]> {
    const outcome = await createPack(store, `${prefix}${folder}`, extension, entry);
    if (outcome.kind !== 'partly') return [];
    const rest = partsOf([[folder, entry.items.slice(outcome.items)]], this.partitions);
    if (isRefusal(rest)) throw new Error(rest.code);
    return rest;
  }
}

function partsOf(folders: Iterable<readonly [string, readonly Item[]]>, { createPacker }: Partitions): Part[] | Refusal {
  const parts: Part[] = [];
  for (const [folder, items] of folders) {
    const packer = createPacker();
    for (let at = 0; at < items.length;) {
      const packed = packer.pack(items, at, items.length);
      if (packed.kind === 'refused') return packed.refusal;
      parts.push({ folder, entry: packed.entry });
      at += packed.entry.items.length;
    }
  }
  return parts;
}

/**
 * Items by folder, in stream order each. An entry has room for the folders that appear in it first: so when more or fewer
 * records follow, those that lead it stay where they were, and are recognised there.
 */
function foldersOf(items: readonly Item[], { folderOf, max }: Partitions): ReadonlyMap<string, readonly Item[]> {
  const folders = new Map<string, Item[]>();
  for (const item of items) {
    const own = folderOf(new RecordJson(item.body).json, new Date(item.record.arrivedAt).toISOString());
    const folder = folders.has(own) || folders.size < max ? own : OVERFLOW_FOLDER;
    const sorted = folders.get(folder);
    if (sorted) sorted.push(item);
    else folders.set(folder, [item]);
  }
  return folders;
}

function isRefusal(parts: Part[] | Refusal): parts is Refusal {
  return 'reason' in parts;
}
