import { Action, PathPattern, RedirectStatus, Rule, RuleSet, Source, Target } from '../model';
import { contentLines, Importer, Line, NotConvertible } from './importer';
import { capturesOf, parsePath } from './pattern';
import { parseTarget, placeholders } from './target';

const LIMITS = { line: 2_000, statics: 2_000, dynamics: 100 };
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Cloudflare's `_redirects`: `from to [status] [# comment]`. Static rules win over dynamic ones, but a static rule below
 * the first dynamic one counts as dynamic. Rules beyond the numbers Cloudflare accepts are taken over; it would ignore them.
 */
export function parseCloudflareRedirects(text: string, file: string): RuleSet {
  const importer = new Importer(file);
  let statics = 0;
  let dynamics = 0;
  for (const line of contentLines(text)) {
    const source = importer.source(line.number, line.text);
    importer.attempt(source, () => {
      const rule = parseLine(importer, line, source);
      importer.rules.push(rule);
      if (dynamics === 0 && rule.path.segments.every(({ kind }) => kind === 'literal')) {
        statics++;
      } else {
        dynamics++;
      }
      if (statics > LIMITS.statics) {
        importer.noteOnce(source, `Cloudflare ignores this and further static rules as there are more than ${LIMITS.statics}; they are taken over`);
      }
      if (dynamics > LIMITS.dynamics) {
        importer.noteOnce(source, `Cloudflare ignores this and further rules as more than ${LIMITS.dynamics} are dynamic; they are taken over`);
      }
    });
  }
  return importer.ruleSet();
}

function parseLine(importer: Importer, line: Line, source: Source): Rule {
  if (line.text.length > LIMITS.line) {
    throw new NotConvertible('line-too-long', `a line has at most ${LIMITS.line} characters, got ${line.text.length}`);
  }
  const tokens = line.text.split(/\s+/);
  const comment = tokens.findIndex((token, index) => index > 1 && token.startsWith('#'));
  const [from, to, status = '302', ...more] = comment < 0 ? tokens : tokens.slice(0, comment);
  if (to === undefined || more.length > 0) {
    throw new NotConvertible('syntax', `a line has a path, a target and at most a status, got ${tokens.length} parts`);
  }
  const path = parseFrom(importer, from, source);
  const action = actionOf(importer, status, to, path, source);
  return {
    source,
    path,
    query: [],
    conditions: [],
    action,
    // The request's query is passed on unless the target has one.
    queryPolicy: 'target' in action && action.target.query !== undefined ? 'drop' : 'keep',
    force: true,
  };
}

function parseFrom(importer: Importer, from: string, source: Source): PathPattern {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(from)) {
    throw new NotConvertible('unsupported', `a rule cannot name a host, got '${from}'`);
  }
  const path = from.replace(/[?#].*$/, '');
  if (path !== from) {
    importer.note(source, `query and fragment of a path are not evaluated, the rule is taken over for '${path}'`);
  }
  return parsePath(path.startsWith('/') ? path : `/${path}`, { trailing: 'exact', splats: 'last', placeholders: 'inside' });
}

function actionOf(importer: Importer, text: string, to: string, path: PathPattern, source: Source): Action {
  const status = /^\d{3}$/.test(text) ? Number(text) : NaN;
  if (status !== 200 && !REDIRECTS.includes(status)) {
    throw new NotConvertible('invalid-status', `a status is 200, ${REDIRECTS.join(', ')}, got '${text}'`);
  }
  const absolute = /^https:\/\//.test(to);
  if (!absolute && !to.startsWith('/')) {
    throw new NotConvertible('invalid-target', `a target starts with '/' or 'https://', got '${to}'`);
  }
  const target = parseTarget(absolute ? to : to.replace(/^[^?#]*/, (local) => local.replace(/\/+/g, '/')), placeholders(capturesOf(path.segments)));
  if (!absolute && /\/index(\.html)?$/.test(to) && (path.slash || path.segments.at(-1)?.kind === 'splat')) {
    throw new NotConvertible('loop', `Cloudflare ignores rules that lead from a folder to its index page, got '${to}'; use 'spaFallback' or 'indexDocument'`);
  }
  if (status !== 200) {
    return { kind: 'redirect', status: status as RedirectStatus, target };
  }
  if (absolute) {
    throw new NotConvertible('unsupported', `with status 200 a target must be of this site, got '${to}'`);
  }
  return { kind: 'rewrite', target: withoutQuery(importer, target, source) };
}

function withoutQuery(importer: Importer, { query, fragment, ...target }: Target, source: Source): Target {
  if (query !== undefined || fragment !== undefined) {
    importer.note(source, 'query and fragment of a target have no meaning with status 200, the rule is taken over without');
  }
  return target;
}
