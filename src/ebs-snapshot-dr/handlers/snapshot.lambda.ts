import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from 'aws-lambda';
import { CLIENT } from './client';
import { Ec2Shell } from './ec2-shell';
import { SsmFreezer } from './freezer-ssm';
import { CLOCK } from './shell';
import { scheduledTime, type SetsTaken, takeSets } from './take-sets';
import { readEnv } from '../../handler-kit/env';
import { PLAN_ENV, type PlanSettings } from '../contract';

const env = readEnv(PLAN_ENV);
const settings = JSON.parse(env.SETTINGS) as PlanSettings;
const shell = new Ec2Shell(env.TABLE, 'plan');
const freezer = settings.freeze && new SsmFreezer(settings.freeze, new SSMClient(CLIENT), CLOCK);

/** `{ "scheduledTime": "<aws.scheduler.scheduled-time>" }` → a set of every selected instance. Repeated, it takes what is missing. */
export function handler(event: unknown, context: Context): Promise<SetsTaken> {
  const [, , , region, account] = context.invokedFunctionArn.split(':');
  return shell.run(context, (run, ec2) => takeSets({ ...run, settings, ec2: ec2(), freezer, origin: `${account}/${region}` }, scheduledTime(event)));
}
