import type { Tags } from './ports';
import type { Selection } from '../contract';

/** Whether the plan takes the instance. */
export function matches(selection: Selection, tags: Tags, instance: string): boolean {
  switch (selection.kind) {
    case 'tag': {
      if (!Object.hasOwn(tags, selection.key)) return false;
      const value = tags[selection.key];
      return selection.values.length === 0 || selection.values.some((pattern) => matchesPattern(pattern, value));
    }
    case 'instances': return selection.ids.includes(instance);
    case 'all': return selection.of.every((part) => matches(part, tags, instance));
    case 'any': return selection.of.some((part) => matches(part, tags, instance));
    case 'not': return !matches(selection.of, tags, instance);
  }
}

/** `*` stands for any characters, as in EC2's filters. Linear in the value's length. */
export function matchesPattern(pattern: string, value: string): boolean {
  const [start, ...rest] = pattern.split('*');
  const end = rest.pop();
  if (end === undefined) return pattern === value;
  if (!value.startsWith(start)) return false;
  let at = start.length;
  for (const part of rest) {
    const found = value.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return value.length - end.length >= at && value.endsWith(end);
}
