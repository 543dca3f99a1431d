import { readFileSync } from 'node:fs';
import { DIALECTS, randomCase } from './generate';
import { largeSet, redirect, rewrite, rule, setOf, target, when } from './rules';
import { MINIFIED, minifiedBlocks } from '../../projenrc/edge-blocks';
import { CompileOptions, RuleSet } from '../../src/edge-rewrite/compiler/model';
import { hash32, replayLine, seedFromEnv } from '../kit/faults';
import { EdgeRequest } from '../kit/njs/engine';
import { countRequests, opcodesPerLine } from '../kit/njs/opcodes';

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

  test('stay below 400 with everything switched on', () => {
    const { opcodes, compiled } = countRequests([everything()], EVERYTHING, [
      { uri: '/old/a' }, { uri: '/shop/x/item' }, { uri: '/news/a/b' }, { uri: '/about' }, { uri: '/nothing/here' }, { uri: '/gone/x' },
      { uri: '/api/x' }, { uri: '/pricing' }, { uri: '/missing' },
      { uri: '/lang', headers: { 'accept-language': 'en-GB,en;q=0.9,de;q=0.8', 'cloudfront-viewer-country': 'DE' }, cookies: { beta: 'on' } },
    ].map((request) => ({ ...request, headers: { ...('headers' in request ? request.headers : {}), host: 'www.example.com' } })));
    expect(Math.max(...opcodes)).toBeLessThanOrEqual(400);
    expect(compiled.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
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
    ['slashes', setOf([redirect('/a', '/b')]), { tier: 'inline', trailingSlash: 'remove' }, [{ uri: '/c/', query: 'x' }, { uri: '/a/', query: 'x' }]],
  ];
  test.each(cases)('%s: it is at most a tenth above the dearest request', (_, set, options, requests) => {
    const { compiled, opcodes } = countRequests([set], options, requests);
    expect(compiled.report.opcodes).toBeGreaterThanOrEqual(Math.max(...opcodes));
    expect(compiled.report.opcodes).toBeLessThanOrEqual(1.1 * Math.max(...opcodes));
  });
});

const EVERYTHING: CompileOptions = {
  tier: 'key-value-store',
  canonicalHost: 'www.example.com',
  trailingSlash: 'remove',
  cleanUrls: true,
  indexDocument: 'index.html',
  spaFallback: '/index.html',
  originIds: ['api'],
  maxReads: 8,
};

function everything(): RuleSet {
  return setOf([
    ...['/old/a', '/old/b'].map((from) => redirect(from, '/new')),
    redirect('/shop/:category/item', '/store/:category'),
    redirect('/news/*', '/n/:splat', 302),
    rewrite('/about', '/pages/about'),
    rule('/gone/*', { kind: 'status', status: 410 }),
    rule('/missing', { kind: 'status', status: 404, page: target('/404.html') }),
    rule('/api/*', { kind: 'proxy', origin: { id: 'api' }, target: target('/:splat') }),
    rule('/pricing', { kind: 'split', experiment: 'price', variants: [{ weight: 80, target: target('/pricing') }, { weight: 20, target: target('/pricing-b') }] }),
    when(redirect('/lang', '/de/', 302), { kind: 'language', values: ['de'] }),
    when(redirect('/lang', '/at/', 302), { kind: 'country', values: ['AT'] }, { kind: 'cookie', name: 'beta', values: ['on'] }),
  ]);
}
