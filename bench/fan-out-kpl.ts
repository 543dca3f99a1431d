/** De-aggregation against aws-kinesis-agg and against MD5 alone, on the same aggregates. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { percent, table } from './fan-out-kit';
import { NODE, median } from './measure';
import { EDGE_CASES } from '../test/kinesis-fan-out/edge-cases';

const ROOT = join(__dirname, '..');
const WORKER = join(ROOT, '.cache/bench/fan-out-kpl-worker.mjs');
const PEERS = join(__dirname, 'peers-kinesis');
/** One core to itself, as on Lambda at 1,769 MB. */
const PINNED = ['taskset', '-c', '1'];
/** The contestants take turns, so that a busy machine meets all of them alike. */
const ROUNDS = 9;

const SIZES = [100, 500, 2_000];
const CONTESTANTS = ['ours', 'aws-kinesis-agg 4.2.8', 'aws-kinesis-agg 2.2.2', 'ours, from bytes', 'MD5'] as const;
/** Times the peer's speed, by size. */
const TIMES_PEER: Readonly<Record<number, number>> = { 100: 2, 500: 1.5 };
const OF_CEILING = 0.9;

export async function kplDecoding(): Promise<string> {
  if (!existsSync(join(PEERS, 'node_modules'))) {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', PEERS], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  await esbuild.build({ entryPoints: [join(__dirname, 'fan-out-kpl-worker.ts')], outfile: WORKER, bundle: true, platform: 'node', format: 'esm', target: 'node24' });
  const rows = SIZES.map((size) => {
    const rounds = Array.from({ length: ROUNDS }, () => CONTESTANTS.map((name) => nanoseconds(name, size)));
    const [ours, peer, oldPeer, fromBytes, md5] = CONTESTANTS.map((_, i) => median(rounds.map((round) => round[i])));
    const bar = TIMES_PEER[size];
    const verdict = bar === undefined
      ? `${percent(md5 / fromBytes)} of MD5 (bar ${percent(OF_CEILING)})`
      : `${(Math.min(peer, oldPeer) / ours).toFixed(2)} x the faster peer (bar ${bar})`;
    return [`${size} B`, ...[ours, peer, oldPeer, fromBytes, md5].map(thousandsPerSecond), verdict];
  });
  const peers = CONTESTANTS.slice(1, 3).map((name) => JSON.parse(worker(name, 'edge')) as string[]);
  const cases = EDGE_CASES.map(({ name, kcl }, i) => [name, [kcl].flat().join(' ') || 'nothing', ...peers.map((answers) => answers[i])]);
  return [
    '### M6: KPL records decoded, thousands per second and core',
    table(['record', ...CONTESTANTS, 'result'], rows),
    'Edge cases, as the KCL and we read them, and as the peers do (partition key, explicit hash key, data):',
    table(['aggregate', 'KCL, ours', ...CONTESTANTS.slice(1, 3)], cases),
  ].join('\n\n');
}

function nanoseconds(contestant: string, size: number): number {
  return Number(worker(contestant, String(size)));
}

function worker(...job: readonly string[]): string {
  const [command, ...args] = [...PINNED, NODE, WORKER, ...job];
  return execFileSync(command, args, { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });
}

const thousandsPerSecond = (ns: number): string => (1e6 / ns).toFixed(0);
