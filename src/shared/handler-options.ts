import { Duration } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';

/** What may be set on every Lambda function of this library. */
export interface HandlerOptions {
  /**
   * Node.js runtime, version 22 or later.
   * @default lambda.Runtime.NODEJS_24_X
   */
  readonly runtime?: lambda.Runtime;
  /**
   * Instruction set.
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;
  /**
   * Memory in MiB; CPU grows with it.
   * @default - stated by the construct
   */
  readonly memorySize?: number;
  /**
   * Longest run of one invocation.
   * @default - stated by the construct
   */
  readonly timeout?: Duration;
  /**
   * Role of the function. It receives the statements the function needs; an immutable one (`withoutPolicyUpdates()`)
   * must hold them already, the construct's README lists them.
   * @default - a new role without managed policies
   */
  readonly role?: iam.IRole;
  /**
   * VPC to run in. It needs a way to the AWS services the construct's README lists.
   * @default - no VPC
   */
  readonly vpc?: ec2.IVpc;
  /**
   * Subnets of `vpc`.
   * @default - private subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /**
   * Security groups inside `vpc`.
   * @default - a new group per function
   */
  readonly securityGroups?: ec2.ISecurityGroup[];
  /**
   * Log group to write to.
   * @default - a new one per function, kept one month, deleted with the stack
   */
  readonly logGroup?: logs.ILogGroup;
  /**
   * X-Ray tracing. When on, the role may write traces to `*`: X-Ray has no narrower resource.
   * @default lambda.Tracing.DISABLED
   */
  readonly tracing?: lambda.Tracing;
  /**
   * Key for the environment variables.
   * @default - a key managed by AWS
   */
  readonly environmentEncryption?: kms.IKey;
  /**
   * Concurrent executions reserved for, and the limit of, each function.
   * @default - no reservation
   */
  readonly reservedConcurrentExecutions?: number;
}
