import { broken } from './invariants';
import { KINDS, scenarioOf } from './scenario';
import { simulate } from './simulate';
import { hash32, replayLine, runsFromEnv, seedFromEnv } from '../../kit/faults';

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(12);
const RECORDS = 1000;

test.each(KINDS)('%s: nothing lost, nothing twice, nothing out of order', async (kind) => {
  for (let i = 0; i < RUNS; i++) {
    const seed = i === 0 ? SEED : hash32(SEED, kind, i);
    const scenario = scenarioOf(kind, seed, RECORDS);
    const found = broken(scenario, await simulate(scenario));
    if (found.length > 0) throw new Error([kind, ...found, replayLine(seed, 'simulation')].join('\n'));
  }
}, 600_000);
