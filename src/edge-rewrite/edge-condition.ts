import { Token } from 'aws-cdk-lib';
import { Condition } from './compiler/model';
import { checkKnown } from './known';

/** Kind of device, as CloudFront recognises it. */
export enum EdgeDevice {
  /** Phone. */
  MOBILE = 'mobile',
  /** Tablet. */
  TABLET = 'tablet',
  /** Computer. */
  DESKTOP = 'desktop',
  /** Television. */
  SMART_TV = 'smarttv',
}

/**
 * What a request must have for a rule to apply, besides its path. Several values mean any of them. Headers that
 * CloudFront only adds on demand are put into the policies.
 */
export class EdgeCondition {
  /** Country of the visitor, ISO 3166-1 (`DE`). */
  public static country(...codes: string[]): EdgeCondition {
    const wrong = codes.find((code) => !Token.isUnresolved(code) && !/^[a-z]{2}$/i.test(code));
    if (wrong !== undefined) throw new Error(`'codes' must be two letters each, got '${wrong}'`);
    return EdgeCondition.of('country', codes);
  }

  /** Region of the visitor, ISO 3166-2, with or without the country (`DE-BY`, `BY`). */
  public static region(...codes: string[]): EdgeCondition {
    return EdgeCondition.of('region', codes);
  }

  /** Preferred language, by the weights the browser sends; `fr` also holds for `fr-CA`. */
  public static language(...tags: string[]): EdgeCondition {
    return EdgeCondition.of('language', tags);
  }

  /** A cookie; without values: is set. */
  public static cookie(name: string, ...values: string[]): EdgeCondition {
    return EdgeCondition.of('cookie', values, name);
  }

  /** A request header; without values: is present. */
  public static header(name: string, ...values: string[]): EdgeCondition {
    return EdgeCondition.of('header', values, name.toLowerCase());
  }

  /** A query parameter; without values: is present. */
  public static query(name: string, ...values: string[]): EdgeCondition {
    return EdgeCondition.of('query', values, name);
  }

  /** Kind of device. */
  public static device(...devices: EdgeDevice[]): EdgeCondition {
    return EdgeCondition.of('device', devices);
  }

  /** Request method. */
  public static method(...methods: string[]): EdgeCondition {
    return EdgeCondition.of('method', methods.map((method) => method.toUpperCase()));
  }

  /** Host of the request; `*.example.com` stands for any labels before. */
  public static host(...hosts: string[]): EdgeCondition {
    return EdgeCondition.of('host', hosts.map((host) => host.toLowerCase()));
  }

  /** The opposite. */
  public static missing(condition: EdgeCondition): EdgeCondition {
    return new EdgeCondition({ ...condition._condition, negate: !condition._condition.negate });
  }

  /** A value of the cookie, header or query parameter begins the request's. */
  public static startsWith(condition: EdgeCondition): EdgeCondition {
    return condition.compared('prefix');
  }

  /** A value of the cookie, header or query parameter ends the request's. */
  public static endsWith(condition: EdgeCondition): EdgeCondition {
    return condition.compared('suffix');
  }

  /** A value of the cookie, header or query parameter is somewhere in the request's. */
  public static contains(condition: EdgeCondition): EdgeCondition {
    return condition.compared('contains');
  }

  private static of(kind: Condition['kind'], values: readonly string[], name?: string): EdgeCondition {
    checkKnown(`${kind} condition`, name, ...values);
    if (name === '') throw new Error(`a ${kind} condition must have a name, got ''`);
    if (name === undefined && values.length === 0) throw new Error(`a ${kind} condition must have at least one value, got none`);
    return new EdgeCondition({ kind, values, ...(name === undefined ? {} : { name }) });
  }

  private constructor(
    /** @internal */
    public readonly _condition: Condition,
  ) {}

  private compared(compare: Condition['compare']): EdgeCondition {
    const { kind, values } = this._condition;
    if (!['cookie', 'header', 'query'].includes(kind) || values.length === 0) {
      throw new Error(`only a cookie, header or query condition with values can be compared in part, got a ${kind} condition with ${values.length} values`);
    }
    return new EdgeCondition({ ...this._condition, compare });
  }
}
