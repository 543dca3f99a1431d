/** EventBridge's content filtering, also used by event source mappings ("Creating event patterns", EventBridge user guide). */
export function matchesPattern(pattern: unknown, event: unknown): boolean {
  if (!isJson(pattern)) throw new Error(`an event pattern must be an object, got ${JSON.stringify(pattern)}`);
  return Object.entries(pattern).every(([field, expected]) => {
    if (field === '$or') return (expected as unknown[]).some((alternative) => matchesPattern(alternative, event));
    const actual = isJson(event) ? event[field] : undefined;
    return Array.isArray(expected) ? matchesAny(expected, actual) : matchesNested(expected, actual);
  });
}

/** An array of objects matches if one of them does. */
function matchesNested(pattern: unknown, actual: unknown): boolean {
  return Array.isArray(actual) ? actual.some((item) => matchesPattern(pattern, item)) : matchesPattern(pattern, actual);
}

/** The event's value, or one of its values, is one of those expected. */
function matchesAny(expected: readonly unknown[], actual: unknown): boolean {
  const values = Array.isArray(actual) ? actual : [actual];
  return expected.some((matcher) => isJson(matcher) && 'exists' in matcher
    ? matcher.exists === (actual !== undefined && !isJson(actual))
    : values.some((value) => matchesOne(matcher, value)));
}

function matchesOne(matcher: unknown, value: unknown): boolean {
  if (!isJson(matcher)) return matcher === value;
  const [kind] = Object.keys(matcher);
  const argument = matcher[kind];
  switch (kind) {
    case 'prefix': return onText(value, argument, (text, part) => text.startsWith(part));
    case 'suffix': return onText(value, argument, (text, part) => text.endsWith(part));
    case 'equals-ignore-case': return onText(value, { 'equals-ignore-case': argument }, (text, part) => text === part);
    case 'wildcard': return typeof value === 'string' && wildcard(String(argument)).test(value);
    case 'anything-but': return value !== undefined && !matchesNegated(argument, value);
    case 'numeric': return typeof value === 'number' && inRange(argument as readonly unknown[], value);
    default: throw new Error(`the event pattern matcher does not know '${kind}'`);
  }
}

function onText(value: unknown, argument: unknown, test: (text: string, part: string) => boolean): boolean {
  if (typeof value !== 'string') return false;
  return isJson(argument)
    ? test(value.toLowerCase(), String(argument['equals-ignore-case']).toLowerCase())
    : test(value, String(argument));
}

/** `anything-but` takes a value, a list, or one matcher whose argument may be a list. */
function matchesNegated(argument: unknown, value: unknown): boolean {
  if (!isJson(argument)) return [argument].flat().includes(value);
  const [kind] = Object.keys(argument);
  return [argument[kind]].flat().some((part) => matchesOne({ [kind]: part }, value));
}

function inRange(range: readonly unknown[], value: number): boolean {
  const comparisons = range.filter((_, i) => i % 2 === 0).map((operator, i) => [String(operator), Number(range[2 * i + 1])] as const);
  return comparisons.every(([operator, limit]) => {
    switch (operator) {
      case '=': return value === limit;
      case '<': return value < limit;
      case '<=': return value <= limit;
      case '>': return value > limit;
      case '>=': return value >= limit;
      default: throw new Error(`'numeric' must compare by =, <, <=, > or >=, got ${operator}`);
    }
  });
}

/** A star is any run of characters; backslash escapes. */
function wildcard(text: string): RegExp {
  const source = text.replace(/\\([*\\])|(\*)|([.+^${}()|[\]\\?])/g, (_, escaped?: string, star?: string, special?: string) =>
    star ? '[^]*' : `\\${escaped ?? special}`);
  return new RegExp(`^${source}$`);
}

function isJson(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
