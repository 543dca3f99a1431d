import { callOutcome, entryOutcome, isBroken, says, unprovenOutcome } from '../../src/kinesis-fan-out/handlers/classify';

const REFUSALS = { ValidationException: 'REFUSED' } as const;

function error(name: string, httpStatusCode?: number): Error {
  return Object.assign(new Error('what was sent'), { name, $metadata: { httpStatusCode } });
}

test('only a code of the list is a refusal, of the call as a whole', () => {
  expect(callOutcome(error('ValidationException', 400), 3, REFUSALS)).toEqual({ kind: 'refused', refusal: { reason: 'REFUSED', code: 'ValidationException' } });
  const failed = { kind: 'failed', code: 'SomethingNew', broken: false };
  expect(callOutcome(error('SomethingNew', 400), 3, REFUSALS)).toEqual({ kind: 'answered', outcomes: [failed, failed, failed] });
});

test.each(['toString', 'constructor', '__proto__'])('a code named like a property of every object, %s, is unknown', (code) => {
  expect(callOutcome(error(code), 1, REFUSALS)).toMatchObject({ outcomes: [{ kind: 'failed', code }] });
  expect(entryOutcome(code, REFUSALS)).toEqual({ kind: 'failed', code, broken: false });
});

test.each([
  ['AccessDeniedException', 400], ['AuthorizationError', 403], ['ResourceNotFoundException', 400], ['QueueDoesNotExist', 400], ['NoSuchBucket', 404],
  ['NotFound', 404], ['KMSDisabledException', 400], ['KmsAccessDenied', 400], ['ExpiredTokenException', 400], ['UnrecognizedClientException', 400],
  ['InvalidSourceException', 400], ['KMS.DisabledException', 400], ['KMS.KMSInvalidStateException', 400], ['KMSOptInRequired', 403], ['KmsInvalidKeyUsage', 400],
  ['KMSNotFound', 400], ['EC2AccessDeniedException', 502], ['PermanentRedirect', 301], ['InvalidAccountIdException', 400], ['UnsupportedOperation', 400], ['Unheard', 401], ['Unheard', 403], ['Unheard', 404],
])('%s (%d) says that the destination is gone or closed', (name, status) => {
  expect(isBroken(error(name, status))).toBe(true);
});

test.each([
  ['ThrottlingException', 400], ['ProvisionedThroughputExceededException', 400], ['ServiceUnavailableException', 503], ['TimeoutError', undefined],
  ['InternalFailure', 500], ['ConditionalRequestConflict', 409], ['KMSThrottlingException', 400],
  ['KmsThrottled', 400], ['KMS.ThrottlingException', 400],
])('%s (%s) passes', (name, status) => {
  expect(isBroken(error(name, status))).toBe(false);
});

test.each([undefined, null, 'text', {}, new Error('quoted')])('whatever is thrown has an outcome that quotes nothing: %p', (thrown) => {
  expect(callOutcome(thrown, 1, REFUSALS)).toEqual({ kind: 'answered', outcomes: [{ kind: 'failed', code: 'Error', broken: false }] });
  expect(says(thrown, /nothing of the kind/)).toBe(false);
});

test('what is not proven splits a call, and waits alone', () => {
  expect(unprovenOutcome(error('InvalidArgumentException'), 2)).toMatchObject({ kind: 'refused' });
  expect(unprovenOutcome(error('InvalidArgumentException'), 1))
    .toEqual({ kind: 'answered', outcomes: [{ kind: 'failed', code: 'InvalidArgumentException', broken: true }] });
});
