import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { maxRecordBytes } from './targets/kinesis';
import { numberOf, propertyOf } from './targets/properties';

/** A stream of our own. */
export function createStream(scope: Construct, id: string, removalPolicy: RemovalPolicy, encryptionKey?: kms.IKey): kinesis.Stream {
  return new kinesis.Stream(scope, id, {
    streamMode: kinesis.StreamMode.ON_DEMAND,
    encryption: encryptionKey ? kinesis.StreamEncryption.KMS : kinesis.StreamEncryption.MANAGED,
    encryptionKey,
    removalPolicy,
  });
}

/** What a stream of this app says about itself; undefined is what only its owner or the deployment knows. */
export interface StreamFacts {
  readonly retention?: Duration;
  readonly maxRecordBytes?: number;
  /** Records are spread without regard to their partition keys. */
  readonly unordered: boolean;
  /** It is a table's change stream, no Kinesis stream. */
  readonly ofTable: boolean;
}

export function factsOf(stream: kinesis.IStream): StreamFacts {
  const hours = numberOf(stream, 'retentionPeriodHours');
  return {
    retention: hours === undefined ? undefined : Duration.hours(hours),
    maxRecordBytes: maxRecordBytes(stream),
    unordered: propertyOf(stream, 'recordDistributionStrategy') === 'AUTO',
    ofTable: isOfTable(Stack.of(stream).resolve(stream.streamArn)),
  };
}

function isOfTable(arn: unknown): boolean {
  if (typeof arn === 'string') return /^arn:[^:]*:dynamodb:/.test(arn);
  const attribute = (arn as Record<string, unknown>)['Fn::GetAtt'];
  return Array.isArray(attribute) && attribute[1] === 'StreamArn';
}
