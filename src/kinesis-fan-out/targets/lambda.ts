import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { BoundTarget, EVERY_ORDERING, MIB, SEND_AHEAD, Target } from './target';

/** Synchronous invocations with a list of records in their envelopes. */
export class LambdaTarget implements Target {
  public readonly kind = 'lambda';
  public readonly orderings = EVERY_ORDERING;
  public readonly packings = ['json-array', 'none'] as const;
  public readonly envelope = true;
  public readonly maxEntryBytes = 6 * MIB;
  public readonly defaultEntryBytes = this.maxEntryBytes;
  public readonly sendAhead = SEND_AHEAD.OTHERS;
  public readonly batchWindow = Duration.seconds(1);

  constructor(public readonly resource: lambda.IFunction) {}

  public get arn(): string {
    return this.resource.functionArn;
  }

  public bind(): BoundTarget {
    const { functionArn } = this.resource;
    return {
      target: functionArn,
      settings: { kind: 'lambda' },
      statements: [{ actions: ['lambda:InvokeFunction'], resources: [functionArn] }],
    };
  }
}
