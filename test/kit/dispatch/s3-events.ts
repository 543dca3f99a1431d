import { createHash } from 'node:crypto';

/** A change of an object that S3 tells about. */
export interface ObjectChange {
  readonly bucket: string;
  /** As the API takes it, not encoded. */
  readonly key: string;
  readonly kind: 'put' | 'copy' | 'multipart' | 'delete' | 'delete-marker' | 'expire' | 'expire-marker';
  /** Without quotes. */
  readonly etag?: string;
  readonly size?: number;
  readonly versionId?: string;
}

export interface EventSettings {
  readonly account: string;
  readonly region: string;
  readonly partition: string;
}

interface Words {
  /** `reason` and, of removals, `deletion-type` in EventBridge. */
  readonly reason: string;
  readonly deletion?: string;
  readonly eventName: string;
}

/** "EventBridge event message structure" and "Supported event types for SQS, SNS, and Lambda", S3 user guide. */
const WORDS: Readonly<Record<ObjectChange['kind'], Words>> = {
  'put': { reason: 'PutObject', eventName: 'ObjectCreated:Put' },
  'copy': { reason: 'CopyObject', eventName: 'ObjectCreated:Copy' },
  'multipart': { reason: 'CompleteMultipartUpload', eventName: 'ObjectCreated:CompleteMultipartUpload' },
  'delete': { reason: 'DeleteObject', deletion: 'Permanently Deleted', eventName: 'ObjectRemoved:Delete' },
  'delete-marker': { reason: 'DeleteObject', deletion: 'Delete Marker Created', eventName: 'ObjectRemoved:DeleteMarkerCreated' },
  'expire': { reason: 'Lifecycle Expiration', deletion: 'Permanently Deleted', eventName: 'LifecycleExpiration:Delete' },
  'expire-marker': { reason: 'Lifecycle Expiration', deletion: 'Delete Marker Created', eventName: 'LifecycleExpiration:DeleteMarkerCreated' },
};

/** Writes S3's news in every shape they have. */
export class S3Events {
  private readonly sequence = new Map<string, number>();
  private ids = 0;

  constructor(private readonly settings: EventSettings) {}

  /** The next place in the order of one key; those of two keys say nothing about each other. */
  public nextSequencer({ bucket, key }: Pick<ObjectChange, 'bucket' | 'key'>): string {
    const name = `${bucket}/${key}`;
    const next = (this.sequence.get(name) ?? 0) + 1;
    this.sequence.set(name, next);
    const start = createHash('sha256').update(name).digest('hex').slice(0, 10);
    return `00${start}${next.toString(16).padStart(6, '0')}`.toUpperCase();
  }

  /** As EventBridge gets it: the key as it is. */
  public eventBridge(change: ObjectChange, time: number, sequencer = this.nextSequencer(change)): Record<string, unknown> {
    const { account, partition, region } = this.settings;
    const { reason, deletion } = WORDS[change.kind];
    const id = this.nextId();
    return {
      'version': '0',
      'id': id,
      'detail-type': deletion ? 'Object Deleted' : 'Object Created',
      'source': 'aws.s3',
      'account': account,
      'time': new Date(time).toISOString().replace(/\.\d+Z$/, 'Z'),
      'region': region,
      'resources': [`arn:${partition}:s3:::${change.bucket}`],
      'detail': {
        'version': '0',
        'bucket': { name: change.bucket },
        'object': {
          key: change.key,
          ...!deletion && { size: change.size ?? 0 },
          ...change.etag !== undefined && { etag: change.etag },
          ...change.versionId !== undefined && { 'version-id': change.versionId },
          sequencer,
        },
        'request-id': id.slice(-16).replace('-', 'A').toUpperCase(),
        'requester': account,
        'source-ip-address': '192.0.2.1',
        reason,
        ...deletion && { 'deletion-type': deletion },
      },
    };
  }

  /** As queues, topics and functions get it directly: the key form-encoded, a slash kept. */
  public notification(change: ObjectChange, time: number, sequencer = this.nextSequencer(change)): Record<string, unknown> {
    const { account, partition, region } = this.settings;
    const { deletion, eventName } = WORDS[change.kind];
    return {
      Records: [{
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: region,
        eventTime: new Date(time).toISOString(),
        eventName,
        userIdentity: { principalId: `AWS:${account}` },
        requestParameters: { sourceIPAddress: '192.0.2.1' },
        responseElements: { 'x-amz-request-id': this.nextId().slice(-12).toUpperCase(), 'x-amz-id-2': 'kit' },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'kit',
          bucket: { name: change.bucket, ownerIdentity: { principalId: 'KIT' }, arn: `arn:${partition}:s3:::${change.bucket}` },
          object: {
            key: formEncoded(change.key),
            ...!deletion && { size: change.size ?? 0, eTag: change.etag },
            ...change.versionId !== undefined && { versionId: change.versionId },
            sequencer,
          },
        },
      }],
    };
  }

  /** What S3 sends when a notification is configured. */
  public testEvent(bucket: string, time: number): Record<string, unknown> {
    return {
      Service: 'Amazon S3', Event: 's3:TestEvent', Time: new Date(time).toISOString(), Bucket: bucket, RequestId: this.nextId(), HostId: 'kit',
    };
  }

  /** A queue's message body when the news came by SNS without raw delivery. */
  public fromTopic(topicArn: string, message: Record<string, unknown>, time: number): Record<string, unknown> {
    return {
      Type: 'Notification',
      MessageId: this.nextId(),
      TopicArn: topicArn,
      Subject: 'Amazon S3 Notification',
      Message: JSON.stringify(message),
      Timestamp: new Date(time).toISOString(),
      SignatureVersion: '1',
    };
  }

  private nextId(): string {
    return uuid('s3', ++this.ids);
  }
}

/** `application/x-www-form-urlencoded` as Java writes it, except for the slash. */
export function formEncoded(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+').replaceAll('%2F', '/');
}

/** An id that is the same in every run. */
export function uuid(...parts: readonly (string | number)[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}
