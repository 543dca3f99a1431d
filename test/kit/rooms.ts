import { RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  CropPosition,
  HandlerOptions,
  ImageBackfill,
  ImageDestination,
  ImageFormat,
  ImageLazyOrigin,
  ImagePreset,
  ImageResizePipeline,
  ImageResizePipelineProps,
  ImageSource,
  ImageTolerance,
} from '../../src';

/** One room as the library-wide tests see it. */
export interface Room {
  /** Folder below `src/`. */
  readonly name: string;
  /** Handlers the construct defines at most. */
  readonly handlers: readonly string[];
  /** The construct with nothing but required props. */
  minimal(stack: Stack): Construct;
  /** The construct with every feature on, all optional resources created by it. */
  full(stack: Stack): Construct;
  /** The construct with every resource it accepts given to it. */
  supplied(stack: Stack): Construct;
}

export const ROOMS: readonly Room[] = [{
  name: 'image-resize-pipeline',
  handlers: ['index.backfill', 'index.reconcile', 'index.serve'],
  minimal: (stack) => new ImageResizePipeline(stack, 'Images'),
  full: (stack) => new ImageResizePipeline(stack, 'Images', fullImageProps(stack)),
  supplied: (stack) => new ImageResizePipeline(stack, 'Images', suppliedImageProps(stack)),
}];

const ACCOUNT = '123456789012';

function fullImageProps(stack: Stack): ImageResizePipelineProps {
  return {
    source: ImageSource.newBucket({ prefix: 'originals/', suffixes: ['.jpg', '.PNG'] }),
    destination: ImageDestination.newBucket({ prefix: 'variants/' }),
    presets: [ImagePreset.width('mobile', 480), ImagePreset.cover('card', 600, 400, { position: CropPosition.ATTENTION, sharpen: 1 })],
    formats: [ImageFormat.webp({ effort: 4 }), ImageFormat.avif()],
    tolerance: ImageTolerance.WARNING,
    maxPixels: 50_000_000,
    maxFrames: 10,
    maxFileSize: Size.mebibytes(20),
    keepIcc: true,
    keepCopyright: true,
    allowSvg: true,
    cacheControl: 'public, max-age=60',
    propagateDeletes: false,
    quarantinePrefix: 'refused/',
    backfill: ImageBackfill.s3Batch({ reportPrefix: 'reports/', priority: 5 }),
    lazyOrigin: ImageLazyOrigin.functionUrl(),
    successTopic: new sns.Topic(stack, 'Success', { enforceSSL: true }),
    failureTopic: new sns.Topic(stack, 'Failure', { enforceSSL: true }),
    eventBus: new events.EventBus(stack, 'Bus'),
    distribution: cloudfront.Distribution.fromDistributionAttributes(stack, 'Cdn', { distributionId: 'E1', domainName: 'd1.cloudfront.net' }),
    maxConcurrency: 20,
    maxReceiveCount: 3,
    encryptionKey: new kms.Key(stack, 'Key', { enableKeyRotation: true }),
    removalPolicy: RemovalPolicy.DESTROY,
    alarmTopic: new sns.Topic(stack, 'OnCall', { enforceSSL: true }),
    reconcileOptions: { memorySize: 3008 },
  };
}

function suppliedImageProps(stack: Stack): ImageResizePipelineProps {
  return {
    ...suppliedHandlerOptions(stack),
    source: ImageSource.bucket(s3.Bucket.fromBucketName(stack, 'Uploads', 'uploads'), { prefix: 'originals/' }),
    destination: ImageDestination.bucket(s3.Bucket.fromBucketName(stack, 'Media', 'media')),
    backfill: ImageBackfill.s3Batch(),
    lazyOrigin: ImageLazyOrigin.functionUrl(),
    deadLetterQueue: sqs.Queue.fromQueueArn(stack, 'Failed', stack.formatArn({ service: 'sqs', resource: 'failed' })),
  };
}

/** Every handler option, each resource imported. */
export function suppliedHandlerOptions(stack: Stack): HandlerOptions {
  const arn = (service: string, resource: string) =>
    stack.formatArn({ service, region: service === 'iam' ? '' : undefined, account: ACCOUNT, resource });
  return {
    runtime: lambda.Runtime.NODEJS_22_X,
    architecture: lambda.Architecture.X86_64,
    role: iam.Role.fromRoleArn(stack, 'Role', arn('iam', 'role/app'), { mutable: false }),
    vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-11111111',
      availabilityZones: ['a', 'b'],
      privateSubnetIds: ['subnet-11111111', 'subnet-22222222'],
      privateSubnetRouteTableIds: ['rtb-11111111', 'rtb-22222222'],
    }),
    securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-11111111')],
    logGroup: logs.LogGroup.fromLogGroupName(stack, 'Logs', '/app/images'),
    tracing: lambda.Tracing.ACTIVE,
    environmentEncryption: kms.Key.fromKeyArn(stack, 'EnvKey', arn('kms', 'key/1')),
    reservedConcurrentExecutions: 4,
  };
}
