import type { Clock, Ledger, Log, Metrics, Millis } from './ports';
import { LEDGER } from './ports';

/** What every run has. */
export interface Run {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Milliseconds left to begin calls in. */
  remainingMs(): Millis;
}

/** EC2's describes may not show what was made a short time ago: until then, "not there" says nothing. */
export const SETTLING_MS = 5 * 60_000;

/** After its time a function may still be at work as long as this: what was kept back for the end. */
const RESERVE_MS = 60_000;

/** Something is left to be done: the invocation fails, and Lambda repeats it. */
export class Unfinished extends Error {
  public override readonly name = 'Unfinished';
}

export function codeOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}

/** EC2's words for what it will not do (EC2 API reference, "Client error codes"). Anything else may have happened all the same. */
const REFUSALS = /^(Invalid|Incorrect|Missing|Malformed|Unauthorized|Unsupported|Unknown|AccessDenied|AuthFailure|OperationNotPermitted|OptInRequired|TagPolicy|Throttling|Validation|IdempotentParameterMismatch|Blocked|DryRunOperation|SnapshotCopy)|LimitExceeded$|NotFound$|InUse$|Duplicate$|NotSupported$/;

/** EC2 said that it does not do it. Otherwise nobody knows: the answer may have been lost. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.test(codeOf(error)) && codeOf(error) !== 'UnknownError';
}

/**
 * `width` at a time, in their order; answers in their order. After an error no item is begun, and those under way are waited for:
 * what a run leaves behind, Lambda would go on with in the next one, on old news.
 *
 * @throws the first error
 */
export async function inParallel<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  const errors: unknown[] = [];
  const queue = items.entries();
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, async () => {
    for (const [index, item] of queue) {
      if (errors.length > 0) return;
      try {
        answers[index] = await work(item);
      } catch (error) {
        errors.push(error);
      }
    }
  }));
  if (errors.length > 0) throw errors[0];
  return answers;
}

/**
 * One run of a kind at a time in a Region: overlapping ones would decide on each other's old news.
 *
 * @returns undefined if another one is at work
 */
export async function exclusively<T>(name: string, run: Run, work: () => Promise<T>): Promise<T | undefined> {
  const { clock, ledger, log } = run;
  const now = clock.now();
  const other = await ledger.get(LEDGER.lease, name);
  const item = { pk: LEDGER.lease, sk: name, at: now, until: now + run.remainingMs() + RESERVE_MS };
  const free = other === undefined ? await ledger.claim(item) : (other.until as Millis) <= now && await ledger.put(item, other.at);
  if (!free) {
    log.info('another run is at work', { run: name });
    return undefined;
  }
  try {
    return await work();
  } finally {
    await ledger.put({ ...item, at: clock.now(), until: 0 }, now);
  }
}
