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
  const lastGood = newestOf(complete.map(({ set, instance, at }) => ({ set, key: instance, time: at })));
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
    .map((snapshot) => ({ set, at, startedAt: snapshot.startedAt, key: lineageOf(snapshot) })));
  return new Set([
    ...newestOf(copies.map(({ set, key, at }) => ({ set, key, time: at }))),
    ...newestOf(copies.map(({ set, key, startedAt }) => ({ set, key, time: startedAt }))),
  ]);
}

/**
 * Lets the oldest deletions through: the smaller number of both, but at least one.
 *
 * @param arrived sets that came in lately: as many go in any case, or what comes in every hour would pile up for ever
 */
export function brake(deletions: readonly string[], total: number, limits: Brake, arrived = 0): { readonly now: string[]; readonly held: string[] } {
  const most = Math.max(1, arrived, Math.min(limits.maxSets, Math.floor(total * limits.maxShare)));
  const oldestFirst = [...deletions].sort((a, b) => scheduledAt(a) - scheduledAt(b) || (a < b ? -1 : 1));
  return { now: oldestFirst.slice(0, most), held: oldestFirst.slice(most) };
}

/** Latest one of each key. */
function newestOf(candidates: ReadonlyArray<{ readonly set: string; readonly key: string; readonly time: Millis }>): Set<string> {
  const newest = new Map<string, { readonly set: string; readonly time: Millis }>();
  for (const { set, key, time } of candidates) {
    const other = newest.get(key);
    if (other === undefined || time > other.time) newest.set(key, { set, time });
  }
  return new Set([...newest.values()].map(({ set }) => set));
}

function scheduledAt(set: string): Millis {
  return Date.parse(parseSetId(set).scheduledAt);
}
