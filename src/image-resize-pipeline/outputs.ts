import { Token } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { MANIFEST_NAME, Recipe } from './contract';
import { ImageDestination } from './image-destination';
import { ImageSource } from './image-source';
import { findLoop, Output, reaches } from './loop-proof';
import { variantFiles } from './recipe-of';
import { maybeSameBucket } from '../private/bucket-identity';

/** Everything that decides where the pipeline reads and where it writes. */
export interface Locations {
  readonly source: ImageSource;
  readonly sourceBucket: s3.IBucket;
  readonly destination: ImageDestination;
  readonly destinationBucket: s3.IBucket;
  readonly recipe: Recipe;
  readonly quarantinePrefix?: string;
  readonly reportPrefix?: string;
}

/** Each output has a prefix of its own in the destination bucket. */
export function checkPrefixesApart({ destination, quarantinePrefix, reportPrefix }: Pick<Locations, 'destination' | 'quarantinePrefix' | 'reportPrefix'>): void {
  const prefixes = Object.entries({ destination: destination._prefix, quarantinePrefix, reportPrefix })
    .filter((entry): entry is [string, string] => entry[1] !== undefined && !Token.isUnresolved(entry[1]));
  prefixes.forEach(([nameA, a], i) => prefixes.slice(i + 1).forEach(([nameB, b]) => {
    if (reaches(a, b)) throw new Error(`the prefixes of '${nameA}' and '${nameB}' must not overlap, got '${a}' and '${b}'`);
  }));
}

/** Throws if anything the pipeline writes may start it again. */
export function proveNoLoop(locations: Locations): void {
  const { source, sourceBucket, destinationBucket } = locations;
  if (!maybeSameBucket(sourceBucket, destinationBucket)) return;
  const loop = findLoop({ prefix: provable(source._prefix), suffixes: source._suffixes }, outputsOf(locations));
  if (!loop) return;
  throw new Error(
    `the ${loop.what} below '${loop.prefix}' must not start the pipeline again, but source and destination may be the same bucket`
    + ` and originals are below '${source._prefix}'; use prefixes of which neither begins with the other, suffixes no output ends with, or two buckets`,
  );
}

/** Whether outputs may have the prefix of originals, so that only suffixes tell them apart. */
export function outputsAmongOriginals(locations: Locations): boolean {
  const { source, sourceBucket, destinationBucket } = locations;
  return maybeSameBucket(sourceBucket, destinationBucket)
    && outputsOf(locations).some((output) => reaches(provable(source._prefix), output.prefix));
}

function outputsOf({ destination, recipe, quarantinePrefix, reportPrefix }: Locations): Output[] {
  const outputs: Output[] = [
    { what: 'variants', prefix: destination._prefix, files: variantFiles(recipe) },
    { what: 'manifests', prefix: destination._prefix, files: [MANIFEST_NAME] },
  ];
  if (quarantinePrefix) outputs.push({ what: 'quarantined originals', prefix: quarantinePrefix });
  if (reportPrefix !== undefined) {
    outputs.push({ what: 'backfill reports', prefix: reportPrefix, files: ['report.csv', 'manifest.json', 'manifest.json.md5'] });
  }
  return outputs.map((output) => ({ ...output, prefix: provable(output.prefix) }));
}

/** A prefix unknown at synth may be any, so the proof takes the one that covers all. */
function provable(prefix: string): string {
  return Token.isUnresolved(prefix) ? '' : prefix;
}
