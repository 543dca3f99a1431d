/** More than any window of a few shards; the oldest ids go first. */
const MAX_IDS = 50_000;
/** A batch that failed comes again much sooner. Ids nobody asked for since may belong to a reader that began anew. */
const MAX_AGE_MS = 15 * 60_000;

/**
 * Ids of records that are finished although the checkpoint lies before them: their batch comes again, and in this environment
 * they are left out. Only ids that were acknowledged get in, so forgetting one costs a duplicate and keeping one never costs
 * a record; that stays true when batches are bisected, when other batches of the shard run elsewhere at the same time, and
 * when an old batch comes back.
 */
export class DeliveredSet {
  /** Id → when it was last confirmed; in that order. */
  private readonly ids = new Map<string, number>();

  constructor(private readonly now: () => number, private readonly maxIds = MAX_IDS) {}

  public get size(): number {
    return this.ids.size;
  }

  public has(id: string): boolean {
    const since = this.ids.get(id);
    return since !== undefined && since > this.now() - MAX_AGE_MS;
  }

  public add(id: string): void {
    this.ids.delete(id);
    this.ids.set(id, this.now());
    if (this.ids.size > this.maxIds) {
      this.forgetOldest();
    }
  }

  /** Its checkpoint has passed: it will not come again. */
  public delete(id: string): void {
    this.ids.delete(id);
  }

  /** Forgets what is too old to matter. */
  public expire(): void {
    const oldest = this.now() - MAX_AGE_MS;
    for (const [id, since] of this.ids) {
      if (since > oldest) {
        return;
      }
      this.ids.delete(id);
    }
  }

  private forgetOldest(): void {
    for (const id of this.ids.keys()) {
      this.ids.delete(id);
      return;
    }
  }
}
