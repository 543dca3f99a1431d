import { KIB, type Limit } from './limit';

const API = 'https://docs.aws.amazon.com/sns/latest/api';

/** Bytes for topics without the attribute MaximumMessageSize. */
export const SNS_LIMITS = {
  messageBytes: { value: 256 * KIB, unit: 'bytes of message and attributes', source: `${API}/API_Publish.html` },
  batchBytes: { value: 256 * KIB, unit: 'bytes of all messages', source: `${API}/API_PublishBatch.html` },
  batchEntries: { value: 10, unit: 'entries', source: `${API}/API_PublishBatch.html` },
  subjectLength: { value: 100, unit: 'characters', source: `${API}/API_Publish.html` },
} as const satisfies Record<string, Limit>;
