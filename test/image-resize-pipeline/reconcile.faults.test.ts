import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { aws_iam as iam, Size } from 'aws-cdk-lib';
import sharp from 'sharp';
import { FORMATS, PRESETS, picture, PipelineAtWork, type Body } from './pipeline-at-work';
import { EXACTLY_ONCE, randomDelivery, type DeliveryPlan } from '../kit/dispatch/delivery';
import { FaultSchedule, killSweep, pointOf, Prng, runsFromEnv, seedFromEnv, type FaultKind } from '../kit/faults';
import { describeRandomRuns } from '../kit/random-runs';
import type { RecordedCall } from '../kit/truth-proxy';

/** Every row of the room's failure table, with the shipped bundle under Lambda's runtime client. */

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(40);
const VARIANTS = PRESETS.length * FORMATS.length;

let pipeline: PipelineAtWork;
let a: Buffer;
let b: Buffer;

jest.setTimeout(Math.max(600_000, RUNS * 20_000));

beforeAll(async () => {
  pipeline = await PipelineAtWork.start(() => ({ maxFileSize: Size.mebibytes(1) }));
  [a, b] = await Promise.all([picture(1), picture(2)]);
  await pipeline.learn(a, b);
});
afterAll(() => pipeline.stop());

const kinds = () => pipeline.world.runs.map(({ outcome }) => outcome.kind);
const queue = () => pipeline.world.queue('ImagesQueue');
const isManifest = ({ params }: RecordedCall) => params.key?.endsWith('/manifest.json') ?? false;
const ofReconcile = () => pipeline.world.callsOf(pipeline.reconcile);

/** What happened before a fault, and what happens under it. */
interface Scenario {
  readonly before: Record<string, Body>;
  readonly act: () => Promise<unknown>;
  readonly after: () => Record<string, Body>;
}

const SCENARIOS: Record<string, Scenario> = {
  'a new picture': { before: {}, act: () => pipeline.upload('x.png', a), after: () => ({ 'x.png': a }) },
  'another picture under its name': { before: { 'x.png': 'a' }, act: () => pipeline.upload('x.png', b), after: () => ({ 'x.png': b }) },
  'its deletion': { before: { 'x.png': 'a' }, act: () => pipeline.remove('x.png'), after: () => ({}) },
  'no picture under its name': { before: { 'x.png': 'a' }, act: () => pipeline.upload('x.png', 'text'), after: () => ({ 'x.png': 'text' }) },
};

async function start({ before, act }: Scenario, faults = FaultSchedule.none()): Promise<void> {
  await pipeline.begin();
  for (const name of Object.keys(before)) await pipeline.upload(name, a);
  await pipeline.settle();
  pipeline.world.runs.length = 0;
  pipeline.world.proxy.clearCalls();
  pipeline.world.proxy.use(faults);
  await act();
}

/** The calls of a run without faults: where faults can strike. */
async function cleanCalls(scenario: Scenario): Promise<readonly RecordedCall[]> {
  await start(scenario);
  await pipeline.settle();
  expect(await pipeline.deviations(scenario.after())).toEqual([]);
  return [...ofReconcile()];
}

describe('killed before and after each call', () => {
  test.each(Object.entries(SCENARIOS))('%s: the next delivery completes it; readers never see a mixed list', async (_, scenario) => {
    const schedules = killSweep(await cleanCalls(scenario));
    expect(schedules.length).toBeGreaterThanOrEqual(12);
    for (const faults of schedules) {
      await start(scenario, faults);
      await pipeline.world.timeline.advance(0);
      expect(kinds()).toEqual(['killed']);
      const listed = (await pipeline.manifest('x.png'))?.variants ?? [];
      expect([0, VARIANTS]).toContain(listed.length);
      const madeOf = await Promise.all(listed.map(({ etag, key }) => pipeline.originOf(etag, key.split('/').at(-1)!)));
      expect(new Set(madeOf).size).toBeLessThanOrEqual(1);
      await pipeline.settle();
      expect([faults.toJSON(), await pipeline.deviations(scenario.after()), pipeline.deadLetters]).toEqual([faults.toJSON(), [], 0]);
    }
  });
});

describe('a call that fails once', () => {
  const transient: FaultKind[] = ['throttle', 'server-error', 'reset-before', 'reset-after'];

  test.each(Object.entries(SCENARIOS))('%s: throttled, an error, a connection lost before or after', async (_, scenario) => {
    const calls = await cleanCalls(scenario);
    for (const [i, call] of calls.entries()) {
      // Each call meets two of the four; the next call the other two.
      for (const kind of [transient[i % 2], transient[2 + i % 2]]) {
        await start(scenario, FaultSchedule.of({ ...pointOf(call), fault: { kind } }));
        await pipeline.settle();
        expect([call.operation, kind, await pipeline.deviations(scenario.after()), pipeline.deadLetters]).toEqual([call.operation, kind, [], 0]);
      }
    }
  });

  test.each<FaultKind>(['precondition-failed', 'conditional-conflict'])('%s on a manifest: the message comes again, nothing is lost', async (kind) => {
    const calls = (await cleanCalls(SCENARIOS['another picture under its name'])).filter((call) => call.operation === 'PutObject' && isManifest(call));
    expect(calls.length).toBeGreaterThanOrEqual(2);
    for (const call of calls) {
      const scenario = SCENARIOS['another picture under its name'];
      await start(scenario, FaultSchedule.of({ ...pointOf(call), fault: { kind } }));
      await pipeline.settle();
      expect(await pipeline.deviations(scenario.after())).toEqual([]);
      expect(pipeline.world.runs).toHaveLength(2);
    }
  });
});

describe('a service that stays down for a while', () => {
  test('SlowDown beyond the SDK\'s attempts: the message is reported as failed and comes again', async () => {
    await pipeline.begin({ faults: FaultSchedule.of(...[1, 2, 3].map((nth) => ({ operation: 's3:HeadObject', nth, fault: { kind: 'throttle' as const } }))) });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect(pipeline.world.runs.map(({ outcome }) => outcome.payload)).toEqual([
      { batchItemFailures: [{ itemIdentifier: expect.any(String) }] }, { batchItemFailures: [] },
    ]);
    expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
  });

  test('for good: the dead letters have the message; redriven, it is done', async () => {
    await pipeline.begin({ faults: FaultSchedule.of({ principal: pipeline.reconcile.roleArn, operation: 's3:GetObject', fault: { kind: 'server-error' } }) });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect([kinds().length, pipeline.deadLetters]).toEqual([queue().settings.redrive!.maxReceiveCount, 1]);
    expect(await pipeline.world.keys(pipeline.destination)).toEqual([]);
    pipeline.world.proxy.use(FaultSchedule.none());
    await pipeline.redrive();
    expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
  });

  test('killed at every attempt: one dead letter, the original untouched; redriven, it is done', async () => {
    await pipeline.begin({ faults: FaultSchedule.of({ principal: pipeline.reconcile.roleArn, operation: 's3:PutObject', fault: { kind: 'kill-after' } }) });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect(kinds()).toEqual(new Array(queue().settings.redrive!.maxReceiveCount).fill('killed'));
    expect([pipeline.deadLetters, pipeline.messages, pipeline.deletes]).toEqual([1, [], 0]);
    expect(await pipeline.world.keys(pipeline.source)).toEqual(['originals/x.png']);
    expect((await pipeline.world.read(pipeline.source, 'originals/x.png')).equals(a)).toBe(true);
    pipeline.world.proxy.use(FaultSchedule.none());
    await pipeline.redrive();
    expect([await pipeline.deviations({ 'x.png': a }), pipeline.deadLetters]).toEqual([[], 0]);
  });

  test('the queue, longer than EventBridge tries: the dead letters have the event; sent to the queue, it is done', async () => {
    await pipeline.begin();
    pipeline.world.outages.add(queue().settings.arn);
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect([kinds(), pipeline.deadLetters]).toEqual([[], 1]);
    await pipeline.redrive();
    expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
  });

  test('the topic, after the manifest is ready: the message publishes when it comes again, without a second decode', async () => {
    await pipeline.begin({ faults: FaultSchedule.of(...[1, 2, 3].map((nth) => ({ operation: 'sns:Publish', nth, fault: { kind: 'server-error' as const } }))) });
    await pipeline.upload('x.png', a);
    await pipeline.world.timeline.advance(0);
    expect([(await pipeline.manifest('x.png'))?.state, pipeline.messages]).toEqual(['ready', []]);
    await pipeline.settle();
    expect([pipeline.decodes, pipeline.messages, kinds()]).toEqual([1, ['ImageProcessed'], ['ok', 'ok']]);
  });

  test('the bus refuses an entry: published when the message comes again', async () => {
    await pipeline.begin({ faults: FaultSchedule.of({ operation: 'events:PutEvents', nth: 1, fault: { kind: 'refuse-entries' } }) });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect([pipeline.decodes, kinds().length, pipeline.deadLetters]).toEqual([1, 2, 0]);
  });
});

describe('delivery', () => {
  const firstEventLast = (): DeliveryPlan => {
    let events = 0;
    return { ...EXACTLY_ONCE, copies: (message) => message.includes(':rule/') && ++events === 1 ? [60] : [0] };
  };

  test('an event twice: no decode, no PUT, no message the second time', async () => {
    await pipeline.begin({ delivery: { ...EXACTLY_ONCE, copies: (message) => message.includes(':rule/') ? [0, 5] : [0] } });
    await pipeline.upload('x.png', a);
    await pipeline.world.timeline.advance(0);
    const [decodes, puts, messages] = [pipeline.decodes, pipeline.puts, pipeline.messages];
    await pipeline.settle();
    expect(kinds()).toEqual(['ok', 'ok']);
    expect([pipeline.decodes, pipeline.puts, pipeline.messages]).toEqual([decodes, puts, messages]);
    expect([decodes, puts, messages]).toEqual([1, VARIANTS + 2, ['ImageProcessed']]);
  });

  test('a deletion twice: nothing is written, no message the second time', async () => {
    await start(SCENARIOS['its deletion']);
    await pipeline.settle();
    expect(pipeline.messages).toEqual(['ImageDeleted']);
    const { puts, deletes } = pipeline;
    pipeline.world.announce({ bucket: pipeline.source, key: 'originals/x.png', kind: 'delete' });
    await pipeline.settle();
    expect([pipeline.messages, pipeline.decodes, await pipeline.deviations({})]).toEqual([['ImageDeleted'], 0, []]);
    expect([pipeline.puts, pipeline.deletes]).toEqual([puts, deletes]);
  });

  test('a message again although it was handled: no decode, no PUT; it publishes again', async () => {
    await pipeline.begin({ delivery: { ...EXACTLY_ONCE, losesDelete: (_, count) => count === 1 } });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect([pipeline.decodes, pipeline.puts, pipeline.messages]).toEqual([1, VARIANTS + 2, ['ImageProcessed', 'ImageProcessed']]);
  });

  test('the deletion overtakes the creation', async () => {
    await pipeline.begin({ delivery: firstEventLast() });
    await pipeline.upload('x.png', a);
    await pipeline.remove('x.png');
    await pipeline.settle();
    expect([await pipeline.deviations({}), pipeline.decodes, pipeline.messages]).toEqual([[], 0, []]);
  });

  test('an older picture\'s event comes last', async () => {
    await pipeline.begin({ delivery: firstEventLast() });
    await pipeline.upload('x.png', a);
    await pipeline.upload('x.png', b);
    await pipeline.settle();
    expect([await pipeline.deviations({ 'x.png': b }), pipeline.decodes]).toEqual([[], 1]);
  });

  test('deleted while it is made, before each call', async () => {
    const count = (await cleanCalls(SCENARIOS['a new picture'])).length;
    for (let n = 1; n <= count; n++) {
      await pipeline.begin();
      let calls = 0;
      pipeline.world.interfere(async () => {
        if (++calls === n) await pipeline.remove('x.png');
      });
      await pipeline.upload('x.png', a);
      await pipeline.settle();
      expect([n, await pipeline.deviations({})]).toEqual([n, []]);
    }
  });

  test('replaced while it is made, before each call', async () => {
    const count = (await cleanCalls(SCENARIOS['a new picture'])).length;
    for (let n = 1; n <= count; n++) {
      await pipeline.begin();
      let calls = 0;
      pipeline.world.interfere(async () => {
        if (++calls === n) await pipeline.upload('x.png', b);
      });
      await pipeline.upload('x.png', a);
      await pipeline.settle();
      expect([n, await pipeline.deviations({ 'x.png': b })]).toEqual([n, []]);
    }
  });

  test('a test event of S3 is taken and nothing done; what is no event goes to the dead letters', async () => {
    await pipeline.begin();
    queue().send(JSON.stringify(pipeline.world.events.testEvent(pipeline.source, pipeline.world.timeline.now)));
    await pipeline.settle();
    expect([kinds(), ofReconcile().length, pipeline.deadLetters]).toEqual([['ok'], 0, 0]);
    queue().send('no event');
    await pipeline.settle();
    expect([kinds().length, ofReconcile().length, pipeline.deadLetters]).toEqual([6, 0, 1]);
  });
});

describe('a right that is missing', () => {
  test.each<[string, string[]]>([
    ['every read of the source', ['s3:HeadObject', 's3:GetObject', 's3:ListObjectsV2']],
    ['looking and listing', ['s3:HeadObject', 's3:ListObjectsV2']],
    ['looking only', ['s3:HeadObject']],
  ])('%s: no variant is deleted, the dead letters have the message', async (_, operations) => {
    await pipeline.begin();
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    const { roleArn } = pipeline.reconcile;
    pipeline.world.proxy.use(FaultSchedule.of(...operations.map((operation) => ({ principal: roleArn, operation, fault: { kind: 'access-denied' as const } }))));
    pipeline.world.announce({ bucket: pipeline.source, key: 'originals/x.png', kind: 'delete' });
    await pipeline.settle();
    expect([pipeline.deadLetters, pipeline.deletes]).toEqual([1, 0]);
    expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
  });

  test('reading what was looked at: nothing is made, the dead letters have the message', async () => {
    await pipeline.begin({ faults: FaultSchedule.of({ principal: pipeline.reconcile.roleArn, operation: 's3:GetObject', fault: { kind: 'access-denied' } }) });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect([pipeline.deadLetters, pipeline.messages]).toEqual([1, []]);
  });
});

describe('originals that are refused', () => {
  const refused = async (name: string, body: Buffer | string, more: Parameters<PipelineAtWork['world']['upload']>[3] = {}) => {
    await pipeline.begin();
    await pipeline.upload(name, a);
    await pipeline.settle();
    await pipeline.world.upload(pipeline.source, `originals/${name}`, body, more);
    await pipeline.settle();
    expect([pipeline.deadLetters, pipeline.world.unrest()]).toEqual([0, []]);
    const { rejection, state, variants } = (await pipeline.manifest(name))!;
    expect([state, variants, (await pipeline.world.keys(pipeline.destination)).length]).toEqual(['rejected', [], 1]);
    expect(pipeline.messages).toEqual(['ImageProcessed', `ImageRejected ${rejection!.reason}`]);
    return rejection!.reason;
  };

  test.each<[string, string, () => Promise<Buffer | string> | Buffer | string]>([
    ['UNSUPPORTED_FORMAT', 'text', () => 'this is no picture'],
    ['UNSUPPORTED_FORMAT', 'an SVG named .png', () => '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ['EMPTY_FILE', 'nothing', () => ''],
    ['CORRUPT_IMAGE', 'half a picture', async () => (await noise()).subarray(0, 900)],
    ['TOO_MANY_PIXELS', 'a bomb', () => bomb(60_000)],
    ['TOO_MANY_FRAMES', 'a long animation', () => sharp(Buffer.alloc(8 * 8 * 61 * 3).map((_, i) => i % 251), {
      raw: { width: 8, height: 8 * 61, channels: 3, pageHeight: 8 },
    }).gif().toBuffer()],
    ['FILE_TOO_LARGE', 'a large file', () => Buffer.alloc(1024 * 1024 + 1)],
  ])('%s: %s; what was made of the picture before is removed', async (reason, _, body) => {
    expect(await refused('x.png', await body())).toBe(reason);
  });

  test('an archived object', async () => {
    expect(await refused('x.png', b, { StorageClass: 'GLACIER' })).toBe('ARCHIVED');
  });

  test('InvalidObjectState; once it can be read, the next event makes it', async () => {
    await pipeline.begin({ faults: FaultSchedule.of({ operation: 's3:GetObject', nth: 2, fault: { kind: 'archived' } }) });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect(pipeline.messages).toEqual(['ImageRejected ARCHIVED']);
    pipeline.world.announce({ bucket: pipeline.source, key: 'originals/x.png', kind: 'put' });
    await pipeline.settle();
    expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
  });

  test('an object under its owner\'s key (SSE-C)', async () => {
    // HEAD tells the status alone; GET says why.
    const fault = {
      kind: 'access-denied' as const,
      status: 400,
      code: 'InvalidRequest',
      message: 'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    };
    await pipeline.begin({ faults: FaultSchedule.of({ operation: 's3:HeadObject', fault }, ...[2, 3].map((nth) => ({ operation: 's3:GetObject', nth, fault }))) });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect([pipeline.messages, pipeline.deadLetters]).toEqual([['ImageRejected CUSTOMER_KEY_ENCRYPTED'], 0]);
  });

  test('an object of ours: nothing is written', async () => {
    await pipeline.begin();
    await pipeline.world.upload(pipeline.source, 'originals/x.png', a, { Metadata: { 'source-etag': 'x' } });
    await pipeline.settle();
    expect([pipeline.messages, pipeline.puts, await pipeline.world.keys(pipeline.destination)]).toEqual([['ImageRejected LOOP_GUARD'], 0, []]);
  });
});

describe('other settings of the function', () => {
  afterEach(() => pipeline.world.adjust());

  test('128 MB: refused with EXCEEDS_MEMORY; a larger function makes it at the next event', async () => {
    pipeline.world.adjust(() => ({ memoryMb: 128 }));
    await pipeline.begin();
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect([pipeline.messages, pipeline.deadLetters, kinds()]).toEqual([['ImageRejected EXCEEDS_MEMORY'], 0, ['ok']]);
    expect((await pipeline.manifest('x.png'))?.rejection).toMatchObject({ reason: 'EXCEEDS_MEMORY', memoryMb: 128 });
    pipeline.world.adjust();
    pipeline.world.announce({ bucket: pipeline.source, key: 'originals/x.png', kind: 'put' });
    await pipeline.settle();
    expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
  });

  test('nodejs22.x: the picture is made', async () => {
    pipeline.world.adjust(() => ({ runtime: 'nodejs22.x' }));
    await pipeline.begin();
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect(pipeline.world.runs.map(({ outcome: { kind, coldStart } }) => [kind, coldStart])).toEqual([['ok', true]]);
    expect([await pipeline.deviations({ 'x.png': a }), pipeline.messages]).toEqual([[], ['ImageProcessed']]);
  });
});

describe('a role that is denied to read the source', () => {
  let denied: PipelineAtWork;

  beforeAll(async () => {
    denied = await PipelineAtWork.start(undefined, ({ reconcileFunction, sourceBucket }) => {
      const resources = [sourceBucket.bucketArn, sourceBucket.arnForObjects('*')];
      reconcileFunction.addToRolePolicy(new iam.PolicyStatement({ effect: iam.Effect.DENY, actions: ['s3:GetObject*', 's3:ListBucket'], resources }));
    });
    await denied.begin();
  });
  afterAll(() => denied.stop());

  test.each<[string, () => Promise<unknown>]>([
    ['a new picture', () => denied.upload('x.png', b)],
    ['a deletion', () => denied.remove('x.png')],
  ])('%s: nothing is deleted, the dead letters have the message', async (_, act) => {
    const { world } = denied;
    await denied.begin();
    await world.plant(denied.source, 'originals/x.png', a);
    // The lazy origin has a role of its own.
    const path = '/img/x.png/small.webp';
    const request = { version: '2.0', rawPath: path, headers: {}, requestContext: { http: { method: 'GET', path } } };
    await world.invokeArn(world.functionOf('ImagesServe').arn, request);
    const made = await world.keys(denied.destination);
    expect(made).toHaveLength(VARIANTS + 1);
    await act();
    await denied.settle();
    const ofSource = world.callsOf(denied.reconcile).filter(({ params }) => params.bucket === denied.source);
    const answers = ofSource.map(({ fault, status }) => ({ fault, status }));
    expect(answers).not.toEqual([]);
    expect(answers).toEqual(answers.map(() => ({ fault: undefined, status: 403 })));
    expect([denied.deadLetters, denied.deletes, await world.keys(denied.destination)]).toEqual([1, 0, made]);
    expect((await denied.manifest('x.png'))?.state).toBe('ready');
  });
});

describe('names', () => {
  const ODD = [
    'with space.png', 'a+b.png', 'a (1).png', 'ümlaut é.png', '😀.png', '100%2F5.png', '%20.png', 'a&b=c;d,e@f:g$.png', '\'quote\'.png',
    'deep/er/x.png', '*.png', '~tilde!.png', 'UPPER.PNG', 'no-extension', 'a//b.png', '.hidden',
  ];
  const originals = () => Object.fromEntries(ODD.map((name) => [name, a]));

  test('odd ones come through EventBridge as they are', async () => {
    await pipeline.begin();
    for (const name of ODD) await pipeline.upload(name, a);
    await pipeline.settle();
    expect(await pipeline.deviations(originals())).toEqual([]);
  });

  test('odd ones come through S3\'s own notifications, plain and by a topic', async () => {
    await pipeline.begin();
    const { events, timeline } = pipeline.world;
    for (const [i, name] of ODD.entries()) {
      await pipeline.world.plant(pipeline.source, `originals/${name}`, a);
      const notification = events.notification({ bucket: pipeline.source, key: `originals/${name}`, kind: 'put' }, timeline.now);
      queue().send(JSON.stringify(i % 2 ? notification : events.fromTopic('arn:aws:sns:eu-west-1:123456789012:t', notification, timeline.now)));
    }
    await pipeline.settle();
    expect(await pipeline.deviations(originals())).toEqual([]);
  });

  test.each(['a/../b.png', './a.png', 'folder/', 'control\u0001.png', `${'x'.repeat(1005)}.png`])('%j is refused', async (name) => {
    await pipeline.begin();
    pipeline.world.announce({ bucket: pipeline.source, key: `originals/${name}`, kind: 'put', etag: 'e' });
    await pipeline.settle();
    expect([pipeline.messages, pipeline.puts, pipeline.deadLetters]).toEqual([['ImageRejected KEY_REJECTED'], 0, 0]);
  });
});

describe('at random', () => {
  const KINDS: FaultKind[] = [
    'throttle', 'server-error', 'reset-before', 'reset-after', 'late-apply', 'precondition-failed', 'conditional-conflict', 'kill-before', 'kill-after',
  ];
  const NAMES = ['x.png', 'y.png', 'z w.png'];

  /** Uploads, replaces and deletes under faults and random delivery, then looks at what came of it. */
  async function run(seed: number, faults: FaultSchedule): Promise<string[]> {
    const prng = new Prng(seed);
    const originals: Record<string, Body> = {};
    await pipeline.begin({ faults, delivery: randomDelivery(seed, { duplicate: 0.15, delay: 0.3, maxDelaySeconds: 500, loseDelete: 0.1 }) });
    for (let step = prng.int(2, 5); step > 0; step--) {
      const name = prng.pick(NAMES);
      const body = prng.pick<Body | undefined>([a, b, a, b, 'no picture', undefined]);
      if (body === undefined) {
        delete originals[name];
        await pipeline.remove(name);
      } else {
        originals[name] = body;
        await pipeline.upload(name, body);
      }
      await pipeline.world.timeline.advance(prng.pick([0, 0, 1, 100, 400]));
    }
    await pipeline.settle();
    const events = queue().ledger.arrived;
    const runs = pipeline.world.runs.length;
    pipeline.world.proxy.use(FaultSchedule.none());
    await pipeline.redrive();
    const limit = events * queue().settings.redrive!.maxReceiveCount;
    return [...await pipeline.deviations(originals), ...runs > limit ? [`${runs} invocations for ${events} messages`] : []];
  }

  describeRandomRuns({
    verb: 'reconcile',
    regressions: join(__dirname, 'regressions'),
    seed: SEED,
    runs: RUNS,
    faults: () => ({ rate: 0.12, kinds: KINDS, principals: [pipeline.reconcile.roleArn] }),
    run,
    calls: () => pipeline.world.proxy.calls,
  });
});

describe('time', () => {
  afterEach(() => pipeline.world.adjust());

  test('no time is left for making the picture: refused with TIME_BUDGET', async () => {
    await pipeline.begin();
    pipeline.world.interfere(async ({ operation, params }) => {
      if (operation === 'GetObject' && params.bucket === pipeline.source) pipeline.world.lag(pipeline.reconcile.timeoutSeconds - 4);
    });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect([pipeline.messages, pipeline.deadLetters]).toEqual([['ImageRejected TIME_BUDGET'], 0]);
  });

  test('a call that never answers: the invocation times out, the next one completes it', async () => {
    pipeline.world.adjust(() => ({ timeoutSeconds: 10 }));
    await pipeline.begin({ faults: FaultSchedule.of({ operation: 's3:PutObject', nth: 2, fault: { kind: 'hang-after' } }) });
    await pipeline.upload('x.png', a);
    await pipeline.settle();
    expect(kinds()).toEqual(['timeout', 'ok']);
    expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
  });
});

/** A picture that does not compress. */
function noise(): Promise<Buffer> {
  const prng = new Prng(1);
  const pixels = Buffer.from(Array.from({ length: 64 * 64 * 3 }, () => prng.int(0, 255)));
  return sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } }).png().toBuffer();
}

/** A PNG of a few bytes that says it is enormous. */
async function bomb(side: number): Promise<Buffer> {
  const png = Buffer.from(await picture(1));
  png.writeUInt32BE(side, 16);
  png.writeUInt32BE(side, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}
