import { MIB, type Limit } from './limit';

const API = 'https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html';

export const KINESIS_LIMITS = {
  putRecordsEntries: { value: 500, unit: 'records', source: API },
  putRecordsBytes: { value: 10 * MIB, unit: 'bytes of data and partition keys', source: API },
  recordBytes: { value: 10 * MIB, unit: 'bytes of data and partition key; 1 MiB unless the stream is raised', source: API },
  partitionKeyLength: { value: 256, unit: 'characters', source: API },
} as const satisfies Record<string, Limit>;
