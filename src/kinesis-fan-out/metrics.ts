import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { IConstruct } from 'constructs';
import { METRIC, METRIC_DIMENSION, METRIC_NAMESPACE } from './contract';

type MetricName = typeof METRIC[keyof typeof METRIC];

/** What the function of one destination counts. */
export function deliveryMetric(
  scope: IConstruct, fanOut: string, destination: string, metricName: MetricName, options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { [METRIC_DIMENSION.FAN_OUT]: fanOut, [METRIC_DIMENSION.DESTINATION]: destination },
    statistic: cloudwatch.Stats.SUM,
    ...options,
  }).attachTo(scope);
}

/** What Lambda counts at an event source mapping whose metrics are on. */
export function mappingMetric(
  mapping: lambda.EventSourceMapping,
  metricName: 'PolledEventCount' | 'FilteredOutEventCount' | 'DroppedEventCount' | 'OnFailureDestinationDeliveredEventCount',
  options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Lambda',
    metricName,
    dimensionsMap: { EventSourceMappingUUID: mapping.eventSourceMappingId },
    statistic: cloudwatch.Stats.SUM,
    ...options,
  }).attachTo(mapping);
}

export function streamMetric(
  stream: kinesis.IStream, metricName: 'IncomingRecords' | 'ReadProvisionedThroughputExceeded', options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Kinesis',
    metricName,
    dimensionsMap: { StreamName: stream.streamName },
    statistic: cloudwatch.Stats.SUM,
    ...options,
  }).attachTo(stream);
}
