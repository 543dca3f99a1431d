import { compilePartition, NO_VALUE, OVERFLOW_FOLDER } from '../../src/kinesis-fan-out/common/partition';
import { RecordJson } from '../../src/kinesis-fan-out/handlers/json';

const ARRIVED = '2026-02-03T04:05:00.000Z';

function folder(template: string, json: string, arrivedAt = ARRIVED): string {
  return compilePartition(template)(new RecordJson(Buffer.from(json)).json, arrivedAt);
}

test('fields and the time of arrival', () => {
  expect(folder('<$.country>/', '{"country":"DE"}')).toBe('DE/');
  expect(folder("a=<$.order.country>-<$['b c']>/day=<yyyy>-<MM>-<dd>/<HH>/", '{"order":{"country":"DE"},"b c":7}')).toBe('a=DE-7/day=2026-02-03/04/');
});

test.each([
  ['"a.b-c_D9"', 'a.b-c_D9'],
  ['"a/b"', 'a%2Fb'],
  ['"../up"', '..%2Fup'],
  ['".."', '%2E%2E'],
  ['"ä %"', '%C3%A4%20%25'],
  ['"\\ud800"', '%EF%BF%BD'],
  ['12', '12'],
  ['1.50', '1.50'],
  ['12345678901234567890', '12345678901234567890'],
  ['-1e+3', '-1e%2B3'],
  ['true', 'true'],
])('%s becomes %s', (value, name) => {
  expect(folder('<$.a>/', `{"a":${value}}`)).toBe(`${name}/`);
});

test.each(['{}', '{"a":null}', '{"a":""}', '{"a":[1]}', '{"a":{"b":1}}', '[{"a":1}]', '1', 'no JSON'])('of %s the value is not there', (json) => {
  expect(folder('x=<$.a>/', json)).toBe(`x=${NO_VALUE}/`);
});

test('names of fields are its own', () => {
  expect(folder('<$.toString>/', '{}')).toBe(`${NO_VALUE}/`);
  expect(folder('<$.__proto__>/', '{"__proto__":"x"}')).toBe('x/');
});

test('long values keep 64 characters and stay different', () => {
  const [one, other] = ['x', 'y'].map((end) => folder('<$.a>/', JSON.stringify({ a: `${'ab'.repeat(60)}${end}` })));
  expect(one).toMatch(/^(ab){23}a-[0-9a-f]{16}\/$/);
  expect(other.slice(0, 47)).toBe(one.slice(0, 47));
  expect(other).not.toBe(one);
  const escaped = folder('<$.a>/', JSON.stringify({ a: 'ä'.repeat(30) }));
  expect(escaped).toMatch(/^(%C3%A4)+(%C3)?-[0-9a-f]{16}\/$/);
  expect(folder('<$.a>/', JSON.stringify({ a: 'a'.repeat(64) }))).toBe(`${'a'.repeat(64)}/`);
});

test('the longest key S3 takes is not reached', () => {
  const template = `${'x'.repeat(127)}${'<$.a>'.repeat(6)}/`;
  const longest = folder(template, JSON.stringify({ a: '/'.repeat(200) })).length;
  const name = `shardId-${'0'.repeat(12)}/${'9'.repeat(56)}.99999-${'f'.repeat(16)}.ndjson.gz`;
  expect(256 + longest + name.length).toBeLessThanOrEqual(1024);
});

test.each([
  ['', "'partition' must have folders that end with '/'"],
  ['<$.a>', "'partition' must have folders that end with '/'"],
  ['/<$.a>/', "'partition' must have folders that end with '/'"],
  ['<$.a>//', "'partition' must have folders that end with '/'"],
  ['../<$.a>/', "'partition' must have folders that end with '/'"],
  ['<$.a/', "'partition' must have folders that end with '/'"],
  ['<>/', "'partition' must have folders that end with '/'"],
  ['ä<$.a>/', "'partition' must have folders that end with '/'"],
  [`${'x'.repeat(128)}<$.a>/`, '128 characters beside those'],
  ['all/', "'partition' must have 1 to 6 placeholders like '<$.a.b>', got 'all/'"],
  [`${'<$.a>'.repeat(7)}/`, "'partition' must have 1 to 6 placeholders"],
  ['<a>/', "'partition' must have placeholders that are paths or yyyy, MM, dd, HH, got 'a'"],
  ['<constructor>/', "'partition' must have placeholders that are paths or yyyy, MM, dd, HH, got 'constructor'"],
  ['<YYYY>/', "'partition' must have placeholders that are paths or yyyy, MM, dd, HH, got 'YYYY'"],
  ['<$.a[0]>/', "'partition' must be a path to a field like '$.a.b' or \"$['a b']\", got '$.a[0]'"],
  [`${OVERFLOW_FOLDER}<$.a>/`, "'partition' must have another first folder than 'overflow/', which takes what is too much"],
])('%s is no partition', (template, message) => {
  expect(() => compilePartition(template)).toThrow(message);
});
