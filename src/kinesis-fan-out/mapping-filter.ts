import { FilterPattern } from './contract';

/** What an event source mapping understands, by Lambda's list of filter rules. */
const MAPPING_OPERATORS = new Set(['prefix', 'suffix', 'anything-but', 'numeric', 'exists', 'equals-ignore-case']);
const MAPPING_PATTERNS = 5;
const MAPPING_PATTERN_LENGTH = 4096;
/** EventBridge user guide, "Numeric matching". */
const MAPPING_NUMBER = 5e9;

/** Why an event source mapping cannot run this filter; undefined: it can. */
export function whyNotInMapping(patterns: readonly FilterPattern[]): string | undefined {
  if (patterns.length > MAPPING_PATTERNS) return `it has ${patterns.length} alternatives, a mapping takes ${MAPPING_PATTERNS}`;
  for (const pattern of patterns) {
    const other = Object.keys(pattern).find((field) => field !== 'data');
    if (other !== undefined) return `it looks at '${other}', a mapping only at the record's data`;
    if (JSON.stringify(pattern).length > MAPPING_PATTERN_LENGTH) return `an alternative is longer than ${MAPPING_PATTERN_LENGTH} characters`;
    const number = numbersIn(pattern).find((value) => Math.abs(value) > MAPPING_NUMBER);
    if (number !== undefined) return `a mapping compares numbers up to ${MAPPING_NUMBER}, not ${number}`;
    const operator = operatorsOf(pattern).find((name) => !MAPPING_OPERATORS.has(name));
    if (operator !== undefined) return `a mapping has no operator '${operator}'`;
  }
  return undefined;
}

function operatorsOf(pattern: object): string[] {
  return Object.entries(pattern).flatMap(([field, value]) => {
    if (!Array.isArray(value)) return isObject(value) ? operatorsOf(value) : [];
    const conditions = value.filter(isObject);
    return field === '$or' ? conditions.flatMap(operatorsOf) : conditions.flatMap(operatorsIn);
  });
}

/** Of one condition; 'anything-but' of a mapping takes plain values only. */
function operatorsIn(condition: object): string[] {
  return Object.entries(condition).flatMap(([operator, argument]) => [operator, ...(isObject(argument) ? [`${operator} ${Object.keys(argument)[0]}`] : [])]);
}

function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
