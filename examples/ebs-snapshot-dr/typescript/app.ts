import { App, CfnOutput, Duration, Stack, TimeZone } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import {
  DrTemplate, EbsConsistency, EbsDrill, EbsDrSite, EbsRestore, EbsRetention, EbsSchedule, EbsSelection, EbsSnapshotDr, RestoreParam,
} from 'cdk-lambda-blueprints';

const app = new App();
const shop = new Stack(app, 'Shop', { env: { region: 'eu-west-1' } });
const recovery = new Stack(app, 'ShopRecovery', { env: { region: 'eu-central-1' } });

const executionRole = new iam.Role(recovery, 'RestoreRole', { assumedBy: new iam.ServicePrincipal('cloudformation.amazonaws.com') });
executionRole.addToPolicy(new iam.PolicyStatement({
  actions: ['ec2:CreateTags', 'ec2:CreateVolume', 'ec2:DeleteVolume', 'ec2:DescribeSnapshots', 'ec2:DescribeVolumes'],
  resources: ['*'],
}));

const site = new EbsDrSite(recovery, 'Site', {
  restore: EbsRestore.cloudFormation({
    template: DrTemplate.fromAsset('app.template.json'),
    parameters: {
      DataSnapshotId: RestoreParam.snapshot('/dev/sdf', { instanceName: 'shop' }),
      Zone: RestoreParam.availabilityZone('eu-central-1a', 'eu-central-1b'),
    },
    executionRole,
  }),
  drill: EbsDrill.scheduled(EbsSchedule.rate(Duration.days(7))),
});
site.encryptionKey.grant(executionRole, 'kms:CreateGrant', 'kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKeyWithoutPlaintext');

const plan = new EbsSnapshotDr(shop, 'Dr', {
  selection: EbsSelection.tag('dr', 'gold'),
  schedule: EbsSchedule.cron({ minute: '0', timeZone: TimeZone.EUROPE_BERLIN }),
  rpo: Duration.hours(3),
  consistency: EbsConsistency.freeze({ paths: ['/data'] }),
  retention: EbsRetention.gfs({ last: 3, hourly: 24, daily: 7, weekly: 5, monthly: 12 }),
  copyTo: [site],
});

new CfnOutput(shop, 'PlanName', { value: plan.planName });
new CfnOutput(recovery, 'RestoreFunction', { value: site.restoreFunction!.functionName });
new CfnOutput(recovery, 'RecoveryBucket', { value: site.bucket.bucketName });
new CfnOutput(recovery, 'SigningKey', { value: site.signingKey!.keyArn });
