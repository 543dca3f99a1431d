/** One at a time for each name, first come, first served. */
export class Locks {
  private readonly tails = new Map<string, Promise<unknown>>();

  /** Names are taken in sorted order, so two callers never wait for each other. */
  public async run<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    const [first, ...rest] = [...new Set(names)].sort();
    if (first === undefined) return work();
    const before = this.tails.get(first) ?? Promise.resolve();
    const mine = before.then(() => this.run(rest, work));
    const tail = mine.catch(() => undefined);
    this.tails.set(first, tail);
    void tail.then(() => this.tails.get(first) === tail && this.tails.delete(first));
    return mine;
  }
}
