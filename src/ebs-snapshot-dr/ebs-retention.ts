import { Duration, Token } from 'aws-cdk-lib';
import { RetentionPolicy } from './contract';

/**
 * How many sets of each instance are kept. A count goes to calendar units in which there are sets: `daily: 7` keeps the
 * newest set of each of the last seven days that have one. 0 keeps none, -1 all of them.
 */
export interface EbsGfsRetention {
  /**
   * Newest sets.
   * @default 0
   */
  readonly last?: number;
  /**
   * Hours of which the newest set is kept.
   * @default 0
   */
  readonly hourly?: number;
  /**
   * Days of which the newest set is kept.
   * @default 0
   */
  readonly daily?: number;
  /**
   * ISO weeks of which the newest set is kept.
   * @default 0
   */
  readonly weekly?: number;
  /**
   * Months of which the newest set is kept.
   * @default 0
   */
  readonly monthly?: number;
  /**
   * Years of which the newest set is kept.
   * @default 0
   */
  readonly yearly?: number;
  /**
   * Everything so long before the newest set.
   * @default - not in use
   */
  readonly within?: Duration;
  /**
   * The newest set of each hour, so long before the newest set.
   * @default - not in use
   */
  readonly withinHourly?: Duration;
  /**
   * The newest set of each day, so long before the newest set.
   * @default - not in use
   */
  readonly withinDaily?: Duration;
  /**
   * The newest set of each ISO week, so long before the newest set.
   * @default - not in use
   */
  readonly withinWeekly?: Duration;
  /**
   * The newest set of each month, so long before the newest set.
   * @default - not in use
   */
  readonly withinMonthly?: Duration;
  /**
   * The newest set of each year, so long before the newest set.
   * @default - not in use
   */
  readonly withinYearly?: Duration;
}

/**
 * Which sets of an instance are kept, as restic's `forget` decides it, by the calendar of the schedule's time zone.
 * Whatever it says, the last good set, the newest copy of each volume and all that is in use stay.
 */
export class EbsRetention {
  /** By generations: a set that any of the rules keeps is kept. */
  public static gfs(generations: EbsGfsRetention): EbsRetention {
    return new EbsRetention(generations);
  }

  /** So many of the newest sets. */
  public static last(count: number): EbsRetention {
    return new EbsRetention({ last: count });
  }

  /** All sets that are younger than this. */
  public static youngerThan(age: Duration): EbsRetention {
    check('age', age);
    return new EbsRetention({ within: age });
  }

  private constructor(private readonly generations: EbsGfsRetention) {
    for (const [name, value] of Object.entries(generations) as [string, number | Duration | undefined][]) check(name, value);
    const values = Object.values(this._policy('UTC'));
    if (!values.some((value) => typeof value === 'number' && value !== 0)) {
      throw new Error("'retention' must keep something, got rules that keep nothing: give at least one of last, hourly, daily, weekly, monthly, yearly or within");
    }
  }

  /** @internal */
  public _policy(timeZone: string): RetentionPolicy {
    const { last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0, ...within } = this.generations;
    return {
      last,
      hourly,
      daily,
      weekly,
      monthly,
      yearly,
      withinHours: hoursOf(within.within),
      withinHourlyHours: hoursOf(within.withinHourly),
      withinDailyHours: hoursOf(within.withinDaily),
      withinWeeklyHours: hoursOf(within.withinWeekly),
      withinMonthlyHours: hoursOf(within.withinMonthly),
      withinYearlyHours: hoursOf(within.withinYearly),
      timeZone,
    };
  }
}

function check(name: string, value: number | Duration | undefined): void {
  if (value === undefined) return;
  if (value instanceof Duration ? value.isUnresolved() : Token.isUnresolved(value)) {
    throw new Error(`'${name}' must be known at synth, got a token: it stands in the function's settings`);
  }
  if (value instanceof Duration) {
    if (value.toHours({ integral: false }) < 1) throw new Error(`'${name}' must be at least 1 hour, got ${value.toHumanString()}`);
  } else if (!Number.isInteger(value) || value < -1 || value > 10_000) {
    throw new Error(`'${name}' must be a whole number from 0 to 10000, or -1 for all, got ${value}`);
  }
}

function hoursOf(duration: Duration | undefined): number {
  return duration?.toHours({ integral: false }) ?? 0;
}
