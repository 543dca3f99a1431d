import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSystem } from 'aws-cdk-lib';
import type { Metafile } from 'esbuild';
import { BUDGET, bundle } from '../../projenrc/handler-bundles';
import { checkLicences } from '../../projenrc/licences';
import { HANDLER, PIPELINE_ENV } from '../../src/image-resize-pipeline/contract';
import { pipelineEnvironment } from '../image-resize-pipeline/golden/run-asset';
import { NODE, ensureKit } from '../kit/setup';

const MEGABYTE = 1_000_000;

let folder: string;
let first: string;
let second: string;
let metafile: Metafile;

beforeAll(async () => {
  ensureKit();
  // Outside the repository, so that no node_modules stands above.
  folder = mkdtempSync(join(tmpdir(), 'bundles-'));
  [first, second] = ['first', 'second'].map((name) => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  });
  metafile = await bundle({ out: first });
  await bundle({ out: second });
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('bundling twice', () => {
  test('gives equal bytes', () => {
    expect(hashes(second)).toEqual(hashes(first));
  });

  test('gives equal asset fingerprints', () => {
    for (const architecture of ['arm64', 'x64']) {
      const [a, b] = [first, second].map((out) => FileSystem.fingerprint(join(out, 'assets/image-resize-pipeline', architecture)));
      expect(b).toBe(a);
    }
  });

  test('into the same place leaves only what belongs there', async () => {
    const stray = join(second, 'assets/image-resize-pipeline/x64/stray');
    writeFileSync(stray, '');
    writeFileSync(join(second, 'assets/image-resize-pipeline/x64/index.mjs'), 'altered');
    await bundle({ out: second });
    expect(hashes(second)).toEqual(hashes(first));
  });
});

describe('the image functions', () => {
  const x64 = () => join(first, 'assets/image-resize-pipeline/x64');

  test.each([
    ['Node 24', 'nodejs24.x', []],
    ['Node 24 without require(esm) and syntax detection', 'nodejs24.x', ['--no-experimental-require-module', '--no-experimental-detect-module']],
    ['Node 22', 'nodejs22.x', []],
  ] as const)('load from an isolated copy under %s', (_, runtime, flags) => {
    const script = `import('${x64()}/index.mjs').then((m) => console.log(Object.keys(m).join()))`;
    const { stdout, stderr } = spawnSync(NODE[runtime], [...flags, '-e', script], { env: pipelineEnvironment(), encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim().split(',').map((name) => `index.${name}`).sort()).toEqual(Object.values(HANDLER).sort());
  });

  test('name the missing variable when one is missing', () => {
    const { [PIPELINE_ENV[1]]: _, ...environment } = pipelineEnvironment();
    const { status, stderr } = spawnSync(NODE['nodejs24.x'], ['-e', `import('${x64()}/index.mjs')`], { env: environment, encoding: 'utf8' });
    expect(status).not.toBe(0);
    expect(stderr).toContain(PIPELINE_ENV[1]);
  });

  test('fit their budgets: 20 MiB unzipped, 18 MB of the tarball for both architectures', () => {
    const bytes = (directory: string) => files(directory).reduce((sum, path) => sum + readFileSync(join(directory, path)).length, 0);
    for (const architecture of ['arm64', 'x64']) {
      expect(bytes(join(first, 'assets/image-resize-pipeline', architecture))).toBeLessThanOrEqual(20 * 1024 * 1024);
    }
    const packed = execFileSync('tar', ['-cz', '-C', join(first, 'assets'), 'image-resize-pipeline'], { maxBuffer: 100 * MEGABYTE });
    expect(packed.length).toBeLessThanOrEqual(18 * MEGABYTE);
  });
});

describe('what is inside', () => {
  test('no construct library, no test or build tool', () => {
    const modules = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
    expect(modules.filter((path) => /node_modules\/(aws-cdk-lib|constructs|aws-sdk-client-mock|@types)\//.test(path))).toEqual([]);
    expect(modules.filter((path) => /src\/(private|shared)\//.test(path))).toEqual([]);
  });

  test('no source maps and nothing outside its room', () => {
    for (const path of files(join(first, 'assets'))) {
      expect(path).toMatch(/^[a-z-]+\/[a-z0-9-]+\/(index\.mjs|sharp-(libvips-)?linux-(arm64|x64)\/lib\/[^/]+)$/);
    }
    for (const path of files(join(first, 'assets')).filter((name) => name.endsWith('.mjs'))) {
      expect(readFileSync(join(first, 'assets', path), 'latin1')).not.toContain('sourceMappingURL');
    }
  });

  test('every package with its licence text, the bill of materials with every file', () => {
    const licences = readFileSync(join(first, 'THIRD-PARTY-LICENSES'), 'utf8');
    const bill = JSON.parse(readFileSync(join(first, 'sbom.cdx.json'), 'utf8')) as Bill;
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', metadata: { component: { name: 'cdk-lambda-blueprints' } } });
    expect(Object.keys(bill)).not.toContain('serialNumber');

    const libraries = bill.components.filter(({ type }) => type === 'library');
    expect(libraries.map(({ purl }) => purl)).toEqual(expect.arrayContaining([
      expect.stringMatching(/^pkg:npm\/%40img\/sharp-libvips-linux-arm64@/), expect.stringMatching(/^pkg:npm\/%40aws-sdk\/client-s3@/),
    ]));
    for (const { group, name, version, licenses } of libraries) {
      expect(licences).toContain(`${group ? `${group}/` : ''}${name} ${version}: ${licenses[0].license.id}`);
    }
    expect(licences).toContain('GNU LESSER GENERAL PUBLIC LICENSE');
    expect(licences).toContain('GNU GENERAL PUBLIC LICENSE');

    const listed = bill.components.filter(({ type }) => type === 'file').map(({ name, hashes: [hash] }) => [`assets/${name}`, hash.content]);
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(hashes(first).filter(([path]) => path.startsWith('assets/'))));
  });
});

describe('the build fails for', () => {
  let source: string;

  const handler = (code: string) => {
    source = mkdtempSync(join(folder, 'source-'));
    mkdirSync(join(source, 'some-room/handlers'), { recursive: true });
    writeFileSync(join(source, 'some-room/handlers/act.lambda.ts'), code);
    return bundle({ source, out: source });
  };

  test('a handler over its budget', async () => {
    const text = 'x'.repeat(BUDGET.handler);
    await expect(handler(`export const handler = async () => '${text}';`)).rejects.toThrow(
      /^'some-room\/act\/index\.mjs' must be at most 500000 bytes, got \d+$/);
  });

  test('a require esbuild cannot follow', async () => {
    await expect(handler('export const handler = async (name: string) => require(name);')).rejects.toThrow('will not be bundled');
  });

  test('a source without handlers', async () => {
    await expect(bundle({ source: mkdtempSync(join(folder, 'empty-')), out: folder })).rejects.toThrow('must hold <room>/handlers/<verb>.lambda.ts, got none');
  });

  test('a licence that is not allowed, LGPL code inside a bundle included', () => {
    const notice = { name: 'some-package', version: '1.0.0', integrity: 'sha512-', text: '' };
    expect(() => checkLicences([{ ...notice, license: 'GPL-3.0-only' }])).toThrow(/^licence of 'some-package@1\.0\.0' must be one of .*, got GPL-3\.0-only$/);
    expect(() => checkLicences([{ ...notice, license: 'LGPL-3.0-or-later' }])).toThrow('got LGPL-3.0-or-later');
    expect(() => checkLicences([{ ...notice, license: 'LGPL-3.0-or-later', parts: { vips: '8' } }])).not.toThrow();
  });

  test('an altered binary', async () => {
    const cache = mkdtempSync(join(folder, 'cache-'));
    cpSync(join(__dirname, '../../.cache/sharp'), cache, { recursive: true });
    const tarball = join(cache, readdirSync(cache).filter((file) => /^img-sharp-libvips-linux-arm64-.*\.tgz$/.test(file)).sort().at(-1)!);
    const content = readFileSync(tarball);
    content[Math.floor(content.length / 2)] += 1;
    writeFileSync(tarball, content);
    await expect(bundle({ cache, out: second })).rejects.toThrow(/sharp-libvips-linux-arm64-.*' must have the sha512 .* of package-lock\.json, got/);
  });
});

interface Bill {
  readonly components: ReadonlyArray<{
    readonly type: string;
    readonly group?: string;
    readonly name: string;
    readonly version: string;
    readonly purl?: string;
    readonly licenses: ReadonlyArray<{ readonly license: { readonly id: string } }>;
    readonly hashes: ReadonlyArray<{ readonly content: string }>;
  }>;
}

function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

function hashes(directory: string): Array<[path: string, sha256: string]> {
  return files(directory).map((path) => [path, createHash('sha256').update(readFileSync(join(directory, path))).digest('hex')]);
}
