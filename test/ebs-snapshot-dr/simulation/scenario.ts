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
  /** Index of the site its copies go to. */
  readonly site: number;
  /** When it and, if it is the first one there, its site are deployed. */
  readonly from: number;
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

/** Sets every few hours, and the functions' real schedules and events. */
export interface BusyDays extends Spell {
  readonly everyMs: number;
}

/** All but one of a plan's instances move to its site, where a plan back protects them, and later home again. */
export interface Failback {
  readonly plan: number;
  readonly back: number;
  readonly at: number;
  readonly homeAt: number;
  /** Whoever restores gives volumes all tags of the snapshots they are made of, ours too. */
  readonly isCareless: boolean;
}

/**
 * One run. What it leaves out, so that a thousand take no day: functions tick every 20 to 30 minutes while something is to be done,
 * else once or twice a day and when an RPO passes, and prune every 2 to 20 days; sets are taken every 12 hours to 2 days of a small
 * fleet, every 7 days of the full one. Some runs of small fleets have a few days of real schedules and events. There is no freezing,
 * no artifact, no stack, and no way back from another account. A fifth of the runs has no fault at all.
 */
export interface Scenario {
  readonly seed: number;
  readonly size: Size;
  readonly days: number;
  /** No fault at all: then nothing may raise an alarm. */
  readonly fair: boolean;
  readonly plans: readonly PlanScenario[];
  /** Plans go to the first one, a plan back to the second. */
  readonly sites: readonly SiteScenario[];
  /** Copies EC2 allows in the site's Region. */
  readonly copyLimit: number;
  readonly maxSettleMs: number;
  /** So long describes may show what is gone. */
  readonly maxLingerMs: number;
  /** Accounts whose tag policy refuses some users' tags. */
  readonly strictAccounts: readonly string[];
  /** Longest time between ticks in which nothing happens. */
  readonly heartbeatMs: number;
  readonly pruneEveryMs: number;
  readonly weather: readonly Weather[];
  /** Share of schedules and events that come twice. */
  readonly repeated: number;
  /** The plan's Region answers nobody. */
  readonly dark: readonly (Spell & { readonly plan: number })[];
  /** No function of any site runs. */
  readonly dead: readonly Spell[];
  /** The first site's key is disabled. */
  readonly keyless: readonly Spell[];
  /** Somebody else's copies take slots of the first site. */
  readonly foreign: readonly Spell[];
  /** Days between changes of the fleet: instances replaced, volumes attached and detached, stopped and tagged anew. */
  readonly changeEveryDays: number;
  /** Share of old images that somebody uses. */
  readonly imagesInUse: number;
  /** Deleted snapshots go to the Recycle Bin, from which somebody takes one back now and then. */
  readonly recycleDays: number;
  readonly listsRecycled: boolean;
  readonly busy?: BusyDays;
  readonly failback?: Failback;
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
  const scenario: Scenario = {
    seed,
    size,
    days,
    fair,
    plans,
    sites: [{
      account: prng.chance(0.25) ? VAULT : OWN,
      region: prng.pick(sites),
      encrypted: prng.chance(0.6),
      maxCopies: prng.chance(0.3) ? 0 : copyLimit,
    }],
    copyLimit,
    maxSettleMs: prng.pick([0, 2000, 2 * MINUTE]),
    maxLingerMs: 0,
    strictAccounts: [],
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
    listsRecycled: false,
  };
  const more = {
    ...scenario,
    maxLingerMs: prng.pick([0, 0, MINUTE, 10 * MINUTE]),
    strictAccounts: prng.pick([[], [], [OWN, VAULT], [scenario.sites[0].account]]),
    listsRecycled: prng.chance(0.5),
    ...size === 'small' && prng.chance(0.35) && { busy: busyDays(prng, days) },
  };
  return more.sites[0].account === OWN && prng.chance(0.35) ? withFailback(more, prng) : more;
}

function busyDays(prng: Prng, days: number): BusyDays {
  const from = prng.int(3, days - QUIET_DAYS - 5) * DAY;
  return { from, until: from + prng.int(1, 3) * DAY, everyMs: prng.pick([1, 2, 6]) * HOUR };
}

/** The plan's Region is dark when its instances move, for good or for a while; a run without faults rehearses that. */
export function withFailback(scenario: Scenario, prng: Prng): Scenario {
  const { days, fair, plans, size, copyLimit } = scenario;
  const gone = scenario.dark.find(({ until }) => until === Infinity);
  const plan = gone?.plan ?? prng.int(0, plans.length - 1);
  const last = days - QUIET_DAYS;
  const at = (gone ? Math.min(gone.from + DAY, last * DAY) : prng.int(Math.floor(days / 5), Math.floor(days / 2)) * DAY) + 7 * HOUR;
  const [least] = INSTANCES[size];
  const from = plans[plan];
  const back: PlanScenario = { ...from, ...drawnOf(prng, size, fair), plan: 'back', region: scenario.sites[0].region, site: 1, from: at, instances: 0 };
  const outage = { plan, from: at - prng.int(1, 20) * HOUR, until: Math.min(at + prng.int(1, 20 * 24) * HOUR, last * DAY) };
  return {
    ...scenario,
    plans: [...plans.map((each, i) => i === plan ? { ...each, instances: Math.max(each.instances, least, 2) } : each), back],
    sites: [...scenario.sites, { account: OWN, region: from.region, encrypted: prng.chance(0.6), maxCopies: prng.chance(0.3) ? 0 : copyLimit }],
    dark: fair || gone ? scenario.dark : [...scenario.dark, outage],
    failback: {
      plan, back: plans.length, at, homeAt: at + prng.int(Math.floor(days / 10), Math.floor(days / 3)) * DAY, isCareless: prng.chance(0.5),
    },
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
  return regions.map((region, i) => ({ plan: `plan-${i}`, region, site: 0, from: 0, instances, ...drawnOf(prng, size, fair) }));
}

type Drawn = Omit<PlanScenario, 'plan' | 'region' | 'site' | 'from' | 'instances'>;

function drawnOf(prng: Prng, size: Size, fair: boolean): Drawn {
  const everyMs = prng.pick(EVERY[size]);
  const images = prng.chance(0.3) && size !== 'full';
  return {
    select: prng.pick(SELECTIONS),
    everyMs,
    // A slot is used once a tick: 500 copies in 60 slots really take up to six hours.
    rpoMs: everyMs + prng.pick([size === 'full' ? 12 * HOUR : 6 * HOUR, DAY]),
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
    // Prunes that are days apart find what hourly ones would have let through long before: with less, brakes hold without a fault.
    brake: fair || prng.chance(0.8) ? { maxSets: 100_000, maxShare: 1 } : { maxSets: 20, maxShare: 0.2 },
    imageEveryHours: images ? prng.pick([24 * 7, 24 * 30]) : 0,
    lockDays: prng.chance(0.2) ? prng.pick([1, 7]) : 0,
    archiveAfterDays: prng.chance(0.2) ? 60 : 0,
  };
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
