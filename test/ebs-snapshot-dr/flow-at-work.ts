import { retention } from './builders';
import { METRIC, type PlanSettings, type RecoveryPoint, setId, type SitePlan, type SiteSettings, TAG } from '../../src/ebs-snapshot-dr/contract';
import { copyTick } from '../../src/ebs-snapshot-dr/handlers/copy-tick';
import { type Freezer, LEDGER } from '../../src/ebs-snapshot-dr/handlers/ports';
import { prunePlan, pruneSite } from '../../src/ebs-snapshot-dr/handlers/prune-run';
import type { Run } from '../../src/ebs-snapshot-dr/handlers/run';
import { shareSets } from '../../src/ebs-snapshot-dr/handlers/share-run';
import { takeSets } from '../../src/ebs-snapshot-dr/handlers/take-sets';
import { watchTick } from '../../src/ebs-snapshot-dr/handlers/watch-tick';
import {
  Bucket, type Caller, type Durations, Ec2Model, FAIR, type Fates, FakeEc2, FakeLedger, FakeObjects, FakeQuotas, HOUR, LedgerTable, Line,
  MINUTE, type RunEnd, type StoredSnapshot, VirtualClock, type VolumeSpec,
} from '../kit/fakes/ec2';

export const START = Date.UTC(2026, 10, 21, 9, 59);
export const SOURCE: Caller = { account: '123456789012', region: 'eu-west-1' };
export const SITE: Caller = { account: '123456789012', region: 'eu-central-1' };
export const PLAN = 'gold';
export const ORIGIN = `${SOURCE.account}/${SOURCE.region}`;

export const KEEP_ALL = retention({ last: -1 });
export const KEEP_LAST = (last: number): PlanSettings['retention'] => retention({ last });

const SELECT: PlanSettings['select'] = { kind: 'tag', key: 'dr', values: ['gold'] };
const BRAKE = { maxSets: 1000, maxShare: 1 };

const SETTINGS: PlanSettings = {
  plan: PLAN,
  select: SELECT,
  rpoSeconds: 7200,
  retention: KEEP_ALL,
  brake: BRAKE,
  imageEveryHours: 0,
  sites: [],
  shareWith: [],
};
const SITE_PLAN: SitePlan = {
  plan: PLAN,
  region: SOURCE.region,
  select: SELECT,
  rpoSeconds: 7200,
  retention: KEEP_ALL,
  brake: BRAKE,
  timedCopies: false,
  archiveAfterDays: 0,
  artifacts: [],
  images: false,
};

/** No chance: a snapshot takes 3 minutes, a copy 8. */
export const STEADY: Durations = { snapshotMs: () => 3 * MINUTE, copyMs: () => 8 * MINUTE };

export type Verb = 'snapshot' | 'copy' | 'watch' | 'plan-prune' | 'site-prune' | 'share';

export interface FlowOptions {
  readonly plan?: Partial<PlanSettings>;
  readonly site?: Partial<SitePlan>;
  readonly settings?: Partial<SiteSettings>;
  readonly copyLimit?: number;
  readonly maxSettleMs?: number;
  readonly freezer?: Freezer;
  readonly key?: string;
  readonly durations?: Durations;
  /** @default a new one */
  readonly model?: Ec2Model;
  /** Where the plan takes its sets. @default SOURCE */
  readonly from?: Caller;
  /** Where its site is. @default SITE */
  readonly to?: Caller;
}

/** Both Regions of a plan in process, over the model of EC2. */
export class FlowAtWork {
  public readonly clock: VirtualClock;
  public readonly model: Ec2Model;
  public readonly from: Caller;
  public readonly to: Caller;
  public readonly tables: { readonly plan: LedgerTable; readonly site: LedgerTable };
  public readonly bucket: Bucket;
  /** Of the last run. */
  public metrics: Record<string, number> = {};
  /** Of all runs. */
  public readonly logs: Array<{ readonly message: string; readonly details: Readonly<Record<string, unknown>> }> = [];
  public line!: Line;

  constructor(private options: FlowOptions = {}) {
    const { copyLimit, from = SOURCE, maxSettleMs = 20_000, durations = STEADY, to = SITE } = options;
    const table = ({ region }: Caller) => new LedgerTable(region, () => this.clock.now());
    this.from = from;
    this.to = to;
    this.tables = { plan: table(from), site: table(to) };
    this.bucket = new Bucket(to.region);
    this.model = options.model ?? new Ec2Model({ clock: new VirtualClock(START), copyLimit, maxSettleMs, durations });
    this.clock = this.model.clock;
  }

  public instance(volumes: number | readonly VolumeSpec[] = 2, tags: Record<string, string> = {}) {
    const specs = typeof volumes === 'number'
      ? Array.from({ length: volumes }, (_, i): VolumeSpec => ({ device: `/dev/sd${String.fromCharCode(97 + i)}`, sizeGiB: 10 }))
      : volumes;
    return this.model.addInstance({ ...this.from, tags: { dr: 'gold', Name: 'app', ...tags }, volumes: specs });
  }

  /** One invocation, and what it throws. */
  public async run(verb: Verb, fates: Fates = FAIR, minutes = 14): Promise<RunEnd<unknown>> {
    const end = this.clock.now() + minutes * MINUTE;
    const line = new Line({ principal: verb, clock: this.clock, fates, seed: this.clock.now() });
    this.line = line;
    this.metrics = {};
    const note = (message: string, details: Readonly<Record<string, unknown>>) => void this.logs.push({ message, details });
    const atSite = verb === 'copy' || verb === 'watch' || verb === 'site-prune';
    const run: Run = {
      clock: { now: () => this.clock.now(), sleep: (ms) => this.clock.sleep(ms) },
      ledger: new FakeLedger(this.tables[atSite ? 'site' : 'plan'], line),
      metrics: { count: (_, metric, value) => void (this.metrics[metric] = (this.metrics[metric] ?? 0) + value) },
      log: { info: note, warn: note },
      remainingMs: () => Math.max(0, end - this.clock.now()),
    };
    const ec2 = new FakeEc2(this.model, line, atSite ? this.to : this.from);
    const objects = new FakeObjects(this.bucket, line);
    return line.run(async () => {
      switch (verb) {
        case 'snapshot': return takeSets({ ...run, settings: this.settings, ec2, origin: `${this.from.account}/${this.from.region}`, freezer: this.options.freezer }, this.scheduledAt);
        case 'copy': return copyTick({
          ...run,
          settings: this.siteSettings,
          ec2,
          sourceOf: () => new FakeEc2(this.model, line, this.from),
          quotas: new FakeQuotas(this.model, line, this.to.region),
          key: this.options.key,
        });
        case 'watch': return watchTick({ ...run, settings: this.siteSettings, ec2, objects });
        case 'plan-prune': return prunePlan({ ...run, settings: this.settings, ec2, siteAt: () => new FakeEc2(this.model, line, this.to) });
        case 'site-prune': return pruneSite({ ...run, settings: this.siteSettings, ec2, objects });
        case 'share': return shareSets({ ...run, settings: this.settings, ec2 });
      }
    });
  }

  /** @throws what the run did */
  public async ok(verb: Verb): Promise<void> {
    const end = await this.run(verb);
    if (end.kind === 'error') throw end.error;
  }

  /** As Lambda repeats an asynchronous invocation: after one minute, then after two. */
  public async invoke(verb: Verb, fates: Fates = FAIR): Promise<RunEnd<unknown>> {
    let end = await this.run(verb, fates);
    for (const minutes of [1, 2]) {
      if (end.kind === 'ok') return end;
      this.clock.advance(minutes * MINUTE);
      end = await this.run(verb);
    }
    return end;
  }

  /** The plan's settings from now on. */
  public change(plan: Partial<PlanSettings>): void {
    this.options = { ...this.options, plan: { ...this.options.plan, ...plan } };
  }

  public get settings(): PlanSettings {
    return { ...SETTINGS, sites: [{ region: this.to.region }], ...this.options.plan };
  }

  public get siteSettings(): SiteSettings {
    return { site: 'Site', maxCopies: 0, plans: [{ ...SITE_PLAN, region: this.from.region, ...this.options.site }], ...this.options.settings };
  }

  /** The last full hour, or the beginning. */
  public get scheduledAt(): string {
    const at = Math.max(START + MINUTE, Math.floor(this.clock.now() / HOUR) * HOUR);
    return `${new Date(at).toISOString().slice(0, 19)}Z`;
  }

  public setOf(instance: string): string {
    return setId(instance, this.scheduledAt);
  }

  /** To the full hour, the set of that hour, and the site's ticks for the time. */
  public async hour(fates: Partial<Record<Verb, Fates>> = {}): Promise<void> {
    this.clock.advanceTo((Math.floor(this.clock.now() / HOUR) + 1) * HOUR);
    await this.invoke('snapshot', fates.snapshot);
    await this.ticks(40, fates);
  }

  public async ticks(minutes: number, fates: Partial<Record<Verb, Fates>> = {}): Promise<void> {
    const end = this.clock.now() + minutes * MINUTE;
    while (this.clock.now() < end) {
      this.clock.advance(5 * MINUTE);
      await this.run('copy', fates.copy);
      await this.run('watch', fates.watch);
    }
  }

  public originals(): StoredSnapshot[] {
    return this.snapshots(this.from).filter(({ source }) => source === undefined);
  }

  public copies(): StoredSnapshot[] {
    return this.snapshots(this.to).filter(({ source }) => source !== undefined);
  }

  public get points(): RecoveryPoint[] {
    return this.tables.site.list(LEDGER.point(this.settings.plan)).map(({ point }) => point as RecoveryPoint);
  }

  public get age(): number {
    return this.metrics[METRIC.recoveryPointAge];
  }

  private snapshots(at: Caller): StoredSnapshot[] {
    return [...this.model.all(at)].filter(({ deleted, tags }) => !deleted && tags[TAG.plan] === this.settings.plan && tags[TAG.set] !== undefined);
  }
}
