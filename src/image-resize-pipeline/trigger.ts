import { Aws, Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ImageSource } from './image-source';
import { acknowledge } from '../private/acknowledge';
import { BundledFunction } from '../private/bundled-function';
import { viaService } from '../private/kms-via-service';
import { sendEventsToEventBridge } from '../private/secure-bucket';

export interface RuleOptions {
  readonly source: ImageSource;
  readonly sourceBucket: s3.IBucket;
  /** Outputs may have the prefix of originals. */
  readonly outputsAmongOriginals: boolean;
  readonly deletions: boolean;
  readonly queue: sqs.IQueue;
  readonly deadLetterQueue: sqs.IQueue;
  readonly encryptionKey?: kms.IKey;
}

/** Takes what neither the rule nor the function got rid of. */
export function deadLetters(scope: Construct, id: string, encryptionKey?: kms.IKey): sqs.Queue {
  const queue = new sqs.Queue(scope, id, { ...secure(encryptionKey), retentionPeriod: Duration.days(14) });
  acknowledge(queue, { 'Serverless-SQSRedrivePolicy': 'this is the dead-letter queue' });
  return queue;
}

/** Where events wait for the function. */
export function eventQueue(
  scope: Construct, id: string, consumer: BundledFunction, maxReceiveCount: number, deadLetterQueue: sqs.IQueue, encryptionKey?: kms.IKey,
): sqs.Queue {
  return new sqs.Queue(scope, id, {
    ...secure(encryptionKey),
    // A message keeps its age in the dead-letter queue: four days here leave ten there.
    retentionPeriod: Duration.days(4),
    visibilityTimeout: visibilityTimeout(consumer),
    deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount },
  });
}

/** How long one attempt may take. */
export function visibilityTimeout(consumer: BundledFunction): Duration {
  return Duration.seconds(6 * consumer.timeout.toSeconds());
}

function secure(encryptionKey?: kms.IKey): sqs.QueueProps {
  return {
    enforceSSL: true,
    encryption: encryptionKey ? sqs.QueueEncryption.KMS : sqs.QueueEncryption.SQS_MANAGED,
    encryptionMasterKey: encryptionKey,
  };
}

/** From the source bucket to the queue. */
export function eventRule(scope: Construct, id: string, options: RuleOptions): events.Rule {
  const { sourceBucket, queue, deadLetterQueue, encryptionKey } = options;
  sendEventsToEventBridge(sourceBucket);
  const key = keyPattern(options);
  const rule = new events.Rule(scope, id, {
    description: 'Originals written and deleted',
    eventPattern: {
      source: ['aws.s3'],
      detailType: ['Object Created', ...(options.deletions ? ['Object Deleted'] : [])],
      detail: { bucket: { name: [sourceBucket.bucketName] }, ...(key && { object: { key } }) },
    },
  });
  rule.addTarget({
    bind: () => ({
      arn: queue.queueArn,
      deadLetterConfig: { arn: deadLetterQueue.queueArn },
      retryPolicy: { maximumEventAgeInSeconds: Duration.hours(24).toSeconds(), maximumRetryAttempts: 185 },
    }),
  });
  for (const target of [queue, deadLetterQueue]) {
    target.addToResourcePolicy(new iam.PolicyStatement({
      principals: [EVENTBRIDGE],
      actions: ['sqs:SendMessage'],
      resources: [target.queueArn],
      conditions: { ArnEquals: { 'aws:SourceArn': rule.ruleArn } },
    }));
  }
  // By account, not by rule: the key would depend on the rule, the rule on the queue, the queue on the key.
  encryptionKey?.addToResourcePolicy(new iam.PolicyStatement({
    principals: [EVENTBRIDGE],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    resources: ['*'],
    conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
  }));
  return rule;
}

const EVENTBRIDGE = new iam.ServicePrincipal('events.amazonaws.com');

/**
 * EventBridge joins conditions on one field by "or", so the rule has one kind and the handler checks both: the prefix,
 * unless the pipeline's own outputs have it too.
 */
function keyPattern({ source, outputsAmongOriginals }: RuleOptions): object[] | undefined {
  const { _prefix: prefix, _suffixes: suffixes } = source;
  if (suffixes.length > 0 && (prefix === '' || outputsAmongOriginals)) {
    return suffixes.map((suffix) => ({ suffix: { 'equals-ignore-case': suffix } }));
  }
  return prefix === '' ? undefined : [{ prefix }];
}

/** From the queue to the function, with the rights it takes. */
export function consume(
  scope: Construct, id: string, consumer: BundledFunction, queue: sqs.IQueue, maxConcurrency: number, encryptionKey?: kms.IKey,
): lambda.EventSourceMapping {
  consumer.allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], [queue.queueArn]);
  if (encryptionKey) consumer.allow(['kms:Decrypt'], [encryptionKey.keyArn], viaService('sqs'));
  const mapping = new lambda.EventSourceMapping(scope, id, {
    target: consumer.function,
    eventSourceArn: queue.queueArn,
    batchSize: 1,
    maxConcurrency,
    reportBatchItemFailures: true,
  });
  acknowledge(mapping, {
    'Serverless-LambdaEventSourceMappingDestination': 'SQS sources fail over by the queue, which has a dead-letter queue',
  });
  return mapping;
}
