import type { S3Client } from '@aws-sdk/client-s3';
import { type Manifest, type PipelineMessage, type Recipe, SOURCE_ETAG_METADATA } from '../../src/image-resize-pipeline/contract';
import { Refusal } from '../../src/image-resize-pipeline/handlers/admission';
import { Keys } from '../../src/image-resize-pipeline/handlers/keys';
import type { Imaging } from '../../src/image-resize-pipeline/handlers/ports';
import { type Attempt, Reconciler, type Settings } from '../../src/image-resize-pipeline/handlers/reconcile';
import { S3Destination, S3Source } from '../../src/image-resize-pipeline/handlers/s3-store';
import { S3Failure, StrictS3 } from '../kit/strict-s3';

const KEY = 'in/a.jpg';
const MANIFEST = 'out/a.jpg/manifest.json';
const RECIPE: Recipe = {
  presets: [{ name: 's', fit: 'width', width: 200 }, { name: 'l', fit: 'width', width: 1000 }],
  formats: [{ format: 'webp', extension: 'webp' }],
  tolerance: 'error',
  maxPixels: 1e8,
  maxFrames: 60,
  maxBytes: 1000,
  keepIcc: false,
  keepCopyright: false,
  allowSvg: false,
  suffixes: ['.jpg'],
  cacheControl: 'max-age=1',
};

/** One worker at a time; `before` lets the world change before a chosen call. */
class Bench {
  public readonly s3 = new StrictS3();
  public readonly calls: string[] = [];
  public readonly published: { message: PipelineMessage; overwritten: boolean }[] = [];
  public readonly now = 1_000_000;
  public remaining = 60_000;
  public before: (call: string) => void;
  public render: (content: string) => void;

  constructor(private readonly change: Partial<Settings> & { readonly quarantinePrefix?: string } = {}) {
    this.before = () => {};
    this.render = () => {};
  }

  public put(content: string, metadata: Record<string, string> = {}, storageClass?: string): void {
    this.s3.objects('source').set(KEY, { body: Buffer.from(content), metadata, storageClass });
  }

  public drop(): void {
    this.s3.objects('source').delete(KEY);
  }

  public manifest(): Manifest {
    return JSON.parse(this.s3.objects('destination').get(MANIFEST)!.body.toString()) as Manifest;
  }

  public setManifest(change: Partial<Manifest>): void {
    const body = Buffer.from(JSON.stringify({ ...this.manifest(), ...change }));
    this.s3.objects('destination').set(MANIFEST, { body, metadata: {} });
  }

  public keys(): string[] {
    return [...this.s3.objects('destination').keys()].sort();
  }

  public async run(attempt: Partial<Attempt> = {}, key = KEY): Promise<string[]> {
    this.calls.length = 0;
    const outcomes = await this.reconciler().reconcile(key, {
      owner: 'me', messageId: 'm1', deadline: { remainingMs: () => this.remaining }, leaseEnds: this.now + 65_000, ...attempt,
    });
    return outcomes.map(({ kind }) => kind);
  }

  private reconciler(): Reconciler {
    const called = async <T>(name: string, effect: () => T): Promise<T> => {
      this.before(name);
      this.calls.push(name);
      return effect();
    };
    const send = (command: { constructor: { name: string }; input: { Key?: string } }) => called(
      `${command.constructor.name.replace('Command', '')} ${command.input.Key ?? ''}`.trim(), () => this.s3.execute(command));
    const s3 = { send } as unknown as S3Client;
    const imaging: Imaging = {
      probe: (input) => called('probe', () => {
        const width = Number.parseInt(input.toString(), 10);
        if (Number.isNaN(width)) {
          throw new Refusal('CORRUPT_IMAGE', 'no number');
        }
        return { facts: { format: 'jpeg', width, height: width, frames: 1, bytes: input.length, progressive: false }, keepsProfile: false, credits: {} };
      }),
      render: (input, _image, steps, _deadline, emit) => called('render', () => {
        for (const { preset, size } of steps.flatMap(({ targets }) => targets)) {
          emit({ preset: preset.name, format: 'webp', extension: 'webp', contentType: 'image/webp', ...size, data: input });
        }
        this.render(input.toString());
        return { thumbhash: 't', color: '#000000' };
      }),
    };
    const { quarantinePrefix = '', ...settings } = this.change;
    return new Reconciler({
      source: new S3Source(s3, 'source'),
      destination: new S3Destination(s3, 'destination', 'source'),
      imaging,
      notifier: { publish: (message, overwritten) => called('publish', () => void this.published.push({ message, overwritten })) },
      now: () => this.now,
    }, {
      keys: new Keys({ sourcePrefix: 'in/', destinationPrefix: 'out/', quarantinePrefix }, RECIPE),
      recipe: RECIPE,
      recipeHash: 'r1',
      sourceBucket: 'source',
      destinationBucket: 'destination',
      propagateDeletes: true,
      memoryMb: 1769,
      mayDelete: true,
      ...settings,
    });
  }
}

async function ready(content = '1000', change: ConstructorParameters<typeof Bench>[0] = {}): Promise<Bench> {
  const bench = new Bench(change);
  bench.put(content);
  await bench.run({ messageId: 'm0' });
  bench.published.length = 0;
  return bench;
}

describe('an original appears', () => {
  test('claim, variants, manifest, news, and a last look', async () => {
    const bench = new Bench();
    bench.put('1000');
    expect(await bench.run()).toEqual(['processed']);
    expect(bench.calls).toEqual([
      `GetObject ${MANIFEST}`, `HeadObject ${KEY}`, `PutObject ${MANIFEST}`, `GetObject ${KEY}`, 'probe', 'render',
      'PutObject out/a.jpg/l.webp', 'PutObject out/a.jpg/s.webp', `PutObject ${MANIFEST}`, 'publish', `HeadObject ${KEY}`,
    ]);
    expect(bench.manifest()).toMatchObject({ state: 'ready', source: { key: KEY, width: 1000 }, messageId: 'm1', placeholder: { thumbhash: 't' } });
    expect(bench.manifest()).not.toHaveProperty('lease');
    expect(bench.published).toMatchObject([{ message: { type: 'ImageProcessed', variants: [{ preset: 's' }, { preset: 'l' }] }, overwritten: false }]);
    const { etag } = bench.manifest().source;
    expect(bench.s3.objects('destination').get('out/a.jpg/s.webp')).toMatchObject({
      contentType: 'image/webp', cacheControl: 'max-age=1', metadata: { [SOURCE_ETAG_METADATA]: etag },
    });
    expect(bench.s3.objects('destination').get(MANIFEST)).toMatchObject({
      contentType: 'application/json', cacheControl: 'no-cache', metadata: { [SOURCE_ETAG_METADATA]: etag },
    });
  });

  test('the claim names every key a build may make, with a lease', async () => {
    const bench = new Bench();
    bench.put('100');
    let claim: Manifest | undefined;
    bench.before = (call) => {
      claim = call === 'probe' ? bench.manifest() : claim;
    };
    await bench.run();
    expect(claim).toMatchObject({ state: 'building', planned: ['out/a.jpg/s.webp', 'out/a.jpg/l.webp'], lease: { owner: 'me', expires: bench.now + 65_000 } });
    // Both presets are larger than the picture: one file.
    expect(bench.keys()).toEqual([MANIFEST, 'out/a.jpg/s.webp']);
  });

  test('a duplicate decodes, writes and tells nothing', async () => {
    const bench = await ready();
    expect(await bench.run()).toEqual(['unchanged']);
    expect(bench.calls).toEqual([`GetObject ${MANIFEST}`, `HeadObject ${KEY}`]);
  });

  test('only the message that built it tells again', async () => {
    const bench = await ready();
    expect(await bench.run({ messageId: 'm0' })).toEqual(['unchanged']);
    expect(bench.calls).toEqual([`GetObject ${MANIFEST}`, `HeadObject ${KEY}`, 'publish']);
    expect(await bench.run({ messageId: undefined })).toEqual(['unchanged']);
    expect(bench.published).toHaveLength(1);
  });

  test('the news fail: the redelivered message tells, without a second decode', async () => {
    const bench = new Bench();
    bench.put('1000');
    bench.before = (call) => {
      if (call === 'publish') {
        throw new Error('down');
      }
    };
    await expect(bench.run()).rejects.toThrow('down');
    bench.before = () => {};
    expect(await bench.run()).toEqual(['unchanged']);
    expect(bench.calls).not.toContain('render');
    expect(bench.published).toHaveLength(1);
  });
});

describe('an original is overwritten', () => {
  test('obsolete variants go under the claim, readers already see the new list', async () => {
    const bench = await ready();
    bench.put('100');
    let between: Manifest | undefined;
    bench.before = (call) => {
      between = call.startsWith('DeleteObjects') ? bench.manifest() : between;
    };
    expect(await bench.run()).toEqual(['processed']);
    expect(between).toMatchObject({ state: 'building', variants: [{ preset: 's', width: 100 }], planned: ['out/a.jpg/l.webp'], lease: { owner: 'me' } });
    expect(bench.keys()).toEqual([MANIFEST, 'out/a.jpg/s.webp']);
    expect(bench.published[0].overwritten).toBe(true);
  });

  test('without the right to delete, what is obsolete stays named, and the next worker removes it without a decode', async () => {
    const bench = await ready('1000', { mayDelete: false });
    bench.put('100');
    await bench.run();
    expect(bench.manifest()).toMatchObject({ state: 'ready', planned: ['out/a.jpg/l.webp'] });
    expect(bench.keys()).toContain('out/a.jpg/l.webp');
    const next = new Bench();
    Object.assign(next, { s3: bench.s3 });
    expect(await next.run({ messageId: 'other' })).toEqual(['unchanged']);
    expect(next.calls).not.toContain('probe');
    expect(next.manifest()).not.toHaveProperty('planned');
    expect(next.keys()).toEqual([MANIFEST, 'out/a.jpg/s.webp']);
  });

  test('between the look and the download: the build starts over', async () => {
    const bench = new Bench();
    bench.put('1000');
    let changes = 1;
    bench.before = (call) => {
      if (call === `GetObject ${KEY}` && changes-- > 0) {
        bench.put('100');
      }
    };
    expect(await bench.run()).toEqual(['processed']);
    expect(bench.manifest().source.width).toBe(100);
    expect(bench.published).toHaveLength(1);
  });

  test('after the build: the last look finds it', async () => {
    const bench = new Bench();
    bench.put('1000');
    let changes = 1;
    bench.before = (call) => {
      if (call === 'publish' && changes-- > 0) {
        bench.put('100');
      }
    };
    expect(await bench.run()).toEqual(['processed', 'processed']);
    expect(bench.manifest().source.width).toBe(100);
  });

  test('with too little time left the message comes back', async () => {
    const bench = new Bench();
    bench.put('1000');
    bench.before = (call) => {
      if (call === 'publish') {
        bench.put('100');
        bench.remaining = 29_999;
      }
    };
    await expect(bench.run()).rejects.toThrow('too little time is left');
  });

  test('by a file that is refused: its variants go, the refusal stays', async () => {
    const bench = await ready();
    bench.put('broken');
    expect(await bench.run()).toEqual(['rejected']);
    expect(bench.keys()).toEqual([MANIFEST]);
    expect(bench.manifest()).toMatchObject({ state: 'rejected', variants: [], rejection: { reason: 'CORRUPT_IMAGE', detail: 'no number', memoryMb: 1769 } });
    expect(bench.published).toMatchObject([{ message: { type: 'ImageRejected', reason: 'CORRUPT_IMAGE', detail: 'no number' } }]);
    expect(await bench.run({ messageId: 'other' })).toEqual(['unchanged']);
  });
});

describe('an original disappears', () => {
  test('marker, variants, news, manifest', async () => {
    const bench = await ready();
    bench.drop();
    expect(await bench.run()).toEqual(['deleted']);
    expect(bench.calls).toEqual([
      `GetObject ${MANIFEST}`, `HeadObject ${KEY}`, 'ListObjectsV2', `PutObject ${MANIFEST}`, 'DeleteObjects', 'publish', `DeleteObject ${MANIFEST}`,
      `HeadObject ${KEY}`, 'ListObjectsV2',
    ]);
    expect(bench.keys()).toEqual([]);
    expect(bench.published).toMatchObject([{ message: { type: 'ImageDeleted', variants: [] }, overwritten: true }]);
    expect(await bench.run()).toEqual(['unchanged']);
  });

  test('never on a denial', async () => {
    const bench = await ready();
    bench.before = (call) => {
      if (call === `HeadObject ${KEY}`) {
        throw new S3Failure('403', 403);
      }
    };
    await expect(bench.run()).rejects.toThrow('403');
    expect(bench.keys()).toHaveLength(3);
  });

  test('never for an original whose key is a prefix of another\'s', async () => {
    const bench = await ready();
    bench.s3.objects('source').set(`${KEY}.jpg`, { body: Buffer.from('1'), metadata: {} });
    bench.drop();
    expect(await bench.run()).toEqual(['deleted']);
  });

  test('a manifest denied to us is no absent one', async () => {
    const bench = await ready();
    bench.drop();
    const denied = (call: string) => {
      if (call === `GetObject ${MANIFEST}`) {
        throw new S3Failure('AccessDenied', 403);
      }
    };
    bench.before = denied;
    await expect(bench.run()).rejects.toMatchObject({ name: 'TryLater', message: 'the manifest is there but could not be read' });
    expect(bench.keys()).toHaveLength(3);
    bench.s3.objects('destination').delete(MANIFEST);
    expect(await bench.run()).toEqual(['unchanged']);
    expect(bench.calls).toEqual([`HeadObject ${KEY}`, 'ListObjectsV2', 'ListObjectsV2']);
    expect(bench.published).toEqual([]);
  });

  test('nothing follows when deletes are not propagated', async () => {
    const bench = await ready('1000', { propagateDeletes: false });
    bench.drop();
    expect(await bench.run()).toEqual(['unchanged']);
    expect(bench.keys()).toHaveLength(3);
  });

  test('comes back with the same bytes while it is being removed: the last look finds it', async () => {
    const bench = await ready();
    bench.drop();
    let changes = 1;
    bench.before = (call) => {
      // Whoever handles this creation finds a ready manifest of the same etag and has nothing to do.
      if (call === `PutObject ${MANIFEST}` && changes-- > 0) {
        bench.put('1000');
      }
    };
    expect(await bench.run()).toEqual(['deleted', 'processed']);
    expect(bench.keys()).toHaveLength(3);
  });
});

describe('other workers', () => {
  test.each(['building', 'deleting'] as const)('a running claim (%s) makes us wait', async (state) => {
    const bench = await ready();
    bench.setManifest({ state, lease: { owner: 'other', expires: bench.now + 1 } });
    await expect(bench.run()).rejects.toMatchObject({ name: 'TryLater', message: 'another worker holds the manifest' });
    expect(bench.calls).toEqual([`GetObject ${MANIFEST}`, `HeadObject ${KEY}`]);
  });

  test('a claim that is over is taken over, with everything it named', async () => {
    const bench = await ready('100');
    bench.s3.objects('destination').set('out/a.jpg/gone.webp', { body: Buffer.from('x'), metadata: {} });
    bench.setManifest({ state: 'building', planned: ['out/a.jpg/gone.webp'], lease: { owner: 'other', expires: bench.now } });
    expect(await bench.run()).toEqual(['processed']);
    expect(bench.keys()).toEqual([MANIFEST, 'out/a.jpg/s.webp']);
  });

  test.each([
    ['at the claim', 1], ['at the end', 2],
  ])('who changes the manifest %s wins', async (_name, nth) => {
    const bench = await ready();
    bench.put('500');
    let puts = 0;
    bench.before = (call) => {
      if (call === `PutObject ${MANIFEST}` && ++puts === nth) {
        bench.setManifest({ messageId: 'another' });
      }
    };
    await expect(bench.run()).rejects.toMatchObject({ name: 'TryLater' });
    expect(bench.manifest().messageId).toBe('another');
  });

  test('who changes the manifest during a removal wins', async () => {
    const bench = await ready();
    bench.drop();
    bench.before = (call) => {
      if (call === `DeleteObject ${MANIFEST}`) {
        bench.setManifest({ messageId: 'another' });
      }
    };
    await expect(bench.run()).rejects.toMatchObject({ name: 'TryLater' });
  });

  test('a build is not begun without time for it', async () => {
    const bench = new Bench();
    bench.put('500');
    bench.remaining = 5999;
    await expect(bench.run()).rejects.toThrow('too little time is left for a build');
    expect(bench.keys()).toEqual([]);
  });

  test('without time nothing is written under a claim', async () => {
    const bench = await ready();
    bench.put('500');
    bench.before = (call) => {
      bench.remaining = call === 'render' ? 0 : bench.remaining;
    };
    await expect(bench.run()).rejects.toThrow('no time is left to write under this claim');
  });

  test('what is no manifest of ours is overwritten, and all our keys are removed with it', async () => {
    const bench = new Bench();
    bench.put('100');
    bench.s3.objects('destination').set(MANIFEST, { body: Buffer.from('<html>'), metadata: {} });
    bench.s3.objects('destination').set('out/a.jpg/l.webp', { body: Buffer.from('x'), metadata: {} });
    expect(await bench.run()).toEqual(['processed']);
    expect(bench.keys()).toEqual([MANIFEST, 'out/a.jpg/s.webp']);
  });
});

describe('refusals', () => {
  test.each([
    ['', 'EMPTY_FILE'], ['1'.repeat(1001), 'FILE_TOO_LARGE'], ['20000', 'TOO_MANY_PIXELS'],
  ])('%.5s: %s without a decode', async (content, reason) => {
    const bench = new Bench();
    bench.put(content);
    expect(await bench.run()).toEqual(['rejected']);
    expect(bench.manifest().rejection!.reason).toBe(reason);
    expect(bench.calls).not.toContain('render');
    expect(bench.calls.includes(`GetObject ${KEY}`)).toBe(reason === 'TOO_MANY_PIXELS');
  });

  test('an archived original, until it is restored', async () => {
    const bench = new Bench({ quarantinePrefix: 'bad/' });
    bench.put('1000', {}, 'GLACIER');
    expect(await bench.run()).toEqual(['rejected']);
    expect(bench.manifest().rejection).toMatchObject({ reason: 'ARCHIVED', detail: 'the object must be restored from GLACIER first' });
    expect(bench.manifest().rejection).not.toHaveProperty('quarantine');
    expect(await bench.run({ messageId: 'other' })).toEqual(['unchanged']);
    bench.put('1000');
    expect(await bench.run({ messageId: 'other' })).toEqual(['processed']);
  });

  test('archived during the build: the last look finds it', async () => {
    const bench = new Bench();
    bench.put('1000');
    bench.before = (call) => {
      if (call === 'publish') {
        bench.put('1000', {}, 'GLACIER');
      }
    };
    expect(await bench.run()).toEqual(['processed', 'unchanged']);
  });

  test('half-way: what was uploaded goes', async () => {
    const bench = new Bench();
    bench.put('1000');
    bench.render = () => {
      throw new Refusal('TIME_BUDGET', 'timeout');
    };
    expect(await bench.run()).toEqual(['rejected']);
    expect(bench.keys()).toEqual([MANIFEST]);
  });

  test('an error of ours refuses nothing', async () => {
    const bench = new Bench();
    bench.put('1000');
    bench.render = () => {
      throw new TypeError('ours');
    };
    await expect(bench.run()).rejects.toThrow('ours');
    expect(bench.manifest().state).toBe('building');
  });

  test('an upload that fails comes back', async () => {
    const bench = new Bench();
    bench.put('1000');
    bench.before = (call) => {
      if (call === 'PutObject out/a.jpg/s.webp') {
        throw new S3Failure('SlowDown', 503);
      }
    };
    await expect(bench.run()).rejects.toThrow('SlowDown');
  });

  test('the refused original is copied, and the copy goes when the original does', async () => {
    const bench = new Bench({ quarantinePrefix: 'bad/' });
    bench.put('broken');
    await bench.run();
    expect(bench.manifest().rejection).toMatchObject({ quarantine: 'bad/a.jpg' });
    expect(bench.s3.objects('destination').get('bad/a.jpg')).toMatchObject({
      body: Buffer.from('broken'), contentType: 'application/octet-stream', metadata: { [SOURCE_ETAG_METADATA]: bench.manifest().source.etag },
    });
    bench.put('1000');
    await bench.run();
    expect(bench.keys()).not.toContain('bad/a.jpg');
    bench.put('broken');
    await bench.run();
    bench.drop();
    await bench.run();
    expect(bench.keys()).toEqual([]);
  });

  test('an original that changes before it is copied is looked at anew', async () => {
    const bench = new Bench({ quarantinePrefix: 'bad/' });
    bench.put('broken');
    bench.before = (call) => {
      if (call.startsWith('CopyObject')) {
        bench.put('1000');
      }
    };
    expect(await bench.run()).toEqual(['processed']);
    expect(bench.keys()).toEqual(['out/a.jpg/l.webp', MANIFEST, 'out/a.jpg/s.webp']);
  });

  test('our own output is told of, and not even a manifest is written', async () => {
    const bench = new Bench();
    bench.put('1000', { [SOURCE_ETAG_METADATA]: 'x' });
    expect(await bench.run()).toEqual(['rejected']);
    expect(bench.calls.filter((call) => call.startsWith('Put'))).toEqual([]);
    expect(bench.published).toMatchObject([{ message: { type: 'ImageRejected', reason: 'LOOP_GUARD' } }]);
  });

  test('our own output over an original: its variants go', async () => {
    const bench = await ready();
    bench.put('1000', { [SOURCE_ETAG_METADATA]: 'x' });
    expect(await bench.run()).toEqual(['rejected']);
    expect(bench.keys()).toEqual([]);
  });

  test('a key that cannot be is told of once per creation', async () => {
    const bench = new Bench();
    expect(await bench.run({ hint: { kind: 'created', etag: 'e' } }, 'in/../a.jpg')).toEqual(['rejected']);
    expect(bench.published).toMatchObject([{ message: { reason: 'KEY_REJECTED', source: { key: 'in/../a.jpg', etag: 'e' } }, overwritten: false }]);
    expect(await bench.run({}, 'in/../a.jpg')).toEqual(['rejected']);
    expect(bench.published[1].message.source.etag).toBe('');
    expect(await bench.run({ hint: { kind: 'removed' } }, 'in/../a.jpg')).toEqual(['ignored']);
    expect(bench.calls).toEqual([]);
  });

  test.each(['in/a.txt', 'elsewhere/a.jpg'])('%s is somebody else\'s', async (key) => {
    const bench = new Bench();
    expect(await bench.run({}, key)).toEqual(['ignored']);
    expect(bench.calls).toEqual([]);
  });
});
