import type { ObjectChange } from './s3-events';
import { listOf, parseXml } from '../proxy/body';
import type { RecordedCall, Reply } from '../proxy/call';

type Json = Readonly<Record<string, unknown>>;

/**
 * What a successful call changed, as S3 tells of it.
 * @param versioned whether the bucket keeps versions
 * @param sizes of objects by `bucket/key`: a copy's reply does not say how large it is
 */
export function changesOf(
  { operation, params, service }: RecordedCall, reply: Reply, versioned: boolean, sizes: Map<string, number>,
): ObjectChange[] {
  const { bucket, copySource, key } = params;
  if (service !== 's3' || bucket === undefined) return [];
  const header = (name: string) => reply.headers[name] === undefined ? undefined : String(reply.headers[name]);
  const body = () => parseXml(reply.body.toString('utf8')) as Json;
  const stored = (kind: ObjectChange['kind'], etag: unknown, size = 0): ObjectChange[] => {
    sizes.set(`${bucket}/${key}`, size);
    return [{ bucket, key: key!, kind, size, etag: String(etag).replace(/"/g, ''), versionId: header('x-amz-version-id') }];
  };
  switch (operation) {
    case 'PutObject': return stored('put', header('etag'), params.bytes);
    case 'CopyObject': return stored('copy', (body().CopyObjectResult as Json).ETag, sizes.get(`${copySource!.bucket}/${copySource!.key}`));
    case 'DeleteObject': {
      const isMarker = versioned && params.query?.versionId === undefined;
      return [{ bucket, key: key!, kind: isMarker ? 'delete-marker' : 'delete', versionId: header('x-amz-version-id') }];
    }
    case 'DeleteObjects': {
      const refused = new Set(listOf<Json>((body().DeleteResult as Json | undefined)?.Error).map(({ Key }) => Key));
      return listOf<Json>(((params.body as Json).Delete as Json).Object).filter(({ Key }) => !refused.has(Key))
        .map(({ Key, VersionId }) => ({ bucket, key: String(Key), kind: versioned && VersionId === undefined ? 'delete-marker' : 'delete' }));
    }
    default: return [];
  }
}
