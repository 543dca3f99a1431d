import { Index } from './check';
import { ResponseRule } from './emit';
import { NormalRule } from './normalise';
import { Alternative, Ordered, Shape, isCertain } from './order';
import { Table } from './table';

/**
 * Instructions a request costs at most, by adding up what each block of blocks/viewer-request.js was counted at. A test
 * holds the sums against measured counts: never below, at most a tenth above.
 */
export function requestCost(ordered: Ordered, table: Table, on: ReadonlySet<string>): number {
  const one = (feature: string, opcodes: number) => on.has(feature) ? opcodes : 0;
  const redirect = 3 + 7 + 1 + 1 + 5 + 10 + 8;
  const query = 5;
  /** `open`: the path ends in a slash. */
  const start = (open: boolean) => 2 + one('markers', 4) + 8 + one('host', 7) + one('location', 1) + one('base', 3) + 2
    + one('table', 9 + (open ? 7 + one('slash', 1) : 0) + one('slash', 1) + one('hosts', 3) + one('inline', 1) + one('reading', 3) + one('probes', 12) + one('lowest', 3) + 1);
  /** Serves a path of the origin, or redirects to its canonical form. Only a path without slash can end in '.html'. */
  const serve = (kind: string, open: boolean): number => {
    const last = 4 + one('proxies', 2) + one('statuses', 2) + one('splits', 2) + one('paths', 6) + one('own', 1);
    if (!'pws'.includes(kind)) {
      return one('serving', 5) + last;
    }
    const canonical = one('canonical', 1 + one('clean', open ? 4 : 16) + one('remove', open || on.has('clean') ? 9 : 5) + one('add', 6));
    const documents = one('documents', 7 + (kind === '' ? one('spa', 9) : one('spa', 2)) + one('index', 4) + one('extension', 8));
    return one('serving', 5) + Math.max(canonical + one('canonical', 3 + 12 + query + redirect), canonical + one('canonical', 3) + documents + last);
  };
  const look = (hit: boolean) => 1 + (on.has('dense') ? 28 + (hit ? 19 : 8) : on.has('inline') ? hit ? 19 : 8 : hit ? 7 : 8);
  const step = ({ splat, mask }: Shape) => {
    if (!splat && !mask.includes('p', 1)) {
      return 9;
    }
    const places = [...mask.slice(1)].filter((mark) => mark === 'p').length;
    return 5 + one('hosts', mask[0] === 'l' ? 6 : 5) + 8 + one('slash', splat ? 8 : 2) + 1
      + one('placeholders', 3 + (places > 0 ? 6 + 9 * places : 0)) + 5;
  };
  const evaluate = ({ rule, slash }: Alternative, holds: boolean): number => {
    const clauses = rule.clauses.some((clause) => clause.length === 0) ? [[]] : rule.clauses;
    const conditions = clauses.flat().reduce((sum, token) => sum + 26 + tokenCost(token, one), 0);
    const strict = slash === 'any' ? 4 : 11;
    return conditions + clauses.length * (5 + one('slash', strict) + one('lowest', 10) + one('conditions', 2))
      + (clauses.length - 1) * 7 + (holds ? one('conditions', 4) + 2 : (slash === 'any' ? 0 : one('conditions', 4)) + 7);
  };
  const act = (rule: NormalRule, open: boolean): number => {
    const { kind, policy, text } = rule;
    const texts = text.split('`');
    const target = texts[texts.length - 1];
    const targets = kind === 's' ? texts.slice(2) : [target];
    const parts = Math.max(...targets.map((it) => it.split('>').length - 1));
    const rests = targets.map((it) => (it.match(/>[a-z]/g) ?? []).length);
    const asked = target.split('?').slice(1).join('').split('>').length - 1;
    const fill = one('captures', 6 + 4 + parts * (16 + one('rests', 3)) + Math.max(...rests) * 11 + one('asked', 4 * parts + 6 * asked));
    const split = one('splits', 2 + (kind === 's' ? 27 + (texts.length / 2 - 1) * 8 : 0));
    const begin = 1 + 8 + one('arguments', 6) + split + fill + one('recapture', 5 + Math.max(...rule.clauses.map((clause) => clause.reduce((sum, token) => sum + 8 + (token.includes('>') ? 8 + tokenCost(token, one) : 0), 0))));
    if (kind < 'a') {
      const passed = policy === 'd' ? 0 : 4 + query + one('merges', policy === 'm' ? 22 : 5);
      return begin + 8 + passed + one('fragments', target.includes('#') ? 15 : 7) + 10 + redirect - (target.includes('?') ? 0 : 1);
    }
    const common = begin + one('redirects', 2) + one('statuses', 2);
    if (kind === 'e' && target === '') {
      return common + 7;
    }
    const pairs = (target.split('?')[1] ?? '').split('&').filter((pair) => pair !== '').length;
    const names = policy === 'm' ? text.split('`').at(-2)?.split('|').length ?? 0 : 0;
    const own = one('own', 4 + 1 + 6 + one('merges', 5) + (policy === 'm' ? 12 + names * 8 : 0) + (pairs > 0 ? 12 + pairs * 15 : 1));
    const extra = { o: 43, e: 7, s: 20, w: 0, p: 0 }[kind] ?? 0;
    return common + one('rewrites', 3) + own + extra + serve(kind, open);
  };

  const probes = table.reads.map((_, depth) => probing(depth).reduce((sum, shape) => sum + step(shape) + look(false), 0));
  const nothing = (open: boolean) => start(open) + Math.max(...probes) + one('table', look(false) + 4 + 1) + serve('', open);
  let most = Math.max(nothing(false), nothing(true));
  const index = new Index(ordered);
  const seen = new Set<string>();
  for (const { cells, splat, shape, alternatives } of ordered.patterns) {
    // Patterns of one shape with alternatives of one make cost the same: large files have few kinds of rules.
    const make = alternatives.map(({ rule }) => `${rule.kind}${rule.policy}${rule.clauses.length}${rule.clauses.flat().map((token) => token[0]).join('')}`
      + rule.text.replace(/[^>`?&#|a-z]|[a-z](?<!>.)/g, '') + rule.text.split('`').length).join(' ');
    const level = `${shape.mask}${splat} ${make}`;
    if (seen.has(level) && alternatives.length === 1 && alternatives[0].rule.clauses[0].length === 0) {
      continue;
    }
    seen.add(level);
    const deepest = table.reads.length - 1;
    for (let depth = shape.depth; depth <= (splat ? deepest : shape.depth); depth++) {
      const segments = [...cells.slice(1).map((cell) => cell ?? '~'), ...Array<string>(depth - shape.depth).fill('~')];
      const path = `/${segments.join('/')}`;
      follow({ host: cells[0] ?? '', path }, depth, false);
      follow({ host: cells[0] ?? '', path }, depth, true);
    }
  }
  return most;

  /** The dearest of the outcomes on one path, each condition holding or not. */
  function follow(place: { readonly host: string; readonly path: string }, depth: number, open: boolean): void {
    const shapes = probing(depth);
    let cost = start(open) + look(false);
    let tried = 0;
    const tryUpTo = (end: number) => {
      for (; tried < end; tried++) {
        cost += step(shapes[tried]) + look(false);
      }
    };
    for (const { shape, alternatives, deeper } of index.hitsAt(place)) {
      tryUpTo(shapes.indexOf(shape) + 1);
      cost += look(true) - look(false) + one('single', 4) + one('several', 6) + one('slash', open ? 4 : 2) + one('lowest', 5);
      const ends = open || shape.splat && deeper ? 'closed' : 'open';
      for (const alternative of alternatives) {
        if (alternative.slash !== ends) {
          most = Math.max(most, cost + (on.has('several') ? evaluate(alternative, true) : 0) + 2 + act(alternative.rule, open));
        }
        cost += evaluate(alternative, false);
        if (on.has('first') && isCertain(alternative.rule) && alternative.slash !== ends) {
          return;
        }
      }
    }
    tryUpTo(shapes.length);
    most = Math.max(most, cost + 5 + serve('', open));
  }

  function probing(depth: number): readonly Shape[] {
    return ordered.shapes.filter((shape) => shape.splat ? shape.depth <= depth
      : shape.depth === depth && !(!shape.mask.includes('p', 1) && (shape.mask[0] === 'l') === table.hosts));
  }
}

/** Of `told`: the value is there, and a query parameter malformed. */
function tokenCost(token: string, one: (feature: string, opcodes: number) => number): number {
  const [, , kind, , operator] = /^(!?)(.)([\w.%-]*)(.?)/.exec(token) ?? [];
  const language = one('languages', 2);
  const method = language + one('methods', 2);
  const label = method + one('labels', 2) + one('affixes', kind === 'Q' ? 2 : 0);
  switch (kind) {
    case 'L': return 2 + 2 + 7 + 34;
    case 'T': return 2 + language + 2 + 3;
    case 'Z': return 2 + method + 2 + 3;
    case 'A': return 2 + label + 2 + 6 + 18;
    case 'Q': return 2 + label + 8 + one('captured', 5) + 18 + (operator === '>' ? 12 : 0) + 8;
    default: return one('special', 2) + 2 + 1 + 3;
  }
}

/** Of blocks/viewer-response.js: header rules are tried one after the other. */
export function responseCost(rules: readonly ResponseRule[], on: ReadonlySet<string>): number {
  const one = (feature: string, opcodes: number) => on.has(feature) ? opcodes : 0;
  const each = rules.map(({ path, host, clauses, operations }) => {
    const sets = operations.map(({ kind, value }) => {
      const joined = 2 * Math.max(0, value.length - 1) + value.filter((part) => typeof part === 'number').length;
      return joined + (kind === 'unset' ? 2 : on.has('puts') ? 8 + (kind === 'append' ? 7 : 5) : 4);
    });
    const captures = operations.some(({ value }) => value.some((part) => typeof part === 'number'));
    const test = (path === '' ? 0 : captures ? 9 : 5) + (host === undefined ? 0 : 5);
    const conditions = clauses.some((clause) => clause.length === 0) ? 0
      : 2 + clauses.flat().reduce((sum, token) => sum + 12 + tokenCost(token, one), 0);
    return test + conditions + sets.reduce((sum, cost) => sum + cost, 0) + 2;
  });
  return 6 + one('statuses', 8) + one('splits', 22) + one('rules', 14 + one('host', 6) + one('puts', 2)) + each.reduce((sum, cost) => sum + cost, 0);
}
