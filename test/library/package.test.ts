import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  Consumer, EVERYWHERE, jar, javaApp, NEWEST, pythonApp, removeConsumers, Synthesized, synthOffline, tarball, typescriptApp, wheel,
} from '../kit/consumers';
import { ROOMS } from '../kit/rooms';

const ROOT = join(__dirname, '..', '..');
const MEGABYTE = 1_000_000;

/** Everything a package may hold; whatever matches none of these is a stray. */
const EXPECTED = [
  /^(package\.json|README\.md|API\.md|CHANGELOG\.md|SECURITY\.md|LICENSE|THIRD-PARTY-LICENSES|sbom\.cdx\.json)$/,
  /^\.jsii(\.gz|\.tabl\.json(\.gz)?)?$/,
  /^lib\/((?!handlers\/|handler-kit\/)[a-z-]+\/)*[a-z0-9-]+(\.generated)?\.(js|d\.ts)$/,
  /^assets\/[a-z-]+\/[a-z0-9-]+\/index\.mjs$/,
  /^assets\/[a-z-]+\/(arm64|x64)\/sharp-/,
];
const SHARP = /^assets\/[a-z-]+\/(arm64|x64)\/sharp-/;

let folder: string;
let files: readonly string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  execFileSync('tar', ['-xzf', tarball(), '-C', folder, '--strip-components=1']);
  files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => statSync(join(folder, file)).isFile()).sort();
});

afterAll(() => {
  removeConsumers();
  rmSync(folder, { recursive: true, force: true });
});

const manifest = () => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

describe('the tarball', () => {
  test('holds no stray files', () => {
    expect(files.filter((file) => !EXPECTED.some((pattern) => pattern.test(file)))).toEqual([]);
  });

  test.each(['.jsii', 'lib/index.js', 'lib/index.d.ts', 'README.md', 'LICENSE', 'THIRD-PARTY-LICENSES', 'sbom.cdx.json'])('holds %s', (file) => {
    expect(files).toContain(file);
  });

  test.each(['arm64', 'x64'])('holds every image handler and its native code for %s', (architecture) => {
    const directory = `assets/image-resize-pipeline/${architecture}`;
    const source = readFileSync(join(folder, directory, 'index.mjs'), 'utf8');
    const exported = source.match(/export\s*{([^}]*)}/g)?.join();
    for (const handler of ['reconcile', 'backfill', 'serve']) expect(exported).toMatch(new RegExp(`\\b${handler}\\b`));
    expect(files.filter((file) => file.startsWith(`${directory}/`) && /\.(node|so[.0-9]*)$/.test(file))).toHaveLength(2);
  });

  test('weighs at most 5 MB apart from the sharp trees, and those at most 18 MB', () => {
    const packed = (file: string) => gzipSync(readFileSync(join(folder, file)), { level: 9 }).length;
    const sharp = files.filter((file) => SHARP.test(file)).reduce((sum, file) => sum + packed(file), 0);
    expect(sharp).toBeGreaterThan(10 * MEGABYTE);
    expect(sharp).toBeLessThanOrEqual(18 * MEGABYTE);
    expect(statSync(tarball()).size - sharp).toBeLessThanOrEqual(5 * MEGABYTE);
  });

  test('has no dependencies, peers by caret, and runs nothing at installation', () => {
    const { dependencies = {}, bundledDependencies = [], bundleDependencies = [], peerDependencies, scripts } = manifest();
    expect({ ...dependencies, ...bundledDependencies, ...bundleDependencies }).toEqual({});
    expect(Object.keys(peerDependencies).sort()).toEqual(['aws-cdk-lib', 'constructs']);
    for (const range of Object.values(peerDependencies)) expect(range).toMatch(/^\^\d/);
    expect(Object.keys(scripts).filter((name) => /install|prepare|prepublish/.test(name))).toEqual([]);
  });

  test('says cdk to Construct Hub, and one licence everywhere', () => {
    const { keywords, license } = manifest();
    expect(keywords).toContain('aws-cdk');
    expect(license).toBe('Apache-2.0');
    expect(readFileSync(join(folder, 'LICENSE'), 'utf8')).toContain('Apache License');
  });

  test('names no machine and no registry', () => {
    const texts = files.filter((file) => /\.(js|d\.ts|json|md|mjs)$/.test(file));
    expect(texts.filter((file) => readFileSync(join(folder, file), 'utf8').includes(ROOT))).toEqual([]);
  });
});

describe('wheel and jar', () => {
  test.each([['wheel', wheel], ['jar', jar]])('the %s carries the whole library', (_, artefact) => {
    const script = [
      'import io, sys, tarfile, zipfile',
      'outer = zipfile.ZipFile(sys.argv[1])',
      'inner = next(name for name in outer.namelist() if name.endswith(".tgz"))',
      'print("\\n".join(m.name for m in tarfile.open(fileobj=io.BytesIO(outer.read(inner))) if m.isfile()))',
    ].join('\n');
    const inside = execFileSync('python3', ['-c', script, artefact()], { encoding: 'utf8' }).trim().split('\n').map((name) => name.replace('package/', ''));
    expect(inside.sort()).toEqual(files);
  });
});

test("the README's links lead to the repository of package.json", () => {
  const { repository } = manifest();
  const address = repository.url.replace(/\.git$/, '');
  const links = readFileSync(join(ROOT, 'README.md'), 'utf8').match(/https:\/\/github\.com\/[^)\s]+/g) ?? [];
  expect(links.length).toBeGreaterThan(0);
  for (const link of links) expect(link).toMatch(new RegExp(`^${address}/`));
});

describe.each(ROOMS.filter(({ partOf }) => !partOf).map(({ name }) => name))('%s, installed in empty folders, synthesized without network or tools', (room) => {
  let app: Consumer;
  let typescript: Synthesized;

  beforeAll(async () => {
    app = await typescriptApp(room, NEWEST);
    typescript = await synthOffline(app);
  }, 900_000);

  test('TypeScript: every function has its handler in its asset', () => {
    const functions = Object.values(typescript.Resources as Record<string, { Type: string; Properties: { Code: { S3Key: string } } }>)
      .filter(({ Type }) => Type === 'AWS::Lambda::Function');
    // The example of a room at the edge runs in CloudFront.
    expect(functions.length > 0).toBe(!ROOMS.find(({ name }) => name === room)!.edge);
    for (const { Properties } of functions) {
      const asset = `asset.${Properties.Code.S3Key.replace('.zip', '')}`;
      expect(readdirSync(join(app.folder, 'cdk.out', asset))).toContain('index.mjs');
    }
  });

  test('Python gives the same template, asset hashes included', async () => {
    expect(await synthOffline(await pythonApp(room, EVERYWHERE))).toEqual(typescript);
  }, 900_000);

  test('Java gives the same template, asset hashes included', async () => {
    expect(await synthOffline(await javaApp(room, EVERYWHERE))).toEqual(typescript);
  }, 900_000);
});
