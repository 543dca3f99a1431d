import { Aws, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { ImageBackfill } from './image-backfill';
import { acknowledge, wildcardResource } from '../private/acknowledge';
import { viaService } from '../private/kms-via-service';

export interface BackfillJobProps {
  readonly backfill: ImageBackfill;
  readonly handler: lambda.IFunction;
  readonly sourceBucket: s3.IBucket;
  readonly sourcePrefix: string;
  readonly destinationBucket: s3.IBucket;
}

/** Assumed by S3 Batch Operations: calls the function, lists originals, writes reports. */
export function jobRole(scope: Construct, id: string, props: BackfillJobProps): iam.Role {
  const { backfill, handler, sourceBucket, destinationBucket } = props;
  const role = new iam.Role(scope, id, {
    description: 'S3 Batch Operations calls the backfill function and writes reports',
    assumedBy: new iam.ServicePrincipal('batchoperations.s3.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  });
  const reports = destinationBucket.arnForObjects(`${backfill._reportPrefix}*`);
  role.addToPolicy(new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [handler.functionArn] }));
  role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:GetObject', 's3:PutObject'], resources: [reports] }));
  role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:PutInventoryConfiguration'], resources: [sourceBucket.bucketArn] }));
  if (destinationBucket.encryptionKey) {
    role.addToPolicy(new iam.PolicyStatement({
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [destinationBucket.encryptionKey.keyArn],
      conditions: viaService('s3'),
    }));
  }
  acknowledge(role, { [wildcardResource(scope, reports)]: 'reports and object lists below their prefix' });
  return role;
}

/** The command for a shell; what is only known after deployment is in the stack's output. */
export function jobCommand(role: iam.IRole, props: BackfillJobProps): string {
  const { backfill, handler, sourceBucket, sourcePrefix, destinationBucket } = props;
  const { account, region } = Stack.of(role);
  return [
    'aws s3control create-job',
    `--region ${region}`,
    `--account-id ${account}`,
    `--priority ${backfill._priority}`,
    `--role-arn ${role.roleArn}`,
    `--operation ${quoted({ LambdaInvoke: { FunctionArn: handler.functionArn } })}`,
    `--manifest-generator ${quoted({
      S3JobManifestGenerator: {
        SourceBucket: sourceBucket.bucketArn,
        ...(sourcePrefix === '' ? {} : { Filter: { KeyNameConstraint: { MatchAnyPrefix: [sourcePrefix] } } }),
        EnableManifestOutput: false,
      },
    })}`,
    `--report ${quoted({
      Bucket: destinationBucket.bucketArn,
      Prefix: backfill._reportPrefix.replace(/\/$/, ''),
      Format: 'Report_CSV_20180820',
      Enabled: true,
      ReportScope: 'FailedTasksOnly',
    })}`,
    '--no-confirmation-required',
  ].join(' ');
}

function quoted(value: unknown): string {
  return `'${JSON.stringify(value).replace(/'/g, "'\\''")}'`;
}
