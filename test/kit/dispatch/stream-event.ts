import { createHash } from 'node:crypto';
import type { StreamRecord } from './stream-source';

export interface EventSource {
  /** Of the stream, or of the consumer that reads it. */
  readonly sourceArn: string;
  readonly roleArn: string;
}

/** A record as an event carries it ("Using Lambda to process records from Kinesis", "… from DynamoDB", Lambda developer guide). */
export function eventRecord(record: StreamRecord, shardId: string, { roleArn, sourceArn }: EventSource): Readonly<Record<string, unknown>> {
  const awsRegion = sourceArn.split(':')[3];
  if (record.change) {
    return {
      eventID: createHash('md5').update(`${shardId}:${record.sequenceNumber}`).digest('hex'),
      eventName: record.change.eventName,
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion,
      dynamodb: {
        ApproximateCreationDateTime: Math.floor(record.arrivedAt / 1000),
        ...record.change.dynamodb,
        SequenceNumber: record.sequenceNumber,
      },
      eventSourceARN: sourceArn,
    };
  }
  return {
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: record.partitionKey,
      sequenceNumber: record.sequenceNumber,
      data: record.data,
      approximateArrivalTimestamp: record.arrivedAt / 1000,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: `${shardId}:${record.sequenceNumber}`,
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: roleArn,
    awsRegion,
    eventSourceARN: sourceArn,
  };
}

const PROBE: StreamRecord = { sequenceNumber: '', partitionKey: '', data: '', arrivedAt: 0 };

/** Bytes of a record in the event, its comma included; counted without building it. */
export function sizer(shardId: string, source: EventSource): (record: StreamRecord) => number {
  const frame = Buffer.byteLength(JSON.stringify(eventRecord(PROBE, shardId, source))) - '""'.length - '0'.length + ','.length;
  return (record) => record.change
    ? Buffer.byteLength(JSON.stringify(eventRecord(record, shardId, source))) + 1
    : frame + 2 * record.sequenceNumber.length + record.data.length + Buffer.byteLength(JSON.stringify(record.partitionKey))
      + String(record.arrivedAt / 1000).length;
}

/** `{"Records":[]}` without a last comma. */
export const EVENT_FRAME_BYTES = '{"Records":[]}'.length - 1;
