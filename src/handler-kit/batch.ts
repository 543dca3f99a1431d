import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';

/**
 * Handles the messages of a batch side by side and reports exactly those that failed, so that SQS redelivers only
 * them (the mapping needs `reportBatchItemFailures`). A batch that failed as a whole is reported too, not thrown:
 * an error would count as a failed invocation and hide the messages' own errors.
 *
 * @param onFailure told about each failed message, for logs; its own errors change nothing
 */
export async function processSqsBatch(
  event: SQSEvent,
  context: Context,
  handle: (record: SQSRecord) => Promise<void>,
  onFailure: (record: SQSRecord, error: unknown) => void = () => {},
): Promise<SQSBatchResponse> {
  const guarded = async (record: SQSRecord): Promise<void> => {
    try {
      await handle(record);
    } catch (error) {
      tell(onFailure, record, error);
      // Powertools reads `message` of what was thrown and loses the whole batch over `throw undefined`.
      throw error instanceof Error ? error : new Error(String(error));
    }
  };
  // A processor of its own per call: it keeps the batch in its fields.
  const { batchItemFailures } = await processPartialResponse(event, guarded, new BatchProcessor(EventType.SQS), {
    context,
    throwOnFullBatchFailure: false,
  });
  return { batchItemFailures: [...batchItemFailures] };
}

function tell(onFailure: (record: SQSRecord, error: unknown) => void, record: SQSRecord, error: unknown): void {
  try {
    onFailure(record, error);
  } catch {
    // The message's own error is the one that matters.
  }
}
