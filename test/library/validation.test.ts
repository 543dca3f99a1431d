import { readFileSync } from 'fs';
import { join } from 'path';
import { App, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { ROOMS } from '../kit/rooms';
import { FLAG_SETS } from '../kit/stack';

// Here CloudFormation's own validator runs, and its warnings are errors.
const STRICT = {
  'aws:cdk:disable-asset-staging': true,
  '@aws-cdk/core:validateAgainstDefaultRules': true,
  '@aws-cdk/core:strictCfnValidateErrors': true,
};
const saved = process.env.CDK_VALIDATION;
beforeAll(() => { delete process.env.CDK_VALIDATION; });
afterAll(() => { process.env.CDK_VALIDATION = saved; });

const strictStack = (context = {}) => new Stack(new App({ context: { ...context, ...STRICT } }), 'Stack');
const synth = (stack: Stack) => (stack.node.root as App).synth();

describe.each(ROOMS.map((room) => [room.name, room] as const))('%s', (_name, room) => {
  test.each(['minimal', 'full', 'supplied'].flatMap((variant) => FLAG_SETS.map(([flags, context]) => [variant, flags, context] as const)))(
    '%s is valid CloudFormation, %s', (variant, _flags, context) => {
      const stack = strictStack(context);
      room[variant as 'minimal'](stack);
      expect(() => synth(stack)).not.toThrow();
    }, 120_000);
});

test('the validator is on: a runtime that can no longer be created fails', () => {
  const stack = strictStack();
  new lambda.Function(stack, 'Old', { runtime: lambda.Runtime.NODEJS_14_X, handler: 'index.handler', code: lambda.Code.fromInline('x') });
  expect(() => synth(stack)).toThrow();
  expect(readFileSync(join((stack.node.root as App).outdir, 'validation-report.json'), 'utf8')).toContain('nodejs14.x');
}, 120_000);
