import { Cell, NormalRule, Slash } from './normalise';

/**
 * Turns "the first rule in the file wins" into "the most specific pattern that hits decides", which is what look-ups by
 * exact key can do.
 *
 * A pattern is a row of cells (host, segments) with or without a splat. The runtime tries patterns in one fixed order, in
 * which a more specific one always comes first, and stops at the first alternative that holds. So each pattern carries
 * copies of the earlier rules that match the same paths, as far as falling through to less specific patterns would not
 * give the same sequence anyhow. Where two patterns overlap without one containing the other, their intersection becomes
 * a pattern too.
 */
export interface Ordered {
  /** Patterns with alternatives, most specific shapes first. */
  readonly patterns: readonly Pattern[];
  /** In the order in which the runtime tries them. */
  readonly shapes: readonly Shape[];
  /** Rules that no request reaches, with the rule that takes them all. */
  readonly unreachable: readonly { readonly rule: NormalRule; readonly by: NormalRule; readonly duplicate: boolean }[];
  /** Alternatives beyond one per rule. */
  readonly copies: number;
}

export interface Pattern {
  readonly cells: readonly Cell[];
  readonly splat: boolean;
  readonly shape: Shape;
  readonly alternatives: readonly Alternative[];
}

export interface Alternative {
  readonly rule: NormalRule;
  /** What the path must end in, seen from this pattern. */
  readonly slash: Slash;
}

export interface Shape {
  /** `l` literal, `p` placeholder; the first is the host. */
  readonly mask: string;
  readonly splat: boolean;
  /** Segments, without the host. */
  readonly depth: number;
}

/** Copies and intersections make the data grow beyond reason: the caller has to switch to the other layout. */
export class TooEntangled extends Error {}

interface Draft {
  readonly cells: readonly Cell[];
  readonly splat: boolean;
  readonly own: NormalRule[];
  alternatives: Alternative[];
  /** An intersection, already counted. */
  met?: boolean;
}

interface Group {
  readonly shape: Shape;
  readonly drafts: Map<string, Draft>;
}

const NOTHING = '\u0000';

export function order(rules: readonly NormalRule[], files: ReadonlyMap<string, NormalRule> = new Map(), keepFiles = false): Ordered {
  const groups = new Map<string, Group>();
  for (const rule of rules) {
    draftAt(groups, rule.cells, rule.splat).own.push(rule);
  }
  files.forEach(({ cells }) => draftAt(groups, cells, false));
  close(groups, rules.length + files.size);

  const ordered = [...groups.values()].sort((a, b) => compareShapes(a.shape, b.shape));
  const unreachable: { rule: NormalRule; by: NormalRule; duplicate: boolean }[] = [];
  let copies = 0;
  for (let n = ordered.length - 1; n >= 0; n--) {
    const { shape, drafts } = ordered[n];
    const wider = ordered.slice(n + 1).filter((group) => contains(group.shape, shape));
    for (const draft of drafts.values()) {
      const parents = parentsOf(draft, wider);
      const file = draft.splat || files.size === 0 ? undefined : files.get(keyOf([null, ...draft.cells.slice(1)]));
      resolve(draft, parents, file, keepFiles, (rule, by) => unreachable.push({ rule, by, duplicate: sameCells(rule, by) }));
      copies += draft.alternatives.length - draft.own.length;
    }
  }
  const patterns = ordered.flatMap(({ shape, drafts }) => [...drafts.values()]
    .filter(({ alternatives }) => alternatives.length > 0)
    .map(({ cells, splat, alternatives }) => ({ cells, splat, shape, alternatives })));
  const used = new Set(patterns.map(({ shape }) => shape));
  return {
    patterns,
    shapes: ordered.map(({ shape }) => shape).filter((shape) => used.has(shape)),
    unreachable: unreachable.sort((a, b) => a.rule.index - b.rule.index),
    copies,
  };
}

/** The other layout: every pattern holds its own rules only, and the runtime takes the lowest of all that hit. */
export function unresolved(rules: readonly NormalRule[]): Ordered {
  const groups = new Map<string, Group>();
  for (const rule of rules) {
    draftAt(groups, rule.cells, rule.splat).own.push(rule);
  }
  const unreachable: { rule: NormalRule; by: NormalRule; duplicate: boolean }[] = [];
  groups.forEach(({ drafts }) => drafts.forEach((draft) => {
    resolve(draft, [], undefined, false, (rule, by) => unreachable.push({ rule, by, duplicate: true }));
  }));
  const ordered = [...groups.values()].sort((a, b) => compareShapes(a.shape, b.shape));
  return {
    patterns: ordered.flatMap(({ shape, drafts }) => [...drafts.values()]
      .map(({ cells, splat, alternatives }) => ({ cells, splat, shape, alternatives }))),
    shapes: ordered.map(({ shape }) => shape),
    unreachable,
    copies: 0,
  };
}

/** The key under which `order` looks for a file. */
export function fileKey({ cells }: Pick<NormalRule, 'cells'>): string {
  return keyOf(cells);
}

function draftAt(groups: Map<string, Group>, cells: readonly Cell[], splat: boolean): Draft {
  const mask = cells.map((cell) => cell === null ? 'p' : 'l').join('');
  const name = splat ? `${mask}*` : mask;
  let group = groups.get(name);
  if (group === undefined) {
    group = { shape: { mask, splat, depth: cells.length - 1 }, drafts: new Map() };
    groups.set(name, group);
  }
  const key = keyOf(cells);
  let draft = group.drafts.get(key);
  if (draft === undefined) {
    draft = { cells, splat, own: [], alternatives: [] };
    group.drafts.set(key, draft);
  }
  return draft;
}

function keyOf(cells: readonly Cell[]): string {
  let key = '';
  for (const cell of cells) {
    key += cell === null ? `${NOTHING}/` : `${cell}/`;
  }
  return key;
}

/** More specific first: a path's exact pattern, then placeholders (literals on the left first), then splats, deepest first. */
function compareShapes(a: Shape, b: Shape): number {
  if (a.splat !== b.splat) {
    return a.splat ? 1 : -1;
  }
  return b.depth - a.depth || (a.mask < b.mask ? -1 : a.mask > b.mask ? 1 : 0);
}

/** Whether a pattern of shape `wide` can contain one of shape `narrow`. */
function contains(wide: Shape, narrow: Shape): boolean {
  if (wide.splat ? wide.depth > narrow.depth : narrow.splat || wide.depth !== narrow.depth) {
    return false;
  }
  for (let n = 0; n < wide.mask.length; n++) {
    if (wide.mask[n] === 'l' && narrow.mask[n] === 'p') {
      return false;
    }
  }
  return true;
}

/** The drafts that contain `draft`, most specific first. */
function parentsOf(draft: Draft, wider: readonly Group[]): readonly Draft[] {
  const parents: Draft[] = [];
  for (const { shape, drafts } of wider) {
    let key = '';
    for (let n = 0; n < shape.mask.length; n++) {
      const cell = draft.cells[n];
      if (shape.mask[n] === 'l') {
        key += `${cell}/`;
      } else if (cell === '') {
        key = '';
        break;
      } else {
        key += `${NOTHING}/`;
      }
    }
    const parent = key === '' ? undefined : drafts.get(key);
    if (parent !== undefined) {
      parents.push(parent);
    }
  }
  return parents;
}

function resolve(
  draft: Draft,
  parents: readonly Draft[],
  file: NormalRule | undefined,
  keepFiles: boolean,
  lost: (rule: NormalRule, by: NormalRule) => void,
): void {
  const { own } = draft;
  if (parents.length === 0 && own.length === 1 && file === undefined) {
    draft.alternatives = [{ rule: own[0], slash: own[0].slash }];
    return;
  }
  let all: NormalRule[] = [...own];
  parents.forEach((parent) => all.push(...parent.own));
  all.sort((a, b) => a.index - b.index);
  if (file !== undefined) {
    all = [...all.filter(({ rule }) => rule.force), file];
  }

  // Up to the first one that always holds: what stands behind it is never looked at.
  const wanted: Alternative[] = [];
  const final = new Map<Slash, NormalRule>();
  for (const rule of all) {
    const alternative = { rule, slash: slashAt(rule, draft) };
    const by = final.get('any') ?? final.get(alternative.slash)
      ?? (final.has('open') && final.has('closed') ? final.get('closed') : undefined);
    if (by !== undefined) {
      if (own.includes(rule)) {
        lost(rule, by);
      }
      continue;
    }
    wanted.push(alternative);
    if (isCertain(rule)) {
      final.set(alternative.slash, rule);
    }
  }

  const inherited: Alternative[] = [];
  parents.forEach((parent) => inherited.push(...parent.alternatives));
  let least = 0;
  wanted.forEach(({ rule }, n) => {
    if (own.includes(rule)) {
      least = n + 1;
    }
  });
  if (file !== undefined && (keepFiles || file.kind !== 'p' || inherited.length > 0)) {
    least = wanted.length;
  } else if (file !== undefined && own.length === 0) {
    return;
  }
  while (least < wanted.length && !continues(inherited, wanted, least, draft)) {
    least++;
  }
  draft.alternatives = wanted.slice(0, least);
}

/** Whether trying the less specific patterns after the first `count` wanted rules gives the rest in the right order. */
function continues(inherited: readonly Alternative[], wanted: readonly Alternative[], count: number, draft: Draft): boolean {
  const seen = new Set(wanted.slice(0, count).map(({ rule }) => rule));
  let next = count;
  for (const { rule } of inherited) {
    if (next === wanted.length && covers(wanted)) {
      return true;
    }
    if (seen.has(rule)) {
      continue;
    }
    seen.add(rule);
    if (wanted[next]?.rule !== rule) {
      // A rule that cannot be reached any more does no harm out of turn, one that can does.
      if (isHidden(rule, wanted.slice(0, next), draft)) {
        continue;
      }
      return false;
    }
    next++;
  }
  return next === wanted.length;
}

function covers(wanted: readonly Alternative[]): boolean {
  const last = wanted.at(-1);
  return last !== undefined && last.slash === 'any' && isCertain(last.rule);
}

function isHidden(rule: NormalRule, before: readonly Alternative[], draft: Draft): boolean {
  const slash = slashAt(rule, draft);
  return before.some((other) => isCertain(other.rule) && (other.slash === 'any' || other.slash === slash));
}

export function isCertain(rule: NormalRule): boolean {
  return rule.clauses.some((clause) => clause.length === 0);
}

/** A splat that needs its slash has it for certain where the pattern is deeper. */
function slashAt(rule: NormalRule, draft: Draft): Slash {
  return rule.splat && rule.slash === 'open' && draft.cells.length > rule.cells.length ? 'any' : rule.slash;
}

function sameCells(a: NormalRule, b: NormalRule): boolean {
  return a.splat === b.splat && a.cells.length === b.cells.length && a.cells.every((cell, n) => cell === b.cells[n]);
}

/** Adds the intersections of patterns that overlap without one containing the other, until there are no new ones. */
function close(groups: Map<string, Group>, rules: number): void {
  const most = rules + 1_000;
  const done = new Set<string>();
  let made = 0;
  for (let again = true; again;) {
    again = false;
    const list = [...groups.entries()];
    list.forEach(([leftName, left], n) => list.slice(n + 1).forEach(([rightName, right]) => {
      const pair = `${leftName} ${left.drafts.size} ${rightName} ${right.drafts.size}`;
      if (done.has(pair) || !overlap(left.shape, right.shape)) {
        return;
      }
      done.add(pair);
      for (const cells of [...intersections(left, right, most)]) {
        const draft = draftAt(groups, cells, left.shape.splat && right.shape.splat);
        if (draft.own.length === 0 && !draft.met) {
          draft.met = true;
          again = true;
          if (++made > most) {
            throw new TooEntangled(`more than ${most} intersections`);
          }
        }
      }
    }));
  }
}

/** Whether patterns of two shapes can overlap while neither contains the other. */
function overlap(a: Shape, b: Shape): boolean {
  if (!a.splat && !b.splat && a.depth !== b.depth || a.splat && !b.splat && a.depth > b.depth || b.splat && !a.splat && b.depth > a.depth) {
    return false;
  }
  return !contains(a, b) && !contains(b, a);
}

function* intersections(left: Group, right: Group, most: number): Generator<readonly Cell[]> {
  const common = [...left.shape.mask].flatMap((mark, n) => mark === 'l' && right.shape.mask[n] === 'l' ? [n] : []);
  const joined = new Map<string, Draft[]>();
  for (const draft of left.drafts.values()) {
    const key = common.map((n) => draft.cells[n]).join('/');
    joined.set(key, [...joined.get(key) ?? [], draft]);
  }
  let work = 0;
  for (const other of right.drafts.values()) {
    for (const draft of joined.get(common.map((n) => other.cells[n]).join('/')) ?? []) {
      if (++work > 50 * most) {
        throw new TooEntangled(`more than ${50 * most} overlaps to look at`);
      }
      const [long, short] = draft.cells.length >= other.cells.length ? [draft.cells, other.cells] : [other.cells, draft.cells];
      const cells = long.map((cell, n) => cell ?? short[n] ?? null);
      // A placeholder never stands for an empty segment, so such patterns do not meet.
      if (cells.every((cell, n) => cell !== '' || n >= short.length || (long[n] !== null && short[n] !== null))) {
        yield cells;
      }
    }
  }
}
