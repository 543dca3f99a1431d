import { MANIFEST_NAME, type Recipe } from '../contract';

/** Where originals come from and where everything made of them goes. */
export interface KeyLayout {
  readonly sourcePrefix: string;
  readonly destinationPrefix: string;
  /** Empty: refused originals are not copied. */
  readonly quarantinePrefix: string;
}

export type KeyVerdict =
  | { readonly kind: 'accepted'; readonly relative: string }
  | { readonly kind: 'rejected'; readonly detail: string }
  /** Outside the prefix or the suffixes: somebody else's object. */
  | { readonly kind: 'foreign' };

/** A variant's address taken apart. */
export interface VariantName {
  readonly relative: string;
  readonly preset: string;
  readonly extension: string;
}

/** S3's limit for a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/**
 * Names of everything the pipeline writes. `<destination prefix><relative key>/<preset>.<ext>` keeps the original's
 * extension, so `a.jpg` and `a.png` do not meet; the last segment alone is ours, so no two originals share a key.
 */
export class Keys {
  private readonly names: readonly string[];

  constructor(private readonly layout: KeyLayout, private readonly recipe: Pick<Recipe, 'presets' | 'formats' | 'suffixes'>) {
    this.names = recipe.presets.flatMap(({ name }) => recipe.formats.map(({ extension }) => `${name}.${extension}`));
  }

  public judge(key: string): KeyVerdict {
    const { sourcePrefix } = this.layout;
    if (!key.startsWith(sourcePrefix) || !this.hasSuffix(key)) {
      return { kind: 'foreign' };
    }
    const relative = this.relative(key);
    const detail = this.objection(relative);
    return detail === undefined ? { kind: 'accepted', relative } : { kind: 'rejected', detail };
  }

  public relative(key: string): string {
    return key.slice(this.layout.sourcePrefix.length);
  }

  public source(relative: string): string {
    return this.layout.sourcePrefix + relative;
  }

  public manifest(relative: string): string {
    return `${this.folder(relative)}${MANIFEST_NAME}`;
  }

  public variant(relative: string, preset: string, extension: string): string {
    return `${this.folder(relative)}${preset}.${extension}`;
  }

  public quarantine(relative: string): string | undefined {
    return this.layout.quarantinePrefix === '' ? undefined : this.layout.quarantinePrefix + relative;
  }

  /** Every key a build of this original may write, whatever its size turns out to be. */
  public planned(relative: string): string[] {
    return this.names.map((name) => `${this.folder(relative)}${name}`);
  }

  /** The declared variant a destination key names, if any. */
  public parseVariant(key: string): VariantName | undefined {
    const { destinationPrefix } = this.layout;
    const slash = key.lastIndexOf('/');
    const name = key.slice(slash + 1);
    if (!key.startsWith(destinationPrefix) || slash <= destinationPrefix.length || !this.names.includes(name)) {
      return undefined;
    }
    // Preset names hold no dot, so the first one begins the extension.
    const dot = name.indexOf('.');
    return { relative: key.slice(destinationPrefix.length, slash), preset: name.slice(0, dot), extension: name.slice(dot + 1) };
  }

  private folder(relative: string): string {
    return `${this.layout.destinationPrefix}${relative}/`;
  }

  private hasSuffix(key: string): boolean {
    const { suffixes } = this.recipe;
    const lower = key.toLowerCase();
    return suffixes.length === 0 || suffixes.some((suffix) => lower.endsWith(suffix));
  }

  private objection(relative: string): string | undefined {
    if (relative === '' || relative.endsWith('/')) {
      return 'the key names a folder';
    }
    if (/\p{Cs}/u.test(relative)) {
      return 'the key is not well-formed Unicode';
    }
    if (/\p{Cc}/u.test(relative)) {
      return 'the key has control characters';
    }
    if (relative.split('/').some((segment) => segment === '..' || segment === '.')) {
      return "the key has a '.' or '..' segment";
    }
    const longest = Math.max(...this.written(relative).map((key) => Buffer.byteLength(key)));
    return longest > MAX_KEY_BYTES ? `the longest key made of it has ${longest} bytes, ${MAX_KEY_BYTES} are allowed` : undefined;
  }

  private written(relative: string): string[] {
    return [...this.planned(relative), this.manifest(relative), this.quarantine(relative) ?? ''];
  }
}

/** The keys an encoded text may stand for where the encoding is not documented: of a URL, of a form, none. */
export function keyCandidates(text: string): string[] {
  return [...new Set([...pathCandidates(text), decoded(text.replaceAll('+', ' '))])];
}

/** The keys a URL's path may stand for: encoded, or already decoded on the way here. */
export function pathCandidates(path: string): string[] {
  return [...new Set([decoded(path), path])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
