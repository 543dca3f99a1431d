/** What a stack deploys to the edge: one distribution's default behaviour, its functions, store and policies. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudFormationClient, GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { aws_cloudfront as cloudfront, Stack, Stage } from 'aws-cdk-lib';
import type { CompileResult } from '../../../src/edge-rewrite/compiler/model';
import { DEPLOYER, describeStack } from '../deploy';
import { ACCOUNT, REGION } from '../emulators';

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
type Properties = Readonly<Record<string, unknown>>;
interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Properties }>>;
}
type Entries = NonNullable<EdgeDeployment['data']>;

const NOTHING: Forwarded = { headers: [], cookies: [], queries: [] };
/** Managed policies that forward nothing. */
const MANAGED: readonly string[] = [cloudfront.CachePolicy.CACHING_OPTIMIZED.cachePolicyId, cloudfront.CachePolicy.CACHING_DISABLED.cachePolicyId];

/** Synthesizes the app of a stack with one distribution and reads its template and assets. */
export function deploymentOf(stack: Stack): EdgeDeployment {
  const { directory } = Stage.of(stack)!.synth();
  const json = (file: string): unknown => JSON.parse(readFileSync(join(directory, file), 'utf8'));
  const reader = new Reader(json(`${stack.stackName}.template.json`) as Template);
  const store = reader.store();
  return reader.read(store && importedInto(store.properties, json(`${stack.stackName}.assets.json`) as Assets, json));
}

/** Rules without a stack around them; the first origin is the default. */
export function deploymentOfRules(result: CompileResult, originIds: readonly string[]): EdgeDeployment {
  const { viewerRequest, viewerResponse, data, originRequest, cache } = result;
  return {
    viewerRequest: viewerRequest?.code,
    viewerResponse: viewerResponse?.code,
    data: data?.entries,
    originIds,
    defaultOrigin: originIds[0],
    forwarded: { headers: [...new Set([...originRequest.headers, ...cache.headers])], cookies: 'all', queries: 'all' },
    responseHeaders: { set: [], remove: [] },
  };
}

/** Reads what CloudFormation has of a stack, and the entries of its store from the store itself. */
export async function deployedAt(endpoint: string, stackName: string): Promise<EdgeDeployment> {
  const cloudFormation = new CloudFormationClient({ endpoint, region: REGION, credentials: DEPLOYER });
  try {
    const { TemplateBody = '' } = await cloudFormation.send(new GetTemplateCommand({ StackName: stackName }));
    const reader = new Reader(JSON.parse(TemplateBody) as Template);
    const store = reader.store();
    const { resources } = await describeStack({ endpoint, stack: stackName });
    return reader.read(store && await entriesOf(endpoint, resources[store.logicalId].physicalId));
  } finally {
    cloudFormation.destroy();
  }
}

/** The import file among the assets. */
function importedInto(store: Properties, { files }: Assets, json: (file: string) => unknown): Entries {
  const { SourceArn } = store.ImportSource as { SourceArn: unknown };
  const [, key] = /\/([0-9a-f]+\.json)"/.exec(JSON.stringify(SourceArn)) ?? [];
  const asset = Object.values(files).find(({ destinations }) => Object.values(destinations).some(({ objectKey }) => objectKey === key));
  if (!asset) throw new Error(`the import file of the store must be an asset, got ${JSON.stringify(SourceArn)}`);
  return (json(asset.source.path) as { data: Entries }).data;
}

/** All pages of `ListKeys`. The API wants a SigV4a signature, for which the SDK needs native code; the emulator asks for none. */
async function entriesOf(endpoint: string, name: string): Promise<Entries> {
  const arn = `arn:aws:cloudfront::${ACCOUNT}:key-value-store/${name}`;
  const entries: Array<{ key: string; value: string }> = [];
  for (let token: string | undefined = ''; token !== undefined;) {
    const query = new URLSearchParams({ MaxResults: '50', ...token === '' ? {} : { NextToken: token } });
    const answer = await fetch(`${endpoint}/key-value-stores/${encodeURIComponent(arn)}/keys?${query}`);
    const page = await answer.json() as { Items?: ReadonlyArray<{ Key: string; Value: string }>; NextToken?: string };
    if (!page.Items) throw new Error(`the store '${name}' must list its keys, got ${answer.status} ${JSON.stringify(page)}`);
    entries.push(...page.Items.map(({ Key, Value }) => ({ key: Key, value: Value })));
    token = page.NextToken;
  }
  return entries;
}

class Reader {
  private readonly resources: Template['Resources'];
  private readonly distribution: Distribution;

  constructor({ Resources }: Template) {
    this.resources = Resources;
    const distributions = Object.values(Resources).filter(({ Type }) => Type === 'AWS::CloudFront::Distribution');
    if (distributions.length !== 1) throw new Error(`the stack must have one distribution, got ${distributions.length}`);
    this.distribution = distributions[0].Properties.DistributionConfig as Distribution;
  }

  /** The store that is associated with the viewer-request function. */
  public store(): { readonly logicalId: string; readonly properties: Properties } | undefined {
    const { KeyValueStoreAssociations: [association] = [] } = (this.functionFor('viewer-request')?.FunctionConfig ?? {}) as FunctionConfig;
    return association && { logicalId: idOf(association.KeyValueStoreARN), properties: this.at(association.KeyValueStoreARN) };
  }

  public read(data: Entries | undefined): EdgeDeployment {
    const { DefaultCacheBehavior, DefaultRootObject, Origins } = this.distribution;
    const [request, response] = ['viewer-request', 'viewer-response'].map((type) => this.functionFor(type));
    const forwarded = [this.policy(DefaultCacheBehavior.CachePolicyId), this.policy(DefaultCacheBehavior.OriginRequestPolicyId)];
    return {
      viewerRequest: request?.FunctionCode as string | undefined,
      viewerResponse: response?.FunctionCode as string | undefined,
      data,
      originIds: Origins.map(({ Id }) => Id),
      defaultOrigin: DefaultCacheBehavior.TargetOriginId,
      rootObject: DefaultRootObject,
      forwarded: forwarded.reduce(both, NOTHING),
      responseHeaders: this.responseHeaders(DefaultCacheBehavior.ResponseHeadersPolicyId),
    };
  }

  private at(reference: Reference): Properties {
    const id = idOf(reference);
    if (!(id in this.resources)) throw new Error(`a reference must lead to a resource of the stack, got ${JSON.stringify(reference)}`);
    return this.resources[id].Properties;
  }

  private functionFor(type: string): Properties | undefined {
    const association = this.distribution.DefaultCacheBehavior.FunctionAssociations?.find(({ EventType }) => EventType === type);
    return association && this.at(association.FunctionARN);
  }

  private policy(id: Reference | string | undefined): Forwarded {
    if (id === undefined || (typeof id === 'string' && MANAGED.includes(id))) return NOTHING;
    if (typeof id === 'string') throw new Error(`of managed policies only ${MANAGED.join(', ')} are known here, got ${id}`);
    const { CachePolicyConfig, OriginRequestPolicyConfig } = this.at(id) as {
      CachePolicyConfig?: { ParametersInCacheKeyAndForwardedToOrigin: Names }; OriginRequestPolicyConfig?: Names;
    };
    const config = CachePolicyConfig?.ParametersInCacheKeyAndForwardedToOrigin ?? OriginRequestPolicyConfig ?? {};
    const { HeadersConfig, CookiesConfig, QueryStringsConfig } = config;
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

function idOf(reference: Reference): string {
  return reference.Ref ?? reference['Fn::GetAtt']?.[0] ?? '';
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
