import { RuleSet } from '../model';
import { parseCloudflareRedirects } from './cloudflare-redirects';
import { parseHeadersFile } from './headers-file';
import { parseNetlifyRedirects } from './netlify-redirects';
import { parseNetlifyToml } from './netlify-toml';
import { parseVercelJson } from './vercel-json';

/** The rule files there are importers for. */
export type FileDialect =
  | 'netlify-redirects' | 'netlify-toml' | 'netlify-headers'
  | 'cloudflare-redirects' | 'cloudflare-headers'
  | 'vercel-json';

const PARSERS: Readonly<Record<FileDialect, (text: string, file: string) => RuleSet>> = {
  'netlify-redirects': parseNetlifyRedirects,
  'netlify-toml': parseNetlifyToml,
  'netlify-headers': (text, file) => parseHeadersFile(text, file, 'netlify'),
  'cloudflare-redirects': parseCloudflareRedirects,
  'cloudflare-headers': (text, file) => parseHeadersFile(text, file, 'cloudflare'),
  'vercel-json': parseVercelJson,
};

/** Reads a rule file. Never throws: what cannot be converted is among the diagnostics. */
export function parseRuleFile(dialect: FileDialect, text: string, file: string): RuleSet {
  return PARSERS[dialect](text, file);
}
