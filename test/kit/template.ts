import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { App, Stack, Token } from 'aws-cdk-lib';
import { STREAM_MAPPING_DEFAULTS, type StreamMapping } from './dispatch/stream';
import { DEFAULT_PLACEMENT, Resolver, type Placement, type Template } from './resolver';

/** One permission statement, every field a list, as the evaluator takes it. */
export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: readonly string[];
  readonly NotAction?: readonly string[];
  readonly Resource?: readonly string[];
  readonly NotResource?: readonly string[];
  readonly Principal?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface RoleModel {
  readonly logicalId: string;
  readonly arn: string;
  readonly trust: readonly Statement[];
  readonly statements: readonly Statement[];
  /** Policies of AWS or of somebody else: their text is not in the template. */
  readonly foreignPolicies: readonly string[];
}

/** What a resource itself says about who may touch it. */
export interface ResourcePolicyModel {
  readonly resourceArn: string;
  readonly statements: readonly Statement[];
}

export interface FunctionModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** Directory of the code asset. */
  readonly code: string;
  readonly handler: string;
  readonly runtime: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly roleArn: string;
  readonly logGroup: string;
  readonly deadLetterArn?: string;
}

export interface EventSourceModel {
  readonly logicalId: string;
  readonly functionArn: string;
  readonly sourceArn: string;
  readonly enabled: boolean;
  readonly batchSize: number;
  readonly windowSeconds: number;
  readonly maximumConcurrency?: number;
  readonly reportsBatchItemFailures: boolean;
  /** Patterns; none: everything. */
  readonly filters: readonly unknown[];
}

/** An event source mapping of a stream. */
export interface StreamMappingModel extends StreamMapping {
  readonly logicalId: string;
}

/** How Lambda treats asynchronous invocations; the defaults are the service's. */
export interface InvokeConfigModel {
  readonly functionArn: string;
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeSeconds: number;
  readonly onFailureArn?: string;
  readonly onSuccessArn?: string;
}

export interface RuleModel {
  readonly logicalId: string;
  readonly arn: string;
  readonly busName: string;
  readonly enabled: boolean;
  readonly pattern?: unknown;
  readonly schedule?: string;
  readonly targets: readonly RuleTargetModel[];
}

export interface RuleTargetModel {
  readonly id: string;
  readonly arn: string;
  readonly roleArn?: string;
  readonly input?: string;
  readonly inputPath?: string;
  readonly inputTransformer?: { readonly paths: Readonly<Record<string, string>>; readonly template: string };
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeSeconds: number;
  readonly deadLetterArn?: string;
}

/** AWS::Scheduler::Schedule. */
export interface ScheduleModel {
  readonly logicalId: string;
  readonly arn: string;
  readonly enabled: boolean;
  /** `cron(…)`, `rate(…)` or `at(…)`. */
  readonly expression: string;
  readonly timeZone: string;
  /** Milliseconds since 1970. */
  readonly startAt?: number;
  readonly endAt?: number;
  readonly targetArn: string;
  readonly roleArn: string;
  readonly input: string;
  readonly maximumEventAgeSeconds: number;
  readonly maximumRetryAttempts: number;
  readonly deadLetterArn?: string;
}

export interface QueueModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  readonly visibilitySeconds: number;
  readonly retentionSeconds: number;
  readonly delaySeconds: number;
  readonly fifo: boolean;
  readonly redrive?: { readonly deadLetterArn: string; readonly maxReceiveCount: number };
  readonly kmsKeyArn?: string;
}

export interface BucketModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly versioned: boolean;
  readonly eventBridge: boolean;
  readonly kmsKeyArn?: string;
  readonly accessLogs?: { readonly bucket: string; readonly prefix: string };
}

export interface TopicModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly fifo: boolean;
  /** Attribute MaximumMessageSize. */
  readonly maxMessageBytes?: number;
  readonly kmsKeyArn?: string;
}

export interface StreamModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** At the beginning; an on-demand stream has four. */
  readonly shards: number;
  readonly retentionSeconds: number;
  readonly maxRecordBytes: number;
  readonly kmsKeyArn?: string;
}

export interface TableModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly keys: readonly { readonly AttributeName: string; readonly KeyType: string }[];
  readonly attributes: readonly { readonly AttributeName: string; readonly AttributeType: string }[];
  readonly kmsKeyArn?: string;
}

/** A resource of which only that it exists matters, and how it was asked for. */
export interface NamedModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly properties: Json;
}

export interface BusModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
}

export type Json = Readonly<Record<string, unknown>>;
interface Resource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Json;
}

/**
 * Reads from a synthesized stack what the service would do with it. The kit's settings come from here and nowhere else:
 * a construct that forgets a redrive policy gets none.
 */
export class TemplateModel {
  /** Synthesizes the stack's app. */
  public static of(stack: Stack, placement: Partial<Placement> = {}): TemplateModel {
    const assembly = (stack.node.root as App).synth();
    const artifact = assembly.getStackArtifact(stack.artifactId);
    const manifest = JSON.parse(readFileSync(join(assembly.directory, `${stack.artifactId}.assets.json`), 'utf8'));
    const assets = Object.entries(manifest.files as Record<string, { source: { path: string } }>)
      .map(([hash, { source }]) => [hash, resolve(assembly.directory, source.path)] as const);
    const region = Token.isUnresolved(stack.region) ? {} : { region: stack.region };
    const account = Token.isUnresolved(stack.account) ? {} : { account: stack.account };
    return new TemplateModel(artifact.template, new Map(assets), { ...DEFAULT_PLACEMENT, ...region, ...account, ...placement });
  }

  public readonly resolver: Resolver;
  private readonly resources: readonly Resource[];

  /** @param assets directory of each file asset by its hash */
  constructor(private readonly template: Template, private readonly assets: ReadonlyMap<string, string>, public readonly placement: Placement) {
    this.resolver = new Resolver(template, placement);
    this.resources = Object.entries(template.Resources ?? {})
      .filter(([, { Condition }]) => Condition === undefined || this.resolver.condition(Condition))
      .map(([logicalId, { Type, Properties }]) => ({
        logicalId,
        type: Type,
        properties: READ_TYPES.has(Type) ? this.resolver.resolve(Properties ?? {}) as Json : {},
      }));
  }

  /** The same template somewhere else. */
  public placed(placement: Partial<Placement>): TemplateModel {
    return new TemplateModel(this.template, this.assets, { ...this.placement, ...placement });
  }

  public get functions(): readonly FunctionModel[] {
    return this.ofType('AWS::Lambda::Function').map(({ logicalId, properties }) => {
      const name = this.resolver.nameOf(logicalId);
      const { Handler, Runtime, Timeout = 3, MemorySize = 128, Environment, Role, LoggingConfig, DeadLetterConfig } = properties;
      return {
        logicalId,
        name,
        arn: this.arnOf(logicalId),
        code: this.codeOf(logicalId, properties.Code),
        handler: String(Handler),
        runtime: String(Runtime),
        timeoutSeconds: Number(Timeout),
        memoryMb: Number(MemorySize),
        environment: mapValues(json(json(Environment).Variables), String),
        roleArn: String(Role),
        logGroup: String(json(LoggingConfig).LogGroup ?? `/aws/lambda/${name}`),
        deadLetterArn: text(json(DeadLetterConfig).TargetArn),
      };
    });
  }

  public get roles(): readonly RoleModel[] {
    return this.ofType('AWS::IAM::Role').map(({ logicalId, properties }) => {
      const managed = strings(properties.ManagedPolicyArns);
      const own = this.ofType('AWS::IAM::ManagedPolicy')
        .filter((policy) => managed.includes(String(this.resolver.ref(policy.logicalId))) || this.isAttached(policy, logicalId));
      const documents = [
        ...list(properties.Policies).map((policy) => json(policy).PolicyDocument),
        ...this.ofType('AWS::IAM::Policy').filter((policy) => this.isAttached(policy, logicalId)).map((policy) => policy.properties.PolicyDocument),
        ...own.map((policy) => policy.properties.PolicyDocument),
      ];
      return {
        logicalId,
        arn: this.arnOf(logicalId),
        trust: statementsOf(properties.AssumeRolePolicyDocument),
        statements: documents.flatMap(statementsOf),
        foreignPolicies: managed.filter((arn) => !own.some((policy) => this.resolver.ref(policy.logicalId) === arn)),
      };
    });
  }

  public get resourcePolicies(): readonly ResourcePolicyModel[] {
    const policies = [
      ...this.ofType('AWS::S3::BucketPolicy').map(({ properties }) => (
        { resourceArn: `arn:${this.placement.partition}:s3:::${String(properties.Bucket)}`, statements: statementsOf(properties.PolicyDocument) })),
      ...this.ofType('AWS::SQS::QueuePolicy').flatMap(({ properties }) => strings(properties.Queues).map((url) => (
        { resourceArn: this.queueOf(url).arn, statements: statementsOf(properties.PolicyDocument) }))),
      ...this.ofType('AWS::SNS::TopicPolicy').flatMap(({ properties }) => strings(properties.Topics).map((resourceArn) => (
        { resourceArn, statements: statementsOf(properties.PolicyDocument) }))),
      ...this.ofType('AWS::KMS::Key').map(({ logicalId, properties }) => (
        { resourceArn: this.arnOf(logicalId), statements: statementsOf(properties.KeyPolicy) })),
      ...this.ofType('AWS::Lambda::Permission').map(({ properties }) => this.permission(properties)),
    ];
    const merged = new Map<string, Statement[]>();
    for (const { resourceArn, statements } of policies) {
      merged.set(resourceArn, [...merged.get(resourceArn) ?? [], ...statements]);
    }
    return [...merged].map(([resourceArn, statements]) => ({ resourceArn, statements }));
  }

  /** Of queues. */
  public get eventSources(): readonly EventSourceModel[] {
    return this.mappings('sqs').map(({ logicalId, properties }) => ({
      ...this.mapping(logicalId, properties),
      batchSize: Number(properties.BatchSize ?? 10),
      maximumConcurrency: numeric(json(properties.ScalingConfig).MaximumConcurrency),
    }));
  }

  /** Of streams, and of their consumers. */
  public get streamMappings(): readonly StreamMappingModel[] {
    return [...this.mappings('kinesis'), ...this.mappings('dynamodb')].map(({ logicalId, properties }) => ({
      ...this.mapping(logicalId, properties),
      uuid: String(this.resolver.ref(logicalId)),
      batchSize: Number(properties.BatchSize ?? STREAM_MAPPING_DEFAULTS.batchSize),
      parallelizationFactor: Number(properties.ParallelizationFactor ?? STREAM_MAPPING_DEFAULTS.parallelizationFactor),
      startingPosition: String(properties.StartingPosition) as StreamMapping['startingPosition'],
      startingTimestamp: numeric(properties.StartingPositionTimestamp),
      bisects: properties.BisectBatchOnFunctionError === true,
      maximumRetryAttempts: Number(properties.MaximumRetryAttempts ?? STREAM_MAPPING_DEFAULTS.maximumRetryAttempts),
      maximumRecordAgeSeconds: Number(properties.MaximumRecordAgeInSeconds ?? STREAM_MAPPING_DEFAULTS.maximumRecordAgeSeconds),
      tumblingWindowSeconds: Number(properties.TumblingWindowInSeconds ?? STREAM_MAPPING_DEFAULTS.tumblingWindowSeconds),
      onFailureArn: text(json(json(properties.DestinationConfig).OnFailure).Destination),
    }));
  }

  /** For every function, whether the template configures it or not. */
  public get invokeConfigs(): readonly InvokeConfigModel[] {
    return this.functions.map(({ arn }) => {
      const config = this.ofType('AWS::Lambda::EventInvokeConfig').find(({ properties }) => this.functionArn(properties.FunctionName) === arn);
      const { MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig } = config?.properties ?? {};
      return {
        functionArn: arn,
        maximumRetryAttempts: Number(MaximumRetryAttempts ?? 2),
        maximumEventAgeSeconds: Number(MaximumEventAgeInSeconds ?? 6 * 3600),
        onFailureArn: text(json(json(DestinationConfig).OnFailure).Destination),
        onSuccessArn: text(json(json(DestinationConfig).OnSuccess).Destination),
      };
    });
  }

  public get rules(): readonly RuleModel[] {
    return this.ofType('AWS::Events::Rule').map(({ logicalId, properties }) => ({
      logicalId,
      arn: this.arnOf(logicalId),
      busName: String(properties.EventBusName ?? 'default').replace(/^arn:.*event-bus\//, ''),
      enabled: properties.State !== 'DISABLED',
      pattern: properties.EventPattern,
      schedule: text(properties.ScheduleExpression),
      targets: list(properties.Targets).map(json).map((target) => ({
        id: String(target.Id),
        arn: String(target.Arn),
        roleArn: text(target.RoleArn),
        input: text(target.Input),
        inputPath: text(target.InputPath),
        inputTransformer: target.InputTransformer === undefined ? undefined : {
          paths: mapValues(json(json(target.InputTransformer).InputPathsMap), String),
          template: String(json(target.InputTransformer).InputTemplate),
        },
        // Defaults: EventBridge user guide, "How EventBridge retries delivering events".
        maximumRetryAttempts: Number(json(target.RetryPolicy).MaximumRetryAttempts ?? 185),
        maximumEventAgeSeconds: Number(json(target.RetryPolicy).MaximumEventAgeInSeconds ?? 24 * 3600),
        deadLetterArn: text(json(target.DeadLetterConfig).Arn),
      })),
    }));
  }

  public get schedules(): readonly ScheduleModel[] {
    return this.ofType('AWS::Scheduler::Schedule').map(({ logicalId, properties }) => {
      const { EndDate, FlexibleTimeWindow, GroupName = 'default', ScheduleExpression, ScheduleExpressionTimezone = 'UTC', StartDate, State } = properties;
      if (json(FlexibleTimeWindow).Mode !== 'OFF') throw new Error(`schedule '${logicalId}' has a flexible time window, which the kit does not know`);
      const target = json(properties.Target);
      const { account, partition, region } = this.placement;
      return {
        logicalId,
        arn: `arn:${partition}:scheduler:${region}:${account}:schedule/${String(GroupName)}/${this.resolver.nameOf(logicalId)}`,
        enabled: State !== 'DISABLED',
        expression: String(ScheduleExpression),
        timeZone: String(ScheduleExpressionTimezone),
        startAt: StartDate === undefined ? undefined : Date.parse(String(StartDate)),
        endAt: EndDate === undefined ? undefined : Date.parse(String(EndDate)),
        targetArn: String(target.Arn),
        roleArn: String(target.RoleArn),
        input: text(target.Input) ?? '{}',
        // Defaults: API reference of EventBridge Scheduler, RetryPolicy.
        maximumEventAgeSeconds: Number(json(target.RetryPolicy).MaximumEventAgeInSeconds ?? 24 * 3600),
        maximumRetryAttempts: Number(json(target.RetryPolicy).MaximumRetryAttempts ?? 185),
        deadLetterArn: text(json(target.DeadLetterConfig).Arn),
      };
    });
  }

  public get queues(): readonly QueueModel[] {
    return this.ofType('AWS::SQS::Queue').map(({ logicalId, properties }) => {
      const redrive = json(properties.RedrivePolicy);
      return {
        logicalId,
        name: this.resolver.nameOf(logicalId),
        arn: this.arnOf(logicalId),
        url: String(this.resolver.ref(logicalId)),
        // Defaults: SQS API reference, SetQueueAttributes.
        visibilitySeconds: Number(properties.VisibilityTimeout ?? 30),
        retentionSeconds: Number(properties.MessageRetentionPeriod ?? 4 * 24 * 3600),
        delaySeconds: Number(properties.DelaySeconds ?? 0),
        fifo: properties.FifoQueue === true,
        redrive: redrive.deadLetterTargetArn === undefined ? undefined
          : { deadLetterArn: String(redrive.deadLetterTargetArn), maxReceiveCount: Number(redrive.maxReceiveCount) },
        kmsKeyArn: text(properties.KmsMasterKeyId),
      };
    });
  }

  public get buckets(): readonly BucketModel[] {
    return this.ofType('AWS::S3::Bucket').map(({ logicalId, properties }) => {
      const notification = json(properties.NotificationConfiguration);
      const logs = json(properties.LoggingConfiguration);
      const encryption = list(json(properties.BucketEncryption).ServerSideEncryptionConfiguration).map(json)[0];
      return {
        logicalId,
        name: this.resolver.nameOf(logicalId),
        arn: this.arnOf(logicalId),
        versioned: json(properties.VersioningConfiguration).Status === 'Enabled',
        eventBridge: notification.EventBridgeConfiguration !== undefined
          && json(notification.EventBridgeConfiguration).EventBridgeEnabled !== false,
        kmsKeyArn: text(json(json(encryption).ServerSideEncryptionByDefault).KMSMasterKeyID),
        accessLogs: logs.DestinationBucketName === undefined ? undefined
          : { bucket: String(logs.DestinationBucketName), prefix: String(logs.LogFilePrefix ?? '') },
      };
    });
  }

  public get topics(): readonly TopicModel[] {
    return this.ofType('AWS::SNS::Topic').map(({ logicalId, properties }) => (
      {
        logicalId,
        name: this.resolver.nameOf(logicalId),
        arn: String(this.resolver.ref(logicalId)),
        fifo: properties.FifoTopic === true,
        maxMessageBytes: numeric(properties.MaximumMessageSize),
        kmsKeyArn: ownKey(properties.KmsMasterKeyId),
      }));
  }

  public get streams(): readonly StreamModel[] {
    return this.ofType('AWS::Kinesis::Stream').map(({ logicalId, properties }) => ({
      logicalId,
      name: this.resolver.nameOf(logicalId),
      arn: this.arnOf(logicalId),
      shards: json(properties.StreamModeDetails).StreamMode === 'ON_DEMAND' ? 4 : Number(properties.ShardCount ?? 1),
      retentionSeconds: Number(properties.RetentionPeriodHours ?? 24) * 3600,
      maxRecordBytes: Number(properties.MaxRecordSizeInKiB ?? 1024) * 1024,
      kmsKeyArn: ownKey(json(properties.StreamEncryption).KeyId),
    }));
  }

  public get tables(): readonly TableModel[] {
    return [...this.ofType('AWS::DynamoDB::Table'), ...this.ofType('AWS::DynamoDB::GlobalTable')].map(({ logicalId, properties }) => ({
      logicalId,
      name: this.resolver.nameOf(logicalId),
      arn: this.arnOf(logicalId),
      keys: properties.KeySchema as TableModel['keys'],
      attributes: properties.AttributeDefinitions as TableModel['attributes'],
      // A global table names a key for each replica; the first one is here.
      kmsKeyArn: ownKey(json(properties.SSESpecification).KMSMasterKeyId ?? json(json(list(properties.Replicas)[0]).SSESpecification).KMSMasterKeyId),
    }));
  }

  public get deliveryStreams(): readonly NamedModel[] {
    return this.ofType('AWS::KinesisFirehose::DeliveryStream').map(({ logicalId, properties }) => (
      { logicalId, name: this.resolver.nameOf(logicalId), arn: this.arnOf(logicalId), properties }));
  }

  public get secrets(): readonly NamedModel[] {
    return this.ofType('AWS::SecretsManager::Secret').map(({ logicalId, properties }) => (
      { logicalId, name: this.resolver.nameOf(logicalId), arn: String(this.resolver.ref(logicalId)), properties }));
  }

  public get buses(): readonly BusModel[] {
    return this.ofType('AWS::Events::EventBus').map(({ logicalId }) => (
      { logicalId, name: this.resolver.nameOf(logicalId), arn: this.arnOf(logicalId) }));
  }

  /** Logical ids: the service chooses what they are called. */
  public get distributions(): readonly string[] {
    return this.ofType('AWS::CloudFront::Distribution').map(({ logicalId }) => logicalId);
  }

  private ofType(type: string): readonly Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  private mappings(service: string): readonly Resource[] {
    return this.ofType('AWS::Lambda::EventSourceMapping').filter(({ properties }) => String(properties.EventSourceArn).split(':')[2] === service);
  }

  private mapping(logicalId: string, properties: Json) {
    return {
      logicalId,
      functionArn: this.functionArn(properties.FunctionName),
      sourceArn: String(properties.EventSourceArn),
      enabled: properties.Enabled !== false,
      windowSeconds: Number(properties.MaximumBatchingWindowInSeconds ?? 0),
      reportsBatchItemFailures: list(properties.FunctionResponseTypes).includes('ReportBatchItemFailures'),
      filters: list(json(properties.FilterCriteria).Filters).map((filter): unknown => JSON.parse(String(json(filter).Pattern))),
    };
  }

  private arnOf(logicalId: string): string {
    return String(this.resolver.attribute(logicalId, 'Arn'));
  }

  private isAttached({ properties }: Resource, roleLogicalId: string): boolean {
    return strings(properties.Roles).includes(String(this.resolver.ref(roleLogicalId)));
  }

  private queueOf(url: string): QueueModel {
    const queue = this.queues.find((candidate) => candidate.url === url);
    if (!queue) throw new Error(`a queue policy names '${url}', which is no queue of the template`);
    return queue;
  }

  /** CloudFormation takes a function's name, ARN or either with a qualifier. */
  private functionArn(nameOrArn: unknown): string {
    const given = String(nameOrArn);
    if (given.startsWith('arn:')) return given.split(':').slice(0, 7).join(':');
    const { account, partition, region } = this.placement;
    return `arn:${partition}:lambda:${region}:${account}:function:${given.split(':')[0]}`;
  }

  /** As the service writes it into the function's policy. */
  private permission(properties: Json): ResourcePolicyModel {
    const { Action, FunctionUrlAuthType, Principal, SourceAccount, SourceArn } = properties;
    const principal = String(Principal);
    const stringEquals = { 'AWS:SourceAccount': text(SourceAccount), 'lambda:FunctionUrlAuthType': text(FunctionUrlAuthType) };
    const condition = {
      StringEquals: JSON.parse(JSON.stringify(stringEquals)),
      ArnLike: SourceArn === undefined ? {} : { 'AWS:SourceArn': String(SourceArn) },
    };
    const resourceArn = this.functionArn(properties.FunctionName);
    return {
      resourceArn,
      statements: [{
        Effect: 'Allow',
        Principal: principal.endsWith('.amazonaws.com') ? { Service: principal } : { AWS: principal },
        Action: [String(Action)],
        Resource: [resourceArn],
        Condition: Object.fromEntries(Object.entries(condition).filter(([, keys]) => Object.keys(keys).length > 0)),
      }],
    };
  }

  private codeOf(logicalId: string, code: unknown): string {
    const key = String(json(code).S3Key);
    const directory = this.assets.get(key.replace(/\.zip$/, ''));
    if (directory === undefined) throw new Error(`the code of '${logicalId}' must be a directory asset, got ${Object.keys(json(code)).join(', ')}`);
    return directory;
  }
}

/** The rest stays unresolved, so that an attribute nobody needs cannot stop a run. */
const READ_TYPES = new Set([
  'AWS::Lambda::Function', 'AWS::Lambda::Permission', 'AWS::Lambda::EventSourceMapping', 'AWS::Lambda::EventInvokeConfig',
  'AWS::IAM::Role', 'AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy',
  'AWS::S3::Bucket', 'AWS::S3::BucketPolicy', 'AWS::SQS::Queue', 'AWS::SQS::QueuePolicy',
  'AWS::Kinesis::Stream', 'AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable', 'AWS::KinesisFirehose::DeliveryStream',
  'AWS::SecretsManager::Secret', 'AWS::SNS::Topic', 'AWS::SNS::TopicPolicy', 'AWS::KMS::Key', 'AWS::Events::Rule', 'AWS::Events::EventBus', 'AWS::Scheduler::Schedule',
]);

function statementsOf(document: unknown): Statement[] {
  return list(json(document).Statement).map(json).map((statement) => ({
    ...statement,
    Effect: statement.Effect as Statement['Effect'],
    ...listed(statement, 'Action'),
    ...listed(statement, 'NotAction'),
    ...listed(statement, 'Resource'),
    ...listed(statement, 'NotResource'),
  }));
}

function listed(statement: Json, field: string): Json {
  return statement[field] === undefined ? {} : { [field]: list(statement[field]).map(String) };
}

function json(value: unknown): Json {
  return typeof value === 'object' && value !== null ? value as Json : {};
}

/** CloudFormation and IAM take one item for a list of one. */
function list(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function strings(value: unknown): string[] {
  return list(value).map(String);
}

function text(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}

/** AWS's own keys let everybody in the account use them through their service. */
function ownKey(value: unknown): string | undefined {
  return String(value).startsWith('alias/aws/') ? undefined : text(value);
}

function numeric(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function mapValues<T>(values: Json, map: (value: unknown) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}
