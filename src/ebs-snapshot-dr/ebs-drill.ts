import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { DrillSettings } from './contract';
import { EbsSchedule } from './ebs-schedule';
import { checkKnown } from '../private/validate';

/** Options of `EbsDrill.scheduled()`. */
export interface EbsDrillOptions {
  /**
   * Asked whether the stack works: invoked with `{ drill, stack, outputs }`, it answers an object whose `ok` is true, with anything
   * that is to stand in the evidence.
   * @default - a stack that comes up counts as working
   */
  readonly probe?: lambda.IFunction;
  /**
   * Time after the probe's answer until the stack is deleted, at most 7 days and less than until the next drill.
   * @default Duration.minutes(0)
   */
  readonly teardownAfter?: Duration;
  /**
   * Time for the stack to come up, 5 minutes to 24 hours. Then the drill has failed.
   * @default Duration.hours(2)
   */
  readonly maxRestore?: Duration;
}

/** Restores that are rehearsed: a stack of the newest sets comes up, is probed, and goes. Signed evidence stays. */
export class EbsDrill {
  /** At the times of a schedule. */
  public static scheduled(schedule: EbsSchedule, options: EbsDrillOptions = {}): EbsDrill {
    const { teardownAfter = Duration.minutes(0), maxRestore = Duration.hours(2) } = options;
    const settings = {
      teardownAfterSeconds: secondsOf('teardownAfter', teardownAfter, Duration.minutes(0), Duration.days(7)),
      maxRestoreSeconds: secondsOf('maxRestore', maxRestore, Duration.minutes(5), Duration.days(1)),
    };
    if (settings.teardownAfterSeconds >= schedule._smallestGap.toSeconds()) {
      throw new Error(`'teardownAfter' must be less than ${schedule._smallestGap.toHumanString()}, when the next drill begins, got ${teardownAfter.toHumanString()}`);
    }
    return new EbsDrill(schedule, options.probe, settings);
  }

  private constructor(
    /** @internal */
    public readonly _schedule: EbsSchedule,
    /** @internal */
    public readonly _probe: lambda.IFunction | undefined,
    /** @internal */
    public readonly _settings: DrillSettings,
  ) {}
}

function secondsOf(name: string, duration: Duration, min: Duration, max: Duration): number {
  checkKnown(name, duration);
  const seconds = duration.toSeconds({ integral: false });
  if (seconds < min.toSeconds() || seconds > max.toSeconds()) {
    throw new Error(`'${name}' must be ${min.toHumanString()} to ${max.toHumanString()}, got ${duration.toHumanString()}`);
  }
  return seconds;
}
