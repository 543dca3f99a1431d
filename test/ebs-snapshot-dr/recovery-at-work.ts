import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { CfnCapabilities, Duration, Stack, aws_iam as iam, aws_kms as kms, aws_lambda as lambda, aws_s3 as s3 } from 'aws-cdk-lib';
import { at, HOUR, T0 } from './builders';
import { DrTemplate, EbsDrill, EbsDrSite, EbsImages, EbsRestore, EbsSchedule, EbsSelection, EbsSnapshotDr, RestoreParam } from '../../src';
import { type DrillEvent, type DrillEvidence, type RestoreAnswer, type RestoreRequest, setId, TAG } from '../../src/ebs-snapshot-dr/contract';
import { EPOCH } from '../kit/dispatch/timeline';
import { DisasterRecoveryFakes } from '../kit/fakes';
import { Ec2Model, type StoredSnapshot } from '../kit/fakes/ec2';
import { ec2Facts } from '../kit/fakes/ec2/facts';
import { FaultSchedule } from '../kit/faults';
import { clientConfig } from '../kit/resources';
import { stackFor } from '../kit/stack';
import type { FunctionModel } from '../kit/template';
import { World, type RunOptions } from '../kit/world';

const ACCOUNT = '123456789012';
const SOURCE = { account: ACCOUNT, region: 'us-east-1' };
export const HERE = { account: ACCOUNT, region: 'eu-west-1' };
/** Of the source's Region. */
export const CODE = 'shop-code';
/** Of the site's Region. */
export const TEMPLATES = 'shop-templates';

export const ARTIFACT = 'app 1+2.zip';

export const TEMPLATE = {
  Parameters: {
    Data: { Type: 'AWS::EC2::Snapshot::Id' },
    Type: { Type: 'String' },
    Zone: { Type: 'AWS::EC2::AvailabilityZone::Name' },
    Code: { Type: 'String' },
    Image: { Type: 'AWS::EC2::Image::Id' },
  },
  Resources: {
    Server: { Type: 'AWS::EC2::Instance', Properties: { ImageId: { Ref: 'Image' }, InstanceType: { Ref: 'Type' }, AvailabilityZone: { Ref: 'Zone' } } },
    Volume: { Type: 'AWS::EC2::Volume', Properties: { SnapshotId: { Ref: 'Data' }, AvailabilityZone: { Ref: 'Zone' } } },
    Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: {} } },
  },
  Outputs: { Volume: { Value: { Ref: 'Volume' } } },
};

/** The probe answers as the first line of a file says. */
const PROBE = `import { readFileSync } from 'node:fs';
export async function handler(request) {
  const answer = JSON.parse(readFileSync(process.env.ANSWER, 'utf8'));
  if (answer === 'throw') throw new TypeError('no rows');
  return { ...answer, asked: request };
}`;

/** The recovery Region as shipped: functions under their roles, EC2, CloudFormation and KMS by the kit, S3 and DynamoDB by the emulator. */
export class RecoveryAtWork {
  public static async start(): Promise<RecoveryAtWork> {
    const directory = mkdtempSync(join(tmpdir(), 'recovery-'));
    writeFileSync(join(directory, 'index.mjs'), PROBE);
    const stack = stackFor({ env: HERE, stackName: 'Recovery' });
    define(stack, directory);
    const late: { fakes?: DisasterRecoveryFakes; model?: Ec2Model; made?: RecoveryAtWork } = {};
    // Nothing here takes a minute: what hangs is to be seen.
    const adjust = ({ timeoutSeconds }: FunctionModel) => ({ timeoutSeconds: Math.min(timeoutSeconds, 60) });
    const world = await World.start({
      stack,
      adjust,
      fakes: ({ model, now, origin }) => {
        const s3Client = new S3Client(clientConfig(origin, HERE.region));
        late.model = new Ec2Model();
        late.fakes = new DisasterRecoveryFakes({
          model: late.model,
          now,
          hasCapacity: (_, zone) => !late.made?.full.has(zone),
          instanceTypes: { [HERE.region]: ['m5.large', 'm6i.large'] },
          readTemplate: async (url) => {
            const { hostname, pathname, searchParams } = new URL(url);
            const { Body } = await s3Client.send(new GetObjectCommand({
              Bucket: hostname.split('.')[0], Key: decodeURIComponent(pathname.slice(1)), VersionId: searchParams.get('versionId') ?? undefined,
            }));
            return Body!.transformToString();
          },
        });
        const { ownerOf, tagsOf, volumesOf } = ec2Facts(late.model);
        const { SIGNING_KEY_ARN: signingKey } = model.functions.find(({ logicalId }) => logicalId.includes('Drill'))!.environment;
        late.fakes.kms.addSigningKey(signingKey);
        return { services: late.fakes.services, facts: { ownerOf, tagsOf, volumesOf } };
      },
    });
    const made = late.made = new RecoveryAtWork(world, late.model!, late.fakes!, directory);
    made.world.lag((T0 + 2 * HOUR - EPOCH) / 1000);
    await made.world.s3.send(new CreateBucketCommand({ Bucket: CODE }));
    return made;
  }

  public readonly bucket: string;
  public readonly signingKey: string;
  /** Zones without room. */
  public readonly full = new Set<string | undefined>();

  private images = 0;

  private constructor(
    public readonly world: World,
    public readonly model: Ec2Model,
    public readonly fakes: DisasterRecoveryFakes,
    private readonly directory: string,
  ) {
    const { BUCKET, SIGNING_KEY_ARN } = world.functionOf('SiteDrill').environment;
    this.bucket = BUCKET;
    this.signingKey = SIGNING_KEY_ARN;
  }

  /** Nothing is there but the template and an artifact; the source's Region does not answer. */
  public async begin(options?: RunOptions): Promise<void> {
    await this.world.begin();
    for (const { id } of [...this.model.images(HERE)]) this.model.deregisterImage(HERE, id);
    for (const { id } of [...this.model.all(HERE)]) this.model.deleteSnapshot(HERE, id);
    this.full.clear();
    this.answerOfProbe({ ok: true });
    for (const key of await this.world.keys(CODE)) await this.world.remove(CODE, key);
    await this.world.upload(TEMPLATES, 'app.json', JSON.stringify(TEMPLATE));
    await this.world.upload(CODE, ARTIFACT, 'code');
    await this.sync();
    this.model.darken(SOURCE.region);
    this.world.proxy.clearCalls();
    // A change set takes seconds: nobody here has to wait for them.
    this.world.interfere(async ({ operation }) => {
      if (operation === 'DescribeChangeSet') this.world.lag(5);
    });
    this.world.proxy.use(options?.faults ?? FaultSchedule.none());
  }

  public async stop(): Promise<void> {
    await this.world.stop();
    rmSync(this.directory, { recursive: true });
  }

  /** What the probe says next. */
  public answerOfProbe(answer: unknown): void {
    writeFileSync(join(this.directory, 'answer.json'), JSON.stringify(answer));
  }

  /** The copy of an image that was made with a set. */
  public image(scheduled = T0): string {
    const instance = this.model.addInstance({ ...HERE, tags: {}, volumes: [{ device: '/dev/sda1', sizeGiB: 8 }] });
    const imageTags = { [TAG.plan]: 'gold', [TAG.set]: setId('i-1', at(scheduled)), [TAG.source]: 'ami-1' };
    const { id } = this.model.createImage(HERE, { instance: instance.id, name: `image-${++this.images}`, excludeDevices: [], noReboot: true, imageTags, snapshotTags: {} });
    this.model.terminate(instance);
    // The model's clock follows the functions'.
    this.world.lag(HOUR / 1000);
    return id;
  }

  /** A copy of a set with one volume. */
  public copy(scheduled = T0, more: Partial<StoredSnapshot> = {}): StoredSnapshot {
    return this.model.plant(HERE, {
      startedAt: scheduled + 3_600_000,
      source: `snap-${scheduled}`,
      ...more,
      tags: {
        [TAG.plan]: 'gold',
        [TAG.set]: setId('i-1', at(scheduled)),
        [TAG.members]: '1',
        [TAG.origin]: `${ACCOUNT}/${SOURCE.region}`,
        [TAG.source]: `snap-${scheduled}`,
        [TAG.volume]: 'vol-1',
        [TAG.device]: '/dev/sdf',
        [TAG.taken]: new Date(scheduled + 1000).toISOString(),
      },
    });
  }

  public async invoke<T>(verb: 'Restore' | 'Drill' | 'Sync', event: unknown): Promise<T> {
    const { error, kind, logs, payload } = await this.world.invokeArn(this.world.functionOf(`Site${verb}`).arn, event);
    if (kind !== 'ok') throw Object.assign(new Error(error?.errorMessage ?? kind), { name: error?.errorType ?? kind, logs });
    return payload as T;
  }

  public restore(request: RestoreRequest = {}): Promise<RestoreAnswer> {
    return this.invoke('Restore', request);
  }

  public sync(): Promise<void> {
    return this.invoke('Sync', {});
  }

  public drill(event: DrillEvent = {}): Promise<void> {
    return this.invoke('Drill', event);
  }

  public async evidence(drill: string): Promise<{ readonly evidence: DrillEvidence; readonly text: string; readonly signature: string }> {
    const [text, signature] = await Promise.all(['json', 'sig'].map(async (end) => (await this.world.read(this.bucket, `evidence/${drill}.${end}`)).toString()));
    return { evidence: JSON.parse(text) as DrillEvidence, text, signature };
  }

  public async versions(prefix: string): Promise<readonly string[]> {
    const { Versions = [] } = await this.world.s3.send(new ListObjectVersionsCommand({ Bucket: this.bucket, Prefix: prefix }));
    return Versions.map(({ Key }) => Key!);
  }
}

function define(stack: Stack, directory: string): void {
  const templates = new s3.Bucket(stack, 'Templates', { bucketName: TEMPLATES });
  const probe = new lambda.Function(stack, 'Probe', {
    runtime: lambda.Runtime.NODEJS_24_X, handler: 'index.handler', code: lambda.Code.fromAsset(directory), environment: { ANSWER: join(directory, 'answer.json') },
  });
  const site = new EbsDrSite(stack, 'Site', {
    siteName: 'recovery',
    encryptionKey: new kms.Key(stack, 'Key'),
    restore: EbsRestore.cloudFormation({
      template: DrTemplate.fromBucket(templates, 'app.json'),
      executionRole: new iam.Role(stack, 'Execution', { assumedBy: new iam.ServicePrincipal('cloudformation.amazonaws.com') }),
      capabilities: [CfnCapabilities.ANONYMOUS_IAM],
      parameters: {
        Data: RestoreParam.snapshot('/dev/sdf'),
        Type: RestoreParam.instanceType('x9.mega', 'm5.large', 'm6i.large'),
        Zone: RestoreParam.availabilityZone('eu-west-1a', 'eu-west-1b'),
        Image: RestoreParam.image(),
        Code: RestoreParam.artifactVersion(CODE, ARTIFACT),
      },
    }),
    drill: EbsDrill.scheduled(EbsSchedule.rate(Duration.days(7)), { probe, teardownAfter: Duration.minutes(30) }),
  });
  new EbsSnapshotDr(new Stack(stack.node.root, 'Shop', { env: SOURCE }), 'Dr', {
    selection: EbsSelection.tag('dr', 'gold'),
    planName: 'gold',
    images: EbsImages.every(Duration.days(1)),
    artifacts: [s3.Bucket.fromBucketName(stack, 'Code', CODE)],
    copyTo: [site],
  });
}
