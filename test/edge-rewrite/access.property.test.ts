/** No spelling of a path gets past an access rule, and the rules decide as a naive reading of them does. */
import { KEYS, access, admit, inSeconds, jwt, password, signed, users } from './access-oracle';
import { rewrite, rule, setOf, target } from './rules';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { AccessRule } from '../../src/edge-rewrite/compiler/model';
import { Prng, hash32, replayLine, runsFromEnv, seedFromEnv } from '../kit/faults';
import { EdgeRequest, run } from '../kit/njs/engine';

const SEED = seedFromEnv(1_337);
const RUNS = runsFromEnv(4_000);
const FILE = 'test/edge-rewrite/access.property.test.ts';
const ENGINES = ['njs', 'v8'] as const;

const PROTECTED = ['/admin', '/x/private'];
const PIECES = [
  '/', '/', '/', '//', '\\', '%2f', '%2F', '%5c', '%252f', '%255C',
  'admin', 'admin', 'Admin', 'ADMIN', '%61dmin', 'adm%69n', '%2561dmin', '%41DMIN', 'adm\u0131n', 'adm%C4%B1n', 'adm', 'in',
  'x', 'X', 'private', 'PRIVATE', '%70rivate', 'pr\u0131vate', 'public', 'index.html', 'a',
  '.', '..', '...', '%2e', '%2E%2e', '.%2e', '%252e%252e', '%00', '%09', '%0d%0a', '%20', ' ', '+', '\t',
  ';', ';x=1', '%3b', ':', '::$DATA', '%3a', '%3f', '%23', '%', '%zz', '%u0061', '%ff', '%c0%af', '%e0%80%af', '\u00e9', '%C3%A9', '\u212a', '}', '%7D', '^', '`', '~', '-',
];

/** What visitors do to a protected path to make it look like another. */
const DISGUISES: ReadonlyArray<(path: string, prng: Prng) => string> = [
  (path, prng) => path.replace(/[a-z]/g, (char) => prng.chance(0.3) ? char.toUpperCase() : char),
  (path, prng) => path.replace(/[^/]/g, (char) => prng.chance(0.2) ? percent(char) : char),
  (path, prng) => path.replace(/[/.%;\\]/g, (char) => prng.chance(0.4) ? percent(char) : char),
  (path, prng) => path.replace(/\//g, () => prng.pick(['/', '//', '/./', '/x/../', '/..;/', '/.;/', '/%2e%2e/', '/%2e/', '\\', '/;x/', '/ /', '/;%2fx/', '/;\\x/', '/%3b%5cx/', '/:%2Fx/', '/%23%2fx/'])),
  (path, prng) => `/${prng.pick(['a', '..', '.', '%2e%2e', 'public/..', 'a/b/../..', '%00', ';'])}${path}`,
  (path, prng) => path.replace(/(\/|$)/g, (end) => `${prng.chance(0.3) ? prng.pick([';x', '.', '..', ' ', '%20', ':', '::$DATA', '?', '#', '%3f', '%23', '%00', '%09']) : ''}${end}`),
  (path, prng) => path + prng.pick(['/', '.html', '%00.html', '/..', '/../x', '?', '/.', '%0a', '\\..', '+', '~']),
];

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16)}`;
}

function disguised(prng: Prng): string {
  let path = prng.pick(PROTECTED) + prng.pick(['', '/', '/page', '/page/x.html']);
  for (let n = prng.int(1, 4); n > 0; n--) {
    path = prng.pick(DISGUISES)(path, prng);
  }
  return `/${path.replace(/^\/|[?#].*/g, '')}`;
}

/** What origins, and whatever stands in front of them, do to a path. */
const READINGS: ReadonlyArray<(path: string) => string> = [
  (path) => path.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => Buffer.from(bytes.replace(/%/g, ''), 'hex').toString()),
  (path) => path.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => Buffer.from(bytes.replace(/%/g, ''), 'hex').toString()),
  (path) => path.replace(/%[0-9a-f]{2}/gi, (byte) => String.fromCharCode(parseInt(byte.slice(1), 16))),
  (path) => path.replace(/%u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16))),
  (path) => path.replace(/\/{2,}/g, '/'),
  (path) => path.replace(/\\/g, '/'),
  (path) => path.toLowerCase(),
  (path) => path.toUpperCase().toLowerCase(),
  (path) => path.replace(/;[^/]*/g, ''),
  (path) => path.split(';')[0],
  (path) => path.split('?')[0],
  (path) => path.split('#')[0],
  (path) => path.split('\0')[0],
  (path) => path.replace(/[\0\t\r\n]/g, ''),
  (path) => path.replace(/:[^/]*/g, ''),
  (path) => path.replace(/[. ]+(?=\/|$)/g, (end, at: number) => path[at - 1] === '/' ? end : ''),
  (path) => path.trim(),
  (path) => new URL(`http://origin${path.startsWith('/') ? '' : '/'}${path.replace(/[?#]/g, encodeURIComponent)}`).pathname,
  (path) => path.replace(/\/\.(?=\/|$)/g, ''),
];

/** True if some origin serves a protected path for it. */
function reaches(uri: string, prng: Prng): boolean {
  for (let n = 0; n < 60; n++) {
    let path = uri;
    for (let step = prng.int(0, 7); step > 0; step--) {
      try {
        path = prng.pick(READINGS)(path);
      } catch {
        break;
      }
    }
    if (PROTECTED.some((one) => path === one || path.startsWith(`${one}/`))) {
      return true;
    }
  }
  return false;
}

test(`${RUNS} spellings of paths, without credentials: none that an origin may read as a protected one gets through`, () => {
  const prng = new Prng(hash32(SEED, 'spellings'));
  const requests = Array.from({ length: RUNS }, (): EdgeRequest => ({
    uri: prng.chance(0.5) ? disguised(prng) : `/${Array.from({ length: prng.int(1, 8) }, () => prng.pick(PIECES)).join('')}`,
    headers: { authorization: 'Basic YTpi' },
  }));
  const { viewerRequest, data } = compile([], { access: PROTECTED.map((path) => access(path, users('alice:secret'))), indexDocument: 'index.html' });
  const dangerous = requests.map(({ uri }) => reaches(uri, prng));
  expect(dangerous.filter((one) => one).length).toBeGreaterThan(RUNS / 5);
  for (const engine of ENGINES) {
    const outcomes = run(engine, [{ code: viewerRequest!.code, data: data!.entries, requests }])[0];
    outcomes.forEach(({ reply, refused }, n) => {
      if (refused !== undefined || (dangerous[n] && ![401, 403].includes(reply.statusCode ?? 0))) {
        throw new Error(`${engine} let ${JSON.stringify(requests[n].uri)} through, ${refused}: ${replayLine(SEED, FILE)}`);
      }
    });
    expect(outcomes.filter(({ reply }) => reply.statusCode === undefined).length).toBeGreaterThan(RUNS / 50);
  }
}, 60_000 + 10 * RUNS);

test(`${RUNS} spellings of paths that rules serve elsewhere: no protected path is served`, () => {
  const prng = new Prng(hash32(SEED, 'served'));
  const set = setOf([
    rewrite('/up/*', '/:splat'), rewrite('/x/:name/*', '/:name/:splat'), rewrite('/y/:name', '/:name'), rewrite('/z/*', '/x/:splat'),
    rule('/p/*', { kind: 'proxy', origin: { id: 'api' }, target: target('/:splat') }),
    rule('/s/*', { kind: 'split', experiment: 'e', variants: [{ weight: 100, target: target('/x/:splat') }] }),
    rule('/e/*', { kind: 'status', status: 404, page: target('/:splat') }),
  ]);
  const uri = () => `${prng.pick(['/up', '/x', '/y', '/z', '/p', '/s', '/e'])}${disguised(prng).replace(/^\/x/, prng.pick(['', '/x']))}`;
  const requests = Array.from({ length: RUNS }, (): EdgeRequest => ({ uri: uri() }));
  const guards = PROTECTED.map((path) => access(path, users('alice:secret')));
  const { viewerRequest, data } = compile([set], { access: guards, originIds: ['api'], cleanUrls: true });
  const job = { code: viewerRequest!.code, data: data!.entries, requests };
  for (const engine of ENGINES) {
    const through = run(engine, [job])[0].map(({ reply }) => reply).filter(({ statusCode }) => statusCode === undefined);
    expect(through.length).toBeGreaterThan(RUNS / 50);
    const open = through.find((reply) => reaches(reply.uri ?? '', prng));
    if (open !== undefined) {
      throw new Error(`${engine} served ${JSON.stringify(open.uri)}: ${replayLine(SEED, FILE)}`);
    }
  }
}, 60_000 + 10 * RUNS);

const ADDRESSES = ['10.1.2.3', '10.200.0.1', '192.0.2.7', '2001:db8::1', '2001:db8:8000::', '::1', '::', 'fe80::1:2', '::ffff:10.1.2.3', '1:2:3:4:5:6:7:8', '', 'x'];
const NETWORKS = ['10.0.0.0/8', '10.0.0.0/13', '10.1.2.3', '192.0.2.0/30', '0.0.0.0/0', '2001:db8::/33', '::/0', '::1', '1:2:3:4:5:6:7:8/127', '1:2:3:4:5:6:7:8'];
const PATHS = ['', '/admin', '/admin/x', '/admin/x/y', '/b', '/b.c', '/b/admin'];

function randomRules(prng: Prng): readonly AccessRule[] {
  const some = <T>(from: readonly T[]) => [prng.pick(from), ...from.filter(() => prng.chance(0.2))];
  return Array.from({ length: prng.int(1, 5) }, () => access(prng.pick(PATHS), prng.pick<() => AccessRule['check']>([
    () => ({ kind: 'addresses', networks: some(NETWORKS.filter((network) => network !== '1:2:3:4:5:6:7:8/127')), block: prng.chance(0.5) }),
    () => ({ kind: 'countries', codes: some(['DE', 'AT', 'US']), block: prng.chance(0.5) }),
    () => users(...some(['alice:secret', 'bob:p\u00e4ss:word', ':'])),
    () => ({ kind: 'link', keys: some(KEYS) }),
    () => ({
      kind: 'token',
      keys: some(KEYS),
      ...prng.chance(0.5) ? { cookie: 'session' } : {},
      ...prng.chance(0.3) ? { issuer: 'https://id.example.com' } : {},
      ...prng.chance(0.3) ? { audience: 'site' } : {},
    }),
  ])()));
}

function randomRequest(prng: Prng): EdgeRequest {
  const uri = prng.pick([
    '/', '/admin', '/admin/', '/Admin/X', '/admin/x/y/z', '/%61dmin/x', '//admin', '/administrator', '/b', '/b.c', '/b.c/d', '/B%2Fadmin', '/b.', '/b/../admin', '/c', '/c%25',
    '/b;x/admin', '/;%2fb/admin', '/c%2541', '/\u00fc', '/%FC', '/c/' + 'd/'.repeat(40), '/admin}/x', '/b c', '/admin%20u`!0',
  ]);
  const until = prng.pick([inSeconds(900), inSeconds(-900)]);
  const token = prng.pick([
    () => jwt(claims()), () => jwt(claims(), KEYS[1]), () => jwt(claims(), 'wrong'.repeat(8)), () => jwt(claims(), KEYS[0], { alg: prng.pick(['none', 'HS512', 'hs256', 'RS256']) }),
    () => jwt(claims(), KEYS[0], { alg: 'HS256', crit: ['b64'], b64: false }), () => `${jwt(claims())}x`, () => jwt(claims()).replace(/\.[^.]*$/, '.'), () => 'x.y.z', () => '',
  ])();
  const headers: Record<string, string> = {
    ...prng.pick<() => Record<string, string>>([
      () => ({}), () => ({ authorization: `Bearer ${token}` }), () => ({ authorization: `bearer  ${token}` }), () => ({ authorization: token }),
      () => password(prng.pick(['alice:secret', 'alice:wrong', 'bob:p\u00e4ss:word', ':', 'alice', 'ALICE:secret'])),
      () => ({ authorization: prng.pick(['Basic', 'Basic !', 'basic YWxpY2U6c2VjcmV0', 'Basic YWxpY2U6c2VjcmV0=x', 'Digest x']) }),
    ])(),
    ...prng.chance(0.7) ? { 'cloudfront-viewer-country': prng.pick(['DE', 'US', 'FR']) } : {},
  };
  return {
    uri,
    headers,
    ip: prng.pick(ADDRESSES),
    ...prng.chance(0.4) ? { cookies: { session: token } } : {},
    ...prng.chance(0.5) ? { query: prng.pick([signed(uri, until), signed(uri, until, KEYS[1]), signed('/', until), signed(uri, until, 'wrong'), `exp=${until}`, 'sig=a', 'exp=x&sig=y', `exp=1e99&sig=${'0'.repeat(64)}`]) } : {},
  };

  function claims(): unknown {
    return {
      ...prng.chance(0.9) ? { exp: prng.pick([inSeconds(900), inSeconds(900), inSeconds(-900), '9999999999', null]) } : {},
      ...prng.chance(0.3) ? { nbf: prng.pick([inSeconds(-900), inSeconds(900), '0']) } : {},
      ...prng.chance(0.8) ? { iss: prng.pick(['https://id.example.com', 'https://id.example.com/', 1]) } : {},
      ...prng.chance(0.8) ? { aud: prng.pick(['site', 'other', ['other', 'site'], ['sit']]) } : {},
    };
  }
}

test(`${RUNS} random rules and requests: decided as a naive reading does, in njs and V8`, () => {
  const sets = Array.from({ length: Math.ceil(RUNS / 40) }, (_, n) => {
    const prng = new Prng(hash32(SEED, 'rules', n));
    return { rules: randomRules(prng), requests: Array.from({ length: 40 }, () => randomRequest(prng)) };
  });
  const jobs = sets.map(({ rules, requests }) => {
    const { viewerRequest, data } = compile([], { access: rules });
    return { code: viewerRequest!.code, data: data?.entries, requests };
  });
  const seen = new Map<number | undefined, number>();
  for (const engine of ENGINES) {
    run(engine, jobs).forEach((outcomes, n) => outcomes.forEach(({ reply, refused }, m) => {
      const expected = admit(sets[n].rules, sets[n].requests[m]);
      seen.set(expected, (seen.get(expected) ?? 0) + 1);
      if (refused !== undefined || reply.statusCode !== expected) {
        throw new Error(`${engine}: ${reply.statusCode} ${refused}, expected ${expected}: ${JSON.stringify([sets[n].rules, sets[n].requests[m]])}: ${replayLine(SEED, FILE)}`);
      }
    }));
  }
  expect([401, 403, undefined].map((status) => seen.get(status) ?? 0).every((count) => count > RUNS / 20)).toBe(true);
}, 60_000 + 20 * RUNS);
