import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CdkVersions, FLOOR, NEWEST, removeConsumers, synthOffline, typescriptApp } from '../kit/consumers';
import { ROOMS } from '../kit/rooms';

const ROOT = join(__dirname, '..', '..');
const run = promisify(execFile);

const NAMES = ROOMS.filter(({ partOf }) => !partOf).map(({ name }) => name);

/** The floor we promise in package.json's peers, and the newest release; the languages share one engine. */
describe('the CDK floor', () => {
  let modules: string;
  let configuration: string;

  beforeAll(async () => {
    const [floor] = await Promise.all([FLOOR, NEWEST].map((versions) => typescriptApp(NAMES[0], versions)));
    modules = join(floor.folder, 'node_modules');
    configuration = mkdtempSync(join(tmpdir(), 'floor-'));
  }, 900_000);

  afterAll(() => {
    removeConsumers();
    rmSync(configuration, { recursive: true, force: true });
  });

  test('is really the floor', () => {
    expect(JSON.parse(readFileSync(join(modules, 'aws-cdk-lib', 'package.json'), 'utf8')).version).toBe(FLOOR.cdk);
    expect(JSON.parse(readFileSync(join(modules, 'constructs', 'package.json'), 'utf8')).version).toBe(FLOOR.constructs);
    expect(FLOOR.cdk).not.toBe(NEWEST.cdk);
  });

  test('the sources compile', async () => {
    const tsconfig = join(configuration, 'tsconfig.json');
    writeFileSync(tsconfig, JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        noEmit: true,
        rootDir: ROOT,
        typeRoots: [join(ROOT, 'node_modules', '@types')],
        paths: {
          'aws-cdk-lib': [join(modules, 'aws-cdk-lib')],
          'aws-cdk-lib/*': [join(modules, 'aws-cdk-lib', '*')],
          'constructs': [join(modules, 'constructs')],
        },
      },
      include: [join(ROOT, 'src', '**', '*.ts')],
      exclude: [],
    }));
    await run('tsc', ['-p', tsconfig], { cwd: ROOT }).catch((error) => {
      throw new Error(error.stdout);
    });
  }, 600_000);

  test('the behaviour tests of every room pass', async () => {
    // Not the global set-up: a run inside a run would remove the outer one's temporary files.
    const { jest: { globalSetup, globalTeardown, ...jest } } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const report = join(configuration, 'report.json');
    const config = join(configuration, 'jest.json');
    writeFileSync(config, JSON.stringify({
      ...jest,
      rootDir: ROOT,
      moduleNameMapper: {
        '^aws-cdk-lib(/.*)?$': `${join(modules, 'aws-cdk-lib')}$1`,
        '^constructs$': join(modules, 'constructs'),
      },
    }));
    const files = NAMES.map((name) => join(ROOT, 'test', name, `${name}.test.ts`));
    await run('jest', ['--ci', '-c', config, '--json', `--outputFile=${report}`, '--runTestsByPath', ...files], { cwd: ROOT }).catch((error) => {
      throw new Error(error.stderr);
    });
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as { testResults: { name: string; assertionResults: unknown[] }[] };
    expect(testResults.map(({ name }) => name).sort()).toEqual(files.sort());
    for (const { assertionResults } of testResults) expect(assertionResults.length).toBeGreaterThan(0);
  }, 900_000);

  test.each(NAMES)('the example of %s gives the same template as at the newest release', async (name) => {
    const synth = async (versions: CdkVersions) => synthOffline(await typescriptApp(name, versions));
    const [floor, newest] = await Promise.all([synth(FLOOR), synth(NEWEST)]);
    expect(floor).toEqual(newest);
  }, 900_000);
});
