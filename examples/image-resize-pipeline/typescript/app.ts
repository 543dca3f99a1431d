import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import * as sns from 'aws-cdk-lib/aws-sns';
import { CropPosition, ImageDestination, ImageFormat, ImagePreset, ImageResizePipeline, ImageSource } from 'cdk-lambda-blueprints';

const app = new App();
const stack = new Stack(app, 'Newsroom');

const images = new ImageResizePipeline(stack, 'Images', {
  source: ImageSource.newBucket({ prefix: 'originals/', suffixes: ['.jpg', '.jpeg', '.png', '.webp', '.avif', '.gif', '.tiff'] }),
  destination: ImageDestination.newBucket({ prefix: 'img/' }),
  presets: [
    ImagePreset.width('mobile', 480),
    ImagePreset.width('tablet', 1024),
    ImagePreset.width('desktop', 1920),
    ImagePreset.cover('card', 600, 400, { position: CropPosition.ATTENTION }),
  ],
  formats: [ImageFormat.webp(), ImageFormat.jpeg({ quality: 80 })],
  failureTopic: new sns.Topic(stack, 'PictureDesk'),
});

new CfnOutput(stack, 'SourceBucket', { value: images.sourceBucket.bucketName });
new CfnOutput(stack, 'DestinationBucket', { value: images.destinationBucket.bucketName });
