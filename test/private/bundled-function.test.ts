import { mkdtempSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { BundledFunction, BundledFunctionProps, mergeOptions } from '../../src/private/bundled-function';
import { TOKEN_BYTES } from '../../src/private/validate';
import { HandlerOptions } from '../../src/shared';
import { suppliedHandlerOptions } from '../kit/rooms';
import { snapshotOf } from '../kit/snapshot';
import { CfnResource, FLAG_SETS, resourcesOf, stackFor, statementsOf, templateOf } from '../kit/stack';

function define(stack: Stack, options: HandlerOptions = {}, props: Partial<BundledFunctionProps> = {}): BundledFunction {
  return new BundledFunction(stack, 'Work', {
    entry: 'image-resize-pipeline/arm64',
    description: 'works',
    environment: {},
    memorySize: 256,
    timeout: Duration.seconds(10),
    options,
    ...props,
  });
}

function functionOf(stack: Stack): CfnResource {
  return Object.values(resourcesOf(stack)).find(({ Type }) => Type === 'AWS::Lambda::Function')!;
}

describe.each(FLAG_SETS)('with %s', (_name, context) => {
  test('defaults: own role and log group, Graviton, JSON logs, no tracing', () => {
    const stack = stackFor({ context });
    define(stack);
    expect(snapshotOf(stack)).toMatchObject({
      Resources: {
        WorkRole6726DC59: { Type: 'AWS::IAM::Role', Properties: expect.not.objectContaining({ ManagedPolicyArns: expect.anything() }) },
        WorkLogs9C49E790: { Type: 'AWS::Logs::LogGroup', DeletionPolicy: 'Delete', Properties: { RetentionInDays: 30 } },
      },
    });
    expect(functionOf(stack).Properties).toMatchObject({
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      MemorySize: 256,
      Timeout: 10,
      LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: expect.stringContaining('WorkLogs') } },
      Role: { 'Fn::GetAtt': [expect.stringContaining('WorkRole'), 'Arn'] },
    });
    expect(functionOf(stack).Properties).not.toHaveProperty('TracingConfig');
    expect(statementsOf(stack, 'WorkRole')).toEqual([{
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: { 'Fn::GetAtt': [expect.stringContaining('WorkLogs'), 'Arn'] },
    }]);
  });
});

test('every option reaches the function', () => {
  const stack = stackFor();
  define(stack, { ...suppliedHandlerOptions(stack), memorySize: 512, timeout: Duration.seconds(20) });
  expect(functionOf(stack).Properties).toMatchObject({
    Runtime: 'nodejs22.x',
    Architectures: ['x86_64'],
    MemorySize: 512,
    Timeout: 20,
    Role: expect.anything(),
    VpcConfig: { SubnetIds: ['subnet-11111111', 'subnet-22222222'], SecurityGroupIds: ['sg-11111111'] },
    LoggingConfig: { LogGroup: '/app/images' },
    TracingConfig: { Mode: 'Active' },
    KmsKeyArn: expect.anything(),
    ReservedConcurrentExecutions: 4,
  });
  templateOf(stack).resourceCountIs('AWS::IAM::Role', 0);
  templateOf(stack).resourceCountIs('AWS::IAM::Policy', 0);
  templateOf(stack).resourceCountIs('AWS::Logs::LogGroup', 0);
});

test('a given mutable role receives the statements', () => {
  const stack = stackFor();
  const role = new iam.Role(stack, 'Given', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  define(stack, { role }).allow(['s3:GetObject'], ['arn:aws:s3:::b/*'], { Bool: { 'aws:SecureTransport': 'true' } });
  expect(statementsOf(stack, 'Given').map(({ Action }) => Action)).toEqual([['logs:CreateLogStream', 'logs:PutLogEvents'], 's3:GetObject']);
});

test('in a VPC Lambda may manage network interfaces, before the function is created', () => {
  const stack = stackFor();
  const { vpc } = suppliedHandlerOptions(stack);
  define(stack, { vpc });
  const actions = ['Assign', 'Unassign'].map((verb) => `ec2:${verb}PrivateIpAddresses`)
    .concat(['CreateNetworkInterface', 'DeleteNetworkInterface', 'DescribeNetworkInterfaces', 'DescribeSubnets'].map((name) => `ec2:${name}`));
  expect((statementsOf(stack, 'WorkRole')[1].Action as string[]).sort()).toEqual(actions.sort());
  templateOf(stack).hasResource('AWS::Lambda::Function', { DependsOn: ['WorkRoleDefaultPolicyC04A29C0', 'WorkRole6726DC59'] });
});

test('a log group given to several functions is used by both', () => {
  const stack = stackFor();
  const logGroup = new logs.LogGroup(stack, 'Shared');
  define(stack, { logGroup });
  expect(functionOf(stack).Properties.LoggingConfig).toMatchObject({ LogGroup: stack.resolve(logGroup.logGroupName) });
  expect(statementsOf(stack, 'WorkRole')[0].Resource).toEqual(stack.resolve(logGroup.logGroupArn));
});

test('the code can be replaced', () => {
  const stack = stackFor();
  const directory = mkdtempSync(join(tmpdir(), 'code-'));
  writeFileSync(join(directory, 'index.mjs'), '// own build');
  define(stack, {}, { entry: 'not/there', code: lambda.Code.fromAsset(directory, { displayName: 'own build' }) });
  expect(JSON.stringify(snapshotOf(stack))).toContain('<asset own build>');
});

test('a missing bundle says how to make it', () => {
  expect(() => define(stackFor(), {}, { entry: 'not/there' })).toThrow("no bundle for 'not/there'; run 'npx projen bundle'");
});

test('two stacks share no code object', () => {
  const [one, two] = [stackFor({ stackName: 'One' }), stackFor({ stackName: 'Two' })];
  define(one);
  expect(() => define(two)).not.toThrow();
});

test.each([
  [lambda.Runtime.PYTHON_3_13, "'runtime' must be a Node.js runtime of version 22 or later, got python3.13"],
  [lambda.Runtime.NODEJS_20_X, "'runtime' must be a Node.js runtime of version 22 or later, got nodejs20.x"],
  [lambda.Runtime.NODEJS_4_3, "'runtime' must be a Node.js runtime of version 22 or later, got nodejs4.3"],
])('refuses %s', (runtime, message) => {
  expect(() => define(stackFor(), { runtime })).toThrow(message);
});

test('environment variables up to 4 KB, unknown values counted as their likely size', () => {
  const stack = stackFor();
  const unknown = kms.Key.fromKeyArn(stack, 'Key', `arn:${stack.partition}:kms:eu-west-1:1:key/1`).keyArn;
  const room = 4096 - 'A'.length - 'B'.length - TOKEN_BYTES;
  expect(() => define(stack, {}, { environment: { A: 'x'.repeat(room), B: unknown } })).not.toThrow();
  expect(() => define(stackFor(), {}, { environment: { A: 'ä'.repeat(room / 2), B: `${unknown}`, C: '' } }))
    .toThrow('environment variables must take at most 4096 bytes together, got 4097, most of them in A');
});

test('options merge field by field', () => {
  const stack = stackFor();
  const common: HandlerOptions = { ...suppliedHandlerOptions(stack), memorySize: 1, timeout: Duration.seconds(1), vpcSubnets: {} };
  expect(mergeOptions(common)).toEqual(common);
  expect(mergeOptions(common, { memorySize: 0, timeout: undefined })).toEqual({ ...common, memorySize: 0 });
  expect(mergeOptions({}, common)).toEqual(common);
});
