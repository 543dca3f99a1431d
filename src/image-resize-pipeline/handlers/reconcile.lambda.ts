import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { createPipeline } from './pipeline';
import { processSqsBatch } from '../../handler-kit/batch';
import { normalizeS3Events } from '../../handler-kit/s3-event';

const pipeline = createPipeline({ mayDelete: true });

/** Queue of S3 events → the destination agrees with the source. What may pass by itself is delivered again. */
export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  try {
    return await processSqsBatch(event, context, (record) => handle(record, context), ({ messageId }, error) => {
      pipeline.log.warn('message failed', { messageId, error: error instanceof Error ? error : String(error) });
    });
  } finally {
    pipeline.metrics.publishStoredMetrics();
  }
}

async function handle({ messageId, body }: SQSRecord, context: Context): Promise<void> {
  for (const { bucket, key, kind, etag } of normalizeS3Events(body)) {
    if (bucket === pipeline.sourceBucket) {
      await pipeline.reconcile(key, context, { messageId, hint: { kind, etag } });
    } else {
      pipeline.log.warn('event of another bucket left out', { messageId, bucket });
    }
  }
}
