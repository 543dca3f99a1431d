import { type RetentionPolicy, setId, TAG } from '../../src/ebs-snapshot-dr/contract';
import type { CopyCandidate, Instance, Snapshot, Volume } from '../../src/ebs-snapshot-dr/handlers/ports';

export const HOUR = 3600_000;
export const DAY = 24 * HOUR;
export const T0 = Date.parse('2026-11-21T10:00:00Z');

export function at(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}

export function volume(id: string, device = '/dev/sdf', extra: Partial<Volume> = {}): Volume {
  return { volume: id, device, type: 'gp3', sizeGiB: 8, tags: {}, ...extra };
}

export function instance(id: string, extra: Partial<Instance> = {}): Instance {
  return { instance: id, state: 'running', tags: {}, rootDevice: '/dev/sda1', volumes: [], ...extra };
}

export function snapshot(id: string, extra: Partial<Snapshot> = {}): Snapshot {
  return { snapshot: id, state: 'completed', volume: 'vol-1', startedAt: T0, completedAt: T0 + HOUR, sizeGiB: 8, encrypted: false, tags: {}, tier: 'standard', description: '', ...extra };
}

export interface SetOptions {
  /** Of the call. */
  readonly id?: string;
  readonly plan?: string;
  readonly instance?: string;
  readonly scheduled?: number;
  readonly volumes?: readonly string[];
  /** Differs from the number of volumes where some are missing. */
  readonly members?: number;
  readonly extra?: (volume: string) => Partial<Snapshot>;
}

/** Snapshots of a set, as one call makes them. */
export function originals({ id = 'a', plan = 'p', instance: of = 'i-1', scheduled = T0, volumes = ['vol-1', 'vol-2'], members, extra }: SetOptions = {}): Snapshot[] {
  return volumes.map((each) => {
    const { tags, ...more } = extra?.(each) ?? {};
    return snapshot(`snap-${each}-${id}`, {
      volume: each,
      startedAt: scheduled + 1000,
      ...more,
      tags: {
        [TAG.plan]: plan,
        [TAG.set]: setId(of, at(scheduled)),
        [TAG.members]: `${members ?? volumes.length}@${id}`,
        [TAG.origin]: '111122223333/us-east-1',
        ...tags,
      },
    });
  });
}

/** The set's copies at a site. */
export function copies(options: SetOptions = {}): Snapshot[] {
  const { extra, ...rest } = options;
  return originals(rest).map((original) => {
    const { tags, ...more } = extra?.(original.volume) ?? {};
    return {
      ...original,
      snapshot: `copy-${original.snapshot}`,
      volume: 'vol-ffffffff',
      startedAt: original.startedAt + HOUR,
      transferType: 'standard',
      ...more,
      tags: {
        ...original.tags,
        [TAG.source]: original.snapshot,
        [TAG.volume]: original.volume,
        [TAG.taken]: new Date(original.startedAt).toISOString(),
        ...tags,
      },
    };
  });
}

/** A policy of these counts alone. */
export function retention(given: Partial<RetentionPolicy> = {}): RetentionPolicy {
  return {
    last: 0,
    hourly: 0,
    daily: 0,
    weekly: 0,
    monthly: 0,
    yearly: 0,
    withinHours: 0,
    withinHourlyHours: 0,
    withinDailyHours: 0,
    withinWeeklyHours: 0,
    withinMonthlyHours: 0,
    withinYearlyHours: 0,
    timeZone: 'UTC',
    ...given,
  };
}

export function candidate(source: string, extra: Partial<CopyCandidate> = {}): CopyCandidate {
  return { plan: 'p', set: `i-1@${at(T0)}`, source, volume: `vol-${source}`, takenAt: T0, deadline: T0 + 24 * HOUR, estimateMs: 600_000, superseded: false, ...extra };
}
