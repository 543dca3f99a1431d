import { existsSync } from 'fs';
import { join } from 'path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge';
import { checkEnvironment, checkNodeRuntime } from './validate';
import { HandlerOptions } from '../shared';

/** The package root, from `src/private` as from `lib/private`. */
const ASSETS = join(__dirname, '..', '..', 'assets');

export interface BundledFunctionProps {
  /** Directory below `assets/`. */
  readonly entry: string;
  /** Export of the bundle; default 'index.handler'. */
  readonly handler?: string;
  readonly description: string;
  readonly environment: Record<string, string>;
  readonly memorySize: number;
  readonly timeout: Duration;
  /** Replaces the bundle. */
  readonly code?: lambda.Code;
  readonly options: HandlerOptions;
}

/** A prebuilt handler with the library's defaults: own role, own log group, nothing broader than it needs. */
export class BundledFunction extends Construct implements iam.IGrantable {
  public readonly function: lambda.Function;
  public readonly grantPrincipal: iam.IPrincipal;
  public readonly timeout: Duration;

  constructor(scope: Construct, id: string, props: BundledFunctionProps) {
    super(scope, id);
    const { options } = props;
    checkNodeRuntime(options.runtime);
    checkEnvironment(props.environment);
    this.timeout = options.timeout ?? props.timeout;

    const role = options.role ?? new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = options.logGroup ?? new logs.LogGroup(this, 'Logs', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.function = new lambda.Function(this, 'Function', {
      description: props.description,
      code: props.code ?? bundle(props.entry),
      handler: props.handler ?? 'index.handler',
      runtime: options.runtime ?? lambda.Runtime.NODEJS_24_X,
      architecture: options.architecture ?? lambda.Architecture.ARM_64,
      memorySize: options.memorySize ?? props.memorySize,
      timeout: this.timeout,
      environment: props.environment,
      environmentEncryption: options.environmentEncryption,
      role,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      tracing: options.tracing ?? lambda.Tracing.DISABLED,
      reservedConcurrentExecutions: options.reservedConcurrentExecutions,
      vpc: options.vpc,
      vpcSubnets: options.vpcSubnets,
      securityGroups: options.securityGroups,
    });
    this.grantPrincipal = this.function.grantPrincipal;

    this.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);
    if (options.vpc) this.allow(NETWORK_INTERFACE_ACTIONS, ['*']);

    acknowledge(this, {
      'Serverless-LambdaDLQ': 'never invoked asynchronously: failures stay with the caller or the queue',
      ...(options.vpc || (options.tracing ?? lambda.Tracing.DISABLED) !== lambda.Tracing.DISABLED
        ? { 'AwsSolutions-IAM5[Resource::*]': 'Lambda checks network interface rights, and X-Ray all rights, on * only' }
        : {}),
    });
  }

  /** Adds one statement to the role, unless it is immutable. */
  public allow(actions: string[], resources: string[], conditions?: Record<string, Record<string, unknown>>): void {
    this.function.addToRolePolicy(new iam.PolicyStatement({ actions, resources, conditions }));
  }
}

/** Security groups of those that run in a VPC. */
export function connectionsOf(handlers: readonly BundledFunction[]): ec2.Connections {
  const inVpc = handlers.filter((handler) => handler.function.isBoundToVpc);
  return new ec2.Connections({ securityGroups: inVpc.flatMap((handler) => handler.function.connections.securityGroups) });
}

/** What Lambda itself does with the role to attach a function to a VPC. */
const NETWORK_INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/** A new asset each time: a shared `lambda.Code` cannot serve two stacks. Equal directories are uploaded once. */
function bundle(entry: string): lambda.Code {
  const directory = join(ASSETS, entry);
  if (!existsSync(directory)) throw new Error(`no bundle for '${entry}'; run 'npx projen bundle'`);
  return lambda.Code.fromAsset(directory, { displayName: entry });
}

/** Options of one function: its own win over the construct's, field by field. */
export function mergeOptions(common: HandlerOptions, own: HandlerOptions = {}): HandlerOptions {
  return {
    runtime: own.runtime ?? common.runtime,
    architecture: own.architecture ?? common.architecture,
    memorySize: own.memorySize ?? common.memorySize,
    timeout: own.timeout ?? common.timeout,
    role: own.role ?? common.role,
    vpc: own.vpc ?? common.vpc,
    vpcSubnets: own.vpcSubnets ?? common.vpcSubnets,
    securityGroups: own.securityGroups ?? common.securityGroups,
    logGroup: own.logGroup ?? common.logGroup,
    tracing: own.tracing ?? common.tracing,
    environmentEncryption: own.environmentEncryption ?? common.environmentEncryption,
    reservedConcurrentExecutions: own.reservedConcurrentExecutions ?? common.reservedConcurrentExecutions,
  };
}
