import type { Context, S3BatchEvent, S3BatchEventTask, S3BatchResult, S3BatchResultResult } from 'aws-lambda';
import { taskFailure, taskResult } from './backfill';
import { keyCandidates } from './keys';
import { createPipeline } from './pipeline';

const pipeline = createPipeline({ mayDelete: true });

/** Tasks of S3 Batch Operations → the same reconciliation as for events; what is up to date costs two reads. */
export async function handler(event: S3BatchEvent, context: Context): Promise<S3BatchResult> {
  const results: S3BatchResultResult[] = [];
  try {
    for (const task of event.tasks) {
      results.push(await run(task, context));
    }
  } finally {
    pipeline.metrics.publishStoredMetrics();
  }
  const { invocationSchemaVersion, invocationId } = event;
  return { invocationSchemaVersion, treatMissingKeysAs: 'TemporaryFailure', invocationId, results };
}

async function run({ taskId, s3Key }: S3BatchEventTask, context: Context): Promise<S3BatchResultResult> {
  try {
    const results: S3BatchResultResult[] = [];
    for (const key of await readings(s3Key)) {
      results.push(taskResult(taskId, (await pipeline.reconcile(key, context)).at(-1)!));
    }
    return results.find(({ resultCode }) => resultCode === 'PermanentFailure') ?? results[0];
  } catch (error) {
    pipeline.log.warn('task failed', { taskId, error: error instanceof Error ? error : String(error) });
    return taskFailure(taskId, error);
  }
}

/** Every reading of the key that is an object; each is an original of its own. If none is, the object is gone. */
async function readings(text: string): Promise<string[]> {
  const candidates = keyCandidates(text);
  if (candidates.length === 1) {
    return candidates;
  }
  const states = await Promise.all(candidates.map((key) => pipeline.source.look(key)));
  const present = candidates.filter((_key, n) => states[n].kind === 'present');
  return present.length > 0 ? present : candidates.slice(0, 1);
}
