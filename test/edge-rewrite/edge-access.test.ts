import { mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { Lazy, Stack, Stage } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import { KEYS, SALT, hmac, inSeconds, jwt, password, signed } from './access-oracle';
import { EdgeAccess, EdgeRewrite, EdgeRewriteProps, EdgeSecret, EdgeTier, RewriteRule } from '../../src';
import { runOne } from '../kit/njs/engine';
import { resourcesOf, stackFor, templateOf } from '../kit/stack';

const DIGEST = hmac(SALT, 'alice:secret', 'hex');
const basic = (path = '/admin/*', more = {}) => EdgeAccess.basic(path, { salt: SALT, digests: [DIGEST], ...more });
const keyFile = (content: string) => {
  const path = join(mkdtempSync(join(tmpdir(), 'key-')), 'key');
  writeFileSync(path, content);
  return path;
};

const secret = (content: string = KEYS[0]) => EdgeSecret.fromFile(keyFile(content));

let stack: Stack;
beforeEach(() => {
  stack = stackFor({ env: { account: '123456789012', region: 'eu-west-1' } });
});

const edge = (access: EdgeAccess[], props: EdgeRewriteProps = {}) => new EdgeRewrite(stack, 'Edge', { access, ...props });
const code = () => Object.values(resourcesOf(stack)).filter(({ Type }) => Type === 'AWS::CloudFront::Function')[0].Properties.FunctionCode as string;

/** Everything below the cloud assembly, by file. */
function assembly(): Record<string, string> {
  const { directory } = Stage.of(stack)!.synth();
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name)).filter((path) => statSync(path).isFile());
  return Object.fromEntries(files.map((path) => [path, readFileSync(path, 'utf8')]));
}
const dataOf = (files: Record<string, string>) => Object.entries(files).filter(([, text]) => text.startsWith('{"data":'));

describe('a password', () => {
  test('is digested as openssl does it', () => {
    // printf %s alice:secret | openssl dgst -sha256 -hmac 0123456789abcdef
    expect(DIGEST).toBe('c2f7d1c7ecdc39fa877ed4ade5e809d74ef1536c3d8bc5dc3a2b7d5efbb69cb1');
  });

  test('is asked for by the function, and its digest is in the store only', () => {
    const { keyValueStore, report } = edge([basic('/admin/*', { realm: 'Staff', digests: [DIGEST.toUpperCase()] })]);
    expect(keyValueStore).toBeDefined();
    expect(report.protectedPaths).toEqual(['/admin/*: password, 1 users']);
    expect(report.toString()).toContain('\nprotected: /admin/*: password, 1 users');
    const files = assembly();
    const [[, json]] = dataOf(files);
    const { data } = JSON.parse(json) as { data: { key: string; value: string }[] };
    expect(runOne('njs', { code: code(), data }, { uri: '/admin', headers: password('alice:secret') }).reply).toMatchObject({ uri: '/admin' });
    expect(runOne('njs', { code: code(), data }, { uri: '/admin' }).reply.headers['www-authenticate'].value).toBe('Basic realm="Staff", charset="UTF-8"');
    expect(Object.entries(files).filter(([path, text]) => !path.endsWith('data.json') && !path.includes('asset.') && text.includes(DIGEST))).toEqual([]);
  });

  test.each([
    [{ salt: 'short' }, "'salt' must be 16 to 64 letters, digits, '-' and '_', got 5 characters"],
    [{ salt: `${SALT}^` }, "'salt' must be 16 to 64"], [{ digests: [] }, "'digests' must have at least one, got none"],
    [{ digests: [DIGEST, 'alice:secret'] }, "'digests' must be 64 hexadecimal digits each, got another text at position 2"],
    [{ realm: 'a "b"' }, "'realm' must be 1 to 100 printable ASCII characters"], [{ realm: 'a}' }, "'realm' must be"], [{ realm: '' }, "'realm' must be"], [{ realm: '\u00fc' }, "'realm' must be"],
    [{ salt: Lazy.string({ produce: () => SALT }) }, "'salt' must be known at synth, got a token"],
    [{ digests: [Lazy.string({ produce: () => DIGEST })] }, "'digests' must be known at synth, got a token"],
  ])('%j is refused', (more, message) => {
    expect(() => basic('/x', more)).toThrow(message);
  });

  test('no message shows what may be one', () => {
    expect(() => basic('/x', { digests: ['alice:secret'] })).toThrow(expect.not.objectContaining({ message: expect.stringContaining('secret') as string }) as Error);
  });
});

describe('keys', () => {
  const token = (...keys: EdgeSecret[]) => EdgeAccess.token('/api/*', { keys, audience: 'site' });

  test('come from files and go into the import file of the store only, which is for nobody else to read', () => {
    edge([token(secret(`${KEYS[1]}\n`), secret()), EdgeAccess.signedLink('/private', { keys: [secret()] })]);
    const files = assembly();
    const holding = Object.entries(files).filter(([, text]) => KEYS.some((key) => text.includes(key)));
    expect(holding.length).toBeGreaterThan(0);
    holding.forEach(([path, text]) => {
      expect(text.startsWith('{"data":')).toBe(true);
      expect((statSync(path).mode % 0o1000).toString(8)).toBe('600');
    });
    expect(JSON.stringify(templateOf(stack).toJSON())).not.toMatch(new RegExp(KEYS.join('|')));
    const { data } = JSON.parse(holding[0][1]) as { data: { key: string; value: string }[] };
    for (const key of KEYS) {
      const headers = { authorization: `Bearer ${jwt({ exp: inSeconds(60), aud: 'site' }, key)}` };
      expect(runOne('njs', { code: code(), data }, { uri: '/api/x', headers }).reply).toMatchObject({ uri: '/api/x' });
    }
    expect(runOne('njs', { code: code(), data }, { uri: '/private/x', query: signed('/private/x') }).reply).toMatchObject({ uri: '/private/x' });
  });

  test('another key is another store, the same one the same', () => {
    const nameWith = (key: string) => {
      stack = stackFor({ env: { account: '123456789012', region: 'eu-west-1' } });
      edge([token(secret(key))]);
      return Object.values(resourcesOf(stack)).find(({ Type }) => Type === 'AWS::CloudFront::KeyValueStore')!.Properties.Name as string;
    };
    expect(nameWith(KEYS[0])).toBe(nameWith(KEYS[0]));
    expect(nameWith(KEYS[0])).not.toBe(nameWith(KEYS[1]));
  });

  test.each([
    ['', 'must hold 32 to 400'], ['x'.repeat(31), 'must hold 32 to 400 printable ASCII characters without spaces, got another text'],
    ['x'.repeat(401), 'must hold 32 to 400'], [`${'x'.repeat(32)} x`, 'must hold 32 to 400'], [`${'x'.repeat(32)}\n\n`, 'must hold 32 to 400'], ['\u00fc'.repeat(32), 'must hold 32 to 400'],
  ])('%j is none', (content, message) => {
    const path = keyFile(content);
    expect(() => edge([token(EdgeSecret.fromFile(path))])).toThrow(`the file '${path}' ${message}`);
  });

  test('a message does not show it', () => {
    expect(() => edge([token(secret('short-secret'))])).toThrow(expect.not.objectContaining({ message: expect.stringContaining('short-secret') as string }) as Error);
  });

  test('there are one or two; claims and cookies are plain text', () => {
    const key = secret();
    expect(() => token()).toThrow("'keys' must be one, or two while one takes over from the other, got 0");
    expect(() => EdgeAccess.signedLink('/x', { keys: [key, key, key] })).toThrow('got 3');
    expect(() => EdgeAccess.token('/x', { keys: [key], cookie: 'a;b' })).toThrow("'cookie' must be letters, digits, '.', '-' and '_', got 'a;b'");
    expect(() => EdgeAccess.token('/x', { keys: [key], issuer: 'a`b' })).toThrow("'issuer' must be 1 to 200 printable ASCII characters");
    expect(() => EdgeAccess.token('/x', { keys: [key], audience: '' })).toThrow("'audience' must be 1 to 200");
    expect(() => EdgeSecret.fromFile(Lazy.string({ produce: () => '' }))).toThrow("'path' must be known at synth, got a token");
  });
});

describe('paths', () => {
  test.each([['/', '/*'], ['/*', '/*'], ['/Admin', '/admin/*'], ['/admin/', '/admin/*'], ['/admin/*', '/admin/*'], ['/a.b/~c', '/a.b/~c/*']])('%s is %s', (path, shown) => {
    expect(edge([EdgeAccess.blockAddresses(path, '10.0.0.0/8')]).report.protectedPaths).toEqual([`${shown}: not from 10.0.0.0/8`]);
  });

  test.each(['', 'admin', '*', '/a/*/b', '/a*', '/:id', '/a//b', '//', '/a/../b', '/.', '/a.', '/a b', '/%61', '/\u00fc', '/a;b', '/a?b', '/a#b', '/a\\b', '/a}', '/a^', '/a`'])("'%s' is refused", (path) => {
    expect(() => EdgeAccess.blockAddresses(path, '10.0.0.0/8')).toThrow(`a protected path must start with '/' and have segments of letters, digits and -._~!$&'()+,=@ that do not end in a dot, got '${path}'; protect the path above it`);
  });

  test('a token is refused', () => {
    expect(() => EdgeAccess.blockAddresses(Lazy.string({ produce: () => '/a' }), '10.0.0.0/8')).toThrow("'path' must be known at synth, got a token");
  });
});

describe('addresses and countries', () => {
  test('are in the code: no store', () => {
    const { keyValueStore, report } = edge([EdgeAccess.allowAddresses('/*', '192.0.2.0/24', '2001:db8::/32'), EdgeAccess.blockCountries('/x', 'us', 'CA')]);
    expect(keyValueStore).toBeUndefined();
    expect(report).toMatchObject({ tier: 'inline', protectedPaths: ['/*: from 192.0.2.0/24 2001:db8::/32', '/x/*: from 192.0.2.0/24 2001:db8::/32, not from US CA'] });
    templateOf(stack).hasResourceProperties('AWS::CloudFront::OriginRequestPolicy', { OriginRequestPolicyConfig: { HeadersConfig: { Headers: ['cloudfront-viewer-country'] } } });
    templateOf(stack).resourceCountIs('AWS::CloudFront::CachePolicy', 0);
    const from = (ip: string, country: string) => runOne('njs', { code: code() }, { uri: '/x', ip, headers: { 'cloudfront-viewer-country': country } }).reply.statusCode;
    expect([from('192.0.2.1', 'DE'), from('192.0.2.1', 'US'), from('192.0.3.1', 'DE')]).toEqual([undefined, 403, 403]);
  });

  test('what is none is refused', () => {
    expect(() => EdgeAccess.allowAddresses('/x')).toThrow("'networks' must have at least one, got none");
    expect(() => EdgeAccess.blockAddresses('/x', '10.0.0.1/8')).toThrow("a network must be 0 behind its prefix, got '10.0.0.1/8'");
    expect(() => EdgeAccess.allowAddresses('/x', 'localhost')).toThrow("a network must be an IPv4 or IPv6 address, or one with '/' and the length of its prefix, got 'localhost'");
    expect(() => EdgeAccess.allowCountries('/x')).toThrow("'codes' must have at least one, got none");
    expect(() => EdgeAccess.allowCountries('/x', 'DEU')).toThrow("'codes' must be two letters each, got 'DEU'");
  });
});

describe('what cannot be protected is an error', () => {
  test('the Lambda@Edge tier and the code', () => {
    stack = stackFor({ env: { account: '123456789012', region: 'us-east-1' } });
    expect(() => edge([basic()], { tier: EdgeTier.lambdaEdge() })).toThrow('access rules cannot be in the Lambda@Edge tier, whose answers are cached for everybody: use the key value store tier');
    stack = stackFor();
    expect(() => edge([basic()], { tier: EdgeTier.INLINE })).toThrow('passwords and keys of access rules cannot be in the code: use the key value store tier');
  });

  test('two credentials in one header, with the rule that is too much', () => {
    const token = EdgeAccess.token('/admin/api', { keys: [secret()] });
    expect(() => edge([basic(), token])).toThrow('Stack/Edge:2: the header Authorization holds a password or a token, both are asked for at /admin/api/*: put the token into a cookie | token /admin/api');
  });

  test('a behaviour without TLS, or one that hides the country', () => {
    const origin = new origins.HttpOrigin('www.example.net');
    const guarded = edge([EdgeAccess.allowCountries('/x', 'DE')], { rules: [RewriteRule.redirect('/a', '/b')] });
    expect(() => guarded.behavior({ origin, viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.ALLOW_ALL })).toThrow(
      "'viewerProtocolPolicy' must not be ALLOW_ALL with access rules: whoever is on the way would read passwords, tokens and what they protect");
    expect(() => guarded.behavior({ origin, originRequestPolicy: cloudfront.OriginRequestPolicy.CORS_S3_ORIGIN })).toThrow("'originRequestPolicy' must forward header 'cloudfront-viewer-country'");
    expect(guarded.behavior({ origin }).viewerProtocolPolicy).toBe(cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS);
  });
});
