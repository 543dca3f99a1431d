import { Evaluator } from './iam/evaluator';
import { requestsOf, type Landscape } from './iam/requests';
import type { RecordedCall } from './proxy/call';
import { DEFAULT_PLACEMENT } from './resolver';

const ROLE = 'arn:aws:iam::123456789012:role/Role';
const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/k';
const LANDSCAPE: Landscape = {
  ...DEFAULT_PLACEMENT,
  keyOf: () => undefined,
  ownerOf: (arn) => arn.endsWith('*') ? undefined : '123456789012',
  tagsOf: (arn): Record<string, string> => arn.endsWith('*') ? {} : { dr: 'gold' },
  volumesOf: () => ['arn:aws:ec2:eu-west-1:123456789012:volume/vol-1'],
};
const TAGS = [{ ResourceType: 'snapshot', Tag: [{ Key: 'ebsdr:plan', Value: 'p' }] }, { ResourceType: 'image', Tag: [{ Key: 'i', Value: '1' }] }];

function call(service: string, operation: string, body: object): RecordedCall {
  return { n: 1, principal: ROLE, service, operation, region: 'eu-west-1', params: { body }, requestHash: '0', status: 200 };
}

const evaluator = new Evaluator({ roles: [{ arn: ROLE, statements: [], foreignPolicies: [] }], resources: [] }, LANDSCAPE);
const snap = (id: string, region = 'eu-west-1') => `arn:aws:ec2:${region}::snapshot/${id}`;
const image = (id: string, region = 'eu-west-1') => `arn:aws:ec2:${region}::image/${id}`;
const here = (service: string, rest: string) => `arn:aws:${service}:eu-west-1:123456789012:${rest}`;

/** Actions and resources, with what sets the request apart. Each question must make sense to IAM itself. */
test.each<[string, string, object, readonly string[]]>([
  ['ec2', 'CreateSnapshots', { InstanceSpecification: { InstanceId: 'i-1' }, TagSpecification: TAGS }, [
    `ec2:CreateSnapshots ${here('ec2', 'instance/i-1')} dr=gold`, `ec2:CreateSnapshots ${here('ec2', 'volume/vol-1')} dr=gold`,
    `ec2:CreateSnapshots ${snap('*')} +ebsdr:plan=p`, `ec2:CreateTags ${snap('*')} +ebsdr:plan=p by CreateSnapshots`,
  ]],
  ['ec2', 'CreateImage', { InstanceId: 'i-1', Name: 'n', TagSpecification: TAGS }, [
    `ec2:CreateImage ${here('ec2', 'instance/i-1')} dr=gold`, `ec2:CreateImage ${image('*')} +i=1`, `ec2:CreateTags ${image('*')} +i=1 by CreateImage`,
    `ec2:CreateImage ${snap('*')} +ebsdr:plan=p`, `ec2:CreateTags ${snap('*')} +ebsdr:plan=p by CreateImage`,
  ]],
  ['ec2', 'CopySnapshot', { SourceSnapshotId: 'snap-1', SourceRegion: 'us-east-1', KmsKeyId: KEY, TagSpecification: TAGS }, [
    `ec2:CopySnapshot ${snap('snap-1', 'us-east-1')} dr=gold`, `ec2:CopySnapshot ${snap('*')} +ebsdr:plan=p`,
    `ec2:CreateTags ${snap('*')} +ebsdr:plan=p by CopySnapshot`,
    `kms:DescribeKey ${KEY} dr=gold`, `kms:CreateGrant ${KEY} dr=gold`, `kms:GenerateDataKeyWithoutPlaintext ${KEY} dr=gold`, `kms:ReEncryptTo ${KEY} dr=gold`,
  ]],
  ['ec2', 'CopyImage', { SourceImageId: 'ami-1', SourceRegion: 'us-east-1', TagSpecification: TAGS }, [
    `ec2:CopyImage ${image('ami-1', 'us-east-1')} dr=gold`, `ec2:CopyImage ${image('*')} +i=1`, `ec2:CreateTags ${image('*')} +i=1 by CopyImage`,
    `ec2:CopyImage ${snap('*')} +ebsdr:plan=p`, `ec2:CreateTags ${snap('*')} +ebsdr:plan=p by CopyImage`,
  ]],
  ['ec2', 'DeleteSnapshot', { SnapshotId: 'snap-1' }, [`ec2:DeleteSnapshot ${snap('snap-1')} dr=gold`]],
  ['ec2', 'DeregisterImage', { ImageId: 'ami-1' }, [`ec2:DeregisterImage ${image('ami-1')} dr=gold`]],
  ['ec2', 'ModifySnapshotTier', { SnapshotId: 'snap-1', StorageTier: 'archive' }, [`ec2:ModifySnapshotTier ${snap('snap-1')} dr=gold`]],
  ['ec2', 'LockSnapshot', { SnapshotId: 'snap-1', LockMode: 'compliance', LockDuration: '30', CoolOffPeriod: '72' },
    [`ec2:LockSnapshot ${snap('snap-1')} dr=gold days=30 cool=72`]],
  ['ec2', 'ModifySnapshotAttribute', { SnapshotId: 'snap-1', CreateVolumePermission: { Add: [{ UserId: '222222222222' }] } },
    [`ec2:ModifySnapshotAttribute ${snap('snap-1')} dr=gold to=222222222222`]],
  ['ec2', 'CreateTags', { ResourceId: ['snap-1'], Tag: [{ Key: 'ebsdr:plan', Value: 'p' }] }, [`ec2:CreateTags ${snap('snap-1')} dr=gold +ebsdr:plan=p`]],
  ['ec2', 'DescribeSnapshots', {}, ['ec2:DescribeSnapshots *']],
  ['ec2', 'DescribeInstances', {}, ['ec2:DescribeInstances *']],
  ['ec2', 'DescribeLockedSnapshots', {}, ['ec2:DescribeLockedSnapshots *']],
  ['kms', 'DescribeKey', { KeyId: KEY }, [`kms:DescribeKey ${KEY} dr=gold`]],
  ['kms', 'Sign', { KeyId: KEY, SigningAlgorithm: 'RSASSA_PSS_SHA_256', MessageType: 'DIGEST' }, [`kms:Sign ${KEY} dr=gold`]],
  ['ssm', 'SendCommand', { DocumentName: 'Freeze', InstanceIds: ['i-1'] },
    [`ssm:SendCommand ${here('ssm', 'document/Freeze')} dr=gold`, `ssm:SendCommand ${here('ec2', 'instance/i-1')} dr=gold ssm=gold`]],
  ['ssm', 'GetCommandInvocation', { CommandId: 'c' }, ['ssm:GetCommandInvocation *']],
  ['cloudformation', 'CreateChangeSet', { StackName: 'dr-restore-1', ChangeSetName: 'c', RoleARN: ROLE, TemplateURL: 'https://b.s3.amazonaws.com/t' },
    [`cloudformation:CreateChangeSet ${here('cloudformation', 'stack/dr-restore-1/*')}`, `iam:PassRole ${ROLE} dr=gold`]],
  ['cloudformation', 'DeleteStack', { StackName: here('cloudformation', 'stack/dr-drill-1/uuid') },
    [`cloudformation:DeleteStack ${here('cloudformation', 'stack/dr-drill-1/uuid')} dr=gold`]],
  ['cloudformation', 'GetTemplateSummary', {}, ['cloudformation:GetTemplateSummary *']],
  ['servicequotas', 'ListServiceQuotas', { ServiceCode: 'ebs' }, ['servicequotas:ListServiceQuotas *']],
  ['autoscaling', 'DescribeAutoScalingGroups', {}, ['autoscaling:DescribeAutoScalingGroups *']],
])('%s:%s', async (service, operation, body, expected) => {
  const asked = requestsOf(call(service, operation, body), LANDSCAPE);
  const words = asked.map(({ action, context, resource }) => [
    `${action} ${resource}`,
    context['aws:ResourceTag/dr'] && resource !== '*' ? 'dr=gold' : '',
    ...['ebsdr:plan', 'i'].map((key) => `aws:RequestTag/${key}` in context ? `+${key}=${String(context[`aws:RequestTag/${key}`])}` : ''),
    'ec2:CreateAction' in context ? `by ${String(context['ec2:CreateAction'])}` : '',
    'ec2:SnapshotLockDuration' in context ? `days=${String(context['ec2:SnapshotLockDuration'])} cool=${String(context['ec2:SnapshotCoolOffPeriod'])}` : '',
    'ec2:Add/userId' in context ? `to=${String(context['ec2:Add/userId'])}` : '',
    'ssm:resourceTag/dr' in context ? 'ssm=gold' : '',
  ].filter((word) => word !== '').join(' '));
  expect(words).toEqual(expected);
  for (const request of asked) await evaluator.validate(ROLE, request);
});
