import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import type { LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import sharp from 'sharp';
import { METRIC } from '../../src/image-resize-pipeline/contract';
import { capturedMetrics, context, mockS3, picture, shellEnvironment } from '../kit/image-shell';
import { S3Failure, StrictS3 } from '../kit/strict-s3';

type Shell = typeof import('../../src/image-resize-pipeline/handlers/serve.lambda');
type Structured = Exclude<LambdaFunctionURLResult, string>;

const s3 = new StrictS3();
const s3Mock = mockS3(s3);
mockClient(SNSClient);
let handler: Shell['handler'];
let metrics: () => Record<string, unknown>;

beforeAll(() => {
  shellEnvironment({ EVENT_BUS_NAME: '', DISTRIBUTION_ID: '' });
  // Not an import: the shell reads its environment when it is loaded.
  ({ handler } = jest.requireActual<Shell>('../../src/image-resize-pipeline/handlers/serve.lambda'));
});

beforeEach(() => {
  metrics = capturedMetrics();
  s3.objects('source').clear();
  s3.objects('destination').clear();
  mockS3(s3, s3Mock);
});

async function get(rawPath: string, method = 'GET'): Promise<Structured> {
  return await handler({ rawPath, requestContext: { http: { method } } } as LambdaFunctionURLEvent, context()) as Structured;
}

async function put(key: string, body?: Buffer): Promise<void> {
  s3.objects('source').set(key, { body: body ?? await picture(), metadata: {} });
}

const STORED = ['img/a.jpg/l.webp', 'img/a.jpg/manifest.json', 'img/a.jpg/s.webp', 'img/a.jpg/xl.webp'];

test('the first request makes, stores and sends', async () => {
  await put('in/a.jpg');
  const response = await get('/img/a.jpg/l.webp');
  expect(response).toMatchObject({ statusCode: 200, isBase64Encoded: true, headers: { 'content-type': 'image/webp', 'cache-control': 'max-age=60' } });
  expect(await sharp(Buffer.from(response.body!, 'base64')).metadata()).toMatchObject({ format: 'webp', width: 40 });
  expect([...s3.objects('destination').keys()].sort()).toEqual(STORED);
  expect(metrics()).toMatchObject({ [METRIC.PROCESSED]: 1 });
});

test('the next one only reads', async () => {
  await put('in/a.jpg');
  const first = await get('/img/a.jpg/s.webp');
  s3Mock.resetHistory();
  expect(await get('/img/a.jpg/s.webp')).toEqual(first);
  expect(s3Mock.commandCalls(PutObjectCommand)).toHaveLength(0);
});

test('HEAD says the same without a body', async () => {
  await put('in/a.jpg');
  const { body, isBase64Encoded, ...head } = await get('/img/a.jpg/s.webp');
  expect([typeof body, isBase64Encoded]).toEqual(['string', true]);
  expect(await get('/img/a.jpg/s.webp', 'HEAD')).toEqual(head);
});

test('an encoded path, and the text of one', async () => {
  await put('in/a b.jpg');
  expect((await get('/img/a%20b.jpg/s.webp')).statusCode).toBe(200);
  await put('in/c%20d.jpg');
  expect((await get('/img/c%20d.jpg/s.webp')).statusCode).toBe(200);
  expect([...s3.objects('destination').keys()]).toContain('img/c%20d.jpg/s.webp');
});

test.each<[string, string, number]>([
  ['an undeclared preset', '/img/a.jpg/huge.webp', 404], ['an undeclared format', '/img/a.jpg/s.png', 404], ['a manifest', '/img/a.jpg/manifest.json', 404],
  ['another prefix', '/a.jpg/s.webp', 404],
])('%s: %s is not found, without a call', async (_name, path, status) => {
  await put('in/a.jpg');
  expect(await get(path)).toEqual({ statusCode: status, headers: { 'cache-control': 'no-store' } });
  expect(s3Mock.calls()).toHaveLength(0);
});

test('another method is not allowed', async () => {
  expect((await get('/img/a.jpg/s.webp', 'POST')).statusCode).toBe(405);
});

test('no original, no work', async () => {
  expect((await get('/img/a.jpg/s.webp')).statusCode).toBe(404);
  expect(s3.objects('destination').size).toBe(0);
});

test('an original that is gone: not found, and nothing is removed', async () => {
  await put('in/a.jpg');
  await get('/img/a.jpg/s.webp');
  s3.objects('source').clear();
  expect((await get('/img/a.jpg/s.webp')).statusCode).toBe(404);
  expect([...s3.objects('destination').keys()].sort()).toEqual(STORED);
});

test('a refused original is not found, twice', async () => {
  await put('in/a.jpg', Buffer.from('no picture'));
  expect((await get('/img/a.jpg/s.webp')).statusCode).toBe(404);
  expect((await get('/img/a.jpg/s.webp')).statusCode).toBe(404);
});

test('a preset that comes out like a smaller one leads to it, and nowhere else', async () => {
  await put('in//evil.example/a.jpg', await picture(15, 10));
  expect(await get('/img//evil.example/a.jpg/xl.webp')).toEqual({ statusCode: 302, headers: { 'location': './s.webp', 'cache-control': 'no-store' } });
});

test('while another worker is at it, the client is asked to come back', async () => {
  await put('in/a.jpg');
  s3Mock.on(PutObjectCommand).callsFake((input: { Key: string }) => {
    s3.execute(new PutObjectCommand({ Bucket: 'destination', Key: input.Key, Body: 'another' }));
    throw new S3Failure('PreconditionFailed', 412);
  });
  expect(await get('/img/a.jpg/s.webp')).toMatchObject({ statusCode: 503, headers: { 'retry-after': '1' } });
});

test('a variant that vanishes before it is sent asks the client to come back', async () => {
  await put('in/a.jpg');
  await get('/img/a.jpg/s.webp');
  s3.objects('destination').delete('img/a.jpg/s.webp');
  expect((await get('/img/a.jpg/s.webp')).statusCode).toBe(503);
});

test('a broken world is an error, not an answer', async () => {
  await put('in/a.jpg');
  s3Mock.on(GetObjectCommand).rejects(new S3Failure('InternalError', 500));
  await expect(get('/img/a.jpg/s.webp')).rejects.toThrow('InternalError');
});
