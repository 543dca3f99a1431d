import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  App, Aws, CfnCondition, CfnMapping, CfnOutput, CfnParameter, Duration, Fn, Stack,
  aws_events as events, aws_events_targets as targets, aws_iam as iam, aws_kms as kms, aws_lambda as lambda,
  aws_lambda_destinations as destinations, aws_lambda_event_sources as sources, aws_s3 as s3, aws_sns as sns, aws_sqs as sqs,
} from 'aws-cdk-lib';
import { DEFAULT_PLACEMENT, Resolver, type Template } from './resolver';
import { TemplateModel } from './template';

process.env.CDK_VALIDATION = 'false';

const code = mkdtempSync(join(tmpdir(), 'kit-template-'));
writeFileSync(join(code, 'index.mjs'), 'export const handler = async () => {};');

/** One of each thing the model reads. */
function example(): Stack {
  const stack = new Stack(new App(), 'Example');
  const key = new kms.Key(stack, 'Key');
  const bucket = new s3.Bucket(stack, 'Bucket', {
    versioned: true, enforceSSL: true, encryptionKey: key, serverAccessLogsBucket: new s3.Bucket(stack, 'Logs'), serverAccessLogsPrefix: 'log/',
  });
  (bucket.node.defaultChild as s3.CfnBucket).notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
  const dead = new sqs.Queue(stack, 'Dead', { retentionPeriod: Duration.days(14) });
  const queue = new sqs.Queue(stack, 'Queue', {
    visibilityTimeout: Duration.seconds(90), deadLetterQueue: { queue: dead, maxReceiveCount: 3 }, enforceSSL: true,
  });
  const topic = new sns.Topic(stack, 'Topic');
  const fn = new lambda.Function(stack, 'Fn', {
    runtime: lambda.Runtime.NODEJS_24_X,
    code: lambda.Code.fromAsset(code),
    handler: 'index.handler',
    timeout: Duration.seconds(15),
    memorySize: 512,
    environment: { QUEUE: queue.queueUrl, TOPIC: topic.topicArn, WHERE: Fn.sub('${AWS::Region}/${!raw}/${Bucket.Arn}', { 'Bucket.Arn': bucket.bucketArn }) },
    retryAttempts: 1,
    maxEventAge: Duration.minutes(5),
    onFailure: new destinations.SqsDestination(dead),
  });
  bucket.grantRead(fn, 'in/*');
  fn.addToRolePolicy(new iam.PolicyStatement({
    actions: ['sns:Publish'], resources: [topic.topicArn], conditions: { StringEquals: { 'aws:RequestedRegion': Aws.REGION } },
  }));
  fn.addEventSource(new sources.SqsEventSource(queue, {
    batchSize: 5, maxConcurrency: 2, reportBatchItemFailures: true, filters: [lambda.FilterCriteria.filter({ body: { a: ['b'] } })],
  }));
  new events.Rule(stack, 'Rule', {
    eventPattern: { source: ['aws.s3'], detail: { bucket: { name: [bucket.bucketName] } } },
    targets: [new targets.SqsQueue(queue, {
      deadLetterQueue: dead,
      retryAttempts: 4,
      maxEventAge: Duration.hours(2),
      message: events.RuleTargetInput.fromObject({ key: events.EventField.fromPath('$.detail.object.key') }),
    })],
  });
  new events.Rule(stack, 'Nightly', { schedule: events.Schedule.rate(Duration.days(1)), targets: [new targets.LambdaFunction(fn)] });
  new CfnOutput(stack, 'Out', { value: Aws.STACK_NAME });
  return stack;
}

describe('a synthesized stack', () => {
  const stack = example();
  const model = TemplateModel.of(stack, { queueOrigin: 'http://127.0.0.1:4000', stackName: 'run' });
  const id = (name: string) => stack.getLogicalId(stack.node.findChild(name).node.defaultChild as s3.CfnBucket);
  const arn = (service: string, rest: string) => `arn:aws:${service}:eu-west-1:123456789012:${rest}`;
  const bucketArn = `arn:aws:s3:::run-${id('Bucket').toLowerCase()}`;

  test('functions have their code, limits and resolved variables', () => {
    expect(model.functions).toEqual([{
      logicalId: id('Fn'),
      name: `run-${id('Fn')}`,
      arn: arn('lambda', `function:run-${id('Fn')}`),
      code: expect.stringMatching(/asset\.[0-9a-f]{64}$/),
      handler: 'index.handler',
      runtime: 'nodejs24.x',
      timeoutSeconds: 15,
      memoryMb: 512,
      environment: {
        QUEUE: `http://127.0.0.1:4000/123456789012/run-${id('Queue')}`,
        TOPIC: arn('sns', `run-${id('Topic')}`),
        WHERE: `eu-west-1/\${raw}/${bucketArn}`,
      },
      roleArn: `arn:aws:iam::123456789012:role/run-${stack.getLogicalId(stack.node.findChild('Fn').node.findChild('ServiceRole').node.defaultChild as iam.CfnRole)}`,
      logGroup: `/aws/lambda/run-${id('Fn')}`,
      deadLetterArn: undefined,
    }]);
  });

  test('a role has the statements of its separate policies; policies of AWS are named', () => {
    const [role] = model.roles;
    expect(role.arn).toBe(model.functions[0].roleArn);
    expect(role.foreignPolicies).toEqual(['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole']);
    expect(role.trust[0].Principal).toEqual({ Service: 'lambda.amazonaws.com' });
    expect(role.statements).toContainEqual({
      Effect: 'Allow',
      Action: ['sns:Publish'],
      Resource: [arn('sns', `run-${id('Topic')}`)],
      Condition: { StringEquals: { 'aws:RequestedRegion': 'eu-west-1' } },
    });
    expect(role.statements).toContainEqual({
      Effect: 'Allow', Action: ['s3:GetObject*', 's3:GetBucket*', 's3:List*'], Resource: [bucketArn, `${bucketArn}/in/*`],
    });
    expect(role.statements.flatMap(({ Action }) => Action)).toContain('sqs:ReceiveMessage');
  });

  test('inline policies, managed policies of the stack and permissions of functions count', () => {
    const inline = new Stack(new App(), 'Inline');
    const role = new iam.Role(inline, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { Own: new iam.PolicyDocument({ statements: [new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: ['*'] })] }) },
    });
    new iam.ManagedPolicy(inline, 'Managed', {
      roles: [role], statements: [new iam.PolicyStatement({ actions: ['sns:Publish'], notResources: ['arn:aws:sns:*:*:x'], effect: iam.Effect.DENY })],
    });
    const given = TemplateModel.of(inline).roles[0];
    expect(given.statements.map(({ Effect, Action, Resource, NotResource }) => [Effect, Action, Resource, NotResource])).toEqual([
      ['Allow', ['sqs:SendMessage'], ['*'], undefined],
      ['Deny', ['sns:Publish'], undefined, ['arn:aws:sns:*:*:x']],
    ]);
    expect(given.foreignPolicies).toEqual([]);
  });

  test('resources say who may touch them', () => {
    const policies = new Map(model.resourcePolicies.map(({ resourceArn, statements }) => [resourceArn, statements]));
    expect(policies.get(bucketArn)).toContainEqual(expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }));
    expect(policies.get(arn('sqs', `run-${id('Queue')}`))).toContainEqual(expect.objectContaining({
      Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Condition: { ArnEquals: { 'aws:SourceArn': arn('events', `rule/run-${id('Rule')}`) } },
    }));
    expect(policies.get(model.functions[0].arn)).toEqual([{
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: ['lambda:InvokeFunction'],
      Resource: [model.functions[0].arn],
      Condition: { ArnLike: { 'AWS:SourceArn': arn('events', `rule/run-${id('Nightly')}`) } },
    }]);
    expect(policies.get(arn('kms', `key/run-${id('Key')}`))?.[0].Principal).toEqual({ AWS: 'arn:aws:iam::123456789012:root' });
  });

  test('queues, event sources and asynchronous invocation have their settings or the service\'s defaults', () => {
    const [dead, queue] = model.queues;
    expect(dead).toMatchObject({ visibilitySeconds: 30, retentionSeconds: 14 * 86_400, redrive: undefined, fifo: false });
    const redrive = { deadLetterArn: dead.arn, maxReceiveCount: 3 };
    expect(queue).toMatchObject({ visibilitySeconds: 90, retentionSeconds: 4 * 86_400, redrive, kmsKeyArn: undefined });
    expect(model.eventSources).toEqual([{
      logicalId: expect.any(String),
      functionArn: model.functions[0].arn,
      sourceArn: queue.arn,
      enabled: true,
      batchSize: 5,
      windowSeconds: 0,
      maximumConcurrency: 2,
      reportsBatchItemFailures: true,
      filters: [{ body: { a: ['b'] } }],
    }]);
    expect(model.invokeConfigs).toEqual([{
      functionArn: model.functions[0].arn, maximumRetryAttempts: 1, maximumEventAgeSeconds: 300, onFailureArn: dead.arn, onSuccessArn: undefined,
    }]);
  });

  test('rules have resolved patterns and targets', () => {
    const [rule, nightly] = model.rules;
    expect(rule).toMatchObject({ busName: 'default', enabled: true, pattern: { source: ['aws.s3'], detail: { bucket: { name: [model.buckets[1].name] } } } });
    expect(rule.targets).toEqual([{
      id: 'Target0',
      arn: model.queues[1].arn,
      roleArn: undefined,
      input: undefined,
      inputPath: undefined,
      inputTransformer: { paths: { 'detail-object-key': '$.detail.object.key' }, template: '{"key":<detail-object-key>}' },
      maximumRetryAttempts: 4,
      maximumEventAgeSeconds: 7200,
      deadLetterArn: model.queues[0].arn,
    }]);
    expect(nightly).toMatchObject({ schedule: 'rate(1 day)', pattern: undefined });
    expect(nightly.targets[0]).toMatchObject({ maximumRetryAttempts: 185, maximumEventAgeSeconds: 86_400 });
  });

  test('buckets, topics', () => {
    expect(model.buckets).toEqual([
      expect.objectContaining({ eventBridge: false, versioned: false, kmsKeyArn: undefined, accessLogs: undefined }),
      {
        logicalId: id('Bucket'),
        name: `run-${id('Bucket').toLowerCase()}`,
        arn: bucketArn,
        versioned: true,
        eventBridge: true,
        kmsKeyArn: arn('kms', `key/run-${id('Key')}`),
        accessLogs: { bucket: `run-${id('Logs').toLowerCase()}`, prefix: 'log/' },
      },
    ]);
    expect(model.topics).toEqual([{ logicalId: id('Topic'), name: `run-${id('Topic')}`, arn: arn('sns', `run-${id('Topic')}`), fifo: false, maxMessageBytes: undefined, kmsKeyArn: undefined }]);
  });

  test('another placement moves everything', () => {
    const moved = model.placed({ partition: 'aws-cn', region: 'cn-north-1' });
    expect(moved.functions[0].arn).toMatch(/^arn:aws-cn:lambda:cn-north-1:/);
    expect(moved.buckets[0].arn).toMatch(/^arn:aws-cn:s3:::/);
  });
});

describe('a function whose code is no directory', () => {
  test('is refused', () => {
    const stack = new Stack(new App(), 'Inline');
    new lambda.Function(stack, 'Fn', { runtime: lambda.Runtime.NODEJS_24_X, code: lambda.Code.fromInline('x'), handler: 'index.handler' });
    expect(() => TemplateModel.of(stack).functions).toThrow(/must be a directory asset, got ZipFile/);
  });
});

describe('intrinsic functions', () => {
  const template: Template = {
    Parameters: { Size: { Type: 'Number', Default: 3 }, Given: { Type: 'String' } },
    Conditions: {
      Big: { 'Fn::Equals': [{ Ref: 'Size' }, 3] },
      Small: { 'Fn::Not': [{ Condition: 'Big' }] },
      Both: { 'Fn::And': [{ Condition: 'Big' }, { Condition: 'Small' }] },
      Any: { 'Fn::Or': [{ Condition: 'Big' }, { Condition: 'Small' }] },
    },
    Mappings: { Map: { 'eu-west-1': { ami: 'ami-1' } } },
    Resources: {
      Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: { 'Fn::Join': ['-', ['a', { Ref: 'AWS::Region' }]] } } },
      Odd: { Type: 'Custom::Odd' },
    },
  };
  const resolver = new Resolver(template, { ...DEFAULT_PLACEMENT, values: { 'Odd.Attribute': 7, 'Odd': 'odd' }, imports: { Shared: 'there' } });

  test.each([
    [{ Ref: 'AWS::Region' }, 'eu-west-1'],
    [{ Ref: 'Size' }, 3],
    [{ Ref: 'Odd' }, 'odd'],
    [{ Ref: 'Topic' }, 'arn:aws:sns:eu-west-1:123456789012:a-eu-west-1'],
    [{ 'Fn::GetAtt': ['Odd', 'Attribute'] }, 7],
    [{ 'Fn::GetAtt': 'Topic.TopicName' }, 'a-eu-west-1'],
    [{ 'Fn::Join': [':', ['arn', { Ref: 'AWS::Partition' }, { 'Fn::Join': ['', ['x', 'y']] }]] }, 'arn:aws:xy'],
    [{ 'Fn::Sub': 'a-${AWS::AccountId}-${Topic.TopicName}-${!literal}' }, 'a-123456789012-a-eu-west-1-${literal}'],
    [{ 'Fn::Sub': ['${Name}.${AWS::URLSuffix}', { Name: { Ref: 'Size' } }] }, '3.amazonaws.com'],
    [{ 'Fn::Select': [1, { 'Fn::Split': [',', 'a,b'] }] }, 'b'],
    [{ 'Fn::If': ['Big', 'yes', 'no'] }, 'yes'],
    [{ 'Fn::If': ['Small', 'yes', 'no'] }, 'no'],
    [{ 'Fn::If': ['Both', 'yes', 'no'] }, 'no'],
    [{ 'Fn::If': ['Any', 'yes', 'no'] }, 'yes'],
    [{ 'Fn::FindInMap': ['Map', { Ref: 'AWS::Region' }, 'ami'] }, 'ami-1'],
    [{ 'Fn::ImportValue': 'Shared' }, 'there'],
    [{ 'Fn::Base64': 'a' }, 'YQ=='],
    [{ a: { Ref: 'AWS::NoValue' }, b: [1, { Ref: 'AWS::NoValue' }] }, { b: [1] }],
    [{ Ref: 'AWS::NoValue' }, undefined],
    [{ Ref: 1, other: 2 }, { Ref: 1, other: 2 }],
  ])('%j', (expression, value) => {
    expect(resolver.resolve(expression)).toEqual(value);
  });

  test.each([
    [{ Ref: 'Nowhere' }, 'the template has no resource \'Nowhere\''],
    [{ Ref: 'Given' }, 'parameter \'Given\' has neither a default nor a value'],
    [{ 'Fn::GetAtt': ['Topic', 'Color'] }, 'no value for Fn::GetAtt Topic.Color (AWS::SNS::Topic): pass it in \'values\''],
    [{ 'Fn::Transform': {} }, 'the resolver does not know \'Fn::Transform\''],
    [{ 'Fn::Select': [5, ['a']] }, 'Fn::Select 5 of a list of 1'],
    [{ 'Fn::FindInMap': ['Map', 'x', 'y'] }, 'no mapping Map.x.y'],
    [{ 'Fn::ImportValue': 'Nothing' }, 'no value for the export \'Nothing\': pass it in \'imports\''],
    [{ 'Fn::Join': ['', 'text'] }, 'not a list: "text"'],
    [{ 'Fn::If': ['Nowhere', 1, 2] }, 'the template has no condition \'Nowhere\''],
  ])('%j is refused', (expression, message) => {
    expect(() => resolver.resolve(expression)).toThrow(message);
  });

  test('CDK writes what the resolver reads', () => {
    const stack = new Stack(new App(), 'Intrinsic');
    const parameter = new CfnParameter(stack, 'P', { default: 'x' });
    const condition = new CfnCondition(stack, 'C', { expression: Fn.conditionEquals(parameter.valueAsString, 'x') });
    const mapping = new CfnMapping(stack, 'M', { mapping: { x: { topic: 'mapped' } } });
    new sns.CfnTopic(stack, 'Kept', { topicName: mapping.findInMap(parameter.valueAsString, 'topic') });
    const other = new sns.CfnTopic(stack, 'Dropped', {});
    other.cfnOptions.condition = new CfnCondition(stack, 'No', { expression: Fn.conditionNot(condition) });
    expect(TemplateModel.of(stack).topics.map(({ name }) => name)).toEqual(['mapped']);
  });
});
