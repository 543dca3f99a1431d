import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretsManagerClient, UpdateSecretCommand } from '@aws-sdk/client-secrets-manager';
import {
  Duration, aws_dynamodb as dynamodb, aws_events as events, aws_iam as iam, aws_kinesis as kinesis, aws_kinesisfirehose as firehose,
  aws_kms as kms, aws_lambda as lambda, aws_logs as logs, aws_s3 as s3, aws_secretsmanager as secretsmanager, aws_sns as sns, aws_sqs as sqs,
  type Stack,
} from 'aws-cdk-lib';
import { FanOutDestination, KinesisFanOut, type FanOutDeliveryOptions, type FanOutS3Options, type KinesisFanOutProps } from '../../src';
import { METRIC, METRIC_NAMESPACE, QUARANTINE_PREFIX, type Envelope, type QuarantinedRecord, type ReplayResult } from '../../src/kinesis-fan-out/contract';
import { withoutDuplicates } from '../kit/arrivals';
import { FaultSchedule, type Fault } from '../kit/faults';
import { HttpsStub } from '../kit/https-stub';
import { clientConfig } from '../kit/resources';
import { stackFor } from '../kit/stack';
import type { FunctionModel } from '../kit/template';
import type { RecordedCall } from '../kit/truth-proxy';
import { World, type Adjust, type Run, type RunOptions } from '../kit/world';

/** One destination of each kind, and the call that delivers to it. */
export const CALLS = {
  Archive: 'firehose:PutRecordBatch',
  Audit: 'sqs:SendMessageBatch',
  Bus: 'events:PutEvents',
  Lake: 's3:PutObject',
  Mirror: 'kinesis:PutRecords',
  News: 'sns:PublishBatch',
  Partner: 'https:POST',
  State: 'dynamodb:PutItem',
  Worker: 'lambda:Invoke',
} as const;
export type Destination = keyof typeof CALLS;
export const DESTINATIONS = Object.keys(CALLS) as readonly Destination[];
/** Keep order, and have an order of arrival that can be seen. */
const ORDERED: readonly Destination[] = ['Audit', 'Lake', 'Mirror', 'News', 'Partner', 'Worker'];
/** What arrives twice is there once: the destination knows it again. */
const DEDUPLICATED: readonly Destination[] = ['Audit', 'Lake', 'News', 'State'];

/** Seconds of a function, in place of a minute and more: some tests wait for its end. */
const TIMEOUT_SECONDS = 20;

const usual: Adjust = ({ timeoutSeconds }) => ({ timeoutSeconds: Math.min(timeoutSeconds, TIMEOUT_SECONDS) });

/** A record of the stream, or one within an aggregate. */
export interface Order {
  /** Partition key, and key of the item in the table. */
  readonly id: string;
  /** Counts the records of a key. */
  readonly n: number;
  readonly [field: string]: unknown;
}

export interface FanOutVariant {
  readonly props?: (stack: Stack) => KinesisFanOutProps;
  readonly options?: (id: Destination) => FanOutDeliveryOptions;
  /** Keys of the customer encrypt whatever can be: one the stream and the failures, one the destinations. */
  readonly encrypted?: boolean;
  /** Of the bucket. */
  readonly lake?: FanOutS3Options;
  /** Queue and topic without order. */
  readonly standard?: boolean;
}

/** A fan-out to all kinds of destinations as shipped. */
export class FanOutAtWork {
  public static async start(variant: FanOutVariant = {}): Promise<FanOutAtWork> {
    const directory = mkdtempSync(join(tmpdir(), 'fan-out-'));
    writeFileSync(join(directory, 'index.mjs'), 'export const handler = async () => ({});');
    const api = await HttpsStub.start();
    try {
      const stack = stackFor();
      define(stack, api, directory, variant);
      const world = await World.start({ stack, adjust: usual });
      return new FanOutAtWork(world, api, directory);
    } catch (error) {
      await api.stop();
      throw error;
    }
  }

  public readonly failures: string;
  /** What the API takes as `Authorization`. */
  public authorization = 'generated';

  private constructor(public readonly world: World, public readonly api: HttpsStub, private readonly directory: string) {
    this.failures = this.of('Lake').environment.FAILURE_BUCKET;
  }

  /** A run begins: nothing is anywhere. Environments are warm, and remember nothing of other runs: their records were others. */
  public async begin({ faults = FaultSchedule.none(), ...options }: RunOptions = {}): Promise<void> {
    await this.world.begin({ faults, ...options });
    await this.world.timeline.advance(1); // sequence numbers hold the time a shard began
    this.api.begin();
    this.use(faults);
    this.api.respond = ({ headers }) => ({ status: headers.authorization === this.authorization ? 204 : 401 });
  }

  /** From now on these faults; what arrived stays. */
  public use(faults: FaultSchedule): void {
    const received = [...this.api.received];
    this.world.proxy.use(faults);
    this.api.begin(faults);
    this.api.received.push(...received);
  }

  /** From now on time is up for these destinations' functions with their next call: no other try. Nobody given: they have their time again. */
  public hurry(...ids: readonly Destination[]): void {
    const roleArns = ids.map((id) => this.of(id).roleArn);
    const end = () => this.world.lag(TIMEOUT_SECONDS);
    this.world.interfere(roleArns.length === 0 ? undefined : async ({ principal }) => {
      if (roleArns.includes(principal)) end();
    });
    this.api.onAsked = ids.includes('Partner') ? end : () => {};
  }

  /** Gives a destination's function other settings; nobody given: all as usual again. */
  public adjust(id?: Destination, settings: ReturnType<Adjust> = {}): void {
    const arn = id && this.of(id).arn;
    this.world.adjust((fn) => ({ ...usual(fn), ...fn.arn === arn && settings }));
  }

  /** A fault for the call of each of these destinations. */
  public at(fault: Fault, nth?: number, ids: readonly Destination[] = DESTINATIONS): FaultSchedule {
    return FaultSchedule.of(...ids.map((id) => ({
      principal: id === 'Partner' ? 'https' : this.of(id).roleArn, operation: CALLS[id], nth, fault,
    })));
  }

  /** The function of a destination. */
  public of(id: Destination): FunctionModel {
    return this.world.functionOf(`OrdersDestinations${id}Deliver`);
  }

  public get source() {
    return this.world.stream('Source');
  }

  public put(...sent: readonly Order[]): void {
    this.source.put(sent.map((order) => ({ partitionKey: order.id, data: JSON.stringify(order) })));
  }

  public putRaw(partitionKey: string, data: Uint8Array | string): void {
    this.source.put([{ partitionKey, data }]);
  }

  public settle(): Promise<void> {
    return this.world.settle();
  }

  public runsOf(id: Destination): readonly Run[] {
    return this.world.runs.filter(({ functionArn }) => functionArn === this.of(id).arn);
  }

  /** Calls of a destination's function that were to deliver; requests to the API are told by `api`. */
  public callsOf(id: Destination): readonly RecordedCall[] {
    return this.world.callsOf(this.of(id)).filter(({ operation, params, service }) => (
      `${service}:${operation}` === CALLS[id] && params.bucket !== this.failures));
  }

  /** Orders that arrived, in their order and as often as they did; of a table what is there. */
  public async arrived(id: Destination): Promise<Order[]> {
    return (await this.bodies(id)).flatMap((text) => orderOf(text) ?? []);
  }

  /** What arrived, without envelopes. */
  public async bodies(id: Destination): Promise<string[]> {
    switch (id) {
      case 'Lake': {
        const { TARGET } = this.of(id).environment;
        const objects = await Promise.all((await this.world.keys(TARGET)).map((key) => this.world.read(TARGET, key)));
        return objects.flatMap((object) => object.toString().split('\n').slice(0, -1));
      }
      case 'State': return (await this.world.items('State')).map(({ id: key, n }) => JSON.stringify({ id: key.S, n: Number(n.N) }));
      case 'Partner': return this.api.received.map(({ body }) => body.toString());
      case 'Worker': return this.world.runs
        .filter(({ functionArn, outcome }) => functionArn === this.world.functionOf('Worker').arn && outcome.kind === 'ok')
        .flatMap(({ event }) => (event as Envelope[]).map(({ data }) => JSON.stringify(data)));
      case 'Bus': return this.world.arrivedAt(id).map(({ body }) => JSON.stringify((JSON.parse(body.toString()) as Envelope).data));
      case 'Audit': case 'News': {
        const arrivals = this.world.arrivedAt(id);
        return (arrivals[0]?.deduplicationId === undefined ? arrivals : withoutDuplicates(arrivals)).map(({ body }) => body.toString());
      }
      default: return this.world.arrivedAt(id).map(({ body }) => body.toString());
    }
  }

  /** What its quarantine holds. */
  public async quarantined(id: Destination): Promise<QuarantinedRecord[]> {
    const keys = (await this.world.keys(this.failures)).filter((key) => key.startsWith(`${QUARANTINE_PREFIX}${id}/`));
    return Promise.all(keys.map(async (key) => JSON.parse(String(await this.world.read(this.failures, key))) as QuarantinedRecord));
  }

  /** Keys of what the event source mapping of a destination gave up. */
  public async expired(id: Destination): Promise<string[]> {
    const { uuid } = this.world.mapping(this.of(id).arn).mapping;
    return (await this.world.keys(this.failures)).filter((key) => key.startsWith(`aws/lambda/${uuid}/`));
  }

  public async replay(request: object): Promise<ReplayResult> {
    const { error, payload } = await this.world.invokeArn(this.world.functionOf('OrdersReplay').arn, request);
    if (error) throw new Error(error.errorMessage);
    return payload as ReplayResult;
  }

  /** Sum of a metric over the invocations of a run. */
  public metric(id: Destination, name: keyof typeof METRIC): number {
    return this.runsOf(id).reduce((sum, run) => sum + (countsOf(run)?.[METRIC[name]] ?? 0), 0);
  }

  /**
   * What is wrong in the end: each destination must have what was sent but for what it quarantined, in order, and every
   * invocation must account for what it received.
   */
  public async deviations(sent: readonly Order[], { except = [], ...tolerance }: Tolerance = {}): Promise<string[]> {
    const found = await Promise.all(DESTINATIONS.filter((id) => !except.includes(id)).map((id) => this.deviationsOf(id, sent, tolerance)));
    return [...found.flat(), ...this.world.unrest()];
  }

  /** A new secret: from now on the API takes nothing else. */
  public async rotate(value: string): Promise<void> {
    this.authorization = value;
    const client = new SecretsManagerClient(clientConfig(this.world.proxy.endpoint, this.world.model.placement.region));
    await client.send(new UpdateSecretCommand({ SecretId: this.of('Partner').environment.SECRET_ARN, SecretString: value }));
    client.destroy();
  }

  public async stop(): Promise<void> {
    await this.world.stop();
    await this.api.stop();
    rmSync(this.directory, { recursive: true });
  }

  private async deviationsOf(id: Destination, sent: readonly Order[], { duplicates = 0, halves = false }: Tolerance): Promise<string[]> {
    const aside = new Set((await this.quarantined(id)).map((record) => dataOf(record).toString()));
    const expected = sent.filter((order) => !aside.has(JSON.stringify(order)));
    const arrived = await this.arrived(id);
    const names = arrived.map(nameOf);
    const distinct = [...new Set(names)];
    const wanted = id === 'State' ? newest(expected) : expected.map(nameOf);
    const missing = wanted.filter((name) => !distinct.includes(name));
    const extra = distinct.filter((name) => !wanted.includes(name));
    const allowed = DEDUPLICATED.includes(id) && !(halves && id === 'Lake') ? 0 : duplicates;
    const repeated = names.length - distinct.length;
    return [
      ...missing.length > 0 ? [`${id} lacks ${missing.join(' ')}`] : [],
      ...extra.length > 0 ? [`${id} has ${extra.join(' ')}, which is not for it`] : [],
      ...repeated > allowed ? [`${id} has ${repeated} duplicates, ${allowed} are allowed: ${names.join(' ')}`] : [],
      ...ORDERED.includes(id) && inversions(distinct) > 0 ? [`${id} is out of order: ${names.join(' ')}`] : [],
      ...this.runsOf(id).flatMap(unaccounted),
    ];
  }
}

export interface Tolerance {
  /** Arrivals beyond the first, at each destination that cannot tell them. */
  readonly duplicates?: number;
  /** A batch that was delivered came again in halves: objects hold the whole, and are not named for them. */
  readonly halves?: boolean;
  readonly except?: readonly Destination[];
}

/** Orders of several keys in turn. */
export function orders(count: number, keys = 4, from = 0): Order[] {
  return Array.from({ length: count }, (_, i) => ({ id: `key-${(from + i) % keys}`, n: Math.floor((from + i) / keys) }));
}

function orderOf(text: string): Order | undefined {
  try {
    const { id, n, ...rest } = JSON.parse(text) as Partial<Order>;
    return typeof id === 'string' && typeof n === 'number' ? { id, n, ...rest } : undefined;
  } catch {
    return undefined;
  }
}

function nameOf({ id, n }: Order): string {
  return `${id}#${n}`;
}

function newest(sent: readonly Order[]): string[] {
  return [...new Map(sent.map((order) => [order.id, nameOf(order)])).values()];
}

function inversions(names: readonly string[]): number {
  const last = new Map<string, number>();
  return names.filter((name) => {
    const [id, n] = name.split('#');
    const before = last.get(id) ?? -1;
    last.set(id, Number(n));
    return Number(n) < before;
  }).length;
}

/** The bytes a quarantined record had. */
export function dataOf({ record: { kinesis: { data } } }: QuarantinedRecord): Buffer {
  return Buffer.from(data, 'base64');
}

type Counts = Readonly<Record<string, number>>;

/** What an invocation says of itself, in CloudWatch's embedded metric format. */
export function countsOf({ outcome }: Run): Counts | undefined {
  const line = outcome.logs.split('\n').find((text) => text.includes('"_aws"') && text.includes(`"${METRIC_NAMESPACE}"`));
  return line === undefined ? undefined : JSON.parse(line.slice(line.indexOf('{'))) as Counts;
}

function unaccounted(run: Run): string[] {
  if (run.outcome.kind !== 'ok') return [];
  const counts = countsOf(run);
  if (!counts) return ['an invocation tells no metrics'];
  const ends = [METRIC.DELIVERED, METRIC.FILTERED, METRIC.QUARANTINED, METRIC.SUPPRESSED, METRIC.UNFINISHED];
  const ended = ends.reduce((sum, name) => sum + counts[name], 0);
  return ended === counts[METRIC.RECEIVED] ? [] : [`an invocation received ${counts[METRIC.RECEIVED]} records and accounts for ${ended}`];
}

/** By hand: CDK would add a role that is no part of the fan-out. */
function archive(stack: Stack): firehose.IDeliveryStream {
  const { ref } = new firehose.CfnDeliveryStream(stack, 'Archive', {
    extendedS3DestinationConfiguration: {
      bucketArn: new s3.Bucket(stack, 'ArchiveBucket').bucketArn, roleArn: 'arn:aws:iam::123456789012:role/archive',
    },
  });
  return firehose.DeliveryStream.fromDeliveryStreamAttributes(stack, 'ArchiveStream', { deliveryStreamName: ref });
}

/** By hand: CDK would open the key to everybody in the account who comes by way of the secret. */
function token(stack: Stack, encryptionKey?: kms.IKey): secretsmanager.ISecret {
  const { ref } = new secretsmanager.CfnSecret(stack, 'Token', { kmsKeyId: encryptionKey?.keyArn });
  return secretsmanager.Secret.fromSecretAttributes(stack, 'TokenSecret', { secretCompleteArn: ref, encryptionKey });
}

/** Takes whatever comes. */
function worker(stack: Stack, code: string): lambda.Function {
  const role = new iam.Role(stack, 'WorkerRole', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  const logGroup = new logs.LogGroup(stack, 'WorkerLogs');
  logGroup.grantWrite(role);
  return new lambda.Function(stack, 'Worker', {
    runtime: lambda.Runtime.NODEJS_24_X, handler: 'index.handler', code: lambda.Code.fromAsset(code), role, logGroup,
  });
}

function define(stack: Stack, api: HttpsStub, code: string, { props, options, lake, encrypted = false, standard = false }: FanOutVariant): void {
  // Not the same: what is allowed for one must not cover for what is missing for the other.
  const [sourceKey, key] = ['SourceKey', 'Key'].map((id) => encrypted ? new kms.Key(stack, id) : undefined);
  const stream = (id: string, shardCount: number, encryptionKey: kms.IKey | undefined) => new kinesis.Stream(stack, id, {
    shardCount, encryption: encryptionKey ? kinesis.StreamEncryption.KMS : kinesis.StreamEncryption.UNENCRYPTED, encryptionKey,
  });
  const fifo = standard ? undefined : true;
  const destinations: Record<Destination, FanOutDestination> = {
    Archive: FanOutDestination.firehose(archive(stack)),
    Audit: FanOutDestination.sqs(new sqs.Queue(stack, 'Audit', { fifo, encryptionMasterKey: key })),
    Bus: FanOutDestination.eventBridge(new events.EventBus(stack, 'Bus')),
    Lake: FanOutDestination.s3(new s3.Bucket(stack, 'Lake', { encryptionKey: key }), { prefix: 'orders/', ...lake }),
    Mirror: FanOutDestination.kinesis(stream('Mirror', 2, key)),
    News: FanOutDestination.sns(new sns.Topic(stack, 'News', { fifo, masterKey: key })),
    Partner: FanOutDestination.https(`${api.origin}/orders`, {
      authorization: token(stack, key), timeout: Duration.seconds(1),
    }),
    State: FanOutDestination.dynamoDb(new dynamodb.Table(stack, 'State', {
      partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING },
      encryption: key && dynamodb.TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: key,
    })),
    Worker: FanOutDestination.lambdaFunction(worker(stack, code)),
  };
  const fanOut = new KinesisFanOut(stack, 'Orders', { stream: stream('Source', 1, sourceKey), encryptionKey: sourceKey, ...props?.(stack) });
  for (const id of DESTINATIONS) fanOut.addDestination(id, destinations[id], options?.(id));
  for (const [name, value] of Object.entries(api.environment)) fanOut.delivery('Partner').function.addEnvironment(name, value);
}
