/**
 * What crosses the wall between the construct and its handlers: variable names, the recipe, the manifest,
 * messages and metric names. Imports nothing; a rename here breaks both sides' compilation.
 */

/** Variables of all three functions (reconcile, backfill, serve). An optional one that is not in use is the empty string. */
export const PIPELINE_ENV = [
  /** Name of the metric dimension `Pipeline`. */
  'PIPELINE_NAME',
  'SOURCE_BUCKET',
  'SOURCE_PREFIX',
  'DESTINATION_BUCKET',
  'DESTINATION_PREFIX',
  /** JSON of {@link Recipe}. */
  'RECIPE',
  /** 'true' or 'false'. */
  'PROPAGATE_DELETES',
  'SUCCESS_TOPIC_ARN',
  'FAILURE_TOPIC_ARN',
  'EVENT_BUS_NAME',
  'DISTRIBUTION_ID',
  /** Prefix in the destination bucket to which refused originals are copied; empty: no copy. */
  'QUARANTINE_PREFIX',
] as const;
export type PipelineEnv = Record<typeof PIPELINE_ENV[number], string>;

/** What to make of every original. Its canonical JSON's hash decides whether a manifest is up to date. */
export interface Recipe {
  readonly presets: readonly RecipePreset[];
  readonly formats: readonly RecipeFormat[];
  /** sharp's `failOn`. */
  readonly tolerance: 'warning' | 'error' | 'truncated';
  readonly maxPixels: number;
  readonly maxFrames: number;
  readonly maxBytes: number;
  /** Keep the ICC profile instead of converting to sRGB. */
  readonly keepIcc: boolean;
  /** Keep EXIF copyright and artist, nothing else. */
  readonly keepCopyright: boolean;
  /** Rasterise SVG (from memory only, so no file or address it names is read). */
  readonly allowSvg: boolean;
  /** Lower-case suffixes of originals; empty: all keys. */
  readonly suffixes: readonly string[];
  /** Cache-Control of every variant. */
  readonly cacheControl: string;
}

export interface RecipePreset {
  readonly name: string;
  readonly fit: 'width' | 'inside' | 'cover' | 'contain' | 'fill';
  readonly width: number;
  /** Absent exactly for fit 'width'. */
  readonly height?: number;
  /** Crop position: sharp's gravity, 'attention', 'entropy' or 'x,y' as fractions 0..1 of the original. */
  readonly position?: string;
  /** CSS colour for 'contain' bars and for flattening alpha into formats without it. */
  readonly background?: string;
  /** Gaussian sigma, 0.3 to 1000. */
  readonly blur?: number;
  /** Sharpening sigma, 0.3 to 10. */
  readonly sharpen?: number;
  readonly greyscale?: boolean;
}

export interface RecipeFormat {
  readonly format: 'jpeg' | 'webp' | 'avif' | 'png' | 'gif';
  readonly extension: string;
  readonly quality?: number;
  readonly effort?: number;
  readonly lossless?: boolean;
  readonly mozjpeg?: boolean;
}

/** Why an original is refused for good. The public enum `ImageFailureReason` has the same members. */
export const FAILURE_REASONS = [
  'UNSUPPORTED_FORMAT',
  'EMPTY_FILE',
  'CORRUPT_IMAGE',
  'TOO_MANY_PIXELS',
  'TOO_MANY_FRAMES',
  'FILE_TOO_LARGE',
  'EXCEEDS_MEMORY',
  'TIME_BUDGET',
  'LOOP_GUARD',
  'KEY_REJECTED',
  'ARCHIVED',
  'CUSTOMER_KEY_ENCRYPTED',
] as const;
export type FailureReason = typeof FAILURE_REASONS[number];

/** `<destination prefix><relative key>/manifest.json` */
export const MANIFEST_NAME = 'manifest.json';
/** User metadata on every object we write: the loop guard. */
export const SOURCE_ETAG_METADATA = 'source-etag';

export interface Variant {
  readonly preset: string;
  readonly format: string;
  /** Full object key in the destination bucket. */
  readonly key: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly etag: string;
  readonly contentType: string;
}

export interface Manifest {
  readonly version: 1;
  readonly state: 'building' | 'ready' | 'rejected' | 'deleting';
  readonly source: {
    readonly key: string;
    readonly etag: string;
    readonly versionId?: string;
    readonly bytes: number;
    /** Of the oriented original; absent until it was decoded. */
    readonly width?: number;
    readonly height?: number;
    readonly format?: string;
    readonly frames?: number;
  };
  /** Hash of the recipe. */
  readonly recipe: string;
  /** The last complete list: readers stay served while a new one is built. */
  readonly variants: readonly Variant[];
  /** Keys outside the list that may exist: those a running build may have written, those still to be removed. */
  readonly planned?: readonly string[];
  /** Claim of a running build; it ends with its invocation's deadline (epoch ms). */
  readonly lease?: { readonly owner: string; readonly expires: number };
  /** Id of the message that built this state: its redelivery publishes again. */
  readonly messageId?: string;
  readonly rejection?: Rejection;
  /** One `srcset` value per format, widths ascending. */
  readonly srcset?: Readonly<Record<string, string>>;
  /** Base64 thumbhash and the dominant colour as #rrggbb. */
  readonly placeholder?: { readonly thumbhash: string; readonly color: string };
}

export interface Rejection {
  readonly reason: FailureReason;
  readonly detail: string;
  /** Memory of the function that refused: a larger one may try again. */
  readonly memoryMb?: number;
  /** Key of the copy of the refused original. */
  readonly quarantine?: string;
}

/** Body of every message on the topics and `detail` of every event on the bus. */
export interface PipelineMessage {
  readonly version: 1;
  readonly type: 'ImageProcessed' | 'ImageRejected' | 'ImageDeleted';
  readonly source: { readonly bucket: string; readonly key: string; readonly etag: string };
  readonly recipe: string;
  readonly manifest: { readonly bucket: string; readonly key: string };
  readonly variants: readonly Variant[];
  /** The list would have made the message too long: it is empty here, the manifest has it. */
  readonly variantsOmitted?: true;
  readonly reason?: FailureReason;
  readonly detail?: string;
}
export const EVENT_SOURCE = 'cdk-lambda-blueprints.image-resize-pipeline';

export const METRIC_NAMESPACE = 'CdkLambdaBlueprints/ImageResizePipeline';
export const METRIC = {
  PROCESSED: 'ImagesProcessed',
  /** Also published with the dimension `Reason`. */
  REJECTED: 'ImagesRejected',
  DELETED: 'ImagesDeleted',
  UNCHANGED: 'ImagesUnchanged',
  /** Original bytes minus the largest variant's bytes, per image; never below 0. */
  BYTES_SAVED: 'BytesSaved',
  DURATION: 'ProcessingTime',
} as const;
export const METRIC_DIMENSION = { PIPELINE: 'Pipeline', REASON: 'Reason' } as const;

/** Exports of the one bundle. */
export const HANDLER = { RECONCILE: 'index.reconcile', BACKFILL: 'index.backfill', SERVE: 'index.serve' } as const;
