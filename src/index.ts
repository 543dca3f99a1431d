// The map: one room per use case, then the vocabulary they share.
export * from './ebs-snapshot-dr'; // tagged EC2 instances → consistent snapshot sets in another Region, kept by generations, restored by CloudFormation
export * from './edge-rewrite'; // redirect, rewrite and header rules → the cheapest CloudFront function that can run them
export * from './image-resize-pipeline'; // an upload to S3 → phone, tablet and desktop variants with a manifest
export * from './kinesis-fan-out'; // a Kinesis stream → several destinations, each independent, in order, without loss
export * from './shared';
