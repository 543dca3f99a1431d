/** What would fail, lose or cost unseen at run time, said at synth. Silent about what is known only at deployment. */
import { Duration, IResource, Stage, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { IConstruct } from 'constructs';
import { RestoreParameter, RestoreSettings, RetentionPolicy, SitePlan } from './contract';
import { TemplateOrigin } from './template-origin';
import { checkKnown, checkPattern, ENVIRONMENT_BYTES, environmentBytes } from '../private/validate';

export function guardRegions(plan: string, source: string, site: string): void {
  if (Token.isUnresolved(source) || Token.isUnresolved(site)) return;
  if (source === site) {
    throw new Error(`'copyTo' of plan '${plan}' must be sites of other Regions, got one in ${site}, where the plan itself is: `
      + 'a Region that is down would take both; define the EbsDrSite in a stack of another Region');
  }
  const [from, to] = [source, site].map((region) => RegionInfo.get(region).partition);
  if (from !== to && from !== undefined && to !== undefined) {
    throw new Error(`'copyTo' of plan '${plan}' must be sites of the partition ${from}, got one in ${site} (${to}): snapshots cannot be copied between partitions`);
  }
}

/** An account, if it is known. */
export function knownAccount(what: string, given: string | undefined, ofStack: string): string | undefined {
  checkPattern('account', given, /^\d{12}$/, '12 digits');
  if (given !== undefined && !Token.isUnresolved(ofStack) && given !== ofStack) {
    throw new Error(`'account' of ${what} must be ${ofStack}, as its stack's, got ${given}; leave it out`);
  }
  const account = given ?? ofStack;
  return Token.isUnresolved(account) ? undefined : account;
}

/** A Region in plain letters: it crosses to stacks of other Regions, where references don't reach. */
export function knownRegion(what: string, given: string | undefined, ofStack: string): string {
  checkPattern('region', given, /^[a-z]{2,}(-[a-z]+)+-\d+$/, "a Region like 'eu-central-1'");
  const region = given ?? ofStack;
  if (Token.isUnresolved(region)) {
    throw new Error(`the Region of ${what} must be known at synth, got a token: give its stack 'env: { region: … }', or the construct 'region'`);
  }
  if (given !== undefined && !Token.isUnresolved(ofStack) && given !== ofStack) {
    throw new Error(`'region' of ${what} must be ${ofStack}, as its stack's, got ${given}; leave it out`);
  }
  return region;
}

/** Where names must not meet. What is not known of accounts counts as one within a stage. */
export function placeOf(scope: IConstruct, region: string, account: string | undefined): string {
  return `${account ?? Stage.of(scope)?.node.path}/${region}`;
}

/** What a construct works with is where it is itself: no reference, alarm or invocation reaches another Region. */
export function guardPlaces(resources: Readonly<Record<string, IResource | undefined>>, region: string): void {
  if (Token.isUnresolved(region)) return;
  for (const [name, resource] of Object.entries(resources)) {
    const found = resource?.env.region;
    if (found === undefined || Token.isUnresolved(found) || found === region) continue;
    throw new Error(`'${name}' must be of ${region}, got one of ${found}; give one of the same Region`);
  }
}

/** CloudFormation takes roles of its own account only. */
export function guardExecutionRole(role: iam.IRole | undefined, account: string | undefined): void {
  const found = role?.principalAccount;
  if (found === undefined || account === undefined || Token.isUnresolved(found) || found === account) return;
  throw new Error(`'executionRole' must be a role of account ${account}, where the site is, got one of ${found}`);
}

/** Longer ones are no protection. */
export const MAX_RPO = Duration.days(30);

/** What completing a set, finding it and copying it takes at least, though little has changed. */
const COPY_TIME = Duration.minutes(15);
/** EC2 user guide, "Time-based copies": steps of 15 minutes, the first one included. */
const COMPLETION_STEP = Duration.minutes(15);

export function guardGap(gap: Duration): void {
  const longest = Duration.minutes(MAX_RPO.toMinutes() - COPY_TIME.toMinutes());
  if (gap.toMilliseconds() > longest.toMilliseconds()) {
    throw new Error(`'schedule' must have a time at least every ${longest.toHumanString()}, which the longest RPO allows, got a gap of ${gap.toHumanString()}; schedule more often`);
  }
}

export function guardRpo(rpo: Duration, gap: Duration, timedCopies: boolean): void {
  const spare = rpo.toMilliseconds() - gap.toMilliseconds();
  if (spare < COPY_TIME.toMilliseconds()) {
    throw new Error(`'rpo' must be at least ${COPY_TIME.toHumanString()} longer than the largest gap of the schedule, ${gap.toHumanString()}, got ${rpo.toHumanString()}: `
      + 'copies take so long at least, and it could never be kept; schedule more often, or lengthen it');
  }
  const timed = COPY_TIME.plus(COMPLETION_STEP);
  if (timedCopies && spare < timed.toMilliseconds()) {
    throw new Error(`'timedCopies' needs an RPO at least ${timed.toHumanString()} longer than the largest gap of the schedule, ${gap.toHumanString()}, got ${rpo.toHumanString()}: `
      + `EC2 promises no time below ${COMPLETION_STEP.toHumanString()}, which begin when the set is complete; lengthen 'rpo', schedule more often, or leave it out`);
  }
}

/** Twice the gap, as one set may fail; with short gaps what copies take, by time or not. */
export function defaultRpo(gap: Duration): Duration {
  const spare = Math.max(gap.toMinutes(), COPY_TIME.plus(COMPLETION_STEP).toMinutes());
  return Duration.minutes(Math.min(gap.toMinutes() + spare, MAX_RPO.toMinutes()));
}

/** Archived snapshots are paid for 90 days at least. */
export const ARCHIVE_MIN_DAYS = 90;

export function guardArchive(after: Duration | undefined, retention: RetentionPolicy): void {
  if (after === undefined) return;
  const kept = [
    ...daysKept('monthly', retention.monthly, 28),
    ...daysKept('yearly', retention.yearly, 365),
    ...daysKept('withinMonthly', retention.withinMonthlyHours / 24, 1),
    ...daysKept('withinYearly', retention.withinYearlyHours / 24, 1),
  ];
  const needed = after.toDays({ integral: false }) + ARCHIVE_MIN_DAYS;
  if (kept.length === 0) {
    throw new Error("'archiveAfter' needs a retention by months or years, got none: only such sets are archived; give 'monthly' or 'yearly', or leave it out");
  }
  const short = kept.find(({ days }) => days < needed);
  if (short) {
    throw new Error(`'archiveAfter' must leave ${ARCHIVE_MIN_DAYS} days in the archive, which are paid in any case: '${short.rule}' keeps sets about ${short.days} days, `
      + `got ${after.toHumanString()}; archive earlier, or keep longer`);
  }
}

function daysKept(rule: string, count: number, daysEach: number): { rule: string; days: number }[] {
  if (count === 0) return [];
  return [{ rule, days: count < 0 ? Infinity : count * daysEach }];
}

/** Lifecycle rules take no more. */
const MAX_DAYS = 36_500;

/**
 * A recovery point restores artifacts as they were: their versions must not go before it. How long the newest sets by number stay
 * depends on the schedule, and is not counted.
 */
export function guardVersions(keepVersions: Duration, { artifacts, plan, retention }: SitePlan): void {
  if (artifacts.length === 0) return;
  const kept = [
    ...daysKept('last', Math.min(retention.last, 0), 0),
    ...daysKept('hourly', retention.hourly, 1 / 24),
    ...daysKept('daily', retention.daily, 1),
    ...daysKept('weekly', retention.weekly, 7),
    ...daysKept('monthly', retention.monthly, 31),
    ...daysKept('yearly', retention.yearly, 366),
    ...daysKept('within', retention.withinHours / 24, 1),
    ...daysKept('withinHourly', retention.withinHourlyHours / 24, 1),
    ...daysKept('withinDaily', retention.withinDailyHours / 24, 1),
    ...daysKept('withinWeekly', retention.withinWeeklyHours / 24, 1),
    ...daysKept('withinMonthly', retention.withinMonthlyHours / 24, 1),
    ...daysKept('withinYearly', retention.withinYearlyHours / 24, 1),
  ];
  const longest = kept.reduce((one, other) => other.days > one.days ? other : one, { rule: '', days: 0 });
  const needed = Math.min(Math.ceil(longest.days), MAX_DAYS);
  if (keepVersions.toDays() >= needed) return;
  throw new Error(`'keepVersions' must be at least ${needed} days, as '${longest.rule}' of plan '${plan}' keeps sets so long, and they need its artifacts as they were, `
    + `got ${keepVersions.toDays()}; keep versions longer, or sets shorter`);
}

/** Snapshots under the key AWS manages cannot be shared with other accounts. */
export function guardSharedKey(name: string, key: kms.IKey | undefined, account: string): void {
  if (key === undefined || !isManagedByAws(key)) return;
  throw new Error(`'${name}' must be a key of your own, as a site of account ${account} takes part, got alias/aws/ebs: `
    + 'snapshots under it cannot be shared; create a kms.Key and copy or re-encrypt the volumes under it');
}

export function isManagedByAws(key: kms.IKey): boolean {
  const names = [(key as Partial<kms.IAlias>).aliasName, key.keyArn];
  return names.some((name) => name !== undefined && !Token.isUnresolved(name) && /(^|:)alias\/aws\/ebs$/.test(name));
}

/** Lambda takes 4 KB of variables, and all settings are in one. */
export function guardSettings(what: string, remedy: string, settings: object, others: Record<string, string>): void {
  const bytes = Buffer.byteLength(JSON.stringify(settings)) + 'SETTINGS'.length;
  const rest = environmentBytes(others);
  if (bytes + rest > ENVIRONMENT_BYTES) {
    throw new Error(`settings of ${what} must take at most ${ENVIRONMENT_BYTES - rest} bytes as JSON, as its functions get them in a variable, got ${bytes}; ${remedy}`);
  }
}

/** A key in its own Region, by its own ARN. */
export function guardKey(name: string, key: kms.IKey | undefined, region: string): void {
  if (key === undefined || isManagedByAws(key)) return;
  if ('aliasName' in key || /:alias\//.test(key.keyArn)) {
    throw new Error(`'${name}' must be a key itself, got an alias, on which IAM grants nothing; import the key by kms.Key.fromLookup() or kms.Key.fromKeyArn()`);
  }
  const found = Token.isUnresolved(key.keyArn) ? undefined : key.keyArn.split(':')[3];
  if (found !== undefined && !Token.isUnresolved(region) && found !== region) throw new Error(`'${name}' must be a key of ${region}, got one of ${found}`);
}

export function guardEncryptionKey(key: kms.IKey | undefined): void {
  const { keySpec = SYMMETRIC } = keyResource(key);
  if (keySpec !== SYMMETRIC) throw new Error(`'encryptionKey' must be a symmetric key, got one of ${keySpec}`);
}

export function guardSigningKey(key: kms.IKey | undefined): void {
  const resource = keyResource(key);
  const { keySpec = SYMMETRIC, keyUsage = 'ENCRYPT_DECRYPT' } = resource;
  if (!(key?.node.defaultChild instanceof kms.CfnKey) || (/^RSA_/.test(keySpec) && keyUsage === 'SIGN_VERIFY')) return;
  throw new Error(`'signingKey' must be an RSA key for SIGN_VERIFY, got one of ${keySpec} for ${keyUsage}; give 'keySpec' and 'keyUsage'`);
}

const SYMMETRIC = 'SYMMETRIC_DEFAULT';

/** Of an imported one nothing is known. */
function keyResource(key: kms.IKey | undefined): { keySpec?: string; keyUsage?: string } {
  const resource = key?.node.defaultChild;
  return resource instanceof kms.CfnKey ? resource : {};
}

export function guardVersioned(bucket: s3.IBucket | undefined): void {
  const resource = bucket?.node.defaultChild;
  if (!(resource instanceof s3.CfnBucket) || resource.versioningConfiguration !== undefined) return;
  throw new Error("'bucket' must be versioned, got one that is not: recovery points name versions of templates and artifacts; set its 'versioned'");
}

/** The name a bucket was given, though its reference is a token; undefined if it was given none. */
export function knownBucketName(bucket: s3.IBucket): string | undefined {
  const resource = bucket.node.defaultChild;
  const name = Token.isUnresolved(bucket.bucketName) && resource instanceof s3.CfnBucket ? resource.bucketName : bucket.bucketName;
  return Token.isUnresolved(name) ? undefined : name;
}

export function checkDays(name: string, duration: Duration | undefined, min: number, max: number): void {
  checkKnown(name, duration);
  const days = duration?.toDays({ integral: false });
  if (days !== undefined && (!Number.isInteger(days) || days < min || days > max)) {
    throw new Error(`'${name}' must be ${min} to ${max} whole days, got ${duration!.toHumanString()}`);
  }
}

export function guardParameters(given: RestoreSettings['parameters'], declared: TemplateOrigin['parameters']): void {
  if (declared === undefined) return;
  const unknown = Object.keys(given).find((name) => !(name in declared));
  if (unknown !== undefined) {
    throw new Error(`'parameters' of a restore must be among the template's, ${Object.keys(declared).join(', ') || 'of which there are none'}, got '${unknown}'`);
  }
  const missing = Object.entries(declared).filter(([name, { hasDefault }]) => !hasDefault && !(name in given)).map(([name]) => name);
  if (missing.length > 0) throw new Error(`'parameters' of a restore must give ${missing.join(', ')}, which the template has no default for`);
  const secret = Object.keys(given).find((name) => declared[name].noEcho && given[name].kind === 'value');
  if (secret !== undefined) {
    throw new Error(`'parameters' of a restore must give no fixed value to ${secret}, which is NoEcho: it would be readable in the function's variables; `
      + 'let the template resolve it from Secrets Manager, or give it a default');
  }
}

/** What every restore would refuse: parameters that no plan of the site, nor the Region, has anything for. */
export function restoreProblems(parameters: RestoreSettings['parameters'], plans: readonly SitePlan[], region: string): string[] {
  return Object.entries(parameters).flatMap(([name, parameter]) => problemOf(parameter, plans, region).map((problem) => `parameter '${name}' of 'restore' must be ${problem}`));
}

function problemOf(parameter: RestoreParameter, plans: readonly SitePlan[], region: string): string[] {
  switch (parameter.kind) {
    case 'snapshot':
    case 'image': {
      const { kind, plan: asked } = parameter;
      if (asked !== undefined && Token.isUnresolved(asked)) return [];
      const possible = plans.filter(({ plan }) => asked === undefined || plan === asked);
      if (possible.length === 0) return [`of a plan of the site, ${plans.map(({ plan }) => plan).join(', ')}, got '${asked}'`];
      if (kind === 'snapshot' || possible.some(({ images }) => images)) return [];
      const own = possible.filter(({ readerRole }) => readerRole === undefined);
      return own.length === 0
        ? [`of a plan of the site's own account, as images are not shared with others, got ${possible.map(({ plan, account }) => `${plan} of ${account}`).join(', ')}; `
          + "give an image that the site's account has by RestoreParam.value()"]
        : [`of a plan with images, got ${own.map(({ plan }) => plan).join(', ')} without; give 'images'`];
    }
    case 'artifact-key':
    case 'artifact-version': {
      const buckets = plans.flatMap(({ artifacts }) => artifacts);
      const { bucket } = parameter;
      return Token.isUnresolved(bucket) || buckets.includes(bucket) ? []
        : [`of a bucket among the plans' 'artifacts', ${buckets.join(', ') || 'of which there are none'}, got '${bucket}'`];
    }
    case 'availability-zone': {
      const foreign = parameter.candidates.find((zone) => !Token.isUnresolved(region) && !zone.startsWith(region));
      return foreign === undefined ? [] : [`of zones of ${region}, where the site is, got '${foreign}'`];
    }
    default:
      return [];
  }
}
