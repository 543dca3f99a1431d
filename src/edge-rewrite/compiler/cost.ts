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
  const redirect = 3 + 7 + 1 + 1 + 5 + 10 + 8 + one('fragments', 7);
  const query = 5;
  const start = 2 + one('markers', 4) + 8 + one('host', 7) + one('location', 1) + one('base', 3) + 2
    + one('table', 6 + 3 + 7 + one('slash', 2) + one('hosts', 3) + one('inline', 1) + one('reading', 3) + one('probes', 12) + one('lowest', 3) + 1);
  /** Serves a path of the origin, or redirects to its canonical form. */
  const serve = (kind: string): number => {
    const last = 4 + one('proxies', 2) + one('statuses', 2) + one('splits', 2) + one('paths', 6) + one('own', 1);
    if (!'pws'.includes(kind)) {
      return one('serving', 5) + last;
    }
    const canonical = one('canonical', 1 + one('clean', 16) + one('remove', 11) + one('add', 6));
    const documents = one('documents', 7 + (kind === '' ? one('spa', 9) : one('spa', 2)) + one('index', 4) + one('extension', 8));
    return one('serving', 5) + Math.max(canonical + one('canonical', 3 + 12 + query + redirect), canonical + one('canonical', 3) + documents + last);
  };
  const look = (hit: boolean) => 1 + (on.has('dense') ? 28 + (hit ? 19 : 8) : on.has('inline') ? hit ? 19 : 8 : hit ? 7 : 8);
  const step = ({ splat, mask }: Shape) => {
    const places = [...mask.slice(1)].filter((mark) => mark === 'p').length;
    return 6 + one('hosts', 6) + 8 + one('slash', splat ? 8 : 2) + 1 + one('placeholders', 6 + 10 * places) + 5;
  };
  const evaluate = ({ rule }: Alternative, holds: boolean): number => {
    const clauses = rule.clauses.some((clause) => clause.length === 0) ? [[]] : rule.clauses;
    const each = clauses.map((clause) => 5 + one('slash', 11) + one('lowest', 9) + 1
      + one('conditions', 7 + clause.reduce((sum, token) => sum + 14 + one('splits', 6) + tokenCost(token, one), 0)) + one('splits', 6));
    const sum = each.reduce((all, cost) => all + cost, 0);
    return sum + 8 * (clauses.length - 1) + (holds ? 3 : 7);
  };
  const act = (rule: NormalRule): number => {
    const { kind, policy, text, variants } = rule;
    const target = text.slice(text.lastIndexOf('`') + 1);
    const parts = Math.max(...(variants.length === 0 ? [target] : variants).map((it) => it.split('>').length - 1));
    const rests = (variants.length === 0 ? [target] : variants).map((it) => (it.match(/>[a-z]/g) ?? []).length);
    const fill = one('captures', 6 + 4 + parts * (16 + one('rests', 3)) + Math.max(...rests) * 11);
    const split = one('splits', 2 + (kind === 's' ? 24 + variants.length * 11 : 0));
    const begin = 1 + 8 + one('arguments', 6) + split + fill + one('recapture', 4) + one('variants', 6);
    if (kind < 'a') {
      const passed = policy === 'd' ? 0 : 4 + query + one('merges', policy === 'm' ? 22 : 5);
      return begin + 8 + passed + 10 + redirect - (target.includes('?') ? 0 : 1);
    }
    const common = begin + one('redirects', 2) + one('statuses', 2);
    if (kind === 'e' && target === '') {
      return common + 7;
    }
    const pairs = (target.split('?')[1] ?? '').split('&').filter((pair) => pair !== '').length;
    const names = policy === 'm' ? text.split('`').at(-2)?.split('|').length ?? 0 : 0;
    const own = one('own', 4 + 1 + 6 + one('merges', 5) + (policy === 'm' ? 12 + names * 8 : 0) + (pairs > 0 ? 12 + pairs * 15 : 1));
    const extra = { o: 40, e: 7, s: 20, w: 0, p: 0 }[kind] ?? 0;
    return common + one('rewrites', 3) + own + extra + serve(kind);
  };

  const probes = table.reads.map((_, depth) => probing(depth).reduce((sum, shape) => sum + step(shape) + look(false), 0));
  let most = start + Math.max(...probes) + one('table', look(false) + 4 + 1) + serve('');
  const index = new Index(ordered);
  const seen = new Set<string>();
  for (const { cells, splat, shape, alternatives } of ordered.patterns) {
    // Patterns of one shape with alternatives of one make cost the same: large files have few kinds of rules.
    const make = alternatives.map(({ rule }) => `${rule.kind}${rule.policy}${rule.clauses.length}${rule.clauses.flat().map((token) => token[0]).join('')}`
      + rule.text.replace(/[^>`?&#|a-z]|[a-z](?<!>.)/g, '') + rule.variants.length).join(' ');
    const level = `${shape.mask}${splat} ${make}`;
    if (seen.has(level) && alternatives.length === 1 && alternatives[0].rule.clauses[0].length === 0) {
      continue;
    }
    seen.add(level);
    const deepest = table.reads.length - 1;
    for (let depth = shape.depth; depth <= (splat ? deepest : shape.depth); depth++) {
      const segments = [...cells.slice(1).map((cell) => cell ?? '~'), ...Array<string>(depth - shape.depth).fill('~')];
      follow({ host: cells[0] ?? '', path: `/${segments.join('/')}` }, depth);
    }
  }
  return most;

  /** The dearest of the outcomes on one path, each condition holding or not. */
  function follow(place: { readonly host: string; readonly path: string }, depth: number): void {
    const shapes = probing(depth);
    let cost = start + look(false);
    let tried = 0;
    const tryUpTo = (end: number) => {
      for (; tried < end; tried++) {
        cost += step(shapes[tried]) + look(false);
      }
    };
    for (const { shape, alternatives } of index.hitsAt(place)) {
      tryUpTo(shapes.indexOf(shape) + 1);
      cost += look(true) - look(false) + one('single', 4) + one('several', 5);
      for (const alternative of alternatives) {
        most = Math.max(most, cost + (on.has('several') ? evaluate(alternative, true) : 0) + 2 + act(alternative.rule));
        cost += evaluate(alternative, false);
        if (on.has('first') && isCertain(alternative.rule) && alternative.slash === 'any') {
          return;
        }
      }
    }
    tryUpTo(shapes.length);
    most = Math.max(most, cost + 5 + serve(''));
  }

  function probing(depth: number): readonly Shape[] {
    return ordered.shapes.filter((shape) => shape.splat ? shape.depth <= depth
      : shape.depth === depth && !(!shape.mask.includes('p', 1) && (shape.mask[0] === 'l') === table.hosts));
  }
}

function tokenCost(token: string, one: (feature: string, opcodes: number) => number): number {
  const [, , kind, , operator] = /^(!?)(.)([\w.%-]*)(.?)/.exec(token) ?? [];
  const lookup = 5 + one('cookies', kind === 'K' ? 4 : 3) + one('queries', kind === 'Q' ? 4 : 3) + 2 + one('methods', kind === 'T' ? 7 : 3);
  if (kind === 'Z') {
    return lookup + 10;
  }
  const found = lookup + one('labels', 3) + 5 + one('queries', kind === 'Q' ? 3 + 4 + 15 : 3);
  if (kind === 'L') {
    return found + 13 + 10 + 8 * 22 + 6 + 4 * 17;
  }
  const compared = found + one('languages', 3) + 4;
  if (operator === '>') {
    return compared + 11;
  }
  return compared + one('captured', 2) + 2 + (operator === '' ? 0 : 1 + (operator === '=' ? 7 : 2) + (operator === '<' ? 4 : 2) + (operator === '$' ? 4 : 2) + 4) + 4;
}

/** Of blocks/viewer-response.js: header rules are tried one after the other. */
export function responseCost(rules: readonly ResponseRule[], on: ReadonlySet<string>): number {
  const one = (feature: string, opcodes: number) => on.has(feature) ? opcodes : 0;
  const each = rules.map(({ path, host, clauses, operations }) => {
    const sets = operations.map(({ kind, value }) => {
      const joined = 2 * Math.max(0, value.length - 1) + value.filter((part) => typeof part === 'number').length;
      return joined + (kind === 'unset' ? 2 : on.has('puts') ? 8 + (kind === 'append' ? 7 : 5) : 4);
    });
    const test = (path === '' ? 0 : 5) + (host === undefined ? 0 : 5);
    const conditions = clauses.some((clause) => clause.length === 0) ? 0
      : 2 + clauses.flat().reduce((sum, token) => sum + 8 + tokenCost(token, one), 0);
    return test + conditions + sets.reduce((sum, cost) => sum + cost, 0) + 2;
  });
  return 6 + one('statuses', 6) + one('splits', 22) + one('rules', 14 + one('host', 6) + one('puts', 2)) + each.reduce((sum, cost) => sum + cost, 0);
}
