import { createHash } from 'node:crypto';
import { accessCost, accessOf, accessReads, tierConflicts } from './access';
import { checkOrigins, follow } from './check';
import { requestCost, responseCost } from './cost';
import { Blocks, HOST_FUNCTION, Layout, MINIFIED, emitRequest, emitResponse, requestFeatures, responseFeatures } from './emit';
import { headersOf } from './headers';
import { LIMITS, limitsOf } from './limits';
import { Action, CompileOptions, CompileResult, DataEntry, Diagnostic, EmittedFunction, RuleSet, Source, StoreData } from './model';
import { needsOf } from './needs';
import { NormalRule, fileRule, normalise } from './normalise';
import { Ordered, TooEntangled, fileKey, order, unresolved } from './order';
import { policiesOf, policyLimits } from './policies';
import { reportOf } from './report';
import { Table, bucketsOf, tableOf } from './table';
import { encodePath } from './text';

const NOWHERE: Source = { file: '', line: 0 };

/**
 * Compiles rule sets into the cheapest edge function that can run them. Throws nothing: what is wrong stands in
 * `diagnostics`. Tests that count opcodes give the readable blocks.
 */
export function compile(sets: readonly RuleSet[], options: CompileOptions = {}, blocks: Blocks = MINIFIED): CompileResult {
  const { rules, diagnostics: found } = normalise(sets);
  const diagnostics: Diagnostic[] = [...found, ...checkOrigins(rules, options)];
  const headers = headersOf(sets, options.presetHeaders);
  diagnostics.push(...headers.diagnostics);

  const files = filesOf(options, rules.length);
  const copied = options.lowestWins === true ? undefined : specific(rules, files, options);
  const ranked = copied === undefined || !isWorthwhile(copied, rules, files);
  if (ranked && files.size > 0) {
    diagnostics.push({
      source: NOWHERE,
      severity: 'error',
      code: 'store-size',
      message: 'too many rules overlap to let existing files win: force the broad rules, or leave the site manifest out',
    });
  }
  let ordered = ranked ? unresolved(rules) : copied;
  diagnostics.push(...lostRules(copied ?? ordered), ...options.site === undefined ? hidingFiles(rules, options) : shadowed(rules, files));
  const findings = follow(ordered, options);
  diagnostics.push(...findings.loops);
  if (options.collapseChains === true && findings.ends.size > 0) {
    ordered = withTargets(ordered, findings.ends);
  } else {
    diagnostics.push(...findings.chains);
  }

  const table = tableOf(ordered, ranked);
  const access = accessOf(options.access);
  const paths = headers.rules.length > 0;
  const secrets = access?.entries ?? [];
  const guarded = requestFeatures(table, options, 'inline', paths, access).has('guarded');
  const emit = (layout: Layout, buckets = 0): EmittedFunction => {
    const features = requestFeatures(table, options, layout, paths, access);
    const code = emitRequest(table, options, features, blocks, buckets, access);
    const opcodes = requestCost(ordered, table, features) + accessCost(access, guarded);
    return { code, bytes: Buffer.byteLength(code), opcodes };
  };
  const tier = options.tier ?? (secrets.length === 0 && fitsInline(table) && emit('inline').bytes <= LIMITS.codeBytesWarning ? 'inline' : 'key-value-store');
  const sparse = tier === 'inline' ? undefined : storeOf([...table.entries, ...secrets]);
  const dense = options.dense ?? (tier === 'key-value-store' && sparse !== undefined && sparse.bytes > LIMITS.storeBytes);
  const buckets = dense && tier === 'key-value-store' ? bucketsOf(table) : undefined;
  const data = buckets === undefined ? sparse : storeOf([...buckets, ...secrets]);
  const request = tier === 'inline' ? emit('inline') : buckets === undefined ? emit('store') : emit('dense', buckets.length);
  const response = responseOf();
  const reads = accessReads(access, guarded);
  diagnostics.push(...access?.diagnostics ?? [], ...tierConflicts(access, tier));
  diagnostics.push(...limitsOf({ tier, request, response, data, table, accessReads: reads, options }));

  const needs = needsOf(table, headers.rules, access);
  const seesHost = tier !== 'lambda-edge' || !needsHost();
  const policies = policiesOf(tier, needs, seesHost);
  diagnostics.push(...policyLimits(policies, headers.constant));

  const strict = options.strict === true;
  const all = diagnostics
    .map((one) => strict && one.severity === 'warning' ? { ...one, severity: 'error' as const } : one)
    .sort((a, b) => a.source.file < b.source.file ? -1 : a.source.file > b.source.file ? 1 : a.source.line - b.source.line);
  return {
    tier,
    ...request === undefined ? {} : { viewerRequest: request },
    ...response === undefined ? {} : { viewerResponse: response },
    ...seesHost ? {} : { viewerHost: HOST_FUNCTION },
    ...data === undefined ? {} : { data },
    constantHeaders: headers.constant,
    ...needs,
    policies,
    diagnostics: all,
    report: reportOf({
      tier, rules, headerRules: headers.rules.length, request, response, table, data, access, accessReads: reads, diagnostics: all,
    }),
  };

  function needsHost(): boolean {
    return table.hosts || options.canonicalHost !== undefined
      || table.entries.some(({ pattern }) => pattern.alternatives.some(({ rule }) => rule.clauses.flat().some((token) => /^!?Ehost\b/.test(token))));
  }

  function responseOf(): EmittedFunction | undefined {
    const kinds = new Set(ordered.patterns.flatMap(({ alternatives }) => alternatives.map(({ rule }) => rule.kind)));
    const features = responseFeatures(headers.rules, kinds.has('e') && tier !== 'lambda-edge', kinds.has('s'));
    if (features.size === 0) {
      return undefined;
    }
    const code = emitResponse(headers.rules, features, blocks);
    return { code, bytes: Buffer.byteLength(code), opcodes: responseCost(headers.rules, features) };
  }
}

function fitsInline({ entries }: Table): boolean {
  return entries.reduce((sum, { key, value }) => sum + key.length + value.length + 3, 0) <= LIMITS.inlineBytes;
}

function storeOf(entries: readonly DataEntry[]): StoreData {
  const data = entries.map(({ key, value }) => ({ key, value }));
  const json = JSON.stringify({ data });
  return {
    entries: data,
    json,
    bytes: Buffer.byteLength(json),
    hash: createHash('sha256').update(json).digest('hex'),
  };
}

/**
 * URL paths under which the files of the site are served. A directory's document is named where the function would ask for
 * something else by the path alone.
 */
function filesOf(options: CompileOptions, index: number): ReadonlyMap<string, NormalRule> {
  const { site, indexDocument, cleanUrls } = options;
  const files = new Map<string, NormalRule>();
  const add = (path: string, document?: string) => {
    const rule = fileRule(encodePath(path), document && encodePath(document), index, NOWHERE);
    const key = fileKey(rule);
    // `/blog.html` comes before `/blog/index.html`: of the two, `/blog` is the page.
    if (!files.has(key)) {
      files.set(key, rule);
    }
  };
  for (const file of site?.files ?? []) {
    add(file);
    const document = `/${indexDocument ?? 'index.html'}`;
    if (file.endsWith(document)) {
      const directory = file.slice(0, 1 - document.length);
      add(directory, isFoundBySlash(directory, options) ? undefined : file);
    } else if (cleanUrls === true && file.endsWith('.html')) {
      add(file.slice(0, -5));
    }
  }
  return files;
}

/** The index document is appended whichever way the directory is asked for. */
function isFoundBySlash(directory: string, { indexDocument, cleanUrls, trailingSlash }: CompileOptions): boolean {
  return indexDocument !== undefined
    && (directory === '/' || trailingSlash === 'add' || (trailingSlash === 'remove' && cleanUrls !== true));
}

/** Undefined if there are more intersections than rules and a good many. */
function specific(rules: readonly NormalRule[], files: ReadonlyMap<string, NormalRule>, options: CompileOptions): Ordered | undefined {
  try {
    return order(rules, files, options.spaFallback !== undefined);
  } catch (error) {
    if (error instanceof TooEntangled) {
      return undefined;
    }
    throw error;
  }
}

/** Copies must not double the data or fill a value; but only among copies can files win. */
function isWorthwhile(ordered: Ordered, rules: readonly NormalRule[], files: ReadonlyMap<string, NormalRule>): boolean {
  const limit = files.size > 0 ? Infinity : Math.max(rules.length, 100);
  const crowded = ordered.patterns.filter(({ alternatives }) => alternatives.length > 4);
  const tooLarge = tableOf({ patterns: crowded, shapes: ordered.shapes }).entries.some(isTooLarge);
  return ordered.copies <= limit && (!tooLarge || tableOf(unresolved(rules)).entries.some(isTooLarge));
}

function isTooLarge({ key, value }: { readonly key: string; readonly value: string }): boolean {
  return key.length > LIMITS.keyBytes || key.length + value.length > LIMITS.entryBytes;
}

function lostRules(ordered: Ordered): readonly Diagnostic[] {
  return ordered.unreachable.map(({ rule, by, duplicate }): Diagnostic => duplicate
    ? { source: rule.rule.source, severity: 'warning', code: 'duplicate', message: `matches the same paths as ${at(by)}, which comes first` }
    : { source: rule.rule.source, severity: 'warning', code: 'unreachable', message: `never reached: ${at(by)} takes all of its paths` });
}

function at({ rule: { source } }: NormalRule): string {
  return `${source.file}:${source.line}`;
}

/** Rules for one path where a file stands. */
function shadowed(rules: readonly NormalRule[], files: ReadonlyMap<string, NormalRule>): readonly Diagnostic[] {
  return rules.filter((rule) => !rule.rule.force && !rule.splat && files.has(fileKey({ cells: [null, ...rule.cells.slice(1)] })))
    .map(({ rule: { source } }): Diagnostic => ({
      source, severity: 'info', code: 'shadowed-by-file', message: 'never used: a file of the site stands at its path and the rule is not forced',
    }));
}

/** What hosts with a manifest of their own understand as "where there is no file" is every path here. */
function hidingFiles(rules: readonly NormalRule[], { cleanUrls, spaFallback }: CompileOptions): readonly Diagnostic[] {
  const pages: Diagnostic[] = cleanUrls !== true || spaFallback === undefined ? [] : [{
    source: NOWHERE,
    severity: 'warning',
    code: 'hides-files',
    message: "'spaFallback' is served in place of the pages that 'cleanUrls' leads to: give 'site', so that files win",
  }];
  return pages.concat(rules.filter(({ rule: { action, force }, splat }) => splat && !force && isOnePage(action))
    .map(({ rule: { source } }): Diagnostic => ({
      source,
      severity: 'warning',
      code: 'hides-files',
      message: "serves one page in place of every path beneath it, files of the site included: give 'site', so that files win, or force the rule",
    })));
}

function isOnePage(action: Action): boolean {
  const page = action.kind === 'rewrite' ? action.target : action.kind === 'status' && action.status === 404 ? action.page : undefined;
  return page !== undefined && [page.path, ...(page.query ?? []).map(({ value }) => value)].flat().every((part) => 'text' in part);
}

function withTargets(ordered: Ordered, ends: ReadonlyMap<NormalRule, string>): Ordered {
  return {
    ...ordered,
    patterns: ordered.patterns.map((pattern) => ({
      ...pattern,
      alternatives: pattern.alternatives.map((alternative) => {
        const text = ends.get(alternative.rule);
        return text === undefined ? alternative : { ...alternative, rule: { ...alternative.rule, text } };
      }),
    })),
  };
}
