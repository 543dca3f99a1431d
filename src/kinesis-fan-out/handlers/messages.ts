/** What SQS and SNS have in common. */
import { createHash } from 'node:crypto';
import type { Ordering } from '../contract';
import { entryOutcome, type Refusals } from './classify';
import type { CallOutcome, Entry } from './ports';

/** Group and deduplication ids: up to 128 letters, digits and punctuation characters (SendMessage, SQS API reference; Publish, SNS's). */
const FIFO_ID = /^[\x21-\x7e]{1,128}$/;

/** In a FIFO queue or topic. What is to keep order has one group. */
export function fifoFields(entry: Entry, ordering: Ordering): { readonly MessageDeduplicationId: string; readonly MessageGroupId: string } {
  const { shardId, partitionKey } = entry.items[0].record;
  return {
    MessageDeduplicationId: fifoId(entry.id),
    MessageGroupId: fifoId(ordering === 'per-shard' ? shardId : partitionKey),
  };
}

function fifoId(text: string): string {
  return FIFO_ID.test(text) ? text : createHash('sha256').update(text).digest('hex');
}

/** The entry's id goes with every message, as its body may be the bare data. */
export function attributesOf({ id }: Entry): { readonly id: { readonly DataType: 'String'; readonly StringValue: string } } {
  return { id: { DataType: 'String', StringValue: id } };
}

/** Body and attributes, with names and types. */
export function messageBytes({ id, body }: Entry): number {
  return body.length + 'id'.length + 'String'.length + id.length;
}

interface BatchAnswer {
  readonly Successful?: ReadonlyArray<{ readonly Id?: string }>;
  readonly Failed?: ReadonlyArray<{ readonly Id: string | undefined; readonly Code: string | undefined; readonly SenderFault?: boolean }>;
}

/** Entries were named by their index. */
export function batchOutcome(entries: number, { Successful: successful = [], Failed: failed = [] }: BatchAnswer, refusals: Refusals): CallOutcome {
  const delivered = new Set(successful.map(({ Id: id }) => id));
  const errors = new Map(failed.map((error) => [error.Id, error]));
  return {
    kind: 'answered',
    outcomes: Array.from({ length: entries }, (_, n) => {
      if (delivered.has(String(n))) return { kind: 'delivered' };
      const { Code: code = 'Unanswered', SenderFault: ours = false } = errors.get(String(n)) ?? {};
      return entryOutcome(code, ours ? refusals : {});
    }),
  };
}
