/** What would fail, lose or cost unseen at run time, said at synth. Silent about what is known only at deployment. */
import { Duration, Token } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { RetentionPolicy } from './contract';
import { ENVIRONMENT_BYTES, environmentBytes } from '../private/validate';

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
  if (given !== undefined && !Token.isUnresolved(ofStack) && given !== ofStack) {
    throw new Error(`'account' of ${what} must be ${ofStack}, as its stack's, got ${given}; leave it out`);
  }
  const account = given ?? ofStack;
  return Token.isUnresolved(account) ? undefined : account;
}

/** A Region in plain letters: it crosses to stacks of other Regions, where references don't reach. */
export function knownRegion(what: string, given: string | undefined, ofStack: string): string {
  const region = given ?? ofStack;
  if (Token.isUnresolved(region)) {
    throw new Error(`the Region of ${what} must be known at synth, got a token: give its stack 'env: { region: … }', or the construct 'region'`);
  }
  if (given !== undefined && !Token.isUnresolved(ofStack) && given !== ofStack) {
    throw new Error(`'region' of ${what} must be ${ofStack}, as its stack's, got ${given}; leave it out`);
  }
  return region;
}

export function guardRpo(rpo: Duration, gap: Duration): void {
  if (rpo.toMilliseconds() < gap.toMilliseconds()) {
    throw new Error(`'rpo' must be at least ${gap.toHumanString()}, the largest gap of the schedule, got ${rpo.toHumanString()}: `
      + 'it could not be kept even if copies took no time; schedule more often, or lengthen it');
  }
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

export function guardParameters(given: readonly string[], declared: Readonly<Record<string, { readonly hasDefault: boolean }>> | undefined): void {
  if (declared === undefined) return;
  const unknown = given.find((name) => !(name in declared));
  if (unknown !== undefined) {
    throw new Error(`'parameters' of a restore must be among the template's, ${Object.keys(declared).join(', ') || 'of which there are none'}, got '${unknown}'`);
  }
  const missing = Object.entries(declared).filter(([name, { hasDefault }]) => !hasDefault && !given.includes(name)).map(([name]) => name);
  if (missing.length > 0) throw new Error(`'parameters' of a restore must give ${missing.join(', ')}, which the template has no default for`);
}
