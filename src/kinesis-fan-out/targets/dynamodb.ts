import { Duration } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import { propertyOf } from './properties';
import { BoundTarget, KIB, MIB, SEND_AHEAD, Statement, Target } from './target';
import { viaService } from '../../private/kms-via-service';
import { checkPattern } from '../../private/validate';
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

  constructor(public readonly resource: dynamodb.ITable, options: FanOutDynamoDbOptions) {
    for (const name of ['partitionKey', 'sortKey', 'sequenceAttribute'] as const) checkPattern(name, options[name], /^.{1,255}$/su, '1 to 255 characters');
    this.keys = keysOf(resource, options);
    this.sequenceAttribute = options.sequenceAttribute ?? '_sequence';
    if (Object.values(this.keys).includes(this.sequenceAttribute)) {
      throw new Error(`'sequenceAttribute' must not be a key of the table, got '${this.sequenceAttribute}'`);
    }
  }

  public get arn(): string {
    return this.resource.tableArn;
  }

  public bind(ordering: Ordering): BoundTarget {
    const { resource: table, keys, sequenceAttribute } = this;
    // Items are under a key of the table's own, which the customer's key only decrypts. (aws-cdk #10010.)
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

function keysOf(table: dynamodb.ITable, { partitionKey, sortKey }: FanOutDynamoDbOptions): Keys {
  const own = schemaOf(table);
  if (partitionKey === undefined) {
    if (sortKey !== undefined) throw new Error("'sortKey' must be given together with 'partitionKey', got it alone");
    if (own) return own;
    throw new Error("'partitionKey' of a table that is not of this app must be given, got none; it is the name of the table's partition key");
  }
  if (own && (own.partitionKey !== partitionKey || own.sortKey !== sortKey)) {
    throw new Error(`'partitionKey' and 'sortKey' must be those of the table, ${inWords(own)}, got ${inWords({ partitionKey, sortKey })}; leave them out`);
  }
  return { partitionKey, sortKey };
}

/** Of a table of this app. */
function schemaOf(table: dynamodb.ITable): Keys | undefined {
  const schema = (propertyOf(table, 'keySchema') ?? []) as { attributeName: string; keyType: string }[];
  const named = (type: string) => schema.find(({ keyType }) => keyType === type)?.attributeName;
  const partitionKey = named('HASH');
  return partitionKey === undefined ? undefined : { partitionKey, sortKey: named('RANGE') };
}

function inWords({ partitionKey, sortKey }: Keys): string {
  return `'${partitionKey}' and ${sortKey === undefined ? 'none' : `'${sortKey}'`}`;
}
