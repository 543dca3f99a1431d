import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { IConstruct } from 'constructs';
import { METRIC, METRIC_NAMESPACE } from './contract';

export type MetricName = typeof METRIC[keyof typeof METRIC];

/** What the functions count of a plan, in its own Region or, with `site`, at a site. */
export function planMetric(
  scope: IConstruct, plan: string, site: string | undefined, metricName: MetricName, options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { Plan: plan, ...(site === undefined ? {} : { Site: site }) },
    statistic: cloudwatch.Stats.SUM,
    ...options,
  }).attachTo(scope);
}

/** Runs of any of the functions that failed. */
export function errorsMetric(functions: Record<string, lambda.IFunction>, options?: cloudwatch.MetricOptions): cloudwatch.IMetric {
  const usingMetrics = Object.fromEntries(Object.entries(functions).map(([name, handler]) => [name, handler.metricErrors(options)]));
  return new cloudwatch.MathExpression({
    expression: Object.keys(usingMetrics).map((name) => `FILL(${name}, 0)`).join(' + '),
    usingMetrics,
    label: 'Failed runs',
    period: options?.period,
  });
}

export function depthMetric(queue: sqs.IQueue, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
  return queue.metricApproximateNumberOfMessagesVisible({ statistic: cloudwatch.Stats.MAXIMUM, ...options });
}
