/** What the functions of a plan's own Region may do, and nothing else. */
import { Aws } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Selection } from './contract';
import { allowDescribes, allowOwned, allowTagged, allowTagging, denyRetagging, DESCRIBES_REASON, ec2Arn } from './permissions';
import { SelectionTerm, termsOf } from './selection-conditions';
import { allowTable } from './state-table';
import { acknowledge, wildcardResource } from '../private/acknowledge';
import { BundledFunction } from '../private/bundled-function';

export interface PlanGrants {
  readonly plan: string;
  readonly select: Selection;
  readonly images: boolean;
  readonly table: dynamodb.ITable;
  readonly siteRegions: readonly string[];
  readonly vaultAccounts: readonly string[];
}

const HERE = { region: Aws.REGION };
const INSTANCES = { region: Aws.REGION, account: Aws.ACCOUNT_ID };

export function allowSnapshots(handler: BundledFunction, grants: PlanGrants): void {
  const { plan, select, images, table } = grants;
  const terms = termsOf(select, 'aws:ResourceTag');
  allowDescribes(handler, ['DescribeInstances', 'DescribeSnapshots', 'DescribeVolumes'], [Aws.REGION]);
  allowInstances(handler, ['ec2:CreateSnapshots', ...images ? ['ec2:CreateImage'] : []], terms);
  const volumes = ec2Arn(INSTANCES, 'volume');
  handler.allow(['ec2:CreateSnapshots'], [volumes]);
  acknowledge(handler, { [wildcardResource(handler, volumes)]: 'volumes come with their instance, whose tags decide' });
  allowTagged(handler, 'CreateSnapshots', ec2Arn(HERE, 'snapshot'), [plan]);
  if (images) for (const kind of ['image', 'snapshot'] as const) allowTagged(handler, 'CreateImage', ec2Arn(HERE, kind), [plan]);
  allowTagging(handler, ['CreateSnapshots', ...images ? ['CreateImage'] : []], ['snapshot', ...images ? ['image' as const] : []], [plan]);
  allowTable(handler, table, ['GetItem', 'PutItem']);
  denyRetagging(handler);
}

/** One document, on the selected instances. */
export function allowFreezing(handler: BundledFunction, document: ssm.CfnDocument, select: Selection): void {
  handler.allow(['ssm:SendCommand'], [`arn:${Aws.PARTITION}:ssm:${Aws.REGION}:${Aws.ACCOUNT_ID}:document/${document.ref}`]);
  allowInstances(handler, ['ssm:SendCommand'], termsOf(select, 'ssm:resourceTag'));
  handler.allow(['ssm:GetCommandInvocation'], ['*']);
  acknowledge(handler, { 'AwsSolutions-IAM5[Resource::*]': DESCRIBES_REASON });
}

function allowInstances(handler: BundledFunction, actions: string[], terms: readonly SelectionTerm[]): void {
  for (const { instances, conditions } of terms) {
    const resources = (instances.length > 0 ? instances : ['*']).map((id) => ec2Arn(INSTANCES, 'instance', id));
    handler.allow(actions, resources, Object.keys(conditions).length > 0 ? conditions as Record<string, Record<string, unknown>> : undefined);
    if (instances.length === 0) acknowledge(handler, { [wildcardResource(handler, resources[0])]: 'ids of instances are not known before; narrowed by the selection' });
  }
}

export function allowPlanPrune(handler: BundledFunction, { plan, siteRegions, table }: PlanGrants): void {
  allowDescribes(handler, ['DescribeSnapshots'], [Aws.REGION, ...siteRegions]);
  allowPruning(handler, [plan]);
  allowTable(handler, table, ['GetItem', 'Query', 'PutItem', 'DeleteItem']);
  denyRetagging(handler);
}

/**
 * Sets, and images that a plan has or once had, with what is asked before: whether a snapshot is locked, and whether somebody
 * uses the image.
 */
export function allowPruning(handler: BundledFunction, plans: readonly string[]): void {
  allowDescribes(handler, ['DescribeImages', 'DescribeInstances', 'DescribeLaunchTemplateVersions', 'DescribeLockedSnapshots'], [Aws.REGION]);
  allowOwned(handler, ['DeleteSnapshot'], 'snapshot', plans);
  handler.allow(['autoscaling:DescribeAutoScalingGroups', 'autoscaling:DescribeLaunchConfigurations'], ['*']);
  allowOwned(handler, ['DeregisterImage'], 'image', plans);
}

export function allowSharing(handler: BundledFunction, { plan, vaultAccounts, table }: PlanGrants): void {
  allowDescribes(handler, ['DescribeSnapshots'], [Aws.REGION]);
  allowOwned(handler, ['ModifySnapshotAttribute'], 'snapshot', [plan], { StringEquals: { 'ec2:Add/userId': vaultAccounts } });
  allowTable(handler, table, ['Query', 'PutItem']);
  denyRetagging(handler);
}

/** Lets sites of other accounts see the plan's instances and sets, with their tags. What is shared with them, they copy by their own role. */
export function allowReading(role: iam.Role): void {
  role.addToPolicy(new iam.PolicyStatement({
    actions: ['ec2:DescribeInstances', 'ec2:DescribeSnapshots', 'ec2:DescribeVolumes'],
    resources: ['*'],
    conditions: { StringEquals: { 'ec2:Region': Aws.REGION } },
  }));
  acknowledge(role, { 'AwsSolutions-IAM5[Resource::*]': DESCRIBES_REASON });
}
