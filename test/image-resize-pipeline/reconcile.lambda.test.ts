import { CloudFrontClient, CreateInvalidationCommand } from '@aws-sdk/client-cloudfront';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import type { SQSEvent } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { EVENT_SOURCE, METRIC, PIPELINE_ENV } from '../../src/image-resize-pipeline/contract';
import { capturedMetrics, context, ENV, mockS3, picture, shellEnvironment } from '../kit/image-shell';
import { StrictS3 } from '../kit/strict-s3';

type Shell = typeof import('../../src/image-resize-pipeline/handlers/reconcile.lambda');
/** Not an import: the shell reads its environment when it is loaded. */
const load = () => jest.requireActual<Shell>('../../src/image-resize-pipeline/handlers/reconcile.lambda');

const s3 = new StrictS3();
const s3Mock = mockS3(s3);
const sns = mockClient(SNSClient);
const bus = mockClient(EventBridgeClient);
const cloudFront = mockClient(CloudFrontClient);
let handler: Shell['handler'];
let metrics: () => Record<string, unknown>;

beforeAll(() => {
  shellEnvironment();
  ({ handler } = load());
});

beforeEach(() => {
  metrics = capturedMetrics();
  s3.objects('source').clear();
  s3.objects('destination').clear();
  s3Mock.resetHistory();
  sns.reset();
  bus.reset();
  cloudFront.reset();
  bus.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] });
});

function message(body: unknown, messageId = 'm1'): SQSEvent {
  return { Records: [{ messageId, body: JSON.stringify(body), eventSource: 'aws:sqs' }] } as SQSEvent;
}

const created = (key: string, bucket = 'source') => ({
  'detail-type': 'Object Created', 'detail': { bucket: { name: bucket }, object: { key, etag: 'e' }, reason: 'PutObject' },
});
const removed = (key: string) => ({
  'detail-type': 'Object Deleted', 'detail': { 'bucket': { name: 'source' }, 'object': { key }, 'deletion-type': 'Permanently Deleted' },
});

async function put(key: string, body?: Buffer): Promise<void> {
  s3.objects('source').set(key, { body: body ?? await picture(), metadata: {} });
}

test('an original becomes variants, messages and metrics', async () => {
  await put('in/a b.jpg');
  expect(await handler(message(created('in/a b.jpg')), context())).toEqual({ batchItemFailures: [] });
  expect([...s3.objects('destination').keys()].sort()).toEqual(
    ['img/a b.jpg/l.webp', 'img/a b.jpg/manifest.json', 'img/a b.jpg/s.webp', 'img/a b.jpg/xl.webp']);

  const { TopicArn, Message, MessageAttributes } = sns.commandCalls(PublishCommand)[0].args[0].input;
  expect(TopicArn).toBe(ENV.SUCCESS_TOPIC_ARN);
  expect(JSON.parse(Message!)).toMatchObject({ version: 1, type: 'ImageProcessed', source: { bucket: 'source', key: 'in/a b.jpg' } });
  expect(MessageAttributes).toEqual({ type: { DataType: 'String', StringValue: 'ImageProcessed' } });
  const [entry] = bus.commandCalls(PutEventsCommand)[0].args[0].input.Entries!;
  expect(entry).toMatchObject({ EventBusName: 'bus', Source: EVENT_SOURCE, DetailType: 'ImageProcessed', Detail: Message });
  expect(cloudFront.calls()).toHaveLength(0);
  expect(metrics()).toMatchObject({ [METRIC.PROCESSED]: 1, Pipeline: 'Test' });
});

test('a form-encoded notification of S3 works as well, and overwriting invalidates the folder', async () => {
  await put('in/a+b (1).jpg');
  const event = (etag: string) => ({ Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'source' }, object: { key: 'in/a%2Bb+%281%29.jpg', eTag: etag } } }] });
  await handler(message(event('1')), context());
  await put('in/a+b (1).jpg', await picture(10, 10));
  await handler(message(event('2'), 'm2'), context());
  expect([...s3.objects('destination').keys()].sort()).toEqual(['img/a+b (1).jpg/manifest.json', 'img/a+b (1).jpg/s.webp']);
  expect(cloudFront.commandCalls(CreateInvalidationCommand)[0].args[0].input).toMatchObject({
    DistributionId: 'E1', InvalidationBatch: { Paths: { Quantity: 1, Items: ['/img/a%2Bb%20(1).jpg/*'] } },
  });
});

test('a refused original goes to the failure topic, by reason', async () => {
  await put('in/bad.jpg', Buffer.from('no picture'));
  expect(await handler(message(created('in/bad.jpg')), context())).toEqual({ batchItemFailures: [] });
  const { TopicArn, MessageAttributes } = sns.commandCalls(PublishCommand)[0].args[0].input;
  expect([TopicArn, MessageAttributes!.reason.StringValue]).toEqual([ENV.FAILURE_TOPIC_ARN, 'UNSUPPORTED_FORMAT']);
  expect(metrics()).toMatchObject({ [METRIC.REJECTED]: 1, Reason: 'UNSUPPORTED_FORMAT', Pipeline: 'Test' });
});

test('a deleted original takes everything with it', async () => {
  await put('in/a.jpg');
  await handler(message(created('in/a.jpg')), context());
  s3.objects('source').clear();
  await handler(message(removed('in/a.jpg'), 'm2'), context());
  expect([...s3.objects('destination').keys()]).toEqual([]);
  expect(JSON.parse(sns.commandCalls(PublishCommand)[1].args[0].input.Message!)).toMatchObject({ type: 'ImageDeleted', variants: [] });
  expect(metrics()).toMatchObject({ [METRIC.DELETED]: 1 });
});

test('a duplicate counts as unchanged and writes nothing', async () => {
  await put('in/a.jpg');
  await handler(message(created('in/a.jpg')), context());
  const puts = s3Mock.commandCalls(PutObjectCommand).length;
  await handler(message(created('in/a.jpg'), 'm2'), context());
  expect(s3Mock.commandCalls(PutObjectCommand)).toHaveLength(puts);
  expect(sns.calls()).toHaveLength(1);
  expect(metrics()).toMatchObject({ [METRIC.UNCHANGED]: 1 });
});

test.each<[string, () => void]>([
  ['the topic is down', () => sns.on(PublishCommand).rejectsOnce(new Error('down'))],
  ['the bus refuses an event', () => bus.on(PutEventsCommand)
    .resolvesOnce({ FailedEntryCount: 1, Entries: [{ ErrorCode: 'ThrottlingException' }] }).resolves({ FailedEntryCount: 0 })],
])('%s: the message comes back and tells again', async (_name, fail) => {
  await put('in/a.jpg');
  fail();
  expect(await handler(message(created('in/a.jpg')), context())).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
  const puts = s3Mock.commandCalls(PutObjectCommand).length;
  expect(await handler(message(created('in/a.jpg')), context())).toEqual({ batchItemFailures: [] });
  expect(s3Mock.commandCalls(PutObjectCommand)).toHaveLength(puts);
  expect(sns.calls()).toHaveLength(2);
});

test.each<[string, unknown]>([
  ['a test event', { Event: 's3:TestEvent' }],
  ['another bucket', created('in/a.jpg', 'elsewhere')],
  ['another prefix', created('other/a.jpg')],
])('%s is consumed without work', async (_name, body) => {
  await put('in/a.jpg');
  expect(await handler(message(body), context())).toEqual({ batchItemFailures: [] });
  expect([s3Mock.calls(), metrics()]).toEqual([[], {}]);
});

test('what is no event at all ends in the dead-letter queue', async () => {
  expect(await handler(message('hello'), context())).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
});

test('too little time left refuses nothing: the message comes back', async () => {
  await put('in/a.jpg');
  expect(await handler(message(created('in/a.jpg')), context(7000))).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
  expect(s3Mock.commandCalls(PutObjectCommand)).toHaveLength(0);
});

test.each(PIPELINE_ENV)('a missing %s is named at the start', (name) => {
  shellEnvironment();
  delete process.env[name];
  jest.resetModules();
  expect(load).toThrow(`missing environment variables: ${name}`);
  shellEnvironment();
});
