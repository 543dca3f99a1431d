/** What the functions of a site may do, and nothing else. */
import { Aws } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { ARTIFACT_PREFIX, EVIDENCE_PREFIX, INVENTORY_PREFIX, LockSettings, MANIFEST_PREFIX, SitePlan, TEMPLATE_PREFIX } from './contract';
import { allowDescribes, allowEbsKeys, allowOwned, allowTagged, allowTagging, denyRetagging, DESCRIBES_REASON, ec2Arn, growing, keysOf } from './permissions';
import { allowPruning } from './plan-permissions';
import { allowTable } from './state-table';
import { TemplateOrigin } from './template-origin';
import { acknowledge, wildcardResource } from '../private/acknowledge';
import { BundledFunction } from '../private/bundled-function';
import { viaService } from '../private/kms-via-service';

export interface SiteGrants {
  readonly plans: () => readonly SitePlan[];
  readonly table: dynamodb.ITable;
  readonly bucket: s3.IBucket;
  readonly key?: kms.IKey;
}

const HERE = { region: Aws.REGION };
const ALL = ['GetItem', 'Query', 'PutItem', 'DeleteItem'] as const;

const names = ({ plans }: SiteGrants) => growing(() => plans().map(({ plan }) => plan));
const regions = ({ plans }: SiteGrants) => growing(() => [Aws.REGION, ...new Set(plans().map(({ region }) => region))]);

/** Copying into this Region; where from, each plan adds. */
export function allowCopying(handler: BundledFunction, grants: SiteGrants): void {
  allowDescribes(handler, ['DescribeInstances', 'DescribeSnapshots', 'DescribeVolumes'], regions(grants));
  // Not a wildcard: EC2 authorises a copy before it has an id, as a resource whose name is an asterisk (AWS Storage Blog, 2025).
  allowTagged(handler, 'CopySnapshot', ec2Arn(HERE, 'snapshot', '${*}'), names(grants));
  allowTagging(handler, ['CopySnapshot'], ['snapshot'], names(grants));
  // The code of the quota is not documented, its name is.
  handler.allow(['servicequotas:ListServiceQuotas'], ['*']);
  if (grants.key) allowEbsKeys(handler, [grants.key.keyArn], ['Decrypt', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo']);
  allowTable(handler, grants.table, ['GetItem', 'Query', 'PutItem']);
  denyRetagging(handler);
}

/** From where a plan takes its sets. */
export function allowCopyingFrom(
  handler: BundledFunction, { plan, region, account = Aws.ACCOUNT_ID, images, readerRole }: SitePlan, volumeKeys: readonly string[],
): void {
  const snapshots = ec2Arn({ region }, 'snapshot', 'snap-*');
  handler.allow(['ec2:CopySnapshot'], [snapshots], { StringEquals: { 'ec2:Owner': account } });
  acknowledge(handler, { [wildcardResource(handler, snapshots)]: 'ids of snapshots are not known before; narrowed to Region and owner' });
  if (readerRole) handler.allow(['sts:AssumeRole'], [readerRole]);
  if (images) {
    const from = ec2Arn({ region }, 'image', 'ami-*');
    handler.allow(['ec2:CopyImage'], [from], { StringEquals: { 'ec2:Owner': account } });
    acknowledge(handler, { [wildcardResource(handler, from)]: 'ids of images are not known before; narrowed to Region and owner' });
    allowDescribes(handler, ['DescribeImages'], [Aws.REGION, region]);
    for (const kind of ['image', 'snapshot'] as const) allowTagged(handler, 'CopyImage', ec2Arn(HERE, kind), [plan]);
    allowTagging(handler, ['CopyImage'], ['image', 'snapshot'], [plan]);
  }
  allowEbsKeys(handler, volumeKeys.length > 0 ? volumeKeys : [keysOf(handler, { region, account })], ['Decrypt', 'ReEncryptFrom']);
}

export function allowWatching(handler: BundledFunction, grants: SiteGrants): void {
  allowDescribes(handler, ['DescribeSnapshots'], [Aws.REGION]);
  allowOwned(handler, ['DeleteSnapshot'], 'snapshot', names(grants));
  allowObjects(handler, grants.bucket, ['s3:DeleteObject', 's3:PutObject'], [MANIFEST_PREFIX]);
  allowTable(handler, grants.table, ALL);
  denyRetagging(handler);
}

/** Which template belongs to a recovery point. */
export function allowLookingAtTemplate(handler: BundledFunction, { bucket }: SiteGrants): void {
  allowObjects(handler, bucket, ['s3:GetObject'], [TEMPLATE_PREFIX]);
  handler.allow(['s3:ListBucket'], [bucket.bucketArn]);
}

/** Which image belongs to a recovery point; failed copies are for the prune function. */
export function allowLookingAtImages(handler: BundledFunction): void {
  allowDescribes(handler, ['DescribeImages'], [Aws.REGION]);
}

export function allowLocking(handler: BundledFunction, plan: string, { days }: LockSettings): void {
  allowOwned(handler, ['LockSnapshot'], 'snapshot', [plan], { NumericLessThanEquals: { 'ec2:SnapshotLockDuration': days } });
}

export function allowSitePrune(handler: BundledFunction, grants: SiteGrants): void {
  allowDescribes(handler, ['DescribeSnapshots'], [Aws.REGION]);
  allowPruning(handler, names(grants));
  allowObjects(handler, grants.bucket, ['s3:DeleteObject'], [MANIFEST_PREFIX]);
  allowTable(handler, grants.table, ALL);
  denyRetagging(handler);
}

export function allowArchiving(handler: BundledFunction, plan: string): void {
  allowOwned(handler, ['ModifySnapshotTier'], 'snapshot', [plan]);
}

export function allowSync(handler: BundledFunction, { table }: SiteGrants): void {
  allowTable(handler, table, ['GetItem', 'PutItem']);
}

/** From an object of this Region. */
export function allowCopyingTemplate(handler: BundledFunction, { bucket }: SiteGrants, { bucket: origin, key }: TemplateOrigin): void {
  handler.allow(['s3:GetObject'], [origin.arnForObjects(key)]);
  if (origin.encryptionKey) handler.allow(['kms:Decrypt'], [origin.encryptionKey.keyArn], viaService('s3'));
  allowObjects(handler, bucket, ['s3:GetObject', 's3:PutObject'], [TEMPLATE_PREFIX]);
  handler.allow(['s3:ListBucket'], [bucket.bucketArn]);
}

/** From a bucket of another Region, by name. */
export function allowCopyingArtifacts(
  handler: BundledFunction, { bucket: target }: SiteGrants, { region, account = Aws.ACCOUNT_ID }: SitePlan, bucket: string, encrypted: boolean,
): void {
  allowObjects(handler, target, ['s3:AbortMultipartUpload', 's3:PutObject'], [ARTIFACT_PREFIX]);
  allowObjects(handler, target, ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'], [INVENTORY_PREFIX]);
  handler.allow(['s3:ListBucket'], [target.bucketArn]);
  const arn = `arn:${Aws.PARTITION}:s3:::${bucket}`;
  handler.allow(['s3:ListBucket'], [arn]);
  handler.allow(['s3:GetObject'], [`${arn}/*`]);
  acknowledge(handler, { [wildcardResource(handler, `${arn}/*`)]: 'all objects of an artifact bucket come along' });
  if (!encrypted) return;
  handler.allow(['kms:Decrypt'], [keysOf(handler, { region, account })], {
    StringLike: { 'kms:ViaService': `s3.${region}.*`, 'kms:EncryptionContext:aws:s3:arn': [arn, `${arn}/*`] },
  });
}

export interface RestoreGrants extends SiteGrants {
  readonly stackPrefix: string;
  readonly executionRole: iam.IRole;
}

/** Restores of people, `restore`, and of drills, `drill`, reach each other's stacks in neither direction. */
export function allowRestoring(handler: BundledFunction, kind: 'restore' | 'drill', grants: RestoreGrants): void {
  const { bucket, executionRole, key, stackPrefix, table } = grants;
  const stacks = `arn:${Aws.PARTITION}:cloudformation:${Aws.REGION}:${Aws.ACCOUNT_ID}:stack/${stackPrefix}-${kind}-*/*`;
  const template = { StringLike: { 'cloudformation:TemplateUrl': `https://${bucket.bucketRegionalDomainName}/${TEMPLATE_PREFIX}*` } };
  handler.allow(['cloudformation:CreateChangeSet'], [stacks], { ...template, StringEquals: { 'cloudformation:RoleArn': executionRole.roleArn } });
  handler.allow([
    'cloudformation:DescribeChangeSet', 'cloudformation:DescribeStackEvents', 'cloudformation:DescribeStacks', 'cloudformation:ExecuteChangeSet',
    // Change sets that give their stack tags need it as well.
    'cloudformation:TagResource',
  ], [stacks]);
  handler.allow(['cloudformation:GetTemplateSummary'], ['*'], template);
  handler.allow(['iam:PassRole'], [executionRole.roleArn], { StringEquals: { 'iam:PassedToService': 'cloudformation.amazonaws.com' } });
  acknowledge(handler, { [wildcardResource(handler, stacks)]: 'names of stacks end in the time of their restore' });

  allowDescribes(handler, ['DescribeAvailabilityZones', 'DescribeImages', 'DescribeInstanceTypeOfferings', 'DescribeSnapshots'], [Aws.REGION]);
  if (key) handler.allow(['kms:DescribeKey'], [key.keyArn]);
  // CloudFormation fetches the template under this role.
  allowObjects(handler, bucket, ['s3:GetObject', 's3:GetObjectVersion'], [INVENTORY_PREFIX, TEMPLATE_PREFIX]);
  handler.allow(['s3:ListBucket'], [bucket.bucketArn]);
  allowTable(handler, table, kind === 'drill' ? ALL : ['GetItem', 'Query', 'PutItem']);
  acknowledge(handler, { 'AwsSolutions-IAM5[Resource::*]': DESCRIBES_REASON });
  denyRetagging(handler);
}

export function allowDrilling(handler: BundledFunction, grants: RestoreGrants, signingKey: kms.IKey, probe?: lambda.IFunction): void {
  const stacks = `arn:${Aws.PARTITION}:cloudformation:${Aws.REGION}:${Aws.ACCOUNT_ID}:stack/${grants.stackPrefix}-drill-*/*`;
  handler.allow(['cloudformation:DeleteStack', 'cloudformation:ListStackResources'], [stacks]);
  handler.allow(['kms:Sign'], [signingKey.keyArn], { StringEquals: { 'kms:SigningAlgorithm': 'RSASSA_PSS_SHA_256' } });
  if (probe) handler.allow(['lambda:InvokeFunction'], [probe.functionArn]);
  allowObjects(handler, grants.bucket, ['s3:PutObject'], [EVIDENCE_PREFIX]);
}

function allowObjects(handler: BundledFunction, bucket: s3.IBucket, actions: string[], prefixes: readonly string[]): void {
  const resources = prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`));
  handler.allow(actions, resources);
  if (bucket.encryptionKey) handler.allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn], viaService('s3'));
  for (const resource of resources) acknowledge(handler, { [wildcardResource(handler, resource)]: "the site's own objects, below their prefix" });
}
