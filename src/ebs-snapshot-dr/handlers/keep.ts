import type { Millis, Verdict } from './ports';
import { lineageOf, type SetView } from './recovery-point';
import { parseSetId, type Brake } from '../contract';

/** What stands above every policy: of one plan, by ids of sets. */
export interface KeepFacts {
  /** All sets of the plan on this side, whatever their state. */
  readonly sets: readonly SetView[];
  /** On the source's side: sets that a site has not copied as a whole, or did not answer for. */
  readonly awaited: ReadonlySet<string>;
  readonly locked: ReadonlySet<string>;
  /** Sets of running restores and drills. */
  readonly restoring: ReadonlySet<string>;
}

/** Turns deletions that must not be into keeping, with the invariant as a further reason. Verdicts are of one plan's sets. */
export function protect(verdicts: readonly Verdict[], facts: KeepFacts): Verdict[] {
  const complete = facts.sets.filter(({ state }) => state === 'complete');
  const known = new Set(complete.map(({ set }) => set));
  const lastGood = newestOf(complete, ({ instance }) => instance, ({ at }) => at);
  const newest = newestCopies(facts.sets);
  const invariants: ReadonlyArray<readonly [string, (set: string) => boolean]> = [
    ['last-good', (set) => lastGood.has(set)],
    ['newest-copy', (set) => newest.has(set)],
    ['copy-awaited', (set) => facts.awaited.has(set)],
    ['locked', (set) => facts.locked.has(set)],
    ['restore', (set) => facts.restoring.has(set)],
    ['not-complete', (set) => !known.has(set)],
  ];
  return verdicts.map((verdict) => {
    const reasons = invariants.filter(([, holds]) => holds(verdict.set)).map(([name]) => name);
    if (reasons.length === 0) return verdict;
    return { set: verdict.set, keep: true, reasons: verdict.keep ? [...verdict.reasons, ...reasons] : reasons };
  });
}

/**
 * Sets with the newest copy of a volume, which the next one builds upon: complete or not. What EC2 takes for the most recent copy
 * may be the one of the newest data, or the one that was started last.
 */
export function newestCopies(sets: readonly SetView[]): ReadonlySet<string> {
  const copies = sets.flatMap(({ set, at, snapshots, duplicates }) => [...snapshots, ...duplicates]
    .filter(({ state }) => state === 'completed')
    .map((snapshot) => ({ set, at, snapshot })));
  const lineage = ({ snapshot }: typeof copies[number]) => lineageOf(snapshot);
  return new Set([...newestOf(copies, lineage, ({ at }) => at), ...newestOf(copies, lineage, ({ snapshot }) => snapshot.startedAt)]);
}

/**
 * Lets the oldest deletions through: the smaller number of both, but at least one.
 *
 * @param arrived sets that came in lately: as many go in any case, or what comes in every hour would pile up for ever
 */
export function brake(deletions: readonly string[], total: number, limits: Brake, arrived = 0): { readonly now: string[]; readonly held: string[] } {
  const most = Math.max(1, arrived, Math.min(limits.maxSets, Math.floor(total * limits.maxShare)));
  const oldestFirst = deletions.map((set) => ({ set, at: scheduledAt(set) }))
    .sort((a, b) => a.at - b.at || (a.set < b.set ? -1 : 1))
    .map(({ set }) => set);
  return { now: oldestFirst.slice(0, most), held: oldestFirst.slice(most) };
}

/** Sets of the latest one of each key. */
function newestOf<T extends { readonly set: string }>(
  candidates: readonly T[], keyOf: (candidate: T) => string, timeOf: (candidate: T) => Millis,
): Set<string> {
  const newest = new Map<string, T>();
  for (const candidate of candidates) {
    const other = newest.get(keyOf(candidate));
    if (other === undefined || timeOf(candidate) > timeOf(other)) newest.set(keyOf(candidate), candidate);
  }
  return new Set([...newest.values()].map(({ set }) => set));
}

function scheduledAt(set: string): Millis {
  return Date.parse(parseSetId(set).scheduledAt);
}
