import type { Millis, Query } from './ports';
import { lookBackSeconds, TAG } from '../contract';

const DAY_MS = 86_400_000;
/** A filter of EC2 takes 200 values; a longer look-back is asked for by months. */
const MAX_DAYS = 100;

/** Start of a plan's look-back. */
export function lookBack(rpoSeconds: number, now: Millis): Millis {
  return now - lookBackSeconds(rpoSeconds) * 1000;
}

/** Snapshots of the plan's sets whose scheduled time lies in the look-back; of whole days, so a few more. */
export function recentSets(plan: string, rpoSeconds: number, now: Millis): Query {
  const from = lookBack(rpoSeconds, now);
  const length = (now - from) / DAY_MS > MAX_DAYS ? 7 : 10;
  const periods = new Set<string>();
  for (let day = from; day < now + DAY_MS; day += DAY_MS) periods.add(new Date(day).toISOString().slice(0, length));
  return { tags: { [TAG.plan]: [plan], [TAG.set]: [...periods].map((period) => `*@${period}*`) } };
}
