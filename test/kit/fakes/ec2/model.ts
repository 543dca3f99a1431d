import { VirtualClock } from './clock';
import { Ec2Error } from './error';
import { completionEvent, copyEvent, multiVolumeEvent, shareEvent, type ArnForm, type Ec2Event } from './events';
import { matcherOf, type Filter } from './filters';
import { isSnapshotFilter, SnapshotStore, type StoredSnapshot } from './store';
import { TokenBuckets, type BucketSize } from './token-bucket';
import { TAG } from '../../../../src/ebs-snapshot-dr/contract';
import type { Tags } from '../../../../src/ebs-snapshot-dr/handlers/ports';
import { hash32, Prng } from '../../faults';

/** Who calls, and the endpoint of which Region. */
export interface Caller {
  readonly account: string;
  readonly region: string;
}

export interface StoredVolume {
  readonly id: string;
  readonly device: string;
  readonly sizeGiB: number;
  readonly type: string;
  readonly tags: Tags;
  readonly encrypted: boolean;
  readonly key?: string;
  /** Snapshots under way. */
  pending: number;
}

export interface StoredInstance extends Caller {
  readonly id: string;
  state: 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';
  tags: Tags;
  readonly type: string;
  readonly image?: string;
  readonly rootDevice: string;
  readonly hibernation: boolean;
  volumes: readonly StoredVolume[];
  reboots: number;
}

export interface InstanceSpec extends Caller {
  readonly id?: string;
  readonly tags?: Tags;
  readonly state?: 'running' | 'stopped';
  readonly type?: string;
  readonly image?: string;
  readonly rootDevice?: string;
  readonly hibernation?: boolean;
  readonly volumes: readonly VolumeSpec[];
}

export interface VolumeSpec {
  readonly id?: string;
  readonly device: string;
  readonly sizeGiB?: number;
  /** @default gp3 */
  readonly type?: string;
  readonly tags?: Tags;
  /** ARN; also encrypts. */
  readonly key?: string;
  /** It is created from this snapshot of its instance's account and Region, whose size and key it takes over. */
  readonly snapshot?: string;
}

export interface StoredImage extends Caller {
  readonly id: string;
  readonly order: number;
  readonly name: string;
  readonly createdAt: number;
  readonly visibleAt: number;
  state: 'pending' | 'available' | 'failed';
  readonly tags: Tags;
  readonly devices: ReadonlyArray<{ readonly device: string; readonly snapshot: string; readonly sizeGiB: number }>;
  readonly source?: string;
}

export interface StoredKey extends Caller {
  readonly arn: string;
  enabled: boolean;
  /** Accounts its policy lets use it, besides its own. */
  readonly accounts: readonly string[];
  readonly managedByAws: boolean;
}

/** What uses an image. */
export interface ImageUse extends Caller {
  readonly kind: 'launch-template' | 'launch-configuration' | 'auto-scaling-group';
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** Launch templates: number of the version. @default 1 */
  readonly version?: number;
  /** Launch templates: the version new instances get. @default the newest */
  readonly isDefault?: boolean;
}

/** Time things take: a function of what is known, drawn from the model's own chance. */
export interface Durations {
  snapshotMs(chance: Prng, sizeGiB: number): number;
  copyMs(chance: Prng, sizeGiB: number, incremental: boolean): number;
}

export interface ModelOptions {
  readonly seed?: number;
  readonly clock?: VirtualClock;
  readonly durations?: Durations;
  /** Copies under way at a time in a Region. @default 20 */
  readonly copyLimit?: number;
  /** Longest time until a describe shows what was created. @default 0 */
  readonly maxSettleMs?: number;
  /** Longest time for which a describe still shows what was deleted. @default 0 */
  readonly maxLingerMs?: number;
  readonly bucket?: BucketSize;
  /** Keys that the organization demands of everything new. @default none */
  readonly requiredTags?: readonly string[];
  /** Keys whose values comply with the organization's tag policy in no new resource of these accounts. @default none */
  readonly refusedTags?: { readonly accounts: readonly string[]; readonly keys: readonly string[] };
  /** Whether describes list what is in the Recycle Bin as `recoverable`: the API knows that state, the guide says nothing. @default false */
  readonly listsRecycled?: boolean;
  /** @default documented */
  readonly arnForm?: ArnForm;
}

/** Probabilities of what ends badly inside EC2, whoever called. Tests change them as they go. */
export interface Mishaps {
  /** Of a whole set: one of its snapshots fails, and all are `error`. */
  set: number;
  /** Of a copy: ends in `error`, for no reason of the caller's. */
  copy: number;
}

export interface CreateSnapshotsInput {
  readonly instance: string;
  readonly excludeVolumes?: readonly string[];
  readonly excludeRoot?: boolean;
  readonly copyVolumeTags?: boolean;
  readonly tags?: Tags;
  readonly description?: string;
}

export interface CopySnapshotInput {
  readonly source: string;
  readonly sourceRegion: string;
  readonly encrypted?: boolean;
  /** ARN. */
  readonly key?: string;
  readonly completionMinutes?: number;
  readonly tags?: Tags;
  readonly description?: string;
}

export interface CreateImageInput {
  readonly instance: string;
  readonly name: string;
  readonly noReboot?: boolean;
  readonly excludeDevices?: readonly string[];
  readonly imageTags?: Tags;
  readonly snapshotTags?: Tags;
}

export interface CopyImageInput {
  readonly source: string;
  readonly sourceRegion: string;
  readonly name: string;
  readonly encrypted?: boolean;
  readonly key?: string;
  readonly token?: string;
  readonly copyTags?: boolean;
  readonly imageTags?: Tags;
  readonly snapshotTags?: Tags;
}

export interface LockInput {
  readonly snapshot: string;
  readonly mode: 'governance' | 'compliance';
  readonly days: number;
  readonly coolOffHours?: number;
}

export interface SnapshotQuery {
  readonly ids?: readonly string[];
  readonly owners?: readonly string[];
  readonly restorableBy?: readonly string[];
  readonly filters?: readonly Filter[];
}

/** One account's share of one Region. */
interface Place {
  readonly snapshots: SnapshotStore;
  readonly images: Map<string, StoredImage>;
  readonly instances: Map<string, StoredInstance>;
  readonly uses: ImageUse[];
  readonly tokens: Map<string, { readonly request: string; readonly image: string }>;
  readonly lineages: Map<string, Lineage>;
  /** Copies under way, those that wait for their lineage included. */
  copies: number;
  imageCopies: number;
  archiving: number;
  /** Of this account for EBS, as long as it chose no other. */
  readonly defaultKey: string;
}

/** Copies of one volume in one place. */
interface Lineage {
  readonly waiting: StoredSnapshot[];
  running: boolean;
  latest?: StoredSnapshot;
  /** Completed ones that are there. */
  readonly copies: Set<StoredSnapshot>;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const ARBITRARY_VOLUME = 'vol-ffffffff';
/** "Copy an Amazon EBS snapshot", EBS user guide: reason of a copy whose key cannot be used. */
export const KEY_INACCESSIBLE = 'Given key ID is not accessible';

/** Medians of 3 minutes (a snapshot), 8 (an incremental copy) and 8 and 3 s for each GiB (a full one). No source: ordering is what counts. */
export const LOGNORMAL: Durations = {
  snapshotMs: (chance) => lognormal(chance, 3 * MINUTE, 0.5),
  copyMs: (chance, sizeGiB, incremental) => lognormal(chance, 8 * MINUTE + (incremental ? 0 : sizeGiB * 3000), 0.7),
};

/** EC2's tags: 50 by a resource, keys of 128 and values of 256 characters, `aws:` reserved. */
const MAX_TAGS = 50;
/** Images copied at a time into a Region. */
const MAX_IMAGE_COPIES = 100;
const MAX_ARCHIVING = 25;
const MAX_SET = 40;

/**
 * EC2 and EBS of several Regions and accounts, as far as disaster recovery needs them, and as strict as the documentation:
 * each rule has a line in `test/truth/ec2.jsonl`. Everything happens on a virtual clock and from one seed.
 */
export class Ec2Model {
  public readonly clock: VirtualClock;
  public readonly mishaps: Mishaps = { set: 0, copy: 0 };
  /** Highest number of copies under way there ever was, by Region. */
  public readonly mostCopies = new Map<string, number>();

  private readonly places = new Map<string, Place>();
  private readonly keys = new Map<string, StoredKey>();
  private readonly owners = new Map<string, StoredSnapshot>();
  private readonly darkRegions = new Set<string>();
  private readonly limits = new Map<string, number>();
  private readonly recycling: (Caller & { readonly tags: Tags; readonly days: number })[] = [];
  private readonly recycled = new Map<string, StoredSnapshot>();
  private readonly listeners: ((event: Ec2Event) => void)[] = [];
  private readonly buckets: TokenBuckets;
  private readonly chance: Prng;
  private readonly durations: Durations;
  private created = 0;

  constructor(private readonly options: ModelOptions = {}) {
    const { bucket = { burst: 100, perSecond: 20 }, clock = new VirtualClock(), durations = LOGNORMAL, seed = 1 } = options;
    this.clock = clock;
    this.durations = durations;
    this.chance = new Prng(hash32(seed, 'ec2'));
    this.buckets = new TokenBuckets(bucket, () => clock.now());
  }

  // --- the world

  public addInstance(spec: InstanceSpec): StoredInstance {
    const { account, hibernation = false, id = this.id('i'), image, region, state = 'running', tags = {}, type = 't3.micro', volumes } = spec;
    const rootDevice = spec.rootDevice ?? volumes[0]?.device ?? '/dev/xvda';
    const instance: StoredInstance = {
      account, hibernation, id, image, region, reboots: 0, rootDevice, state, tags, type, volumes: volumes.map((volume) => this.volume(spec, volume)),
    };
    this.place(spec).instances.set(id, instance);
    return instance;
  }

  public terminate(instance: StoredInstance): void {
    instance.state = 'terminated';
    instance.volumes = [];
    this.clock.after(HOUR, () => this.place(instance).instances.delete(instance.id));
  }

  public attach(instance: StoredInstance, spec: VolumeSpec): StoredVolume {
    const volume = this.volume(instance, spec);
    instance.volumes = [...instance.volumes, volume];
    return volume;
  }

  public detach(instance: StoredInstance, volume: string): void {
    instance.volumes = instance.volumes.filter(({ id }) => id !== volume);
  }

  public addKey(key: Caller & Partial<Pick<StoredKey, 'arn' | 'accounts'>>): StoredKey {
    const { account, accounts = [], arn = `arn:aws:kms:${key.region}:${key.account}:key/${this.id('key').slice(4)}`, region } = key;
    const stored = { account, accounts, arn, enabled: true, managedByAws: false, region };
    this.keys.set(arn, stored);
    return stored;
  }

  public key(arn: string): StoredKey | undefined {
    return this.keys.get(arn);
  }

  public use(use: ImageUse): void {
    this.place(use).uses.push(use);
  }

  public disuse(use: ImageUse): void {
    const { uses } = this.place(use);
    uses.splice(uses.indexOf(use), 1);
  }

  public uses(at: Caller): readonly ImageUse[] {
    return this.place(at).uses;
  }

  /** Deleted snapshots with these tags stay in the Recycle Bin. */
  public recycle(rule: Caller & { readonly tags: Tags; readonly days: number }): void {
    this.recycling.push(rule);
  }

  /** From the Recycle Bin: `recovering` for a while. */
  public recover(id: string): void {
    const snapshot = this.recycled.get(id);
    if (!snapshot) throw new Ec2Error('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
    this.recycled.delete(id);
    this.store(snapshot).remove(snapshot); // it may still be shown
    snapshot.deleted = false;
    snapshot.state = 'recovering';
    this.enter(snapshot);
    if (snapshot.source !== undefined) this.lineage(snapshot).copies.add(snapshot);
    this.clock.after(5 * MINUTE, () => snapshot.deleted || this.store(snapshot).move(snapshot, 'completed'));
  }

  /** All that is in the Recycle Bin. */
  public get inRecycleBin(): Iterable<StoredSnapshot> {
    return this.recycled.values();
  }

  /** In the Recycle Bin: restorable, and not described. */
  public isRecycled(id: string): boolean {
    return this.recycled.has(id);
  }

  public setCopyLimit(region: string, limit: number): void {
    this.limits.set(region, limit);
  }

  public copyLimit(region: string): number {
    return this.limits.get(region) ?? this.options.copyLimit ?? 20;
  }

  /** Copies under way, those that wait for their lineage included. */
  public copiesUnderWay(at: Caller): number {
    return this.place(at).copies;
  }

  /** Its endpoints answer nobody, and what is copied from there fails. */
  public darken(region: string): void {
    this.darkRegions.add(region);
  }

  public lighten(region: string): void {
    this.darkRegions.delete(region);
  }

  public isDark(region: string): boolean {
    return this.darkRegions.has(region);
  }

  public onEvent(listener: (event: Ec2Event) => void): void {
    this.listeners.push(listener);
  }

  /** Any snapshot that exists, whoever owns it: for tests' own eyes. */
  public find(id: string): StoredSnapshot | undefined {
    return this.owners.get(id);
  }

  public anyImage(id: string): StoredImage | undefined {
    for (const { images } of this.places.values()) {
      const image = images.get(id);
      if (image) return image;
    }
    return undefined;
  }

  public all(at: Caller): Iterable<StoredSnapshot> {
    return this.place(at).snapshots.values();
  }

  public count(at: Caller): number {
    return this.place(at).snapshots.size;
  }

  /** Puts a snapshot there that nobody of this run made: history, or somebody else's. */
  public plant(at: Caller, given: Partial<StoredSnapshot> & { readonly tags: Tags }): StoredSnapshot {
    const isCopy = given.source !== undefined;
    const volume = isCopy ? ARBITRARY_VOLUME : this.id('vol');
    const lineage = given.tags[TAG.volume] ?? (isCopy ? this.owners.get(given.source)?.lineage ?? given.source : given.volume ?? volume);
    const snapshot = this.snapshot(at, { state: 'completed', volume, lineage, completedAt: given.startedAt ?? this.clock.now(), visibleAt: 0, ...given });
    this.enter(snapshot);
    if (isCopy && snapshot.state === 'completed') this.arrived(this.lineage(snapshot), snapshot);
    return snapshot;
  }

  // --- the API

  /** The first thing every call goes through. @throws if the Region is dark, or too much was asked */
  public admit({ account, region }: Caller, action: string): void {
    if (this.darkRegions.has(region)) throw Object.assign(new Error(`connect ETIMEDOUT ec2.${region}.amazonaws.com`), { name: 'TimeoutError' });
    if (!this.buckets.take(`${account} ${region} ${action}`)) throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.');
  }

  public instances(caller: Caller): readonly StoredInstance[] {
    return [...this.place(caller).instances.values()];
  }

  /**
   * In no particular order; of other accounts only what is shared with the caller, and that without tags.
   * @throws for ids that are not there
   */
  public snapshots(caller: Caller, { filters = [], ids, owners, restorableBy }: SnapshotQuery = {}): readonly StoredSnapshot[] {
    const unknown = filters.find(({ name }) => !isSnapshotFilter(name));
    if (unknown) throw new Ec2Error('InvalidParameterValue', `The filter '${unknown.name}' is invalid`);
    if (filters.some(({ values }) => values.length > 200)) throw new Ec2Error('FilterLimitExceeded', 'The maximum number of filter values specified on a single call is 200');
    const now = this.clock.now();
    const seen = (found: readonly StoredSnapshot[]) => found.filter(({ visibleAt }) => visibleAt <= now);
    const wanted = owners?.map((owner) => owner === 'self' ? caller.account : owner);
    const mine = !wanted || wanted.includes(caller.account) ? seen(this.place(caller).snapshots.find(filters, ids)) : [];
    const asksForOthers = wanted ? wanted.some((owner) => owner !== caller.account) : restorableBy !== undefined || ids !== undefined;
    const others = asksForOthers ? seen(this.shared(caller, filters, ids)).filter(({ account }) => !wanted || wanted.includes(account)) : [];
    const found = others.length === 0 ? mine : [...mine, ...others];
    for (const id of ids ?? []) {
      const exists = this.owners.get(id);
      const isKnown = exists && exists.visibleAt <= now && exists.region === caller.region
        && (exists.account === caller.account || exists.sharedWith.has(caller.account));
      if (!isKnown) throw new Ec2Error('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
    }
    return found;
  }

  public images(caller: Caller, { ids, filters = [] }: Pick<SnapshotQuery, 'ids' | 'filters'> = {}): readonly StoredImage[] {
    const { images } = this.place(caller);
    const now = this.clock.now();
    const missing = ids?.find((id) => !images.has(id));
    if (missing !== undefined) throw new Ec2Error('InvalidAMIID.NotFound', `The image id '[${missing}]' does not exist`);
    return [...images.values()].filter((image) => image.visibleAt <= now && (!ids || ids.includes(image.id))
      && filters.every((filter) => imageMatches(image, filter)));
  }

  public createSnapshots(caller: Caller, input: CreateSnapshotsInput): readonly StoredSnapshot[] {
    const { copyVolumeTags = false, description = '', excludeRoot = false, excludeVolumes = [], tags = {} } = input;
    const instance = this.instance(caller, input.instance);
    checkTags(tags);
    if (instance.hibernation) throw new Ec2Error('UnsupportedOperation', `The instance '${instance.id}' is enabled for hibernation`); // code: assumed
    if (excludeVolumes.length > MAX_SET) throw new Ec2Error('InvalidParameterValue', `At most ${MAX_SET} data volumes can be excluded`);
    const root = instance.volumes.find(({ device }) => device === instance.rootDevice);
    for (const id of excludeVolumes) {
      if (id === root?.id) throw new Ec2Error('InvalidParameterValue', `Volume '${id}' is the root volume; exclude it with ExcludeBootVolume`);
      if (!instance.volumes.some((volume) => volume.id === id)) throw new Ec2Error('InvalidParameterValue', `Volume '${id}' is not attached to '${instance.id}'`);
    }
    const volumes = instance.volumes.filter(({ id }) => !excludeVolumes.includes(id) && !(excludeRoot && id === root?.id));
    if (volumes.length === 0) throw new Ec2Error('InvalidParameterValue', `The instance '${instance.id}' has no volumes left to snapshot`);
    if (volumes.length > MAX_SET) throw new Ec2Error('InvalidParameterValue', `At most ${MAX_SET} volumes can be snapshotted at once`);
    const members = this.startSnapshots(instance, volumes, description, (volume) => ({ ...copyVolumeTags && ownTags(volume.tags), ...tags }));
    this.endTogether(members, volumes, this.chance.chance(this.mishaps.set), () => {
      this.emit(() => multiVolumeEvent(this.eventPlace(instance), members, this.clock.now()));
    });
    return members;
  }

  public copySnapshot(caller: Caller, input: CopySnapshotInput): StoredSnapshot {
    const { completionMinutes, description = '', encrypted = false, key, sourceRegion, tags = {} } = input;
    this.checkNew(caller, tags);
    if (key !== undefined && !encrypted) throw new Ec2Error('InvalidParameterDependency', 'KmsKeyId requires Encrypted to be true');
    if (completionMinutes !== undefined && (completionMinutes % 15 !== 0 || completionMinutes < 15 || completionMinutes > 2880)) {
      throw new Ec2Error('InvalidParameterValue', `CompletionDurationMinutes must be a multiple of 15 up to 2880, got ${completionMinutes}`);
    }
    const place = this.place(caller);
    const source = this.sourceOf(caller, input.source, sourceRegion);
    if (place.copies >= this.copyLimit(caller.region)) {
      throw new Ec2Error('ResourceLimitExceeded', `Too many snapshot copies in progress. The limit is ${this.copyLimit(caller.region)} for this destination region.`);
    }
    const copy = this.snapshot(caller, {
      ...this.copied(caller, source, encrypted, key),
      tags,
      description,
      completionMinutes,
      transferType: completionMinutes === undefined ? 'standard' : 'time-based',
    });
    place.copies += 1;
    this.mostCopies.set(caller.region, Math.max(place.copies, this.mostCopies.get(caller.region) ?? 0));
    this.enter(copy);
    this.queue(copy, source);
    return copy;
  }

  public createImage(caller: Caller, input: CreateImageInput): StoredImage {
    const { excludeDevices = [], imageTags = {}, noReboot = false, snapshotTags = {} } = input;
    const instance = this.instance(caller, input.instance);
    this.checkNew(caller, imageTags);
    this.checkNew(caller, snapshotTags);
    this.checkImageName(caller, input.name);
    const volumes = instance.volumes.filter(({ device }) => !excludeDevices.includes(device));
    if (excludeDevices.includes(instance.rootDevice)) throw new Ec2Error('InvalidBlockDeviceMapping', 'The root device cannot be left out');
    if (!noReboot) instance.reboots += 1;
    const id = this.id('ami');
    const members = this.startSnapshots(instance, volumes, `Created by CreateImage(${instance.id}) for ${id}`, () => snapshotTags);
    const devices = members.map((snapshot, i) => ({ device: volumes[i].device, snapshot }));
    const image = this.register(caller, { id, name: input.name, tags: imageTags }, devices);
    const failed = this.chance.chance(this.mishaps.set);
    this.endTogether(members, volumes, failed, () => this.settleImage(image, failed));
    return image;
  }

  public copyImage(caller: Caller, input: CopyImageInput): StoredImage {
    const { copyTags = false, encrypted = false, imageTags = {}, key, name, snapshotTags = {}, sourceRegion, token } = input;
    const place = this.place(caller);
    const request = JSON.stringify([input.source, sourceRegion, name, encrypted, key]);
    const before = token === undefined ? undefined : place.tokens.get(token);
    if (before) {
      if (before.request !== request) throw new Ec2Error('IdempotentParameterMismatch', 'The client token was used with other parameters');
      return place.images.get(before.image) ?? this.deregistered(before.image);
    }
    this.checkNew(caller, imageTags);
    this.checkNew(caller, snapshotTags);
    if (key !== undefined && !encrypted) throw new Ec2Error('InvalidParameterDependency', 'KmsKeyId requires Encrypted to be true');
    if (this.isDark(sourceRegion)) throw new Ec2Error('InternalError', `The Region '${sourceRegion}' cannot be reached`);
    const source = this.place({ ...caller, region: sourceRegion }).images.get(input.source);
    if (!source) throw new Ec2Error('InvalidAMIID.NotFound', `The image id '[${input.source}]' does not exist`);
    if (source.state !== 'available') throw new Ec2Error('InvalidAMIID.Unavailable', `The image '${input.source}' is ${source.state}`);
    this.checkImageName(caller, name);
    if (place.imageCopies >= MAX_IMAGE_COPIES) throw new Ec2Error('ResourceLimitExceeded', `Too many image copies in progress. The limit is ${MAX_IMAGE_COPIES}.`);
    const id = this.id('ami');
    const copies = source.devices.map(({ device, snapshot }) => {
      const original = this.owners.get(snapshot)!;
      const description = `Copied for DestinationAmi ${id} from SourceAmi ${source.id} for SourceSnapshot ${snapshot}.`;
      const copy = this.snapshot(caller, { ...this.copied(caller, original, encrypted, key), tags: snapshotTags, description });
      this.enter(copy);
      return { device, snapshot: copy };
    });
    const tags = { ...copyTags && ownTags(source.tags), ...imageTags };
    const image = this.register(caller, { id, name, tags, source: source.id }, copies);
    if (token !== undefined) place.tokens.set(token, { request, image: id });
    place.imageCopies += 1;
    const takes = Math.max(...copies.map(({ snapshot }) => this.durations.copyMs(this.chance, snapshot.sizeGiB, false)));
    this.clock.after(takes, () => {
      place.imageCopies -= 1;
      const refused = copies.some(({ snapshot }) => !this.mayUse(caller.account, snapshot.key));
      for (const { snapshot } of copies) this.end(snapshot, refused ? KEY_INACCESSIBLE : undefined);
      this.settleImage(image, refused);
    });
    return image;
  }

  public deleteSnapshot(caller: Caller, id: string): void {
    const snapshot = this.own(caller, id);
    if (snapshot.images.size > 0) {
      throw new Ec2Error('InvalidSnapshot.InUse', `The snapshot ${id} is currently in use by ${[...snapshot.images].join(', ')}`);
    }
    if (this.isLocked(snapshot)) throw new Ec2Error('OperationNotPermitted', `The snapshot '${id}' is locked`); // code: assumed
    if (snapshot.state === 'pending') snapshot.deleteRequested = true;
    else this.remove(snapshot);
  }

  public deregisterImage(caller: Caller, id: string): void {
    const { images } = this.place(caller);
    const image = images.get(id);
    if (!image) throw new Ec2Error('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
    images.delete(id);
    for (const { snapshot } of image.devices) this.owners.get(snapshot)?.images.delete(id);
  }

  public lockSnapshot(caller: Caller, { coolOffHours, days, mode, snapshot: id }: LockInput): void {
    const snapshot = this.own(caller, id);
    if (!Number.isInteger(days) || days < 1 || days > 36_500) throw new Ec2Error('InvalidParameterValue', `LockDuration must be 1 to 36500 days, got ${days}`);
    if (coolOffHours !== undefined && mode === 'governance') throw new Ec2Error('InvalidParameterCombination', 'CoolOffPeriod goes with compliance mode only');
    if (coolOffHours !== undefined && (coolOffHours < 1 || coolOffHours > 72)) throw new Ec2Error('InvalidParameterValue', `CoolOffPeriod must be 1 to 72 hours, got ${coolOffHours}`);
    if (snapshot.state !== 'completed' && snapshot.state !== 'pending') throw new Ec2Error('IncorrectState', `The snapshot '${id}' is ${snapshot.state}`);
    const now = this.clock.now();
    const before = this.isLocked(snapshot) ? snapshot.lock : undefined;
    if (before?.mode === 'compliance' && !(before.coolOffUntil !== undefined && now < before.coolOffUntil)) {
      const shorter = (before.startsAt ?? now) + before.days * DAY > now + days * DAY;
      if (mode === 'governance' || shorter || coolOffHours !== undefined) {
        throw new Ec2Error('OperationNotPermitted', `The lock of '${id}' can only be extended`); // code: assumed
      }
    }
    snapshot.lock = {
      mode, days, startsAt: snapshot.state === 'completed' ? now : undefined, ...coolOffHours !== undefined && { coolOffUntil: now + coolOffHours * HOUR },
    };
  }

  public isLocked({ lock }: StoredSnapshot): boolean {
    return lock !== undefined && (lock.startsAt === undefined || this.clock.now() < lock.startsAt + lock.days * DAY);
  }

  public lockedSnapshots(caller: Caller, ids?: readonly string[]): readonly StoredSnapshot[] {
    const { snapshots } = this.place(caller);
    const some = ids ? ids.flatMap((id) => snapshots.get(id) ?? []) : [...snapshots.values()];
    return some.filter((snapshot) => this.isLocked(snapshot));
  }

  public archiveSnapshot(caller: Caller, id: string): void {
    const snapshot = this.own(caller, id);
    const place = this.place(caller);
    if (snapshot.state !== 'completed' || snapshot.tier === 'archive') {
      throw new Ec2Error('IncorrectState', `The snapshot '${id}' is ${snapshot.state}, ${snapshot.tier}`); // code: assumed
    }
    if (snapshot.images.size > 0) throw new Ec2Error('InvalidSnapshot.InUse', `The snapshot ${id} is currently in use by ${[...snapshot.images].join(', ')}`);
    if (place.archiving >= MAX_ARCHIVING) throw new Ec2Error('ResourceLimitExceeded', `Too many snapshots are being archived. The limit is ${MAX_ARCHIVING}.`); // code: assumed
    place.archiving += 1;
    this.clock.after(this.chance.int(1, 24) * HOUR, () => {
      place.archiving -= 1;
      if (!snapshot.deleted) snapshot.tier = 'archive';
    });
  }

  public shareSnapshot(caller: Caller, id: string, accounts: readonly string[]): void {
    const snapshot = this.own(caller, id);
    if (accounts.length > 500) throw new Ec2Error('InvalidParameterValue', `At most 500 accounts can be changed at once, got ${accounts.length}`);
    if (snapshot.key !== undefined && this.keys.get(snapshot.key)?.managedByAws) {
      throw new Ec2Error('OperationNotPermitted', 'Encrypted snapshots with EBS default key cannot be shared');
    }
    for (const account of accounts) {
      snapshot.sharedWith.add(account);
      this.emit(() => shareEvent(this.eventPlace(snapshot), snapshot, account, this.clock.now()));
    }
  }

  /** Tags somebody adds or changes afterwards. */
  public createTags(caller: Caller, id: string, tags: Tags): void {
    const snapshot = this.own(caller, id);
    checkTags(tags);
    const all = { ...snapshot.tags, ...tags };
    checkTags(all);
    this.store(snapshot).retag(snapshot, all);
  }

  // --- inside

  private place({ account, region }: Caller): Place {
    const name = `${account} ${region}`;
    let place = this.places.get(name);
    if (!place) {
      const defaultKey = `arn:aws:kms:${region}:${account}:key/aws-ebs`;
      this.keys.set(defaultKey, { account, accounts: [], arn: defaultKey, enabled: true, managedByAws: true, region });
      place = {
        snapshots: new SnapshotStore(),
        images: new Map(),
        instances: new Map(),
        uses: [],
        tokens: new Map(),
        lineages: new Map(),
        copies: 0,
        imageCopies: 0,
        archiving: 0,
        defaultKey,
      };
      this.places.set(name, place);
    }
    return place;
  }

  private store(snapshot: StoredSnapshot): SnapshotStore {
    return this.place(snapshot).snapshots;
  }

  private id(kind: string): string {
    this.created += 1;
    const hex = (salt: number) => (Math.imul(this.created + salt, 0x9E3779B1) + salt * 0x85EB).toString(16).replace('-', '').padStart(8, '0').slice(-8);
    return `${kind}-0${hex(1)}${this.created.toString(16).padStart(8, '0')}`;
  }

  /**
   * One that is created from a snapshot is a volume like any other from then on: its own snapshots know nothing of the copies made
   * of others, so that its first copy is a full one. EC2's guide counts copies by volume ("Copy an Amazon EBS snapshot": tag them
   * with the volume's id to know the most recent one) and says nothing of volumes made of copies: the dearer case is assumed.
   */
  private volume(at: Caller, { snapshot, ...spec }: VolumeSpec): StoredVolume {
    if (snapshot !== undefined) {
      const source = this.own(at, snapshot);
      if (source.state !== 'completed' || source.tier === 'archive') throw new Ec2Error('IncorrectState', `The snapshot '${snapshot}' is ${source.state}, ${source.tier}`); // code: assumed
      if (!this.mayUse(at.account, source.key)) throw new Ec2Error('InvalidParameterValue', KEY_INACCESSIBLE); // code: assumed
      return this.volume(at, { sizeGiB: source.sizeGiB, key: source.key, ...spec });
    }
    const { device, id = this.id('vol'), key, sizeGiB = 8, tags = {}, type = 'gp3' } = spec;
    return { id, device, sizeGiB, type, tags, key, encrypted: key !== undefined, pending: 0 };
  }

  private checkNew({ account }: Caller, tags: Tags): void {
    checkTags(tags);
    const { accounts = [], keys = [] } = this.options.refusedTags ?? {};
    const refused = accounts.includes(account) ? keys.find((key) => key in tags) : undefined;
    if (refused !== undefined) throw new Ec2Error('TagPolicyViolation', `The tag policy does not allow the specified value for the following tag key: '${refused}'`);
    const missing = this.options.requiredTags?.find((key) => !(key in tags));
    if (missing !== undefined) throw new Ec2Error('TagPolicyViolation', `The tag policy demands the tag '${missing}'`); // code: assumed
  }

  private instance({ account, region }: Caller, id: string): StoredInstance {
    const found = this.place({ account, region }).instances.get(id);
    if (!found) throw new Ec2Error('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
    if (!['running', 'stopped', 'stopping', 'pending'].includes(found.state)) {
      throw new Ec2Error('IncorrectInstanceState', `The instance '${id}' is ${found.state}`);
    }
    return found;
  }

  private own(caller: Caller, id: string): StoredSnapshot {
    const snapshot = this.place(caller).snapshots.get(id);
    if (snapshot && !snapshot.deleted) return snapshot;
    const foreign = this.owners.get(id);
    if (foreign?.region === caller.region && foreign.sharedWith.has(caller.account)) throw new Ec2Error('UnauthorizedOperation', `The snapshot '${id}' belongs to another account`); // code: assumed
    throw new Ec2Error('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
  }

  private sourceOf({ account }: Caller, id: string, region: string): StoredSnapshot {
    if (this.isDark(region)) throw new Ec2Error('InternalError', `The Region '${region}' cannot be reached`);
    const source = this.owners.get(id);
    const isVisible = source && source.region === region && (source.account === account || source.sharedWith.has(account));
    if (!isVisible) throw new Ec2Error('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
    if (source.state !== 'completed') throw new Ec2Error('IncorrectState', `The snapshot '${id}' is in the state '${source.state}'`); // code: assumed
    if (source.tier === 'archive') throw new Ec2Error('IncorrectState', `The snapshot '${id}' is archived`); // code: assumed
    return source;
  }

  private shared({ account, region }: Caller, filters: readonly Filter[], ids?: readonly string[]): StoredSnapshot[] {
    const stores = [...this.places].filter(([name]) => name.endsWith(` ${region}`) && !name.startsWith(`${account} `));
    return stores.flatMap(([, { snapshots }]) => snapshots.find([], ids))
      .filter((snapshot) => snapshot.sharedWith.has(account))
      .map((snapshot): StoredSnapshot => ({ ...snapshot, tags: {} }))
      .filter((snapshot) => filters.every(({ name, values }) => !name.startsWith('tag') && (name !== 'status' || matcherOf(values)(snapshot.state))));
  }

  private snapshot(at: Caller, given: Partial<StoredSnapshot>): StoredSnapshot {
    const id = this.id('snap');
    const now = this.clock.now();
    const settle = this.options.maxSettleMs ?? 0;
    return {
      id,
      order: this.created,
      region: at.region,
      account: at.account,
      state: 'pending',
      volume: ARBITRARY_VOLUME,
      lineage: given.volume ?? id,
      startedAt: now,
      sizeGiB: 8,
      encrypted: false,
      tags: {},
      tier: 'standard',
      description: '',
      visibleAt: now + (settle === 0 ? 0 : this.chance.int(0, settle)),
      deleteRequested: false,
      deleted: false,
      sharedWith: new Set(),
      images: new Set(),
      ...given,
    };
  }

  private enter(snapshot: StoredSnapshot): void {
    this.store(snapshot).add(snapshot);
    this.owners.set(snapshot.id, snapshot);
  }

  private startSnapshots(
    instance: StoredInstance, volumes: readonly StoredVolume[], description: string, tagsOf: (volume: StoredVolume) => Tags,
  ): readonly StoredSnapshot[] {
    for (const { id, pending, type } of volumes) {
      // "Amazon EBS quotas": concurrent snapshots of a volume.
      const limit = type === 'st1' || type === 'sc1' ? 1 : 5;
      if (pending >= limit) throw new Ec2Error('ConcurrentSnapshotLimitExceeded', `Maximum allowed in-progress snapshots for a single volume exceeded: ${id}`);
    }
    const allTags = volumes.map(tagsOf);
    // That the tags taken over from volumes must comply, too, is assumed.
    for (const tags of allTags) this.checkNew(instance, tags);
    return volumes.map((volume, i) => {
      const { encrypted, id, key, sizeGiB } = volume;
      const snapshot = this.snapshot(instance, { volume: id, lineage: id, sizeGiB, encrypted, key, tags: allTags[i], description });
      volume.pending += 1;
      this.enter(snapshot);
      return snapshot;
    });
  }

  /** All of a set are complete, each in its time, or all are in error. */
  private endTogether(members: readonly StoredSnapshot[], volumes: readonly StoredVolume[], failed: boolean, then: () => void): void {
    let open = members.length;
    const ended = () => {
      if (--open === 0) then();
    };
    const failsAt = failed ? this.chance.int(1, 60) * 1000 : 0;
    for (const [i, member] of members.entries()) {
      this.clock.after(failed ? failsAt : this.durations.snapshotMs(this.chance, member.sizeGiB), () => {
        volumes[i].pending -= 1;
        this.end(member, failed ? 'Internal error' : undefined);
        ended();
      });
    }
  }

  private end(snapshot: StoredSnapshot, failure?: string): void {
    if (snapshot.deleted) return;
    this.store(snapshot).move(snapshot, failure === undefined ? 'completed' : 'error');
    if (failure === undefined) {
      snapshot.completedAt = this.clock.now();
      if (snapshot.lock) snapshot.lock.startsAt ??= this.clock.now();
    } else {
      snapshot.stateMessage = failure;
    }
    this.emit(() => (snapshot.source === undefined ? completionEvent : copyEvent)(this.eventPlace(snapshot), snapshot, this.clock.now()));
    if (snapshot.deleteRequested) this.remove(snapshot);
  }

  private remove(snapshot: StoredSnapshot): void {
    snapshot.deleted = true;
    this.owners.delete(snapshot.id);
    this.place(snapshot).lineages.get(snapshot.lineage)?.copies.delete(snapshot);
    const rule = this.recycling.find(({ account, region, tags }) => account === snapshot.account && region === snapshot.region
      && Object.entries(tags).every(([key, value]) => snapshot.tags[key] === value));
    if (!rule || snapshot.state !== 'completed') return this.vanish(snapshot);
    this.recycled.set(snapshot.id, snapshot);
    const until = this.clock.now() + rule.days * DAY;
    snapshot.recycledUntil = until;
    if (this.options.listsRecycled) this.store(snapshot).move(snapshot, 'recoverable');
    else this.vanish(snapshot);
    this.clock.at(until, () => {
      if (!snapshot.deleted || snapshot.recycledUntil !== until) return;
      this.recycled.delete(snapshot.id);
      this.store(snapshot).remove(snapshot);
    });
  }

  private vanish(snapshot: StoredSnapshot): void {
    const { maxLingerMs = 0 } = this.options;
    if (maxLingerMs === 0) this.store(snapshot).remove(snapshot);
    else this.clock.after(this.chance.int(0, maxLingerMs), () => this.owners.has(snapshot.id) || this.store(snapshot).remove(snapshot));
  }

  private lineage(copy: StoredSnapshot): Lineage {
    const { lineages } = this.place(copy);
    let lineage = lineages.get(copy.lineage);
    if (!lineage) {
      lineage = { waiting: [], running: false, copies: new Set() };
      lineages.set(copy.lineage, lineage);
    }
    return lineage;
  }

  /** What a copy takes over from its source, and what not: tags do not follow, its VolumeId is arbitrary. */
  private copied(caller: Caller, source: StoredSnapshot, encrypted: boolean, key: string | undefined): Partial<StoredSnapshot> {
    const isEncrypted = source.encrypted || encrypted;
    return {
      volume: ARBITRARY_VOLUME,
      lineage: source.lineage,
      sizeGiB: source.sizeGiB,
      encrypted: isEncrypted,
      key: isEncrypted ? key ?? this.place(caller).defaultKey : undefined,
      source: source.id,
      sourceRegion: source.region,
    };
  }

  /** A second pending copy of a lineage waits for the first. */
  private queue(copy: StoredSnapshot, source: StoredSnapshot): void {
    const lineage = this.lineage(copy);
    if (lineage.running) lineage.waiting.push(copy);
    else this.run(lineage, copy, source);
  }

  private run(lineage: Lineage, copy: StoredSnapshot, source: StoredSnapshot | undefined): void {
    lineage.running = true;
    const { copies, latest } = lineage;
    copy.incremental = latest !== undefined && !latest.deleted && latest.tier === 'standard' && [...copies].every(({ key }) => key === copy.key);
    const usable = this.mayUse(copy.account, copy.key) && (source === undefined || this.mayUse(copy.account, source.key));
    const mishap = this.chance.chance(this.mishaps.copy);
    const ordinary = this.durations.copyMs(this.chance, copy.sizeGiB, copy.incremental);
    const takes = copy.completionMinutes === undefined ? ordinary : Math.min(ordinary, copy.completionMinutes * MINUTE);
    this.clock.after(usable ? takes : this.chance.int(1, 60) * 1000, () => {
      const lost = !this.owners.has(copy.source!) || this.isDark(copy.sourceRegion!);
      // That a copy fails whose source goes meanwhile is assumed.
      this.place(copy).copies -= 1;
      this.end(copy, !usable ? KEY_INACCESSIBLE : mishap || lost ? 'Internal error' : undefined);
      if (copy.state === 'completed' && !copy.deleted) this.arrived(lineage, copy);
      lineage.running = false;
      const next = lineage.waiting.shift();
      if (next) this.run(lineage, next, this.owners.get(next.source!));
    });
  }

  private arrived(lineage: Lineage, copy: StoredSnapshot): void {
    lineage.latest = copy;
    lineage.copies.add(copy);
  }

  /** Whether EBS may use the key for this account. */
  private mayUse(account: string, arn: string | undefined): boolean {
    if (arn === undefined) return true;
    const key = this.keys.get(arn);
    return key !== undefined && key.enabled && (key.account === account || (!key.managedByAws && key.accounts.includes(account)));
  }

  private checkImageName(caller: Caller, name: string): void {
    if (!/^[\w()[\] ./\-'@]{3,128}$/.test(name)) throw new Ec2Error('InvalidAMIName.Malformed', `The image name '${name}' is not valid: 3 to 128 of A-Z a-z 0-9 ( ) [ ] space . / - ' @ _`);
    const same = [...this.place(caller).images.values()].find((image) => image.name === name);
    if (same) throw new Ec2Error('InvalidAMIName.Duplicate', `AMI name ${name} is already in use by AMI ${same.id}`);
  }

  private register(
    { account, region }: Caller, given: Pick<StoredImage, 'id' | 'name' | 'tags' | 'source'>, members: ReadonlyArray<{ readonly device: string; readonly snapshot: StoredSnapshot }>,
  ): StoredImage {
    const now = this.clock.now();
    const devices = members.map(({ device, snapshot }) => ({ device, snapshot: snapshot.id, sizeGiB: snapshot.sizeGiB }));
    const settle = this.options.maxSettleMs ?? 0;
    const image: StoredImage = {
      ...given, account, region, order: this.created, createdAt: now, visibleAt: now + (settle === 0 ? 0 : this.chance.int(0, settle)), state: 'pending', devices,
    };
    this.place(image).images.set(image.id, image);
    for (const { snapshot } of members) snapshot.images.add(image.id);
    return image;
  }

  private settleImage(image: StoredImage, failed: boolean): void {
    image.state = failed ? 'failed' : 'available';
  }

  private deregistered(id: string): never {
    throw new Ec2Error('InvalidAMIID.Unavailable', `The image '${id}' is no longer there`);
  }

  private emit(event: () => Ec2Event): void {
    if (this.listeners.length === 0) return;
    const made = event();
    if (!this.isDark(made.region)) for (const listener of this.listeners) listener(made);
  }

  private eventPlace({ account, region }: Caller) {
    return { account, region, form: this.options.arnForm ?? 'documented' };
  }
}

/** @throws what EC2 refuses */
export function checkTags(tags: Tags): void {
  const keys = Object.keys(tags);
  if (keys.length > MAX_TAGS) throw new Ec2Error('TagLimitExceeded', `The maximum number of Tags for a resource has been reached: ${MAX_TAGS}`);
  for (const key of keys) {
    if (/^aws:/i.test(key)) throw new Ec2Error('InvalidParameterValue', `Tag keys starting with 'aws:' are reserved for internal use: ${key}`);
    if (key.length < 1 || key.length > 128) throw new Ec2Error('InvalidParameterValue', `Tag key exceeds the maximum length of 128 characters: ${key}`);
    if (tags[key].length > 256) throw new Ec2Error('InvalidParameterValue', `Tag value exceeds the maximum length of 256 characters: ${key}`);
  }
}

/** What copying tags takes along. */
function ownTags(tags: Tags): Tags {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !key.startsWith('aws:')));
}

function imageMatches(image: StoredImage, { name, values }: Filter): boolean {
  if (name.startsWith('tag:')) {
    const value = image.tags[name.slice(4)];
    return value !== undefined && matcherOf(values)(value);
  }
  switch (name) {
    case 'state': return matcherOf(values)(image.state);
    case 'name': return matcherOf(values)(image.name);
    case 'image-id': return matcherOf(values)(image.id);
    case 'tag-key': return Object.keys(image.tags).some(matcherOf(values));
    case 'block-device-mapping.snapshot-id': return image.devices.map(({ snapshot }) => snapshot).some(matcherOf(values));
    case 'owner-id': return matcherOf(values)(image.account);
    default: throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
  }
}

function lognormal(chance: Prng, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - chance.next())) * Math.cos(2 * Math.PI * chance.next());
  return Math.round(median * Math.exp(sigma * normal));
}
