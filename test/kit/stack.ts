import { readFileSync } from 'fs';
import { App, Environment, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';

// The built-in validator takes seconds per process; validation.test.ts switches it on again.
process.env.CDK_VALIDATION = 'false';

/** All feature flags at their recommended values, as `cdk init` would set them. */
export const RECOMMENDED_FLAGS: Record<string, unknown> = JSON.parse(
  readFileSync(require.resolve('aws-cdk-lib/recommended-feature-flags.json'), 'utf8'),
);

export const FLAG_SETS: [name: string, context: Record<string, unknown>][] = [['no flags', {}], ['recommended flags', RECOMMENDED_FLAGS]];

export interface StackForOptions {
  readonly context?: Record<string, unknown>;
  readonly env?: Environment;
  readonly stackName?: string;
}

/** A stack in an app of its own. Assets are fingerprinted, not copied: they are 20 MB each. */
export function stackFor(options: StackForOptions = {}): Stack {
  const app = new App({
    context: { 'aws:cdk:disable-asset-staging': true, ...options.context },
    analyticsReporting: false,
  });
  return new Stack(app, options.stackName ?? 'Stack', { env: options.env });
}

/** The template of a stack, as assertions want it. */
export function templateOf(stack: Stack): Template {
  return Template.fromStack(stack);
}

export interface CfnResource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DeletionPolicy?: string;
}

/** Resources of a stack by logical id. */
export function resourcesOf(stack: Stack): Record<string, CfnResource> {
  return templateOf(stack).toJSON().Resources ?? {};
}

/** Every statement of every role policy whose logical id has this in it, joined. */
export function statementsOf(stack: Stack, logicalId: string): Record<string, unknown>[] {
  return Object.entries(resourcesOf(stack))
    .filter(([id, { Type }]) => Type === 'AWS::IAM::Policy' && id.includes(logicalId))
    .flatMap(([, { Properties }]) => (Properties.PolicyDocument as { Statement: Record<string, unknown>[] }).Statement);
}
