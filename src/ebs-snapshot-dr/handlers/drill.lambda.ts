import { LambdaClient } from '@aws-sdk/client-lambda';
import type { Context } from 'aws-lambda';
import { runDrill } from './drill-run';
import { Ec2Shell } from './ec2-shell';
import { LambdaProbe } from './probe-lambda';
import { env, kms, restoreWorld } from './restore-world';
import { KmsSigner } from './signer';
import type { DrillEvent } from '../contract';

/** Kept back for writing down how far a drill has come. */
const RESERVE_MS = 10_000;

const shell = new Ec2Shell(env.TABLE, 'site');
/** One attempt: how long a probe takes is its own affair, and the next tick asks again. */
const lambda = new LambdaClient({ maxAttempts: 1, requestHandler: { connectionTimeout: 3000 } });
const probe = env.PROBE_FUNCTION === '' ? undefined : new LambdaProbe(env.PROBE_FUNCTION, lambda);
const signer = new KmsSigner(env.SIGNING_KEY_ARN, kms);

/** The start of a drill, or a tick. */
export async function handler(event: DrillEvent, context: Context): Promise<void> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), Math.max(0, context.getRemainingTimeInMillis() - RESERVE_MS));
  try {
    await shell.run(context, (run, ec2) => runDrill(event, {
      ...restoreWorld(run, ec2(), context),
      ...probe && { probe },
      signer,
      signingKey: env.SIGNING_KEY_ARN,
      metrics: run.metrics,
      log: run.log,
      ending: ending.signal,
    }));
  } finally {
    clearTimeout(timer);
  }
}
