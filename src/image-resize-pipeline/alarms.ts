import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { ImageResizePipeline } from './image-resize-pipeline';
import { createAlarm } from '../private/alarm';

export function alarmOnDeadLetters(images: ImageResizePipeline, id: string, topic?: sns.ITopic): cloudwatch.Alarm {
  return createAlarm(images, id, topic, {
    alarmDescription: 'Events about originals could not be processed. First look at the log of the reconcile function for the '
      + 'failed message, then redrive the dead-letter queue. See README.md#dead-letters of image-resize-pipeline in cdk-lambda-blueprints.',
    metric: images.metricDeadLetters({ period: MINUTE, statistic: cloudwatch.Stats.MAXIMUM }),
    threshold: 1,
    evaluationPeriods: 1,
  });
}

export function alarmOnUndelivered(images: ImageResizePipeline, id: string, topic?: sns.ITopic): cloudwatch.Alarm {
  return createAlarm(images, id, topic, {
    alarmDescription: 'Events about originals are lost: EventBridge could deliver them neither to the queue nor to the dead-letter '
      + 'queue. First look at the policies of both queues and of their key, then process the originals again. '
      + 'See README.md#undelivered-events of image-resize-pipeline in cdk-lambda-blueprints.',
    metric: images.metricUndelivered({ period: MINUTE, statistic: cloudwatch.Stats.SUM }),
    threshold: 1,
    evaluationPeriods: 1,
  });
}

/** @param allAttempts what the attempts of one event take together */
export function alarmOnAge(images: ImageResizePipeline, id: string, allAttempts: Duration, topic?: sns.ITopic): cloudwatch.Alarm {
  return createAlarm(images, id, topic, {
    alarmDescription: 'Uploads wait longer than all attempts of one event take. First look at throttles and maxConcurrency of '
      + 'the reconcile function. See README.md#old-events of image-resize-pipeline in cdk-lambda-blueprints.',
    metric: images.metricQueueAge({ period: MINUTE, statistic: cloudwatch.Stats.MAXIMUM }),
    threshold: allAttempts.toSeconds(),
    evaluationPeriods: 5,
  });
}

const MINUTE = Duration.minutes(1);
