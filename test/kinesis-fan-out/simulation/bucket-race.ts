import { recordsIn } from './destination';
import { deliverRecords } from '../../../src/kinesis-fan-out/handlers/delivery';
import { Packer } from '../../../src/kinesis-fan-out/handlers/pack';
import type { Entry, FanOutRecord, Sender } from '../../../src/kinesis-fan-out/handlers/ports';
import { createMemory } from '../../../src/kinesis-fan-out/handlers/recent-records';
import { createPack, type ObjectStore, type PackMark } from '../../../src/kinesis-fan-out/handlers/s3-objects';
import { FolderWriter } from '../../../src/kinesis-fan-out/handlers/s3-partitions';
import { Prng } from '../../kit/faults';

/**
 * A bucket in which writes that were given up may still take effect, much later, and a mapping that cuts every batch anew:
 * the next attempt is longer or shorter than the one that is still on its way.
 */
const RECORDS = 60;

export interface Rates { readonly error: number; readonly ambiguous: number; readonly late: number; readonly crash: number; readonly fresh: number }

const RULES = { ordering: 'per-shard', packing: { kind: 'ndjson', maxBytes: 400, envelope: false }, sendAhead: 10 } as const;

class Bucket {
  private readonly objects = new Map<string, { readonly mark: PackMark; readonly body: Uint8Array }>();
  private onTheirWay: { readonly after: number; readonly put: () => void }[] = [];
  private requests = 0;

  public readonly store: ObjectStore = {
    create: async (key, body, mark) => this.request(() => {
      if (this.objects.has(key) && !this.overwrites) return 'exists';
      this.objects.set(key, { mark, body });
      return 'created';
    }, true),
    markOf: async (key) => this.request(() => this.objects.get(key)?.mark, false),
  };

  constructor(private readonly prng: Prng, private readonly rates: Rates, private readonly overwrites: boolean) {}

  /** How often each record is there, once nothing is on its way. */
  public settle(): number[] {
    this.land(Infinity);
    const counts = Array.from({ length: RECORDS }, () => 0);
    for (const { body } of this.objects.values()) recordsIn(body).forEach((n) => counts[n]++);
    return counts;
  }

  private request<T>(effect: () => T, write: boolean): T {
    this.land(++this.requests);
    const { error, ambiguous, late } = this.rates;
    const roll = this.prng.next();
    if (roll < error) throw new Error('error');
    if (write && roll < error + late) {
      this.onTheirWay.push({ after: this.requests + this.prng.int(1, 20), put: effect });
      throw new Error('late');
    }
    const value = effect();
    if (roll < error + late + ambiguous) throw new Error('ambiguous');
    return value;
  }

  private land(requests: number): void {
    const due = this.onTheirWay.filter(({ after }) => after <= requests);
    this.onTheirWay = this.onTheirWay.filter(({ after }) => after > requests);
    due.forEach(({ put }) => put());
  }
}

/** Some folders, and one for the rest. */
const FOLDERS = 4;
const folderOf = (json: unknown) => `${(json as { n: number }).n % 7}/`;

function senderTo({ store }: Bucket, sorted: boolean): Sender {
  const sender: Sender = {
    maxEntries: 1,
    maxCallBytes: 1e6,
    maxEntryBytes: 1e6,
    concurrency: 1,
    bodies: 'bytes',
    sizeOf: ({ body }) => body.length,
    send: async ([entry]: readonly Entry[]) => {
      try {
        const outcome = sorted
          ? await folders.create(store, 'lake/', '.ndjson', entry)
          : await createPack(store, 'lake/', '.ndjson', entry);
        return { kind: 'answered', outcomes: [outcome] };
      } catch (error) {
        return { kind: 'answered', outcomes: [{ kind: 'failed', code: (error as Error).message }] };
      }
    },
  };
  const folders = new FolderWriter({ folderOf, max: FOLDERS, createPacker: () => new Packer(RULES.packing, sender) });
  return sender;
}

/** @returns how often each record is there in the end */
export async function race(seed: number, rates: Rates, { overwrites = false, grows = false, sorted = false } = {}): Promise<number[]> {
  const prng = new Prng(seed);
  const bucket = new Bucket(prng, rates, overwrites);
  const sender = senderTo(bucket, sorted);
  const records = Array.from({ length: RECORDS }, (_, n) => recordOf(n));
  let now = 0;
  const clock = { now: () => now, sleep: async (ms: number) => void (now += ms), random: () => prng.next() };
  let memory = createMemory(clock.now);
  for (let checkpoint = 0, end = 0; checkpoint < RECORDS;) {
    const least = grows ? Math.max(1, end - checkpoint) : 1;
    const batch = records.slice(checkpoint, checkpoint + prng.int(least, 20));
    end = checkpoint + batch.length;
    if (prng.chance(rates.fresh)) memory = createMemory(clock.now);
    // Some invocations are at their end after a call or two.
    let calls = prng.int(1, 12);
    const { unfinished } = await deliverRecords(batch, (record) => ({ kind: 'item', item: { record, body: record.data } }), RULES, {
      sender,
      quarantine: { put: async () => { throw new Error('nothing is refused'); } },
      memory,
      clock,
      deadline: { remainingMs: () => calls-- > 0 ? 1e6 : 0, signal: new AbortController().signal },
    });
    if (prng.chance(rates.crash)) memory = createMemory(clock.now);
    else checkpoint = unfinished.length > 0 ? records.indexOf(unfinished[0]) : checkpoint + batch.length;
  }
  return bucket.settle();
}

function recordOf(n: number): FanOutRecord {
  const data = Buffer.from(JSON.stringify({ n }));
  const sequenceNumber = `49${String(n).padStart(54, '0')}`;
  const id = `shardId-000000000000:${sequenceNumber}`;
  const kinesis = { partitionKey: 'k', sequenceNumber, data: data.toString('base64'), approximateArrivalTimestamp: 0 };
  return { id, shardId: 'shardId-000000000000', sequenceNumber, partitionKey: 'k', data, arrivedAt: 0, source: { eventID: id, eventSourceARN: '', kinesis } };
}
