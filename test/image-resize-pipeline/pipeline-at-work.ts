import { createHash } from 'node:crypto';
import { aws_events as events, aws_lambda as lambda, aws_sns as sns, type Stack } from 'aws-cdk-lib';
import sharp from 'sharp';
import {
  ImageBackfill, ImageDestination, ImageFormat, ImageLazyOrigin, ImagePreset, ImageResizePipeline, ImageSource, type ImageResizePipelineProps,
} from '../../src';
import type { Manifest, PipelineMessage } from '../../src/image-resize-pipeline/contract';
import { stackFor } from '../kit/stack';
import type { FunctionModel } from '../kit/template';
import type { RecordedCall } from '../kit/truth-proxy';
import { World, type RunOptions } from '../kit/world';

export const PRESETS = [['small', 16], ['large', 32]] as const;
export const FORMATS = ['webp', 'jpg'] as const;
const FILES = PRESETS.flatMap(([preset]) => FORMATS.map((extension) => `${preset}.${extension}`));

/** A picture, or what is none. */
export type Body = Buffer | string;

/** A tiny picture that is another one for each number. */
export function picture(n: number, side = 48): Promise<Buffer> {
  const background = { r: (37 * n) % 256, g: (91 * n + 40) % 256, b: (151 * n + 80) % 256 };
  return sharp({ create: { width: side, height: side / 2 + n % 8, channels: 3, background } }).png().toBuffer();
}

/** The whole room as shipped, with two small presets so that a picture takes milliseconds. */
export class PipelineAtWork {
  /** @param props in place of the usual ones; the stack is theirs to put resources into */
  public static async start(
    props: (stack: Stack) => ImageResizePipelineProps = () => ({}), also: (pipeline: ImageResizePipeline) => void = () => {},
  ): Promise<PipelineAtWork> {
    const stack = stackFor();
    const pipeline = new ImageResizePipeline(stack, 'Images', {
      source: ImageSource.newBucket({ prefix: 'originals/' }),
      destination: ImageDestination.newBucket({ prefix: 'img/' }),
      presets: PRESETS.map(([name, width]) => ImagePreset.width(name, width)),
      formats: [ImageFormat.webp(), ImageFormat.jpeg()],
      architecture: lambda.Architecture.X86_64, // as the machine the tests run on
      backfill: ImageBackfill.s3Batch(),
      lazyOrigin: ImageLazyOrigin.functionUrl(),
      successTopic: new sns.Topic(stack, 'Success'),
      failureTopic: new sns.Topic(stack, 'Failure'),
      eventBus: new events.EventBus(stack, 'Bus'),
      ...props(stack),
    });
    also(pipeline);
    return new PipelineAtWork(await World.start({ stack }));
  }

  public readonly source: string;
  public readonly destination: string;
  public readonly reconcile: FunctionModel;

  /** What a run without faults makes: hash and name of a variant → number of the picture. */
  private readonly references = new Map<string, number>();
  private readonly numbers = new Map<string, number>();

  private constructor(public readonly world: World) {
    this.reconcile = world.functionOf('ImagesReconcile');
    this.source = this.reconcile.environment.SOURCE_BUCKET;
    this.destination = this.reconcile.environment.DESTINATION_BUCKET;
  }

  public begin(options?: RunOptions): Promise<void> {
    return this.world.begin(options);
  }

  /** @param name key below the source prefix */
  public upload(name: string, body: Body): Promise<string> {
    return this.world.upload(this.source, `originals/${name}`, body);
  }

  public remove(name: string): Promise<void> {
    return this.world.remove(this.source, `originals/${name}`);
  }

  public settle(): Promise<void> {
    return this.world.settle();
  }

  public async manifest(name: string): Promise<Manifest | undefined> {
    const key = `img/${name}/manifest.json`;
    const keys = await this.world.keys(this.destination);
    return keys.includes(key) ? JSON.parse(String(await this.world.read(this.destination, key))) as Manifest : undefined;
  }

  /** Downloads of originals: each one is a decode. */
  public get decodes(): number {
    return this.calls('GetObject', this.source).length;
  }

  public get puts(): number {
    return this.calls('PutObject').length + this.calls('CopyObject').length;
  }

  public get deletes(): number {
    return this.calls('DeleteObject').length + this.calls('DeleteObjects').length;
  }

  /** Types of the messages on both topics. */
  public get messages(): string[] {
    const { SUCCESS_TOPIC_ARN, FAILURE_TOPIC_ARN } = this.reconcile.environment;
    return [SUCCESS_TOPIC_ARN, FAILURE_TOPIC_ARN]
      .flatMap((topic) => this.world.published(topic) as PipelineMessage[])
      .map(({ reason, type }) => reason === undefined ? type : `${type} ${reason}`);
  }

  public get deadLetters(): number {
    return this.world.queue('ImagesDeadLetters').messages.length;
  }

  /** As an operator would after the cause was removed: what failed for good is tried again. */
  public async redrive(): Promise<void> {
    const dead = this.world.queue('ImagesDeadLetters');
    const bodies = dead.messages.map(({ body }) => body);
    dead.clear();
    bodies.forEach((body) => this.world.queue('ImagesQueue').send(body));
    await this.settle();
  }

  /** Calls of functions that S3 carried out. */
  public calls(operation: string, bucket?: string): readonly RecordedCall[] {
    return this.world.proxy.calls.filter((call) => call.service === 's3' && call.operation === operation && call.applied
      && this.world.evaluator.knows(call.principal) && (bucket === undefined || call.params.bucket === bucket));
  }

  /**
   * What is wrong with the destination, given the originals: it must be a function of them.
   * @param originals by name below the prefix; a text is no picture and must have been refused
   */
  public async deviations(originals: Readonly<Record<string, Body>>): Promise<string[]> {
    const found: string[] = [];
    const expected = new Set<string>();
    for (const [name, body] of Object.entries(originals)) {
      const manifest = await this.manifest(name);
      const state = typeof body === 'string' ? 'rejected' : 'ready';
      const etag = md5(body);
      expected.add(`img/${name}/manifest.json`);
      if (manifest?.state !== state || manifest.source.etag !== etag) {
        found.push(`${name} must be ${state} of ${etag}, is ${manifest?.state} of ${manifest?.source.etag}`);
      }
      if (manifest?.lease || manifest?.planned) found.push(`${name} is still claimed`);
      const files = state === 'ready' ? FILES : [];
      const variants = new Map(manifest?.variants.map((variant) => [variant.key, variant]));
      if (files.length !== variants.size) found.push(`${name} must name ${files.length} variants, names ${variants.size}`);
      for (const file of files) {
        const key = `img/${name}/${file}`;
        expected.add(key);
        const variant = variants.get(key);
        const stored = await this.world.read(this.destination, key).catch(() => undefined);
        if (stored === undefined || md5(stored) !== variant?.etag) found.push(`${key} is not what the manifest says`);
        else if (this.originOf(md5(stored), file) !== this.numbers.get(etag)) found.push(`${key} is not made of the original`);
      }
    }
    const orphans = (await this.world.keys(this.destination)).filter((key) => !expected.has(key));
    return [...found, ...orphans.map((key) => `${key} is an orphan`), ...this.world.unrest()];
  }

  public stop(): Promise<void> {
    return this.world.stop();
  }

  /** Which picture, by its number in `learn`, this variant was made of; undefined: of none of them. */
  public originOf(etag: string, file: string): number | undefined {
    return this.references.get(`${etag}/${file}`);
  }

  /** Makes variants of these pictures without faults and remembers them. */
  public async learn(...bodies: readonly Buffer[]): Promise<void> {
    await this.begin();
    for (const [i, body] of bodies.entries()) await this.upload(`learn-${i}.png`, body);
    await this.settle();
    for (const [i, body] of bodies.entries()) {
      this.numbers.set(md5(body), i);
      for (const file of FILES) this.references.set(`${md5(await this.world.read(this.destination, `img/learn-${i}.png/${file}`))}/${file}`, i);
    }
  }
}

/** S3's etag of an object put at once. */
function md5(body: Body): string {
  return createHash('md5').update(body).digest('hex');
}
