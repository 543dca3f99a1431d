import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CloudFrontRequest, CloudFrontRequestEvent, CloudFrontRequestResult, CloudFrontResponseEvent, CloudFrontResponseResult } from 'aws-lambda';
import { EdgeProgram, STATUS, withStatus } from './edge-program';
import { EdgeTable } from './edge-table';
import { readEnv } from '../../handler-kit/env';
import { TABLE_FILE } from '../contract';

const { LAMBDA_TASK_ROOT } = readEnv(['LAMBDA_TASK_ROOT']);
const program = new EdgeProgram(new EdgeTable(readFileSync(join(LAMBDA_TASK_ROOT, TABLE_FILE))));

type Result = CloudFrontRequestResult | CloudFrontResponseResult;

/** Before the origin is asked: answers, or sends the request on to where the rules say. Afterwards: the status of a page. */
export async function handler({ Records: [{ cf }] }: CloudFrontRequestEvent | CloudFrontResponseEvent): Promise<Result> {
  if ('response' in cf) {
    const [status] = cf.request.headers[STATUS] ?? [];
    return status && cf.response.status === '200' ? { ...cf.response, status: status.value, statusDescription: undefined } : cf.response;
  }
  try {
    const outcome = await program.run(cf.request);
    return outcome.kind === 'response' ? outcome.response : outcome.request;
  } catch (error) {
    console.error(`rewrite: ${String(error)}`);
    return isReadable(cf.request) ? withStatus(cf.request) : cf.request;
  }
}

function isReadable({ headers }: CloudFrontRequest): boolean {
  return typeof headers === 'object' && headers !== null;
}
