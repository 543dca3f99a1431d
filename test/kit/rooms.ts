import { join } from 'path';
import { CfnCapabilities, Duration, RemovalPolicy, Size, Stack, TimeZone, Token } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  CropPosition,
  DrTemplate,
  EbsConsistency,
  EbsDrill,
  EbsDrSite,
  EbsDrSiteProps,
  EbsImages,
  EbsLock,
  EbsRestore,
  EbsRetention,
  EbsSchedule,
  EbsSelection,
  EbsSnapshotDr,
  EbsSnapshotDrProps,
  EdgeAccess,
  EdgeCondition,
  EdgeDevice,
  EdgeLambdaOptions,
  EdgeOrigin,
  EdgeOriginEvent,
  EdgeRewrite,
  EdgeRewriteProps,
  EdgeTier,
  FanOutAggregation,
  FanOutDestination,
  FanOutFilter,
  FanOutFilterPlacement,
  FanOutHttpMethod,
  FanOutOrdering,
  FanOutPacking,
  FanOutReader,
  FanOutTransform,
  HandlerOptions,
  ImageBackfill,
  ImageDestination,
  ImageFormat,
  ImageLazyOrigin,
  ImagePreset,
  ImageResizePipeline,
  ImageResizePipelineProps,
  ImageSource,
  ImageTolerance,
  KinesisFanOut,
  KinesisFanOutProps,
  RestoreParam,
  RewriteQueryPolicy,
  RewriteRule,
  RuleDialect,
  RuleSource,
  SecurityHeaders,
  SiteManifest,
  TrailingSlash,
} from '../../src';

/** One room as the library-wide tests see it. */
export interface Room {
  /** Folder below `src/`, unless it is a second construct of one. */
  readonly name: string;
  /** Room it is a construct of. */
  readonly partOf?: string;
  /** Handlers the construct defines at most. */
  readonly handlers: readonly string[];
  /** Its functions run at the edge, where there is no VPC, log group, key, tracing or reservation to obey. */
  readonly edge?: true;
  /** The construct with nothing but required props. */
  minimal(stack: Stack): Construct;
  /** The construct with every feature on, all optional resources created by it. */
  full(stack: Stack): Construct;
  /** The construct with every resource it accepts given to it. */
  supplied(stack: Stack): Construct;
}

export const ROOMS: readonly Room[] = [{
  name: 'image-resize-pipeline',
  handlers: ['index.backfill', 'index.reconcile', 'index.serve'],
  minimal: (stack) => new ImageResizePipeline(stack, 'Images'),
  full: (stack) => new ImageResizePipeline(stack, 'Images', fullImageProps(stack)),
  supplied: (stack) => new ImageResizePipeline(stack, 'Images', suppliedImageProps(stack)),
}, {
  name: 'edge-rewrite',
  handlers: ['index.handler', 'index.handler'],
  edge: true,
  minimal: (stack) => new EdgeRewrite(stack, 'Edge', { rules: [RewriteRule.redirect('/old/*', '/new/:splat')] }),
  full: (stack) => {
    const edge = new Construct(stack, 'Edge');
    new EdgeRewrite(edge, 'Viewer', fullEdgeProps(stack));
    edgeFunctions(edge, {});
    return edge;
  },
  supplied: (stack) => {
    const edge = new Construct(stack, 'Edge');
    edgeFunctions(edge, { runtime: lambda.Runtime.NODEJS_22_X, role: suppliedHandlerOptions(stack).role });
    return edge;
  },
}, {
  name: 'kinesis-fan-out',
  handlers: Array.from({ length: 10 }, () => 'index.handler'), // nine destinations, replay
  minimal: (stack) => new KinesisFanOut(stack, 'Orders', {
    destinations: { Lake: FanOutDestination.s3(s3.Bucket.fromBucketName(stack, 'Lake', 'lake')) },
  }),
  full: (stack) => fullFanOut(stack),
  supplied: (stack) => new KinesisFanOut(stack, 'Orders', suppliedFanOutProps(stack)),
}, {
  name: 'ebs-snapshot-dr',
  handlers: ['index.handler', 'index.handler', 'index.handler'], // snapshot, prune, share
  minimal: (stack) => new EbsSnapshotDr(stack, 'Dr', { ...PROTECTED, ...placeIn(stack, PLAN_REGION), copyTo: [siteBeside(stack)] }),
  full: (stack) => new EbsSnapshotDr(stack, 'Dr', fullPlanProps(stack)),
  supplied: (stack) => new EbsSnapshotDr(stack, 'Dr', {
    ...suppliedHandlerOptions(stack),
    ...suppliedState(stack),
    ...PROTECTED,
    ...placeIn(stack, PLAN_REGION),
    copyTo: [siteBeside(stack, VAULT)],
    consistency: FREEZE,
  }),
}, {
  name: 'ebs-dr-site',
  partOf: 'ebs-snapshot-dr',
  handlers: Array.from({ length: 6 }, () => 'index.handler'), // copy, drill, prune, restore, sync, watch
  minimal: (stack) => protectedFrom(stack, new EbsDrSite(stack, 'Site', placeIn(stack, SITE_REGION))),
  full: (stack) => protectedFrom(stack, new EbsDrSite(stack, 'Site', fullSiteProps(stack)), fullProtection(stack)),
  supplied: (stack) => protectedFrom(stack, new EbsDrSite(stack, 'Site', suppliedSiteProps(stack)), fullProtection(stack)),
}];

const ACCOUNT = '123456789012';

function fullImageProps(stack: Stack): ImageResizePipelineProps {
  return {
    source: ImageSource.newBucket({ prefix: 'originals/', suffixes: ['.jpg', '.PNG'] }),
    destination: ImageDestination.newBucket({ prefix: 'variants/' }),
    presets: [ImagePreset.width('mobile', 480), ImagePreset.cover('card', 600, 400, { position: CropPosition.ATTENTION, sharpen: 1 })],
    formats: [ImageFormat.webp({ effort: 4 }), ImageFormat.avif()],
    tolerance: ImageTolerance.WARNING,
    maxPixels: 50_000_000,
    maxFrames: 10,
    maxFileSize: Size.mebibytes(20),
    keepIcc: true,
    keepCopyright: true,
    allowSvg: true,
    cacheControl: 'public, max-age=60',
    propagateDeletes: false,
    quarantinePrefix: 'refused/',
    backfill: ImageBackfill.s3Batch({ reportPrefix: 'reports/', priority: 5 }),
    lazyOrigin: ImageLazyOrigin.functionUrl(),
    successTopic: new sns.Topic(stack, 'Success', { enforceSSL: true }),
    failureTopic: new sns.Topic(stack, 'Failure', { enforceSSL: true }),
    eventBus: new events.EventBus(stack, 'Bus'),
    distribution: cloudfront.Distribution.fromDistributionAttributes(stack, 'Cdn', { distributionId: 'E1', domainName: 'd1.cloudfront.net' }),
    maxConcurrency: 20,
    maxReceiveCount: 3,
    encryptionKey: new kms.Key(stack, 'Key', { enableKeyRotation: true }),
    removalPolicy: RemovalPolicy.DESTROY,
    alarmTopic: new sns.Topic(stack, 'OnCall', { enforceSSL: true }),
    reconcileOptions: { memorySize: 3008 },
  };
}

function suppliedImageProps(stack: Stack): ImageResizePipelineProps {
  return {
    ...suppliedHandlerOptions(stack),
    source: ImageSource.bucket(s3.Bucket.fromBucketName(stack, 'Uploads', 'uploads'), { prefix: 'originals/' }),
    destination: ImageDestination.bucket(s3.Bucket.fromBucketName(stack, 'Media', 'media')),
    backfill: ImageBackfill.s3Batch(),
    lazyOrigin: ImageLazyOrigin.functionUrl(),
    deadLetterQueue: sqs.Queue.fromQueueArn(stack, 'Failed', stack.formatArn({ service: 'sqs', resource: 'failed' })),
  };
}

/** Every kind of destination, every option. */
function fullFanOut(stack: Stack): KinesisFanOut {
  const key = new kms.Key(stack, 'Key', { enableKeyRotation: true });
  const fanOut = new KinesisFanOut(stack, 'Orders', {
    aggregation: FanOutAggregation.NONE,
    maxRecordAge: Duration.hours(12),
    expectedUtilisation: 0.25,
    foreignReaders: 1,
    dashboard: true,
    encryptionKey: key,
    removalPolicy: RemovalPolicy.DESTROY,
    alarmTopic: new sns.Topic(stack, 'OnCall', { enforceSSL: true }),
    replayOptions: { memorySize: 256 },
    destinations: {
      State: FanOutDestination.dynamoDb(new dynamodb.Table(stack, 'State', {
        partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING },
        sortKey: { name: 'line', type: dynamodb.AttributeType.NUMBER },
        encryptionKey: key,
      })),
      Mirror: FanOutDestination.kinesis(new kinesis.Stream(stack, 'Mirror', { encryption: kinesis.StreamEncryption.KMS, encryptionKey: key })),
      Archive: FanOutDestination.firehose(deliveryStream(stack), { packing: FanOutPacking.ndjson() }),
      News: FanOutDestination.sns(new sns.Topic(stack, 'News', { masterKey: key })),
      Bus: FanOutDestination.eventBridge(new events.EventBus(stack, 'Bus'), { source: 'shop', detailType: 'Order' }),
      Worker: FanOutDestination.lambdaFunction(lambda.Function.fromFunctionName(stack, 'Worker', 'worker')),
    },
  });
  fanOut.addDestination('Lake', FanOutDestination.s3(new s3.Bucket(stack, 'Lake', { encryptionKey: key }), {
    prefix: 'orders/', packing: FanOutPacking.ndjsonGzip({ maxSize: Size.mebibytes(4) }),
  }), { batchWindow: Duration.seconds(60), transform: FanOutTransform.mask('$.card', '$.email') });
  fanOut.addDestination('Audit', FanOutDestination.sqs(new sqs.Queue(stack, 'Audit', { fifo: true, encryptionMasterKey: key })), {
    filter: FanOutFilter.equalTo('$.type', 'order-paid'),
    filterPlacement: FanOutFilterPlacement.MAPPING,
    ordering: FanOutOrdering.PER_KEY,
    reader: FanOutReader.DEDICATED,
    parallelizationFactor: 2,
  });
  fanOut.addDestination('Partner', FanOutDestination.https('https://api.example.com/v1/orders', {
    authorization: new secretsmanager.Secret(stack, 'Token', { encryptionKey: key }),
    method: FanOutHttpMethod.PUT,
    headers: { 'X-Team': 'shop' },
    timeout: Duration.seconds(5),
    maxBodySize: Size.kibibytes(512),
    concurrency: 8,
  }), { ordering: FanOutOrdering.NONE, sendAhead: 100, enabled: false, memorySize: 512 });
  return fanOut;
}

/** Without the table of addresses that CDK adds to the stack, and validators complain of if nobody asks for it. */
function deliveryStream(stack: Stack): firehose.IDeliveryStream {
  const stream = firehose.DeliveryStream.fromDeliveryStreamAttributes(stack, 'Archive', { deliveryStreamName: 'archive' });
  if (!stack.node.tryRemoveChild('@aws-cdk--aws-kinesisfirehose.CidrBlocks')) throw new Error('CDK adds no table of addresses any more');
  return stream;
}

function suppliedFanOutProps(stack: Stack): KinesisFanOutProps {
  const arn = (service: string, resource: string) => stack.formatArn({ service, account: ACCOUNT, resource });
  return {
    ...suppliedHandlerOptions(stack),
    stream: kinesis.Stream.fromStreamArn(stack, 'Source', arn('kinesis', 'stream/orders')),
    failureBucket: s3.Bucket.fromBucketName(stack, 'Failed', 'failed'),
    destinations: {
      Lake: FanOutDestination.s3(s3.Bucket.fromBucketName(stack, 'Lake', 'lake'), { prefix: 'orders/' }),
      State: FanOutDestination.dynamoDb(dynamodb.Table.fromTableArn(stack, 'State', arn('dynamodb', 'table/state')), { partitionKey: 'id' }),
      Mirror: FanOutDestination.kinesis(kinesis.Stream.fromStreamArn(stack, 'Mirror', arn('kinesis', 'stream/mirror'))),
      Archive: FanOutDestination.firehose(deliveryStream(stack)),
      Audit: FanOutDestination.sqs(sqs.Queue.fromQueueArn(stack, 'Audit', arn('sqs', 'audit.fifo'))),
      News: FanOutDestination.sns(sns.Topic.fromTopicArn(stack, 'News', arn('sns', 'news'))),
      Bus: FanOutDestination.eventBridge(events.EventBus.fromEventBusName(stack, 'Bus', 'shop')),
      Partner: FanOutDestination.https('https://api.example.com/v1/orders', {
        authorization: secretsmanager.Secret.fromSecretNameV2(stack, 'Token', 'partner'),
      }),
      Worker: FanOutDestination.lambdaFunction(lambda.Function.fromFunctionName(stack, 'Worker', 'worker')),
    },
  };
}

const PLAN_REGION = 'eu-west-1';
const SITE_REGION = 'eu-central-1';
const VAULT = '210987654321';
const PROTECTED = { selection: EbsSelection.tag('dr', 'gold') };
const FREEZE = EbsConsistency.freeze({ paths: ['/data', '/var/lib/pgsql'], maxFrozen: Duration.seconds(20) });

/** What a construct must be told whose stack does not know where it is. */
function placeIn({ region }: Stack, otherwise: string): { region?: string; account?: string } {
  return Token.isUnresolved(region) ? { region: otherwise, account: ACCOUNT } : {};
}

/** Another Region of the stack's partition. */
function regionBeside({ region }: Stack, otherwise: string): string {
  return ({ 'cn-north-1': 'cn-northwest-1', 'us-gov-west-1': 'us-gov-east-1' } as Record<string, string>)[region] ?? otherwise;
}

/** In a stack of its own: what the other side of a room is. */
function stackBeside(stack: Stack, otherwise: string, account?: string): Stack {
  return new Stack(stack.node.root as Stack, 'Beside', { env: { region: regionBeside(stack, otherwise), account } });
}

function siteBeside(stack: Stack, account?: string, props?: EbsDrSiteProps): EbsDrSite {
  return new EbsDrSite(stackBeside(stack, SITE_REGION, account), 'Site', props);
}

function protectedFrom(stack: Stack, site: EbsDrSite, props: Partial<EbsSnapshotDrProps> = {}): EbsDrSite {
  new EbsSnapshotDr(stackBeside(stack, PLAN_REGION), 'Dr', {
    ...PROTECTED, ...props, copyTo: [site],
  });
  return site;
}

function fullPlanProps(stack: Stack): EbsSnapshotDrProps {
  return {
    ...fullProtection(stack),
    selection: EbsSelection.allOf(
      EbsSelection.anyOf(EbsSelection.tag('dr', 'gold', 'silver*'), EbsSelection.instances('i-0123456789abcdef0')),
      EbsSelection.noneOf(EbsSelection.tag('env', 'dev')),
    ),
    copyTo: [siteBeside(stack, VAULT, { keepVersions: Duration.days(1200) })],
    consistency: FREEZE,
    sourceRetention: EbsRetention.youngerThan(Duration.days(2)),
    recycleBin: Duration.days(7),
    removalPolicy: RemovalPolicy.DESTROY,
    alarmTopic: new sns.Topic(stack, 'OnCall', { enforceSSL: true }),
    snapshotOptions: { memorySize: 1024 },
    ...placeIn(stack, PLAN_REGION),
  };
}

/** What a site is told of. */
function fullProtection(stack: Stack): Partial<EbsSnapshotDrProps> {
  return {
    schedule: EbsSchedule.cron({ minute: '0', hour: '*/2', timeZone: TimeZone.EUROPE_BERLIN }),
    rpo: Duration.hours(5),
    images: EbsImages.every(Duration.days(1)),
    retention: EbsRetention.gfs({ last: 3, hourly: 24, daily: 7, weekly: 5, monthly: 12, yearly: 3 }),
    brake: { maxSets: 50, maxShare: 0.05 },
    copyLock: EbsLock.governance(Duration.days(7)),
    archiveAfter: Duration.days(90),
    timedCopies: true,
    artifacts: [s3.Bucket.fromBucketAttributes(stack, 'Artifacts', {
      bucketName: 'artifacts', encryptionKey: kms.Key.fromKeyArn(stack, 'ArtifactsKey', stack.formatArn({ service: 'kms', resource: 'key/2' })),
    })],
  };
}

/** Restores with every kind of parameter. */
function fullSiteProps(stack: Stack): EbsDrSiteProps {
  return {
    ...restored(stack),
    encryptionKey: new kms.Key(stack, 'Key', { enableKeyRotation: true }),
    maxConcurrentCopies: 20,
    siteName: 'frankfurt',
    keepVersions: Duration.days(1200),
    removalPolicy: RemovalPolicy.DESTROY,
    alarmTopic: new sns.Topic(stack, 'OnCall', { enforceSSL: true }),
    copyOptions: { memorySize: 1024 },
    ...placeIn(stack, SITE_REGION),
  };
}

function restored(stack: Stack): Pick<EbsDrSiteProps, 'drill' | 'restore'> {
  const { region = stack.region } = placeIn(stack, SITE_REGION);
  const parameters = { ...RESTORED, Zone: RestoreParam.availabilityZone(`${region}a`, `${region}b`) };
  return {
    restore: EbsRestore.cloudFormation({
      template: DrTemplate.inline(JSON.stringify({
        Parameters: Object.fromEntries(Object.keys(parameters).map((name) => [name, { Type: 'String' }])),
        Resources: { Volume: { Type: 'AWS::EC2::Volume' } },
      })),
      parameters,
      executionRole: iam.Role.fromRoleArn(stack, 'Execution', stack.formatArn({ service: 'iam', region: '', resource: 'role/restore' })),
      capabilities: [CfnCapabilities.NAMED_IAM],
      stackPrefix: 'shop',
    }),
    drill: EbsDrill.scheduled(EbsSchedule.cron({ minute: '0', hour: '3', weekDay: 'SUN' }), {
      probe: lambda.Function.fromFunctionName(stack, 'Probe', 'probe'),
      teardownAfter: Duration.minutes(30),
      maxRestore: Duration.hours(1),
    }),
  };
}

const RESTORED = {
  Data: RestoreParam.snapshot('/dev/sdf', { instanceName: 'db' }),
  Image: RestoreParam.image({ instanceName: 'db' }),
  CodeBucket: RestoreParam.artifactBucket(),
  CodeKey: RestoreParam.artifactKey('artifacts', 'app.zip'),
  CodeVersion: RestoreParam.artifactVersion('artifacts', 'app.zip'),
  Type: RestoreParam.instanceType('m7i.large', 'm6i.large'),
  Domain: RestoreParam.value('example.com'),
};

function suppliedSiteProps(stack: Stack): EbsDrSiteProps {
  return {
    ...suppliedHandlerOptions(stack),
    ...suppliedState(stack),
    ...restored(stack),
    encryptionKey: kms.Key.fromKeyArn(stack, 'CopyKey', stack.formatArn({ service: 'kms', account: ACCOUNT, resource: 'key/3' })),
    signingKey: kms.Key.fromKeyArn(stack, 'SigningKey', stack.formatArn({ service: 'kms', account: ACCOUNT, resource: 'key/4' })),
    bucket: s3.Bucket.fromBucketName(stack, 'Recovery', 'recovery'),
    ...placeIn(stack, SITE_REGION),
  };
}

function suppliedState(stack: Stack): Pick<EbsDrSiteProps, 'table' | 'deadLetterQueue'> {
  return {
    table: dynamodb.Table.fromTableName(stack, 'State', 'state'),
    deadLetterQueue: sqs.Queue.fromQueueArn(stack, 'Failed', stack.formatArn({ service: 'sqs', resource: 'failed' })),
  };
}

const SITE = join(__dirname, '../edge-rewrite/site');

/** Lambda@Edge functions and CloudFront's metrics are in one region. */
const isCentral = ({ region }: Stack) => Token.isUnresolved(region) || region === 'us-east-1';

export function fullEdgeProps(stack: Stack): EdgeRewriteProps {
  return {
    rules: [
      RewriteRule.redirect('/', '/de/', { status: 302, when: [EdgeCondition.country('DE', 'AT'), EdgeCondition.language('de')] }),
      RewriteRule.rewrite('/app', '/app/mobile.html', { when: [EdgeCondition.device(EdgeDevice.MOBILE), EdgeCondition.cookie('beta', 'yes')] }),
      RewriteRule.redirect('/search', '/find/:term', { query: { q: ':term' }, queryPolicy: RewriteQueryPolicy.MERGE }),
      RewriteRule.proxy('/api/*', '/:splat', { origin: EdgeOrigin.byId('api') }),
      RewriteRule.gone('/2019/*', { page: '/gone.html' }),
      RewriteRule.split('/pricing', { experiment: 'pricing', weights: { '/pricing': 80, '/pricing-b': 20 }, maxAge: Duration.days(7) }),
      RewriteRule.headers('/*', { values: { 'X-Team': 'web' }, unset: ['X-Powered-By'] }),
      RewriteRule.headers('/assets/*', { values: { 'Cache-Control': 'public, max-age=31536000, immutable' } }),
    ],
    sources: [
      RuleSource.netlifyRedirects(join(SITE, '_redirects')),
      RuleSource.headersFile(join(SITE, '_headers'), RuleDialect.NETLIFY),
    ],
    access: [
      EdgeAccess.basic('/staff/*', { salt: '0123456789abcdef', digests: ['c2f7d1c7ecdc39fa877ed4ade5e809d74ef1536c3d8bc5dc3a2b7d5efbb69cb1'] }),
      EdgeAccess.allowAddresses('/staff/*', '192.0.2.0/24'),
      EdgeAccess.blockCountries('/shop/*', 'US'),
    ],
    tier: EdgeTier.KEY_VALUE_STORE,
    site: SiteManifest.fromDirectory(join(SITE, 'dist')),
    securityHeaders: SecurityHeaders.STRICT,
    canonicalHost: 'www.example.com',
    domainNames: ['www.example.com', 'example.com'],
    trailingSlash: TrailingSlash.REMOVE,
    cleanUrls: true,
    indexDocument: 'index.html',
    spaFallback: '/index.html',
    origins: [EdgeOrigin.byHost('api.example.net')],
    collapseChains: true,
    maxReads: 8,
    alarmTopic: isCentral(stack) ? new sns.Topic(stack, 'OnCall', { enforceSSL: true }) : undefined,
  };
}

/** A function for each event, where they can be; elsewhere CloudFront functions. */
function edgeFunctions(scope: Construct, options: EdgeLambdaOptions): void {
  const rules = [RewriteRule.redirect('/old/*', '/new/:splat')];
  for (const [id, eventType] of Object.entries({ Request: EdgeOriginEvent.ORIGIN_REQUEST, Response: EdgeOriginEvent.ORIGIN_RESPONSE })) {
    new EdgeRewrite(scope, id, { rules, tier: isCentral(Stack.of(scope)) ? EdgeTier.lambdaEdge({ ...options, eventType }) : EdgeTier.AUTO });
  }
}

/** Every handler option, each resource imported. */
export function suppliedHandlerOptions(stack: Stack): HandlerOptions {
  const arn = (service: string, resource: string) =>
    stack.formatArn({ service, region: service === 'iam' ? '' : undefined, account: ACCOUNT, resource });
  return {
    runtime: lambda.Runtime.NODEJS_22_X,
    architecture: lambda.Architecture.X86_64,
    role: iam.Role.fromRoleArn(stack, 'Role', arn('iam', 'role/app'), { mutable: false }),
    vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-11111111',
      availabilityZones: ['a', 'b'],
      privateSubnetIds: ['subnet-11111111', 'subnet-22222222'],
      privateSubnetRouteTableIds: ['rtb-11111111', 'rtb-22222222'],
    }),
    securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-11111111')],
    logGroup: logs.LogGroup.fromLogGroupName(stack, 'Logs', '/app/images'),
    tracing: lambda.Tracing.ACTIVE,
    environmentEncryption: kms.Key.fromKeyArn(stack, 'EnvKey', arn('kms', 'key/1')),
    reservedConcurrentExecutions: 4,
  };
}
