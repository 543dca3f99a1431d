import { HeaderOperation, HeaderRule, HostPattern, PathPattern, RuleSet, Source, Template } from '../model';
import { headerOperation } from './headers';
import { contentLines, Importer, Line, NotConvertible } from './importer';
import { capturesOf, parseHost, parsePath, requireDistinct } from './pattern';
import { literal, placeholders } from './target';

export type HeadersDialect = 'netlify' | 'cloudflare';

const CLOUDFLARE = { line: 2_000, rules: 100 };

/** Names Netlify keeps to itself. */
const NETLIFY_EXEMPT = [
  'accept-ranges', 'age', 'allow', 'alt-svc', 'connection', 'content-encoding', 'content-length', 'content-range', 'date', 'server', 'trailer',
  'transfer-encoding', 'upgrade',
];

/**
 * `_headers`: a path, below it `Name: value` lines. Every rule that matches applies.
 *
 * - Netlify: a later rule replaces what an earlier one set; values of one name within a rule are joined.
 * - Cloudflare: values of several rules are joined; `! Name` takes away what came before; placeholders may be used in
 *   values; a path may have a host in front.
 */
export function parseHeadersFile(text: string, file: string, dialect: HeadersDialect): RuleSet {
  const importer = new Importer(file);
  const lines = contentLines(text);
  const isPath = dialect === 'netlify' ? isNetlifyPath : isCloudflarePath;
  let block: Block | undefined;
  for (const line of lines) {
    const source = importer.source(line.number, line.text);
    if (isPath(line.text)) {
      block?.close();
      block = new Block(importer, source, dialect);
    } else if (block === undefined) {
      importer.warn(source, 'syntax', "a header must stand below a path that starts with '/'");
    } else {
      block.add(line, source);
    }
  }
  block?.close();
  return dialect === 'cloudflare' ? joined(importer.ruleSet()) : importer.ruleSet();
}

function isNetlifyPath(line: string): boolean {
  return /^(\/|https?:\/\/)/i.test(line);
}

function isCloudflarePath(line: string): boolean {
  return /^(\/|[^\s]+:\/\/)/.test(line);
}

/** A path and the headers below it. */
class Block {
  private readonly pattern?: { host?: HostPattern; path: PathPattern };
  private readonly unset: HeaderOperation[] = [];
  private readonly values = new Map<string, HeaderOperation>();
  private empty = true;

  constructor(private readonly importer: Importer, private readonly source: Source, private readonly dialect: HeadersDialect) {
    let pattern;
    importer.attempt(source, () => {
      pattern = dialect === 'netlify' ? netlifyPattern(source.text!) : cloudflarePattern(source.text!);
    });
    this.pattern = pattern;
  }

  public add(line: Line, source: Source): void {
    this.empty = false;
    if (this.pattern === undefined && this.dialect === 'netlify' && isPassword(line.text)) {
      this.importer.attempt(redacted(source), () => requireNetlifyHeader('Basic-Auth'));
      return;
    }
    if (this.pattern === undefined) {
      this.importer.warn(redacted(source), 'unsupported', `the path in line ${this.source.line}, to which this header belongs, is not converted`);
      return;
    }
    this.importer.attempt(redacted(source), () => this.parse(line.text));
  }

  public close(): void {
    if (this.pattern === undefined) {
      return;
    }
    const operations = [...this.unset, ...this.values.values()];
    if (operations.length > 0) {
      this.importer.headers.push({ source: this.source, ...this.pattern, conditions: [], operations });
    } else {
      this.importer.warn(this.source, 'ignored', this.empty ? 'there is no header below this path' : 'no header below this path can be converted');
    }
  }

  private parse(line: string): void {
    if (this.dialect === 'cloudflare' && line.length > CLOUDFLARE.line) {
      throw new NotConvertible('line-too-long', `a line has at most ${CLOUDFLARE.line} characters, got ${line.length}`);
    }
    const colon = line.indexOf(':');
    if (colon < 0 && this.dialect === 'cloudflare' && line.startsWith('! ')) {
      this.unset.push(headerOperation('unset', line.slice(2).trim(), []));
      return;
    }
    if (colon < 0) {
      throw new NotConvertible('syntax', "a header is written 'Name: value'");
    }
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    if (this.dialect === 'netlify') {
      requireNetlifyHeader(name);
    }
    if (value === '') {
      throw new NotConvertible('invalid-header', `header '${name}' has no value`);
    }
    const template = this.dialect === 'cloudflare' ? placeholders(this.captures())(value) : literal(value);
    const operation = headerOperation('set', name, template);
    const before = this.values.get(name.toLowerCase());
    this.values.set(name.toLowerCase(), before === undefined ? operation : { ...before, value: join(before.value, template) });
  }

  private captures(): readonly string[] {
    const host = this.pattern!.host?.labels ?? [];
    return capturesOf([...host, ...this.pattern!.path.segments]);
  }
}

function join(first: Template, second: Template): Template {
  return [...first, { text: ', ' }, ...second];
}

/** Basic authentication is written as a header that has the password in it; no message may show it. */
function redacted(source: Source): Source {
  return isPassword(source.text!) ? { ...source, text: 'Basic-Auth: …' } : source;
}

function isPassword(line: string): boolean {
  return /^basic-auth\s*:/i.test(line);
}

/** Of `_headers` and `netlify.toml`. */
export function requireNetlifyHeader(name: string): void {
  if (name.toLowerCase() === 'basic-auth') {
    throw new NotConvertible('lost-access', "'Basic-Auth' protects the path with passwords; without it the path becomes public");
  }
  if (NETLIFY_EXEMPT.includes(name.toLowerCase())) {
    throw new NotConvertible('ignored', `Netlify does not let header '${name}' be set`);
  }
}

export function netlifyPattern(text: string): { path: PathPattern } {
  if (!text.startsWith('/')) {
    throw new NotConvertible('unsupported', `a header rule is a path without host, got '${text}'`);
  }
  return { path: parsePath(text, { trailing: 'optional', splats: 'many', placeholders: 'whole' }) };
}

function cloudflarePattern(text: string): { host?: HostPattern; path: PathPattern } {
  if (text.length > CLOUDFLARE.line) {
    throw new NotConvertible('line-too-long', `a line has at most ${CLOUDFLARE.line} characters, got ${text.length}`);
  }
  if (/[?#\s]/.test(text)) {
    throw new NotConvertible('invalid-path', `a path has no query, fragment or space, got '${text}'`);
  }
  const url = /^([^\s/]+):\/\/+([^/]*)(.*)$/.exec(text);
  const path = parsePath(url === null ? text : url[3] === '' ? '/' : url[3], { trailing: 'exact', splats: 'one', placeholders: 'inside' });
  if (url === null) {
    return { path };
  }
  if (url[1] !== 'https') {
    throw new NotConvertible('invalid-path', `a rule with a host starts with 'https://', got '${text}'`);
  }
  if (/:\d+$/.test(url[2])) {
    throw new NotConvertible('invalid-host', `a host has no port, got '${url[2]}'`);
  }
  if (url[2].includes('*')) {
    throw new NotConvertible('unsupported', `'*' cannot stand in a host, got '${url[2]}'; a placeholder can`);
  }
  const host = parseHost(url[2]);
  requireDistinct(capturesOf([...host.labels, ...path.segments]), text);
  return { host, path };
}

/** Cloudflare joins what several of its rules say of a name, and replaces what the origin says. */
function joined(set: RuleSet): RuleSet {
  const users = new Map<string, number>();
  const names = ({ operations }: HeaderRule) => operations.filter(({ kind }) => kind === 'set').map(({ name }) => name.toLowerCase());
  for (const rule of set.headers) {
    names(rule).forEach((name) => users.set(name, (users.get(name) ?? 0) + 1));
  }
  const headers = set.headers.map((rule) => ({
    ...rule,
    operations: rule.operations.map((operation): HeaderOperation => operation.kind === 'set' && users.get(operation.name.toLowerCase())! > 1
      ? { ...operation, kind: 'append' } : operation),
  }));
  const extra = headers[CLOUDFLARE.rules];
  return extra === undefined ? { ...set, headers } : {
    ...set,
    headers,
    diagnostics: [...set.diagnostics, {
      source: extra.source,
      severity: 'info',
      code: 'ignored',
      message: `Cloudflare ignores this and further rules as there are more than ${CLOUDFLARE.rules}; they are taken over`,
    }],
  };
}
