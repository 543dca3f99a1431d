import type { CopyCandidate, Millis } from './ports';

/** Copies under way in the Region. */
export interface InFlight {
  /** Foreign ones included. */
  readonly total: number;
  /** Volumes of ours. */
  readonly volumes: ReadonlySet<string>;
}

/** Every tenth turn of a copy goes to one that waits behind all newer sets. */
const TURNS = 10;
const TURN_MS = 5 * 60_000;

/**
 * Which copies start now: as many as there are free slots, one of each volume. Newest sets come first, and among them those
 * that would be late if they went last; the rest longest first, which keeps all slots busy to the end. Older sets of an
 * instance fill what is left, and take the turn of a newer one now and then so that none of them waits for ever.
 */
export function chooseCopies(candidates: readonly CopyCandidate[], inFlight: InFlight, limit: number, now: Millis): CopyCandidate[] {
  const free = Math.max(limit - inFlight.total, 0);
  const busy = new Set(inFlight.volumes);
  const older = candidates.filter(({ superseded }) => superseded).sort(byDeadline);
  const newest = inOrder(candidates.filter(({ superseded }) => !superseded), limit, now);
  const chosen: CopyCandidate[] = [];
  for (const candidate of [...newest, ...older]) {
    if (chosen.length >= free) break;
    if (busy.has(candidate.volume)) continue;
    const waiting = !candidate.superseded && yieldsTurn(candidate, now) ? nextOlder(older, candidate.volume, busy) : undefined;
    for (const goes of waiting ? [waiting, candidate] : [candidate]) {
      if (chosen.length >= free || busy.has(goes.volume)) continue;
      busy.add(goes.volume);
      chosen.push(goes);
    }
  }
  return chosen;
}

function inOrder(newest: readonly CopyCandidate[], limit: number, now: Millis): CopyCandidate[] {
  const slack = ({ deadline, estimateMs }: CopyCandidate) => deadline - now - estimateMs;
  /** How long the last one waits, about. */
  const queue = newest.reduce((sum, { estimateMs }) => sum + estimateMs, 0) / Math.max(limit, 1);
  const near = newest.filter((candidate) => slack(candidate) < queue).sort((a, b) => slack(a) - slack(b) || byName(a, b));
  const rest = newest.filter((candidate) => slack(candidate) >= queue).sort((a, b) => b.estimateMs - a.estimateMs || byDeadline(a, b));
  return [...near, ...rest];
}

/** Needs no memory: by time and id. */
function yieldsTurn({ source }: CopyCandidate, now: Millis): boolean {
  const phase = [...source].reduce((sum, character) => sum + character.charCodeAt(0), 0);
  return (Math.floor(now / TURN_MS) + phase) % TURNS === 0;
}

/** The oldest one of the same volume, else of any volume that is free. */
function nextOlder(older: readonly CopyCandidate[], volume: string, busy: ReadonlySet<string>): CopyCandidate | undefined {
  return older.find((candidate) => candidate.volume === volume) ?? older.find((candidate) => !busy.has(candidate.volume));
}

function byDeadline(a: CopyCandidate, b: CopyCandidate): number {
  return a.deadline - b.deadline || byName(a, b);
}

function byName(a: CopyCandidate, b: CopyCandidate): number {
  return a.source < b.source ? -1 : Number(a.source > b.source);
}
