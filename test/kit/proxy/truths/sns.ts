import type { ServiceTruth } from '.';
import { SNS_LIMITS } from '../../limits/sns';
import { FIFO_ID, SQS_BATCH_ID } from '../../limits/sqs';
import { applyWithout } from '../batch';
import type { ServiceError } from '../call';

interface Attribute {
  readonly Name: string;
  readonly Value: { readonly DataType: string; readonly StringValue?: string; readonly BinaryValue?: string };
}
interface Message {
  readonly Id?: string;
  readonly Message?: string;
  readonly Subject?: string;
  readonly MessageAttributes?: readonly Attribute[];
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

export const sns: ServiceTruth = {
  check: ({ operation, params }, facts) => {
    const maxBytes = facts?.maxMessageBytes?.((params.body as { readonly TopicArn: string }).TopicArn) ?? SNS_LIMITS.messageBytes.value;
    if (operation === 'Publish') return checkMessage(params.body as Message, maxBytes);
    if (operation !== 'PublishBatch') return undefined;
    return checkBatch((params.body as { readonly PublishBatchRequestEntries?: readonly Message[] }).PublishBatchRequestEntries ?? [], maxBytes);
  },

  // In a batch a message that is no message fails alone.
  apply: (call, context) => {
    if (call.operation !== 'PublishBatch') return context.send(call.request);
    const { PublishBatchRequestEntries } = call.params.body as { readonly PublishBatchRequestEntries: readonly Message[] };
    return applyWithout(call, context, PublishBatchRequestEntries, flawOf);
  },
};

function checkMessage(message: Message, maxBytes: number): ServiceError | undefined {
  return sizeOf(message) > maxBytes ? invalid('Message too long') : flawOf(message);
}

function flawOf(message: Message): ServiceError | undefined {
  if (!message.Message) return invalid('Empty message');
  if (message.Subject !== undefined && !isSubject(message.Subject)) return invalid('Subject');
  if (![message.MessageGroupId, message.MessageDeduplicationId].every((id) => id === undefined || FIFO_ID.test(id))) return invalid('MessageGroupId');
  return undefined;
}

function checkBatch(entries: readonly Message[], maxBytes: number): ServiceError | undefined {
  if (entries.length === 0) return { status: 400, code: 'EmptyBatchRequest', message: 'The batch request doesn\'t contain any entries.' };
  if (entries.length > SNS_LIMITS.batchEntries.value) {
    return { status: 400, code: 'TooManyEntriesInBatchRequest', message: 'The batch request contains more entries than permissible.' };
  }
  const ids = entries.map(({ Id }) => Id ?? '');
  if (!ids.every((id) => SQS_BATCH_ID.test(id))) return { status: 400, code: 'InvalidBatchEntryId', message: 'The Id of a batch entry in a batch request doesn\'t abide by the specification.' };
  if (new Set(ids).size < ids.length) return { status: 400, code: 'BatchEntryIdsNotDistinct', message: 'Two or more batch entries in the request have the same Id.' };
  if (entries.reduce((sum, entry) => sum + sizeOf(entry), 0) > maxBytes) {
    return { status: 400, code: 'BatchRequestTooLong', message: 'The length of all the batch messages put together is more than the limit.' };
  }
  return undefined;
}

/** Name, type and value of attributes count. */
function sizeOf({ Message: body = '', MessageAttributes = [] }: Message): number {
  return MessageAttributes.reduce((sum, { Name, Value: { DataType, StringValue = '', BinaryValue = '' } }) =>
    sum + Buffer.byteLength(Name + DataType + StringValue) + Buffer.byteLength(BinaryValue, 'base64'), Buffer.byteLength(body));
}

/** Fewer than the limit, starting with a letter, number or punctuation mark, without line breaks or control characters. */
function isSubject(subject: string): boolean {
  return subject.length <= SNS_LIMITS.subjectLength.value && /^[\p{L}\p{N}\p{P}\p{S}]\P{Cc}*$/u.test(subject);
}

function invalid(what: string): ServiceError {
  return { status: 400, code: 'InvalidParameter', message: `Invalid parameter: ${what}` };
}
