import { Calendar } from './calendar';
import type { KeptSet, Millis, Verdict } from './ports';
import type { RetentionPolicy } from '../contract';

/** Keeps the first set of each period. */
interface Rule {
  readonly name: string;
  readonly period: (at: Millis, index: number) => number;
  /** Sets it keeps at most; Infinity: all. */
  left: number;
  /** Sets that are not later are out of its reach. */
  readonly after: Millis;
  current?: { readonly period: number; readonly set: string };
}

const HOUR = 3600_000;

/**
 * Which complete sets of one instance are kept, as restic forget decides: newest first, a rule keeps the first set of each of
 * its periods until its count is spent, and the oldest set while a count is left; what any rule keeps is kept. 'Within' is
 * measured from the newest set that is not in the future. Verdicts are in order of time, newest first.
 */
export function retain(sets: readonly KeptSet[], policy: RetentionPolicy, now: Millis): Verdict[] {
  const newestFirst = [...sets].sort((a, b) => b.at - a.at);
  const rules = rulesOf(policy, newestFirst.find(({ at }) => at < now)?.at);
  return newestFirst.map((set, index) => {
    const obstacles = rules.map((rule) => apply(rule, set, index, index === newestFirst.length - 1));
    const kept = rules.filter((_, rule) => obstacles[rule] === undefined).map(({ name }) => name);
    if (kept.length > 0) return { set: set.set, keep: true, reasons: kept };
    return { set: set.set, keep: false, reasons: rules.length > 0 ? rules.map(({ name }, rule) => `${name}: ${obstacles[rule]}`) : ['no rule'] };
  });
}

/** Why the rule does not keep the set; undefined: it does. */
function apply(rule: Rule, { set, at }: KeptSet, index: number, oldest: boolean): string | undefined {
  if (at <= rule.after) return 'too old';
  if (rule.left === 0) return 'count spent on newer sets';
  const period = rule.period(at, index);
  if (rule.current?.period === period && !oldest) return `${rule.current.set} stands for it`;
  rule.current = { period, set };
  rule.left -= 1;
  return undefined;
}

/** Rules in use. Without a set that is not in the future, 'within' reaches back for ever, as with restic. */
function rulesOf(policy: RetentionPolicy, newest: Millis | undefined): Rule[] {
  const calendar = Calendar.of(policy.timeZone);
  const each = (_: Millis, index: number) => index;
  const hour = (at: Millis) => calendar.hour(at);
  const day = (at: Millis) => calendar.day(at);
  const week = (at: Millis) => calendar.week(at);
  const month = (at: Millis) => calendar.month(at);
  const year = (at: Millis) => calendar.year(at);

  const counted = (name: string, period: Rule['period'], count: number): Rule[] =>
    count === 0 ? [] : [{ name, period, left: count < 0 ? Infinity : count, after: -Infinity }];
  const within = (name: string, period: Rule['period'], hours: number): Rule[] =>
    hours === 0 ? [] : [{ name, period, left: Infinity, after: newest === undefined ? -Infinity : calendar.settled(newest) - hours * HOUR }];

  return [
    ...within('within', each, policy.withinHours),
    ...counted('last', each, policy.last),
    ...counted('hourly', hour, policy.hourly),
    ...counted('daily', day, policy.daily),
    ...counted('weekly', week, policy.weekly),
    ...counted('monthly', month, policy.monthly),
    ...counted('yearly', year, policy.yearly),
    ...within('within-hourly', hour, policy.withinHourlyHours),
    ...within('within-daily', day, policy.withinDailyHours),
    ...within('within-weekly', week, policy.withinWeeklyHours),
    ...within('within-monthly', month, policy.withinMonthlyHours),
    ...within('within-yearly', year, policy.withinYearlyHours),
  ];
}
