import * as fc from 'fast-check';
import { normalizeS3Events, UnknownEventError } from '../../src/handler-kit/s3-event';

/** As S3 writes it: "Event message structure", S3 user guide. */
function record(key: unknown, eventName: unknown = 'ObjectCreated:Put') {
  return {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'eu-west-1',
    eventTime: '2026-11-01T10:00:00.000Z',
    eventName,
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'images',
      bucket: { name: 'uploads', ownerIdentity: { principalId: 'A' }, arn: 'arn:aws:s3:::uploads' },
      object: { key, size: 1024, eTag: 'd41d8cd98f00b204e9800998ecf8427e', versionId: 'v1', sequencer: '0055AED6DCD90281E5' },
    },
  };
}
const s3 = (key: unknown, eventName?: unknown) => ({ Records: [record(key, eventName)] });

/** As EventBridge writes it: "EventBridge event message structure", S3 user guide. */
const eventBridge = (key: unknown, detailType: unknown = 'Object Created', reason: unknown = 'PutObject') => ({
  'version': '0',
  'id': '17793124-05d4-b198-2fde-7ededc63b103',
  'detail-type': detailType,
  'source': 'aws.s3',
  'account': '111122223333',
  'time': '2026-11-01T10:00:00Z',
  'region': 'eu-west-1',
  'resources': ['arn:aws:s3:::uploads'],
  'detail': {
    'version': '0',
    'bucket': { name: 'uploads' },
    'object': { key, 'size': 1024, 'etag': 'd41d8cd98f00b204e9800998ecf8427e', 'version-id': 'v1', 'sequencer': '0055AED6DCD90281E5' },
    'request-id': 'N4N7GDK58NMKJ12R',
    'requester': '111122223333',
    reason,
    'deletion-type': detailType === 'Object Deleted' ? 'Delete Marker Created' : undefined,
  },
});

/** As SNS writes it without raw message delivery. */
const viaSns = (event: unknown) => ({
  Type: 'Notification',
  MessageId: 'dc1e94d9-56c5-5e96-808d-cc7f68faa162',
  TopicArn: 'arn:aws:sns:eu-west-1:111122223333:uploads',
  Subject: 'Amazon S3 Notification',
  Message: JSON.stringify(event),
  Timestamp: '2026-11-01T10:00:00.000Z',
});

const ABOUT = {
  bucket: 'uploads', etag: 'd41d8cd98f00b204e9800998ecf8427e', versionId: 'v1', sequencer: '0055AED6DCD90281E5', size: 1024,
};

/** The ways from an event to what a handler gets. */
const WAYS: [string, (event: unknown) => unknown][] = [
  ['raw', (event) => event],
  ['as text', (event) => JSON.stringify(event)],
  ['via SNS', (event) => viaSns(event)],
  ['via SNS as text', (event) => JSON.stringify(viaSns(event))],
];

describe.each(WAYS)('%s', (_way, send) => {
  test('S3 notification', () => {
    expect(normalizeS3Events(send(s3('originals/a+b.jpg')))).toEqual([
      { ...ABOUT, key: 'originals/a b.jpg', kind: 'created', reason: 'ObjectCreated:Put', shape: 's3' },
    ]);
  });

  test('EventBridge event', () => {
    expect(normalizeS3Events(send(eventBridge('originals/a+b.jpg')))).toEqual([
      { ...ABOUT, key: 'originals/a+b.jpg', kind: 'created', reason: 'PutObject', shape: 'eventbridge' },
    ]);
  });

  test('several records', () => {
    expect(normalizeS3Events(send({ Records: [record('a'), record('b', 'ObjectRemoved:Delete')] })))
      .toEqual([expect.objectContaining({ key: 'a', kind: 'created' }), expect.objectContaining({ key: 'b', kind: 'removed' })]);
  });

  test('no records', () => {
    expect(normalizeS3Events(send({ Records: [] }))).toEqual([]);
  });

  test('the test event of a new notification', () => {
    expect(normalizeS3Events(send({
      Service: 'Amazon S3', Event: 's3:TestEvent', Time: '2026-11-01T10:00:00.000Z', Bucket: 'uploads', RequestId: 'R', HostId: 'H',
    }))).toEqual([]);
  });
});

test.each([
  ['ObjectCreated:Put', 'created'],
  ['ObjectCreated:Post', 'created'],
  ['ObjectCreated:Copy', 'created'],
  ['ObjectCreated:CompleteMultipartUpload', 'created'],
  ['s3:ObjectCreated:Put', 'created'],
  ['ObjectRemoved:Delete', 'removed'],
  ['ObjectRemoved:DeleteMarkerCreated', 'removed'],
  ['LifecycleExpiration:Delete', 'removed'],
  ['LifecycleExpiration:DeleteMarkerCreated', 'removed'],
])('S3 %s: %s', (eventName, kind) => {
  expect(normalizeS3Events(s3('k', eventName))).toEqual([expect.objectContaining({ kind, reason: eventName })]);
});

test.each([
  ['Object Created', 'CompleteMultipartUpload', 'created'],
  ['Object Deleted', 'DeleteObject', 'removed'],
  ['Object Deleted', 'Lifecycle Expiration', 'removed'],
])('EventBridge %s by %s: %s', (detailType, reason, kind) => {
  expect(normalizeS3Events(eventBridge('k', detailType, reason))).toEqual([expect.objectContaining({ kind, reason })]);
});

test.each([
  ['a+b', 'a b', 'a+b'],
  ['a%2Bb', 'a+b', 'a%2Bb'],
  ['a%2Fb', 'a/b', 'a%2Fb'],
  ['a%252Fb', 'a%2Fb', 'a%252Fb'],
  ['a/b', 'a/b', 'a/b'],
  ['%28a%29', '(a)', '%28a%29'],
  ['(a)', '(a)', '(a)'],
  ['%F0%9F%93%B7.jpg', '📷.jpg', '%F0%9F%93%B7.jpg'],
  ['caf%C3%A9', 'café', 'caf%C3%A9'],
])('key %s is %s in an S3 notification and %s in an EventBridge event', (written, fromS3, fromEventBridge) => {
  expect(normalizeS3Events(s3(written))[0].key).toBe(fromS3);
  expect(normalizeS3Events(eventBridge(written))[0].key).toBe(fromEventBridge);
});

test('what is optional may be missing or of another type', () => {
  const object = { key: 'k', size: '12', etag: 5, eTag: null };
  const created = { bucket: 'b', key: 'k', kind: 'created' };
  expect(normalizeS3Events({ Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'b' }, object } }] }))
    .toEqual([{ ...created, reason: 'ObjectCreated:Put', shape: 's3' }]);
  expect(normalizeS3Events({ 'detail-type': 'Object Created', 'detail': { bucket: { name: 'b' }, object } }))
    .toEqual([{ ...created, shape: 'eventbridge' }]);
});

test.each<[string, unknown, string]>([
  ['undefined', undefined, 'the message is no JSON object'],
  ['null', null, 'the message is no JSON object'],
  ['a number', 7, 'the message is no JSON object'],
  ['a list', [record('k')], 'the message is no JSON object'],
  ['text', 'hello', 'the message is no JSON object'],
  ['empty text', '', 'the message is no JSON object'],
  ['a JSON string', '"hello"', 'the message is no JSON object'],
  ['an empty object', {}, 'the message is no S3 event'],
  ['an SNS notification of something else', viaSns({ hello: 'world' }), 'the message is no S3 event'],
  ['an SNS notification of text', { Type: 'Notification', Message: 'hello' }, 'the message is no JSON object'],
  ['an SNS notification without text', { Type: 'Notification', Message: {} }, 'the message is no S3 event'],
  ['an SNS notification in another', viaSns(viaSns(s3('k'))), 'the message is no S3 event'],
  ['an SNS subscription', { ...viaSns(s3('k')), Type: 'SubscriptionConfirmation' }, 'the message is no S3 event'],
  ['records of SQS', { Records: [{ messageId: 'm', body: '{}' }] }, 'a record of the message is no S3 record'],
  ['records that are no objects', { Records: ['k'] }, 'a record of the message is no S3 record'],
  ['a record without bucket', { Records: [{ s3: { object: { key: 'k' } } }] }, 'a record of the message is no S3 record'],
  ['a record without object', { Records: [{ s3: { bucket: { name: 'b' } } }] }, 'a record of the message is no S3 record'],
  ['a bucket without name', { Records: [{ s3: { bucket: {}, object: { key: 'k' } } }] }, 'the event has no bucket name'],
  ['an empty key', s3(''), 'the event has no object key'],
  ['a key that is no text', s3(7), 'the event has no object key'],
  ['a key that is not encoded', s3('100%'), 'the object key is not form-encoded'],
  ['a key that is not UTF-8', s3('%FF'), 'the object key is not form-encoded'],
  ['another S3 event', s3('k', 'ObjectTagging:Put'), 'the event is neither about a creation nor about a removal'],
  ['an S3 event without name', s3('k', null), 'the event is neither about a creation nor about a removal'],
  ['another EventBridge event', eventBridge('k', 'Object Tags Added'), 'the event is neither about a creation nor about a removal'],
  ['an EventBridge event without key', eventBridge(''), 'the event has no object key'],
  ['an EventBridge event without detail', { 'detail-type': 'Object Created' }, 'the event has no detail of an S3 object'],
  ['one without bucket', { 'detail-type': 'Object Created', 'detail': { object: { key: 'k' } } }, 'the event has no detail of an S3 object'],
  ['one without object', { 'detail-type': 'Object Created', 'detail': { bucket: { name: 'b' } } }, 'the event has no detail of an S3 object'],
])('refuses %s', (_name, body, message) => {
  const read = () => normalizeS3Events(body);
  expect(read).toThrow(UnknownEventError);
  expect(read).toThrow(new UnknownEventError(message));
});

describe('any key survives', () => {
  const anyKey = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.string({ unit: fc.constantFrom('%', '2', 'F', 'f', '+', ' ', '/', '(', ')', '.', '\\', '"', '\n', '📷'), minLength: 1 }),
  );
  /** Encoders seen in the wild: which characters beyond the necessary ones are encoded, and in which letter case. */
  const ENCODERS: [string, (key: string) => string][] = [
    ['browser forms', (key) => encodeURIComponent(key).replaceAll('%20', '+')],
    ['slashes kept', (key) => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/')],
    ['every byte', (key) => [...Buffer.from(key)].map((byte) => '%' + byte.toString(16).padStart(2, '0')).join('')],
    ['URLSearchParams', (key) => new URLSearchParams({ key }).toString().slice('key='.length)],
  ];

  test.each(WAYS.flatMap(([way, send]) => ENCODERS.map(([encoder, encode]) => [way, encoder, send, encode] as const)))(
    'in an S3 notification, %s, encoded by %s', (_way, _encoder, send, encode) => {
      fc.assert(fc.property(anyKey, (key) => {
        expect(normalizeS3Events(send(s3(encode(key))))[0].key).toBe(key);
      }));
    });

  test.each(WAYS)('in an EventBridge event, %s', (_way, send) => {
    fc.assert(fc.property(anyKey, (key) => {
      expect(normalizeS3Events(send(eventBridge(key)))[0].key).toBe(key);
    }));
  });
});

test('any JSON is either read or refused by an UnknownEventError', () => {
  const names = ['Records', 'detail-type', 'detail', 'Type', 'Message', 's3', 'bucket', 'object', 'key', 'name', 'eventName', 'Event'];
  const { body } = fc.letrec<{ body: unknown }>((tie) => ({
    body: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue(), fc.constantFrom('Notification', 'Object Created', 'ObjectCreated:Put', 's3:TestEvent'),
      fc.array(tie('body'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...names), tie('body')),
    ),
  }));
  fc.assert(fc.property(body, fc.boolean(), (value, asText) => {
    try {
      expect(Array.isArray(normalizeS3Events(asText ? JSON.stringify(value) : value))).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(UnknownEventError);
    }
  }), { numRuns: 1_000 });
});
