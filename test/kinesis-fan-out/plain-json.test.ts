import { isDeepStrictEqual } from 'node:util';
import { KinesisClient, type KinesisServiceException, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { contextOf, entryOf, json, jsonError, NEVER, record, type Reply, type Request, Wire } from './wire';
import { createClient as createKinesisClient, KinesisSender } from '../../src/kinesis-fan-out/handlers/send-kinesis';
import { createClient as createSqsClient, SqsSender } from '../../src/kinesis-fan-out/handlers/send-sqs';
import { hash32, Prng, replayLine, runsFromEnv, seedFromEnv } from '../kit/faults';

/** Our clients beside the SDK's own: the same requests to the byte, the same answers. */

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(200);
const QUEUE = 'https://sqs.eu-central-1.amazonaws.com/111111111111/audit';
const NOW = new Date('2026-11-21T12:00:00Z');
/** Anything JSON or UTF-8 treats in a way of its own. */
const CHARACTERS = ['a', '"', '\\', '/', '\n', '\u0000', '\b', '\u001f', '\u007f', 'ä', '\u2028', '\uffff', '😀', '\ud800', '\udc00', '<', '='];

beforeEach(() => {
  // Dates are signed.
  jest.useFakeTimers({ now: NOW, doNotFake: ['nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'setTimeout'] });
});
afterEach(() => {
  jest.useRealTimers();
});

function text(prng: Prng, max: number): string {
  return Array.from({ length: prng.int(1, max) }, () => prng.pick(CHARACTERS)).join('');
}

/** As a view that begins and ends within its memory. */
function bytes(prng: Prng, max: number): Uint8Array {
  const all = Uint8Array.from({ length: prng.int(0, max) + 8 }, () => prng.int(0, 255));
  return prng.chance(0.5) ? all.subarray(3, all.length - 5) : Buffer.from(all.buffer, 3, all.length - 8);
}

/** Without what is drawn at random, and the signature, which covers it. */
function comparable({ headers, ...rest }: Request): object {
  const { 'amz-sdk-invocation-id': _id, authorization, ...others } = headers;
  return { ...rest, headers: others, signed: authorization?.replace(/Signature=.*/, '') };
}

async function requestOf(send: (wire: Wire) => Promise<unknown>): Promise<object> {
  const wire = new Wire(() => jsonError('ThrottlingException'));
  await send(wire).catch(() => {});
  return comparable(wire.requests[0]);
}

/** Sends what `run` makes through both clients. */
async function compare<C>(
  ours: (wire: Wire) => C, sdk: (wire: Wire) => C, run: (prng: Prng) => (client: C) => Promise<unknown>,
): Promise<void> {
  for (let n = 0; n < RUNS; n++) {
    const seed = n === 0 ? SEED : hash32(SEED, n);
    const send = run(new Prng(seed));
    const requests = [await requestOf((wire) => send(ours(wire))), await requestOf((wire) => send(sdk(wire)))];
    if (!isDeepStrictEqual(requests[0], requests[1])) throw new Error(`${JSON.stringify(requests, undefined, 2)}\n${replayLine(seed, 'plain-json')}`);
  }
}

test('PutRecords', () => compare(({ client }) => createKinesisClient(client), ({ client }) => new KinesisClient(client), (prng) => {
  const entries = Array.from({ length: prng.int(1, 5) }, (_, n) => entryOf(record(n, { partitionKey: text(prng, 20), data: bytes(prng, 30) })));
  return (client) => new KinesisSender(contextOf({ kind: 'kinesis', maxRecordBytes: 1e6 }, 'mirror'), client).send(entries, NEVER);
}));

test('SendMessageBatch', () => compare(({ client }) => createSqsClient(client), ({ client }) => new SQSClient(client), (prng) => {
  const message = (n: number) => record(n, { partitionKey: text(prng, 20), data: Buffer.from(text(prng, 30)) });
  const entries = Array.from({ length: prng.int(1, 10) }, (_, n) => entryOf(message(n)));
  const context = contextOf({ kind: 'sqs', fifo: prng.chance(0.5) }, QUEUE, { ordering: 'per-key' });
  return (client) => new SqsSender(context, client).send(entries, NEVER);
}));

const ANSWERS: Readonly<Record<string, Reply>> = {
  'all there': json({ FailedRecordCount: 0, Records: [{ SequenceNumber: '1', ShardId: 'shardId-000000000000' }] }),
  'one failed': json({ FailedRecordCount: 1, Records: [{ ErrorCode: 'InternalFailure', ErrorMessage: 'é' }] }),
  'throttled': jsonError('ProvisionedThroughputExceededException', 'slow down'),
  'server error': jsonError('InternalFailure', '', 500),
  'no JSON': { body: '<html>' },
  'nothing': {},
};

test.each(Object.entries(ANSWERS))('answers: %s', async (_name, reply) => {
  const command = () => new PutRecordsCommand({ StreamName: 'mirror', Records: [{ Data: Buffer.from('a'), PartitionKey: 'key' }] });
  const answerTo = async (create: (wire: Wire) => KinesisClient) => create(new Wire(() => reply)).send(command()).then(
    ({ $metadata: { httpStatusCode }, ...output }) => ({ httpStatusCode, output }),
    ({ name, message, $metadata: { httpStatusCode } }: KinesisServiceException) => ({ httpStatusCode, name, message }),
  );
  expect(await answerTo((wire) => createKinesisClient(wire.client))).toEqual(await answerTo((wire) => new KinesisClient(wire.client)));
});

test('a message that arrived changed is an error', async () => {
  const wire = new Wire(() => json({ Successful: [{ Id: '0', MessageId: '1', MD5OfMessageBody: '0'.repeat(32) }] }));
  const batch = new SendMessageBatchCommand({ QueueUrl: QUEUE, Entries: [{ Id: '0', MessageBody: 'a' }] });
  await expect(createSqsClient(wire.client).send(batch)).rejects.toThrow('Invalid MD5 checksum');
});
