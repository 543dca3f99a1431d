import { Duration, Size, Stack, Token } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  FanOutAggregation,
  FanOutDelivery,
  FanOutDeliveryOptions,
  FanOutDestination,
  FanOutFilter,
  FanOutFilterPlacement,
  FanOutOrdering,
  FanOutPacking,
  FanOutReader,
  KinesisFanOut,
  KinesisFanOutProps,
} from '../../src';
import { DeliverSettings, FilterPattern } from '../../src/kinesis-fan-out/contract';
import { resourcesOf, stackFor } from '../kit/stack';

const { NONE, KPL, UNKNOWN } = FanOutAggregation;

let stack: Stack;
beforeEach(() => {
  stack = stackFor();
});

const mirror = () => FanOutDestination.kinesis(kinesis.Stream.fromStreamArn(stack, 'Copy', 'arn:aws:kinesis:eu-west-1:123456789012:stream/mirror'));
const numberToken = () => Token.asNumber({ Ref: 'N' });

function delivery(options: FanOutDeliveryOptions = {}, props: KinesisFanOutProps = {}, destination: FanOutDestination = mirror()): FanOutDelivery {
  return new KinesisFanOut(stack, 'Orders', props).addDestination('Target', destination, options);
}

/** A stream of the app with one property of its CloudFormation resource set. */
function stream(property: Partial<Record<'maxRecordSizeInKiB' | 'recordDistributionStrategy' | 'retentionPeriodHours', unknown>>): kinesis.IStream {
  const created = new kinesis.Stream(stack, 'Source');
  Object.assign(created.node.defaultChild!, property);
  return created;
}

function warnings(): string[] {
  return Annotations.fromStack(stack).findWarning('*', Match.anyValue()).map(({ entry }) => entry.data as string).map((text) => text.replace(/ \[ack: .*$/, ''));
}

describe('(a) readers beyond the capacity of the stream', () => {
  function readers(count: number, props: KinesisFanOutProps = {}): void {
    const orders = new KinesisFanOut(stack, 'Orders', props);
    for (let i = 0; i < count; i++) orders.addDestination(`D${i}`, FanOutDestination.sqs(new sqs.Queue(stack, `Q${i}`)), { reader: FanOutReader.SHARED });
  }

  const message = (shared: number, megabytes: number) => 'shared readers of the stream must be at most 5 and read at most 2 MB/s per shard together, '
    + `got ${shared} that read ${megabytes} MB/s; use FanOutReader.DEDICATED or AUTO, or correct 'foreignReaders' and 'expectedUtilisation'`;

  test.each<[number, KinesisFanOutProps, string]>([
    [6, { expectedUtilisation: 0.25 }, message(6, 1.5)],
    [3, { expectedUtilisation: 1 }, message(3, 3)],
    [5, {}, message(5, 2.5)],
    [1, { foreignReaders: 5, expectedUtilisation: 0.25 }, message(6, 1.5)],
  ])('%d with %j fail', (count, props, expected) => {
    expect(() => readers(count, props)).toThrow(expected);
  });

  test.each<[number, KinesisFanOutProps]>([[3, {}], [2, { expectedUtilisation: 1 }], [1, { foreignReaders: 2 }]])('%d with %j are silent', (count, props) => {
    readers(count, props);
    expect(warnings()).toEqual([]);
  });

  test.each([4, 5])('%d leave no room for catching up', (count) => {
    readers(count, { expectedUtilisation: 0.25 });
    expect(warnings()).toEqual([
      'more than 3 readers share the stream, which leaves no room for catching up: reads are throttled when they are behind; use FanOutReader.DEDICATED or AUTO',
    ]);
  });

  test('AUTO never gets there', () => {
    const orders = new KinesisFanOut(stack, 'Orders', { expectedUtilisation: 1, foreignReaders: 1 });
    for (let i = 0; i < 8; i++) orders.addDestination(`D${i}`, FanOutDestination.sqs(new sqs.Queue(stack, `Q${i}`)));
    expect(warnings()).toEqual([]);
  });

  test.each<[KinesisFanOutProps]>([[{ foreignReaders: numberToken() }], [{ expectedUtilisation: numberToken() }]])('tokens are silent', (props) => {
    readers(5, props);
    expect(warnings()).toEqual([]);
  });

  test('a stream takes 20 dedicated ones for sure', () => {
    const orders = new KinesisFanOut(stack, 'Orders');
    for (let i = 0; i < 22; i++) orders.addDestination(`D${i}`, FanOutDestination.sqs(new sqs.Queue(stack, `Q${i}`)), { reader: FanOutReader.DEDICATED });
    expect(warnings()).toEqual(['more than 20 dedicated readers, which only a stream in mode On-demand Advantage takes; use FanOutReader.SHARED for some']);
  });

  test('a fan-out has 25 destinations at most', () => {
    const orders = new KinesisFanOut(stack, 'Orders');
    for (let i = 0; i < 25; i++) orders.addDestination(`D${i}`, FanOutDestination.sqs(new sqs.Queue(stack, `Q${i}`)));
    expect(() => orders.addDestination('D25', mirror())).toThrow('a fan-out must have at most 25 destinations, got 26; a stream has room for about as many readers');
  });
});

describe('(b) filters in the mapping of aggregates', () => {
  const filter = FanOutFilter.equalTo('$.type', 'order-paid');
  const pattern = { data: { type: ['order-paid'] } };

  function placed(options: FanOutDeliveryOptions, aggregation?: FanOutAggregation): { mapping: FilterPattern[]; code: readonly FilterPattern[] } {
    delivery(options, { aggregation });
    const resources = Object.entries(resourcesOf(stack));
    const [, mapping] = resources.find(([, { Type }]) => Type === 'AWS::Lambda::EventSourceMapping')!;
    const [, fn] = resources.find(([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.includes('Deliver'))!;
    const criteria = (mapping.Properties.FilterCriteria as { Filters: { Pattern: string }[] } | undefined)?.Filters ?? [];
    const { SETTINGS } = (fn.Properties.Environment as { Variables: { SETTINGS: string } }).Variables;
    return { mapping: criteria.map(({ Pattern }) => JSON.parse(Pattern) as FilterPattern), code: (JSON.parse(SETTINGS) as DeliverSettings).filters };
  }

  const inMapping = { mapping: [pattern], code: [] };
  const inCode = { mapping: [], code: [pattern] };

  test.each<[FanOutAggregation | undefined, FanOutFilterPlacement | undefined, object]>([
    [NONE, undefined, inMapping],
    [NONE, FanOutFilterPlacement.MAPPING, inMapping],
    [NONE, FanOutFilterPlacement.FUNCTION, inCode],
    [KPL, undefined, inCode],
    [UNKNOWN, undefined, inCode],
    [undefined, undefined, inCode],
    [undefined, FanOutFilterPlacement.FUNCTION, inCode],
  ])('aggregation %s, placement %s', (aggregation, filterPlacement, expected) => {
    expect(placed({ filter, filterPlacement }, aggregation)).toEqual(expected);
  });

  test('without a filter there is none anywhere', () => {
    expect(placed({ filterPlacement: FanOutFilterPlacement.MAPPING }, KPL)).toEqual({ mapping: [], code: [] });
  });

  test.each<[string, FanOutFilter]>([
    ['it has 6 alternatives, a mapping takes 5', FanOutFilter.anyOf(...'abcdef'.split('').map((field) => FanOutFilter.exists(`$.${field}`)))],
    ["it looks at 'partitionKey', a mapping only at the record's data", FanOutFilter.pattern('{"partitionKey":["a"]}')],
    ["a mapping has no operator 'wildcard'", FanOutFilter.pattern('{"data":{"$or":[{"a":[1]},{"b":[{"wildcard":"x*"}]}]}}')],
    ['a mapping compares numbers up to 5000000000, not 1789000000000', FanOutFilter.atLeast('$.at', 1_789_000_000_000)],
    ["a mapping has no operator 'anything-but prefix'", FanOutFilter.pattern('{"data":{"a":[{"anything-but":{"prefix":"x"}}]}}')],
  ])('what a mapping cannot do is done in the function: %s', (why, unusual) => {
    expect(placed({ filter: unusual }, NONE)).toEqual({ mapping: [], code: unusual._patterns });
    stack = stackFor();
    expect(() => placed({ filter: unusual, filterPlacement: FanOutFilterPlacement.MAPPING }, NONE))
      .toThrow(`'filterPlacement' of destination 'Target' must be AUTO or FUNCTION, got MAPPING: ${why}`);
  });

  test('a pattern too long for a mapping', () => {
    const long = FanOutFilter.equalTo('$.a', 'x'.repeat(4100));
    expect(() => placed({ filter: long, filterPlacement: FanOutFilterPlacement.MAPPING }, NONE)).toThrow('an alternative is longer than 4096 characters');
  });

  test.each([[KPL], [UNKNOWN], [undefined]])('asked for with aggregation %s it fails', (aggregation) => {
    expect(() => placed({ filter, filterPlacement: FanOutFilterPlacement.MAPPING }, aggregation)).toThrow(
      "'filterPlacement' of destination 'Target' must be AUTO or FUNCTION, got MAPPING: a mapping filters aggregates without looking inside, so records would be "
      + "lost; if producers never aggregate, say so by 'aggregation: FanOutAggregation.NONE'");
  });

  test('set past all options it fails at the end of synth, unless producers never aggregate', () => {
    const override = (aggregation: FanOutAggregation) => {
      stack = stackFor();
      const { eventSourceMapping } = delivery({}, { aggregation });
      (eventSourceMapping.node.defaultChild as lambda.CfnEventSourceMapping).filterCriteria = { filters: [{ pattern: '{}' }] };
      return resourcesOf(stack);
    };
    expect(() => override(KPL)).toThrow("the mapping of destination 'Target' must have no filter criteria unless producers never aggregate, got some");
    expect(() => override(UNKNOWN)).toThrow("use the option 'filter', or say 'aggregation: FanOutAggregation.NONE'");
    expect(() => override(NONE)).not.toThrow();
  });
});

describe('(c) parallel batches of aggregates', () => {
  test.each([FanOutOrdering.PER_KEY, FanOutOrdering.NONE])('fail, ordering %s', (ordering) => {
    expect(() => delivery({ parallelizationFactor: 4, ordering }, { aggregation: KPL })).toThrow(
      "'parallelizationFactor' of destination 'Target' must be 1 with FanOutAggregation.KPL, got 4: all aggregates have one partition key, so nothing runs in "
      + 'parallel, and records sent alone overtake those in aggregates; add shards instead');
  });

  test('fail with the order of shards, whatever the aggregation', () => {
    expect(() => delivery({ parallelizationFactor: 2, ordering: FanOutOrdering.PER_SHARD }, { aggregation: NONE })).toThrow(
      "'parallelizationFactor' of destination 'Target' must be 1 with FanOutOrdering.PER_SHARD, got 2: parallel batches of a shard keep the order of partition "
      + 'keys only; leave it out, or add shards');
  });

  test('are warned about where nothing is said of aggregates', () => {
    delivery({ parallelizationFactor: 2 });
    expect(warnings()).toEqual([
      "'parallelizationFactor' of destination 'Target' is 2: if producers aggregate, order is lost and nothing gained; if they never do, say so by "
      + "'aggregation: FanOutAggregation.NONE'",
    ]);
  });

  test.each<[FanOutDeliveryOptions, FanOutAggregation]>([
    [{ parallelizationFactor: 10 }, NONE],
    [{ parallelizationFactor: 10, ordering: FanOutOrdering.NONE }, UNKNOWN],
    [{ parallelizationFactor: 1, ordering: FanOutOrdering.PER_SHARD }, KPL],
    [{ parallelizationFactor: numberToken() }, KPL],
    [{}, KPL],
  ])('%j with %s is silent', (options, aggregation) => {
    delivery(options, { aggregation });
    expect(warnings()).toEqual([]);
  });
});

describe('(d) order of a stream that has none', () => {
  test.each([undefined, FanOutOrdering.PER_KEY, FanOutOrdering.PER_SHARD])('fails, ordering %s', (ordering) => {
    expect(() => delivery({ ordering }, { stream: stream({ recordDistributionStrategy: 'AUTO' }) })).toThrow(
      `'ordering' of destination 'Target' must be FanOutOrdering.NONE, got ${ordering === FanOutOrdering.PER_SHARD ? 'PER_SHARD' : 'PER_KEY'}: the stream distributes `
      + 'records by AUTO, without regard to partition keys; use NONE, or a stream that distributes by partition key');
  });

  test.each([
    ['AUTO', FanOutOrdering.NONE], ['PARTITION_KEY', undefined], [undefined, undefined], [Token.asString({ Ref: 'S' }), undefined],
  ])('%s with ordering %s is silent', (recordDistributionStrategy, ordering) => {
    expect(() => delivery({ ordering }, { stream: stream({ recordDistributionStrategy }) })).not.toThrow();
  });
});

describe("(e) a table's change stream", () => {
  const message = "'stream' must be a Kinesis data stream, got the change stream of a DynamoDB table, which throttles more than 2 readers per shard; "
    + "let the table write to a Kinesis stream by its property 'kinesisStream'";

  test('of the app fails', () => {
    const table = new dynamodb.Table(stack, 'T', { partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING }, stream: dynamodb.StreamViewType.NEW_IMAGE });
    expect(() => delivery({}, { stream: kinesis.Stream.fromStreamArn(stack, 'S', table.tableStreamArn!) })).toThrow(message);
  });

  test('imported fails', () => {
    const arn = 'arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-11-21T00:00:00.000';
    expect(() => delivery({}, { stream: kinesis.Stream.fromStreamArn(stack, 'S', arn) })).toThrow(message);
  });

  test.each(['arn:aws:kinesis:eu-west-1:123456789012:stream/dynamodb', Token.asString({ Ref: 'Arn' })])('%s is silent', (arn) => {
    expect(() => delivery({}, { stream: kinesis.Stream.fromStreamArn(stack, 'S', arn) })).not.toThrow();
  });
});

describe('(f) records older than the stream keeps them', () => {
  test.each([[24, 24], [24, 25], [48, 48]])('%d hours of retention, %d of age fail', (retentionPeriodHours, age) => {
    expect(() => delivery({}, { stream: stream({ retentionPeriodHours }), maxRecordAge: Duration.hours(age) })).toThrow(
      `'maxRecordAge' must be less than the stream's retention of ${retentionPeriodHours} hours, got ${age} hours: records would vanish before they reach the `
      + 'failure bucket; shorten it, or prolong the retention');
  });

  test('fail on a stream created here', () => {
    expect(() => delivery({}, { maxRecordAge: Duration.hours(24) })).toThrow("'maxRecordAge' must be less than the stream's retention of 24 hours, got 24 hours");
  });

  test.each<[string, () => kinesis.IStream, number]>([
    ['within', () => stream({ retentionPeriodHours: 24 }), 23],
    ['longer retention', () => stream({ retentionPeriodHours: 168 }), 167],
    ['token', () => stream({ retentionPeriodHours: numberToken() }), 168],
    ['imported', () => kinesis.Stream.fromStreamArn(stack, 'S', 'arn:aws:kinesis:eu-west-1:123456789012:stream/s'), 168],
  ])('%s is silent', (_name, source, age) => {
    expect(() => delivery({}, { stream: source(), maxRecordAge: Duration.hours(age) })).not.toThrow();
  });
});

describe('(g) packs an SNS topic does not take', () => {
  const packing = FanOutPacking.jsonArray({ maxSize: Size.kibibytes(257) });

  function topic(maximumMessageSize?: unknown): sns.ITopic {
    const created = new sns.Topic(stack, 'News');
    Object.assign(created.node.defaultChild!, { maximumMessageSize });
    return created;
  }

  test.each([undefined, 262_144, numberToken()])('fail with attribute %p', (attribute) => {
    expect(() => delivery({}, {}, FanOutDestination.sns(topic(attribute), { packing }))).toThrow(
      "'maxSize' of the packing of destination 'Target' must be at most the 262144 bytes that sns takes, got 263168; use less or set the topic's attribute "
      + "MaximumMessageSize, and say so by 'maxMessageSize' if the topic is imported");
  });

  test('are silent if the attribute says so, or the user', () => {
    expect(() => delivery({}, {}, FanOutDestination.sns(topic(1_048_576), { packing }))).not.toThrow();
    stack = stackFor();
    expect(() => delivery({}, {}, FanOutDestination.sns(topic(numberToken()), { packing, maxMessageSize: Size.mebibytes(1) }))).not.toThrow();
  });

  test('are silent up to 256 KiB', () => {
    expect(() => delivery({}, {}, FanOutDestination.sns(topic(), { packing: FanOutPacking.ndjson({ maxSize: Size.kibibytes(256) }) }))).not.toThrow();
  });
});

describe('(h) records larger than destination or Lambda take', () => {
  const queue = () => FanOutDestination.sqs(new sqs.Queue(stack, 'Q'));
  const forQueue = (kibibytes: number) => `the stream takes records of ${kibibytes} KiB, destination 'Target' (sqs) of 1024 KiB: larger ones are quarantined; `
    + 'keep them out by a filter';
  const forLambda = (kibibytes: number) => `the stream takes records of ${kibibytes} KiB, Lambda can be invoked with 4608 KiB: a larger one may never reach a destination `
    + 'and end in the failure bucket or nowhere; lower the maximum of the stream';

  test.each([[1025, [forQueue(1025)]], [4608, [forQueue(4608)]], [10240, [forQueue(10240), forLambda(10240)]]])('%d KiB are warned about', (maxRecordSizeInKiB, expected) => {
    delivery({}, { stream: stream({ maxRecordSizeInKiB }) }, queue());
    expect(warnings().sort()).toEqual([...expected].sort());
  });

  test('Lambda is warned about once', () => {
    const orders = new KinesisFanOut(stack, 'Orders', { stream: stream({ maxRecordSizeInKiB: 10240 }) });
    ['one', 'two'].forEach((id) => orders.addDestination(id, FanOutDestination.s3(s3.Bucket.fromBucketName(stack, id, id))));
    expect(warnings()).toEqual([forLambda(10240)]);
  });

  test('the remedy is named', () => {
    delivery({}, { stream: stream({ maxRecordSizeInKiB: 2048 }) }, FanOutDestination.kinesis(new kinesis.Stream(stack, 'Mirror')));
    expect(warnings()[0]).toMatch(/keep them out by a filter or raise the target stream's maximum and say so by 'maxRecordSize'$/);
  });

  test.each([1024, undefined, numberToken()])('%p is silent', (maxRecordSizeInKiB) => {
    delivery({}, { stream: stream({ maxRecordSizeInKiB }) }, queue());
    expect(warnings()).toEqual([]);
  });

  test('what the target stream takes as well is silent', () => {
    const target = new kinesis.Stream(stack, 'Mirror');
    Object.assign(target.node.defaultChild!, { maxRecordSizeInKiB: 4096 });
    delivery({}, { stream: stream({ maxRecordSizeInKiB: 4096 }) }, FanOutDestination.kinesis(target));
    expect(warnings()).toEqual([]);
  });
});

describe('a destination elsewhere', () => {
  const env = { account: '123456789012', region: 'eu-west-1' };
  const arnIn = (region: string, account: string, service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
  const ELSEWHERE: readonly [string, (region: string, account: string) => FanOutDestination][] = [
    ['dynamodb', (region, account) => FanOutDestination.dynamoDb(dynamodb.Table.fromTableArn(stack, 'X', arnIn(region, account, 'dynamodb', 'table/t')), { partitionKey: 'id' })],
    ['kinesis', (region, account) => FanOutDestination.kinesis(kinesis.Stream.fromStreamArn(stack, 'X', arnIn(region, account, 'kinesis', 'stream/s')))],
    ['firehose', (region, account) => (
      FanOutDestination.firehose(firehose.DeliveryStream.fromDeliveryStreamArn(stack, 'X', arnIn(region, account, 'firehose', 'deliverystream/s'))))],
    ['eventbridge', (region, account) => FanOutDestination.eventBridge(events.EventBus.fromEventBusArn(stack, 'X', arnIn(region, account, 'events', 'event-bus/b')))],
    ['sqs', (region, account) => FanOutDestination.sqs(sqs.Queue.fromQueueArn(stack, 'X', arnIn(region, account, 'sqs', 'q')))],
    ['sns', (region, account) => FanOutDestination.sns(sns.Topic.fromTopicArn(stack, 'X', arnIn(region, account, 'sns', 't')))],
    ['lambda', (region, account) => FanOutDestination.lambdaFunction(lambda.Function.fromFunctionArn(stack, 'X', arnIn(region, account, 'lambda', 'function:f')))],
  ];
  const BY_NAME = ['dynamodb', 'kinesis', 'firehose', 'eventbridge'];

  test.each(ELSEWHERE)('%s in another Region is refused', (_, destination) => {
    stack = stackFor({ env });
    expect(() => delivery({}, {}, destination('us-east-1', env.account)))
      .toThrow("destination 'Target' must be in the fan-out's Region eu-west-1, got one in us-east-1: mappings and functions work in their own Region only");
  });

  test.each(ELSEWHERE)('%s in another account is refused if it is called by name', (kind, destination) => {
    stack = stackFor({ env });
    const define = () => delivery({}, {}, destination(env.region, '999999999999'));
    if (BY_NAME.includes(kind)) {
      expect(define).toThrow(`destination 'Target' (${kind}) must be in the fan-out's account 123456789012, got one in 999999999999: it is called by its name; `
        + 'deliver to a queue, topic, bucket or function there');
    } else {
      expect(define).not.toThrow();
    }
  });

  test.each(ELSEWHERE)('%s somewhere is silent in a stack without environment', (_, destination) => {
    expect(() => delivery({}, {}, destination('us-east-1', '999999999999'))).not.toThrow();
  });

  test.each<[string, () => KinesisFanOutProps]>([
    ["'stream'", () => ({ stream: kinesis.Stream.fromStreamArn(stack, 'S', arnIn('us-east-1', env.account, 'kinesis', 'stream/s')) })],
    ["'failureBucket'", () => ({ failureBucket: s3.Bucket.fromBucketAttributes(stack, 'B', { bucketName: 'failures', region: 'us-east-1' }) })],
  ])('%s in another Region is refused', (name, props) => {
    stack = stackFor({ env });
    expect(() => new KinesisFanOut(stack, 'Orders', props())).toThrow(`${name} must be in the fan-out's Region eu-west-1, got one in us-east-1`);
  });
});

describe('what would be taken for another\'s', () => {
  const bucket = (id = 'B') => s3.Bucket.fromBucketName(stack, id, 'lake');

  test('two destinations of one bucket have a prefix each', () => {
    const orders = new KinesisFanOut(stack, 'Orders', { destinations: { A: FanOutDestination.s3(bucket(), { prefix: 'a/' }) } });
    expect(() => orders.addDestination('B', FanOutDestination.s3(bucket('Again'), { prefix: 'a/' })))
      .toThrow("destination 'B' must have a prefix of its own, got bucket and prefix of destination 'A': one would take the other's objects for its own");
    orders.addDestination('C', FanOutDestination.s3(bucket('Third'), { prefix: 'a/b/' }));
    expect(() => orders.addDestination('E', FanOutDestination.s3(bucket('Fourth'), { partition: '<$.type>/' }))).toThrow("destination 'E' must have a prefix of its own");
    orders.addDestination('F', FanOutDestination.s3(bucket('Fifth'), { prefix: 'f/', partition: '<$.type>/' }));
    expect(() => orders.addDestination('G', FanOutDestination.s3(bucket('Sixth'), { prefix: 'f/g/' }))).toThrow("got bucket and prefix of destination 'F'");
    orders.addDestination('D', FanOutDestination.s3(s3.Bucket.fromBucketName(stack, 'Other', 'other'), { prefix: 'a/' }));
  });

  test('two fan-outs share a failure bucket only for different ids', () => {
    const failureBucket = new s3.Bucket(stack, 'Failures');
    new KinesisFanOut(stack, 'Orders', { failureBucket }).addDestination('Target', mirror());
    const others = new KinesisFanOut(stack, 'Others', { failureBucket });
    const queue = FanOutDestination.sqs(new sqs.Queue(stack, 'Q'));
    expect(() => others.addDestination('Target', queue))
      .toThrow("'failureBucket' must hold records of one destination 'Target' only, got another fan-out's; use another bucket or id");
    others.addDestination('Other', queue);
  });
});
