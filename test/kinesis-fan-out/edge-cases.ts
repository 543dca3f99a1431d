import { bytes, sealed, tag, uint, varint } from './aggregate';

/** What the KCL makes of an aggregate: it is a record like any other, or it has these. */
export type Reading = 'raw' | readonly string[];

export interface EdgeCase {
  readonly name: string;
  readonly data: Buffer;
  /** Records as `partition key, explicit hash key or -, data`. */
  readonly kcl: Reading;
}

const KEY = bytes(1, 'key');
const RECORD = record(0, 'data');
const GOOD = sealed(KEY, RECORD);

function record(partitionKeyIndex: number, data: string): Buffer {
  return bytes(3, Buffer.concat([uint(1, partitionKeyIndex), bytes(3, data)]));
}

/** Where decoders part: aws-kinesis-agg reads the first six in ways of its own. */
export const EDGE_CASES: readonly EdgeCase[] = [
  { name: 'wrong digest', data: Buffer.concat([GOOD.subarray(0, -1), Buffer.from([GOOD.at(-1)! ^ 1])]), kcl: 'raw' }, // eslint-disable-line no-bitwise
  { name: 'no bytes between magic and digest', data: sealed(), kcl: 'raw' },
  { name: 'message cut off', data: sealed(KEY, RECORD, tag(1, 2), varint(5), Buffer.from('c')), kcl: 'raw' },
  { name: 'required field missing', data: sealed(KEY, bytes(3, bytes(3, 'data'))), kcl: 'raw' },
  { name: 'explicit hash keys, none of them used', data: sealed(KEY, bytes(2, '7'), RECORD), kcl: ['key,-,data'] },
  { name: 'partition key index out of range', data: sealed(KEY, RECORD, record(5, 'lost'), RECORD), kcl: ['key,-,data'] },
  { name: 'no record', data: sealed(KEY), kcl: [] },
  { name: 'fields nobody knows', data: sealed(KEY, uint(9, 1), RECORD), kcl: ['key,-,data'] },
];
