/** Access rules in nginx with njs, asked over sockets, in front of a real web server. */
import { join } from 'node:path';
import { hmac, inSeconds, jwt, password, signed, KEYS, SALT, access, users } from './access-oracle';
import { deployed } from './nginx-world';
import { EdgeAccess, RewriteRule } from '../../src/edge-rewrite';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { type Nginx, startEdge } from '../kit/njs/nginx';
import { ask, hangUp } from '../kit/njs/nginx-client';
import { type EdgeDeployment, deploymentOfRules } from '../kit/njs/nginx-deployment';
import { type Origin, startSite } from '../kit/njs/nginx-origin';

let site: Origin;
const servers: Nginx[] = [];

beforeAll(async () => {
  site = await startSite(join(__dirname, 'fixtures/site'));
});
afterAll(async () => {
  hangUp();
  await Promise.all([...servers, site].map((one) => one.stop()));
});

type Get = (path: string, headers?: Record<string, string>) => Promise<{ status: number; authenticate?: string; body: string }>;

async function serve(deployment: EdgeDeployment): Promise<Get> {
  const server = await startEdge({ deployment, origins: { site: site.url, api: site.url } });
  servers.push(server);
  return async (path, headers) => {
    const { status, body, headers: { 'www-authenticate': authenticate } } = await ask(server.origin, { path, headers });
    return { status, body, ...authenticate === undefined ? {} : { authenticate } };
  };
}

test('a page behind a password: the origin is asked by those who know it', async () => {
  const get = await serve(deployed({
    access: [EdgeAccess.basic('/about.html', { salt: SALT, digests: [hmac(SALT, 'alice:secret', 'hex')] }), EdgeAccess.allowAddresses('/blog/*', '192.0.2.0/24')],
    rules: [RewriteRule.rewrite('/start', '/about.html')],
  }));
  const before = site.requests.length;
  const spellings = ['/about.html', '/About.html', '/%61bout.html', '//about.html', '/about.html/', '/about.html;x', '/x/../about.html', '/./about.html', '/%2e/about.html', '/about.html%00', '/about%2ehtml', '/start', '/blog/feed.xml'];
  const answers = await Promise.all(spellings.map((path) => get(path)));
  expect(spellings.filter((_, n) => ![400, 401, 403].includes(answers[n].status))).toEqual([]);
  expect(site.requests).toHaveLength(before);
  expect(answers[0]).toEqual({ status: 401, authenticate: 'Basic realm="Protected", charset="UTF-8"', body: '' });
  for (const path of ['/about.html', '/start']) {
    expect(await get(path, password('alice:secret'))).toMatchObject({ status: 200, body: expect.stringContaining('About') as string });
  }
  expect((await get('/index.html')).status).toBe(200);
});

test('tokens and signed links; without its store nobody gets through', async () => {
  const rules = [access('/about.html', { kind: 'token', keys: KEYS }), access('/blog', { kind: 'link', keys: KEYS }), access('/app', users('alice:secret'))];
  const deployment = deploymentOfRules(compile([], { access: rules, tier: 'key-value-store' }), ['site']);
  const valid = async (get: Get) => (await Promise.all([
    get('/about.html', { authorization: `Bearer ${jwt({ exp: inSeconds(60) })}` }), get(`/blog/feed.xml?${signed('/blog/feed.xml')}`), get('/app/index.html', password('alice:secret')), get('/index.html'),
  ])).map(({ status }) => status);
  expect(await valid(await serve(deployment))).toEqual([200, 200, 200, 200]);
  const refused = await valid(await serve({ ...deployment, data: undefined }));
  expect(refused.slice(0, 3).filter((status) => status !== 401 && status !== 403)).toEqual([]);
  expect(refused[3]).toBe(200);
});
