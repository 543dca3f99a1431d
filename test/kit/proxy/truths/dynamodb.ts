import type { ResourceFacts, ServiceTruth } from '.';
import { DYNAMODB_LIMITS } from '../../limits/dynamodb';
import type { ServiceError } from '../call';

type Attribute = Readonly<Record<string, unknown>>;
type Item = Readonly<Record<string, Attribute>>;
interface Write { readonly PutRequest?: { readonly Item: Item }; readonly DeleteRequest?: { readonly Key: Item } }

export const dynamodb: ServiceTruth = {
  check: ({ operation, params }, facts) => {
    const body = params.body as Readonly<Record<string, never>>;
    switch (operation) {
      case 'BatchWriteItem': return checkBatchWrite(body.RequestItems, params.bytes ?? 0, facts);
      case 'BatchGetItem': return checkBatchGet(body.RequestItems);
      case 'PutItem': return checkItem(body.Item);
      case 'TransactWriteItems': return checkTransaction(body.TransactItems, params.bytes ?? 0);
      default: return undefined;
    }
  },
};

function checkBatchWrite(tables: Readonly<Record<string, readonly Write[]>>, bytes: number, facts?: ResourceFacts): ServiceError | undefined {
  const count = Object.values(tables).reduce((sum, writes) => sum + writes.length, 0);
  if (count < 1 || count > DYNAMODB_LIMITS.batchWriteItems.value) return validation('Too many items requested for the BatchWriteItem call');
  if (bytes > DYNAMODB_LIMITS.batchWriteBytes.value) return validation('Request size exceeds the limit of 16 MB');
  for (const [table, writes] of Object.entries(tables)) {
    if (hasDuplicates(writes, facts?.keyNames?.(table.split('/').at(-1)!))) return validation('Provided list of item keys contains duplicates');
    const tooLarge = writes.map(({ PutRequest }) => PutRequest && checkItem(PutRequest.Item)).find(Boolean);
    if (tooLarge) return tooLarge;
  }
  return undefined;
}

function checkBatchGet(tables: Readonly<Record<string, { readonly Keys: readonly Item[] }>>): ServiceError | undefined {
  const keys = Object.values(tables).map(({ Keys }) => Keys);
  if (keys.flat().length > DYNAMODB_LIMITS.batchGetItems.value) return validation('Too many items requested for the BatchGetItem call');
  if (keys.some((list) => new Set(list.map(canonical)).size < list.length)) return validation('Provided list of item keys contains duplicates');
  return undefined;
}

function checkTransaction(items: readonly unknown[], bytes: number): ServiceError | undefined {
  if (items.length < 1 || items.length > DYNAMODB_LIMITS.transactItems.value) {
    return validation(`Member must have length less than or equal to ${DYNAMODB_LIMITS.transactItems.value}`);
  }
  return bytes > DYNAMODB_LIMITS.transactBytes.value ? validation('Transaction request size exceeds the limit of 4 MB') : undefined;
}

function checkItem(item: Item): ServiceError | undefined {
  return sizeOfItem(item) > DYNAMODB_LIMITS.itemBytes.value ? validation('Item size has exceeded the maximum allowed size') : undefined;
}

/**
 * Without the table's schema: deletes name their whole key, so its attribute names are known where there is one, and puts
 * of equal items are duplicates in any case.
 */
function hasDuplicates(writes: readonly Write[], schema?: readonly string[]): boolean {
  const keyNames = schema ?? writes.map(({ DeleteRequest }) => DeleteRequest && Object.keys(DeleteRequest.Key)).find(Boolean);
  const keys = writes.map(({ PutRequest, DeleteRequest }) => {
    const item = DeleteRequest?.Key ?? PutRequest?.Item ?? {};
    return canonical(keyNames ? Object.fromEntries(keyNames.map((name) => [name, item[name]])) : item);
  });
  return new Set(keys).size < keys.length;
}

function canonical(item: Item): string {
  return JSON.stringify(Object.entries(item).sort(([a], [b]) => a < b ? -1 : 1));
}

/** Names and values in UTF-8; lists and maps cost 3 bytes and 1 for each element. */
function sizeOfItem(item: Item): number {
  return Object.entries(item).reduce((sum, [name, attribute]) => sum + Buffer.byteLength(name) + sizeOfAttribute(attribute), 0);
}

function sizeOfAttribute(attribute: Attribute): number {
  const [[type, value]] = Object.entries(attribute);
  switch (type) {
    case 'S': return Buffer.byteLength(value as string);
    case 'B': return Buffer.byteLength(value as string, 'base64');
    case 'N': return Math.ceil((value as string).length / 2) + 1;
    case 'SS': case 'NS': case 'BS': return (value as string[]).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    case 'L': return 3 + (value as Attribute[]).reduce((sum, inner) => sum + 1 + sizeOfAttribute(inner), 0);
    case 'M': return 3 + sizeOfItem(value as Item) + Object.keys(value as Item).length;
    default: return 1;
  }
}

function validation(message: string): ServiceError {
  return { status: 400, code: 'ValidationException', message };
}
