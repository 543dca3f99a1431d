import { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  conditionalPut, isAccessDenied, isConflict, isNotFound, isPreconditionFailed, isThrottle, type ConditionalPutInput,
} from '../../src/handler-kit/conditional';

interface Answer {
  readonly status: number;
  /** Code of the XML error body; without one there is no body. */
  readonly code?: string;
  readonly etag?: string;
}

/** The SDK's own client, so that errors look as they do in production, with S3's side of the wire replaced. */
function s3Answering({ status, code, etag }: Answer) {
  const requests: { method: string; headers: Record<string, string> }[] = [];
  const client = new S3Client({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: { method: string; headers: Record<string, string> }) => {
        requests.push(request);
        const body = code === undefined ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m</Message></Error>`;
        return { response: { statusCode: status, headers: etag === undefined ? {} : { etag }, body: Readable.from([body]) } };
      },
    },
  });
  return { client, requests };
}

const OBJECT = { Bucket: 'bucket', Key: 'key' };
const COMMANDS = {
  get: () => new GetObjectCommand(OBJECT),
  head: () => new HeadObjectCommand(OBJECT),
  put: () => new PutObjectCommand({ ...OBJECT, Body: 'x' }),
};

async function errorOf(command: keyof typeof COMMANDS, answer: Answer): Promise<unknown> {
  const { client } = s3Answering(answer);
  // One overload per command: the union of them fits none.
  const send = client.send.bind(client) as (command: unknown) => Promise<unknown>;
  return send(COMMANDS[command]()).then(() => { throw new Error('expected an error'); }, (error: unknown) => error);
}

const PREDICATES = { isPreconditionFailed, isConflict, isNotFound, isAccessDenied, isThrottle };

/** The names of the predicates that hold. */
function verdict(error: unknown): string[] {
  return Object.entries(PREDICATES).filter(([, holds]) => holds(error)).map(([name]) => name);
}

test.each<[keyof typeof COMMANDS, number, string | undefined, string[]]>([
  ['put', 412, 'PreconditionFailed', ['isPreconditionFailed']],
  ['get', 412, 'PreconditionFailed', ['isPreconditionFailed']],
  ['head', 412, undefined, ['isPreconditionFailed']],
  ['put', 409, 'ConditionalRequestConflict', ['isConflict']],
  ['put', 409, 'OperationAborted', ['isConflict']],
  ['put', 409, 'InvalidBucketState', []],
  ['get', 404, 'NoSuchKey', ['isNotFound']],
  ['get', 404, 'NoSuchVersion', ['isNotFound']],
  ['head', 404, undefined, ['isNotFound']],
  ['get', 404, 'NoSuchBucket', []],
  ['get', 403, 'AccessDenied', ['isAccessDenied']],
  ['head', 403, undefined, ['isAccessDenied']],
  ['get', 403, 'InvalidObjectState', []],
  ['get', 403, 'RequestTimeTooSkewed', []],
  ['put', 503, 'SlowDown', ['isThrottle']],
  ['put', 429, 'TooManyRequests', ['isThrottle']],
  ['put', 503, 'ServiceUnavailable', []],
  ['put', 500, 'InternalError', []],
  ['get', 405, 'MethodNotAllowed', []],
])('S3 %s answered by %i %s: %j', async (command, status, code, expected) => {
  expect(verdict(await errorOf(command, { status, code }))).toEqual(expected);
});

test.each<[string, unknown, string[]]>([
  ['EventBridge, 400', { name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } }, ['isAccessDenied']],
  ['SNS', { name: 'AuthorizationErrorException', $metadata: { httpStatusCode: 403 } }, ['isAccessDenied']],
  ['EC2', { name: 'UnauthorizedOperation', $metadata: { httpStatusCode: 403 } }, ['isAccessDenied']],
  ['a nameless 403', { $metadata: { httpStatusCode: 403 } }, ['isAccessDenied']],
  ['SNS', { name: 'ThrottledException', $metadata: { httpStatusCode: 429 } }, ['isThrottle']],
  ['EC2', { name: 'RequestLimitExceeded', $metadata: { httpStatusCode: 503 } }, ['isThrottle']],
  ['an error without metadata', new Error('socket hang up'), []],
  ['undefined', undefined, []],
  ['null', null, []],
  ['text', 'error', []],
])('%s (%j): %j', (_name, error, expected) => {
  expect(verdict(error)).toEqual(expected);
});

describe('conditionalPut', () => {
  const CREATE: ConditionalPutInput = { ...OBJECT, Body: '{}', IfNoneMatch: '*' };
  const REPLACE: ConditionalPutInput = { ...OBJECT, Body: '{}', IfMatch: '"1"' };

  test.each<[string, ConditionalPutInput, Record<string, string>]>([
    ['create', CREATE, { 'if-none-match': '*' }],
    ['replace', REPLACE, { 'if-match': '"1"' }],
  ])('%s: sends its condition and returns the new etag', async (_name, input, headers) => {
    const { client, requests } = s3Answering({ status: 200, etag: '"2"' });
    expect(await conditionalPut(client, input)).toEqual({ outcome: 'written', etag: '"2"' });
    expect(requests).toEqual([expect.objectContaining({ method: 'PUT', headers: expect.objectContaining(headers) })]);
  });

  test.each<[string, ConditionalPutInput, Answer]>([
    ['taken', CREATE, { status: 412, code: 'PreconditionFailed' }],
    ['changed', REPLACE, { status: 412, code: 'PreconditionFailed' }],
    ['raced', CREATE, { status: 409, code: 'ConditionalRequestConflict' }],
    ['raced', REPLACE, { status: 409, code: 'ConditionalRequestConflict' }],
    ['deleted', REPLACE, { status: 404, code: 'NoSuchKey' }],
  ])('lost: %s', async (_name, input, answer) => {
    expect(await conditionalPut(s3Answering(answer).client, input)).toEqual({ outcome: 'lost' });
  });

  test.each<[ConditionalPutInput, Answer]>([
    [CREATE, { status: 403, code: 'AccessDenied' }],
    [CREATE, { status: 404, code: 'NoSuchKey' }],
    [REPLACE, { status: 404, code: 'NoSuchBucket' }],
    [REPLACE, { status: 503, code: 'SlowDown' }],
  ])('throws everything else: %j %j', async (input, answer) => {
    await expect(conditionalPut(s3Answering(answer).client, input)).rejects.toMatchObject({ name: answer.code });
  });

  test('an answer without etag is an error: nothing could follow on it', async () => {
    await expect(conditionalPut(s3Answering({ status: 200 }).client, CREATE)).rejects.toThrow('no etag');
  });
});
