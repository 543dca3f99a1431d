import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { Document, DocumentValue, syntaxProblem } from '../../../src/edge-rewrite/compiler/parse/document';
import { Importer } from '../../../src/edge-rewrite/compiler/parse/importer';
import { readJson } from '../../../src/edge-rewrite/compiler/parse/json';
import { readToml } from '../../../src/edge-rewrite/compiler/parse/toml';
import { replayLine, seedFromEnv } from '../../kit/faults';

const SEED = seedFromEnv(20261121);
const RUNS = Number(process.env.PARSE_RUNS ?? 400);

beforeAll(() => console.log(replayLine(SEED, 'test/edge-rewrite/parse/documents.test.ts')));

/** As the reference readers give it: dates by kind only, numbers as doubles. */
function plain(value: DocumentValue): unknown {
  switch (value.kind) {
    case 'table':
      return Object.fromEntries([...value.entries].map(([key, entry]) => [`.${key}`, plain(entry)]));
    case 'array':
      return value.items.map(plain);
    case 'string':
      return value.text;
    case 'boolean':
      return value.text === 'true';
    case 'number':
      return number(value.text);
    case 'other':
      return null;
  }
}

function number(text: string): number | string {
  const value = Number(text.replace(/^\+/, '').replace(/inf$/, 'Infinity'));
  return Number.isFinite(value) ? value : String(value);
}

// ------------------------------------------------------------------------------------------------------------- TOML

const TOMLLIB = `
import sys, json, math, tomllib
def plain(v):
    if isinstance(v, dict): return {'.' + k: plain(w) for k, w in v.items()}
    if isinstance(v, list): return [plain(w) for w in v]
    if isinstance(v, bool) or isinstance(v, str): return v
    if isinstance(v, (int, float)):
        if isinstance(v, float) and math.isnan(v): return 'NaN'
        if isinstance(v, float) and math.isinf(v): return 'Infinity' if v > 0 else '-Infinity'
        return float(v)
    return None
out = []
for text in json.load(sys.stdin):
    try: out.append([plain(tomllib.loads(text))])
    except (tomllib.TOMLDecodeError, OverflowError): out.append(None)
json.dump(out, sys.stdout)
`;

/** What Python's own reader says of each text; null where it refuses. */
function tomllib(texts: readonly string[]): readonly ([unknown] | null)[] {
  return JSON.parse(execFileSync('python3', ['-c', TOMLLIB], { input: JSON.stringify(texts), maxBuffer: 2 ** 28 }).toString()) as ([unknown] | null)[];
}

function ours(document: Document): [unknown] | null {
  return document.errors.length > 0 ? null : [plain(document.root)];
}

const TOML_VALID = `
title = "Site" # comment
"quoted key" = 'literal \\n'
site."a.b".c = 1
ints = [1, +2, -3, 1_000, 0xDEAD_beef, 0o17, 0b1010, 0]
floats = [1.5, -0.01, 5e+22, 1e6, -2E-2, 6.626e-34, 9_2.2_3, inf, -inf, nan, +0.0]
dates = [1979-05-27T07:32:00Z, 1979-05-27 00:32:00.999999-07:00, 1979-05-27T07:32:00, 2024-02-29, 07:32:00, 00:32:00.5]
escapes = "\\b\\t\\n\\f\\r\\"\\\\\\u00e9\\U0001F600"
folded = """
first \\
    second
  third"""
quotes = """a "" b"""""
literal = '''
'it's' \\ ''
'''
empty = ""
none = """"""
nested = [[1, 2], ["a", [true, false]], {x = 1, y.z = "2"}]
multi = [
  # comment
  1,

  2, # two
]
inline = { a = 1, b = [ ], c = { } }

[servers]
  [servers.alpha]
  ip = "10.0.0.1"
[[products]]
name = "Hammer"
[[products]]
[[products]]
name = "Nail"
[products.details]
size.x = 1
size.y = 2
[[products.variants]]
name = "a"
[a.b.c]
d = 1
[a]
e = 2
`;

const TOML_EDGES = [
  '', '\n\n', '# only', 'a=1\r\nb=2\r\n', '\ta = 1', 'a = 1 b = 2', 'a', 'a =', '= 1', 'a = 1\na = 2', 'a.b = 1\na = 2', 'a = 1\na.b = 2',
  '[a]\n[a]', '[a]\nb = 1\n[a.b]', '[a.b]\n[a]\n[a]', 'a.b = 1\n[a]', 'a.b = 1\n[a.c]', '[a]\nb.c = 1\n[a.b]', '[a]\nb.c = 1\nb.d = 2', '[a.b.c]\n[a]\nb.d = 1',
  '[a]\nb.c = 1\n[x]\n[a.b.d]', '[[a]]\n[a]', '[a]\n[[a]]', 'a = []\n[[a]]', 'a = [{}]\n[[a]]', '[[a.b]]\n[a]\nx = 1', '[[a]]\n[a.b]\n[a.b]', '[[a]]\n[a.b]\n[[a]]\n[a.b]',
  'a = {b = 1}\n[a.c]', 'a = {b = 1}\na.c = 2', 'a = {b = {c = 1}}\n[a.b.d]', 'a = {b = 1, b = 2}', 'a = {b.c = 1, b.d = 2}', 'a = {b = 1,}', 'a = {\nb = 1}',
  'a = [1,,2]', 'a = [,]', 'a = [1 2]', 'a = [1', 'a = [1,\n', 'a = "', 'a = "b\nc"', "a = 'b", 'a = """b', "a = '''b", 'a = "\\x"', 'a = "\\u12"', 'a = "\\ud800"',
  'a = "\\U00110000"', 'a = "\u0001"', 'a = "\u007f"', 'a = "\t"', '# \u0001', 'a = \'\u0000\'', 'a = 01', 'a = 1__0', 'a = _1', 'a = 1_', 'a = 0x', 'a = +0x1', 'a = 1.', 'a = .5',
  'a = 1.e5', 'a = 1e', 'a = 0_1', 'a = 00', 'a = +nan', 'a = Inf', 'a = True', 'a = 2024-13-01', 'a = 2023-02-29', 'a = 1900-02-29', 'a = 2000-02-29', 'a = 2024-04-31', 'a = 2024-02-30',
  'a = 25:00:00', 'a = 2024-01-01T', 'a = 2024-01-01T10:00', 'a = 2024-01-01t10:00:00z', 'a = 2024-01-01 ', 'a = 10:00:00Z', 'a = 2024-01-01T10:00:00+25:00',
  '[]', '[a', '[a]]', '[[a]', '[[a] ]', '[ a . b ]', '[a.]', '[.a]', '["a"]', "['a'.b]", '["a\\u0062"]', '[a] x', '[a] # x', 'a."b\n" = 1', '"""a""" = 1', '"" = 1', "'' = 1",
  '1.2 = 3', '-_ = 1', 'é = 1', 'a.b.c = 1\na.b.d = 2\na.b = 3', 'a = """\\\n   \n  b"""', 'a = """b\\  \n c"""', 'a = """b\\ c"""', 'a = "b\\\nc"', 'a = """"""""', 'a = """""""', 'a = """x"""""""',
  "a = '''''''", 'a = [ # c\n1 # d\n, # e\n2 ]', 'a = [[], [[]], {}]', 'a = {}', 'a = { }', 'a = {a}', 'a = {a = }', 'a = {,}', 'a={b={c=1},d=[{e=2}]}', 'a = \u00a01', 'a = 1\u2028', '\f',
];

test('TOML as Python reads it: what both accept is equal, what one refuses the other refuses', () => {
  const cases = [TOML_VALID, ...TOML_EDGES];
  const expected = tomllib(cases);
  expect(expected[0]).not.toBeNull();
  cases.forEach((text, index) => expect({ text, value: ours(readToml(text)) }).toEqual({ text, value: expected[index] }));
});

test('TOML as Python reads it: changed at random', () => {
  const pieces = [
    '"', "'", '"""', '[', ']', '[[', ']]', '{', '}', ',', '.', '=', '#', '\n', ' ', '\\', '\\u00e9', 'a', '1', '0', '_', '-', '+', 'e', ':', 'T', 'true',
    'a = 1\n', '[a]\n', '[[a]]\n',
  ];
  const piece = fc.constantFrom(...pieces);
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const change = fc.record({ at: place, drop: fc.integer({ min: 0, max: 3 }), put: fc.array(piece, { maxLength: 2 }) });
  const changed = fc.tuple(fc.constantFrom(...TOML_VALID.trim().split(/\n(?=\w)/), TOML_VALID), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([text, changes]) => changes.reduce((now, { at, drop, put }) => {
      const index = Math.floor(at * now.length);
      return now.slice(0, index) + put.join('') + now.slice(index + drop);
    }, text));
  const texts = fc.sample(fc.oneof(changed, fc.array(piece, { maxLength: 12 }).map((all) => all.join(''))), { numRuns: RUNS * 5, seed: SEED });
  const expected = tomllib(texts);
  texts.forEach((text, index) => expect({ text, value: ours(readToml(text)) }).toEqual({ text, value: expected[index] }));
});

test('TOML: lines, and reading on behind an error', () => {
  const { root, errors } = readToml('a = 1\nb = \n\n[c] # x\nd = """\n\n"""\ne = [\n 1,\n {f = 2}]\n[g\nh = 1\n[[i]]\nj = """');
  expect(errors.map(({ line }) => line)).toEqual([2, 11, 14]);
  expect(errors[2].message).toBe('a text has no """');
  expect(root).toMatchObject({ kind: 'table', broken: true });
  const c = (root as Extract<DocumentValue, { kind: 'table' }>).entries.get('c') as Extract<DocumentValue, { kind: 'table' }>;
  expect([c.line, c.entries.get('d')!.line, c.entries.get('e')!.line]).toEqual([4, 5, 8]);
  expect((c.entries.get('e') as Extract<DocumentValue, { kind: 'array' }>).items.map(({ line }) => line)).toEqual([9, 10]);
});

test('a byte order mark is no content', () => {
  expect(ours(readToml('\uFEFFa = 1'))).toEqual([{ '.a': 1 }]);
  expect(ours(readJson('\uFEFF{"a": 1}'))).toEqual([{ '.a': 1 }]);
});

// ------------------------------------------------------------------------------------------------------------- JSON

function builtIn(text: string): [unknown] | null {
  const dotted = (value: unknown): unknown => {
    if (typeof value === 'number') {
      return Number.isFinite(value) ? value : String(value);
    }
    if (Array.isArray(value)) {
      return value.map(dotted);
    }
    return value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [`.${key}`, dotted(entry)])) : value;
  };
  try {
    return [dotted(JSON.parse(text) as unknown)];
  } catch {
    return null;
  }
}

test('JSON as the built-in reader reads it', () => {
  fc.assert(fc.property(fc.json(), fc.constantFrom(0, 2), (text, space) => {
    const laidOut = JSON.stringify(JSON.parse(text), null, space);
    expect(ours(readJson(laidOut))).toEqual(builtIn(laidOut));
  }), { seed: SEED, numRuns: RUNS });
});

test('JSON as the built-in reader reads it: changed at random', () => {
  const piece = fc.constantFrom(
    '"', '[', ']', '{', '}', ',', ':', ' ', '\n', '\\', '\\u12', '1', '0', '-', '.', 'e', 'true', 'null', '\u0001', '\t', '/', 'a',
  );
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(fc.property(fc.json({ maxDepth: 3 }), place, fc.nat(2), fc.array(piece, { maxLength: 2 }), (text, at, drop, put) => {
    const index = Math.floor(at * text.length);
    const changed = text.slice(0, index) + put.join('') + text.slice(index + drop);
    const { errors, root } = readJson(changed);
    const twice = errors.some(({ message }) => message.includes('stands there already'));
    expect(twice ? builtIn(changed) : ours({ errors, root })).toEqual(builtIn(changed));
  }), { seed: SEED, numRuns: RUNS * 5 });
});

test('JSON: lines, and reading on behind an error', () => {
  const { root, errors } = readJson('{\n "a": [\n  1,\n  oops {"]": [2]},\n  3\n ],\n "a": 4,\n "b": "c\n ",\n "d": [5}\n}');
  expect(errors).toEqual([
    { line: 4, message: 'expected a value' },
    { line: 7, message: "'a' stands there already" },
    { line: 8, message: 'expected a text in double quotes; it is left out up to line 11' },
  ]);
  expect(root).toMatchObject({ kind: 'table', line: 1, broken: true });
  expect(readJson('[5}\n').errors).toEqual([{ line: 1, message: "expected ',' or ']'" }, { line: 1, message: "expected ']'" }]);
});

test.each([['[', ']'], ['{"a":', '}']])('%s nested 64 deep is read, deeper is refused', (open, close) => {
  const deep = (levels: number) => open.repeat(levels) + '1' + close.repeat(levels);
  expect(readJson(deep(64)).errors).toEqual([]);
  expect(readJson(deep(65)).errors[0].message).toMatch(/nest 64 deep at most/);
  const toml = (levels: number) => `a = ${deep(levels).replace(/"a":/g, 'a =')}`;
  expect(readToml(toml(64)).errors).toEqual([]);
  expect(readToml(toml(65)).errors).toEqual([{ line: 1, message: 'lists and tables nest 64 deep at most' }]);
});

test.each(['[', '{"a":', '[{"a":'])('100,000 of %s end in an error, not on the stack', (open) => {
  expect(readJson(open.repeat(100_000)).errors).not.toEqual([]);
  expect(readToml(`a = ${open.repeat(100_000)}`).errors).not.toEqual([]);
});

test('a mistake of ours is not taken for one of the file', () => {
  const mistake = new TypeError('of ours');
  expect(() => syntaxProblem(mistake)).toThrow(mistake);
  expect(() => new Importer('file').attempt({ file: 'file', line: 1 }, () => {
    throw mistake;
  })).toThrow(mistake);
});
