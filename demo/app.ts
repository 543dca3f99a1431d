/** The example app: one stack per room. The CDK CLI runs this file. */
import { App } from 'aws-cdk-lib';
import { defineDisasterRecovery } from './rooms/ebs-snapshot-dr/stack';
import { EdgeRewriteDemo } from './rooms/edge-rewrite/stack';
import { ImageResizePipelineDemo } from './rooms/image-resize-pipeline/stack';
import { KinesisFanOutDemo } from './rooms/kinesis-fan-out/stack';

const app = new App();
new ImageResizePipelineDemo(app, 'ImageResizePipelineDemo');
new EdgeRewriteDemo(app, 'EdgeRewriteDemo');
new KinesisFanOutDemo(app, 'KinesisFanOutDemo');
defineDisasterRecovery(app);
