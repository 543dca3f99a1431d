import { CreateStreamCommand, GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import {
  CompleteMultipartUploadCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteObjectCommand, GetObjectCommand, HeadObjectCommand,
  ListObjectsV2Command, PutBucketVersioningCommand, PutObjectCommand, S3Client, UploadPartCommand,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand, PublishCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { executable, matcherOf, observe, type Names, type Truth } from './truth';
import { startMoto, type Emulator } from '../kit/emulators';
import { FaultSchedule } from '../kit/faults';
import { TruthProxy } from '../kit/truth-proxy';

/** The same lines and a few longer stories, before the emulator that the fault suites use. */
const ADMIN = { accessKeyId: 'AKIAADMIN', secretAccessKey: 'secret' };

let emulator: Emulator;
let proxy: TruthProxy;
let names: Names;
let s3: S3Client;
let sqs: SQSClient;
let sns: SNSClient;
let kinesis: KinesisClient;
let given: Truth['given'];
let bucket = 0;

beforeAll(async () => {
  emulator = await startMoto();
  proxy = await TruthProxy.start({
    upstream: emulator.origin,
    authorize: ({ principal, operation }) => ({ allowed: principal === ADMIN.accessKeyId || !given?.denied?.includes(operation) }),
  });
  const config = { region: 'eu-west-1', endpoint: proxy.endpoint, credentials: ADMIN, maxAttempts: 1 };
  s3 = new S3Client(config);
  sqs = new SQSClient(config);
  sns = new SNSClient(config);
  kinesis = new KinesisClient(config);
  const [queue, topic] = await Promise.all([
    sqs.send(new CreateQueueCommand({ QueueName: 'q' })), sns.send(new CreateTopicCommand({ Name: 't' })),
    kinesis.send(new CreateStreamCommand({ StreamName: 'stream', ShardCount: 1 })),
  ]);
  names = { bucket: '', queue: queue.QueueUrl!, topic: topic.TopicArn!, stream: 'stream' };
}, 60_000);
afterAll(async () => {
  for (const client of [s3, sqs, sns, kinesis]) client?.destroy();
  await proxy?.stop();
  await emulator?.stop();
});
beforeEach(async () => {
  given = undefined;
  proxy.use(FaultSchedule.none());
  names = { ...names, bucket: `truth-${bucket += 1}` };
  await s3.send(new CreateBucketCommand({ Bucket: names.bucket }));
});

test.each(executable('moto'))('%s', async (_, truth) => {
  for (const [Key, Body] of Object.entries(truth.given?.objects ?? {})) await s3.send(new PutObjectCommand({ Bucket: names.bucket, Key, Body }));
  given = truth.given;
  expect(await observe(proxy, truth, names)).toMatchObject(matcherOf(truth.expected));
});

test('queue addresses lead to the proxy, and the SQS client that follows them is seen there', async () => {
  expect(names.queue.startsWith(proxy.endpoint)).toBe(true);
  proxy.clearCalls();
  const warned = jest.spyOn(console, 'warn').mockImplementation();
  const withoutEndpoint = new SQSClient({ region: 'eu-west-1', credentials: ADMIN });
  await withoutEndpoint.send(new SendMessageCommand({ QueueUrl: names.queue, MessageBody: 'x' }));
  withoutEndpoint.destroy();
  expect(warned).toHaveBeenCalledWith(expect.stringContaining('using QueueUrl host as endpoint'));
  warned.mockRestore();
  expect(proxy.calls).toMatchObject([{ service: 'sqs', operation: 'SendMessage', status: 200 }]);
});

test('a message published on a topic arrives in its queue unchanged', async () => {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'subscribed' }));
  await sns.send(new SubscribeCommand({
    TopicArn: names.topic, Protocol: 'sqs', Endpoint: 'arn:aws:sqs:eu-west-1:123456789012:subscribed', Attributes: { RawMessageDelivery: 'true' },
  }));
  const Message = `ü+ ${emulator.origin} https://sqs.eu-west-1.amazonaws.com/1/q`;
  await sns.send(new PublishCommand({ TopicArn: names.topic, Message }));
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
  expect(Messages!.map(({ Body }) => Body)).toEqual([Message]);
});

test('Kinesis over HTTP/2: what is put is read', async () => {
  const StreamName = names.stream;
  await kinesis.send(new PutRecordsCommand({ StreamName, Records: [{ Data: Buffer.from('record'), PartitionKey: 'only-here' }] }));
  const { Shards } = await kinesis.send(new ListShardsCommand({ StreamName }));
  const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId: Shards![0].ShardId, ShardIteratorType: 'TRIM_HORIZON' }));
  const { Records } = await kinesis.send(new GetRecordsCommand({ ShardIterator, Limit: 10_000 }));
  expect(Records!.filter(({ PartitionKey }) => PartitionKey === 'only-here').map(({ Data }) => Buffer.from(Data!).toString())).toEqual(['record']);
});

test('keys with every awkward character round-trip', async () => {
  const keys = ['a b', 'a+b', 'a%2Fb', 'ü(1)', '😀/ä', 'dir/', 'a//b', '~!*\'()', 'q?x=1&y#z'];
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: names.bucket, Key, Body: Key }));
  for (const Key of keys) expect(await (await s3.send(new GetObjectCommand({ Bucket: names.bucket, Key }))).Body!.transformToString()).toBe(Key);
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: names.bucket }));
  expect(Contents!.map(({ Key }) => Key).sort()).toEqual([...keys].sort());
});

test('of racing creators one wins; 409 and 412 are told apart', async () => {
  proxy.use(FaultSchedule.of({ operation: 's3:PutObject', nth: 1, fault: { kind: 'conditional-conflict' } }));
  const create = () => s3.send(new PutObjectCommand({ Bucket: names.bucket, Key: 'k', Body: 'x', IfNoneMatch: '*' })).then(() => 'won', (error: Error) => error.name);
  const outcomes = await Promise.all(Array.from({ length: 8 }, create));
  expect(outcomes.sort()).toEqual(['ConditionalRequestConflict', ...Array(6).fill('PreconditionFailed'), 'won']);
});

test('short and empty pages list every key once', async () => {
  const keys = ['a', 'b', 'c', 'd'];
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: names.bucket, Key, Body: 'x' }));
  proxy.use(FaultSchedule.of(
    { operation: 's3:ListObjectsV2', nth: 1, fault: { kind: 'short-page' } }, { operation: 's3:ListObjectsV2', nth: 2, fault: { kind: 'empty-page' } },
    { operation: 's3:ListObjectsV2', nth: 4, fault: { kind: 'empty-page' } },
  ));
  const seen: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: names.bucket, ContinuationToken, MaxKeys: 2 }));
    seen.push(...(page.Contents ?? []).map(({ Key }) => Key!));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  expect(seen).toEqual(keys);
});

test('a delete marker hides the object: 404 with its header, and a conditional write succeeds', async () => {
  const target = { Bucket: names.bucket, Key: 'k' };
  await s3.send(new PutBucketVersioningCommand({ Bucket: names.bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  await s3.send(new PutObjectCommand({ ...target, Body: 'x' }));
  expect(await s3.send(new DeleteObjectCommand(target))).toMatchObject({ DeleteMarker: true });
  const missing = await s3.send(new HeadObjectCommand(target)).catch((error: { $metadata: object }) => error);
  expect(missing).toMatchObject({ $metadata: { httpStatusCode: 404 } });
  expect(await s3.send(new PutObjectCommand({ ...target, Body: 'y', IfNoneMatch: '*' }))).toMatchObject({ VersionId: expect.any(String) });
});

test('a multipart upload completes under If-None-Match only once', async () => {
  const target = { Bucket: names.bucket, Key: 'big' };
  const complete = async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(target));
    const { ETag } = await s3.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: 'part' }));
    return s3.send(new CompleteMultipartUploadCommand({ ...target, UploadId, IfNoneMatch: '*', MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] } }))
      .then(() => 'done', (error: Error) => error.name);
  };
  expect([await complete(), await complete()]).toEqual(['done', 'PreconditionFailed']);
});
