import { Duration, Size } from 'aws-cdk-lib';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import { knownBytes, numberOf } from './properties';
import { BoundTarget, EVERY_ORDERING, EVERY_PACKING, KIB, MIB, SEND_AHEAD, Statement, Target } from './target';
import { viaService } from '../../private/kms-via-service';
import type { FanOutKinesisOptions } from '../fan-out-destination';

/** Records with the partition key they came with. */
export class KinesisTarget implements Target {
  public readonly kind = 'kinesis';
  public readonly orderings = EVERY_ORDERING;
  public readonly packings = EVERY_PACKING;
  public readonly envelope = false;
  public readonly maxEntryBytes: number;
  public readonly defaultEntryBytes: number;
  public readonly sizeRemedy = "raise the target stream's maximum and say so by 'maxRecordSize'";
  public readonly sendAhead = SEND_AHEAD.OTHERS;
  public readonly batchWindow = Duration.seconds(1);
  public readonly resource: kinesis.IStream;

  constructor(public readonly stream: kinesis.IStream, options: FanOutKinesisOptions) {
    this.resource = stream;
    this.maxEntryBytes = knownBytes('maxRecordSize', options.maxRecordSize) ?? maxRecordBytes(stream) ?? MIB;
    this.defaultEntryBytes = this.maxEntryBytes;
    if (this.maxEntryBytes < MIB || this.maxEntryBytes > 10 * MIB) {
      const got = Size.bytes(this.maxEntryBytes).toKibibytes({ rounding: 0 });
      throw new Error(`'maxRecordSize' must be 1 to 10 MiB, got ${got} KiB`);
    }
  }

  public get arn(): string {
    return this.resource.streamArn;
  }

  public bind(): BoundTarget {
    const { stream, maxEntryBytes } = this;
    const key: Statement[] = stream.encryptionKey
      ? [{ actions: ['kms:GenerateDataKey'], resources: [stream.encryptionKey.keyArn], conditions: viaService('kinesis') }]
      : [];
    return {
      target: stream.streamName,
      settings: { kind: 'kinesis', maxRecordBytes: maxEntryBytes },
      statements: [{ actions: ['kinesis:PutRecords'], resources: [stream.streamArn] }, ...key],
    };
  }
}

/** What the stream allows a record, if it is of this app and known at synth. */
export function maxRecordBytes(stream: kinesis.IStream): number | undefined {
  const kibibytes = numberOf(stream, 'maxRecordSizeInKiB');
  return kibibytes === undefined ? undefined : kibibytes * KIB;
}
