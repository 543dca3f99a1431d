import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { IConstruct } from 'constructs';
import { METRIC, METRIC_DIMENSION, METRIC_NAMESPACE } from './contract';
import { sumOf } from '../private/metric';

type MetricName = typeof METRIC[keyof typeof METRIC];

/** What the function of one destination counts. */
export function deliveryMetric(
  scope: IConstruct, fanOut: string, destination: string, metricName: MetricName, options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return sumOf(scope, METRIC_NAMESPACE, metricName, { [METRIC_DIMENSION.FAN_OUT]: fanOut, [METRIC_DIMENSION.DESTINATION]: destination }, options);
}

/** What Lambda counts at an event source mapping whose metrics are on. */
export function mappingMetric(
  mapping: lambda.EventSourceMapping,
  metricName: 'PolledEventCount' | 'FilteredOutEventCount' | 'DroppedEventCount' | 'OnFailureDestinationDeliveredEventCount',
  options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return sumOf(mapping, 'AWS/Lambda', metricName, { EventSourceMappingUUID: mapping.eventSourceMappingId }, options);
}

export function streamMetric(
  stream: kinesis.IStream, metricName: 'IncomingRecords' | 'ReadProvisionedThroughputExceeded', options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return sumOf(stream, 'AWS/Kinesis', metricName, { StreamName: stream.streamName }, options);
}
