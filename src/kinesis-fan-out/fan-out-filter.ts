import { compileEventPattern } from './common/event-pattern';
import { isObject } from './common/json-value';
import { fieldsOf, FilterPattern } from './contract';
import { parsedJson } from './parsed-json';

/**
 * Which records a destination gets, by fields of their JSON. A field that is a list matches if one of its members does.
 * A record that is no JSON has no fields.
 */
export class FanOutFilter {
  /** The field is one of these texts. */
  public static equalTo(path: string, ...values: string[]): FanOutFilter {
    return FanOutFilter.field(path, atLeastOne('values', values));
  }

  /** The field is one of these texts, in upper or lower case. */
  public static equalToIgnoreCase(path: string, ...values: string[]): FanOutFilter {
    return FanOutFilter.field(path, atLeastOne('values', values).map((value) => ({ 'equals-ignore-case': value })));
  }

  /** The field is there and is none of these texts. */
  public static notEqualTo(path: string, ...values: string[]): FanOutFilter {
    return FanOutFilter.field(path, [{ 'anything-but': atLeastOne('values', values) }]);
  }

  /** The field is a text that begins with one of these. */
  public static prefix(path: string, ...prefixes: string[]): FanOutFilter {
    return FanOutFilter.field(path, atLeastOne('prefixes', prefixes).map((prefix) => ({ prefix })));
  }

  /** The field is a text that ends with one of these. */
  public static suffix(path: string, ...suffixes: string[]): FanOutFilter {
    return FanOutFilter.field(path, atLeastOne('suffixes', suffixes).map((suffix) => ({ suffix })));
  }

  /** The field is this number. */
  public static numberEqualTo(path: string, value: number): FanOutFilter {
    return FanOutFilter.numeric(path, ['=', value]);
  }

  /** The field is a number above this one. */
  public static greaterThan(path: string, value: number): FanOutFilter {
    return FanOutFilter.numeric(path, ['>', value]);
  }

  /** The field is this number or one above. */
  public static atLeast(path: string, value: number): FanOutFilter {
    return FanOutFilter.numeric(path, ['>=', value]);
  }

  /** The field is a number below this one. */
  public static lessThan(path: string, value: number): FanOutFilter {
    return FanOutFilter.numeric(path, ['<', value]);
  }

  /** The field is this number or one below. */
  public static atMost(path: string, value: number): FanOutFilter {
    return FanOutFilter.numeric(path, ['<=', value]);
  }

  /** The field is a number from `min` to `max`, both included. */
  public static between(path: string, min: number, max: number): FanOutFilter {
    if (!(min < max)) throw new Error(`'min' must be below 'max', got ${min} and ${max}`);
    return FanOutFilter.numeric(path, ['>=', min, '<=', max]);
  }

  /** The field is `true` or `false`. */
  public static flag(path: string, value: boolean): FanOutFilter {
    return FanOutFilter.field(path, [value]);
  }

  /** The field has a value: an object or an empty list is none. */
  public static exists(path: string): FanOutFilter {
    return FanOutFilter.field(path, [{ exists: true }]);
  }

  /** The field has no value. */
  public static missing(path: string): FanOutFilter {
    return FanOutFilter.field(path, [{ exists: false }]);
  }

  /**
   * A pattern in EventBridge's syntax, as JSON text: `data` matches the record's JSON, `partitionKey` its partition key.
   * Example: '{"data":{"type":["order-paid"]},"partitionKey":[{"prefix":"eu-"}]}'
   */
  public static pattern(json: string): FanOutFilter {
    const pattern = parsedJson('pattern', json);
    if (!isObject(pattern)) throw new Error(`'pattern' must be a JSON object over 'data' and 'partitionKey', got '${json}'`);
    return new FanOutFilter([pattern]);
  }

  /** At least one of the filters matches. */
  public static anyOf(...filters: FanOutFilter[]): FanOutFilter {
    return new FanOutFilter(atLeastOne('filters', filters).flatMap(({ _patterns }) => _patterns));
  }

  /** All filters match. Two of them may not be about the same field: use `between()` or `pattern()` there. */
  public static allOf(...filters: FanOutFilter[]): FanOutFilter {
    const [first, ...others] = atLeastOne('filters', filters).map(({ _patterns }) => _patterns);
    return new FanOutFilter(others.reduce((all, next) => all.flatMap((one) => next.map((other) => merge(one, other, []))), first));
  }

  private static numeric(path: string, condition: (string | number)[]): FanOutFilter {
    const unusable = condition.find((part) => typeof part === 'number' && !Number.isFinite(part));
    if (unusable !== undefined) throw new Error(`a number to compare with must be finite, got ${unusable}`);
    return FanOutFilter.field(path, [{ numeric: condition }]);
  }

  private static field(path: string, conditions: readonly unknown[]): FanOutFilter {
    const data = fieldsOf('path', path).reduceRight<unknown>((inner, field) => ({ [field]: inner }), conditions);
    return new FanOutFilter([{ data }]);
  }

  private constructor(
    /** @internal Alternatives of which one must match. */
    public readonly _patterns: readonly FilterPattern[],
  ) {
    const fields = _patterns.flatMap((pattern) => [...compileEventPattern(pattern).fields]);
    const unknown = fields.find((field) => field !== 'data' && field !== 'partitionKey');
    if (unknown !== undefined) throw new Error(`'pattern' must be a JSON object over 'data' and 'partitionKey', got '${unknown}'`);
  }
}

function merge(one: FilterPattern, other: FilterPattern, path: readonly string[]): FilterPattern {
  const merged: Record<string, unknown> = { ...one };
  for (const [field, value] of Object.entries(other)) {
    const present = merged[field];
    const here = [...path, field];
    if (present === undefined) {
      merged[field] = value;
    } else if (isObject(present) && isObject(value)) {
      merged[field] = merge(present as FilterPattern, value as FilterPattern, here);
    } else {
      throw new Error(`'allOf' must name each field once, got '${here.join('.')}' twice; use 'between' or one 'pattern' for it`);
    }
  }
  return merged;
}

function atLeastOne<T>(name: string, values: readonly T[]): readonly T[] {
  if (values.length === 0) throw new Error(`'${name}' must hold at least one, got none`);
  return values;
}
