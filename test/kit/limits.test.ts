import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errorWords } from './limits/errors';
import type { Limit } from './limits/limit';
import { identify } from './proxy/identify';
import { truthOf, type ResourceFacts } from './proxy/truths';

const FOLDER = join(__dirname, 'limits');
const MIB = 1024 * 1024;

function authorization(service: string): string {
  return `AWS4-HMAC-SHA256 Credential=AK/20261121/eu-west-1/${service}/aws4_request, SignedHeaders=host, Signature=00`;
}

interface Raw { readonly method?: string; readonly url?: string; readonly headers?: Record<string, string>; readonly body?: string | Buffer }

/** Code of the refusal, or undefined. */
function refusal(service: string, { method = 'POST', url = '/', headers = {}, body = '' }: Raw, facts?: ResourceFacts): string | undefined {
  const call = identify({ method, url, host: 'localhost', headers: { authorization: authorization(service), ...headers }, body: Buffer.from(body) });
  return truthOf(call).check?.(call, facts)?.code;
}

function json(service: string, target: string, body: object, facts?: ResourceFacts): string | undefined {
  return refusal(service, { headers: { 'x-amz-target': target }, body: JSON.stringify(body) }, facts);
}

function form(service: string, fields: Record<string, string>, facts?: ResourceFacts): string | undefined {
  return refusal(service, { body: new URLSearchParams(fields).toString() }, facts);
}

describe('every limit', () => {
  const limits = readdirSync(FOLDER).filter((file) => file !== 'limit.ts' && file !== 'errors.ts').flatMap((file) => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const tables: Record<string, unknown> = require(join(FOLDER, file));
    return Object.entries(tables).filter(([name]) => name.endsWith('_LIMITS'))
      .flatMap(([table, entries]) => Object.entries(entries as Record<string, Limit>).map(([name, limit]) => [`${table}.${name}`, limit] as const));
  });

  test('is found', () => expect(limits.length).toBeGreaterThan(40));

  test.each(limits)('%s has a value, a unit and a page of AWS', (_, limit) => {
    expect(limit.value).toBeGreaterThan(0);
    expect(limit.unit).not.toBe('');
    expect(limit.source).toMatch(/^https:\/\/docs\.aws\.amazon\.com\/.+/);
  });
});

test.each(['s3', 'sqs', 'sns', 'events', 'kinesis', 'dynamodb', 'lambda', 'ec2', 'ses', 'cloudfront', 'kms'])('%s words its failures with a source', (service) => {
  const words = errorWords(service, 'json');
  expect(words.source).toMatch(/^https:\/\/docs\.aws\.amazon\.com\//);
  expect(words.throttle.status).toBeGreaterThanOrEqual(400);
  expect(words.server.status).toBeGreaterThanOrEqual(500);
});

describe('S3', () => {
  const put = (url: string, headers: Record<string, string> = {}) => refusal('s3', { method: 'PUT', url, headers });

  test('keys have 1,024 bytes, not characters', () => {
    expect(put(`/b/${'k'.repeat(1024)}`)).toBeUndefined();
    expect(put(`/b/${'k'.repeat(1025)}`)).toBe('KeyTooLongError');
    expect(put(`/b/${encodeURIComponent('ü'.repeat(513))}`)).toBe('KeyTooLongError');
  });

  test('user metadata has 2 KB of names and values', () => {
    expect(put('/b/k', { 'x-amz-meta-a': 'x'.repeat(2047) })).toBeUndefined();
    expect(put('/b/k', { 'x-amz-meta-a': 'x'.repeat(2048) })).toBe('MetadataTooLarge');
  });

  test('an object has ten tags', () => {
    const tags = (n: number) => Array.from({ length: n }, (_, i) => `t${i}=x`).join('&');
    expect(put('/b/k', { 'x-amz-tagging': tags(10) })).toBeUndefined();
    expect(put('/b/k', { 'x-amz-tagging': tags(11) })).toBe('BadRequest');
  });

  test('parts are numbered 1 to 10,000', () => {
    const part = (n: number) => put(`/b/k?partNumber=${n}&uploadId=u`);
    expect([1, 10_000].map(part)).toEqual([undefined, undefined]);
    expect([0, 10_001].map(part)).toEqual(['InvalidArgument', 'InvalidArgument']);
  });

  test('DeleteObjects takes 1,000 keys', () => {
    const remove = (n: number) => refusal('s3', { url: '/b?delete', body: `<Delete>${'<Object><Key>k</Key></Object>'.repeat(n)}</Delete>` });
    expect(remove(1000)).toBeUndefined();
    expect(remove(1001)).toBe('MalformedXML');
  });

  test('If-None-Match on a write is only ever *', () => {
    expect(put('/b/k', { 'if-none-match': '*' })).toBeUndefined();
    expect(put('/b/k', { 'if-none-match': '"abc"' })).toBe('NotImplemented');
    expect(refusal('s3', { method: 'GET', url: '/b/k', headers: { 'if-none-match': '"abc"' } })).toBeUndefined();
  });

  test('a copy source is URL-encoded', () => {
    const copy = (source: string) => put('/b/k', { 'x-amz-copy-source': source });
    expect(['b/a%20b', '/b/a/b.jpg?versionId=1', 'b/%C3%BC'].map(copy)).toEqual([undefined, undefined, undefined]);
    expect(['b/a b', 'b/ü', 'b/100%', 'b'].map(copy)).toEqual(Array(4).fill('InvalidArgument'));
  });
});

describe('SQS', () => {
  const send = (body: object) => json('sqs', 'AmazonSQS.SendMessage', { QueueUrl: 'http://x/1/q', ...body });
  const batch = (entries: object[]) => json('sqs', 'AmazonSQS.SendMessageBatch', { QueueUrl: 'http://x/1/q', Entries: entries });
  const entry = (i: number, body = 'x') => ({ Id: `e${i}`, MessageBody: body });

  test('a message has 1 MiB, attributes included', () => {
    expect(send({ MessageBody: 'x'.repeat(MIB) })).toBeUndefined();
    expect(send({ MessageBody: 'x'.repeat(MIB + 1) })).toBe('InvalidParameterValue');
    expect(send({ MessageBody: 'x'.repeat(MIB), MessageAttributes: { a: { DataType: 'String', StringValue: 'v' } } })).toBe('InvalidParameterValue');
  });

  test.each(['\u0000', '\u0008', '\u000B', '\u001F', '\uFFFE', '\uD800'])('refuses the character %j', (character) => {
    expect(send({ MessageBody: `a${character}` })).toBe('InvalidMessageContents');
  });

  test.each(['\t', '\n', '\r', 'ü', '\uFFFD', '😀'])('takes the character %j', (character) => {
    expect(send({ MessageBody: character })).toBeUndefined();
  });

  test('a batch has one to ten entries with distinct, legal ids and 1 MiB in sum', () => {
    expect(batch(Array.from({ length: 10 }, (_, i) => entry(i)))).toBeUndefined();
    expect(batch(Array.from({ length: 11 }, (_, i) => entry(i)))).toBe('TooManyEntriesInBatchRequest');
    expect(batch([])).toBe('EmptyBatchRequest');
    expect(batch([entry(1), entry(1)])).toBe('BatchEntryIdsNotDistinct');
    expect(batch([{ ...entry(1), Id: 'a b' }])).toBe('InvalidBatchEntryId');
    expect(batch([entry(1, 'x'.repeat(MIB / 2)), entry(2, 'x'.repeat(MIB / 2))])).toBeUndefined();
    expect(batch([entry(1, 'x'.repeat(MIB / 2)), entry(2, 'x'.repeat(MIB / 2 + 1))])).toBe('BatchRequestTooLong');
  });

  test('a group id has 128 printable ASCII characters', () => {
    expect(send({ MessageBody: 'x', MessageGroupId: 'g'.repeat(128) })).toBeUndefined();
    expect(send({ MessageBody: 'x', MessageGroupId: 'g'.repeat(129) })).toBe('InvalidParameterValue');
    expect(send({ MessageBody: 'x', MessageGroupId: 'ü' })).toBe('InvalidParameterValue');
  });
});

describe('SNS', () => {
  const publish = (fields: Record<string, string>) => form('sns', { Action: 'Publish', TopicArn: 'arn:aws:sns:eu-west-1:1:t', ...fields });
  const batch = (messages: readonly string[]) => form('sns', {
    Action: 'PublishBatch',
    ...Object.fromEntries(messages.flatMap((message, i) => [
      [`PublishBatchRequestEntries.member.${i + 1}.Id`, `e${i}`], [`PublishBatchRequestEntries.member.${i + 1}.Message`, message],
    ])),
  });

  test('a message has 256 KiB of bytes', () => {
    expect(publish({ Message: 'x'.repeat(262_144) })).toBeUndefined();
    expect(publish({ Message: 'x'.repeat(262_145) })).toBe('InvalidParameter');
    expect(publish({ Message: 'ü'.repeat(131_073) })).toBe('InvalidParameter');
  });

  test('a batch has one to ten messages and 256 KiB in sum', () => {
    expect(batch(Array(10).fill('x'))).toBeUndefined();
    expect(batch(Array(11).fill('x'))).toBe('TooManyEntriesInBatchRequest');
    expect(batch([])).toBe('EmptyBatchRequest');
    expect(batch(['x'.repeat(131_072), 'x'.repeat(131_072)])).toBeUndefined();
    expect(batch(['x'.repeat(131_072), 'x'.repeat(131_073)])).toBe('BatchRequestTooLong');
  });

  test('a topic can be raised to 1 MiB', () => {
    const raised: ResourceFacts = { maxMessageBytes: (topic) => topic === 'big' ? MIB : undefined };
    const sent = (bytes: number, TopicArn: string) => form('sns', { Action: 'Publish', Message: 'x'.repeat(bytes), TopicArn }, raised);
    expect([sent(MIB, 'big'), sent(MIB + 1, 'big'), sent(MIB, 'small')]).toEqual([undefined, 'InvalidParameter', 'InvalidParameter']);
  });

  test('a subject has 100 characters on one line', () => {
    expect(publish({ Message: 'x', Subject: 's'.repeat(100) })).toBeUndefined();
    expect(publish({ Message: 'x', Subject: 's'.repeat(101) })).toBe('InvalidParameter');
    expect(publish({ Message: 'x', Subject: 'a\nb' })).toBe('InvalidParameter');
  });
});

describe('EventBridge', () => {
  const put = (entries: object[]) => json('events', 'AWSEvents.PutEvents', { Entries: entries });
  const sized = (bytes: number) => ({ Source: 's', DetailType: 't', Detail: `{"a":"${'x'.repeat(bytes - 10)}"}` });

  test('one to ten entries', () => {
    expect(put(Array(10).fill(sized(20)))).toBeUndefined();
    expect(put(Array(11).fill(sized(20)))).toBe('ValidationException');
    expect(put([])).toBe('ValidationException');
  });

  test('less than 1 MB in sum; a given time counts 14 bytes', () => {
    expect(put([sized(999_999)])).toBeUndefined();
    expect(put([sized(1_000_000)])).toBe('ValidationException');
    expect(put([sized(500_000), sized(500_000)])).toBe('ValidationException');
    expect(put([{ ...sized(999_990), Time: 1 }])).toBe('ValidationException');
  });
});

describe('streams and tables', () => {
  const data = (bytes: number) => Buffer.alloc(bytes).toString('base64');

  test('PutRecords: 500 records, 10 MiB in sum, keys of 256 characters', () => {
    const put = (records: object[]) => json('kinesis', 'Kinesis_20131202.PutRecords', { StreamName: 's', Records: records });
    const record = (bytes: number) => ({ Data: data(bytes), PartitionKey: 'k' });
    expect(put(Array(500).fill(record(1)))).toBeUndefined();
    expect(put(Array(501).fill(record(1)))).toBe('ValidationException');
    expect(put(Array(10).fill(record(MIB - 1)))).toBeUndefined();
    expect(put(Array(10).fill(record(MIB)))).toBe('InvalidArgumentException');
    expect(put([{ Data: data(1), PartitionKey: 'k'.repeat(257) }])).toBe('ValidationException');
    expect(put([{ Data: data(1), PartitionKey: '' }])).toBe('ValidationException');
  });

  test('a record has 1 MiB with its key, or what its stream is raised to', () => {
    const put = (bytes: number, facts?: ResourceFacts) => json('kinesis', 'Kinesis_20131202.PutRecords', {
      StreamName: 's', Records: [{ Data: data(bytes), PartitionKey: 'k' }],
    }, facts);
    const raised: ResourceFacts = { maxRecordBytes: (stream) => stream === 's' ? 2 * MIB : undefined };
    expect([MIB - 1, MIB].map((bytes) => put(bytes))).toEqual([undefined, 'ValidationException']);
    expect([2 * MIB - 1, 2 * MIB].map((bytes) => put(bytes, raised))).toEqual([undefined, 'ValidationException']);
  });

  test('PutRecordBatch: 500 records, 4 MiB in sum, 1,000 KiB each', () => {
    const put = (records: object[]) => json('firehose', 'Firehose_20150804.PutRecordBatch', { DeliveryStreamName: 's', Records: records });
    expect(put([{ Data: data(1_024_000) }])).toBeUndefined();
    expect(put([{ Data: data(1_024_001) }])).toBe('ValidationException');
    expect(put(Array(4).fill({ Data: data(1_024_000) }))).toBeUndefined();
    expect(put(Array(5).fill({ Data: data(1_024_000) }))).toBe('InvalidArgumentException');
    expect(put(Array(501).fill({ Data: data(1) }))).toBe('ValidationException');
  });

  test('BatchWriteItem: 25 requests, no key twice, items of 400 KB', () => {
    const write = (requests: object[], facts?: ResourceFacts) => json('dynamodb', 'DynamoDB_20120810.BatchWriteItem', { RequestItems: { t: requests } }, facts);
    const putOf = (pk: string, bytes = 1) => ({ PutRequest: { Item: { pk: { S: pk }, v: { S: 'x'.repeat(bytes) } } } });
    const deleteOf = (pk: string) => ({ DeleteRequest: { Key: { pk: { S: pk } } } });
    expect(write(Array.from({ length: 25 }, (_, i) => putOf(String(i))))).toBeUndefined();
    expect(write(Array.from({ length: 26 }, (_, i) => putOf(String(i))))).toBe('ValidationException');
    expect(write([putOf('a'), deleteOf('a')])).toBe('ValidationException');
    expect(write([putOf('a'), putOf('a')])).toBe('ValidationException');
    expect(write([putOf('a'), deleteOf('b')])).toBeUndefined();
    expect(write([putOf('a'), putOf('a', 2)])).toBeUndefined();
    expect(write([putOf('a'), putOf('a', 2)], { keyNames: () => ['pk'] })).toBe('ValidationException');
    expect(write([putOf('a'), putOf('a', 2)], { keyNames: () => ['pk', 'v'] })).toBeUndefined();
    expect(write([putOf('a', 409_600 - 4)])).toBeUndefined();
    expect(write([putOf('a', 409_600 - 3)])).toBe('ValidationException');
  });

  test('BatchGetItem: 100 distinct keys; TransactWriteItems: 100 actions', () => {
    const get = (n: number) => json('dynamodb', 'DynamoDB_20120810.BatchGetItem', { RequestItems: { t: { Keys: Array.from({ length: n }, (_, i) => ({ pk: { S: String(i) } })) } } });
    expect([100, 101].map(get)).toEqual([undefined, 'ValidationException']);
    const transact = (n: number) => json('dynamodb', 'DynamoDB_20120810.TransactWriteItems', { TransactItems: Array(n).fill({ Delete: { TableName: 't', Key: {} } }) });
    expect([100, 101].map(transact)).toEqual([undefined, 'ValidationException']);
  });
});

test('Lambda: 6 MiB for a synchronous, 1 MiB for an asynchronous payload', () => {
  const invoke = (bytes: number, type?: string) => refusal('lambda', {
    url: '/2015-03-31/functions/f/invocations', body: Buffer.alloc(bytes, ' '), headers: type ? { 'x-amz-invocation-type': type } : {},
  });
  expect([6 * MIB, 6 * MIB + 1].map((bytes) => invoke(bytes))).toEqual([undefined, 'RequestTooLargeException']);
  expect([MIB, MIB + 1].map((bytes) => invoke(bytes, 'Event'))).toEqual([undefined, 'RequestTooLargeException']);
});

test('CloudFront: paths begin with a slash, 3,000 of them, 15 with a wildcard', () => {
  const invalidate = (paths: readonly string[], quantity = paths.length) => refusal('cloudfront', {
    url: '/2020-05-31/distribution/D/invalidation',
    body: `<InvalidationBatch><Paths><Quantity>${quantity}</Quantity><Items>${paths.map((path) => `<Path>${path}</Path>`).join('')}</Items></Paths></InvalidationBatch>`,
  });
  expect(invalidate(['/a'])).toBeUndefined();
  expect(invalidate(['a'])).toBe('InvalidArgument');
  expect(invalidate(['/a'], 2)).toBe('InconsistentQuantities');
  expect(invalidate(Array(3000).fill('/a'))).toBeUndefined();
  expect(invalidate(Array(3001).fill('/a'))).toBe('TooManyInvalidationsInProgress');
  expect(invalidate(Array(15).fill('/a*'))).toBeUndefined();
  expect(invalidate(Array(16).fill('/a*'))).toBe('TooManyInvalidationsInProgress');
});

test('services with one limit only: the field or the request is measured', () => {
  const stack = (bytes: number) => form('cloudformation', { Action: 'CreateStack', StackName: 's', TemplateBody: 'x'.repeat(bytes) });
  expect([51_200, 51_201].map(stack)).toEqual([undefined, 'ValidationError']);
  const sql = (bytes: number) => refusal('rds-data', { url: '/Execute', body: JSON.stringify({ sql: 'x'.repeat(bytes) }) });
  expect([4 * MIB - 10, 4 * MIB - 9].map(sql)).toEqual([undefined, 'BadRequestException']);
});
