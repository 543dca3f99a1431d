/** Bar 2 of EbsSnapshotDr: how well schedulers use a Region's slots for copies. By itself: `npx tsx bench/ebs-slots.ts`. */
import { table } from './fan-out-kit';
import { median } from './measure';
import type { CopyCandidate } from '../src/ebs-snapshot-dr/handlers/ports';
import { chooseCopies } from '../src/ebs-snapshot-dr/handlers/slots';
import { hash32, Prng } from '../test/kit/faults';

const LIMIT = 20;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const RUNS = 51;
const BAR = 0.97;
/** Of the copies' lengths: an assumption, there is no published figure. */
const MEDIAN_MS = 8 * MINUTE;
const SIGMA = 1;
/** From the end of a copy over its event and a run of the function to the next copy. */
const EVENT_MS = 5 * SECOND;
const TICK_MS = 5 * MINUTE;

/** A copy's length, and what is expected of it. */
interface Job {
  readonly ms: number;
  readonly estimateMs: number;
}

/** When the last of the jobs ends. */
type Scheduler = (jobs: readonly Job[]) => number;

export function ebsSlots(): string {
  const contestants: ReadonlyArray<readonly [name: string, scheduler: Scheduler, error: number]> = [
    ['**chooseCopies**, lengths as before', ours((end) => end + EVENT_MS), 0],
    ['chooseCopies, lengths off by 30 %', ours((end) => end + EVENT_MS), 0.3],
    ['chooseCopies, no events, ticks only', ours((end) => Math.ceil(end / TICK_MS) * TICK_MS), 0],
    ['first in, first out', firstInFirstOut, 0],
    ['Cloud Custodian', cloudCustodian, 0],
  ];
  const rows = contestants.map(([name, schedule, error]) => [name, ...[100, 1000].flatMap((count) => {
    const uses = Array.from({ length: RUNS }, (_, run) => {
      const jobs = jobsOf(count, hash32('slots', count, run), error);
      return lowerBound(jobs) / schedule(jobs);
    });
    return [share(median(uses)), share(Math.min(...uses))];
  })]);
  return [
    `### Bar 2: use of ${LIMIT} slots, of the lower bound of list scheduling (bar: ${share(BAR)}; ${RUNS} queues)`,
    table(['', '100 copies', 'worst', '1,000 copies', 'worst'], rows),
  ].join('\n\n');
}

function jobsOf(count: number, seed: number, error: number): Job[] {
  const prng = new Prng(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - prng.next())) * Math.cos(2 * Math.PI * prng.next());
  return Array.from({ length: count }, () => {
    const ms = MEDIAN_MS * Math.exp(SIGMA * normal());
    return { ms, estimateMs: ms * Math.exp(error * normal()) };
  });
}

/** Nobody can be sooner: all slots are full to the end, or one copy alone takes as long. */
function lowerBound(jobs: readonly Job[]): number {
  return Math.max(jobs.reduce((sum, { ms }) => sum + ms, 0) / LIMIT, ...jobs.map(({ ms }) => ms));
}

/** @param seenAt when a run of the function finds the slot free that a copy leaves */
function ours(seenAt: (end: number) => number): Scheduler {
  return (jobs) => {
    const waiting = new Map(jobs.map((job, i): [string, Job & { readonly candidate: CopyCandidate }] => {
      const source = `snap-${i}`;
      const candidate: CopyCandidate = {
        plan: 'p', set: 's', source, volume: `vol-${i}`, takenAt: 0, deadline: 24 * HOUR, estimateMs: job.estimateMs, superseded: false,
      };
      return [source, { ...job, candidate }];
    }));
    let running: number[] = [];
    let last = 0;
    for (let now = 0; waiting.size > 0; now = seenAt(Math.min(...running))) {
      running = running.filter((end) => seenAt(end) > now);
      const candidates = [...waiting.values()].map(({ candidate }) => candidate);
      for (const { source } of chooseCopies(candidates, { total: running.length, volumes: new Set() }, LIMIT, now)) {
        const end = now + waiting.get(source)!.ms;
        waiting.delete(source);
        running.push(end);
        last = Math.max(last, end);
      }
    }
    return last;
  };
}

function firstInFirstOut(jobs: readonly Job[]): number {
  const free = Array.from({ length: LIMIT }, () => 0);
  for (const { ms } of jobs) {
    const slot = free.indexOf(Math.min(...free));
    free[slot] += ms;
  }
  return Math.max(...free);
}

/**
 * The action `copy` of its resource `ebs-snapshot` (c7n/resources/ebs.py): two workers take chunks of 20 in turn; five copies are begun,
 * then all five are waited for, looking every 60 s. That its waiter gives up after an hour is left out.
 */
function cloudCustodian(jobs: readonly Job[]): number {
  const workers = [0, 0];
  let last = 0;
  for (let from = 0; from < jobs.length; from += 20) {
    const worker = workers[0] <= workers[1] ? 0 : 1;
    for (let batch = from; batch < Math.min(from + 20, jobs.length); batch += 5) {
      const longest = Math.max(...jobs.slice(batch, Math.min(batch + 5, from + 20)).map(({ ms }) => ms));
      last = Math.max(last, workers[worker] + longest);
      workers[worker] += Math.ceil(longest / MINUTE) * MINUTE;
    }
  }
  return last;
}

const share = (value: number): string => `${(value * 100).toFixed(1)} %`;

if (require.main === module) console.log(ebsSlots());
