import { Duration } from 'aws-cdk-lib';
import { aggregate } from './aggregate';
import { dataOf, DESTINATIONS, FanOutAtWork, orders, type Destination } from './fan-out-at-work';
import { QUARANTINE_PREFIX, RECEIPT_PREFIX, type ReplayReceipt } from '../../src/kinesis-fan-out/contract';
import { PLAIN_SERVICE } from '../kit/dispatch/stream-plan';
import { FaultSchedule } from '../kit/faults';

/** What the failure bucket holds comes back, and only to its destination, with the shipped bundles under Lambda's runtime client. */

jest.setTimeout(600_000);

let fanOut: FanOutAtWork;
beforeAll(async () => {
  fanOut = await FanOutAtWork.start({ props: () => ({ maxRecordAge: Duration.minutes(1) }) });
});
afterAll(() => fanOut?.stop());

const SENT = orders(10, 3);
const quarantineOf = (destination: Destination) => ({ destination, prefix: `${QUARANTINE_PREFIX}${destination}/` });
const counts = () => Promise.all(DESTINATIONS.map(async (id) => [id, (await fanOut.bodies(id)).length] as const));
const ids = () => fanOut.api.received.map(({ headers }) => headers['idempotency-key']);

/** Which of these records the API refuses, until it is told otherwise. */
function refuse(...bodies: readonly string[]): void {
  fanOut.api.respond = ({ body }) => ({ status: bodies.includes(body.toString()) ? 422 : 204 });
}

async function receipts(destination: Destination): Promise<ReplayReceipt[]> {
  const keys = (await fanOut.world.keys(fanOut.failures)).filter((key) => key.startsWith(`${RECEIPT_PREFIX}${destination}/`));
  return Promise.all(keys.map(async (key) => JSON.parse(String(await fanOut.world.read(fanOut.failures, key))) as ReplayReceipt));
}

test('every poisoned record comes back bit by bit, only at its destination', async () => {
  const poison = [JSON.stringify(SENT[2]), JSON.stringify(SENT[7]), '\u0000 no JSON \uFFFF', '{"n":1e400, "id": 5}'];
  await fanOut.begin();
  refuse(...poison);
  fanOut.put(...SENT);
  poison.slice(2).forEach((text) => fanOut.putRaw('odd', text));
  await fanOut.settle();
  const kept = await fanOut.quarantined('Partner');
  expect(kept.map((record) => dataOf(record).toString()).sort()).toEqual([...poison].sort());
  const before = await counts();

  refuse();
  expect(await fanOut.replay(quarantineOf('Partner'))).toMatchObject({ objects: 4, delivered: 4, quarantined: 0, unfinished: 0 });
  await fanOut.settle();
  const back = fanOut.api.received.slice(-4);
  expect(back.map(({ body }) => body.toString()).sort()).toEqual([...poison].sort());
  expect(back.map(({ headers }) => headers['idempotency-key']).sort()).toEqual(kept.map(({ id }) => id).sort());
  expect(await counts()).toEqual(before.map(([id, count]) => [id, id === 'Partner' ? count + 4 : count]));
  expect(await receipts('Partner')).toMatchObject([{ delivered: 4, quarantined: {}, unfinished: {} }]);
});

test('twice: the same ids, so that whoever knows records again has them once', async () => {
  await fanOut.begin();
  refuse(JSON.stringify(SENT[2]));
  fanOut.put(...SENT);
  await fanOut.settle();
  refuse();
  for (let n = 0; n < 2; n++) expect(await fanOut.replay(quarantineOf('Partner'))).toMatchObject({ delivered: 1 });
  const [first, second] = ids().slice(-2);
  expect([first, ids().length]).toEqual([second, SENT.length + 1]);
  expect(new Set(ids()).size).toBe(SENT.length);
});

test('one of an aggregate: the others stay where they are', async () => {
  await fanOut.begin();
  refuse(JSON.stringify(SENT[3]));
  fanOut.putRaw('any', aggregate(SENT.map((order) => ({ partitionKey: order.id, data: JSON.stringify(order) }))));
  await fanOut.settle();
  expect((await fanOut.quarantined('Partner')).map(({ id }) => id.split(':')[2])).toEqual(['3']);
  refuse();
  expect(await fanOut.replay(quarantineOf('Partner'))).toMatchObject({ objects: 1, delivered: 1 });
  expect(fanOut.api.received.map(({ body }) => body.toString()).sort()).toEqual(SENT.map((order) => JSON.stringify(order)).sort());
});

test('still refused: quarantined again, under its key', async () => {
  await fanOut.begin();
  refuse(JSON.stringify(SENT[2]));
  fanOut.put(...SENT);
  await fanOut.settle();
  const keys = await fanOut.world.keys(fanOut.failures);
  expect(await fanOut.replay(quarantineOf('Partner'))).toMatchObject({ delivered: 0, quarantined: 1 });
  expect((await fanOut.world.keys(fanOut.failures)).filter((key) => !key.startsWith(RECEIPT_PREFIX))).toEqual(keys);
});

describe('what expired', () => {
  /** Every mapping is throttled until all is too old. */
  async function expire(): Promise<void> {
    await fanOut.begin({ streams: { ...PLAIN_SERVICE, throttles: () => true } });
    fanOut.put(...SENT);
    await fanOut.settle();
    expect(await counts()).toEqual(DESTINATIONS.map((id) => [id, 0]));
  }

  test('comes back whole, in order, for each destination by itself; twice where nobody can tell', async () => {
    await expire();
    for (const id of DESTINATIONS) {
      const before = await counts();
      const [key] = await fanOut.expired(id);
      for (let n = 0; n < 2; n++) {
        expect([id, await fanOut.replay({ destination: id, key })]).toMatchObject([id, { delivered: SENT.length, unfinished: 0 }]);
      }
      expect((await counts()).filter(([other]) => other !== id)).toEqual(before.filter(([other]) => other !== id));
    }
    await fanOut.settle();
    expect(await fanOut.deviations(SENT, { duplicates: SENT.length })).toEqual([]);
  });

  test('killed before and after each call of the replay: asked for again, nothing is lost', async () => {
    await expire();
    const [key] = await fanOut.expired('Audit');
    const replay = fanOut.world.functionOf('OrdersReplay');
    await fanOut.replay({ destination: 'Audit', key });
    // By operation and number: keys are others in each run.
    const points = fanOut.world.callsOf(replay).map(({ nth, operation, principal, service }) => ({ principal, operation: `${service}:${operation}`, nth }));
    const schedules = points.flatMap((point) => (['kill-before', 'kill-after'] as const).map((kind) => FaultSchedule.of({ ...point, fault: { kind } })));
    expect(schedules.length).toBeGreaterThanOrEqual(6);
    for (const faults of schedules) {
      await expire();
      const [expired] = await fanOut.expired('Audit');
      fanOut.use(faults);
      const outcome = await fanOut.world.invokeArn(replay.arn, { destination: 'Audit', key: expired });
      expect(outcome.kind).toBe('killed');
      fanOut.use(FaultSchedule.none());
      expect(await fanOut.replay({ destination: 'Audit', key: expired })).toMatchObject({ delivered: SENT.length });
      expect(fanOut.world.queue('Audit').messages).toHaveLength(SENT.length);
    }
  });

  test('to a destination that is still down: unfinished, with what to ask for next', async () => {
    await expire();
    fanOut.use(fanOut.at({ kind: 'server-error' }, undefined, ['Archive']));
    fanOut.hurry('Archive');
    const [key] = await fanOut.expired('Archive');
    const { next, ...result } = await fanOut.replay({ destination: 'Archive', key });
    expect([result, next]).toMatchObject([{ delivered: 0, unfinished: SENT.length }, { destination: 'Archive', key }]);
    fanOut.hurry();
    fanOut.use(FaultSchedule.none());
    await fanOut.world.timeline.advance(1);
    expect(await fanOut.replay(next!)).toMatchObject({ delivered: SENT.length, unfinished: 0 });
    expect(await fanOut.bodies('Archive')).toHaveLength(SENT.length);
  });
});

test('a request that is none is refused, and nothing is called', async () => {
  await fanOut.begin();
  await expect(fanOut.replay({ destination: 'Nobody', prefix: 'quarantine/Nobody/' })).rejects.toThrow("'destination' must be one of");
  await expect(fanOut.replay({ destination: 'Audit', prefix: 'quarantine/Partner/' })).rejects.toThrow("'prefix' must begin with");
  expect(fanOut.world.proxy.calls.filter(({ principal }) => fanOut.world.evaluator.knows(principal))).toEqual([]);
});
