import { BatchWriteItemCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { callOutcome, codeOf, says, unprovenOutcome } from './classify';
import { CLIENT } from './client';
import { type Attributes, itemOf, keyOf } from './dynamodb-item';
import type { CallOutcome, Entry, EntryOutcome, Refusal, Sender, SenderContext } from './ports';

/** DynamoDB API reference, BatchWriteItem; the bytes are those on their way. */
const MAX_BATCH = 25;
const MAX_CALL_BYTES = 16 * 1024 * 1024;
/** DynamoDB's JSON names each value's type: `1,` becomes `{"N":"1"},`. */
const MAX_GROWTH = 5;
/** The attribute that holds the position. */
const SEQUENCE_BYTES = 512;
const CONCURRENCY = { PutItem: 16, BatchWriteItem: 4 } as const;

/**
 * How a table says that its key is not in the item, or of another type; BatchWriteItem has one message for both. The fields
 * we know as its key are there, so it may also be that the table has others.
 */
const KEY_MISMATCH = /missing the key|does not match the schema/i;

/** A table. With order, the newest record of an item wins, whenever it arrives; without, the last to arrive does. */
export class DynamoDbSender implements Sender {
  public readonly maxEntries: number;
  public readonly maxCallBytes = MAX_CALL_BYTES;
  /** 400 KB of names and values count for an item; how much JSON that is only the table can say. */
  public readonly maxEntryBytes = MAX_CALL_BYTES;
  public readonly concurrency: number;
  public readonly bodies = 'bytes';
  /** The table took an item: the fields we know are its key. */
  private keyIsRight = false;

  constructor(
    private readonly context: SenderContext<'dynamodb'>,
    private readonly dynamoDb: Pick<DynamoDBClient, 'send'> = new DynamoDBClient(CLIENT),
  ) {
    const batches = context.ordering === 'none';
    this.maxEntries = batches ? MAX_BATCH : 1;
    this.concurrency = batches ? CONCURRENCY.BatchWriteItem : CONCURRENCY.PutItem;
  }

  public sizeOf({ body }: Entry): number {
    return body.length * MAX_GROWTH + SEQUENCE_BYTES;
  }

  public async send(entries: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    const items = entries.map(({ items: [{ body, record }] }) => itemOf(body, record, this.context.target));
    try {
      return { kind: 'answered', outcomes: await (this.context.ordering === 'none' ? this.write(items, signal) : this.put(items, signal)) };
    } catch (error) {
      return this.failed(error, entries.length);
    }
  }

  /** A condition that fails says that this record, or a newer one, is there. What is no text is no position of ours. */
  private async put([item]: readonly (Attributes | Refusal)[], signal: AbortSignal): Promise<EntryOutcome[]> {
    if (isRefusal(item)) return [{ kind: 'refused', refusal: item }];
    const { name, target: { sequenceAttribute } } = this.context;
    try {
      await this.dynamoDb.send(new PutItemCommand({
        TableName: name,
        Item: item,
        ConditionExpression: 'attribute_not_exists(#sequence) OR NOT attribute_type(#sequence, :text) OR #sequence < :sequence',
        ExpressionAttributeNames: { '#sequence': sequenceAttribute },
        ExpressionAttributeValues: { ':sequence': item[sequenceAttribute], ':text': { S: 'S' } },
      }), { abortSignal: signal });
    } catch (error) {
      if (codeOf(error) !== 'ConditionalCheckFailedException') throw error;
    }
    this.keyIsRight = true;
    return [{ kind: 'delivered' }];
  }

  /** A call may name an item once: the newest record goes, and answers for the older ones. */
  private async write(items: readonly (Attributes | Refusal)[], signal: AbortSignal): Promise<EntryOutcome[]> {
    const { name, target } = this.context;
    const newest = new Map<string, Attributes>();
    for (const item of items) {
      if (isRefusal(item)) continue;
      const key = keyOf(item, target);
      const other = newest.get(key);
      if (other === undefined || this.sequence(other) < this.sequence(item)) newest.set(key, item);
    }
    const unprocessed = newest.size > 0 ? await this.batch([...newest.values()], name, signal) : new Set<string>();
    return items.map((item) => {
      if (isRefusal(item)) return { kind: 'refused', refusal: item };
      return unprocessed.has(keyOf(item, target)) ? { kind: 'failed', code: 'Unprocessed' } : { kind: 'delivered' };
    });
  }

  /** Keys of the items that were not written. */
  private async batch(items: readonly Attributes[], table: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { UnprocessedItems: unprocessed = {} } = await this.dynamoDb.send(new BatchWriteItemCommand({
      RequestItems: { [table]: items.map((item) => ({ PutRequest: { Item: item } })) },
    }), { abortSignal: signal });
    const left = Object.values(unprocessed).flat().map(({ PutRequest: request }) => keyOf(request?.Item ?? {}, this.context.target));
    this.keyIsRight ||= left.length < items.length;
    return new Set(left);
  }

  private failed(error: unknown, entries: number): CallOutcome {
    // The table that comes back may be another one.
    if (codeOf(error) === 'ResourceNotFoundException') this.keyIsRight = false;
    if (codeOf(error) !== 'ValidationException') return callOutcome(error, entries, {});
    if (!this.keyIsRight && says(error, KEY_MISMATCH)) return unprovenOutcome(error, entries);
    return { kind: 'refused', refusal: { reason: says(error, /item size/i) ? 'TOO_LARGE' : 'REFUSED', code: codeOf(error) } };
  }

  private sequence(item: Attributes): string {
    return item[this.context.target.sequenceAttribute].S!;
  }
}

function isRefusal(item: Attributes | Refusal): item is Refusal {
  return typeof (item as Refusal).reason === 'string';
}
