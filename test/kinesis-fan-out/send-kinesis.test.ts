import { answered, contextOf, DELIVERED, entries, failed, json, jsonError, NEVER, refused, type Reply, Wire } from './wire';
import { createClient, KinesisSender } from '../../src/kinesis-fan-out/handlers/send-kinesis';

function senderOn(wire: Wire): KinesisSender {
  return new KinesisSender(contextOf({ kind: 'kinesis', maxRecordBytes: 1024 * 1024 }, 'mirror'), createClient(wire.client));
}

function send(reply: Reply, ...bodies: string[]) {
  return senderOn(new Wire(() => reply)).send(entries(...bodies), NEVER);
}

test('records leave with the keys they came with', async () => {
  const wire = new Wire(() => json({ FailedRecordCount: 0, Records: [{ SequenceNumber: '1' }, { SequenceNumber: '2' }] }));
  expect(await senderOn(wire).send(entries('a', 'b'), NEVER)).toEqual(answered(DELIVERED, DELIVERED));
  expect(wire.json).toEqual({
    StreamName: 'mirror',
    Records: [{ Data: 'YQ==', PartitionKey: 'key' }, { Data: 'Yg==', PartitionKey: 'key' }],
  });
});

test('each entry has its own outcome', async () => {
  const reply = json({ FailedRecordCount: 2, Records: [{ SequenceNumber: '1' }, { ErrorCode: 'ProvisionedThroughputExceededException' }, { ErrorCode: 'KMSDisabledException' }] });
  expect(await send(reply, 'a', 'b', 'c')).toEqual(answered(DELIVERED, failed('ProvisionedThroughputExceededException'), failed('KMSDisabledException', true)));
});

test('a call is refused, fails, or finds nobody', async () => {
  expect(await send(jsonError('ValidationException'), 'a', 'b')).toEqual(refused('ValidationException'));
  expect(await send(jsonError('InternalFailure', '', 500), 'a')).toEqual(answered(failed('InternalFailure')));
  expect(await send(jsonError('ResourceNotFoundException'), 'a', 'b'))
    .toEqual(answered(failed('ResourceNotFoundException', true), failed('ResourceNotFoundException', true)));
});

test('makes one attempt', async () => {
  const wire = new Wire(() => jsonError('ThrottlingException'));
  await senderOn(wire).send(entries('a'), NEVER);
  expect(wire.requests).toHaveLength(1);
});

test('an invocation that ends takes its call along', async () => {
  expect(await senderOn(new Wire(() => json({}))).send(entries('a'), AbortSignal.abort())).toEqual(answered(failed('AbortError')));
});

test('key and data count', () => {
  expect(senderOn(new Wire(() => ({}))).sizeOf(entries('four')[0])).toBe(4 + 'key'.length);
});
