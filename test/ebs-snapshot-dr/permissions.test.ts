import { HOUR, T0 } from './builders';
import { ARTIFACT, CODE, RecoveryAtWork } from './recovery-at-work';
import { SideAtWork } from './side-at-work';
import type { Evaluator } from '../kit/iam/evaluator';
import { type Recorded, unusedPermissions } from '../kit/iam/proof';

/** Whatever functions ask for is decided when they ask, under their roles. The other way round: nothing is allowed that nobody asks for. */

jest.setTimeout(300_000);

/** Who has no tags any more when it is asked for a second time. */
const GONE = /^ec2:(DeleteSnapshot|DeregisterImage)$/;

/** What these runs have no need of, by function, and where it is needed. */
const ELSEWHERE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  every: { 'sqs:SendMessage': "Lambda's, when it gives up a run" },
  DrSnapshot: { 'ec2:DescribeSnapshots': 'after a lost answer: handlers.faults.test.ts' },
  DrCopy: {
    'ec2:CopyImage': 'plans with images: flow.test.ts',
    'ec2:CreateTags': 'plans with images: flow.test.ts',
    'kms:CreateGrant': 'volumes under a key of their own',
    'kms:Decrypt': 'volumes under a key of their own; unconfirmed',
    'kms:DescribeKey': 'volumes under a key of their own',
    'kms:ReEncryptFrom': 'volumes under a key of their own',
  },
  DrPrune: {
    'autoscaling:DescribeAutoScalingGroups': "images to be deleted: in the plan's Region",
    'autoscaling:DescribeLaunchConfigurations': "images to be deleted: in the plan's Region",
    'ec2:DescribeInstances': "images to be deleted: in the plan's Region",
    'ec2:DescribeLaunchTemplateVersions': "images to be deleted: in the plan's Region",
  },
  DrWatch: {
    'dynamodb:DeleteItem': 'a recovery point whose copies somebody deleted: flow.test.ts',
    's3:DeleteObject': 'a recovery point whose copies somebody deleted: flow.test.ts',
  },
  SiteSync: {
    's3:AbortMultipartUpload': 'artifacts above 5 GiB: sync.test.ts',
    's3:GetObjectVersion': 'the second inventory',
    's3:ListBucket': 'tells what is missing from what is forbidden',
    's3:PutObject': 'parts of artifacts above 5 GiB: sync.test.ts',
  },
  SiteRestore: {
    'cloudformation:DescribeStackEvents': 'a stack that fails: restore.lambda.test.ts',
    'cloudformation:TagResource': "CloudFormation's, for the change set's tags",
    'kms:DescribeKey': 'copies under a key',
    's3:GetObjectVersion': "CloudFormation's, for the template",
    's3:ListBucket': 'tells what is missing from what is forbidden',
  },
  SiteDrill: {
    'cloudformation:TagResource': "CloudFormation's, for the change set's tags",
    'kms:DescribeKey': 'copies under a key',
    's3:GetObjectVersion': "CloudFormation's, for the template",
    's3:ListBucket': 'tells what is missing from what is forbidden',
  },
};

interface Proof {
  readonly evaluator: Evaluator;
  readonly recorded: readonly Recorded[];
}

/** `DrWatch: ec2:DescribeImages`, of what the proof says of these functions. */
function unusedBy({ evaluator, recorded: all }: Proof, functions: RegExp): string[] {
  // The probe is somebody else's.
  const recorded = all.filter(({ principal }) => !principal.includes('Probe'));
  return [...new Set(unusedPermissions(evaluator, recorded).flatMap((line) => {
    const [, name, action] = /-((?:Dr|Site)[A-Z][a-z]+)Role\w*: (\S+) on /.exec(line) ?? [];
    const isKnown = !name || !functions.test(name) || GONE.test(action) || action in ELSEWHERE.every || action in (ELSEWHERE[name] ?? {});
    return isKnown ? [] : [`${name}: ${action}`];
  }))].sort();
}

function proofOf(world: SideAtWork['world']): Proof {
  return { evaluator: world.evaluator, recorded: world.recorded() };
}

test('in the plan\'s Region', async () => {
  const side = await SideAtWork.start('plan');
  try {
    await side.begin();
    side.flow.instance(2);
    for (let day = 0; day < 4; day++) {
      await side.ok('Snapshot');
      side.advance(24 * 60);
      side.flow.clock.advanceTo(Math.ceil(side.flow.clock.now() / HOUR) * HOUR);
    }
    await side.ok('Prune');
    expect(unusedBy(proofOf(side.world), /^Dr(Snapshot|Prune)/)).toEqual([]);
  } finally {
    await side.stop();
  }
});

test('at the site', async () => {
  const side = await SideAtWork.start('site');
  try {
    await side.begin();
    side.flow.instance(2);
    for (let day = 0; day < 4; day++) {
      await side.flow.ok('snapshot');
      side.advance(10);
      if (day === 1) side.model.mishaps.copy = 1;
      for (let tick = 0; tick < 4; tick++) {
        await side.ok('Copy');
        side.advance(10);
        await side.ok('Watch');
        side.model.mishaps.copy = 0;
      }
      side.advance(23 * 60);
      side.flow.clock.advanceTo(Math.ceil(side.flow.clock.now() / HOUR) * HOUR);
    }
    await side.ok('Prune');
    expect(unusedBy(proofOf(side.world), /^Dr(Copy|Watch|Prune)/)).toEqual([]);
  } finally {
    await side.stop();
  }
});

test('restores, drills, artifacts', async () => {
  const recovery = await RecoveryAtWork.start();
  try {
    await recovery.begin();
    recovery.copy(T0);
    recovery.image();
    await recovery.world.upload(CODE, ARTIFACT, 'newer');
    await recovery.sync();
    const { changeSet } = await recovery.restore({ name: 'one' });
    await recovery.restore({ changeSet });
    recovery.world.lag(300);
    await recovery.restore({ name: 'one' });
    await recovery.drill({ scheduledTime: '2026-12-01T03:00:00Z' });
    for (let tick = 0; tick < 20; tick++) {
      recovery.world.lag(300);
      await recovery.drill();
    }
    expect(unusedBy(proofOf(recovery.world), /^Site(Sync|Restore|Drill)/)).toEqual([]);
  } finally {
    await recovery.stop();
  }
});
