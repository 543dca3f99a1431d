import { randomUUID } from 'node:crypto';
import {
  type AttributeValue, ConditionalCheckFailedException, DeleteItemCommand, type DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand,
} from '@aws-sdk/client-dynamodb';
import type { Ledger, LedgerItem, Millis } from './ports';
import { paginate } from '../../handler-kit/paginate';

/** A Region's table: keys `pk` and `sk`, `at` for conditions, `expires` for DynamoDB, the rest as JSON. */
export class LedgerTable implements Ledger {
  constructor(private readonly table: string, private readonly dynamoDb: Pick<DynamoDBClient, 'send'>) {}

  public async get(pk: string, sk: string): Promise<LedgerItem | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: { pk: { S: pk }, sk: { S: sk } }, ConsistentRead: true });
    const { Item: item } = await this.dynamoDb.send(command);
    return item && itemOf(item);
  }

  public async list(pk: string, from?: string): Promise<readonly LedgerItem[]> {
    const items: LedgerItem[] = [];
    for await (const item of paginate(
      (after?: string) => this.dynamoDb.send(new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: from === undefined ? 'pk = :pk' : 'pk = :pk AND sk >= :from',
        ExpressionAttributeValues: { ':pk': { S: pk }, ...from !== undefined && { ':from': { S: from } } },
        ConsistentRead: true,
        ExclusiveStartKey: after === undefined ? undefined : { pk: { S: pk }, sk: { S: after } },
      })),
      ({ Items: found = [], LastEvaluatedKey: last }) => ({ items: found, next: last?.sk.S }),
    )) items.push(itemOf(item));
    return items;
  }

  public claim(item: LedgerItem): Promise<boolean> {
    return this.write(item, { ConditionExpression: 'attribute_not_exists(pk)' });
  }

  public put(item: LedgerItem, at?: Millis): Promise<boolean> {
    return this.write(item, at === undefined ? {} : {
      ConditionExpression: '#at = :at', ExpressionAttributeNames: { '#at': 'at' }, ExpressionAttributeValues: { ':at': { N: `${at}` } },
    });
  }

  public async remove(pk: string, sk: string): Promise<void> {
    await this.dynamoDb.send(new DeleteItemCommand({ TableName: this.table, Key: { pk: { S: pk }, sk: { S: sk } } }));
  }

  /** The SDK repeats a call whose answer was lost; it then finds its own write in its way, and knows it by its mark. */
  private async write({ pk, sk, at, expires, ...rest }: LedgerItem, condition: Partial<PutItemCommand['input']>): Promise<boolean> {
    const mark = randomUUID();
    try {
      await this.dynamoDb.send(new PutItemCommand({
        TableName: this.table,
        Item: {
          pk: { S: pk },
          sk: { S: sk },
          at: { N: `${at}` },
          mark: { S: mark },
          body: { S: JSON.stringify(rest) },
          ...expires !== undefined && { expires: { N: `${expires}` } },
        },
        ...condition,
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }));
      return true;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return error.Item?.mark?.S === mark;
    }
  }
}

function itemOf({ pk, sk, at, expires, body }: Record<string, AttributeValue>): LedgerItem {
  return {
    ...JSON.parse(body.S!) as Readonly<Record<string, unknown>>,
    pk: pk.S!,
    sk: sk.S!,
    at: Number(at.N),
    ...expires?.N !== undefined && { expires: Number(expires.N) },
  };
}
