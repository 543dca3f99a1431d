import { uuid } from './s3-events';
import type { Invoke } from './sqs';

/** A line of the manifest. */
export interface BatchObject {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
}

/** A line of the completion report. */
export interface BatchReportLine extends BatchObject {
  readonly status: 'succeeded' | 'failed';
  readonly resultCode: string;
  readonly resultString: string;
}

export interface BatchReport {
  readonly lines: readonly BatchReportLine[];
  readonly invocations: number;
}

export interface BatchJob {
  readonly functionArn: string;
  readonly partition: string;
  readonly objects: readonly BatchObject[];
  /** Of the Invoke operation of CreateJob. @default '1.0' */
  readonly schemaVersion?: '1.0' | '2.0';
  /** How often a task that failed for the moment is tried in all; the service does not say (assumed). @default 3 */
  readonly attempts?: number;
  /** Tasks the service invokes twice although nothing failed: it is at least once. */
  readonly duplicates?: (object: BatchObject) => boolean;
  /** Tasks at work at the same time. @default 1 */
  readonly concurrency?: number;
}

const RESULT_CODES = ['Succeeded', 'TemporaryFailure', 'PermanentFailure'];

/**
 * S3 Batch Operations with a Lambda function ("Invoke AWS Lambda function", S3 user guide): one task per invocation,
 * URL-encoded keys, temporary failures driven again, a report of all tasks.
 */
export async function runBatchJob(job: BatchJob, invoke: Invoke): Promise<BatchReport> {
  const { attempts = 3, concurrency = 1, duplicates = () => false } = job;
  const jobId = uuid('job', job.functionArn, job.objects.length);
  const lines = new Map<number, BatchReportLine>();
  let invocations = 0;

  const runTask = async (index: number): Promise<'done' | 'again'> => {
    const object = job.objects[index];
    invocations += 1;
    const outcome = await invoke(job.functionArn, taskEvent(job, jobId, index));
    const { resultCode, resultString } = resultOf(outcome.kind === 'ok' ? outcome.payload : outcome.error, taskId(jobId, index), outcome.kind === 'ok');
    lines.set(index, { ...object, resultCode, resultString, status: resultCode === 'Succeeded' ? 'succeeded' : 'failed' });
    return resultCode === 'TemporaryFailure' ? 'again' : 'done';
  };

  let open = job.objects.flatMap((object, index) => duplicates(object) ? [index, index] : [index]);
  for (let attempt = 1; attempt <= attempts && open.length > 0; attempt++) {
    const again: number[] = [];
    for (let from = 0; from < open.length; from += concurrency) {
      const slice = open.slice(from, from + concurrency);
      const answers = await Promise.all(slice.map(runTask));
      again.push(...slice.filter((_, i) => answers[i] === 'again'));
    }
    open = [...new Set(again)];
  }
  return { lines: job.objects.map((_, index) => lines.get(index)!), invocations };
}

function taskEvent({ objects, partition, schemaVersion = '1.0' }: BatchJob, jobId: string, index: number): Record<string, unknown> {
  const { bucket, key, versionId } = objects[index];
  return {
    invocationSchemaVersion: schemaVersion,
    invocationId: uuid('invocation', jobId, index),
    job: { id: jobId, ...schemaVersion === '2.0' && { userArguments: {} } },
    tasks: [{
      taskId: taskId(jobId, index),
      s3Key: encodeURIComponent(key).replaceAll('%2F', '/'),
      s3VersionId: versionId ?? null,
      ...schemaVersion === '1.0' ? { s3BucketArn: `arn:${partition}:s3:::${bucket}` } : { s3Bucket: bucket },
    }],
  };
}

function taskId(jobId: string, index: number): string {
  return uuid('task', jobId, index);
}

/** What the answer says about a task; a task it does not mention is what `treatMissingKeysAs` says. */
function resultOf(payload: unknown, id: string, isAnswer: boolean): { resultCode: string; resultString: string } {
  if (!isAnswer) return { resultCode: 'PermanentFailure', resultString: JSON.stringify(payload ?? null) };
  const { results, treatMissingKeysAs } = (payload ?? {}) as { results?: unknown; treatMissingKeysAs?: unknown };
  const found = Array.isArray(results) ? results.find((result: { taskId?: unknown }) => result.taskId === id) : undefined;
  const code = String(found?.resultCode ?? treatMissingKeysAs);
  if (!RESULT_CODES.includes(code)) return { resultCode: 'PermanentFailure', resultString: `the answer's result code is ${code}` };
  return { resultCode: code, resultString: String(found?.resultString ?? '') };
}
