import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CloudFrontResponseEvent, CloudFrontResponseResult } from 'aws-lambda';
import { EdgeProgram } from './edge-program';
import { EdgeTable } from './edge-table';
import { readEnv } from '../../handler-kit/env';
import { TABLE_FILE } from '../contract';

const { LAMBDA_TASK_ROOT } = readEnv(['LAMBDA_TASK_ROOT']);
const program = new EdgeProgram(new EdgeTable(readFileSync(join(LAMBDA_TASK_ROOT, TABLE_FILE))));
/** S3 answers 403 for a missing file to those who may not list the bucket. */
const MISSING = ['403', '404'];
/** Headers of the origin that may not be changed at this event. */
const READ_ONLY = ['transfer-encoding', 'via'];

/** After the origin has answered: if it has no such file, the rules decide. */
export async function handler({ Records: [{ cf: { request, response } }] }: CloudFrontResponseEvent): Promise<CloudFrontResponseResult> {
  if (!MISSING.includes(response.status)) return response;
  try {
    const outcome = await program.run(request);
    if (outcome.kind === 'request') return response;
    const kept = Object.entries(response.headers).filter(([name]) => READ_ONLY.includes(name.toLowerCase()));
    return { ...outcome.response, headers: { ...Object.fromEntries(kept), ...outcome.response.headers }, body: '', bodyEncoding: 'text' };
  } catch (error) {
    console.error(`rewrite: ${String(error)}`);
    return response;
  }
}
