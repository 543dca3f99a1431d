import { Duration, Lazy, Names, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { alarmOnThrottledReads } from './alarms';
import { ReplayEnv } from './contract';
import { addRow } from './dashboard';
import { DeliveryContext } from './delivery-context';
import { allowReplaying, claimQuarantine } from './failure-store';
import { FanOutDelivery, FanOutDeliveryOptions } from './fan-out-delivery';
import { FanOutDestination } from './fan-out-destination';
import { FanOutAggregation, FanOutReader } from './fan-out-modes';
import {
  guardAccount, guardConsumers, guardInvocation, guardKinesisOnly, guardLoop, guardNumber, guardOverlap, guardReaders, guardRecordAge, guardRegion,
  mayShare, Readers,
} from './guards';
import { streamMetric } from './metrics';
import { createStream, factsOf, StreamFacts } from './source-stream';
import { Target } from './targets/target';
import { BundledFunction, connectionsOf, mergeOptions } from '../private/bundled-function';
import { EachPrincipal } from '../private/each-principal';
import { AccessLogsBucket, SecureBucket } from '../private/secure-bucket';
import { sortedEntries } from '../private/sorted-entries';
import { checkInteger, checkKnown, checkNumber, checkPattern } from '../private/validate';
import { HandlerOptions } from '../shared';

/** Properties of `KinesisFanOut`. The handler options apply to all its functions. */
export interface KinesisFanOutProps extends HandlerOptions {
  /**
   * Stream to read.
   * @default - a new one: on demand, encrypted, records kept 24 hours
   */
  readonly stream?: kinesis.IStream;
  /**
   * Where records go, by id, in alphabetical order. `addDestination()` takes options as well.
   * @default - nowhere yet
   */
  readonly destinations?: { [id: string]: FanOutDestination };
  /**
   * Whether producers put several records into one. Aggregates are taken apart whatever is said here; it decides where
   * filters may run, and what fails at synth.
   * @default FanOutAggregation.UNKNOWN
   */
  readonly aggregation?: FanOutAggregation;
  /**
   * Bucket for records that cannot be delivered, with their bytes and a reason.
   * @default - a new one, encrypted, versioned, retained
   */
  readonly failureBucket?: s3.IBucket;
  /**
   * Age after which an undelivered record goes to the failure bucket, 1 minute to 7 days and less than the stream's retention.
   * An outage of a destination that is shorter loses nothing and needs no replay.
   * @default - 80 % of the retention of a stream of this app, 19 hours for an imported one
   */
  readonly maxRecordAge?: Duration;
  /**
   * Which part of its write capacity a shard uses at most, 0.01 to 1. Decides how many readers may share it.
   * @default 0.5
   */
  readonly expectedUtilisation?: number;
  /**
   * Readers of the stream besides this fan-out that share its read capacity.
   * @default 0
   */
  readonly foreignReaders?: number;
  /**
   * Dashboard with a row per destination.
   * @default false
   */
  readonly dashboard?: boolean;
  /**
   * Key for the stream and the failure bucket created here. Access logs stay under S3's own: it delivers them to no other.
   * @default - keys managed by Kinesis and S3
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * Bucket for the access logs of the failure bucket created here.
   * @default - a new bucket, logs kept a year
   */
  readonly accessLogsBucket?: s3.IBucket;
  /**
   * What happens to the stream and the buckets created here when the stack is deleted.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Told when an alarm changes to ALARM.
   * @default - alarms without action
   */
  readonly alarmTopic?: sns.ITopic;
  /**
   * Options of the replay function alone; they win field by field.
   * @default - the fan-out's own
   */
  readonly replayOptions?: HandlerOptions;
}

/**
 * Delivers every record of a Kinesis data stream to several destinations, each independent of the others, in order, without
 * loss; what cannot be delivered is kept with its bytes and a reason, ready for replay.
 *
 * @example
 * declare const stream: kinesis.IStream;
 * declare const bucket: s3.IBucket;
 * declare const table: dynamodb.Table;
 *
 * new KinesisFanOut(this, 'Orders', {
 *   stream,
 *   destinations: {
 *     Lake: FanOutDestination.s3(bucket),
 *     State: FanOutDestination.dynamoDb(table),
 *   },
 * });
 */
export class KinesisFanOut extends Construct implements ec2.IConnectable, iam.IGrantable {
  /** The stream that is read. */
  public readonly stream: kinesis.IStream;
  /** Holds what could not be delivered, and receipts of replays. */
  public readonly failureBucket: s3.IBucket;
  /** Holds the access logs of the failure bucket; absent if that was given. */
  public readonly accessLogsBucket?: s3.IBucket;
  /** Delivers quarantined and expired records again, to their destination only. */
  public readonly replayFunction: lambda.Function;
  /** Fires when readers ask for more than the stream's shards give. */
  public readonly throttledReadsAlarm: cloudwatch.Alarm;
  /** A row per destination; absent without `dashboard`. */
  public readonly dashboard?: cloudwatch.Dashboard;
  /** Value of the metric dimension `FanOut`. */
  public readonly fanOutName: string;
  /** Age after which an undelivered record goes to the failure bucket. */
  public readonly maxRecordAge: Duration;

  private readonly facts: StreamFacts;
  private readonly destinations: Construct;
  private readonly replay: BundledFunction;
  private readonly byId: { [id: string]: FanOutDelivery } = {};
  private readonly targets: { [id: string]: Target } = {};

  constructor(scope: Construct, id: string, private readonly props: KinesisFanOutProps = {}) {
    super(scope, id);
    this.validate();
    this.fanOutName = Names.uniqueResourceName(this, { maxLength: 64, separator: '-' });

    this.stream = props.stream ?? createStream(this, 'Stream', this.removalPolicy, props.encryptionKey);
    this.facts = factsOf(this.stream);
    guardKinesisOnly(this.facts);
    guardRegion(this, "'stream'", props.stream, props.stream?.streamArn);
    guardRegion(this, "'failureBucket'", props.failureBucket);
    guardInvocation(this, this.facts);
    this.maxRecordAge = props.maxRecordAge ?? defaultAge(this.facts);
    guardRecordAge(this.maxRecordAge, this.facts);

    if (!props.failureBucket) this.accessLogsBucket = props.accessLogsBucket ?? new AccessLogsBucket(this, 'AccessLogs', this.removalPolicy);
    this.failureBucket = props.failureBucket ?? this.createFailureBucket();
    this.replay = this.createReplay();
    this.replayFunction = this.replay.function;

    this.throttledReadsAlarm = alarmOnThrottledReads(this, 'ThrottledReadsAlarm', this.stream, props.alarmTopic);
    if (props.dashboard) this.dashboard = new cloudwatch.Dashboard(this, 'Dashboard');

    this.destinations = new Construct(this, 'Destinations');
    for (const [name, destination] of sortedEntries(props.destinations)) this.addDestination(name, destination);
  }

  /** Adds a destination. Its id is part of logical ids, of metrics and of keys in the failure bucket: don't change it. */
  public addDestination(id: string, destination: FanOutDestination, options: FanOutDeliveryOptions = {}): FanOutDelivery {
    checkPattern('id', id, /^[A-Za-z][A-Za-z0-9_-]{0,62}$/, "1 to 63 letters, digits, '-' and '_', a letter first");
    if (this.byId[id]) throw new Error(`'id' must be unique among the destinations, got '${id}' twice`);
    const { _target: target } = destination;
    guardLoop(id, this.stream, target);
    guardRegion(this, `destination '${id}'`, target.resource, target.arn);
    guardAccount(this, id, target);
    guardOverlap(this, id, target, this.targets);
    guardNumber(Object.keys(this.byId).length + 1);
    if (this.props.failureBucket) claimQuarantine(this.failureBucket, id);
    const dedicated = this.chooseReader(options.reader ?? FanOutReader.AUTO);
    const delivery = FanOutDelivery._define(this.destinations, id, this.context(), destination, options, dedicated);
    this.byId[id] = delivery;
    this.targets[id] = target;
    guardReaders(this, this.readers());
    guardConsumers(this, Object.keys(this.byId).length - this.sharedReaders());

    this.replay.allow(['lambda:InvokeFunction'], [delivery.function.functionArn]);
    if (this.dashboard) addRow(this.dashboard, delivery);
    return delivery;
  }

  /** All deliveries, by id of their destination. */
  public get deliveries(): { [id: string]: FanOutDelivery } {
    return { ...this.byId };
  }

  /** The delivery to one destination. */
  public delivery(id: string): FanOutDelivery {
    const delivery = this.byId[id];
    if (!delivery) throw new Error(`'id' must be one of ${Object.keys(this.byId).join(', ') || 'no destination yet'}, got '${id}'`);
    return delivery;
  }

  /** Security groups of the functions, if they run in a VPC. */
  public get connections(): ec2.Connections {
    return connectionsOf(this.handlers());
  }

  /** The roles of all functions defined so far: what you grant to the fan-out, each of them gets. */
  public get grantPrincipal(): iam.IPrincipal {
    return new EachPrincipal(this.handlers());
  }

  /** Lets the grantee start replays. */
  public grantReplay(grantee: iam.IGrantable): iam.Grant {
    return this.replayFunction.grantInvoke(grantee);
  }

  /** Records that came into the stream, aggregates counted as one. */
  public metricIncoming(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return streamMetric(this.stream, 'IncomingRecords', options);
  }

  /** Reads the stream refused because its readers asked for more than its shards give. */
  public metricThrottledReads(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return streamMetric(this.stream, 'ReadProvisionedThroughputExceeded', options);
  }

  private validate(): void {
    const { maxRecordAge, expectedUtilisation, foreignReaders } = this.props;
    checkKnown('maxRecordAge', maxRecordAge);
    const seconds = maxRecordAge?.toSeconds({ integral: false }) ?? 60;
    if (!Number.isInteger(seconds) || seconds < 60 || seconds > MAX_AGE.toSeconds()) {
      throw new Error(`'maxRecordAge' must be whole seconds, 1 minute to 7 days, got ${seconds} seconds`);
    }
    checkNumber('expectedUtilisation', expectedUtilisation, { min: 0.01, max: 1 });
    checkInteger('foreignReaders', foreignReaders, { min: 0, max: 100 });
  }

  /** Whether the next destination gets a reader of its own. What is decided once stays: a change would replace the mapping. */
  private chooseReader(reader: FanOutReader): boolean {
    if (reader !== FanOutReader.AUTO) return reader === FanOutReader.DEDICATED;
    return !mayShare(this.readers(1));
  }

  private readers(more = 0): Readers {
    const { foreignReaders = 0, expectedUtilisation = 0.5 } = this.props;
    return { shared: foreignReaders + this.sharedReaders() + more, utilisation: expectedUtilisation };
  }

  private sharedReaders(): number {
    return Object.values(this.byId).filter(({ consumer }) => !consumer).length;
  }

  private handlers(): BundledFunction[] {
    return [this.replay, ...Object.values(this.byId).map(({ _handler }) => _handler)];
  }

  private get removalPolicy(): RemovalPolicy {
    return this.props.removalPolicy ?? RemovalPolicy.RETAIN;
  }

  private context(): DeliveryContext {
    const { aggregation, alarmTopic } = this.props;
    return {
      fanOutName: this.fanOutName,
      stream: this.stream,
      facts: this.facts,
      aggregation: aggregation ?? FanOutAggregation.UNKNOWN,
      failureBucket: this.failureBucket,
      maxRecordAge: this.maxRecordAge,
      handlerOptions: this.props,
      alarmTopic,
    };
  }

  private createFailureBucket(): s3.Bucket {
    return new SecureBucket(this, 'Failures', {
      removalPolicy: this.removalPolicy,
      encryptionKey: this.props.encryptionKey,
      accessLogs: this.accessLogsBucket!,
      accessLogsPrefix: 'failures/',
      noncurrentVersions: Duration.days(30),
    });
  }

  private createReplay(): BundledFunction {
    const environment: ReplayEnv = {
      FAN_OUT_NAME: this.fanOutName,
      FAILURE_BUCKET: this.failureBucket.bucketName,
      FUNCTIONS: Lazy.string({ produce: () => Stack.of(this).toJsonString(this.functionNames()) }),
    };
    const replay = new BundledFunction(this, 'Replay', {
      entry: 'kinesis-fan-out/replay',
      description: 'Delivers quarantined and expired records again',
      environment,
      memorySize: 512,
      timeout: Duration.minutes(15),
      options: mergeOptions(this.props, this.props.replayOptions),
    });
    allowReplaying(replay, this.failureBucket);
    return replay;
  }

  private functionNames(): Record<string, string> {
    return Object.fromEntries(Object.entries(this.byId).map(([id, delivery]) => [id, delivery.function.functionName]));
  }
}

const MAX_AGE = Duration.days(7);

/** An imported stream keeps records 24 hours at least. */
function defaultAge({ retention }: StreamFacts): Duration {
  const hours = Math.floor((retention?.toHours() ?? 24) * 0.8);
  return Duration.hours(Math.min(hours, MAX_AGE.toHours()));
}
