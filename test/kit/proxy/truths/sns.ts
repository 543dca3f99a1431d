import type { ServiceTruth } from '.';
import { SNS_LIMITS } from '../../limits/sns';
import { SQS_BATCH_ID } from '../../limits/sqs';
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
}

export const sns: ServiceTruth = {
  check: ({ operation, params }) => {
    if (operation === 'Publish') return checkMessage(params.body as Message);
    if (operation !== 'PublishBatch') return undefined;
    return checkBatch((params.body as { readonly PublishBatchRequestEntries?: readonly Message[] }).PublishBatchRequestEntries ?? []);
  },
};

function checkMessage(message: Message): ServiceError | undefined {
  if (sizeOf(message) > SNS_LIMITS.messageBytes.value) return invalid('Message too long');
  if (!message.Message) return invalid('Empty message');
  if (message.Subject !== undefined && !isSubject(message.Subject)) return invalid('Subject');
  return undefined;
}

function checkBatch(entries: readonly Message[]): ServiceError | undefined {
  if (entries.length === 0) return { status: 400, code: 'EmptyBatchRequest', message: 'The batch request doesn\'t contain any entries.' };
  if (entries.length > SNS_LIMITS.batchEntries.value) {
    return { status: 400, code: 'TooManyEntriesInBatchRequest', message: 'The batch request contains more entries than permissible.' };
  }
  const ids = entries.map(({ Id }) => Id ?? '');
  if (!ids.every((id) => SQS_BATCH_ID.test(id))) return { status: 400, code: 'InvalidBatchEntryId', message: 'The Id of a batch entry in a batch request doesn\'t abide by the specification.' };
  if (new Set(ids).size < ids.length) return { status: 400, code: 'BatchEntryIdsNotDistinct', message: 'Two or more batch entries in the request have the same Id.' };
  if (entries.reduce((sum, entry) => sum + sizeOf(entry), 0) > SNS_LIMITS.batchBytes.value) {
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
