import type { RetentionPolicy } from '../../../src/ebs-snapshot-dr/contract';
import type { KeptSet } from '../../../src/ebs-snapshot-dr/handlers/ports';
import { retain } from '../../../src/ebs-snapshot-dr/handlers/retention';
import { Prng } from '../../kit/faults';

/** Sets of an instance and a policy over them. */
export interface History {
  readonly zone: string;
  /** In the order of {@link FIELDS}. */
  readonly policy: readonly number[];
  /** Seconds since 1970, each once. */
  readonly times: readonly number[];
}

export const FIELDS = [
  'last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly',
  'withinHours', 'withinHourlyHours', 'withinDailyHours', 'withinWeeklyHours', 'withinMonthlyHours', 'withinYearlyHours',
] as const satisfies ReadonlyArray<keyof RetentionPolicy>;
const RULES = [
  'last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly', 'within', 'within-hourly', 'within-daily', 'within-weekly', 'within-monthly', 'within-yearly',
];

/** Shifts of an hour, of half an hour, at midnight, of a whole day; odd offsets; none. */
const ZONES = [
  'UTC', 'Europe/Berlin', 'Europe/London', 'America/New_York', 'America/St_Johns', 'America/Santiago', 'America/Sao_Paulo', 'Australia/Lord_Howe',
  'Pacific/Apia', 'Pacific/Chatham', 'Pacific/Kiritimati', 'Asia/Kathmandu', 'Asia/Tehran', 'Asia/Beirut', 'Africa/Cairo', 'Atlantic/Azores',
];
/** Ends of weeks, months, years, of years with 53 weeks. */
const EDGES = ['2011-12-30T10:00:00Z', '2015-12-31T23:00:00Z', '2016-02-29T12:00:00Z', '2020-12-31T12:00:00Z', '2021-01-03T23:30:00Z', '2023-04-01T15:00:00Z'].map(seconds);
/** Hours that clocks show twice. */
const SHIFTS = Object.entries({
  'Europe/Berlin': '2024-10-27T01:00:00Z',
  'Europe/London': '2024-10-27T01:00:00Z',
  'Atlantic/Azores': '2024-10-27T01:00:00Z',
  'America/New_York': '2024-11-03T06:00:00Z',
  'America/St_Johns': '2024-11-03T04:30:00Z',
  'America/Santiago': '2024-04-07T03:00:00Z',
  'America/Sao_Paulo': '2018-02-18T02:00:00Z',
  'Australia/Lord_Howe': '2024-04-06T15:00:00Z',
  'Pacific/Chatham': '2024-04-06T14:00:00Z',
  'Asia/Tehran': '2021-09-21T19:30:00Z',
  'Asia/Beirut': '2021-10-30T21:00:00Z',
}).map(([zone, time]) => ({ zone, around: seconds(time) }));
const FROM = seconds('2010-01-01T00:00:00Z');
const UNTIL = seconds('2026-01-01T00:00:00Z');
/** Restic's 'now' is its machine's clock: what is in the future must be for a long time. */
const FUTURE = seconds('2090-01-01T00:00:00Z');
const HOUR = 3600;
const SPACINGS = [60, 900, 1800, HOUR, 4 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR];

export function randomHistory(prng: Prng): History {
  const { zone, around } = prng.chance(0.4) ? prng.pick(SHIFTS) : anywhere(prng);
  /** 'Within' counts from the newest set: here it is close to the edge. */
  const until = prng.chance(0.3) ? around + HOUR : UNTIL;
  const spacing = prng.pick(SPACINGS);
  const count = prng.int(0, prng.chance(0.1) ? 300 : 40);
  const times = new Set<number>();
  const regular = prng.chance(0.5);
  for (let i = 0; i < count; i++) {
    const distance = regular ? (i - Math.floor(count / 2)) * spacing : prng.int(-count, count) * spacing + prng.int(0, spacing);
    const time = around - around % 60 + distance;
    if (time > 0 && time < until && !(regular && prng.chance(0.1))) times.add(time);
  }
  const ahead = prng.chance(0.1) ? prng.int(1, 3) : 0;
  for (let i = 0; i < ahead; i++) times.add(FUTURE + prng.int(0, 1000) * 24 * HOUR);
  if (prng.chance(0.02)) times.forEach((time) => time < FUTURE && times.delete(time));
  return { zone, policy: FIELDS.map((_, i) => randomCount(prng, i >= 6)), times: prng.shuffle([...times]) };
}

function anywhere(prng: Prng): { readonly zone: string; readonly around: number } {
  return { zone: prng.pick(ZONES), around: prng.chance(0.5) ? prng.pick(EDGES) : prng.int(FROM, UNTIL) };
}

function randomCount(prng: Prng, hours: boolean): number {
  if (prng.chance(hours ? 0.8 : 0.5)) return 0;
  if (hours) return prng.pick([1, 2, 6, 23, 24, 25, 24 * 7, 24 * 31, 24 * 366, prng.int(1, 10_000)]);
  return prng.chance(0.1) ? -1 : prng.int(1, prng.pick([3, 12, 40]));
}

export function policyOf({ zone, policy }: Pick<History, 'zone' | 'policy'>): RetentionPolicy {
  const counts = Object.fromEntries(FIELDS.map((field, i) => [field, policy[i]])) as Record<typeof FIELDS[number], number>;
  return { ...counts, timeZone: zone };
}

/** What `retain` says in the words of main.go: three hexadecimal digits for each set, newest first, a bit for each rule that keeps it. */
export function decide(history: History, now: number): string {
  const sets = history.times.map((time): KeptSet => ({ set: `i-0@${time}`, instance: 'i-0', at: time * 1000 }));
  return retain(sets, policyOf(history), now).map(({ keep, reasons }) => {
    const bits = keep ? reasons.map((reason) => 2 ** RULES.indexOf(reason)) : [];
    return bits.reduce((sum, bit) => sum + bit, 0).toString(16).padStart(3, '0');
  }).join('');
}

function seconds(time: string): number {
  return Date.parse(time) / 1000;
}
