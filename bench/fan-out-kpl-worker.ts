/** One contestant on one size of records: `fan-out-kpl-worker <contestant> <bytes>` prints nanoseconds of CPU per user record. */
import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { deaggregate } from '../src/kinesis-fan-out/handlers/kpl';
import { aggregate } from '../test/kinesis-fan-out/aggregate';
import { Prng } from '../test/kit/faults';

/** Bytes the KPL puts into an aggregate unless told otherwise (`AggregationMaxSize`). */
const AGGREGATE_BYTES = 51_200;
const AGGREGATES = 40;
const KEYS = 300;
/** Milliseconds. */
const WARM_UP = 300;
const MEASURED = 600;

interface Input {
  readonly bytes: Buffer;
  readonly base64: string;
}

/** Returns how many user records it saw. */
type Contestant = (input: Input) => number;

type Peer = {
  deaggregateSync(record: object, checksums: boolean, done: (error: unknown, records: readonly unknown[]) => void): void;
};

const CONTESTANTS: Readonly<Record<string, () => Contestant>> = {
  // As the handler does it: from the event's base64.
  'ours': () => ({ base64 }) => deaggregate(Buffer.from(base64, 'base64'))!.length,
  'ours, from bytes': () => ({ bytes }) => deaggregate(bytes)!.length,
  'MD5': () => {
    const count = deaggregate(inputs(size)[0].bytes)!.length;
    return ({ bytes }) => (hash('md5', bytes.subarray(4, -16)).length > 0 ? count : 0);
  },
  'aws-kinesis-agg 4.2.8': () => peer('aws-kinesis-agg'),
  'aws-kinesis-agg 2.2.2': () => peer('aws-kinesis-agg-2'),
};

const [, , contestant, bytes] = process.argv;
const size = Number(bytes);

function peer(name: string): Contestant {
  const { deaggregateSync } = createRequire(join(process.cwd(), 'bench/peers-kinesis/package.json'))(name) as Peer;
  return ({ base64 }) => {
    let count = 0;
    deaggregateSync({ kinesisSchemaVersion: '1.0', partitionKey: 'a', sequenceNumber: '1', data: base64 }, true, (error, records) => {
      if (error) throw new Error('the peer could not read an aggregate', { cause: error });
      count = records?.length ?? count;
    });
    return count;
  };
}

function inputs(recordBytes: number): readonly Input[] {
  const prng = new Prng(20261121);
  return Array.from({ length: AGGREGATES }, () => {
    const packed = aggregate(Array.from({ length: Math.floor(AGGREGATE_BYTES / (recordBytes + 8)) }, () => ({
      partitionKey: `customer-${prng.int(1, KEYS)}`,
      data: Buffer.from(Array.from({ length: recordBytes }, () => prng.int(0x20, 0x7E))),
    })));
    return { bytes: packed, base64: packed.toString('base64') };
  });
}

function run(decode: Contestant, all: readonly Input[], forMs: number): number {
  const start = process.cpuUsage();
  const until = performance.now() + forMs;
  let records = 0;
  do {
    for (const input of all) records += decode(input);
  } while (performance.now() < until);
  const { user, system } = process.cpuUsage(start);
  return (user + system) * 1000 / records;
}

const decode = CONTESTANTS[contestant]();
const all = inputs(size);
run(decode, all, WARM_UP);
console.log(run(decode, all, MEASURED));
