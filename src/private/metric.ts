import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { IConstruct } from 'constructs';

/** A metric of the scope's Region and account, summed up unless the options say otherwise. */
export function sumOf(
  scope: IConstruct, namespace: string, metricName: string, dimensionsMap: cloudwatch.DimensionsMap, options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({ namespace, metricName, dimensionsMap, statistic: cloudwatch.Stats.SUM, ...options }).attachTo(scope);
}
