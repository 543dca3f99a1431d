import type { Caller, Ec2Model, StoredInstance } from './ec2';
import { listOf } from '../proxy/body';
import type { Reply } from '../proxy/call';
import { Refusal, refusing, type FakeService } from '../proxy/fake-service';
import type { IdentifiedCall } from '../proxy/identify';
import { xmlFields, type XmlValue } from '../proxy/xml';
import { Resolver } from '../resolver';

type Json = Readonly<Record<string, unknown>>;
type Fields = { readonly [name: string]: XmlValue };

export interface FakeCloudFormationOptions {
  readonly model: Ec2Model;
  readonly accountOf: (principal: string) => string;
  /** Text of the object behind a TemplateURL. @throws if there is none */
  readonly readTemplate: (url: string) => Promise<string>;
  /** Whether the zone has room for an instance of this type. @default always */
  readonly hasCapacity?: (type: string, zone: string | undefined) => boolean;
  /** Instance types a Region offers. @default all */
  readonly instanceTypes?: Readonly<Record<string, readonly string[]>>;
  /** @default 2 s */
  readonly changeSetMs?: number;
  /** @default 4 min */
  readonly creationMs?: number;
  /** @default 1 min */
  readonly deletionMs?: number;
  /** Logical ids of resources that cannot be deleted now. */
  readonly undeletable?: ReadonlySet<string>;
}

interface StackEvent {
  readonly at: number;
  readonly logicalId: string;
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

interface StackResource {
  readonly logicalId: string;
  readonly type: string;
  readonly deletionPolicy: string;
  readonly physicalId: string;
  status: string;
  readonly instance?: StoredInstance;
}

interface ChangeSet {
  readonly id: string;
  readonly name: string;
  readonly token?: string;
  readonly request: string;
  readonly template: Template;
  readonly parameters: Readonly<Record<string, string>>;
  readonly role?: string;
  readonly tags: Readonly<Record<string, string>>;
  status: 'CREATE_PENDING' | 'CREATE_COMPLETE' | 'FAILED';
  execution: 'UNAVAILABLE' | 'AVAILABLE' | 'EXECUTE_COMPLETE';
}

export interface FakeStack extends Caller {
  readonly id: string;
  readonly name: string;
  status: string;
  reason?: string;
  /** Sticks to the stack: whoever deletes it later deletes with this role. */
  role?: string;
  readonly events: StackEvent[];
  readonly changeSets: ChangeSet[];
  resources: StackResource[];
  outputs: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
}

interface Template {
  readonly Parameters?: Readonly<Record<string, TemplateParameter>>;
  readonly Resources?: Readonly<Record<string, TemplateResource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown; readonly Condition?: string }>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
}

interface TemplateParameter {
  readonly Type: string;
  readonly Default?: unknown;
  readonly NoEcho?: unknown;
  readonly AllowedValues?: readonly string[];
}

interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Json;
  readonly DeletionPolicy?: string;
  readonly Condition?: string;
}

/** "CloudFormation quotas" and API references: bytes of a template by its way. */
const MAX_BODY = 51_200;
const MAX_URL = 1_048_576;

/**
 * Stacks that are created by change sets, with instances and volumes of the EC2 model. What moto lets pass is refused: a token
 * that comes again, sizes, capabilities, images and snapshots that are not there.
 */
export class FakeCloudFormation {
  /** Deleted ones included. */
  public readonly stacks: FakeStack[] = [];
  public readonly service: FakeService;
  private created = 0;

  constructor(private readonly options: FakeCloudFormationOptions) {
    this.service = refusing((call, principal) => this.reply(call, principal));
  }

  private async reply(call: IdentifiedCall, principal: string): Promise<Reply> {
    const caller = { account: this.options.accountOf(principal), region: call.region };
    const input = (call.params.body ?? {}) as Json;
    const result = await this.answer(call, caller, input);
    const { operation } = call;
    const document = `<${operation}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><${operation}Result>${xmlFields(result, 'member')}</${operation}Result>`
      + `<ResponseMetadata><RequestId>kit-0000-0000</RequestId></ResponseMetadata></${operation}Response>`;
    return { status: 200, headers: { 'content-type': 'text/xml' }, body: Buffer.from(document) };
  }

  /** Stacks that are there, those under review included. */
  public get there(): readonly FakeStack[] {
    return this.stacks.filter(({ status }) => status !== 'DELETE_COMPLETE');
  }

  private answer({ operation }: IdentifiedCall, caller: Caller, input: Json): Fields | Promise<Fields> {
    switch (operation) {
      case 'CreateChangeSet': return this.createChangeSet(caller, input);
      case 'DescribeChangeSet': return this.describeChangeSet(caller, input);
      case 'ExecuteChangeSet': return this.executeChangeSet(caller, input);
      case 'DescribeStacks': return { Stacks: [this.stackXml(this.stack(caller, input.StackName))] };
      case 'DescribeStackEvents': return this.events(this.stack(caller, input.StackName));
      case 'ListStackResources': return this.resources(this.stack(caller, input.StackName));
      case 'GetTemplateSummary': return this.summary(input);
      case 'DeleteStack': return this.deleteStack(caller, input);
      default: throw new Refusal('InvalidAction', `the fake of CloudFormation does not know ${operation}`);
    }
  }

  private async createChangeSet(caller: Caller, input: Json): Promise<Fields> {
    const texts = input as Readonly<Record<string, string | undefined>>;
    const { ChangeSetName: name, ChangeSetType: type, ClientToken: token, RoleARN: role, StackName: stackName } = texts;
    if (type !== 'CREATE') throw invalid(`the fake creates stacks only, got the type '${type}'`);
    for (const given of [name, stackName]) {
      if (given === undefined || !/^[a-zA-Z][-a-zA-Z0-9]{0,127}$/.test(given)) throw invalid(`'${given}' failed to satisfy constraint: [a-zA-Z][-a-zA-Z0-9]*`);
    }
    if (input.OnStackFailure !== undefined && input.DisableRollback !== undefined) throw invalid('OnStackFailure and DisableRollback exclude each other');
    const request = JSON.stringify([input.TemplateURL, input.TemplateBody, input.Parameters, input.Capabilities, role]);
    const there = this.there.find((stack) => stack.name === stackName && isAt(stack, caller));
    const same = there?.changeSets.find((changeSet) => changeSet.name === name);
    if (same) {
      if (token === undefined || same.token !== token || same.request !== request) throw new Refusal('AlreadyExistsException', `ChangeSet ${name} cannot be created due to a mismatch with existing attributes`);
      return { Id: same.id, StackId: there!.id };
    }
    if (there && there.status !== 'REVIEW_IN_PROGRESS') throw invalid(`Stack [${stackName}] already exists and cannot be created again with the changeSet [${name}].`);
    const template = await this.template(input);
    const parameters = this.parameters(caller, template, input);
    this.checkCapabilities(template, listOf<string>(input.Capabilities));
    const stack = there ?? this.newStack(caller, stackName!);
    const changeSet: ChangeSet = {
      id: this.arn(caller, 'changeSet', name!),
      name: name!,
      token,
      request,
      template,
      parameters,
      role,
      status: 'CREATE_PENDING',
      execution: 'UNAVAILABLE',
      tags: Object.fromEntries(listOf<Record<string, string>>(input.Tags).map(({ Key, Value }) => [Key, Value])),
    };
    stack.changeSets.push(changeSet);
    this.options.model.clock.after(this.options.changeSetMs ?? 2000, () => {
      changeSet.status = 'CREATE_COMPLETE';
      changeSet.execution = 'AVAILABLE';
    });
    return { Id: changeSet.id, StackId: stack.id };
  }

  private describeChangeSet(caller: Caller, input: Json): Fields {
    const { changeSet, stack } = this.changeSet(caller, input);
    const resolver = this.resolver(stack, changeSet);
    return {
      ChangeSetName: changeSet.name,
      ChangeSetId: changeSet.id,
      StackId: stack.id,
      StackName: stack.name,
      Status: changeSet.status,
      ExecutionStatus: changeSet.execution,
      Parameters: Object.entries(changeSet.parameters).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue })),
      Changes: changeSet.status !== 'CREATE_COMPLETE' ? [] : resourcesOf(changeSet.template, resolver).map(([LogicalResourceId, { Type: ResourceType }]) => ({
        Type: 'Resource', ResourceChange: { Action: 'Add', LogicalResourceId, ResourceType, Scope: [], Details: [] },
      })),
    };
  }

  private executeChangeSet(caller: Caller, input: Json): Fields {
    const { changeSet, stack } = this.changeSet(caller, input);
    if (changeSet.execution !== 'AVAILABLE') {
      throw new Refusal('InvalidChangeSetStatus', `ChangeSet [${changeSet.id}] cannot be executed in its current status of [${changeSet.status}]`);
    }
    changeSet.execution = 'EXECUTE_COMPLETE';
    stack.changeSets.splice(0, stack.changeSets.length, changeSet);
    stack.role = changeSet.role;
    stack.tags = changeSet.tags;
    this.move(stack, 'CREATE_IN_PROGRESS', 'User Initiated');
    this.options.model.clock.after(this.options.creationMs ?? 240_000, () => this.create(stack, changeSet));
    return {};
  }

  private deleteStack(caller: Caller, input: Json): Fields {
    const stack = this.find(caller, input.StackName);
    if (!stack || stack.status.startsWith('DELETE_') && stack.status !== 'DELETE_FAILED') return {};
    if (stack.status === 'REVIEW_IN_PROGRESS') {
      this.move(stack, 'DELETE_COMPLETE');
      return {};
    }
    this.move(stack, 'DELETE_IN_PROGRESS', 'User Initiated');
    this.options.model.clock.after(this.options.deletionMs ?? 60_000, () => this.tearDown(stack));
    return {};
  }

  private async summary(input: Json): Promise<Fields> {
    const { Parameters = {}, Resources = {} } = await this.template(input);
    return {
      Parameters: Object.entries(Parameters).map(([ParameterKey, { Default, NoEcho, Type }]) => ({
        ParameterKey, ParameterType: Type, NoEcho: NoEcho === true || NoEcho === 'true', ...Default !== undefined && { DefaultValue: String(Default) },
      })),
      ResourceTypes: [...new Set(Object.values(Resources).map(({ Type }) => Type))],
    };
  }

  private events({ events, id, name }: FakeStack): Fields {
    return {
      StackEvents: [...events].reverse().map((event, i) => ({
        EventId: String(events.length - i),
        StackId: id,
        StackName: name,
        LogicalResourceId: event.logicalId,
        ResourceType: event.type,
        ResourceStatus: event.status,
        ResourceStatusReason: event.reason,
        Timestamp: new Date(event.at).toISOString(),
      })),
    };
  }

  private resources({ resources }: FakeStack): Fields {
    return {
      StackResourceSummaries: resources.map(({ logicalId, physicalId, status, type }) => ({
        LogicalResourceId: logicalId,
        PhysicalResourceId: physicalId,
        ResourceType: type,
        ResourceStatus: status,
        LastUpdatedTimestamp: new Date(0).toISOString(),
      })),
    };
  }

  /** Everything is made, or what was made is taken back. */
  private create(stack: FakeStack, changeSet: ChangeSet): void {
    const resolver = this.resolver(stack, changeSet);
    const made: StackResource[] = [];
    const values: Record<string, unknown> = {};
    for (const [logicalId, { Type: type, DeletionPolicy: deletionPolicy = 'Delete', Properties = {} }] of resourcesOf(changeSet.template, resolver)) {
      const properties = resolver.resolve(Properties) as Json;
      const failure = this.refusalOf(stack, type, properties);
      if (failure !== undefined) {
        this.event(stack, logicalId, type, 'CREATE_FAILED', failure);
        for (const resource of made) this.destroy(resource);
        this.event(stack, stack.name, 'AWS::CloudFormation::Stack', 'ROLLBACK_IN_PROGRESS', `The following resource(s) failed to create: [${logicalId}].`);
        this.move(stack, 'ROLLBACK_COMPLETE');
        return;
      }
      const instance = type === 'AWS::EC2::Instance' ? this.launch(stack, properties) : undefined;
      const physicalId = instance?.id ?? `${stack.name}-${logicalId}`;
      made.push({ logicalId, type, deletionPolicy, physicalId, status: 'CREATE_COMPLETE', instance });
      values[logicalId] = physicalId;
      this.event(stack, logicalId, type, 'CREATE_COMPLETE');
    }
    stack.resources = made;
    const last = this.resolver(stack, changeSet, values);
    stack.outputs = Object.fromEntries(Object.entries(changeSet.template.Outputs ?? {})
      .filter(([, { Condition }]) => Condition === undefined || last.condition(Condition))
      .map(([key, { Value }]) => [key, String(last.resolve(Value))]));
    this.move(stack, 'CREATE_COMPLETE');
  }

  private tearDown(stack: FakeStack): void {
    const stuck = stack.resources.find(({ logicalId }) => this.options.undeletable?.has(logicalId));
    for (const resource of stack.resources) {
      if (resource === stuck) resource.status = 'DELETE_FAILED';
      else if (resource.deletionPolicy === 'Retain') resource.status = 'DELETE_SKIPPED';
      else this.destroy(resource);
      // Retained under another name: what a drill must find among its leftovers.
      if (resource.status === 'DELETE_COMPLETE' && resource.deletionPolicy === 'Snapshot') this.options.model.plant(stack, { tags: stack.tags });
      this.event(stack, resource.logicalId, resource.type, resource.status);
    }
    if (stuck) stack.reason = `The following resource(s) failed to delete: [${stuck.logicalId}]. `;
    this.move(stack, stuck ? 'DELETE_FAILED' : 'DELETE_COMPLETE', stack.reason);
  }

  private destroy(resource: StackResource): void {
    if (resource.instance) this.options.model.terminate(resource.instance);
    resource.status = 'DELETE_COMPLETE';
  }

  /** Why EC2 would not make this. */
  private refusalOf(at: Caller, type: string, { AvailabilityZone, ImageId, InstanceType = 'm1.small', SnapshotId }: Json): string | undefined {
    const { hasCapacity = () => true, instanceTypes, model } = this.options;
    const zone = AvailabilityZone === undefined ? undefined : String(AvailabilityZone);
    if (type === 'AWS::EC2::Volume' && SnapshotId !== undefined) {
      const snapshot = model.find(String(SnapshotId));
      if (!snapshot || !isAt(snapshot, at)) return `The snapshot '${String(SnapshotId)}' does not exist.`;
      if (snapshot.state !== 'completed') return `Snapshot is in invalid state - ${snapshot.state}`;
      if (snapshot.tier === 'archive') return `Snapshot '${snapshot.id}' is archived`;
    }
    if (type !== 'AWS::EC2::Instance') return undefined;
    const instanceType = String(InstanceType);
    const image = model.anyImage(String(ImageId));
    if (!image || !isAt(image, at)) return `The image id '[${String(ImageId)}]' does not exist`;
    if (image.state !== 'available') return `The image '${image.id}' is ${image.state}`;
    if (instanceTypes?.[at.region]?.includes(instanceType) === false) return `The requested configuration is currently not supported: ${instanceType}`;
    if (!hasCapacity(instanceType, zone)) {
      return `We currently do not have sufficient ${instanceType} capacity in the Availability Zone you requested (${zone}). (Service: Ec2, Status Code: 500, InsufficientInstanceCapacity)`;
    }
    return undefined;
  }

  private launch(stack: FakeStack, { ImageId, InstanceType, Tags }: Json): StoredInstance {
    const { model } = this.options;
    const { devices } = model.anyImage(String(ImageId))!;
    const own = listOf<Record<string, string>>(Tags).map(({ Key, Value }) => [Key, Value]);
    return model.addInstance({
      account: stack.account,
      region: stack.region,
      image: String(ImageId),
      type: InstanceType === undefined ? undefined : String(InstanceType),
      tags: { ...stack.tags, ...Object.fromEntries(own), 'aws:cloudformation:stack-name': stack.name },
      volumes: devices.map(({ device, sizeGiB }) => ({ device, sizeGiB })),
    });
  }

  private async template({ TemplateBody: body, TemplateURL: url }: Json): Promise<Template> {
    if ((body === undefined) === (url === undefined)) throw invalid('Either Template URL or Template Body must be specified.');
    if (url !== undefined && !/^https?:\/\/[^?]+\/[^?]+/.test(String(url))) throw invalid('TemplateURL must be a supported URL.');
    const text = body === undefined ? await this.fetched(String(url)) : String(body);
    const limit = body === undefined ? MAX_URL : MAX_BODY;
    if (Buffer.byteLength(text) > limit) throw invalid(`Template may not exceed ${limit} bytes in size.`);
    const template = parsed(text);
    if (Object.keys(template.Resources ?? {}).length === 0) throw invalid('Template format error: At least one Resources member must be defined.');
    return template;
  }

  private async fetched(url: string): Promise<string> {
    return this.options.readTemplate(url).catch((error: Error) => {
      throw invalid(`S3 error: ${error.message}`);
    });
  }

  private parameters(caller: Caller, { Parameters = {} }: Template, input: Json): Readonly<Record<string, string>> {
    const given = Object.fromEntries(listOf<Record<string, string>>(input.Parameters).map(({ ParameterKey, ParameterValue = '' }) => [ParameterKey, ParameterValue]));
    const unknown = Object.keys(given).filter((name) => !(name in Parameters));
    if (unknown.length > 0) throw invalid(`Parameters: [${unknown.join(', ')}] do not exist in the template`);
    const missing = Object.entries(Parameters).filter(([name, { Default }]) => !(name in given) && Default === undefined).map(([name]) => name);
    if (missing.length > 0) throw invalid(`Parameters: [${missing.join(', ')}] must have values`);
    for (const [name, value] of Object.entries(given)) {
      const { AllowedValues, Type } = Parameters[name];
      if (AllowedValues && !AllowedValues.map(String).includes(value)) throw invalid(`Parameter ${name} must be one of AllowedValues`);
      if (Type === 'AWS::EC2::Image::Id' && !isThere(this.options.model.anyImage(value), caller)) {
        throw invalid(`Parameter validation failed: parameter value ${value} for parameter name ${name} does not exist`);
      }
    }
    return given;
  }

  private checkCapabilities({ Resources = {} }: Template, capabilities: readonly string[]): void {
    const iam = Object.values(Resources).filter(({ Type }) => /^AWS::IAM::(Role|Policy|User|Group|InstanceProfile|ManagedPolicy|AccessKey|UserToGroupAddition)$/.test(Type));
    if (iam.length === 0 || capabilities.includes('CAPABILITY_NAMED_IAM')) return;
    const named = iam.some(({ Properties = {} }) => ['RoleName', 'UserName', 'GroupName', 'ManagedPolicyName', 'InstanceProfileName'].some((name) => name in Properties));
    const needed = named ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM';
    if (!capabilities.includes(needed)) throw new Refusal('InsufficientCapabilitiesException', `Requires capabilities : [${needed}]`);
  }

  private resolver(stack: FakeStack, { parameters, template }: ChangeSet, values: Readonly<Record<string, unknown>> = {}): Resolver {
    return new Resolver(template, {
      account: stack.account, region: stack.region, partition: 'aws', urlSuffix: 'amazonaws.com', stackName: stack.name, queueOrigin: '', parameters, values,
    });
  }

  private newStack(caller: Caller, name: string): FakeStack {
    const stack: FakeStack = {
      account: caller.account, region: caller.region, id: this.arn(caller, 'stack', name), name, status: '', events: [], changeSets: [], resources: [], outputs: {}, tags: {},
    };
    this.stacks.push(stack);
    this.move(stack, 'REVIEW_IN_PROGRESS', 'User Initiated');
    return stack;
  }

  private find(caller: Caller, given: unknown): FakeStack | undefined {
    return this.stacks.find(({ id }) => id === given) ?? this.there.find((stack) => stack.name === given && isAt(stack, caller));
  }

  private stack(caller: Caller, given: unknown): FakeStack {
    const stack = this.find(caller, given);
    if (!stack) throw invalid(`Stack with id ${String(given)} does not exist`);
    return stack;
  }

  private changeSet(caller: Caller, { ChangeSetName: given, StackName }: Json): { readonly stack: FakeStack; readonly changeSet: ChangeSet } {
    const stack = this.there.find(({ changeSets }) => changeSets.some(({ id }) => id === given)) ?? this.find(caller, StackName);
    const changeSet = stack?.changeSets.find(({ id, name }) => id === given || name === given);
    if (!stack || !changeSet) throw new Refusal('ChangeSetNotFound', `ChangeSet [${String(given)}] does not exist`, 404);
    return { stack, changeSet };
  }

  private stackXml({ id, name, outputs, reason, role, status }: FakeStack): Fields {
    return {
      StackId: id,
      StackName: name,
      StackStatus: status,
      StackStatusReason: reason,
      RoleARN: role,
      CreationTime: new Date(0).toISOString(),
      Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
    };
  }

  private move(stack: FakeStack, status: string, reason?: string): void {
    stack.status = status;
    this.event(stack, stack.name, 'AWS::CloudFormation::Stack', status, reason);
  }

  private event(stack: FakeStack, logicalId: string, type: string, status: string, reason?: string): void {
    stack.events.push({ at: this.options.model.clock.now(), logicalId, type, status, reason });
  }

  private arn({ account, region }: Caller, kind: string, name: string): string {
    this.created += 1;
    return `arn:aws:cloudformation:${region}:${account}:${kind}/${name}/00000000-0000-4000-8000-${String(this.created).padStart(12, '0')}`;
  }
}

function resourcesOf({ Resources = {} }: Template, resolver: Resolver) {
  return Object.entries(Resources).filter(([, { Condition }]) => Condition === undefined || resolver.condition(Condition));
}

function parsed(text: string): Template {
  try {
    return JSON.parse(text) as Template;
  } catch {
    throw invalid('Template format error: the fake reads JSON only');
  }
}

function isAt(there: Caller, { account, region }: Caller): boolean {
  return there.account === account && there.region === region;
}

function isThere(found: Caller | undefined, at: Caller): boolean {
  return found !== undefined && isAt(found, at);
}

function invalid(message: string): Refusal {
  return new Refusal('ValidationError', message);
}
