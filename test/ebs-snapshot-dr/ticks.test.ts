import { FlowAtWork, KEEP_LAST, PLAN, SITE, SOURCE, STEADY } from './flow-at-work';
import { METRIC, TAG } from '../../src/ebs-snapshot-dr/contract';
import { LEDGER } from '../../src/ebs-snapshot-dr/handlers/ports';
import { scheduledTime } from '../../src/ebs-snapshot-dr/handlers/take-sets';
import { DAY, Ec2Error, FAIR, type Fates, HOUR, MINUTE } from '../kit/fakes/ec2';

/** What single runs count, remember, leave for the next one and do not ask. What they come to together stands in flow.test.ts. */

/** Less than anything is begun with. */
const NO_TIME = 0.2;
const WITH_IMAGES = { plan: { imageEveryHours: 2 }, site: { images: true } };

const calls = (flow: FlowAtWork, operation: string) => flow.line.calls.filter((call) => call.operation === operation).length;

/** EC2 refuses it as long as `code` is not undefined. */
function refusing(flow: FlowAtWork, name: 'copyImage' | 'copySnapshot' | 'createImage' | 'createSnapshots' | 'deleteSnapshot' | 'deregisterImage'): { code: string | undefined; tried: number } {
  const refusal = { code: undefined as string | undefined, tried: 0 };
  const real = (flow.model[name] as (...args: unknown[]) => unknown).bind(flow.model);
  (jest.spyOn(flow.model, name) as unknown as jest.SpyInstance).mockImplementation((...args: unknown[]) => {
    refusal.tried++;
    if (refusal.code !== undefined) throw new Ec2Error(refusal.code, 'refused');
    return real(...args);
  });
  return refusal;
}

/** One set taken and complete, at the minute 5 of its hour. */
async function setTaken(flow: FlowAtWork): Promise<void> {
  flow.clock.advanceTo((Math.floor(flow.clock.now() / HOUR) + 1) * HOUR);
  await flow.invoke('snapshot');
  flow.clock.advance(5 * MINUTE);
}

describe('copies', () => {
  test('are counted as started, waiting, late and failed', async () => {
    const key = 'arn:aws:kms:eu-central-1:123456789012:key/site';
    const flow = new FlowAtWork({ key, settings: { maxCopies: 2 } });
    flow.model.addKey({ ...SITE, arn: key }).enabled = false;
    flow.instance(3);
    await setTaken(flow);
    await flow.ok('copy');
    expect(flow.metrics).toMatchObject({ [METRIC.copiesStarted]: 2, [METRIC.copiesQueued]: 1, [METRIC.copiesLate]: 0 });
    flow.clock.advance(10 * MINUTE);
    await flow.ok('watch');
    expect(flow.metrics).toMatchObject({ [METRIC.copiesFailed]: 2, [METRIC.imagesFailed]: 0 });
    await flow.ok('watch');
    expect(flow.metrics[METRIC.copiesFailed]).toBe(0);
    flow.clock.advance(2 * HOUR);
    await flow.ok('copy');
    expect(flow.metrics).toMatchObject({ [METRIC.copiesStarted]: 2, [METRIC.copiesQueued]: 1, [METRIC.copiesLate]: 3 });
  });

  test.each<[Record<string, number>, number]>([
    [{ incrementalMs: 60 * MINUTE }, 0], [{ incrementalMs: 61 * MINUTE }, 1], [{ fullMs: 61 * MINUTE }, 0],
  ])('are late as soon as they would end after the RPO: after %j', async (durations, late) => {
    const flow = new FlowAtWork();
    const { volumes: [{ id }] } = flow.instance(1);
    await flow.hour();
    await setTaken(flow);
    flow.tables.site.write({ pk: LEDGER.lineage(PLAN), sk: id, at: 1, ...durations });
    await flow.run('copy', FAIR, NO_TIME);
    expect(flow.metrics).toMatchObject({ [METRIC.copiesQueued]: 1, [METRIC.copiesLate]: late });
  });

  test('of sets that a newer one replaces are never late', async () => {
    const flow = new FlowAtWork({ settings: { maxCopies: 1 }, durations: { ...STEADY, copyMs: () => 20 * MINUTE } });
    flow.instance(1);
    await setTaken(flow);
    await setTaken(flow);
    await setTaken(flow);
    await flow.ok('copy');
    expect(flow.metrics).toMatchObject({ [METRIC.copiesStarted]: 1, [METRIC.copiesQueued]: 2 });
    flow.clock.advance(25 * MINUTE);
    await flow.ok('watch');
    await flow.run('copy', FAIR, NO_TIME);
    expect(flow.metrics).toMatchObject({ [METRIC.copiesQueued]: 2, [METRIC.copiesLate]: 0 });
  });

  test('take from the first how long a full one takes, from others what an incremental one does', async () => {
    let minutes = 40;
    const flow = new FlowAtWork({ durations: { ...STEADY, copyMs: () => minutes * MINUTE } });
    const { volumes: [{ id }] } = flow.instance(1);
    const learnt = () => {
      const item = flow.tables.site.get(LEDGER.lineage(PLAN), id);
      return [item?.fullMs, item?.incrementalMs];
    };
    await flow.hour();
    await flow.ticks(15);
    expect(learnt()).toEqual([40 * MINUTE, undefined]);
    minutes = 10;
    await flow.hour();
    expect(learnt()).toEqual([40 * MINUTE, 10 * MINUTE]);
    minutes = 20;
    await flow.hour();
    expect(learnt()).toEqual([40 * MINUTE, 20 * MINUTE]);
  });

  test('leave no slot to snapshots the Region takes of its own volumes', async () => {
    const flow = new FlowAtWork({ settings: { maxCopies: 1 } });
    flow.model.plant(SITE, { tags: {}, state: 'pending' });
    flow.instance(1);
    await setTaken(flow);
    await flow.ok('copy');
    expect(flow.metrics[METRIC.copiesStarted]).toBe(1);
  });

  test.each(['ResourceLimitExceeded', 'RequestLimitExceeded'])('refused as %s stay in the queue, and begin with the next tick', async (code) => {
    const flow = new FlowAtWork();
    const refusal = refusing(flow, 'copySnapshot');
    refusal.code = code;
    flow.instance(1);
    await setTaken(flow);
    await flow.run('copy');
    if (code === 'ResourceLimitExceeded') expect(refusal.tried).toBe(1);
    expect(flow.metrics).toMatchObject({ [METRIC.copiesStarted]: 0, [METRIC.copiesQueued]: 1 });
    refusal.code = undefined;
    await flow.ok('copy');
    expect(flow.metrics).toMatchObject({ [METRIC.copiesStarted]: 1, [METRIC.copiesQueued]: 0 });
  });

  test('refused for another reason wait', async () => {
    const flow = new FlowAtWork();
    const refusal = refusing(flow, 'copySnapshot');
    refusal.code = 'InvalidParameterValue';
    flow.instance(1);
    await setTaken(flow);
    await flow.ok('copy');
    refusal.code = undefined;
    await flow.ok('copy');
    expect(refusal.tried).toBe(1);
    flow.clock.advance(5 * MINUTE);
    await flow.ok('copy');
    expect(flow.metrics[METRIC.copiesStarted]).toBe(1);
  });

  test('are not begun when there is no time, but by the next tick', async () => {
    const flow = new FlowAtWork(WITH_IMAGES);
    flow.instance(2);
    await setTaken(flow);
    await flow.run('copy', FAIR, NO_TIME);
    expect([flow.copies(), flow.model.images(SITE)]).toEqual([[], []]);
    expect(flow.metrics).toMatchObject({ [METRIC.copiesStarted]: 0, [METRIC.copiesQueued]: 2 });
    await flow.ok('copy');
    flow.clock.advance(MINUTE);
    expect([flow.copies().length, flow.model.images(SITE).length]).toEqual([2, 1]);
  });
});

describe('recovery points', () => {
  test('that there is no time for are recorded by the next tick', async () => {
    const flow = new FlowAtWork();
    flow.instance(1);
    await setTaken(flow);
    await flow.ok('copy');
    flow.clock.advance(10 * MINUTE);
    await flow.run('watch', FAIR, NO_TIME);
    expect(flow.points).toEqual([]);
    await flow.ok('watch');
    expect(flow.points).toHaveLength(1);
  });

  test('are not made of sets that retention deletes, nor locked', async () => {
    const flow = new FlowAtWork({ site: { lock: { mode: 'governance', days: 1 } } });
    const { id } = flow.instance(1);
    await setTaken(flow);
    await flow.ok('copy');
    flow.clock.advance(10 * MINUTE);
    flow.tables.site.write({ pk: LEDGER.deletion(PLAN), sk: flow.setOf(id), at: 1 });
    await flow.ok('watch');
    expect([flow.points, flow.bucket.keys('manifests/'), calls(flow, 'LockSnapshot')]).toEqual([[], [], 0]);
  });

  test('are taken back if retention begins to delete the set meanwhile', async () => {
    const flow = new FlowAtWork();
    const { id } = flow.instance(1);
    await setTaken(flow);
    await flow.ok('copy');
    flow.clock.advance(10 * MINUTE);
    const deleting: Fates = ({ service, operation }) => {
      if (service === 's3' && operation === 'PutObject') flow.tables.site.write({ pk: LEDGER.deletion(PLAN), sk: flow.setOf(id), at: 1 });
      return 'fine';
    };
    await flow.run('watch', deleting);
    expect([flow.points, flow.bucket.keys('manifests/')]).toEqual([[], []]);
  });

  test('are not locked any more when retention deletes them', async () => {
    const flow = new FlowAtWork({ site: { lock: { mode: 'governance', days: 1 } } });
    const { id } = flow.instance(1);
    await setTaken(flow);
    await flow.ok('copy');
    flow.clock.advance(10 * MINUTE);
    await flow.run('watch', ({ operation }) => operation === 'LockSnapshot' ? 'refused' : 'fine');
    expect(flow.points).toHaveLength(1);
    flow.tables.site.write({ pk: LEDGER.deletion(PLAN), sk: flow.setOf(id), at: 1 });
    await flow.ok('watch');
    expect(calls(flow, 'LockSnapshot')).toBe(0);
  });

  test('are locked once', async () => {
    const flow = new FlowAtWork({ site: { lock: { mode: 'governance', days: 1 } } });
    flow.instance(2);
    await setTaken(flow);
    await flow.ok('copy');
    flow.clock.advance(10 * MINUTE);
    await flow.ok('watch');
    expect(calls(flow, 'LockSnapshot')).toBe(2);
    await flow.ok('watch');
    expect(calls(flow, 'LockSnapshot')).toBe(0);
  });

  test('name the template and the artifacts that were there', async () => {
    const templateKey = 'templates/site.template';
    const restore = { templateKey, templateFrom: { bucket: 'templates', key: 'app.json' }, stackPrefix: 'app', parameters: {}, capabilities: [] };
    const flow = new FlowAtWork({ settings: { restore } });
    flow.instance(1);
    await flow.hour();
    expect(flow.points.map(({ template, artifacts }) => [template, artifacts])).toEqual([[undefined, undefined]]);
    const version = flow.bucket.put(templateKey, '{}');
    flow.tables.site.write({ pk: LEDGER.inventory, sk: PLAN, at: 1, key: 'inventories/gold.json', version: 'v7' });
    await flow.hour();
    expect(flow.points.at(-1)).toMatchObject({ template: { key: templateKey, version }, artifacts: { key: 'inventories/gold.json', version: 'v7' } });
  });

  test('older than what is looked back are found for the age, if an instance has no newer one', async () => {
    const flow = new FlowAtWork();
    flow.instance(1);
    await flow.ok('copy');
    await flow.hour();
    const taken = Date.parse(flow.points[0].takenAt);
    flow.clock.advance(4 * DAY);
    await flow.ok('watch');
    expect(flow.age).toBe((flow.clock.now() - taken) / 1000);
  });
});

describe('images', () => {
  test('EC2 refuses to copy are counted, and copied under a new name when it does', async () => {
    const flow = new FlowAtWork(WITH_IMAGES);
    const refusal = refusing(flow, 'copyImage');
    refusal.code = 'InvalidAMIName.Malformed';
    flow.instance(1);
    await setTaken(flow);
    await flow.ok('copy');
    expect([flow.metrics[METRIC.imagesFailed], flow.model.images(SITE)]).toEqual([1, []]);
    refusal.code = undefined;
    await flow.ok('copy');
    expect([refusal.tried, flow.metrics[METRIC.imagesFailed]]).toEqual([1, 0]);
    flow.clock.advance(6 * MINUTE);
    await flow.ok('copy');
    flow.clock.advance(MINUTE);
    const [{ name }] = flow.model.images(SOURCE);
    expect(flow.model.images(SITE).map((image) => image.name)).toEqual([`${name} 1`]);
    await flow.ok('copy');
    expect(refusal.tried).toBe(2);
  });

  test('EC2 has no room for are copied later, and have not failed', async () => {
    const flow = new FlowAtWork(WITH_IMAGES);
    const refusal = refusing(flow, 'copyImage');
    refusal.code = 'ResourceLimitExceeded';
    flow.instance(1);
    flow.instance(1);
    await setTaken(flow);
    await flow.ok('copy');
    expect([flow.metrics[METRIC.imagesFailed], refusal.tried]).toEqual([0, 1]);
    refusal.code = undefined;
    await flow.ok('copy');
    flow.clock.advance(MINUTE);
    expect(flow.model.images(SITE)).toHaveLength(2);
  });

  test('whose copies fail are counted once, and those of the Region itself are not', async () => {
    const flow = new FlowAtWork(WITH_IMAGES);
    flow.instance(1);
    await setTaken(flow);
    await flow.ok('copy');
    flow.clock.advance(MINUTE);
    const [copy] = flow.model.images(SITE);
    (copy as { state: string }).state = 'failed';
    const images = flow.model.images.bind(flow.model);
    jest.spyOn(flow.model, 'images').mockImplementation((caller, query) => (
      [...images(caller, query), ...caller.region === SITE.region ? [{ ...copy, id: 'ami-own', tags: { [TAG.plan]: PLAN } }] : []]));
    await flow.ok('watch');
    expect(flow.metrics[METRIC.imagesFailed]).toBe(1);
    await flow.ok('watch');
    expect(flow.metrics[METRIC.imagesFailed]).toBe(0);
  });

  test('that could not be made are counted, and made at the next set', async () => {
    const flow = new FlowAtWork(WITH_IMAGES);
    const refusal = refusing(flow, 'createImage');
    refusal.code = 'Unavailable';
    flow.instance(1);
    await setTaken(flow);
    expect([flow.metrics[METRIC.imagesFailed], flow.model.images(SOURCE)]).toEqual([1, []]);
    refusal.code = undefined;
    await setTaken(flow);
    expect([flow.metrics[METRIC.imagesFailed], flow.model.images(SOURCE).length]).toEqual([0, 1]);
  });

  test('that were made by a call without an answer are not made again', async () => {
    const flow = new FlowAtWork(WITH_IMAGES);
    const { id } = flow.instance([{ device: '/dev/sda' }, { device: '/dev/sdb' }]);
    await setTaken(flow);
    flow.tables.plan.remove(LEDGER.image(PLAN), id);
    await flow.ok('snapshot');
    expect([flow.metrics[METRIC.imagesFailed], flow.model.images(SOURCE).length]).toEqual([0, 1]);
    expect(flow.tables.plan.get(LEDGER.image(PLAN), id)).toBeDefined();
  });

  test('are neither made nor asked for unless the plan wants them', async () => {
    const flow = new FlowAtWork();
    flow.instance(1);
    await setTaken(flow);
    for (const verb of ['copy', 'watch'] as const) {
      await flow.ok(verb);
      flow.clock.advance(10 * MINUTE);
      expect([calls(flow, 'DescribeImages'), calls(flow, 'LockSnapshot'), calls(flow, 'HeadObject')]).toEqual([0, 0, 0]);
    }
  });
});

describe('sets', () => {
  test('refused are counted, get no image, and are taken by the next attempt', async () => {
    const flow = new FlowAtWork(WITH_IMAGES);
    const refusal = refusing(flow, 'createSnapshots');
    refusal.code = 'IncorrectState';
    flow.instance(1);
    flow.clock.advance(MINUTE);
    expect((await flow.run('snapshot')).kind).toBe('error');
    expect(flow.metrics).toMatchObject({ [METRIC.setsTaken]: 0, [METRIC.setsFailed]: 1 });
    expect(flow.model.images(SOURCE)).toEqual([]);
    refusal.code = undefined;
    await flow.ok('snapshot');
    expect(flow.metrics).toMatchObject({ [METRIC.setsTaken]: 1, [METRIC.setsFailed]: 0 });
  });

  test('of an instance that is gone are no failure', async () => {
    const flow = new FlowAtWork();
    refusing(flow, 'createSnapshots').code = 'InvalidInstanceID.NotFound';
    flow.instance(1);
    flow.clock.advance(MINUTE);
    for (let i = 0; i < 2; i++) {
      expect(await flow.run('snapshot')).toEqual({ kind: 'ok', value: { taken: 0, before: 0, gone: 1 } });
      expect(flow.metrics[METRIC.setsFailed]).toBe(0);
    }
  });

  test('there is no time for are counted as failed, and nothing is begun', async () => {
    const flow = new FlowAtWork(WITH_IMAGES);
    flow.instance(1);
    flow.clock.advance(MINUTE);
    expect((await flow.run('snapshot', FAIR, NO_TIME)).kind).toBe('error');
    expect([flow.metrics[METRIC.setsFailed], flow.originals(), flow.model.images(SOURCE)]).toEqual([1, [], []]);
  });

  test('without an answer are looked for in the same run, if it has the time', async () => {
    const flow = new FlowAtWork();
    flow.instance(2);
    flow.clock.advance(MINUTE);
    const lost: Fates = ({ operation }) => operation === 'CreateSnapshots' ? 'lost' : 'fine';
    expect(await flow.run('snapshot', lost)).toEqual({ kind: 'ok', value: { taken: 1, before: 0, gone: 0 } });
    expect(flow.originals()).toHaveLength(2);
  });

  test('are of instances that have a volume to take', async () => {
    const flow = new FlowAtWork();
    flow.instance([{ device: '/dev/sda', tags: { 'ebsdr:exclude': '' } }]);
    flow.clock.advance(MINUTE);
    expect(await flow.run('snapshot')).toEqual({ kind: 'ok', value: { taken: 0, before: 0, gone: 0 } });
    expect(calls(flow, 'CreateSnapshots')).toBe(0);
  });

  test('of instances that do not run need no freezing', async () => {
    const freeze = jest.fn(async () => { throw new Error('no agent'); });
    const flow = new FlowAtWork({ freezer: { freeze, thaw: async () => {} } });
    flow.instance(1).state = 'stopped';
    flow.clock.advance(MINUTE);
    await flow.ok('snapshot');
    expect([freeze.mock.calls.length, flow.metrics[METRIC.freezesFailed] ?? 0, flow.originals().length]).toEqual([0, 0, 1]);
  });

  test('frozen too late are thawed before they are taken', async () => {
    const thaw = jest.fn(async () => {});
    const flow: FlowAtWork = new FlowAtWork({ freezer: { freeze: async () => ({ from: 0, until: flow.clock.now() + 1999, command: 'c' }), thaw } });
    flow.instance(1);
    flow.clock.advance(MINUTE);
    await flow.ok('snapshot');
    expect(thaw).toHaveBeenCalledTimes(1);
  });

  test.each([undefined, {}, { scheduledTime: 'noon' }, { scheduledTime: 5 }])('need a time, %j is none', (event) => {
    expect(() => scheduledTime(event)).toThrow("the event must have a scheduledTime like '2026-11-21T10:00:00Z'");
  });
});

describe('deletions', () => {
  async function doomed(options: ConstructorParameters<typeof FlowAtWork>[0] = {}): Promise<FlowAtWork> {
    const flow = new FlowAtWork({ site: { retention: KEEP_LAST(1), ...options.site }, plan: options.plan });
    flow.instance(2);
    for (let hour = 0; hour < 3; hour++) await flow.hour();
    return flow;
  }

  test('that EC2 refuses half way are finished by the next run', async () => {
    const flow = await doomed();
    const refusal = refusing(flow, 'deleteSnapshot');
    let left = 1;
    const once: Fates = ({ operation }) => {
      if (operation === 'DeleteSnapshot') refusal.code = left-- > 0 ? undefined : 'InternalError';
      return 'fine';
    };
    await flow.run('site-prune', once);
    expect([flow.copies().length, flow.points.length]).toEqual([5, 1]);
    expect(flow.metrics).toMatchObject({ [METRIC.setsDeleted]: 0, [METRIC.pruneHeld]: 2 });
    refusal.code = undefined;
    await flow.ok('site-prune');
    await flow.ok('site-prune');
    expect([flow.copies().length, flow.points.length]).toEqual([2, 1]);
  });

  test('of what is gone already are done', async () => {
    const flow = await doomed();
    refusing(flow, 'deleteSnapshot').code = 'InvalidSnapshot.NotFound';
    await flow.ok('site-prune');
    expect(flow.metrics).toMatchObject({ [METRIC.setsDeleted]: 2, [METRIC.pruneHeld]: 0 });
  });

  test('of an image stop at the image, and begin anew', async () => {
    const flow = await doomed({ plan: WITH_IMAGES.plan, site: WITH_IMAGES.site });
    const refusal = refusing(flow, 'deregisterImage');
    refusal.code = 'InternalError';
    const parts = () => [...flow.model.all(SITE)].filter(({ deleted, tags }) => !deleted && tags[TAG.image] !== undefined).length;
    expect([flow.model.images(SITE).length, parts()]).toEqual([2, 4]);
    await flow.ok('site-prune');
    expect([flow.model.images(SITE).length, parts()]).toEqual([2, 4]);
    refusal.code = undefined;
    await flow.ok('site-prune');
    expect([flow.model.images(SITE).length, parts()]).toEqual([1, 2]);
  });
});
