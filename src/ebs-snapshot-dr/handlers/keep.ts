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
  const lastGood = newestOf(complete, ({ instance }) => [instance], ({ at }) => at);
  const newestCopies = new Set([
    ...newestOf(complete, lineages, ({ at }) => at),
    // What EC2 takes for the most recent copy may be the one that was started last.
    ...newestOf(complete, lineages, ({ snapshots }) => Math.max(...snapshots.map(({ startedAt }) => startedAt))),
  ]);
  const invariants: ReadonlyArray<readonly [string, (set: string) => boolean]> = [
    ['last-good', (set) => lastGood.has(set)],
    ['newest-copy', (set) => newestCopies.has(set)],
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

/** Lets the oldest deletions through: the smaller number of both, but at least one. */
export function brake(deletions: readonly string[], total: number, limits: Brake): { readonly now: string[]; readonly held: string[] } {
  const most = Math.max(1, Math.min(limits.maxSets, Math.floor(total * limits.maxShare)));
  const oldestFirst = [...deletions].sort((a, b) => scheduledAt(a) - scheduledAt(b) || (a < b ? -1 : 1));
  return { now: oldestFirst.slice(0, most), held: oldestFirst.slice(most) };
}

function newestOf(sets: readonly SetView[], keysOf: (set: SetView) => readonly string[], timeOf: (set: SetView) => Millis): Set<string> {
  const newest = new Map<string, { readonly set: string; readonly time: Millis }>();
  for (const view of sets) {
    const time = timeOf(view);
    for (const key of keysOf(view)) {
      const other = newest.get(key);
      if (other === undefined || time > other.time) newest.set(key, { set: view.set, time });
    }
  }
  return new Set([...newest.values()].map(({ set }) => set));
}

function lineages({ snapshots }: SetView): string[] {
  return snapshots.map(lineageOf);
}

function scheduledAt(set: string): Millis {
  return Date.parse(parseSetId(set).scheduledAt);
}
