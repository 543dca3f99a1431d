/** The functions of plans and sites, and what starts them: schedules and events. What neither Scheduler nor Lambda can get rid of ends in one queue. */
import { Aws, Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { PlanEnv, SiteEnv } from './contract';
import { acknowledge } from '../private/acknowledge';
import { BundledFunction } from '../private/bundled-function';
import { viaService } from '../private/kms-via-service';
import { HandlerOptions } from '../shared';

export function createDeadLetterQueue(scope: Construct, id: string): sqs.Queue {
  const queue = new sqs.Queue(scope, id, { enforceSSL: true, encryption: sqs.QueueEncryption.SQS_MANAGED, retentionPeriod: Duration.days(14) });
  acknowledge(queue, { 'AwsSolutions-SQS3': 'this is the dead-letter queue', 'Serverless-SQSRedrivePolicy': 'this is the dead-letter queue' });
  return queue;
}

export interface HandlerSpec {
  readonly entry: string;
  readonly description: string;
  readonly memorySize: number;
  readonly minutes: number;
}

/** Runs that fail are repeated, then kept; the next tick does their work anyhow. */
export function createHandler(
  scope: Construct, id: string, { entry, description, memorySize, minutes }: HandlerSpec, environment: PlanEnv | SiteEnv,
  options: HandlerOptions, deadLetterQueue: sqs.IQueue,
): BundledFunction {
  const handler = new BundledFunction(scope, id, {
    entry: `ebs-snapshot-dr/${entry}`,
    description,
    environment,
    memorySize,
    timeout: Duration.minutes(minutes),
    options,
  });
  keepFailures(handler, deadLetterQueue);
  return handler;
}

function keepFailures(handler: BundledFunction, deadLetterQueue: sqs.IQueue): void {
  handler.function.configureAsyncInvoke({
    retryAttempts: 2,
    maxEventAge: Duration.hours(1),
    // CDK's own destination would let the function read the queue's attributes as well.
    onFailure: { bind: () => ({ destination: deadLetterQueue.queueArn }) },
  });
  allowSending(handler, deadLetterQueue);
  acknowledge(handler, { 'Serverless-LambdaDLQ': 'what fails goes to its failure destination, which keeps the error beside the event' });
}

function allowSending({ grantPrincipal }: iam.IGrantable, queue: sqs.IQueue): void {
  const key = queue.encryptionMasterKey;
  grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }));
  if (!key) return;
  grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement({
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [key.keyArn], conditions: viaService('sqs'),
  }));
}

export const EVERY_5_MINUTES = scheduler.ScheduleExpression.rate(Duration.minutes(5));
export const HOURLY = scheduler.ScheduleExpression.rate(Duration.hours(1));

/** The schedules of one construct, with the one role they start functions with. */
export class Schedules extends Construct {
  private readonly role: iam.Role;

  constructor(scope: Construct, id: string, private readonly deadLetterQueue: sqs.IQueue) {
    super(scope, id);
    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', { conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } } }),
    });
    allowSending(this.role, deadLetterQueue);
  }

  /** Not within a window: an RPO leaves no room for one. */
  public start(
    id: string, description: string, schedule: scheduler.ScheduleExpression, handler: BundledFunction, input: object = {},
  ): scheduler.Schedule {
    this.role.addToPolicy(new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [handler.function.functionArn] }));
    return new scheduler.Schedule(this, id, {
      description,
      schedule,
      timeWindow: scheduler.TimeWindow.off(),
      target: {
        bind: () => ({
          arn: handler.function.functionArn,
          role: this.role,
          input: scheduler.ScheduleTargetInput.fromObject(input),
          retryPolicy: { maximumEventAgeInSeconds: Duration.hours(1).toSeconds(), maximumRetryAttempts: 20 },
          deadLetterConfig: { arn: this.deadLetterQueue.queueArn },
        }),
      },
    });
  }
}

/** What a function run by a schedule is told of the time it was meant to run. */
export const SCHEDULED_TIME = { scheduledTime: scheduler.ContextAttribute.scheduledTime };

/** Events come when they come: best effort, and every tick does without them. */
export function onEvents(
  scope: Construct, id: string, description: string, eventPattern: events.EventPattern, handlers: readonly BundledFunction[],
): events.Rule {
  const rule = new events.Rule(scope, id, { description, eventPattern });
  acknowledge(rule, { 'Serverless-EventBusDLQ': 'a lost event costs minutes: every tick does without' });
  for (const handler of handlers) {
    rule.addTarget({ bind: () => ({ arn: handler.function.functionArn }) });
    allowInvoking(handler.function, rule, id);
  }
  return rule;
}

function allowInvoking(handler: lambda.Function, rule: events.Rule, id: string): void {
  handler.addPermission(`AllowEvents${id}`, {
    principal: new iam.ServicePrincipal('events.amazonaws.com'),
    sourceArn: rule.ruleArn,
    sourceAccount: Aws.ACCOUNT_ID,
  });
}
