import { METRIC, type ArtifactInventory, type SitePlan, type SiteSettings } from '../contract';
import { type Artifact, artifactKey, diff, inventoryKey, merge } from './inventory';
import { LEDGER, type Artifacts, type Clock, type Ledger, type Log, type Metrics, type Objects, type SourceObject } from './ports';
import { codeOf, inParallel } from './run';

export interface SyncWorld {
  readonly settings: SiteSettings;
  /** The site's. */
  readonly region: string;
  readonly artifacts: (region: string) => Artifacts;
  readonly objects: Objects;
  readonly ledger: Ledger;
  readonly clock: Pick<Clock, 'now'>;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Ends copying; set early enough to write down what was copied. The next run goes on. */
  readonly ending: AbortSignal;
}

/** Copies at a time. */
const CONCURRENCY = 8;
/** Failures of a run that are told one by one. */
const TOLD = 20;

/**
 * Brings the template and every plan's artifacts to the site's bucket. What was deleted in a plan's Region leaves the
 * inventory, and stays in the bucket as the version older recovery points name. One failure costs no other copy.
 */
export async function sync(world: SyncWorld): Promise<void> {
  const { settings: { plans, restore } } = world;
  const templateFailed = restore === undefined ? 0 : await syncTemplate(restore, world);
  for (const plan of plans) {
    const failed = plan.artifacts.length === 0 ? 0 : await syncPlan(plan, world);
    world.metrics.count(plan.plan, METRIC.artifactsFailed, failed + templateFailed);
  }
}

/** How many failed. */
async function syncTemplate({ templateFrom: { bucket, key }, templateKey }: NonNullable<SiteSettings['restore']>, world: SyncWorld): Promise<number> {
  const { ledger, clock, region, log, ending } = world;
  const artifacts = world.artifacts(region);
  try {
    const [source, before] = await Promise.all([artifacts.find(bucket, key), ledger.get(LEDGER.template, templateKey)]);
    if (source === undefined) throw new Error(`there is no '${key}' in '${bucket}'`);
    if (before?.etag === source.etag && await world.objects.head(templateKey) !== undefined) return 0;
    const version = await artifacts.copy(bucket, source, templateKey, ending);
    if (version !== undefined) await ledger.put({ pk: LEDGER.template, sk: templateKey, at: clock.now(), etag: source.etag });
    return 0;
  } catch (error) {
    log.warn('the template was not copied', { bucket, key, ...told(error) });
    return 1;
  }
}

/** How many failed. */
async function syncPlan(plan: SitePlan, world: SyncWorld): Promise<number> {
  const { clock, log, objects, ledger } = world;
  try {
    const before = await readInventory(plan.plan, objects);
    const found = await compare(plan, before?.inventory.objects ?? [], world);
    const { copied, failed, pending } = await copyAll(plan, found.copy, world);
    const after = { objects: merge(found.keep, copied), pending: pending + failed + found.failed };
    const key = inventoryKey(plan.plan);
    const version = before !== undefined && isSame(before.inventory, after)
      ? before.version
      : await write(key, { version: 1, at: iso(clock.now()), ...after }, objects);
    const noted = await ledger.get(LEDGER.inventory, plan.plan);
    if (noted?.version !== version) await ledger.put({ pk: LEDGER.inventory, sk: plan.plan, at: clock.now(), key, version });
    log.info('artifacts copied', { plan: plan.plan, copied: copied.length, kept: found.keep.length, failed: failed + found.failed, pending });
    return failed + found.failed;
  } catch (error) {
    log.warn('artifacts were not copied', { plan: plan.plan, ...told(error) });
    return 1;
  }
}

interface ToCopy {
  readonly bucket: string;
  readonly object: SourceObject;
}

async function compare(
  { plan, artifacts: buckets, region }: SitePlan, before: readonly Artifact[], { artifacts, log }: SyncWorld,
): Promise<{ readonly copy: readonly ToCopy[]; readonly keep: readonly Artifact[]; readonly failed: number }> {
  const copy: ToCopy[] = [];
  const keep: Artifact[] = [];
  let failed = 0;
  for (const bucket of buckets) {
    const known = before.filter((artifact) => artifact.bucket === bucket);
    const listed = await artifacts(region).list(bucket).catch((error: unknown) => {
      log.warn('a bucket of artifacts cannot be listed', { plan, bucket, ...told(error) });
      return undefined;
    });
    const emptied = listed?.length === 0 && known.length > 0;
    if (emptied) log.warn('a bucket of artifacts is empty, its last ones stay', { plan, bucket, artifacts: known.length });
    if (listed === undefined || emptied) {
      failed++;
      keep.push(...known);
      continue;
    }
    const found = diff(bucket, listed, known);
    copy.push(...found.copy.map((object) => ({ bucket, object })));
    keep.push(...found.keep);
  }
  // Small ones first: the most artifacts are there the earliest.
  return { copy: copy.sort((a, b) => a.object.size - b.object.size), keep, failed };
}

async function copyAll(
  { plan, region }: SitePlan, all: readonly ToCopy[], { artifacts, log, ending }: SyncWorld,
): Promise<{ readonly copied: readonly Artifact[]; readonly failed: number; readonly pending: number }> {
  const source = artifacts(region);
  const copied: Artifact[] = [];
  let failed = 0;
  await inParallel(all, CONCURRENCY, async ({ bucket, object }) => {
    if (ending.aborted) return;
    const { key, etag } = object;
    try {
      const version = await source.copy(bucket, object, artifactKey(bucket, key), ending);
      if (version !== undefined) copied.push({ bucket, key, etag, version });
    } catch (error) {
      if (++failed <= TOLD) log.warn('an artifact was not copied', { plan, bucket, key, ...told(error) });
    }
  });
  return { copied, failed, pending: all.length - copied.length - failed };
}

async function readInventory(
  plan: string, objects: Objects,
): Promise<{ readonly inventory: ArtifactInventory; readonly version: string } | undefined> {
  const key = inventoryKey(plan);
  const head = await objects.head(key);
  const body = head && await objects.get(key);
  return body === undefined ? undefined : { inventory: JSON.parse(body) as ArtifactInventory, version: head!.version };
}

async function write(key: string, inventory: ArtifactInventory, objects: Objects): Promise<string> {
  return (await objects.put(key, JSON.stringify(inventory), 'application/json')).version;
}

function isSame(before: ArtifactInventory, after: Pick<ArtifactInventory, 'objects' | 'pending'>): boolean {
  return before.pending === after.pending && JSON.stringify(before.objects) === JSON.stringify(after.objects);
}

function told(error: unknown): { readonly code: string; readonly error: string } {
  return { code: codeOf(error), error: String((error as Error)?.message) };
}

function iso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
