import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { asText, changes, readableResources, textsOf } from './snapshot';
import { stackFor } from './stack';

test('a resource like an earlier one shows what differs and what is absent, by path', () => {
  const body = { Name: 'a', Target: { Arn: '<A>', Input: '{}', RetryPolicy: { MaximumRetryAttempts: 20 } }, State: 'ENABLED' };
  const head = 'AWS::Scheduler::Schedule';
  const texts = textsOf({
    A: { head, body },
    B: { head, body: { ...body, Target: { Arn: '<B>', Input: '{}' } } },
    C: { head, body },
    D: { head: 'AWS::SQS::Queue', body: {} },
  });
  expect(asText(texts)).toBe([
    'A: AWS::Scheduler::Schedule {"Name":"a","Target":{"Arn":"<A>","Input":"{}","RetryPolicy":{"MaximumRetryAttempts":20}},"State":"ENABLED"}',
    'B: like A {"Target.Arn":"<B>","absent":["Target.RetryPolicy"]}',
    'C: like A',
    'D: AWS::SQS::Queue {}',
  ].join('\n'));
});

test('statements stand in a line each, with all that is in them', () => {
  const stack = stackFor();
  const queue = new sqs.Queue(stack, 'Queue');
  const role = new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  role.addToPolicy(new iam.PolicyStatement({
    sid: 'Mine', actions: ['sqs:SendMessage', 'sqs:PurgeQueue'], resources: [queue.queueArn], conditions: { Bool: { 'aws:SecureTransport': 'true' } },
  }));
  const { [stack.getLogicalId(role.node.defaultChild as iam.CfnRole)]: trust, ...others } = textsOf(readableResources(stack));
  expect(trust).toBe('AWS::IAM::Role {"AssumeRolePolicyDocument":["Allow sts:AssumeRole by Service lambda.amazonaws.com"]}');
  expect(Object.values(others)).toContainEqual(expect.stringMatching(
    /^AWS::IAM::Policy of <Role\w+>\n {2}Allow sqs:SendMessage, sqs:PurgeQueue on <Queue\w+\.Arn> if Bool aws:SecureTransport true as Mine$/));
});

test('a statement with a key that has no place is refused', () => {
  const stack = stackFor();
  const policy = new iam.ManagedPolicy(stack, 'Policy');
  policy.addStatements(new iam.PolicyStatement({ notActions: ['iam:*'], resources: ['*'] }));
  expect(() => readableResources(stack)).toThrow('statements must have a place for every key, got NotAction');
});

test('of two variants only what came and went', () => {
  const [before, after] = [RemovalPolicy.RETAIN, RemovalPolicy.DESTROY].map((removalPolicy) => {
    const stack = stackFor();
    new logs.LogGroup(stack, 'Logs', { removalPolicy, retention: logs.RetentionDays.ONE_MONTH });
    if (removalPolicy === RemovalPolicy.DESTROY) new sqs.Queue(stack, 'Queue', { visibilityTimeout: Duration.minutes(1) });
    return textsOf(readableResources(stack));
  });
  expect(changes(after, before)).toMatch(new RegExp(['^Logs\\w+:',
    '-AWS::Logs::LogGroup {"RetentionInDays":30,"DeletionPolicy":"Retain"}',
    '\\+AWS::Logs::LogGroup {"RetentionInDays":30,"DeletionPolicy":"Delete"}',
    'Queue\\w+: AWS::SQS::Queue {"VisibilityTimeout":60,"DeletionPolicy":"Delete"}$'].join('\n')));
  expect(changes(before, after)).toMatch(/^Queue\w+: gone\nLogs/);
});
