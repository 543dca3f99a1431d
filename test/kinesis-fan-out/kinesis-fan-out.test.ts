import { App, CfnParameter, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  FanOutDelivery,
  FanOutDeliveryOptions,
  FanOutDestination,
  FanOutFailureReason,
  FanOutReader,
  KinesisFanOut,
  KinesisFanOutProps,
} from '../../src';
import { DELIVER_ENV, FAILURE_REASONS, METRIC, REPLAY_ENV } from '../../src/kinesis-fan-out/contract';
import { CfnResource, resourcesOf, stackFor, statementsOf, templateOf } from '../kit/stack';

let stack: Stack;
beforeEach(() => {
  stack = stackFor({ env: { account: '123456789012', region: 'eu-west-1' } });
});

const lake = () => FanOutDestination.s3(s3.Bucket.fromBucketName(stack, 'Lake', 'lake'));

function fanOut(props?: KinesisFanOutProps): KinesisFanOut {
  return new KinesisFanOut(stack, 'Orders', props);
}

/** A fan-out with one destination. */
function delivery(options?: FanOutDeliveryOptions, props?: KinesisFanOutProps): FanOutDelivery {
  return fanOut(props).addDestination('Lake', lake(), options);
}

function importedStream(key?: kms.IKey): kinesis.IStream {
  const streamArn = stack.formatArn({ service: 'kinesis', resource: 'stream', resourceName: 'orders' });
  return kinesis.Stream.fromStreamAttributes(stack, 'Imported', { streamArn, encryptionKey: key });
}

function ofType(type: string): [id: string, resource: CfnResource][] {
  return Object.entries(resourcesOf(stack)).filter(([, { Type }]) => Type === type);
}

function mapping(): Record<string, unknown> {
  return ofType('AWS::Lambda::EventSourceMapping')[0][1].Properties;
}

function variables(id: string): Record<string, unknown> {
  const [, { Properties }] = ofType('AWS::Lambda::Function').find(([name]) => name.includes(id))!;
  return (Properties.Environment as { Variables: Record<string, unknown> }).Variables;
}

/** Actions of the statements about exactly this resource. */
function actionsOn(role: string, resource: unknown): unknown[] {
  const wanted = JSON.stringify(stack.resolve(resource));
  return statementsOf(stack, role).filter(({ Resource }) => JSON.stringify(Resource) === wanted).flatMap(({ Action }) => Action);
}

describe('stream', () => {
  test('is created on demand, encrypted, retained, with a day of records', () => {
    const { stream } = fanOut();
    const [[id, created]] = ofType('AWS::Kinesis::Stream');
    expect(stack.resolve(stream.streamName)).toEqual({ Ref: id });
    expect(created).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: {
        RetentionPeriodHours: 24,
        StreamEncryption: { EncryptionType: 'KMS', KeyId: 'alias/aws/kinesis' },
        StreamModeDetails: { StreamMode: 'ON_DEMAND' },
      },
    });
  });

  test('a given one is read', () => {
    const stream = importedStream();
    const created = delivery({}, { stream });
    templateOf(stack).resourceCountIs('AWS::Kinesis::Stream', 0);
    expect(mapping().EventSourceArn).toEqual(stack.resolve(stream.streamArn));
    expect(actionsOn('LakeDeliver', stream.streamArn)).toContain('kinesis:GetRecords');
    expect(created.consumer).toBeUndefined();
  });

  test('the removal policy holds for stream and buckets', () => {
    fanOut({ removalPolicy: RemovalPolicy.DESTROY });
    const policies = [...ofType('AWS::Kinesis::Stream'), ...ofType('AWS::S3::Bucket')].map(([, { DeletionPolicy }]) => DeletionPolicy);
    expect(policies).toEqual(['Delete', 'Delete', 'Delete']);
  });

  test('a key encrypts stream and failure bucket, and functions may use it for those', () => {
    const key = new kms.Key(stack, 'Key');
    delivery({}, { encryptionKey: key });
    const KeyId = stack.resolve(key.keyArn);
    templateOf(stack).hasResourceProperties('AWS::Kinesis::Stream', { StreamEncryption: { EncryptionType: 'KMS', KeyId } });
    templateOf(stack).hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { KMSMasterKeyID: KeyId } }] },
    });
    const use = statementsOf(stack, 'LakeDeliver').filter(({ Resource }) => JSON.stringify(Resource) === JSON.stringify(KeyId));
    expect(use.map(({ Action, Condition }) => [Action, JSON.stringify(Condition)])).toEqual([
      ['kms:GenerateDataKey', expect.stringContaining('s3.')],
      ['kms:Decrypt', expect.stringContaining('kinesis.')],
    ]);
    expect(actionsOn('Replay', key.keyArn)).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
  });

  test('the key of an imported stream is used for reading', () => {
    const key = kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-west-1:123456789012:key/1');
    delivery({}, { stream: importedStream(key) });
    expect(actionsOn('LakeDeliver', key.keyArn)).toEqual(['kms:Decrypt']);
  });
});

describe('event source mapping', () => {
  test('has the start values', () => {
    const { failureBucket } = fanOut({ destinations: { Lake: lake() } });
    expect(mapping()).toEqual({
      BatchSize: 10_000,
      BisectBatchOnFunctionError: true,
      DestinationConfig: { OnFailure: { Destination: stack.resolve(failureBucket.bucketArn) } },
      Enabled: true,
      EventSourceArn: expect.anything(),
      FunctionName: expect.anything(),
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      MaximumBatchingWindowInSeconds: 5,
      MaximumRecordAgeInSeconds: 19 * 3600,
      MaximumRetryAttempts: -1,
      MetricsConfig: { Metrics: ['EventCount'] },
      ParallelizationFactor: 1,
      StartingPosition: 'TRIM_HORIZON',
    });
  });

  test('each destination has its own, with its own function, role and log group', () => {
    fanOut({ destinations: { Lake: lake(), Queue: FanOutDestination.sqs(new sqs.Queue(stack, 'Q')) } });
    for (const type of ['AWS::Lambda::EventSourceMapping', 'AWS::Lambda::Function', 'AWS::IAM::Role', 'AWS::Logs::LogGroup']) {
      const ids = ofType(type).map(([id]) => id).filter((id) => id.startsWith('OrdersDestinations'));
      expect(ids).toEqual([expect.stringContaining('Lake'), expect.stringContaining('Queue')]);
    }
    expect(new Set(ofType('AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => JSON.stringify(Properties.FunctionName))).size).toBe(2);
  });

  test('window, batch size, parallelization and start are options', () => {
    fanOut().addDestination('Mirror', FanOutDestination.kinesis(importedStream()), {
      batchWindow: Duration.seconds(300),
      batchSize: 1,
      parallelizationFactor: 10,
      startingPosition: lambda.StartingPosition.AT_TIMESTAMP,
      startingPositionTimestamp: 1,
    });
    expect(mapping()).toMatchObject({
      MaximumBatchingWindowInSeconds: 300, BatchSize: 1, ParallelizationFactor: 10, StartingPosition: 'AT_TIMESTAMP', StartingPositionTimestamp: 1,
    });
  });

  test('a paused destination keeps its mapping, and is not alarmed about', () => {
    delivery({ enabled: false });
    expect(mapping().Enabled).toBe(false);
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', { ActionsEnabled: false, AlarmDescription: Match.stringLikeRegexp('not-running') });
  });

  test.each([[undefined, 19], [48, 38], [8760, 168], [Token.asNumber({ Ref: 'N' }), 19]])('of %p hours of retention records may take %d', (hours, age) => {
    const stream = new kinesis.Stream(stack, 'Stream');
    (stream.node.defaultChild as kinesis.CfnStream).retentionPeriodHours = hours;
    expect(fanOut({ stream }).maxRecordAge.toHours()).toBe(age);
  });

  test('an imported stream keeps records 19 hours at least', () => {
    expect(fanOut({ stream: importedStream() }).maxRecordAge.toHours()).toBe(19);
  });

  test('maxRecordAge is given to the mapping', () => {
    expect(delivery({}, { maxRecordAge: Duration.hours(3) }).iteratorAgeAlarm).toBeDefined();
    expect(mapping().MaximumRecordAgeInSeconds).toBe(3 * 3600);
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'IteratorAge', Threshold: 1.5 * 3600 * 1000 });
  });
});

describe('readers', () => {
  const READ = ['kinesis:DescribeStream', 'kinesis:DescribeStreamSummary', 'kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards'];

  function readers(count: number, props?: KinesisFanOutProps, reader?: FanOutReader): boolean[] {
    const orders = fanOut(props);
    return Array.from({ length: count }, (_, i) => orders.addDestination(`D${i}`, FanOutDestination.sqs(new sqs.Queue(stack, `Q${i}`)), { reader }))
      .map(({ consumer }) => consumer === undefined);
  }

  test('three share, further ones read alone', () => {
    expect(readers(5)).toEqual([true, true, true, false, false]);
  });

  test.each<[KinesisFanOutProps, number]>([
    [{ foreignReaders: 2 }, 1],
    [{ foreignReaders: 3 }, 0],
    [{ expectedUtilisation: 1 }, 2],
    [{ expectedUtilisation: 0.67 }, 2],
    [{ expectedUtilisation: 0.66 }, 3],
    [{ expectedUtilisation: 0.01 }, 3],
    [{ foreignReaders: Token.asNumber({ Ref: 'N' }) }, 5],
  ])('with %j, %d share', (props, sharing) => {
    expect(readers(5, props).filter(Boolean)).toHaveLength(sharing);
  });

  test('an added destination changes the reader of none before', () => {
    const before = readers(4).join();
    stack = stackFor();
    expect(readers(6).slice(0, 4).join()).toBe(before);
  });

  test('may be chosen', () => {
    expect(readers(2, {}, FanOutReader.DEDICATED)).toEqual([false, false]);
  });

  test('a shared one has exactly the rights to poll', () => {
    const { stream } = fanOut({ destinations: { Lake: lake() } });
    expect(actionsOn('LakeDeliver', stream.streamArn)).toEqual(READ);
  });

  test('a dedicated one has those too, as the guide of Lambda asks for them, and the rights to subscribe on its consumer', () => {
    const orders = fanOut();
    const { consumer } = orders.addDestination('Lake', lake(), { reader: FanOutReader.DEDICATED });
    expect(actionsOn('LakeDeliver', consumer!.streamConsumerArn)).toEqual(['kinesis:DescribeStreamConsumer', 'kinesis:SubscribeToShard']);
    expect(actionsOn('LakeDeliver', orders.stream.streamArn)).toEqual(READ);
    expect(mapping().EventSourceArn).toEqual(stack.resolve(consumer!.streamConsumerArn));
    templateOf(stack).hasResourceProperties('AWS::Kinesis::StreamConsumer', { ConsumerName: Match.stringLikeRegexp('^[a-zA-Z0-9_.-]{1,128}$') });
  });
});

describe('failure bucket', () => {
  test('is created private, versioned, encrypted, logged and retained', () => {
    fanOut();
    const [, bucket] = ofType('AWS::S3::Bucket').find(([id]) => id.includes('Failures'))!;
    expect(bucket).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: {
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        VersioningConfiguration: { Status: 'Enabled' },
        LoggingConfiguration: { DestinationBucketName: { Ref: expect.stringContaining('AccessLogs') }, LogFilePrefix: 'failures/' },
      },
    });
  });

  test('is put into by functions, which can neither read nor delete', () => {
    const { failureBucket } = fanOut({ destinations: { Lake: lake() } });
    const bucket = stack.resolve(failureBucket.bucketArn);
    const about = statementsOf(stack, 'LakeDeliver').filter(({ Resource }) => JSON.stringify(Resource).includes('Failures'));
    const Condition = { StringEquals: { 's3:ResourceAccount': '123456789012' } };
    expect(about).toEqual([
      {
        Action: 's3:PutObject',
        Condition,
        Effect: 'Allow',
        Resource: ['/aws/lambda/*', '/quarantine/Lake/*'].map((keys) => ({ 'Fn::Join': ['', [bucket, keys]] })),
      },
      { Action: 's3:ListBucket', Condition, Effect: 'Allow', Resource: bucket },
    ]);
  });

  test('may be given, then no bucket is created', () => {
    const failureBucket = s3.Bucket.fromBucketName(stack, 'Given', 'given');
    const orders = fanOut({ failureBucket, destinations: { Lake: lake() } });
    expect(orders.failureBucket).toBe(failureBucket);
    expect(orders.accessLogsBucket).toBeUndefined();
    templateOf(stack).resourceCountIs('AWS::S3::Bucket', 0);
    expect(variables('LakeDeliver').FAILURE_BUCKET).toBe('given');
  });

  test('access logs go to a given bucket', () => {
    const logs = new s3.Bucket(stack, 'Logs');
    expect(fanOut({ accessLogsBucket: logs }).accessLogsBucket).toBe(logs);
    templateOf(stack).hasResourceProperties('AWS::S3::Bucket', { LoggingConfiguration: { DestinationBucketName: stack.resolve(logs.bucketName) } });
  });
});

describe('replay function', () => {
  test('reads both prefixes, lists, writes receipts, and calls only functions of the fan-out', () => {
    const orders = fanOut({ destinations: { Lake: lake() } });
    const bucket = stack.resolve(orders.failureBucket.bucketArn);
    const below = (keys: string) => ({ 'Fn::Join': ['', [bucket, keys]] });
    const statements = statementsOf(stack, 'Replay').map(({ Action, Resource }) => [Action, Resource]);
    expect(statements.slice(1)).toEqual([
      ['s3:GetObject', [below('/aws/lambda/*'), below('/quarantine/*')]],
      ['s3:ListBucket', bucket],
      ['s3:PutObject', below('/receipts/*')],
      ['lambda:InvokeFunction', stack.resolve(orders.delivery('Lake').function.functionArn)],
    ]);
    expect(statements[0][0]).toEqual(['logs:CreateLogStream', 'logs:PutLogEvents']);
  });

  test('knows every function, also of destinations added later', () => {
    const orders = fanOut({ destinations: { Lake: lake() } });
    orders.addDestination('Queue', FanOutDestination.sqs(new sqs.Queue(stack, 'Q')));
    expect(Object.keys(variables('Replay')).sort()).toEqual([...REPLAY_ENV].sort());
    const { 'Fn::Join': [, parts] } = variables('Replay').FUNCTIONS as { 'Fn::Join': [string, (string | object)[]] };
    const functions = JSON.parse(parts.map((part) => typeof part === 'string' ? part : Object.values(part)[0]).join('')) as object;
    expect(functions).toEqual({
      Lake: Object.values(stack.resolve(orders.delivery('Lake').function.functionName))[0],
      Queue: Object.values(stack.resolve(orders.delivery('Queue').function.functionName))[0],
    });
  });

  test('is invoked by whom it is granted to', () => {
    const operator = new iam.Role(stack, 'Operator', { assumedBy: new iam.AccountRootPrincipal() });
    fanOut().grantReplay(operator);
    expect(statementsOf(stack, 'Operator').map(({ Action }) => Action)).toEqual(['lambda:InvokeFunction']);
  });

  test('has options of its own', () => {
    fanOut({ memorySize: 1, timeout: Duration.seconds(20), replayOptions: { memorySize: 2048 } });
    templateOf(stack).hasResourceProperties('AWS::Lambda::Function', { MemorySize: 2048, Timeout: 20 });
  });
});

describe('functions', () => {
  test('deliver with 1 GB in a minute, replay with 512 MB in a quarter of an hour', () => {
    delivery();
    const sizes = ofType('AWS::Lambda::Function').map(([, { Properties }]) => [Properties.MemorySize, Properties.Timeout, Properties.Runtime, Properties.Architectures]);
    expect(sizes).toEqual([[512, 900, 'nodejs24.x', ['arm64']], [1024, 60, 'nodejs24.x', ['arm64']]]);
  });

  test('have exactly the variables of the contract', () => {
    const { fanOutName } = fanOut({ destinations: { Lake: lake() } });
    expect(Object.keys(variables('LakeDeliver')).sort()).toEqual([...DELIVER_ENV].sort());
    expect(variables('LakeDeliver')).toMatchObject({ FAN_OUT_NAME: fanOutName, DESTINATION: 'Lake', TARGET: 'lake', SECRET_ARN: '' });
  });

  test('options of a delivery win over those of the fan-out, field by field', () => {
    delivery({ memorySize: 2048 }, { memorySize: 512, timeout: Duration.seconds(30) });
    templateOf(stack).hasResourceProperties('AWS::Lambda::Function', { MemorySize: 2048, Timeout: 30 });
  });

  test('a delivery and the fan-out can be granted to, and connected', () => {
    const key = new kms.Key(stack, 'Key');
    const vpc = new ec2.Vpc(stack, 'Vpc');
    const created = delivery({}, { vpc });
    key.grantDecrypt(created);
    expect(actionsOn('LakeDeliver', key.keyArn)).toEqual(['kms:Decrypt']);
    expect(created.connections.securityGroups).toHaveLength(1);
  });

  test('what is granted to the fan-out reaches every function', () => {
    const key = new kms.Key(stack, 'Key');
    const orders = fanOut({ destinations: { Lake: lake() } });
    key.grantDecrypt(orders);
    expect(actionsOn('LakeDeliver', key.keyArn)).toEqual(['kms:Decrypt']);
    expect(actionsOn('Replay', key.keyArn)).toEqual(['kms:Decrypt']);
    expect(orders.connections.securityGroups).toEqual([]);
    expect(orders.delivery('Lake').connections.securityGroups).toEqual([]);
  });

  test('in a VPC the fan-out is all their security groups', () => {
    expect(fanOut({ vpc: new ec2.Vpc(stack, 'Vpc'), destinations: { Lake: lake() } }).connections.securityGroups).toHaveLength(2);
  });

  test('role, log group and function are properties of the delivery', () => {
    const { function: fn, role, logGroup } = delivery();
    expect([fn.role, fn.logGroup]).toEqual([role, logGroup]);
  });
});

describe('deliveries', () => {
  test('of the map and of added destinations are found by id', () => {
    const orders = fanOut({ destinations: { Lake: lake() } });
    const added = orders.addDestination('Queue', FanOutDestination.sqs(new sqs.Queue(stack, 'Q')));
    expect(Object.keys(orders.deliveries)).toEqual(['Lake', 'Queue']);
    expect(orders.delivery('Queue')).toBe(added);
    expect(orders.deliveries.Lake).toBe(orders.delivery('Lake'));
  });

  test('of the map come in alphabetical order, whatever order the language gives it', () => {
    const queue = (id: string) => FanOutDestination.sqs(new sqs.Queue(stack, id));
    const orders = fanOut({ expectedUtilisation: 1, destinations: { Zoo: queue('Q1'), Bar: queue('Q2'), Foo: queue('Q3') } });
    expect(Object.values(orders.deliveries).map(({ destinationId, consumer }) => [destinationId, consumer !== undefined]))
      .toEqual([['Bar', false], ['Foo', false], ['Zoo', true]]);
  });

  test('the map given out is a copy', () => {
    const orders = fanOut();
    Reflect.set(orders.deliveries, 'Ghost', undefined);
    expect(Object.keys(orders.deliveries)).toEqual([]);
  });

  test('ids of destinations never meet those of the fan-out', () => {
    const names = ['Stream', 'Failures', 'Replay', 'Destinations', 'Dashboard', 'AccessLogs'];
    const orders = fanOut({ dashboard: true });
    names.forEach((name) => orders.addDestination(name, FanOutDestination.sqs(new sqs.Queue(stack, `Q${name}`))));
    expect(() => templateOf(stack)).not.toThrow();
  });
});

describe('alarms', () => {
  const alarms = () => ofType('AWS::CloudWatch::Alarm');

  test('five per destination and one for the stream', () => {
    delivery();
    expect(alarms().map(([id]) => id.replace(/[0-9A-F]{8}$/, ''))).toEqual([
      'OrdersThrottledReadsAlarm', ...['IteratorAge', 'Quarantine', 'Broken', 'Expired', 'NotRunning'].map((name) => `OrdersDestinationsLake${name}Alarm`),
    ]);
  });

  test('are silent without data and say what to look at', () => {
    delivery();
    for (const [, { Properties }] of alarms()) {
      expect(Properties.TreatMissingData).toBe('notBreaching');
      expect(Properties.AlarmDescription).toMatch(/First look at .* See README\.md#[a-z-]+ of kinesis-fan-out in cdk-lambda-blueprints\.$/);
    }
  });

  test('tell the topic', () => {
    const alarmTopic = new sns.Topic(stack, 'OnCall');
    delivery({}, { alarmTopic });
    expect(alarms().map(([, { Properties }]) => Properties.AlarmActions)).toEqual(alarms().map(() => [stack.resolve(alarmTopic.topicArn)]));
  });

  test('iterator age fires at half of maxRecordAge', () => {
    delivery();
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'IteratorAge', Statistic: 'Maximum', Threshold: 9.5 * 3600 * 1000 });
  });

  test('quarantine and a broken destination fire at the first record, within a minute', () => {
    delivery();
    for (const MetricName of [METRIC.QUARANTINED, METRIC.BROKEN]) {
      templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName, Threshold: 1, EvaluationPeriods: 1, Period: 60, Statistic: 'Sum' });
    }
  });

  test('expired records fire, kept or dropped', () => {
    delivery();
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      Metrics: Match.arrayWith([
        Match.objectLike({ MetricStat: { Metric: { MetricName: 'OnFailureDestinationDeliveredEventCount' } } }),
        Match.objectLike({ MetricStat: { Metric: { MetricName: 'DroppedEventCount' } } }),
      ]),
    });
  });

  test('not running is records that come in while none are read', () => {
    delivery();
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      EvaluationPeriods: 3,
      Metrics: Match.arrayWith([
        Match.objectLike({ Expression: 'IF(FILL(incoming, 0) > 0 AND FILL(polled, 0) == 0, 1, 0)' }),
        Match.objectLike({ Id: 'incoming', MetricStat: { Metric: { Namespace: 'AWS/Kinesis', MetricName: 'IncomingRecords' } } }),
        Match.objectLike({ Id: 'polled', MetricStat: { Metric: { Namespace: 'AWS/Lambda', MetricName: 'PolledEventCount' } } }),
      ]),
    });
  });

  test('throttled reads fire after five minutes', () => {
    fanOut();
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'ReadProvisionedThroughputExceeded', EvaluationPeriods: 5 });
  });
});

describe('metrics', () => {
  test.each([
    ['metricReceived', METRIC.RECEIVED, 'Sum'],
    ['metricDelivered', METRIC.DELIVERED, 'Sum'],
    ['metricFiltered', METRIC.FILTERED, 'Sum'],
    ['metricQuarantined', METRIC.QUARANTINED, 'Sum'],
    ['metricRetried', METRIC.RETRIED, 'Sum'],
    ['metricSuppressed', METRIC.SUPPRESSED, 'Sum'],
    ['metricUnfinished', METRIC.UNFINISHED, 'Sum'],
    ['metricLatency', METRIC.LATENCY, 'p99'],
    ['metricBroken', METRIC.BROKEN, 'Sum'],
  ] as const)('%s is %s of the destination', (method, metricName, statistic) => {
    const orders = fanOut({ destinations: { Lake: lake() } });
    expect(orders.delivery('Lake')[method]()).toMatchObject({
      namespace: 'CdkLambdaBlueprints/KinesisFanOut', metricName, statistic, dimensions: { FanOut: orders.fanOutName, Destination: 'Lake' },
    });
  });

  test('every metric of the contract has a method', () => {
    expect(Object.keys(METRIC)).toHaveLength(9);
  });

  test.each([
    ['metricPolled', 'PolledEventCount'],
    ['metricFilteredInMapping', 'FilteredOutEventCount'],
    ['metricExpired', 'OnFailureDestinationDeliveredEventCount'],
    ['metricDropped', 'DroppedEventCount'],
  ] as const)('%s is %s of the mapping', (method, metricName) => {
    const created = delivery();
    expect(created[method]()).toMatchObject({ namespace: 'AWS/Lambda', metricName, dimensions: { EventSourceMappingUUID: created.eventSourceMapping.eventSourceMappingId } });
  });

  test.each([
    ['metricIteratorAge', 'IteratorAge', 'Maximum'],
    ['metricErrors', 'Errors', 'Sum'],
    ['metricThrottles', 'Throttles', 'Sum'],
    ['metricDuration', 'Duration', 'p99'],
  ] as const)('%s is %s of the function', (method, metricName, statistic) => {
    expect(delivery()[method]()).toMatchObject({ namespace: 'AWS/Lambda', metricName, statistic });
  });

  test('of the stream', () => {
    const orders = fanOut();
    expect(orders.metricIncoming()).toMatchObject({ namespace: 'AWS/Kinesis', metricName: 'IncomingRecords', dimensions: { StreamName: orders.stream.streamName } });
    expect(orders.metricThrottledReads({ period: Duration.hours(1) })).toMatchObject({ metricName: 'ReadProvisionedThroughputExceeded', period: Duration.hours(1) });
  });

  test('two fan-outs count apart', () => {
    expect(fanOut().fanOutName).not.toBe(new KinesisFanOut(stack, 'Others').fanOutName);
  });
});

describe('dashboard', () => {
  test('there is none unless asked for', () => {
    expect(delivery()).toBeDefined();
    templateOf(stack).resourceCountIs('AWS::CloudWatch::Dashboard', 0);
  });

  test('has a row of three graphs per destination', () => {
    const orders = fanOut({ dashboard: true, destinations: { Lake: lake() } });
    orders.addDestination('Queue', FanOutDestination.sqs(new sqs.Queue(stack, 'Q')));
    const [[id, { Properties }]] = ofType('AWS::CloudWatch::Dashboard');
    expect(stack.resolve(orders.dashboard!.dashboardName)).toEqual({ Ref: id });
    expect(JSON.stringify(Properties.DashboardBody).match(/title/g)).toHaveLength(6);
  });
});

describe('checks', () => {
  test.each<[string, KinesisFanOutProps]>([
    ["'maxRecordAge' must be whole seconds, 1 minute to 7 days, got 59 seconds", { maxRecordAge: Duration.seconds(59) }],
    ["'maxRecordAge' must be whole seconds, 1 minute to 7 days, got 691200 seconds", { maxRecordAge: Duration.days(8) }],
    ["'maxRecordAge' must be whole seconds, 1 minute to 7 days, got 90.5 seconds", { maxRecordAge: Duration.millis(90_500) }],
    ["'maxRecordAge' must be known at synth, got a token", { maxRecordAge: Duration.seconds(Token.asNumber({ Ref: 'N' })) }],
    ["'expectedUtilisation' must be 0.01 to 1, got 0", { expectedUtilisation: 0 }],
    ["'foreignReaders' must be a whole number from 0 to 100, got -1", { foreignReaders: -1 }],
    ["'runtime' must be a Node.js runtime of version 22 or later, got python3.13", { runtime: lambda.Runtime.PYTHON_3_13 }],
  ])('%s', (message, props) => {
    expect(() => fanOut(props)).toThrow(message);
  });

  test.each<[string, FanOutDeliveryOptions]>([
    ["'batchSize' must be a whole number from 1 to 10000, got 0", { batchSize: 0 }],
    ["'parallelizationFactor' must be a whole number from 1 to 10, got 11", { parallelizationFactor: 11 }],
    ["'sendAhead' must be a whole number from 1 to 10000, got 0.5", { sendAhead: 0.5 }],
    ["'batchWindow' must be a whole number from 0 to 300, got 301", { batchWindow: Duration.seconds(301) }],
    ["'batchWindow' must be a whole number from 0 to 300, got 1.5", { batchWindow: Duration.millis(1500) }],
    ["'timeout' must be at least 10 seconds, got 9 seconds", { timeout: Duration.seconds(9) }],
    ["'timeout' must be known at synth, got a token", { timeout: Duration.seconds(Token.asNumber({ Ref: 'N' })) }],
  ])('%s', (message, options) => {
    expect(() => delivery(options)).toThrow(message);
  });

  test.each(['', '1st', 'a b', 'ä', 'x'.repeat(64)])("id '%s' is refused", (id) => {
    expect(() => fanOut().addDestination(id, lake())).toThrow(`'id' must be 1 to 63 letters, digits, '-' and '_', a letter first, got '${id}'`);
  });

  test('an id stands for one destination', () => {
    const orders = fanOut({ destinations: { Lake: lake() } });
    expect(() => orders.addDestination('Lake', FanOutDestination.kinesis(importedStream()))).toThrow("'id' must be unique among the destinations, got 'Lake' twice");
  });

  test('an unknown id names those that are known', () => {
    expect(() => fanOut({ destinations: { Lake: lake() } }).delivery('Sea')).toThrow("'id' must be one of Lake, got 'Sea'");
    expect(() => new KinesisFanOut(stack, 'Others').delivery('Sea')).toThrow("'id' must be one of no destination yet, got 'Sea'");
  });

  test('numbers known at deployment only are left to CloudFormation', () => {
    const factor = new CfnParameter(stack, 'Factor', { type: 'Number' }).valueAsNumber;
    fanOut().addDestination('Mirror', FanOutDestination.kinesis(importedStream()), { parallelizationFactor: factor, batchSize: factor, batchWindow: Duration.seconds(factor) });
    expect(mapping()).toMatchObject({ ParallelizationFactor: { Ref: 'Factor' }, BatchSize: { Ref: 'Factor' }, MaximumBatchingWindowInSeconds: { Ref: 'Factor' } });
    expect(Annotations.fromStack(stack).findWarning('*', Match.anyValue())).toEqual([]);
  });
});

test('reasons of quarantine are those of the contract', () => {
  expect(Object.values(FanOutFailureReason)).toEqual([...FAILURE_REASONS]);
});

test('two stacks of one app may each have a fan-out', () => {
  const app = new App({ context: { 'aws:cdk:disable-asset-staging': true } });
  for (const id of ['A', 'B']) new KinesisFanOut(new Stack(app, id), 'Orders');
  expect(() => app.synth()).not.toThrow();
});
