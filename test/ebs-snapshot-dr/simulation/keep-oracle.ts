import type { RetentionPolicy } from '../../../src/ebs-snapshot-dr/contract';

const HOUR = 3600_000;

/** What a policy keeps of the times, newest first: written again from restic's documentation, by calendar texts instead of numbers. */
export function keptTimes(newestFirst: readonly number[], policy: RetentionPolicy, now: number): Set<number> {
  const kept = new Set<number>();
  const newest = newestFirst.find((time) => time < now);
  const oldest = newestFirst[newestFirst.length - 1];
  const keep = (of: (texts: Texts) => string, reaches: (time: number) => boolean, count: number) => {
    let left = count < 0 ? Infinity : count;
    let last: string | undefined;
    for (const time of newestFirst) {
      if (left === 0) return;
      if (!reaches(time)) continue;
      const text = of(textsOf(policy.timeZone, time));
      if (text === last && time !== oldest) continue;
      last = text;
      left -= 1;
      kept.add(time);
    }
  };
  const always = () => true;
  const within = (hours: number) => (time: number) => hours > 0 && (newest === undefined || time > newest - hours * HOUR);
  keep(({ time }) => time, always, policy.last);
  keep(({ hour }) => hour, always, policy.hourly);
  keep(({ day }) => day, always, policy.daily);
  keep(({ week }) => week, always, policy.weekly);
  keep(({ month }) => month, always, policy.monthly);
  keep(({ year }) => year, always, policy.yearly);
  keep(({ time }) => time, within(policy.withinHours), -1);
  keep(({ hour }) => hour, within(policy.withinHourlyHours), -1);
  keep(({ day }) => day, within(policy.withinDailyHours), -1);
  keep(({ week }) => week, within(policy.withinWeeklyHours), -1);
  keep(({ month }) => month, within(policy.withinMonthlyHours), -1);
  keep(({ year }) => year, within(policy.withinYearlyHours), -1);
  return kept;
}

interface Texts {
  readonly time: string;
  readonly hour: string;
  readonly day: string;
  readonly week: string;
  readonly month: string;
  readonly year: string;
}

const known = new Map<string, Map<number, Texts>>();
const formats = new Map<string, Intl.DateTimeFormat>();

function textsOf(timeZone: string, time: number): Texts {
  let ofZone = known.get(timeZone);
  if (!ofZone) known.set(timeZone, ofZone = new Map());
  let texts = ofZone.get(time);
  if (!texts) ofZone.set(time, texts = read(timeZone, time));
  return texts;
}

function read(timeZone: string, time: number): Texts {
  let format = formats.get(timeZone);
  if (!format) formats.set(timeZone, format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }));
  const [day, clock] = format.format(time).split(' ');
  const [year, month] = day.split('-');
  return { time: `${time}`, hour: `${day} ${clock.slice(0, 2)}`, day, week: mondayOf(day), month: `${year}-${month}`, year };
}

function mondayOf(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() - (date.getUTCDay() + 6) % 7);
  return date.toISOString().slice(0, 10);
}
