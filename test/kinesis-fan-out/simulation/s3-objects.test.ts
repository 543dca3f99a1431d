import { race, type Rates } from './bucket-race';
import { hash32, replayLine, runsFromEnv, seedFromEnv } from '../../kit/faults';

const SEED = seedFromEnv(33);
const RUNS = runsFromEnv(300);

const BAD: Rates = { error: 0.1, ambiguous: 0.1, late: 0.3, crash: 0.1, fresh: 0.2 };

/** All folders of an entry have to be there before one invocation ends. */
const LESS_BAD: Rates = { ...BAD, ambiguous: 0.05, late: 0.05 };
const LAYOUTS = [['one folder', BAD, false], ['several folders', LESS_BAD, true]] as const;

test.each(LAYOUTS)('%s: nothing is lost, whatever lands when', async (_, rates, sorted) => {
  for (let i = 0; i < RUNS; i++) {
    const seed = i === 0 ? SEED : hash32(SEED, i);
    const missing = (await race(seed, rates, { sorted })).flatMap((count, n) => count === 0 ? [n] : []);
    if (missing.length > 0) throw new Error(`lost: ${missing.join()}\n${replayLine(seed, 's3-objects')}`);
  }
});

test.each(LAYOUTS)('%s: nothing is there twice, if an attempt is at least as long as the one before', async (_, rates, sorted) => {
  for (let i = 0; i < RUNS; i++) {
    const seed = hash32(SEED, 'longer', i);
    const twice = (await race(seed, rates, { grows: true, sorted })).flatMap((count, n) => count === 1 ? [] : [`${n}: ${count}`]);
    if (twice.length > 0) throw new Error(`${twice.join()}\n${replayLine(seed, 's3-objects')}`);
  }
});

test('writes that overwrite lose records', async () => {
  let lost = 0;
  for (let i = 0; i < RUNS; i++) lost += (await race(hash32(SEED, i), BAD, { overwrites: true })).filter((count) => count === 0).length;
  expect(lost).toBeGreaterThan(RUNS / 10);
});
