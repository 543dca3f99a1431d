import { setTimeout } from 'node:timers/promises';
import type { Deadline } from './deadline';

export interface RetryOptions {
  /** Calls at most, the first included. */
  readonly attempts: number;
  /** Upper bound of the first wait, in milliseconds; it doubles with every retry. */
  readonly baseMs: number;
  /** Upper bound of any wait, in milliseconds. */
  readonly capMs: number;
  readonly isRetryable: (error: unknown) => boolean;
  /** 0 to 1, 1 excluded. */
  readonly random?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
  /** A wait that would not leave time for another call is not begun. */
  readonly deadline?: Pick<Deadline, 'remainingMs'>;
}

/**
 * Milliseconds to wait after the n-th attempt: uniformly random below a bound that doubles with each, so that callers
 * throttled together do not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
export function fullJitter(attempt: number, { baseMs, capMs }: Pick<RetryOptions, 'baseMs' | 'capMs'>, random: () => number): number {
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** (attempt - 1)));
}

/**
 * Calls again after errors that may pass, with full jitter. For steps of several calls; single calls are retried by the SDK.
 *
 * @throws the last error, unchanged
 */
export async function retry<T>(fn: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts, baseMs, capMs, isRetryable, random = Math.random, sleep = setTimeout, deadline } = options;
  for (let attempt = 1; attempt < attempts; attempt++) {
    try {
      return await fn();
    } catch (error) {
      const waitMs = fullJitter(attempt, { baseMs, capMs }, random);
      const outOfTime = deadline !== undefined && deadline.remainingMs() <= waitMs;
      if (outOfTime || !isRetryable(error)) {
        throw error;
      }
      await sleep(waitMs);
    }
  }
  return fn();
}
