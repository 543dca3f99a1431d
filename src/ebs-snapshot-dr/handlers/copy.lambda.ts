import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { STSClient } from '@aws-sdk/client-sts';
import type { Context } from 'aws-lambda';
import { assumedRole } from './assumed-role';
import { CLIENT } from './client';
import { copyTick, type CopiesStarted } from './copy-tick';
import { Ec2Connection } from './ec2-client';
import { Ec2Shell } from './ec2-shell';
import { ServiceQuotas } from './quotas';
import { readEnv } from '../../handler-kit/env';
import { SITE_ENV, type SiteSettings } from '../contract';

const env = readEnv(SITE_ENV);
const settings = JSON.parse(env.SETTINGS) as SiteSettings;
const shell = new Ec2Shell(env.TABLE, 'site');
const quotas = new ServiceQuotas(new ServiceQuotasClient(CLIENT), shell.log);
const sts = new STSClient(CLIENT);
const readers = new Map(settings.plans.flatMap(({ plan, region, readerRole }) => (
  readerRole === undefined ? [] : [[plan, new Ec2Connection(region, assumedRole(sts, readerRole, plan))] as const])));

/** A tick or an event of EBS, which says no more than that it is worth looking. */
export function handler(_: unknown, context: Context): Promise<CopiesStarted | undefined> {
  return shell.run(context, (run, ec2) => copyTick({
    ...run, settings, ec2: ec2(), sourceOf: ({ plan, region }) => ec2(readers.get(plan) ?? region), quotas, key: env.KEY_ARN || undefined,
  }));
}
