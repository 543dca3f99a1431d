import type { Context } from 'aws-lambda';
import { Ec2Shell } from './ec2-shell';
import type { Pruned } from './prune';
import { prunePlan } from './prune-run';
import { readEnv } from '../../handler-kit/env';
import { PLAN_ENV, type PlanSettings } from '../contract';

const env = readEnv(PLAN_ENV);
const settings = JSON.parse(env.SETTINGS) as PlanSettings;
const shell = new Ec2Shell(env.TABLE, 'plan');

export function handler(_: unknown, context: Context): Promise<Pruned | undefined> {
  return shell.run(context, (run, ec2) => prunePlan({ ...run, settings, ec2: ec2(), siteAt: ec2 }));
}
