import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { aggregate, bytes, sealed, uint } from './aggregate';
import { dataOf, DESTINATIONS, FanOutAtWork, orders, type Destination } from './fan-out-at-work';
import { PLAIN_SERVICE, randomService } from '../kit/dispatch/stream-plan';
import { FaultSchedule, runsFromEnv, seedFromEnv, type FaultKind } from '../kit/faults';
import { describeRandomRuns } from '../kit/random-runs';

/** Every row of the room's failure table, with the shipped bundles under Lambda's runtime client. */

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(5);
/** Records of the mirror that are sent beyond its lowest unfinished one. */
const WINDOW = 5;
const BATCHES: readonly Destination[] = ['Archive', 'Audit', 'Bus', 'Mirror', 'News'];
/** What an API does, too. */
const OF_HTTPS: readonly FaultKind[] = ['throttle', 'server-error', 'access-denied', 'not-found', 'reset-before', 'reset-after', 'late-apply'];

jest.setTimeout(Math.max(600_000, RUNS * 30_000));

let fanOut: FanOutAtWork;
beforeAll(async () => {
  fanOut = await FanOutAtWork.start({
    props: () => ({ maxRecordAge: Duration.minutes(1) }),
    options: (id) => id === 'Mirror' ? { sendAhead: WINDOW } : {},
  });
});
afterAll(() => fanOut?.stop());

const SENT = orders(20);
const answers = (id: Destination) => fanOut.runsOf(id).map(({ outcome }) => (
  outcome.kind === 'ok' ? (outcome.payload as { batchItemFailures: unknown[] }).batchItemFailures.length : outcome.kind));

async function deliver(faults = FaultSchedule.none(), sent = SENT): Promise<void> {
  await fanOut.begin({ faults });
  fanOut.put(...sent);
  await fanOut.settle();
}

test('without faults every destination has every record once, in order, after one invocation', async () => {
  await deliver();
  expect(await fanOut.deviations(SENT)).toEqual([]);
  for (const id of DESTINATIONS) expect([id, answers(id), fanOut.metric(id, 'DELIVERED')]).toEqual([id, [0], SENT.length]);
});

describe('a call that fails once', () => {
  test.each<FaultKind>(['throttle', 'server-error', 'reset-before'])('%s: sent again at once, nothing twice', async (kind) => {
    await deliver(fanOut.at({ kind }, 1));
    expect(await fanOut.deviations(SENT)).toEqual([]);
    for (const id of DESTINATIONS) {
      expect([id, answers(id), fanOut.metric(id, 'RETRIED') > 0]).toEqual([id, [0], true]);
    }
  });

  test('some entries refused for load: only those go again, order is kept', async () => {
    await deliver(fanOut.at({ kind: 'refuse-entries', entries: [1, 3] }, 1, BATCHES));
    expect(await fanOut.deviations(SENT)).toEqual([]);
    for (const id of BATCHES) expect([id, answers(id), fanOut.metric(id, 'RETRIED')]).toEqual([id, [0], 2]);
  });

  test('the answer lost after it was applied: twice only where nobody can tell', async () => {
    await deliver(fanOut.at({ kind: 'reset-after' }, 1));
    const carried = Math.max(...DESTINATIONS.map((id) => fanOut.metric(id, 'RETRIED')));
    expect(await fanOut.deviations(SENT, { duplicates: carried })).toEqual([]);
    for (const id of DESTINATIONS) expect([id, answers(id)]).toEqual([id, [0]]);
  });

  test('no answer although it was applied: the time-out ends the wait', async () => {
    await deliver(fanOut.at({ kind: 'hang-after' }, 1, ['Partner']));
    expect(await fanOut.deviations(SENT, { duplicates: 1 })).toEqual([]);
    expect(answers('Partner')).toEqual([0]);
  });

  test.each<FaultKind>(['access-denied', 'not-found'])('%s: counted as broken, never quarantined', async (kind) => {
    await deliver(fanOut.at({ kind }, 1));
    expect(await fanOut.deviations(SENT)).toEqual([]);
    for (const id of DESTINATIONS) {
      expect([id, fanOut.metric(id, 'BROKEN'), fanOut.metric(id, 'QUARANTINED')]).toEqual([id, 1, 0]);
    }
  });
});

describe('a destination that is down', () => {
  test('ends early; back again, it has everything', async () => {
    await fanOut.begin({ faults: fanOut.at({ kind: 'server-error' }, undefined, ['Audit']) });
    fanOut.put(...SENT);
    await fanOut.world.timeline.advance(1.5);
    const [{ outcome }] = fanOut.runsOf('Audit');
    expect([answers('Audit'), outcome.logs.includes('"gaveUp":true'), await fanOut.arrived('Audit')]).toEqual([[1], true, []]);
    fanOut.use(FaultSchedule.none());
    await fanOut.settle();
    expect(await fanOut.deviations(SENT)).toEqual([]);
  });

  test('longer than records may wait: the whole batch lies in the failure bucket, with its bytes', async () => {
    const sent = orders(3, 1);
    await fanOut.begin({ faults: fanOut.at({ kind: 'server-error' }, undefined, ['Archive']) });
    fanOut.hurry('Archive');
    fanOut.put(...sent);
    await fanOut.settle();
    const batches = await Promise.all((await fanOut.expired('Archive')).map((key) => fanOut.world.read(fanOut.failures, key)));
    const records = batches.flatMap((batch) => {
      const { payload, requestContext } = JSON.parse(batch.toString()) as { payload: string; requestContext: { condition: string } };
      expect(requestContext.condition).toBe('RecordAgeExceeded');
      return (JSON.parse(payload) as { Records: { kinesis: { data: string } }[] }).Records;
    });
    expect(records.map(({ kinesis: { data } }) => atob(data)).sort()).toEqual(sent.map((order) => JSON.stringify(order)));
    expect(fanOut.world.mapping(fanOut.of('Archive').arn).ledger).toMatchObject({ discarded: 3, succeeded: 0 });
    expect(await fanOut.quarantined('Archive')).toEqual([]);
    expect(await fanOut.deviations(sent, { except: ['Archive'] })).toEqual([]);
  });
});

describe('records nobody can deliver', () => {
  interface Poison {
    readonly data: string | Buffer;
    /** Destination → reason. */
    readonly reasons: Partial<Record<Destination, string>>;
  }
  const everywhere = (reason: string) => Object.fromEntries(DESTINATIONS.map((id) => [id, reason]));
  const POISON: Record<string, Poison> = {
    'text that is no JSON': { data: 'no JSON', reasons: { Lake: 'UNPARSABLE', State: 'UNPARSABLE' } },
    'bytes that are no text': { data: Buffer.from([0xFF, 0x00, 0xFE]), reasons: { Lake: 'UNPARSABLE', State: 'UNPARSABLE' } },
    'characters XML does not know': { data: '\u0001\uFFFF', reasons: { Lake: 'UNPARSABLE', State: 'UNPARSABLE' } },
    'nothing at all': { data: '', reasons: { Lake: 'UNPARSABLE', State: 'UNPARSABLE' } },
    'no key field': { data: '{"name":"x"}', reasons: { State: 'FIELD_MISSING' } },
    'a number out of range': { data: '{"id":"big","v":1e200}', reasons: { State: 'REFUSED' } },
    'more than an item or a message': { data: JSON.stringify({ id: 'large', v: 'x'.repeat(450_000) }), reasons: { News: 'TOO_LARGE', State: 'TOO_LARGE' } },
    'an aggregate that points nowhere': {
      data: sealed(bytes(1, 'key-0'), bytes(3, Buffer.concat([uint(1, 7), bytes(3, '{}')]))), reasons: everywhere('CORRUPT_AGGREGATE'),
    },
  };

  test('each is kept with its bytes and a reason where it is poison, and the batch goes on', async () => {
    await fanOut.begin();
    fanOut.put(...SENT.slice(0, 8));
    for (const { data } of Object.values(POISON)) fanOut.putRaw('key-1', data);
    fanOut.put(...SENT.slice(8));
    await fanOut.settle();
    for (const id of DESTINATIONS) {
      const kept = (await fanOut.quarantined(id)).map((record) => [dataOf(record).toString('base64'), record.reason]);
      const poison = Object.values(POISON).flatMap(({ data, reasons }) => (
        reasons[id] === undefined ? [] : [[Buffer.from(data).toString('base64'), reasons[id]]]));
      expect([id, answers(id), kept.sort()]).toEqual([id, [0], poison.sort()]);
      expect([id, fanOut.metric(id, 'QUARANTINED')]).toEqual([id, poison.length]);
    }
    expect(await fanOut.deviations(SENT)).toEqual([]);
  });

  test('what an API answers decides: 400, 413 and 422 are about the record', async () => {
    const statuses = new Map([[5, 400], [6, 413], [11, 422]].map(([at, status]) => [JSON.stringify(SENT[at]), status]));
    await fanOut.begin();
    fanOut.api.respond = ({ body }) => ({ status: statuses.get(body.toString()) ?? 204 });
    fanOut.put(...SENT);
    await fanOut.settle();
    expect((await fanOut.quarantined('Partner')).map(({ attempts, code, reason }) => [code, reason, attempts]).sort())
      .toEqual([['HTTP 400', 'REFUSED', 1], ['HTTP 413', 'TOO_LARGE', 1], ['HTTP 422', 'REFUSED', 1]]);
    expect([await fanOut.deviations(SENT), await fanOut.quarantined('Audit')]).toEqual([[], []]);
  });

  test('a call refused as a whole is split: nobody is put aside for what another one is', async () => {
    await deliver(fanOut.at({ kind: 'server-error', status: 400, code: 'InvalidMessageContents' }, 1, ['Audit']));
    expect([await fanOut.deviations(SENT), await fanOut.quarantined('Audit'), answers('Audit')]).toEqual([[], [], [0]]);
  });

  test('an entry the service calls the sender\'s fault: kept, its neighbours arrive', async () => {
    await deliver(fanOut.at({ kind: 'refuse-entries', entries: [2], status: 400, code: 'InvalidMessageContents' }, 1, ['Audit']));
    expect(await fanOut.quarantined('Audit')).toMatchObject([{ reason: 'REFUSED', code: 'InvalidMessageContents', attempts: 1 }]);
    expect([await fanOut.deviations(SENT), answers('Audit')]).toEqual([[], [0]]);
  });

  test('the failure bucket does not take them: unfinished, and kept when it does', async () => {
    const { roleArn } = fanOut.of('State');
    await fanOut.begin({ faults: FaultSchedule.of({ principal: roleArn, operation: 's3:PutObject', fault: { kind: 'server-error' } }) });
    fanOut.hurry('State');
    fanOut.put(...SENT.slice(0, 8));
    fanOut.putRaw('key-1', 'no JSON');
    fanOut.put(...SENT.slice(8));
    await fanOut.world.timeline.advance(1.5);
    expect([answers('State'), fanOut.metric('State', 'QUARANTINED'), await fanOut.quarantined('State')]).toEqual([[1], 0, []]);
    fanOut.hurry();
    fanOut.use(FaultSchedule.none());
    await fanOut.settle();
    expect((await fanOut.quarantined('State')).map(({ reason }) => reason)).toEqual(['UNPARSABLE']);
    expect(await fanOut.deviations(SENT)).toEqual([]);
  });
});

describe('environments that end', () => {
  const FEW = orders(3, 2);

  test('killed before and after each call: nothing is lost, at most what was under way arrives twice', async () => {
    await deliver(FaultSchedule.none(), FEW);
    const most = Math.max(...DESTINATIONS.map((id) => fanOut.callsOf(id).length));
    expect(most).toBe(FEW.length);
    for (let nth = 1; nth <= most; nth++) {
      for (const kind of ['kill-before', 'kill-after'] as const) {
        // All destinations at once: none of them knows of the others.
        const killed = DESTINATIONS.filter((id) => id !== 'Partner');
        await deliver(fanOut.at({ kind }, nth, killed), FEW);
        expect([nth, kind, await fanOut.deviations(FEW, { duplicates: FEW.length, halves: true })]).toEqual([nth, kind, []]);
        if (nth === 1) for (const id of killed) expect([id, fanOut.runsOf(id)[0].outcome.kind]).toEqual([id, 'killed']);
      }
    }
  });

  test('killed while the API works on a request', async () => {
    await fanOut.begin();
    fanOut.api.respond = () => {
      if (fanOut.api.asked.length === 2) fanOut.world.host.killRunning(fanOut.of('Partner').name);
      return { status: 204 };
    };
    fanOut.put(...FEW);
    await fanOut.settle();
    expect(answers('Partner')[0]).toBe('killed');
    expect(await fanOut.deviations(FEW, { duplicates: FEW.length })).toEqual([]);
  });

  test.each([['the same environment: nothing twice', 0], ['a fresh one: not more than the window twice', WINDOW]])('a retry meets %s', async (_, duplicates) => {
    // Of twenty keys, the first is throttled until the invocation gives up.
    const sent = orders(20, 20);
    await fanOut.begin({
      faults: fanOut.at({ kind: 'refuse-entries', entries: [0] }, undefined, ['Mirror']),
      streams: duplicates === 0 ? PLAIN_SERVICE : { ...PLAIN_SERVICE, environment: () => undefined },
    });
    fanOut.put(...sent);
    await fanOut.world.timeline.advance(1.5);
    const ahead = await fanOut.arrived('Mirror');
    expect([answers('Mirror'), ahead.length]).toEqual([[1], WINDOW - 1]);
    fanOut.use(FaultSchedule.none());
    await fanOut.settle();
    expect(await fanOut.deviations(sent, { duplicates })).toEqual([]);
    expect((await fanOut.arrived('Mirror')).length - sent.length).toBe(duplicates === 0 ? 0 : ahead.length);
  });

  test('the checkpoint is lost: everything comes again, and is known where it can be', async () => {
    await fanOut.begin({ streams: { ...PLAIN_SERVICE, losesCheckpoint: (batch) => batch.endsWith('/0') } });
    fanOut.put(...SENT);
    await fanOut.settle();
    expect(await fanOut.deviations(SENT, { duplicates: SENT.length })).toEqual([]);
  });
});

test('split and merge of shards: nothing is lost, keys keep their order', async () => {
  const sent = orders(36, 6);
  await fanOut.begin({ shards: { Source: 2 } });
  fanOut.put(...sent.slice(0, 12));
  await fanOut.world.timeline.advance(0.5);
  const [, right] = fanOut.source.split('shardId-000000000000');
  fanOut.put(...sent.slice(12, 24));
  fanOut.source.merge(right, 'shardId-000000000001');
  fanOut.put(...sent.slice(24));
  await fanOut.settle();
  expect(await fanOut.deviations(sent)).toEqual([]);
});

test('aggregates: records within, one alone, none at all', async () => {
  const text = (order: object) => ({ partitionKey: 'key-0', data: JSON.stringify(order) });
  const sent = orders(7, 1);
  await fanOut.begin();
  fanOut.putRaw('a', aggregate(sent.slice(0, 4).map(text)));
  fanOut.putRaw('a', sealed(bytes(1, 'key-0')));
  fanOut.putRaw('a', aggregate(sent.slice(4, 5).map(text)));
  fanOut.put(...sent.slice(5));
  await fanOut.settle();
  expect(await fanOut.deviations(sent)).toEqual([]);
  for (const id of DESTINATIONS) expect([id, answers(id), fanOut.metric(id, 'RECEIVED'), await fanOut.quarantined(id)]).toEqual([id, [0], 7, []]);
});

describe('the secret of an API', () => {
  const fetched = () => fanOut.world.callsOf(fanOut.of('Partner')).filter(({ service }) => service === 'secretsmanager').length;

  test('another one: fetched once more, nothing lost', async () => {
    await deliver();
    await fanOut.begin();
    await fanOut.rotate('rotated');
    fanOut.put(...SENT);
    await fanOut.settle();
    expect([answers('Partner'), fetched(), fanOut.metric('Partner', 'BROKEN'), await fanOut.deviations(SENT)]).toEqual([[0], 1, 0, []]);
  });

  test('one the API does not take: broken, never quarantined', async () => {
    await fanOut.begin();
    fanOut.authorization = 'unknown';
    fanOut.hurry('Partner');
    fanOut.put(...SENT);
    await fanOut.world.timeline.advance(1.5);
    expect([answers('Partner'), await fanOut.quarantined('Partner'), fanOut.metric('Partner', 'BROKEN') > 0]).toEqual([[1], [], true]);
    fanOut.authorization = 'rotated';
    fanOut.hurry();
    await fanOut.settle();
    expect(await fanOut.deviations(SENT)).toEqual([]);
  });
});

describeRandomRuns({
  verb: 'deliver',
  regressions: join(__dirname, 'regressions'),
  seed: SEED,
  runs: RUNS,
  faults: () => ({
    rate: 0.08,
    kinds: ['throttle', 'server-error', 'access-denied', 'reset-before', 'reset-after', 'late-apply', 'refuse-entries', 'kill-before', 'kill-after'],
    principals: DESTINATIONS.map((id) => fanOut.of(id).roleArn),
  }),
  calls: () => fanOut.world.proxy.calls.filter(({ principal }) => fanOut.world.evaluator.knows(principal)),
  run: async (seed, faults) => {
    const sent = orders(24, 5);
    const streams = randomService(seed, {
      cut: 0.3, throttle: 0.1, otherEnvironment: 0.2, environments: 2, loseEnvironment: 0.1, loseCheckpoint: 0.1,
    });
    await fanOut.begin({ faults, streams, shards: { Source: 1 + seed % 2 } });
    fanOut.api.begin(FaultSchedule.random(seed, { rate: 0.08, kinds: OF_HTTPS }));
    fanOut.put(...sent.slice(0, 10));
    await fanOut.world.timeline.advance(3);
    fanOut.put(...sent.slice(10));
    await fanOut.settle();
    fanOut.api.settle();
    return fanOut.deviations(sent, { duplicates: Infinity, halves: true });
  },
});
