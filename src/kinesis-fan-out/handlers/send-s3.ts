import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { compilePartition } from '../common/partition';
import type { Packing } from '../contract';
import { callOutcome, type Refusals } from './classify';
import { CLIENT } from './client';
import { contentOf } from './content';
import { Packer } from './pack';
import type { CallOutcome, Entry, Sender, SenderContext } from './ports';
import { createPack, type ObjectStore } from './s3-objects';
import { FolderWriter } from './s3-partitions';
import { isNotFound, isPreconditionFailed } from '../../handler-kit/conditional';

/** S3 API reference, PutObject. How large objects get is up to the packing. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 3;
const CONCURRENCY = 8;
/** More than the records of an event are. */
const MAX_UNSORTED_BYTES = 64 * 1024 ** 2;

const REFUSALS: Refusals = { EntityTooLarge: 'TOO_LARGE' };

const EXTENSIONS: Readonly<Record<Packing['kind'], string>> = {
  'none': '',
  'json-array': '.json',
  'ndjson': '.ndjson',
  'ndjson-gzip': '.ndjson.gz',
};

/** A bucket. An object is written only if it is not there, and its metadata says which records it holds. */
export class S3Sender implements Sender {
  public readonly maxEntries = 1;
  public readonly maxCallBytes = MAX_OBJECT_BYTES;
  public readonly maxEntryBytes = MAX_OBJECT_BYTES;
  public readonly concurrency = CONCURRENCY;
  public readonly bodies = 'bytes';
  public readonly packing?: Packing;
  private readonly folders?: FolderWriter;

  constructor(
    private readonly context: SenderContext<'s3'>,
    private readonly s3: Pick<S3Client, 'send'> = new S3Client(CLIENT),
  ) {
    const { packing, target: { partition } } = context;
    if (partition) {
      this.folders = new FolderWriter({
        folderOf: compilePartition(partition.template), max: partition.max, createPacker: () => new Packer(packing, this),
      });
      // What is sorted into folders is compressed there.
      this.packing = packing.kind === 'ndjson-gzip' ? { ...packing, kind: 'ndjson', maxBytes: MAX_UNSORTED_BYTES } : packing;
    }
  }

  public sizeOf({ body }: Entry): number {
    return body.length;
  }

  public async send([entry]: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    const { packing, target } = this.context;
    try {
      const [store, extension] = [this.store(signal), EXTENSIONS[packing.kind]];
      const outcome = this.folders
        ? await this.folders.create(store, target.prefix, extension, entry)
        : await createPack(store, target.prefix, extension, entry);
      return { kind: 'answered', outcomes: [outcome] };
    } catch (error) {
      return callOutcome(error, 1, REFUSALS);
    }
  }

  private store(abortSignal: AbortSignal): ObjectStore {
    const { name: bucket, packing } = this.context;
    return {
      create: async (key, body, { id, records }) => {
        const { type, encoding } = contentOf(packing, body);
        try {
          await this.s3.send(new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: body,
            ContentType: type,
            ContentEncoding: encoding,
            Metadata: { id, records: String(records) },
            IfNoneMatch: '*',
          }), { abortSignal });
          return 'created';
        } catch (error) {
          if (isPreconditionFailed(error)) return 'exists';
          throw error;
        }
      },
      markOf: async (key) => {
        try {
          const { Metadata: { id, records } = {} } = await this.s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal });
          return id === undefined || records === undefined ? undefined : { id, records: Number(records) };
        } catch (error) {
          // Deleted since.
          if (isNotFound(error)) return undefined;
          throw error;
        }
      },
    };
  }
}
