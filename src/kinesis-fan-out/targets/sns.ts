import { Duration } from 'aws-cdk-lib';
import * as sns from 'aws-cdk-lib/aws-sns';
import { knownBytes, numberOf } from './properties';
import { BoundTarget, EVERY_ORDERING, EVERY_PACKING, KIB, MIB, SEND_AHEAD, Statement, Target } from './target';
import { viaService } from '../../private/kms-via-service';
import { Ordering } from '../contract';
import type { FanOutSnsOptions } from '../fan-out-destination';

/** Messages; on a FIFO topic the partition key (or the shard) is the group, the record's id the deduplication id. */
export class SnsTarget implements Target {
  public readonly kind = 'sns';
  public readonly orderings: readonly [Ordering, ...Ordering[]];
  public readonly orderingRemedy = 'a standard topic keeps no order; use a FIFO topic';
  public readonly packings = EVERY_PACKING;
  public readonly envelope = false;
  public readonly maxEntryBytes: number;
  public readonly defaultEntryBytes: number;
  public readonly sizeRemedy = "set the topic's attribute MaximumMessageSize, and say so by 'maxMessageSize' if the topic is imported";
  public readonly sendAhead = SEND_AHEAD.OTHERS;
  public readonly batchWindow = Duration.seconds(1);

  constructor(public readonly resource: sns.ITopic, options: FanOutSnsOptions) {
    this.orderings = resource.fifo ? EVERY_ORDERING : ['none'];
    this.maxEntryBytes = knownBytes('maxMessageSize', options.maxMessageSize) ?? numberOf(resource, 'maximumMessageSize') ?? 256 * KIB;
    this.defaultEntryBytes = this.maxEntryBytes;
    if (this.maxEntryBytes < KIB || this.maxEntryBytes > MIB) {
      throw new Error(`'maxMessageSize' must be 1 KiB to 1 MiB, got ${this.maxEntryBytes} bytes`);
    }
  }

  public get arn(): string {
    return this.resource.topicArn;
  }

  public bind(): BoundTarget {
    const { resource: topic, maxEntryBytes } = this;
    const key: Statement[] = topic.masterKey
      ? [{ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [topic.masterKey.keyArn], conditions: viaService('sns') }]
      : [];
    return {
      target: topic.topicArn,
      settings: { kind: 'sns', fifo: topic.fifo, maxMessageBytes: maxEntryBytes },
      statements: [{ actions: ['sns:Publish'], resources: [topic.topicArn] }, ...key],
    };
  }
}
