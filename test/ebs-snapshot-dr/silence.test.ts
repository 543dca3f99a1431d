import { FlowAtWork, SITE, SOURCE, STEADY } from './flow-at-work';
import { LEDGER } from '../../src/ebs-snapshot-dr/handlers/ports';
import { type Fates, HOUR, MINUTE } from '../kit/fakes/ec2';

/** Nothing protected must never look like everything protected, and one poisoned part never stop the rest. */

const refused = (operation: string, region: string): Fates => (call) => call.operation === operation && call.region === region ? 'refused' : 'fine';

describe('a plan that protects nothing ages', () => {
  test('if its Region never answered', async () => {
    const flow = new FlowAtWork();
    flow.instance(1);
    flow.model.darken(SOURCE.region);
    await flow.ticks(180);
    expect(flow.age).toBe(175 * 60);
  });

  test('if it selects no instance, until it does', async () => {
    const flow = new FlowAtWork();
    flow.instance(1, { dr: 'glod' });
    await flow.ticks(180);
    expect(flow.age).toBe(175 * 60);
    flow.instance(1);
    await flow.hour();
    await flow.hour();
    expect(flow.age).toBe(40 * 60);
  });
});

test('a failed copy that cannot be deleted holds up no recovery point', async () => {
  const key = 'arn:aws:kms:eu-central-1:123456789012:key/site';
  const flow = new FlowAtWork({ key });
  const stored = flow.model.addKey({ ...SITE, arn: key });
  stored.enabled = false;
  flow.instance(1);
  const undeletable = { watch: refused('DeleteSnapshot', SITE.region) };
  await flow.hour(undeletable);
  expect(flow.copies().map(({ state }) => state)).toEqual(['error']);
  stored.enabled = true;
  await flow.hour(undeletable);
  expect(flow.points).toHaveLength(1);
});

test('an instance that is about to stop misses neither its set nor the roll call', async () => {
  const flow = new FlowAtWork();
  const instance = flow.instance(1);
  instance.state = 'stopping';
  await flow.hour();
  expect(flow.points).toHaveLength(1);
  expect(Object.keys(flow.tables.site.get(LEDGER.roster, 'gold')?.instances ?? {})).toEqual([instance.id]);
});

describe('the RPO counts for an instance', () => {
  const counted = (flow: FlowAtWork) => Object.keys(flow.tables.site.get(LEDGER.roster, 'gold')?.instances ?? {});

  test('that answers lack, as long as EC2 does not say that it has none', async () => {
    const flow = new FlowAtWork();
    const instances = Array.from({ length: 20 }, () => flow.instance(1).id);
    await flow.run('copy');
    const partial: Fates = ({ operation }) => operation === 'DescribeInstances' ? 'partial' : 'fine';
    for (let tick = 0; tick < 5; tick++) {
      await flow.run('copy', partial);
      expect(counted(flow).sort()).toEqual(instances.sort());
    }
  });

  test('until it is gone', async () => {
    const flow = new FlowAtWork();
    const [gone, there] = [flow.instance(1), flow.instance(1)];
    await flow.run('copy');
    flow.model.terminate(gone);
    flow.clock.advance(2 * HOUR);
    await flow.run('copy');
    expect(counted(flow)).toEqual([there.id]);
  });

  test('until it is not selected any more', async () => {
    const flow = new FlowAtWork();
    const [deselected, there] = [flow.instance(1), flow.instance(1)];
    await flow.run('copy');
    deselected.tags = { ...deselected.tags, dr: 'none' };
    await flow.run('copy');
    expect(counted(flow)).toEqual([there.id]);
  });
});

test('copies go on while the plan\'s Region does not tell its instances', async () => {
  const flow = new FlowAtWork();
  flow.instance(2);
  await flow.hour({ copy: refused('DescribeInstances', SOURCE.region) });
  expect(flow.points).toHaveLength(1);
  expect(flow.tables.site.list(LEDGER.roster)).toEqual([]);
});

test('a completion time that EC2 will not promise costs no copy', async () => {
  const flow = new FlowAtWork({ site: { timedCopies: true } });
  flow.instance(1);
  const copySnapshot = flow.model.copySnapshot.bind(flow.model);
  jest.spyOn(flow.model, 'copySnapshot').mockImplementation((caller, input) => (
    copySnapshot(caller, input.completionMinutes === undefined ? input : { ...input, completionMinutes: 1 })));
  await flow.hour();
  expect(flow.copies().map(({ state, transferType }) => [state, transferType])).toEqual([['completed', 'standard']]);
});

test('with more copies than slots for days, sets are finished before newer ones are begun', async () => {
  // Six instances of three volumes an hour, of which a third can be copied.
  const flow = new FlowAtWork({ copyLimit: 3, durations: { ...STEADY, copyMs: () => 28 * MINUTE } });
  const instances = Array.from({ length: 6 }, () => flow.instance(3));
  for (let hour = 0; hour < 24; hour++) await flow.hour();
  const byInstance = instances.map(({ id }) => flow.points.filter(({ instance }) => instance === id).length);
  expect(Math.min(...byInstance)).toBeGreaterThanOrEqual(4);
  expect(flow.age).toBeLessThan(8 * HOUR / 1000);
});
