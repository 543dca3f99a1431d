import { KinesisClient, type KinesisClientConfig, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { callOutcome, entryOutcome, type Refusals } from './classify';
import { CLIENT, withPlainJson } from './client';
import { asBuffer } from './content';
import type { CallOutcome, Entry, Sender, SenderContext } from './ports';

/** Kinesis Data Streams API reference, PutRecords. */
const MAX_ENTRIES = 500;
const MAX_CALL_BYTES = 10 * 1024 * 1024;

/** Of a call: a partition key or a record that is too long. Of an entry PutRecords names only what passes. */
const REFUSALS: Refusals = { ValidationException: 'REFUSED', InvalidArgumentException: 'REFUSED' };

const DELIVERED = { kind: 'delivered' } as const;

/** For PutRecords only. */
export function createClient(config: KinesisClientConfig = {}): KinesisClient {
  return withPlainJson(new KinesisClient({ ...CLIENT, ...config }), putRecords);
}

/** A stream. Entries of one PutRecords call may arrive in any order. */
export class KinesisSender implements Sender {
  public readonly maxEntries = MAX_ENTRIES;
  public readonly maxCallBytes = MAX_CALL_BYTES;
  public readonly maxEntryBytes: number;
  public readonly concurrency = 1;
  public readonly bodies = 'bytes';

  constructor(
    private readonly context: SenderContext<'kinesis'>,
    private readonly kinesis: Pick<KinesisClient, 'send'> = createClient(),
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
        Records: entries.map(({ items, body }) => ({ Data: body, PartitionKey: items[0].record.partitionKey })),
      }), { abortSignal: signal });
      return {
        kind: 'answered',
        // No code may be written as null.
        outcomes: results.map(({ ErrorCode: code }) => code ? entryOutcome(code, REFUSALS) : DELIVERED),
      };
    } catch (error) {
      return callOutcome(error, entries.length, REFUSALS);
    }
  }
}

interface PutRecordsInput {
  readonly StreamName: string;
  readonly Records: readonly PutRecord[];
}

interface PutRecord {
  readonly Data: Uint8Array;
  readonly PartitionKey: string;
}

/** Of a UTF-16 code unit, which may be escaped: `\u0000`. */
const MAX_JSON_BYTES = 6;
const FIELDS_BYTES = '{"Data":"","PartitionKey":""},'.length;

/** The request of a PutRecords call, written into one buffer. */
function putRecords({ StreamName: name, Records: records }: PutRecordsInput): Uint8Array {
  const bytes = records.reduce((sum, record) => sum + maxBytesOf(record), MAX_JSON_BYTES * name.length + '{"Records":[],"StreamName":""}'.length);
  const json = Buffer.allocUnsafeSlow(bytes);
  let end = json.write('{"Records":[');
  records.forEach(({ Data: data, PartitionKey: key }, n) => {
    end += json.write(n === 0 ? '{"Data":"' : ',{"Data":"', end, 'latin1');
    end += json.write(asBuffer(data).toString('base64'), end, 'latin1');
    end += json.write(`","PartitionKey":${JSON.stringify(key)}}`, end);
  });
  end += json.write(`],"StreamName":${JSON.stringify(name)}}`, end);
  return json.subarray(0, end);
}

function maxBytesOf({ Data: { length }, PartitionKey: key }: PutRecord): number {
  return FIELDS_BYTES + Math.ceil(length / 3) * 4 + MAX_JSON_BYTES * key.length;
}
