/**
 * What the runs of this room need of the world. The SDK implements these ports in the functions; the simulation implements
 * them over a model of EC2 with a virtual clock. Errors carry EC2's code as `name`; whoever implements a port retries
 * throttles (`RequestLimitExceeded`), reads all pages, and throws if it cannot: no answer is ever partial.
 */
import type { ProbeRequest, RecoveryPoint } from '../contract';

/** Milliseconds since 1970. */
export type Millis = number;

export interface Clock {
  now(): Millis;
  sleep(ms: number): Promise<void>;
}

export interface Volume {
  readonly volume: string;
  /** "/dev/sdf". */
  readonly device: string;
  /** "gp3". */
  readonly type: string;
  readonly sizeGiB: number;
  readonly tags: Tags;
}

export type Tags = Readonly<Record<string, string>>;

export interface Instance {
  readonly instance: string;
  readonly state: string;
  readonly tags: Tags;
  readonly rootDevice: string;
  readonly volumes: readonly Volume[];
}

export type SnapshotState = 'pending' | 'completed' | 'error' | 'recoverable' | 'recovering';

export interface Snapshot {
  readonly snapshot: string;
  readonly state: SnapshotState;
  readonly stateMessage?: string;
  /** Of a copy: arbitrary. */
  readonly volume: string;
  readonly startedAt: Millis;
  readonly completedAt?: Millis;
  readonly sizeGiB: number;
  readonly encrypted: boolean;
  readonly key?: string;
  readonly tags: Tags;
  /** On copies only, also foreign ones. */
  readonly transferType?: 'standard' | 'time-based';
  readonly tier: 'standard' | 'archive';
  readonly description: string;
}

export interface Image {
  readonly image: string;
  readonly state: 'pending' | 'available' | 'failed' | 'error' | 'invalid' | 'transient' | 'deregistered' | 'disabled';
  readonly createdAt: Millis;
  readonly name: string;
  readonly tags: Tags;
  readonly snapshots: readonly string[];
}

/** All conditions hold; values of one are alternatives; `*` stands for any characters, as in EC2's filters. */
export interface Query {
  readonly tags?: Readonly<Record<string, readonly string[]>>;
  readonly states?: readonly string[];
  readonly ids?: readonly string[];
}

/** EC2 of one Region. */
export interface Ec2 {
  readonly region: string;
  /** Instances of the account with their attached volumes, running, stopped or between both. */
  instances(): Promise<readonly Instance[]>;
  /** False only if EC2 says that there is none of this id, or that it is terminated. */
  hasInstance(instance: string): Promise<boolean>;
  /** The account's own snapshots. Ids that are not there are left out. */
  snapshots(query: Query): Promise<readonly Snapshot[]>;
  images(query: Query): Promise<readonly Image[]>;
  /** All of the instance's volumes but the excluded ones, as one set. */
  createSnapshots(request: {
    readonly instance: string;
    readonly excludeVolumes: readonly string[];
    readonly excludeRoot: boolean;
    readonly copyVolumeTags: boolean;
    readonly tags: Tags;
    readonly description: string;
    /** Ends the wait for the answer; what EC2 does is then unknown. */
    readonly timeoutMs?: number;
  }): Promise<ReadonlyArray<{ readonly snapshot: string; readonly volume: string }>>;
  /** Copies into this Region. */
  copySnapshot(request: {
    readonly source: string;
    readonly sourceRegion: string;
    /** Default: encrypted as the source or this Region's default says. */
    readonly key?: string;
    readonly completionMinutes?: number;
    readonly tags: Tags;
    readonly description: string;
  }): Promise<string>;
  createImage(request: {
    readonly instance: string;
    readonly name: string;
    readonly excludeDevices: readonly string[];
    readonly imageTags: Tags;
    readonly snapshotTags: Tags;
  }): Promise<string>;
  /** Copies into this Region; the same token is the same copy. */
  copyImage(request: {
    readonly source: string;
    readonly sourceRegion: string;
    readonly name: string;
    readonly key?: string;
    readonly token: string;
    readonly imageTags: Tags;
    readonly snapshotTags: Tags;
  }): Promise<string>;
  deleteSnapshot(snapshot: string): Promise<void>;
  /** Leaves its snapshots. */
  deregisterImage(image: string): Promise<void>;
  /** Which of the images launch templates (default and latest version), launch configurations, Auto Scaling groups or instances of the Region use. */
  imagesInUse(images: readonly string[]): Promise<ReadonlySet<string>>;
  lockSnapshot(request: { readonly snapshot: string; readonly mode: 'governance' | 'compliance'; readonly days: number; readonly coolOffHours?: number }): Promise<void>;
  /** Which of the snapshots are locked now. */
  lockedSnapshots(snapshots: readonly string[]): Promise<ReadonlySet<string>>;
  archiveSnapshot(snapshot: string): Promise<void>;
  shareSnapshot(snapshot: string, account: string): Promise<void>;
}

/** Copies under way in a Region at most. */
export interface Quotas {
  concurrentSnapshotCopies(): Promise<number>;
}

/** Item of a Region's table. Each kind of item has its own `pk`: see {@link ledgerKey}. */
export interface LedgerItem {
  readonly pk: string;
  readonly sk: string;
  /** When the item was last written. */
  readonly at: Millis;
  /** When DynamoDB may drop it, in seconds since 1970. */
  readonly expires?: number;
  readonly [attribute: string]: unknown;
}

/** One Region's table. Neither side writes the other's. */
export interface Ledger {
  get(pk: string, sk: string): Promise<LedgerItem | undefined>;
  /** All items of `pk`, by ascending `sk`, from `from` on. */
  list(pk: string, from?: string): Promise<readonly LedgerItem[]>;
  /** Writes it if there is none: whether it did. */
  claim(item: LedgerItem): Promise<boolean>;
  /** Writes it if what is there was written at `at` (or, if undefined, whatever is there): whether it did. */
  put(item: LedgerItem, at?: Millis): Promise<boolean>;
  remove(pk: string, sk: string): Promise<void>;
}

/** Kinds of items. */
export const LEDGER = {
  /** Source: sk = set id. `state`: claimed, taken, refused, gone (the instance), changed (its volumes, meanwhile). */
  set: (plan: string) => `set#${plan}`,
  /** Source: sk = instance. Time of its last image. */
  image: (plan: string) => `image#${plan}`,
  /** Site: sk = source snapshot or image. `state`: claimed, started, failed; `copy`, `attempts`, `startedAt`. */
  copy: (plan: string) => `copy#${plan}`,
  /** Site: sk = volume. How long its last copies took (`fullMs`, `incrementalMs`). */
  lineage: (plan: string) => `lineage#${plan}`,
  /** Site: sk = `<scheduled time>#<instance>`; `point` is the recovery point. */
  point: (plan: string) => `point#${plan}`,
  /** Site: sk = `current`, the drill under way; drill id: one that is over. */
  drill: 'drill',
  /** Site: sk = stack name, of restores and drills. `sets`: ids of the sets they are using; empty when the stack is up or gone. */
  restore: 'restore',
  /** Site: sk = plan. Newest inventory (`key`, `version`). */
  inventory: 'inventory',
  /** Site: sk = key of the template. `etag` of what it was copied from. */
  template: 'template',
  /** Site: sk = plan. `instances`: id of each instance the plan selects → when it was first seen. As the source last answered. */
  roster: 'roster',
  /** Site: sk = plan, that has never had an instance nor a recovery point. Written when it was first looked at. */
  watched: 'watched',
  /** Both: sk = set id or image. What a prune run decided to delete (`snapshots`, `image`, `done`). A set that stands here is no recovery point. */
  deletion: (plan: string) => `deletion#${plan}`,
  /** Source: sk = `<site's region>#<set id>`. The set was seen there as a whole. */
  copied: (plan: string) => `copied#${plan}`,
  /** Source: sk = `<set id>#<account>`. The set is shared with the account as a whole. */
  share: (plan: string) => `share#${plan}`,
  /** Both: sk = name of a run. One at a time, until `until`. */
  lease: 'lease',
} as const;

/** The site's bucket, versioned. */
export interface Objects {
  put(key: string, body: string, contentType: string): Promise<{ readonly version: string }>;
  get(key: string, version?: string): Promise<string | undefined>;
  /** Newest version's id. */
  head(key: string): Promise<{ readonly version: string; readonly etag: string; /** Bytes. */ readonly size: number } | undefined>;
  /** Older versions stay. */
  remove(key: string): Promise<void>;
}

/** An object of a bucket of a plan's Region. */
export interface SourceObject {
  readonly key: string;
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
}

/** Buckets of one Region, seen from the site. */
export interface Artifacts {
  list(bucket: string): Promise<readonly SourceObject[]>;
  find(bucket: string, key: string): Promise<SourceObject | undefined>;
  /**
   * Copies the object to `target` in the site's bucket: the new version's id. Undefined if it is no longer what was listed.
   * @throws if it cannot be read, or `signal` ended it
   */
  copy(bucket: string, object: SourceObject, target: string, signal: AbortSignal): Promise<string | undefined>;
}

/** Counts of one run: name of the metric (see METRIC) → value, for a plan. */
export interface Metrics {
  count(plan: string, metric: string, value: number): void;
}

/** Says what happened in words; ids and codes only, no tags' values of users. */
export interface Log {
  info(message: string, details: Readonly<Record<string, unknown>>): void;
  warn(message: string, details: Readonly<Record<string, unknown>>): void;
}

/** Freezes an instance's file systems. */
export interface Freezer {
  /**
   * Resolves when all are frozen, with the time at which they thaw by themselves at the latest.
   * @throws if they could not be frozen, after which they are not
   */
  freeze(instance: string): Promise<{ readonly from: Millis; readonly until: Millis; readonly command: string }>;
  /** Thaws early. Its failure costs nothing but time: the watchdog thaws. */
  thaw(instance: string, command: string): Promise<void>;
}

/** A copy that could be started. */
export interface CopyCandidate {
  readonly plan: string;
  readonly set: string;
  readonly source: string;
  /** Lineage: one copy under way at a time. */
  readonly volume: string;
  /** Earliest StartTime of the set. */
  readonly takenAt: Millis;
  /** When it must be complete for the RPO to be kept. */
  readonly deadline: Millis;
  /** How long it will take, as its lineage's last copies did, or from its size. */
  readonly estimateMs: number;
  /** A newer complete set of its instance waits or is under way: nothing is lost for the RPO if this one waits. */
  readonly superseded: boolean;
}

/** A set as retention sees it: complete, of one instance, on one side. */
export interface KeptSet {
  readonly set: string;
  readonly instance: string;
  /** Scheduled time: what the calendar counts by. */
  readonly at: Millis;
}

/** What becomes of a set, and why: the rules that keep it ("daily", "last", "within") or the invariant ("last-good"). */
export interface Verdict {
  readonly set: string;
  readonly keep: boolean;
  readonly reasons: readonly string[];
}

export interface StackChange {
  readonly action: string;
  readonly logicalId: string;
  readonly type: string;
}

/** CloudFormation of the site's Region. Stacks go by name or id; deleted ones by id only. */
export interface Stacks {
  /**
   * Of a new stack. The same name is the same change set. Resolves when it can be reviewed.
   * @throws RestoreRefused with CloudFormation's reason
   */
  createChangeSet(request: {
    readonly stack: string;
    readonly changeSet: string;
    readonly templateUrl: string;
    readonly parameters: Readonly<Record<string, string>>;
    readonly capabilities: readonly string[];
    readonly tags: Tags;
  }): Promise<{ /** Its id. */ readonly stack: string; readonly changeSet: string; readonly changes: readonly StackChange[] }>;
  /** Does nothing if it was executed already. */
  executeChangeSet(stack: string, changeSet: string): Promise<void>;
  /** Undefined if there is none (any more); of a deleted one by its id `DELETE_COMPLETE`. */
  describe(stack: string): Promise<{
    readonly status: string;
    readonly reason?: string;
    readonly outputs: Readonly<Record<string, string>>;
  } | undefined>;
  /** When its newest event happened. */
  lastEventAt(stack: string): Promise<Millis>;
  /** Why resources failed, newest first. */
  failures(stack: string): Promise<ReadonlyArray<{ readonly logicalId: string; readonly reason: string }>>;
  /** None if there is no such stack. */
  resources(stack: string): Promise<ReadonlyArray<{ readonly logicalId: string; readonly type: string; readonly status: string }>>;
  deleteStack(stack: string): Promise<void>;
  /** Parameters the template declares. @throws if it is no template */
  templateParameters(templateUrl: string): Promise<Readonly<Record<string, { readonly hasDefault: boolean; readonly noEcho: boolean }>>>;
}

/** What else a restore asks of its Region before it begins. */
export interface Preflight {
  keyUsable(key: string): Promise<boolean>;
  /** Of the candidates, those the Region has, in their order. */
  instanceTypes(candidates: readonly string[]): Promise<readonly string[]>;
  availabilityZones(candidates: readonly string[]): Promise<readonly string[]>;
}

/** The function that probes a drill's stack. */
export interface Probe {
  /** What it answers. @throws {@link ProbeFailed} if its code failed; anything else if it is not known whether it ran */
  invoke(request: ProbeRequest, signal: AbortSignal): Promise<unknown>;
}

export class ProbeFailed extends Error {
  public override readonly name = 'ProbeFailed';
}

export interface Signer {
  /** RSASSA_PSS_SHA_256, base64. */
  sign(bytes: string): Promise<string>;
}

/** Reads recovery points: the site's table first, its snapshots' tags if the table has none. */
export interface RecoveryPoints {
  /**
   * Of each instance of the plan.
   * @param before none that was taken later
   * @param days only sets of so many days before that, or before now
   */
  newest(plan: string, before?: Millis, days?: number): Promise<readonly RecoveryPoint[]>;
  exactly(plan: string, set: string): Promise<RecoveryPoint | undefined>;
  /** Snapshots of points as they are now, or were a moment ago in the same invocation. Those that are gone are left out. */
  snapshots(ids: readonly string[]): Promise<readonly Snapshot[]>;
}
