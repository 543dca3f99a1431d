import type { ServiceTruth } from '.';
import { REQUEST_LIMITS } from '../../limits/requests';

/** Services without rules of their own: one request, or one field of it, must not be too large. */
export const requestSize: ServiceTruth = {
  check: ({ service, operation, params }) => {
    const limit = REQUEST_LIMITS[`${service}:${operation}`];
    if (!limit) return undefined;
    const field = limit.field && (params.body as Record<string, unknown> | undefined)?.[limit.field];
    const size = limit.field ? Buffer.byteLength(typeof field === 'string' ? field : '') : params.bytes ?? 0;
    if (size <= limit.value) return undefined;
    return { status: limit.status, code: limit.code, message: `at most ${limit.value} ${limit.unit}, got ${size}` };
  },
};
