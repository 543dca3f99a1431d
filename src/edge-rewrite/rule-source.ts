import { readFileSync } from 'fs';
import { RuleSet } from './compiler/model';
import { FileDialect, parseRuleFile } from './compiler/parse';
import { checkKnown } from './known';

/** Whose rules a file follows. */
export enum RuleDialect {
  /** Netlify. */
  NETLIFY = 'netlify',
  /** Cloudflare Pages and Workers static assets. */
  CLOUDFLARE = 'cloudflare',
}

/** A file of rules written for another host. What it says that cannot be done here is in the report, line by line. */
export class RuleSource {
  /** Netlify's `_redirects`. */
  public static netlifyRedirects(path: string): RuleSource {
    return new RuleSource(path, 'netlify-redirects');
  }

  /** Redirects and headers of Netlify's `netlify.toml`. */
  public static netlifyToml(path: string): RuleSource {
    return new RuleSource(path, 'netlify-toml');
  }

  /** Cloudflare's `_redirects`. */
  public static cloudflareRedirects(path: string): RuleSource {
    return new RuleSource(path, 'cloudflare-redirects');
  }

  /** A `_headers` file. */
  public static headersFile(path: string, dialect: RuleDialect): RuleSource {
    return new RuleSource(path, `${dialect}-headers`);
  }

  /** Redirects, rewrites and headers of Vercel's `vercel.json`; its clean URLs and slashes, where props don't say. */
  public static vercelJson(path: string): RuleSource {
    return new RuleSource(path, 'vercel-json');
  }

  private constructor(private readonly path: string, private readonly dialect: FileDialect) {
    checkKnown('path', path);
  }

  /** @internal */
  public _ruleSet(): RuleSet {
    return parseRuleFile(this.dialect, this.read(), this.path);
  }

  private read(): string {
    try {
      return readFileSync(this.path, 'utf8').replace(/^\uFEFF/, '');
    } catch (error) {
      throw new Error(`a rule source must be a readable file, got '${this.path}' (${(error as NodeJS.ErrnoException).code})`);
    }
  }
}
