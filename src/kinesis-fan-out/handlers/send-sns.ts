import { PublishBatchCommand, SNSClient } from '@aws-sdk/client-sns';
import { callOutcome, codeOf, type Refusals, unprovenOutcome } from './classify';
import { CLIENT } from './client';
import { textOf } from './content';
import { attributesOf, batchOutcome, fifoFields, messageBytes } from './messages';
import type { CallOutcome, Entry, Sender, SenderContext } from './ports';

/** SNS API reference, PublishBatch. */
const MAX_ENTRIES = 10;

/** Of an entry: too long, or characters nobody takes. */
const REFUSALS: Refusals = { InvalidParameter: 'REFUSED', InvalidParameterException: 'REFUSED' };
/** Of a call: more bytes than the topic's maximum, which one message may have. */
const CALL_REFUSALS: Refusals = { BatchRequestTooLong: 'TOO_LARGE', BatchRequestTooLongException: 'TOO_LARGE' };

/** Of a call: something about the messages, or about what this topic takes. */
const UNPROVEN = new Set(['InvalidParameter', 'InvalidParameterException', 'InvalidParameterValue', 'InvalidParameterValueException', 'ValidationException']);

/** A topic. On a FIFO topic the partition key is the group, and what is repeated within five minutes is dropped. */
export class SnsSender implements Sender {
  public readonly maxEntries = MAX_ENTRIES;
  /** The topic's attribute `MaximumMessageSize` bounds each message and the sum of a call. */
  public readonly maxCallBytes: number;
  public readonly maxEntryBytes: number;
  public readonly concurrency = 8;
  /** A subscribed queue takes no others. */
  public readonly bodies = 'xml';

  constructor(
    private readonly context: SenderContext<'sns'>,
    private readonly sns: Pick<SNSClient, 'send'> = new SNSClient(CLIENT),
  ) {
    this.maxCallBytes = context.target.maxMessageBytes;
    this.maxEntryBytes = context.target.maxMessageBytes;
  }

  public sizeOf(entry: Entry): number {
    return messageBytes(entry);
  }

  public async send(entries: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    const { name, target, ordering } = this.context;
    try {
      const answer = await this.sns.send(new PublishBatchCommand({
        TopicArn: name,
        PublishBatchRequestEntries: entries.map((entry, n) => ({
          Id: String(n),
          Message: textOf(entry),
          MessageAttributes: attributesOf(entry),
          ...(target.fifo && fifoFields(entry, ordering)),
        })),
      }), { abortSignal: signal });
      return batchOutcome(entries.length, answer, REFUSALS);
    } catch (error) {
      return UNPROVEN.has(codeOf(error)) ? unprovenOutcome(error, entries.length) : callOutcome(error, entries.length, CALL_REFUSALS);
    }
  }
}
