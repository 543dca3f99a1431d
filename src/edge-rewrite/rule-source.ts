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

/** Options of a file of rules. */
export interface RuleSourceOptions {
  /**
   * The file may restrict who sees a path in a way that cannot be taken over (Netlify's `Basic-Auth` and `Role`): such a
   * path becomes public unless something else protects it. True makes these lines warnings instead of errors.
   * @default false
   */
  readonly ignoreAccessRestrictions?: boolean;
}

/** A file of rules written for another host. What it says that cannot be done here is in the report, line by line. */
export class RuleSource {
  /** Netlify's `_redirects`. */
  public static netlifyRedirects(path: string, options?: RuleSourceOptions): RuleSource {
    return new RuleSource(path, 'netlify-redirects', options);
  }

  /** Redirects and headers of Netlify's `netlify.toml`. */
  public static netlifyToml(path: string, options?: RuleSourceOptions): RuleSource {
    return new RuleSource(path, 'netlify-toml', options);
  }

  /** Cloudflare's `_redirects`. */
  public static cloudflareRedirects(path: string): RuleSource {
    return new RuleSource(path, 'cloudflare-redirects');
  }

  /** A `_headers` file. */
  public static headersFile(path: string, dialect: RuleDialect, options?: RuleSourceOptions): RuleSource {
    return new RuleSource(path, `${dialect}-headers`, options);
  }

  /** Redirects, rewrites and headers of Vercel's `vercel.json`; its clean URLs and slashes, where props don't say. */
  public static vercelJson(path: string): RuleSource {
    return new RuleSource(path, 'vercel-json');
  }

  private constructor(private readonly path: string, private readonly dialect: FileDialect, private readonly options: RuleSourceOptions = {}) {
    checkKnown('path', path);
  }

  /** @internal */
  public _ruleSet(): RuleSet {
    const set = parseRuleFile(this.dialect, this.read(), this.path);
    if (!this.options.ignoreAccessRestrictions) return set;
    const diagnostics = set.diagnostics.map((one) => one.code === 'lost-access' ? { ...one, severity: 'warning' as const } : one);
    return { ...set, diagnostics };
  }

  private read(): string {
    try {
      return readFileSync(this.path, 'utf8').replace(/^\uFEFF/, '');
    } catch (error) {
      throw new Error(`a rule source must be a readable file, got '${this.path}' (${(error as NodeJS.ErrnoException).code})`);
    }
  }
}
