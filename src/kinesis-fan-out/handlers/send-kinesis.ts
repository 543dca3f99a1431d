import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { callOutcome, entryOutcome, type Refusals } from './classify';
import { CLIENT } from './client';
import type { CallOutcome, Entry, Sender, SenderContext } from './ports';

/** Kinesis Data Streams API reference, PutRecords. */
const MAX_ENTRIES = 500;
const MAX_CALL_BYTES = 10 * 1024 * 1024;

/** Of a call: a partition key or a record that is too long. Of an entry PutRecords names only what passes. */
const REFUSALS: Refusals = { ValidationException: 'REFUSED', InvalidArgumentException: 'REFUSED' };

/** A stream. Entries of one PutRecords call may arrive in any order. */
export class KinesisSender implements Sender {
  public readonly maxEntries = MAX_ENTRIES;
  public readonly maxCallBytes = MAX_CALL_BYTES;
  public readonly maxEntryBytes: number;
  public readonly concurrency = 1;
  public readonly bodies = 'bytes';

  constructor(
    private readonly context: SenderContext<'kinesis'>,
    private readonly kinesis: Pick<KinesisClient, 'send'> = new KinesisClient(CLIENT),
  ) {
    this.maxEntryBytes = context.target.maxRecordBytes;
  }

  public sizeOf({ body, items }: Entry): number {
    return body.length + Buffer.byteLength(items[0].record.partitionKey);
  }

  public async send(entries: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    try {
      const { Records: results = [] } = await this.kinesis.send(new PutRecordsCommand({
        StreamName: this.context.name,
        Records: entries.map(({ items, body }) => ({ PartitionKey: items[0].record.partitionKey, Data: body })),
      }), { abortSignal: signal });
      return {
        kind: 'answered',
        outcomes: results.map(({ ErrorCode: code }) => code === undefined ? { kind: 'delivered' } : entryOutcome(code, REFUSALS)),
      };
    } catch (error) {
      return callOutcome(error, entries.length, REFUSALS);
    }
  }
}
