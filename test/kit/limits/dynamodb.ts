import { KIB, MIB, type Limit } from './limit';

const API = 'https://docs.aws.amazon.com/amazondynamodb/latest/APIReference';

export const DYNAMODB_LIMITS = {
  batchWriteItems: { value: 25, unit: 'requests', source: `${API}/API_BatchWriteItem.html` },
  batchGetItems: { value: 100, unit: 'keys', source: `${API}/API_BatchGetItem.html` },
  batchWriteBytes: { value: 16 * MIB, unit: 'bytes of the request', source: `${API}/API_BatchWriteItem.html` },
  itemBytes: { value: 400 * KIB, unit: 'bytes of names and values', source: `${API}/API_BatchWriteItem.html` },
  transactItems: { value: 100, unit: 'actions', source: `${API}/API_TransactWriteItems.html` },
  transactBytes: { value: 4 * MIB, unit: 'bytes of the request', source: `${API}/API_TransactWriteItems.html` },
} as const satisfies Record<string, Limit>;
