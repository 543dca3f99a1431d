import { headers, redirect, rewrite, rule, setOf, strict, target, template, when } from './rules';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { CompileOptions, RuleSet } from '../../src/edge-rewrite/compiler/model';
import { parseRuleFile } from '../../src/edge-rewrite/compiler/parse';
import { Prng, hash32, replayLine, seedFromEnv } from '../kit/faults';
import { EdgeRequest, Outcome, run, runOne } from '../kit/njs/engine';

const SEED = seedFromEnv(4711);
/** Fuzzed requests that must not lead to another host. */
const RUNS = Number(process.env.KIT_RUNS ?? 4_000);
const BATCH = 15_000;

function ask(set: RuleSet, request: EdgeRequest, options: CompileOptions = {}, random?: number): Outcome {
  const { viewerRequest, data } = compile([set], options);
  return runOne('njs', { code: viewerRequest!.code, data: data?.entries, random }, request);
}

function locationOf({ reply }: Outcome): string | undefined {
  return reply.headers.location?.value;
}

describe('a relative target never leads to another host', () => {
  const set = setOf([redirect('/old/*', '/:splat'), redirect('/:a/p/:b', '/:a/:b'), strict(redirect('/x/*', '/:splat')), redirect('/*', '/:splat/')]);

  test.each([
    ['/old//evil.com', '/evil.com'], ['/old/\\evil.com', '/evil.com'], ['/old/%2f%2fevil.com', '/evil.com'],
    ['/old/%5C/evil.com', '/evil.com'], ['/old///', '/'], ['//evil.com', '/evil.com/'],
  ])('%s -> %s', (uri, expected) => {
    expect(locationOf(ask(set, { uri }))).toBe(expected);
  });

  test('control characters and spaces: the request goes on', () => {
    for (const uri of ['/old/\t/evil.com', '/old/\r\nx: y', '/old/ /evil.com', '/old/\u0000', '/old/é']) {
      expect(ask(set, { uri }).reply.uri).toBe(uri);
    }
  });

  test(`${RUNS} fuzzed requests, in njs and V8`, () => {
    const prng = new Prng(hash32(SEED, 'hosts'));
    const pieces = ['/', '//', '\\', '%2f', '%2F', '%5c', 'evil.com', '.', '..', '@', ':', 'http:', 'old', 'x', 'p', '?', '%09', '%0d%0a', ';', '%00', '~'];
    const randomRequest = (): EdgeRequest => ({
      uri: `/${Array.from({ length: prng.int(0, 9) }, () => prng.pick(pieces)).join('')}`.replace(/\?/g, ''),
      ...prng.chance(0.3) ? { query: prng.pick(['//evil.com', 'a=%0d%0aSet-Cookie:x', '\\evil', 'ü=é']) } : {},
    });
    const compiled = ([{}, { trailingSlash: 'remove' }, { trailingSlash: 'add', cleanUrls: true }] as const).map((options) => compile([set], options));
    for (let first = 0; first < RUNS; first += BATCH) {
      const requests = Array.from({ length: Math.min(BATCH, RUNS - first) }, randomRequest);
      for (const engine of ['njs', 'v8'] as const) {
        const jobs = compiled.map(({ viewerRequest, data }, job) => ({
          code: viewerRequest!.code, data: data?.entries, requests: requests.filter((_, n) => n % compiled.length === job),
        }));
        run(engine, jobs).forEach((outcomes, job) => outcomes.forEach((outcome, n) => {
          const location = locationOf(outcome);
          if (outcome.refused !== undefined || (location !== undefined && new URL(location, 'https://own.example.com').host !== 'own.example.com')) {
            throw new Error(`${JSON.stringify(jobs[job].requests[n])} -> ${location} ${outcome.refused}: ${replayLine(SEED, 'test/edge-rewrite/emit.test.ts')}`);
          }
        }));
      }
    }
  }, 60_000 + 10 * RUNS);

  test('a placeholder in a host must be a label', () => {
    const shops = setOf([redirect('/shop/:name', 'https://:name.shop.example.com/')]);
    expect(locationOf(ask(shops, { uri: '/shop/blue-1' }))).toBe('https://blue-1.shop.example.com/');
    for (const name of ['evil.com', 'a@b', 'a%2fb', 'a:b', 'UPPER']) {
      expect(ask(shops, { uri: `/shop/${name}` }).reply.uri).toBe(`/shop/${name}`);
    }
  });
});

describe('what a path captures for a query stays one value', () => {
  const query = [{ name: 'id', value: [{ capture: 'id' }] }, { name: 'role', value: [{ text: 'guest' }] }, { name: 'flag', value: [] }];
  const set = setOf([
    rule('/api/:id', { kind: 'rewrite', target: { ...target('/item/:id'), query } }, { queryPolicy: 'drop' }),
    rule('/r/:id', { kind: 'redirect', status: 301, target: { ...target('/item'), query } }),
    rule('/q', { kind: 'redirect', status: 301, target: { ...target('/item'), query } }, { query: [{ name: 'x', capture: 'id' }], queryPolicy: 'drop' }),
  ]);
  const { viewerRequest } = compile([set]);

  test.each(['njs', 'v8'] as const)('%s', (engine) => {
    const reply = (request: EdgeRequest) => runOne(engine, { code: viewerRequest!.code }, request).reply;
    expect(reply({ uri: '/api/1&role=admin', query: 'role=admin' })).toMatchObject({
      uri: '/item/1&role=admin', querystring: { id: { value: '1%26role%3Dadmin' }, role: { value: 'guest' }, flag: { value: '' } },
    });
    expect(reply({ uri: '/r/1&role=admin' }).headers.location.value).toBe('/item?id=1%26role%3Dadmin&role=guest&flag');
    expect(reply({ uri: '/q', query: 'x=1%26role=admin+x' }).headers.location.value).toBe('/item?id=1%26role%3Dadmin+x&role=guest&flag');
  });
});

describe('a placeholder with text around it', () => {
  const sets = [
    parseRuleFile('cloudflare-redirects', '/blog/post-:id /posts/:id 301\n/blog/:file.html /blog/:file/ 301\n/blog/:any /archive/:any 302', '_redirects'),
    parseRuleFile('vercel-json', '{"redirects":[{"source":"/v/post-:id.html","destination":"/p/:id"}]}', 'vercel.json'),
  ];
  const { viewerRequest, diagnostics } = compile(sets);

  test.each([
    ['/blog/post-1', '/posts/1'], ['/blog/post-', '/archive/post-'], ['/blog/post-1.html', '/posts/1.html'], ['/blog/x.html', '/blog/x/'],
    ['/blog/.html', '/archive/.html'], ['/v/post-7.html', '/p/7'], ['/v/post-.html', undefined],
  ])('%s -> %s', (uri, expected) => {
    expect(locationOf(runOne('njs', { code: viewerRequest!.code }, { uri }))).toBe(expected);
  });

  test('nothing about it is reported', () => expect(diagnostics).toEqual([]));
});

describe('when things fail', () => {
  const set = setOf([redirect('/a', '/b'), rule('/split', { kind: 'split', experiment: 'e', variants: [{ weight: 100, target: target('/s') }] })]);
  const { viewerRequest, data } = compile([set], { tier: 'key-value-store' });
  const code = viewerRequest!.code;

  test('a store that fails, or is still empty, is no match', () => {
    expect(runOne('njs', { code, data: data!.entries, brokenStore: true }, { uri: '/a' }).reply.uri).toBe('/a');
    expect(runOne('njs', { code }, { uri: '/a' }).reply.uri).toBe('/a');
  });

  test('an unexpected exception returns the request as it was, with one line in the log', () => {
    const outcome = runOne('njs', { code, data: [{ key: '/a', value: 'sk' }] }, { uri: '/a', query: 'x=1' });
    expect(outcome.reply).toMatchObject({ uri: '/a', querystring: { x: { value: '1' } } });
    expect(outcome.logs).toHaveLength(1);
  });

  test('markers a viewer forges are deleted', () => {
    const forged = { 'x-rewrite-status': '200', 'x-rewrite-cookie': 'a=b=1', 'x-rewrite-variant': 'e=9', 'x-rewrite-path': '/' };
    expect(Object.keys(runOne('njs', { code, data: data!.entries }, { uri: '/c', headers: forged }).reply.headers)).toEqual(['host']);
  });

  test.each([
    ['8 KB of path', { uri: `/${'a'.repeat(8_000)}` }],
    ['4,000 segments', { uri: '/a'.repeat(4_000) }],
    ['4,000 slashes', { uri: '/'.repeat(4_000) }],
    ['malformed percent', { uri: '/%zz/%', query: 'a=%zz&%' }],
    ['duplicate query keys', { uri: '/c', query: 'a=1&a=2' }],
  ])('%s: a defined result', (_, request) => {
    const outcome = runOne('njs', { code, data: data!.entries }, request);
    expect(outcome.refused).toBeUndefined();
    expect(outcome.logs).toEqual([]);
  });
});

describe('a proxy', () => {
  const set = setOf([
    rule('/api/*', { kind: 'proxy', origin: { id: 'api' }, target: target('/:splat') }),
    rule('/find/*', { kind: 'proxy', origin: { host: 'find.example.com', scheme: 'https' }, target: target('/:splat') }),
  ]);
  const options = { originIds: ['api'], proxyHosts: ['find.example.com'] };

  test('is told apart in the cache from the same path of other origins; no visitor can claim to be another', () => {
    const forged = { 'x-rewrite-variant': 'api' };
    const variants = ['/api/x', '/find/x', '/x'].map((uri) => {
      const { reply } = ask(set, { uri, headers: forged }, options);
      return [reply.uri, reply.headers['x-rewrite-variant']?.value];
    });
    expect(variants).toEqual([['/x', 'api'], ['/x', '@https:find.example.com'], ['/x', undefined]]);
  });
});

describe('split', () => {
  const set = setOf([rule('/pricing', {
    kind: 'split', experiment: 'pricing', variants: [{ weight: 80, target: target('/pricing') }, { weight: 20, target: target('/pricing-b') }],
  })]);

  test.each([[0, '/pricing'], [0.7999, '/pricing'], [0.8, '/pricing-b'], [0.99999, '/pricing-b']])('chance %d -> %s', (chance, uri) => {
    const { reply } = ask(set, { uri: '/pricing' }, {}, chance);
    expect(reply.uri).toBe(uri);
    expect(reply.headers['x-rewrite-cookie'].value).toBe(`rw_pricing=${Math.floor(chance * 10_000)}=2592000`);
  });

  test('a cookie keeps the visitor, and is not written again', () => {
    const { reply } = ask(set, { uri: '/pricing', cookies: { rw_pricing: '9000' } }, {}, 0);
    expect(reply.uri).toBe('/pricing-b');
    expect(reply.headers['x-rewrite-cookie']).toBeUndefined();
  });

  test('a cookie that is none of ours counts as none', () => {
    expect(ask(set, { uri: '/pricing', cookies: { rw_pricing: '-1' } }, {}, 0.9).reply.uri).toBe('/pricing-b');
    expect(ask(set, { uri: '/pricing', cookies: { rw_pricing: 'x' } }, {}, 0.9).reply.headers['x-rewrite-cookie']).toBeDefined();
  });
});

describe('the response', () => {
  function respond(set: RuleSet, request: EdgeRequest, response: unknown = { statusCode: 200, headers: {} }): Outcome {
    const { viewerResponse } = compile([set], {});
    return runOne('njs', { code: viewerResponse!.code, response }, request);
  }

  test('takes its status from the marker', () => {
    const set = setOf([rule('/a', { kind: 'status', status: 404, page: target('/404.html') })]);
    expect(respond(set, { uri: '/404.html', headers: { 'x-rewrite-status': '404' } }).reply.statusCode).toBe(404);
    expect(respond(set, { uri: '/404.html' }).reply.statusCode).toBe(200);
  });

  test('a page that has not changed or has moved keeps its status', () => {
    const set = setOf([rule('/a', { kind: 'status', status: 404, page: target('/404.html') })]);
    const status = (statusCode: number) => respond(set, { uri: '/404.html', headers: { 'x-rewrite-status': '404' } }, { statusCode, headers: {} }).reply.statusCode;
    expect([200, 206, 302, 304].map(status)).toEqual([404, 404, 302, 304]);
  });

  test('what a header captures is always a text that CloudFront takes', () => {
    const rules = setOf([], [{ ...headers('/news/*', ['set', 'x-rest']), operations: [{ kind: 'set', name: 'x-rest', value: template(':splat') }] }]);
    const rest = (uri: string) => respond(rules, { uri }).reply.headers['x-rest']?.value;
    expect(['/news', '/news/', '/news/a/b', '/news/\u00e9', '/news/a\r\nx: y', '/newsroom'].map(rest))
      .toEqual(['', '', 'a/b', '%C3%A9', 'a%0D%0Ax:%20y', undefined]);
  });

  test('sets the cookie of a split', () => {
    const set = setOf([rule('/a', { kind: 'split', experiment: 'e', variants: [{ weight: 100, target: target('/s') }] })]);
    expect(respond(set, { uri: '/s', headers: { 'x-rewrite-cookie': 'rw_e=17=60' } }).reply.cookies)
      .toEqual({ rw_e: { value: '17', attributes: 'Path=/; Max-Age=60; Secure; SameSite=Lax' } });
  });

  test('gets every header rule that matches, in order; the path is the one the viewer asked for', () => {
    const set = setOf([rewrite('/a', '/b')], [
      headers('/*', ['set', 'X-All', '1']),
      headers('/assets/*', ['set', 'Cache-Control', 'max-age=1'], ['append', 'Link', '<a>']),
      headers('/assets/:file', ['append', 'Link', '<b>'], ['unset', 'X-Powered-By']),
      { ...headers('/assets/*', ['set', 'x-file']), operations: [{ kind: 'set', name: 'x-file', value: template('is :splat') }] },
    ]);
    const origin = { statusCode: 200, headers: { 'link': { value: '<origin>' }, 'x-powered-by': { value: 'php' } } };
    const { reply } = respond(set, { uri: '/b', headers: { 'x-rewrite-path': '/assets/x' } }, origin);
    expect(reply.headers).toEqual({
      'cache-control': { value: 'max-age=1' }, 'link': { value: '<a>, <b>' }, 'x-file': { value: 'is x' },
    });
    expect(compile([set]).constantHeaders).toEqual([{ name: 'X-All', value: '1' }]);
  });

  test('header rules know globs, hosts and conditions', () => {
    const glob = headers('/', ['set', 'x-js', '1']);
    const set = setOf([], [
      { ...glob, path: { segments: [{ kind: 'splat', name: 'splat', suffix: '.js' }], trailing: 'exact', slash: false } },
      { ...headers('/*', ['set', 'x-host', '1']), host: { labels: ['www', 'example', 'com'].map((text) => ({ kind: 'literal', text })) } },
      { ...headers('/*', ['set', 'x-de', '1']), conditions: [{ kind: 'country', values: ['DE'] }] },
    ]);
    const names = (request: EdgeRequest) => Object.keys(respond(set, request).reply.headers);
    expect(names({ uri: '/a/b.js' })).toEqual(['x-js']);
    expect(names({ uri: '/a/b.css', headers: { host: 'www.example.com' } })).toEqual(['x-host']);
    expect(names({ uri: '/', headers: { 'cloudfront-viewer-country': 'DE' } })).toEqual(['x-de']);
  });
});

test('the emitted code is small', () => {
  const redirects = compile([setOf([redirect('/a', '/b'), redirect('/c/:x', '/d/:x'), redirect('/e/*', '/f/:splat')])], { tier: 'key-value-store' });
  expect(redirects.viewerRequest!.bytes).toBeLessThanOrEqual(2_500);
});

test('conditions are read from the request', () => {
  const set = setOf([when(redirect('/', '/de/', 302), { kind: 'language', values: ['de'] }), redirect('/', '/en/', 302)]);
  expect(locationOf(ask(set, { uri: '/', headers: { 'accept-language': 'en;q=0.5, de-AT' } }))).toBe('/de/');
  expect(locationOf(ask(set, { uri: '/' }))).toBe('/en/');
});
