import { KIB, MIB, type Limit } from './limit';

const API = 'https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html';

export const FIREHOSE_LIMITS = {
  batchEntries: { value: 500, unit: 'records', source: API },
  batchBytes: { value: 4 * MIB, unit: 'bytes of the request', source: API },
  recordBytes: { value: 1000 * KIB, unit: 'bytes before base64', source: API },
} as const satisfies Record<string, Limit>;
