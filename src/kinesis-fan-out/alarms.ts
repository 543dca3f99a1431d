import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { FanOutDelivery } from './fan-out-delivery';
import { streamMetric } from './metrics';
import { createAlarm } from '../private/alarm';

export function alarmOnIteratorAge(
  scope: Construct, id: string, delivery: FanOutDelivery, maxRecordAge: Duration, topic?: sns.ITopic,
): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Records wait for ${delivery.destinationId} longer than half of the age at which they expire. First look at what the log of its `
      + 'function says of failed calls, then at throttles and at reads of the stream. See README.md#old-records of kinesis-fan-out in cdk-lambda-blueprints.',
    metric: delivery.metricIteratorAge({ period: MINUTE }),
    threshold: maxRecordAge.toMilliseconds() / 2,
    evaluationPeriods: 5,
  });
}

export function alarmOnQuarantine(scope: Construct, id: string, delivery: FanOutDelivery, topic?: sns.ITopic): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Records cannot be delivered to ${delivery.destinationId} and were put aside. First look at the reasons of the objects below `
      + `quarantine/${delivery.destinationId}/ in the failure bucket. See README.md#quarantine of kinesis-fan-out in cdk-lambda-blueprints.`,
    metric: delivery.metricQuarantined({ period: MINUTE }),
    threshold: 1,
    evaluationPeriods: 1,
  });
}

export function alarmOnBroken(scope: Construct, id: string, delivery: FanOutDelivery, topic?: sns.ITopic): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `${delivery.destinationId} is gone, denies access or refuses everything; nothing is lost until records expire. First look at `
      + "whether it exists, then at its policy and its key's. See README.md#broken-destination of kinesis-fan-out in cdk-lambda-blueprints.",
    metric: delivery.metricBroken({ period: MINUTE }),
    threshold: 1,
    evaluationPeriods: 1,
  });
}

export function alarmOnExpired(scope: Construct, id: string, delivery: FanOutDelivery, topic?: sns.ITopic): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Records expired before ${delivery.destinationId} took them. First look at the objects below aws/lambda/ in the failure bucket, and `
      + 'at metricDropped, which counts what not even the bucket took. See README.md#expired-records of kinesis-fan-out in cdk-lambda-blueprints.',
    metric: new cloudwatch.MathExpression({
      expression: 'FILL(kept, 0) + FILL(dropped, 0)',
      usingMetrics: { kept: delivery.metricExpired({ period: MINUTE }), dropped: delivery.metricDropped({ period: MINUTE }) },
      label: 'Expired records',
      period: MINUTE,
    }),
    threshold: 1,
    evaluationPeriods: 1,
  });
}

/** An idle stream is no alarm: only records that come in and are not read. */
export function alarmOnNotRunning(
  scope: Construct, id: string, delivery: FanOutDelivery, stream: kinesis.IStream, enabled: boolean, topic?: sns.ITopic,
): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Records come into the stream and none are read for ${delivery.destinationId}. First look at the state of its event source mapping. `
      + 'See README.md#not-running of kinesis-fan-out in cdk-lambda-blueprints.',
    metric: new cloudwatch.MathExpression({
      expression: 'IF(FILL(incoming, 0) > 0 AND FILL(polled, 0) == 0, 1, 0)',
      usingMetrics: { incoming: streamMetric(stream, 'IncomingRecords', { period: FIVE_MINUTES }), polled: delivery.metricPolled({ period: FIVE_MINUTES }) },
      label: 'Not running',
      period: FIVE_MINUTES,
    }),
    threshold: 1,
    evaluationPeriods: 3,
    actionsEnabled: enabled,
  });
}

export function alarmOnThrottledReads(scope: Construct, id: string, stream: kinesis.IStream, topic?: sns.ITopic): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: 'Readers of the stream ask for more than its shards give. First look at how many readers share it and how far they are behind. '
      + 'See README.md#throttled-reads of kinesis-fan-out in cdk-lambda-blueprints.',
    metric: streamMetric(stream, 'ReadProvisionedThroughputExceeded', { period: MINUTE }),
    threshold: 1,
    evaluationPeriods: 5,
  });
}

const MINUTE = Duration.minutes(1);
const FIVE_MINUTES = Duration.minutes(5);
