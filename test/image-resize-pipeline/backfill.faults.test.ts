import { join } from 'node:path';
import { picture, PipelineAtWork, type Body } from './pipeline-at-work';
import { FaultSchedule, hash32, killSweep, Prng, runsFromEnv, seedFromEnv, type FaultKind } from '../kit/faults';
import { describeRandomRuns } from '../kit/random-runs';
import type { FunctionModel } from '../kit/template';

/** S3 Batch Operations over originals nobody has told of, under faults: every task has its result, every original its variants. */

const SEED = seedFromEnv(20261123);
const RUNS = runsFromEnv(10);

let pipeline: PipelineAtWork;
let backfill: FunctionModel;
let role: string;
let a: Buffer;
let b: Buffer;

jest.setTimeout(Math.max(600_000, RUNS * 20_000));

beforeAll(async () => {
  pipeline = await PipelineAtWork.start();
  backfill = pipeline.world.functionOf('ImagesBackfill');
  role = pipeline.world.model.roles.find(({ trust }) => JSON.stringify(trust).includes('batchoperations'))!.arn;
  [a, b] = await Promise.all([picture(1), picture(2)]);
  await pipeline.learn(a, b);
});
afterAll(() => pipeline.stop());

async function start(originals: Readonly<Record<string, Body>>, faults = FaultSchedule.none()): Promise<void> {
  await pipeline.begin({ faults });
  for (const [name, body] of Object.entries(originals)) await pipeline.world.plant(pipeline.source, `originals/${name}`, body);
}

async function job(names: readonly string[], more: Partial<Parameters<typeof pipeline.world.runBatch>[0]> = {}) {
  const objects = names.map((name) => ({ bucket: pipeline.source, key: `originals/${name}` }));
  const report = await pipeline.world.runBatch({ functionArn: backfill.arn, objects, ...more }, role);
  return { ...report, results: report.lines.map(({ resultCode, resultString }) => `${resultCode} ${resultString}`) };
}

/** Until every task of the job has a final result: an operator runs it again for the failed ones. A dead worker's claim ends in between. */
async function jobsUntilDone(names: readonly string[]): Promise<number> {
  for (let n = 1; ; n++) {
    const { lines } = await job(names);
    if (lines.every(({ resultCode, resultString }) => resultCode === 'Succeeded' || resultString === 'UNSUPPORTED_FORMAT') || n === 6) return n;
    await pipeline.world.timeline.advance(backfill.timeoutSeconds + 10);
  }
}

const originals = (): Record<string, Body> => ({ 'x.png': a, 'y (1)+é.png': b, 'text.png': 'no picture' });

test('each original is made, a refusal is final and says why', async () => {
  await start(originals());
  const { invocations, results } = await job(Object.keys(originals()));
  expect(results).toEqual(['Succeeded processed', 'Succeeded processed', 'PermanentFailure UNSUPPORTED_FORMAT']);
  expect(invocations).toBe(3);
  expect(await pipeline.deviations(originals())).toEqual([]);
});

test('a second job: no decode, no PUT, no message', async () => {
  await start(originals());
  await job(Object.keys(originals()));
  const before = [pipeline.decodes, pipeline.puts, pipeline.messages];
  const { results } = await job(Object.keys(originals()));
  expect(results).toEqual(['Succeeded unchanged', 'Succeeded unchanged', 'PermanentFailure UNSUPPORTED_FORMAT']);
  expect([pipeline.decodes, pipeline.puts, pipeline.messages]).toEqual(before);
});

test('tasks that come twice, several at a time', async () => {
  await start(originals());
  const names = Object.keys(originals());
  await job(names, { duplicates: () => true, concurrency: 4 });
  await pipeline.world.timeline.advance(backfill.timeoutSeconds + 10);
  expect(await jobsUntilDone(names)).toBe(1);
  expect(await pipeline.deviations(originals())).toEqual([]);
});

test('an original that is gone: success; what was made of it is removed', async () => {
  await start({});
  await pipeline.upload('x.png', a);
  await pipeline.settle();
  pipeline.world.proxy.use(FaultSchedule.none());
  await pipeline.remove('x.png');
  const { results } = await job(['x.png']);
  expect(results).toEqual(['Succeeded deleted']);
  await pipeline.settle();
  expect(await pipeline.deviations({})).toEqual([]);
});

test('SlowDown beyond the SDK\'s attempts: a temporary failure, driven again', async () => {
  const throttled = [1, 2, 3].map((nth) => ({ principal: backfill.roleArn, operation: 's3:HeadObject', nth, fault: { kind: 'throttle' as const } }));
  await start({ 'x.png': a }, FaultSchedule.of(...throttled));
  const { invocations, results } = await job(['x.png']);
  expect([invocations, results]).toEqual([2, ['Succeeded processed']]);
});

test('a right that is missing: never a success, nothing is deleted', async () => {
  await start({});
  await pipeline.upload('x.png', a);
  await pipeline.settle();
  pipeline.world.proxy.use(FaultSchedule.of(...['s3:HeadObject', 's3:ListObjectsV2'].map((operation) => (
    { principal: backfill.roleArn, operation, fault: { kind: 'access-denied' as const } }))));
  const { lines } = await job(['x.png']);
  expect(lines.map(({ resultCode }) => resultCode)).toEqual(['TemporaryFailure']);
  expect([pipeline.deletes, await pipeline.deviations({ 'x.png': a })]).toEqual([0, []]);
});

test('keys in every encoding somebody may use', async () => {
  const names = ['a b+(1).png', '100%2F5.png', '%20.png', 'ümlaut 😀.png', 'deep/er/x.png'];
  const given = Object.fromEntries(names.map((name) => [name, a]));
  await start(given);
  expect((await job(names)).results).toEqual(names.map(() => 'Succeeded processed'));
  expect(await pipeline.deviations(given)).toEqual([]);
});

test('killed before and after each call: the task fails, the next job completes it', async () => {
  await start({ 'x.png': a });
  await job(['x.png']);
  const schedules = killSweep(pipeline.world.callsOf(backfill));
  expect(schedules.length).toBeGreaterThanOrEqual(20);
  for (const faults of schedules) {
    await start({ 'x.png': a }, faults);
    const { lines: [line] } = await job(['x.png']);
    expect(line.status).toBe('failed');
    await pipeline.world.timeline.advance(backfill.timeoutSeconds + 10);
    expect(await jobsUntilDone(['x.png'])).toBe(1);
    expect([faults.toJSON(), await pipeline.deviations({ 'x.png': a })]).toEqual([faults.toJSON(), []]);
  }
});

test('a worker that holds the manifest: a temporary failure until it is done', async () => {
  await start({ 'x.png': a }, FaultSchedule.of({ principal: backfill.roleArn, operation: 's3:PutObject', nth: 2, fault: { kind: 'kill-before' } }));
  await job(['x.png']);
  const { results } = await job(['x.png']);
  expect(results).toEqual(['TemporaryFailure TryLater']);
  await pipeline.world.timeline.advance(backfill.timeoutSeconds + 10);
  expect((await job(['x.png'])).results).toEqual(['Succeeded processed']);
});

test('events and a job meet: the destination is right in the end', async () => {
  await start({ 'x.png': a });
  let calls = 0;
  pipeline.world.interfere(async ({ principal }) => {
    if (principal === backfill.roleArn && ++calls === 5) {
      await pipeline.upload('x.png', b);
      await pipeline.world.timeline.advance(0);
    }
  });
  await job(['x.png']);
  await pipeline.settle();
  expect(await pipeline.deviations({ 'x.png': b })).toEqual([]);
});

const KINDS: FaultKind[] = ['throttle', 'server-error', 'reset-before', 'reset-after', 'precondition-failed', 'conditional-conflict', 'kill-before', 'kill-after'];

describeRandomRuns({
  verb: 'backfill',
  regressions: join(__dirname, 'regressions'),
  seed: SEED,
  runs: RUNS,
  faults: () => ({ rate: 0.1, kinds: KINDS, principals: [backfill.roleArn] }),
  calls: () => pipeline.world.proxy.calls,
  run: async (seed, faults) => {
    const prng = new Prng(seed);
    const given = Object.fromEntries(prng.shuffle(Object.entries(originals())).slice(0, prng.int(1, 3)));
    await start(given, faults);
    await job(Object.keys(given), { duplicates: ({ key }) => new Prng(hash32(seed, key)).chance(0.3), concurrency: prng.int(1, 2) });
    pipeline.world.proxy.use(FaultSchedule.none());
    await pipeline.world.timeline.advance(backfill.timeoutSeconds + 10);
    await jobsUntilDone(Object.keys(given));
    return pipeline.deviations(given);
  },
});
