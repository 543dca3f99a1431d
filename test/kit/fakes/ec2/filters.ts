/** Values of one filter are alternatives; filters hold together. */
export interface Filter {
  readonly name: string;
  readonly values: readonly string[];
}

/** Whether a text matches one of the values; prepared, since it is asked of many. */
export type Matcher = (text: string) => boolean;

/** `*` is any text, `?` one character, a backslash takes the next one literally ("Filter your resources", EC2 user guide). */
export function matcherOf(values: readonly string[]): Matcher {
  const matchers = values.map((value): Matcher => {
    if (!isPattern(value)) return (text) => text === value;
    const inner = value.slice(1, -1);
    if (value.length > 2 && value.startsWith('*') && value.endsWith('*') && !isPattern(inner)) return (text) => text.includes(inner);
    const pattern = patternOf(value);
    return (text) => pattern.test(text);
  });
  return matchers.length === 1 ? matchers[0] : (text) => matchers.some((matches) => matches(text));
}

export function isPattern(value: string): boolean {
  return /[*?\\]/.test(value);
}

function patternOf(value: string): RegExp {
  const source = value.replace(/\\(.)|([*?])|([.+^${}()|[\]])/gs, (_, literal?: string, wild?: string, special?: string) => {
    if (wild) return wild === '*' ? '[^]*' : '[^]';
    return (literal ?? special!).replace(/\W/, '\\$&');
  });
  return new RegExp(`^${source}$`);
}
