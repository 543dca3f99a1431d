import { isPattern, matcherOf, type Filter } from './filters';
import { TAG } from '../../../../src/ebs-snapshot-dr/contract';
import type { SnapshotState, Tags } from '../../../../src/ebs-snapshot-dr/handlers/ports';

export interface Lock {
  readonly mode: 'governance' | 'compliance';
  readonly days: number;
  readonly coolOffUntil?: number;
  /** Of a pending snapshot only once it is complete. */
  startsAt?: number;
}

/** A snapshot as EC2 knows it, also what it tells nobody. */
export interface StoredSnapshot {
  readonly id: string;
  /** Ascending with every snapshot. */
  readonly order: number;
  readonly region: string;
  readonly account: string;
  state: SnapshotState;
  stateMessage?: string;
  /** What DescribeSnapshots says: of a copy arbitrary. */
  readonly volume: string;
  /** The volume it really comes from, over any number of copies. */
  readonly lineage: string;
  readonly startedAt: number;
  completedAt?: number;
  readonly sizeGiB: number;
  readonly encrypted: boolean;
  readonly key?: string;
  tags: Tags;
  readonly transferType?: 'standard' | 'time-based';
  readonly completionMinutes?: number;
  tier: 'standard' | 'archive';
  readonly description: string;
  /** Of a copy. */
  readonly source?: string;
  readonly sourceRegion?: string;
  /** Of a copy, once it is known. */
  incremental?: boolean;
  /** From then on describes show it: they are eventually consistent. */
  readonly visibleAt: number;
  /** Accepted while it was pending: it goes when it is complete. */
  deleteRequested: boolean;
  deleted: boolean;
  /** In the Recycle Bin until then, unless it is taken out. */
  recycledUntil?: number;
  readonly sharedWith: Set<string>;
  /** Registered images it belongs to. */
  readonly images: Set<string>;
  lock?: Lock;
}

/** Tags that lead to snapshots without a look at all of them. */
const INDEXED: readonly string[] = [TAG.plan, TAG.set, TAG.source, TAG.image];
/** Set ids hold their day: what stands for a wildcard in front of a date. */
const DAY = /@(\d{4}-\d\d-\d\d)/;

/** Snapshots of one account in one Region. Usual queries look at what they find and little more. */
export class SnapshotStore {
  private readonly byTag = new Map<string, Map<string, Set<StoredSnapshot>>>();
  private readonly byDay = new Map<string, Map<string, Set<StoredSnapshot>>>();
  private readonly byState = new Map<SnapshotState, Set<StoredSnapshot>>();
  private readonly all = new Map<string, StoredSnapshot>();

  public get size(): number {
    return this.all.size;
  }

  public values(): IterableIterator<StoredSnapshot> {
    return this.all.values();
  }

  public get(id: string): StoredSnapshot | undefined {
    return this.all.get(id);
  }

  public inState(state: SnapshotState): ReadonlySet<StoredSnapshot> {
    return this.byState.get(state) ?? EMPTY;
  }

  public add(snapshot: StoredSnapshot): void {
    this.all.set(snapshot.id, snapshot);
    put(this.byState, snapshot.state, snapshot);
    this.indexTags(snapshot);
  }

  public remove(snapshot: StoredSnapshot): void {
    this.all.delete(snapshot.id);
    take(this.byState, snapshot.state, snapshot);
    this.unindexTags(snapshot);
  }

  public move(snapshot: StoredSnapshot, state: SnapshotState): void {
    if (this.all.has(snapshot.id)) {
      take(this.byState, snapshot.state, snapshot);
      put(this.byState, state, snapshot);
    }
    snapshot.state = state;
  }

  public retag(snapshot: StoredSnapshot, tags: Tags): void {
    this.unindexTags(snapshot);
    snapshot.tags = tags;
    this.indexTags(snapshot);
  }

  /** What all filters match, in no particular order. */
  public find(filters: readonly Filter[], ids?: readonly string[]): StoredSnapshot[] {
    const tests = filters.map(testOf);
    const found: StoredSnapshot[] = [];
    for (const snapshot of ids ? this.byIds(ids) : this.candidates(filters)) {
      if (tests.every((passes) => passes(snapshot))) found.push(snapshot);
    }
    return found;
  }

  private *byIds(ids: readonly string[]): Iterable<StoredSnapshot> {
    for (const id of new Set(ids)) {
      const snapshot = this.all.get(id);
      if (snapshot) yield snapshot;
    }
  }

  /** The smallest set an index gives that holds everything that matches. */
  private candidates(filters: readonly Filter[]): Iterable<StoredSnapshot> {
    let best: readonly ReadonlySet<StoredSnapshot>[] | undefined;
    let bestSize = this.all.size;
    for (const filter of filters) {
      const sets = this.setsOf(filter);
      if (!sets) continue;
      const size = sets.reduce((sum, set) => sum + set.size, 0);
      if (size < bestSize || best === undefined) [best, bestSize] = [sets, size];
    }
    if (!best) return this.all.values();
    return best.length === 1 ? best[0] : new Set(best.flatMap((set) => [...set]));
  }

  private setsOf({ name, values }: Filter): readonly ReadonlySet<StoredSnapshot>[] | undefined {
    if (name === 'status') return values.some(isPattern) ? undefined : values.map((state) => this.byState.get(state as SnapshotState) ?? EMPTY);
    if (!name.startsWith('tag:') || !INDEXED.includes(name.slice(4))) return undefined;
    const key = name.slice(4);
    const sets: ReadonlySet<StoredSnapshot>[] = [];
    for (const value of values) {
      const day = DAY.exec(value)?.[1];
      if (!isPattern(value)) sets.push(this.byTag.get(key)?.get(value) ?? EMPTY);
      else if (day !== undefined) sets.push(this.byDay.get(key)?.get(day) ?? EMPTY);
      else return undefined;
    }
    return sets;
  }

  private indexTags(snapshot: StoredSnapshot): void {
    this.eachIndex(snapshot, put);
  }

  private unindexTags(snapshot: StoredSnapshot): void {
    this.eachIndex(snapshot, take);
  }

  private eachIndex(snapshot: StoredSnapshot, change: typeof put): void {
    for (const key of INDEXED) {
      const value = snapshot.tags[key];
      if (value === undefined) continue;
      change(nested(this.byTag, key), value, snapshot);
      const day = DAY.exec(value)?.[1];
      if (day !== undefined) change(nested(this.byDay, key), day, snapshot);
    }
  }
}

const EMPTY: ReadonlySet<StoredSnapshot> = new Set();

/** Filters of DescribeSnapshots that take one value of a snapshot. */
const FIELDS: Readonly<Record<string, (snapshot: StoredSnapshot) => string | undefined>> = {
  'status': ({ state }) => state,
  'volume-id': ({ volume }) => volume,
  'volume-size': ({ sizeGiB }) => String(sizeGiB),
  'owner-id': ({ account }) => account,
  'snapshot-id': ({ id }) => id,
  'description': ({ description }) => description,
  'encrypted': ({ encrypted }) => String(encrypted),
  'storage-tier': ({ tier }) => tier,
  'transfer-type': ({ transferType }) => transferType,
  'start-time': ({ startedAt }) => new Date(startedAt).toISOString(),
};

export function isSnapshotFilter(name: string): boolean {
  return name in FIELDS || name === 'tag-key' || /^tag:./.test(name);
}

function testOf({ name, values }: Filter): (snapshot: StoredSnapshot) => boolean {
  const matches = matcherOf(values);
  if (name === 'tag-key') return ({ tags }) => Object.keys(tags).some(matches);
  const key = name.slice('tag:'.length);
  const read = FIELDS[name] ?? (({ tags }: StoredSnapshot) => tags[key]);
  return (snapshot) => {
    const value = read(snapshot);
    return value !== undefined && matches(value);
  };
}

function put<K>(index: Map<K, Set<StoredSnapshot>>, key: K, snapshot: StoredSnapshot): void {
  const there = index.get(key);
  if (there) there.add(snapshot);
  else index.set(key, new Set([snapshot]));
}

function take<K>(index: Map<K, Set<StoredSnapshot>>, key: K, snapshot: StoredSnapshot): void {
  const there = index.get(key);
  there?.delete(snapshot);
  if (there?.size === 0) index.delete(key);
}

function nested<V>(index: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let inner = index.get(key);
  if (!inner) index.set(key, inner = new Map());
  return inner;
}
