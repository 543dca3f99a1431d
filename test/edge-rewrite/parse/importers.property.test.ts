import fc from 'fast-check';
import { fixture, pathText, ruleText } from './notation';
import { RuleSet } from '../../../src/edge-rewrite/compiler/model';
import { FileDialect, parseRuleFile } from '../../../src/edge-rewrite/compiler/parse';
import { replayLine, seedFromEnv } from '../../kit/faults';

const SEED = seedFromEnv(20261121);
const RUNS = { seed: SEED, numRuns: Number(process.env.PARSE_RUNS ?? 400) };

const FILES: readonly (readonly [FileDialect, string])[] = [
  ['netlify-redirects', 'netlify/_redirects'],
  ['netlify-headers', 'netlify/_headers'],
  ['netlify-toml', 'netlify/netlify.toml'],
  ['cloudflare-redirects', 'cloudflare/_redirects'],
  ['cloudflare-headers', 'cloudflare/_headers'],
  ['vercel-json', 'vercel/vercel.json'],
];

beforeAll(() => console.log(replayLine(SEED, 'test/edge-rewrite/parse/importers.property.test.ts')));

/** Characters and pieces that mean something somewhere, and any others. */
const PIECE = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...'/*:#?&=!.,;()[]{}|\\"\'$%+@-~ \t\r\n'.split(''), '/a', '/:b', '/*', ':splat', '301', '200!', 'https://', 'example.com', 'x=:y', 'Country=de', 'X-A: b', '! X') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
);
const NOISE = fc.array(PIECE, { maxLength: 30 }).map((pieces) => pieces.join(''));

/** A text of one of the fixtures with some of it replaced. */
function mutated(text: string): fc.Arbitrary<string> {
  const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), drop: fc.nat(6), put: fc.array(PIECE, { maxLength: 3 }) });
  return fc.array(change, { minLength: 1, maxLength: 8 }).map((changes) => changes.reduce((now, { at, drop, put }) => {
    const index = Math.floor(at * now.length);
    return now.slice(0, index) + put.join('') + now.slice(index + drop);
  }, text));
}

function content(text: string): readonly number[] {
  return text.split('\n').flatMap((line, index) => line.trim() === '' || line.trim().startsWith('#') ? [] : [index + 1]);
}

function reported(set: RuleSet): readonly number[] {
  return set.diagnostics.filter(({ severity }) => severity !== 'info').map(({ source }) => source.line);
}

describe.each(FILES)('%s', (dialect, path) => {
  test('any text is read without an exception, and everything names a line of it', () => {
    fc.assert(fc.property(fc.oneof(NOISE, mutated(fixture(path))), (text) => {
      const set = parseRuleFile(dialect, text, 'file');
      const lines = text.split('\n').length;
      const strange = [...set.rules, ...set.headers, ...set.diagnostics].filter(({ source }) => source.file !== 'file' || source.line < 1 || source.line > lines);
      expect(strange).toEqual([]);
      // Lower case, no full stop; a message may start with a name.
      expect(set.diagnostics.filter(({ message }) => /^(?!Netlify|Cloudflare|Vercel)[A-Z]|\.$/.test(message))).toEqual([]);
    }), RUNS);
  });
});

describe.each(FILES.filter(([dialect]) => dialect.endsWith('-redirects')))('%s', (dialect, path) => {
  test('every line with content is either rules or one report', () => {
    fc.assert(fc.property(fc.oneof(NOISE, mutated(fixture(path))), (text) => {
      const set = parseRuleFile(dialect, text, 'file');
      const lines = [...new Set(set.rules.map(({ source }) => source.line)), ...reported(set)];
      expect(lines.sort((a, b) => a - b)).toEqual(content(text));
    }), RUNS);
  });
});

describe.each(FILES.filter(([dialect]) => dialect.endsWith('-headers')))('%s', (dialect, path) => {
  test('every line with content is a rule, an operation of one, or one report', () => {
    fc.assert(fc.property(fc.oneof(NOISE, mutated(fixture(path))), (text) => {
      // A number of its own as name keeps values apart.
      const marked = text.split('\n').map((line, index) => line.replace(/^(\s*!?\s*[\w-]+)(?=:[^/])/, `$1-${index}`)).join('\n');
      const set = parseRuleFile(dialect, marked, 'file');
      const covered = set.headers.flatMap(({ operations }) => operations).length
        + new Set([...set.headers.map(({ source }) => source.line), ...reported(set)]).size;
      expect(covered).toBe(content(marked).length);
    }), RUNS);
  });
});

describe('what is written comes back', () => {
  const word = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,8}$/);
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,6}$/).filter((one) => one !== 'splat');
  const segments = fc.uniqueArray(fc.oneof(word.map((text) => `/${text}`), name.map((text) => `/:${text}`)), { maxLength: 6 });
  const ends = (all: readonly string[], splat: boolean, slash: boolean) => splat ? `${all.join('')}/*` : `${all.join('')}${slash || all.length === 0 ? '/' : ''}`;
  const pattern = fc.tuple(segments, fc.boolean(), fc.boolean()).map(([all, splat, slash]) => ({
    text: ends(all, splat, slash),
    captures: [...all.filter((one) => one.startsWith('/:')).map((one) => one.slice(2)), ...splat ? ['splat'] : []],
  }));
  /** Source and target, the target of words and captures in any order. */
  const rule = pattern.chain(({ text, captures }) => fc.array(fc.oneof(word, ...captures.length === 0 ? [] : [fc.constantFrom(...captures).map((one) => `:${one}`)]), { maxLength: 5 })
    .map((parts) => ({ from: text, to: `/${parts.join('/')}` })));
  const shown = (to: string) => to.replace(/:(\w+)/g, '<$1>');
  const space = fc.stringMatching(/^[ \t]{1,4}$/);

  test('a line of Netlify', () => {
    fc.assert(fc.property(rule, fc.constantFrom(301, 302, 303, 307, 308), fc.boolean(), space, ({ from, to }, status, force, gap) => {
      const { rules, diagnostics } = parseRuleFile('netlify-redirects', [from, to, `${status}${force ? '!' : ''}`].join(gap), 'file');
      expect(diagnostics).toEqual([]);
      expect(rules.map(ruleText)).toEqual([`${from}~ -> ${status} ${shown(to)} ${status < 303 ? 'keep' : 'drop'}${force ? '!' : ''}`]);
    }), RUNS);
  });

  test('a line of Cloudflare', () => {
    fc.assert(fc.property(rule, fc.constantFrom(301, 302, 303, 307, 308), space, ({ from, to }, status, gap) => {
      fc.pre(!/\/index(\.html)?$/.test(to));
      const { rules, diagnostics } = parseRuleFile('cloudflare-redirects', [from, to, status].join(gap), 'file');
      expect(diagnostics).toEqual([]);
      expect(rules.map(ruleText)).toEqual([`${from} -> ${status} ${shown(to)} keep!`]);
    }), RUNS);
  });

  test('one rule says the same in a line, in TOML and as a list of inline tables', () => {
    fc.assert(fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), fc.constantFrom(200, 301, 404), (rules, status) => {
      const lines = rules.map(({ from, to }) => `${from} ${to} ${status}`).join('\n');
      const tables = rules.map(({ from, to }) => `[[redirects]]\nfrom = ${JSON.stringify(from)}\nto = '${to}'\nstatus = ${status}`).join('\n');
      const inline = `redirects = [${rules.map(({ from, to }) => `{ from = "${from}", to = "${to}", status = "${status}" }`).join(', ')}]`;
      const said = (dialect: FileDialect, text: string) => parseRuleFile(dialect, text, 'file').rules.map(ruleText);
      expect(said('netlify-redirects', lines)).toHaveLength(rules.length);
      expect(said('netlify-toml', tables)).toEqual(said('netlify-redirects', lines));
      expect(said('netlify-toml', inline)).toEqual(said('netlify-redirects', lines));
    }), RUNS);
  });

  test('a source of Vercel', () => {
    fc.assert(fc.property(pattern, ({ text }) => {
      const source = text.replace('*', '(.*)');
      const { rules, diagnostics } = parseRuleFile('vercel-json', JSON.stringify({ redirects: [{ source, destination: '/x' }] }), 'file');
      expect(diagnostics).toEqual([]);
      expect(rules.map(({ path }) => pathText(path))).toEqual([text.replace('*', '*unnamed-0')]);
    }), RUNS);
  });
});

test('100,000 lines are read in file order', () => {
  const text = Array.from({ length: 100_000 }, (_, n) => `/a/${n} /b/${n}`).join('\n');
  const { rules, diagnostics } = parseRuleFile('netlify-redirects', text, 'file');
  expect(diagnostics).toEqual([]);
  expect(rules).toHaveLength(100_000);
  expect(rules.every(({ source }, index) => source.line === index + 1)).toBe(true);
});
