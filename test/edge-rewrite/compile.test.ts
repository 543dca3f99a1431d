import { headers, hostOf, largeSet, redirect, rewrite, rule, setOf, target, when } from './rules';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { LIMITS, isDisallowedHeader } from '../../src/edge-rewrite/compiler/limits';
import { CompileOptions, CompileResult, ConstantHeader, DiagnosticCode, Rule, Tier } from '../../src/edge-rewrite/compiler/model';
import { run } from '../kit/njs/engine';

function codes({ diagnostics }: CompileResult): readonly DiagnosticCode[] {
  return diagnostics.map(({ code }) => code);
}

describe('tiers', () => {
  test('inline, then the key value store; Lambda@Edge only on request', () => {
    expect(compile([largeSet(20)]).tier).toBe('inline');
    expect(compile([largeSet(20)]).data).toBeUndefined();
    expect(compile([largeSet(500)]).tier).toBe('key-value-store');
    expect(compile([largeSet(20)], { tier: 'lambda-edge' }).data!.entries).toHaveLength(20);
  });

  test('dense: at most 1.2 times the text of the rules, at any fill one read per key', () => {
    const set = setOf(Array.from({ length: 5_000 }, (_, n) => redirect(`/articles/2019/old-article-${n}`, `/posts/${n}/new-name/`)));
    const text = set.rules.reduce((sum, _, n) => sum + `/articles/2019/old-article-${n}/posts/${n}/new-name/`.length, 0);
    const compiled = compile([set], { dense: true });
    expect(compiled.data!.bytes).toBeLessThanOrEqual(1.2 * text);
    expect(Math.max(...compiled.data!.entries.map(({ key, value }) => key.length + value.length))).toBeLessThanOrEqual(LIMITS.entryBytes);
    const [[hit, miss]] = run('njs', [{
      code: compiled.viewerRequest!.code, data: compiled.data!.entries, requests: [{ uri: '/articles/2019/old-article-4711' }, { uri: '/x' }],
    }]);
    expect([hit.reply.headers.location.value, hit.reads, miss.reply.uri, miss.reads]).toEqual(['/posts/4711/new-name/', 1, '/x', 1]);
  });

  test('dense: 80,000 rules of 55 bytes fit, as one key per rule does not', () => {
    const ofLength = (text: string, length: number) => text.padEnd(length, 'abcdefghijklmnopqrstuvwxyz');
    const rules = setOf(Array.from({ length: 80_000 }, (_, n) => redirect(ofLength(`/old/${n}-`, 27), ofLength(`/new/${n}-`, 28))));
    const { data, diagnostics, viewerRequest } = compile([rules]);
    expect(diagnostics).toEqual([]);
    expect(viewerRequest!.code).toContain('md5');
    expect(data!.bytes).toBeLessThanOrEqual(1.2 * 55 * 80_000);
  }, 60_000);

  test('dense: an entry that fills a value alone leaves one key per rule', () => {
    const { data, diagnostics } = compile([setOf([redirect('/a', `/${'b'.repeat(1_015)}`), redirect('/c', '/d')])], { dense: true, tier: 'key-value-store' });
    expect([data!.entries.map(({ key }) => key), diagnostics]).toEqual([['/a', '/c'], []]);
  });

  test('45,000 rules fit into the store; 100,000 do not, and the error names the next tier', () => {
    expect(codes(compile([largeSet(45_000)]))).toEqual([]);
    const tooMany = compile([largeSet(100_000)]);
    expect(codes(tooMany)).toEqual(['store-size']);
    expect(tooMany.diagnostics[0].message).toMatch(/^the data has \d+ bytes, 5242880 are allowed: use the Lambda@Edge tier$/);
    expect(codes(compile([largeSet(100_000)], { tier: 'lambda-edge' }))).toEqual([]);
  }, 120_000);

  test('equal input gives equal bytes; another rule another hash', () => {
    const [one, same, other] = [500, 500, 501].map((count) => compile([largeSet(count)]));
    expect(same.viewerRequest!.code).toBe(one.viewerRequest!.code);
    expect(same.data!.json).toBe(one.data!.json);
    expect(other.data!.hash).not.toBe(one.data!.hash);
  });
});

/** Nearly as much as the import file may hold, in few rules. */
const FILLED = setOf(Array.from({ length: 5_263 }, (_, n) => redirect(`/${n}`, `/${'b'.repeat(970 - String(n).length)}`)));

describe('limits, one below, at, one above', () => {
  test('bytes of a key and its value', () => {
    const withTarget = (length: number) => compile([setOf([redirect('/a', `/${'b'.repeat(length - 1)}`)])], { tier: 'key-value-store' });
    // '/a' and '1k' take four bytes.
    const most = LIMITS.entryBytes - 4;
    expect([most - 1, most, most + 1].map((length) => codes(withTarget(length)))).toEqual([[], [], ['value-size']]);
    expect(withTarget(most + 1).diagnostics[0]).toMatchObject({ source: { file: 'rules', line: 1 }, message: expect.stringContaining('1025 bytes, 1024 are allowed') });
  });

  test('bytes of a key', () => {
    const withPath = (length: number) => compile([setOf([redirect(`/${'a'.repeat(length - 1)}`, '/b')])], { tier: 'key-value-store' });
    expect([511, 512, 513].map((length) => codes(withPath(length)))).toEqual([[], [], ['key-size']]);
  });

  test('bytes of the code', () => {
    const spare = LIMITS.codeBytes - compile([setOf([redirect('/a', '/')])], { tier: 'inline' }).viewerRequest!.bytes;
    const withTarget = (length: number) => compile([setOf([redirect('/a', `/${'b'.repeat(length)}`)])], { tier: 'inline' });
    expect([spare - 1, spare, spare + 1].map((length) => withTarget(length).diagnostics.map(({ severity, code }) => `${severity} ${code}`)))
      .toEqual([['warning code-size'], ['warning code-size'], ['error code-size']]);
  });

  test('bytes of the import file', () => {
    const withTarget = (length: number) => compile([setOf([...FILLED.rules, redirect('/last', `/${'b'.repeat(length)}`)])], { tier: 'key-value-store', dense: false });
    const spare = LIMITS.storeBytes - withTarget(0).data!.bytes;
    expect(spare).toBeLessThan(900);
    expect([spare - 1, spare, spare + 1].map((length) => codes(withTarget(length)))).toEqual([[], [], ['store-size']]);
    expect(withTarget(spare + 1).diagnostics[0].message).toBe('the data has 5242881 bytes, 5242880 are allowed: use the Lambda@Edge tier');
  }, 60_000);

  test.each<readonly [string, Tier, (n: number) => Rule]>([
    ['cookies of the cache policy', 'inline', (n) => when(rewrite(`/${n}`, '/x'), { kind: 'cookie', name: `c${n}`, values: [] })],
    ['query parameters of the cache policy', 'inline', (n) => when(rewrite(`/${n}`, '/x'), { kind: 'query', name: `q${n}`, values: [] })],
    ['headers of the cache policy', 'inline', (n) => when(rewrite(`/${n}`, '/x'), { kind: 'header', name: `x-${n}`, values: [] })],
    ['headers of the origin request policy', 'inline', (n) => when(redirect(`/${n}`, '/x'), { kind: 'header', name: `cloudfront-${n}`, values: [] })],
    ['headers of the cache policy of a Lambda function', 'lambda-edge', (n) => when(redirect(`/${n}`, '/x'), { kind: 'header', name: `x-${n}`, values: [] })],
  ])('%s', (_, tier, ruleFor) => {
    const withNames = (count: number) => compile([setOf(Array.from({ length: count }, (__, n) => ruleFor(n)))], { tier });
    expect([9, 10, 11].map((count) => codes(withNames(count)))).toEqual([[], [], ['header-names']]);
  });

  test('names that no policy needs', () => {
    const visible = Array.from({ length: 11 }, (_, n) => when(redirect(`/${n}`, '/x'), { kind: 'cookie', name: `c${n}`, values: [] }));
    expect(codes(compile([setOf(visible)]))).toEqual([]);
    const queries = Array.from({ length: 11 }, (_, n) => when(redirect(`/${n}`, '/x'), { kind: 'query', name: `q${n}`, values: [] }));
    expect(codes(compile([setOf(queries)], { tier: 'lambda-edge' }))).toEqual([]);
  });

  test('characters of names', () => {
    const withName = (length: number) => compile([setOf([when(rewrite('/a', '/x'), { kind: 'cookie', name: 'c'.repeat(length), values: [] })])], { tier: 'inline' });
    expect([1_023, 1_024, 1_025].map((length) => codes(withName(length)))).toEqual([[], [], ['header-names']]);
  });

  describe('headers of all responses', () => {
    const preset = (count: number, value = '1') => Array.from({ length: count }, (_, n) => ({ name: `X-${n}`, value }));
    const outcome = (presetHeaders: readonly ConstantHeader[], ...operations: Parameters<typeof headers>[1][]) => compile([setOf([], operations.length > 0 ? [headers('/*', ...operations)] : [])], { presetHeaders })
      .diagnostics.map(({ severity, code }) => `${severity} ${code}`);

    test('in number', () => {
      expect([9, 10, 11].map((count) => outcome(preset(count)))).toEqual([[], [], ['error policy']]);
      expect([8, 9, 10].map((count) => outcome(preset(count), ['set', 'X-Y', '1']))).toEqual([[], [], ['warning policy']]);
      expect(outcome(preset(10), ['set', 'X-Frame-Options', 'DENY'], ['set', 'x-0', '2'])).toEqual([]);
    });

    test('removed', () => {
      const unset = (count: number) => outcome([], ...preset(count).map(({ name }) => ['unset', name] as const satisfies Parameters<typeof headers>[1]));
      expect([9, 10, 11].map(unset)).toEqual([[], [], ['warning policy']]);
    });

    test('characters of one', () => {
      expect([1_782, 1_783, 1_784].map((length) => outcome([{ name: 'X', value: 'v'.repeat(length) }]))).toEqual([[], [], ['error policy']]);
      expect([1_782, 1_783, 1_784].map((length) => outcome([], ['set', 'X', 'v'.repeat(length)]))).toEqual([[], [], ['error invalid-header']]);
    });

    test('characters of all', () => {
      const all = (length: number) => outcome([...preset(9, 'v'.repeat(1_100)), { name: 'Y', value: 'v'.repeat(length) }]);
      const spare = LIMITS.responseHeaderCharacters - 9 * 1_103 - 1;
      expect([spare - 1, spare, spare + 1].map(all)).toEqual([[], [], ['error policy']]);
    });

    test('what the policy cannot hold the function sets', () => {
      const { constantHeaders, viewerResponse } = compile([setOf([], [headers('/*', ['set', 'X-Y', '1'])])], { presetHeaders: preset(10) });
      expect(constantHeaders).toEqual(preset(10));
      expect(viewerResponse!.code).toContain('x-y');
    });
  });

  test('reads', () => {
    const prefixes = (count: number) => setOf(Array.from({ length: count }, (_, n) => redirect(`${'/a'.repeat(n + 1)}/*`, '/b')).reverse());
    expect([6, 7, 8].map((count) => codes(compile([prefixes(count)], { tier: 'key-value-store' })).includes('reads'))).toEqual([false, false, true]);
    expect(codes(compile([prefixes(8)], { tier: 'key-value-store', maxReads: 9 }))).not.toContain('reads');
    expect(codes(compile([prefixes(8)], { tier: 'inline' }))).not.toContain('reads');
  });
});

test('a broad rule in front of many is not copied into all of them: the lowest hit wins', () => {
  const { rules } = largeSet(300);
  const front = when(redirect('/*', 'https://example.de/:splat', 302), { kind: 'country', values: ['DE'] });
  const compiled = compile([setOf([front, ...rules])], { tier: 'key-value-store' });
  expect(compiled.report.entries).toBe(301);
  const job = { code: compiled.viewerRequest!.code, data: compiled.data!.entries };
  const uri = '/articles/2019/old-article-3';
  const [[german, other]] = run('njs', [{ ...job, requests: [{ uri, headers: { 'cloudfront-viewer-country': 'DE' } }, { uri }] }]);
  expect(german.reply.headers.location.value).toBe('https://example.de/articles/2019/old-article-3');
  expect(other.reply.headers.location.value).toBe('/posts/3/new-name');
});

describe('what the policies must let through', () => {
  test('a condition that redirects is read only, one that rewrites splits the cache', () => {
    const { originRequest, cache } = compile([setOf([
      when(redirect('/', '/de/'), { kind: 'country', values: ['DE'] }, { kind: 'cookie', name: 'seen', values: [], negate: true }),
      when(rewrite('/a', '/b'), { kind: 'device', values: ['mobile'] }, { kind: 'query', name: 'v', values: ['2'] }),
      when(redirect('/h', '/i'), { kind: 'host', values: ['www.example.com'] }, { kind: 'language', values: ['de'] }),
    ])]);
    expect(originRequest).toEqual({
      headers: ['accept-language', 'cloudfront-is-mobile-viewer', 'cloudfront-viewer-country'], cookies: ['seen'], queries: ['v'],
    });
    expect(cache).toEqual({ headers: ['cloudfront-is-mobile-viewer'], cookies: [], queries: ['v'] });
  });

  test('a split reads its cookie and splits the cache by variant, not by visitor', () => {
    const { originRequest, cache } = compile([setOf([
      rule('/a', { kind: 'split', experiment: 'e', variants: [{ weight: 50, target: target('/b') }, { weight: 50, target: target('/c') }] }),
    ])]);
    expect(originRequest.cookies).toEqual(['rw_e']);
    expect(cache).toEqual({ headers: ['x-rewrite-variant'], cookies: [], queries: [] });
  });

  test('what another origin answers is not cached for the same path of this one, whatever decides between them', () => {
    const api = rule('/api/*', { kind: 'proxy', origin: { id: 'api' }, target: target('/api/:splat') });
    const sets = [[api], [{ ...api, host: hostOf('api.example.com') }], [when(rule('/api/*', { kind: 'pass' }), { kind: 'cookie', name: 'old', values: [] }), api]];
    for (const rules of sets) {
      expect(compile([setOf(rules)], { originIds: ['api'] }).policies.cache).toEqual({ headers: ['x-rewrite-variant'], cookies: [], queries: [] });
    }
  });
});

describe('header rules', () => {
  test.each([
    'Connection', 'Expect', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Authorization', 'Proxy-Connection', 'Trailer', 'Upgrade',
    'X-Accel-Buffering', 'X-Accel-Charset', 'X-Accel-Limit-Rate', 'X-Accel-Redirect', 'X-Amz-Cf-Id', 'X-Amzn-Auth', 'X-Amzn-Cf-Billing',
    'X-Amzn-Cf-Id', 'X-Amzn-Cf-Xff', 'X-Amzn-Errortype', 'X-Amzn-Fle-Profile', 'X-Amzn-Header-Count', 'X-Amzn-Header-Order',
    'X-Amzn-Lambda-Integration-Tag', 'X-Amzn-RequestId', 'X-Cache', 'X-Edge-Anything', 'X-Forwarded-Proto', 'X-Real-IP',
  ])('%s is disallowed', (name) => {
    expect(isDisallowedHeader(name)).toBe(true);
    expect(codes(compile([setOf([], [headers('/*', ['set', name, '1'])])]))).toEqual(['disallowed-header']);
  });

  test.each(['Warning', 'Via'])('%s is read-only', (name) => {
    expect(codes(compile([setOf([], [headers('/*', ['set', name, '1'])])]))).toEqual(['read-only-header']);
  });

  test.each([['x', 'a\r\nb: c'], ['x', '\u0000'], ['x', 'é'], ['a b', '1']])('%j: %j is refused', (name, value) => {
    expect(codes(compile([setOf([], [headers('/*', ['set', name, value])])]))).toEqual(['invalid-header']);
  });

  test('constant headers cost no function; one that depends on the path anywhere is left to the function', () => {
    const constant = compile([setOf([], [headers('/*', ['set', 'X-A', '1'], ['append', 'X-A', '2'], ['unset', 'Server'])])]);
    expect(constant.viewerResponse).toBeUndefined();
    expect(constant.constantHeaders).toEqual([{ name: 'X-A', value: '1, 2' }, { name: 'Server' }]);
    const mixed = compile([setOf([], [headers('/*', ['set', 'X-A', '1']), headers('/b/*', ['unset', 'X-A'])])]);
    expect(mixed.constantHeaders).toEqual([]);
    expect(mixed.viewerResponse).toBeDefined();
  });
});

describe('the query a rule writes', () => {
  test('reaches the origin, and tells pages apart in the cache', () => {
    const page = (action: 'rewrite' | 'status' | 'proxy'): Rule => {
      const to = { path: [{ text: '/page.html' }], query: [{ name: 'id', value: [{ capture: 'id' }] }, { name: 'a b', value: [{ text: '1' }] }] };
      return rule('/p/:id', {
        rewrite: { kind: 'rewrite', target: to } as const,
        status: { kind: 'status', status: 404, page: to } as const,
        proxy: { kind: 'proxy', origin: { id: 'api' }, target: to } as const,
      }[action]);
    };
    for (const action of ['rewrite', 'status', 'proxy'] as const) {
      expect([action, compile([setOf([page(action)])], { originIds: ['api'] }).policies.cache.queries]).toEqual([action, ['a b', 'id']]);
    }
    expect(compile([setOf([redirect('/p/:id', '/page.html')])]).policies.cache.queries).toEqual([]);
  });
});

describe('documents of directories', () => {
  const files = ['/index.html', '/blog/index.html', '/shop.html', '/shop/index.html'];
  const served = (options: CompileOptions, ...uris: string[]) => {
    const { viewerRequest, data } = compile([setOf([redirect('/*', '/elsewhere')])], { site: { files }, ...options });
    return run('njs', [{ code: viewerRequest!.code, data: data?.entries, requests: uris.map((uri) => ({ uri })) }])[0]
      .map(({ reply: { uri, headers: sent } }) => uri ?? sent.location.value);
  };

  test('are found however the site is asked for', () => {
    expect(served({}, '/', '/blog', '/blog/')).toEqual(['/index.html', '/blog/index.html', '/blog/index.html']);
    expect(served({ cleanUrls: true, trailingSlash: 'remove' }, '/', '/blog', '/blog/')).toEqual(['/index.html', '/blog/index.html', '/blog']);
    expect(served({ cleanUrls: true, trailingSlash: 'remove', indexDocument: 'index.html' }, '/', '/blog')).toEqual(['/index.html', '/blog/index.html']);
    expect(served({ trailingSlash: 'remove', indexDocument: 'index.html' }, '/', '/blog')).toEqual(['/index.html', '/blog/index.html']);
    expect(served({ spaFallback: '/index.html' }, '/', '/blog')).toEqual(['/index.html', '/blog/index.html']);
  });

  test('stand behind a page of the same name', () => {
    expect(served({ cleanUrls: true }, '/shop')).toEqual(['/shop.html']);
  });
});
