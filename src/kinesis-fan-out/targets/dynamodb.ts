import { Duration } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import { propertyOf } from './properties';
import { BoundTarget, KIB, MIB, SEND_AHEAD, Statement, Target } from './target';
import { viaService } from '../../private/kms-via-service';
import { Ordering } from '../contract';
import type { FanOutDynamoDbOptions } from '../fan-out-destination';

/** Items, the newest record of a key winning. */
export class DynamoDbTarget implements Target {
  public readonly kind = 'dynamodb';
  public readonly orderings = ['per-key', 'none'] as const;
  public readonly orderingRemedy = 'items of different keys have no order';
  public readonly packings = ['none'] as const;
  public readonly envelope = false;
  /** Of names and values. */
  public readonly maxEntryBytes = 400 * KIB;
  /** How much JSON that is, only the table can say. */
  public readonly defaultEntryBytes = 16 * MIB;
  public readonly sendAhead = SEND_AHEAD.DEDUPLICATED;
  public readonly batchWindow = Duration.seconds(1);
  private readonly keys: Keys;
  private readonly sequenceAttribute: string;

  constructor(private readonly table: dynamodb.ITable, options: FanOutDynamoDbOptions) {
    this.keys = options.partitionKey === undefined ? schemaOf(table) : { partitionKey: options.partitionKey, sortKey: options.sortKey };
    this.sequenceAttribute = options.sequenceAttribute ?? '_sequence';
    if (Object.values(this.keys).includes(this.sequenceAttribute)) {
      throw new Error(`'sequenceAttribute' must not be a key of the table, got '${this.sequenceAttribute}'`);
    }
  }

  public bind(ordering: Ordering): BoundTarget {
    const { table, keys, sequenceAttribute } = this;
    const key: Statement[] = table.encryptionKey
      ? [{ actions: ['kms:Decrypt'], resources: [table.encryptionKey.keyArn], conditions: viaService('dynamodb') }]
      : [];
    return {
      target: table.tableName,
      settings: { kind: 'dynamodb', ...keys, sequenceAttribute },
      statements: [
        { actions: [ordering === 'none' ? 'dynamodb:BatchWriteItem' : 'dynamodb:PutItem'], resources: [table.tableArn] },
        ...key,
      ],
    };
  }
}

interface Keys {
  readonly partitionKey: string;
  readonly sortKey?: string;
}

function schemaOf(table: dynamodb.ITable): Keys {
  const schema = (propertyOf(table, 'keySchema') ?? []) as { attributeName: string; keyType: string }[];
  const named = (type: string) => schema.find(({ keyType }) => keyType === type)?.attributeName;
  const partitionKey = named('HASH');
  if (partitionKey === undefined) {
    throw new Error("'partitionKey' of a table that is not of this app must be given, got none; it is the name of the table's partition key");
  }
  return { partitionKey, sortKey: named('RANGE') };
}
