import type { TransformStep } from '../../src/kinesis-fan-out/contract';
import { RecordJson } from '../../src/kinesis-fan-out/handlers/json';
import { compileTransform } from '../../src/kinesis-fan-out/handlers/transform';

/** The text that comes out, or why none does. */
function outcome(steps: readonly TransformStep[], data: string | Uint8Array): unknown {
  const result = compileTransform(steps)(new RecordJson(Buffer.from(data)));
  return result instanceof Uint8Array ? Buffer.from(result).toString() : result;
}

const ORDER = '{"id":12345678901234567890,"type":"paid","total":19.90,"buyer":{"name":"Ada","card":"4711","tags":["a"]},"items":[{"sku":"x","price":1},{"sku":"y"}]}';

describe('pick', () => {
  test.each<[readonly string[], string, string]>([
    [['$.type', '$.id'], ORDER, '{"id":12345678901234567890,"type":"paid"}'],
    [['$.buyer.name'], ORDER, '{"buyer":{"name":"Ada"}}'],
    [['$.buyer.name', '$.buyer'], ORDER, '{"buyer":{"name":"Ada","card":"4711","tags":["a"]}}'],
    [['$.buyer', '$.buyer.name'], ORDER, '{"buyer":{"name":"Ada","card":"4711","tags":["a"]}}'],
    [['$.items.sku'], ORDER, '{"items":[{"sku":"x"},{"sku":"y"}]}'],
    [['$.items.price'], ORDER, '{"items":[{"price":1}]}'],
    [['$.total.cents'], ORDER, '{}'],
    [['$.none', '$.buyer.none'], ORDER, '{}'],
    [['$.a'], '[{"a":1,"b":2},7]', '[{"a":1}]'],
    [['$.a'], '7', '{}'],
    [['$.a'], 'null', '{}'],
    [['$.a'], '{"a":null}', '{"a":null}'],
    [["$['a b']['c.d']"], '{"a b":{"c.d":1,"x":2}}', '{"a b":{"c.d":1}}'],
  ])('%j of %s', (paths, data, expected) => {
    expect(outcome([{ kind: 'pick', paths }], data)).toBe(expected);
  });
});

describe('remove', () => {
  test.each<[readonly string[], string, string]>([
    [['$.buyer', '$.items', '$.id'], ORDER, '{"type":"paid","total":19.90}'],
    [['$.buyer.card', '$.buyer.tags', '$.items.price', '$.id', '$.total'], ORDER, '{"type":"paid","buyer":{"name":"Ada"},"items":[{"sku":"x"},{"sku":"y"}]}'],
    [['$.none', '$.type.none', '$.buyer.none'], '{"type":"paid","buyer":{}}', '{"type":"paid","buyer":{}}'],
    [['$.a'], '[{"a":1},[{"a":2,"b":3}]]', '[{},[{"b":3}]]'],
    [['$.a'], '7', '7'],
  ])('%j from %s', (paths, data, expected) => {
    expect(outcome([{ kind: 'remove', paths }], data)).toBe(expected);
  });
});

describe('mask', () => {
  test.each<[readonly string[], string, string]>([
    [['$.buyer.card', '$.buyer.tags'], '{"buyer":{"card":4711,"tags":["a"]},"x":1}', '{"buyer":{"card":"***","tags":"***"},"x":1}'],
    [['$.items.sku'], '{"items":[{"sku":"x"},{"sku":null},{"y":1}]}', '{"items":[{"sku":"***"},{"sku":"***"},{"y":1}]}'],
    [['$.none', '$.a.none'], '{"a":1}', '{"a":1}'],
  ])('%j in %s', (paths, data, expected) => {
    expect(outcome([{ kind: 'mask', paths }], data)).toBe(expected);
  });
});

describe('rename', () => {
  test.each<[Readonly<Record<string, string>>, string, string]>([
    [{ '$.a': '$.b' }, '{"a":1.0,"c":2}', '{"c":2,"b":1.0}'],
    [{ '$.a': '$.b', '$.b': '$.a' }, '{"a":1,"b":2}', '{"b":1,"a":2}'],
    [{ '$.a': '$.x.y.z' }, '{"a":1,"x":{"k":2}}', '{"x":{"k":2,"y":{"z":1}}}'],
    [{ '$.a': '$.a.b' }, '{"a":1}', '{"a":{"b":1}}'],
    [{ '$.a.b': '$.b' }, '{"a":{"b":null}}', '{"a":{},"b":null}'],
    [{ '$.a': '$.b' }, '{"a":1,"b":2}', '{"b":1}'],
    [{ '$.a': '$.b.c' }, '{"b":"text","a":1}', '{"b":"text","a":1}'],
    [{ '$.none': '$.b' }, '{"b":1}', '{"b":1}'],
    [{ '$.a.b': '$.b' }, '{"a":[{"b":1}]}', '{"a":[{"b":1}]}'],
    [{ '$.a': '$.b' }, '[{"a":1}]', '[{"a":1}]'],
  ])('%j in %s', (paths, data, expected) => {
    expect(outcome([{ kind: 'rename', paths }], data)).toBe(expected);
  });
});

describe('set', () => {
  test.each<[Readonly<Record<string, unknown>>, string, string]>([
    [{ '$.a': 'x', '$.b.c': [1, null] }, '{"a":1,"b":{"d":2}}', '{"a":"x","b":{"d":2,"c":[1,null]}}'],
    [{ '$.a.b.c': true }, '{}', '{"a":{"b":{"c":true}}}'],
    [{ '$.a.b': 1 }, '{"a":7}', '{"a":7}'],
    [{ '$.a.b': 1 }, '{"a":[{}]}', '{"a":[{}]}'],
    [{ '$.a': 1 }, '[]', '[]'],
    [{ '$.a': 1 }, 'null', 'null'],
  ])('%j in %s', (values, data, expected) => {
    expect(outcome([{ kind: 'set', values }], data)).toBe(expected);
  });
});

describe('template', () => {
  test.each<[unknown, string]>([
    [{ id: '<$.id>', who: '<$.buyer.name>', tags: '<$.buyer.tags>' }, '{"id":12345678901234567890,"who":"Ada","tags":["a"]}'],
    [{ label: 'order <$.id> of <$.buyer.name>: <$.total> <$.buyer.tags>' }, '{"label":"order 12345678901234567890 of Ada: 19.90 [\\"a\\"]"}'],
    [{ label: '<$.id><$.type>' }, '{"label":"12345678901234567890paid"}'],
    [{ label: '<$.none>', other: 'x<$.none>x', list: ['<$.none>', '<$.type>', 1] }, '{"other":"xx","list":["paid",1]}'],
    [{ 'a': { b: [true, null, 1.5, '< $.id >'] }, '<$.id>': 'key' }, '{"a":{"b":[true,null,1.5,"< $.id >"]},"<$.id>":"key"}'],
    ['<$.total>', '19.90'],
    ['<$.none>', 'null'],
    [['<$.items.sku>'], '[]'],
    [7, '7'],
    [{ x: "<$['buyer']['name']>" }, '{"x":"Ada"}'],
  ])('%j', (document, expected) => {
    expect(outcome([{ kind: 'template', document }], ORDER)).toBe(expected);
  });
});

test('steps follow each other', () => {
  expect(outcome([
    { kind: 'mask', paths: ['$.buyer.card'] },
    { kind: 'template', document: { first: '<$.buyer>', second: '<$.buyer>' } },
    { kind: 'remove', paths: ['$.first.tags', '$.first.card'] },
    { kind: 'rename', paths: { '$.second': '$.third' } },
  ], ORDER)).toBe('{"first":{"name":"Ada"},"third":{"name":"Ada","card":"***","tags":["a"]}}');
});

test('a constant stays the same for the next record', () => {
  const transform = compileTransform([{ kind: 'set', values: { '$.a': { b: 1 } } }, { kind: 'set', values: { '$.a.c': '<$.x>' } }, { kind: 'mask', paths: ['$.a.b'] }]);
  for (let i = 0; i < 2; i++) {
    expect(String(transform(new RecordJson(Buffer.from('{}'))))).toBe('{"a":{"b":"***","c":"<$.x>"}}');
  }
});

describe('names of prototypes are names like any other', () => {
  const data = '{"__proto__":{"admin":true,"x":1.0},"constructor":{"name":"C"}}';
  test.each<[TransformStep, string]>([
    [{ kind: 'pick', paths: ['$.__proto__.admin'] }, '{"__proto__":{"admin":true}}'],
    [{ kind: 'mask', paths: ['$.__proto__.admin', '$.constructor.name'] }, '{"__proto__":{"admin":"***","x":1.0},"constructor":{"name":"***"}}'],
    [{ kind: 'remove', paths: ['$.__proto__'] }, '{"constructor":{"name":"C"}}'],
    [{ kind: 'rename', paths: { '$.constructor': '$.__proto__.made' } }, '{"__proto__":{"admin":true,"x":1.0,"made":{"name":"C"}}}'],
    [{ kind: 'set', values: { '$.__proto__.polluted': 1 } }, '{"__proto__":{"admin":true,"x":1.0,"polluted":1},"constructor":{"name":"C"}}'],
    [{ kind: 'set', values: { '$.toString.polluted': 1 } }, `${data.slice(0, -1)},"toString":{"polluted":1}}`],
    [{ kind: 'template', document: JSON.parse('{"__proto__":{"a":"<$.__proto__.admin>"},"b":"<$.toString>"}') }, '{"__proto__":{"a":true}}'],
  ])('%j', (step, expected) => {
    expect(outcome([step], data)).toBe(expected);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

test.each<[string, string | Uint8Array, string]>([
  ['text', 'paid', 'NotJson'],
  ['nothing', '', 'NotJson'],
  ['no UTF-8', Buffer.from('22ff22', 'hex'), 'NotJson'],
  ['JSON cut off', '{"a":1', 'NotJson'],
  ['lists in lists without end', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, 'NestedTooDeeply'],
])('%s is refused', (_, data, code) => {
  expect(outcome([{ kind: 'mask', paths: ['$.a'] }], data)).toEqual({ reason: 'UNPARSABLE', code });
});

test.each<TransformStep>([
  { kind: 'pick', paths: ['a'] },
  { kind: 'remove', paths: ['$'] },
  { kind: 'rename', paths: { '$.a': '$.b[0]' } },
  { kind: 'set', values: { '$..a': 1 } },
  { kind: 'template', document: { a: '<$.a b>' } },
])('%j has no path to a field', (step) => {
  expect(() => compileTransform([step])).toThrow('must be a path to a field');
});
