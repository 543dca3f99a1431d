import { SendMessageBatchCommand, SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { callOutcome, type Refusals } from './classify';
import { CLIENT, withPlainJson } from './client';
import { textOf } from './content';
import { attributesOf, batchOutcome, fifoFields, messageBytes } from './messages';
import type { CallOutcome, Entry, Sender, SenderContext } from './ports';

/** SQS API reference, SendMessageBatch: of each message, and of all together. */
const MAX_ENTRIES = 10;
const MAX_BYTES = 1024 * 1024;

/**
 * Of an entry: characters XML has not, or more bytes than the queue's own maximum. Of a call, one name by the JSON protocol,
 * the other by the query protocol's header: more bytes than that maximum, which one message may have.
 */
const REFUSALS: Refusals = {
  InvalidMessageContents: 'REFUSED',
  InvalidParameterValue: 'REFUSED',
};
const CALL_REFUSALS: Refusals = {
  'InvalidMessageContents': 'REFUSED',
  'BatchRequestTooLong': 'TOO_LARGE',
  'AWS.SimpleQueueService.BatchRequestTooLong': 'TOO_LARGE',
};

/** For SendMessageBatch only. */
export function createClient(config: SQSClientConfig = {}): SQSClient {
  return withPlainJson(new SQSClient({ ...CLIENT, ...config }), (input) => Buffer.from(JSON.stringify(input)));
}

/** A queue. In a FIFO queue the partition key is the group, and what is repeated within five minutes is dropped. */
export class SqsSender implements Sender {
  public readonly maxEntries = MAX_ENTRIES;
  public readonly maxCallBytes = MAX_BYTES;
  public readonly maxEntryBytes = MAX_BYTES;
  public readonly concurrency = 8;
  public readonly bodies = 'xml';

  constructor(
    private readonly context: SenderContext<'sqs'>,
    private readonly sqs: Pick<SQSClient, 'send'> = createClient(),
  ) {}

  public sizeOf(entry: Entry): number {
    return messageBytes(entry);
  }

  public async send(entries: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    const { name, target, ordering } = this.context;
    try {
      const answer = await this.sqs.send(new SendMessageBatchCommand({
        QueueUrl: name,
        Entries: entries.map((entry, n) => ({
          Id: String(n),
          MessageBody: textOf(entry),
          MessageAttributes: attributesOf(entry),
          ...(target.fifo && fifoFields(entry, ordering)),
        })),
      }), { abortSignal: signal });
      return batchOutcome(entries.length, answer, REFUSALS);
    } catch (error) {
      return callOutcome(error, entries.length, CALL_REFUSALS);
    }
  }
}
