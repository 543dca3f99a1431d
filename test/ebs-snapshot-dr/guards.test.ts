import { mkdtempSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { App, Duration, Stack, Stage, TimeZone, Token } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  DrTemplate, EbsConsistency, EbsDrill, EbsDrSite, EbsDrSiteProps, EbsGfsRetention, EbsImages, EbsLock, EbsRestore, EbsRetention, EbsSchedule,
  EbsSelection, EbsSnapshotDr, EbsSnapshotDrProps, RestoreParam,
} from '../../src';
import '../kit/stack';

const SELECT = EbsSelection.tag('dr', 'gold');
const ACCOUNT = '123456789012';
const VAULT = '210987654321';
const days = Duration.days;
const numberToken = () => Token.asNumber({ Ref: 'N' });

let app: App;
let source: Stack;
let recovery: Stack;
beforeEach(() => {
  app = new App({ context: { 'aws:cdk:disable-asset-staging': true } });
  source = new Stack(app, 'Source', { env: { region: 'eu-west-1', account: ACCOUNT } });
  recovery = new Stack(app, 'Recovery', { env: { region: 'eu-central-1', account: ACCOUNT } });
});

/** Of a number: what throws is there half. */
let count = 0;
const site = (props?: EbsDrSiteProps, stack = recovery) => new EbsDrSite(stack, `Site${++count}`, props);

function plan(props: Partial<EbsSnapshotDrProps> = {}, stack = source): EbsSnapshotDr {
  return new EbsSnapshotDr(stack, `Dr${++count}`, { selection: SELECT, copyTo: props.copyTo ?? [site()], ...props });
}

function restore(template: DrTemplate, parameters: { [name: string]: RestoreParam } = {}): EbsDrSite {
  return site({ restore: EbsRestore.cloudFormation({ template, parameters, executionRole: iam.Role.fromRoleName(recovery, `Execution${++count}`, 'restore') }) });
}

describe('Regions', () => {
  test('a site in the same Region', () => {
    expect(() => plan({ planName: 'p', copyTo: [site({}, source)] })).toThrow("'copyTo' of plan 'p' must be sites of other Regions, got one in eu-west-1, where the "
      + 'plan itself is: a Region that is down would take both; define the EbsDrSite in a stack of another Region');
  });

  test('a site in another partition', () => {
    const china = new Stack(app, 'China', { env: { region: 'cn-north-1' } });
    expect(() => plan({ planName: 'p', copyTo: [site({}, china)] })).toThrow("'copyTo' of plan 'p' must be sites of the partition aws, got one in cn-north-1 (aws-cn): "
      + 'snapshots cannot be copied between partitions');
  });

  test('a stack that does not know its Region needs to be told', () => {
    const agnostic = new Stack(app, 'Agnostic');
    expect(() => plan({}, agnostic)).toThrow(/^the Region of plan 'Agnostic\/Dr\d+' must be known at synth, got a token: give its stack 'env: { region: … }', or the construct 'region'$/);
    expect(() => new EbsSnapshotDr(agnostic, 'Told', { selection: SELECT, region: 'eu-north-1', copyTo: [new EbsDrSite(recovery, 'Other')] })).not.toThrow();
  });

  test('a site whose stack does not know its Region needs to be told', () => {
    const agnostic = new Stack(app, 'Agnostic');
    expect(() => plan({ copyTo: [site({}, agnostic)] })).toThrow(/^the Region of site 'Agnostic\/Site\d+' must be known at synth, got a token/);
    expect(() => new EbsSnapshotDr(source, 'Told', { selection: SELECT, copyTo: [new EbsDrSite(agnostic, 'Other', { region: 'eu-north-1' })] })).not.toThrow();
  });

  test('what is no Region, or no account', () => {
    const agnostic = new Stack(app, 'Agnostic');
    for (const region of ['frankfurt', 'eu-central-1a', 'EU-CENTRAL-1', '']) {
      expect(() => plan({ region }, agnostic)).toThrow(`'region' must be a Region like 'eu-central-1', got '${region}'`);
      expect(() => plan({ copyTo: [site({ region }, agnostic)] })).toThrow(`'region' must be a Region like 'eu-central-1', got '${region}'`);
    }
    for (const account of ['vault', '12345678901', '1234567890123']) {
      expect(() => plan({ region: 'eu-west-1', account }, agnostic)).toThrow(`'account' must be 12 digits, got '${account}'`);
      expect(() => plan({ copyTo: [site({ region: 'eu-central-1', account }, agnostic)] })).toThrow(`'account' must be 12 digits, got '${account}'`);
    }
  });

  test.each(['us-gov-west-1', 'ap-southeast-7', 'us-iso-east-1', 'eusc-de-east-1', 'mx-central-1'])('%s is one', (region) => {
    expect(() => plan({ region, account: Token.asString({ Ref: 'Account' }) }, new Stack(app, 'Agnostic'))).not.toThrow(/'(region|account)'/);
  });

  test('a Region or account other than the stack has', () => {
    expect(() => plan({ region: 'eu-north-1' })).toThrow(/^'region' of plan 'Source\/Dr\d+' must be eu-west-1, as its stack's, got eu-north-1; leave it out$/);
    expect(() => plan({ copyTo: [new EbsDrSite(recovery, 'Other', { account: VAULT })] }))
      .toThrow(`'account' of site 'Recovery/Other' must be ${ACCOUNT}, as its stack's, got ${VAULT}; leave it out`);
  });
});

describe('the key AWS manages, with another account', () => {
  const vault = () => new Stack(app, 'Vault', { env: { region: 'eu-central-1', account: VAULT } });
  const managed = (stack: Stack) => kms.Alias.fromAliasName(stack, 'Managed', 'alias/aws/ebs');
  const message = (name: string) => `'${name}' must be a key of your own, as a site of account ${VAULT} takes part, got alias/aws/ebs: `
    + 'snapshots under it cannot be shared; create a kms.Key and copy or re-encrypt the volumes under it';

  test('on copies', () => {
    const stack = vault();
    expect(() => plan({ copyTo: [site({ encryptionKey: managed(stack) }, stack)] })).toThrow(message('encryptionKey'));
  });

  test('on volumes', () => {
    const stack = vault();
    for (const key of [managed(source), kms.Key.fromKeyArn(source, 'Arn', `arn:aws:kms:eu-west-1:${ACCOUNT}:alias/aws/ebs`)]) {
      expect(() => plan({ copyTo: [site({}, stack)], volumeKeys: [key] })).toThrow(message('volumeKeys'));
    }
  });

  test('is fine within one account', () => {
    expect(() => plan({ copyTo: [site({ encryptionKey: managed(recovery) })] })).not.toThrow();
  });

  test('is fine if accounts are not known', () => {
    const agnostic = new Stack(app, 'Agnostic', { env: { region: 'eu-central-1' } });
    expect(() => plan({ copyTo: [site({ encryptionKey: managed(agnostic) }, agnostic)] })).not.toThrow();
  });

  test('keys only known at deployment reach no other Region', () => {
    expect(() => plan({ volumeKeys: [new kms.Key(source, 'Key')] })).toThrow("'volumeKeys' must be keys whose ARNs are known at synth, got a token: sites in other Regions are "
      + 'granted them; import them by kms.Key.fromKeyArn(), or leave it out');
  });
});

describe('keys', () => {
  const arn = (region: string, resource: string) => `arn:aws:kms:${region}:${ACCOUNT}:${resource}`;
  const imported = (stack: Stack, region: string, resource = 'key/1') => kms.Key.fromKeyArn(stack, `Imported${++count}`, arn(region, resource));
  const isAlias = (name: string) => `'${name}' must be a key itself, got an alias, on which IAM grants nothing; import the key by kms.Key.fromLookup() or kms.Key.fromKeyArn()`;

  test('aliases', () => {
    expect(() => site({ encryptionKey: kms.Alias.fromAliasName(recovery, 'Mine', 'alias/mine') })).toThrow(isAlias('encryptionKey'));
    expect(() => site({ encryptionKey: new kms.Alias(recovery, 'New', { aliasName: 'alias/mine', targetKey: new kms.Key(recovery, 'Key') }) })).toThrow(isAlias('encryptionKey'));
    expect(() => plan({ volumeKeys: [imported(source, 'eu-west-1', 'alias/mine')] })).toThrow(isAlias('volumeKeys'));
  });

  test('of other Regions', () => {
    expect(() => site({ encryptionKey: imported(recovery, 'eu-west-1') })).toThrow("'encryptionKey' must be a key of eu-central-1, got one of eu-west-1");
    expect(() => plan({ volumeKeys: [imported(source, 'eu-central-1')] })).toThrow("'volumeKeys' must be a key of eu-west-1, got one of eu-central-1");
    expect(() => plan({ copyTo: [site({ encryptionKey: imported(recovery, 'eu-central-1') })], volumeKeys: [imported(source, 'eu-west-1')] })).not.toThrow();
  });

  test('for something else', () => {
    const rsa = { keySpec: kms.KeySpec.RSA_2048 };
    expect(() => site({ encryptionKey: new kms.Key(recovery, 'Rsa', { ...rsa, keyUsage: kms.KeyUsage.SIGN_VERIFY }) })).toThrow("'encryptionKey' must be a symmetric key, got one of RSA_2048");
    expect(() => site({ signingKey: new kms.Key(recovery, 'Symmetric') }))
      .toThrow("'signingKey' must be an RSA key for SIGN_VERIFY, got one of SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT; give 'keySpec' and 'keyUsage'");
    expect(() => site({ signingKey: new kms.Key(recovery, 'Decrypts', { ...rsa, keyUsage: kms.KeyUsage.ENCRYPT_DECRYPT }) })).toThrow('got one of RSA_2048 for ENCRYPT_DECRYPT');
    expect(() => site({ signingKey: new kms.Key(recovery, 'Signs', { ...rsa, keyUsage: kms.KeyUsage.SIGN_VERIFY }) })).not.toThrow();
    expect(() => site({ signingKey: imported(recovery, 'eu-central-1') })).not.toThrow();
  });
});

describe('what is of another place', () => {
  const arn = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:${ACCOUNT}:${resource}`;
  const template = DrTemplate.inline('{"Resources":{}}');

  test.each<[string, () => EbsDrSiteProps]>([
    ['alarmTopic', () => ({ alarmTopic: sns.Topic.fromTopicArn(recovery, 'Topic', arn('sns', 'on-call')) })],
    ['alarmTopic', () => ({ alarmTopic: new sns.Topic(source, 'Topic') })],
    ['accessLogsBucket', () => ({ accessLogsBucket: s3.Bucket.fromBucketAttributes(recovery, 'Logs', { bucketName: 'logs', region: 'eu-west-1' }) })],
    ['bucket', () => ({ bucket: s3.Bucket.fromBucketAttributes(recovery, 'Bucket', { bucketName: 'recovery', region: 'eu-west-1' }) })],
    ['deadLetterQueue', () => ({ deadLetterQueue: sqs.Queue.fromQueueArn(recovery, 'Queue', arn('sqs', 'failed')) })],
    ['table', () => ({ table: new dynamodb.TableV2(source, 'Table', { partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING } }) })],
    ['probe', () => ({
      restore: EbsRestore.cloudFormation({ template, executionRole: iam.Role.fromRoleName(recovery, 'Role', 'restore') }),
      drill: EbsDrill.scheduled(EbsSchedule.rate(days(7)), { probe: lambda.Function.fromFunctionArn(recovery, 'Probe', arn('lambda', 'function:probe')) }),
    })],
  ])('%s', (name, props) => {
    expect(() => site(props())).toThrow(`'${name}' must be of eu-central-1, got one of eu-west-1; give one of the same Region`);
  });

  const elsewhere = (service: string, resource: string) => arn(service, resource).replace('eu-west-1', 'eu-central-1');

  test.each<[string, () => Partial<EbsSnapshotDrProps>]>([
    ['alarmTopic', () => ({ alarmTopic: sns.Topic.fromTopicArn(source, 'Topic', elsewhere('sns', 'on-call')) })],
    ['alarmTopic', () => ({ alarmTopic: new sns.Topic(recovery, 'Topic') })],
    ['deadLetterQueue', () => ({ deadLetterQueue: sqs.Queue.fromQueueArn(source, 'Queue', elsewhere('sqs', 'failed')) })],
    ['table', () => ({ table: new dynamodb.TableV2(recovery, 'Table', { partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING } }) })],
  ])('%s of a plan', (name, props) => {
    expect(() => plan(props())).toThrow(`'${name}' must be of eu-west-1, got one of eu-central-1; give one of the same Region`);
  });

  test('what is of the same Region, or of one that is not known, is fine', () => {
    const topic = sns.Topic.fromTopicArn(source, 'Topic', arn('sns', 'on-call'));
    const deadLetterQueue = new sqs.Queue(new Stack(app, 'Agnostic'), 'Queue');
    expect(() => plan({ alarmTopic: topic, deadLetterQueue })).not.toThrow();
  });

  test('a role of another account', () => {
    const role = (account: string) => iam.Role.fromRoleArn(recovery, `Role${account}`, `arn:aws:iam::${account}:role/restore`);
    const withRole = (account: string) => () => site({ restore: EbsRestore.cloudFormation({ template, executionRole: role(account) }) });
    expect(withRole(VAULT)).toThrow(`'executionRole' must be a role of account ${ACCOUNT}, where the site is, got one of ${VAULT}`);
    expect(withRole(ACCOUNT)).not.toThrow();
  });
});

describe('archive', () => {
  const archived = (after: number, retention: EbsRetention) => () => plan({ archiveAfter: days(after), retention });

  test.each<[number, EbsRetention, string]>([
    [30, EbsRetention.last(5), "'archiveAfter' needs a retention by months or years, got none: only such sets are archived; give 'monthly' or 'yearly', or leave it out"],
    [30, EbsRetention.gfs({ monthly: 4 }), "'archiveAfter' must leave 90 days in the archive, which are paid in any case: 'monthly' keeps sets about 112 days, got 30 days; "
      + 'archive earlier, or keep longer'],
    [276, EbsRetention.gfs({ yearly: 1 }), "'yearly' keeps sets about 365 days, got 276 days"],
    [30, EbsRetention.gfs({ monthly: 3, yearly: 5 }), "'monthly' keeps sets about 84 days, got 30 days"],
    [30, EbsRetention.gfs({ withinMonthly: days(100) }), "'withinMonthly' keeps sets about 100 days, got 30 days"],
    [30, EbsRetention.gfs({ withinYearly: days(100) }), "'withinYearly' keeps sets about 100 days, got 30 days"],
  ])('after %i days of %j', (after, retention, message) => {
    expect(archived(after, retention)).toThrow(message);
  });

  test.each<[number, EbsRetention]>([
    [30, EbsRetention.gfs({ monthly: 5 })],
    [275, EbsRetention.gfs({ yearly: 1 })],
    [5000, EbsRetention.gfs({ monthly: -1 })],
  ])(
    'after %i days of %j is fine', (after, retention) => {
      expect(archived(after, retention)).not.toThrow();
    });

  test('in whole days', () => {
    expect(() => plan({ archiveAfter: Duration.hours(36) })).toThrow("'archiveAfter' must be 1 to 36500 whole days, got 1 day 12 hours");
    expect(() => plan({ archiveAfter: days(numberToken()) })).toThrow("'archiveAfter' must be known at synth, got a token");
  });
});

describe('schedule', () => {
  test.each([{ hour: '3' }, { minute: '*/4' }, {}])('with times too close: %j', (fields) => {
    expect(() => EbsSchedule.cron(fields)).toThrow(/^a schedule must leave at least 5 minutes between two times, got [14]; give 'minute', which is every one if left out$/);
  });

  test.each([Duration.minutes(4), Duration.seconds(330), Duration.millis(300_500)])('with an interval of %s', (interval) => {
    expect(() => EbsSchedule.rate(interval)).toThrow(`'interval' must be at least 5 minutes, in whole ones, got ${interval.toHumanString()}`);
  });

  test('with times that are not known', () => {
    expect(() => EbsSchedule.cron({ minute: '0', hour: Token.asString({ Ref: 'H' }) })).toThrow("'hour' must be known at synth, got a token");
  });

  test('with a gap that no RPO covers', () => {
    expect(() => plan({ schedule: EbsSchedule.cron({ minute: '0', hour: '0', day: '1' }) }))
      .toThrow("'schedule' must have a time at least every 29 days 23 hours, which the longest RPO allows, got a gap of 31 days; schedule more often");
    expect(plan({ schedule: EbsSchedule.rate(days(20)) }).rpo.toDays()).toBe(30);
  });
});

describe('RPO', () => {
  test.each<[EbsSchedule, Duration, string]>([
    [EbsSchedule.rate(Duration.hours(1)), Duration.minutes(74), "'rpo' must be at least 15 minutes longer than the largest gap of the schedule, 1 hour, got 1 hour 14 minutes: "
      + 'copies take so long at least, and it could never be kept; schedule more often, or lengthen it'],
    [EbsSchedule.rate(Duration.minutes(5)), Duration.minutes(5), "'rpo' must be at least 15 minutes longer than the largest gap of the schedule, 5 minutes, got"],
    [EbsSchedule.cron({ minute: '0', hour: '8-18' }), Duration.hours(2), "'rpo' must be at least 15 minutes longer than the largest gap of the schedule, 14 hours, got"],
    [EbsSchedule.cron({ minute: '0', timeZone: TimeZone.EUROPE_BERLIN }), Duration.hours(2), "'rpo' must be at least 15 minutes longer than the largest gap of the schedule, 2 hours, got"],
  ])('shorter than the schedule allows', (schedule, rpo, message) => {
    expect(() => plan({ schedule, rpo })).toThrow(message);
  });

  test('as short as the schedule allows is fine', () => {
    expect(() => plan({ rpo: Duration.minutes(75) })).not.toThrow();
    expect(() => plan({ rpo: Duration.minutes(90), timedCopies: true })).not.toThrow();
  });

  test('too short for copies by time', () => {
    expect(() => plan({ rpo: Duration.minutes(89), timedCopies: true })).toThrow("'timedCopies' needs an RPO at least 30 minutes longer than the largest gap of the schedule, 1 hour, got 1 hour 29 minutes: "
      + "EC2 promises no time below 15 minutes, which begin when the set is complete; lengthen 'rpo', schedule more often, or leave it out");
  });

  test.each<[EbsSchedule, number]>([
    [EbsSchedule.rate(Duration.hours(1)), 120],
    [EbsSchedule.rate(Duration.minutes(5)), 35],
    [EbsSchedule.rate(Duration.minutes(15)), 45],
    [EbsSchedule.cron({ minute: '0', timeZone: TimeZone.EUROPE_BERLIN }), 240],
    [EbsSchedule.rate(Duration.minutes(30 * 24 * 60 - 15)), 30 * 24 * 60],
  ])('by default can be kept', (schedule, minutes) => {
    expect(plan({ schedule }).rpo.toMinutes()).toBe(minutes);
  });

  test('of a month and a day', () => {
    expect(() => plan({ rpo: days(31) })).toThrow("'rpo' must be at most 30 days, got 31 days");
  });

  test('in parts of a second', () => {
    expect(() => plan({ rpo: Duration.millis(7_200_500) })).toThrow("'rpo' must be whole seconds, got 2 hours 500 millis");
  });

  test('that is not known', () => {
    expect(() => plan({ rpo: Duration.minutes(numberToken()) })).toThrow("'rpo' must be known at synth, got a token");
  });
});

describe('template', () => {
  const json = (size: number) => JSON.stringify({ Resources: {}, Metadata: 'x'.repeat(size) });

  test('of more than 1 MiB', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'template-')), 'app.json');
    writeFileSync(file, json(1024 * 1024));
    const message = `the template of a restore must have at most 1048576 bytes, got ${json(1024 * 1024).length}; move parts of it into nested stacks`;
    expect(() => restore(DrTemplate.fromAsset(file))).toThrow(message);
  });

  test('of more than 1 MiB in line; one byte less is fine', () => {
    const text = json(1024 * 1024 - json(0).length);
    expect(() => restore(DrTemplate.inline(`${text} `))).toThrow('the template of a restore must have at most 1048576 bytes, got 1048577');
    expect(() => new EbsDrSite(recovery, 'Other', {
      restore: EbsRestore.cloudFormation({
        template: DrTemplate.inline(text), executionRole: iam.Role.fromRoleName(recovery, 'Other/Execution', 'restore'),
      }),
    })).not.toThrow();
  });

  test('without resources', () => {
    expect(() => restore(DrTemplate.inline('{}'))).toThrow("the template of a restore must have 'Resources', got none");
  });

  const TEMPLATE = DrTemplate.inline(JSON.stringify({ Parameters: { Data: {}, Size: { Default: '1' } }, Resources: {} }));

  test('without a parameter that is given', () => {
    expect(() => restore(TEMPLATE, { Data: RestoreParam.value('x'), Dta: RestoreParam.image() }))
      .toThrow("'parameters' of a restore must be among the template's, Data, Size, got 'Dta'");
    expect(() => new EbsDrSite(recovery, 'None', {
      restore: EbsRestore.cloudFormation({
        template: DrTemplate.inline('{"Resources":{}}'), parameters: { A: RestoreParam.value('') }, executionRole: iam.Role.fromRoleName(recovery, 'R', 'r'),
      }),
    })).toThrow("'parameters' of a restore must be among the template's, of which there are none, got 'A'");
  });

  test('with a parameter that nobody gives', () => {
    expect(() => restore(TEMPLATE)).toThrow("'parameters' of a restore must give Data, which the template has no default for");
  });

  test('of nothing, of no object, or not known', () => {
    for (const text of ['', 'null', '[]']) expect(() => restore(DrTemplate.inline(text))).toThrow("the template of a restore must have 'Resources', got none");
    expect(() => DrTemplate.inline(`{"Resources":"${Token.asString({ Ref: 'R' })}"}`))
      .toThrow("the template of a restore must be known at synth, got a token; write it to a bucket, and give that by 'fromBucket()'");
    expect(() => restore(DrTemplate.fromAsset(tmpdir()))).toThrow(`the template of a restore must be a file, got '${tmpdir()}', which is none`);
    expect(() => restore(DrTemplate.inline(' \n'))).toThrow("the template of a restore must have 'Resources', got none");
    expect(() => DrTemplate.fromAsset(Token.asString({ Ref: 'P' }))).toThrow("'path' must be known at synth, got a token");
    expect(() => DrTemplate.fromBucket(s3.Bucket.fromBucketName(recovery, 'Templates', 'templates'), '')).toThrow("'key' must be at least 1 character, got ''");
    expect(() => restore(DrTemplate.fromAsset('/nowhere/app.json'))).toThrow("the template of a restore must be a file, got '/nowhere/app.json', which is none");
  });

  test.each(['true', '"true"'])('with a secret that everybody could read: NoEcho %s', (noEcho) => {
    const template = DrTemplate.inline(`{"Parameters":{"Password":{"NoEcho":${noEcho}}},"Resources":{}}`);
    expect(() => restore(template, { Password: RestoreParam.value('x') })).toThrow("'parameters' of a restore must give no fixed value to Password, which is NoEcho: it would be "
      + "readable in the function's variables; let the template resolve it from Secrets Manager, or give it a default");
  });

  test('in YAML is believed', () => {
    expect(() => restore(DrTemplate.inline('Resources: {}'), { A: RestoreParam.value('') })).not.toThrow();
  });
});

describe('parameters that every restore would refuse', () => {
  const withParameter = (parameter: RestoreParam, props: Partial<EbsSnapshotDrProps> = {}) => () => {
    const template = DrTemplate.inline('{"Parameters":{"P":{}},"Resources":{}}');
    plan({ planName: 'gold', copyTo: [restore(template, { P: parameter })], ...props });
    app.synth();
  };
  test('an image of another account', () => {
    const vault = new Stack(app, 'Vault', { env: { region: 'eu-central-1', account: VAULT } });
    const executionRole = iam.Role.fromRoleName(vault, 'Execution', 'restore');
    const template = DrTemplate.inline('{"Parameters":{"P":{}},"Resources":{}}');
    const copyTo = [site({ restore: EbsRestore.cloudFormation({ template, parameters: { P: RestoreParam.image() }, executionRole }) }, vault)];
    plan({ planName: 'gold', images: EbsImages.every(Duration.hours(1)), copyTo });
    expect(() => app.synth()).toThrow("parameter 'P' of 'restore' must be of a plan of the site's own account, as images are not shared with others, "
      + `got gold of ${ACCOUNT}; give an image that the site's account has by RestoreParam.value()`);
  });

  const code = () => s3.Bucket.fromBucketName(source, `Code${++count}`, 'shop-code');

  test.each<[string, () => RestoreParam, string]>([
    ['a plan of another site', () => RestoreParam.snapshot('/dev/sdf', { planName: 'silver' }), "of a plan of the site, gold, got 'silver'"],
    ['an image', () => RestoreParam.image(), "of a plan with images, got gold without; give 'images'"],
    ['an artifact', () => RestoreParam.artifactKey('code', 'app.zip'), "of a bucket among the plans' 'artifacts', of which there are none, got 'code'"],
    ["an artifact's version", () => RestoreParam.artifactVersion('code', 'app.zip'), "of a bucket among the plans' 'artifacts', of which there are none, got 'code'"],
    ['a zone', () => RestoreParam.availabilityZone('eu-central-1a', 'eu-west-1a'), "of zones of eu-central-1, where the site is, got 'eu-west-1a'"],
  ])('%s', (_, parameter, message) => {
    expect(withParameter(parameter())).toThrow(`parameter 'P' of 'restore' must be ${message}`);
  });

  test('what a plan has is fine', () => {
    expect(withParameter(RestoreParam.image({ planName: 'gold' }), { images: EbsImages.every(Duration.hours(1)) })).not.toThrow();
  });

  test('what is among the artifacts is fine', () => {
    expect(withParameter(RestoreParam.artifactKey('shop-code', 'app.zip'), { artifacts: [code()] })).not.toThrow();
  });
});

describe('retention', () => {
  test.each([{}, { last: 0, daily: 0 }])('of nothing: %j', (generations) => {
    expect(() => EbsRetention.gfs(generations))
      .toThrow("'retention' must keep something, got rules that keep nothing: give at least one of last, hourly, daily, weekly, monthly, yearly or within");
  });

  test.each([-2, 1.5, 10_001])('of %d', (last) => {
    expect(() => EbsRetention.last(last)).toThrow(`'last' must be a whole number from 0 to 10000, or -1 for all, got ${last}`);
  });

  test('of less than an hour', () => {
    expect(() => EbsRetention.youngerThan(Duration.minutes(59))).toThrow("'age' must be at least 1 hour, got 59 minutes");
  });

  test.each([() => EbsRetention.last(numberToken()), () => EbsRetention.youngerThan(days(numberToken()))])('that is not known', (make) => {
    expect(make).toThrow(/'(last|age)' must be known at synth, got a token: it stands in the function's settings/);
  });
});

describe('versions of artifacts', () => {
  const withArtifacts = (keep: number, generations: EbsGfsRetention, props: EbsDrSiteProps = { keepVersions: days(keep) }) => () => {
    const artifacts = [s3.Bucket.fromBucketName(source, `Code${++count}`, 'shop-code')];
    return plan({ planName: 'gold', artifacts, retention: EbsRetention.gfs(generations), copyTo: [site(props)] });
  };

  test.each<[number, EbsGfsRetention, number, string]>([
    [371, { monthly: 12 }, 372, 'monthly'],
    [400, { last: 3, monthly: 12, yearly: 3 }, 1098, 'yearly'],
    [30, { daily: 31, weekly: 4 }, 31, 'daily'],
    [1, { hourly: 25 }, 2, 'hourly'],
    [13, { weekly: 2 }, 14, 'weekly'],
    [400, { last: -1 }, 36_500, 'last'],
    [6, { within: days(7) }, 7, 'within'],
    [6, { withinHourly: days(7) }, 7, 'withinHourly'],
    [6, { withinDaily: days(7) }, 7, 'withinDaily'],
    [6, { withinWeekly: days(7) }, 7, 'withinWeekly'],
    [6, { withinMonthly: days(7) }, 7, 'withinMonthly'],
    [6, { withinYearly: days(7) }, 7, 'withinYearly'],
  ])('%i days, for sets by %j, and %i', (keep, generations, needed, rule) => {
    expect(withArtifacts(keep, generations)).toThrow(`'keepVersions' must be at least ${needed} days, as '${rule}' of plan 'gold' keeps sets so long, and they need its `
      + `artifacts as they were, got ${keep}; keep versions longer, or sets shorter`);
    expect(withArtifacts(needed, generations)).not.toThrow();
  });

  test('are not asked for without artifacts, nor of a given bucket', () => {
    expect(() => plan({ retention: EbsRetention.gfs({ yearly: 5 }) })).not.toThrow();
    expect(withArtifacts(0, { yearly: 5 }, { bucket: s3.Bucket.fromBucketName(recovery, 'Given', 'recovery') })).not.toThrow();
    expect(() => plan({ artifacts: [s3.Bucket.fromBucketName(source, 'Code', 'shop-code')] })).not.toThrow();
  });
});

describe('drills', () => {
  const drill = (teardownAfter: Duration) => () => EbsDrill.scheduled(EbsSchedule.cron({ minute: '0', hour: '3', weekDay: 'MON,TUE' }), { teardownAfter });

  test('are torn down before the next one begins, however soon that is', () => {
    expect(drill(Duration.hours(24))).toThrow("'teardownAfter' must be less than 1 day, when the next drill begins, got 1 day");
    expect(drill(Duration.hours(23))).not.toThrow();
  });
});

describe('brake', () => {
  test.each<[EbsSnapshotDrProps['brake'], string]>([
    [{ maxSets: 0 }, "'brake.maxSets' must be a whole number from 1 to 10000, got 0"],
    [{ maxSets: 10_001 }, "'brake.maxSets' must be a whole number from 1 to 10000, got 10001"],
    [{ maxShare: 0 }, "'brake.maxShare' must be 0.001 to 1, got 0"],
    [{ maxShare: 1.1 }, "'brake.maxShare' must be 0.001 to 1, got 1.1"],
    [{ maxShare: numberToken() }, "'brake' must be known at synth, got a token"],
  ])('%j', (brake, message) => {
    expect(() => plan({ brake })).toThrow(message);
  });
});

describe('freezing', () => {
  test.each([Duration.seconds(4), Duration.seconds(121), Duration.millis(5500)])('for %s', (maxFrozen) => {
    expect(() => EbsConsistency.freeze({ paths: ['/data'], maxFrozen })).toThrow(`'maxFrozen' must be 5 to 120 whole seconds, got ${maxFrozen.toHumanString()}`);
  });

  test('a path twice', () => {
    expect(() => EbsConsistency.freeze({ paths: ['/data', '/data'] })).toThrow("'paths' must not repeat a name, got '/data' twice");
  });

  test.each(['/', '/..', '/data/..', '/./data', 'data', '/data/', '/a b', '/a:b', '/data;reboot', '/$(id)'])('%s', (path) => {
    expect(() => EbsConsistency.freeze({ paths: [path] }))
      .toThrow(`'paths' must be absolute paths of letters, digits, '.', '_' and '-' below the root, which cannot be frozen safely, got '${path}'`);
  });

  test('nothing, too much, or for a time nobody knows', () => {
    expect(() => EbsConsistency.freeze({ paths: [] })).toThrow("'paths' must be 1 to 20 mount points, got 0");
    expect(() => EbsConsistency.freeze({ paths: Array.from({ length: 21 }, (_, i) => `/d${i}`) })).toThrow("'paths' must be 1 to 20 mount points, got 21");
    expect(() => EbsConsistency.freeze({ paths: ['/d'], maxFrozen: Duration.seconds(numberToken()) })).toThrow("'maxFrozen' must be known at synth, got a token");
  });
});

describe('more than limits', () => {
  const long = (tags: number) => EbsSelection.anyOf(...Array.from({ length: tags }, (_, i) => EbsSelection.tag(`key-${i}`, 'v'.repeat(200))));

  test('a selection that fits no variable', () => {
    expect(() => plan({ planName: 'p', selection: long(20) })).toThrow(/^settings of plan 'p' must take at most \d+ bytes as JSON, as its functions get them in a variable, got \d+; select in fewer words, or divide it into several plans$/);
  });

  test('more plans than a site holds', () => {
    const shared = new EbsDrSite(recovery, 'Shared', { siteName: 'shared' });
    const define = () => {
      for (let i = 0; i < 20; i++) new EbsSnapshotDr(source, `Dr${i}`, { selection: SELECT, copyTo: [shared] });
    };
    expect(define).toThrow(/^settings of site 'shared' must take at most \d+ bytes as JSON, as its functions get them in a variable, got \d+; let some of its plans copy to a further EbsDrSite, or select and restore in fewer words$/);
    expect(source.node.children.filter((child) => child instanceof EbsSnapshotDr).length).toBeGreaterThan(4);
  });

  test.each<[EbsDrSiteProps, string]>([
    [{ maxConcurrentCopies: 0 }, "'maxConcurrentCopies' must be a whole number from 1 to 1000, got 0"],
    [{ keepVersions: days(0) }, "'keepVersions' must be 1 to 36500 whole days, got 0 days"],
    [{ siteName: '1st' }, "'siteName' must be 1 to 60 letters, digits and '-', a letter first, got '1st'"],
    [{ siteName: Token.asString({ Ref: 'S' }) }, "'siteName' must be known at synth, got a token"],
    [{ drill: EbsDrill.scheduled(EbsSchedule.rate(days(7))) }, "'drill' needs 'restore', got none: a drill is a restore that is rehearsed"],
  ])('a site with %j', (props, message) => {
    expect(() => site(props)).toThrow(message);
  });

  test.each<[Partial<EbsSnapshotDrProps>, string]>([
    [{ planName: '-x' }, "'planName' must be 1 to 64 letters, digits and '-', no '-' first, got '-x'"],
    [{ planName: 'x'.repeat(65) }, `'planName' must be 1 to 64 letters, digits and '-', no '-' first, got '${'x'.repeat(65)}'`],
    [{ planName: Token.asString({ Ref: 'S' }) }, "'planName' must be known at synth, got a token: sites in other Regions hold it"],
    [{ copyTo: [] }, "'copyTo' must hold at least one site, got none: sets in one Region go down with it"],
    [{ recycleBin: days(366) }, "'recycleBin' must be 1 to 365 whole days, got 366 days"],
  ])('a plan with %j', (props, message) => {
    expect(() => plan(props)).toThrow(message);
  });

  test('a site twice, a name twice', () => {
    const one = site();
    expect(() => plan({ copyTo: [one, one] })).toThrow("'copyTo' must not repeat a site");
    new EbsSnapshotDr(source, 'First', { selection: SELECT, planName: 'p', copyTo: [one] });
    expect(() => new EbsSnapshotDr(source, 'Second', { selection: SELECT, planName: 'p', copyTo: [one] })).toThrow(/^'planName' must be unique at site '.*', got 'p' twice$/);
  });

  test('two sites in one place', () => {
    expect(() => plan({ copyTo: [site(), site()] })).toThrow("'copyTo' must be sites of different Regions or accounts, got two in eu-central-1: each would take the other's copies "
      + 'for its own; leave one out');
    const vault = new Stack(app, 'Vault', { env: { region: 'eu-central-1', account: VAULT } });
    expect(() => plan({ copyTo: [site(), site({}, vault)] })).not.toThrow();
  });

  test.each<[string, () => Stack]>([['at another site', () => recovery], ['in another Region', () => new Stack(app, 'Third', { env: { region: 'eu-north-1', account: ACCOUNT } })]])(
    'a name twice in one place: %s', (_, stack) => {
      plan({ planName: 'p' });
      plan({ planName: 'p', copyTo: [site({}, stack())] });
      expect(() => app.synth()).toThrow(/'planName' must be unique in an account and Region, at sites, too, got 'p' also from 'Source\/Dr\d+'; give another name/);
    });

  test('a name twice in two places is fine', () => {
    const [north, south] = ['eu-north-1', 'eu-south-1'].map((region) => new Stack(app, region, { env: { region, account: ACCOUNT } }));
    plan({ planName: 'p' });
    plan({ planName: 'p', copyTo: [site({}, south)] }, north);
    for (const stage of ['Test', 'Prod'].map((name) => new Stage(app, name))) {
      const [from, to] = ['eu-west-1', 'eu-central-1'].map((region) => new Stack(stage, region, { env: { region } }));
      plan({ planName: 'p', copyTo: [site({}, to)] }, from);
    }
    expect(() => app.synth()).not.toThrow();
  });

  test('two sites whose stacks have one name', () => {
    const restored = (props: EbsDrSiteProps = {}, stackPrefix?: string, stack = recovery) => site({
      ...props,
      restore: EbsRestore.cloudFormation({
        template: DrTemplate.inline('{"Resources":{}}'), stackPrefix, executionRole: iam.Role.fromRoleName(stack, `Execution${++count}`, 'restore'),
      }),
    }, stack);
    const first = restored({ siteName: 'shop' });
    plan({ copyTo: [first] });
    plan({ copyTo: [site({ siteName: 'shop' })] });
    const north = new Stack(app, 'North', { env: { region: 'eu-north-1', account: ACCOUNT } });
    plan({ copyTo: [restored({ siteName: 'shop' }, undefined, north)] });
    expect(first.node.validate()).toEqual([]);
    const second = restored({}, 'shop');
    plan({ copyTo: [second] });
    expect(first.node.validate()).toEqual([`'siteName' or 'stackPrefix' must be unique in an account and Region, got 'shop' also from '${second.node.path}'; give another one`]);
  });

  test('a bucket without versions', () => {
    expect(() => site({ bucket: new s3.Bucket(recovery, 'Plain') }))
      .toThrow("'bucket' must be versioned, got one that is not: recovery points name versions of templates and artifacts; set its 'versioned'");
    expect(() => site({ bucket: new s3.Bucket(recovery, 'Versioned', { versioned: true }) })).not.toThrow();
  });

  test('a bucket of artifacts that is given a name is known by it', () => {
    const shared = site();
    plan({ artifacts: [new s3.Bucket(source, 'Named', { bucketName: 'shop-code' })], copyTo: [shared] });
    expect(JSON.stringify(Template.fromStack(recovery).toJSON())).toContain('shop-code');
  });

  test('artifacts of one bucket twice', () => {
    const code = () => s3.Bucket.fromBucketName(source, `Code${++count}`, 'shop-code');
    expect(() => plan({ artifacts: [code(), code()] })).toThrow("'artifacts' must not repeat a name, got 'shop-code' twice");
  });

  test('artifacts whose bucket has no name yet', () => {
    expect(() => plan({ artifacts: [new s3.Bucket(source, 'Code')] })).toThrow("'artifacts' must be buckets whose names are known at synth, got a token: sites in other Regions read "
      + "them; give the bucket a 'bucketName'");
  });

  test.each<[() => unknown, string]>([
    [() => EbsImages.every(Duration.minutes(90)), "'interval' must be whole hours, at least 1, got 1 hour 30 minutes"],
    [() => EbsImages.every(Duration.hours(numberToken())), "'interval' must be known at synth, got a token"],
    [() => EbsLock.governance(Duration.hours(1)), "'period' must be 1 to 36500 whole days, got 1 hour"],
    [() => EbsLock.compliance(days(36_501)), "'period' must be 1 to 36500 whole days, got 36501 days"],
    [() => EbsLock.compliance(days(1), { coolOff: Duration.hours(73) }), "'coolOff' must be 1 to 72 whole hours, got 3 days 1 hour"],
    [() => EbsLock.governance(days(numberToken())), "'period' must be known at synth, got a token"],
    [() => EbsDrill.scheduled(EbsSchedule.rate(days(7)), { teardownAfter: days(8) }), "'teardownAfter' must be 0 minutes to 7 days, got 8 days"],
    [() => EbsDrill.scheduled(EbsSchedule.rate(days(1)), { teardownAfter: days(1) }), "'teardownAfter' must be less than 1 day, when the next drill begins, got 1 day"],
    [() => EbsDrill.scheduled(EbsSchedule.rate(days(7)), { maxRestore: Duration.minutes(4) }), "'maxRestore' must be 5 minutes to 1 day, got 4 minutes"],
    ...['/dev/s d', 'sdf', '/dev/', '/dev/nvme1n1', 'nvme1n1', 'xvd', '/sdf'].map((device): [() => unknown, string] => [
      () => RestoreParam.snapshot(device), `'device' must be a device as EC2 has it, not the operating system: '/dev/sdf', or 'xvdf' of Windows, got '${device}'`,
    ]),
    [() => RestoreParam.instanceType('large'), "'candidates' must be instance types like 'm7i.large', got 'large'"],
    [() => RestoreParam.artifactKey('shop-code', ''), "'key' must be at least 1 character, got ''"],
    [() => RestoreParam.artifactVersion('shop-code', ''), "'key' must be at least 1 character, got ''"],
    [() => RestoreParam.image({ instanceName: '' }), "'instanceName' must be at least 1 character, got ''"],
    [() => RestoreParam.snapshot('/dev/sdf', { instanceName: '' }), "'instanceName' must be at least 1 character, got ''"],
    [() => RestoreParam.instanceType(), "'candidates' must hold at least one, got none"],
    [() => RestoreParam.availabilityZone(Token.asString({ Ref: 'Z' })), "'candidates' must be known at synth, got a token"],
    [() => EbsRestore.cloudFormation({ template: DrTemplate.inline(''), stackPrefix: 'a_b', executionRole: iam.Role.fromRoleName(recovery, 'R1', 'r') }),
      "'stackPrefix' must be 1 to 60 letters, digits and '-', a letter first, got 'a_b'"],
    [() => EbsRestore.cloudFormation({ template: DrTemplate.inline(''), parameters: { 'a-b': RestoreParam.value('') }, executionRole: iam.Role.fromRoleName(recovery, 'R2', 'r') }),
      "'parameters' must be named by letters and digits, got 'a-b'"],
  ])('%s', (make, message) => {
    expect(make).toThrow(message);
  });

  test.each(['/dev/sdf', '/dev/sda1', '/dev/xvda', '/dev/xvdba', 'xvdf', 'xvdbc'])('%s is a device', (device) => {
    expect(() => RestoreParam.snapshot(device)).not.toThrow();
  });

  test('a site without a plan', () => {
    site();
    expect(() => app.synth()).toThrow(/'Recovery\/Site\d+' must be named by 'copyTo' of an EbsSnapshotDr in the same app, got no plan/);
  });
});
