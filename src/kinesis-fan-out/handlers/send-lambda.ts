import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { callOutcome, type Refusals } from './classify';
import { INVOKING_CLIENT } from './client';
import type { CallOutcome, Entry, Sender, SenderContext } from './ports';

/** Lambda quotas: payload of a synchronous invocation. */
const MAX_BYTES = 6 * 1024 * 1024;

const REFUSALS: Refusals = { RequestTooLargeException: 'TOO_LARGE', InvalidRequestContentException: 'UNPARSABLE' };

/** A function, invoked synchronously. What it answers is not looked at. */
export class LambdaSender implements Sender {
  public readonly maxEntries = 1;
  public readonly maxCallBytes = MAX_BYTES;
  public readonly maxEntryBytes = MAX_BYTES;
  public readonly concurrency = 4;
  public readonly bodies = 'utf8';

  constructor(
    private readonly context: SenderContext<'lambda'>,
    private readonly lambda: Pick<LambdaClient, 'send'> = new LambdaClient(INVOKING_CLIENT),
  ) {}

  public sizeOf({ body }: Entry): number {
    return body.length;
  }

  public async send([{ body }]: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    try {
      const { FunctionError: error } = await this.lambda.send(new InvokeCommand({
        FunctionName: this.context.name,
        InvocationType: 'RequestResponse',
        Payload: body,
      }), { abortSignal: signal });
      // Code fails for reasons that pass, too.
      return { kind: 'answered', outcomes: [error === undefined ? { kind: 'delivered' } : { kind: 'failed', code: 'FunctionError' }] };
    } catch (error) {
      return callOutcome(error, 1, REFUSALS);
    }
  }
}
