import { FirehoseClient } from '@aws-sdk/client-firehose';
import { answered, contextOf, DELIVERED, entries, failed, json, jsonError, NEVER, refused, type Reply, Wire } from './wire';
import { FirehoseSender } from '../../src/kinesis-fan-out/handlers/send-firehose';

function senderOn(wire: Wire): FirehoseSender {
  return new FirehoseSender(contextOf({ kind: 'firehose' }, 'archive'), new FirehoseClient(wire.client));
}

function send(reply: Reply, ...bodies: string[]) {
  return senderOn(new Wire(() => reply)).send(entries(...bodies), NEVER);
}

test('bytes leave as they are', async () => {
  const wire = new Wire(() => json({ FailedPutCount: 0, RequestResponses: [{ RecordId: '1' }, { RecordId: '2' }] }));
  expect(await senderOn(wire).send(entries('a\n', 'b'), NEVER)).toEqual(answered(DELIVERED, DELIVERED));
  expect(wire.json).toEqual({ DeliveryStreamName: 'archive', Records: [{ Data: 'YQo=' }, { Data: 'Yg==' }] });
});

test('each entry has its own outcome, and none is refused: Firehose names only what passes', async () => {
  const reply = json({ FailedPutCount: 2, RequestResponses: [{ ErrorCode: 'ServiceUnavailableException' }, { RecordId: '2' }, { ErrorCode: 'ValidationException' }] });
  expect(await send(reply, 'a', 'b', 'c')).toEqual(answered(failed('ServiceUnavailableException'), DELIVERED, failed('ValidationException')));
});

test('a record that is too long is refused', async () => {
  expect(await send(jsonError('ValidationException'), 'a')).toEqual(refused('ValidationException'));
});

test('a stream that takes no direct puts quarantines nothing', async () => {
  const reply = jsonError('InvalidArgumentException', 'This operation is not permitted on KinesisStreamAsSource delivery stream type.');
  expect(await send(reply, 'a', 'b')).toEqual(refused('InvalidArgumentException'));
  expect(await send(reply, 'a')).toEqual(answered(failed('InvalidArgumentException', true)));
});

test('limits of PutRecordBatch', () => {
  const sender = senderOn(new Wire(() => ({})));
  expect([sender.maxEntries, sender.maxCallBytes, sender.maxEntryBytes]).toEqual([500, 4_194_304, 1_024_000]);
  expect(sender.sizeOf(entries('four')[0])).toBe(4);
});
