import { Access } from './access';
import { ResponseRule } from './emit';
import { Needs } from './model';
import { Policies } from './policies';
import { Table } from './table';

/** What the rules read of a request. A rule that redirects only reads; one that serves another thing splits the cache. */
export function needsOf(table: Table, responseRules: readonly ResponseRule[], access?: Access): Policies {
  const read = new Set<string>(access?.headers.map((name) => `E${name}`));
  const split = new Set<string>();
  for (const { pattern } of table.entries) {
    for (const { rule } of pattern.alternatives) {
      rule.clauses.flat().forEach((token) => {
        read.add(token);
        if (rule.kind >= 'a' && rule.kind !== 'p') {
          split.add(token);
        }
      });
      // What a rule puts into the query reaches the origin, and is told apart, only as part of the key.
      if (SERVED.includes(rule.kind)) {
        namesOf(rule.text).forEach((name) => split.add(`Q${name}`));
      }
      if (rule.kind === 's') {
        read.add(`Krw_${rule.text.split('`', 1)[0]}`);
      }
      // A cache key holds the path, not the origin that was asked for it.
      if (rule.kind === 's' || rule.kind === 'o') {
        split.add('Ex-rewrite-variant');
      }
    }
  }
  responseRules.forEach(({ clauses }) => clauses.flat().forEach((token) => read.add(token)));
  return { originRequest: needs(read), cache: needs(split) };
}

/** Kinds of rules whose target is asked for at an origin. */
const SERVED = 'woe';

/** Names in the query of a rule's own target. */
function namesOf(text: string): readonly string[] {
  const query = text.slice(text.lastIndexOf('`') + 1).split('?')[1] ?? '';
  return query.split('&').filter((pair) => pair !== '').map((pair) => pair.split('=', 1)[0]);
}

function needs(tokens: ReadonlySet<string>): Needs {
  const names = (kinds: string) => {
    const all = [...tokens].map((token) => /^!?(.)([\w.%-]*)/.exec(token)).filter((match) => match !== null && kinds.includes(match[1]));
    return [...new Set(all.map((match) => match?.[2] ?? ''))].sort();
  };
  return {
    // Every function sees the host whatever the policies say.
    headers: names('EL').filter((name) => name !== 'host'),
    cookies: names('K'),
    queries: names('Q').map(decodeURIComponent),
  };
}
