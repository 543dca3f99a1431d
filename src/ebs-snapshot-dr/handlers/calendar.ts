import type { Millis } from './ports';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Clocks have changed at multiples of it since 1972 (IANA Time Zone Database). */
const SLOT = 15 * MINUTE;
const THURSDAY = 4;

/** The calendar of a time zone. Numbers of periods rise with local time and are equal within a period only. */
export class Calendar {
  /** @throws if the zone is unknown */
  public static of(timeZone: string): Calendar {
    const calendar = this.known.get(timeZone) ?? new Calendar(timeZone);
    this.known.set(timeZone, calendar);
    return calendar;
  }

  private static readonly known = new Map<string, Calendar>();

  private readonly format: Intl.DateTimeFormat;
  /** Offsets from UTC by slot: asking Intl takes microseconds, and the same times are asked for again and again. */
  private readonly offsets = new Map<number, number>();

  private constructor(timeZone: string) {
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
  }

  public hour(at: Millis): number {
    return Math.floor(this.wall(at) / HOUR);
  }

  public day(at: Millis): number {
    return Math.floor(this.wall(at) / DAY);
  }

  /** Of ISO 8601, where weeks begin on Monday: 1970 began on a Thursday. */
  public week(at: Millis): number {
    return Math.floor((this.day(at) + THURSDAY - 1) / 7);
  }

  public month(at: Millis): number {
    const date = new Date(this.wall(at));
    return date.getUTCFullYear() * 12 + date.getUTCMonth();
  }

  public year(at: Millis): number {
    return new Date(this.wall(at)).getUTCFullYear();
  }

  /**
   * The time at which clocks show what they show at `at`. It is another one only in an hour that clocks show twice: there it
   * is the time Go's time.Date settles on, which restic counts 'within' from.
   */
  public settled(at: Millis): Millis {
    const wall = this.wall(at);
    return wall - this.offset(wall - this.offset(wall));
  }

  /** What clocks show, as if it were UTC. */
  private wall(at: Millis): Millis {
    return at + this.offset(at);
  }

  private offset(at: Millis): number {
    const slot = Math.floor(at / SLOT);
    const known = this.offsets.get(slot);
    if (known !== undefined) return known;
    const shown: Record<string, string> = {};
    for (const { type, value } of this.format.formatToParts(slot * SLOT)) shown[type] = value;
    const [year, month, day, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map((part) => Number(shown[part]));
    const offset = Date.UTC(year, month - 1, day, hour, minute, second) - slot * SLOT;
    this.offsets.set(slot, offset);
    return offset;
  }
}
