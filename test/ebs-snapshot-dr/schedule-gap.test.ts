import { Duration, TimeZone, Token } from 'aws-cdk-lib';
import { EbsSchedule } from '../../src';
import { CronFields, gapsOf } from '../../src/ebs-snapshot-dr/schedule-gap';

const HOUR = 60;
const DAY = 24 * HOUR;

describe('the largest gap', () => {
  test.each<[CronFields, string, number, string]>([
    [{}, 'Etc/UTC', 1, 'every minute'],
    [{ minute: '0' }, 'Etc/UTC', HOUR, 'hourly'],
    [{ minute: '*/15' }, 'Etc/UTC', 15, 'steps'],
    [{ minute: '5/20' }, 'Etc/UTC', 20, 'steps from a minute on'],
    [{ minute: '0,10' }, 'Etc/UTC', 50, 'a list'],
    [{ minute: '0', hour: '8-18' }, 'Etc/UTC', 14 * HOUR, 'office hours: the night'],
    [{ minute: '0', hour: '8-18/2', weekDay: 'MON-FRI' }, 'Etc/UTC', 2 * DAY + 14 * HOUR, 'working days: the weekend'],
    [{ minute: '0', hour: '3', weekDay: 'sun' }, 'Etc/UTC', 7 * DAY, 'weekly'],
    [{ minute: '0', hour: '3', day: '1' }, 'Etc/UTC', 31 * DAY, 'monthly'],
    [{ minute: '0', hour: '3', day: '31' }, 'Etc/UTC', 61 * DAY, 'months without a 31st'],
    [{ minute: '0', hour: '3', day: '1', month: 'JAN,JUL' }, 'Etc/UTC', 184 * DAY, 'by months'],
    [{ minute: '0', hour: '3' }, 'Asia/Kolkata', DAY, 'a zone without changes'],
    [{ minute: '0' }, 'Europe/Berlin', 2 * HOUR, 'an hour that comes twice counts once'],
    [{ minute: '0', hour: '1,8' }, 'America/New_York', 18 * HOUR, 'an hour that comes twice may count by its second run'],
    [{ minute: '0', hour: '12' }, 'Europe/Berlin', DAY + HOUR, 'the day of 25 hours'],
    [{ minute: '30', hour: '2' }, 'Europe/Berlin', 47 * HOUR, 'a time that one day does not have'],
    [{ minute: '30', hour: '2' }, 'America/New_York', 47 * HOUR, 'west of Greenwich'],
    [{ minute: '*/15' }, 'Australia/Lord_Howe', 45, 'a change by half an hour'],
  ])('of %j in %s is %i minutes: %s', (fields, zone, minutes) => {
    expect(gapsOf(fields, zone).largest).toBe(minutes);
  });

  test('leap days are days', () => {
    expect(() => gapsOf({ day: '29', month: '2', hour: '0', minute: '0' }, 'UTC')).toThrow('a schedule must have at least two times in two years, got 1');
  });

  test('agrees with counting every minute by the calendar of the runtime', () => {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hourCycle: 'h23', hour: '2-digit', minute: '2-digit', weekday: 'short' });
    const gaps: number[] = [];
    let previous = NaN;
    // A month with the change back, of the second year looked at.
    for (let instant = Date.UTC(2028, 9, 1); instant < Date.UTC(2028, 10, 5); instant += 60_000) {
      const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
      if (parts.hour !== '06' || parts.minute !== '45' || !['Mon', 'Thu'].includes(parts.weekday)) continue;
      gaps.push((instant - previous) / 60_000);
      previous = instant;
    }
    expect(gapsOf({ minute: '45', hour: '6', weekDay: 'MON,THU' }, 'Europe/Berlin').largest).toBe(Math.max(...gaps.slice(1)));
  });
});

describe('what cannot be read is refused', () => {
  test.each<[CronFields, string]>([
    [{ minute: '60' }, "'minute' must be of numbers from 0 to 59, lists, ranges, steps and '*', got '60'"],
    [{ minute: '' }, "'minute' must be of numbers from 0 to 59, lists, ranges, steps and '*', got ''"],
    [{ hour: '5-3' }, "'hour' must be of numbers from 0 to 23, lists, ranges, steps and '*', got '5-3'"],
    [{ hour: '*/0' }, "'hour' must be of numbers from 0 to 23, lists, ranges, steps and '*', got '*/0'"],
    [{ day: 'L' }, "'day' must be of numbers from 1 to 31, lists, ranges, steps and '*', got 'L'"],
    [{ day: '0' }, "'day' must be of numbers from 1 to 31, lists, ranges, steps and '*', got '0'"],
    [{ month: 'FOO' }, "'month' must be of numbers from 1 to 12, names, lists, ranges, steps and '*', got 'FOO'"],
    [{ weekDay: 'MON#1' }, "'weekDay' must be of numbers from 1 to 7, names, lists, ranges, steps and '*', got 'MON#1'"],
    [{ minute: '1-2-3' }, "'minute' must be of numbers from 0 to 59, lists, ranges, steps and '*', got '1-2-3'"],
    [{ minute: '1/2/3' }, "'minute' must be of numbers from 0 to 59, lists, ranges, steps and '*', got '1/2/3'"],
  ])('%j', (fields, message) => {
    expect(() => gapsOf(fields, 'UTC')).toThrow(message);
  });

  test('a zone that does not exist', () => {
    expect(() => EbsSchedule.cron({ timeZone: TimeZone.of('Mars/Olympus') })).toThrow("'timeZone' must be the IANA name of a zone, got 'Mars/Olympus'");
  });

  test('a schedule that ends', () => {
    expect(() => EbsSchedule.cron({ year: '2027' })).toThrow("'year' must not be given, got '2027': protection would end; leave it out");
  });

  test.each([Duration.minutes(4), Duration.seconds(330)])('a rate of %s', (interval) => {
    expect(() => EbsSchedule.rate(interval)).toThrow(`'interval' must be at least 5 minutes, in whole ones, got ${interval.toHumanString()}`);
  });

  test('a rate that is not known', () => {
    expect(() => EbsSchedule.rate(Duration.minutes(Token.asNumber({ Ref: 'N' })))).toThrow("'interval' must be known at synth, got a token");
  });
});
