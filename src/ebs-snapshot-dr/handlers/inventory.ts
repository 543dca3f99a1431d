import { ARTIFACT_PREFIX, INVENTORY_PREFIX, type ArtifactInventory } from '../contract';
import type { SourceObject } from './ports';

export type Artifact = ArtifactInventory['objects'][number];

/** Key of a plan's inventory in the site's bucket. */
export function inventoryKey(plan: string): string {
  return `${INVENTORY_PREFIX}${plan}.json`;
}

/** Key of an artifact in the site's bucket. */
export function artifactKey(bucket: string, key: string): string {
  return `${ARTIFACT_PREFIX}${bucket}/${key}`;
}

/** What is to be copied of a bucket, and what was copied before and still is there. */
export interface ArtifactDiff {
  readonly copy: readonly SourceObject[];
  readonly keep: readonly Artifact[];
}

/** Compares a bucket with what was copied of it. What is listed with another etag than it was copied with is kept until it is copied again. */
export function diff(bucket: string, listed: readonly SourceObject[], copied: readonly Artifact[]): ArtifactDiff {
  const before = new Map(copied.filter((artifact) => artifact.bucket === bucket).map((artifact) => [artifact.key, artifact]));
  return {
    copy: listed.filter(({ key, etag }) => before.get(key)?.etag !== etag),
    keep: listed.flatMap(({ key }) => before.get(key) ?? []),
  };
}

/** `newer` in place of the older ones of the same keys, in an order that depends on neither. */
export function merge(older: readonly Artifact[], newer: readonly Artifact[]): Artifact[] {
  const all = new Map([...older, ...newer].map((artifact) => [`${artifact.bucket}/${artifact.key}`, artifact]));
  return [...all].sort(([a], [b]) => a < b ? -1 : 1).map(([, artifact]) => artifact);
}
