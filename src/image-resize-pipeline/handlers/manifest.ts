import type { Manifest, PipelineMessage, Recipe, Rejection, Variant } from '../contract';
import type { SourceObject } from './ports';

const MESSAGE_TYPES = {
  ready: 'ImageProcessed',
  rejected: 'ImageRejected',
  deleting: 'ImageDeleted',
} as const satisfies Partial<Record<Manifest['state'], PipelineMessage['type']>>;
/** States that are told to others. */
export type Told = Manifest & { readonly state: keyof typeof MESSAGE_TYPES };

const STATES: readonly unknown[] = ['building', 'ready', 'rejected', 'deleting'] satisfies Manifest['state'][];

/** A manifest of ours, or undefined: whatever else lies under its key is overwritten. */
export function parseManifest(text: string): Manifest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isManifest(value) ? value : undefined;
}

function isManifest(value: unknown): value is Manifest {
  const { version, state, source, recipe, variants, planned, lease } = record(value);
  return version === 1
    && STATES.includes(state)
    && typeof record(source).key === 'string'
    && typeof record(source).etag === 'string'
    && typeof recipe === 'string'
    && Array.isArray(variants) && variants.every((variant) => typeof record(variant).key === 'string')
    && (planned === undefined || (Array.isArray(planned) && planned.every((key) => typeof key === 'string')))
    && (lease === undefined || (typeof record(lease).owner === 'string' && typeof record(lease).expires === 'number'));
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return (value ?? {}) as Readonly<Record<string, unknown>>;
}

/** Every key that may exist because of this manifest. */
export function namedKeys({ variants, planned = [], rejection }: Manifest): string[] {
  const quarantine = rejection?.quarantine === undefined ? [] : [rejection.quarantine];
  return [...new Set([...variants.map(({ key }) => key), ...planned, ...quarantine])];
}

/** Another worker's claim that still runs. */
export function isClaimed({ lease }: Manifest, owner: string, now: number): boolean {
  return lease !== undefined && lease.owner !== owner && lease.expires > now;
}

/**
 * Nothing is left to make of this source. A refusal for want of memory or time holds for functions no larger than the
 * one that refused; a refusal of access holds as long as the source still gives it.
 */
export function isCurrent(manifest: Manifest, source: SourceObject, recipe: string, memoryMb: number): manifest is Told {
  if (manifest.source.etag !== source.etag || manifest.recipe !== recipe) {
    return false;
  }
  return manifest.state === 'ready' || (manifest.state === 'rejected' && stillHolds(manifest.rejection, source, memoryMb));
}

function stillHolds(rejection: Rejection | undefined, source: SourceObject, memoryMb: number): boolean {
  switch (rejection?.reason) {
    case 'EXCEEDS_MEMORY':
    case 'TIME_BUDGET':
      return memoryMb <= (rejection.memoryMb ?? 0);
    case 'ARCHIVED':
    case 'CUSTOMER_KEY_ENCRYPTED':
      return source.refusal?.reason === rejection.reason;
    default:
      return rejection !== undefined;
  }
}

/** Who works on an original, for how long and for which message. */
export interface Claimant {
  readonly owner: string;
  /** Epoch ms. */
  readonly expires: number;
  readonly messageId?: string;
}

/** Marks a build's beginning. Readers keep the last list; everything that may come to exist is named. */
export function building(
  previous: Manifest | undefined, key: string, source: SourceObject, recipe: string, planned: readonly string[], claimant: Claimant,
): Manifest {
  return {
    version: 1,
    state: 'building',
    source: sourceOf(key, source),
    recipe,
    variants: previous?.variants ?? [],
    planned,
    lease: leaseOf(claimant),
    messageId: claimant.messageId,
    srcset: previous?.srcset,
    placeholder: previous?.placeholder,
  };
}

/** Marks a removal's beginning. */
export function deleting(previous: Manifest | undefined, key: string, recipe: string, planned: readonly string[], claimant: Claimant): Told {
  return {
    version: 1,
    state: 'deleting',
    source: previous?.source ?? { key, etag: '', bytes: 0 },
    recipe: previous?.recipe ?? recipe,
    variants: [],
    planned,
    lease: leaseOf(claimant),
    messageId: claimant.messageId,
  };
}

/** Any final manifest while what it no longer names is being removed: still claimed, readers see the new list. */
export function clearing(final: Manifest, planned: readonly string[], claimant: Claimant): Manifest {
  return { ...final, state: 'building', planned, lease: leaseOf(claimant) };
}

export interface Made {
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly frames: number;
  readonly variants: readonly Variant[];
  readonly placeholder: Manifest['placeholder'];
}

export function ready(key: string, source: SourceObject, recipe: Recipe, hash: string, made: Made, messageId?: string): Told {
  const { width, height, format, frames, placeholder } = made;
  const variants = [...made.variants].sort((a, b) => a.width - b.width || (a.key < b.key ? -1 : 1));
  return {
    version: 1,
    state: 'ready',
    source: { ...sourceOf(key, source), width, height, format, frames },
    recipe: hash,
    variants,
    messageId,
    srcset: srcset(variants, recipe),
    placeholder,
  };
}

export function rejected(key: string, source: SourceObject, hash: string, rejection: Rejection, messageId?: string): Told {
  return { version: 1, state: 'rejected', source: sourceOf(key, source), recipe: hash, variants: [], messageId, rejection };
}

/** What the topics and the bus are told about a manifest. */
export function messageOf(manifest: Told, sourceBucket: string, destination: { readonly bucket: string; readonly key: string }): PipelineMessage {
  const { source: { key, etag }, recipe, variants, rejection } = manifest;
  return {
    version: 1,
    type: MESSAGE_TYPES[manifest.state],
    source: { bucket: sourceBucket, key, etag },
    recipe,
    manifest: destination,
    variants,
    reason: rejection?.reason,
    detail: rejection?.detail,
  };
}

function sourceOf(key: string, { etag, versionId, bytes }: SourceObject): Manifest['source'] {
  return { key, etag, versionId, bytes };
}

function leaseOf({ owner, expires }: Claimant): Manifest['lease'] {
  return { owner, expires };
}

/** Only presets that keep the picture whole: a browser takes all candidates for the same picture. */
function srcset(variants: readonly Variant[], { presets }: Recipe): Record<string, string> {
  const whole = new Set(presets.filter(({ fit }) => fit === 'width' || fit === 'inside').map(({ name }) => name));
  const byFormat: Record<string, string> = {};
  for (const { preset, format, key, width } of variants) {
    if (whole.has(preset)) {
      const candidate = `/${key.split('/').map(encodeURIComponent).join('/')} ${width}w`;
      byFormat[format] = format in byFormat ? `${byFormat[format]}, ${candidate}` : candidate;
    }
  }
  return byFormat;
}
