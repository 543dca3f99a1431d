import { S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { CLIENT } from './client';
import { Ec2Shell } from './ec2-shell';
import { S3Objects } from './objects-s3';
import { watchTick } from './watch-tick';
import { readEnv } from '../../handler-kit/env';
import { SITE_ENV, type SiteSettings } from '../contract';

const env = readEnv(SITE_ENV);
const settings = JSON.parse(env.SETTINGS) as SiteSettings;
const shell = new Ec2Shell(env.TABLE, 'site');
const objects = new S3Objects(env.BUCKET, new S3Client(CLIENT));

/** A tick or an event of EBS, which says no more than that it is worth looking. */
export function handler(_: unknown, context: Context): ReturnType<typeof watchTick> {
  return shell.run(context, (run, ec2) => watchTick({ ...run, settings, ec2: ec2(), objects }));
}
