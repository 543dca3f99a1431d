import { keptTimes } from './keep-oracle';
import { DAY, HOUR, MINUTE, type PlanScenario, type Scenario } from './scenario';
import { lookBackSeconds, TAG } from '../../../src/ebs-snapshot-dr/contract';
import {
  type Caller, type CopyImageInput, type CopySnapshotInput, type CreateSnapshotsInput, Ec2Model, type ModelOptions, type StoredImage,
  type StoredSnapshot,
} from '../../kit/fakes/ec2';

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

/** Whose function it is: of a plan in its own Region, or of a site, by its index. */
export interface Acting extends Caller {
  readonly actor: PlanScenario | number;
}

/** Copies of one volume. */
interface Lineage {
  /** That are there, as far as is known. */
  copies: StoredSnapshot[];
  /** Nobody has looked yet whether they are incremental. */
  unjudged: StoredSnapshot[];
  /** When the first one was complete. */
  firstAt: number;
}

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
  public readonly counts = {
    sets: 0, copies: 0, deletions: 0, duplicateCopies: 0, duplicateSets: 0, limitRefusals: 0, images: 0, incremental: 0, recovered: 0,
  };
  /** Whose copies the model is starting. */
  public foreign = false;
  /** Slots of the first site that are somebody else's. */
  public foreignUnderWay: () => number = zero;
  /** Whether the site's table offers the set for restores. */
  public isOffered: (plan: PlanScenario, set: string) => boolean = never;
  public isThere: (image: string) => boolean = never;
  public isRecycled: (snapshot: string) => boolean = never;
  public isLocked: (snapshot: StoredSnapshot) => boolean = never;

  private inOrder: SetTruth[] = [];
  private readonly sets = new Map<string, SetTruth>();
  /** By plan and instance, in order of time. */
  private readonly byInstance = new Map<string, SetTruth[]>();
  /** Copies of each volume. */
  private readonly lineages = new Map<string, Lineage>();
  private readonly copiesOf = new Map<string, StoredSnapshot[]>();
  /** Sets that policy did not keep when some run of pruning began, or deleted: by side. */
  private readonly dropped = { source: new Set<string>(), site: new Set<string>() };
  /** Taken out of the Recycle Bin: when. */
  private readonly recoveredAt = new Map<StoredSnapshot, number>();
  private readonly imageCopies: StoredImage[] = [];

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

  public instancesWithSets(plan: PlanScenario): string[] {
    return [...this.byInstance.values()].filter(([{ plan: of }]) => of === plan).map(([{ instance }]) => instance);
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
    const { tags, region: at } = members[0];
    const plan = this.scenario.plans.find(({ plan: name, region }) => name === tags[TAG.plan] && region === at);
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
    if (source.source !== undefined) this.fail(`${source.id}, itself a copy, was copied`);
    if (source.tags[TAG.origin]?.endsWith(`/${at.region}`)) this.fail(`${source.id} was copied to where it comes from`);
    const truth = this.sets.get(`${input.tags?.[TAG.plan]} ${input.tags?.[TAG.set]}`);
    if (!truth) return this.fail(`${copy.id} belongs to no set that was taken`);
    const { maxCopies, region } = this.scenario.sites[truth.plan.site];
    if (at.region !== region) this.fail(`${copy.id} was copied to ${at.region}`);
    const own = underWay - (truth.plan.site === 0 ? this.foreignUnderWay() : 0);
    const most = maxCopies || this.scenario.copyLimit;
    if (own > most) this.fail(`${own} copies of ours are under way, ${most} may be`);
    const same = this.copiesOf.get(source.id) ?? [];
    if (same.some(({ deleted, state }) => !deleted && state !== 'error')) this.counts.duplicateCopies += 1;
    this.copiesOf.set(source.id, [...same, copy]);
    const lineage = this.lineages.get(copy.lineage) ?? { copies: [], unjudged: [], firstAt: Infinity };
    this.lineages.set(copy.lineage, lineage);
    this.checkIncremental(lineage);
    lineage.copies.push(copy);
    lineage.unjudged.push(copy);
    truth.copies.push(copy);
    if (!truth.calls.some((call) => call.every(isGood))) this.fail(`${copy.id} was copied of a set that is not whole`);
  }

  /** Of a volume only the first copy is a full one, whatever was deleted since. Which one is, EC2's own rules say in the model. */
  private checkIncremental(lineage: Lineage): void {
    for (const { completedAt } of lineage.unjudged) lineage.firstAt = Math.min(lineage.firstAt, completedAt ?? Infinity);
    for (const { completedAt, id, incremental, lineage: volume, startedAt } of lineage.unjudged) {
      if (completedAt === undefined) continue;
      if (incremental === true) this.counts.incremental += 1;
      else if (lineage.firstAt <= startedAt) this.fail(`${id} is a full copy of ${volume}, of which there was one`);
    }
    lineage.unjudged = lineage.unjudged.filter(({ completedAt, deleted, state }) => completedAt === undefined && !deleted && state === 'pending');
  }

  public imageCopied(at: Caller, image: StoredImage, source: StoredImage): void {
    if (source.source !== undefined) this.fail(`${source.id}, itself a copy, was copied`);
    if (source.tags[TAG.origin]?.endsWith(`/${at.region}`)) this.fail(`${source.id} was copied to where it comes from`);
    // The same token is the same copy.
    if (!this.imageCopies.includes(image)) this.imageCopies.push(image);
  }

  /** @param others there in the same place, and known to EC2 as used by something */
  public deregisters(image: StoredImage, others: readonly StoredImage[], isUsed: boolean): void {
    this.counts.images += 1;
    if (isUsed) this.fail(`${image.id} was deregistered while it is in use`);
    if (image.state !== 'available' || image.tags[TAG.set] === undefined) return;
    const isNewer = (other: StoredImage) => other.state === 'available' && isSameKind(other, image) && other.tags[TAG.set] > image.tags[TAG.set];
    if (!others.some(isNewer)) this.fail(`${image.id}, the newest image of its instance, was deregistered`);
  }

  /** Images a prune had to find in use: nothing else would keep them. */
  public isKeptByUse({ tags, source }: StoredImage, plan: PlanScenario): boolean {
    const truth = this.sets.get(`${plan.plan} ${tags[TAG.set]}`);
    return !truth || (source === undefined ? truth.calls.flat() : truth.copies).every(({ deleted }) => deleted);
  }

  public recovered(snapshot: StoredSnapshot): void {
    this.counts.recovered += 1;
    this.recoveredAt.set(snapshot, this.clock.now());
  }

  /** Before the run of a prune: what policy keeps of what really is there. */
  public beforePrune(side: 'source' | 'site', plan: PlanScenario): void {
    const policy = side === 'source' ? plan.sourceRetention : plan.siteRetention;
    for (const instance of this.instancesWithSets(plan)) {
      const whole = this.setsOf(plan.plan, instance).filter((set) => side === 'source' ? this.isWholeAtSource(set) : this.isWholeAtSite(set)).reverse();
      const kept = keptTimes(whole.map(({ at }) => at), policy, this.clock.now());
      for (const { at, key } of whole) if (!kept.has(at)) this.dropped[side].add(key);
    }
  }

  /** Called with a snapshot that is about to be deleted, and no error. */
  public deletes(snapshot: StoredSnapshot, { actor }: Acting): void {
    this.counts.deletions += 1;
    const { tags } = snapshot;
    const truth = this.sets.get(`${tags[TAG.plan]} ${tags[TAG.set]}`);
    if (!truth) return;
    const isCopy = snapshot.source !== undefined;
    if (actor !== (isCopy ? truth.plan.site : truth.plan)) this.fail(`${snapshot.id} of ${truth.key} was deleted by ${nameOf(actor)}`);
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
    // What was whole when EC2 answered counts, which may have been a while after the run began.
    if (!this.dropped[side].has(key)) this.beforePrune(side, plan);
    if (!this.dropped[side].has(key)) this.fail(`${key} was deleted at the ${side}, which its policy keeps`);
    if (side === 'site') {
      if (this.isOffered(plan, set)) this.fail(`${key} was deleted while it is offered for restores`);
    } else if (this.isAwaited(truth) && at > this.lookBack(plan)) {
      this.fail(`${key} was deleted at the source before it was copied`);
    }
  }

  private lookBack({ rpoMs }: PlanScenario): number {
    return this.clock.now() - lookBackSeconds(rpoMs / 1000) * 1000;
  }

  private checkNewestCopy(copy: StoredSnapshot): void {
    const lineage = this.lineages.get(copy.lineage)!;
    this.checkIncremental(lineage);
    const others = lineage.copies.filter((other) => other !== copy && isGood(other));
    if (!others.some(({ startedAt }) => startedAt >= copy.startedAt)) this.fail(`${copy.id}, the newest copy of ${copy.lineage}, was deleted`);
    lineage.copies = lineage.copies.filter(({ deleted }) => !deleted);
  }

  /** Others of the set are still under way. */
  private checkHalfSet({ key, calls }: SetTruth): void {
    const pending = calls.flat().some(({ deleted, state }) => !deleted && state === 'pending');
    if (pending) this.fail(`${key} was deleted while it is being taken`);
  }

  /** After a tick without a fault: no free slot while a copy could start. */
  public checkSlots(site: number, underWay: number, isShown: (snapshot: StoredSnapshot) => boolean): void {
    const limit = this.scenario.sites[site].maxCopies || this.scenario.copyLimit;
    if (underWay >= limit) return;
    for (const truth of this.recentSets()) {
      if (truth.plan.site !== site || truth.at < this.lookBack(truth.plan) + HOUR) continue;
      const call = truth.calls[0];
      if (!call.every((member) => isGood(member) && isShown(member) && this.clock.now() - (member.completedAt ?? 0) > 15 * MINUTE)) continue;
      for (const member of call) {
        if (this.copiesOf.has(member.id)) continue;
        if (this.lineages.get(member.lineage)?.copies.some(({ state, deleted }) => state === 'pending' && !deleted)) continue;
        return this.fail(`${underWay} of ${limit} slots are in use, and ${member.id} of ${truth.key} is not copied`);
      }
    }
  }

  /** Of all sets, also those that are not the newest: somebody may ask for them by their ids. */
  public checkOffered(plan: PlanScenario): void {
    for (const truth of this.sets.values()) {
      if (truth.plan === plan && !this.isWholeAtSite(truth) && this.isOffered(plan, truth.set)) this.fail(`${truth.key} is offered and is not whole`);
    }
  }

  /** When all has come to rest. */
  public checkEnd(): void {
    for (const { key, calls, copies } of this.sets.values()) {
      if (calls.filter((call) => call.some(isGood)).length > 1) this.fail(`${key} is there twice at the source`);
      const sources = copies.filter(isGood).map(({ source }) => source);
      if (new Set(sources).size < sources.length) this.fail(`${key} has a snapshot that was copied twice`);
    }
    for (const lineage of this.lineages.values()) this.checkIncremental(lineage);
    const images = this.imageCopies.filter(({ id, state }) => state === 'available' && this.isThere(id)).map(({ source }) => source);
    if (new Set(images).size < images.length) this.fail('an image was copied twice');
    for (const [snapshot, at] of this.recoveredAt) this.checkRecovered(snapshot, at);
  }

  /** What came back from the Recycle Bin goes again, unless something keeps it that would keep it anyway. */
  private checkRecovered(snapshot: StoredSnapshot, at: number): void {
    const truth = this.sets.get(`${snapshot.tags[TAG.plan]} ${snapshot.tags[TAG.set]}`);
    // Snapshots of images are whose who took them back; and a narrow brake, or a source nobody can ask any more, may hold anything for long.
    if (!truth || !isGood(snapshot) || this.isLocked(snapshot) || truth.plan.brake.maxShare < 1) return;
    if (this.clock.now() - at < 3 * this.scenario.pruneEveryMs + lookBackSeconds(truth.plan.rpoMs / 1000) * 1000 + 2 * DAY) return;
    const side = snapshot.source === undefined ? 'source' : 'site';
    const { dark, plans } = this.scenario;
    if (side === 'source' && dark.some(({ plan, until }) => until === Infinity && plans[plan].region === truth.plan.region)) return;
    if (side === 'source' ? this.isWholeAtSource(truth) : this.isWholeAtSite(truth)) {
      this.beforePrune(side, truth.plan);
      if (!this.dropped[side].has(truth.key)) return;
    }
    const others = this.setsOf(truth.plan.plan, truth.instance);
    const isLast = !others.some((other) => other.at > truth.at && (side === 'source' ? this.isWholeAtSource(other) : this.isWholeAtSite(other)));
    if (isLast || truth.copies.concat(truth.calls.flat()).some((other) => this.isNewestOfLineage(other))) return;
    this.fail(`${snapshot.id} of ${truth.key} was taken back ${((this.clock.now() - at) / DAY).toFixed(1)} days ago and is still there`);
  }

  private isNewestOfLineage(copy: StoredSnapshot): boolean {
    if (copy.source === undefined || !isGood(copy)) return false;
    return !this.lineages.get(copy.lineage)?.copies.some((other) => other !== copy && isGood(other) && other.startedAt >= copy.startedAt);
  }

  /** Forgets sets of which nothing is left: long runs see many. */
  public forget(): void {
    for (const [name, sets] of this.byInstance) {
      const isThere = ({ deleted, id }: StoredSnapshot) => !deleted || this.isRecycled(id);
      const there = sets.filter(({ calls, copies }) => calls.flat().some(isThere) || copies.some(isThere));
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

/** Images of one plan's instance on one side. */
function isSameKind(one: StoredImage, other: StoredImage): boolean {
  const kindOf = ({ source, tags }: StoredImage) => `${tags[TAG.plan]} ${tags[TAG.set]?.split('@')[0]} ${source === undefined}`;
  return kindOf(one) === kindOf(other);
}

function nameOf(actor: Acting['actor']): string {
  return typeof actor === 'object' ? actor.plan : `site ${actor}`;
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

  public override copyImage(caller: Caller, input: CopyImageInput): StoredImage {
    const image = super.copyImage(caller, input);
    this.oracle.imageCopied(caller, image, this.anyImage(input.source)!);
    return image;
  }

  public override deregisterImage(caller: Caller, id: string): void {
    const all = this.images(caller);
    const image = all.find((each) => each.id === id);
    if (image) this.oracle.deregisters(image, all, this.isInUse(image));
    super.deregisterImage(caller, id);
  }

  public isInUse({ id, ...at }: StoredImage): boolean {
    return this.uses(at).some(({ image }) => image === id) || this.instances(at).some(({ image, state }) => image === id && state !== 'terminated');
  }

  public override deleteSnapshot(caller: Acting, id: string): void {
    const snapshot = this.find(id);
    const deletable = snapshot && snapshot.images.size === 0 && !this.isLocked(snapshot) && !snapshot.deleteRequested;
    if (deletable) this.oracle.deletes(snapshot, caller);
    super.deleteSnapshot(caller, id);
  }
}
