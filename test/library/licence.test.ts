import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadAssemblyFromPath } from '@jsii/spec';

const ROOT = join(__dirname, '..', '..');

/** Terms that add no duty to Apache-2.0's own. Another one needs a decision first, then an entry. */
const INSIDE_BUNDLES = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0'];
/** Of separate files that users may replace. */
const BESIDE_BUNDLES = [...INSIDE_BUNDLES, 'LGPL-3.0-or-later'];

interface Component {
  readonly type: 'library' | 'file';
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly licenses: readonly { readonly license: { readonly id: string } }[];
  readonly hashes: readonly { readonly content: string }[];
  /** Only of native packages: what was linked into them. */
  readonly components?: readonly unknown[];
  readonly purl?: string;
  /** Only of our own files after somebody's package. */
  readonly pedigree?: { readonly ancestors: readonly Component[] };
}

const { components }: { components: readonly Component[] } = JSON.parse(readFileSync(join(ROOT, 'sbom.cdx.json'), 'utf8'));
const libraries = components.filter(({ type }) => type === 'library');
const nameOf = ({ group, name }: Component) => group ? `${group}/${name}` : name;

test('every bundled package is under allowed terms', () => {
  expect(libraries.map(nameOf)).toEqual(expect.arrayContaining(['@aws-sdk/client-s3', '@aws-lambda-powertools/logger', '@img/sharp-libvips-linux-arm64']));
  const refused = libraries.filter((library) => {
    const allowed = library.components ? BESIDE_BUNDLES : INSIDE_BUNDLES;
    return !library.licenses.every(({ license }) => allowed.includes(license.id));
  });
  expect(refused.map(nameOf)).toEqual([]);
});

test('every bundled package stands in THIRD-PARTY-LICENSES with its terms', () => {
  const text = readFileSync(join(ROOT, 'THIRD-PARTY-LICENSES'), 'utf8');
  for (const library of libraries) expect(text).toContain(`${nameOf(library)} ${library.version}: ${library.licenses[0].license.id}`);
});

test('what we rewrote after a package is named with its terms, not passed off as the package', () => {
  const [own, ...others] = libraries.filter(({ pedigree }) => pedigree);
  expect(others).toEqual([]);
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, 'node_modules/thumbhash/package.json'), 'utf8'));
  const licenses = [{ license: { id: license } }];
  const purl = `pkg:npm/${name}@${version}`;
  expect(own).toMatchObject({ name, version, licenses, pedigree: { ancestors: [{ name, version, licenses, purl }] } });
  expect([own.purl, own.hashes, libraries.some((library) => library.purl === purl)]).toEqual([undefined, undefined, false]);
  const text = readFileSync(join(ROOT, 'THIRD-PARTY-LICENSES'), 'utf8');
  expect(text).toContain(`${name} ${version}: ${license} (rewritten in src/image-resize-pipeline/handlers/thumbhash.ts)`);
  expect(text).toContain('Permission is hereby granted, free of charge, to any person obtaining a copy\nof this software');
  expect(text).toMatch(/^=+\nMIT\.txt\n=+$/m);
});

test('the bill of materials lists exactly the files that are shipped', () => {
  const shipped = readdirSync(join(ROOT, 'assets'), { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(ROOT, 'assets', file)).isFile());
  const listed = components.filter(({ type }) => type === 'file');
  expect(listed.map(({ name }) => name).sort()).toEqual(shipped.sort());
  for (const { name, hashes } of listed) {
    expect(hashes[0].content).toBe(createHash('sha256').update(readFileSync(join(ROOT, 'assets', name))).digest('hex'));
  }
});

test('the library itself is under one licence everywhere', () => {
  const { license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(license).toBe('Apache-2.0');
  expect(loadAssemblyFromPath(ROOT).license).toBe(license);
});
