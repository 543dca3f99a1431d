import { DESTINATIONS, FanOutAtWork, orders } from './fan-out-at-work';
import { FaultSchedule, type FaultKind } from '../kit/faults';

/** A bucket whose records are sorted into folders, with the shipped bundle under Lambda's runtime client. */

jest.setTimeout(600_000);

const SENT = orders(40);
const OTHERS = { except: DESTINATIONS.filter((id) => id !== 'Lake') };

let fanOut: FanOutAtWork;
beforeAll(async () => {
  fanOut = await FanOutAtWork.start({ lake: { partition: 'key=<$.id>/<yyyy>/' }, options: (id) => ({ enabled: id === 'Lake' }) });
});
afterAll(() => fanOut?.stop());

async function deliver(faults = FaultSchedule.none()): Promise<readonly string[]> {
  await fanOut.begin({ faults });
  fanOut.put(...SENT);
  await fanOut.settle();
  return fanOut.world.keys(fanOut.of('Lake').environment.TARGET);
}

test('an object per folder', async () => {
  const keys = await deliver();
  const ids = [...new Set(SENT.map(({ id }) => id))];
  expect(ids.length).toBeGreaterThan(1);
  expect(keys.map((key) => key.replace(/^orders\/key=(.+)\/\d{4}\/shardId-\d{12}\/\d{56}\.ndjson$/, '$1')).sort()).toEqual(ids.sort());
  expect(await fanOut.deviations(SENT, OTHERS)).toEqual([]);
  expect(fanOut.metric('Lake', 'DELIVERED')).toBe(SENT.length);
});

test.each<FaultKind>(['throttle', 'server-error', 'reset-before', 'reset-after', 'late-apply'])('%s at each second object: all there once, in order', async (kind) => {
  await deliver(FaultSchedule.of(...[1, 3, 5].flatMap((nth) => fanOut.at({ kind }, nth, ['Lake']).faults)));
  expect(await fanOut.deviations(SENT, OTHERS)).toEqual([]);
  expect(fanOut.metric('Lake', 'RETRIED')).toBeGreaterThan(0);
});

test.each<FaultKind>(['kill-before', 'kill-after'])('%s at the third object: nothing is lost, though halves may stand beside the whole', async (kind) => {
  await deliver(fanOut.at({ kind }, 3, ['Lake']));
  expect(fanOut.runsOf('Lake')[0].outcome.kind).toBe('killed');
  expect(await fanOut.deviations(SENT, { ...OTHERS, halves: true, duplicates: SENT.length })).toEqual([]);
});
