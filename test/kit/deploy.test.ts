import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { App, CfnOutput, CfnResource, Duration, Stack, aws_cloudfront as cloudfront, aws_events as events, aws_lambda as lambda, aws_s3 as s3, aws_sqs as sqs } from 'aws-cdk-lib';
import { LambdaFunction, SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { DEPLOYER, cdkDeploy, describeStack } from './deploy';
import { type Emulator, REGION, startMiniStack, startMoto } from './emulators';
import { type DoorFunction, LambdaHost } from './lambda-host';

process.env.CDK_VALIDATION = 'false';

let scratch: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'deploy-test-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Bucket → rule → queue → function, a rule straight to the function, and a type no emulator knows. */
class Plumbing extends Stack {
  constructor(app: App, code: string) {
    super(app, 'Plumbing', { env: { account: '123456789012', region: REGION } });
    const bucket = new s3.Bucket(this, 'Bucket');
    (bucket.node.defaultChild as s3.CfnBucket).notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
    const queue = new sqs.Queue(this, 'Queue', { visibilityTimeout: Duration.seconds(60) });
    new events.Rule(this, 'Rule', {
      eventPattern: { source: ['aws.s3'], detailType: ['Object Created'], detail: { bucket: { name: [bucket.bucketName] } } },
      targets: [new SqsQueue(queue)],
    });
    const fn = new lambda.Function(this, 'Function', {
      runtime: lambda.Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: lambda.Code.fromAsset(code),
      timeout: Duration.seconds(10),
      environment: { QUEUE_URL: queue.queueUrl },
    });
    fn.addEventSource(new SqsEventSource(queue, { batchSize: 1, reportBatchItemFailures: true }));
    new events.Rule(this, 'Direct', { eventPattern: { source: ['kit.test'] }, targets: [new LambdaFunction(fn)] });
    new cloudfront.Function(this, 'Viewer', { code: cloudfront.FunctionCode.fromInline('function handler(event) { return event.request; }') });
    new CfnOutput(this, 'BucketName', { value: bucket.bucketName });
    new CfnOutput(this, 'QueueUrl', { value: queue.queueUrl });
  }
}

const HANDLER = `
  export const handler = async (event) => {
    console.log(process.version, process.env.QUEUE_URL);
    return event.Records ? { batchItemFailures: [] } : event.detail;
  };
`;

interface Target {
  readonly name: string;
  readonly start: typeof startMiniStack;
  readonly mayLack?: readonly string[];
  /** Makes one message arrive in the queue. */
  readonly feed: (outputs: Readonly<Record<string, string>>, client: object) => Promise<unknown>;
}

describe.each<Target>([
  {
    name: 'MiniStack',
    start: startMiniStack,
    feed: ({ BucketName }, client) => new S3Client({ ...client, forcePathStyle: true })
      .send(new PutObjectCommand({ Bucket: BucketName, Key: 'über all.txt', Body: 'x' })),
  },
  {
    // moto's CloudFormation leaves a bucket's EventBridge configuration out.
    name: 'moto',
    start: startMoto,
    mayLack: ['AWS::SQS::QueuePolicy', 'AWS::CloudFront::Function'],
    feed: ({ QueueUrl }, client) => new SQSClient({ ...client, useQueueUrlAsEndpoint: false })
      .send(new SendMessageCommand({ QueueUrl, MessageBody: '"über all.txt"' })),
  },
])('on $name', ({ name, start, mayLack, feed }) => {
  let host: LambdaHost;
  let emulator: Emulator;
  const met: DoorFunction[] = [];

  beforeAll(async () => {
    host = await LambdaHost.start({ onFunction: (fn) => met.push(fn) });
    emulator = await start({ lambdaHostUrl: host.url });
    host.endpoint = emulator.origin;
  });
  afterAll(async () => {
    await emulator?.stop();
    await host?.stop();
  });

  test('the CDK CLI deploys a stack, and events end in its function under Node 24', async () => {
    const code = join(scratch, `code-${name}`);
    mkdirSync(code);
    writeFileSync(join(code, 'index.mjs'), HANDLER);
    const app = new App({ outdir: join(scratch, `cdk-${name}`) });
    new Plumbing(app, code);

    const outputs = await cdkDeploy({ assembly: app.synth().directory, endpoint: emulator.origin, mayLack });
    const stack = await describeStack({ endpoint: emulator.origin, stack: 'Plumbing' });
    const [fn] = Object.values(stack.functions);
    expect(Object.values(stack.resources)).toContainEqual({ type: 'AWS::S3::Bucket', physicalId: outputs.Plumbing.BucketName });

    const client = { endpoint: emulator.origin, region: REGION, credentials: DEPLOYER };
    await feed(outputs.Plumbing, client);
    await until(() => host.invocations.length === 1);
    await new EventBridgeClient(client).send(new PutEventsCommand({ Entries: [{ Source: 'kit.test', DetailType: 'Test', Detail: '{"n":1}' }] }));
    await until(() => host.invocations.length === 2);

    const [queued, direct] = host.invocations;
    expect(queued).toMatchObject({ name: fn.name, outcome: { kind: 'ok', payload: { batchItemFailures: [] }, coldStart: true } });
    expect((queued.event as { Records: { body: string }[] }).Records.map(({ body }) => body)).toEqual([expect.stringContaining('ber all.txt')]);
    expect(queued.outcome.logs).toMatch(new RegExp(`v24\\..* ${host.endpoint}`));
    expect(direct).toMatchObject({ name: fn.name, outcome: { kind: 'ok', payload: { n: 1 }, coldStart: false } });
    expect(met).toEqual([{ ...fn, accessKeyId: expect.stringMatching(/^AKIA/) }]);
  }, 120_000);
});

test('what an emulator leaves out is told', async () => {
  const emulator = await startMoto();
  const app = new App({ outdir: join(scratch, 'cdk-lacking') });
  new CfnResource(new Stack(app, 'Lacking'), 'Unknown', { type: 'AWS::SNS::TopicPolicy', properties: {} });
  const deployment = cdkDeploy({ assembly: app.synth().directory, endpoint: emulator.origin });
  await expect(deployment).rejects.toThrow("'Lacking' must be deployed in full, got none of AWS::SNS::TopicPolicy");
  await emulator.stop();
}, 120_000);

test('needs an app', async () => {
  await expect(cdkDeploy({ endpoint: 'http://127.0.0.1:1' })).rejects.toThrow("'appCommand' or 'assembly' must be given, got neither");
});

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !condition() && Date.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
