import type { STSClient } from '@aws-sdk/client-sts';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { EbsDrSite, EbsImages, EbsSelection, EbsSnapshotDr } from '../../src';
import { assumedRole } from '../../src/ebs-snapshot-dr/handlers/assumed-role';
import '../kit/stack';

const ACCOUNT = '123456789012';
const VAULT = '210987654321';

function stacks(vault: string): { source: Template; recovery: Template; dr: EbsSnapshotDr; site: EbsDrSite } {
  const app = new App({ context: { 'aws:cdk:disable-asset-staging': true } });
  const source = new Stack(app, 'Source', { env: { region: 'eu-west-1', account: ACCOUNT } });
  const recovery = new Stack(app, 'Recovery', { env: { region: 'eu-central-1', account: vault } });
  const site = new EbsDrSite(recovery, 'Site');
  const dr = new EbsSnapshotDr(source, 'Dr', { selection: EbsSelection.tag('dr', 'gold'), planName: 'gold', images: EbsImages.every(Duration.days(1)), copyTo: [site] });
  return { source: Template.fromStack(source), recovery: Template.fromStack(recovery), dr, site };
}

const NAME = /^ebsdr-reader-[0-9a-f]{16}$/;

test('a site in another account reads the plan by a role of the plan\'s account, and nothing but that', () => {
  const { source, recovery, site } = stacks(VAULT);
  const [role] = Object.values(source.findResources('AWS::IAM::Role', { Properties: { RoleName: Match.anyValue() } }));
  const { RoleName: name, AssumeRolePolicyDocument: trust } = role.Properties as {
    RoleName: string; AssumeRolePolicyDocument: { Statement: unknown };
  };
  expect(name).toMatch(NAME);
  expect(trust.Statement).toEqual([{
    Action: 'sts:AssumeRole',
    Effect: 'Allow',
    Principal: { AWS: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:iam::${VAULT}:root`]] } },
    Condition: { StringEquals: { 'sts:ExternalId': 'ebsdr:gold' } },
  }]);
  source.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [{
        Action: ['ec2:DescribeInstances', 'ec2:DescribeSnapshots', 'ec2:DescribeVolumes'],
        Condition: { StringEquals: { 'ec2:Region': { Ref: 'AWS::Region' } } },
      }],
    },
  });
  const arn = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:iam::${ACCOUNT}:role/${name}`]] };
  recovery.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Action: 'sts:AssumeRole', Resource: arn })]) },
  });
  expect(JSON.stringify(recovery.findResources('AWS::Lambda::Function'))).toContain(`:iam::${ACCOUNT}:role/${name}`);
  // Images are not shared.
  expect(site.planAlarms('gold').failedImages).toBeUndefined();
});

test('within one account there is no such role', () => {
  const { recovery, dr, site } = stacks(ACCOUNT);
  expect(dr.readerRole).toBeUndefined();
  expect(JSON.stringify(recovery.findResources('AWS::Lambda::Function'))).not.toContain('ebsdr-reader');
  expect(site.planAlarms('gold').failedImages).toBeDefined();
});

test('credentials of a role, with their end', async () => {
  const expiration = new Date();
  const send = jest.fn(async () => ({ Credentials: { AccessKeyId: 'id', SecretAccessKey: 'secret', SessionToken: 'token', Expiration: expiration } }));
  const credentials = await assumedRole({ send } as unknown as Pick<STSClient, 'send'>, 'arn:aws:iam::123456789012:role/r', 'gold')();
  expect(credentials).toEqual({ accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token', expiration });
  const input = { RoleArn: 'arn:aws:iam::123456789012:role/r', RoleSessionName: 'ebs-snapshot-dr', ExternalId: 'ebsdr:gold', DurationSeconds: 900 };
  expect(send).toHaveBeenCalledWith(expect.objectContaining({ input }));
});
