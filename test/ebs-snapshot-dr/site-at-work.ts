import { at, copies, DAY, retention, type SetOptions, T0 } from './builders';
import { FakeStacks, StackModel, type StackModelOptions } from './stack-model';
import { type DrillEvent, type ProbeRequest, type RestoreAnswer, type RestoreRequest, type RestoreSettings, setId, type SitePlan, type SiteSettings, TAG } from '../../src/ebs-snapshot-dr/contract';
import { type DrillWorld, runDrill } from '../../src/ebs-snapshot-dr/handlers/drill-run';
import { pointKey } from '../../src/ebs-snapshot-dr/handlers/manifests';
import { LEDGER, type Ec2, type Image, type Preflight, type Query, type Snapshot } from '../../src/ebs-snapshot-dr/handlers/ports';
import { readSets, recoveryPoint } from '../../src/ebs-snapshot-dr/handlers/recovery-point';
import { SiteRecoveryPoints } from '../../src/ebs-snapshot-dr/handlers/recovery-points';
import { restore, type RestoreWorld } from '../../src/ebs-snapshot-dr/handlers/restore-run';
import { Bucket, type Fates, FAIR, FakeLedger, FakeObjects, LedgerTable, Line, type RunEnd, VirtualClock } from '../kit/fakes/ec2';
import { matcherOf } from '../kit/fakes/ec2/filters';

export const REGION = 'us-west-2';
export const TEMPLATE_KEY = 'templates/site.template';

export const PLAN: SitePlan = {
  plan: 'p',
  region: 'us-east-1',
  rpoSeconds: 7200,
  select: { kind: 'tag', key: 'dr', values: [] },
  retention: retention({ last: 1 }),
  brake: { maxSets: 10, maxShare: 0.1 },
  timedCopies: false,
  archiveAfterDays: 0,
  artifacts: [],
  images: false,
};

export const RESTORE: RestoreSettings = {
  templateKey: TEMPLATE_KEY,
  templateFrom: { bucket: 'templates', key: 'app.template' },
  stackPrefix: 'site',
  parameters: { Data: { kind: 'snapshot', device: '/dev/sdf' } },
  capabilities: ['CAPABILITY_IAM'],
};

export const SETTINGS: SiteSettings = {
  site: 'Site', plans: [PLAN], maxCopies: 20, restore: RESTORE, drill: { teardownAfterSeconds: 1800, maxRestoreSeconds: 3600 },
};

/** Copies of a set with a device for each volume. */
export function copied(devices: Readonly<Record<string, string>>, options: Omit<SetOptions, 'volumes'> = {}): Snapshot[] {
  return copies({
    id: `${options.instance ?? 'i-1'}-${options.scheduled ?? T0}`,
    ...options,
    volumes: Object.keys(devices),
    extra: (volume) => {
      const { tags, ...more } = options.extra?.(volume) ?? {};
      return { ...more, tags: { [TAG.device]: devices[volume], ...tags } };
    },
  });
}

/** The copy of an image that was made with a set. */
export function imageCopy(image: string, { plan = 'p', instance = 'i-1', scheduled = T0, state = 'available' }: SetOptions & { readonly state?: Image['state'] } = {}): Image {
  return {
    image,
    state,
    createdAt: scheduled,
    name: image,
    snapshots: [],
    tags: { [TAG.plan]: plan, [TAG.set]: setId(instance, at(scheduled)), [TAG.source]: `source-${image}` },
  };
}

export interface SiteOptions extends StackModelOptions {
  readonly settings?: SiteSettings;
  readonly snapshots?: readonly Snapshot[];
  readonly images?: readonly Image[];
  /** The table knows no recovery point. @default false */
  readonly blind?: boolean;
  readonly template?: string;
  readonly offered?: readonly string[];
  readonly unusableKeys?: readonly string[];
}

/** A recovery Region, alone in the world: nothing here leads to the source. */
export class Site {
  public readonly clock = new VirtualClock(T0 + DAY);
  public readonly table = new LedgerTable(REGION, () => this.clock.now());
  public readonly bucket = new Bucket(REGION);
  public readonly stacks: StackModel;
  public readonly settings: SiteSettings;
  public snapshots: Snapshot[];
  public images: Image[];
  public readonly metrics: Array<readonly [string, string, number]> = [];
  public readonly probes: ProbeRequest[] = [];
  public probe: ((request: ProbeRequest) => unknown) | undefined;
  public readonly signing: { by: () => string } = { by: () => 'signed' };
  public line!: Line;

  constructor(private readonly options: SiteOptions = {}) {
    this.settings = options.settings ?? SETTINGS;
    this.snapshots = [...options.snapshots ?? copied({ 'vol-1': '/dev/sdf' })];
    this.images = [...options.images ?? []];
    const names = Object.keys(this.settings.restore?.parameters ?? {});
    const declared = Object.fromEntries(names.map((name) => [name, { hasDefault: false, noEcho: false }]));
    this.stacks = new StackModel(this.clock, { declared, ...options });
    this.bucket.put(TEMPLATE_KEY, options.template ?? '{}');
    if (!options.blind) this.note();
  }

  /** Writes down the complete sets, as the watch function does. */
  public note(): void {
    for (const set of readSets(this.snapshots, 'copies').filter(({ state }) => state === 'complete')) {
      this.table.write({ pk: LEDGER.point(set.plan), sk: pointKey(set.set), at: this.clock.now(), point: recoveryPoint(set) });
    }
  }

  public async restore(request: RestoreRequest = {}): Promise<RestoreAnswer> {
    const end = await this.run((world) => restore(request, 'first', world));
    if (end.kind === 'ok') return end.value;
    throw end.kind === 'error' ? end.error : new Error('killed');
  }

  /** One invocation, on a line of its own. */
  public run<T>(work: (world: DrillWorld) => Promise<T>, fates: Fates = FAIR): Promise<RunEnd<T>> {
    this.line = new Line({ principal: 'restore', clock: this.clock, fates });
    return this.line.run(() => work(this.world()));
  }

  public drill(event: DrillEvent = {}, fates: Fates = FAIR): Promise<RunEnd<void>> {
    return this.run((world) => runDrill(event, world), fates);
  }

  /** Ticks as the schedule does, until no drill is under way. */
  public async drillToTheEnd(event?: DrillEvent): Promise<void> {
    if (event) await this.drill(event);
    for (let tick = 0; tick < 100 && this.table.get(LEDGER.drill, 'current') !== undefined; tick++) {
      this.clock.advance(5 * 60_000);
      await this.drill();
    }
  }

  private world(): DrillWorld {
    const { line, clock, settings } = this;
    const ledger = new FakeLedger(this.table, line);
    const ec2 = this.ec2();
    const base: RestoreWorld = {
      settings,
      bucket: 'site-bucket',
      bucketUrl: 'https://site-bucket.s3.us-west-2.amazonaws.com',
      objects: new FakeObjects(this.bucket, line),
      stacks: new FakeStacks(this.stacks, line),
      ec2,
      preflight: this.preflight(),
      ledger,
      points: (rebuild) => new SiteRecoveryPoints({ ledger, ec2, clock, rebuild }),
      clock,
    };
    const { probe } = this;
    return {
      ...base,
      ...probe && {
        probe: {
          invoke: async (request) => line.call('lambda', 'Invoke', REGION, () => {
            this.probes.push(request);
            return probe(request);
          }),
        },
      },
      signer: { sign: () => line.call('kms', 'Sign', REGION, this.signing.by) },
      signingKey: 'arn:aws:kms:us-west-2:111122223333:key/1',
      metrics: { count: (...count) => this.metrics.push(count) },
      log: { info: () => {}, warn: () => {} },
      ending: new AbortController().signal,
    };
  }

  private ec2(): Pick<Ec2, 'snapshots' | 'images'> {
    const { line } = this;
    const matches = (query: Query, id: string, state: string, tags: Readonly<Record<string, string>>) => (query.ids?.includes(id) ?? true)
      && (query.states?.includes(state) ?? true)
      && Object.entries(query.tags ?? {}).every(([key, values]) => key in tags && matcherOf(values)(tags[key]));
    return {
      snapshots: (query) => line.list('ec2', 'DescribeSnapshots', REGION, () => (
        this.snapshots.filter(({ snapshot, state, tags }) => matches(query, snapshot, state, tags)))),
      images: (query) => line.list('ec2', 'DescribeImages', REGION, () => (
        this.images.filter(({ image, state, tags }) => matches(query, image, state, tags)))),
    };
  }

  private preflight(): Preflight {
    const { line, options } = this;
    const offered = (candidates: readonly string[]) => candidates.filter((candidate) => options.offered?.includes(candidate) ?? true);
    return {
      keyUsable: (key) => line.call('kms', 'DescribeKey', REGION, () => !options.unusableKeys?.includes(key)),
      instanceTypes: (candidates) => line.call('ec2', 'DescribeInstanceTypeOfferings', REGION, () => offered(candidates)),
      availabilityZones: (candidates) => line.call('ec2', 'DescribeAvailabilityZones', REGION, () => offered(candidates)),
    };
  }
}
