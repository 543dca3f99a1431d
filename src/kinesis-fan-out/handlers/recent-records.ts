/** More than any window of a few shards; the oldest go first. */
const MAX_RECORDS = 50_000;
/** A batch that failed comes again much sooner. What nobody asked for since may belong to a reader that began anew. */
const MAX_AGE_MS = 15 * 60_000;

/**
 * What an environment remembers of records that will come again, by their id. Forgetting costs a duplicate or a call, and
 * never a record, so memory is bounded in number and in age.
 */
export class RecentRecords<T> {
  /** In the order in which they were last confirmed. */
  private readonly records = new Map<string, { readonly value: T; readonly since: number }>();

  constructor(private readonly now: () => number, private readonly maxRecords = MAX_RECORDS) {}

  public get size(): number {
    return this.records.size;
  }

  public get(id: string): T | undefined {
    // The usual case, and ids are long to hash.
    if (this.records.size === 0) {
      return undefined;
    }
    const found = this.records.get(id);
    return found !== undefined && this.isFresh(found) ? found.value : undefined;
  }

  public set(id: string, value: T): void {
    this.records.delete(id);
    this.records.set(id, { value, since: this.now() });
    this.trim();
  }

  /** It will not come again. */
  public delete(id: string): void {
    if (this.records.size > 0) {
      this.records.delete(id);
    }
  }

  private isFresh({ since }: { readonly since: number }): boolean {
    return since > this.now() - MAX_AGE_MS;
  }

  private trim(): void {
    for (const [id, record] of this.records) {
      if (this.records.size <= this.maxRecords && this.isFresh(record)) {
        return;
      }
      this.records.delete(id);
    }
  }
}

/**
 * What an environment knows of the batches it had. Delivered are only records that were acknowledged, each by its own id:
 * that stays true when batches are bisected, when other batches of the shard run elsewhere at the same time, and when an old
 * batch comes back.
 */
export interface Memory {
  /** Finished although the checkpoint lies before them. */
  readonly delivered: RecentRecords<true>;
  /** Unfinished, and among those of whom one spoiled a pack or a call. */
  readonly suspects: RecentRecords<Company>;
}

/** How many at most a record leaves with: halved whenever they are refused together. */
export interface Company {
  /** Records of one entry. */
  readonly pack: number;
  /** Entries of one call. */
  readonly call: number;
}

export function createMemory(now: () => number): Memory {
  return { delivered: new RecentRecords(now), suspects: new RecentRecords(now) };
}
