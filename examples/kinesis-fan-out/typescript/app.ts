import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { FanOutAggregation, FanOutDestination, FanOutFilter, FanOutPacking, FanOutTransform, KinesisFanOut } from 'cdk-lambda-blueprints';

const app = new App();
const stack = new Stack(app, 'Shop');

const lake = new s3.Bucket(stack, 'Lake');
const state = new dynamodb.Table(stack, 'State', {
  partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING },
  billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
});
const mirror = new kinesis.Stream(stack, 'Mirror', { streamMode: kinesis.StreamMode.ON_DEMAND });
const payments = new sqs.Queue(stack, 'Payments', { fifo: true });

const orders = new KinesisFanOut(stack, 'Orders', {
  aggregation: FanOutAggregation.UNKNOWN,
  destinations: {
    State: FanOutDestination.dynamoDb(state),
    Mirror: FanOutDestination.kinesis(mirror),
  },
});
const mask = FanOutTransform.mask('$.card', '$.email');
orders.addDestination('Lake', FanOutDestination.s3(lake, { prefix: 'orders/', packing: FanOutPacking.ndjson() }), { transform: mask });
orders.addDestination('Payments', FanOutDestination.sqs(payments), { filter: FanOutFilter.equalTo('$.type', 'order-paid') });

new CfnOutput(stack, 'OrderStream', { value: orders.stream.streamName });
new CfnOutput(stack, 'FailureBucket', { value: orders.failureBucket.bucketName });
new CfnOutput(stack, 'ReplayFunction', { value: orders.replayFunction.functionName });
new CfnOutput(stack, 'LakeBucket', { value: lake.bucketName });
new CfnOutput(stack, 'StateTable', { value: state.tableName });
new CfnOutput(stack, 'MirrorStream', { value: mirror.streamName });
new CfnOutput(stack, 'PaymentQueue', { value: payments.queueUrl });
