import { Deletions } from './deletions';
import { brake, newestCopies, protect } from './keep';
import type { Ec2, Image, Millis, Snapshot, Verdict } from './ports';
import { lineageOf, readSets, type SetView } from './recovery-point';
import { retain } from './retention';
import { codeOf, inParallel, type Run, SETTLING_MS, Unfinished } from './run';
import { type Brake, METRIC, type RetentionPolicy, TAG } from '../contract';

export interface PruneRun extends Run {
  /** Of the side that is pruned. */
  readonly ec2: Ec2;
}

export interface Pruned {
  deleted: number;
  held: number;
  imagesInUse: number;
}

/** One plan on one side, and what is different there. */
export interface Side {
  readonly kind: 'originals' | 'copies';
  readonly plan: string;
  readonly retention: RetentionPolicy;
  readonly brake: Brake;
  /** Age of its snapshots at which a set that is not complete never will be. */
  readonly brokenAfterMs: Millis;
  readonly archiveAfterDays: number;
  /** Snapshots the table knows, by set. An answer without them is looked at twice. */
  known(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** From now on nobody finds the set to restore it. */
  forget(set: string): Promise<void>;
  /** Sets that others still wait for; whether somebody who should have said so did not answer. */
  awaited(sets: readonly SetView[]): Promise<{ readonly sets: ReadonlySet<string>; readonly unanswered: boolean }>;
  /** Sets a restore is using. */
  restoring(): Promise<ReadonlySet<string>>;
}

/** Sets at a time. */
const WIDTH = 4;
/** A deletion is not begun when less is left. */
const DELETION_MS = 15_000;
const DAY_MS = 86_400_000;
/** What became complete since the run before the last one, every hour, is taken for what the sets to be deleted make room for. */
const ARRIVED_MS = 2 * 3_600_000;
/** A failed image stays so long for somebody to look at. */
const FAILED_IMAGE_MS = 3_600_000;
/** Ids of one call. */
const MAX_IDS = 200;
/** Rules of the generations that may be archived: what restores of every day need is not among them. */
const ARCHIVED_BY = new Set(['monthly', 'yearly', 'within-monthly', 'within-yearly']);

/** What stands in EC2 when a run begins. */
interface Inventory {
  readonly sets: readonly SetView[];
  readonly byId: ReadonlyMap<string, SetView>;
  readonly images: readonly Image[];
  readonly imagesOf: (snapshot: string) => readonly string[];
}

/**
 * Deletes what retention does not keep, invariants allow, and the brake lets through. An answer of EC2 that fails, or is not
 * whole as far as the table can tell, deletes nothing.
 *
 * @throws what failed, counted as held
 */
export async function prune(run: PruneRun, side: Side): Promise<Pruned> {
  const { metrics, log } = run;
  const { plan } = side;
  try {
    const pruned = await pruneSide(run, side);
    metrics.count(plan, METRIC.setsDeleted, pruned.deleted);
    metrics.count(plan, METRIC.pruneHeld, pruned.held);
    metrics.count(plan, METRIC.imagesInUse, pruned.imagesInUse);
    return pruned;
  } catch (error) {
    log.warn('pruning ended early', { plan, code: codeOf(error) });
    metrics.count(plan, METRIC.pruneHeld, 1);
    throw error;
  }
}

async function pruneSide(run: PruneRun, side: Side): Promise<Pruned> {
  const { ec2 } = run;
  const snapshots = await ec2.snapshots({ tags: { [TAG.plan]: [side.plan] } });
  const images = await ec2.images({});
  const sets = readSets(snapshots, side.kind);
  const byId = new Map(sets.map((set) => [set.set, set]));
  const users = groupBy(images.flatMap(({ image, snapshots: ids }) => ids.map((id) => ({ image, id }))), ({ id }) => id);
  const inventory: Inventory = { sets, byId, images, imagesOf: (snapshot) => (users.get(snapshot) ?? []).map(({ image }) => image) };

  const deletions = await Deletions.read(run, side.plan, side.forget, side.restoring);
  await checkWhole(run, side, snapshots, deletions.sets);
  const there = new Set(images.map(({ image }) => image));
  await deletions.finish(({ set, image }) => image === undefined ? byId.get(set)?.state === 'complete' : there.has(image));
  return decide(run, side, inventory, deletions);
}

async function decide(run: PruneRun, side: Side, inventory: Inventory, deletions: Deletions): Promise<Pruned> {
  const { sets, byId, imagesOf } = inventory;
  const complete = sets.filter(({ state }) => state === 'complete');
  const wanted = [...groupBy(complete, ({ instance }) => instance).values()]
    .flatMap((ofInstance) => retain(ofInstance, side.retention, run.clock.now()));
  const awaited = await side.awaited(sets);
  const verdicts = protect(wanted, {
    sets,
    awaited: awaited.sets,
    locked: await lockedSets(run, wanted.filter(({ keep }) => !keep).map(({ set }) => byId.get(set)!)),
    restoring: await side.restoring(),
  });
  const doomed = new Map([...verdicts.filter(({ keep }) => !keep), ...await brokenSets(run, side, sets, awaited.sets)]
    // An image of somebody else was made of them.
    .filter(({ set }) => membersOf(byId.get(set)!).every(({ snapshot }) => imagesOf(snapshot).length === 0))
    .map(({ set, reasons }) => [set, reasons]));

  const arrived = complete.filter((set) => completedAt(set) > run.clock.now() - ARRIVED_MS).length;
  const { now: chosen, held } = brake([...doomed.keys()], sets.length, side.brake, arrived);
  const gone = await inParallel(chosen, WIDTH, async (set) => run.remainingMs() >= DELETION_MS
    && deletions.begin({ set, snapshots: membersOf(byId.get(set)!).map(({ snapshot }) => snapshot), reasons: doomed.get(set)! }));
  const deleted = gone.filter(Boolean).length;
  const leaving = new Set(chosen);
  const kept = sets.filter(({ set }) => !leaving.has(set));
  await deleteDuplicates(run, kept, imagesOf);
  const imagesInUse = await pruneImages(run, side, inventory, deletions, kept);
  if (side.archiveAfterDays > 0) await archive(run, side, verdicts, inventory);
  const unanswered = awaited.unanswered ? wanted.filter(({ keep }) => !keep).length : 0;
  return { deleted, held: held.length + chosen.length - deleted + unanswered, imagesInUse };
}

function completedAt({ snapshots }: SetView): Millis {
  return Math.max(...snapshots.map((snapshot) => snapshot.completedAt ?? snapshot.startedAt));
}

function membersOf({ snapshots, duplicates }: SetView): Snapshot[] {
  return [...snapshots, ...duplicates];
}

/**
 * The table knows snapshots that the answer does not have: either they are gone, then the table forgets them, or the answer is
 * not whole.
 *
 * @throws {@link Unfinished} in the second case
 */
async function checkWhole({ ec2, log }: PruneRun, side: Side, snapshots: readonly Snapshot[], deleted: ReadonlySet<string>): Promise<void> {
  const shown = new Set(snapshots.map(({ snapshot }) => snapshot));
  const known = [...await side.known()].filter(([set]) => !deleted.has(set));
  const incomplete = known.filter(([, ids]) => ids.some((id) => !shown.has(id)));
  if (incomplete.length === 0) return;
  const missing = incomplete.flatMap(([, ids]) => ids.filter((id) => !shown.has(id)));
  let found = 0;
  for (let from = 0; from < missing.length; from += MAX_IDS) {
    found += (await ec2.snapshots({ ids: missing.slice(from, from + MAX_IDS) })).length;
  }
  if (snapshots.length === 0 || found > 0) {
    throw new Unfinished(`EC2 shows ${snapshots.length} snapshots of plan '${side.plan}' and leaves out some of ${missing.length} others`);
  }
  for (const [set] of incomplete) {
    log.warn('snapshots of a set were deleted by others', { set });
    await side.forget(set);
  }
}

/** Those of the sets with a locked snapshot. */
async function lockedSets({ ec2 }: PruneRun, sets: readonly SetView[]): Promise<ReadonlySet<string>> {
  const ids = sets.flatMap((set) => membersOf(set).map(({ snapshot }) => snapshot));
  if (ids.length === 0) return new Set();
  const locked = await ec2.lockedSnapshots(ids);
  return new Set(sets.filter((set) => membersOf(set).some(({ snapshot }) => locked.has(snapshot))).map(({ set }) => set));
}

/** What can never become complete, if EC2 says so twice. */
async function brokenSets({ ec2, clock }: PruneRun, side: Side, sets: readonly SetView[], awaited: ReadonlySet<string>): Promise<Verdict[]> {
  const now = clock.now();
  const good = new Map<string, Millis>();
  for (const { instance, at, state } of sets) {
    if (state === 'complete') good.set(instance, Math.max(at, good.get(instance) ?? 0));
  }
  const newest = newestCopies(sets);
  const suspects = sets.filter((set) => {
    if ((set.state !== 'failed' && set.state !== 'partial') || (side.kind === 'copies' && newest.has(set.set))) return false;
    if (membersOf(set).some(({ state, startedAt }) => state === 'pending' || now - startedAt < side.brokenAfterMs)) return false;
    // Copies of a set that never was whole may be what the next copy builds upon.
    return side.kind === 'copies' ? set.at < (good.get(set.instance) ?? 0) : set.state === 'failed' || !awaited.has(set.set);
  });
  const verdicts: Verdict[] = [];
  for (const { set, state } of suspects) {
    const again = readSets(await ec2.snapshots({ tags: { [TAG.plan]: [side.plan], [TAG.set]: [set] } }), side.kind);
    if (again.length === 1 && again[0].state === state) verdicts.push({ set, keep: false, reasons: [state] });
  }
  return verdicts;
}

/** Always the younger ones: whoever made the older one may have written it down. */
async function deleteDuplicates(run: PruneRun, sets: readonly SetView[], imagesOf: Inventory['imagesOf']): Promise<void> {
  const { ec2, clock, log } = run;
  const duplicates = sets.flatMap(({ state, duplicates: those }) => state === 'complete' ? those : []);
  if (duplicates.length === 0) return;
  const latest = new Map<string, Millis>();
  for (const snapshot of sets.flatMap(membersOf)) latest.set(lineageOf(snapshot), Math.max(snapshot.startedAt, latest.get(lineageOf(snapshot)) ?? 0));
  for (const duplicate of duplicates) {
    const { snapshot, state, startedAt } = duplicate;
    // The next copy builds upon the one that was started last.
    const isNewest = state !== 'error' && latest.get(lineageOf(duplicate)) === startedAt;
    if (isNewest || state === 'pending' || clock.now() - startedAt < SETTLING_MS || imagesOf(snapshot).length > 0) continue;
    try {
      await ec2.deleteSnapshot(snapshot);
      log.info('duplicate deleted', { snapshot, set: duplicate.tags[TAG.set] });
    } catch (error) {
      log.warn('not deleted', { id: snapshot, code: codeOf(error) });
    }
  }
}

/** An image goes with its set; the newest one of an instance stays, and what somebody uses. */
async function pruneImages(
  run: PruneRun, side: Side, { images, imagesOf }: Inventory, deletions: Deletions, kept: readonly SetView[],
): Promise<number> {
  const { ec2, clock, log } = run;
  const ours = images.filter(({ tags }) => tags[TAG.plan] === side.plan && tags[TAG.set] !== undefined && (TAG.source in tags) === (side.kind === 'copies'));
  const newest = new Set(newestImages(ours.filter(({ state }) => state === 'available')).map(({ image }) => image));
  const keptSets = new Set(kept.map(({ set }) => set));
  const unwanted = ours.filter(({ image, state, createdAt, tags }) => {
    if (state === 'failed' || state === 'error' || state === 'invalid') return clock.now() - createdAt > FAILED_IMAGE_MS;
    return state === 'available' && !newest.has(image) && !keptSets.has(tags[TAG.set]);
  });
  if (unwanted.length === 0) return 0;
  const used = await ec2.imagesInUse(unwanted.map(({ image }) => image));
  const free = new Map(unwanted.filter(({ image }) => !used.has(image)).map((image) => [image.tags[TAG.set], image]));
  for (const image of used) log.info('image is in use', { image });
  for (const set of brake([...free.keys()], ours.length, side.brake).now) {
    if (run.remainingMs() < DELETION_MS) break;
    const { image, snapshots, state } = free.get(set)!;
    const own = snapshots.filter((snapshot) => imagesOf(snapshot).every((user) => user === image));
    await deletions.begin({ set, image, snapshots: own, reasons: [state === 'available' ? 'set is gone' : state] });
  }
  return used.size;
}

/** Of each instance. */
export function newestImages(images: readonly Image[]): Image[] {
  const newest = new Map<string, Image>();
  for (const image of images) {
    const set = image.tags[TAG.set];
    if (set === undefined) continue;
    const [instance] = set.split('@');
    if (set > (newest.get(instance)?.tags[TAG.set] ?? '')) newest.set(instance, image);
  }
  return [...newest.values()];
}

/** EC2 archives a few at a time; what it refuses, a later run tries again. */
async function archive({ ec2, clock, log }: PruneRun, side: Side, verdicts: readonly Verdict[], { byId, imagesOf }: Inventory): Promise<void> {
  const before = clock.now() - side.archiveAfterDays * DAY_MS;
  const members = verdicts
    .filter(({ keep, reasons }) => keep && reasons.every((reason) => ARCHIVED_BY.has(reason)))
    .map(({ set }) => byId.get(set)!)
    .filter(({ at }) => at < before)
    .flatMap(({ snapshots }) => snapshots)
    .filter(({ tier, snapshot }) => tier === 'standard' && imagesOf(snapshot).length === 0);
  for (const { snapshot } of members) {
    try {
      await ec2.archiveSnapshot(snapshot);
      log.info('archived', { snapshot });
    } catch (error) {
      log.warn('not archived', { snapshot, code: codeOf(error) });
      return;
    }
  }
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
