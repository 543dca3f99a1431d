/** One contestant under one schedule: `fan-out-faults-worker <contestant> <seed> <records>` prints {@link Figures}. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis';
import type { Context, KinesisStreamEvent, KinesisStreamRecord } from 'aws-lambda';
import { type Arrival, StreamEndpoint } from './fan-out-endpoint';
import { environmentOf, orders, settingsOf } from './fan-out-inputs';
import type { StreamEvent } from '../src/kinesis-fan-out/handlers/decode';
import { KinesisSender } from '../src/kinesis-fan-out/handlers/send-kinesis';
import { PEERS } from '../test/kinesis-fan-out/simulation/policies';
import { STREAM_MAPPING_DEFAULTS, StreamDispatcher } from '../test/kit/dispatch/stream';
import { Timeline } from '../test/kit/dispatch/timeline';
import { STREAM_ARN, VirtualStream } from '../test/kit/dispatch/virtual-stream';
import { Wire } from '../test/kit/proxy/wire';

export interface Figures {
  readonly lost: number;
  readonly duplicates: number;
  /** Of those, the ones that came after an answer was lost. */
  readonly unavoidable: number;
  readonly inversions: number;
  readonly calls: number;
  readonly invocations: number;
}

const FAULTS = { error: 0.02, throttle: 0.05, lost: 0.01 };
const BATCH = 500;
const TIMEOUT_MS = 300_000;
const MAX_STEPS = 10_000_000;
const TARGET = { kind: 'kinesis', maxRecordBytes: 1024 * 1024 } as const;
const SETTINGS = settingsOf(TARGET, { ordering: 'per-key' });

type Handler = (event: StreamEvent, context: Context) => Promise<unknown>;

const CONTESTANTS: Readonly<Record<string, () => Promise<Handler>>> = {
  'ours': async () => (await import(join(process.cwd(), 'assets/kinesis-fan-out/deliver-kinesis/index.mjs')) as { handler: Handler }).handler,
  'powertools': async () => powertools({}, true),
  'powertools sequential': async () => powertools({}, false),
  'powertools one attempt': async () => powertools({ maxAttempts: 1 }, true),
  'aws-lambda-fanout': async () => awsLambdaFanout(process.env.BENCH_ALF!),
  'whole batches': async () => policy('ALF: ignores what entries say'),
  'failed subset': async () => policy('SB, Vec: failed subset again'),
};

/** As its documentation has it: a handler of one record, which throws when that record is not delivered. */
function powertools(client: { readonly maxAttempts?: number }, parallel: boolean): Handler {
  const kinesis = new KinesisClient(client);
  const processor = new BatchProcessor(EventType.KinesisDataStreams);
  const put = async ({ kinesis: { data, partitionKey } }: KinesisStreamRecord): Promise<void> => {
    await kinesis.send(new PutRecordCommand({ StreamName: 'bench', PartitionKey: partitionKey, Data: Buffer.from(data, 'base64') }));
  };
  return async (event, context) => (
    processPartialResponse(event as unknown as KinesisStreamEvent, put, processor, { context, processInParallel: parallel }));
}

/**
 * As it stands in a directory, with its dependencies beside it. It reads its targets from a table and reports to CloudWatch:
 * both are answered here. Its handler is of the time before promises and partial answers.
 */
async function awsLambdaFanout(directory: string): Promise<Handler> {
  const surroundings = await Wire.listen(async ({ headers }) => ({
    status: 200,
    headers: {},
    body: Buffer.from(headers['x-amz-target'] === 'DynamoDB_20120810.Query' ? JSON.stringify({ Items: [ALF_TARGET] }) : '<PutMetricDataResponse/>'),
  }));
  const load = createRequire(join(directory, 'fanout.js'));
  const endpoint = `http://127.0.0.1:${surroundings.port}`;
  (load('aws-sdk') as { config: { update(config: object): void } }).config.update({
    region: process.env.AWS_REGION, dynamodb: { endpoint }, cloudwatch: { endpoint }, kinesis: { endpoint: process.env.AWS_ENDPOINT_URL },
  });
  // It logs every call.
  Object.assign(console, { log: () => {}, error: () => {} });
  const { handler } = load('./fanout.js') as { handler(event: object, context: object): void };
  return async (event) => new Promise((succeed, reject) => {
    handler(event, { succeed: () => succeed(undefined), fail: (reason: string) => reject(new Error(reason)) });
  });
}

/** As its command line writes it. */
const ALF_TARGET = {
  sourceArn: { S: STREAM_ARN },
  id: { S: 'mirror' },
  type: { S: 'kinesis' },
  destination: { S: 'bench' },
  active: { BOOL: true },
  collapse: { S: 'JSON' },
  parallel: { BOOL: true },
  deaggregate: { BOOL: false },
  convertDDB: { BOOL: false },
};

/** A model of the tests over the wire. */
function policy(name: string): Handler {
  const never = new AbortController().signal;
  const shell = PEERS[name]({
    rules: SETTINGS,
    prepare: (record) => ({ kind: 'item', item: { record, body: record.data } }),
    sender: new KinesisSender({ ...SETTINGS, name: 'bench', secretArn: '', target: TARGET }),
    quarantine: { put: async () => {} },
    clock: { now: Date.now, sleep: async () => {}, random: Math.random },
  });
  return async (event) => (await shell.handle(event, { signal: never, remainingMs: () => TIMEOUT_MS })).answer;
}

/** Delivers all records through the simulated event source mapping, on its virtual clock; calls are real. */
async function run(handler: Handler, seed: number, count: number): Promise<number> {
  const timeline = new Timeline();
  const stream = new VirtualStream({ timeline });
  const dispatcher = new StreamDispatcher({
    mapping: { ...STREAM_MAPPING_DEFAULTS, uuid: 'bench', functionArn: 'bench', sourceArn: STREAM_ARN, batchSize: BATCH, reportsBatchItemFailures: true },
    source: stream,
    timeline,
    invoke: async (_arn, event) => {
      const end = Date.now() + TIMEOUT_MS;
      const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => end - Date.now() } as Context;
      try {
        return { kind: 'ok', payload: await handler(event as StreamEvent, context) };
      } catch (error) {
        return { kind: 'error', error: { errorType: 'Error', errorMessage: String(error) } };
      }
    },
  });
  stream.put(orders(seed, count).map(({ key, data }) => ({ partitionKey: key, data })));
  await timeline.drain(MAX_STEPS);
  const { open, discarded, invocations } = dispatcher.ledger;
  if (open + discarded > 0) throw new Error(`the mapping is to bring every record to an end, ${open + discarded} left`);
  return invocations;
}

/** What arrived first decides about order; all that came later is a duplicate. */
function figuresOf(arrivals: readonly Arrival[], count: number): Omit<Figures, 'calls' | 'invocations'> {
  const known = new Map<number, boolean>();
  const newest = new Map<string, number>();
  let [unavoidable, inversions] = [0, 0];
  for (const { n, key, acknowledged } of arrivals) {
    const before = known.get(n);
    known.set(n, acknowledged);
    if (before === false) unavoidable += 1;
    if (before !== undefined) continue;
    const last = newest.get(key) ?? -1;
    if (n < last) inversions += 1;
    else newest.set(key, n);
  }
  return { lost: count - known.size, duplicates: arrivals.length - known.size, unavoidable, inversions };
}

async function main(): Promise<void> {
  const [, , contestant, seed, records] = process.argv;
  const endpoint = await StreamEndpoint.start(Number(seed), FAULTS);
  Object.assign(process.env, environmentOf(SETTINGS, endpoint.origin));
  const handler = await CONTESTANTS[contestant]();
  const invocations = await run(handler, Number(seed), Number(records));
  const { calls, arrivals } = endpoint;
  const figures: Figures = { ...figuresOf(arrivals, Number(records)), calls, invocations };
  process.stdout.write(`\n${JSON.stringify(figures)}\n`, () => process.exit());
}

void main();
