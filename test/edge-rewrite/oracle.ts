/**
 * What a rule file means, read top down: the first rule that matches decides. Written from the model alone, without a
 * line of the compiler: rules become regular expressions that are tried one after the other.
 */
import type {
  CompileOptions, Condition, QueryMatch, Rule, RuleSet, Segment, Target, Template,
} from '../../src/edge-rewrite/compiler/model';
import type { EdgeRequest } from '../kit/njs/engine';

export interface Decision {
  readonly status?: number;
  readonly location?: string;
  readonly uri?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly origin?: string;
  /** Markers for viewer-response. */
  readonly page?: string;
  readonly variant?: string;
}

interface Hit {
  readonly rule: Rule;
  readonly captures: Readonly<Record<string, string>>;
}

export function decide(sets: readonly RuleSet[], options: CompileOptions, request: EdgeRequest): Decision {
  const host = header(request, 'host')?.toLowerCase() ?? '';
  const base = options.canonicalHost !== undefined && host !== options.canonicalHost ? `https://${options.canonicalHost}` : '';
  if (/[^!-~]/.test(request.uri)) {
    return { uri: request.uri, query: queryOf(request) };
  }
  const file = isFile(request.uri, options);
  const hit = file
    ? find(sets, request, host, (rule) => rule.force)
    : find(sets, request, host, () => true);
  if (hit === undefined) {
    return serve(request, documentOf(request.uri, options) ?? request.uri, options, base, file ? 'file' : 'nothing', queryOf(request));
  }
  const { rule: { action, queryPolicy }, captures } = hit;
  switch (action.kind) {
    case 'pass':
      return serve(request, request.uri, options, base, 'rule', queryOf(request));
    case 'redirect':
      return { status: action.status, location: location(action.target, hit, request, base) };
    case 'status':
      if (action.page === undefined) {
        return { status: action.status };
      }
      return { uri: fill(action.page.path, captures, PATH), page: String(action.status), query: served(action.page, hit, request) };
    case 'proxy':
      return {
        uri: fill(action.target.path, captures, PATH),
        origin: 'id' in action.origin ? action.origin.id : action.origin.host,
        variant: 'id' in action.origin ? action.origin.id : `@${action.origin.scheme}:${action.origin.host}`,
        query: served(action.target, hit, request),
      };
    case 'rewrite':
      return serve(request, fill(action.target.path, captures, PATH), options, base, 'rule', served(action.target, hit, request));
    case 'split': {
      const bucket = Number(request.cookies?.[`rw_${action.experiment}`] ?? 5_000);
      let end = 0;
      const n = action.variants.findIndex(({ weight }) => bucket < (end += weight * 100));
      const { target } = action.variants[n];
      const decision = serve(request, fill(target.path, captures, PATH), options, base, 'rule', queryOf(request));
      return decision.uri === undefined ? decision : { ...decision, variant: `${action.experiment}=${n}` };
    }
  }
  function served(target: Target, { rule }: Hit, from: EdgeRequest): Record<string, string> {
    const read = queryPolicy === 'drop' ? {} : queryOf(from);
    if (queryPolicy === 'merge') {
      rule.query.forEach(({ name }) => delete read[name]);
    }
    (target.query ?? []).forEach(({ name, value }) => read[name] = fill(value, apart(captures), QUERY));
    return read;
  }
}

/** A redirect of slash, extension or host where nothing else was decided, then the file that stands for the path. */
function serve(
  request: EdgeRequest, path: string, options: CompileOptions, base: string, why: 'file' | 'nothing' | 'rule', query: Record<string, string>,
): Decision {
  let goal = request.uri;
  if (options.cleanUrls && /\.html$/.test(goal)) {
    goal = goal.replace(/\.html$/, '').replace(/\/index$/, '/');
  }
  if (options.trailingSlash === 'remove') {
    goal = goal === '/' ? goal : goal.replace(/\/$/, '');
  }
  if (options.trailingSlash === 'add') {
    goal = goal.replace(/(\/[^/.]+)$/, '$1/');
  }
  if (goal !== request.uri || base !== '') {
    return { status: options.canonicalStatus ?? 301, location: withQuery(base + safe(goal), request.query) };
  }
  const name = path.split('/').at(-1) ?? '';
  if (options.spaFallback !== undefined && why === 'nothing' && !name.includes('.')) {
    return { uri: options.spaFallback, query };
  }
  if (name === '') {
    return { uri: path + (options.indexDocument ?? ''), query };
  }
  if (!name.includes('.') && options.cleanUrls) {
    return { uri: `${path}.html`, query };
  }
  if (!name.includes('.') && options.trailingSlash === 'remove' && options.indexDocument !== undefined) {
    return { uri: `${path}/${options.indexDocument}`, query };
  }
  return { uri: path, query };
}

function find(sets: readonly RuleSet[], request: EdgeRequest, host: string, wanted: (rule: Rule) => boolean): Hit | undefined {
  for (const set of sets) {
    for (const rule of set.rules) {
      const captures = wanted(rule) ? matches(rule, request, host) : undefined;
      if (captures !== undefined) {
        return { rule, captures };
      }
    }
  }
  return undefined;
}

function matches(rule: Rule, request: EdgeRequest, host: string): Record<string, string> | undefined {
  if (rule.host !== undefined && rule.host.labels.map((label) => (label as { text: string }).text).join('.').toLowerCase() !== host) {
    return undefined;
  }
  const names: string[] = [];
  const found = expression(rule, names).exec(request.uri);
  if (found === null) {
    return undefined;
  }
  const captures = Object.fromEntries(names.map((name, n) => [name, found[n + 1] ?? '']));
  if (!rule.query.every((match) => reads(match, request, captures)) || !rule.conditions.every((condition) => holds(condition, request))) {
    return undefined;
  }
  // A label that a host is built from must be one.
  const target = rule.action.kind === 'redirect' ? rule.action.target.host ?? [] : [];
  return target.every((part) => 'text' in part || /^[a-z0-9-]+$/.test(captures[part.capture])) ? captures : undefined;
}

function expression({ path: { segments, trailing, slash } }: Rule, names: string[]): RegExp {
  let source = '^';
  for (const segment of segments) {
    if (segment.kind === 'splat') {
      names.push(segment.name);
      return new RegExp(`${source}${trailing === 'exact' ? '/(.*)' : '(?:/(.*))?'}$`);
    }
    source += `/${piece(segment, names)}`;
  }
  if (segments.length === 0) {
    return /^\/$/;
  }
  return new RegExp(`${source}${trailing === 'optional' ? '/?' : slash ? '/' : ''}$`);
}

function piece(segment: Exclude<Segment, { kind: 'splat' }>, names: string[]): string {
  if (segment.kind === 'placeholder') {
    names.push(segment.name);
    return `${escaped(segment.prefix ?? '')}([^/]+)${escaped(segment.suffix ?? '')}`;
  }
  return escaped(segment.text);
}

function escaped(text: string): string {
  return encode(text, PATH).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function reads({ name, value, capture }: QueryMatch, request: EdgeRequest, captures: Record<string, string>): boolean {
  const raw = queryOf(request)[encodeURIComponent(name)];
  if (raw === undefined) {
    return false;
  }
  const text = decoded(raw);
  if (capture !== undefined) {
    captures[capture] = encodeURIComponent(text).replace(/%20/g, '+');
  }
  return value === undefined || capture !== undefined || text === value;
}

function holds(condition: Condition, request: EdgeRequest): boolean {
  return has(condition, request) !== (condition.negate ?? false);
}

function has({ kind, name = '', values, compare = 'equals' }: Condition, request: EdgeRequest): boolean {
  const among = (value: string | undefined) => value !== undefined && (values.length === 0 || values.some((wanted) => ({
    equals: value === wanted,
    prefix: value.startsWith(wanted),
    suffix: value.endsWith(wanted),
    contains: value.includes(wanted),
  })[compare]));
  switch (kind) {
    case 'country': return values.map((value) => value.toUpperCase()).includes(header(request, 'cloudfront-viewer-country') ?? '-');
    case 'region': return values.some((value) => {
      const [country, region] = value.includes('-') ? value.split('-') : [undefined, value];
      return header(request, 'cloudfront-viewer-country-region') === region
        && (country === undefined || header(request, 'cloudfront-viewer-country') === country);
    });
    case 'language': {
      const spoken = preferred(header(request, 'accept-language') ?? '');
      return values.some((value) => spoken === value.toLowerCase() || spoken.startsWith(`${value.toLowerCase()}-`));
    }
    case 'device': return values.some((value) => header(request, `cloudfront-is-${value}-viewer`) === 'true');
    case 'method': return values.includes(request.method ?? 'GET');
    case 'host': return values.some((value) => value.startsWith('*.')
      ? (header(request, 'host') ?? '').endsWith(value.slice(1))
      : header(request, 'host') === value);
    case 'cookie': return among(request.cookies?.[name]);
    case 'header': return among(header(request, name.toLowerCase()));
    case 'query': {
      const raw = queryOf(request)[name];
      return among(raw === undefined ? undefined : decoded(raw));
    }
  }
}

/** The tag with the highest quality, the first of equal ones; what is no range, and '*', is left out. */
function preferred(acceptLanguage: string): string {
  const ranges = acceptLanguage.toLowerCase().replace(/\s/g, '').split(',').flatMap((range) => {
    const [, tag, quality = '1'] = /^([a-z][a-z0-9-]*)(?:;q=(1|1\.0*|0\.\d+))?$/.exec(range) ?? [];
    return tag === undefined ? [] : [{ tag, quality: Number(quality) }];
  });
  const best = Math.max(0, ...ranges.map(({ quality }) => quality));
  return ranges.find(({ quality }) => quality === best && quality > 0)?.tag ?? '';
}

// --------------------------------------------------------------------------------------------------------------- output

const PATH = "A-Za-z0-9\\-._~!$&'()*+,;=:@/";
const QUERY = "A-Za-z0-9\\-._~!$'()*,;:@/+";

function encode(text: string, allowed: string): string {
  return text.replace(new RegExp(`%[0-9A-Fa-f]{2}|[${allowed}]|[^${allowed}]+?`, 'gu'), (one) => {
    if (/^%../.test(one)) {
      return one.toUpperCase();
    }
    return new RegExp(`^[${allowed}]$`).test(one)
      ? one
      : [...Buffer.from(one)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
}

function fill(template: Template, captures: Readonly<Record<string, string>>, allowed: string): string {
  return template.map((part) => 'text' in part ? encode(part.text, allowed) : captures[part.capture]).join('');
}

/** Captures of a path that a query takes for one value each. */
function apart(captures: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(captures).map(([name, text]) => [name, text.split('&').join('%26').split('=').join('%3D')]));
}

/** One leading slash, whatever was captured. */
function safe(path: string): string {
  let rest = path;
  for (;;) {
    const [lead] = /^(?:[/\\]|%2f|%5c)/i.exec(rest) ?? [];
    if (lead === undefined) {
      return `/${rest}`;
    }
    rest = rest.slice(lead.length);
  }
}

function location(target: Target, { rule, captures }: Hit, request: EdgeRequest, base: string): string {
  const path = fill(target.path, captures, PATH);
  const own = (target.query ?? []).map(({ name, value }) => {
    const right = fill(value, apart(captures), QUERY);
    return value.every((part) => 'text' in part && part.text === '') ? name : `${name}=${right}`;
  });
  const start = target.host === undefined
    ? base + safe(path)
    : `${target.scheme ?? 'https'}://${target.host.map((part) => 'text' in part ? part.text.toLowerCase() : captures[part.capture]).join('')}${path}`;
  let passed = rule.queryPolicy === 'drop' || request.query === undefined ? [] : printable(request.query).split('&');
  if (rule.queryPolicy === 'merge') {
    const taken = [...(target.query ?? []).map(({ name }) => name), ...rule.query.map(({ name }) => name)];
    passed = passed.filter((pair) => !taken.includes(pair.split('=')[0]));
  }
  const query = [...own, ...passed.join('&') === '' ? [] : [passed.join('&')]].join('&');
  return start + (query === '' ? '' : `?${query}`) + (target.fragment === undefined ? '' : `#${target.fragment}`);
}

function withQuery(url: string, query: string | undefined): string {
  return query === undefined || query === '' ? url : `${url}?${printable(query)}`;
}

function printable(text: string): string {
  return text.replace(/[^!-~]+/g, encodeURIComponent);
}

function queryOf(request: EdgeRequest): Record<string, string> {
  const result: Record<string, string> = {};
  for (const pair of (request.query ?? '').split('&').filter((one) => one !== '')) {
    const [name, ...value] = pair.split('=');
    result[name] ??= value.join('=');
  }
  return result;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value.replace(/\+/g, ' '));
  } catch {
    return value;
  }
}

function header(request: EdgeRequest, name: string): string | undefined {
  return { host: 'd111111abcdef8.cloudfront.net', ...request.headers }[name];
}

/** An existing file wins over rules that are not forced; a page also under its clean and its directory's path. */
function isFile(uri: string, { site, indexDocument = 'index.html', cleanUrls }: CompileOptions): boolean {
  const path = uri.replace(/\/$/, '');
  return (site?.files ?? []).some((file) => encode(file, PATH) === path
    || encode(file, PATH) === `${path}/${indexDocument}`
    || (cleanUrls === true && encode(file, PATH) === `${path}.html`));
}

/** The document of a directory, where the path alone does not lead there. */
function documentOf(uri: string, { site, indexDocument, cleanUrls, trailingSlash }: CompileOptions): string | undefined {
  const path = uri.replace(/\/$/, '');
  const files = (site?.files ?? []).map((file) => encode(file, PATH));
  const document = `${path}/${indexDocument ?? 'index.html'}`;
  const leadsThere = indexDocument !== undefined
    && (path === '' || trailingSlash === 'add' || (trailingSlash === 'remove' && !cleanUrls));
  const isPage = files.includes(path) || (cleanUrls === true && files.includes(`${path}.html`));
  return files.includes(document) && !leadsThere && !isPage ? document : undefined;
}
