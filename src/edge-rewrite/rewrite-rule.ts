import { Duration } from 'aws-cdk-lib';
import { Action, ErrorStatus, HeaderRule, PathPattern, QueryMatch, RedirectStatus, Rule, Target } from './compiler/model';
import { headerOperation } from './compiler/parse/headers';
import { NotConvertible } from './compiler/parse/importer';
import { capturesOf, parseHost, parsePath, PatternStyle, requireDistinct } from './compiler/parse/pattern';
import { parseTarget, placeholders, Templater } from './compiler/parse/target';
import { EdgeCondition } from './edge-condition';
import { EdgeOrigin } from './edge-origin';
import { checkKnown } from './known';
import { sortedEntries } from '../private/sorted-entries';
import { checkNumber } from '../private/validate';

/** What happens to the query of the request. */
export enum RewriteQueryPolicy {
  /** It is passed on as it came, after the target's own. */
  KEEP = 'keep',
  /** It is passed on without the parameters the target names or the rule captured. */
  MERGE = 'merge',
  /** It ends here. */
  DROP = 'drop',
}

/** What every rule may say about the requests it is for. */
export interface RewriteConditions {
  /**
   * Conditions, all of which must hold.
   * @default - always
   */
  readonly when?: EdgeCondition[];
  /**
   * Host the rule is for.
   * @default - every host
   */
  readonly host?: string;
}

/** Options of rules about paths. */
export interface RewriteRuleOptions extends RewriteConditions {
  /**
   * Query parameters the request must have, in whatever order. A value `:name` takes any value and captures it.
   * @default - none
   */
  readonly query?: { [name: string]: string };
  /**
   * What happens to the query of the request.
   * @default RewriteQueryPolicy.KEEP
   */
  readonly queryPolicy?: RewriteQueryPolicy;
  /**
   * Apply also where the site has a file at that path. Without `site` every rule does.
   * @default - true unless the path ends in '*'
   */
  readonly force?: boolean;
}

/** Options of a redirect. */
export interface RewriteRedirectOptions extends RewriteRuleOptions {
  /**
   * 301, 302, 303, 307 or 308.
   * @default 301
   */
  readonly status?: number;
}

/** Options of a proxy rule. */
export interface RewriteProxyOptions extends RewriteRuleOptions {
  /** Where the request goes. */
  readonly origin: EdgeOrigin;
}

/** Options of a status rule. */
export interface RewriteStatusOptions extends RewriteRuleOptions {
  /**
   * Path of a page of the site to send with the status.
   * @default - no body
   */
  readonly page?: string;
}

/** Options of an experiment. */
export interface RewriteSplitOptions extends RewriteRuleOptions {
  /** Name of the experiment: 1 to 40 letters, digits, '-' and '_'. Its cookie is `rw_<name>`. */
  readonly experiment: string;
  /** Percent of the visitors by the path they are served, two decimals at most; they sum to 100. */
  readonly weights: { [path: string]: number };
  /**
   * How long a visitor stays with a variant.
   * @default Duration.days(30)
   */
  readonly maxAge?: Duration;
}

/** Options of a header rule. */
export interface RewriteHeadersOptions extends RewriteConditions {
  /**
   * Headers to set; they replace what the origin sent.
   * @default - none
   */
  readonly values?: { [name: string]: string };
  /**
   * Names of headers to remove.
   * @default - none
   */
  readonly unset?: string[];
}

/**
 * What happens to requests for a path. `*` at the end of a path stands for any rest and is `:splat` in the target;
 * `:name` stands for one segment, or for part of one with text around it (`post-:id`). A slash at the end makes no difference.
 */
export class RewriteRule {
  /** Sends the visitor elsewhere: to a path of this site or to an absolute URL. */
  public static redirect(path: string, target: string, options: RewriteRedirectOptions = {}): RewriteRule {
    const status = options.status ?? 301;
    if (![301, 302, 303, 307, 308].includes(status)) throw new Error(`'status' of a redirect must be 301, 302, 303, 307 or 308, got ${status}`);
    return RewriteRule.of(`redirect ${path} ${target}`, path, options, (read) => (
      { kind: 'redirect', status: status as RedirectStatus, target: read.target(target) }));
  }

  /** Serves another path of the same origin; the visitor keeps the address. */
  public static rewrite(path: string, target: string, options: RewriteRuleOptions = {}): RewriteRule {
    return RewriteRule.of(`rewrite ${path} ${target}`, path, options, (read) => ({ kind: 'rewrite', target: read.target(target) }));
  }

  /** Serves a path of another origin. */
  public static proxy(path: string, target: string, options: RewriteProxyOptions): RewriteRule {
    return RewriteRule.of(`proxy ${path} ${target}`, path, options, (read) => (
      { kind: 'proxy', origin: options.origin._origin, target: read.target(target) }));
  }

  /** Answers 410: what was here will not come back. */
  public static gone(path: string, options: RewriteStatusOptions = {}): RewriteRule {
    return RewriteRule.status(path, 410, options);
  }

  /** Answers 401, 403, 404, 410 or 451. */
  public static status(path: string, status: number, options: RewriteStatusOptions = {}): RewriteRule {
    if (![401, 403, 404, 410, 451].includes(status)) throw new Error(`'status' must be 401, 403, 404, 410 or 451, got ${status}`);
    const { page } = options;
    return RewriteRule.of(`status ${path} ${status}`, path, options, (read) => (
      { kind: 'status', status: status as ErrorStatus, ...(page === undefined ? {} : { page: read.target(page) }) }));
  }

  /** Serves one of several paths, to the same visitor always the same. */
  public static split(path: string, options: RewriteSplitOptions): RewriteRule {
    const { experiment, weights, maxAge } = options;
    checkKnown('experiment', experiment);
    return RewriteRule.of(`split ${path} ${experiment}`, path, options, (read) => ({
      kind: 'split',
      experiment,
      variants: sortedEntries(weights).map(([target, weight]) => ({ weight: checkWeight(weight), target: read.target(target) })),
      ...(maxAge ? { maxAgeSeconds: maxAge.toSeconds() } : {}),
    }));
  }

  /** Lets requests through unchanged; later rules are not looked at. */
  public static keep(path: string, options: RewriteRuleOptions = {}): RewriteRule {
    return RewriteRule.of(`keep ${path}`, path, options, () => ({ kind: 'pass' }));
  }

  /** Sets or removes headers of responses. All header rules that match apply; `*` may stand anywhere in the path. */
  public static headers(path: string, options: RewriteHeadersOptions): RewriteRule {
    const { values = {}, unset = [] } = options;
    checkKnown('values', ...Object.entries(values).flat());
    checkKnown('unset', ...unset);
    if (Object.keys(values).length + unset.length === 0) throw new Error("a header rule must have 'values' or 'unset', got neither");
    return RewriteRule.read(`headers ${path}`, path, () => {
      const read = new Reader(path, ANYWHERE);
      return {
        ...read.conditions(options),
        operations: [
          ...sortedEntries(values).map(([name, value]) => headerOperation('set', name, read.template(value))),
          ...[...unset].sort().map((name) => headerOperation('unset', name, [])),
        ],
      };
    });
  }

  private static of(text: string, path: string, options: RewriteRuleOptions, action: (read: Reader) => Action): RewriteRule {
    return RewriteRule.read(text, path, () => {
      const read = new Reader(path, AT_THE_END, options.query);
      return {
        ...read.conditions(options),
        query: read.query,
        action: action(read),
        queryPolicy: options.queryPolicy ?? RewriteQueryPolicy.KEEP,
        force: options.force ?? read.isExact,
      };
    });
  }

  private static read(text: string, path: string, content: () => Content): RewriteRule {
    checkKnown('path', path);
    if (/[?#]/.test(path)) throw new Error(`rule '${text}': a path has no '?' and no '#': a query is matched by 'query', a fragment never, got '${path}'`);
    try {
      return new RewriteRule(text, content());
    } catch (error) {
      if (!(error instanceof NotConvertible)) throw error;
      throw new Error(`rule '${text}': ${error.message}`);
    }
  }

  private constructor(private readonly text: string, private readonly content: Content) {}

  /** @internal */
  public _at(file: string, line: number): Rule | HeaderRule {
    return { source: { file, line, text: this.text }, ...this.content };
  }
}

type Content = Omit<Rule, 'source'> | Omit<HeaderRule, 'source'>;

/** Redirects know a splat at the end only; header rules anywhere. */
const AT_THE_END: PatternStyle = { trailing: 'optional', splats: 'last', placeholders: 'inside' };
const ANYWHERE: PatternStyle = { trailing: 'optional', splats: 'many', placeholders: 'inside' };

/** Reads the parts of one rule, which share the names of what its path and query capture. */
class Reader {
  public readonly query: readonly QueryMatch[];
  public readonly template: Templater;
  private readonly path: PathPattern;

  constructor(path: string, style: PatternStyle, query: { [name: string]: string } = {}) {
    checkKnown('query', ...Object.entries(query).flat());
    this.path = parsePath(path, style);
    this.query = sortedEntries(query).map(([name, value]) => (
      /^:[A-Za-z_]\w*$/.test(value) ? { name, capture: value.slice(1) } : { name, value }));
    const captures = [...capturesOf(this.path.segments), ...this.query.flatMap(({ capture }) => capture ?? [])];
    requireDistinct(captures, path);
    this.template = placeholders(captures);
  }

  /** Whoever names one path means it. */
  public get isExact(): boolean {
    return this.path.segments.at(-1)?.kind !== 'splat';
  }

  public conditions({ host, when = [] }: RewriteConditions): Pick<Rule, 'host' | 'path' | 'conditions'> {
    checkKnown('host', host);
    return {
      ...(host === undefined ? {} : { host: parseHost(host) }),
      path: this.path,
      conditions: when.map(({ _condition }) => _condition),
    };
  }

  public target(text: string): Target {
    checkKnown('target', text);
    return parseTarget(text, this.template);
  }
}

function checkWeight(weight: number): number {
  checkNumber('weights', weight, { min: 0, max: 100 });
  return weight;
}
