import { PutObjectCommand, type PutObjectCommandInput, type S3Client } from '@aws-sdk/client-s3';

/** What the SDK's errors have in common; services differ in which of the two they fill in. */
interface ServiceError {
  readonly name?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The condition of a conditional request does not hold (412). */
export function isPreconditionFailed(error: unknown): boolean {
  return statusOf(error) === 412 || nameOf(error) === 'PreconditionFailed';
}

/** S3 could not decide a condition because another request on the same key was running (409). */
export function isConflict(error: unknown): boolean {
  return nameOf(error) === 'ConditionalRequestConflict' || nameOf(error) === 'OperationAborted';
}

/**
 * The object is not there (404). A missing bucket is a broken setup and not an absent object, but HEAD, which has no
 * error body, cannot tell them apart.
 */
export function isNotFound(error: unknown): boolean {
  const name = nameOf(error);
  return name === 'NoSuchKey' || name === 'NotFound' || (statusOf(error) === 404 && name !== 'NoSuchBucket');
}

/** The role may not do this. Not every 403: an archived object (`InvalidObjectState`) answers with one as well. */
export function isAccessDenied(error: unknown): boolean {
  const name = nameOf(error);
  return DENIALS.has(name) || (statusOf(error) === 403 && ANONYMOUS.has(name));
}

/** S3, SQS; JSON services; SNS; EC2. */
const DENIALS = new Set<string | undefined>([
  'AccessDenied', 'AccessDeniedException', 'AuthorizationError', 'AuthorizationErrorException', 'UnauthorizedOperation',
]);

/** What the SDK calls an answer without error body, as to a HEAD; the first is today's name. */
const ANONYMOUS = new Set<string | undefined>(['Unknown', 'UnknownError', 'Forbidden', '403', undefined]);

/** Too many requests: the same request may succeed later. */
export function isThrottle(error: unknown): boolean {
  return THROTTLES.has(nameOf(error)) || statusOf(error) === 429;
}

/** The list the SDK itself retries by (`@smithy/core`, THROTTLING_ERROR_CODES) less DynamoDB's transaction states. */
const THROTTLES = new Set<string | undefined>([
  'BandwidthLimitExceeded', 'EC2ThrottledException', 'LimitExceededException', 'PriorRequestNotComplete',
  'ProvisionedThroughputExceededException', 'RequestLimitExceeded', 'RequestThrottled', 'RequestThrottledException',
  'SlowDown', 'ThrottledException', 'Throttling', 'ThrottlingException', 'TooManyRequestsException',
]);

/** Exactly one of the two conditions S3 knows: the key is free, or still holds the version with this etag. */
export type ConditionalPutInput =
  | PutObjectCommandInput & { readonly IfNoneMatch: '*'; readonly IfMatch?: undefined }
  | PutObjectCommandInput & { readonly IfMatch: string; readonly IfNoneMatch?: undefined };

export type ConditionalPutResult =
  /** `etag`, in quotes as S3 gives it, is the condition for the next write. */
  | { readonly outcome: 'written'; readonly etag: string }
  | { readonly outcome: 'lost' };

/**
 * Compare and swap on one object. Lost means that somebody else wrote or deleted it (412, 404 with `IfMatch`) or was
 * about to (409). When S3's answer to our own write went astray, the SDK's retry loses against it: a caller that must
 * know reads the object and looks for its own mark. (S3 user guide, "Add preconditions to S3 operations".)
 *
 * @throws every other error, unchanged
 */
export async function conditionalPut(s3: Pick<S3Client, 'send'>, input: ConditionalPutInput): Promise<ConditionalPutResult> {
  try {
    const { ETag: etag } = await s3.send(new PutObjectCommand(input));
    if (etag === undefined) {
      throw new Error('no etag in the answer to a conditional write');
    }
    return { outcome: 'written', etag };
  } catch (error) {
    const gone = input.IfMatch !== undefined && isNotFound(error);
    if (gone || isPreconditionFailed(error) || isConflict(error)) {
      return { outcome: 'lost' };
    }
    throw error;
  }
}

function nameOf(error: unknown): string | undefined {
  return asServiceError(error).name;
}

function statusOf(error: unknown): number | undefined {
  return asServiceError(error).$metadata?.httpStatusCode;
}

/** Whatever was thrown, `undefined` included, may be asked for the fields of a service error. */
function asServiceError(error: unknown): ServiceError {
  return (error ?? {}) as ServiceError;
}
