import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { QUARANTINE_PREFIX, type QuarantinedRecord } from '../contract';
import { CLIENT } from './client';
import type { FanOutRecord, Quarantine, Refusal } from './ports';

/** Keeps records in the failure bucket. A record that comes again overwrites itself: no right to read is needed. */
export class S3Quarantine implements Quarantine {
  constructor(
    private readonly bucket: string,
    private readonly destination: string,
    private readonly now: () => number = Date.now,
    private readonly s3: Pick<S3Client, 'send'> = new S3Client(CLIENT),
  ) {}

  public async put(record: FanOutRecord, { reason, code }: Refusal, attempts: number, signal: AbortSignal): Promise<void> {
    const quarantined: QuarantinedRecord = {
      version: 1,
      destination: this.destination,
      id: record.id,
      reason,
      code,
      attempts,
      quarantinedAt: new Date(this.now()).toISOString(),
      record: record.source,
    };
    await this.s3.send(new PutObjectCommand({
      Bucket: this.bucket,
      Key: quarantineKey(this.destination, record),
      Body: JSON.stringify(quarantined),
      ContentType: 'application/json',
    }), { abortSignal: signal });
  }
}

export function quarantineKey(destination: string, { shardId, sequenceNumber, subSequence }: FanOutRecord): string {
  return `${QUARANTINE_PREFIX}${destination}/${shardId}/${sequenceNumber}${subSequence === undefined ? '' : `.${subSequence}`}.json`;
}
