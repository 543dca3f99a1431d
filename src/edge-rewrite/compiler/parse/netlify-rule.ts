import { Action, Condition, ErrorStatus, HostPattern, PathPattern, QueryMatch, QueryPolicy, RedirectStatus, Rule, Source, Target } from '../model';
import { NotConvertible } from './importer';
import { capturesOf, parseHost, parsePath, requireDistinct } from './pattern';
import { parseTarget, placeholders } from './target';

/** A redirect as both of Netlify's files can write it. Lists of conditions are already taken apart. */
export interface NetlifyRedirect {
  readonly from: string;
  readonly to?: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly status: string;
  readonly force: boolean;
  readonly conditions: readonly (readonly [name: string, values: readonly string[]])[];
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const ERRORS: readonly number[] = [401, 403, 404, 410, 451];
/** Netlify hands the query on for these only. */
const PASS_QUERY: readonly number[] = [200, 301, 302];

/** Whatever else is wrong with the rule, this must not be lost among warnings. */
export function requireNoRole(conditions: NetlifyRedirect['conditions']): void {
  if (conditions.some(([name]) => name.toLowerCase() === 'role')) {
    throw new NotConvertible('lost-access', "condition 'Role' needs Netlify's identity tokens; without it the path may become public");
  }
}

/** One rule, or one per cookie where any of several may be set. */
export function netlifyRules(redirect: NetlifyRedirect, source: Source): readonly Rule[] {
  requireNoRole(redirect.conditions);
  const { host, path, overHttp } = parseFrom(redirect.from);
  const query = redirect.query.map(([name, value]) => queryMatch(name, value));
  const captures = [...capturesOf(path.segments), ...query.flatMap(({ capture }) => capture === undefined ? [] : [capture])];
  requireDistinct(captures, redirect.from);
  if (new Set(query.map(({ name }) => name)).size < query.length) {
    throw new NotConvertible('invalid-query', 'a query parameter can be demanded once only');
  }
  const status = parseStatus(redirect.status);
  const action = actionOf(status, redirect, captures);
  const target = 'target' in action ? action.target : undefined;
  const alternatives = redirect.conditions.map(([name, values]) => conditionsOf(name, values));
  if (overHttp) {
    alternatives.push([{ kind: 'header', name: 'cloudfront-forwarded-proto', values: ['http'] }]);
  }
  return product(alternatives).map((conditions) => ({
    source,
    ...host === undefined ? {} : { host },
    path,
    query,
    conditions,
    action,
    queryPolicy: queryPolicy(status, query, target),
    force: redirect.force,
  }));
}

/** `http://` in front means that protocol; `https://` any, as CloudFront has redirected the other one by then. */
function parseFrom(from: string): { host?: HostPattern; path: PathPattern; overHttp: boolean } {
  const url = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(from);
  const text = url === null ? from : url[3] === '' ? '/' : url[3];
  if (/[?#]/.test(text)) {
    throw new NotConvertible('invalid-path', `a query is matched by 'name=value' after the path, and a fragment never, got '${from}'`);
  }
  const path = parsePath(text, { trailing: 'optional', splats: 'last', placeholders: 'whole' });
  const first = path.segments[0];
  if (first?.kind === 'literal' && first.text.startsWith('.netlify')) {
    throw new NotConvertible('unsupported', `paths below '/.netlify' belong to Netlify, got '${from}'`);
  }
  if (url === null) {
    return { path, overHttp: false };
  }
  const host = parseHost(url[2]);
  if (host.labels.some((label) => label.kind !== 'literal')) {
    throw new NotConvertible('invalid-host', `a host is matched literally, got '${url[2]}'`);
  }
  return { host, path, overHttp: url[1].toLowerCase() === 'http' };
}

function queryMatch(name: string, value: string): QueryMatch {
  if (name === '' || name.includes(':')) {
    throw new NotConvertible('invalid-query', `a query parameter needs a literal name, got '${name}=${value}'`);
  }
  const capture = /^:([A-Za-z_]\w*)$/.exec(value);
  if (capture !== null) {
    return { name, capture: capture[1] };
  }
  if (/:[A-Za-z_]/.test(value)) {
    throw new NotConvertible('invalid-query', `a query parameter is captured as a whole, got '${name}=${value}'`);
  }
  try {
    return { name: decodeURIComponent(name), value: decodeURIComponent(value) };
  } catch {
    throw new NotConvertible('invalid-query', `a query parameter is not well encoded, got '${name}=${value}'`);
  }
}

function parseStatus(text: string): number {
  const status = /^\d{3}$/.test(text) ? Number(text) : NaN;
  if (status !== 200 && !REDIRECTS.includes(status) && !ERRORS.includes(status)) {
    throw new NotConvertible('invalid-status', `a status is 200, ${[...REDIRECTS, ...ERRORS].join(', ')}, got '${text}'`);
  }
  return status;
}

function actionOf(status: number, { from, to }: NetlifyRedirect, captures: readonly string[]): Action {
  if (to === undefined) {
    if (status === 200 && from.endsWith('/*')) {
      return { kind: 'pass' };
    }
    throw new NotConvertible('syntax', `a target can be left out only for '/*' with status 200, got '${from}' with ${status}`);
  }
  const target = parseTarget(to, placeholders(captures));
  const start = target.path[0];
  if (target.host === undefined && 'text' in start && start.text.startsWith('/.netlify/')) {
    throw new NotConvertible('unsupported', `functions and services of Netlify are not here, got '${to}'`);
  }
  if (REDIRECTS.includes(status)) {
    return { kind: 'redirect', status: status as RedirectStatus, target };
  }
  if (status === 200) {
    return target.host === undefined ? { kind: 'rewrite', target } : proxy(target, to);
  }
  if (target.host !== undefined) {
    throw new NotConvertible('unsupported', `the page of a ${status} must be of this site, got '${to}'`);
  }
  return { kind: 'status', status: status as ErrorStatus, page: target };
}

/** Of a target with a host. */
export function proxy(target: Target, text: string): Action {
  const host = target.host!.map((part) => 'text' in part ? part.text : '').join('');
  if (target.host!.length > 1 || 'capture' in target.host![0] || host.includes(':')) {
    throw new NotConvertible('unsupported', `a proxy needs a literal host without port, got '${text}'`);
  }
  const { scheme, host: _host, ...local } = target;
  return { kind: 'proxy', origin: { host, scheme: scheme! }, target: local };
}

function queryPolicy(status: number, query: readonly QueryMatch[], target: Target | undefined): QueryPolicy {
  if (!PASS_QUERY.includes(status)) {
    return 'drop';
  }
  return query.length > 0 || target?.query !== undefined ? 'merge' : 'keep';
}

/** Alternatives, any of which makes the condition hold. */
function conditionsOf(name: string, values: readonly string[]): Condition[] {
  if (values.length === 0 || values.includes('')) {
    throw new NotConvertible('invalid-condition', `condition '${name}' needs a value`);
  }
  switch (name.toLowerCase()) {
    case 'country':
      return [{ kind: 'country', values: values.map((value) => value.toUpperCase()) }];
    case 'language':
      return [{ kind: 'language', values }];
    case 'cookie':
      return values.map((cookie) => ({ kind: 'cookie', name: cookie, values: [] }));
    case 'sign':
    case 'signed':
      throw new NotConvertible('unsupported', "signed proxy requests need Netlify's secrets");
    default:
      throw new NotConvertible('unknown-option', `a condition is 'Country', 'Language' or 'Cookie', got '${name}'`);
  }
}

function product(alternatives: readonly (readonly Condition[])[]): readonly (readonly Condition[])[] {
  return alternatives.reduce<readonly (readonly Condition[])[]>(
    (rules, conditions) => rules.flatMap((rule) => conditions.map((condition) => [...rule, condition])), [[]],
  );
}
