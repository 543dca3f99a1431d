import type { Manifest, PipelineMessage, RecipeFormat } from '../contract';
import type { ImageFacts, Refusal } from './admission';
import type { Credits } from './exif';
import type { Step } from './plan';

/** What the source holds under a key at one moment. */
export type SourceState =
  | { readonly kind: 'absent' }
  | SourceObject;

export interface SourceObject {
  readonly kind: 'present';
  /** Without quotes. */
  readonly etag: string;
  readonly versionId?: string;
  readonly bytes: number;
  /** Carries the mark of our own output. */
  readonly marked: boolean;
  /** It cannot be read, and no retry will help. */
  readonly refusal?: Refusal;
}

export interface Source {
  /** Absence is proven, never guessed from a denial. */
  look(key: string): Promise<SourceState>;
  /**
   * The bytes of exactly this version; undefined when it is no longer there.
   * @throws Refusal when it cannot be read, and no retry will help
   */
  read(key: string, etag: string): Promise<Buffer | undefined>;
}

/** A manifest as stored. What is no manifest of ours has no value: it is overwritten. */
export interface StoredManifest {
  readonly etag: string;
  readonly value?: Manifest;
}

export interface VariantObject {
  readonly key: string;
  readonly body: Buffer;
  readonly contentType: string;
  readonly cacheControl: string;
  readonly sourceEtag: string;
}

export interface Destination {
  /** Hidden: a denial that may stand for absence; {@link lists} or a conditional write can tell. */
  readManifest(key: string): Promise<StoredManifest | 'absent' | 'hidden'>;
  /** Needs a right that only those who delete have. */
  lists(key: string): Promise<boolean>;
  /**
   * Compare and swap.
   * @param expected etag of the manifest read; undefined: there was none
   * @returns the new etag; undefined when another worker was faster
   */
  writeManifest(key: string, manifest: Manifest, expected: string | undefined): Promise<string | undefined>;
  /** @returns false when another worker was faster */
  deleteManifest(key: string, expected: string): Promise<boolean>;
  /** @returns the etag */
  putVariant(variant: VariantObject): Promise<string>;
  deleteObjects(keys: readonly string[]): Promise<void>;
  /**
   * Copies exactly this version of an original.
   * @returns false when it is no longer there
   */
  quarantine(copy: { readonly sourceKey: string; readonly etag: string; readonly key: string }): Promise<boolean>;
}

export interface ProbedImage {
  readonly facts: ImageFacts;
  readonly keepsProfile: boolean;
  readonly credits: Credits;
}

export interface EncodedVariant {
  readonly preset: string;
  readonly format: RecipeFormat['format'];
  readonly extension: string;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  readonly data: Buffer;
}

export interface Placeholder {
  readonly thumbhash: string;
  readonly color: string;
}

export interface TimeBudget {
  remainingMs(): number;
}

/** Both throw Refusal for the original's sake, and any other error for ours. */
export interface Imaging {
  probe(input: Buffer): Promise<ProbedImage>;
  /** Hands out every variant as soon as it is encoded. */
  render(
    input: Buffer, image: ProbedImage, steps: readonly Step[], deadline: TimeBudget, emit: (variant: EncodedVariant) => void,
  ): Promise<Placeholder>;
}

/** Told at least once about every final state. */
export interface Notifier {
  /** @param overwritten readers may have cached what is no longer true */
  publish(message: PipelineMessage, overwritten: boolean): Promise<void>;
}
