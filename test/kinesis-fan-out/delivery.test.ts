import { arrive, DELIVERED, FAILED, failing, play, REFUSAL, REFUSED, type Scene, SHARD } from './delivery-at-work';
import type { CallOutcome } from '../../src/kinesis-fan-out/handlers/ports';
import { createMemory } from '../../src/kinesis-fan-out/handlers/recent-records';

const BROKEN = { kind: 'failed', code: 'AccessDeniedException', broken: true } as const;
const WHOLE: CallOutcome = { kind: 'refused', refusal: REFUSAL };

describe('waves', () => {
  test('a call carries one record of each key', async () => {
    const { calls, report } = await play({ records: ['a1', 'a2', 'b3', 'a4', 'c5', 'b6'], send: arrive });
    expect(calls).toEqual(['a1 b3 c5', 'a2 b6', 'a4']);
    expect(report).toMatchObject({ received: 6, delivered: 6, unfinished: [], calls: 3, retried: 0, gaveUp: false });
  });

  test('a shard in order is one record after the other', async () => {
    const { calls } = await play({ records: ['a1', 'b2', 'c3'], send: arrive, ordering: 'per-shard' });
    expect(calls).toEqual(['a1', 'b2', 'c3']);
  });

  test('without order calls are as full as they can be', async () => {
    const { calls } = await play({ records: ['a1', 'a2', 'b3', 'a4', 'c5'], send: arrive, ordering: 'none', sender: { maxEntries: 2 } });
    expect(calls).toEqual(['a1 a2', 'b3 a4', 'c5']);
  });

  test('a call holds no more bytes than it may', async () => {
    // A record of this test has four bytes.
    const { calls } = await play({ records: ['a1', 'b2', 'c3'], send: arrive, sender: { maxCallBytes: 8 } });
    expect(calls).toEqual(['a1 b2', 'c3']);
  });

  test('a key is packed whole, into one entry', async () => {
    const packing = { kind: 'ndjson', maxBytes: 1e6, envelope: false } as const;
    const { calls } = await play({ records: ['a1', 'a2', 'b3', 'a4'], send: arrive, packing });
    expect(calls).toEqual(['a1+a2+a4 b3']);
  });

  test('ten thousand records of one key are ten thousand calls, or a few packs', async () => {
    const records = Array.from({ length: 10_000 }, (_, n) => `a${n}`);
    expect((await play({ records, send: arrive, callMs: 0, sendAhead: 10_000 })).calls).toHaveLength(10_000);
    const packing = { kind: 'ndjson', maxBytes: 40_000, envelope: false } as const;
    expect((await play({ records, send: arrive, callMs: 0, sendAhead: 10_000, packing })).calls.length).toBeLessThan(5);
  });

  test('keys of one call at a time: calls side by side never share a key', async () => {
    const open = new Set<string>();
    let together = 0;
    const { report } = await play({
      records: Array.from({ length: 60 }, (_, n) => `${'abcdef'[n % 6]}${n}`),
      sender: { maxEntries: 1, concurrency: 4 },
      send: async ([entry]) => {
        expect(open.has(entry[0])).toBe(false);
        open.add(entry[0]);
        together = Math.max(together, open.size);
        for (let i = 0; i < 10; i++) await Promise.resolve();
        open.delete(entry[0]);
        return { kind: 'answered', outcomes: [DELIVERED] };
      },
    });
    expect(report.delivered).toBe(60);
    expect(together).toBe(4);
  });
});

describe('what fails', () => {
  test('goes again alone; its key waits, the others go on', async () => {
    const { calls, report } = await play({
      records: ['a1', 'b2', 'a3', 'b4'],
      send: (entries, n) => n === 1 ? failing('a1')(entries) : arrive(entries),
    });
    expect(calls).toEqual(['a1 b2', 'b4', 'a1', 'a3']);
    expect(report).toMatchObject({ delivered: 4, retried: 1 });
    expect([...report.failures]).toEqual([['Throttled', 1]]);
  });

  test('waits longer every time, at random up to a bound that doubles', async () => {
    const { elapsedMs } = await play({ records: ['a1'], send: (_entries, n) => [n < 5 ? FAILED : DELIVERED], callMs: 0 });
    expect(elapsedMs).toBe((100 + 200 + 400 + 800) / 2);
  });

  test('together waits together', async () => {
    const { calls } = await play({ records: ['a1', 'b2', 'c3'], send: (entries, n) => n === 1 ? failing('a1', 'c3')(entries) : arrive(entries) });
    expect(calls).toEqual(['a1 b2 c3', 'a1 c3']);
  });

  test('leaves the lowest unfinished record to the mapping, and is not sent past the deadline', async () => {
    const { calls, elapsedMs, report, unfinished } = await play({ records: ['a1', 'b2', 'b3'], send: failing('b2'), timeLeftMs: 100, callMs: 10 });
    expect(unfinished).toBe('b2 b3');
    expect(calls[0]).toBe('a1 b2');
    expect(elapsedMs).toBeLessThanOrEqual(110);
    expect(report).toMatchObject({ delivered: 1, gaveUp: false });
  });

  test('all the time, ends the invocation early', async () => {
    const { calls, elapsedMs, report } = await play({ records: ['a1', 'b2'], send: failing('a1', 'b2'), timeLeftMs: 900_000, callMs: 0 });
    expect(calls).toHaveLength(8);
    expect(elapsedMs).toBeLessThan(10_000);
    expect(report).toMatchObject({ delivered: 0, gaveUp: true });
  });

  test('one key only, while others arrive, does not', async () => {
    const records = ['a1', ...Array.from({ length: 40 }, (_, n) => `b${n + 2}`)];
    const { report, unfinished } = await play({ records, send: failing('a1'), callMs: 200 });
    expect(report.delivered).toBe(40);
    expect(unfinished).toBe('a1');
  });

  test('for lack of rights is waited for, counted, and never put aside', async () => {
    const { puts, report, unfinished } = await play({ records: ['a1', 'b2'], send: (entries) => entries.map(() => BROKEN) });
    expect(puts).toEqual([]);
    expect(unfinished).toBe('a1 b2');
    expect(report).toMatchObject({ broken: report.calls });
  });

  test.each<[string, Scene['send']]>([
    ['throws', () => { throw new TypeError('a bug'); }],
    ['leaves entries out of its answer', () => []],
    ['says that nothing of a pack is there', () => [{ kind: 'partly', items: 0 }]],
  ])('because the sender %s, is not delivered', async (_what, send) => {
    const { report, unfinished } = await play({ records: ['a1'], send });
    expect(report.delivered).toBe(0);
    expect(unfinished).toBe('a1');
  });

  test('because it hangs until the end, is not delivered', async () => {
    const ending = new AbortController();
    const { report, unfinished } = await play({
      records: ['a1', 'b2'],
      signal: ending.signal,
      timeLeftMs: 50,
      callMs: 60,
      send: () => {
        setImmediate(() => ending.abort());
        return new Promise<never>(() => {});
      },
    });
    expect(report.calls).toBe(1);
    expect(unfinished).toBe('a1 b2');
  });
});

test('quarantine that hangs ends with the invocation, and its record is not lost', async () => {
  const ending = new AbortController();
  const { report, unfinished } = await play({
    records: ['a1'],
    signal: ending.signal,
    send: () => ({ kind: 'answered', outcomes: [REFUSED] }),
    put: (_name, _attempts, signal) => {
      setImmediate(() => ending.abort());
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    },
    // Enough for the call and to begin with the put.
    timeLeftMs: 15,
  });
  expect([...report.failures]).toEqual([['quarantine: Error', 1]]);
  expect(report.quarantined).toEqual([]);
  expect(unfinished).toBe('a1');
});

describe('send-ahead window', () => {
  test('nothing leaves further beyond the lowest unfinished record', async () => {
    const records = Array.from({ length: 20 }, (_, n) => `${'abcdefghijklmnopqrst'[n]}${n}`);
    const { calls, report } = await play({ records, send: failing('c2'), sendAhead: 5 });
    expect(calls[0]).toBe('a0 b1 c2 d3 e4');
    expect(calls[1]).toBe('f5 g6');
    expect(report.unfinished).toHaveLength(14);
  });

  test('counts what was delivered before', async () => {
    const memory = createMemory(() => 0);
    memory.delivered.set(`${SHARD}:1002`, true);
    const { calls, report } = await play({ records: ['a1', 'b2', 'c3', 'd4'], send: failing('a1'), sendAhead: 3, memory });
    expect(calls[0]).toBe('a1 c3');
    expect(calls.some((call) => call.includes('d4'))).toBe(false);
    expect(report).toMatchObject({ delivered: 1, suppressed: 1 });
  });

  test('a pack of the lowest may be longer, its halves not', async () => {
    const packing = { kind: 'ndjson', maxBytes: 1e6, envelope: false } as const;
    const { calls, puts } = await play({
      records: ['a0', 'a1', 'a2', 'a3'],
      ordering: 'none',
      packing,
      sendAhead: 1,
      send: (entries) => entries.map((entry) => entry.includes('a1') ? REFUSED : DELIVERED),
    });
    expect(calls).toEqual(['a0+a1+a2+a3', 'a0+a1', 'a0', 'a1', 'a2+a3']);
    expect(puts).toEqual(['a1']);
  });
});

describe('what is refused', () => {
  test('goes to quarantine at once, and its key goes on', async () => {
    const { calls, puts, report } = await play({
      records: ['a1', 'b2', 'a3'],
      send: (entries) => entries.map((entry) => entry === 'a1' ? REFUSED : DELIVERED),
    });
    expect(calls).toEqual(['a1 b2', 'a3']);
    expect(puts).toEqual(['a1']);
    expect(report.quarantined).toEqual([{ id: `${SHARD}:1001`, refusal: REFUSAL, attempts: 1 }]);
    expect(report).toMatchObject({ received: 3, delivered: 2, unfinished: [] });
  });

  test('with a whole call, is found by halves', async () => {
    const { calls, puts } = await play({
      records: ['a1', 'b2', 'c3', 'd4'],
      send: (entries) => entries.includes('c3') ? WHOLE : arrive(entries),
    });
    expect(calls).toEqual(['a1 b2 c3 d4', 'a1 b2', 'c3 d4', 'c3', 'd4']);
    expect(puts).toEqual(['c3']);
  });

  test('with a whole pack, is found by halves, in order', async () => {
    const packing = { kind: 'json-array', maxBytes: 1e6, envelope: false } as const;
    const { calls, puts, report } = await play({
      records: ['a1', 'a2', 'a3', 'a4'],
      packing,
      send: (entries) => entries.map((entry) => entry.includes('a2') ? REFUSED : DELIVERED),
    });
    expect(calls).toEqual(['a1+a2+a3+a4', 'a1+a2', 'a1', 'a2', 'a3+a4']);
    expect(puts).toEqual(['a2']);
    expect(report.delivered).toBe(3);
  });

  test('is looked for where the invocation before stopped', async () => {
    const memory = createMemory(() => 0);
    const records = ['a1', 'a2', 'a3', 'a4'];
    const packing = { kind: 'json-array', maxBytes: 1e6, envelope: false } as const;
    const send: Scene['send'] = (entries) => entries.map((entry) => entry.includes('a1') ? REFUSED : DELIVERED);
    const first = await play({ records, packing, send, memory, timeLeftMs: 20, callMs: 10 });
    expect(first.calls).toEqual(['a1+a2+a3+a4', 'a1+a2']);
    const second = await play({ records, packing, send, memory });
    expect(second.calls).toEqual(['a1', 'a2', 'a3+a4']);
    expect(second.puts).toEqual(['a1']);
  });

  test('too large for the destination, never leaves', async () => {
    const { calls, puts, report } = await play({ records: ['a1', 'a20000', 'a3'], send: arrive, sender: { maxEntryBytes: 4 } });
    expect(calls).toEqual(['a1', 'a3']);
    expect(puts).toEqual(['a20000']);
    expect(report.quarantined[0].refusal).toEqual({ reason: 'TOO_LARGE', code: '8 bytes, 4 are allowed' });
  });

  test('by a transform, waits for its turn', async () => {
    const { calls, puts } = await play({
      records: ['a1', 'a2', 'a3'],
      send: arrive,
      prepare: (name) => name === 'a2' ? { kind: 'refused', refusal: { reason: 'UNPARSABLE', code: 'not JSON' } } : undefined,
    });
    expect(calls).toEqual(['a1', 'a3']);
    expect(puts).toEqual(['a2']);
  });

  test('because preparing it throws, is put aside: it always will', async () => {
    const { calls, puts, report } = await play({
      records: ['a1', 'a2'],
      send: arrive,
      prepare: (name) => {
        if (name === 'a1') throw new RangeError('payload of a1');
        return undefined;
      },
    });
    expect([calls, puts]).toEqual([['a2'], ['a1']]);
    expect(report.quarantined[0].refusal).toEqual({ reason: 'UNPARSABLE', code: 'RangeError' });
  });

  test('is unfinished while quarantine fails, and holds its key', async () => {
    let tries = 0;
    const scene: Scene = {
      records: ['a1', 'b2', 'a3'],
      send: (entries) => entries.map((entry) => entry === 'a1' ? REFUSED : DELIVERED),
      put: () => {
        tries += 1;
        if (tries < 3) throw new Error('no bucket');
      },
    };
    const { calls, puts, report } = await play(scene);
    expect(calls).toEqual(['a1 b2', 'a3']);
    expect(puts).toEqual(['a1']);
    expect([...report.failures]).toEqual([['quarantine: Error', 2]]);

    const never = await play({ ...scene, put: () => { throw new Error('no bucket'); } });
    expect(never.unfinished).toBe('a1 a3');
    expect(never.report).toMatchObject({ quarantined: [], gaveUp: true });
  });

  test('by the hundred, goes side by side', async () => {
    const { puts, elapsedMs } = await play({ records: Array.from({ length: 100 }, (_, n) => `a${n}`), send: arrive, prepare: () => REFUSED });
    expect(puts).toHaveLength(100);
    expect(elapsedMs).toBe(100);
  });
});

describe('memory', () => {
  test('what was delivered above the checkpoint does not leave again', async () => {
    const memory = createMemory(() => 0);
    const records = ['a1', 'b2', 'c3', 'b4'];
    const first = await play({ records, send: failing('a1'), memory });
    expect(first.unfinished).toBe('a1');
    const second = await play({ records, send: arrive, memory });
    expect(second.calls).toEqual(['a1']);
    expect(second.report).toMatchObject({ received: 4, delivered: 1, suppressed: 3, unfinished: [] });
    expect(memory.delivered.size).toBe(0);
  });

  test('what lies below the checkpoint is forgotten', async () => {
    const memory = createMemory(() => 0);
    await play({ records: ['a1', 'b2', 'c3', 'd4'], send: failing('c3'), memory });
    expect([1, 2, 3, 4].map((n) => memory.delivered.get(`${SHARD}:100${n}`) ?? false)).toEqual([false, false, false, true]);
  });

  test('records of an aggregate are remembered one by one', async () => {
    const memory = createMemory(() => 0);
    const records = ['a0@7', 'b1@7', 'c2@7'];
    const first = await play({ records, send: failing('b1@7'), memory });
    expect(first.report.unfinished[0].sequenceNumber).toBe('1007');
    const second = await play({ records, send: arrive, memory });
    expect(second.calls).toEqual(['b1@7']);
  });

  test('what was put aside is not put aside again', async () => {
    const memory = createMemory(() => 0);
    const scene = { records: ['a1', 'b2'], memory, prepare: (name: string) => name === 'b2' ? REFUSED : undefined };
    expect((await play({ ...scene, send: failing('a1') })).puts).toEqual(['b2']);
    expect((await play({ ...scene, send: arrive })).puts).toEqual([]);
  });

  test('half of a batch, and batches of the same shard elsewhere, leave the rest remembered', async () => {
    const memory = createMemory(() => 0);
    await play({ records: ['a1', 'b2', 'c3', 'd4'], send: failing('a1'), memory });
    // The first half, and another batch of higher records, end well.
    await play({ records: ['a1', 'b2'], send: arrive, memory });
    await play({ records: ['e5', 'f6'], send: arrive, memory });
    const rest = await play({ records: ['c3', 'd4'], send: arrive, memory });
    expect(rest.report.suppressed).toBe(2);
  });

  test('an old batch that comes again in full is delivered again, not suppressed', async () => {
    const memory = createMemory(() => 0);
    await play({ records: ['a1', 'b2'], send: arrive, memory });
    expect((await play({ records: ['a1', 'b2'], send: arrive, memory })).report.delivered).toBe(2);
  });
});

describe('report', () => {
  test('counts every record once', async () => {
    const memory = createMemory(() => 0);
    memory.delivered.set(`${SHARD}:1006`, true);
    const { report } = await play({
      records: ['a1', 'b2', 'c3', 'd4', 'e5', 'f6'],
      memory,
      prepare: (name) => name === 'b2' ? { kind: 'filtered' } : undefined,
      send: (entries) => entries.map((entry) => entry === 'c3' ? REFUSED : entry === 'd4' ? FAILED : DELIVERED),
    });
    expect(report).toMatchObject({ received: 6, filtered: 1, suppressed: 1, delivered: 2 });
    expect(report.quarantined).toHaveLength(1);
    expect(report.unfinished).toHaveLength(1);
  });

  test('latency is that of the record that took longest', async () => {
    const { report } = await play({ records: ['a1', 'a2'], send: arrive, callMs: 30 });
    expect(report.latencyMs).toBe(60);
  });

  test('nothing to deliver is nothing to say', async () => {
    const { calls, report } = await play({ records: [], send: arrive });
    expect(calls).toEqual([]);
    expect(report).toMatchObject({ received: 0, unfinished: [], latencyMs: undefined });
  });
});
