import { createHash } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import { answered, contextOf, DELIVERED, entryOf, NEVER, PLAIN, record, refused, type Reply, type Request, sequence, SHARD, Wire } from './wire';
import type { Packing } from '../../src/kinesis-fan-out/contract';
import { S3Sender } from '../../src/kinesis-fan-out/handlers/send-s3';

const LINES: Packing = { kind: 'ndjson', maxBytes: 1e6, envelope: false };
const OBJECT = `/orders/${SHARD}/${sequence(1)}`;
const PACK = entryOf(record(1), record(2), record(3));
const OWN_NAME = createHash('sha256').update(PACK.id).digest('hex').slice(0, 16);

/** What of the protocol is needed: objects are created once, and tell their metadata. */
class Bucket extends Wire {
  public readonly objects = new Map<string, Request>();

  constructor(private readonly fault: (request: Request, n: number) => Reply | undefined = () => undefined) {
    super((request, n) => this.fault(request, n) ?? this.serve(request));
  }

  private serve(request: Request): Reply {
    const { method, path, headers } = request;
    const there = this.objects.get(path);
    if (method === 'HEAD') return there ? { headers: marks(there) } : { status: 404 };
    expect(headers['if-none-match']).toBe('*');
    if (there) return error('PreconditionFailed', 412);
    this.objects.set(path, request);
    return { headers: { etag: '"e"' } };
  }
}

function marks({ headers }: Request): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-')));
}

function error(code: string, status: number): Reply {
  return { status, headers: { 'content-type': 'application/xml' }, body: `<Error><Code>${code}</Code><Message>what was sent</Message></Error>` };
}

function senderOn(wire: Wire, packing = LINES): S3Sender {
  const context = contextOf({ kind: 's3', prefix: 'orders/' }, 'lake', { packing });
  return new S3Sender(context, new S3Client({ ...wire.client, forcePathStyle: false }));
}

function send(bucket: Bucket, entry = PACK) {
  return senderOn(bucket).send([entry], NEVER);
}

test('a pack is an object under the name of its first record, and says what it holds', async () => {
  const bucket = new Bucket();
  expect(await send(bucket)).toEqual(answered(DELIVERED));
  const [[path, request]] = [...bucket.objects];
  expect(path).toBe(`${OBJECT}.ndjson`);
  expect(request.headers).toMatchObject({
    'host': 'lake.s3.eu-central-1.amazonaws.com', 'content-type': 'application/x-ndjson', 'x-amz-meta-id': PACK.id, 'x-amz-meta-records': '3',
  });
  expect(request.headers).not.toHaveProperty('content-encoding');
  expect(request.body).toContain('{"n":1}{"n":2}{"n":3}');
});

test.each<[Packing['kind'], boolean, string, string, string, string | undefined]>([
  ['json-array', false, '[]', '.json', 'application/json', undefined],
  ['ndjson-gzip', false, 'zip', '.ndjson.gz', 'application/x-ndjson', 'gzip'],
  ['none', false, '{"a":1}', '', 'application/json', undefined],
  ['none', true, '{"id":"x"}', '', 'application/json', undefined],
  ['none', false, 'bytes', '', 'application/octet-stream', undefined],
])('%s (envelope: %p): %s', async (kind, envelope, body, extension, type, encoding) => {
  const bucket = new Bucket();
  await senderOn(bucket, { ...PLAIN, kind, envelope }).send([entryOf(record(1, { data: Buffer.from(body) }))], NEVER);
  const [{ path, headers }] = bucket.requests;
  expect([path, headers['content-type'], headers['content-encoding']]).toEqual([`${OBJECT}${extension}`, type, encoding]);
});

test('what arrived unseen is recognised', async () => {
  const bucket = new Bucket();
  await send(bucket);
  expect(await send(bucket)).toEqual(answered(DELIVERED));
  expect(bucket.objects.size).toBe(1);
  expect(bucket.requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'HEAD']);
});

test('of a pack whose beginning is there, the rest is left', async () => {
  const bucket = new Bucket();
  await send(bucket, entryOf(record(1), record(2)));
  expect(await send(bucket)).toEqual(answered({ kind: 'partly', items: 2 }));
  expect(bucket.objects.size).toBe(1);
});

test('what is there and proves nothing stays, and the pack gets a name of its own', async () => {
  const bucket = new Bucket();
  await send(bucket, entryOf(record(1), record(9)));
  expect(await send(bucket)).toEqual(answered(DELIVERED));
  expect([...bucket.objects.keys()]).toEqual([`${OBJECT}.ndjson`, `${OBJECT}-${OWN_NAME}.ndjson`]);
});

test.each<[string, Record<string, string>]>([['without metadata', {}], ['deleted meanwhile', { status: '404' }]])('an object %s proves nothing', async (_what, { status }) => {
  const bucket = new Bucket((request, n) => n === 1 ? error('PreconditionFailed', 412) : request.method === 'HEAD' ? { status: Number(status ?? 200) } : undefined);
  expect(await send(bucket)).toEqual(answered(DELIVERED));
  expect([...bucket.objects.keys()]).toEqual([`${OBJECT}-${OWN_NAME}.ndjson`]);
});

test('a conflict is tried again: nothing is known of it', async () => {
  expect(await send(new Bucket(() => error('ConditionalRequestConflict', 409)))).toEqual(answered({ kind: 'failed', code: 'ConditionalRequestConflict', broken: false }));
});

test('an object that cannot be looked at is not taken for delivered', async () => {
  const bucket = new Bucket(({ method }) => method === 'HEAD' ? { status: 403 } : error('PreconditionFailed', 412));
  expect(await send(bucket)).toMatchObject(answered({ kind: 'failed', broken: true }) as object);
});

test('a bucket that is gone or closed is broken, a slow one is not', async () => {
  expect(await send(new Bucket(() => error('NoSuchBucket', 404)))).toEqual(answered({ kind: 'failed', code: 'NoSuchBucket', broken: true }));
  expect(await send(new Bucket(() => error('AccessDenied', 403)))).toEqual(answered({ kind: 'failed', code: 'AccessDenied', broken: true }));
  expect(await send(new Bucket(() => error('SlowDown', 503)))).toEqual(answered({ kind: 'failed', code: 'SlowDown', broken: false }));
  expect(await send(new Bucket(() => error('EntityTooLarge', 400)))).toEqual(refused('EntityTooLarge', 'TOO_LARGE'));
});
