import type { FilterPattern } from '../../src/kinesis-fan-out/contract';
import { compileFilter } from '../../src/kinesis-fan-out/handlers/filter';
import { RecordJson } from '../../src/kinesis-fan-out/handlers/json';

function passes(patterns: readonly FilterPattern[], data: string | Uint8Array, partitionKey = 'key'): boolean {
  return compileFilter(patterns)({ partitionKey }, new RecordJson(Buffer.from(data)));
}

test('one of the patterns must match', () => {
  const patterns = [{ data: { type: ['paid'] } }, { data: { type: ['sent'] }, partitionKey: [{ prefix: 'eu-' }] }];
  expect(passes(patterns, '{"type":"paid"}')).toBe(true);
  expect(passes(patterns, '{"type":"sent"}')).toBe(false);
  expect(passes(patterns, '{"type":"sent"}', 'eu-1')).toBe(true);
  expect(passes(patterns, '[{"type":"open"},{"type":"paid"}]')).toBe(true);
});

test.each<[string, string | Uint8Array]>([
  ['text', 'paid'],
  ['a JSON text', '"paid"'],
  ['a number', '7'],
  ['null', 'null'],
  ['nothing', ''],
  ['bytes', Buffer.from('ff00', 'hex')],
  ['JSON cut off', '{"type":"paid"'],
])('%s matches no pattern with fields in the data', (_, data) => {
  expect(passes([{ data: { type: [{ 'anything-but': 'x' }] } }], data)).toBe(false);
});

test('conditions right at the data are about its text', () => {
  expect(passes([{ data: [{ prefix: 'paid ' }] }], 'paid 7')).toBe(true);
  expect(passes([{ data: ['7'] }], '7')).toBe(true);
  expect(passes([{ data: ['{}'] }], '{}')).toBe(false);
  expect(passes([{ data: [{ prefix: '' }] }], Buffer.from('ff', 'hex'))).toBe(false);
});

test('a pattern without data takes whatever is there', () => {
  expect(passes([{ partitionKey: ['key'] }], Buffer.from('ff', 'hex'))).toBe(true);
  expect(passes([{ partitionKey: ['other'] }], '{}')).toBe(false);
});

test('a pattern that could never match is refused', () => {
  expect(() => compileFilter([{ data: { a: [1] } }, { $or: [{ data: { a: [1] } }, { kinesis: { a: [1] } }] }]))
    .toThrow("a filter must look at data or partitionKey, got 'kinesis'");
});
