import { checkInteger, checkPrefix } from '../private/validate';

/** Options of a backfill by S3 Batch Operations. */
export interface ImageS3BatchOptions {
  /**
   * Prefix of completion reports, and of object lists you bring, in the destination bucket.
   * @default 'backfill-reports/'
   */
  readonly reportPrefix?: string;
  /**
   * Priority of the job among your jobs; higher runs first.
   * @default 10
   */
  readonly priority?: number;
}

/** How originals older than the pipeline are processed. */
export class ImageBackfill {
  /** S3 Batch Operations: a function, a job role and the command that starts a job. */
  public static s3Batch(options: ImageS3BatchOptions = {}): ImageBackfill {
    return new ImageBackfill(options);
  }

  /** @internal */
  public readonly _reportPrefix: string;
  /** @internal */
  public readonly _priority: number;

  private constructor(options: ImageS3BatchOptions) {
    checkPrefix('reportPrefix', options.reportPrefix);
    checkInteger('priority', options.priority, { min: 0, max: 2147483647 });
    this._reportPrefix = options.reportPrefix ?? 'backfill-reports/';
    this._priority = options.priority ?? 10;
  }
}
