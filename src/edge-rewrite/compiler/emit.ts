import { Access } from './access';
import { ACCESS, VIEWER_REQUEST, VIEWER_RESPONSE } from './blocks/minified.generated';
import { fieldsOf } from './conditions';
import { CompileOptions } from './model';
import { Table, linesOf } from './table';

/** The sources of the runtime, with `//#if` lines. Tests put in the readable ones to count opcodes per line. */
export interface Blocks {
  readonly access: string;
  readonly viewerRequest: string;
  readonly viewerResponse: string;
  /** Between their lines. */
  readonly separator: string;
}

/** Where the table is: in the code, one key of the store per entry, or many entries per key. */
export type Layout = 'inline' | 'store' | 'dense';

export const MINIFIED: Blocks = { access: ACCESS, viewerRequest: VIEWER_REQUEST, viewerResponse: VIEWER_RESPONSE, separator: '' };

/** Before a Lambda function at an origin event, which sees the origin's host: hands it the viewer's. */
export const HOST_FUNCTION = "function handler(event){var r=event.request;r.headers['x-rewrite-host']={value:r.headers.host.value};return r}";

/** What of the runtime a table and the options need. */
export function requestFeatures(table: Table, options: CompileOptions, layout: Layout, paths: boolean, access?: Access): ReadonlySet<string> {
  const kinds = new Set<string>();
  const tokens = new Set<string>();
  const texts = { captures: false, rests: false, asked: false, fragments: false, own: false };
  let merges = false;
  let slash = false;
  let several = false;
  for (const { value, pattern } of table.entries) {
    several ||= value.includes('<');
    for (const alternative of pattern.alternatives) {
      const { kind, policy, text, clauses } = alternative.rule;
      kinds.add(kind);
      merges ||= policy === 'm';
      slash ||= alternative.slash !== 'any';
      const served = kind >= 'a';
      if (text.includes('>')) {
        texts.captures = true;
        texts.rests ||= />[a-z]/.test(text);
        texts.asked ||= /\?[^`]*>/.test(text);
      }
      texts.fragments ||= !served && text.includes('#');
      texts.own ||= served && 'woe'.includes(kind) && (policy !== 'k' || text.includes('?'));
      if (clauses.length > 1 || clauses[0].length > 0) {
        clauses.forEach((clause) => clause.forEach((token) => tokens.add(token)));
      }
    }
  }
  const hasToken = (pattern: RegExp) => [...tokens].some((token) => pattern.test(token));

  const on = new Set<string>(access?.features);
  const when = (name: string, condition: boolean) => {
    if (condition) {
      on.add(name);
    }
  };
  const redirects = [...kinds].some((kind) => kind < 'a');
  const canonical = options.cleanUrls === true || options.canonicalHost !== undefined
    || options.trailingSlash === 'add' || options.trailingSlash === 'remove';
  when('table', table.entries.length > 0);
  when(layout, on.has('table'));
  when('lines', on.has('inline') || on.has('dense'));
  when('reading', on.has('store') || on.has('dense'));
  when('probes', table.reads.some((reads) => reads > 1));
  when('noprobes', !on.has('probes'));
  when('placeholders', table.entries.some(({ pattern }) => pattern.shape.mask.includes('p', 1)));
  when('hosts', table.hosts);
  when('host', table.hosts || options.canonicalHost !== undefined);
  when('slash', slash);
  when('conditions', tokens.size > 0);
  when('splits', kinds.has('s'));
  when('several', on.has('slash') || on.has('conditions') || on.has('splits') || several || table.ranked);
  when('single', !on.has('several'));
  when('lowest', table.ranked);
  when('first', !table.ranked);
  when('cookies', hasToken(/^!?K/));
  when('queries', hasToken(/^!?Q/));
  when('captured', hasToken(/^Q[^=<$~]*>/));
  when('affixes', hasToken(/^A/));
  when('recapture', table.ranked && (on.has('captured') || on.has('affixes')));
  when('methods', hasToken(/^!?T/));
  when('labels', hasToken(/^Z/));
  when('languages', hasToken(/^!?L/));
  when('special', hasToken(/^!?[QTZLA]/));
  when('redirects', redirects);
  when('fragments', texts.fragments);
  when('whole', !texts.fragments);
  when('merges', merges);
  when('statuses', kinds.has('e'));
  when('proxies', kinds.has('o'));
  when('arguments', on.has('splits') || on.has('merges') || on.has('statuses') || on.has('proxies'));
  when('rewrites', ['w', 'o', 'e', 's'].some((kind) => kinds.has(kind)));
  when('own', texts.own);
  when('captures', texts.captures);
  when('rests', texts.rests);
  when('asked', texts.asked);
  when('clean', options.cleanUrls === true);
  when('add', options.trailingSlash === 'add');
  when('remove', options.trailingSlash === 'remove');
  when('canonical', canonical);
  when('base', options.canonicalHost !== undefined);
  when('location', redirects || canonical);
  when('spa', options.spaFallback !== undefined);
  when('index', options.indexDocument !== undefined);
  when('extension', extensionOf(options) !== undefined);
  when('documents', on.has('spa') || on.has('index') || on.has('extension'));
  when('serving', on.has('canonical') || on.has('documents'));
  when('markers', on.has('statuses') || on.has('splits') || on.has('proxies') || paths);
  when('paths', paths && (on.has('rewrites') || on.has('documents')));
  when('guarded', access !== undefined && (on.has('rewrites') || on.has('documents')));
  return on;
}

/** What is appended to a path without slash and extension. */
function extensionOf(options: CompileOptions): string | undefined {
  if (options.cleanUrls === true) {
    return '.html';
  }
  return options.trailingSlash === 'remove' && options.indexDocument !== undefined ? `/${options.indexDocument}` : undefined;
}

export function emitRequest(
  table: Table, options: CompileOptions, features: ReadonlySet<string>, blocks: Blocks, buckets = 0, access?: Access,
): string {
  const cells = table.probes.split('|');
  const constants: Record<string, string> = {
    TABLE: features.has('inline') ? JSON.stringify(linesOf(table.entries)) : '',
    BUCKETS: String(buckets),
    PROBES: JSON.stringify(table.probes),
    DEEPEST: String(cells.length - 1),
    PLACES: table.hosts ? '3' : '2',
    HOST: JSON.stringify(options.canonicalHost ?? ''),
    SERVABLE: '"pws"',
    CANONICAL_STATUS: String(options.canonicalStatus ?? 301),
    SPA: JSON.stringify(options.spaFallback ?? ''),
    INDEX: JSON.stringify(options.indexDocument ?? ''),
    ACCESS: JSON.stringify(access?.table ?? ''),
    GUARDS: access?.guards ?? '',
    EXTENSION: JSON.stringify(extensionOf(options) ?? ''),
  };
  const code = resolveDirectives(blocks.access + blocks.viewerRequest, features, blocks.separator);
  const awaited = features.has('reading') || features.has('secrets') ? code : code.replace(/\b(?:async|await) /g, '');
  const cloudfront = features.has('reading') || features.has('secrets') || features.has('proxies') ? 'import cf from \'cloudfront\';\n' : '';
  const crypto = features.has('dense') || features.has('secrets') ? 'import crypto from \'crypto\';\n' : '';
  return cloudfront + crypto + awaited.replace(/\b[A-Z][A-Z_]{2,}\b/g, (name) => constants[name] ?? name);
}

/** One header rule, ready for the code. */
export interface ResponseRule {
  /** Source of a regular expression over the path; its groups are the captures. */
  readonly path: string;
  /** Likewise over the host. */
  readonly host?: string;
  /** Tokens that must all hold; several clauses, any of them. */
  readonly clauses: readonly (readonly string[])[];
  readonly operations: readonly ResponseOperation[];
}

export interface ResponseOperation {
  readonly kind: 'set' | 'append' | 'unset';
  readonly name: string;
  /** Literal text, or the number of a group. */
  readonly value: readonly (string | number)[];
}

export function responseFeatures(rules: readonly ResponseRule[], statuses: boolean, splits: boolean): ReadonlySet<string> {
  const tokens = rules.flatMap(({ clauses }) => clauses.flat());
  const on = new Set<string>();
  const when = (name: string, condition: boolean) => {
    if (condition) {
      on.add(name);
    }
  };
  when('rules', rules.length > 0);
  when('statuses', statuses);
  when('splits', splits);
  when('host', rules.some(({ host }) => host !== undefined));
  when('puts', rules.some(({ operations }) => operations.some(({ kind }) => kind === 'append')));
  when('conditions', tokens.length > 0);
  when('cookies', tokens.some((token) => /^!?K/.test(token)));
  when('queries', tokens.some((token) => /^!?Q/.test(token)));
  when('methods', tokens.some((token) => /^!?T/.test(token)));
  when('languages', tokens.some((token) => /^!?L/.test(token)));
  when('special', tokens.some((token) => /^!?[QTL]/.test(token)));
  return on;
}

export function emitResponse(rules: readonly ResponseRule[], features: ReadonlySet<string>, blocks: Blocks): string {
  // The conditions are the same block as in the request.
  const conditions = blocks.viewerRequest.slice(0, blocks.viewerRequest.indexOf('//#if location'));
  const code = resolveDirectives(conditions + blocks.viewerResponse, features, blocks.separator);
  if (rules.length === 0) {
    return code;
  }
  const puts = features.has('puts');
  const body = ['var m;', 'var k;', ...puts ? ['var w={};'] : [], ...rules.map((rule) => responseRule(rule, puts))].join('\n');
  return `${code}\nfunction apply(q,h,u,o){\n${body}\n}`.replace(/\n/g, (line) => blocks.separator === '' ? '' : line);
}

/** The names are those of `apply`: q request, h headers, u path, o host, m match, k clause holds, w set by us. */
function responseRule({ path, host, clauses, operations }: ResponseRule, puts: boolean): string {
  const captures = operations.some(({ value }) => value.some((part) => typeof part === 'number'));
  const literal = (value: ResponseOperation['value']) => value.length === 0
    ? '""'
    : value.map((part) => typeof part === 'string' ? JSON.stringify(part) : `m[${part}]`).join('+');
  let code = operations.map(({ kind, name, value }) => {
    const key = JSON.stringify(name.toLowerCase());
    if (kind === 'unset') {
      return `delete h[${key}];`;
    }
    return puts ? `put(h,w,${key},${literal(value)},${kind === 'append'});` : `h[${key}]={value:${literal(value)}};`;
  }).join('\n');
  if (!clauses.some((clause) => clause.length === 0)) {
    const any = clauses.map((clause) => {
      return clause.reduceRight((inner, token) => `if(${holds(token)}){\n${inner}\n}`, 'k=true;');
    });
    code = `k=false;\n${any.join('\n')}\nif(k){\n${code}\n}`;
  }
  if (captures) {
    code = `m=/${path}/.exec(u.replace(/[^!-~]+/g,encodeURIComponent));\nif(m){\n${code}\n}`;
  } else if (path !== '') {
    code = `if(/${path}/.test(u)){\n${code}\n}`;
  }
  return host === undefined ? code : `if(/${host}/.test(o)){\n${code}\n}`;
}

function holds(token: string): string {
  const [place, name, source] = fieldsOf(token);
  return `/${source.replace(/\//g, '\\/')}/.test(told(q,[],"${place}","${name}"))`;
}

/** Keeps what stands between `//#if x` and `//#endif` if x is on. */
function resolveDirectives(block: string, features: ReadonlySet<string>, separator: string): string {
  const open: boolean[] = [];
  return block.split('\n').filter((line) => {
    const [, word, name] = /^\s*\/\/#(\w+) ?(\w*)$/.exec(line) ?? [];
    if (word === 'if') {
      open.push(features.has(name));
    } else if (word === 'endif') {
      open.pop();
    }
    return word === undefined && open.every((one) => one);
  }).join(separator);
}
