import { CfnResource, Stack, Token } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';

/** False only if the two are provably different buckets. */
export function maybeSameBucket(a: s3.IBucket, b: s3.IBucket): boolean {
  const [resourceA, resourceB] = [resourceOf(a), resourceOf(b)];
  if (resourceA && resourceB) return resourceA === resourceB;
  const [nameA, nameB] = [literalName(a), literalName(b)];
  if (nameA && nameB) return nameA === nameB;
  if (resourceA && nameB) return couldBeGenerated(resourceA, nameB);
  if (resourceB && nameA) return couldBeGenerated(resourceB, nameA);
  return true;
}

export function resourceOf(bucket: s3.IBucket): s3.CfnBucket | undefined {
  const child = bucket.node.defaultChild;
  const isBucket = child && CfnResource.isCfnResource(child) && child.cfnResourceType === s3.CfnBucket.CFN_RESOURCE_TYPE_NAME;
  return isBucket ? child as s3.CfnBucket : undefined;
}

function literalName(bucket: s3.IBucket): string | undefined {
  return [bucket.bucketName, resourceOf(bucket)?.bucketName].find((name) => name !== undefined && !Token.isUnresolved(name));
}

/** CloudFormation names buckets '<stack>-<logical id>-<random>' in lower case, shortening the parts. */
function couldBeGenerated(resource: s3.CfnBucket, name: string): boolean {
  const { stackName } = Stack.of(resource);
  if (Token.isUnresolved(stackName)) return true;
  return name.startsWith(stackName.toLowerCase().slice(0, 10)) && /-[a-z0-9]{8,}$/.test(name);
}
