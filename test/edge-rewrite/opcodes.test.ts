import { readFileSync } from 'node:fs';
import { DEAREST, EVERYTHING, everything } from './everything';
import { DIALECTS, randomCase } from './generate';
import { headers, hostOf, inSegment, largeSet, redirect, rule, setOf, strict, target, when } from './rules';
import { MINIFIED, minifiedBlocks } from '../../projenrc/edge-blocks';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { requestFeatures } from '../../src/edge-rewrite/compiler/emit';
import { CompileOptions, RuleSet } from '../../src/edge-rewrite/compiler/model';
import { normalise } from '../../src/edge-rewrite/compiler/normalise';
import { order } from '../../src/edge-rewrite/compiler/order';
import { tableOf } from '../../src/edge-rewrite/compiler/table';
import { hash32, replayLine, seedFromEnv } from '../kit/faults';
import { EdgeRequest } from '../kit/njs/engine';
import { READABLE, countRequests, countResponses, opcodesPerLine } from '../kit/njs/opcodes';

const SEED = seedFromEnv(7);

test('the shipped blocks are those of the sources', () => {
  expect(readFileSync(MINIFIED, 'utf8')).toBe(minifiedBlocks());
});

describe('opcodes of a request', () => {
  const requests: readonly EdgeRequest[] = [
    { uri: '/articles/2019/old-article-3' }, { uri: '/shop-9/x/item' }, { uri: '/section-7/a/b/c' }, { uri: '/no/such/page' },
  ];

  test('are the same at 10, 1,000 and 50,000 rules', () => {
    const [ten, thousand, many] = [10, 1_000, 50_000].map((count) => countRequests([largeSet(count)], { tier: 'key-value-store' }, requests));
    expect(thousand.opcodes).toEqual(ten.opcodes);
    expect(many.opcodes).toEqual(ten.opcodes);
    expect(many.reads).toEqual([1, 2, 2, 3]);
    expect(Math.max(...many.opcodes)).toBeLessThan(200);
  });

  test('inline, they are the same at 10 and 1,000 rules', () => {
    const [ten, thousand] = [10, 1_000].map((count) => countRequests([largeSet(count)], { tier: 'inline' }, requests));
    expect(thousand.opcodes).toEqual(ten.opcodes);
  });

  test('are at most a twenty-fifth of those of a scan by regular expressions at 1,000 rules', () => {
    const { opcodes } = countRequests([largeSet(1_000)], { tier: 'key-value-store' }, requests);
    // A scan tests one expression per rule: its four instructions are counted, not assumed.
    const perRule = opcodesPerLine('function scan(uri) {\n  if (/^\\/section-1\\/.*$/.test(uri)) {\n    return 1;\n  }\n}').get(2) ?? 0;
    expect(perRule).toBeGreaterThanOrEqual(4);
    expect(opcodes[3] * 25).toBeLessThanOrEqual(1_000 * perRule);
  });

  test('stay below 400 with everything switched on, and the report says so', () => {
    const { opcodes } = countRequests([everything()], EVERYTHING, DEAREST);
    const { report, diagnostics } = compile([everything()], EVERYTHING);
    expect(Math.max(...opcodes)).toBeLessThanOrEqual(report.opcodes);
    expect(report.opcodes).toBeLessThanOrEqual(400);
    expect(report.codeBytes).toBeLessThanOrEqual(8_000);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  test('everything means every block but those of the other layouts and of access rules', () => {
    const off = [...READABLE.viewerRequest.matchAll(/\/\/#if (\w+)/g)].map(([, name]) => name)
      .filter((name, n, all) => all.indexOf(name) === n && !featuresOfEverything().has(name));
    expect(off.sort()).toEqual(['access', 'add', 'dense', 'guarded', 'inline', 'lines', 'lowest', 'noprobes', 'paths', 'recapture', 'single', 'whole']);
  });

  test('do not grow with the languages of a browser', () => {
    const ranges = (count: number) => Array.from({ length: count }, (_, n) => `x${'abcdefghijkl'[n]};q=0.${n + 11}`).join(', ');
    const { opcodes } = countRequests([everything()], EVERYTHING, [1, 12].map((count) => ({ uri: '/lang', headers: { 'accept-language': ranges(count) } })));
    expect(opcodes[1]).toBe(opcodes[0]);
  });
});

describe('the cost model', () => {
  test.each(Object.entries(DIALECTS))('%s: no request costs more than the report says', (name, dialect) => {
    for (let n = 0; n < 8; n++) {
      const { sets, options, requests } = randomCase(hash32(SEED, name, n), dialect, 40);
      const { compiled, opcodes } = countRequests(sets, { ...options, tier: n % 2 === 0 ? 'inline' : 'key-value-store' }, requests);
      const most = Math.max(...opcodes);
      if (most > compiled.report.opcodes) {
        throw new Error(`${most} counted, ${compiled.report.opcodes} reported: ${replayLine(SEED, 'test/edge-rewrite/opcodes.test.ts')} (${name} ${n})`);
      }
    }
  });

  const cases: ReadonlyArray<readonly [string, RuleSet, CompileOptions, readonly EdgeRequest[]]> = [
    ['exact pairs', setOf([redirect('/a', '/b'), redirect('/c', '/d')]), { tier: 'inline' }, [{ uri: '/a/', query: 'x=1' }]],
    ['exact pairs in the store', setOf([redirect('/a', '/b')]), { tier: 'key-value-store' }, [{ uri: '/a/', query: 'x=1' }]],
    ['all kinds of patterns', largeSet(10), { tier: 'key-value-store' }, [{ uri: '/shop-9/x/item/', query: 'x' }, { uri: '/section-7/a/b/', query: 'x' }]],
    ['a header', setOf([when(redirect('/a', '/b'), { kind: 'header', name: 'x', values: ['1'] })]), { tier: 'inline' },
      [{ uri: '/a/', query: 'x=1', headers: { x: '1' } }]],
    ['alternatives by country', setOf(['DE', 'FR', 'AT'].map((country) => when(redirect('/*', `https://${country.toLowerCase()}.example.com/:splat`), { kind: 'country', values: [country] }))),
      { tier: 'inline' }, [{ uri: '/a/b/', query: 'x', headers: { 'cloudfront-viewer-country': 'AT' } }]],
    ['serving', setOf([]), { cleanUrls: true, indexDocument: 'index.html' }, [{ uri: '/a/index.html', query: 'x' }, { uri: '/a' }]],
    ['everything', everything(), EVERYTHING, DEAREST],
    ['language', setOf([when(redirect('/a', '/b'), { kind: 'language', values: ['de'] })]), { tier: 'inline' }, [{ uri: '/a/', query: 'x=1', headers: { 'accept-language': 'de' } }]],
    ['cookies', setOf(['a', 'b'].map((name) => when(redirect('/a', '/b'), { kind: 'cookie', name, values: [] }))), { tier: 'inline' },
      [{ uri: '/a/', query: 'x=1', cookies: { b: '1' } }]],
    ['devices and methods', setOf([when(redirect('/a/:x', '/b/:x'), { kind: 'device', values: ['mobile'] }, { kind: 'method', values: ['GET'] })]),
      { tier: 'key-value-store' }, [{ uri: '/a/x/', query: 'x=1', headers: { 'cloudfront-is-mobile-viewer': 'true' } }]],
    ['query parameters', setOf([{ ...redirect('/a', '/b/:id'), query: [{ name: 'id', capture: 'id' }, { name: 'x', value: '1' }], queryPolicy: 'merge' }]),
      { tier: 'key-value-store' }, [{ uri: '/a/', query: 'id=%zz&x=1&y=2' }]],
    ['a label', setOf([redirect('/:name/x', 'https://:name.example.com/')]), { tier: 'inline' }, [{ uri: '/b/x/', query: 'x=1' }]],
    ['a part of a segment', setOf([rule('/', { kind: 'redirect', status: 301, target: target('/b/:id') }, { path: inSegment('a', 'post-', '.html') })]),
      { tier: 'key-value-store' }, [{ uri: '/a/post-1.html/', query: 'x=1' }]],
    ['hosts', setOf([{ ...redirect('/a', '/b'), host: hostOf('old.example.com') }, redirect('/c/*', '/d/:splat')]), { tier: 'key-value-store' },
      [{ uri: '/c/a/', query: 'x=1' }]],
    ['a split', setOf([rule('/a', { kind: 'split', experiment: 'e', variants: [{ weight: 1, target: target('/b') }, { weight: 99, target: target('/c') }] })]),
      { tier: 'inline' }, [{ uri: '/a/' }]],
    ['a proxy', setOf([rule('/api/*', { kind: 'proxy', origin: { host: 'api.example.com', scheme: 'http' }, target: target('/:splat') })]),
      { tier: 'inline', proxyHosts: ['api.example.com'] }, [{ uri: '/api/a/' }]],
    ['a page', setOf([rule('/a', { kind: 'status', status: 404, page: target('/404.html') })]), { tier: 'inline' }, [{ uri: '/a/' }]],
    ['strict slashes', setOf([strict(redirect('/a', '/b')), strict(redirect('/a/', '/c'))]), { tier: 'inline' }, [{ uri: '/a/', query: 'x=1' }]],
    ['the lowest of all hits', setOf([when(redirect('/*', '/de/:splat'), { kind: 'country', values: ['DE'] }), redirect('/a/:b', '/c/:b')]),
      { tier: 'key-value-store', lowestWins: true }, [{ uri: '/a/x/', query: 'x=1', headers: { 'cloudfront-viewer-country': 'DE' } }]],
    ['buckets', setOf([redirect('/a', '/b'), redirect('/a/*', '/c/:splat')]), { tier: 'key-value-store', dense: true }, [{ uri: '/a/b/', query: 'x=1' }]],
    ['slashes', setOf([redirect('/a', '/b')]), { tier: 'inline', trailingSlash: 'remove' }, [{ uri: '/c/', query: 'x' }, { uri: '/a/', query: 'x' }]],
  ];
  test.each(cases)('%s: it is at most a tenth above the dearest request', (_, set, options, requests) => {
    const { compiled, opcodes } = countRequests([set], options, requests);
    expect(compiled.report.opcodes).toBeGreaterThanOrEqual(Math.max(...opcodes));
    expect(compiled.report.opcodes).toBeLessThanOrEqual(1.1 * Math.max(...opcodes));
  });
});

test('the cost model of responses: at most a tenth above the dearest one', () => {
  const set = setOf([], [
    headers('/a/*', ['set', 'x-a', '1'], ['append', 'link', '<a>']),
    headers('/b/:c', ['unset', 'x-b']),
    { ...headers('/*', ['append', 'link', '<b>']), conditions: [{ kind: 'country', values: ['DE'] }, { kind: 'cookie', name: 'c', values: ['on'] }] },
    { ...headers('/*', ['set', 'x-l', 'de']), conditions: [{ kind: 'language', values: ['de'] }] },
    { ...headers('/*', ['set', 'x-q', '1']), conditions: [{ kind: 'query', name: 'q', values: [] }] },
  ]);
  const { compiled, opcodes } = countResponses([set], {}, [
    { uri: '/a/x', headers: { 'cloudfront-viewer-country': 'DE', 'accept-language': 'de' }, cookies: { c: 'on' }, query: 'q=%zz' },
  ]);
  expect(compiled.report.responseOpcodes).toBeGreaterThanOrEqual(opcodes[0]);
  expect(compiled.report.responseOpcodes).toBeLessThanOrEqual(1.1 * opcodes[0]);
});

function featuresOfEverything(): ReadonlySet<string> {
  const { rules } = normalise([everything()]);
  return requestFeatures(tableOf(order(rules)), EVERYTHING, 'store', false);
}
