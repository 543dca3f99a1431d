import { createHash } from 'node:crypto';
import { answered, contextOf, DELIVERED, entries, entryOf, failed, json, jsonError, NEVER, record, refused, type Reply, sequence, SHARD, Wire } from './wire';
import type { Ordering } from '../../src/kinesis-fan-out/contract';
import type { Entry } from '../../src/kinesis-fan-out/handlers/ports';
import { createClient, SqsSender } from '../../src/kinesis-fan-out/handlers/send-sqs';

const QUEUE = 'https://sqs.eu-central-1.amazonaws.com/111111111111/audit';
const ID = `${SHARD}:${sequence(0)}`;

function senderOn(wire: Wire, fifo = false, ordering: Ordering = 'none'): SqsSender {
  return new SqsSender(contextOf({ kind: 'sqs', fifo }, QUEUE, { ordering }), createClient(wire.client));
}

/** What SQS answers to entries, all of which it takes. */
function arrived(...bodies: string[]): Reply {
  return json({
    Failed: [],
    Successful: bodies.map((body, n) => ({ Id: String(n), MessageId: String(n), MD5OfMessageBody: createHash('md5').update(body).digest('hex') })),
  });
}

function send(reply: Reply, ...bodies: string[]) {
  return senderOn(new Wire(() => reply)).send(entries(...bodies), NEVER);
}

async function fifoFields(entry: Entry, ordering: Ordering = 'per-key') {
  const wire = new Wire(() => arrived(entry.body.toString()));
  await senderOn(wire, true, ordering).send([entry], NEVER);
  const { MessageGroupId, MessageDeduplicationId } = wire.json.Entries[0];
  return [MessageGroupId, MessageDeduplicationId];
}

test('a message is the text, and its id goes with it', async () => {
  const wire = new Wire(() => arrived('ä'));
  expect(await senderOn(wire).send(entries('ä'), NEVER)).toEqual(answered(DELIVERED));
  expect(wire.json).toEqual({
    QueueUrl: QUEUE,
    Entries: [{ Id: '0', MessageBody: 'ä', MessageAttributes: { id: { DataType: 'String', StringValue: ID } } }],
  });
});

test('in a FIFO queue the key is the group and the id drops duplicates', async () => {
  expect(await fifoFields(entryOf(record(0)))).toEqual(['key', ID]);
});

test('with order per shard the shard is the group', async () => {
  expect(await fifoFields(entryOf(record(0)), 'per-shard')).toEqual([SHARD, ID]);
});

test.each(['with space', 'Schlüssel', 'x'.repeat(129)])('a key that can be no group is hashed: %s', async (partitionKey) => {
  const hash = createHash('sha256').update(partitionKey).digest('hex');
  expect(await fifoFields(entryOf(record(0, { partitionKey })))).toEqual([hash, ID]);
});

test('the longest key that can be a group is one', async () => {
  const partitionKey = '!~'.repeat(64);
  expect(await fifoFields(entryOf(record(0, { partitionKey })))).toEqual([partitionKey, ID]);
});

test('an id of 128 characters or fewer drops duplicates as it is, of a pack too', async () => {
  const pack = entryOf(record(0, { subSequence: 1 }), record(1, { subSequence: 2 }));
  expect(pack.id.length).toBeLessThanOrEqual(128);
  expect(await fifoFields(pack)).toEqual(['key', pack.id]);
});

test('each entry has its own outcome, whatever the order of the answer', async () => {
  const answer = JSON.parse(arrived('a', 'b', 'c', 'd', 'e').body!);
  const reply = json({
    Successful: [answer.Successful[3]],
    Failed: [
      { Id: '2', SenderFault: true, Code: 'InvalidMessageContents' },
      { Id: '0', SenderFault: false, Code: 'InternalError' },
      { Id: '1', SenderFault: true, Code: 'KmsAccessDenied' },
    ],
  });
  expect(await send(reply, 'a', 'b', 'c', 'd', 'e')).toEqual(answered(
    failed('InternalError'), failed('KmsAccessDenied', true), refused('InvalidMessageContents'), DELIVERED, failed('Unanswered'),
  ));
});

test('what is not the sender\'s fault is not refused', async () => {
  expect(await send(json({ Failed: [{ Id: '0', SenderFault: false, Code: 'InvalidParameterValue' }] }), 'a')).toEqual(answered(failed('InvalidParameterValue')));
});

test('more bytes than the queue allows are refused', async () => {
  const reply = jsonError('com.amazonaws.sqs#BatchRequestTooLong');
  expect(await send(reply, 'a', 'b')).toEqual(refused('BatchRequestTooLong', 'TOO_LARGE'));
});

test('a queue that is gone or closed is broken, a throttled one is not', async () => {
  expect(await send(jsonError('com.amazonaws.sqs#QueueDoesNotExist'), 'a')).toEqual(answered(failed('QueueDoesNotExist', true)));
  expect(await send(jsonError('AccessDenied', '', 403), 'a')).toEqual(answered(failed('AccessDenied', true)));
  expect(await send(jsonError('com.amazonaws.sqs#RequestThrottled'), 'a')).toEqual(answered(failed('RequestThrottled')));
});

test('text, id and the attribute\'s name and type count', () => {
  expect(senderOn(new Wire(() => ({}))).sizeOf(entries('ä')[0])).toBe(2 + 2 + 6 + ID.length);
});
