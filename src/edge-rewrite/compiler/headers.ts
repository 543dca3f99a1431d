import { clausesOf } from './conditions';
import { ResponseOperation, ResponseRule } from './emit';
import { DISALLOWED_HEADERS, LIMITS, isDisallowedHeader, isReadOnlyHeader } from './limits';
import { ConstantHeader, Diagnostic, DiagnosticCode, HeaderOperation, HeaderRule, RuleSet, Segment, Severity } from './model';
import { leftToFunction, misfits, withPreset } from './policies';
import { encodePath } from './text';

export interface Headers {
  /** Those every response carries. */
  readonly constant: readonly ConstantHeader[];
  /** Those the viewer-response function sets. */
  readonly rules: readonly ResponseRule[];
  readonly diagnostics: readonly Diagnostic[];
}

interface Valid {
  readonly rule: HeaderRule;
  readonly operations: readonly HeaderOperation[];
  readonly everywhere: boolean;
}

/**
 * Splits header rules: a header that only rules for all paths touch is constant and costs nothing; a header that
 * depends on the path anywhere is left to the function altogether, so that the order of the file holds.
 */
export function headersOf(sets: readonly RuleSet[], preset: readonly ConstantHeader[] = []): Headers {
  const diagnostics: Diagnostic[] = [];
  const valid = sets.flatMap((set) => set.headers).map((rule) => check(rule, diagnostics));
  const dependent = new Set(valid.filter(({ everywhere }) => !everywhere)
    .flatMap(({ operations }) => operations.map(({ name }) => name.toLowerCase())));
  const constant = constantHeaders(valid, dependent);
  // More than a policy holds: the function sets them as well.
  const reasons = constant.length > 0 ? misfits(withPreset(preset, constant)) : [];
  const inPolicy = reasons.length === 0;
  diagnostics.push(...leftToFunction(reasons));
  const rules = valid.flatMap(({ rule, operations, everywhere }) => {
    const rest = everywhere && inPolicy ? operations.filter(({ name }) => dependent.has(name.toLowerCase())) : operations;
    return rest.length === 0 ? [] : [responseRule(rule, rest, everywhere, diagnostics)];
  });
  return { constant: withPreset(preset, inPolicy ? constant : []), rules: rules.filter((rule) => rule !== undefined), diagnostics };
}

function check(rule: HeaderRule, diagnostics: Diagnostic[]): Valid {
  const report = (severity: Severity, code: DiagnosticCode, message: string) => diagnostics.push({ source: rule.source, severity, code, message });
  const operations = rule.operations.filter(({ name, value }) => {
    const text = value.map((part) => 'text' in part ? part.text : '').join('');
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
      report('error', 'invalid-header', `a header is named with letters, digits and hyphens, got ${JSON.stringify(name)}`);
    } else if (isDisallowedHeader(name)) {
      report('error', 'disallowed-header', `an edge function must not set any of ${DISALLOWED_HEADERS.join(', ')}, got '${name}'`);
    } else if (isReadOnlyHeader(name, 'viewer-response')) {
      report('error', 'read-only-header', `'${name}' is read-only in a viewer-response function`);
    } else if (name.toLowerCase() === 'set-cookie') {
      report('warning', 'unsupported', 'a cookie cannot be set by a header rule');
    } else if (/[^\t\u0020-\u007e]/.test(text)) {
      report('error', 'invalid-header', `the value of '${name}' must be printable ASCII, got ${JSON.stringify(text)}`);
    } else if (text.length > LIMITS.responseHeaderValue) {
      report('error', 'invalid-header', `the value of '${name}' is ${text.length} characters long, ${LIMITS.responseHeaderValue} are allowed`);
    } else {
      return true;
    }
    return false;
  });
  const [only] = rule.path.segments;
  const everywhere = rule.path.segments.length === 1 && only.kind === 'splat' && !only.prefix && !only.suffix
    && rule.host === undefined && rule.conditions.length === 0
    && operations.every(({ value }) => value.every((part) => 'text' in part));
  return { rule, operations, everywhere };
}

function constantHeaders(valid: readonly Valid[], dependent: ReadonlySet<string>): readonly ConstantHeader[] {
  const constant = new Map<string, { name: string; value?: string }>();
  for (const { operations } of valid) {
    for (const { kind, name, value } of operations.filter((operation) => !dependent.has(operation.name.toLowerCase()))) {
      const text = value.map((part) => 'text' in part ? part.text : '').join('');
      const earlier = constant.get(name.toLowerCase())?.value;
      constant.set(name.toLowerCase(), {
        name,
        ...kind === 'unset' ? {} : { value: kind === 'append' && earlier !== undefined ? `${earlier}, ${text}` : text },
      });
    }
  }
  return [...constant.values()];
}

function responseRule(
  rule: HeaderRule, operations: readonly HeaderOperation[], everywhere: boolean, diagnostics: Diagnostic[],
): ResponseRule | undefined {
  const groups = new Map<string, number>();
  try {
    const host = rule.host === undefined
      ? undefined
      : `^${rule.host.labels.map((label) => pieceOf(label, '[^.]+', groups)).join('\\.')}$`;
    // Captures of the host would need a match of their own.
    const hostGroups = [...groups.keys()];
    groups.clear();
    const path = everywhere ? '' : pathExpression(rule, groups);
    return {
      path,
      ...host === undefined ? {} : { host: host.replace(/\((?!\?)/g, '(?:') },
      clauses: rule.conditions.map(clausesOf)
        .reduce<ResponseRule['clauses']>((all, next) => all.flatMap((one) => next.map((other) => [...one, ...other])), [[]]),
      operations: operations.map((operation) => compiled(operation, groups, hostGroups)),
    };
  } catch (error) {
    diagnostics.push({ source: rule.source, severity: 'error', code: 'invalid-header', message: (error as Error).message });
    return undefined;
  }
}

function pathExpression({ path }: HeaderRule, groups: Map<string, number>): string {
  let expression = '^';
  path.segments.forEach((segment, n) => {
    const whole = segment.kind === 'splat' && !segment.prefix && !segment.suffix;
    const last = n === path.segments.length - 1;
    if (whole && last && path.trailing === 'optional') {
      // '/news/*' also matches '/news'.
      groups.set(segment.name, groups.size + 1);
      expression += '(?:\\/|$)(.*)';
    } else {
      expression += `\\/${pieceOf(segment, '[^\\/]+', groups)}`;
    }
  });
  const end = path.segments.at(-1)?.kind === 'splat' ? '' : path.trailing === 'optional' ? '\\/?' : path.slash ? '\\/' : '';
  return `${expression}${end}$`;
}

function pieceOf(segment: Segment, one: string, groups: Map<string, number>): string {
  if (segment.kind === 'literal') {
    return escaped(segment.text);
  }
  groups.set(segment.name, groups.size + 1);
  return `${escaped(segment.prefix ?? '')}(${segment.kind === 'splat' ? '.*' : one})${escaped(segment.suffix ?? '')}`;
}

function escaped(text: string): string {
  return encodePath(text).replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

function compiled({ kind, name, value }: HeaderOperation, groups: ReadonlyMap<string, number>, host: readonly string[]): ResponseOperation {
  return {
    kind,
    name,
    value: kind === 'unset' ? [] : value.map((part) => {
      if ('text' in part) {
        return part.text;
      }
      const group = groups.get(part.capture);
      if (group === undefined) {
        throw new Error(host.includes(part.capture)
          ? `a placeholder of the host cannot be used in a value, got ':${part.capture}'`
          : `the value of '${name}' uses ':${part.capture}', which the rule does not capture`);
      }
      return group;
    }),
  };
}
