import type { S3Client } from '@aws-sdk/client-s3';
import { type Manifest, MANIFEST_NAME, type PipelineMessage, type Recipe, SOURCE_ETAG_METADATA } from '../../src/image-resize-pipeline/contract';
import { Refusal } from '../../src/image-resize-pipeline/handlers/admission';
import { Keys } from '../../src/image-resize-pipeline/handlers/keys';
import { parseManifest } from '../../src/image-resize-pipeline/handlers/manifest';
import { cascade, planTargets } from '../../src/image-resize-pipeline/handlers/plan';
import type { Imaging, Notifier } from '../../src/image-resize-pipeline/handlers/ports';
import { hashRecipe } from '../../src/image-resize-pipeline/handlers/recipe';
import { type Attempt, Reconciler } from '../../src/image-resize-pipeline/handlers/reconcile';
import { S3Destination, S3Source } from '../../src/image-resize-pipeline/handlers/s3-store';
import { Prng, runsFromEnv, seedFromEnv } from '../kit/faults';
import { etagOf, S3Failure, StrictS3 } from '../kit/strict-s3';

/**
 * Concurrent workers over one strict S3, one call at a time: between any two calls anything may happen. The worker's
 * code is the real core and the real store; only pixels are faked.
 *
 * Assumed of the world: a message is delivered until a worker is done with it; a process is dead after its deadline;
 * what it sent before takes effect within the lease's margin or never.
 */
const RUNS = runsFromEnv(1000);
const SEED = seedFromEnv(20261121);

const RECIPE: Recipe = {
  presets: [{ name: 's', fit: 'width', width: 200 }, { name: 'm', fit: 'width', width: 500 }, { name: 'l', fit: 'width', width: 1000 }],
  formats: [{ format: 'webp', extension: 'webp' }, { format: 'jpeg', extension: 'jpg' }],
  tolerance: 'error',
  maxPixels: 1e8,
  maxFrames: 60,
  maxBytes: 1000,
  keepIcc: false,
  keepCopyright: false,
  allowSvg: false,
  suffixes: [],
  cacheControl: '',
};
const SOURCE = 'source';
const DESTINATION = 'destination';
/** What a deployment in the middle of a run changes to. */
const NEXT: Recipe = { ...RECIPE, presets: [RECIPE.presets[1], { name: 'xl', fit: 'width', width: 1500 }], formats: [RECIPE.formats[0]] };
/** Widths, or what is wrong with them. The same content may come back: its etag does too. */
const CONTENTS = ['1000', '1000 other', '600', '300', '100', 'corrupt', 'corrupt half-way', 'too large'.padEnd(1001), ''];
const ORIGINALS = ['in/a.jpg', 'in/b c.jpg'];

const FUNCTION_MS = 60_000;
const MARGIN_MS = 5000;
const VISIBILITY_MS = 6 * FUNCTION_MS;
const MAX_WORKERS = 4;

const THROTTLED = new S3Failure('SlowDown', 503);
const DENIED = new S3Failure('AccessDenied', 403);

interface Message { readonly id: string; readonly key: string; visibleAt: number; readonly from: 'queue' | 'batch' | 'request' }
interface Worker { readonly message: Message; readonly deadline: number; readonly recipe: Recipe; alive: boolean }
interface Call {
  readonly worker: Worker;
  readonly apply: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  reply?: { readonly value?: unknown; readonly error?: unknown };
  repeated: boolean;
}

class World {
  public readonly s3: StrictS3;
  public readonly published: PipelineMessage[] = [];
  public readonly counts = { operations: 0, deliveries: 0, extra: 0, failures: 0, kills: 0, renders: 0 };
  private readonly prng: Prng;
  private recipe = RECIPE;
  private readonly quarantine: string;
  private now = 1_000_000;
  private calls: Call[] = [];
  private messages: Message[] = [];
  private workers: Worker[] = [];
  private operationsLeft: number;
  private operationRate = 0.3;
  private deploysLeft: number;
  /** One original that comes and goes with the same content: states that look equal and are not. */
  private readonly narrow: boolean;
  /** Chosen for a while, so that others act between two of its neighbour's calls. */
  private favourite?: Worker;
  private killsLeft: number;
  private readonly errors: unknown[] = [];
  private readonly faultRate: number;

  constructor(seed: number) {
    this.prng = new Prng(seed);
    this.s3 = new StrictS3([SOURCE, DESTINATION].filter(() => this.prng.chance(0.5)));
    this.quarantine = this.prng.chance(0.5) ? 'quarantine/' : '';
    this.operationsLeft = this.prng.int(1, 8);
    this.narrow = this.prng.chance(0.4);
    this.deploysLeft = this.narrow ? 0 : this.prng.int(0, 1);
    this.killsLeft = this.narrow ? 0 : this.prng.int(0, 3);
    this.faultRate = this.narrow ? 0 : this.prng.pick([0, 0, 0.02, 0.1]);
  }

  public async run(): Promise<void> {
    for (let steps = 0; this.isBusy(); steps++) {
      if (steps > 20_000) {
        throw new Error('the world does not come to rest');
      }
      this.step();
      // Every continuation of a settled call runs before the next choice.
      await new Promise(setImmediate);
      this.checkReaders();
    }
    expect(this.errors).toEqual([]);
  }

  public checkRest(): void {
    const expected = new Set<string>();
    for (const key of ORIGINALS) {
      const relative = key.slice('in/'.length);
      const object = this.s3.objects(SOURCE).get(key);
      const manifest = this.manifest(relative);
      if (object === undefined || object.metadata[SOURCE_ETAG_METADATA] !== undefined) {
        expect(manifest).toBeUndefined();
        const types = new Set(this.published.filter(({ source }) => source.key === key).map(({ type, reason }) => reason ?? type));
        expect(types.has('ImageProcessed') && !types.has('LOOP_GUARD') && !types.has('ImageDeleted')).toBe(false);
        continue;
      }
      const content = object.body.toString();
      const etag = etagOf(object).slice(1, -1);
      const bodies = variantBodies(content, this.recipe);
      expected.add(manifestKey(relative));
      expect(manifest).toMatchObject({ state: bodies.size > 0 ? 'ready' : 'rejected', source: { key, etag }, recipe: hashRecipe(this.recipe) });
      expect([manifest!.planned ?? [], manifest!.lease]).toEqual([[], undefined]);
      expect(manifest!.variants.map((variant) => variant.key).sort()).toEqual([...bodies.keys()].map((name) => `out/${relative}/${name}`).sort());
      for (const [name, body] of bodies) {
        expect(this.s3.objects(DESTINATION).get(`out/${relative}/${name}`)?.body.toString()).toBe(body);
        expected.add(`out/${relative}/${name}`);
      }
      if (bodies.size === 0 && this.quarantine !== '') {
        expect(this.s3.objects(DESTINATION).get(this.quarantine + relative)?.body.toString()).toBe(content);
        expected.add(this.quarantine + relative);
      }
      if (manifest!.messageId !== undefined) {
        const type = bodies.size > 0 ? 'ImageProcessed' : 'ImageRejected';
        expect(this.published.some((message) => message.type === type && message.source.etag === etag)).toBe(true);
      }
    }
    // No orphans.
    expect([...this.s3.objects(DESTINATION).keys()].sort()).toEqual([...expected].sort());
    const { deliveries, operations, extra, failures } = this.counts;
    expect(deliveries).toBeLessThanOrEqual(operations + extra + failures);
  }

  private isBusy(): boolean {
    return this.operationsLeft > 0 || this.messages.length > 0 || this.calls.length > 0 || this.workers.length > 0;
  }

  private step(): void {
    this.advance(this.prng.chance(0.02) ? this.prng.int(5000, 70_000) : this.prng.int(0, 200));
    const visible = this.messages.filter((message) => message.visibleAt <= this.now && !this.workers.some((worker) => worker.message === message));
    if (this.prng.chance(0.1)) {
      this.favourite = this.workers.length > 0 ? this.prng.pick(this.workers) : undefined;
    }
    const favoured = this.calls.filter(({ worker }) => worker === this.favourite);
    const callable = favoured.length > 0 ? favoured : this.calls;
    const choices: (() => void)[] = callable.map((call) => () => this.proceed(call));
    if (this.prng.chance(0.05)) {
      this.operationRate = this.prng.pick([0.005, 0.3, 0.9]);
    }
    if (this.operationsLeft > 0 && this.prng.chance(this.operationRate)) {
      choices.push(() => this.operate());
    }
    if (visible.length > 0 && this.workers.length < MAX_WORKERS) {
      choices.push(() => this.deliver(this.prng.pick(visible)));
    }
    if (this.deploysLeft > 0 && this.prng.chance(0.01)) {
      choices.push(() => this.deploy());
    }
    if (this.workers.length > 0 && this.killsLeft > 0 && this.prng.chance(0.1)) {
      choices.push(() => this.kill(this.prng.pick(this.workers)));
    }
    if (choices.length > 0) {
      this.prng.pick(choices)();
    } else if (this.operationsLeft > 0) {
      this.operate();
    } else if (this.messages.length > 0) {
      this.advance(Math.max(0, Math.min(...this.messages.map(({ visibleAt }) => visibleAt)) - this.now));
    }
  }

  private advance(ms: number): void {
    this.now += ms;
    for (const worker of this.workers.filter(({ deadline }) => deadline <= this.now)) {
      this.kill(worker, true);
    }
    // What dead processes sent arrives before their leases end, or never.
    for (const call of this.calls.filter(({ worker }) => !worker.alive && worker.deadline + MARGIN_MS <= this.now)) {
      this.calls = this.calls.filter((other) => other !== call);
    }
  }

  private operate(): void {
    this.operationsLeft--;
    const key = this.narrow || this.prng.chance(0.5) ? ORIGINALS[0] : ORIGINALS[1];
    const objects = this.s3.objects(SOURCE);
    if (this.prng.chance(0.4)) {
      objects.delete(key);
    } else {
      objects.set(key, {
        body: Buffer.from(this.narrow ? CONTENTS[0] : this.prng.pick(CONTENTS)),
        metadata: this.prng.chance(0.05) ? { [SOURCE_ETAG_METADATA]: 'x' } : {},
      });
    }
    this.counts.operations++;
    this.enqueue(key, `m${this.counts.operations}`, 'queue');
    if (!this.narrow && this.prng.chance(0.2)) {
      this.counts.extra++;
      this.enqueue(key, this.prng.chance(0.5) ? `m${this.counts.operations}` : `d${this.counts.operations}`, 'queue');
    }
    if (!this.narrow && this.prng.chance(0.15)) {
      this.counts.extra++;
      this.enqueue(this.prng.pick(ORIGINALS), `x${this.counts.operations}`, this.prng.pick(['batch', 'request'] as const));
    }
  }

  /** New processes run the new recipe; a backfill follows when the old ones are gone. */
  private deploy(): void {
    this.deploysLeft--;
    this.recipe = NEXT;
    for (const key of ORIGINALS) {
      this.counts.extra++;
      this.messages.push({ id: `backfill ${key}`, key, from: 'batch', visibleAt: this.now + FUNCTION_MS });
    }
  }

  /** Delays differ: order is lost. */
  private enqueue(key: string, id: string, from: Message['from']): void {
    this.messages.push({ id, key, from, visibleAt: this.now + (this.narrow ? 0 : this.prng.pick([0, 0, 500, 20_000])) });
  }

  private deliver(message: Message): void {
    this.counts.deliveries++;
    const worker: Worker = { message, deadline: this.now + FUNCTION_MS, recipe: this.recipe, alive: true };
    this.workers.push(worker);
    this.favourite = this.prng.chance(0.5) ? worker : this.favourite;
    const settle = (error?: unknown) => {
      this.workers = this.workers.filter((other) => other !== worker);
      if (error === undefined || message.from === 'request') {
        this.messages = this.messages.filter((other) => other !== message);
      } else {
        this.failed(message);
        if (!(error instanceof S3Failure) && (error as Error).name !== 'TryLater') {
          this.errors.push(error);
        }
      }
    };
    const attempt: Attempt = {
      owner: `w${this.counts.deliveries}`,
      messageId: message.from === 'queue' ? message.id : undefined,
      deadline: { remainingMs: () => worker.deadline - this.now },
      leaseEnds: worker.deadline + MARGIN_MS,
    };
    void this.reconciler(worker).reconcile(message.key, attempt).then(() => settle(), settle);
  }

  private failed(message: Message): void {
    this.counts.failures++;
    message.visibleAt = this.now + VISIBILITY_MS;
  }

  private reconciler(worker: Worker): Reconciler {
    const { recipe } = worker;
    const s3 = { send: (command: unknown) => this.call(worker, () => this.s3.execute(command)) } as unknown as S3Client;
    const imaging: Imaging = {
      probe: async (input) => ({ facts: factsOf(input.toString()), keepsProfile: false, credits: {} }),
      render: async (input, _image, steps, _deadline, emit) => {
        this.counts.renders++;
        let made = 0;
        for (const { preset, size } of steps.flatMap(({ targets }) => targets)) {
          for (const { format, extension } of recipe.formats) {
            await this.call(worker, () => undefined);
            if (input.toString() === 'corrupt half-way' && made++ === 3) {
              throw new Refusal('CORRUPT_IMAGE', 'half-way');
            }
            const data = Buffer.from(bodyOf(input.toString(), preset.name, extension));
            emit({ preset: preset.name, format, extension, contentType: `image/${format}`, ...size, data });
          }
        }
        return { thumbhash: '', color: '' };
      },
    };
    const notifier: Notifier = { publish: (message) => this.call(worker, () => void this.published.push(message)) as Promise<void> };
    const source = new S3Source(s3, SOURCE);
    const destination = new S3Destination(s3, DESTINATION, SOURCE);
    return new Reconciler({ source, destination, imaging, notifier, now: () => this.now }, {
      keys: new Keys({ sourcePrefix: 'in/', destinationPrefix: 'out/', quarantinePrefix: this.quarantine }, recipe),
      recipe,
      recipeHash: hashRecipe(recipe),
      sourceBucket: SOURCE,
      destinationBucket: DESTINATION,
      propagateDeletes: true,
      memoryMb: 1769,
      mayDelete: worker.message.from !== 'request',
    });
  }

  private call(worker: Worker, apply: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => this.calls.push({ worker, apply, resolve, reject, repeated: false }));
  }

  /** First the request arrives, later the reply; either may be the last anybody hears of it. */
  private proceed(call: Call): void {
    if (call.reply === undefined) {
      call.reply = this.prng.chance(this.faultRate) ? { error: this.prng.pick([THROTTLED, DENIED]) } : attempted(call.apply);
      if (!call.worker.alive) {
        this.calls = this.calls.filter((other) => other !== call);
      }
      return;
    }
    if (!call.repeated && this.prng.chance(this.faultRate)) {
      // The reply is lost; the SDK repeats the request.
      call.repeated = true;
      call.reply = undefined;
      return;
    }
    this.calls = this.calls.filter((other) => other !== call);
    if ('error' in call.reply) {
      call.reject(call.reply.error);
    } else {
      call.resolve(call.reply.value);
    }
  }

  private kill(worker: Worker, late = false): void {
    if (!late) {
      this.killsLeft--;
      this.counts.kills++;
    }
    worker.alive = false;
    this.workers = this.workers.filter((other) => other !== worker);
    // Of what is under way some still arrives; no reply ever does.
    this.calls = this.calls.filter((call) => call.worker !== worker || (call.reply === undefined && this.prng.chance(0.5)));
    if (worker.message.from === 'request') {
      this.messages = this.messages.filter((other) => other !== worker.message);
    } else {
      this.failed(worker.message);
    }
  }

  /** A reader who trusts a ready manifest finds every variant it lists, of the source it names. */
  private checkReaders(): void {
    for (const key of ORIGINALS) {
      const manifest = this.manifest(key.slice('in/'.length));
      if (manifest?.state === 'ready') {
        for (const variant of manifest.variants) {
          const object = this.s3.objects(DESTINATION).get(variant.key);
          if (object?.metadata[SOURCE_ETAG_METADATA] !== manifest.source.etag || etagOf(object) !== `"${variant.etag}"`) {
            throw new Error(`a ready manifest lists ${variant.key}, which is ${object === undefined ? 'missing' : 'another'}`);
          }
        }
      }
    }
  }

  private manifest(relative: string): Manifest | undefined {
    const object = this.s3.objects(DESTINATION).get(manifestKey(relative));
    return object && parseManifest(object.body.toString());
  }
}

function manifestKey(relative: string): string {
  return `out/${relative}/${MANIFEST_NAME}`;
}

function attempted(apply: () => unknown): { value?: unknown; error?: unknown } {
  try {
    return { value: apply() };
  } catch (error) {
    return { error };
  }
}

function factsOf(content: string) {
  if (content === 'corrupt') {
    throw new Refusal('CORRUPT_IMAGE', content);
  }
  const width = Number.parseInt(content, 10) || 1000;
  return { format: 'jpeg' as const, width, height: width, frames: 1, bytes: content.length, progressive: false };
}

function bodyOf(content: string, preset: string, extension: string): string {
  return `${content} as ${preset}.${extension}`;
}

/** f(original) */
function variantBodies(content: string, recipe: Recipe): Map<string, string> {
  const corrupt = content === 'corrupt' || (content === 'corrupt half-way' && recipe === RECIPE);
  if (content === '' || corrupt || content.length > recipe.maxBytes) {
    return new Map();
  }
  const targets = cascade(planTargets(factsOf(content), recipe.presets)).flatMap((step) => step.targets);
  return new Map(targets.flatMap(({ preset: { name } }) => (
    recipe.formats.map(({ extension }) => [`${name}.${extension}`, bodyOf(content, name, extension)] as const))));
}

test(`${RUNS} interleavings end at the originals' variants (KIT_SEED=${SEED})`, async () => {
  const total = { operations: 0, deliveries: 0, extra: 0, failures: 0, kills: 0, renders: 0 };
  for (let run = 0; run < RUNS; run++) {
    const seed = (SEED + run) % 2 ** 32;
    const world = new World(seed);
    try {
      await world.run();
      world.checkRest();
    } catch (error) {
      throw new Error(`replay with KIT_SEED=${seed} KIT_RUNS=1 npx projen test -- reconcile.model`, { cause: error });
    }
    for (const name of Object.keys(total) as (keyof typeof total)[]) {
      total[name] += world.counts[name];
    }
  }
  // The model is worth something only if all of it happened.
  expect(Math.min(...Object.values(total))).toBeGreaterThan(RUNS > 100 ? RUNS / 10 : -1);
}, Math.max(600_000, RUNS * 300));
