/* eslint-disable no-bitwise */
import { createHash } from 'node:crypto';

/** Writes KPL aggregates, well-formed or not, from the parts of their wire format. */

export interface AggregateRecord {
  readonly partitionKey: string;
  readonly explicitHashKey?: string;
  readonly data: Uint8Array | string;
}

/** As the KPL packs it: each key once in its table. */
export function aggregate(records: readonly AggregateRecord[]): Buffer {
  const partitionKeys = [...new Set(records.map(({ partitionKey }) => partitionKey))];
  const explicitHashKeys = [...new Set(records.flatMap(({ explicitHashKey }) => explicitHashKey ?? []))];
  return sealed(
    ...partitionKeys.map((key) => bytes(1, key)),
    ...explicitHashKeys.map((key) => bytes(2, key)),
    ...records.map(({ partitionKey, explicitHashKey, data }) => bytes(3, Buffer.concat([
      uint(1, partitionKeys.indexOf(partitionKey)),
      ...explicitHashKey === undefined ? [] : [uint(2, explicitHashKeys.indexOf(explicitHashKey))],
      bytes(3, data),
    ]))),
  );
}

/** Magic, message, MD5 of the message. */
export function sealed(...message: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(message);
  return Buffer.concat([MAGIC, body, createHash('md5').update(body).digest()]);
}
export const MAGIC = Buffer.from('F3899AC2', 'hex');

export function varint(value: bigint | number): Buffer {
  const out: number[] = [];
  let rest = BigInt(value);
  for (; rest > 0x7Fn; rest >>= 7n) out.push(Number(rest & 0x7Fn) | 0x80);
  return Buffer.from([...out, Number(rest)]);
}

/** Field numbers and wire types as they come: also those that do not exist. */
export function tag(field: number, wireType: number): Buffer {
  return varint(BigInt(field) << 3n | BigInt(wireType));
}

export function uint(field: number, value: bigint | number): Buffer {
  return Buffer.concat([tag(field, 0), varint(value)]);
}

export function bytes(field: number, value: Uint8Array | string): Buffer {
  const content = Buffer.from(value);
  return Buffer.concat([tag(field, 2), varint(content.length), content]);
}

export function group(field: number, ...content: readonly Uint8Array[]): Buffer {
  return Buffer.concat([tag(field, 3), ...content, tag(field, 4)]);
}
