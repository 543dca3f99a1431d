import { App, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import {
  DrTemplate, EbsConsistency, EbsDrill, EbsDrSite, EbsImages, EbsLock, EbsRestore, EbsRetention, EbsSchedule, EbsSelection, EbsSnapshotDr,
} from '../../src';
import { Evaluator } from '../kit/iam/evaluator';
import type { IamRequest } from '../kit/iam/requests';
import { type Statement, TemplateModel } from '../kit/template';

/** What each function of both sides may do and may not, one request a line, decided on the roles of the synthesized templates. */

const ACCOUNT = '123456789012';
const VAULT = '210987654321';
const STRANGER = '999999999999';
/** The plan's, the site's, and one that has nothing to do with it. */
const [HERE, THERE, ELSEWHERE] = ['eu-west-1', 'eu-central-1', 'us-east-1'];

export type Verb = 'snapshot' | 'plan-prune' | 'share' | 'copy' | 'watch' | 'site-prune' | 'sync' | 'restore' | 'drill';

export interface Line {
  readonly verb: Verb;
  readonly allowed: boolean;
  readonly what: string;
  readonly request: IamRequest;
}

type Context = Readonly<Record<string, string | readonly string[]>>;

function request(action: string, resource: string, region: string, context: Context = {}): IamRequest {
  const account = resource.split(':')[4];
  return {
    action,
    resource,
    resourceAccount: account || ACCOUNT,
    context: { 'aws:RequestedRegion': region, ...action.startsWith('ec2:') && { 'ec2:Region': region }, ...context },
  };
}

const instance = (id = 'i-0123456789abcdef0') => `arn:aws:ec2:${HERE}:${ACCOUNT}:instance/${id}`;
const volume = `arn:aws:ec2:${HERE}:${ACCOUNT}:volume/vol-0123456789abcdef0`;
const snapshot = (region: string, id = 'snap-0123456789abcdef0') => `arn:aws:ec2:${region}::snapshot/${id}`;
const image = (region: string, id = 'ami-0123456789abcdef0') => `arn:aws:ec2:${region}::image/${id}`;
const key = (region: string, id = 'volumes', account = ACCOUNT) => `arn:aws:kms:${region}:${account}:key/${id}`;

const has = (tags: Readonly<Record<string, string>>): Context => Object.fromEntries(Object.entries(tags).map(([name, value]) => [`aws:ResourceTag/${name}`, value]));
const asks = (tags: Readonly<Record<string, string>>): Context => ({
  ...Object.fromEntries(Object.entries(tags).map(([name, value]) => [`aws:RequestTag/${name}`, value])), 'aws:TagKeys': Object.keys(tags),
});
const OURS = { 'ebsdr:plan': 'gold' };
const OTHERS = { 'ebsdr:plan': 'silver' };
const GOLD = { dr: 'gold' };
const viaEc2 = (region: string): Context => ({ 'kms:ViaService': `ec2.${region}.amazonaws.com`, 'kms:EncryptionContextKeys': ['aws:ebs:id'] });

/** As a new key has it: its account's policies decide. */
const KEY_POLICIES = [key(THERE, 'copies'), key(THERE, 'signing'), key(HERE), key(ELSEWHERE)].map((resourceArn) => ({
  resourceArn,
  statements: [{ Effect: 'Allow' as const, Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: ['kms:*'], Resource: ['*'] }],
}));

const LOGICAL_IDS: Readonly<Record<Verb, string>> = {
  'snapshot': 'DrSnapshot',
  'plan-prune': 'DrPrune',
  'share': 'DrShare',
  'copy': 'SiteCopy',
  'watch': 'SiteWatch',
  'site-prune': 'SitePrune',
  'sync': 'SiteSync',
  'restore': 'SiteRestore',
  'drill': 'SiteDrill',
};

/** Everything in use: freezing, images, artifacts, lock, archive, a second site in another account, restores and drills. */
export class Policies {
  /** As if each function had this policy. */
  public static under(statements: readonly Statement[]): (line: Line) => boolean {
    const arn = `arn:aws:iam::${ACCOUNT}:role/peer`;
    const landscape = { account: ACCOUNT, partition: 'aws', region: HERE, bucketKey: () => undefined, keyOf: () => undefined };
    const evaluator = new Evaluator({ roles: [{ arn, statements, foreignPolicies: [] }], resources: KEY_POLICIES }, landscape);
    return ({ request: asked }) => evaluator.decide(arn, asked).allowed;
  }

  private readonly evaluators: Readonly<Record<string, Evaluator>>;
  private readonly models: Readonly<Record<string, TemplateModel>>;

  constructor() {
    const app = new App({ context: { 'aws:cdk:disable-asset-staging': true } });
    const [source, recovery, vault] = ([['Source', HERE, ACCOUNT], ['Recovery', THERE, ACCOUNT], ['Vault', ELSEWHERE, VAULT]] as const)
      .map(([id, region, account]) => new Stack(app, id, { env: { region, account } }));
    const site = new EbsDrSite(recovery, 'Site', {
      encryptionKey: kms.Key.fromKeyArn(recovery, 'CopyKey', key(THERE, 'copies')),
      signingKey: kms.Key.fromKeyArn(recovery, 'SigningKey', key(THERE, 'signing')),
      bucket: s3.Bucket.fromBucketAttributes(recovery, 'Bucket', { bucketName: 'recovery', region: THERE }),
      restore: EbsRestore.cloudFormation({
        template: DrTemplate.fromBucket(s3.Bucket.fromBucketName(recovery, 'Templates', 'templates'), 'app.json'),
        executionRole: iam.Role.fromRoleArn(recovery, 'Execution', `arn:aws:iam::${ACCOUNT}:role/restore`),
        stackPrefix: 'shop',
      }),
      drill: EbsDrill.scheduled(EbsSchedule.rate(Duration.days(7)), { probe: lambda.Function.fromFunctionName(recovery, 'Probe', 'probe') }),
    });
    new EbsSnapshotDr(source, 'Dr', {
      planName: 'gold',
      selection: EbsSelection.allOf(EbsSelection.tag('dr', 'gold'), EbsSelection.noneOf(EbsSelection.tag('env', 'dev'))),
      consistency: EbsConsistency.freeze({ paths: ['/data'] }),
      images: EbsImages.every(Duration.days(1)),
      retention: EbsRetention.gfs({ monthly: 12 }),
      archiveAfter: Duration.days(30),
      copyLock: EbsLock.governance(Duration.days(7)),
      artifacts: [s3.Bucket.fromBucketName(source, 'Code', 'code')],
      copyTo: [site, new EbsDrSite(vault, 'Site')],
    });
    this.models = {
      [HERE]: TemplateModel.of(source, { region: HERE, names: { [this.logicalId(source, 'FreezeDocument')]: 'freeze' } }),
      [THERE]: TemplateModel.of(recovery, { region: THERE }),
    };
    this.evaluators = Object.fromEntries(Object.entries(this.models).map(([region, model]) => (
      [region, Evaluator.of(model).with({ resources: KEY_POLICIES })])));
  }

  public decide({ verb, request: asked }: Line): boolean {
    return this.evaluators[this.regionOf(verb)].decide(this.roleOf(verb), asked).allowed;
  }

  public validate({ verb, request: asked }: Line): Promise<void> {
    return this.evaluators[this.regionOf(verb)].validate(this.roleOf(verb), asked);
  }

  public get lines(): readonly Line[] {
    const { tables: [table], queues: [queue] } = this.models[HERE];
    return [
      ...ofSnapshot(table.arn, queue.arn), ...ofPlanPrune(), ...ofShare(),
      ...ofCopy(), ...ofWatch(), ...ofSitePrune(), ...ofSync(), ...ofRestore(), ...ofDrill(),
    ];
  }

  private regionOf(verb: Verb): string {
    return ['snapshot', 'plan-prune', 'share'].includes(verb) ? HERE : THERE;
  }

  private roleOf(verb: Verb): string {
    return this.models[this.regionOf(verb)].roles.find(({ logicalId }) => logicalId.startsWith(`${LOGICAL_IDS[verb]}Role`))!.arn;
  }

  private logicalId(stack: Stack, id: string): string {
    return stack.getLogicalId(stack.node.findChild('Dr').node.findChild(id) as never);
  }
}

function lines(verb: Verb, region: string): {
  may: (what: string, action: string, resource: string, context?: Context, at?: string) => Line;
  mayNot: (what: string, action: string, resource: string, context?: Context, at?: string) => Line;
} {
  const line = (allowed: boolean) => (what: string, action: string, resource: string, context: Context = {}, at = region): Line =>
    ({ verb, allowed, what: `${verb} ${allowed ? 'may' : 'may not'}: ${what}`, request: request(action, resource, at, context) });
  return { may: line(true), mayNot: line(false) };
}

function ofSnapshot(table: string, queue: string): Line[] {
  const { may, mayNot } = lines('snapshot', HERE);
  const byCall = (creation: string): Context => ({ ...asks(OURS), 'ec2:CreateAction': creation });
  return [
    may('see instances', 'ec2:DescribeInstances', '*'),
    may('see volumes', 'ec2:DescribeVolumes', '*'),
    may('find what a lost answer left', 'ec2:DescribeSnapshots', '*'),
    mayNot('see instances of another Region', 'ec2:DescribeInstances', '*', {}, ELSEWHERE),
    may('snapshot a selected instance', 'ec2:CreateSnapshots', instance(), has(GOLD)),
    may('snapshot its volumes', 'ec2:CreateSnapshots', volume),
    mayNot('snapshot an instance of another class', 'ec2:CreateSnapshots', instance(), has({ dr: 'silver' })),
    mayNot('snapshot an instance that is not selected', 'ec2:CreateSnapshots', instance()),
    mayNot('snapshot an instance that is excluded', 'ec2:CreateSnapshots', instance(), has({ ...GOLD, env: 'dev' })),
    may('make snapshots of the plan', 'ec2:CreateSnapshots', snapshot(HERE, '*'), asks(OURS)),
    mayNot('make snapshots of no plan', 'ec2:CreateSnapshots', snapshot(HERE, '*')),
    mayNot('make snapshots of another plan', 'ec2:CreateSnapshots', snapshot(HERE, '*'), asks(OTHERS)),
    mayNot('make snapshots elsewhere', 'ec2:CreateSnapshots', snapshot(ELSEWHERE, '*'), asks(OURS), ELSEWHERE),
    mayNot('snapshot a volume by itself', 'ec2:CreateSnapshot', volume),
    may('tag by the call that makes', 'ec2:CreateTags', snapshot(HERE, '*'), byCall('CreateSnapshots')),
    may('tag images by the call that makes', 'ec2:CreateTags', image(HERE, '*'), byCall('CreateImage')),
    mayNot('tag what is there', 'ec2:CreateTags', snapshot(HERE), asks(OURS)),
    mayNot('tag an image that is there', 'ec2:CreateTags', image(HERE), asks(OURS)),
    mayNot('tag by a call of others', 'ec2:CreateTags', snapshot(HERE, '*'), byCall('CopySnapshot')),
    mayNot('tag for another plan', 'ec2:CreateTags', snapshot(HERE, '*'), { ...asks(OTHERS), 'ec2:CreateAction': 'CreateSnapshots' }),
    mayNot('untag', 'ec2:DeleteTags', snapshot(HERE), { 'aws:TagKeys': ['ebsdr:plan'] }),
    mayNot('tag an instance', 'ec2:CreateTags', instance(), asks({ dr: 'gold' })),
    may('make an image of a selected instance', 'ec2:CreateImage', instance(), has(GOLD)),
    may('make the image', 'ec2:CreateImage', image(HERE, '*'), asks(OURS)),
    may("make the image's snapshots", 'ec2:CreateImage', snapshot(HERE, '*'), asks(OURS)),
    mayNot('make an image of another instance', 'ec2:CreateImage', instance()),
    mayNot('make an image of no plan', 'ec2:CreateImage', image(HERE, '*')),
    mayNot('delete, not even its own', 'ec2:DeleteSnapshot', snapshot(HERE), has(OURS)),
    mayNot('deregister', 'ec2:DeregisterImage', image(HERE), has(OURS)),
    mayNot('share', 'ec2:ModifySnapshotAttribute', snapshot(HERE), { ...has(OURS), 'ec2:Add/userId': VAULT }),
    mayNot('copy', 'ec2:CopySnapshot', snapshot(HERE), { 'ec2:Owner': ACCOUNT }),
    mayNot('stop an instance', 'ec2:StopInstances', instance(), has(GOLD)),
    mayNot('terminate an instance', 'ec2:TerminateInstances', instance(), has(GOLD)),
    mayNot('detach a volume', 'ec2:DetachVolume', volume),
    may('send its document', 'ssm:SendCommand', `arn:aws:ssm:${HERE}:${ACCOUNT}:document/freeze`),
    may('send it to a selected instance', 'ssm:SendCommand', instance(), { 'ssm:resourceTag/dr': 'gold' }),
    may('hear what became of it', 'ssm:GetCommandInvocation', '*'),
    mayNot('send any shell script', 'ssm:SendCommand', `arn:aws:ssm:${HERE}:${ACCOUNT}:document/AWS-RunShellScript`),
    mayNot('send to another instance', 'ssm:SendCommand', instance(), { 'ssm:resourceTag/dr': 'silver' }),
    mayNot('send to an excluded instance', 'ssm:SendCommand', instance(), { 'ssm:resourceTag/dr': 'gold', 'ssm:resourceTag/env': 'dev' }),
    mayNot('open a session', 'ssm:StartSession', instance(), { 'ssm:resourceTag/dr': 'gold' }),
    may('claim a set', 'dynamodb:PutItem', table),
    may('look at a claim', 'dynamodb:GetItem', table),
    mayNot('write another table', 'dynamodb:PutItem', `arn:aws:dynamodb:${HERE}:${ACCOUNT}:table/other`),
    mayNot('drop the table', 'dynamodb:DeleteTable', table),
    may('leave what failed', 'sqs:SendMessage', queue),
    mayNot('take what failed', 'sqs:ReceiveMessage', queue),
  ];
}

function ofPlanPrune(): Line[] {
  const { may, mayNot } = lines('plan-prune', HERE);
  return [
    may('see snapshots', 'ec2:DescribeSnapshots', '*'),
    may('ask the site', 'ec2:DescribeSnapshots', '*', {}, THERE),
    mayNot('ask a site that cannot be asked', 'ec2:DescribeSnapshots', '*', {}, ELSEWHERE),
    may('ask who uses an image', 'ec2:DescribeLaunchTemplateVersions', '*'),
    may('ask groups', 'autoscaling:DescribeAutoScalingGroups', '*'),
    may('delete a snapshot of the plan', 'ec2:DeleteSnapshot', snapshot(HERE), has(OURS)),
    mayNot('delete any snapshot', 'ec2:DeleteSnapshot', snapshot(HERE)),
    mayNot('delete a snapshot of another plan', 'ec2:DeleteSnapshot', snapshot(HERE), has(OTHERS)),
    mayNot("delete the site's copies", 'ec2:DeleteSnapshot', snapshot(THERE), has(OURS), THERE),
    may('deregister an image of the plan', 'ec2:DeregisterImage', image(HERE), has(OURS)),
    mayNot('deregister any image', 'ec2:DeregisterImage', image(HERE)),
    mayNot('deregister an image of another plan', 'ec2:DeregisterImage', image(HERE), has(OTHERS)),
    mayNot("deregister the site's images", 'ec2:DeregisterImage', image(THERE), has(OURS), THERE),
    mayNot('make a foreign snapshot its own', 'ec2:CreateTags', snapshot(HERE), asks(OURS)),
    mayNot('untag', 'ec2:DeleteTags', snapshot(HERE), { 'aws:TagKeys': ['ebsdr:plan'] }),
    mayNot('unlock', 'ec2:UnlockSnapshot', snapshot(HERE), has(OURS)),
    mayNot('share', 'ec2:ModifySnapshotAttribute', snapshot(HERE), { ...has(OURS), 'ec2:Add/userId': VAULT }),
    mayNot('delete volumes', 'ec2:DeleteVolume', volume),
    mayNot('take snapshots', 'ec2:CreateSnapshots', instance(), has(GOLD)),
  ];
}

function ofShare(): Line[] {
  const { may, mayNot } = lines('share', HERE);
  const modify = 'ec2:ModifySnapshotAttribute';
  return [
    may('see snapshots', 'ec2:DescribeSnapshots', '*'),
    may('share with the vault', modify, snapshot(HERE), { ...has(OURS), 'ec2:Add/userId': VAULT }),
    mayNot('share with a stranger', modify, snapshot(HERE), { ...has(OURS), 'ec2:Add/userId': STRANGER }),
    mayNot('share with everybody', modify, snapshot(HERE), { ...has(OURS), 'ec2:Add/group': 'all' }),
    mayNot('share any snapshot', modify, snapshot(HERE), { 'ec2:Add/userId': VAULT }),
    mayNot('share snapshots of another plan', modify, snapshot(HERE), { ...has(OTHERS), 'ec2:Add/userId': VAULT }),
    mayNot('delete', 'ec2:DeleteSnapshot', snapshot(HERE), has(OURS)),
    mayNot('tag', 'ec2:CreateTags', snapshot(HERE), asks(OURS)),
  ];
}

function ofCopy(): Line[] {
  const { may, mayNot } = lines('copy', THERE);
  const byCall = (creation: string): Context => ({ ...asks(OURS), 'ec2:CreateAction': creation });
  const copies = key(THERE, 'copies');
  const grant: Context = { 'kms:ViaService': `ec2.${THERE}.amazonaws.com`, 'kms:GrantIsForAWSResource': 'true' };
  return [
    may('see snapshots of the plan', 'ec2:DescribeSnapshots', '*', {}, HERE),
    may('see whom the RPO counts for', 'ec2:DescribeInstances', '*', {}, HERE),
    may('see images of the plan', 'ec2:DescribeImages', '*', {}, HERE),
    may('see slots', 'ec2:DescribeSnapshots', '*'),
    mayNot('see a third Region', 'ec2:DescribeSnapshots', '*', {}, ELSEWHERE),
    may('ask for the quota', 'servicequotas:ListServiceQuotas', '*'),
    mayNot('ask for more', 'servicequotas:RequestServiceQuotaIncrease', `arn:aws:servicequotas:${THERE}:${ACCOUNT}:ebs/L-1`),
    may('copy from the plan', 'ec2:CopySnapshot', snapshot(HERE), { 'ec2:Owner': ACCOUNT }),
    mayNot('copy what a stranger shared', 'ec2:CopySnapshot', snapshot(HERE), { 'ec2:Owner': STRANGER }),
    mayNot('copy from a third Region', 'ec2:CopySnapshot', snapshot(ELSEWHERE), { 'ec2:Owner': ACCOUNT }),
    may('make the copy, tagged', 'ec2:CopySnapshot', snapshot(THERE, '*'), asks(OURS)),
    mayNot('make a copy of no plan', 'ec2:CopySnapshot', snapshot(THERE, '*')),
    mayNot('make a copy of another plan', 'ec2:CopySnapshot', snapshot(THERE, '*'), asks(OTHERS)),
    mayNot('make a copy elsewhere', 'ec2:CopySnapshot', snapshot(ELSEWHERE, '*'), asks(OURS), ELSEWHERE),
    may('tag by the copy', 'ec2:CreateTags', snapshot(THERE, '*'), byCall('CopySnapshot')),
    may("tag by the image's copy", 'ec2:CreateTags', image(THERE, '*'), byCall('CopyImage')),
    mayNot('tag what is there', 'ec2:CreateTags', snapshot(THERE), asks(OURS)),
    mayNot('tag for another plan', 'ec2:CreateTags', snapshot(THERE, '*'), { ...asks(OTHERS), 'ec2:CreateAction': 'CopySnapshot' }),
    mayNot('untag', 'ec2:DeleteTags', snapshot(THERE), { 'aws:TagKeys': ['ebsdr:source'] }),
    may('copy an image of the plan', 'ec2:CopyImage', image(HERE), { 'ec2:Owner': ACCOUNT }),
    may("make the image's copy", 'ec2:CopyImage', image(THERE, '*'), asks(OURS)),
    mayNot("copy a stranger's image", 'ec2:CopyImage', image(HERE), { 'ec2:Owner': STRANGER }),
    mayNot('make an image of no plan', 'ec2:CopyImage', image(THERE, '*')),
    mayNot('delete', 'ec2:DeleteSnapshot', snapshot(THERE), has(OURS)),
    mayNot('delete in the plan\'s Region', 'ec2:DeleteSnapshot', snapshot(HERE), has(OURS), HERE),
    may('look at its key', 'kms:DescribeKey', copies),
    may('let EBS use it', 'kms:CreateGrant', copies, grant),
    mayNot('let anybody use it', 'kms:CreateGrant', copies, { 'kms:ViaService': `ec2.${THERE}.amazonaws.com`, 'kms:GrantIsForAWSResource': 'false' }),
    may('encrypt copies', 'kms:GenerateDataKeyWithoutPlaintext', copies, viaEc2(THERE)),
    may('encrypt again', 'kms:ReEncryptTo', copies, viaEc2(THERE)),
    mayNot('encrypt by itself', 'kms:GenerateDataKeyWithoutPlaintext', copies),
    mayNot('decrypt for S3', 'kms:Decrypt', copies, { 'kms:ViaService': `s3.${THERE}.amazonaws.com`, 'kms:EncryptionContextKeys': ['aws:s3:arn'] }),
    mayNot('decrypt what is no volume', 'kms:Decrypt', copies, { 'kms:ViaService': `ec2.${THERE}.amazonaws.com`, 'kms:EncryptionContextKeys': ['other'] }),
    may('read volumes of the plan', 'kms:ReEncryptFrom', key(HERE), viaEc2(HERE)),
    mayNot('read volumes of a third Region', 'kms:ReEncryptFrom', key(ELSEWHERE), viaEc2(ELSEWHERE)),
    mayNot('read volumes of a stranger', 'kms:ReEncryptFrom', key(HERE, 'volumes', STRANGER), viaEc2(HERE)),
    mayNot('encrypt under a key of the plan', 'kms:ReEncryptTo', key(HERE), viaEc2(HERE)),
    mayNot('delete its key', 'kms:ScheduleKeyDeletion', copies),
  ];
}

function ofWatch(): Line[] {
  const { may, mayNot } = lines('watch', THERE);
  const lockFor = (days: string): Context => ({ ...has(OURS), 'ec2:SnapshotLockDuration': days });
  return [
    may('see copies', 'ec2:DescribeSnapshots', '*'),
    mayNot('see the plan\'s Region', 'ec2:DescribeSnapshots', '*', {}, HERE),
    may('delete a failed copy', 'ec2:DeleteSnapshot', snapshot(THERE), has(OURS)),
    mayNot('delete any snapshot', 'ec2:DeleteSnapshot', snapshot(THERE)),
    mayNot('delete at the source', 'ec2:DeleteSnapshot', snapshot(HERE), has(OURS), HERE),
    may('lock as long as told', 'ec2:LockSnapshot', snapshot(THERE), lockFor('7')),
    mayNot('lock for longer', 'ec2:LockSnapshot', snapshot(THERE), lockFor('8')),
    mayNot('lock any snapshot', 'ec2:LockSnapshot', snapshot(THERE), { 'ec2:SnapshotLockDuration': '7' }),
    mayNot('unlock', 'ec2:UnlockSnapshot', snapshot(THERE), has(OURS)),
    may('write manifests', 's3:PutObject', 'arn:aws:s3:::recovery/manifests/gold/i-1/1.json'),
    mayNot('write evidence', 's3:PutObject', 'arn:aws:s3:::recovery/evidence/1.json'),
    mayNot('write templates', 's3:PutObject', 'arn:aws:s3:::recovery/templates/site.template'),
    mayNot('copy', 'ec2:CopySnapshot', snapshot(THERE, '*'), asks(OURS)),
  ];
}

function ofSitePrune(): Line[] {
  const { may, mayNot } = lines('site-prune', THERE);
  return [
    may('see copies', 'ec2:DescribeSnapshots', '*'),
    mayNot('ask the source', 'ec2:DescribeSnapshots', '*', {}, HERE),
    may('delete a copy of the plan', 'ec2:DeleteSnapshot', snapshot(THERE), has(OURS)),
    mayNot('delete any snapshot', 'ec2:DeleteSnapshot', snapshot(THERE)),
    mayNot('delete a copy of a plan it does not serve', 'ec2:DeleteSnapshot', snapshot(THERE), has(OTHERS)),
    mayNot('delete at the source', 'ec2:DeleteSnapshot', snapshot(HERE), has(OURS), HERE),
    may('deregister a copy of the plan', 'ec2:DeregisterImage', image(THERE), has(OURS)),
    mayNot('deregister any image', 'ec2:DeregisterImage', image(THERE)),
    may('archive a copy of the plan', 'ec2:ModifySnapshotTier', snapshot(THERE), has(OURS)),
    mayNot('archive any snapshot', 'ec2:ModifySnapshotTier', snapshot(THERE)),
    mayNot('unlock', 'ec2:UnlockSnapshot', snapshot(THERE), has(OURS)),
    mayNot('make a foreign snapshot its own', 'ec2:CreateTags', snapshot(THERE), asks(OURS)),
    may('forget manifests', 's3:DeleteObject', 'arn:aws:s3:::recovery/manifests/gold/i-1/1.json'),
    mayNot('destroy their versions', 's3:DeleteObjectVersion', 'arn:aws:s3:::recovery/manifests/gold/i-1/1.json'),
    mayNot('delete evidence', 's3:DeleteObject', 'arn:aws:s3:::recovery/evidence/1.json'),
  ];
}

function ofSync(): Line[] {
  const { may, mayNot } = lines('sync', THERE);
  return [
    may('list artifacts', 's3:ListBucket', 'arn:aws:s3:::code'),
    may('read artifacts', 's3:GetObject', 'arn:aws:s3:::code/app.zip'),
    mayNot('read other buckets', 's3:GetObject', 'arn:aws:s3:::salaries/2026.csv'),
    mayNot('write where they come from', 's3:PutObject', 'arn:aws:s3:::code/app.zip'),
    may('read the template', 's3:GetObject', 'arn:aws:s3:::templates/app.json'),
    mayNot('read what lies beside it', 's3:GetObject', 'arn:aws:s3:::templates/other.json'),
    may('write artifacts', 's3:PutObject', 'arn:aws:s3:::recovery/artifacts/code/app.zip'),
    may('write the template', 's3:PutObject', 'arn:aws:s3:::recovery/templates/site.template'),
    mayNot('write manifests', 's3:PutObject', 'arn:aws:s3:::recovery/manifests/gold/i-1/1.json'),
    mayNot('delete artifacts', 's3:DeleteObject', 'arn:aws:s3:::recovery/artifacts/code/app.zip'),
    mayNot('delete snapshots', 'ec2:DeleteSnapshot', snapshot(THERE), has(OURS)),
  ];
}

const stack = (name: string) => `arn:aws:cloudformation:${THERE}:${ACCOUNT}:stack/${name}/1`;
const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const URL = `https://recovery.s3.${THERE}.amazonaws.com/templates/site.template?versionId=1`;
const CHANGE = { 'cloudformation:RoleArn': role('restore'), 'cloudformation:TemplateUrl': URL };

function ofRestore(): Line[] {
  const { may, mayNot } = lines('restore', THERE);
  return [
    may('see copies', 'ec2:DescribeSnapshots', '*'),
    may('see zones', 'ec2:DescribeAvailabilityZones', '*'),
    mayNot('ask the source', 'ec2:DescribeSnapshots', '*', {}, HERE),
    may('make a change set', 'cloudformation:CreateChangeSet', stack('shop-restore-1'), CHANGE),
    mayNot('make one under no role', 'cloudformation:CreateChangeSet', stack('shop-restore-1'), { 'cloudformation:TemplateUrl': URL }),
    mayNot('make one under another role', 'cloudformation:CreateChangeSet', stack('shop-restore-1'), { ...CHANGE, 'cloudformation:RoleArn': role('admin') }),
    mayNot('make one of another template', 'cloudformation:CreateChangeSet', stack('shop-restore-1'),
      { ...CHANGE, 'cloudformation:TemplateUrl': 'https://evil.s3.eu-central-1.amazonaws.com/templates/x' }),
    mayNot('make one of another stack', 'cloudformation:CreateChangeSet', stack('payroll'), CHANGE),
    mayNot('make one of a drill', 'cloudformation:CreateChangeSet', stack('shop-drill-1'), CHANGE),
    may('execute it', 'cloudformation:ExecuteChangeSet', stack('shop-restore-1')),
    may('tag its stack', 'cloudformation:TagResource', stack('shop-restore-1')),
    mayNot('tag others', 'cloudformation:TagResource', stack('payroll')),
    mayNot('execute others', 'cloudformation:ExecuteChangeSet', stack('payroll')),
    mayNot('delete what it restored', 'cloudformation:DeleteStack', stack('shop-restore-1')),
    mayNot('update a stack', 'cloudformation:UpdateStack', stack('shop-restore-1')),
    may('pass the role', 'iam:PassRole', role('restore'), { 'iam:PassedToService': 'cloudformation.amazonaws.com' }),
    mayNot('pass it to others', 'iam:PassRole', role('restore'), { 'iam:PassedToService': 'lambda.amazonaws.com' }),
    mayNot('pass another role', 'iam:PassRole', role('admin'), { 'iam:PassedToService': 'cloudformation.amazonaws.com' }),
    may('look at the template', 'cloudformation:GetTemplateSummary', '*', { 'cloudformation:TemplateUrl': URL }),
    may('fetch the template', 's3:GetObjectVersion', 'arn:aws:s3:::recovery/templates/site.template'),
    mayNot('change the template', 's3:PutObject', 'arn:aws:s3:::recovery/templates/site.template'),
    mayNot('delete snapshots', 'ec2:DeleteSnapshot', snapshot(THERE), has(OURS)),
    mayNot('start instances', 'ec2:RunInstances', `arn:aws:ec2:${THERE}:${ACCOUNT}:instance/*`),
    mayNot('sign', 'kms:Sign', key(THERE, 'signing'), { 'kms:SigningAlgorithm': 'RSASSA_PSS_SHA_256' }),
  ];
}

function ofDrill(): Line[] {
  const { may, mayNot } = lines('drill', THERE);
  const probe = (name: string) => `arn:aws:lambda:${THERE}:${ACCOUNT}:function:${name}`;
  return [
    may('make a change set', 'cloudformation:CreateChangeSet', stack('shop-drill-1'), CHANGE),
    mayNot('make one of a restore', 'cloudformation:CreateChangeSet', stack('shop-restore-1'), CHANGE),
    may('delete its stack', 'cloudformation:DeleteStack', stack('shop-drill-1')),
    mayNot('delete what was restored', 'cloudformation:DeleteStack', stack('shop-restore-1')),
    mayNot('delete another stack', 'cloudformation:DeleteStack', stack('payroll')),
    may('sign', 'kms:Sign', key(THERE, 'signing'), { 'kms:SigningAlgorithm': 'RSASSA_PSS_SHA_256' }),
    mayNot('sign otherwise', 'kms:Sign', key(THERE, 'signing'), { 'kms:SigningAlgorithm': 'RSASSA_PKCS1_V1_5_SHA_1' }),
    mayNot('sign by another key', 'kms:Sign', key(THERE, 'copies'), { 'kms:SigningAlgorithm': 'RSASSA_PSS_SHA_256' }),
    may('ask the probe', 'lambda:InvokeFunction', probe('probe')),
    mayNot('invoke others', 'lambda:InvokeFunction', probe('payroll')),
    may('write evidence', 's3:PutObject', 'arn:aws:s3:::recovery/evidence/1.json'),
    mayNot('delete evidence', 's3:DeleteObject', 'arn:aws:s3:::recovery/evidence/1.json'),
    mayNot('delete snapshots', 'ec2:DeleteSnapshot', snapshot(THERE), has(OURS)),
  ];
}

/** Services the managed policies are about. */
export const isSnapshotting = ({ request: { action } }: Line): boolean => /^(ec2|kms):/.test(action);
