import { join } from 'node:path';
import { PLAN, SITE, SOURCE } from './flow-at-work';
import { metricsOf, SideAtWork } from './side-at-work';
import { METRIC, setId, TAG } from '../../src/ebs-snapshot-dr/contract';
import { HOUR, type StoredSnapshot } from '../kit/fakes/ec2';
import { FaultSchedule, type FaultKind, runsFromEnv, seedFromEnv } from '../kit/faults';
import { MemoryGroup } from '../kit/memory-group';
import { describeRandomRuns } from '../kit/random-runs';

/** The shipped functions under Lambda's runtime client and their own roles. What no function is needed for stands in flow.test.ts. */

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(3);
/** The quota of a Region in the long runs. */
const SNAPSHOTS = RUNS >= 100 ? 100_000 : 10_000;
/** Seconds; no test waits for a settling time. */
const TIMEOUT_SECONDS = 60;
const adjust = () => ({ timeoutSeconds: TIMEOUT_SECONDS });
const LOSSES: readonly FaultKind[] = ['throttle', 'server-error', 'reset-before', 'reset-after', 'late-apply', 'kill-before', 'kill-after', 'short-page', 'empty-page'];

jest.setTimeout(Math.max(300_000, RUNS * 60_000));

const at = (operation: string, kind: FaultKind, nth?: number) => FaultSchedule.of({ operation, nth, fault: { kind } });
const alive = (all: Iterable<StoredSnapshot>) => [...all].filter(({ deleted, tags }) => !deleted && tags[TAG.set] !== undefined);

describe('in the plan\'s Region', () => {
  let side: SideAtWork;
  beforeAll(async () => {
    side = await SideAtWork.start('plan', adjust);
  });
  afterAll(() => side?.stop());

  test('sets are taken while file systems are frozen, once, with images', async () => {
    await side.begin();
    side.flow.instance(3);
    side.flow.instance(1);
    const outcome = await side.ok('Snapshot');
    expect(outcome.payload).toEqual({ taken: 2, before: 0, gone: 0 });
    expect(metricsOf(outcome)).toMatchObject({ Plan: PLAN, [METRIC.setsTaken]: 2, [METRIC.setsFailed]: 0 });
    const originals = side.flow.originals();
    expect(originals).toHaveLength(4);
    for (const { startedAt, tags } of originals) {
      const [from, until] = tags[TAG.frozen].split('/').map(Date.parse);
      expect([startedAt >= from, startedAt <= until]).toEqual([true, true]);
    }
    side.advance(1);
    expect(side.model.images(SOURCE)).toHaveLength(2);
    expect((await side.ok('Snapshot')).payload).toEqual({ taken: 0, before: 2, gone: 0 });
    expect(side.flow.originals()).toHaveLength(4);
  });

  test('an agent that fails to freeze costs the consistency, not the set', async () => {
    await side.begin();
    side.agent = async () => ({ exitCode: 1 });
    side.flow.instance(1);
    expect(metricsOf(await side.ok('Snapshot'))).toMatchObject({ [METRIC.setsTaken]: 1, [METRIC.freezesFailed]: 1 });
    expect(side.flow.originals().map(({ tags }) => tags[TAG.frozen])).toEqual([undefined]);
  });

  test.each<FaultKind>(['reset-after', 'late-apply', 'kill-after', 'kill-before'])('the answer to CreateSnapshots is lost (%s): found again, no second set', async (kind) => {
    await side.begin(at('ec2:CreateSnapshots', kind, 1));
    side.flow.instance(2);
    expect((await side.snapshot()).kind).not.toBe('ok');
    await side.world.proxy.settle();
    side.use(FaultSchedule.none());
    side.advance(6);
    await side.ok('Snapshot');
    expect(side.flow.originals()).toHaveLength(2);
  });

  test('120 instances and a bucket of 100 calls, 20 a second: all are taken', async () => {
    await side.begin();
    for (let i = 0; i < 120; i++) side.flow.instance(1);
    expect(metricsOf(await side.ok('Snapshot'))).toMatchObject({ [METRIC.setsTaken]: 120, [METRIC.setsFailed]: 0 });
  });

  test('an answer of EC2 that fails deletes nothing; one that comes in pieces is put together', async () => {
    await side.begin();
    side.flow.instance(2);
    for (let i = 0; i < 4; i++) await side.flow.hour();
    const before = side.flow.originals().length;
    side.catchUp();
    side.use(at('ec2:DescribeSnapshots', 'access-denied'));
    expect([(await side.invoke('Prune')).kind, side.flow.originals().length]).toEqual(['error', before]);
    side.advance(30);
    side.use(at('ec2:DescribeSnapshots', 'short-page', 1));
    expect(metricsOf(await side.ok('Prune'))).toMatchObject({ [METRIC.setsDeleted]: 2 });
    expect(side.flow.originals()).toHaveLength(4);
  });
});

describe('at a site', () => {
  let side: SideAtWork;
  beforeAll(async () => {
    side = await SideAtWork.start('site', adjust);
  });
  afterAll(() => side?.stop());

  /** A set of each of two instances, complete in the plan's Region. */
  async function prepare(faults?: FaultSchedule): Promise<void> {
    await side.begin();
    side.flow.instance(2);
    side.flow.instance(1);
    await nextSet();
    side.use(faults ?? FaultSchedule.none());
  }

  async function nextSet(): Promise<void> {
    side.flow.clock.advanceTo((Math.floor(side.flow.clock.now() / HOUR) + 1) * HOUR);
    await side.flow.ok('snapshot');
    side.advance(5);
  }

  async function ticks(count: number, must = false): Promise<void> {
    for (let i = 0; i < count; i++) {
      for (const verb of ['Copy', 'Watch'] as const) await (must ? side.ok(verb) : side.invoke(verb));
      side.advance(6);
    }
  }

  async function deviations(): Promise<string[]> {
    const wrong: string[] = [];
    const copies = alive(side.model.all(SITE));
    const sources = copies.map(({ source }) => source);
    if (new Set(sources).size < sources.length) wrong.push('a snapshot was copied twice');
    const items = (await side.world.items('DrTable')).filter(({ pk }) => pk.S === `point#${PLAN}`);
    const points = items.map(({ body }) => (JSON.parse(body.S as string) as { point: { set: string } }).point.set).sort();
    const whole = side.flow.originals().map(({ tags }) => tags[TAG.set]);
    const expected = [...new Set(whole)].sort();
    if (JSON.stringify(points) !== JSON.stringify(expected)) wrong.push(`recovery points ${points.join()}, not ${expected.join()}`);
    const manifests = await side.world.keys(side.of('Watch').environment.BUCKET);
    if (manifests.length !== points.length) wrong.push(`${manifests.length} manifests`);
    return wrong;
  }

  test('sets are copied under the site\'s key, recorded, and pruned', async () => {
    await prepare();
    const outcome = await side.ok('Copy');
    const counts = { [METRIC.copiesStarted]: 3, [METRIC.copiesQueued]: 0, [METRIC.copiesLate]: 0 };
    expect(metricsOf(outcome)).toMatchObject({ Plan: PLAN, Site: SITE.region, ...counts });
    side.advance(12);
    expect(metricsOf(await side.ok('Watch'))).toMatchObject({ Plan: PLAN, Site: SITE.region, [METRIC.recoveryPointAge]: expect.any(Number) as number });
    expect(await deviations()).toEqual([]);
    const { KEY_ARN: key } = side.of('Copy').environment;
    expect(alive(side.model.all(SITE)).every((copy) => copy.key === key)).toBe(true);
    for (let i = 0; i < 2; i++) {
      await nextSet();
      await ticks(3, true);
    }
    expect(metricsOf(await side.ok('Prune'))).toMatchObject({ [METRIC.setsDeleted]: 2, [METRIC.pruneHeld]: 0 });
    expect(alive(side.model.all(SITE))).toHaveLength(6);
  });

  test.each<FaultKind>(['reset-after', 'late-apply', 'kill-after', 'kill-before'])('the answer to CopySnapshot is lost (%s): one copy in the end', async (kind) => {
    await prepare(at('ec2:CopySnapshot', kind, 1));
    await side.invoke('Copy');
    await side.world.proxy.settle();
    side.use(FaultSchedule.none());
    side.advance(10);
    await ticks(4);
    expect(await deviations()).toEqual([]);
  });

  test('the plan\'s Region is dark: ticks go on, the age grows', async () => {
    await prepare();
    await ticks(3, true);
    side.model.darken(SOURCE.region);
    side.advance(60);
    await side.ok('Copy');
    expect(metricsOf(await side.ok('Watch'))[METRIC.recoveryPointAge]).toBeGreaterThan(3600);
    await side.ok('Prune');
    expect(await deviations()).toEqual([]);
  });

  test(`${SNAPSHOTS} snapshots, 100 calls and 20 a second: every function comes to its end in 256 MB`, async () => {
    await side.begin(undefined, { bucket: { burst: 100, perSecond: 20 } });
    side.world.adjust(() => ({ memoryMb: 256, memoryLimit: MemoryGroup.available() }));
    const now = side.model.clock.now();
    for (let i = 0; i < SNAPSHOTS; i++) {
      const instance = `i-${(i % 100).toString(16).padStart(8, '0')}`;
      const taken = now - (i < 100 ? 1 : 100 + Math.floor(i / 100)) * HOUR;
      const iso = `${new Date(Math.floor(taken / 1000) * 1000).toISOString().slice(0, 19)}Z`;
      side.model.plant(SITE, {
        startedAt: taken,
        source: `snap-${i}`,
        tags: {
          [TAG.plan]: PLAN,
          [TAG.set]: setId(instance, iso),
          [TAG.members]: '1',
          [TAG.origin]: `${SOURCE.account}/${SOURCE.region}`,
          [TAG.source]: `snap-${i}`,
          [TAG.volume]: `vol-${(i % 100).toString(16)}`,
          [TAG.device]: '/dev/sda',
          [TAG.taken]: iso,
        },
      });
    }
    for (const verb of ['Copy', 'Watch', 'Prune'] as const) {
      const { kind, durationMs } = await side.invoke(verb);
      console.log(`${verb}: ${SNAPSHOTS} snapshots, ${(durationMs / 1000).toFixed(1)} s`);
      expect([verb, kind]).toEqual([verb, 'ok']);
    }
    side.world.adjust(adjust);
  });

  describeRandomRuns({
    verb: 'handlers',
    regressions: join(__dirname, 'regressions'),
    seed: SEED,
    runs: RUNS,
    faults: () => ({ rate: 0.08, kinds: LOSSES, operations: ['ec2:DescribeSnapshots', 'ec2:CopySnapshot', 'dynamodb:PutItem', 'dynamodb:Query', 's3:PutObject'] }),
    run: async (_, faults) => {
      await prepare(faults);
      await ticks(5);
      const called = [...side.world.proxy.calls];
      side.world.proxy.use(FaultSchedule.none());
      side.advance(15);
      await ticks(4);
      calls = called;
      return deviations();
    },
    calls: () => calls,
  });
  let calls: SideAtWork['world']['proxy']['calls'] = [];
});
