import { isAround, isOfHost } from './conditions';
import { CompileOptions, Diagnostic, DiagnosticCode, Segment } from './model';
import { NormalRule } from './normalise';
import { Alternative, Ordered, Shape, isCertain } from './order';
import { encodePath } from './text';

const HOPS = 10;
/** Branches at conditions looked at per rule: enough for real files, a bound for generated ones. */
const BRANCHES = 64;

interface Place {
  readonly host: string;
  readonly path: string;
}

interface Step {
  readonly place: Place;
  /** Missing where slash, clean URL or canonical host redirects. */
  readonly rule?: NormalRule;
}

interface Findings {
  readonly loops: readonly Diagnostic[];
  readonly chains: readonly Diagnostic[];
  /** The last target a literal one leads to, by rule. */
  readonly ends: ReadonlyMap<NormalRule, string>;
}

/** Proxies lead to declared origins and allowed hosts only. */
export function checkOrigins(rules: readonly NormalRule[], { originIds = [], proxyHosts = [] }: CompileOptions): readonly Diagnostic[] {
  return rules.flatMap(({ rule: { action, source } }): Diagnostic[] => {
    if (action.kind !== 'proxy') {
      return [];
    }
    const { origin } = action;
    if ('id' in origin) {
      return originIds.includes(origin.id) ? [] : [{
        source, severity: 'error', code: 'unknown-origin', message: `an origin must be one of ${list(originIds)}, got '${origin.id}'`,
      }];
    }
    return proxyHosts.includes(origin.host) ? [] : [{
      source, severity: 'error', code: 'host-not-allowed', message: `a proxied host must be one of ${list(proxyHosts)}, got '${origin.host}'; declare it with EdgeOrigin.byHost() in 'origins'`,
    }];
  });
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'those declared, which are none' : names.map((name) => `'${name}'`).join(', ');
}

/** Follows every redirect from samples of its own pattern, as a browser would, for at most ten hops. */
export function follow(ordered: Ordered, options: CompileOptions): Findings {
  const index = new Index(ordered);
  const own = new Set([options.canonicalHost, ...options.ownHosts ?? []].filter((host) => host !== undefined).map((host) => host.toLowerCase()));
  const loops: Diagnostic[] = [];
  const chains: Diagnostic[] = [];
  const ends = new Map<NormalRule, string>();
  const looping = new Set<NormalRule>();
  const chained = new Set<NormalRule>();
  const rules = new Set(ordered.patterns.flatMap(({ alternatives }) => alternatives.map(({ rule }) => rule)));
  for (const rule of rules) {
    if (rule.kind < 'a') {
      for (const path of samplesOf(rule)) {
        const place = { host: rule.cells[0] ?? options.canonicalHost ?? '', path };
        const next = destination(rule, place, options);
        if (next !== undefined && !isEnd(next)) {
          walk(rule, place);
        }
      }
    }
  }
  return { loops, chains, ends };

  /** Nearly every redirect of a large file: what it leads to is looked up once and not redirected again. */
  function isEnd(place: Place): boolean {
    const moved = canonical(place, options);
    return moved.path === place.path && moved.host === place.host && index.alternativesAt(place).length === 0;
  }

  function walk(start: NormalRule, from: Place): void {
    let branches = 0;
    const visit = (place: Place, assumed: ReadonlySet<string>, steps: readonly Step[]): void => {
      if (++branches > BRANCHES || looping.has(start)) {
        return;
      }
      const again = steps.findIndex((step) => step.place.host === place.host && step.place.path === place.path);
      if (again >= 0 || steps.length > HOPS) {
        const cycle = again >= 0 ? steps.slice(again) : steps.slice(-3);
        const known = cycle.some(({ rule }) => rule !== undefined && looping.has(rule));
        cycle.forEach(({ rule }) => rule !== undefined && looping.add(rule));
        if (!known) {
          loops.push(finding(start, 'error', 'loop', `redirects go in a circle: ${shown(cycle)} -> ${place.path}; a rule in front that keeps the paths redirected to ends it`));
        }
        return;
      }
      for (const { rule } of index.alternativesAt(place)) {
        const served = rule.kind >= 'a';
        const segments = place.path.split('/');
        const holds = (token: string) => isAround(token, segments) ?? isOfHost(token, place.host);
        const clauses = rule.clauses.map((clause) => clause.filter((token) => holds(token) !== true))
          .filter((clause) => clause.every((token) => !assumed.has(opposite(token)) && holds(token) === undefined));
        if (!served) {
          clauses.forEach((clause) => hop(rule, place, new Set([...assumed, ...clause]), steps));
        }
        if (clauses.some((clause) => clause.every((token) => assumed.has(token)))) {
          return served && 'pws'.includes(rule.kind) ? settle(place, assumed, steps) : served ? end(steps) : undefined;
        }
      }
      settle(place, assumed, steps);
    };
    const hop = (rule: NormalRule, place: Place, assumed: ReadonlySet<string>, steps: readonly Step[]): void => {
      const next = destination(rule, place, options);
      const path = [...steps, { place, rule }];
      if (next === undefined || (next.host !== place.host && !own.has(next.host) && !index.hosts.has(next.host))) {
        return end(path);
      }
      visit(next, assumed, path);
    };
    const settle = (place: Place, assumed: ReadonlySet<string>, steps: readonly Step[]): void => {
      const next = canonical(place, options);
      if (next.path === place.path && next.host === place.host) {
        return end(steps);
      }
      visit(next, assumed, [...steps, { place }]);
    };
    start.clauses.forEach((clause) => hop(start, from, new Set(clause), []));
  }

  function end(path: readonly Step[]): void {
    const steps = path.filter((step): step is Required<Step> => step.rule !== undefined);
    const first = steps[0]?.rule;
    if (steps.length < 2 || chained.has(first)) {
      return;
    }
    chained.add(first);
    chains.push(finding(first, 'info', 'chain', `${steps.length} redirects one after the other: ${shown(path)}`));
    if (steps.every(({ rule }) => isCertain(rule) && !rule.text.includes('>') && rule.policy === 'k')) {
      ends.set(first, steps[steps.length - 1].rule.text);
    }
  }
}

function finding({ rule }: NormalRule, severity: Diagnostic['severity'], code: DiagnosticCode, message: string): Diagnostic {
  return { source: rule.source, severity, code, message };
}

function shown(steps: readonly Step[]): string {
  return steps.map(({ place, rule }) => `${place.path}${rule === undefined ? '' : ` (${rule.rule.source.file}:${rule.rule.source.line})`}`).join(' -> ');
}

function opposite(token: string): string {
  return token.startsWith('!') ? token.slice(1) : `!${token}`;
}

/** Two paths of a pattern: with nothing and with something for the splat; no placeholder takes a name that a rule may know. */
function samplesOf({ cells, splat, slash, rule }: NormalRule): readonly string[] {
  const path = cells.slice(1).map((cell, n) => `/${cell ?? aroundSample(rule.path.segments[n], `\u007eany${n}`)}`).join('');
  const closed = path === '' ? '/' : path;
  if (splat) {
    return [slash === 'open' ? `${path}/` : closed, `${path}/~rest`];
  }
  return [slash === 'open' && path !== '' ? `${path}/` : closed];
}

function aroundSample(segment: Segment, text: string): string {
  return segment.kind === 'placeholder' ? encodePath(segment.prefix ?? '') + text + encodePath(segment.suffix ?? '') : text;
}

/** Where a redirect leads, as far as a sample can say. */
function destination(rule: NormalRule, { host, path }: Place, options: CompileOptions): Place | undefined {
  const target = rule.text.slice(rule.text.lastIndexOf('`') + 1);
  const segments = path.split('/');
  const filled = !target.includes('>') ? target : target.replace(/>(.)/g, (_, capture: string) => {
    return capture >= 'a' ? segments.slice(capture.charCodeAt(0) - 96).join('/') : capture >= 'A' ? 'any' : segments[Number(capture)];
  });
  // A query of the target's own may decide about a condition the walk cannot see.
  const [beforeQuery, query] = filled.split('#')[0].split('?');
  if (query !== undefined && rule.clauses.some((clause) => clause.some((token) => /^!?Q/.test(token)))) {
    return undefined;
  }
  if (beforeQuery.startsWith('/')) {
    return { host: options.canonicalHost ?? host, path: `/${beforeQuery.replace(/^([/\\]|%2f|%5c)+/i, '')}` };
  }
  const [, elsewhere, rest] = /^https?:\/\/([^/]*)(.*)$/.exec(beforeQuery) ?? [];
  return elsewhere === undefined ? undefined : { host: elsewhere, path: rest };
}

/** Slash, clean URL and host as the function redirects to them where no rule decides otherwise. */
export function canonical({ host, path }: Place, options: CompileOptions): Place {
  let goal = path;
  if (options.cleanUrls === true && goal.endsWith('.html')) {
    goal = goal.slice(0, -5);
    goal = goal.endsWith('/index') ? goal.slice(0, -5) : goal;
  }
  if (options.trailingSlash === 'remove' && goal.endsWith('/') && goal.length > 1) {
    goal = goal.slice(0, -1);
  }
  if (options.trailingSlash === 'add' && /\/[^/.]+$/.test(goal)) {
    goal += '/';
  }
  return {
    host: options.canonicalHost ?? host,
    path: goal === path ? path : `/${goal.replace(/^([/\\]|%2f|%5c)+/i, '')}`,
  };
}

interface Hit {
  readonly shape: Shape;
  readonly alternatives: readonly Alternative[];
  /** The path has more segments than the pattern. */
  readonly deeper: boolean;
}

/** Finds alternatives for a path the way the runtime does. */
export class Index {
  public readonly hosts = new Set<string>();
  private readonly groups: readonly { readonly shape: Shape; readonly keys: Map<string, readonly Alternative[]> }[];

  constructor({ patterns, shapes }: Ordered) {
    const maps = new Map(shapes.map((shape) => [shape, new Map<string, readonly Alternative[]>()]));
    this.groups = shapes.map((shape) => ({ shape, keys: maps.get(shape) ?? new Map() }));
    for (const { shape, cells, alternatives } of patterns) {
      if (cells[0] !== null) {
        this.hosts.add(cells[0]);
      }
      maps.get(shape)?.set(keyOf(shape.mask, cells), alternatives);
    }
  }

  /** In the order of the runtime, also what stands behind one that always holds. */
  public alternativesAt(place: Place): readonly Alternative[] {
    const open = place.path.endsWith('/');
    return this.hitsAt(place).flatMap(({ shape, alternatives, deeper }) => {
      const ends = open || (shape.splat && deeper);
      return alternatives.filter(({ slash }) => slash === 'any' || (slash === 'open') === ends);
    });
  }

  /** Likewise, whatever the path ends in, by the shape under which they are found. */
  public hitsAt({ host, path }: Place): readonly Hit[] {
    const open = path.endsWith('/');
    const cells = (open ? path.slice(0, -1) : path).split('/');
    cells[0] = host;
    const found: Hit[] = [];
    for (const { shape, keys } of this.groups) {
      const { mask, depth, splat } = shape;
      if (splat ? depth > cells.length - 1 : depth !== cells.length - 1) {
        continue;
      }
      const alternatives = keys.get(keyOf(mask, cells));
      if (alternatives !== undefined) {
        found.push({ shape, alternatives, deeper: cells.length - 1 > depth });
      }
    }
    return found;
  }
}

/** Literal cells only: a shape says where the others are. An empty segment is none that a placeholder stands for. */
function keyOf(mask: string, cells: readonly (string | null)[]): string {
  let key = '';
  for (let n = 0; n < mask.length; n++) {
    const cell = cells[n];
    key += mask[n] === 'l' ? `/${cell}` : n > 0 && cell === '' ? '\n' : '';
  }
  return key;
}
