import { join } from 'node:path';
import { picture, PipelineAtWork, PRESETS, FORMATS } from './pipeline-at-work';
import { FaultSchedule, killSweep, pointOf, Prng, runsFromEnv, seedFromEnv, type FaultKind } from '../kit/faults';
import { describeRandomRuns } from '../kit/random-runs';
import type { FunctionModel } from '../kit/template';

/** The lazy origin under faults: a reader gets the variant, or an answer that tells to come again; never a wrong one. */

const SEED = seedFromEnv(20261122);
const RUNS = runsFromEnv(12);
const FILES = PRESETS.flatMap(([preset]) => FORMATS.map((extension) => `${preset}.${extension}`));

interface Response {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

let pipeline: PipelineAtWork;
let serve: FunctionModel;
let a: Buffer;

jest.setTimeout(Math.max(600_000, RUNS * 20_000));

beforeAll(async () => {
  pipeline = await PipelineAtWork.start();
  serve = pipeline.world.functionOf('ImagesServe');
  a = await picture(1);
  await pipeline.learn(a);
});
afterAll(() => pipeline.stop());

/** What CloudFront makes of a function URL's answer: an error of the function is a 502. */
async function get(path: string, method = 'GET'): Promise<Response> {
  const outcome = await pipeline.world.invokeArn(serve.arn, {
    version: '2.0', rawPath: path, rawQueryString: '', headers: {}, isBase64Encoded: false, requestContext: { http: { method, path } },
  });
  return outcome.kind === 'ok' ? outcome.payload as Response : { statusCode: 502, headers: {} };
}

const calls = () => pipeline.world.callsOf(serve);

/** An original nobody has told of. */
async function start(faults = FaultSchedule.none()): Promise<void> {
  await pipeline.begin({ faults });
  await pipeline.world.plant(pipeline.source, 'originals/x.png', a);
}

/** Asks until there is an answer, as a reader's browser or CloudFront would; a claim of a dead worker ends in between. */
async function ask(path: string): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await get(path);
    if (response.statusCode < 500 || attempt === 5) return response;
    await pipeline.world.timeline.advance(serve.timeoutSeconds + 10);
  }
}

const CLEAN = { statusCode: 200, isBase64Encoded: true };

test('a variant that is not there is made with its siblings, sent, and not made again', async () => {
  await start();
  const first = await get('/img/x.png/small.webp');
  expect(first).toMatchObject({ ...CLEAN, headers: { 'content-type': 'image/webp' } });
  expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
  const [decodes, puts] = [pipeline.decodes, pipeline.puts];
  expect((await get('/img/x.png/small.webp')).body).toBe(first.body);
  expect([pipeline.decodes, pipeline.puts, decodes]).toEqual([decodes, puts, 1]);
});

test('HEAD has no body', async () => {
  await start();
  const response = await get('/img/x.png/small.webp', 'HEAD');
  expect([response.statusCode, response.body]).toEqual([200, undefined]);
});

test('an encoded path and a plain one name the same original', async () => {
  await pipeline.begin();
  for (const name of ['a b+(1).png', '100%2F5.png']) await pipeline.world.plant(pipeline.source, `originals/${name}`, a);
  for (const path of ['/img/a%20b%2B(1).png/small.webp', '/img/a b+(1).png/small.webp', '/img/100%252F5.png/small.webp']) {
    expect([path, (await get(path)).statusCode]).toEqual([path, 200]);
  }
  expect(await pipeline.deviations({ 'a b+(1).png': a, '100%2F5.png': a })).toEqual([]);
});

test(`what is not declared: 404, no work, no write (seed ${SEED})`, async () => {
  await start();
  const prng = new Prng(SEED);
  const part = () => prng.pick(['x.png', 'img', 'small', 'large.webp', 'small.png', 'manifest.json', '..', '%2e%2e', '', '%', '%00', 'small.webp?', '*', 'originals']);
  const paths = [
    '/', '/img/x.png', '/img/x.png/', '/img/x.png/huge.webp', '/img/x.png/small.avif', '/img/x.png/manifest.json', '/originals/x.png/small.webp',
    '/img/../originals/x.png/small.webp', '/img/x.png/SMALL.webp', '/img//small.webp', '/img/%E0%A4%A/small.webp',
    ...Array.from({ length: 60 }, () => `/${Array.from({ length: prng.int(1, 4) }, part).join('/')}`),
  ].filter((path) => !FILES.some((file) => path === `/img/x.png/${file}`));
  for (const path of paths) expect([path, (await get(path)).statusCode]).toEqual([path, 404]);
  expect([pipeline.decodes, pipeline.puts]).toEqual([0, 0]);
});

test('no original: 404, nothing is written; other methods: 405', async () => {
  await pipeline.begin();
  expect((await get('/img/x.png/small.webp')).statusCode).toBe(404);
  expect((await get('/img/x.png/small.webp', 'DELETE')).statusCode).toBe(405);
  expect([pipeline.puts, await pipeline.world.keys(pipeline.destination)]).toEqual([0, []]);
});

test('a refused original: 404, and the refusal is remembered', async () => {
  await pipeline.begin();
  await pipeline.world.plant(pipeline.source, 'originals/x.png', 'no picture');
  expect((await get('/img/x.png/small.webp')).statusCode).toBe(404);
  expect((await get('/img/x.png/large.jpg')).statusCode).toBe(404);
  expect(pipeline.decodes).toBe(1);
  expect(await pipeline.deviations({ 'x.png': 'no picture' })).toEqual([]);
});

test('nothing is ever deleted on request', async () => {
  await pipeline.begin();
  await pipeline.upload('x.png', a);
  await pipeline.settle();
  await pipeline.begin({});
  await pipeline.world.plant(pipeline.destination, 'img/x.png/small.webp', 'left over');
  expect((await get('/img/x.png/small.webp')).statusCode).toBe(404);
  expect([pipeline.deletes, await pipeline.world.keys(pipeline.destination)]).toEqual([0, ['img/x.png/small.webp']]);
});

test('killed before and after each call: busy until the claim ends, then the variant', async () => {
  await start();
  await get('/img/x.png/small.webp');
  const schedules = killSweep(calls());
  expect(schedules.length).toBeGreaterThanOrEqual(20);
  let busy = 0;
  for (const faults of schedules) {
    await start(faults);
    expect((await get('/img/x.png/small.webp')).statusCode).toBe(502);
    const next = await get('/img/x.png/small.webp');
    expect([200, 503]).toContain(next.statusCode);
    if (next.statusCode === 503) {
      busy += 1;
      expect(next.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    }
    expect((await ask('/img/x.png/small.webp')).statusCode).toBe(200);
    expect([faults.toJSON(), await pipeline.deviations({ 'x.png': a })]).toEqual([faults.toJSON(), []]);
  }
  expect(busy).toBeGreaterThan(0);
});

test('a call that fails once: throttled, an error, a connection lost', async () => {
  await start();
  await get('/img/x.png/small.webp');
  for (const [i, call] of [...calls()].entries()) {
    const kind = (['throttle', 'server-error', 'reset-before', 'reset-after'] as const)[i % 4];
    await start(FaultSchedule.of({ ...pointOf(call), fault: { kind } }));
    expect([call.operation, kind, (await ask('/img/x.png/small.webp')).statusCode]).toEqual([call.operation, kind, 200]);
    expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
  }
});

test('two readers at once: one build, both are served in the end', async () => {
  await start();
  const answers = await Promise.all([get('/img/x.png/small.webp'), get('/img/x.png/large.jpg')]);
  expect(answers.map(({ statusCode }) => statusCode).sort()[0]).toBe(200);
  expect(answers.every(({ statusCode }) => [200, 503].includes(statusCode))).toBe(true);
  expect((await ask('/img/x.png/small.webp')).statusCode).toBe(200);
  expect(await pipeline.deviations({ 'x.png': a })).toEqual([]);
});

test.each<FaultKind>(['precondition-failed', 'conditional-conflict'])('%s on the claim: come again, nothing is lost', async (kind) => {
  await start(FaultSchedule.of({ operation: 's3:PutObject', nth: 1, fault: { kind } }));
  expect((await get('/img/x.png/small.webp')).statusCode).toBe(503);
  expect((await ask('/img/x.png/small.webp')).statusCode).toBe(200);
});

test('no right to read: an error, never a 404 somebody might cache; nothing is written', async () => {
  await start(FaultSchedule.of({ principal: serve.roleArn, operation: 's3:HeadObject', fault: { kind: 'access-denied' } }));
  expect((await get('/img/x.png/small.webp')).statusCode).toBe(502);
  expect(pipeline.puts).toBe(0);
});

const KINDS: FaultKind[] = ['throttle', 'server-error', 'reset-before', 'reset-after', 'precondition-failed', 'conditional-conflict', 'kill-before', 'kill-after'];

describeRandomRuns({
  verb: 'serve',
  regressions: join(__dirname, 'regressions'),
  seed: SEED,
  runs: RUNS,
  faults: () => ({ rate: 0.15, kinds: KINDS, principals: [serve.roleArn] }),
  calls,
  run: async (seed, faults) => {
    await start(faults);
    const path = `/img/x.png/${new Prng(seed).pick(FILES)}`;
    const found: string[] = [];
    for (let n = 0; n < 3; n++) {
      const { statusCode } = await get(path);
      if (![200, 502, 503].includes(statusCode)) found.push(`answered ${statusCode}`);
      await pipeline.world.timeline.advance(serve.timeoutSeconds + 10);
    }
    pipeline.world.proxy.use(FaultSchedule.none());
    const last = (await ask(path)).statusCode;
    return [...found, ...last === 200 ? [] : [`the last answer is ${last}`], ...await pipeline.deviations({ 'x.png': a })];
  },
});
