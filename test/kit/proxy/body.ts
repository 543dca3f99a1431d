/** Request bodies, taken apart: form fields, XML, aws-chunked streams. */

/** Nested value of a form: `Entries.member.1.Id=a` becomes `{ Entries: [{ Id: 'a' }] }`. */
export function parseForm(text: string): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const path = name.split('.').filter((part, i, all) => !((part === 'member' || part === 'entry') && /^\d+$/.test(all[i + 1] ?? '')));
    let at = root;
    for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
    at[path.at(-1)!] = value;
  }
  return listify(root) as Record<string, unknown>;
}

/** Objects whose keys are 1, 2, 3… are lists. */
function listify(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, listify(inner)] as const);
  if (entries.length > 0 && entries.every(([key]) => /^\d+$/.test(key))) {
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, inner]) => inner);
  }
  return Object.fromEntries(entries);
}

/** Nested value of a document: elements become fields, repeated ones lists, leaves text; attributes are dropped. */
export function parseXml(text: string): unknown {
  const stack: { readonly name: string; readonly fields: Record<string, unknown>; text: string }[] = [{ name: '', fields: {}, text: '' }];
  for (const [, chars, close, open, selfClosing] of text.matchAll(/([^<]*)(?:<(?:\/([^\s>]+)\s*|([^\s>/?!]+)[^>]*?(\/)?|[?!][^>]*)>)?/g)) {
    const top = stack.at(-1)!;
    if (chars) top.text += chars;
    if (open && !selfClosing) {stack.push({ name: open, fields: {}, text: '' });} else if (open) {append(top.fields, open, '');} else if (close && stack.length > 1) {
      stack.pop();
      append(stack.at(-1)!.fields, top.name, Object.keys(top.fields).length > 0 ? top.fields : unescapeXml(top.text));
    }
  }
  return stack[0].fields;
}

function append(fields: Record<string, unknown>, name: string, value: unknown) {
  const there = fields[name];
  if (there === undefined) fields[name] = value;
  else if (Array.isArray(there)) there.push(value);
  else fields[name] = [there, value];
}

/** One or many: XML does not tell a list of one from a single element. */
export function listOf<T = Record<string, unknown>>(value: unknown): T[] {
  return value === undefined || value === '' ? [] : [value].flat() as T[];
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

export function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(amp|lt|gt|quot|apos));/gi, (_, hex, decimal, name: string) => {
    if (name) return ENTITIES[name.toLowerCase()];
    return String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal));
  });
}
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: '\'' };

export interface Chunked {
  readonly content: Buffer;
  /** Checksums that came after the content. */
  readonly trailers: Readonly<Record<string, string>>;
}

/** `size;chunk-signature=…\r\n<bytes>\r\n … 0\r\n<trailers>`: how SDKs stream a body whose checksum they do not know yet. */
export function decodeAwsChunked(body: Buffer): Chunked {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = body.indexOf('\r\n', at);
    if (end < 0) throw new Error('aws-chunked body ends inside a chunk header');
    const size = parseInt(body.toString('latin1', at, end), 16);
    if (Number.isNaN(size)) throw new Error(`aws-chunked chunk size must be hexadecimal, got ${body.toString('latin1', at, end)}`);
    at = end + 2;
    if (size === 0) break;
    if (at + size + 2 > body.length) throw new Error('aws-chunked body ends inside a chunk');
    chunks.push(body.subarray(at, at + size));
    at += size + 2;
  }
  const trailers: Record<string, string> = {};
  for (const line of body.toString('latin1', at).split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { content: Buffer.concat(chunks), trailers };
}
