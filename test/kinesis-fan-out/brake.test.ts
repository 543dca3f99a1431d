import { answered, DELIVERED, entries, entryOf, NEVER, record, refused } from './wire';
import { BrakedSender, MAX_PATIENCE_MS, MAX_REFUSALS } from '../../src/kinesis-fan-out/handlers/brake';
import type { CallOutcome, EntryOutcome, Sender } from '../../src/kinesis-fan-out/handlers/ports';

const ONE = entries('1');
const REFUSED = refused('HTTP 400') as Extract<EntryOutcome, { kind: 'refused' }>;
const WAITS = { kind: 'failed', code: 'refuses all: HTTP 400', broken: true };

function destination(answer: () => CallOutcome): Sender {
  return {
    maxEntries: 7, maxCallBytes: 6, maxEntryBytes: 5, concurrency: 4, bodies: 'xml', sizeOf: ({ body }) => body.length, send: async () => answer(),
  };
}

function scene(age = 0) {
  const world: { outcome: EntryOutcome } = { outcome: REFUSED };
  const sender = new BrakedSender(destination(() => ({ kind: 'answered', outcomes: [world.outcome] })), () => record(0).arrivedAt + age);
  const send = (outcome: EntryOutcome, given = ONE) => {
    world.outcome = outcome;
    return sender.send(given, NEVER);
  };
  const refuse = async (times: number) => {
    for (let n = 0; n < times; n++) expect(await send(REFUSED)).toEqual(answered(REFUSED));
  };
  return { send, refuse };
}

test('is the sender it brakes in everything else', () => {
  const sender = destination(() => ({ kind: 'answered', outcomes: [] }));
  const braked = new BrakedSender(sender, Date.now);
  expect(braked).toMatchObject({ maxEntries: 7, maxCallBytes: 6, maxEntryBytes: 5, concurrency: 4, bodies: 'xml' });
  expect(braked.sizeOf(entries('four')[0])).toBe(4);
});

test('who refuses so many one after the other is broken, until something is delivered', async () => {
  const { refuse, send } = scene();
  await refuse(MAX_REFUSALS);
  for (let n = 0; n < 3; n++) expect(await send(REFUSED)).toEqual(answered(WAITS));
  expect(await send(DELIVERED as EntryOutcome)).toEqual(answered(DELIVERED));
  await refuse(MAX_REFUSALS);
  expect(await send(REFUSED)).toEqual(answered(WAITS));
});

test('one delivery in between is enough', async () => {
  const { refuse, send } = scene();
  for (let round = 0; round < 3; round++) {
    await refuse(MAX_REFUSALS - 1);
    await send(DELIVERED as EntryOutcome);
  }
});

test('old records wait no longer', async () => {
  await scene(MAX_PATIENCE_MS).refuse(MAX_REFUSALS * 2);
});

test('what the record alone shows does not count', async () => {
  const { refuse, send } = scene();
  const missing = refused('no key', 'FIELD_MISSING') as EntryOutcome;
  for (let n = 0; n < MAX_REFUSALS * 2; n++) await send(missing);
  await refuse(MAX_REFUSALS);
  expect(await send(missing)).toEqual(answered(missing));
});

test('a pack is split first', async () => {
  const { refuse, send } = scene();
  const pack = [entryOf(record(1), record(2))];
  for (let n = 0; n < MAX_REFUSALS * 2; n++) await send(REFUSED, pack);
  await refuse(MAX_REFUSALS);
  expect(await send(REFUSED, pack)).toEqual(answered(REFUSED));
});

test('a call refused as a whole is split first, and alone counts like any other', async () => {
  const sender = new BrakedSender(destination(() => REFUSED), () => record(0).arrivedAt);
  for (let n = 0; n < MAX_REFUSALS * 2; n++) expect(await sender.send(entries('1', '2'), NEVER)).toEqual(REFUSED);
  for (let n = 0; n < MAX_REFUSALS; n++) expect(await sender.send(ONE, NEVER)).toEqual(answered(REFUSED));
  expect(await sender.send(ONE, NEVER)).toEqual(answered(WAITS));
});
