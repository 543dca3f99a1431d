import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { RecordJson } from './json';
import type { FanOutRecord, Refusal } from './ports';
import { isObject, numberText } from '../common/json-value';
import type { TargetSettings } from '../contract';

export type TableSettings = Extract<TargetSettings, { readonly kind: 'dynamodb' }>;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Significant digits of a number, and powers of ten of its first. (Developer guide, "Supported data types".) */
const MAX_DIGITS = 38;
const MIN_POWER = -130;
const MAX_POWER = 125;
/** The service takes 32 levels and refuses more; this only keeps away from the end of the stack. */
const MAX_DEPTH = 100;

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The item a record's JSON object is, with its position in the stream. */
export function itemOf(body: Uint8Array, record: FanOutRecord, { partitionKey, sortKey, sequenceAttribute }: TableSettings): Attributes | Refusal {
  const { json } = new RecordJson(body);
  if (!isObject(json)) return { reason: 'UNPARSABLE', code: 'NotJsonObject' };
  for (const name of sortKey === undefined ? [partitionKey] : [partitionKey, sortKey]) {
    if (!isKey(json[name])) return { reason: 'FIELD_MISSING', code: `key field '${name}' must be a text that is not empty, or a number` };
  }
  try {
    return { ...attributesOf(json, 0), [sequenceAttribute]: { S: sequenceOf(record) } };
  } catch (error) {
    if (error instanceof Unstorable) return { reason: 'REFUSED', code: error.message };
    throw error;
  }
}

/** The same for the same item, however its numbers are written. */
export function keyOf(item: Attributes, { partitionKey, sortKey }: TableSettings): string {
  return JSON.stringify([partitionKey, sortKey].map((name) => {
    const { S: text, N: number } = name === undefined ? {} : item[name] as { readonly S?: string; readonly N?: string };
    return number === undefined ? { text } : { number: normalized(number) };
  }));
}

/**
 * A record's position as a text that compares as the numbers do: a sequence number has 56 digits, twenty more than a
 * DynamoDB number, and up to 129 are allowed. Its length goes ahead.
 */
export function sequenceOf({ sequenceNumber, subSequence }: Pick<FanOutRecord, 'sequenceNumber' | 'subSequence'>): string {
  const outer = `${String(sequenceNumber.length).padStart(3, '0')}-${sequenceNumber}`;
  return subSequence === undefined ? outer : `${outer}.${String(subSequence).padStart(10, '0')}`;
}

class Unstorable extends Error {}

/** Fields of tables and maps; the record's own field gives way to the position's. */
function attributesOf(fields: Readonly<Record<string, unknown>>, depth: number): Attributes {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, attributeOf(value, depth + 1)]));
}

function attributeOf(value: unknown, depth: number): AttributeValue {
  if (depth > MAX_DEPTH) throw new Unstorable('NestedTooDeeply');
  const number = numberText(value);
  if (number !== undefined) return { N: storable(number) };
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'boolean') return { BOOL: value };
  if (Array.isArray(value)) return { L: value.map((member) => attributeOf(member, depth + 1)) };
  return isObject(value) ? { M: attributesOf(value, depth) } : { NULL: true };
}

function isKey(value: unknown): boolean {
  return numberText(value) !== undefined || (typeof value === 'string' && value !== '');
}

function storable(number: string): string {
  const { digits, power } = partsOf(number);
  if (digits.length > MAX_DIGITS || (digits !== '' && (power < MIN_POWER || power > MAX_POWER))) throw new Unstorable('NumberOutOfRange');
  return number;
}

function normalized(number: string): string {
  const { sign, digits, power } = partsOf(number);
  return digits === '' ? '0' : `${sign}${digits}e${power}`;
}

/** Digits without zeros at either end, and the power of ten of the first. */
function partsOf(number: string): { readonly sign: string; readonly digits: string; readonly power: number } {
  const [, sign, whole, fraction = '', exponent = '0'] = NUMBER.exec(number)!;
  const all = whole + fraction;
  const significant = all.replace(/^0+/, '');
  const power = Number(exponent) + whole.length - 1 - (all.length - significant.length);
  return { sign, digits: significant.replace(/0+$/, ''), power };
}
