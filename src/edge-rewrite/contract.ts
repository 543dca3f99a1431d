/** What crosses the wall between synth and the Lambda@Edge handlers: one file beside the handler. */

/** Name of that file. */
export const TABLE_FILE = 'rules.table';

/**
 * Its first line, as JSON. What follows are the rules, one `key value` a line, sorted by UTF-8 bytes of the key: the
 * entries a key value store would hold.
 */
export interface TableHead {
  /** The CloudFront function that would read them from its store; the handlers run the very same code. */
  readonly code: string;
}

/** Metrics CloudFront publishes of each function, in us-east-1 only. */
export const METRIC_NAMESPACE = 'AWS/CloudFront';

export const METRIC = {
  INVOCATIONS: 'FunctionInvocations',
  VALIDATION_ERRORS: 'FunctionValidationErrors',
  EXECUTION_ERRORS: 'FunctionExecutionErrors',
  COMPUTE_UTILIZATION: 'FunctionComputeUtilization',
  THROTTLES: 'FunctionThrottles',
} as const;
