import type { StreamOutcome } from './in-process';

/** What became of a batch of a stream. */
export type BatchResult =
  | { readonly kind: 'succeeded' }
  /** Everything from this index on comes again. */
  | { readonly kind: 'failed-from'; readonly index: number }
  | { readonly kind: 'failed' };

/**
 * "Configuring partial batch response with Kinesis Data Streams and Lambda", Lambda developer guide: success for an empty
 * or null answer or list; the lowest sequence number returned is the checkpoint; failure of the whole batch for an error,
 * an answer that is no such list, and an id that is empty, null or unknown.
 */
export function batchResult(outcome: StreamOutcome, sequenceNumbers: readonly string[], reportsBatchItemFailures: boolean): BatchResult {
  if (outcome.kind !== 'ok') return { kind: 'failed' };
  const { payload } = outcome;
  if (!reportsBatchItemFailures || payload === null || payload === undefined) return { kind: 'succeeded' };
  if (typeof payload !== 'object' || Array.isArray(payload)) return { kind: 'failed' };
  const { batchItemFailures } = payload as { batchItemFailures?: unknown };
  if (batchItemFailures === null || batchItemFailures === undefined) return { kind: 'succeeded' };
  if (!Array.isArray(batchItemFailures)) return { kind: 'failed' };
  if (batchItemFailures.length === 0) return { kind: 'succeeded' };
  const index = new Map(sequenceNumbers.map((sequenceNumber, i) => [sequenceNumber, i]));
  const failed = batchItemFailures.map((failure: { itemIdentifier?: unknown } | null) => index.get(failure?.itemIdentifier as string) ?? -1);
  const lowest = failed.reduce((low, i) => Math.min(low, i), Infinity);
  return lowest < 0 ? { kind: 'failed' } : { kind: 'failed-from', index: lowest };
}
