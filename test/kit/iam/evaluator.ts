import type { RecordedCall } from '../proxy/call';
import type { ResourcePolicyModel, RoleModel, Statement, TemplateModel } from '../template';
import { requestsOf, type IamRequest, type Landscape } from './requests';
import { decideUnvalidated, simulate, type Simulation } from './simulator';

export interface Decision {
  readonly allowed: boolean;
  readonly reason?: string;
}

/** What the decision depends on: the roles, and what resources say themselves. */
export interface Policies {
  readonly roles: readonly Pick<RoleModel, 'arn' | 'statements' | 'foreignPolicies'>[];
  readonly resources: readonly ResourcePolicyModel[];
}

/** Decides as IAM would, identity and resource policies together, by `@cloud-copilot/iam-simulate`. */
export class Evaluator {
  /** @param facts of resources that are not in the template */
  public static of(model: TemplateModel, facts: Partial<Landscape> = {}): Evaluator {
    return new Evaluator({ roles: model.roles, resources: model.resourcePolicies }, { ...landscapeOf(model), ...facts });
  }

  private readonly cache = new Map<string, Decision>();
  private made = 0;

  constructor(public readonly policies: Policies, public readonly landscape: Landscape) {}

  /** Decisions made, without those remembered. */
  public get decisions(): number {
    return this.made;
  }

  /** For the proxy: every permission a call needs. Who has no role here is the test itself. */
  public readonly authorize = (call: RecordedCall): Decision => {
    if (!this.knows(call.principal)) return { allowed: true };
    const denied = requestsOf(call, this.landscape).map((request) => this.decide(call.principal, request)).find(({ allowed }) => !allowed);
    return denied ?? { allowed: true };
  };

  public knows(principal: string): boolean {
    return this.policies.roles.some(({ arn }) => arn === principal);
  }

  /** @param principal ARN, or a service such as `events.amazonaws.com` */
  public decide(principal: string, request: IamRequest): Decision {
    const key = JSON.stringify([principal, request]);
    let decision = this.cache.get(key);
    if (!decision) {
      this.made += 1;
      const result = decideUnvalidated(this.simulation(principal, request));
      decision = result === 'Allowed' ? { allowed: true }
        : { allowed: false, reason: `${principal} may not ${request.action} on ${request.resource} (${result})` };
      this.cache.set(key, decision);
    }
    return decision;
  }

  /** Throws where the question itself makes no sense: an action that does not exist, a resource it does not take. */
  public async validate(principal: string, request: IamRequest): Promise<void> {
    const result = await simulate(this.simulation(principal, request));
    if (result.resultType === 'error') throw new Error(`${request.action} on ${request.resource}: ${JSON.stringify(result.errors)}`);
    const { allowed } = this.decide(principal, request);
    if (allowed !== (result.overallResult === 'Allowed')) {
      throw new Error(`${request.action} on ${request.resource}: ${result.overallResult} with validation, ${allowed ? 'allowed' : 'denied'} without`);
    }
  }

  /** The same world with other policies. */
  public with(policies: Partial<Policies>): Evaluator {
    return new Evaluator({ ...this.policies, ...policies }, this.landscape);
  }

  private simulation(principal: string, { action, context, resource, resourceAccount }: IamRequest): Simulation {
    const role = this.policies.roles.find(({ arn }) => arn === principal);
    if (role && role.foreignPolicies.length > 0) {
      throw new Error(`${principal} has policies whose text is not in the template: ${role.foreignPolicies.join(', ')}`);
    }
    const resourcePolicy = this.policies.resources.find(({ resourceArn }) => resource === resourceArn || isObjectOf(resource, resourceArn));
    return {
      request: {
        principal,
        action,
        resource: { resource, accountId: resourceAccount },
        contextVariables: { ...principal.startsWith('arn:') && { 'aws:PrincipalAccount': principal.split(':')[4] }, ...context },
      },
      identityPolicies: [{ name: 'role', policy: document(role?.statements ?? []) }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...resourcePolicy && { resourcePolicy: document(resourcePolicy.statements) },
    };
  }
}

export function landscapeOf(model: TemplateModel): Landscape {
  const { account, partition, region } = model.placement;
  const keys = new Map(model.buckets.map(({ name, kmsKeyArn }) => [name, kmsKeyArn]));
  const keysOfOthers = new Map([...model.queues, ...model.streams, ...model.tables, ...model.topics].map(({ arn, kmsKeyArn }) => [arn, kmsKeyArn]));
  model.secrets.forEach(({ arn, properties: { KmsKeyId } }) => keysOfOthers.set(arn, KmsKeyId === undefined ? undefined : String(KmsKeyId)));
  return { account, partition, region, bucketKey: (bucket) => keys.get(bucket), keyOf: (arn) => keysOfOthers.get(arn) };
}

function document(statements: readonly Statement[]): object {
  return { Version: '2012-10-17', Statement: statements };
}

function isObjectOf(resource: string, bucketArn: string): boolean {
  return bucketArn.includes(':s3:::') && resource.startsWith(`${bucketArn}/`);
}
