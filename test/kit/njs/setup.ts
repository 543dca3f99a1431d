/**
 * The engine of CloudFront functions is nginx njs. Debian trixie packages the version we test with; on an older Debian
 * the packages are fetched from the archive this machine already uses and unpacked into `.cache/njs`, not installed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const LOWEST = [0, 8, 9];
const SUITE = 'trixie';
const PACKAGES = [
  'njs', 'nginx', 'libnginx-mod-http-js', 'libc6', 'libedit2', 'libpcre2-8-0', 'libssl3t64', 'libxml2', 'libtinfo6', 'libbsd0', 'libmd0',
  'libcrypt1', 'zlib1g', 'liblzma5', 'libzstd1',
];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const MODULE = 'usr/lib/nginx/modules/ngx_http_js_module.so';

const CACHE = join(resolve(__dirname, '../../..'), '.cache/njs');
const STAMP = join(CACHE, '.stamp');
const WANTED = createHash('sha256').update(JSON.stringify([SUITE, PACKAGES])).digest('hex');

/** A program and the arguments that come before its own. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

export interface Engine {
  readonly version: string;
  readonly njs: Command;
  readonly nginx: Command;
  /** For nginx's `load_module`. */
  readonly module: string;
}

/** Every test that runs njs calls this first. Fetches what is missing; without njs it fails, never skips. */
export function ensureNjs(): Engine {
  const engine = installed() ?? fetched();
  if (engine === undefined) {
    unpack();
  }
  const ready = engine ?? fetched();
  if (ready === undefined) {
    throw new Error(`the verification kit needs njs ${LOWEST.join('.')} or later: install the Debian packages njs nginx libnginx-mod-http-js`);
  }
  return ready;
}

function installed(): Engine | undefined {
  const module = join('/', MODULE);
  return existsSync(module) ? engineOf({ file: 'njs', args: [] }, { file: '/usr/sbin/nginx', args: [] }, module) : undefined;
}

function fetched(): Engine | undefined {
  if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== WANTED) {
    return undefined;
  }
  const root = join(CACHE, 'root');
  const lib = join(root, 'usr/lib');
  const triplet = readdirSync(lib).find((name) => name.endsWith('-linux-gnu')) ?? '';
  const loader = readdirSync(join(lib, triplet)).find((name) => /^ld-linux.*\.so\.\d+$/.test(name)) ?? '';
  const command = (program: string): Command => ({
    file: join(lib, triplet, loader),
    args: ['--library-path', join(lib, triplet), join(root, program)],
  });
  return engineOf(command('usr/bin/njs'), command('usr/sbin/nginx'), join(root, MODULE));
}

function engineOf(njs: Command, nginx: Command, module: string): Engine | undefined {
  const { status, stdout } = spawnSync(njs.file, [...njs.args, '-v'], { encoding: 'utf8' });
  const version = (stdout ?? '').trim();
  const numbers = version.split('.').map(Number);
  const difference = LOWEST.map((least, n) => (numbers[n] ?? 0) - least).find((n) => n !== 0) ?? 0;
  return status === 0 && difference >= 0 ? { version, njs, nginx, module } : undefined;
}

/** Into a directory of this process, renamed when complete: two test files may get here at once. */
function unpack(): void {
  const work = `${CACHE}.${process.pid}`;
  const at = (...names: string[]) => join(work, ...names);
  const run = (file: string, args: readonly string[], cwd = work) => {
    try {
      return execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 });
    } catch (error) {
      throw new Error(`the verification kit could not fetch njs: '${file} ${args.at(-1)}': ${(error as Error).message}`);
    }
  };
  ['lists/partial', 'cache/archives/partial', 'debs', 'root'].forEach((name) => mkdirSync(at(name), { recursive: true }));
  try {
    const archive = run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(LABEL) $(COMPONENT)', 'Created-By: Packages']).split('\n')
      .map((line) => line.split(' ')).find(([, label, component]) => label === 'Debian' && component === 'main')?.[0];
    if (archive === undefined) {
      throw new Error('the verification kit needs a Debian archive with component main among the apt sources');
    }
    writeFileSync(at('sources.list'), `deb [signed-by=${KEYRING}] ${archive} ${SUITE} main\n`);
    const options = [
      `Dir::Etc::SourceList=${at('sources.list')}`, 'Dir::Etc::SourceParts=/dev/null', `Dir::State::Lists=${at('lists')}`,
      `Dir::Cache=${at('cache')}`, 'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
    run('apt-get', ['-q', ...options, 'update']);
    run('apt-get', ['-q', ...options, 'download', ...PACKAGES], at('debs'));
    readdirSync(at('debs')).forEach((deb) => run('dpkg', ['-x', at('debs', deb), at('root')]));
    writeFileSync(at('.stamp'), WANTED);
    ['lists', 'cache', 'debs', 'sources.list'].forEach((name) => rmSync(at(name), { recursive: true }));
    rmSync(CACHE, { recursive: true, force: true });
    renameSync(work, CACHE);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    if (fetched() === undefined) {
      throw error;
    }
  }
}

if (require.main === module) {
  console.log(`njs ${ensureNjs().version}`);
}
