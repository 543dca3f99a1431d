import { CompileOptions, Diagnostic, DiagnosticCode, EmittedFunction, Severity, Source, StoreData, Tier } from './model';
import { Table } from './table';

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
  /** Segments a rule may have, and the last one that may be a placeholder: what one character of a table can say. */
  segments: 25,
  placeholderSegments: 9,
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

interface Measured {
  readonly tier: Tier;
  readonly request?: EmittedFunction;
  readonly response?: EmittedFunction;
  readonly data?: StoreData;
  readonly table: Table;
  readonly accessReads: number;
  readonly options: Pick<CompileOptions, 'maxReads' | 'access'>;
}

const NOWHERE: Source = { file: '', line: 0 };

/** Each limit with what is measured, what is allowed and what to do. */
export function limitsOf({ tier, request, response, data, table, accessReads, options }: Measured): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const report = (severity: Severity, code: DiagnosticCode, message: string, source = NOWHERE) => found.push({ source, severity, code, message });
  const guarded = (options.access ?? []).length > 0;
  const next = tier === 'inline' ? 'use the key value store tier' : guarded ? 'use fewer rules, or fewer access rules' : 'use the Lambda@Edge tier';

  for (const [name, emitted] of [['viewer-request', request], ['viewer-response', response]] as const) {
    if (emitted === undefined || (tier === 'lambda-edge' && name === 'viewer-request')) {
      continue;
    }
    const remedy = name === 'viewer-request' ? next : 'use fewer header rules that depend on the path';
    if (emitted.bytes > LIMITS.codeBytes) {
      report('error', 'code-size', `the ${name} function has ${emitted.bytes} bytes, ${LIMITS.codeBytes} are allowed: ${remedy}`);
    } else if (emitted.bytes > LIMITS.codeBytesWarning) {
      report('warning', 'code-size', `the ${name} function has ${emitted.bytes} of ${LIMITS.codeBytes} bytes`);
    }
    if (emitted.opcodes > LIMITS.opcodes) {
      report('error', 'opcodes', `a request may cost ${emitted.opcodes} instructions in the ${name} function, ${LIMITS.opcodes} are allowed: ${remedy}`);
    }
  }
  if (tier === 'key-value-store') {
    const allowed = options.maxReads ?? LIMITS.reads;
    table.reads.forEach((ofRules, depth) => {
      const reads = ofRules + accessReads;
      if (reads > allowed) {
        const forms = `fewer forms of patterns (${table.forms[depth].join(', ')})`;
        const remedy = [forms, ...accessReads === 0 ? [] : ['fewer access rules for one path'], "or a higher 'maxReads'"].join(', ');
        const paths = depth === table.reads.length - 1 ? `${depth} and more segments` : `${depth} segments`;
        report('error', 'reads', `a path of ${paths} needs ${reads} reads, ${allowed} are allowed: use ${remedy}`);
      }
    });
    for (const { key, value, pattern } of table.entries) {
      if (key.length > LIMITS.keyBytes) {
        report('error', 'key-size', `the key of the rule has ${key.length} bytes, ${LIMITS.keyBytes} are allowed: ${next}`, sourceOf(pattern));
      } else if (key.length + value.length > LIMITS.entryBytes) {
        report('error', 'value-size',
          `the rules for one path have ${key.length + value.length} bytes, ${LIMITS.entryBytes} are allowed: ${next}`, sourceOf(pattern));
      }
    }
    if (data !== undefined && data.bytes > LIMITS.storeBytes) {
      report('error', 'store-size', `the data has ${data.bytes} bytes, ${LIMITS.storeBytes} are allowed: ${next}`);
    }
  }
  const crowd = crowded(table);
  if (crowd !== undefined) {
    report('error', 'reads', `${crowd} segments are placeholders in more than ${LIMITS.shapes} different ways`);
  }
  return found;
}

function sourceOf({ alternatives }: Table['entries'][number]['pattern']): Source {
  return alternatives[0].rule.rule.source;
}

function crowded({ entries }: Table): number | undefined {
  const masks = new Map<string, Set<string>>();
  entries.forEach(({ pattern: { shape: { depth, splat, mask } } }) => {
    const level = `${depth} ${splat}`;
    masks.set(level, (masks.get(level) ?? new Set()).add(mask));
  });
  const level = [...masks].find(([, all]) => all.size > LIMITS.shapes)?.[0];
  return level === undefined ? undefined : parseInt(level, 10);
}
