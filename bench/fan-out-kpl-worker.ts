/**
 * One contestant: `fan-out-kpl-worker <contestant> <bytes>` prints nanoseconds of CPU per user record of that size,
 * `fan-out-kpl-worker <peer> edge` what it makes of each edge case, in JSON.
 */
import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { deaggregate } from '../src/kinesis-fan-out/handlers/kpl';
import { aggregate } from '../test/kinesis-fan-out/aggregate';
import { EDGE_CASES, type EdgeCase } from '../test/kinesis-fan-out/edge-cases';
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

interface PeerRecord {
  readonly partitionKey?: string;
  readonly explicitPartitionKey?: string;
  /** Base64. */
  readonly data: string;
}

interface Peer {
  deaggregateSync(record: object, checksums: boolean, done: (error: unknown, records?: readonly PeerRecord[]) => void): void;
}

const PEERS: Readonly<Record<string, string>> = { 'aws-kinesis-agg 4.2.8': 'aws-kinesis-agg', 'aws-kinesis-agg 2.2.2': 'aws-kinesis-agg-2' };

const CONTESTANTS: Readonly<Record<string, () => Contestant>> = {
  // As the handler does it: from the event's base64.
  'ours': () => ({ base64 }) => deaggregate(Buffer.from(base64, 'base64'))!.length,
  'ours, from bytes': () => ({ bytes }) => deaggregate(bytes)!.length,
  'MD5': () => {
    const count = deaggregate(inputs(size)[0].bytes)!.length;
    return ({ bytes }) => (hash('md5', bytes.subarray(4, -16)).length > 0 ? count : 0);
  },
};

const [, , contestant, bytes] = process.argv;
const size = Number(bytes);

function peer(name: string): Contestant {
  const loaded = load(name);
  return ({ base64 }) => {
    let count = 0;
    ask(loaded, base64, (error, records) => {
      if (error) throw new Error('the peer could not read an aggregate', { cause: error });
      count = records?.length ?? count;
    });
    return count;
  };
}

function load(name: string): Peer {
  return createRequire(join(process.cwd(), 'bench/peers-kinesis/package.json'))(PEERS[name]) as Peer;
}

function ask({ deaggregateSync }: Peer, base64: string, done: Parameters<Peer['deaggregateSync']>[2]): void {
  deaggregateSync({ kinesisSchemaVersion: '1.0', partitionKey: 'a', sequenceNumber: '1', data: base64 }, true, done);
}

/** In the words of the table of edge cases. */
function reading(name: string, { data }: EdgeCase): string {
  const answers: string[] = [];
  ask(load(name), data.toString('base64'), (error, records) => {
    answers.push(error ? 'error, nothing delivered' : records!.map(({ partitionKey, explicitPartitionKey, data: base64 }) =>
      [partitionKey, explicitPartitionKey ?? '-', Buffer.from(base64, 'base64')].join()).join(' ') || 'nothing');
  });
  return answers.join(' ');
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

if (bytes === 'edge') {
  console.log(JSON.stringify(EDGE_CASES.map((one) => reading(contestant, one))));
} else {
  const decode = (CONTESTANTS[contestant] ?? (() => peer(contestant)))();
  const all = inputs(size);
  run(decode, all, WARM_UP);
  console.log(run(decode, all, MEASURED));
}
