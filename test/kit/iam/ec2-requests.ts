import type { IamRequest, Request, Row } from './requests';
import { listOf } from '../proxy/body';

/**
 * What EC2 and KMS ask IAM ("Actions, resources, and condition keys for Amazon EC2", "… for AWS KMS"). What is still to be made
 * has an asterisk for its name; ARNs of snapshots and images have no account.
 */

type Kind = 'snapshot' | 'image' | 'instance' | 'volume';
type Context = IamRequest['context'];
type Json = Readonly<Record<string, unknown>>;

function arnOf(request: Request, kind: Kind, id = '*', region = request.call.region): string {
  const account = kind === 'instance' || kind === 'volume' ? request.landscape.account : '';
  return `arn:${request.landscape.partition}:ec2:${region}:${account}:${kind}/${id}`;
}

function ask(request: Request, action: string, resource: string, context: Context = {}): IamRequest {
  const [, , , region, account] = resource.split(':');
  const owner = request.landscape.ownerOf?.(resource);
  const asked = request.ask(`ec2:${action}`, resource, {
    'ec2:Region': resource === '*' ? request.call.region : region,
    ...owner !== undefined && { 'ec2:Owner': owner },
    ...context,
  });
  const resourceAccount = owner ?? (account === undefined || account === '' ? request.landscape.account : account);
  // No policy of its own says who may use a snapshot or image of another account: that is shared, which EC2 itself looks at.
  return { ...asked, resourceAccount: owner === undefined ? resourceAccount : request.landscape.account, context: { ...asked.context, 'aws:ResourceAccount': resourceAccount } };
}

const describe: Row = (request) => [ask(request, request.call.operation, '*')];

/** Tags of what a call makes, by kind. */
function requestTags(request: Request, kind: Kind): Record<string, string | string[]> {
  const specifications = request.items('TagSpecification').filter(({ ResourceType }) => ResourceType === kind);
  const tags = specifications.flatMap(({ Tag }) => listOf<Json>(Tag)).map(({ Key, Value = '' }) => [String(Key), String(Value)]);
  return {
    ...Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...tags.length > 0 && { 'aws:TagKeys': tags.map(([key]) => key) },
  };
}

/** Something of this kind is made, and tagged if the call says so. */
function creates(request: Request, kind: Kind, context: Context = {}): readonly IamRequest[] {
  const { operation } = request.call;
  const tags = requestTags(request, kind);
  return [
    ask(request, operation, arnOf(request, kind), { ...tags, ...context }),
    ...Object.keys(tags).length === 0 ? [] : [ask(request, 'CreateTags', arnOf(request, kind), { 'ec2:CreateAction': operation, ...tags })],
  ];
}

const onSnapshot = (context: (request: Request) => Context = () => ({})): Row => (request) =>
  [ask(request, request.call.operation, arnOf(request, 'snapshot', request.field('SnapshotId')), context(request))];

/** What EBS does under the caller when a copy comes under a key of the customer's ("Encryption outcomes when copying snapshots"). */
function copyKeys(request: Request, source: string): readonly IamRequest[] {
  const { keyOf } = request.landscape;
  const through = (region: string): Context => ({ 'kms:ViaService': `ec2.${region}.amazonaws.com`, 'kms:EncryptionContextKeys': ['aws:ebs:id'] });
  const target = request.body.KmsKeyId;
  const sourceKey = keyOf?.(source);
  const own = (key: string) => !key.endsWith('/aws-ebs');
  return [
    ...typeof target === 'string' ? [
      request.ask('kms:DescribeKey', target),
      request.ask('kms:CreateGrant', target, { 'kms:ViaService': `ec2.${request.call.region}.amazonaws.com`, 'kms:GrantIsForAWSResource': 'true' }),
      ...['GenerateDataKeyWithoutPlaintext', 'ReEncryptTo'].map((action) => request.ask(`kms:${action}`, target, through(request.call.region))),
    ] : [],
    ...sourceKey !== undefined && own(sourceKey) ? [request.ask('kms:ReEncryptFrom', sourceKey, through(source.split(':')[3]))] : [],
  ];
}

export const EC2_ROWS: Readonly<Record<string, Row>> = {
  CreateSnapshot: (request) => [
    ask(request, 'CreateSnapshot', arnOf(request, 'volume', request.field('VolumeId'))),
    ...creates(request, 'snapshot'),
  ],
  CreateSnapshots: (request) => {
    const instance = arnOf(request, 'instance', String((request.body.InstanceSpecification as Json).InstanceId));
    const volumes = request.landscape.volumesOf?.(instance) ?? [arnOf(request, 'volume')];
    return [...[instance, ...volumes].map((resource) => ask(request, 'CreateSnapshots', resource)), ...creates(request, 'snapshot')];
  },
  CreateImage: (request) => [
    ask(request, 'CreateImage', arnOf(request, 'instance', request.field('InstanceId'))), ...creates(request, 'image'), ...creates(request, 'snapshot'),
  ],
  // Source and destination are asked for one by one (AWS Storage Blog, "Enhancing resource-level permissions for copying Amazon EBS snapshots").
  CopySnapshot: (request) => {
    const source = arnOf(request, 'snapshot', request.field('SourceSnapshotId'), request.field('SourceRegion'));
    return [ask(request, 'CopySnapshot', source), ...creates(request, 'snapshot'), ...copyKeys(request, source)];
  },
  CopyImage: (request) => {
    const source = arnOf(request, 'image', request.field('SourceImageId'), request.field('SourceRegion'));
    return [ask(request, 'CopyImage', source), ...creates(request, 'image'), ...creates(request, 'snapshot'), ...copyKeys(request, source)];
  },
  DeleteSnapshot: onSnapshot(),
  ModifySnapshotTier: onSnapshot(),
  DescribeSnapshotAttribute: onSnapshot(),
  LockSnapshot: onSnapshot(({ body }) => ({
    'ec2:SnapshotLockDuration': String(body.LockDuration), ...body.CoolOffPeriod !== undefined && { 'ec2:SnapshotCoolOffPeriod': String(body.CoolOffPeriod) },
  })),
  ModifySnapshotAttribute: onSnapshot(({ body }) => {
    const added = listOf<Json>((body.CreateVolumePermission as Json | undefined)?.Add).map(({ UserId }) => String(UserId));
    const accounts = [...added, ...listOf<string>(body.UserId)];
    return { 'ec2:Attribute': 'CreateVolumePermission', ...accounts.length > 0 && { 'ec2:Add/userId': accounts.length === 1 ? accounts[0] : accounts } };
  }),
  DeregisterImage: (request) => [ask(request, 'DeregisterImage', arnOf(request, 'image', request.field('ImageId')))],
  CreateTags: (request) => {
    const tags = request.items('Tag').map(({ Key, Value = '' }) => [String(Key), String(Value)]);
    const context = { ...Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value])), 'aws:TagKeys': tags.map(([key]) => key) };
    return listOf<string>(request.body.ResourceId).map((id) => ask(request, 'CreateTags', arnOf(request, KINDS[id.split('-')[0]], id), context));
  },
  ...Object.fromEntries([
    'DescribeAvailabilityZones', 'DescribeImages', 'DescribeInstanceTypeOfferings', 'DescribeInstances', 'DescribeLaunchTemplateVersions', 'DescribeLaunchTemplates',
    'DescribeLockedSnapshots', 'DescribeSnapshotTierStatus', 'DescribeSnapshots', 'DescribeVolumes',
  ].map((action) => [action, describe])),
};

const KINDS: Readonly<Record<string, Kind>> = { snap: 'snapshot', ami: 'image', i: 'instance', vol: 'volume' };

export const KMS_ROWS: Readonly<Record<string, Row>> = {
  DescribeKey: (request) => [request.ask('kms:DescribeKey', request.field('KeyId'))],
  Sign: (request) => [request.ask('kms:Sign', request.field('KeyId'), {
    'kms:SigningAlgorithm': request.field('SigningAlgorithm'), 'kms:MessageType': String(request.body.MessageType ?? 'RAW'),
  })],
};
