import { HeaderOperation, RuleSet, Source } from '../model';
import { DocumentTable, DocumentValue, described, eachTable, Fields } from './document';
import { headerOperation } from './headers';
import { netlifyPattern, requireNetlifyHeader } from './headers-file';
import { Importer, NotConvertible } from './importer';
import { netlifyRules, requireNoRole } from './netlify-rule';
import { literal } from './target';
import { readToml } from './toml';

/** Options of a redirect that mean something only at Netlify. */
const UNSUPPORTED = {
  signed: "signed proxy requests need Netlify's secrets",
  signing: "signed proxy requests need Netlify's secrets",
  sign: "signed proxy requests need Netlify's secrets",
  edge_handler: 'edge functions of Netlify are not here',
  edge_handlers: 'edge functions of Netlify are not here',
  rate_limit: 'a rate limit needs a web application firewall',
};

/** The `[[redirects]]` and `[[headers]]` of a `netlify.toml`; the rest of the file is about building and functions. */
export function parseNetlifyToml(text: string, file: string): RuleSet {
  const importer = new Importer(file);
  const { root, errors } = readToml(text);
  errors.forEach(({ line, message }) => importer.warn(importer.source(line, ''), 'syntax', message));
  for (const [name, value] of (root as DocumentTable).entries) {
    switch (name) {
      case 'redirects':
        eachTable(importer, name, value, (fields, source) => redirect(importer, fields, source));
        break;
      case 'headers':
        eachTable(importer, name, value, (fields, source) => headers(importer, fields, source));
        break;
      case 'edge_functions':
        importer.warn(importer.source(value.line, name), 'unsupported', 'edge functions of Netlify are not here');
        break;
      default:
        importer.note(importer.source(value.line, name), `'${name}' has no redirects or headers`);
    }
  }
  return importer.ruleSet();
}

function redirect(importer: Importer, fields: Fields, source: (text: string) => Source): void {
  const from = fields.required('from', 'origin').trim();
  const to = fields.text('to', 'destination')?.trim();
  const at = source(to === undefined ? from : `${from} ${to}`);
  importer.attempt(at, () => {
    requireNoRole(fields.entries('conditions').map(([name]) => [name, []] as const));
    const query = fields.entries('query', 'params', 'parameters').map(([name, value]) => [name, textOf(name, value)] as const);
    const conditions = fields.entries('conditions').map(([name, value]) => [name, listOf(name, value)] as const);
    if (fields.entries('headers').length > 0) {
      throw new NotConvertible('unsupported', 'a redirect cannot send headers to the origin it leads to; set them at the origin');
    }
    const status = fields.status('status') ?? '301';
    const force = fields.boolean('force') ?? false;
    fields.done(UNSUPPORTED);
    importer.rules.push(...netlifyRules({ from, to, query, status, force, conditions }, at));
  });
}

function headers(importer: Importer, fields: Fields, source: (text: string) => Source): void {
  const path = fields.required('for').trim();
  const at = source(path);
  importer.attempt(at, () => {
    const pattern = netlifyPattern(path);
    const values = fields.entries('values');
    fields.done();
    const operations: HeaderOperation[] = [];
    for (const [name, value] of values) {
      const lineOf = importer.source(value.line, name);
      importer.attempt(lineOf, () => {
        requireNetlifyHeader(name.trim());
        const text = value.kind === 'array' ? listOf(name, value).join(', ') : textOf(name, value).trim().split(/\s*,\s*/).join(', ');
        if (text === '') {
          throw new NotConvertible('invalid-header', `header '${name}' has no value`);
        }
        operations.push(headerOperation('set', name.trim(), literal(text)));
      });
    }
    if (operations.length === 0) {
      throw new NotConvertible('ignored', values.length === 0 ? 'there is no header for this path' : 'no header for this path can be converted');
    }
    importer.headers.push({ source: at, ...pattern, conditions: [], operations });
  });
}

function textOf(name: string, value: DocumentValue): string {
  if (value.kind !== 'string') {
    throw new NotConvertible('syntax', `'${name}' must be a text, got ${described(value)}`);
  }
  return value.text;
}

function listOf(name: string, value: DocumentValue): readonly string[] {
  if (value.kind === 'array') {
    return value.items.map((item) => textOf(name, item).trim());
  }
  return textOf(name, value).trim().split(/\s*,\s*/);
}
