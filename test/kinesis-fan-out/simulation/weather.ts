import { Prng } from '../../kit/faults';

/** What befalls the calls of one destination: probabilities, drawn per call and per entry from a seed. */
export interface Weather {
  /** The whole call fails, and nothing is applied. */
  readonly error: number;
  /** An entry is throttled. */
  readonly throttle: number;
  /** Applied, but reported as failed: a timeout, a lost answer. */
  readonly ambiguous: number;
  /** No answer until the caller gives up; applied or not. */
  readonly hang: number;
  /** S3: the write takes effect later. */
  readonly late: number;
  /** Milliseconds of a call. */
  readonly latency: readonly [number, number];
  /** Milliseconds since the beginning in which every call fails, and how. */
  readonly outages: ReadonlyArray<{ readonly from: number; readonly to: number; readonly kind: 'error' | 'broken' | 'hang' }>;
}

export const FAIR: Weather = { error: 0, throttle: 0, ambiguous: 0, hang: 0, late: 0, latency: [5, 20], outages: [] };

export type CallFate = 'fine' | 'error' | 'broken' | 'ambiguous' | 'hang' | 'hang-applied' | 'late';

export class Sky {
  private readonly prng: Prng;

  constructor(seed: number, private readonly weather: Weather, private readonly start: number) {
    this.prng = new Prng(seed);
  }

  public call(now: number): CallFate {
    const outage = this.weather.outages.find(({ from, to }) => now - this.start >= from && now - this.start < to);
    if (outage) return outage.kind;
    const { error, ambiguous, hang, late } = this.weather;
    const roll = this.prng.next();
    if (roll < error) return 'error';
    if (roll < error + ambiguous) return 'ambiguous';
    if (roll < error + ambiguous + hang) return this.prng.chance(0.5) ? 'hang' : 'hang-applied';
    if (roll < error + ambiguous + hang + late) return 'late';
    return 'fine';
  }

  public entry(): 'fine' | 'throttled' | 'ambiguous' {
    const { throttle, ambiguous } = this.weather;
    const roll = this.prng.next();
    return roll < throttle ? 'throttled' : roll < throttle + ambiguous / 2 ? 'ambiguous' : 'fine';
  }

  public latency(): number {
    return this.prng.int(...this.weather.latency as [number, number]);
  }

  public delay(): number {
    return this.prng.int(1, 20_000);
  }

  public shuffle<T>(things: readonly T[]): T[] {
    return this.prng.shuffle(things);
  }
}

/** From a fine day to a bad one; outages are rare, and end. */
export function randomWeather(prng: Prng): Weather {
  const bad = prng.next();
  const outages = prng.chance(0.25)
    ? [{ from: prng.int(0, 20_000), kind: prng.pick(['error', 'broken', 'hang'] as const) }].map((outage) => ({ ...outage, to: outage.from + prng.int(1000, 180_000) }))
    : [];
  const slow = prng.chance(0.1);
  return {
    error: bad * 0.1,
    throttle: prng.chance(0.5) ? bad * 0.3 : bad * 0.02,
    ambiguous: bad * 0.06,
    hang: prng.chance(0.2) ? bad * 0.02 : 0,
    late: bad * 0.2,
    latency: slow ? [200, 2000] : [5, 40],
    outages,
  };
}
