import { mkdtempSync, readFileSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { CfnParameter, Duration, Lazy, RemovalPolicy, Stack, Stage } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  EdgeAccess,
  EdgeCondition,
  EdgeDevice,
  EdgeLambdaOptions,
  EdgeOrigin,
  EdgeOriginEvent,
  EdgeRewrite,
  EdgeRewriteProps,
  EdgeSecret,
  EdgeTier,
  RewriteRule,
  RuleDialect,
  RuleSource,
  RuleSourceOptions,
  SecurityHeaders,
  SiteManifest,
  TrailingSlash,
} from '../../src';
import { fullEdgeProps } from '../kit/rooms';
import { resourcesOf, stackFor, statementsOf, templateOf } from '../kit/stack';

const SITE = join(__dirname, 'site');
const origin = () => new origins.HttpOrigin('www.example.net');
const redirect = () => RewriteRule.redirect('/old/*', '/new/:splat');

let stack: Stack;
beforeEach(() => {
  stack = stackFor({ env: { account: '123456789012', region: 'us-east-1' } });
});

const edge = (props: EdgeRewriteProps = { rules: [redirect()] }, id = 'Edge') => new EdgeRewrite(stack, id, props);
const ofType = (type: string) => Object.values(resourcesOf(stack)).filter(({ Type }) => Type === `AWS::${type}`).map(({ Properties }) => Properties);
const code = (event = 'ViewerRequest') => Object.entries(resourcesOf(stack))
  .filter(([id, { Type }]) => Type === 'AWS::CloudFront::Function' && id.includes(event)).map(([, { Properties }]) => Properties.FunctionCode as string)[0];

/** Writes a rule file. */
function file(name: string, ...lines: string[]): string {
  const path = join(mkdtempSync(join(tmpdir(), 'edge-')), name);
  writeFileSync(path, lines.join('\n'));
  return path;
}

describe('tiers', () => {
  test('a few rules are in the code of one function', () => {
    const { report, viewerRequest, viewerResponse, keyValueStore, cachePolicy, originRequestPolicy, responseHeadersPolicy } = edge();
    expect(report).toMatchObject({ tier: 'inline', rules: 1, entries: 1 });
    expect(viewerRequest).toBeDefined();
    expect([viewerResponse, keyValueStore, cachePolicy, originRequestPolicy, responseHeadersPolicy]).toEqual(Array(5).fill(undefined));
    templateOf(stack).hasResourceProperties('AWS::CloudFront::Function', { AutoPublish: true, FunctionConfig: { Runtime: 'cloudfront-js-2.0' } });
  });

  test('many are in a key value store the function knows', () => {
    const rules = Array.from({ length: 500 }, (_, i) => RewriteRule.redirect(`/old/page-${i}`, `/new/page-${i}`));
    const { report, keyValueStore } = edge({ rules });
    expect(report).toMatchObject({ tier: 'key-value-store', rules: 500, entries: 500, maxReads: 1 });
    templateOf(stack).hasResourceProperties('AWS::CloudFront::Function', {
      FunctionConfig: { KeyValueStoreAssociations: [{ KeyValueStoreARN: stack.resolve(keyValueStore!.keyValueStoreArn) }] },
    });
  });

  test('a tier can be demanded', () => {
    expect(edge({ rules: [redirect()], tier: EdgeTier.KEY_VALUE_STORE }).keyValueStore).toBeDefined();
  });

  test('without rules requests go through', () => {
    expect(edge({}).report).toMatchObject({ tier: 'inline', rules: 0 });
    expect(code().length).toBeLessThan(400);
  });
});

describe('the store', () => {
  const stored = (target: string) => {
    const other = stackFor({ env: { account: '123456789012', region: 'eu-west-1' } });
    new EdgeRewrite(other, 'Edge', { rules: [RewriteRule.redirect('/a', target)], tier: EdgeTier.KEY_VALUE_STORE });
    const assembly = Stage.of(other)!.synth();
    const [{ source }] = (Object.values((JSON.parse(readFileSync(join(assembly.directory, 'Stack.assets.json'), 'utf8')) as Assets).files))
      .filter(({ displayName }) => displayName === 'edge-rewrite/data');
    const [[logicalId, { Properties }]] = Object.entries(resourcesOf(other)).filter(([, { Type }]) => Type === 'AWS::CloudFront::KeyValueStore');
    return { logicalId, name: Properties.Name as string, data: readFileSync(source.path, 'utf8') };
  };
  interface Assets { readonly files: Record<string, { readonly displayName: string; readonly source: { readonly path: string } }> }

  test('has the name of its content: changed data means another store, equal data the same', () => {
    const [one, same, other] = [stored('/b'), stored('/b'), stored('/c')];
    expect(same).toEqual(one);
    expect(other.name).not.toBe(one.name);
    expect(other.logicalId).toBe(one.logicalId);
    expect(one.name).toMatch(/^Stack-Edge-\w{8}-eu-west-1-[0-9a-f]{16}$/);
  });

  test('is all that changed data changes: the function follows it by its ARN', () => {
    const template = (target: string) => {
      const other = stackFor({ env: { account: '123456789012', region: 'eu-west-1' } });
      const { keyValueStore } = new EdgeRewrite(other, 'Edge', { rules: [RewriteRule.redirect('/a', target)], tier: EdgeTier.KEY_VALUE_STORE });
      return { resources: resourcesOf(other), arn: other.resolve(keyValueStore!.keyValueStoreArn) as unknown };
    };
    const [before, after] = [template('/b'), template('/c')];
    const changed = Object.keys(after.resources).filter((id) => JSON.stringify(after.resources[id]) !== JSON.stringify(before.resources[id]));
    expect(changed.map((id) => after.resources[id].Type)).toEqual(['AWS::CloudFront::KeyValueStore']);
    expect(Object.keys(before.resources)).toEqual(Object.keys(after.resources));
    const [{ Properties: { FunctionConfig: config } }] = Object.values(after.resources).filter(({ Type }) => Type === 'AWS::CloudFront::Function');
    expect(config).toMatchObject({ KeyValueStoreAssociations: [{ KeyValueStoreARN: { 'Fn::GetAtt': [changed[0], 'Arn'] } }] });
    expect(after.arn).toEqual({ 'Fn::GetAtt': [changed[0], 'Arn'] });
  });

  test('is filled from a file CloudFront can import', () => {
    const { data } = JSON.parse(stored('/b').data) as { data: { key: string; value: string }[] };
    expect(data).toHaveLength(1);
    expect(Object.keys(data[0])).toEqual(['key', 'value']);
  });

  test('has a name of at most 64 characters, however long its path is', () => {
    const long = stackFor({ stackName: 'A'.repeat(100), env: { region: 'ap-southeast-2' } });
    const { keyValueStore } = new EdgeRewrite(long, 'B'.repeat(100), { rules: [redirect()], tier: EdgeTier.KEY_VALUE_STORE });
    expect(keyValueStore).toBeDefined();
    const [{ Properties: { Name: name } }] = Object.values(resourcesOf(long)).filter(({ Type }) => Type === 'AWS::CloudFront::KeyValueStore');
    expect(name).toMatch(/^[\w-]{1,64}$/);
  });
});

describe('policies', () => {
  const country = () => RewriteRule.redirect('/', '/de/', { when: [EdgeCondition.country('DE')] });

  test('a condition that redirects makes its header visible, not a part of the cache key', () => {
    const { cachePolicy } = edge({ rules: [country()] });
    expect(cachePolicy).toBeUndefined();
    templateOf(stack).hasResourceProperties('AWS::CloudFront::OriginRequestPolicy', {
      OriginRequestPolicyConfig: { HeadersConfig: { HeaderBehavior: 'whitelist', Headers: ['cloudfront-viewer-country'] } },
    });
  });

  test('a condition that serves something else splits the cache', () => {
    const { originRequestPolicy } = edge({ rules: [RewriteRule.rewrite('/app', '/m.html', { when: [EdgeCondition.device(EdgeDevice.MOBILE)] })] });
    expect(originRequestPolicy).toBeUndefined();
    templateOf(stack).hasResourceProperties('AWS::CloudFront::CachePolicy', {
      CachePolicyConfig: { ParametersInCacheKeyAndForwardedToOrigin: { HeadersConfig: { Headers: ['cloudfront-is-mobile-viewer'] } } },
    });
  });

  test('what visitors send themselves is visible without a policy', () => {
    const when = [EdgeCondition.cookie('a'), EdgeCondition.header('user-agent', 'bot'), EdgeCondition.query('q'), EdgeCondition.language('de')];
    expect(edge({ rules: [RewriteRule.redirect('/', '/b', { when })] }).originRequestPolicy).toBeUndefined();
  });

  test('too many names do not fit', () => {
    const rules = Array.from({ length: 11 }, (_, i) => RewriteRule.rewrite(`/${i}`, '/x', { when: [EdgeCondition.cookie(`cookie-${i}`)] }));
    expect(() => edge({ rules })).toThrow('rules can depend on at most 10 cookies with 1024 characters in a cache policy, got cookie-0, cookie-1, cookie-10');
  });
});

describe('behavior()', () => {
  const behaviorOf = (construct: EdgeRewrite, options: Partial<cloudfront.BehaviorOptions> = {}) => {
    new cloudfront.Distribution(stack, 'Site', { defaultBehavior: construct.behavior({ origin: origin(), ...options }) });
    return (ofType('CloudFront::Distribution')[0].DistributionConfig as { DefaultCacheBehavior: Record<string, unknown> }).DefaultCacheBehavior;
  };

  test('associates functions and policies, and goes to HTTPS', () => {
    const full = edge(fullEdgeProps(stack));
    const behavior = behaviorOf(full);
    expect(behavior).toMatchObject({
      ViewerProtocolPolicy: 'redirect-to-https',
      CachePolicyId: stack.resolve(full.cachePolicy!.cachePolicyId),
      OriginRequestPolicyId: stack.resolve(full.originRequestPolicy!.originRequestPolicyId),
      ResponseHeadersPolicyId: stack.resolve(full.responseHeadersPolicy!.responseHeadersPolicyId),
    });
    expect((behavior.FunctionAssociations as { EventType: string }[]).map(({ EventType }) => EventType)).toEqual(['viewer-request', 'viewer-response']);
  });

  test('keeps what is given, where it leaves room', () => {
    const own = new cloudfront.Function(stack, 'Own', { code: cloudfront.FunctionCode.fromInline('x') });
    const behavior = behaviorOf(edge(), {
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
      cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
      originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER,
      responseHeadersPolicy: cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS,
      functionAssociations: [{ function: own, eventType: cloudfront.FunctionEventType.VIEWER_RESPONSE }],
    });
    expect(behavior).toMatchObject({
      ViewerProtocolPolicy: 'https-only',
      CachePolicyId: cloudfront.CachePolicy.CACHING_DISABLED.cachePolicyId,
      OriginRequestPolicyId: cloudfront.OriginRequestPolicy.ALL_VIEWER.originRequestPolicyId,
    });
    expect(behavior.FunctionAssociations).toHaveLength(2);
  });

  test('one function per event', () => {
    const own = new cloudfront.Function(stack, 'Own', { code: cloudfront.FunctionCode.fromInline('x') });
    const functionAssociations = [{ function: own, eventType: cloudfront.FunctionEventType.VIEWER_REQUEST }];
    expect(() => edge().behavior({ origin: origin(), functionAssociations })).toThrow(
      "'functionAssociations' must leave viewer-request to EdgeRewrite: CloudFront runs one function per event, got another");
  });

  test('no Lambda@Edge in the events of viewers', () => {
    const functionVersion = lambda.Version.fromVersionArn(stack, 'V', 'arn:aws:lambda:us-east-1:123456789012:function:own:1');
    const edgeLambdas = [{ functionVersion, eventType: cloudfront.LambdaEdgeEventType.VIEWER_RESPONSE }];
    expect(() => edge().behavior({ origin: origin(), edgeLambdas })).toThrow(
      "'edgeLambdas' must have origin events only: Lambda@Edge and CloudFront functions cannot share the events of viewers, got viewer-response");
    expect(() => edge({ rules: [redirect()], tier: EdgeTier.lambdaEdge() }, 'Lambda').behavior({
      origin: origin(), edgeLambdas: [{ functionVersion, eventType: cloudfront.LambdaEdgeEventType.ORIGIN_REQUEST }],
    })).toThrow("'edgeLambdas' must leave origin-request to EdgeRewrite: CloudFront runs one function per event, got another");
  });

  test('a second response headers policy is refused', () => {
    const responseHeadersPolicy = cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS;
    expect(() => edge({ securityHeaders: SecurityHeaders.BASIC }).behavior({ origin: origin(), responseHeadersPolicy })).toThrow(
      "'responseHeadersPolicy' must be left to EdgeRewrite, which has headers for all responses, got another; put its headers into a rule 'RewriteRule.headers()' for '/*'");
  });

  describe('an origin request policy', () => {
    const visible = (originRequestPolicy: cloudfront.IOriginRequestPolicy) => () =>
      edge({ rules: [RewriteRule.redirect('/', '/de/', { when: [EdgeCondition.country('DE')] })] }).behavior({ origin: origin(), originRequestPolicy });
    const own = (headerBehavior?: cloudfront.OriginRequestHeaderBehavior) => new cloudfront.OriginRequestPolicy(stack, 'Own', { headerBehavior });
    const HIDDEN = "'originRequestPolicy' must forward header 'cloudfront-viewer-country', as rules look at them; got one that does not."
      + " Leave it and 'cachePolicy' out, or use those of EdgeRewrite";

    test.each<[string, () => cloudfront.IOriginRequestPolicy]>([
      ['managed, with CloudFront headers', () => cloudfront.OriginRequestPolicy.ALL_VIEWER_AND_CLOUDFRONT_2022],
      ['own, listing it', () => own(cloudfront.OriginRequestHeaderBehavior.allowList('CloudFront-Viewer-Country'))],
      ['own, all and listing it', () => own(cloudfront.OriginRequestHeaderBehavior.all('CloudFront-Viewer-Country'))],
    ])('that shows the header is kept: %s', (_name, policy) => {
      expect(visible(policy())).not.toThrow();
    });

    test.each<[string, () => cloudfront.IOriginRequestPolicy]>([
      ['managed, of viewers only', () => cloudfront.OriginRequestPolicy.ALL_VIEWER],
      ['managed, for CORS', () => cloudfront.OriginRequestPolicy.CORS_S3_ORIGIN],
      ['own, without headers', () => own()],
      ['own, all of viewers', () => own(cloudfront.OriginRequestHeaderBehavior.all())],
      ['own, listing another', () => own(cloudfront.OriginRequestHeaderBehavior.allowList('x-other'))],
      ['own, all but another', () => own(cloudfront.OriginRequestHeaderBehavior.denyList('x-other'))],
    ])('that hides the header is refused: %s', (_name, policy) => {
      expect(visible(policy())).toThrow(HIDDEN);
    });

    test('that cannot be inspected is refused', () => {
      expect(visible(cloudfront.OriginRequestPolicy.fromOriginRequestPolicyId(stack, 'Imported', 'abc'))).toThrow(
        "'originRequestPolicy' must be one of this app, as rules need header 'cloudfront-viewer-country'; got an imported one, which cannot be inspected."
        + ' Leave it out, or use the one of EdgeRewrite');
    });

    test('must show what no cache policy does, when nothing is cached', () => {
      const rules = [RewriteRule.rewrite('/app', '/m.html', { when: [EdgeCondition.device(EdgeDevice.MOBILE)] })];
      const uncached = { origin: origin(), cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED };
      const construct = edge({ rules });
      expect(() => construct.behavior(uncached)).toThrow("'originRequestPolicy' must forward header 'cloudfront-is-mobile-viewer', as rules look at them");
      const originRequestPolicy = cloudfront.OriginRequestPolicy.ALL_VIEWER_AND_CLOUDFRONT_2022;
      expect(() => construct.behavior({ ...uncached, originRequestPolicy })).not.toThrow();
      const cookie = [RewriteRule.rewrite('/app', '/beta', { when: [EdgeCondition.cookie('beta')] })];
      expect(() => edge({ rules: cookie }, 'Viewer').behavior(uncached)).not.toThrow();
      expect(() => edge({ rules: cookie, tier: EdgeTier.lambdaEdge() }, 'Lambda').behavior(uncached)).toThrow("must forward cookie 'beta'");
    });

    test('is free if no rule needs one', () => {
      const originRequestPolicy = cloudfront.OriginRequestPolicy.fromOriginRequestPolicyId(stack, 'Imported', 'abc');
      expect(() => edge().behavior({ origin: origin(), originRequestPolicy })).not.toThrow();
    });
  });

  describe('a cache policy', () => {
    const keyed = (cachePolicy: cloudfront.ICachePolicy) => () =>
      edge({ rules: [RewriteRule.rewrite('/app', '/beta', { when: [EdgeCondition.cookie('beta'), EdgeCondition.query('v')] })] })
        .behavior({ origin: origin(), cachePolicy });
    const own = (props: cloudfront.CachePolicyProps) => new cloudfront.CachePolicy(stack, 'Own', props);

    test.each<[string, () => cloudfront.ICachePolicy]>([
      ['none', () => cloudfront.CachePolicy.CACHING_DISABLED],
      ['own, listing them', () => own({
        cookieBehavior: cloudfront.CacheCookieBehavior.allowList('beta'), queryStringBehavior: cloudfront.CacheQueryStringBehavior.allowList('v'),
      })],
      ['own, all but others', () => own({
        cookieBehavior: cloudfront.CacheCookieBehavior.denyList('other'), queryStringBehavior: cloudfront.CacheQueryStringBehavior.all(),
      })],
    ])('with the names in its key is kept: %s', (_name, policy) => {
      expect(keyed(policy())).not.toThrow();
    });

    test.each<[string, () => cloudfront.ICachePolicy, string]>([
      ['managed', () => cloudfront.CachePolicy.CACHING_OPTIMIZED, "cookie 'beta', query parameter 'v'"],
      ['own', () => own({ cookieBehavior: cloudfront.CacheCookieBehavior.all() }), "query parameter 'v'"],
    ])('without is refused: %s', (_name, policy, names) => {
      expect(keyed(policy())).toThrow(`'cachePolicy' must have ${names} in its key, as rules serve different things by them; got one that has not.`
        + ' Leave it out, or use the one of EdgeRewrite');
    });

    test('that cannot be inspected is refused', () => {
      expect(keyed(cloudfront.CachePolicy.fromCachePolicyId(stack, 'Imported', 'abc'))).toThrow(
        "'cachePolicy' must be one of this app, as rules need cookie 'beta', query parameter 'v'; got an imported one, which cannot be inspected.");
    });
  });
});

describe('headers of all responses', () => {
  const config = () => ofType('CloudFront::ResponseHeadersPolicy')[0].ResponseHeadersPolicyConfig as Record<string, unknown>;
  const headers = (values: Record<string, string>, unset?: string[]) => edge({ rules: [RewriteRule.headers('/*', { values, unset })] });

  test('come from a preset', () => {
    edge({ securityHeaders: SecurityHeaders.STRICT });
    expect(config()).toMatchObject({
      SecurityHeadersConfig: {
        ContentSecurityPolicy: { ContentSecurityPolicy: expect.stringContaining("default-src 'self'"), Override: true },
        StrictTransportSecurity: { AccessControlMaxAgeSec: 63_072_000, IncludeSubdomains: true, Preload: false, Override: true },
        ContentTypeOptions: { Override: true },
        FrameOptions: { FrameOption: 'DENY' },
        ReferrerPolicy: { ReferrerPolicy: 'strict-origin-when-cross-origin' },
      },
      CustomHeadersConfig: { Items: [{ Header: 'Permissions-Policy' }, { Header: 'Cross-Origin-Opener-Policy' }, { Header: 'Cross-Origin-Resource-Policy' }] },
    });
  });

  test('a preset can be changed', () => {
    const securityHeaders = SecurityHeaders.STRICT.changing({ contentSecurityPolicy: '', strictTransportSecurity: Duration.days(1), includeSubdomains: false });
    edge({ securityHeaders });
    expect(config().SecurityHeadersConfig).toMatchObject({ StrictTransportSecurity: { AccessControlMaxAgeSec: 86_400, IncludeSubdomains: false } });
    expect(JSON.stringify(config())).not.toContain('ContentSecurityPolicy');
    expect(JSON.stringify(config())).toContain('"FrameOption":"DENY"');
  });

  test('may be only some', () => {
    edge({ securityHeaders: SecurityHeaders.of({ contentTypeOptions: true }) });
    expect(config().SecurityHeadersConfig).toEqual({ ContentTypeOptions: { Override: true } });
  });

  test('come from rules for every path, which win over the preset', () => {
    edge({
      securityHeaders: SecurityHeaders.BASIC,
      rules: [RewriteRule.headers('/*', { values: { 'X-Frame-Options': 'deny', 'X-Team': 'web' }, unset: ['Server', 'referrer-policy'] })],
    });
    expect(config()).toMatchObject({
      SecurityHeadersConfig: { FrameOptions: { FrameOption: 'DENY' } },
      CustomHeadersConfig: { Items: [{ Header: 'X-Team', Value: 'web', Override: true }] },
      RemoveHeadersConfig: { Items: [{ Header: 'referrer-policy' }, { Header: 'Server' }] },
    });
    expect(JSON.stringify(config())).not.toContain('ReferrerPolicy');
  });

  test.each([
    ['Strict-Transport-Security', 'max-age=60; includeSubDomains; preload', 'StrictTransportSecurity',
      { AccessControlMaxAgeSec: 60, IncludeSubdomains: true, Preload: true, Override: true }],
    ['Content-Security-Policy', "default-src 'none'", 'ContentSecurityPolicy', { ContentSecurityPolicy: "default-src 'none'", Override: true }],
    ['X-Content-Type-Options', 'nosniff', 'ContentTypeOptions', { Override: true }],
    ['X-Frame-Options', 'SAMEORIGIN', 'FrameOptions', { FrameOption: 'SAMEORIGIN', Override: true }],
    ['Referrer-Policy', 'no-referrer', 'ReferrerPolicy', { ReferrerPolicy: 'no-referrer', Override: true }],
    ['X-XSS-Protection', '1; mode=block', 'XSSProtection', { Protection: true, ModeBlock: true, Override: true }],
    ['X-XSS-Protection', '1; report=https://example.com/x', 'XSSProtection', { Protection: true, ReportUri: 'https://example.com/x', Override: true }],
  ])('%s: %s has a field of its own', (name, value, field, expected) => {
    headers({ [name]: value });
    expect(config().SecurityHeadersConfig).toEqual({ [field]: expected });
    expect(config().CustomHeadersConfig).toBeUndefined();
  });

  test.each([
    ['Strict-Transport-Security', 'includeSubDomains', "'max-age=<seconds>', 'includeSubDomains' and 'preload'"],
    ['Strict-Transport-Security', 'max-age=1; other', "'max-age=<seconds>', 'includeSubDomains' and 'preload'"],
    ['X-Content-Type-Options', 'sniff', "'nosniff'"],
    ['X-Frame-Options', 'ALLOW-FROM https://a.example', "'DENY' or 'SAMEORIGIN'"],
    ['Referrer-Policy', 'none', `one of ${Object.values(cloudfront.HeadersReferrerPolicy).join(', ')}`],
    ['X-XSS-Protection', '2', "'0', '1', '1; mode=block' or '1; report=<url>'"],
  ])('%s: %s is refused', (name, value, allowed) => {
    expect(() => headers({ [name]: value })).toThrow(`header '${name}' of all responses must be ${allowed}, got '${value}'`);
  });

  test('have limits', () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `X-Header-${String(i).padStart(2, '0')}`);
    const preset = SecurityHeaders.of({ permissionsPolicy: 'usb=()' });
    const values = Object.fromEntries(names(10).map((name) => [name, 'x']));
    const tooMany = edge({ securityHeaders: preset, rules: [RewriteRule.headers('/*', { values })] });
    expect(tooMany.report.limits.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^at most 10 headers can be the same on all responses, besides six security headers, got Permissions-Policy, X-Header-00, .*: a function sets those of rules, but not on responses of 400 and above$/),
    ]);
    expect(tooMany.viewerResponse).toBeDefined();
    expect(() => edge({ securityHeaders: SecurityHeaders.of({ permissionsPolicy: 'x'.repeat(1784) }) }, 'Long')).toThrow(
      "header 'Permissions-Policy' must have at most 1783 characters, got 1784");
  });
});

describe('headers by path', () => {
  test('are set by a viewer-response function', () => {
    expect(edge({ rules: [RewriteRule.headers('/assets/*', { values: { 'Cache-Control': 'max-age=60' } })] }).viewerResponse).toBeDefined();
    expect(code('ViewerResponse')).toContain('max-age=60');
    templateOf(stack).resourceCountIs('AWS::CloudFront::ResponseHeadersPolicy', 0);
  });
});

describe('the Lambda@Edge tier', () => {
  const tier = (options: EdgeLambdaOptions = {}) => ({ rules: [redirect()], tier: EdgeTier.lambdaEdge(options) });

  test('is a function for x86 without anything the edge does not know, and a retained version', () => {
    const { originFunction, viewerRequest, keyValueStore, report } = edge(tier());
    expect(report.tier).toBe('lambda-edge');
    expect([viewerRequest, keyValueStore]).toEqual([undefined, undefined]);
    const [properties] = ofType('Lambda::Function');
    expect(properties).toEqual({
      Architectures: ['x86_64'],
      Code: expect.anything(),
      Description: expect.any(String),
      Handler: 'index.handler',
      MemorySize: 512,
      Role: expect.anything(),
      Runtime: 'nodejs24.x',
      Timeout: 5,
    });
    templateOf(stack).hasResource('AWS::Lambda::Version', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    expect(stack.resolve(originFunction!.edgeArn)).toEqual({ Ref: expect.stringContaining('CurrentVersion') });
    templateOf(stack).resourceCountIs('AWS::Logs::LogGroup', 0);
  });

  test('its role is trusted by both services and may only write logs of its replicas', () => {
    edge(tier());
    const [{ AssumeRolePolicyDocument, ManagedPolicyArns }] = ofType('IAM::Role');
    expect(ManagedPolicyArns).toBeUndefined();
    expect((AssumeRolePolicyDocument as { Statement: { Principal: { Service: string } }[] }).Statement.map(({ Principal }) => Principal.Service))
      .toEqual(['lambda.amazonaws.com', 'edgelambda.amazonaws.com']);
    expect(statementsOf(stack, 'Edge')).toEqual([{
      Effect: 'Allow',
      Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: {
        'Fn::Join': ['', [
          'arn:', { Ref: 'AWS::Partition' }, ':logs:*:123456789012:log-group:/aws/lambda/us-east-1.', { Ref: expect.stringContaining('EdgeOriginFunction') }, ':*',
        ]],
      },
    }]);
  });

  test('every option is obeyed', () => {
    const role = iam.Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::123456789012:role/app', { mutable: false });
    edge(tier({ runtime: lambda.Runtime.NODEJS_22_X, memorySize: 1024, timeout: Duration.seconds(30), role, removalPolicy: RemovalPolicy.DESTROY }));
    expect(ofType('Lambda::Function')[0]).toMatchObject({
      Runtime: 'nodejs22.x', MemorySize: 1024, Timeout: 30, Role: 'arn:aws:iam::123456789012:role/app',
    });
    templateOf(stack).hasResource('AWS::Lambda::Version', { DeletionPolicy: 'Delete' });
    templateOf(stack).resourceCountIs('AWS::IAM::Role', 0);
    templateOf(stack).resourceCountIs('AWS::IAM::Policy', 0);
  });

  test.each([
    [{ memorySize: 64 }, "'memorySize' must be a whole number from 128 to 10240, got 64"],
    [{ timeout: Duration.seconds(31) }, "'timeout' must be at most 30 seconds, got 31"],
    [{ runtime: lambda.Runtime.PYTHON_3_13 }, "'runtime' must be a Node.js runtime of version 22 or later, got python3.13"],
  ])('refuses %j', (options, message) => {
    expect(() => edge(tier(options))).toThrow(message);
  });

  test('must be in us-east-1, as far as that is known', () => {
    expect(() => new EdgeRewrite(stackFor({ env: { region: 'eu-west-1' } }), 'Edge', tier())).toThrow(
      'a Lambda@Edge function must be in us-east-1, got eu-west-1; define an EdgeRewrite with the same rules in a stack there'
      + " and give its function to 'EdgeTier.lambdaEdgeVersion()'");
    expect(() => new EdgeRewrite(stackFor(), 'Edge', tier())).not.toThrow();
  });

  test('takes a version from there', () => {
    const away = stackFor({ env: { region: 'eu-west-1', account: '123456789012' } });
    const version = lambda.Version.fromVersionArn(away, 'Version', 'arn:aws:lambda:us-east-1:123456789012:function:edge:7');
    const construct = new EdgeRewrite(away, 'Edge', { rules: [redirect()], tier: EdgeTier.lambdaEdgeVersion(version) });
    expect(construct.originFunction).toBe(version);
    expect(construct.behavior({ origin: origin() }).edgeLambdas).toEqual([{ functionVersion: version, eventType: 'origin-request' }]);
    expect(Object.values(resourcesOf(away)).map(({ Type }) => Type)).toEqual(['AWS::CloudFront::CachePolicy']);
  });

  test('conditions and the query are in the cache key: the answers are cached', () => {
    edge({ tier: EdgeTier.lambdaEdge(), rules: [RewriteRule.redirect('/', '/de', { when: [EdgeCondition.country('DE'), EdgeCondition.cookie('a')] })] });
    expect(ofType('CloudFront::CachePolicy')[0]).toMatchObject({
      CachePolicyConfig: {
        ParametersInCacheKeyAndForwardedToOrigin: {
          HeadersConfig: { Headers: ['cloudfront-viewer-country'] },
          CookiesConfig: { Cookies: ['a'] },
          QueryStringsConfig: { QueryStringBehavior: 'all' },
        },
      },
    });
    templateOf(stack).resourceCountIs('AWS::CloudFront::OriginRequestPolicy', 0);
  });

  test.each([
    ['split', RewriteRule.split('/a', { experiment: 'x', weights: { '/b': 50, '/c': 50 } }),
      'a Lambda@Edge function at an origin event cannot keep a visitor at a variant: it does not run where an answer is cached; use EdgeTier.INLINE or EdgeTier.KEY_VALUE_STORE'],
    ['origin id', RewriteRule.proxy('/a', '/b', { origin: EdgeOrigin.byId('api') }),
      'a Lambda@Edge function cannot choose an origin by its id; name its host, or use EdgeTier.INLINE or EdgeTier.KEY_VALUE_STORE'],
  ])('a rule in code it cannot carry out is an error: %s', (_name, rule, message) => {
    expect(() => edge({ tier: EdgeTier.lambdaEdge(), rules: [redirect(), rule] })).toThrow(`Stack/Edge:2: ${message}`);
  });

  test('a line of a file it cannot carry out is in the report', () => {
    const path = file('_redirects', 'https://a.example.com/x /y', '/a /b', '/c /d 301!', '/e /f 200');
    const tierAfter = EdgeTier.lambdaEdge({ eventType: EdgeOriginEvent.ORIGIN_RESPONSE });
    const { report } = edge({ tier: tierAfter, sources: [RuleSource.netlifyRedirects(path)] });
    expect(report.rules).toBe(2);
    expect(report.notConvertible.map(({ line, message }) => [line, message.split(';')[0]])).toEqual([
      [3, 'a rule for missing files only cannot be forced'],
      [4, 'after the origin has answered, a function can only redirect or set a status'],
    ]);
  });

  test.each<[EdgeRewriteProps]>([[{ spaFallback: '/x' }], [{ cleanUrls: true }], [{ indexDocument: 'x' }], [{ trailingSlash: TrailingSlash.ADD }]])(
    'after the origin has answered there is nothing to serve: %j', (props) => {
      const [name] = Object.keys(props);
      expect(() => edge({ ...props, tier: EdgeTier.lambdaEdge({ eventType: EdgeOriginEvent.ORIGIN_RESPONSE }) })).toThrow(
        `'${name}' must not be set with the event type ORIGIN_RESPONSE, when the origin has answered`);
      expect(() => edge({ ...props, rules: [redirect()], tier: EdgeTier.lambdaEdge() }, 'Before')).not.toThrow();
    });

  test.each<[string, EdgeRewriteProps]>([
    ['a host of a rule', { rules: [RewriteRule.redirect('/a', '/b', { host: 'a.example.com' })] }],
    ['a host in a condition', { rules: [RewriteRule.redirect('/a', '/b', { when: [EdgeCondition.missing(EdgeCondition.host('a.example.com'))] })] }],
    ['the canonical host', { canonicalHost: 'a.example.com' }],
  ])('is told the host of the viewer, which is in the cache key: %s', (_name, props) => {
    const construct = edge({ ...props, tier: EdgeTier.lambdaEdge() });
    expect(code()).toContain("r.headers['x-rewrite-host']={value:r.headers.host.value}");
    expect(ofType('CloudFront::CachePolicy')[0]).toMatchObject({
      CachePolicyConfig: { ParametersInCacheKeyAndForwardedToOrigin: { HeadersConfig: { Headers: ['x-rewrite-host'] } } },
    });
    expect(construct.behavior({ origin: origin() })).toMatchObject({
      functionAssociations: [{ function: construct.viewerRequest, eventType: 'viewer-request' }],
      edgeLambdas: [{ functionVersion: construct.originFunction, eventType: 'origin-request' }],
    });
  });

  test('of a page with a status it runs again when the origin has answered', () => {
    const construct = edge({ tier: EdgeTier.lambdaEdge(), rules: [RewriteRule.gone('/a', { page: '/gone.html' })] });
    expect(construct.viewerResponse).toBeUndefined();
    const functionVersion = construct.originFunction;
    expect(construct.behavior({ origin: origin() }).edgeLambdas).toEqual([
      { functionVersion, eventType: 'origin-request' }, { functionVersion, eventType: 'origin-response' },
    ]);
    const taken = [{ functionVersion: functionVersion!, eventType: cloudfront.LambdaEdgeEventType.ORIGIN_RESPONSE }];
    expect(() => construct.behavior({ origin: origin(), edgeLambdas: taken }))
      .toThrow("'edgeLambdas' must leave origin-response to EdgeRewrite");
    const after = EdgeTier.lambdaEdge({ eventType: EdgeOriginEvent.ORIGIN_RESPONSE });
    expect(() => edge({ rules: [RewriteRule.gone('/a', { page: '/gone.html' })], tier: after }, 'After'))
      .toThrow('after the origin has answered, a function cannot ask for a page; use the event type ORIGIN_REQUEST');
  });
});

describe('rules', () => {
  test('in code come before files, an earlier file before a later one', () => {
    const [one, two] = [file('_redirects', '/a /one', '/b /one', '/c /one'), file('_redirects', '/b /two', '/d /two')];
    const { report } = edge({
      rules: [RewriteRule.redirect('/a', '/code')],
      sources: [RuleSource.netlifyRedirects(one), RuleSource.netlifyRedirects(two)],
    });
    expect(report.duplicates.map((finding) => [finding.file, finding.line])).toEqual(expect.arrayContaining([[one, 1], [two, 1]]));
    expect(report.duplicates).toHaveLength(2);
    for (const target of ['/code', '/one', '/two']) expect(code()).toContain(target);
  });

  test('for one path are forced unless they say otherwise', () => {
    const site = SiteManifest.fromFiles(['index.html', 'a.html']);
    const compiled = (rule: RewriteRule, id: string) => edge({ rules: [rule], site }, id).report.findings.length;
    expect(compiled(RewriteRule.redirect('/a.html', '/b'), 'Forced')).toBe(0);
    edge({ rules: [RewriteRule.redirect('/a.html', '/unforced', { force: false })], site }, 'Unforced');
    expect(code('UnforcedViewerRequest') ?? '').not.toContain('/unforced');
  });

  test.each<[string, () => RewriteRule, string]>([
    ['redirect status', () => RewriteRule.redirect('/a', '/b', { status: 200 }), "'status' of a redirect must be 301, 302, 303, 307 or 308, got 200"],
    ['status', () => RewriteRule.status('/a', 500), "'status' must be 401, 403, 404, 410 or 451, got 500"],
    ['path', () => RewriteRule.redirect('a', '/b'), "rule 'redirect a /b': a path starts with '/', got 'a'"],
    ['splat in the middle', () => RewriteRule.redirect('/a/*/b', '/b'), "rule 'redirect /a/*/b /b': '*' must be the whole last segment"],
    ['target', () => RewriteRule.rewrite('/a', 'b'), "rule 'rewrite /a b': a target starts with '/', 'http://' or 'https://', got 'b'"],
    ['other host', () => RewriteRule.redirect('/a', '//b.example'), "rule 'redirect /a //b.example': a target that starts with two slashes leads to another site"],
    ['capture', () => RewriteRule.redirect('/a/:id', '/b/:idx'), "rule 'redirect /a/:id /b/:idx': the target uses ':idx', which the rule does not capture"],
    ['control character', () => RewriteRule.redirect('/a', '/b\r\nx: y'), 'a target cannot have control characters'],
    ['twice', () => RewriteRule.redirect('/:a/:a', '/b'), "':a' is captured twice"],
    ['host', () => RewriteRule.redirect('/a', '/b', { host: 'a b' }), 'a host consists of labels of letters, digits and hyphens'],
    ['header', () => RewriteRule.headers('/a', { values: { 'a b': 'x' } }), "a header name consists of letters, digits and '-'"],
    ['header value', () => RewriteRule.headers('/a', { values: { 'x-a': 'x\ny' } }), "the value of header 'x-a' has control characters"],
    ['no header', () => RewriteRule.headers('/a', {}), "a header rule must have 'values' or 'unset', got neither"],
    ['weight', () => RewriteRule.split('/a', { experiment: 'x', weights: { '/b': 101 } }), "'weights' must be 0 to 100, got 101"],
    ['origin id', () => RewriteRule.proxy('/a', '/b', { origin: EdgeOrigin.byId('a b') }), "'originId' must be 1 to 128 letters, digits, '.', '-' and '_', got 'a b'"],
    ['origin host', () => RewriteRule.proxy('/a', '/b', { origin: EdgeOrigin.byHost('https://a.example') }), "'host' must be a host name in lower case, got 'https://a.example'"],
    ['no country', () => RewriteRule.redirect('/a', '/b', { when: [EdgeCondition.country()] }), 'a country condition must have at least one value, got none'],
    ['no name', () => RewriteRule.redirect('/a', '/b', { when: [EdgeCondition.cookie('')] }), "a cookie condition must have a name, got ''"],
    ['comparison', () => RewriteRule.redirect('/a', '/b', { when: [EdgeCondition.contains(EdgeCondition.country('DE'))] }),
      'only a cookie, header or query condition with values can be compared in part, got a country condition with 1 values'],
  ])('are checked as they are written: %s', (_name, write, message) => {
    expect(write).toThrow(message);
  });

  const token = () => new CfnParameter(stack, 'Token').valueAsString;
  test.each<[string, (token: string) => unknown]>([
    ['path', (t) => RewriteRule.redirect(`/${t}`, '/b')],
    ['target', (t) => RewriteRule.redirect('/a', t)],
    ['target', (t) => RewriteRule.gone('/a', { page: t })],
    ['target', (t) => RewriteRule.split('/a', { experiment: 'x', weights: { [t]: 100 } })],
    ['experiment', (t) => RewriteRule.split('/a', { experiment: t, weights: { '/b': 100 } })],
    ['host', (t) => RewriteRule.redirect('/a', '/b', { host: t })],
    ['query', (t) => RewriteRule.redirect('/a', '/b', { query: { a: t } })],
    ['values', (t) => RewriteRule.headers('/a', { values: { 'x-a': t } })],
    ['unset', (t) => RewriteRule.headers('/a', { unset: [t] })],
    ['country condition', (t) => EdgeCondition.country(t)],
    ['cookie condition', (t) => EdgeCondition.cookie(t)],
    ['originId', (t) => EdgeOrigin.byId(t)],
    ['host', (t) => EdgeOrigin.byHost(t)],
    ['path', (t) => RuleSource.netlifyToml(t)],
    ['directory', (t) => SiteManifest.fromDirectory(t)],
    ['files', (t) => SiteManifest.fromFiles([t])],
    ['securityHeaders', (t) => SecurityHeaders.of({ contentSecurityPolicy: t })],
    ['canonicalHost', (t) => edge({ canonicalHost: t })],
    ['domainNames', (t) => edge({ domainNames: [t] })],
    ['indexDocument', (t) => edge({ indexDocument: t })],
    ['spaFallback', (t) => edge({ spaFallback: Lazy.string({ produce: () => t }) })],
  ])("refuse tokens early: '%s'", (prop, use) => {
    expect(() => use(token())).toThrow(`'${prop}' must be known at synth, got a token`);
  });

  test.each<[EdgeRewriteProps, string]>([
    [{ canonicalHost: 'https://a.example' }, "'canonicalHost' must be a host name in lower case, got 'https://a.example'"],
    [{ canonicalHost: '*.example.com' }, "'canonicalHost' must be one host, got '*.example.com'"],
    [{ domainNames: ['A.example'] }, "'domainNames' must be a host name in lower case, got 'A.example'"],
    [{ indexDocument: '/index.html' }, "'indexDocument' must be the name of a file, got '/index.html'"],
    [{ spaFallback: 'index.html' }, "'spaFallback' must be a path that starts with '/', got 'index.html'"],
    [{ maxReads: 0 }, "'maxReads' must be a whole number from 1 to 32, got 0"],
  ])('props are checked: %j', (props, message) => {
    expect(() => edge(props)).toThrow(message);
  });
});

test('what all rules together do wrong is an error without a line', () => {
  const rules = Array.from({ length: 500 }, (_, i) => RewriteRule.redirect(`/old/page-${i}`, `/new/page-${i}`));
  expect(() => edge({ rules, tier: EdgeTier.INLINE })).toThrow(
    /^errors in the rules, 1 in all:\n {2}the viewer-request function has \d+ bytes, 10000 are allowed: use the key value store tier$/);
});

describe('files', () => {
  test('what cannot be taken over is reported by line, and the rest is read', () => {
    const path = file('_redirects', '/a /b', 'nonsense', '/c /d 999', '/e /f');
    const { report } = edge({ sources: [RuleSource.netlifyRedirects(path)] });
    expect(report.rules).toBe(2);
    expect(report.notConvertible.map((finding) => [finding.file, finding.line, finding.text])).toEqual([[path, 2, 'nonsense'], [path, 3, '/c /d 999']]);
    Annotations.fromStack(stack).hasWarning('/Stack/Edge', Match.stringLikeRegexp("warnings about the rules, 2 in all, see 'report':"));
    expect(report.toString().split('\n')).toHaveLength(5);
  });

  test('strict makes that an error, all lines at once', () => {
    const path = file('_redirects', '/a /b', 'nonsense', '/c /d 999');
    expect(() => edge({ strict: true, sources: [RuleSource.netlifyRedirects(path)] })).toThrow(
      new RegExp(`^errors in the rules, 2 in all:\n  ${path}:2: .* \\| nonsense\n  ${path}:3: .* \\| /c /d 999$`));
  });

  test('of many errors the first are shown', () => {
    const path = file('_redirects', ...Array.from({ length: 30 }, (_, i) => `nonsense-${i}`));
    expect(() => edge({ strict: true, sources: [RuleSource.netlifyRedirects(path)] })).toThrow(/nonsense-19\n {2}… and 10 more$/);
  });

  test('every dialect has its source', () => {
    const { report } = edge({
      sources: [
        RuleSource.netlifyRedirects(file('_redirects', '/a /b')),
        RuleSource.netlifyToml(file('netlify.toml', '[[redirects]]', 'from = "/c"', 'to = "/d"')),
        RuleSource.cloudflareRedirects(file('_redirects', '/e /f')),
        RuleSource.headersFile(file('_headers', '/x/*', '  X-A: b'), RuleDialect.NETLIFY),
        RuleSource.headersFile(file('_headers', '/y/*', '  X-A: c'), RuleDialect.CLOUDFLARE),
        RuleSource.vercelJson(file('vercel.json', '{ "redirects": [{ "source": "/g", "destination": "/h" }] }')),
      ],
    });
    expect(report).toMatchObject({ rules: 4, headerRules: 2, notConvertible: [] });
  });

  test('settings of a file hold where props say nothing', () => {
    const vercel = () => RuleSource.vercelJson(file('vercel.json', '{ "cleanUrls": true, "trailingSlash": false }'));
    edge({ sources: [vercel()] });
    expect(code()).toContain('.html');
    const other = stackFor();
    new EdgeRewrite(other, 'Edge', { sources: [vercel()], cleanUrls: false, trailingSlash: TrailingSlash.KEEP });
    expect(JSON.stringify(resourcesOf(other))).not.toContain('.html');
  });

  test.each<readonly [string, string, (path: string, options?: RuleSourceOptions) => RuleSource, string]>([
    ['a password', ['/intern/*', '  Basic-Auth: someone:secret', '  X-A: 1'].join('\n'),
      (path, options) => RuleSource.headersFile(path, RuleDialect.NETLIFY, options), "2: 'Basic-Auth' protects the path with passwords; without it the path becomes public"],
    ['a password for a path that is not converted', ['/intern/**/x', '  Basic-Auth: someone:secret'].join('\n'),
      (path, options) => RuleSource.headersFile(path, RuleDialect.NETLIFY, options), "2: 'Basic-Auth' protects"],
    ['a role', '/admin/* /admin/:splat 200! Role=admin', (path, options) => RuleSource.netlifyRedirects(path, options), "1: condition 'Role' needs Netlify's identity tokens; without it the path may become public"],
    ['a role in a line that is wrong anyhow', '/admin/* /admin/:splat 999! Other=1 Role=admin', (path, options) => RuleSource.netlifyRedirects(path, options), "1: condition 'Role'"],
    ['a role in a table that is wrong anyhow', '[[redirects]]\nfrom = "/a"\nto = "/b"\nsigned = "X"\nconditions = { Role = ["admin"] }', (path, options) => RuleSource.netlifyToml(path, options), "1: condition 'Role'"],
  ])('that would make a path public is an error unless told otherwise: %s', (_, text, source, message) => {
    const path = file('restricted', text);
    expect(() => edge({ sources: [source(path)] })).toThrow(message);
    const { report } = edge({ sources: [source(path, { ignoreAccessRestrictions: true })] }, 'Told');
    expect(report.notConvertible.map((finding) => finding.toString())).toContainEqual(expect.stringContaining(message));
    expect(report.toString()).not.toContain('secret');
  });

  test.each([
    ['a country by its name', () => EdgeCondition.country('DE', 'Germany'), "'codes' must be two letters each, got 'Germany'"],
    ['a query in a path', () => RewriteRule.redirect('/a?x=1', '/b'), "rule 'redirect /a?x=1 /b': a path has no '?' and no '#': a query is matched by 'query', a fragment never, got '/a?x=1'"],
    ['a secret that is not there', () => edge({ access: [EdgeAccess.signedLink('/a', { keys: [EdgeSecret.fromFile('/none')] })] }),
      "a secret must be a readable file, got '/none' (ENOENT)"],
  ])('or rules that can never work: %s', (_, made, message) => {
    expect(made).toThrow(message);
  });

  test('must be there', () => {
    expect(() => edge({ sources: [RuleSource.netlifyRedirects('/nowhere/_redirects')] })).toThrow(
      "a rule source must be a readable file, got '/nowhere/_redirects' (ENOENT)");
    expect(() => SiteManifest.fromDirectory('/nowhere')).toThrow("'directory' must be a directory, got '/nowhere'");
  });

  test('of a site are listed as they are served', () => {
    expect(SiteManifest.fromDirectory(join(SITE, 'dist'))._files).toEqual(['/about/index.html', '/gone.html', '/index.html']);
    expect(SiteManifest.fromDirectory(SITE)._files).not.toContain('/_redirects');
  });

  test('without a manifest, one page for every path below is a warning', () => {
    const lines = file('_redirects', '/a/* /a.html 200', '/b/* /404.html 404', '/c/* /c.html 200!', '/d/* /e/:splat 200', '/f/* /g 301', '/h /i 200');
    const hiding = (props: EdgeRewriteProps, id: string) => edge({ sources: [RuleSource.netlifyRedirects(lines)], ...props }, id).report.findings
      .filter(({ code: kind }) => kind === 'hides-files').map(({ line, message }) => [line, message]);
    const message = "serves one page in place of every path beneath it, files of the site included: give 'site', so that files win, or force the rule";
    expect(hiding({}, 'Without')).toEqual([[1, message], [2, message]]);
    expect(hiding({ sources: [], cleanUrls: true, spaFallback: '/index.html' }, 'Fallback')).toEqual([
      [0, "'spaFallback' is served in place of the pages that 'cleanUrls' leads to: give 'site', so that files win"],
    ]);
    expect(hiding({ site: SiteManifest.fromDirectory(SITE) }, 'With')).toEqual([]);
  });

  test('with a few lines about hosts, files still win, and lines never reached are still found', () => {
    const hosts = ['one', 'two', 'three'].map((name) => `https://${name}.example.com/* https://www.example.com/${name}/:splat 301!`);
    const pages = Array.from({ length: 60 }, (_, i) => `/page-${i} /new-${i}`);
    const lines = file('_redirects', ...hosts, ...pages, '/blog/* /articles/:splat', '/blog/special /special');
    const sources = [RuleSource.netlifyRedirects(lines)];
    const last = hosts.length + pages.length + 2;
    const unreachable = (props: EdgeRewriteProps, id: string) => edge({ sources, ...props }, id).report.unreachable.map(({ line }) => line);
    expect(unreachable({}, 'Without')).toEqual([last]);
    expect(unreachable({ site: SiteManifest.fromFiles(['index.html']) }, 'With')).toEqual([last]);
  });

  test('an error about look-ups says which forms of patterns there are, and what allows more', () => {
    const rules = [RewriteRule.redirect('/a/:b/*', '/c'), RewriteRule.redirect('/*', 'https://www.example.com/d', { host: 'old.example.com' })];
    const few = (maxReads: number, id: string) => edge({ rules, maxReads, tier: EdgeTier.KEY_VALUE_STORE }, id);
    expect(few(8, 'Enough').report.shapes).toEqual(['host/*', '/a/:/*']);
    expect(() => few(1, 'Few')).toThrow("needs 3 reads, 1 are allowed: use fewer forms of patterns (/a/:/*, host/*), or a higher 'maxReads'");
  });

  test('may proxy to origins that are allowed', () => {
    const sources = [RuleSource.netlifyRedirects(file('_redirects', '/api/* https://api.example.net/:splat 200'))];
    expect(() => edge({ sources }, 'Without')).toThrow("a proxied host must be one of those declared, which are none, got 'api.example.net'; declare it with EdgeOrigin.byHost() in 'origins'");
    expect(() => edge({ sources, origins: [EdgeOrigin.byHost('api.example.net')] })).not.toThrow();
  });
});

describe('alarms', () => {
  test('are where CloudFront has its metrics', () => {
    const { errorAlarm, utilizationAlarm } = edge();
    expect([errorAlarm, utilizationAlarm]).not.toContain(undefined);
    templateOf(stack).allResourcesProperties('AWS::CloudWatch::Alarm', { TreatMissingData: 'notBreaching', AlarmActions: Match.absent() });
    expect(new EdgeRewrite(stackFor({ env: { region: 'eu-west-1' } }), 'Edge', { rules: [redirect()] }).errorAlarm).toBeUndefined();
  });

  test('tell a topic', () => {
    const alarmTopic = new sns.Topic(stack, 'Topic');
    edge({ rules: [redirect()], alarmTopic });
    templateOf(stack).allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: [stack.resolve(alarmTopic.topicArn)] });
    const away = stackFor({ env: { region: 'eu-west-1' } });
    expect(() => new EdgeRewrite(away, 'Edge', { alarmTopic: sns.Topic.fromTopicArn(away, 'T', 'arn:aws:sns:eu-west-1:123456789012:t') })).toThrow(
      "'alarmTopic' must be in us-east-1, where CloudFront has its metrics, and so must the stack, got eu-west-1");
  });

  test('metrics are of the viewer-request function', () => {
    const construct = edge();
    expect(stack.resolve(construct.metricInvocations().dimensions)).toEqual({ FunctionName: construct.viewerRequest!.functionName, Region: 'Global' });
    const metrics = [
      construct.metricInvocations(), construct.metricValidationErrors(), construct.metricExecutionErrors(), construct.metricThrottles(),
      construct.metricComputeUtilization(),
    ];
    expect(metrics.map(({ metricName }) => metricName)).toEqual([
      'FunctionInvocations', 'FunctionValidationErrors', 'FunctionExecutionErrors', 'FunctionThrottles', 'FunctionComputeUtilization',
    ]);
    expect(construct.metricInvocations({ period: Duration.minutes(1) }).period.toMinutes()).toBe(1);
    expect(() => edge({ rules: [redirect()], tier: EdgeTier.lambdaEdge() }, 'Lambda').metricInvocations()).toThrow(
      "metrics of CloudFront functions must not be asked for in the Lambda@Edge tier; use those of 'originFunction'");
  });
});
