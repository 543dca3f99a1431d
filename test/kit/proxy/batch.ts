import { escapeXml, listOf, parseXml } from './body';
import type { Reply, ServiceError } from './call';
import { identify, type IdentifiedCall } from './identify';
import type { WireRequest } from './wire';

/** Refuses some entries of a batch as the service would: the others are applied, the reply names both. */
export interface EntrySplit {
  /** The request without the refused entries; undefined when nothing is left to apply. */
  readonly request: WireRequest | undefined;
  /** Puts the refused entries back into the emulator's reply (undefined: nothing was sent). */
  merge(reply: Reply | undefined): Reply;
}

/** `error` is the sender's fault; without one the service fails as it does under load. */
export function splitBatch(call: IdentifiedCall, indices: readonly number[], error?: ServiceError): EntrySplit | undefined {
  return SPLITTERS[`${call.service}:${call.operation}`]?.(call, indices, error);
}

/** Applies a batch without the entries that have a flaw; each fails by itself. Those with the same flaw go together. */
export async function applyWithout<T>(
  call: IdentifiedCall,
  context: { readonly send: (request: WireRequest) => Promise<Reply> },
  entries: readonly T[],
  flawOf: (entry: T) => ServiceError | undefined,
): Promise<Reply> {
  const flaws = entries.map(flawOf);
  const first = flaws.find((flaw) => flaw !== undefined);
  const split = first && splitBatch(call, flaws.flatMap((flaw, i) => flaw?.message === first.message ? [i] : []), first);
  if (!split) return context.send(call.request);
  const rest = entries.filter((_, i) => flaws[i]?.message !== first.message);
  return split.merge(split.request && await applyWithout(identify(split.request), context, rest, flawOf));
}

type Splitter = (call: IdentifiedCall, indices: readonly number[], error?: ServiceError) => EntrySplit | undefined;
type Json = Record<string, unknown>;
type Entry = Readonly<Record<string, string>>;

const SPLITTERS: Readonly<Record<string, Splitter>> = {
  'sqs:SendMessageBatch': jsonById,
  'sqs:DeleteMessageBatch': jsonById,
  'sqs:ChangeMessageVisibilityBatch': jsonById,
  'sns:PublishBatch': snsPublishBatch,
  'kinesis:PutRecords': jsonByPosition('Records', 'Records', 'FailedRecordCount', { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate exceeded for shard' }),
  'firehose:PutRecordBatch': jsonByPosition('Records', 'RequestResponses', 'FailedPutCount', { ErrorCode: 'ServiceUnavailableException', ErrorMessage: 'Slow down.' }),
  'events:PutEvents': jsonByPosition('Entries', 'Entries', 'FailedEntryCount', { ErrorCode: 'InternalException', ErrorMessage: 'Internal failure' }),
  'dynamodb:BatchWriteItem': unprocessed('UnprocessedItems'),
  'dynamodb:BatchGetItem': unprocessed('UnprocessedKeys'),
  's3:DeleteObjects': s3DeleteObjects,
};

function refusedSet(indices: readonly number[], length: number): Set<number> {
  return new Set(indices.map((index) => index % length));
}

const INTERNAL_ERROR: ServiceError = { status: 500, code: 'InternalError', message: 'The request processing has failed because of an internal error.' };

function jsonById(call: IdentifiedCall, indices: readonly number[], error?: ServiceError): EntrySplit | undefined {
  const body = call.params.body as { readonly Entries?: readonly { readonly Id: string }[] };
  const entries = body.Entries ?? [];
  if (entries.length === 0) return undefined;
  const refused = refusedSet(indices, entries.length);
  const failed = entries.filter((_, i) => refused.has(i))
    .map(({ Id }) => ({ Id, SenderFault: isSenders(error), Code: (error ?? INTERNAL_ERROR).code, Message: (error ?? INTERNAL_ERROR).message }));
  const rest = entries.filter((_, i) => !refused.has(i));
  return {
    request: rest.length > 0 ? withJson(call.request, { ...body, Entries: rest }) : undefined,
    merge: (reply) => mergeJson(call, reply, (document) => ({ Successful: [], ...document, Failed: [...listOf(document.Failed), ...failed] })),
  };
}

function jsonByPosition(entriesField: string, resultsField: string, countField: string, overload: Json): Splitter {
  return (call, indices, error) => {
    const failure = error ? { ErrorCode: error.code, ErrorMessage: error.message } : overload;
    const body = call.params.body as Record<string, readonly Json[]>;
    const entries = body[entriesField] ?? [];
    if (entries.length === 0) return undefined;
    const refused = refusedSet(indices, entries.length);
    const rest = entries.filter((_, i) => !refused.has(i));
    return {
      request: rest.length > 0 ? withJson(call.request, { ...body, [entriesField]: rest }) : undefined,
      merge: (reply) => mergeJson(call, reply, (document) => {
        const results = listOf<Json>(document[resultsField]);
        const merged = entries.map((_, i) => refused.has(i) ? failure : results.shift() ?? failure);
        return { ...document, [countField]: Number(document[countField] ?? 0) + refused.size, [resultsField]: merged };
      }),
    };
  };
}

/** DynamoDB groups entries by table: write requests, or keys with options. */
function unprocessed(field: 'UnprocessedItems' | 'UnprocessedKeys'): Splitter {
  return (call, indices) => {
    const body = call.params.body as { readonly RequestItems: Readonly<Record<string, readonly Json[] | { readonly Keys: readonly Json[] }>> };
    const flat = Object.entries(body.RequestItems).flatMap(([table, items]) => ('Keys' in items ? items.Keys : items as readonly Json[]).map((item) => ({ table, item })));
    if (flat.length === 0) return undefined;
    const refused = refusedSet(indices, flat.length);
    const group = (keep: (i: number) => boolean) => {
      const tables: Record<string, Json[]> = {};
      flat.forEach(({ table, item }, i) => keep(i) && (tables[table] ??= []).push(item));
      return Object.fromEntries(Object.entries(tables).map(([table, items]) => {
        const original = body.RequestItems[table];
        return [table, 'Keys' in original ? { ...original, Keys: items } : items];
      }));
    };
    const rest = group((i) => !refused.has(i));
    return {
      request: Object.keys(rest).length > 0 ? withJson(call.request, { ...body, RequestItems: rest }) : undefined,
      merge: (reply) => mergeJson(call, reply, (document) => ({
        ...(field === 'UnprocessedKeys' && { Responses: {} }), ...document, [field]: group((i) => refused.has(i)),
      })),
    };
  };
}

const SNS_ENTRY = /^PublishBatchRequestEntries\.member\.(\d+)\.(.+)$/;

function snsPublishBatch(call: IdentifiedCall, indices: readonly number[], error?: ServiceError): EntrySplit | undefined {
  const fields = [...new URLSearchParams(call.request.body.toString('utf8'))];
  const entries = new Map<string, Record<string, string>>();
  for (const [name, value] of fields) {
    const entry = SNS_ENTRY.exec(name);
    if (entry) entries.set(entry[1], { ...entries.get(entry[1]), [entry[2]]: value });
  }
  if (entries.size === 0) return undefined;
  const list = [...entries.values()];
  const refused = refusedSet(indices, list.length);
  const form = new URLSearchParams(fields.filter(([name]) => !SNS_ENTRY.test(name)));
  list.filter((_, i) => !refused.has(i)).forEach((entry, i) => {
    for (const [name, value] of Object.entries(entry)) form.append(`PublishBatchRequestEntries.member.${i + 1}.${name}`, value);
  });
  const { code, message } = error ?? { code: 'InternalError', message: 'Internal service error' };
  const failed = list.filter((_, i) => refused.has(i)).map((entry: Entry) => `<member><Id>${escapeXml(entry.Id)}</Id><Code>${code}</Code>`
    + `<Message>${escapeXml(message)}</Message><SenderFault>${isSenders(error)}</SenderFault></member>`).join('');
  return {
    request: refused.size < list.length ? { ...call.request, body: Buffer.from(form.toString()) } : undefined,
    merge: (reply) => {
      const text = reply?.body.toString('utf8')
        ?? '<PublishBatchResponse><PublishBatchResult><Successful/><Failed/></PublishBatchResult></PublishBatchResponse>';
      return withText(reply, text.replace(/<Failed\s*\/>|<Failed>([\s\S]*?)<\/Failed>/, (_, there: string | undefined) => `<Failed>${there ?? ''}${failed}</Failed>`));
    },
  };
}

function s3DeleteObjects(call: IdentifiedCall, indices: readonly number[]): EntrySplit | undefined {
  const body = call.params.body as { readonly Delete?: Json } | undefined;
  const objects = listOf<Entry>(body?.Delete?.Object);
  if (objects.length === 0) return undefined;
  const refused = refusedSet(indices, objects.length);
  return {
    request: refused.size < objects.length ? withoutObjects(call.request, refused) : undefined,
    merge: (reply) => {
      const errors = objects.filter((_, i) => refused.has(i)).map(({ Key, VersionId }) => deleteError(Key, VersionId, 'InternalError', 'We encountered an internal error. Please try again.'));
      return mergeDeleteErrors(reply, errors);
    },
  };
}

/** A DeleteObjects request without the objects at these positions. */
export function withoutObjects(request: WireRequest, positions: ReadonlySet<number>): WireRequest {
  let i = -1;
  const text = request.body.toString('utf8').replace(/<Object(?:\s[^>]*)?>[\s\S]*?<\/Object>/g, (object) => {
    i += 1;
    return positions.has(i) ? '' : object;
  });
  const headers = { ...request.headers };
  // Checksums of the body that was.
  for (const name of Object.keys(headers)) if (name === 'content-md5' || name.startsWith('x-amz-checksum-')) delete headers[name];
  return { ...request, headers, body: Buffer.from(text) };
}

export function deleteError(key: string, versionId: string | undefined, code: string, message: string): string {
  return `<Error><Key>${escapeXml(key)}</Key>${versionId ? `<VersionId>${escapeXml(versionId)}</VersionId>` : ''}<Code>${code}</Code><Message>${message}</Message></Error>`;
}

/** Adds errors to a DeleteObjects reply; without a reply, nothing was sent. */
export function mergeDeleteErrors(reply: Reply | undefined, errors: readonly string[]): Reply {
  const text = reply?.body.toString('utf8') ?? '<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>';
  return withText(reply, text.replace(/<DeleteResult([^>]*?)\/>/, '<DeleteResult$1></DeleteResult>').replace('</DeleteResult>', () => `${errors.join('')}</DeleteResult>`));
}

/** The objects a DeleteObjects call names, in order. */
export function objectsToDelete(call: IdentifiedCall): readonly { readonly Key: string; readonly VersionId?: string; readonly ETag?: string }[] {
  return listOf((parseXml(call.request.body.toString('utf8')) as { readonly Delete?: Json }).Delete?.Object);
}

function isSenders(error: ServiceError | undefined): boolean {
  return error !== undefined && error.status < 500;
}

function withJson(request: WireRequest, document: unknown): WireRequest {
  return { ...request, body: Buffer.from(JSON.stringify(document)) };
}

function mergeJson(call: IdentifiedCall, reply: Reply | undefined, merge: (document: Json) => Json): Reply {
  if (reply && reply.status >= 300) return reply;
  const document: Json = reply ? JSON.parse(reply.body.toString('utf8')) : {};
  const headers = reply?.headers ?? { 'content-type': `application/x-amz-json-${call.model?.jsonVersion ?? '1.1'}` };
  return { status: 200, headers, body: Buffer.from(JSON.stringify(merge(document))) };
}

function withText(reply: Reply | undefined, text: string): Reply {
  return { status: reply?.status ?? 200, headers: reply?.headers ?? { 'content-type': 'application/xml' }, body: Buffer.from(text) };
}
