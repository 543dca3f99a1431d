import { createHash } from 'node:crypto';
import { answered, contextOf, DELIVERED, entries, failed, json, NEVER, Wire } from './wire';
import { createClient as createKinesisClient, KinesisSender } from '../../src/kinesis-fan-out/handlers/send-kinesis';
import { createClient as createSqsClient, SqsSender } from '../../src/kinesis-fan-out/handlers/send-sqs';

/** Who writes JSON may write null for what is not there: a record that arrived must not be sent again for it. */

function put(answer: unknown) {
  const wire = new Wire(() => json(answer));
  return new KinesisSender(contextOf({ kind: 'kinesis', maxRecordBytes: 1e6 }, 'mirror'), createKinesisClient(wire.client)).send(entries('a', 'b'), NEVER);
}

function send(answer: unknown) {
  const wire = new Wire(() => json(answer));
  return new SqsSender(contextOf({ kind: 'sqs', fifo: false }, 'https://sqs.eu-central-1.amazonaws.com/1/q'), createSqsClient(wire.client)).send(entries('a', 'b'), NEVER);
}

const taken = (id: number, body: string) => ({ Id: String(id), MessageId: 'm', MD5OfMessageBody: createHash('md5').update(body).digest('hex') });

test('Kinesis: no code is no error', async () => {
  const there = { SequenceNumber: '1', ShardId: 'shardId-000000000000', ErrorCode: null, ErrorMessage: null };
  const throttled = { SequenceNumber: null, ShardId: null, ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'slow down' };
  expect(await put({ FailedRecordCount: 1, Records: [there, throttled] })).toEqual(answered(DELIVERED, failed('ProvisionedThroughputExceededException')));
  expect(await put({ FailedRecordCount: 0, Records: null })).toEqual(answered());
});

test('SQS: no list is an empty one', async () => {
  expect(await send({ Successful: [taken(0, 'a'), taken(1, 'b')], Failed: null })).toEqual(answered(DELIVERED, DELIVERED));
  const busy = [0, 1].map((n) => ({ Id: String(n), Code: 'InternalError', SenderFault: null }));
  expect(await send({ Successful: null, Failed: busy })).toEqual(answered(failed('InternalError'), failed('InternalError')));
});
