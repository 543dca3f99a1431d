import { CloudFrontClient, CreateDistributionCommand } from '@aws-sdk/client-cloudfront';
import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import {
  CreateBucketCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, ListObjectVersionsCommand, ListObjectsV2Command,
  PutBucketVersioningCommand, PutObjectCommand, S3Client, type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import type { Stack } from 'aws-cdk-lib';
import { EXACTLY_ONCE, type DeliveryPlan } from './dispatch/delivery';
import { EventBridge, type TargetAnswer } from './dispatch/event-bridge';
import { FunctionClock } from './dispatch/function-clock';
import { AsyncInvoker } from './dispatch/lambda-async';
import { changesOf } from './dispatch/object-changes';
import { runBatchJob, type BatchJob, type BatchReport } from './dispatch/s3-batch';
import { S3Events, type ObjectChange } from './dispatch/s3-events';
import { SqsDispatcher, VirtualQueue } from './dispatch/sqs';
import { Timeline } from './dispatch/timeline';
import { startMoto, type Emulator } from './emulators';
import { FaultSchedule } from './faults';
import { Evaluator } from './iam/evaluator';
import { distinct, recordedRequests, type Recorded } from './iam/proof';
import { logRequests, pollerRequests, requestOf, senderRequests, type IamRequest } from './iam/requests';
import { LambdaHost, mintAccessKey, type InvokeOutcome, type LambdaFunctionSpec } from './lambda-host';
import { TemplateModel, type FunctionModel } from './template';
import { TruthProxy, type RecordedCall, type Reply } from './truth-proxy';

/** Changes settings of functions, for what a test cannot wait for: a timeout of a minute. */
export type Adjust = (fn: FunctionModel) => Partial<LambdaFunctionSpec>;

export interface WorldOptions {
  readonly stack: Stack;
  readonly adjust?: Adjust;
}

export interface RunOptions {
  readonly faults?: FaultSchedule;
  readonly delivery?: DeliveryPlan;
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
  public static async start({ stack, adjust }: WorldOptions): Promise<World> {
    const emulator = await startMoto();
    try {
      // CloudFront and moto choose ids of their own: they come first, everything else has the name the template gives.
      const values = await createDistributions(TemplateModel.of(stack), emulator);
      const unplaced = TemplateModel.of(stack, { values });
      const evaluator = Evaluator.of(unplaced);
      const clock = new FunctionClock();
      const late: { world?: World } = {};
      const proxy = await TruthProxy.start({
        upstream: emulator.origin,
        now: clock.now,
        authorize: evaluator.authorize,
        onKill: (principal) => late.world?.kill(principal),
        onApplied: (call, reply) => late.world?.applied(call, reply),
        beforeCall: async (call) => evaluator.knows(call.principal) ? late.world?.interference?.(call) : undefined,
      });
      const host = await LambdaHost.start({ endpoint: proxy.endpoint, now: clock.now });
      const world = new World(unplaced.placed({ queueOrigin: proxy.endpoint }), evaluator, emulator, proxy, host, clock);
      late.world = world;
      await world.create();
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
  /** Targets of rules that do not answer in this run. */
  public readonly outages = new Set<string>();
  /** Every invocation since `begin`. */
  public readonly runs: Run[] = [];

  private interference?: Interference;
  private readonly bridge: EventBridge;
  private readonly asyncInvokers: ReadonlyMap<string, AsyncInvoker>;
  private readonly direct: S3Client;
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
    this.asyncInvokers = new Map(model.invokeConfigs.map((config) => [config.functionArn, new AsyncInvoker(
      config, this.timeline, this.invokeArn, (arn, record) => this.sendAs(this.functionOf(config.functionArn).roleArn, arn, record),
    )]));
    for (const mapping of model.eventSources) {
      new SqsDispatcher(mapping, this.queue(mapping.sourceArn), this.timeline, (arn, event) => {
        const { roleArn } = this.functionOf(arn);
        this.note(pollerRequests(this.queue(mapping.sourceArn).settings, evaluator.landscape).map((request) => ({ principal: roleArn, request })));
        return this.invokeArn(arn, event);
      });
    }
  }

  /** A run begins: empty buckets and queues, these faults, this delivery. */
  public async begin({ faults = FaultSchedule.none(), delivery = EXACTLY_ONCE }: RunOptions = {}): Promise<void> {
    if (!this.timeline.isIdle) await this.abandon(); // a test failed half way
    this.recordedBefore = this.recorded();
    this.recordedByServices = [];
    this.runs.length = 0;
    this.interference = undefined;
    this.outages.clear();
    this.sizes.clear();
    await Promise.all(this.model.buckets.map(({ name }) => this.empty(name)));
    this.proxy.use(faults);
    this.proxy.clearCalls();
    this.bridge.plan = delivery;
    for (const queue of this.queues.values()) {
      queue.clear();
      queue.plan = delivery;
    }
  }

  /** Registers the functions, as synthesized but for these changes; the next invocation of a changed one is cold. */
  public adjust(adjust: Adjust = () => ({})): void {
    for (const fn of this.model.functions) {
      const accessKeyId = mintAccessKey(fn.arn);
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
        ...adjust(fn),
        environment: { ...fn.environment, ...this.clock.environment },
      });
    }
  }

  /** Changes the world under a function's hands, until the run ends or nothing is given. */
  public interfere(interference?: Interference): void {
    this.interference = interference;
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
  public readonly invokeArn = async (functionArn: string, event: unknown): Promise<InvokeOutcome> => {
    const fn = this.functionOf(functionArn);
    const outcome = await this.host.invoke(fn.name, event);
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
      const isDeadLetters = this.model.queues.some(({ redrive }) => redrive?.deadLetterArn === settings.arn);
      return [
        ...arrived === deleted + deadLettered + expired + waiting ? [] : [`${settings.arn} lost messages: ${JSON.stringify(ledger)}`],
        ...waiting === 0 || isDeadLetters ? [] : [`${settings.arn} holds ${waiting} messages`],
      ];
    });
    return [
      ...this.timeline.isIdle ? [] : ['something is still to happen'],
      ...this.host.inFlight === 0 ? [] : [`${this.host.inFlight} invocations are under way`],
      ...queues,
    ];
  }

  private async create(): Promise<void> {
    const { region } = this.model.placement;
    const config = clientConfig(this.emulator.origin, region);
    const sns = new SNSClient(config);
    const events = new EventBridgeClient(config);
    for (const { name, versioned } of this.model.buckets) {
      await this.direct.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: region as 'eu-west-1' } }));
      if (versioned) await this.direct.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }));
    }
    for (const { name } of this.model.topics) await sns.send(new CreateTopicCommand({ Name: name }));
    for (const { name } of this.model.buses) await events.send(new CreateEventBusCommand({ Name: name }));
    sns.destroy();
    events.destroy();
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

  /** The emulator did something: whoever wants to know is told. */
  private applied(call: RecordedCall, reply: Reply): void {
    const bucket = this.model.buckets.find(({ name }) => name === call.params.bucket);
    if (bucket?.eventBridge) changesOf(call, reply, bucket.versioned, this.sizes).forEach((change) => this.announce(change));
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

  private sendAs(roleArn: string, queueArn: string, body: string): void {
    const queue = this.queue(queueArn);
    if (this.ask(roleArn, senderRequests(queue.settings, this.evaluator.landscape))) queue.send(body);
  }

  private ask(principal: string, requests: readonly IamRequest[]): boolean {
    this.note(requests.map((request) => ({ principal, request })));
    return requests.every((request) => this.evaluator.decide(principal, request).allowed);
  }
}

function clientConfig(endpoint: string, region: string) {
  return { endpoint, region, forcePathStyle: true, credentials: { accessKeyId: 'thetest', secretAccessKey: 'testing' } };
}

async function createDistributions(model: TemplateModel, emulator: Emulator): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  const cloudFront = new CloudFrontClient(clientConfig(emulator.origin, model.placement.region));
  for (const logicalId of model.distributions) {
    const { Distribution } = await cloudFront.send(new CreateDistributionCommand({
      DistributionConfig: {
        CallerReference: logicalId,
        Comment: '',
        Enabled: true,
        Origins: { Quantity: 1, Items: [{ Id: 'o', DomainName: 'kit.s3.amazonaws.com', S3OriginConfig: { OriginAccessIdentity: '' } }] },
        DefaultCacheBehavior: { TargetOriginId: 'o', ViewerProtocolPolicy: 'redirect-to-https' },
      },
    }));
    values[logicalId] = Distribution!.Id!;
  }
  cloudFront.destroy();
  return values;
}
