import { MIB, type Limit } from './limit';

const API = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference';
const GUIDE = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html';

export const SQS_LIMITS = {
  messageBytes: { value: MIB, unit: 'bytes of body and attributes', source: `${API}/API_SendMessage.html` },
  batchBytes: { value: MIB, unit: 'bytes of all messages', source: `${API}/API_SendMessageBatch.html` },
  batchEntries: { value: 10, unit: 'entries', source: `${API}/API_SendMessageBatch.html` },
  batchIdLength: { value: 80, unit: 'characters', source: GUIDE },
  messageAttributes: { value: 10, unit: 'attributes', source: GUIDE },
  messageGroupIdLength: { value: 128, unit: 'characters', source: GUIDE },
  delaySeconds: { value: 900, unit: 'seconds', source: GUIDE },
} as const satisfies Record<string, Limit>;

/** Anything but the characters XML 1.0 allows. */
export const SQS_FORBIDDEN_CHARACTER = /[^\u0009\u000A\u000D\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
/** Groups and deduplication of FIFO queues and topics: letters, digits, punctuation. */
export const FIFO_ID = /^[\x21-\x7E]{1,128}$/;
export const SQS_BATCH_ID = /^[\w-]{1,80}$/;
