import { Duration } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { BoundTarget, EVERY_ORDERING, EVERY_PACKING, MIB, SEND_AHEAD, Statement, Target } from './target';
import { viaService } from '../../private/kms-via-service';
import { Ordering } from '../contract';

/** Messages; in a FIFO queue the partition key (or the shard) is the group, the record's id the deduplication id. */
export class SqsTarget implements Target {
  public readonly kind = 'sqs';
  public readonly orderings: readonly [Ordering, ...Ordering[]];
  public readonly orderingRemedy = 'a standard queue keeps no order; use a FIFO queue';
  public readonly packings = EVERY_PACKING;
  public readonly envelope = false;
  public readonly maxEntryBytes = MIB;
  public readonly defaultEntryBytes = this.maxEntryBytes;
  public readonly sendAhead = SEND_AHEAD.OTHERS;
  public readonly batchWindow = Duration.seconds(1);

  constructor(public readonly resource: sqs.IQueue) {
    this.orderings = resource.fifo ? EVERY_ORDERING : ['none'];
  }

  public get arn(): string {
    return this.resource.queueArn;
  }

  public bind(): BoundTarget {
    const { resource: queue } = this;
    const key: Statement[] = queue.encryptionMasterKey
      ? [{ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [queue.encryptionMasterKey.keyArn], conditions: viaService('sqs') }]
      : [];
    return {
      target: queue.queueUrl,
      settings: { kind: 'sqs', fifo: queue.fifo },
      statements: [{ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }, ...key],
    };
  }
}
