/** What happened to one object, whichever way the news came. A hint only: duplicates and disorder are normal. */
export interface S3ObjectEvent {
  readonly bucket: string;
  /** The object's key as the S3 API takes it. */
  readonly key: string;
  /** A delete marker and an expiry are removals. */
  readonly kind: 'created' | 'removed';
  /** Without quotes. */
  readonly etag?: string;
  readonly versionId?: string;
  /** Hexadecimal; orders events of one key only. */
  readonly sequencer?: string;
  /** Bytes. */
  readonly size?: number;
  /** The service's words: EventBridge's `reason`, S3's `eventName`. */
  readonly reason?: string;
  readonly shape: 's3' | 'eventbridge';
}

/** A message that is no object-level event of S3. It never gets better by a retry. */
export class UnknownEventError extends Error {
  public override readonly name = 'UnknownEventError';
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the body of a queue message (JSON text or already parsed) in every shape S3's news arrive in: S3's own
 * notification with `Records`, an EventBridge event, either of them wrapped by SNS, and the `s3:TestEvent` that S3
 * sends when a notification is configured, which names no object.
 *
 * S3 form-encodes keys in its own notifications ("Event message structure", S3 user guide); EventBridge events carry
 * them as they are.
 *
 * @throws {@link UnknownEventError} for everything else; the message never quotes the event
 */
export function normalizeS3Events(body: unknown): readonly S3ObjectEvent[] {
  const event = asJson(body);
  return fromS3(isNotification(event) ? asJson(event.Message) : event);
}

function fromS3(event: Json): readonly S3ObjectEvent[] {
  if (Array.isArray(event.Records)) {
    return event.Records.map(fromRecord);
  }
  if (typeof event['detail-type'] === 'string') {
    return [fromEventBridge(event)];
  }
  if (event.Event === 's3:TestEvent') {
    return [];
  }
  throw new UnknownEventError('the message is no S3 event');
}

/** SNS without raw message delivery. */
function isNotification(event: Json): boolean {
  return event.Type === 'Notification' && typeof event.Message === 'string';
}

function fromRecord(record: unknown): S3ObjectEvent {
  const { eventName, s3 } = isJson(record) ? record : {};
  if (!isJson(s3) || !isJson(s3.bucket) || !isJson(s3.object)) {
    throw new UnknownEventError('a record of the message is no S3 record');
  }
  const { key, eTag, versionId, sequencer, size } = s3.object;
  return {
    bucket: required(s3.bucket.name, 'bucket name'),
    key: formDecoded(required(key, 'object key')),
    kind: kindOf(eventName, RECORD_KINDS),
    etag: text(eTag),
    versionId: text(versionId),
    sequencer: text(sequencer),
    size: bytes(size),
    reason: text(eventName),
    shape: 's3',
  };
}

function fromEventBridge(event: Json): S3ObjectEvent {
  const { detail } = event;
  if (!isJson(detail) || !isJson(detail.bucket) || !isJson(detail.object)) {
    throw new UnknownEventError('the event has no detail of an S3 object');
  }
  const { key, etag, 'version-id': versionId, sequencer, size } = detail.object;
  return {
    bucket: required(detail.bucket.name, 'bucket name'),
    key: required(key, 'object key'),
    kind: kindOf(event['detail-type'], DETAIL_KINDS),
    etag: text(etag),
    versionId: text(versionId),
    sequencer: text(sequencer),
    size: bytes(size),
    reason: text(detail.reason),
    shape: 'eventbridge',
  };
}

type Kinds = readonly (readonly [RegExp, S3ObjectEvent['kind']])[];

/** "Supported event types", S3 user guide. Messages leave out the `s3:` of the configuration. */
const RECORD_KINDS: Kinds = [
  [/^(s3:)?ObjectCreated:/, 'created'],
  [/^(s3:)?(ObjectRemoved|LifecycleExpiration):/, 'removed'],
];

/** "EventBridge event message structure", S3 user guide. */
const DETAIL_KINDS: Kinds = [
  [/^Object Created$/, 'created'],
  [/^Object Deleted$/, 'removed'],
];

function kindOf(eventName: unknown, kinds: Kinds): S3ObjectEvent['kind'] {
  const kind = kinds.find(([pattern]) => typeof eventName === 'string' && pattern.test(eventName))?.[1];
  if (kind === undefined) {
    throw new UnknownEventError('the event is neither about a creation nor about a removal');
  }
  return kind;
}

/** `application/x-www-form-urlencoded`: a plus is a space, everything else percent-encoded UTF-8. */
function formDecoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    throw new UnknownEventError('the object key is not form-encoded');
  }
}

function asJson(body: unknown): Json {
  const value = typeof body === 'string' ? parsed(body) : body;
  if (!isJson(value)) {
    throw new UnknownEventError('the message is no JSON object');
  }
  return value;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function required(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') {
    throw new UnknownEventError(`the event has no ${what}`);
  }
  return value;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function bytes(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
