import { existsSync } from 'node:fs';
import { CreateBucketCommand, GetObjectCommand, ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type Emulator, REGION, startMiniStack, startMoto } from './emulators';

const credentials = { accessKeyId: 'testing', secretAccessKey: 'testing' };

describe.each([['MiniStack', startMiniStack], ['moto', startMoto]])('%s', (_, start) => {
  let emulator: Emulator;
  let s3: S3Client;

  beforeAll(async () => {
    emulator = await start();
    s3 = new S3Client({ endpoint: emulator.origin, region: REGION, credentials, forcePathStyle: true });
  });
  afterAll(async () => {
    s3?.destroy();
    await emulator?.stop();
  });

  test('listens on loopback', () => {
    expect(emulator.origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(existsSync(emulator.logFile)).toBe(true);
  });

  test('keeps objects until reset', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'things', CreateBucketConfiguration: { LocationConstraint: REGION } }));
    await s3.send(new PutObjectCommand({ Bucket: 'things', Key: 'a b/ü+.txt', Body: 'hello' }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'things', Key: 'a b/ü+.txt' }));
    expect(await Body!.transformToString()).toBe('hello');
    await emulator.reset();
    expect((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).toEqual([]);
  });

  test('is account 123456789012', async () => {
    const sqs = new SQSClient({ endpoint: emulator.origin, region: REGION, credentials, useQueueUrlAsEndpoint: false });
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'q' }));
    expect(QueueUrl).toMatch(/\/123456789012\/q$/);
    sqs.destroy();
  });
});

test('several run side by side', async () => {
  const emulators = await Promise.all([startMoto(), startMiniStack(), startMiniStack()]);
  expect(new Set(emulators.map(({ origin }) => origin)).size).toBe(3);
  await Promise.all(emulators.map((emulator) => emulator.stop()));
  await expect(fetch(emulators[0].origin)).rejects.toThrow('fetch failed');
});
