import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { GetFunctionConfigurationCommand, LambdaClient, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { CreateQueueCommand, DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { Clients } from './arrivals';
import { DEFAULT_ORDERS, produce, type Produced } from './inputs';
import { invoke, takeOver } from './mappings';
import { type DestinationReport, renderSection } from './section';
import { countsOf, disorder, type FanOutCounts } from './traits';
import type { DeliverSettings, ReplayResult } from '../../../src/kinesis-fan-out/contract';
import { EmulatedStream } from '../../../test/kit/dispatch/emulated-stream';
import { Timeline } from '../../../test/kit/dispatch/timeline';
import type { DemoResult, DemoRoom, DemoRow, DemoWorld } from '../../room';

export const KINESIS_FAN_OUT: DemoRoom = {
  stackName: 'KinesisFanOutDemo',
  run: (world) => new Feed(world, Number(process.env.DEMO_ORDERS ?? DEFAULT_ORDERS)).run(),
};

const NAMES = ['Lake', 'State', 'Mirror', 'Paid'] as const;
type Name = typeof NAMES[number];

/** The day, in seconds of the simulated clock: orders come all the time, the queue is gone for a while. */
const BURSTS = 20;
const SECONDS_APART = 3;
const OUTAGE = { from: 8, to: 14 };
const MAX_CALL = 500;

class Feed {
  private readonly clients: Clients;
  private readonly lambda: LambdaClient;
  private readonly timeline = new Timeline();
  private readonly produced: readonly Produced[];
  private readonly problems: string[] = [];
  private readonly paidBefore: string[] = [];

  constructor(private readonly world: DemoWorld, orders: number) {
    this.clients = new Clients(world);
    this.lambda = new LambdaClient({ ...world.client, maxAttempts: 1 });
    this.produced = produce(orders);
  }

  public async run(): Promise<DemoResult> {
    const { outputs, say } = this.world;
    const stream = await EmulatedStream.of(this.clients.kinesis, outputs.StreamArn);
    for (const name of NAMES) await takeOver(this.lambda, outputs[`${name}Function`], stream, this.timeline);
    this.plan(stream);
    say(`${this.produced.length.toLocaleString('en-US')} events of orders; the queue is gone from second ${OUTAGE.from} to ${OUTAGE.to}`);
    await this.timeline.drain(1_000_000);

    const destinations = await Promise.all(NAMES.map(async (name) => this.report(name)));
    const quarantine = await this.clients.quarantine();
    const replayed = await this.replay();
    const section = renderSection({
      events: this.produced.length,
      outage: OUTAGE,
      destinations,
      quarantine,
      replayed,
      problems: this.problems,
      poison: this.produced.flatMap(({ about, data }) => about === undefined ? [] : [{ about, data }]),
    });
    return { section, rows: this.rows(destinations, replayed), problems: this.problems };
  }

  private plan(stream: EmulatedStream): void {
    const { timeline, produced } = this;
    const size = Math.ceil(produced.length / BURSTS);
    for (let burst = 0; burst < BURSTS; burst++) {
      timeline.after(burst * SECONDS_APART, async () => {
        await this.put(produced.slice(burst * size, (burst + 1) * size));
        stream.poll();
      });
    }
    timeline.after(OUTAGE.from, async () => {
      this.paidBefore.push(...await this.clients.paid());
      await this.clients.sqs.send(new DeleteQueueCommand({ QueueUrl: this.world.outputs.PaidUrl }));
      this.world.say('somebody deleted the queue');
    });
    timeline.after(OUTAGE.to, async () => {
      const QueueName = this.world.outputs.PaidUrl.split('/').pop();
      await this.clients.sqs.send(new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: 'true' } }));
      this.world.say('the queue is there again');
    });
  }

  private async put(events: readonly Produced[]): Promise<void> {
    for (let from = 0; from < events.length; from += MAX_CALL) {
      const { FailedRecordCount } = await this.clients.kinesis.send(new PutRecordsCommand({
        StreamARN: this.world.outputs.StreamArn,
        Records: events.slice(from, from + MAX_CALL).map(({ key, data }) => ({ PartitionKey: key, Data: Buffer.from(data) })),
      }));
      if (FailedRecordCount) throw new Error(`every event must reach the stream, ${FailedRecordCount} did not`);
    }
  }

  /** What the functions counted, against what really lies at the destination. */
  private async report(name: Name): Promise<DestinationReport> {
    const told = countsOf(this.world.invocations().filter((invocation) => invocation.name === this.world.outputs[`${name}Function`]));
    // A batch that comes again is filtered again, and counted again.
    const filtered = name === 'Paid' ? this.produced.filter(({ data }) => !isPayment(data)).length : 0;
    const quarantined = (await this.clients.quarantine()).filter(({ destination }) => destination === name).length;
    const counts = { ...told, filtered, quarantined };
    const { found, misplaced } = await this.found(name);
    const ended = counts.delivered + counts.filtered + counts.quarantined;
    if (ended !== this.produced.length) this.problem(`${name}: ${this.produced.length} in, ${ended} delivered, filtered and quarantined`);
    if (found !== expectedAt(name, counts, this.produced)) this.problem(`${name}: ${found} found there, ${counts.delivered} delivered`);
    if (misplaced > 0) this.problem(`${name}: ${misplaced} events out of order`);
    return { name, ...counts, events: this.produced.length, found, misplaced };
  }

  private async found(name: Name): Promise<{ readonly found: number; readonly misplaced: number }> {
    if (name === 'State') {
      const items = await this.clients.state();
      const last = lastSteps(this.produced);
      return { found: items.size, misplaced: [...items].filter(([order, step]) => last.get(order) !== step).length };
    }
    const contents = name === 'Lake' ? await this.clients.lake()
      : name === 'Mirror' ? await this.clients.mirror() : [...this.paidBefore, ...await this.clients.paid()];
    return { found: contents.length, misplaced: disorder(contents) };
  }

  /** The lake's transform needs JSON. A deployment takes it out, and the lake gets what it could not have. */
  private async replay(): Promise<ReplayResult> {
    const { outputs, say } = this.world;
    const FunctionName = outputs.LakeFunction;
    const { Environment } = await this.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    const variables = Environment!.Variables!;
    const settings: DeliverSettings = { ...JSON.parse(variables.SETTINGS) as DeliverSettings, transforms: [] };
    await this.lambda.send(new UpdateFunctionConfigurationCommand({
      FunctionName, Environment: { Variables: { ...variables, SETTINGS: JSON.stringify(settings) } },
    }));
    const before = (await this.clients.lake()).length;
    const outcome = await invoke(this.lambda, outputs.ReplayFunction, { destination: 'Lake', prefix: 'quarantine/Lake/' });
    if (outcome.kind !== 'ok') throw new Error(`the replay must end well, got ${JSON.stringify(outcome)}`);
    const result = outcome.payload as ReplayResult;
    const lake = await this.clients.lake();
    const missing = this.produced.filter(({ data }) => !isJson(data) && !lake.includes(data)).length;
    if (lake.length - before !== result.delivered || missing > 0) {
      this.problem(`replay: ${result.delivered} delivered, ${lake.length - before} found, ${missing} missing`);
    }
    say(`replayed ${result.objects} quarantined events to the lake`);
    return result;
  }

  private rows(destinations: readonly DestinationReport[], replayed: ReplayResult): DemoRow[] {
    return [
      ...destinations.map(({ name, events, delivered, filtered, quarantined, workMs }) => ({
        input: `${events} events of orders`,
        output: `${name}: ${delivered} delivered, ${filtered} filtered`,
        failure: quarantined > 0 ? `${quarantined} below quarantine/${name}/` : '',
        role: this.world.roleOf(this.world.outputs[`${name}Function`]),
        time: `${(workMs / 1000).toFixed(1)} s`,
      })),
      {
        input: `${replayed.objects} quarantined events, replayed`,
        output: `Lake: ${replayed.delivered} delivered`,
        failure: '',
        role: this.world.roleOf(this.world.outputs.ReplayFunction),
        time: '',
      },
    ];
  }

  private problem(text: string): void {
    this.problems.push(text);
  }
}

/** A table has one item for each order, a queue and a stream one entry for each event. */
function expectedAt(name: Name, { delivered }: FanOutCounts, produced: readonly Produced[]): number {
  return name === 'State' ? lastSteps(produced).size : delivered;
}

function lastSteps(produced: readonly Produced[]): ReadonlyMap<string, number> {
  return new Map(produced.filter(({ about }) => about === undefined).map(({ key, data }) => [key, (JSON.parse(data) as { step: number }).step]));
}

function isPayment(data: string): boolean {
  return isJson(data) && (JSON.parse(data) as { type: string }).type === 'order-paid';
}

function isJson(data: string): boolean {
  return data.endsWith('}');
}
