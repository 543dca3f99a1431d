import type {
  Action, Condition, HeaderOperation, HeaderRule, HostPattern, Part, PathPattern, RedirectStatus, Rule, RuleSet, Segment, Target,
} from '../../src/edge-rewrite/compiler/model';

/** Rules in the short form of a `_redirects` line, for tests of the compiler. */
export function redirect(from: string, to: string, status: RedirectStatus = 301): Rule {
  return rule(from, { kind: 'redirect', status, target: target(to) });
}

export function rewrite(from: string, to: string): Rule {
  return rule(from, { kind: 'rewrite', target: target(to) });
}

export function rule(from: string, action: Action, more: Partial<Rule> = {}): Rule {
  return { source: { file: 'rules', line: 0 }, path: pattern(from), query: [], conditions: [], queryPolicy: 'keep', force: false, action, ...more };
}

export function when(one: Rule, ...conditions: readonly Condition[]): Rule {
  return { ...one, conditions };
}

export function strict(one: Rule): Rule {
  return { ...one, path: { ...one.path, trailing: 'exact' } };
}

/** `/<folder>/<prefix>:id<suffix>`. */
export function inSegment(folder: string, prefix: string, suffix = ''): PathPattern {
  return { segments: [{ kind: 'literal', text: folder }, { kind: 'placeholder', name: 'id', prefix, suffix }], trailing: 'optional', slash: false };
}

export function hostOf(name: string): HostPattern {
  return { labels: name.split('.').map((text) => ({ kind: 'literal', text })) };
}

export function target(to: string): Target {
  const [, scheme, host, path] = /^(?:(https?):\/\/([^/]*))?([^]*)$/.exec(to) ?? [];
  return {
    path: template(path),
    ...host === undefined ? {} : { host: template(host), scheme: scheme as 'https' },
  };
}

export function template(text: string): Part[] {
  return text.split(/(:[a-z]\w*)/).filter((part) => part !== '').map((part) => /^:[a-z]/.test(part) ? { capture: part.slice(1) } : { text: part });
}

export function pattern(from: string): PathPattern {
  const segments = from.split('/').slice(1);
  const slash = segments.at(-1) === '';
  return {
    segments: (slash ? segments.slice(0, -1) : segments).map((text): Segment => text === '*'
      ? { kind: 'splat', name: 'splat' }
      : text.startsWith(':') ? { kind: 'placeholder', name: text.slice(1) } : { kind: 'literal', text }),
    trailing: 'optional',
    slash,
  };
}

export function headers(from: string, ...operations: readonly [kind: HeaderOperation['kind'], name: string, value?: string][]): HeaderRule {
  return {
    source: { file: '_headers', line: 0 },
    path: pattern(from),
    conditions: [],
    operations: operations.map(([kind, name, value = '']) => ({ kind, name, value: value === '' ? [] : [{ text: value }] })),
  };
}

/** Lines are numbered from 1. */
export function setOf(rules: readonly Rule[], headerRules: readonly HeaderRule[] = []): RuleSet {
  const numbered = <T extends { source: Rule['source'] }>(list: readonly T[]) => list.map((one, n) => ({ ...one, source: { ...one.source, line: n + 1 } }));
  return { name: 'rules', rules: numbered(rules), headers: numbered(headerRules), diagnostics: [] };
}

/** A large site that moved: mostly exact pairs, some splats and placeholders. */
export function largeSet(count: number): RuleSet {
  return setOf(Array.from({ length: count }, (_, n) => {
    const kind = n % 10;
    return kind < 7
      ? redirect(`/articles/2019/old-article-${n}`, `/posts/${n}/new-name`)
      : kind < 9 ? redirect(`/section-${n}/*`, `/s/${n}/:splat`) : redirect(`/shop-${n}/:category/item`, `/store/${n}/:category`);
  }));
}
