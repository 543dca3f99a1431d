import { createHash } from 'crypto';
import { Aws, Duration, Names, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as rbin from 'aws-cdk-lib/aws-rbin';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { alarmOnDeadLetters, alarmOnErrors, alarmOnFailedFreezes, alarmOnFailedImages, alarmOnFailedSets, alarmOnHeldPrune, AlarmScope } from './alarms';
import { Brake, METRIC, PlanEnv, PlanSettings, readerExternalId, RetentionPolicy, TAG } from './contract';
import { EbsConsistency } from './ebs-consistency';
import { EbsDrSite } from './ebs-dr-site';
import { EbsImages } from './ebs-images';
import { EbsLock } from './ebs-lock';
import { EbsRetention } from './ebs-retention';
import { EbsSchedule } from './ebs-schedule';
import { EbsSelection } from './ebs-selection';
import { EbsSideOptions } from './ebs-side-options';
import { FREEZE_DOCUMENT } from './freeze-document';
import {
  checkDays, defaultRpo, guardArchive, guardGap, guardKey, guardPlaces, guardRegions, guardRpo, guardSettings, guardSharedKey,
  knownAccount, knownBucketName, knownRegion, MAX_RPO, placeOf,
} from './guards';
import { createDeadLetterQueue, createHandler, EVERY_5_MINUTES, HandlerSpec, HOURLY, onEvents, SCHEDULED_TIME, Schedules } from './invocation';
import { depthMetric, errorsMetric, MetricName, planMetric } from './metrics';
import { allowFreezing, allowPlanPrune, allowReading, allowSharing, allowSnapshots, PlanGrants } from './plan-permissions';
import { createTable } from './state-table';
import { BundledFunction, connectionsOf, mergeOptions } from '../private/bundled-function';
import { EachPrincipal } from '../private/each-principal';
import { checkInteger, checkKnown, checkNumber, checkPattern, checkUnique } from '../private/validate';
import { HandlerOptions } from '../shared';

/**
 * How many sets one run of a prune function deletes at most: the smaller one of both, but at least one, and in any case as many
 * as became complete in the two hours before.
 */
export interface EbsBrake {
  /**
   * Sets, 1 to 10000.
   * @default 100
   */
  readonly maxSets?: number;
  /**
   * Part of the sets there are, 0.001 to 1.
   * @default 0.1
   */
  readonly maxShare?: number;
}

/** Properties of `EbsSnapshotDr`. The handler options apply to all its functions. */
export interface EbsSnapshotDrProps extends EbsSideOptions {
  /** Which instances are protected. */
  readonly selection: EbsSelection;
  /** Sites that copy every set, each in another Region. */
  readonly copyTo: EbsDrSite[];
  /**
   * When sets are taken.
   * @default EbsSchedule.rate(Duration.hours(1))
   */
  readonly schedule?: EbsSchedule;
  /**
   * Recovery point objective: how old the newest complete set at a site may get before an alarm fires, at most 30 days.
   * It covers the largest gap of the schedule and the time copies take: 15 minutes more at least, with `timedCopies` 30.
   * @default - twice the largest gap of the schedule, at least 30 minutes more than it, at most 30 days
   */
  readonly rpo?: Duration;
  /**
   * What a set promises of the data on its volumes.
   * @default EbsConsistency.CRASH
   */
  readonly consistency?: EbsConsistency;
  /**
   * Machine images beside the sets.
   * @default EbsImages.NONE
   */
  readonly images?: EbsImages;
  /**
   * Which sets the sites keep.
   * @default - the last 3, and by generations 24 hours, 7 days, 5 weeks, 12 months
   */
  readonly retention?: EbsRetention;
  /**
   * Which sets stay in the plan's own Region. What waits for a copy stays in any case.
   * @default - the same as the sites'
   */
  readonly sourceRetention?: EbsRetention;
  /**
   * How much is deleted at once.
   * @default - at most 100 sets, and a tenth of what there is, per hour and side
   */
  readonly brake?: EbsBrake;
  /**
   * Lock for copies at the sites.
   * @default - none
   */
  readonly copyLock?: EbsLock;
  /**
   * Age at which copies that only months or years of the retention keep go to the archive tier, in whole days. Bringing
   * them back takes up to three days, and 90 days there are paid in any case.
   * @default - never
   */
  readonly archiveAfter?: Duration;
  /**
   * Ask EC2 for copies that are complete in time for the RPO (time-based copies, charged by the GiB).
   * @default false
   */
  readonly timedCopies?: boolean;
  /**
   * Buckets of the plan's Region whose objects come along, such as code and configuration. Their names must be known at
   * synth, as sites are in other Regions.
   * @default - none
   */
  readonly artifacts?: s3.IBucket[];
  /**
   * Keys the protected volumes are encrypted with, by ARNs known at synth.
   * @default - any key of the account and Region, for EC2 and volumes' data only
   */
  readonly volumeKeys?: kms.IKey[];
  /**
   * Deleted snapshots of the plan stay in the Recycle Bin of its Region so long, 1 to 365 days.
   * @default - they are gone
   */
  readonly recycleBin?: Duration;
  /**
   * Name of the plan, 1 to 64 letters, digits and '-'. It stands in the tags all permissions hang on: a changed name is a new
   * plan, and sets of the old one stay for ever.
   * @default - from the construct's path
   */
  readonly planName?: string;
  /**
   * What happens to the table created here when the stack is deleted. Snapshots always stay.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Options of the snapshot function alone; they win field by field.
   * @default - the plan's own
   */
  readonly snapshotOptions?: HandlerOptions;
  /**
   * Options of the prune function alone; they win field by field.
   * @default - the plan's own
   */
  readonly pruneOptions?: HandlerOptions;
  /**
   * Options of the share function alone; they win field by field.
   * @default - the plan's own
   */
  readonly shareOptions?: HandlerOptions;
}

/**
 * Takes consistent sets of snapshots of tagged instances on a schedule and has them copied to recovery sites in other
 * Regions, which keep them by generations, watch the recovery point objective, and restore them by CloudFormation.
 *
 * @example
 * const appStack = new Stack(this, 'AppStack', { env: { region: 'us-east-1' } });
 * const drStack = new Stack(this, 'DrStack', { env: { region: 'us-west-2' } });
 *
 * const site = new EbsDrSite(drStack, 'Site');
 * new EbsSnapshotDr(appStack, 'Dr', {
 *   selection: EbsSelection.tag('dr', 'gold'),
 *   copyTo: [site],
 * });
 */
export class EbsSnapshotDr extends Construct implements ec2.IConnectable, iam.IGrantable {
  /** Name of the plan, value of the tag `ebsdr:plan` and of the metric dimension `Plan`. */
  public readonly planName: string;
  /** Recovery point objective. */
  public readonly rpo: Duration;
  /** Holds what is under way in this Region. */
  public readonly table: dynamodb.ITable;
  /** Runs that were given up. */
  public readonly deadLetterQueue: sqs.IQueue;
  /** Takes the sets. */
  public readonly snapshotFunction: lambda.Function;
  /** Deletes what retention does not keep. */
  public readonly pruneFunction: lambda.Function;
  /** Shares complete sets with other accounts; absent if all sites are in the plan's own. */
  public readonly shareFunction?: lambda.Function;
  /** Shows instances and sets to sites of other accounts; absent if all sites are in the plan's own. */
  public readonly readerRole?: iam.Role;
  /** Freezes and thaws file systems; absent without `EbsConsistency.freeze()`. */
  public readonly freezeDocument?: ssm.CfnDocument;
  /** Keeps deleted snapshots for a while; absent without `recycleBin`. */
  public readonly recycleBinRule?: rbin.CfnRule;
  /** Start of the functions, by what they do. */
  public readonly schedules: { [id: string]: scheduler.Schedule };
  /** Complete sets are shared at once; absent if all sites are in the plan's own account. */
  public readonly rule?: events.Rule;
  /** Fires when an instance could not be snapshotted. */
  public readonly failedSetsAlarm: cloudwatch.Alarm;
  /** Fires when a set is not application-consistent; absent without `EbsConsistency.freeze()`. */
  public readonly failedFreezesAlarm?: cloudwatch.Alarm;
  /** Fires when an image could not be made; absent without `images`. */
  public readonly failedImagesAlarm?: cloudwatch.Alarm;
  /** Fires when deletions were held back. */
  public readonly heldPruneAlarm: cloudwatch.Alarm;
  /** Fires when functions fail again and again. */
  public readonly errorsAlarm: cloudwatch.Alarm;
  /** Fires when a run was given up. */
  public readonly deadLetterAlarm: cloudwatch.Alarm;

  private readonly schedule: EbsSchedule;
  private readonly images: EbsImages;
  private readonly sites: PlanSettings['sites'];
  private readonly functions: { [verb: string]: BundledFunction } = {};

  constructor(scope: Construct, id: string, private readonly props: EbsSnapshotDrProps) {
    super(scope, id);
    this.schedule = props.schedule ?? EbsSchedule.rate(Duration.hours(1));
    this.images = props.images ?? EbsImages.NONE;
    this.rpo = props.rpo ?? defaultRpo(this.schedule._largestGap);
    this.planName = props.planName ?? Names.uniqueResourceName(this, { maxLength: 64, separator: '-' });
    this.validate();
    this.sites = this.locateSites();
    this.node.addValidation({ validate: () => this.conflicts() });

    this.table = props.table ?? createTable(this, 'Table', this.removalPolicy);
    this.deadLetterQueue = props.deadLetterQueue ?? createDeadLetterQueue(this, 'DeadLetters');
    if (props.consistency?._freeze) this.freezeDocument = freezeDocument(this, 'FreezeDocument');
    const schedules = new Schedules(this, 'Schedules', this.deadLetterQueue);

    const snapshot = this.handler('Snapshot', SNAPSHOT, props.snapshotOptions);
    allowSnapshots(snapshot, this.grants());
    if (this.freezeDocument) allowFreezing(snapshot, this.freezeDocument, props.selection._rule);
    const prune = this.handler('Prune', PRUNE, props.pruneOptions);
    allowPlanPrune(prune, this.grants());
    this.snapshotFunction = snapshot.function;
    this.pruneFunction = prune.function;
    this.schedules = {
      snapshot: schedules.start('Snapshot', 'Takes sets of snapshots', this.schedule._expression, snapshot, SCHEDULED_TIME),
      prune: schedules.start('Prune', 'Deletes what retention does not keep', HOURLY, prune),
    };
    if (this.vaultAccounts.length > 0) {
      const share = this.handler('Share', SHARE, props.shareOptions);
      allowSharing(share, this.grants());
      this.shareFunction = share.function;
      this.readerRole = this.createReaderRole();
      this.schedules = { ...this.schedules, share: schedules.start('Share', 'Shares complete sets', EVERY_5_MINUTES, share) };
      this.rule = onEvents(this, 'SetEvents', 'Sets of snapshots that are complete', SET_EVENTS, [share]);
    }
    if (props.recycleBin) this.recycleBinRule = this.createRecycleBinRule(props.recycleBin);

    props.copyTo.forEach((site) => this.register(site));

    const alarm: AlarmScope = { scope: this, topic: props.alarmTopic };
    this.failedSetsAlarm = alarmOnFailedSets(alarm, 'FailedSetsAlarm', this.planName, (options) => this.metricSetsFailed(options));
    if (this.freezeDocument) this.failedFreezesAlarm = alarmOnFailedFreezes(alarm, 'FailedFreezesAlarm', this.planName, (options) => this.metricFreezesFailed(options));
    if (this.hasImages) this.failedImagesAlarm = alarmOnFailedImages(alarm, 'FailedImagesAlarm', this.planName, (options) => this.metricImagesFailed(options));
    this.heldPruneAlarm = alarmOnHeldPrune(alarm, 'HeldPruneAlarm', this.planName, (options) => this.metricPruneHeld(options));
    this.errorsAlarm = alarmOnErrors(alarm, 'ErrorsAlarm', (options) => this.metricErrors(options));
    this.deadLetterAlarm = alarmOnDeadLetters(alarm, 'DeadLetterAlarm', (options) => this.metricDeadLetters(options));
  }

  /** Security groups of the functions, if they run in a VPC. */
  public get connections(): ec2.Connections {
    return connectionsOf(this.handlers());
  }

  /** The roles of all functions: what you grant to the plan, each of them gets. */
  public get grantPrincipal(): iam.IPrincipal {
    return new EachPrincipal(this.handlers());
  }

  /** Sets that were taken. */
  public metricSetsTaken(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.setsTaken, options);
  }

  /** Sets that could not be taken. */
  public metricSetsFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.setsFailed, options);
  }

  /** Sets meant to be application-consistent that are not. */
  public metricFreezesFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.freezesFailed, options);
  }

  /** Images that could not be made. */
  public metricImagesFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.imagesFailed, options);
  }

  /** Sets of this Region that retention deleted. */
  public metricSetsDeleted(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.setsDeleted, options);
  }

  /** Deletions in this Region that were held back. */
  public metricPruneHeld(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.pruneHeld, options);
  }

  /** Images that retention would delete but somebody uses. */
  public metricImagesInUse(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.imagesInUse, options);
  }

  /** Runs of any of the functions that failed. */
  public metricErrors(options?: cloudwatch.MetricOptions): cloudwatch.IMetric {
    return errorsMetric(this.functions, options);
  }

  /** Runs that were given up. */
  public metricDeadLetters(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return depthMetric(this.deadLetterQueue, options);
  }

  private validate(): void {
    const { alarmTopic, archiveAfter, artifacts = [], brake, copyTo, deadLetterQueue, recycleBin, table } = this.props;
    guardPlaces({ alarmTopic, deadLetterQueue, table }, this.region);
    if (Token.isUnresolved(this.planName)) throw new Error("'planName' must be known at synth, got a token: sites in other Regions hold it");
    checkPattern('planName', this.planName, /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, "1 to 64 letters, digits and '-', no '-' first");
    if (copyTo.length === 0) throw new Error("'copyTo' must hold at least one site, got none: sets in one Region go down with it");
    if (new Set(copyTo).size < copyTo.length) throw new Error("'copyTo' must not repeat a site");
    checkKnown('rpo', this.rpo);
    if (this.rpo.toMilliseconds() % 1000 !== 0) throw new Error(`'rpo' must be whole seconds, got ${this.rpo.toHumanString()}`);
    guardGap(this.schedule._largestGap);
    if (this.rpo.toSeconds() > MAX_RPO.toSeconds()) {
      throw new Error(`'rpo' must be at most ${MAX_RPO.toHumanString()}, got ${this.rpo.toHumanString()}`);
    }
    guardRpo(this.rpo, this.schedule._largestGap, this.props.timedCopies ?? false);
    checkInteger('brake.maxSets', brake?.maxSets, { min: 1, max: 10_000 });
    checkNumber('brake.maxShare', brake?.maxShare, { min: 0.001, max: 1 });
    if (Token.isUnresolved(brake?.maxSets) || Token.isUnresolved(brake?.maxShare)) throw new Error("'brake' must be known at synth, got a token");
    checkDays('archiveAfter', archiveAfter, 1, 36_500);
    guardArchive(archiveAfter, this.retention());
    checkDays('recycleBin', recycleBin, 1, 365);
    const names = artifacts.map(knownBucketName);
    checkUnique('artifacts', names.filter((name) => name !== undefined));
    for (const name of names) {
      if (name === undefined) {
        throw new Error("'artifacts' must be buckets whose names are known at synth, got a token: sites in other Regions read them; give the bucket a 'bucketName'");
      }
    }
  }

  /** Only plain letters cross to other Regions. */
  private locateSites(): PlanSettings['sites'] {
    const sites = this.props.copyTo.map((site) => {
      const region = site._region;
      guardRegions(this.planName, this.region, region);
      const account = isForeign(site._account, this.account) ? site._account : undefined;
      if (account !== undefined) {
        guardSharedKey('encryptionKey', site.encryptionKey, account);
        for (const key of this.props.volumeKeys ?? []) guardSharedKey('volumeKeys', key, account);
      }
      return { region, account };
    });
    const twin = sites.find(({ region, account }, i) => sites.findIndex((other) => other.region === region && other.account === account) < i);
    if (twin) throw new Error(`'copyTo' must be sites of different Regions or accounts, got two in ${twin.region}: each would take the other's copies for its own; leave one out`);
    return sites;
  }

  /** Plans of one name in one place would delete each other's sets: tags decide. */
  private conflicts(): string[] {
    const plans = this.node.root.node.findAll().filter((each) => each instanceof EbsSnapshotDr) as EbsSnapshotDr[];
    const namesakes = plans.filter((each) => each !== this && each.planName === this.planName);
    const places = this.places();
    return namesakes.filter((other) => other.places().some((place) => places.includes(place)))
      .map((other) => `'planName' must be unique in an account and Region, at sites, too, got '${this.planName}' also from '${other.node.path}'; give another name`);
  }

  /** Where it has sets, and where copies. */
  private places(): string[] {
    const at = (region: string, account = this.account) => placeOf(this, region, account);
    return [`sets ${at(this.region)}`, ...this.sites.map(({ region, account }) => `copies ${at(region, account)}`)];
  }

  private register(site: EbsDrSite): void {
    const { archiveAfter, artifacts = [], copyLock, selection, timedCopies = false, volumeKeys = [] } = this.props;
    guardKnownKeys(volumeKeys);
    for (const key of volumeKeys) guardKey('volumeKeys', key, this.region);
    const named = artifacts.map((bucket) => ({ name: knownBucketName(bucket)!, encrypted: bucket.encryptionKey !== undefined }));
    const foreign = isForeign(site._account, this.account);
    site._protect({
      plan: this.planName,
      region: this.region,
      account: foreign ? this.account : undefined,
      readerRole: foreign ? `arn:${Aws.PARTITION}:iam::${this.account}:role/${this.readerRoleName}` : undefined,
      select: selection._rule,
      rpoSeconds: this.rpo.toSeconds(),
      retention: this.retention(),
      brake: this.brake(),
      timedCopies,
      lock: copyLock?._settings,
      archiveAfterDays: archiveAfter?.toDays() ?? 0,
      artifacts: named.map(({ name }) => name),
      // Images are not shared, sets are.
      images: this.hasImages && !foreign,
    }, {
      volumeKeys: volumeKeys.map(({ keyArn }) => keyArn),
      artifacts: named,
    });
  }

  private settings(): PlanSettings {
    const { consistency, selection, sourceRetention } = this.props;
    const freeze = consistency?._freeze;
    return {
      plan: this.planName,
      select: selection._rule,
      rpoSeconds: this.rpo.toSeconds(),
      retention: sourceRetention?._policy(this.schedule._timeZone) ?? this.retention(),
      brake: this.brake(),
      freeze: freeze && { document: this.freezeDocument!.ref, ...freeze },
      imageEveryHours: this.images._everyHours,
      sites: this.sites,
      shareWith: this.vaultAccounts,
    };
  }

  private handler(id: string, spec: HandlerSpec, own?: HandlerOptions): BundledFunction {
    const settings = this.settings();
    const others = { TABLE: this.table.tableName };
    guardSettings(`plan '${this.planName}'`, 'select in fewer words, or divide it into several plans', settings, others);
    const environment: PlanEnv = { SETTINGS: Stack.of(this).toJsonString(settings), ...others };
    const handler = createHandler(this, id, spec, environment, mergeOptions(this.props, own), this.deadLetterQueue);
    this.functions[id.toLowerCase()] = handler;
    return handler;
  }

  private grants(): PlanGrants {
    return {
      plan: this.planName,
      select: this.props.selection._rule,
      images: this.hasImages,
      table: this.table,
      siteRegions: this.sites.filter(({ account }) => account === undefined).map(({ region }) => region),
      vaultAccounts: this.vaultAccounts,
    };
  }

  /** Its name crosses to sites before it exists. */
  private createReaderRole(): iam.Role {
    const role = new iam.Role(this, 'ReaderRole', {
      roleName: this.readerRoleName,
      description: `Shows plan ${this.planName} to its sites in other accounts`,
      assumedBy: new iam.CompositePrincipal(...this.vaultAccounts.map((account) => new iam.AccountPrincipal(account)
        .withConditions({ StringEquals: { 'sts:ExternalId': readerExternalId(this.planName) } }))),
    });
    allowReading(role);
    return role;
  }

  /** Roles are global: Region and plan, which may be long. */
  private get readerRoleName(): string {
    return `ebsdr-reader-${createHash('sha256').update(`${this.region} ${this.planName}`).digest('hex').slice(0, 16)}`;
  }

  /** Tags of snapshots, not of all that the account has. */
  private createRecycleBinRule(retention: Duration): rbin.CfnRule {
    return new rbin.CfnRule(this, 'RecycleBinRule', {
      description: `Deleted snapshots of plan ${this.planName}`,
      resourceType: 'EBS_SNAPSHOT',
      resourceTags: [{ resourceTagKey: TAG.plan, resourceTagValue: this.planName }],
      retentionPeriod: { retentionPeriodUnit: 'DAYS', retentionPeriodValue: retention.toDays() },
    });
  }

  private retention(): RetentionPolicy {
    return (this.props.retention ?? DEFAULT_RETENTION)._policy(this.schedule._timeZone);
  }

  private brake(): Brake {
    return { maxSets: this.props.brake?.maxSets ?? 100, maxShare: this.props.brake?.maxShare ?? 0.1 };
  }

  private get hasImages(): boolean {
    return this.images._everyHours > 0;
  }

  private get region(): string {
    return knownRegion(`plan '${this.node.path}'`, this.props.region, Stack.of(this).region);
  }

  private get account(): string | undefined {
    return knownAccount(`plan '${this.node.path}'`, this.props.account, Stack.of(this).account);
  }

  private get vaultAccounts(): string[] {
    return [...new Set(this.sites.flatMap(({ account }) => account ?? []))];
  }

  private handlers(): BundledFunction[] {
    return Object.values(this.functions);
  }

  private metric(name: MetricName, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return planMetric(this, this.planName, undefined, name, options);
  }

  private get removalPolicy(): RemovalPolicy {
    return this.props.removalPolicy ?? RemovalPolicy.RETAIN;
  }
}

const SNAPSHOT: HandlerSpec = { entry: 'snapshot', description: 'Takes sets of snapshots of the selected instances', memorySize: 512, minutes: 15 };
const PRUNE: HandlerSpec = { entry: 'plan-prune', description: 'Deletes sets that retention does not keep', memorySize: 512, minutes: 15 };
const SHARE: HandlerSpec = { entry: 'share', description: 'Shares complete sets with the accounts of sites', memorySize: 512, minutes: 5 };


/** EBS user guide, "EventBridge events for EBS snapshots". */
const SET_EVENTS: events.EventPattern = { source: ['aws.ec2'], detailType: ['EBS Multi-Volume Snapshots Completion Status'] };

const DEFAULT_RETENTION = EbsRetention.gfs({ last: 3, hourly: 24, daily: 7, weekly: 5, monthly: 12 });

/** One that is not known is taken for the same. */
function isForeign(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

function guardKnownKeys(keys: readonly kms.IKey[]): void {
  if (keys.every(({ keyArn }) => !Token.isUnresolved(keyArn))) return;
  throw new Error("'volumeKeys' must be keys whose ARNs are known at synth, got a token: sites in other Regions are granted them; "
    + 'import them by kms.Key.fromKeyArn(), or leave it out');
}

function freezeDocument(scope: Construct, id: string): ssm.CfnDocument {
  return new ssm.CfnDocument(scope, id, {
    documentType: 'Command',
    documentFormat: 'JSON',
    targetType: '/AWS::EC2::Instance',
    // A document's default version is the newest.
    updateMethod: 'NewVersion',
    content: FREEZE_DOCUMENT,
  });
}
