import { RuleSet } from '../model';
import { contentLines, Importer, NotConvertible } from './importer';
import { NetlifyRedirect, netlifyRules, requireNoRole } from './netlify-rule';

/**
 * Netlify's `_redirects`: `from [name=value…] [to] [status[!]] [Condition=value…] [# comment]`.
 * First match in the file wins.
 */
export function parseNetlifyRedirects(text: string, file: string): RuleSet {
  const importer = new Importer(file);
  for (const line of contentLines(text)) {
    const source = importer.source(line.number, line.text);
    importer.attempt(source, () => {
      requireNoRole((line.text.match(/\sRole=/gi) ?? []).map(() => ['Role', []] as const));
      importer.rules.push(...netlifyRules(parseLine(line.text), source));
    });
  }
  return importer.ruleSet();
}

function parseLine(line: string): NetlifyRedirect {
  const tokens = line.split(/\s+/);
  const comment = tokens.findIndex((token) => token.startsWith('#'));
  const [from, ...parts] = comment < 0 ? tokens : tokens.slice(0, comment);
  if (parts.length === 0) {
    throw new NotConvertible('syntax', 'a line needs a path and a target');
  }
  // Without a target the status follows the path.
  const forward = /^\d{3}!?$/.test(parts[0]);
  const at = forward ? 0 : parts.findIndex((part) => /^(\/|https?:)/i.test(part)) + 1;
  if (at === 0 && !forward) {
    throw new NotConvertible('syntax', "a target starts with '/', 'http://' or 'https://', none found");
  }
  const status = parts[at] ?? '301';
  return {
    from,
    to: parts[at - 1],
    query: parts.slice(0, Math.max(at - 1, 0)).map((part) => pair(part, 'invalid-query', 'a query parameter')),
    status: status.replace(/!$/, ''),
    force: status.endsWith('!'),
    conditions: parts.slice(at + 1).map((part) => {
      const [name, values] = pair(part, 'invalid-condition', 'a condition');
      return [name, values.split(',')] as const;
    }),
  };
}

function pair(text: string, code: 'invalid-query' | 'invalid-condition', what: string): readonly [string, string] {
  const parts = text.split('=');
  if (parts.length !== 2) {
    throw new NotConvertible(code, `${what} is written 'name=value', got '${text}'`);
  }
  return [parts[0], parts[1]];
}
