import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { alarmOnBroken, alarmOnExpired, alarmOnIteratorAge, alarmOnNotRunning, alarmOnQuarantine } from './alarms';
import { DeliverEnv, DeliverSettings, FilterPattern, METRIC } from './contract';
import { DeliveryContext } from './delivery-context';
import { checkOptions, checkTimeout, DEFAULT_TIMEOUT, settingsOf } from './delivery-settings';
import { allowKeeping } from './failure-store';
import { FanOutDestination } from './fan-out-destination';
import { FanOutFilter } from './fan-out-filter';
import { FanOutFilterPlacement, FanOutOrdering, FanOutReader } from './fan-out-modes';
import { FanOutTransform } from './fan-out-transform';
import { guardDistribution, guardMappingFilter, guardParallelization, guardRecordSize, placeFilter } from './guards';
import { deliveryMetric, mappingMetric } from './metrics';
import { Target } from './targets/target';
import { createConsumer, createMapping } from './trigger';
import { acknowledge, wildcardResource } from '../private/acknowledge';
import { BundledFunction, connectionsOf, mergeOptions } from '../private/bundled-function';
import { HandlerOptions } from '../shared';

/** Options of one destination. The handler options are those of its function and win over the fan-out's, field by field. */
export interface FanOutDeliveryOptions extends HandlerOptions {
  /**
   * Which records the destination gets.
   * @default - all
   */
  readonly filter?: FanOutFilter;
  /**
   * Where the filter runs.
   * @default FanOutFilterPlacement.AUTO
   */
  readonly filterPlacement?: FanOutFilterPlacement;
  /**
   * How records change on their way.
   * @default - they do not
   */
  readonly transform?: FanOutTransform;
  /**
   * Whose order is kept.
   * @default - `PER_KEY`; in a bucket `PER_SHARD`; where none can be kept (standard queues and topics, Firehose, EventBridge) `NONE`
   */
  readonly ordering?: FanOutOrdering;
  /**
   * How the stream is read. `AUTO` is decided for `destinations` of the fan-out in alphabetical order, then for those added
   * in theirs. Another decision replaces the event source mapping, and the new one reads from `startingPosition` again.
   * @default FanOutReader.AUTO
   */
  readonly reader?: FanOutReader;
  /**
   * Whether records are delivered. While they are not they stay in the stream, for as long as its retention.
   * @default true
   */
  readonly enabled?: boolean;
  /**
   * Time to gather records before the function is called, up to 300 seconds.
   * @default - 5 seconds for S3 and Firehose, 1 second for others
   */
  readonly batchWindow?: Duration;
  /**
   * Records per invocation at most, 1 to 10000.
   * @default 10000
   */
  readonly batchSize?: number;
  /**
   * Batches of one shard that are processed at a time, 1 to 10. More than one keeps the order of partition keys.
   * @default 1
   */
  readonly parallelizationFactor?: number;
  /**
   * Records sent at most beyond the lowest unfinished one of a shard, 1 to 10000: so many may arrive twice when a retry
   * meets a fresh environment.
   * @default - 10000 for S3 and DynamoDB, which recognise them, 1000 for others
   */
  readonly sendAhead?: number;
  /**
   * Where in the stream a new destination begins.
   * @default lambda.StartingPosition.TRIM_HORIZON
   */
  readonly startingPosition?: lambda.StartingPosition;
  /**
   * Unix time to begin at, in seconds; only with `AT_TIMESTAMP`.
   * @default - none
   */
  readonly startingPositionTimestamp?: number;
}

/** How records get to one destination: its mapping, function, alarms and metrics. */
export class FanOutDelivery implements iam.IGrantable, ec2.IConnectable {
  /** @internal */
  public static _define(
    scope: Construct, id: string, context: DeliveryContext, destination: FanOutDestination, options: FanOutDeliveryOptions, dedicated: boolean,
  ): FanOutDelivery {
    return new FanOutDelivery(scope, id, context, destination, options, dedicated);
  }

  /** Id of the destination, which is the metric dimension `Destination`. */
  public readonly destinationId: string;
  /** Delivers to the destination. */
  public readonly function: lambda.Function;
  /** Role of the function. */
  public readonly role: iam.IRole;
  /** Log group of the function. */
  public readonly logGroup: logs.ILogGroup;
  /** Reads the stream for the function. Its checkpoint is the destination's own. */
  public readonly eventSourceMapping: lambda.EventSourceMapping;
  /** The dedicated reader; absent if the destination shares reads with others. */
  public readonly consumer?: kinesis.StreamConsumer;
  /** Fires when records wait longer than half of `maxRecordAge`. */
  public readonly iteratorAgeAlarm: cloudwatch.Alarm;
  /** Fires when a record is quarantined. */
  public readonly quarantineAlarm: cloudwatch.Alarm;
  /** Fires when the destination is gone, denies access or refuses everything. */
  public readonly brokenAlarm: cloudwatch.Alarm;
  /** Fires when records expire: they go to the failure bucket undelivered. */
  public readonly expiredAlarm: cloudwatch.Alarm;
  /** Fires when records come into the stream and none are read for the destination. Silent while it is not enabled. */
  public readonly notRunningAlarm: cloudwatch.Alarm;
  /** Principal of the function's role. */
  public readonly grantPrincipal: iam.IPrincipal;

  /** @internal */
  public readonly _handler: BundledFunction;
  private readonly scope: Construct;
  private readonly fanOutName: string;

  private constructor(
    scope: Construct, id: string, context: DeliveryContext, destination: FanOutDestination, options: FanOutDeliveryOptions, dedicated: boolean,
  ) {
    const { _target: target } = destination;
    const settings = settingsOf(id, destination, options);
    const inMapping = placeFilter(id, settings.filters, context.aggregation, options.filterPlacement ?? FanOutFilterPlacement.AUTO);
    this.scope = new Construct(scope, id);
    this.destinationId = id;
    this.fanOutName = context.fanOutName;
    checkOptions(options);
    this.guard(context, target, settings, options);

    this._handler = this.deliverFunction(context, destination, { ...settings, filters: inMapping ? [] : settings.filters }, options);
    this.function = this._handler.function;
    this.role = this.function.role!;
    this.logGroup = this.function.logGroup;
    this.grantPrincipal = this._handler.grantPrincipal;

    this.consumer = dedicated ? createConsumer(this.scope, 'Consumer', context.stream) : undefined;
    this.eventSourceMapping = this.trigger(context, target, inMapping ? settings.filters : [], options);
    guardMappingFilter(this.eventSourceMapping, id, context.aggregation);

    const { alarmTopic, maxRecordAge, stream } = context;
    this.iteratorAgeAlarm = alarmOnIteratorAge(this.scope, 'IteratorAgeAlarm', this, maxRecordAge, alarmTopic);
    this.quarantineAlarm = alarmOnQuarantine(this.scope, 'QuarantineAlarm', this, alarmTopic);
    this.brokenAlarm = alarmOnBroken(this.scope, 'BrokenAlarm', this, alarmTopic);
    this.expiredAlarm = alarmOnExpired(this.scope, 'ExpiredAlarm', this, alarmTopic);
    this.notRunningAlarm = alarmOnNotRunning(this.scope, 'NotRunningAlarm', this, stream, options.enabled ?? true, alarmTopic);
  }

  /** Security groups of the function, if it runs in a VPC. */
  public get connections(): ec2.Connections {
    return connectionsOf([this._handler]);
  }

  /** Records that came in, those inside aggregates one by one. */
  public metricReceived(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.RECEIVED, options);
  }

  /** Records the destination took. */
  public metricDelivered(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.DELIVERED, options);
  }

  /** Records the filter in the function kept back. */
  public metricFiltered(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.FILTERED, options);
  }

  /** Records of the stream the filter in the event source mapping dropped. */
  public metricFilteredInMapping(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return mappingMetric(this.eventSourceMapping, 'FilteredOutEventCount', options);
  }

  /** Records that cannot be delivered and were put aside. */
  public metricQuarantined(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.QUARANTINED, options);
  }

  /** Entries sent again. */
  public metricRetried(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.RETRIED, options);
  }

  /** Records not sent again because they had been delivered. */
  public metricSuppressed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.SUPPRESSED, options);
  }

  /** Records handed back to be read again. */
  public metricUnfinished(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.UNFINISHED, options);
  }

  /** Time between arrival in the stream and delivery, 99th percentile. */
  public metricLatency(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.LATENCY, { statistic: 'p99', ...options });
  }

  /** Answers that say the destination is gone, denies access or refuses everything. */
  public metricBroken(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.BROKEN, options);
  }

  /** Age of the last record read, in milliseconds, maximum. */
  public metricIteratorAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metric('IteratorAge', { statistic: cloudwatch.Stats.MAXIMUM, ...options });
  }

  /** Records of the stream read for the destination. */
  public metricPolled(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return mappingMetric(this.eventSourceMapping, 'PolledEventCount', options);
  }

  /** Records of the stream that expired and were written to the failure bucket. */
  public metricExpired(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return mappingMetric(this.eventSourceMapping, 'OnFailureDestinationDeliveredEventCount', options);
  }

  /** Records of the stream that expired and are lost, as the failure bucket did not take them. */
  public metricDropped(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return mappingMetric(this.eventSourceMapping, 'DroppedEventCount', options);
  }

  /** Invocations that failed as a whole. */
  public metricErrors(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metricErrors(options);
  }

  /** Invocations that Lambda throttled. */
  public metricThrottles(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metricThrottles(options);
  }

  /** Duration of an invocation, 99th percentile. */
  public metricDuration(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metricDuration({ statistic: 'p99', ...options });
  }

  private metric(name: typeof METRIC[keyof typeof METRIC], options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return deliveryMetric(this.scope, this.fanOutName, this.destinationId, name, options);
  }

  private guard({ facts, aggregation }: DeliveryContext, target: Target, settings: DeliverSettings, options: FanOutDeliveryOptions): void {
    guardDistribution(this.destinationId, facts, settings.ordering);
    guardParallelization(this.scope, this.destinationId, options.parallelizationFactor ?? 1, aggregation, settings.ordering);
    guardRecordSize(this.scope, this.destinationId, facts, target);
  }

  private trigger(
    { stream, failureBucket, maxRecordAge }: DeliveryContext, target: Target, filters: readonly FilterPattern[], options: FanOutDeliveryOptions,
  ): lambda.EventSourceMapping {
    return createMapping(this.scope, 'Trigger', {
      handler: this._handler,
      stream,
      consumer: this.consumer,
      failureBucket,
      filters,
      batchSize: options.batchSize ?? 10_000,
      batchWindow: options.batchWindow ?? target.batchWindow,
      maxRecordAge,
      parallelizationFactor: options.parallelizationFactor ?? 1,
      startingPosition: options.startingPosition ?? lambda.StartingPosition.TRIM_HORIZON,
      startingPositionTimestamp: options.startingPositionTimestamp,
      enabled: options.enabled ?? true,
    });
  }

  private deliverFunction(
    context: DeliveryContext, { _target: target }: FanOutDestination, settings: DeliverSettings, options: FanOutDeliveryOptions,
  ): BundledFunction {
    const bound = target.bind(settings.ordering);
    const environment: DeliverEnv = {
      FAN_OUT_NAME: context.fanOutName,
      DESTINATION: this.destinationId,
      FAILURE_BUCKET: context.failureBucket.bucketName,
      SETTINGS: JSON.stringify(settings),
      TARGET: bound.target,
      SECRET_ARN: bound.secretArn ?? '',
    };
    const handlerOptions = mergeOptions(context.handlerOptions, options);
    checkTimeout(handlerOptions.timeout, target.patience);
    const handler = new BundledFunction(this.scope, 'Deliver', {
      entry: `kinesis-fan-out/deliver-${target.kind}`,
      description: `Delivers records to ${this.destinationId}`,
      environment,
      memorySize: 1024,
      timeout: DEFAULT_TIMEOUT,
      options: handlerOptions,
    });
    for (const { actions, resources, conditions, wildcard } of bound.statements) {
      handler.allow(actions, resources, conditions);
      if (wildcard) acknowledge(handler, Object.fromEntries(resources.map((arn) => [wildcardResource(handler, arn), wildcard])));
    }
    allowKeeping(handler, this.destinationId, context.failureBucket);
    return handler;
  }
}
