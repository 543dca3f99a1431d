/** Values of one filter are alternatives; filters hold together. */
export interface Filter {
  readonly name: string;
  readonly values: readonly string[];
}

const PATTERNS = new Map<string, RegExp>();

/** `*` is any text, `?` one character, a backslash takes the next one literally ("Filter your resources", EC2 user guide). */
export function matchesAny(values: readonly string[], text: string): boolean {
  return values.some((value) => isPattern(value) ? patternOf(value).test(text) : value === text);
}

export function isPattern(value: string): boolean {
  return /[*?\\]/.test(value);
}

function patternOf(value: string): RegExp {
  let pattern = PATTERNS.get(value);
  if (!pattern) {
    const source = value.replace(/\\(.)|([*?])|([.+^${}()|[\]])/gs, (_, literal?: string, wild?: string, special?: string) => {
      if (wild) return wild === '*' ? '[^]*' : '[^]';
      return `\\${literal ?? special}`.replace(/^\\(\w)$/, '$1');
    });
    pattern = new RegExp(`^${source}$`);
    if (PATTERNS.size > 10_000) PATTERNS.clear();
    PATTERNS.set(value, pattern);
  }
  return pattern;
}
