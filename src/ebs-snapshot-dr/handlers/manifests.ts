import { MANIFEST_PREFIX, parseSetId } from '../contract';

/** Of a recovery point, in the site's bucket. */
export function manifestKey(plan: string, set: string): string {
  const { instance, scheduledAt } = parseSetId(set);
  return `${MANIFEST_PREFIX}${plan}/${instance}/${scheduledAt}.json`;
}

/** Of a recovery point, in the site's table. Sorts by time. */
export function pointKey(set: string): string {
  const { instance, scheduledAt } = parseSetId(set);
  return `${scheduledAt}#${instance}`;
}
