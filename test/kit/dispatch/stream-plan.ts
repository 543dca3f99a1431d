import { hash32, Prng } from '../faults';

/**
 * What the service is free to choose, or what befalls it. Pure: it decides by names, never by the order of calls, so a
 * run can be repeated. A batch is named by mapping, shard, first and last sequence number and attempt.
 */
export interface StreamPlan {
  /**
   * Milliseconds from a mapping's creation to its first look at the stream: "it may take several minutes", and LATEST begins only then.
   * ("Polling and stream starting positions", Lambda developer guide.)
   */
  startsAfter(mapping: string): number;
  /** How many of the records at hand a batch takes, 1 to `available`. */
  cut(batch: string, available: number): number;
  /** No concurrency is left for this invocation. */
  throttles(invocation: string): boolean;
  /** Which of the idle environments serves an invocation; undefined: a fresh one. */
  environment(invocation: string, idle: readonly number[]): number | undefined;
  /** The environment is gone after this invocation. */
  losesEnvironment(invocation: string): boolean;
  /** Milliseconds after which the invocation's process is killed: a crash, or memory. */
  killsAfter(invocation: string): number | undefined;
  /** The batch was handled, but the checkpoint was not kept: it comes again. */
  losesCheckpoint(batch: string): boolean;
}

/** Full batches, one warm environment, nothing befalls anybody. */
export const PLAIN_SERVICE: StreamPlan = {
  startsAfter: () => 0,
  cut: (_batch, available) => available,
  throttles: () => false,
  environment: (_invocation, idle) => idle[0],
  losesEnvironment: () => false,
  killsAfter: () => undefined,
  losesCheckpoint: () => false,
};

/** Probabilities; what is not given does not happen. */
/** "Several minutes", assumed. */
const MAX_START_MS = 300_000;

export interface StreamRates {
  /** A mapping does not start at once. */
  readonly start?: number;
  /** A batch is cut short. */
  readonly cut?: number;
  readonly throttle?: number;
  /** Another idle environment than the first, or a fresh one. */
  readonly otherEnvironment?: number;
  /** Warm environments at most. @default 4 */
  readonly environments?: number;
  readonly loseEnvironment?: number;
  readonly kill?: number;
  /** A kill comes within so many milliseconds. @default 1000 */
  readonly killWithinMs?: number;
  readonly loseCheckpoint?: number;
}

export function randomService(seed: number, rates: StreamRates): StreamPlan {
  const prng = (...parts: (string | number)[]) => new Prng(hash32(seed, ...parts));
  const happens = (rate: number | undefined, ...parts: string[]) => rate !== undefined && rate > 0 && prng(...parts).chance(rate);
  return {
    startsAfter: (mapping) => happens(rates.start, 'start', mapping) ? prng('wait', mapping).int(0, MAX_START_MS) : 0,
    cut: (batch, available) => happens(rates.cut, 'cut', batch) ? prng('size', batch).int(1, available) : available,
    throttles: (invocation) => happens(rates.throttle, 'throttle', invocation),
    environment: (invocation, idle) => {
      if (!happens(rates.otherEnvironment, 'environment', invocation)) return idle[0];
      const choice = prng('which', invocation).int(0, (rates.environments ?? 4) - 1);
      return idle[choice];
    },
    losesEnvironment: (invocation) => happens(rates.loseEnvironment, 'loss', invocation),
    killsAfter: (invocation) => happens(rates.kill, 'kill', invocation) ? prng('when', invocation).int(0, rates.killWithinMs ?? 1000) : undefined,
    losesCheckpoint: (batch) => happens(rates.loseCheckpoint, 'checkpoint', batch),
  };
}
