import { historyOf } from './histories';
import { RESTORE, SETTINGS, Site } from './site-at-work';
import { hash32, replayLine, runsFromEnv, seedFromEnv } from '../kit/faults';

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(200);

/** Bar 3: whatever a site went through, a restore by its tags alone finds the newest complete sets, and nothing else. */
test(`blind restores of ${RUNS} histories`, async () => {
  let sets = 0;
  for (let run = 0; run < RUNS; run++) {
    const seed = hash32(SEED, run);
    const { newest, parameters, plans, right, snapshots } = historyOf(seed);
    const possible = Object.entries(parameters).filter(([name]) => right.get(name)!.size > 0);
    const impossible = Object.keys(parameters).filter((name) => right.get(name)!.size === 0);
    const siteFor = (wanted: typeof parameters) => {
      const settings = { ...SETTINGS, plans, restore: { ...RESTORE, parameters: wanted } };
      return new Site({ settings, snapshots, blind: true });
    };
    try {
      const site = siteFor(Object.fromEntries(possible));
      const answer = await site.restore();
      expect(Object.keys(answer.parameters).sort()).toEqual(possible.map(([name]) => name).sort());
      for (const [name, value] of Object.entries(answer.parameters)) expect(right.get(name)).toContain(value);
      expect(answer.points.map(({ set }) => set).sort()).toEqual([...newest.values()].sort());
      expect(site.line.calls.filter(({ region }) => region !== 'us-west-2')).toEqual([]);
      sets += answer.points.length;
      if (impossible.length > 0) {
        const message = await siteFor(parameters).restore().then(() => '', (error: Error) => error.message);
        expect(message.match(/parameter '\w+'/g)).toEqual(impossible.map((name) => `parameter '${name}'`));
      }
    } catch (error) {
      throw new Error(`run ${run}: ${replayLine(SEED, 'test/ebs-snapshot-dr/restore.histories.test.ts')}`, { cause: error });
    }
  }
  expect(sets).toBeGreaterThan(RUNS);
});
