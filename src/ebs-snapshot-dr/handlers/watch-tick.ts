import { CopyLedger } from './copy-ledger';
import { lookBack, recentSets } from './look-back';
import { manifestKey, pointKey } from './manifests';
import type { Ec2, Image, LedgerItem, Millis, Objects, Snapshot } from './ports';
import { LEDGER } from './ports';
import { newestImages } from './prune';
import { lineageOf, type PointExtras, readSets, recoveryPoint, type SetView } from './recovery-point';
import { codeOf, inParallel, type Run } from './run';
import { lookBackSeconds, METRIC, parseSetId, type RecoveryPoint, type SitePlan, type SiteSettings, TAG } from '../contract';

export interface WatchRun extends Run {
  readonly settings: SiteSettings;
  /** Of the site. */
  readonly ec2: Ec2;
  readonly objects: Objects;
}

/** Recovery points at a time. */
const WIDTH = 8;
/** Kept for what comes after recording: durations, locks, the heartbeat. */
const END_MS = 40_000;

/**
 * Takes note of what became of copies: complete sets become recovery points, failed copies are cleared for another attempt. The
 * heartbeat is sent whatever else fails.
 *
 * @throws the first error, after all plans had their turn
 */
export async function watchTick(run: WatchRun): Promise<{ readonly points: number; readonly failed: number }> {
  const sum = { points: 0, failed: 0 };
  const errors: unknown[] = [];
  for (const plan of run.settings.plans) {
    try {
      const { points, failed } = await advance(run, plan);
      sum.points += points;
      sum.failed += failed;
    } catch (error) {
      run.log.warn('recovery points could not be brought up to date', { plan: plan.plan, code: codeOf(error) });
      errors.push(error);
    }
    run.metrics.count(plan.plan, METRIC.recoveryPointAge, Math.round(await recoveryPointAge(run, plan) / 1000));
  }
  if (errors.length > 0) throw errors[0];
  return sum;
}

async function advance(run: WatchRun, plan: SitePlan): Promise<{ readonly points: number; readonly failed: number }> {
  const { ec2, ledger, clock, metrics } = run;
  const now = clock.now();
  const copies = (await ec2.snapshots(recentSets(plan.plan, plan.rpoSeconds, now))).filter(({ tags }) => TAG.source in tags);
  const failed = await clearFailed(run, plan, copies);
  const failedImages = plan.images ? await noteFailedImages(run, plan) : 0;
  metrics.count(plan.plan, METRIC.copiesFailed, failed);
  metrics.count(plan.plan, METRIC.imagesFailed, failedImages);

  const complete = readSets(copies, 'copies').filter(({ state }) => state === 'complete');
  const known = new Map((await ledger.list(LEDGER.point(plan.plan), fromKey(plan, now))).map((item) => [item.sk, item]));
  const deleted = await deletions(run, plan);
  const fresh = complete.filter(({ set }) => !known.has(pointKey(set)) && !deleted.has(set)).sort((a, b) => b.at - a.at);
  let points = 0;
  if (fresh.length > 0) {
    const extras = await readExtras(run, plan);
    await inParallel(fresh, WIDTH, async (set) => {
      // What there is no time for, the next tick records: after a loss of the table there are thousands.
      if (run.remainingMs() < END_MS) return;
      known.set(pointKey(set.set), await record(run, plan, set, extras));
      points++;
    });
    await learnDurations(run, plan, fresh, copies);
    await takeBack(run, plan, fresh);
  }
  if (plan.lock) await lock(run, plan, complete.flatMap(({ set }) => deleted.has(set) ? [] : known.get(pointKey(set)) ?? []));
  return { points, failed };
}

/** The look-back in whole days, as EC2 is asked. */
function fromKey(plan: SitePlan, now: Millis): string {
  return new Date(lookBack(plan.rpoSeconds, now)).toISOString().slice(0, 10);
}

/** Sets that retention deletes or has deleted a short time ago. */
async function deletions({ ledger }: WatchRun, plan: SitePlan): Promise<ReadonlySet<string>> {
  return new Set((await ledger.list(LEDGER.deletion(plan.plan))).map(({ sk }) => sk));
}

/** A copy in `error` occupies nothing but is in the way of the next attempt. */
async function clearFailed(run: WatchRun, plan: SitePlan, copies: readonly Snapshot[]): Promise<number> {
  const { ec2, ledger, clock, log } = run;
  const errors = copies.filter(({ state }) => state === 'error');
  if (errors.length === 0) return 0;
  const book = await CopyLedger.read(ledger, plan.plan);
  let fresh = 0;
  for (const { snapshot, stateMessage, tags: { [TAG.source]: source, [TAG.set]: set } } of errors) {
    if (await book.failed(source, snapshot, clock.now(), expiry(plan, clock.now()))) {
      fresh++;
      log.warn('copy failed', { set, source, copy: snapshot, stateMessage });
    }
    try {
      await ec2.deleteSnapshot(snapshot);
    } catch (error) {
      // It may be gone already and still be shown. The next attempt waits, recovery points do not.
      log.warn('failed copy not deleted', { copy: snapshot, code: codeOf(error) });
    }
  }
  return fresh;
}

/** The prune function clears them away. */
async function noteFailedImages({ ec2, ledger, clock, log }: WatchRun, plan: SitePlan): Promise<number> {
  const errors = (await ec2.images({ tags: { [TAG.plan]: [plan.plan] }, states: ['failed', 'error'] })).filter(({ tags }) => TAG.source in tags);
  if (errors.length === 0) return 0;
  const book = await CopyLedger.read(ledger, plan.plan);
  let fresh = 0;
  for (const { image, tags: { [TAG.source]: source } } of errors) {
    if (!await book.failed(source, image, clock.now(), expiry(plan, clock.now()))) continue;
    fresh++;
    log.warn('copy of an image failed', { source, image });
  }
  return fresh;
}

function expiry(plan: SitePlan, now: Millis): Millis {
  return now + 2 * lookBackSeconds(plan.rpoSeconds) * 1000;
}

/** What was the newest besides the snapshots when the set was complete. */
async function readExtras({ ec2, ledger, objects, settings }: WatchRun, plan: SitePlan): Promise<(set: SetView) => PointExtras> {
  const available = plan.images ? await ec2.images({ tags: { [TAG.plan]: [plan.plan] }, states: ['available'] }) : [];
  const images = new Map(newestImages(available.filter(({ tags }) => TAG.source in tags)).map((image) => [instanceOf(image), image]));
  const inventory = await ledger.get(LEDGER.inventory, plan.plan);
  const templateKey = settings.restore?.templateKey;
  const template = templateKey === undefined ? undefined : await objects.head(templateKey);
  return ({ instance }) => {
    const image = images.get(instance);
    return {
      ...image && { image: { image: image.image, source: image.tags[TAG.source], takenAt: parseSetId(image.tags[TAG.set]).scheduledAt } },
      ...inventory && { artifacts: { key: inventory.key as string, version: inventory.version as string } },
      ...templateKey !== undefined && template && { template: { key: templateKey, version: template.version } },
    };
  };
}

function instanceOf({ tags }: Image): string {
  return parseSetId(tags[TAG.set]).instance;
}

/** Manifest first: whoever reads the table finds it. */
async function record(run: WatchRun, plan: SitePlan, set: SetView, extras: (set: SetView) => PointExtras): Promise<LedgerItem> {
  const { ledger, objects, clock, log } = run;
  const point = recoveryPoint(set, extras(set));
  await objects.put(manifestKey(plan.plan, set.set), JSON.stringify(point), 'application/json');
  const item: LedgerItem = { pk: LEDGER.point(plan.plan), sk: pointKey(set.set), at: clock.now(), point };
  await ledger.claim(item);
  log.info('recovery point', { plan: plan.plan, set: set.set, consistency: point.consistency, members: point.members.length });
  return item;
}

/** Retention may have begun to delete a set after its snapshots were read. */
async function takeBack(run: WatchRun, plan: SitePlan, recorded: readonly SetView[]): Promise<void> {
  const deleted = await deletions(run, plan);
  for (const { set } of recorded.filter((view) => deleted.has(view.set))) {
    await run.ledger.remove(LEDGER.point(plan.plan), pointKey(set));
    await run.objects.remove(manifestKey(plan.plan, set));
  }
}

/** How long copies of a volume take, for the next ones' place in the queue. */
async function learnDurations(run: WatchRun, plan: SitePlan, sets: readonly SetView[], copies: readonly Snapshot[]): Promise<void> {
  const { ledger, clock } = run;
  const items = new Map((await ledger.list(LEDGER.lineage(plan.plan))).map((item) => [item.sk, item]));
  const first = new Map<string, Millis>();
  for (const copy of copies) first.set(lineageOf(copy), Math.min(copy.startedAt, first.get(lineageOf(copy)) ?? Infinity));
  const learnt = new Map<string, LedgerItem>();
  for (const copy of sets.flatMap(({ snapshots }) => snapshots).sort((a, b) => a.startedAt - b.startedAt)) {
    if (copy.completedAt === undefined) continue;
    const volume = lineageOf(copy);
    const before = learnt.get(volume) ?? items.get(volume);
    const kind = first.get(volume) === copy.startedAt && before === undefined ? 'fullMs' : 'incrementalMs';
    const expires = Math.ceil(expiry(plan, clock.now()) / 1000);
    const duration = { [kind]: copy.completedAt - copy.startedAt };
    learnt.set(volume, { ...before, pk: LEDGER.lineage(plan.plan), sk: volume, at: clock.now(), expires, ...duration });
  }
  await inParallel([...learnt.values()], WIDTH, async (item) => run.remainingMs() < END_MS / 2 || ledger.put(item));
}

/** Locks whole sets; the table remembers which are. */
async function lock({ ec2, ledger, clock, log }: WatchRun, { lock: settings }: SitePlan, items: readonly LedgerItem[]): Promise<void> {
  for (const item of items.filter(({ locked }) => locked !== true)) {
    const { set, members } = item.point as RecoveryPoint;
    try {
      for (const { snapshot } of members) await ec2.lockSnapshot({ snapshot, ...settings! });
      await ledger.put({ ...item, at: clock.now(), locked: true }, item.at);
    } catch (error) {
      log.warn('set not locked', { set, code: codeOf(error) });
    }
  }
}

/** Of the oldest one among the newest recovery points of the instances that count; of the plan itself while it has neither. */
async function recoveryPointAge(run: WatchRun, plan: SitePlan): Promise<Millis> {
  const { ledger, clock } = run;
  const now = clock.now();
  const pk = LEDGER.point(plan.plan);
  const roster = (await ledger.get(LEDGER.roster, plan.plan))?.instances as Readonly<Record<string, Millis>> | undefined;
  const isOld = ([instance, since]: readonly [string, Millis]) => !newest.has(instance) && since < lookBack(plan.rpoSeconds, now);
  let newest = newestTimes(await ledger.list(pk, fromKey(plan, now)));
  if (roster === undefined ? newest.size === 0 : Object.entries(roster).some(isOld)) newest = newestTimes(await ledger.list(pk));
  // An instance that is selected again after a time counts from then on, not from its last set before.
  const since = roster === undefined
    ? [...newest.values()]
    : Object.entries(roster).map(([instance, first]) => Math.max(first, newest.get(instance) ?? 0));
  if (since.length === 0) since.push(await firstLook(run, plan));
  return Math.max(0, ...since.map((time) => now - time));
}

/** A plan whose Region never answered, or that selects nothing, protects nothing: that must not look like a fresh recovery point. */
async function firstLook({ ledger, clock }: WatchRun, { plan }: SitePlan): Promise<Millis> {
  const item = await ledger.get(LEDGER.watched, plan);
  if (item !== undefined) return item.at;
  const now = clock.now();
  await ledger.claim({ pk: LEDGER.watched, sk: plan, at: now });
  return now;
}

function newestTimes(items: readonly LedgerItem[]): Map<string, Millis> {
  const newest = new Map<string, Millis>();
  for (const { point } of items) {
    const { instance, takenAt } = point as RecoveryPoint;
    newest.set(instance, Math.max(Date.parse(takenAt), newest.get(instance) ?? 0));
  }
  return newest;
}
