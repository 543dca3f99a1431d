import type { InvokeConfigModel } from '../template';
import { EXACTLY_ONCE, type DeliveryPlan } from './delivery';
import { uuid } from './s3-events';
import type { Invoke } from './sqs';
import type { Timeline } from './timeline';

/** Lambda developer guide, "Lambda quotas": payload of an asynchronous invocation. */
const MAX_EVENT_BYTES = 1_048_576;
/** Between the attempts, in seconds ("Error handling and automatic retries", Lambda developer guide). */
const BACKOFF = [60, 120];

/** Lambda's queue for asynchronous invocations: retries, event age, destinations. */
export class AsyncInvoker {
  private accepted = 0;

  /** @param send carries a record to a destination, under the function's role */
  constructor(
    private readonly config: InvokeConfigModel,
    private readonly timeline: Timeline,
    private readonly invoke: Invoke,
    private readonly send: (destinationArn: string, record: string) => void,
    private readonly plan: DeliveryPlan = EXACTLY_ONCE,
  ) {}

  public accept(event: unknown): void {
    const bytes = Buffer.byteLength(JSON.stringify(event ?? null));
    if (bytes > MAX_EVENT_BYTES) throw new Error(`an asynchronous event must have at most ${MAX_EVENT_BYTES} bytes, got ${bytes}`);
    const requestId = uuid(this.config.functionArn, ++this.accepted);
    for (const delay of this.plan.copies(requestId)) {
      this.timeline.after(delay, () => this.attempt(event, requestId, this.timeline.now, 1));
    }
  }

  private async attempt(event: unknown, requestId: string, acceptedAt: number, count: number): Promise<void> {
    const outcome = await this.invoke(this.config.functionArn, event);
    if (outcome.kind === 'ok') {
      this.report(this.config.onSuccessArn, 'Success', event, requestId, count, outcome.payload);
      return;
    }
    const { maximumEventAgeSeconds, maximumRetryAttempts } = this.config;
    const wait = BACKOFF[count - 1];
    if (count > maximumRetryAttempts) {
      this.report(this.config.onFailureArn, 'RetriesExhausted', event, requestId, count, outcome.error);
    } else if (this.timeline.now + wait * 1000 - acceptedAt > maximumEventAgeSeconds * 1000) {
      this.report(this.config.onFailureArn, 'EventAgeExceeded', event, requestId, count, outcome.error);
    } else {
      this.timeline.after(wait, () => this.attempt(event, requestId, acceptedAt, count + 1));
    }
  }

  /** "Retaining records of asynchronous invocations", Lambda developer guide. */
  private report(destination: string | undefined, condition: string, event: unknown, requestId: string, count: number, payload: unknown): void {
    if (destination === undefined) return;
    this.send(destination, JSON.stringify({
      version: '1.0',
      timestamp: new Date(this.timeline.now).toISOString(),
      requestContext: { requestId, functionArn: `${this.config.functionArn}:$LATEST`, condition, approximateInvokeCount: count },
      requestPayload: event,
      responseContext: { statusCode: 200, executedVersion: '$LATEST', ...condition !== 'Success' && { functionError: 'Unhandled' } },
      responsePayload: payload ?? null,
    }));
  }
}
