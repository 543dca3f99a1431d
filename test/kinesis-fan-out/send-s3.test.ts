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

describe('folders of what records hold', () => {
  const of = (n: number, type: unknown, more = '') => record(n, { data: Buffer.from(`{"n":${n},"t":${JSON.stringify(type)}${more}}`) });

  function sorter(wire: Wire, packing = LINES, max = 2): S3Sender {
    const target = { kind: 's3', prefix: 'orders/', partition: { template: 't=<$.t>/', max } } as const;
    return new S3Sender(contextOf(target, 'lake', { packing }), new S3Client({ ...wire.client, forcePathStyle: false }));
  }

  const names = (bucket: Bucket) => [...bucket.objects.keys()].sort();
  const nameOf = (folder: string, n: number, extension = '.ndjson') => `/orders/${folder}/${SHARD}/${sequence(n)}${extension}`;
  const body = (bucket: Bucket, name: string) => bucket.objects.get(name)!.body;

  test('an object per folder, named by its own first record, what is too much in one for the rest, all in stream order', async () => {
    const bucket = new Bucket();
    const entry = entryOf(of(1, 'a'), of(2, 'b'), of(3, 'a'), of(4, 'c'), of(5, 'd'), of(6, 'b'));
    expect(await sorter(bucket).send([entry], NEVER)).toEqual(answered(DELIVERED));
    const [a, b, rest] = [nameOf('t%3Da', 1), nameOf('t%3Db', 2), nameOf('overflow', 4)];
    expect(names(bucket)).toEqual([rest, a, b]);
    expect(body(bucket, a)).toContain('{"n":1,"t":"a"}\n{"n":3,"t":"a"}\n');
    expect(body(bucket, rest)).toContain('{"n":4,"t":"c"}\n{"n":5,"t":"d"}\n');
    expect(bucket.objects.get(b)!.headers).toMatchObject({ 'x-amz-meta-id': entryOf(of(2, 'b'), of(6, 'b')).id, 'x-amz-meta-records': '2' });
  });

  test('a record whose folder is that for the rest finds those', async () => {
    const bucket = new Bucket();
    const target = { kind: 's3', prefix: '', partition: { template: '<$.t>/', max: 1 } } as const;
    const sender = new S3Sender(contextOf(target, 'lake', { packing: LINES }), new S3Client({ ...bucket.client, forcePathStyle: false }));
    await sender.send([entryOf(of(1, 'overflow'), of(2, 'b'), of(3, 'overflow'))], NEVER);
    expect(names(bucket)).toEqual([`/overflow/${SHARD}/${sequence(1)}.ndjson`]);
    expect(body(bucket, names(bucket)[0])).toContain('{"n":1,"t":"overflow"}\n{"n":2,"t":"b"}\n{"n":3,"t":"overflow"}\n');
  });

  test('one that fails is sent again alone', async () => {
    const bucket = new Bucket(({ path }, n) => n < 4 && path.includes('t%3Db') ? error('SlowDown', 503) : undefined);
    const [sender, entry] = [sorter(bucket), entryOf(of(1, 'a'), of(2, 'b'), of(3, 'c'))];
    expect(await sender.send([entry], NEVER)).toEqual(answered({ kind: 'failed', code: 'SlowDown', broken: false }));
    expect(names(bucket)).toEqual([nameOf('overflow', 3), nameOf('t%3Da', 1)]);
    expect(await sender.send([entry], NEVER)).toEqual(answered(DELIVERED));
    expect(bucket.requests).toHaveLength(4);
    expect(names(bucket)).toContain(nameOf('t%3Db', 2));
  });

  test('a bucket that takes nothing is asked for a few objects only', async () => {
    const bucket = new Bucket(() => error('AccessDenied', 403));
    const entry = entryOf(...Array.from({ length: 50 }, (_, n) => of(n + 10, `t${n}`)));
    expect(await sorter(bucket, LINES, 50).send([entry], NEVER)).toEqual(answered({ kind: 'failed', code: 'AccessDenied', broken: true }));
    expect(bucket.requests.length).toBeLessThan(20);
  });

  test('another environment recognises what is there, and writes what is behind it', async () => {
    const bucket = new Bucket();
    await sorter(bucket).send([entryOf(of(1, 'a'), of(2, 'b'), of(3, 'a'))], NEVER);
    const longer = entryOf(of(1, 'a'), of(2, 'b'), of(3, 'a'), of(4, 'b'), of(5, 'a'), of(6, 'c'));
    expect(await sorter(bucket).send([longer], NEVER)).toEqual(answered(DELIVERED));
    expect(names(bucket)).toEqual([nameOf('overflow', 6), nameOf('t%3Da', 1), nameOf('t%3Da', 5), nameOf('t%3Db', 2), nameOf('t%3Db', 4)]);
  });

  test('nothing is written before everything can be', async () => {
    const bucket = new Bucket();
    const large = of(2, 'b', `,"x":"${'x'.repeat(500)}"`);
    const entry = entryOf(of(1, 'a'), large, of(3, 'a'));
    expect(await sorter(bucket, { ...LINES, maxBytes: 400 }).send([entry], NEVER)).toMatchObject(answered({ kind: 'refused', refusal: { reason: 'TOO_LARGE' } }) as object);
    expect(bucket.requests).toEqual([]);
  });

  test('a folder with more than an object takes has several', async () => {
    const bucket = new Bucket();
    await sorter(bucket, { ...LINES, maxBytes: 40 }).send([entryOf(of(1, 'a'), of(2, 'a'), of(3, 'a'))], NEVER);
    expect(names(bucket)).toEqual([nameOf('t%3Da', 1), nameOf('t%3Da', 3)]);
  });

  test.each<[Packing['kind'], Packing['kind'], string]>([
    ['ndjson-gzip', 'ndjson', '.ndjson.gz'], ['json-array', 'json-array', '.json'], ['none', 'none', ''],
  ])('%s: the engine packs as %s', async (kind, engine, extension) => {
    const bucket = new Bucket();
    const sender = sorter(bucket, { ...LINES, kind });
    expect(sender.packing).toEqual({ ...LINES, kind: engine, ...kind === 'ndjson-gzip' && { maxBytes: 64 * 1024 ** 2 } });
    await sender.send([entryOf(of(1, 'a'))], NEVER);
    expect(names(bucket)).toEqual([nameOf('t%3Da', 1, extension)]);
  });
});

test('without folders the engine packs for it', () => {
  expect(senderOn(new Bucket()).packing).toBeUndefined();
});
