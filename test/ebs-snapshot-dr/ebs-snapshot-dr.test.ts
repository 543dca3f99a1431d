import { App, Duration, RemovalPolicy, Stack, TimeZone } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { retention } from './builders';
import {
  EbsConsistency, EbsDrSite, EbsDrSiteProps, EbsImages, EbsLock, EbsRetention, EbsSchedule, EbsSelection, EbsSnapshotDr, EbsSnapshotDrProps,
} from '../../src';
import { PlanSettings, SiteSettings } from '../../src/ebs-snapshot-dr/contract';
import { resourcesOf, statementsOf, templateOf } from '../kit/stack';

const SELECT = EbsSelection.tag('dr', 'gold');
const ACCOUNT = '123456789012';
const VAULT = '210987654321';

let app: App;
let source: Stack;
let recovery: Stack;
beforeEach(() => {
  app = new App({ context: { 'aws:cdk:disable-asset-staging': true } });
  source = new Stack(app, 'Source', { env: { region: 'eu-west-1', account: ACCOUNT } });
  recovery = new Stack(app, 'Recovery', { env: { region: 'eu-central-1', account: ACCOUNT } });
});

function define(props: Partial<EbsSnapshotDrProps> = {}, siteProps: EbsDrSiteProps = {}): { plan: EbsSnapshotDr; site: EbsDrSite } {
  const site = new EbsDrSite(recovery, 'Site', { siteName: 'frankfurt', ...siteProps });
  return { site, plan: new EbsSnapshotDr(source, 'Dr', { selection: SELECT, planName: 'gold', copyTo: [site], ...props }) };
}

/** SETTINGS of a function, references as they stand in the template. */
function settingsOf<T>(stack: Stack, verb: string): T {
  const [fn] = Object.entries(resourcesOf(stack)).filter(([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.includes(verb)).map(([, resource]) => resource);
  const { SETTINGS: settings } = (fn.Properties.Environment as { Variables: Record<string, unknown> }).Variables;
  if (typeof settings === 'string') return JSON.parse(settings) as T;
  const [, parts] = (settings as { 'Fn::Join': [string, (string | object)[]] })['Fn::Join'];
  return JSON.parse(parts.map((part) => typeof part === 'string' ? part : `<${Object.values(part).flat().join('.')}>`).join('')) as T;
}

describe('the smallest use', () => {
  beforeEach(() => { define(); });

  test('tells the plan what it needs to know', () => {
    const settings = settingsOf<PlanSettings>(source, 'Snapshot');
    expect(settings).toEqual({
      plan: 'gold',
      select: { kind: 'tag', key: 'dr', values: ['gold'] },
      rpoSeconds: 7200,
      retention: retention({ last: 3, hourly: 24, daily: 7, weekly: 5, monthly: 12, timeZone: 'Etc/UTC' }),
      brake: { maxSets: 100, maxShare: 0.1 },
      imageEveryHours: 0,
      sites: [{ region: 'eu-central-1' }],
      shareWith: [],
    });
    expect(settingsOf<PlanSettings>(source, 'Prune')).toEqual(settings);
  });

  test('registers the plan at the site, by plain letters', () => {
    const { plans, ...settings } = settingsOf<SiteSettings>(recovery, 'Copy');
    expect(settings).toEqual({ site: 'frankfurt', maxCopies: 0 });
    expect(plans).toEqual([expect.objectContaining({
      plan: 'gold', region: 'eu-west-1', rpoSeconds: 7200, timedCopies: false, archiveAfterDays: 0, artifacts: [], images: false,
    })]);
    for (const stack of [source, recovery]) expect(stack.dependencies).toEqual([]);
    expect(JSON.stringify([resourcesOf(source), resourcesOf(recovery)])).not.toMatch(/Fn::ImportValue|Fn::GetStackOutput|ExportsOutput/);
  });

  test('takes sets hourly, prunes hourly, without a window', () => {
    templateOf(source).resourceCountIs('AWS::Scheduler::Schedule', 2);
    templateOf(source).hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(1 hour)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Input: '{"scheduledTime":"<aws.scheduler.scheduled-time>"}',
        RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 20 },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('DeadLetters'), 'Arn'] } },
      },
    });
  });

  test('has no share function, document, bin rule or image rights', () => {
    expect(Object.values(resourcesOf(source)).filter(({ Type }) => Type === 'AWS::Lambda::Function')).toHaveLength(2);
    for (const type of ['AWS::SSM::Document', 'AWS::Rbin::Rule', 'AWS::Events::Rule']) templateOf(source).resourceCountIs(type, 0);
    expect(JSON.stringify(statementsOf(source, 'Snapshot'))).not.toMatch(/CreateImage|ssm:/);
  });

  test('keeps what fails: two repetitions within an hour, then the queue', () => {
    const configs = Object.values(resourcesOf(recovery)).filter(({ Type }) => Type === 'AWS::Lambda::EventInvokeConfig');
    expect(configs).toHaveLength(4);
    for (const { Properties } of configs) {
      expect(Properties).toMatchObject({
        MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 2, DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching('DeadLetters'), 'Arn'] } } },
      });
    }
  });

  test('copies under a key of its own', () => {
    templateOf(recovery).hasResource('AWS::KMS::Key', { Properties: { EnableKeyRotation: true }, DeletionPolicy: 'Retain' });
  });

  test('wakes copy and watch when a copy ends, and nobody else', () => {
    templateOf(recovery).hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { 'source': ['aws.ec2'], 'detail-type': ['EBS Snapshot Notification'], 'detail': { event: ['copySnapshot'] } },
      Targets: [{ Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('Copy'), 'Arn'] } }, { Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('Watch'), 'Arn'] } }],
    });
    templateOf(recovery).allResourcesProperties('AWS::Lambda::Permission', { SourceAccount: { Ref: 'AWS::AccountId' }, SourceArn: Match.anyValue() });
  });

  test('the heartbeat is missed within a period, whatever it is that stopped', () => {
    templateOf(recovery).hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'CdkLambdaBlueprints/EbsSnapshotDr',
      MetricName: 'RecoveryPointAge',
      Dimensions: [{ Name: 'Plan', Value: 'gold' }, { Name: 'Site', Value: 'eu-central-1' }],
      Threshold: 7200,
      ComparisonOperator: 'GreaterThanThreshold',
      Statistic: 'Maximum',
      // The watch function runs every 5 minutes: one period always holds a run.
      Period: 600,
      EvaluationPeriods: 1,
      TreatMissingData: 'breaching',
    });
  });

  test('state is kept', () => {
    for (const stack of [source, recovery]) {
      templateOf(stack).hasResource('AWS::DynamoDB::GlobalTable', {
        DeletionPolicy: 'Retain',
        Properties: {
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
          TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
          Replicas: [Match.objectLike({ DeletionProtectionEnabled: true, PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } })],
        },
      });
    }
  });
});

test('everything at once', () => {
  define({
    schedule: EbsSchedule.cron({ minute: '0', timeZone: TimeZone.EUROPE_BERLIN }),
    rpo: Duration.hours(3),
    consistency: EbsConsistency.freeze({ paths: ['/data'], maxFrozen: Duration.seconds(20) }),
    images: EbsImages.every(Duration.days(1)),
    retention: EbsRetention.gfs({ monthly: 12, within: Duration.days(2) }),
    sourceRetention: EbsRetention.last(2),
    brake: { maxSets: 5 },
    copyLock: EbsLock.compliance(Duration.days(7), { coolOff: Duration.hours(4) }),
    archiveAfter: Duration.days(60),
    timedCopies: true,
    artifacts: [s3.Bucket.fromBucketName(source, 'Code', 'code')],
    recycleBin: Duration.days(14),
  }, { maxConcurrentCopies: 5 });

  expect(settingsOf<PlanSettings>(source, 'Snapshot')).toMatchObject({
    retention: { last: 2, monthly: 0, timeZone: 'Europe/Berlin' },
    brake: { maxSets: 5, maxShare: 0.1 },
    freeze: { document: expect.stringMatching(/^<DrFreezeDocument/), paths: ['/data'], maxFrozenSeconds: 20 },
    imageEveryHours: 24,
  });
  expect(settingsOf<SiteSettings>(recovery, 'Watch')).toMatchObject({
    maxCopies: 5,
    plans: [{
      rpoSeconds: 10_800,
      retention: { last: 0, monthly: 12, withinHours: 48, timeZone: 'Europe/Berlin' },
      lock: { mode: 'compliance', days: 7, coolOffHours: 4 },
      archiveAfterDays: 60,
      timedCopies: true,
      artifacts: ['code'],
      images: true,
    }],
  });
  templateOf(source).hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'cron(0 * * * ? *)', ScheduleExpressionTimezone: 'Europe/Berlin' });
  templateOf(source).hasResourceProperties('AWS::Rbin::Rule', {
    ResourceType: 'EBS_SNAPSHOT',
    ResourceTags: [{ ResourceTagKey: 'ebsdr:plan', ResourceTagValue: 'gold' }],
    RetentionPeriod: { RetentionPeriodUnit: 'DAYS', RetentionPeriodValue: 14 },
  });
});

describe('a site in another account', () => {
  test('gets shares: the plan does not ask it, and the site knows whose sets they are', () => {
    recovery = new Stack(app, 'Vault', { env: { region: 'eu-central-1', account: VAULT } });
    const { plan } = define();
    expect(settingsOf<PlanSettings>(source, 'Share')).toMatchObject({ sites: [{ region: 'eu-central-1', account: VAULT }], shareWith: [VAULT] });
    expect(settingsOf<SiteSettings>(recovery, 'Copy').plans).toEqual([expect.objectContaining({ account: ACCOUNT })]);
    expect(plan.rule).toBeDefined();
    const share = statementsOf(source, 'Share').find(({ Action }) => Action === 'ec2:ModifySnapshotAttribute');
    expect(share?.Condition).toEqual({ StringEquals: { 'ec2:Add/userId': [VAULT], 'aws:ResourceTag/ebsdr:plan': ['gold'] } });
    expect(JSON.stringify(statementsOf(recovery, 'Copy'))).toContain(`"ec2:Owner":"${ACCOUNT}"`);
  });

  test('is one only if both are known', () => {
    recovery = new Stack(app, 'Agnostic', { env: { region: 'eu-central-1' } });
    expect(define().plan.shareFunction).toBeUndefined();
    expect(settingsOf<PlanSettings>(source, 'Snapshot').shareWith).toEqual([]);
  });
});

test('several plans share a site, several sites a plan', () => {
  const { site } = define();
  const oregon = new EbsDrSite(new Stack(app, 'Oregon', { env: { region: 'us-west-2', account: ACCOUNT } }), 'Site');
  const silver = new EbsSnapshotDr(source, 'Silver', { selection: EbsSelection.tag('dr', 'silver'), planName: 'silver', copyTo: [site, oregon] });
  expect(settingsOf<SiteSettings>(recovery, 'Prune').plans.map(({ plan }) => plan)).toEqual(['gold', 'silver']);
  expect(settingsOf<SiteSettings>(Stack.of(oregon), 'Prune').plans.map(({ plan }) => plan)).toEqual(['silver']);
  expect(settingsOf<PlanSettings>(source, 'SilverSnapshot').sites).toEqual([{ region: 'eu-central-1' }, { region: 'us-west-2' }]);
  expect(JSON.stringify(statementsOf(recovery, 'SitePrune'))).toContain('"aws:ResourceTag/ebsdr:plan":["gold","silver"]');
  expect(site.planAlarms('silver').recoveryPointAge).toBeDefined();
  expect(() => oregon.planAlarms('gold')).toThrow("'planName' must be one of silver, got 'gold'");
  expect(silver.planName).toBe('silver');
});

test('names come from the path, the same at every synth', () => {
  const site = new EbsDrSite(recovery, 'Site');
  const plan = new EbsSnapshotDr(source, 'Dr', { selection: SELECT, copyTo: [site] });
  expect([plan.planName, site.siteName]).toEqual([expect.stringMatching(/^Source-Dr-[0-9A-F]{8}$/), expect.stringMatching(/^Recovery-Site-[0-9A-F]{8}$/)]);
});

test('what is given is used', () => {
  const table = dynamodb.Table.fromTableAttributes(source, 'Given', { tableName: 'state', encryptionKey: kms.Key.fromKeyArn(source, 'K', `arn:aws:kms:eu-west-1:${ACCOUNT}:key/1`) });
  const deadLetterQueue = new sqs.Queue(source, 'Failed', { encryptionMasterKey: new kms.Key(source, 'QueueKey') });
  const { plan, site } = define({ table, deadLetterQueue }, { bucket: s3.Bucket.fromBucketName(recovery, 'Given', 'given') });
  expect([plan.table, plan.deadLetterQueue]).toEqual([table, deadLetterQueue]);
  expect(site.accessLogsBucket).toBeUndefined();
  templateOf(source).resourceCountIs('AWS::DynamoDB::GlobalTable', 0);
  const conditions = statementsOf(source, 'Snapshot').filter(({ Action }) => String(Action).startsWith('kms:')).map(({ Action, Condition }) => [Action, JSON.stringify(Condition)]);
  expect(conditions).toEqual([
    [['kms:Decrypt', 'kms:GenerateDataKey'], expect.stringContaining('sqs.')],
    [['kms:Decrypt', 'kms:DescribeKey'], expect.stringContaining('dynamodb.')],
  ]);
});

test('the key AWS manages is not named', () => {
  define({}, { encryptionKey: kms.Alias.fromAliasName(recovery, 'Managed', 'alias/aws/ebs') });
  templateOf(recovery).hasResourceProperties('AWS::Lambda::Function', { Environment: { Variables: { KEY_ARN: '' } } });
  templateOf(recovery).resourceCountIs('AWS::KMS::Key', 0);
});

test('data goes only if it is asked to', () => {
  define({ removalPolicy: RemovalPolicy.DESTROY }, { removalPolicy: RemovalPolicy.DESTROY });
  for (const stack of [source, recovery]) {
    const kept = Object.values(resourcesOf(stack)).filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain');
    expect(kept).toEqual([]);
    templateOf(stack).hasResourceProperties('AWS::DynamoDB::GlobalTable', { Replicas: [Match.objectLike({ DeletionProtectionEnabled: false })] });
  }
});

describe('alarms', () => {
  test('tell the topic of their Region', () => {
    define({ alarmTopic: new sns.Topic(source, 'OnCall'), consistency: EbsConsistency.freeze({ paths: ['/d'] }), images: EbsImages.every(Duration.hours(6)) },
      { alarmTopic: new sns.Topic(recovery, 'OnCall') });
    for (const [stack, alarms] of [[source, 6], [recovery, 7]] as const) {
      const found = Object.values(resourcesOf(stack)).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
      expect(found).toHaveLength(alarms);
      for (const { Properties } of found) {
        expect(Properties.AlarmActions).toEqual([{ Ref: expect.stringMatching(/^OnCall/) }]);
        expect(Properties.AlarmDescription).toMatch(/First look at .+ README\.md#[a-z-]+ of ebs-snapshot-dr/);
      }
    }
  });

  test('only the heartbeat is breached by silence', () => {
    define();
    const silent = [source, recovery].flatMap((stack) => Object.values(resourcesOf(stack)))
      .filter(({ Type, Properties }) => Type === 'AWS::CloudWatch::Alarm' && Properties.TreatMissingData !== 'notBreaching');
    expect(silent.map(({ Properties }) => Properties.MetricName)).toEqual(['RecoveryPointAge']);
  });

  test('metrics carry plan and Region', () => {
    const { plan, site } = define();
    const seen = (metric: cloudwatch.IMetric) => metric.toMetricConfig().metricStat;
    for (const metric of [
      plan.metricSetsTaken(), plan.metricSetsFailed(), plan.metricFreezesFailed(), plan.metricImagesFailed(), plan.metricImagesInUse(),
      plan.metricSetsDeleted(), plan.metricPruneHeld(),
    ]) expect(seen(metric)).toMatchObject({ namespace: 'CdkLambdaBlueprints/EbsSnapshotDr', dimensions: [{ name: 'Plan', value: 'gold' }] });
    for (const metric of [
      site.metricRecoveryPointAge('gold'), site.metricCopiesQueued('gold'), site.metricCopiesStarted('gold'), site.metricCopiesLate('gold'),
      site.metricCopiesFailed('gold'), site.metricSetsDeleted('gold'), site.metricPruneHeld('gold'), site.metricArtifactsFailed('gold'),
      site.metricImagesFailed('gold'), site.metricImagesInUse('gold'), site.metricDrillsPassed('gold'), site.metricDrillsFailed('gold'),
    ]) expect(seen(metric)).toMatchObject({ dimensions: [{ name: 'Plan', value: 'gold' }, { name: 'Site', value: 'eu-central-1' }] });
  });
});

describe('who may what', () => {
  test('a grant to the plan or site reaches each function', () => {
    const { plan, site } = define();
    new s3.Bucket(source, 'Bucket').grantRead(plan);
    new s3.Bucket(recovery, 'Other').grantRead(site);
    for (const [stack, verb] of [[source, 'DrSnapshot'], [source, 'DrPrune'], [recovery, 'SiteCopy'], [recovery, 'SiteWatch'], [recovery, 'SitePrune'], [recovery, 'SiteSync']] as const) {
      expect(JSON.stringify(statementsOf(stack, verb))).toMatch(/"s3:GetBucket\*"/);
    }
  });

  test('without restore nobody can be granted it', () => {
    const { site } = define();
    expect(() => site.grantRestore(new iam.AccountRootPrincipal())).toThrow("'restore' must be set for somebody to be granted it, got none");
  });

  test('functions in a VPC can be connected', () => {
    const { plan, site } = define(
      { vpc: new ec2.Vpc(source, 'Vpc', { maxAzs: 2 }) },
      { vpc: new ec2.Vpc(recovery, 'Vpc', { maxAzs: 2 }) },
    );
    expect([plan.connections.securityGroups.length, site.connections.securityGroups.length]).toEqual([2, 4]);
  });
});
