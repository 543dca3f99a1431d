import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { BundledFunction } from '../private/bundled-function';
import { viaService } from '../private/kms-via-service';

/** What one Region's functions remember. All of it but drills can be rebuilt from tags. */
export function createTable(scope: Construct, id: string, removalPolicy: RemovalPolicy): dynamodb.TableV2 {
  return new dynamodb.TableV2(scope, id, {
    partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
    sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
    timeToLiveAttribute: 'expires',
    billing: dynamodb.Billing.onDemand(),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: removalPolicy !== RemovalPolicy.DESTROY,
    removalPolicy,
  });
}

export type TableAction = 'GetItem' | 'Query' | 'PutItem' | 'DeleteItem';

export function allowTable(handler: BundledFunction, table: dynamodb.ITable, actions: readonly TableAction[]): void {
  handler.allow(actions.map((action) => `dynamodb:${action}`), [table.tableArn]);
  const key = table.encryptionKey;
  if (key) handler.allow(['kms:Decrypt', 'kms:DescribeKey'], [key.keyArn], viaService('dynamodb'));
}
