import type { Traits } from './destination';
import { randomWeather, type Weather } from './weather';
import type { Ordering, Packing } from '../../../src/kinesis-fan-out/contract';
import type { DeliveryRules } from '../../../src/kinesis-fan-out/handlers/delivery';
import type { StreamRates } from '../../kit/dispatch/stream-plan';
import { Prng } from '../../kit/faults';

export const KINDS = ['s3', 'dynamodb', 'kinesis', 'firehose', 'sqs', 'sns', 'eventbridge', 'https', 'lambda'] as const;
export type Kind = typeof KINDS[number];

/** How the model behaves that stands for a destination. */
export type Semantics = 'log' | 'fifo' | 'table' | 'bucket' | 'overwritten-bucket';

/** What becomes of a record in the end. */
export type Fate = 'delivered' | 'filtered' | 'quarantined';

export interface Produced {
  readonly key: string;
  readonly data: string;
  readonly fate: Fate;
}

/** One run: everything there is to know before it begins, from a seed. */
export interface Scenario {
  readonly seed: number;
  readonly kind: Kind;
  readonly semantics: Semantics;
  readonly traits: Traits;
  readonly rules: DeliveryRules;
  readonly records: readonly Produced[];
  /** Records per put; each put comes `everyMs` after the one before. */
  readonly burst: number;
  readonly everyMs: number;
  /** Records of a put go into aggregates of so many; 0: none. */
  readonly aggregate: number;
  readonly shards: number;
  /** Milliseconds after the beginning. */
  readonly reshards: readonly number[];
  readonly mapping: { readonly batchSize: number; readonly windowSeconds: number; readonly parallelizationFactor: number; readonly bisects: boolean };
  readonly timeoutSeconds: number;
  readonly weather: Weather;
  readonly quarantineWeather: Weather;
  readonly service: StreamRates;
}

interface KindModel {
  readonly traits: (ordering: Ordering) => Traits;
  readonly orderings: readonly Ordering[];
  readonly packings: ReadonlyArray<Packing['kind']>;
  readonly semantics: (ordering: Ordering) => Semantics;
}

const LARGE = 4000;
/** Scaled down, as records are; all other traits are those of the real senders. */
const BYTES = { maxCallBytes: 20_000, maxEntryBytes: 2000 } as const;
const EVERY_ORDERING: readonly Ordering[] = ['per-key', 'per-shard', 'none'];

/** What each kind offers, and how its service behaves. */
export const MODELS: Readonly<Record<Kind, KindModel>> = {
  s3: {
    traits: () => ({ ...BYTES, maxEntries: 1, concurrency: 8, bodies: 'bytes', answers: 'call', refuses: 'entry' }),
    orderings: ['per-shard'],
    packings: ['ndjson', 'ndjson-gzip', 'json-array'],
    semantics: () => 'bucket',
  },
  dynamodb: {
    traits: (ordering) => ordering === 'none'
      ? { ...BYTES, maxEntries: 25, concurrency: 4, bodies: 'bytes', answers: 'entry', refuses: 'call' }
      : { ...BYTES, maxEntries: 1, concurrency: 16, bodies: 'bytes', answers: 'call', refuses: 'call' },
    orderings: ['per-key', 'per-key', 'none'],
    packings: ['none'],
    semantics: (ordering) => ordering === 'none' ? 'log' : 'table',
  },
  kinesis: {
    traits: () => ({ ...BYTES, maxEntries: 500, concurrency: 1, bodies: 'bytes', answers: 'entry', refuses: 'call' }),
    orderings: ['per-key', ...EVERY_ORDERING],
    packings: ['none', 'ndjson'],
    semantics: () => 'log',
  },
  firehose: {
    traits: () => ({ ...BYTES, maxEntries: 500, concurrency: 4, bodies: 'bytes', answers: 'entry', refuses: 'call' }),
    orderings: ['none'],
    packings: ['none', 'ndjson', 'ndjson-gzip'],
    semantics: () => 'log',
  },
  sqs: {
    traits: () => ({ ...BYTES, maxEntries: 10, concurrency: 8, bodies: 'xml', answers: 'entry', refuses: 'entry' }),
    orderings: EVERY_ORDERING,
    packings: ['none', 'json-array', 'ndjson'],
    semantics: (ordering) => ordering === 'none' ? 'log' : 'fifo',
  },
  sns: {
    traits: () => ({ ...BYTES, maxEntries: 10, concurrency: 8, bodies: 'xml', answers: 'entry', refuses: 'call' }),
    orderings: EVERY_ORDERING,
    packings: ['none', 'json-array'],
    semantics: (ordering) => ordering === 'none' ? 'log' : 'fifo',
  },
  eventbridge: {
    traits: () => ({ ...BYTES, maxEntries: 10, concurrency: 8, bodies: 'utf8', answers: 'entry', refuses: 'entry' }),
    orderings: ['none'],
    packings: ['none', 'json-array'],
    semantics: () => 'log',
  },
  https: {
    traits: () => ({ ...BYTES, maxEntries: 1, concurrency: 10, bodies: 'bytes', answers: 'call', refuses: 'entry' }),
    orderings: EVERY_ORDERING,
    packings: ['none', 'json-array'],
    semantics: () => 'log',
  },
  lambda: {
    traits: () => ({ ...BYTES, maxEntries: 1, concurrency: 4, bodies: 'utf8', answers: 'call', refuses: 'call' }),
    orderings: EVERY_ORDERING,
    packings: ['none', 'json-array'],
    semantics: () => 'log',
  },
};

export function scenarioOf(kind: Kind, seed: number, size: number): Scenario {
  const prng = new Prng(seed);
  const model = MODELS[kind];
  const ordering = prng.pick(model.orderings);
  const packing = prng.pick(model.packings);
  const aggregate = prng.chance(0.25) ? prng.int(2, 12) : 0;
  const shards = aggregate ? 1 : prng.int(1, 3);
  const calm = prng.chance(0.3);
  const records = produce(prng, size, model.semantics(ordering) === 'bucket');
  return {
    seed,
    kind,
    semantics: model.semantics(ordering),
    traits: model.traits(ordering),
    rules: {
      ordering,
      packing: { kind: packing, maxBytes: prng.pick([300, 1000, 1_000_000]), envelope: prng.chance(0.2) },
      sendAhead: prng.pick([1, 10, 100, 1000]),
    },
    records,
    burst: prng.int(10, 400),
    everyMs: prng.int(10, 3000),
    aggregate,
    shards,
    reshards: aggregate || prng.chance(0.5) ? [] : [prng.int(100, 10_000), prng.int(100, 20_000)],
    mapping: {
      batchSize: prng.pick([20, 100, 500, 10_000]),
      windowSeconds: prng.int(0, 2),
      parallelizationFactor: aggregate || ordering === 'per-shard' || prng.chance(0.7) ? 1 : prng.int(2, 4),
      bisects: prng.chance(0.8),
    },
    timeoutSeconds: prng.pick([15, 60, 300]),
    weather: randomWeather(prng),
    quarantineWeather: { ...randomWeather(prng), late: 0 },
    service: calm ? {} : {
      cut: 0.2,
      throttle: 0.05,
      otherEnvironment: prng.pick([0, 0.3]),
      environments: 3,
      loseEnvironment: prng.pick([0, 0.05]),
      kill: prng.pick([0, 0.05]),
      killWithinMs: 2000,
    },
  };
}

/** A few keys get most records; some records are filtered, some nobody can deliver. */
function produce(prng: Prng, size: number, takesAnything: boolean): readonly Produced[] {
  const keys = prng.pick([1, 5, 50, 500]);
  const rates = {
    poison: takesAnything ? 0 : prng.pick([0, 0.002, 0.02]),
    large: prng.pick([0, 0.005]),
    junk: prng.pick([0, 0.01]),
    dropped: prng.pick([0, 0.1, 0.7]),
  };
  const hot = prng.chance(0.3) ? 0.5 : 0;
  return Array.from({ length: size }, (_, n) => {
    const key = `k${prng.chance(hot) ? 0 : prng.int(0, keys - 1)}`;
    const roll = prng.next();
    const { poison, large, junk, dropped } = rates;
    if (roll < poison) return { key, data: `{"n":${n},"t":"poison"}`, fate: 'quarantined' };
    if (roll < poison + large) return { key, data: `{"n":${n},"t":"${noise(prng, LARGE)}"}`, fate: 'quarantined' };
    if (roll < poison + large + junk) return { key, data: `"n":${n} junk`, fate: 'quarantined' };
    if (roll < poison + large + junk + dropped) return { key, data: `{"n":${n},"t":"drop"}`, fate: 'filtered' };
    return { key, data: `{"n":${n},"t":"ok"}`, fate: 'delivered' };
  });
}

/** Does not shrink when it is compressed. */
function noise(prng: Prng, length: number): string {
  return Array.from({ length: length / 4 }, () => prng.int(0, 36 ** 4 - 1).toString(36).padStart(4, '0')).join('');
}
