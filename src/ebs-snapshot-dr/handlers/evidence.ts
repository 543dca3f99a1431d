import { EVIDENCE_PREFIX, type DrillEvidence } from '../contract';
import type { Millis } from './ports';

/** When which stage of a drill was over. What was not reached is missing. */
export interface DrillTimes {
  readonly startedAt: Millis;
  readonly changedAt?: Millis;
  readonly upAt?: Millis;
  readonly probeStartedAt?: Millis;
  readonly probedAt?: Millis;
  readonly deletingAt?: Millis;
  readonly deletedAt?: Millis;
  readonly finishedAt: Millis;
}

export type DrillFacts = Pick<DrillEvidence, 'drill' | 'site' | 'stack' | 'reason' | 'points' | 'parameters' | 'probe' | 'leftovers' | 'signedBy'> & {
  readonly times: DrillTimes;
};

/** What a drill proves. It has passed if nothing speaks against it and nothing is left of it. */
export function drillEvidence({ times, reason, leftovers, points, ...facts }: DrillFacts): DrillEvidence {
  const { startedAt, changedAt, upAt, probeStartedAt, probedAt, deletingAt, deletedAt, finishedAt } = times;
  const stages = {
    changeSetSeconds: seconds(startedAt, changedAt),
    stackSeconds: seconds(changedAt, upAt),
    probeSeconds: seconds(probeStartedAt, probedAt),
    teardownSeconds: seconds(deletingAt, deletedAt),
  };
  const why = reason ?? (leftovers.length > 0 ? 'resources were left behind' : undefined);
  return {
    version: 1,
    ...facts,
    outcome: why === undefined ? 'passed' : 'failed',
    ...why !== undefined && { reason: why },
    points,
    rpoSeconds: points.length === 0 ? 0 : seconds(Math.min(...points.map(({ takenAt }) => Date.parse(takenAt))), startedAt),
    stages,
    rtoSeconds: stages.changeSetSeconds + stages.stackSeconds + stages.probeSeconds,
    leftovers,
    finishedAt: new Date(finishedAt).toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}

function seconds(from: Millis | undefined, until: Millis | undefined): number {
  return from === undefined || until === undefined ? 0 : Math.max(0, Math.round((until - from) / 1000));
}

/** The bytes that are signed. */
export function evidenceText(evidence: DrillEvidence): string {
  return `${JSON.stringify(evidence, null, 2)}\n`;
}

export function evidenceKey(drill: string): string {
  return `${EVIDENCE_PREFIX}${drill}.json`;
}

export function signatureKey(drill: string): string {
  return `${EVIDENCE_PREFIX}${drill}.sig`;
}
