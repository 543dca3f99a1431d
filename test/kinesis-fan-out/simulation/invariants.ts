import type { Arrival } from './destination';
import type { Scenario } from './scenario';
import type { Outcome } from './simulate';

/** What a run came to, in the words of the bars. */
export interface Score {
  readonly lost: number;
  /** Records that ended in more than one way, or in none. */
  readonly unaccounted: number;
  /** Arrivals right after an acknowledged one. */
  readonly excess: number;
  /** What {@link excess} may be: nothing in one environment, the window for every change of it (and the records of an aggregate before it). */
  readonly allowed: number;
  /** All arrivals beyond the first. */
  readonly duplicates: number;
  readonly inversions: number;
  readonly calls: number;
}

export function scoreOf(scenario: Scenario, outcome: Outcome): Score {
  const { records, rules, mapping } = scenario;
  const { arrivals } = outcome.destination;
  const first = new Map<number, number>();
  arrivals.forEach(({ n }, at) => {
    if (!first.has(n)) first.set(n, at);
  });
  const { present } = outcome.destination;
  const quarantined = new Set([...outcome.quarantined.keys()].map((id) => outcome.numbers.get(id)!));
  let lost = 0;
  let unaccounted = 0;
  records.forEach(({ fate }, n) => {
    const is = { delivered: present.has(n), quarantined: quarantined.has(n) };
    if (fate === 'delivered' && !is.delivered || fate === 'quarantined' && !is.quarantined) lost += 1;
    if (is.delivered !== (fate === 'delivered') || is.quarantined !== (fate === 'quarantined')) unaccounted += 1;
  });
  const groups = rules.ordering === 'per-key' ? (n: number) => records[n].key : (n: number) => outcome.shards[n];
  return {
    lost,
    unaccounted,
    excess: excessOf(arrivals),
    // The mapping knows no position within an aggregate.
    allowed: changesOf(outcome, mapping.parallelizationFactor) * (rules.sendAhead + Math.max(0, scenario.aggregate - 1)),
    duplicates: arrivals.length - first.size,
    inversions: rules.ordering === 'none' ? 0 : inversionsOf([...first.keys()], groups),
    calls: outcome.destination.calls,
  };
}

/** What must never be, in words; nothing, if all is well. */
export function broken(scenario: Scenario, outcome: Outcome): string[] {
  const score = scoreOf(scenario, outcome);
  const { ledger, reports } = outcome;
  const found: string[] = [];
  if (ledger.open > 0 || ledger.discarded > 0) found.push(`mapping: ${JSON.stringify(ledger)}`);
  if (score.lost > 0) found.push(`M1: ${score.lost} lost`);
  if (score.unaccounted > 0) found.push(`M1: ${score.unaccounted} ended otherwise than they should`);
  if (score.excess > score.allowed) found.push(`M2: ${score.excess} duplicates of acknowledged records, ${score.allowed} are allowed`);
  if (score.inversions > 0) found.push(`M3: ${score.inversions} inversions`);
  for (const report of reports) {
    const sum = report.delivered + report.filtered + report.quarantined.length + report.suppressed + report.unfinished.length;
    if (sum !== report.received) found.push(`M1: ${report.received} received, ${sum} accounted for`);
  }
  return found;
}

/** Arrivals right after one the sender knew of, in an invocation whose answer the mapping got. */
function excessOf(arrivals: readonly Arrival[]): number {
  const known = new Map<number, boolean>();
  let excess = 0;
  for (const { n, acknowledged, run } of arrivals) {
    if (known.get(n)) excess += 1;
    known.set(n, acknowledged && run.answered);
  }
  return excess;
}

/** How often a shard's next invocation ran in another environment than the one before. */
function changesOf({ invocations }: Outcome, parallel: number): number {
  const last = new Map<string, number>();
  let changes = 0;
  for (const { shardId, environment } of invocations) {
    const before = last.get(shardId);
    if (before !== undefined && before !== environment) changes += 1;
    last.set(shardId, environment);
  }
  // Batches side by side are never in one environment.
  return parallel > 1 ? invocations.length : changes;
}

/** Records that came for the first time after a later one of their group had. */
function inversionsOf(order: readonly number[], groupOf: (n: number) => string): number {
  const highest = new Map<string, number>();
  let inversions = 0;
  for (const n of order) {
    const group = groupOf(n);
    const before = highest.get(group) ?? -1;
    if (n < before) inversions += 1;
    else highest.set(group, n);
  }
  return inversions;
}
