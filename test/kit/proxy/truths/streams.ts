import type { ServiceTruth } from '.';
import { FIREHOSE_LIMITS } from '../../limits/firehose';
import { KINESIS_LIMITS } from '../../limits/kinesis';
import type { ServiceError } from '../call';

interface DataRecord { readonly Data: string; readonly PartitionKey?: string }

export const kinesis: ServiceTruth = {
  check: ({ operation, params }, facts) => {
    const { StreamARN = '', StreamName = StreamARN.split('/').at(-1)! } = params.body as { readonly StreamARN?: string; readonly StreamName?: string };
    const checkRecord = recordCheck(facts?.maxRecordBytes?.(StreamName) ?? KINESIS_LIMITS.defaultRecordBytes.value);
    if (operation === 'PutRecord') return checkRecord(params.body as DataRecord);
    if (operation !== 'PutRecords') return undefined;
    const { Records = [] } = params.body as { readonly Records?: readonly DataRecord[] };
    if (Records.length < 1 || Records.length > KINESIS_LIMITS.putRecordsEntries.value) return invalid('ValidationException', `records must have length 1 to ${KINESIS_LIMITS.putRecordsEntries.value}, got ${Records.length}`);
    if (Records.reduce((sum, record) => sum + sizeOf(record), 0) > KINESIS_LIMITS.putRecordsBytes.value) {
      return invalid('InvalidArgumentException', `Records size exceeds ${KINESIS_LIMITS.putRecordsBytes.value} bytes limit`);
    }
    return firstOf(Records, checkRecord);
  },
};

export const firehose: ServiceTruth = {
  check: ({ operation, params }) => {
    if (operation === 'PutRecord') return checkFirehoseRecord((params.body as { readonly Record: DataRecord }).Record);
    if (operation !== 'PutRecordBatch') return undefined;
    const { Records = [] } = params.body as { readonly Records?: readonly DataRecord[] };
    if (Records.length < 1 || Records.length > FIREHOSE_LIMITS.batchEntries.value) return invalid('ValidationException', `records must have length 1 to ${FIREHOSE_LIMITS.batchEntries.value}, got ${Records.length}`);
    if (Records.reduce((sum, record) => sum + sizeOf(record), 0) > FIREHOSE_LIMITS.batchBytes.value) {
      return invalid('InvalidArgumentException', `Records size exceeds ${FIREHOSE_LIMITS.batchBytes.value} bytes limit`);
    }
    return firstOf(Records, checkFirehoseRecord);
  },
};

function recordCheck(maxBytes: number): (record: DataRecord) => ServiceError | undefined {
  const { value: maxLength } = KINESIS_LIMITS.partitionKeyLength;
  return (record) => {
    const { length } = record.PartitionKey ?? '';
    if (length < 1 || length > maxLength) return invalid('ValidationException', `partitionKey must have length 1 to ${maxLength}`);
    return sizeOf(record) > maxBytes ? invalid('ValidationException', `data must have length at most ${maxBytes}`) : undefined;
  };
}

function checkFirehoseRecord(record: DataRecord): ServiceError | undefined {
  return sizeOf(record) > FIREHOSE_LIMITS.recordBytes.value ? invalid('ValidationException', `data must have length at most ${FIREHOSE_LIMITS.recordBytes.value}`) : undefined;
}

function firstOf(records: readonly DataRecord[], check: (record: DataRecord) => ServiceError | undefined): ServiceError | undefined {
  for (const record of records) {
    const error = check(record);
    if (error) return error;
  }
  return undefined;
}

function sizeOf({ Data, PartitionKey = '' }: DataRecord): number {
  return Buffer.byteLength(Data, 'base64') + Buffer.byteLength(PartitionKey);
}

function invalid(code: string, message: string): ServiceError {
  return { status: 400, code, message };
}
