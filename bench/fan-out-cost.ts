/** M7: CPU of the engine and its senders beside the bare SDK. */
import { buildWorker, runWorker, table } from './fan-out-kit';
import { median } from './measure';

/** The contestants take turns, so that a busy machine meets all of them alike. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const OF_BARE = 1.1;

const CONTESTANTS: ReadonlyArray<readonly [name: string, bare: string, bar?: number]> = [
  ['kinesis, bare', 'kinesis, bare'],
  ['kinesis', 'kinesis, bare', OF_BARE],
  ['kinesis per key, 5,000 keys', 'kinesis, bare', OF_BARE],
  ['kinesis per key, 300 keys', 'kinesis, bare', OF_BARE],
  ['sqs, bare', 'sqs, bare'],
  ['sqs', 'sqs, bare', OF_BARE],
  ['sqs packed', 'sqs, bare'],
];

export async function fanOutCost(): Promise<string> {
  const worker = await buildWorker('fan-out-cost-worker');
  const rounds = Array.from({ length: ROUNDS }, () => CONTESTANTS.map(([name]) => runWorker<number>(worker, [name])));
  const medians = new Map(CONTESTANTS.map(([name], i) => [name, median(rounds.map((round) => round[i]))]));
  return [
    `### M7: CPU per 500-byte record, body and signature included (bar: within 10 % of the bare SDK; median of ${ROUNDS})`,
    table(['', 'µs', 'of bare', 'bar'], CONTESTANTS.map(([name, bare, bar]) => [
      name, (medians.get(name)! / 1000).toFixed(2), (medians.get(name)! / medians.get(bare)!).toFixed(2), bar?.toFixed(2) ?? '',
    ])),
  ].join('\n\n');
}
