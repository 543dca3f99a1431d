import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { DESTINATIONS, FanOutAtWork, orders, type Destination } from './fan-out-at-work';
import { MAX_REFUSALS } from '../../src/kinesis-fan-out/handlers/brake';
import { FaultSchedule } from '../kit/faults';
import { NODE_FLAGS } from '../kit/lambda-host';

/** Destinations that are down, gone, silent or of another mind, and functions that stand still: with the shipped bundles under Lambda's runtime client. */

jest.setTimeout(600_000);

let fanOut: FanOutAtWork;
beforeAll(async () => {
  fanOut = await FanOutAtWork.start({ props: () => ({ maxRecordAge: Duration.minutes(1) }) });
});
afterAll(() => fanOut?.stop());
afterEach(() => {
  // Whatever befell it, no function wrote what a record holds, or the secret of the API.
  const { runs } = fanOut.world;
  expect(runs.length).toBeGreaterThan(0);
  for (const { outcome: { logs } } of runs) expect(logs).not.toMatch(/key-\d|eyJpZCI6|standstill|generated/);
});

const SENT = orders(20);
const UNORDERED: readonly Destination[] = ['Archive', 'Bus'];
const answers = (id: Destination) => fanOut.runsOf(id).map(({ outcome }) => (
  outcome.kind === 'ok' ? (outcome.payload as { batchItemFailures: unknown[] }).batchItemFailures.length : outcome.kind));

/** What destinations see: calls in their order, and what came with them. */
function seenBy(ids: readonly Destination[]): Promise<unknown[]> {
  return Promise.all(ids.map(async (id) => [
    id,
    answers(id),
    id === 'Partner' ? fanOut.api.received.length : fanOut.callsOf(id).map(({ operation }) => operation),
    (await fanOut.arrived(id)).sort((a, b) => a.id === b.id ? UNORDERED.includes(id) ? a.n - b.n : 0 : a.id < b.id ? -1 : 1),
  ]));
}

/** Until each of them was invoked: batching windows are not the same. */
async function untilInvoked(ids: readonly Destination[]): Promise<void> {
  while (ids.some((id) => fanOut.runsOf(id).length === 0)) await fanOut.world.timeline.advance(0.5);
}

async function nothingQuarantined(): Promise<void> {
  for (const id of DESTINATIONS) expect([id, await fanOut.quarantined(id)]).toEqual([id, []]);
}

describe('a destination that is down', () => {
  let healthy: Map<Destination, unknown>;
  beforeAll(async () => {
    await fanOut.begin();
    fanOut.put(...SENT);
    await fanOut.settle();
    healthy = new Map((await seenBy(DESTINATIONS)).map((seen, n) => [DESTINATIONS[n], seen]));
  });

  test.each(DESTINATIONS)('%s: its neighbours do not notice; back again, it has everything, in order', async (dead) => {
    const others = DESTINATIONS.filter((id) => id !== dead);
    await fanOut.begin({ faults: fanOut.at({ kind: 'server-error' }, undefined, [dead]) });
    fanOut.hurry(dead);
    fanOut.put(...SENT);
    await untilInvoked([dead]);
    expect([answers(dead), await fanOut.arrived(dead)]).toEqual([[1], []]);
    fanOut.hurry();
    fanOut.use(FaultSchedule.none());
    await fanOut.settle();
    expect(await fanOut.deviations(SENT)).toEqual([]);
    expect(await seenBy(others)).toEqual(others.map((id) => healthy.get(id)));
    await nothingQuarantined();
  });
});

test('deleted, and created again: nothing is quarantined, everything arrives', async () => {
  // What a function calls without a resource of its own in the emulator is not found, too.
  const answered: readonly Destination[] = ['Partner', 'Worker'];
  const gone = DESTINATIONS.filter((id) => !answered.includes(id));
  await fanOut.begin({ faults: fanOut.at({ kind: 'not-found' }, undefined, answered) });
  // So long a bus counts as there: EventBridge would take events for one that is not.
  await fanOut.world.timeline.advance(60);
  await fanOut.world.delete(...gone);
  fanOut.hurry(...DESTINATIONS);
  fanOut.put(...SENT);
  await untilInvoked(DESTINATIONS);
  for (const id of DESTINATIONS) expect([id, answers(id)[0], fanOut.metric(id, 'BROKEN') > 0, fanOut.metric(id, 'DELIVERED')]).toEqual([id, 1, true, 0]);
  await fanOut.world.restore();
  fanOut.hurry();
  fanOut.use(FaultSchedule.none());
  await fanOut.settle();
  expect(await fanOut.deviations(SENT)).toEqual([]);
  await nothingQuarantined();
});

describe('a service that takes calls and never answers', () => {
  const SILENT: readonly Destination[] = ['Audit', 'Lake', 'Mirror', 'State'];

  test('to one call: it is given up, made again, and the batch is done', async () => {
    await fanOut.begin({ faults: fanOut.at({ kind: 'hang-before' }, 1, ['State']) });
    fanOut.put(...SENT);
    await fanOut.settle();
    expect(await fanOut.deviations(SENT)).toEqual([]);
    expect([answers('State'), fanOut.metric('State', 'RETRIED')]).toEqual([[0], 1]);
  });

  test.each(SILENT)('%s, to any: the invocation answers in time, and the shard goes on', async (id) => {
    await fanOut.begin({ faults: fanOut.at({ kind: 'hang-before' }, undefined, [id]) });
    fanOut.adjust(id, { timeoutSeconds: 2 });
    fanOut.put(...SENT);
    await untilInvoked([id]);
    expect([answers(id), fanOut.metric(id, 'UNFINISHED')]).toEqual([[1], SENT.length]);
    fanOut.adjust();
    fanOut.use(FaultSchedule.none());
    await fanOut.settle();
    for (const other of DESTINATIONS.filter((one) => one !== id)) expect([other, answers(other), fanOut.metric(other, 'DELIVERED')]).toEqual([other, [0], SENT.length]);
    expect(await fanOut.deviations(SENT)).toEqual([]);
    await nothingQuarantined();
  });
});

describe('a function that stands still at a record until its time is up', () => {
  const sent = orders(4, 2).map((order, n) => n === 1 ? { ...order, mark: 'standstill' } : order);
  const batches = () => fanOut.runsOf('Audit').map(({ event, outcome }) => [(event as { Records: unknown[] }).Records.length, outcome.kind]);

  async function begin(): Promise<void> {
    await fanOut.begin();
    fanOut.adjust('Audit', {
      timeoutSeconds: 1,
      nodeFlags: [...NODE_FLAGS, '--require', join(__dirname, '../kit/preloaded-standstill.cjs')],
      environment: { KIT_STANDSTILL: 'standstill' },
    });
    fanOut.put(...sent);
  }

  test('once: the halves of its batch arrive', async () => {
    await begin();
    await untilInvoked(['Audit']);
    fanOut.adjust();
    await fanOut.settle();
    expect(batches()).toEqual([[4, 'timeout'], [2, 'ok'], [2, 'ok']]);
    expect(await fanOut.deviations(sent)).toEqual([]);
  });

  test('always: what stands before it arrives, the rest expires, is kept, and can be replayed', async () => {
    await begin();
    await fanOut.settle();
    fanOut.adjust();
    expect(batches().slice(0, 2)).toEqual([[4, 'timeout'], [2, 'timeout']]);
    expect(batches()).toEqual(expect.arrayContaining([[1, 'ok'], [1, 'timeout']]));
    const { ledger: { discarded, open, succeeded }, mapping: { uuid } } = fanOut.world.mapping(fanOut.of('Audit').arn);
    expect([succeeded > 0, discarded > 0, succeeded + discarded, open]).toEqual([true, true, sent.length, 0]);
    expect(await fanOut.arrived('Audit')).toHaveLength(succeeded);
    expect(await fanOut.deviations(sent, { except: ['Audit'] })).toEqual([]);

    // More than one batch, in one second.
    expect(await fanOut.replay({ destination: 'Audit', prefix: `aws/lambda/${uuid}/` })).toMatchObject({ delivered: discarded, unfinished: 0 });
    expect(await fanOut.deviations(sent)).toEqual([]);
  });
});

test('an API that refuses everything is broken after so many: the rest waits, and arrives in order', async () => {
  const sent = orders(MAX_REFUSALS + 20, 20);
  await fanOut.begin();
  fanOut.api.respond = () => {
    // Some more, and the invocation ends: what it has begun to put aside, it has time for.
    if (fanOut.api.asked.length === MAX_REFUSALS + 10) fanOut.world.lag(20);
    return { status: 400 };
  };
  fanOut.put(...sent);
  await untilInvoked(['Partner']);
  const aside = await fanOut.quarantined('Partner');
  expect([answers('Partner'), fanOut.metric('Partner', 'BROKEN') > 0]).toEqual([[1], true]);
  expect(aside.length).toBeGreaterThan(0);
  expect(aside.length).toBeLessThanOrEqual(MAX_REFUSALS);
  fanOut.api.respond = () => ({ status: 204 });
  await fanOut.settle();
  expect(await fanOut.deviations(sent)).toEqual([]);
  expect(await fanOut.quarantined('Partner')).toEqual(aside);
});

test('an item with a number for a position is no newer one', async () => {
  const [order] = SENT;
  await fanOut.begin();
  await fanOut.world.putItem('State', { id: { S: order.id }, _sequence: { N: '7' } });
  fanOut.put(order);
  await fanOut.settle();
  expect(await fanOut.deviations([order])).toEqual([]);
});
