import fc from 'fast-check';
import { copies, DAY, HOUR, originals, snapshot, T0 } from './builders';
import { TAG } from '../../src/ebs-snapshot-dr/contract';
import type { Snapshot } from '../../src/ebs-snapshot-dr/handlers/ports';
import { newestPoints, readSets, recoveryPoint } from '../../src/ebs-snapshot-dr/handlers/recovery-point';

describe('sets', () => {
  test('of originals and copies are read apart', () => {
    const both = [...originals(), ...copies()];
    expect(readSets(both, 'originals')).toEqual([{
      set: 'i-1@2026-11-21T10:00:00Z',
      plan: 'p',
      instance: 'i-1',
      origin: '111122223333/us-east-1',
      at: T0,
      takenAt: T0 + 1000,
      members: 2,
      snapshots: originals(),
      duplicates: [],
      state: 'complete',
      consistency: 'crash',
    }]);
    expect(readSets(both, 'copies')).toMatchObject([{ takenAt: T0 + 1000, snapshots: copies(), state: 'complete' }]);
  });

  test.each<[string, (volume: string) => Partial<Snapshot>, number, string]>([
    ['complete', () => ({}), 2, 'complete'],
    ['one is pending', (volume) => volume === 'vol-1' ? { state: 'pending' } : {}, 2, 'pending'],
    ['one is on its way back from the recycle bin', (volume) => volume === 'vol-1' ? { state: 'recovering' } : {}, 2, 'pending'],
    ['one is in the recycle bin', (volume) => volume === 'vol-1' ? { state: 'recoverable' } : {}, 2, 'partial'],
    ['one failed', (volume) => volume === 'vol-1' ? { state: 'error' } : { state: 'pending' }, 2, 'failed'],
    ['one is missing', () => ({}), 3, 'partial'],
    ['there is one too many', () => ({}), 1, 'partial'],
  ])('%s', (_, extra, members, state) => {
    expect(readSets(originals({ extra, members }), 'originals')).toMatchObject([{ state }]);
    expect(readSets(copies({ extra, members }), 'copies')).toMatchObject([{ state }]);
  });

  test('in the recycle bin as a whole are none', () => {
    expect(readSets(originals({ extra: () => ({ state: 'recoverable' }) }), 'originals')).toEqual([]);
  });

  test('taken twice: what one call took belongs together, the first one without an error', () => {
    const first = originals({ id: 'a' });
    const second = originals({ id: 'b', extra: () => ({ startedAt: T0 + HOUR }) });
    expect(readSets([...second, ...first], 'originals')).toMatchObject([{ snapshots: first, duplicates: second, state: 'complete' }]);
    const broken = first.map((each, i): Snapshot => i === 0 ? { ...each, state: 'error' } : each);
    expect(readSets([...second, ...broken], 'originals')).toMatchObject([{ snapshots: second, duplicates: broken, state: 'complete' }]);
  });

  test('taken twice and copied half and half: two calls never make one set', () => {
    const first = originals({ id: 'a' });
    const second = originals({ id: 'b', extra: () => ({ startedAt: T0 + HOUR }) });
    expect(readSets([first[0], second[1]], 'originals')).toMatchObject([{ snapshots: [first[0]], duplicates: [second[1]], state: 'partial' }]);
    const ofFirst = copies({ id: 'a' });
    const ofSecond = copies({ id: 'b', extra: () => ({ startedAt: T0 + HOUR }) });
    expect(readSets([ofFirst[0], ofSecond[1]], 'copies')).toMatchObject([{ state: 'partial' }]);
    expect(readSets([ofFirst[0], ...ofSecond], 'copies')).toMatchObject([{ snapshots: ofSecond, duplicates: [ofFirst[0]], state: 'complete' }]);
    const pending = ofFirst.map((each): Snapshot => ({ ...each, state: 'pending' }));
    expect(readSets([...pending, ...ofSecond], 'copies')).toMatchObject([{ snapshots: ofSecond, duplicates: pending, state: 'complete' }]);
  });

  test('copied twice: of each volume the best one, then the older one', () => {
    const first = copies({ id: 'a' });
    const [younger] = copies({ id: 'a', extra: () => ({ snapshot: 'copy-younger', startedAt: T0 + DAY }) });
    expect(readSets([younger, ...first], 'copies')).toMatchObject([{ snapshots: first, duplicates: [younger], state: 'complete' }]);
    const pending = first.map((each): Snapshot => ({ ...each, state: 'pending' }));
    expect(readSets([younger, ...pending], 'copies')).toMatchObject([{ snapshots: [younger, pending[1]], duplicates: [pending[0]], state: 'pending' }]);
  });

  test('consistent for applications only if all were taken while frozen, as their originals were', () => {
    const frozen = { [TAG.frozen]: `${new Date(T0).toISOString()}/${new Date(T0 + 5000).toISOString()}` };
    const late = (volume: string) => ({ startedAt: T0 + (volume === 'vol-1' ? 6000 : 1000), tags: frozen });
    expect(readSets(originals({ extra: () => ({ tags: frozen }) }), 'originals')).toMatchObject([{ consistency: 'application' }]);
    expect(readSets(originals({ extra: late }), 'originals')).toMatchObject([{ consistency: 'crash' }]);
    expect(readSets(copies({ extra: () => ({ tags: frozen }) }), 'copies')).toMatchObject([{ consistency: 'application' }]);
  });

  test('a plan is no other one', () => {
    expect(readSets([...originals({ plan: 'p' }), ...originals({ plan: 'q' })], 'originals')).toHaveLength(2);
  });

  test('whatever tags say, it never throws, and only what is complete is complete', () => {
    const value = fc.oneof(fc.string(), fc.constantFrom('i-1@2026-11-21T10:00:00Z', 'i-1@2026-99-99T10:00:00Z', '2', '0', '-1', 'a/b'));
    const tags = fc.dictionary(fc.constantFrom(...Object.values(TAG)), value);
    const state = fc.constantFrom<Snapshot['state']>('pending', 'completed', 'error', 'recoverable', 'recovering');
    const some = fc.array(fc.record({ tags, state, id: fc.nat(99), volume: fc.constantFrom('vol-1', 'vol-2') }), { maxLength: 6 });
    fc.assert(fc.property(some, fc.constantFrom('originals', 'copies'), (given, side) => {
      const all = given.map(({ id, ...rest }) => snapshot(`snap-${id}`, rest));
      for (const view of readSets(all, side)) {
        if (view.state !== 'complete') continue;
        expect(view.snapshots).toHaveLength(view.members);
        expect(view.snapshots.every((each) => each.state === 'completed')).toBe(true);
      }
    }), { numRuns: 2000 });
  });
});

describe('recovery points', () => {
  const [set] = readSets(copies({ extra: (volume) => ({ tags: { [TAG.device]: volume === 'vol-1' ? '/dev/sdg' : '/dev/sda1', [TAG.name]: 'db' } }) }), 'copies');

  test('name every member with its source, volume and device', () => {
    expect(recoveryPoint(set, { template: { key: 'templates/t', version: 'v' } })).toEqual({
      version: 1,
      plan: 'p',
      set: 'i-1@2026-11-21T10:00:00Z',
      instance: 'i-1',
      name: 'db',
      origin: '111122223333/us-east-1',
      takenAt: '2026-11-21T10:00:01Z',
      completedAt: '2026-11-21T11:00:00Z',
      consistency: 'crash',
      members: [
        { snapshot: 'copy-snap-vol-2-a', source: 'snap-vol-2-a', volume: 'vol-2', device: '/dev/sda1', sizeGiB: 8, encrypted: false },
        { snapshot: 'copy-snap-vol-1-a', source: 'snap-vol-1-a', volume: 'vol-1', device: '/dev/sdg', sizeGiB: 8, encrypted: false },
      ],
      template: { key: 'templates/t', version: 'v' },
    });
  });

  test('are made of complete sets only', () => {
    const [half] = readSets(copies({ members: 3 }), 'copies');
    expect(() => recoveryPoint(half)).toThrow('a recovery point needs a complete set, i-1@2026-11-21T10:00:00Z is partial');
  });

  test('the newest of each instance, up to a time', () => {
    const points = [0, 1, 2].flatMap((day) => ['i-1', 'i-2'].map((instance) => recoveryPoint(readSets(copies({ instance, scheduled: T0 + day * DAY }), 'copies')[0])));
    expect(newestPoints(points).map(({ set: id }) => id)).toEqual(['i-1@2026-11-23T10:00:00Z', 'i-2@2026-11-23T10:00:00Z']);
    expect(newestPoints(points, T0 + 2 * DAY).map(({ set: id }) => id)).toEqual(['i-1@2026-11-22T10:00:00Z', 'i-2@2026-11-22T10:00:00Z']);
    expect(newestPoints(points, T0)).toEqual([]);
  });
});
