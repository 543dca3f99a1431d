import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  App, Duration, Stack, TimeZone, aws_events as events, aws_events_targets as eventTargets, aws_iam as iam, aws_lambda as lambda,
  aws_scheduler as scheduler, aws_scheduler_targets as targets, aws_sqs as sqs,
} from 'aws-cdk-lib';
import type { TargetAnswer } from './dispatch/event-bridge';
import { nextFiring } from './dispatch/schedule';
import { SchedulerDispatcher } from './dispatch/scheduler';
import { EPOCH, Timeline } from './dispatch/timeline';
import { TemplateModel, type ScheduleModel } from './template';
import { World } from './world';

const HOUR = 3_600_000;
const iso = (time: number | undefined) => time === undefined ? undefined : new Date(time).toISOString().slice(0, 16);

function firings(text: string, from: string, count: number, timeZone = 'UTC'): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  let at: number | undefined = Date.parse(`${from}:00Z`);
  for (let i = 0; i < count && at !== undefined; i++) {
    at = nextFiring({ text, timeZone, start: Date.parse(`${from}:00Z`) }, at);
    found.push(iso(at));
  }
  return found;
}

describe('firings', () => {
  test.each<[string, string, string[]]>([
    ['cron(0 * * * ? *)', 'every hour', ['2026-01-01T01:00', '2026-01-01T02:00']],
    ['cron(15/30 8-9 * * ? *)', 'steps and ranges', ['2026-01-01T08:15', '2026-01-01T08:45', '2026-01-01T09:15', '2026-01-01T09:45', '2026-01-02T08:15']],
    ['cron(0 12 ? * MON-FRI *)', 'working days', ['2026-01-01T12:00', '2026-01-02T12:00', '2026-01-05T12:00']],
    ['cron(0 0 L * ? *)', 'the last day of a month', ['2026-01-31T00:00', '2026-02-28T00:00']],
    ['cron(0 0 1W * ? *)', 'the working day nearest to the first', ['2026-02-02T00:00', '2026-03-02T00:00']],
    ['cron(0 0 ? * 6L *)', 'the last Friday', ['2026-01-30T00:00', '2026-02-27T00:00']],
    ['cron(0 0 ? * SUN#1 *)', 'the first Sunday', ['2026-01-04T00:00', '2026-02-01T00:00']],
    ['cron(0 0 29 2 ? *)', 'a leap day', ['2028-02-29T00:00']],
    ['rate(90 minutes)', 'a rate, from its start', ['2026-01-01T01:30', '2026-01-01T03:00']],
    ['at(2026-05-01T10:00:00)', 'once', ['2026-05-01T10:00']],
    ['cron(0 0 1 1 ? 2027)', 'in one year', ['2027-01-01T00:00']],
  ])('%s: %s', (text, _, expected) => {
    expect(firings(text, '2026-01-01T00:00', expected.length)).toEqual(expected);
  });

  test('once and a past year fire no more', () => {
    expect(firings('at(2026-05-01T10:00:00)', '2026-05-01T10:00', 1)).toEqual([undefined]);
    expect(firings('cron(0 0 1 1 ? 2025)', '2026-01-01T00:00', 1)).toEqual([undefined]);
  });

  test('a time that the clocks skip does not come; one that they repeat comes once', () => {
    expect(firings('cron(30 2 * * ? *)', '2026-03-28T00:00', 3, 'Europe/Berlin')).toEqual(['2026-03-28T01:30', '2026-03-30T00:30', '2026-03-31T00:30']);
    expect(firings('cron(30 2 * * ? *)', '2026-10-24T12:00', 2, 'Europe/Berlin')).toEqual(['2026-10-25T00:30', '2026-10-26T01:30']);
    // Hourly, the repeated hour leaves two hours between two firings.
    expect(firings('cron(0 * * * ? *)', '2026-10-24T23:30', 3, 'Europe/Berlin')).toEqual(['2026-10-25T00:00', '2026-10-25T02:00', '2026-10-25T03:00']);
  });

  test('a rate does not know of clocks', () => {
    expect(firings('rate(1 day)', '2026-03-28T02:30', 2, 'Europe/Berlin')).toEqual(['2026-03-29T02:30', '2026-03-30T02:30']);
  });

  test.each(['cron(0 * * * *)', 'cron(0 0 1 * 2 *)', 'cron(60 * * * ? *)', 'rate(0 minutes)', 'rate(5 weeks)', 'every hour'])('%s is refused', (text) => {
    expect(() => firings(text, '2026-01-01T00:00', 1)).toThrow(/must/);
  });
});

describe('in a world', () => {
  let world: World;
  const folder = mkdtempSync(join(tmpdir(), 'kit-scheduler-'));

  beforeAll(async () => {
    process.env.CDK_VALIDATION = 'false';
    writeFileSync(join(folder, 'index.mjs'), 'export const handler = async (event) => event;');
    const stack = new Stack(new App(), 'Scheduled');
    const dead = new sqs.Queue(stack, 'Dead');
    const fn = new lambda.Function(stack, 'Fn', {
      code: lambda.Code.fromAsset(folder), handler: 'index.handler', runtime: lambda.Runtime.NODEJS_24_X, retryAttempts: 0,
    });
    const role = (id: string) => new iam.Role(stack, id, { assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com') });
    const [allowed, denied] = [role('Allowed'), role('Denied')];
    fn.grantInvoke(allowed);
    dead.grantSendMessages(denied);
    const input = scheduler.ScheduleTargetInput.fromObject({ at: scheduler.ContextAttribute.scheduledTime });
    const schedule = scheduler.ScheduleExpression.rate(Duration.hours(1));
    for (const [id, role1] of [['Hourly', allowed], ['Refused', denied]] as const) {
      new scheduler.Schedule(stack, id, {
        schedule, target: { bind: () => ({ arn: fn.functionArn, role: role1, input, deadLetterConfig: { arn: dead.queueArn } }) },
      });
    }
    new events.Rule(stack, 'Rule', { eventPattern: { source: ['aws.ec2'] }, targets: [new eventTargets.LambdaFunction(fn)] });
    world = await World.start({ stack });
  }, 60_000);
  afterAll(async () => {
    await world?.stop();
    rmSync(folder, { recursive: true });
  });

  test('a schedule invokes under its role; what the role may not goes to the queue', async () => {
    await world.begin();
    world.scheduler.run(world.timeline.now + HOUR);
    await world.settle();
    expect(world.runs.map(({ outcome }) => outcome.payload)).toEqual([{ at: expect.stringMatching(/^2026-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) }]);
    expect(world.queue('Dead').ledger.waiting).toBe(1);
  });

  test('an event of EC2 finds its rule', async () => {
    await world.begin();
    world.put({ 'id': '1', 'source': 'aws.ec2', 'detail-type': 'EBS Snapshot Notification', 'detail': {} });
    await world.settle();
    expect(world.runs.map(({ event }) => event)).toEqual([expect.objectContaining({ source: 'aws.ec2' })]);
  });
});

describe('the dispatcher', () => {
  const SCHEDULE: ScheduleModel = {
    logicalId: 'S',
    arn: 'arn:s',
    enabled: true,
    expression: 'rate(1 hour)',
    timeZone: 'UTC',
    targetArn: 'arn:f',
    roleArn: 'arn:r',
    input: '{"at":"<aws.scheduler.scheduled-time>","try":"<aws.scheduler.attempt-number>","other":"<aws.scheduler.unknown>"}',
    maximumEventAgeSeconds: 3600,
    maximumRetryAttempts: 2,
    deadLetterArn: 'arn:q',
  };

  function dispatched(schedule: Partial<ScheduleModel>, answers: readonly TargetAnswer[], copies: readonly number[] = [0]) {
    const timeline = new Timeline();
    const calls: { at: number; target: string; input: string; attributes?: Readonly<Record<string, string>> }[] = [];
    const dispatcher = new SchedulerDispatcher([{ ...SCHEDULE, ...schedule }], timeline, (target, _, input, attributes) => {
      calls.push({ at: (timeline.now - EPOCH) / 1000, target, input, attributes });
      return target === 'arn:q' ? 'accepted' : answers[calls.length - 1] ?? 'accepted';
    }, { copies: () => copies, losesDelete: () => false, order: (candidates) => candidates });
    return { calls, dispatcher, timeline };
  }

  test('tells the scheduled time, however late it delivers, and may deliver twice', async () => {
    const { calls, dispatcher, timeline } = dispatched({}, [], [0, 90]);
    dispatcher.run(EPOCH + 2 * HOUR);
    await timeline.drain();
    expect(calls.map(({ at }) => at)).toEqual([3600, 3690, 7200, 7290]);
    expect(JSON.parse(calls[1].input)).toEqual({ at: '2026-01-01T01:00:00Z', try: '1', other: '<aws.scheduler.unknown>' });
  });

  test('tries again until its attempts are spent, then leaves it to the queue', async () => {
    const { calls, dispatcher, timeline } = dispatched({}, ['unavailable', 'unavailable', 'unavailable']);
    dispatcher.run(EPOCH + HOUR);
    await timeline.drain();
    expect(calls.map(({ at, target }) => [at, target])).toEqual([[3600, 'arn:f'], [3601, 'arn:f'], [3603, 'arn:f'], [3603, 'arn:q']]);
    expect(calls[3].attributes).toMatchObject({ RETRY_ATTEMPTS: '2', EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts', SCHEDULE_ARN: 'arn:s' });
  });

  test('gives up what is refused, and what is too old', async () => {
    const refused = dispatched({}, ['refused']);
    refused.dispatcher.run(EPOCH + HOUR);
    await refused.timeline.drain();
    expect(refused.calls[1].attributes).toMatchObject({ RETRY_ATTEMPTS: '0', EXHAUSTED_RETRY_CONDITION: 'NotRetryable' });
    const old = dispatched({ maximumEventAgeSeconds: 2, maximumRetryAttempts: 185 }, ['unavailable', 'unavailable', 'unavailable']);
    old.dispatcher.run(EPOCH + HOUR);
    await old.timeline.drain();
    expect(old.calls.at(-1)!.attributes).toMatchObject({ RETRY_ATTEMPTS: '1', EXHAUSTED_RETRY_CONDITION: 'MaximumEventAgeInSeconds' });
  });

  test('goes on where it ended, and leaves out what is disabled or over', async () => {
    const { calls, dispatcher, timeline } = dispatched({}, []);
    dispatcher.run(EPOCH + HOUR, EPOCH);
    await timeline.drain();
    dispatcher.run(EPOCH + 2 * HOUR, EPOCH);
    await timeline.drain();
    expect(calls.map(({ at }) => at)).toEqual([3600, 7200]);
    for (const more of [{ enabled: false }, { endAt: EPOCH + HOUR / 2 }]) {
      const none = dispatched(more, []);
      none.dispatcher.run(EPOCH + 5 * HOUR);
      expect(none.timeline.isIdle).toBe(true);
    }
  });

  test('reads schedules from the template', () => {
    process.env.CDK_VALIDATION = 'false';
    const stack = new Stack(new App(), 'Stack');
    const fn = new lambda.Function(stack, 'Fn', { code: lambda.Code.fromInline('x'), handler: 'index.handler', runtime: lambda.Runtime.NODEJS_24_X });
    new scheduler.Schedule(stack, 'Schedule', {
      schedule: scheduler.ScheduleExpression.cron({ minute: '0', timeZone: TimeZone.EUROPE_BERLIN }),
      timeWindow: scheduler.TimeWindow.off(),
      target: new targets.LambdaInvoke(fn, {
        input: scheduler.ScheduleTargetInput.fromObject({ at: scheduler.ContextAttribute.scheduledTime }),
        maxEventAge: Duration.hours(1),
        retryAttempts: 3,
      }),
    });
    expect(TemplateModel.of(stack).schedules).toEqual([expect.objectContaining({
      enabled: true,
      expression: 'cron(0 * * * ? *)',
      timeZone: 'Europe/Berlin',
      input: '{"at":"<aws.scheduler.scheduled-time>"}',
      maximumEventAgeSeconds: 3600,
      maximumRetryAttempts: 3,
    })]);
  });
});
