import {
  CopyObjectCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, type HeadObjectCommandOutput,
  ListObjectsV2Command, type _Object, PutObjectCommand, type S3Client,
} from '@aws-sdk/client-s3';
import { conditionalPut, isAccessDenied, isConflict, isNotFound, isPreconditionFailed } from '../../handler-kit/conditional';
import { type Manifest, SOURCE_ETAG_METADATA } from '../contract';
import { Refusal } from './admission';
import { parseManifest } from './manifest';
import type { Destination, Source, SourceObject, SourceState, StoredManifest, VariantObject } from './ports';

/** An object may come or go between the calls of one look; more often is somebody else's problem. */
const LOOKS = 3;
/** Of one DeleteObjects request. (S3 API reference, DeleteObjects) */
const MAX_DELETED_KEYS = 1000;
const ARCHIVES = new Set<string | undefined>(['GLACIER', 'DEEP_ARCHIVE']);

export class S3Source implements Source {
  constructor(private readonly s3: S3Client, private readonly bucket: string) {}

  public async look(key: string): Promise<SourceState> {
    for (let n = 1; ; n++) {
      try {
        return sourceObject(await this.s3.send(new HeadObjectCommand({ Bucket: this.bucket, Key: key })));
      } catch (error) {
        // A HEAD has no error body: 403 may be absence or denial, 400 a customer's key or anything.
        const listed = isNotFound(error) || isAccessDenied(error) || statusOf(error) === 400 ? await this.find(key) : 'unasked';
        if (listed === undefined) {
          return { kind: 'absent' };
        }
        if (listed !== 'unasked' && statusOf(error) === 400) {
          return { ...listed, refusal: await this.customerKeyRefusal(key, error) };
        }
        if (!isNotFound(error) || n === LOOKS) {
          throw error;
        }
      }
    }
  }

  public async read(key: string, etag: string): Promise<Buffer | undefined> {
    try {
      const { Body: body, ContentLength: length } = await this.s3.send(
        new GetObjectCommand({ Bucket: this.bucket, Key: key, IfMatch: quoted(etag) }));
      const bytes = asBuffer(await body!.transformToByteArray());
      if (length !== undefined && length !== bytes.length) {
        throw new Error(`the download ended after ${bytes.length} of ${length} bytes`);
      }
      return bytes;
    } catch (error) {
      if (isPreconditionFailed(error) || isNotFound(error)) {
        return undefined;
      }
      if (nameOf(error) === 'InvalidObjectState') {
        throw new Refusal('ARCHIVED', 'the object must be restored first');
      }
      if (isCustomerKey(error)) {
        throw customerKey();
      }
      if (isAccessDenied(error) && await this.find(key) === undefined) {
        return undefined;
      }
      throw error;
    }
  }

  private async find(key: string): Promise<SourceObject | undefined> {
    const found = await list(this.s3, this.bucket, key);
    return found && { kind: 'present', etag: unquoted(found.ETag), bytes: found.Size ?? 0, marked: false };
  }

  private async customerKeyRefusal(key: string, cause: unknown): Promise<Refusal> {
    try {
      await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key, Range: 'bytes=0-0' }));
    } catch (error) {
      if (isCustomerKey(error)) {
        return customerKey();
      }
      throw error;
    }
    throw cause;
  }
}

/** The only proof of absence: a denial proves nothing. A key sorts before all others it is a prefix of. */
async function list(s3: S3Client, bucket: string, key: string): Promise<_Object | undefined> {
  const { Contents: [first] = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 }));
  return first?.Key === key ? first : undefined;
}

function sourceObject(head: HeadObjectCommandOutput): SourceObject {
  const restored = head.Restore?.includes('ongoing-request="false"') ?? false;
  const archived = (ARCHIVES.has(head.StorageClass) || head.ArchiveStatus !== undefined) && !restored;
  return {
    kind: 'present',
    etag: unquoted(head.ETag),
    versionId: head.VersionId,
    bytes: head.ContentLength ?? 0,
    marked: head.Metadata?.[SOURCE_ETAG_METADATA] !== undefined,
    refusal: archived ? new Refusal('ARCHIVED', `the object must be restored from ${head.ArchiveStatus ?? head.StorageClass} first`) : undefined,
  };
}

/** GET of an SSE-C object without its key: 400 InvalidRequest, "stored using a form of Server Side Encryption". */
function isCustomerKey(error: unknown): boolean {
  return nameOf(error) === 'InvalidRequest' && /encryption/i.test((error as Error).message);
}

function customerKey(): Refusal {
  return new Refusal('CUSTOMER_KEY_ENCRYPTED', 'the object is encrypted with a key only its owner has');
}

export class S3Destination implements Destination {
  /** @param unconditional sends writes without a condition; it must not give one up and send it again */
  constructor(
    private readonly s3: S3Client,
    private readonly bucket: string,
    private readonly sourceBucket: string,
    private readonly unconditional: S3Client = s3,
  ) {}

  public async readManifest(key: string): Promise<StoredManifest | 'absent' | 'hidden'> {
    const stored = await this.readText(key);
    return typeof stored === 'string' ? stored : { etag: stored.etag, value: parseManifest(stored.text) };
  }

  public async lists(key: string): Promise<boolean> {
    return await list(this.s3, this.bucket, key) !== undefined;
  }

  public async writeManifest(key: string, manifest: Manifest, expected: string | undefined): Promise<string | undefined> {
    const text = JSON.stringify(manifest);
    const object = {
      Bucket: this.bucket,
      Key: key,
      Body: text,
      ContentType: 'application/json',
      CacheControl: 'no-cache',
      Metadata: { [SOURCE_ETAG_METADATA]: manifest.source.etag },
    };
    const put = await conditionalPut(this.s3, expected === undefined ? { ...object, IfNoneMatch: '*' } : { ...object, IfMatch: expected });
    if (put.outcome === 'written') {
      return put.etag;
    }
    // When the answer to our own write went astray, the SDK's repetition lost against it.
    const stored = await this.readText(key);
    return typeof stored !== 'string' && stored.text === text ? stored.etag : undefined;
  }

  public async deleteManifest(key: string, expected: string): Promise<boolean> {
    try {
      await this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key, IfMatch: expected }));
      return true;
    } catch (error) {
      if (isNotFound(error)) {
        return true;
      }
      if (isPreconditionFailed(error) || isConflict(error)) {
        return typeof await this.readText(key) === 'string';
      }
      throw error;
    }
  }

  public async putVariant({ key, body, contentType, cacheControl, sourceEtag }: VariantObject): Promise<string> {
    const { ETag: etag } = await this.unconditional.send(new PutObjectCommand({
      Bucket: this.bucket,
      Key: key,
      Body: body,
      ContentType: contentType,
      CacheControl: cacheControl === '' ? undefined : cacheControl,
      Metadata: { [SOURCE_ETAG_METADATA]: sourceEtag },
    }));
    return unquoted(etag);
  }

  /** Undefined when it is not there (any more). */
  public async readVariant(key: string): Promise<Buffer | undefined> {
    try {
      const { Body: body } = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key }));
      return asBuffer(await body!.transformToByteArray());
    } catch (error) {
      if (isNotFound(error) || isAccessDenied(error)) {
        return undefined;
      }
      throw error;
    }
  }

  public async deleteObjects(keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += MAX_DELETED_KEYS) {
      const { Errors: [error] = [] } = await this.unconditional.send(new DeleteObjectsCommand({
        Bucket: this.bucket,
        Delete: { Objects: keys.slice(from, from + MAX_DELETED_KEYS).map((key) => ({ Key: key })), Quiet: true },
      }));
      if (error !== undefined) {
        throw new Error(`an obsolete object was not deleted: ${error.Code}`);
      }
    }
  }

  public async quarantine({ sourceKey, etag, key }: { sourceKey: string; etag: string; key: string }): Promise<boolean> {
    try {
      await this.unconditional.send(new CopyObjectCommand({
        Bucket: this.bucket,
        Key: key,
        CopySource: [this.sourceBucket, ...sourceKey.split('/')].map(encodeURIComponent).join('/'),
        CopySourceIfMatch: quoted(etag),
        // Marked as ours, never shown by a browser, and without the tags that would need more rights.
        MetadataDirective: 'REPLACE',
        Metadata: { [SOURCE_ETAG_METADATA]: etag },
        ContentType: 'application/octet-stream',
        TaggingDirective: 'REPLACE',
      }));
      return true;
    } catch (error) {
      if (isPreconditionFailed(error) || isNotFound(error)) {
        return false;
      }
      throw error;
    }
  }

  /** Without the right to list the whole bucket, S3 denies what is not there. */
  private async readText(key: string): Promise<{ text: string; etag: string } | 'absent' | 'hidden'> {
    try {
      const { Body: body, ETag: etag } = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key }));
      return { text: await body!.transformToString(), etag: etag! };
    } catch (error) {
      if (isNotFound(error)) {
        return 'absent';
      }
      if (isAccessDenied(error)) {
        return 'hidden';
      }
      throw error;
    }
  }
}

function quoted(etag: string): string {
  return `"${etag}"`;
}

function unquoted(etag: string = ''): string {
  return etag.replace(/^"|"$/g, '');
}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined;
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

/** The same memory; `Buffer.from(bytes)` alone would copy it. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
