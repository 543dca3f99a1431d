import { aggregate } from './aggregate';
import { PLAIN, record, sequence, SHARD } from './wire';
import type { EventRecord, QuarantinedRecord, ReplayAnswer, ReplayEvent, ReplayReceipt, ReplayRequest } from '../../src/kinesis-fan-out/contract';
import type { Entry, FanOutRecord, Refusal, Sender } from '../../src/kinesis-fan-out/handlers/ports';
import { quarantineKey } from '../../src/kinesis-fan-out/handlers/quarantine';
import { checkRequest, recordsIn, remaining, replay, type ReplayWorld } from '../../src/kinesis-fan-out/handlers/replay';
import { Shell } from '../../src/kinesis-fan-out/handlers/shell';

const LAKE = { destination: 'Lake', functionName: 'fan-out-lake', run: 'run-1' };
const QUARANTINE = 'quarantine/Lake/';
const EXPIRED = `aws/lambda/mapping-1/${SHARD}/2026/11/21/batch`;

function quarantined(one: FanOutRecord, destination = 'Lake'): [string, string] {
  const content: QuarantinedRecord = {
    version: 1, destination, id: one.id, reason: 'REFUSED', code: 'Bad', attempts: 1, quarantinedAt: '2026-11-21T00:00:00.000Z', record: one.source,
  };
  return [quarantineKey(destination, one), JSON.stringify(content)];
}

function expired(records: readonly EventRecord[], { form = 'text', functionName = 'fan-out-lake' } = {}): string {
  const payload = { Records: records };
  return JSON.stringify({
    requestContext: { requestId: 'r', functionArn: `arn:aws:lambda:eu-central-1:111111111111:function:${functionName}`, condition: 'RecordAgeExceeded', approximateInvokeCount: 3 },
    KinesisBatchInfo: { shardId: SHARD },
    payload: form === 'text' ? JSON.stringify(payload) : payload,
  });
}

function everything({ Records: records }: ReplayEvent): ReplayAnswer {
  return { received: records.length, delivered: records.length, filtered: 0, quarantined: {}, unfinished: {} };
}

/** A failure bucket and a function, on a clock of their own. */
class World implements ReplayWorld {
  public readonly events: ReplayEvent[] = [];
  public readonly receipts = new Map<string, ReplayReceipt>();
  public readonly objects: Map<string, string>;
  public time = 0;
  public endsAt = 900_000;

  constructor(
    objects: Iterable<readonly [string, string]>,
    private readonly answer: (event: ReplayEvent, n: number) => ReplayAnswer | Promise<ReplayAnswer> = everything,
  ) {
    this.objects = new Map([...objects].sort(([one], [other]) => one < other ? -1 : 1));
  }

  public async* keys(prefix: string, after = ''): AsyncGenerator<string> {
    for (const key of this.objects.keys()) if (key.startsWith(prefix) && key > after) yield key;
  }

  public async read(key: string): Promise<string | undefined> {
    return this.objects.get(key);
  }

  public async deliver(event: ReplayEvent): Promise<ReplayAnswer> {
    this.time += 1000;
    this.events.push(event);
    return this.answer(event, this.events.length);
  }

  public async write(key: string, receipt: ReplayReceipt): Promise<void> {
    expect(this.receipts.has(key)).toBe(false);
    this.receipts.set(key, receipt);
  }

  public async sleep(ms: number): Promise<void> {
    this.time += ms;
  }

  public now(): number {
    return this.time;
  }

  public random(): number {
    return 0.5;
  }

  public remainingMs(): number {
    return Math.max(0, this.endsAt - this.time);
  }

  /** Sequence numbers each call carried. */
  public get calls(): readonly string[] {
    return this.events.map(({ Records: records }) => records.map(({ kinesis }) => Number(kinesis.sequenceNumber.slice(-2))).join(' '));
  }
}

const ALL: ReplayRequest = { destination: 'Lake', prefix: QUARANTINE };

describe('requests', () => {
  test.each<[string, unknown]>([
    ['a quarantined record', { destination: 'Lake', key: `${QUARANTINE}${SHARD}/1.json` }],
    ['all quarantined records', { destination: 'Lake', prefix: QUARANTINE }],
    ['those of a shard, behind one', { destination: 'Lake', prefix: `${QUARANTINE}${SHARD}/`, after: `${QUARANTINE}${SHARD}/1.json` }],
    ['an expired batch', { destination: 'Lake', key: EXPIRED }],
    ['expired batches of a mapping', { destination: 'Lake', prefix: 'aws/lambda/mapping-1/' }],
  ])('%s', (_what, request) => {
    expect(checkRequest(request as ReplayRequest, ['Lake', 'State'])).toEqual(request);
  });

  test.each<[unknown, string]>([
    [undefined, "'destination' must be one of Lake, State, got none"],
    [{ destination: 'Sea', prefix: QUARANTINE }, "'destination' must be one of Lake, State, got 'Sea'"],
    [{ destination: 'constructor', prefix: QUARANTINE }, "'destination' must be one of Lake, State, got 'constructor'"],
    [{ destination: 'Lake' }, "exactly one of 'key' and 'prefix' must be given, got none"],
    [{ destination: 'Lake', key: EXPIRED, prefix: QUARANTINE }, "exactly one of 'key' and 'prefix' must be given, got both"],
    [{ destination: 'Lake', prefix: 'quarantine/State/' }, "'prefix' must begin with 'quarantine/Lake/' or 'aws/lambda/<mapping>/', got 'quarantine/State/'"],
    [{ destination: 'Lake', prefix: 'quarantine/Lake' }, "'prefix' must begin with 'quarantine/Lake/' or 'aws/lambda/<mapping>/', got 'quarantine/Lake'"],
    [{ destination: 'Lake', prefix: 'aws/lambda/' }, "'prefix' must begin with 'quarantine/Lake/' or 'aws/lambda/<mapping>/', got 'aws/lambda/'"],
    [{ destination: 'Lake', prefix: 'aws/lambda//' }, "'prefix' must begin with 'quarantine/Lake/' or 'aws/lambda/<mapping>/', got 'aws/lambda//'"],
    [{ destination: 'Lake', key: QUARANTINE }, "'key' must begin with 'quarantine/Lake/' or 'aws/lambda/<mapping>/', got 'quarantine/Lake/'"],
    [{ destination: 'Lake', key: 7 }, "'key' must begin with 'quarantine/Lake/' or 'aws/lambda/<mapping>/', got number"],
    [{ destination: 'Lake', key: EXPIRED, after: EXPIRED }, `'after' must be a key below 'prefix', got '${EXPIRED}'`],
    [{ destination: 'Lake', prefix: QUARANTINE, after: 'other' }, "'after' must be a key below 'prefix', got 'other'"],
  ])('%j', (request, message) => {
    expect(() => checkRequest(request as ReplayRequest, ['Lake', 'State'])).toThrow(message);
  });
});

describe('objects', () => {
  test('a quarantined record, or one of an aggregate', () => {
    const [plain, inner] = [record(1), record(2, { subSequence: 7 })];
    expect(recordsIn(...quarantined(plain), LAKE)).toEqual([{ source: plain.source, only: undefined }]);
    expect(recordsIn(...quarantined(inner), LAKE)).toEqual([{ source: inner.source, only: [7] }]);
  });

  test.each(['text', 'object'])('an expired batch whose payload is %s', (form) => {
    expect(recordsIn(EXPIRED, expired([record(1).source, record(2).source], { form }), LAKE))
      .toEqual([{ source: record(1).source }, { source: record(2).source }]);
  });

  test.each([
    ['no JSON', 'no JSON object'], ['[]', 'expired for another function'], ['7', 'no JSON object'], ['null', 'no JSON object'],
    [expired([record(1).source], { functionName: 'fan-out-state' }), 'expired for another function'],
    [expired([{}] as unknown as EventRecord[]), 'no batch of a stream'],
    [JSON.stringify({ ...JSON.parse(expired([])), payload: '{' }), 'no batch of a stream'],
    [JSON.stringify({ ...JSON.parse(expired([])), payload: null }), 'no batch of a stream'],
  ])('%s: %s', (text, why) => {
    expect(recordsIn(EXPIRED, text, LAKE)).toBe(why);
  });

  test('a record of another destination, or of nothing', () => {
    const [, text] = quarantined(record(1), 'State');
    expect(recordsIn(`${QUARANTINE}x.json`, text, LAKE)).toBe('quarantined for another destination');
    expect(recordsIn(`${QUARANTINE}x.json`, '{"version":1}', LAKE)).toBe('no quarantined record of version 1');
    expect(recordsIn(`${QUARANTINE}x.json`, text.replace('"version":1', '"version":2'), LAKE)).toBe('no quarantined record of version 1');
  });
});

test('what is left of records', () => {
  const [a, b, c] = [1, 2, 3].map((n) => ({ source: record(n).source }));
  expect(remaining([a, b, c], { [a.source.eventID]: [], [c.source.eventID]: [4, 5] }))
    .toEqual([{ source: a.source, only: undefined }, { source: c.source, only: [4, 5] }]);
});

describe('a replay', () => {
  test('hands everything over in order, at once, and leaves a receipt', async () => {
    const records = [3, 1, 2].map((n) => record(n));
    const world = new World(records.map((one) => quarantined(one)));
    expect(await replay(ALL, LAKE, world)).toEqual({
      destination: 'Lake', objects: 3, skipped: 0, delivered: 3, filtered: 0, quarantined: 0, unfinished: 0, receipts: ['receipts/Lake/run-1/000001.json'],
    });
    expect(world.events).toEqual([{ Records: [1, 2, 3].map((n) => record(n).source), replay: { only: {} } }]);
    expect(world.receipts.get('receipts/Lake/run-1/000001.json')).toEqual({
      version: 1,
      destination: 'Lake',
      startedAt: '1970-01-01T00:00:00.000Z',
      endedAt: '1970-01-01T00:00:01.000Z',
      attempts: 1,
      objects: [1, 2, 3].map((n) => quarantineKey('Lake', record(n))),
      skipped: {},
      delivered: 3,
      filtered: 0,
      quarantined: {},
      unfinished: {},
    });
  });

  test('one key, which is all of an expired batch', async () => {
    const world = new World([[EXPIRED, expired([record(1).source, record(2).source])], [`${EXPIRED}2`, expired([record(3).source])]]);
    expect(await replay({ destination: 'Lake', key: EXPIRED }, LAKE, world)).toMatchObject({ objects: 1, delivered: 2 });
    expect(world.calls).toEqual(['1 2']);
  });

  test('of an aggregate the quarantined records only, and the aggregate once', async () => {
    const source = record(1).source;
    const world = new World([2, 10].map((subSequence) => quarantined(record(1, { subSequence, source }))));
    await replay(ALL, LAKE, world);
    expect(world.events).toHaveLength(1);
    expect(world.events[0].Records).toEqual([source]);
    expect([...world.events[0].replay.only![source.eventID]].sort()).toEqual([10, 2]);
  });

  test('calls are no larger than Lambda takes', async () => {
    const big = (n: number) => record(n, { data: Buffer.alloc(1_500_000) });
    const world = new World([...[1, 2, 3, 4].map((n) => quarantined(big(n))), quarantined(record(5))]);
    expect(await replay(ALL, LAKE, world)).toMatchObject({ objects: 5, delivered: 5 });
    expect(world.calls).toEqual(['1 2 3', '4 5']);
    world.events.forEach((event) => expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(6 * 1024 * 1024));
  });

  test('a batch that filled an invocation takes two, and is done with the second', async () => {
    const records = [1, 2, 3, 4].map((n) => record(n, { data: Buffer.alloc(1_500_000) }).source);
    const world = new World([[EXPIRED, expired(records)]]);
    expect(await replay({ destination: 'Lake', prefix: 'aws/lambda/mapping-1/' }, LAKE, world)).toMatchObject({ objects: 1, delivered: 4 });
    expect([...world.receipts.values()].map(({ objects }) => objects)).toEqual([[], [EXPIRED]]);
  });

  test('what fits into no invocation is skipped, and said', async () => {
    const world = new World([quarantined(record(1, { data: Buffer.alloc(5_000_000) })), quarantined(record(2))]);
    expect(await replay(ALL, LAKE, world)).toMatchObject({ objects: 1, skipped: 1, delivered: 1 });
    expect(Object.values([...world.receipts.values()][0].skipped)).toEqual([`record ${record(1).source.eventID} is larger than an invocation`]);
  });

  test('what is no object of this destination is skipped, and said', async () => {
    const world = new World([[EXPIRED, expired([record(1).source], { functionName: 'fan-out-state' })]]);
    expect(await replay({ destination: 'Lake', key: EXPIRED }, LAKE, world)).toMatchObject({ objects: 0, skipped: 1, delivered: 0 });
    expect(world.events).toEqual([]);
    expect([...world.receipts.values()]).toEqual([expect.objectContaining({ skipped: { [EXPIRED]: 'expired for another function' }, attempts: 0 })]);
  });

  test('nothing there is nothing to do', async () => {
    const world = new World([]);
    expect(await replay(ALL, LAKE, world)).toMatchObject({ objects: 0, receipts: [] });
    expect(world.receipts.size).toBe(0);
  });

  test('only what is unfinished goes again', async () => {
    const [a, b] = [record(1).source.eventID, record(2).source.eventID];
    const world = new World([1, 2, 3].map((n) => quarantined(record(n))), (_event, n) => n === 1
      ? { received: 9, delivered: 5, filtered: 1, quarantined: { [b]: [] }, unfinished: { [a]: [0, 4] } }
      : { received: 2, delivered: 2, filtered: 0, quarantined: {}, unfinished: {} });
    expect(await replay(ALL, LAKE, world)).toMatchObject({ objects: 3, delivered: 7, filtered: 1, quarantined: 1, unfinished: 0 });
    expect(world.events[1]).toEqual({ Records: [record(1).source], replay: { only: { [a]: [0, 4] } } });
    expect([...world.receipts.values()]).toEqual([expect.objectContaining({ attempts: 2, delivered: 7, quarantined: { [b]: [] }, unfinished: {} })]);
  });

  test('ends where nothing gets through any more, and says where to go on', async () => {
    const objects = [1, 2, 3, 4, 5].map((n) => quarantined(record(n, { data: Buffer.alloc(2_000_000) })));
    const dead = ({ Records: records }: ReplayEvent): ReplayAnswer => {
      const unfinished = Object.fromEntries(records.map(({ eventID }) => [eventID, []]));
      return { received: records.length, delivered: 0, filtered: 0, quarantined: {}, unfinished };
    };
    const world = new World(objects, (event, n) => n === 1 ? everything(event) : dead(event));
    const result = await replay(ALL, LAKE, world);
    expect(world.calls).toEqual(['1 2', '3 4', '3 4', '3 4', '3 4']);
    expect(result).toMatchObject({ objects: 2, delivered: 2, unfinished: 2, next: { ...ALL, after: quarantineKey('Lake', record(2)) } });
    const rest = new World(objects);
    expect(await replay(result.next!, { ...LAKE, run: 'run-2' }, rest)).toMatchObject({ objects: 3, delivered: 3, unfinished: 0 });
    expect(rest.calls).toEqual(['3 4', '5']);
  });

  test('a function that fails is called again; its code is in the receipt', async () => {
    const world = new World([quarantined(record(1))], (event, n) => {
      if (n < 3) throw Object.assign(new Error('quoted'), { name: 'FunctionError' });
      return everything(event);
    });
    expect(await replay(ALL, LAKE, world)).toMatchObject({ delivered: 1, unfinished: 0 });
    expect([...world.receipts.values()][0]).toMatchObject({ attempts: 3, error: undefined });
    const broken = new World([quarantined(record(1))], () => {
      throw Object.assign(new Error('quoted'), { name: 'ResourceNotFoundException' });
    });
    expect(await replay(ALL, LAKE, broken)).toMatchObject({ delivered: 0, unfinished: 1, next: ALL });
    const unfinished = { [record(1).source.eventID]: [] };
    expect([...broken.receipts.values()][0]).toMatchObject({ attempts: 4, error: 'ResourceNotFoundException', unfinished });
  });

  test('ends in time, after one call at least', async () => {
    const objects = [1, 2, 3].map((n) => quarantined(record(n, { data: Buffer.alloc(3_000_000) })));
    const world = new World(objects);
    world.endsAt = 0;
    const result = await replay(ALL, LAKE, world);
    expect(world.calls).toEqual(['1']);
    expect(result).toMatchObject({ objects: 1, unfinished: 0, next: { ...ALL, after: quarantineKey('Lake', record(1)) } });
    world.endsAt = 900_000;
    expect(await replay(result.next!, { ...LAKE, run: 'run-2' }, world)).not.toHaveProperty('next');
    expect(world.calls).toEqual(['1', '2', '3']);
  });

  test('an object that is not there is skipped, and said', async () => {
    const world = new World([quarantined(record(1)), quarantined(record(2))]);
    const gone = quarantineKey('Lake', record(1));
    world.read = async (key) => key === gone ? undefined : world.objects.get(key);
    expect(await replay(ALL, LAKE, world)).toMatchObject({ objects: 1, skipped: 1, delivered: 1 });
    expect([...world.receipts.values()][0].skipped).toEqual({ [gone]: 'not there' });
  });

  describe('batches that expired within one second', () => {
    const ALL_EXPIRED: ReplayRequest = { destination: 'Lake', prefix: 'aws/lambda/mapping-1/' };
    const key = (second: string, id: string) => `aws/lambda/mapping-1/${SHARD}/2026/11/21/2026-11-21T12.00.${second}-${id}`;
    const batch = (...numbers: number[]) => expired(numbers.map((n) => record(n, { data: Buffer.alloc(1_500_000) }).source));

    test('come back in the order of their records, as far as their keys do not say', async () => {
      const world = new World([[key('00', 'f'), batch(1, 2)], [key('01', 'a'), batch(7, 8)], [key('01', 'b'), batch(3, 4)], [key('01', 'c'), batch(5, 6)], [key('02', 'a'), batch(9)]]);
      expect(await replay(ALL_EXPIRED, LAKE, world)).toMatchObject({ objects: 5, delivered: 9 });
      expect(world.calls.join(' ')).toBe('1 2 3 4 5 6 7 8 9');
    });

    test('are done together: whoever goes on leaves none of them out', async () => {
      const objects = [[key('00', 'a'), batch(5, 6)], [key('00', 'b'), batch(1, 2)], [key('00', 'c'), batch(3, 4)]] as const;
      const world = new World(objects);
      world.endsAt = 0;
      const { delivered, next } = await replay(ALL_EXPIRED, LAKE, world);
      expect([world.calls, delivered, next]).toEqual([['1 2 3'], 3, { ...ALL_EXPIRED, after: undefined }]);
      const rest = new World(objects);
      expect(await replay(next!, { ...LAKE, run: 'run-2' }, rest)).toMatchObject({ objects: 3, delivered: 6 });
    });
  });
});

describe('round trip', () => {
  const INNER = aggregate(['p0', 'ok', 'p2', 'p3'].map((data) => ({ partitionKey: data, data })));
  const EVENT = [record(1, { data: Buffer.from('ok') }), record(2, { data: INNER }), record(3, { data: Buffer.from([0x70, 0xff, 0]) })].map(({ source }) => source);

  /** A destination that refuses what begins with 'p', as long as it does. */
  function destination() {
    const bucket = new Map<string, string>();
    const arrived: string[] = [];
    const state = { refuses: true };
    const put = async (one: FanOutRecord, refusal: Refusal) => {
      const [key, text] = quarantined(one);
      bucket.set(key, JSON.stringify({ ...JSON.parse(text), ...refusal }));
    };
    const sender: Sender = {
      maxEntries: 10,
      maxCallBytes: 1e6,
      maxEntryBytes: 1e6,

      concurrency: 1,
      bodies: 'bytes',
      sizeOf: ({ body }) => body.length,
      send: async (entries) => ({
        kind: 'answered',
        outcomes: entries.map(({ id, body }: Entry) => {
          if (state.refuses && body[0] === 'p'.charCodeAt(0)) return { kind: 'refused', refusal: { reason: 'REFUSED', code: 'Bad' } };
          arrived.push(`${id} ${Buffer.from(body).toString('hex')}`);
          return { kind: 'delivered' };
        }),
      }),
    };
    const shell = new Shell({
      rules: { ordering: 'per-key', packing: PLAIN, sendAhead: 100 },
      prepare: (one) => ({ kind: 'item', item: { record: one, body: one.data } }),
      sender,
      quarantine: { put },
      clock: { now: () => 0, sleep: async () => {}, random: Math.random },
    });
    const deadline = { remainingMs: () => 60_000, signal: new AbortController().signal };
    const handle = async (event: ReplayEvent | { Records: EventRecord[] }) => {
      const { answer } = await shell.handle(JSON.parse(JSON.stringify(event)), deadline);
      return answer;
    };
    return { bucket, arrived, state, handle };
  }

  test('every refused record comes back bit for bit with its id, and no other', async () => {
    const { bucket, arrived, state, handle } = destination();
    expect(await handle({ Records: EVENT })).toEqual({ batchItemFailures: [] });
    const id = (n: number) => `${SHARD}:${sequence(n)}`;
    expect(arrived.splice(0)).toEqual([`${id(1)} 6f6b`, `${id(2)}:1 6f6b`]);
    expect(bucket.size).toBe(4);
    state.refuses = false;
    const world = new World(bucket, async (event) => (await handle(event)).replay!);
    expect(await replay(ALL, LAKE, world)).toMatchObject({ objects: 4, delivered: 4, quarantined: 0, unfinished: 0 });
    const poison = [`${id(2)}:0 7030`, `${id(2)}:2 7032`, `${id(2)}:3 7033`, `${id(3)} 70ff00`];
    expect(arrived.splice(0).sort()).toEqual(poison);
    // Sent twice: the same ids.
    await replay(ALL, { ...LAKE, run: 'run-2' }, world);
    expect(arrived.sort()).toEqual(poison);
  });

  test('what is still refused is quarantined again, and counts as that', async () => {
    const { bucket, handle } = destination();
    await handle({ Records: EVENT });
    const world = new World(bucket, async (event) => (await handle(event)).replay!);
    expect(await replay(ALL, LAKE, world)).toMatchObject({ objects: 4, delivered: 0, quarantined: 4, unfinished: 0 });
    expect([...world.receipts.values()][0].quarantined).toEqual({ [EVENT[1].eventID]: [0, 2, 3], [EVENT[2].eventID]: [] });
    expect(bucket.size).toBe(4);
  });
});
