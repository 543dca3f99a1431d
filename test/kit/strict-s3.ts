import { createHash } from 'node:crypto';
import {
  CopyObjectCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand,
} from '@aws-sdk/client-s3';

export interface StoredObject {
  readonly body: Buffer;
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly storageClass?: string;
}

/** S3's answer to a request that fails, as the SDK throws it. */
export class S3Failure extends Error {
  public readonly $metadata: { readonly httpStatusCode: number };

  constructor(public override readonly name: string, status: number) {
    super(name);
    this.$metadata = { httpStatusCode: status };
  }
}

/**
 * S3 in memory, as strict as S3 where the image pipeline depends on it: conditions on writes and single deletes, no
 * leniency about what is not there. Buckets in `hidden` answer 403 for a missing object: nobody may list all of them.
 * (S3 user guide, "conditional requests", "conditional deletes"; GetObject and HeadObject API pages.)
 */
export class StrictS3 {
  private readonly buckets = new Map<string, Map<string, StoredObject>>();

  constructor(private readonly hidden: readonly string[] = []) {}

  public objects(bucket: string): Map<string, StoredObject> {
    const objects = this.buckets.get(bucket) ?? new Map<string, StoredObject>();
    this.buckets.set(bucket, objects);
    return objects;
  }

  /** Executes a command at once. */
  public execute(command: unknown): unknown {
    if (command instanceof HeadObjectCommand) {
      const { Bucket, Key } = command.input;
      const object = this.objects(Bucket!).get(Key!);
      if (object === undefined) {
        throw this.hidden.includes(Bucket!) ? new S3Failure('403', 403) : new S3Failure('NotFound', 404);
      }
      return { ETag: etagOf(object), ContentLength: object.body.length, Metadata: object.metadata, StorageClass: object.storageClass };
    }
    if (command instanceof GetObjectCommand) {
      const { Bucket, Key, IfMatch } = command.input;
      const object = this.objects(Bucket!).get(Key!);
      if (object === undefined) {
        throw this.hidden.includes(Bucket!) ? new S3Failure('AccessDenied', 403) : new S3Failure('NoSuchKey', 404);
      }
      if (IfMatch !== undefined && IfMatch !== etagOf(object)) {
        throw new S3Failure('PreconditionFailed', 412);
      }
      if (object.storageClass === 'GLACIER') {
        throw new S3Failure('InvalidObjectState', 403);
      }
      const { body } = object;
      return {
        ETag: etagOf(object),
        ContentLength: body.length,
        Body: { transformToByteArray: () => Promise.resolve(body), transformToString: () => Promise.resolve(body.toString()) },
      };
    }
    if (command instanceof ListObjectsV2Command) {
      const { Bucket, Prefix = '', MaxKeys = 1000 } = command.input;
      const keys = [...this.objects(Bucket!).keys()].filter((key) => key.startsWith(Prefix)).sort().slice(0, MaxKeys);
      return { Contents: keys.map((Key) => ({ Key, ETag: etagOf(this.objects(Bucket!).get(Key)!) })) };
    }
    if (command instanceof PutObjectCommand) {
      const { Bucket, Key, Body, IfMatch, IfNoneMatch, Metadata, ContentType, CacheControl } = command.input;
      this.condition(Bucket!, Key!, IfMatch, IfNoneMatch);
      const object = { body: Buffer.from(Body as string | Buffer), metadata: Metadata ?? {}, contentType: ContentType, cacheControl: CacheControl };
      this.objects(Bucket!).set(Key!, object);
      return { ETag: etagOf(object) };
    }
    if (command instanceof DeleteObjectCommand) {
      const { Bucket, Key, IfMatch } = command.input;
      this.condition(Bucket!, Key!, IfMatch);
      this.objects(Bucket!).delete(Key!);
      return {};
    }
    if (command instanceof DeleteObjectsCommand) {
      const { Bucket, Delete } = command.input;
      Delete!.Objects!.forEach(({ Key }) => this.objects(Bucket!).delete(Key!));
      return {};
    }
    if (command instanceof CopyObjectCommand) {
      const { Bucket, Key, CopySource, CopySourceIfMatch, Metadata, ContentType } = command.input;
      const [from, ...path] = CopySource!.split('/').map(decodeURIComponent);
      const object = this.objects(from).get(path.join('/'));
      if (object === undefined) {
        throw new S3Failure('NoSuchKey', 404);
      }
      if (CopySourceIfMatch !== etagOf(object)) {
        throw new S3Failure('PreconditionFailed', 412);
      }
      this.objects(Bucket!).set(Key!, { body: object.body, metadata: Metadata ?? {}, contentType: ContentType });
      return {};
    }
    throw new Error('a command strict S3 does not know');
  }

  private condition(bucket: string, key: string, ifMatch?: string, ifNoneMatch?: string): void {
    const object = this.objects(bucket).get(key);
    if (ifMatch !== undefined && object === undefined) {
      throw new S3Failure('NoSuchKey', 404);
    }
    if ((ifMatch !== undefined && ifMatch !== etagOf(object!)) || (ifNoneMatch === '*' && object !== undefined)) {
      throw new S3Failure('PreconditionFailed', 412);
    }
  }
}

export function etagOf({ body }: Pick<StoredObject, 'body'>): string {
  return `"${createHash('md5').update(body).digest('hex')}"`;
}
