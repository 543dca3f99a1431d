import type { ServiceTruth } from '.';
import { FIFO_ID, SQS_BATCH_ID, SQS_FORBIDDEN_CHARACTER, SQS_LIMITS } from '../../limits/sqs';
import { applyWithout } from '../batch';
import type { ServiceError } from '../call';

interface Attribute { readonly DataType: string; readonly StringValue?: string; readonly BinaryValue?: string }
interface Message {
  readonly Id?: string;
  readonly MessageBody: string;
  readonly MessageAttributes?: Readonly<Record<string, Attribute>>;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

export const sqs: ServiceTruth = {
  check: ({ operation, params }) => {
    if (operation === 'SendMessage') return checkMessage(params.body as Message);
    if (!operation.endsWith('Batch')) return undefined;
    const entries = (params.body as { readonly Entries?: readonly Message[] }).Entries ?? [];
    return checkBatch(entries.map(({ Id }) => Id ?? '')) ?? (operation === 'SendMessageBatch' ? checkBatchSize(entries) : undefined);
  },

  // In a batch a message that is no message fails alone.
  apply: (call, context) => call.operation !== 'SendMessageBatch' ? context.send(call.request)
    : applyWithout(call, context, (call.params.body as { readonly Entries: readonly Message[] }).Entries, flawOf),
};

const FORBIDDEN: ServiceError = { status: 400, code: 'InvalidMessageContents', message: 'The message contains characters outside the allowed set.' };

function checkMessage(message: Message): ServiceError | undefined {
  return sizeOf(message) > SQS_LIMITS.messageBytes.value ? invalid(`Message must be shorter than ${SQS_LIMITS.messageBytes.value} bytes.`) : flawOf(message);
}

function flawOf(message: Message): ServiceError | undefined {
  if (hasForbiddenCharacter(message)) return FORBIDDEN;
  if (message.MessageBody === '') return { status: 400, code: 'MissingParameter', message: 'The request must contain the parameter MessageBody.' };
  if (Object.keys(message.MessageAttributes ?? {}).length > SQS_LIMITS.messageAttributes.value) {
    return invalid(`Number of message attributes must not exceed ${SQS_LIMITS.messageAttributes.value}.`);
  }
  for (const name of ['MessageGroupId', 'MessageDeduplicationId'] as const) {
    const id = message[name];
    if (id !== undefined && !FIFO_ID.test(id)) return invalid(`${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`);
  }
  return undefined;
}

/** Common to all batch operations. */
function checkBatch(ids: readonly string[]): ServiceError | undefined {
  if (ids.length === 0) return { status: 400, code: 'EmptyBatchRequest', message: 'There should be at least one entry in the request.' };
  if (ids.length > SQS_LIMITS.batchEntries.value) {
    return {
      status: 400,
      code: 'TooManyEntriesInBatchRequest',
      message: `Maximum number of entries per request are ${SQS_LIMITS.batchEntries.value}. You have sent ${ids.length}.`,
    };
  }
  if (!ids.every((id) => SQS_BATCH_ID.test(id))) {
    return {
      status: 400,
      code: 'InvalidBatchEntryId',
      message: 'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
    };
  }
  if (new Set(ids).size < ids.length) return { status: 400, code: 'BatchEntryIdsNotDistinct', message: 'Two or more batch entries have the same Id.' };
  return undefined;
}

function checkBatchSize(entries: readonly Message[]): ServiceError | undefined {
  const bytes = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  if (bytes <= SQS_LIMITS.batchBytes.value) return undefined;
  return {
    status: 400,
    code: 'BatchRequestTooLong',
    message: `Batch requests cannot be longer than ${SQS_LIMITS.batchBytes.value} bytes. You have sent ${bytes} bytes.`,
  };
}

function hasForbiddenCharacter({ MessageBody, MessageAttributes = {} }: Message): boolean {
  return [MessageBody, ...Object.values(MessageAttributes).map(({ StringValue }) => StringValue)]
    .some((text) => text !== undefined && SQS_FORBIDDEN_CHARACTER.test(text));
}

/** Name, type and value of attributes count. */
function sizeOf({ MessageBody, MessageAttributes = {} }: Message): number {
  return Object.entries(MessageAttributes).reduce((sum, [name, { DataType, StringValue = '', BinaryValue = '' }]) =>
    sum + Buffer.byteLength(name + DataType + StringValue) + Buffer.byteLength(BinaryValue, 'base64'), Buffer.byteLength(MessageBody));
}

function invalid(reason: string): ServiceError {
  return { status: 400, code: 'InvalidParameterValue', message: `One or more parameters are invalid. Reason: ${reason}` };
}
