import { Duration } from 'aws-cdk-lib';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import { BoundTarget, EVERY_PACKING, SEND_AHEAD, Target } from './target';

export class FirehoseTarget implements Target {
  public readonly kind = 'firehose';
  public readonly orderings = ['none'] as const;
  public readonly orderingRemedy = 'a delivery stream keeps no order; leave it out';
  public readonly packings = EVERY_PACKING;
  public readonly envelope = false;
  /** Before base64. */
  public readonly maxEntryBytes = 1_024_000;
  public readonly defaultEntryBytes = this.maxEntryBytes;
  public readonly sendAhead = SEND_AHEAD.OTHERS;
  public readonly batchWindow = Duration.seconds(5);

  constructor(public readonly resource: firehose.IDeliveryStream) {}

  public get arn(): string {
    return this.resource.deliveryStreamArn;
  }

  public bind(): BoundTarget {
    const { deliveryStreamArn, deliveryStreamName } = this.resource;
    return {
      target: deliveryStreamName,
      settings: { kind: 'firehose' },
      statements: [{ actions: ['firehose:PutRecordBatch'], resources: [deliveryStreamArn] }],
    };
  }
}
