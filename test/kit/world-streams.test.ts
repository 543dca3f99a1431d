import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import {
  App, Duration, RemovalPolicy, Stack, aws_dynamodb as dynamodb, aws_events as events, aws_iam as iam, aws_kinesis as kinesis,
  aws_kinesisfirehose as firehose, aws_lambda as lambda, aws_logs as logs, aws_s3 as s3, aws_secretsmanager as secretsmanager, aws_sns as sns,
  aws_sqs as sqs,
} from 'aws-cdk-lib';
import { withoutDuplicates } from './arrivals';
import { EmulatedStream } from './dispatch/emulated-stream';
import { STREAM_MAPPING_DEFAULTS, StreamDispatcher } from './dispatch/stream';
import { PLAIN_SERVICE } from './dispatch/stream-plan';
import { Timeline } from './dispatch/timeline';
import { FaultSchedule } from './faults';
import { missingPermissions } from './iam/proof';
import { clientConfig } from './resources';
import { World } from './world';

process.env.CDK_VALIDATION = 'false';
jest.setTimeout(120_000);

/** Sends each record to every kind of destination; nothing but the runtime is under it. What a record asks for is done to it. */
const SENDER = `
const { AWS_ENDPOINT_URL: origin, AWS_ACCESS_KEY_ID: id, ...env } = process.env;
const call = async (service, type, target, body) => {
  const response = await fetch(origin, { method: 'POST', body, headers: {
    'authorization': 'AWS4-HMAC-SHA256 Credential=' + id + '/20260101/eu-west-1/' + service + '/aws4_request, SignedHeaders=host, Signature=0',
    'content-type': type, ...target && { 'x-amz-target': target },
  } });
  if (!response.ok) throw new Error(service + ': ' + response.status + ' ' + await response.text());
  return response.text();
};
const json = (service, target, body) => call(service, 'application/x-amz-json-1.1', target, JSON.stringify(body));
let served = 0;
export const send = async ({ Records }) => {
  served += 1;
  const records = Records.map(({ eventID, kinesis }) => ({ id: eventID, key: kinesis.partitionKey, data: kinesis.data, text: atob(kinesis.data) }));
  const bad = records.findIndex(({ text }) => text.startsWith('bad'));
  if (records.some(({ text }) => text === 'throw')) throw new Error('asked to');
  const good = bad < 0 ? records : records.slice(0, bad);
  if (good.length > 0) {
    await json('kinesis', 'Kinesis_20131202.PutRecords', { StreamName: env.MIRROR, Records: good.map(({ data, key }) => ({ Data: data, PartitionKey: key })) });
    await json('firehose', 'Firehose_20150804.PutRecordBatch', { DeliveryStreamName: env.LAKE, Records: good.map(({ data }) => ({ Data: data })) });
    await json('sqs', 'AmazonSQS.SendMessageBatch', { QueueUrl: env.AUDIT, Entries: good.map(({ id, key, text }, i) => (
      { Id: String(i), MessageBody: text, MessageGroupId: key, MessageDeduplicationId: id.slice(-100) })) });
    await json('events', 'AWSEvents.PutEvents', { Entries: good.map(({ text }) => (
      { EventBusName: env.BUS, Source: 'kit', DetailType: String(served), Detail: JSON.stringify({ text }) })) });
    const form = new URLSearchParams({ Action: 'PublishBatch', Version: '2010-03-31', TopicArn: env.TOPIC });
    good.forEach(({ id, key, text }, i) => {
      const entry = 'PublishBatchRequestEntries.member.' + (i + 1) + '.';
      form.set(entry + 'Id', String(i));
      form.set(entry + 'Message', text);
      form.set(entry + 'MessageGroupId', key);
      form.set(entry + 'MessageDeduplicationId', id.slice(-100));
    });
    await call('sns', 'application/x-www-form-urlencoded', undefined, form.toString());
    for (const { key, text } of good) {
      await json('dynamodb', 'DynamoDB_20120810.PutItem', { TableName: env.STATE, Item: { pk: { S: key }, v: { S: text } } });
    }
    await json('secretsmanager', 'secretsmanager.GetSecretValue', { SecretId: env.SECRET });
  }
  return { batchItemFailures: bad < 0 ? [] : [{ itemIdentifier: Records[bad].kinesis.sequenceNumber }] };
};
export const variable = async () => [env.EXTRA, env.SENDER === undefined];
export const replay = async (event) => {
  const response = await fetch(origin + '/2015-03-31/functions/' + env.SENDER + '/invocations', { method: 'POST', body: JSON.stringify(event), headers: {
    authorization: 'AWS4-HMAC-SHA256 Credential=' + id + '/20260101/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0',
  } });
  return { status: response.status, error: response.headers.get('x-amz-function-error'), answer: await response.json() };
};
`;

const code = mkdtempSync(join(tmpdir(), 'kit-streams-'));
writeFileSync(join(code, 'index.mjs'), SENDER);

function fanOut(): Stack {
  const stack = new Stack(new App(), 'FanOut');
  const stream = new kinesis.Stream(stack, 'Source', { shardCount: 1 });
  const [bucket, lakeBucket] = ['Failures', 'LakeBucket'].map((id) => new s3.Bucket(stack, id));
  const consumer = new kinesis.StreamConsumer(stack, 'Consumer', { stream, streamConsumerName: 'kit' });
  const mirror = new kinesis.Stream(stack, 'Mirror', { shardCount: 2 });
  const lake = new firehose.DeliveryStream(stack, 'Lake', { destination: new firehose.S3Bucket(lakeBucket) });
  const audit = new sqs.Queue(stack, 'Audit', { fifo: true });
  const topic = new sns.Topic(stack, 'Topic', { fifo: true });
  const bus = new events.EventBus(stack, 'Bus');
  const state = new dynamodb.TableV2(stack, 'State', { partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING }, removalPolicy: RemovalPolicy.DESTROY });
  const secret = new secretsmanager.Secret(stack, 'Secret');
  const lost = new sqs.Queue(stack, 'Lost');
  const fn = (id: string, handler: string, environment: Record<string, string>, statements: readonly (readonly [string[], string[]])[]) => {
    const role = new iam.Role(stack, `${id}Role`, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    statements.forEach(([actions, resources]) => role.addToPolicy(new iam.PolicyStatement({ actions, resources })));
    const logGroup = new logs.LogGroup(stack, `${id}Logs`);
    logGroup.grantWrite(role);
    return new lambda.Function(stack, id, {
      runtime: lambda.Runtime.NODEJS_24_X, code: lambda.Code.fromAsset(code), handler, role, logGroup, environment, timeout: Duration.seconds(20),
    });
  };
  const send = fn('Send', 'index.send', {
    MIRROR: mirror.streamName,
    LAKE: lake.deliveryStreamName,
    AUDIT: audit.queueUrl,
    BUS: bus.eventBusName,
    TOPIC: topic.topicArn,
    STATE: state.tableName,
    SECRET: secret.secretArn,
  }, [
    [['kinesis:DescribeStream', 'kinesis:DescribeStreamSummary', 'kinesis:ListShards', 'kinesis:GetRecords', 'kinesis:GetShardIterator'], [stream.streamArn]],
    [['kinesis:SubscribeToShard', 'kinesis:DescribeStreamConsumer'], [consumer.streamConsumerArn]],
    [['kinesis:PutRecords'], [mirror.streamArn]],
    [['firehose:PutRecordBatch'], [lake.deliveryStreamArn]],
    [['sqs:SendMessage'], [audit.queueArn, lost.queueArn]],
    [['sns:Publish'], [topic.topicArn]],
    [['events:PutEvents'], [bus.eventBusArn]],
    [['dynamodb:PutItem'], [state.tableArn]],
    [['secretsmanager:GetSecretValue'], [secret.secretArn]],
    [['s3:PutObject'], [bucket.arnForObjects('aws/lambda/*')]],
    [['s3:ListBucket'], [bucket.bucketArn]],
  ]);
  fn('Replay', 'index.replay', { SENDER: send.functionName }, [[['lambda:InvokeFunction'], [send.functionArn]]]);
  new lambda.EventSourceMapping(stack, 'Shared', {
    target: send,
    eventSourceArn: stream.streamArn,
    startingPosition: lambda.StartingPosition.TRIM_HORIZON,
    batchSize: 5,
    maxBatchingWindow: Duration.seconds(2),
    retryAttempts: 2,
    maxRecordAge: Duration.hours(1),
    reportBatchItemFailures: true,
    bisectBatchOnError: true,
    parallelizationFactor: 2,
    filters: [{ pattern: JSON.stringify({ partitionKey: [{ 'anything-but': 'none' }] }) }],
    onFailure: { bind: () => ({ destination: bucket.bucketArn }) },
  });
  // Under enhanced fan-out, and with a queue for what is given up.
  new lambda.EventSourceMapping(stack, 'Dedicated', {
    target: fn('Idle', 'index.send', {}, [
      [['kinesis:SubscribeToShard', 'kinesis:DescribeStreamConsumer'], [consumer.streamConsumerArn]],
      [['kinesis:DescribeStream', 'kinesis:DescribeStreamSummary', 'kinesis:ListShards', 'kinesis:GetRecords', 'kinesis:GetShardIterator'], [stream.streamArn]],
      [['sqs:SendMessage'], [lost.queueArn]],
    ]),
    eventSourceArn: consumer.streamConsumerArn,
    startingPosition: lambda.StartingPosition.LATEST,
    retryAttempts: 0,
    onFailure: { bind: () => ({ destination: lost.queueArn }) },
    filters: [{ pattern: JSON.stringify({ data: { dedicated: [true] } }) }],
  });
  return stack;
}

let world: World;
let failures: string;
beforeAll(async () => {
  world = await World.start({ stack: fanOut() });
  failures = world.model.buckets.find(({ logicalId }) => logicalId.startsWith('Failures'))!.name;
});
afterAll(async () => {
  await world?.stop();
  rmSync(code, { recursive: true });
});

const put = (...texts: readonly string[]) => world.stream('Source').put(texts.map((data) => ({ partitionKey: data.slice(-1), data })));
const textsAt = (logicalId: string) => world.arrivedAt(logicalId).map(({ body }) => body.toString());

test('the template says how a stream is read', () => {
  expect(world.model.streamMappings).toMatchObject([
    {
      sourceArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/kit-Source8D31F1C9'.replace(/kit-.*/, world.model.streams[0].name),
      enabled: true,
      batchSize: 5,
      windowSeconds: 2,
      parallelizationFactor: 2,
      startingPosition: 'TRIM_HORIZON',
      bisects: true,
      maximumRetryAttempts: 2,
      maximumRecordAgeSeconds: 3600,
      tumblingWindowSeconds: 0,
      reportsBatchItemFailures: true,
      onFailureArn: `arn:aws:s3:::${failures}`,
      uuid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/),
    },
    { sourceArn: `${world.model.streams[0].arn}/consumer/kit:1767225600`, batchSize: 100, maximumRecordAgeSeconds: -1, startingPosition: 'LATEST' },
  ]);
});

test('records reach every kind of destination, and the test can read them there', async () => {
  await world.begin();
  put('1a', '2b', '3a');
  await world.settle();
  expect(world.unrest()).toEqual([]);
  for (const id of ['Mirror', 'Lake', 'Audit', 'Topic']) expect([id, textsAt(id).sort()]).toEqual([id, ['1a', '2b', '3a']]);
  expect(textsAt('Bus').sort()).toEqual(['{"text":"1a"}', '{"text":"2b"}', '{"text":"3a"}']);
  expect((await world.items('State')).map(({ pk, v }) => `${String(pk.S)}=${String(v.S)}`).sort()).toEqual(['a=3a', 'b=2b']);
  expect(world.queue('Audit').messages).toMatchObject([{ body: expect.any(String), groupId: expect.stringMatching(/^[ab]$/) }, {}, {}]);
  const mirror = world.stream('Mirror');
  expect(mirror.openShards.flatMap((shard) => mirror.records(shard)).map(({ partitionKey }) => partitionKey).sort()).toEqual(['a', 'a', 'b']);
  expect(missingPermissions(world.evaluator, world.recorded())).toEqual([]);
});

test('a run begins with empty streams, tables and queues', async () => {
  await world.begin();
  await world.settle();
  expect([world.runs, world.arrivals, await world.items('State'), world.queue('Audit').messages]).toEqual([[], [], [], []]);
});

test('what fails comes again; what is sent twice is dropped where the destination drops it', async () => {
  await world.begin({ faults: FaultSchedule.of({ operation: 'dynamodb:PutItem', nth: 1, fault: { kind: 'server-error' } }) });
  put('1a', '2a');
  await world.settle();
  expect(world.runs.map(({ outcome }) => outcome.kind)).toEqual(['error', 'ok', 'ok']);
  expect(textsAt('Mirror')).toEqual(['1a', '2a', '1a', '2a']);
  expect(withoutDuplicates(world.arrivedAt('Topic')).map(({ body }) => body.toString())).toEqual(['1a', '2a']);
  expect(world.queue('Audit').messages.map(({ body }) => body)).toEqual(['1a', '2a']);
  expect(world.unrest()).toEqual([]);
});

test('entries that are refused have not arrived', async () => {
  await world.begin({
    faults: FaultSchedule.of(...['kinesis:PutRecords', 'firehose:PutRecordBatch', 'sqs:SendMessageBatch', 'sns:PublishBatch', 'events:PutEvents']
      .map((operation) => ({ operation, fault: { kind: 'refuse-entries', entries: [0] } as const }))),
  });
  put('1a', '2a');
  await world.settle();
  for (const id of ['Mirror', 'Lake', 'Audit', 'Topic', 'Bus']) expect([id, textsAt(id).map((text) => /\d./.exec(text)?.[0])]).toEqual([id, ['2a']]);
});

test('what is given up lies in the bucket, with its payload', async () => {
  await world.begin();
  put('bada', '1b');
  await world.settle();
  const [key, ...more] = await world.keys(failures);
  expect(more).toEqual([]);
  expect(key).toMatch(new RegExp(`^aws/lambda/${world.model.streamMappings[0].uuid}/shardId-000000000000/2026/01/0`));
  const record = JSON.parse(String(await world.read(failures, key))) as { payload: string; requestContext: unknown };
  expect(record.requestContext).toMatchObject({ condition: 'RetryAttemptsExhausted', approximateInvokeCount: 3 });
  const { Records } = JSON.parse(record.payload) as { Records: { kinesis: { data: string } }[] };
  expect(Records.map(({ kinesis: { data } }) => atob(data))).toEqual(['bada']);
  expect(textsAt('Mirror')).toEqual(['1b']);
  expect(world.unrest()).toEqual([]);
  expect(missingPermissions(world.evaluator, world.recorded())).toEqual([]);
});

test('and in a queue, without', async () => {
  await world.begin();
  await world.timeline.advance(1);
  world.stream('Source').put([{ partitionKey: 'none', data: '{"dedicated":true}' }]);
  await world.settle();
  expect(world.queue('Lost').messages.map(({ body }) => JSON.parse(body))).toMatchObject([{ KinesisBatchInfo: { batchSize: 1 } }]);
  expect(world.runs.map(({ functionArn }) => functionArn)).toEqual([world.functionOf('Idle').arn]);
});

test('shards, environments and throttling are the run\'s to choose', async () => {
  const plan = { ...PLAIN_SERVICE, environment: () => undefined, throttles: (invocation: string) => invocation.endsWith('/0') };
  await world.begin({ streams: plan, shards: { Source: 3 } });
  put(...[...'abcdefgh'].map((key) => `1${key}`));
  await world.settle();
  const ran = world.runs.filter(({ functionArn }) => functionArn === world.functionOf('Send').arn);
  expect(new Set(ran.map(({ event }) => (event as { Records: { eventID: string }[] }).Records[0].eventID.split(':')[0])).size).toBe(3);
  expect(ran.every(({ outcome }) => outcome.coldStart)).toBe(true);
  expect(world.mapping('Send').ledger).toMatchObject({ read: 8, succeeded: 8, throttled: ran.length });
});

test('the world\'s clock decides what is too old', async () => {
  await world.begin({ streams: { ...PLAIN_SERVICE, throttles: () => true } });
  put('1a');
  await world.settle();
  expect(world.runs).toEqual([]);
  const [key] = await world.keys(failures);
  expect(JSON.parse(String(await world.read(failures, key)))).toMatchObject({ requestContext: { condition: 'RecordAgeExceeded', approximateInvokeCount: 0 } });
});

test('a mapping reads an emulator\'s stream as well', async () => {
  await world.begin();
  const { arn, name } = world.model.streams.find(({ logicalId }) => logicalId.startsWith('Mirror'))!;
  const client = new KinesisClient(clientConfig(world.proxy.endpoint, 'eu-west-1'));
  const source = await EmulatedStream.of(client, arn);
  const timeline = new Timeline();
  const texts: string[] = [];
  const dispatcher = new StreamDispatcher({
    mapping: { ...STREAM_MAPPING_DEFAULTS, uuid: 'u', functionArn: 'f', sourceArn: arn, startingPosition: 'LATEST' },
    source,
    timeline,
    invoke: async (_arn, event) => {
      const { Records } = event as { Records: { kinesis: { data: string; sequenceNumber: string } }[] };
      expect(Records[0].kinesis.sequenceNumber).toMatch(/^49\d{54}$/);
      texts.push(...Records.map((record) => atob(record.kinesis.data)));
      return { kind: 'ok' };
    },
  });
  await timeline.drain();
  await client.send(new PutRecordsCommand({ StreamName: name, Records: ['1a', '2b', '3a'].map((text) => ({ PartitionKey: text, Data: Buffer.from(text) })) }));
  source.poll();
  await timeline.drain();
  client.destroy();
  expect(texts.sort()).toEqual(['1a', '2b', '3a']);
  expect(dispatcher.ledger).toMatchObject({ read: 3, succeeded: 3 });
});

test('a function can be given more variables', async () => {
  await world.begin();
  world.adjust(() => ({ handler: 'index.variable', environment: { EXTRA: 'there' } }));
  expect((await world.invokeArn(world.functionOf('Replay').arn, {})).payload).toEqual(['there', false]);
  world.adjust();
});

test('a function invokes another one', async () => {
  await world.begin();
  const event = (text: string) => ({ Records: [{ eventID: 'shardId-0:1', kinesis: { partitionKey: 'a', sequenceNumber: '1', data: btoa(text) } }] });
  const { arn } = world.functionOf('Replay');
  expect((await world.invokeArn(arn, event('1a'))).payload).toEqual({ status: 200, error: null, answer: { batchItemFailures: [] } });
  expect((await world.invokeArn(arn, event('throw'))).payload).toMatchObject({ status: 200, error: 'Unhandled', answer: { errorMessage: 'asked to' } });
  expect(textsAt('Mirror')).toEqual(['1a']);
});
