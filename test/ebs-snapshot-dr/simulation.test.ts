import { scenarioOf } from './simulation/scenario';
import { World } from './simulation/world';
import { hash32, replayLine, runsFromEnv, seedFromEnv } from '../kit/faults';

/**
 * Bars 1 and 8: both sides of a plan over months of virtual time. The long run is simulation/long.ts: a thousand runs of 400 days,
 * one in twenty of them with 120 instances and about 500 volumes.
 */
const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(12);
const DAYS = 120;

test(`${RUNS} runs of ${DAYS} days`, async () => {
  const sums: Record<string, number> = {};
  for (let i = 0; i < RUNS; i++) {
    const seed = i === 0 ? SEED : hash32(SEED, i);
    const { violations, tally } = await new World(scenarioOf(seed, DAYS, 'small')).run();
    if (violations.length > 0) throw new Error([...violations, replayLine(seed, 'ebs-snapshot-dr/simulation.test')].join('\n'));
    for (const [name, count] of Object.entries(tally)) sums[name] = (sums[name] ?? 0) + count;
  }
  console.log(`${RUNS} runs: ${Object.entries(sums).map(([name, count]) => `${count} ${name}`).join(', ')}`);
  // Nothing was proved if nothing happened.
  for (const count of Object.values(sums)) expect(count).toBeGreaterThan(0);
}, 3_600_000);
