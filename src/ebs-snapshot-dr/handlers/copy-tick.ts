import { createHash } from 'node:crypto';
import { CopyLedger, prospects } from './copy-ledger';
import { lookBack, recentSets } from './look-back';
import type { CopyCandidate, Ec2, Image, Instance, Millis, Quotas, Snapshot, Tags } from './ports';
import { LEDGER } from './ports';
import { newestImages } from './prune';
import { lineageOf, readSets, type SetView } from './recovery-point';
import { codeOf, exclusively, inParallel, isRefusal, type Run } from './run';
import { matches } from './selection';
import { copyTags, ownCopyTags } from './set-tags';
import { chooseCopies } from './slots';
import { EXCLUDE_TAG, lookBackSeconds, METRIC, type SitePlan, type SiteSettings, TAG } from '../contract';

export interface CopyRun extends Run {
  readonly settings: SiteSettings;
  /** Of the site. */
  readonly ec2: Ec2;
  /** EC2 of the plan's Region as the plan's own account sees it: others see no tags there. */
  readonly sourceOf: (plan: SitePlan) => Ec2;
  readonly quotas: Quotas;
  /** Key for the copies. */
  readonly key?: string;
}

export interface CopiesStarted {
  readonly started: number;
  readonly queued: number;
}

/** Copies begun at a time. */
const WIDTH = 4;
/** A copy is not begun when less is left: claim, call and record. */
const COPY_MS = 15_000;
/** The table forgets a copy so long after nobody looks for its source any more. */
const MEMORY_MS = 7 * 86_400_000;

/** Until a lineage's own figures are known: what a copy takes anyway, and for each GiB of a full one. */
const BASE_MS = 5 * 60_000;
const GIB_MS = 10_000;

/** Completion times of time-based copies (CopySnapshot API). */
const COMPLETION_STEP_MINUTES = 15;
const MAX_COMPLETION_MINUTES = 2880;

/** A copy that could begin, with what beginning it takes. */
interface Candidate extends CopyCandidate {
  readonly original: Snapshot;
}

/** One plan at the moment of this tick. */
interface PlanView {
  readonly plan: SitePlan;
  readonly copies: CopyLedger;
  readonly candidates: readonly Candidate[];
  readonly images: readonly Image[];
  /** Copies the plan's own query shows as under way. */
  readonly underWay: readonly Snapshot[];
  /** Volumes of copies begun a short time ago that EC2 does not show yet. */
  readonly unseen: readonly string[];
}

/** Fills the Region's free slots with the copies that are most urgent. Undefined if another tick is at work. */
export async function copyTick(run: CopyRun): Promise<CopiesStarted | undefined> {
  return exclusively('copy', run, async () => {
    const { settings, ec2, clock, metrics } = run;
    const limit = settings.maxCopies || await run.quotas.concurrentSnapshotCopies();
    const pending = await ec2.snapshots({ states: ['pending'] });
    // Side by side: a Region that does not answer keeps its own plans waiting only.
    const views = (await inParallel(settings.plans, WIDTH, (plan) => look(run, plan))).filter((view) => view !== undefined);
    // Two answers of EC2, either of which may lack something.
    const underWay = new Map([...pending.filter(({ transferType }) => transferType !== undefined), ...views.flatMap((view) => view.underWay)]
      .map((copy) => [copy.snapshot, lineageOf(copy)]));
    const unseen = views.flatMap((view) => view.unseen);
    const inFlight = { total: underWay.size + unseen.length, volumes: new Set([...underWay.values(), ...unseen]) };
    const now = clock.now();
    const candidates = views.flatMap((view) => view.candidates);
    const chosen = chooseCopies(candidates, inFlight, limit, now) as Candidate[];
    const begun = await begin(run, views, chosen);
    for (const { plan: { plan }, candidates: waiting } of views) {
      const started = waiting.filter((candidate) => begun.has(candidate)).length;
      const late = waiting.filter(({ superseded, deadline, estimateMs }) => !superseded && now + estimateMs > deadline);
      metrics.count(plan, METRIC.copiesStarted, started);
      metrics.count(plan, METRIC.copiesQueued, waiting.length - started);
      metrics.count(plan, METRIC.copiesLate, late.length);
    }
    const free = Math.max(1, limit - inFlight.total - begun.size);
    await copyImages(run, views, free);
    return { started: begun.size, queued: candidates.length - begun.size };
  });
}

/** Undefined if the plan's Region does not answer: the other plans' copies go on. */
async function look(run: CopyRun, plan: SitePlan): Promise<PlanView | undefined> {
  const { ec2, ledger, clock, log } = run;
  const source = run.sourceOf(plan);
  const now = clock.now();
  const query = recentSets(plan.plan, plan.rpoSeconds, now);
  let originals: readonly Snapshot[];
  let images: readonly Image[] = [];
  try {
    originals = await source.snapshots({ ...query, states: ['completed'] });
    if (plan.images) images = await source.images({ tags: { [TAG.plan]: [plan.plan] }, states: ['available'] });
  } catch (error) {
    log.warn('the plan\'s Region does not answer', { plan: plan.plan, region: plan.region, code: codeOf(error) });
    return undefined;
  }
  const roster = await callTheRoll(run, plan, source);
  const copies = (await ec2.snapshots(query)).filter(({ tags }) => TAG.source in tags);
  const book = await CopyLedger.read(ledger, plan.plan);
  const durations = new Map((await ledger.list(LEDGER.lineage(plan.plan))).map((item) => [item.sk, item]));
  const sets = readSets(originals, 'originals').filter(({ state, at, origin }) => (
    state === 'complete' && at >= lookBack(plan.rpoSeconds, now) && !origin.endsWith(`/${ec2.region}`)));
  const shown = new Set(copies.filter(({ state }) => state !== 'recoverable').map(({ tags }) => tags[TAG.source]));
  const lineages = new Set(copies.filter(({ state }) => state === 'completed').map(lineageOf));
  const estimate = ({ volume, sizeGiB }: Snapshot): Millis => {
    const known = durations.get(volume)?.[lineages.has(volume) ? 'incrementalMs' : 'fullMs'];
    return typeof known === 'number' ? known : BASE_MS + (lineages.has(volume) ? 0 : sizeGiB * GIB_MS);
  };
  const stands = sets.map((set): Standing => ({
    set,
    waiting: set.snapshots.filter(({ snapshot }) => !shown.has(snapshot)).map((original) => (
      { original, prospect: prospects(book.of(original.snapshot), now), estimateMs: estimate(original) })),
  }));
  // All copies of a set under way are as good as its recovery point: what is urgent now is the next one.
  const covered = newestOf(readSets(copies, 'copies').filter(({ state }) => state === 'complete' || state === 'pending'));
  const urgent = urgentOf(stands.filter(({ set }) => set.at > (covered.get(set.instance)?.at ?? -Infinity)));

  const candidates: Candidate[] = [];
  const unseen: string[] = [];
  for (const { set, waiting } of stands) {
    const superseded = urgent.get(set.instance) !== set;
    const good = covered.get(set.instance);
    const seen = roster[set.instance];
    // An instance without any recovery point is the more urgent the longer that lasts; one selected again counts from then on.
    const from = superseded ? set.takenAt : good ? Math.max(good.takenAt, seen ?? 0) : Math.min(set.takenAt, seen ?? Infinity);
    for (const { original, prospect, estimateMs } of waiting) {
      if (prospect === 'unseen') unseen.push(original.volume);
      if (prospect !== 'start') continue;
      candidates.push({
        plan: plan.plan,
        set: set.set,
        source: original.snapshot,
        volume: original.volume,
        takenAt: set.takenAt,
        deadline: from + plan.rpoSeconds * 1000,
        estimateMs,
        superseded,
        original,
      });
    }
  }
  return { plan, copies: book, candidates, images, unseen, underWay: copies.filter(({ state }) => state === 'pending') };
}

/** How far the copies of a set are. */
interface Standing {
  readonly set: SetView;
  /** Originals whose copies EC2 does not show. */
  readonly waiting: ReadonlyArray<{ readonly original: Snapshot; readonly prospect: ReturnType<typeof prospects>; readonly estimateMs: Millis }>;
}

/**
 * Each instance's set that is copied first: the newest one, unless an older one is begun and can be finished, of these the one
 * with the least left to do. If newer ones went first, more copies than slots would leave every set half copied for ever.
 */
function urgentOf(stands: readonly Standing[]): ReadonlyMap<string, SetView> {
  const urgent = new Map<string, { readonly set: SetView; readonly leftMs: Millis }>();
  for (const { set, waiting } of stands) {
    const left = waiting.filter(({ prospect }) => prospect !== 'unseen');
    const isBegun = left.length > 0 && left.length < set.snapshots.length && left.every(({ prospect }) => prospect === 'start');
    const leftMs = isBegun ? left.reduce((sum, { estimateMs }) => sum + estimateMs, 0) : Infinity;
    const other = urgent.get(set.instance);
    if (other === undefined || leftMs < other.leftMs || (leftMs === other.leftMs && set.at > other.set.at)) urgent.set(set.instance, { set, leftMs });
  }
  return new Map([...urgent].map(([instance, { set }]) => [instance, set]));
}

function newestOf(sets: readonly SetView[]): Map<string, SetView> {
  const newest = new Map<string, SetView>();
  for (const set of sets) {
    if (set.at > (newest.get(set.instance)?.at ?? -Infinity)) newest.set(set.instance, set);
  }
  return newest;
}

/** Instance → when it was first seen. */
type Roster = Readonly<Record<string, Millis>>;

/**
 * Writes down which instances the RPO counts for, for the time when nobody can be asked. What an answer lacks may still be there:
 * an instance that was known goes when EC2 shows it unselected, or says that it has none of that id. No instances at all is no
 * answer.
 */
async function callTheRoll({ ledger, clock, log }: CopyRun, plan: SitePlan, source: Ec2): Promise<Roster> {
  const earlier = ((await ledger.get(LEDGER.roster, plan.plan))?.instances ?? {}) as Roster;
  let selected: readonly string[];
  try {
    selected = await selectedInstances(plan, source, earlier);
  } catch (error) {
    // The last ones known count on, and copies need none.
    log.warn('the plan\'s Region does not tell its instances', { plan: plan.plan, region: plan.region, code: codeOf(error) });
    return earlier;
  }
  if (selected.length === 0) {
    log.warn('the plan selects no instance', { plan: plan.plan, before: Object.keys(earlier).length });
    return earlier;
  }
  const now = clock.now();
  const roster = Object.fromEntries(selected.map((instance) => [instance, earlier[instance] ?? now]));
  await ledger.put({ pk: LEDGER.roster, sk: plan.plan, at: now, instances: roster });
  return roster;
}

async function selectedInstances(plan: SitePlan, source: Ec2, earlier: Roster): Promise<readonly string[]> {
  const instances = await source.instances();
  if (instances.length === 0) return [];
  const counts = ({ instance, tags, volumes }: Instance) => (
    matches(plan.select, tags, instance) && volumes.some((volume) => !(EXCLUDE_TAG in volume.tags)));
  const shown = new Set(instances.map(({ instance }) => instance));
  const unseen = Object.keys(earlier).filter((instance) => !shown.has(instance));
  const there = await inParallel(unseen, WIDTH, (instance) => source.hasInstance(instance));
  return [...instances.filter(counts).map(({ instance }) => instance), ...unseen.filter((_, i) => there[i])];
}

/** Claim → call → record, until EC2 says that there are enough. */
async function begin(run: CopyRun, views: readonly PlanView[], chosen: readonly Candidate[]): Promise<ReadonlySet<CopyCandidate>> {
  const { ec2, clock, log, key } = run;
  const begun = new Set<CopyCandidate>();
  let full = false;
  await inParallel(chosen, WIDTH, async (candidate) => {
    if (full || run.remainingMs() < COPY_MS) return;
    const { plan, copies } = views.find((view) => view.plan.plan === candidate.plan)!;
    const { source, original, deadline } = candidate;
    // Begun before, by a run that did not hear what became of it: the list may lack it.
    if (copies.of(source)?.state === 'claimed' && await isThere(run, source)) return;
    const claim = await copies.claim(source, clock.now(), expiry(plan, candidate.takenAt));
    if (claim === undefined) return;
    let copy: string;
    try {
      const copyWith = (tags: Tags) => ec2.copySnapshot({
        source,
        sourceRegion: plan.region,
        key,
        // A time that EC2 will not promise must not cost the copy: further attempts take as long as they take.
        ...plan.timedCopies && claim.attempts < timedAttempts(plan) && { completionMinutes: completionMinutes(deadline - clock.now()) },
        tags,
        description: `${plan.plan} ${candidate.set} ${source}`,
      });
      copy = await copyWith(copyTags(original)).catch((error: unknown) => {
        if (codeOf(error) !== 'TagPolicyViolation') throw error;
        // What the organization forbids of the user's tags is not ours to guess.
        log.warn('a tag policy refuses the tags of a copy, it gets ours only', { source });
        return copyWith(ownCopyTags(original));
      });
    } catch (error) {
      const code = codeOf(error);
      full ||= code === 'ResourceLimitExceeded';
      if (code === 'ResourceLimitExceeded' || code === 'RequestLimitExceeded') return copies.queued(claim, clock.now());
      log.warn('copy not started', { source, code });
      if (isRefusal(error)) await copies.refused(claim, clock.now());
      return;
    }
    begun.add(candidate);
    await copies.started(claim, copy, clock.now());
  });
  return begun;
}

async function isThere({ ec2 }: CopyRun, source: string): Promise<boolean> {
  const found = await ec2.snapshots({ tags: { [TAG.source]: [source] } });
  return found.some(({ state }) => state !== 'error' && state !== 'recoverable');
}

function expiry(plan: SitePlan, takenAt: Millis): Millis {
  return takenAt + lookBackSeconds(plan.rpoSeconds) * 1000 + MEMORY_MS;
}

/** The first attempt at a set of another account may come before its share. */
function timedAttempts({ account }: SitePlan): number {
  return account === undefined ? 1 : 2;
}

function completionMinutes(leftMs: Millis): number {
  const steps = Math.floor(leftMs / 60_000 / COMPLETION_STEP_MINUTES);
  return Math.min(Math.max(steps, 1) * COMPLETION_STEP_MINUTES, MAX_COMPLETION_MINUTES);
}

/** The newest image of each instance comes along. The same token is the same copy, so a lost answer does no harm. */
async function copyImages(run: CopyRun, views: readonly PlanView[], most: number): Promise<void> {
  const { ec2, clock, log, metrics, key } = run;
  let free = most;
  for (const { plan, copies, images } of views.filter((view) => view.plan.images)) {
    const there = await ec2.images({ tags: { [TAG.plan]: [plan.plan] } });
    const copied = new Set(there.filter(({ state }) => state === 'pending' || state === 'available').map(({ tags }) => tags[TAG.source]));
    let failed = 0;
    for (const image of newestImages(images.filter(({ tags }) => !(TAG.source in tags) && !tags[TAG.origin]?.endsWith(`/${ec2.region}`)))) {
      if (free === 0 || run.remainingMs() < COPY_MS) break;
      if (copied.has(image.image) || prospects(copies.of(image.image), clock.now()) !== 'start') continue;
      const claim = await copies.claim(image.image, clock.now(), Math.max(image.createdAt, clock.now()) + 10 * MEMORY_MS);
      if (claim === undefined) continue;
      free--;
      let copy: string;
      try {
        const { [TAG.set]: set, [TAG.origin]: origin, [TAG.name]: name } = image.tags;
        const common = { [TAG.plan]: plan.plan, [TAG.origin]: origin };
        copy = await ec2.copyImage({
          source: image.image,
          sourceRegion: plan.region,
          // A copy that failed keeps its name until it is cleared away.
          name: claim.attempts === 0 ? image.name : `${image.name.slice(0, 124)} ${claim.attempts}`,
          key,
          token: createHash('sha256').update(`${image.image} ${ec2.region} ${claim.attempts}`).digest('hex'),
          imageTags: { ...common, [TAG.set]: set, [TAG.source]: image.image, ...name !== undefined && { [TAG.name]: name } },
          snapshotTags: { ...common, [TAG.image]: set, [TAG.source]: image.image },
        });
      } catch (error) {
        const code = codeOf(error);
        if (/LimitExceeded$/.test(code)) {
          await copies.queued(claim, clock.now());
          break;
        }
        failed++;
        log.warn('image not copied', { image: image.image, code });
        if (isRefusal(error)) await copies.refused(claim, clock.now());
        continue;
      }
      await copies.started(claim, copy, clock.now());
    }
    metrics.count(plan.plan, METRIC.imagesFailed, failed);
  }
}
