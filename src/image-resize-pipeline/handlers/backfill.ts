import type { S3BatchResultResult } from 'aws-lambda';
import type { Outcome } from './reconcile';

/** How S3 Batch Operations reads an outcome: a refusal is final, its reason is the result. */
export function taskResult(taskId: string, outcome: Outcome): S3BatchResultResult {
  const rejection = outcome.kind === 'unchanged' ? outcome.manifest?.rejection : outcome.kind === 'rejected' ? outcome.rejection : undefined;
  return rejection === undefined
    ? { taskId, resultCode: 'Succeeded', resultString: outcome.kind }
    : { taskId, resultCode: 'PermanentFailure', resultString: rejection.reason };
}

/** Anything else than a refusal may pass: S3 Batch Operations asks again. */
export function taskFailure(taskId: string, error: unknown): S3BatchResultResult {
  return { taskId, resultCode: 'TemporaryFailure', resultString: error instanceof Error ? error.name : 'Error' };
}
