import { MIB, type Limit } from './limit';

const API = 'https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html';

export const KINESIS_LIMITS = {
  putRecordsEntries: { value: 500, unit: 'records', source: API },
  putRecordsBytes: { value: 10 * MIB, unit: 'bytes of data and partition keys', source: API },
  recordBytes: { value: 10 * MIB, unit: 'bytes of data and partition key, of a stream that is raised so far', source: API },
  defaultRecordBytes: { value: MIB, unit: 'bytes of data and partition key', source: 'https://docs.aws.amazon.com/streams/latest/dev/large-records.html' },
  partitionKeyLength: { value: 256, unit: 'characters', source: API },
} as const satisfies Record<string, Limit>;
