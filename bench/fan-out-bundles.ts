/** M12: how large each shipped function is, and what loading it costs. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { environmentOf, settingsOf } from './fan-out-inputs';
import { grouped, runWorker, table } from './fan-out-kit';
import { median } from './measure';
import { bundle } from '../projenrc/handler-bundles';
import type { ReplayEnv, TargetKind, TargetSettings } from '../src/kinesis-fan-out/contract';

const ROOT = join(__dirname, '..');
const ASSETS = join(ROOT, 'assets/kinesis-fan-out');
const SOURCE = join(ROOT, '.cache/bench/bare-fan-out');
const LOADER = join(ROOT, '.cache/bench/fan-out-load.mjs');
/** The functions take turns, so that a busy machine meets all of them alike. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const MAX_KILOBYTES = 520;
const MAX_MS = 80;

const TARGETS: { readonly [K in TargetKind]: Extract<TargetSettings, { readonly kind: K }> } = {
  s3: { kind: 's3', prefix: '' },
  dynamodb: { kind: 'dynamodb', partitionKey: 'id', sequenceAttribute: 'sequence' },
  kinesis: { kind: 'kinesis', maxRecordBytes: 1024 * 1024 },
  firehose: { kind: 'firehose' },
  sqs: { kind: 'sqs', fifo: false },
  sns: { kind: 'sns', fifo: false, maxMessageBytes: 256 * 1024 },
  eventbridge: { kind: 'eventbridge', source: 'bench', detailType: 'bench' },
  https: { kind: 'https', method: 'POST', headers: {}, timeoutMs: 10_000, maxBodyBytes: 1e6, concurrency: 10 },
  lambda: { kind: 'lambda' },
};

interface Loaded {
  readonly wall: number;
  readonly cpu: number;
}

export async function fanOutBundles(): Promise<string> {
  const bare = await bareFunction();
  writeFileSync(LOADER, [
    'const wall = performance.now(), cpu = process.cpuUsage();',
    'await import(process.argv[2]);',
    'const { user, system } = process.cpuUsage(cpu);',
    'console.log(JSON.stringify({ wall: performance.now() - wall, cpu: (user + system) / 1000 }));',
  ].join('\n'));
  const functions = [...readdirSync(ASSETS).map((name) => ({ name, file: join(ASSETS, name, 'index.mjs') })), bare];
  const rounds = Array.from({ length: ROUNDS }, () => functions.map(({ file, name }) => runWorker<Loaded>(LOADER, [file], environmentFor(name))));
  const rows = functions.map(({ name, file }, i) => {
    const code = readFileSync(file);
    const of = (what: keyof Loaded) => median(rounds.map((round) => round[i][what])).toFixed(0);
    return [name, grouped(Math.round(code.length / 1000)), grouped(Math.round(gzipSync(code).length / 1000)), of('wall'), of('cpu')];
  });
  return [
    `### M12: size and loading of each function (bars: at most ${MAX_KILOBYTES} kB, ${MAX_MS} ms; median of ${ROUNDS})`,
    table(['', 'kB', 'kB gzipped', 'loading, ms on the wall', 'ms of CPU'], rows),
  ].join('\n\n');
}

function environmentFor(name: string): NodeJS.ProcessEnv {
  const target = TARGETS[name.replace('deliver-', '') as TargetKind] ?? TARGETS.kinesis;
  const replay: Pick<ReplayEnv, 'FUNCTIONS'> = { FUNCTIONS: '{}' };
  return { ...environmentOf(settingsOf(target)), ...replay };
}

/** The least a function of that shape imports, bundled alike. */
async function bareFunction(): Promise<{ readonly name: string; readonly file: string }> {
  const handlers = join(SOURCE, 'bare/handlers');
  mkdirSync(handlers, { recursive: true });
  writeFileSync(join(handlers, 'bare.lambda.ts'), [
    "import { Logger } from '@aws-lambda-powertools/logger'; import { Metrics } from '@aws-lambda-powertools/metrics';",
    "import { KinesisClient } from '@aws-sdk/client-kinesis'; import { S3Client } from '@aws-sdk/client-s3';",
    'export const handler = async () => [new KinesisClient(), new S3Client(), new Logger(), new Metrics()];',
  ].join('\n'));
  await bundle({ source: SOURCE, out: SOURCE });
  return { name: 'bare client-kinesis, client-s3, Logger, Metrics', file: join(SOURCE, 'assets/bare/bare/index.mjs') };
}
