import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';
import sharp from 'sharp';
import { type Input, inputs } from './inputs';
import { type RefusedFile, renderSection, type ResizedPhoto, type ShownVariant } from './section';
import { traitsOf } from './traits';
import { isNotFound } from '../../../src/handler-kit/conditional';
import { normalizeS3Events } from '../../../src/handler-kit/s3-event';
import { MANIFEST_NAME, type Manifest, type PipelineMessage, type Variant } from '../../../src/image-resize-pipeline/contract';
import type { RecordedInvocation } from '../../../test/kit/lambda-host';
import { formatBytes, formatTime } from '../../html';
import type { DemoResult, DemoRoom, DemoRow, DemoWorld } from '../../room';

export const IMAGE_RESIZE_PIPELINE: DemoRoom = {
  stackName: 'ImageResizePipelineDemo',
  run: (world) => new Feed(world).run(),
};

/** Longest wait for one file, queues and cold starts of the emulator included. */
const PATIENCE_MS = 90_000;
const FOLDER = 'image-resize-pipeline';

class Feed {
  private readonly s3: S3Client;
  private readonly sqs: SQSClient;
  private readonly resized: ResizedPhoto[] = [];
  private readonly refused: RefusedFile[] = [];
  private readonly rows: DemoRow[] = [];
  private readonly problems: string[] = [];

  constructor(private readonly world: DemoWorld) {
    this.s3 = new S3Client({ ...world.client, forcePathStyle: true });
    this.sqs = new SQSClient({ ...world.client, useQueueUrlAsEndpoint: false });
  }

  public async run(): Promise<DemoResult> {
    const files = inputs(this.world.files);
    for (const { key, body } of files) {
      await this.s3.send(new PutObjectCommand({ Bucket: this.world.outputs.SourceBucket, Key: key, Body: body }));
      this.world.say(`uploaded ${key}, ${formatBytes(body.length)}`);
    }
    for (const input of files) {
      await this.follow(input);
    }
    await this.listen();
    const { resized, refused, rows, problems } = this;
    return { section: renderSection({ resized, refused, problems }), rows, problems };
  }

  /** Waits until a file is done and keeps what came of it. */
  private async follow(input: Input): Promise<void> {
    const { key, body, expected, about } = input;
    const done = await this.outcomeOf(key);
    if (done === undefined) {
      this.problem(`${key}: not done after ${formatTime(PATIENCE_MS)}`);
      this.rows.push({ input: key, output: 'nothing', failure: 'unknown', role: '', time: '' });
      return;
    }
    const { manifest, invocation } = done;
    const work = { key, bytes: body.length, manifest, workMs: invocation.outcome.durationMs, coldStart: invocation.outcome.coldStart };
    const outcome = manifest.state === 'ready' ? 'resized' : manifest.rejection?.reason ?? 'refused without a reason';
    if (expected !== 'anything' && outcome !== expected) {
      this.problem(`${key}: expected ${expected}, got ${outcome}`);
    }
    if (manifest.state === 'ready') {
      const photo = await this.collect(input, work);
      this.resized.push(photo);
    } else {
      this.refused.push({ ...work, about });
    }
    this.report(work, outcome, invocation);
  }

  private report({ key, bytes, manifest, workMs }: Pick<ResizedPhoto, 'key' | 'bytes' | 'manifest' | 'workMs'>, outcome: string, { name }: RecordedInvocation): void {
    const ready = manifest.state === 'ready';
    const written = manifest.variants.reduce((sum, variant) => sum + variant.bytes, 0);
    const output = ready ? `${manifest.variants.length} variants, ${formatBytes(written)}` : 'none';
    this.world.say(`${ready ? 'resized' : 'refused'} ${key}: ${ready ? output : outcome} in ${formatTime(workMs)}`);
    this.rows.push({
      input: `${key}, ${formatBytes(bytes)}`,
      output,
      failure: ready ? '' : `manifest, failure topic: ${outcome}`,
      role: this.world.roleOf(name),
      time: formatTime(workMs),
    });
  }

  /** The final manifest and the invocation that wrote it. */
  private async outcomeOf(key: string): Promise<{ manifest: Manifest; invocation: RecordedInvocation } | undefined> {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(200)) {
      const invocation = this.world.invocations().find((one) => succeeded(one) && keysOf(one).includes(key));
      const manifest = invocation && await this.manifestOf(key);
      if (manifest?.state === 'ready' || manifest?.state === 'rejected') {
        return { manifest, invocation: invocation! };
      }
    }
    return undefined;
  }

  private async manifestOf(key: string): Promise<Manifest | undefined> {
    try {
      const body = await this.read(`${this.world.outputs.VariantPrefix}${key}/${MANIFEST_NAME}`);
      return JSON.parse(body.toString()) as Manifest;
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      throw error;
    }
  }

  /** Saves an original and its variants beside the page and compares them with what was promised. */
  private async collect({ key, body }: Input, work: Omit<ResizedPhoto, 'file' | 'traits' | 'unturned' | 'variants'>): Promise<ResizedPhoto> {
    const variants: ShownVariant[] = [];
    for (const variant of work.manifest.variants) {
      const data = await this.read(variant.key);
      await this.inspect(variant, data);
      variants.push({ ...variant, file: this.save(`variants/${variant.key}`, data), traits: await traitsOf(data) });
    }
    const file = this.save(`originals/${key}`, body);
    return { ...work, file, traits: await traitsOf(body), unturned: await this.saveUnturned(key, body), variants };
  }

  private async saveUnturned(key: string, body: Buffer): Promise<string | undefined> {
    const { orientation = 1 } = await sharp(body).metadata();
    return orientation === 1 ? undefined : this.save(`unturned/${key}.jpg`, await sharp(body).resize(300).jpeg().toBuffer());
  }

  private async inspect(variant: Variant, data: Buffer): Promise<void> {
    const { width, height, format, exif } = await sharp(data).metadata();
    const described = variant.format === 'avif' ? 'heif' : variant.format;
    if (width !== variant.width || height !== variant.height || format !== described || data.length !== variant.bytes) {
      this.problem(`${variant.key}: the file is not what the manifest says`);
    }
    if (exif !== undefined) {
      this.problem(`${variant.key}: carries EXIF`);
    }
  }

  /** Every refusal must have reached the subscriber of the failure topic. */
  private async listen(): Promise<void> {
    const messages = new Map<string, PipelineMessage>();
    const expected = this.refused.map(({ key }) => key);
    for (const end = Date.now() + 10_000; Date.now() < end && !expected.every((key) => messages.has(key));) {
      const { Messages = [] } = await this.sqs.send(new ReceiveMessageCommand({
        QueueUrl: this.world.outputs.FailureListenerUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1,
      }));
      for (const { Body = '' } of Messages) {
        const message = JSON.parse(Body) as PipelineMessage;
        messages.set(message.source.key, message);
      }
    }
    this.refused.forEach((one, i) => { this.refused[i] = { ...one, message: messages.get(one.key) }; });
    expected.filter((key) => !messages.has(key)).forEach((key) => this.problem(`${key}: no message from the failure topic`));
  }

  private async read(key: string): Promise<Buffer> {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: this.world.outputs.DestinationBucket, Key: key }));
    return Buffer.from(await Body!.transformToByteArray());
  }

  /** @returns the file's path relative to the page */
  private save(path: string, data: Buffer): string {
    const relative = posix.join(FOLDER, path);
    const file = join(this.world.out, relative);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, data);
    return relative;
  }

  private problem(text: string): void {
    this.problems.push(text);
    this.world.say(`NOT AS EXPECTED: ${text}`);
  }
}

function succeeded({ outcome }: RecordedInvocation): boolean {
  const failures = (outcome.payload as { batchItemFailures?: readonly unknown[] } | null)?.batchItemFailures;
  return outcome.kind === 'ok' && failures?.length === 0;
}

/** Keys of the originals an invocation was about. */
function keysOf({ event }: RecordedInvocation): string[] {
  const { Records = [] } = event as Partial<SQSEvent>;
  return Records.flatMap(({ body }) => normalizeS3Events(body)).map(({ key }) => key);
}
