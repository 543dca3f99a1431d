import { CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { CropPosition, ImageDestination, ImagePreset, ImageResizePipeline } from '../../../src';

const VARIANT_PREFIX = 'img/';

/** The pipeline as anybody would use it, with one cropped preset more, and a queue that listens to its failures. */
export class ImageResizePipelineDemo extends Stack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const failureTopic = new sns.Topic(this, 'Failures');
    const failures = new sqs.Queue(this, 'FailureListener');
    failureTopic.addSubscription(new SqsSubscription(failures, { rawMessageDelivery: true }));

    const images = new ImageResizePipeline(this, 'Images', {
      destination: ImageDestination.newBucket({ prefix: VARIANT_PREFIX }),
      presets: [
        ImagePreset.cover('card', 320, 240, { position: CropPosition.ATTENTION }),
        ImagePreset.width('mobile', 480),
        ImagePreset.width('tablet', 1024),
        ImagePreset.width('desktop', 1920),
      ],
      failureTopic,
      removalPolicy: RemovalPolicy.DESTROY,
      // The emulator runs the function on this machine.
      architecture: process.arch === 'x64' ? lambda.Architecture.X86_64 : lambda.Architecture.ARM_64,
    });

    new CfnOutput(this, 'SourceBucket', { value: images.sourceBucket.bucketName });
    new CfnOutput(this, 'DestinationBucket', { value: images.destinationBucket.bucketName });
    new CfnOutput(this, 'VariantPrefix', { value: VARIANT_PREFIX });
    new CfnOutput(this, 'FailureListenerUrl', { value: failures.queueUrl });
  }
}
