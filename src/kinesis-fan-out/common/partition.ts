import { createHash } from 'node:crypto';
import { isObject, numberText } from './json-value';
import { fieldsOf } from '../contract';

/**
 * Folders that objects are sorted into by what their records hold, like 'country=<$.country>/day=<yyyy>-<MM>-<dd>/': fields
 * of the record as it leaves, and the time it arrived, in UTC.
 */

/** Instead of a value that is not there; Hive and Athena read it as NULL. */
export const NO_VALUE = '__HIVE_DEFAULT_PARTITION__';
/** Takes the records of folders that would be too many. */
export const OVERFLOW_FOLDER = 'overflow/';

/** @param arrivedAt ISO 8601, UTC */
export type FolderOf = (json: unknown, arrivedAt: string) => string;

/** Together with the longest prefix, shard and sequence number less than the 1,024 bytes of a key. */
const MAX_PLACEHOLDERS = 6;
const MAX_VALUE = 64;
const MAX_LITERALS = 128;
const HASH = 16;

/** Where it stands in the ISO 8601 text of a time. */
const TIME: ReadonlyMap<string, readonly [number, number]> = new Map([['yyyy', [0, 4]], ['MM', [5, 7]], ['dd', [8, 10]], ['HH', [11, 13]]]);

/** @throws if it is no such template */
export function compilePartition(template: string): FolderOf {
  const [literals, names] = [0, 1].map((odd) => template.split(/[<>]/).filter((_, i) => i % 2 === odd));
  const segments = template.split('/').slice(0, -1);
  if (
    !/^([A-Za-z0-9_.=/-]|<[^<>]+>)+\/$/.test(template) || segments.some((segment) => ['', '.', '..'].includes(segment))
    || literals.join('').length > MAX_LITERALS
  ) {
    throw invalid(`folders that end with '/', of letters, digits, '_', '-', '.', '=' and placeholders in '<>', ${MAX_LITERALS} characters beside those`, template);
  }
  if (names.length < 1 || names.length > MAX_PLACEHOLDERS) throw invalid(`1 to ${MAX_PLACEHOLDERS} placeholders like '<$.a.b>'`, template);
  if (template.startsWith(OVERFLOW_FOLDER)) throw invalid(`another first folder than '${OVERFLOW_FOLDER}', which takes what is too much`, template);
  const values = names.map(valueOf);
  return (json, arrivedAt) => literals.reduce((folder, literal, i) => folder + values[i - 1](json, arrivedAt) + literal);
}

function valueOf(name: string): FolderOf {
  const time = TIME.get(name);
  if (time) return (_json, arrivedAt) => arrivedAt.slice(...time);
  if (!name.startsWith('$')) throw invalid(`placeholders that are paths or ${[...TIME.keys()].join(', ')}`, name);
  const path = fieldsOf('partition', name);
  return (json) => nameOf(path.reduce((value, field) => (isObject(value) && Object.hasOwn(value, field) ? value[field] : undefined), json));
}

/** Texts, numbers and flags; whatever else there is counts as nothing. */
function nameOf(value: unknown): string {
  const text = typeof value === 'string' || typeof value === 'boolean' ? String(value) : numberText(value) ?? '';
  if (text === '') return NO_VALUE;
  const safe = /^\.+$/.test(text) ? text.replace(/\./g, '%2E') : percentEncoded(text);
  if (safe.length <= MAX_VALUE) return safe;
  return `${safe.slice(0, MAX_VALUE - HASH - 1).replace(/%.?$/, '')}-${createHash('sha256').update(text).digest('hex').slice(0, HASH)}`;
}

/** As Hive does it: one character of a value can never end a folder. */
function percentEncoded(text: string): string {
  return Buffer.from(text).toString('latin1').replace(/[^A-Za-z0-9_.-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

function invalid(allowed: string, got: string): Error {
  return new Error(`'partition' must have ${allowed}, got '${got}'`);
}
