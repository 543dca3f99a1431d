/* eslint-disable no-bitwise */
import { isAscii } from 'node:buffer';
import { hash } from 'node:crypto';

/**
 * Records that the Kinesis Producer Library (KPL) packed into one ("KPL Aggregated Record Format", amazon-kinesis-producer):
 * magic, a proto2 message, the message's MD5. What is an aggregate and what is not is decided as the Kinesis Client Library
 * (KCL) does it. Data is never copied: it stays a view of the aggregate.
 */

const MAGIC = 0xF3_89_9A_C2;
const MAGIC_BYTES = 4;
const DIGEST_BYTES = 16;

/** One of the records in an aggregate. */
export interface UserRecord {
  readonly partitionKey: string;
  readonly explicitHashKey?: string;
  readonly data: Buffer;
}

/** Hash keys of a shard, both ends included. */
export interface HashRange {
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * All records of an aggregate. An event of Lambda does not say which hash keys its shard has, so records that the KPL sent
 * again after a reshard are among them.
 *
 * @returns undefined if it is no aggregate but a record like any other; 'corrupt' if one of its records has a key that is
 * not in its tables
 */
export function deaggregate(data: Buffer): readonly UserRecord[] | 'corrupt' | undefined {
  const aggregate = parse(data);
  if (aggregate === undefined) return undefined;
  const { partitionKeys, explicitHashKeys } = aggregate;
  const records: UserRecord[] = [];
  for (const { partitionKeyIndex, explicitHashKeyIndex, start, end } of aggregate.records) {
    const partitionKey = partitionKeys.at(partitionKeyIndex);
    const known = explicitHashKeyIndex === undefined || explicitHashKeys.has(explicitHashKeyIndex);
    if (partitionKey === undefined || !known) return 'corrupt';
    records.push({ partitionKey, data: data.subarray(start, end) });
  }
  return records;
}

/**
 * What the KCL hands to the owner of a shard (`AggregatorUtil.deaggregate`): nothing of an aggregate that has a record of
 * another shard, and nothing behind a key that is not in the tables or is no number.
 *
 * @returns undefined if it is no aggregate but a record like any other
 */
export function deaggregateInRange(data: Buffer, range: HashRange): readonly UserRecord[] | undefined {
  const aggregate = parse(data);
  if (aggregate === undefined) return undefined;
  const { partitionKeys, explicitHashKeys } = aggregate;
  const records: UserRecord[] = [];
  for (const { partitionKeyIndex, explicitHashKeyIndex, start, end } of aggregate.records) {
    const partitionKey = partitionKeys.at(partitionKeyIndex);
    const explicitHashKey = explicitHashKeyIndex === undefined ? undefined : explicitHashKeys.at(explicitHashKeyIndex);
    if (partitionKey === undefined || (explicitHashKey === undefined && explicitHashKeyIndex !== undefined)) return records;
    const hashKey = explicitHashKey === undefined ? BigInt(`0x${hash('md5', partitionKey)}`) : bigInteger(explicitHashKey);
    if (hashKey === undefined) return records;
    if (hashKey < range.start || hashKey > range.end) return [];
    records.push({ partitionKey, explicitHashKey, data: data.subarray(start, end) });
  }
  return records;
}

interface Aggregate {
  readonly partitionKeys: Table;
  readonly explicitHashKeys: Table;
  readonly records: readonly RecordFields[];
}

/** `Record` of the format; where its data is in the aggregate. */
interface RecordFields {
  readonly partitionKeyIndex: number;
  readonly explicitHashKeyIndex?: number;
  readonly start: number;
  readonly end: number;
}

function parse(data: Buffer): Aggregate | undefined {
  const end = data.length - DIGEST_BYTES;
  if (end <= MAGIC_BYTES || data.readUInt32BE(0) !== MAGIC) return undefined;
  if (hash('md5', data.subarray(MAGIC_BYTES, end)) !== data.toString('hex', end)) return undefined;
  try {
    return readAggregate(new WireReader(data, MAGIC_BYTES, end));
  } catch {
    // Malformed: the reader throws for nothing else.
    return undefined;
  }
}

/** Tags of the format's fields: number and wire type. */
const LENGTH_DELIMITED = 2;
const AGGREGATE = {
  PARTITION_KEY: 1 << 3 | LENGTH_DELIMITED,
  EXPLICIT_HASH_KEY: 2 << 3 | LENGTH_DELIMITED,
  RECORD: 3 << 3 | LENGTH_DELIMITED,
} as const;
const RECORD = {
  PARTITION_KEY_INDEX: 1 << 3,
  EXPLICIT_HASH_KEY_INDEX: 2 << 3,
  DATA: 3 << 3 | LENGTH_DELIMITED,
  TAG: 4 << 3 | LENGTH_DELIMITED,
} as const;
const TAG = { KEY: 1 << 3 | LENGTH_DELIMITED } as const;

function readAggregate(reader: WireReader): Aggregate {
  const partitionKeys = new Table(reader.bytes);
  const explicitHashKeys = new Table(reader.bytes);
  const records: RecordFields[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case AGGREGATE.PARTITION_KEY:
        partitionKeys.add(reader.skipBytes(), reader.at);
        break;
      case AGGREGATE.EXPLICIT_HASH_KEY:
        explicitHashKeys.add(reader.skipBytes(), reader.at);
        break;
      case AGGREGATE.RECORD: {
        const outer = reader.enter();
        records.push(readRecord(reader));
        reader.leave(outer);
        break;
      }
      default:
        reader.skip(tag, 0);
    }
  }
  return { partitionKeys, explicitHashKeys, records };
}

/** Of a field that is there more than once the last one counts. */
function readRecord(reader: WireReader): RecordFields {
  let partitionKeyIndex: number | undefined;
  let explicitHashKeyIndex: number | undefined;
  let start: number | undefined;
  let end = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case RECORD.PARTITION_KEY_INDEX:
        partitionKeyIndex = reader.varint();
        break;
      case RECORD.EXPLICIT_HASH_KEY_INDEX:
        explicitHashKeyIndex = reader.varint();
        break;
      case RECORD.DATA:
        start = reader.skipBytes();
        end = reader.at;
        break;
      case RECORD.TAG: {
        const outer = reader.enter();
        readTag(reader);
        reader.leave(outer);
        break;
      }
      default:
        reader.skip(tag, 1);
    }
  }
  if (partitionKeyIndex === undefined || start === undefined) throw malformed();
  return { partitionKeyIndex, explicitHashKeyIndex, start, end };
}

/** Nothing of it is of use, but one without a key makes the message invalid. */
function readTag(reader: WireReader): void {
  let hasKey = false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    hasKey ||= tag === TAG.KEY;
    reader.skip(tag, 2);
  }
  if (!hasKey) throw malformed();
}

/** Strings of which each is decoded when first asked for. */
class Table {
  /** Where they begin and end, in turn. */
  private readonly bounds: number[] = [];
  private readonly strings: (string | undefined)[] = [];
  /** The bytes of all of them as one string if that is ASCII: cutting it is faster than decoding them one by one. */
  private ascii?: string | false;

  public constructor(private readonly bytes: Buffer) {}

  public add(start: number, end: number): void {
    this.bounds.push(start, end);
    this.strings.push(undefined);
  }

  public has(index: number): boolean {
    return index >= 0 && index < this.strings.length;
  }

  public at(index: number): string | undefined {
    if (!this.has(index)) return undefined;
    return this.strings[index] ??= this.decode(this.bounds[2 * index], this.bounds[2 * index + 1]);
  }

  private decode(start: number, end: number): string {
    const [first] = this.bounds;
    if (this.ascii === undefined) {
      const all = this.bytes.subarray(first, this.bounds.at(-1));
      this.ascii = isAscii(all) && all.toString('latin1');
    }
    return this.ascii === false ? text(this.bytes, start, end) : this.ascii.slice(start - first, end - first);
  }
}

/** Reads the wire format of protocol buffers; accepts what protobuf-java accepts. */
class WireReader {
  /** Messages and groups that protobuf-java reads inside each other. */
  private static readonly MAX_DEPTH = 100;
  private static readonly MAX_VARINT_BYTES = 10;

  public constructor(public readonly bytes: Buffer, public at: number, private end: number) {}

  /** 0 at the end of the message. */
  public tag(): number {
    if (this.at === this.end) return 0;
    const tag = this.varint() >>> 0;
    if (tag < 1 << 3) throw malformed();
    return tag;
  }

  /** The low 32 bits as a signed number: what an `(int)` makes of it. */
  public varint(): number {
    let value = 0;
    for (let i = 0; i < WireReader.MAX_VARINT_BYTES; i++) {
      if (this.at === this.end) throw malformed();
      const byte = this.bytes[this.at++];
      if (i < 5) value |= (byte & 0x7F) << 7 * i;
      if (byte < 0x80) return value;
    }
    throw malformed();
  }

  /** @returns where the bytes began; they end where the reader is now */
  public skipBytes(): number {
    const length = this.varint();
    if (length < 0) throw malformed();
    return this.advance(length);
  }

  /** @returns for `leave` */
  public enter(): number {
    const outer = this.end;
    const start = this.skipBytes();
    this.end = this.at;
    this.at = start;
    return outer;
  }

  public leave(outer: number): void {
    this.end = outer;
  }

  /** A field nobody asked for, `depth` messages and groups deep. */
  public skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case 0: this.varint(); break;
      case 1: this.advance(8); break;
      case 2: this.skipBytes(); break;
      case 3: this.skipGroup(tag + 1, depth); break;
      case 5: this.advance(4); break;
      // An end without a beginning, or no wire type.
      default: throw malformed();
    }
  }

  private skipGroup(endTag: number, depth: number): void {
    if (depth === WireReader.MAX_DEPTH) throw malformed();
    for (let tag = this.tag(); tag !== endTag; tag = this.tag()) {
      if (tag === 0) throw malformed();
      this.skip(tag, depth + 1);
    }
  }

  private advance(length: number): number {
    const start = this.at;
    if (length > this.end - start) throw malformed();
    this.at += length;
    return start;
  }
}

function malformed(): Error {
  return new Error('the message is malformed');
}

/** Java replaces an encoded surrogate as one malformed sequence, Node each of its bytes. */
function text(bytes: Buffer, start: number, end: number): string {
  const string = bytes.toString('utf8', start, end);
  if (!string.includes('\uFFFD')) return string;
  return Buffer.from(bytes.toString('latin1', start, end).replace(/\xED[\xA0-\xBF][\x80-\xBF]?/g, '\xFF'), 'latin1').toString('utf8');
}

/** As Java's `BigInteger` reads it: decimal digits of any script, within the Basic Multilingual Plane. */
function bigInteger(string: string): bigint | undefined {
  const [, sign, digits] = /^([+-]?)((?:(?![\u{10000}-\u{10FFFF}])\p{Nd})+)$/u.exec(string) ?? [];
  if (digits === undefined) return undefined;
  const value = BigInt(digits.replace(/[^0-9]/g, digitOf));
  return sign === '-' ? -value : value;
}

/** Digits of a script follow each other, and nothing that is a digit stands before its zero. */
function digitOf(character: string): string {
  const code = character.charCodeAt(0);
  let value = 0;
  while (/\p{Nd}/u.test(String.fromCharCode(code - value - 1))) value++;
  return String(value);
}
