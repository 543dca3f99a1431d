/**
 * The shipped function beside Powertools' BatchProcessor and models of other peers: the same records, mapping, endpoint and
 * faults.
 */
import type { Figures } from './fan-out-faults-worker';
import { buildWorker, grouped, range, runWorker, table } from './fan-out-kit';

const RECORDS = Number(process.env.BENCH_RECORDS ?? 1_000);
const SEEDS = ['1', '2', '3'];

const CONTESTANTS: ReadonlyArray<readonly [name: string, label: string]> = [
  ['ours', '**deliver-kinesis, as shipped**'],
  ['powertools', 'Powertools batch, in parallel (its default)'],
  ['powertools sequential', 'Powertools batch, one after the other'],
  ['powertools one attempt', "Powertools batch, without the SDK's repetitions"],
  ...process.env.BENCH_ALF ? [['aws-lambda-fanout', 'aws-lambda-fanout, as it is'] as const] : [],
  ['whole batches', 'model of aws-lambda-fanout: PutRecords, entries not looked at'],
  ['failed subset', 'model of Snowbridge, Vector: PutRecords, failed entries again'],
];

export async function fanOutFaults(): Promise<string> {
  const worker = await buildWorker('fan-out-faults-worker');
  const env = { PATH: process.env.PATH, BENCH_ALF: process.env.BENCH_ALF };
  const rows = CONTESTANTS.map(([name, label]) => {
    const runs = SEEDS.map((seed) => runWorker<Figures>(worker, [name, seed, String(RECORDS)], env));
    const of = (what: keyof Figures) => range(runs.map((figures) => figures[what]));
    return [label, of('lost'), of('duplicates'), of('unavoidable'), of('inversions'), of('calls'), of('invocations')];
  });
  return [
    `### Peers under faults: ${grouped(RECORDS)} records into a stream, over HTTP`,
    table(['', 'lost', 'duplicates', '… after a lost answer', 'inversions', 'calls', 'invocations'], rows),
  ].join('\n\n');
}
