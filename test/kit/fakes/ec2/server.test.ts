import {
  CopyImageCommand, CopySnapshotCommand, CreateImageCommand, CreateSnapshotsCommand, DeleteSnapshotCommand, DeregisterImageCommand,
  DescribeAvailabilityZonesCommand, DescribeImagesCommand, DescribeInstancesCommand, DescribeInstanceTypeOfferingsCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand, DescribeLockedSnapshotsCommand, DescribeSnapshotsCommand, DescribeVolumesCommand, EC2Client,
  LockSnapshotCommand,
  ModifySnapshotAttributeCommand, ModifySnapshotTierCommand, paginateDescribeSnapshots,
} from '@aws-sdk/client-ec2';
import { ec2Facts } from './facts';
import { Ec2Model, EPOCH, HOUR, MINUTE, type Durations } from './index';
import { ec2Service } from './server';
import { TAG } from '../../../../src/ebs-snapshot-dr/contract';
import { FaultSchedule, type FaultKind } from '../../faults';
import { requestsOf } from '../../iam/requests';
import { TruthProxy } from '../../truth-proxy';

const ACCOUNT = '123456789012';
const SOURCE = { account: ACCOUNT, region: 'us-east-1' };
const SITE = { account: ACCOUNT, region: 'us-west-2' };
const EXACT: Durations = { snapshotMs: () => 3 * MINUTE, copyMs: () => 8 * MINUTE };

let proxy: TruthProxy;
let model: Ec2Model;
const clients: EC2Client[] = [];

beforeAll(async () => {
  proxy = await TruthProxy.start({
    upstream: 'http://127.0.0.1:9',
    fakes: { ec2: (call, principal) => ec2Service({ model, accountOf: () => ACCOUNT, instanceTypes: { 'us-west-2': ['t3.micro'] } })(call, principal) },
  });
});
beforeEach(() => {
  model = new Ec2Model({ durations: EXACT });
  proxy.use(FaultSchedule.none());
  proxy.clearCalls();
});
afterAll(async () => {
  clients.forEach((open) => open.destroy());
  await proxy.stop();
});

function client(region: string): EC2Client {
  const made = new EC2Client({ region, endpoint: proxy.endpoint, credentials: { accessKeyId: 'AKIAKIT', secretAccessKey: 'secret' }, maxAttempts: 1 });
  clients.push(made);
  return made;
}

function instance() {
  return model.addInstance({ ...SOURCE, tags: { Name: 'db & co' }, volumes: [{ device: '/dev/xvda' }, { device: '/dev/sdf', sizeGiB: 100, tags: { EBS: 'data' } }] });
}

test('the SDK describes instances and volumes', async () => {
  const { id, volumes } = instance();
  const { Reservations } = await client('us-east-1').send(new DescribeInstancesCommand({ Filters: [{ Name: 'instance-state-name', Values: ['running'] }] }));
  expect(Reservations![0].Instances![0]).toMatchObject({
    InstanceId: id,
    State: { Name: 'running' },
    RootDeviceName: '/dev/xvda',
    Tags: [{ Key: 'Name', Value: 'db & co' }],
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda' }, { DeviceName: '/dev/sdf', Ebs: { VolumeId: volumes[1].id } }],
  });
  const { Volumes } = await client('us-east-1').send(new DescribeVolumesCommand({ VolumeIds: [volumes[1].id] }));
  expect(Volumes).toEqual([expect.objectContaining({ Size: 100, Tags: [{ Key: 'EBS', Value: 'data' }] })]);
  expect(await client('eu-west-1').send(new DescribeInstancesCommand({}))).toMatchObject({ Reservations: [] });
});

test('the SDK takes a set, copies it, locks, shares, archives and deletes', async () => {
  const { id, volumes } = instance();
  const [source, site] = [client('us-east-1'), client('us-west-2')];
  const key = model.addKey(SITE).arn;
  const { Snapshots } = await source.send(new CreateSnapshotsCommand({
    InstanceSpecification: { InstanceId: id, ExcludeBootVolume: true }, CopyTagsFromSource: 'volume', TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: TAG.plan, Value: 'p' }] }],
  }));
  expect(Snapshots).toEqual([expect.objectContaining({ State: 'pending', VolumeId: volumes[1].id, StartTime: new Date(EPOCH), Tags: [{ Key: 'EBS', Value: 'data' }, { Key: TAG.plan, Value: 'p' }] })]);
  const SnapshotId = Snapshots![0].SnapshotId!;
  await expect(site.send(new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: SnapshotId }))).rejects.toMatchObject({ name: 'IncorrectState' });
  model.clock.advance(HOUR);
  const { SnapshotId: copy } = await site.send(new CopySnapshotCommand({
    SourceRegion: 'us-east-1', SourceSnapshotId: SnapshotId, Encrypted: true, KmsKeyId: key, TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: TAG.source, Value: SnapshotId }] }],
  }));
  await source.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission: { Add: [{ UserId: '222222222222' }] } }));
  expect([...model.find(SnapshotId)!.sharedWith]).toEqual(['222222222222']);
  model.clock.advance(HOUR);
  const { Snapshots: copies } = await site.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: `tag:${TAG.source}`, Values: ['snap-*'] }, { Name: 'status', Values: ['completed'] }] }));
  expect(copies).toEqual([expect.objectContaining({
    SnapshotId: copy, State: 'completed', VolumeId: 'vol-ffffffff', KmsKeyId: key, Encrypted: true, TransferType: 'standard', StorageTier: 'standard', FullSnapshotSizeInBytes: 100 * 2 ** 30,
  })]);
  await site.send(new LockSnapshotCommand({ SnapshotId: copy, LockMode: 'governance', LockDuration: 1 }));
  expect(await site.send(new DescribeLockedSnapshotsCommand({}))).toMatchObject({ Snapshots: [{ SnapshotId: copy, LockState: 'governance', LockDuration: 1 }] });
  await expect(site.send(new DeleteSnapshotCommand({ SnapshotId: copy }))).rejects.toMatchObject({ name: 'OperationNotPermitted' });
  model.clock.advance(24 * HOUR);
  await site.send(new ModifySnapshotTierCommand({ SnapshotId: copy, StorageTier: 'archive' }));
  await source.send(new DeleteSnapshotCommand({ SnapshotId }));
  expect([model.count(SOURCE), model.count(SITE)]).toEqual([0, 1]);
});

test('the SDK makes, copies and deregisters images, and finds who uses them', async () => {
  const { id } = instance();
  const [source, site] = [client('us-east-1'), client('us-west-2')];
  const { ImageId } = await source.send(new CreateImageCommand({
    InstanceId: id,
    Name: 'nightly',
    NoReboot: true,
    BlockDeviceMappings: [{ DeviceName: '/dev/sdf', NoDevice: '' }],
    TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'i', Value: '1' }] }, { ResourceType: 'snapshot', Tags: [{ Key: 's', Value: '1' }] }],
  }));
  model.clock.advance(HOUR);
  const { Images } = await source.send(new DescribeImagesCommand({ Owners: ['self'] }));
  expect(Images).toEqual([expect.objectContaining({ ImageId, State: 'available', Tags: [{ Key: 'i', Value: '1' }], BlockDeviceMappings: [expect.objectContaining({ DeviceName: '/dev/xvda' })] })]);
  expect(model.instances(SOURCE)[0].reboots).toBe(0);
  const copy = () => site.send(new CopyImageCommand({ SourceImageId: ImageId, SourceRegion: 'us-east-1', Name: 'copy', ClientToken: 't' }));
  const { ImageId: copied } = await copy();
  expect((await copy()).ImageId).toBe(copied);
  model.use({ ...SITE, kind: 'launch-template', id: 'lt-1', name: 'web', image: copied!, version: 3 });
  model.use({ ...SITE, kind: 'launch-template', id: 'lt-1', name: 'web', image: 'ami-1', version: 2, isDefault: true });
  expect(await site.send(new DescribeLaunchTemplatesCommand({}))).toMatchObject({ LaunchTemplates: [{ LaunchTemplateId: 'lt-1', DefaultVersionNumber: 2, LatestVersionNumber: 3 }] });
  const { LaunchTemplateVersions } = await site.send(new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: 'lt-1', Versions: ['$Latest', '$Default'] }));
  expect(LaunchTemplateVersions!.map(({ LaunchTemplateData }) => LaunchTemplateData!.ImageId)).toEqual([copied, 'ami-1']);
  await site.send(new DeregisterImageCommand({ ImageId: copied }));
  expect(await site.send(new DescribeImagesCommand({ Owners: ['self'] }))).toMatchObject({ Images: [] });
});

test('pages hold 5 to 1,000, their tokens lead on, and ids exclude them', async () => {
  const ids = Array.from({ length: 13 }, () => model.plant(SOURCE, { tags: {} }).id);
  const source = client('us-east-1');
  const pages: (string | undefined)[][] = [];
  for await (const page of paginateDescribeSnapshots({ client: source, pageSize: 5 }, { OwnerIds: ['self'] })) pages.push(page.Snapshots!.map(({ SnapshotId }) => SnapshotId));
  expect(pages.map((page) => page.length)).toEqual([5, 5, 3]);
  expect(pages.flat()).toEqual(ids);
  await expect(source.send(new DescribeSnapshotsCommand({ MaxResults: 4 }))).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  await expect(source.send(new DescribeSnapshotsCommand({ MaxResults: 5, SnapshotIds: [ids[0]] }))).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
  await expect(source.send(new DescribeSnapshotsCommand({ SnapshotIds: ['snap-0123'] }))).rejects.toMatchObject({ name: 'InvalidSnapshot.NotFound' });
});

test('the SDK asks what a Region offers', async () => {
  const site = client('us-west-2');
  const { InstanceTypeOfferings } = await site.send(new DescribeInstanceTypeOfferingsCommand({ Filters: [{ Name: 'instance-type', Values: ['m7i.large', 't3.micro'] }] }));
  expect(InstanceTypeOfferings!.map(({ InstanceType }) => InstanceType)).toEqual(['t3.micro']);
  const { AvailabilityZones } = await site.send(new DescribeAvailabilityZonesCommand({ Filters: [{ Name: 'zone-name', Values: ['us-west-2b', 'us-west-2x'] }] }));
  expect(AvailabilityZones!.map(({ ZoneName }) => ZoneName)).toEqual(['us-west-2b']);
});

test.each<[FaultKind, RegExp, number]>([
  ['throttle', /Request limit exceeded/, 0], ['reset-before', /ECONNRESET/, 0], ['reset-after', /ECONNRESET/, 1], ['access-denied', /not authorized/, 0],
])('a fault of the schedule strikes: %s', async (kind, message, made) => {
  const { id } = instance();
  proxy.use(FaultSchedule.of({ operation: 'ec2:CreateSnapshots', fault: { kind } }));
  const take = client('us-east-1').send(new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: id, ExcludeBootVolume: true } }));
  await expect(take).rejects.toThrow(message);
  expect(model.count(SOURCE)).toBe(made);
});

test.each<FaultKind>(['empty-page', 'short-page'])('lists come in pages nobody asked for: %s', async (kind) => {
  const ids = Array.from({ length: 7 }, () => model.plant(SOURCE, { tags: {} }).id);
  proxy.use(FaultSchedule.of({ operation: 'ec2:DescribeSnapshots', nth: 1, fault: { kind } }));
  const found: (string | undefined)[] = [];
  for await (const page of paginateDescribeSnapshots({ client: client('us-east-1') }, { OwnerIds: ['self'] })) found.push(...page.Snapshots!.map(({ SnapshotId }) => SnapshotId));
  expect(found).toEqual(ids);
  expect(proxy.calls.length).toBe(2);
});

test('a dark Region answers nobody, and the bucket is EC2\'s own', async () => {
  model.darken('us-east-1');
  await expect(client('us-east-1').send(new DescribeSnapshotsCommand({}))).rejects.toThrow(/ECONNRESET/);
  const site = client('us-west-2');
  for (let i = 0; i < 100; i++) model.admit(SITE, 'DescribeSnapshots');
  await expect(site.send(new DescribeSnapshotsCommand({}))).rejects.toMatchObject({ name: 'RequestLimitExceeded' });
});

test('what IAM is asked names source and destination, owners, tags and the creating action', async () => {
  const { id, volumes } = instance();
  const key = model.addKey(SITE).arn;
  const sourceKey = model.addKey(SOURCE).arn;
  const planted = model.plant(SOURCE, { tags: { [TAG.plan]: 'p' }, encrypted: true, key: sourceKey });
  const tags = [{ ResourceType: 'snapshot' as const, Tags: [{ Key: TAG.plan, Value: 'p' }] }];
  await client('us-west-2').send(new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: planted.id, Encrypted: true, KmsKeyId: key, TagSpecifications: tags }));
  await client('us-east-1').send(new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: id }, TagSpecifications: tags }));
  const landscape = { account: ACCOUNT, region: 'us-west-2', partition: 'aws', ...ec2Facts(model) };
  const [copy, take] = proxy.calls.map((call) => requestsOf(call, landscape));
  const made = { [`aws:RequestTag/${TAG.plan}`]: 'p', 'aws:TagKeys': [TAG.plan] };
  expect(copy.map(({ action, context, resource }) => [action, resource, context])).toEqual([
    ['ec2:CopySnapshot', `arn:aws:ec2:us-east-1::snapshot/${planted.id}`, expect.objectContaining({ 'ec2:Owner': ACCOUNT, [`aws:ResourceTag/${TAG.plan}`]: 'p', 'ec2:Region': 'us-east-1' })],
    ['ec2:CopySnapshot', 'arn:aws:ec2:us-west-2::snapshot/*', expect.objectContaining(made)],
    ['ec2:CreateTags', 'arn:aws:ec2:us-west-2::snapshot/*', expect.objectContaining({ ...made, 'ec2:CreateAction': 'CopySnapshot' })],
    ['kms:DescribeKey', key, expect.anything()],
    ['kms:CreateGrant', key, expect.objectContaining({ 'kms:GrantIsForAWSResource': 'true' })],
    ['kms:GenerateDataKeyWithoutPlaintext', key, expect.objectContaining({ 'kms:ViaService': 'ec2.us-west-2.amazonaws.com', 'kms:EncryptionContextKeys': ['aws:ebs:id'] })],
    ['kms:ReEncryptTo', key, expect.anything()],
    ['kms:ReEncryptFrom', sourceKey, expect.objectContaining({ 'kms:ViaService': 'ec2.us-east-1.amazonaws.com' })],
  ]);
  expect(take.map(({ action, resource }) => `${action} ${resource}`)).toEqual([
    `ec2:CreateSnapshots arn:aws:ec2:us-east-1:${ACCOUNT}:instance/${id}`,
    ...volumes.map((volume) => `ec2:CreateSnapshots arn:aws:ec2:us-east-1:${ACCOUNT}:volume/${volume.id}`),
    'ec2:CreateSnapshots arn:aws:ec2:us-east-1::snapshot/*',
    'ec2:CreateTags arn:aws:ec2:us-east-1::snapshot/*',
  ]);
});
