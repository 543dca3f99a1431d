import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { IConstruct } from 'constructs';
import { Needs } from './compiler/model';

/** What a policy puts into an event, as far as synth can tell. */
interface Scope {
  readonly headers: (name: string) => boolean;
  readonly cookies: (name: string) => boolean;
  readonly queries: (name: string) => boolean;
}

const all = () => true;
const none = () => false;
const ofViewer = (name: string) => !name.startsWith('cloudfront-');
const NOTHING: Scope = { headers: none, cookies: none, queries: none };

/** The managed policies that let more through than a few names of their own. */
const MANAGED_ORIGIN_REQUEST: [cloudfront.IOriginRequestPolicy, Scope][] = [
  [cloudfront.OriginRequestPolicy.ALL_VIEWER, { headers: ofViewer, cookies: all, queries: all }],
  [cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER, { headers: ofViewer, cookies: all, queries: all }],
  [cloudfront.OriginRequestPolicy.ALL_VIEWER_AND_CLOUDFRONT_2022, { headers: all, cookies: all, queries: all }],
  [cloudfront.OriginRequestPolicy.CORS_CUSTOM_ORIGIN, NOTHING],
  [cloudfront.OriginRequestPolicy.CORS_S3_ORIGIN, NOTHING],
  [cloudfront.OriginRequestPolicy.USER_AGENT_REFERER_HEADERS, NOTHING],
];
const MANAGED_CACHE: [cloudfront.ICachePolicy, Scope][] = [
  [cloudfront.CachePolicy.CACHING_OPTIMIZED, NOTHING],
  [cloudfront.CachePolicy.CACHING_OPTIMIZED_FOR_UNCOMPRESSED_OBJECTS, NOTHING],
];

/** Names a given origin request policy would hide. */
export function hiddenByOriginRequestPolicy(policy: cloudfront.BehaviorOptions['originRequestPolicy'], needs: Needs): string[] {
  if (!policy) return hidden('originRequestPolicy', NOTHING, needs);
  const given = policy as cloudfront.IOriginRequestPolicy;
  const managed = MANAGED_ORIGIN_REQUEST.find(([{ originRequestPolicyId }]) => originRequestPolicyId === given.originRequestPolicyId);
  return hidden('originRequestPolicy', managed?.[1] ?? scopeOf(given, 'originRequestPolicyConfig'), needs);
}

/** Names a given cache policy leaves out of the cache key. Nothing is wrong without a cache. */
export function hiddenByCachePolicy(policy: cloudfront.BehaviorOptions['cachePolicy'], needs: Needs): string[] {
  const given = policy as cloudfront.ICachePolicy;
  if (isDisabled(given)) return [];
  const managed = MANAGED_CACHE.find(([{ cachePolicyId }]) => cachePolicyId === given.cachePolicyId);
  return hidden('cachePolicy', managed?.[1] ?? scopeOf(given, 'cachePolicyConfig'), needs);
}

export function isDisabled(policy: cloudfront.BehaviorOptions['cachePolicy']): boolean {
  return (policy as cloudfront.ICachePolicy | undefined)?.cachePolicyId === cloudfront.CachePolicy.CACHING_DISABLED.cachePolicyId;
}

export const isEmpty = ({ headers, cookies, queries }: Needs): boolean => headers.length + cookies.length + queries.length === 0;

/** Names of either. */
export function both(a: Needs, b: Needs): Needs {
  const rest = without(b, a);
  return { headers: [...a.headers, ...rest.headers], cookies: [...a.cookies, ...rest.cookies], queries: [...a.queries, ...rest.queries] };
}

/** Names of one and not of the other. */
function without(needs: Needs, known: Needs): Needs {
  const difference = (a: readonly string[], b: readonly string[]) => a.filter((name) => !b.includes(name));
  return {
    headers: difference(needs.headers, known.headers),
    cookies: difference(needs.cookies, known.cookies),
    queries: difference(needs.queries, known.queries),
  };
}

function hidden(prop: string, scope: Scope | undefined, { headers, cookies, queries }: Needs): string[] {
  const names = [
    ...headers.map((name) => ['header', name, scope?.headers(name)] as const),
    ...cookies.map((name) => ['cookie', name, scope?.cookies(name)] as const),
    ...queries.map((name) => ['query parameter', name, scope?.queries(name)] as const),
  ];
  if (!scope && names.length > 0) {
    throw new Error(`'${prop}' must be one of this app, as rules need ${names.map(([kind, name]) => `${kind} '${name}'`).join(', ')}; got an imported one, which cannot be inspected. Leave it out, or use the one of EdgeRewrite`);
  }
  return names.filter(([,, visible]) => !visible).map(([kind, name]) => `${kind} '${name}'`);
}

interface PolicyConfig {
  readonly headersConfig?: { readonly headerBehavior?: string; readonly headers?: string[] };
  readonly cookiesConfig?: { readonly cookieBehavior?: string; readonly cookies?: string[] };
  readonly queryStringsConfig?: { readonly queryStringBehavior?: string; readonly queryStrings?: string[] };
}

interface PolicyResource extends PolicyConfig {
  readonly parametersInCacheKeyAndForwardedToOrigin?: PolicyConfig;
}

/** Undefined if the policy is not a resource of this app. */
function scopeOf(policy: unknown, property: string): Scope | undefined {
  const resource = (policy as IConstruct).node?.defaultChild as unknown as { [name: string]: PolicyResource } | undefined;
  const config = resource?.[property]?.parametersInCacheKeyAndForwardedToOrigin ?? resource?.[property];
  if (!config) return undefined;
  const lowerCase = (names?: string[]) => names?.map((name) => name.toLowerCase());
  const { headersConfig, cookiesConfig, queryStringsConfig } = config;
  const headers = lowerCase(headersConfig?.headers) ?? [];
  return {
    headers: (name) => headersAllow(headersConfig?.headerBehavior, headers, name),
    cookies: (name) => listAllows(cookiesConfig?.cookieBehavior, cookiesConfig?.cookies ?? [], name),
    queries: (name) => listAllows(queryStringsConfig?.queryStringBehavior, queryStringsConfig?.queryStrings ?? [], name),
  };
}

function headersAllow(behavior: string | undefined, names: readonly string[], name: string): boolean {
  switch (behavior) {
    case 'allViewer': return ofViewer(name);
    case 'allExcept': return ofViewer(name) && !names.includes(name);
    case 'allViewerAndWhitelistCloudFront': return ofViewer(name) || names.includes(name);
    default: return listAllows(behavior, names, name);
  }
}

function listAllows(behavior: string | undefined, names: readonly string[], name: string): boolean {
  switch (behavior) {
    case 'all': return true;
    case 'whitelist': return names.includes(name);
    case 'allExcept': return !names.includes(name);
    default: return false;
  }
}
