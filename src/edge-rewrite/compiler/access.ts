import { isIPv4, isIPv6 } from 'node:net';
import { AccessRule, DataEntry, Diagnostic, Tier } from './model';

/** What guards paths; all of it that is secret is in `entries`. Form: blocks/access.js. */
export interface Access {
  /** The constant ACCESS. */
  readonly table: string;
  /** The constant GUARDS. */
  readonly guards: string;
  /** What of the runtime is needed. */
  readonly features: ReadonlySet<string>;
  /** For the store. */
  readonly entries: readonly DataEntry[];
  /** Headers CloudFront must add to requests. */
  readonly headers: readonly string[];
  readonly protectedPaths: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
  /** Per protected path, for the sums of cost.ts. */
  readonly lists: readonly AccessList[];
}

/** All checks of a protected path. */
interface AccessList {
  readonly rules: readonly AccessRule[];
}

/** Those that need no secret come first, so that they cost no look-up. */
const ORDER: ReadonlyArray<AccessRule['check']['kind']> = ['addresses', 'countries', 'link', 'token', 'basic'];

export function accessOf(rules: readonly AccessRule[] = []): Access | undefined {
  if (rules.length === 0) {
    return undefined;
  }
  const ids = new Map(rules.map((rule, n) => [rule, `!${n.toString(36)}`]));
  const paths = [...new Set(rules.map(({ path }) => path))].sort();
  const guards = paths.map((path) => ({
    path,
    rules: rules.filter((rule) => path === rule.path || path.startsWith(`${rule.path}/`))
      .sort((a, b) => ORDER.indexOf(a.check.kind) - ORDER.indexOf(b.check.kind)),
  }));
  const kinds = new Set(rules.map(({ check: { kind } }) => kind));
  const on = new Set(['access', ...[...kinds].flatMap((kind) => FEATURES[kind])]);
  const lines = guards.map((guard) => `${guard.path} ${guard.rules.map((rule) => checkOf(rule, ids.get(rule) ?? '')).join('^')}}`);
  return {
    table: `}${lines.join('')}`,
    guards: `/^(?:${[...paths].reverse().map(escaped).join('|')})(?=\\/|$)/`,
    features: on,
    entries: rules.flatMap((rule) => entriesOf(rule, ids.get(rule) ?? '')),
    headers: kinds.has('countries') ? ['cloudfront-viewer-country'] : [],
    protectedPaths: guards.map((guard) => `${guard.path}/*: ${guard.rules.map(({ check }) => shown(check)).join(', ')}`),
    diagnostics: guards.flatMap((guard) => conflictsOf(guard.path, guard.rules)),
    lists: guards,
  };
}

/** Look-ups that one request makes at most to be let through, and to be let through again where a rule leads to. */
export function accessReads(access: Access | undefined, guarded: boolean): number {
  const reads = (access?.lists ?? []).map(({ rules }) => rules.filter(isSecret).length).sort((a, b) => b - a);
  return reads.slice(0, guarded ? 2 : 1).reduce((sum, count) => sum + count, 0);
}

/** What the access rules add to the cost of a request, by adding up what each block of blocks/access.js was counted at. */
export function accessCost(access: Access | undefined, guarded: boolean): number {
  if (access === undefined) {
    return 0;
  }
  const { features, lists } = access;
  const kinds = ['addresses', 'countries', 'links', 'tokens', 'users'].filter((kind) => features.has(kind)).length;
  const [first, second = UNPROTECTED] = lists
    .map(({ rules }) => 86 + (features.has('credentials') ? 7 : 0) + rules.reduce((sum, { check }) => sum + 16 + 2 * kinds + checkCost(check), 0))
    .sort((a, b) => b - a);
  return first + (guarded ? second + 5 : 0);
}

/** To find that no rule covers a path. */
const UNPROTECTED = 48;

function checkCost(check: AccessRule['check']): number {
  switch (check.kind) {
    case 'addresses': return 60;
    case 'countries': return 13;
    case 'link': return 54 + 63 * check.keys.length;
    case 'token': return 107 + 63 * check.keys.length + (check.cookie === undefined ? 0 : 7)
      + (check.issuer === undefined ? 0 : 3) + (check.audience === undefined ? 0 : 9);
    case 'basic': return 47;
  }
}

/** Code and template are no place for secrets, and answers of Lambda@Edge are cached for everybody. */
export function tierConflicts(access: Access | undefined, tier: Tier): readonly Diagnostic[] {
  const conflict = (message: string): readonly Diagnostic[] => [{ source: { file: '', line: 0 }, severity: 'error', code: 'tier', message }];
  if (access === undefined || tier === 'key-value-store') {
    return [];
  }
  if (tier === 'lambda-edge') {
    return conflict('access rules cannot be in the Lambda@Edge tier, whose answers are cached for everybody: use the key value store tier');
  }
  return access.entries.length > 0 ? conflict('passwords and keys of access rules cannot be in the code: use the key value store tier') : [];
}

function isSecret({ check: { kind } }: AccessRule): boolean {
  return kind === 'basic' || kind === 'token' || kind === 'link';
}

const FEATURES: Readonly<Record<AccessRule['check']['kind'], readonly string[]>> = {
  addresses: ['addresses'],
  countries: ['countries'],
  link: ['links', 'signatures', 'secrets'],
  token: ['tokens', 'signatures', 'credentials', 'secrets'],
  basic: ['users', 'credentials', 'secrets'],
};

function checkOf({ check }: AccessRule, id: string): string {
  switch (check.kind) {
    case 'addresses': return `a\`${expression(networksOf(check.networks), check.block)}`;
    case 'countries': return `c\`${expression([...check.codes].sort().join('|'), check.block)}$`;
    case 'link': return `l\`${id}`;
    case 'token': return `j\`${id}\`${check.cookie ?? ''}\`${check.issuer ?? ''}\`${check.audience ?? ''}`;
    case 'basic': return `u\`${id}\`${check.salt}\`${check.realm}`;
  }
}

/** As part of an expression. */
function escaped(path: string): string {
  return path.replace(/[/.$()+]/g, '\\$&');
}

/** What does not match lets nobody through, so blocking, too, demands something: an address or a country that is none of those. */
function expression(alternatives: string, block: boolean): string {
  return block ? `?!${alternatives})..` : `?:${alternatives})`;
}

function entriesOf({ check }: AccessRule, id: string): readonly DataEntry[] {
  switch (check.kind) {
    case 'link':
    case 'token': return [{ key: id, value: check.keys.join(' ') }];
    case 'basic': return [...new Set(check.digests)].map((digest) => ({ key: `${id}${digest}`, value: '1' }));
    default: return [];
  }
}

function shown(check: AccessRule['check']): string {
  switch (check.kind) {
    case 'addresses': return `${check.block ? 'not from' : 'from'} ${check.networks.join(' ')}`;
    case 'countries': return `${check.block ? 'not from' : 'from'} ${check.codes.join(' ')}`;
    case 'link': return 'signed link';
    case 'token': return check.cookie === undefined ? 'token' : `token in cookie '${check.cookie}'`;
    case 'basic': return `password, ${check.digests.length} users`;
  }
}

/** A request has one header Authorization and one signature. */
function conflictsOf(path: string, rules: readonly AccessRule[]): readonly Diagnostic[] {
  const of = (wanted: (check: AccessRule['check']) => boolean) => rules.filter(({ check }) => wanted(check));
  const links = of(({ kind }) => kind === 'link');
  const passwords = of(({ kind }) => kind === 'basic');
  const bearers = of((check) => check.kind === 'token' && check.cookie === undefined);
  const conflict = (source: AccessRule['source'], message: string): Diagnostic => ({ source, severity: 'error', code: 'access', message });
  return [
    ...links.length > 1 ? [conflict(links[1].source, `a link has one signature, ${links.length} are asked for at ${path}/*: nobody could pass`)] : [],
    ...passwords.length > 0 && bearers.length > 0
      ? [conflict(bearers[0].source, `the header Authorization holds a password or a token, both are asked for at ${path}/*: put the token into a cookie`)]
      : [],
  ];
}

// ------------------------------------------------------------------------------------------------------------ addresses

/** Expression for the beginnings of addresses in hexadecimal. A network within another goes. */
function networksOf(networks: readonly string[]): string {
  const ranges = networks.map(bitsOf);
  const widest = ranges.filter((range, n) => !ranges.some((other, m) => range.startsWith(other) && (other !== range || m < n)));
  return widest.sort().map(beginning).join('|');
}

/** An IPv4 address as IPv6 writes it. */
const MAPPED = '0'.repeat(80) + '1'.repeat(16);

/** '4' or '6', then the bits of the network. Throws if it is none. */
export function bitsOf(network: string): string {
  const [, address, length] = /^([\da-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const family = address === undefined ? 0 : isIPv4(address) ? 4 : isIPv6(address) ? 6 : 0;
  const size = family === 4 ? 32 : 128;
  const prefix = length === undefined ? size : Number(length);
  if (family === 0 || prefix > size) {
    throw new Error(`a network must be an IPv4 or IPv6 address, or one with '/' and the length of its prefix, got '${network}'`);
  }
  const bits = family === 4
    ? address.split('.').map((byte) => Number(byte).toString(2).padStart(8, '0')).join('')
    : groupsOf(address).map((group) => group.toString(2).padStart(16, '0')).join('');
  if (bits.slice(prefix).includes('1')) {
    throw new Error(`a network must be 0 behind its prefix, got '${network}'`);
  }
  return bits.startsWith(MAPPED) && prefix >= MAPPED.length ? `4${bits.slice(MAPPED.length, prefix)}` : family + bits.slice(0, prefix);
}

function groupsOf(address: string): readonly number[] {
  const mapped = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) => {
    return `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`;
  });
  const [left, right] = mapped.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = right === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right ?? []].map((group) => parseInt(group, 16));
}

function beginning(range: string): string {
  const bits = range.slice(1);
  const whole = bits.length - bits.length % 4;
  const digits = (bits.slice(0, whole).match(/.{4}/g) ?? []).map((four) => parseInt(four, 2).toString(16)).join('');
  const rest = bits.slice(whole);
  const some = Array.from({ length: 16 }, (_, n) => n).filter((n) => n.toString(2).padStart(4, '0').startsWith(rest));
  return range[0] + digits + (rest === '' ? '' : `[${some.map((n) => n.toString(16)).join('')}]`);
}
