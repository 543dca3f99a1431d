import {
  Action, Condition, ErrorStatus, HeaderOperation, PathPattern, QueryMatch, QueryPolicy, RedirectStatus, RuleSet, Source, Target, Template,
} from '../model';
import { Document, DocumentValue, described, eachTable, Fields } from './document';
import { headerOperation } from './headers';
import { Importer, NotConvertible } from './importer';
import { readJson } from './json';
import { proxy } from './netlify-rule';
import { requireBareSplatAtEnd } from './pattern';
import { literal, parseTarget, Templater } from './target';
import { VercelConditions, vercelConditions } from './vercel-conditions';
import { namesOf, parseVercelSource, VercelPattern } from './vercel-source';

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const ERRORS: readonly number[] = [401, 403, 404, 410, 451];

const UNSUPPORTED = {
  env: 'environment variables of Vercel are not here',
  respectOriginCacheControl: 'caching is set by the cache policy of the behaviour',
};
const UNSUPPORTED_LISTS: Readonly<Record<string, string>> = {
  routes: "'routes' are regular expressions; 'redirects', 'rewrites' and 'headers' say the same",
  bulkRedirectsPath: 'bulk redirects are in a file of their own, which is not read',
};

/**
 * The `redirects`, `rewrites`, `headers`, `cleanUrls` and `trailingSlash` of a `vercel.json`. Redirects come before
 * rewrites and before the files of the site, rewrites behind them.
 */
export function parseVercelJson(text: string, file: string): RuleSet {
  const importer = new Importer(file);
  const document = readJson(text);
  document.errors.forEach(({ line, message }) => importer.warn(importer.source(line, ''), 'syntax', message));
  const entries = entriesOf(importer, document);
  const each = (name: string, entry: (importer: Importer, fields: Fields, source: (text: string) => Source) => void) => {
    const list = entries.get(name);
    if (list !== undefined) {
      eachTable(importer, name, list, (fields, source) => entry(importer, fields, source));
    }
  };
  each('redirects', redirect);
  each('rewrites', rewrite);
  each('headers', header);
  for (const [name, value] of entries) {
    if (['redirects', 'rewrites', 'headers', 'cleanUrls', 'trailingSlash'].includes(name)) {
      continue;
    }
    const source = importer.source(value.line, name);
    if (Object.hasOwn(UNSUPPORTED_LISTS, name)) {
      importer.warn(source, 'unsupported', UNSUPPORTED_LISTS[name]);
    } else {
      importer.note(source, `'${name}' has no redirects or headers`);
    }
  }
  const settings = settingsOf(importer, entries);
  return { ...importer.ruleSet(), ...Object.keys(settings).length === 0 ? {} : { settings } };
}

function entriesOf(importer: Importer, { root, errors }: Document): ReadonlyMap<string, DocumentValue> {
  if (root.kind === 'table') {
    return root.entries;
  }
  if (errors.length === 0) {
    importer.warn(importer.source(root.line, ''), 'syntax', `the file must be an object, got ${described(root)}`);
  }
  return new Map();
}

function settingsOf(importer: Importer, entries: ReadonlyMap<string, DocumentValue>): NonNullable<RuleSet['settings']> {
  const flag = (name: string): boolean | undefined => {
    const value = entries.get(name);
    if (value !== undefined && value.kind !== 'boolean') {
      importer.warn(importer.source(value.line, name), 'syntax', `'${name}' must be true or false, got ${described(value)}`);
    }
    return value?.kind === 'boolean' ? value.text === 'true' : undefined;
  };
  const cleanUrls = flag('cleanUrls');
  const trailingSlash = flag('trailingSlash');
  return {
    ...cleanUrls === undefined ? {} : { cleanUrls },
    ...trailingSlash === undefined ? {} : { trailingSlash: trailingSlash ? 'add' : 'remove' },
    ...cleanUrls === true || trailingSlash !== undefined ? { canonicalStatus: 308 } : {},
  };
}

function redirect(importer: Importer, fields: Fields, source: (text: string) => Source): void {
  convert(importer, fields, source, true, () => {
    const permanent = fields.boolean('permanent');
    const statusCode = fields.status('statusCode');
    if (permanent !== undefined && statusCode !== undefined) {
      throw new NotConvertible('invalid-status', "'permanent' and 'statusCode' exclude each other");
    }
    const status = Number(statusCode ?? (permanent === false ? 307 : 308));
    if (!REDIRECTS.includes(status)) {
      throw new NotConvertible('invalid-status', `the status of a redirect is ${REDIRECTS.join(', ')}, got '${statusCode}'`);
    }
    return (target) => ({ kind: 'redirect', status: status as RedirectStatus, target });
  });
}

function rewrite(importer: Importer, fields: Fields, source: (text: string) => Source): void {
  convert(importer, fields, source, false, (destination) => {
    const status = Number(fields.status('statusCode') ?? 200);
    if (status !== 200 && !ERRORS.includes(status)) {
      throw new NotConvertible('invalid-status', `the status of a rewrite is 200, ${ERRORS.join(', ')}, got '${status}'`);
    }
    return (target) => {
      if (target.fragment !== undefined) {
        throw new NotConvertible('invalid-target', `only a redirect can lead to a fragment, got '${destination}'`);
      }
      if (status === 200) {
        return target.host === undefined ? { kind: 'rewrite', target } : proxy(target, destination);
      }
      if (target.host !== undefined) {
        throw new NotConvertible('unsupported', `the page of a ${status} must be of this site, got '${destination}'`);
      }
      return { kind: 'status', status: status as ErrorStatus, page: target };
    };
  });
}

/** What redirects and rewrites have in common. */
function convert(
  importer: Importer, fields: Fields, source: (text: string) => Source, redirects: boolean,
  actions: (destination: string) => (target: Target) => Action,
): void {
  const from = fields.required('source');
  const at = source(from);
  importer.attempt(at, () => {
    const to = fields.required('destination');
    const conditions = vercelConditions(fields);
    const action = actions(to);
    fields.done(UNSUPPORTED);
    const patterns = parseVercelSource(from);
    const rules = patterns.map((pattern) => {
      requireBareSplatAtEnd(pattern.path.segments, from);
      const used = new Set<string>();
      const local = parseTarget(to, bound(pattern, conditions, used));
      const target = redirects ? local : withUnused(local, to, pattern);
      const { has, query } = settle(conditions, used);
      const names = (target.query ?? []).map(({ name }) => name);
      const policy: QueryPolicy = target.query === undefined ? 'keep' : 'merge';
      if (policy === 'merge' && query.some(({ name }) => !names.includes(name))) {
        importer.noteOnce(at, 'query parameters a target uses are not passed on besides');
      }
      noteWider(importer, at, pattern);
      return { source: at, path: pattern.path, query, conditions: has, action: action(target), queryPolicy: policy, force: redirects };
    });
    importer.rules.push(...rules);
  });
}

/** A query parameter that no target uses must just be there. */
function settle({ conditions, captures }: VercelConditions, used: ReadonlySet<string>): { has: readonly Condition[]; query: readonly QueryMatch[] } {
  const query = captures.filter(({ capture }) => used.has(capture));
  const present = captures.filter(({ capture }) => !used.has(capture));
  return { has: [...conditions, ...present.map(({ name }): Condition => ({ kind: 'query', name, values: [] }))], query };
}

function noteWider(importer: Importer, source: Source, { wider }: VercelPattern): void {
  if (wider) {
    importer.noteOnce(source, "this and further sources with ':name*', ':name+' or '(.+)' also match with a slash at the end");
  }
}

/** `:name`, `:name*`, `:name+` and `$1` of the source, then names of `has`; a backslash makes text of what follows. */
function bound(pattern: VercelPattern, { captures }: VercelConditions, used: Set<string>): Templater {
  const own = new Map(captures.map(({ capture }): [string, Template] => [capture, [{ capture }]]));
  return (text) => [...text.matchAll(/\\([^])|:(?!\d+(?:\/|$))(\w+)[*+]?|\$(\d+)|[^\\:$]+|[^]/g)].reduce<Template>((parts, [all, escaped, name, number]) => {
    if (name === undefined && number === undefined) {
      return appended(parts, literal(escaped ?? all));
    }
    const value = own.get(name) ?? pattern.bindings.get(name ?? number);
    if (value === undefined) {
      throw new NotConvertible('unknown-capture', `the target uses '${all}', which the source does not capture`);
    }
    used.add(name ?? number);
    return appended(parts, value);
  }, []);
}

/** Keeps neighbouring texts in one part. */
function appended(parts: Template, more: Template): Template {
  const [last, next] = [parts.at(-1), more[0]];
  return last !== undefined && next !== undefined && 'text' in last && 'text' in next
    ? [...parts.slice(0, -1), { text: last.text + next.text }, ...more.slice(1)]
    : [...parts, ...more];
}

/** A rewrite whose target names no capture in its path hands all of them on as query parameters. */
function withUnused(target: Target, to: string, pattern: VercelPattern): Target {
  const names = namesOf(pattern);
  const inPath = [...to.replace(/[?#][^]*$/, '').matchAll(/:(\w+)/g)].some(([, name]) => names.includes(name));
  const own = (target.query ?? []).map(({ name }) => name);
  const more = inPath ? [] : names.filter((name) => !own.includes(name)).map((name) => ({ name, value: pattern.bindings.get(name)! }));
  return more.length === 0 ? target : { ...target, query: [...target.query ?? [], ...more] };
}

function header(importer: Importer, fields: Fields, source: (text: string) => Source): void {
  const from = fields.required('source');
  const at = source(from);
  importer.attempt(at, () => {
    const items = fields.items('headers');
    const conditions = vercelConditions(fields);
    fields.done();
    const patterns = parseVercelSource(from);
    const operations = items.map((item) => headerOf(importer, item));
    const rules: { path: PathPattern; operations: HeaderOperation[] }[] = patterns.map((pattern) => {
      noteWider(importer, at, pattern);
      return { path: pattern.path, operations: operations.flatMap((one) => one === undefined ? [] : [resolved(one, pattern)]) };
    });
    if (rules[0].operations.length === 0) {
      throw new NotConvertible('ignored', items.length === 0 ? 'there is no header for this source' : 'no header for this source can be converted');
    }
    const { has } = settle(conditions, new Set());
    importer.headers.push(...rules.map((rule) => ({ source: at, ...rule, conditions: has })));
  });
}

interface RawHeader {
  readonly key: string;
  readonly value: string;
}

function headerOf(importer: Importer, item: DocumentValue): RawHeader | undefined {
  let raw: RawHeader | undefined;
  importer.attempt(importer.source(item.line, 'headers'), () => {
    if (item.kind !== 'table') {
      throw new NotConvertible('syntax', `'headers' lists objects, got ${described(item)}`);
    }
    const fields = new Fields(item);
    const key = fields.required('key');
    const value = fields.required('value');
    fields.done();
    headerOperation('set', key, literal(value));
    raw = { key, value };
  });
  return raw;
}

/** Names the source captures are filled in, other colons are text. */
function resolved({ key, value }: RawHeader, pattern: VercelPattern): HeaderOperation {
  const parts = value.split(/(:[A-Za-z_]\w*[*+]?|\$\d+)/)
    .map((part): Template => (/^[:$]/.test(part) ? pattern.bindings.get(part.replace(/^[:$]|[*+]$/g, '')) : undefined) ?? literal(part));
  return headerOperation('set', key, parts.reduce(appended, []));
}
