import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { aggregate } from './aggregate';
import { DELIVERED, FAILED, REFUSED } from './delivery-at-work';
import { type DeliverEnv, type DeliverSettings, type EventRecord, METRIC } from '../../src/kinesis-fan-out/contract';
import type { StreamEvent } from '../../src/kinesis-fan-out/handlers/decode';
import type { CallOutcome, Entry, EntryOutcome, Sender, SenderContext } from '../../src/kinesis-fan-out/handlers/ports';

const SHARD = 'shardId-000000000000';
const SECRET = 'card 4111111111111111';

const SETTINGS: DeliverSettings = {
  ordering: 'per-key',
  filters: [],
  transforms: [],
  packing: { kind: 'none', maxBytes: 1e6, envelope: false },
  sendAhead: 100,
  target: { kind: 'firehose' },
};

const s3 = mockClient(S3Client);
let printed: () => readonly Record<string, unknown>[];
let sent: string[][];
let answerWith: (body: string) => EntryOutcome;
let context: SenderContext<'firehose'> | undefined;

const sender: Sender = {
  maxEntries: 500,
  maxCallBytes: 1e6,
  maxEntryBytes: 1000,
  concurrency: 1,
  bodies: 'bytes',
  sizeOf: ({ body }) => body.length,
  send: async (entries: readonly Entry[]): Promise<CallOutcome> => {
    const bodies = entries.map(({ body }) => Buffer.from(body).toString());
    sent.push(bodies);
    return { kind: 'answered', outcomes: bodies.map((body) => answerWith(body)) };
  },
};

beforeEach(() => {
  sent = [];
  answerWith = () => DELIVERED;
  s3.reset();
  s3.on(PutObjectCommand).resolves({});
  const consoles = (['log', 'info', 'warn', 'error'] as const).map((name) => jest.spyOn(console, name).mockImplementation());
  printed = () => consoles.flatMap(({ mock }) => mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>));
});

/** The shell, started in an environment of its own. */
function start(settings: Partial<DeliverSettings> = {}, env: Partial<DeliverEnv> = {}) {
  const variables: DeliverEnv = {
    FAN_OUT_NAME: 'Orders',
    DESTINATION: 'Lake',
    FAILURE_BUCKET: 'failures',
    SETTINGS: JSON.stringify({ ...SETTINGS, ...settings }),
    TARGET: 'target',
    SECRET_ARN: '',
    ...env,
  };
  // Powertools prints through the console that tests can replace.
  Object.assign(process.env, variables, { AWS_REGION: 'eu-west-1', POWERTOOLS_DEV: 'true', POWERTOOLS_METRICS_DISABLED: 'false' });
  const { deliver } = jest.requireActual<typeof import('../../src/kinesis-fan-out/handlers/deliver')>('../../src/kinesis-fan-out/handlers/deliver');
  const handler = deliver('firehose', (given) => {
    context = given;
    return sender;
  });
  return (given: StreamEvent, remaining = 60_000) => handler(given, { getRemainingTimeInMillis: () => remaining } as Context);
}

function event(...data: readonly (string | Uint8Array)[]): { Records: EventRecord[] } {
  return {
    Records: data.map((datum, n) => ({
      eventID: `${SHARD}:100${n}`,
      eventSourceARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/s',
      kinesis: { partitionKey: `k${n}`, sequenceNumber: `100${n}`, data: Buffer.from(datum).toString('base64'), approximateArrivalTimestamp: 1.5 },
    })),
  };
}

function metrics(): Record<string, unknown> {
  return Object.assign({}, ...printed().filter((line) => '_aws' in line)) as Record<string, unknown>;
}

function logs(): Record<string, unknown>[] {
  return printed().filter((line) => !('_aws' in line));
}

test('delivers, and says nothing is to come again', async () => {
  expect(await start()(event('1', '2'))).toEqual({ batchItemFailures: [] });
  expect(sent).toEqual([['1', '2']]);
  expect(context).toEqual({ name: 'target', secretArn: '', target: { kind: 'firehose' }, ordering: 'per-key', packing: SETTINGS.packing });
  expect(logs()).toEqual([]);
});

test('counts everything, also what did not happen', async () => {
  await start({ filters: [{ data: { n: [1] } }] })(event('{"n":1}', '{"n":2}'));
  expect(metrics()).toMatchObject({
    FanOut: 'Orders',
    Destination: 'Lake',
    [METRIC.RECEIVED]: 2,
    [METRIC.DELIVERED]: 1,
    [METRIC.FILTERED]: 1,
    [METRIC.QUARANTINED]: 0,
    [METRIC.SUPPRESSED]: 0,
    [METRIC.RETRIED]: 0,
    [METRIC.UNFINISHED]: 0,
    [METRIC.BROKEN]: 0,
    [METRIC.LATENCY]: expect.any(Number) as number,
  });
});

test('transforms', async () => {
  await start({ transforms: [{ kind: 'mask', paths: ['$.card'] }] })(event('{"card":"4111"}'));
  expect(sent).toEqual([['{"card":"***"}']]);
});

test('returns the outer sequence number of what is unfinished, and remembers the rest', async () => {
  const handler = start();
  const packed = aggregate([{ partitionKey: 'a', data: '1' }, { partitionKey: 'b', data: '2' }]);
  answerWith = (body) => body === '2' ? FAILED : DELIVERED;
  // Less time than a wait takes.
  expect(await handler(event('0', packed, '3'), 1)).toEqual({ batchItemFailures: [{ itemIdentifier: '1001' }] });
  expect(sent).toEqual([['0', '1', '2', '3']]);
  answerWith = () => DELIVERED;
  expect(await handler(event('0', packed, '3'))).toEqual({ batchItemFailures: [] });
  expect(sent.slice(1)).toEqual([['0', '2']]);
  expect(metrics()).toMatchObject({ [METRIC.SUPPRESSED]: 2 });
});

test('puts aside what the destination refuses, with its bytes and the reason', async () => {
  answerWith = (body) => body === SECRET ? REFUSED : DELIVERED;
  const bad = event('1', SECRET);
  expect(await start()(bad)).toEqual({ batchItemFailures: [] });
  const [{ args }] = s3.commandCalls(PutObjectCommand);
  const [{ input }, options] = args as readonly [PutObjectCommand, unknown?];
  expect(options).toEqual({ abortSignal: expect.any(AbortSignal) as AbortSignal });
  expect(input).toMatchObject({ Bucket: 'failures', Key: `quarantine/Lake/${SHARD}/1001.json` });
  expect(JSON.parse(input.Body as string)).toEqual({
    version: 1,
    destination: 'Lake',
    id: `${SHARD}:1001`,
    reason: 'REFUSED',
    code: 'Bad',
    attempts: 1,
    quarantinedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    record: bad.Records[1],
  });
  expect(metrics()).toMatchObject({ [METRIC.QUARANTINED]: 1, [METRIC.DELIVERED]: 1 });
  expect(logs()).toMatchObject([{ message: 'record quarantined', id: `${SHARD}:1001`, reason: 'REFUSED', code: 'Bad' }]);
});

test('a record of an aggregate has a key of its own; the whole aggregate is kept', async () => {
  answerWith = (body) => body === '2' ? REFUSED : DELIVERED;
  const packed = event(aggregate([{ partitionKey: 'a', data: '1' }, { partitionKey: 'b', data: '2' }]));
  await start()(packed);
  const [{ args: [{ input }] }] = s3.commandCalls(PutObjectCommand);
  expect(input.Key).toBe(`quarantine/Lake/${SHARD}/1000.1.json`);
  expect(JSON.parse(input.Body as string)).toMatchObject({ id: `${SHARD}:1000:1`, record: packed.Records[0] });
});

test('while quarantine fails, the record comes again', async () => {
  s3.on(PutObjectCommand).rejects(new Error('AccessDenied'));
  answerWith = () => REFUSED;
  expect(await start()(event('1'), 1)).toEqual({ batchItemFailures: [{ itemIdentifier: '1000' }] });
  expect(metrics()).toMatchObject({ [METRIC.QUARANTINED]: 0, [METRIC.UNFINISHED]: 1 });
});

test('what is replayed is delivered, whatever is remembered of it, and named if it is not', async () => {
  const handler = start();
  answerWith = (body) => body === '0' ? FAILED : DELIVERED;
  await handler(event('0', '1'), 1);
  expect(await handler({ ...event('0', '1'), replay: {} }, 1)).toEqual({
    batchItemFailures: [{ itemIdentifier: '1000' }],
    replay: { received: 2, delivered: 1, filtered: 0, quarantined: {}, unfinished: { [`${SHARD}:1000`]: [] } },
  });
  expect(sent).toEqual([['0', '1'], ['0', '1']]);
});

test('says what failed by codes and counts, and never what a record holds', async () => {
  answerWith = () => FAILED;
  await start()(event(SECRET, SECRET), 1);
  expect(logs()).toMatchObject([{
    message: 'records left to be delivered again', received: 2, unfinished: 2, from: `${SHARD}:1000`, calls: 1, failures: { Throttled: 2 }, gaveUp: false,
  }]);
  expect(JSON.stringify(printed())).not.toMatch(/4111|NDExMTEx/);
});

test('many records put aside are not as many lines', async () => {
  answerWith = () => REFUSED;
  await start()(event(...Array.from({ length: 10 }, (_, n) => aggregate(Array.from({ length: 3 }, () => ({ partitionKey: 'k', data: String(n) }))))));
  const lines = logs().filter(({ message }) => message === 'record quarantined');
  expect(lines).toHaveLength(20);
  expect(logs()).toContainEqual(expect.objectContaining({ message: 'more records quarantined', records: 10 }));
});

test('metrics that fail do not bring records again', async () => {
  jest.spyOn(console, 'log').mockImplementation(() => { throw new Error('no console'); });
  expect(await start()(event('1'))).toEqual({ batchItemFailures: [] });
});

test.each<[string, Partial<DeliverSettings>, Partial<DeliverEnv>, string]>([
  ['settings of another kind', { target: { kind: 'lambda' } }, {}, "the settings must be those of a 'firehose' destination, got 'lambda'"],
])('does not start with %s', (_what, settings, env, message) => {
  expect(() => start(settings, env)).toThrow(message);
});

test('an event of something else is an error', async () => {
  await expect(start()({} as StreamEvent)).rejects.toThrow('an event of a stream must have records');
});

test('a sender that packs anew says how the engine packs for it', async () => {
  const packing = { kind: 'ndjson', maxBytes: 1e6, envelope: false } as const;
  Object.assign(sender, { packing });
  await start()(event('{"n":1}'));
  Object.assign(sender, { packing: undefined });
  await start()(event('{"n":1}'));
  expect(sent).toEqual([['{"n":1}\n'], ['{"n":1}']]);
});
