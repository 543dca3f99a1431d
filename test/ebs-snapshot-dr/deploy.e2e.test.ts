import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import {
  DrTemplate, EbsConsistency, EbsDrill, EbsDrSite, EbsImages, EbsRestore, EbsSchedule, EbsSelection, EbsSnapshotDr, RestoreParam,
} from '../../src';
import { PLAN_ENV, PlanSettings, SITE_ENV, SiteSettings } from '../../src/ebs-snapshot-dr/contract';
import { cdkDeploy, DEPLOYER, describeStack } from '../kit/deploy';
import { ACCOUNT, type Emulator, startMiniStack } from '../kit/emulators';

process.env.CDK_VALIDATION = 'false';

/** The unmodified CDK CLI deploys both sides, each into its Region. What the functions do there, other tests show. */
const SOURCE = 'eu-west-1';
const RECOVERY = 'eu-central-1';

let scratch: string;
let emulator: Emulator;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'ebs-e2e-'));
  emulator = await startMiniStack();
  const app = new App({ outdir: join(scratch, 'cdk.out') });
  const shop = new Stack(app, 'Shop', { env: { account: ACCOUNT, region: SOURCE } });
  const recovery = new Stack(app, 'Recovery', { env: { account: ACCOUNT, region: RECOVERY } });
  const site = new EbsDrSite(recovery, 'Site', {
    siteName: 'recovery',
    removalPolicy: RemovalPolicy.DESTROY,
    restore: EbsRestore.cloudFormation({
      template: DrTemplate.inline(JSON.stringify({ Parameters: { Data: { Type: 'String' } }, Resources: { Volume: { Type: 'AWS::EC2::Volume' } } })),
      parameters: { Data: RestoreParam.snapshot('/dev/sdf') },
      executionRole: new iam.Role(recovery, 'Execution', { assumedBy: new iam.ServicePrincipal('cloudformation.amazonaws.com') }),
    }),
    drill: EbsDrill.scheduled(EbsSchedule.rate(Duration.days(7))),
  });
  new EbsSnapshotDr(shop, 'Dr', {
    selection: EbsSelection.tag('dr', 'gold'),
    planName: 'gold',
    consistency: EbsConsistency.freeze({ paths: ['/data'] }),
    images: EbsImages.every(Duration.days(1)),
    artifacts: [s3.Bucket.fromBucketName(shop, 'Code', 'shop-code')],
    recycleBin: Duration.days(7),
    removalPolicy: RemovalPolicy.DESTROY,
    copyTo: [site],
  });
  await cdkDeploy({ assembly: app.synth().directory, endpoint: emulator.origin, region: SOURCE, moreRegions: [RECOVERY] });
}, 180_000);

afterAll(async () => {
  await emulator?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function variablesOf(stack: string, region: string): Promise<Record<string, Record<string, string>>> {
  const { functions } = await describeStack({ endpoint: emulator.origin, region, stack });
  const lambda = new LambdaClient({ endpoint: emulator.origin, region, credentials: DEPLOYER });
  const found = await Promise.all(Object.entries(functions).map(async ([logicalId, { name }]) => {
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    return [/(?:Dr|Site)([A-Z][a-z]+)Function/.exec(logicalId)![1], Environment!.Variables!] as const;
  }));
  lambda.destroy();
  return Object.fromEntries(found);
}

test('functions of the plan get variables they can read', async () => {
  const variables = await variablesOf('Shop', SOURCE);
  expect(Object.keys(variables).sort()).toEqual(['Prune', 'Snapshot']);
  const { resources } = await describeStack({ endpoint: emulator.origin, region: SOURCE, stack: 'Shop' });
  const physical = (type: string) => Object.values(resources).filter((resource) => resource.type === type).map(({ physicalId }) => physicalId);
  for (const each of Object.values(variables)) {
    expect(Object.keys(each).sort()).toEqual([...PLAN_ENV].sort());
    expect(physical('AWS::DynamoDB::GlobalTable')).toEqual([each.TABLE]);
    const settings = JSON.parse(each.SETTINGS) as PlanSettings;
    expect(settings).toMatchObject({ plan: 'gold', sites: [{ region: RECOVERY }] });
    expect(physical('AWS::SSM::Document')).toEqual([settings.freeze!.document]);
  }
});

test('functions of the site get variables they can read', async () => {
  const variables = await variablesOf('Recovery', RECOVERY);
  expect(Object.keys(variables).sort()).toEqual(['Copy', 'Drill', 'Prune', 'Restore', 'Sync', 'Watch']);
  for (const each of Object.values(variables)) {
    expect(Object.keys(each).sort()).toEqual([...SITE_ENV].sort());
    expect(each).toMatchObject({
      KEY_ARN: expect.stringMatching(`^arn:aws:kms:${RECOVERY}:`),
      SIGNING_KEY_ARN: expect.stringMatching(`^arn:aws:kms:${RECOVERY}:`),
      PROBE_FUNCTION: '',
      EXECUTION_ROLE_ARN: expect.stringMatching('^arn:aws:iam::'),
    });
    const { restore, plans } = JSON.parse(each.SETTINGS) as SiteSettings;
    expect(plans).toEqual([expect.objectContaining({ plan: 'gold', region: SOURCE, artifacts: ['shop-code'] })]);
    expect(restore!.templateFrom).toEqual({ bucket: `cdk-hnb659fds-assets-${ACCOUNT}-${RECOVERY}`, key: expect.stringMatching(/^[0-9a-f]{64}\.json$/) });
    expect(Buffer.byteLength(JSON.stringify(each))).toBeLessThan(4096);
  }
});

test('each side starts its own functions', async () => {
  for (const [stack, region, count] of [['Shop', SOURCE, 2], ['Recovery', RECOVERY, 6]] as const) {
    const { resources } = await describeStack({ endpoint: emulator.origin, region, stack });
    expect(Object.values(resources).filter(({ type }) => type === 'AWS::Scheduler::Schedule')).toHaveLength(count);
  }
});
