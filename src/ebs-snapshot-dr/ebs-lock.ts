import { Duration } from 'aws-cdk-lib';
import { LockSettings } from './contract';
import { checkKnown } from '../private/validate';

/** Options of a lock in compliance mode. */
export interface EbsComplianceLockOptions {
  /**
   * Time after locking in which the lock can still be taken off, 1 to 72 hours.
   * @default - none: nobody can take it off, from the first moment on
   */
  readonly coolOff?: Duration;
}

/** Copies at the site are locked when their set is complete: nobody deletes them while the lock holds. */
export class EbsLock {
  /** For 1 to 36,500 days; those with the permission may take it off. */
  public static governance(period: Duration): EbsLock {
    return new EbsLock({ mode: 'governance', days: daysOf(period) });
  }

  /** For 1 to 36,500 days; nobody can take it off, not even AWS. Storage is paid until the end. */
  public static compliance(period: Duration, options: EbsComplianceLockOptions = {}): EbsLock {
    return new EbsLock({ mode: 'compliance', days: daysOf(period), coolOffHours: hoursOf(options.coolOff) });
  }

  private constructor(
    /** @internal */
    public readonly _settings: LockSettings,
  ) {}
}

function daysOf(period: Duration): number {
  checkKnown('period', period);
  const days = period.toDays({ integral: false });
  if (!Number.isInteger(days) || days < 1 || days > 36_500) throw new Error(`'period' must be 1 to 36500 whole days, got ${period.toHumanString()}`);
  return days;
}

function hoursOf(coolOff: Duration | undefined): number | undefined {
  checkKnown('coolOff', coolOff);
  const hours = coolOff?.toHours({ integral: false });
  if (hours !== undefined && (!Number.isInteger(hours) || hours < 1 || hours > 72)) {
    throw new Error(`'coolOff' must be 1 to 72 whole hours, got ${coolOff!.toHumanString()}`);
  }
  return hours;
}
