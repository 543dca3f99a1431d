import { readdirSync, statSync } from 'fs';
import { join, relative, sep } from 'path';
import { checkKnown } from './known';

/** Files that configure other hosts and are not served by them. */
const NOT_SERVED = ['_headers', '_redirects', 'netlify.toml', 'vercel.json'];

/** The files of a site: an existing one wins over a rule that is not forced. */
export class SiteManifest {
  /** Every file below a directory, as it will be uploaded. Files that only configure other hosts are left out. */
  public static fromDirectory(directory: string): SiteManifest {
    checkKnown('directory', directory);
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`'directory' must be a directory, got '${directory}'`);
    const files = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((file) => !NOT_SERVED.includes(file));
    return SiteManifest.fromFiles(files);
  }

  /** Keys of the bucket, or URL paths. */
  public static fromFiles(files: string[]): SiteManifest {
    checkKnown('files', ...files);
    return new SiteManifest([...new Set(files.map((file) => file.replace(/^\/*/, '/')))].sort());
  }

  private constructor(
    /** @internal */
    public readonly _files: readonly string[],
  ) {}
}
