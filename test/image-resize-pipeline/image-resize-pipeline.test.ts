import { App, CfnParameter, Duration, RemovalPolicy, Size, Stack, Token } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  CropPosition,
  ImageBackfill,
  ImageDestination,
  ImageFailureReason,
  ImageFormat,
  ImageLazyOrigin,
  ImagePreset,
  ImageResizePipeline,
  ImageResizePipelineProps,
  ImageSource,
  ImageTolerance,
} from '../../src';
import { FAILURE_REASONS, PIPELINE_ENV, Recipe } from '../../src/image-resize-pipeline/contract';
import { resourcesOf, stackFor, statementsOf, templateOf } from '../kit/stack';

let stack: Stack;
beforeEach(() => {
  stack = stackFor({ env: { account: '123456789012', region: 'eu-west-1' } });
});

function pipeline(props?: ImageResizePipelineProps): ImageResizePipeline {
  return new ImageResizePipeline(stack, 'Images', props);
}

function variables(verb = 'Reconcile'): Record<string, unknown> {
  const [fn] = Object.entries(resourcesOf(stack)).filter(([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.includes(verb)).map(([, r]) => r);
  return (fn.Properties.Environment as { Variables: Record<string, unknown> }).Variables;
}

function recipe(): Recipe {
  return JSON.parse(variables().RECIPE as string);
}

function importedBucket(name: string, key?: kms.IKey): s3.IBucket {
  return s3.Bucket.fromBucketAttributes(stack, name, { bucketName: name, encryptionKey: key });
}

function statements(verb: string, action: string): Record<string, unknown>[] {
  return statementsOf(stack, `Images${verb}Role`).filter(({ Action }) => [Action].flat().includes(action));
}

describe('buckets', () => {
  test('both are created private, versioned, encrypted, logged and retained', () => {
    pipeline();
    const buckets = Object.entries(resourcesOf(stack)).filter(([id, { Type }]) => Type === 'AWS::S3::Bucket' && !id.includes('AccessLogs'));
    expect(buckets).toHaveLength(2);
    for (const [, bucket] of buckets) {
      expect(bucket).toMatchObject({
        DeletionPolicy: 'Retain',
        Properties: {
          BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
          PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
          OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
          VersioningConfiguration: { Status: 'Enabled' },
          LoggingConfiguration: { DestinationBucketName: { Ref: expect.stringContaining('AccessLogs') } },
        },
      });
    }
  });

  test('old versions of originals stay 30 days, of variants one', () => {
    pipeline();
    const days = Object.values(resourcesOf(stack)).filter(({ Type }) => Type === 'AWS::S3::Bucket')
      .flatMap(({ Properties }) => JSON.stringify(Properties.LifecycleConfiguration).match(/(?<="NoncurrentDays":)\d+/) ?? []);
    expect(days.map(Number)).toEqual([30, 1]);
  });

  test('the source bucket sends events to EventBridge by its own property', () => {
    pipeline();
    templateOf(stack).hasResourceProperties('AWS::S3::Bucket', {
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
    });
  });

  test('a given bucket of the app is switched to EventBridge unless it configures notifications itself', () => {
    const plain = new s3.Bucket(stack, 'Plain');
    const own = new s3.Bucket(stack, 'Own');
    (own.node.defaultChild as s3.CfnBucket).notificationConfiguration = { topicConfigurations: [] };
    pipeline({ source: ImageSource.bucket(plain) });
    new ImageResizePipeline(stack, 'Other', { source: ImageSource.bucket(own) });
    const notifications = (bucket: s3.Bucket) => stack.resolve((bucket.node.defaultChild as s3.CfnBucket).notificationConfiguration);
    expect(notifications(plain)).toEqual({ eventBridgeConfiguration: { eventBridgeEnabled: true } });
    expect(notifications(own)).toEqual({ topicConfigurations: [] });
  });

  test('with both given, no bucket is created', () => {
    const images = pipeline({ source: ImageSource.bucket(importedBucket('uploads')), destination: ImageDestination.bucket(importedBucket('media')) });
    templateOf(stack).resourceCountIs('AWS::S3::Bucket', 0);
    expect(images.accessLogsBucket).toBeUndefined();
    expect([images.sourceBucket.bucketName, images.destinationBucket.bucketName]).toEqual(['uploads', 'media']);
  });

  test('access logs go to a given bucket', () => {
    const logs = new s3.Bucket(stack, 'Logs');
    expect(pipeline({ accessLogsBucket: logs }).accessLogsBucket).toBe(logs);
    templateOf(stack).hasResourceProperties('AWS::S3::Bucket', {
      LoggingConfiguration: { DestinationBucketName: stack.resolve(logs.bucketName), LogFilePrefix: 'source/' },
    });
    templateOf(stack).hasResourceProperties('AWS::S3::BucketPolicy', {
      Bucket: stack.resolve(logs.bucketName),
      PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Principal: { Service: 'logging.s3.amazonaws.com' } })]) },
    });
  });

  test('the removal policy holds for all of them', () => {
    pipeline({ removalPolicy: RemovalPolicy.DESTROY });
    const policies = Object.values(resourcesOf(stack)).filter(({ Type }) => Type === 'AWS::S3::Bucket').map((bucket) => bucket.DeletionPolicy);
    expect(policies).toEqual(['Delete', 'Delete', 'Delete']);
  });

  test('a key encrypts buckets and queues and admits EventBridge', () => {
    const key = new kms.Key(stack, 'Key');
    pipeline({ encryptionKey: key });
    const arn = stack.resolve(key.keyArn);
    templateOf(stack).resourcePropertiesCountIs('AWS::S3::Bucket', {
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ BucketKeyEnabled: true, ServerSideEncryptionByDefault: { KMSMasterKeyID: arn } }] },
    }, 2);
    templateOf(stack).resourcePropertiesCountIs('AWS::SQS::Queue', { KmsMasterKeyId: arn }, 2);
    templateOf(stack).hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: { Statement: Match.arrayWith([Match.objectLike({ Principal: { Service: 'events.amazonaws.com' }, Action: ['kms:Decrypt', 'kms:GenerateDataKey'] })]) },
    });
  });
});

describe('trigger', () => {
  const pattern = (detail: object) => templateOf(stack).hasResourceProperties('AWS::Events::Rule', { EventPattern: Match.objectLike({ detail }) });

  test('everything created or deleted in the source bucket', () => {
    const images = pipeline();
    templateOf(stack).hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        'source': ['aws.s3'],
        'detail-type': ['Object Created', 'Object Deleted'],
        'detail': { bucket: { name: [stack.resolve(images.sourceBucket.bucketName)] } },
      },
    });
  });

  test('deletions are left out if they are not to be propagated', () => {
    pipeline({ propagateDeletes: false });
    templateOf(stack).hasResourceProperties('AWS::Events::Rule', { EventPattern: Match.objectLike({ 'detail-type': ['Object Created'] }) });
    expect(variables().PROPAGATE_DELETES).toBe('false');
  });

  test('a prefix', () => {
    pipeline({ source: ImageSource.newBucket({ prefix: 'in/' }) });
    pattern({ object: { key: [{ prefix: 'in/' }] } });
  });

  test('suffixes in any case', () => {
    pipeline({ source: ImageSource.newBucket({ suffixes: ['.JPG', '.png'] }) });
    pattern({ object: { key: [{ suffix: { 'equals-ignore-case': '.jpg' } }, { suffix: { 'equals-ignore-case': '.png' } }] } });
    expect(recipe().suffixes).toEqual(['.jpg', '.png']);
  });

  test('of prefix and suffixes the prefix: EventBridge would join them by "or"', () => {
    pipeline({ source: ImageSource.newBucket({ prefix: 'in/', suffixes: ['.jpg'] }) });
    pattern({ object: { key: [{ prefix: 'in/' }] } });
  });

  test('of prefix and suffixes the suffixes, if outputs have the prefix too', () => {
    const bucket = importedBucket('one');
    pipeline({
      source: ImageSource.bucket(bucket, { prefix: 'img/', suffixes: ['.tiff'] }),
      destination: ImageDestination.bucket(bucket, { prefix: 'img/out/' }),
    });
    pattern({ object: { key: [{ suffix: { 'equals-ignore-case': '.tiff' } }] } });
  });

  test('rule and queue share a dead-letter queue, and only the rule may send to both', () => {
    const images = pipeline();
    const rule = stack.resolve(images.rule.ruleArn);
    const deadLetters = stack.resolve(images.deadLetterQueue.queueArn);
    templateOf(stack).hasResourceProperties('AWS::Events::Rule', {
      Targets: [{
        Arn: stack.resolve(images.queue.queueArn), DeadLetterConfig: { Arn: deadLetters }, RetryPolicy: { MaximumEventAgeInSeconds: 86400 },
      }],
    });
    templateOf(stack).hasResourceProperties('AWS::SQS::Queue', { RedrivePolicy: { deadLetterTargetArn: deadLetters, maxReceiveCount: 5 } });
    templateOf(stack).resourcePropertiesCountIs('AWS::SQS::QueuePolicy', {
      PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Action: 'sqs:SendMessage', Effect: 'Allow', Condition: { ArnEquals: { 'aws:SourceArn': rule } } })]) },
    }, 2);
  });

  test('queues demand TLS and encrypt; dead letters stay 14 days, events 4', () => {
    pipeline();
    templateOf(stack).resourcePropertiesCountIs('AWS::SQS::Queue', { SqsManagedSseEnabled: true }, 2);
    templateOf(stack).resourcePropertiesCountIs('AWS::SQS::QueuePolicy', {
      PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } })]) },
    }, 2);
    const retentions = Object.values(resourcesOf(stack)).filter(({ Type }) => Type === 'AWS::SQS::Queue').map(({ Properties }) => Properties.MessageRetentionPeriod);
    expect(retentions.sort()).toEqual([14 * 86400, 4 * 86400]);
  });

  test('visibility is six times the timeout of the reconcile function', () => {
    pipeline({ timeout: Duration.seconds(10), reconcileOptions: { timeout: Duration.seconds(100) } });
    templateOf(stack).hasResourceProperties('AWS::SQS::Queue', { VisibilityTimeout: 600 });
  });

  test('one event per invocation, ten at a time, failures reported singly', () => {
    pipeline();
    templateOf(stack).hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1, FunctionResponseTypes: ['ReportBatchItemFailures'], ScalingConfig: { MaximumConcurrency: 10 },
    });
  });

  test.each([[2000, 10], [20, 10], [4, 4], [1, 2], [Token.asNumber({ Ref: 'N' }), 10]])('of %d reserved executions no more are used: %d', (reservedConcurrentExecutions, used) => {
    pipeline({ reservedConcurrentExecutions });
    templateOf(stack).hasResourceProperties('AWS::Lambda::EventSourceMapping', { ScalingConfig: { MaximumConcurrency: used } });
  });

  test('maxConcurrency, maxReceiveCount and deadLetterQueue', () => {
    const given = sqs.Queue.fromQueueArn(stack, 'Given', 'arn:aws:sqs:eu-west-1:123456789012:given');
    expect(pipeline({ maxConcurrency: 3, maxReceiveCount: 2, deadLetterQueue: given }).deadLetterQueue).toBe(given);
    templateOf(stack).hasResourceProperties('AWS::Lambda::EventSourceMapping', { ScalingConfig: { MaximumConcurrency: 3 } });
    templateOf(stack).hasResourceProperties('AWS::SQS::Queue', { RedrivePolicy: { deadLetterTargetArn: given.queueArn, maxReceiveCount: 2 } });
    templateOf(stack).resourceCountIs('AWS::SQS::Queue', 1);
  });
});

describe('functions', () => {
  test('the reconcile function has the shipped code, one vCPU and a minute', () => {
    pipeline();
    templateOf(stack).hasResourceProperties('AWS::Lambda::Function', {
      Handler: 'index.reconcile', Runtime: 'nodejs24.x', Architectures: ['arm64'], MemorySize: 1769, Timeout: 60,
    });
  });

  test('variables are exactly the contract and the allocator setting', () => {
    pipeline();
    expect(Object.keys(variables()).sort()).toEqual([...PIPELINE_ENV, 'MALLOC_ARENA_MAX'].sort());
    expect(variables()).toMatchObject({ SOURCE_PREFIX: '', DESTINATION_PREFIX: 'img/', PROPAGATE_DELETES: 'true', SUCCESS_TOPIC_ARN: '', QUARANTINE_PREFIX: '', MALLOC_ARENA_MAX: '2' });
  });

  test('the default recipe', () => {
    pipeline();
    expect(recipe()).toEqual({
      presets: [
        { name: 'mobile', fit: 'width', width: 480 },
        { name: 'tablet', fit: 'width', width: 1024 },
        { name: 'desktop', fit: 'width', width: 1920 },
      ],
      formats: [
        { format: 'webp', extension: 'webp', quality: 80, effort: 2, lossless: false },
        { format: 'jpeg', extension: 'jpg', quality: 80, mozjpeg: true },
      ],
      tolerance: 'error',
      maxPixels: 100_000_000,
      maxFrames: 60,
      maxBytes: 50 * 1024 * 1024,
      keepIcc: false,
      keepCopyright: false,
      allowSvg: false,
      suffixes: [],
      cacheControl: 'public, max-age=3600',
    });
  });

  test('every preset, format and limit reaches the recipe', () => {
    pipeline({
      presets: [
        ImagePreset.width('a', 1, { background: '#fff', blur: 0.3, sharpen: 10, greyscale: true }),
        ImagePreset.inside('b', 2, 3),
        ImagePreset.cover('c', 4, 5),
        ImagePreset.cover('d', 4, 5, { position: CropPosition.point(0.25, 1) }),
        ImagePreset.contain('e', 6, 7, { background: 'rgb(0, 0, 0)' }),
        ImagePreset.fill('f', 8, 9),
      ],
      formats: [
        ImageFormat.avif({ quality: 40, effort: 0 }),
        ImageFormat.webp({ lossless: true }),
        ImageFormat.jpeg({ mozjpeg: false }),
        ImageFormat.png(),
        ImageFormat.gif(),
      ],
      tolerance: ImageTolerance.TRUNCATED,
      maxPixels: 1,
      maxFrames: 2,
      maxFileSize: Size.kibibytes(3),
      keepIcc: true,
      keepCopyright: true,
      allowSvg: true,
      cacheControl: 'no-cache',
    });
    expect(recipe()).toEqual({
      presets: [
        { name: 'a', fit: 'width', width: 1, background: '#fff', blur: 0.3, sharpen: 10, greyscale: true },
        { name: 'b', fit: 'inside', width: 2, height: 3 },
        { name: 'c', fit: 'cover', width: 4, height: 5, position: 'center' },
        { name: 'd', fit: 'cover', width: 4, height: 5, position: '0.25,1' },
        { name: 'e', fit: 'contain', width: 6, height: 7, background: 'rgb(0, 0, 0)' },
        { name: 'f', fit: 'fill', width: 8, height: 9 },
      ],
      formats: [
        { format: 'avif', extension: 'avif', quality: 40, effort: 0, lossless: false },
        { format: 'webp', extension: 'webp', quality: 80, effort: 2, lossless: true },
        { format: 'jpeg', extension: 'jpg', quality: 80, mozjpeg: false },
        { format: 'png', extension: 'png' },
        { format: 'gif', extension: 'gif' },
      ],
      tolerance: 'truncated',
      maxPixels: 1,
      maxFrames: 2,
      maxBytes: 3072,
      keepIcc: true,
      keepCopyright: true,
      allowSvg: true,
      suffixes: [],
      cacheControl: 'no-cache',
    });
  });

  test('a number known only at deployment is written into the recipe by CloudFormation', () => {
    pipeline({ maxPixels: new CfnParameter(stack, 'Pixels', { type: 'Number' }).valueAsNumber });
    const written = stack.resolve(variables().RECIPE);
    expect(JSON.stringify(written)).toContain('\\"maxPixels\\":",{"Ref":"Pixels"},",');
  });

  test('options of one function win field by field', () => {
    pipeline({
      memorySize: 2048,
      timeout: Duration.seconds(20),
      backfill: ImageBackfill.s3Batch(),
      lazyOrigin: ImageLazyOrigin.functionUrl(),
      reconcileOptions: { memorySize: 3000 },
      backfillOptions: { timeout: Duration.seconds(300) },
      serveOptions: { architecture: lambda.Architecture.X86_64 },
    });
    const template = templateOf(stack);
    template.hasResourceProperties('AWS::Lambda::Function', { Handler: 'index.reconcile', MemorySize: 3000, Timeout: 20, Architectures: ['arm64'] });
    template.hasResourceProperties('AWS::Lambda::Function', { Handler: 'index.backfill', MemorySize: 2048, Timeout: 300 });
    template.hasResourceProperties('AWS::Lambda::Function', { Handler: 'index.serve', MemorySize: 2048, Timeout: 20, Architectures: ['x86_64'] });
  });

  test('the code can be replaced', () => {
    pipeline({ codeOverride: lambda.Code.fromInline('exports.reconcile = async () => {}') });
    templateOf(stack).hasResourceProperties('AWS::Lambda::Function', { Code: { ZipFile: 'exports.reconcile = async () => {}' } });
  });

  test('failure reasons are those of the handlers', () => {
    expect(Object.values(ImageFailureReason)).toEqual([...FAILURE_REASONS]);
    expect(Object.keys(ImageFailureReason)).toEqual([...FAILURE_REASONS]);
  });

  test('connections hold the security groups of all functions, none without a VPC', () => {
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', { vpcId: 'vpc-1', availabilityZones: ['a'], privateSubnetIds: ['s-1'] });
    expect(pipeline({ vpc, lazyOrigin: ImageLazyOrigin.functionUrl() }).connections.securityGroups).toHaveLength(2);
    expect(new ImageResizePipeline(stack, 'Plain').connections.securityGroups).toEqual([]);
  });
});

describe('permissions', () => {
  const listing = (...prefixes: string[]) => prefixes.map((prefix) => ({ StringLike: { 's3:prefix': prefix } }));

  test('reconcile has exactly the statements of the README', () => {
    const images = pipeline();
    expect(statementsOf(stack, 'ImagesReconcileRole')).toEqual([
      { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: { 'Fn::GetAtt': [expect.stringContaining('ReconcileLogs'), 'Arn'] } },
      { Effect: 'Allow', Action: 's3:GetObject', Resource: stack.resolve(images.sourceBucket.arnForObjects('*')) },
      { Effect: 'Allow', Action: 's3:ListBucket', Resource: stack.resolve(images.sourceBucket.bucketArn), Condition: { StringLike: { 's3:prefix': '*' } } },
      { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], Resource: stack.resolve(images.destinationBucket.arnForObjects('img/*')) },
      { Effect: 'Allow', Action: 's3:ListBucket', Resource: stack.resolve(images.destinationBucket.bucketArn), Condition: { StringLike: { 's3:prefix': 'img/*' } } },
      { Effect: 'Allow', Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], Resource: stack.resolve(images.queue.queueArn) },
    ]);
  });

  test('backfill the same without the queue, serve also without deleting', () => {
    pipeline({ backfill: ImageBackfill.s3Batch(), lazyOrigin: ImageLazyOrigin.functionUrl() });
    expect(statements('Backfill', 's3:DeleteObject')).toHaveLength(1);
    expect(statements('Serve', 's3:PutObject')).toHaveLength(1);
    expect(statements('Serve', 's3:DeleteObject')).toEqual([]);
    expect(['Backfill', 'Serve'].map((verb) => statements(verb, 's3:ListBucket').length)).toEqual([2, 1]);
    expect([...statements('Backfill', 'sqs:ReceiveMessage'), ...statements('Serve', 'sqs:ReceiveMessage')]).toEqual([]);
  });

  test('prefixes bound originals, listing, variants and quarantine', () => {
    const [uploads, media] = [importedBucket('uploads'), importedBucket('media')];
    pipeline({ source: ImageSource.bucket(uploads, { prefix: 'in/' }), destination: ImageDestination.bucket(media, { prefix: 'out/' }), quarantinePrefix: 'bad/' });
    const resources = (action: string) => statements('Reconcile', action).map(({ Resource }) => Resource);
    expect(resources('s3:GetObject')).toEqual([uploads.arnForObjects('in/*'), media.arnForObjects('out/*')].map((arn) => stack.resolve(arn)));
    for (const action of ['s3:PutObject', 's3:DeleteObject']) expect(resources(action)).toEqual([media.arnForObjects('out/*'), media.arnForObjects('bad/*')].map((arn) => stack.resolve(arn)));
    expect(statements('Reconcile', 's3:ListBucket').map(({ Condition }) => Condition)).toEqual(listing('in/*', 'out/*'));
  });

  test('one bucket for both is listed below either prefix', () => {
    const bucket = importedBucket('uploads');
    pipeline({ source: ImageSource.bucket(bucket, { prefix: 'in/' }), destination: ImageDestination.bucket(bucket, { prefix: 'out/' }) });
    expect(statements('Reconcile', 's3:ListBucket').map(({ Condition }) => Condition)).toEqual(listing('in/*', 'out/*'));
  });

  test('the destination is not listed when deletes are not propagated', () => {
    pipeline({ propagateDeletes: false, source: ImageSource.newBucket({ prefix: 'in/' }) });
    expect(statements('Reconcile', 's3:ListBucket').map(({ Condition }) => Condition)).toEqual(listing('in/*'));
  });

  test('keys of given buckets, by S3 only', () => {
    const [read, write] = ['read', 'write'].map((id) => kms.Key.fromKeyArn(stack, id, `arn:aws:kms:eu-west-1:123456789012:key/${id}`));
    pipeline({ source: ImageSource.bucket(importedBucket('uploads', read)), destination: ImageDestination.bucket(importedBucket('media', write)) });
    const Condition = { StringLike: { 'kms:ViaService': { 'Fn::Join': ['', ['s3.', { Ref: 'AWS::Region' }, '.*']] } } };
    expect(statements('Reconcile', 'kms:Decrypt')).toEqual([
      { Effect: 'Allow', Action: 'kms:Decrypt', Resource: read.keyArn, Condition },
      { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: write.keyArn, Condition },
    ]);
  });

  test('an own key lets reconcile read the queue', () => {
    pipeline({ encryptionKey: new kms.Key(stack, 'Key') });
    expect(statements('Reconcile', 'kms:Decrypt').map(({ Condition }) => JSON.stringify(Condition)).join()).toContain('"sqs."');
  });

  test('topics and bus', () => {
    const topic = new sns.Topic(stack, 'Topic');
    const bus = new events.EventBus(stack, 'Bus');
    pipeline({ successTopic: topic, failureTopic: topic, eventBus: bus });
    expect(statements('Reconcile', 'sns:Publish')).toEqual([{ Effect: 'Allow', Action: 'sns:Publish', Resource: stack.resolve(topic.topicArn) }]);
    expect(statements('Reconcile', 'events:PutEvents')).toEqual([expect.objectContaining({ Resource: stack.resolve(bus.eventBusArn) })]);
    expect(variables()).toMatchObject({ SUCCESS_TOPIC_ARN: stack.resolve(topic.topicArn), EVENT_BUS_NAME: stack.resolve(bus.eventBusName) });
  });

  test('an immutable role stays as it is', () => {
    const role = new iam.Role(stack, 'Given', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', { vpcId: 'vpc-1', availabilityZones: ['a'], privateSubnetIds: ['s-1'] });
    pipeline({ role: role.withoutPolicyUpdates(), vpc, lazyOrigin: ImageLazyOrigin.functionUrl() });
    templateOf(stack).resourceCountIs('AWS::IAM::Policy', 0);
    templateOf(stack).resourceCountIs('AWS::IAM::Role', 1);
  });

  test('grants are bounded by the prefix', () => {
    const images = pipeline({ source: ImageSource.newBucket({ prefix: 'in/' }) });
    const user = (id: string) => new iam.Role(stack, id, { assumedBy: new iam.AccountRootPrincipal() });
    images.grantUpload(user('Upload'));
    images.grantDelete(user('Delete'));
    images.grantReadOriginals(user('Originals'));
    images.grantReadVariants(user('Variants'));
    const granted = (id: string) => statementsOf(stack, `${id}DefaultPolicy`).map(({ Action, Resource }) => [Action, Resource]);
    const [originals, variants] = [images.sourceBucket.arnForObjects('in/*'), images.destinationBucket.arnForObjects('img/*')].map((arn) => stack.resolve(arn));
    expect(granted('Upload')).toEqual([['s3:PutObject', originals]]);
    expect(granted('Delete')).toEqual([['s3:DeleteObject', originals]]);
    expect(granted('Originals')).toEqual([['s3:GetObject', originals]]);
    expect(granted('Variants')).toEqual([['s3:GetObject', variants]]);
  });

  test('grants include the buckets\' key', () => {
    const key = new kms.Key(stack, 'Key');
    const images = pipeline({ encryptionKey: key });
    const web = new iam.Role(stack, 'Web', { assumedBy: new iam.AccountRootPrincipal() });
    images.grantUpload(web);
    images.grantReadVariants(web);
    images.grantDelete(web);
    const actions = statementsOf(stack, 'WebDefaultPolicy').filter(({ Resource }) => JSON.stringify(Resource) === JSON.stringify(stack.resolve(key.keyArn)));
    expect(actions.map(({ Action }) => Action)).toEqual([['kms:Decrypt', 'kms:GenerateDataKey'], 'kms:Decrypt']);
  });

  test('what the pipeline is granted, every function gets', () => {
    const images = pipeline({ backfill: ImageBackfill.s3Batch(), lazyOrigin: ImageLazyOrigin.functionUrl() });
    kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-west-1:123456789012:key/1').grantDecrypt(images);
    for (const verb of ['Reconcile', 'Backfill', 'Serve']) expect(statements(verb, 'kms:Decrypt')).toHaveLength(1);
  });
});

describe('backfill', () => {
  test('nothing of it without the prop', () => {
    const images = pipeline();
    expect(images.backfillFunction ?? images.backfillRole ?? images.backfillReportPrefix ?? images.backfillCommand).toBeUndefined();
    templateOf(stack).resourceCountIs('AWS::Lambda::Function', 1);
  });

  test('the job role is S3 Batch Operations\' alone and may do what the README lists', () => {
    const images = pipeline({ backfill: ImageBackfill.s3Batch() });
    templateOf(stack).hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [{ Principal: { Service: 'batchoperations.s3.amazonaws.com' }, Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } } }],
      },
    });
    expect(statementsOf(stack, 'BackfillJobRole').map(({ Action, Resource }) => [Action, Resource])).toEqual([
      ['lambda:InvokeFunction', stack.resolve(images.backfillFunction!.functionArn)],
      [['s3:GetObject', 's3:PutObject'], stack.resolve(images.destinationBucket.arnForObjects('backfill-reports/*'))],
      ['s3:PutInventoryConfiguration', stack.resolve(images.sourceBucket.bucketArn)],
    ]);
  });

  test('the job role may use the destination key', () => {
    const images = pipeline({ backfill: ImageBackfill.s3Batch(), encryptionKey: new kms.Key(stack, 'Key') });
    expect(statementsOf(stack, 'BackfillJobRole')).toContainEqual(expect.objectContaining({
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: stack.resolve(images.destinationBucket.encryptionKey!.keyArn),
    }));
  });

  test('the command is ready to run and quoted for a shell', () => {
    pipeline({
      source: ImageSource.bucket(importedBucket('uploads'), { prefix: "o'brien/" }),
      destination: ImageDestination.bucket(importedBucket('media')),
      backfill: ImageBackfill.s3Batch({ reportPrefix: 'reports/', priority: 7 }),
    });
    const outputs = Object.values(templateOf(stack).findOutputs('*')) as { Value: { 'Fn::Join': [string, unknown[]] } }[];
    const [text] = outputs.map(({ Value }) => Value['Fn::Join'][1].map((part) => typeof part === 'string' ? part : 'TOKEN').join(''));
    expect(text).toBe([
      'aws s3control create-job --region eu-west-1 --account-id 123456789012 --priority 7 --role-arn TOKEN',
      "--operation '{\"LambdaInvoke\":{\"FunctionArn\":\"TOKEN\"}}'",
      "--manifest-generator '{\"S3JobManifestGenerator\":{\"SourceBucket\":\"arn:TOKEN:s3:::uploads\",\"Filter\":{\"KeyNameConstraint\":{\"MatchAnyPrefix\":[\"o'\\''brien/\"]}},\"EnableManifestOutput\":false}}'",
      "--report '{\"Bucket\":\"arn:TOKEN:s3:::media\",\"Prefix\":\"reports\",\"Format\":\"Report_CSV_20180820\",\"Enabled\":true,\"ReportScope\":\"FailedTasksOnly\"}'",
      '--no-confirmation-required',
    ].join(' '));
  });
});

describe('lazy origin', () => {
  test('its address asks for IAM', () => {
    const images = pipeline({ lazyOrigin: ImageLazyOrigin.functionUrl() });
    templateOf(stack).hasResourceProperties('AWS::Lambda::Url', {
      AuthType: 'AWS_IAM', TargetFunctionArn: stack.resolve(images.serveFunction!.functionArn),
    });
    templateOf(stack).hasResourceProperties('AWS::Lambda::Function', { Handler: 'index.serve', Timeout: 30 });
    expect(stack.resolve(images.serveUrl!.url)).toEqual({ 'Fn::GetAtt': [expect.stringContaining('Serve'), 'FunctionUrl'] });
  });

  test('a distribution may call it, and is told of replaced variants by all but the serve function', () => {
    const images = pipeline({ lazyOrigin: ImageLazyOrigin.functionUrl() });
    const distribution = new cloudfront.Distribution(stack, 'Cdn', {
      defaultBehavior: {
        origin: new origins.OriginGroup({
          primaryOrigin: origins.S3BucketOrigin.withOriginAccessControl(images.destinationBucket),
          fallbackOrigin: origins.FunctionUrlOrigin.withOriginAccessControl(images.serveUrl!),
          fallbackStatusCodes: [403, 404],
        }),
      },
    });
    images.grantInvokeFromDistribution(distribution);
    images.invalidateIn(distribution);

    const id = stack.resolve(distribution.distributionId);
    const SourceArn = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':cloudfront::123456789012:distribution/', id]] };
    for (const Action of ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction']) {
      templateOf(stack).hasResourceProperties('AWS::Lambda::Permission', { Action, Principal: 'cloudfront.amazonaws.com', SourceArn });
    }
    expect(variables('Reconcile').DISTRIBUTION_ID).toEqual(id);
    // The distribution refers to the serve function's address: the other way round would be a cycle.
    expect(variables('Serve').DISTRIBUTION_ID).toBe('');
    expect(statements('Reconcile', 'cloudfront:CreateInvalidation')).toEqual([{ Effect: 'Allow', Action: 'cloudfront:CreateInvalidation', Resource: SourceArn }]);
    expect(statements('Serve', 'cloudfront:CreateInvalidation')).toEqual([]);
  });

  test('a distribution defined before the pipeline is a prop', () => {
    const distribution = cloudfront.Distribution.fromDistributionAttributes(stack, 'Cdn', { distributionId: 'E123', domainName: 'd.cloudfront.net' });
    pipeline({ distribution, backfill: ImageBackfill.s3Batch() });
    expect([variables('Reconcile').DISTRIBUTION_ID, variables('Backfill').DISTRIBUTION_ID]).toEqual(['E123', 'E123']);
  });

  test('without it there is nothing to invoke', () => {
    const distribution = cloudfront.Distribution.fromDistributionAttributes(stack, 'Cdn', { distributionId: 'E123', domainName: 'd.cloudfront.net' });
    expect(() => pipeline().grantInvokeFromDistribution(distribution)).toThrow("'lazyOrigin' must be set for a distribution to invoke its function, got none");
  });
});

describe('metrics and alarms', () => {
  test('metrics carry the pipeline, failures also the reason', () => {
    const images = pipeline();
    const shape = ({ namespace, metricName, dimensions, statistic }: cloudwatch.Metric) => [namespace, metricName, dimensions, statistic];
    const Pipeline = images.pipelineName;
    const own = (name: string, dimensions = {}) => ['CdkLambdaBlueprints/ImageResizePipeline', name, { Pipeline, ...dimensions }, 'Sum'];
    expect(shape(images.metricProcessed())).toEqual(own('ImagesProcessed'));
    expect(shape(images.metricFailed())).toEqual(own('ImagesRejected'));
    expect(shape(images.metricFailed({ reason: ImageFailureReason.CORRUPT_IMAGE }))).toEqual(own('ImagesRejected', { Reason: 'CORRUPT_IMAGE' }));
    expect(shape(images.metricDeleted())).toEqual(own('ImagesDeleted'));
    expect(shape(images.metricUnchanged())).toEqual(own('ImagesUnchanged'));
    expect(shape(images.metricBytesSaved())).toEqual(own('BytesSaved'));
    expect(images.metricProcessed({ statistic: 'avg', period: Duration.hours(1) })).toMatchObject({ statistic: 'Average', period: Duration.hours(1) });
    expect(images.metricProcessingTime()).toMatchObject({ metricName: 'ProcessingTime', statistic: 'p99', dimensions: { Pipeline } });
    expect(images.metricQueueAge()).toMatchObject({ metricName: 'ApproximateAgeOfOldestMessage', dimensions: { QueueName: images.queue.queueName } });
    expect(images.metricDeadLetters()).toMatchObject({ metricName: 'ApproximateNumberOfMessagesVisible', dimensions: { QueueName: images.deadLetterQueue.queueName } });
    expect(shape(images.metricUndelivered())).toEqual(['AWS/Events', 'InvocationsFailedToBeSentToDlq', { RuleName: images.rule.ruleName }, 'Sum']);
    expect(images.metricUndelivered({ period: Duration.hours(1) }).period).toEqual(Duration.hours(1));
    expect(images.metricErrors().metricName).toBe('Errors');
    expect(images.metricThrottles().metricName).toBe('Throttles');
    expect(images.metricDuration()).toMatchObject({ metricName: 'Duration', statistic: 'p99' });
  });

  test('the pipeline\'s name is the function\'s and differs between pipelines and stacks', () => {
    const images = pipeline();
    expect(variables().PIPELINE_NAME).toBe(images.pipelineName);
    const other = new ImageResizePipeline(new Stack(stack.node.root as App, 'Second'), 'Images');
    expect(new Set([images.pipelineName, new ImageResizePipeline(stack, 'Images2').pipelineName, other.pipelineName]).size).toBe(3);
  });

  test('the first dead letter fires', () => {
    const images = pipeline();
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [{ Name: 'QueueName', Value: stack.resolve(images.deadLetterQueue.queueName) }],
      Threshold: 1,
      TreatMissingData: 'notBreaching',
      AlarmDescription: Match.stringLikeRegexp('First look at .*README.md#dead-letters'),
    });
  });

  test('the first event that reaches neither queue fires', () => {
    const images = pipeline();
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'AWS/Events',
      MetricName: 'InvocationsFailedToBeSentToDlq',
      Dimensions: [{ Name: 'RuleName', Value: stack.resolve(images.rule.ruleName) }],
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      TreatMissingData: 'notBreaching',
      AlarmDescription: Match.stringLikeRegexp('lost.*First look at .*README.md#undelivered-events'),
    });
    expect(stack.resolve((images.undeliveredAlarm.node.defaultChild as cloudwatch.CfnAlarm).metricName)).toBe('InvocationsFailedToBeSentToDlq');
  });

  test('events older than all their attempts fire', () => {
    pipeline({ timeout: Duration.seconds(30), maxReceiveCount: 4 });
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'ApproximateAgeOfOldestMessage',
      Threshold: 4 * 6 * 30,
      TreatMissingData: 'notBreaching',
      AlarmDescription: Match.stringLikeRegexp('First look at .*README.md#old-events'),
    });
  });

  test('all tell the alarm topic', () => {
    const topic = new sns.Topic(stack, 'OnCall');
    pipeline({ alarmTopic: topic });
    templateOf(stack).resourcePropertiesCountIs('AWS::CloudWatch::Alarm', { AlarmActions: [stack.resolve(topic.topicArn)] }, 3);
  });
});

describe('errors', () => {
  const one = () => importedBucket('one');
  test.each<[string, () => unknown, string]>([
    ['prefix without slash', () => ImageSource.newBucket({ prefix: 'in' }), "'prefix' must be empty or end with '/' and have at most 256 bytes and no '.' or '..' segment, '*', '?' or control character, got 'in'"],
    ['prefix with dots', () => ImageDestination.newBucket({ prefix: 'a/../' }), "got 'a/../'"],
    ['suffix', () => ImageSource.newBucket({ suffixes: ['a/b'] }), "'suffixes' must be 1 to 32 printable ASCII characters without '/', got 'a/b'"],
    ['preset name', () => ImagePreset.width('a.b', 1), "'name' must be 1 to 63 letters, digits, '-' and '_', got 'a.b'"],
    ['preset width', () => ImagePreset.width('a', 0), "'width' must be a whole number from 1 to 16383, got 0"],
    ['preset height', () => ImagePreset.inside('a', 1, 1.5), "'height' must be a whole number from 1 to 16383, got 1.5"],
    ['background', () => ImagePreset.width('a', 1, { background: '#zz' }), "'background' must be a CSS colour, got '#zz'"],
    ['blur', () => ImagePreset.width('a', 1, { blur: 0.1 }), "'blur' must be 0.3 to 1000, got 0.1"],
    ['sharpen', () => ImagePreset.width('a', 1, { sharpen: 11 }), "'sharpen' must be 0.3 to 10, got 11"],
    ['crop point', () => CropPosition.point(0, 1.1), "'y' must be 0 to 1, got 1.1"],
    ['crop point', () => CropPosition.point(-1, 0), "'x' must be 0 to 1, got -1"],
    ['quality', () => ImageFormat.jpeg({ quality: 0 }), "'quality' must be a whole number from 1 to 100, got 0"],
    ['WebP effort', () => ImageFormat.webp({ effort: 7 }), "'effort' must be a whole number from 0 to 6, got 7"],
    ['AVIF effort', () => ImageFormat.avif({ effort: 10 }), "'effort' must be a whole number from 0 to 9, got 10"],
    ['report prefix', () => ImageBackfill.s3Batch({ reportPrefix: 'r' }), "'reportPrefix' must be empty or end with '/'"],
    ['job priority', () => ImageBackfill.s3Batch({ priority: -1 }), "'priority' must be a whole number from 0 to 2147483647, got -1"],
    ['no presets', () => pipeline({ presets: [] }), "'presets' must have at least one element, got none"],
    ['no formats', () => pipeline({ formats: [] }), "'formats' must have at least one element, got none"],
    ['preset twice', () => pipeline({ presets: [ImagePreset.width('a', 1), ImagePreset.width('a', 2)] }), "'presets' must not repeat a name, got 'a' twice"],
    ['format twice', () => pipeline({ formats: [ImageFormat.png(), ImageFormat.png()] }), "'formats' must not repeat a name, got 'png' twice"],
    ['maxPixels', () => pipeline({ maxPixels: 0 }), "'maxPixels' must be a whole number from 1 to 1000000000, got 0"],
    ['maxFrames', () => pipeline({ maxFrames: 0.5 }), "'maxFrames' must be a whole number from 1 to 10000, got 0.5"],
    ['cacheControl', () => pipeline({ cacheControl: '' }), "'cacheControl' must be 1 to 256 printable ASCII characters, got ''"],
    ['maxConcurrency', () => pipeline({ maxConcurrency: 1 }), "'maxConcurrency' must be a whole number from 2 to 1000, got 1"],
    ['maxConcurrency of many reserved', () => pipeline({ maxConcurrency: 1001, reservedConcurrentExecutions: 2000 }), "'maxConcurrency' must be a whole number from 2 to 1000, got 1001"],
    ['more than is reserved', () => pipeline({ maxConcurrency: 5, reconcileOptions: { reservedConcurrentExecutions: 4 } }), "'maxConcurrency' must be a whole number from 2 to 4, got 5"],
    ['maxReceiveCount', () => pipeline({ maxReceiveCount: 0 }), "'maxReceiveCount' must be a whole number from 1 to 1000, got 0"],
    ['quarantine prefix', () => pipeline({ quarantinePrefix: 'q' }), "'quarantinePrefix' must be empty or end with '/'"],
    ['quarantine among variants', () => pipeline({ quarantinePrefix: 'img/bad/' }), "the prefixes of 'destination' and 'quarantinePrefix' must not overlap, got 'img/' and 'img/bad/'"],
    ['reports over quarantine', () => pipeline({ quarantinePrefix: 'a/b/', backfill: ImageBackfill.s3Batch({ reportPrefix: 'a/' }) }), "the prefixes of 'quarantinePrefix' and 'reportPrefix' must not overlap, got 'a/b/' and 'a/'"],
    ['runtime', () => pipeline({ runtime: lambda.Runtime.PYTHON_3_13 }), "'runtime' must be a Node.js runtime of version 22 or later, got python3.13"],
    ['timeout', () => pipeline({ timeout: Duration.seconds(9) }), "'timeout' must be at least 10 seconds, got 9 seconds"],
    ['timeout of one function', () => pipeline({ reconcileOptions: { timeout: Duration.seconds(9) } }), "'timeout' must be at least 10 seconds"],
    ['a timeout known only at deployment', () => pipeline({ timeout: Duration.seconds(Token.asNumber({ Ref: 'N' })) }), "'timeout' must be known at synth, got a token"],
    ['attempts known only at deployment', () => pipeline({ maxReceiveCount: Token.asNumber({ Ref: 'N' }) }), "'maxReceiveCount' must be known at synth, got a token"],
    ['too many presets', () => pipeline({ presets: Array.from({ length: 100 }, (_, i) => ImagePreset.width(`preset-${i}`, i + 1)) }), 'environment variables must take at most 4096 bytes together, got'],
  ])('%s', (_name, act, message) => {
    expect(act).toThrow(message);
  });

  test('a loop names both prefixes and the ways out', () => {
    const bucket = one();
    expect(() => pipeline({ source: ImageSource.bucket(bucket, { prefix: 'img/in/' }), destination: ImageDestination.bucket(bucket, { prefix: 'img/' }) })).toThrow(
      "the variants below 'img/' must not start the pipeline again, but source and destination may be the same bucket and originals are below 'img/in/';"
      + ' use prefixes of which neither begins with the other, suffixes no output ends with, or two buckets',
    );
  });

  test.each([
    ['.webp', "the variants below 'img/'"],
    ['.json', "the manifests below 'img/'"],
    ['.tiff', "the quarantined originals below 'bad/'"],
    ['.csv', "the backfill reports below 'reports/'"],
  ])('originals ending with %s meet %s', (suffix, loop) => {
    const bucket = one();
    expect(() => pipeline({
      source: ImageSource.bucket(bucket, { suffixes: [suffix] }),
      destination: ImageDestination.bucket(bucket),
      quarantinePrefix: suffix === '.tiff' ? 'bad/' : undefined,
      backfill: ImageBackfill.s3Batch({ reportPrefix: 'reports/' }),
    })).toThrow(`${loop} must not start the pipeline again`);
  });

  test('buckets of unknown names count as the same, prefixes unknown at synth as any', () => {
    const parameter = (id: string) => new CfnParameter(stack, id).valueAsString;
    const [a, b] = ['A', 'B'].map((id) => s3.Bucket.fromBucketName(stack, `Bucket${id}`, parameter(id)));
    expect(() => pipeline({ source: ImageSource.bucket(a), destination: ImageDestination.bucket(b) })).toThrow('must not start the pipeline again');
    const bucket = one();
    expect(() => new ImageResizePipeline(stack, 'Second', {
      source: ImageSource.bucket(bucket, { prefix: parameter('Prefix') }), destination: ImageDestination.bucket(bucket, { prefix: 'img/' }),
    })).toThrow('must not start the pipeline again');
  });

  test('disjoint prefixes of one bucket are fine', () => {
    const bucket = one();
    pipeline({ source: ImageSource.bucket(bucket, { prefix: 'in/' }), destination: ImageDestination.bucket(bucket, { prefix: 'img/' }) });
    expect(variables()).toMatchObject({ SOURCE_BUCKET: 'one', DESTINATION_BUCKET: 'one', SOURCE_PREFIX: 'in/', DESTINATION_PREFIX: 'img/' });
  });

  test('tokens are CloudFormation\'s to judge', () => {
    const number = new CfnParameter(stack, 'Number', { type: 'Number' }).valueAsNumber;
    pipeline({ maxConcurrency: number, cacheControl: new CfnParameter(stack, 'Text').valueAsString });
    templateOf(stack).hasResourceProperties('AWS::Lambda::EventSourceMapping', { ScalingConfig: { MaximumConcurrency: { Ref: 'Number' } } });
  });
});
