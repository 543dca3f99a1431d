import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { processSqsBatch } from '../../src/handler-kit/batch';

const CONTEXT = { awsRequestId: 'r', getRemainingTimeInMillis: () => 1_000 } as Context;

function eventOf(...bodies: string[]): SQSEvent {
  return { Records: bodies.map((body, i) => ({ messageId: `m${i}`, body }) as SQSRecord) };
}

/** A body 'ok' succeeds, any other fails with itself as the message. */
async function handle({ body }: SQSRecord): Promise<void> {
  if (body !== 'ok') {
    throw new Error(body);
  }
}

test.each<[string, string[], string[]]>([
  ['none', ['ok', 'ok'], []],
  ['a poisoned one among good ones', ['ok', 'bad', 'ok'], ['m1']],
  ['all: reported, not thrown', ['bad', 'worse'], ['m0', 'm1']],
  ['an empty batch', [], []],
])('reports the failed messages: %s', async (_name, bodies, failed) => {
  expect(await processSqsBatch(eventOf(...bodies), CONTEXT, handle))
    .toEqual({ batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) });
});

test('tells about each failure with its own error', async () => {
  const told: [string, unknown][] = [];
  await processSqsBatch(eventOf('ok', 'bad'), CONTEXT, handle, (record, error) => told.push([record.messageId, error]));
  expect(told).toEqual([['m1', new Error('bad')]]);
});

test('an onFailure that throws changes nothing', async () => {
  const onFailure = () => {
    throw new Error('log is down');
  };
  expect(await processSqsBatch(eventOf('ok', 'bad'), CONTEXT, handle, onFailure))
    .toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
});

test.each([undefined, null, 'text', 7])('whatever was thrown (%p), only its own message fails', async (thrown) => {
  const odd = async ({ body }: SQSRecord) => {
    if (body !== 'ok') {
      throw thrown;
    }
  };
  const told: unknown[] = [];
  expect(await processSqsBatch(eventOf('ok', 'odd'), CONTEXT, odd, (_record, error) => told.push(error)))
    .toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
  expect(told).toEqual([thrown]);
});

test('two batches at once keep their failures apart', async () => {
  const slow = async (record: SQSRecord) => {
    await new Promise(setImmediate);
    await handle(record);
  };
  expect(await Promise.all([
    processSqsBatch(eventOf('bad', 'ok'), CONTEXT, slow),
    processSqsBatch(eventOf('ok', 'bad'), CONTEXT, slow),
    processSqsBatch(eventOf('ok', 'ok'), CONTEXT, slow),
  ])).toEqual([
    { batchItemFailures: [{ itemIdentifier: 'm0' }] },
    { batchItemFailures: [{ itemIdentifier: 'm1' }] },
    { batchItemFailures: [] },
  ]);
});

test('an answer belongs to its caller', async () => {
  const answer = await processSqsBatch(eventOf('ok'), CONTEXT, handle);
  answer.batchItemFailures.push({ itemIdentifier: 'added' });
  expect(await processSqsBatch(eventOf('ok'), CONTEXT, handle)).toEqual({ batchItemFailures: [] });
});
