import { createHash } from 'node:crypto';

/** What a status of CloudFormation means for a stack that is created once and never updated. */
export type StackState = 'gone' | 'reviewable' | 'moving' | 'up' | 'failed';

export function stateOf(status: string | undefined): StackState {
  if (status === undefined || status === 'DELETE_COMPLETE') return 'gone';
  if (status === 'REVIEW_IN_PROGRESS') return 'reviewable';
  if (status.endsWith('_IN_PROGRESS')) return 'moving';
  // Somebody may have updated it since.
  return status === 'ROLLBACK_COMPLETE' || status.endsWith('_FAILED') ? 'failed' : 'up';
}

/** As CloudFormation hands on what EC2 and Auto Scaling say (EC2 API reference, Error codes). */
const LACK_OF_CAPACITY = /Insufficient[A-Za-z]*Capacity|do(es)? not (currently )?have (sufficient|enough) .*capacity|insufficient capacity|not supported in your requested Availability Zone/i;

/** Another instance type or Availability Zone may do. */
export function isLackOfCapacity(reason: string): boolean {
  return LACK_OF_CAPACITY.test(reason);
}

/** The failure that the others follow from, in words. */
export function firstOf(failures: ReadonlyArray<{ readonly logicalId: string; readonly reason: string }>): string {
  const first = failures.at(-1);
  return first === undefined ? 'no resource of it tells why' : `${first.logicalId}: ${first.reason}`;
}

/** The same contents have the same name, so that making a change set again finds the first one. */
export function changeSetName(...contents: readonly unknown[]): string {
  return `ebsdr-${createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, 32)}`;
}
