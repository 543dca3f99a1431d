import fc from 'fast-check';
import { candidate, HOUR, T0 } from './builders';
import type { CopyCandidate } from '../../src/ebs-snapshot-dr/handlers/ports';
import { chooseCopies } from '../../src/ebs-snapshot-dr/handlers/slots';

const IDLE = { total: 0, volumes: new Set<string>() };
const MINUTE = 60_000;

function choose(candidates: readonly CopyCandidate[], limit = 20, now = T0): string[] {
  return chooseCopies(candidates, IDLE, limit, now).map(({ source }) => source);
}

describe('order', () => {
  test('longest first while nothing is urgent', () => {
    expect(choose([candidate('a', { estimateMs: 1 }), candidate('b', { estimateMs: 3 }), candidate('c', { estimateMs: 2 })])).toEqual(['b', 'c', 'a']);
  });

  test('what would be late at the end of the queue goes first, least slack first', () => {
    const near = candidate('a', { deadline: T0 + 40 * MINUTE, estimateMs: 20 * MINUTE });
    const nearer = candidate('b', { deadline: T0 + 30 * MINUTE, estimateMs: 15 * MINUTE });
    const late = candidate('c', { deadline: T0 - HOUR, estimateMs: MINUTE });
    const long = candidate('d', { estimateMs: 10 * HOUR });
    expect(choose([long, near, nearer, late])).toEqual(['c', 'b', 'a', 'd']);
  });

  test('older sets of an instance go last, oldest first, however late they are', () => {
    const older = candidate('a', { superseded: true, deadline: T0 - 5 * HOUR });
    const oldest = candidate('b', { superseded: true, deadline: T0 - 9 * HOUR });
    // Its turn is at another time.
    expect(choose([older, oldest, candidate('c')], 20, T0 + 5 * MINUTE)).toEqual(['c', 'b', 'a']);
  });

  test('does not depend on the order of the candidates', () => {
    const deadline = fc.integer({ min: -3, max: 3 });
    const one = fc.record({ deadline, estimateMs: fc.integer({ min: 1, max: 3 }), superseded: fc.boolean(), volume: fc.constantFrom('v', 'w', 'x') });
    fc.assert(fc.property(fc.array(one, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), (given, limit) => {
      const candidates = given.map((each, i) => candidate(`s${i}`, { ...each, deadline: T0 + each.deadline }));
      expect(choose([...candidates].reverse(), limit)).toEqual(choose(candidates, limit));
    }));
  });
});

describe('slots', () => {
  const volumes = fc.constantFrom<string>('v', 'w', 'x', 'y');
  const deadline = fc.integer({ min: T0 - HOUR, max: T0 + HOUR });
  const some = fc.array(fc.record({ volume: volumes, superseded: fc.boolean(), estimateMs: fc.nat(HOUR), deadline }), { maxLength: 30 })
    .map((given) => given.map((extra, i) => candidate(`s${i}`, extra)));
  const flight = fc.tuple(fc.nat(8), fc.uniqueArray(volumes)).map(([foreign, busy]) => ({ total: foreign + busy.length, volumes: new Set(busy) }));

  test('never more than are free, one of a volume, none idle while something may start', () => {
    fc.assert(fc.property(some, flight, fc.nat(10), fc.nat(100), (candidates, inFlight, limit, tick) => {
      const chosen = chooseCopies(candidates, inFlight, limit, T0 + tick * MINUTE);
      const free = Math.max(limit - inFlight.total, 0);
      const startable = new Set(candidates.map(({ volume }) => volume).filter((volume) => !inFlight.volumes.has(volume)));
      expect(chosen).toHaveLength(Math.min(free, startable.size));
      expect(new Set(chosen.map(({ volume }) => volume)).size).toBe(chosen.length);
      chosen.forEach((each) => {
        expect(candidates).toContain(each);
        expect(inFlight.volumes.has(each.volume)).toBe(false);
      });
    }), { numRuns: 1000 });
  });
});

/**
 * Nothing starves: for ever there are more newest sets than slots, and newest ones come again for every volume; still each older set
 * starts. A copy yields every tenth turn of its own phase to the oldest one waiting, so that n older sets take about 10 n picks.
 */
describe('no starvation', () => {
  const TICK = 5 * MINUTE;

  test.each([[1, 1], [1, 4], [3, 10], [20, 60]])('%d slots, %d volumes that always have a newer set', (limit, volumes) => {
    const older = new Map(Array.from({ length: 3 * volumes }, (_, i) => {
      return [`old${i}`, candidate(`old${i}`, { volume: `v${i % volumes}`, superseded: true, deadline: T0 - 50 * HOUR + i })];
    }));
    const running: Array<{ readonly volume: string; readonly ends: number }> = [];
    let picks = 0;
    let tick = 0;
    for (; older.size > 0; tick++) {
      const now = T0 + tick * TICK;
      for (let i = running.length - 1; i >= 0; i--) if (running[i].ends <= now) running.splice(i, 1);
      const newest = Array.from({ length: volumes }, (_, i) => {
        return candidate(`new${i}-${Math.floor(tick / 12)}`, { volume: `v${i}`, deadline: now + HOUR, estimateMs: 10 * MINUTE + i });
      });
      const inFlight = { total: running.length, volumes: new Set(running.map(({ volume }) => volume)) };
      for (const { source, volume } of chooseCopies([...newest, ...older.values()], inFlight, limit, now)) {
        older.delete(source);
        // Lengths that do not go with the turns.
        running.push({ volume, ends: now + TICK * (1 + picks++ % 3) });
      }
      if (tick > 20_000) throw new Error(`${older.size} older sets starve`);
    }
    expect(picks).toBeLessThan(40 * 3 * volumes);
    // Newer sets had most of the turns.
    expect(picks).toBeGreaterThan(4 * 3 * volumes);
  });

  test('a volume whose newest set always waits when another one of it ends gets its older ones through', () => {
    const old = candidate('old', { volume: 'v', superseded: true });
    const starts = Array.from({ length: 40 }, (_, tick) => choose([candidate('new', { volume: 'v' }), old], 1, T0 + tick * TICK)[0]);
    expect(starts.filter((source) => source === 'old')).toHaveLength(4);
  });
});
