import { firedFaults, FaultSchedule, hash32, loadRegressions, replayLine, shrink, type RandomFaults } from './faults';
import type { RecordedCall } from './truth-proxy';

export interface RandomRuns {
  /** The handler: its test file is `<verb>.faults.test.ts`, its stored schedules are `<verb>-*.json`. */
  readonly verb: string;
  /** Folder of the room's stored schedules. */
  readonly regressions: string;
  readonly seed: number;
  readonly runs: number;
  /** Read when a run begins: principals have their names only then. */
  readonly faults: () => Omit<RandomFaults, 'seed'>;
  /** Everything from seed and schedule, from a fresh beginning: what is wrong in the end. */
  readonly run: (seed: number, faults: FaultSchedule) => Promise<string[]>;
  /** Calls of the run before. */
  readonly calls: () => readonly RecordedCall[];
}

/**
 * Declares the tests of a series of runs under random faults. A failing one is shrunk; the last line it prints, stored
 * as `<regressions>/<verb>-<name>.json`, runs for ever.
 */
export function describeRandomRuns({ verb, regressions, seed: first, runs, faults: options, run, calls }: RandomRuns): void {
  describe(`random schedules (${runs}, seed ${first})`, () => {
    test('each ends as one without faults does', async () => {
      let called = 0;
      let faulted = 0;
      for (let i = 0; i < runs; i++) {
        const seed = i === 0 ? first : hash32(first, i);
        const faults = FaultSchedule.random(seed, options());
        const found = await run(seed, faults);
        called += calls().length;
        faulted += calls().filter(({ fault }) => fault).length;
        if (found.length > 0) {
          const smallest = await shrink(firedFaults(calls(), faults), async (candidate) => (await run(seed, candidate)).length > 0);
          throw new Error([...found, replayLine(seed, `${verb}.faults`), JSON.stringify({ seed, ...smallest.toJSON() })].join('\n'));
        }
      }
      console.log(`${verb}: ${runs} schedules, ${called} calls, ${faulted} faults`);
      expect(faulted).toBeGreaterThan(runs / 2);
    });

    for (const { name, seed, schedule, fired } of loadRegressions(regressions).filter((stored) => stored.name.startsWith(`${verb}-`))) {
      test(`once a failure: ${name}`, async () => {
        expect(await run(seed, schedule)).toEqual([]);
        expect(calls().filter(({ fault }) => fault)).toHaveLength(fired);
      });
    }
  });
}
