import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { answered, contextOf, DELIVERED, entries, failed, json, jsonError, NEVER, refused, type Reply, Wire } from './wire';
import { EventBridgeSender } from '../../src/kinesis-fan-out/handlers/send-eventbridge';

const BUS = 'arn:aws:events:eu-central-1:111111111111:event-bus/shop';
const THERE = json({ Name: 'shop' });

let now = 0;

function senderOn(wire: Wire): EventBridgeSender {
  return new EventBridgeSender(contextOf({ kind: 'eventbridge', source: 'shop', detailType: 'Örder' }, BUS), new EventBridgeClient(wire.client), () => now);
}

/** @param look what is said to whoever asks whether the bus is there */
function wireOf(reply: Reply, look: () => Reply = () => THERE): Wire {
  return new Wire((request) => isLook(request) ? look() : reply);
}

function isLook({ headers }: { readonly headers: Readonly<Record<string, string>> }): boolean {
  return headers['x-amz-target'].endsWith('DescribeEventBus');
}

function send(reply: Reply, ...bodies: string[]) {
  return senderOn(wireOf(reply)).send(entries(...bodies), NEVER);
}

test('an event is the body as detail, at the time it came into the stream', async () => {
  const wire = wireOf(json({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] }));
  expect(await senderOn(wire).send(entries('{"id":"x"}'), NEVER)).toEqual(answered(DELIVERED));
  expect(wire.json).toEqual({
    Entries: [{ EventBusName: BUS, Source: 'shop', DetailType: 'Örder', Detail: '{"id":"x"}', Time: 1_790_000_000.5 }],
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

describe('a bus that is not there takes events without a word', () => {
  const TAKEN = json({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] });
  const GONE = jsonError('ResourceNotFoundException');

  test('so nothing is sent to it, until it is there', async () => {
    let look = GONE;
    const wire = wireOf(TAKEN, () => look);
    const sender = senderOn(wire);
    for (let n = 0; n < 2; n++) expect(await sender.send(entries('{}'), NEVER)).toEqual(answered(failed('ResourceNotFoundException', true)));
    expect(wire.requests.map(isLook)).toEqual([true, true]);
    look = THERE;
    expect(await sender.send(entries('{}'), NEVER)).toEqual(answered(DELIVERED));
  });

  test('we look once a minute, and once for calls side by side', async () => {
    const wire = wireOf(TAKEN);
    const sender = senderOn(wire);
    await Promise.all([sender.send(entries('{}'), NEVER), sender.send(entries('{}'), NEVER)]);
    now += 59_999;
    await sender.send(entries('{}'), NEVER);
    expect(wire.requests.map(isLook)).toEqual([true, false, false, false]);
    now += 1;
    await sender.send(entries('{}'), NEVER);
    expect(wire.requests.slice(4).map(isLook)).toEqual([true, false]);
  });

  test.each(['AccessDeniedException', 'ThrottlingException', 'InternalException'])('who is told %s sends', async (code) => {
    expect(await senderOn(wireOf(TAKEN, () => jsonError(code))).send(entries('{}'), NEVER)).toEqual(answered(DELIVERED));
  });
});
