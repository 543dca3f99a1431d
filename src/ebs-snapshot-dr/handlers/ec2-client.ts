import {
  AutoScalingClient, DescribeAutoScalingGroupsCommand, DescribeLaunchConfigurationsCommand, type LaunchTemplateSpecification,
} from '@aws-sdk/client-auto-scaling';
import {
  CopyImageCommand, CopySnapshotCommand, CreateImageCommand, CreateSnapshotsCommand, DeleteSnapshotCommand, DeregisterImageCommand,
  DescribeImagesCommand, DescribeInstancesCommand, DescribeLaunchTemplateVersionsCommand, DescribeLockedSnapshotsCommand,
  DescribeSnapshotsCommand, DescribeVolumesCommand, EC2Client, type EC2ClientConfig, type Filter, type Image as SdkImage,
  type Instance as SdkInstance,
  LockSnapshotCommand, ModifySnapshotAttributeCommand, ModifySnapshotTierCommand, type ResourceType, type Snapshot as SdkSnapshot, type Tag,
  type TagSpecification, type Volume as SdkVolume,
} from '@aws-sdk/client-ec2';
import type { Ec2, Image, Instance, Query, Snapshot, Tags } from './ports';
import { codeOf, isRefusal } from './run';
import { isThrottle } from '../../handler-kit/conditional';
import type { Deadline } from '../../handler-kit/deadline';
import { type Page, paginate } from '../../handler-kit/paginate';
import { retry } from '../../handler-kit/retry';

/** Most of one page, and values of one filter (EC2 API reference). */
const PAGE = 1000;
const MAX_VALUES = 200;
/** Tokens come back at 20 a second or so ("API throttling", EC2 user guide): a minute of patience is many of them. */
const THROTTLED = { attempts: 12, baseMs: 200, capMs: 20_000, isRetryable: isThrottle };
/** A Region that does not answer is not asked for long: others may. */
const FAILED = { attempts: 3, baseMs: 200, capMs: 2000, isRetryable: (error: unknown) => !isRefusal(error) };

/** One attempt each: whether a call may be repeated depends on what it does. A page of a thousand takes seconds. */
const CLIENT = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 30_000, throwOnRequestTimeout: true, socketTimeout: 30_000 },
};

/** One environment has one of these for each Region, and for each account that it reads by a role. */
export class Ec2Connection {
  public readonly ec2: EC2Client;
  public readonly autoScaling: AutoScalingClient;

  /** @param credentials default: the function's own */
  constructor(public readonly region: string, credentials?: EC2ClientConfig['credentials']) {
    const config = { ...CLIENT, region, ...credentials && { credentials } };
    this.ec2 = new EC2Client(config);
    this.autoScaling = new AutoScalingClient(config);
    // It copies each answer, without secrets, for a log that nobody keeps: a tenth of what a large page costs.
    this.ec2.middlewareStack.remove('loggerMiddleware');
  }
}

/** EC2 of one Region, for one invocation. */
export class SdkEc2 implements Ec2 {
  public readonly region: string;

  constructor(private readonly connection: Ec2Connection, private readonly deadline: Pick<Deadline, 'remainingMs'>) {
    this.region = connection.region;
  }

  public async instances(): Promise<readonly Instance[]> {
    const volumes = new Map((await this.volumes({ Name: 'attachment.status', Values: ['attached'] })).map((volume) => [volume.VolumeId!, volume]));
    // On its way from one state to the other, an instance must miss neither a set nor the roll call.
    const instances = await this.describeInstances([{ Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] }]);
    // Of two answers one may lack what the other has: an instance whose volumes are not told must not look as if it had none.
    const untold = instances.flatMap(volumesOf).filter((id) => !volumes.has(id));
    for (const some of chunks(untold)) {
      for (const volume of await this.volumes({ Name: 'volume-id', Values: some })) volumes.set(volume.VolumeId!, volume);
    }
    return instances.map((instance) => instanceOf(instance, volumes));
  }

  public async hasInstance(instance: string): Promise<boolean> {
    try {
      const { Reservations: [reservation] = [] } = await this.read(() => this.send(new DescribeInstancesCommand({ InstanceIds: [instance] })));
      return !['shutting-down', 'terminated'].includes(reservation?.Instances?.[0]?.State?.Name ?? '');
    } catch (error) {
      if (codeOf(error) === 'InvalidInstanceID.NotFound') return false;
      throw error;
    }
  }

  public async snapshots({ ids, states, tags }: Query): Promise<readonly Snapshot[]> {
    const found: Snapshot[] = [];
    // As a filter: ids by name would be an error if one is gone.
    for (const some of ids === undefined ? [undefined] : chunks(ids)) {
      const Filters = filtersOf({ tags, 'status': states, 'snapshot-id': some });
      for await (const snapshot of paginate(
        (NextToken) => this.read(() => this.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters, MaxResults: PAGE, NextToken }))),
        ({ Snapshots, NextToken }) => ({ items: snapshotsOf(Snapshots), next: NextToken }),
      )) found.push(snapshot);
    }
    return found;
  }

  public async images({ ids, states, tags }: Query): Promise<readonly Image[]> {
    const found: SdkImage[] = [];
    for (const some of ids === undefined ? [undefined] : chunks(ids)) {
      const Filters = filtersOf({ tags, 'state': states, 'image-id': some });
      found.push(...await this.all(
        (NextToken) => this.send(new DescribeImagesCommand({ Owners: ['self'], Filters, MaxResults: PAGE, NextToken })),
        ({ Images, NextToken }) => ({ items: Images ?? [], next: NextToken }),
      ));
    }
    return found.map(imageOf);
  }

  public async createSnapshots(request: Parameters<Ec2['createSnapshots']>[0]): ReturnType<Ec2['createSnapshots']> {
    const { instance, excludeRoot, excludeVolumes, copyVolumeTags, tags, description, timeoutMs } = request;
    const command = new CreateSnapshotsCommand({
      InstanceSpecification: { InstanceId: instance, ExcludeBootVolume: excludeRoot, ExcludeDataVolumeIds: [...excludeVolumes] },
      CopyTagsFromSource: copyVolumeTags ? 'volume' : undefined,
      TagSpecifications: [tagged('snapshot', tags)],
      Description: description,
    });
    const abortSignal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const { Snapshots: snapshots = [] } = await this.once(() => this.connection.ec2.send(command, { abortSignal }), timeoutMs);
    return snapshots.map(({ SnapshotId: snapshot, VolumeId: volume }) => ({ snapshot: snapshot!, volume: volume! }));
  }

  public async copySnapshot(request: Parameters<Ec2['copySnapshot']>[0]): Promise<string> {
    const { source, sourceRegion, key, completionMinutes, tags, description } = request;
    const { SnapshotId: snapshot } = await this.once(() => this.send(new CopySnapshotCommand({
      SourceSnapshotId: source,
      SourceRegion: sourceRegion,
      ...encryption(key),
      CompletionDurationMinutes: completionMinutes,
      TagSpecifications: [tagged('snapshot', tags)],
      Description: description,
    })));
    return snapshot!;
  }

  public async createImage(request: Parameters<Ec2['createImage']>[0]): Promise<string> {
    const { instance, name, excludeDevices, imageTags, snapshotTags } = request;
    const { ImageId: image } = await this.once(() => this.send(new CreateImageCommand({
      InstanceId: instance,
      Name: name,
      // Otherwise EC2 reboots the instance.
      NoReboot: true,
      BlockDeviceMappings: excludeDevices.map((DeviceName) => ({ DeviceName, NoDevice: '' })),
      TagSpecifications: [tagged('image', imageTags), tagged('snapshot', snapshotTags)],
    })));
    return image!;
  }

  public async copyImage(request: Parameters<Ec2['copyImage']>[0]): Promise<string> {
    const { source, sourceRegion, name, key, token, imageTags, snapshotTags } = request;
    const { ImageId: image } = await this.read(() => this.send(new CopyImageCommand({
      SourceImageId: source,
      SourceRegion: sourceRegion,
      Name: name,
      ...encryption(key),
      ClientToken: token,
      TagSpecifications: [tagged('image', imageTags), tagged('snapshot', snapshotTags)],
    })));
    return image!;
  }

  public async deleteSnapshot(snapshot: string): Promise<void> {
    await this.read(() => this.send(new DeleteSnapshotCommand({ SnapshotId: snapshot })));
  }

  public async deregisterImage(image: string): Promise<void> {
    await this.read(() => this.send(new DeregisterImageCommand({ ImageId: image })));
  }

  public async imagesInUse(images: readonly string[]): Promise<ReadonlySet<string>> {
    const used = [...await this.imagesOfTemplates(), ...await this.imagesOfLaunchConfigurations(), ...await this.imagesOfInstances(images)];
    return new Set(used.filter((image) => images.includes(image)));
  }

  public async lockSnapshot(request: Parameters<Ec2['lockSnapshot']>[0]): Promise<void> {
    const { snapshot, mode, days, coolOffHours } = request;
    const command = new LockSnapshotCommand({ SnapshotId: snapshot, LockMode: mode, LockDuration: days, CoolOffPeriod: coolOffHours });
    await this.read(() => this.send(command));
  }

  public async lockedSnapshots(snapshots: readonly string[]): Promise<ReadonlySet<string>> {
    const asked = new Set(snapshots);
    const all = await this.all(
      (NextToken) => this.send(new DescribeLockedSnapshotsCommand({ MaxResults: PAGE, NextToken })),
      ({ Snapshots, NextToken }) => ({ items: Snapshots ?? [], next: NextToken }),
    );
    return new Set(all.filter(({ LockState: state }) => state !== 'expired').map(({ SnapshotId: snapshot }) => snapshot!).filter((id) => asked.has(id)));
  }

  public async archiveSnapshot(snapshot: string): Promise<void> {
    await this.read(() => this.send(new ModifySnapshotTierCommand({ SnapshotId: snapshot, StorageTier: 'archive' })));
  }

  public async shareSnapshot(snapshot: string, account: string): Promise<void> {
    await this.read(() => this.send(new ModifySnapshotAttributeCommand({
      SnapshotId: snapshot, Attribute: 'createVolumePermission', CreateVolumePermission: { Add: [{ UserId: account }] },
    })));
  }

  /** Default and newest versions of all templates, and the versions groups name. */
  private async imagesOfTemplates(): Promise<string[]> {
    const used = await this.templateVersions({ Versions: ['$Default', '$Latest'] });
    const groups = await this.all(
      (NextToken) => this.connection.autoScaling.send(new DescribeAutoScalingGroupsCommand({ MaxRecords: 100, NextToken })),
      ({ AutoScalingGroups, NextToken }) => ({ items: AutoScalingGroups ?? [], next: NextToken }),
    );
    const named = new Map<string, Set<string>>();
    for (const { LaunchTemplate: template, MixedInstancesPolicy: policy } of groups) {
      const overrides = policy?.LaunchTemplate?.Overrides?.map(({ LaunchTemplateSpecification: specification }) => specification) ?? [];
      for (const specification of [template, policy?.LaunchTemplate?.LaunchTemplateSpecification, ...overrides]) note(named, specification);
    }
    for (const [template, versions] of named) used.push(...await this.templateVersions({ LaunchTemplateId: template, Versions: [...versions] }));
    return used;
  }

  private async templateVersions(of: { readonly LaunchTemplateId?: string; readonly Versions: string[] }): Promise<string[]> {
    const versions = await this.all(
      (NextToken) => this.send(new DescribeLaunchTemplateVersionsCommand({ ...of, NextToken })),
      ({ LaunchTemplateVersions, NextToken }) => ({ items: LaunchTemplateVersions ?? [], next: NextToken }),
    );
    return versions.flatMap(({ LaunchTemplateData: data }) => data?.ImageId ?? []);
  }

  private async imagesOfLaunchConfigurations(): Promise<string[]> {
    const configurations = await this.all(
      (NextToken) => this.connection.autoScaling.send(new DescribeLaunchConfigurationsCommand({ MaxRecords: 100, NextToken })),
      ({ LaunchConfigurations, NextToken }) => ({ items: LaunchConfigurations ?? [], next: NextToken }),
    );
    return configurations.flatMap(({ ImageId: image }) => image ?? []);
  }

  private async imagesOfInstances(images: readonly string[]): Promise<string[]> {
    const used: string[] = [];
    for (const some of chunks(images)) {
      const instances = await this.describeInstances([{ Name: 'image-id', Values: some }]);
      used.push(...instances.filter(({ State: state }) => state?.Name !== 'terminated').flatMap(({ ImageId: image }) => image ?? []));
    }
    return used;
  }

  private describeInstances(Filters: Filter[]): Promise<SdkInstance[]> {
    return this.all(
      (NextToken) => this.send(new DescribeInstancesCommand({ Filters, MaxResults: PAGE, NextToken })),
      ({ Reservations, NextToken }) => ({ items: (Reservations ?? []).flatMap(({ Instances }) => Instances ?? []), next: NextToken }),
    );
  }

  private volumes(filter: Filter): Promise<readonly SdkVolume[]> {
    return this.all(
      (NextToken) => this.send(new DescribeVolumesCommand({ Filters: [filter], MaxResults: PAGE, NextToken })),
      ({ Volumes, NextToken }) => ({ items: Volumes ?? [], next: NextToken }),
    );
  }

  /** Every page, or the error of the one that is missing. */
  private async all<P, T>(fetch: (token?: string) => Promise<P>, pick: (page: P) => Page<T>): Promise<T[]> {
    const items: T[] = [];
    for await (const item of paginate((token) => this.read(() => fetch(token)), pick)) items.push(item);
    return items;
  }

  private get send(): EC2Client['send'] {
    return this.connection.ec2.send.bind(this.connection.ec2);
  }

  /** What may be done twice: again after throttles, failures of the service, and lost answers. */
  private read<T>(call: () => Promise<T>): Promise<T> {
    const { deadline } = this;
    return retry(() => retry(call, { ...THROTTLED, deadline }), { ...FAILED, deadline });
  }

  /** What makes something: again only if EC2 did nothing. */
  private once<T>(call: () => Promise<T>, withinMs = Infinity): Promise<T> {
    const end = Date.now() + withinMs;
    const deadline = { remainingMs: () => Math.min(this.deadline.remainingMs(), end - Date.now()) };
    return retry(call, { ...THROTTLED, deadline });
  }
}

function note(named: Map<string, Set<string>>, template: LaunchTemplateSpecification | undefined): void {
  const { LaunchTemplateId: id, Version: version = '$Default' } = template ?? {};
  if (id !== undefined) named.set(id, new Set([...named.get(id) ?? [], version]));
}

function filtersOf({ tags = {}, ...others }: { readonly tags?: Query['tags']; readonly [name: string]: readonly string[] | Query['tags'] }): Filter[] {
  const filters = Object.entries(others).flatMap(([Name, values]) => Array.isArray(values) ? [{ Name, Values: [...values] as string[] }] : []);
  return [...Object.entries(tags).map(([key, values]) => ({ Name: `tag:${key}`, Values: [...values] })), ...filters];
}

function chunks(values: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(values.length / MAX_VALUES) }, (_, index) => values.slice(index * MAX_VALUES, (index + 1) * MAX_VALUES));
}

function tagged(ResourceType: ResourceType, tags: Tags): TagSpecification {
  return { ResourceType, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
}

function encryption(key: string | undefined): { readonly Encrypted?: boolean; readonly KmsKeyId?: string } {
  return key === undefined ? {} : { Encrypted: true, KmsKeyId: key };
}

function tagsOf(tags: readonly Tag[] | undefined, one: (text: string) => string = (text) => text): Tags {
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key!, one(Value ?? '')]));
}

function volumesOf({ BlockDeviceMappings: mappings = [] }: SdkInstance): string[] {
  return mappings.flatMap(({ Ebs: ebs }) => ebs?.VolumeId ?? []);
}

function instanceOf(instance: SdkInstance, volumes: ReadonlyMap<string, SdkVolume>): Instance {
  return {
    instance: instance.InstanceId!,
    state: instance.State!.Name!,
    tags: tagsOf(instance.Tags),
    rootDevice: instance.RootDeviceName ?? '',
    volumes: (instance.BlockDeviceMappings ?? []).flatMap(({ DeviceName: device, Ebs: ebs }) => {
      const volume = volumes.get(ebs?.VolumeId ?? '');
      if (volume === undefined) return [];
      return [{ volume: volume.VolumeId!, device: device!, type: volume.VolumeType!, sizeGiB: volume.Size!, tags: tagsOf(volume.Tags) }];
    }),
  };
}

/** Of one page. It repeats most of its texts a thousand times; what is kept of hundreds of pages must not. */
function snapshotsOf(page: readonly SdkSnapshot[] = []): Snapshot[] {
  const texts = new Map<string, string>();
  const one = (text: string) => {
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return known ?? text;
  };
  return page.map((snapshot) => snapshotOf(snapshot, one));
}

function snapshotOf(snapshot: SdkSnapshot, one: (text: string) => string): Snapshot {
  return {
    snapshot: snapshot.SnapshotId!,
    state: snapshot.State!,
    stateMessage: snapshot.StateMessage,
    volume: one(snapshot.VolumeId!),
    startedAt: snapshot.StartTime!.getTime(),
    completedAt: snapshot.CompletionTime?.getTime(),
    sizeGiB: snapshot.VolumeSize!,
    encrypted: snapshot.Encrypted ?? false,
    key: snapshot.KmsKeyId && one(snapshot.KmsKeyId),
    tags: tagsOf(snapshot.Tags, one),
    transferType: snapshot.TransferType,
    tier: snapshot.StorageTier ?? 'standard',
    description: one(snapshot.Description ?? ''),
  };
}

function imageOf(image: SdkImage): Image {
  return {
    image: image.ImageId!,
    state: image.State!,
    createdAt: Date.parse(image.CreationDate!),
    name: image.Name!,
    tags: tagsOf(image.Tags),
    snapshots: (image.BlockDeviceMappings ?? []).flatMap(({ Ebs: ebs }) => ebs?.SnapshotId ?? []),
  };
}
