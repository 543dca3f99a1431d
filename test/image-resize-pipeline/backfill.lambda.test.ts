import { PutObjectCommand } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import type { S3BatchEvent, S3BatchResult } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { capturedMetrics, context, mockS3, picture, shellEnvironment } from '../kit/image-shell';
import { S3Failure, StrictS3 } from '../kit/strict-s3';

type Shell = typeof import('../../src/image-resize-pipeline/handlers/backfill.lambda');

const s3 = new StrictS3();
const s3Mock = mockS3(s3);
const sns = mockClient(SNSClient);
let handler: Shell['handler'];

beforeAll(() => {
  shellEnvironment({ EVENT_BUS_NAME: '', DISTRIBUTION_ID: '' });
  // Not an import: the shell reads its environment when it is loaded.
  ({ handler } = jest.requireActual<Shell>('../../src/image-resize-pipeline/handlers/backfill.lambda'));
});

beforeEach(() => {
  capturedMetrics();
  s3.objects('source').clear();
  s3.objects('destination').clear();
  s3Mock.resetHistory();
  sns.reset();
});

function tasks(...keys: string[]): S3BatchEvent {
  return {
    invocationSchemaVersion: '1.0',
    invocationId: 'i1',
    job: { id: 'j1' },
    tasks: keys.map((s3Key, n) => ({ taskId: `t${n}`, s3Key, s3VersionId: '', s3BucketArn: 'arn:aws:s3:::source' })),
  };
}

async function put(key: string, body?: Buffer): Promise<void> {
  s3.objects('source').set(key, { body: body ?? await picture(), metadata: {} });
}

function results({ results: list }: S3BatchResult): [string, string, string][] {
  return list.map(({ taskId, resultCode, resultString }) => [taskId, resultCode, resultString]);
}

test('every task is answered, in S3 Batch\'s form', async () => {
  await put('in/a.jpg');
  await put('in/bad.jpg', Buffer.from('no picture'));
  const answer = await handler(tasks('in/a.jpg', 'in/bad.jpg', 'in/gone.jpg', 'other/x.jpg'), context());
  expect(answer).toMatchObject({ invocationSchemaVersion: '1.0', invocationId: 'i1', treatMissingKeysAs: 'TemporaryFailure' });
  expect(results(answer)).toEqual([
    ['t0', 'Succeeded', 'processed'], ['t1', 'PermanentFailure', 'UNSUPPORTED_FORMAT'], ['t2', 'Succeeded', 'unchanged'], ['t3', 'Succeeded', 'ignored'],
  ]);
  expect(sns.commandCalls(PublishCommand)).toHaveLength(2);
});

test('a second run writes and tells nothing', async () => {
  await put('in/a.jpg');
  await put('in/bad.jpg', Buffer.from('no picture'));
  await handler(tasks('in/a.jpg', 'in/bad.jpg'), context());
  s3Mock.resetHistory();
  sns.resetHistory();
  expect(results(await handler(tasks('in/a.jpg', 'in/bad.jpg'), context()))).toEqual([
    ['t0', 'Succeeded', 'unchanged'], ['t1', 'PermanentFailure', 'UNSUPPORTED_FORMAT'],
  ]);
  expect([s3Mock.commandCalls(PutObjectCommand), sns.calls()]).toEqual([[], []]);
});

test.each<[string, string]>([
  ['in/a b.jpg', 'in/a%20b.jpg'], ['in/a b.jpg', 'in/a+b.jpg'], ['in/a+b.jpg', 'in/a%2Bb.jpg'], ['in/a+b.jpg', 'in/a+b.jpg'],
  ['in/100%.jpg', 'in/100%25.jpg'], ['in/a%20b.jpg', 'in/a%20b.jpg'], ['in/é😀.jpg', 'in/%C3%A9%F0%9F%98%80.jpg'], ['in/é😀.jpg', 'in/é😀.jpg'],
])('%s, sent as %s, is found', async (key, sentAs) => {
  await put(key);
  expect(results(await handler(tasks(sentAs), context()))).toEqual([['t0', 'Succeeded', 'processed']]);
  expect([...s3.objects('destination').keys()]).toContain(`img/${key.slice(3)}/manifest.json`);
});

test('two objects that one text may name are both processed, a refusal is told', async () => {
  await put('in/a b.jpg');
  await put('in/a%20b.jpg', Buffer.from('no picture'));
  expect(results(await handler(tasks('in/a%20b.jpg'), context()))).toEqual([['t0', 'PermanentFailure', 'UNSUPPORTED_FORMAT']]);
  expect([...s3.objects('destination').keys()]).toContain('img/a b.jpg/manifest.json');
});

test('an original that is gone takes its variants along', async () => {
  await put('in/a b.jpg');
  await handler(tasks('in/a%20b.jpg'), context());
  s3.objects('source').clear();
  expect(results(await handler(tasks('in/a%20b.jpg'), context()))).toEqual([['t0', 'Succeeded', 'deleted']]);
  expect(s3.objects('destination').size).toBe(0);
});

test('what may pass is tried again, the other tasks are done', async () => {
  await put('in/a.jpg');
  await put('in/b.jpg');
  let failures = 1;
  s3Mock.on(PutObjectCommand).callsFake((input) => {
    if (failures-- > 0) {
      throw new S3Failure('SlowDown', 503);
    }
    return s3.execute(new PutObjectCommand(input));
  });
  expect(results(await handler(tasks('in/a.jpg', 'in/b.jpg'), context()))).toEqual([['t0', 'TemporaryFailure', 'SlowDown'], ['t1', 'Succeeded', 'processed']]);
});
