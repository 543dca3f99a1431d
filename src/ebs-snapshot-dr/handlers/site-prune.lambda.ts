import { S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { CLIENT } from './client';
import { Ec2Shell } from './ec2-shell';
import { S3Objects } from './objects-s3';
import type { Pruned } from './prune';
import { pruneSite } from './prune-run';
import { readEnv } from '../../handler-kit/env';
import { SITE_ENV, type SiteSettings } from '../contract';

const env = readEnv(SITE_ENV);
const settings = JSON.parse(env.SETTINGS) as SiteSettings;
const shell = new Ec2Shell(env.TABLE, 'site');
const objects = new S3Objects(env.BUCKET, new S3Client(CLIENT));

export function handler(_: unknown, context: Context): Promise<Pruned> {
  return shell.run(context, (run, ec2) => pruneSite({ ...run, settings, ec2: ec2(), objects }));
}
