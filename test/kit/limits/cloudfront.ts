import type { Limit } from './limit';

const LIMITS = 'https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html';

export const CLOUDFRONT_LIMITS = {
  invalidationPaths: { value: 3000, unit: 'file paths in progress a distribution', source: LIMITS },
  invalidationWildcards: { value: 15, unit: 'wildcard paths in progress a distribution', source: LIMITS },
  functionBytes: { value: 10_240, unit: 'bytes of function code', source: LIMITS },
} as const satisfies Record<string, Limit>;
