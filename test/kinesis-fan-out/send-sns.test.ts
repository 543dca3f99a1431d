import { SNSClient } from '@aws-sdk/client-sns';
import { answered, contextOf, DELIVERED, entries, failed, NEVER, refused, type Reply, sequence, SHARD, Wire } from './wire';
import { SnsSender } from '../../src/kinesis-fan-out/handlers/send-sns';

const TOPIC = 'arn:aws:sns:eu-central-1:111111111111:orders';

function senderOn(wire: Wire, fifo = false): SnsSender {
  return new SnsSender(contextOf({ kind: 'sns', fifo, maxMessageBytes: 512 * 1024 }, TOPIC, { ordering: fifo ? 'per-key' : 'none' }), new SNSClient(wire.client));
}

function xml(successful: readonly string[], failures = ''): Reply {
  const members = successful.map((id) => `<member><Id>${id}</Id><MessageId>m</MessageId></member>`).join('');
  return {
    headers: { 'content-type': 'text/xml' },
    body: '<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>'
      + `<Successful>${members}</Successful><Failed>${failures}</Failed></PublishBatchResult></PublishBatchResponse>`,
  };
}

function failure(id: number, code: string, senderFault: boolean): string {
  return `<member><Id>${id}</Id><Code>${code}</Code><Message>what was sent</Message><SenderFault>${senderFault}</SenderFault></member>`;
}

function error(code: string, status = 400): Reply {
  return {
    status,
    headers: { 'content-type': 'text/xml' },
    body: `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>what was sent</Message></Error></ErrorResponse>`,
  };
}

function send(reply: Reply, ...bodies: string[]) {
  return senderOn(new Wire(() => reply)).send(entries(...bodies), NEVER);
}

test('a message is the text, and its id goes with it', async () => {
  const wire = new Wire(() => xml(['0']));
  expect(await senderOn(wire).send(entries('{"a":"ä"}'), NEVER)).toEqual(answered(DELIVERED));
  expect(wire.form).toEqual({
    'Action': 'PublishBatch',
    'Version': '2010-03-31',
    'TopicArn': TOPIC,
    'PublishBatchRequestEntries.member.1.Id': '0',
    'PublishBatchRequestEntries.member.1.Message': '{"a":"ä"}',
    'PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Name': 'id',
    'PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Value.DataType': 'String',
    'PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Value.StringValue': `${SHARD}:${sequence(0)}`,
  });
});

test('on a FIFO topic the key is the group and the id drops duplicates', async () => {
  const wire = new Wire(() => xml(['0']));
  await senderOn(wire, true).send(entries('a'), NEVER);
  expect(wire.form).toMatchObject({
    'PublishBatchRequestEntries.member.1.MessageGroupId': 'key',
    'PublishBatchRequestEntries.member.1.MessageDeduplicationId': `${SHARD}:${sequence(0)}`,
  });
});

test('each entry has its own outcome', async () => {
  const reply = xml(['1'], failure(0, 'InternalError', false) + failure(2, 'InvalidParameter', true) + failure(3, 'AuthorizationError', true));
  expect(await send(reply, 'a', 'b', 'c', 'd', 'e')).toEqual(answered(
    failed('InternalError'), DELIVERED, refused('InvalidParameter'), failed('AuthorizationError', true), failed('Unanswered'),
  ));
});

test('more bytes than the topic allows are refused', async () => {
  expect(await send(error('BatchRequestTooLong'), 'a', 'b')).toMatchObject({ kind: 'refused', refusal: { reason: 'TOO_LARGE' } });
});

test('a topic that is gone or closed is broken, a throttled one is not', async () => {
  expect(await send(error('NotFound', 404), 'a')).toMatchObject(answered({ kind: 'failed', broken: true }) as object);
  expect(await send(error('AuthorizationError', 403), 'a')).toMatchObject(answered({ kind: 'failed', broken: true }) as object);
  expect(await send(error('KMSDisabled'), 'a')).toMatchObject(answered({ kind: 'failed', broken: true }) as object);
  expect(await send(error('Throttled', 429), 'a')).toMatchObject(answered({ kind: 'failed', broken: false }) as object);
});

test('a call whose parameters are wrong as a whole is split, and quarantines nothing', async () => {
  expect(await send(error('InvalidParameter'), 'a', 'b')).toMatchObject({ kind: 'refused' });
  expect(await send(error('InvalidParameter'), 'a')).toMatchObject(answered({ kind: 'failed', broken: true }) as object);
});

test('the topic\'s maximum bounds a message and a call', () => {
  const sender = senderOn(new Wire(() => ({})));
  expect([sender.maxEntries, sender.maxCallBytes, sender.maxEntryBytes]).toEqual([10, 524_288, 524_288]);
});
