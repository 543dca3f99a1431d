import {
  DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, ListObjectVersionsCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import type { Stack } from 'aws-cdk-lib';
import { arrivalsOf, type Arrival } from './arrivals';
import { EXACTLY_ONCE, type DeliveryPlan } from './dispatch/delivery';
import { EventBridge, type TargetAnswer } from './dispatch/event-bridge';
import { FunctionClock } from './dispatch/function-clock';
import type { StreamInvoke } from './dispatch/in-process';
import { AsyncInvoker } from './dispatch/lambda-async';
import { changesOf } from './dispatch/object-changes';
import { runBatchJob, type BatchJob, type BatchReport } from './dispatch/s3-batch';
import { S3Events, type ObjectChange } from './dispatch/s3-events';
import { SchedulerDispatcher } from './dispatch/scheduler';
import { SqsDispatcher, VirtualQueue } from './dispatch/sqs';
import type { StreamDispatcher } from './dispatch/stream';
import { failureKey, failureMetadata, failureObject, type DiscardedBatch, type PayloadForm } from './dispatch/stream-failure';
import type { StreamPlan } from './dispatch/stream-plan';
import { Timeline } from './dispatch/timeline';
import type { VirtualStream } from './dispatch/virtual-stream';
import { startMoto, type Emulator } from './emulators';
import { FaultSchedule } from './faults';
import { Evaluator } from './iam/evaluator';
import { distinct, recordedRequests, type Recorded } from './iam/proof';
import {
  failureObjectRequests, logRequests, pollerRequests, requestOf, senderRequests, streamRequests, type IamRequest, type Landscape,
} from './iam/requests';
import { callJson } from './json-call';
import { LambdaHost, mintAccessKey, type InvokeOptions, type InvokeOutcome, type LambdaFunctionSpec } from './lambda-host';
import type { FakeService } from './proxy/fake-service';
import type { Invocation } from './proxy/truths';
import { clientConfig, createNamed, createUnnamed, deleteNamed, emptyTable, type NamedResources } from './resources';
import { TemplateModel, type FunctionModel, type ScheduleModel, type StreamMappingModel, type TableModel } from './template';
import { TruthProxy, type RecordedCall, type Reply } from './truth-proxy';
import { WorldStreams } from './world-streams';

/** Changes settings of functions, for what a test cannot wait for: a timeout of a minute. */
export type Adjust = (fn: FunctionModel) => Partial<LambdaFunctionSpec>;

export interface WorldOptions {
  readonly stack: Stack;
  readonly adjust?: Adjust;
  /** Services in place of the emulator's, by signing name. @default none */
  readonly fakes?: (surroundings: Surroundings) => Fakes;
}

/** What fakes of services have to do with. */
export interface Surroundings {
  readonly model: TemplateModel;
  /** The functions' clock. */
  readonly now: () => number;
  /** Of the emulator, behind the proxy's back. */
  readonly origin: string;
}

export interface Fakes {
  readonly services: Readonly<Record<string, FakeService>>;
  /** What IAM has to know of their resources. */
  readonly facts?: Partial<Landscape>;
}

export interface RunOptions {
  readonly faults?: FaultSchedule;
  readonly delivery?: DeliveryPlan;
  /** What event source mappings of streams choose, and what befalls them. A kill is a fault of a call, not theirs. */
  readonly streams?: StreamPlan;
  /** Shards of streams in place of the template's, by the beginning of their logical id. */
  readonly shards?: Readonly<Record<string, number>>;
  /** How payloads of batches that were given up are written. @default as documented */
  readonly payload?: PayloadForm;
}

/** Told of each call of a function before it is carried out. */
export type Interference = (call: RecordedCall) => Promise<void>;

/** One invocation. */
export interface Run {
  readonly functionArn: string;
  readonly event: unknown;
  readonly outcome: InvokeOutcome;
}

/**
 * A synthesized stack at work: the shipped code under Lambda's runtime client and its own role, calls through the truth
 * proxy to an emulator, events delivered as AWS delivers them, on a virtual clock. A test says only: stack, input,
 * faults, invariants.
 */
export class World {
  public static async start({ stack, adjust, fakes }: WorldOptions): Promise<World> {
    const emulator = await startMoto();
    try {
      const values = await createUnnamed(TemplateModel.of(stack), emulator.origin);
      const unplaced = TemplateModel.of(stack, { values });
      const clock = new FunctionClock();
      const { services, facts } = fakes?.({ model: unplaced, now: clock.now, origin: emulator.origin }) ?? {};
      const evaluator = Evaluator.of(unplaced, facts);
      const late: { world?: World } = {};
      const proxy = await TruthProxy.start({
        upstream: emulator.origin,
        fakes: services,
        now: clock.now,
        authorize: evaluator.authorize,
        onKill: (principal) => late.world?.kill(principal),
        onApplied: (call, reply) => late.world?.applied(call, reply),
        facts: {
          maxRecordBytes: (stream) => unplaced.streams.find(({ name }) => name === stream)?.maxRecordBytes,
          maxMessageBytes: (topic) => unplaced.topics.find(({ arn }) => arn === topic)?.maxMessageBytes,
          keyNames: (table) => unplaced.tables.find(({ name }) => name === table)?.keys.map(({ AttributeName }) => AttributeName),
        },
        invoke: (invocation) => late.world!.invoked(invocation),
        beforeCall: async (call) => evaluator.knows(call.principal) ? late.world?.interference?.(call) : undefined,
      });
      const host = await LambdaHost.start({ endpoint: proxy.endpoint, now: clock.now });
      const world = new World(unplaced.placed({ queueOrigin: proxy.endpoint }), evaluator, emulator, proxy, host, clock);
      late.world = world;
      await createNamed(world.model, emulator.origin);
      world.adjust(adjust);
      return world;
    } catch (error) {
      await emulator.stop();
      throw error;
    }
  }

  public readonly timeline: Timeline;
  public readonly events: S3Events;
  /** The test's own hands: through the proxy, under no role. */
  public readonly s3: S3Client;
  public readonly queues: ReadonlyMap<string, VirtualQueue>;
  /** The template's schedules: `scheduler.run(until)`, then `settle`. */
  public readonly scheduler: SchedulerDispatcher;
  /** Targets of rules that do not answer in this run. */
  public readonly outages = new Set<string>();
  /** Every invocation since `begin`. */
  public readonly runs: Run[] = [];
  /** What functions sent in this run that got where it was to go. */
  public readonly arrivals: Arrival[] = [];
  /** Batches a mapping gave up and could not hand on: its role does not allow it. */
  public readonly undelivered: DiscardedBatch[] = [];

  private interference?: Interference;
  private readonly bridge: EventBridge;
  private readonly asyncInvokers: ReadonlyMap<string, AsyncInvoker>;
  private readonly direct: S3Client;
  private readonly streams: WorldStreams;
  private payload?: PayloadForm;
  private readonly deleted: NamedResources[] = [];
  private readonly sizes = new Map<string, number>();
  private recordedByServices: Recorded[] = [];
  private recordedBefore: Recorded[] = [];

  private constructor(
    public readonly model: TemplateModel,
    public readonly evaluator: Evaluator,
    private readonly emulator: Emulator,
    public readonly proxy: TruthProxy,
    public readonly host: LambdaHost,
    private readonly clock: FunctionClock,
  ) {
    const { placement } = model;
    this.timeline = new Timeline((now) => this.clock.set(now), () => this.proxy.settle());
    this.clock.set(this.timeline.now);
    this.events = new S3Events(placement);
    this.s3 = new S3Client(clientConfig(proxy.endpoint, placement.region));
    this.direct = new S3Client(clientConfig(emulator.origin, placement.region));
    this.queues = new Map(model.queues.map((queue) => (
      [queue.arn, new VirtualQueue(queue, this.timeline, () => this.queue(queue.redrive!.deadLetterArn))])));
    this.bridge = new EventBridge(model.rules, this.timeline, (...args) => this.callTarget(...args));
    this.scheduler = new SchedulerDispatcher(model.schedules, this.timeline, (...args) => this.callScheduled(...args));
    this.asyncInvokers = new Map(model.invokeConfigs.map((config) => [config.functionArn, new AsyncInvoker(
      config, this.timeline, this.invokeArn, (arn, record) => this.sendAs(this.functionOf(config.functionArn).roleArn, arn, record),
    )]));
    this.streams = new WorldStreams({
      model,
      timeline: this.timeline,
      roleOf: (arn) => this.functionOf(arn).roleArn,
      invoke: (plan, mapping) => this.streamInvoke(plan, mapping),
      onDiscard: (mapping, batch) => this.discard(mapping, batch),
    });
    this.streams.begin();
    for (const mapping of model.eventSources) {
      new SqsDispatcher(mapping, this.queue(mapping.sourceArn), this.timeline, (arn, event) => {
        const { roleArn } = this.functionOf(arn);
        this.note(pollerRequests(this.queue(mapping.sourceArn).settings, evaluator.landscape).map((request) => ({ principal: roleArn, request })));
        return this.invokeArn(arn, event);
      });
    }
  }

  /** A run begins: empty buckets and queues, these faults, this delivery. */
  public async begin({ faults = FaultSchedule.none(), delivery = EXACTLY_ONCE, payload, shards, streams }: RunOptions = {}): Promise<void> {
    if (!this.timeline.isIdle) await this.abandon(); // a test failed half way
    this.recordedBefore = this.recorded();
    this.recordedByServices = [];
    for (const list of [this.runs, this.arrivals, this.undelivered]) list.length = 0;
    this.payload = payload;
    this.streams.begin(streams, shards);
    this.interference = undefined;
    this.outages.clear();
    this.sizes.clear();
    await this.restore();
    await Promise.all([
      ...this.model.buckets.map(({ name }) => this.empty(name)),
      ...this.model.tables.map((table) => emptyTable(table, this.emulator.origin, this.model.placement.region)),
    ]);
    this.proxy.use(faults);
    this.proxy.clearCalls();
    this.bridge.plan = delivery;
    this.scheduler.plan = delivery;
    for (const queue of this.queues.values()) {
      queue.clear();
      queue.plan = delivery;
    }
  }

  /** Registers the functions, as synthesized but for these changes; the next invocation of a changed one is cold. */
  public adjust(adjust: Adjust = () => ({})): void {
    for (const fn of this.model.functions) {
      const accessKeyId = mintAccessKey(fn.arn);
      const adjusted = adjust(fn);
      this.proxy.mapPrincipal(accessKeyId, fn.roleArn);
      this.host.register({
        name: fn.name,
        arn: fn.arn,
        code: fn.code,
        handler: fn.handler,
        timeoutSeconds: fn.timeoutSeconds,
        memoryMb: fn.memoryMb,
        runtime: fn.runtime as LambdaFunctionSpec['runtime'],
        credentials: { accessKeyId, secretAccessKey: 'minted' },
        ...adjusted,
        environment: { ...fn.environment, ...adjusted.environment, ...this.clock.environment },
      });
    }
  }

  /** Changes the world under a function's hands, until the run ends or nothing is given. */
  public interfere(interference?: Interference): void {
    this.interference = interference;
  }

  /** Buckets, topics, queues, buses, streams, tables and delivery streams of these logical ids are deleted, until they are restored. */
  public async delete(...logicalIds: readonly string[]): Promise<void> {
    const named = this.named(logicalIds);
    this.deleted.push(named);
    await deleteNamed(named, this.emulator.origin);
  }

  /** Creates again what was deleted. */
  public async restore(): Promise<void> {
    for (const named of this.deleted.splice(0)) await createNamed(named, this.emulator.origin);
  }

  /** Lets time pass for functions at work: what they wait for takes so long. */
  public lag(seconds: number): void {
    this.clock.set(this.clock.now() + seconds * 1000);
  }

  /** Delivers until nothing is under way any more. */
  public async settle(): Promise<void> {
    do {
      await this.timeline.drain();
      await this.proxy.settle();
    } while (!this.timeline.isIdle);
  }

  public async stop(): Promise<void> {
    this.s3.destroy();
    this.direct.destroy();
    await this.host.stop();
    await this.proxy.stop();
    await this.emulator.stop();
    this.clock.close();
  }

  public async upload(bucket: string, key: string, body: Buffer | string, more: Partial<PutObjectCommandInput> = {}): Promise<string> {
    const { ETag } = await this.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...more }));
    return ETag!.replace(/"/g, '');
  }

  /** Puts an object behind everybody's back: no event tells of it. */
  public async plant(bucket: string, key: string, body: Buffer | string): Promise<void> {
    await this.direct.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  }

  public async remove(bucket: string, key: string): Promise<void> {
    await this.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  }

  /** Current objects by key: looked at behind the proxy's back. */
  public async keys(bucket: string): Promise<string[]> {
    const { Contents = [] } = await this.direct.send(new ListObjectsV2Command({ Bucket: bucket }));
    return Contents.map(({ Key }) => Key!);
  }

  public async read(bucket: string, key: string): Promise<Buffer> {
    const { Body } = await this.direct.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return Buffer.from(await Body!.transformToByteArray());
  }

  /** Items of a table. */
  public async items(logicalId: string): Promise<readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[]> {
    const table = this.table(logicalId);
    const items: Readonly<Record<string, Readonly<Record<string, unknown>>>>[] = [];
    let next: unknown;
    do {
      const input = { TableName: table.name, ExclusiveStartKey: next };
      const page = await callJson(this.emulator.origin, this.model.placement.region, 'dynamodb', 'Scan', input);
      items.push(...page.Items as typeof items);
      next = page.LastEvaluatedKey;
    } while (next !== undefined);
    return items;
  }

  /** Puts an item behind everybody's back. */
  public async putItem(logicalId: string, item: Readonly<Record<string, unknown>>): Promise<void> {
    const { name } = this.table(logicalId);
    await callJson(this.emulator.origin, this.model.placement.region, 'dynamodb', 'PutItem', { TableName: name, Item: item });
  }

  /** What functions sent to this stream, delivery stream, queue, topic or bus, in the order of arrival. */
  public arrivedAt(logicalId: string): readonly Arrival[] {
    const { buses, deliveryStreams, queues, streams, topics } = this.model;
    const target = [...buses, ...deliveryStreams, ...queues, ...streams, ...topics].find((candidate) => candidate.logicalId.startsWith(logicalId));
    if (!target) throw new Error(`the template has nothing '${logicalId}' to send to`);
    return this.arrivals.filter((arrival) => arrival.target === target.name && target.arn.split(':')[2] === arrival.service);
  }

  public stream(arnOrLogicalId: string): VirtualStream {
    return this.streams.stream(arnOrLogicalId);
  }

  /** The mapping of a stream that invokes this function. */
  public mapping(arnOrLogicalId: string): StreamDispatcher {
    return this.streams.mapping(this.functionOf(arnOrLogicalId).arn);
  }

  public functionOf(arnOrLogicalId: string): FunctionModel {
    const found = this.model.functions.find(({ arn, logicalId }) => arn === arnOrLogicalId || logicalId.startsWith(arnOrLogicalId));
    if (!found) throw new Error(`the template has no function '${arnOrLogicalId}'`);
    return found;
  }

  public queue(arnOrLogicalId: string): VirtualQueue {
    const found = [...this.queues.values()].find(({ settings }) => settings.arn === arnOrLogicalId || settings.logicalId.startsWith(arnOrLogicalId));
    if (!found) throw new Error(`the template has no queue '${arnOrLogicalId}'`);
    return found;
  }

  /** Synchronously, as a function URL or the test itself does. */
  public readonly invokeArn = async (functionArn: string, event: unknown, choose?: InvokeOptions['choose']): Promise<InvokeOutcome> => {
    const fn = this.functionOf(functionArn);
    const outcome = await this.host.invoke(fn.name, event, { choose });
    this.note(logRequests(fn.logGroup, this.evaluator.landscape).map((request) => ({ principal: fn.roleArn, request })));
    this.runs.push({ functionArn, event, outcome });
    return outcome;
  };

  /** S3 Batch Operations over these objects, under a role. */
  public runBatch(job: Omit<BatchJob, 'partition'>, roleArn: string): Promise<BatchReport> {
    this.note([{ principal: roleArn, request: requestOf('lambda:InvokeFunction', job.functionArn, this.evaluator.landscape) }]);
    return runBatchJob({ ...job, partition: this.model.placement.partition }, this.invokeArn);
  }

  /** An S3 event as if it had happened, in EventBridge's shape. */
  public announce(change: ObjectChange): void {
    this.bridge.put(this.events.eventBridge(change, this.timeline.now));
  }

  /** An event of a service that the emulator does not send. */
  public put(event: Readonly<Record<string, unknown>>): void {
    this.bridge.put(event);
  }

  /** Calls a function made in this run. */
  public callsOf(fn: FunctionModel): readonly RecordedCall[] {
    return this.proxy.calls.filter(({ principal }) => principal === fn.roleArn);
  }

  /** Messages that reached a topic in this run. */
  public published(topicArn: string): readonly unknown[] {
    return this.proxy.calls.filter(({ service, operation, applied, params }) =>
      service === 'sns' && operation === 'Publish' && applied && (params.body as { TopicArn?: string }).TopicArn === topicArn)
      .map(({ params }) => JSON.parse((params.body as { Message: string }).Message));
  }

  /** Everything anybody asked IAM for since the world began, the services included. */
  public recorded(): Recorded[] {
    return distinct([...this.recordedBefore, ...this.recordedByServices, ...recordedRequests(this.proxy.calls, this.evaluator)]);
  }

  /** Notes what a service, or a person the test plays, asked for. */
  public note(recorded: readonly Recorded[]): void {
    this.recordedByServices = distinct([...this.recordedByServices, ...recorded]);
  }

  /** Nothing is under way and no message is lost: findings, none if all is well. */
  public unrest(): string[] {
    const queues = [...this.queues.values()].flatMap(({ ledger, settings }) => {
      const { arrived, deadLettered, deleted, expired, waiting } = ledger;
      const isRead = this.model.eventSources.some(({ sourceArn }) => sourceArn === settings.arn);
      const isDeadLetters = this.model.queues.some(({ redrive }) => redrive?.deadLetterArn === settings.arn);
      return [
        ...arrived === deleted + deadLettered + expired + waiting ? [] : [`${settings.arn} lost messages: ${JSON.stringify(ledger)}`],
        ...waiting === 0 || isDeadLetters || !isRead ? [] : [`${settings.arn} holds ${waiting} messages`],
      ];
    });
    return [
      ...this.timeline.isIdle ? [] : ['something is still to happen'],
      ...this.host.inFlight === 0 ? [] : [`${this.host.inFlight} invocations are under way`],
      ...queues,
      ...this.streams.unrest(),
    ];
  }

  private table(logicalId: string): TableModel {
    const table = this.model.tables.find((candidate) => candidate.logicalId.startsWith(logicalId));
    if (!table) throw new Error(`the template has no table '${logicalId}'`);
    return table;
  }

  private named(logicalIds: readonly string[]): NamedResources {
    const chosen = <T extends { readonly logicalId: string }>(resources: readonly T[]) => (
      resources.filter(({ logicalId }) => logicalIds.some((id) => logicalId.startsWith(id))));
    const { buckets, buses, deliveryStreams, placement, queues, streams, tables, topics } = this.model;
    return {
      placement,
      buckets: chosen(buckets),
      buses: chosen(buses),
      deliveryStreams: chosen(deliveryStreams),
      queues: chosen(queues),
      streams: chosen(streams),
      tables: chosen(tables),
      topics: chosen(topics),
    };
  }

  private streamInvoke(plan: StreamPlan, mapping: StreamMappingModel): StreamInvoke {
    const { landscape } = this.evaluator;
    const streamArn = mapping.sourceArn.replace(/\/consumer\/.*$/, '');
    const kmsKeyArn = this.model.streams.find(({ arn }) => arn === streamArn)?.kmsKeyArn;
    return async (arn, event, name) => {
      if (plan.throttles(name)) return { kind: 'throttled' };
      const { name: functionName, roleArn } = this.functionOf(arn);
      const asked = streamRequests({ sourceArn: mapping.sourceArn, streamArn, kmsKeyArn }, landscape);
      this.note(asked.map((request) => ({ principal: roleArn, request })));
      const outcome = await this.invokeArn(arn, event, (idle) => plan.environment(name, idle));
      if (plan.losesEnvironment(name)) this.host.recycle(functionName);
      return outcome;
    };
  }

  /** What a mapping does with a batch it gives up: under the function's role, and without a second try. */
  private async discard({ functionArn, onFailureArn }: StreamMappingModel, batch: DiscardedBatch): Promise<void> {
    if (onFailureArn === undefined) return;
    const { roleArn } = this.functionOf(functionArn);
    const { landscape } = this.evaluator;
    const [, , service] = onFailureArn.split(':');
    const key = failureKey(batch);
    const asked = service === 's3' ? failureObjectRequests(onFailureArn, key, landscape)
      : service === 'sqs' ? senderRequests(this.queue(onFailureArn).settings, landscape)
        : [requestOf('sns:Publish', onFailureArn, landscape)];
    if (!this.ask(roleArn, asked)) {
      this.undelivered.push(batch);
      return;
    }
    const metadata = JSON.stringify(failureMetadata(batch));
    switch (service) {
      case 's3': return this.plant(onFailureArn.split(':::')[1], key, failureObject(batch, this.payload));
      case 'sqs': return this.queue(onFailureArn).send(metadata);
      default: this.arrivals.push({
        service: 'sns', target: onFailureArn.split(':').at(-1)!, body: Buffer.from(metadata), principal: roleArn, at: this.timeline.now,
      });
    }
  }

  private async abandon(): Promise<void> {
    this.proxy.use(FaultSchedule.none());
    this.queues.forEach((queue) => queue.clear());
    await this.settle();
  }

  private async empty(bucket: string): Promise<void> {
    const { Versions = [], DeleteMarkers = [] } = await this.direct.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    const objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (objects.length > 0) await this.direct.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: objects } }));
  }

  private kill(principal: string): void {
    this.model.functions.filter(({ roleArn }) => roleArn === principal).forEach(({ name }) => this.host.killRunning(name));
  }

  /** A function is called through the proxy: by another one, or by the test. */
  private async invoked({ asynchronous, functionName, payload }: Invocation): Promise<Reply> {
    const fn = this.model.functions.find(({ arn, name }) => functionName === name || functionName === arn || functionName.startsWith(`${arn}:`));
    const headers = { 'content-type': 'application/json', 'x-amz-executed-version': '$LATEST' };
    if (!fn) {
      const body = Buffer.from(JSON.stringify({ Message: `Function not found: ${functionName}` }));
      return { status: 404, headers: { ...headers, 'x-amzn-errortype': 'ResourceNotFoundException' }, body };
    }
    const event: unknown = payload.length === 0 ? {} : JSON.parse(payload.toString());
    if (asynchronous) {
      this.asyncInvokers.get(fn.arn)!.accept(event);
      return { status: 202, headers, body: Buffer.alloc(0) };
    }
    const { error, kind, payload: result } = await this.invokeArn(fn.arn, event);
    const body = Buffer.from(JSON.stringify(kind === 'ok' ? result ?? null : error ?? { errorMessage: kind }));
    return { status: 200, headers: kind === 'ok' ? headers : { ...headers, 'x-amz-function-error': 'Unhandled' }, body };
  }

  /** The emulator did something: whoever wants to know is told. */
  private applied(call: RecordedCall, reply: Reply): void {
    for (const arrival of arrivalsOf(call, reply, this.timeline.now)) this.arrived(arrival);
    const bucket = this.model.buckets.find(({ name }) => name === call.params.bucket);
    if (bucket?.eventBridge) changesOf(call, reply, bucket.versioned, this.sizes).forEach((change) => this.announce(change));
  }

  private arrived(arrival: Arrival): void {
    if (this.evaluator.knows(arrival.principal)) this.arrivals.push(arrival);
    if (arrival.service === 'kinesis') this.streams.arrived(arrival);
    if (arrival.service !== 'sqs') return;
    const { attributes, body, deduplicationId = body.toString(), groupId } = arrival;
    const queue = [...this.queues.values()].find(({ settings }) => settings.name === arrival.target);
    queue?.send(body.toString(), { attributes, deduplicationId, groupId, sender: 'AIDAFUNCTION' });
  }

  private callTarget(targetArn: string, ruleArn: string, input: string, attributes: Readonly<Record<string, string>> = {}): TargetAnswer {
    if (this.outages.has(targetArn)) return 'unavailable';
    const { landscape } = this.evaluator;
    const context = { 'aws:SourceArn': ruleArn, 'aws:SourceAccount': landscape.account };
    const isQueue = targetArn.includes(':sqs:');
    const asked = isQueue ? senderRequests(this.queue(targetArn).settings, landscape, context)
      : [requestOf('lambda:InvokeFunction', targetArn, landscape, context)];
    if (!this.ask('events.amazonaws.com', asked)) return 'refused';
    if (isQueue) this.queue(targetArn).send(input, { attributes, sender: 'AIDAEVENTS' });
    else this.asyncInvokers.get(targetArn)!.accept(JSON.parse(input));
    return 'accepted';
  }

  /** Scheduler acts under the schedule's own role, and invokes functions asynchronously. */
  private callScheduled(
    targetArn: string, { roleArn }: ScheduleModel, input: string, attributes: Readonly<Record<string, string>> = {},
  ): TargetAnswer {
    if (this.outages.has(targetArn)) return 'unavailable';
    const isQueue = targetArn.includes(':sqs:');
    const { landscape } = this.evaluator;
    const asked = isQueue ? senderRequests(this.queue(targetArn).settings, landscape) : [requestOf('lambda:InvokeFunction', targetArn, landscape)];
    if (!this.ask(roleArn, asked)) return 'refused';
    if (isQueue) this.queue(targetArn).send(input, { attributes, sender: 'AIDASCHEDULER' });
    else this.asyncInvokers.get(targetArn)!.accept(JSON.parse(input));
    return 'accepted';
  }

  private sendAs(roleArn: string, queueArn: string, body: string): void {
    const queue = this.queue(queueArn);
    if (this.ask(roleArn, senderRequests(queue.settings, this.evaluator.landscape))) queue.send(body);
  }

  private ask(principal: string, requests: readonly IamRequest[]): boolean {
    this.note(requests.map((request) => ({ principal, request })));
    return requests.every((request) => this.evaluator.decide(principal, request).allowed);
  }
}
