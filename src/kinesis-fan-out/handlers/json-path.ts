import { isObject } from '../common/json-value';
import { fieldsOf } from '../contract';

/**
 * Fields of a JSON document by their path. Nothing is changed in place: what a document shares with another one stays as
 * it is there. Names are own properties only, so '__proto__' is a field like any other.
 */

/** Names on the way to a field. */
export type Path = readonly string[];

/** @throws if it is no path like '$.a.b' or "$['a b']" */
export function parsePath(path: string): Path {
  return fieldsOf('path', path);
}

/** Undefined if it is not there. */
export function get(value: unknown, [name, ...rest]: Path): unknown {
  if (name === undefined) return value;
  return isObject(value) && Object.hasOwn(value, name) ? get(value[name], rest) : undefined;
}

/** With objects made on the way. Where something else than an object is on the way, nothing changes. */
export function set(value: unknown, [name, ...rest]: Path, field: unknown): unknown {
  if (name === undefined) return field;
  if (!isObject(value)) return value;
  const inner = Object.hasOwn(value, name) ? value[name] : {};
  return { ...value, [name]: set(inner, rest, field) };
}

/** Whether `set` would do something. */
export function canSet(value: unknown, [name, ...rest]: Path): boolean {
  if (name === undefined) return true;
  return isObject(value) && canSet(Object.hasOwn(value, name) ? value[name] : {}, rest);
}

/** Changes the field, in each member where lists are on the way. What becomes undefined goes away. */
export function change(value: unknown, path: Path, to: (field: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((member) => change(member, path, to));
  const [name, ...rest] = path;
  if (!isObject(value) || !Object.hasOwn(value, name)) return value;
  const { [name]: field, ...others } = value;
  const changed = rest.length > 0 ? change(field, rest, to) : to(field);
  return changed === undefined ? others : { ...value, [name]: changed };
}
