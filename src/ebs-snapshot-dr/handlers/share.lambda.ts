import type { Context } from 'aws-lambda';
import { Ec2Shell } from './ec2-shell';
import { shareSets } from './share-run';
import { readEnv } from '../../handler-kit/env';
import { PLAN_ENV, type PlanSettings } from '../contract';

const env = readEnv(PLAN_ENV);
const settings = JSON.parse(env.SETTINGS) as PlanSettings;
const shell = new Ec2Shell(env.TABLE, 'plan');

/** A tick, or an event that a set is complete. */
export function handler(_: unknown, context: Context): ReturnType<typeof shareSets> {
  return shell.run(context, (run, ec2) => shareSets({ ...run, settings, ec2: ec2() }));
}
