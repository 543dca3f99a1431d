import { Duration, Names } from 'aws-cdk-lib';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { FilterPattern } from './contract';
import { ExpiredRecords } from './failure-store';
import { BundledFunction } from '../private/bundled-function';
import { viaService } from '../private/kms-via-service';

export interface TriggerProps {
  readonly handler: BundledFunction;
  readonly stream: kinesis.IStream;
  /** Enhanced fan-out. */
  readonly consumer?: kinesis.IStreamConsumer;
  readonly failureBucket: s3.IBucket;
  readonly filters: readonly FilterPattern[];
  readonly batchSize: number;
  readonly batchWindow: Duration;
  readonly maxRecordAge: Duration;
  readonly parallelizationFactor: number;
  readonly startingPosition: lambda.StartingPosition;
  readonly startingPositionTimestamp?: number;
  readonly enabled: boolean;
}

/** The consumer's name is required and unique per stream. */
export function createConsumer(scope: Construct, id: string, stream: kinesis.IStream): kinesis.StreamConsumer {
  return new kinesis.StreamConsumer(scope, id, {
    stream,
    streamConsumerName: Names.uniqueResourceName(scope, { maxLength: 128, separator: '-' }),
  });
}

/** Reads the stream, batch by batch, until a record is delivered, quarantined or too old. */
export function createMapping(scope: Construct, id: string, props: TriggerProps): lambda.EventSourceMapping {
  const { handler, stream, consumer, failureBucket, filters, batchWindow, ...settings } = props;
  allowReading(handler, stream, consumer);
  return new lambda.EventSourceMapping(scope, id, {
    ...settings,
    target: handler.function,
    eventSourceArn: consumer?.streamConsumerArn ?? stream.streamArn,
    maxBatchingWindow: batchWindow,
    reportBatchItemFailures: true,
    // For crashes and timeouts; what fails singly is reported singly.
    bisectBatchOnError: true,
    // The count starts anew whenever part of a batch succeeds. Only age is a limit that holds.
    retryAttempts: -1,
    onFailure: new ExpiredRecords(failureBucket),
    filters: filters.length > 0 ? filters.map((pattern) => ({ pattern: JSON.stringify(pattern) })) : undefined,
    metricsConfig: { metrics: [lambda.MetricType.EVENT_COUNT] },
  });
}

/** Not by `grantRead`, which lets a shared reader subscribe and list all streams. */
function allowReading(handler: BundledFunction, stream: kinesis.IStream, consumer?: kinesis.IStreamConsumer): void {
  const reading = ['kinesis:DescribeStream', 'kinesis:DescribeStreamSummary', 'kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards'];
  // A consumer's mapping as well: Lambda's guide asks for the same rights, and does not say that it goes without.
  handler.allow(reading, [stream.streamArn]);
  if (consumer) handler.allow(['kinesis:DescribeStreamConsumer', 'kinesis:SubscribeToShard'], [consumer.streamConsumerArn]);
  if (stream.encryptionKey) handler.allow(['kms:Decrypt'], [stream.encryptionKey.keyArn], viaService('kinesis'));
}
