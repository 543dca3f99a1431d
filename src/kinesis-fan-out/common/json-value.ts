/** What JSON holds, once it is read. A number may be kept as it was written. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Part of ECMAScript since 2026, in Node.js since 21. */
const { isRawJSON = () => false } = JSON as unknown as { readonly isRawJSON?: (value: unknown) => boolean };

/** A number as it was written; undefined if it is none. */
export function numberText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return isRawJSON(value) ? (value as { readonly rawJSON: string }).rawJSON : undefined;
}

/** Neither list nor number. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value);
}
