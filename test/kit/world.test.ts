import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  App, Duration, Stack, aws_events as events, aws_events_targets as targets, aws_iam as iam, aws_lambda as lambda,
  aws_lambda_destinations as destinations, aws_lambda_event_sources as sources, aws_logs as logs, aws_s3 as s3, aws_sns as sns, aws_sqs as sqs,
} from 'aws-cdk-lib';
import { randomDelivery } from './dispatch/delivery';
import { EPOCH } from './dispatch/timeline';
import { FaultSchedule, killSweep, seedFromEnv } from './faults';
import { missingPermissions, unusedPermissions } from './iam/proof';
import { World } from './world';

process.env.CDK_VALIDATION = 'false';
const seed = seedFromEnv(20261121);
console.log(`seed ${seed}`);

/** Copies each uploaded object, in capitals; 'poison' fails. Without SDK: nothing but the runtime is under it. */
const COPIER = `
const call = async (method, path, body) => {
  const { AWS_ENDPOINT_URL: origin, AWS_ACCESS_KEY_ID: id } = process.env;
  const authorization = 'AWS4-HMAC-SHA256 Credential=' + id + '/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0';
  const response = await fetch(origin + path, { method, body, headers: { authorization, 'x-amz-meta-at': new Date().toISOString() } });
  if (!response.ok && response.status !== 404) throw new Error(method + ' ' + path + ': ' + response.status);
  return response;
};
export const copy = async (event) => {
  const batchItemFailures = [];
  for (const { messageId, body } of event.Records) {
    try {
      const { key } = JSON.parse(body).detail.object;
      const source = await call('GET', '/' + process.env.SOURCE + '/' + key);
      const text = await source.text();
      if (text === 'poison') throw new Error('poison');
      await call('PUT', '/' + process.env.TARGET + '/' + key, text.toUpperCase());
    } catch {
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
};
export const fail = async () => { throw new Error('always'); };
`;

const code = mkdtempSync(join(tmpdir(), 'kit-world-'));
writeFileSync(join(code, 'index.mjs'), COPIER);

function copier(): Stack {
  const stack = new Stack(new App(), 'Copier');
  const source = new s3.Bucket(stack, 'Source', { versioned: true });
  (source.node.defaultChild as s3.CfnBucket).notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
  const target = new s3.Bucket(stack, 'Target');
  const dead = new sqs.Queue(stack, 'Dead');
  const queue = new sqs.Queue(stack, 'Queue', { visibilityTimeout: Duration.minutes(6), deadLetterQueue: { queue: dead, maxReceiveCount: 3 } });
  const fn = (id: string, handler: string, more: Partial<lambda.FunctionProps> = {}) => {
    const role = new iam.Role(stack, `${id}Role`, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = new logs.LogGroup(stack, `${id}Logs`);
    logGroup.grantWrite(role);
    return new lambda.Function(stack, id, {
      runtime: lambda.Runtime.NODEJS_24_X,
      code: lambda.Code.fromAsset(code),
      handler,
      role,
      logGroup,
      timeout: Duration.seconds(30),
      environment: { SOURCE: source.bucketName, TARGET: target.bucketName },
      ...more,
    });
  };
  const copy = fn('Copy', 'index.copy');
  copy.addToRolePolicy(new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [source.arnForObjects('in/*')] }));
  copy.addToRolePolicy(new iam.PolicyStatement({ actions: ['s3:PutObject'], resources: [target.arnForObjects('in/*')] }));
  copy.addEventSource(new sources.SqsEventSource(queue, { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: 2 }));
  const pattern = { source: ['aws.s3'], detail: { bucket: { name: [source.bucketName] } } };
  new events.Rule(stack, 'Rule', { eventPattern: { ...pattern, detailType: ['Object Created'] }, targets: [new targets.SqsQueue(queue)] });
  const fail = fn('Fail', 'index.fail', { onFailure: new destinations.SqsDestination(dead), retryAttempts: 1 });
  new events.Rule(stack, 'Deletions', { eventPattern: { ...pattern, detailType: ['Object Deleted'] }, targets: [new targets.LambdaFunction(fail)] });
  new sns.Topic(stack, 'Topic');
  new events.EventBus(stack, 'Bus');
  return stack;
}

jest.setTimeout(180_000);

let world: World;
let source: string;
let target: string;
beforeAll(async () => {
  world = await World.start({ stack: copier() });
  [source, target] = world.model.buckets.map(({ name }) => name);
});
afterAll(async () => {
  await world.stop();
  rmSync(code, { recursive: true });
});

async function copied(): Promise<Record<string, string>> {
  const keys = await world.keys(target);
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, String(await world.read(target, key))])));
}

test('an upload reaches the function and what it writes is there', async () => {
  await world.begin();
  await world.upload(source, 'in/a', 'hello');
  await world.settle();
  expect(await copied()).toEqual({ 'in/a': 'HELLO' });
  expect(world.runs.map(({ outcome }) => outcome.kind)).toEqual(['ok']);
  expect(world.callsOf(world.functionOf('Copy')).map(({ operation, status }) => [operation, status])).toEqual([['GetObject', 200], ['PutObject', 200]]);
  expect(world.unrest()).toEqual([]);
});

test('a run begins empty', async () => {
  await world.begin();
  expect([await world.keys(source), await copied(), world.runs, world.proxy.calls]).toEqual([[], {}, [], []]);
});

test('what cannot be done ends in the dead letters, after as many attempts as the template says', async () => {
  await world.begin();
  await world.upload(source, 'in/a', 'poison');
  await world.settle();
  expect(world.runs).toHaveLength(3);
  expect(world.queue('Dead').messages).toMatchObject([{ deadLetterSource: world.queue('Queue').settings.arn }]);
  expect(world.unrest()).toEqual([]);
});

test('the role counts: what it does not allow is refused', async () => {
  await world.begin();
  await world.upload(source, 'elsewhere/a', 'hello');
  await world.settle();
  expect(world.callsOf(world.functionOf('Copy')).map(({ operation, status, errorCode }) => [operation, status, errorCode]))
    .toEqual(Array(3).fill(['GetObject', 403, 'AccessDenied']));
  expect(missingPermissions(world.evaluator, world.recorded())).toEqual([expect.stringMatching(/may not s3:GetObject on .*elsewhere\/a/)]);
  expect(await copied()).toEqual({});
});

test('killed before and after each call, the message is delivered again and done', async () => {
  const begin = async (faults: FaultSchedule) => {
    await world.begin({ faults });
    await world.upload(source, 'in/a', 'hello');
    await world.settle();
  };
  await begin(FaultSchedule.none());
  const sweep = killSweep(world.callsOf(world.functionOf('Copy')));
  expect(sweep).toHaveLength(4);
  for (const faults of sweep) {
    await begin(faults);
    expect(world.runs.map(({ outcome }) => outcome.kind)).toEqual(['killed', 'ok']);
    expect(await copied()).toEqual({ 'in/a': 'HELLO' });
    expect(world.unrest()).toEqual([]);
  }
});

test('the function\'s clock is the world\'s: a visibility timeout passes in no time', async () => {
  const times = () => world.callsOf(world.functionOf('Copy')).map(({ params }) => Date.parse(params.headers!['x-amz-meta-at']));
  await world.begin({ faults: FaultSchedule.of({ operation: 's3:GetObject', nth: 1, fault: { kind: 'server-error' } }) });
  const start = world.timeline.now;
  await world.upload(source, 'in/a', 'hello');
  await world.settle();
  const [first, second] = times();
  expect(start).toBeGreaterThanOrEqual(EPOCH);
  expect(first - start).toBeLessThan(60_000);
  expect(second - first).toBeGreaterThan(300_000);
  expect(world.timeline.now - start).toBe(360_000);
});

test('the world can change under a function\'s hands', async () => {
  await world.begin();
  world.interfere(async ({ operation }) => {
    if (operation !== 'PutObject') return;
    world.interfere();
    await world.upload(source, 'in/a', 'newer');
  });
  await world.upload(source, 'in/a', 'older');
  await world.settle();
  expect(await copied()).toEqual({ 'in/a': 'NEWER' });
  expect(world.runs).toHaveLength(2);
});

test('a delete marker reaches an asynchronous function, its retries and its destination', async () => {
  await world.begin();
  await world.upload(source, 'in/a', 'hello');
  await world.settle();
  await world.remove(source, 'in/a');
  await world.settle();
  const failed = world.runs.filter(({ functionArn }) => functionArn === world.functionOf('Fail').arn);
  expect(failed.map(({ event }) => (event as { detail: Record<string, unknown> }).detail['deletion-type'])).toEqual(Array(2).fill('Delete Marker Created'));
  expect(world.queue('Dead').messages.map(({ body }) => JSON.parse(body))).toMatchObject([{
    requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 2 }, responsePayload: { errorMessage: 'always' },
  }]);
});

test(`random delivery (seed ${seed}): every object is copied, some more than once`, async () => {
  await world.begin({ delivery: randomDelivery(seed, { duplicate: 0.4, delay: 0.4, maxDelaySeconds: 30, loseDelete: 0.2 }) });
  const keys = Array.from({ length: 12 }, (_, i) => `in/${i}`);
  for (const key of keys) await world.upload(source, key, key);
  await world.settle();
  expect(Object.keys(await copied()).sort()).toEqual([...keys].sort());
  expect(world.runs.length).toBeGreaterThan(keys.length);
  expect(world.unrest()).toEqual([]);
});

test('a lost message is found', async () => {
  await world.begin();
  await world.upload(source, 'in/a', 'hello');
  expect(world.unrest()).toEqual(['something is still to happen']);
  await world.settle();
  (world.queue('Queue') as unknown as { counts: { arrived: number } }).counts.arrived += 1;
  expect(world.unrest()).toEqual([expect.stringContaining('lost messages')]);
});

test('all that happened used every permission but those CDK\'s own grants add', () => {
  const added = /: sqs:(ChangeMessageVisibility|GetQueueUrl|GetQueueAttributes) on .* is used by no recorded call$/;
  expect(unusedPermissions(world.evaluator, world.recorded()).filter((finding) => !added.test(finding))).toEqual([]);
});
