import type { Order } from './fan-out-inputs';
import type { DeliverSettings, EventRecord } from '../src/kinesis-fan-out/contract';
import type { Sender } from '../src/kinesis-fan-out/handlers/ports';
import { preparation } from '../src/kinesis-fan-out/handlers/prepare';
import { Shell } from '../src/kinesis-fan-out/handlers/shell';

const NEVER = new AbortController().signal;

/** Delivers the records of an event, all of them, as the function does; only the sender may wait. */
export function deliverWith(sender: Sender, settings: DeliverSettings): (records: readonly EventRecord[]) => Promise<void> {
  const shell = new Shell({
    rules: settings,
    prepare: preparation(settings),
    sender,
    quarantine: { put: async () => {} },
    clock: { now: Date.now, sleep: async () => {}, random: Math.random },
  });
  return async (records) => {
    const { report } = await shell.handle({ Records: records }, { signal: NEVER, remainingMs: () => 60_000 });
    if (report.delivered !== records.length) throw new Error(`every record arrives, got ${report.delivered} of ${records.length}`);
  };
}

/** What a producer wrote, as it stands in an event. */
export function writtenOf({ key, data }: Order): Pick<EventRecord['kinesis'], 'partitionKey' | 'data'> {
  return { partitionKey: key, data: Buffer.from(data).toString('base64') };
}

/** The n-th record of a shard. */
export function recordOf(n: number, written: Pick<EventRecord['kinesis'], 'partitionKey' | 'data'>): EventRecord {
  const sequenceNumber = `49${String(n).padStart(54, '0')}`;
  return {
    eventID: `shardId-000000000000:${sequenceNumber}`,
    eventSourceARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders',
    kinesis: { ...written, sequenceNumber, approximateArrivalTimestamp: Date.now() / 1000 },
  };
}
