import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { S3Objects } from './objects-s3';
import type { Ec2 } from './ports';
import { RegionPreflight } from './preflight';
import { SiteRecoveryPoints } from './recovery-points';
import type { RestoreWorld } from './restore-run';
import type { Run } from './run';
import { CloudFormationStacks } from './stacks-cloudformation';
import { Deadline } from '../../handler-kit/deadline';
import { readEnv } from '../../handler-kit/env';
import { SITE_ENV, type SiteSettings } from '../contract';

/** Throttles are expected: CloudFormation's limits are low. */
const CLIENT = { maxAttempts: 6, requestHandler: { connectionTimeout: 3000, requestTimeout: 20_000, throwOnRequestTimeout: true } };
/** Kept back for writing down what was reached. */
const RESERVE_MS = 10_000;

export const env = readEnv([...SITE_ENV, 'AWS_REGION']);
export const settings = JSON.parse(env.SETTINGS) as SiteSettings;
export const kms = new KMSClient(CLIENT);
const cloudFormation = new CloudFormationClient(CLIENT);
const ec2Client = new EC2Client(CLIENT);
const objects = new S3Objects(env.BUCKET, new S3Client(CLIENT));

/** Of one invocation. Every client is the site's Region's. */
export function restoreWorld(run: Run, ec2: Ec2, context: Context): RestoreWorld {
  const { clock, ledger, log } = run;
  const deadline = Deadline.of(context, RESERVE_MS);
  return {
    settings,
    bucket: env.BUCKET,
    bucketUrl: `https://${env.BUCKET}.s3.${env.AWS_REGION}.${env.AWS_REGION.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}`,
    objects,
    stacks: new CloudFormationStacks(cloudFormation, { roleArn: env.EXECUTION_ROLE_ARN, clock, deadline }),
    ec2,
    preflight: new RegionPreflight(ec2Client, kms, log),
    ledger,
    points: (rebuild) => new SiteRecoveryPoints({ ledger, ec2, clock, rebuild }),
    clock,
  };
}
