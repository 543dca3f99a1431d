import type { CloudFrontRequest } from 'aws-lambda';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { parseRuleFile } from '../../src/edge-rewrite/compiler/parse';
import { EdgeProgram, Outcome, STATUS, withStatus } from '../../src/edge-rewrite/handlers/edge-program';
import { EdgeTable } from '../../src/edge-rewrite/handlers/edge-table';
import { tableFile } from '../../src/edge-rewrite/lambda-rules';

function requestOf(url: string, headers: Record<string, string> = {}): CloudFrontRequest {
  const [uri, querystring = ''] = url.split(/\?(.*)/s);
  return {
    clientIp: '192.0.2.1',
    method: 'GET',
    uri,
    querystring,
    headers: Object.fromEntries(Object.entries({ host: 'origin.example', ...headers }).map(([key, value]) => [key, [{ key, value }]])),
  };
}

function run(rules: string, request: CloudFrontRequest): Promise<Outcome> {
  const result = compile([parseRuleFile('netlify-redirects', rules, '_redirects')], { tier: 'lambda-edge', proxyHosts: ['api.example.net'] });
  expect(result.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return new EdgeProgram(new EdgeTable(Buffer.from(tableFile(result)))).run(request);
}

const redirect = (status: string, location: string) => ({ kind: 'response', response: { status, headers: { location: [{ key: 'location', value: location }] } } });

test.each([
  ['exact', '/a /b', '/a', '301', '/b'],
  ['splat', '/a/* /b/:splat', '/a/x/y', '301', '/b/x/y'],
  ['placeholder', '/a/:y/:slug /p/:slug 302', '/a/2020/x', '302', '/p/x'],
  ['query kept as it came', '/a /b', '/a?z=1&a=%20&z=2', '301', '/b?z=1&a=%20&z=2'],
  ['query captured', '/a id=:id /b/:id', '/a?id=7', '301', '/b/7'],
  ['other host', '/a https://other.example/b 308', '/a', '308', 'https://other.example/b'],
  ['never another host by splat', '/a/* /:splat', '/a//evil.example', '301', '/evil.example'],
])('redirects: %s', async (_name, rules, url, status, location) => {
  expect(await run(rules, requestOf(url))).toEqual(redirect(status, location));
});

test('what no rule matches goes on as it came, byte for byte', async () => {
  const request = requestOf('/x?b=&a&b=%zz', { cookie: 'a=b; c' });
  expect(await run('/a /b', request)).toEqual({ kind: 'request', request });
});

test('rewrites the path and keeps the rest', async () => {
  const request = requestOf('/app/x?q=1');
  expect(await run('/app/* /index.html 200', request)).toEqual({ kind: 'request', request: { ...request, uri: '/index.html' } });
});

test('a query of the target comes with the own one', async () => {
  const outcome = await run('/s/:term /search?q=:term 200', requestOf('/s/x?page=2'));
  const { querystring, uri } = (outcome as { request: CloudFrontRequest }).request;
  expect([uri, Object.fromEntries(new URLSearchParams(querystring))]).toEqual(['/search', { q: 'x', page: '2' }]);
});

test('proxies to another host: origin and host header', async () => {
  const outcome = await run('/api/* https://api.example.net/v1/:splat 200', requestOf('/api/x'));
  expect(outcome).toMatchObject({
    kind: 'request',
    request: {
      uri: '/v1/x',
      headers: { host: [{ key: 'Host', value: 'api.example.net' }] },
      origin: { custom: { domainName: 'api.example.net', protocol: 'https', port: 443, path: '', sslProtocols: ['TLSv1.2'] } },
    },
  });
});

test('an origin is of one request only', async () => {
  const result = compile([parseRuleFile('netlify-redirects', '/api/* https://api.example.net/:splat 200', 'f')], { tier: 'lambda-edge', proxyHosts: ['api.example.net'] });
  const program = new EdgeProgram(new EdgeTable(Buffer.from(tableFile(result))));
  expect(await program.run(requestOf('/api/x'))).toHaveProperty('request.origin');
  expect(await program.run(requestOf('/other'))).not.toHaveProperty('request.origin');
});

test.each([
  ['cookie', 'Cookie=beta', { cookie: 'a=b; beta=1' }],
  ['language', 'Language=de', { 'accept-language': 'fr;q=0.1, de-AT' }],
  ['country', 'Country=de', { 'cloudfront-viewer-country': 'DE' }],
])('conditions hold: %s', async (_name, condition, headers) => {
  const rules = `/a /b 302 ${condition}`;
  expect(await run(rules, requestOf('/a', headers as unknown as Record<string, string>))).toEqual(redirect('302', '/b'));
  expect(await run(rules, requestOf('/a'))).toMatchObject({ kind: 'request' });
});

test("a visitor's own status never stays, whatever becomes of the request", () => {
  const forged = requestOf('/a', { [STATUS]: '500', accept: '*/*' });
  expect(Object.keys(withStatus(forged).headers)).toEqual(['host', 'accept']);
  expect(withStatus(forged, '404').headers[STATUS]).toEqual([{ key: STATUS, value: '404' }]);
});
