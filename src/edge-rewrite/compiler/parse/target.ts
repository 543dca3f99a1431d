import { Part, SPLAT, Target, Template } from '../model';
import { NotConvertible } from './importer';
import { hasControl } from './pattern';

/** Finds the captures in a text. */
export type Templater = (text: string) => Template;

const NAME = /:([A-Za-z_]\w*)/g;

/**
 * `:name` of a capture, whole names only: `:id` never eats the start of `:idx`. A colon before anything else is text
 * (`/wiki/Special:Search`), but a whole segment of that form is meant as a capture and an error.
 */
export function placeholders(captures: readonly string[]): Templater {
  return (text) => {
    if (!text.includes(':')) {
      return literal(text);
    }
    const parts: Part[] = [];
    let end = 0;
    for (const match of text.matchAll(NAME)) {
      const name = match[1];
      const after = match.index + match[0].length;
      if (captures.includes(name)) {
        parts.push(...literal(text.slice(end, match.index)), { capture: name });
        end = after;
      } else if (name === SPLAT || text[match.index - 1] === '/' && (after === text.length || text[after] === '/')) {
        throw new NotConvertible('unknown-capture', `the target uses ':${name}', which the rule does not capture`);
      }
    }
    return [...parts, ...literal(text.slice(end))];
  };
}

export function literal(text: string): Template {
  return text === '' ? [] : [{ text }];
}

/** A path of this site or an absolute URL. */
export function parseTarget(text: string, template: Templater): Target {
  if (hasControl(text)) {
    throw new NotConvertible('invalid-target', `a target cannot have control characters, got ${JSON.stringify(text)}`);
  }
  const absolute = /^(https?):\/\/([^/?#\\]*)(.*)$/i.exec(text);
  if (absolute === null && !text.startsWith('/')) {
    throw new NotConvertible('invalid-target', `a target starts with '/', 'http://' or 'https://', got '${text}'`);
  }
  if (absolute === null && /^\/[/\\]/.test(text)) {
    throw new NotConvertible('open-redirect', `a target that starts with two slashes leads to another site, got '${text}'`);
  }
  const [, path, query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/.exec(absolute?.[3] ?? text)!;
  if (path !== '' && !path.startsWith('/')) {
    throw new NotConvertible('invalid-target', `the path of a target starts with '/', got '${text}'`);
  }
  if (fragment !== undefined && template(fragment).some((part) => 'capture' in part)) {
    throw new NotConvertible('unsupported', `a fragment cannot use captures, got '#${fragment}'`);
  }
  return {
    ...absolute === null ? {} : { scheme: absolute[1].toLowerCase() as 'http' | 'https', host: hostTemplate(absolute[2], template) },
    path: template(path === '' ? '/' : path),
    ...query ? { query: parseQuery(query, template) } : {},
    ...fragment ? { fragment } : {},
  };
}

function hostTemplate(text: string, template: Templater): Template {
  const host = template(text).map((part) => 'text' in part ? { text: part.text.toLowerCase() } : part);
  const shape = host.map((part) => 'text' in part ? part.text : 'x').join('');
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*(:\d{1,5})?$/.test(shape)) {
    throw new NotConvertible('invalid-host', `a host consists of labels of letters, digits and hyphens, got '${text.replace(/^.*@/, '…@')}'`);
  }
  return host;
}

function parseQuery(text: string, template: Templater): readonly { name: string; value: Template }[] {
  return text.split('&').filter((pair) => pair !== '').map((pair) => {
    const equals = pair.indexOf('=');
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals));
    if (name === '' || template(name).some((part) => 'capture' in part)) {
      throw new NotConvertible('invalid-target', `a query parameter needs a name without captures, got '${pair}'`);
    }
    return { name, value: equals < 0 ? [] : template(pair.slice(equals + 1)) };
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch {
    throw new NotConvertible('invalid-target', `a query parameter is not well encoded, got '${text}'`);
  }
}
