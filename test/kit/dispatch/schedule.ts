/**
 * When a schedule of EventBridge Scheduler fires ("Schedule types on EventBridge Scheduler"): a cron expression by the
 * calendar of its zone, where a time that the clocks skip does not come and one that they repeat comes once; a rate by the
 * clock on the wall of nobody, every so many milliseconds.
 */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const UNITS: Readonly<Record<string, number>> = { minute: MINUTE, hour: 60 * MINUTE, day: DAY };
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEK_DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
/** How far ahead a firing is looked for: a leap day and more. */
const HORIZON_DAYS = 9 * 366;

export interface Expression {
  readonly text: string;
  /** IANA name. */
  readonly timeZone: string;
  /** Milliseconds since 1970: a rate begins here. */
  readonly start: number;
}

/** The first firing after a time; undefined if there is none any more. */
export function nextFiring({ start, text, timeZone }: Expression, after: number): number | undefined {
  const [, kind, inner] = /^(cron|rate|at)\((.*)\)$/.exec(text) ?? [];
  switch (kind) {
    case 'rate': {
      const period = periodOf(inner);
      return after < start ? start : start + (Math.floor((after - start) / period) + 1) * period;
    }
    case 'at': {
      const [year, month, day, hour, minute] = inner.split(/\D/).map(Number);
      const at = instantOf({ year, month, day }, hour, minute, timeZone);
      return at !== undefined && at > after ? at : undefined;
    }
    case 'cron': return nextOfCron(inner, timeZone, Math.max(after, start - 1));
    default: throw new Error(`a schedule's expression must be cron(…), rate(…) or at(…), got ${text}`);
  }
}

function periodOf(text: string): number {
  const [, count, unit] = /^(\d+) (minute|hour|day)s?$/.exec(text) ?? [];
  if (unit === undefined || Number(count) < 1) throw new Error(`a rate must be like '5 minutes', got '${text}'`);
  return Number(count) * UNITS[unit];
}

interface CalendarDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

function nextOfCron(text: string, timeZone: string, after: number): number | undefined {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 6) throw new Error(`a cron expression must have six fields, got '${text}'`);
  const [minuteText, hourText, dayText, monthText, weekDayText, yearText] = fields;
  if ((dayText === '?') === (weekDayText === '?')) throw new Error(`one of day of month and day of week must be '?', got '${text}'`);
  const minutes = numbers(minuteText, 0, 59);
  const hours = numbers(hourText, 0, 23);
  const months = numbers(monthText, 1, 12, MONTHS);
  const years = numbers(yearText, 1970, 2199);
  const first = Math.floor((after + offsetAt(timeZone, after)) / DAY);
  for (let number = first; number < first + HORIZON_DAYS; number++) {
    const date = new Date(number * DAY);
    const day = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
    if (!years.has(day.year) || !months.has(day.month) || !isDay(day, dayText, weekDayText)) continue;
    for (const hour of hours) {
      for (const minute of minutes) {
        const instant = instantOf(day, hour, minute, timeZone);
        if (instant !== undefined && instant > after) return instant;
      }
    }
  }
  return undefined;
}

function isDay(day: CalendarDay, dayText: string, weekDayText: string): boolean {
  const last = new Date(Date.UTC(day.year, day.month, 0)).getUTCDate();
  const weekDay = new Date(Date.UTC(day.year, day.month - 1, day.day)).getUTCDay() + 1;
  if (weekDayText === '?') {
    if (dayText === 'L') return day.day === last;
    const [, near] = /^(\d+)W$/.exec(dayText) ?? [];
    return near === undefined ? numbers(dayText, 1, 31).has(day.day) : day.day === workDayNear(day, Number(near), last);
  }
  const [, lastOf] = /^(.+)L$/.exec(weekDayText) ?? [];
  if (lastOf !== undefined) return numbers(lastOf, 1, 7, WEEK_DAYS).has(weekDay) && day.day + 7 > last;
  const [, nthOf, nth] = /^(.+)#([1-5])$/.exec(weekDayText) ?? [];
  if (nthOf !== undefined) return numbers(nthOf, 1, 7, WEEK_DAYS).has(weekDay) && Math.ceil(day.day / 7) === Number(nth);
  return numbers(weekDayText, 1, 7, WEEK_DAYS).has(weekDay);
}

/** The Monday to Friday nearest to a day, within its month. */
function workDayNear({ month, year }: CalendarDay, wanted: number, last: number): number {
  const day = Math.min(wanted, last);
  const weekDay = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  if (weekDay === 6) return day === 1 ? 3 : day - 1;
  if (weekDay === 0) return day === last ? day - 2 : day + 1;
  return day;
}

const FIELDS = new Map<string, ReadonlySet<number>>();

/** Values of a field, ascending. */
function numbers(text: string, min: number, max: number, names: readonly string[] = []): ReadonlySet<number> {
  const key = `${text} ${min} ${max}`;
  let found = FIELDS.get(key);
  if (!found) {
    found = new Set(text.split(',').flatMap((part) => range(part, min, max, names)).sort((a, b) => a - b));
    FIELDS.set(key, found);
  }
  return found;
}

function range(part: string, min: number, max: number, names: readonly string[]): number[] {
  const [span, step = '1'] = part.split('/');
  const [from, to] = span === '*' || span === '?' ? [min, max] : span.split('-').map((value) => numberOf(value, names));
  const end = to ?? (part.includes('/') ? max : from);
  if (!(from >= min && end <= max && Number(step) >= 1)) throw new Error(`a field of a schedule must be ${min} to ${max}, got '${part}'`);
  const values: number[] = [];
  for (let value = from; value <= end; value += Number(step)) values.push(value);
  return values;
}

function numberOf(text: string, names: readonly string[]): number {
  const named = names.indexOf(text.toUpperCase());
  return named >= 0 ? named + 1 : /^\d+$/.test(text) ? Number(text) : NaN;
}

/** When the clocks of the zone show this; the first time if they show it twice, undefined if never. */
function instantOf({ day, month, year }: CalendarDay, hour: number, minute: number, timeZone: string): number | undefined {
  const shown = Date.UTC(year, month - 1, day, hour, minute);
  const offsets = [offsetAt(timeZone, shown - DAY), offsetAt(timeZone, shown + DAY)];
  const instants = offsets.map((offset) => shown - offset).filter((instant) => instant + offsetAt(timeZone, instant) === shown);
  return instants.length === 0 ? undefined : Math.min(...instants);
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** Milliseconds the zone is ahead of UTC. */
function offsetAt(timeZone: string, instant: number): number {
  if (timeZone === 'UTC') return 0;
  let format = FORMATS.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
    FORMATS.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - Math.floor(instant / 1000) * 1000;
}
