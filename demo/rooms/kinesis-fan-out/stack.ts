import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { FanOutDestination, FanOutFilter, FanOutOrdering, FanOutPacking, FanOutTransform, KinesisFanOut } from '../../../src';

/** Orders for a lake, the state of each order, a copy for another team, and a queue of what was paid. */
export class KinesisFanOutDemo extends Stack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const removalPolicy = RemovalPolicy.DESTROY;
    const stream = new kinesis.Stream(this, 'Orders', { shardCount: 2, removalPolicy });
    const lake = new s3.Bucket(this, 'Lake', { removalPolicy });
    const state = new dynamodb.Table(this, 'State', { partitionKey: { name: 'orderId', type: dynamodb.AttributeType.STRING }, removalPolicy });
    const mirror = new kinesis.Stream(this, 'Mirror', { shardCount: 1, removalPolicy });
    const paid = new sqs.Queue(this, 'Paid', { queueName: 'demo-paid-orders.fifo', fifo: true, removalPolicy });

    const fanOut = new KinesisFanOut(this, 'FanOut', { stream, foreignReaders: 0, expectedUtilisation: 0.1, removalPolicy });
    const mask = FanOutTransform.mask('$.card');
    const deliveries = {
      Lake: fanOut.addDestination('Lake', FanOutDestination.s3(lake, { prefix: 'orders/', packing: FanOutPacking.ndjson({ envelope: true }) }), { transform: mask }),
      State: fanOut.addDestination('State', FanOutDestination.dynamoDb(state), { transform: mask }),
      Mirror: fanOut.addDestination('Mirror', FanOutDestination.kinesis(mirror)),
      Paid: fanOut.addDestination('Paid', FanOutDestination.sqs(paid), {
        filter: FanOutFilter.equalTo('$.type', 'order-paid'),
        ordering: FanOutOrdering.PER_KEY,
        timeout: Duration.seconds(30),
      }),
    };

    new CfnOutput(this, 'StreamArn', { value: stream.streamArn });
    new CfnOutput(this, 'LakeBucket', { value: lake.bucketName });
    new CfnOutput(this, 'StateTable', { value: state.tableName });
    new CfnOutput(this, 'MirrorArn', { value: mirror.streamArn });
    new CfnOutput(this, 'PaidUrl', { value: paid.queueUrl });
    new CfnOutput(this, 'FailureBucket', { value: fanOut.failureBucket.bucketName });
    new CfnOutput(this, 'ReplayFunction', { value: fanOut.replayFunction.functionName });
    for (const [name, delivery] of Object.entries(deliveries)) {
      new CfnOutput(this, `${name}Function`, { value: delivery.function.functionName });
    }
  }
}
