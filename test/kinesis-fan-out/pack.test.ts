import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { record } from './delivery-at-work';
import type { Packing } from '../../src/kinesis-fan-out/contract';
import { entryId, Packer, type PackTarget } from '../../src/kinesis-fan-out/handlers/pack';
import type { Entry, Item } from '../../src/kinesis-fan-out/handlers/ports';
import { Prng, seedFromEnv } from '../kit/faults';

const ANYTHING: PackTarget = { maxEntryBytes: 1e9, bodies: 'bytes', sizeOf: ({ body }) => body.length };
const XML: PackTarget = { ...ANYTHING, bodies: 'xml' };

function item(body: string | Uint8Array, n = 1): Item {
  return { record: { ...record(`k${n}`, Date.UTC(2026, 0, 1)), data: Buffer.from(body) }, body: Buffer.from(body) };
}

function packing(kind: Packing['kind'], more: Partial<Packing> = {}): Packing {
  return { kind, maxBytes: 1e6, envelope: false, ...more };
}

/** All entries that are made of the items, and the items nobody can pack. */
function packAll(items: readonly Item[], how: Packing, target: PackTarget = ANYTHING): { entries: Entry[]; refused: Item[] } {
  const packer = new Packer(how, target);
  const entries: Entry[] = [];
  const refused: Item[] = [];
  for (let at = 0; at < items.length;) {
    const packed = packer.pack(items, at, items.length);
    if (packed.kind === 'entry') entries.push(packed.entry);
    else refused.push(items[at]);
    at += packed.kind === 'entry' ? packed.entry.items.length : 1;
  }
  return { entries, refused };
}

function textOf(bodies: readonly (string | Uint8Array)[], how: Packing, target?: PackTarget): string[] {
  return packAll(bodies.map((body, n) => item(body, n + 1)), how, target).entries.map(({ body }) => Buffer.from(body).toString());
}

describe('bodies', () => {
  test('an array', () => {
    expect(textOf(['{"a":1}', '2', ' [3] '], packing('json-array'))).toEqual(['[{"a":1},2, [3] ]']);
  });

  test('lines, each with its end', () => {
    expect(textOf(['{"a":1}', '2'], packing('ndjson'))).toEqual(['{"a":1}\n2\n']);
  });

  test('a record with line breaks is one line, and the same JSON', () => {
    expect(textOf(['{\r\n"a": "\\n"\n}'], packing('ndjson'))).toEqual(['{  "a": "\\n" }\n']);
  });

  test('compressed lines', () => {
    const { entries: [{ body }] } = packAll([item('1'), item('2')], packing('ndjson-gzip'));
    expect(gunzipSync(body).toString()).toBe('1\n2\n');
  });

  test('compressed lines for a destination of text are base64', () => {
    const [body] = textOf(['1', '2'], packing('ndjson-gzip'), XML);
    expect(gunzipSync(Buffer.from(body, 'base64')).toString()).toBe('1\n2\n');
  });

  test('numbers keep their digits', () => {
    expect(textOf(['12345678901234567890', '1.10'], packing('json-array'))).toEqual(['[12345678901234567890,1.10]']);
  });

  test('unpacked, a record stays what it is', () => {
    const bytes = Buffer.from([0, 255, 10]);
    expect(packAll([item(bytes)], packing('none')).entries[0].body).toEqual(bytes);
  });

  test.each([
    ['bytes that are no UTF-8', Buffer.from([255, 0])],
    ['a character XML has not', '\u0001'],
    ['a noncharacter', '"\uffff"'],
    ['nothing', ''],
  ])('unpacked %s for a destination of text are base64 in an envelope', (_what, body) => {
    const [text] = textOf([body], packing('none'), XML);
    expect(JSON.parse(text)).toEqual({
      id: 'shardId-000000000000:1001', partitionKey: 'k', arrivedAt: '2026-01-01T00:00:00.000Z', base64: Buffer.from(body).toString('base64'),
    });
  });

  test('in JSON, a noncharacter is escaped for SQS and SNS', () => {
    const [text] = textOf(['"\ufffe"'], packing('json-array'), XML);
    expect(text).toBe('["\\ufffe"]');
  });

  test.each<[string, string | Uint8Array, object]>([
    ['JSON as it is', '{"a":1.0}', { data: { a: 1 } }],
    ['text', 'héllo\n', { data: 'héllo\n' }],
    ['other bytes as base64', Buffer.from([255]), { base64: '/w==' }],
  ])('an envelope holds %s', (_what, body, content) => {
    const [text] = textOf([body], packing('none', { envelope: true }));
    expect(JSON.parse(text)).toEqual({ id: 'shardId-000000000000:1001', partitionKey: 'k', arrivedAt: '2026-01-01T00:00:00.000Z', ...content });
  });
});

describe('what cannot be packed', () => {
  test.each([['json-array', 'text', 'not JSON'], ['ndjson', '{"a":', 'not JSON'], ['ndjson-gzip', '', 'not JSON'], ['ndjson', Buffer.from([255]), 'not UTF-8']] as const)(
    'into %s: %p', (kind, body, code) => {
      expect(new Packer(packing(kind), ANYTHING).pack([item(body)], 0, 1)).toEqual({ kind: 'refused', refusal: { reason: 'UNPARSABLE', code } });
    });

  test('ends the pack before it', () => {
    const { entries, refused } = packAll([item('1'), item('no', 2), item('3', 3)], packing('json-array'));
    expect(entries.map(({ body }) => Buffer.from(body).toString())).toEqual(['[1]', '[3]']);
    expect(refused).toHaveLength(1);
  });

  test('larger than an entry', () => {
    expect(new Packer(packing('json-array', { maxBytes: 10 }), ANYTHING).pack([item('"123456789"')], 0, 1))
      .toEqual({ kind: 'refused', refusal: { reason: 'TOO_LARGE', code: '13 bytes, 10 are allowed' } });
  });

  test('larger than the destination takes, with what else it counts', () => {
    const target: PackTarget = { maxEntryBytes: 12, bodies: 'bytes', sizeOf: ({ body, items }) => body.length + items[0].record.partitionKey.length };
    expect(packAll([item('"123456789"')], packing('none'), target).refused).toEqual([]);
    expect(packAll([item('"1234567890"')], packing('none'), target).refused).toHaveLength(1);
  });
});

describe('ids', () => {
  test('one record gives its own', () => {
    expect(entryId([item('1')])).toBe('shardId-000000000000:1001');
  });

  test('packs of other records have other ids, though they begin alike', () => {
    const items = [1, 2, 3].map((n) => item('1', n));
    expect(new Set([1, 2, 3].map((count) => entryId(items.slice(0, count)))).size).toBe(3);
    expect(entryId([items[0], items[2]])).not.toBe(entryId([items[0], items[1]]));
  });

  test('a pack of the longest ids fits a deduplication id', () => {
    const long = { ...item('1'), record: { ...record('k1'), id: `shardId-000000000000:${'9'.repeat(56)}:99999` } };
    expect(entryId([long, long]).length).toBeLessThanOrEqual(128);
  });
});

const json = fc.json({ maxDepth: 2 });
const targets = fc.constantFrom<PackTarget['bodies']>('bytes', 'utf8', 'xml');
const kinds = fc.constantFrom<Packing['kind']>('none', 'json-array', 'ndjson', 'ndjson-gzip');

test('every item is in one entry, in order, within budget, and read back as it was', () => {
  fc.assert(fc.property(fc.array(json, { maxLength: 40 }), kinds, fc.boolean(), fc.integer({ min: 60, max: 600 }), targets, (
    bodies, kind, envelope, maxBytes, target) => {
    const items = bodies.map((body, n) => item(body, n));
    const how = packing(kind, { envelope, maxBytes });
    const destination: PackTarget = { ...ANYTHING, bodies: target };
    const { entries, refused } = packAll(items, how, destination);
    for (const { body } of entries) expect(body.length).toBeLessThanOrEqual(maxBytes);
    const left = items.filter((one) => !refused.includes(one));
    expect(entries.flatMap((entry) => entry.items)).toEqual(left);
    const values = entries.flatMap(({ body }) => valuesIn(body, kind, target !== 'bytes')).map((value) => envelope ? (value as { data: unknown }).data : value);
    expect(values).toEqual(left.map(({ body }) => JSON.parse(Buffer.from(body).toString())));
    // Alone, each of the refused is really too large.
    for (const one of refused) expect(new Packer(how, destination).pack([one], 0, 1).kind).toBe('refused');
  }), { numRuns: 300, seed: seedFromEnv(20261121) });
});

test('equal items give equal bytes', () => {
  const items = Array.from({ length: 50 }, (_, n) => item(`{"n":${n}}`, n));
  for (const kind of ['json-array', 'ndjson', 'ndjson-gzip'] as const) {
    const [a, b] = [1, 2].map(() => packAll(items, packing(kind, { maxBytes: 100 })).entries);
    expect(a).toEqual(b);
  }
});

function valuesIn(body: Uint8Array, kind: Packing['kind'], text: boolean): unknown[] {
  const raw = Buffer.from(body);
  const lines = (content: Buffer) => content.toString().trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);
  switch (kind) {
    case 'none': return [JSON.parse(raw.toString())];
    case 'json-array': return JSON.parse(raw.toString()) as unknown[];
    case 'ndjson': return lines(raw);
    case 'ndjson-gzip': return lines(gunzipSync(text ? Buffer.from(raw.toString(), 'base64') : raw));
  }
}

/** Bar M8: a seeded load, in the batches an event source mapping makes of it. */
test.each([['ndjson', 1024 * 1024], ['json-array', 256 * 1024], ['ndjson', 64 * 1024]] as const)(
  'SQS bills at most 1.1 times the bytes of a load (%s of %i bytes)', (kind, maxBytes) => {
    const UNIT = 64 * 1024;
    const prng = new Prng(8);
    const attributes = 100;
    const target: PackTarget = { maxEntryBytes: 1024 * 1024, bodies: 'xml', sizeOf: ({ body }) => body.length + attributes };
    let bytes = 0;
    let units = 0;
    for (let batch = 0; batch < 3; batch++) {
      const items = Array.from({ length: 7000 }, (_, n) => item(`{"order":${n},"text":"${'x'.repeat(prng.int(100, 900))}"}`, n));
      bytes += items.reduce((sum, { body }) => sum + body.length, 0);
      let call = { entries: 0, bytes: 0 };
      for (const entry of packAll(items, packing(kind, { maxBytes: maxBytes - attributes }), target).entries) {
        const size = target.sizeOf(entry);
        if (call.entries === 10 || call.bytes + size > 1024 * 1024) {
          units += Math.ceil(call.bytes / UNIT);
          call = { entries: 0, bytes: 0 };
        }
        call = { entries: call.entries + 1, bytes: call.bytes + size };
      }
      units += Math.ceil(call.bytes / UNIT);
    }
    expect(units / Math.ceil(bytes / UNIT)).toBeLessThanOrEqual(1.1);
  });

test('compressed packs are nearly as full as allowed', () => {
  const prng = new Prng(9);
  const items = Array.from({ length: 4000 }, (_, n) => item(`{"n":${n},"text":"${prng.next()}${prng.next()}"}`, n));
  const { entries } = packAll(items, packing('ndjson-gzip', { maxBytes: 10_000 }));
  const full = entries.slice(0, -1).map(({ body }) => body.length / 10_000);
  expect(Math.min(...full)).toBeGreaterThan(0.8);
});
