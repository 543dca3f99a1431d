import { Condition } from './model';
import { Unfit, queryName } from './text';

/**
 * Conditions as tokens: `!` for the opposite, a letter for where to look (E header, K cookie, Q query, T method,
 * L language, Z label of a host, A part of a segment), a name, and what to compare: `=` any of a list, `<` start, `$`
 * end, `~` somewhere, `>` capture. Values are percent-encoded, lists separated by commas.
 */
export type Clauses = readonly (readonly string[])[];

const TOKEN = /^(!?)(.)([\w.%-]*)(.?)(.*)$/;
const TOKEN_NAME = /^[\w.%-]+$/;
const COUNTRY_HEADER = 'cloudfront-viewer-country';
const REGION_HEADER = 'cloudfront-viewer-country-region';
const PROPERTIES: Readonly<Record<string, string>> = { E: 'headers', K: 'cookies' };

/** `has` of the condition as clauses of runtime tokens. */
export function clausesOf(condition: Condition): Clauses {
  const has = positive(condition);
  return condition.negate === true ? not(has) : has;
}

function positive({ kind, name, values, compare = 'equals' }: Condition): Clauses {
  const list = (of: readonly string[]) => of.map((value) => encodeURIComponent(value)).join(',');
  const needValues = () => {
    if (values.length === 0) {
      throw new Unfit('invalid-condition', `a condition on ${kind} needs at least one value`);
    }
  };
  const foreign = kind === 'query' ? undefined : values.find((value) => /[^ -~]/.test(value));
  if (foreign !== undefined) {
    throw new Unfit('invalid-condition', `the value of a ${kind} is printable ASCII, got ${JSON.stringify(foreign)}`);
  }
  switch (kind) {
    case 'country':
      needValues();
      return [[`E${COUNTRY_HEADER}=${list(values.map((value) => value.toUpperCase()))}`]];
    case 'region':
      needValues();
      return values.map((value) => {
        const [region, country] = value.toUpperCase().split('-').reverse();
        return [...country === undefined ? [] : [`E${COUNTRY_HEADER}=${list([country])}`], `E${REGION_HEADER}=${list([region])}`];
      });
    case 'language':
      needValues();
      values.forEach((value) => {
        if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(value)) {
          throw new Unfit('invalid-condition', `a language is a tag such as 'de' or 'pt-BR', got '${value}'`);
        }
      });
      return [[`Laccept-language=${values.map((value) => value.toLowerCase()).join(',')}`]];
    case 'device':
      needValues();
      return values.map((value) => {
        if (!['mobile', 'tablet', 'desktop', 'smarttv'].includes(value)) {
          throw new Unfit('invalid-condition', `a device is 'mobile', 'tablet', 'desktop' or 'smarttv', got '${value}'`);
        }
        return [`Ecloudfront-is-${value}-viewer=true`];
      });
    case 'method':
      needValues();
      return [[`T=${list(values.map((value) => value.toUpperCase()))}`]];
    case 'host': {
      needValues();
      const exact = values.filter((value) => !value.startsWith('*'));
      const below = values.filter((value) => value.startsWith('*')).map((value) => [`Ehost$${list([value.slice(1).toLowerCase()])}`]);
      return [...exact.length === 0 ? [] : [[`Ehost=${list(exact.map((value) => value.toLowerCase()))}`]], ...below];
    }
    case 'cookie':
    case 'header':
    case 'query': {
      const letter = { cookie: 'K', header: 'E', query: 'Q' }[kind];
      const key = kind === 'query' ? queryName(name ?? '') : kind === 'header' ? (name ?? '').toLowerCase() : name ?? '';
      if (!TOKEN_NAME.test(key)) {
        throw new Unfit('invalid-condition', `a ${kind} is named with letters, digits, '.', '-' and '_', got '${key}'`);
      }
      if (values.length === 0) {
        return [[letter + key]];
      }
      const operator = { equals: '=', prefix: '<', suffix: '$', contains: '~' }[compare];
      return compare === 'equals'
        ? [[`${letter}${key}=${list(values)}`]]
        : values.map((value) => [letter + key + operator + encodeURIComponent(value)]);
    }
  }
}

export function and(left: Clauses, right: Clauses): Clauses {
  return left.flatMap((one) => right.map((other) => [...one, ...other]));
}

/** A token that holds where a segment has text around what is captured; prefix and suffix are encoded as in a URL. */
export function affixToken(position: number, letter: string, prefix: string, suffix: string): string {
  return `A${position}>${letter}${encodeURIComponent(prefix)},${encodeURIComponent(suffix)}`;
}

/** Whether such a token holds for a path; undefined for others. */
export function isAround(token: string, segments: readonly string[]): boolean | undefined {
  const [place, name, source] = fieldsOf(token);
  return place === 'A' ? new RegExp(source).test(`=${segments[Number(name.split(':')[1])]}`) : undefined;
}

/** Likewise of a condition on the host, where that is known. */
export function isOfHost(token: string, host: string): boolean | undefined {
  const [place, name, source] = fieldsOf(token);
  return host !== '' && place === 'headers' && name === 'host' ? new RegExp(source).test(`=${host}`) : undefined;
}

/** De Morgan: of each clause, one token must not hold. */
function not(clauses: Clauses): Clauses {
  return clauses.map((clause) => clause.map((token) => [token.startsWith('!') ? token.slice(1) : `!${token}`])).reduce(and, [[]]);
}

/** As the runtime reads it: place, name, and a regular expression over '=' and the value, or nothing if there is none. */
export function fieldsOf(token: string): readonly [place: string, name: string, source: string] {
  const [, negate, letter, name, operator, operand] = TOKEN.exec(token) ?? [];
  if (letter === 'A') {
    const [prefix, suffix] = operand.slice(1).split(',').map(decodeURIComponent);
    return ['A', [operand[0], name, prefix.length, suffix.length].join(':'), `^=${escaped(prefix)}.+${escaped(suffix)}$`];
  }
  if (operator === '>') {
    return ['C', operand + name, '^='];
  }
  const source = letter === 'Z' ? '=[a-z0-9-]+$' : sourceOf(letter, operator, operand);
  return [PROPERTIES[letter] ?? letter, name || '-', negate === '' ? `^${source}` : `^(?!${source})`];
}

function sourceOf(letter: string, operator: string, operand: string): string {
  // The value of a query parameter is compared as encoded as the token has it: any character may be in it.
  const texts = operand.split(',').map((value) => escaped(letter === 'Q' ? value : decodeURIComponent(value)));
  const anything = letter === 'Q' ? '(?:%..|[^%])*' : '.*';
  const any = texts.length === 1 ? texts[0] : `(?:${texts.join('|')})`;
  switch (operator) {
    case '': return '=';
    case '<': return `=${any}`;
    case '$': return `=${anything}${any}$`;
    case '~': return `=${anything}${any}`;
    default: return letter === 'L' ? `${any}(?![a-z0-9])` : `=${any}$`;
  }
}

/** Neither what a regular expression nor what the table gives a meaning to. */
function escaped(text: string): string {
  return text.replace(/[^\w,@/%-]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
