import { TAG, type RecoveryPoint } from '../contract';
import { LEDGER, type Ec2, type Ledger, type Millis, type RecoveryPoints, type Snapshot } from './ports';
import { newestPoints, readSets, recoveryPoint } from './recovery-point';

/** Recovery points of the site, from nothing but what the site has. One for each invocation: it reads a plan once. */
export class SiteRecoveryPoints implements RecoveryPoints {
  private readonly plans = new Map<string, Promise<readonly RecoveryPoint[]>>();
  private readonly seen = new Map<string, Snapshot>();

  /** @param rebuild reads the tags even if the table has points */
  constructor(private readonly ledger: Ledger, private readonly ec2: Ec2, private readonly rebuild: boolean) {}

  public async newest(plan: string, before?: Millis): Promise<readonly RecoveryPoint[]> {
    return newestPoints(await this.all(plan), before);
  }

  public async exactly(plan: string, set: string): Promise<RecoveryPoint | undefined> {
    return (await this.all(plan)).find((point) => point.set === set);
  }

  public async snapshots(ids: readonly string[]): Promise<readonly Snapshot[]> {
    const unseen = ids.filter((id) => !this.seen.has(id));
    const found = unseen.length > 0 ? await this.ec2.snapshots({ ids: unseen }) : [];
    return [...found, ...ids.flatMap((id) => this.seen.get(id) ?? [])];
  }

  private all(plan: string): Promise<readonly RecoveryPoint[]> {
    const reading = this.plans.get(plan) ?? this.read(plan);
    this.plans.set(plan, reading);
    return reading;
  }

  private async read(plan: string): Promise<readonly RecoveryPoint[]> {
    const stored = this.rebuild ? [] : (await this.ledger.list(LEDGER.point(plan))).map(({ point }) => point as RecoveryPoint);
    const points = stored.length > 0 ? stored : await this.fromTags(plan);
    // Read last: what retention begins to delete later is found by it in the list of restores.
    const deleted = new Set((await this.ledger.list(LEDGER.deletion(plan))).map(({ sk }) => sk));
    return points.filter(({ set }) => !deleted.has(set));
  }

  private async fromTags(plan: string): Promise<readonly RecoveryPoint[]> {
    const snapshots = await this.ec2.snapshots({ tags: { [TAG.plan]: [plan] } });
    return readSets(snapshots, 'copies').filter(({ state }) => state === 'complete').map((set) => {
      set.snapshots.forEach((snapshot) => this.seen.set(snapshot.snapshot, snapshot));
      return recoveryPoint(set);
    });
  }
}
