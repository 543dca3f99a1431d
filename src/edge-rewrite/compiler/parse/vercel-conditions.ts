import { Condition } from '../model';
import { described, DocumentValue, Fields } from './document';
import { NotConvertible } from './importer';

export interface VercelConditions {
  readonly conditions: readonly Condition[];
  /** Query parameters that must be there; a target may use their values. */
  readonly captures: readonly { readonly name: string; readonly capture: string }[];
}

type Comparison = Pick<Condition, 'values' | 'compare' | 'negate'>;

interface Subject {
  /** For what only some kinds of comparison have a condition of their own. */
  readonly equals?: 'host' | 'country' | 'region';
  readonly kind: 'header' | 'cookie' | 'query';
  readonly name: string;
}

/** Headers by which Vercel tells what CloudFront tells otherwise. */
const HEADERS: ReadonlyMap<string, Subject> = new Map<string, Subject>([
  ['host', { equals: 'host', kind: 'header', name: 'host' }],
  ['x-vercel-ip-country', { equals: 'country', kind: 'header', name: 'cloudfront-viewer-country' }],
  ['x-vercel-ip-country-region', { equals: 'region', kind: 'header', name: 'cloudfront-viewer-country-region' }],
  ['x-vercel-ip-city', { kind: 'header', name: 'cloudfront-viewer-city' }],
  ['x-vercel-ip-latitude', { kind: 'header', name: 'cloudfront-viewer-latitude' }],
  ['x-vercel-ip-longitude', { kind: 'header', name: 'cloudfront-viewer-longitude' }],
  ['x-vercel-ip-timezone', { kind: 'header', name: 'cloudfront-viewer-time-zone' }],
  ['x-forwarded-proto', { kind: 'header', name: 'cloudfront-forwarded-proto' }],
]);

/** `has` and `missing` of an entry. */
export function vercelConditions(fields: Fields): VercelConditions {
  const has = fields.items('has').map((item) => read(item, false));
  const missing = fields.items('missing').map((item) => read(item, true));
  const all = [...has, ...missing];
  return { conditions: all.flatMap(({ conditions }) => conditions), captures: all.flatMap(({ captures }) => captures) };
}

function read(item: DocumentValue, missing: boolean): VercelConditions {
  if (item.kind !== 'table') {
    throw new NotConvertible('syntax', `a condition is an object, got ${described(item)}`);
  }
  const fields = new Fields(item);
  const type = fields.required('type');
  const value = fields.value('value');
  const subject = subjectOf(type, type === 'host' ? 'host' : fields.required('key'));
  fields.done();
  if (type === 'query' && !missing) {
    const capture = value === undefined ? subject.name : value.kind === 'string' ? /^\^?\(\?<(\w+)>\.[*+]\)\$?$/.exec(value.text)?.[1] : undefined;
    if (capture !== undefined) {
      return { conditions: [], captures: [{ name: subject.name, capture }] };
    }
  }
  if (type === 'host' && value === undefined) {
    throw new NotConvertible('invalid-condition', 'a condition on the host needs a value');
  }
  const compared = value === undefined ? [{ values: [] }] : comparisons(value);
  if (missing && compared.length > 1) {
    throw new NotConvertible('unsupported', "'missing' with several comparisons at once cannot be expressed");
  }
  return { captures: [], conditions: compared.map((comparison) => condition(subject, comparison, missing)) };
}

function subjectOf(type: string, key: string): Subject {
  switch (type) {
    case 'cookie':
    case 'query':
      return { kind: type, name: key };
    case 'host':
    case 'header': {
      const name = key.toLowerCase();
      if (name.startsWith('x-vercel-') && !HEADERS.has(name)) {
        throw new NotConvertible('unsupported', `header '${key}' is set by Vercel only`);
      }
      return HEADERS.get(name) ?? { kind: 'header', name };
    }
    default:
      throw new NotConvertible('unknown-option', `a condition is of type 'header', 'cookie', 'host' or 'query', got '${type}'`);
  }
}

function condition({ equals, kind, name }: Subject, { values, compare, negate = false }: Comparison, missing: boolean): Condition {
  const subject = equals !== undefined && compare === undefined && values.length > 0 ? { kind: equals } : { kind, name };
  return {
    ...subject,
    values: equals === 'host' ? values.map((value) => value.toLowerCase()) : values,
    ...compare === undefined ? {} : { compare },
    ...negate === missing ? {} : { negate: true },
  };
}

/** All of them. */
function comparisons(value: DocumentValue): readonly Comparison[] {
  if (value.kind === 'string') {
    return [expression(value.text)];
  }
  if (value.kind !== 'table' || value.entries.size === 0) {
    throw new NotConvertible('syntax', `a value is a text or an object with comparisons, got ${described(value)}`);
  }
  const fields = new Fields(value);
  return [...value.entries.keys()].map((operator): Comparison => {
    switch (operator) {
      case 'eq':
        return { values: [fields.scalar(operator)] };
      case 'neq':
        return { values: [fields.scalar(operator)], negate: true };
      case 'inc':
        return { values: fields.texts(operator) };
      case 'ninc':
        return { values: fields.texts(operator), negate: true };
      case 'pre':
        return { values: [fields.scalar(operator)], compare: 'prefix' };
      case 'suf':
        return { values: [fields.scalar(operator)], compare: 'suffix' };
      case 're':
        return expression(fields.scalar(operator));
      default:
        throw new NotConvertible('unsupported', `comparison '${operator}' cannot be expressed, 'eq', 'neq', 'inc', 'ninc', 'pre' and 'suf' can`);
    }
  });
}

/** A regular expression for the whole value, as far as it is plain text, a choice of texts, or text with `.*` around it. */
function expression(text: string): Comparison {
  const inner = text.replace(/^\^/, '').replace(/(^|[^\\])\$$/, '$1');
  if (inner === '.*' || inner === '.+') {
    return { values: [] };
  }
  const [, open, middle, close] = /^(\.\*)?(.*?)(\.\*)?$/s.exec(inner)!;
  const choice = /^\((?:\?:)?([^()]*)\)$/.exec(middle)?.[1] ?? middle;
  const values = choice.split('|').map((word) => plain(word, text));
  if (values.includes('')) {
    throw new NotConvertible('unsupported', `an empty text in a regular expression cannot be expressed, got '${text}'`);
  }
  const compare = open !== undefined && close !== undefined ? 'contains' : open !== undefined ? 'suffix' : close !== undefined ? 'prefix' : undefined;
  return { values, ...compare === undefined ? {} : { compare } };
}

/** A dot is meant as a dot, as in the names of hosts. */
function plain(word: string, text: string): string {
  if (!/^(?:[^\\^$.|?*+()[\]{}]|\.(?![*+?{])|\\[^A-Za-z0-9])*$/.test(word)) {
    throw new NotConvertible('unsupported', `a regular expression must be plain texts with '|' between or '.*' around them, got '${text}'`);
  }
  return word.replace(/\\([^])/g, '$1');
}
