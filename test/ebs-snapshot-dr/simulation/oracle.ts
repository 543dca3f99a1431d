import { keptTimes } from './keep-oracle';
import { DAY, HOUR, MINUTE, type PlanScenario, type Scenario } from './scenario';
import { lookBackSeconds, TAG } from '../../../src/ebs-snapshot-dr/contract';
import { type Caller, type CopySnapshotInput, type CreateSnapshotsInput, Ec2Model, type ModelOptions, type StoredSnapshot } from '../../kit/fakes/ec2';

/** A set as it really is. Snapshots are the model's own objects: their states are those of now. */
interface SetTruth {
  readonly key: string;
  readonly plan: PlanScenario;
  readonly set: string;
  readonly instance: string;
  readonly at: number;
  /** Of each call that was made for it; more than one are duplicates. */
  readonly calls: Array<readonly StoredSnapshot[]>;
  readonly copies: StoredSnapshot[];
}

const zero = () => 0;
const never = () => false;

/** Since when an instance is protected by a plan. */
export interface Protected {
  readonly plan: PlanScenario;
  readonly since: number;
}

/**
 * Knows what is true from the model's side of every call and judges by it. It shares no code with what it judges: neither how
 * sets are read, nor what retention keeps, nor which copies are due.
 */
export class Oracle {
  public readonly violations: string[] = [];
  public readonly counts = { sets: 0, copies: 0, deletions: 0, errors: 0, duplicateCopies: 0, duplicateSets: 0, limitRefusals: 0 };
  /** Whose copies the model is starting. */
  public foreign = false;
  /** Slots that are somebody else's. */
  public foreignUnderWay: () => number = zero;
  /** Whether the site's table offers the set for restores. */
  public isOffered: (plan: string, set: string) => boolean = never;

  private inOrder: SetTruth[] = [];
  private readonly sets = new Map<string, SetTruth>();
  /** By plan and instance, in order of time. */
  private readonly byInstance = new Map<string, SetTruth[]>();
  /** Copies of each volume. */
  private readonly lineages = new Map<string, StoredSnapshot[]>();
  private readonly copiesOf = new Map<string, StoredSnapshot[]>();
  /** Sets that policy did not keep, at the time some run of pruning began: by side. */
  private readonly dropped = { source: new Set<string>(), site: new Set<string>() };

  constructor(private readonly scenario: Scenario, private readonly clock: { now(): number }) {}

  public fail(what: string): void {
    if (this.violations.length < 20) this.violations.push(`day ${((this.clock.now() - START) / DAY).toFixed(2)}: ${what}`);
  }

  // --- what is true

  /** Newest first, as far as anybody may look for copies. */
  public *recentSets(): Iterable<SetTruth> {
    const from = this.clock.now() - Math.max(...this.scenario.plans.map(({ rpoMs }) => lookBackSeconds(rpoMs / 1000))) * 1000;
    for (let i = this.inOrder.length - 1; i >= 0 && this.inOrder[i].at >= from; i--) yield this.inOrder[i];
  }

  /** Its snapshots are there, or under way. */
  public mayBeWhole({ calls }: SetTruth): boolean {
    return calls.some((call) => call.every(({ deleted, state }) => !deleted && (state === 'completed' || state === 'pending')));
  }

  public setsOf(plan: string, instance: string): readonly SetTruth[] {
    return this.byInstance.get(`${plan} ${instance}`) ?? [];
  }

  public instancesWithSets(plan: string): string[] {
    return [...this.byInstance.keys()].filter((key) => key.startsWith(`${plan} `)).map((key) => key.split(' ')[1]);
  }

  public isWholeAtSource({ calls }: SetTruth): boolean {
    return calls.some((call) => call.every(isGood));
  }

  public isWholeAtSite({ calls, copies }: SetTruth): boolean {
    if (copies.length === 0) return false;
    return calls.some((call) => call.every(({ id }) => copies.some((copy) => copy.source === id && isGood(copy))));
  }

  /** Its copies are not all there, and none of them was there and is gone. */
  public isAwaited(truth: SetTruth): boolean {
    return !this.isWholeAtSite(truth) && !truth.copies.some(({ deleted, completedAt }) => deleted && completedAt !== undefined);
  }

  /** The newest set of the instance that is whole at the site. */
  public newestAtSite(plan: string, instance: string): SetTruth | undefined {
    const sets = this.setsOf(plan, instance);
    for (let i = sets.length - 1; i >= 0; i--) if (this.isWholeAtSite(sets[i])) return sets[i];
    return undefined;
  }

  public takenAt({ calls }: SetTruth): number {
    return Math.min(...(calls.find((call) => call.every(isGood)) ?? calls[0]).map(({ startedAt }) => startedAt));
  }

  /** How far the instance's data at the site lie back, as long as it is protected. */
  public age(instance: string, { plan, since }: Protected): number {
    const newest = this.newestAtSite(plan.plan, instance);
    return this.clock.now() - Math.max(since, newest ? this.takenAt(newest) : since);
  }

  // --- what is seen

  public created(members: readonly StoredSnapshot[]): void {
    const { tags } = members[0];
    const plan = this.scenario.plans.find(({ plan: name }) => name === tags[TAG.plan]);
    const set = tags[TAG.set];
    if (!plan || set === undefined) return;
    this.counts.sets += 1;
    const key = `${plan.plan} ${set}`;
    const known = this.sets.get(key);
    if (known) {
      if (known.calls.some((call) => call.every(({ state, deleted }) => state !== 'error' && !deleted))) this.counts.duplicateSets += 1;
      known.calls.push(members);
      return;
    }
    const [instance, scheduled] = set.split('@');
    const truth: SetTruth = { key, plan, set, instance, at: Date.parse(scheduled), calls: [members], copies: [] };
    this.sets.set(key, truth);
    this.inOrder.push(truth);
    const ofInstance = this.byInstance.get(`${plan.plan} ${instance}`);
    if (ofInstance) ofInstance.push(truth);
    else this.byInstance.set(`${plan.plan} ${instance}`, [truth]);
  }

  public copied(at: Caller, input: CopySnapshotInput, copy: StoredSnapshot, source: StoredSnapshot, underWay: number): void {
    if (this.foreign) return;
    this.counts.copies += 1;
    const { maxCopies, region } = this.scenario.site;
    if (at.region !== region) this.fail(`${copy.id} was copied to ${at.region}`);
    const own = underWay - this.foreignUnderWay();
    const most = maxCopies || this.scenario.copyLimit;
    if (own > most) this.fail(`${own} copies of ours are under way, ${most} may be`);
    if (source.source !== undefined) this.fail(`${source.id}, itself a copy, was copied`);
    if (source.tags[TAG.origin]?.endsWith(`/${at.region}`)) this.fail(`${source.id} was copied to where it comes from`);
    const same = this.copiesOf.get(source.id) ?? [];
    if (same.some(({ deleted, state }) => !deleted && state !== 'error')) this.counts.duplicateCopies += 1;
    this.copiesOf.set(source.id, [...same, copy]);
    const lineage = this.lineages.get(copy.lineage);
    if (lineage) lineage.push(copy);
    else this.lineages.set(copy.lineage, [copy]);
    const truth = this.sets.get(`${input.tags?.[TAG.plan]} ${input.tags?.[TAG.set]}`);
    if (!truth) return this.fail(`${copy.id} belongs to no set that was taken`);
    truth.copies.push(copy);
    if (!truth.calls.some((call) => call.every(isGood))) this.fail(`${copy.id} was copied of a set that is not whole`);
  }

  /** Before the run of a prune: what policy keeps of what really is there. */
  public beforePrune(side: 'source' | 'site', plan: PlanScenario): void {
    const policy = side === 'source' ? plan.sourceRetention : plan.siteRetention;
    for (const instance of this.instancesWithSets(plan.plan)) {
      const whole = this.setsOf(plan.plan, instance).filter((set) => side === 'source' ? this.isWholeAtSource(set) : this.isWholeAtSite(set)).reverse();
      const kept = keptTimes(whole.map(({ at }) => at), policy, this.clock.now());
      for (const { at, key } of whole) if (!kept.has(at)) this.dropped[side].add(key);
    }
  }

  /** Called with a snapshot that is about to be deleted, and no error. */
  public deletes(snapshot: StoredSnapshot): void {
    this.counts.deletions += 1;
    const { tags } = snapshot;
    const truth = this.sets.get(`${tags[TAG.plan]} ${tags[TAG.set]}`);
    if (!truth) return;
    const isCopy = snapshot.source !== undefined;
    if (isCopy && isGood(snapshot)) this.checkNewestCopy(snapshot);
    const side = isCopy ? 'site' : 'source';
    const isWhole = isCopy ? this.isWholeAtSite(truth) : this.isWholeAtSource(truth);
    if (isWhole && this.isNeeded(truth, snapshot)) this.checkWholeSet(side, truth);
    else if (isGood(snapshot) && !isWhole && !isCopy) this.checkHalfSet(truth);
  }

  /** Whether the set is not whole any more without it. */
  private isNeeded({ calls, copies }: SetTruth, snapshot: StoredSnapshot): boolean {
    const isGoodWithout = (each: StoredSnapshot) => each !== snapshot && isGood(each);
    return snapshot.source === undefined
      ? !calls.some((call) => call.every(isGoodWithout))
      : !calls.some((call) => call.every(({ id }) => copies.some((copy) => copy.source === id && isGoodWithout(copy))));
  }

  private checkWholeSet(side: 'source' | 'site', truth: SetTruth): void {
    const { key, plan, set, instance, at } = truth;
    const isWhole = (other: SetTruth) => side === 'source' ? this.isWholeAtSource(other) : this.isWholeAtSite(other);
    if (!this.setsOf(plan.plan, instance).some((other) => other.at > at && isWhole(other))) this.fail(`${key}, the last good set at the ${side}, was deleted`);
    if (!this.dropped[side].has(key)) this.fail(`${key} was deleted at the ${side}, which its policy keeps`);
    if (side === 'site') {
      if (this.isOffered(plan.plan, set)) this.fail(`${key} was deleted while it is offered for restores`);
    } else if (this.isAwaited(truth) && at > this.lookBack(plan)) {
      this.fail(`${key} was deleted at the source before it was copied`);
    }
  }

  private lookBack({ rpoMs }: PlanScenario): number {
    return this.clock.now() - lookBackSeconds(rpoMs / 1000) * 1000;
  }

  private checkNewestCopy(copy: StoredSnapshot): void {
    const all = this.lineages.get(copy.lineage)!;
    const others = all.filter((other) => other !== copy && isGood(other));
    if (!others.some(({ startedAt }) => startedAt >= copy.startedAt)) this.fail(`${copy.id}, the newest copy of ${copy.lineage}, was deleted`);
    this.lineages.set(copy.lineage, all.filter(({ deleted }) => !deleted));
  }

  /** Others of the set are still under way. */
  private checkHalfSet({ key, calls }: SetTruth): void {
    const pending = calls.flat().some(({ deleted, state }) => !deleted && state === 'pending');
    if (pending) this.fail(`${key} was deleted while it is being taken`);
  }

  /** After a tick without a fault: no free slot while a copy could start. */
  public checkSlots(underWay: number, isShown: (snapshot: StoredSnapshot) => boolean): void {
    const limit = this.scenario.site.maxCopies || this.scenario.copyLimit;
    if (underWay >= limit) return;
    for (const truth of this.recentSets()) {
      if (truth.at < this.lookBack(truth.plan) + HOUR) continue;
      const call = truth.calls[0];
      if (!call.every((member) => isGood(member) && isShown(member) && this.clock.now() - (member.completedAt ?? 0) > 15 * MINUTE)) continue;
      for (const member of call) {
        if (this.copiesOf.has(member.id)) continue;
        if (this.lineages.get(member.lineage)?.some(({ state, deleted }) => state === 'pending' && !deleted)) continue;
        return this.fail(`${underWay} of ${limit} slots are in use, and ${member.id} of ${truth.key} is not copied`);
      }
    }
  }

  /** When all has come to rest. */
  public checkEnd(): void {
    for (const { key, calls, copies } of this.sets.values()) {
      if (calls.filter((call) => call.some(isGood)).length > 1) this.fail(`${key} is there twice at the source`);
      const sources = copies.filter(isGood).map(({ source }) => source);
      if (new Set(sources).size < sources.length) this.fail(`${key} has a snapshot that was copied twice`);
    }
  }

  /** Forgets sets of which nothing is left: long runs see many. */
  public forget(): void {
    for (const [name, sets] of this.byInstance) {
      const there = sets.filter(({ calls, copies }) => calls.flat().some(({ deleted }) => !deleted) || copies.some(({ deleted }) => !deleted));
      for (const set of sets) {
        if (there.includes(set)) continue;
        this.sets.delete(set.key);
        for (const { id } of set.calls.flat()) this.copiesOf.delete(id);
      }
      if (there.length > 0) this.byInstance.set(name, there);
      else this.byInstance.delete(name);
    }
    this.inOrder = this.inOrder.filter(({ key }) => this.sets.has(key));
  }
}

export function isGood({ deleted, state }: StoredSnapshot): boolean {
  return !deleted && state === 'completed';
}

/** The virtual clock begins here. */
export const START = Date.UTC(2026, 0, 1);

/** EC2 with the oracle beside it. */
export class WatchedModel extends Ec2Model {
  constructor(options: ModelOptions, private readonly oracle: Oracle) {
    super(options);
  }

  public override createSnapshots(caller: Caller, input: CreateSnapshotsInput): readonly StoredSnapshot[] {
    const members = super.createSnapshots(caller, input);
    this.oracle.created(members);
    return members;
  }

  public override copySnapshot(caller: Caller, input: CopySnapshotInput): StoredSnapshot {
    try {
      const copy = super.copySnapshot(caller, input);
      this.oracle.copied(caller, input, copy, this.find(input.source)!, this.copiesUnderWay(caller));
      return copy;
    } catch (error) {
      if (!this.oracle.foreign && (error as Error).name === 'ResourceLimitExceeded') this.oracle.counts.limitRefusals += 1;
      throw error;
    }
  }

  public override deleteSnapshot(caller: Caller, id: string): void {
    const snapshot = this.find(id);
    const deletable = snapshot && snapshot.images.size === 0 && !this.isLocked(snapshot) && !snapshot.deleteRequested;
    if (deletable) this.oracle.deletes(snapshot);
    super.deleteSnapshot(caller, id);
  }
}
