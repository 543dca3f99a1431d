/**
 * What a user of the packed library does: empty folders with our tarball, wheel and jar beside AWS CDK from its
 * registries, then `cdk synth` with the network off and no tool on the path that a user might not have.
 */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(__dirname, '..', '..');
const MAVEN_REPOSITORY = join(ROOT, '.cache', 'm2');
const MAX_OUTPUT = 100_000_000;
const run = promisify(execFile);

export interface CdkVersions {
  readonly cdk: string;
  readonly constructs: string;
}

const manifestOf = (name: string) => JSON.parse(readFileSync(join(ROOT, name, 'package.json'), 'utf8'));
const { peerDependencies } = manifestOf('.');
export const FLOOR: CdkVersions = { cdk: peerDependencies['aws-cdk-lib'].slice(1), constructs: peerDependencies.constructs.slice(1) };
/** What this repository develops with: the newest on npm. */
export const NEWEST: CdkVersions = { cdk: manifestOf('node_modules/aws-cdk-lib').version, constructs: '10.8.1' };
/** The newest that npm, PyPI and Maven Central all have: the languages are published days apart. */
export const EVERYWHERE: CdkVersions = { cdk: '2.271.0', constructs: '10.8.1' };

/** A packed artefact of `npx projen package-all`. */
export function packed(directory: 'js' | 'python' | 'java', suffix: string): string {
  const folder = join(ROOT, 'dist', directory);
  const file = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith(suffix)) : undefined;
  if (!file) throw new Error(`dist/${directory} must hold a file '*${suffix}'; run 'npx projen package-all'`);
  return join(folder, file);
}

export const tarball = () => packed('js', '.tgz');
export const wheel = () => packed('python', '.whl');
export const jar = () => packed('java', '0.0.0.jar');

/** An app installed in a folder of its own. */
export interface Consumer {
  readonly folder: string;
  /** Folders of the commands the app's own command needs. */
  readonly path: readonly string[];
  /** Commands the app's own command needs. */
  readonly commands: readonly string[];
}

const folders: string[] = [];

/** A folder holding nothing but the room's example, outside the repository: no node_modules stands above it. */
function emptyFolder(room: string, language: string): string {
  const folder = mkdtempSync(join(tmpdir(), `${language}-app-`));
  folders.push(folder);
  cpSync(join(ROOT, 'examples', room, language), folder, { recursive: true });
  return folder;
}

/** Removes all apps of this process. */
export function removeConsumers(): void {
  installations.clear();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export async function typescriptApp(room: string, { cdk, constructs }: CdkVersions): Promise<Consumer> {
  const folder = emptyFolder(room, 'typescript');
  const { name: _name, ...manifest } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const modules = await shared(['npm', manifest, cdk, constructs], async () => {
    await run('npm', ['install', '--no-audit', '--no-fund', tarball(), `aws-cdk-lib@${cdk}`, `constructs@${constructs}`], { cwd: folder });
    return join(folder, 'node_modules');
  });
  if (!existsSync(join(folder, 'node_modules'))) symlinkSync(modules, join(folder, 'node_modules'));
  return { folder, path: [], commands: [] };
}

export async function pythonApp(room: string, { cdk, constructs }: CdkVersions): Promise<Consumer> {
  const folder = emptyFolder(room, 'python');
  const bin = await shared(['pip', readFileSync(join(folder, 'requirements.txt'), 'utf8'), cdk, constructs], async () => {
    await run('python3', ['-m', 'venv', '.venv'], { cwd: folder });
    const pip = join(folder, '.venv', 'bin', 'pip');
    await run(pip, ['install', '-q', '--disable-pip-version-check', wheel(), `aws-cdk-lib==${cdk}`, `constructs==${constructs}`], { cwd: folder });
    return join(folder, '.venv', 'bin');
  });
  return { folder, path: [bin], commands: [] };
}

const installations = new Map<string, Promise<string>>();

/** Apps that ask for the same share one installation, the first one's: unpacking AWS CDK is most of the time an app takes. */
function shared(what: readonly unknown[], install: () => Promise<string>): Promise<string> {
  const key = JSON.stringify(what);
  const installation = installations.get(key) ?? install();
  installations.set(key, installation);
  return installation;
}

export async function javaApp(room: string, { cdk, constructs }: CdkVersions): Promise<Consumer> {
  const folder = emptyFolder(room, 'java');
  // dist/java is laid out as a repository: our jar is installed by copying it.
  cpSync(join(ROOT, 'dist', 'java'), MAVEN_REPOSITORY, { recursive: true });
  const settings = ['-q', '-B', `-Dmaven.repo.local=${MAVEN_REPOSITORY}`, `-Dcdk.version=${cdk}`, `-Dconstructs.version=${constructs}`];
  // Fetches dependencies and plugins, so that the app's own command works offline afterwards.
  await run('mvn', [...settings, 'compile', 'exec:exec', '-Dexec.executable=true'], { cwd: folder, maxBuffer: MAX_OUTPUT });
  mkdirSync(join(folder, '.mvn'));
  writeFileSync(join(folder, '.mvn', 'maven.config'), ['--offline', ...settings].join('\n'));
  return {
    folder,
    path: [],
    commands: ['mvn', 'java', 'javac', 'dirname', 'uname', 'readlink', 'basename', 'ls', 'expr', 'sed', 'tr', 'cat'],
  };
}

export interface Synthesized {
  /** Of all stacks together. */
  readonly Resources: Record<string, unknown>;
  readonly templates: readonly unknown[];
}

/** What the app's own command gives. */
export async function synthOffline(consumer: Consumer): Promise<Synthesized> {
  const bin = mkdtempSync(join(tmpdir(), 'path-'));
  for (const command of ['sh', 'env', ...consumer.commands]) symlinkSync(which(command), join(bin, command));
  symlinkSync(realpathSync(process.execPath), join(bin, 'node'));
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  const cli = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  const [file, ...args] = [
    ...withoutNetwork(), process.execPath, cli, 'synth', '--quiet', '--no-notices', '--no-version-reporting', '--output', 'cdk.out',
  ];
  await run(file, args, {
    cwd: consumer.folder,
    maxBuffer: MAX_OUTPUT,
    env: {
      HOME: home,
      PATH: [...consumer.path, bin].join(delimiter),
      HTTP_PROXY: NOWHERE,
      HTTPS_PROXY: NOWHERE,
      JSII_RUNTIME_PACKAGE_CACHE_ROOT: unpacked(),
      CDK_DISABLE_CLI_TELEMETRY: '1',
      AWS_EC2_METADATA_DISABLED: 'true',
      CDK_VALIDATION: 'false',
    },
  });
  rmSync(bin, { recursive: true });
  rmSync(home, { recursive: true });
  const out = join(consumer.folder, 'cdk.out');
  const templates = readdirSync(out).filter((name) => name.endsWith('.template.json')).sort()
    .map((name) => JSON.parse(readFileSync(join(out, name), 'utf8')));
  return { Resources: Object.assign({}, ...templates.map(({ Resources }) => Resources)), templates };
}

let jsiiCache: string | undefined;

/** Where jsii keeps the packages it unpacks for Python and Java: with a home of its own each app would unpack AWS CDK again. */
function unpacked(): string {
  if (jsiiCache === undefined || !existsSync(jsiiCache)) folders.push(jsiiCache = mkdtempSync(join(tmpdir(), 'jsii-')));
  return jsiiCache;
}

/** A port nobody answers on: for what should try the network although there is none. */
const NOWHERE = 'http://127.0.0.1:9';

/** A network namespace without any interface, where the kernel lets us make one. */
function withoutNetwork(): readonly string[] {
  try {
    execFileSync('unshare', ['--map-root-user', '--net', 'true'], { stdio: 'ignore' });
    return [which('unshare'), '--map-root-user', '--net'];
  } catch {
    return [];
  }
}

function which(command: string): string {
  const folder = process.env.PATH!.split(delimiter).find((dir) => existsSync(join(dir, command)));
  if (!folder) throw new Error(`'${command}' is not on the path`);
  return join(folder, command);
}
