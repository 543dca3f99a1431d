import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { answered, contextOf, DELIVERED, entries, failed, json, jsonError, NEVER, record, refused, type Reply, sequence, Wire } from './wire';
import type { Ordering } from '../../src/kinesis-fan-out/contract';
import { itemOf, keyOf, sequenceOf, type TableSettings } from '../../src/kinesis-fan-out/handlers/dynamodb-item';
import { DynamoDbSender } from '../../src/kinesis-fan-out/handlers/send-dynamodb';

const TABLE: TableSettings = { kind: 'dynamodb', partitionKey: 'id', sequenceAttribute: '_sequence' };
const SORTED: TableSettings = { ...TABLE, sortKey: 'at' };
const MISMATCH = jsonError('com.amazon.coral.validate#ValidationException', 'The provided key element does not match the schema');
const MISSING = jsonError('com.amazon.coral.validate#ValidationException', 'One or more parameter values were invalid: Missing the key orderId in the item');

function senderOn(wire: Wire, ordering: Ordering = 'per-key', table = TABLE): DynamoDbSender {
  return new DynamoDbSender(contextOf(table, 'orders', { ordering }), new DynamoDBClient(wire.client));
}

function put(reply: Reply, body = '{"id":"a"}') {
  return senderOn(new Wire(() => reply)).send(entries(body), NEVER);
}

function write(reply: Reply, ...bodies: string[]) {
  return senderOn(new Wire(() => reply), 'none').send(entries(...bodies), NEVER);
}

function item(text: string, table = TABLE) {
  return itemOf(Buffer.from(text), record(1), table);
}

describe('items', () => {
  test('a JSON object with every type JSON has', () => {
    expect(item('{"id":"a","n":1.50,"yes":true,"no":null,"list":[1,"",[]],"map":{"x":{}}}')).toEqual({
      id: { S: 'a' },
      n: { N: '1.50' },
      yes: { BOOL: true },
      no: { NULL: true },
      list: { L: [{ N: '1' }, { S: '' }, { L: [] }] },
      map: { M: { x: { M: {} } } },
      _sequence: { S: `056-${sequence(1)}` },
    });
  });

  test.each([
    '12345678901234567890', '0.1234567890123456789012345678901234567', '99999999999999999999999999999999999999', '1E125', '-9.9e125', '1e-130', '0e999', '100000000000000000000000000000000000000000000000',
  ])('%s keeps its digits', (number) => {
    expect(item(`{"id":"a","n":${number}}`)).toMatchObject({ n: { N: number } });
  });

  test.each(['123456789012345678901234567890123456789', '1e126', '-1e126', '1e-131', '0.00001e-126'])('%s is no number of DynamoDB', (number) => {
    expect(item(`{"id":"a","x":[{"n":${number}}]}`)).toEqual({ reason: 'REFUSED', code: 'NumberOutOfRange' });
  });

  test.each(['[]', '"text"', '7', '12345678901234567890', 'null', '{"id":', '\xff', ''])('%s is no object', (text) => {
    expect(item(text)).toEqual({ reason: 'UNPARSABLE', code: 'NotJsonObject' });
  });

  test.each(['{}', '{"id":""}', '{"id":null}', '{"id":true}', '{"id":{"S":"a"}}', '{"id":["a"]}'])('%s has no key', (text) => {
    expect(item(text)).toMatchObject({ reason: 'FIELD_MISSING', code: expect.stringContaining("'id'") });
  });

  test('a sort key is needed, too', () => {
    expect(item('{"id":"a"}', SORTED)).toMatchObject({ reason: 'FIELD_MISSING', code: expect.stringContaining("'at'") });
    expect(item('{"id":"a","at":0}', SORTED)).toMatchObject({ at: { N: '0' } });
  });

  test('what is nested deeper than any table takes does not end the stack', () => {
    expect(item(`{"id":"a","x":${'['.repeat(2000)}${']'.repeat(2000)}}`)).toEqual({ reason: 'REFUSED', code: 'NestedTooDeeply' });
  });

  test('a record cannot set its position', () => {
    expect(item('{"id":"a","_sequence":"999"}')).toMatchObject({ _sequence: { S: `056-${sequence(1)}` } });
  });

  test.each([['1', '1.0'], ['100', '1e2'], ['0', '-0.00'], ['0.5', '5E-1'], ['-12', '-1.2e1']])('%s and %s are one key', (one, other) => {
    const [a, b] = [one, other].map((number) => keyOf(item(`{"id":${number}}`) as never, TABLE));
    expect(a).toBe(b);
  });

  test.each([['1', '"1"'], ['1', '-1'], ['1', '10'], ['"a"', '"A"']])('%s and %s are two', (one, other) => {
    const [a, b] = [one, other].map((value) => keyOf(item(`{"id":${value}}`) as never, TABLE));
    expect(a).not.toBe(b);
  });

  test('positions compare as texts, whatever their length', () => {
    const positions = [
      { sequenceNumber: '9' }, { sequenceNumber: '10' }, { sequenceNumber: '10', subSequence: 2 }, { sequenceNumber: '10', subSequence: 10 },
      { sequenceNumber: '11' }, { sequenceNumber: sequence(1) }, { sequenceNumber: `1${'0'.repeat(128)}` },
    ];
    const texts = positions.map(sequenceOf);
    expect([...texts].sort()).toEqual(texts);
  });
});

describe('with order', () => {
  test('an item is put unless a newer one is there', async () => {
    const wire = new Wire(() => json({}));
    expect(await senderOn(wire).send(entries('{"id":"a"}'), NEVER)).toEqual(answered(DELIVERED));
    expect(wire.requests[0].headers['x-amz-target']).toContain('PutItem');
    expect(wire.json).toEqual({
      TableName: 'orders',
      Item: { id: { S: 'a' }, _sequence: { S: `056-${sequence(0)}` } },
      ConditionExpression: 'attribute_not_exists(#sequence) OR NOT attribute_type(#sequence, :text) OR #sequence < :sequence',
      ExpressionAttributeNames: { '#sequence': '_sequence' },
      ExpressionAttributeValues: { ':sequence': { S: `056-${sequence(0)}` }, ':text': { S: 'S' } },
    });
  });

  test('one that was superseded counts as delivered', async () => {
    expect(await put(jsonError('com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException'))).toEqual(answered(DELIVERED));
  });

  test('what cannot be an item is refused without a call', async () => {
    const wire = new Wire(() => json({}));
    expect(await senderOn(wire).send(entries('no json'), NEVER)).toEqual(answered(refused('NotJsonObject', 'UNPARSABLE')));
    expect(wire.requests).toEqual([]);
  });

  test('an item the table refuses is refused, with the reason if it says so', async () => {
    const tooLarge = 'Item size has exceeded the maximum allowed size';
    expect(await put(jsonError('ValidationException', tooLarge))).toEqual(refused('ValidationException', 'TOO_LARGE'));
    const type = 'One or more parameter values were invalid: Type mismatch for key id expected: N actual: S';
    expect(await put(jsonError('ValidationException', type))).toEqual(refused('ValidationException'));
  });

  test('a table with another key quarantines nothing', async () => {
    expect(await put(MISSING)).toEqual(answered(failed('ValidationException', true)));
  });

  test('a table that was gone may have another key when it is back', async () => {
    const replies = [json({}), jsonError('ResourceNotFoundException'), MISSING];
    const sender = senderOn(new Wire((_request, n) => replies[n - 1]));
    for (let n = 0; n < 2; n++) await sender.send(entries('{"id":"a"}'), NEVER);
    expect(await sender.send(entries('{"id":"a"}'), NEVER)).toEqual(answered(failed('ValidationException', true)));
  });

  test('throttled, gone, closed', async () => {
    expect(await put(jsonError('ProvisionedThroughputExceededException'))).toEqual(answered(failed('ProvisionedThroughputExceededException')));
    expect(await put(jsonError('ResourceNotFoundException'))).toEqual(answered(failed('ResourceNotFoundException', true)));
    expect(await put(jsonError('AccessDeniedException'))).toEqual(answered(failed('AccessDeniedException', true)));
  });
});

describe('without order', () => {
  test('items are written 25 at a time', async () => {
    const wire = new Wire(() => json({ UnprocessedItems: {} }));
    const sender = senderOn(wire, 'none');
    expect(sender.maxEntries).toBe(25);
    expect(await sender.send(entries('{"id":"a"}', '{"id":"b"}'), NEVER)).toEqual(answered(DELIVERED, DELIVERED));
    expect(wire.json).toEqual({
      RequestItems: {
        orders: [
          { PutRequest: { Item: { id: { S: 'a' }, _sequence: { S: `056-${sequence(0)}` } } } },
          { PutRequest: { Item: { id: { S: 'b' }, _sequence: { S: `056-${sequence(1)}` } } } },
        ],
      },
    });
  });

  test('of one item the newest record goes, wherever it stands, and answers for the others', async () => {
    const wire = new Wire(() => json({ UnprocessedItems: {} }));
    const [old, newer, other] = entries('{"id":1,"v":1}', '{"id":1.0,"v":2}', '{"id":2}');
    expect(await senderOn(wire, 'none').send([newer, other, old], NEVER)).toEqual(answered(DELIVERED, DELIVERED, DELIVERED));
    const written = wire.json.RequestItems.orders as { PutRequest: { Item: Record<string, { N: string }> } }[];
    expect(written.map(({ PutRequest: { Item } }) => [Item.id.N, Item.v?.N])).toEqual([['1.0', '2'], ['2', undefined]]);
  });

  test('what is unprocessed is not delivered, nor what it stood for', async () => {
    const reply = json({ UnprocessedItems: { orders: [{ PutRequest: { Item: { id: { N: '1' }, v: { N: '2' } } } }] } });
    expect(await write(reply, '{"id":1,"v":1}', '{"id":2}', '{"id":1.0,"v":2}'))
      .toEqual(answered({ kind: 'failed', code: 'Unprocessed' }, DELIVERED, { kind: 'failed', code: 'Unprocessed' }));
  });

  test('what cannot be an item stays out of the call', async () => {
    const wire = new Wire(() => json({ UnprocessedItems: {} }));
    expect(await senderOn(wire, 'none').send(entries('[]', '{"id":"a"}'), NEVER)).toEqual(answered(refused('NotJsonObject', 'UNPARSABLE'), DELIVERED));
    expect(wire.json.RequestItems.orders).toHaveLength(1);
    expect(await senderOn(wire, 'none').send(entries('[]'), NEVER)).toEqual(answered(refused('NotJsonObject', 'UNPARSABLE')));
    expect(wire.requests).toHaveLength(1);
  });

  test('a call with a wrong item is refused as a whole', async () => {
    expect(await write(jsonError('ValidationException', 'Item size has exceeded the maximum allowed size'), '{"id":"a"}', '{"id":"b"}'))
      .toEqual(refused('ValidationException', 'TOO_LARGE'));
  });

  test('a table with another key quarantines nothing; one that took items has ours', async () => {
    expect(await write(MISMATCH, '{"id":"a"}', '{"id":"b"}')).toEqual(refused('ValidationException'));
    expect(await write(MISMATCH, '{"id":"a"}')).toEqual(answered(failed('ValidationException', true)));
    const sender = senderOn(new Wire((_request, n) => n === 1 ? json({ UnprocessedItems: {} }) : MISMATCH), 'none');
    await sender.send(entries('{"id":"a"}'), NEVER);
    expect(await sender.send(entries('{"id":1}'), NEVER)).toEqual(refused('ValidationException'));
  });

  test('a call of 16 MB holds what DynamoDB\'s JSON makes of it', () => {
    const sender = senderOn(new Wire(() => ({})), 'none');
    const body = `{"id":"a","x":[${'1,'.repeat(1000)}1]}`;
    const sent = JSON.stringify({ PutRequest: { Item: itemOf(Buffer.from(body), record(0), TABLE) } });
    expect(sender.sizeOf(entries(body)[0])).toBeGreaterThan(sent.length);
  });
});
