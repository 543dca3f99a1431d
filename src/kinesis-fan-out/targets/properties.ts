import { CfnResource, Size, Stack } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';

/**
 * A property of a resource's CloudFormation layer, if the resource is of this app and says it. By name, as some of them are
 * younger than our floor.
 */
export function propertyOf(construct: IConstruct, name: string): unknown {
  const child = construct.node.defaultChild;
  if (!child || !CfnResource.isCfnResource(child)) return undefined;
  return Stack.of(child).resolve(Reflect.get(child, name));
}

/** The same, if it is a number known at synth. */
export function numberOf(construct: IConstruct, name: string): number | undefined {
  const value = Number(propertyOf(construct, name) ?? NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** A size that is computed with at synth. */
export function knownBytes(name: string, size: Size | undefined): number | undefined {
  if (size?.isUnresolved()) throw new Error(`'${name}' must be known at synth, got a token`);
  return size?.toBytes();
}
