import { App, Duration, Stack, aws_kms as kms } from 'aws-cdk-lib';
import { FlowAtWork, PLAN, SITE, SOURCE, STEADY } from './flow-at-work';
import { EbsConsistency, EbsDrSite, EbsImages, EbsRetention, EbsSelection, EbsSnapshotDr } from '../../src';
import { METRIC_NAMESPACE, type PlanSettings } from '../../src/ebs-snapshot-dr/contract';
import { DisasterRecoveryFakes } from '../kit/fakes';
import { Ec2Model, HOUR, MINUTE, type ModelOptions, VirtualClock } from '../kit/fakes/ec2';
import { ec2Facts } from '../kit/fakes/ec2/facts';
import type { SsmCommand, SsmResult } from '../kit/fakes/ssm';
import type { FaultSchedule } from '../kit/faults';
import type { InvokeOutcome } from '../kit/lambda-host';
import type { FunctionModel } from '../kit/template';
import { World, type Adjust } from '../kit/world';

export type Verb = 'Snapshot' | 'Prune' | 'Copy' | 'Watch';

/**
 * One Region's functions as shipped, under their roles, with all of EC2 by the kit. The other Region's work is done in process
 * over the same EC2.
 */
export class SideAtWork {
  public static async start(side: 'plan' | 'site', adjust: Adjust = () => ({})): Promise<SideAtWork> {
    const app = new App({ context: { 'aws:cdk:disable-asset-staging': true }, analyticsReporting: false });
    const stacks = { plan: new Stack(app, 'Plan', { env: SOURCE }), site: new Stack(app, 'Recovery', { env: SITE }) };
    const site = new EbsDrSite(stacks.site, 'Dr', { siteName: 'site', ...side === 'site' && { encryptionKey: new kms.Key(stacks.site, 'Key') } });
    new EbsSnapshotDr(stacks.plan, 'Dr', {
      selection: EbsSelection.tag('dr', 'gold'),
      planName: PLAN,
      copyTo: [site],
      consistency: EbsConsistency.freeze({ paths: ['/data'], maxFrozen: Duration.seconds(30) }),
      images: EbsImages.every(Duration.days(1)),
      retention: EbsRetention.gfs({ last: 2 }),
      brake: { maxShare: 1 },
    });
    const late: { side?: SideAtWork; now: () => number } = { now: Date.now };
    const world = await World.start({
      stack: stacks[side],
      adjust,
      fakes: ({ now }) => {
        late.now = now;
        // What is behind these changes with every run.
        const model = () => late.side!.model;
        const current = new Proxy({} as Ec2Model, { get: (_, name) => Reflect.get(model(), name, model()) as unknown });
        const { ownerOf, tagsOf, volumesOf } = ec2Facts(current);
        const names = ['autoscaling', 'ec2', 'kms', 'servicequotas', 'ssm'] as const;
        return {
          services: Object.fromEntries(names.map((name) => [name, (call, principal) => {
            model().clock.advanceTo(now());
            return late.side!.fakes.services[name](call, principal);
          }])),
          facts: { ownerOf, tagsOf, volumesOf },
        };
      },
    });
    return late.side = new SideAtWork(world, late.now);
  }

  public model!: Ec2Model;
  /** The same EC2, by runs in process. */
  public flow!: FlowAtWork;
  private fakes!: DisasterRecoveryFakes;

  /** @param now the functions' clock */
  private constructor(public readonly world: World, private readonly now: () => number) {}

  /** What an agent does with a command. */
  public agent: (command: SsmCommand) => Promise<SsmResult | 'lost'> = async () => ({ exitCode: 0, output: 'frozen' });

  /** A new EC2, which knows the site's key. */
  public async begin(faults?: FaultSchedule, options: ModelOptions = {}): Promise<void> {
    await this.world.begin({ faults });
    this.agent = async () => ({ exitCode: 0, output: 'frozen' });
    // Always the same time of an hour, whatever it is here: schedules are hourly.
    const now = Math.ceil(Math.max(Date.now(), this.world.timeline.now) / HOUR + 1) * HOUR + 10 * MINUTE;
    this.model = new Ec2Model({ clock: new VirtualClock(now), durations: STEADY, maxSettleMs: 5000, ...options });
    this.flow = new FlowAtWork({ model: this.model, plan: { retention: this.retention } });
    this.fakes = new DisasterRecoveryFakes({
      model: this.model,
      readTemplate: () => Promise.reject(new Error('these functions read no template')),
      ssm: { documents: this.documents, run: (command) => this.agent(command) },
    });
    for (const { environment: { KEY_ARN: arn } } of this.world.model.functions) if (arn) this.model.addKey({ ...SITE, arn });
    this.catchUp();
  }

  /** From now on these faults. */
  public use(faults: FaultSchedule): void {
    this.world.proxy.use(faults);
    this.world.proxy.clearCalls();
  }

  public stop(): Promise<void> {
    return this.world.stop();
  }

  public of(verb: Verb): FunctionModel {
    return this.world.functionOf(`Dr${verb}`);
  }

  public invoke(verb: Verb, event: unknown = {}): Promise<InvokeOutcome> {
    return this.world.invokeArn(this.of(verb).arn, event);
  }

  /** The set of the time the flow is at. */
  public snapshot(): Promise<InvokeOutcome> {
    return this.invoke('Snapshot', { scheduledTime: this.flow.scheduledAt });
  }

  /** @throws what the invocation ended with */
  public async ok(verb: Verb): Promise<InvokeOutcome> {
    const outcome = await (verb === 'Snapshot' ? this.snapshot() : this.invoke(verb));
    if (outcome.kind !== 'ok') throw new Error(`${verb} ended as ${outcome.kind}: ${JSON.stringify(outcome.error)}\n${outcome.logs}`);
    return outcome;
  }

  public advance(minutes: number): void {
    this.model.clock.advance(minutes * 60_000);
    this.catchUp();
  }

  /** The functions' clock goes where the model's is. */
  public catchUp(): void {
    const lag = this.model.clock.now() - this.now();
    if (lag > 0) this.world.lag(lag / 1000);
  }

  private get documents(): readonly string[] {
    const { SETTINGS: settings } = this.world.model.functions.find(({ environment }) => environment.SETTINGS !== undefined)!.environment;
    const { freeze } = JSON.parse(settings) as PlanSettings;
    return freeze ? [freeze.document] : [];
  }

  private get retention(): PlanSettings['retention'] {
    const { SETTINGS: settings } = this.world.model.functions.find(({ environment }) => environment.SETTINGS !== undefined)!.environment;
    const { retention, plans } = JSON.parse(settings) as PlanSettings & { readonly plans?: ReadonlyArray<Pick<PlanSettings, 'retention'>> };
    return retention ?? plans![0].retention;
  }
}

/** Values of a metric in embedded metric format, with the dimensions they came under. */
export function metricsOf({ logs }: InvokeOutcome): Readonly<Record<string, unknown>> {
  const found = logs.split('\n').filter((line) => line.includes('"CloudWatchMetrics"') && line.includes(`"${METRIC_NAMESPACE}"`))
    .map((line) => JSON.parse(line.slice(line.indexOf('{'))) as Readonly<Record<string, unknown>>);
  return Object.assign({}, ...found) as Readonly<Record<string, unknown>>;
}
