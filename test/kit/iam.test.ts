import { App, Aws, Stack, aws_iam as iam, aws_kms as kms, aws_s3 as s3, aws_sns as sns, aws_sqs as sqs } from 'aws-cdk-lib';
import { Evaluator } from './iam/evaluator';
import {
  distinct, forbiddenSuite, loosePermissions, looseWildcards, missingPermissions, recordedRequests, unusedConditions, unusedPermissions,
  type Recorded,
} from './iam/proof';
import {
  failureObjectRequests, logRequests, pollerRequests, requestOf, requestsOf, senderRequests, streamRequests, type IamRequest, type Landscape,
} from './iam/requests';
import type { CallParams, RecordedCall } from './proxy/call';
import { DEFAULT_PLACEMENT } from './resolver';
import { TemplateModel } from './template';

process.env.CDK_VALIDATION = 'false';

const ROLE = 'arn:aws:iam::123456789012:role/Role';
const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/k';
const LANDSCAPE: Landscape = {
  ...DEFAULT_PLACEMENT,
  bucketKey: (bucket) => bucket === 'secret' ? KEY : undefined,
  isTagged: (bucket) => bucket === 'tagged',
  keyOf: (arn) => arn.endsWith('secret') ? KEY : undefined,
  tagsOf: (arn): Record<string, string> => arn.endsWith('vol-1') ? { Team: 'a' } : {},
};

function call(service: string, operation: string, params: CallParams = {}, principal = ROLE): RecordedCall {
  return { n: 1, principal, service, operation, region: 'eu-west-1', params, requestHash: '0', status: 200 };
}

const s3Object = (more: CallParams = {}): CallParams => ({ bucket: 'b', key: 'k', ...more });

describe('calls and the permissions they need', () => {
  const arn = (rest: string) => `arn:aws:${rest}`;
  const here = (service: string, rest: string) => `arn:aws:${service}:eu-west-1:123456789012:${rest}`;

  test.each<[string, RecordedCall, string[]]>([
    ['HeadObject', call('s3', 'HeadObject', s3Object()), [`s3:GetObject ${arn('s3:::b/k')}`]],
    ['HeadObject of an encrypted object', call('s3', 'HeadObject', { bucket: 'secret', key: 'k' }), [`s3:GetObject ${arn('s3:::secret/k')}`]],
    ['HeadObject with checksum', call('s3', 'HeadObject', { bucket: 'secret', key: 'k', headers: { 'x-amz-checksum-mode': 'ENABLED' } }),
      [`s3:GetObject ${arn('s3:::secret/k')}`, `kms:Decrypt ${KEY}`]],
    ['GetObject', call('s3', 'GetObject', { bucket: 'secret', key: 'k' }), [`s3:GetObject ${arn('s3:::secret/k')}`, `kms:Decrypt ${KEY}`]],
    ['GetObject of a version', call('s3', 'GetObject', s3Object({ query: { versionId: 'v' } })), [`s3:GetObjectVersion ${arn('s3:::b/k')}`]],
    ['ListObjectsV2', call('s3', 'ListObjectsV2', { bucket: 'b', query: { prefix: 'in/' } }), [`s3:ListBucket ${arn('s3:::b')} s3:prefix=in/`]],
    ['ListObjectVersions', call('s3', 'ListObjectVersions', { bucket: 'b' }), [`s3:ListBucketVersions ${arn('s3:::b')}`]],
    ['PutObject', call('s3', 'PutObject', s3Object()), [`s3:PutObject ${arn('s3:::b/k')}`]],
    ['PutObject with If-Match', call('s3', 'PutObject', s3Object({ headers: { 'if-match': '"e"' } })),
      [`s3:PutObject ${arn('s3:::b/k')}`, `s3:GetObject ${arn('s3:::b/k')}`]],
    ['PutObject with If-None-Match', call('s3', 'PutObject', s3Object({ headers: { 'if-none-match': '*' } })), [`s3:PutObject ${arn('s3:::b/k')}`]],
    ['PutObject with tags', call('s3', 'PutObject', s3Object({ headers: { 'x-amz-tagging': 'a=b' } })),
      [`s3:PutObject ${arn('s3:::b/k')}`, `s3:PutObjectTagging ${arn('s3:::b/k')}`]],
    ['PutObject with a key', call('s3', 'PutObject', s3Object({ headers: { 'x-amz-server-side-encryption-aws-kms-key-id': KEY } })),
      [`s3:PutObject ${arn('s3:::b/k')}`, `kms:GenerateDataKey ${KEY}`]],
    ['UploadPart', call('s3', 'UploadPart', { bucket: 'secret', key: 'k' }),
      [`s3:PutObject ${arn('s3:::secret/k')}`, `kms:GenerateDataKey ${KEY}`, `kms:Decrypt ${KEY}`]],
    ['CopyObject', call('s3', 'CopyObject', s3Object({ copySource: { bucket: 'secret', key: 'from' } })),
      [`s3:GetObject ${arn('s3:::secret/from')}`, `kms:Decrypt ${KEY}`, `s3:PutObject ${arn('s3:::b/k')}`]],
    ['CopyObject with tags', call('s3', 'CopyObject', s3Object({ copySource: { bucket: 'tagged', key: 'from', versionId: 'v' } })),
      [`s3:GetObjectVersion ${arn('s3:::tagged/from')}`, `s3:PutObject ${arn('s3:::b/k')}`,
        `s3:GetObjectVersionTagging ${arn('s3:::tagged/from')}`, `s3:PutObjectTagging ${arn('s3:::b/k')}`]],
    ['CopyObject that replaces tags', call('s3', 'CopyObject', s3Object({
      copySource: { bucket: 'tagged', key: 'from' }, headers: { 'x-amz-tagging-directive': 'REPLACE', 'x-amz-tagging': 'a=b' },
    })), [`s3:GetObject ${arn('s3:::tagged/from')}`, `s3:PutObject ${arn('s3:::b/k')}`, `s3:PutObjectTagging ${arn('s3:::b/k')}`]],
    ['SendMessageBatch under a key', call('sqs', 'SendMessageBatch', { body: { QueueUrl: 'http://127.0.0.1/123456789012/secret' } }),
      [`sqs:SendMessage ${here('sqs', 'secret')}`, `kms:GenerateDataKey ${KEY}`, `kms:Decrypt ${KEY}`]],
    ['PublishBatch under a key', call('sns', 'PublishBatch', { body: { TopicArn: here('sns', 'secret') } }),
      [`sns:Publish ${here('sns', 'secret')}`, `kms:GenerateDataKey ${KEY}`, `kms:Decrypt ${KEY}`]],
    ['PutRecords', call('kinesis', 'PutRecords', { body: { StreamName: 's' } }), [`kinesis:PutRecords ${here('kinesis', 'stream/s')}`]],
    ['PutRecords under a key', call('kinesis', 'PutRecords', { body: { StreamARN: here('kinesis', 'stream/secret') } }),
      [`kinesis:PutRecords ${here('kinesis', 'stream/secret')}`, `kms:GenerateDataKey ${KEY}`]],
    ['PutRecordBatch', call('firehose', 'PutRecordBatch', { body: { DeliveryStreamName: 'd' } }),
      [`firehose:PutRecordBatch ${here('firehose', 'deliverystream/d')}`]],
    ['BatchWriteItem under a key', call('dynamodb', 'BatchWriteItem', { body: { RequestItems: { secret: [] } } }),
      [`dynamodb:BatchWriteItem ${here('dynamodb', 'table/secret')}`, `kms:Decrypt ${KEY}`]],
    ['GetSecretValue under a key', call('secretsmanager', 'GetSecretValue', { body: { SecretId: here('secretsmanager', 'secret:secret') } }),
      [`secretsmanager:GetSecretValue ${here('secretsmanager', 'secret:secret')}`, `kms:Decrypt ${KEY}`]],
    ['DeleteObject', call('s3', 'DeleteObject', s3Object({ headers: { 'if-match': '"e"' } })),
      [`s3:DeleteObject ${arn('s3:::b/k')}`, `s3:GetObject ${arn('s3:::b/k')}`]],
    ['DeleteObject of a version', call('s3', 'DeleteObject', s3Object({ query: { versionId: 'v' } })), [`s3:DeleteObjectVersion ${arn('s3:::b/k')}`]],
    ['DeleteObjects', call('s3', 'DeleteObjects', { bucket: 'b', body: { Delete: { Object: [{ Key: 'x' }, { Key: 'y', VersionId: 'v' }] } } }),
      [`s3:DeleteObject ${arn('s3:::b/x')}`, `s3:DeleteObjectVersion ${arn('s3:::b/y')}`]],
    ['SendMessageBatch', call('sqs', 'SendMessageBatch', { body: { QueueUrl: 'http://127.0.0.1:1/123456789012/q' } }), [`sqs:SendMessage ${here('sqs', 'q')}`]],
    ['PublishBatch', call('sns', 'PublishBatch', { body: { TopicArn: here('sns', 't') } }), [`sns:Publish ${here('sns', 't')}`]],
    ['PutEvents', call('events', 'PutEvents', { body: { Entries: [{ Source: 's', DetailType: 'd' }, { EventBusName: 'bus', Source: 's', DetailType: 'd' }] } }),
      [`events:PutEvents ${here('events', 'event-bus/default')} events:source=s`, `events:PutEvents ${here('events', 'event-bus/bus')} events:source=s`]],
    ['DescribeEventBus', call('events', 'DescribeEventBus', { body: { Name: here('events', 'event-bus/bus') } }), [`events:DescribeEventBus ${here('events', 'event-bus/bus')}`]],
    ['Invoke', call('lambda', 'Invoke', { labels: { FunctionName: 'f' } }), [`lambda:InvokeFunction ${here('lambda', 'function:f')}`]],
    ['CreateInvalidation', call('cloudfront', 'CreateInvalidation', { labels: { DistributionId: 'E1' } }),
      [`cloudfront:CreateInvalidation ${arn('cloudfront::123456789012:distribution/E1')}`]],
    ['PutMetricData', call('monitoring', 'PutMetricData'), ['cloudwatch:PutMetricData *']],
    ['GetItem', call('dynamodb', 'GetItem', { body: { TableName: 't' } }), [`dynamodb:GetItem ${here('dynamodb', 'table/t')}`]],
    ['TransactWriteItems', call('dynamodb', 'TransactWriteItems', {
      body: { TransactItems: [{ Put: { TableName: 't' } }, { ConditionCheck: { TableName: here('dynamodb', 'table/u') } }] },
    }), [`dynamodb:PutItem ${here('dynamodb', 'table/t')}`, `dynamodb:ConditionCheckItem ${here('dynamodb', 'table/u')}`]],
    ['CreateSnapshot', call('ec2', 'CreateSnapshot', { body: { VolumeId: 'vol-1', TagSpecification: [{ ResourceType: 'snapshot', Tag: [{ Key: 'A', Value: 'b' }] }] } }), [
      `ec2:CreateSnapshot ${here('ec2', 'volume/vol-1')} aws:ResourceTag/Team=a`,
      `ec2:CreateSnapshot ${arn('ec2:eu-west-1::snapshot/*')} aws:RequestTag/A=b`,
      `ec2:CreateTags ${arn('ec2:eu-west-1::snapshot/*')} ec2:CreateAction=CreateSnapshot`,
    ]],
    ['CreateSchedule', call('scheduler', 'CreateSchedule', { labels: { Name: 'n' }, body: { Target: { RoleArn: arn('iam::123456789012:role/R') } } }), [
      `scheduler:CreateSchedule ${here('scheduler', 'schedule/default/n')}`,
      `iam:PassRole ${arn('iam::123456789012:role/R')} iam:PassedToService=scheduler.amazonaws.com`,
    ]],
  ])('%s', (_, made, expected) => {
    const words = requestsOf(made, LANDSCAPE).map(({ action, resource, context }, i) => {
      const shown = /\S+=\S+$/.exec(expected[i] ?? '')?.[0].split('=')[0];
      return [action, resource, ...shown ? [`${shown}=${context[shown]}`] : []].join(' ');
    });
    expect(words).toEqual(expected);
  });

  test('a key is asked through S3', () => {
    const [, request] = requestsOf(call('s3', 'GetObject', { bucket: 'secret', key: 'k' }), LANDSCAPE);
    expect(request.context).toMatchObject({
      'kms:ViaService': 's3.eu-west-1.amazonaws.com', 'kms:CallerAccount': '123456789012', 'kms:EncryptionContext:aws:s3:arn': 'arn:aws:s3:::secret',
    });
  });

  test('the call\'s Region counts, not the stack\'s', () => {
    const [request] = requestsOf({ ...call('sns', 'Publish', { body: { TopicArn: 'arn:aws:sns:eu-north-1:1:t' } }), region: 'eu-north-1' }, LANDSCAPE);
    expect(request.context['aws:RequestedRegion']).toBe('eu-north-1');
  });

  test('an unknown call is refused, not guessed', () => {
    expect(() => requestsOf(call('s3', 'PutBucketPolicy', { bucket: 'b' }), LANDSCAPE)).toThrow('no row for s3:PutBucketPolicy');
  });
});

interface Given {
  readonly source: s3.Bucket;
  readonly queue: sqs.Queue;
  readonly topic: sns.Topic;
  readonly key: kms.Key;
  readonly role: iam.Role;
}

/** A role that reads below a prefix, lists there, publishes and works off a queue: two-way exact unless `change` says otherwise. */
function world(change: (given: Given) => void = () => {}): { evaluator: Evaluator; recorded: Recorded[]; role: string; calls: RecordedCall[] } {
  const stack = new Stack(new App(), 'World');
  const key = new kms.Key(stack, 'Key');
  const source = new s3.Bucket(stack, 'Source', { encryptionKey: key, enforceSSL: true });
  const queue = new sqs.Queue(stack, 'Queue');
  const topic = new sns.Topic(stack, 'Topic');
  const role = new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  const other = new iam.Role(stack, 'Other', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  const allow = (actions: string[], resources: string[], conditions?: Record<string, unknown>) =>
    role.addToPolicy(new iam.PolicyStatement({ actions, resources, conditions }));
  allow(['s3:GetObject'], [source.arnForObjects('in/*')]);
  allow(['s3:ListBucket'], [source.bucketArn], { StringLike: { 's3:prefix': 'in/*' } });
  allow(['kms:Decrypt'], [key.keyArn], { StringEquals: { 'kms:ViaService': `s3.${Aws.REGION}.amazonaws.com` } });
  allow(['sns:Publish'], [topic.topicArn]);
  allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], [queue.queueArn]);
  other.addToPolicy(new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }));
  queue.addToResourcePolicy(new iam.PolicyStatement({
    principals: [new iam.ServicePrincipal('events.amazonaws.com')],
    actions: ['sqs:SendMessage'],
    resources: [queue.queueArn],
    conditions: { ArnEquals: { 'aws:SourceArn': 'arn:aws:events:eu-west-1:123456789012:rule/r' } },
  }));
  change({ source, queue, topic, key, role });
  const model = TemplateModel.of(stack);
  const evaluator = Evaluator.of(model);
  const [reader, sender] = model.roles.map(({ arn }) => arn);
  const [bucket] = model.buckets;
  const [{ arn: queueArn, url }] = model.queues;
  const calls = [
    call('s3', 'HeadObject', { bucket: bucket.name, key: 'in/a' }, reader),
    call('s3', 'GetObject', { bucket: bucket.name, key: 'in/a' }, reader),
    call('s3', 'ListObjectsV2', { bucket: bucket.name, query: { 'prefix': 'in/a', 'max-keys': '1' } }, reader),
    call('sns', 'Publish', { body: { TopicArn: model.topics[0].arn } }, reader),
    call('sqs', 'SendMessage', { body: { QueueUrl: url } }, sender),
    call('s3', 'PutObject', { bucket: bucket.name, key: 'in/a' }, 'the test'),
  ];
  const recorded = distinct([
    ...recordedRequests(calls, evaluator),
    ...pollerRequests({ arn: queueArn }, evaluator.landscape).map((request) => ({ principal: reader, request })),
    {
      principal: 'events.amazonaws.com',
      request: requestOf('sqs:SendMessage', queueArn, evaluator.landscape, { 'aws:SourceArn': 'arn:aws:events:eu-west-1:123456789012:rule/r' }),
    },
  ]);
  return { evaluator, recorded, role: reader, calls };
}

describe('decisions', () => {
  const { evaluator, role, calls } = world();
  const [bucket] = calls.map(({ params }) => params.bucket);

  test('of calls, as the proxy asks', () => {
    expect(calls.map((made) => evaluator.authorize(made).allowed)).toEqual([true, true, true, true, true, true]);
    const outside = evaluator.authorize(call('s3', 'GetObject', { bucket, key: 'out/a' }, role));
    expect(outside).toEqual({ allowed: false, reason: `${role} may not s3:GetObject on arn:aws:s3:::${bucket}/out/a (ImplicitlyDenied)` });
    expect(evaluator.authorize(call('s3', 'ListObjectsV2', { bucket }, role)).allowed).toBe(false);
    expect(evaluator.authorize(call('s3', 'ListObjectsV2', { bucket, query: { prefix: 'out/' } }, role)).allowed).toBe(false);
  });

  test('resource policies count: a denial there outweighs the role', () => {
    const request = requestOf('s3:GetObject', `arn:aws:s3:::${bucket}/in/a`, evaluator.landscape);
    const plain: IamRequest = { ...request, context: { ...request.context, 'aws:SecureTransport': 'false' } };
    expect(evaluator.decide(role, request).allowed).toBe(true);
    expect(evaluator.decide(role, plain)).toMatchObject({ allowed: false, reason: expect.stringContaining('ExplicitlyDenied') });
  });

  test('are remembered', () => {
    const { evaluator: fresh, calls: made } = world();
    made.forEach(fresh.authorize);
    const first = fresh.decisions;
    made.forEach(fresh.authorize);
    expect(fresh.decisions).toBe(first);
  });

  test('questions that make no sense are refused', async () => {
    const ask = (action: string, resource: string) => evaluator.validate(role, requestOf(action, resource, evaluator.landscape));
    await expect(ask('s3:GetObject', `arn:aws:s3:::${bucket}/in/a`)).resolves.toBeUndefined();
    await expect(ask('s3:HeadObject', `arn:aws:s3:::${bucket}/in/a`)).rejects.toThrow(/s3:HeadObject/);
    await expect(ask('sns:Publish', `arn:aws:s3:::${bucket}`)).rejects.toThrow(/sns:Publish/);
  });

  test('the service\'s own calls make sense', async () => {
    const requests = [...logRequests('/aws/lambda/f', LANDSCAPE), ...pollerRequests({ arn: 'arn:aws:sqs:eu-west-1:123456789012:q', kmsKeyArn: KEY }, LANDSCAPE)];
    for (const request of requests) await evaluator.validate(role, request);
    const policy = { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: ['arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/f:*'] } as const;
    const logging = evaluator.with({ roles: [{ arn: role, foreignPolicies: [], statements: [policy] }] });
    expect(missingPermissions(logging, logRequests('/aws/lambda/f', LANDSCAPE).map((request) => ({ principal: role, request })))).toEqual([]);
  });

  test('a stream is read by polling, or through a consumer', () => {
    const streamArn = 'arn:aws:kinesis:eu-west-1:123456789012:stream/s';
    const words = (sourceArn: string, kmsKeyArn?: string) => streamRequests({ streamArn, sourceArn, kmsKeyArn }, LANDSCAPE)
      .map(({ action, resource }) => `${action} ${resource.split('/').slice(1).join('/')}`);
    const read = ['DescribeStream', 'DescribeStreamSummary', 'ListShards', 'GetRecords', 'GetShardIterator'].map((name) => `kinesis:${name} s`);
    expect(words(streamArn, KEY)).toEqual([...read, `kms:Decrypt ${KEY.split('/')[1]}`]);
    expect(words(`${streamArn}/consumer/c:1`)).toEqual([
      ...read, 'kinesis:SubscribeToShard s/consumer/c:1', 'kinesis:DescribeStreamConsumer s/consumer/c:1',
    ]);
  });

  test('a batch that is given up is an object below the mapping\'s prefix', () => {
    const asked = failureObjectRequests('arn:aws:s3:::secret', 'aws/lambda/u/s/k', LANDSCAPE);
    expect(asked.map(({ action, resource }) => `${action} ${resource}`)).toEqual([
      's3:PutObject arn:aws:s3:::secret/aws/lambda/u/s/k', 's3:ListBucket arn:aws:s3:::secret', `kms:GenerateDataKey ${KEY}`,
    ]);
    expect(asked[0].context).toMatchObject({ 's3:ResourceAccount': '123456789012' });
  });

  test('a message under a key asks the key, of the sender directly, of the poller through SQS', () => {
    const queue = { arn: 'arn:aws:sqs:eu-west-1:123456789012:q', kmsKeyArn: KEY };
    expect(pollerRequests(queue, LANDSCAPE).at(-1)).toMatchObject({ action: 'kms:Decrypt', context: { 'kms:ViaService': 'sqs.eu-west-1.amazonaws.com' } });
    const sent = senderRequests(queue, LANDSCAPE, { 'aws:SourceArn': 'rule' });
    expect(sent.map(({ action, context }) => [action, context['aws:SourceArn']])).toEqual([
      ['sqs:SendMessage', 'rule'], ['kms:GenerateDataKey', 'rule'], ['kms:Decrypt', 'rule'],
    ]);
  });

  test('a role with policies nobody knows is refused', () => {
    const stack = new Stack(new App(), 'Foreign');
    new iam.Role(stack, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'), managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName('ReadOnlyAccess')],
    });
    const model = TemplateModel.of(stack);
    expect(() => Evaluator.of(model).decide(model.roles[0].arn, requestOf('s3:GetObject', 'arn:aws:s3:::b/k', LANDSCAPE)))
      .toThrow(/whose text is not in the template: .*ReadOnlyAccess/);
  });
});

describe('the proof', () => {
  test('an exact world has no finding', async () => {
    const { evaluator, recorded } = world();
    const forbidden = await forbiddenSuite(evaluator, recorded);
    expect(missingPermissions(evaluator, recorded)).toEqual([]);
    expect(unusedPermissions(evaluator, recorded)).toEqual([]);
    expect(unusedConditions(evaluator, recorded, forbidden)).toEqual([]);
    expect(loosePermissions(evaluator, forbidden)).toEqual([]);
    expect(await looseWildcards(evaluator)).toEqual([]);
    expect(new Set(forbidden.map(({ why }) => why))).toEqual(new Set([
      'another resource', 'another account', 'another Region', 'another prefix', 'another role', 'another service',
      'a stranger in the account', 'a stranger from another account', 'an action it never needs',
      's3:prefix is absent', 's3:prefix is not as required', 'kms:ViaService is absent', 'kms:ViaService is not as required',
      'aws:SourceArn is absent', 'aws:SourceArn is not as required', 'aws:SecureTransport is not as required',
    ]));
  });

  test('a missing permission is found', () => {
    const { evaluator, role } = world();
    const request = requestOf('s3:PutObject', 'arn:aws:s3:::b/k', evaluator.landscape);
    expect(missingPermissions(evaluator, [{ principal: role, request }])).toEqual([`${role} may not s3:PutObject on arn:aws:s3:::b/k (ImplicitlyDenied)`]);
  });

  test('an unused action, an unused resource and an unused statement of a resource are found', () => {
    const unused = (change: (given: Given) => void) => {
      const { evaluator, recorded } = world(change);
      return unusedPermissions(evaluator, recorded);
    };
    const allow = (role: iam.Role, actions: string[], resources: string[]) => role.addToPolicy(new iam.PolicyStatement({ actions, resources }));
    expect(unused(({ role, source }) => allow(role, ['s3:GetObject', 's3:PutObject'], [source.arnForObjects('log/*')]))).toEqual([
      expect.stringMatching(/s3:GetObject on .*log\/\* is used by no recorded call/),
      expect.stringMatching(/s3:PutObject on .*log\/\* is used by no recorded call/),
    ]);
    expect(unused(({ queue }) => queue.grantSendMessages(new iam.ServicePrincipal('s3.amazonaws.com')))).toEqual(
      expect.arrayContaining([expect.stringMatching(/policy of arn:aws:sqs:.*: sqs:SendMessage .*is used by no recorded call/)]));
  });

  test('a permission given twice is unused twice', () => {
    const { evaluator, recorded } = world(({ role, topic }) => role.addToPolicy(new iam.PolicyStatement({
      actions: ['sns:Publish'], resources: [topic.topicArn], conditions: { StringEquals: { 'aws:RequestedRegion': Aws.REGION } },
    })));
    expect(unusedPermissions(evaluator, recorded)).toHaveLength(2);
  });

  test('a condition that changes nothing is found', async () => {
    const { evaluator, recorded } = world(({ role, source }) => role.addToPolicy(new iam.PolicyStatement({
      actions: ['s3:GetObject'], resources: [source.arnForObjects('in/*')], conditions: { Bool: { 'aws:SecureTransport': 'true' } },
    })));
    expect(unusedConditions(evaluator, recorded, await forbiddenSuite(evaluator, recorded))).toEqual([
      expect.stringMatching(/the condition Bool aws:SecureTransport of s3:GetObject changes nothing/),
    ]);
  });

  test.each<[string, (given: Given) => void, RegExp]>([
    ['a whole bucket', ({ role, source }) => role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [source.arnForObjects('*')] })), /another prefix/],
    ['an open list', ({ role, source }) => role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [source.bucketArn] })), /s3:prefix is absent/],
    ['any topic', ({ role }) => role.addToPolicy(new iam.PolicyStatement({ actions: ['sns:Publish'], resources: ['*'] })), /another (resource|account|Region)/],
    ['every action', ({ role, queue }) => role.addToPolicy(new iam.PolicyStatement({ actions: ['sqs:*'], resources: [queue.queueArn] })), /an action it never needs/],
    ['anybody', ({ queue }) => queue.addToResourcePolicy(new iam.PolicyStatement({
      principals: [new iam.AnyPrincipal()], actions: ['sqs:SendMessage'], resources: [queue.queueArn],
    })), /a stranger/],
    ['any rule', ({ queue }) => queue.grantSendMessages(new iam.ServicePrincipal('events.amazonaws.com')), /aws:SourceArn is absent/],
  ])('looseness is found: %s', async (_, change, finding) => {
    const { evaluator, recorded } = world(change);
    expect(loosePermissions(evaluator, await forbiddenSuite(evaluator, recorded)).join('\n')).toMatch(finding);
  });

  test('wildcards are found', async () => {
    const { evaluator } = world(({ role }) => {
      role.addToPolicy(new iam.PolicyStatement({ actions: ['sqs:Send*'], resources: ['arn:aws:sqs:*:*:q'] }));
      role.addToPolicy(new iam.PolicyStatement({ actions: ['sns:Publish', 'ec2:DescribeRegions'], resources: ['*'] }));
    });
    expect(await looseWildcards(evaluator)).toEqual([
      expect.stringMatching(/the action sqs:Send\* is open/), expect.stringMatching(/sns:Publish on \* could name its resource/),
    ]);
  });
});
