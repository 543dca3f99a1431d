import { hash32, Prng } from '../faults';

/**
 * What at-least-once, unordered delivery does to each message. Pure: it decides by the message's name, never by the
 * order of calls, so a run can be repeated.
 */
export interface DeliveryPlan {
  /** One delay in seconds for each copy that arrives. */
  copies(message: string): readonly number[];
  /** The message was handled, but its deletion got lost: it comes again. */
  losesDelete(message: string, receiveCount: number): boolean;
  /** Orders what could be received next. */
  order<T>(candidates: readonly T[], nameOf: (candidate: T) => string): readonly T[];
}

export const EXACTLY_ONCE: DeliveryPlan = {
  copies: () => [0],
  losesDelete: () => false,
  order: (candidates) => candidates,
};

export interface DeliveryRates {
  /** Probability of a second copy. */
  readonly duplicate: number;
  /** Probability of a delay, of up to `maxDelaySeconds`: later messages overtake. */
  readonly delay: number;
  readonly maxDelaySeconds: number;
  /** Probability that a handled message comes again; never twice in a row, so that runs end. */
  readonly loseDelete: number;
}

export function randomDelivery(seed: number, rates: DeliveryRates): DeliveryPlan {
  const prng = (...parts: (string | number)[]) => new Prng(hash32(seed, ...parts));
  return {
    copies: (message) => {
      const chance = prng('copies', message);
      const delay = () => chance.chance(rates.delay) ? chance.int(1, rates.maxDelaySeconds) : 0;
      return chance.chance(rates.duplicate) ? [delay(), delay()] : [delay()];
    },
    losesDelete: (message, receiveCount) => receiveCount === 1 && prng('delete', message).chance(rates.loseDelete),
    order: (candidates, nameOf) => candidates
      .map((candidate) => ({ candidate, rank: hash32(seed, 'order', nameOf(candidate)) }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ candidate }) => candidate),
  };
}
