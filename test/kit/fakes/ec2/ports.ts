import type { Filter } from './filters';
import type { Line } from './line';
import type { Caller, Ec2Model, StoredImage, StoredInstance } from './model';
import type { StoredSnapshot } from './store';
import type { Ec2, Image, Instance, Ledger, LedgerItem, Objects, Quotas, Query, Snapshot } from '../../../../src/ebs-snapshot-dr/handlers/ports';
import { retry } from '../../../../src/handler-kit/retry';
import { Prng } from '../../faults';

/** Snapshots by a page of DescribeSnapshots. */
const PAGE = 1000;

/** The model behind the port, as the functions' own adapter puts the SDK behind it: all pages, and throttles tried again. */
export class FakeEc2 implements Ec2 {
  public readonly region: string;
  private readonly chance = new Prng(1);

  constructor(private readonly model: Ec2Model, private readonly line: Line, private readonly caller: Caller) {
    this.region = caller.region;
  }

  public instances(): Promise<readonly Instance[]> {
    return this.list('DescribeInstances', () => this.model.instances(this.caller)
      .filter(({ state }) => state !== 'shutting-down' && state !== 'terminated').map(instanceView));
  }

  public async hasInstance(id: string): Promise<boolean> {
    const instances = () => this.model.instances(this.caller).filter((instance) => instance.id === id);
    const shown = await this.list('DescribeInstances', instances);
    return shown.every(({ state }) => state !== 'shutting-down' && state !== 'terminated')
      // An answer that lacks it is none: EC2 names what it does not know.
      && instances().length > 0;
  }

  public snapshots({ ids, states, tags = {} }: Query): Promise<readonly Snapshot[]> {
    const filters = [...tagFilters(tags), ...states ? [{ name: 'status', values: states }] : []];
    return this.list('DescribeSnapshots', () => {
      const known = ids?.filter((id) => this.model.find(id)?.account === this.caller.account && this.isVisible(id));
      const found = this.model.snapshots(this.caller, { ids: known, owners: ['self'], filters });
      // The first page came in with the call itself.
      for (let page = PAGE; page < found.length; page += PAGE) this.model.admit(this.caller, 'DescribeSnapshots');
      return found.map(snapshotView);
    });
  }

  public images({ ids, states, tags = {} }: Query): Promise<readonly Image[]> {
    const filters = [...tagFilters(tags), ...states ? [{ name: 'state', values: states }] : []];
    return this.list('DescribeImages', () => this.model.images(this.caller, { filters })
      .filter(({ id }) => !ids || ids.includes(id)).map(imageView));
  }

  public async createSnapshots({ timeoutMs, ...request }: Parameters<Ec2['createSnapshots']>[0]): ReturnType<Ec2['createSnapshots']> {
    const since = this.line.clock.now();
    const members = await this.call('CreateSnapshots', () => this.model.createSnapshots(this.caller, request));
    if (timeoutMs !== undefined && this.line.clock.now() - since > timeoutMs) {
      throw Object.assign(new Error(`no answer within ${timeoutMs} ms`), { name: 'TimeoutError' });
    }
    return members.map(({ id, volume }) => ({ snapshot: id, volume }));
  }

  public copySnapshot({ key, ...request }: Parameters<Ec2['copySnapshot']>[0]): Promise<string> {
    return this.call('CopySnapshot', () => this.model.copySnapshot(this.caller, { ...request, key, encrypted: key !== undefined }).id);
  }

  public createImage(request: Parameters<Ec2['createImage']>[0]): Promise<string> {
    return this.call('CreateImage', () => this.model.createImage(this.caller, { ...request, noReboot: true }).id);
  }

  public copyImage({ key, ...request }: Parameters<Ec2['copyImage']>[0]): Promise<string> {
    return this.call('CopyImage', () => this.model.copyImage(this.caller, { ...request, key, encrypted: key !== undefined }).id);
  }

  public deleteSnapshot(snapshot: string): Promise<void> {
    return this.call('DeleteSnapshot', () => this.model.deleteSnapshot(this.caller, snapshot));
  }

  public deregisterImage(image: string): Promise<void> {
    return this.call('DeregisterImage', () => this.model.deregisterImage(this.caller, image));
  }

  public async imagesInUse(images: readonly string[]): Promise<ReadonlySet<string>> {
    const used = await this.call('DescribeLaunchTemplateVersions', () => [
      ...this.model.uses(this.caller).filter(({ isDefault, kind }) => kind !== 'launch-template' || (isDefault ?? true)).map(({ image }) => image),
      ...this.model.instances(this.caller).flatMap(({ image, state }) => image === undefined || state === 'terminated' ? [] : [image]),
    ]);
    return new Set(used.filter((image) => images.includes(image)));
  }

  public lockSnapshot(request: Parameters<Ec2['lockSnapshot']>[0]): Promise<void> {
    return this.call('LockSnapshot', () => this.model.lockSnapshot(this.caller, request));
  }

  public async lockedSnapshots(snapshots: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(await this.call('DescribeLockedSnapshots', () => this.model.lockedSnapshots(this.caller, snapshots).map(({ id }) => id)));
  }

  public archiveSnapshot(snapshot: string): Promise<void> {
    return this.call('ModifySnapshotTier', () => this.model.archiveSnapshot(this.caller, snapshot));
  }

  public shareSnapshot(snapshot: string, account: string): Promise<void> {
    return this.call('ModifySnapshotAttribute', () => this.model.shareSnapshot(this.caller, snapshot, [account]));
  }

  private call<T>(action: string, apply: () => T): Promise<T> {
    return this.patiently(() => this.line.call('ec2', action, this.region, () => {
      this.model.admit(this.caller, action);
      return apply();
    }));
  }

  private list<T>(action: string, apply: () => readonly T[]): Promise<readonly T[]> {
    return this.patiently(() => this.line.list('ec2', action, this.region, () => {
      this.model.admit(this.caller, action);
      return apply();
    }));
  }

  private patiently<T>(call: () => Promise<T>): Promise<T> {
    return retry(call, {
      attempts: 6,
      baseMs: 500,
      capMs: 20_000,
      isRetryable: (error) => error instanceof Error && error.name === 'RequestLimitExceeded',
      random: () => this.chance.next(),
      sleep: (ms) => this.line.clock.sleep(ms),
    });
  }

  private isVisible(id: string): boolean {
    return (this.model.find(id)?.visibleAt ?? Infinity) <= this.line.clock.now() && this.model.find(id)?.region === this.region;
  }
}

export class FakeQuotas implements Quotas {
  constructor(private readonly model: Ec2Model, private readonly line: Line, private readonly region: string) {}

  public concurrentSnapshotCopies(): Promise<number> {
    return this.line.call('servicequotas', 'GetServiceQuota', this.region, () => this.model.copyLimit(this.region));
  }
}

/** One Region's table; lives as long as the world does, while {@link FakeLedger} is one run's way to it. */
export class LedgerTable {
  private readonly partitions = new Map<string, { readonly items: Map<string, LedgerItem>; sorted: string[] | undefined }>();

  /** @param now what has expired a day ago is gone; before, it may still be read, as with DynamoDB */
  constructor(public readonly region: string, private readonly now: () => number) {}

  public get(pk: string, sk: string): LedgerItem | undefined {
    const item = this.partitions.get(pk)?.items.get(sk);
    if (item?.expires !== undefined && item.expires * 1000 + 86_400_000 < this.now()) {
      this.remove(pk, sk);
      return undefined;
    }
    return item;
  }

  public list(pk: string, from = ''): readonly LedgerItem[] {
    const partition = this.partitions.get(pk);
    if (!partition) return [];
    const keys = partition.sorted ??= [...partition.items.keys()].sort(byBytes);
    let low = 0;
    for (let high = keys.length; low < high;) {
      const middle = Math.floor((low + high) / 2);
      if (keys[middle] < from) low = middle + 1;
      else high = middle;
    }
    return keys.slice(low).flatMap((sk) => this.get(pk, sk) ?? []);
  }

  public write(item: LedgerItem): void {
    const partition = this.partitions.get(item.pk) ?? { items: new Map<string, LedgerItem>(), sorted: [] };
    this.partitions.set(item.pk, partition);
    const { items, sorted } = partition;
    if (sorted && !items.has(item.sk)) {
      if (sorted.length === 0 || sorted.at(-1)! < item.sk) sorted.push(item.sk);
      else partition.sorted = undefined;
    }
    items.set(item.sk, Object.freeze(structuredClone(item)));
  }

  public remove(pk: string, sk: string): void {
    const partition = this.partitions.get(pk);
    if (!partition?.items.delete(sk) || !partition.sorted) return;
    const at = partition.sorted.indexOf(sk);
    partition.sorted.splice(at, 1);
  }

  public get size(): number {
    return [...this.partitions.values()].reduce((sum, { items }) => sum + items.size, 0);
  }

  /** Everything is lost: what a rebuilding must stand. */
  public wipe(): void {
    this.partitions.clear();
  }
}

export class FakeLedger implements Ledger {
  constructor(private readonly table: LedgerTable, private readonly line: Line) {}

  public get(pk: string, sk: string): Promise<LedgerItem | undefined> {
    return this.call('GetItem', () => this.table.get(pk, sk));
  }

  public list(pk: string, from?: string): Promise<readonly LedgerItem[]> {
    return this.call('Query', () => this.table.list(pk, from));
  }

  public claim(item: LedgerItem): Promise<boolean> {
    return this.call('PutItem', () => this.write(item, this.table.get(item.pk, item.sk) === undefined));
  }

  public put(item: LedgerItem, at?: number): Promise<boolean> {
    return this.call('PutItem', () => this.write(item, at === undefined || this.table.get(item.pk, item.sk)?.at === at));
  }

  public remove(pk: string, sk: string): Promise<void> {
    return this.call('DeleteItem', () => this.table.remove(pk, sk));
  }

  private write(item: LedgerItem, condition: boolean): boolean {
    if (condition) this.table.write(item);
    return condition;
  }

  private call<T>(operation: string, apply: () => T): Promise<T> {
    return this.line.call('dynamodb', operation, this.table.region, apply);
  }
}

/** A versioned bucket; lives as long as the world does. */
export class Bucket {
  /** A version without a body is a delete marker. */
  private readonly objects = new Map<string, { readonly version: string; readonly body?: string }[]>();
  private versions = 0;

  constructor(public readonly region: string) {}

  public put(key: string, body: string): string {
    return this.write(key, body);
  }

  public remove(key: string): void {
    this.write(key);
  }

  public get(key: string, version?: string): { readonly version: string; readonly body: string } | undefined {
    const all = this.objects.get(key);
    const found = version === undefined ? all?.at(-1) : all?.find((candidate) => candidate.version === version);
    return found?.body === undefined ? undefined : { version: found.version, body: found.body };
  }

  public keys(prefix = ''): readonly string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix) && this.get(key) !== undefined).sort(byBytes);
  }

  private write(key: string, body?: string): string {
    const version = `v${++this.versions}`;
    this.objects.set(key, [...this.objects.get(key) ?? [], { version, body }]);
    return version;
  }
}

export class FakeObjects implements Objects {
  constructor(private readonly bucket: Bucket, private readonly line: Line) {}

  public put(key: string, body: string): Promise<{ readonly version: string }> {
    return this.line.call('s3', 'PutObject', this.bucket.region, () => ({ version: this.bucket.put(key, body) }));
  }

  public get(key: string, version?: string): Promise<string | undefined> {
    return this.line.call('s3', 'GetObject', this.bucket.region, () => this.bucket.get(key, version)?.body);
  }

  public head(key: string): ReturnType<Objects['head']> {
    return this.line.call('s3', 'HeadObject', this.bucket.region, () => {
      const there = this.bucket.get(key);
      return there && { version: there.version, etag: `"${there.version}"`, size: Buffer.byteLength(there.body) };
    });
  }

  public remove(key: string): Promise<void> {
    return this.line.call('s3', 'DeleteObject', this.bucket.region, () => this.bucket.remove(key));
  }
}

function tagFilters(tags: NonNullable<Query['tags']>): Filter[] {
  return Object.entries(tags).map(([key, values]) => ({ name: `tag:${key}`, values }));
}

export function instanceView({ id, rootDevice, state, tags, volumes }: StoredInstance): Instance {
  const attached = volumes.map(({ device, id: volume, sizeGiB, tags: ofVolume, type }) => ({ volume, device, type, sizeGiB, tags: ofVolume }));
  return { instance: id, state, tags, rootDevice, volumes: attached };
}

export function snapshotView(stored: StoredSnapshot): Snapshot {
  const { completedAt, description, encrypted, id, key, sizeGiB, startedAt, state, stateMessage, tags, tier, transferType, volume } = stored;
  return { snapshot: id, state, stateMessage, volume, startedAt, completedAt, sizeGiB, encrypted, key, tags, transferType, tier, description };
}

export function imageView({ createdAt, devices, id, name, state, tags }: StoredImage): Image {
  return { image: id, state, createdAt, name, tags, snapshots: devices.map(({ snapshot }) => snapshot) };
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
