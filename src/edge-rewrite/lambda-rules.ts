import { CompileResult, Diagnostic, Rule, RuleSet } from './compiler/model';
import { TableHead } from './contract';
import { EdgeRewriteProps } from './edge-rewrite';
import { EdgeOriginEvent, EdgeTier } from './edge-tier';
import { TrailingSlash } from './trailing-slash';

/**
 * What a Lambda@Edge function cannot do at its event is reported and left out: as an error of a rule in code, as a
 * not-convertible line of a file.
 */
export function forOriginEvent(set: RuleSet, event: EdgeOriginEvent, inCode: boolean): RuleSet {
  const severity = inCode ? 'error' : 'warning';
  const unfit = (rule: Rule): Diagnostic[] => {
    const reason = reasonAgainst(rule, event) ?? (event === EdgeOriginEvent.ORIGIN_RESPONSE && rule.force && !inCode ? FORCED : undefined);
    return reason === undefined ? [] : [{ source: rule.source, severity, code: 'unsupported', message: reason }];
  };
  return {
    ...set,
    rules: set.rules.filter((rule) => unfit(rule).length === 0),
    diagnostics: [...set.diagnostics, ...set.rules.flatMap(unfit)],
  };
}

const FORCED = 'a rule for missing files only cannot be forced; use the event type ORIGIN_REQUEST';

function reasonAgainst({ action }: Rule, event: EdgeOriginEvent): string | undefined {
  if (action.kind === 'split') return 'a Lambda@Edge function at an origin event cannot keep a visitor at a variant: it does not run where an answer is cached; use EdgeTier.INLINE or EdgeTier.KEY_VALUE_STORE';
  if (action.kind === 'proxy' && 'id' in action.origin) return 'a Lambda@Edge function cannot choose an origin by its id; name its host, or use EdgeTier.INLINE or EdgeTier.KEY_VALUE_STORE';
  if (event === EdgeOriginEvent.ORIGIN_REQUEST) return undefined;
  if (action.kind === 'status' && action.page !== undefined) return 'after the origin has answered, a function cannot ask for a page; use the event type ORIGIN_REQUEST';
  if (action.kind === 'rewrite' || action.kind === 'proxy') return 'after the origin has answered, a function can only redirect or set a status; use the event type ORIGIN_REQUEST';
  return undefined;
}

/** Likewise of the construct's own props. */
export function checkOriginEvent(tier: EdgeTier, { spaFallback, cleanUrls, indexDocument, trailingSlash }: EdgeRewriteProps): void {
  if (tier._tier !== 'lambda-edge' || tier._event === EdgeOriginEvent.ORIGIN_REQUEST) return;
  const slash = trailingSlash === TrailingSlash.KEEP ? undefined : trailingSlash;
  const serving = Object.entries({ spaFallback, cleanUrls, indexDocument, trailingSlash: slash });
  const [set] = serving.filter(([, value]) => value);
  if (set) throw new Error(`'${set[0]}' must not be set with the event type ORIGIN_RESPONSE, when the origin has answered`);
}

/** The code that reads a key value store, and what it would hold: contract.ts says how. */
export function tableFile({ viewerRequest, data }: CompileResult): string {
  const head: TableHead = { code: viewerRequest!.code };
  const lines = (data?.entries ?? []).map(({ key, value }) => `${key} ${value}`).sort();
  return [JSON.stringify(head), ...lines, ''].join('\n');
}
