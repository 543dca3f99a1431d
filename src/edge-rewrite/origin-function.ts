import { existsSync, readFileSync } from 'fs';
import { join } from 'path';
import { Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { writeFiles } from './assembly-files';
import { TABLE_FILE } from './contract';
import { EdgeLambdaOptions } from './edge-tier';
import { acknowledge, wildcardResource } from '../private/acknowledge';
import { checkInteger, checkNodeRuntime } from '../private/validate';

const ASSETS = join(__dirname, '..', '..', 'assets', 'edge-rewrite');
/** Quotas of origin events. */
const LIMIT = { seconds: 30, memory: { min: 128, max: 10_240 }, zipBytes: 50 * 1024 * 1024 };

/** A Lambda@Edge function: the prebuilt handler with the table beside it, and none of what the edge does not know. */
export class OriginFunction extends Construct {
  public readonly version: lambda.Version;

  constructor(scope: Construct, id: string, event: string, table: string, options: EdgeLambdaOptions) {
    super(scope, id);
    checkOptions(this, options);
    const role = options.role ?? new iam.Role(this, 'Role', {
      assumedBy: new iam.CompositePrincipal(new iam.ServicePrincipal('lambda.amazonaws.com'), new iam.ServicePrincipal('edgelambda.amazonaws.com')),
    });
    const handler = new lambda.Function(this, 'Function', {
      description: 'Redirects, rewrites and headers by rule',
      code: lambda.Code.fromAsset(writeFiles(this, { 'index.mjs': bundle(event), [TABLE_FILE]: table }), { displayName: `edge-rewrite/${event}` }),
      handler: 'index.handler',
      runtime: options.runtime ?? lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.X86_64,
      memorySize: options.memorySize ?? 512,
      timeout: options.timeout ?? Duration.seconds(5),
      role,
      currentVersionOptions: { removalPolicy: options.removalPolicy ?? RemovalPolicy.RETAIN },
    });
    // A flag of the CDK makes a log group here. Replicas log where they run, to groups of another name.
    handler.node.tryRemoveChild('LogGroup');
    this.version = handler.currentVersion;
    this.allowLogs(role, handler);
    acknowledge(this, { 'Serverless-LambdaDLQ': 'CloudFront invokes it synchronously; Lambda@Edge allows no dead-letter queue' });
  }

  /** A policy of its own: the role's default one, on which the function depends, cannot name the function. */
  private allowLogs(role: iam.IRole, handler: lambda.Function): void {
    const { partition, account } = Stack.of(this);
    const groups = `arn:${partition}:logs:*:${account}:log-group:/aws/lambda/us-east-1.${handler.functionName}:*`;
    const policy = new iam.Policy(this, 'Logs', {
      statements: [new iam.PolicyStatement({ actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'], resources: [groups] })],
    });
    role.attachInlinePolicy(policy);
    acknowledge(policy, { [wildcardResource(this, groups)]: 'replicas log in the region they run in, to streams of their own' });
  }
}

function checkOptions(scope: Construct, { runtime, memorySize, timeout }: EdgeLambdaOptions): void {
  const { region } = Stack.of(scope);
  if (!Token.isUnresolved(region) && region !== 'us-east-1') {
    throw new Error(`a Lambda@Edge function must be in us-east-1, got ${region}; define an EdgeRewrite with the same rules in a stack there and give its function to 'EdgeTier.lambdaEdgeVersion()'`);
  }
  checkNodeRuntime(runtime);
  checkInteger('memorySize', memorySize, LIMIT.memory);
  if (timeout && !timeout.isUnresolved() && timeout.toSeconds() > LIMIT.seconds) {
    throw new Error(`'timeout' must be at most ${LIMIT.seconds} seconds, got ${timeout.toSeconds()}`);
  }
}

function bundle(event: string): Uint8Array {
  const file = join(ASSETS, event, 'index.mjs');
  if (!existsSync(file)) throw new Error(`no bundle for 'edge-rewrite/${event}'; run 'npx projen bundle'`);
  return readFileSync(file);
}
