import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { resourceOf } from './bucket-identity';

export interface SecureBucketProps {
  readonly removalPolicy: RemovalPolicy;
  readonly encryptionKey?: kms.IKey;
  readonly accessLogs: s3.IBucket;
  /** Folder in the access log bucket. */
  readonly accessLogsPrefix: string;
  /** How long overwritten and deleted versions stay. */
  readonly noncurrentVersions: Duration;
}

/** Private, TLS only, encrypted, versioned, logged. */
export class SecureBucket extends s3.Bucket {
  constructor(scope: Construct, id: string, props: SecureBucketProps) {
    super(scope, id, {
      ...PRIVATE,
      versioned: true,
      encryption: props.encryptionKey ? s3.BucketEncryption.KMS : s3.BucketEncryption.S3_MANAGED,
      encryptionKey: props.encryptionKey,
      bucketKeyEnabled: props.encryptionKey ? true : undefined,
      removalPolicy: props.removalPolicy,
      lifecycleRules: [
        { abortIncompleteMultipartUploadAfter: Duration.days(7) },
        { noncurrentVersionExpiration: props.noncurrentVersions, expiredObjectDeleteMarker: true },
      ],
    });
    logAccess(this, props.accessLogs, props.accessLogsPrefix);
  }
}

/** Receives access logs for a year. S3 delivers them to SSE-S3 buckets only. */
export class AccessLogsBucket extends s3.Bucket {
  constructor(scope: Construct, id: string, removalPolicy: RemovalPolicy) {
    super(scope, id, {
      ...PRIVATE,
      encryption: s3.BucketEncryption.S3_MANAGED,
      removalPolicy,
      lifecycleRules: [{ expiration: Duration.days(365), abortIncompleteMultipartUploadAfter: Duration.days(7) }],
    });
  }
}

const PRIVATE: s3.BucketProps = {
  blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
  objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
};

/** By resource and bucket policy: the L2 property uses ACLs or not, depending on a feature flag. */
function logAccess(bucket: s3.Bucket, logs: s3.IBucket, prefix: string): void {
  resourceOf(bucket)!.loggingConfiguration = { destinationBucketName: logs.bucketName, logFilePrefix: prefix };
  logs.addToResourcePolicy(new iam.PolicyStatement({
    principals: [new iam.ServicePrincipal('logging.s3.amazonaws.com')],
    actions: ['s3:PutObject'],
    resources: [logs.arnForObjects(`${prefix}*`)],
    conditions: {
      ArnLike: { 'aws:SourceArn': bucket.bucketArn },
      StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
    },
  }));
}

/**
 * Sends the events of a bucket of this app to EventBridge by its own property, without the Lambda function behind
 * `eventBridgeEnabled`. An imported bucket, or one that configures notifications itself, is its owner's to change.
 */
export function sendEventsToEventBridge(bucket: s3.IBucket): void {
  const resource = resourceOf(bucket);
  if (resource) resource.notificationConfiguration ??= { eventBridgeConfiguration: { eventBridgeEnabled: true } };
}
