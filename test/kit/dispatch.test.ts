import { EXACTLY_ONCE, randomDelivery, type DeliveryPlan } from './dispatch/delivery';
import { EventBridge, targetInput, type CallTarget } from './dispatch/event-bridge';
import { AsyncInvoker } from './dispatch/lambda-async';
import { matchesPattern } from './dispatch/pattern';
import { runBatchJob } from './dispatch/s3-batch';
import { S3Events, formEncoded, type ObjectChange } from './dispatch/s3-events';
import { SqsDispatcher, VirtualQueue, failedMessages } from './dispatch/sqs';
import { EPOCH, Timeline } from './dispatch/timeline';
import { seedFromEnv } from './faults';
import type { InvokeOutcome } from './lambda-environment';
import type { EventSourceModel, InvokeConfigModel, QueueModel, RuleModel } from './template';

const seed = seedFromEnv(20261121);
const arnOf = (service: string, rest: string) => `arn:aws:${service}:eu-west-1:123456789012:${rest}`;

const ok = (payload: unknown = null): InvokeOutcome => ({ kind: 'ok', payload, logs: '', durationMs: 1, coldStart: false, requestId: 'r' });
const failed = (kind: InvokeOutcome['kind'] = 'error'): InvokeOutcome => ({ ...ok(), kind, error: { errorType: 'E', errorMessage: 'm' } });

function queueModel(name: string, more: Partial<QueueModel> = {}): QueueModel {
  return {
    logicalId: name, name, arn: arnOf('sqs', name), url: name, visibilitySeconds: 60, retentionSeconds: 345_600, delaySeconds: 0, fifo: false, ...more,
  };
}

function mappingModel(more: Partial<EventSourceModel> = {}): EventSourceModel {
  return {
    logicalId: 'M',
    functionArn: arnOf('lambda', 'function:f'),
    sourceArn: arnOf('sqs', 'q'),
    enabled: true,
    batchSize: 1,
    windowSeconds: 0,
    reportsBatchItemFailures: true,
    filters: [],
    ...more,
  };
}

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A queue with dead letters, a function, and what the function saw: [seconds since the start, bodies]. */
function queueWith(answer: (records: readonly SqsRecord[]) => InvokeOutcome, options: {
  queue?: Partial<QueueModel>; mapping?: Partial<EventSourceModel>; plan?: DeliveryPlan;
} = {}) {
  const timeline = new Timeline();
  const dead = new VirtualQueue(queueModel('dead'), timeline);
  const queue = new VirtualQueue(
    queueModel('q', { redrive: { deadLetterArn: dead.settings.arn, maxReceiveCount: 3 }, ...options.queue }), timeline, () => dead, options.plan,
  );
  const seen: [number, string[]][] = [];
  let running = 0;
  let most = 0;
  new SqsDispatcher(mappingModel(options.mapping), queue, timeline, async (_, event) => {
    const { Records } = event as { Records: SqsRecord[] };
    seen.push([(timeline.now - EPOCH) / 1000, Records.map(({ body }) => body)]);
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    return answer(Records);
  });
  return { timeline, queue, dead, seen, mostAtOnce: () => most };
}

const partly = (bad: (record: SqsRecord) => boolean) => (records: readonly SqsRecord[]) =>
  ok({ batchItemFailures: records.filter(bad).map(({ messageId }) => ({ itemIdentifier: messageId })) });

describe('SQS', () => {
  test('what was handled is gone', async () => {
    const { queue, seen, timeline } = queueWith(() => ok());
    queue.send('a');
    await timeline.drain();
    expect([seen, queue.messages]).toEqual([[[0, ['a']]], []]);
  });

  test('what failed comes back after the visibility timeout and goes to the dead letters after so many receives', async () => {
    const counts: string[] = [];
    const { dead, queue, seen, timeline } = queueWith(([record]) => {
      counts.push(record.attributes.ApproximateReceiveCount);
      return failed();
    });
    queue.send('a');
    await timeline.drain();
    expect(seen).toEqual([[0, ['a']], [60, ['a']], [120, ['a']]]);
    expect(counts).toEqual(['1', '2', '3']);
    expect(timeline.now - EPOCH).toBe(180_000); // moved by the receive after the last
    expect(queue.messages).toEqual([]);
    expect(dead.messages).toMatchObject([{ body: 'a', sentAt: EPOCH, receiveCount: 0, deadLetterSource: queue.settings.arn }]);
  });

  test('only the failures of a batch come back', async () => {
    let first = true;
    const { queue, seen, timeline, dead } = queueWith((records) => {
      const outcome = first ? partly(({ body }) => body === 'b')(records) : ok();
      first = false;
      return outcome;
    }, { mapping: { batchSize: 10 } });
    ['a', 'b', 'c'].forEach((body) => queue.send(body));
    await timeline.drain();
    expect([seen, dead.messages]).toEqual([[[0, ['a', 'b', 'c']], [60, ['b']]], []]);
  });

  test.each<[string, InvokeOutcome, number]>([
    ['null', ok(null), 0],
    ['an empty answer', ok({}), 0],
    ['a null list', ok({ batchItemFailures: null }), 0],
    ['an empty list', ok({ batchItemFailures: [] }), 0],
    ['one id', ok({ batchItemFailures: [{ itemIdentifier: 'a' }] }), 1],
    ['an unknown id', ok({ batchItemFailures: [{ itemIdentifier: 'a' }, { itemIdentifier: 'x' }] }), 3],
    ['an empty id', ok({ batchItemFailures: [{ itemIdentifier: '' }] }), 3],
    ['a null id', ok({ batchItemFailures: [{ itemIdentifier: null }] }), 3],
    ['a wrong field', ok({ batchItemFailures: [{ id: 'a' }] }), 3],
    ['no object', ok({ batchItemFailures: [null] }), 3],
    ['no list', ok({ batchItemFailures: 'a' }), 3],
    ['no JSON object', ok('a'), 3],
    ['a list', ok(['a']), 3],
    ['an error', failed(), 3],
    ['a timeout', failed('timeout'), 3],
    ['a killed process', failed('killed'), 3],
    ['a response that is too large', failed('response-too-large'), 3],
  ])('the answer %s: %#', (_, outcome, count) => {
    expect(failedMessages(outcome, ['a', 'b', 'c'], true).size).toBe(count);
  });

  test('without ReportBatchItemFailures an answer is success, whatever it says', () => {
    expect(failedMessages(ok({ batchItemFailures: [{ itemIdentifier: 'a' }] }), ['a', 'b'], false).size).toBe(0);
    expect(failedMessages(failed(), ['a', 'b'], false).size).toBe(2);
  });

  test('no more invocations at once than the maximum concurrency', async () => {
    const { queue, timeline, seen, mostAtOnce } = queueWith(() => ok(), { mapping: { maximumConcurrency: 2 } });
    for (let i = 0; i < 7; i++) queue.send(String(i));
    await timeline.drain();
    expect([seen.length, mostAtOnce()]).toEqual([7, 2]);
  });

  test('a window collects a batch', async () => {
    const { queue, timeline, seen } = queueWith(() => ok(), { mapping: { batchSize: 3, windowSeconds: 20 } });
    queue.send('a');
    timeline.after(5, async () => queue.send('b'));
    timeline.after(30, async () => ['c', 'd', 'e', 'f'].forEach((body) => queue.send(body)));
    await timeline.drain();
    expect(seen).toEqual([[20, ['a', 'b']], [30, ['c', 'd', 'e']], [30, ['f']]]);
  });

  test('a delay of the queue, its retention', async () => {
    const { queue, timeline, seen } = queueWith(() => failed(), {
      queue: { delaySeconds: 7, retentionSeconds: 100, redrive: undefined }, mapping: { batchSize: 1 },
    });
    queue.send('a');
    await timeline.drain();
    expect(seen.map(([at]) => at)).toEqual([7, 67]);
    expect(queue.messages).toEqual([]);
  });

  test('filters delete what they do not let pass', async () => {
    const { queue, timeline, seen, dead } = queueWith(() => ok(), { mapping: { batchSize: 10, filters: [{ body: { kind: ['a'] } }] } });
    ['{"kind":"a"}', '{"kind":"b"}', 'text', '[]'].forEach((body) => queue.send(body));
    await timeline.drain();
    expect([seen, queue.messages, dead.messages]).toEqual([[[0, ['{"kind":"a"}']]], [], []]);
  });

  test('a filter for text takes no JSON', async () => {
    const { queue, timeline, seen } = queueWith(() => ok(), { mapping: { batchSize: 10, filters: [{ body: [{ prefix: '' }] }] } });
    ['{"kind":"a"}', 'text'].forEach((body) => queue.send(body));
    await timeline.drain();
    expect(seen).toEqual([[0, ['text']]]);
  });

  test('a disabled mapping delivers nothing', async () => {
    const { queue, timeline, seen } = queueWith(() => ok(), { mapping: { enabled: false } });
    queue.send('a');
    await timeline.drain();
    expect([seen, queue.messages.length]).toEqual([[], 1]);
  });

  test('records look as Lambda writes them', async () => {
    const records: unknown[] = [];
    const { queue, timeline } = queueWith((given) => {
      records.push(...given);
      return ok();
    });
    queue.send('a', { attributes: { RULE_ARN: 'r' } });
    await timeline.drain();
    expect(records).toEqual([{
      messageId: expect.stringMatching(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/),
      receiptHandle: expect.any(String),
      body: 'a',
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(EPOCH), SenderId: 'AIDAKIT', ApproximateFirstReceiveTimestamp: String(EPOCH) },
      messageAttributes: { RULE_ARN: { stringValue: 'r', stringListValues: [], binaryListValues: [], dataType: 'String' } },
      md5OfBody: '0cc175b9c0f1b6a831c399e269772661',
      eventSource: 'aws:sqs',
      eventSourceARN: arnOf('sqs', 'q'),
      awsRegion: 'eu-west-1',
    }]);
  });

  test.each<[string, () => unknown, string]>([
    ['batch size', () => queueWith(() => ok(), { mapping: { batchSize: 0 } }), 'the batch size of a standard queue must be 1 to 10000, got 0'],
    ['window', () => queueWith(() => ok(), { mapping: { batchSize: 11 } }), 'a batch size above 10 needs a window of at least 1 s, got 0'],
    ['FIFO', () => queueWith(() => ok(), { queue: { fifo: true } }), `only standard queues are event sources here, got ${arnOf('sqs', 'q')}`],
    ['message', () => queueWith(() => ok()).queue.send('x'.repeat(1_048_577)), 'a message must have at most 1048576 bytes, got 1048577'],
  ])('limits: %s', (_, act, message) => {
    expect(act).toThrow(message);
  });

  test('a system that never rests is a failure', async () => {
    const { queue, timeline } = queueWith(() => {
      queue.send('again');
      return ok();
    });
    queue.send('a');
    await expect(timeline.drain(500)).rejects.toThrow('the system does not come to rest within 500 steps');
  });

  test(`random delivery (seed ${seed}): each message at least once, some twice and late, never for ever; equal seeds are equal runs`, async () => {
    const run = async (chosen: number) => {
      const plan = randomDelivery(chosen, { duplicate: 0.3, delay: 0.5, maxDelaySeconds: 90, loseDelete: 0.2 });
      const { queue, timeline, seen, dead } = queueWith(() => ok(), { plan, mapping: { batchSize: 4 } });
      for (let i = 0; i < 40; i++) queue.send(String(i));
      await timeline.drain();
      expect([queue.messages, dead.messages]).toEqual([[], []]);
      return seen;
    };
    const seen = await run(seed);
    const bodies = seen.flatMap(([, batch]) => batch);
    expect(new Set(bodies).size).toBe(40);
    expect(bodies.length).toBeGreaterThan(40);
    expect(bodies).not.toEqual([...bodies].sort((a, b) => Number(a) - Number(b)));
    expect(await run(seed)).toEqual(seen);
    expect(await run(seed + 1)).not.toEqual(seen);
  });
});

describe('event patterns', () => {
  const event = {
    'source': 'aws.s3',
    'detail-type': 'Object Created',
    'detail': { bucket: { name: 'b' }, object: { key: 'in/A.JPG', size: 10, tags: ['x', 'y'], none: null, parts: [{ n: 1 }, { n: 2 }] } },
  };
  const object = (matcher: unknown) => ({ detail: { object: matcher } });

  test.each<[unknown, boolean]>([
    [{}, true],
    [{ source: ['aws.s3', 'other'] }, true],
    [{ source: ['other'] }, false],
    [{ 'source': ['aws.s3'], 'detail-type': ['Object Deleted'] }, false],
    [object({ key: [{ prefix: 'in/' }] }), true],
    [object({ key: [{ prefix: 'img/' }] }), false],
    [object({ key: [{ suffix: '.JPG' }] }), true],
    [object({ key: [{ suffix: '.jpg' }] }), false],
    [object({ key: [{ suffix: { 'equals-ignore-case': '.jpg' } }] }), true],
    [object({ key: [{ prefix: { 'equals-ignore-case': 'IN/a' } }] }), true],
    [object({ key: [{ 'equals-ignore-case': 'IN/a.jpg' }] }), true],
    [object({ key: [{ 'equals-ignore-case': 'IN/b.jpg' }] }), false],
    [object({ key: [{ wildcard: 'in/*.JPG' }] }), true],
    [object({ key: [{ wildcard: 'in/*.jpg' }] }), false],
    [object({ key: [{ wildcard: 'in/\\*.JPG' }] }), false],
    [object({ key: [{ wildcard: '*/A?JPG' }] }), false],
    [object({ key: [{ 'anything-but': 'in/A.JPG' }] }), false],
    [object({ key: [{ 'anything-but': ['a', 'b'] }] }), true],
    [object({ key: [{ 'anything-but': { prefix: 'in/' } }] }), false],
    [object({ key: [{ 'anything-but': { suffix: ['.png', '.JPG'] } }] }), false],
    [object({ key: [{ 'anything-but': { wildcard: 'out/*' } }] }), true],
    [object({ missing: [{ 'anything-but': 'x' }] }), false],
    [object({ size: [10] }), true],
    [object({ size: ['10'] }), false],
    [object({ size: [{ numeric: ['>', 5, '<=', 10] }] }), true],
    [object({ size: [{ numeric: ['>', 10] }] }), false],
    [object({ size: [{ numeric: ['=', 10] }] }), true],
    [object({ size: [{ numeric: ['>=', 11] }] }), false],
    [object({ size: [{ numeric: ['<', 11] }] }), true],
    [object({ none: [null] }), true],
    [object({ none: [{ exists: true }] }), true],
    [object({ missing: [{ exists: false }] }), true],
    [object({ missing: [null] }), false],
    [object({ key: [{ exists: false }] }), false],
    [object([{ exists: true }]), false],
    [object({ tags: ['y'] }), true],
    [object({ tags: ['z'] }), false],
    [object({ parts: { n: [2] } }), true],
    [object({ parts: { n: [3] } }), false],
    [{ $or: [{ source: ['x'] }, object({ size: [10] })] }, true],
    [{ source: ['aws.s3'], $or: [{ source: ['x'] }, { 'detail-type': ['y'] }] }, false],
    [{ detail: { nothing: { at: ['all'] } } }, false],
  ])('%j: %p', (pattern, expected) => {
    expect(matchesPattern(pattern, event)).toBe(expected);
  });

  test.each<[unknown, string]>([
    ['text', 'an event pattern must be an object, got "text"'],
    [{ source: [{ cidr: '10.0.0.0/8' }] }, 'the event pattern matcher does not know \'cidr\''],
    [object({ size: [{ numeric: ['~', 1] }] }), '\'numeric\' must compare by =, <, <=, > or >=, got ~'],
  ])('%j is refused', (pattern, message) => {
    expect(() => matchesPattern(pattern, event)).toThrow(message);
  });
});

describe('EventBridge', () => {
  const event = { id: 'e', source: 's', detail: { 'key': 'say "hi"', 'n': 3, 'list': ['x', 'y'], 'odd name': 1 } };

  test.each<[string, Parameters<typeof targetInput>[0], string]>([
    ['the event', {}, JSON.stringify(event)],
    ['a constant', { input: '{"a":1}' }, '{"a":1}'],
    ['a part', { inputPath: '$.detail.list[1]' }, '"y"'],
    ['a part with an odd name', { inputPath: '$.detail[\'odd name\']' }, '1'],
    ['values', { inputTransformer: { paths: { k: '$.detail.key', n: '$.detail.n' }, template: '{"k":<k>,"n":<n>}' } }, '{"k":"say \\"hi\\"","n":3}'],
    ['text', { inputTransformer: { paths: { k: '$.detail.key', n: '$.detail.n' }, template: '"it is <k>: <n> <unknown>"' } }, '"it is say \\"hi\\": 3 <unknown>"'],
    ['what is missing', { inputTransformer: { paths: { k: '$.detail.none' }, template: '{"k":"<k>","v":<k>}' } }, '{"k":"","v":""}'],
    ['the rule', { inputTransformer: { paths: {}, template: '{"r":<aws.events.rule-name>}' } }, '{"r":"r"}'],
    ['the event in a template', { inputTransformer: { paths: {}, template: '{"e":<aws.events.event>}' } }, `{"e":${JSON.stringify(event)}}`],
  ])('input: %s', (_, target, expected) => {
    expect(targetInput(target, arnOf('events', 'rule/r'), event)).toBe(expected);
  });

  const rule = (more: Partial<RuleModel> = {}): RuleModel => ({
    logicalId: 'r',
    arn: arnOf('events', 'rule/r'),
    busName: 'default',
    enabled: true,
    pattern: { source: ['s'] },
    targets: [{ id: 't', arn: 'target', maximumRetryAttempts: 3, maximumEventAgeSeconds: 3600, deadLetterArn: 'dead' }],
    ...more,
  });
  const bus = (rules: readonly RuleModel[], answer: ReturnType<CallTarget>, plan = EXACTLY_ONCE) => {
    const timeline = new Timeline();
    const calls: [number, string, Record<string, string> | undefined][] = [];
    const eventBridge = new EventBridge(rules, timeline, (target, _, __, attributes) => {
      calls.push([(timeline.now - EPOCH) / 1000, target, attributes]);
      return target === 'dead' ? 'accepted' : answer;
    }, plan);
    return { timeline, calls, eventBridge };
  };

  test('matching rules of the bus, and no others', async () => {
    const { timeline, calls, eventBridge } = bus([rule(), rule({ enabled: false }), rule({ pattern: { source: ['x'] } }), rule({ busName: 'other' })], 'accepted');
    eventBridge.put(event);
    await timeline.drain();
    expect(calls).toEqual([[0, 'target', undefined]]);
  });

  test('a target that is unavailable is tried again, then the dead letters have it', async () => {
    const { timeline, calls, eventBridge } = bus([rule()], 'unavailable');
    eventBridge.put(event);
    await timeline.drain();
    expect(calls.map(([at, target]) => [at, target])).toEqual([[0, 'target'], [1, 'target'], [3, 'target'], [7, 'target'], [7, 'dead']]);
    expect(calls.at(-1)![2]).toMatchObject({ RULE_ARN: arnOf('events', 'rule/r'), TARGET_ARN: 'target', RETRY_ATTEMPTS: '3', EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts' });
  });

  test('an event can be too old for another try', async () => {
    const [target] = rule().targets;
    const { timeline, calls, eventBridge } = bus([rule({ targets: [{ ...target, maximumRetryAttempts: 185, maximumEventAgeSeconds: 60 }] })], 'unavailable');
    eventBridge.put(event);
    await timeline.drain();
    expect(calls.at(-1)![2]).toMatchObject({ EXHAUSTED_RETRY_CONDITION: 'MaximumEventAgeInSeconds' });
    expect(timeline.now - EPOCH).toBeLessThanOrEqual(60_000);
  });

  test('a refusal is not tried again; without dead letters the event is lost', async () => {
    const refused = bus([rule()], 'refused');
    refused.eventBridge.put(event);
    await refused.timeline.drain();
    expect(refused.calls.map(([at, target]) => [at, target])).toEqual([[0, 'target'], [0, 'dead']]);
    expect(refused.calls[1][2]).toMatchObject({ ERROR_CODE: 'NO_PERMISSIONS', RETRY_ATTEMPTS: '0' });
    const [target] = rule().targets;
    const lost = bus([rule({ targets: [{ ...target, deadLetterArn: undefined }] })], 'refused');
    lost.eventBridge.put(event);
    await lost.timeline.drain();
    expect(lost.calls).toHaveLength(1);
  });

  test('at least once', async () => {
    const { timeline, calls, eventBridge } = bus([rule()], 'accepted', { ...EXACTLY_ONCE, copies: () => [0, 5] });
    eventBridge.put(event);
    await timeline.drain();
    expect(calls.map(([at]) => at)).toEqual([0, 5]);
  });
});

describe('asynchronous invocation', () => {
  const config = (more: Partial<InvokeConfigModel> = {}): InvokeConfigModel => ({
    functionArn: 'f', maximumRetryAttempts: 2, maximumEventAgeSeconds: 21_600, onFailureArn: 'dead', ...more,
  });
  const run = async (given: InvokeConfigModel, answer: (attempt: number) => InvokeOutcome, plan?: DeliveryPlan) => {
    const timeline = new Timeline();
    const attempts: number[] = [];
    const records: [string, { requestContext: object; requestPayload: unknown; responsePayload: unknown }][] = [];
    const invoker = new AsyncInvoker(given, timeline, async () => {
      attempts.push((timeline.now - EPOCH) / 1000);
      return answer(attempts.length);
    }, (to, record) => records.push([to, JSON.parse(record)]), plan);
    invoker.accept({ a: 1 });
    await timeline.drain();
    return { attempts, records };
  };

  test('two retries after one and two minutes, then the destination has event and error', async () => {
    const { attempts, records } = await run(config(), () => failed());
    expect(attempts).toEqual([0, 60, 180]);
    expect(records).toEqual([['dead', expect.objectContaining({
      version: '1.0',
      requestContext: { requestId: expect.any(String), functionArn: 'f:$LATEST', condition: 'RetriesExhausted', approximateInvokeCount: 3 },
      requestPayload: { a: 1 },
      responsePayload: { errorType: 'E', errorMessage: 'm' },
    })]]);
  });

  test('a retry that succeeds', async () => {
    expect(await run(config({ onSuccessArn: 'good' }), (attempt) => attempt === 1 ? failed() : ok('fine'))).toMatchObject({
      attempts: [0, 60], records: [['good', { requestContext: { condition: 'Success' }, responsePayload: 'fine' }]],
    });
  });

  test('the event age ends the retries', async () => {
    expect(await run(config({ maximumEventAgeSeconds: 100 }), () => failed())).toMatchObject({
      attempts: [0, 60], records: [['dead', { requestContext: { condition: 'EventAgeExceeded' } }]],
    });
  });

  test('no retries, no destination, two copies', async () => {
    const plan = { ...EXACTLY_ONCE, copies: () => [0, 3] };
    expect(await run(config({ maximumRetryAttempts: 0, onFailureArn: undefined }), () => failed(), plan)).toEqual({ attempts: [0, 3], records: [] });
  });

  test('an event can be too large', () => {
    const invoker = new AsyncInvoker(config(), new Timeline(), async () => ok(), () => {});
    expect(() => invoker.accept('x'.repeat(1_048_575))).toThrow('an asynchronous event must have at most 1048576 bytes, got 1048577');
  });
});

describe('S3 events', () => {
  const put: ObjectChange = { bucket: 'b', key: 'in/a (1) é+%2F~*.jpg', kind: 'put', etag: 'e', size: 3, versionId: 'v' };
  const events = () => new S3Events({ account: '123456789012', region: 'eu-west-1', partition: 'aws' });

  test('EventBridge has the key as it is', () => {
    expect(events().eventBridge(put, EPOCH)).toMatchObject({
      'source': 'aws.s3',
      'detail-type': 'Object Created',
      'time': '2026-01-01T00:00:00Z',
      'resources': ['arn:aws:s3:::b'],
      'detail': { bucket: { name: 'b' }, object: { 'key': put.key, 'size': 3, 'etag': 'e', 'version-id': 'v' }, reason: 'PutObject' },
    });
  });

  test('a notification has it form-encoded, the slash kept', () => {
    const { Records: [record] } = events().notification(put, EPOCH) as { Records: { eventName: string; s3: { object: Record<string, unknown> } }[] };
    expect([record.eventName, record.s3.object]).toEqual(['ObjectCreated:Put', {
      key: 'in/a+%281%29+%C3%A9%2B%252F%7E*.jpg', size: 3, eTag: 'e', versionId: 'v', sequencer: expect.any(String),
    }]);
    expect(decodeURIComponent(formEncoded(put.key).replaceAll('+', ' '))).toBe(put.key);
  });

  test.each<[ObjectChange['kind'], string, string | undefined, string, string]>([
    ['copy', 'Object Created', undefined, 'CopyObject', 'ObjectCreated:Copy'],
    ['multipart', 'Object Created', undefined, 'CompleteMultipartUpload', 'ObjectCreated:CompleteMultipartUpload'],
    ['delete', 'Object Deleted', 'Permanently Deleted', 'DeleteObject', 'ObjectRemoved:Delete'],
    ['delete-marker', 'Object Deleted', 'Delete Marker Created', 'DeleteObject', 'ObjectRemoved:DeleteMarkerCreated'],
    ['expire', 'Object Deleted', 'Permanently Deleted', 'Lifecycle Expiration', 'LifecycleExpiration:Delete'],
    ['expire-marker', 'Object Deleted', 'Delete Marker Created', 'Lifecycle Expiration', 'LifecycleExpiration:DeleteMarkerCreated'],
  ])('%s', (kind, detailType, deletion, reason, eventName) => {
    const { 'detail-type': type, detail } = events().eventBridge({ ...put, kind }, EPOCH) as { 'detail-type': string; 'detail': Record<string, unknown> };
    expect([type, detail['deletion-type'], detail.reason]).toEqual([detailType, deletion, reason]);
    expect('size' in (detail.object as object)).toBe(deletion === undefined);
    expect(events().notification({ ...put, kind }, EPOCH)).toMatchObject({ Records: [{ eventName }] });
  });

  test('sequencers are hexadecimal and rise for each key alone', () => {
    const made = events();
    const [a, b, c] = ['x', 'y', 'x'].map((key) => made.nextSequencer({ bucket: 'b', key }));
    expect([a, b, c].every((sequencer) => /^[\dA-F]{18}$/.test(sequencer))).toBe(true);
    expect(c > a).toBe(true);
    expect(b.slice(0, 12)).not.toBe(a.slice(0, 12));
  });

  test('the test event has no records; a topic wraps', () => {
    const made = events();
    expect(made.testEvent('b', EPOCH)).toMatchObject({ Event: 's3:TestEvent', Bucket: 'b' });
    expect(made.testEvent('b', EPOCH)).not.toHaveProperty('Records');
    expect(made.fromTopic('t', { a: 1 }, EPOCH)).toMatchObject({ Type: 'Notification', TopicArn: 't', Message: '{"a":1}' });
  });
});

describe('S3 Batch Operations', () => {
  interface TaskEvent {
    readonly invocationSchemaVersion: string;
    readonly invocationId: string;
    readonly tasks: readonly { readonly taskId: string; readonly s3Key: string; readonly s3BucketArn?: string; readonly s3Bucket?: string }[];
  }
  const answer = (event: unknown, resultCode: string, resultString = 'said') => {
    const { invocationId, invocationSchemaVersion, tasks } = event as TaskEvent;
    return ok({ invocationSchemaVersion, treatMissingKeysAs: 'PermanentFailure', invocationId, results: [{ taskId: tasks[0].taskId, resultCode, resultString }] });
  };
  const job = (...keys: string[]) => ({ functionArn: 'f', partition: 'aws', objects: keys.map((key) => ({ bucket: 'b', key })) });

  test('one task per invocation, keys URL-encoded', async () => {
    const seen: unknown[] = [];
    const report = await runBatchJob(job('a b+(1)/é.jpg'), async (_, event) => {
      seen.push(event);
      return answer(event, 'Succeeded');
    });
    expect(seen).toEqual([expect.objectContaining({
      invocationSchemaVersion: '1.0', tasks: [expect.objectContaining({ s3Key: 'a%20b%2B(1)/%C3%A9.jpg', s3BucketArn: 'arn:aws:s3:::b', s3VersionId: null })],
    })]);
    expect(report).toEqual({ invocations: 1, lines: [{ bucket: 'b', key: 'a b+(1)/é.jpg', status: 'succeeded', resultCode: 'Succeeded', resultString: 'said' }] });
  });

  test('schema 2.0 names the bucket', async () => {
    await runBatchJob({ ...job('a'), schemaVersion: '2.0' }, async (_, event) => {
      expect((event as TaskEvent).tasks[0]).toMatchObject({ s3Bucket: 'b' });
      return answer(event, 'Succeeded');
    });
  });

  test('temporary failures are driven again, permanent ones are not', async () => {
    const counts = new Map<string, number>();
    const report = await runBatchJob(job('once', 'always', 'never', 'fine'), async (_, event) => {
      const { s3Key } = (event as TaskEvent).tasks[0];
      const count = (counts.get(s3Key) ?? 0) + 1;
      counts.set(s3Key, count);
      if (s3Key === 'never') return answer(event, 'PermanentFailure');
      return answer(event, s3Key === 'always' || (s3Key === 'once' && count === 1) ? 'TemporaryFailure' : 'Succeeded');
    });
    expect(Object.fromEntries(counts)).toEqual({ once: 2, always: 3, never: 1, fine: 1 });
    expect(report.lines.map(({ status }) => status)).toEqual(['succeeded', 'failed', 'failed', 'succeeded']);
    expect(report.invocations).toBe(7);
  });

  test.each<[string, InvokeOutcome, string]>([
    ['an error', failed(), 'PermanentFailure'],
    ['no results', ok({ treatMissingKeysAs: 'Succeeded', results: [] }), 'Succeeded'],
    ['nothing', ok(null), 'PermanentFailure'],
    ['a wrong code', ok({ treatMissingKeysAs: 'Done' }), 'PermanentFailure'],
  ])('the answer %s', async (_, outcome, resultCode) => {
    expect((await runBatchJob(job('a'), async () => outcome)).lines).toMatchObject([{ resultCode }]);
  });

  test('at least once, several at a time', async () => {
    let most = 0;
    let running = 0;
    const report = await runBatchJob({ ...job('a', 'b', 'c'), duplicates: ({ key }) => key === 'b', concurrency: 2 }, async (_, event) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      return answer(event, 'Succeeded');
    });
    expect([report.invocations, most]).toEqual([4, 2]);
  });
});

describe('the timeline', () => {
  test('runs in order of time, then of arrival, and tells each jump', async () => {
    const jumps: number[] = [];
    const timeline = new Timeline((now) => jumps.push(now - EPOCH));
    const ran: string[] = [];
    timeline.after(2, async () => void ran.push('late'));
    timeline.after(1, async () => {
      ran.push('first');
      timeline.at(EPOCH, async () => void ran.push('past means now'));
    });
    timeline.after(1, async () => void ran.push('second'));
    await timeline.advance(1);
    expect([ran, timeline.isIdle]).toEqual([['first', 'second', 'past means now'], false]);
    await timeline.drain();
    expect([ran.at(-1), timeline.isIdle, jumps]).toEqual(['late', true, [1000, 2000]]);
  });

  test('whoever sleeps lets others run, and time goes on when all sleep', async () => {
    const timeline = new Timeline();
    const ran: string[] = [];
    const sleeper = (name: string, seconds: number) => async () => {
      for (let i = 0; i < 2; i++) {
        await timeline.sleep(seconds * 1000).over;
        ran.push(`${name} ${(timeline.now - EPOCH) / 1000}`);
      }
    };
    timeline.after(0, sleeper('a', 2));
    timeline.after(1, sleeper('b', 2));
    timeline.after(2.5, async () => void ran.push('awake'));
    await timeline.drain();
    expect(ran).toEqual(['a 2', 'awake', 'b 3', 'a 4', 'b 5']);
  });

  test('a sleep that is cancelled is never over, and nobody waits for it', async () => {
    const timeline = new Timeline();
    const sleep = timeline.sleep(1000);
    sleep.cancel();
    sleep.cancel();
    await timeline.drain();
    expect([timeline.now, timeline.isIdle]).toEqual([EPOCH, true]);
    // Without sleepers a task is waited for, however long the world outside takes.
    const ran: string[] = [];
    timeline.after(1, async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      ran.push('slow');
    });
    timeline.after(2, async () => void ran.push('next'));
    await timeline.drain();
    expect(ran).toEqual(['slow', 'next']);
  });

  test('what fails after a sleep fails the run', async () => {
    const timeline = new Timeline();
    timeline.after(0, async () => {
      await timeline.sleep(1000).over;
      throw new Error('too late');
    });
    await expect(timeline.drain()).rejects.toThrow('too late');
  });
});
