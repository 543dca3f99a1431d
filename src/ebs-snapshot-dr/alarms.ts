import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { createAlarm } from '../private/alarm';

/** The heartbeat comes every 5 minutes, some seconds early or late: a period of 10 always holds one. */
const HEARTBEAT_PERIOD = Duration.minutes(10);
const PERIOD = Duration.minutes(5);

export interface AlarmScope {
  readonly scope: Construct;
  readonly topic?: sns.ITopic;
}

type MetricSource = (options: cloudwatch.MetricOptions) => cloudwatch.IMetric;

export function alarmOnAge({ scope, topic }: AlarmScope, id: string, plan: string, rpo: Duration, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `The newest complete recovery point of an instance of plan ${plan} is older than its RPO of ${rpo.toHumanString()}, or the watch function is dead. `
      + 'First look at its log, then at CopiesQueued and CopiesLate. See README.md#missed-rpo of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: HEARTBEAT_PERIOD, statistic: cloudwatch.Stats.MAXIMUM }),
    threshold: rpo.toSeconds(),
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    evaluationPeriods: 1,
  });
}

export function alarmOnLateCopies({ scope, topic }: AlarmScope, id: string, plan: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Copies of plan ${plan} cannot end within its RPO any more. First look at CopiesQueued and at the Region's limit of concurrent copies. `
      + 'See README.md#late-copies of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: PERIOD }),
    ...AT_LEAST_ONE,
  });
}

export function alarmOnFailedCopies({ scope, topic }: AlarmScope, id: string, plan: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Copies of plan ${plan} ended in error. First look at the log of the watch function for EC2's message: it is nearly always a key. `
      + 'See README.md#failed-copies of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: PERIOD }),
    ...AT_LEAST_ONE,
  });
}

export function alarmOnFailedSets({ scope, topic }: AlarmScope, id: string, plan: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Instances of plan ${plan} could not be snapshotted. First look at the log of the snapshot function for EC2's code. `
      + 'See README.md#failed-sets of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: PERIOD }),
    ...AT_LEAST_ONE,
  });
}

export function alarmOnFailedFreezes({ scope, topic }: AlarmScope, id: string, plan: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Sets of plan ${plan} that were to be application-consistent are crash-consistent. First look at the Run Command history of the instance. `
      + 'See README.md#failed-freezes of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: PERIOD }),
    ...AT_LEAST_ONE,
  });
}

export function alarmOnHeldPrune({ scope, topic }: AlarmScope, id: string, plan: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Deletions of plan ${plan} were held back: by the brake, or because EC2 answered incompletely. Nothing is lost. First look at the log of the prune function. `
      + 'See README.md#held-deletions of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: Duration.hours(1) }),
    ...AT_LEAST_ONE,
  });
}

export function alarmOnFailedArtifacts({ scope, topic }: AlarmScope, id: string, plan: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Artifacts of plan ${plan} could not be copied. First look at the log of the sync function, then at the policy of the source bucket and its key. `
      + 'See README.md#failed-artifacts of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: Duration.minutes(15) }),
    ...AT_LEAST_ONE,
    evaluationPeriods: 2,
  });
}

export function alarmOnFailedImages({ scope, topic }: AlarmScope, id: string, plan: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `Images of plan ${plan} could not be made or copied; its sets are not concerned. First look at the log of the function for EC2's code. `
      + 'See README.md#failed-images of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: Duration.hours(1) }),
    ...AT_LEAST_ONE,
  });
}

export function alarmOnFailedDrills({ scope, topic }: AlarmScope, id: string, plan: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: `A drill with sets of plan ${plan} failed: a restore would not have worked. First look at the reason in its evidence below evidence/ in the bucket. `
      + 'See README.md#failed-drills of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: PERIOD }),
    ...AT_LEAST_ONE,
  });
}

/** Single failures are repeated by the next tick: several in a row are not. */
export function alarmOnErrors({ scope, topic }: AlarmScope, id: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: 'A function fails again and again. First look at which one has errors, then at its log. '
      + 'See README.md#failing-functions of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: PERIOD }),
    ...AT_LEAST_ONE,
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
  });
}

export function alarmOnDeadLetters({ scope, topic }: AlarmScope, id: string, metric: MetricSource): cloudwatch.Alarm {
  return createAlarm(scope, id, topic, {
    alarmDescription: 'A run was given up: its schedule could not start it, or it failed to the end. First look at the error in the message, then at the log of its function. '
      + 'See README.md#dead-letters of ebs-snapshot-dr in cdk-lambda-blueprints.',
    metric: metric({ period: PERIOD }),
    ...AT_LEAST_ONE,
  });
}

/** Nothing to count is nothing wrong: that runs go on at all, the heartbeat says. */
const AT_LEAST_ONE = { threshold: 1, evaluationPeriods: 1 } as const;
