import { CfnOutput, Duration, Names, RemovalPolicy, Size, Stack, Token } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { alarmOnAge, alarmOnDeadLetters, alarmOnUndelivered } from './alarms';
import { BackfillJobProps, jobCommand, jobRole } from './backfill-job';
import { HANDLER, METRIC, METRIC_DIMENSION, PipelineEnv, Recipe } from './contract';
import { ImageBackfill } from './image-backfill';
import { ImageDestination } from './image-destination';
import { ImageFormat } from './image-format';
import { ImageLazyOrigin } from './image-lazy-origin';
import { ImageFailureReason, ImageTolerance } from './image-outcome';
import { ImagePreset } from './image-preset';
import { ImageSource } from './image-source';
import { pipelineMetric, undeliveredMetric } from './metrics';
import { checkPrefixesApart, Locations, outputsAmongOriginals, proveNoLoop } from './outputs';
import { recipeOf } from './recipe-of';
import { consume, deadLetters, eventQueue, eventRule, RuleOptions, visibilityTimeout } from './trigger';
import { acknowledge, wildcardResource } from '../private/acknowledge';
import { BundledFunction, connectionsOf, mergeOptions } from '../private/bundled-function';
import { EachPrincipal } from '../private/each-principal';
import { viaService } from '../private/kms-via-service';
import { AccessLogsBucket, SecureBucket } from '../private/secure-bucket';
import { checkDuration, checkInteger, checkKnown, checkPrefix } from '../private/validate';
import { HandlerOptions } from '../shared';

/** Properties of `ImageResizePipeline`. The handler options apply to all its functions. */
export interface ImageResizePipelineProps extends HandlerOptions {
  /**
   * Where originals come from.
   * @default - a new bucket, every object of which is an original
   */
  readonly source?: ImageSource;
  /**
   * Where variants and manifests go.
   * @default - a new bucket, below 'img/'
   */
  readonly destination?: ImageDestination;
  /**
   * Sizes to make of every original.
   * @default - widths mobile 480, tablet 1024, desktop 1920
   */
  readonly presets?: ImagePreset[];
  /**
   * Formats to encode every size in.
   * @default - WebP and JPEG
   */
  readonly formats?: ImageFormat[];
  /**
   * How much damage of an original is accepted.
   * @default ImageTolerance.ERROR
   */
  readonly tolerance?: ImageTolerance;
  /**
   * Largest original, in pixels of all frames' canvas.
   * @default 100000000
   */
  readonly maxPixels?: number;
  /**
   * Longest animation, in frames.
   * @default 60
   */
  readonly maxFrames?: number;
  /**
   * Largest original, in bytes.
   * @default Size.mebibytes(50)
   */
  readonly maxFileSize?: Size;
  /**
   * Keep the colour profile instead of converting to sRGB.
   * @default false
   */
  readonly keepIcc?: boolean;
  /**
   * Keep copyright and artist; all other metadata, such as the place, is always removed.
   * @default false
   */
  readonly keepCopyright?: boolean;
  /**
   * Rasterise SVG originals.
   * @default false
   */
  readonly allowSvg?: boolean;
  /**
   * Cache-Control of variants. Their keys stay when an original is overwritten, so don't make them immutable.
   * @default 'public, max-age=3600'
   */
  readonly cacheControl?: string;
  /**
   * Whether deleting an original deletes its variants.
   * @default true
   */
  readonly propagateDeletes?: boolean;
  /**
   * Prefix in the destination bucket to which refused originals are copied, until they are replaced or deleted. It must
   * not overlap the variants' prefix.
   * @default - refused originals are not copied
   */
  readonly quarantinePrefix?: string;
  /**
   * How originals older than the pipeline are processed.
   * @default - they are not
   */
  readonly backfill?: ImageBackfill;
  /**
   * Makes missing variants on request.
   * @default - variants exist only after an upload or a backfill
   */
  readonly lazyOrigin?: ImageLazyOrigin;
  /**
   * Told of every processed and every deleted original.
   * @default - no messages
   */
  readonly successTopic?: sns.ITopic;
  /**
   * Told of every refused original, with the reason.
   * @default - no messages; manifest, metric and log carry the reason
   */
  readonly failureTopic?: sns.ITopic;
  /**
   * Receives all these messages as events.
   * @default - no events
   */
  readonly eventBus?: events.IEventBus;
  /**
   * Distribution in which replaced and deleted variants are invalidated. For one defined after the pipeline, because
   * it uses the pipeline's bucket, call `invalidateIn()`.
   * @default - no invalidation
   */
  readonly distribution?: cloudfront.IDistribution;
  /**
   * Originals processed at the same time, 2 to 1000. Not more than are reserved for the reconcile function:
   * messages would fail by throttling.
   * @default - 10, or what is reserved if that is less
   */
  readonly maxConcurrency?: number;
  /**
   * Attempts per event before it goes to the dead-letter queue, 1 to 1000.
   * @default 5
   */
  readonly maxReceiveCount?: number;
  /**
   * Queue for events that could not be processed. An imported one must let EventBridge and the queue send to it.
   * @default - a new queue, 14 days
   */
  readonly deadLetterQueue?: sqs.IQueue;
  /**
   * Key for the buckets and queues created here. Access logs stay under S3's own: it delivers them to no other. The
   * policy of an imported key must let EventBridge use it for the queues: `kms:Decrypt` and `kms:GenerateDataKey`.
   * @default - keys managed by S3 and SQS
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * Bucket for the access logs of the buckets created here.
   * @default - a new bucket, logs kept a year
   */
  readonly accessLogsBucket?: s3.IBucket;
  /**
   * What happens to the buckets created here when the stack is deleted.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Told when an alarm changes to ALARM.
   * @default - alarms without action
   */
  readonly alarmTopic?: sns.ITopic;
  /**
   * Replaces the prebuilt handlers, for example by a build with a libvips of your own. Same exports, same architecture.
   * @default - the code shipped with this library
   */
  readonly codeOverride?: lambda.Code;
  /**
   * Options of the reconcile function alone; they win field by field.
   * @default - the pipeline's own
   */
  readonly reconcileOptions?: HandlerOptions;
  /**
   * Options of the backfill function alone; they win field by field.
   * @default - the pipeline's own
   */
  readonly backfillOptions?: HandlerOptions;
  /**
   * Options of the serve function alone; they win field by field.
   * @default - the pipeline's own
   */
  readonly serveOptions?: HandlerOptions;
}

/** Options of `metricFailed()`. */
export interface ImageFailureMetricOptions extends cloudwatch.MetricOptions {
  /**
   * Count this reason only.
   * @default - all reasons together
   */
  readonly reason?: ImageFailureReason;
}

/**
 * Makes every picture uploaded to S3 available in several sizes and formats, with a manifest ready for `srcset`;
 * overwriting and deleting the original updates and removes them.
 *
 * @example
 * declare const api: lambda.Function;
 * declare const web: iam.Role;
 *
 * const images = new ImageResizePipeline(this, 'Images');
 * images.grantUpload(api);
 * images.grantReadVariants(web);
 */
export class ImageResizePipeline extends Construct implements ec2.IConnectable, iam.IGrantable {
  /** Holds the originals. */
  public readonly sourceBucket: s3.IBucket;
  /** Holds variants and manifests. */
  public readonly destinationBucket: s3.IBucket;
  /** Holds the access logs of the buckets created here; absent if none was created. */
  public readonly accessLogsBucket?: s3.IBucket;
  /** Forwards the source bucket's events to the queue. */
  public readonly rule: events.Rule;
  /** Events to process. You may also feed it S3 notifications, directly or through SNS. */
  public readonly queue: sqs.Queue;
  /** Events that could not be delivered or processed. */
  public readonly deadLetterQueue: sqs.IQueue;
  /** Makes variants match their original. */
  public readonly reconcileFunction: lambda.Function;
  /** Connects the queue and the reconcile function. */
  public readonly eventSourceMapping: lambda.EventSourceMapping;
  /** Does the same for S3 Batch Operations; absent without `backfill`. */
  public readonly backfillFunction?: lambda.Function;
  /** Role of the batch job; absent without `backfill`. */
  public readonly backfillRole?: iam.Role;
  /** Where in the destination bucket completion reports go; absent without `backfill`. */
  public readonly backfillReportPrefix?: string;
  /** The command that starts a backfill of all originals, also a stack output; absent without `backfill`. */
  public readonly backfillCommand?: string;
  /** Makes missing variants on request; absent without `lazyOrigin`. */
  public readonly serveFunction?: lambda.Function;
  /** Address of the serve function; absent without `lazyOrigin`. */
  public readonly serveUrl?: lambda.FunctionUrl;
  /** Fires when an event could not be delivered or processed. */
  public readonly deadLetterAlarm: cloudwatch.Alarm;
  /** Fires when an event is lost because neither the queue nor the dead-letter queue took it. */
  public readonly undeliveredAlarm: cloudwatch.Alarm;
  /** Fires when events wait longer than all their attempts take. */
  public readonly ageAlarm: cloudwatch.Alarm;
  /** Value of the metric dimension `Pipeline`. */
  public readonly pipelineName: string;

  private readonly source: ImageSource;
  private readonly destination: ImageDestination;
  private readonly recipe: Recipe;
  private readonly functions: BundledFunction[] = [];

  constructor(scope: Construct, id: string, private readonly props: ImageResizePipelineProps = {}) {
    super(scope, id);
    this.source = props.source ?? ImageSource.newBucket();
    this.destination = props.destination ?? ImageDestination.newBucket();
    this.recipe = recipeOf(props, this.source._suffixes);
    this.pipelineName = Names.uniqueResourceName(this, { maxLength: 64, separator: '-' });
    this.backfillReportPrefix = props.backfill?._reportPrefix;
    this.validate();

    if (!this.source._bucket || !this.destination._bucket) this.accessLogsBucket = this.bucketForAccessLogs();
    this.sourceBucket = this.source._bucket ?? this.bucket('Source', Duration.days(30));
    this.destinationBucket = this.destination._bucket ?? this.bucket('Destination', Duration.days(1));
    proveNoLoop(this.locations());

    const reconcile = this.handler('Reconcile', RECONCILE, props.reconcileOptions);
    this.reconcileFunction = reconcile.function;
    this.deadLetterQueue = props.deadLetterQueue ?? deadLetters(this, 'DeadLetters', props.encryptionKey);
    this.queue = eventQueue(this, 'Queue', reconcile, this.maxReceiveCount, this.deadLetterQueue, props.encryptionKey);
    this.rule = eventRule(this, 'Rule', this.ruleOptions());
    this.eventSourceMapping = consume(this, 'Trigger', reconcile, this.queue, this.maxConcurrency, props.encryptionKey);

    if (props.backfill) {
      this.backfillFunction = this.handler('Backfill', BACKFILL, props.backfillOptions).function;
      const job = this.job(props.backfill, this.backfillFunction);
      this.backfillRole = jobRole(this, 'BackfillJobRole', job);
      this.backfillCommand = jobCommand(this.backfillRole, job);
      new CfnOutput(this, 'BackfillCommand', { value: this.backfillCommand, description: 'Starts a backfill of all originals' });
    }
    if (props.lazyOrigin) {
      this.serveFunction = this.handler('Serve', SERVE, props.serveOptions).function;
      this.serveUrl = this.serveFunction.addFunctionUrl({ authType: lambda.FunctionUrlAuthType.AWS_IAM });
    }
    if (props.distribution) this.invalidateIn(props.distribution);

    this.deadLetterAlarm = alarmOnDeadLetters(this, 'DeadLetterAlarm', props.alarmTopic);
    this.undeliveredAlarm = alarmOnUndelivered(this, 'UndeliveredAlarm', props.alarmTopic);
    this.ageAlarm = alarmOnAge(this, 'AgeAlarm', this.allAttempts(reconcile), props.alarmTopic);
    this.acknowledgeRules();
  }

  /** Security groups of the functions, if they run in a VPC. */
  public get connections(): ec2.Connections {
    return connectionsOf(this.functions);
  }

  /** The roles of all functions: what you grant to the pipeline, each of them gets. */
  public get grantPrincipal(): iam.IPrincipal {
    return new EachPrincipal(this.functions);
  }

  /** Lets the grantee upload and overwrite originals. */
  public grantUpload(grantee: iam.IGrantable): iam.Grant {
    // S3 decrypts the parts of a multipart upload to put them together.
    return this.grant(grantee, this.sourceBucket, this.source._prefix, ['s3:PutObject'], ['kms:Decrypt', 'kms:GenerateDataKey']);
  }

  /** Lets the grantee delete originals, and with them their variants. */
  public grantDelete(grantee: iam.IGrantable): iam.Grant {
    return this.grant(grantee, this.sourceBucket, this.source._prefix, ['s3:DeleteObject'], []);
  }

  /** Lets the grantee read originals. */
  public grantReadOriginals(grantee: iam.IGrantable): iam.Grant {
    return this.grant(grantee, this.sourceBucket, this.source._prefix, ['s3:GetObject'], ['kms:Decrypt']);
  }

  /** Lets the grantee read variants and manifests. */
  public grantReadVariants(grantee: iam.IGrantable): iam.Grant {
    return this.grant(grantee, this.destinationBucket, this.destination._prefix, ['s3:GetObject'], ['kms:Decrypt']);
  }

  /** Lets a distribution call the serve function through origin access control. */
  public grantInvokeFromDistribution(distribution: cloudfront.IDistribution): void {
    if (!this.serveFunction) throw new Error("'lazyOrigin' must be set for a distribution to invoke its function, got none");
    const scope = new Construct(this, Names.nodeUniqueId(distribution.node));
    const permission = {
      scope,
      principal: new iam.ServicePrincipal('cloudfront.amazonaws.com'),
      sourceArn: this.distributionArn(distribution),
    };
    this.serveFunction.addPermission('InvokeUrl', {
      ...permission, action: 'lambda:InvokeFunctionUrl', functionUrlAuthType: lambda.FunctionUrlAuthType.AWS_IAM,
    });
    this.serveFunction.addPermission('Invoke', { ...permission, action: 'lambda:InvokeFunction' });
  }

  /** Invalidates replaced and deleted variants in this distribution; a later call replaces an earlier one. */
  public invalidateIn(distribution: cloudfront.IDistribution): void {
    for (const handler of this.functions.filter(({ function: fn }) => fn !== this.serveFunction)) {
      handler.function.addEnvironment(DISTRIBUTION_ID, distribution.distributionId);
      handler.allow(['cloudfront:CreateInvalidation'], [this.distributionArn(distribution)]);
    }
  }

  /** Originals that became variants. */
  public metricProcessed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return pipelineMetric(this, METRIC.PROCESSED, options);
  }

  /** Originals that were refused. */
  public metricFailed(options: ImageFailureMetricOptions = {}): cloudwatch.Metric {
    const { reason, ...metricOptions } = options;
    return pipelineMetric(this, METRIC.REJECTED, metricOptions, reason && { [METRIC_DIMENSION.REASON]: reason });
  }

  /** Originals whose variants were deleted. */
  public metricDeleted(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return pipelineMetric(this, METRIC.DELETED, options);
  }

  /** Events that asked for nothing new. */
  public metricUnchanged(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return pipelineMetric(this, METRIC.UNCHANGED, options);
  }

  /** Bytes of originals minus bytes of their largest variants. */
  public metricBytesSaved(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return pipelineMetric(this, METRIC.BYTES_SAVED, options);
  }

  /** Time an original takes in any of the functions, 99th percentile. */
  public metricProcessingTime(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return pipelineMetric(this, METRIC.DURATION, { statistic: 'p99', ...options });
  }

  /** Age of the oldest event that waits. */
  public metricQueueAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.queue.metricApproximateAgeOfOldestMessage(options);
  }

  /** Events that could not be delivered or processed. */
  public metricDeadLetters(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.deadLetterQueue.metricApproximateNumberOfMessagesVisible(options);
  }

  /** Events that were lost: neither the queue nor the dead-letter queue took them. */
  public metricUndelivered(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return undeliveredMetric(this.rule, options);
  }

  /** Invocations of the reconcile function that failed as a whole. */
  public metricErrors(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.reconcileFunction.metricErrors(options);
  }

  /** Invocations of the reconcile function that Lambda throttled. */
  public metricThrottles(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.reconcileFunction.metricThrottles(options);
  }

  /** Duration of the reconcile function, 99th percentile. */
  public metricDuration(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.reconcileFunction.metricDuration({ statistic: 'p99', ...options });
  }

  private validate(): void {
    const { quarantinePrefix, maxConcurrency, maxReceiveCount } = this.props;
    checkPrefix('quarantinePrefix', quarantinePrefix);
    checkInteger('maxConcurrency', maxConcurrency, { min: 2, max: Math.min(1000, this.reserved ?? 1000) });
    checkInteger('maxReceiveCount', maxReceiveCount, { min: 1, max: 1000 });
    checkKnown('maxReceiveCount', maxReceiveCount);
    checkPrefixesApart({ destination: this.destination, quarantinePrefix, reportPrefix: this.backfillReportPrefix });
  }

  /** Concurrency reserved for the reconcile function, as far as it matters here: Lambda maps no queue to less than two. */
  private get reserved(): number | undefined {
    const reserved = mergeOptions(this.props, this.props.reconcileOptions).reservedConcurrentExecutions;
    return reserved === undefined || Token.isUnresolved(reserved) ? undefined : Math.max(2, reserved);
  }

  private get maxConcurrency(): number {
    return this.props.maxConcurrency ?? Math.min(10, this.reserved ?? 10);
  }

  private get maxReceiveCount(): number {
    return this.props.maxReceiveCount ?? 5;
  }

  private allAttempts(reconcile: BundledFunction): Duration {
    return Duration.seconds(this.maxReceiveCount * visibilityTimeout(reconcile).toSeconds());
  }

  private bucketForAccessLogs(): s3.IBucket {
    return this.props.accessLogsBucket ?? new AccessLogsBucket(this, 'AccessLogs', this.removalPolicy);
  }

  private bucket(id: string, noncurrentVersions: Duration): s3.Bucket {
    return new SecureBucket(this, id, {
      removalPolicy: this.removalPolicy,
      encryptionKey: this.props.encryptionKey,
      accessLogs: this.accessLogsBucket!,
      accessLogsPrefix: `${id.toLowerCase()}/`,
      noncurrentVersions,
    });
  }

  private get removalPolicy(): RemovalPolicy {
    return this.props.removalPolicy ?? RemovalPolicy.RETAIN;
  }

  private locations(): Locations {
    return {
      source: this.source,
      sourceBucket: this.sourceBucket,
      destination: this.destination,
      destinationBucket: this.destinationBucket,
      recipe: this.recipe,
      quarantinePrefix: this.props.quarantinePrefix,
      reportPrefix: this.backfillReportPrefix,
    };
  }

  private ruleOptions(): RuleOptions {
    return {
      source: this.source,
      sourceBucket: this.sourceBucket,
      outputsAmongOriginals: outputsAmongOriginals(this.locations()),
      deletions: this.props.propagateDeletes ?? true,
      queue: this.queue,
      deadLetterQueue: this.deadLetterQueue,
      encryptionKey: this.props.encryptionKey,
    };
  }

  private job(backfill: ImageBackfill, handler: lambda.IFunction): BackfillJobProps {
    return {
      backfill,
      handler,
      sourceBucket: this.sourceBucket,
      sourcePrefix: this.source._prefix,
      destinationBucket: this.destinationBucket,
    };
  }

  private handler(id: string, { handler, description, timeout, mayDelete }: HandlerSpec, own?: HandlerOptions): BundledFunction {
    const { props } = this;
    const options = mergeOptions(props, own);
    const environment: PipelineEnv = {
      PIPELINE_NAME: this.pipelineName,
      SOURCE_BUCKET: this.sourceBucket.bucketName,
      SOURCE_PREFIX: this.source._prefix,
      DESTINATION_BUCKET: this.destinationBucket.bucketName,
      DESTINATION_PREFIX: this.destination._prefix,
      RECIPE: this.recipeJson(),
      PROPAGATE_DELETES: String(props.propagateDeletes ?? true),
      SUCCESS_TOPIC_ARN: props.successTopic?.topicArn ?? '',
      FAILURE_TOPIC_ARN: props.failureTopic?.topicArn ?? '',
      EVENT_BUS_NAME: props.eventBus?.eventBusName ?? '',
      DISTRIBUTION_ID: '',
      QUARANTINE_PREFIX: props.quarantinePrefix ?? '',
    };
    checkDuration('timeout', options.timeout, MIN_TIMEOUT);
    checkKnown('timeout', options.timeout);
    const created = new BundledFunction(this, id, {
      entry: `image-resize-pipeline/${options.architecture === lambda.Architecture.X86_64 ? 'x64' : 'arm64'}`,
      handler,
      description,
      // Two arenas instead of eight per core: a quarter less memory at the same speed.
      environment: { ...environment, MALLOC_ARENA_MAX: '2' },
      memorySize: 1769, // one full vCPU
      timeout,
      code: props.codeOverride,
      options,
    });
    this.functions.push(created);
    this.allowReconciling(created, mayDelete);
    return created;
  }

  /** A number known only at deployment, such as a parameter's, needs CloudFormation to write it. */
  private recipeJson(): string {
    const stack = Stack.of(this);
    const json = stack.toJsonString(this.recipe);
    const known: unknown = stack.resolve(json);
    return typeof known === 'string' ? known : json;
  }

  private allowReconciling(handler: BundledFunction, mayDelete: boolean): void {
    const { successTopic, failureTopic, eventBus, quarantinePrefix, propagateDeletes = true } = this.props;
    const originals = this.originals();
    const variants = this.variants();
    handler.allow(['s3:GetObject'], [originals]);
    handler.allow(['s3:ListBucket'], [this.sourceBucket.bucketArn], { StringLike: { 's3:prefix': `${this.source._prefix}*` } });
    const remove = mayDelete ? ['s3:DeleteObject'] : [];
    handler.allow(['s3:GetObject', 's3:PutObject', ...remove], [variants]);
    if (mayDelete && propagateDeletes) {
      handler.allow(['s3:ListBucket'], [this.destinationBucket.bucketArn], { StringLike: { 's3:prefix': `${this.destination._prefix}*` } });
    }
    // A copy goes when its original is replaced or deleted.
    if (quarantinePrefix) handler.allow(['s3:PutObject', ...remove], [this.destinationBucket.arnForObjects(`${quarantinePrefix}*`)]);
    const [read, write] = [this.sourceBucket.encryptionKey, this.destinationBucket.encryptionKey];
    if (read?.keyArn !== write?.keyArn) this.allowKey(handler, 's3', read, ['kms:Decrypt']);
    this.allowKey(handler, 's3', write, ['kms:Decrypt', 'kms:GenerateDataKey']);
    for (const topic of new Set([successTopic, failureTopic])) topic?.grantPublish(handler);
    eventBus?.grantPutEventsTo(handler);
  }

  private allowKey(handler: BundledFunction, service: string, key: kms.IKey | undefined, actions: string[]): void {
    if (key) handler.allow(actions, [key.keyArn], viaService(service));
  }

  private acknowledgeRules(): void {
    const { quarantinePrefix } = this.props;
    acknowledge(this, {
      [wildcardResource(this, this.originals())]: 'reads the originals, all below one prefix',
      [wildcardResource(this, this.variants())]: 'writes the variants, all below one prefix',
      ...(quarantinePrefix && {
        [wildcardResource(this, this.destinationBucket.arnForObjects(`${quarantinePrefix}*`))]: 'copies refused originals below one prefix',
      }),
    });
  }

  private originals(): string {
    return this.sourceBucket.arnForObjects(`${this.source._prefix}*`);
  }

  private variants(): string {
    return this.destinationBucket.arnForObjects(`${this.destination._prefix}*`);
  }

  private grant(grantee: iam.IGrantable, bucket: s3.IBucket, prefix: string, actions: string[], keyActions: string[]): iam.Grant {
    const resource = bucket.arnForObjects(`${prefix}*`);
    const grant = iam.Grant.addToPrincipalOrResource({ grantee, actions, resourceArns: [resource], resource: bucket });
    if (!bucket.encryptionKey || keyActions.length === 0) return grant;
    return grant.combine(bucket.encryptionKey.grant(grantee, ...keyActions));
  }

  private distributionArn(distribution: cloudfront.IDistribution): string {
    return Stack.of(this).formatArn({
      service: 'cloudfront', region: '', resource: 'distribution', resourceName: distribution.distributionId,
    });
  }
}

/** The handlers keep seven seconds back for uploading, removing and answering. */
const MIN_TIMEOUT = Duration.seconds(10);
const DISTRIBUTION_ID: keyof PipelineEnv = 'DISTRIBUTION_ID';

/** What distinguishes one function of the pipeline from another. */
interface HandlerSpec {
  readonly handler: string;
  readonly description: string;
  readonly timeout: Duration;
  /** Whether it removes what an original no longer has. */
  readonly mayDelete: boolean;
}

const RECONCILE: HandlerSpec = {
  handler: HANDLER.RECONCILE,
  description: 'Makes variants match their original',
  timeout: Duration.seconds(60),
  mayDelete: true,
};

const BACKFILL: HandlerSpec = {
  handler: HANDLER.BACKFILL,
  description: 'Makes variants of originals S3 Batch Operations lists',
  timeout: Duration.seconds(60),
  mayDelete: true,
};

const SERVE: HandlerSpec = {
  handler: HANDLER.SERVE,
  description: 'Makes a variant when it is asked for',
  timeout: Duration.seconds(30), // CloudFront waits no longer for an origin
  mayDelete: false,
};
