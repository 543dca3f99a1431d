import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { FaultSchedule, type FaultKind } from './faults';
import { HttpsStub } from './https-stub';

let stub: HttpsStub;
beforeAll(async () => {
  stub = await HttpsStub.start();
});
afterAll(() => stub?.stop());

/** Status, or how the connection ended. */
function post(body: string, timeoutMs = 5000): Promise<number | string> {
  return new Promise((resolve) => {
    const call = request(`${stub.origin}/hook`, {
      method: 'POST', ca: readFileSync(stub.environment.NODE_EXTRA_CA_CERTS), headers: { 'idempotency-key': body }, timeout: timeoutMs, agent: false,
    });
    call.on('response', (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    call.on('timeout', () => call.destroy(new Error('timeout')));
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end(body);
  });
}

test('takes what comes', async () => {
  stub.begin();
  expect(await post('a')).toBe(204);
  expect(stub.received).toMatchObject([{ method: 'POST', path: '/hook', headers: { 'idempotency-key': 'a' }, body: Buffer.from('a') }]);
});

test('says what it is told to say, and keeps what it does not refuse', async () => {
  stub.begin();
  stub.respond = ({ body }) => ({ status: body.toString() === 'bad' ? 422 : 200 });
  expect([await post('bad'), await post('good')]).toEqual([422, 200]);
  expect(stub.received.map(({ body }) => body.toString())).toEqual(['good']);
  stub.respond = () => ({ status: 204 });
});

test.each<[FaultKind, number | string, number]>([
  ['throttle', 429, 0],
  ['server-error', 503, 0],
  ['access-denied', 401, 0],
  ['not-found', 404, 0],
  ['reset-before', 'ECONNRESET', 0],
  ['reset-after', 'ECONNRESET', 1],
  ['hang-before', 'timeout', 0],
  ['hang-after', 'timeout', 1],
])('%s: answered %s, taken %i times; the second try is taken', async (kind, outcome, taken) => {
  stub.begin(FaultSchedule.of({ operation: 'https:POST', nth: 1, fault: { kind } }));
  expect(await post('a', kind.startsWith('hang') ? 50 : 5000)).toBe(outcome);
  expect(stub.received).toHaveLength(taken);
  expect(await post('a')).toBe(204);
  expect(stub.received).toHaveLength(taken + 1);
  expect(stub.asked.map(({ fault }) => fault)).toEqual([kind, undefined]);
});

test('a request whose connection died may arrive late', async () => {
  stub.begin(FaultSchedule.of({ nth: 1, fault: { kind: 'late-apply' } }));
  expect(await post('a')).toBe('ECONNRESET');
  await post('b');
  stub.settle();
  expect(stub.received.map(({ body }) => body.toString())).toEqual(['b', 'a']);
});

test('random faults are those of its kind, and the same each time', async () => {
  const run = async () => {
    stub.begin(FaultSchedule.random(7, { rate: 0.5, kinds: ['throttle', 'server-error', 'reset-before'] }));
    for (const body of 'abcdefgh') await post(body);
    return stub.asked.map(({ fault }) => fault);
  };
  const first = await run();
  expect(await run()).toEqual(first);
  expect(new Set(first).size).toBeGreaterThan(1);
});
