import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import { METRIC, METRIC_DIMENSION, METRIC_NAMESPACE } from './contract';
import type { ImageResizePipeline } from './image-resize-pipeline';
import { sumOf } from '../private/metric';

type MetricName = typeof METRIC[keyof typeof METRIC];

/** What the functions of one pipeline count together. */
export function pipelineMetric(
  images: ImageResizePipeline, metricName: MetricName, options?: cloudwatch.MetricOptions, dimensions?: Record<string, string>,
): cloudwatch.Metric {
  return sumOf(images, METRIC_NAMESPACE, metricName, { [METRIC_DIMENSION.PIPELINE]: images.pipelineName, ...dimensions }, options);
}

/** Events a rule could not even send to its target's dead-letter queue. */
export function undeliveredMetric(rule: events.Rule, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
  return sumOf(rule, 'AWS/Events', 'InvocationsFailedToBeSentToDlq', { RuleName: rule.ruleName }, options);
}
