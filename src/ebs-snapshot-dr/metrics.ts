import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { IConstruct } from 'constructs';
import { METRIC, METRIC_NAMESPACE } from './contract';
import { BundledFunction } from '../private/bundled-function';
import { sumOf } from '../private/metric';

export type MetricName = typeof METRIC[keyof typeof METRIC];

/** What the functions count of a plan, in its own Region or, with `site`, at a site. */
export function planMetric(
  scope: IConstruct, plan: string, site: string | undefined, metricName: MetricName, options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return sumOf(scope, METRIC_NAMESPACE, metricName, { Plan: plan, ...(site === undefined ? {} : { Site: site }) }, options);
}

/** Runs of any of the functions that failed. */
export function errorsMetric(handlers: Record<string, BundledFunction>, options?: cloudwatch.MetricOptions): cloudwatch.IMetric {
  const usingMetrics = Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, handler.function.metricErrors(options)]));
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
