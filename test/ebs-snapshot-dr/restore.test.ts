import { at, DAY, HOUR, T0 } from './builders';
import { copied, imageCopy, PLAN, RESTORE, SETTINGS, Site, TEMPLATE_KEY } from './site-at-work';
import { CREATION_MS } from './stack-model';
import { type RestoreAnswer, type RestoreRequest, type RestoreSettings, setId, TAG } from '../../src/ebs-snapshot-dr/contract';
import { LEDGER } from '../../src/ebs-snapshot-dr/handlers/ports';
import { RestoreRefused } from '../../src/ebs-snapshot-dr/handlers/refusal';
import { checkRestoreRequest, restore } from '../../src/ebs-snapshot-dr/handlers/restore-run';
import { isLackOfCapacity, stateOf } from '../../src/ebs-snapshot-dr/handlers/stack-state';
import { fateAt, type Fates, type RunEnd } from '../kit/fakes/ec2';

const NO_CAPACITY = 'We currently do not have sufficient m5.large capacity in the Availability Zone you requested (us-west-2a). (Service: Ec2, Status Code: 500)';
const SDF = { 'vol-1': '/dev/sdf' };
const times = [T0, T0 + HOUR, T0 + 2 * HOUR];

function withRestore(changes: Partial<RestoreSettings>) {
  return { ...SETTINGS, restore: { ...RESTORE, ...changes } };
}

const CAPACITY = withRestore({
  parameters: {
    Data: { kind: 'snapshot', device: '/dev/sdf' },
    Type: { kind: 'instance-type', candidates: ['m5.large', 'm6i.large'] },
  },
});

/** Sets that nothing may delete now. */
function kept(site: Site): readonly unknown[] {
  return site.table.list(LEDGER.restore).flatMap(({ sets }) => sets as readonly string[]);
}

describe('what is restored', () => {
  const snapshots = times.flatMap((scheduled) => copied(SDF, { scheduled }));

  test.each([false, true])('the newest complete set, for review; blind: %s', async (blind) => {
    const site = new Site({ snapshots, blind });
    const answer = await site.restore();
    expect(answer).toEqual({
      stack: 'site-restore-first',
      changeSet: expect.stringContaining('changeSet/ebsdr-'),
      status: 'review',
      points: [{ plan: 'p', set: setId('i-1', at(times[2])), takenAt: at(times[2] + 1000), consistency: 'crash' }],
      parameters: { Data: snapshots[2].snapshot },
      changes: [{ action: 'Add', logicalId: 'Server', type: 'AWS::EC2::Instance' }],
      warnings: [],
    });
    expect(site.stacks.there).toMatchObject([{ status: 'REVIEW_IN_PROGRESS' }]);
    expect(kept(site)).toEqual([setId('i-1', at(times[2]))]);
    expect(new Set(site.line.calls.map(({ region }) => region))).toEqual(new Set(['us-west-2']));
  });

  test('the set that is asked for, or none that was taken later', async () => {
    const pinned = await new Site({ snapshots }).restore({ sets: [{ plan: 'p', set: setId('i-1', at(times[0])) }] });
    expect(pinned.parameters).toEqual({ Data: snapshots[0].snapshot });
    const before = await new Site({ snapshots }).restore({ before: at(times[1] + 60_000) });
    expect(before.parameters).toEqual({ Data: snapshots[1].snapshot });
  });

  test.each(['pending', 'error'] as const)('never a set with a snapshot that is %s, whatever the table says', async (state) => {
    const site = new Site({ snapshots });
    site.snapshots = snapshots.map((snapshot, n) => n === 2 ? { ...snapshot, state } : snapshot);
    const answer = await site.restore();
    expect(answer.parameters).toEqual({ Data: snapshots[1].snapshot });
    expect(answer.warnings).toEqual([`set ${setId('i-1', at(times[2]))} of plan 'p' is passed over: ${snapshots[2].snapshot} is ${state}`]);
  });

  test('a set that lost a snapshot, was archived or whose key is gone gives way to the one before it', async () => {
    const site = new Site({ snapshots: copied(SDF, { scheduled: T0 - HOUR }).concat(snapshots), unusableKeys: ['key-1'] });
    const [spare, locked, archived] = site.snapshots;
    site.snapshots = [spare, { ...locked, key: 'key-1' }, { ...archived, tier: 'archive' }];
    const answer = await site.restore();
    expect(answer.parameters).toEqual({ Data: spare.snapshot });
    expect(answer.warnings).toHaveLength(3);
    expect(answer.warnings.join()).toMatch(/is gone.*is in the archive tier.*is not enabled/);
  });

  test('a key that is enabled is none to pass over', async () => {
    const site = new Site({ snapshots: snapshots.map((snapshot) => ({ ...snapshot, key: 'key-2' })), unusableKeys: ['key-1'] });
    expect(await site.restore()).toMatchObject({ parameters: { Data: snapshots[2].snapshot }, warnings: [] });
  });

  test('the only set, spoilt, is refused in words', async () => {
    const site = new Site({ snapshots: snapshots.slice(0, 1) });
    site.snapshots = [];
    await expect(site.restore()).rejects.toThrow(RestoreRefused);
  });

  test('a set that is asked for leaves the other instances their newest', async () => {
    const of = (name: string, instance: string, volume: string) => times.flatMap((scheduled) => copied({ [volume]: '/dev/sdf' }, {
      instance, scheduled, extra: () => ({ tags: { [TAG.name]: name } }),
    }));
    const [db, web] = [of('db', 'i-1', 'vol-1'), of('web', 'i-2', 'vol-2')];
    const settings = withRestore({ parameters: { Db: { kind: 'snapshot', device: '/dev/sdf', name: 'db' }, Web: { kind: 'snapshot', device: '/dev/sdf', name: 'web' } } });
    const { parameters } = await new Site({ settings, snapshots: [...db, ...web] }).restore({ sets: [{ plan: 'p', set: setId('i-1', at(times[0])) }] });
    expect(parameters).toEqual({ Db: db[0].snapshot, Web: web[2].snapshot });
  });

  test('a spoilt set that was asked for is refused, and so is one there is not', async () => {
    const site = new Site({ snapshots });
    site.snapshots = snapshots.slice(1);
    const sets = (scheduled: number, plan = 'p') => [{ plan, set: setId('i-1', at(scheduled)) }];
    await expect(site.restore({ sets: sets(times[0]) })).rejects.toThrow(`cannot be restored from: ${snapshots[0].snapshot} is gone`);
    await expect(site.restore({ sets: sets(T0 - DAY) })).rejects.toThrow('is no complete recovery point of this site');
    await expect(site.restore({ sets: sets(times[2], 'q') })).rejects.toThrow('is no complete recovery point of this site');
  });

  test('a set that retention is deleting is no recovery point', async () => {
    const site = new Site({ snapshots });
    site.table.write({ pk: LEDGER.deletion('p'), sk: setId('i-1', at(times[2])), at: 0 });
    expect((await site.restore()).parameters).toEqual({ Data: snapshots[1].snapshot });
  });

  /** Retention writes down its deletion of the newest set just before the restore is written down. */
  async function overtaken(request: RestoreRequest = {}): Promise<{ readonly site: Site; readonly end: RunEnd<RestoreAnswer> }> {
    const site = new Site({ snapshots });
    const overtake: Fates = ({ operation }) => {
      if (operation === 'PutItem') site.table.write({ pk: LEDGER.deletion('p'), sk: setId('i-1', at(times[2])), at: 0 });
      return 'fine';
    };
    return { site, end: await site.run((world) => restore(request, 'first', world), overtake) };
  }

  test('a set that retention wrote down meanwhile gives way to the one before it', async () => {
    const { site, end } = await overtaken();
    expect(end).toMatchObject({ kind: 'ok', value: { status: 'review', parameters: { Data: snapshots[1].snapshot } } });
    expect(kept(site)).toEqual([setId('i-1', at(times[1]))]);
    expect(site.stacks.stacks).toHaveLength(1);
    expect((await site.restore()).parameters).toEqual({ Data: snapshots[1].snapshot });
  });

  test('… or is refused if it was asked for, and nothing is kept for it', async () => {
    const { site, end } = await overtaken({ sets: [{ plan: 'p', set: setId('i-1', at(times[2])) }] });
    expect(end).toMatchObject({ kind: 'error', error: { name: 'RestoreRefused', message: expect.stringContaining('cannot be restored from: retention is deleting it') } });
    expect([kept(site), site.stacks.stacks]).toEqual([[], []]);
  });

  test.each([false, true])('only the last days are read, unless what is needed is older; blind: %s', async (blind) => {
    const ago = (days: number) => copied(SDF, { scheduled: T0 - days * DAY });
    const asked = async (snapshotsThere: typeof snapshots) => {
      const site = new Site({ snapshots: snapshotsThere, blind });
      const { parameters } = await site.restore();
      const { calls } = site.line;
      return [parameters.Data, calls.filter(({ operation }) => operation === 'DescribeSnapshots').length];
    };
    const [recent, older, oldest] = [ago(1), ago(20), ago(100)];
    const all = [...recent, ...older, ...oldest];
    // Without a table: three days in four queries, then thirty in four, then all. With one: the members, to see that they are still there.
    expect(await asked(all)).toEqual([recent[0].snapshot, blind ? 4 : 1]);
    expect(await asked([...older, ...oldest])).toEqual([older[0].snapshot, blind ? 4 + 4 : 1]);
    expect(await asked(oldest)).toEqual([oldest[0].snapshot, blind ? 4 + 4 + 1 : 1]);
  });

  test('an instance without a set of the last days does not compete', async () => {
    const [gone, there] = [copied(SDF, { instance: 'i-1', scheduled: T0 - 20 * DAY }), copied({ 'vol-2': '/dev/sdf' }, { instance: 'i-2' })];
    expect((await new Site({ snapshots: [...gone, ...there] }).restore()).parameters).toEqual({ Data: there[0].snapshot });
  });

  test('on request from the tags, whatever the table says', async () => {
    const site = new Site({ snapshots: snapshots.slice(0, 2) });
    site.snapshots = snapshots;
    expect((await site.restore({ name: 'table' })).parameters).toEqual({ Data: snapshots[1].snapshot });
    expect((await site.restore({ name: 'tags', rebuild: true })).parameters).toEqual({ Data: snapshots[2].snapshot });
  });

  test.each([[0, 1, 2], [2, 1, 0], [1, 2, 0]])('the newest image up to the set, whatever order EC2 tells them in: %i %i %i', async (...order) => {
    const settings = withRestore({ parameters: { Image: { kind: 'image' } } });
    const images = [T0 - DAY, times[0], times[1]].map((scheduled, i) => imageCopy(`ami-${i}`, { scheduled }));
    expect((await new Site({ settings, snapshots, images: order.map((i) => images[i]) }).restore()).parameters).toEqual({ Image: 'ami-2' });
  });

  test('the image of the set, or else the newest before it, as they are now', async () => {
    const settings = withRestore({ parameters: { Image: { kind: 'image' } } });
    const images = [imageCopy('ami-old', { scheduled: T0 - DAY }), imageCopy('ami-new', { scheduled: times[1] }), imageCopy('ami-gone', { scheduled: times[2], state: 'pending' })];
    expect((await new Site({ settings, snapshots, images }).restore()).parameters).toEqual({ Image: 'ami-new' });
    expect((await new Site({ settings, snapshots, images }).restore({ before: at(T0 + 60_000) })).parameters).toEqual({ Image: 'ami-old' });
    await expect(new Site({ settings, snapshots }).restore()).rejects.toThrow('no recovery point with an image');
  });

  test('the artifacts of the recovery point, or the newest ones if it does not tell', async () => {
    const settings = { ...withRestore({ parameters: { ...RESTORE.parameters, V: { kind: 'artifact-version', bucket: 'code', key: 'k' } } }), plans: [{ ...PLAN, artifacts: ['code'] }] };
    const site = new Site({ settings, snapshots });
    const inventory = (version: string) => JSON.stringify({ version: 1, at: at(T0), pending: 0, objects: [{ bucket: 'code', key: 'k', etag: 'e', version }] });
    const noted = site.bucket.put('inventories/p.json', inventory('v1'));
    site.bucket.put('inventories/p.json', inventory('v2'));
    expect(await site.restore({ name: 'newest' })).toMatchObject({ parameters: { V: 'v2' }, warnings: [expect.stringContaining('are the newest ones')] });
    for (const item of site.table.list(LEDGER.point('p'))) {
      site.table.write({ ...item, point: { ...item.point as object, artifacts: { key: 'inventories/p.json', version: noted } } });
    }
    expect(await site.restore({ name: 'noted' })).toMatchObject({ parameters: { V: 'v1' }, warnings: [] });
  });
});

describe('refused before anything is changed', () => {
  test.each([
    ['no template', { settings: withRestore({ templateKey: 'templates/other' }) }, "the template 'templates/other' is not in the site's bucket"],
    ['a template of more than 1 MB', { template: ' '.repeat(2 ** 20 + 1) }, "the template 'templates/site.template' must have at most 1048576 bytes, got 1048577"],
    ['a stale template', { declared: {} }, "parameter 'Data': the template does not declare it"],
    ['no restore settings', { settings: { ...SETTINGS, restore: undefined } }, 'this site has no template to restore from'],
    ['no snapshot', { snapshots: [] }, "parameter 'Data': no recovery point"],
  ])('%s', async (_, options, message) => {
    const site = new Site(options);
    await expect(site.restore()).rejects.toThrow(RestoreRefused);
    await expect(site.restore()).rejects.toThrow(message);
    expect(site.stacks.stacks).toEqual([]);
    expect(site.table.list(LEDGER.restore)).toEqual([]);
  });

  test('the template is pinned to the version that was looked at, and a change since the set is told', async () => {
    const site = new Site();
    for (const item of site.table.list(LEDGER.point('p'))) {
      site.table.write({ ...item, point: { ...item.point as object, template: { key: TEMPLATE_KEY, version: 'v1' } } });
    }
    expect((await site.restore({ name: 'same' })).warnings).toEqual([]);
    site.bucket.put(TEMPLATE_KEY, '{ }');
    expect((await site.restore({ name: 'changed' })).warnings).toEqual([`the template was changed since ${setId('i-1', at(T0))}`]);
    expect(site.stacks.stacks.map(({ templateUrl }) => templateUrl)).toEqual([1, 2].map((n) => (
      `https://site-bucket.s3.us-west-2.amazonaws.com/${TEMPLATE_KEY}?versionId=v${n}`)));
  });
});

describe('the same name is the same restore', () => {
  test('asked again it is the same change set, also when there is a newer set', async () => {
    const site = new Site({ snapshots: copied(SDF) });
    const first = await site.restore();
    site.snapshots.push(...copied(SDF, { scheduled: T0 + HOUR }));
    site.note();
    expect(await site.restore()).toEqual(first);
    expect(site.stacks.stacks).toHaveLength(1);
    await expect(site.restore({ before: at(T0 + DAY) })).rejects.toThrow("'site-restore-first' was asked for with other sets: give another name");
  });

  test('executed after its review, by name or by change set, once', async () => {
    const site = new Site();
    const { changeSet } = await site.restore();
    expect((await site.restore({ changeSet })).status).toBe('executing');
    expect((await site.restore({ execute: true })).status).toBe('executing');
    expect(site.stacks.there).toMatchObject([{ status: 'CREATE_IN_PROGRESS' }]);
    site.clock.advance(CREATION_MS);
    expect(kept(site)).toHaveLength(1);
    expect((await site.restore({ changeSet })).status).toBe('complete');
    expect(kept(site)).toEqual([]);
    await expect(site.restore({ changeSet: 'arn:other' })).rejects.toThrow('the change set was not made by this function');
  });

  test('what was executed by hand is found out, and lets go of its sets', async () => {
    const site = new Site();
    const { changeSet } = await site.restore();
    const [stack] = site.stacks.there;
    site.stacks.execute(stack.id, changeSet.split('/')[1]);
    site.clock.advance(CREATION_MS);
    expect((await site.restore()).status).toBe('complete');
    expect(kept(site)).toEqual([]);
  });

  test('asked again with the same sets or time it goes on, with others it is refused', async () => {
    const [first, second] = times.map((scheduled) => ({ plan: 'p', set: setId('i-1', at(scheduled)) }));
    const there = { snapshots: times.flatMap((scheduled) => copied(SDF, { scheduled })) };
    const [bySets, byTime] = [new Site(there), new Site(there)];
    const before = at(times[1]);
    const [one, other] = [await bySets.restore({ sets: [first] }), await byTime.restore({ before })];
    for (const request of [{}, { sets: [first] }]) expect(await bySets.restore(request)).toEqual(one);
    for (const request of [{}, { before }]) expect(await byTime.restore(request)).toEqual(other);
    for (const request of [{ sets: [second] }, { before }]) await expect(bySets.restore(request)).rejects.toThrow("'site-restore-first' was asked for with other sets: give another name");
    for (const request of [{ sets: [first] }, { before: at(times[2]) }]) await expect(byTime.restore(request)).rejects.toThrow('give another name');
  });

  test('thrown away in review it stays what was asked for', async () => {
    const site = new Site();
    const { parameters, stack } = await site.restore();
    site.stacks.delete(stack);
    site.clock.advance(HOUR);
    site.snapshots.push(...copied(SDF, { scheduled: T0 + HOUR }));
    site.note();
    expect(await site.restore()).toMatchObject({ status: 'review', parameters });
  });

  test('executed but for the answer it is executed by whoever asks next', async () => {
    const site = new Site();
    const before: Fates = ({ operation }) => operation === 'ExecuteChangeSet' ? 'killed-before' : 'fine';
    await site.run((world) => restore({ execute: true }, 'first', world), before);
    expect(site.stacks.there).toMatchObject([{ status: 'REVIEW_IN_PROGRESS' }]);
    expect((await site.restore()).status).toBe('executing');
    expect(site.stacks.there).toMatchObject([{ status: 'CREATE_IN_PROGRESS' }]);
  });

  test('a stack that was deleted is made anew', async () => {
    const site = new Site();
    await site.restore({ execute: true });
    site.clock.advance(CREATION_MS);
    site.stacks.delete('site-restore-first');
    site.clock.advance(HOUR);
    expect((await site.restore({ execute: true })).status).toBe('executing');
    expect(site.stacks.stacks).toHaveLength(2);
  });

  test('a refused change set can be asked for again when its reason is gone', async () => {
    let reason: string | undefined = 'Template error: instance of Fn::GetAtt references undefined resource';
    const site = new Site({ refusal: () => reason });
    await expect(site.restore()).rejects.toThrow(reason);
    expect(kept(site)).toEqual([]);
    reason = undefined;
    expect((await site.restore()).status).toBe('review');
  });

  test('a restore that is over lets go of its sets when another one is asked for', async () => {
    const site = new Site();
    await site.restore({ name: 'a', execute: true });
    await site.restore({ name: 'b' });
    site.clock.advance(CREATION_MS);
    await site.restore({ name: 'b' });
    expect(site.table.get(LEDGER.restore, 'site-restore-a')).toMatchObject({ sets: [], state: 'complete' });
    expect(site.table.get(LEDGER.restore, 'site-restore-b')?.sets).toHaveLength(1);
  });
});

describe('no capacity', () => {
  const outcome = ({ Type: type }: Readonly<Record<string, string>>) => type === 'm5.large' ? { kind: 'failed' as const, reason: NO_CAPACITY } : { kind: 'up' as const };

  test('the next invocation tells, and takes the next candidate with the same sets', async () => {
    const site = new Site({ settings: CAPACITY, outcome });
    const first = await site.restore({ execute: true });
    site.snapshots.push(...copied(SDF, { scheduled: T0 + HOUR }));
    site.note();
    site.clock.advance(CREATION_MS);
    const second = await site.restore({ execute: true });
    expect(second).toMatchObject({ stack: expect.stringContaining('site-restore-first-2'), status: 'executing', points: first.points, parameters: { Type: 'm6i.large' } });
    expect(second.warnings[0]).toMatch(/failed for lack of capacity \(Server: We currently do not have.*and can be deleted/);
    site.clock.advance(CREATION_MS);
    expect((await site.restore()).status).toBe('complete');
  });

  test('without an order to execute the next candidate waits for review', async () => {
    const site = new Site({ settings: CAPACITY, outcome });
    await site.restore({ execute: true });
    site.clock.advance(CREATION_MS);
    expect(await site.restore()).toMatchObject({ status: 'review', parameters: { Type: 'm6i.large' } });
  });

  test('after the last candidate it is refused', async () => {
    const site = new Site({ settings: CAPACITY, outcome: () => ({ kind: 'failed', reason: NO_CAPACITY }) });
    for (let n = 0; n < 2; n++) {
      await site.restore({ execute: true });
      site.clock.advance(CREATION_MS);
    }
    await expect(site.restore({ execute: true })).rejects.toThrow('no capacity: all 2 candidates were tried');
  });

  test('any other failure is told', async () => {
    const site = new Site({ settings: CAPACITY, outcome: () => ({ kind: 'failed', reason: 'the image does not exist' }) });
    await site.restore({ execute: true });
    site.clock.advance(CREATION_MS);
    await expect(site.restore({ execute: true })).rejects.toThrow(/^stack 'arn:.*' failed: Server: the image does not exist$/);
  });

  test.each([
    [NO_CAPACITY, true],
    ['Resource handler returned message: "InsufficientInstanceCapacity"', true],
    ['Your requested instance type (m5.large) is not supported in your requested Availability Zone (us-west-2d).', true],
    ['Launching a new EC2 instance. Status Reason: Could not launch On-Demand Instances. InsufficientInstanceCapacity', true],
    ['You have requested more vCPU capacity than your current vCPU limit of 32 allows', false],
    ['Resource creation cancelled', false],
  ])('%s', (reason, lack) => {
    expect(isLackOfCapacity(reason)).toBe(lack);
  });
});

test.each([
  [undefined, 'gone'], ['DELETE_COMPLETE', 'gone'], ['REVIEW_IN_PROGRESS', 'reviewable'], ['CREATE_IN_PROGRESS', 'moving'], ['ROLLBACK_IN_PROGRESS', 'moving'],
  ['CREATE_COMPLETE', 'up'], ['UPDATE_ROLLBACK_COMPLETE', 'up'], ['ROLLBACK_COMPLETE', 'failed'], ['CREATE_FAILED', 'failed'], ['DELETE_FAILED', 'failed'],
])('a stack that is %s is %s', (status, state) => {
  expect(stateOf(status)).toBe(state);
});

describe('a request', () => {
  test.each<RestoreRequest>([
    {}, { name: 'a' }, { name: `a${'-'.repeat(48)}b` }, { before: '2026-11-20T00:00:00Z' }, { rebuild: true, execute: false }, { changeSet: 'ebsdr-1' },
    { sets: [{ plan: 'p', set: 'i-0abc@2026-11-21T10:00:00Z' }] },
  ])('%j', (request) => {
    expect(checkRestoreRequest(request)).toEqual(request);
  });

  test.each<[unknown, string]>([
    [undefined, 'the request must be an object'],
    [null, 'the request must be an object'],
    ['{}', 'the request must be an object'],
    [[], 'the request must be an object'],
    [{ set: 'x', names: 1 }, 'the request may have sets, before, name, rebuild, execute and changeSet, got set, names'],
    ...[5, '2026-11-20', 'yesterday', '2026-11-99T00:00:00Z'].map((before): [unknown, string] => [{ before }, "'before' must be a time like '2026-11-21T10:00:00Z'"]),
    ...[5, '', '-a', 'a-', 'a'.repeat(51), 'a b'].map((name): [unknown, string] => [{ name }, "'name' must be 1 to 50 letters, digits and hyphens, without a hyphen at its ends"]),
    [{ rebuild: 'yes' }, "'rebuild' must be true or false"],
    [{ execute: 1 }, "'execute' must be true or false"],
    ...[5, ''].map((changeSet): [unknown, string] => [{ changeSet }, "'changeSet' must be the name or ARN of a change set"]),
    ...[5, [5], [null], [{ plan: 'p' }], [{ set: 'x' }]].map((sets): [unknown, string] => [{ sets }, "'sets' must be a list of { plan, set }"]),
    [{ sets: [{ plan: 'p', set: 'i-1' }] }, "a set's id must be like 'i-0abc@2026-11-21T10:00:00Z', got 'i-1'"],
  ])('%j is none', (request, message) => {
    expect(() => checkRestoreRequest(request)).toThrow(new RestoreRefused(message));
  });
});

describe('killed at, or without an answer to, any call', () => {
  const parameters: RestoreSettings['parameters'] = { ...RESTORE.parameters, Image: { kind: 'image' }, Type: { kind: 'instance-type', candidates: ['m5.large'] }, Zone: { kind: 'availability-zone', candidates: ['us-west-2a'] } };
  const options = () => ({ settings: withRestore({ parameters }), snapshots: copied(SDF), images: [imageCopy('ami-1')] });

  test.each(['killed-before', 'killed-after', 'lost', 'late', 'refused'] as const)('%s: one stack, one change set, the same sets', async (fate) => {
    const fair = new Site(options());
    await fair.restore({ execute: true });
    const calls = fair.line.calls.length;
    expect(calls).toBeGreaterThan(10);
    for (let n = 1; n <= calls; n++) {
      const site = new Site(options());
      const end = await site.run((world) => restore({ name: 'first', execute: true }, 'other', world), fateAt(n, fate));
      expect(end.kind).not.toBe('ok');
      expect((await site.restore({ execute: true })).status).toBe('executing');
      expect(site.stacks.stacks).toHaveLength(1);
      expect(site.stacks.stacks[0].changeSets.size).toBe(1);
      expect(kept(site)).toHaveLength(1);
      site.clock.advance(CREATION_MS);
      expect((await site.restore()).status).toBe('complete');
    }
  });
});
