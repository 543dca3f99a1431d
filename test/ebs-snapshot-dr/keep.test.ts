import fc from 'fast-check';
import { at, copies, DAY, HOUR, T0 } from './builders';
import { setId } from '../../src/ebs-snapshot-dr/contract';
import { brake, newestCopies, protect } from '../../src/ebs-snapshot-dr/handlers/keep';
import type { Snapshot, Verdict } from '../../src/ebs-snapshot-dr/handlers/ports';
import { lineageOf, readSets } from '../../src/ebs-snapshot-dr/handlers/recovery-point';

const NOTHING = { awaited: new Set<string>(), locked: new Set<string>(), restoring: new Set<string>() };
const idOf = (day: number, instance = 'i-1') => setId(instance, at(T0 + day * DAY));
const gone = (...sets: readonly string[]): Verdict[] => sets.map((set) => ({ set, keep: false, reasons: ['last: count spent on newer sets'] }));
const setsOf = (days: readonly number[], volumes: readonly string[] = ['vol-1', 'vol-2']) =>
  days.flatMap((day) => readSets(copies({ id: `${day}`, scheduled: T0 + day * DAY, volumes }), 'copies'));

test('the last good set and what is newest of a volume stay', () => {
  const sets = [...setsOf([0], ['vol-1', 'vol-9']), ...setsOf([1, 2])];
  expect(protect(gone(idOf(0), idOf(1), idOf(2)), { sets, ...NOTHING })).toEqual([
    { set: idOf(0), keep: true, reasons: ['newest-copy'] },
    ...gone(idOf(1)),
    { set: idOf(2), keep: true, reasons: ['last-good', 'newest-copy'] },
  ]);
});

test('a newer set that is not complete does not count as good', () => {
  const newer = readSets(copies({ id: 'n', scheduled: T0 + 2 * DAY, extra: () => ({ state: 'pending' }) }), 'copies');
  expect(protect(gone(idOf(1)), { sets: [...setsOf([1]), ...newer], ...NOTHING })).toMatchObject([{ keep: true, reasons: ['last-good', 'newest-copy'] }]);
});

test('what was started last counts by volume, not by set', () => {
  const older = copies({ id: 'o', scheduled: T0, extra: (volume) => ({ startedAt: T0 + (volume === 'vol-1' ? 9 : 1) * DAY }) });
  const newer = copies({ id: 'n', scheduled: T0 + DAY, extra: () => ({ startedAt: T0 + 2 * DAY }) });
  const newest = copies({ id: 'x', scheduled: T0 + 3 * DAY, volumes: ['vol-3'] });
  const sets = readSets([...older, ...newer, ...newest], 'copies');
  expect(protect(gone(idOf(0), idOf(1)), { sets, ...NOTHING })).toMatchObject([{ keep: true, reasons: ['newest-copy'] }, { keep: true, reasons: ['newest-copy'] }]);
});

test('the newest copy stays in a set that is not whole', () => {
  const [half] = readSets(copies({ id: 'h', scheduled: T0 + DAY, volumes: ['vol-1'], members: 2 }), 'copies');
  expect([...newestCopies([...setsOf([0]), half])].sort()).toEqual([idOf(0), idOf(1)]);
});

test('the copy that was started last stays, though its set is older', () => {
  const late = readSets(copies({ id: 'late', scheduled: T0, extra: () => ({ startedAt: T0 + 9 * DAY }) }), 'copies');
  expect(protect(gone(idOf(0)), { sets: [...late, ...setsOf([1, 2])], ...NOTHING })).toMatchObject([{ keep: true, reasons: ['newest-copy'] }]);
});

test.each([['copy-awaited', 'awaited'], ['locked', 'locked'], ['restore', 'restoring']])('%s', (reason, fact) => {
  const facts = { sets: setsOf([0, 1]), ...NOTHING, [fact]: new Set([idOf(0)]) };
  expect(protect(gone(idOf(0)), facts)).toEqual([{ set: idOf(0), keep: true, reasons: [reason] }]);
});

test('what is kept anyhow keeps its reasons', () => {
  expect(protect([{ set: idOf(1), keep: true, reasons: ['daily'] }], { sets: setsOf([0, 1]), ...NOTHING })).toMatchObject([{ reasons: ['daily', 'last-good', 'newest-copy'] }]);
});

test('a set that is not there, or not complete, is not deleted on a verdict', () => {
  expect(protect(gone(idOf(5)), { sets: setsOf([0]), ...NOTHING })).toEqual([{ set: idOf(5), keep: true, reasons: ['not-complete'] }]);
});

test('whatever the policy says, each instance keeps a complete set and each volume its newest copy', () => {
  const volumes = fc.subarray(['vol-1', 'vol-2', 'vol-3'], { minLength: 1 });
  const state = fc.constantFrom<'completed' | 'pending' | 'error'>('completed', 'completed', 'pending', 'error');
  const one = fc.record({ day: fc.nat(30), instance: fc.constantFrom('i-1', 'i-2'), volumes, state, lag: fc.nat(50) });
  fc.assert(fc.property(fc.uniqueArray(one, { selector: (each) => `${each.day} ${each.instance}`, maxLength: 15 }), (given) => {
    const sets = given.flatMap(({ day, instance, volumes: of, state: last, lag }) => readSets(copies({
      id: `${day}${instance}`,
      instance,
      scheduled: T0 + day * DAY,
      volumes: of.map((volume) => `${volume}-${instance}`),
      extra: (volume) => ({ startedAt: T0 + day * DAY + lag * HOUR, ...volume.startsWith(of[0]) && { state: last } }),
    }), 'copies'));
    const kept = new Set(protect(gone(...sets.map((view) => view.set)), { sets, ...NOTHING }).filter(({ keep }) => keep).map(({ set: id }) => id));
    const isGood = ({ state: of }: Snapshot) => of === 'completed';
    const complete = sets.filter((view) => view.state === 'complete');
    for (const view of complete) {
      const ofInstance = complete.filter(({ instance }) => instance === view.instance).map((other) => other.at);
      if (view.at === Math.max(...ofInstance)) expect(kept).toContain(view.set);
      for (const copy of view.snapshots) {
        const { startedAt } = copy;
        const lineage = sets.flatMap(({ snapshots }) => snapshots).filter((other) => isGood(other) && lineageOf(other) === lineageOf(copy));
        const last = Math.max(...lineage.map((other) => other.startedAt));
        if (startedAt === last && lineage.filter((other) => other.startedAt === last).length === 1) expect(kept).toContain(view.set);
      }
    }
  }));
});

test('the brake lets as many go as came in', () => {
  const sets = Array.from({ length: 9 }, (_, day) => idOf(day));
  expect(brake(sets, 20, { maxSets: 1, maxShare: 0.1 }, 6)).toEqual({ now: sets.slice(0, 6), held: sets.slice(6) });
  expect(brake(sets, 90, { maxSets: 8, maxShare: 0.1 }, 6).now).toHaveLength(8);
});

test.each([
  [10, 1, 20, 3, 3],
  [2, 1, 20, 3, 2],
  [100, 0.1, 20, 9, 2],
  [100, 0.01, 20, 9, 1],
])('the brake: %d sets and a share of %d of %d, %d to delete: %d', (maxSets, maxShare, total, deletions, now) => {
  const sets = Array.from({ length: deletions }, (_, day) => idOf(day, day % 2 ? 'i-1' : 'i-2'));
  expect(brake([...sets].reverse(), total, { maxSets, maxShare })).toEqual({ now: sets.slice(0, now), held: sets.slice(now) });
});
