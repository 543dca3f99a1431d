import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Tier } from './compiler/model';

/** When a Lambda@Edge function runs; both only on a cache miss. */
export enum EdgeOriginEvent {
  /** Before the origin is asked. */
  ORIGIN_REQUEST = 'origin-request',
  /** After the origin answered 403 or 404: rules are for missing files only, and can redirect or set a status. */
  ORIGIN_RESPONSE = 'origin-response',
}

/** Options of the Lambda@Edge tier. It knows no VPC, variables, layers or dead-letter queue, and x86 only. */
export interface EdgeLambdaOptions {
  /**
   * When the function runs.
   * @default EdgeOriginEvent.ORIGIN_REQUEST
   */
  readonly eventType?: EdgeOriginEvent;
  /**
   * Node.js runtime, version 22 or later.
   * @default lambda.Runtime.NODEJS_24_X
   */
  readonly runtime?: lambda.Runtime;
  /**
   * Memory in MiB: the table is held in it.
   * @default 512
   */
  readonly memorySize?: number;
  /**
   * Longest run of one invocation, at most 30 seconds.
   * @default Duration.seconds(5)
   */
  readonly timeout?: Duration;
  /**
   * Role of the function, to be assumed by `lambda.amazonaws.com` and `edgelambda.amazonaws.com`. It receives the rights
   * to write logs; an immutable one must have them.
   * @default - a new role without managed policies
   */
  readonly role?: iam.IRole;
  /**
   * What happens to versions that are no longer used. CloudFront keeps replicas for hours, and until then they cannot be
   * deleted.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** Where rules are kept and looked up. */
export class EdgeTier {
  /** The cheapest of `INLINE` and `KEY_VALUE_STORE` that holds the rules. */
  public static readonly AUTO = new EdgeTier();
  /** In the code of the CloudFront function: about 6 KB of rules. */
  public static readonly INLINE = new EdgeTier('inline');
  /** In a CloudFront key value store: 5 MB of rules. */
  public static readonly KEY_VALUE_STORE = new EdgeTier('key-value-store');

  /** In a Lambda@Edge function, defined here: the stack must be in us-east-1. */
  public static lambdaEdge(options: EdgeLambdaOptions = {}): EdgeTier {
    return new EdgeTier('lambda-edge', options);
  }

  /**
   * In the Lambda@Edge function of another `EdgeRewrite` in us-east-1 with the same rules: its `originFunction`, or that
   * version by its ARN.
   */
  public static lambdaEdgeVersion(version: lambda.IVersion, eventType: EdgeOriginEvent = EdgeOriginEvent.ORIGIN_REQUEST): EdgeTier {
    return new EdgeTier('lambda-edge', { eventType }, version);
  }

  private constructor(
    /** @internal */
    public readonly _tier?: Tier,
    /** @internal */
    public readonly _lambda: EdgeLambdaOptions = {},
    /** @internal */
    public readonly _version?: lambda.IVersion,
  ) {}

  /** @internal */
  public get _event(): EdgeOriginEvent {
    return this._lambda.eventType ?? EdgeOriginEvent.ORIGIN_REQUEST;
  }
}
