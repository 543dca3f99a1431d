import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { ProbeRequest } from '../contract';
import { type Probe, ProbeFailed } from './ports';

/** As much of an error as evidence has room for. */
const MAX_MESSAGE = 1000;

export class LambdaProbe implements Probe {
  constructor(private readonly functionName: string, private readonly lambda: Pick<LambdaClient, 'send'>) {}

  public async invoke(request: ProbeRequest, signal: AbortSignal): Promise<unknown> {
    const { FunctionError: failure, Payload: payload } = await this.lambda.send(new InvokeCommand({
      FunctionName: this.functionName,
      InvocationType: 'RequestResponse',
      Payload: JSON.stringify(request),
    }), { abortSignal: signal });
    const answer: unknown = JSON.parse(payload?.transformToString() || 'null');
    if (failure === undefined) return answer;
    const { errorType = failure, errorMessage = '' } = (answer ?? {}) as { readonly errorType?: string; readonly errorMessage?: string };
    throw new ProbeFailed(`${errorType}: ${errorMessage}`.slice(0, MAX_MESSAGE));
  }
}
