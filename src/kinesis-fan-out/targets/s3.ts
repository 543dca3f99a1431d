import { Duration } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { BoundTarget, MIB, SEND_AHEAD, Statement, Target } from './target';
import { viaService } from '../../private/kms-via-service';
import { checkPrefix } from '../../private/validate';
import type { FanOutS3Options } from '../fan-out-destination';

/** Objects `<prefix><shard>/<first sequence number>`. */
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
  public readonly prefix: string;

  constructor(public readonly resource: s3.IBucket, options: FanOutS3Options) {
    checkPrefix('prefix', options.prefix);
    this.prefix = options.prefix ?? '';
  }

  public get arn(): string {
    return this.resource.bucketArn;
  }

  public bind(): BoundTarget {
    const { resource: bucket, prefix } = this;
    // Objects that are there are asked for their metadata only, which no key encrypts.
    const key: Statement[] = bucket.encryptionKey
      ? [{ actions: ['kms:GenerateDataKey'], resources: [bucket.encryptionKey.keyArn], conditions: viaService('s3') }]
      : [];
    return {
      target: bucket.bucketName,
      settings: { kind: 's3', prefix },
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
