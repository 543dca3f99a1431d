import { App, CfnCapabilities, Duration, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DrTemplate, EbsCloudFormationRestoreProps, EbsDrill, EbsDrSite, EbsDrSiteProps, EbsRestore, EbsSchedule, EbsSelection, EbsSnapshotDr, RestoreParam } from '../../src';
import { CfnResource, resourcesOf, statementsOf, templateOf } from '../kit/stack';

let stack: Stack;
beforeEach(() => {
  const app = new App({ context: { 'aws:cdk:disable-asset-staging': true } });
  stack = new Stack(app, 'Recovery', { env: { region: 'eu-central-1' } });
});

function site(props: EbsDrSiteProps = {}): EbsDrSite {
  const created = new EbsDrSite(stack, 'Site', { siteName: 'frankfurt', ...props });
  const source = new Stack(stack.node.root as App, 'Source', { env: { region: 'eu-west-1' } });
  new EbsSnapshotDr(source, 'Dr', { selection: EbsSelection.tag('dr'), planName: 'gold', copyTo: [created] });
  return created;
}

function restore(props: Partial<EbsCloudFormationRestoreProps> = {}): EbsRestore {
  return EbsRestore.cloudFormation({
    template: DrTemplate.fromBucket(s3.Bucket.fromBucketName(stack, 'Templates', 'templates'), 'app.template.json'),
    executionRole: iam.Role.fromRoleArn(stack, 'Execution', 'arn:aws:iam::123456789012:role/restore'),
    ...props,
  });
}

const ofType = (type: string): CfnResource[] => Object.values(resourcesOf(stack)).filter(({ Type }) => Type === type);
const settings = () => JSON.stringify(ofType('AWS::Lambda::Function')[0].Properties.Environment);

describe('restore', () => {
  test('the functions are told template, parameters and prefix', () => {
    const { restoreFunction } = site({
      restore: restore({
        parameters: { Data: RestoreParam.snapshot('/dev/sdf', { instanceName: 'db' }), Domain: RestoreParam.value('example.com') },
        capabilities: [CfnCapabilities.NONE, CfnCapabilities.NAMED_IAM],
        stackPrefix: 'shop',
      }),
    });
    expect(restoreFunction).toBeDefined();
    const text = settings().replaceAll('\\', '');
    expect(text).toContain('"restore":{"templateKey":"templates/frankfurt.template","templateFrom":{"bucket":"templates","key":"app.template.json"},"stackPrefix":"shop",'
      + '"parameters":{"Data":{"kind":"snapshot","device":"/dev/sdf","name":"db"},"Domain":{"kind":"value","value":"example.com"}},"capabilities":["CAPABILITY_NAMED_IAM"]}');
    templateOf(stack).hasResourceProperties('AWS::Lambda::Function', { Environment: { Variables: { EXECUTION_ROLE_ARN: 'arn:aws:iam::123456789012:role/restore' } } });
  });

  test('the template of a file is an asset, fetched by the sync function', () => {
    site({ restore: restore({ template: DrTemplate.inline('{"Resources":{}}') }) });
    expect(ofType('AWS::Lambda::Function')).toHaveLength(5);
    const assets = statementsOf(stack, 'SiteSync').filter(({ Action, Resource }) => Action === 's3:GetObject' && JSON.stringify(Resource).includes('cdk-'));
    expect(assets).toHaveLength(1);
  });

  test('somebody is granted it', () => {
    const person = new iam.Role(stack, 'Person', { assumedBy: new iam.AccountRootPrincipal() });
    site({ restore: restore() }).grantRestore(person);
    expect(statementsOf(stack, 'Person')).toEqual([expect.objectContaining({ Action: 'lambda:InvokeFunction' })]);
  });
});

describe('drills', () => {
  test('start by their schedule, go on every 5 minutes, and are signed', () => {
    const probe = lambda.Function.fromFunctionName(stack, 'Probe', 'probe');
    const { drillFunction, signingKey } = site({
      restore: restore(),
      drill: EbsDrill.scheduled(EbsSchedule.rate(Duration.days(7)), { probe, teardownAfter: Duration.hours(2), maxRestore: Duration.hours(1) }),
    });
    expect([drillFunction, signingKey]).toEqual([expect.anything(), expect.anything()]);
    expect(settings().replaceAll('\\', '')).toContain('"drill":{"teardownAfterSeconds":7200,"maxRestoreSeconds":3600}');
    templateOf(stack).hasResourceProperties('AWS::KMS::Key', { KeySpec: 'RSA_3072', KeyUsage: 'SIGN_VERIFY' });
    for (const [ScheduleExpression, Input] of [['rate(7 days)', '{"scheduledTime":"<aws.scheduler.scheduled-time>"}'], ['rate(5 minutes)', '{}']]) {
      templateOf(stack).hasResourceProperties('AWS::Scheduler::Schedule', {
        ScheduleExpression, Target: { Input, Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('Drill'), 'Arn'] } },
      });
    }
    templateOf(stack).hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'DrillsFailed' });
  });

  test('without probe and times: at once, two hours at most', () => {
    site({ restore: restore(), drill: EbsDrill.scheduled(EbsSchedule.rate(Duration.days(7))) });
    expect(settings().replaceAll('\\', '')).toContain('"drill":{"teardownAfterSeconds":0,"maxRestoreSeconds":7200}');
    expect(JSON.stringify(statementsOf(stack, 'SiteDrill'))).not.toContain('lambda:InvokeFunction');
  });
});

test('ticks', () => {
  const { schedules } = site();
  expect(Object.keys(schedules).sort()).toEqual(['copy', 'prune', 'sync', 'watch']);
  const rates = ofType('AWS::Scheduler::Schedule').map(({ Properties }) => Properties.ScheduleExpression);
  expect(rates.sort()).toEqual(['rate(1 hour)', 'rate(15 minutes)', 'rate(5 minutes)', 'rate(5 minutes)']);
});

test('the bucket keeps versions as long as told', () => {
  site({ keepVersions: Duration.days(1200) });
  templateOf(stack).hasResourceProperties('AWS::S3::Bucket', {
    VersioningConfiguration: { Status: 'Enabled' },
    LifecycleConfiguration: { Rules: Match.arrayWith([Match.objectLike({ NoncurrentVersionExpiration: { NoncurrentDays: 1200 } })]) },
  });
});
