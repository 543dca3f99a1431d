import { Duration, Token } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { BoundTarget, MIB, ObjectKeys, SEND_AHEAD, Statement, Target } from './target';
import { viaService } from '../../private/kms-via-service';
import { checkInteger, checkPrefix } from '../../private/validate';
import { compilePartition } from '../common/partition';
import { TargetSettings } from '../contract';
import type { FanOutS3Options } from '../fan-out-destination';

/** Objects `<prefix><partition><shard>/<first sequence number>`. */
export class S3Target implements Target {
  public readonly kind = 's3';
  public readonly orderings = ['per-shard'] as const;
  public readonly orderingRemedy = 'an object holds records of one shard as they came, so keys are in order too; leave it out';
  public readonly packings = ['ndjson', 'ndjson-gzip', 'json-array', 'none'] as const;
  public readonly envelope = false;
  public readonly maxEntryBytes = 64 * MIB;
  public readonly defaultEntryBytes = 8 * MIB;
  public readonly sendAhead = SEND_AHEAD.DEDUPLICATED;
  public readonly batchWindow = Duration.seconds(5);
  public readonly objectKeys: ObjectKeys;
  private readonly partition: Extract<TargetSettings, { kind: 's3' }>['partition'];

  constructor(public readonly resource: s3.IBucket, options: FanOutS3Options) {
    const { prefix = '', partition, maxPartitions } = options;
    checkPrefix('prefix', prefix);
    checkInteger('maxPartitions', maxPartitions, { min: 1, max: 1000 });
    if (partition === undefined) {
      if (maxPartitions !== undefined) throw new Error("'maxPartitions' must be given together with 'partition', got it alone");
    } else {
      if (Token.isUnresolved(partition)) throw new Error("'partition' must be known at synth, got a token");
      compilePartition(partition);
      this.partition = { template: partition, max: maxPartitions ?? 100 };
    }
    this.objectKeys = { prefix, sorted: partition !== undefined };
  }

  public get arn(): string {
    return this.resource.bucketArn;
  }

  public bind(): BoundTarget {
    const { resource: bucket, partition, objectKeys: { prefix } } = this;
    // Objects that are there are asked for their metadata only, which no key encrypts.
    const key: Statement[] = bucket.encryptionKey
      ? [{ actions: ['kms:GenerateDataKey'], resources: [bucket.encryptionKey.keyArn], conditions: viaService('s3') }]
      : [];
    return {
      target: bucket.bucketName,
      settings: { kind: 's3', prefix, partition },
      statements: [
        {
          actions: ['s3:GetObject', 's3:PutObject'],
          resources: [bucket.arnForObjects(`${prefix}*`)],
          wildcard: 'writes objects below one prefix, and reads those that are there already',
        },
        ...key,
      ],
    };
  }
}
