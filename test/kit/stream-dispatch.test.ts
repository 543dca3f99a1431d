import { InProcessFunction, type InProcessContext } from './dispatch/in-process';
import { StreamDispatcher, STREAM_MAPPING_DEFAULTS, type StreamMapping } from './dispatch/stream';
import type { DiscardedBatch } from './dispatch/stream-failure';
import { type StreamPlan } from './dispatch/stream-plan';
import { Timeline } from './dispatch/timeline';
import { STREAM_ARN, VirtualStream, type VirtualStreamOptions } from './dispatch/virtual-stream';

interface KinesisRecord { readonly eventID: string; readonly kinesis: { readonly sequenceNumber: string; readonly partitionKey: string; readonly data: string } }
interface KinesisEvent { readonly Records: readonly KinesisRecord[] }
type Handler = (event: KinesisEvent, context: InProcessContext) => unknown;

/** A stream, a mapping and a function in one place. */
function setUp(mapping: Partial<StreamMapping> = {}, handler: Handler = () => undefined, more: { stream?: Partial<VirtualStreamOptions>; plan?: StreamPlan } = {}) {
  const timeline = new Timeline();
  const stream = new VirtualStream({ timeline, ...more.stream });
  const invocations: { at: number; env: number; records: string[]; event: KinesisEvent }[] = [];
  const begun = timeline.now;
  const fn = new InProcessFunction<KinesisEvent>({
    timeline,
    plan: more.plan,
    environment: (env) => async (event, context) => {
      invocations.push({ at: timeline.now - begun, env, records: event.Records.map(({ kinesis }) => text(kinesis.data)), event });
      return handler(event, context);
    },
  });
  const discarded: DiscardedBatch[] = [];
  const dispatcher = new StreamDispatcher({
    mapping: { ...STREAM_MAPPING_DEFAULTS, uuid: 'm', functionArn: fn.arn, sourceArn: STREAM_ARN, ...mapping },
    source: stream,
    timeline,
    invoke: fn.invoke as never,
    plan: more.plan,
    onDiscard: async (batch) => void discarded.push(batch),
  });
  const put = (...data: string[]) => stream.put(data.map((datum) => ({ partitionKey: datum[0], data: datum })));
  return { timeline, stream, dispatcher, fn, invocations, discarded, put, seen: () => invocations.map(({ records }) => records.join(' ')) };
}

function text(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

test('smoke', async () => {
  const { put, timeline, seen, dispatcher } = setUp({ batchSize: 2 }, async (_event, context) => context.sleep(100));
  put('a1', 'a2', 'b1');
  await timeline.drain();
  expect(seen()).toEqual(['a1 a2', 'b1']);
  expect(dispatcher.ledger).toMatchObject({ read: 3, succeeded: 3, open: 0 });
});
test('speed', async () => {
  const { stream, timeline, dispatcher } = setUp({ batchSize: 10_000, reportsBatchItemFailures: true }, async (event, context) => { await context.sleep(100); return { batchItemFailures: [] }; });
  const t = Date.now();
  const data = 'x'.repeat(200);
  for (let i = 0; i < 100; i++) {
    stream.put(Array.from({ length: 5000 }, (_, j) => ({ partitionKey: `k${j % 300}`, data })));
    await timeline.advance(1);
  }
  const t2 = Date.now();
  await timeline.drain();
  console.log(t2 - t, Date.now() - t2, dispatcher.ledger);
});
