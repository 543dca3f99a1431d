import type { Ec2, LedgerItem } from './ports';
import { LEDGER } from './ports';
import { codeOf, inParallel, type Run } from './run';

/** A set, or an image with its snapshots. */
export interface Deletion {
  readonly set: string;
  readonly image?: string;
  readonly snapshots: readonly string[];
  /** Why no rule keeps it. */
  readonly reasons: readonly string[];
}

interface Entry extends LedgerItem, Omit<Deletion, 'reasons'> {
  readonly done?: boolean;
}

/** Snapshots at a time. */
const WIDTH = 4;
/** So long a set that is gone cannot be taken for a new one by a run with old news. */
const MEMORY_SECONDS = 86_400;
const GONE = /^Invalid(Snapshot|AMIID)\.(NotFound|Unavailable)$/;

/**
 * Journal of what a plan deletes: entry → nobody restores it → image → snapshots → done. What ends this half way, the next run
 * goes on with.
 */
export class Deletions {
  /**
   * @param forget from then on nobody finds the set
   * @param restoring sets that restores are using at this moment
   */
  public static async read(
    run: Run & { readonly ec2: Ec2 }, plan: string, forget: (set: string) => Promise<void>, restoring: () => Promise<ReadonlySet<string>>,
  ): Promise<Deletions> {
    return new Deletions(run, plan, forget, restoring, await run.ledger.list(LEDGER.deletion(plan)) as readonly Entry[]);
  }

  private constructor(
    private readonly run: Run & { readonly ec2: Ec2 },
    private readonly plan: string,
    private readonly forget: (set: string) => Promise<void>,
    private readonly restoring: () => Promise<ReadonlySet<string>>,
    private readonly entries: readonly Entry[],
  ) {}

  /** Sets that are being deleted, or were a short time ago. */
  public get sets(): ReadonlySet<string> {
    return new Set(this.entries.filter(({ image }) => image === undefined).map(({ set }) => set));
  }

  /** Ends what earlier runs began. What they did not lay hands on is decided anew. */
  public async finish(untouched: (deletion: Pick<Deletion, 'set' | 'image'>) => boolean): Promise<void> {
    for (const entry of this.entries.filter(({ done }) => done !== true)) {
      if (untouched(entry)) await this.run.ledger.remove(entry.pk, entry.sk);
      else await this.carryOut(entry);
    }
  }

  /** Whether all of it is gone. */
  public async begin({ set, image, snapshots, reasons }: Deletion): Promise<boolean> {
    const { ledger, clock, log } = this.run;
    const entry: Entry = {
      pk: LEDGER.deletion(this.plan), sk: image ?? set, at: clock.now(), set, snapshots, ...image !== undefined && { image },
    };
    await ledger.put(entry);
    // A restore that began since this run read the list has not seen the entry, but is in the list by now.
    if (image === undefined && (await this.restoring()).has(set)) {
      await ledger.remove(entry.pk, entry.sk);
      log.info('set is being restored, it stays', { plan: this.plan, set });
      return false;
    }
    log.info(image === undefined ? 'set is deleted' : 'image is deleted', { plan: this.plan, set, image, snapshots: snapshots.length, reasons });
    return this.carryOut(entry);
  }

  private async carryOut(entry: Entry): Promise<boolean> {
    const { ec2, ledger, clock } = this.run;
    const { set, image, snapshots } = entry;
    if (image === undefined) await this.forget(set);
    else if (!await this.tried(image, () => ec2.deregisterImage(image))) return false;
    const deleted = await inParallel(snapshots, WIDTH, (snapshot) => this.tried(snapshot, () => ec2.deleteSnapshot(snapshot)));
    if (!deleted.every(Boolean)) return false;
    // Once more: a run that had read the snapshots before may have made a recovery point of them.
    if (image === undefined) await this.forget(set);
    const now = clock.now();
    await ledger.put({ ...entry, at: now, done: true, expires: Math.ceil(now / 1000) + MEMORY_SECONDS });
    return true;
  }

  private async tried(id: string, call: () => Promise<void>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      if (GONE.test(codeOf(error))) return true;
      this.run.log.warn('not deleted', { id, code: codeOf(error) });
      return false;
    }
  }
}
