import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { record } from './wire';
import type { ReplayAnswer, ReplayEnv, ReplayReceipt } from '../../src/kinesis-fan-out/contract';
import { quarantineKey } from '../../src/kinesis-fan-out/handlers/quarantine';

type Handler = typeof import('../../src/kinesis-fan-out/handlers/replay.lambda')['handler'];

const ENV: ReplayEnv = { FAN_OUT_NAME: 'orders', FAILURE_BUCKET: 'failures', FUNCTIONS: '{"Lake":"fan-out-lake","State":"fan-out-state"}' };
const CONTEXT = { getRemainingTimeInMillis: () => 900_000 } as Context;
const KEYS = [1, 2, 3].map((n) => quarantineKey('Lake', record(n)));

const s3 = mockClient(S3Client);
const lambda = mockClient(LambdaClient);
let handler: Handler;
let log: jest.SpyInstance;

beforeAll(() => {
  Object.assign(process.env, ENV, { AWS_REGION: 'eu-central-1', POWERTOOLS_DEV: 'true' });
  ({ handler } = jest.requireActual('../../src/kinesis-fan-out/handlers/replay.lambda'));
});

beforeEach(() => {
  log = jest.spyOn(console, 'info').mockImplementation();
  s3.reset();
  lambda.reset();
  s3.on(ListObjectsV2Command).callsFake(({ Prefix: prefix, StartAfter: after = '', ContinuationToken: token = '0' }) => {
    const keys = KEYS.filter((key) => key.startsWith(prefix) && key > after);
    const page = Number(token);
    return { Contents: [{ Key: keys[page] }], NextContinuationToken: page + 1 < keys.length ? String(page + 1) : undefined };
  });
  s3.on(GetObjectCommand).callsFake(({ Key: key }) => {
    const one = record(1 + KEYS.indexOf(key));
    return { Body: { transformToString: async () => JSON.stringify({ version: 1, destination: 'Lake', id: one.id, record: one.source }) } };
  });
  s3.on(PutObjectCommand).resolves({});
});
afterEach(() => log.mockRestore());

function answer(replay: Partial<ReplayAnswer> = {}) {
  const whole = { received: 3, delivered: 3, filtered: 0, quarantined: {}, unfinished: {}, ...replay };
  return { StatusCode: 200, Payload: payload({ batchItemFailures: [], replay: whole }) };
}

function payload(content: unknown): never {
  return { transformToString: () => JSON.stringify(content) } as never;
}

function receipts(): { readonly key: string; readonly receipt: ReplayReceipt }[] {
  return s3.commandCalls(PutObjectCommand).map(({ args: [{ input }] }) => ({ key: input.Key!, receipt: JSON.parse(String(input.Body)) }));
}

test('lists, reads, calls the destination\'s function, and leaves a receipt', async () => {
  lambda.on(InvokeCommand).resolves(answer());
  const result = await handler({ destination: 'Lake', prefix: 'quarantine/Lake/' }, CONTEXT);
  expect(result).toMatchObject({ destination: 'Lake', objects: 3, delivered: 3, unfinished: 0 });
  const [{ args: [{ input }] }] = lambda.commandCalls(InvokeCommand);
  expect(input.FunctionName).toBe('fan-out-lake');
  expect(JSON.parse(String(input.Payload))).toEqual({ Records: [1, 2, 3].map((n) => record(n).source), replay: { only: {} } });
  expect(receipts()).toEqual([{ key: expect.stringMatching(/^receipts\/Lake\/\d{4}-\d\d-\d\dT[\d.]+Z-[0-9a-f-]{36}\/000001\.json$/), receipt: expect.objectContaining({ objects: KEYS }) }]);
  expect(result.receipts).toEqual(receipts().map(({ key }) => key));
});

test('goes on behind a key', async () => {
  lambda.on(InvokeCommand).resolves(answer({ delivered: 1 }));
  await handler({ destination: 'Lake', prefix: 'quarantine/Lake/', after: KEYS[1] }, CONTEXT);
  expect(receipts()[0].receipt.objects).toEqual([KEYS[2]]);
});

test('a function that fails, or answers something else, delivers nothing', async () => {
  lambda.on(InvokeCommand).resolvesOnce({ FunctionError: 'Unhandled', Payload: payload({ errorMessage: 'what was sent' }) }).resolvesOnce({ Payload: payload({}) }).resolves(answer());
  expect(await handler({ destination: 'Lake', prefix: 'quarantine/Lake/' }, CONTEXT)).toMatchObject({ delivered: 3, unfinished: 0 });
  expect(receipts()[0].receipt.attempts).toBe(3);
});

test('an object that is gone is skipped; one that may not be read ends the replay', async () => {
  lambda.on(InvokeCommand).resolves(answer({ delivered: 2 }));
  s3.on(GetObjectCommand, { Key: KEYS[1] }).rejects(Object.assign(new Error(), { name: 'NoSuchKey' }));
  expect(await handler({ destination: 'Lake', prefix: 'quarantine/Lake/' }, CONTEXT)).toMatchObject({ objects: 2, skipped: 1 });
  s3.on(GetObjectCommand, { Key: KEYS[1] }).rejects(Object.assign(new Error(), { name: 'AccessDenied' }));
  await expect(handler({ destination: 'Lake', prefix: 'quarantine/Lake/' }, CONTEXT)).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('ends before the invocation does', async () => {
  lambda.on(InvokeCommand).rejects(Object.assign(new Error(), { name: 'AbortError' }));
  const result = await handler({ destination: 'Lake', key: KEYS[0] }, { getRemainingTimeInMillis: () => 0 } as Context);
  expect(result).toMatchObject({ delivered: 0, unfinished: 1, next: { destination: 'Lake', key: KEYS[0] } });
  expect(receipts()[0].receipt).toMatchObject({ attempts: 1, error: 'AbortError' });
});

test('a request that is none touches nothing', async () => {
  await expect(handler({ destination: 'Sea', key: KEYS[0] }, CONTEXT)).rejects.toThrow("'destination' must be one of Lake, State, got 'Sea'");
  expect([...s3.calls(), ...lambda.calls()]).toEqual([]);
});

test('the log holds keys and counts, nothing of the records', async () => {
  lambda.on(InvokeCommand).resolves(answer());
  await handler({ destination: 'Lake', prefix: 'quarantine/Lake/' }, CONTEXT);
  const text = JSON.stringify(log.mock.calls);
  expect(text).toContain('replayed');
  expect(text).not.toContain(record(1).source.kinesis.data);
});
