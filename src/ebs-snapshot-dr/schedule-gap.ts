/** The gaps of a cron schedule, in minutes: an RPO cannot be shorter than the largest. */

export interface CronFields {
  readonly minute?: string;
  readonly hour?: string;
  readonly day?: string;
  readonly month?: string;
  readonly weekDay?: string;
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEK_DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const DAY = 24 * 60;
/** Two years with all that happens in one, a leap day included: 2027-01-01 until 2029-01-01, in days since 1970. */
const [FIRST_DAY, END_DAY] = [20_819, 21_550];

export interface Gaps {
  readonly smallest: number;
  readonly largest: number;
}

/**
 * Of an hour that the clocks repeat Scheduler uses one run, it does not say which: both are looked at.
 *
 * @throws if a field cannot be read, or if the schedule has less than two times in two years
 */
export function gapsOf(fields: CronFields, timeZone: string): Gaps {
  const [first, second] = [false, true].map((useSecond) => gapsWith(fields, clockChanges(timeZone, useSecond)));
  return { smallest: Math.min(first.smallest, second.smallest), largest: Math.max(first.largest, second.largest) };
}

function gapsWith({ minute, hour, day, month, weekDay }: CronFields, changes: readonly ClockChange[]): Gaps {
  // As CDK writes it: a finer field that is not given is any, `*`.
  const minutes = valuesOf('minute', minute ?? '*', 0, 59);
  const hours = valuesOf('hour', hour ?? '*', 0, 23);
  const days = valuesOf('day', day ?? '*', 1, 31);
  const months = valuesOf('month', month ?? '*', 1, 12, MONTHS);
  const weekDays = valuesOf('weekDay', weekDay ?? '*', 1, 7, WEEK_DAYS);
  const times = hours.flatMap((h) => minutes.map((m) => h * 60 + m));

  let [smallest, largest, count, previous, change] = [Infinity, 0, 0, 0, 0];
  for (let date = FIRST_DAY; date < END_DAY; date++) {
    const { monthOfYear, dayOfMonth } = calendarDate(date);
    if (!months.includes(monthOfYear) || !days.includes(dayOfMonth) || !weekDays.includes((date + 4) % 7 + 1)) continue;
    for (const time of times) {
      const local = date * DAY + time;
      while (change + 1 < changes.length && local >= changes[change + 1].local) change++;
      const { offset, skipUntil } = changes[change];
      if (local < skipUntil) continue;
      const instant = local - offset;
      if (count++ > 0) {
        smallest = Math.min(smallest, instant - previous);
        largest = Math.max(largest, instant - previous);
      }
      previous = instant;
    }
  }
  if (count < 2) throw new Error(`a schedule must have at least two times in two years, got ${count}`);
  return { smallest, largest };
}

interface ClockChange {
  /** Local time from which the offset holds, in minutes. */
  readonly local: number;
  /** Minutes ahead of UTC. */
  readonly offset: number;
  /** Local times before this one, though after the change, don't exist. */
  readonly skipUntil: number;
}

/** A repeated hour counts once: the next time after its first run, or its second run from the time before, is an hour further away. */
function clockChanges(timeZone: string, useSecond: boolean): ClockChange[] {
  const offsetAt = zoneOffset(timeZone);
  let offset = offsetAt((FIRST_DAY - 1) * DAY);
  const changes: ClockChange[] = [{ local: -Infinity, offset, skipUntil: -Infinity }];
  for (let date = FIRST_DAY - 1; date <= END_DAY; date++) {
    const next = offsetAt((date + 1) * DAY);
    if (next === offset) continue;
    let [before, after] = [date * DAY, (date + 1) * DAY];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (offsetAt(middle) === offset) before = middle;
      else after = middle;
    }
    const local = after + (useSecond ? Math.min(offset, next) : offset);
    changes.push({ local, offset: next, skipUntil: local + Math.max(0, next - offset) });
    offset = next;
  }
  return changes;
}

function zoneOffset(timeZone: string): (utcMinutes: number) => number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-GB', { timeZone, hourCycle: 'h23', day: '2-digit', hour: '2-digit', minute: '2-digit' });
  } catch {
    throw new Error(`'timeZone' must be the IANA name of a zone, got '${timeZone}'`);
  }
  return (utcMinutes) => {
    const parts = Object.fromEntries(format.formatToParts(utcMinutes * 60_000).map(({ type, value }) => [type, Number(value)]));
    const local = parts.hour * 60 + parts.minute;
    const difference = local - (utcMinutes % DAY);
    const sameDay = parts.day === calendarDate(Math.floor(utcMinutes / DAY)).dayOfMonth;
    if (sameDay) return difference;
    return difference + (local < DAY / 2 ? DAY : -DAY);
  };
}

/** By the algorithm of the proleptic Gregorian calendar with years that begin in March. */
function calendarDate(daysSince1970: number): { monthOfYear: number; dayOfMonth: number } {
  const days = daysSince1970 + 719_468;
  const dayOfEra = days % 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  return {
    monthOfYear: fromMarch < 10 ? fromMarch + 3 : fromMarch - 9,
    dayOfMonth: dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
  };
}

/** Sorted. */
function valuesOf(field: string, text: string, min: number, max: number, names: readonly string[] = []): number[] {
  const refuse = () => new Error(`'${field}' must be of numbers from ${min} to ${max}${names.length > 0 ? ', names' : ''}, lists, ranges, steps and '*', got '${text}'`);
  const numberOf = (word: string): number => {
    const named = names.indexOf(word.toUpperCase());
    const value = named >= 0 ? named + 1 : /^\d+$/.test(word) ? Number(word) : NaN;
    if (!(value >= min && value <= max)) throw refuse();
    return value;
  };
  const values = text.split(',').flatMap((part) => {
    const [range, step = '1', ...more] = part.split('/');
    const [first, last, ...others] = range === '*' || range === '?' ? [String(min), String(max)] : range.split('-');
    if (more.length > 0 || others.length > 0 || !/^[1-9]\d*$/.test(step)) throw refuse();
    const from = numberOf(first);
    const until = last === undefined ? (part.includes('/') ? max : from) : numberOf(last);
    if (until < from) throw refuse();
    return Array.from({ length: Math.floor((until - from) / Number(step)) + 1 }, (_, i) => from + i * Number(step));
  });
  return [...new Set(values)].sort((a, b) => a - b);
}
