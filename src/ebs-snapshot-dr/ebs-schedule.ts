import { Duration, TimeZone } from 'aws-cdk-lib';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { gapsOf } from './schedule-gap';
import { checkKnown } from '../private/validate';

const MIN_MINUTES = 5;

/** When sets are taken, or drills held. */
export abstract class EbsSchedule {
  /** Every so many minutes, hours or days, counted from deployment. */
  public static rate(interval: Duration): EbsSchedule {
    checkKnown('interval', interval);
    if (!Number.isInteger(interval.toMinutes({ integral: false })) || interval.toMinutes() < MIN_MINUTES) {
      throw new Error(`'interval' must be at least ${MIN_MINUTES} minutes, in whole ones, got ${interval.toHumanString()}`);
    }
    return new Rate(interval);
  }

  /**
   * At times of a calendar, UTC unless `timeZone` is given. Fields take numbers, names, lists, ranges, steps and `*`, with at
   * least 5 minutes between two times. Of times that exist twice when clocks are set back only one is used, and none that
   * clocks skip.
   */
  public static cron(options: scheduler.CronOptionsWithTimezone): EbsSchedule {
    return new Cron(options);
  }

  /** @internal */
  public abstract readonly _expression: scheduler.ScheduleExpression;
  /** @internal Longest time between two of its times, within two years. */
  public abstract readonly _largestGap: Duration;
  /** @internal Shortest one. */
  public abstract readonly _smallestGap: Duration;
  /** @internal IANA name of the zone whose calendar counts. */
  public abstract readonly _timeZone: string;
}

class Rate extends EbsSchedule {
  public readonly _expression: scheduler.ScheduleExpression;
  public readonly _timeZone = TimeZone.ETC_UTC.timezoneName;

  constructor(public readonly _largestGap: Duration) {
    super();
    this._expression = scheduler.ScheduleExpression.rate(_largestGap);
  }

  public get _smallestGap(): Duration {
    return this._largestGap;
  }
}

class Cron extends EbsSchedule {
  public readonly _expression: scheduler.ScheduleExpression;
  public readonly _largestGap: Duration;
  public readonly _smallestGap: Duration;
  public readonly _timeZone: string;

  constructor(options: scheduler.CronOptionsWithTimezone) {
    super();
    const { minute, hour, day, month, weekDay } = options;
    for (const [name, field] of Object.entries({ minute, hour, day, month, weekDay })) checkKnown(name, field);
    if (options.year !== undefined) throw new Error(`'year' must not be given, got '${options.year}': protection would end; leave it out`);
    this._timeZone = (options.timeZone ?? TimeZone.ETC_UTC).timezoneName;
    this._expression = scheduler.ScheduleExpression.cron({ timeZone: TimeZone.ETC_UTC, ...options });
    const { smallest, largest } = gapsOf(options, this._timeZone);
    if (smallest < MIN_MINUTES) {
      throw new Error(`a schedule must leave at least ${MIN_MINUTES} minutes between two times, got ${smallest}; give 'minute', which is every one if left out`);
    }
    this._largestGap = Duration.minutes(largest);
    this._smallestGap = Duration.minutes(smallest);
  }
}
