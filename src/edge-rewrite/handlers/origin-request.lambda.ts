import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CloudFrontRequestEvent, CloudFrontRequestResult } from 'aws-lambda';
import { EdgeProgram } from './edge-program';
import { EdgeTable } from './edge-table';
import { readEnv } from '../../handler-kit/env';
import { TABLE_FILE } from '../contract';

const { LAMBDA_TASK_ROOT } = readEnv(['LAMBDA_TASK_ROOT']);
const program = new EdgeProgram(new EdgeTable(readFileSync(join(LAMBDA_TASK_ROOT, TABLE_FILE))));

/** Before the origin is asked: answers, or sends the request on to where the rules say. */
export async function handler({ Records: [{ cf: { request } }] }: CloudFrontRequestEvent): Promise<CloudFrontRequestResult> {
  try {
    const outcome = await program.run(request);
    return outcome.kind === 'response' ? outcome.response : outcome.request;
  } catch (error) {
    console.error(`rewrite: ${String(error)}`);
    return request;
  }
}
