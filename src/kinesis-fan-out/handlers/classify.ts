import type { FailureReason } from '../contract';
import type { CallOutcome, EntryOutcome } from './ports';
import { isAccessDenied } from '../../handler-kit/conditional';

/** What the SDK's errors have in common. */
interface ServiceError {
  readonly name?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Codes by which a service says that the request itself is wrong, and what is wrong about it. */
export type Refusals = Readonly<Record<string, FailureReason>>;

/**
 * The outcome of a call that threw. Refused is only what the service provably refuses for what is in it; an unknown error is
 * one that passes, for a record in quarantine leaves the stream's order and a record that waits does not.
 */
export function callOutcome(error: unknown, entries: number, refusals: Refusals): CallOutcome {
  const code = codeOf(error);
  const reason = Object.hasOwn(refusals, code) ? refusals[code] : undefined;
  if (reason !== undefined) {
    return { kind: 'refused', refusal: { reason, code } };
  }
  const outcome: EntryOutcome = { kind: 'failed', code, broken: isBroken(error) };
  return { kind: 'answered', outcomes: Array.from({ length: entries }, () => outcome) };
}

/**
 * The outcome of a call that an entry may have spoiled, or the way the destination is set up: the code does not say. Several
 * entries are split, as the others may be fine; one alone waits, for else a wrong setup would quarantine a whole stream.
 */
export function unprovenOutcome(error: unknown, entries: number): CallOutcome {
  const code = codeOf(error);
  return entries > 1
    ? { kind: 'refused', refusal: { reason: 'REFUSED', code } }
    : { kind: 'answered', outcomes: [{ kind: 'failed', code, broken: true }] };
}

/** The outcome of an entry that a batch's answer names a code for. */
export function entryOutcome(code: string, refusals: Refusals): EntryOutcome {
  return Object.hasOwn(refusals, code)
    ? { kind: 'refused', refusal: { reason: refusals[code], code } }
    : { kind: 'failed', code, broken: isBrokenCode(code) };
}

/** The function may not call the destination, or it is not there: time alone will not help. */
export function isBroken(error: unknown): boolean {
  const status = asServiceError(error).$metadata?.httpStatusCode;
  return isAccessDenied(error) || isBrokenCode(codeOf(error)) || status === 401 || status === 403 || status === 404;
}

/** The service's code; never a message, which may quote what was sent. */
export function codeOf(error: unknown): string {
  return asServiceError(error).name ?? 'Error';
}

/** For codes that stand for several things. The message is only read: it may quote what was sent. */
export function says(error: unknown, what: RegExp): boolean {
  return error instanceof Error && what.test(error.message);
}

/** JSON services answer most of these with 400. ("Common Errors" of the services' API references; PutEventsResultEntry; Invoke.) */
const BROKEN = new Set([
  'AccessDenied', 'AccessDeniedException', 'AuthorizationError', 'AuthorizationErrorException', 'NotAuthorized', 'OptInRequired',
  'ExpiredToken', 'ExpiredTokenException', 'IncompleteSignature', 'IncompleteSignatureException', 'InvalidAccessKeyId', 'InvalidClientTokenId',
  'InvalidSignatureException', 'MissingAuthenticationToken', 'MissingAuthenticationTokenException', 'SignatureDoesNotMatch',
  'UnrecognizedClientException', 'CredentialsProviderError',
  'NoSuchBucket', 'NotFound', 'NotFoundException', 'QueueDoesNotExist', 'ResourceNotFoundException',
  'AWS.SimpleQueueService.NonExistentQueue', 'QueueDeletedRecently', 'InvalidAddress', 'InvalidSecurity',
  'UnsupportedOperation', 'AWS.SimpleQueueService.UnsupportedOperation',
  'InvalidSourceException', 'InvalidKMSResourceException', 'NotAuthorizedForSourceException', 'NotAuthorizedForDetailTypeException',
  'InvalidAccountIdException', 'InvalidArgument', 'PermanentRedirect', 'EC2AccessDeniedException', 'RecursiveInvocationException',
]);

/** Each service has its own way to write what KMS said to it: `KMSDisabledException`, `KmsDisabled`, `KMS.DisabledException`. */
const BROKEN_KEY = /^kms\.?(kms)?(accessdenied|disabled|invalidkeyusage|invalidstate|notfound|optinrequired)(exception)?$/i;

function isBrokenCode(code: string): boolean {
  return BROKEN.has(code) || BROKEN_KEY.test(code);
}

function asServiceError(error: unknown): ServiceError {
  return (error ?? {}) as ServiceError;
}
