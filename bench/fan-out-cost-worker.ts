/**
 * One contestant: `fan-out-cost-worker <contestant>` prints nanoseconds of CPU per record, from the parsed event to the read
 * answer. A connection that answers at once stands for the network.
 */
import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { deliverWith, recordOf, writtenOf } from './fan-out-delivery';
import { orders, settingsOf } from './fan-out-inputs';
import type { DeliverSettings, EventRecord } from '../src/kinesis-fan-out/contract';
import { CLIENT } from '../src/kinesis-fan-out/handlers/client';
import type { Sender } from '../src/kinesis-fan-out/handlers/ports';
import { createClient as createKinesisClient, KinesisSender } from '../src/kinesis-fan-out/handlers/send-kinesis';
import { createClient as createSqsClient, SqsSender } from '../src/kinesis-fan-out/handlers/send-sqs';

const RECORDS = 5_000;
/** Milliseconds. */
const WARM_UP = 700;
const MEASURED = 1_500;

const KINESIS = settingsOf({ kind: 'kinesis', maxRecordBytes: 1024 * 1024 });
const PER_KEY = settingsOf({ kind: 'kinesis', maxRecordBytes: 1024 * 1024 }, { ordering: 'per-key' });
const SQS = settingsOf({ kind: 'sqs', fifo: false });
const PACKED = settingsOf({ kind: 'sqs', fifo: false }, { packing: { ...SQS.packing, kind: 'json-array' } });

/** Delivers the records of an event. */
type Contestant = (records: readonly EventRecord[]) => Promise<void>;

const CONTESTANTS: Readonly<Record<string, readonly [keys: number, () => Contestant]>> = {
  'kinesis, bare': [RECORDS, bareKinesis],
  'kinesis': [RECORDS, () => deliverWith(kinesisOf(KINESIS), KINESIS)],
  'kinesis per key, 5,000 keys': [RECORDS, () => deliverWith(kinesisOf(PER_KEY), PER_KEY)],
  'kinesis per key, 300 keys': [300, () => deliverWith(kinesisOf(PER_KEY), PER_KEY)],
  'sqs, bare': [RECORDS, bareSqs],
  'sqs': [RECORDS, () => deliverWith(new SqsSender(contextOf(SQS, 'sqs'), createSqsClient(SQS_CONFIG)), SQS)],
  'sqs packed': [RECORDS, () => deliverWith(new SqsSender(contextOf(PACKED, 'sqs'), createSqsClient(SQS_CONFIG)), PACKED)],
};

function bareKinesis(): Contestant {
  const kinesis = new KinesisClient({ ...CLIENT, ...KINESIS_CONFIG });
  return async (records) => {
    for (let from = 0; from < records.length; from += 500) {
      const answer = await kinesis.send(new PutRecordsCommand({
        StreamName: 'bench',
        Records: records.slice(from, from + 500).map(({ kinesis: { data, partitionKey } }) => ({ PartitionKey: partitionKey, Data: Buffer.from(data, 'base64') })),
      }));
      if (answer.Records!.some(({ ErrorCode: code }) => code !== undefined)) throw new Error('every record arrives');
    }
  };
}

/** Eight calls under way at a time, as the sender has them. */
function bareSqs(): Contestant {
  const sqs = new SQSClient({ ...CLIENT, ...SQS_CONFIG });
  const call = async (records: readonly EventRecord[]): Promise<void> => {
    const answer = await sqs.send(new SendMessageBatchCommand({
      QueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/bench',
      Entries: records.map(({ eventID, kinesis: { data } }, n) => ({
        Id: String(n),
        MessageBody: Buffer.from(data, 'base64').toString(),
        MessageAttributes: { id: { DataType: 'String', StringValue: eventID } },
      })),
    }));
    if (answer.Successful!.length !== records.length) throw new Error('every record arrives');
  };
  return async (records) => {
    for (let from = 0; from < records.length; from += 80) {
      await Promise.all(Array.from({ length: 8 }, async (_, n) => call(records.slice(from + n * 10, from + n * 10 + 10))));
    }
  };
}

function kinesisOf(settings: DeliverSettings): Sender {
  return new KinesisSender(contextOf(settings, 'kinesis'), createKinesisClient(KINESIS_CONFIG));
}

function contextOf<K extends 'kinesis' | 'sqs'>({ ordering, packing, target }: DeliverSettings, kind: K) {
  if (target.kind !== kind) throw new Error(`the settings must be those of a '${kind}' destination, got '${target.kind}'`);
  const name = kind === 'sqs' ? 'https://sqs.eu-west-1.amazonaws.com/123456789012/bench' : 'bench';
  return { name, secretArn: '', ordering, packing, target: target as Extract<typeof target, { readonly kind: K }> };
}

const IDENTITY = { region: 'eu-west-1', credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' } };
const SEQUENCE_NUMBER = '49590338271490256608559692538361571095921575989136588500';

const KINESIS_CONFIG = {
  ...IDENTITY,
  requestHandler: answering<{ readonly Records: readonly unknown[] }>(({ Records: records }) => ({
    FailedRecordCount: 0,
    Records: records.map(() => ({ SequenceNumber: SEQUENCE_NUMBER, ShardId: 'shardId-000000000000' })),
  })),
};

const SQS_CONFIG = {
  ...IDENTITY,
  requestHandler: answering<{ readonly Entries: ReadonlyArray<{ readonly Id: string; readonly MessageBody: string }> }>(({ Entries: entries }) => ({
    // The client compares the sums.
    Successful: entries.map(({ Id, MessageBody: body }) => ({ Id, MessageId: '5fea7756-0ea4-451a-a703-a558b933e274', MD5OfMessageBody: hash('md5', body) })),
  })),
};

/** Thinks about a call only when it comes for the first time: the measured time is the caller's. */
function answering<T>(answer: (request: T) => object) {
  const known = new Map<string, Buffer>();
  return {
    async handle({ body }: { readonly body?: string | Uint8Array }) {
      const request = body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : Buffer.from(body!);
      // Its first record and its length tell it from all others.
      const name = `${request.length} ${request.toString('latin1', 0, 400)}`;
      if (!known.has(name)) known.set(name, Buffer.from(JSON.stringify(answer(JSON.parse(request.toString()) as T))));
      return { response: { statusCode: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: Readable.from([known.get(name)!]) } };
    },
  };
}

async function measure(deliver: Contestant, records: readonly EventRecord[], forMs: number): Promise<number> {
  const start = process.cpuUsage();
  const cpu = () => {
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  let count = 0;
  do {
    await deliver(records);
    count += records.length;
  } while (cpu() < forMs * 1000);
  return cpu() * 1000 / count;
}

async function main(): Promise<void> {
  const [keys, create] = CONTESTANTS[process.argv[2]];
  const records = orders(1, RECORDS, keys).map((order, n) => recordOf(n, writtenOf(order)));
  const deliver = create();
  await measure(deliver, records, WARM_UP);
  console.log(await measure(deliver, records, MEASURED));
}

void main();
