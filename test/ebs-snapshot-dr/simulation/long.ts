/**
 * `npx tsx test/ebs-snapshot-dr/simulation/long.ts`: KIT_RUNS runs of 400 virtual days from KIT_SEED, on all processors. A line says
 * from time to time how far it is: KIT_FROM goes on from there. `KIT_RUNS=1` with a run's own seed repeats it, KIT_VERBOSE=1 shows
 * what the functions logged.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { scenarioOf } from './scenario';
import { type Tally, World } from './world';
import { hash32, runsFromEnv, seedFromEnv } from '../../kit/faults';

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(1000);
const FROM = Number(process.env.KIT_FROM ?? 0);
const DAYS = Number(process.env.KIT_DAYS ?? 400);
const REPORT_EVERY = 50;

interface Report {
  readonly run: number;
  readonly seed: number;
  readonly size: string;
  readonly fair: boolean;
  readonly violations: readonly string[];
  readonly tally: Tally;
}

async function work(first: number, step: number): Promise<void> {
  for (let run = FROM + first; run < RUNS; run += step) {
    const seed = run === 0 ? SEED : hash32(SEED, run);
    const scenario = scenarioOf(seed, DAYS);
    const { violations, tally } = await new World(scenario).run();
    const report: Report = { run, seed, size: scenario.size, fair: scenario.fair, violations, tally };
    await new Promise((resolve) => process.send!(report, resolve));
  }
  process.disconnect();
}

async function lead(): Promise<void> {
  const workers = Math.min(availableParallelism(), RUNS - FROM);
  const started = performance.now();
  const sums: Record<string, number> = {};
  const count = (name: string, by: number) => sums[name] = (sums[name] ?? 0) + by;
  let failed = 0;
  const done = new Set<number>();
  let reported = FROM;
  const codes = await Promise.all(Array.from({ length: workers }, (_, i) => new Promise<number | null>((resolve) => {
    const worker = fork(__filename, [`${i}`, `${workers}`], { execArgv: process.execArgv });
    worker.on('message', ({ run, seed, size, fair, violations, tally }: Report) => {
      count(`${size} runs`, 1);
      if (fair) count('runs without faults', 1);
      Object.entries(tally).forEach(([name, value]) => count(name, value));
      if (violations.length > 0) {
        failed += 1;
        console.error([`run ${run} (${size}):`, ...violations.slice(0, 5), `KIT_SEED=${seed} KIT_RUNS=1 npx tsx test/ebs-snapshot-dr/simulation/long.ts`].join('\n  '));
      }
      done.add(run);
      let upTo = reported;
      while (done.has(upTo)) upTo += 1;
      if (upTo - reported < REPORT_EVERY) return;
      reported = upTo;
      console.log(`KIT_SEED=${SEED} KIT_RUNS=${RUNS} KIT_FROM=${reported}: ${failed} failed, ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
    });
    worker.on('exit', resolve);
  })));
  console.log(Object.entries(sums).map(([name, value]) => `${value} ${name}`).join(', '));
  console.log(`KIT_SEED=${SEED}: ${done.size} runs of ${DAYS} days, ${failed} failed, ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
  if (failed > 0 || done.size < RUNS - FROM || codes.some((code) => code !== 0)) process.exitCode = 1;
}

const [first, step] = process.argv.slice(2);
void (first === undefined ? lead() : work(Number(first), Number(step)));
