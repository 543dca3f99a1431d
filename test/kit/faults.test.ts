import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import {
  FaultSchedule, Prng, firedFaults, hash32, killSweep, loadRegressions, pointOf, replayLine, runsFromEnv, seedFromEnv, shrink,
  type FaultKey, type ScheduledFault,
} from './faults';
import type { RecordedCall } from './proxy/call';

function key(changes: Partial<FaultKey> = {}): FaultKey {
  return { principal: 'reconcile', service: 's3', operation: 'PutObject', requestHash: 'aa', nth: 1, occurrence: 1, ...changes };
}

function call(changes: Partial<RecordedCall> = {}): RecordedCall {
  return { n: 1, region: 'eu-west-1', params: {}, status: 200, ...key(), ...changes };
}

describe('Prng', () => {
  test('is mulberry32: the published sequence of seed 1', () => {
    const prng = new Prng(1);
    expect([prng.next(), prng.next(), prng.next()].map((x) => Math.floor(x * 0x1_0000_0000))).toEqual([2693262067, 11749833, 2265367787]);
  });

  test('draws within bounds, both ends included', () => {
    const prng = new Prng(7);
    expect(new Set(Array.from({ length: 200 }, () => prng.int(3, 5)))).toEqual(new Set([3, 4, 5]));
  });

  test('shuffles without losing anything and without touching its input', () => {
    const items = Object.freeze([1, 2, 3, 4, 5]);
    expect(new Prng(3).shuffle(items).sort()).toEqual([...items]);
  });

  test('refuses to pick from nothing', () => {
    expect(() => new Prng(1).pick([])).toThrow('cannot pick from an empty list');
  });
});

describe('explicit schedules', () => {
  test('strike the n-th call of an operation and no other', () => {
    const schedule = FaultSchedule.of({ principal: 'reconcile', operation: 's3:PutObject', nth: 2, fault: { kind: 'throttle' } });
    expect(schedule.decide(key({ nth: 1 }))).toBeUndefined();
    expect(schedule.decide(key({ nth: 2 }))).toEqual({ kind: 'throttle' });
    expect(schedule.decide(key({ nth: 2, operation: 'GetObject' }))).toBeUndefined();
    expect(schedule.decide(key({ nth: 2, principal: 'serve' }))).toBeUndefined();
  });

  test('keyed by request hash, find the same request whatever came before it', () => {
    const schedule = FaultSchedule.of({ ...pointOf(key({ requestHash: 'bb', occurrence: 2 })), fault: { kind: 'reset-after' } });
    expect(schedule.decide(key({ requestHash: 'bb', occurrence: 2, nth: 17 }))).toEqual({ kind: 'reset-after' });
    expect(schedule.decide(key({ requestHash: 'bb', occurrence: 1, nth: 2 }))).toBeUndefined();
  });

  test('survive JSON', () => {
    const schedule = FaultSchedule.random(5, { rate: 0.5, kinds: ['throttle', 'late-apply'], operations: ['s3:PutObject'] });
    const revived = FaultSchedule.fromJSON(JSON.parse(JSON.stringify(schedule)));
    const keys = Array.from({ length: 50 }, (_, i) => key({ requestHash: String(i) }));
    expect(keys.map((k) => revived.decide(k))).toEqual(keys.map((k) => schedule.decide(k)));
  });

  test('name an unknown kind', () => {
    const data = JSON.parse('{"faults":[{"fault":{"kind":"gremlin"}}]}');
    expect(() => FaultSchedule.fromJSON(data)).toThrow('fault kind must be one of throttle');
  });
});

describe('random schedules', () => {
  const options = { rate: 0.3, kinds: ['throttle', 'reset-after', 'kill-after'] } as const;

  test('decide by the call alone: another interleaving changes nothing', () => {
    fc.assert(fc.property(fc.nat(), fc.array(fc.tuple(fc.stringMatching(/^[0-9a-f]{2}$/), fc.integer({ min: 1, max: 3 }))), (seed, calls) => {
      const keys = calls.map(([requestHash, occurrence]) => key({ requestHash, occurrence }));
      const schedule = FaultSchedule.random(seed, options);
      const decide = (list: readonly FaultKey[]) => new Map(list.map((k) => [JSON.stringify(pointOf(k)), schedule.decide(k)]));
      expect(decide(new Prng(seed).shuffle(keys))).toEqual(decide(keys));
    }), { seed: seedFromEnv(1) });
  });

  test('keep to their rate, their kinds and what an operation can suffer', () => {
    const schedule = FaultSchedule.random(11, { rate: 0.3, kinds: ['throttle', 'refuse-entries', 'error-in-200', 'stale-read'] });
    const faults = Array.from({ length: 2000 }, (_, i) => schedule.decide(key({ requestHash: String(i) }))).filter(Boolean);
    expect(faults.length).toBeGreaterThan(500);
    expect(faults.length).toBeLessThan(700);
    expect(new Set(faults.map((fault) => fault!.kind))).toEqual(new Set(['throttle']));
  });

  test('refuse entries with each word a service has for it', () => {
    const schedule = FaultSchedule.random(11, { rate: 1, kinds: ['refuse-entries'] });
    const codes = (service: string, operation: string) => new Set(Array.from({ length: 100 }, (_, i) => (
      schedule.decide(key({ service, operation, requestHash: String(i) }))?.code)));
    expect(codes('kinesis', 'PutRecords')).toEqual(new Set([undefined, 'InternalFailure']));
    expect(codes('sqs', 'SendMessageBatch')).toEqual(new Set([undefined]));
  });

  test('leave late occurrences alone, so that retries end', () => {
    const schedule = FaultSchedule.random(1, { rate: 1, kinds: ['throttle'], maxOccurrence: 2 });
    expect([1, 2, 3].map((occurrence) => schedule.decide(key({ occurrence }))?.kind)).toEqual(['throttle', 'throttle', undefined]);
  });

  test('differ by seed', () => {
    const kindsOf = (seed: number) => {
      const schedule = FaultSchedule.random(seed, options);
      return Array.from({ length: 40 }, (_, i) => schedule.decide(key({ requestHash: String(i) }))?.kind);
    };
    expect(kindsOf(1)).not.toEqual(kindsOf(2));
  });
});

test('the sweep kills before and after every call of one principal', () => {
  const calls = [call({ requestHash: 'a' }), call({ requestHash: 'b' }), call({ requestHash: 'c', principal: 'feeder' })];
  const sweep = killSweep(calls, 'reconcile');
  expect(sweep.map((schedule) => [schedule.faults[0].hash, schedule.faults[0].fault.kind]))
    .toEqual([['a', 'kill-before'], ['a', 'kill-after'], ['b', 'kill-before'], ['b', 'kill-after']]);
});

test('a random run turns into the explicit schedule of the faults that struck', () => {
  const random = FaultSchedule.random(3, { rate: 1, kinds: ['throttle'] });
  const struck = call({ requestHash: 'a', fault: 'throttle' });
  const explicit = firedFaults([struck, call({ requestHash: 'b' })], random);
  expect(explicit.faults).toEqual([{ ...pointOf(struck), fault: { kind: 'throttle' } }]);
});

describe('regressions', () => {
  test('are read from their folder, in the order of their names', () => {
    const folder = mkdtempSync(join(tmpdir(), 'regressions-'));
    const schedule = FaultSchedule.of({ operation: 's3:PutObject', nth: 2, fault: { kind: 'kill-after' } });
    for (const name of ['b.json', 'a.json', 'notes.txt']) writeFileSync(join(folder, name), JSON.stringify({ seed: 7, ...schedule.toJSON() }));
    expect(loadRegressions(folder)).toEqual(['a', 'b'].map((name) => ({ name, seed: 7, schedule, fired: 1 })));
    rmSync(folder, { recursive: true });
  });

  test('may be absent', () => expect(loadRegressions(join(tmpdir(), 'there-is-no-such-folder'))).toEqual([]));
});

describe('shrink', () => {
  const many: ScheduledFault[] = Array.from({ length: 23 }, (_, i) => ({ operation: 's3:PutObject', nth: i + 1, fault: { kind: 'throttle' } }));
  const holds = (wanted: readonly number[]) => (candidate: FaultSchedule) =>
    Promise.resolve(wanted.every((nth) => candidate.faults.some((fault) => fault.nth === nth)));

  test.each([[[7]], [[1, 23]], [[3, 4, 19]]])('finds exactly the faults %p that make it fail', async (wanted) => {
    const small = await shrink(FaultSchedule.of(...many), holds(wanted));
    expect(small.faults.map(({ nth }) => nth)).toEqual(wanted);
  });

  test('keeps a schedule whose every fault is needed', async () => {
    const small = await shrink(FaultSchedule.of(...many), holds(many.map(({ nth }) => nth!)));
    expect(small.faults).toEqual(many);
  });
});

describe('seeds', () => {
  test('come from KIT_SEED, else from the default', () => {
    expect(seedFromEnv(4, {})).toBe(4);
    expect(seedFromEnv(4, { KIT_SEED: '4294967295' })).toBe(4294967295);
  });

  test.each(['-1', '4294967296', 'x'])('refuse %p', (given) => {
    expect(() => seedFromEnv(4, { KIT_SEED: given })).toThrow(`KIT_SEED must be 0 to 4294967295, got ${given}`);
  });

  test('derive by position and content', () => {
    expect(new Set([hash32(1, 'a'), hash32('a', 1), hash32(1, 'b'), hash32('1', 'a')]).size).toBe(4);
  });

  test('print as the line that repeats the run', () => {
    expect(replayLine(7, 'test/x.test.ts')).toBe('KIT_SEED=7 npx projen test -- test/x.test.ts');
  });
});

describe('the number of runs', () => {
  test.each<[string | undefined, number]>([[undefined, 40], ['', 40], ['1', 1], ['10000', 10_000]])('KIT_RUNS=%s', (given, runs) => {
    expect(runsFromEnv(40, { KIT_RUNS: given })).toBe(runs);
  });

  test.each(['0', '-1', '1e3', 'many', '10000000'])('refuses %s', (given) => {
    expect(() => runsFromEnv(40, { KIT_RUNS: given })).toThrow(`KIT_RUNS must be 1 to 9999999, got ${given}`);
  });
});
