/** What a synthesized stack would deploy to the edge: one distribution's default behaviour, its functions, store and policies. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aws_cloudfront as cloudfront, Stack, Stage } from 'aws-cdk-lib';

export interface ResponseHeader {
  readonly name: string;
  readonly value: string;
  readonly override: boolean;
}

/** Names a behaviour's policies let through to functions and origins. */
export interface Forwarded {
  readonly headers: readonly string[];
  readonly cookies: readonly string[] | 'all';
  readonly queries: readonly string[] | 'all';
}

export interface EdgeDeployment {
  readonly viewerRequest?: string;
  readonly viewerResponse?: string;
  /** Of the key value store. */
  readonly data?: ReadonlyArray<{ readonly key: string; readonly value: string }>;
  /** Origins by id, as the distribution has them. */
  readonly originIds: readonly string[];
  readonly defaultOrigin: string;
  /** What origins are asked for instead of `/`. */
  readonly rootObject?: string;
  readonly forwarded: Forwarded;
  readonly responseHeaders: { readonly set: readonly ResponseHeader[]; readonly remove: readonly string[] };
}

interface Reference {
  readonly 'Ref'?: string;
  readonly 'Fn::GetAtt'?: readonly string[];
}
interface Behavior {
  readonly TargetOriginId: string;
  readonly FunctionAssociations?: ReadonlyArray<{ readonly EventType: string; readonly FunctionARN: Reference }>;
  readonly CachePolicyId?: Reference | string;
  readonly OriginRequestPolicyId?: Reference | string;
  readonly ResponseHeadersPolicyId?: Reference;
}
interface Distribution {
  readonly DefaultCacheBehavior: Behavior;
  readonly DefaultRootObject?: string;
  readonly Origins: ReadonlyArray<{ readonly Id: string }>;
}
interface FunctionConfig {
  readonly KeyValueStoreAssociations?: ReadonlyArray<{ readonly KeyValueStoreARN: Reference }>;
}
interface Assets {
  readonly files: Readonly<Record<string, {
    readonly source: { readonly path: string };
    readonly destinations: Readonly<Record<string, { readonly objectKey: string }>>;
  }>>;
}
interface Names {
  readonly HeadersConfig?: { readonly HeaderBehavior: string; readonly Headers?: readonly string[] };
  readonly CookiesConfig?: { readonly CookieBehavior: string; readonly Cookies?: readonly string[] };
  readonly QueryStringsConfig?: { readonly QueryStringBehavior: string; readonly QueryStrings?: readonly string[] };
}
interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

const NOTHING: Forwarded = { headers: [], cookies: [], queries: [] };
/** Managed policies that forward nothing. */
const MANAGED: readonly string[] = [cloudfront.CachePolicy.CACHING_OPTIMIZED.cachePolicyId, cloudfront.CachePolicy.CACHING_DISABLED.cachePolicyId];

/** Synthesizes the app of a stack with one distribution and reads its template and assets. */
export function deploymentOf(stack: Stack): EdgeDeployment {
  const assembly = Stage.of(stack)!.synth();
  return readDeployment(assembly.directory, stack.stackName);
}

/** Reads a cloud assembly, as the CDK CLI would deploy it. */
export function readDeployment(assembly: string, stackName: string): EdgeDeployment {
  return new Reader(assembly, stackName).read();
}

class Reader {
  private readonly resources: Readonly<Record<string, Resource>>;

  constructor(private readonly assembly: string, private readonly stackName: string) {
    this.resources = (this.json(`${stackName}.template.json`) as { Resources: Record<string, Resource> }).Resources;
  }

  public read(): EdgeDeployment {
    const distributions = Object.values(this.resources).filter(({ Type }) => Type === 'AWS::CloudFront::Distribution');
    if (distributions.length !== 1) throw new Error(`the stack must have one distribution, got ${distributions.length}`);
    const { DefaultCacheBehavior, DefaultRootObject, Origins } = distributions[0].Properties.DistributionConfig as Distribution;
    const [request, response] = ['viewer-request', 'viewer-response'].map((type) => this.functionFor(type, DefaultCacheBehavior));
    const forwarded = [this.policy(DefaultCacheBehavior.CachePolicyId), this.policy(DefaultCacheBehavior.OriginRequestPolicyId)];
    return {
      viewerRequest: request?.FunctionCode as string | undefined,
      viewerResponse: response?.FunctionCode as string | undefined,
      data: this.data(request),
      originIds: Origins.map(({ Id }) => Id),
      defaultOrigin: DefaultCacheBehavior.TargetOriginId,
      rootObject: DefaultRootObject,
      forwarded: forwarded.reduce(both, NOTHING),
      responseHeaders: this.responseHeaders(DefaultCacheBehavior.ResponseHeadersPolicyId),
    };
  }

  private json(file: string): unknown {
    return JSON.parse(readFileSync(join(this.assembly, file), 'utf8'));
  }

  private at(reference: Reference): Readonly<Record<string, unknown>> {
    const id = reference.Ref ?? reference['Fn::GetAtt']?.[0] ?? '';
    if (!(id in this.resources)) throw new Error(`a reference must lead to a resource of the stack, got ${JSON.stringify(reference)}`);
    return this.resources[id].Properties;
  }

  private functionFor(type: string, { FunctionAssociations = [] }: Behavior): Readonly<Record<string, unknown>> | undefined {
    const association = FunctionAssociations.find(({ EventType }) => EventType === type);
    return association && this.at(association.FunctionARN);
  }

  /** The import file of the store that is associated with the function. */
  private data(fn: Readonly<Record<string, unknown>> | undefined): EdgeDeployment['data'] {
    const { KeyValueStoreAssociations: [association] = [] } = (fn?.FunctionConfig ?? {}) as FunctionConfig;
    if (!association) return undefined;
    const { SourceArn } = this.at(association.KeyValueStoreARN).ImportSource as { SourceArn: unknown };
    const [, key] = /\/([0-9a-f]+\.json)"/.exec(JSON.stringify(SourceArn)) ?? [];
    const { files } = this.json(`${this.stackName}.assets.json`) as Assets;
    const asset = Object.values(files).find(({ destinations }) => Object.values(destinations).some(({ objectKey }) => objectKey === key));
    if (!asset) throw new Error(`the import file of the store must be an asset, got ${JSON.stringify(SourceArn)}`);
    return (this.json(asset.source.path) as { data: { key: string; value: string }[] }).data;
  }

  private policy(id: Reference | string | undefined): Forwarded {
    if (id === undefined || (typeof id === 'string' && MANAGED.includes(id))) return NOTHING;
    if (typeof id === 'string') throw new Error(`of managed policies only ${MANAGED.join(', ')} are known here, got ${id}`);
    const { CachePolicyConfig, OriginRequestPolicyConfig } = this.at(id) as {
      CachePolicyConfig?: { ParametersInCacheKeyAndForwardedToOrigin: Names }; OriginRequestPolicyConfig?: Names;
    };
    const names = CachePolicyConfig?.ParametersInCacheKeyAndForwardedToOrigin ?? OriginRequestPolicyConfig ?? {};
    const { HeadersConfig, CookiesConfig, QueryStringsConfig } = names;
    const list = (behavior = 'none', names: readonly string[] = []): readonly string[] | 'all' => {
      if (!['none', 'whitelist', 'all'].includes(behavior)) throw new Error(`'${behavior}' of a policy is not known here`);
      return behavior === 'all' ? 'all' : behavior === 'none' ? [] : names;
    };
    const headers = list(HeadersConfig?.HeaderBehavior, HeadersConfig?.Headers);
    if (headers === 'all') throw new Error("'all' headers of a policy are not known here");
    return {
      headers: headers.map((name) => name.toLowerCase()),
      cookies: list(CookiesConfig?.CookieBehavior, CookiesConfig?.Cookies),
      queries: list(QueryStringsConfig?.QueryStringBehavior, QueryStringsConfig?.QueryStrings),
    };
  }

  private responseHeaders(id: Reference | undefined): EdgeDeployment['responseHeaders'] {
    if (id === undefined) return { set: [], remove: [] };
    const { CustomHeadersConfig, RemoveHeadersConfig, SecurityHeadersConfig = {} } = this.at(id).ResponseHeadersPolicyConfig as {
      CustomHeadersConfig?: { Items: { Header: string; Value: string; Override: boolean }[] };
      RemoveHeadersConfig?: { Items: { Header: string }[] };
      SecurityHeadersConfig?: Record<string, Security>;
    };
    return {
      set: [
        ...Object.entries(SecurityHeadersConfig).map(([field, config]) => ({ ...SECURITY[field](config), override: config.Override })),
        ...(CustomHeadersConfig?.Items ?? []).map(({ Header, Value, Override }) => ({ name: Header, value: Value, override: Override })),
      ],
      remove: (RemoveHeadersConfig?.Items ?? []).map(({ Header }) => Header),
    };
  }
}

interface Security {
  readonly Override: boolean;
  readonly [property: string]: string | number | boolean;
}

/** The fields of a response headers policy as headers ("Understand response headers policies" in the Developer Guide). */
const SECURITY: Readonly<Record<string, (config: Security) => { name: string; value: string }>> = {
  ContentSecurityPolicy: ({ ContentSecurityPolicy }) => ({ name: 'Content-Security-Policy', value: String(ContentSecurityPolicy) }),
  ContentTypeOptions: () => ({ name: 'X-Content-Type-Options', value: 'nosniff' }),
  FrameOptions: ({ FrameOption }) => ({ name: 'X-Frame-Options', value: String(FrameOption) }),
  ReferrerPolicy: ({ ReferrerPolicy }) => ({ name: 'Referrer-Policy', value: String(ReferrerPolicy) }),
  StrictTransportSecurity: ({ AccessControlMaxAgeSec, IncludeSubdomains, Preload }) => ({
    name: 'Strict-Transport-Security',
    value: [`max-age=${AccessControlMaxAgeSec}`, ...IncludeSubdomains ? ['includeSubDomains'] : [], ...Preload ? ['preload'] : []].join('; '),
  }),
  XSSProtection: ({ Protection, ModeBlock, ReportUri }) => ({
    name: 'X-XSS-Protection',
    value: [Protection ? '1' : '0', ...ModeBlock ? ['mode=block'] : [], ...ReportUri ? [`report=${ReportUri}`] : []].join('; '),
  }),
};

function both(a: Forwarded, b: Forwarded): Forwarded {
  const either = (one: Forwarded['cookies'], other: Forwarded['cookies']) => one === 'all' || other === 'all' ? 'all' : [...new Set([...one, ...other])];
  return { headers: [...new Set([...a.headers, ...b.headers])], cookies: either(a.cookies, b.cookies), queries: either(a.queries, b.queries) };
}
