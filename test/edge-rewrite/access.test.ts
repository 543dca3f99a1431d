import { KEYS, SALT, access, hmac, inSeconds, jwt, password, signed, users } from './access-oracle';
import { redirect, rewrite, rule, setOf, target, when } from './rules';
import { bitsOf } from '../../src/edge-rewrite/compiler/access';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { AccessRule, CompileOptions, Rule } from '../../src/edge-rewrite/compiler/model';
import { EdgeRequest, Job, Outcome, run, runOne } from '../kit/njs/engine';
import { countRequests } from '../kit/njs/opcodes';

const ALICE = 'alice:correct horse';
const ADMIN = access('/admin', users(ALICE, 'b\u00f6b:p\u00e4ss:word'));
const REFUSED = { 'cache-control': { value: 'no-store' } };

function compiled(rules: readonly AccessRule[], options: CompileOptions = {}, rewrites: readonly Rule[] = []): Omit<Job, 'requests'> {
  const { viewerRequest, data, diagnostics } = compile([setOf(rewrites)], { ...options, access: rules });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return { code: viewerRequest!.code, data: data?.entries };
}

/** Of both engines, which must agree. */
function askAll(
  rules: readonly AccessRule[], requests: readonly EdgeRequest[], options: CompileOptions = {}, rewrites: readonly Rule[] = [],
): readonly Outcome[] {
  const jobs = [{ ...compiled(rules, options, rewrites), requests }];
  const [outcomes] = run('njs', jobs);
  expect(run('v8', jobs)).toEqual([outcomes]);
  return outcomes;
}

function ask(rules: readonly AccessRule[], request: EdgeRequest, options: CompileOptions = {}, rewrites: readonly Rule[] = []): Outcome {
  return askAll(rules, [request], options, rewrites)[0];
}

/** What became of each, by name. */
function outcomesOf(rules: readonly AccessRule[], requests: Readonly<Record<string, EdgeRequest>>): Record<string, Outcome> {
  const outcomes = askAll(rules, Object.values(requests));
  return Object.fromEntries(Object.keys(requests).map((name, n) => [name, outcomes[n]]));
}

/** Those of which something else became. */
function others(outcomes: Readonly<Record<string, Outcome>>, expected: unknown): string[] {
  const wanted = JSON.stringify(expected);
  const differs = ({ reply, logs }: Outcome) => JSON.stringify({ status: reply.statusCode, logs }) !== wanted;
  return Object.keys(outcomes).filter((name) => differs(outcomes[name]));
}

const statusOf = (...args: Parameters<typeof ask>) => ask(...args).reply.statusCode;

describe('which paths are protected', () => {
  test('however they are written', () => {
    const spellings = [
      '/admin', '/admin/', '/admin/x', '/Admin', '/ADMIN/x', '/%61dmin', '/%41dmin', '//admin', '/\\admin', '\\admin', '/%2fadmin', '/%5Cadmin', '/admin;x=1',
      '/admin;/x', '/admin%3bx', '/admin.', '/admin%20', '/admin ', '/admin. .', '/admin:', '/admin::$INDEX_ALLOCATION', '/admin%3fx', '/admin%23x', '/admin?x',
      '/;x/admin', '/adm\u0131n', '/adm%C4%B1n', `/admin/${'x'.repeat(8_000)}`, '/admin/'.padEnd(8_000, 'a/'), '//'.repeat(2_000) + 'admin', '/admin/\u00fc',
    ];
    expect(others(outcomesOf([ADMIN], Object.fromEntries(spellings.map((uri) => [uri, { uri }]))), { status: 401, logs: [] })).toEqual([]);
  });

  test('thousands of marks are looked at once: within the time of the engine, a hundred times over', () => {
    const requests = [';', ':', '%3b', ';%'].flatMap((mark) => Array.from({ length: 25 }, () => ({ uri: `/${mark.repeat(8_000 / mark.length)}` })));
    const [outcomes] = run('njs', [{ ...compiled([ADMIN]), requests }]);
    expect(new Set(outcomes.map(({ reply }) => reply.statusCode))).toEqual(new Set([undefined, 403]));
  });

  test('where that is not certain, nobody gets through', () => {
    const unclear = [
      ['a dot for a segment', '/a/./b'], ['two', '/a/../admin'], ['encoded', '/a/%2e%2E/admin'], ['three', '/.../admin'], ['with a parameter', '/a/..;x/admin'],
      ['by backslash', '/a\\..\\admin'], ['a slash in a parameter', '/;%2fa/admin'], ['a backslash in one', '/;\\a/admin'], ['an encoded one', '/x%3b%5Ca/admin'], ['behind a colon', '/:%2fa/admin'], ['behind two marks', '/;a:b%2Fadmin'], ['behind encoded ones', '/%3b%23%3F%41%5cadmin'], ['at the end', '/x/..'], ['a space', '/ /admin'], ['encoded twice', '/%2561dmin'], ['thrice', '/%252561'], ['NUL', '/x%00'],
      ['line feed', '/x%0a'], ['a raw tab', '/x\t'], ['DEL', '/%7f'], ['malformed', '/%'], ['malformed digits', '/%zz'], ['IIS', '/%u0061dmin'], ['Latin-1', '/%E4'],
      ['overlong', '/%c0%afadmin'], ['surrogate', '/%ed%a0%80'], ['no slash', 'admin'], ['an asterisk', '*'], ['nothing', ''], ['8 KB of dots', `/${'.'.repeat(8_000)}`],
    ];
    const outcomes = outcomesOf([ADMIN], Object.fromEntries(unclear.map(([name, uri]) => [name, { uri, headers: password(ALICE) }])));
    expect(others(outcomes, { status: 403, logs: [] })).toEqual([]);
    expect(outcomes.NUL.reply).toEqual({ statusCode: 403, headers: REFUSED });
  });

  test('others are free', () => {
    const free = [
      '/', '/administrator', '/adm', '/x/admin', '/admin}/ u`!0', '/admin-x', '/.well-known/x', '/a.b/c..d', '/file.', '/C%23', '/%C3%BC', '/\u00fc', '/100%25', `/${'x/'.repeat(3_000)}`, `/x${'.'.repeat(8_000)}x`,
    ];
    expect(askAll([ADMIN], free.map((uri) => ({ uri }))).map(({ reply }) => reply.uri)).toEqual(free);
  });

  test('all rules above a path hold as well, cheap ones first', () => {
    const rules = [access('/admin/x', users('bob:other')), access('', { kind: 'addresses', networks: ['192.0.2.0/24'], block: true }), ADMIN];
    const both = { ...ADMIN, path: '/admin/x' };
    expect(statusOf(rules, { uri: '/free' })).toBeUndefined();
    expect(statusOf(rules, { uri: '/free', ip: '192.0.2.1' })).toBe(403);
    expect(ask(rules, { uri: '/admin/x', ip: '192.0.2.1', headers: password(ALICE) })).toMatchObject({ reply: { statusCode: 403 }, reads: 0 });
    expect(statusOf(rules, { uri: '/admin', headers: password(ALICE) })).toBeUndefined();
    expect(statusOf(rules, { uri: '/admin/x/y', headers: password(ALICE) })).toBe(401);
    expect(statusOf(rules, { uri: '/admin/x/y', headers: password('bob:other') })).toBe(401);
    expect(statusOf([...rules.slice(1), both], { uri: '/admin/x/y', headers: password(ALICE) })).toBeUndefined();
  });

  test('markers a visitor forges change nothing', () => {
    const headers = { 'x-rewrite-path': '/free', 'x-rewrite-status': '200', 'x-original-url': '/free', 'x-forwarded-for': '192.0.2.1' };
    expect(statusOf([ADMIN], { uri: '/admin', headers })).toBe(401);
    expect(statusOf([access('/a', { kind: 'addresses', networks: ['192.0.2.1'], block: false })], { uri: '/a', headers })).toBe(403);
  });
});

describe('a password', () => {
  test('lets through, whoever it is; others are asked for it', () => {
    for (const user of [ALICE, 'b\u00f6b:p\u00e4ss:word']) {
      expect(ask([ADMIN], { uri: '/admin', headers: password(user) })).toMatchObject({ reply: { uri: '/admin' }, reads: 1, logs: [] });
    }
    const { reply } = ask([ADMIN], { uri: '/admin' });
    expect(reply).toEqual({ statusCode: 401, headers: { ...REFUSED, 'www-authenticate': { value: 'Basic realm="Staff only", charset="UTF-8"' } } });
  });

  test('others: 401', () => {
    const sent: ReadonlyArray<readonly [name: string, headers: Record<string, string>]> = [
      ['wrong', password('alice:correct')], ['no colon', password('alice')], ['another user', password('bob:correct horse')], ['empty', password('')],
      ['the digest', password(hmac(SALT, ALICE, 'hex'))], ['not base64', { authorization: 'Basic ???' }], ['another scheme', { authorization: `Digest ${password(ALICE).authorization.slice(6)}` }],
      ['no scheme', { authorization: password(ALICE).authorization.slice(6) }], ['in pieces', { authorization: `${password(ALICE).authorization} x` }],
    ];
    expect(others(outcomesOf([ADMIN], Object.fromEntries(sent.map(([name, headers]) => [name, { uri: '/admin', headers }]))), { status: 401, logs: [] })).toEqual([]);
  });

  test('what costs a look-up costs the same, right or wrong', () => {
    const { opcodes, reads } = countRequests([], { access: [ADMIN] }, [ALICE, 'alice:x', 'x:x'].map((user) => ({ uri: '/admin', headers: password(user) })));
    expect(reads).toEqual([1, 1, 1]);
    expect(opcodes[1]).toBe(opcodes[2]);
  });

  test('is nowhere: the code has the salt, the store has digests', () => {
    const { code, data } = compiled([ADMIN]);
    expect(code).not.toContain(hmac(SALT, ALICE, 'hex'));
    expect(data).toEqual(expect.arrayContaining([{ key: `!0${hmac(SALT, ALICE, 'hex')}`, value: '1' }]));
  });

  test('10,000 users cost what one costs', () => {
    const many = access('/admin', users(ALICE, ...Array.from({ length: 9_999 }, (_, n) => `user-${n}:x`)));
    const [one, all] = [ADMIN, many].map((guard) => countRequests([], { access: [guard] }, [{ uri: '/admin', headers: password(ALICE) }]));
    expect(all).toMatchObject({ opcodes: one.opcodes, reads: [1] });
  });
});

describe('a token', () => {
  const TOKEN = access('/api', { kind: 'token', keys: KEYS, issuer: 'https://id.example.com', audience: 'site' });
  const claims = (more: object = {}) => ({ exp: inSeconds(60), iss: 'https://id.example.com', aud: 'site', ...more });
  const bearer = (token: string) => ({ uri: '/api/x', headers: { authorization: `Bearer ${token}` } });

  test('lets through', () => {
    const tokens = [
      ['first key', jwt(claims())], ['second key', jwt(claims(), KEYS[1])], ['one of several audiences', jwt(claims({ aud: ['a', 'site'] }))],
      ['valid for a minute', jwt(claims({ nbf: inSeconds(-60) }))], ['not only ASCII', jwt(claims({ name: 'J\u00f6rg \u{1f600}' }))],
    ];
    const outcomes = outcomesOf([TOKEN], Object.fromEntries(tokens.map(([name, token]) => [name, bearer(token)])));
    expect(others(outcomes, { logs: [] })).toEqual([]);
    expect(outcomes['first key']).toMatchObject({ reply: { uri: '/api/x' }, reads: 1 });
  });

  test('others: 401', () => {
    const tokens = [
      ['another key', jwt(claims(), 'x'.repeat(32))], ['no key', jwt(claims(), '')], ['no algorithm', jwt(claims(), KEYS[0], { alg: 'none' })],
      ['without signature', jwt(claims()).replace(/[^.]*$/, '')], ['none and no signature', `${jwt(claims(), KEYS[0], { alg: 'none' }).replace(/[^.]*$/, '')}`],
      ['another algorithm', jwt(claims(), KEYS[0], { alg: 'HS512' })], ['in lower case', jwt(claims(), KEYS[0], { alg: 'hs256' })], ['several', jwt(claims(), KEYS[0], { alg: ['HS256'] })],
      ['extensions it demands', jwt(claims(), KEYS[0], { alg: 'HS256', crit: ['b64'], b64: false })],
      ['expired', jwt(claims({ exp: inSeconds(-1) }))], ['for ever', jwt(claims({ exp: undefined }))], ['a time as text', jwt(claims({ exp: '9999999999' }))],
      ['not yet valid', jwt(claims({ nbf: inSeconds(60) }))], ['from a text on', jwt(claims({ nbf: '0' }))],
      ['another issuer', jwt(claims({ iss: 'https://id.example.com/' }))], ['no issuer', jwt(claims({ iss: undefined }))],
      ['another audience', jwt(claims({ aud: 'sit' }))], ['no audience', jwt(claims({ aud: undefined }))], ['other audiences', jwt(claims({ aud: [['site']] }))],
      ['a changed claim', jwt(claims()).replace(/\.[^.]*\./, `.${Buffer.from(JSON.stringify(claims({ exp: inSeconds(99) }))).toString('base64url')}.`)],
      ['other last bits of the signature', jwt(claims()).replace(/.$/, (last) => String.fromCharCode(last.charCodeAt(0) + 1))],
      ['padding', `${jwt(claims())}=`], ['four parts', `${jwt(claims())}.x`], ['nothing', ''],
    ];
    const outcomes = outcomesOf([TOKEN], Object.fromEntries(tokens.map(([name, token]) => [name, bearer(token)])));
    expect(others(outcomes, { status: 401, logs: [] })).toEqual([]);
    expect(outcomes.nothing.reply).toEqual({ statusCode: 401, headers: { ...REFUSED, 'www-authenticate': { value: 'Bearer' } } });
  });

  test('a signed text that is no JSON, or no object, is refused', () => {
    for (const claim of ['{', 'null', '"x"', '[]']) {
      const text = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from(claim).toString('base64url')}`;
      expect([401, 403]).toContain(statusOf([TOKEN], bearer(`${text}.${hmac(KEYS[0], text, 'base64url')}`)));
    }
  });

  test('in a cookie, only there', () => {
    const inCookie = access('/api', { kind: 'token', keys: KEYS.slice(0, 1), cookie: 'session' });
    expect(statusOf([inCookie], { uri: '/api', cookies: { session: jwt({ exp: inSeconds(60) }) } })).toBeUndefined();
    expect(statusOf([inCookie], bearer(jwt({ exp: inSeconds(60) })))).toBe(401);
    expect(statusOf([TOKEN], { uri: '/api', cookies: { session: jwt(claims()) } })).toBe(401);
    expect(statusOf([inCookie, { ...ADMIN, path: '/api' }], { uri: '/api', cookies: { session: jwt({ exp: inSeconds(60) }) }, headers: password(ALICE) })).toBeUndefined();
  });

  test('keys are in the store only', () => {
    const { code, data } = compiled([TOKEN]);
    expect(code).not.toContain(KEYS[0]);
    expect(data).toEqual([{ key: '!0', value: KEYS.join(' ') }]);
  });
});

describe('a signed link', () => {
  const LINK = access('/private', { kind: 'link', keys: KEYS });

  test('lets through until it expires, whatever else the query has', () => {
    for (const key of KEYS) {
      expect(ask([LINK], { uri: '/private/a%20b.pdf', query: `a=1&${signed('/private/a%20b.pdf', inSeconds(60), key)}` })).toMatchObject({ reply: { uri: '/private/a%20b.pdf' }, reads: 1 });
    }
  });

  test('others: 403', () => {
    const queries = [
      ['no signature', `exp=${inSeconds(60)}`], ['no time', signed('/private/a').replace(/exp=\d+&/, '')], ['nothing', undefined], ['for another path', signed('/private/b')],
      ['for the directory', signed('/private')], ['expired', signed('/private/a', inSeconds(-1))], ['another key', signed('/private/a', inSeconds(60), 'x'.repeat(32))],
      ['prolonged', signed('/private/a').replace(/exp=\d+/, `exp=${inSeconds(9_999)}`)], ['in upper case', signed('/private/a').replace(/sig=.*/, (sig) => `sig=${sig.slice(4).toUpperCase()}`)],
      ['a time that is none', `exp=1e99&sig=${hmac(KEYS[0], '/private/a?exp=1e99', 'hex')}`], ['a time beyond', `exp=${'9'.repeat(13)}&sig=${hmac(KEYS[0], `/private/a?exp=${'9'.repeat(13)}`, 'hex')}`],
      ['empty', 'exp=&sig='],
    ] as const;
    expect(others(outcomesOf([LINK], Object.fromEntries(queries.map(([name, query]) => [name, { uri: '/private/a', query }]))), { status: 403, logs: [] })).toEqual([]);
  });

  test('is for the path as it stands in the link', () => {
    expect(statusOf([LINK], { uri: '/Private/a', query: signed('/private/a') })).toBe(403);
    expect(statusOf([LINK], { uri: '/private/a%62', query: signed('/private/ab') })).toBe(403);
  });
});

describe('addresses and countries', () => {
  const from = (block: boolean, ...networks: readonly string[]) => [access('/office', { kind: 'addresses', networks, block })];
  test.each([
    ['10.0.0.0/13', ['10.0.0.0', '10.7.255.255', '::ffff:10.0.0.1', '::ffff:a00:1'], ['10.8.0.0', '9.255.255.255', '2001:db8::']],
    ['192.0.2.7', ['192.0.2.7'], ['192.0.2.6', '192.0.2.77', '19.20.2.7']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255'], ['::', 'ffff::']],
    ['2001:db8::/33', ['2001:db8::', '2001:DB8:7fff:ffff:ffff:ffff:ffff:ffff', '2001:0db8:0:0::1'], ['2001:db8:8000::', '2001:db7::', '32.1.13.184']],
    ['::/0', ['::', '::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '1::', '1:2:3:4:5:6:7:8', '::2:3:4:5:6:7:8'], ['1.2.3.4']],
    ['::ffff:192.0.2.0/120', ['192.0.2.255'], ['192.0.3.0']],
  ])('%s', (network, within, without) => {
    const requests = [...within, ...without].map((ip) => ({ uri: '/office', ip }));
    const passing = (block: boolean) => askAll(from(block, network), requests)
      .flatMap(({ reply }, n) => reply.statusCode === undefined ? requests[n].ip : []);
    expect({ allowed: passing(false), blocked: passing(true) }).toEqual({ allowed: within, blocked: without });
  });

  test('an address that is none is let through by no rule', () => {
    const requests = Object.fromEntries(['', 'x', '1.2.3', '1.2.3.4.5', '1:2', '1:2:3:4:5:6:7:8:9', '::1%eth0', 'unknown'].map((ip) => [ip, { uri: '/office', ip }]));
    expect(others(outcomesOf(from(true, '10.0.0.0/8'), requests), { status: 403, logs: [] })).toEqual([]);
    expect(others(outcomesOf(from(false, '10.0.0.0/8', '::/0'), requests), { status: 403, logs: [] })).toEqual([]);
  });

  test.each(['', '10.0.0.0/33', '10.0.0.1/8', '2001:db8::1/32', '::/129', 'example.com', '10.0.0', '10.0.0.0/x', '10.0.0.0/8/9'])("'%s' is no network", (network) => {
    expect(() => bitsOf(network)).toThrow(`got '${network}'`);
  });

  test('a network within another costs no byte', () => {
    expect(compiled(from(false, '10.0.0.0/8', '10.1.0.0/16', '10.0.0.0/8')).code).toBe(compiled(from(false, '10.0.0.0/8')).code);
  });

  test.each([[false, ['DE', 'AT']], [true, ['FR', 'ED']]] as const)('block %s: %j get through, those from nowhere do not', (block, expected) => {
    const requests = ['DE', 'FR', 'AT', 'ED', 'DEX', 'D', ''].map((country): EdgeRequest => ({ uri: '/', headers: { 'cloudfront-viewer-country': country } }));
    const outcomes = askAll([access('', { kind: 'countries', codes: ['DE', 'AT'], block })], [...requests, { uri: '/' }]);
    expect(outcomes.flatMap(({ reply }) => reply.statusCode === undefined ? reply.headers['cloudfront-viewer-country']?.value : []).sort()).toEqual([...expected].sort());
  });

  test('they need no store, and the country must be visible', () => {
    const { tier, originRequest, cache } = compile([], { access: [access('', { kind: 'countries', codes: ['DE'], block: true })] });
    expect({ tier, originRequest, cache }).toEqual({
      tier: 'inline', originRequest: { headers: ['cloudfront-viewer-country'], cookies: [], queries: [] }, cache: { headers: [], cookies: [], queries: [] },
    });
  });
});

describe('rewrite rules', () => {
  const rewrites = [
    redirect('/admin/old', '/elsewhere'), rewrite('/into', '/admin/page'), rewrite('/up/*', '/:splat'), rewrite('/of/:name', '/:name/x'), rewrite('/with/*', '/admin?of=:splat'),
    rule('/gone', { kind: 'status', status: 404, page: target('/admin/404.html') }),
    rule('/api/*', { kind: 'proxy', origin: { id: 'api' }, target: target('/admin/:splat') }),
    rule('/test', { kind: 'split', experiment: 'e', variants: [{ weight: 100, target: target('/admin/b') }] }),
    when(rewrite('/where', '/admin'), { kind: 'country', values: ['DE'] }),
  ];
  const options = { originIds: ['api'], indexDocument: 'index.html', spaFallback: '/admin/app.html' };

  test('are not looked at before access is decided', () => {
    expect(ask([ADMIN], { uri: '/admin/old' }, options, rewrites).reply).toMatchObject({ statusCode: 401 });
    expect(ask([ADMIN], { uri: '/admin/old', headers: password(ALICE) }, options, rewrites).reply).toMatchObject({ statusCode: 301 });
  });

  test('lead to a protected path with the password only', () => {
    const requests = ['/into', '/up/admin', '/up/Admin/x', '/up/%61dmin', '/up//admin', '/of/admin', '/of/ADMIN;x', '/with/x', '/gone', '/api/x', '/test', '/where', '/any']
      .map((uri): EdgeRequest => ({ uri, headers: { 'cloudfront-viewer-country': 'DE' } }));
    expect(askAll([ADMIN], requests, options, rewrites).filter(({ reply }) => reply.statusCode !== 401)).toEqual([]);
    const known = requests.map((request) => ({ ...request, headers: { ...request.headers, ...password(ALICE) } }));
    askAll([ADMIN], known, options, rewrites).forEach(({ reply }) => expect(decodeURIComponent(reply.uri ?? '')).toMatch(/admin/i));
  });

  test('a path that was let through, and what is served for it, is checked once', () => {
    expect(ask([ADMIN], { uri: '/admin/', headers: password(ALICE) }, { indexDocument: 'index.html' })).toMatchObject({ reply: { uri: '/admin/index.html' }, reads: 1 });
  });
});

describe('when things fail, access rules let nobody through', () => {
  const rules = [ADMIN, access('/api', { kind: 'token', keys: KEYS }), access('/private', { kind: 'link', keys: KEYS }), access('/office', { kind: 'addresses', networks: ['0.0.0.0/0'], block: false })];
  const rewrites = [redirect('/free/old', '/new')];
  const valid: EdgeRequest[] = [
    { uri: '/admin', headers: password(ALICE) }, { uri: '/api', headers: { authorization: `Bearer ${jwt({ exp: inSeconds(60) })}` } }, { uri: '/private/x', query: signed('/private/x') },
  ];

  test.each(valid)('a store that fails: $uri', (request) => {
    const { reply, logs } = runOne('njs', { ...compiled(rules, {}, rewrites), brokenStore: true }, request);
    expect(reply).toMatchObject({ statusCode: 403, headers: REFUSED });
    expect(logs).toEqual(['access: no decision, refused']);
  });

  test.each(valid)('a store that is empty: $uri', (request) => {
    const { reply } = runOne('njs', { ...compiled(rules, {}, rewrites), data: [] }, request);
    expect([401, 403]).toContain(reply.statusCode);
  });

  test('paths that no access rule covers go on', () => {
    for (const job of [{ brokenStore: true }, { data: [] }]) {
      expect(runOne('njs', { ...compiled(rules, {}, rewrites), ...job }, { uri: '/free/old' }).reply).toMatchObject({ uri: '/free/old' });
    }
  });

  test('no function of the engine may fail unnoticed', () => {
    const { code, data } = compiled(rules, {}, rewrites);
    for (const name of ['decodeURIComponent', 'crypto', 'Buffer', 'RegExp', 'Date']) {
      const broken = `${code}\nvar ${name} = undefined;`.replace(/^import .*$/gm, '');
      for (const request of [...valid, { uri: '/office', ip: '10.0.0.1' }]) {
        const used = { decodeURIComponent: true, crypto: request.uri !== '/office', Buffer: request.uri !== '/private/x', RegExp: request.uri === '/office', Date: /api|private/.test(request.uri) }[name];
        const { reply } = runOne('v8', { code: broken, data }, request);
        expect([name, request.uri, reply.statusCode]).toEqual([name, request.uri, used ? 403 : undefined]);
      }
    }
  });

  test('a table that makes no sense refuses everybody', () => {
    const { code, data } = compiled(rules, {}, rewrites);
    const broken = code.replace(/\/\^\(\?:[^)]*\)\(\?=\\\/\|\$\)\//, 'null');
    expect(broken).not.toBe(code);
    expect(runOne('njs', { code: broken, data }, { uri: '/free' }).reply.statusCode).toBe(403);
  });

  test('an unexpected exception behind the decision: 403 where a rule applies, the request elsewhere', () => {
    const split = rule('/split', { kind: 'split', experiment: 'e', variants: [{ weight: 100, target: target('/s') }] });
    const { code } = compiled(rules, {}, [...rewrites, split]);
    const data = [{ key: '/admin', value: 'sk' }, { key: '/free', value: 'sk' }, { key: `!0${hmac(SALT, ALICE, 'hex')}`, value: '1' }];
    const [denied, free] = run('njs', [{ code, data, requests: [{ uri: '/admin', headers: password(ALICE) }, { uri: '/free' }] }])[0];
    if (free.logs.length === 0) throw new Error('the fault did not happen');
    expect(denied.reply.statusCode).toBe(403);
    expect(free.reply).toMatchObject({ uri: '/free' });
  });

  test('nothing secret is logged or answered', () => {
    for (const request of valid) {
      for (const job of [{}, { brokenStore: true }, { data: [] }]) {
        const text = JSON.stringify(runOne('njs', { ...compiled(rules), ...job }, { ...request, headers: { ...request.headers } }).logs);
        expect(text).not.toMatch(new RegExp(`${KEYS.join('|')}|correct|${hmac(SALT, ALICE, 'hex')}|ey`));
      }
    }
  });
});

describe('synth', () => {
  test('secrets are in the store, whatever the rules need', () => {
    const result = compile([setOf([redirect('/a', '/b')])], { access: [ADMIN] });
    expect(result).toMatchObject({ tier: 'key-value-store', report: { maxReads: 2, protectedPaths: ['/admin/*: password, 2 users'] } });
    expect(compile([], { access: [ADMIN], tier: 'inline' }).diagnostics).toEqual([expect.objectContaining({ code: 'tier', severity: 'error' })]);
  });

  test('the Lambda@Edge tier refuses, and says which does not', () => {
    const rules = [access('', { kind: 'addresses', networks: ['10.0.0.0/8'], block: true })];
    expect(compile([], { access: rules, tier: 'lambda-edge' }).diagnostics.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
      'error access rules cannot be in the Lambda@Edge tier, whose answers are cached for everybody: use the key value store tier',
    ]);
  });

  test('what nobody could pass is an error', () => {
    const messages = (...rules: readonly AccessRule[]) => compile([], { access: rules }).diagnostics.map(({ message }) => message);
    const token = access('/admin/api', { kind: 'token', keys: KEYS });
    expect(messages(ADMIN, token)).toEqual(['the header Authorization holds a password or a token, both are asked for at /admin/api/*: put the token into a cookie']);
    expect(messages(access('', { kind: 'link', keys: KEYS }), access('/a', { kind: 'link', keys: KEYS }))).toEqual(['a link has one signature, 2 are asked for at /a/*: nobody could pass']);
    expect(messages(ADMIN, { ...token, path: '/api' })).toEqual([]);
  });

  test('code, look-ups and store count', () => {
    const networks = Array.from({ length: 1_200 }, (_, n) => `10.${n % 250}.${Math.floor(n / 250)}.0/24`);
    const large = compile([], { access: [access('', { kind: 'addresses', networks, block: true })] });
    expect(large.diagnostics).toEqual([expect.objectContaining({ code: 'code-size', severity: 'error' })]);
    expect(compile([setOf([redirect('/a', '/b')])], { access: [ADMIN], maxReads: 1 }).diagnostics[0]).toMatchObject({
      code: 'reads', message: 'a path of 0 segments needs 2 reads, 1 are allowed: use fewer forms of patterns (), fewer access rules for one path, or a higher \'maxReads\'',
    });
    expect(compile([setOf([redirect('/a', '/b')])], { access: [ADMIN], maxReads: 2 }).diagnostics).toEqual([]);
    const crowd = access('/a', { kind: 'basic', realm: 'r', salt: SALT, digests: Array.from({ length: 70_000 }, (_, n) => hmac(SALT, String(n), 'hex')) });
    expect(compile([], { access: [crowd] }).diagnostics).toEqual([
      expect.objectContaining({ code: 'store-size', message: expect.stringContaining('use fewer rules, or fewer access rules') as string }),
    ]);
  });

  test('users are beside the rules, also where those share keys', () => {
    const job = compiled([ADMIN], { dense: true, tier: 'key-value-store' }, [redirect('/a', '/b')]);
    expect(job.data!.map(({ key }) => key)).toEqual(['0', ...ADMIN.check.kind === 'basic' ? ADMIN.check.digests.map((digest) => `!0${digest}`) : []]);
    expect(runOne('njs', job, { uri: '/admin', headers: password(ALICE) }).reply).toMatchObject({ uri: '/admin' });
    expect(runOne('njs', job, { uri: '/a' }).reply).toMatchObject({ statusCode: 301 });
  });

  test('the same rules make the same bytes, and no rule costs nothing', () => {
    expect(compiled([ADMIN])).toEqual(compiled([ADMIN]));
    expect(compile([], { access: [] }).viewerRequest!.code).toBe(compile([]).viewerRequest!.code);
  });
});

describe('opcodes', () => {
  const geo = access('/g', { kind: 'countries', codes: ['DE'], block: false });
  const office = access('/o', { kind: 'addresses', networks: ['2001:db8::/32'], block: false });
  const link = access('/l', { kind: 'link', keys: KEYS });
  const token = access('/t', { kind: 'token', keys: KEYS, cookie: 'c', issuer: 'i', audience: 'a' });
  const requests: readonly EdgeRequest[] = [
    { uri: '/x' }, { uri: '/admin', headers: password(ALICE) }, { uri: '/g', headers: { 'cloudfront-viewer-country': 'DE' } }, { uri: '/o', ip: '2001:db8::1' }, { uri: '/l', query: signed('/l') },
    { uri: '/t', cookies: { c: jwt({ exp: inSeconds(60), iss: 'i', aud: 'a', nbf: 0 }) } },
  ];

  test('are the same however many paths are protected', () => {
    const more = Array.from({ length: 60 }, (_, n) => access(`/more-${n}/x`, users('a:b')));
    const [few, many] = [[], more].map((further) => countRequests([], { access: [ADMIN, geo, office, link, token, ...further] }, requests));
    expect(many.opcodes).toEqual(few.opcodes);
    expect(many.opcodes[0]).toBeLessThan(70);
    expect(Math.max(...many.opcodes)).toBeLessThan(400);
  });

  test.each([['password', ADMIN, 1], ['country', geo, 2], ['address', office, 3], ['link', link, 4], ['token', token, 5]] as const)('%s: the report is at most a tenth above', (_, guard, n) => {
    const { compiled: { report }, opcodes: [counted] } = countRequests([], { access: [guard] }, [requests[n]]);
    expect(report.opcodes).toBeGreaterThanOrEqual(counted);
    expect(report.opcodes).toBeLessThanOrEqual(1.1 * counted);
  });

  test('no request costs more than the report says, also where rules lead from one protected path to another', () => {
    const rules = [ADMIN, geo, office, link, token];
    const set = setOf([rewrite('/t', '/l'), rewrite('/x', '/t'), rewrite('/l', '/g/x')]);
    const all = requests.map((request) => ({ ...request, headers: { 'cloudfront-viewer-country': 'DE', ...password(ALICE), ...request.headers } }));
    const { compiled: { report }, opcodes } = countRequests([set], { access: rules, indexDocument: 'index.html' }, [...all, { ...all[5], query: signed('/t') }, { ...all[5], uri: '/x' }]);
    expect(Math.max(...opcodes)).toBeLessThanOrEqual(report.opcodes);
    expect(Math.max(...opcodes) * 1.1).toBeGreaterThanOrEqual(report.opcodes);
  });
});
