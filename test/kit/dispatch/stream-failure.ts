import type { LambdaError } from '../lambda-environment';
import { uuid } from './s3-events';
import type { StreamRecord } from './stream-source';

/** Why an event source mapping gives a batch up. */
export type DiscardCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

/** A batch the mapping gave up, as it hands it to the on-failure destination. */
export interface DiscardedBatch {
  readonly mappingUuid: string;
  readonly functionArn: string;
  readonly streamArn: string;
  readonly shardId: string;
  readonly condition: DiscardCondition;
  /** Invocations that carried it. */
  readonly invokeCount: number;
  readonly error?: LambdaError;
  /** Milliseconds since 1970. */
  readonly discardedAt: number;
  readonly records: readonly StreamRecord[];
  /** The whole event, as an invocation would have carried it. */
  readonly event: { readonly Records: readonly Readonly<Record<string, unknown>>[] };
}

/**
 * "Retain discarded batch records for a Kinesis Data Streams event source", Lambda developer guide. What SQS and SNS get;
 * S3 gets it with the payload.
 */
export function failureMetadata(batch: DiscardedBatch): Readonly<Record<string, unknown>> {
  const { condition, discardedAt, functionArn, invokeCount, records, shardId, streamArn } = batch;
  const time = (record: StreamRecord) => new Date(record.arrivedAt).toISOString();
  const info = {
    shardId,
    startSequenceNumber: records[0].sequenceNumber,
    endSequenceNumber: records.at(-1)!.sequenceNumber,
    approximateArrivalOfFirstRecord: time(records[0]),
    approximateArrivalOfLastRecord: time(records.at(-1)!),
    batchSize: records.length,
    streamArn,
  };
  return {
    requestContext: { requestId: batchUuid(batch), functionArn, condition, approximateInvokeCount: invokeCount },
    // Nobody was asked where the age was exceeded before.
    ...invokeCount > 0 && { responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' } },
    version: '1.0',
    timestamp: new Date(discardedAt).toISOString(),
    [streamArn.includes(':dynamodb:') ? 'DDBStreamBatchInfo' : 'KinesisBatchInfo']: info,
  };
}

/** `payload` is documented as escaped JSON text; it was seen as an object too, so whoever reads it takes both. */
export type PayloadForm = 'text' | 'object';

export function failureObject(batch: DiscardedBatch, form: PayloadForm = 'text'): string {
  const payload = form === 'text' ? JSON.stringify(batch.event) : batch.event;
  return JSON.stringify({ ...failureMetadata(batch), payload });
}

export function failureKey(batch: DiscardedBatch): string {
  const [date, time] = new Date(batch.discardedAt).toISOString().slice(0, 19).split('T');
  return `aws/lambda/${batch.mappingUuid}/${batch.shardId}/${date.replaceAll('-', '/')}/${date}T${time.replaceAll(':', '.')}-${batchUuid(batch)}`;
}

function batchUuid({ mappingUuid, records, shardId }: DiscardedBatch): string {
  return uuid(mappingUuid, shardId, records[0].sequenceNumber, records.length);
}
