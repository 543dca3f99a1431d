import * as s3 from 'aws-cdk-lib/aws-s3';
import { checkPrefix } from '../private/validate';

/** Where in the destination bucket variants go. */
export interface ImageDestinationOptions {
  /**
   * Key prefix of variants and manifests, empty or ending with '/'.
   * @default 'img/'
   */
  readonly prefix?: string;
}

/** Where variants and manifests go. */
export class ImageDestination {
  /** An existing bucket; it may be the source bucket if no output can start the pipeline again. */
  public static bucket(bucket: s3.IBucket, options: ImageDestinationOptions = {}): ImageDestination {
    return new ImageDestination(options, bucket);
  }

  /** A bucket created by the pipeline. */
  public static newBucket(options: ImageDestinationOptions = {}): ImageDestination {
    return new ImageDestination(options);
  }

  /** @internal */
  public readonly _prefix: string;

  private constructor(
    options: ImageDestinationOptions,
    /** @internal */
    public readonly _bucket?: s3.IBucket,
  ) {
    checkPrefix('prefix', options.prefix);
    this._prefix = options.prefix ?? 'img/';
  }
}
