import { Duration, Size, Stack, Token } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  FanOutDeliveryOptions,
  FanOutDestination,
  FanOutFilter,
  FanOutHttpMethod,
  FanOutOrdering,
  FanOutPacking,
  FanOutTransform,
  KinesisFanOut,
} from '../../src';
import { DeliverSettings } from '../../src/kinesis-fan-out/contract';
import { resourcesOf, stackFor, statementsOf } from '../kit/stack';

let stack: Stack;
beforeEach(() => {
  stack = stackFor({ env: { account: '123456789012', region: 'eu-west-1' } });
});

const BATCH_BYTES = 1024 * 1024;

/** What the function that serves a destination is told. */
interface Served {
  readonly settings: DeliverSettings;
  readonly target: unknown;
  readonly secretArn: unknown;
  readonly window: unknown;
}

function serve(destination: FanOutDestination, options?: FanOutDeliveryOptions): Served {
  const { function: fn } = new KinesisFanOut(stack, 'Orders').addDestination('Target', destination, options);
  const resources = resourcesOf(stack);
  const [mapping] = Object.values(resources).filter(({ Type }) => Type === 'AWS::Lambda::EventSourceMapping');
  const { Properties } = resources[stack.getLogicalId(fn.node.defaultChild as lambda.CfnFunction)];
  const { Variables } = Properties.Environment as { Variables: Record<string, unknown> };
  return {
    settings: JSON.parse(Variables.SETTINGS as string) as DeliverSettings,
    target: Variables.TARGET,
    secretArn: Variables.SECRET_ARN,
    window: mapping.Properties.MaximumBatchingWindowInSeconds,
  };
}

/** Statements about the destination alone: neither log, stream nor failure bucket. */
function rights(): [actions: unknown, resource: unknown, condition?: unknown][] {
  const common = /^(logs:|kinesis:(Describe|Get|List))/;
  return statementsOf(stack, 'TargetDeliver')
    .filter(({ Action, Resource }) => !common.test([Action].flat()[0] as string) && !JSON.stringify(Resource).includes('OrdersFailures'))
    .map(({ Action, Resource, Condition }) => Condition ? [Action, Resource, Condition] : [Action, Resource]);
}

const via = (service: string) => ({ StringLike: { 'kms:ViaService': { 'Fn::Join': ['', [`${service}.`, { Ref: 'AWS::Region' }, '.*']] } } });
const arn = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:123456789012:${resource}`;
const importedKey = () => kms.Key.fromKeyArn(stack, 'Key', arn('kms', 'key/1'));

describe('S3', () => {
  const lake = (key?: kms.IKey) => s3.Bucket.fromBucketAttributes(stack, 'Lake', { bucketArn: 'arn:aws:s3:::lake', encryptionKey: key });

  test('lines of JSON in objects up to 8 MiB, in the order of the shard, five seconds of records', () => {
    expect(serve(FanOutDestination.s3(lake()))).toMatchObject({
      settings: {
        ordering: 'per-shard',
        filters: [],
        transforms: [],
        packing: { kind: 'ndjson', maxBytes: 8 * BATCH_BYTES, envelope: false },
        sendAhead: 10_000,
        target: { kind: 's3', prefix: '' },
      },
      target: 'lake',
      window: 5,
    });
    expect(rights()).toEqual([[['s3:GetObject', 's3:PutObject'], 'arn:aws:s3:::lake/*']]);
  });

  test('below a prefix, packed otherwise, with a key', () => {
    const packing = FanOutPacking.ndjsonGzip({ maxSize: Size.mebibytes(64), envelope: true });
    expect(serve(FanOutDestination.s3(lake(importedKey()), { prefix: 'a/', packing })).settings).toMatchObject({
      packing: { kind: 'ndjson-gzip', maxBytes: 64 * BATCH_BYTES, envelope: true }, target: { prefix: 'a/' },
    });
    expect(rights()).toEqual([
      [['s3:GetObject', 's3:PutObject'], 'arn:aws:s3:::lake/a/*'],
      ['kms:GenerateDataKey', arn('kms', 'key/1'), via('s3')],
    ]);
  });

  test('a prefix is whole', () => {
    expect(() => FanOutDestination.s3(lake(), { prefix: 'a' })).toThrow("'prefix' must be empty or end with '/'");
  });

  test('folders made of what records hold', () => {
    expect(serve(FanOutDestination.s3(lake(), { prefix: 'a/', partition: 'day=<yyyy>-<MM>-<dd>/<$.type>/' })).settings.target)
      .toEqual({ kind: 's3', prefix: 'a/', partition: { template: 'day=<yyyy>-<MM>-<dd>/<$.type>/', max: 100 } });
    expect(rights()).toEqual([[['s3:GetObject', 's3:PutObject'], 'arn:aws:s3:::lake/a/*']]);
  });

  test.each([
    [{ partition: '<$.a>' }, "'partition' must have folders that end with '/'"],
    [{ partition: Token.asString({ Ref: 'P' }) }, "'partition' must be known at synth, got a token"],
    [{ partition: '<$.a>/', maxPartitions: 1001 }, "'maxPartitions' must be a whole number from 1 to 1000, got 1001"],
    [{ maxPartitions: 10 }, "'maxPartitions' must be given together with 'partition', got it alone"],
  ])('%j is refused', (options, message) => {
    expect(() => FanOutDestination.s3(lake(), options)).toThrow(message);
  });

  test('a prefix known only at deployment cannot stand in the settings', () => {
    expect(() => serve(FanOutDestination.s3(lake(), { prefix: Token.asString({ Ref: 'P' }) })))
      .toThrow("'target.prefix' of destination 'Target' must be known at synth, got a token");
  });
});

describe('DynamoDB', () => {
  const id = { name: 'id', type: dynamodb.AttributeType.STRING };
  const line = { name: 'line', type: dynamodb.AttributeType.NUMBER };

  test.each([
    ['Table', () => new dynamodb.Table(stack, 'T', { partitionKey: id, sortKey: line })],
    ['TableV2', () => new dynamodb.TableV2(stack, 'T', { partitionKey: id, sortKey: line })],
  ])('the key of a %s of the app is known, ordered items are put one by one', (_name, create) => {
    const table = create();
    expect(serve(FanOutDestination.dynamoDb(table))).toMatchObject({
      settings: {
        ordering: 'per-key',
        packing: { kind: 'none', maxBytes: 16 * BATCH_BYTES, envelope: false },
        sendAhead: 10_000,
        target: { kind: 'dynamodb', partitionKey: 'id', sortKey: 'line', sequenceAttribute: '_sequence' },
      },
      target: stack.resolve(table.tableName),
      window: 1,
    });
    expect(rights()).toEqual([['dynamodb:PutItem', stack.resolve(table.tableArn)]]);
  });

  test('an imported one is told its key; without order items are written in batches', () => {
    const table = dynamodb.Table.fromTableAttributes(stack, 'T', { tableName: 'state', encryptionKey: importedKey() });
    const destination = FanOutDestination.dynamoDb(table, { partitionKey: 'id', sequenceAttribute: 'seq' });
    expect(serve(destination, { ordering: FanOutOrdering.NONE }).settings.target).toEqual({ kind: 'dynamodb', partitionKey: 'id', sequenceAttribute: 'seq' });
    expect(rights()).toEqual([
      ['dynamodb:BatchWriteItem', { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':dynamodb:eu-west-1:123456789012:table/state']] }],
      ['kms:Decrypt', arn('kms', 'key/1'), via('dynamodb')],
    ]);
  });

  test('an imported one without key is refused, with the remedy', () => {
    expect(() => FanOutDestination.dynamoDb(dynamodb.Table.fromTableName(stack, 'T', 'state')))
      .toThrow("'partitionKey' of a table that is not of this app must be given, got none; it is the name of the table's partition key");
  });

  test.each([
    [{ partitionKey: 'no' }, "'partitionKey' and 'sortKey' must be those of the table, 'id' and 'line', got 'no' and none; leave them out"],
    [{ partitionKey: 'id', sortKey: 'no' }, "'partitionKey' and 'sortKey' must be those of the table, 'id' and 'line', got 'id' and 'no'; leave them out"],
    [{ sortKey: 'line' }, "'sortKey' must be given together with 'partitionKey', got it alone"],
    [{ partitionKey: '' }, "'partitionKey' must be 1 to 255 characters, got ''"],
    [{ sequenceAttribute: 'x'.repeat(256) }, "'sequenceAttribute' must be 1 to 255 characters"],
  ])('%j is not the key of a table of the app', (options, message) => {
    const table = new dynamodb.Table(stack, 'T', { partitionKey: id, sortKey: line });
    expect(() => FanOutDestination.dynamoDb(table, options)).toThrow(message);
    expect(() => FanOutDestination.dynamoDb(table, { partitionKey: 'id', sortKey: 'line' })).not.toThrow();
  });

  test('the position has an attribute of its own', () => {
    const imported = dynamodb.Table.fromTableName(stack, 'T', 'state');
    expect(() => FanOutDestination.dynamoDb(imported, { partitionKey: 'id', sortKey: 'at', sequenceAttribute: 'at' }))
      .toThrow("'sequenceAttribute' must not be a key of the table, got 'at'");
  });
});

describe('Kinesis', () => {
  test('records of the stream, 1 MiB at most', () => {
    const stream = kinesis.Stream.fromStreamAttributes(stack, 'S', { streamArn: arn('kinesis', 'stream/mirror'), encryptionKey: importedKey() });
    expect(serve(FanOutDestination.kinesis(stream))).toMatchObject({
      settings: { ordering: 'per-key', packing: { kind: 'none', maxBytes: BATCH_BYTES }, sendAhead: 1000, target: { kind: 'kinesis', maxRecordBytes: BATCH_BYTES } },
      target: 'mirror',
      window: 1,
    });
    expect(rights()).toEqual([
      ['kinesis:PutRecords', arn('kinesis', 'stream/mirror')],
      ['kms:GenerateDataKey', arn('kms', 'key/1'), via('kinesis')],
    ]);
  });

  test('what a stream of the app allows is known, and may be said of others', () => {
    const stream = new kinesis.Stream(stack, 'S');
    (stream.node.defaultChild as kinesis.CfnStream).maxRecordSizeInKiB = 2048;
    expect(serve(FanOutDestination.kinesis(stream)).settings.target).toEqual({ kind: 'kinesis', maxRecordBytes: 2 * BATCH_BYTES });
    stack = stackFor();
    const other = kinesis.Stream.fromStreamArn(stack, 'S', arn('kinesis', 'stream/mirror'));
    expect(serve(FanOutDestination.kinesis(other, { maxRecordSize: Size.mebibytes(10) })).settings.packing.maxBytes).toBe(10 * BATCH_BYTES);
  });

  test.each([512, 10 * 1024 + 1])('no stream allows %d KiB', (kibibytes) => {
    expect(() => FanOutDestination.kinesis(new kinesis.Stream(stack, 'S'), { maxRecordSize: Size.kibibytes(kibibytes) }))
      .toThrow(`'maxRecordSize' must be 1 to 10 MiB, got ${kibibytes} KiB`);
  });

  test('the source itself is refused, also under another name', () => {
    const orders = new KinesisFanOut(stack, 'Orders', { stream: kinesis.Stream.fromStreamArn(stack, 'One', arn('kinesis', 'stream/orders')) });
    const same = kinesis.Stream.fromStreamArn(stack, 'Two', arn('kinesis', 'stream/orders'));
    const message = "destination 'Mirror' must be another stream than the source, got the source: its records would come again for ever";
    expect(() => orders.addDestination('Mirror', FanOutDestination.kinesis(orders.stream))).toThrow(message);
    expect(() => orders.addDestination('Mirror', FanOutDestination.kinesis(same))).toThrow(message);
  });
});

describe('Firehose', () => {
  const stream = () => firehose.DeliveryStream.fromDeliveryStreamArn(stack, 'F', arn('firehose', 'deliverystream/archive'));

  test('records without order', () => {
    expect(serve(FanOutDestination.firehose(stream()))).toMatchObject({
      settings: { ordering: 'none', packing: { kind: 'none', maxBytes: 1_024_000 }, target: { kind: 'firehose' } }, target: 'archive', window: 5,
    });
    expect(rights()).toEqual([['firehose:PutRecordBatch', arn('firehose', 'deliverystream/archive')]]);
  });

  test('packed', () => {
    const packing = FanOutPacking.ndjson({ maxSize: Size.kibibytes(100) });
    expect(serve(FanOutDestination.firehose(stream(), { packing })).settings.packing).toEqual({ kind: 'ndjson', maxBytes: 102_400, envelope: false });
  });
});

describe('SQS', () => {
  test('a standard queue keeps no order', () => {
    const queue = sqs.Queue.fromQueueAttributes(stack, 'Q', { queueArn: arn('sqs', 'audit'), keyArn: arn('kms', 'key/1') });
    const served = serve(FanOutDestination.sqs(queue));
    expect(served.settings).toMatchObject({ ordering: 'none', packing: { kind: 'none', maxBytes: BATCH_BYTES }, target: { kind: 'sqs', fifo: false } });
    expect(JSON.stringify(served.target)).toContain('/123456789012/audit');
    expect(rights()).toEqual([
      ['sqs:SendMessage', arn('sqs', 'audit')],
      [['kms:Decrypt', 'kms:GenerateDataKey'], arn('kms', 'key/1'), via('sqs')],
    ]);
  });

  test('a FIFO queue does', () => {
    const { settings } = serve(FanOutDestination.sqs(sqs.Queue.fromQueueArn(stack, 'Q', arn('sqs', 'audit.fifo')), { packing: FanOutPacking.jsonArray() }));
    expect(settings).toMatchObject({ ordering: 'per-key', packing: { kind: 'json-array' }, target: { kind: 'sqs', fifo: true } });
  });
});

describe('SNS', () => {
  test('a standard topic keeps no order and takes 256 KiB', () => {
    const topic = new sns.Topic(stack, 'T', { masterKey: importedKey() });
    expect(serve(FanOutDestination.sns(topic))).toMatchObject({
      settings: { ordering: 'none', packing: { kind: 'none', maxBytes: 262_144 }, target: { kind: 'sns', fifo: false, maxMessageBytes: 262_144 } },
      target: stack.resolve(topic.topicArn),
    });
    expect(rights()).toEqual([
      ['sns:Publish', stack.resolve(topic.topicArn)],
      [['kms:Decrypt', 'kms:GenerateDataKey'], arn('kms', 'key/1'), via('sns')],
    ]);
  });

  test('a FIFO topic keeps order', () => {
    expect(serve(FanOutDestination.sns(sns.Topic.fromTopicArn(stack, 'T', arn('sns', 'news.fifo')))).settings)
      .toMatchObject({ ordering: 'per-key', target: { kind: 'sns', fifo: true } });
  });

  test.each([512, 1025 * 1024])('no topic takes %d bytes', (bytes) => {
    expect(() => FanOutDestination.sns(new sns.Topic(stack, 'T'), { maxMessageSize: Size.bytes(bytes) })).toThrow(`'maxMessageSize' must be 1 KiB to 1 MiB, got ${bytes} bytes`);
  });
});

describe('EventBridge', () => {
  const bus = () => events.EventBus.fromEventBusName(stack, 'B', 'shop');

  test('events with the record in its envelope', () => {
    expect(serve(FanOutDestination.eventBridge(bus()))).toMatchObject({
      settings: {
        ordering: 'none',
        packing: { kind: 'none', maxBytes: 1_000_000, envelope: true },
        target: { kind: 'eventbridge', source: 'cdk-lambda-blueprints.kinesis-fan-out', detailType: 'FanOutRecord' },
      },
      target: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':events:eu-west-1:123456789012:event-bus/shop']] },
    });
  });

  test('only from its own source', () => {
    expect(serve(FanOutDestination.eventBridge(bus(), { source: 'shop', detailType: 'Order' })).settings.target).toMatchObject({ source: 'shop', detailType: 'Order' });
    expect(rights()).toEqual([
      ['events:PutEvents', expect.anything(), { StringEquals: { 'events:source': 'shop' } }],
      ['events:DescribeEventBus', expect.anything(), undefined],
    ]);
  });

  test.each([
    [{ source: 'aws.s3' }, "'source' must be 1 to 256 characters not beginning with 'aws.', got 'aws.s3'"],
    [{ detailType: '' }, "'detailType' must be 1 to 128 characters, got ''"],
  ])('%j is refused', (options, message) => {
    expect(() => FanOutDestination.eventBridge(bus(), options)).toThrow(message);
  });
});

describe('HTTPS', () => {
  const URL = 'https://api.example.com/v1/orders';

  test('a POST per record, four at a time, ten seconds', () => {
    expect(serve(FanOutDestination.https(URL))).toMatchObject({
      settings: {
        ordering: 'per-key',
        packing: { kind: 'none', maxBytes: BATCH_BYTES },
        target: { kind: 'https', method: 'POST', headers: {}, timeoutMs: 10_000, maxBodyBytes: BATCH_BYTES, concurrency: 4 },
      },
      target: URL,
      secretArn: '',
    });
    expect(rights()).toEqual([]);
  });

  test('every option', () => {
    const authorization = new secretsmanager.Secret(stack, 'Token', { encryptionKey: importedKey() });
    const { settings, secretArn } = serve(FanOutDestination.https(URL, {
      authorization,
      method: FanOutHttpMethod.PATCH,
      headers: { 'X-Team': 'shop' },
      timeout: Duration.seconds(2),
      maxBodySize: Size.kibibytes(2),
      concurrency: 9,
      packing: FanOutPacking.jsonArray({ envelope: true }),
    }), { ordering: FanOutOrdering.NONE });
    expect(settings).toMatchObject({
      ordering: 'none',
      packing: { kind: 'json-array', maxBytes: 2048, envelope: true },
      target: { method: 'PATCH', headers: { 'X-Team': 'shop' }, timeoutMs: 2000, maxBodyBytes: 2048, concurrency: 9 },
    });
    expect(secretArn).toEqual(stack.resolve(authorization.secretArn));
    expect(rights()).toEqual([
      ['secretsmanager:GetSecretValue', stack.resolve(authorization.secretArn)],
      ['kms:Decrypt', arn('kms', 'key/1'), via('secretsmanager')],
    ]);
  });

  test('a secret imported by name is allowed with the characters its ARN ends with', () => {
    serve(FanOutDestination.https(URL, { authorization: secretsmanager.Secret.fromSecretNameV2(stack, 'Token', 'partner') }));
    expect(JSON.stringify(rights())).toContain('secret:partner-??????');
  });

  test('an address known at deployment only', () => {
    expect(serve(FanOutDestination.https(Token.asString({ Ref: 'Url' }))).target).toEqual({ Ref: 'Url' });
  });

  test.each([
    ['http://api.example.com/', 'http://api.example.com/'],
    ['api.example.com', 'api.example.com'],
    ['https://user:secret@api.example.com/', 'https://***@api.example.com/'],
    ['https://api.example.com/#top', 'https://api.example.com/#top'],
  ])('%s is refused', (url, got) => {
    expect(() => FanOutDestination.https(url)).toThrow(`'url' must begin with 'https://' and hold no user, password or fragment, got '${got}'`);
  });

  test('what fetch never connects to is refused', async () => {
    const refused = Array.from({ length: 65_536 }, (_, port) => port).filter((port) => {
      try {
        FanOutDestination.https(`https://127.0.0.1:${port}/`);
        return false;
      } catch {
        return true;
      }
    });
    expect(refused.length).toBeGreaterThan(80);
    // Port 0 is none; a socket refuses it.
    for (const port of refused.slice(1)) {
      await expect(fetch(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({ cause: { message: 'bad port' } });
    }
    expect(() => FanOutDestination.https('https://api.example.com:6000/')).toThrow(
      "'url' must have a port that fetch connects to, got 6000, which the Fetch standard blocks; use 443 or another one");
    expect(() => FanOutDestination.https('https://api.example.com:8443/')).not.toThrow();
  });

  test.each([
    [{ maxBodySize: Size.bytes(1023) }, "'maxBodySize' must be at least 1 KiB, got 1023 bytes"],
    [{ maxBodySize: Size.bytes(Token.asNumber({ Ref: 'N' })) }, "'maxBodySize' must be known at synth, got a token"],
    [{ concurrency: 101 }, "'concurrency' must be a whole number from 1 to 100, got 101"],
    [{ timeout: Duration.millis(99) }, "'timeout' must be at least 100 millis, got 99 millis"],
    [{ timeout: Duration.seconds(Token.asNumber({ Ref: 'N' })) }, "'timeout' must be known at synth, got a token"],
    [{ headers: { 'a b': '' } }, "'headers' must be HTTP header names, got 'a b'"],
    [{ headers: { A: 'ü' } }, "'headers' must be printable ASCII, got 'ü'"],
    [{ headers: { authorization: 'x' } }, "'headers' must not set what the function sets, got 'authorization'; a secret goes into 'authorization'"],
  ])('%j is refused', (options, message) => {
    expect(() => FanOutDestination.https(URL, options)).toThrow(message);
  });

  test('a request has at most half of the invocation', () => {
    expect(() => serve(FanOutDestination.https(URL, { timeout: Duration.seconds(31) })))
      .toThrow("'timeout' of an HTTPS destination must be at most half of its function's 1 minute, got 31 seconds");
  });
});

describe('Lambda', () => {
  test('lists of records in their envelopes', () => {
    const worker = lambda.Function.fromFunctionArn(stack, 'W', arn('lambda', 'function:worker'));
    expect(serve(FanOutDestination.lambdaFunction(worker))).toMatchObject({
      settings: { ordering: 'per-key', packing: { kind: 'json-array', maxBytes: 6 * BATCH_BYTES, envelope: true }, target: { kind: 'lambda' } },
      target: arn('lambda', 'function:worker'),
    });
    expect(rights()).toEqual([['lambda:InvokeFunction', arn('lambda', 'function:worker')]]);
  });
});

describe('order', () => {
  const queue = (name: string) => sqs.Queue.fromQueueArn(stack, 'Q', arn('sqs', name));

  test('every ordering where it can be kept', () => {
    for (const ordering of Object.values(FanOutOrdering)) {
      stack = stackFor();
      expect(serve(FanOutDestination.kinesis(new kinesis.Stream(stack, 'S')), { ordering }).settings.ordering).toBe(ordering);
      stack = stackFor();
      expect(serve(FanOutDestination.sqs(queue('audit.fifo')), { ordering }).settings.ordering).toBe(ordering);
    }
  });

  test.each([
    ['S3', () => FanOutDestination.s3(s3.Bucket.fromBucketName(stack, 'B', 'lake')), 'PER_SHARD', FanOutOrdering.PER_KEY,
      'an object holds records of one shard as they came, so keys are in order too; leave it out'],
    ['DynamoDB', () => FanOutDestination.dynamoDb(dynamodb.Table.fromTableName(stack, 'T', 't'), { partitionKey: 'id' }), 'PER_KEY or NONE', FanOutOrdering.PER_SHARD,
      'items of different keys have no order'],
  ])('%s has no other order', (_name, destination, allowed, ordering, remedy) => {
    expect(() => serve(destination(), { ordering })).toThrow(`'ordering' of destination 'Target' must be ${allowed}, got ${ordering.toUpperCase().replace('-', '_')}: ${remedy}`);
  });

  test.each([
    ['SQS', () => FanOutDestination.sqs(queue('audit')), 'a standard queue keeps no order; use a FIFO queue'],
    ['SNS', () => FanOutDestination.sns(new sns.Topic(stack, 'T')), 'a standard topic keeps no order; use a FIFO topic'],
    ['Firehose', () => FanOutDestination.firehose(firehose.DeliveryStream.fromDeliveryStreamArn(stack, 'F', arn('firehose', 'deliverystream/f'))),
      'a delivery stream keeps no order; leave it out'],
    ['EventBridge', () => FanOutDestination.eventBridge(new events.EventBus(stack, 'B')), 'an event bus keeps no order; leave it out'],
  ])('%s cannot keep it', (_name, destination, remedy) => {
    expect(() => serve(destination(), { ordering: FanOutOrdering.PER_KEY })).toThrow(`'ordering' of destination 'Target' must be NONE, got PER_KEY: ${remedy}`);
  });
});

describe('packing', () => {
  const worker = () => lambda.Function.fromFunctionArn(stack, 'W', arn('lambda', 'function:worker'));

  test('what a destination cannot take is refused', () => {
    expect(() => serve(FanOutDestination.lambdaFunction(worker(), { packing: FanOutPacking.ndjsonGzip() })))
      .toThrow("'packing' of destination 'Target' must be json-array or none, got ndjson-gzip");
  });

  test('single records may be bare', () => {
    expect(serve(FanOutDestination.lambdaFunction(worker(), { packing: FanOutPacking.none({ envelope: false }) })).settings.packing)
      .toEqual({ kind: 'none', maxBytes: 6 * BATCH_BYTES, envelope: false });
  });

  test.each([
    [Size.bytes(1023), "'maxSize' of the packing of destination 'Target' must be at least 1 KiB, got 1023 bytes"],
    [Size.bytes(Token.asNumber({ Ref: 'N' })), "'maxSize' of the packing of destination 'Target' must be known at synth, got a token"],
    [Size.mebibytes(7), "'maxSize' of the packing of destination 'Target' must be at most the 6291456 bytes that lambda takes, got 7340032; use less"],
  ])('%s', (maxSize, message) => {
    expect(() => serve(FanOutDestination.lambdaFunction(worker(), { packing: FanOutPacking.jsonArray({ maxSize }) }))).toThrow(message);
  });
});

describe('filter', () => {
  const patterns = (filter: FanOutFilter) => serve(FanOutDestination.sqs(new sqs.Queue(stack, 'Q')), { filter }).settings.filters;
  const on = (...conditions: unknown[]) => [{ data: { a: { 'b c': conditions } } }];
  const path = "$.a['b c']";

  test.each<[string, FanOutFilter, unknown]>([
    ['equalTo', FanOutFilter.equalTo(path, 'x', 'y'), on('x', 'y')],
    ['equalToIgnoreCase', FanOutFilter.equalToIgnoreCase(path, 'x'), on({ 'equals-ignore-case': 'x' })],
    ['notEqualTo', FanOutFilter.notEqualTo(path, 'x', 'y'), on({ 'anything-but': ['x', 'y'] })],
    ['prefix', FanOutFilter.prefix(path, 'x', 'y'), on({ prefix: 'x' }, { prefix: 'y' })],
    ['suffix', FanOutFilter.suffix(path, 'x'), on({ suffix: 'x' })],
    ['numberEqualTo', FanOutFilter.numberEqualTo(path, 1), on({ numeric: ['=', 1] })],
    ['greaterThan', FanOutFilter.greaterThan(path, 1), on({ numeric: ['>', 1] })],
    ['atLeast', FanOutFilter.atLeast(path, 1), on({ numeric: ['>=', 1] })],
    ['lessThan', FanOutFilter.lessThan(path, 1), on({ numeric: ['<', 1] })],
    ['atMost', FanOutFilter.atMost(path, 1), on({ numeric: ['<=', 1] })],
    ['between', FanOutFilter.between(path, 1, 2), on({ numeric: ['>=', 1, '<=', 2] })],
    ['flag', FanOutFilter.flag(path, true), on(true)],
    ['exists', FanOutFilter.exists(path), on({ exists: true })],
    ['missing', FanOutFilter.missing(path), on({ exists: false })],
    ['pattern', FanOutFilter.pattern('{"partitionKey":[{"prefix":"eu-"}]}'), [{ partitionKey: [{ prefix: 'eu-' }] }]],
    ['$or', FanOutFilter.pattern('{"$or":[{"data":{"a":[1]}},{"data":{"b":[{"wildcard":"x*"}]}}]}'), [{ $or: [{ data: { a: [1] } }, { data: { b: [{ wildcard: 'x*' }] } }] }]],
  ])('%s', (_name, filter, expected) => {
    expect(patterns(filter)).toEqual(expected);
  });

  test('anyOf puts them side by side, allOf into one, each with each', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((field) => FanOutFilter.equalTo(`$.x.${field}`, '1'));
    const is = (...fields: string[]) => ({ data: { x: Object.fromEntries(fields.map((field) => [field, ['1']])) } });
    expect(patterns(FanOutFilter.allOf(FanOutFilter.anyOf(a, b), c))).toEqual([is('a', 'c'), is('b', 'c')]);
    expect(FanOutFilter.anyOf(FanOutFilter.allOf(a, b), c)._patterns).toEqual([is('a', 'b'), is('c')]);
    expect(a._patterns).toEqual([is('a')]);
  });

  test.each<[string, () => FanOutFilter]>([
    ["'allOf' must name each field once, got 'data.a' twice; use 'between' or one 'pattern' for it", () => FanOutFilter.allOf(FanOutFilter.atLeast('$.a', 1), FanOutFilter.atMost('$.a', 2))],
    ["'filters' must hold at least one, got none", () => FanOutFilter.anyOf()],
    ["'filters' must hold at least one, got none", () => FanOutFilter.allOf()],
    ["'values' must hold at least one, got none", () => FanOutFilter.equalTo('$.a')],
    ["'min' must be below 'max', got 2 and 1", () => FanOutFilter.between('$.a', 2, 1)],
    ["'path' must be a path to a field like '$.a.b' or \"$['a b']\", got 'a'", () => FanOutFilter.exists('a')],
    ["'path' must be a path to a field like '$.a.b' or \"$['a b']\", got '$'", () => FanOutFilter.exists('$')],
    ["'path' must be a path to a field like '$.a.b' or \"$['a b']\", got '$.a[0]'", () => FanOutFilter.exists('$.a[0]')],
    ["'pattern' must be JSON, got '{'", () => FanOutFilter.pattern('{')],
    ["'pattern' must be a list of conditions or an object with fields, got {}", () => FanOutFilter.pattern('{}')],
    ["'pattern' must be a JSON object over 'data' and 'partitionKey', got '[]'", () => FanOutFilter.pattern('[]')],
    ["'pattern' must be a JSON object over 'data' and 'partitionKey', got 'detail'", () => FanOutFilter.pattern('{"detail":{"a":[1]}}')],
    ["'pattern' at 'data.a' must be a list of conditions or an object with fields, got 1", () => FanOutFilter.pattern('{"data":{"a":1}}')],
    ["'pattern' at 'data.a' must have conditions, got []", () => FanOutFilter.pattern('{"data":{"a":[]}}')],
    ["'pattern' at '$or' must be a list of at least two patterns, got [{\"data\":{\"b\":2}}]", () => FanOutFilter.pattern('{"$or":[{"data":{"b":2}}]}')],
    ["'pattern' at 'data.a' must have at 'numeric' one comparison with a number, or a lower and an upper one, got [\"<\"]",
      () => FanOutFilter.pattern('{"data":{"a":[{"numeric":["<"]}]}}')],
    ["'pattern' at 'data.a' must have no two stars in a row at 'wildcard', got \"a**b\"", () => FanOutFilter.pattern('{"data":{"a":[{"wildcard":"a**b"}]}}')],
    ["'pattern' at 'data.a' must have a range of addresses at 'cidr', got \"10.0.0.0\"", () => FanOutFilter.pattern('{"data":{"a":[{"cidr":"10.0.0.0"}]}}')],
    ["'pattern' must have numbers of at most 15 digits, got 12345678901234567890; write longer ones as text",
      () => FanOutFilter.pattern('{"data":{"a":[12345678901234567890]}}')],
    ["'pattern' must be known at synth, got a token", () => FanOutFilter.pattern(Token.asString({ Ref: 'P' }))],
    ['a number to compare with must be finite, got NaN', () => FanOutFilter.numberEqualTo('$.a', NaN)],
    ['a number to compare with must be finite, got Infinity', () => FanOutFilter.between('$.a', 0, Infinity)],
    ["'pattern' at 'data.a' must have operators of event patterns, got \"regex\"",
      () => FanOutFilter.pattern('{"data":{"a":[{"regex":"x"}]}}')],
  ])('%s', (message, filter) => {
    expect(filter).toThrow(message);
  });
});

describe('transform', () => {
  const steps = (transform: FanOutTransform) => serve(FanOutDestination.sqs(new sqs.Queue(stack, 'Q')), { transform }).settings.transforms;

  test('each, and in their order', () => {
    expect(steps(FanOutTransform.chain(
      FanOutTransform.pick('$.a', '$.b'),
      FanOutTransform.remove('$.b.c'),
      FanOutTransform.rename({ '$.a': "$['a b']" }),
      FanOutTransform.set({ '$.source': 'shop' }),
      FanOutTransform.insertJson({ '$.version': '2', '$.tags': '["x"]' }),
      FanOutTransform.mask('$.card'),
      FanOutTransform.template('{"id":"<$.a>","label":"order <$.a> of <$[\'b c\']>","n":1}'),
    ))).toEqual([
      { kind: 'pick', paths: ['$.a', '$.b'] },
      { kind: 'remove', paths: ['$.b.c'] },
      { kind: 'rename', paths: { '$.a': "$['a b']" } },
      { kind: 'set', values: { '$.source': 'shop' } },
      { kind: 'set', values: { '$.version': 2, '$.tags': ['x'] } },
      { kind: 'mask', paths: ['$.card'] },
      { kind: 'template', document: { id: '<$.a>', label: "order <$.a> of <$['b c']>", n: 1 } },
    ]);
  });

  const noPath = (name: string, got: string) => `'${name}' must be a path to a field like '$.a.b' or "$['a b']", got '${got}'`;
  test.each<[string, () => FanOutTransform]>([
    ["'paths' must hold at least one, got none", () => FanOutTransform.pick()],
    ["'paths' must hold at least one, got none", () => FanOutTransform.rename({})],
    [noPath('path', 'a'), () => FanOutTransform.mask('a')],
    [noPath('path', 'b'), () => FanOutTransform.rename({ '$.a': 'b' })],
    ["'paths' must not repeat a name, got '$.c' twice", () => FanOutTransform.rename({ '$.a': '$.c', '$.b': '$.c' })],
    [noPath('path', 'x'), () => FanOutTransform.set({ x: 'y' })],
    ["'$.a' must have numbers of at most 15 digits, got 9007199254740993; write longer ones as text",
      () => FanOutTransform.insertJson({ '$.a': '[9007199254740993]' })],
    ["'$.a' must be JSON, got 'x'", () => FanOutTransform.insertJson({ '$.a': 'x' })],
    ["'template' must be JSON, got 'x'", () => FanOutTransform.template('x')],
    [noPath('template', '$.a[0]'), () => FanOutTransform.template('{"a":"<$.a[0]>"}')],
  ])('%s', (message, transform) => {
    expect(transform).toThrow(message);
  });

  test('what a function is told fits into its variables', () => {
    expect(() => steps(FanOutTransform.set({ '$.a': 'x'.repeat(4096) }))).toThrow(/environment variables must take at most 4096 bytes together, got \d+, most of them in SETTINGS/);
  });

  test('text known only at deployment cannot stand in the settings', () => {
    expect(() => steps(FanOutTransform.set({ '$.a': Token.asString({ Ref: 'P' }) }))).toThrow("'transforms.0.values.$.a' of destination 'Target' must be known at synth, got a token");
  });
});
