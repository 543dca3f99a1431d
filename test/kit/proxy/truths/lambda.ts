import type { ServiceTruth } from '.';
import { LAMBDA_LIMITS } from '../../limits/lambda';
import type { CallParams } from '../call';

export const lambda: ServiceTruth = {
  check: ({ operation, params }) => {
    if (operation !== 'Invoke') return undefined;
    const isAsynchronous = isEvent(params);
    const limit = (isAsynchronous ? LAMBDA_LIMITS.asynchronousPayloadBytes : LAMBDA_LIMITS.synchronousPayloadBytes).value;
    if ((params.bytes ?? 0) <= limit) return undefined;
    return { status: 413, code: 'RequestTooLargeException', message: `${params.bytes} byte payload is too large for the ${isAsynchronous ? 'Event' : 'RequestResponse'} invocation type (limit ${limit} bytes)` };
  },

  apply: (call, context) => call.operation !== 'Invoke' || !context.invoke ? context.send(call.request)
    : context.invoke({ functionName: call.params.labels!.FunctionName, asynchronous: isEvent(call.params), payload: call.request.body }),
};

function isEvent({ headers }: CallParams): boolean {
  return headers?.['x-amz-invocation-type'] === 'Event';
}
