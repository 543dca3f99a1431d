import { LIMITS } from './limits';
import { ConstantHeader, Diagnostic, DiagnosticCode, Needs, Severity, Source, Tier } from './model';

/** What the policies of the construct name. */
export interface Policies {
  readonly cache: Needs;
  readonly originRequest: Needs;
}

const NONE: Needs = { headers: [], cookies: [], queries: [] };
const NOWHERE: Source = { file: '', line: 0 };

/**
 * A Lambda function's answers are cached themselves, so all it looks at is in the cache policy, which hands on the whole
 * query. Viewer functions see all that viewers send; they see what CloudFront adds on demand only.
 */
export function policiesOf(tier: Tier, { originRequest, cache }: Policies, seesHost: boolean): Policies {
  if (tier === 'lambda-edge') {
    const headers = [...originRequest.headers, ...seesHost ? [] : ['x-rewrite-host']];
    return { cache: { ...originRequest, headers, queries: [] }, originRequest: NONE };
  }
  const headers = originRequest.headers.filter((name) => name.startsWith('cloudfront-') && !cache.headers.includes(name));
  return { cache, originRequest: { ...NONE, headers } };
}

export function policyLimits(policies: Policies, constant: readonly ConstantHeader[]): readonly Diagnostic[] {
  return [
    ...namesLimits('cache policy', policies.cache),
    ...namesLimits('origin request policy', policies.originRequest),
    ...misfits(constant).map((message) => finding('error', 'policy', message)),
  ];
}

/** What rules say of a header wins over the preset. */
export function withPreset(preset: readonly ConstantHeader[], constant: readonly ConstantHeader[]): readonly ConstantHeader[] {
  const values = new Map<string, ConstantHeader>();
  [...preset, ...constant].forEach((header) => values.set(header.name.toLowerCase(), header));
  return [...values.values()];
}

/** Why a policy cannot hold headers. */
export function misfits(headers: readonly ConstantHeader[]): readonly string[] {
  const { responseHeaders: most, responseHeaderValue, responseHeaderCharacters } = LIMITS;
  const removed = headers.filter(({ value }) => value === undefined);
  const custom = headers.flatMap(({ name, value }) => value === undefined || SECURITY.includes(name.toLowerCase()) ? [] : [{ name, value }]);
  const names = (of: readonly ConstantHeader[]) => of.map(({ name }) => name).join(', ');
  const total = custom.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
  return [
    ...custom.length > most ? [`at most ${most} headers can be the same on all responses, besides six security headers, got ${names(custom)}`] : [],
    ...removed.length > most ? [`at most ${most} headers can be removed from all responses, got ${names(removed)}`] : [],
    ...custom.filter(({ value }) => value.length > responseHeaderValue)
      .map(({ name, value }) => `header '${name}' must have at most ${responseHeaderValue} characters, got ${value.length}`),
    ...total > responseHeaderCharacters
      ? [`headers of all responses must have at most ${responseHeaderCharacters} characters together, got ${total}`] : [],
  ];
}

export function leftToFunction(reasons: readonly string[]): readonly Diagnostic[] {
  return reasons.map((reason) => finding('warning', 'policy', `${reason}: a function sets those of rules, but not on responses of 400 and above`));
}

/** A ResponseHeadersPolicy has fields of their own for these. */
const SECURITY = [
  'strict-transport-security', 'x-content-type-options', 'x-frame-options', 'x-xss-protection', 'referrer-policy', 'content-security-policy',
];

function namesLimits(policy: string, { headers, cookies, queries }: Needs): readonly Diagnostic[] {
  const { policyNames: most, policyNameCharacters } = LIMITS;
  return Object.entries({ headers, cookies, 'query parameters': queries }).flatMap(([kind, names]) => {
    const characters = names.reduce((sum, name) => sum + name.length, 0);
    return names.length <= most && characters <= policyNameCharacters ? [] : [finding('error', 'header-names',
      `rules can depend on at most ${most} ${kind} with ${policyNameCharacters} characters in a ${policy}, got ${names.join(', ')}`)];
  });
}

function finding(severity: Severity, code: DiagnosticCode, message: string): Diagnostic {
  return { source: NOWHERE, severity, code, message };
}
