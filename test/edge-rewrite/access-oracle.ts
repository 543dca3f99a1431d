/** What access rules mean, rule by rule, written from the model alone; and what visitors send to pass them. */
import { createHmac } from 'node:crypto';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { AccessCheck, AccessRule } from '../../src/edge-rewrite/compiler/model';
import { EdgeRequest } from '../kit/njs/engine';

export const KEYS = ['k'.repeat(32), 'another-key-of-32-characters-and-more'] as const;
export const SALT = '0123456789abcdef';

export function access(path: string, check: AccessCheck): AccessRule {
  return { source: { file: 'access', line: 1 }, path, check };
}

export function users(...names: readonly string[]): AccessCheck {
  return { kind: 'basic', realm: 'Staff only', salt: SALT, digests: names.map((name) => hmac(SALT, name, 'hex')) };
}

export function hmac(key: string, text: string, encoding: 'hex' | 'base64url'): string {
  return createHmac('sha256', key).update(text).digest(encoding);
}

export function password(user: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(user).toString('base64')}` };
}

export function jwt(claims: unknown, key: string = KEYS[0], head: unknown = { alg: 'HS256', typ: 'JWT' }): string {
  const text = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${hmac(key, text, 'base64url')}`;
}

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

export function signed(uri: string, until = inSeconds(600), key: string = KEYS[0]): string {
  return `exp=${until}&sig=${hmac(key, `${uri}?exp=${until}`, 'hex')}`;
}

/** Status of the refusal; undefined if the request goes on. */
export function admit(rules: readonly AccessRule[], request: EdgeRequest): 401 | 403 | undefined {
  const segments = segmentsOf(request.uri);
  if (segments === undefined) {
    return 403;
  }
  const covering = rules.filter(({ path }) => path.split('/').slice(1).every((segment, n) => segments[n] === segment));
  const order = ['addresses', 'countries', 'link', 'token', 'basic'];
  const failed = order.flatMap((kind) => covering.filter(({ check }) => check.kind === kind)).find(({ check }) => !passes(check, request));
  return failed === undefined ? undefined : failed.check.kind === 'token' || failed.check.kind === 'basic' ? 401 : 403;
}

/** The segments an origin may see, character by character; undefined if that is not certain. */
function segmentsOf(uri: string): readonly string[] | undefined {
  // A parameter that holds a slash of another kind is dropped by some origins and split by others.
  if (uri.split('/').some((segment) => /(?:\\|%2f|%5c)/i.test(segment.replace(/^.*?([;:]|%3[abf]|%23|$)/i, '')))) {
    return undefined;
  }
  const bytes: number[] = [];
  for (let n = 0; n < uri.length; n++) {
    if (uri[n] === '%') {
      const code = uri.slice(n + 1, n + 3);
      if (!/^[0-9a-fA-F]{2}$/.test(code)) {
        return undefined;
      }
      bytes.push(parseInt(code, 16));
      n += 2;
    } else {
      const whole = String.fromCodePoint(uri.codePointAt(n) ?? 0);
      bytes.push(...Buffer.from(whole));
      n += whole.length - 1;
    }
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
  if ([...text].some((char) => char < ' ' || char === '\u007f') || /%[0-9a-f][0-9a-f]/i.test(text) || !['/', '\\'].includes(text[0])) {
    return undefined;
  }
  const segments: string[] = [];
  for (const segment of text.split(/[/\\]/).slice(1)) {
    const name = segment.split(/[;:?#]/)[0];
    if (name !== '' && [...name].every((char) => char === '.' || char === ' ')) {
      return undefined;
    }
    let end = name.length;
    while (end > 0 && (name[end - 1] === '.' || name[end - 1] === ' ')) {
      end--;
    }
    if (end > 0) {
      segments.push(name.slice(0, end).toUpperCase().toLowerCase());
    }
  }
  return segments;
}

function passes(check: AccessCheck, { uri, query = '', headers = {}, cookies = {}, ip = '198.51.100.7' }: EdgeRequest): boolean {
  switch (check.kind) {
    case 'addresses': return isIPv4(ip) || isIPv6(ip) ? within(check.networks, ip) !== check.block : false;
    case 'countries': {
      const country = headers['cloudfront-viewer-country'];
      return country !== undefined && check.codes.includes(country) !== check.block;
    }
    case 'link': {
      const { exp, sig } = Object.fromEntries(new URLSearchParams(query));
      return exp !== undefined && Number(exp) > Date.now() / 1000 && check.keys.some((key) => hmac(key, `${uri}?exp=${exp}`, 'hex') === sig);
    }
    case 'token': {
      const text = check.cookie === undefined ? /^bearer +(.*)$/i.exec(headers.authorization ?? '')?.[1] : cookies[check.cookie];
      const [head, claims, signature, ...more] = (text ?? '').split('.');
      if (signature === undefined || more.length > 0 || !check.keys.some((key) => hmac(key, `${head}.${claims}`, 'base64url') === signature)) {
        return false;
      }
      const { alg, crit } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg?: string; crit?: unknown };
      const { exp, nbf, iss, aud } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
      const now = Date.now() / 1000;
      return alg === 'HS256' && crit === undefined && typeof exp === 'number' && exp > now
        && (nbf === undefined || (typeof nbf === 'number' && nbf <= now))
        && (check.issuer === undefined || iss === check.issuer)
        && (check.audience === undefined || aud === check.audience || (Array.isArray(aud) && aud.includes(check.audience)));
    }
    case 'basic': {
      const [, encoded] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(headers.authorization ?? '') ?? [];
      return encoded !== undefined && check.digests.includes(hmac(check.salt, Buffer.from(encoded, 'base64').toString(), 'hex'));
    }
  }
}

/** An IPv4 address written as one of IPv6 is the former, and no network of the other kind has it. */
function within(networks: readonly string[], written: string): boolean {
  const ip = written.replace(/^::ffff:(?=\d+\.)/, '');
  const family = (address: string) => isIPv4(address) ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  for (const network of networks) {
    const [address, prefix] = network.split('/');
    if (family(address) === family(ip)) {
      list.addSubnet(address, Number(prefix ?? (isIPv4(address) ? 32 : 128)), family(address));
    }
  }
  return list.check(ip, family(ip));
}
