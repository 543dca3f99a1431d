import { BlockList, isIP } from 'node:net';
import { isObject, numberText, type JsonObject } from './json-value';

/**
 * EventBridge's event patterns, as event source mappings use them ("Comparison operators for use in event patterns",
 * EventBridge user guide). Where the guide is silent or at odds with aws/event-ruler, the engine decides; so 300 and 3.0e2
 * are the same number.
 */

export interface EventPattern {
  /** The outermost fields it looks at. */
  readonly fields: ReadonlySet<string>;
  /** @param event JSON */
  matches(event: unknown): boolean;
}

/** Whether a value that is there, and neither object nor list, matches. */
type Condition = (value: unknown) => boolean;

/** The conditions of one field: one of them must hold for one of the field's values. */
interface Rule {
  readonly path: Path;
  readonly conditions: readonly Condition[];
  /** `{ "exists": false }` is among them. */
  readonly orMissing: boolean;
}
type Path = readonly string[];

/** By path, in JSON. Each alternative of an `$or` makes such a map of its own. */
type Rules = ReadonlyMap<string, Rule>;

/** A field of a pattern. What it says of fields inside holds for the same member of a list. */
interface Field {
  readonly name: string;
  rule?: Rule;
  readonly fields: Field[];
  /** Rules of fields inside that hold if an object of this field has them nowhere. */
  readonly optional: Rule[];
  readonly depth: number;
}

/** @throws for what is no event pattern */
export function compileEventPattern(pattern: unknown): EventPattern {
  const alternatives = alternativesOf(pattern, [], [new Map()]);
  const compiled = alternatives.map(allOf);
  return {
    fields: new Set(alternatives.flatMap((rules) => [...rules.values()].map(({ path }) => path[0]))),
    matches: (event) => compiled.some((matches) => matches(event)),
  };
}

/** `$or` multiplies: each of its patterns with each alternative there was so far. A field that is named again is overridden. */
function alternativesOf(pattern: unknown, path: Path, sofar: readonly Rules[]): readonly Rules[] {
  if (!isObject(pattern) || Object.keys(pattern).length === 0) {
    throw invalid(path, 'must be a list of conditions or an object with fields', pattern);
  }
  return Object.entries(pattern).reduce((alternatives, [name, value]) => {
    const here = [...path, name];
    if (name === '$or') {
      if (!Array.isArray(value) || value.length < 2) throw invalid(here, 'must be a list of at least two patterns', value);
      return value.flatMap((choice) => alternativesOf(choice, path, alternatives));
    }
    if (!Array.isArray(value)) return alternativesOf(value, here, alternatives);
    const rule = ruleOf(value, here);
    return alternatives.map((rules) => new Map(rules).set(JSON.stringify(here), rule));
  }, sofar);
}

/**
 * In a list, a field that may be missing is missing in the member that fields before it, by alphabet, have singled out; if
 * there is none, in the whole list. That is how the engine proceeds.
 */
function allOf(rules: Rules): (event: unknown) => boolean {
  const root: Field = { name: '', fields: [], optional: [], depth: 0 };
  const named = [...rules.values()].map((rule) => ({ rule, name: rule.path.join('.') }));
  const sorted = named.sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ rule }) => rule);
  for (const rule of sorted) rule.path.reduce(fieldIn, root).rule = rule;
  sorted.forEach((rule, i) => {
    if (!rule.orMissing) return;
    const shared = sorted.slice(0, i).filter(({ orMissing }) => !orMissing).map(({ path }) => sharedParents(path, rule.path));
    rule.path.slice(0, Math.max(0, ...shared)).reduce(fieldIn, root).optional.push(rule);
  });
  return (event) => holds(root, event, new Set());
}

function fieldIn(parent: Field, name: string): Field {
  const known = parent.fields.find((field) => field.name === name);
  if (known) return known;
  const field: Field = { name, fields: [], optional: [], depth: parent.depth + 1 };
  parent.fields.push(field);
  return field;
}

function sharedParents(one: Path, other: Path): number {
  const parents = one.slice(0, -1);
  const different = parents.findIndex((name, i) => i >= other.length - 1 || name !== other[i]);
  return different < 0 ? parents.length : different;
}

/** @param settled rules that hold because their field is missing */
function holds({ rule, fields, optional, depth }: Field, value: unknown, settled: ReadonlySet<Rule>): boolean {
  if (rule && !settled.has(rule) && !leaves(value).some((leaf) => rule.conditions.some((condition) => condition(leaf)))) return false;
  if (!fields.some((field) => isOpen(field, settled))) return true;
  return objects(value).some((object) => {
    const missing = optional.filter(({ path }) => !isThere(object, path.slice(depth)));
    const now = missing.length === 0 ? settled : new Set([...settled, ...missing]);
    return fields.every((field) => !isOpen(field, now) || (Object.hasOwn(object, field.name) && holds(field, object[field.name], now)));
  });
}

function isOpen({ rule, fields }: Field, settled: ReadonlySet<Rule>): boolean {
  return (rule !== undefined && !settled.has(rule)) || fields.some((field) => isOpen(field, settled));
}

/** An object or an empty list is nothing: only what can have a value is there. */
function isThere(value: unknown, [name, ...rest]: Path): boolean {
  if (name === undefined) return leaves(value).length > 0;
  return objects(value).some((object) => Object.hasOwn(object, name) && isThere(object[name], rest));
}

function leaves(value: unknown): readonly unknown[] {
  return members(value).filter((member) => member !== undefined && !isObject(member));
}

function objects(value: unknown): readonly JsonObject[] {
  return members(value).filter(isObject);
}

/** The value, or the members of a list and of lists in it. However deep those are: records are strangers' work. */
function members(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return [value];
  const lists: unknown[][] = [value];
  const found: unknown[] = [];
  for (const list of lists) {
    for (const member of list) {
      if (Array.isArray(member)) lists.push(member);
      else found.push(member);
    }
  }
  return found;
}

function ruleOf(conditions: readonly unknown[], path: Path): Rule {
  if (conditions.length === 0) throw invalid(path, 'must have conditions', conditions);
  return {
    path,
    conditions: conditions.map((condition) => conditionOf(condition, path)),
    orMissing: conditions.some((condition) => isObject(condition) && condition.exists === false),
  };
}

function conditionOf(condition: unknown, path: Path): Condition {
  if (!isObject(condition)) {
    if (typeof condition === 'number') return isNumber(condition);
    if (Array.isArray(condition)) throw invalid(path, 'must have conditions that are no lists', condition);
    return (value) => value === condition;
  }
  const [operator, argument] = onlyEntry(condition, path);
  switch (operator) {
    case 'exists':
      if (typeof argument !== 'boolean') throw invalid(path, "must have true or false at 'exists'", argument);
      return () => argument;
    case 'anything-but': return not(isObject(argument) ? negated(argument, path) : anyOf(argument, path));
    case 'numeric': return range(argument, path);
    case 'cidr': return addresses(argument, path);
    default: return textCondition(operator, argument, path);
  }
}

function textCondition(operator: string, argument: unknown, path: Path): Condition {
  if ((operator === 'prefix' || operator === 'suffix') && isObject(argument)) {
    const [inner, text] = onlyEntry(argument, path);
    if (inner !== 'equals-ignore-case' || typeof text !== 'string') throw invalid(path, `must have a text in any case at '${operator}'`, argument);
    return onPattern(operator === 'prefix' ? `^${anyCase(text)}` : `${anyCase(text)}$`);
  }
  if (typeof argument !== 'string') throw invalid(path, `must have a text at '${operator}'`, argument);
  switch (operator) {
    case 'prefix': return onText((value) => value.startsWith(argument));
    case 'suffix': return onText((value) => value.endsWith(argument));
    case 'equals-ignore-case': return onPattern(`^${anyCase(argument)}$`);
    case 'wildcard': return wildcard(argument, path);
    default: throw invalid(path, 'must have operators of event patterns', operator);
  }
}

/** What `anything-but` may take instead of values. */
const NEGATABLE = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard'];

function negated(condition: JsonObject, path: Path): Condition {
  const [operator, argument] = onlyEntry(condition, path);
  const texts = [argument].flat();
  const whole = operator === 'equals-ignore-case' || operator === 'wildcard';
  if (!NEGATABLE.includes(operator) || texts.length === 0 || !texts.every((text) => typeof text === 'string' && (whole || text !== ''))) {
    throw invalid(path, `must have at 'anything-but' values, or one of ${NEGATABLE.join(', ')} with texts`, condition);
  }
  const conditions = texts.map((text) => textCondition(operator, text, path));
  return (value) => conditions.some((one) => one(value));
}

/** Texts only, or numbers only. */
function anyOf(argument: unknown, path: Path): Condition {
  const values = [argument].flat();
  const kinds = new Set(values.map((value) => typeof value));
  if (kinds.size !== 1 || !(kinds.has('string') || kinds.has('number'))) {
    throw invalid(path, "must have only texts or only numbers at 'anything-but'", argument);
  }
  const conditions = values.map((value) => conditionOf(value, path));
  return (value) => conditions.some((one) => one(value));
}

function not(condition: Condition): Condition {
  return (value) => !condition(value);
}

function onText(test: (text: string) => boolean): Condition {
  return (value) => typeof value === 'string' && test(value);
}

function onPattern(source: string): Condition {
  const pattern = new RegExp(source);
  return onText((text) => pattern.test(text));
}

/** Letter by letter, so that 'ß' is 'SS' but the Kelvin sign no 'k'. */
function anyCase(text: string): string {
  return text.split('').map((letter) => `(?:${escaped(letter.toLowerCase())}|${escaped(letter.toUpperCase())})`).join('');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** A star is any run of characters; a backslash escapes it, or itself. The time it takes grows linearly with the text. */
function wildcard(text: string, path: Path): Condition {
  const parts = [''];
  for (const [token] of text.matchAll(/\\[\\*]|[^]/g)) {
    if (token === '*') parts.push('');
    else if (token === '\\') throw invalid(path, "must escape nothing but stars and backslashes at 'wildcard'", text);
    else parts[parts.length - 1] += token.at(-1);
  }
  const [first, ...others] = parts;
  const last = others.pop();
  if (last === undefined) return (value) => value === first;
  if (others.includes('')) throw invalid(path, "must have no two stars in a row at 'wildcard'", text);
  return onText((value) => {
    if (!value.startsWith(first)) return false;
    let at = first.length;
    for (const part of others) {
      const found = value.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return value.length - last.length >= at && value.endsWith(last);
  });
}

type Comparison = (value: number, limit: number) => boolean;
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '=': (value, limit) => value === limit,
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
};

function range(argument: unknown, path: Path): Condition {
  const parts: readonly unknown[] = Array.isArray(argument) ? argument : [];
  const operators = parts.filter((_, i) => i % 2 === 0).join(' ');
  const limits = parts.filter((_, i) => i % 2 === 1);
  if (!/^(=|[<>]=?|>=? <=?)$/.test(operators) || limits.length !== parts.length / 2 || !limits.every((limit) => typeof limit === 'number')) {
    throw invalid(path, "must have at 'numeric' one comparison with a number, or a lower and an upper one", argument);
  }
  const comparisons = operators.split(' ').map((operator) => COMPARISONS[operator]);
  return (value) => {
    const number = comparable(value);
    return number !== undefined && comparisons.every((holdsFor, i) => holdsFor(number, limits[i]));
  };
}

function isNumber(expected: number): Condition {
  return (value) => comparable(value) === expected;
}

/** Numbers that a double holds exactly enough to be told from its neighbours; others are no numbers to the engine. */
function comparable(value: unknown): number | undefined {
  const text = numberText(value);
  if (text === undefined) return undefined;
  const number = Number(text);
  return Number.isFinite(number) && (typeof value === 'number' || decimal(text) === decimal(String(number))) ? number : undefined;
}

/** Equal for equal numbers: sign, digits without zeros around them, exponent. */
function decimal(text: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(text)!;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  return significant === '' ? '0' : `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

function addresses(argument: unknown, path: Path): Condition {
  const [, address, bits] = /^([^/]+)\/(\d{1,3})$/.exec(String(argument)) ?? [];
  const version = isIP(address ?? '');
  if (version === 0 || Number(bits) > (version === 4 ? 32 : 128)) throw invalid(path, "must have a range of addresses at 'cidr'", argument);
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family);
  return onText((text) => isIP(text) === version && list.check(text, family));
}

function onlyEntry(condition: JsonObject, path: Path): readonly [string, unknown] {
  const entries = Object.entries(condition);
  if (entries.length !== 1) throw invalid(path, 'must have one operator in each condition', condition);
  return entries[0];
}

function invalid(path: Path, allowed: string, got: unknown): Error {
  return new Error(`'pattern' ${path.length === 0 ? '' : `at '${path.join('.')}' `}${allowed}, got ${JSON.stringify(got)}`);
}
