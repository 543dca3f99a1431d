import { escapeXml } from './body';

/** What becomes of an element: a list of `item`s, fields, or text; undefined is left out. */
export type XmlValue = string | number | boolean | undefined | readonly XmlValue[] | { readonly [name: string]: XmlValue };

export function xmlElement(name: string, value: XmlValue, item = 'item'): string {
  if (value === undefined) return '';
  if (isList(value)) return `<${name}>${value.map((inner) => xmlElement(item, inner, item)).join('')}</${name}>`;
  if (typeof value === 'object') return `<${name}>${xmlFields(value, item)}</${name}>`;
  return `<${name}>${escapeXml(String(value))}</${name}>`;
}

export function xmlFields(fields: { readonly [name: string]: XmlValue }, item = 'item'): string {
  return Object.entries(fields).map(([name, value]) => xmlElement(name, value, item)).join('');
}

function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}
