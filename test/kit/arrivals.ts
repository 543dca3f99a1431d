import { listOf, parseXml } from './proxy/body';
import { DROPPED, type RecordedCall, type Reply } from './proxy/call';

/** Something a function sent that got where it was to go, whatever the function was told. */
export interface Arrival {
  readonly service: 'kinesis' | 'firehose' | 'sqs' | 'sns' | 'events';
  /** Name of the stream, queue, topic or bus. */
  readonly target: string;
  readonly body: Buffer;
  /** Kinesis. */
  readonly partitionKey?: string;
  readonly explicitHashKey?: string;
  /** SQS and SNS. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** FIFO queues and topics. */
  readonly groupId?: string;
  readonly deduplicationId?: string;
  /** EventBridge. */
  readonly source?: string;
  readonly detailType?: string;
  readonly principal: string;
  /** Milliseconds since 1970, on the virtual clock. */
  readonly at: number;
}

type Json = Readonly<Record<string, unknown>>;
type Sent = Omit<Arrival, 'service' | 'principal' | 'at'>;

/** What a call the emulator carried out brought: without the entries the reply calls failed. */
export function arrivalsOf(call: RecordedCall, reply: Reply, at: number): Arrival[] {
  const read = READERS[`${call.service}:${call.operation}`];
  if (!read || DROPPED in reply.headers) return [];
  const sent = read(call.params.body as Json, reply);
  return sent.map((item) => ({ ...item, service: call.service as Arrival['service'], principal: call.principal, at }));
}

/** Exactly-once within five minutes: what a FIFO topic or queue hands on. */
export function withoutDuplicates(arrivals: readonly Arrival[]): Arrival[] {
  const last = new Map<string, number>();
  return arrivals.filter(({ at, deduplicationId = '' }) => {
    const before = last.get(deduplicationId);
    if (before !== undefined && at - before < 300_000) return false;
    last.set(deduplicationId, at);
    return true;
  });
}

const READERS: Readonly<Record<string, (body: Json, reply: Reply) => Sent[]>> = {
  'kinesis:PutRecord': (body) => [streamRecord(body, body)],
  'kinesis:PutRecords': (body, reply) => arrivedByPosition(body.Records, reply, 'Records').map((record) => streamRecord(record, body)),
  'firehose:PutRecord': (body) => [{ target: String(body.DeliveryStreamName), body: bytes((body.Record as Json).Data) }],
  'firehose:PutRecordBatch': (body, reply) => arrivedByPosition(body.Records, reply, 'RequestResponses')
    .map(({ Data }) => ({ target: String(body.DeliveryStreamName), body: bytes(Data) })),
  'sqs:SendMessage': (body) => [queueMessage(body, body)],
  'sqs:SendMessageBatch': (body, reply) => {
    const arrived = new Set(listOf(documentOf(reply).Successful).map(({ Id }) => Id));
    return listOf(body.Entries).filter(({ Id }) => arrived.has(Id)).map((entry) => queueMessage(entry, body));
  },
  'sns:Publish': (body) => [topicMessage(body, body)],
  'sns:PublishBatch': (body, reply) => {
    const { PublishBatchResponse } = parseXml(reply.body.toString('utf8')) as { readonly PublishBatchResponse: { readonly PublishBatchResult: Json } };
    const { Successful } = PublishBatchResponse.PublishBatchResult;
    const arrived = new Set(listOf((Successful as Json).member).map(({ Id }) => Id));
    return listOf(body.PublishBatchRequestEntries).filter(({ Id }) => arrived.has(Id)).map((entry) => topicMessage(entry, body));
  },
  'events:PutEvents': (body, reply) => arrivedByPosition(body.Entries, reply, 'Entries')
    .map(({ Detail, DetailType, EventBusName = 'default', Source }) => ({
      target: nameIn(EventBusName), body: Buffer.from(String(Detail)), source: String(Source), detailType: String(DetailType),
    })),
};

function arrivedByPosition(entries: unknown, reply: Reply, results: string): Json[] {
  const answers = listOf(documentOf(reply)[results]);
  return listOf(entries).filter((_, i) => answers[i]?.ErrorCode === undefined);
}

function streamRecord({ Data, ExplicitHashKey, PartitionKey }: Json, { StreamARN, StreamName }: Json): Sent {
  return {
    target: nameIn(StreamName ?? StreamARN),
    body: bytes(Data),
    partitionKey: String(PartitionKey),
    explicitHashKey: ExplicitHashKey === undefined ? undefined : String(ExplicitHashKey),
  };
}

function queueMessage({ MessageAttributes = {}, MessageBody, MessageDeduplicationId, MessageGroupId }: Json, { QueueUrl }: Json): Sent {
  return {
    target: nameIn(QueueUrl),
    body: Buffer.from(String(MessageBody)),
    attributes: Object.fromEntries(Object.entries(MessageAttributes as Record<string, Json>)
      .map(([name, { StringValue }]) => [name, String(StringValue)])),
    groupId: optional(MessageGroupId),
    deduplicationId: optional(MessageDeduplicationId),
  };
}

function topicMessage({ Message, MessageAttributes, MessageDeduplicationId, MessageGroupId }: Json, { TopicArn }: Json): Sent {
  const attributes = listOf(MessageAttributes).map(({ Name, Value }) => [String(Name), String((Value as Json).StringValue)] as const);
  return {
    target: String(TopicArn).split(':').at(-1)!,
    body: Buffer.from(String(Message)),
    attributes: Object.fromEntries(attributes),
    groupId: optional(MessageGroupId),
    deduplicationId: optional(MessageDeduplicationId),
  };
}

function documentOf({ body }: Reply): Json {
  return JSON.parse(body.toString('utf8')) as Json;
}

function bytes(base64: unknown): Buffer {
  return Buffer.from(String(base64), 'base64');
}

/** Of an ARN or address, the part behind the last slash. */
function nameIn(address: unknown): string {
  return String(address).split('/').at(-1)!;
}

function optional(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}
