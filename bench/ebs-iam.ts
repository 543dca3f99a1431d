/**
 * The requests of test/ebs-snapshot-dr/iam-suite.ts, decided on our roles and on the managed ones of its peers: what a function
 * of the room needs, and what it must not be able to do. Services only we use are left out.
 */
import { table } from './fan-out-kit';
import { isSnapshotting, type Line, Policies } from '../test/ebs-snapshot-dr/iam-suite';
import type { Statement } from '../test/kit/template';

const allow = (Action: readonly string[], Resource: string, Condition?: Statement['Condition']): Statement => ({ Effect: 'Allow', Action, Resource: [Resource], Condition });

/** AWS Managed Policy Reference, AWSDataLifecycleManagerServiceRole, version 9 of February 2026, what is about EC2. */
const DLM: readonly Statement[] = [
  allow([
    'CreateSnapshot', 'CreateSnapshots', 'DeleteSnapshot', 'DescribeInstances', 'DescribeVolumes', 'DescribeSnapshots', 'EnableFastSnapshotRestores',
    'DescribeFastSnapshotRestores', 'DisableFastSnapshotRestores', 'CopySnapshot', 'ModifySnapshotAttribute', 'DescribeSnapshotAttribute',
    'DescribeSnapshotTierStatus', 'ModifySnapshotTier', 'DescribeAvailabilityZones',
  ].map((action) => `ec2:${action}`), '*'),
  allow(['ec2:CreateTags'], 'arn:aws:ec2:*::snapshot/*'),
];

const BACKED_UP = { Null: { 'aws:ResourceTag/aws:backup:source-resource': 'false' } };

/** AWS Managed Policy Reference, AWSBackupServiceRolePolicyForBackup, version 29 of February 2026, what is about EC2 and its keys. */
const BACKUP: readonly Statement[] = [
  allow(['ec2:CopySnapshot'], 'arn:aws:ec2:*::snapshot/*'),
  allow(['ec2:CopyImage'], '*'),
  allow(['ec2:CreateTags', 'ec2:DeleteSnapshot'], 'arn:aws:ec2:*::snapshot/*'),
  allow(['CreateImage', 'DeregisterImage', 'DescribeSnapshots', 'DescribeTags', 'DescribeImages', 'DescribeInstances', 'DescribeSnapshotTierStatus']
    .map((action) => `ec2:${action}`), '*'),
  allow(['ec2:CreateTags'], 'arn:aws:ec2:*:*:image/*'),
  allow(['ec2:ModifySnapshotAttribute', 'ec2:ModifyImageAttribute'], '*', BACKED_UP),
  allow(['ec2:ModifySnapshotTier'], 'arn:aws:ec2:*::snapshot/*', BACKED_UP),
  allow(['ec2:CreateSnapshot', 'ec2:DeleteSnapshot', 'ec2:DescribeVolumes', 'ec2:DescribeSnapshots'], '*'),
  allow(['kms:DescribeKey'], '*'),
  allow(['kms:CreateGrant'], '*', { Bool: { 'kms:GrantIsForAWSResource': 'true' } }),
  allow(['kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncryptTo', 'kms:ReEncryptFrom'], 'arn:aws:kms:*:*:key/*', {
    'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': 'aws:ebs:id' }, 'StringLike': { 'kms:ViaService': ['ec2.*.amazonaws.com'] },
  }),
];

function row(name: string, lines: readonly Line[], decide: (line: Line) => boolean): string[] {
  const right = (some: readonly Line[]) => `${some.filter((line) => decide(line) === line.allowed).length}/${some.length}`;
  const [needed, forbidden] = [true, false].map((allowed) => lines.filter((line) => line.allowed === allowed));
  return [name, right(needed), right(forbidden), right(lines)];
}

export async function ebsIam(): Promise<string> {
  const policies = new Policies();
  const lines = policies.lines.filter(isSnapshotting);
  return [
    `### Bar 5: permissions about snapshots, images and their keys, ${lines.length} of the suite's ${policies.lines.length} requests`,
    table(['roles', 'needed and allowed', 'forbidden and denied', 'right'], [
      row('AWSDataLifecycleManagerServiceRole', lines, Policies.under(DLM)),
      row('AWSBackupServiceRolePolicyForBackup', lines, Policies.under(BACKUP)),
      row('**one role per function, by tag of the plan**', lines, (line) => policies.decide(line)),
    ]),
    `On all ${policies.lines.length}: ${row('', policies.lines, (line) => policies.decide(line))[3]} right.`,
  ].join('\n\n');
}

if (require.main === module) {
  ebsIam().then(console.log).catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
