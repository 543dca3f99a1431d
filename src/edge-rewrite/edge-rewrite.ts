import { join } from 'path';
import { Annotations, Duration, Names, Stack, Token } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { writeFiles } from './assembly-files';
import { both, hiddenByCachePolicy, hiddenByOriginRequestPolicy, isDisabled, isEmpty } from './behavior-policies';
import { compile } from './compiler/compile';
import { CompileOptions, CompileResult, Diagnostic, HeaderRule, Needs, Rule, RuleSet, StoreData } from './compiler/model';
import { METRIC, METRIC_NAMESPACE } from './contract';
import { EdgeAccess } from './edge-access';
import { EdgeOrigin } from './edge-origin';
import { EdgeFinding, EdgeReport } from './edge-report';
import { EdgeOriginEvent, EdgeTier } from './edge-tier';
import { checkKnown } from './known';
import { checkOriginEvent, forOriginEvent, tableFile } from './lambda-rules';
import { OriginFunction } from './origin-function';
import { presetHeaders, responseHeaders } from './response-headers';
import { RewriteRule } from './rewrite-rule';
import { RuleSource } from './rule-source';
import { SecurityHeaders } from './security-headers';
import { SiteManifest } from './site-manifest';
import { TrailingSlash } from './trailing-slash';
import { createAlarm } from '../private/alarm';
import { checkInteger, checkPattern } from '../private/validate';

/** Properties of `EdgeRewrite`. */
export interface EdgeRewriteProps {
  /**
   * Rules in code. They come before those of `sources`: the first rule that matches decides.
   * @default - none
   */
  readonly rules?: RewriteRule[];
  /**
   * Files of rules, an earlier one before a later one.
   * @default - none
   */
  readonly sources?: RuleSource[];
  /**
   * Who may see which paths. Not in the Lambda@Edge tier; passwords and keys need `EdgeTier.KEY_VALUE_STORE`, which
   * `EdgeTier.AUTO` then chooses.
   * @default - everybody sees everything
   */
  readonly access?: EdgeAccess[];
  /**
   * Every line of a file that cannot be taken over, and every warning, is an error.
   * @default false
   */
  readonly strict?: boolean;
  /**
   * Where rules are kept.
   * @default EdgeTier.AUTO
   */
  readonly tier?: EdgeTier;
  /**
   * Files of the site: an existing one wins over a rule that is not forced.
   * @default - every rule applies, whether there is a file or not
   */
  readonly site?: SiteManifest;
  /**
   * Security headers of all responses.
   * @default - as the origin sends them
   */
  readonly securityHeaders?: SecurityHeaders;
  /**
   * Host to which requests for any other are redirected, path and query kept.
   * @default - every host is served
   */
  readonly canonicalHost?: string;
  /**
   * Hosts of the distribution: a redirect to one of them is followed when looking for loops.
   * @default - `canonicalHost`
   */
  readonly domainNames?: string[];
  /**
   * What happens to a slash at the end of a path.
   * @default TrailingSlash.KEEP
   */
  readonly trailingSlash?: TrailingSlash;
  /**
   * `/about.html` redirects to `/about`, which serves `/about.html`.
   * @default false
   */
  readonly cleanUrls?: boolean;
  /**
   * Name of the file served for a path that ends in a slash.
   * @default - the path is asked for as it is
   */
  readonly indexDocument?: string;
  /**
   * Path served where the last segment has no extension and no rule matched.
   * @default - none
   */
  readonly spaFallback?: string;
  /**
   * Origins that the rules of `sources` may proxy to. Those of `rules` need not be repeated.
   * @default - none
   */
  readonly origins?: EdgeOrigin[];
  /**
   * Makes a redirect that leads to another one lead to its end.
   * @default false
   */
  readonly collapseChains?: boolean;
  /**
   * Look-ups in the key value store one request may make.
   * @default 8
   */
  readonly maxReads?: number;
  /**
   * Told when an alarm changes to ALARM; the stack must be in us-east-1.
   * @default - alarms without action
   */
  readonly alarmTopic?: sns.ITopic;
}

/**
 * Redirects, rewrites, headers and experiments by rule, in the cheapest edge function that can run them, checked against
 * CloudFront's limits before deployment.
 *
 * @example
 * declare const bucket: s3.Bucket;
 *
 * const edge = new EdgeRewrite(this, 'Edge', {
 *   rules: [RewriteRule.redirect('/old/*', '/new/:splat')],
 * });
 * new cloudfront.Distribution(this, 'Site', {
 *   defaultBehavior: edge.behavior({ origin: origins.S3BucketOrigin.withOriginAccessControl(bucket) }),
 * });
 */
export class EdgeRewrite extends Construct {
  /** Decides what happens to a request; absent if a Lambda function does. */
  public readonly viewerRequest?: cloudfront.Function;
  /** Sets headers, status and cookies that depend on the request; absent if there are none. */
  public readonly viewerResponse?: cloudfront.Function;
  /** Holds the rules; absent in the other tiers. */
  public readonly keyValueStore?: cloudfront.KeyValueStore;
  /** The function of the Lambda@Edge tier; absent in the others. */
  public readonly originFunction?: lambda.IVersion;
  /** Lets the functions see what CloudFront adds to a request; absent if no rule asks for it. */
  public readonly originRequestPolicy?: cloudfront.OriginRequestPolicy;
  /** Keeps apart in the cache what rules serve differently; absent if none does. */
  public readonly cachePolicy?: cloudfront.CachePolicy;
  /** Headers all responses carry; absent if there are none. */
  public readonly responseHeadersPolicy?: cloudfront.ResponseHeadersPolicy;
  /** Fires when CloudFront could not run a function, or not use its result; in us-east-1 only. */
  public readonly errorAlarm?: cloudwatch.Alarm;
  /** Fires when a function comes near the time CloudFront allows; in us-east-1 only. */
  public readonly utilizationAlarm?: cloudwatch.Alarm;
  /** What the rules became, what they cost, and what they really do. */
  public readonly report: EdgeReport;

  private readonly tier: EdgeTier;
  /** What a cache policy must have in its key, and what any policy must let functions see. */
  private readonly cacheNeeds: Needs;
  private readonly requestNeeds: Needs;
  /** When the Lambda function runs: of a page with a status it changes the path first and the status afterwards. */
  private readonly originEvents: cloudfront.LambdaEdgeEventType[];

  constructor(scope: Construct, id: string, private readonly props: EdgeRewriteProps = {}) {
    super(scope, id);
    this.tier = props.tier ?? EdgeTier.AUTO;
    this.checkProps();
    const sets = this.ruleSets();
    const result = compile(sets, this.compileOptions(sets));
    this.report = EdgeReport._of(result, sets);
    this.tell(result.diagnostics);

    const isLambda = result.tier === 'lambda-edge';
    if (isLambda) {
      if (result.viewerHost) this.viewerRequest = this.function('ViewerRequest', result.viewerHost);
      this.originFunction = this.tier._version ?? new OriginFunction(this, 'Origin', this.tier._event, tableFile(result), this.tier._lambda).version;
    } else {
      if (result.data) this.keyValueStore = this.store(result.data);
      this.viewerRequest = this.function('ViewerRequest', result.viewerRequest!.code, this.keyValueStore);
    }
    if (result.viewerResponse) this.viewerResponse = this.function('ViewerResponse', result.viewerResponse.code);

    const { queries } = isLambda ? result.originRequest : result.policies.cache;
    this.cacheNeeds = { ...result.policies.cache, queries };
    this.requestNeeds = result.policies.originRequest;
    const pages = sets.some(({ rules }) => rules.some(({ action }) => action.kind === 'status' && action.page));
    this.originEvents = !isLambda ? [] : [ORIGIN_EVENTS[this.tier._event], ...(pages ? [cloudfront.LambdaEdgeEventType.ORIGIN_RESPONSE] : [])];
    if (isLambda || !isEmpty(this.cacheNeeds)) this.cachePolicy = this.cacheKey(isLambda);
    if (!isEmpty(this.requestNeeds)) this.originRequestPolicy = this.visibility();
    this.responseHeadersPolicy = this.headers(result);

    if (this.hasMetrics()) {
      this.errorAlarm = this.alarmOnErrors();
      this.utilizationAlarm = this.alarmOnUtilization();
    }
  }

  /**
   * A behaviour with the functions and policies the rules need. Policies and functions of your own are kept where they
   * leave room for them.
   */
  public behavior(options: cloudfront.BehaviorOptions): cloudfront.BehaviorOptions {
    this.checkEvents(options);
    if (this.props.access && options.viewerProtocolPolicy === cloudfront.ViewerProtocolPolicy.ALLOW_ALL) {
      throw new Error("'viewerProtocolPolicy' must not be ALLOW_ALL with access rules: whoever is on the way would read passwords, tokens and what they protect");
    }
    const { cachePolicy, originRequestPolicy, responseHeadersPolicy, functionAssociations = [], edgeLambdas = [] } = options;
    if (cachePolicy && cachePolicy !== this.cachePolicy) this.checkCachePolicy(cachePolicy);
    this.checkVisibility(originRequestPolicy ?? this.originRequestPolicy, cachePolicy);
    if (responseHeadersPolicy && this.responseHeadersPolicy && responseHeadersPolicy !== this.responseHeadersPolicy) {
      throw new Error("'responseHeadersPolicy' must be left to EdgeRewrite, which has headers for all responses, got another; put its headers into a rule 'RewriteRule.headers()' for '/*'");
    }
    const functions = [...functionAssociations, ...this.functions().map(([fn, eventType]) => ({ function: fn, eventType }))];
    const { originFunction } = this;
    const ours = originFunction ? this.originEvents.map((eventType) => ({ functionVersion: originFunction, eventType })) : [];
    const lambdas = [...edgeLambdas, ...ours];
    return {
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      ...options,
      cachePolicy: cachePolicy ?? this.cachePolicy,
      originRequestPolicy: originRequestPolicy ?? this.originRequestPolicy,
      responseHeadersPolicy: responseHeadersPolicy ?? this.responseHeadersPolicy,
      functionAssociations: functions.length > 0 ? functions : undefined,
      edgeLambdas: lambdas.length > 0 ? lambdas : undefined,
    };
  }

  /** Requests the viewer-request function ran for. Metrics of CloudFront are in us-east-1. */
  public metricInvocations(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.INVOCATIONS, { statistic: 'Sum', ...options });
  }

  /** Requests for which its result could not be used; the visitor got 502. */
  public metricValidationErrors(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.VALIDATION_ERRORS, { statistic: 'Sum', ...options });
  }

  /** Requests for which it did not come to an end; the visitor got 503. */
  public metricExecutionErrors(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.EXECUTION_ERRORS, { statistic: 'Sum', ...options });
  }

  /** Requests for which CloudFront had no room to run it. */
  public metricThrottles(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.THROTTLES, { statistic: 'Sum', ...options });
  }

  /** Share of the time CloudFront allows it, 0 to 100. */
  public metricComputeUtilization(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRIC.COMPUTE_UTILIZATION, { statistic: 'Maximum', ...options });
  }

  private checkProps(): void {
    const { canonicalHost, domainNames = [], indexDocument, spaFallback, maxReads, alarmTopic } = this.props;
    checkKnown('canonicalHost', canonicalHost);
    checkKnown('domainNames', ...domainNames);
    checkKnown('indexDocument', indexDocument);
    checkKnown('spaFallback', spaFallback);
    for (const host of [canonicalHost, ...domainNames]) {
      checkPattern(host === canonicalHost ? 'canonicalHost' : 'domainNames', host, /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'a host name in lower case');
    }
    checkPattern('canonicalHost', canonicalHost, /^[^*]/, 'one host');
    checkPattern('indexDocument', indexDocument, /^[^/\s?#]+$/, 'the name of a file');
    checkPattern('spaFallback', spaFallback, /^\/[^\s?#]*$/, "a path that starts with '/'");
    checkInteger('maxReads', maxReads, { min: 1, max: 32 });
    const { region } = Stack.of(this);
    if (alarmTopic && !Token.isUnresolved(region) && region !== US_EAST_1) {
      throw new Error(`'alarmTopic' must be in ${US_EAST_1}, where CloudFront has its metrics, and so must the stack, got ${region}`);
    }
    checkOriginEvent(this.tier, this.props);
  }

  /** Rules in code first, then the files in their order. */
  private ruleSets(): RuleSet[] {
    const { path } = this.node;
    const written = (this.props.rules ?? []).map((rule, i) => rule._at(path, i + 1));
    const inCode: RuleSet = {
      name: path,
      rules: written.filter((rule): rule is Rule => 'action' in rule),
      headers: written.filter((rule): rule is HeaderRule => 'operations' in rule),
      diagnostics: [],
    };
    const sets = [inCode, ...(this.props.sources ?? []).map((source) => source._ruleSet())];
    return this.tier._tier === 'lambda-edge' ? sets.map((set) => forOriginEvent(set, this.tier._event, set === inCode)) : sets;
  }

  private compileOptions(sets: readonly RuleSet[]): CompileOptions {
    const { props } = this;
    const origins = [
      ...(props.origins ?? []).map(({ _origin }) => _origin),
      ...sets[0].rules.flatMap(({ action }) => action.kind === 'proxy' ? action.origin : []),
    ];
    // What files say of the site as a whole; an earlier one wins.
    const ofFiles = Object.assign({}, ...sets.map(({ settings }) => settings).reverse()) as NonNullable<RuleSet['settings']>;
    return {
      ...ofFiles,
      tier: this.tier._tier,
      strict: props.strict,
      spaFallback: props.spaFallback,
      cleanUrls: props.cleanUrls ?? ofFiles.cleanUrls,
      trailingSlash: props.trailingSlash ?? ofFiles.trailingSlash,
      indexDocument: props.indexDocument,
      canonicalHost: props.canonicalHost,
      presetHeaders: presetHeaders(props.securityHeaders),
      ownHosts: props.domainNames,
      site: props.site && { files: props.site._files },
      originIds: origins.flatMap((origin) => 'id' in origin ? origin.id : []),
      proxyHosts: origins.flatMap((origin) => 'host' in origin ? origin.host : []),
      collapseChains: props.collapseChains,
      maxReads: props.maxReads,
      access: props.access?.map((rule, i) => rule._at(this.node.path, i + 1)),
    };
  }

  /** Errors end the synthesis, all of them at once; warnings are shown by the CDK. */
  private tell(diagnostics: readonly Diagnostic[]): void {
    const lines = (severity: Diagnostic['severity']) => diagnostics.filter((one) => one.severity === severity).map((one) => EdgeFinding._of(one).toString());
    const errors = lines('error');
    if (errors.length > 0) throw new Error(shortened(`errors in the rules, ${errors.length} in all`, errors));
    const warnings = lines('warning');
    if (warnings.length > 0) Annotations.of(this).addWarningV2('cdk-lambda-blueprints:edge-rewrite', shortened(`warnings about the rules, ${warnings.length} in all, see 'report'`, warnings));
  }

  /** Changed data needs another name: CloudFormation reads the import only when it creates a store. */
  private store({ json, hash }: StoreData): cloudfront.KeyValueStore {
    return new cloudfront.KeyValueStore(this, 'Data', {
      keyValueStoreName: `${this.globalName(STORE_NAME - HASH - 1)}-${hash.slice(0, HASH)}`,
      comment: 'Rules; replaced when they change',
      // Digests and keys may be in it: not for other users of the machine.
      source: cloudfront.ImportSource.fromAsset(join(writeFiles(this, { 'data.json': json }, 0o600), 'data.json'), { displayName: 'edge-rewrite/data' }),
    });
  }

  /** CloudFront's names are per account, not per region: the stack may be in several. */
  private globalName(maxLength: number): string {
    const { region } = Stack.of(this);
    const name = Names.uniqueResourceName(this, { maxLength: maxLength - REGION - 1, separator: '-', allowedSpecialCharacters: '-_' });
    return `${name}-${region}`;
  }

  private function(id: string, code: string, keyValueStore?: cloudfront.KeyValueStore): cloudfront.Function {
    return new cloudfront.Function(this, id, {
      comment: 'Redirects, rewrites and headers by rule',
      code: cloudfront.FunctionCode.fromInline(code),
      runtime: cloudfront.FunctionRuntime.JS_2_0,
      autoPublish: true,
      keyValueStore,
    });
  }

  /** A Lambda function's answers are cached themselves, and the query is part of its redirects. */
  private cacheKey(isLambda: boolean): cloudfront.CachePolicy {
    const { headers, cookies, queries } = this.cacheNeeds;
    const ofQueries = queries.length > 0 ? cloudfront.CacheQueryStringBehavior.allowList(...queries) : cloudfront.CacheQueryStringBehavior.none();
    return new cloudfront.CachePolicy(this, 'CachePolicy', {
      cachePolicyName: this.globalName(POLICY_NAME),
      comment: 'What rules serve differently',
      headerBehavior: headers.length > 0 ? cloudfront.CacheHeaderBehavior.allowList(...headers) : cloudfront.CacheHeaderBehavior.none(),
      cookieBehavior: cookies.length > 0 ? cloudfront.CacheCookieBehavior.allowList(...cookies) : cloudfront.CacheCookieBehavior.none(),
      queryStringBehavior: isLambda ? cloudfront.CacheQueryStringBehavior.all() : ofQueries,
      enableAcceptEncodingGzip: true,
      enableAcceptEncodingBrotli: true,
    });
  }

  private visibility(): cloudfront.OriginRequestPolicy {
    return new cloudfront.OriginRequestPolicy(this, 'OriginRequestPolicy', {
      originRequestPolicyName: this.globalName(POLICY_NAME),
      comment: 'What rules look at',
      headerBehavior: cloudfront.OriginRequestHeaderBehavior.allowList(...this.requestNeeds.headers),
    });
  }

  private headers({ constantHeaders }: CompileResult): cloudfront.ResponseHeadersPolicy | undefined {
    const props = responseHeaders(constantHeaders);
    return props && new cloudfront.ResponseHeadersPolicy(this, 'ResponseHeadersPolicy', {
      ...props,
      responseHeadersPolicyName: this.globalName(POLICY_NAME),
      comment: 'Headers of all responses',
    });
  }

  private functions(): Association[] {
    const { viewerRequest, viewerResponse } = this;
    return [
      ...(viewerRequest ? [[viewerRequest, cloudfront.FunctionEventType.VIEWER_REQUEST] satisfies Association] : []),
      ...(viewerResponse ? [[viewerResponse, cloudfront.FunctionEventType.VIEWER_RESPONSE] satisfies Association] : []),
    ];
  }

  /** One function per event, and only one kind of function for the events of viewers. */
  private checkEvents({ functionAssociations = [], edgeLambdas = [] }: cloudfront.BehaviorOptions): void {
    const ours = this.functions().map(([, eventType]) => eventType);
    const taken = functionAssociations.find(({ eventType }) => ours.includes(eventType));
    if (taken) throw new Error(`'functionAssociations' must leave ${taken.eventType} to EdgeRewrite: CloudFront runs one function per event, got another`);
    const viewer = edgeLambdas.find(({ eventType }) => eventType.startsWith('viewer-'));
    if (viewer && ours.length > 0) {
      throw new Error(`'edgeLambdas' must have origin events only: Lambda@Edge and CloudFront functions cannot share the events of viewers, got ${viewer.eventType}`);
    }
    const origin = edgeLambdas.find(({ eventType }) => this.originEvents.includes(eventType));
    if (origin) throw new Error(`'edgeLambdas' must leave ${origin.eventType} to EdgeRewrite: CloudFront runs one function per event, got another`);
  }

  private checkCachePolicy(policy: cloudfront.BehaviorOptions['cachePolicy']): void {
    const hidden = hiddenByCachePolicy(policy, this.cacheNeeds);
    if (hidden.length > 0) throw new Error(`'cachePolicy' must have ${hidden.join(', ')} in its key, as rules serve different things by them; got one that has not. Leave it out, or use the one of EdgeRewrite`);
  }

  /** What a cache policy has in its key functions see; without a cache that, too, is for the origin request policy. */
  private checkVisibility(policy: cloudfront.BehaviorOptions['originRequestPolicy'], cachePolicy: cloudfront.BehaviorOptions['cachePolicy']): void {
    const unseen = !isDisabled(cachePolicy) ? NONE : this.originFunction ? this.cacheNeeds : addedByCloudFront(this.cacheNeeds);
    const hidden = hiddenByOriginRequestPolicy(policy, both(this.requestNeeds, unseen));
    if (hidden.length > 0) {
      throw new Error(`'originRequestPolicy' must forward ${hidden.join(', ')}, as rules look at them; got one that does not. Leave it and 'cachePolicy' out, or use those of EdgeRewrite`);
    }
  }

  private metric(metricName: string, options: cloudwatch.MetricOptions, fn = this.viewerRequest): cloudwatch.Metric {
    if (!fn) throw new Error("metrics of CloudFront functions must not be asked for in the Lambda@Edge tier; use those of 'originFunction'");
    return new cloudwatch.Metric({
      namespace: METRIC_NAMESPACE,
      metricName,
      dimensionsMap: { FunctionName: fn.functionName, Region: 'Global' },
      period: Duration.minutes(5),
      ...options,
    });
  }

  /** Metrics of all functions, ready for an expression. */
  private metrics(names: string[], statistic: string): { [id: string]: cloudwatch.Metric } {
    const all = this.functions().flatMap(([fn]) => names.map((name) => this.metric(name, { statistic }, fn)));
    return Object.fromEntries(all.map((metric, i) => [`m${i}`, metric]));
  }

  private hasMetrics(): boolean {
    const { region } = Stack.of(this);
    return this.functions().length > 0 && (region === US_EAST_1 || (Token.isUnresolved(region) && this.props.alarmTopic !== undefined));
  }

  private alarmOnErrors(): cloudwatch.Alarm {
    return createAlarm(this, 'ErrorAlarm', this.props.alarmTopic, {
      metric: new cloudwatch.MathExpression({
        label: 'Errors',
        expression: 'SUM(METRICS())',
        usingMetrics: this.metrics([METRIC.EXECUTION_ERRORS, METRIC.VALIDATION_ERRORS, METRIC.THROTTLES], 'Sum'),
      }),
      threshold: 1,
      evaluationPeriods: 1,
      alarmDescription: `Visitors get 502 or 503 from an edge function; look at the metrics of its kind first. ${ROOM}/README.md#failing-functions`,
    });
  }

  private alarmOnUtilization(): cloudwatch.Alarm {
    return createAlarm(this, 'UtilizationAlarm', this.props.alarmTopic, {
      metric: new cloudwatch.MathExpression({
        label: 'Compute utilization',
        expression: 'MAX(METRICS())',
        usingMetrics: this.metrics([METRIC.COMPUTE_UTILIZATION], 'Maximum'),
      }),
      threshold: 80,
      evaluationPeriods: 3,
      alarmDescription: `An edge function is near the time CloudFront allows; look at 'report' first. ${ROOM}/README.md#slow-functions`,
    });
  }
}

type Association = [fn: cloudfront.Function, eventType: cloudfront.FunctionEventType];

const US_EAST_1 = 'us-east-1';
/** Longest names CloudFront takes. */
const STORE_NAME = 64;
const POLICY_NAME = 128;
/** Characters of the hash in a store's name, and of the longest region. */
const HASH = 16;
const REGION = 14;
const NONE: Needs = { headers: [], cookies: [], queries: [] };
const ORIGIN_EVENTS = {
  [EdgeOriginEvent.ORIGIN_REQUEST]: cloudfront.LambdaEdgeEventType.ORIGIN_REQUEST,
  [EdgeOriginEvent.ORIGIN_RESPONSE]: cloudfront.LambdaEdgeEventType.ORIGIN_RESPONSE,
};
const ROOM = 'https://github.com/cdk-lambda-blueprints/cdk-lambda-blueprints/blob/main/src/edge-rewrite';

/** Viewer functions see all that viewers send, whatever the policies; they see what CloudFront adds only on demand. */
function addedByCloudFront({ headers }: Needs): Needs {
  return { ...NONE, headers: headers.filter((name) => name.startsWith('cloudfront-')) };
}

/** As many lines as a terminal shows. */
function shortened(title: string, lines: readonly string[]): string {
  const more = lines.length > LINES ? [`… and ${lines.length - LINES} more`] : [];
  return [`${title}:`, ...lines.slice(0, LINES), ...more].join('\n  ');
}

const LINES = 20;
