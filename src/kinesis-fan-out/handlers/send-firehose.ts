import { FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose';
import { callOutcome, codeOf, entryOutcome, type Refusals, unprovenOutcome } from './classify';
import { CLIENT } from './client';
import type { CallOutcome, Entry, Sender, SenderContext } from './ports';

/** Amazon Data Firehose API reference, PutRecordBatch; a record's size is counted before base64. */
const MAX_ENTRIES = 500;
const MAX_CALL_BYTES = 4 * 1024 * 1024;
const MAX_ENTRY_BYTES = 1000 * 1024;

/** Of a call: a record that is too long. Of an entry PutRecordBatch names only what passes. */
const REFUSALS: Refusals = { ValidationException: 'REFUSED' };
/** Too many bytes, but also a delivery stream that takes no direct puts. */
const UNPROVEN = 'InvalidArgumentException';

/** A Firehose delivery stream. It keeps no order and drops no duplicates. */
export class FirehoseSender implements Sender {
  public readonly maxEntries = MAX_ENTRIES;
  public readonly maxCallBytes = MAX_CALL_BYTES;
  public readonly maxEntryBytes = MAX_ENTRY_BYTES;
  public readonly concurrency = 4;
  public readonly bodies = 'bytes';

  constructor(
    private readonly context: SenderContext<'firehose'>,
    private readonly firehose: Pick<FirehoseClient, 'send'> = new FirehoseClient(CLIENT),
  ) {}

  public sizeOf({ body }: Entry): number {
    return body.length;
  }

  public async send(entries: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    try {
      const { RequestResponses: results = [] } = await this.firehose.send(new PutRecordBatchCommand({
        DeliveryStreamName: this.context.name,
        Records: entries.map(({ body }) => ({ Data: body })),
      }), { abortSignal: signal });
      return {
        kind: 'answered',
        outcomes: results.map(({ ErrorCode: code }) => code ? entryOutcome(code, {}) : { kind: 'delivered' }),
      };
    } catch (error) {
      return codeOf(error) === UNPROVEN ? unprovenOutcome(error, entries.length) : callOutcome(error, entries.length, REFUSALS);
    }
  }
}
