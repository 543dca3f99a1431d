import { ARBITRARY_VOLUME, DAY, Ec2Model, HOUR, KEY_INACCESSIBLE, MINUTE, type Durations, type Ec2Event, type ModelOptions, type StoredInstance } from './index';
import { setId, TAG } from '../../../../src/ebs-snapshot-dr/contract';

const SOURCE = { account: '111111111111', region: 'us-east-1' };
const SITE = { account: '111111111111', region: 'us-west-2' };
const VAULT = { account: '222222222222', region: 'us-west-2' };
const EXACT: Durations = { snapshotMs: () => 3 * MINUTE, copyMs: (_, sizeGiB, incremental) => (8 + (incremental ? 0 : sizeGiB)) * MINUTE };

function world(options: ModelOptions = {}) {
  const model = new Ec2Model({ durations: EXACT, ...options });
  const instance = model.addInstance({ ...SOURCE, tags: { dr: 'gold' }, volumes: [{ device: '/dev/xvda' }, { device: '/dev/sdf', sizeGiB: 100, tags: { 'app': 'db', 'aws:x': 'y' } }] });
  const key = model.addKey(SITE).arn;
  return { model, instance, key, take: () => takeOne(model, instance) };
}

/** The complete snapshot of the data volume. */
function takeOne(model: Ec2Model, instance: StoredInstance) {
  const [snapshot] = model.createSnapshots(SOURCE, { instance: instance.id, excludeRoot: true });
  model.clock.advance(3 * MINUTE);
  return snapshot;
}

const refusal = (code: string) => expect.objectContaining({ name: code });
const thrown = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  return 'nothing was thrown';
};

describe('snapshots of an instance', () => {
  test('are one for each volume, pending first, with tags of the call and, if asked for, the volumes\'', () => {
    const { instance, model } = world();
    const set = model.createSnapshots(SOURCE, { instance: instance.id, copyVolumeTags: true, tags: { a: '1' } });
    expect(set.map(({ state, tags, volume }) => ({ state, tags, volume }))).toEqual([
      { state: 'pending', tags: { a: '1' }, volume: instance.volumes[0].id },
      { state: 'pending', tags: { a: '1', app: 'db' }, volume: instance.volumes[1].id },
    ]);
    model.clock.advance(3 * MINUTE);
    expect(set.map(({ completedAt, state }) => ({ completedAt, state }))).toEqual([0, 1].map(() => ({ completedAt: model.clock.now(), state: 'completed' })));
    expect(set.map(({ transferType }) => transferType)).toEqual([undefined, undefined]);
  });

  test('leave out what is excluded; the root volume by its own flag only', () => {
    const { instance, model } = world();
    const [root, data] = instance.volumes.map(({ id }) => id);
    const volumes = (input: object) => model.createSnapshots(SOURCE, { instance: instance.id, ...input }).map(({ volume }) => volume);
    expect(volumes({ excludeVolumes: [data] })).toEqual([root]);
    expect(volumes({ excludeRoot: true })).toEqual([data]);
    expect(thrown(() => volumes({ excludeVolumes: [root] }))).toEqual(refusal('InvalidParameterValue'));
    expect(thrown(() => volumes({ excludeVolumes: ['vol-0123'] }))).toEqual(refusal('InvalidParameterValue'));
  });

  test('are all in error when one fails', () => {
    const { instance, model } = world();
    model.mishaps.set = 1;
    const set = model.createSnapshots(SOURCE, { instance: instance.id });
    model.clock.advance(MINUTE);
    expect(set.map(({ state }) => state)).toEqual(['error', 'error']);
  });

  test.each([['gp3', 5], ['st1', 1], ['sc1', 1]])('of a volume of %s are %d at a time at most', (type, limit) => {
    const { model } = world();
    const instance = model.addInstance({ ...SOURCE, volumes: [{ device: '/dev/sdf', type }] });
    const take = () => model.createSnapshots(SOURCE, { instance: instance.id });
    for (let i = 0; i < limit; i++) take();
    expect(thrown(take)).toEqual(refusal('ConcurrentSnapshotLimitExceeded'));
    model.clock.advance(3 * MINUTE);
    expect(take()).toHaveLength(1);
  });

  test('are refused for an instance that is not there, is gone, or is enabled for hibernation', () => {
    const { instance, model } = world();
    const of = (id: string) => thrown(() => model.createSnapshots(SOURCE, { instance: id }));
    expect(of('i-0123')).toEqual(refusal('InvalidInstanceID.NotFound'));
    expect(of(model.addInstance({ ...SOURCE, hibernation: true, volumes: [{ device: '/dev/xvda' }] }).id)).toEqual(refusal('UnsupportedOperation'));
    model.terminate(instance);
    expect(of(instance.id)).toEqual(refusal('IncorrectInstanceState'));
  });

  test.each([
    ['a key with aws:', { 'aws:cloudformation:stack-id': 'x' }, 'InvalidParameterValue'],
    ['51 tags', Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ''])), 'TagLimitExceeded'],
    ['a value of 257 characters', { a: 'x'.repeat(257) }, 'InvalidParameterValue'],
    ['a key of 129 characters', { ['x'.repeat(129)]: '' }, 'InvalidParameterValue'],
  ])('are refused with %s', (_, tags, code) => {
    const { instance, model } = world();
    expect(thrown(() => model.createSnapshots(SOURCE, { instance: instance.id, tags }))).toEqual(refusal(code));
    expect(model.count(SOURCE)).toBe(0);
  });
});

test('a tag policy demands its tags of everything new, in the call', () => {
  const { instance, model } = world({ requiredTags: ['cost'] });
  const source = model.plant(SOURCE, { tags: {} }).id;
  const copy = (tags: Record<string, string>) => thrown(() => model.copySnapshot(SITE, { source, sourceRegion: SOURCE.region, tags }));
  expect(thrown(() => model.createSnapshots(SOURCE, { instance: instance.id }))).toEqual(refusal('TagPolicyViolation'));
  expect(thrown(() => model.createImage(SOURCE, { instance: instance.id, name: 'nightly', imageTags: { cost: '1' } }))).toEqual(refusal('TagPolicyViolation'));
  expect(copy({})).toEqual(refusal('TagPolicyViolation'));
  expect(copy({ cost: '1' })).toBe('nothing was thrown');
});

describe('a copy', () => {
  test('has an arbitrary volume, none of the source\'s tags, and says how it is transferred', () => {
    const { model, take } = world();
    const copy = model.copySnapshot(SITE, { source: take().id, sourceRegion: SOURCE.region, tags: { a: '1' } });
    expect(copy).toMatchObject({ volume: ARBITRARY_VOLUME, tags: { a: '1' }, state: 'pending', transferType: 'standard', sizeGiB: 100 });
    const timed = model.copySnapshot(SITE, { source: copy.source!, sourceRegion: SOURCE.region, completionMinutes: 15 });
    expect(timed.transferType).toBe('time-based');
  });

  test('is of a completed, standard snapshot that is there', () => {
    const { instance, model, take } = world();
    const copy = (source: string, sourceRegion = SOURCE.region) => thrown(() => model.copySnapshot(SITE, { source, sourceRegion }));
    const [pending] = model.createSnapshots(SOURCE, { instance: instance.id });
    expect(copy(pending.id)).toEqual(refusal('IncorrectState'));
    expect(copy('snap-0123')).toEqual(refusal('InvalidSnapshot.NotFound'));
    const there = take();
    expect(copy(there.id, 'eu-west-1')).toEqual(refusal('InvalidSnapshot.NotFound'));
    model.archiveSnapshot(SOURCE, there.id);
    model.clock.advance(DAY);
    expect(there.tier).toBe('archive');
    expect(copy(there.id)).toEqual(refusal('IncorrectState'));
  });

  test('takes a slot of its Region, whoever copies, until it ends', () => {
    const { model } = world({ copyLimit: 2 });
    const snapshots = [1, 2, 3].map(() => model.plant(SOURCE, { tags: {} }));
    const copy = (i: number, to = SITE) => model.copySnapshot(to, { source: snapshots[i].id, sourceRegion: SOURCE.region });
    copy(0);
    copy(1);
    expect(thrown(() => copy(2))).toEqual(refusal('ResourceLimitExceeded'));
    copy(2, { ...SITE, region: 'eu-west-1' });
    model.clock.advance(16 * MINUTE);
    copy(2);
    expect(model.mostCopies.get(SITE.region)).toBe(2);
  });

  test('is incremental if the most recent copy is still there under the same key, else full', () => {
    const { key, model, take } = world();
    const run = (input: object = { encrypted: true, key }) => {
      const copy = model.copySnapshot(SITE, { source: take().id, sourceRegion: SOURCE.region, ...input });
      model.clock.advance(3 * HOUR);
      return copy;
    };
    expect(run().incremental).toBe(false);
    const second = run();
    expect(second.incremental).toBe(true);
    expect(second.completedAt! - second.startedAt).toBe(8 * MINUTE);
    model.deleteSnapshot(SITE, second.id);
    expect(run().incremental).toBe(false);
    expect(run().incremental).toBe(true);
    expect(run({}).incremental).toBe(false); // under another key, or none
    expect(run().incremental).toBe(false);
  });

  test('of a lineage waits for the one under way', () => {
    const { model, take } = world();
    const [first, second] = [take(), take()].map(({ id }) => model.copySnapshot(SITE, { source: id, sourceRegion: SOURCE.region }));
    expect(model.copiesUnderWay(SITE)).toBe(2);
    model.clock.advance(HOUR + 48 * MINUTE);
    expect([first.state, second.state]).toEqual(['completed', 'pending']);
    model.clock.advance(8 * MINUTE);
    expect([second.state, second.incremental]).toEqual(['completed', true]);
  });

  test('of a copy belongs to the same lineage', () => {
    const { model, take } = world();
    const there = model.copySnapshot(SITE, { source: take().id, sourceRegion: SOURCE.region });
    model.clock.advance(3 * HOUR);
    expect(model.copySnapshot(SOURCE, { source: there.id, sourceRegion: SITE.region }).lineage).toBe(there.lineage);
  });

  test('ends in error, later, when its key cannot be used', () => {
    const { key, model, take } = world();
    model.key(key)!.enabled = false;
    const copy = model.copySnapshot(SITE, { source: take().id, sourceRegion: SOURCE.region, encrypted: true, key });
    expect(copy.state).toBe('pending');
    model.clock.advance(MINUTE);
    expect(copy).toMatchObject({ state: 'error', stateMessage: KEY_INACCESSIBLE });
    expect(model.copiesUnderWay(SITE)).toBe(0);
  });

  test('takes a key only when encryption is asked for, and a time in steps of 15 minutes', () => {
    const { key, model, take } = world();
    const { id } = take();
    const copy = (input: object) => thrown(() => model.copySnapshot(SITE, { source: id, sourceRegion: SOURCE.region, ...input }));
    expect(copy({ key })).toEqual(refusal('InvalidParameterDependency'));
    expect(copy({ completionMinutes: 20 })).toEqual(refusal('InvalidParameterValue'));
    expect(copy({ completionMinutes: 2895 })).toEqual(refusal('InvalidParameterValue'));
  });

  test('of an encrypted snapshot is encrypted, without a key under the one of EBS', () => {
    const { model } = world();
    const source = model.plant(SOURCE, { tags: {}, encrypted: true, key: model.addKey(SOURCE).arn });
    expect(model.copySnapshot(SITE, { source: source.id, sourceRegion: SOURCE.region })).toMatchObject({ encrypted: true, key: expect.stringContaining('aws-ebs') });
  });

  test('fails when its source\'s Region is dark; what was not begun is refused', () => {
    const { model, take } = world();
    const { id } = take();
    const copy = model.copySnapshot(SITE, { source: id, sourceRegion: SOURCE.region });
    model.darken(SOURCE.region);
    expect(thrown(() => model.copySnapshot(SITE, { source: id, sourceRegion: SOURCE.region }))).toEqual(refusal('InternalError'));
    expect(thrown(() => model.admit(SOURCE, 'DescribeSnapshots'))).toEqual(refusal('TimeoutError'));
    model.clock.advance(3 * HOUR);
    expect(copy.state).toBe('error');
  });
});

describe('another account', () => {
  test('sees and copies what is shared, without tags; under its own key only if it may use the source\'s', () => {
    const { model } = world();
    const sourceKey = model.addKey({ ...SOURCE, accounts: [VAULT.account] }).arn;
    const { id } = model.plant(SOURCE, { tags: { [TAG.plan]: 'p' }, encrypted: true, key: sourceKey });
    const there = { ...VAULT, region: SOURCE.region };
    const copy = () => model.copySnapshot(VAULT, { source: id, sourceRegion: SOURCE.region, encrypted: true, key: model.addKey(VAULT).arn });
    expect(thrown(copy)).toEqual(refusal('InvalidSnapshot.NotFound'));
    model.shareSnapshot(SOURCE, id, [VAULT.account]);
    expect(model.snapshots(there, { owners: [SOURCE.account] })).toEqual([expect.objectContaining({ id, tags: {} })]);
    expect(model.snapshots(there, { owners: [SOURCE.account], filters: [{ name: `tag:${TAG.plan}`, values: ['p'] }] })).toEqual([]);
    expect(model.snapshots(there, { owners: ['self'] })).toEqual([]);
    const made = copy();
    model.clock.advance(3 * HOUR);
    expect(made.state).toBe('completed');
    expect(thrown(() => model.deleteSnapshot(there, id))).toEqual(refusal('UnauthorizedOperation'));
  });

  test('is never shown what lies under the key of EBS', () => {
    const { model } = world();
    const copied = model.copySnapshot(SITE, { source: model.plant(SOURCE, { tags: {} }).id, sourceRegion: SOURCE.region, encrypted: true });
    expect(thrown(() => model.shareSnapshot(SITE, copied.id, [VAULT.account]))).toEqual(refusal('OperationNotPermitted'));
  });
});

describe('images', () => {
  test('hold snapshots of all volumes, which cannot be deleted before', () => {
    const { instance, model } = world();
    const image = model.createImage(SOURCE, { instance: instance.id, name: 'nightly', noReboot: true, imageTags: { i: '1' }, snapshotTags: { s: '1' } });
    expect(image).toMatchObject({ state: 'pending', tags: { i: '1' } });
    const [root] = image.devices;
    expect(model.find(root.snapshot)).toMatchObject({ tags: { s: '1' }, images: new Set([image.id]) });
    model.clock.advance(3 * MINUTE);
    expect(image.state).toBe('available');
    expect(thrown(() => model.deleteSnapshot(SOURCE, root.snapshot))).toEqual(refusal('InvalidSnapshot.InUse'));
    model.deregisterImage(SOURCE, image.id);
    expect(model.count(SOURCE)).toBe(2);
    model.deleteSnapshot(SOURCE, root.snapshot);
    expect(instance.reboots).toBe(0);
  });

  test('reboot the instance unless told not to', () => {
    const { instance, model } = world();
    model.createImage(SOURCE, { instance: instance.id, name: 'nightly' });
    expect(instance.reboots).toBe(1);
  });

  test('have names of 3 to 128 characters, and each its own', () => {
    const { instance, model } = world();
    const create = (name: string) => thrown(() => model.createImage(SOURCE, { instance: instance.id, name, noReboot: true }));
    expect(create('ab')).toEqual(refusal('InvalidAMIName.Malformed'));
    expect(create('a:b:c')).toEqual(refusal('InvalidAMIName.Malformed'));
    expect(create('nightly')).toBe('nothing was thrown');
    expect(create('nightly')).toEqual(refusal('InvalidAMIName.Duplicate'));
  });

  test('are copied once for each token, outside the slots of snapshots', () => {
    const { instance, key, model } = world({ copyLimit: 0 });
    const source = model.createImage(SOURCE, { instance: instance.id, name: 'nightly', noReboot: true });
    const copy = (token: string, name = 'copy') => model.copyImage(SITE, { source: source.id, sourceRegion: SOURCE.region, name, encrypted: true, key, token, imageTags: { a: '1' } });
    expect(thrown(() => copy('t'))).toEqual(refusal('InvalidAMIID.Unavailable'));
    model.clock.advance(3 * MINUTE);
    const first = copy('t');
    expect(copy('t').id).toBe(first.id);
    expect(thrown(() => copy('t', 'other'))).toEqual(refusal('IdempotentParameterMismatch'));
    expect(thrown(() => copy('u'))).toEqual(refusal('InvalidAMIName.Duplicate'));
    model.clock.advance(3 * HOUR);
    expect(first).toMatchObject({ state: 'available', tags: { a: '1' } });
    expect(first.devices.map(({ snapshot }) => model.find(snapshot))).toEqual([0, 1].map(() => expect.objectContaining({ state: 'completed', key, volume: ARBITRARY_VOLUME })));
  });
});

describe('deleting', () => {
  test('a pending snapshot takes effect when it is complete', () => {
    const { instance, model } = world();
    const [snapshot] = model.createSnapshots(SOURCE, { instance: instance.id });
    model.deleteSnapshot(SOURCE, snapshot.id);
    expect(model.find(snapshot.id)).toBeDefined();
    model.clock.advance(3 * MINUTE);
    expect(model.find(snapshot.id)).toBeUndefined();
    expect(thrown(() => model.deleteSnapshot(SOURCE, snapshot.id))).toEqual(refusal('InvalidSnapshot.NotFound'));
  });

  test('a locked one waits for the lock\'s end', () => {
    const { model, take } = world();
    const { id } = take();
    model.lockSnapshot(SOURCE, { snapshot: id, mode: 'governance', days: 2 });
    expect(model.lockedSnapshots(SOURCE, [id])).toHaveLength(1);
    expect(thrown(() => model.deleteSnapshot(SOURCE, id))).toEqual(refusal('OperationNotPermitted'));
    model.clock.advance(2 * DAY);
    expect(model.lockedSnapshots(SOURCE, [id])).toEqual([]);
    model.deleteSnapshot(SOURCE, id);
  });

  test('puts into the Recycle Bin what a rule says, whence it comes back', () => {
    const { model } = world();
    model.recycle({ ...SOURCE, tags: { [TAG.plan]: 'p' }, days: 7 });
    const [kept, gone] = ['p', 'q'].map((plan) => model.plant(SOURCE, { tags: { [TAG.plan]: plan } }));
    [kept, gone].forEach(({ id }) => model.deleteSnapshot(SOURCE, id));
    expect(model.count(SOURCE)).toBe(0);
    expect([kept, gone].map(({ id }) => model.isRecycled(id))).toEqual([true, false]);
    model.recover(kept.id);
    expect(model.find(kept.id)!.state).toBe('recovering');
    model.clock.advance(5 * MINUTE);
    expect(model.find(kept.id)!.state).toBe('completed');
  });
});

test('what is in the Recycle Bin is listed as recoverable if that is wished, and cannot be deleted again', () => {
  const { model } = world({ listsRecycled: true });
  model.recycle({ ...SOURCE, tags: { [TAG.plan]: 'p' }, days: 7 });
  const { id } = model.plant(SOURCE, { tags: { [TAG.plan]: 'p' } });
  model.deleteSnapshot(SOURCE, id);
  expect(model.snapshots(SOURCE, { owners: ['self'] }).map(({ state }) => state)).toEqual(['recoverable']);
  expect(thrown(() => model.deleteSnapshot(SOURCE, id))).toEqual(refusal('InvalidSnapshot.NotFound'));
  expect([...model.inRecycleBin].map((each) => each.id)).toEqual([id]);
  model.clock.advance(7 * DAY);
  expect([model.count(SOURCE), model.isRecycled(id)]).toEqual([0, false]);
});

test('a volume of a snapshot has its size and key, and copies of its own snapshots begin with a full one', () => {
  const { key, model, take } = world();
  const copyOf = (at: typeof SITE, source: string, sourceRegion: string, keyOf?: string) => {
    const copy = model.copySnapshot(at, { source, sourceRegion, ...keyOf !== undefined && { encrypted: true, key: keyOf } });
    model.clock.advance(DAY);
    return copy;
  };
  const copy = copyOf(SITE, take().id, SOURCE.region, key);
  const restored = model.addInstance({ ...SITE, volumes: [{ device: '/dev/sdf', snapshot: copy.id }] });
  expect(restored.volumes).toMatchObject([{ sizeGiB: 100, key, encrypted: true }]);
  const back = [0, 1].map(() => {
    const [{ id }] = model.createSnapshots(SITE, { instance: restored.id });
    model.clock.advance(DAY);
    return copyOf(SOURCE, id, SITE.region);
  });
  expect(back.map(({ incremental }) => incremental)).toEqual([false, true]);
  model.deleteSnapshot(SITE, copy.id);
  expect(thrown(() => model.attach(restored, { device: '/dev/sdg', snapshot: copy.id }))).toEqual(refusal('InvalidSnapshot.NotFound'));
});

test('a tag policy refuses its tags in its accounts, of volumes as well', () => {
  const { instance, model } = world({ refusedTags: { accounts: [SOURCE.account], keys: ['app'] } });
  const take = (copyVolumeTags: boolean) => thrown(() => model.createSnapshots(SOURCE, { instance: instance.id, copyVolumeTags }));
  expect(take(true)).toEqual(refusal('TagPolicyViolation'));
  expect(model.count(SOURCE)).toBe(0);
  expect(take(false)).toBe('nothing was thrown');
});

describe('locks', () => {
  test('take 1 to 36,500 days, and a cool-off of 1 to 72 hours with compliance', () => {
    const { model, take } = world();
    const { id } = take();
    const lock = (input: object) => thrown(() => model.lockSnapshot(SOURCE, { snapshot: id, mode: 'governance', days: 1, ...input }));
    expect(lock({ days: 0 })).toEqual(refusal('InvalidParameterValue'));
    expect(lock({ days: 36_501 })).toEqual(refusal('InvalidParameterValue'));
    expect(lock({ coolOffHours: 1 })).toEqual(refusal('InvalidParameterCombination'));
    expect(lock({ mode: 'compliance', coolOffHours: 73 })).toEqual(refusal('InvalidParameterValue'));
  });

  test('of compliance cannot be shortened after the cool-off', () => {
    const { model, take } = world();
    const { id } = take();
    const lock = (input: object) => thrown(() => model.lockSnapshot(SOURCE, { snapshot: id, mode: 'compliance', days: 5, ...input }));
    expect(lock({ coolOffHours: 1 })).toBe('nothing was thrown');
    expect(lock({ days: 2, coolOffHours: 1 })).toBe('nothing was thrown');
    model.clock.advance(HOUR);
    expect(lock({ days: 1 })).toEqual(refusal('OperationNotPermitted'));
    expect(lock({ mode: 'governance' })).toEqual(refusal('OperationNotPermitted'));
    expect(lock({ days: 3 })).toBe('nothing was thrown');
  });
});

describe('describing', () => {
  test('finds by tags, with wildcards, by state and by id, all at once', () => {
    const { model } = world();
    const at = (instance: string, day: string, state: 'completed' | 'pending' = 'completed') =>
      model.plant(SOURCE, { state, tags: { [TAG.plan]: 'p', [TAG.set]: setId(instance, `${day}T10:00:00Z`) } }).id;
    const [a, b, c] = [at('i-0a', '2026-01-01'), at('i-0a', '2026-01-02'), at('i-0b', '2026-01-02', 'pending')];
    const find = (filters: Record<string, string[]>, ids?: string[]) =>
      model.snapshots(SOURCE, { ids, owners: ['self'], filters: Object.entries(filters).map(([name, values]) => ({ name, values })) }).map(({ id }) => id);
    const set = `tag:${TAG.set}`;
    expect(find({ [set]: ['*@2026-01-02*'] })).toEqual([b, c]);
    expect(find({ [set]: ['*@2026-01-01*', '*@2026-01-02*'], status: ['completed'] })).toEqual([a, b]);
    expect(find({ [set]: ['i-0a@*'] })).toEqual([a, b]);
    expect(find({ [set]: ['i-0?@2026-01-02T10:00:00Z'] })).toEqual([b, c]);
    expect(find({ [`tag:${TAG.plan}`]: ['p'], [set]: [setId('i-0b', '2026-01-02T10:00:00Z')] })).toEqual([c]);
    expect(find({ 'tag-key': [TAG.plan], 'status': ['completed'] }, [b, c])).toEqual([b]);
    expect(find({ [`tag:${TAG.plan}`]: ['q'] })).toEqual([]);
    expect(thrown(() => find({ colour: ['red'] }))).toEqual(refusal('InvalidParameterValue'));
    expect(thrown(() => find({}, ['snap-0123']))).toEqual(refusal('InvalidSnapshot.NotFound'));
  });

  test('shows what is new after a while', () => {
    const { instance, model } = world({ maxSettleMs: MINUTE, seed: 4 });
    const { id, visibleAt } = model.createSnapshots(SOURCE, { instance: instance.id, excludeRoot: true })[0];
    expect(visibleAt).toBeGreaterThan(model.clock.now());
    expect(model.snapshots(SOURCE)).toEqual([]);
    expect(thrown(() => model.snapshots(SOURCE, { ids: [id] }))).toEqual(refusal('InvalidSnapshot.NotFound'));
    model.clock.advanceTo(visibleAt);
    expect(model.snapshots(SOURCE, { ids: [id] })).toHaveLength(1);
  });

  test('shows what is gone for a while, though no call finds it any more', () => {
    const { model, take } = world({ maxLingerMs: MINUTE });
    const { id } = take();
    model.deleteSnapshot(SOURCE, id);
    expect(model.snapshots(SOURCE, { filters: [{ name: 'status', values: ['completed'] }] }).map((shown) => shown.id)).toEqual([id]);
    expect(thrown(() => model.deleteSnapshot(SOURCE, id))).toEqual(refusal('InvalidSnapshot.NotFound'));
    expect(thrown(() => model.copySnapshot(SITE, { source: id, sourceRegion: SOURCE.region }))).toEqual(refusal('InvalidSnapshot.NotFound'));
    model.clock.advance(MINUTE);
    expect(model.snapshots(SOURCE)).toEqual([]);
  });

  test('is refused when the bucket of 100 is empty, which fills by 20 a second', () => {
    const { model } = world();
    for (let i = 0; i < 100; i++) model.admit(SOURCE, 'DescribeSnapshots');
    expect(thrown(() => model.admit(SOURCE, 'DescribeSnapshots'))).toEqual(refusal('RequestLimitExceeded'));
    model.admit(SOURCE, 'DescribeImages');
    model.admit(SITE, 'DescribeSnapshots');
    model.clock.advance(50);
    model.admit(SOURCE, 'DescribeSnapshots');
  });
});

describe('events', () => {
  test.each([
    ['documented', 'arn:aws:ec2:us-west-2::snapshot/'],
    ['swapped', 'arn:aws:ec2::us-west-2:snapshot/'],
  ] as const)('tell of ends, with ARNs as %s', (arnForm, prefix) => {
    const { model, take } = world({ arnForm });
    const events: Ec2Event[] = [];
    model.onEvent((event) => events.push(event));
    const copy = model.copySnapshot(SITE, { source: take().id, sourceRegion: SOURCE.region });
    model.clock.advance(3 * HOUR);
    expect(events.map(({ detail, region }) => [region, detail.event, detail.result])).toEqual([
      ['us-east-1', 'createSnapshot', 'succeeded'], ['us-east-1', 'createSnapshots', 'succeeded'], ['us-west-2', 'copySnapshot', 'succeeded'],
    ]);
    expect(events[2]).toMatchObject({ resources: [prefix + copy.id], detail: { snapshot_id: prefix + copy.id, incremental: 'false' } });
  });

  test('of sharing go to the other account and name the owner by a bare number', () => {
    const { model, take } = world();
    const { id } = take();
    const events: Ec2Event[] = [];
    model.onEvent((event) => events.push(event));
    model.shareSnapshot(SOURCE, id, [VAULT.account]);
    expect(events).toEqual([expect.objectContaining({ account: VAULT.account, detail: expect.objectContaining({ event: 'shareSnapshot', source: 111111111111 }) })]);
  });
});
