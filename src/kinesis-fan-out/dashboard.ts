import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { FanOutDelivery } from './fan-out-delivery';

/** One row per destination: what happened to its records, how late they are, what goes wrong. */
export function addRow(dashboard: cloudwatch.Dashboard, delivery: FanOutDelivery): void {
  const { destinationId } = delivery;
  dashboard.addWidgets(
    new cloudwatch.GraphWidget({
      title: `${destinationId}: records`,
      width: 10,
      left: [
        delivery.metricReceived(),
        delivery.metricDelivered(),
        delivery.metricFiltered(),
        delivery.metricSuppressed(),
        delivery.metricUnfinished(),
      ],
    }),
    new cloudwatch.GraphWidget({
      title: `${destinationId}: delay`,
      width: 7,
      left: [delivery.metricLatency(), delivery.metricIteratorAge()],
    }),
    new cloudwatch.GraphWidget({
      title: `${destinationId}: failures`,
      width: 7,
      left: [delivery.metricQuarantined(), delivery.metricRetried(), delivery.metricBroken(), delivery.metricErrors(), delivery.metricThrottles()],
    }),
  );
}
