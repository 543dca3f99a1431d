import { Duration } from 'aws-cdk-lib';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { FanOutAggregation } from './fan-out-modes';
import { StreamFacts } from './source-stream';
import { HandlerOptions } from '../shared';

/** What all deliveries of one fan-out share. */
export interface DeliveryContext {
  readonly fanOutName: string;
  readonly stream: kinesis.IStream;
  readonly facts: StreamFacts;
  readonly aggregation: FanOutAggregation;
  readonly failureBucket: s3.IBucket;
  readonly maxRecordAge: Duration;
  readonly handlerOptions: HandlerOptions;
  readonly alarmTopic?: sns.ITopic;
}
