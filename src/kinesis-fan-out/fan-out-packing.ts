import { Size } from 'aws-cdk-lib';
import { Packing } from './contract';

/** Options of packing. */
export interface FanOutPackingOptions {
  /**
   * Largest message, object or stream record that leaves, after compression.
   * @default - what the destination takes, 8 MiB for objects
   */
  readonly maxSize?: Size;
  /**
   * Wrap every record in a JSON object with its id, partition key and time of arrival. Receivers without deduplication of
   * their own recognise repeated records by the id.
   * @default - true for EventBridge and Lambda, false for others
   */
  readonly envelope?: boolean;
}

/** How several records leave in one message, object or stream record. */
export class FanOutPacking {
  /** Every record leaves alone. */
  public static none(options: FanOutPackingOptions = {}): FanOutPacking {
    return new FanOutPacking('none', options);
  }

  /** A JSON array. */
  public static jsonArray(options: FanOutPackingOptions = {}): FanOutPacking {
    return new FanOutPacking('json-array', options);
  }

  /** A line of JSON per record. */
  public static ndjson(options: FanOutPackingOptions = {}): FanOutPacking {
    return new FanOutPacking('ndjson', options);
  }

  /** A line of JSON per record, gzipped. */
  public static ndjsonGzip(options: FanOutPackingOptions = {}): FanOutPacking {
    return new FanOutPacking('ndjson-gzip', options);
  }

  private constructor(
    /** @internal */
    public readonly _kind: Packing['kind'],
    /** @internal */
    public readonly _options: FanOutPackingOptions,
  ) {}
}
