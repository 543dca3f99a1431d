import { aggregate, bytes, sealed, uint } from './aggregate';
import type { EventRecord } from '../../src/kinesis-fan-out/contract';
import { decode, type StreamEvent } from '../../src/kinesis-fan-out/handlers/decode';
import type { FanOutRecord } from '../../src/kinesis-fan-out/handlers/ports';

const SHARD = 'shardId-000000000003';

function eventRecord(sequenceNumber: string, data: Uint8Array | string, partitionKey = 'a'): EventRecord {
  return {
    eventID: `${SHARD}:${sequenceNumber}`,
    eventSourceARN: 'arn:aws:kinesis:eu-central-1:111122223333:stream/orders',
    kinesis: {
      partitionKey,
      sequenceNumber,
      data: Buffer.from(data).toString('base64'),
      approximateArrivalTimestamp: 1_545_084_650.987,
    },
  };
}

function userRecords(event: StreamEvent): readonly FanOutRecord[] {
  return decode(event).filter((record) => 'id' in record);
}

const PACKED = eventRecord('2', aggregate([
  { partitionKey: 'k1', data: 'one' }, { partitionKey: 'k2', data: 'two' }, { partitionKey: 'k1', data: 'three' },
]));
const EMPTY = eventRecord('3', sealed(bytes(1, 'key')));
const CORRUPT = eventRecord('4', sealed(bytes(1, 'key'), bytes(3, Buffer.concat([uint(1, 1), bytes(3, 'data')]))));

test('a record is itself', () => {
  const source = eventRecord('49590338271490256608559692538361571095921575989136588898', 'données', 'clé');
  expect(decode({ Records: [source] })).toEqual([{
    id: `${SHARD}:49590338271490256608559692538361571095921575989136588898`,
    shardId: SHARD,
    sequenceNumber: '49590338271490256608559692538361571095921575989136588898',
    partitionKey: 'clé',
    data: Buffer.from('données'),
    arrivedAt: 1_545_084_650_987,
    source,
  }]);
});

test('records of an aggregate share its sequence number, and have their own keys', () => {
  const records = userRecords({ Records: [eventRecord('1', 'raw'), PACKED, eventRecord('5', '')] });
  expect(records.map(({ id, sequenceNumber, subSequence, partitionKey, data }) => [id, sequenceNumber, subSequence, partitionKey, `${data}`])).toEqual([
    [`${SHARD}:1`, '1', undefined, 'a', 'raw'],
    [`${SHARD}:2:0`, '2', 0, 'k1', 'one'],
    [`${SHARD}:2:1`, '2', 1, 'k2', 'two'],
    [`${SHARD}:2:2`, '2', 2, 'k1', 'three'],
    [`${SHARD}:5`, '5', undefined, 'a', ''],
  ]);
  expect(records[2].source).toBe(PACKED);
});

test('an aggregate of one record has a sub-sequence all the same', () => {
  const records = userRecords({ Records: [eventRecord('2', aggregate([{ partitionKey: 'k', data: 'alone' }]))] });
  expect(records.map(({ id }) => id)).toEqual([`${SHARD}:2:0`]);
});

test('an empty aggregate leaves nothing', () => {
  expect(decode({ Records: [EMPTY] })).toEqual([]);
});

test('a corrupt aggregate is refused as a whole, in its place', () => {
  expect(decode({ Records: [CORRUPT, eventRecord('5', 'raw')] })).toEqual([
    {
      record: expect.objectContaining({ id: `${SHARD}:4`, partitionKey: 'a', source: CORRUPT }),
      refusal: { reason: 'CORRUPT_AGGREGATE', code: 'KeyIndexOutOfRange' },
    },
    expect.objectContaining({ id: `${SHARD}:5` }),
  ]);
});

test('a replay takes of an aggregate what it names', () => {
  const ids = (replay: StreamEvent['replay']): unknown =>
    userRecords({ Records: [eventRecord('1', 'raw'), PACKED], replay }).map(({ id }) => id);
  expect(ids({ only: { [PACKED.eventID]: [2, 0, 17] } })).toEqual([`${SHARD}:1`, `${SHARD}:2:0`, `${SHARD}:2:2`]);
  expect(ids({ only: {} })).toHaveLength(4);
  expect(ids({})).toHaveLength(4);
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['no records', {}],
  ['records that are no list', { Records: 'x' }],
])('%s is no event of a stream', (_, event) => {
  expect(() => decode(event as StreamEvent)).toThrow('an event of a stream must have records');
});

test.each<[string, unknown]>([
  ['no eventID', { ...PACKED, eventID: undefined }],
  ['no shard', { ...PACKED, eventID: ':2' }],
  ['no sequence number in the eventID', { ...PACKED, eventID: SHARD }],
  ['nothing of the stream', { ...PACKED, kinesis: undefined }],
  ['no sequence number', { ...PACKED, kinesis: { ...PACKED.kinesis, sequenceNumber: undefined } }],
  ['no data', { ...PACKED, kinesis: { ...PACKED.kinesis, data: undefined } }],
])('a record with %s is none of a stream', (_, record) => {
  expect(() => decode({ Records: [record as EventRecord] })).toThrow('a record of a stream must have the shard in its eventID');
});
