import { broken } from './invariants';
import { type Kind, KINDS, type Scenario, scenarioOf } from './scenario';
import { Simulation } from './simulate';
import { FAIR, type Weather } from './weather';
import { hash32, runsFromEnv, seedFromEnv } from '../../kit/faults';

/** Bar M4: what a destination is called with does not depend on how its neighbour does. */
const SEED = seedFromEnv(4);
/** Every one of them is twelve simulations. */
const RUNS = Math.ceil(runsFromEnv(20) / 10);
const RECORDS = 300;
const HOUR = 3600_000;

const NEIGHBOURS: Readonly<Record<string, (scenario: Scenario) => Scenario>> = {
  dead: withWeather({ outages: [{ from: 0, to: HOUR, kind: 'error' }] }),
  gone: withWeather({ outages: [{ from: 0, to: HOUR, kind: 'broken' }] }),
  slow: withWeather({ latency: [1000, 4000] }),
  silent: withWeather({ outages: [{ from: 0, to: HOUR, kind: 'hang' }] }),
  // Takes nothing that is in the stream.
  poisoned: (scenario) => ({ ...scenario, traits: { ...scenario.traits, maxEntryBytes: 5 } }),
};

function withWeather(weather: Partial<Weather>): (scenario: Scenario) => Scenario {
  return (scenario) => ({ ...scenario, weather: { ...FAIR, ...weather } });
}

/** Both read one stream. */
async function logBeside(healthy: Scenario, neighbour: Scenario): Promise<string> {
  const simulation = new Simulation(healthy);
  const other = simulation.attach(neighbour, undefined, 'neighbour');
  const outcome = simulation.attach(healthy, undefined, 'healthy');
  await simulation.run();
  expect(broken(healthy, outcome())).toEqual([]);
  expect(other().invocations.length).toBeGreaterThan(0);
  return outcome().destination.log.join('\n');
}

test.each(KINDS)('%s is called alike, whoever stands beside it', async (kind) => {
  for (let i = 0; i < RUNS; i++) {
    const healthy = scenarioOf(kind, hash32(SEED, kind, i), RECORDS);
    const beside: Kind = KINDS[(KINDS.indexOf(kind) + i + 1) % KINDS.length];
    // The same stream; everything else is the neighbour's own.
    const neighbour: Scenario = { ...scenarioOf(beside, hash32(SEED, kind, i, 'neighbour'), 0), records: healthy.records, aggregate: healthy.aggregate };
    const expected = await logBeside(healthy, withWeather({})(neighbour));
    expect(expected.length).toBeGreaterThan(100);
    for (const [state, become] of Object.entries(NEIGHBOURS)) {
      const log = await logBeside(healthy, become(neighbour));
      if (log !== expected) throw new Error(`another log beside a neighbour that is ${state} (${kind} beside ${beside}, run ${i})`);
    }
  }
}, 600_000);
