/**
 * The one place that touches `@cloud-copilot/iam-simulate`. It is licensed AGPL-3.0: installed for the kit alone and
 * reached by path, so that nothing we ship can import it.
 */
import { join } from 'node:path';

export interface Simulation {
  readonly request: {
    readonly principal: string;
    readonly action: string;
    readonly resource: { readonly resource: string; readonly accountId: string };
    readonly contextVariables: Readonly<Record<string, string>>;
  };
  readonly identityPolicies: readonly { readonly name: string; readonly policy: object }[];
  readonly serviceControlPolicies: readonly [];
  readonly resourceControlPolicies: readonly [];
  readonly resourcePolicy?: object;
}

export type ValidatedResult =
  | { readonly resultType: 'error'; readonly errors: { readonly message: string } }
  | { readonly resultType: 'single' | 'wildcard'; readonly overallResult: string };

/** With every check of actions, resource types, context keys and policies. */
export function simulate(simulation: Simulation): Promise<ValidatedResult> {
  return load<{ runSimulation: (simulation: Simulation, options: object) => Promise<ValidatedResult> }>('iam-simulate').runSimulation(simulation, {});
}

/** The engine below it, a tenth of the time and synchronous; the package's own shortcut to it cannot take a resource policy. */
export function decideUnvalidated({ request, identityPolicies, resourcePolicy }: Simulation): string {
  const { loadPolicy, authorize, AwsRequestImpl, RequestContextImpl, DiscoveryContextKeyConstraints } = engine();
  const context = new RequestContextImpl(request.contextVariables);
  return authorize({
    request: new AwsRequestImpl(request.principal, request.resource, request.action, context),
    identityPolicies: identityPolicies.map(({ name, policy }) => loadPolicy(policy, { name })),
    resourcePolicy: resourcePolicy && loadPolicy(resourcePolicy, { name: 'resource' }),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    simulationParameters: { simulationMode: 'Strict', discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]) },
    serviceSettings: {},
  }).result;
}

interface Engine {
  loadPolicy: (policy: object, metadata: { readonly name: string }) => object;
  authorize: (request: object) => { readonly result: string };
  AwsRequestImpl: new (principal: string, resource: object, action: string, context: object) => object;
  RequestContextImpl: new (values: Readonly<Record<string, string>>) => object;
  DiscoveryContextKeyConstraints: new (constraints: readonly []) => object;
}

let loaded: Engine | undefined;

function engine(): Engine {
  loaded ??= {
    ...load<Pick<Engine, 'loadPolicy'>>('iam-policy'),
    ...load<Pick<Engine, 'authorize'>>('iam-simulate', 'core_engine/CoreSimulatorEngine.js'),
    ...load<Pick<Engine, 'AwsRequestImpl'>>('iam-simulate', 'request/request.js'),
    ...load<Pick<Engine, 'RequestContextImpl'>>('iam-simulate', 'requestContext.js'),
    ...load<Pick<Engine, 'DiscoveryContextKeyConstraints'>>('iam-simulate', 'context_keys/discoveryContextKeyConstraints.js'),
  };
  return loaded;
}

function load<T>(name: string, file = 'index.js'): T {
  // eslint-disable-next-line @typescript-eslint/no-require-imports, import/no-dynamic-require
  return require(join(__dirname, '../runtime/node_modules/@cloud-copilot', name, 'dist/cjs', file)) as T;
}
