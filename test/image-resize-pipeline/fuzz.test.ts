import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Verdict } from './fuzz/worker';
import { replayLine, runsFromEnv, seedFromEnv } from '../kit/faults';

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(300);
const HANG_MS = 10_000;
/** Refusals that are limits we state, not a lower tolerance. */
const STATED = ['TOO_MANY_PIXELS', 'TOO_MANY_FRAMES', 'FILE_TOO_LARGE', 'EXCEEDS_MEMORY', 'UNSUPPORTED_FORMAT'];

let verdicts: Verdict[];
let deaths: string[];

beforeAll(async () => {
  [verdicts, deaths] = await run(RUNS);
  console.log(`${replayLine(SEED, 'test/image-resize-pipeline/fuzz.test.ts')} (KIT_RUNS=${RUNS})\n${JSON.stringify(tally(verdicts))}`);
}, 60_000 + RUNS * 300);

test('a broken picture never kills, hangs or surprises the process', () => {
  expect(deaths).toEqual([]);
  expect(verdicts.filter(({ ours }) => ours.startsWith('error'))).toEqual([]);
  expect(verdicts).toHaveLength(RUNS);
});

test("nothing is refused that sharp takes with failOn: 'error', except by a stated limit", () => {
  expect(verdicts.filter(({ ours, oracle }) => oracle && ours !== 'ok' && !STATED.includes(ours))).toEqual([]);
});

test('the mutations hit: some pictures survive, some do not', () => {
  expect(verdicts.filter(({ ours }) => ours === 'ok').length).toBeGreaterThan(RUNS / 20);
  expect(verdicts.filter(({ ours }) => ours !== 'ok').length).toBeGreaterThan(RUNS / 20);
});

/** Starts the worker anew behind every picture that killed it. */
async function run(count: number): Promise<[Verdict[], string[]]> {
  const done: Verdict[] = [];
  const killed: string[] = [];
  for (let next = 0; next < count;) {
    const { results, end } = await runWorker(next, count - next);
    done.push(...results);
    next += results.length;
    if (end !== undefined) {
      killed.push(`picture ${next}: ${end}`);
      next++;
    }
  }
  return [done, killed];
}

function runWorker(first: number, count: number): Promise<{ results: Verdict[]; end?: string }> {
  return new Promise((resolve, reject) => {
    const args = ['--unhandled-rejections=strict', '--import', 'tsx', join(__dirname, 'fuzz/worker.ts'), ...[SEED, first, count].map(String)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, MALLOC_ARENA_MAX: '2' } });
    const results: Verdict[] = [];
    let stderr = '';
    let watchdog: NodeJS.Timeout | undefined;
    child.stderr.on('data', (chunk: Buffer) => stderr += chunk.toString());
    createInterface(child.stdout).on('line', (line) => {
      clearTimeout(watchdog);
      if (line === 'next') {
        watchdog = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
      } else {
        results.push(JSON.parse(line) as Verdict);
      }
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      resolve({ results, end: results.length === count && code === 0 ? undefined : `${signal ?? code} ${stderr.slice(-500)}` });
    });
  });
}

function tally(all: readonly Verdict[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { ours, oracle } of all) {
    const name = `${ours.split(':')[0]} / oracle ${oracle ? 'takes' : 'refuses'}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
