import type { StreamEvent } from '../../../src/kinesis-fan-out/handlers/decode';
import type { DeliveryDeadline, DeliveryReport } from '../../../src/kinesis-fan-out/handlers/delivery';
import type { FanOutRecord, Prepared } from '../../../src/kinesis-fan-out/handlers/ports';
import { type DeliveryAnswer, Shell, type ShellParts } from '../../../src/kinesis-fan-out/handlers/shell';
import { InProcessFunction, type InProcessContext } from '../../kit/dispatch/in-process';
import { StreamDispatcher, STREAM_MAPPING_DEFAULTS } from '../../kit/dispatch/stream';
import { randomService } from '../../kit/dispatch/stream-plan';
import { Timeline } from '../../kit/dispatch/timeline';
import { STREAM_ARN, VirtualStream } from '../../kit/dispatch/virtual-stream';
import { hash32, Prng } from '../../kit/faults';
import { aggregate } from '../aggregate';
import { BucketDestination, FifoDestination, ModelDestination, ModelQuarantine, OverwrittenBucket, type Process, type Run, TableDestination } from './destination';
import type { Scenario } from './scenario';
import { Sky } from './weather';

/** What a function does with an event, in one environment. Ours, a peer's, or ours with something broken. */
export interface Handler {
  handle(event: StreamEvent, deadline: DeliveryDeadline): Promise<{ readonly answer: DeliveryAnswer; readonly report?: DeliveryReport }>;
}
export type HandlerFactory = (parts: ShellParts) => Handler;
export const OURS: HandlerFactory = (parts) => new Shell(parts);

/** An invocation, for those who judge a run. */
export interface Invocation extends Run {
  readonly environment: number;
  readonly shardId: string;
}

/** Everything a run leaves behind. */
export interface Outcome {
  readonly destination: ModelDestination;
  readonly quarantined: ReadonlyMap<string, unknown>;
  readonly invocations: readonly Invocation[];
  readonly reports: readonly DeliveryReport[];
  /** Record id → its number in the scenario. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Number → shard it was put into. */
  readonly shards: readonly string[];
  readonly ledger: StreamDispatcher['ledger'];
}

const MODELS = { 'log': ModelDestination, 'fifo': FifoDestination, 'table': TableDestination, 'bucket': BucketDestination, 'overwritten-bucket': OverwrittenBucket };
/** The shell's own reserves. */
const START_RESERVE_MS = 5000;
const END_RESERVE_MS = 1000;
const MAX_STEPS = 1_000_000;

/** A stream with one or more fan-out destinations, on one virtual clock. */
export class Simulation {
  public readonly timeline = new Timeline();
  private readonly stream: VirtualStream;
  private readonly numbers = new Map<string, number>();
  private readonly shards: string[] = [];

  constructor(private readonly produced: Pick<Scenario, 'records' | 'burst' | 'everyMs' | 'aggregate' | 'shards' | 'reshards' | 'seed'>) {
    this.stream = new VirtualStream({ timeline: this.timeline, shards: produced.shards });
  }

  /** A destination with its own function and mapping. */
  public attach(scenario: Scenario, factory: HandlerFactory = OURS, name = 'destination'): () => Outcome {
    const { timeline, stream } = this;
    const { seed, weather, quarantineWeather, service, rules } = scenario;
    const start = timeline.now;
    const destination = new MODELS[scenario.semantics](scenario.traits, new Sky(hash32(seed, 'destination'), weather, start), timeline);
    const quarantine = new ModelQuarantine(new Sky(hash32(seed, 'quarantine'), quarantineWeather, start), timeline);
    const jitter = new Prng(hash32(seed, 'jitter'));
    const plan = randomService(hash32(seed, 'service'), service);
    const invocations: Invocation[] = [];
    const reports: DeliveryReport[] = [];
    const fn = new InProcessFunction<StreamEvent>({
      timeline,
      plan,
      timeoutSeconds: scenario.timeoutSeconds,
      environment: () => {
        const process = {} as Process;
        const handler = factory({
          rules,
          prepare,
          sender: destination.sender(process),
          quarantine: quarantine.of(process),
          clock: { now: () => timeline.now, sleep: (ms, signal) => process.run.context.sleep(ms, signal), random: () => jitter.next() },
        });
        return async (event, context) => {
          const run: Invocation = { context, answered: false, environment: context.environment, shardId: event.Records[0].eventID.split(':')[0] };
          process.run = run;
          invocations.push(run);
          const { answer, report } = await withDeadline(context, (deadline) => handler.handle(event, deadline));
          if (context.dead) return undefined;
          run.answered = true;
          if (report) reports.push(report);
          return answer;
        };
      },
    });
    const dispatcher = new StreamDispatcher({
      mapping: {
        ...STREAM_MAPPING_DEFAULTS, ...scenario.mapping, uuid: name, functionArn: fn.arn, sourceArn: STREAM_ARN, reportsBatchItemFailures: true,
      },
      source: stream,
      timeline,
      invoke: fn.invoke,
      plan,
    });
    return () => ({
      destination,
      quarantined: quarantine.stored,
      invocations,
      reports,
      numbers: this.numbers,
      shards: this.shards,
      ledger: dispatcher.ledger,
    });
  }

  public async run(): Promise<void> {
    const { records, burst, everyMs, reshards, seed } = this.produced;
    const { timeline, stream } = this;
    for (let from = 0, at = timeline.now; from < records.length; from += burst, at += everyMs) {
      timeline.at(at, async () => this.put(from, Math.min(records.length, from + burst)));
    }
    const prng = new Prng(hash32(seed, 'reshard'));
    for (const at of reshards) {
      timeline.at(timeline.now + at, async () => void (prng.chance(0.6) ? stream.split(prng.pick(stream.openShards)) : this.merge(prng)));
    }
    await timeline.drain(MAX_STEPS);
  }

  private merge(prng: Prng): void {
    const open = this.stream.openShards;
    if (open.length < 2) return;
    const [a, b] = prng.shuffle(open);
    try {
      this.stream.merge(a, b);
    } catch {
      // Not adjacent.
    }
  }

  private put(from: number, to: number): void {
    const { aggregate: size, records } = this.produced;
    for (let at = from; at < to; at += Math.max(1, size)) {
      const some = records.slice(at, size ? Math.min(to, at + size) : at + 1);
      const entries = some.map(({ key, data }) => ({ partitionKey: key, data }));
      const [result] = this.stream.put(size ? [{ partitionKey: 'a', data: aggregate(entries) }] : entries);
      if ('errorCode' in result) throw new Error(result.errorCode);
      some.forEach((_record, sub) => {
        this.numbers.set(`${result.shardId}:${result.sequenceNumber}${size ? `:${sub}` : ''}`, at + sub);
        this.shards[at + sub] = result.shardId;
      });
    }
  }
}

/** One destination alone. */
export async function simulate(scenario: Scenario, factory?: HandlerFactory): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  const outcome = simulation.attach(scenario, factory);
  await simulation.run();
  return outcome();
}

/** The filter and transform of all runs. */
function prepare(record: FanOutRecord): Prepared {
  const text = Buffer.from(record.data.buffer, record.data.byteOffset, record.data.byteLength).toString('latin1');
  if (!text.startsWith('{')) return { kind: 'refused', refusal: { reason: 'UNPARSABLE', code: 'not JSON' } };
  return text.includes('"drop"') ? { kind: 'filtered' } : { kind: 'item', item: { record, body: record.data } };
}

async function withDeadline<T>(context: InProcessContext, work: (deadline: DeliveryDeadline) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const over = new AbortController();
  context.sleep(context.getRemainingTimeInMillis() - END_RESERVE_MS, over.signal).then(() => ending.abort(), () => {});
  try {
    return await work({ remainingMs: () => Math.max(0, context.getRemainingTimeInMillis() - START_RESERVE_MS), signal: ending.signal });
  } finally {
    over.abort();
  }
}
