import { compileEventPattern } from '../../src/kinesis-fan-out/common/event-pattern';
import { RecordJson } from '../../src/kinesis-fan-out/handlers/json';

/** As a record's data is read: numbers keep their digits. */
function json(text: string): unknown {
  return new RecordJson(Buffer.from(text)).json;
}

function matches(pattern: unknown, event: unknown): boolean {
  return compileEventPattern(pattern).matches(typeof event === 'string' ? json(event) : event);
}

describe('conditions', () => {
  test.each<[unknown, readonly unknown[], readonly unknown[]]>([
    ['paid', ['paid', ['open', 'paid'], [['paid']]], ['Paid', 'pai', null, undefined, ['open'], [], { paid: 'paid' }]],
    ['', ['', ['']], [null, undefined, 'x', []]],
    [null, [null, [null]], ['', 'null', 0, false, undefined, []]],
    [true, [true], ['true', 1, false]],
    [300, [300, [1, 300]], [301, '300', null]],
    [{ exists: true }, ['', null, 0, [1], [[1]]], [undefined, [], {}, { a: 1 }, [{}], [[]]]],
    [{ exists: false }, [undefined, [], {}, { a: 1 }, [{}], [[]]], ['', null, 0, [1]]],
    [{ prefix: 'eu-' }, ['eu-', 'eu-west-1', ['us', 'eu-x']], ['EU-x', 'eu', 7, null, undefined]],
    [{ prefix: '' }, ['', 'x'], [7, undefined]],
    [{ prefix: { 'equals-ignore-case': 'eu-' } }, ['EU-x', 'Eu-'], ['xeu-', 7]],
    [{ suffix: '.png' }, ['.png', 'a.png'], ['a.PNG', 'a.png ', 7]],
    [{ suffix: { 'equals-ignore-case': '.Png' } }, ['a.PNG', '.png'], ['a.pngx']],
    [{ 'equals-ignore-case': 'Straße' }, ['STRAßE', 'STRASSE', 'straße'], ['strassen', 7]],
    [{ 'equals-ignore-case': 'k.' }, ['K.'], ['\u212A.', 'kx']],
    [{ 'anything-but': 'paid' }, ['open', 7, null, '', ['paid', 'open']], ['paid', ['paid'], undefined, [], {}]],
    [{ 'anything-but': ['paid', 'open'] }, ['sent', 7], ['paid', 'open']],
    [{ 'anything-but': 7 }, [8, '7', null], [7]],
    [{ 'anything-but': [7, 8] }, [9], [7, 8]],
    [{ 'anything-but': { prefix: 'a' } }, ['b', 7], ['a', 'ab']],
    [{ 'anything-but': { prefix: ['a', 'b'] } }, ['c'], ['a', 'bx']],
    [{ 'anything-but': { suffix: 'a' } }, ['b'], ['ba']],
    [{ 'anything-but': { 'equals-ignore-case': ['a', 'b'] } }, ['c', 'aa'], ['A', 'b']],
    [{ 'anything-but': { wildcard: '*.tmp' } }, ['a.txt'], ['a.tmp']],
    [{ 'anything-but': { 'equals-ignore-case': '' } }, ['x'], ['']],
    [{ numeric: ['=', 5] }, [5], [5.1, '5', null]],
    [{ numeric: ['<', 5] }, [4.99, -1e300], [5, 6]],
    [{ numeric: ['<=', 5] }, [5, 4], [5.01]],
    [{ numeric: ['>', 5] }, [5.01], [5, 4]],
    [{ numeric: ['>=', 5] }, [5, 6], [4.99]],
    [{ numeric: ['>', 0, '<=', 5] }, [0.1, 5, [9, 3]], [0, 5.1]],
    [{ numeric: ['>=', 0, '<', 5] }, [0], [5]],
    [{ wildcard: '*' }, ['', 'x'], [7, undefined]],
    [{ wildcard: 'plain' }, ['plain'], ['plains', 7]],
    [{ wildcard: 'a*b*c' }, ['abc', 'axxbxxc', 'abcbc', 'a\nb\nc'], ['ab', 'acb', 'abcd', 'xabc']],
    [{ wildcard: 'ab*ba' }, ['abba', 'ab-ba'], ['aba']],
    [{ wildcard: '*b*' }, ['b', 'abc'], ['ac']],
    [{ wildcard: String.raw`\**\\` }, [String.raw`*\ `.trim(), String.raw`*x\ `.trim()], ['x\\', '*']],
    [{ cidr: '10.0.0.0/24' }, ['10.0.0.0', '10.0.0.255'], ['10.0.1.0', 'host', 7, '10.0.0', '2001:db8::1']],
    [{ cidr: '2001:db8::/32' }, ['2001:db8::1', '2001:0DB8:ffff::'], ['2001:db9::', '10.0.0.1']],
  ])('%j', (condition, yes, no) => {
    const pattern = compileEventPattern({ field: [condition] });
    const event = (value: unknown): unknown => (value === undefined ? {} : { field: value });
    expect(yes.filter((value) => !pattern.matches(event(value)))).toEqual([]);
    expect(no.filter((value) => pattern.matches(event(value)))).toEqual([]);
  });

  test('one of several is enough', () => {
    const pattern = { field: ['paid', { prefix: 'open' }, { exists: false }] };
    expect([{ field: 'paid' }, { field: 'open-2' }, {}, { field: 'sent' }].map((event) => matches(pattern, event))).toEqual([true, true, true, false]);
  });
});

describe('numbers', () => {
  test.each(['300', '300.0', '3.0e2', '3E+2', '0.3e3', '3000e-1'])('300 is %s', (text) => {
    expect(matches({ n: [300] }, `{"n":${text}}`)).toBe(true);
    expect(matches({ n: [{ numeric: ['=', 300] }] }, `{"n":${text}}`)).toBe(true);
    expect(matches({ n: [{ 'anything-but': 300 }] }, `{"n":${text}}`)).toBe(false);
  });

  test.each(['0', '-0', '0.000', '0e7'])('0 is %s', (text) => {
    expect(matches({ n: [0] }, `{"n":${text}}`)).toBe(true);
  });

  test.each(['12345678901234567890', '0.1000000000000000055', '1e999', '-1e999'])('%s is no number a double holds: it equals none and is in no range', (text) => {
    expect(matches({ n: [Number(text)] }, `{"n":${text}}`)).toBe(false);
    expect(matches({ n: [{ numeric: ['>', -1e308] }] }, `{"n":${text}}`)).toBe(false);
    expect(matches({ n: [{ 'anything-but': 1 }] }, `{"n":${text}}`)).toBe(true);
    expect(matches({ n: [{ exists: true }] }, `{"n":${text}}`)).toBe(true);
  });

  test.each(['1e300', '-0.000001', '9007199254740992.0', '1.7976931348623157e308', '-5e-7'])('%s is one', (text) => {
    expect(matches({ n: [Number(text)] }, `{"n":${text}}`)).toBe(true);
  });
});

describe('fields', () => {
  test('all of them must match', () => {
    const pattern = { a: [1], b: { c: [2] } };
    expect(matches(pattern, { a: 1, b: { c: 2 }, d: 3 })).toBe(true);
    expect(matches(pattern, { a: 1, b: { c: 3 } })).toBe(false);
    expect(matches(pattern, { a: 1, b: 2 })).toBe(false);
    expect(matches(pattern, { b: { c: 2 } })).toBe(false);
    expect(matches(pattern, undefined)).toBe(false);
  });

  test('fields of one object must match in the same member of a list', () => {
    const pattern = { items: { sku: ['a'], qty: [2] } };
    expect(matches(pattern, { items: [{ sku: 'a', qty: 1 }, { sku: 'a', qty: 2 }] })).toBe(true);
    expect(matches(pattern, { items: [[{ sku: 'a', qty: [1, 2] }]] })).toBe(true);
    expect(matches(pattern, { items: [{ sku: 'a', qty: 1 }, { sku: 'b', qty: 2 }] })).toBe(false);
  });

  test('one that must not be there is missing in the member that fields before it single out', () => {
    const after = { items: { a: ['x'], gone: [{ exists: false }] } };
    expect(matches(after, { items: [{ a: 'x', gone: 1 }, { a: 'x' }] })).toBe(true);
    expect(matches(after, { items: [{ a: 'x', gone: 1 }, { a: 'y' }] })).toBe(false);
  });

  test('one that must not be there is missing in all members if there are none before it', () => {
    const before = { items: { gone: [{ exists: false }], sku: ['x'] } };
    expect(matches(before, { items: [{ sku: 'x' }, { sku: 'y' }] })).toBe(true);
    expect(matches(before, { items: [{ sku: 'x' }, { gone: 1 }] })).toBe(false);
    expect(matches({ items: { gone: [{ exists: false }], near: { x: [1] } } }, { items: [{ near: { x: 1 } }, { gone: 1 }] })).toBe(false);
    expect(matches({ items: { aid: { x: [1] }, gone: [{ exists: false }] } }, { items: [{ aid: { x: 1 } }, { gone: 1 }] })).toBe(true);
    expect(matches({ 'items': [1], 'items.': { gone: [{ exists: false }] } }, { 'items': 1, 'items.': [{ gone: 1 }, {}] })).toBe(false);
  });

  test('one that must not be there needs nothing around it', () => {
    expect(matches({ a: { b: [{ exists: false }] } }, {})).toBe(true);
    expect(matches({ a: { b: [{ exists: false }] } }, { a: [] })).toBe(true);
    expect(matches({ a: { b: [{ exists: false }], c: [1] } }, { a: {} })).toBe(false);
    expect(matches({ $or: [{ a: [1] }, { b: [1] }], a: { b: [{ exists: false }] } }, { a: 1 })).toBe(true);
  });

  test('$or stands beside the other fields, and may stand in itself', () => {
    const pattern = { s: [1], $or: [{ a: [1] }, { b: [1], $or: [{ c: [1] }, { d: [1] }] }] };
    const hits = [{ s: 1, a: 1 }, { s: 1, b: 1, c: 1 }, { s: 1, b: 1, d: 1 }];
    const misses = [{ a: 1 }, { s: 1 }, { s: 1, b: 1 }, { s: 1, c: 1 }, { b: 1, c: 1 }];
    expect(hits.map((event) => matches(pattern, event))).toEqual([true, true, true]);
    expect(misses.map((event) => matches(pattern, event))).toEqual([false, false, false, false, false]);
  });

  test('$or adds to the fields of an object, and a field named twice is overridden', () => {
    const pattern = { a: { b: [1] }, $or: [{ a: { c: [1] } }, { a: { b: [2] } }] };
    expect(matches(pattern, { a: [{ b: 1, c: 1 }] })).toBe(true);
    expect(matches(pattern, { a: [{ b: 1 }, { c: 1 }] })).toBe(false);
    expect(matches(pattern, { a: { b: 2 } })).toBe(true);
  });

  test('names are own properties', () => {
    expect(matches({ constructor: [{ exists: true }] }, '{}')).toBe(false);
    expect(matches(JSON.parse('{"__proto__":{"a":[1]}}'), '{"__proto__":{"a":1}}')).toBe(true);
    expect(matches(JSON.parse('{"__proto__":{"a":[1]}}'), '{"a":1}')).toBe(false);
  });

  test('lists in lists may be as deep as they like', () => {
    const deep = `{"a":${'['.repeat(200_000)}1${']'.repeat(200_000)}}`;
    expect(matches({ a: [1] }, deep)).toBe(true);
    expect(matches({ a: { b: [1] } }, deep)).toBe(false);
  });

  test('it says which ones it looks at outermost', () => {
    expect([...compileEventPattern({ a: { x: [1] }, $or: [{ b: [1] }, { a: { y: [1] } }] }).fields]).toEqual(['a', 'b']);
  });
});

test('a wildcard costs time in proportion to the text', () => {
  expect(matches({ a: [{ wildcard: `${'*a'.repeat(50)}*b` }] }, { a: 'a'.repeat(100_000) })).toBe(false);
});

test.each<[unknown, string]>([
  [undefined, "'pattern' must be a list of conditions or an object with fields, got undefined"],
  [[], "'pattern' must be"],
  [{}, "'pattern' must be"],
  [{ a: {} }, "'pattern' at 'a' must be a list of conditions or an object with fields, got {}"],
  [{ a: 'x' }, "at 'a' must be a list"],
  [{ a: { b: [] } }, "at 'a.b' must have conditions"],
  [{ a: [[1]] }, "at 'a' must have conditions that are no lists"],
  [{ $or: { a: [1] } }, "at '$or' must be a list of at least two patterns"],
  [{ b: { $or: [{ a: [1] }] } }, "at 'b.$or' must be a list of at least two patterns"],
  [{ $or: [{ a: [1] }, 'b'] }, 'must be a list of conditions or an object'],
  [{ a: [{}] }, 'must have one operator in each condition'],
  [{ a: [{ prefix: 'a', suffix: 'b' }] }, 'must have one operator in each condition'],
  [{ a: [{ regex: 'a' }] }, 'must have operators of event patterns, got "regex"'],
  [{ a: [{ regex: 1 }] }, "must have a text at 'regex'"],
  [{ a: [{ prefix: 1 }] }, "must have a text at 'prefix', got 1"],
  [{ a: [{ prefix: { suffix: 'a' } }] }, "must have a text in any case at 'prefix'"],
  [{ a: [{ suffix: { 'equals-ignore-case': 1 } }] }, "must have a text in any case at 'suffix'"],
  [{ a: [{ suffix: {} }] }, 'must have one operator'],
  [{ a: [{ exists: 1 }] }, "must have true or false at 'exists'"],
  [{ a: [{ 'anything-but': [] }] }, "must have only texts or only numbers at 'anything-but'"],
  [{ a: [{ 'anything-but': ['a', 1] }] }, 'must have only texts or only numbers'],
  [{ a: [{ 'anything-but': null }] }, 'must have only texts or only numbers'],
  [{ a: [{ 'anything-but': { numeric: ['=', 1] } }] }, "must have at 'anything-but' values, or one of prefix, suffix, equals-ignore-case, wildcard with texts"],
  [{ a: [{ 'anything-but': { prefix: [] } }] }, "must have at 'anything-but' values"],
  [{ a: [{ 'anything-but': { prefix: '' } }] }, "must have at 'anything-but' values"],
  [{ a: [{ 'anything-but': { wildcard: [1] } }] }, "must have at 'anything-but' values"],
  [{ a: [{ numeric: '5' }] }, "must have at 'numeric' one comparison with a number, or a lower and an upper one"],
  [{ a: [{ numeric: [] }] }, "must have at 'numeric'"],
  [{ a: [{ numeric: ['='] }] }, "must have at 'numeric'"],
  [{ a: [{ numeric: ['=', '5'] }] }, "must have at 'numeric'"],
  [{ a: [{ numeric: ['!', 5] }] }, "must have at 'numeric'"],
  [{ a: [{ numeric: ['<', 5, '>', 1] }] }, "must have at 'numeric'"],
  [{ a: [{ numeric: ['>', 1, '<'] }] }, "must have at 'numeric'"],
  [{ a: [{ wildcard: 'a**b' }] }, "must have no two stars in a row at 'wildcard'"],
  [{ a: [{ wildcard: '**' }] }, "must have no two stars in a row at 'wildcard'"],
  [{ a: [{ wildcard: '\\n' }] }, "must escape nothing but stars and backslashes at 'wildcard'"],
  [{ a: [{ wildcard: 'a\\' }] }, "must escape nothing but stars and backslashes at 'wildcard'"],
  [{ a: [{ cidr: '10.0.0.0' }] }, "must have a range of addresses at 'cidr'"],
  [{ a: [{ cidr: 'x/8' }] }, "must have a range of addresses at 'cidr'"],
  [{ a: [{ cidr: '10.0.0.0/33' }] }, "must have a range of addresses at 'cidr'"],
  [{ a: [{ cidr: '::/129' }] }, "must have a range of addresses at 'cidr'"],
])('%j is no pattern', (pattern, message) => {
  expect(() => compileEventPattern(pattern)).toThrow(message);
});
