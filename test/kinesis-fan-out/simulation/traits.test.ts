import { type Kind, KINDS, MODELS } from './scenario';
import type { TargetSettings } from '../../../src/kinesis-fan-out/contract';
import type { Sender, SenderContext } from '../../../src/kinesis-fan-out/handlers/ports';
import { DynamoDbSender } from '../../../src/kinesis-fan-out/handlers/send-dynamodb';
import { EventBridgeSender } from '../../../src/kinesis-fan-out/handlers/send-eventbridge';
import { FirehoseSender } from '../../../src/kinesis-fan-out/handlers/send-firehose';
import { HttpsSender } from '../../../src/kinesis-fan-out/handlers/send-https';
import { KinesisSender } from '../../../src/kinesis-fan-out/handlers/send-kinesis';
import { LambdaSender } from '../../../src/kinesis-fan-out/handlers/send-lambda';
import { S3Sender } from '../../../src/kinesis-fan-out/handlers/send-s3';
import { SnsSender } from '../../../src/kinesis-fan-out/handlers/send-sns';
import { SqsSender } from '../../../src/kinesis-fan-out/handlers/send-sqs';

/** What the simulation proves holds for the real senders only as long as they are what it takes them for. */

const TARGETS: { readonly [K in Kind]: Extract<TargetSettings, { kind: K }> } = {
  s3: { kind: 's3', prefix: '' },
  dynamodb: { kind: 'dynamodb', partitionKey: 'pk', sequenceAttribute: 'sequence' },
  kinesis: { kind: 'kinesis', maxRecordBytes: 1 },
  firehose: { kind: 'firehose' },
  sqs: { kind: 'sqs', fifo: true },
  sns: { kind: 'sns', fifo: true, maxMessageBytes: 1 },
  eventbridge: { kind: 'eventbridge', source: 's', detailType: 't' },
  https: { kind: 'https', method: 'POST', headers: {}, timeoutMs: 1, maxBodyBytes: 1, concurrency: MODELS.https.traits('none').concurrency },
  lambda: { kind: 'lambda' },
};

const SENDERS: { readonly [K in Kind]: (context: SenderContext<K>) => Sender } = {
  s3: (context) => new S3Sender(context),
  dynamodb: (context) => new DynamoDbSender(context),
  kinesis: (context) => new KinesisSender(context),
  firehose: (context) => new FirehoseSender(context),
  sqs: (context) => new SqsSender(context),
  sns: (context) => new SnsSender(context),
  eventbridge: (context) => new EventBridgeSender(context),
  https: (context) => new HttpsSender(context),
  lambda: (context) => new LambdaSender(context),
};

test.each(KINDS.flatMap((kind) => [...new Set(MODELS[kind].orderings)].map((ordering) => [kind, ordering] as const)))('%s, %s', (kind, ordering) => {
  const create = SENDERS[kind] as (context: SenderContext<Kind>) => Sender;
  const { maxEntries, concurrency, bodies } = create({
    name: 'https://example.com/', secretArn: '', ordering, target: TARGETS[kind], packing: { kind: 'none', maxBytes: 1, envelope: false },
  });
  const model = MODELS[kind].traits(ordering);
  expect({ maxEntries, concurrency, bodies }).toEqual({ maxEntries: model.maxEntries, concurrency: model.concurrency, bodies: model.bodies });
});
