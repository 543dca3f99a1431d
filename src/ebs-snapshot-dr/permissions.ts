/** Statements that functions of both sides share. ARNs of snapshots and images have no account. */
import { Aws, Lazy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { IConstruct } from 'constructs';
import { TAG } from './contract';
import { acknowledge, wildcardResource } from '../private/acknowledge';
import { BundledFunction } from '../private/bundled-function';

/** EC2 knows no resources in what describes. */
export const DESCRIBES_REASON = 'EC2 and CloudFormation know no resources in what only reads; narrowed to Regions where they can be';
const SNAPSHOTS_REASON = 'ids of snapshots and images are not known before; narrowed by the tag of the plan';

export type Conditions = Record<string, Record<string, unknown>>;

export interface Ec2Place {
  readonly region: string;
  /** Empty for snapshots and images. */
  readonly account?: string;
}

export function ec2Arn({ region, account = '' }: Ec2Place, kind: 'snapshot' | 'image' | 'instance' | 'volume', name = '*'): string {
  return `arn:${Aws.PARTITION}:ec2:${region}:${account}:${kind}/${name}`;
}

/** What reads, in these Regions only. */
export function allowDescribes(handler: BundledFunction, actions: readonly string[], regions: readonly string[]): void {
  handler.allow(actions.map((action) => `ec2:${action}`), ['*'], { StringEquals: { 'ec2:Region': regions } });
  acknowledge(handler, { 'AwsSolutions-IAM5[Resource::*]': DESCRIBES_REASON });
}

/** What changes or deletes snapshots and images of a plan, and nobody else's. */
export function allowOwned(
  handler: BundledFunction, actions: readonly string[], kind: 'snapshot' | 'image', plans: readonly string[], conditions: Conditions = {},
): void {
  const resource = ec2Arn({ region: Aws.REGION }, kind);
  handler.allow(actions.map((action) => `ec2:${action}`), [resource], {
    ...conditions,
    StringEquals: { ...conditions.StringEquals, [`aws:ResourceTag/${TAG.plan}`]: plans },
  });
  acknowledge(handler, { [wildcardResource(handler, resource)]: SNAPSHOTS_REASON });
}

/** What makes snapshots and images, tagged with their plan by the same call. */
export function allowTagged(handler: BundledFunction, action: string, arn: string, plans: readonly string[]): void {
  handler.allow([`ec2:${action}`], [arn], { StringEquals: { [`aws:RequestTag/${TAG.plan}`]: plans } });
  acknowledge(handler, { [wildcardResource(handler, arn)]: SNAPSHOTS_REASON });
}

/** Tags come with the call that creates, never by themselves. */
export function allowTagging(handler: BundledFunction, creations: readonly string[], kinds: readonly ('snapshot' | 'image')[], plans: readonly string[]): void {
  const resources = kinds.map((kind) => ec2Arn({ region: Aws.REGION }, kind));
  handler.allow(['ec2:CreateTags'], resources, {
    StringEquals: { 'ec2:CreateAction': creations, [`aws:RequestTag/${TAG.plan}`]: plans },
  });
  for (const resource of resources) acknowledge(handler, { [wildcardResource(handler, resource)]: SNAPSHOTS_REASON });
}

/**
 * The plan's tag is what permissions hang on: whoever could set it on a snapshot could delete that. Whatever else a given role
 * allows, these functions cannot.
 */
export function denyRetagging(handler: BundledFunction): void {
  const ours = { 'ForAnyValue:StringLike': { 'aws:TagKeys': ['ebsdr:*'] } };
  const deny = (actions: string[], conditions: Conditions) => handler.function.addToRolePolicy(new iam.PolicyStatement({
    effect: iam.Effect.DENY, actions, resources: ['*'], conditions,
  }));
  deny(['ec2:DeleteTags'], ours);
  deny(['ec2:CreateTags'], { ...ours, Null: { 'ec2:CreateAction': 'true' } });
}

/** Keys of an account in a Region, for EC2 alone and for volumes' data alone. */
export function allowEbsKeys(handler: BundledFunction, keys: readonly string[], actions: readonly string[]): void {
  const conditions = {
    'StringLike': { 'kms:ViaService': 'ec2.*' },
    'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': 'aws:ebs:id' },
  };
  handler.allow(actions.map((action) => `kms:${action}`), [...keys], conditions);
  handler.allow(['kms:CreateGrant'], [...keys], { StringLike: { 'kms:ViaService': 'ec2.*' }, Bool: { 'kms:GrantIsForAWSResource': 'true' } });
  handler.allow(['kms:DescribeKey'], [...keys]);
}

export function keysOf(scope: IConstruct, { region, account = Aws.ACCOUNT_ID }: Ec2Place): string {
  const arn = `arn:${Aws.PARTITION}:kms:${region}:${account}:key/*`;
  acknowledge(scope, { [wildcardResource(scope, arn)]: 'keys of the volumes are not known before; narrowed to EC2 and the data of volumes' });
  return arn;
}

/** A list that grows while plans are defined. */
export function growing(values: () => readonly string[]): string[] {
  return Lazy.list({ produce: () => [...values()] });
}

