/** M8: what SQS bills for a load, by the way it is packed. `BENCH_MB` says how large it is. */
import type { SendMessageBatchCommand, SendMessageBatchRequestEntry, SQSClient } from '@aws-sdk/client-sqs';
import { deliverWith, recordOf, writtenOf } from './fan-out-delivery';
import { orders, RECORD_BYTES, settingsOf } from './fan-out-inputs';
import { grouped, table } from './fan-out-kit';
import type { Packing } from '../src/kinesis-fan-out/contract';
import { SqsSender } from '../src/kinesis-fan-out/handlers/send-sqs';

const MEGABYTES = Number(process.env.BENCH_MB ?? 64);
const RECORDS = MEGABYTES * 1e6 / RECORD_BYTES;
/** SQS pricing: each 64 KB chunk of a request's payload is a request. */
const UNIT = 64 * 1024;
/** Dollars for a million requests: us-east-1, November 2026. */
const PRICE = 0.4;
const BAR = 1.1;
const SEED = 1;
/** Different records at hand; the load is made of them. */
const DISTINCT = 10_000;

/** Packing, and records that come in one event: a busy shard, and quiet ones. */
const WAYS: ReadonlyArray<readonly [packing: Packing['kind'], batch: number, bar?: number]> = [
  ['json-array', 8_000, BAR], ['ndjson', 8_000, BAR], ['ndjson-gzip', 8_000], ['json-array', 1_000], ['json-array', 100], ['none', 8_000],
];

export async function fanOutUnits(): Promise<string> {
  const fair = Math.ceil(RECORDS * RECORD_BYTES / UNIT);
  const rows: string[][] = [['one SendMessage for each record', '', grouped(RECORDS), grouped(RECORDS), (RECORDS / fair).toFixed(2), dollars(RECORDS), '']];
  for (const [packing, batch, bar] of WAYS) {
    const { calls, units } = await bill(packing, batch);
    rows.push([packing, grouped(batch), grouped(calls), grouped(units), (units / fair).toFixed(2), dollars(units), bar?.toFixed(2) ?? '']);
  }
  return [
    `### M8: billed requests for ${grouped(MEGABYTES)} MB of 500-byte records to SQS (bar: 1.1 of ${grouped(fair)}, the load in units of 64 KB)`,
    table(['packing', 'records an event', 'calls', 'billed requests', 'of load', '$ per GB', 'bar'], rows),
  ].join('\n\n');
}

async function bill(kind: Packing['kind'], batch: number): Promise<{ readonly calls: number; readonly units: number }> {
  const settings = settingsOf({ kind: 'sqs', fifo: false }, { packing: { kind, maxBytes: UNIT * 16, envelope: false } });
  let [calls, units] = [0, 0];
  const send = async ({ input: { Entries: entries = [] } }: SendMessageBatchCommand) => {
    calls += 1;
    units += Math.ceil(entries.reduce((sum, entry) => sum + messageBytes(entry), 0) / UNIT);
    return { Successful: entries.map(({ Id }) => ({ Id })), Failed: [] };
  };
  const sender = new SqsSender({ name: 'bench', secretArn: '', ordering: 'none', packing: settings.packing, target: { kind: 'sqs', fifo: false } }, { send } as unknown as SQSClient);
  const deliver = deliverWith(sender, settings);
  const distinct = orders(SEED, DISTINCT).map(writtenOf);
  for (let from = 0; from < RECORDS; from += batch) {
    await deliver(Array.from({ length: Math.min(batch, RECORDS - from) }, (_, n) => recordOf(from + n, distinct[(from + n) % DISTINCT])));
  }
  return { calls, units };
}

/** SQS developer guide, "Message quotas": names, types and values of attributes count. */
function messageBytes({ MessageBody: body, MessageAttributes: attributes = {} }: SendMessageBatchRequestEntry): number {
  return Object.entries(attributes).reduce(
    (sum, [name, { DataType: type = '', StringValue: value = '' }]) => sum + name.length + type.length + value.length, Buffer.byteLength(body!));
}

function dollars(units: number): string {
  return (units / 1e6 * PRICE / (MEGABYTES / 1000)).toFixed(4);
}
