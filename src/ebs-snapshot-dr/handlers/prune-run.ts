import { manifestKey, pointKey } from './manifests';
import type { Ec2, Millis, Objects } from './ports';
import { LEDGER } from './ports';
import { prune, type Pruned, type PruneRun, type Side } from './prune';
import { readSets, type SetView } from './recovery-point';
import { codeOf, exclusively, SETTLING_MS } from './run';
import { lookBackSeconds, type PlanSettings, type RecoveryPoint, type SitePlan, type SiteSettings, TAG } from '../contract';

export interface PlanPruneRun extends PruneRun {
  readonly settings: PlanSettings;
  readonly siteAt: (region: string) => Ec2;
}

export interface SitePruneRun extends PruneRun {
  readonly settings: SiteSettings;
  readonly objects: Objects;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** In the plan's own Region. Undefined if another run is at work. */
export async function prunePlan(run: PlanPruneRun): Promise<Pruned | undefined> {
  const { clock, ledger, settings: { plan, retention, brake } } = run;
  return exclusively(`prune ${plan}`, run, () => prune(run, {
    kind: 'originals',
    plan,
    retention,
    brake,
    brokenAfterMs: HOUR_MS,
    archiveAfterDays: 0,
    known: async () => new Map((await ledger.list(LEDGER.set(plan)))
      // EC2 may not show a new set yet: that would look like one somebody deleted, and it would be taken again.
      .filter(({ at, state }) => state === 'taken' && clock.now() - at >= SETTLING_MS)
      .map(({ sk, snapshots }) => [sk, snapshots as readonly string[]])),
    forget: (set) => ledger.remove(LEDGER.set(plan), set),
    awaited: (sets) => awaitedBySites(run, sets),
    restoring: async () => new Set(),
  }));
}

/** Sets that a site has not copied as a whole and still may, and all if it does not answer. */
async function awaitedBySites(run: PlanPruneRun, sets: readonly SetView[]): ReturnType<Side['awaited']> {
  const { settings: { plan, rpoSeconds, sites }, clock, ledger, log } = run;
  // A day more than the sites look back: they may be late.
  const oldest = clock.now() - lookBackSeconds(rpoSeconds) * 1000 - DAY_MS;
  const awaited = new Set<string>();
  // What was there once, the site's own retention may have deleted since.
  const before = new Set((await ledger.list(LEDGER.copied(plan))).map(({ sk }) => sk));
  let unanswered = false;
  for (const { region, account } of sites) {
    try {
      const copies = account === undefined ? await run.siteAt(region).snapshots({ tags: { [TAG.plan]: [plan] } }) : [];
      const there = new Map(readSets(copies, 'copies').map((copy) => [copy.set, copy]));
      for (const { set, at } of sets) {
        const key = `${region}#${set}`;
        const copy = there.get(set);
        const mayCome = at > oldest || copy?.snapshots.some(({ state }) => state === 'pending');
        if (copy?.state === 'complete') {
          if (!before.has(key)) await ledger.put({ pk: LEDGER.copied(plan), sk: key, at: clock.now(), expires: expiry(at, rpoSeconds) });
        } else if (mayCome && !before.has(key)) {
          awaited.add(set);
        }
      }
    } catch (error) {
      log.warn('a site does not say which sets it has', { plan, region, code: codeOf(error) });
      unanswered = true;
      for (const { set } of sets) awaited.add(set);
    }
  }
  return { sets: awaited, unanswered };
}

/** Nobody asks for it any more when the sites have stopped looking. */
function expiry(at: Millis, rpoSeconds: number): number {
  return Math.ceil(at / 1000) + lookBackSeconds(rpoSeconds) + 7 * 86_400;
}

/**
 * All plans of a site, none of whose Regions is asked.
 *
 * @throws the first error, after all plans had their turn
 */
export async function pruneSite(run: SitePruneRun): Promise<Pruned> {
  const sum: Pruned = { deleted: 0, held: 0, imagesInUse: 0 };
  const errors: unknown[] = [];
  for (const plan of run.settings.plans) {
    try {
      const { deleted, held, imagesInUse } = await pruneCopies(run, plan) ?? { deleted: 0, held: 0, imagesInUse: 0 };
      sum.deleted += deleted;
      sum.held += held;
      sum.imagesInUse += imagesInUse;
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
  return sum;
}

async function pruneCopies(run: SitePruneRun, settings: SitePlan): Promise<Pruned | undefined> {
  const { ledger, objects } = run;
  const { plan, retention, brake, rpoSeconds, archiveAfterDays } = settings;
  return exclusively(`prune ${plan}`, run, () => prune(run, {
    kind: 'copies',
    plan,
    retention,
    brake,
    brokenAfterMs: lookBackSeconds(rpoSeconds) * 1000 + DAY_MS,
    archiveAfterDays,
    known: async () => new Map((await ledger.list(LEDGER.point(plan)))
      .map(({ point }) => point as RecoveryPoint)
      .map(({ set, members }) => [set, members.map(({ snapshot }) => snapshot)])),
    forget: async (set) => {
      await ledger.remove(LEDGER.point(plan), pointKey(set));
      await objects.remove(manifestKey(plan, set));
    },
    awaited: async () => ({ sets: new Set(), unanswered: false }),
    restoring: async () => new Set((await ledger.list(LEDGER.restore)).flatMap(({ sets }) => (sets ?? []) as readonly string[])),
  }));
}
