import type { Manifest } from '../../src/image-resize-pipeline/contract';
import { taskFailure, taskResult } from '../../src/image-resize-pipeline/handlers/backfill';
import type { Outcome } from '../../src/image-resize-pipeline/handlers/reconcile';

const REJECTION = { reason: 'CORRUPT_IMAGE', detail: 'd' } as const;
const ready = { state: 'ready' } as Manifest;
const refused = { state: 'rejected', rejection: REJECTION } as Manifest;

test.each<[Outcome, string, string]>([
  [{ kind: 'processed', manifest: ready }, 'Succeeded', 'processed'],
  [{ kind: 'unchanged', manifest: ready }, 'Succeeded', 'unchanged'],
  [{ kind: 'unchanged' }, 'Succeeded', 'unchanged'],
  [{ kind: 'deleted' }, 'Succeeded', 'deleted'],
  [{ kind: 'ignored' }, 'Succeeded', 'ignored'],
  [{ kind: 'rejected', rejection: REJECTION }, 'PermanentFailure', 'CORRUPT_IMAGE'],
  [{ kind: 'unchanged', manifest: refused }, 'PermanentFailure', 'CORRUPT_IMAGE'],
])('%j', (outcome, resultCode, resultString) => {
  expect(taskResult('t', outcome)).toEqual({ taskId: 't', resultCode, resultString });
});

test.each([[new TypeError('secret'), 'TypeError'], ['text', 'Error']])('an error may pass: %p', (error, resultString) => {
  expect(taskFailure('t', error)).toEqual({ taskId: 't', resultCode: 'TemporaryFailure', resultString });
});
