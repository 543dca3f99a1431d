import type { ServiceTruth, TruthContext } from '.';
import { errorWords, S3_ERRORS } from '../../limits/errors';
import { S3_LIMITS } from '../../limits/s3';
import { deleteError, mergeDeleteErrors, objectsToDelete, withoutObjects } from '../batch';
import type { Reply, ServiceError } from '../call';
import { errorReply } from '../errors';
import type { IdentifiedCall } from '../identify';

export const s3: ServiceTruth = {
  check: (call) => checkNames(call) ?? checkSizes(call) ?? checkConditions(call) ?? checkCopySource(call),

  changes: (call) => {
    const { bucket, key } = call.params;
    if (call.operation === 'DeleteObjects') return objectsToDelete(call).map(({ Key }) => `${bucket}/${Key}`);
    return CHANGING.includes(call.operation) ? [`${bucket}/${key}`] : [];
  },

  apply: async (call, context) => {
    switch (call.operation) {
      case 'GetObject':
      case 'HeadObject': return hideMissing(call, await context.send(call.request), call.params.bucket!, context);
      case 'PutObject':
      case 'CompleteMultipartUpload':
      case 'DeleteObject': return await targetRefusal(call, context) ?? context.send(call.request);
      case 'CopyObject':
      case 'UploadPartCopy': return await sourceRefusal(call, context) ?? await targetRefusal(call, context) ?? context.send(plainCopy(call));
      case 'DeleteObjects': return deleteObjects(call, context);
      default: return context.send(call.request);
    }
  },
};

const CHANGING = ['PutObject', 'CopyObject', 'CompleteMultipartUpload', 'DeleteObject'];

// ---------------------------------------------------------------------------------------------- limits

function checkNames({ params: { key, headers = {} } }: IdentifiedCall): ServiceError | undefined {
  if (key !== undefined && Buffer.byteLength(key) > S3_LIMITS.keyBytes.value) return refuse('KeyTooLongError', 'Your key is too long');
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  const bytes = metadata.reduce((sum, [name, value]) => sum + Buffer.byteLength(name.slice('x-amz-meta-'.length)) + Buffer.byteLength(value), 0);
  if (bytes > S3_LIMITS.userMetadataBytes.value) return refuse('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size');
  if (new URLSearchParams(headers['x-amz-tagging'] ?? '').size > S3_LIMITS.objectTags.value) return refuse('BadRequest', `Object tags cannot be greater than ${S3_LIMITS.objectTags.value}`);
  return undefined;
}

function checkSizes(call: IdentifiedCall): ServiceError | undefined {
  const { operation, params: { query = {}, bytes = 0 } } = call;
  if (operation === 'PutObject' && bytes > S3_LIMITS.putObjectBytes.value) return refuse('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
  if (operation === 'DeleteObjects' && objectsToDelete(call).length > S3_LIMITS.deleteObjectsKeys.value) {
    return refuse('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  }
  const part = Number(query.partNumber);
  if ((operation === 'UploadPart' || operation === 'UploadPartCopy') && !(part >= 1 && part <= S3_LIMITS.partNumber.value)) {
    return refuse('InvalidArgument', `Part number must be an integer between 1 and ${S3_LIMITS.partNumber.value}, inclusive`);
  }
  return undefined;
}

/** A condition on a write: only "must not exist" is implemented, not "must be another one". */
function checkConditions({ operation, params: { headers = {} } }: IdentifiedCall): ServiceError | undefined {
  const condition = headers['if-none-match'];
  if (condition === undefined || condition === '*' || !CHANGING.includes(operation)) return undefined;
  return { status: 501, code: 'NotImplemented', message: 'A header you provided implies functionality that is not implemented' };
}

function checkCopySource({ params: { headers = {} } }: IdentifiedCall): ServiceError | undefined {
  const source = headers['x-amz-copy-source'];
  if (source === undefined || /^\/?[^/?]+\/(?:[\x21-\x24\x26-\x3E\x40-\x7E]|%[\da-f]{2})+(?:\?versionId=[^?]*)?$/i.test(source)) return undefined;
  return refuse('InvalidArgument', 'Invalid copy source encoding');
}

// --------------------------------------------------------------------------------------------- repairs

/** Without s3:ListBucket a missing key cannot be told from a forbidden one. */
function hideMissing(call: IdentifiedCall, reply: Reply, bucket: string, context: TruthContext): Reply {
  return reply.status === 404 && !context.mayListBucket(bucket) ? errorReply(call, errorWords('s3', 's3').denied) : reply;
}

/** If-Match and If-None-Match on what is written or deleted. */
async function targetRefusal(call: IdentifiedCall, context: TruthContext): Promise<Reply | undefined> {
  const { bucket, key, headers = {} } = call.params;
  const [ifMatch, ifNoneMatch] = [headers['if-match'], headers['if-none-match']];
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  const current = await head(call, context, bucket!, key!);
  if (ifNoneMatch !== undefined && current.etag !== undefined) return errorReply(call, S3_ERRORS['precondition-failed']);
  if (ifMatch === undefined || (current.etag !== undefined && etagMatches(ifMatch, current.etag))) return undefined;
  const isWriteToNothing = current.etag === undefined && call.operation !== 'DeleteObject';
  return errorReply(call, isWriteToNothing ? errorWords('s3', 's3').notFound : S3_ERRORS['precondition-failed']);
}

/** Existence, size and conditions of what is copied. */
async function sourceRefusal(call: IdentifiedCall, context: TruthContext): Promise<Reply | undefined> {
  const { copySource, headers = {} } = call.params;
  const { bucket, key, versionId } = copySource!;
  const source = await head(call, context, bucket, key, versionId);
  if (source.etag === undefined) return hideMissing(call, errorReply(call, errorWords('s3', 's3').notFound), bucket, context);
  if (source.bytes > S3_LIMITS.copyObjectBytes.value && headers['x-amz-copy-source-range'] === undefined) {
    return errorReply(call, SOURCE_TOO_LARGE);
  }
  const { 'x-amz-copy-source-if-match': ifMatch, 'x-amz-copy-source-if-none-match': ifNoneMatch } = headers;
  const isChanged = ifMatch !== undefined && !etagMatches(ifMatch, source.etag);
  const isUnchanged = ifNoneMatch !== undefined && etagMatches(ifNoneMatch, source.etag);
  return isChanged || isUnchanged ? errorReply(call, S3_ERRORS['precondition-failed']) : undefined;
}

const SOURCE_TOO_LARGE = refuse(
  'InvalidRequest', `The specified copy source is larger than the maximum allowable size for a copy source: ${S3_LIMITS.copyObjectBytes.value}`,
);

/** The conditions are decided here: what an emulator makes of them no longer matters. */
function plainCopy({ request }: IdentifiedCall): IdentifiedCall['request'] {
  const headers = { ...request.headers };
  for (const name of ['if-match', 'if-none-match', 'x-amz-copy-source-if-match', 'x-amz-copy-source-if-none-match']) delete headers[name];
  return { ...request, headers };
}

/** Per-key ETags: objects that changed stay, and are named among the errors. */
async function deleteObjects(call: IdentifiedCall, context: TruthContext): Promise<Reply> {
  const objects = objectsToDelete(call);
  const changed = new Set<number>();
  for (const [i, { Key, ETag }] of objects.entries()) {
    if (ETag === undefined) continue;
    const { etag } = await head(call, context, call.params.bucket!, Key);
    if (etag === undefined || !etagMatches(ETag, etag)) changed.add(i);
  }
  if (changed.size === 0) return context.send(call.request);
  const { code, message } = S3_ERRORS['precondition-failed'];
  const errors = [...changed].map((i) => deleteError(objects[i].Key, objects[i].VersionId, code, message));
  return mergeDeleteErrors(changed.size < objects.length ? await context.send(withoutObjects(call.request, changed)) : undefined, errors);
}

interface Head {
  /** Absent: there is no such object. */
  readonly etag?: string;
  readonly bytes: number;
}

async function head(call: IdentifiedCall, context: TruthContext, bucket: string, key: string, versionId?: string): Promise<Head> {
  const url = `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}${versionId ? `?versionId=${encodeURIComponent(versionId)}` : ''}`;
  const { authorization, 'x-amz-date': date } = call.request.headers;
  const reply = await context.send({ method: 'HEAD', url, host: call.request.host, headers: { authorization, 'x-amz-date': date }, body: Buffer.alloc(0) });
  const etag = reply.headers.etag;
  return { bytes: Number(reply.headers['content-length'] ?? 0), ...(reply.status === 200 && typeof etag === 'string' && { etag }) };
}

function etagMatches(condition: string, etag: string): boolean {
  return condition === '*' || condition.split(',').some((one) => unquoted(one) === unquoted(etag));
}

function unquoted(etag: string): string {
  return etag.trim().replace(/^W\//, '').replace(/^"|"$/g, '').replace(/^&quot;|&quot;$/g, '');
}

function refuse(code: string, message: string): ServiceError {
  return { status: 400, code, message };
}
