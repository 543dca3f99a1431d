import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { DrTemplate, EbsDrSite, EbsRestore, EbsRetention, EbsSchedule, EbsSelection, EbsSnapshotDr, RestoreParam } from '../../../src';

export const SOURCE_STACK = 'EbsSnapshotDrDemo';
export const RECOVERY_STACK = 'EbsDrSiteDemo';
export const SOURCE_REGION = 'eu-west-1';
export const RECOVERY_REGION = 'eu-central-1';
export const PLAN = 'shop';

/** The shop as it comes back: an instance from its image would be one more parameter. */
export const TEMPLATE = {
  Parameters: {
    DatabaseSnapshot: { Type: 'AWS::EC2::Snapshot::Id' },
    FilesSnapshot: { Type: 'AWS::EC2::Snapshot::Id' },
    Zone: { Type: 'AWS::EC2::AvailabilityZone::Name' },
  },
  Resources: {
    Database: { Type: 'AWS::EC2::Volume', Properties: { SnapshotId: { Ref: 'DatabaseSnapshot' }, AvailabilityZone: { Ref: 'Zone' } } },
    Files: { Type: 'AWS::EC2::Volume', Properties: { SnapshotId: { Ref: 'FilesSnapshot' }, AvailabilityZone: { Ref: 'Zone' } } },
  },
  Outputs: { Database: { Value: { Ref: 'Database' } } },
};

/** Six-hourly sets of a shop in one Region, copied to another. */
export function defineDisasterRecovery(app: Construct): void {
  const removalPolicy = RemovalPolicy.DESTROY;
  const source = new Stack(app, SOURCE_STACK, { env: { region: SOURCE_REGION } });
  const recovery = new Stack(app, RECOVERY_STACK, { env: { region: RECOVERY_REGION } });
  const site = new EbsDrSite(recovery, 'Site', {
    siteName: 'frankfurt',
    removalPolicy,
    restore: EbsRestore.cloudFormation({
      template: DrTemplate.inline(JSON.stringify(TEMPLATE)),
      parameters: {
        DatabaseSnapshot: RestoreParam.snapshot('/dev/sdf', { instanceName: 'database' }),
        FilesSnapshot: RestoreParam.snapshot('/dev/sdf', { instanceName: 'web' }),
        Zone: RestoreParam.availabilityZone('eu-central-1a', 'eu-central-1b'),
      },
      executionRole: new iam.Role(recovery, 'Execution', { assumedBy: new iam.ServicePrincipal('cloudformation.amazonaws.com') }),
    }),
  });
  const plan = new EbsSnapshotDr(source, 'Dr', {
    planName: PLAN,
    selection: EbsSelection.tag('dr', 'gold'),
    schedule: EbsSchedule.rate(Duration.hours(6)),
    rpo: Duration.hours(8),
    retention: EbsRetention.gfs({ last: 2, daily: 3 }),
    brake: { maxShare: 1 },
    removalPolicy,
    copyTo: [site],
  });
  const outputs = {
    Snapshot: plan.snapshotFunction.functionName,
    Prune: plan.pruneFunction.functionName,
  };
  for (const [name, value] of Object.entries(outputs)) new CfnOutput(source, name, { value });
  const { copyFunction, pruneFunction, restoreFunction, syncFunction, watchFunction } = site;
  const functions = { Copy: copyFunction, Watch: watchFunction, SitePrune: pruneFunction, Sync: syncFunction, Restore: restoreFunction! };
  for (const [name, { functionName }] of Object.entries(functions)) new CfnOutput(recovery, name, { value: functionName });
  new CfnOutput(recovery, 'KeyArn', { value: site.encryptionKey.keyArn });
}
