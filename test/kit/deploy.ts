/** The unmodified CDK CLI against an emulator, directly or through the truth proxy. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CloudAssembly, UNKNOWN_REGION } from 'aws-cdk-lib/cx-api';
import { ACCOUNT, REGION } from './emulators';
import { CACHE_DIR, ROOT } from './setup';

export interface CdkDeployOptions {
  /** Command that synthesizes the app; or `assembly`. */
  readonly appCommand?: string;
  /** Directory of a synthesized app; or `appCommand`. */
  readonly assembly?: string;
  /** Origin of the emulator or of the truth proxy before it. */
  readonly endpoint: string;
  /** @default {@link REGION} */
  readonly region?: string;
  /**
   * Further Regions stacks go to.
   * @default - none
   */
  readonly moreRegions?: readonly string[];
  /** @default {@link ACCOUNT} */
  readonly account?: string;
  /**
   * Types the emulator may leave out: moto skips what it does not know and reports success.
   * @default - none, everything in the template must be there
   */
  readonly mayLack?: readonly string[];
}

/** Outputs by stack name. */
export type StackOutputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface DeployedStack {
  /** Physical ids by logical id. */
  readonly resources: Readonly<Record<string, { readonly physicalId: string; readonly type: string }>>;
  /** Functions by logical id. */
  readonly functions: Readonly<Record<string, { readonly name: string; readonly arn: string; readonly role: string }>>;
}

/** The deployer is anyone: the emulators ask for no more. */
export const DEPLOYER = { accessKeyId: 'testing', secretAccessKey: 'testing' } as const;

const BOOTSTRAP_SECONDS = 120;
const DEPLOY_SECONDS = 180;

/** `cdk bootstrap`, then `cdk deploy` of all stacks. */
export async function cdkDeploy(options: CdkDeployOptions): Promise<StackOutputs> {
  const { appCommand, assembly, region = REGION, moreRegions = [], account = ACCOUNT } = options;
  const app = assembly ?? appCommand;
  if (!app) {
    throw new Error("'appCommand' or 'assembly' must be given, got neither");
  }
  const home = mkdtempSync(join(tmpdir(), 'cdk-home-'));
  try {
    const environment = cliEnvironment({ ...options, region, account }, home);
    const outputs = join(home, 'outputs.json');
    const output = join(home, 'cdk.out');
    await cdk(['bootstrap', ...[region, ...moreRegions].map((each) => `aws://${account}/${each}`)], environment, BOOTSTRAP_SECONDS);
    await cdk([
      'deploy', '--all', '--app', app, ...(assembly ? [] : ['--output', output]),
      '--require-approval', 'never', '--no-notices', '--outputs-file', outputs,
    ], environment, DEPLOY_SECONDS);
    await checkComplete(assembly ?? output, options);
    return JSON.parse(readFileSync(outputs, 'utf8')) as StackOutputs;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** A green deployment that left something out would be a false proof. */
async function checkComplete(assembly: string, { endpoint, region, mayLack = [] }: CdkDeployOptions): Promise<void> {
  for (const stack of new CloudAssembly(assembly).stacks) {
    const placed = stack.environment.region === UNKNOWN_REGION ? region : stack.environment.region;
    const { resources } = await describeStack({ endpoint, region: placed, stack: stack.stackName });
    const template = stack.template as { Resources: Record<string, { Type: string; Condition?: string }> };
    const missing = Object.entries(template.Resources)
      .filter(([logicalId, { Condition, Type }]) => !Condition && !(logicalId in resources) && !mayLack.includes(Type))
      .map(([, { Type }]) => Type);
    if (missing.length > 0) {
      throw new Error(`'${stack.stackName}' must be deployed in full, got none of ${[...new Set(missing)].sort().join(', ')}`);
    }
  }
}

/** What a deployed stack consists of. */
export async function describeStack(options: { endpoint: string; region?: string; stack: string }): Promise<DeployedStack> {
  const client = { endpoint: options.endpoint, region: options.region ?? REGION, credentials: DEPLOYER };
  const cloudFormation = new CloudFormationClient(client);
  const lambda = new LambdaClient(client);
  try {
    const { StackResources = [] } = await cloudFormation.send(new DescribeStackResourcesCommand({ StackName: options.stack }));
    const resources = Object.fromEntries(StackResources.map(({ LogicalResourceId, PhysicalResourceId = '', ResourceType = '' }) =>
      [LogicalResourceId!, { physicalId: PhysicalResourceId, type: ResourceType }]));
    const functions = await Promise.all(Object.entries(resources)
      .filter(([, { type }]) => type === 'AWS::Lambda::Function')
      .map(async ([logicalId, { physicalId }]) => {
        const { FunctionName, FunctionArn, Role } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: physicalId }));
        return [logicalId, { name: FunctionName!, arn: FunctionArn!, role: Role! }] as const;
      }));
    return { resources, functions: Object.fromEntries(functions) };
  } finally {
    cloudFormation.destroy();
    lambda.destroy();
  }
}

/** Names of deployed resources by logical id, for a `Placement`: some physical ids are addresses or ARNs. */
export function namesOf({ resources }: DeployedStack): Record<string, string> {
  return Object.fromEntries(Object.entries(resources).map(([logicalId, { physicalId, type }]) => {
    const separator = ({ 'AWS::SQS::Queue': '/', 'AWS::SNS::Topic': ':' } as Record<string, string>)[type];
    return [logicalId, separator ? physicalId.split(separator).pop()! : physicalId];
  }));
}

/** Nothing of the machine's AWS settings reaches the CLI: neither variables nor files in the home directory. */
function cliEnvironment({ endpoint, region, account }: CdkDeployOptions, home: string): NodeJS.ProcessEnv {
  const { port } = new URL(endpoint);
  return {
    PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter),
    HOME: home,
    // moto recognises no other host in a TemplateURL, but `bucket.localhost` does not resolve.
    AWS_ENDPOINT_URL: `http://localhost:${port}`,
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: DEPLOYER.accessKeyId,
    AWS_SECRET_ACCESS_KEY: DEPLOYER.secretAccessKey,
    AWS_REGION: region,
    CDK_DEFAULT_ACCOUNT: account,
    CDK_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
    CDK_DISABLE_CLI_TELEMETRY: '1',
    CDK_VALIDATION: 'false',
    CI: '1',
  };
}

let count = 0;

async function cdk(args: readonly string[], environment: NodeJS.ProcessEnv, seconds: number): Promise<void> {
  mkdirSync(CACHE_DIR, { recursive: true });
  const logFile = join(CACHE_DIR, `cdk-${args[0]}-${process.pid}-${count++}.log`);
  const log = openSync(logFile, 'w');
  const child = spawn(join(ROOT, 'node_modules/.bin/cdk'), args, {
    cwd: ROOT, env: environment, stdio: ['ignore', log, log], detached: true, // a process group of its own
  });
  closeSync(log);
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), seconds * 1000);
  const ended = await new Promise<string | number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal ?? code));
  });
  clearTimeout(timer);
  if (ended !== 0) {
    const output = readFileSync(logFile, 'utf8').slice(-3000);
    throw new Error(`'cdk ${args[0]}' must succeed within ${seconds} s, ended with ${ended}, see ${relative(ROOT, logFile)}\n${output}`);
  }
}
