import { createHash } from 'node:crypto';
import { aggregate, bytes, group, MAGIC, sealed, tag, uint, varint } from './aggregate';
import { EDGE_CASES } from './edge-cases';
import { deaggregate, deaggregateInRange, type HashRange, type UserRecord } from '../../src/kinesis-fan-out/handlers/kpl';

const EVERYWHERE: HashRange = { start: 0n, end: 2n ** 128n - 1n };
const KEY = bytes(1, 'key');
const RECORD = record(uint(1, 0), bytes(3, 'data'));

function record(...fields: readonly Uint8Array[]): Buffer {
  return bytes(3, Buffer.concat(fields));
}

function texts(records: readonly UserRecord[] | 'corrupt' | undefined): unknown {
  return Array.isArray(records) ? records.map(({ partitionKey, data }) => `${partitionKey}=${data}`) : records;
}

function hashKey(partitionKey: string): bigint {
  return BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`);
}

test.each(EDGE_CASES)('as the KCL: $name', ({ data, kcl }) => {
  const records = deaggregateInRange(data, EVERYWHERE);
  expect(records?.map((one) => `${one.partitionKey},${one.explicitHashKey ?? '-'},${one.data}`) ?? 'raw').toEqual(kcl);
});

describe('records of an aggregate', () => {
  const packed = aggregate([
    { partitionKey: 'a', data: 'one' },
    { partitionKey: 'b', data: 'two', explicitHashKey: '7' },
    { partitionKey: 'a', data: '' },
  ]);

  test('come in their order with their own keys', () => {
    expect(texts(deaggregate(packed))).toEqual(['a=one', 'b=two', 'a=']);
    expect(deaggregateInRange(packed, EVERYWHERE)!.map(({ explicitHashKey }) => explicitHashKey)).toEqual([undefined, '7', undefined]);
  });

  test('are views: nothing is copied', () => {
    for (const { data } of [...deaggregate(packed) as UserRecord[], ...deaggregateInRange(packed, EVERYWHERE)!]) {
      expect(data.buffer).toBe(packed.buffer);
    }
  });

  test('may stand before the tables they point into', () => {
    expect(texts(deaggregate(sealed(RECORD, KEY)))).toEqual(['key=data']);
  });

  test('none at all is an aggregate too', () => {
    expect(deaggregate(sealed(KEY))).toEqual([]);
    expect(deaggregateInRange(sealed(KEY), EVERYWHERE)).toEqual([]);
  });
});

describe('no aggregate but a record like any other', () => {
  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['fewer bytes than the magic', MAGIC.subarray(0, 3)],
    ['the magic alone', MAGIC],
    ['an empty message with its digest', sealed()],
    ['another magic', Buffer.concat([Buffer.from('F3899AC3', 'hex'), sealed(KEY, RECORD).subarray(4)])],
    ['another digest', Buffer.concat([sealed(KEY, RECORD).subarray(0, -1), Buffer.from([0])])],
    ['text', Buffer.from('{"type":"order-paid","id":"0123456789"}')],
  ])('%s', (_, data) => {
    expect(deaggregate(data)).toBeUndefined();
    expect(deaggregateInRange(data, EVERYWHERE)).toBeUndefined();
  });

  test.each<[string, readonly Buffer[]]>([
    ['a record without partition key index', [KEY, record(bytes(3, 'data'))]],
    ['a record without data', [KEY, record(uint(1, 0))]],
    ['an index of another wire type', [KEY, record(bytes(1, ''), bytes(3, 'data'))]],
    ['a tag without key', [KEY, record(uint(1, 0), bytes(3, 'data'), bytes(4, bytes(2, 'value')))]],
    ['a field cut off', [KEY, RECORD, tag(1, 2), varint(5), Buffer.from('cut')]],
    ['a record longer than the message', [KEY, tag(3, 2), varint(100), RECORD]],
    ['a field longer than its record', [KEY, record(uint(1, 0), Buffer.concat([tag(3, 2), varint(50)])), bytes(1, 'x'.repeat(60))]],
    ['a negative length', [KEY, RECORD, tag(1, 2), varint(2n ** 64n - 1n)]],
    ['a varint without end', [KEY, RECORD, tag(9, 0), Buffer.alloc(11, 0x80)]],
    ['a varint cut off', [KEY, RECORD, tag(9, 0), Buffer.from([0x80])]],
    ['a varint of eleven bytes', [KEY, RECORD, tag(9, 0), Buffer.alloc(10, 0x80), Buffer.from([1])]],
    ['eight bytes cut off', [KEY, RECORD, tag(9, 1), Buffer.alloc(7)]],
    ['four bytes cut off', [KEY, RECORD, tag(9, 5), Buffer.alloc(3)]],
    ['field number 0', [KEY, RECORD, tag(0, 2), varint(0)]],
    ['wire type 6', [KEY, RECORD, tag(9, 6)]],
    ['wire type 7', [KEY, RECORD, tag(9, 7)]],
    ['the end of a group that did not begin', [KEY, RECORD, tag(9, 4)]],
    ['a group without end', [KEY, RECORD, tag(9, 3), uint(1, 1)]],
    ['a group that ends as another one', [KEY, RECORD, tag(9, 3), tag(8, 4)]],
    ['groups 101 deep', [KEY, RECORD, nested(101)]],
    ['groups 100 deep in a record', [KEY, record(uint(1, 0), bytes(3, 'data'), nested(100))]],
    ['groups 99 deep in a tag', [KEY, record(uint(1, 0), bytes(3, 'data'), bytes(4, Buffer.concat([bytes(1, 'k'), nested(99)])))]],
  ])('%s', (_, message) => {
    expect(deaggregate(sealed(...message))).toBeUndefined();
    expect(deaggregateInRange(sealed(...message), EVERYWHERE)).toBeUndefined();
  });
});

describe('tolerated in an aggregate', () => {
  test.each<[string, readonly Buffer[]]>([
    ['tags', [KEY, record(uint(1, 0), bytes(3, 'data'), bytes(4, Buffer.concat([bytes(1, 'k'), bytes(2, 'v')])))]],
    ['fields nobody knows', [uint(9, 1), KEY, tag(9, 1), Buffer.alloc(8), tag(9, 5), Buffer.alloc(4), bytes(9, 'x'), group(9, uint(1, 1)), RECORD]],
    ['known fields of another wire type', [uint(1, 1), group(2), KEY, uint(3, 3), record(uint(1, 0), bytes(3, 'data'), bytes(2, 'x'), uint(4, 4))]],
    ['fields that are there twice: the last one counts', [KEY, record(uint(1, 5), uint(1, 0), bytes(3, 'first'), bytes(3, 'data'))]],
    ['an index whose low 32 bits are right', [KEY, record(uint(1, 2n ** 32n), bytes(3, 'data'))]],
    ['varints longer than necessary', [KEY, record(Buffer.from([0x88, 0x80, 0x00]), Buffer.from('80808080808080808000', 'hex'), bytes(3, 'data'))]],
    ['groups 100 deep', [KEY, RECORD, nested(100)]],
    ['groups 99 deep in a record', [KEY, record(uint(1, 0), bytes(3, 'data'), nested(99))]],
    ['groups 98 deep in a tag', [KEY, record(uint(1, 0), bytes(3, 'data'), bytes(4, Buffer.concat([bytes(1, 'k'), nested(98)])))]],
  ])('%s', (_, message) => {
    expect(texts(deaggregate(sealed(...message)))).toEqual(['key=data']);
    expect(texts(deaggregateInRange(sealed(...message), EVERYWHERE))).toEqual(['key=data']);
  });

  test.each([
    ['C3A9', 'é'],
    ['FF41', '\uFFFDA'],
    ['E28241', '\uFFFDA'],
    ['F09080', '\uFFFD'],
    // Java takes an encoded surrogate for one malformed sequence.
    ['EDA08041', '\uFFFDA'],
    ['EDA041', '\uFFFDA'],
    ['EDA0', '\uFFFD'],
    ['ED9FBF', '\uD7FF'],
    ['EFBBBF41', '\uFEFFA'],
  ])('key of the bytes %s', (hex, key) => {
    expect((deaggregate(sealed(bytes(1, Buffer.from(hex, 'hex')), RECORD)) as UserRecord[])[0].partitionKey).toBe(key);
  });
});

describe('a key that is not in the tables', () => {
  const good = record(uint(1, 0), bytes(3, 'good'));
  test.each<[string, Buffer]>([
    ['partition key', record(uint(1, 1), bytes(3, 'lost'))],
    ['partition key, below zero', record(uint(1, 2n ** 31n), bytes(3, 'lost'))],
    ['explicit hash key', record(uint(1, 0), uint(2, 0), bytes(3, 'lost'))],
  ])('%s: corrupt; the KCL keeps what stands before', (_, bad) => {
    const data = sealed(KEY, good, bad, good);
    expect(deaggregate(data)).toBe('corrupt');
    expect(texts(deaggregateInRange(data, EVERYWHERE))).toEqual(['key=good']);
  });
});

describe('the shard\'s hash range', () => {
  const both = aggregate([{ partitionKey: 'a', data: 'one' }, { partitionKey: 'b', data: 'two' }]);
  const [low, high] = [hashKey('a'), hashKey('b')].sort((a, b) => (a < b ? -1 : 1));

  test('both ends belong to it', () => {
    expect(texts(deaggregateInRange(both, { start: low, end: high }))).toEqual(['a=one', 'b=two']);
  });

  test.each<[string, HashRange]>([
    ['below', { start: low + 1n, end: high }],
    ['above', { start: low, end: high - 1n }],
  ])('one record %s it takes all others with it', (_, range) => {
    expect(deaggregateInRange(both, range)).toEqual([]);
  });

  test.each<[string, bigint | undefined]>([
    ['0', 0n],
    ['-5', -5n],
    ['+0005', 5n],
    ['340282366920938463463374607431768211455', 2n ** 128n - 1n],
    ['٣', 3n],
    ['９0०', 900n],
    ['', undefined],
    ['+', undefined],
    ['--5', undefined],
    ['5-', undefined],
    [' 5', undefined],
    ['0x5', undefined],
    ['1_000', undefined],
    // Digits beyond the Basic Multilingual Plane are two of Java's characters, neither of them a digit.
    ['𝟓', undefined],
  ])('explicit hash key %j', (explicitHashKey, value) => {
    const data = aggregate([{ partitionKey: 'a', data: 'one', explicitHashKey }]);
    const exactly = { start: value ?? 0n, end: value ?? 2n ** 128n };
    expect(texts(deaggregateInRange(data, exactly))).toEqual(value === undefined ? [] : ['a=one']);
    expect(texts(deaggregate(data))).toEqual(['a=one']);
  });
});

function nested(depth: number): Buffer {
  return Buffer.concat([...Array<Buffer>(depth).fill(tag(9, 3)), ...Array<Buffer>(depth).fill(tag(9, 4))]);
}
