import type { Ec2, Freezer, Instance, LedgerItem, Millis, Tags, Volume } from './ports';
import { LEDGER } from './ports';
import { codeOf, inParallel, isRefusal, type Run, SETTLING_MS, Unfinished } from './run';
import { matches } from './selection';
import { isStranger, originalTags, userTags } from './set-tags';
import { EXCLUDE_TAG, METRIC, type PlanSettings, setId, TAG } from '../contract';

export interface TakeSetsRun extends Run {
  readonly settings: PlanSettings;
  readonly ec2: Ec2;
  /** Only if the plan freezes. */
  readonly freezer?: Freezer;
  /** `account/region`. */
  readonly origin: string;
}

export interface SetsTaken {
  readonly taken: number;
  /** Taken by an earlier invocation for the same time. */
  readonly before: number;
  readonly gone: number;
}

/** Instances at a time. */
const WIDTH = 8;
/** A set is not begun when less is left: freeze, call and record. */
const SET_MS = 20_000;
/** An answer of CreateSnapshots takes about so long; frozen for less, the wait is not begun. */
const MIN_CALL_MS = 2000;
const CLAIM_DAYS = 7;
/** EC2 user guide, Using_Tags. */
const MAX_TAGS = 50;
/** One snapshot of them at a time, and the set's is under way (EBS user guide, Quotas for Amazon EBS). */
const ONE_AT_A_TIME = ['st1', 'sc1'];

/** What is taken of an instance. */
interface Target {
  readonly instance: Instance;
  readonly set: string;
  readonly members: readonly Volume[];
  readonly excluded: readonly Volume[];
}

type Outcome = 'taken' | 'before' | 'gone' | /** Refused, now. */ 'failed' | /** Nobody knows yet whether there are snapshots. */ 'open' | 'left';

/**
 * A set of every instance the plan selects. Repeated for the same time it takes only what is missing.
 *
 * @throws {@link Unfinished} if a set could not be taken, or it is not known whether it was
 */
export async function takeSets(run: TakeSetsRun, scheduledAt: string): Promise<SetsTaken> {
  const { settings, ec2, clock, metrics } = run;
  const targets = (await ec2.instances())
    .filter(({ instance, tags }) => matches(settings.select, tags, instance))
    .map((instance) => targetOf(instance, scheduledAt))
    .filter(({ members }) => members.length > 0);
  const outcomes = new Map(targets.map((target): [Target, Outcome] => [target, 'left']));
  const settle = async (some: readonly Target[]) => {
    await inParallel(some, WIDTH, async (target) => outcomes.set(target, run.remainingMs() < SET_MS ? 'left' : await take(run, target)));
  };
  await settle(targets);
  const open = targets.filter((target) => outcomes.get(target) === 'open');
  if (open.length > 0 && run.remainingMs() > SETTLING_MS + SET_MS) {
    await clock.sleep(SETTLING_MS);
    await settle(open);
  }
  const count = (...kinds: readonly Outcome[]) => [...outcomes.values()].filter((outcome) => kinds.includes(outcome)).length;
  await takeImages(run, targets.filter((target) => ['taken', 'before'].includes(outcomes.get(target)!)), scheduledAt);
  metrics.count(settings.plan, METRIC.setsTaken, count('taken'));
  metrics.count(settings.plan, METRIC.setsFailed, count('failed', 'open', 'left'));
  if (count('failed', 'open', 'left') > 0) {
    throw new Unfinished(`${count('failed')} sets refused, ${count('open')} without an answer, ${count('left')} not begun, of ${targets.length}`);
  }
  return { taken: count('taken'), before: count('before'), gone: count('gone') };
}

function targetOf(instance: Instance, scheduledAt: string): Target {
  const isExcluded = ({ tags }: Volume) => EXCLUDE_TAG in tags;
  return {
    instance,
    set: setId(instance.instance, scheduledAt),
    members: instance.volumes.filter((volume) => !isExcluded(volume)),
    excluded: instance.volumes.filter(isExcluded),
  };
}

/** Claim → call → record. What an earlier invocation left between claim and record is looked for by its tags. */
async function take(run: TakeSetsRun, target: Target): Promise<Outcome> {
  const { ledger, clock, ec2, settings: { plan } } = run;
  const { set } = target;
  const earlier = await ledger.get(LEDGER.set(plan), set);
  switch (earlier?.state) {
    case undefined: {
      const claim = claimOf(run, set);
      return await ledger.claim(claim) ? create(run, target, claim) : 'open';
    }
    case 'taken': return 'before';
    case 'gone': return 'gone';
    case 'claimed': {
      if (clock.now() - earlier!.at < SETTLING_MS) return 'open';
      const query = { tags: { [TAG.plan]: [plan], [TAG.set]: [set] } };
      const found = [...await ec2.snapshots(query), ...await ec2.snapshots(query)];
      if (found.length > 0 && found.every((member) => !isStranger(member.tags, member.volume))) {
        await ledger.put({ ...earlier!, at: clock.now(), state: 'taken', snapshots: [...new Set(found.map((member) => member.snapshot))] });
        return 'taken';
      }
    }
  }
  // Of now, never of the earlier claim's time: one that looked like the other would let both make the call.
  const claim = claimOf(run, set);
  return claim.at > earlier!.at && await ledger.put(claim, earlier!.at) ? create(run, target, claim) : 'open';
}

function claimOf({ clock, settings }: TakeSetsRun, set: string): LedgerItem {
  const now = clock.now();
  return { pk: LEDGER.set(settings.plan), sk: set, at: now, state: 'claimed', expires: Math.ceil(now / 1000) + CLAIM_DAYS * 86_400 };
}

async function create(run: TakeSetsRun, target: Target, claim: LedgerItem): Promise<Outcome> {
  const { clock, ledger, log } = run;
  const { set, members } = target;
  const record = async (state: string, more: Readonly<Record<string, unknown>>) => {
    await ledger.put({ ...claim, at: clock.now(), state, ...more }, claim.at);
  };
  let made: Created;
  try {
    made = await snapshot(run, target, claim.at);
  } catch (error) {
    const code = codeOf(error);
    log.warn('set not taken', { set, code });
    if (!isRefusal(error)) return 'open';
    const gone = code.startsWith('InvalidInstanceID');
    await record(gone ? 'gone' : 'refused', { code });
    return gone ? 'gone' : 'failed';
  }
  const snapshots = made.map((member) => member.snapshot);
  if (made.length === members.length && members.every(({ volume }) => made.some((member) => member.volume === volume))) {
    await record('taken', { snapshots });
    return 'taken';
  }
  // Too late to tell its members the right tags: the set is taken anew when this is repeated.
  log.warn('volumes changed while a set was taken, it is not complete', { set, expected: members.length, made: made.length });
  await record('changed', { snapshots });
  return 'failed';
}

type Created = Awaited<ReturnType<Ec2['createSnapshots']>>;

/** While file systems are frozen, if they can be. Only the call's answer is waited for. */
async function snapshot(run: TakeSetsRun, { instance, set, members, excluded }: Target, at: Millis): Promise<Created> {
  const { clock, ec2, log, settings: { plan }, origin } = run;
  const frozen = await freeze(run, instance);
  try {
    const tags = originalTags(plan, set, at, instance, members, origin, frozen);
    const isRoot = ({ device }: Volume) => device === instance.rootDevice;
    const call = (copyVolumeTags: boolean) => ec2.createSnapshots({
      instance: instance.instance,
      excludeVolumes: excluded.filter((volume) => !isRoot(volume)).map(({ volume }) => volume),
      excludeRoot: excluded.some(isRoot),
      copyVolumeTags,
      tags,
      description: `${plan} ${set}`,
      ...frozen && { timeoutMs: frozen.until - clock.now() },
    });
    const withTheirs = members.every((volume) => mayCopyTags(volume, tags));
    return await call(withTheirs).catch((error: unknown) => {
      if (!withTheirs || codeOf(error) !== 'TagPolicyViolation') throw error;
      // Volumes may be older than the policy. A set without their tags is better than none.
      log.warn('a tag policy refuses the tags of volumes, their snapshots get ours only', { set });
      return call(false);
    });
  } finally {
    if (frozen) await thaw(run, instance, frozen.command);
  }
}

/** All of the volume's tags fit beside ours, and none of them is one of ours. */
function mayCopyTags({ tags }: Volume, own: Tags): boolean {
  const names = Object.keys(tags).filter((key) => !/^aws:/i.test(key));
  return Object.keys(userTags(tags, Infinity)).length === names.length && names.length + Object.keys(own).length <= MAX_TAGS;
}

type Frozen = Awaited<ReturnType<Freezer['freeze']>>;

/** Undefined if the set is to be crash-consistent. */
async function freeze(run: TakeSetsRun, instance: Instance): Promise<Frozen | undefined> {
  const { freezer, clock, log, metrics, settings: { plan } } = run;
  if (freezer === undefined || instance.state !== 'running') return undefined;
  try {
    const frozen = await freezer.freeze(instance.instance);
    if (frozen.until - clock.now() >= MIN_CALL_MS) return frozen;
    log.warn('frozen too late', { instance: instance.instance });
    await thaw(run, instance, frozen.command);
  } catch (error) {
    log.warn('not frozen', { instance: instance.instance, code: codeOf(error) });
  }
  metrics.count(plan, METRIC.freezesFailed, 1);
  return undefined;
}

async function thaw({ freezer, log }: TakeSetsRun, instance: Instance, command: string): Promise<void> {
  try {
    await freezer!.thaw(instance.instance, command);
  } catch (error) {
    log.warn('not thawed early, the watchdog does it', { instance: instance.instance, code: codeOf(error) });
  }
}

/** An image of each instance in every period. Its name is the period's, and names are unique: a repeated call makes no second one. */
async function takeImages(run: TakeSetsRun, targets: readonly Target[], scheduledAt: string): Promise<void> {
  const { clock, ec2, ledger, log, metrics, origin, settings: { plan, imageEveryHours } } = run;
  if (imageEveryHours === 0) return;
  const everyMs = imageEveryHours * 3_600_000;
  const period = new Date(Math.floor(Date.parse(scheduledAt) / everyMs) * everyMs).toISOString().slice(0, 16).replace(/[-:]/g, '');
  let failed = 0;
  await inParallel(targets, WIDTH, async ({ instance, members, excluded, set }) => {
    const key = { pk: LEDGER.image(plan), sk: instance.instance };
    if ((await ledger.get(key.pk, key.sk))?.period === period || run.remainingMs() < SET_MS) return;
    const common: Tags = { [TAG.plan]: plan, [TAG.origin]: origin };
    const leftOut = [...excluded, ...members.filter(({ type }) => ONE_AT_A_TIME.includes(type))];
    try {
      await ec2.createImage({
        instance: instance.instance,
        name: imageName(plan, instance.instance, period),
        excludeDevices: leftOut.map(({ device }) => device).filter((device) => device !== instance.rootDevice),
        imageTags: { ...common, [TAG.set]: set, ...instance.tags.Name && { [TAG.name]: instance.tags.Name } },
        snapshotTags: { ...common, [TAG.image]: set },
      });
    } catch (error) {
      if (codeOf(error) !== 'InvalidAMIName.Duplicate') {
        log.warn('image not made', { instance: instance.instance, code: codeOf(error) });
        failed++;
        return;
      }
    }
    await ledger.put({ ...key, at: clock.now(), period });
  });
  metrics.count(plan, METRIC.imagesFailed, failed);
}

/** 3 to 128 letters, digits, `()[] ./-'@_` (CreateImage API). */
export function imageName(plan: string, instance: string, period: string): string {
  const end = ` ${instance} ${period}`;
  return plan.replace(/[^A-Za-z0-9()[\] ./'@_-]/g, '-').slice(0, 128 - end.length) + end;
}

/** EventBridge Scheduler's `<aws.scheduler.scheduled-time>`, to the second. @throws if it is none */
export function scheduledTime(event: unknown): string {
  const { scheduledTime: text } = (event ?? {}) as { readonly scheduledTime?: unknown };
  const time: Millis = typeof text === 'string' ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new Error('the event must have a scheduledTime like \'2026-11-21T10:00:00Z\'');
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
