import { createHash } from 'node:crypto';
import { fieldsOf } from './conditions';
import { LIMITS } from './limits';
import { DataEntry } from './model';
import { NormalRule, Slash } from './normalise';
import { Alternative, Ordered, Pattern, Shape } from './order';

/** What the runtime looks up: keys, values, and per depth of a path the keys to try. Form: blocks/viewer-request.js. */
export interface Table {
  readonly entries: readonly { readonly key: string; readonly value: string; readonly pattern: Pattern }[];
  /** The constant PROBES: one cell per depth, the last for all deeper paths. */
  readonly probes: string;
  /** The same for people: the forms of patterns a path of each depth is looked up by. */
  readonly forms: readonly (readonly string[])[];
  /** Keys tried at most, per depth. */
  readonly reads: readonly number[];
  readonly hosts: boolean;
  /** The lowest of all hits decides, not the first. */
  readonly ranked: boolean;
}

const POLICY: Readonly<Record<Slash, Readonly<Record<'k' | 'm' | 'd', string>>>> = {
  any: { k: 'k', m: 'm', d: 'd' },
  closed: { k: 'K', m: 'M', d: 'D' },
  open: { k: 'X', m: 'Y', d: 'Z' },
};

export function tableOf({ patterns, shapes }: Pick<Ordered, 'patterns' | 'shapes'>, ranked = false): Table {
  const hosts = shapes.some(({ mask }) => mask[0] === 'l');
  const marks = marksOf(shapes);
  const entries = patterns.map((pattern) => ({
    key: keyOf(pattern, marks),
    value: pattern.alternatives.map((alternative) => valueOf(alternative, ranked)).join('<'),
    pattern,
  }));
  const deepest = Math.max(0, ...shapes.map(({ depth }) => depth));
  const cells: string[] = [];
  const forms: string[][] = [];
  const reads: number[] = [];
  for (let depth = 0; depth <= deepest + 1; depth++) {
    const probed = shapes.filter((shape) => shape.splat ? shape.depth <= depth : shape.depth === depth && !isFirst(shape, hosts));
    cells.push(probed.map((shape) => ` ${tokenOf(shape, marks, hosts)}`).join(''));
    forms.push(probed.map(formOf));
    reads.push(probed.length + 1);
  }
  return { entries, probes: cells.join('|'), forms, reads, hosts, ranked };
}

/** Entries as one text to search in. */
export function linesOf(entries: ReadonlyArray<{ readonly key: string; readonly value: string }>): string {
  return `}${entries.map(({ key, value }) => `${key} ${value}}`).join('')}`;
}

/**
 * Buckets by the md5 of the key, as few as all stay below the limit of a value; undefined if an entry alone is too large.
 * One read must find a key, so the fullest bucket decides: where entries have 60 bytes, the mean one is filled by half.
 */
export function bucketsOf({ entries }: Table): readonly DataEntry[] | undefined {
  const lengths = Uint32Array.from(entries, ({ key, value }) => key.length + value.length + 2);
  const hashes = Uint32Array.from(entries, ({ key }) => createHash('md5').update(key).digest().readUInt32BE(0));
  const bytes = lengths.reduce((sum, length) => sum + length, 0);
  // Which count suits is a matter of chance near the limit: each is tried, in steps of half a percent.
  const most = lengths.every((length) => length < LIMITS.entryBytes - 8) ? entries.length * 4 + 64 : 0;
  for (let count = Math.ceil(bytes / LIMITS.entryBytes); count <= most; count = Math.ceil(count * 1.005)) {
    const room = LIMITS.entryBytes - 1 - String(count - 1).length;
    if (fit(lengths, hashes, count, room)) {
      const buckets = Array.from({ length: count }, (): Table['entries'][number][] => []);
      entries.forEach((entry, n) => buckets[hashes[n] % count].push(entry));
      return buckets.map((bucket, n) => ({ key: String(n), value: linesOf(bucket) }));
    }
  }
  return undefined;
}

function fit(lengths: Uint32Array, hashes: Uint32Array, count: number, room: number): boolean {
  const filled = new Uint32Array(count);
  return hashes.every((hash, n) => (filled[hash % count] += lengths[n]) <= room);
}

/** One alternative per clause of the rule's conditions. */
export function valueOf({ rule, slash }: Alternative, ranked: boolean): string {
  const head = (ranked ? `${rule.index.toString(36)} ` : '') + rule.kind + POLICY[slash][rule.policy] + rule.text;
  return clausesOnce(rule).map((clause) => [head, ...clause.flatMap(fieldsOf)].join(' ')).join('<');
}

/** A clause that always holds makes the others idle. */
function clausesOnce({ clauses }: NormalRule): NormalRule['clauses'] {
  return clauses.some((clause) => clause.length === 0) ? [[]] : clauses;
}

/** The path itself, of whatever host there is: the runtime's first key. */
function isFirst({ mask }: Shape, hosts: boolean): boolean {
  return isExact(mask) && (mask[0] === 'l') === hosts;
}

function isExact(mask: string): boolean {
  return !mask.includes('p', 1);
}

/** A letter per shape; shapes of different depth may share one, their keys differ anyhow. */
function marksOf(shapes: readonly Shape[]): ReadonlyMap<Shape, string> {
  const used = new Map<string, number>();
  return new Map(shapes.map((shape) => {
    const level = `${shape.depth}${shape.splat}`;
    const n = used.get(level) ?? 0;
    used.set(level, n + 1);
    return [shape, String.fromCharCode((shape.splat ? 65 : 97) + n)];
  }));
}

function tokenOf(shape: Shape, marks: ReadonlyMap<Shape, string>, hosts: boolean): string {
  const { mask, splat, depth } = shape;
  if (!splat && isExact(mask)) {
    return '/';
  }
  const positions = [...mask].flatMap((mark, n) => n > 0 && mark === 'p' ? [String(n)] : []).join('');
  return `${marks.get(shape)}${String.fromCharCode(97 + depth)}${hosts ? Number(mask[0] === 'l') : ''}${positions}`;
}

/** `host/a/:/*`: a known host, a known segment, a placeholder, a splat. */
function formOf({ mask, splat }: Shape): string {
  const path = [...mask.slice(1)].map((mark) => mark === 'l' ? '/a' : '/:').join('');
  return `${mask[0] === 'l' ? 'host' : ''}${path}${splat ? '/*' : path === '' ? '/' : ''}`;
}

function keyOf({ cells, splat, shape }: Pattern, marks: ReadonlyMap<Shape, string>): string {
  const host = cells[0] ?? '';
  const path = cells.slice(1).map((cell) => `/${cell ?? ':'}`).join('');
  if (splat || !isExact(shape.mask)) {
    return `${marks.get(shape)}${host}${path}`;
  }
  return `${host === '' ? '' : `~${host}`}${path === '' ? '.' : path}`;
}
