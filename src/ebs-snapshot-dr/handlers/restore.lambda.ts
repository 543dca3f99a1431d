import type { Context } from 'aws-lambda';
import { Ec2Shell } from './ec2-shell';
import { checkRestoreRequest, restore } from './restore-run';
import { env, restoreWorld } from './restore-world';
import type { RestoreAnswer } from '../contract';

const shell = new Ec2Shell(env.TABLE, 'site');

/**
 * By hand, or by whatever somebody has decided to trust with it.
 *
 * @throws with what is missing, before anything is changed
 */
export function handler(event: unknown, context: Context): Promise<RestoreAnswer> {
  const request = checkRestoreRequest(event);
  return shell.run(context, async (run, ec2) => {
    // Retries of an asynchronous invocation have its id.
    const answer = await restore(request, context.awsRequestId, restoreWorld(run, ec2(), context));
    const { stack, status, points, warnings } = answer;
    run.log.info('restore', { stack, status, sets: points.map(({ set }) => set), warnings });
    return answer;
  });
}
