import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CopyObjectCommand, CreateMultipartUploadCommand, DeleteObjectCommand, GetObjectCommand,
  HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client, UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { Artifacts, Objects, SourceObject } from './ports';
import { inParallel } from './run';
import { isNotFound, isPreconditionFailed } from '../../handler-kit/conditional';
import { paginate } from '../../handler-kit/paginate';

type S3 = Pick<S3Client, 'send'>;

const GIB = 2 ** 30;
/** Of one CopyObject (S3 API reference). */
const MAX_COPY_BYTES = 5 * GIB;
/** Parts of an upload at most (S3 user guide, Multipart upload limits). */
const MAX_PARTS = 10_000;
const PARTS_AT_A_TIME = 4;

/** The site's bucket. */
export class S3Objects implements Objects {
  constructor(private readonly bucket: string, private readonly s3: S3) {}

  public async put(key: string, body: string, contentType: string): Promise<{ readonly version: string }> {
    const { VersionId: version } = await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body, ContentType: contentType }));
    return { version: versioned(version) };
  }

  public async get(key: string, version?: string): Promise<string | undefined> {
    return unlessMissing(async () => {
      const { Body: body } = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key, VersionId: version }));
      return body!.transformToString();
    });
  }

  public async head(key: string): Promise<{ readonly version: string; readonly etag: string; readonly size: number } | undefined> {
    return unlessMissing(async () => {
      const { VersionId: version, ETag: etag, ContentLength: size } = await this.s3.send(new HeadObjectCommand({ Bucket: this.bucket, Key: key }));
      return { version: versioned(version), etag: bare(etag), size: size! };
    });
  }

  public async remove(key: string): Promise<void> {
    await this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }));
  }
}

/** Copies between two buckets happen inside S3: no byte comes here. */
export class S3Artifacts implements Artifacts {
  /**
   * @param source of the objects' Region
   * @param site of the site's Region
   */
  constructor(private readonly siteBucket: string, private readonly source: S3, private readonly site: S3) {}

  public async list(bucket: string): Promise<readonly SourceObject[]> {
    // Keys may hold what XML cannot.
    const pages = paginate(
      (token) => this.source.send(new ListObjectsV2Command({ Bucket: bucket, EncodingType: 'url', ContinuationToken: token })),
      ({ Contents: objects = [], NextContinuationToken: next }) => ({ items: objects, next }),
    );
    const objects: SourceObject[] = [];
    for await (const { Key: key, ETag: etag, Size: size } of pages) objects.push({ key: formDecoded(key!), etag: bare(etag), size: size! });
    return objects;
  }

  public async find(bucket: string, key: string): Promise<SourceObject | undefined> {
    return unlessMissing(async () => {
      const { ETag: etag, ContentLength: size } = await this.source.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return { key, etag: bare(etag), size: size! };
    });
  }

  public async copy(bucket: string, object: SourceObject, target: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const version = object.size > MAX_COPY_BYTES
        ? await this.copyParts(bucket, object, target, signal)
        : await this.copyWhole(bucket, object, target, signal);
      return versioned(version);
    } catch (error) {
      if (isPreconditionFailed(error) || isNotFound(error)) return undefined;
      throw error;
    }
  }

  private async copyWhole(bucket: string, { key, etag }: SourceObject, target: string, signal: AbortSignal): Promise<string | undefined> {
    const { VersionId: version } = await this.site.send(new CopyObjectCommand({
      Bucket: this.siteBucket,
      Key: target,
      CopySource: copySource(bucket, key),
      CopySourceIfMatch: `"${etag}"`,
      // Without the tags: reading and writing them would take rights of their own.
      TaggingDirective: 'REPLACE',
    }), { abortSignal: signal });
    return version;
  }

  private async copyParts(bucket: string, { key, etag, size }: SourceObject, target: string, signal: AbortSignal): Promise<string | undefined> {
    const head = await this.source.send(new HeadObjectCommand({ Bucket: bucket, Key: key, IfMatch: `"${etag}"` }), { abortSignal: signal });
    const { ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl, Metadata } = head;
    const place = { Bucket: this.siteBucket, Key: target };
    const { UploadId } = await this.site.send(new CreateMultipartUploadCommand(
      { ...place, ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl, Metadata }), { abortSignal: signal });
    try {
      const Parts = await inParallel(ranges(size), PARTS_AT_A_TIME, async ({ part, range }) => {
        signal.throwIfAborted();
        const { CopyPartResult } = await this.site.send(new UploadPartCopyCommand({
          ...place, UploadId, PartNumber: part, CopySource: copySource(bucket, key), CopySourceIfMatch: `"${etag}"`, CopySourceRange: range,
        }), { abortSignal: signal });
        return { PartNumber: part, ETag: CopyPartResult!.ETag };
      });
      const complete = new CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload: { Parts } });
      return (await this.site.send(complete, { abortSignal: signal })).VersionId;
    } catch (error) {
      // Its parts would be paid for; if this fails, the bucket's lifecycle ends it.
      await this.site.send(new AbortMultipartUploadCommand({ ...place, UploadId })).catch(() => {});
      throw error;
    }
  }
}

/** Byte ranges of the parts of a copy. */
export function ranges(size: number): ReadonlyArray<{ readonly part: number; readonly range: string }> {
  const bytes = Math.max(GIB, Math.ceil(size / MAX_PARTS));
  return Array.from({ length: Math.ceil(size / bytes) }, (_, n) => ({
    part: n + 1,
    range: `bytes=${n * bytes}-${Math.min(size, (n + 1) * bytes) - 1}`,
  }));
}

function copySource(bucket: string, key: string): string {
  return `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

function formDecoded(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '));
}

function bare(etag: string | undefined): string {
  return etag!.replaceAll('"', '');
}

function versioned(version: string | undefined): string {
  if (version === undefined) throw new Error("the site's bucket must be versioned");
  return version;
}

async function unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isNotFound(error) || (error as Error).name === 'NoSuchVersion') return undefined;
    throw error;
  }
}
