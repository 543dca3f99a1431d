import { S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { S3Artifacts, S3Objects } from './objects-s3';
import { Shell } from './shell';
import { sync } from './sync-run';
import { readEnv } from '../../handler-kit/env';
import { SITE_ENV, type SiteSettings } from '../contract';

/** Kept back for the inventories. */
const RESERVE_MS = 30_000;

const env = readEnv([...SITE_ENV, 'AWS_REGION']);
const settings = JSON.parse(env.SETTINGS) as SiteSettings;
const shell = new Shell(env.TABLE, 'site');
const clients = new Map<string, S3Client>();
const objects = new S3Objects(env.BUCKET, clientOf(env.AWS_REGION));

export async function handler(_: unknown, context: Context): Promise<void> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), Math.max(0, context.getRemainingTimeInMillis() - RESERVE_MS));
  try {
    await shell.run(context, (run) => sync({
      ...run,
      settings,
      region: env.AWS_REGION,
      artifacts: (region) => new S3Artifacts(env.BUCKET, clientOf(region), clientOf(env.AWS_REGION)),
      objects,
      ending: ending.signal,
    }));
  } finally {
    clearTimeout(timer);
  }
}

/** S3 answers a copy when it is done, which takes minutes: no limit for the answer. */
function clientOf(region: string): S3Client {
  const client = clients.get(region) ?? new S3Client({ region, maxAttempts: 5, requestHandler: { connectionTimeout: 3000 } });
  clients.set(region, client);
  return client;
}
