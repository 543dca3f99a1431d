import { type Acting, Oracle, type Protected, START, WatchedModel } from './oracle';
import { DAY, HOUR, MINUTE, OWN, type PlanScenario, QUIET_DAYS, type Scenario, type Spell } from './scenario';
import { METRIC, type PlanSettings, type RecoveryPoint, type SiteSettings, TAG } from '../../../src/ebs-snapshot-dr/contract';
import { copyTick } from '../../../src/ebs-snapshot-dr/handlers/copy-tick';
import { LEDGER, type Metrics } from '../../../src/ebs-snapshot-dr/handlers/ports';
import { prunePlan, pruneSite } from '../../../src/ebs-snapshot-dr/handlers/prune-run';
import { SiteRecoveryPoints } from '../../../src/ebs-snapshot-dr/handlers/recovery-points';
import type { Run } from '../../../src/ebs-snapshot-dr/handlers/run';
import { matches } from '../../../src/ebs-snapshot-dr/handlers/selection';
import { shareSets } from '../../../src/ebs-snapshot-dr/handlers/share-run';
import { takeSets } from '../../../src/ebs-snapshot-dr/handlers/take-sets';
import { watchTick } from '../../../src/ebs-snapshot-dr/handlers/watch-tick';
import {
  Bucket, type Caller, type Ec2Event, FAIR, FakeEc2, FakeLedger, FakeObjects, FakeQuotas, type Fates, type ImageUse, LedgerTable, Line,
  type RunEnd, seededFates, type StoredImage, type StoredInstance, VirtualClock,
} from '../../kit/fakes/ec2';
import { hash32, Prng } from '../../kit/faults';

/** What a run saw, for whoever wants to know what it covers. */
export interface Tally {
  readonly instances: number;
  readonly volumes: number;
  readonly sets: number;
  readonly copies: number;
  readonly deletions: number;
  readonly invocations: number;
  readonly calls: number;
  readonly faults: number;
  readonly killed: number;
  readonly alarmed: number;
  readonly restores: number;
  /** Images deregistered, and times one was kept as it is in use. */
  readonly images: number;
  readonly imagesInUse: number;
  /** Copies that needed what changed only. */
  readonly incremental: number;
  /** Snapshots taken out of the Recycle Bin. */
  readonly recovered: number;
  /** Instances restored in another Region, and home again. */
  readonly movedInstances: number;
  /** Events that started a function. */
  readonly events: number;
}

/** Time between ticks while there is something to do. */
const TICK: Readonly<Record<Scenario['size'], number>> = { small: 20 * MINUTE, middle: 30 * MINUTE, full: 30 * MINUTE };
/** The functions' own schedule. */
const REAL_TICK = 5 * MINUTE;
/** Share of events that never arrive: they are hints, ticks do the work. */
const LOST_EVENTS = 0.1;
/** From the schedule's time to the first tick that may find its sets complete. */
const FIRST_TICK = 15 * MINUTE;
/** Time an invocation may use. */
const TIMEOUT = 10 * MINUTE;
/** Lambda repeats an asynchronous invocation twice. */
const RETRIES = [1, 2];

/** Copies may be complete so long before the heartbeat is told. */
const SLACK = MINUTE;
/** Key of users' tags that a strict account's policy refuses. */
const REFUSED_TAG = 'role';

/** Metrics that wake somebody up. */
const ALARMS: readonly string[] = [
  METRIC.setsFailed, METRIC.copiesFailed, METRIC.copiesLate, METRIC.pruneHeld, METRIC.imagesFailed, METRIC.freezesFailed,
];

interface Site extends Acting {
  readonly index: number;
  readonly plans: readonly PlanScenario[];
  readonly bucket: Bucket;
  readonly key?: string;
  readonly maxCopies: number;
  ticking?: Due;
}

/** What an invocation showed besides its end. */
interface Seen {
  readonly faults: number;
  /** By plan and name. */
  readonly metrics: ReadonlyMap<string, number>;
}

interface Due {
  readonly at: number;
  readonly act: () => Promise<void>;
}

/** Both sides of all plans of a scenario over a model of EC2. */
export class World {
  private readonly clock = new VirtualClock(START);
  private readonly oracle: Oracle;
  private readonly model: WatchedModel;
  private readonly chance: Prng;
  private readonly tables = new Map<string, LedgerTable>();
  private readonly sites: readonly Site[];
  private readonly schedule: Due[] = [];
  private readonly fleets: StoredInstance[][];
  /** By plan and instance. */
  private readonly protectedSince = new Map<string, Protected>();
  private readonly tally = { invocations: 0, calls: 0, faults: 0, killed: 0, alarmed: 0, restores: 0, imagesInUse: 0, movedInstances: 0, events: 0 };
  /** Instances that moved away from a Region nobody could reach. */
  private retired: StoredInstance[] = [];
  private uses: { readonly image: string; readonly end: () => void }[] = [];
  private foreignCopies: string[] = [];
  private names = 0;

  constructor(private readonly scenario: Scenario) {
    const { seed, copyLimit, listsRecycled, maxLingerMs, maxSettleMs, plans, recycleDays, sites, strictAccounts } = scenario;
    this.oracle = new Oracle(scenario, this.clock);
    this.model = new WatchedModel({
      seed,
      clock: this.clock,
      copyLimit,
      maxSettleMs,
      maxLingerMs,
      listsRecycled,
      bucket: { burst: 1000, perSecond: 200 },
      refusedTags: { accounts: strictAccounts, keys: [REFUSED_TAG] },
    }, this.oracle);
    this.chance = new Prng(hash32(seed, 'world'));
    this.sites = sites.map(({ account, encrypted, maxCopies, region }, index) => ({
      account,
      region,
      index,
      actor: index,
      maxCopies,
      plans: plans.filter((plan) => plan.site === index),
      bucket: new Bucket(region),
      key: encrypted ? this.model.addKey({ account, region }).arn : undefined,
    }));
    for (const plan of recycleDays > 0 ? plans : []) {
      const tags = { [TAG.plan]: plan.plan };
      for (const place of [placeOf(plan), this.siteOf(plan)]) this.model.recycle({ ...placeAt(place), tags, days: recycleDays });
    }
    if (scenario.busy) this.model.onEvent((event) => this.hear(event));
    this.oracle.isThere = (image) => this.model.anyImage(image) !== undefined;
    this.oracle.isRecycled = (snapshot) => this.model.isRecycled(snapshot);
    this.oracle.isLocked = (snapshot) => this.model.isLocked(snapshot);
    this.oracle.foreignUnderWay = () => this.foreignCopies.filter((id) => this.model.find(id)?.state === 'pending').length;
    this.oracle.isOffered = (plan, set) => this.tableOf(this.siteOf(plan)).get(`point#${plan.plan}`, set.split('@').reverse().join('#')) !== undefined;
    this.fleets = scenario.plans.map((plan) => Array.from({ length: plan.instances }, () => this.instance(plan)));
  }

  public async run(): Promise<{ readonly violations: readonly string[]; readonly tally: Tally }> {
    const { busy, days, failback, imagesInUse, plans, pruneEveryMs, changeEveryDays, recycleDays } = this.scenario;
    const volumes = this.fleets.flat().reduce((sum, { volumes: of }) => sum + of.length, 0);
    this.spells();
    plans.forEach((plan, i) => {
      this.every(plan.everyMs, plan.from + plan.everyMs / 2, (at) => this.take(i, at));
      this.every(pruneEveryMs, plan.from + HOUR + i * MINUTE, () => this.prunePlan(i));
    });
    for (const site of this.sites) {
      const from = Math.min(...site.plans.map((plan) => plan.from));
      this.every(pruneEveryMs, from + 2 * HOUR, () => this.pruneSite(site));
      this.every(pruneEveryMs * 5, from + 5 * HOUR, () => this.checkRestores(site));
      this.tickAt(site, START + from);
    }
    this.every(changeEveryDays * DAY, 3 * HOUR, async () => this.change());
    if (imagesInUse > 0) this.every(3 * DAY, 4 * HOUR, async () => this.useImages());
    if (recycleDays > 0) this.every(4 * DAY, 6 * HOUR, async () => this.recover());
    if (busy) this.beBusy(busy);
    if (failback) {
      this.at(START + failback.at, () => this.move(this.sites[0], failback.plan, failback.back));
      this.at(START + failback.homeAt, () => this.move(this.sites[1], failback.back, failback.plan));
    }
    const end = START + days * DAY;
    while (this.oracle.violations.length === 0) {
      const next = this.schedule.shift();
      if (!next || next.at > end) break;
      this.clock.advanceTo(next.at);
      await next.act();
    }
    if (this.oracle.violations.length === 0) await this.end();
    const { sets, copies, deletions, images, incremental, recovered } = this.oracle.counts;
    return {
      violations: this.oracle.violations,
      tally: { instances: this.fleets.flat().length, volumes, sets, copies, deletions, images, incremental, recovered, ...this.tally },
    };
  }

  // --- when things happen

  private at(time: number, act: () => Promise<void>): Due {
    const due = { at: time, act };
    let index = this.schedule.length;
    while (index > 0 && this.schedule[index - 1].at > time) index -= 1;
    this.schedule.splice(index, 0, due);
    return due;
  }

  private every(ms: number, first: number, act: (scheduled: number) => Promise<void>): void {
    const next = (time: number) => this.at(time, async () => {
      next(time + ms);
      await act(time);
    });
    next(START + first);
  }

  private tickAt(site: Site, time: number): void {
    if (site.ticking && site.ticking.at <= time) return;
    if (site.ticking) this.schedule.splice(this.schedule.indexOf(site.ticking), 1);
    site.ticking = this.at(time, () => this.tick(site));
  }

  /** Sets of all plans that are there by then, and functions as their schedules and events really start them. */
  private beBusy({ everyMs, from, until }: NonNullable<Scenario['busy']>): void {
    const plans = [...this.scenario.plans.entries()].filter(([, plan]) => plan.from < from);
    const sites = new Set(plans.map(([, plan]) => this.siteOf(plan)));
    for (const [i] of plans) {
      for (let at = START + from; at < START + until; at += everyMs) this.at(at, () => this.take(i, at));
      for (let at = START + from + 20 * MINUTE; at < START + until; at += HOUR) this.at(at, () => this.prunePlan(i));
    }
    for (const site of sites) {
      for (let at = START + from + 25 * MINUTE; at < START + until; at += HOUR) this.at(at, () => this.pruneSite(site));
      this.at(START + from, async () => this.tickAt(site, START + from));
    }
  }

  private get isBusy(): boolean {
    return this.scenario.busy !== undefined && this.isDuring([this.scenario.busy]);
  }

  /** Events start functions within a minute, most of them, and now and then twice. */
  private hear(event: Ec2Event): void {
    if (!this.isBusy || this.chance.chance(LOST_EVENTS)) return;
    const again = this.chance.chance(this.scenario.repeated) ? [1, 2] : [1];
    const soon = (act: () => Promise<unknown>) => {
      const at = this.clock.now() + this.chance.int(0, 60) * 1000;
      this.at(at, async () => void await Promise.all(again.map(() => act())));
      this.tally.events += 1;
    };
    if (event.detail.event === 'copySnapshot') {
      const site = this.sites.find(({ account, region }) => region === event.region && account === event.account);
      if (site && this.isAlive(site)) {
        soon(() => this.copy(site));
        soon(() => this.watch(site));
      }
    }
    if (event.detail.event === 'createSnapshots') {
      const plans = this.scenario.plans.filter((plan) => plan.region === event.region && isForeign(this.siteOf(plan)));
      plans.forEach((plan) => soon(() => this.share(plan)));
    }
  }

  private spells(): void {
    const { dark, keyless, plans, weather } = this.scenario;
    const during = ({ from, until }: Spell, begin: () => void, end: () => void) => {
      this.clock.at(START + from, begin);
      if (until !== Infinity) this.clock.at(START + until, end);
    };
    for (const spell of dark) {
      const { region } = plans[spell.plan];
      during(spell, () => this.model.darken(region), () => this.isGone(region) || this.lighten(region));
    }
    for (const spell of keyless) {
      const key = this.sites[0].key === undefined ? undefined : this.model.key(this.sites[0].key);
      if (key) during(spell, () => key.enabled = false, () => key.enabled = true);
    }
    for (const spell of weather) {
      during(spell, () => Object.assign(this.model.mishaps, spell.mishaps), () => Object.assign(this.model.mishaps, { set: 0, copy: 0 }));
    }
    for (const spell of this.scenario.foreign) {
      for (let at = spell.from; at < spell.until; at += 3 * HOUR) this.clock.at(START + at, () => this.foreign());
    }
  }

  private isDuring(spells: readonly Spell[]): boolean {
    const now = this.clock.now() - START;
    return spells.some(({ from, until }) => from <= now && now < until);
  }

  private lighten(region: string): void {
    this.model.lighten(region);
    this.retired.filter((instance) => instance.region === region).forEach((instance) => this.model.terminate(instance));
    this.retired = this.retired.filter((instance) => instance.region !== region);
  }

  private isGone(region: string): boolean {
    const gone = this.scenario.dark.filter(({ plan, until }) => until === Infinity && this.scenario.plans[plan].region === region);
    return this.isDuring(gone);
  }

  // --- functions

  private get fates(): Fates {
    const weather = this.scenario.weather.find((spell) => this.isDuring([spell]));
    return weather ? seededFates(hash32(this.scenario.seed, this.tally.invocations), weather.fates) : FAIR;
  }

  private async invoke<T>(
    principal: string, caller: Acting, work: (run: Run, line: Line) => Promise<T>, fates = this.fates,
  ): Promise<RunEnd<T> & Seen> {
    this.tally.invocations += 1;
    let faults = 0;
    const counted: Fates = (call) => {
      const fate = fates(call);
      if (fate !== 'fine') faults += 1;
      if (fate !== 'fine' && process.env.KIT_VERBOSE === '1') this.say(principal, fate, call);
      return fate;
    };
    const line = new Line({ principal, clock: this.clock, fates: counted, seed: this.tally.invocations });
    const until = this.clock.now() + TIMEOUT;
    const metrics = new Map<string, number>();
    const table = typeof caller.actor === 'number' ? this.tableOf(this.sites[caller.actor]) : this.table(caller.region);
    const log: Run['log']['info'] = (message, details) => this.say(principal, message, details);
    const run: Run = {
      clock: this.clock,
      ledger: new FakeLedger(table, line),
      metrics: { count: (plan, metric, value) => void metrics.set(`${plan} ${metric}`, value) } satisfies Metrics,
      log: { info: log, warn: log },
      remainingMs: () => until - this.clock.now(),
    };
    const end = await line.run(() => work(run, line));
    this.tally.calls += line.calls.length;
    this.tally.faults += faults;
    if (end.kind === 'killed') this.tally.killed += 1;
    else this.sent(principal, metrics);
    this.checkEnd(principal, end, faults);
    const isAlone = /^(watch|prune) site/.test(principal);
    if (isAlone && line.calls.some(({ region }) => region !== caller.region)) this.oracle.fail(`${principal} called another Region`);
    return { ...end, faults, metrics };
  }

  /** Errors of the program are none of AWS's, and without a fault there is none at all. */
  private checkEnd(principal: string, end: RunEnd<unknown>, faults: number): void {
    if (end.kind !== 'error') return;
    const error = end.error as Error;
    if (error instanceof TypeError || error instanceof RangeError) this.oracle.fail(`${principal}: ${error.stack}`);
    if (faults === 0 && this.scenario.fair) this.oracle.fail(`${principal} failed: ${error.message}`);
  }

  /** `KIT_VERBOSE=1` shows what the functions log: for looking into one run. */
  private say(principal: string, message: string, details: object): void {
    if (process.env.KIT_VERBOSE === '1') console.log(`${iso(this.clock.now())} ${principal}: ${message} ${JSON.stringify(details)}`);
  }

  private sent(principal: string, metrics: ReadonlyMap<string, number>): void {
    for (const [name, value] of metrics) {
      const metric = name.split(' ')[1];
      if (value === 0 || !ALARMS.includes(metric)) continue;
      this.tally.alarmed += 1;
      if (this.scenario.fair) this.oracle.fail(`false alarm of ${principal}: ${name} is ${value}`);
    }
  }

  private async take(index: number, scheduled: number): Promise<void> {
    const plan = this.scenario.plans[index];
    this.tickAt(this.siteOf(plan), this.clock.now() + FIRST_TICK);
    const once = async () => {
      const caller = placeOf(plan);
      const end = await this.invoke(`snapshot ${plan.plan}`, caller, (run, line) => takeSets({
        ...run, settings: this.planSettings(plan), ec2: new FakeEc2(this.model, line, caller), origin: `${OWN}/${plan.region}`,
      }, iso(scheduled)));
      return end.kind === 'ok';
    };
    const repeatedly = async () => {
      if (await once()) return;
      let at = this.clock.now();
      for (const minutes of RETRIES) this.at(at += minutes * MINUTE, async () => void await once());
    };
    await repeatedly();
    if (!this.chance.chance(this.scenario.repeated)) return;
    if (this.chance.chance(0.5)) await repeatedly();
    else this.at(this.clock.now() + this.chance.int(1, 3600) * 1000, repeatedly);
  }

  /** What the schedule of the site starts, and for another account's plans the share function. */
  private async tick(site: Site): Promise<void> {
    site.ticking = undefined;
    const { heartbeatMs, size } = this.scenario;
    const now = this.clock.now();
    for (const plan of isForeign(site) ? site.plans : []) await this.share(plan);
    if (this.isAlive(site)) {
      const isTwice = this.chance.chance(this.scenario.repeated);
      await Promise.all(isTwice ? [this.copy(site), this.copy(site)] : [this.copy(site)]);
      await this.watch(site);
    }
    const isWaiting = this.model.copiesUnderWay(site) > 0 || this.isAwaited(site);
    this.tickAt(site, Math.min(now + (this.isBusy ? REAL_TICK : isWaiting ? TICK[size] : heartbeatMs), this.nextBreach(site)));
  }

  private isAlive(site: Site): boolean {
    return !this.isDuring(this.scenario.dead) && !this.model.isDark(site.region);
  }

  /**
   * One period after the next RPO that will pass if nothing comes: the heartbeat has to say so then. Between ticks nothing is sent
   * and nothing judged, so this is where being late shows first.
   */
  private nextBreach(site: Site): number {
    const now = this.clock.now();
    const times = this.protectedAt(site).map(([name, since]) => now - this.ageOf(name, since) + since.plan.rpoMs + SLACK + REAL_TICK);
    return Math.min(...times.filter((time) => time > now));
  }

  private protectedAt({ index }: Site): ReadonlyArray<readonly [string, Protected]> {
    return [...this.protectedSince].filter(([, { plan }]) => plan.site === index);
  }

  private ageOf(name: string, since: Protected): number {
    return this.oracle.age(name.split(' ')[1], since);
  }

  private async share(plan: PlanScenario): Promise<void> {
    const caller = placeOf(plan);
    await this.invoke(`share ${plan.plan}`, caller, (run, line) => shareSets({
      ...run, settings: this.planSettings(plan), ec2: new FakeEc2(this.model, line, caller),
    }));
  }

  private async copy(site: Site): Promise<void> {
    const calm = this.calm(site);
    const end = await this.invoke(`copy site ${site.index}`, site, (run, line) => copyTick({
      ...run,
      settings: this.siteSettings(site),
      ec2: new FakeEc2(this.model, line, site),
      sourceOf: ({ region }) => new FakeEc2(this.model, line, { account: OWN, region }),
      quotas: new FakeQuotas(this.model, line, site.region),
      key: site.key,
    }));
    if (end.kind !== 'ok' || end.value === undefined) return;
    this.roll(site, end.faults === 0);
    if (calm) this.oracle.checkSlots(site.index, this.model.copiesUnderWay(site), ({ visibleAt }) => visibleAt < this.clock.now() - MINUTE);
  }

  /** Nothing has happened for a time that would excuse a free slot. */
  private calm(site: Site): boolean {
    return this.scenario.fair && !isForeign(site);
  }

  /** Instances the site knows of from now on: all there are after a run without a fault, else those it wrote down. */
  private roll(site: Site, isWhole: boolean): void {
    this.scenario.plans.forEach((plan, i) => {
      if (plan.site !== site.index || this.model.isDark(plan.region)) return;
      const roster = Object.keys(this.tableOf(site).get(LEDGER.roster, plan.plan)?.instances ?? {});
      for (const { id, state, tags, volumes } of this.fleets[i]) {
        const name = `${plan.plan} ${id}`;
        const counts = (state === 'running' || state === 'stopped') && volumes.length > 0 && matches(plan.select, tags, id);
        const isKnown = this.protectedSince.has(name) || !(isWhole || roster.includes(id));
        if (counts && !isKnown) this.protectedSince.set(name, { plan, since: this.clock.now() });
        if (!counts) this.protectedSince.delete(name);
      }
    });
  }

  private async watch(site: Site): Promise<void> {
    const end = await this.invoke(`watch site ${site.index}`, site, (run, line) => watchTick({
      ...run, settings: this.siteSettings(site), ec2: new FakeEc2(this.model, line, site), objects: new FakeObjects(site.bucket, line),
    }));
    // Missing data is an alarm by itself.
    if (end.kind === 'killed') return;
    for (const plan of site.plans) {
      const seconds = end.metrics.get(`${plan.plan} ${METRIC.recoveryPointAge}`);
      if (seconds === undefined) continue;
      const sent = seconds * 1000;
      const truths = this.protectedAt(site).filter(([, { plan: of }]) => of === plan).map(([name, since]) => this.ageOf(name, since));
      const oldest = Math.max(0, ...truths);
      if (sent > plan.rpoMs) this.tally.alarmed += 1;
      if (oldest > plan.rpoMs + SLACK && sent <= plan.rpoMs) this.oracle.fail(`${plan.plan} is ${hours(oldest)} behind, the heartbeat says ${hours(sent)}`);
      // A plan that selects nothing protects nothing, and says so.
      const isFalse = this.scenario.fair && truths.length > 0;
      if (sent > plan.rpoMs && isFalse) this.oracle.fail(`false alarm: ${plan.plan} is ${hours(oldest)} behind, the heartbeat says ${hours(sent)}`);
    }
  }

  private async prunePlan(index: number): Promise<void> {
    const plan = this.scenario.plans[index];
    const caller = placeOf(plan);
    this.oracle.beforePrune('source', plan);
    const end = await this.invoke(`prune ${plan.plan}`, caller, (run, line) => prunePlan({
      ...run,
      settings: this.planSettings(plan),
      ec2: new FakeEc2(this.model, line, caller),
      siteAt: (region) => new FakeEc2(this.model, line, { account: OWN, region }),
    }));
    // While the site says nothing, sets keep their images.
    const isWhole = end.kind === 'ok' && end.faults === 0 && end.value && !this.model.isDark(this.sites[plan.site].region);
    if (isWhole) this.checkImagesInUse(plan, caller, end.metrics);
    this.oracle.forget();
  }

  private async pruneSite(site: Site): Promise<void> {
    if (!this.isAlive(site)) return;
    for (const plan of site.plans) this.oracle.beforePrune('site', plan);
    const end = await this.invoke(`prune site ${site.index}`, site, (run, line) => pruneSite({
      ...run, settings: this.siteSettings(site), ec2: new FakeEc2(this.model, line, site), objects: new FakeObjects(site.bucket, line),
    }));
    if (end.kind === 'ok' && end.faults === 0) for (const plan of site.plans) this.checkImagesInUse(plan, site, end.metrics);
  }

  /** What only its use keeps is counted, and what is not in use is not. */
  private checkImagesInUse(plan: PlanScenario, at: Caller, metrics: ReadonlyMap<string, number>): void {
    const counted = metrics.get(`${plan.plan} ${METRIC.imagesInUse}`);
    if (counted === undefined) return;
    this.tally.imagesInUse += counted;
    const isCopy = at.region !== plan.region;
    const ours = this.imagesOf(plan, at).filter(({ source }) => (source !== undefined) === isCopy);
    const used = this.olderOnes(ours).filter((image) => this.model.isInUse(image));
    const must = used.filter((image) => this.oracle.isKeptByUse(image, plan));
    if (counted < must.length || counted > used.length) {
      this.oracle.fail(`${counted} images of ${plan.plan} in ${at.region} count as in use, ${must.length} to ${used.length} are`);
    }
  }

  private imagesOf(plan: PlanScenario, at: Caller): readonly StoredImage[] {
    return this.model.images(at, { filters: [{ name: `tag:${TAG.plan}`, values: [plan.plan] }] }).filter(({ state }) => state === 'available');
  }

  /** All but the newest one of each instance. */
  private olderOnes(images: readonly StoredImage[]): readonly StoredImage[] {
    const instanceOf = ({ tags }: StoredImage) => tags[TAG.set].split('@')[0];
    return images.filter((image) => images.some((other) => instanceOf(other) === instanceOf(image) && other.tags[TAG.set] > image.tags[TAG.set]));
  }

  /** What a restore would be offered, from the table and from tags alone, beside what there is. */
  private async checkRestores(site: Site): Promise<void> {
    for (const plan of site.plans) this.oracle.checkOffered(plan);
    for (const rebuild of [false, true]) {
      for (const plan of site.plans) {
        for (const point of await this.offered(site, plan, rebuild)) {
          const { instance, members, set } = point;
          this.tally.restores += 1;
          const truth = this.oracle.setsOf(plan.plan, instance).find((each) => each.set === set);
          const sources = truth?.calls.find((call) => call.every(({ id }) => members.some(({ source }) => source === id)));
          const isWhole = sources?.length === members.length && members.every(({ snapshot, source }) => {
            const stored = this.model.find(snapshot);
            return stored?.state === 'completed' && stored.source === source;
          });
          if (!isWhole) this.oracle.fail(`${plan.plan} ${set} is offered for restores and is not whole (${rebuild ? 'from tags' : 'from the table'})`);
          const newest = this.oracle.newestAtSite(plan.plan, instance);
          const isShown = newest?.copies.every(({ visibleAt }) => visibleAt <= this.clock.now());
          if (rebuild && isShown && newest?.set !== set) this.oracle.fail(`${set} is offered as the newest set, ${newest?.set} is`);
        }
      }
    }
  }

  private async offered(site: Site, plan: PlanScenario, rebuild: boolean): Promise<readonly RecoveryPoint[]> {
    const end = await this.invoke(`restore site ${site.index}`, site, async ({ ledger }, line) => {
      const points = await new SiteRecoveryPoints({ ledger, clock: this.clock, ec2: new FakeEc2(this.model, line, site), rebuild }).newest(plan.plan);
      if (line.calls.some(({ region }) => region !== site.region)) this.oracle.fail('a restore called another Region');
      return points;
    }, FAIR);
    return end.kind === 'ok' ? end.value : [];
  }

  /** Whether a whole set within the look-back is not at the site yet, or may become one. */
  private isAwaited({ index }: Site): boolean {
    for (const truth of this.oracle.recentSets()) {
      if (truth.plan.site !== index || truth.at < this.clock.now() - 3 * DAY || this.model.isDark(truth.plan.region)) continue;
      if (this.oracle.mayBeWhole(truth) && this.oracle.isAwaited(truth)) return true;
    }
    return false;
  }

  // --- the world outside

  private instance(plan: PlanScenario): StoredInstance {
    const name = `host-${this.names++}`;
    const isFull = this.scenario.size === 'full';
    return this.model.addInstance({
      ...placeOf(plan),
      tags: { Name: name, dr: 'gold' },
      volumes: Array.from({ length: isFull ? this.chance.int(3, 5) : this.chance.pick([1, 1, 2, 3]) }, (_, i) => ({
        device: i === 0 ? '/dev/xvda' : `/dev/sd${'fghijk'[i]}`,
        sizeGiB: this.chance.pick([8, 20, 100]),
        ...this.chance.chance(0.2) && { tags: { 'aws:cloudformation:stack-name': 'x', [REFUSED_TAG]: 'data' } },
      })),
    });
  }

  private change(): void {
    if (this.isResting) return;
    const index = this.chance.int(0, this.fleets.length - 1);
    const fleet = this.fleets[index];
    if (fleet.length === 0) return;
    const at = this.chance.int(0, fleet.length - 1);
    const victim = fleet[at];
    switch (this.chance.pick(['replace', 'replace', 'attach', 'detach', 'stop', 'untag', 'exclude'])) {
      case 'replace':
        this.model.terminate(victim);
        fleet[at] = this.instance(this.scenario.plans[index]);
        this.protectedSince.delete(`${this.scenario.plans[index].plan} ${victim.id}`);
        break;
      case 'attach':
        if (victim.volumes.length < 6) this.model.attach(victim, { device: `/dev/sd${'lmnopqrstuvwxyz'[this.chance.int(0, 14)]}${this.names++}` });
        break;
      case 'detach':
        if (victim.volumes.length > 1) this.model.detach(victim, victim.volumes.at(-1)!.id);
        break;
      case 'stop':
        victim.state = victim.state === 'stopped' ? 'running' : 'stopped';
        break;
      case 'untag':
        // A plan that selects nothing is taken for a wrong answer, and keeps alarming.
        if (victim.tags.dr === 'gold' && fleet.filter(({ tags }) => tags.dr === 'gold').length === 1) return;
        victim.tags = { ...victim.tags, dr: victim.tags.dr === 'gold' ? 'none' : 'gold' };
        if (victim.tags.dr === 'none') this.protectedSince.delete(`${this.scenario.plans[index].plan} ${victim.id}`);
        break;
      default:
        if (victim.volumes.length < 6) this.model.attach(victim, { device: `/dev/xvd${this.names++}`, tags: { 'ebsdr:exclude': '' } });
    }
  }

  /**
   * Restores all but one of a plan's instances from what a site offers; there a plan of its own protects them from then on. One
   * stays, since a plan that selects nothing is taken for a wrong answer.
   */
  private async move(site: Site, from: number, to: number): Promise<void> {
    if (this.isResting) return;
    const later = () => this.at(this.clock.now() + DAY, () => this.move(site, from, to));
    const { plans } = this.scenario;
    if (!this.isAlive(site) || this.isDuring(this.scenario.keyless)) return void later();
    const points = await this.offered(site, plans[from], false);
    for (const old of this.fleets[from].slice(1)) {
      const point = points.find(({ instance }) => instance === old.id);
      if (!point) continue;
      this.fleets[from] = this.fleets[from].filter((instance) => instance !== old);
      this.protectedSince.delete(`${plans[from].plan} ${old.id}`);
      if (this.model.isDark(old.region)) this.retired.push(old);
      else this.model.terminate(old);
      this.fleets[to].push(this.restored(plans[to], point));
      this.tally.movedInstances += 1;
    }
  }

  private restored(plan: PlanScenario, { members, name = 'restored' }: RecoveryPoint): StoredInstance {
    const { isCareless } = this.scenario.failback!;
    return this.model.addInstance({
      ...placeOf(plan),
      tags: { Name: name, dr: 'gold' },
      volumes: members.map(({ device, snapshot }) => ({ device, snapshot, tags: isCareless ? this.model.find(snapshot)!.tags : {} })),
    });
  }

  /** Somebody puts older images to use, and no longer needs others. */
  private useImages(): void {
    if (this.isResting) return;
    const { imagesInUse, plans } = this.scenario;
    const [ending, going] = [this.uses.filter(() => this.chance.chance(0.2)), this.uses];
    ending.forEach(({ end }) => end());
    this.uses = going.filter((use) => !ending.includes(use));
    for (const plan of plans) {
      for (const place of [placeOf(plan), placeAt(this.siteOf(plan))]) {
        for (const { id } of this.imagesOf(plan, place)) {
          const isUsed = this.uses.some(({ image }) => image === id);
          if (!isUsed && this.chance.chance(imagesInUse)) this.uses.push({ image: id, end: this.use(place, id) });
        }
      }
    }
  }

  private use(place: Caller, image: string): () => void {
    const kind = this.chance.pick(['instance', 'launch-template', 'launch-configuration', 'auto-scaling-group'] as const);
    if (kind === 'instance') {
      const user = this.model.addInstance({ ...place, image, volumes: [] });
      return () => this.model.terminate(user);
    }
    const use: ImageUse = { ...place, kind, image, id: `${kind}-${this.names}`, name: `${kind}-${this.names++}` };
    this.model.use(use);
    return () => this.model.disuse(use);
  }

  /** Somebody takes a snapshot back from the Recycle Bin, or all that is there of its set. */
  private recover(): void {
    if (this.clock.now() - START > (this.scenario.days - 3 * QUIET_DAYS) * DAY) return;
    const there = [...this.model.inRecycleBin].filter(({ region }) => !this.model.isDark(region));
    if (there.length === 0) return;
    const one = this.chance.pick(there);
    const isOfSet = ({ source, tags }: typeof one) => tags[TAG.set] === one.tags[TAG.set] && (source === undefined) === (one.source === undefined);
    for (const snapshot of this.chance.chance(0.5) ? there.filter(isOfSet) : [one]) {
      this.model.recover(snapshot.id);
      this.oracle.recovered(snapshot);
    }
    // It is on its way back for some minutes.
    for (const site of this.sites.filter((each) => Math.min(...each.plans.map(({ from }) => from)) < this.clock.now() - START)) {
      this.tickAt(site, this.clock.now() + MINUTE);
      this.at(this.clock.now() + 2 * MINUTE, () => this.checkRestores(site));
    }
  }

  /** Somebody copies something of theirs into the first site's Region. */
  private foreign(): void {
    const [site] = this.sites;
    const from = { account: site.account, region: 'ap-south-1' };
    const source = this.model.plant(from, { tags: {}, sizeGiB: this.chance.pick([8, 500]) });
    this.oracle.foreign = true;
    for (let i = this.chance.int(1, this.scenario.copyLimit); i > 0 && this.model.copiesUnderWay(site) < this.scenario.copyLimit; i--) {
      const { id } = this.model.copySnapshot(placeAt(site), { source: source.id, sourceRegion: from.region });
      this.foreignCopies.push(id);
    }
    this.oracle.foreign = false;
    this.foreignCopies = this.foreignCopies.filter((id) => this.model.find(id)?.state === 'pending');
  }

  private get isResting(): boolean {
    return this.clock.now() - START > (this.scenario.days - QUIET_DAYS) * DAY;
  }

  /** After days without a fault everything is in its place. */
  private async end(): Promise<void> {
    this.oracle.checkEnd();
    for (const site of this.sites) await this.checkRestores(site);
    for (const [name, since] of this.protectedSince) {
      const age = this.ageOf(name, since);
      const isDark = [since.plan.region, this.siteOf(since.plan).region].some((region) => this.model.isDark(region));
      if (!isDark && age > since.plan.rpoMs) this.oracle.fail(`in the end ${name} is ${hours(age)} behind`);
    }
    // Whoever is told that nothing is there makes it again: then checkEnd() has seen that none of it stayed.
    const isLiedTo = this.scenario.weather.some(({ fates }) => fates.empty !== undefined || fates.partial !== undefined);
    if (!isLiedTo && this.oracle.counts.duplicateCopies + this.oracle.counts.duplicateSets > 0) {
      this.oracle.fail(`${this.oracle.counts.duplicateCopies} copies and ${this.oracle.counts.duplicateSets} sets were made twice`);
    }
  }

  // --- settings

  private siteOf(plan: PlanScenario): Site {
    return this.sites[plan.site];
  }

  private tableOf({ region }: Site): LedgerTable {
    return this.table(region, `site ${region}`);
  }

  private table(region: string, name = region): LedgerTable {
    let table = this.tables.get(name);
    if (!table) this.tables.set(name, table = new LedgerTable(region, () => this.clock.now()));
    return table;
  }

  private planSettings(plan: PlanScenario): PlanSettings {
    const { plan: name, select, rpoMs, sourceRetention, brake, imageEveryHours } = plan;
    const site = this.siteOf(plan);
    return {
      plan: name,
      select,
      rpoSeconds: rpoMs / 1000,
      retention: sourceRetention,
      brake,
      imageEveryHours: isForeign(site) ? 0 : imageEveryHours,
      sites: [{ region: site.region, ...isForeign(site) && { account: site.account } }],
      shareWith: isForeign(site) ? [site.account] : [],
    };
  }

  private siteSettings(site: Site): SiteSettings {
    return {
      site: site.region,
      maxCopies: site.maxCopies,
      plans: site.plans.map(({ plan, region, select, rpoMs, siteRetention, brake, lockDays, archiveAfterDays, imageEveryHours }) => ({
        plan,
        region,
        ...isForeign(site) && { account: OWN },
        select,
        rpoSeconds: rpoMs / 1000,
        retention: siteRetention,
        brake,
        timedCopies: false,
        ...lockDays > 0 && { lock: { mode: 'governance', days: lockDays } as const },
        archiveAfterDays,
        artifacts: [],
        images: !isForeign(site) && imageEveryHours > 0,
      })),
    };
  }
}

function isForeign({ account }: Site): boolean {
  return account !== OWN;
}

function placeOf(plan: PlanScenario): Acting {
  return { account: OWN, region: plan.region, actor: plan };
}

function placeAt({ account, region }: Caller): Caller {
  return { account, region };
}

function iso(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}

function hours(ms: number): string {
  return `${(ms / HOUR).toFixed(1)} h`;
}
