import { GetObjectCommand } from '@aws-sdk/client-s3';
import { App, aws_iam as iam, aws_kms as kms, aws_s3 as s3, Stack } from 'aws-cdk-lib';
import { STEADY } from './flow-at-work';
import { DrTemplate, EbsDrSite, EbsRestore, EbsRetention, EbsSelection, EbsSnapshotDr, RestoreParam } from '../../src';
import { readerExternalId, type RecoveryPoint, TAG } from '../../src/ebs-snapshot-dr/contract';
import { DisasterRecoveryFakes } from '../kit/fakes';
import { type Caller, Ec2Model, HOUR, MINUTE, type StoredInstance, type StoredSnapshot, VirtualClock, type VolumeSpec } from '../kit/fakes/ec2';
import { ec2Facts } from '../kit/fakes/ec2/facts';
import { FakeSts } from '../kit/fakes/sts';
import { FaultSchedule } from '../kit/faults';
import { requestOf } from '../kit/iam/requests';
import type { InvokeOutcome } from '../kit/lambda-host';
import type { RecordedCall } from '../kit/proxy/call';
import { type FakeService, Refusal, refusing } from '../kit/proxy/fake-service';
import type { RoleModel } from '../kit/template';
import { World } from '../kit/world';

export const SOURCE: Caller = { account: '123456789012', region: 'us-east-1' };
export const VAULT: Caller = { account: '210987654321', region: 'us-west-2' };
export const STRANGER = '333333333333';
export const PLAN = 'gold';
export const EXTERNAL_ID = readerExternalId(PLAN);
/** Their own accounts let them do anything. */
export const MIGHTY = { vault: `arn:aws:iam::${VAULT.account}:role/mighty`, stranger: `arn:aws:iam::${STRANGER}:role/mighty` };

export type PlanVerb = 'Snapshot' | 'Share' | 'Prune';
export type VaultVerb = 'Copy' | 'Watch' | 'Prune' | 'Sync' | 'Restore';

/** The plan's account lets the site's use it. */
export const VOLUME_KEY = `arn:aws:kms:${SOURCE.region}:${SOURCE.account}:key/volumes`;
/** Made by AWS, for the plan's account alone. */
export const DEFAULT_KEY = `arn:aws:kms:${SOURCE.region}:${SOURCE.account}:key/aws-ebs`;

const ANYTHING = [{ Effect: 'Allow' as const, Action: ['*'], Resource: ['*'] }];
const TEMPLATES = 'vault-templates';
const TEMPLATE = JSON.stringify({
  Parameters: { Data: { Type: 'AWS::EC2::Snapshot::Id' } },
  Resources: { Volume: { Type: 'AWS::EC2::Volume', Properties: { SnapshotId: { Ref: 'Data' }, AvailabilityZone: `${VAULT.region}a` } } },
});
const SERVICES = ['autoscaling', 'cloudformation', 'ec2', 'kms', 'servicequotas', 'sts'] as const;

/**
 * A plan in one account and Region, its site in another account and Region: all functions as shipped, under the roles of their
 * templates, around one EC2. Who takes the plan's reader role is judged by the policies of both accounts, and what is done under
 * it by those of the plan's.
 */
export class AccountsAtWork {
  public static async start(): Promise<AccountsAtWork> {
    const stacks = define();
    const late: { made?: AccountsAtWork } = {};
    const clocks = new Map<Stack, () => number>();
    const [plan, vault] = [await worldOf(stacks.plan), await worldOf(stacks.vault)];
    return late.made = new AccountsAtWork(plan, vault, new Map([[plan, clocks.get(stacks.plan)!], [vault, clocks.get(stacks.vault)!]]));

    function worldOf(stack: Stack): Promise<World> {
      return World.start({
        stack,
        fakes: ({ now }) => {
          clocks.set(stack, now);
          const model = () => late.made!.model;
          // What is behind these changes with every run.
          const current = new Proxy({} as Ec2Model, { get: (_, name) => Reflect.get(model(), name, model()) as unknown });
          const { ownerOf, tagsOf, volumesOf } = ec2Facts(current);
          const service = (name: string): FakeService => (call, principal) => {
            model().clock.advanceTo(now());
            return late.made!.services[name](call, principal);
          };
          return { services: Object.fromEntries(SERVICES.map((name) => [name, service(name)])), facts: { ownerOf, tagsOf, volumesOf } };
        },
      });
    }
  }

  public model!: Ec2Model;
  public sts!: FakeSts;
  /** The plan's account is no more: nobody takes its roles. */
  public isClosed = false;
  private services!: Readonly<Record<string, FakeService>>;

  private constructor(public readonly plan: World, public readonly vault: World, private readonly clocks: ReadonlyMap<World, () => number>) {
    for (const arn of Object.values(MIGHTY)) vault.proxy.mapPrincipal(`AKIA${arn.split(':')[4]}`, arn);
  }

  /** A new EC2, which knows the site's key and one of the plan's account that the site's may use, and a template to restore. */
  public async begin(): Promise<void> {
    await this.plan.begin();
    await this.vault.begin();
    this.isClosed = false;
    const latest = Math.max(...[...this.clocks.values()].map((now) => now()), Date.now());
    this.model = new Ec2Model({ clock: new VirtualClock(Math.ceil(latest / HOUR + 1) * HOUR), durations: STEADY, maxSettleMs: 5000 });
    this.sts = new FakeSts({
      now: () => this.model.clock.now(),
      mayAssume: (...asked) => this.mayAssume(...asked),
      onSession: (accessKeyId, role) => this.vault.proxy.mapPrincipal(accessKeyId, role),
    });
    const { services } = new DisasterRecoveryFakes({ model: this.model, readTemplate: (url) => this.readTemplate(url) });
    this.services = { ...services, sts: this.sts.service, ec2: refusing((call, principal) => this.ec2(services.ec2, call, principal)) };
    this.model.addKey({ ...VAULT, arn: this.key });
    this.model.addKey({ ...SOURCE, arn: VOLUME_KEY, accounts: [VAULT.account] });
    this.catchUp();
    await this.vault.upload(TEMPLATES, 'app.json', TEMPLATE);
    await this.at('Sync');
  }

  public async stop(): Promise<void> {
    const ends = await Promise.allSettled([this.plan.stop(), this.vault.stop()]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** An instance the plan takes. */
  public instance(volumes: readonly VolumeSpec[] = [{ device: '/dev/sdf', sizeGiB: 10 }], name = 'app'): StoredInstance {
    return this.model.addInstance({ ...SOURCE, tags: { dr: 'gold', Name: name }, volumes });
  }

  public advance(minutes: number): void {
    this.model.clock.advance(minutes * MINUTE);
    this.catchUp();
  }

  /** A run of a function of the plan's account. */
  public of(verb: PlanVerb, event: unknown = {}): Promise<InvokeOutcome> {
    return this.plan.invokeArn(this.plan.functionOf(`Dr${verb}`).arn, event);
  }

  /** A run of a function of the site's account. */
  public at(verb: VaultVerb, event: unknown = {}): Promise<InvokeOutcome> {
    return this.vault.invokeArn(this.vault.functionOf(`Site${verb}`).arn, event);
  }

  /** The set of the next hour, complete. */
  public async snapshot(): Promise<void> {
    const hour = Math.floor(this.model.clock.now() / HOUR + 1) * HOUR;
    this.model.clock.advanceTo(hour);
    this.catchUp();
    ended(await this.of('Snapshot', { scheduledTime: `${new Date(hour).toISOString().slice(0, 19)}Z` }));
    this.advance(5);
  }

  /** The set of the next hour, shared and copied. */
  public async hour(): Promise<void> {
    await this.snapshot();
    ended(await this.of('Share'));
    await this.ticks(3);
  }

  /** Of the site, every five minutes. */
  public async ticks(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      ended(await this.at('Copy'));
      ended(await this.at('Watch'));
      this.advance(5);
    }
  }

  public originals(): StoredSnapshot[] {
    return [...this.model.all(SOURCE)].filter(({ deleted, tags }) => !deleted && tags[TAG.set] !== undefined);
  }

  public copies(): StoredSnapshot[] {
    return [...this.model.all(VAULT)].filter(({ deleted, tags }) => !deleted && tags[TAG.set] !== undefined);
  }

  public async points(): Promise<RecoveryPoint[]> {
    const items = (await this.vault.items('SiteTable')).filter(({ pk }) => pk.S === `point#${PLAN}`);
    const points = items.map(({ body }) => (JSON.parse(body.S as string) as { readonly point: RecoveryPoint }).point);
    return points.sort((a, b) => a.takenAt < b.takenAt ? -1 : 1);
  }

  /** Which copies are made under. */
  public get key(): string {
    return this.vault.functionOf('SiteCopy').environment.KEY_ARN;
  }

  public get readerRole(): RoleModel {
    return this.plan.model.roles.find(({ arn }) => arn.includes(':role/ebsdr-reader-'))!;
  }

  /** Nothing of the plan answers any more, nor does its account. */
  public close(): void {
    this.isClosed = true;
    this.model.darken(SOURCE.region);
    this.vault.proxy.clearCalls();
  }

  public use(faults: FaultSchedule): void {
    this.vault.proxy.use(faults);
  }

  /** The functions' clocks go where the model's is. */
  private catchUp(): void {
    for (const [world, now] of this.clocks) {
      const lag = this.model.clock.now() - now();
      if (lag > 0) world.lag(lag / 1000);
    }
  }

  private mayAssume(principal: string, role: string, externalId: string | undefined): boolean {
    const { arn, trust } = this.readerRole;
    if (this.isClosed || role !== arn) return false;
    const { evaluator } = this.vault;
    const mighty = Object.values(MIGHTY).map((one) => ({ arn: one, statements: ANYTHING, foreignPolicies: [] }));
    const both = evaluator.with({ roles: [...evaluator.policies.roles, ...mighty], resources: [{ resourceArn: role, statements: trust }] });
    const context: Record<string, string> = externalId === undefined ? {} : { 'sts:ExternalId': externalId };
    return both.decide(principal, requestOf('sts:AssumeRole', role, { ...evaluator.landscape, account: SOURCE.account }, context)).allowed;
  }

  /** The reader's calls are for the plan's account to judge. */
  private ec2(service: FakeService, call: Parameters<FakeService>[0], principal: string): ReturnType<FakeService> {
    this.sts.check(call);
    const { allowed, reason } = this.plan.evaluator.authorize({ ...call, principal, n: 0, status: 0 } as RecordedCall);
    if (!allowed) throw new Refusal('UnauthorizedOperation', reason!, 403);
    return service(call, principal);
  }

  private async readTemplate(url: string): Promise<string> {
    const { hostname, pathname, searchParams } = new URL(url);
    const { Body } = await this.vault.s3.send(new GetObjectCommand({
      Bucket: hostname.split('.')[0], Key: decodeURIComponent(pathname.slice(1)), VersionId: searchParams.get('versionId') ?? undefined,
    }));
    return Body!.transformToString();
  }
}

function ended(outcome: InvokeOutcome): InvokeOutcome {
  if (outcome.kind !== 'ok') throw new Error(`the function ended as ${outcome.kind}: ${JSON.stringify(outcome.error)}\n${outcome.logs}`);
  return outcome;
}

function define(): { readonly plan: Stack; readonly vault: Stack } {
  const app = new App({ context: { 'aws:cdk:disable-asset-staging': true }, analyticsReporting: false });
  const [plan, vault] = [new Stack(app, 'Plan', { env: SOURCE }), new Stack(app, 'Vault', { env: VAULT })];
  const site = new EbsDrSite(vault, 'Site', {
    siteName: 'vault',
    encryptionKey: new kms.Key(vault, 'Key'),
    restore: EbsRestore.cloudFormation({
      template: DrTemplate.fromBucket(new s3.Bucket(vault, 'Templates', { bucketName: TEMPLATES }), 'app.json'),
      executionRole: new iam.Role(vault, 'Execution', { assumedBy: new iam.ServicePrincipal('cloudformation.amazonaws.com') }),
      parameters: { Data: RestoreParam.snapshot('/dev/sdf') },
    }),
  });
  new EbsSnapshotDr(plan, 'Dr', {
    selection: EbsSelection.tag('dr', 'gold'),
    planName: PLAN,
    copyTo: [site],
    retention: EbsRetention.gfs({ last: 2 }),
    brake: { maxShare: 1 },
    timedCopies: true,
  });
  return { plan, vault };
}
