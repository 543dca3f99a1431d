import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import sharp from 'sharp';
import { ImageResizePipeline } from '../../src';
import { type Manifest, type PipelineMessage, SOURCE_ETAG_METADATA } from '../../src/image-resize-pipeline/contract';
import { DEPLOYER, type DeployedStack, cdkDeploy, describeStack, namesOf } from '../kit/deploy';
import { type Emulator, REGION, startMiniStack } from '../kit/emulators';
import { Prng } from '../kit/faults';
import { Evaluator } from '../kit/iam/evaluator';
import { LambdaHost } from '../kit/lambda-host';
import { TemplateModel } from '../kit/template';
import { TruthProxy } from '../kit/truth-proxy';

process.env.CDK_VALIDATION = 'false';

const STACK = 'Newsroom';

/** The smallest use, with topics to listen to. */
class Newsroom extends Stack {
  constructor(app: App) {
    super(app, STACK, { env: { account: '123456789012', region: REGION } });
    const [successTopic, failureTopic] = ['Success', 'Failure'].map((id) => {
      const topic = new Topic(this, id);
      const listener = new Queue(this, `${id}Listener`);
      topic.addSubscription(new SqsSubscription(listener, { rawMessageDelivery: true }));
      new CfnOutput(this, `${id}Url`, { value: listener.queueUrl });
      return topic;
    });
    const images = new ImageResizePipeline(this, 'Images', {
      successTopic,
      failureTopic,
      removalPolicy: RemovalPolicy.DESTROY,
      architecture: Architecture.X86_64, // the function runs on this machine
    });
    new CfnOutput(this, 'Source', { value: images.sourceBucket.bucketName });
    new CfnOutput(this, 'Destination', { value: images.destinationBucket.bucketName });
    new CfnOutput(this, 'QueueUrl', { value: images.queue.queueUrl });
    new CfnOutput(this, 'DeadLetterUrl', { value: images.deadLetterQueue.queueUrl });
  }
}

let scratch: string;
let host: LambdaHost;
let emulator: Emulator;
let proxy: TruthProxy;
let evaluator: Evaluator | undefined;
let s3: S3Client;
let sqs: SQSClient;
let outputs: Readonly<Record<string, string>>;
let deployed: DeployedStack;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'images-e2e-'));
  host = await LambdaHost.start({ onFunction: ({ accessKeyId, role }) => proxy.mapPrincipal(accessKeyId, role) });
  emulator = await startMiniStack({ lambdaHostUrl: host.url });
  proxy = await TruthProxy.start({ upstream: emulator.origin, authorize: (call) => evaluator?.authorize(call) ?? { allowed: true } });
  host.endpoint = proxy.endpoint;

  const app = new App({ outdir: join(scratch, 'cdk.out') });
  const stack = new Newsroom(app);
  outputs = (await cdkDeploy({ assembly: app.synth().directory, endpoint: proxy.endpoint }))[STACK];
  deployed = await describeStack({ endpoint: proxy.endpoint, stack: STACK });
  evaluator = Evaluator.of(TemplateModel.of(stack, { stackName: STACK, names: namesOf(deployed) }));

  proxy.clearCalls(); // the CLI's

  const client = { endpoint: proxy.endpoint, region: REGION, credentials: DEPLOYER };
  s3 = new S3Client({ ...client, forcePathStyle: true });
  sqs = new SQSClient(client);
}, 180_000);

afterAll(async () => {
  s3?.destroy();
  sqs?.destroy();
  await proxy?.stop();
  await emulator?.stop();
  await host?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

test('a photograph becomes variants and a manifest, and its deletion takes them away', async () => {
  const key = 'news/über den Wolken+1.jpg';
  const { ETag } = await s3.send(new PutObjectCommand({ Bucket: outputs.Source, Key: key, Body: await photograph() }));
  await quiet();

  const manifest = JSON.parse((await read(`img/${key}/manifest.json`)).body.toString()) as Manifest;
  expect(manifest).toMatchObject({ state: 'ready', source: { key, etag: ETag!.replaceAll('"', ''), width: 2400, height: 1600, format: 'jpeg' } });
  expect(manifest.variants.map(({ preset, format, width, height }) => `${preset} ${format} ${width}x${height}`).sort()).toEqual([
    'desktop jpeg 1920x1280', 'desktop webp 1920x1280', 'mobile jpeg 480x320', 'mobile webp 480x320', 'tablet jpeg 1024x683', 'tablet webp 1024x683',
  ]);
  for (const variant of manifest.variants) {
    const { body, contentType, metadata } = await read(variant.key);
    const { width, height, format, exif } = await sharp(body).metadata();
    expect({ width, height, format, exif, bytes: body.length, contentType })
      .toEqual({ width: variant.width, height: variant.height, format: variant.format, bytes: variant.bytes, contentType: `image/${variant.format}` });
    expect(metadata).toEqual({ [SOURCE_ETAG_METADATA]: manifest.source.etag });
  }
  expect(await keys(outputs.Destination)).toEqual([`img/${key}/manifest.json`, ...manifest.variants.map((variant) => variant.key)].sort());
  expect(await messages(outputs.SuccessUrl)).toMatchObject([{ type: 'ImageProcessed', source: { key }, variants: manifest.variants }]);

  await s3.send(new DeleteObjectCommand({ Bucket: outputs.Source, Key: key }));
  await quiet();
  expect(await keys(outputs.Destination)).toEqual([]);
  expect(await messages(outputs.SuccessUrl)).toMatchObject([{ type: 'ImageDeleted', source: { key } }]);
  expect(await messages(outputs.FailureUrl)).toEqual([]);
}, 90_000);

test('a broken file ends as a readable failure', async () => {
  const key = 'torn.jpg';
  await s3.send(new PutObjectCommand({ Bucket: outputs.Source, Key: key, Body: (await photograph()).subarray(0, 20_000) }));
  await quiet();
  const manifest = JSON.parse((await read(`img/${key}/manifest.json`)).body.toString()) as Manifest;
  expect(manifest).toMatchObject({ state: 'rejected', variants: [], rejection: { reason: 'CORRUPT_IMAGE' } });
  expect(await keys(outputs.Destination)).toEqual([`img/${key}/manifest.json`]);
  expect(await messages(outputs.FailureUrl)).toMatchObject([{ type: 'ImageRejected', source: { key }, reason: 'CORRUPT_IMAGE' }]);
  expect(await messages(outputs.SuccessUrl)).toEqual([]);
}, 90_000);

test('everything ran as deployed: under its own role, nothing lost', async () => {
  const [{ name, role }] = Object.values(deployed.functions);
  expect(host.invocations.map((invocation) => invocation.name)).toEqual(host.invocations.map(() => name));
  expect(host.invocations.map(({ outcome }) => outcome)).toEqual(host.invocations.map(() => expect.objectContaining({ kind: 'ok', payload: { batchItemFailures: [] } })));
  const calls = proxy.calls.filter(({ principal }) => principal === role);
  expect(calls.map(({ service }) => service)).toEqual(expect.arrayContaining(['s3', 'sns']));
  // Without a list right over the whole bucket, S3 refuses what does not exist: a manifest to be, an original that is gone.
  const refused = calls.filter(({ status }) => status === 403).map(({ operation, params }) => `${operation} ${params.key}`);
  expect([...new Set(refused)].sort()).toEqual([
    'GetObject img/news/über den Wolken+1.jpg/manifest.json', 'GetObject img/torn.jpg/manifest.json', 'HeadObject news/über den Wolken+1.jpg',
  ]);
  expect(proxy.calls.filter(({ principal }) => principal !== role && principal !== DEPLOYER.accessKeyId)).toEqual([]);
  expect(await waiting(outputs.DeadLetterUrl)).toBe(0);
});

/** A 4:2:0 camera-like scene: a gradient with noise, stored on its side with the orientation that turns it back. */
async function photograph(): Promise<Buffer> {
  const [width, height] = [1600, 2400];
  const prng = new Prng(7);
  const pixels = Buffer.alloc(width * height * 3);
  for (let i = 0, y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const noise = Math.floor(prng.next() * 24);
      pixels[i++] = Math.floor((x / width) * 200) + noise;
      pixels[i++] = Math.floor((y / height) * 200) + noise;
      pixels[i++] = 120 + noise;
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg({ quality: 88, chromaSubsampling: '4:2:0' }).withMetadata({ orientation: 6 }).toBuffer();
}

/** Waits until nothing is queued and nothing runs, three looks in a row. */
async function quiet(): Promise<void> {
  const before = host.invocations.length;
  for (let looks = 0, end = Date.now() + 60_000; looks < 3;) {
    if (Date.now() > end) {
      throw new Error(`the pipeline must come to rest, got ${host.invocations.length - before} invocations and ${host.inFlight} running`);
    }
    await sleep(150);
    const isQuiet = host.invocations.length > before && host.inFlight === 0 && await waiting(outputs.QueueUrl) === 0;
    looks = isQuiet ? looks + 1 : 0;
  }
}

async function waiting(QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
  return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible);
}

/** Takes what is in a queue. */
async function messages(QueueUrl: string): Promise<PipelineMessage[]> {
  const found: PipelineMessage[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    if (Messages.length === 0) return found;
    for (const { Body = '', ReceiptHandle } of Messages) {
      found.push(JSON.parse(Body) as PipelineMessage);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
}

async function keys(Bucket: string): Promise<string[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
  return Contents.map(({ Key = '' }) => Key).sort();
}

async function read(Key: string): Promise<{ body: Buffer; contentType?: string; metadata?: Record<string, string> }> {
  const { Body, ContentType, Metadata } = await s3.send(new GetObjectCommand({ Bucket: outputs.Destination, Key }));
  return { body: Buffer.from(await Body!.transformToByteArray()), contentType: ContentType, metadata: Metadata };
}
