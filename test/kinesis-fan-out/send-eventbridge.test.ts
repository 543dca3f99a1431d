import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { answered, contextOf, DELIVERED, entries, failed, json, jsonError, NEVER, refused, type Reply, Wire } from './wire';
import { EventBridgeSender } from '../../src/kinesis-fan-out/handlers/send-eventbridge';

function senderOn(wire: Wire): EventBridgeSender {
  return new EventBridgeSender(contextOf({ kind: 'eventbridge', source: 'shop', detailType: 'Örder' }, 'bus'), new EventBridgeClient(wire.client));
}

function send(reply: Reply, ...bodies: string[]) {
  return senderOn(new Wire(() => reply)).send(entries(...bodies), NEVER);
}

test('an event is the body as detail, at the time it came into the stream', async () => {
  const wire = new Wire(() => json({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] }));
  expect(await senderOn(wire).send(entries('{"id":"x"}'), NEVER)).toEqual(answered(DELIVERED));
  expect(wire.json).toEqual({
    Entries: [{ EventBusName: 'bus', Source: 'shop', DetailType: 'Örder', Detail: '{"id":"x"}', Time: 1_790_000_000.5 }],
  });
});

test('each entry has its own outcome', async () => {
  const reply = json({ FailedEntryCount: 3, Entries: [{ ErrorCode: 'ThrottlingException' }, { ErrorCode: 'MalformedDetail' }, { EventId: '3' }, { ErrorCode: 'NotAuthorizedForSourceException' }] });
  expect(await send(reply, 'a', 'b', 'c', 'd')).toEqual(answered(
    failed('ThrottlingException'), refused('MalformedDetail', 'UNPARSABLE'), DELIVERED, failed('NotAuthorizedForSourceException', true),
  ));
});

test('too many bytes are refused, another objection to a call is not', async () => {
  expect(await send(jsonError('ValidationException', 'Total size of the entries in the request is over the limit.'), 'a')).toEqual(refused('ValidationException', 'TOO_LARGE'));
  const reply = jsonError('ValidationException', "Value '' at 'entries.1.member.eventBusName' failed to satisfy constraint");
  expect(await send(reply, 'a', 'b')).toEqual(refused('ValidationException'));
  expect(await send(reply, 'a')).toEqual(answered(failed('ValidationException', true)));
});

test('time, source, type and detail count, in bytes', () => {
  const sender = senderOn(new Wire(() => ({})));
  expect(sender.sizeOf(entries('ä')[0])).toBe(14 + 'shop'.length + 'Order'.length + 1 + 2);
  expect(sender.maxCallBytes).toBe(999_999);
});
