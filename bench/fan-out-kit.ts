/** How the benchmarks of KinesisFanOut run their workers, and print. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { NODE } from './measure';

const ROOT = join(__dirname, '..');
/** One core to itself, as on Lambda at 1,769 MB. */
const PINNED = ['taskset', '-c', '1'];

/** Plain JavaScript: a loader in the process would show in its time. */
export async function buildWorker(name: string): Promise<string> {
  const outfile = join(ROOT, `.cache/bench/${name}.mjs`);
  await esbuild.build({
    entryPoints: [join(__dirname, `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: { js: "import { createRequire as createRequireOfWorker } from 'node:module'; const require = createRequireOfWorker(import.meta.url);" },
  });
  return outfile;
}

/** Runs a worker to its end; its last line is the answer, in JSON. */
export function runWorker<T>(worker: string, args: readonly string[], env: NodeJS.ProcessEnv = { PATH: process.env.PATH }): T {
  const [command, ...rest] = [...PINNED, NODE, worker, ...args];
  const { status, stdout, stderr } = spawnSync(command, rest, { cwd: ROOT, encoding: 'utf8', env, maxBuffer: 1e9 });
  // A stack trace begins with the line of code, which may be a whole bundle.
  if (status !== 0) throw new Error(`${worker} ${args.join(' ')}: ${stderr.slice(-1000)}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
}

export function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export const grouped = (value: number): string => value.toLocaleString('en-US');
export const percent = (value: number): string => `${(value * 100).toFixed(0)} %`;
/** Lowest and highest figure. */
export const range = (figures: readonly number[]): string => [...new Set([Math.min(...figures), Math.max(...figures)])].map(grouped).join('-');
