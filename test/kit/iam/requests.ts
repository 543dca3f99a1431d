import { EC2_ROWS, KMS_ROWS } from './ec2-requests';
import { listOf } from '../proxy/body';
import type { RecordedCall } from '../proxy/call';
import { DEFAULT_PLACEMENT } from '../resolver';

/** One question to IAM: may this be done to that? */
export interface IamRequest {
  readonly action: string;
  readonly resource: string;
  /** Owner of the resource; an S3 ARN does not name it. */
  readonly resourceAccount: string;
  readonly context: Readonly<Record<string, string | readonly string[]>>;
}

/** What a call does not say about what it touches. */
export interface Landscape {
  readonly account: string;
  readonly region: string;
  readonly partition: string;
  /** ARN of the key that encrypts a bucket by default. */
  readonly bucketKey?: (bucket: string) => string | undefined;
  /** ARN of the key that encrypts a queue, topic, stream, table or secret. */
  readonly keyOf?: (arn: string) => string | undefined;
  /** Whether an object has tags, which travel with a copy. */
  readonly isTagged?: (bucket: string, key: string) => boolean;
  /** Tags of a resource by its ARN. */
  readonly tagsOf?: (arn: string) => Readonly<Record<string, string>>;
  /** ARNs of the volumes of an instance. */
  readonly volumesOf?: (instanceArn: string) => readonly string[];
  /** Account of a snapshot or image, whose ARN has none. */
  readonly ownerOf?: (arn: string) => string | undefined;
}

/** The permissions a call needs, by the services' own documentation; a call without a row in the table throws. */
export function requestsOf(call: RecordedCall, landscape: Landscape = DEFAULT_PLACEMENT): readonly IamRequest[] {
  const rows = TABLE[call.service];
  const row = rows?.[call.operation] ?? rows?.['*'];
  if (!row) throw new Error(`test/kit/iam/requests.ts has no row for ${call.service}:${call.operation}`);
  return row(new Request(call, landscape));
}

/** What the Lambda service does under a function's role at each invocation. */
export function logRequests(logGroup: string, landscape: Landscape): readonly IamRequest[] {
  const { account, partition, region } = landscape;
  const stream = `arn:${partition}:logs:${region}:${account}:log-group:${logGroup}:log-stream:2026/01/01/[$LATEST]0`;
  return ['logs:CreateLogStream', 'logs:PutLogEvents'].map((action) => requestOf(action, stream, landscape));
}

/** A queue, and the key its messages are encrypted with. */
export interface QueueAccess {
  readonly arn: string;
  readonly kmsKeyArn?: string;
}

/** What the SQS poller does under a function's role. */
export function pollerRequests({ arn, kmsKeyArn }: QueueAccess, landscape: Landscape): readonly IamRequest[] {
  return [
    ...['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'].map((action) => requestOf(action, arn, landscape)),
    ...kmsKeyArn === undefined ? [] : [requestOf('kms:Decrypt', kmsKeyArn, landscape, { 'kms:ViaService': `sqs.${landscape.region}.amazonaws.com` })],
  ];
}

/** A stream as an event source mapping reads it. */
export interface StreamAccess {
  readonly streamArn: string;
  /** The stream, or its consumer: enhanced fan-out. */
  readonly sourceArn: string;
  readonly kmsKeyArn?: string;
}

/**
 * What an event source mapping of a stream does under a function's role ("Process Amazon Kinesis Data Streams records with
 * Lambda"). The guide's list is one for both ways of reading; whether a consumer's mapping polls as well is unconfirmed.
 */
export function streamRequests({ kmsKeyArn, sourceArn, streamArn }: StreamAccess, landscape: Landscape): readonly IamRequest[] {
  const onStream = (...names: string[]) => names.map((name) => requestOf(`kinesis:${name}`, streamArn, landscape));
  const subscribing = sourceArn === streamArn ? [] : ['SubscribeToShard', 'DescribeStreamConsumer'].map((name) => requestOf(`kinesis:${name}`, sourceArn, landscape));
  return [
    ...onStream('DescribeStream', 'DescribeStreamSummary', 'ListShards', 'GetRecords', 'GetShardIterator'),
    ...subscribing,
    ...kmsKeyArn === undefined ? [] : [requestOf('kms:Decrypt', kmsKeyArn, landscape, { 'kms:ViaService': `kinesis.${landscape.region}.amazonaws.com` })],
  ];
}

/** An object that a service writes under a function's role: a batch that an event source mapping gave up. */
export function failureObjectRequests(bucketArn: string, key: string, landscape: Landscape): readonly IamRequest[] {
  const bucket = bucketArn.split(':::')[1];
  const kmsKey = landscape.bucketKey?.(bucket);
  return [
    requestOf('s3:PutObject', `${bucketArn}/${key}`, landscape),
    requestOf('s3:ListBucket', bucketArn, landscape),
    ...kmsKey === undefined ? [] : [requestOf('kms:GenerateDataKey', kmsKey, landscape, {
      'kms:ViaService': `s3.${landscape.region}.amazonaws.com`,
      'kms:CallerAccount': landscape.account,
      'kms:EncryptionContext:aws:s3:arn': bucketArn,
    })],
  ];
}

/** Sending a message; a service that sends of its own accord asks the key directly (SQS developer guide, "Key management"). */
export function senderRequests({ arn, kmsKeyArn }: QueueAccess, landscape: Landscape, context: IamRequest['context'] = {}): readonly IamRequest[] {
  return [
    requestOf('sqs:SendMessage', arn, landscape, context),
    ...kmsKeyArn === undefined ? [] : ['kms:GenerateDataKey', 'kms:Decrypt'].map((action) => requestOf(action, kmsKeyArn, landscape, context)),
  ];
}

/** A request with the context keys every request has. */
export function requestOf(action: string, resource: string, { account, region }: Landscape, context: IamRequest['context'] = {}): IamRequest {
  return {
    action,
    resource,
    resourceAccount: account,
    context: {
      'aws:RequestedRegion': region,
      'aws:ResourceAccount': account,
      'aws:SecureTransport': 'true',
      ...action.startsWith('s3:') && { 's3:ResourceAccount': account },
      ...context,
    },
  };
}

type Json = Readonly<Record<string, unknown>>;
export type Row = (request: Request) => readonly IamRequest[];

export class Request {
  public readonly body: Json;
  public readonly headers: Readonly<Record<string, string>>;
  public readonly query: Readonly<Record<string, string>>;

  constructor(public readonly call: RecordedCall, public readonly landscape: Landscape) {
    this.body = isJson(call.params.body) ? call.params.body : {};
    this.headers = call.params.headers ?? {};
    this.query = call.params.query ?? {};
  }

  public get bucket(): string {
    return `arn:${this.landscape.partition}:s3:::${this.call.params.bucket}`;
  }

  public object(key = this.call.params.key): string {
    return `${this.bucket}/${key}`;
  }

  /** ARN in the caller's account and the call's Region. */
  public arn(service: string, resource: string): string {
    return `arn:${this.landscape.partition}:${service}:${this.call.region}:${this.landscape.account}:${resource}`;
  }

  public label(name: string): string {
    return this.call.params.labels?.[name] ?? '';
  }

  public field(name: string): string {
    const value = this.body[name];
    if (typeof value !== 'string') throw new Error(`${this.call.service}:${this.call.operation} has no ${name}`);
    return value;
  }

  public items(name: string): readonly Json[] {
    return listOf<Json>(this.body[name]);
  }

  public ask(action: string, resource: string, context: IamRequest['context'] = {}): IamRequest {
    const { tagsOf = () => ({}) } = this.landscape;
    const tags = Object.entries(tagsOf(resource)).map(([key, value]) => [`aws:ResourceTag/${key}`, value]);
    return requestOf(action, resource, { ...this.landscape, region: this.call.region }, { ...Object.fromEntries(tags), ...context });
  }

  /** Reading or writing an object under a KMS key asks the key too, through S3. */
  public key(action: 'kms:Decrypt' | 'kms:GenerateDataKey', bucket = this.call.params.bucket): readonly IamRequest[] {
    const own = bucket === this.call.params.bucket ? this.headers['x-amz-server-side-encryption-aws-kms-key-id'] : undefined;
    const key = own ?? this.landscape.bucketKey?.(bucket!);
    return key === undefined ? [] : [this.ask(action, key, {
      'kms:ViaService': `s3.${this.call.region}.amazonaws.com`,
      'kms:CallerAccount': this.landscape.account,
      'kms:EncryptionContext:aws:s3:arn': `arn:${this.landscape.partition}:s3:::${bucket}`,
    })];
  }

  public readObject(version: string | undefined = this.query.versionId): IamRequest {
    return this.ask(version === undefined ? 's3:GetObject' : 's3:GetObjectVersion', this.object());
  }

  /** `If-Match` lets the caller learn an object's etag ("conditional writes", S3 user guide). */
  public conditional(): readonly IamRequest[] {
    return this.headers['if-match'] === undefined ? [] : [this.ask('s3:GetObject', this.object())];
  }

  public put(): readonly IamRequest[] {
    const tagging = this.headers['x-amz-tagging'] === undefined ? [] : [this.ask('s3:PutObjectTagging', this.object())];
    return [this.ask('s3:PutObject', this.object()), ...tagging, ...this.key('kms:GenerateDataKey'), ...this.conditional()];
  }

  public copy(): readonly IamRequest[] {
    const { bucket, key, versionId } = this.call.params.copySource!;
    const source = `arn:${this.landscape.partition}:s3:::${bucket}/${key}`;
    const version = versionId === undefined ? '' : 'Version';
    const travels = this.call.operation === 'CopyObject' && this.headers['x-amz-tagging-directive'] !== 'REPLACE'
      && (this.landscape.isTagged?.(bucket, key) ?? false);
    return [
      this.ask(`s3:GetObject${version}`, source),
      ...this.key('kms:Decrypt', bucket),
      ...this.put(),
      ...travels ? [this.ask(`s3:GetObject${version}Tagging`, source), this.ask('s3:PutObjectTagging', this.object())] : [],
    ];
  }

  public delete(key = this.call.params.key, version?: unknown): IamRequest {
    return this.ask(version === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion', this.object(key));
  }

  public queue(action: string, ...keyActions: readonly string[]): readonly IamRequest[] {
    const queue = this.arn('sqs', new URL(this.field('QueueUrl')).pathname.split('/').at(-1)!);
    return [this.ask(`sqs:${action}`, queue), ...this.keyOf(queue, ...keyActions)];
  }

  /** Using what lies under a key of one's own asks the key too, through the service. */
  public keyOf(resource: string, ...keyActions: readonly string[]): readonly IamRequest[] {
    const key = this.landscape.keyOf?.(resource);
    return key === undefined ? [] : keyActions.map((action) => this.ask(action, key, { 'kms:ViaService': `${this.call.service}.${this.call.region}.amazonaws.com` }));
  }

  public table(action: string, name: unknown): readonly IamRequest[] {
    const given = String(name);
    const table = given.startsWith('arn:') ? given : this.arn('dynamodb', `table/${given}`);
    return [this.ask(`dynamodb:${action}`, table), ...this.keyOf(table, 'kms:Decrypt')];
  }

  /** The service acts under a role the caller hands over. */
  public passRole(service: string, role: unknown): readonly IamRequest[] {
    return typeof role === 'string' ? [this.ask('iam:PassRole', role, { 'iam:PassedToService': service })] : [];
  }
}

const list = (action: string): Row => (request) => [request.ask(action, request.bucket, {
  ...request.query.prefix !== undefined && { 's3:prefix': request.query.prefix },
  ...request.query.delimiter !== undefined && { 's3:delimiter': request.query.delimiter },
  ...request.query['max-keys'] !== undefined && { 's3:max-keys': request.query['max-keys'] },
})];
const onObject = (action: string): Row => (request) => [request.ask(action, request.object())];
const onQueue = (action: string, ...keyActions: readonly string[]): Row => (request) => request.queue(action, ...keyActions);
const publish: Row = (request) => [request.ask('sns:Publish', request.field('TopicArn')), ...request.keyOf(request.field('TopicArn'), ...SENDING)];
const onStream = (...keyActions: readonly string[]): Row => (request) => {
  const stream = String(request.body.StreamARN ?? request.arn('kinesis', `stream/${String(request.body.StreamName)}`));
  return [request.ask(`kinesis:${request.call.operation}`, stream), ...request.keyOf(stream, ...keyActions)];
};
/** SQS and SNS read the data key they wrote with again. */
const SENDING = ['kms:GenerateDataKey', 'kms:Decrypt'];
const onTable: Row = (request) => request.table(request.call.operation, request.body.TableName);
const anywhere = (prefix: string): Row => (request) => [request.ask(`${prefix}:${request.call.operation}`, '*')];

/** Signing name → operation → permissions. Sources: the services' API references and "Actions, resources, and condition keys". */
const TABLE: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  s3: {
    // The checksum of an encrypted object is only told to who may decrypt it.
    HeadObject: (request) => [request.readObject(), ...request.headers['x-amz-checksum-mode'] ? request.key('kms:Decrypt') : []],
    GetObject: (request) => [request.readObject(), ...request.key('kms:Decrypt')],
    GetObjectTagging: onObject('s3:GetObjectTagging'),
    PutObjectTagging: onObject('s3:PutObjectTagging'),
    HeadBucket: list('s3:ListBucket'),
    ListObjects: list('s3:ListBucket'),
    ListObjectsV2: list('s3:ListBucket'),
    ListObjectVersions: list('s3:ListBucketVersions'),
    PutObject: (request) => request.put(),
    CreateMultipartUpload: (request) => request.put(),
    UploadPart: (request) => [...request.put(), ...request.key('kms:Decrypt')],
    CompleteMultipartUpload: (request) => [...request.put(), ...request.key('kms:Decrypt')],
    AbortMultipartUpload: onObject('s3:AbortMultipartUpload'),
    CopyObject: (request) => request.copy(),
    UploadPartCopy: (request) => request.copy(),
    DeleteObject: (request) => [request.delete(request.call.params.key, request.query.versionId), ...request.conditional()],
    DeleteObjects: (request) => listOf<Json>((request.body.Delete as Json).Object)
      .map(({ Key, VersionId }) => request.delete(String(Key), VersionId)),
  },
  sqs: {
    SendMessage: onQueue('SendMessage', ...SENDING),
    SendMessageBatch: onQueue('SendMessage', ...SENDING),
    ReceiveMessage: onQueue('ReceiveMessage', 'kms:Decrypt'),
    DeleteMessage: onQueue('DeleteMessage'),
    DeleteMessageBatch: onQueue('DeleteMessage'),
    ChangeMessageVisibility: onQueue('ChangeMessageVisibility'),
    ChangeMessageVisibilityBatch: onQueue('ChangeMessageVisibility'),
    GetQueueAttributes: onQueue('GetQueueAttributes'),
  },
  sns: {
    Publish: publish,
    PublishBatch: publish,
  },
  events: {
    PutEvents: (request) => request.items('Entries').map(({ EventBusName, Source, DetailType }) => (
      request.ask('events:PutEvents', busArn(request, EventBusName), { 'events:source': String(Source), 'events:detail-type': String(DetailType) }))),
    DescribeEventBus: (request) => [request.ask('events:DescribeEventBus', busArn(request, request.body.Name))],
  },
  lambda: {
    Invoke: (request) => {
      const name = request.label('FunctionName');
      return [request.ask('lambda:InvokeFunction', name.startsWith('arn:') ? name : request.arn('lambda', `function:${name}`))];
    },
  },
  kinesis: {
    'PutRecord': onStream('kms:GenerateDataKey'),
    'PutRecords': onStream('kms:GenerateDataKey'),
    '*': onStream('kms:Decrypt'),
  },
  firehose: {
    '*': (request) => [request.ask(`firehose:${request.call.operation}`, request.arn('firehose', `deliverystream/${request.field('DeliveryStreamName')}`))],
  },
  secretsmanager: {
    GetSecretValue: (request) => [
      request.ask('secretsmanager:GetSecretValue', request.field('SecretId')), ...request.keyOf(request.field('SecretId'), 'kms:Decrypt'),
    ],
  },
  cloudfront: {
    CreateInvalidation: (request) => [request.ask('cloudfront:CreateInvalidation',
      `arn:${request.landscape.partition}:cloudfront::${request.landscape.account}:distribution/${request.label('DistributionId')}`)],
  },
  rekognition: { '*': anywhere('rekognition') },
  monitoring: { '*': anywhere('cloudwatch') },
  dynamodb: {
    'BatchWriteItem': (request) => Object.keys(request.body.RequestItems as Json).flatMap((table) => request.table('BatchWriteItem', table)),
    'BatchGetItem': (request) => Object.keys(request.body.RequestItems as Json).flatMap((table) => request.table('BatchGetItem', table)),
    // No action of its own: each item asks for what it does.
    'TransactWriteItems': (request) => request.items('TransactItems').flatMap((item) => Object.entries(item).flatMap(([kind, detail]) =>
      request.table(kind === 'ConditionCheck' ? 'ConditionCheckItem' : `${kind}Item`, (detail as Json).TableName))),
    '*': onTable,
  },
  ec2: EC2_ROWS,
  kms: KMS_ROWS,
  // The caller's own side; the role's trust is for whoever plays STS.
  sts: {
    AssumeRole: (request) => [request.ask('sts:AssumeRole', request.field('RoleArn'), {
      ...request.body.ExternalId !== undefined && { 'sts:ExternalId': request.field('ExternalId') },
    })],
  },
  ssm: {
    SendCommand: (request) => [
      request.ask('ssm:SendCommand', request.arn('ssm', `document/${request.field('DocumentName')}`)),
      ...listOf<string>(request.body.InstanceIds).map((id) => {
        const instance = request.arn('ec2', `instance/${id}`);
        const tags = Object.entries(request.landscape.tagsOf?.(instance) ?? {}).map(([key, value]) => [`ssm:resourceTag/${key}`, value]);
        return request.ask('ssm:SendCommand', instance, Object.fromEntries(tags));
      }),
    ],
    GetCommandInvocation: anywhere('ssm'),
    CancelCommand: anywhere('ssm'),
  },
  cloudformation: {
    'CreateChangeSet': (request) => [
      request.ask('cloudformation:CreateChangeSet', stackArn(request), {
        'cloudformation:ChangeSetName': request.field('ChangeSetName'),
        ...typeof request.body.RoleARN === 'string' && { 'cloudformation:RoleArn': request.body.RoleARN },
        ...templateContext(request),
      }),
      ...request.passRole('cloudformation.amazonaws.com', request.body.RoleARN),
    ],
    'GetTemplateSummary': (request) => [request.ask('cloudformation:GetTemplateSummary', '*', templateContext(request))],
    '*': (request) => [request.ask(`cloudformation:${request.call.operation}`, stackArn(request))],
  },
  servicequotas: {
    GetServiceQuota: (request) => [
      request.ask('servicequotas:GetServiceQuota', request.arn('servicequotas', `${request.field('ServiceCode')}/${request.field('QuotaCode')}`)),
    ],
    ListServiceQuotas: anywhere('servicequotas'),
  },
  autoscaling: { '*': anywhere('autoscaling') },
  scheduler: {
    CreateSchedule: (request) => [
      request.ask('scheduler:CreateSchedule', request.arn('scheduler', `schedule/${String(request.body.GroupName ?? 'default')}/${request.label('Name')}`)),
      ...request.passRole('scheduler.amazonaws.com', (request.body.Target as Json | undefined)?.RoleArn),
    ],
  },
};

/** @param bus its name or its ARN */
function busArn(request: Request, bus: unknown = 'default'): string {
  return String(bus).startsWith('arn:') ? String(bus) : request.arn('events', `event-bus/${String(bus)}`);
}

function templateContext({ body: { TemplateURL: url } }: Request): IamRequest['context'] {
  return typeof url === 'string' ? { 'cloudformation:TemplateUrl': url } : {};
}

/** A stack is asked for by its name or id; a change set by its id, which holds neither. */
function stackArn(request: Request): string {
  const given = String(request.body.StackName ?? '');
  return given.startsWith('arn:') ? given : request.arn('cloudformation', `stack/${given}/*`);
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
