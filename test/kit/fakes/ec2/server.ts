import { Ec2Error } from './error';
import { matcherOf, type Filter } from './filters';
import { HOUR, type Caller, type Ec2Model, type StoredImage, type StoredInstance, type StoredVolume } from './model';
import type { StoredSnapshot } from './store';
import type { Tags } from '../../../../src/ebs-snapshot-dr/handlers/ports';
import { listOf } from '../../proxy/body';
import type { Reply } from '../../proxy/call';
import { Refusal, refusing, Unreachable, type FakeService } from '../../proxy/fake-service';
import { xmlFields, type XmlValue } from '../../proxy/xml';

export interface Ec2ServerOptions {
  readonly model: Ec2Model;
  /** Account of a caller. */
  readonly accountOf: (principal: string) => string;
  /** Instance types each Region offers. @default any */
  readonly instanceTypes?: Readonly<Record<string, readonly string[]>>;
}

/** Longest page ("Pagination", EC2 API reference). */
const MAX_PAGE = 1000;
const MIN_PAGE = 5;

type Json = Readonly<Record<string, unknown>>;
type Answer = (input: Input, caller: Caller, options: Ec2ServerOptions) => { readonly [name: string]: XmlValue };

/** EC2's Query API over the model. It stands behind the truth proxy, which speaks HTTP, knows callers, and strikes with faults. */
export function ec2Service(options: Ec2ServerOptions): FakeService {
  const { accountOf, model } = options;
  return refusing((call, principal): Reply => {
    const caller = { account: accountOf(principal), region: call.region };
    if (model.isDark(call.region)) throw new Unreachable(`EC2 of ${call.region} does not answer`);
    const answer = ACTIONS[call.operation];
    if (!answer) throw new Refusal('InvalidAction', `The action ${call.operation} is not valid for this web service.`);
    try {
      model.admit(caller, call.operation);
      const fields = answer(new Input((call.params.body ?? {}) as Json), caller, options);
      const document = `<${call.operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">`
        + `<requestId>kit-0000-0000</requestId>${xmlFields(fields)}</${call.operation}Response>`;
      return { status: 200, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body: Buffer.from(document) };
    } catch (error) {
      if (error instanceof Ec2Error) throw new Refusal(error.name, error.message, error.status);
      throw error;
    }
  });
}

/** Parameters of a form, by their names on the wire. */
class Input {
  constructor(private readonly fields: Json) {}

  public text(name: string): string | undefined {
    const value = this.fields[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  public required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new Ec2Error('MissingParameter', `The request must contain the parameter ${name}`);
    return value;
  }

  /** Also if it is empty: `NoDevice`. */
  public has(name: string): boolean {
    return this.fields[name] !== undefined;
  }

  public number(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }

  public flag(name: string): boolean {
    return this.text(name) === 'true';
  }

  public inner(name: string): Input {
    return new Input((this.fields[name] ?? {}) as Json);
  }

  /** Undefined if there is none. */
  public texts(name: string): readonly string[] | undefined {
    const values = listOf<string>(this.fields[name]);
    return values.length > 0 ? values : undefined;
  }

  public inners(name: string): readonly Input[] {
    return listOf<Json>(this.fields[name]).map((fields) => new Input(fields));
  }

  public get filters(): readonly Filter[] {
    return this.inners('Filter').map((filter) => ({ name: filter.required('Name'), values: filter.texts('Value') ?? [] }));
  }

  /** @throws for a type the action does not tag, and for a key that comes twice */
  public tags(type: string, ...others: readonly string[]): Tags {
    const specifications = this.inners('TagSpecification');
    const found: Record<string, string> = {};
    for (const specification of specifications) {
      const given = specification.required('ResourceType');
      if (given !== type && !others.includes(given)) throw new Ec2Error('InvalidParameterValue', `'${given}' is not a valid taggable resource type for this operation.`);
      if (given !== type) continue;
      for (const tag of specification.inners('Tag')) {
        const key = tag.required('Key');
        if (key in found) throw new Ec2Error('InvalidParameterValue', `Duplicate tag key '${key}' specified.`);
        found[key] = tag.text('Value') ?? '';
      }
    }
    return found;
  }

  /** @param ids parameter that names what is wanted, which excludes pages */
  public page<T>(all: readonly T[], orderOf: (item: T) => number, ids: string): { readonly items: readonly T[]; readonly nextToken?: string } {
    const max = this.number('MaxResults');
    const token = this.text('NextToken');
    if (max !== undefined && this.texts(ids)) throw new Ec2Error('InvalidParameterCombination', `The parameter ${ids} cannot be used with the parameter maxResults`);
    if (max !== undefined && (max < MIN_PAGE || max > MAX_PAGE)) throw new Ec2Error('InvalidParameterValue', `Value (${max}) for parameter maxResults is invalid. Expecting a value from ${MIN_PAGE} to ${MAX_PAGE}.`);
    const after = token === undefined ? -1 : Number(Buffer.from(token, 'base64url').toString().replace(/^after /, ''));
    if (Number.isNaN(after)) throw new Ec2Error('InvalidPaginationToken', 'The pagination token is not valid');
    const rest = after < 0 ? [...all] : all.filter((item) => orderOf(item) > after);
    if (rest.some((item, i) => i > 0 && orderOf(item) < orderOf(rest[i - 1]))) rest.sort((a, b) => orderOf(a) - orderOf(b));
    const items = max === undefined ? rest : rest.slice(0, max);
    const more = items.length < rest.length;
    return { items, ...more && { nextToken: Buffer.from(`after ${orderOf(items.at(-1)!)}`).toString('base64url') } };
  }
}

const ACTIONS: Readonly<Record<string, Answer>> = {
  DescribeInstances: (input, caller, { model }) => {
    const ids = input.texts('InstanceId');
    const instances = model.instances(caller);
    const missing = ids?.find((id) => !instances.some((instance) => instance.id === id));
    if (missing !== undefined) throw new Ec2Error('InvalidInstanceID.NotFound', `The instance ID '${missing}' does not exist`);
    const tests = input.filters.map((filter) => instanceTest(filter));
    const found = instances.map((instance, order) => ({ instance, order }))
      .filter(({ instance }) => (!ids || ids.includes(instance.id)) && tests.every((passes) => passes(instance)));
    const { items, nextToken } = input.page(found, ({ order }) => order, 'InstanceId');
    return {
      reservationSet: items.map(({ instance }) => ({ reservationId: `r-${instance.id.slice(2)}`, ownerId: instance.account, instancesSet: [instanceXml(instance)] })),
      nextToken,
    };
  },
  DescribeVolumes: (input, caller, { model }) => {
    const ids = input.texts('VolumeId');
    const volumes = model.instances(caller).flatMap((instance) => instance.volumes.map((volume) => ({ instance, volume })));
    const missing = ids?.find((id) => !volumes.some(({ volume }) => volume.id === id));
    if (missing !== undefined) throw new Ec2Error('InvalidVolume.NotFound', `The volume '${missing}' does not exist.`);
    const tests = input.filters.map(volumeTest);
    const found = volumes.map((attached, order) => ({ ...attached, order }))
      .filter((attached) => (!ids || ids.includes(attached.volume.id)) && tests.every((passes) => passes(attached)));
    const { items, nextToken } = input.page(found, ({ order }) => order, 'VolumeId');
    return { volumeSet: items.map(volumeXml), nextToken };
  },
  DescribeSnapshots: (input, caller, { model }) => {
    const found = model.snapshots(caller, {
      ids: input.texts('SnapshotId'), owners: input.texts('Owner'), restorableBy: input.texts('RestorableBy'), filters: input.filters,
    });
    const { items, nextToken } = input.page(found, ({ order }) => order, 'SnapshotId');
    return { snapshotSet: items.map(snapshotXml), nextToken };
  },
  DescribeImages: (input, caller, { model }) => {
    const owners = input.texts('Owner');
    const mine = !owners || owners.some((owner) => owner === 'self' || owner === caller.account);
    const found = mine ? model.images(caller, { ids: input.texts('ImageId'), filters: input.filters }) : [];
    const { items, nextToken } = input.page(found, ({ order }) => order, 'ImageId');
    return { imagesSet: items.map(imageXml), nextToken };
  },
  DescribeLockedSnapshots: (input, caller, { model }) => {
    const { items, nextToken } = input.page(model.lockedSnapshots(caller, input.texts('SnapshotId')), ({ order }) => order, 'SnapshotId');
    return { snapshotSet: items.map((snapshot) => ({ ownerId: snapshot.account, ...lockXml(snapshot, model) })), nextToken };
  },
  DescribeLaunchTemplates: (input, caller, { model }) => {
    const versions = model.uses(caller).filter(({ kind }) => kind === 'launch-template');
    const ids = [...new Set(versions.map(({ id }) => id))];
    const { items, nextToken } = input.page(ids.map((id, order) => ({ id, order })), ({ order }) => order, 'LaunchTemplateId');
    return {
      launchTemplates: items.map(({ id }) => {
        const own = versions.filter((version) => version.id === id);
        const latest = Math.max(...own.map(({ version = 1 }) => version));
        return {
          launchTemplateId: id,
          launchTemplateName: own[0].name,
          defaultVersionNumber: own.find(({ isDefault }) => isDefault)?.version ?? latest,
          latestVersionNumber: latest,
        };
      }),
      nextToken,
    };
  },
  DescribeLaunchTemplateVersions: (input, caller, { model }) => {
    const versions = model.uses(caller).filter(({ kind }) => kind === 'launch-template');
    const wanted = input.texts('LaunchTemplateVersion') ?? [];
    const id = input.text('LaunchTemplateId');
    const name = input.text('LaunchTemplateName');
    const named = id !== undefined || name !== undefined;
    if (!named && !wanted.every((version) => version.startsWith('$'))) {
      throw new Ec2Error('MissingParameter', 'Across all launch templates the versions can only be $Latest and $Default');
    }
    const found = versions.map((use, order) => ({ ...use, version: use.version ?? 1, order })).filter((use, _, all) => {
      if (named && use.id !== id && use.name !== name) return false;
      const own = all.filter((other) => other.id === use.id);
      const latest = Math.max(...own.map(({ version }) => version));
      const standard = own.find(({ isDefault }) => isDefault)?.version ?? latest;
      return wanted.length === 0 || wanted.some((version) => use.version === (version === '$Latest' ? latest : version === '$Default' ? standard : Number(version)));
    });
    const { items, nextToken } = input.page(found, ({ order }) => order, 'LaunchTemplateVersion');
    return {
      launchTemplateVersionSet: items.map(({ id: launchTemplateId, image, isDefault = false, name: launchTemplateName, version }) => ({
        launchTemplateId, launchTemplateName, versionNumber: version, defaultVersion: isDefault, launchTemplateData: { imageId: image },
      })),
      nextToken,
    };
  },
  DescribeInstanceTypeOfferings: (input, { region }, { instanceTypes }) => {
    const filter = input.filters.find(({ name }) => name === 'instance-type');
    const offered = instanceTypes?.[region] ?? filter?.values ?? [];
    const matches = filter ? matcherOf(filter.values) : () => true;
    return { instanceTypeOfferingSet: offered.filter(matches).map((instanceType) => ({ instanceType, locationType: 'region', location: region })) };
  },
  DescribeAvailabilityZones: (input, { region }) => {
    const zones = ['a', 'b', 'c'].map((letter) => `${region}${letter}`);
    const names = input.texts('ZoneName') ?? zones;
    const missing = names.find((name) => !zones.includes(name));
    if (missing !== undefined) throw new Ec2Error('InvalidParameterValue', `Invalid availability zone: [${missing}]`);
    const tests = input.filters.map(({ name, values }) => ({ name, matches: matcherOf(values) }));
    const found = names.filter((zone) => tests.every(({ matches, name }) => matches(name === 'zone-name' ? zone : name === 'state' ? 'available' : region)));
    return { availabilityZoneInfo: found.map((zoneName) => ({ regionName: region, zoneName, zoneState: 'available', zoneType: 'availability-zone' })) };
  },
  CreateSnapshots: (input, caller, { model }) => {
    const of = input.inner('InstanceSpecification');
    const copyTags = input.text('CopyTagsFromSource');
    if (copyTags !== undefined && copyTags !== 'volume') throw new Ec2Error('InvalidParameterValue', `CopyTagsFromSource must be 'volume', got '${copyTags}'`);
    const set = model.createSnapshots(caller, {
      instance: of.required('InstanceId'),
      excludeRoot: of.flag('ExcludeBootVolume'),
      excludeVolumes: of.texts('ExcludeDataVolumeId'),
      copyVolumeTags: copyTags === 'volume',
      tags: input.tags('snapshot'),
      description: input.text('Description'),
    });
    return {
      snapshotSet: set.map(({ account, description, encrypted, id, sizeGiB, startedAt, state, tags, volume }) => ({
        snapshotId: id, volumeId: volume, state, volumeSize: sizeGiB, startTime: iso(startedAt), progress: '', ownerId: account, encrypted, description, tagSet: tagsXml(tags),
      })),
    };
  },
  CopySnapshot: (input, caller, { model }) => {
    const copy = model.copySnapshot(caller, {
      source: input.required('SourceSnapshotId'),
      sourceRegion: input.required('SourceRegion'),
      encrypted: input.flag('Encrypted'),
      key: input.text('KmsKeyId'),
      completionMinutes: input.number('CompletionDurationMinutes'),
      tags: input.tags('snapshot'),
      description: input.text('Description'),
    });
    return { snapshotId: copy.id, tagSet: tagsXml(copy.tags) };
  },
  CreateImage: (input, caller, { model }) => ({
    imageId: model.createImage(caller, {
      instance: input.required('InstanceId'),
      name: input.required('Name'),
      noReboot: input.flag('NoReboot'),
      excludeDevices: input.inners('BlockDeviceMapping').flatMap((device) => device.has('NoDevice') ? [device.required('DeviceName')] : []),
      imageTags: input.tags('image', 'snapshot'),
      snapshotTags: input.tags('snapshot', 'image'),
    }).id,
  }),
  CopyImage: (input, caller, { model }) => ({
    imageId: model.copyImage(caller, {
      source: input.required('SourceImageId'),
      sourceRegion: input.required('SourceRegion'),
      name: input.required('Name'),
      encrypted: input.flag('Encrypted'),
      key: input.text('KmsKeyId'),
      token: input.text('ClientToken'),
      copyTags: input.flag('CopyImageTags'),
      imageTags: input.tags('image', 'snapshot'),
      snapshotTags: input.tags('snapshot', 'image'),
    }).id,
  }),
  DeleteSnapshot: (input, caller, { model }) => {
    model.deleteSnapshot(caller, input.required('SnapshotId'));
    return { return: true };
  },
  DeregisterImage: (input, caller, { model }) => {
    model.deregisterImage(caller, input.required('ImageId'));
    return { return: true };
  },
  LockSnapshot: (input, caller, { model }) => {
    const mode = input.required('LockMode');
    if (mode !== 'governance' && mode !== 'compliance') throw new Ec2Error('InvalidParameterValue', `LockMode must be governance or compliance, got '${mode}'`);
    const snapshot = input.required('SnapshotId');
    model.lockSnapshot(caller, { snapshot, mode, days: input.number('LockDuration') ?? 0, coolOffHours: input.number('CoolOffPeriod') });
    return lockXml(model.find(snapshot)!, model);
  },
  ModifySnapshotTier: (input, caller, { model }) => {
    const tier = input.text('StorageTier');
    if (tier !== 'archive') throw new Ec2Error('InvalidParameterValue', `StorageTier must be 'archive', got '${tier}'`);
    const snapshotId = input.required('SnapshotId');
    model.archiveSnapshot(caller, snapshotId);
    return { snapshotId, tieringStartTime: iso(model.clock.now()) };
  },
  DescribeSnapshotAttribute: (input, caller, { model }) => {
    const snapshotId = input.required('SnapshotId');
    const [snapshot] = model.snapshots(caller, { ids: [snapshotId] });
    return { snapshotId, createVolumePermission: [...snapshot.sharedWith].map((userId) => ({ userId })) };
  },
  ModifySnapshotAttribute: (input, caller, { model }) => {
    const removed = [...input.inner('CreateVolumePermission').inners('Remove'), ...input.text('OperationType') === 'remove' ? [input] : []];
    if (removed.length > 0) throw new Ec2Error('InvalidParameterValue', 'the fake knows no removal of permissions');
    const added = input.inner('CreateVolumePermission').inners('Add').map((permission) => permission.required('UserId'));
    model.shareSnapshot(caller, input.required('SnapshotId'), [...added, ...input.texts('UserId') ?? []]);
    return { return: true };
  },
};

function instanceXml(instance: StoredInstance): { readonly [name: string]: XmlValue } {
  const { hibernation, id, image, rootDevice, state, tags, type, volumes } = instance;
  return {
    instanceId: id,
    imageId: image,
    instanceState: { code: INSTANCE_STATES[state], name: state },
    instanceType: type,
    rootDeviceName: rootDevice,
    rootDeviceType: 'ebs',
    blockDeviceMapping: volumes.map((volume) => ({ deviceName: volume.device, ebs: { volumeId: volume.id, status: 'attached', deleteOnTermination: true } })),
    hibernationOptions: { configured: hibernation },
    tagSet: tagsXml(tags),
  };
}

const INSTANCE_STATES: Readonly<Record<StoredInstance['state'], number>> = {
  'pending': 0, 'running': 16, 'shutting-down': 32, 'terminated': 48, 'stopping': 64, 'stopped': 80,
};

interface AttachedVolume {
  readonly instance: StoredInstance;
  readonly volume: StoredVolume;
}

function volumeXml({ instance, volume }: AttachedVolume): { readonly [name: string]: XmlValue } {
  const { device, encrypted, id, key, sizeGiB, tags, type } = volume;
  return {
    volumeId: id,
    size: sizeGiB,
    volumeType: type,
    status: 'in-use',
    encrypted,
    kmsKeyId: key,
    attachmentSet: [{ volumeId: id, instanceId: instance.id, device, status: 'attached' }],
    tagSet: tagsXml(tags),
  };
}

function snapshotXml(snapshot: StoredSnapshot): { readonly [name: string]: XmlValue } {
  const { account, completedAt, completionMinutes, description, encrypted, id, key, sizeGiB, startedAt, state } = snapshot;
  const { stateMessage, tags, tier, transferType, volume } = snapshot;
  return {
    snapshotId: id,
    volumeId: volume,
    status: state,
    statusMessage: stateMessage,
    startTime: iso(startedAt),
    completionTime: completedAt === undefined ? undefined : iso(completedAt),
    progress: state === 'completed' ? '100%' : '',
    ownerId: account,
    volumeSize: sizeGiB,
    fullSnapshotSizeInBytes: state === 'completed' ? sizeGiB * 2 ** 30 : undefined,
    description,
    encrypted,
    kmsKeyId: key,
    storageTier: tier,
    transferType,
    completionDurationMinutes: completionMinutes,
    tagSet: Object.keys(tags).length > 0 ? tagsXml(tags) : undefined,
  };
}

function imageXml(image: StoredImage): { readonly [name: string]: XmlValue } {
  const { account, createdAt, devices, id, name, source, state, tags } = image;
  return {
    imageId: id,
    name,
    imageState: state,
    imageOwnerId: account,
    creationDate: new Date(createdAt).toISOString(),
    sourceImageId: source,
    rootDeviceName: devices[0]?.device,
    rootDeviceType: 'ebs',
    blockDeviceMapping: devices.map(({ device, sizeGiB, snapshot }) => ({ deviceName: device, ebs: { snapshotId: snapshot, volumeSize: sizeGiB } })),
    tagSet: tagsXml(tags),
  };
}

function lockXml({ id, lock }: StoredSnapshot, model: Ec2Model): { readonly [name: string]: XmlValue } {
  const { coolOffUntil, days, mode, startsAt } = lock!;
  const cooling = coolOffUntil !== undefined && model.clock.now() < coolOffUntil;
  return {
    snapshotId: id,
    lockState: mode === 'governance' ? mode : cooling ? 'compliance-cooloff' : 'compliance',
    lockDuration: days,
    lockDurationStartTime: startsAt === undefined ? undefined : iso(startsAt),
    coolOffPeriodExpiresOn: coolOffUntil === undefined ? undefined : iso(coolOffUntil),
    lockExpiresOn: startsAt === undefined ? undefined : iso(startsAt + days * 24 * HOUR),
  };
}

function instanceTest({ name, values }: Filter): (instance: StoredInstance) => boolean {
  const matches = matcherOf(values);
  if (name.startsWith('tag:')) return ({ tags }) => tags[name.slice(4)] !== undefined && matches(tags[name.slice(4)]);
  switch (name) {
    case 'tag-key': return ({ tags }) => Object.keys(tags).some(matches);
    case 'instance-state-name': return ({ state }) => matches(state);
    case 'instance-id': return ({ id }) => matches(id);
    case 'image-id': return ({ image }) => image !== undefined && matches(image);
    default: throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
  }
}

function volumeTest({ name, values }: Filter): (attached: AttachedVolume) => boolean {
  const matches = matcherOf(values);
  if (name.startsWith('tag:')) return ({ volume: { tags } }) => tags[name.slice(4)] !== undefined && matches(tags[name.slice(4)]);
  switch (name) {
    case 'attachment.instance-id': return ({ instance }) => matches(instance.id);
    case 'attachment.status': return () => matches('attached');
    case 'status': return () => matches('in-use');
    case 'volume-id': return ({ volume }) => matches(volume.id);
    case 'tag-key': return ({ volume }) => Object.keys(volume.tags).some(matches);
    default: throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
  }
}

function tagsXml(tags: Tags): XmlValue {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
