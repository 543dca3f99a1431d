/**
 * Loss, duplicates and order under faults: our engine beside the policies of its peers, in the simulator of the tests.
 *
 * 20,000 records of 300 keys in one shard, batches of 500, a stream as destination; call errors 2 %, throttled entries 5 %,
 * lost answers 1 %; one warm environment; three seeds.
 */
import { grouped, range, table } from './fan-out-kit';
import { type Score, scoreOf } from '../test/kinesis-fan-out/simulation/invariants';
import { PEERS } from '../test/kinesis-fan-out/simulation/policies';
import { type Scenario, scenarioOf } from '../test/kinesis-fan-out/simulation/scenario';
import { OURS, simulate, type HandlerFactory } from '../test/kinesis-fan-out/simulation/simulate';
import { FAIR } from '../test/kinesis-fan-out/simulation/weather';
import { Prng } from '../test/kit/faults';

const RECORDS = Number(process.env.BENCH_RECORDS ?? 20_000);
const KEYS = 300;
const SEEDS = [1, 2, 3];

function scenario(seed: number): Scenario {
  const prng = new Prng(seed);
  const base = scenarioOf('kinesis', seed, 0);
  return {
    ...base,
    traits: { ...base.traits, maxCallBytes: 10 * 1024 * 1024, maxEntryBytes: 1024 * 1024 },
    rules: { ordering: 'per-key', packing: { kind: 'none', maxBytes: 1024 * 1024, envelope: false }, sendAhead: 1000 },
    records: Array.from({ length: RECORDS }, (_, n) => ({ key: `k${prng.int(0, KEYS - 1)}`, data: `{"n":${n},"t":"ok"}`, fate: 'delivered' as const })),
    burst: RECORDS,
    everyMs: 1000,
    aggregate: 0,
    shards: 1,
    reshards: [],
    mapping: { batchSize: 500, windowSeconds: 0, parallelizationFactor: 1, bisects: false },
    timeoutSeconds: 300,
    weather: { ...FAIR, error: 0.02, throttle: 0.05, ambiguous: 0.01, latency: [5, 20] },
    quarantineWeather: FAIR,
    service: {},
  };
}

async function row(name: string, factory: HandlerFactory): Promise<string[]> {
  const scores: Score[] = [];
  for (const seed of SEEDS) {
    const world = scenario(seed);
    scores.push(scoreOf(world, await simulate(world, factory)));
  }
  const of = (what: 'lost' | 'inversions' | 'calls') => range(scores.map((score) => score[what]));
  const duplicates = `${range(scores.map((score) => score.duplicates))} (${range(scores.map((score) => score.duplicates - score.excess))})`;
  return [name, of('lost'), duplicates, of('inversions'), of('calls')];
}

export async function fanOutPolicies(): Promise<string> {
  const rows: string[][] = [];
  for (const [name, factory] of [...Object.entries(PEERS), ['**waves + delivered set**', OURS] as const]) rows.push(await row(name, factory));
  return [
    `### Policies in the simulator: ${grouped(RECORDS)} records, ${KEYS} keys, batch 500, ${SEEDS.length} seeds`,
    table(['policy', 'lost', 'duplicates (of lost answers)', 'inversions', 'calls'], rows),
  ].join('\n\n');
}
