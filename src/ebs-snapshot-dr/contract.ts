/**
 * What crosses the wall between the constructs and their handlers: variable names, settings, tags, what is stored, and
 * metric names. Imports nothing; a rename here breaks both sides' compilation. Times without another word are ISO 8601 in UTC
 * with seconds ("2026-11-21T10:00:00Z"); durations carry their unit in the name.
 */

/** Variables of the source Region's functions. */
export const PLAN_ENV = [
  /** JSON of {@link PlanSettings}. */
  'SETTINGS',
  'TABLE',
] as const;
export type PlanEnv = Record<typeof PLAN_ENV[number], string>;

/** Variables of the recovery Region's functions. One that is not in use is the empty string. */
export const SITE_ENV = [
  /** JSON of {@link SiteSettings}. */
  'SETTINGS',
  'TABLE',
  /** Manifests, templates, artifacts, evidence. */
  'BUCKET',
  /** Key (ARN) that encrypts copies. */
  'KEY_ARN',
  /** Asymmetric key (ARN) that signs evidence. */
  'SIGNING_KEY_ARN',
  /** Function that probes a drill's stack. */
  'PROBE_FUNCTION',
  /** Role CloudFormation restores with. */
  'EXECUTION_ROLE_ARN',
] as const;
export type SiteEnv = Record<typeof SITE_ENV[number], string>;

/**
 * Tags of snapshots and images. A snapshot carries at most ten of them, which leaves users 40. Snapshots of an instance are
 * taken by one call with the same tags for all, so theirs list all devices; copies are made one by one and carry their own.
 */
export const TAG = {
  /** Name of the plan. Every permission to change or delete hangs on it. */
  plan: 'ebsdr:plan',
  /** {@link setId}; on snapshots of the set and their copies, and on images and their copies. Not on snapshots of images. */
  set: 'ebsdr:set',
  /** `4@2026-11-21T10:00:03.120Z`: snapshots of the call, and when it was begun. A set may have been taken twice: what differs here is not of one point in time. */
  members: 'ebsdr:members',
  /**
   * `sdf=1a2b3c :xvdg=d`: device without "/dev/" (with a colon if it has none) = the shortest end of the volume id that is
   * unique within the set. Originals only.
   */
  devices: 'ebsdr:devices',
  /** Where `devices` goes on when it passes 256 characters. Originals only. */
  moreDevices: 'ebsdr:devices-2',
  /** `from/until`: file systems of the instance were frozen between these times. Members whose StartTime lies inside are application-consistent. */
  frozen: 'ebsdr:frozen',
  /** The instance's `Name`, if it has one. */
  name: 'ebsdr:name',
  /** `account/region` where the set was taken. It travels with every copy; what has it is never copied back there. */
  origin: 'ebsdr:origin',
  /** Id of the snapshot or image it is a copy of. Copies only: what has it is never copied again. */
  source: 'ebsdr:source',
  /** Id of the volume that was snapshotted. Copies only: EC2 gives copies an arbitrary VolumeId. */
  volume: 'ebsdr:volume',
  /** "/dev/sdf". Copies only. */
  device: 'ebsdr:device',
  /** StartTime of the original. Copies only: theirs is when the copy began. */
  taken: 'ebsdr:taken',
  /** {@link setId} an image was made with. On the snapshots of images, in place of `set`. */
  image: 'ebsdr:image',
} as const;

/** Users' tag on a volume that takes it out of every set. */
export const EXCLUDE_TAG = 'ebsdr:exclude';

/** `i-0abc@2026-11-21T10:00:00Z`: an instance at a scheduled time. Sorting the ids of one instance sorts them by time. */
export function setId(instance: string, scheduledAt: string): string {
  return `${instance}@${scheduledAt}`;
}

/** @throws if it is no id of a set */
export function parseSetId(set: string): { readonly instance: string; readonly scheduledAt: string } {
  const match = /^(i-[0-9a-f]+)@(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(set);
  if (match === null) throw new Error(`a set's id must be like 'i-0abc@2026-11-21T10:00:00Z', got '${set}'`);
  return { instance: match[1], scheduledAt: match[2] };
}

/** Which instances a plan takes. Over the instance's tags; keys and values as EC2 stores them, case-sensitive. */
export type Selection =
  /** The instance has the tag, with one of these values; with any value if there are none. `*` in a value stands for any characters. */
  | { readonly kind: 'tag'; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: 'instances'; readonly ids: readonly string[] }
  | { readonly kind: 'all'; readonly of: readonly Selection[] }
  | { readonly kind: 'any'; readonly of: readonly Selection[] }
  | { readonly kind: 'not'; readonly of: Selection };

/** How many sets of an instance are kept, as restic counts them: 0 none, -1 all. */
export interface RetentionPolicy {
  readonly last: number;
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
  /** Hours before the newest set that is not in the future; 0: not in use. */
  readonly withinHours: number;
  readonly withinHourlyHours: number;
  readonly withinDailyHours: number;
  readonly withinWeeklyHours: number;
  readonly withinMonthlyHours: number;
  readonly withinYearlyHours: number;
  /** IANA name of the zone whose calendar counts. */
  readonly timeZone: string;
}

/** Deletions of one run at most: the smaller one of both, but at least one, and as many as sets came in lately. */
export interface Brake {
  readonly maxSets: number;
  /** Of the sets there are, 0..1. */
  readonly maxShare: number;
}

/** A plan as its own Region knows it. */
export interface PlanSettings {
  readonly plan: string;
  readonly select: Selection;
  readonly rpoSeconds: number;
  readonly retention: RetentionPolicy;
  readonly brake: Brake;
  readonly freeze?: FreezeSettings;
  /** Hours between images of an instance; 0: none. */
  readonly imageEveryHours: number;
  /** Regions of the sites that copy from here and can be asked which sets they hold. */
  readonly sites: ReadonlyArray<{ readonly region: string; /** Other account: cannot be asked, gets shares instead. */ readonly account?: string }>;
  /** Other accounts every complete set is shared with. */
  readonly shareWith: readonly string[];
}

export interface FreezeSettings {
  /** SSM document of this Region. */
  readonly document: string;
  /** Mount points. */
  readonly paths: readonly string[];
  readonly maxFrozenSeconds: number;
}

/** A recovery site with all the plans it protects. */
export interface SiteSettings {
  readonly site: string;
  readonly plans: readonly SitePlan[];
  /** Copies under way in this Region at most, foreign ones included; 0: Service Quotas is asked. */
  readonly maxCopies: number;
  readonly restore?: RestoreSettings;
  readonly drill?: DrillSettings;
}

/** A plan as a site knows it: enough to work on when the plan's own Region is gone. */
export interface SitePlan {
  readonly plan: string;
  /** Where it takes its sets. */
  readonly region: string;
  readonly account?: string;
  /** Role (ARN) of that other account which reads its sets: EC2 shows a snapshot's tags to its owner alone. */
  readonly readerRole?: string;
  /** Which of the source's instances the RPO counts for, as long as the source answers; then the last ones known. */
  readonly select: Selection;
  readonly rpoSeconds: number;
  readonly retention: RetentionPolicy;
  readonly brake: Brake;
  /** Every copy is asked for with a completion time derived from the RPO (time-based copy, charged by the GiB). */
  readonly timedCopies: boolean;
  readonly lock?: LockSettings;
  /** Days after which sets that only a monthly or yearly rule keeps go to the archive tier; 0: never. */
  readonly archiveAfterDays: number;
  /** Buckets of the plan's Region whose objects come along. */
  readonly artifacts: readonly string[];
  readonly images: boolean;
}

/**
 * What sites of other accounts say when they take a plan's reader role. Their own roles get their names at deployment, so that
 * trust can name no more than their account; this keeps out what there may take any role, but was not told this one's.
 */
export function readerExternalId(plan: string): string {
  return `ebsdr:${plan}`;
}

/** Seconds back from now within which a site looks for sets to copy. Older ones are no longer waiting for a copy. */
export function lookBackSeconds(rpoSeconds: number): number {
  return Math.max(3 * 86_400, 2 * rpoSeconds);
}

export interface LockSettings {
  readonly mode: 'governance' | 'compliance';
  readonly days: number;
  /** Compliance only. */
  readonly coolOffHours?: number;
}

export interface RestoreSettings {
  /** Template's key in the site's bucket. */
  readonly templateKey: string;
  /** Where `sync` copies it from whenever it changes: an object of the site's Region. */
  readonly templateFrom: { readonly bucket: string; readonly key: string };
  /** Stacks are called `<prefix>-restore-…` and `<prefix>-drill-…`; permissions hang on it. */
  readonly stackPrefix: string;
  readonly parameters: Readonly<Record<string, RestoreParameter>>;
  readonly capabilities: ReadonlyArray<'CAPABILITY_IAM' | 'CAPABILITY_NAMED_IAM' | 'CAPABILITY_AUTO_EXPAND'>;
}

/** What a parameter of the template is given. `plan` and `name` (the instance's `Name`) may stay away where there is just one. */
export type RestoreParameter =
  | { readonly kind: 'snapshot'; readonly device: string; readonly plan?: string; readonly name?: string }
  | { readonly kind: 'image'; readonly plan?: string; readonly name?: string }
  /** Version of an artifact in the recovery point. */
  | { readonly kind: 'artifact-version'; readonly bucket: string; readonly key: string }
  /** Name of the site's bucket, or the key there, of an artifact. */
  | { readonly kind: 'artifact-bucket' }
  | { readonly kind: 'artifact-key'; readonly bucket: string; readonly key: string }
  /** The first one this Region offers; the next ones if there is no capacity. */
  | { readonly kind: 'instance-type'; readonly candidates: readonly string[] }
  | { readonly kind: 'availability-zone'; readonly candidates: readonly string[] }
  | { readonly kind: 'value'; readonly value: string };

export interface DrillSettings {
  /** Time after the probe's answer until the stack is deleted. */
  readonly teardownAfterSeconds: number;
  /** Time for the stack to come up, after which a drill has failed. */
  readonly maxRestoreSeconds: number;
}

/** `manifests/<plan>/<instance>/<scheduled time>.json` in the site's bucket, and the item {@link pointKey} in its table. */
export interface RecoveryPoint {
  readonly version: 1;
  readonly plan: string;
  readonly set: string;
  readonly instance: string;
  readonly name?: string;
  readonly origin: string;
  /** Earliest StartTime of the originals: what the RPO counts from. */
  readonly takenAt: string;
  readonly completedAt: string;
  readonly consistency: 'application' | 'crash';
  readonly members: readonly RecoveryMember[];
  /** The newest image of the instance that was there. */
  readonly image?: { readonly image: string; readonly source: string; readonly takenAt: string };
  /** Which versions of the artifacts belong to it: key and version of an {@link ArtifactInventory}. */
  readonly artifacts?: { readonly key: string; readonly version: string };
  readonly template?: { readonly key: string; readonly version: string };
}

export interface RecoveryMember {
  readonly snapshot: string;
  readonly source: string;
  readonly volume: string;
  readonly device: string;
  readonly sizeGiB: number;
  readonly encrypted: boolean;
}

/** What `sync` copied, by bucket and key of the plan's Region: `inventories/<plan>.json`, of which every version is kept. */
export interface ArtifactInventory {
  readonly version: 1;
  readonly at: string;
  /** Objects that are not there yet, or in an older version: the run that wrote this had no more time, or could not read them. */
  readonly pending: number;
  readonly objects: ReadonlyArray<{ readonly bucket: string; readonly key: string; readonly etag: string; readonly version: string }>;
}

export const MANIFEST_PREFIX = 'manifests/';
export const TEMPLATE_PREFIX = 'templates/';
export const ARTIFACT_PREFIX = 'artifacts/';
export const INVENTORY_PREFIX = 'inventories/';
export const EVIDENCE_PREFIX = 'evidence/';

/** What the restore function is given. */
export interface RestoreRequest {
  /** Exactly these sets, by plan and set id, for their instances; default: the newest complete one of every instance. */
  readonly sets?: ReadonlyArray<{ readonly plan: string; readonly set: string }>;
  /** Nothing that was taken later. */
  readonly before?: string;
  /** End of the stack's name: letters, digits and hyphens. The same name is the same restore. Default: from the invocation's id. */
  readonly name?: string;
  /** Reads the recovery points from the tags of the site's snapshots even if its table has some; default false. */
  readonly rebuild?: boolean;
  /** Execute the change set at once; default false: it waits for a review. */
  readonly execute?: boolean;
  /** Execute this change set that was reviewed; nothing else is looked at then. */
  readonly changeSet?: string;
}

export interface RestoreAnswer {
  readonly stack: string;
  readonly changeSet: string;
  readonly status: 'review' | 'executing' | 'complete';
  readonly points: ReadonlyArray<{ readonly plan: string; readonly set: string; readonly takenAt: string; readonly consistency: string }>;
  readonly parameters: Readonly<Record<string, string>>;
  readonly changes: ReadonlyArray<{ readonly action: string; readonly logicalId: string; readonly type: string }>;
  /** What a reviewer should know: an image older than its set, an artifact that is missing. */
  readonly warnings: readonly string[];
}

/** What the drill function is given: the time its schedule means to start a drill; without one it goes on with the drill under way. */
export interface DrillEvent {
  readonly scheduledTime?: string;
}

/** `evidence/<drill id>.json`, with its signature beside it as `.sig` (RSASSA_PSS_SHA_256 over the object's bytes, base64). */
export interface DrillEvidence {
  readonly version: 1;
  readonly drill: string;
  readonly site: string;
  readonly stack: string;
  readonly outcome: 'passed' | 'failed';
  readonly reason?: string;
  readonly points: RestoreAnswer['points'];
  readonly parameters: Readonly<Record<string, string>>;
  /** Start of the drill minus the oldest point's time. */
  readonly rpoSeconds: number;
  /** By stage; the RTO is the sum of the first three. */
  readonly stages: {
    readonly changeSetSeconds: number; readonly stackSeconds: number; readonly probeSeconds: number; readonly teardownSeconds: number;
  };
  readonly rtoSeconds: number;
  /** The probe's answer: `{ "ok": true }` and anything that is to stand in the evidence. */
  readonly probe?: unknown;
  /** Resources that deleting the stack left behind. */
  readonly leftovers: readonly string[];
  readonly finishedAt: string;
  /** Key (ARN) whose signature stands beside it. */
  readonly signedBy: string;
}

/** The probe is invoked with this and answers with an object whose `ok` says whether the stack works. */
export interface ProbeRequest {
  readonly drill: string;
  readonly stack: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Parameters of the SSM document that freezes and thaws an instance's file systems; all are strings. */
export const FREEZE_PARAMETER = {
  /** `freeze` or `thaw`. */
  action: 'Action',
  /** Of one freeze; its thaw carries the same. Hexadecimal digits and hyphens. */
  id: 'Id',
  /** Mount points, separated by colons. */
  paths: 'Paths',
  maxFrozenSeconds: 'MaxFrozenSeconds',
} as const;

/** Dimensions of all metrics: `Plan`, and `Site` (Region) for those of a site. */
export const METRIC_NAMESPACE = 'CdkLambdaBlueprints/EbsSnapshotDr';
export const METRIC = {
  /** Seconds since the oldest of the instances' newest complete recovery points was taken. The heartbeat: missing is breaching. */
  recoveryPointAge: 'RecoveryPointAge',
  /** Sets taken, and sets that could not be, by the snapshot function. */
  setsTaken: 'SetsTaken',
  setsFailed: 'SetsFailed',
  /** Sets meant to be application-consistent that are not. */
  freezesFailed: 'FreezesFailed',
  copiesStarted: 'CopiesStarted',
  copiesFailed: 'CopiesFailed',
  /** Copies waiting for a slot. */
  copiesQueued: 'CopiesQueued',
  /** Copies that cannot end within their RPO any more. */
  copiesLate: 'CopiesLate',
  setsDeleted: 'SetsDeleted',
  /** Deletions that a brake, a failing or an incomplete answer of EC2 held back. */
  pruneHeld: 'PruneHeld',
  imagesInUse: 'ImagesInUse',
  /** Images that could not be made, or copied. */
  imagesFailed: 'ImagesFailed',
  artifactsFailed: 'ArtifactsFailed',
  drillsPassed: 'DrillsPassed',
  drillsFailed: 'DrillsFailed',
} as const;
