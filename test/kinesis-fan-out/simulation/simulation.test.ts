import { broken } from './invariants';
import { KINDS, type Scenario, scenarioOf } from './scenario';
import { simulate } from './simulate';
import { hash32, replayLine, runsFromEnv, seedFromEnv } from '../../kit/faults';

/** Bars M1 to M3. */
const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(12);
const RECORDS = 1000;

async function findings(scenario: Scenario): Promise<string[]> {
  return broken(scenario, await simulate(scenario));
}

/** How few of the first records still show it. */
async function shortest(scenario: Scenario): Promise<number> {
  for (let size = scenario.records.length; ;) {
    const half = Math.ceil(size / 2);
    const found = await findings({ ...scenario, records: scenario.records.slice(0, half) });
    if (size === 1 || found.length === 0) return size;
    size = half;
  }
}

test.each(KINDS)('%s: nothing lost, nothing twice, nothing out of order', async (kind) => {
  for (let i = 0; i < RUNS; i++) {
    const seed = i === 0 ? SEED : hash32(SEED, kind, i);
    const scenario = scenarioOf(kind, seed, RECORDS);
    const found = await findings(scenario);
    if (found.length > 0) {
      throw new Error([...found, `the first ${await shortest(scenario)} records show it`, replayLine(seed, `simulation -t ${kind}`)].join('\n'));
    }
  }
}, 3_600_000);
