/* eslint-disable no-bitwise */
import { createHash } from 'node:crypto';
import type { HashRange } from '../../../src/kinesis-fan-out/handlers/kpl';
import type { Prng } from '../../kit/faults';
import { aggregate, bytes, group, sealed, tag, uint, varint } from '../aggregate';

export interface Case {
  readonly range: HashRange;
  readonly data: Buffer;
}

const LAST = 2n ** 128n - 1n;
const KEYS = ['a', 'b', 'order-4711', '', 'clé', '鍵', '🔑', 'k'.repeat(200)];
const HASH_KEYS = [
  '0', '1', String(LAST), String(LAST + 1n), '-1', '+7', '007', '٣', '９', '𝟓', '', ' 1', '1 ', '0x1', '1_0', '--1', '1e3', '99999999999999999999', 'x',
];
/** Not, or barely, UTF-8. */
const BYTES = ['ff', 'c3', 'c328', 'eda080', 'eda0', 'ed9fbf', 'edbfbf41', 'f0908d88', 'f09080', 'f4908080', 'f5808080', 'e08080', 'c080', 'efbbbf', '00', 'efbfbd'];

const LENGTHS = [5n, 100n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n];

/** Aggregates as the KPL makes them, and everything that is nearly one. */
export function randomCase(prng: Prng): Case {
  const data = randomData(prng);
  return { data, range: randomRange(prng) };
}

function randomData(prng: Prng): Buffer {
  const kind = prng.next();
  if (kind < 0.15) return aggregate(Array.from({ length: prng.int(0, 12) }, () => wellFormed(prng)));
  if (kind < 0.6) return sealed(message(prng));
  if (kind < 0.75) return sealed(mutated(prng, message(prng)));
  if (kind < 0.85) return sealed(mutated(prng, aggregate([wellFormed(prng), wellFormed(prng)]).subarray(4, -16)));
  if (kind < 0.92) return mutated(prng, sealed(message(prng)));
  if (kind < 0.96) return sealed(noise(prng, 40));
  return noise(prng, 60);
}

function wellFormed(prng: Prng): { partitionKey: string; explicitHashKey?: string; data: Buffer } {
  return {
    partitionKey: prng.pick(KEYS),
    explicitHashKey: prng.chance(0.3) ? prng.pick(HASH_KEYS) : undefined,
    data: noise(prng, 30),
  };
}

/** Fields in any order, often enough those that make sense. */
function message(prng: Prng): Buffer {
  const fields = Array.from({ length: prng.int(0, 3) }, () => bytes(1, text(prng)));
  fields.push(...Array.from({ length: prng.int(0, 2) }, () => bytes(2, prng.chance(0.8) ? prng.pick(HASH_KEYS) : text(prng))));
  fields.push(...Array.from({ length: prng.int(0, 4) }, () => bytes(3, record(prng))));
  if (prng.chance(0.2)) fields.push(anyField(prng, 0));
  return Buffer.concat(prng.chance(0.3) ? prng.shuffle(fields) : fields);
}

function record(prng: Prng): Buffer {
  const fields = [uint(1, index(prng)), bytes(3, noise(prng, 12))];
  if (prng.chance(0.3)) fields.push(uint(2, index(prng)));
  if (prng.chance(0.1)) fields.push(bytes(4, kplTag(prng)));
  if (prng.chance(0.1)) fields.push(anyField(prng, 1));
  if (prng.chance(0.05)) fields.push(prng.pick(fields));
  if (prng.chance(0.05)) fields.splice(prng.int(0, fields.length - 1), 1);
  return Buffer.concat(prng.chance(0.2) ? prng.shuffle(fields) : fields);
}

function kplTag(prng: Prng): Buffer {
  const fields = [bytes(1, text(prng)), bytes(2, text(prng)), anyField(prng, 2)];
  return Buffer.concat(fields.filter((_, i) => prng.chance([0.8, 0.5, 0.2][i])));
}

function index(prng: Prng): bigint {
  if (prng.chance(0.85)) return BigInt(prng.int(0, 1));
  return prng.pick([2n, 3n, 255n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 32n + 1n, 2n ** 63n, 2n ** 64n - 1n]);
}

function text(prng: Prng): Buffer {
  return prng.chance(0.8) ? Buffer.from(prng.pick(KEYS)) : Buffer.concat(Array.from({ length: prng.int(1, 3) }, () => Buffer.from(prng.pick(BYTES), 'hex')));
}

/** A field of any number and wire type, or what looks like one. */
function anyField(prng: Prng, depth: number): Buffer {
  const number = prng.pick([1, 2, 3, 4, 5, 15, 16, 2047, 2 ** 29 - 1, 0, 2 ** 29]);
  switch (prng.int(0, 9)) {
    case 0: return uint(number, prng.pick([0n, 1n, 300n, 2n ** 63n, 2n ** 64n - 1n]));
    case 1: return Buffer.concat([tag(number, 1), noise(prng, 8)]);
    case 2: return bytes(number, noise(prng, 6));
    case 3: return depth > 4 ? group(number) : group(number, ...Array.from({ length: prng.int(0, 2) }, () => anyField(prng, depth + 1)));
    case 4: return Buffer.concat([tag(number, 5), noise(prng, 4)]);
    case 5: return tag(number, prng.pick([3, 4, 6, 7]));
    case 6: return Buffer.concat([tag(number, 2), varint(prng.pick(LENGTHS)), noise(prng, 5)]);
    case 7: return Buffer.concat([tag(number, 0), Buffer.alloc(prng.int(8, 11), 0x80), Buffer.from([prng.int(0, 2)])]);
    // Longer than it need be.
    case 8: return Buffer.concat([Buffer.from([number << 3 & 0x7F | 0x80, 0x80, 0x80, 0x00]), varint(1)]);
    default: return deep(number, prng.pick([96, 97, 98, 99, 100, 101]));
  }
}

function deep(number: number, depth: number): Buffer {
  return Buffer.concat([...Array<Buffer>(depth).fill(tag(number, 3)), ...Array<Buffer>(depth).fill(tag(number, 4))]);
}

function mutated(prng: Prng, data: Buffer): Buffer {
  const copy = Buffer.from(data);
  switch (prng.int(0, 4)) {
    case 0: return copy.subarray(0, prng.int(0, copy.length));
    case 1: return Buffer.concat([copy, noise(prng, 4)]);
    case 2: {
      const at = prng.int(0, copy.length);
      return Buffer.concat([copy.subarray(0, at), noise(prng, 3), copy.subarray(at)]);
    }
    default:
      for (let i = prng.int(1, 3); i > 0 && copy.length > 0; i--) copy[prng.int(0, copy.length - 1)] = prng.int(0, 255);
      return copy;
  }
}

function noise(prng: Prng, atMost: number): Buffer {
  return Buffer.from(Array.from({ length: prng.int(0, atMost) }, () => prng.int(0, 255)));
}

/** The whole ring, a part of it, or a part that ends just where a key is. */
function randomRange(prng: Prng): HashRange {
  if (prng.chance(0.5)) return { start: 0n, end: LAST };
  const [start, end] = [edge(prng), edge(prng)].sort((a, b) => (a < b ? -1 : 1));
  return { start, end };
}

function edge(prng: Prng): bigint {
  switch (prng.int(0, 3)) {
    case 0: return prng.pick([0n, LAST, LAST / 2n, LAST / 3n]);
    case 1: return BigInt(prng.pick(['0', '1', '3', '7', '9']));
    default: return BigInt(`0x${createHash('md5').update(prng.pick(KEYS)).digest('hex')}`) + BigInt(prng.int(-1, 1));
  }
}
