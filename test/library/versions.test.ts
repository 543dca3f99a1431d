import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Consumer, FLOOR, NEWEST, removeConsumers, synthOffline, typescriptApp } from '../kit/consumers';
import { ROOMS } from '../kit/rooms';

const ROOT = join(__dirname, '..', '..');
const run = promisify(execFile);

/** The floor we promise in package.json's peers, and the newest release; the languages share one engine. */
describe.each(ROOMS.filter(({ partOf }) => !partOf).map(({ name }) => name))('%s at the CDK floor', (room) => {
  let floor: Consumer;
  let configuration: string;

  beforeAll(async () => {
    floor = await typescriptApp(room, FLOOR);
    configuration = mkdtempSync(join(tmpdir(), 'floor-'));
  }, 900_000);

  afterAll(() => {
    removeConsumers();
    rmSync(configuration, { recursive: true, force: true });
  });

  const atFloor = (name: string) => join(floor.folder, 'node_modules', name);

  test('is really the floor', () => {
    expect(JSON.parse(readFileSync(join(atFloor('aws-cdk-lib'), 'package.json'), 'utf8')).version).toBe(FLOOR.cdk);
    expect(JSON.parse(readFileSync(join(atFloor('constructs'), 'package.json'), 'utf8')).version).toBe(FLOOR.constructs);
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
          'aws-cdk-lib': [atFloor('aws-cdk-lib')],
          'aws-cdk-lib/*': [join(atFloor('aws-cdk-lib'), '*')],
          'constructs': [atFloor('constructs')],
        },
      },
      include: [join(ROOT, 'src', '**', '*.ts')],
      exclude: [],
    }));
    await run('tsc', ['-p', tsconfig], { cwd: ROOT }).catch((error) => {
      throw new Error(error.stdout);
    });
  }, 600_000);

  test('the behaviour tests pass', async () => {
    // Not the global set-up: a run inside a run would remove the outer one's temporary files.
    const { jest: { globalSetup, globalTeardown, ...jest } } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const report = join(configuration, 'report.json');
    const config = join(configuration, 'jest.json');
    writeFileSync(config, JSON.stringify({
      ...jest,
      rootDir: ROOT,
      moduleNameMapper: {
        '^aws-cdk-lib(/.*)?$': `${atFloor('aws-cdk-lib')}$1`,
        '^constructs$': atFloor('constructs'),
      },
    }));
    const test = `test/${room}/${room}.test.ts`;
    await run('jest', ['--ci', '-c', config, '--json', `--outputFile=${report}`, test], { cwd: ROOT }).catch((error) => {
      throw new Error(error.stderr);
    });
    expect(JSON.parse(readFileSync(report, 'utf8')).numPassedTests).toBeGreaterThan(0);
  }, 900_000);

  test('the example gives the same template as at the newest release', async () => {
    const newest = await typescriptApp(room, NEWEST);
    expect(await synthOffline(floor)).toEqual(await synthOffline(newest));
  }, 900_000);
});
