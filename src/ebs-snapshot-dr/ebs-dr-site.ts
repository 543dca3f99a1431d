import { Duration, Lazy, Names, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  alarmOnAge, alarmOnDeadLetters, alarmOnErrors, alarmOnFailedArtifacts, alarmOnFailedCopies, alarmOnFailedDrills, alarmOnFailedImages,
  alarmOnHeldPrune, alarmOnLateCopies, AlarmScope,
} from './alarms';
import { METRIC, RestoreSettings, SiteEnv, SitePlan, SiteSettings, TEMPLATE_PREFIX } from './contract';
import { EbsDrill } from './ebs-drill';
import { EbsRestore } from './ebs-restore';
import { EbsSideOptions } from './ebs-side-options';
import {
  checkDays, guardEncryptionKey, guardExecutionRole, guardKey, guardParameters, guardPlaces, guardSettings, guardSigningKey, guardVersioned,
  guardVersions, isManagedByAws, knownAccount, knownRegion, placeOf, restoreProblems,
} from './guards';
import { createDeadLetterQueue, createHandler, EVERY_5_MINUTES, HandlerSpec, HOURLY, onEvents, SCHEDULED_TIME, Schedules } from './invocation';
import { depthMetric, errorsMetric, MetricName, planMetric } from './metrics';
import {
  allowArchiving, allowCopying, allowCopyingArtifacts, allowCopyingFrom, allowCopyingTemplate, allowDrilling, allowLocking, allowLookingAtImages,
  allowLookingAtTemplate, allowRestoring, allowSitePrune, allowSync, allowWatching, RestoreGrants, SiteGrants,
} from './site-permissions';
import { createTable } from './state-table';
import { TemplateOrigin } from './template-origin';
import { BundledFunction, connectionsOf, mergeOptions } from '../private/bundled-function';
import { EachPrincipal } from '../private/each-principal';
import { AccessLogsBucket, SecureBucket } from '../private/secure-bucket';
import { checkInteger, checkKnown, checkPattern } from '../private/validate';
import { HandlerOptions } from '../shared';

/** Properties of `EbsDrSite`. The handler options apply to all its functions. */
export interface EbsDrSiteProps extends EbsSideOptions {
  /**
   * Key all copies are encrypted with. One key for all of them keeps copies incremental.
   * @default - a new key, rotated and retained
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * What restores make of the sets.
   * @default - copies are kept, nothing restores them
   */
  readonly restore?: EbsRestore;
  /**
   * When restores are rehearsed. Needs `restore`.
   * @default - never
   */
  readonly drill?: EbsDrill;
  /**
   * Snapshot copies under way in this Region at most, those of others included, 1 to 1000.
   * @default - what Service Quotas says
   */
  readonly maxConcurrentCopies?: number;
  /**
   * Name of the site, in restored stacks and evidence: 1 to 60 letters, digits and '-', a letter first.
   * @default - from the construct's path
   */
  readonly siteName?: string;
  /**
   * Versioned bucket of this Region for manifests, templates, artifacts and evidence.
   * @default - a new bucket, encrypted, versioned, retained
   */
  readonly bucket?: s3.IBucket;
  /**
   * How long older versions of templates and artifacts stay in the bucket created here, in whole days. A recovery point
   * restores them as they were when it was made: not shorter than sets of plans with artifacts are kept. A given `bucket` needs a
   * lifecycle that does the same.
   * @default Duration.days(400)
   */
  readonly keepVersions?: Duration;
  /**
   * Bucket for the access logs of the bucket created here.
   * @default - a new bucket, logs kept a year
   */
  readonly accessLogsBucket?: s3.IBucket;
  /**
   * Asymmetric key (RSA, for signing) that signs the evidence of drills.
   * @default - a new key if there are drills
   */
  readonly signingKey?: kms.IKey;
  /**
   * What happens to buckets, table and keys created here when the stack is deleted.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Options of the copy function alone; they win field by field.
   * @default - the site's own
   */
  readonly copyOptions?: HandlerOptions;
  /**
   * Options of the watch function alone; they win field by field.
   * @default - the site's own
   */
  readonly watchOptions?: HandlerOptions;
  /**
   * Options of the prune function alone; they win field by field.
   * @default - the site's own
   */
  readonly pruneOptions?: HandlerOptions;
  /**
   * Options of the sync function alone; they win field by field.
   * @default - the site's own
   */
  readonly syncOptions?: HandlerOptions;
  /**
   * Options of the restore function alone; they win field by field.
   * @default - the site's own
   */
  readonly restoreOptions?: HandlerOptions;
  /**
   * Options of the drill function alone; they win field by field.
   * @default - the site's own
   */
  readonly drillOptions?: HandlerOptions;
}

/** What fires about one plan at one site. */
export interface EbsPlanAlarms {
  /** A recovery point is older than the RPO, or the watch function is dead. */
  readonly recoveryPointAge: cloudwatch.IAlarm;
  /** Copies cannot end within the RPO any more. */
  readonly lateCopies: cloudwatch.IAlarm;
  /** Copies ended in error. */
  readonly failedCopies: cloudwatch.IAlarm;
  /** Deletions were held back. */
  readonly heldPrune: cloudwatch.IAlarm;
  /**
   * Artifacts or the template could not be copied.
   * @default - none, there is neither
   */
  readonly failedArtifacts?: cloudwatch.IAlarm;
  /**
   * Images could not be copied.
   * @default - none, the plan has no images
   */
  readonly failedImages?: cloudwatch.IAlarm;
  /**
   * A drill failed.
   * @default - none, the site has no drills
   */
  readonly failedDrills?: cloudwatch.IAlarm;
}

/** What a plan says of itself that stands in no settings. */
interface ProtectOptions {
  readonly volumeKeys: readonly string[];
  readonly artifacts: ReadonlyArray<{ readonly name: string; readonly encrypted: boolean }>;
}

/**
 * The recovery side of `EbsSnapshotDr`, in a Region of its own: copies the sets of the plans that name it, watches their
 * recovery point objective, prunes, and restores without asking the source Region anything.
 *
 * @example
 * declare const probe: lambda.IFunction;
 * declare const cloudFormationRole: iam.IRole;
 *
 * const drStack = new Stack(this, 'DrStack', { env: { region: 'us-west-2' } });
 * const site = new EbsDrSite(drStack, 'Site', {
 *   restore: EbsRestore.cloudFormation({
 *     template: DrTemplate.fromAsset('app.template.json'),
 *     parameters: { DataSnapshotId: RestoreParam.snapshot('/dev/sdf') },
 *     executionRole: cloudFormationRole,
 *   }),
 *   drill: EbsDrill.scheduled(EbsSchedule.rate(Duration.days(7)), { probe }),
 * });
 */
export class EbsDrSite extends Construct implements ec2.IConnectable, iam.IGrantable {
  /** Name of the site. */
  public readonly siteName: string;
  /** Key all copies are encrypted with. */
  public readonly encryptionKey: kms.IKey;
  /** Holds manifests, templates, artifacts and evidence. */
  public readonly bucket: s3.IBucket;
  /** Holds the access logs of the bucket; absent if that was given. */
  public readonly accessLogsBucket?: s3.IBucket;
  /** Holds what is under way, and recovery points. */
  public readonly table: dynamodb.ITable;
  /** Runs that were given up. */
  public readonly deadLetterQueue: sqs.IQueue;
  /** Starts copies, the most urgent first, in free slots. */
  public readonly copyFunction: lambda.Function;
  /** Follows copies to their end and tells how old the newest recovery points are. */
  public readonly watchFunction: lambda.Function;
  /** Deletes what retention does not keep. */
  public readonly pruneFunction: lambda.Function;
  /** Copies templates and artifacts. */
  public readonly syncFunction: lambda.Function;
  /** Makes change sets of recovery points; absent without `restore`. */
  public readonly restoreFunction?: lambda.Function;
  /** Rehearses restores; absent without `drill`. */
  public readonly drillFunction?: lambda.Function;
  /** Signs evidence; absent without `drill`. */
  public readonly signingKey?: kms.IKey;
  /** Start of the functions, by what they do. */
  public readonly schedules: { [id: string]: scheduler.Schedule };
  /** Copies that ended start the next ones at once. */
  public readonly rule: events.Rule;
  /** Fires when functions fail again and again. */
  public readonly errorsAlarm: cloudwatch.Alarm;
  /** Fires when a run was given up. */
  public readonly deadLetterAlarm: cloudwatch.Alarm;

  private readonly plans: SitePlan[] = [];
  private readonly alarms: Construct;
  private readonly alarmsByPlan: { [plan: string]: EbsPlanAlarms } = {};
  private readonly copy: BundledFunction;
  private readonly watch: BundledFunction;
  private readonly prune: BundledFunction;
  private readonly sync: BundledFunction;
  private readonly functions: { [verb: string]: BundledFunction } = {};
  private readonly template?: TemplateOrigin;

  constructor(scope: Construct, id: string, private readonly props: EbsDrSiteProps = {}) {
    super(scope, id);
    this.siteName = props.siteName ?? Names.uniqueResourceName(this, { maxLength: 40, separator: '-' });
    this.validate();

    this.encryptionKey = props.encryptionKey ?? this.createKey();
    if (!props.bucket) this.accessLogsBucket = props.accessLogsBucket ?? new AccessLogsBucket(this, 'AccessLogs', this.removalPolicy);
    this.bucket = props.bucket ?? this.createBucket();
    this.table = props.table ?? createTable(this, 'Table', this.removalPolicy);
    this.deadLetterQueue = props.deadLetterQueue ?? createDeadLetterQueue(this, 'DeadLetters');
    if (props.drill) this.signingKey = props.signingKey ?? this.createSigningKey();
    if (props.restore) this.template = this.bindTemplate(props.restore);

    const schedules = new Schedules(this, 'Schedules', this.deadLetterQueue);
    this.copy = this.handler('Copy', COPY, props.copyOptions);
    this.watch = this.handler('Watch', WATCH, props.watchOptions);
    this.prune = this.handler('Prune', PRUNE, props.pruneOptions);
    this.sync = this.handler('Sync', SYNC, props.syncOptions);
    this.copyFunction = this.copy.function;
    this.watchFunction = this.watch.function;
    this.pruneFunction = this.prune.function;
    this.syncFunction = this.sync.function;
    this.schedules = {
      copy: schedules.start('Copy', 'Starts copies of sets', EVERY_5_MINUTES, this.copy),
      watch: schedules.start('Watch', 'Follows copies, heartbeat of the RPO', EVERY_5_MINUTES, this.watch),
      prune: schedules.start('Prune', 'Deletes what retention does not keep', HOURLY, this.prune),
      sync: schedules.start('Sync', 'Copies templates and artifacts', EVERY_15_MINUTES, this.sync),
    };
    this.rule = onEvents(this, 'CopyEvents', 'Copies of snapshots that ended', COPY_EVENTS, [this.copy, this.watch]);
    this.allow();

    const { restore, drill } = props;
    if (restore) this.restoreFunction = this.createRestore(restore).function;
    if (restore && drill) {
      const handler = this.createDrill(restore, drill);
      this.drillFunction = handler.function;
      this.schedules = {
        ...this.schedules,
        drill: schedules.start('Drill', 'Begins a drill', drill._schedule._expression, handler, SCHEDULED_TIME),
        drillTick: schedules.start('DrillTick', 'Goes on with a drill', EVERY_5_MINUTES, handler),
      };
    }

    this.alarms = new Construct(this, 'Plans');
    const alarm = this.alarmScope(this);
    this.errorsAlarm = alarmOnErrors(alarm, 'ErrorsAlarm', (options) => this.metricErrors(options));
    this.deadLetterAlarm = alarmOnDeadLetters(alarm, 'DeadLetterAlarm', (options) => this.metricDeadLetters(options));
    this.node.addValidation({ validate: () => this.problems() });
  }

  /** Security groups of the functions, if they run in a VPC. */
  public get connections(): ec2.Connections {
    return connectionsOf(this.handlers());
  }

  /** The roles of all functions: what you grant to the site, each of them gets. */
  public get grantPrincipal(): iam.IPrincipal {
    return new EachPrincipal(this.handlers());
  }

  /** Lets the grantee ask for restores and execute reviewed ones. */
  public grantRestore(grantee: iam.IGrantable): iam.Grant {
    if (!this.restoreFunction) throw new Error("'restore' must be set for somebody to be granted it, got none");
    return this.restoreFunction.grantInvoke(grantee);
  }

  /** Seconds since the oldest of the instances' newest complete recovery points was taken. */
  public metricRecoveryPointAge(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.recoveryPointAge, { statistic: cloudwatch.Stats.MAXIMUM, ...options });
  }

  /** Copies waiting for a slot. */
  public metricCopiesQueued(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.copiesQueued, { statistic: cloudwatch.Stats.MAXIMUM, ...options });
  }

  /** Copies that were started. */
  public metricCopiesStarted(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.copiesStarted, options);
  }

  /** Copies that cannot end within their RPO any more. */
  public metricCopiesLate(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.copiesLate, { statistic: cloudwatch.Stats.MAXIMUM, ...options });
  }

  /** Copies that ended in error. */
  public metricCopiesFailed(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.copiesFailed, options);
  }

  /** Sets of the site that retention deleted. */
  public metricSetsDeleted(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.setsDeleted, options);
  }

  /** Images at the site that retention would delete but somebody uses. */
  public metricImagesInUse(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.imagesInUse, options);
  }

  /** Deletions at the site that were held back. */
  public metricPruneHeld(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.pruneHeld, options);
  }

  /** Artifacts, and the template, that could not be copied. */
  public metricArtifactsFailed(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.artifactsFailed, options);
  }

  /** Images that could not be copied. */
  public metricImagesFailed(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.imagesFailed, options);
  }

  /** Drills with sets of the plan whose stack worked. */
  public metricDrillsPassed(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.drillsPassed, options);
  }

  /** Drills with sets of the plan whose stack did not work, or that could not begin as one before them does not end. */
  public metricDrillsFailed(planName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(planName, METRIC.drillsFailed, options);
  }

  /** Runs of any of the functions that failed. */
  public metricErrors(options?: cloudwatch.MetricOptions): cloudwatch.IMetric {
    return errorsMetric(this.functions, options);
  }

  /** Runs that were given up. */
  public metricDeadLetters(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return depthMetric(this.deadLetterQueue, options);
  }

  /** @internal In plain letters: it crosses to plans. */
  public get _region(): string {
    return knownRegion(`site '${this.node.path}'`, this.props.region, Stack.of(this).region);
  }

  /** @internal Undefined if it is not known: then it is the plan's. */
  public get _account(): string | undefined {
    return knownAccount(`site '${this.node.path}'`, this.props.account, Stack.of(this).account);
  }

  /** What fires about one plan at this site. */
  public planAlarms(planName: string): EbsPlanAlarms {
    const alarms = this.alarmsByPlan[planName];
    if (!alarms) throw new Error(`'planName' must be one of ${Object.keys(this.alarmsByPlan).join(', ') || 'no plan yet'}, got '${planName}'`);
    return alarms;
  }

  /** @internal */
  public _protect(plan: SitePlan, more: ProtectOptions): void {
    if (this.plans.some(({ plan: name }) => name === plan.plan)) {
      throw new Error(`'planName' must be unique at site '${this.siteName}', got '${plan.plan}' twice`);
    }
    // The lifecycle of a given bucket is its owner's.
    if (!this.props.bucket) guardVersions(this.keepVersions, plan);
    this.plans.push(plan);
    guardSettings(`site '${this.siteName}'`, 'let some of its plans copy to a further EbsDrSite, or select and restore in fewer words', this.settings(), this.otherVariables());

    allowCopyingFrom(this.copy, plan, more.volumeKeys);
    if (plan.lock) allowLocking(this.watch, plan.plan, plan.lock);
    if (plan.archiveAfterDays > 0) allowArchiving(this.prune, plan.plan);
    if (plan.images) allowLookingAtImages(this.watch);
    for (const { name, encrypted } of more.artifacts) allowCopyingArtifacts(this.sync, this.grants(), plan, name, encrypted);
    this.alarmsByPlan[plan.plan] = this.alarmsOf(plan);
  }

  private validate(): void {
    const { drill, encryptionKey, keepVersions, maxConcurrentCopies, restore, signingKey } = this.props;
    checkInteger('maxConcurrentCopies', maxConcurrentCopies, { min: 1, max: 1000 });
    checkPattern('siteName', this.siteName, /^[A-Za-z][A-Za-z0-9-]{0,59}$/, "1 to 60 letters, digits and '-', a letter first");
    checkDays('keepVersions', keepVersions, 1, 36_500);
    const region = this.props.region ?? Stack.of(this).region;
    guardKey('encryptionKey', encryptionKey, region);
    guardEncryptionKey(encryptionKey);
    guardKey('signingKey', signingKey, region);
    guardSigningKey(signingKey);
    const { accessLogsBucket, alarmTopic, bucket, deadLetterQueue, table } = this.props;
    guardVersioned(bucket);
    guardPlaces({ accessLogsBucket, alarmTopic, bucket, deadLetterQueue, probe: drill?._probe, table }, region);
    guardExecutionRole(restore?._props.executionRole, this._account);
    checkKnown('siteName', this.siteName);
    if (drill && !restore) throw new Error("'drill' needs 'restore', got none: a drill is a restore that is rehearsed");
  }

  /** What is known when all plans are. */
  private problems(): string[] {
    if (this.plans.length === 0) return [`'${this.node.path}' must be named by 'copyTo' of an EbsSnapshotDr in the same app, got no plan`];
    return [...this.namesakes(), ...restoreProblems(this.props.restore?._parameters ?? {}, this.plans, this._region)];
  }

  /** Drills of two sites that begin at one time would take each other's stack for theirs, and delete it. */
  private namesakes(): string[] {
    const { stacks } = this;
    if (stacks === undefined) return [];
    const sites = this.node.root.node.findAll().filter((each) => each instanceof EbsDrSite) as EbsDrSite[];
    return sites.filter((each) => each !== this && each.stacks === stacks)
      .map(({ node }) => `'siteName' or 'stackPrefix' must be unique in an account and Region, got '${this.stackPrefix(this.props.restore!)}' also from '${node.path}'; give another one`);
  }

  /** Where its restored stacks are, and how they are called. */
  private get stacks(): string | undefined {
    const { restore } = this.props;
    return restore && `${placeOf(this, this._region, this._account)}/${this.stackPrefix(restore)}`;
  }

  private alarmsOf({ plan, rpoSeconds, artifacts, images }: SitePlan): EbsPlanAlarms {
    const { drill, restore } = this.props;
    const alarm = this.alarmScope(new Construct(this.alarms, plan));
    return {
      recoveryPointAge: alarmOnAge(alarm, 'AgeAlarm', plan, Duration.seconds(rpoSeconds), (options) => this.metricRecoveryPointAge(plan, options)),
      lateCopies: alarmOnLateCopies(alarm, 'LateCopiesAlarm', plan, (options) => this.metricCopiesLate(plan, options)),
      failedCopies: alarmOnFailedCopies(alarm, 'FailedCopiesAlarm', plan, (options) => this.metricCopiesFailed(plan, options)),
      heldPrune: alarmOnHeldPrune(alarm, 'HeldPruneAlarm', plan, (options) => this.metricPruneHeld(plan, options)),
      failedArtifacts: artifacts.length > 0 || restore
        ? alarmOnFailedArtifacts(alarm, 'FailedArtifactsAlarm', plan, (options) => this.metricArtifactsFailed(plan, options)) : undefined,
      failedImages: images ? alarmOnFailedImages(alarm, 'FailedImagesAlarm', plan, (options) => this.metricImagesFailed(plan, options)) : undefined,
      failedDrills: drill && alarmOnFailedDrills(alarm, 'FailedDrillsAlarm', plan, (options) => this.metricDrillsFailed(plan, options)),
    };
  }

  private settings(): SiteSettings {
    const { drill, maxConcurrentCopies = 0, restore } = this.props;
    return {
      site: this.siteName,
      plans: this.plans,
      maxCopies: maxConcurrentCopies,
      restore: restore && this.restoreSettings(restore),
      drill: drill?._settings,
    };
  }

  private restoreSettings(restore: EbsRestore): RestoreSettings {
    const { bucket, key } = this.template!;
    return {
      templateKey: `${TEMPLATE_PREFIX}${this.siteName}.template`,
      templateFrom: { bucket: bucket.bucketName, key },
      stackPrefix: this.stackPrefix(restore),
      parameters: restore._parameters,
      capabilities: restore._capabilities,
    };
  }

  private stackPrefix({ _props: { stackPrefix } }: EbsRestore): string {
    return stackPrefix ?? this.siteName;
  }

  private otherVariables(): Omit<SiteEnv, 'SETTINGS'> {
    return {
      TABLE: this.table.tableName,
      BUCKET: this.bucket.bucketName,
      // The key that AWS manages is what EC2 takes unless it is told.
      KEY_ARN: isManagedByAws(this.encryptionKey) ? '' : this.encryptionKey.keyArn,
      SIGNING_KEY_ARN: this.signingKey?.keyArn ?? '',
      PROBE_FUNCTION: this.props.drill?._probe?.functionArn ?? '',
      EXECUTION_ROLE_ARN: this.props.restore?._props.executionRole.roleArn ?? '',
    };
  }

  private handler(id: string, spec: HandlerSpec, own?: HandlerOptions): BundledFunction {
    const environment: SiteEnv = {
      SETTINGS: Lazy.string({ produce: () => Stack.of(this).toJsonString(this.settings()) }),
      ...this.otherVariables(),
    };
    const handler = createHandler(this, id, spec, environment, mergeOptions(this.props, own), this.deadLetterQueue);
    this.functions[id.toLowerCase()] = handler;
    return handler;
  }

  private grants(): SiteGrants {
    const { bucket, encryptionKey, table } = this;
    return { plans: () => this.plans, table, bucket, key: isManagedByAws(encryptionKey) ? undefined : encryptionKey };
  }

  private restoreGrants(restore: EbsRestore): RestoreGrants {
    return { ...this.grants(), stackPrefix: this.stackPrefix(restore), executionRole: restore._props.executionRole };
  }

  private allow(): void {
    allowCopying(this.copy, this.grants());
    allowWatching(this.watch, this.grants());
    allowSitePrune(this.prune, this.grants());
    allowSync(this.sync, this.grants());
  }

  private bindTemplate(restore: EbsRestore): TemplateOrigin {
    const origin = restore._props.template._bind(this);
    guardParameters(restore._parameters, origin.parameters);
    return origin;
  }

  private createRestore(restore: EbsRestore): BundledFunction {
    const handler = this.handler('Restore', RESTORE, this.props.restoreOptions);
    allowRestoring(handler, 'restore', this.restoreGrants(restore));
    allowCopyingTemplate(this.sync, this.grants(), this.template!);
    allowLookingAtTemplate(this.watch, this.grants());
    return handler;
  }

  private createDrill(restore: EbsRestore, drill: EbsDrill): BundledFunction {
    const handler = this.handler('Drill', DRILL, this.props.drillOptions);
    allowRestoring(handler, 'drill', this.restoreGrants(restore));
    allowDrilling(handler, this.restoreGrants(restore), this.signingKey!, drill._probe);
    return handler;
  }

  private createKey(): kms.Key {
    return new kms.Key(this, 'Key', { description: 'Copies of EBS snapshots', enableKeyRotation: true, removalPolicy: this.removalPolicy });
  }

  private createSigningKey(): kms.Key {
    return new kms.Key(this, 'SigningKey', {
      description: 'Evidence of recovery drills',
      keySpec: kms.KeySpec.RSA_3072,
      keyUsage: kms.KeyUsage.SIGN_VERIFY,
      removalPolicy: this.removalPolicy,
    });
  }

  private createBucket(): s3.Bucket {
    return new SecureBucket(this, 'Bucket', {
      removalPolicy: this.removalPolicy,
      accessLogs: this.accessLogsBucket!,
      accessLogsPrefix: 'recovery/',
      noncurrentVersions: this.keepVersions,
    });
  }

  private get keepVersions(): Duration {
    return this.props.keepVersions ?? Duration.days(400);
  }

  private handlers(): BundledFunction[] {
    return Object.values(this.functions);
  }

  private alarmScope(scope: Construct): AlarmScope {
    return { scope, topic: this.props.alarmTopic };
  }

  private metric(plan: string, name: MetricName, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return planMetric(this, plan, Stack.of(this).region, name, options);
  }

  private get removalPolicy(): RemovalPolicy {
    return this.props.removalPolicy ?? RemovalPolicy.RETAIN;
  }
}

const COPY: HandlerSpec = { entry: 'copy', description: 'Starts copies of sets, the most urgent first, in free slots', memorySize: 512, minutes: 5 };
const WATCH: HandlerSpec = { entry: 'watch', description: 'Follows copies to their end, heartbeat of the RPO', memorySize: 512, minutes: 5 };
const PRUNE: HandlerSpec = { entry: 'site-prune', description: 'Deletes copies that retention does not keep', memorySize: 512, minutes: 15 };
const SYNC: HandlerSpec = { entry: 'sync', description: 'Copies templates and artifacts', memorySize: 512, minutes: 14 };
const RESTORE: HandlerSpec = { entry: 'restore', description: 'Makes change sets of recovery points', memorySize: 512, minutes: 15 };
const DRILL: HandlerSpec = { entry: 'drill', description: 'Rehearses restores and signs what came of them', memorySize: 512, minutes: 5 };

const EVERY_15_MINUTES = scheduler.ScheduleExpression.rate(Duration.minutes(15));

/** EBS user guide, "EventBridge events for EBS snapshots". */
const COPY_EVENTS: events.EventPattern = { source: ['aws.ec2'], detailType: ['EBS Snapshot Notification'], detail: { event: ['copySnapshot'] } };
