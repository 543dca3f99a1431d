import { Clauses, affixToken, and, clausesOf } from './conditions';
import { LIMITS } from './limits';
import { Diagnostic, Rule, RuleSet, Source, Target, Template } from './model';
import { PATH, QUERY, QUERY_TEXT, Unfit, encoded, queryName } from './text';

/**
 * A rule as order, check and emission see it: a pattern of cells, conditions as tokens of the runtime, targets with
 * captures as positions.
 */
export interface NormalRule {
  /** Position among all rules; the lower one wins. */
  readonly index: number;
  readonly rule: Rule;
  /** The host, then the segments; null stands for any host, or any segment that is not empty. */
  readonly cells: readonly Cell[];
  readonly splat: boolean;
  readonly slash: Slash;
  /** Any of the clauses, all tokens of a clause. `[[]]` always holds. */
  readonly clauses: Clauses;
  /** Kind, as the first character of an alternative. */
  readonly kind: string;
  readonly policy: 'k' | 'm' | 'd';
  /** Arguments and target as they stand in the table. */
  readonly text: string;
}

export type Cell = string | null;
/** Whether the path must end in a slash (`open`) or must not (`closed`). */
export type Slash = 'any' | 'closed' | 'open';

export interface Normalised {
  readonly rules: readonly NormalRule[];
  readonly diagnostics: readonly Diagnostic[];
}

const HOST_TEXT = /^[a-z0-9.-]*(?::\d{1,5})?$/;

/** Sets one after the other, each in its order. A rule that cannot be expressed is reported and left out. */
export function normalise(sets: readonly RuleSet[]): Normalised {
  const rules: NormalRule[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const set of sets) {
    diagnostics.push(...set.diagnostics);
    for (const rule of set.rules) {
      try {
        rules.push(normalRule(rule, rules.length));
      } catch (error) {
        if (!(error instanceof Unfit)) {
          throw error;
        }
        diagnostics.push({ source: rule.source, severity: error.code === 'unsupported' ? 'warning' : 'error', code: error.code, message: error.message });
      }
    }
  }
  return { rules, diagnostics };
}

/**
 * A rule that serves a file of the site: lets its path through, or leads to the document that stands for it.
 *
 * @param path encoded, as is `document`
 */
export function fileRule(path: string, document: string | undefined, index: number, source: Source): NormalRule {
  const rule: Rule = {
    source,
    path: { segments: [], trailing: 'optional', slash: false },
    query: [],
    conditions: [],
    action: document === undefined ? { kind: 'pass' } : { kind: 'rewrite', target: { path: [{ text: document }] } },
    queryPolicy: 'keep',
    force: true,
  };
  const cells = [null, ...path.replace(/\/$/, '').split('/').slice(1)];
  const kind = document === undefined ? 'p' : 'w';
  return { index, rule, cells, splat: false, slash: 'any', clauses: [[]], kind, policy: 'k', text: document ?? '' };
}

function normalRule(rule: Rule, index: number): NormalRule {
  const { segments, trailing, slash } = rule.path;
  const last = segments.at(-1);
  const splat = last?.kind === 'splat';
  const cells: Cell[] = [hostCell(rule)];
  const captures = new Map<string, string>();
  const around: string[] = [];
  (splat ? segments.slice(0, -1) : segments).forEach((segment, n) => {
    if (segment.kind === 'splat') {
      throw new Unfit('unsupported', "'*' must be the last segment of a redirect");
    }
    if (segment.kind === 'literal') {
      cells.push(segmentText(segment.text));
      return;
    }
    if (n >= LIMITS.placeholderSegments) {
      throw new Unfit('unsupported', `only the first ${LIMITS.placeholderSegments} segments can be placeholders, ':${segment.name}' stands behind them`);
    }
    cells.push(null);
    if (segment.prefix || segment.suffix) {
      const letter = letterOf(rule.query.length + around.length);
      around.push(affixToken(n + 1, letter, segmentText(segment.prefix ?? ''), segmentText(segment.suffix ?? '')));
      captures.set(segment.name, letter);
    } else {
      captures.set(segment.name, String(n + 1));
    }
  });
  if (cells.length - 1 > LIMITS.segments) {
    throw new Unfit('invalid-path', `a rule has at most ${LIMITS.segments} segments, got ${cells.length - 1}`);
  }
  if (splat) {
    if (last.prefix || last.suffix) {
      throw new Unfit('unsupported', `'*' must be a whole segment, got '${last.prefix ?? ''}*${last.suffix ?? ''}'`);
    }
    captures.set(last.name, String.fromCharCode(96 + cells.length));
  }
  const tokens = rule.query.map((match, n) => {
    const name = queryName(match.name);
    if (match.capture === undefined) {
      return match.value === undefined ? `Q${name}` : `Q${name}=${encodeURIComponent(match.value)}`;
    }
    const letter = letterOf(n);
    captures.set(match.capture, letter);
    return `Q${name}>${letter}`;
  });
  const compiled = action(rule, captures);
  const always = [...around, ...tokens, ...compiled.tokens];
  const clauses = rule.conditions.map(clausesOf).reduce<Clauses>(and, [[]]).map((clause) => [...clause, ...always]);
  return {
    index,
    rule,
    cells,
    splat,
    slash: trailing === 'optional' ? 'any' : splat || slash ? 'open' : 'closed',
    clauses,
    kind: compiled.kind,
    policy: compiled.policy,
    text: compiled.text,
  };
}

function segmentText(text: string): string {
  return encoded(text, PATH, 'invalid-path').replace(/\//g, '%2F');
}

/** Of a capture that is no whole segment. */
function letterOf(n: number): string {
  if (n >= 26) {
    throw new Unfit('unsupported', 'a rule captures at most 26 query parameters and parts of segments');
  }
  return String.fromCharCode(65 + n);
}

function hostCell(rule: Rule): Cell {
  if (rule.host === undefined) {
    return null;
  }
  if (rule.host.labels.some((label) => label.kind !== 'literal')) {
    throw new Unfit('unsupported', 'a redirect cannot have a placeholder in its host');
  }
  const host = rule.host.labels.map((label) => (label as { text: string }).text).join('.').toLowerCase();
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(host)) {
    throw new Unfit('invalid-host', `a host consists of labels of letters, digits and hyphens, got '${host}'`);
  }
  return host;
}

interface CompiledAction {
  readonly kind: string;
  readonly policy: 'k' | 'm' | 'd';
  readonly text: string;
  readonly tokens: readonly string[];
}

function action(rule: Rule, captures: ReadonlyMap<string, string>): CompiledAction {
  const { action: it } = rule;
  const letter = rule.queryPolicy === 'merge' ? 'm' : rule.queryPolicy === 'drop' ? 'd' : 'k';
  /** Names a merge takes away: those the target sets and those the rule has read. */
  const merged = (target: Target): readonly string[] => rule.queryPolicy === 'merge'
    ? [...new Set([...(target.query ?? []).map(({ name }) => queryName(name)), ...rule.query.map(({ name }) => queryName(name))])]
    : [];
  const one = (kind: string, target: Target, argument: readonly string[] = [], absolute = false): CompiledAction => {
    const names = merged(target).map((name) => name.replace(/[.*()]/g, '[$&]'));
    const { text, tokens } = targetText(target, captures, absolute);
    const policy = letter === 'm' && names.length === 0 ? 'k' : letter;
    return {
      kind,
      policy,
      text: [...argument, ...policy === 'm' ? [kind < 'a' ? names.join('|') : merged(target).join('|')] : [], text].join('`'),
      tokens,
    };
  };
  switch (it.kind) {
    case 'pass':
      return { kind: 'p', policy: 'k', text: '', tokens: [] };
    case 'redirect':
      return one(String(it.status).slice(2), it.target, [], true);
    case 'rewrite':
      return one('w', it.target);
    case 'proxy':
      return one('o', it.target, [originText(it.origin)]);
    case 'status':
      return it.page === undefined
        ? { kind: 'e', policy: 'k', text: `${it.status}\``, tokens: [] }
        : one('e', it.page, [String(it.status)]);
    case 'split':
      return split(it, captures);
  }
}

function split(it: Extract<Rule['action'], { kind: 'split' }>, captures: ReadonlyMap<string, string>): CompiledAction {
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(it.experiment)) {
    throw new Unfit('invalid-weights', `an experiment is named with 1 to 40 letters, digits, '-' and '_', got '${it.experiment}'`);
  }
  const shares = it.variants.map(({ weight }) => Math.round(weight * 100));
  const sum = shares.reduce((all, share) => all + share, 0);
  if (sum !== 10_000 || shares.some((share) => share < 0)) {
    throw new Unfit('invalid-weights', `weights must be positive and sum to 100, got ${it.variants.map(({ weight }) => weight).join(' + ')}`);
  }
  let end = 0;
  const variants = it.variants.map(({ target }, n) => {
    if (target.query !== undefined && target.query.length > 0) {
      throw new Unfit('invalid-target', 'a variant cannot have a query of its own');
    }
    end += shares[n];
    return `${end}\`${targetText(target, captures, false).text}`;
  });
  return { kind: 's', policy: 'k', text: [it.experiment, it.maxAgeSeconds ?? 30 * 86_400, ...variants].join('`'), tokens: [] };
}

function originText(origin: Extract<Rule['action'], { kind: 'proxy' }>['origin']): string {
  const text = 'id' in origin ? origin.id : `@${origin.scheme}:${origin.host.toLowerCase()}`;
  if (!/^[\w@:.-]+$/.test(text)) {
    throw new Unfit('unknown-origin', `an origin is named with letters, digits, '.', '-' and '_', got '${text}'`);
  }
  return text;
}

function targetText(target: Target, captures: ReadonlyMap<string, string>, absolute: boolean): { text: string; tokens: readonly string[] } {
  const first = target.path[0];
  if (first === undefined || !('text' in first) || !first.text.startsWith('/')) {
    throw new Unfit('invalid-target', 'the path of a target starts with a slash');
  }
  const tokens: string[] = [];
  let text = '';
  if (target.host !== undefined) {
    if (!absolute) {
      throw new Unfit('invalid-target', 'only a redirect can lead to another host');
    }
    const host = hostText(target.host, captures);
    text = `${target.scheme ?? 'https'}://${host.text}`;
    tokens.push(...host.tokens);
  }
  text += template(target.path, captures, PATH);
  if (target.query !== undefined && target.query.length > 0) {
    text += '?' + target.query.map(({ name, value }) => {
      const right = template(value, captures, QUERY);
      return queryName(name) + (right === '' && absolute ? '' : `=${right}`);
    }).join('&');
  }
  if (target.fragment !== undefined && absolute) {
    text += `#${encoded(target.fragment, QUERY_TEXT, 'invalid-target')}`;
  }
  return { text, tokens };
}

/** What follows the last capture must be a whole domain, so nobody but its owner can receive the visitor. */
function hostText(parts: Template, captures: ReadonlyMap<string, string>): { text: string; tokens: readonly string[] } {
  const tokens: string[] = [];
  const text = parts.map((part) => {
    if ('text' in part) {
      const lower = part.text.toLowerCase();
      if (!HOST_TEXT.test(lower)) {
        throw new Unfit('invalid-host', `a host consists of labels of letters, digits and hyphens, got '${part.text}'`);
      }
      return lower;
    }
    const capture = positionOf(part.capture, captures);
    if (capture >= 'a') {
      throw new Unfit('open-redirect', `'*' cannot be part of a host, got ':${part.capture}'`);
    }
    tokens.push(`Z${capture}`);
    return `>${capture}`;
  }).join('');
  const last = parts.at(-1);
  if (tokens.length > 0 && !(last !== undefined && 'text' in last && /^\.[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?$/i.test(last.text))) {
    throw new Unfit('open-redirect', 'a placeholder in a host must be followed by a domain, as in \':shop.example.com\'');
  }
  if (text === '' || text.startsWith(':')) {
    throw new Unfit('invalid-host', 'a host must not be empty');
  }
  return { text, tokens };
}

function template(parts: Template, captures: ReadonlyMap<string, string>, allowed: RegExp): string {
  return parts.map((part) => 'text' in part ? encoded(part.text, allowed, 'invalid-target') : `>${positionOf(part.capture, captures)}`).join('');
}

function positionOf(name: string, captures: ReadonlyMap<string, string>): string {
  const position = captures.get(name);
  if (position === undefined) {
    throw new Unfit('unknown-capture', `the target uses ':${name}', which the rule does not capture`);
  }
  return position;
}
