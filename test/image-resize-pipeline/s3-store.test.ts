import {
  CopyObjectCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
} from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import type { Manifest } from '../../src/image-resize-pipeline/contract';
import { S3Destination, S3Source } from '../../src/image-resize-pipeline/handlers/s3-store';
import { S3Failure } from '../kit/strict-s3';

const mock = mockClient(S3Client);
const source = new S3Source(new S3Client({}), 'src');
const destination = new S3Destination(new S3Client({}), 'dst', 'src');
const failure = (name: string, status: number, message = name) => Object.assign(new S3Failure(name, status), { message });
const body = (text: string) => ({ transformToByteArray: async () => Buffer.from(text), transformToString: async () => text }) as never;
const listed = (Key: string) => ({ Contents: [{ Key, ETag: '"l1"', Size: 7 }] });

beforeEach(() => {
  mock.reset();
});

describe('looking at the source', () => {
  test('a plain object', async () => {
    mock.on(HeadObjectCommand).resolves({ ETag: '"e1"', ContentLength: 5, VersionId: 'v1', Metadata: { other: 'x' } });
    expect(await source.look('k')).toEqual({ kind: 'present', etag: 'e1', versionId: 'v1', bytes: 5, marked: false, refusal: undefined });
    mock.on(HeadObjectCommand).resolves({ ETag: '"e1"', Metadata: { 'source-etag': 'x' } });
    expect(await source.look('k')).toMatchObject({ bytes: 0, marked: true });
  });

  test.each<[string, object, string | undefined]>([
    ['GLACIER', { StorageClass: 'GLACIER' }, 'the object must be restored from GLACIER first'],
    ['DEEP_ARCHIVE, being restored', { StorageClass: 'DEEP_ARCHIVE', Restore: 'ongoing-request="true"' }, 'the object must be restored from DEEP_ARCHIVE first'],
    ['an archive tier', { StorageClass: 'INTELLIGENT_TIERING', ArchiveStatus: 'ARCHIVE_ACCESS' }, 'the object must be restored from ARCHIVE_ACCESS first'],
    ['GLACIER, restored', { StorageClass: 'GLACIER', Restore: 'ongoing-request="false", expiry-date="Fri, 21 Dec 2026 00:00:00 GMT"' }, undefined],
    ['GLACIER_IR', { StorageClass: 'GLACIER_IR' }, undefined],
  ])('%s', async (_name, head, detail) => {
    mock.on(HeadObjectCommand).resolves({ ETag: '"e"', ...head });
    expect(await source.look('k')).toMatchObject({ refusal: detail === undefined ? undefined : { reason: 'ARCHIVED', detail } });
  });

  test.each([404, 403])('a missing object (%i) is absent only if the list proves it', async (status) => {
    mock.on(HeadObjectCommand).rejects(failure(String(status), status)).on(ListObjectsV2Command).resolves(listed('k2'));
    expect(await source.look('k')).toEqual({ kind: 'absent' });
    mock.on(ListObjectsV2Command).resolves({});
    expect(await source.look('k')).toEqual({ kind: 'absent' });
    expect(mock.commandCalls(ListObjectsV2Command)[0].args[0].input).toEqual({ Bucket: 'src', Prefix: 'k', MaxKeys: 1 });
  });

  test('a denial on an object that is there is an error', async () => {
    mock.on(HeadObjectCommand).rejects(failure('403', 403)).on(ListObjectsV2Command).resolves(listed('k'));
    await expect(source.look('k')).rejects.toThrow('403');
  });

  test('a denial of the list is an error, and so is anything else', async () => {
    mock.on(HeadObjectCommand).rejects(failure('403', 403)).on(ListObjectsV2Command).rejects(failure('AccessDenied', 403));
    await expect(source.look('k')).rejects.toThrow('AccessDenied');
    mock.on(HeadObjectCommand).rejects(failure('SlowDown', 503));
    await expect(source.look('k')).rejects.toThrow('SlowDown');
  });

  test('an object that appears between the two calls is found', async () => {
    mock.on(HeadObjectCommand).rejectsOnce(failure('NotFound', 404)).resolves({ ETag: '"e"' }).on(ListObjectsV2Command).resolves(listed('k'));
    expect(await source.look('k')).toMatchObject({ kind: 'present' });
    mock.on(HeadObjectCommand).rejects(failure('NotFound', 404));
    await expect(source.look('k')).rejects.toThrow('NotFound');
  });

  const encrypted = failure('InvalidRequest', 400, 'The object was stored using a form of Server Side Encryption.');

  test('a customer\'s key is found out by a download', async () => {
    mock.on(HeadObjectCommand).rejects(failure('400', 400)).on(ListObjectsV2Command).resolves(listed('k')).on(GetObjectCommand).rejects(encrypted);
    expect(await source.look('k')).toEqual({
      kind: 'present', etag: 'l1', bytes: 7, marked: false, refusal: expect.objectContaining({ reason: 'CUSTOMER_KEY_ENCRYPTED' }),
    });
  });

  test('any other 400 is an error', async () => {
    mock.on(HeadObjectCommand).rejects(failure('400', 400)).on(ListObjectsV2Command).resolves(listed('k'));
    mock.on(GetObjectCommand).rejects(failure('ExpiredToken', 400));
    await expect(source.look('k')).rejects.toThrow('ExpiredToken');
    mock.on(GetObjectCommand).resolves({});
    await expect(source.look('k')).rejects.toThrow('400');
  });

  test('a list without a size', async () => {
    mock.on(HeadObjectCommand).rejects(failure('400', 400)).on(ListObjectsV2Command).resolves({ Contents: [{ Key: 'k' }] }).on(GetObjectCommand).rejects(encrypted);
    expect(await source.look('k')).toMatchObject({ etag: '', bytes: 0 });
  });
});

describe('reading the source', () => {
  test('exactly this version, in full', async () => {
    mock.on(GetObjectCommand).resolves({ Body: body('hello'), ContentLength: 5 });
    expect(await source.read('k', 'e1')).toEqual(Buffer.from('hello'));
    expect(mock.commandCalls(GetObjectCommand)[0].args[0].input).toEqual({ Bucket: 'src', Key: 'k', IfMatch: '"e1"' });
  });

  test('a download cut short is an error', async () => {
    mock.on(GetObjectCommand).resolves({ Body: body('hell'), ContentLength: 5 });
    await expect(source.read('k', 'e1')).rejects.toThrow('the download ended after 4 of 5 bytes');
  });

  test.each([['PreconditionFailed', 412], ['NoSuchKey', 404]])('%s: it is another now', async (name, status) => {
    mock.on(GetObjectCommand).rejects(failure(name, status));
    expect(await source.read('k', 'e1')).toBeUndefined();
  });

  test.each([
    ['InvalidObjectState', 403, 'The operation is not valid for the object\'s storage class', 'ARCHIVED'],
    ['InvalidRequest', 400, 'The object was stored using a form of Server Side Encryption.', 'CUSTOMER_KEY_ENCRYPTED'],
  ])('%s is final', async (name, status, message, reason) => {
    mock.on(GetObjectCommand).rejects(failure(name, status, message));
    await expect(source.read('k', 'e1')).rejects.toMatchObject({ name: 'Refusal', reason });
  });

  test('a denial is a change only if the list proves it', async () => {
    mock.on(GetObjectCommand).rejects(failure('AccessDenied', 403)).on(ListObjectsV2Command).resolves({});
    expect(await source.read('k', 'e1')).toBeUndefined();
    mock.on(ListObjectsV2Command).resolves(listed('k'));
    await expect(source.read('k', 'e1')).rejects.toThrow('AccessDenied');
  });

  test.each([failure('InvalidRequest', 400, 'bad range'), failure('SlowDown', 503), 'text'])('%p may pass', async (error) => {
    mock.on(GetObjectCommand).callsFake(() => Promise.reject(error));
    await expect(source.read('k', 'e1')).rejects.toBe(error);
  });
});

describe('manifests', () => {
  const manifest = { version: 1, state: 'ready', source: { key: 'k', etag: 'e1', bytes: 1 }, recipe: 'r', variants: [] } as Manifest;
  const text = JSON.stringify(manifest);

  test.each<[string, () => void, unknown]>([
    ['a manifest', () => mock.on(GetObjectCommand).resolves({ Body: body(text), ETag: '"m1"' }), { etag: '"m1"', value: manifest }],
    ['something else', () => mock.on(GetObjectCommand).resolves({ Body: body('<html>'), ETag: '"m1"' }), { etag: '"m1"', value: undefined }],
    ['nothing', () => mock.on(GetObjectCommand).rejects(failure('NoSuchKey', 404)), 'absent'],
    ['a denial', () => mock.on(GetObjectCommand).rejects(failure('AccessDenied', 403)), 'hidden'],
  ])('reading %s', async (_name, given, expected) => {
    given();
    expect(await destination.readManifest('m')).toEqual(expected);
  });

  test('there only if the list says so', async () => {
    mock.on(ListObjectsV2Command).resolves(listed('m.json'));
    expect(await destination.lists('m')).toBe(false);
    expect(mock.commandCalls(ListObjectsV2Command)[0].args[0].input).toEqual({ Bucket: 'dst', Prefix: 'm', MaxKeys: 1 });
    mock.on(ListObjectsV2Command).resolves({});
    expect(await destination.lists('m')).toBe(false);
    mock.on(ListObjectsV2Command).resolves(listed('m'));
    expect(await destination.lists('m')).toBe(true);
    mock.on(ListObjectsV2Command).rejects(failure('AccessDenied', 403));
    await expect(destination.lists('m')).rejects.toThrow('AccessDenied');
  });

  test('any other error while reading', async () => {
    mock.on(GetObjectCommand).rejects(failure('SlowDown', 503));
    await expect(destination.readManifest('m')).rejects.toThrow('SlowDown');
  });

  test('writing under a condition', async () => {
    mock.on(PutObjectCommand).resolves({ ETag: '"m2"' });
    expect(await destination.writeManifest('m', manifest, undefined)).toBe('"m2"');
    expect(await destination.writeManifest('m', manifest, '"m1"')).toBe('"m2"');
    const [first, second] = mock.commandCalls(PutObjectCommand).map(({ args: [{ input }] }) => input);
    expect([first.IfNoneMatch, first.IfMatch, second.IfNoneMatch, second.IfMatch]).toEqual(['*', undefined, undefined, '"m1"']);
    expect(first).toMatchObject({ Body: text, ContentType: 'application/json', CacheControl: 'no-cache', Metadata: { 'source-etag': 'e1' } });
  });

  test.each([['PreconditionFailed', 412], ['ConditionalRequestConflict', 409], ['NoSuchKey', 404]])('%s: lost, unless what lies there is our own', async (name, status) => {
    mock.on(PutObjectCommand).rejects(failure(name, status)).on(GetObjectCommand).resolves({ Body: body('another'), ETag: '"m3"' });
    expect(await destination.writeManifest('m', manifest, '"m1"')).toBeUndefined();
    mock.on(GetObjectCommand).resolves({ Body: body(text), ETag: '"m3"' });
    expect(await destination.writeManifest('m', manifest, '"m1"')).toBe('"m3"');
    mock.on(GetObjectCommand).rejects(failure('NoSuchKey', 404));
    expect(await destination.writeManifest('m', manifest, '"m1"')).toBeUndefined();
  });

  test('deleting under a condition', async () => {
    mock.on(DeleteObjectCommand).resolves({});
    expect(await destination.deleteManifest('m', '"m1"')).toBe(true);
    expect(mock.commandCalls(DeleteObjectCommand)[0].args[0].input).toEqual({ Bucket: 'dst', Key: 'm', IfMatch: '"m1"' });
    mock.on(DeleteObjectCommand).rejects(failure('NoSuchKey', 404));
    expect(await destination.deleteManifest('m', '"m1"')).toBe(true);
    mock.on(DeleteObjectCommand).rejects(failure('SlowDown', 503));
    await expect(destination.deleteManifest('m', '"m1"')).rejects.toThrow('SlowDown');
  });

  test.each([['PreconditionFailed', 412], ['ConditionalRequestConflict', 409]])('%s at a delete: lost, unless it is gone', async (name, status) => {
    mock.on(DeleteObjectCommand).rejects(failure(name, status)).on(GetObjectCommand).resolves({ Body: body(text), ETag: '"m3"' });
    expect(await destination.deleteManifest('m', '"m1"')).toBe(false);
    mock.on(GetObjectCommand).rejects(failure('NoSuchKey', 404));
    expect(await destination.deleteManifest('m', '"m1"')).toBe(true);
  });
});

describe('variants', () => {
  const variant = { key: 'v', body: Buffer.from('x'), contentType: 'image/webp', cacheControl: 'max-age=1', sourceEtag: 'e1' };

  test('are stored with their type, caching and mark', async () => {
    mock.on(PutObjectCommand).resolves({ ETag: '"v1"' });
    expect(await destination.putVariant(variant)).toBe('v1');
    await destination.putVariant({ ...variant, cacheControl: '' });
    const [first, second] = mock.commandCalls(PutObjectCommand).map(({ args: [{ input }] }) => input);
    expect(first).toEqual({
      Bucket: 'dst', Key: 'v', Body: variant.body, ContentType: 'image/webp', CacheControl: 'max-age=1', Metadata: { 'source-etag': 'e1' },
    });
    expect(second.CacheControl).toBeUndefined();
  });

  test('are read', async () => {
    mock.on(GetObjectCommand).resolves({ Body: body('x') });
    expect(await destination.readVariant('v')).toEqual(Buffer.from('x'));
    mock.on(GetObjectCommand).rejects(failure('AccessDenied', 403));
    expect(await destination.readVariant('v')).toBeUndefined();
    mock.on(GetObjectCommand).rejects(failure('SlowDown', 503));
    await expect(destination.readVariant('v')).rejects.toThrow('SlowDown');
  });

  test('are deleted in one request, whose answer may hide failures', async () => {
    mock.on(DeleteObjectsCommand).resolves({});
    await destination.deleteObjects(['a', 'b']);
    expect(mock.commandCalls(DeleteObjectsCommand)[0].args[0].input).toEqual({
      Bucket: 'dst', Delete: { Objects: [{ Key: 'a' }, { Key: 'b' }], Quiet: true },
    });
    mock.on(DeleteObjectsCommand).resolves({ Errors: [{ Key: 'a', Code: 'AccessDenied' }] });
    await expect(destination.deleteObjects(['a', 'b'])).rejects.toThrow('an obsolete object was not deleted: AccessDenied');
  });

  test.each([[0, []], [1, [1]], [1000, [1000]], [1001, [1000, 1]], [2500, [1000, 1000, 500]]])('%i are deleted in requests of %j', async (count, sizes) => {
    mock.on(DeleteObjectsCommand).resolves({});
    const keys = Array.from({ length: count }, (_, n) => `k${n}`);
    await destination.deleteObjects(keys);
    const requests = mock.commandCalls(DeleteObjectsCommand).map(({ args: [{ input }] }) => input.Delete!.Objects!.map(({ Key }) => Key));
    expect([requests.map(({ length }) => length), requests.flat()]).toEqual([sizes, keys]);
  });

  test('a failure in any of several requests is told', async () => {
    mock.on(DeleteObjectsCommand).resolvesOnce({}).resolves({ Errors: [{ Key: 'k', Code: 'InternalError' }] });
    await expect(destination.deleteObjects(new Array(1001).fill('k'))).rejects.toThrow('an obsolete object was not deleted: InternalError');
  });
});

describe('quarantine', () => {
  const copy = { sourceKey: 'in/a b+c/é%2F.jpg', etag: 'e1', key: 'bad/x' };

  test('copies one version, marked and without its type and tags', async () => {
    mock.on(CopyObjectCommand).resolves({});
    expect(await destination.quarantine(copy)).toBe(true);
    expect(mock.commandCalls(CopyObjectCommand)[0].args[0].input).toEqual({
      Bucket: 'dst',
      Key: 'bad/x',
      CopySource: 'src/in/a%20b%2Bc/%C3%A9%252F.jpg',
      CopySourceIfMatch: '"e1"',
      MetadataDirective: 'REPLACE',
      Metadata: { 'source-etag': 'e1' },
      ContentType: 'application/octet-stream',
      TaggingDirective: 'REPLACE',
    });
  });

  test.each([['PreconditionFailed', 412], ['NoSuchKey', 404]])('%s: it is another now', async (name, status) => {
    mock.on(CopyObjectCommand).rejects(failure(name, status));
    expect(await destination.quarantine(copy)).toBe(false);
  });

  test('any other error may pass', async () => {
    mock.on(CopyObjectCommand).rejects(failure('AccessDenied', 403));
    await expect(destination.quarantine(copy)).rejects.toThrow('AccessDenied');
  });
});
