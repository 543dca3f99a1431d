import {
  aws_cloudfront as cloudfront, aws_cloudfront_origins as origins, aws_kms as kms, type Stack,
} from 'aws-cdk-lib';
import { picture, PipelineAtWork } from './pipeline-at-work';
import type { ImageResizePipeline, ImageResizePipelineProps } from '../../src';
import {
  forbiddenSuite, loosePermissions, looseWildcards, missingPermissions, unusedConditions, unusedPermissions, type Recorded,
} from '../kit/iam/proof';
import { requestOf, requestsOf } from '../kit/iam/requests';
import type { World } from '../kit/world';

/** Both ways: whatever the functions, and the services for them, do is allowed; whatever is allowed is done. */

jest.setTimeout(600_000);

const NO_PICTURE = 'no picture';

/** Everything a pipeline does, once, by each of its functions. */
async function exercise(pipeline: PipelineAtWork): Promise<void> {
  const { world } = pipeline;
  const [a, b] = [await picture(1), await picture(2)];
  await pipeline.begin();
  for (const [name, body] of [['x.png', a], ['x.png', b], ['x.png', NO_PICTURE], ['y.png', NO_PICTURE], ['y.png', a]] as const) {
    await pipeline.upload(name, body);
    await pipeline.settle();
  }
  for (const name of ['x.png', 'y.png']) await pipeline.remove(name);
  await pipeline.settle();
  expect(pipeline.deadLetters).toBe(0);

  world.outages.add(world.queue('ImagesQueue').settings.arn); // EventBridge gives up
  await pipeline.upload('y.png', a);
  await pipeline.settle();
  expect(pipeline.deadLetters).toBe(1);
  world.outages.clear();

  for (const body of [undefined, a, b, NO_PICTURE]) {
    if (body !== undefined) await world.plant(pipeline.source, 'originals/lazy.png', body);
    await world.invokeArn(world.functionOf('ImagesServe').arn, {
      version: '2.0', rawPath: '/img/lazy.png/small.webp', headers: {}, requestContext: { http: { method: 'GET' } },
    });
  }

  const objects = [{ bucket: pipeline.source, key: 'originals/old.png' }];
  for (const body of [a, b, NO_PICTURE, undefined, undefined]) {
    if (body === undefined) await pipeline.remove('old.png');
    else await world.plant(pipeline.source, objects[0].key, body);
    await world.runBatch({ functionArn: world.functionOf('ImagesBackfill').arn, objects }, batchRole(world));
  }
  await pipeline.settle();
}

function batchRole({ model }: World): string {
  return model.roles.find(({ trust }) => JSON.stringify(trust).includes('batchoperations'))!.arn;
}

/** What services do that the world does not play: as their documentation says. */
function played({ world, destination, source }: PipelineAtWork): Recorded[] {
  const { evaluator: { landscape }, model } = world;
  const as = (principal: string, action: string, resource: string, context = {}): Recorded[] =>
    [{ principal, request: requestOf(action, resource, landscape, context) }];
  const s3As = (principal: string, operation: string, bucket: string, key: string): Recorded[] =>
    requestsOf({ n: 0, principal, service: 's3', operation, region: landscape.region, params: { bucket, key }, requestHash: '', status: 200 }, landscape)
      .map((request) => ({ principal, request }));
  // S3 user guide, "Granting permissions for S3 Batch Operations", "Enabling Amazon S3 server access logging".
  const job = batchRole(world);
  const logs = model.buckets.flatMap(({ accessLogs, arn }) => accessLogs === undefined ? [] : as(
    'logging.s3.amazonaws.com', 's3:PutObject', `arn:aws:s3:::${accessLogs.bucket}/${accessLogs.prefix}2026-01-01-00-00-00-0`,
    { 'aws:SourceArn': arn, 'aws:SourceAccount': landscape.account },
  ));
  // CloudFront developer guide, "Restrict access to an AWS Lambda function URL origin".
  const readers = model.distributions.flatMap((id) => {
    const context = { 'aws:SourceArn': `arn:aws:cloudfront::${landscape.account}:distribution/${String(model.resolver.ref(id))}` };
    const { arn } = world.functionOf('ImagesServe');
    return [
      ...as('cloudfront.amazonaws.com', 'lambda:InvokeFunctionUrl', arn, { ...context, 'lambda:FunctionUrlAuthType': 'AWS_IAM' }),
      ...as('cloudfront.amazonaws.com', 'lambda:InvokeFunction', arn, context),
    ];
  });
  return [
    ...s3As(job, 'GetObject', destination, 'backfill-reports/list.csv'),
    ...s3As(job, 'PutObject', destination, 'backfill-reports/job/report.csv'),
    ...as(job, 's3:PutInventoryConfiguration', `arn:aws:s3:::${source}`),
    ...logs,
    ...readers,
  ];
}

/** A key of the customer's, copies of refused originals, a distribution. */
function withEverything(stack: Stack): ImageResizePipelineProps {
  return { encryptionKey: new kms.Key(stack, 'Key'), quarantinePrefix: 'refused/' };
}

function distribute(pipeline: ImageResizePipeline): void {
  const distribution = new cloudfront.Distribution(pipeline.node.scope!, 'Cdn', { defaultBehavior: { origin: new origins.HttpOrigin('example.com') } });
  pipeline.invalidateIn(distribution);
  pipeline.grantInvokeFromDistribution(distribution);
}

describe.each<[string, Parameters<typeof PipelineAtWork.start>]>([
  ['a pipeline with queues, topics, a bus, backfill and lazy origin', []],
  ['the same with a key, a quarantine and a distribution', [withEverything, distribute]],
])('%s', (_, options) => {
  let pipeline: PipelineAtWork;
  let recorded: Recorded[];
  beforeAll(async () => {
    pipeline = await PipelineAtWork.start(...options);
    await exercise(pipeline);
    pipeline.world.note(played(pipeline));
    recorded = pipeline.world.recorded();
  });
  afterAll(() => pipeline.stop());

  test('nothing is missing', async () => {
    const { evaluator } = pipeline.world;
    expect(missingPermissions(evaluator, recorded)).toEqual([]);
    for (const { principal, request } of recorded) await evaluator.validate(principal, request);
  });

  test('nothing is unused', () => {
    expect(unusedPermissions(pipeline.world.evaluator, recorded)).toEqual([]);
  });

  test('nothing is loose, no condition idle', async () => {
    const { evaluator } = pipeline.world;
    const forbidden = await forbiddenSuite(evaluator, recorded);
    expect(loosePermissions(evaluator, forbidden)).toEqual([]);
    expect(unusedConditions(evaluator, recorded, forbidden)).toEqual([]);
    expect(await looseWildcards(evaluator)).toEqual([]);
    console.log(`${recorded.length} permissions asked for, ${forbidden.length} forbidden requests`);
    expect(forbidden.length).toBeGreaterThan(1000);
  });
});
