import { Oracle, type Protected, START, WatchedModel } from './oracle';
import { DAY, HOUR, MINUTE, OWN, type PlanScenario, type Scenario, type Spell } from './scenario';
import { METRIC, type PlanSettings, type SiteSettings } from '../../../src/ebs-snapshot-dr/contract';
import { copyTick } from '../../../src/ebs-snapshot-dr/handlers/copy-tick';
import { LEDGER, type Metrics, type Tags } from '../../../src/ebs-snapshot-dr/handlers/ports';
import { prunePlan, pruneSite } from '../../../src/ebs-snapshot-dr/handlers/prune-run';
import { SiteRecoveryPoints } from '../../../src/ebs-snapshot-dr/handlers/recovery-points';
import type { Run } from '../../../src/ebs-snapshot-dr/handlers/run';
import { matches } from '../../../src/ebs-snapshot-dr/handlers/selection';
import { shareSets } from '../../../src/ebs-snapshot-dr/handlers/share-run';
import { takeSets } from '../../../src/ebs-snapshot-dr/handlers/take-sets';
import { watchTick } from '../../../src/ebs-snapshot-dr/handlers/watch-tick';
import {
  Bucket, type Caller, FAIR, FakeEc2, FakeLedger, FakeObjects, FakeQuotas, type Fates, LedgerTable, Line, type RunEnd, seededFates,
  type StoredInstance, VirtualClock,
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
}

/** Time between ticks while there is something to do. */
const TICK: Readonly<Record<Scenario['size'], number>> = { small: 20 * MINUTE, middle: 30 * MINUTE, full: 30 * MINUTE };
/** From the schedule's time to the first tick that may find its sets complete. */
const FIRST_TICK = 15 * MINUTE;
/** Time an invocation may use. */
const TIMEOUT = 10 * MINUTE;
/** Lambda repeats an asynchronous invocation twice. */
const RETRIES = [1, 2];

/** Metrics that wake somebody up. */
const ALARMS: readonly string[] = [
  METRIC.setsFailed, METRIC.copiesFailed, METRIC.copiesLate, METRIC.pruneHeld, METRIC.imagesFailed, METRIC.freezesFailed,
];

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
  private readonly bucket: Bucket;
  private readonly site: Caller;
  private readonly key?: string;
  private readonly schedule: Due[] = [];
  private readonly fleets: StoredInstance[][];
  /** By plan and instance. */
  private readonly protectedSince = new Map<string, Protected>();
  private readonly tally = { invocations: 0, calls: 0, faults: 0, killed: 0, alarmed: 0, restores: 0 };
  private ticking?: Due;
  private foreignCopies: string[] = [];
  /** Regions whose instances were not all listed the last time. */
  private readonly lied = new Set<string>();
  private names = 0;

  constructor(private readonly scenario: Scenario) {
    const { seed, copyLimit, maxSettleMs, site } = scenario;
    this.oracle = new Oracle(scenario, this.clock);
    this.model = new WatchedModel({ seed, clock: this.clock, copyLimit, maxSettleMs, bucket: { burst: 1000, perSecond: 200 } }, this.oracle);
    this.chance = new Prng(hash32(seed, 'world'));
    this.site = { account: site.account, region: site.region };
    this.bucket = new Bucket(site.region);
    if (site.encrypted) this.key = this.model.addKey(this.site).arn;
    this.oracle.foreignUnderWay = () => this.foreignCopies.filter((id) => this.model.find(id)?.state === 'pending').length;
    this.oracle.isOffered = (plan, set) => this.table('site').get(`point#${plan}`, set.split('@').reverse().join('#')) !== undefined;
    this.fleets = scenario.plans.map((plan) => Array.from({ length: plan.instances }, () => this.instance(plan)));
  }

  public async run(): Promise<{ readonly violations: readonly string[]; readonly tally: Tally }> {
    const { days, plans, pruneEveryMs, changeEveryDays } = this.scenario;
    const volumes = this.fleets.flat().reduce((sum, { volumes: of }) => sum + of.length, 0);
    this.spells();
    plans.forEach((plan, i) => {
      this.every(plan.everyMs, plan.everyMs / 2, (at) => this.take(i, at));
      this.every(pruneEveryMs, HOUR + i * MINUTE, () => this.prunePlan(i));
    });
    this.every(pruneEveryMs, 2 * HOUR, () => this.pruneSite());
    this.every(changeEveryDays * DAY, 3 * HOUR, async () => this.change());
    this.every(pruneEveryMs * 5, 5 * HOUR, () => this.checkRestores());
    this.tickAt(START);
    const end = START + days * DAY;
    while (this.oracle.violations.length === 0) {
      const next = this.schedule.shift();
      if (!next || next.at > end) break;
      this.clock.advanceTo(next.at);
      await next.act();
    }
    if (this.oracle.violations.length === 0) await this.end();
    const { sets, copies, deletions } = this.oracle.counts;
    return { violations: this.oracle.violations, tally: { instances: this.fleets.flat().length, volumes, sets, copies, deletions, ...this.tally } };
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

  private tickAt(time: number): void {
    if (this.ticking && this.ticking.at <= time) return;
    if (this.ticking) this.schedule.splice(this.schedule.indexOf(this.ticking), 1);
    this.ticking = this.at(time, () => this.tick());
  }

  private spells(): void {
    const { dark, keyless, plans, weather } = this.scenario;
    const during = ({ from, until }: Spell, begin: () => void, end: () => void) => {
      this.clock.at(START + from, begin);
      if (until !== Infinity) this.clock.at(START + until, end);
    };
    for (const spell of dark) {
      const { region } = plans[spell.plan];
      during(spell, () => this.model.darken(region), () => this.isGone(region) || this.model.lighten(region));
    }
    for (const spell of keyless) {
      const key = this.key === undefined ? undefined : this.model.key(this.key);
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
    principal: string, caller: Caller, work: (run: Run, line: Line) => Promise<T>, fates = this.fates,
  ): Promise<RunEnd<T> & { readonly faults: number }> {
    this.tally.invocations += 1;
    let faults = 0;
    const counted: Fates = (call) => {
      const drawn = fates(call);
      // What two answers in a row lack counts as gone.
      const lies = call.operation === 'DescribeInstances' && (drawn === 'empty' || drawn === 'partial');
      const fate = lies && this.lied.has(call.region) ? 'fine' : drawn;
      if (lies && fate !== 'fine') this.lied.add(call.region);
      else if (call.operation === 'DescribeInstances') this.lied.delete(call.region);
      if (fate !== 'fine') faults += 1;
      if (fate !== 'fine' && process.env.KIT_VERBOSE === '1') this.say(principal, fate, call);
      return fate;
    };
    const line = new Line({ principal, clock: this.clock, fates: counted, seed: this.tally.invocations });
    const until = this.clock.now() + TIMEOUT;
    const metrics = new Map<string, number>();
    const table = this.table(caller === this.site ? 'site' : caller.region);
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
    const isAlone = /^(watch|prune) site$/.test(principal);
    if (isAlone && line.calls.some(({ region }) => region !== this.site.region)) this.oracle.fail(`${principal} called another Region`);
    return { ...end, faults };
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
    this.tickAt(this.clock.now() + FIRST_TICK);
    const once = async () => {
      const caller = { account: OWN, region: plan.region };
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

  /** What the schedule and events of the site start, and for another account's plans the share function. */
  private async tick(): Promise<void> {
    this.ticking = undefined;
    const { heartbeatMs, plans, size } = this.scenario;
    const now = this.clock.now();
    for (const plan of this.isForeign ? plans : []) await this.share(plan);
    if (!this.isDuring(this.scenario.dead)) {
      const isTwice = this.chance.chance(this.scenario.repeated);
      await Promise.all(isTwice ? [this.copy(), this.copy()] : [this.copy()]);
      await this.watch();
    }
    const isBusy = this.model.copiesUnderWay(this.site) > 0 || this.isAwaited();
    this.tickAt(now + (isBusy ? TICK[size] : heartbeatMs));
  }

  private async share(plan: PlanScenario): Promise<void> {
    const caller = { account: OWN, region: plan.region };
    await this.invoke(`share ${plan.plan}`, caller, (run, line) => shareSets({ ...run, settings: this.planSettings(plan), ec2: new FakeEc2(this.model, line, caller) }));
  }

  private async copy(): Promise<void> {
    const calm = this.calm();
    const end = await this.invoke('copy site', this.site, (run, line) => copyTick({
      ...run,
      settings: this.siteSettings,
      ec2: new FakeEc2(this.model, line, this.site),
      sourceOf: ({ region }) => new FakeEc2(this.model, line, { account: OWN, region }),
      quotas: new FakeQuotas(this.model, line, this.site.region),
      key: this.key,
    }));
    if (end.kind !== 'ok' || end.value === undefined) return;
    this.roll(end.faults === 0);
    if (calm) this.oracle.checkSlots(this.model.copiesUnderWay(this.site), ({ visibleAt }) => visibleAt < this.clock.now() - MINUTE);
  }

  /** Nothing has happened for a time that would excuse a free slot. */
  private calm(): boolean {
    return this.scenario.fair && !this.isForeign;
  }

  /** Instances the site knows of from now on: all there are after a run without a fault, else those it wrote down. */
  private roll(isWhole: boolean): void {
    this.scenario.plans.forEach((plan, i) => {
      if (this.model.isDark(plan.region)) return;
      const roster = Object.keys(this.table('site').get(LEDGER.roster, plan.plan)?.instances ?? {});
      for (const { id, state, tags, volumes } of this.fleets[i]) {
        const name = `${plan.plan} ${id}`;
        const counts = (state === 'running' || state === 'stopped') && volumes.length > 0 && matches(plan.select, tags, id);
        const isKnown = this.protectedSince.has(name) || !(isWhole || roster.includes(id));
        if (counts && !isKnown) this.protectedSince.set(name, { plan, since: this.clock.now() });
        if (!counts) this.protectedSince.delete(name);
      }
    });
  }

  private async watch(): Promise<void> {
    const ages = new Map<string, number>();
    const end = await this.invoke('watch site', this.site, (run, line) => watchTick({
      ...run,
      metrics: {
        count: (plan, metric, value) => {
          run.metrics.count(plan, metric, value);
          if (metric === METRIC.recoveryPointAge) ages.set(plan, value * 1000);
        },
      },
      settings: this.siteSettings,
      ec2: new FakeEc2(this.model, line, this.site),
      objects: new FakeObjects(this.bucket, line),
    }));
    // Missing data is an alarm by itself.
    if (end.kind === 'killed') return;
    for (const plan of this.scenario.plans) {
      const sent = ages.get(plan.plan);
      if (sent === undefined) continue;
      const truths = [...this.protectedSince].filter(([, { plan: of }]) => of === plan).map(([name, since]) => this.oracle.age(name.split(' ')[1], since));
      const oldest = Math.max(0, ...truths);
      if (sent > plan.rpoMs) this.tally.alarmed += 1;
      if (oldest > plan.rpoMs + MINUTE && sent <= plan.rpoMs) this.oracle.fail(`${plan.plan} is ${hours(oldest)} behind, the heartbeat says ${hours(sent)}`);
      if (sent > plan.rpoMs && this.scenario.fair) this.oracle.fail(`false alarm: ${plan.plan} is ${hours(oldest)} behind, the heartbeat says ${hours(sent)}`);
    }
  }

  private async prunePlan(index: number): Promise<void> {
    const plan = this.scenario.plans[index];
    const caller = { account: OWN, region: plan.region };
    this.oracle.beforePrune('source', plan);
    await this.invoke(`prune ${plan.plan}`, caller, (run, line) => prunePlan({
      ...run,
      settings: this.planSettings(plan),
      ec2: new FakeEc2(this.model, line, caller),
      siteAt: (region) => new FakeEc2(this.model, line, { account: OWN, region }),
    }));
    this.oracle.forget();
  }

  private async pruneSite(): Promise<void> {
    if (this.isDuring(this.scenario.dead)) return;
    for (const plan of this.scenario.plans) this.oracle.beforePrune('site', plan);
    await this.invoke('prune site', this.site, (run, line) => pruneSite({
      ...run, settings: this.siteSettings, ec2: new FakeEc2(this.model, line, this.site), objects: new FakeObjects(this.bucket, line),
    }));
  }

  /** What a restore would be offered, from the table and from tags alone, beside what there is. */
  private async checkRestores(): Promise<void> {
    for (const rebuild of [false, true]) {
      await this.invoke('restore site', this.site, async ({ ledger }, line) => {
        const points = new SiteRecoveryPoints({ ledger, clock: this.clock, ec2: new FakeEc2(this.model, line, this.site), rebuild });
        for (const plan of this.scenario.plans) {
          for (const { instance, members, set } of await points.newest(plan.plan)) {
            this.tally.restores += 1;
            const truth = this.oracle.setsOf(plan.plan, instance).find((each) => each.set === set);
            const sources = truth?.calls.find((call) => call.every(({ id }) => members.some(({ source }) => source === id)));
            const isWhole = sources?.length === members.length && members.every(({ snapshot, source }) => {
              const stored = this.model.find(snapshot);
              return stored?.state === 'completed' && stored.source === source;
            });
            if (!isWhole) this.oracle.fail(`${plan.plan} ${set} is offered for restores and is not whole (${rebuild ? 'from tags' : 'from the table'})`);
            const newest = this.oracle.newestAtSite(plan.plan, instance);
            if (rebuild && newest?.set !== set) this.oracle.fail(`${set} is offered as the newest set, ${newest?.set} is`);
          }
        }
        if (line.calls.some(({ region }) => region !== this.site.region)) this.oracle.fail('a restore called another Region');
      }, FAIR);
    }
  }

  /** Whether a whole set within the look-back is not at the site yet, or may become one. */
  private isAwaited(): boolean {
    for (const truth of this.oracle.recentSets()) {
      if (truth.at < this.clock.now() - 3 * DAY || !this.oracle.mayBeWhole(truth) || this.model.isDark(truth.plan.region)) continue;
      if (this.oracle.isAwaited(truth)) return true;
    }
    return false;
  }

  // --- the world outside

  private instance(plan: PlanScenario, extra: Tags = {}): StoredInstance {
    const name = `host-${this.names++}`;
    const isFull = this.scenario.size === 'full';
    return this.model.addInstance({
      account: OWN,
      region: plan.region,
      tags: { Name: name, dr: 'gold', ...extra },
      volumes: Array.from({ length: isFull ? this.chance.int(3, 5) : this.chance.pick([1, 1, 2, 3]) }, (_, i) => ({
        device: i === 0 ? '/dev/xvda' : `/dev/sd${'fghijk'[i]}`,
        sizeGiB: this.chance.pick([8, 20, 100]),
        ...this.chance.chance(0.2) && { tags: { 'aws:cloudformation:stack-name': 'x', 'role': 'data' } },
      })),
    });
  }

  private change(): void {
    if (this.isResting) return;
    const index = this.chance.int(0, this.fleets.length - 1);
    const fleet = this.fleets[index];
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

  /** Somebody copies something of theirs into the site's Region. */
  private foreign(): void {
    const from = { account: this.site.account, region: 'ap-south-1' };
    const source = this.model.plant(from, { tags: {}, sizeGiB: this.chance.pick([8, 500]) });
    this.oracle.foreign = true;
    for (let i = this.chance.int(1, this.scenario.copyLimit); i > 0 && this.model.copiesUnderWay(this.site) < this.scenario.copyLimit; i--) {
      const { id } = this.model.copySnapshot(this.site, { source: source.id, sourceRegion: from.region });
      this.foreignCopies.push(id);
    }
    this.oracle.foreign = false;
    this.foreignCopies = this.foreignCopies.filter((id) => this.model.find(id)?.state === 'pending');
  }

  private get isResting(): boolean {
    return this.clock.now() - START > (this.scenario.days - 15) * DAY;
  }

  /** After days without a fault everything is in its place. */
  private async end(): Promise<void> {
    this.oracle.checkEnd();
    await this.checkRestores();
    for (const [name, since] of this.protectedSince) {
      const age = this.oracle.age(name.split(' ')[1], since);
      if (!this.model.isDark(since.plan.region) && age > since.plan.rpoMs) this.oracle.fail(`in the end ${name} is ${hours(age)} behind`);
    }
    const isLiedTo = this.scenario.weather.some(({ fates }) => fates.empty !== undefined || fates.partial !== undefined);
    if (!isLiedTo && this.oracle.counts.duplicateCopies + this.oracle.counts.duplicateSets > 0) {
      this.oracle.fail(`${this.oracle.counts.duplicateCopies} copies and ${this.oracle.counts.duplicateSets} sets were made twice`);
    }
  }

  // --- settings

  private get isForeign(): boolean {
    return this.site.account !== OWN;
  }

  private table(name: string): LedgerTable {
    let table = this.tables.get(name);
    if (!table) this.tables.set(name, table = new LedgerTable(name === 'site' ? this.site.region : name, () => this.clock.now()));
    return table;
  }

  private planSettings({ plan, select, rpoMs, sourceRetention, brake, imageEveryHours }: PlanScenario): PlanSettings {
    const { account, region } = this.site;
    return {
      plan,
      select,
      rpoSeconds: rpoMs / 1000,
      retention: sourceRetention,
      brake,
      imageEveryHours: this.isForeign ? 0 : imageEveryHours,
      sites: [{ region, ...this.isForeign && { account } }],
      shareWith: this.isForeign ? [account] : [],
    };
  }

  private get siteSettings(): SiteSettings {
    return {
      site: this.site.region,
      maxCopies: this.scenario.site.maxCopies,
      plans: this.scenario.plans.map(({ plan, region, select, rpoMs, siteRetention, brake, lockDays, archiveAfterDays, imageEveryHours }) => ({
        plan,
        region,
        ...this.isForeign && { account: OWN },
        select,
        rpoSeconds: rpoMs / 1000,
        retention: siteRetention,
        brake,
        timedCopies: false,
        ...lockDays > 0 && { lock: { mode: 'governance', days: lockDays } as const },
        archiveAfterDays,
        artifacts: [],
        images: !this.isForeign && imageEveryHours > 0,
      })),
    };
  }
}

function iso(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}

function hours(ms: number): string {
  return `${(ms / HOUR).toFixed(1)} h`;
}
