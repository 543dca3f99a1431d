import { MIB, type Limit } from './limit';

const QUOTAS = 'https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html';
const INVOKE = 'https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html';

export const LAMBDA_LIMITS = {
  synchronousPayloadBytes: { value: 6 * MIB, unit: 'bytes, request and response each', source: INVOKE },
  asynchronousPayloadBytes: { value: MIB, unit: 'bytes', source: INVOKE },
  timeoutSeconds: { value: 900, unit: 'seconds', source: QUOTAS },
  environmentBytes: { value: 4096, unit: 'bytes of all variables', source: QUOTAS },
} as const satisfies Record<string, Limit>;
