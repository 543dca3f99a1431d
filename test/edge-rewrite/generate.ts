/** Random rules and requests over a small alphabet, so that they meet, overlap and hide one another. */
import type {
  Action, CompileOptions, Condition, Part, QueryMatch, Rule, RuleSet, Segment, Target,
} from '../../src/edge-rewrite/compiler/model';
import { Prng } from '../kit/faults';
import type { EdgeRequest } from '../kit/njs/engine';

export interface Dialect {
  readonly trailing: 'optional' | 'exact';
  readonly conditions: boolean;
  readonly hosts: boolean;
  readonly queries: boolean;
  readonly options: boolean;
}

export const DIALECTS: Readonly<Record<'netlify' | 'cloudflare' | 'vercel' | 'code', Dialect>> = {
  netlify: { trailing: 'optional', conditions: true, hosts: true, queries: true, options: false },
  cloudflare: { trailing: 'exact', conditions: false, hosts: false, queries: false, options: false },
  vercel: { trailing: 'exact', conditions: true, hosts: false, queries: true, options: true },
  code: { trailing: 'optional', conditions: true, hosts: true, queries: true, options: true },
};

const WORDS = ['a', 'b', 'c', ':', 'a.html', 'index.html', 'ä'];
const HOSTS = ['www.example.com', 'old.example.com'];
const FILES = ['/a/index.html', '/b.html', '/index.html', '/c/a.html', '/a/b/c', '/c'];

export interface Case {
  readonly sets: readonly RuleSet[];
  readonly options: CompileOptions;
  readonly requests: readonly EdgeRequest[];
}

export function randomCase(seed: number, dialect: Dialect, requests: number): Case {
  const prng = new Prng(seed);
  const rules = Array.from({ length: prng.int(1, 8) }, (_, n) => randomRule(prng, dialect, n + 1));
  return {
    sets: [{ name: 'random', rules, headers: [], diagnostics: [] }],
    options: {
      ...prng.chance(0.3) ? { site: { files: FILES.filter(() => prng.chance(0.5)) } } : {},
      ...dialect.options ? randomOptions(prng) : {},
    },
    requests: Array.from({ length: requests }, () => randomRequest(prng)),
  };
}

function randomOptions(prng: Prng): CompileOptions {
  return {
    ...prng.chance(0.2) ? { spaFallback: '/app.html' } : {},
    ...prng.chance(0.3) ? { cleanUrls: true } : {},
    ...prng.chance(0.4) ? { trailingSlash: prng.pick(['add', 'remove', 'keep'] as const) } : {},
    ...prng.chance(0.3) ? { indexDocument: 'index.html' } : {},
    ...prng.chance(0.2) ? { canonicalHost: 'www.example.com' } : {},
    ...prng.chance(0.2) ? { canonicalStatus: 308 } : {},
  };
}

function randomRule(prng: Prng, dialect: Dialect, line: number): Rule {
  const captures: string[] = [];
  const segments: Segment[] = Array.from({ length: prng.int(0, 3) }, (_, n): Segment => {
    if (prng.chance(0.35)) {
      captures.push(`p${n}`);
      const around = prng.chance(0.25) ? prng.pick<Pick<Segment & { kind: 'placeholder' }, 'prefix' | 'suffix'>>([
        { prefix: 'a' }, { suffix: '.html' }, { prefix: 'in', suffix: '.html' }, { prefix: 'ä' }, { suffix: 'l' },
      ]) : {};
      return { kind: 'placeholder', name: `p${n}`, ...around };
    }
    return { kind: 'literal', text: prng.pick(WORDS) };
  });
  if (prng.chance(0.35)) {
    captures.push('splat');
    segments.push({ kind: 'splat', name: 'splat' });
  }
  const query: QueryMatch[] = dialect.queries && prng.chance(0.2)
    ? [prng.pick([{ name: 'x' }, { name: 'x', value: '1 2' }, { name: 'y', capture: 'why' }])]
    : [];
  const inPath = [...captures];
  query.forEach(({ capture }) => capture !== undefined && captures.push(capture));
  return {
    source: { file: 'random', line },
    ...dialect.hosts && prng.chance(0.15)
      ? { host: { labels: prng.pick(HOSTS).split('.').map((text) => ({ kind: 'literal', text })) } }
      : {},
    path: {
      segments,
      trailing: dialect.trailing,
      slash: segments.length === 0 || (segments.at(-1)?.kind !== 'splat' && prng.chance(0.3)),
    },
    query,
    conditions: dialect.conditions && prng.chance(0.35) ? Array.from({ length: prng.int(1, 2) }, () => randomCondition(prng)) : [],
    action: randomAction(prng, captures, inPath),
    queryPolicy: prng.pick(['keep', 'keep', 'merge', 'drop']),
    force: prng.chance(0.3),
  };
}

function randomAction(prng: Prng, captures: readonly string[], inPath: readonly string[]): Action {
  const kind = prng.pick(['redirect', 'redirect', 'redirect', 'rewrite', 'proxy', 'status', 'page', 'split', 'pass', 'host'] as const);
  const target = (own = true) => randomTarget(prng, captures, own);
  switch (kind) {
    case 'redirect': return { kind, status: prng.pick([301, 302, 303, 307, 308] as const), target: { ...target(), ...prng.chance(0.1) ? { fragment: 'top' } : {} } };
    case 'host': {
      const label = inPath.find((name) => name !== 'splat');
      const host: Part[] = label !== undefined && prng.chance(0.5)
        ? [{ capture: label }, { text: '.shop.example.com' }]
        : [{ text: 'other.example.com' }];
      return { kind: 'redirect', status: 302, target: { ...target(), host, scheme: 'https' } };
    }
    case 'rewrite': return { kind, target: target() };
    case 'proxy': return { kind, origin: prng.chance(0.5) ? { id: 'api' } : { host: 'api.example.com', scheme: 'https' }, target: target() };
    case 'status': return { kind, status: prng.pick([404, 410, 451] as const) };
    case 'page': return { kind: 'status', status: 404, page: target() };
    case 'split': return {
      kind, experiment: 'exp', variants: [{ weight: 12.5, target: target(false) }, { weight: 87.5, target: target(false) }],
    };
    case 'pass': return { kind };
  }
}

function randomTarget(prng: Prng, captures: readonly string[], own: boolean): Target {
  const path: Part[] = [{ text: `/${prng.pick(['', 't', 't/', 'ü x', 'a^b`c|d', 'a'])}` }];
  for (const capture of captures) {
    if (prng.chance(0.6)) {
      path.push({ capture }, ...prng.chance(0.5) ? [{ text: prng.pick(['/', '-z', '/z']) }] : []);
    }
  }
  return {
    path,
    ...own && prng.chance(0.2)
      ? { query: [{ name: prng.pick(['x', 'q']), value: captures.length > 0 && prng.chance(0.5) ? [{ capture: captures[0] }] : prng.chance(0.2) ? [] : [{ text: 'v&1' }] }] }
      : {},
  };
}

function randomCondition(prng: Prng): Condition {
  const negate = prng.chance(0.25) ? { negate: true } : {};
  return prng.pick<() => Condition>([
    () => ({ kind: 'country', values: prng.pick([['DE', 'at'], ['US']]), ...negate }),
    () => ({ kind: 'region', values: prng.pick([['DE-BY'], ['BY', 'US-CA']]), ...negate }),
    () => ({ kind: 'language', values: prng.pick([['de'], ['fr', 'en-GB']]), ...negate }),
    () => ({ kind: 'cookie', name: 'c', values: prng.pick([[], ['on'], ['1,2']]), ...negate }),
    () => ({ kind: 'header', name: 'X-H', values: ['pre'], compare: prng.pick(['equals', 'prefix', 'suffix', 'contains'] as const), ...negate }),
    () => ({ kind: 'query', name: 'x', values: prng.pick([[], ['1 2', '3']]), ...negate }),
    () => ({ kind: 'device', values: prng.pick([['mobile'], ['tablet', 'desktop']]), ...negate }),
    () => ({ kind: 'method', values: prng.pick([['GET'], ['POST', 'PUT']]), ...negate }),
    () => ({ kind: 'host', values: prng.pick([['www.example.com'], ['*.example.com']]), ...negate }),
  ])();
}

function randomRequest(prng: Prng): EdgeRequest {
  const words = Array.from({ length: prng.int(0, 4) }, () => prng.pick([...WORDS.slice(0, 6), '%C3%A4', '', 'evil.com', 'd', '\\e', '%2f', 'k&x=v']));
  const headers: Record<string, string> = {};
  const maybe = (name: string, values: readonly string[]) => {
    if (prng.chance(0.5)) {
      headers[name] = prng.pick(values);
    }
  };
  maybe('host', HOSTS);
  maybe('cloudfront-viewer-country', ['DE', 'AT', 'US', 'FR']);
  maybe('cloudfront-viewer-country-region', ['BY', 'CA', 'NW']);
  maybe('accept-language', [
    'de', 'fr-CA;q=0.8, en-GB;q=0.9', 'en, de;q=0.5', '', ';;q=x', 'DE-at,fr;q=1', '*, de;q=0.9', 'en;q=0.80,de;q=0.8', 'en;q=0.8, fr;q=0.850 ,de;q=0.85',
    'de;q=0, fr;q=0.000', 'fr ; q=1.000,de', '!9 de, \tfr;q=0.1', 'dex, defr;q=0.1', ',,en-gb,', 'de;q=2,en;q=0.1', 'x'.repeat(4_000),
  ]);
  maybe('x-h', ['pre', 'prefix', 'a pre', 'xprex', 'é']);
  maybe('cloudfront-is-mobile-viewer', ['true', 'false']);
  maybe('cloudfront-is-desktop-viewer', ['true', 'false']);
  return {
    uri: `/${words.join('/')}${prng.chance(0.3) ? '/' : ''}`,
    ...prng.chance(0.4) ? { query: prng.pick(['', 'x=1', 'x=1+2&y=ü%20', 'x=1%202', 'q=1&x&q=2', 'y=%zz&x=3', 'y=/%2f/evil.com', 'z=%0d%0aX']) } : {},
    ...prng.chance(0.15) ? { method: 'POST' } : {},
    ...Object.keys(headers).length > 0 ? { headers } : {},
    ...prng.chance(0.3) ? { cookies: prng.pick<Record<string, string>>([{ c: 'on' }, { c: '1,2' }, { rw_exp: '1249' }, { rw_exp: '1250', c: 'x' }]) } : {},
  };
}
