import { at, HOUR, snapshot, T0 } from './builders';
import { copied, RESTORE, SETTINGS, Site, type SiteOptions } from './site-at-work';
import { CREATION_MS, OUTPUTS } from './stack-model';
import { type DrillEvidence, METRIC, setId } from '../../src/ebs-snapshot-dr/contract';
import { runDrill } from '../../src/ebs-snapshot-dr/handlers/drill-run';
import { LEDGER, ProbeFailed } from '../../src/ebs-snapshot-dr/handlers/ports';
import { fateAt, type Fates } from '../kit/fakes/ec2';

const START = { scheduledTime: '2026-11-22T10:00:00Z' };
const DRILL = '2026-11-22t10-00-00z';
const STACK = `site-drill-${DRILL}`;
const NO_CAPACITY = 'We currently do not have sufficient m5.large capacity in the Availability Zone you requested (us-west-2a)';
const CAPACITY = { ...SETTINGS, restore: { ...RESTORE, parameters: { ...RESTORE.parameters, Type: { kind: 'instance-type' as const, candidates: ['m5.large', 'm6i.large'] } } } };

function evidenceOf(site: Site, drill = DRILL): DrillEvidence {
  return JSON.parse(site.bucket.get(`evidence/${drill}.json`)!.body) as DrillEvidence;
}

/** Nothing of the drill is left but its evidence. */
function expectOver(site: Site): void {
  expect(site.table.get(LEDGER.drill, 'current')).toBeUndefined();
  expect(site.table.list(LEDGER.restore)).toEqual([]);
  expect(site.bucket.get(`evidence/${DRILL}.sig`)?.body).toBe('signed');
}

async function drilled(options: SiteOptions = {}, prepare: (site: Site) => void = () => {}): Promise<Site> {
  const site = new Site(options);
  site.probe = () => ({ ok: true });
  prepare(site);
  await site.drillToTheEnd(START);
  expectOver(site);
  return site;
}

test('a drill: stack, probe, teardown, signed evidence', async () => {
  const site = await drilled({}, (one) => one.probe = () => ({ ok: true, rows: 42 }));
  expect(evidenceOf(site)).toEqual({
    version: 1,
    drill: DRILL,
    site: 'Site',
    stack: expect.stringContaining(STACK),
    outcome: 'passed',
    points: [{ plan: 'p', set: setId('i-1', at(T0)), takenAt: at(T0 + 1000), consistency: 'crash' }],
    parameters: { Data: 'copy-snap-vol-1-i-1-' + T0 },
    rpoSeconds: 24 * 3600 - 1,
    stages: { changeSetSeconds: 0, stackSeconds: CREATION_MS / 1000, probeSeconds: 0, teardownSeconds: 60 },
    rtoSeconds: CREATION_MS / 1000,
    probe: { ok: true, rows: 42 },
    leftovers: [],
    finishedAt: expect.stringMatching(/^2026-11-22T/),
    signedBy: 'arn:aws:kms:us-west-2:111122223333:key/1',
  });
  expect(site.probes).toEqual([{ drill: DRILL, stack: expect.stringContaining(STACK), outputs: OUTPUTS }]);
  expect(site.stacks.stacks).toMatchObject([{ name: STACK, status: 'DELETE_COMPLETE' }]);
  expect(site.metrics).toEqual([['p', METRIC.drillsPassed, 1], ['p', METRIC.drillsFailed, 0]]);
});

test('its sets are kept while it runs, and its stack stands for the time asked for', async () => {
  const site = new Site();
  site.probe = () => ({ ok: true });
  await site.drill(START);
  expect(site.table.list(LEDGER.restore)).toMatchObject([{ sk: STACK, sets: [setId('i-1', at(T0))] }]);
  site.clock.advance(CREATION_MS);
  await site.drill();
  site.clock.advance(SETTINGS.drill!.teardownAfterSeconds * 1000 - 1);
  await site.drill();
  expect(site.stacks.there).toMatchObject([{ status: 'CREATE_COMPLETE' }]);
  site.clock.advance(1);
  await site.drill();
  expect(site.stacks.there).toMatchObject([{ status: 'DELETE_IN_PROGRESS' }]);
});

test('without a probe a stack that is up has passed', async () => {
  const site = new Site();
  await site.drillToTheEnd(START);
  expect(evidenceOf(site)).toMatchObject({ outcome: 'passed' });
});

describe('one at a time', () => {
  test('a schedule that fires twice starts one, also when the first is over', async () => {
    const site = await drilled();
    await site.drillToTheEnd(START);
    expect(site.stacks.stacks).toHaveLength(1);
  });

  test('… and is no skipped one', async () => {
    const site = new Site();
    await site.drill(START);
    await site.drill(START);
    expect(site.metrics).toEqual([]);
  });

  test('nothing is begun when the invocation ends', async () => {
    const site = new Site();
    await site.run((world) => runDrill(START, { ...world, ending: AbortSignal.abort() }));
    expect(site.stacks.stacks).toEqual([]);
    await site.drillToTheEnd();
    expectOver(site);
  });

  test('none is started while another one is under way', async () => {
    const site = new Site();
    await site.drill(START);
    await site.drill({ scheduledTime: '2026-11-22T11:00:00Z' });
    await site.drillToTheEnd();
    expect(site.stacks.stacks).toHaveLength(1);
    expectOver(site);
  });

  test('one that is skipped for a drill that never ends is counted as failed', async () => {
    const site = new Site();
    await site.drill(START);
    const skipped = async () => {
      site.metrics.length = 0;
      await site.run((world) => runDrill({ scheduledTime: '2026-11-23T10:00:00Z' }, { ...world, ending: AbortSignal.abort() }));
      return site.metrics;
    };
    site.clock.advance(9 * HOUR);
    expect(await skipped()).toEqual([['p', METRIC.drillsFailed, 0]]);
    site.clock.advance(HOUR);
    expect(await skipped()).toEqual([['p', METRIC.drillsFailed, 1]]);
  });

  test('a set that retention wrote down meanwhile is not drilled with', async () => {
    const older = copied({ 'vol-1': '/dev/sdf' }, { scheduled: T0 - HOUR });
    const site = new Site({ snapshots: [...older, ...copied({ 'vol-1': '/dev/sdf' })] });
    let writes = 0;
    await site.drill(START, ({ operation }) => {
      // The first one begins the drill, the second one keeps its sets.
      if (operation === 'PutItem' && ++writes === 2) site.table.write({ pk: LEDGER.deletion('p'), sk: setId('i-1', at(T0)), at: 0 });
      return 'fine';
    });
    expect(site.stacks.stacks).toEqual([]);
    await site.drillToTheEnd();
    expect(evidenceOf(site)).toMatchObject({ outcome: 'passed', parameters: { Data: older[0].snapshot } });
  });

  test('of two ticks at once one goes on', async () => {
    const site = new Site();
    site.probe = () => ({ ok: true });
    await site.drill(START);
    site.clock.advance(CREATION_MS);
    await Promise.all([site.drill(), site.drill()]);
    expect(site.probes).toHaveLength(1);
  });

  test('an event without a time that is one is refused', async () => {
    expect(await new Site().drill({ scheduledTime: 'now' })).toMatchObject({ kind: 'error', error: { message: "'scheduledTime' must be like '2026-11-21T10:00:00Z'" } });
  });
});

describe('failed drills', () => {
  const failed = { outcome: 'failed', leftovers: [] };

  test.each<[string, SiteOptions, string]>([
    ['no recovery point', { snapshots: [] }, "parameter 'Data': no recovery point with a volume at /dev/sdf; there are none"],
    ['a refused change set', { refusal: () => 'Template format error' }, 'Template format error'],
    ['a stack that fails', { outcome: () => ({ kind: 'failed', reason: 'bad image' }) }, 'the stack failed: Server: bad image'],
    ['a stack that never comes up', { outcome: () => ({ kind: 'hangs' }) }, 'the stack was not up after 3600 s'],
  ])('%s', async (_, options, reason) => {
    const site = await drilled(options);
    expect(evidenceOf(site)).toMatchObject({ ...failed, reason });
    expect(site.stacks.there).toEqual([]);
    expect(site.metrics).toEqual([['p', METRIC.drillsPassed, 0], ['p', METRIC.drillsFailed, 1]]);
  });

  test.each<[string, () => unknown, string]>([
    ['fails', () => { throw new ProbeFailed('AssertionError: no rows'); }, 'the probe failed: AssertionError: no rows'],
    ['answers no', () => ({ ok: false }), 'the probe did not answer { "ok": true }'],
    ['answers nothing', () => undefined, 'the probe did not answer { "ok": true }'],
    ['answers too much', () => ({ ok: true, log: 'x'.repeat(70_000) }), "the probe's answer must have at most 65536 bytes, got 70020"],
    ['never answers', () => { throw new Error('socket hang up'); }, 'the probe gave no answer in 3 invocations'],
  ])('the probe %s', async (_, probe, reason) => {
    const site = await drilled({}, (one) => one.probe = probe);
    expect(evidenceOf(site)).toMatchObject({ ...failed, reason });
    expect(site.stacks.there).toEqual([]);
  });

  test('what deleting leaves behind is in the evidence: retained resources', async () => {
    expect(evidenceOf(await drilled({ teardown: 'retains' }))).toMatchObject({ outcome: 'failed', reason: 'resources were left behind', leftovers: ['Data (AWS::EC2::Volume): DELETE_SKIPPED'] });
  });

  test('… snapshots that a deletion policy made', async () => {
    const site = await drilled({}, (one) => one.probe = ({ stack }) => {
      const { tags } = one.stacks.find(stack)!;
      one.snapshots.push(snapshot('snap-final', { tags }), snapshot('snap-other'));
      return { ok: true };
    });
    expect(evidenceOf(site)).toMatchObject({ outcome: 'failed', reason: 'resources were left behind', leftovers: ['snap-final (snapshot)'] });
  });

  test('… and those that could not be deleted', async () => {
    const site = await drilled({ teardown: 'fails' });
    expect(evidenceOf(site)).toMatchObject({ outcome: 'failed', leftovers: ['Data (AWS::EC2::Volume): DELETE_FAILED'] });
    expect(site.stacks.stacks[0].deletions).toBe(3);
  });

  test('a deletion that fails is tried again', async () => {
    expect(evidenceOf(await drilled({ teardown: 'fails-once' }))).toMatchObject({ outcome: 'passed', leftovers: [] });
  });

  test('a stack that somebody deletes', async () => {
    const site = new Site();
    await site.drill(START);
    site.stacks.delete(STACK);
    site.clock.advance(HOUR);
    await site.drillToTheEnd();
    expect(evidenceOf(site)).toMatchObject({ outcome: 'failed', reason: 'somebody else deleted the stack' });
  });

  test('a key that does not sign holds up the next drills for hours only', async () => {
    const site = new Site();
    site.signing.by = () => { throw new Error('KMSInvalidStateException'); };
    await site.drillToTheEnd(START);
    expect(evidenceOf(site)).toMatchObject({ outcome: 'failed', reason: 'the evidence could not be signed: Error', signedBy: '' });
    expect(site.bucket.get(`evidence/${DRILL}.sig`)).toBeUndefined();
  });
});

describe('no capacity', () => {
  const lack = { kind: 'failed' as const, reason: NO_CAPACITY };

  test('the next candidate, with the same sets, in a stack of its own; all are deleted', async () => {
    const site = await drilled({ settings: CAPACITY, outcome: ({ Type: type }) => type === 'm5.large' ? lack : { kind: 'up' } }, (one) => {
      one.probe = () => {
        one.snapshots.push(...copied({ 'vol-1': '/dev/sdf' }, { scheduled: T0 + HOUR }));
        return { ok: true };
      };
    });
    expect(evidenceOf(site)).toMatchObject({ outcome: 'passed', parameters: { Type: 'm6i.large' } });
    expect(site.stacks.stacks).toMatchObject([{ name: STACK, status: 'DELETE_COMPLETE' }, { name: `${STACK}-2`, status: 'DELETE_COMPLETE' }]);
  });

  test('of no candidate', async () => {
    const site = await drilled({ settings: CAPACITY, outcome: () => lack });
    expect(evidenceOf(site)).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('no capacity: all 2 candidates were tried') });
    expect(site.stacks.there).toEqual([]);
  });
});

describe('killed at, or without an answer to, any call', () => {
  test.each(['killed-before', 'killed-after', 'lost', 'late', 'refused'] as const)('%s: one stack, nothing left, one signed evidence', async (fate) => {
    const options: SiteOptions = { settings: CAPACITY };
    const prepared = (): Site => {
      const site = new Site(options);
      site.probe = () => ({ ok: true });
      return site;
    };
    /** By ticks until it is over, and how many calls each of them made. */
    const drill = async (site: Site, fatesOf: (tick: number) => Fates | undefined): Promise<readonly number[]> => {
      const calls: number[] = [];
      for (let tick = 0; tick === 0 || (site.table.get(LEDGER.drill, 'current') !== undefined && tick < 100); tick++) {
        await site.drill(tick === 0 ? START : {}, fatesOf(tick));
        calls.push(site.line.calls.length);
        site.clock.advance(5 * 60_000);
      }
      return calls;
    };
    const calls = await drill(prepared(), () => undefined);
    expect(Math.max(...calls)).toBeGreaterThan(10);
    for (const [struck, count] of calls.entries()) {
      for (let n = 1; n <= count; n++) {
        const site = prepared();
        await drill(site, (tick) => tick === struck ? fateAt(n, fate) : undefined);
        // Killed before it began: the schedule's retry begins it.
        await site.drillToTheEnd(START);
        expectOver(site);
        expect([struck, n, evidenceOf(site)]).toMatchObject([struck, n, { outcome: 'passed', leftovers: [] }]);
        expect(site.stacks.stacks).toMatchObject([{ name: STACK, status: 'DELETE_COMPLETE' }]);
        expect(site.probes.length).toBeLessThanOrEqual(2);
      }
    }
  });
});
