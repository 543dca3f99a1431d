import type { ServiceTruth } from '.';
import { LAMBDA_LIMITS } from '../../limits/lambda';

export const lambda: ServiceTruth = {
  check: ({ operation, params }) => {
    if (operation !== 'Invoke') return undefined;
    const isAsynchronous = params.headers?.['x-amz-invocation-type'] === 'Event';
    const limit = (isAsynchronous ? LAMBDA_LIMITS.asynchronousPayloadBytes : LAMBDA_LIMITS.synchronousPayloadBytes).value;
    if ((params.bytes ?? 0) <= limit) return undefined;
    return { status: 413, code: 'RequestTooLargeException', message: `${params.bytes} byte payload is too large for the ${isAsynchronous ? 'Event' : 'RequestResponse'} invocation type (limit ${limit} bytes)` };
  },
};
