/** One process per contestant: reads its job as first argument, prints its figures as JSON. Runs with `--expose-gc`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Ask, type Built, CONTESTANTS } from './edge-contestants';
import type { CompileFigures, EdgeJob, MatchFigures } from './edge-jobs';
import { GROUP, type Mix, pairsOf, redirectsFile, requestsFor } from './edge-rules';
import { compile } from '../src/edge-rewrite/compiler/compile';
import { parseRuleFile } from '../src/edge-rewrite/compiler/parse';
import { tableFile } from '../src/edge-rewrite/lambda-rules';

const SAMPLES = 9;
const SAMPLE_MS = 60;
/** Slow contestants answer fewer requests. */
const CHECK_MS = 250;

function compileJob(mix: Mix, count: number, out?: string): CompileFigures {
  const pairs = pairsOf(mix, count);
  const text = redirectsFile(pairs);
  const before = process.cpuUsage();
  const set = parseRuleFile('netlify-redirects', text, '_redirects');
  const { tier, viewerRequest, data, diagnostics, report } = compile([set]);
  const cpuMs = cpuSince(before);
  const peakMb = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024;
  if (diagnostics.length > 0) throw new Error(`the rules must compile without a remark, got ${diagnostics[0].message}`);

  const dense = compile([set], { tier: 'key-value-store', dense: true });
  if (out !== undefined) {
    writeFileSync(out, JSON.stringify({ viewerRequest, data }));
    writeFileSync(`${out}.table`, tableFile(compile([set], { tier: 'lambda-edge' })));
  }
  return {
    cpuMs,
    peakMb,
    layout: tier === 'inline' ? tier : data?.entries.length === report.entries ? 'key per rule' : 'buckets',
    codeBytes: report.codeBytes,
    dataBytes: report.dataBytes,
    denseBytes: dense.report.dataBytes,
    textBytes: pairs.reduce((sum, { from, to }) => sum + Buffer.byteLength(from + to), 0),
  };
}

async function matchJob(contestant: string, mix: Mix, count: number, file: string): Promise<MatchFigures> {
  const pairs = pairsOf(mix, count);
  const all = requestsFor(mix, count);
  const memoryBefore = bytesInUse();
  const before = process.cpuUsage();
  const built = await CONTESTANTS[contestant]({ pairs, file });
  const buildMs = cpuSince(before);
  const memoryMb = (bytesInUse(built) - memoryBefore) / 1e6;

  const requests = all.map(({ path, wanted }) => ({ path, wanted, ask: built.router(path) }));
  let checked = 0;
  const started = process.cpuUsage();
  while (checked < requests.length && (checked === 0 || cpuSince(started) < CHECK_MS)) {
    for (const { path, wanted, ask } of requests.slice(checked, checked + GROUP)) {
      const got = await ask();
      if (got !== wanted) throw new Error(`${contestant} must answer ${wanted} for ${path}, got ${got}`);
    }
    checked += GROUP;
  }
  // 2^n - 1 groups are spread evenly over the file.
  const groups = 2 ** Math.floor(Math.log2(checked / GROUP + 1)) - 1;
  const asks = requests.slice(0, groups * GROUP).map(({ ask }) => ask);
  const once = await timed(asks, 1);
  const passes = Math.max(1, Math.ceil(SAMPLE_MS / once));
  const samples = [];
  for (let n = 0; n < SAMPLES; n++) samples.push(await timed(asks, passes));
  samples.sort((a, b) => a - b);
  return { ns: samples[(SAMPLES - 1) / 2] * 1e6 / passes / asks.length, requests: asks.length, buildMs, memoryMb };
}

/** CPU time of so many passes. A synchronous answer is not waited for; answers are looked at, or V8 might leave them out. */
async function timed(asks: readonly Ask[], passes: number): Promise<number> {
  const waits = asks[0]() instanceof Promise;
  let hits = 0;
  const before = process.cpuUsage();
  for (let n = 0; n < passes; n++) {
    if (waits) for (const ask of asks) hits += await ask() === null ? 0 : 1;
    else for (const ask of asks) hits += ask() === null ? 0 : 1;
  }
  const cpuMs = cpuSince(before);
  if (hits !== asks.length * passes * (GROUP - 1) / GROUP) throw new Error(`a group has ${GROUP - 1} hits, got ${hits} in ${passes} passes`);
  return cpuMs;
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function bytesInUse(built?: Built): number {
  gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external + (built?.outsideBytes?.() ?? 0);
}

async function main(job: EdgeJob): Promise<void> {
  const figures = job.kind === 'compile' ? compileJob(job.mix, job.count, job.out) : await matchJob(job.contestant, job.mix, job.count, job.file);
  console.log(JSON.stringify(figures));
}

main(JSON.parse(process.argv[2]) as EdgeJob).catch((error: Error) => {
  console.error(error.stack);
  process.exitCode = 1;
});
