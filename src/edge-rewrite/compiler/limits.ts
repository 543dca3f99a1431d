/** What CloudFront allows, each with the page of its Developer Guide unless stated otherwise. */
export const LIMITS = {
  /** Bytes of a function (cloudfront-limits); above the second the construct should be looked at before it grows. */
  codeBytes: 10_000,
  codeBytesWarning: 9_000,
  /** Bytes of data worth putting into the code. */
  inlineBytes: 6_000,
  /** Instructions of one invocation. Not documented: the order of magnitude at which peers were cut off. */
  opcodes: 10_000,
  /** Key value store (cloudfront-limits, kvs-with-functions-create-s3-kvp); a key and its value stay below 1 KB together. */
  keyBytes: 512,
  valueBytes: 1_024,
  entryBytes: 1_024,
  storeBytes: 5 * 1024 * 1024,
  /** Our own budget: the cost of a read in the compute budget is not documented. */
  reads: 8,
  /** Names in a cache or origin request policy (cloudfront-limits). */
  policyNames: 10,
  policyNameCharacters: 1_024,
  /** ResponseHeadersPolicy (cloudfront-limits). */
  responseHeaders: 10,
  responseHeaderValue: 1_783,
  responseHeaderCharacters: 10_240,
  /** URI and query of a request (cloudfront-limits). */
  uriCharacters: 8_191,
  /** Segments a rule may have, and the last one it may capture: what one character of a table can say. */
  segments: 35,
  capturedSegments: 9,
  /** Shapes with the same number of segments. */
  shapes: 26,
} as const;

const DISALLOWED = [
  'connection', 'expect', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'trailer', 'upgrade',
  'x-accel-buffering', 'x-accel-charset', 'x-accel-limit-rate', 'x-accel-redirect',
  'x-amzn-auth', 'x-amzn-cf-billing', 'x-amzn-cf-id', 'x-amzn-cf-xff', 'x-amzn-errortype', 'x-amzn-fle-profile', 'x-amzn-header-count',
  'x-amzn-header-order', 'x-amzn-lambda-integration-tag', 'x-amzn-requestid', 'x-cache', 'x-forwarded-proto', 'x-real-ip',
];
const DISALLOWED_PREFIXES = ['x-amz-cf-', 'x-edge-'];
const READ_ONLY = {
  'viewer-request': ['cdn-loop', 'content-length', 'host', 'transfer-encoding', 'via'],
  'viewer-response': ['warning', 'via', 'content-length', 'transfer-encoding', 'content-encoding'],
} as const;

/** Headers no edge function may set (edge-function-restrictions-all): CloudFront answers 502. */
export function isDisallowedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return DISALLOWED.includes(lower) || DISALLOWED_PREFIXES.some((prefix) => lower.startsWith(prefix));
}

export function isReadOnlyHeader(name: string, event: keyof typeof READ_ONLY): boolean {
  return (READ_ONLY[event] as readonly string[]).includes(name.toLowerCase());
}

export const DISALLOWED_HEADERS: readonly string[] = [...DISALLOWED, ...DISALLOWED_PREFIXES.map((prefix) => `${prefix}*`)];
