import { createHash } from 'node:crypto';

/** Where a synthesized template would land: what `Ref`, `Fn::GetAtt` and the pseudo parameters mean in this run. */
export interface Placement {
  readonly account: string;
  readonly region: string;
  readonly partition: string;
  readonly urlSuffix: string;
  /** Stack name; generated physical names begin with it. */
  readonly stackName: string;
  /** Host part of queue addresses: the proxy, so that no function knocks on AWS. */
  readonly queueOrigin: string;
  /** Names by logical id, where a deployment has given them. */
  readonly names?: Readonly<Record<string, string>>;
  /** Overrides of what a resource's `Ref` or attribute would be: `'Table'` or `'Table.Arn'`. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Values of template parameters without default. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Values of other stacks' exports. */
  readonly imports?: Readonly<Record<string, unknown>>;
}

export const DEFAULT_PLACEMENT: Placement = {
  account: '123456789012',
  region: 'eu-west-1',
  partition: 'aws',
  urlSuffix: 'amazonaws.com',
  stackName: 'kit',
  queueOrigin: 'http://127.0.0.1',
};

export interface Template {
  readonly Resources?: Readonly<Record<string, RawResource>>;
  readonly Parameters?: Readonly<Record<string, { readonly Type: string; readonly Default?: unknown }>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
}

export interface RawResource {
  readonly Type: string;
  readonly Condition?: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

type Json = Readonly<Record<string, unknown>>;

/** Stands for a property that `AWS::NoValue` removes. */
const NOTHING = Symbol('AWS::NoValue');

/** Evaluates CloudFormation's intrinsic functions for one placement. Unknown ones throw: a guess would make a false proof. */
export class Resolver {
  constructor(private readonly template: Template, public readonly placement: Placement) {}

  public resolve(value: unknown): unknown {
    const resolved = this.evaluate(value);
    return resolved === NOTHING ? undefined : resolved;
  }

  public condition(name: string): boolean {
    const expression = this.template.Conditions?.[name];
    if (expression === undefined) throw new Error(`the template has no condition '${name}'`);
    return this.test(expression);
  }

  public ref(logicalId: string): unknown {
    const { account, partition, region, stackName, urlSuffix } = this.placement;
    switch (logicalId) {
      case 'AWS::AccountId': return account;
      case 'AWS::Partition': return partition;
      case 'AWS::Region': return region;
      case 'AWS::StackName': return stackName;
      case 'AWS::URLSuffix': return urlSuffix;
      case 'AWS::StackId': return `arn:${partition}:cloudformation:${region}:${account}:stack/${stackName}/00000000-0000-0000-0000-000000000000`;
      case 'AWS::NoValue': return NOTHING;
      case 'AWS::NotificationARNs': return [];
    }
    const override = this.placement.values?.[logicalId];
    if (override !== undefined) return override;
    const parameter = this.template.Parameters?.[logicalId];
    if (parameter) {
      const given = this.placement.parameters?.[logicalId] ?? parameter.Default;
      if (given === undefined) throw new Error(`parameter '${logicalId}' has neither a default nor a value`);
      return given;
    }
    return this.physical(logicalId).ref;
  }

  public attribute(logicalId: string, name: string): unknown {
    const override = this.placement.values?.[`${logicalId}.${name}`];
    if (override !== undefined) return override;
    const value = this.physical(logicalId).attributes[name];
    if (value === undefined) throw new Error(`no value for Fn::GetAtt ${logicalId}.${name} (${this.raw(logicalId).Type}): pass it in 'values'`);
    return value;
  }

  /** The name the resource has or would get: its own if it has one, else stack name and logical id. */
  public nameOf(logicalId: string): string {
    const deployed = this.placement.names?.[logicalId];
    if (deployed !== undefined) return deployed;
    const { Type, Properties = {} } = this.raw(logicalId);
    const property = NAME_PROPERTY[Type];
    const given = property === undefined ? undefined : this.resolve(Properties[property]);
    if (typeof given === 'string') return given;
    const name = `${this.placement.stackName}-${logicalId}`;
    if (Type === 'AWS::S3::Bucket') return name.toLowerCase().slice(0, 63);
    return `${name}${isFifo(Properties) ? '.fifo' : ''}`;
  }

  private raw(logicalId: string): RawResource {
    const resource = this.template.Resources?.[logicalId];
    if (!resource) throw new Error(`the template has no resource '${logicalId}'`);
    return resource;
  }

  private physical(logicalId: string): Physical {
    const { Type, Properties = {} } = this.raw(logicalId);
    const describe = PHYSICAL[Type];
    const name = this.nameOf(logicalId);
    if (!describe) return { ref: name, attributes: {} };
    return describe(name, this.placement, Type === CONSUMER ? this.resolve(Properties) as Json : Properties);
  }

  private evaluate(value: unknown): unknown {
    if (Array.isArray(value)) {
      return value.map((item) => this.evaluate(item)).filter((item) => item !== NOTHING);
    }
    if (!isJson(value)) return value;
    const keys = Object.keys(value);
    if (keys.length === 1 && (keys[0] === 'Ref' || keys[0].startsWith('Fn::'))) {
      return this.intrinsic(keys[0], value[keys[0]]);
    }
    return Object.fromEntries(keys.map((key) => [key, this.evaluate(value[key])] as const).filter(([, item]) => item !== NOTHING));
  }

  private intrinsic(name: string, argument: unknown): unknown {
    switch (name) {
      case 'Ref': return this.ref(String(argument));
      case 'Fn::GetAtt': {
        const [logicalId, ...attribute] = typeof argument === 'string' ? argument.split('.') : (argument as string[]);
        return this.attribute(logicalId, attribute.map((part) => this.text(part)).join('.'));
      }
      case 'Fn::Join': {
        const [separator, parts] = argument as [string, unknown];
        return this.list(parts).join(separator);
      }
      case 'Fn::Sub': return this.substitute(argument);
      case 'Fn::Select': {
        const [index, items] = argument as [unknown, unknown];
        const list = this.list(items);
        const at = Number(this.evaluate(index));
        if (!(at in list)) throw new Error(`Fn::Select ${at} of a list of ${list.length}`);
        return list[at];
      }
      case 'Fn::Split': {
        const [separator, text] = argument as [string, unknown];
        return this.text(text).split(separator);
      }
      case 'Fn::If': {
        const [condition, then, otherwise] = argument as [string, unknown, unknown];
        return this.evaluate(this.condition(condition) ? then : otherwise);
      }
      case 'Fn::FindInMap': {
        const [map, first, second] = (argument as unknown[]).map((part) => this.text(part));
        const found = this.template.Mappings?.[map]?.[first]?.[second];
        if (found === undefined) throw new Error(`no mapping ${map}.${first}.${second}`);
        return found;
      }
      case 'Fn::ImportValue': {
        const exported = this.text(argument);
        const found = this.placement.imports?.[exported];
        if (found === undefined) throw new Error(`no value for the export '${exported}': pass it in 'imports'`);
        return found;
      }
      case 'Fn::Base64': return Buffer.from(this.text(argument)).toString('base64');
      case 'Fn::GetAZs': return ['a', 'b', 'c'].map((zone) => `${this.placement.region}${zone}`);
      default: throw new Error(`the resolver does not know '${name}'`);
    }
  }

  private substitute(argument: unknown): string {
    const [text, given] = typeof argument === 'string' ? [argument, {}] : (argument as [string, Json]);
    return text.replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal) return `\${${name}}`;
      if (name in given) return this.text(given[name]);
      return name.includes('.') && !name.startsWith('AWS::')
        ? this.text(this.intrinsic('Fn::GetAtt', name))
        : this.text({ Ref: name });
    });
  }

  private test(expression: unknown): boolean {
    if (!isJson(expression)) throw new Error(`not a condition: ${JSON.stringify(expression)}`);
    const [name] = Object.keys(expression);
    const argument = expression[name];
    switch (name) {
      case 'Condition': return this.condition(String(argument));
      case 'Fn::Equals': {
        const [left, right] = argument as unknown[];
        return JSON.stringify(this.evaluate(left)) === JSON.stringify(this.evaluate(right));
      }
      case 'Fn::And': return (argument as unknown[]).every((part) => this.test(part));
      case 'Fn::Or': return (argument as unknown[]).some((part) => this.test(part));
      case 'Fn::Not': return !this.test((argument as unknown[])[0]);
      default: throw new Error(`the resolver does not know the condition '${name}'`);
    }
  }

  private text(value: unknown): string {
    const resolved = this.evaluate(value);
    if (typeof resolved === 'string' || typeof resolved === 'number' || typeof resolved === 'boolean') return String(resolved);
    throw new Error(`not text: ${JSON.stringify(value)}`);
  }

  private list(value: unknown): string[] {
    const resolved = this.evaluate(value);
    if (!Array.isArray(resolved)) throw new Error(`not a list: ${JSON.stringify(value)}`);
    return resolved.map((item) => this.text(item));
  }
}

interface Physical {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}
type Describe = (name: string, placement: Placement, properties: Json) => Physical;

const arn = (service: string, resource: (name: string) => string): ((name: string, placement: Placement) => string) =>
  (name, { account, partition, region }) => `arn:${partition}:${service}:${region}:${account}:${resource(name)}`;
const lambdaArn = arn('lambda', (name) => `function:${name}`);
const queueArn = arn('sqs', (name) => name);
const topicArn = arn('sns', (name) => name);
const logGroupArn = arn('logs', (name) => `log-group:${name}:*`);
const keyArn = arn('kms', (name) => `key/${name}`);
const streamArn = arn('kinesis', (name) => `stream/${name}`);
const tableArn = arn('dynamodb', (name) => `table/${name}`);
const deliveryStreamArn = arn('firehose', (name) => `deliverystream/${name}`);
const secretArn = arn('secretsmanager', (name) => `secret:${name}`);
const busArn = arn('events', (name) => `event-bus/${name}`);

/** Its ARN begins with its stream's, which is another resource's attribute. */
const CONSUMER = 'AWS::Kinesis::StreamConsumer';

/** `Ref` and `Fn::GetAtt` by type, from the "Return values" of each type's page in the CloudFormation template reference. */
const PHYSICAL: Readonly<Record<string, Describe>> = {
  'AWS::S3::Bucket': (name, { partition, region, urlSuffix }) => ({
    ref: name,
    attributes: {
      Arn: `arn:${partition}:s3:::${name}`,
      DomainName: `${name}.s3.${urlSuffix}`,
      RegionalDomainName: `${name}.s3.${region}.${urlSuffix}`,
    },
  }),
  'AWS::SQS::Queue': (name, placement) => {
    const url = `${placement.queueOrigin}/${placement.account}/${name}`;
    return { ref: url, attributes: { Arn: queueArn(name, placement), QueueName: name, QueueUrl: url } };
  },
  'AWS::SNS::Topic': (name, placement) => ({ ref: topicArn(name, placement), attributes: { TopicArn: topicArn(name, placement), TopicName: name } }),
  'AWS::Lambda::Function': (name, placement) => ({ ref: name, attributes: { Arn: lambdaArn(name, placement) } }),
  'AWS::Lambda::Url': (name, { region }) => ({
    ref: name, attributes: { FunctionUrl: `https://${name.toLowerCase()}.lambda-url.${region}.on.aws/` },
  }),
  'AWS::IAM::Role': (name, { account, partition }, { Path = '/' }) => ({
    ref: name, attributes: { Arn: `arn:${partition}:iam::${account}:role${String(Path)}${name}`, RoleId: `AROA${name}` },
  }),
  'AWS::IAM::ManagedPolicy': (name, { account, partition }) => ({ ref: `arn:${partition}:iam::${account}:policy/${name}`, attributes: {} }),
  'AWS::Logs::LogGroup': (name, placement) => ({ ref: name, attributes: { Arn: logGroupArn(name, placement) } }),
  'AWS::KMS::Key': (name, placement) => ({ ref: name, attributes: { Arn: keyArn(name, placement), KeyId: name } }),
  'AWS::Events::Rule': (name, placement, { EventBusName }) => ({
    ref: name,
    attributes: { Arn: arn('events', (rule) => typeof EventBusName === 'string' ? `rule/${EventBusName}/${rule}` : `rule/${rule}`)(name, placement) },
  }),
  'AWS::Events::EventBus': (name, placement) => ({ ref: name, attributes: { Arn: busArn(name, placement), Name: name } }),
  'AWS::Kinesis::Stream': (name, placement) => ({ ref: name, attributes: { Arn: streamArn(name, placement) } }),
  // The seconds of the consumer's creation end its ARN.
  [CONSUMER]: (name, _placement, { StreamARN }) => {
    const consumer = `${String(StreamARN)}/consumer/${name}:1767225600`;
    return { ref: consumer, attributes: { ConsumerARN: consumer, ConsumerName: name, ConsumerStatus: 'ACTIVE', StreamARN } };
  },
  'AWS::KinesisFirehose::DeliveryStream': (name, placement) => ({ ref: name, attributes: { Arn: deliveryStreamArn(name, placement) } }),
  'AWS::SecretsManager::Secret': (name, placement) => ({
    ref: `${secretArn(name, placement)}-AbCdEf`, attributes: { Id: `${secretArn(name, placement)}-AbCdEf` },
  }),
  'AWS::Lambda::EventSourceMapping': (name, placement) => {
    const id = uuidOf(name);
    return { ref: id, attributes: { Id: id, EventSourceMappingArn: arn('lambda', () => `event-source-mapping:${id}`)(name, placement) } };
  },
  'AWS::DynamoDB::Table': (name, placement) => ({
    ref: name, attributes: { Arn: tableArn(name, placement), StreamArn: `${tableArn(name, placement)}/stream/1` },
  }),
  'AWS::DynamoDB::GlobalTable': (name, placement) => ({
    ref: name, attributes: { Arn: tableArn(name, placement), StreamArn: `${tableArn(name, placement)}/stream/1`, TableId: name },
  }),
  'AWS::CloudFront::Distribution': (name) => ({
    ref: `E${name.toUpperCase()}`, attributes: { Id: `E${name.toUpperCase()}`, DomainName: `${name.toLowerCase()}.cloudfront.net` },
  }),
};

const NAME_PROPERTY: Readonly<Record<string, string>> = {
  'AWS::S3::Bucket': 'BucketName',
  'AWS::SQS::Queue': 'QueueName',
  'AWS::SNS::Topic': 'TopicName',
  'AWS::Lambda::Function': 'FunctionName',
  'AWS::IAM::Role': 'RoleName',
  'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
  'AWS::Logs::LogGroup': 'LogGroupName',
  'AWS::Events::Rule': 'Name',
  'AWS::Events::EventBus': 'Name',
  'AWS::Kinesis::Stream': 'Name',
  [CONSUMER]: 'ConsumerName',
  'AWS::KinesisFirehose::DeliveryStream': 'DeliveryStreamName',
  'AWS::SecretsManager::Secret': 'Name',
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::DynamoDB::GlobalTable': 'TableName',
};

function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

function isFifo(properties: Json): boolean {
  return properties.FifoQueue === true || properties.FifoTopic === true;
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
