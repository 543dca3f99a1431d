import { EXACTLY_ONCE, type DeliveryPlan } from './delivery';
import type { TargetAnswer } from './event-bridge';
import { uuid } from './s3-events';
import { nextFiring } from './schedule';
import type { ScheduleModel } from '../template';

/** Calls a schedule's target as `scheduler.amazonaws.com`. */
export type CallScheduled = (
  targetArn: string, schedule: ScheduleModel, input: string, attributes?: Readonly<Record<string, string>>,
) => TargetAnswer | Promise<TargetAnswer>;

/** Time as the dispatcher needs it: the {@link Timeline}'s, or any other virtual clock's. */
export interface ScheduleClock {
  readonly now: number;
  /** Milliseconds since 1970. */
  at(due: number, run: () => Promise<void>): void;
}

/** First wait; it doubles up to the longest (EventBridge Scheduler user guide: exponential; its lengths are not documented). */
const FIRST_BACKOFF = 1;
const LONGEST_BACKOFF = 300;

/** EventBridge Scheduler: time zones, at-least-once delivery, context attributes, retries, dead-letter queues. */
export class SchedulerDispatcher {
  private readonly fired = new Map<string, number>();

  constructor(
    private readonly schedules: readonly ScheduleModel[],
    private readonly clock: ScheduleClock,
    private readonly call: CallScheduled,
    public plan: DeliveryPlan = EXACTLY_ONCE,
  ) {}

  /** Lays out everything that fires after now, up to this time. @param since when rates began; a deployment's time */
  public run(until: number, since = this.clock.now): void {
    for (const schedule of this.schedules) {
      if (schedule.enabled) this.lay(schedule, Math.max(this.clock.now, this.fired.get(schedule.arn) ?? 0), until, since);
    }
  }

  private lay(schedule: ScheduleModel, after: number, until: number, since: number): void {
    const { endAt = Infinity, expression, startAt = since, timeZone } = schedule;
    const due = nextFiring({ text: expression, timeZone, start: startAt }, after);
    if (due === undefined || due > Math.min(until, endAt)) return;
    this.clock.at(due, async () => {
      this.fired.set(schedule.arn, due);
      this.fire(schedule, due);
      this.lay(schedule, due, until, since);
    });
  }

  private fire(schedule: ScheduleModel, scheduledAt: number): void {
    const name = `${schedule.arn}/${scheduledAt}`;
    this.plan.copies(name).forEach((delay, copy) => {
      this.clock.at(scheduledAt + delay * 1000, () => this.deliver(schedule, scheduledAt, uuid(name, copy), this.clock.now, 1));
    });
  }

  private async deliver(schedule: ScheduleModel, scheduledAt: number, execution: string, since: number, attempt: number): Promise<void> {
    const { arn, deadLetterArn, maximumEventAgeSeconds, maximumRetryAttempts, targetArn } = schedule;
    const input = fill(schedule.input, {
      'schedule-arn': arn, 'scheduled-time': iso(scheduledAt), 'execution-id': execution, 'attempt-number': String(attempt),
    });
    const answer = await this.call(targetArn, schedule, input);
    if (answer === 'accepted') return;
    const wait = Math.min(FIRST_BACKOFF * 2 ** (attempt - 1), LONGEST_BACKOFF);
    const exhausted = answer === 'refused' ? 'NotRetryable'
      : attempt > maximumRetryAttempts ? 'MaximumRetryAttempts'
        : this.clock.now + wait * 1000 - since > maximumEventAgeSeconds * 1000 ? 'MaximumEventAgeInSeconds' : undefined;
    if (exhausted === undefined) {
      this.clock.at(this.clock.now + wait * 1000, () => this.deliver(schedule, scheduledAt, execution, since, attempt + 1));
    } else if (deadLetterArn !== undefined) {
      // "Configuring a dead-letter queue for EventBridge Scheduler".
      await this.call(deadLetterArn, schedule, input, {
        SCHEDULE_ARN: arn,
        TARGET_ARN: targetArn,
        EXECUTION_ID: execution,
        RETRY_ATTEMPTS: String(attempt - 1),
        ERROR_CODE: answer === 'refused' ? 'AWS.Scheduler.NoPermissions' : 'AWS.Scheduler.InternalServerError',
        EXHAUSTED_RETRY_CONDITION: exhausted,
      });
    }
  }
}

/** "Adding context attributes in EventBridge Scheduler". */
function fill(input: string, attributes: Readonly<Record<string, string>>): string {
  return input.replace(/<aws\.scheduler\.([\w-]+)>/g, (found: string, name: string) => attributes[name] ?? found);
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
