import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { EXPIRED_PREFIX, QUARANTINE_PREFIX, RECEIPT_PREFIX } from './contract';
import { acknowledge, wildcardResource } from '../private/acknowledge';
import { BundledFunction } from '../private/bundled-function';
import { viaService } from '../private/kms-via-service';

/** Only names the bucket: CDK's own destination would let the function read and delete everything in it. */
export class ExpiredRecords implements lambda.IEventSourceDlq {
  constructor(private readonly bucket: s3.IBucket) {}

  public bind(): lambda.DlqDestinationConfig {
    return { destination: this.bucket.bucketArn };
  }
}

const QUARANTINES = new WeakMap<s3.IBucket, Set<string>>();

/** Quarantined records are found by the id of their destination: a replay would hand one fan-out those of another. */
export function claimQuarantine(bucket: s3.IBucket, destination: string): void {
  const claimed = QUARANTINES.get(bucket) ?? new Set();
  if (claimed.has(destination)) {
    throw new Error(`'failureBucket' must hold records of one destination '${destination}' only, got another fan-out's; use another bucket or id`);
  }
  QUARANTINES.set(bucket, claimed.add(destination));
}

/** What Lambda writes about expired records, and the function about those it quarantines. */
export function allowKeeping(handler: BundledFunction, destination: string, bucket: s3.IBucket): void {
  const prefixes = [EXPIRED_PREFIX, `${QUARANTINE_PREFIX}${destination}/`];
  const resources = prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`));
  handler.allow(['s3:PutObject'], resources, ownedBy(bucket));
  handler.allow(['s3:ListBucket'], [bucket.bucketArn], ownedBy(bucket));
  allowKey(handler, bucket.encryptionKey, ['kms:GenerateDataKey']);
  acknowledge(handler, {
    [wildcardResource(handler, resources[0])]: EXPIRED_REASON,
    [wildcardResource(handler, resources[1])]: 'quarantined records of one destination, below its prefix',
  });
}

/** What the replay function reads, and the receipts it writes. */
export function allowReplaying(handler: BundledFunction, bucket: s3.IBucket): void {
  const [expired, quarantined, receipts] = [EXPIRED_PREFIX, QUARANTINE_PREFIX, RECEIPT_PREFIX].map((prefix) => bucket.arnForObjects(`${prefix}*`));
  handler.allow(['s3:GetObject'], [expired, quarantined]);
  handler.allow(['s3:ListBucket'], [bucket.bucketArn]);
  handler.allow(['s3:PutObject'], [receipts]);
  allowKey(handler, bucket.encryptionKey, ['kms:Decrypt', 'kms:GenerateDataKey']);
  acknowledge(handler, {
    [wildcardResource(handler, expired)]: EXPIRED_REASON,
    [wildcardResource(handler, quarantined)]: 'replays what was quarantined',
    [wildcardResource(handler, receipts)]: 'receipts of replays, below their prefix',
  });
}

const EXPIRED_REASON = 'Lambda keeps expired records below its own prefix, mapping by mapping';

function allowKey(handler: BundledFunction, key: kms.IKey | undefined, actions: string[]): void {
  if (key) handler.allow(actions, [key.keyArn], viaService('s3'));
}

function ownedBy(bucket: s3.IBucket): Record<string, Record<string, unknown>> {
  return { StringEquals: { 's3:ResourceAccount': bucket.env.account } };
}

