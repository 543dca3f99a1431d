import { FlowAtWork, KEEP_LAST, ORIGIN, PLAN, SITE, SOURCE, START, STEADY, type Verb } from './flow-at-work';
import { METRIC, TAG } from '../../src/ebs-snapshot-dr/contract';
import { LEDGER } from '../../src/ebs-snapshot-dr/handlers/ports';
import { DAY, Ec2Error, Ec2Model, FAIR, type Fate, type Fates, fateAt, HOUR, type LineCall, MINUTE, VirtualClock } from '../kit/fakes/ec2';

/** The runs over the model of EC2, in process: every row of the failure table that needs no function around it. */

const on = (operation: string, fate: Fate, region?: string): Fates => (call: LineCall) => (
  call.operation === operation && (region === undefined || call.region === region) ? fate : 'fine');

describe('an hour without faults', () => {
  test('every volume of a selected instance is snapshotted, copied, and stands in a recovery point', async () => {
    const flow = new FlowAtWork();
    const first = flow.instance(3);
    const second = flow.instance(1, { Name: '' });
    flow.instance(2, { dr: 'bronze' });
    await flow.ok('copy'); // protected from now on
    await flow.hour();
    expect(flow.originals().map(({ lineage }) => lineage).sort()).toEqual([...first.volumes, ...second.volumes].map(({ id }) => id).sort());
    expect(flow.copies().map(({ source }) => source).sort()).toEqual(flow.originals().map(({ id }) => id).sort());
    expect(flow.points.map(({ set, members, origin, name }) => [set, members.map(({ device }) => device), origin, name])).toEqual([
      [flow.setOf(first.id), ['/dev/sda', '/dev/sdb', '/dev/sdc'], ORIGIN, 'app'],
      [flow.setOf(second.id), ['/dev/sda'], ORIGIN, undefined],
    ]);
    for (const point of flow.points) {
      expect(JSON.parse(flow.bucket.get(`manifests/${PLAN}/${point.instance}/2026-11-21T10:00:00Z.json`)!.body)).toEqual(point);
    }
    expect(flow.age).toBe(40 * 60);
  });

  test('the same time again takes nothing', async () => {
    const flow = new FlowAtWork();
    flow.instance();
    await flow.hour();
    const before = flow.originals().length;
    expect(await flow.run('snapshot')).toEqual({ kind: 'ok', value: { taken: 0, before: 1, gone: 0 } });
    expect(flow.originals()).toHaveLength(before);
  });

  test('pruned before EC2 shows it, a set is not taken for deleted, nor taken again', async () => {
    const flow = new FlowAtWork({ maxSettleMs: 2 * MINUTE });
    flow.instance(5);
    flow.clock.advance(MINUTE);
    await flow.ok('snapshot');
    await flow.ok('plan-prune');
    expect(flow.logs.map(({ message }) => message)).not.toContain('snapshots of a set were deleted by others');
    await flow.ok('snapshot');
    expect(flow.originals()).toHaveLength(5);
  });

  test('two invocations at once take one set', async () => {
    const flow = new FlowAtWork();
    flow.instance();
    flow.clock.advance(MINUTE);
    await Promise.all([flow.run('snapshot'), flow.run('snapshot')]);
    expect(flow.originals()).toHaveLength(2);
  });

  test('a volume its owner took out is left out, the root volume as well', async () => {
    const flow = new FlowAtWork();
    const excluded = { 'ebsdr:exclude': '' };
    flow.instance([{ device: '/dev/sda', tags: excluded }, { device: '/dev/sdb' }, { device: '/dev/sdc', tags: excluded }]);
    flow.instance([{ device: '/dev/sda', tags: excluded }]);
    await flow.hour();
    expect(flow.points.map(({ members }) => members.map(({ device }) => device))).toEqual([['/dev/sdb']]);
  });

  test('users\' tags come along, as many as there is room for, and those of AWS do not', async () => {
    const flow = new FlowAtWork();
    const many = Object.fromEntries(Array.from({ length: 48 }, (_, i) => [`key-${i}`, 'x']));
    flow.instance([{ device: '/dev/sda', tags: { 'team': 'db', 'aws:cloudformation:stack-name': 'x' } }]);
    flow.instance([{ device: '/dev/sda', tags: many }]);
    await flow.hour();
    const tags = flow.copies().map((copy) => copy.tags);
    expect(tags.filter(({ team }) => team === 'db')).toHaveLength(1);
    expect(tags.every((each) => Object.keys(each).length <= 50 && Object.keys(each).every((key) => !key.startsWith('aws:')))).toBe(true);
    expect(flow.points).toHaveLength(2);
  });

  test('as many instances as there are slots, and more: none starves, no slot too many', async () => {
    const flow = new FlowAtWork({ copyLimit: 5 });
    for (let i = 0; i < 12; i++) flow.instance(2);
    await flow.hour();
    await flow.ticks(40);
    expect([flow.points.length, flow.model.mostCopies.get(SITE.region)]).toEqual([12, 5]);
  });

  test('a limit below EC2\'s is kept, with foreign copies counted', async () => {
    const flow = new FlowAtWork({ settings: { maxCopies: 3 }, durations: { ...STEADY, copyMs: () => HOUR } });
    flow.instance(4);
    const foreign = flow.model.plant(SOURCE, { tags: {}, state: 'completed' });
    flow.model.copySnapshot(SITE, { source: foreign.id, sourceRegion: SOURCE.region });
    await flow.hour();
    expect([flow.copies().length, flow.metrics[METRIC.copiesQueued] ?? 0]).toEqual([2, 0]);
    await flow.run('copy');
    expect(flow.metrics[METRIC.copiesQueued]).toBe(2);
  });
});

describe('calls that fail', () => {
  const ROUNDS: ReadonlyArray<readonly [Verb, string]> = [['snapshot', 'taking sets'], ['copy', 'copying'], ['watch', 'recording'], ['plan-prune', 'pruning the plan'], ['site-prune', 'pruning the site']];
  const FATES: readonly Fate[] = ['killed-before', 'killed-after', 'lost', 'late', 'refused', 'throttled'];

  /** One set of two instances; then what all comes to when the n-th call of the verb's first run suffers. */
  async function story(verb: Verb, fates: Fates): Promise<{ readonly flow: FlowAtWork; readonly calls: number }> {
    const flow = new FlowAtWork({ plan: { retention: KEEP_LAST(1), imageEveryHours: 24 }, site: { retention: KEEP_LAST(1), images: true } });
    flow.instance(2);
    flow.instance(1);
    await flow.hour();
    let calls = 0;
    const suffer = async (each: Verb) => {
      await flow.run(each, each === verb && calls === 0 ? fates : FAIR);
      if (each === verb && calls === 0) calls = flow.line.calls.length;
    };
    flow.clock.advanceTo((Math.floor(flow.clock.now() / HOUR) + 1) * HOUR);
    await suffer('snapshot');
    flow.clock.advance(MINUTE);
    await flow.invoke('snapshot');
    for (let i = 0; i < 12; i++) {
      flow.clock.advance(5 * MINUTE);
      await suffer('copy');
      await suffer('watch');
    }
    // The plan's side sees the copies before the site deletes the first of them.
    for (const verbs of [['plan-prune'], ['plan-prune', 'site-prune'], ['plan-prune', 'site-prune'], ['plan-prune', 'site-prune']] as const) {
      for (const each of verbs) await suffer(each);
      flow.clock.advance(HOUR);
    }
    return { flow, calls };
  }

  function judge(flow: FlowAtWork): string[] {
    const wrong: string[] = [];
    const count = (what: string, got: number, expected: number) => {
      if (got !== expected) wrong.push(`${what}: ${got}, not ${expected}`);
    };
    count('originals', flow.originals().length, 3);
    count('copies', flow.copies().length, 3);
    count('copied twice', flow.copies().length - new Set(flow.copies().map(({ source }) => source)).size, 0);
    count('recovery points', flow.points.length, 2);
    count('manifests', flow.bucket.keys('manifests/').length, 2);
    count('images', flow.model.images(SOURCE).length, 2);
    count('copies of images', flow.model.images(SITE).length, 2);
    for (const { set, members } of flow.points) {
      if (!members.every(({ snapshot }) => flow.copies().some(({ id, state }) => id === snapshot && state === 'completed'))) wrong.push(`${set} is offered and not there`);
    }
    return wrong;
  }

  test.each(ROUNDS)('%s, at any of its calls (%s): the next runs make it good, nothing twice', async (verb) => {
    const { calls, flow } = await story(verb, FAIR);
    expect(judge(flow)).toEqual([]);
    expect(calls).toBeGreaterThan(3);
    const wrong: string[] = [];
    for (let n = 1; n <= calls; n++) {
      for (const fate of FATES) wrong.push(...judge((await story(verb, fateAt(n, fate))).flow).map((what) => `${fate} at ${n}: ${what}`));
    }
    expect(wrong).toEqual([]);
  });
});

describe('copies that fail', () => {
  test('a key nobody may use: EC2\'s message is logged, the copy deleted, and tried again when the key is back', async () => {
    const key = 'arn:aws:kms:eu-central-1:123456789012:key/site';
    const flow = new FlowAtWork({ key });
    const stored = flow.model.addKey({ ...SITE, arn: key });
    stored.enabled = false;
    flow.instance(2);
    await flow.hour();
    expect(flow.logs.filter(({ message }) => message === 'copy failed').map(({ details }) => details.stateMessage)).toContain('Given key ID is not accessible');
    expect([flow.points.length, flow.copies().filter(({ state }) => state === 'error').length]).toEqual([0, 0]);
    stored.enabled = true;
    await flow.ticks(60);
    expect(flow.points).toHaveLength(1);
    expect(flow.copies().every((copy) => copy.key === key)).toBe(true);
  });

  test('a tag that a tag policy of the site forbids costs the copy its users\' tags only', async () => {
    const flow = new FlowAtWork();
    flow.instance([{ device: '/dev/sda', tags: { team: 'db' } }, { device: '/dev/sdb', tags: { cost: '1' } }]);
    const copySnapshot = flow.model.copySnapshot.bind(flow.model);
    jest.spyOn(flow.model, 'copySnapshot').mockImplementation((caller, input) => {
      if (input.tags?.team === undefined) return copySnapshot(caller, input);
      throw new Ec2Error('TagPolicyViolation', 'The tag policy does not allow the specified value');
    });
    await flow.hour();
    expect(flow.points.map(({ members }) => members.map(({ device }) => device))).toEqual([['/dev/sda', '/dev/sdb']]);
    expect(flow.copies().map(({ tags }) => [tags[TAG.device], tags.team, tags.cost]).sort()).toEqual([['/dev/sda', undefined, undefined], ['/dev/sdb', undefined, '1']]);
    expect(flow.logs.filter(({ message }) => message.startsWith('a tag policy refuses'))).toHaveLength(1);
  });

  test('a tag that a tag policy forbids costs the set its volumes\' tags, not the set', async () => {
    const flow = new FlowAtWork({ model: new Ec2Model({ clock: new VirtualClock(START), durations: STEADY, refusedTags: { accounts: [SOURCE.account], keys: ['team'] } }) });
    flow.instance([{ device: '/dev/sda', tags: { team: 'db' } }, { device: '/dev/sdb', tags: { cost: '1' } }]);
    flow.instance([{ device: '/dev/sda', tags: { cost: '1' } }]);
    await flow.hour();
    expect(flow.points.map(({ members }) => members.length).sort()).toEqual([1, 2]);
    expect(flow.originals().map(({ tags }) => [tags.team, tags.cost]).sort()).toEqual([[undefined, undefined], [undefined, undefined], [undefined, '1']]);
    expect(flow.logs.filter(({ message }) => message.startsWith('a tag policy refuses'))).toHaveLength(1);
  });

  test('a set of which a snapshot failed is never copied nor offered, and goes; the next one is taken', async () => {
    const flow = new FlowAtWork();
    flow.instance(2);
    flow.model.mishaps.set = 1;
    await flow.hour();
    flow.model.mishaps.set = 0;
    expect([flow.copies().length, flow.points.length]).toEqual([0, 0]);
    await flow.hour();
    await flow.ok('plan-prune');
    expect([flow.points.length, flow.originals().filter(({ state }) => state === 'error').length]).toEqual([1, 0]);
  });

  /** The first CreateSnapshots finds another volume than was described before. */
  const swapping = (swap: () => void): Fates => {
    let swapped = false;
    return ({ operation }) => {
      if (operation === 'CreateSnapshots' && !swapped) {
        swapped = true;
        swap();
      }
      return 'fine';
    };
  };

  test.each(['swapped', 'attached', 'detached', 'swapped, answer lost'])('a volume that is %s while its set is taken: taken anew, and nothing is offered under a wrong device', async (how) => {
    const flow = new FlowAtWork();
    const instance = flow.instance(2);
    const swap = () => {
      if (how !== 'attached') flow.model.detach(instance, instance.volumes[1].id);
      if (how !== 'detached') flow.model.attach(instance, { device: how === 'attached' ? '/dev/sdc' : '/dev/sdb', sizeGiB: 10 });
    };
    const fates = swapping(swap);
    await flow.hour({ snapshot: (call) => fates(call) === 'fine' && call.operation === 'CreateSnapshots' && how.endsWith('lost') ? 'lost' : 'fine' });
    const expected = instance.volumes.map(({ device, id }) => [device, id]);
    expect(flow.points.map(({ members }) => members.map(({ device, volume }) => [device, volume]))).toEqual([expected]);
    expect(flow.copies()).toHaveLength(expected.length);
    await flow.ok('plan-prune');
    expect(flow.originals()).toHaveLength(expected.length);
  });

  test('half copied: not offered, however long it takes', async () => {
    const flow = new FlowAtWork({ copyLimit: 1, durations: { ...STEADY, copyMs: () => 50 * MINUTE } });
    flow.instance(2);
    await flow.hour();
    expect([flow.copies().length, flow.points.length]).toEqual([1, 0]);
    await flow.ticks(70);
    expect(flow.points).toHaveLength(1);
  });
});

describe('pruning', () => {
  async function fiveHours(options: ConstructorParameters<typeof FlowAtWork>[0] = {}): Promise<FlowAtWork> {
    const flow = new FlowAtWork({ plan: { retention: KEEP_LAST(2), ...options.plan }, site: { retention: KEEP_LAST(2), ...options.site } });
    flow.instance(2);
    for (let i = 0; i < 5; i++) await flow.hour();
    return flow;
  }
  const sizes = (flow: FlowAtWork) => [flow.originals().length, flow.copies().length, flow.points.length, flow.bucket.keys('manifests/').length];

  test('what no rule keeps goes, on both sides, with its reasons in the log', async () => {
    const flow = await fiveHours();
    await flow.ok('plan-prune');
    await flow.ok('site-prune');
    expect(sizes(flow)).toEqual([4, 4, 2, 2]);
    const deleted = flow.logs.filter(({ message }) => message === 'set is deleted');
    expect(deleted).toHaveLength(6);
    expect(deleted.every(({ details }) => (details.reasons as string[]).length > 0)).toBe(true);
  });

  test.each(['DescribeSnapshots', 'DescribeImages', 'DescribeLockedSnapshots'])('%s throttled or failing: nothing is deleted, and counted as held', async (operation) => {
    for (const fate of ['throttled', 'refused'] as const) {
      const flow = await fiveHours();
      const before = sizes(flow);
      for (const verb of ['plan-prune', 'site-prune'] as const) {
        const held = await flow.run(verb, on(operation, fate));
        expect([held.kind, flow.metrics[METRIC.pruneHeld]]).toEqual(['error', 1]);
      }
      expect(sizes(flow)).toEqual(before);
    }
  });

  test('an empty answer deletes nothing', async () => {
    const flow = await fiveHours();
    const before = sizes(flow);
    for (const verb of ['plan-prune', 'site-prune'] as const) expect((await flow.run(verb, on('DescribeSnapshots', 'empty'))).kind).toBe('error');
    expect(sizes(flow)).toEqual(before);
  });

  test('part of an answer deletes nothing', async () => {
    const flow = await fiveHours();
    const before = sizes(flow);
    let calls = 0;
    const first: Fates = ({ operation }) => operation === 'DescribeSnapshots' && ++calls === 1 ? 'partial' : 'fine';
    for (const verb of ['plan-prune', 'site-prune'] as const) {
      calls = 0;
      expect((await flow.run(verb, first)).kind).toBe('error');
    }
    expect(sizes(flow)).toEqual(before);
  });

  test('the site prunes without the plan\'s Region, to the last good set', async () => {
    const flow = await fiveHours({ site: { retention: KEEP_LAST(0) } });
    flow.model.darken(SOURCE.region);
    await flow.ok('site-prune');
    expect(flow.line.calls.every(({ region }) => region === SITE.region)).toBe(true);
    expect([flow.copies().length, flow.points.length]).toEqual([2, 1]);
  });

  test('the plan keeps what a site has not copied, and everything if the site does not answer', async () => {
    const flow = await fiveHours();
    const before = flow.originals().length;
    await flow.run('plan-prune', on('DescribeSnapshots', 'refused', SITE.region));
    expect([flow.originals().length, flow.metrics[METRIC.pruneHeld]]).toEqual([before, 3]);
    for (const copy of flow.copies().slice(0, 2)) flow.model.deleteSnapshot(SITE, copy.id);
    await flow.ok('plan-prune');
    expect(flow.originals()).toHaveLength(6);
  });

  test('the brake lets the oldest ones through', async () => {
    const flow = await fiveHours({ site: { brake: { maxSets: 2, maxShare: 1 } } });
    await flow.ok('site-prune');
    expect([flow.points.length, flow.metrics[METRIC.setsDeleted], flow.metrics[METRIC.pruneHeld]]).toEqual([3, 2, 1]);
  });

  test('sets of a running restore stay', async () => {
    const flow = await fiveHours();
    const [{ set }] = flow.points;
    flow.tables.site.write({ pk: LEDGER.restore, sk: 'app-restore-1', at: 1, sets: [set] });
    await flow.ok('site-prune');
    expect(flow.points.map((point) => point.set)).toContain(set);
  });

  test('locked sets stay', async () => {
    const flow = await fiveHours({ site: { lock: { mode: 'governance', days: 1 } } });
    await flow.ok('site-prune');
    expect(flow.points).toHaveLength(5);
    flow.clock.advance(2 * DAY);
    await flow.ok('site-prune');
    expect(flow.points).toHaveLength(2);
  });

  test('snapshots that somebody deleted take their recovery point along, and no other', async () => {
    const flow = await fiveHours();
    const { set, members: [{ snapshot }] } = flow.points.at(-1)!;
    flow.model.deleteSnapshot(SITE, snapshot);
    await flow.ok('site-prune');
    expect(flow.points.map((point) => point.set)).not.toContain(set);
    expect(flow.points).toHaveLength(2);
  });

  test('what retention deleted is not copied again', async () => {
    const flow = await fiveHours();
    await flow.ok('site-prune');
    await flow.ticks(30);
    expect([flow.copies().length, flow.points.length]).toEqual([4, 2]);
  });

  test('what only months keep goes to the archive tier', async () => {
    const flow = new FlowAtWork({ site: { retention: { ...KEEP_LAST(2), monthly: 12 }, archiveAfterDays: 5 } });
    flow.instance(2);
    for (let i = 0; i < 3; i++) {
      await flow.hour();
      flow.clock.advance(20 * DAY);
    }
    await flow.ok('site-prune');
    flow.clock.advance(2 * DAY);
    expect(flow.copies().map(({ tier }) => tier).sort()).toEqual(['archive', 'archive', 'standard', 'standard', 'standard', 'standard']);
  });
});

describe('images', () => {
  const options = { plan: { imageEveryHours: 2, retention: KEEP_LAST(1) }, site: { images: true, retention: KEEP_LAST(1) } };

  test('one in every period, without a reboot; the newest one is copied with its tags and stands in the recovery point', async () => {
    const flow = new FlowAtWork(options);
    const instance = flow.instance(2);
    for (let i = 0; i < 3; i++) await flow.hour();
    const images = flow.model.images(SOURCE);
    expect([images.length, instance.reboots]).toEqual([2, 0]);
    const copies = flow.model.images(SITE);
    expect(copies.map(({ source }) => source)).toEqual(images.map(({ id }) => id));
    expect(copies.map(({ tags }) => tags[TAG.source])).toEqual(images.map(({ id }) => id));
    expect(flow.points.at(-1)!.image).toMatchObject({ image: copies.at(-1)!.id, source: images.at(-1)!.id });
  });

  test('volumes that take one snapshot at a time are in the set and not in the image', async () => {
    const flow = new FlowAtWork(options);
    flow.instance([{ device: '/dev/sda' }, { device: '/dev/sdb', type: 'st1' }, { device: '/dev/sdc', type: 'sc1' }, { device: '/dev/sdd' }]);
    await flow.hour();
    expect(flow.model.images(SOURCE).map(({ devices }) => devices.map(({ device }) => device))).toEqual([['/dev/sda', '/dev/sdd']]);
    expect(flow.points.map(({ members }) => members.length)).toEqual([4]);
  });

  test('old ones go with every snapshot, unless somebody uses them', async () => {
    const flow = new FlowAtWork(options);
    flow.instance(2);
    for (let i = 0; i < 5; i++) await flow.hour();
    const [used, ...others] = flow.model.images(SITE);
    expect(others).toHaveLength(2);
    flow.model.use({ ...SITE, kind: 'launch-template', id: 'lt-1', name: 'app', image: used.id });
    await flow.ok('site-prune');
    expect(flow.model.images(SITE).map(({ id }) => id)).toEqual([used.id, others[1].id]);
    expect(flow.metrics[METRIC.imagesInUse]).toBe(1);
    const kept = new Set([used, others[1]].flatMap(({ devices }) => devices.map(({ snapshot }) => snapshot)));
    const left = [...flow.model.all(SITE)].filter(({ deleted, tags }) => !deleted && tags[TAG.image] !== undefined).map(({ id }) => id);
    expect(new Set(left)).toEqual(kept);
  });

  test('a snapshot that somebody made an image of stays', async () => {
    const flow = new FlowAtWork({ site: { retention: KEEP_LAST(1) } });
    flow.instance(1);
    for (let i = 0; i < 3; i++) await flow.hour();
    const [oldest] = flow.copies();
    oldest.images.add('ami-0123');
    jest.spyOn(flow.model, 'images').mockImplementation(() => [{
      ...SITE, id: 'ami-0123', order: 1, name: 'mine', createdAt: 0, visibleAt: 0, state: 'available', tags: {}, devices: [{ device: '/dev/sda', snapshot: oldest.id, sizeGiB: 1 }],
    }]);
    await flow.ok('site-prune');
    expect([flow.copies().length, oldest.deleted]).toEqual([2, false]);
  });
});

describe('the heartbeat', () => {
  test('grows while the plan\'s Region is dark, and an instance that was never copied counts from when it was seen', async () => {
    const flow = new FlowAtWork();
    flow.instance(1);
    await flow.ok('copy');
    await flow.hour();
    flow.model.darken(SOURCE.region);
    await flow.ticks(300);
    expect(flow.age).toBe(340 * 60);
    flow.model.lighten(SOURCE.region);
    await flow.hour();
    const late = flow.instance(1);
    await flow.ticks(60);
    expect(flow.points.some(({ instance }) => instance === late.id)).toBe(false);
    expect(flow.age).toBe(100 * 60);
  });

  test('an instance that is gone no longer counts', async () => {
    const flow = new FlowAtWork();
    flow.instance(1);
    const gone = flow.instance(1);
    await flow.hour();
    flow.model.terminate(gone);
    await flow.hour();
    await flow.hour();
    expect(flow.age).toBe(40 * 60);
  });

  test('is sent when EC2 does not answer, and the run fails', async () => {
    const flow = new FlowAtWork();
    flow.instance(1);
    await flow.ok('copy');
    await flow.hour();
    const end = await flow.run('watch', on('DescribeSnapshots', 'refused'));
    expect([end.kind, flow.age]).toEqual(['error', 40 * 60]);
  });
});

describe('freezing', () => {
  const frozenFor = (ms: number, flow: () => FlowAtWork, thaw = jest.fn(async () => {})) => ({
    freeze: async () => ({ from: flow().clock.now(), until: flow().clock.now() + ms, command: 'c' }), thaw,
  });

  test('a frozen set is application-consistent, and thawed at once', async () => {
    const thaw = jest.fn(async () => {});
    const flow: FlowAtWork = new FlowAtWork({ freezer: frozenFor(30_000, () => flow, thaw) });
    const instance = flow.instance(1);
    await flow.hour();
    expect(flow.points.map(({ consistency }) => consistency)).toEqual(['application']);
    expect(thaw.mock.calls).toEqual([[instance.id, 'c']]);
  });

  test.each([
    ['not frozen', async () => { throw new Error('no agent'); }],
    ['frozen too late', async () => ({ from: 0, until: 1, command: 'c' })],
  ])('%s: the set is crash-consistent, and counted', async (_, freeze) => {
    const flow = new FlowAtWork({ freezer: { freeze, thaw: async () => {} } });
    flow.instance(1);
    flow.clock.advance(MINUTE);
    await flow.ok('snapshot');
    expect(flow.metrics).toMatchObject({ [METRIC.freezesFailed]: 1, [METRIC.setsTaken]: 1, [METRIC.setsFailed]: 0 });
    await flow.ticks(30);
    expect(flow.points.map(({ consistency }) => consistency)).toEqual(['crash']);
  });

  test('a thaw that fails costs nothing', async () => {
    const flow: FlowAtWork = new FlowAtWork({ freezer: { ...frozenFor(30_000, () => flow), thaw: async () => { throw new Error('lost'); } } });
    flow.instance(1);
    await flow.hour();
    expect(flow.points).toHaveLength(1);
  });
});

describe('sharing and timed copies', () => {
  test('every complete set is shared once', async () => {
    const flow = new FlowAtWork({ plan: { shareWith: ['999988887777'] } });
    flow.instance(2);
    await flow.hour();
    expect(await flow.run('share')).toEqual({ kind: 'ok', value: { shared: 1 } });
    expect(flow.originals().every(({ sharedWith }) => sharedWith.has('999988887777'))).toBe(true);
    expect(await flow.run('share')).toEqual({ kind: 'ok', value: { shared: 0 } });
  });

  test('an account that is added later gets the sets of the look-back as well', async () => {
    const flow = new FlowAtWork({ plan: { shareWith: ['999988887777'] } });
    flow.instance(1);
    await flow.hour();
    await flow.ok('share');
    flow.change({ shareWith: ['999988887777', '666655554444'] });
    expect(await flow.run('share')).toEqual({ kind: 'ok', value: { shared: 1 } });
    expect(flow.line.calls.filter(({ operation }) => operation === 'ModifySnapshotAttribute')).toHaveLength(1);
    expect(flow.originals().map(({ sharedWith }) => [...sharedWith])).toEqual([['999988887777', '666655554444']]);
  });

  test('completion is asked for in steps of 15 minutes, within the RPO', async () => {
    const flow = new FlowAtWork({ site: { timedCopies: true } });
    flow.instance(1);
    await flow.hour();
    expect(flow.copies().map(({ completionMinutes, transferType }) => [completionMinutes, transferType])).toEqual([[105, 'time-based']]);
  });
});
