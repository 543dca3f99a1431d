import { DiagnosticCode } from './model';

/** A rule that cannot be expressed; `normalise` makes a diagnostic of it. */
export class Unfit extends Error {
  constructor(public readonly code: DiagnosticCode, message: string) {
    super(message);
  }
}

/** What may stand in a path; the rest is percent-encoded. None of it separates anything in the table. */
export const PATH = /%[0-9A-Fa-f]{2}|[A-Za-z0-9\-._~!$&'()*+,;=:@/]/;
export const QUERY = /%[0-9A-Fa-f]{2}|[A-Za-z0-9\-._~!$'()*,;:@/+]/;
export const QUERY_TEXT = /%[0-9A-Fa-f]{2}|[A-Za-z0-9\-._~!$&'()*+,;:@/=?]/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

export function encodePath(text: string): string {
  return encoded(text, PATH, 'invalid-path');
}

export function encoded(text: string, allowed: RegExp, code: DiagnosticCode): string {
  if (CONTROL.test(text)) {
    throw new Unfit(code, `control characters are not allowed, got ${JSON.stringify(text)}`);
  }
  if (/^[A-Za-z0-9\-._~/]*$/.test(text)) {
    return text;
  }
  return text.replace(/%[0-9A-Fa-f]{2}|[\ud800-\udbff][\udc00-\udfff]|[^]/g, (character) => {
    if (allowed.test(character)) {
      return character.length > 1 ? character.toUpperCase() : character;
    }
    try {
      return encodeURIComponent(character).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
    } catch {
      throw new Unfit(code, `half a surrogate pair is not allowed, got ${JSON.stringify(text)}`);
    }
  });
}

export function queryName(name: string): string {
  const text = encodeURIComponent(name).replace(/[!'()*~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  if (text === '') {
    throw new Unfit('invalid-query', 'a query parameter needs a name');
  }
  return text;
}
