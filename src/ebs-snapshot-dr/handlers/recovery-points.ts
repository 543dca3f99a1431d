import { TAG, type RecoveryPoint } from '../contract';
import { pointKey } from './manifests';
import { LEDGER, type Clock, type Ec2, type Ledger, type Millis, type RecoveryPoints, type Snapshot } from './ports';
import { newestPoints, readSets, recoveryPoint } from './recovery-point';

const DAY_MS = 86_400_000;
/** Queries at a time: a page leads only to the next one of its query, and EC2 takes seconds for each. */
const WIDTH = 4;

export interface RecoveryPointSources {
  readonly ledger: Ledger;
  readonly ec2: Pick<Ec2, 'snapshots'>;
  readonly clock: Pick<Clock, 'now'>;
  /** From tags even if the table has points. */
  readonly rebuild: boolean;
}

/** Recovery points of the site, from nothing but what the site has. One for each invocation: it reads everything once. */
export class SiteRecoveryPoints implements RecoveryPoints {
  private readonly read = new Map<string, Promise<readonly RecoveryPoint[]>>();
  private readonly seen = new Map<string, Snapshot>();

  constructor(private readonly sources: RecoveryPointSources) {}

  public async newest(plan: string, before?: Millis, days?: number): Promise<readonly RecoveryPoint[]> {
    const until = before ?? this.sources.clock.now();
    const points = await (days === undefined ? this.all(plan) : this.ofDays(plan, until, days));
    return newestPoints(await this.kept(plan, points), before);
  }

  public async exactly(plan: string, set: string): Promise<RecoveryPoint | undefined> {
    const { ledger, rebuild } = this.sources;
    const item = rebuild ? undefined : await ledger.get(LEDGER.point(plan), pointKey(set));
    const points = item === undefined ? await this.fromTags(plan, [set]) : [item.point as RecoveryPoint];
    return (await this.kept(plan, points))[0];
  }

  public async snapshots(ids: readonly string[]): Promise<readonly Snapshot[]> {
    const unseen = ids.filter((id) => !this.seen.has(id));
    const found = unseen.length > 0 ? await this.sources.ec2.snapshots({ ids: unseen }) : [];
    return [...found, ...ids.flatMap((id) => this.seen.get(id) ?? [])];
  }

  private async ofDays(plan: string, until: Millis, count: number): Promise<readonly RecoveryPoint[]> {
    const days = Array.from({ length: count + 1 }, (_, ago) => new Date(until - ago * DAY_MS).toISOString().slice(0, 10));
    const stored = await this.once(`table ${plan} ${days.at(-1)}`, () => this.fromTable(plan, days.at(-1)));
    if (stored.length > 0 || await this.isInTable(plan)) return stored;
    return this.once(`tags ${plan} ${days.join()}`, () => this.fromTags(plan, days.map((day) => `*@${day}*`)));
  }

  private async all(plan: string): Promise<readonly RecoveryPoint[]> {
    return await this.isInTable(plan) ? this.wholeTable(plan) : this.once(`tags ${plan}`, () => this.fromTags(plan));
  }

  private async isInTable(plan: string): Promise<boolean> {
    return (await this.wholeTable(plan)).length > 0;
  }

  private wholeTable(plan: string): Promise<readonly RecoveryPoint[]> {
    return this.once(`table ${plan}`, () => this.fromTable(plan));
  }

  private async fromTable(plan: string, from?: string): Promise<readonly RecoveryPoint[]> {
    const { ledger, rebuild } = this.sources;
    return rebuild ? [] : (await ledger.list(LEDGER.point(plan), from)).map(({ point }) => point as RecoveryPoint);
  }

  /** @param sets no two of which match the same one */
  private async fromTags(plan: string, sets?: readonly string[]): Promise<readonly RecoveryPoint[]> {
    const queries = sets === undefined ? [{}] : dealt(sets, WIDTH).map((some) => ({ [TAG.set]: some }));
    const snapshots = await Promise.all(queries.map((tags) => this.sources.ec2.snapshots({ tags: { [TAG.plan]: [plan], ...tags } })));
    return readSets(snapshots.flat(), 'copies').filter(({ state }) => state === 'complete').map((set) => {
      set.snapshots.forEach((snapshot) => this.seen.set(snapshot.snapshot, snapshot));
      return recoveryPoint(set);
    });
  }

  /** Without those that retention deletes. Asked last: what it begins to delete later, it finds in the list of restores. */
  private async kept(plan: string, points: readonly RecoveryPoint[]): Promise<readonly RecoveryPoint[]> {
    const deleted = new Set((await this.sources.ledger.list(LEDGER.deletion(plan))).map(({ sk }) => sk));
    return points.filter(({ set }) => !deleted.has(set));
  }

  private once(what: string, read: () => Promise<readonly RecoveryPoint[]>): Promise<readonly RecoveryPoint[]> {
    const reading = this.read.get(what) ?? read();
    this.read.set(what, reading);
    return reading;
  }
}

/** Into at most so many hands, one by one: those of the same size get equally much. */
function dealt<T>(items: readonly T[], hands: number): T[][] {
  return Array.from({ length: Math.min(hands, items.length) }, (_, hand) => items.filter((__, index) => index % hands === hand));
}
