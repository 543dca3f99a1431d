import * as s3 from 'aws-cdk-lib/aws-s3';
import { checkPattern, checkPrefix } from '../private/validate';

/** Which objects of the source bucket are originals. */
export interface ImageSourceOptions {
  /**
   * Key prefix of originals, empty or ending with '/'.
   * @default - every key
   */
  readonly prefix?: string;
  /**
   * Suffixes of originals, in any case: '.jpg' takes `a.JPG`.
   * @default - any; what an object is, its content decides
   */
  readonly suffixes?: string[];
}

/** Where originals come from. */
export class ImageSource {
  /**
   * An existing bucket. If it is imported, its owner switches EventBridge notifications on; a bucket of this app
   * that configures no notifications is switched on here.
   */
  public static bucket(bucket: s3.IBucket, options: ImageSourceOptions = {}): ImageSource {
    return new ImageSource(options, bucket);
  }

  /** A bucket created by the pipeline. */
  public static newBucket(options: ImageSourceOptions = {}): ImageSource {
    return new ImageSource(options);
  }

  /** @internal */
  public readonly _prefix: string;
  /** @internal Lower case. */
  public readonly _suffixes: readonly string[];

  private constructor(
    options: ImageSourceOptions,
    /** @internal */
    public readonly _bucket?: s3.IBucket,
  ) {
    checkPrefix('prefix', options.prefix);
    options.suffixes?.forEach((suffix) => checkPattern('suffixes', suffix, /^[!-.0-~]{1,32}$/, "1 to 32 printable ASCII characters without '/'"));
    this._prefix = options.prefix ?? '';
    this._suffixes = (options.suffixes ?? []).map((suffix) => suffix.toLowerCase());
  }
}
