/** The functions as synthesized, in nginx with njs, asked over sockets, in front of real origins. */
import { join } from 'node:path';
import { DIALECTS, randomCase } from './generate';
import { PROXY_HOSTS, RANDOM, compared, deployed, deployedByExample, echoed } from './nginx-world';
import {
  EdgeCondition, EdgeOrigin, EdgeRewriteProps, EdgeTier, RewriteQueryPolicy, RewriteRule, RuleDialect, RuleSource, SecurityHeaders, SiteManifest,
  TrailingSlash,
} from '../../src/edge-rewrite';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { hash32, replayLine, seedFromEnv } from '../kit/faults';
import type { EdgeRequest } from '../kit/njs/engine';
import { type Nginx, startEdge } from '../kit/njs/nginx';
import { type Answer, ask, hangUp } from '../kit/njs/nginx-client';
import { type EdgeDeployment, deploymentOfRules } from '../kit/njs/nginx-deployment';
import { type Origin, startEcho, startSite } from '../kit/njs/nginx-origin';

const FIXTURES = join(__dirname, 'fixtures');
const SITE = join(FIXTURES, 'site');
const APEX = 'example.com';
const SEED = seedFromEnv(20261121);

jest.setTimeout(60_000);

let site: Origin;
let echo: Origin;
const servers: Nginx[] = [];

beforeAll(async () => {
  [site, echo] = await Promise.all([startSite(SITE), startEcho()]);
});
afterAll(async () => {
  hangUp();
  await Promise.all([...servers, site, echo].map((one) => one.stop()));
});

async function serve(deployment: EdgeDeployment, origins: Readonly<Record<string, string>>, random?: number): Promise<Nginx> {
  const server = await startEdge({ deployment, origins, random });
  servers.push(server);
  return server;
}

const real = () => ({ ...echoed(echo), site: site.url });

describe('a site of its own', () => {
  const props: EdgeRewriteProps = {
    rules: [
      RewriteRule.redirect('/', '/de/', { status: 302, when: [EdgeCondition.language('de')] }),
      RewriteRule.redirect('/', '/de/', { status: 303, when: [EdgeCondition.country('DE', 'AT')] }),
      ...[301, 302, 303, 307, 308].map((status) => RewriteRule.redirect(`/moved/${status}`, '/about', { status })),
      RewriteRule.redirect('/old/*', '/new/:splat'),
      RewriteRule.redirect('/forced/*', '/new/:splat', { force: true }),
      RewriteRule.redirect('/y/:year/:slug', '/archive/:slug/:year'),
      RewriteRule.redirect('/find', '/search/:term', { query: { q: ':term' }, queryPolicy: RewriteQueryPolicy.MERGE }),
      RewriteRule.redirect('/keep', '/kept?own=1'),
      RewriteRule.redirect('/drop', '/dropped', { queryPolicy: RewriteQueryPolicy.DROP }),
      RewriteRule.redirect('/beta', '/next', { when: [EdgeCondition.cookie('beta', 'yes')] }),
      RewriteRule.redirect('/*', 'https://example.com/shop/:splat', { host: 'shop.example.net', status: 302, force: true }),
      RewriteRule.rewrite('/start', '/about.html'),
      RewriteRule.proxy('/api/*', '/:splat', { origin: EdgeOrigin.byId('api') }),
      RewriteRule.proxy('/find/*', '/v2/:splat', { origin: EdgeOrigin.byHost('search.example.com') }),
      RewriteRule.gone('/2018/*'),
      RewriteRule.gone('/2019/*', { page: '/gone.html' }),
      RewriteRule.status('/drafts/*', 404, { page: '/404.html' }),
      RewriteRule.status('/secret', 451),
      RewriteRule.split('/pricing', { experiment: 'pricing', weights: { '/pricing.html': 50, '/pricing-b.html': 50 } }),
      RewriteRule.headers('/*', { values: { 'X-Team': 'web' }, unset: ['X-Powered-By'] }),
      RewriteRule.headers('/assets/*', { values: { 'Cache-Control': 'public, max-age=31536000, immutable' } }),
      RewriteRule.headers('/blog/*', { unset: ['Cache-Control'] }),
    ],
    site: SiteManifest.fromDirectory(SITE),
    securityHeaders: SecurityHeaders.STRICT,
    canonicalHost: APEX,
    cleanUrls: true,
    trailingSlash: TrailingSlash.REMOVE,
    spaFallback: '/app/index.html',
  };
  const tiers: [name: string, tier: EdgeTier][] = [['in the code', EdgeTier.INLINE], ['in the store', EdgeTier.KEY_VALUE_STORE]];

  describe.each(tiers)('with the rules %s', (_, tier) => {
    let server: Nginx;

    beforeAll(async () => {
      const deployment = deployed({ ...props, tier });
      expect(deployment.data === undefined).toBe(tier === EdgeTier.INLINE);
      server = await serve(deployment, real());
    });

    const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
      ask(server.origin, { path, headers: { host: APEX, ...headers } });
    const goes = ({ status, headers }: Answer) => [status, headers.location];
    const shows = ({ status, body }: Answer) => [status, /<h1>(.*)<\/h1>/.exec(body)?.[1]];

    test.each([301, 302, 303, 307, 308])('redirects with %d', async (status) => {
      expect(goes(await get(`/moved/${status}`))).toEqual([status, '/about']);
    });

    test.each([
      ['splat', '/old/a/b', '/new/a/b'],
      ['empty splat', '/old', '/new/'],
      ['placeholders', '/y/2024/tea', '/archive/tea/2024'],
      ['query captured and merged', '/find?lang=de&q=green+tea&x=1', '/search/green+tea?lang=de&x=1'],
      ['query kept behind the own one', '/keep?a=1&a=2', '/kept?own=1&a=1&a=2'],
      ['query dropped', '/drop?a=1', '/dropped'],
      ['clean URL', '/about.html?x=1', '/about?x=1'],
      ['slash at the end', '/about/', '/about'],
      ['splat that names a host', '/old//evil.com', '/new//evil.com'],
      ['malformed path', '/old/%zz/%', '/new/%zz/%'],
    ])('%s: %s -> %s', async (_name, path, location) => {
      const answer = await get(path);
      // nginx has not read the host of a malformed request, so the apex is put in front.
      expect([answer.status, answer.headers.location?.replace(`https://${APEX}`, '')]).toEqual([301, location]);
    });

    test('www leads to the apex, another host to its own target, with path and query', async () => {
      expect(goes(await get('/about?x=1', { host: 'www.example.com' }))).toEqual([301, 'https://example.com/about?x=1']);
      expect(goes(await get('/cups/1?x=1', { host: 'shop.example.net' }))).toEqual([302, 'https://example.com/shop/cups/1?x=1']);
    });

    test('language and country, as CloudFront tells it; without Accept-Language there is none', async () => {
      expect(goes(await get('/', { 'accept-language': 'fr;q=0.4, de-CH;q=0.8' }))).toEqual([302, '/de/']);
      expect(goes(await get('/', { 'cloudfront-viewer-country': 'AT' }))).toEqual([303, '/de/']);
      expect(shows(await get('/', { 'cloudfront-viewer-country': 'US', 'accept-language': 'fr' }))).toEqual([200, 'Home']);
      expect(shows(await get('/'))).toEqual([200, 'Home']);
    });

    test('cookie', async () => {
      expect(goes(await get('/beta', { cookie: 'a=b; beta=yes' }))).toEqual([301, '/next']);
      expect(shows(await get('/beta', { cookie: 'beta=no' }))).toEqual([200, 'Application']);
    });

    test('a file wins over an unforced rule, a forced rule over a file', async () => {
      expect(shows(await get('/old/kept'))).toEqual([200, 'Kept page']);
      expect(goes(await get('/forced/file'))).toEqual([301, '/new/file']);
    });

    test.each([
      ['clean URL', '/about', 'About'], ['rewrite', '/start', 'About'], ['page of the application', '/settings/profile', 'Application'],
      ['path of 8 KB', `/${'a'.repeat(8_000)}`, 'Application'],
    ])('%s', async (_name, path, title) => {
      expect(shows(await get(path))).toEqual([200, title]);
    });

    test('more than 8 KB of path never reaches the function', async () => {
      expect((await get(`/${'a'.repeat(8_191)}`)).status).toBe(414);
    });

    test('statuses, with a page of the site and without', async () => {
      expect(shows(await get('/2019/a/b'))).toEqual([410, 'Gone']);
      expect(shows(await get('/drafts/x'))).toEqual([404, 'Not found']);
      const { status, body, headers } = await get('/2018/a');
      expect([status, body, headers['x-cache']]).toEqual([410, '', 'FunctionGeneratedResponse from cloudfront']);
      expect((await get('/secret')).status).toBe(451);
    });

    test('another origin, by id and by host', async () => {
      expect(JSON.parse((await get('/api/v1/users')).body)).toMatchObject({ target: '/api/v1/users' });
      expect(JSON.parse((await get('/find/shoes')).body)).toMatchObject({ target: '/search.example.com/v2/shoes' });
    });

    test('an experiment keeps its visitor, and its cookie is written once', async () => {
      const first = await get('/pricing');
      const [cookie] = first.headers['set-cookie']!;
      expect(cookie).toMatch(/^rw_pricing=\d{1,4}; Path=\/; Max-Age=2592000; Secure; SameSite=Lax$/);
      for (let visit = 0; visit < 5; visit++) {
        const again = await get('/pricing', { cookie: cookie.split(';')[0] });
        expect([again.body, again.headers['set-cookie']]).toEqual([first.body, undefined]);
      }
      const variants = await Promise.all(['0', '4999', '5000', '9999'].map((bucket) => get('/pricing', { cookie: `rw_pricing=${bucket}` })));
      expect(variants.map((one) => shows(one)[1])).toEqual(['Pricing, variant B', 'Pricing, variant B', 'Pricing', 'Pricing']);
    });

    test('headers of a path, and of all responses, those of failures too', async () => {
      const [asset, feed, page, missing] = await Promise.all([get('/assets/app.css'), get('/blog/feed.xml'), get('/about'), get('/assets/none.css')]);
      expect([asset, feed, page, missing].map(({ status, headers }) => [status, headers['cache-control'], headers['x-team'], headers['x-powered-by']])).toEqual([
        [200, 'public, max-age=31536000, immutable', 'web', undefined], [200, undefined, 'web', undefined],
        [200, 'no-cache', 'web', undefined], [404, 'no-cache', 'web', undefined],
      ]);
      for (const { headers } of [asset, missing]) {
        expect(headers).toMatchObject({
          'strict-transport-security': 'max-age=63072000; includeSubDomains',
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
          'referrer-policy': 'strict-origin-when-cross-origin',
          'content-security-policy': expect.stringContaining("default-src 'self'"),
        });
      }
    });

    test('markers that a visitor sends reach neither the response nor the origin', async () => {
      const forged = { 'x-rewrite-status': '500', 'x-rewrite-cookie': 'a=b=1', 'x-rewrite-variant': 'pricing=7', 'x-rewrite-path': '/assets/' };
      const { status, headers } = await get('/about', forged);
      expect([status, headers['set-cookie'], headers['cache-control']]).toEqual([200, undefined, 'no-cache']);
      expect(site.requests.at(-1)!.headers).not.toHaveProperty('x-rewrite-variant');
    });
  });

  test('folders with index documents', async () => {
    const server = await serve(deployed({ indexDocument: 'index.html', trailingSlash: TrailingSlash.ADD }), real());
    const answers = await Promise.all(['/', '/blog?x=1', '/blog/', '/blog/feed.xml', '/none/'].map((path) => ask(server.origin, { path })));
    expect(answers.map(({ status, headers, body }) => [status, headers.location ?? /<h1>(.*)<|<rss/.exec(body)?.at(1)])).toEqual([
      [200, 'Home'], [301, '/blog/?x=1'], [200, 'Blog'], [200, undefined], [404, undefined],
    ]);
  });

  test('a store that is empty or not there: the request goes on', async () => {
    const server = await serve({ ...deployed({ ...props, tier: EdgeTier.KEY_VALUE_STORE }), data: undefined }, real());
    const { status, headers } = await ask(server.origin, { path: '/old/kept.css', headers: { host: APEX } });
    expect([status, headers['x-cache']]).toEqual([404, 'Error from cloudfront']);
    expect(site.requests.at(-1)!.target).toBe('/old/kept.css');
  });
});

describe('the example', () => {
  const folder = join(__dirname, '../../examples/edge-rewrite/typescript');
  let server: Nginx;
  let files: Origin;

  beforeAll(async () => {
    files = await startSite(join(folder, 'site/public'));
    const deployment = deployedByExample(folder);
    server = await serve(deployment, { [deployment.defaultOrigin]: files.url, api: echo.url });
  });
  afterAll(() => files.stop());

  test.each<[path: string, status: number, seen: string, headers?: Record<string, string>]>([
    ['/', 200, 'Home'], ['/', 302, '/de', { 'accept-language': 'de', 'cloudfront-viewer-country': 'AT' }], ['/de/', 301, '/de'], ['/de', 200, 'Startseite'],
    ['/home', 301, '/'], ['/blog/2020/tea', 302, '/posts/tea'], ['/posts/tea', 200, 'Tea'], ['/shop/cup', 301, 'https://shop.example.com/cup'],
    ['/pricing', 200, 'Pricing', { cookie: 'rw_pricing=7999' }], ['/pricing', 200, 'Pricing, variant B', { cookie: 'rw_pricing=8000' }],
    ['/settings/profile', 200, 'Application'], ['/2019/x', 410, ''], ['/assets/none.css', 404, 'not found'],
  ])('%s: %d %s', async (path, status, seen, headers = {}) => {
    const answer = await ask(server.origin, { path, headers });
    expect([answer.status, answer.headers.location ?? /<title>(.*)<\/title>/.exec(answer.body)?.[1] ?? answer.body]).toEqual([status, seen]);
  });

  test('headers, and the API by its origin', async () => {
    const { headers } = await ask(server.origin, { path: '/assets/site.css' });
    expect(headers).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable', 'x-robots-tag': 'all', 'x-frame-options': 'DENY' });
    expect(JSON.parse((await ask(server.origin, { path: '/api/v1/users' })).body)).toMatchObject({ target: '/v1/users' });
  });
});

describe('what CloudFront refuses', () => {
  const handler = (statement: string) => `function handler(event) { ${statement} return event.request; }`;
  const bare: EdgeDeployment = { originIds: ['site'], defaultOrigin: 'site', forwarded: { headers: [], cookies: [], queries: [] }, responseHeaders: { set: [], remove: [] } };
  const header = (name: string, value = '1') => handler(`event.request.headers[${JSON.stringify(name)}] = { value: ${JSON.stringify(value)} };`);

  test.each<[name: string, status: number, kind: string, deployment: Partial<EdgeDeployment>]>([
    ['a disallowed header', 502, 'FunctionValidationError', { viewerRequest: header('x-edge-status') }],
    ['a read-only header', 502, 'FunctionValidationError', { viewerRequest: header('via') }],
    ['a header in upper case', 502, 'FunctionValidationError', { viewerRequest: header('X-A') }],
    ['a line break in a header', 502, 'FunctionValidationError', { viewerRequest: header('x-a', 'a\nb') }],
    ['nothing', 502, 'FunctionValidationError', { viewerRequest: 'function handler() {}' }],
    ['a relative path', 502, 'FunctionValidationError', { viewerRequest: handler("event.request.uri = 'a';") }],
    ['code of 10,001 bytes', 502, 'FunctionValidationError', { viewerRequest: handler('').padEnd(10_001) }],
    ['a key of 513 bytes', 502, 'FunctionValidationError', { viewerRequest: handler(''), data: [{ key: 'k'.repeat(513), value: '' }] }],
    ['a header of the response', 502, 'FunctionValidationError', { viewerResponse: "function handler(event) { event.response.headers['x-amz-cf-id'] = { value: '1' }; return event.response; }" }],
    ['an exception', 503, 'FunctionExecutionError', { viewerRequest: handler("throw new Error('x');") }],
    ['what the engine lacks', 503, 'FunctionExecutionError', { viewerRequest: handler('setTimeout(handler, 1);') }],
  ])('%s: %d', async (_, status, kind, functions) => {
    const server = await serve({ ...bare, ...functions }, { site: site.url });
    const answer = await ask(server.origin, { path: '/about.html' });
    expect([answer.status, answer.headers['x-cache']]).toEqual([status, `${kind} from cloudfront`]);
  });

  test('code of 10,000 bytes runs', async () => {
    const server = await serve({ ...bare, viewerRequest: handler('').padEnd(10_000) }, { site: site.url });
    expect((await ask(server.origin, { path: '/about.html' })).status).toBe(200);
  });

  test('an nginx that does not start is told with its reason', async () => {
    await expect(serve({ ...bare, viewerRequest: 'function handler(event) { return event?.request; }' }, { site: site.url }))
      .rejects.toThrow(/^the verification kit could not start nginx with njs: [^]*SyntaxError/);
  });
});

describe('rule files of other hosts say in nginx what they say in the bare engines', () => {
  const of = (path: string) => join(FIXTURES, path);
  const origins = PROXY_HOSTS.map((host) => EdgeOrigin.byHost(host));
  /** The fixtures have roles and passwords. */
  const open = { ignoreAccessRestrictions: true };
  const german = { 'accept-language': 'de-AT,de;q=0.9' };
  const files: Array<[name: string, props: EdgeRewriteProps, requests: readonly EdgeRequest[]]> = [
    ['netlify/_redirects and _headers', {
      sources: [RuleSource.netlifyRedirects(of('netlify/_redirects'), open), RuleSource.headersFile(of('netlify/_headers'), RuleDialect.NETLIFY, open)], origins,
    }, [
      ...paths('/home', '/about-us', '/about-us/', '/contact.html', '/campaign/summer', '/imprint', '/news/2019/a', '/news/2019', '/news/2020/05/x', '/news/x/y'),
      ...paths('/api/v1/users', '/search', '/wiki/Tea', '/drafts/a', '/2017/a', '/blocked/a', '/downloads/a.zip', '/app/x/y', '/app', '/none', '/post-1', '/teapot'),
      ...paths('/assets/a.css', '/blog/feed.xml', '/users/7', '/internal/a'),
      { uri: '/index.php', query: 'p=42&utm=x' }, { uri: '/index.php', query: 'utm=x' }, { uri: '/index.php', query: 'p=a%20b&p=c' }, { uri: '/home', query: 'a=1&a=2' },
      { uri: '/', headers: german }, { uri: '/', headers: { 'cloudfront-viewer-country': 'NZ' } }, { uri: '/' },
      { uri: '/beta', cookies: { beta: '1' } }, { uri: '/beta', cookies: { preview: '' } }, { uri: '/beta' },
      { uri: '/cups/1', headers: { host: 'shop.example.net' } }, { uri: '/news//evil.com' }, { uri: '/news/\\evil.com' }, { uri: '/news/%2f%2fevil.com' },
    ]],
    ['netlify/netlify.toml, its circle cut', {
      sources: [RuleSource.netlifyToml(of('netlify/netlify.toml'), open)], rules: [RewriteRule.keep('/de/*')], origins,
    }, [
      ...paths('/old-path', '/search', '/files/a', '/admin/a', '/private/a', '/none'), { uri: '/store', query: 'id=7&sort=asc&x=1' }, { uri: '/store', query: 'id=7' },
      { uri: '/x', headers: { ...german, 'cloudfront-viewer-country': 'DE' } }, { uri: '/x', headers: { ...german, 'cloudfront-viewer-country': 'US' } }, { uri: '/de/x', headers: german },
    ]],
    ['netlify/broken.toml', { sources: [RuleSource.netlifyToml(of('netlify/broken.toml'))] }, paths('/a', '/c', '/e', '/g', '/i')],
    ['cloudflare/_redirects and _headers', {
      sources: [RuleSource.cloudflareRedirects(of('cloudflare/_redirects')), RuleSource.headersFile(of('cloudflare/_headers'), RuleDialect.CLOUDFLARE)],
    }, [
      ...paths('/start', '/start/', '/pricing', '/chat', '/changelog', '/v1', '/blog/2024/x', '/guides/a/b', '/embed/a', '/late', '/late/', '/forced', '/three', '/x/middle'),
      ...paths('/secure/page', '/static/a.css', '/static/a/b.woff2', '/embed/x'),
      { uri: '/movies/up', headers: { host: 'www.example.com' } }, { uri: '/a', headers: { host: 'main.pages.dev' } }, { uri: '/start', query: 'q=1' }, { uri: '/chat', query: 'q=1' },
    ]],
    ['vercel/vercel.json', { sources: [RuleSource.vercelJson(of('vercel/vercel.json'))], origins }, [
      ...paths('/me', '/user', '/view-source', '/blog/a/b', '/docs', '/docs/', '/de/old', '/en/old/2', '/fr/old', '/about', '/about/', '/resize/1/2', '/proxy/a/b', '/post/1', '/x.html'),
      ...paths('/service-worker.js', '/a', '/index.html'),
      { uri: '/start', query: 'from=/cart' }, { uri: '/start', query: 'from=/cart', cookies: { auth_token: '1' } }, { uri: '/start' },
      { uri: '/p/q', headers: { host: 'example.net' } }, { uri: '/p', query: 'authorized=1' },
    ]],
    ['vercel/broken.json', { sources: [RuleSource.vercelJson(of('vercel/broken.json'))] }, paths('/a', '/c', '/e', '/g')],
  ];

  test.each(files)('%s', async (_, props, requests) => {
    const deployment = deployed(props);
    const server = await serve(deployment, echoed(echo), RANDOM);
    const seen = await compared(server, deployment, requests);
    expect(seen.map(([nginx], n) => [requests[n].uri, nginx])).toEqual(seen.map(([, njs], n) => [requests[n].uri, njs]));
    expect(seen.map(([, njs]) => njs)).toEqual(seen.map(([,, v8]) => v8));
    expect(seen.some(([{ location }]) => location !== undefined)).toBe(true);
  });

  test('netlify.toml as it is: the circle its language rule makes is an error that names it', () => {
    expect(() => deployed({ sources: [RuleSource.netlifyToml(of('netlify/netlify.toml'), open)], origins })).toThrow(/netlify\.toml:\d+: redirects go in a circle: \/de\//);
  });
});

const CASES = 4;
const REQUESTS = 40;

test.each(Object.entries(DIALECTS))('random rules in the manner of %s: nginx answers as the bare engines do', async (name, dialect) => {
  let n = 0;
  for (let attempt = 0; n < CASES; attempt++) {
    const { sets, options, requests } = randomCase(hash32(SEED, name, attempt), dialect, REQUESTS);
    const result = compile(sets, { ...options, tier: attempt % 2 === 0 ? 'inline' : 'key-value-store', originIds: ['api'], proxyHosts: PROXY_HOSTS });
    if (result.diagnostics.some(({ severity }) => severity === 'error')) {
      continue; // such a set is never deployed
    }
    n++;
    const deployment = deploymentOfRules(result, ['site', 'api']);
    const server = await serve(deployment, echoed(echo), RANDOM);
    const sendable = requests.filter(isSendable);
    for (const [i, [nginx, njs, v8]] of (await compared(server, deployment, sendable)).entries()) {
      try {
        expect([nginx, v8]).toEqual([njs, njs]);
      } catch (error) {
        throw new Error(`${JSON.stringify(sendable[i])} of case ${attempt}\n${replayLine(SEED, 'test/edge-rewrite/nginx.test.ts')}\n${(error as Error).message}`);
      }
    }
  }
});

/** What can be put on a socket as it is. */
function isSendable({ uri, query = '', headers = {} }: EdgeRequest): boolean {
  return !/[^!-~]/.test(uri + query) && Object.values(headers).every((value) => !/[^ -~]/.test(value) && value === value.trim() && value !== '');
}

function paths(...uris: readonly string[]): EdgeRequest[] {
  return uris.map((uri) => ({ uri }));
}
