import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { at, DAY, HOUR, T0 } from './builders';
import { decide, FIELDS, policyOf } from './restic/histories';
import { type RetentionPolicy, setId } from '../../src/ebs-snapshot-dr/contract';
import { Calendar } from '../../src/ebs-snapshot-dr/handlers/calendar';
import type { KeptSet } from '../../src/ebs-snapshot-dr/handlers/ports';
import { retain } from '../../src/ebs-snapshot-dr/handlers/retention';

interface Vectors {
  readonly restic: string;
  /** Day on which restic was asked: nothing else is 'now' to it. */
  readonly recorded: string;
  readonly cases: ReadonlyArray<readonly [zone: string, policy: readonly number[], times: readonly number[], answer: string]>;
}

const NONE = policyOf({ zone: 'UTC', policy: FIELDS.map(() => 0) });

function policy(given: Partial<RetentionPolicy>): RetentionPolicy {
  return { ...NONE, ...given };
}

function sets(...times: readonly number[]): KeptSet[] {
  return times.map((time) => ({ set: setId('i-1', at(time)), instance: 'i-1', at: time }));
}

function kept(given: readonly KeptSet[], rules: Partial<RetentionPolicy>, now = T0 + DAY): string[] {
  return retain(given, policy(rules), now).filter(({ keep }) => keep).map(({ set }) => set.split('@')[1]);
}

describe('as restic decides', () => {
  const { restic, recorded, cases }: Vectors = JSON.parse(readFileSync(join(__dirname, 'restic/vectors.json'), 'utf8'));

  test(`${cases.length} histories recorded from ${restic}`, () => {
    const different = cases.filter(([zone, numbers, times, answer]) => decide({ zone, policy: numbers, times }, Date.parse(recorded)) !== answer);
    expect(different).toEqual([]);
  });

  test('the recording has every rule, in keeping and in deleting', () => {
    const masks = cases.flatMap(([, , , answer]) => (answer.match(/.../g) ?? []).map((mask) => parseInt(mask, 16)));
    expect(masks.filter((mask) => mask === 0).length).toBeGreaterThan(1000);
    FIELDS.forEach((_, rule) => expect(masks.filter((mask) => Math.floor(mask / 2 ** rule) % 2 === 1).length).toBeGreaterThan(50));
  });
});

describe('rules', () => {
  const hours = sets(...Array.from({ length: 72 }, (_, i) => T0 - i * HOUR));

  test.each<[string, Partial<RetentionPolicy>, string[]]>([
    ['last', { last: 2 }, ['2026-11-21T10:00:00Z', '2026-11-21T09:00:00Z']],
    ['daily keeps the last of each day', { daily: 2 }, ['2026-11-21T10:00:00Z', '2026-11-20T23:00:00Z']],
    ['daily, in the calendar of Auckland', { daily: 2, timeZone: 'Pacific/Auckland' }, ['2026-11-21T10:00:00Z', '2026-11-20T10:00:00Z']],
    ['the oldest while a count is left', { daily: 9 }, ['2026-11-21T10:00:00Z', '2026-11-20T23:00:00Z', '2026-11-19T23:00:00Z', '2026-11-18T23:00:00Z', '2026-11-18T11:00:00Z']],
    ['within leaves its beginning out', { withinHours: 2 }, ['2026-11-21T10:00:00Z', '2026-11-21T09:00:00Z']],
    ['any rule', { last: 1, monthly: 1, withinDailyHours: 24 }, ['2026-11-21T10:00:00Z', '2026-11-20T23:00:00Z']],
    ['no rule', {}, []],
  ])('%s', (_, rules, expected) => {
    expect(kept(hours, rules)).toEqual(expected);
  });

  test('-1 keeps all', () => {
    expect(kept(hours, { hourly: -1 })).toHaveLength(72);
  });

  test('within counts from the newest set that is not in the future', () => {
    expect(kept(sets(T0 + 9 * DAY, T0, T0 - HOUR, T0 - 2 * HOUR), { withinHours: 2 })).toEqual([at(T0 + 9 * DAY), at(T0), at(T0 - HOUR)]);
  });

  test('an hour that clocks show twice is one', () => {
    const shift = Date.parse('2025-10-26T01:30:00Z');
    expect(kept(sets(shift, shift - HOUR, shift - 2 * HOUR), { hourly: 2, timeZone: 'Europe/Berlin' })).toEqual([at(shift), at(shift - 2 * HOUR)]);
  });

  test('in it, within counts from the later one of both times, as restic does', () => {
    const [first, second] = [Date.parse('2025-10-26T00:30:00Z'), Date.parse('2025-10-26T01:30:00Z')];
    expect(kept(sets(first, first - HOUR), { withinHours: 2, timeZone: 'Europe/Berlin' })).toEqual([at(first)]);
    expect(kept(sets(second, first), { withinHours: 2, timeZone: 'Europe/Berlin' })).toEqual([at(second), at(first)]);
  });

  test('each deletion says what every rule has against it', () => {
    const verdicts = retain(sets(T0, T0 - HOUR, T0 - 2 * HOUR), policy({ last: 1, daily: 1, withinHours: 2 }), T0 + HOUR);
    expect(verdicts).toEqual([
      { set: 'i-1@2026-11-21T10:00:00Z', keep: true, reasons: ['within', 'last', 'daily'] },
      { set: 'i-1@2026-11-21T09:00:00Z', keep: true, reasons: ['within'] },
      { set: 'i-1@2026-11-21T08:00:00Z', keep: false, reasons: ['within: too old', 'last: count spent on newer sets', 'daily: count spent on newer sets'] },
    ]);
    const [, second] = retain(sets(T0, T0 - HOUR, T0 - DAY), policy({ daily: 2 }), T0 + HOUR);
    expect(second.reasons).toEqual(['daily: i-1@2026-11-21T10:00:00Z stands for it']);
    expect(retain(sets(T0), NONE, T0 + HOUR)[0].reasons).toEqual(['no rule']);
  });
});

describe('properties', () => {
  const time = fc.integer({ min: 0, max: 24 * 1000 }).map((hour) => T0 - hour * HOUR);
  const history = fc.uniqueArray(time, { minLength: 1, maxLength: 60 }).map((times) => sets(...times));
  const count = fc.integer({ min: 0, max: 8 });
  const rules = fc.record(Object.fromEntries(FIELDS.map((field) => [field, count]))).map(policy);

  test('each set gets one verdict with a reason, whatever their order', () => {
    fc.assert(fc.property(history, rules, (given, asked) => {
      const verdicts = retain(given, asked, T0 + HOUR);
      expect(verdicts.map(({ set }) => set).sort()).toEqual(given.map(({ set }) => set).sort());
      expect(verdicts.every(({ reasons }) => reasons.length > 0)).toBe(true);
      expect(retain([...given].reverse(), asked, T0 + HOUR)).toEqual(verdicts);
    }));
  });

  test('pruning what is pruned deletes nothing more, unless it was only the oldest', () => {
    fc.assert(fc.property(history, rules, (given, asked) => {
      const first = new Set(kept(given, asked));
      const rest = given.filter((set) => first.has(at(set.at)));
      expect(kept(rest, asked)).toEqual([...first]);
    }));
  });

  test('more of a rule never keeps fewer', () => {
    fc.assert(fc.property(history, rules, fc.constantFrom(...FIELDS.slice(0, 6)), (given, asked, rule) => {
      const more = kept(given, { ...asked, [rule]: asked[rule] + 1 });
      const oldest = at(Math.min(...given.map((set) => set.at)));
      expect(more).toEqual(expect.arrayContaining(kept(given, asked).filter((set) => set !== oldest)));
    }));
  });
});

describe('calendar', () => {
  test('weeks are those of ISO 8601', () => {
    const utc = Calendar.of('UTC');
    const [sunday, monday] = [Date.parse('2021-01-03T23:59:00Z'), Date.parse('2021-01-04T00:00:00Z')];
    expect(utc.week(monday) - utc.week(sunday)).toBe(1);
    expect(utc.week(sunday)).toBe(utc.week(Date.parse('2020-12-28T00:00:00Z')));
  });

  test('a zone that is none is refused', () => {
    expect(() => Calendar.of('Europe/Nowhere')).toThrow(RangeError);
  });
});
