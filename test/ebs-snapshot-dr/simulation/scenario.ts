import type { Brake, RetentionPolicy, Selection } from '../../../src/ebs-snapshot-dr/contract';
import type { FateRates } from '../../kit/fakes/ec2';
import { hash32, Prng } from '../../kit/faults';
import { retention } from '../builders';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const OWN = '111122223333';
export const VAULT = '444455556666';
export const REGIONS = ['us-east-1', 'eu-west-1', 'us-west-2'] as const;

/** Something that goes on from one day to another. */
export interface Spell {
  readonly from: number;
  readonly until: number;
}

/** Faults of one kind over some days. */
export interface Weather extends Spell {
  readonly fates: FateRates;
  /** Of sets and of copies that end in an error inside EC2. */
  readonly mishaps: { readonly set: number; readonly copy: number };
}

export interface PlanScenario {
  readonly plan: string;
  readonly region: string;
  readonly instances: number;
  readonly select: Selection;
  readonly everyMs: number;
  readonly rpoMs: number;
  readonly sourceRetention: RetentionPolicy;
  readonly siteRetention: RetentionPolicy;
  readonly brake: Brake;
  readonly imageEveryHours: number;
  readonly lockDays: number;
  readonly archiveAfterDays: number;
}

export interface SiteScenario {
  readonly account: string;
  readonly region: string;
  readonly encrypted: boolean;
  readonly maxCopies: number;
}

/**
 * One run. What it leaves out, so that a thousand take no day: functions tick every 20 to 30 minutes while something is to be done and
 * else once or twice a day, and prune every 2 to 20 days; sets are taken every 12 hours to 2 days of a small fleet, every 7 days of
 * the full one; there is no freezing, no artifact, no restored stack and no plan back. A fifth of the runs has no fault at all.
 */
export interface Scenario {
  readonly seed: number;
  readonly size: Size;
  readonly days: number;
  /** No fault at all: then nothing may raise an alarm. */
  readonly fair: boolean;
  readonly plans: readonly PlanScenario[];
  /** All plans go to this one. */
  readonly site: SiteScenario;
  /** Copies EC2 allows in the site's Region. */
  readonly copyLimit: number;
  readonly maxSettleMs: number;
  /** Longest time between ticks in which nothing happens. */
  readonly heartbeatMs: number;
  readonly pruneEveryMs: number;
  readonly weather: readonly Weather[];
  /** Share of schedules and events that come twice. */
  readonly repeated: number;
  /** The plan's Region answers nobody. */
  readonly dark: readonly (Spell & { readonly plan: number })[];
  /** No function of the site runs. */
  readonly dead: readonly Spell[];
  /** The site's key is disabled. */
  readonly keyless: readonly Spell[];
  /** Somebody else's copies take slots. */
  readonly foreign: readonly Spell[];
  /** Days between changes of the fleet: instances replaced, volumes attached and detached, stopped and tagged anew. */
  readonly changeEveryDays: number;
  /** Share of old images that somebody uses. */
  readonly imagesInUse: number;
  /** Deleted snapshots go to the Recycle Bin, from which somebody takes one back now and then. */
  readonly recycleDays: number;
}

export type Size = 'small' | 'middle' | 'full';
/** Of a fleet, over all plans. */
const INSTANCES: Readonly<Record<Size, readonly [number, number]>> = { small: [2, 5], middle: [12, 30], full: [120, 120] };
/** At the end everything has to come to rest. */
export const QUIET_DAYS = 15;

/** One run in twenty has the full fleet, of which each volume is snapshotted every few days; the smaller the fleet, the more often. */
export function sizeOf(seed: number): Size {
  const roll = hash32(seed, 'size') % 100;
  return roll < 5 ? 'full' : roll < 25 ? 'middle' : 'small';
}

const SLOTS: Readonly<Record<Size, readonly number[]>> = { small: [5, 20], middle: [20], full: [60, 100] };
const EVERY: Readonly<Record<Size, readonly number[]>> = { small: [12 * HOUR, DAY, 2 * DAY], middle: [2 * DAY, 4 * DAY], full: [7 * DAY] };

export function scenarioOf(seed: number, days = 400, size = sizeOf(seed)): Scenario {
  const prng = new Prng(hash32(seed, 'scenario'));
  const fair = prng.chance(0.2);
  const plans = plansOf(prng, size, fair);
  const spells = (most: number, longest: number): Spell[] => fair ? [] : Array.from({ length: prng.int(0, most) }, () => {
    const from = prng.int(5, Math.max(6, days - QUIET_DAYS - longest - 1)) * DAY + prng.int(0, 23) * HOUR;
    return { from, until: Math.min(from + prng.int(1, longest * 24) * HOUR, (days - QUIET_DAYS) * DAY) };
  });
  // As ticks come without events, a slot is used once a tick: few slots and many copies would really be late.
  const copyLimit = prng.pick(SLOTS[size]);
  const sites = REGIONS.filter((region) => plans.every((plan) => plan.region !== region));
  const isGone = !fair && prng.chance(0.15);
  const gone = { plan: 0, from: prng.int(Math.floor(days / 2), days - 5) * DAY, until: Infinity };
  return {
    seed,
    size,
    days,
    fair,
    plans,
    site: {
      account: prng.chance(0.25) ? VAULT : OWN,
      region: prng.pick(sites),
      encrypted: prng.chance(0.6),
      maxCopies: prng.chance(0.3) ? 0 : copyLimit,
    },
    copyLimit,
    maxSettleMs: prng.pick([0, 2000, 2 * MINUTE]),
    heartbeatMs: size === 'small' ? 12 * HOUR : DAY,
    pruneEveryMs: size === 'small' ? 2 * DAY : size === 'middle' ? 5 * DAY : 20 * DAY,
    weather: spells(6, 20).map((spell) => ({ ...spell, ...weatherOf(prng) })),
    repeated: fair ? 0 : prng.pick([0, 0.1, 0.5]),
    dark: [...spells(2, 12).map((spell) => ({ ...spell, plan: prng.int(0, plans.length - 1) })), ...isGone ? [gone] : []],
    dead: spells(2, 6),
    keyless: spells(2, 4),
    foreign: spells(4, 10),
    changeEveryDays: prng.pick([5, 20, 60]),
    imagesInUse: prng.pick([0, 0.3]),
    recycleDays: prng.chance(0.3) ? 7 : 0,
  };
}

const SELECTIONS: readonly Selection[] = [
  { kind: 'tag', key: 'dr', values: ['gold'] },
  { kind: 'all', of: [{ kind: 'tag', key: 'dr', values: ['g*'] }, { kind: 'not', of: { kind: 'tag', key: 'env', values: ['dev'] } }] },
];

function plansOf(prng: Prng, size: Size, fair: boolean): PlanScenario[] {
  const regions = prng.shuffle([...REGIONS]).slice(0, size === 'full' ? 1 : prng.int(1, 2));
  const [least, most] = INSTANCES[size];
  const instances = Math.ceil(prng.int(least, most) / regions.length);
  return regions.map((region, i) => {
    const everyMs = prng.pick(EVERY[size]);
    const images = prng.chance(0.3) && size !== 'full';
    return {
      plan: `plan-${i}`,
      region,
      instances,
      select: prng.pick(SELECTIONS),
      everyMs,
      rpoMs: everyMs + prng.pick([6 * HOUR, DAY]),
      sourceRetention: prng.chance(0.5) ? retention({ withinHours: prng.pick([48, 24 * 7]) }) : retention({ last: prng.int(1, 5) }),
      siteRetention: retention({
        last: prng.int(0, 3),
        daily: prng.int(0, 10),
        weekly: prng.int(0, 5),
        monthly: prng.int(0, 12),
        yearly: prng.int(0, 2),
        withinHours: prng.pick([0, 0, 24, 24 * 5]),
        withinWeeklyHours: prng.pick([0, 0, 24 * 50]),
        timeZone: prng.pick(['UTC', 'Europe/Berlin', 'America/New_York']),
      }),
      brake: fair || prng.chance(0.8) ? { maxSets: 100_000, maxShare: 1 } : { maxSets: 20, maxShare: 0.2 },
      imageEveryHours: images ? prng.pick([24 * 7, 24 * 30]) : 0,
      lockDays: prng.chance(0.2) ? prng.pick([1, 7]) : 0,
      archiveAfterDays: prng.chance(0.2) ? 60 : 0,
    };
  });
}

/** What may happen to a call. */
const KINDS = ['throttled', 'refused', 'lost', 'late', 'empty', 'partial', 'slow', 'killed-before', 'killed-after'] as const;

function weatherOf(prng: Prng): Omit<Weather, 'from' | 'until'> {
  const rate = prng.pick([0.002, 0.01, 0.05]);
  const kinds = prng.shuffle([...KINDS]).slice(0, prng.int(1, 4));
  return {
    fates: Object.fromEntries(kinds.map((kind) => [kind, rate])),
    mishaps: { set: prng.pick([0, 0.05, 0.3]), copy: prng.pick([0, 0.05, 0.3]) },
  };
}
