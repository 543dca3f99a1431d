import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Condition, HeaderRule, HostPattern, PathPattern, Rule, RuleSet, Segment, Target, Template } from '../../../src/edge-rewrite/compiler/model';
import { FileDialect, parseRuleFile } from '../../../src/edge-rewrite/compiler/parse';

/** Rules and diagnostics as one line each, so that a test reads like the file it is about. */
export interface Written {
  readonly rules: readonly string[];
  readonly headers: readonly string[];
  readonly reports: readonly string[];
}

export function fixture(path: string): string {
  return readFileSync(join(__dirname, '..', 'fixtures', path), 'utf8');
}

export function read(dialect: FileDialect, text: string): Written {
  return written(parseRuleFile(dialect, text, 'file'));
}

export function written(set: RuleSet): Written {
  return {
    rules: set.rules.map((rule) => `${rule.source.line}: ${ruleText(rule)}`),
    headers: set.headers.map((rule) => `${rule.source.line}: ${headerText(rule)}`),
    reports: set.diagnostics.map(({ source, severity, code, message }) => `${source.line}: ${severity === 'info' ? 'note' : code}: ${message}`),
  };
}

export function ruleText(rule: Rule): string {
  const query = rule.query.map(({ name, value, capture }) => ` ${name}=${capture === undefined ? value : `:${capture}`}`).join('');
  return `${hostText(rule.host)}${pathText(rule.path)}${query}${rule.conditions.map(conditionText).join('')} -> ${actionText(rule)} ${rule.queryPolicy}${rule.force ? '!' : ''}`;
}

function headerText(rule: HeaderRule): string {
  const operations = rule.operations.map(({ kind, name, value }) => `${{ set: '', append: '+', unset: '!' }[kind]}${name}${kind === 'unset' ? '' : `: ${templateText(value)}`}`);
  return `${hostText(rule.host)}${pathText(rule.path)}${rule.conditions.map(conditionText).join('')} { ${operations.join('; ')} }`;
}

function hostText(host: HostPattern | undefined): string {
  return host === undefined ? '' : `//${host.labels.map(segmentText).join('.')}`;
}

/** A tilde behind it: a slash at the end makes no difference. */
export function pathText({ segments, slash, trailing }: PathPattern): string {
  return `${segments.map((segment) => `/${segmentText(segment)}`).join('')}${slash ? '/' : ''}${trailing === 'optional' ? '~' : ''}`;
}

function segmentText(segment: Segment): string {
  if (segment.kind === 'literal') {
    return segment.text;
  }
  const name = segment.kind === 'splat' ? `*${segment.name === 'splat' ? '' : segment.name}` : `:${segment.name}`;
  return `${segment.prefix ?? ''}${name}${segment.suffix ?? ''}`;
}

function conditionText({ kind, name, values, compare, negate }: Condition): string {
  const operator = { equals: '=', prefix: '^=', suffix: '$=', contains: '*=' }[compare ?? 'equals'];
  return ` [${negate === true ? 'not ' : ''}${kind}${name === undefined ? '' : ` ${name}`}${values.length === 0 ? '' : `${operator}${values.join('|')}`}]`;
}

function actionText({ action }: Rule): string {
  switch (action.kind) {
    case 'redirect':
      return `${action.status} ${targetText(action.target)}`;
    case 'rewrite':
      return `rewrite ${targetText(action.target)}`;
    case 'proxy':
      return `proxy ${'host' in action.origin ? `${action.origin.scheme}://${action.origin.host}` : action.origin.id} ${targetText(action.target)}`;
    case 'status':
      return `${action.status} with ${targetText(action.page!)}`;
    case 'split':
    case 'pass':
      return action.kind;
  }
}

function targetText({ scheme, host, path, query, fragment }: Target): string {
  const pairs = query?.map(({ name, value }) => `${name}=${templateText(value)}`).join('&');
  return `${host === undefined ? '' : `${scheme}://${templateText(host)}`}${templateText(path)}${pairs === undefined ? '' : `?${pairs}`}${fragment === undefined ? '' : `#${fragment}`}`;
}

function templateText(template: Template): string {
  return template.map((part) => 'text' in part ? part.text : `<${part.capture}>`).join('');
}
