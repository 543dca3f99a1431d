/**
 * Whose code is in the bundles, under which terms: THIRD-PARTY-LICENSES and a CycloneDX bill of materials,
 * both made from what the bundler really put in.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Terms under which code may be part of a bundle. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0'];
/** Terms of separate, replaceable files beside a bundle. */
const ALLOWED_AGGREGATE = [...ALLOWED, 'LGPL-3.0-or-later'];

/** Our own files after somebody's work, by path → the package, whose terms then hold for the file too. */
const REWRITTEN: Readonly<Record<string, string>> = { 'src/image-resize-pipeline/handlers/thumbhash.ts': 'thumbhash' };

export interface PackageNotice {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** As in the lock file: `sha512-<base64>`. */
  readonly integrity: string;
  readonly text: string;
  /** Name → version of what was linked into a binary; present means: a separate file, not part of a bundle. */
  readonly parts?: Readonly<Record<string, string>>;
  /** Path of our own file after the package; present means: none of the package's own bytes are in a bundle. */
  readonly rewrittenIn?: string;
}

/** The entries of package-lock.json by package name (or path). */
export class Lockfile {
  private readonly packages: Record<string, { version: string; integrity: string; license: string } | undefined>;

  constructor(root: string) {
    this.packages = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  }

  public entry(path: string): { readonly version: string; readonly integrity: string; readonly license: string } {
    const entry = this.packages[`node_modules/${path}`];
    if (!entry?.integrity) {
      throw new Error(`package-lock.json must hold '${path}' with a checksum, got ${entry ? 'no checksum' : 'no entry'}`);
    }
    return entry;
  }
}

/** One notice per package that has at least one byte in a bundle; the paths are esbuild's, relative to the root. */
export function noticesOf(modules: Iterable<string>, root: string, lock: Lockfile): PackageNotice[] {
  const notices = new Map<string, PackageNotice>();
  for (const module of modules) {
    if (module in REWRITTEN) {
      notices.set(module, rewritten(module, root, lock));
    }
    const path = /^node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(module)?.[0];
    if (path && !notices.has(path)) {
      const { version, integrity, license } = lock.entry(path.slice('node_modules/'.length));
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      notices.set(path, { name, version, integrity, license, text: licenceTextIn(join(root, path)) });
    }
  }
  return [...notices.values()];
}

function rewritten(file: string, root: string, lock: Lockfile): PackageNotice {
  const name = REWRITTEN[file];
  const directory = join(root, 'node_modules', name);
  const { repository } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const { version, integrity, license } = lock.entry(name);
  const statement = `${repository.url}: its package.json says "license": "${license}"; the text of these terms stands at the end.`;
  return { name, version, integrity, license, text: licenceTextIn(directory) || statement, rewrittenIn: file };
}

/** The package's own licence and notice files; else the section of its README (sharp-libvips keeps its table there). */
export function licenceTextIn(directory: string): string {
  const files = readdirSync(directory);
  const own = files.filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  if (own.length > 0) {
    return own.map((file) => readFileSync(join(directory, file), 'utf8').trim()).join('\n\n');
  }
  const readme = files.find((file) => /^readme\.md$/i.test(file));
  const text = readme ? readFileSync(join(directory, readme), 'utf8') : '';
  return /^## Licen[cs].*?(?=^## |$(?![^]))/ims.exec(text)?.[0].trim() ?? '';
}

export function checkLicences(notices: readonly PackageNotice[]): void {
  for (const { name, version, license, parts } of notices) {
    const allowed = parts ? ALLOWED_AGGREGATE : ALLOWED;
    if (!allowed.includes(license)) {
      throw new Error(`licence of '${name}@${version}' must be one of ${allowed.join(', ')}, got ${license}`);
    }
  }
}

/** THIRD-PARTY-LICENSES: packages with the same text share a section; then the texts that packages only refer to. */
export function licenceFile(notices: readonly PackageNotice[], texts: string): string {
  const rule = '='.repeat(80);
  const byText = new Map<string, string[]>();
  for (const { name, version, license, text, parts, rewrittenIn } of sorted(notices)) {
    const remark = rewrittenIn ? ` (rewritten in ${rewrittenIn})` : parts ? ' (a separate file beside the bundle, replaceable by `codeOverride`)' : '';
    const title = `${name} ${version}: ${license}${remark}`;
    byText.set(text, [...byText.get(text) ?? [], title]);
  }
  for (const file of readdirSync(texts).sort()) {
    byText.set(readFileSync(join(texts, file), 'utf8').trim(), [file]);
  }
  const sections = [...byText].map(([text, titles]) => [rule, ...titles, rule, '', text || '(the package only names its licence; its text stands at the end)', ''].join('\n'));
  return ['The functions in assets/ contain or accompany the software listed here.\n', ...sections].join('\n');
}

/** CycloneDX 1.6 without serial number and time, so that equal inputs give equal bytes. */
export function billOfMaterials(notices: readonly PackageNotice[], files: ReadonlyMap<string, Uint8Array>, root: string): string {
  const self = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const components = sorted(notices).map((notice) => {
    const purl = `pkg:npm/${notice.name.replace('@', '%40')}@${notice.version}`;
    const original = {
      'type': 'library',
      'bom-ref': purl,
      ...nameOf(notice.name),
      'version': notice.version,
      'hashes': [{ alg: 'SHA-512', content: Buffer.from(notice.integrity.replace('sha512-', ''), 'base64').toString('hex') }],
      'licenses': [{ license: { id: notice.license } }],
      purl,
      ...(notice.parts && {
        components: Object.entries(notice.parts).sort().map(([name, version]) => (
          { 'type': 'library', 'bom-ref': `${purl}#${name}`, name, version })),
      }),
    };
    return notice.rewrittenIn === undefined ? original : descendant(notice.rewrittenIn, original);
  });
  const shipped = [...files].sort(([a], [b]) => a < b ? -1 : 1).map(([path, content]) => (
    { 'type': 'file', 'bom-ref': path, 'name': path, 'hashes': [{ alg: 'SHA-256', content: createHash('sha256').update(content).digest('hex') }] }));
  return JSON.stringify({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        'type': 'library',
        'bom-ref': self.name,
        'name': self.name,
        'version': self.version,
        'licenses': [{ license: { id: self.license } }],
      },
    },
    components: [...components, ...shipped],
  }, undefined, 2) + '\n';
}

/** Ours, so without the package's address and checksum; it says what it came from. (CycloneDX 1.6, pedigree) */
function descendant(file: string, original: { readonly name: string; readonly version: string; readonly licenses: readonly unknown[] }) {
  const { name, version, licenses } = original;
  return {
    'type': 'library',
    'bom-ref': file,
    name,
    version,
    licenses,
    'pedigree': { ancestors: [original], notes: `rewritten in ${file}; no file of the package is contained` },
  };
}

function nameOf(fullName: string): { group?: string; name: string } {
  const [scope, name] = fullName.startsWith('@') ? fullName.split('/') : [undefined, fullName];
  return scope ? { group: scope, name } : { name };
}

function sorted(notices: readonly PackageNotice[]): PackageNotice[] {
  const key = ({ name, version }: PackageNotice) => `${name}@${version}`;
  const unique = new Map(notices.map((notice) => [key(notice), notice]));
  return [...unique.values()].sort((a, b) => key(a) < key(b) ? -1 : 1);
}
