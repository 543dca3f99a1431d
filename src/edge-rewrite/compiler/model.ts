/**
 * The one model of rules that importers write, the compiler reads and the construct hands through. Plain data: no CDK,
 * no files, no clock.
 *
 *     parse(dialect) -> RuleSet[] -> compile(sets, options) -> CompileResult
 */

/** Where something was written. Rules written in code have the construct's path as file and their position as line. */
export interface Source {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The rule as written, for messages. */
  readonly text?: string;
}

// ------------------------------------------------------------------------------------------------------- what matches

/**
 * A piece of a path between two slashes. Text is as written in the file; the compiler percent-encodes what a URL cannot
 * hold.
 */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  /** Exactly one non-empty segment. `prefix` and `suffix` are literal text around it (`*.js`, `post-:id`). */
  | { readonly kind: 'placeholder'; readonly name: string; readonly prefix?: string; readonly suffix?: string }
  /**
   * The rest of the path, also nothing of it. Redirects allow it at the end only; header rules also in the middle, and
   * with literal text around it.
   */
  | { readonly kind: 'splat'; readonly name: string; readonly prefix?: string; readonly suffix?: string };

/** The name under which a `*` is captured. */
export const SPLAT = 'splat';

export interface PathPattern {
  /** `/` is no segment at all; `/a/b` two. */
  readonly segments: readonly Segment[];
  /**
   * - `optional`: `/a` also matches `/a/` (never `/a//`), as with Netlify.
   * - `exact`: a slash at the end is part of the path, as with Cloudflare; then `slash` says whether the rule ends in one.
   */
  readonly trailing: 'optional' | 'exact';
  /** The pattern was written with a slash at its end (`/a/`, and `/` itself). Never with a splat at the end. */
  readonly slash: boolean;
}

/** A host as labels; a placeholder stands for one label. Netlify knows literal hosts only. */
export interface HostPattern {
  readonly labels: readonly Exclude<Segment, { kind: 'splat' }>[];
}

/** A query parameter a rule demands, in whatever order; further ones are allowed. */
export interface QueryMatch {
  readonly name: string;
  /** The value, as it stands decoded; any value if left out. */
  readonly value?: string;
  /** The name under which the value is captured; targets receive it encoded. */
  readonly capture?: string;
}

export type ConditionKind =
  | 'country' // values: ISO 3166-1 codes, any case
  | 'region' // values: ISO 3166-2 with or without the country ('DE-BY', 'BY')
  | 'language' // values: language tags; 'fr' holds for 'fr-CA', with the q-values of the request
  | 'cookie' // name; no values: is set
  | 'header' // name; no values: is present
  | 'query' // name; no values: is present
  | 'device' // values: 'mobile', 'tablet', 'desktop', 'smarttv'
  | 'method' // values: upper case
  | 'host'; // values: host names, lower case; a leading '*.' stands for any labels

export interface Condition {
  readonly kind: ConditionKind;
  /** Of the cookie, header (lower case) or query parameter. */
  readonly name?: string;
  /** Any of them; none: present at all. */
  readonly values: readonly string[];
  /** How a value of cookie, header or query compares. Default: equal. */
  readonly compare?: 'equals' | 'prefix' | 'suffix' | 'contains';
  /** `missing` instead of `has`. */
  readonly negate?: boolean;
}

// -------------------------------------------------------------------------------------------------------- what happens

/** A template in parts: literal text or the value of a capture (segment, splat, query, host label). Never a pattern. */
export type Part = { readonly text: string } | { readonly capture: string };
export type Template = readonly Part[];

/**
 * - `keep`: the request's query is passed on as it came, after the target's own.
 * - `merge`: the target's own, then those of the request that neither the target names nor the rule captured.
 * - `drop`: the target's own only.
 */
export type QueryPolicy = 'keep' | 'merge' | 'drop';

export interface Target {
  /** Only with `host`. */
  readonly scheme?: 'http' | 'https';
  /** Of another site; without it the target is relative to this one. */
  readonly host?: Template;
  /** Starts with a slash. */
  readonly path: Template;
  readonly query?: readonly { readonly name: string; readonly value: Template }[];
  /** Without `#`; redirects only. */
  readonly fragment?: string;
}

export type RedirectStatus = 301 | 302 | 303 | 307 | 308;
/** `403` and `401` are for access rules; the others for content that is not there. */
export type ErrorStatus = 401 | 403 | 404 | 410 | 451;

/** Where a proxied request goes: an origin the construct declares by id, or a host on its allow list. */
export type ProxyOrigin = { readonly id: string } | { readonly host: string; readonly scheme: 'http' | 'https' };

export interface Variant {
  /** Percent, two decimals at most; the weights of a split sum to 100. */
  readonly weight: number;
  readonly target: Target;
}

export type Action =
  | { readonly kind: 'redirect'; readonly status: RedirectStatus; readonly target: Target }
  /** Another path of the same origin, status 200. */
  | { readonly kind: 'rewrite'; readonly target: Target }
  | { readonly kind: 'proxy'; readonly origin: ProxyOrigin; readonly target: Target }
  /** `page` is fetched from the origin and sent with the status; without it a short body of our own. Gone is 410. */
  | { readonly kind: 'status'; readonly status: ErrorStatus; readonly page?: Target }
  | { readonly kind: 'split'; readonly experiment: string; readonly variants: readonly Variant[]; readonly maxAgeSeconds?: number }
  /** The request goes on unchanged; later rules are not looked at. */
  | { readonly kind: 'pass' };

export interface Rule {
  readonly source: Source;
  readonly host?: HostPattern;
  readonly path: PathPattern;
  readonly query: readonly QueryMatch[];
  /** All of them. */
  readonly conditions: readonly Condition[];
  readonly action: Action;
  readonly queryPolicy: QueryPolicy;
  /** Also where a file of the site stands at that path. Means something only with a site manifest. */
  readonly force: boolean;
}

export interface HeaderOperation {
  /** `append` adds a further value, `set` replaces, `unset` removes what the origin or an earlier rule set. */
  readonly kind: 'set' | 'append' | 'unset';
  /** As written. */
  readonly name: string;
  /** Empty for `unset`. */
  readonly value: Template;
}

/** Headers of the response. Every rule that matches applies, in the order of the file. */
export interface HeaderRule {
  readonly source: Source;
  readonly host?: HostPattern;
  readonly path: PathPattern;
  readonly conditions: readonly Condition[];
  readonly operations: readonly HeaderOperation[];
}

/** Requests for a path or anything beneath it must pass the check, as must those a rule would serve it to. */
export interface AccessRule {
  readonly source: Source;
  /** In lower case, without a slash at the end: '' is all paths. */
  readonly path: string;
  readonly check: AccessCheck;
}

export type AccessCheck =
  /** CIDR networks or addresses. */
  | { readonly kind: 'addresses'; readonly networks: readonly string[]; readonly block: boolean }
  /** ISO 3166-1 codes in upper case. */
  | { readonly kind: 'countries'; readonly codes: readonly string[]; readonly block: boolean }
  /** `digests`: HMAC-SHA256 of `user:password` under the salt, in hexadecimal. */
  | { readonly kind: 'basic'; readonly realm: string; readonly salt: string; readonly digests: readonly string[] }
  /** JWT with HS256, in the header Authorization or a cookie. Any of the keys. */
  | { readonly kind: 'token'; readonly keys: readonly string[]; readonly cookie?: string; readonly issuer?: string; readonly audience?: string }
  /** `exp` and `sig` in the query. Any of the keys. */
  | { readonly kind: 'link'; readonly keys: readonly string[] };

/**
 * What one source says: of its rules the first that matches decides. Cloudflare's order is no other: paths without placeholder
 * and splat come first, but one below the first dynamic rule counts as dynamic itself. Of several sources an earlier one wins.
 */
export interface RuleSet {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly headers: readonly HeaderRule[];
  /** What the file says of the site as a whole (`vercel.json`); an option given in code wins. */
  readonly settings?: Pick<CompileOptions, 'cleanUrls' | 'trailingSlash' | 'canonicalStatus'>;
  /** What the importer could not express. */
  readonly diagnostics: readonly Diagnostic[];
}

// ------------------------------------------------------------------------------------------------------------- options

/** The URL paths of the files of a site, each with a leading slash, as in the bucket (`/about/index.html`). */
export interface Site {
  readonly files: readonly string[];
}

export type Tier = 'inline' | 'key-value-store' | 'lambda-edge';

export interface CompileOptions {
  /** Default: the cheapest of inline and key-value-store that holds the data. Lambda@Edge only on request. */
  readonly tier?: Tier;
  /** Not-convertible lines and warnings about rules are errors. */
  readonly strict?: boolean;

  /** Path to serve where the last segment has no extension and no rule matched, e.g. `/index.html`. */
  readonly spaFallback?: string;
  /** `/about.html` redirects to `/about`, which serves `/about.html`. */
  readonly cleanUrls?: boolean;
  /** Redirects to the form with or without slash; files (a dot in the last segment) keep theirs. */
  readonly trailingSlash?: 'add' | 'remove' | 'keep';
  /** Appended to a path that ends in a slash, e.g. `index.html`. */
  readonly indexDocument?: string;
  /** Requests for any other host are redirected to it, path and query kept. */
  readonly canonicalHost?: string;
  /** Status of canonical host, slash and clean URL redirects. Default: 301. */
  readonly canonicalStatus?: RedirectStatus;
  /** Makes an existing file win over a rule that is not forced. */
  readonly site?: Site;

  /** Ids that proxy actions may name. */
  readonly originIds?: readonly string[];
  /** Hosts that proxy actions may name. */
  readonly proxyHosts?: readonly string[];
  /** Hosts this distribution answers for: a redirect to one of them is followed when looking for loops. */
  readonly ownHosts?: readonly string[];
  /** All that cover a path must let a request through. Not in the Lambda@Edge tier. */
  readonly access?: readonly AccessRule[];
  /** Chains A -> B -> C become A -> C. */
  readonly collapseChains?: boolean;
  /** Headers every response carries unless a rule says otherwise. */
  readonly presetHeaders?: readonly ConstantHeader[];
  /** Reads of the key value store one request may make. Default: 8. */
  readonly maxReads?: number;
  /**
   * Reads every key a path may have and takes the lowest rule of all that hit, instead of copying rules into more
   * specific ones. Default: when copies would double the data.
   */
  readonly lowestWins?: boolean;
  /**
   * Lays the store out in buckets, the fullest just below the limit of a value: smaller file, one read for a bucket.
   * Default: when one key per rule does not fit.
   */
  readonly dense?: boolean;
}

// --------------------------------------------------------------------------------------------------------------- result

export type Severity = 'error' | 'warning' | 'info';

/** Why a line is reported; the message says it in words. */
export type DiagnosticCode =
  // importers
  | 'syntax' | 'unsupported' | 'unknown-option' | 'line-too-long' | 'ignored'
  // a restriction of who may see a path would be lost: an error
  | 'lost-access'
  // rules
  | 'duplicate' | 'unreachable' | 'shadowed-by-file' | 'hides-files' | 'loop' | 'chain'
  | 'invalid-path' | 'invalid-target' | 'invalid-host' | 'open-redirect' | 'unknown-capture' | 'invalid-query' | 'invalid-condition'
  | 'invalid-header' | 'disallowed-header' | 'read-only-header' | 'invalid-status' | 'invalid-weights'
  | 'unknown-origin' | 'host-not-allowed' | 'access'
  // limits
  | 'code-size' | 'value-size' | 'key-size' | 'store-size' | 'reads' | 'opcodes' | 'header-names' | 'policy' | 'tier';

export interface Diagnostic {
  readonly source: Source;
  readonly severity: Severity;
  readonly code: DiagnosticCode;
  /** Lower case, no full stop: what, allowed, got. */
  readonly message: string;
}

export interface EmittedFunction {
  /** Complete source of a CloudFront function, runtime cloudfront-js-2.0. `KVS_ID` is not needed: `cf.kvs()` finds its store. */
  readonly code: string;
  readonly bytes: number;
  /** The most a request can cost, by the cost model. */
  readonly opcodes: number;
}

export interface DataEntry {
  readonly key: string;
  readonly value: string;
}

/** What the key value store is filled with. */
export interface StoreData {
  readonly entries: readonly DataEntry[];
  /** The import file, byte for byte. */
  readonly json: string;
  readonly bytes: number;
  /** Of the import file; goes into the store's name. */
  readonly hash: string;
}

/** A header every response carries; for a ResponseHeadersPolicy. */
export interface ConstantHeader {
  readonly name: string;
  /** Undefined: the header is removed. */
  readonly value?: string;
}

/** Names an event must bring to the function. Lower case, sorted. */
export interface Needs {
  readonly headers: readonly string[];
  readonly cookies: readonly string[];
  readonly queries: readonly string[];
}

export interface Report {
  readonly tier: Tier;
  readonly rules: number;
  readonly headerRules: number;
  readonly codeBytes: number;
  readonly responseCodeBytes: number;
  readonly opcodes: number;
  readonly responseOpcodes: number;
  /** Entries in whatever tier. */
  readonly entries: number;
  /** Bytes of the table in the code, of the import file, or of the table file. */
  readonly dataBytes: number;
  /** The most reads a request can make, and per depth of its path. */
  readonly maxReads: number;
  readonly readsByDepth: readonly number[];
  /** Forms of patterns paths are looked up by, such as `host/a/:/*`: known host, known segment, placeholder, splat. */
  readonly shapes: readonly string[];
  /** With their checks. */
  readonly protectedPaths: readonly string[];
  readonly unreachable: readonly Diagnostic[];
  readonly duplicates: readonly Diagnostic[];
  readonly loops: readonly Diagnostic[];
  readonly chains: readonly Diagnostic[];
  readonly notConvertible: readonly Diagnostic[];
  readonly limits: readonly Diagnostic[];
}

export interface CompileResult {
  readonly tier: Tier;
  /** In the Lambda@Edge tier the code the origin function runs, with its table in the place of the store. */
  readonly viewerRequest?: EmittedFunction;
  /** Present if status pages, cookies or headers that depend on the path need it. */
  readonly viewerResponse?: EmittedFunction;
  /** Source of a viewer-request function in front of the Lambda function, if that must know the viewer's host. */
  readonly viewerHost?: string;
  /** Not in the inline tier. */
  readonly data?: StoreData;
  /** For a ResponseHeadersPolicy. */
  readonly constantHeaders: readonly ConstantHeader[];
  /** What functions look at. */
  readonly originRequest: Needs;
  /** What changes what is served. Part of `originRequest`, but for the variant the function picks. */
  readonly cache: Needs;
  /** Of both, what policies must name in this tier. */
  readonly policies: { readonly cache: Needs; readonly originRequest: Needs };
  /** Everything, sorted by file and line. The construct throws if one is an error. */
  readonly diagnostics: readonly Diagnostic[];
  readonly report: Report;
}
