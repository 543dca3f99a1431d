import { createHash } from 'node:crypto';
import { AutoScalingClient, DescribeAutoScalingGroupsCommand, DescribeLaunchConfigurationsCommand } from '@aws-sdk/client-auto-scaling';
import {
  CloudFormationClient, CreateChangeSetCommand, DeleteStackCommand, DescribeChangeSetCommand, DescribeStackEventsCommand, DescribeStacksCommand,
  ExecuteChangeSetCommand, GetTemplateSummaryCommand, ListStackResourcesCommand, type CreateChangeSetCommandInput,
} from '@aws-sdk/client-cloudformation';
import { DescribeKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { paginateListServiceQuotas, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { GetCommandInvocationCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { Ec2Model, MINUTE } from './ec2';
import { DisasterRecoveryFakes } from './index';
import type { SsmCommand, SsmResult } from './ssm';
import { TruthProxy } from '../truth-proxy';

const SITE = { account: '123456789012', region: 'us-west-2' };
const SIGNING_KEY = 'arn:aws:kms:us-west-2:123456789012:key/signing';
const URL = 'https://templates.s3.us-west-2.amazonaws.com/templates/app.json';

let proxy: TruthProxy;
let model: Ec2Model;
let fakes: DisasterRecoveryFakes;
let run: (command: SsmCommand) => Promise<SsmResult | 'lost'>;
let capacity: ReadonlySet<string>;
let templates: Record<string, string>;
const config = { region: 'us-west-2', credentials: { accessKeyId: 'AKIAKIT', secretAccessKey: 'secret' }, maxAttempts: 1 };

beforeAll(async () => {
  const late = (service: string) => ({ [service]: (call: never, principal: string) => fakes.services[service](call, principal) });
  proxy = await TruthProxy.start({
    upstream: 'http://127.0.0.1:9',
    fakes: Object.assign({}, ...['autoscaling', 'cloudformation', 'kms', 'servicequotas', 'ssm'].map(late)),
  });
});
beforeEach(() => {
  model = new Ec2Model();
  run = async () => ({ exitCode: 0, output: 'frozen' });
  capacity = new Set(['us-west-2a', 'us-west-2b']);
  templates = {};
  fakes = new DisasterRecoveryFakes({
    model,
    readTemplate: async (url) => templates[url] ?? Promise.reject(new Error('Access Denied')),
    hasCapacity: (_, zone) => zone === undefined || capacity.has(zone),
    instanceTypes: { 'us-west-2': ['t3.micro', 'm7i.large'] },
    ssm: { documents: ['Freeze'], run: (command) => run(command), manages: (instance) => instance !== 'i-0bad', settleMs: 1000 },
  });
});
afterAll(async () => proxy.stop());

describe('Systems Manager', () => {
  const ssm = () => new SSMClient({ ...config, endpoint: proxy.endpoint });
  const send = (more: object = {}) => ssm().send(new SendCommandCommand({ DocumentName: 'Freeze', InstanceIds: ['i-01'], Parameters: { Action: ['freeze'] }, TimeoutSeconds: 30, ...more }));
  const look = (command: string) => ssm().send(new GetCommandInvocationCommand({ CommandId: command, InstanceId: 'i-01' }));

  test('runs the document with its parameters, and knows of it after a moment', async () => {
    let end: (result: SsmResult) => void = () => {};
    run = () => new Promise((resolve) => end = resolve);
    const { Command } = await send();
    expect(fakes.ssm.commands).toEqual([{ id: Command!.CommandId, instance: 'i-01', document: 'Freeze', parameters: { Action: ['freeze'] } }]);
    await expect(look(Command!.CommandId!)).rejects.toMatchObject({ name: 'InvocationDoesNotExist' });
    model.clock.advance(1000);
    expect(await look(Command!.CommandId!)).toMatchObject({ Status: 'Pending' });
    end({ exitCode: 3, output: 'no such path' });
    expect(await look(Command!.CommandId!)).toMatchObject({ Status: 'Failed', ResponseCode: 3, StandardOutputContent: 'no such path' });
  });

  test('gives up a command that no agent fetched in its time', async () => {
    run = async () => 'lost';
    const { Command } = await send();
    model.clock.advance(29_000);
    expect(await look(Command!.CommandId!)).toMatchObject({ Status: 'Pending' });
    model.clock.advance(1000);
    expect(await look(Command!.CommandId!)).toMatchObject({ Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' });
  });

  test.each([
    ['an unknown document', { DocumentName: 'Other' }, 'InvalidDocument'],
    ['an instance without agent', { InstanceIds: ['i-0bad'] }, 'InvalidInstanceId'],
    ['a timeout below 30 seconds', { TimeoutSeconds: 29 }, 'ValidationException'],
  ])('refuses %s', async (_, more, name) => {
    await expect(send(more)).rejects.toMatchObject({ name });
  });
});

describe('KMS', () => {
  const kms = () => new KMSClient({ ...config, endpoint: proxy.endpoint });
  const sign = (message: Buffer, MessageType: 'RAW' | 'DIGEST') => kms().send(new SignCommand({ KeyId: SIGNING_KEY, Message: message, MessageType, SigningAlgorithm: 'RSASSA_PSS_SHA_256' }));

  test('signs messages and digests so that anybody can check', async () => {
    const { publicKey } = fakes.kms.addSigningKey(SIGNING_KEY);
    const text = Buffer.from('evidence');
    for (const [message, type] of [[text, 'RAW'], [createHash('sha256').update(text).digest(), 'DIGEST']] as const) {
      const { Signature } = await sign(message, type);
      expect(fakes.kms.verifies(SIGNING_KEY, 'evidence', Buffer.from(Signature!).toString('base64'))).toBe(true);
      expect(fakes.kms.verifies(SIGNING_KEY, 'other', Buffer.from(Signature!).toString('base64'))).toBe(false);
    }
    expect(publicKey.asymmetricKeyType).toBe('rsa');
  });

  test('refuses messages over 4,096 bytes, digests of another length, and keys that are not enabled', async () => {
    fakes.kms.addSigningKey(SIGNING_KEY);
    await expect(sign(Buffer.alloc(4097), 'RAW')).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(sign(Buffer.alloc(31), 'DIGEST')).rejects.toMatchObject({ name: 'ValidationException' });
    fakes.kms.setState(SIGNING_KEY, 'PendingDeletion');
    await expect(sign(Buffer.from('x'), 'RAW')).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
    fakes.kms.setState(SIGNING_KEY, 'Disabled');
    await expect(sign(Buffer.from('x'), 'RAW')).rejects.toMatchObject({ name: 'DisabledException' });
  });

  test('says the state of keys', async () => {
    const key = model.addKey(SITE);
    const state = async (KeyId: string) => (await kms().send(new DescribeKeyCommand({ KeyId }))).KeyMetadata!.KeyState;
    expect(await state(key.arn)).toBe('Enabled');
    key.enabled = false;
    expect(await state(key.arn)).toBe('Disabled');
    await expect(state('arn:aws:kms:us-west-2:123456789012:key/none')).rejects.toMatchObject({ name: 'NotFoundException' });
  });
});

test('Service Quotas list those of EBS, in pages', async () => {
  model.setCopyLimit('us-west-2', 7);
  const client = new ServiceQuotasClient({ ...config, endpoint: proxy.endpoint });
  const found: Record<string, number> = {};
  for await (const { Quotas = [] } of paginateListServiceQuotas({ client }, { ServiceCode: 'ebs' })) for (const { QuotaName, Value } of Quotas) found[QuotaName!] = Value!;
  expect(found).toMatchObject({ 'Concurrent snapshot copies per destination Region': 7 });
});

test('Auto Scaling describes groups and launch configurations with their images', async () => {
  model.use({ ...SITE, kind: 'auto-scaling-group', id: 'arn', name: 'web', image: 'ami-1' });
  model.use({ ...SITE, kind: 'launch-configuration', id: 'arn', name: 'old', image: 'ami-2' });
  const client = new AutoScalingClient({ ...config, endpoint: proxy.endpoint });
  expect(await client.send(new DescribeAutoScalingGroupsCommand({}))).toMatchObject({ AutoScalingGroups: [{ AutoScalingGroupName: 'web', LaunchConfigurationName: 'web-configuration' }] });
  const { LaunchConfigurations } = await client.send(new DescribeLaunchConfigurationsCommand({}));
  expect(LaunchConfigurations!.map(({ ImageId }) => ImageId)).toEqual(['ami-1', 'ami-2']);
});

describe('CloudFormation', () => {
  const client = () => new CloudFormationClient({ ...config, endpoint: proxy.endpoint });
  const TEMPLATE = {
    Parameters: {
      Snapshot: { Type: 'String' },
      Image: { Type: 'AWS::EC2::Image::Id' },
      Zone: { Type: 'String', Default: 'us-west-2a' },
      Type: { Type: 'String', Default: 't3.micro' },
    },
    Resources: {
      Data: {
        Type: 'AWS::EC2::Volume',
        DeletionPolicy: 'Retain',
        Properties: { SnapshotId: { Ref: 'Snapshot' }, AvailabilityZone: { Ref: 'Zone' } },
      },
      Server: {
        Type: 'AWS::EC2::Instance',
        Properties: { ImageId: { Ref: 'Image' }, InstanceType: { Ref: 'Type' }, AvailabilityZone: { Ref: 'Zone' } },
      },
    },
    Outputs: { Server: { Value: { Ref: 'Server' } } },
  };

  function given() {
    templates[URL] = JSON.stringify(TEMPLATE);
    const snapshot = model.plant(SITE, { tags: {}, source: 'snap-0' }).id;
    const origin = model.addInstance({ ...SITE, volumes: [{ device: '/dev/xvda' }] });
    const image = model.createImage(SITE, { instance: origin.id, name: 'nightly', noReboot: true }).id;
    model.clock.advance(60 * MINUTE);
    return { snapshot, image };
  }

  const parameters = (values: Record<string, string>) =>
    Object.entries(values).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue }));
  const create = (values: Record<string, string>, more: Partial<CreateChangeSetCommandInput> = {}) => client().send(new CreateChangeSetCommand({
    StackName: 'dr-restore-1',
    ChangeSetName: 'one',
    ChangeSetType: 'CREATE',
    ClientToken: 'one',
    TemplateURL: URL,
    Parameters: parameters(values),
    RoleARN: 'arn:aws:iam::123456789012:role/Cfn',
    ...more,
  }));
  const describe1 = async (StackName = 'dr-restore-1') => (await client().send(new DescribeStacksCommand({ StackName }))).Stacks![0];
  const execute = () => client().send(new ExecuteChangeSetCommand({ StackName: 'dr-restore-1', ChangeSetName: 'one' }));

  test('a change set is reviewed, executed, and its stack deleted', async () => {
    const { image, snapshot } = given();
    const { StackId } = await create({ Snapshot: snapshot, Image: image });
    expect(await client().send(new DescribeChangeSetCommand({ StackName: 'dr-restore-1', ChangeSetName: 'one' }))).toMatchObject({ Status: 'CREATE_PENDING' });
    await expect(execute()).rejects.toMatchObject({ name: 'InvalidChangeSetStatusException' });
    model.clock.advance(2000);
    const { Changes, ExecutionStatus } = await client().send(new DescribeChangeSetCommand({ StackName: 'dr-restore-1', ChangeSetName: 'one' }));
    expect([ExecutionStatus, Changes!.map(({ ResourceChange }) => ResourceChange!.LogicalResourceId)]).toEqual(['AVAILABLE', ['Data', 'Server']]);
    expect(await describe1()).toMatchObject({ StackStatus: 'REVIEW_IN_PROGRESS' });
    await execute();
    expect(await describe1()).toMatchObject({ StackStatus: 'CREATE_IN_PROGRESS', RoleARN: 'arn:aws:iam::123456789012:role/Cfn' });
    model.clock.advance(4 * MINUTE);
    const { Outputs, StackStatus } = await describe1();
    expect([StackStatus, model.instances(SITE).some(({ id }) => id === Outputs![0].OutputValue)]).toEqual(['CREATE_COMPLETE', true]);
    await client().send(new DeleteStackCommand({ StackName: 'dr-restore-1' }));
    model.clock.advance(MINUTE);
    await expect(describe1()).rejects.toThrow(/does not exist/);
    expect(await describe1(StackId)).toMatchObject({ StackStatus: 'DELETE_COMPLETE' });
    const { StackResourceSummaries } = await client().send(new ListStackResourcesCommand({ StackName: StackId }));
    expect(StackResourceSummaries!.map(({ LogicalResourceId, ResourceStatus }) => [LogicalResourceId, ResourceStatus])).toEqual([['Data', 'DELETE_SKIPPED'], ['Server', 'DELETE_COMPLETE']]);
  });

  test('the same token is the same change set; another request under its name is refused', async () => {
    const { image, snapshot } = given();
    const first = await create({ Snapshot: snapshot, Image: image });
    expect(await create({ Snapshot: snapshot, Image: image })).toMatchObject({ Id: first.Id, StackId: first.StackId });
    await expect(create({ Snapshot: snapshot, Image: image, Zone: 'us-west-2b' })).rejects.toMatchObject({ name: 'AlreadyExistsException' });
    expect(fakes.cloudFormation.there).toHaveLength(1);
  });

  test.each<[string, (values: Record<string, string>) => Record<string, string>, Partial<CreateChangeSetCommandInput>, RegExp]>([
    ['an unknown parameter', (values) => ({ ...values, Other: 'x' }), {}, /Other.* do not exist in the template/],
    ['a missing parameter', ({ Image }) => ({ Image }), {}, /Snapshot.* must have values/],
    ['an image that is not there', (values) => ({ ...values, Image: 'ami-0123' }), {}, /ami-0123 .*does not exist/],
    ['a template that is not there', (values) => values, { TemplateURL: 'https://templates.s3.us-west-2.amazonaws.com/none' }, /S3 error/],
    ['a body over 51,200 bytes', (values) => values, { TemplateURL: undefined, TemplateBody: ' '.repeat(51_201) }, /51200 bytes/],
    ['a name with an underscore', (values) => values, { StackName: 'a_b' }, /constraint/],
  ])('refuses %s', async (_, change, more, message) => {
    const { image, snapshot } = given();
    await expect(create(change({ Snapshot: snapshot, Image: image }), more)).rejects.toThrow(message);
    expect(fakes.cloudFormation.there).toEqual([]);
  });

  test('refuses templates over 1 MB, and IAM without its capability', async () => {
    const { image, snapshot } = given();
    templates[URL] = JSON.stringify(TEMPLATE).padEnd(1_048_577);
    await expect(create({ Snapshot: snapshot, Image: image })).rejects.toThrow(/exceed 1048576/);
    templates[URL] = JSON.stringify({ ...TEMPLATE, Resources: { ...TEMPLATE.Resources, Role: { Type: 'AWS::IAM::Role', Properties: {} } } });
    await expect(create({ Snapshot: snapshot, Image: image })).rejects.toMatchObject({ name: 'InsufficientCapabilitiesException' });
    await create({ Snapshot: snapshot, Image: image }, { Capabilities: ['CAPABILITY_IAM'] });
  });

  test.each<[string, (given: { image: string; snapshot: string }) => Record<string, string>, RegExp]>([
    ['a snapshot that is not there', ({ image }) => ({ Image: image, Snapshot: 'snap-0123' }), /snap-0123.* does not exist/],
    ['a zone without capacity', ({ image, snapshot }) => ({ Image: image, Snapshot: snapshot, Zone: 'us-west-2c' }), /InsufficientInstanceCapacity/],
    ['a type the Region lacks', ({ image, snapshot }) => ({ Image: image, Snapshot: snapshot, Type: 'x9.large' }), /not supported/],
  ])('rolls back for %s, and says why', async (_, values, reason) => {
    await create(values(given()));
    model.clock.advance(2000);
    await execute();
    model.clock.advance(4 * MINUTE);
    expect(await describe1()).toMatchObject({ StackStatus: 'ROLLBACK_COMPLETE' });
    const { StackEvents } = await client().send(new DescribeStackEventsCommand({ StackName: 'dr-restore-1' }));
    expect(StackEvents!.find(({ ResourceStatus }) => ResourceStatus === 'CREATE_FAILED')!.ResourceStatusReason).toMatch(reason);
    expect(model.instances(SITE).filter(({ state }) => state === 'running')).toHaveLength(1);
  });

  test('says which parameters a template has', async () => {
    given();
    const { Parameters } = await client().send(new GetTemplateSummaryCommand({ TemplateURL: URL }));
    expect(Parameters!.map(({ DefaultValue, ParameterKey }) => [ParameterKey, DefaultValue])).toEqual([['Snapshot', undefined], ['Image', undefined], ['Zone', 'us-west-2a'], ['Type', 't3.micro']]);
  });
});
