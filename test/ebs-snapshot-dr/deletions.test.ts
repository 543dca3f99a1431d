import { FlowAtWork, KEEP_LAST } from './flow-at-work';
import { METRIC } from '../../src/ebs-snapshot-dr/contract';
import { LEDGER } from '../../src/ebs-snapshot-dr/handlers/ports';

test('a restore that begins while sets are deleted keeps its set', async () => {
  const flow = new FlowAtWork({ site: { retention: KEEP_LAST(1) } });
  flow.instance(2);
  for (let hour = 0; hour < 3; hour++) await flow.hour();
  const [first, second] = flow.points.map(({ set }) => set);
  const { site } = flow.tables;
  const list = site.list.bind(site);
  let asked = 0;
  jest.spyOn(site, 'list').mockImplementation((pk, from) => {
    const answer = list(pk, from);
    if (pk === LEDGER.restore && ++asked === 1) site.write({ pk, sk: 'app-restore-1', at: 1, sets: [second] });
    return answer;
  });
  await flow.ok('site-prune');
  expect(flow.points.map(({ set }) => set)).not.toContain(first);
  expect(flow.points.map(({ set }) => set)).toContain(second);
  expect(flow.copies().filter(({ tags }) => tags['ebsdr:set'] === second)).toHaveLength(2);
  expect(list(LEDGER.deletion('gold')).map(({ sk }) => sk)).toEqual([first]);
  expect([flow.metrics[METRIC.setsDeleted], flow.metrics[METRIC.pruneHeld]]).toEqual([1, 1]);
});

test('a short retention does not pile up behind the brake', async () => {
  const brake = { maxSets: 100, maxShare: 0.1 };
  const flow = new FlowAtWork({ plan: { retention: KEEP_LAST(2), brake }, site: { retention: KEEP_LAST(2), brake } });
  flow.instance(1);
  flow.instance(1);
  for (let hour = 0; hour < 8; hour++) {
    await flow.hour();
    for (const side of ['plan-prune', 'site-prune'] as const) {
      await flow.ok(side);
      expect(flow.metrics[METRIC.pruneHeld]).toBe(0);
    }
  }
  expect(flow.points).toHaveLength(4);
});
