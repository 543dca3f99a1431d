/**
 * The native half of the image room: sharp's prebuilt binaries for both Lambda architectures.
 *
 * npm installs only the binaries of the machine it runs on. The lock file names all of them with their checksums,
 * so the missing ones are fetched by exactly that name, version and checksum, once.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Lockfile, licenceTextIn, PackageNotice } from './licences';

export const ARCHITECTURES = ['arm64', 'x64'] as const;
export type Architecture = typeof ARCHITECTURES[number];

/** Relative path in the function's directory → content. */
export type Files = ReadonlyMap<string, Uint8Array>;

export interface SharpBinaries {
  readonly files: Files;
  readonly notices: readonly PackageNotice[];
}

/** ELF `e_machine`. */
const MACHINE: Record<Architecture, number> = { arm64: 0xb7, x64: 0x3e };

/**
 * The two files a function needs, in the layout the addon's RPATH expects
 * (`$ORIGIN/../../sharp-libvips-linux-<arch>/lib`).
 */
export function sharpBinaries(architecture: Architecture, lock: Lockfile, cache: string): SharpBinaries {
  const files = new Map<string, Uint8Array>();
  const notices: PackageNotice[] = [];
  for (const part of [`sharp-linux-${architecture}`, `sharp-libvips-linux-${architecture}`]) {
    const name = `@img/${part}`;
    const { version, integrity, license } = lock.entry(name);
    const tarball = fetchTarball(name, version, cache);
    verifyIntegrity(tarball, integrity);
    withExtracted(tarball, cache, (directory) => {
      const binary = findBinary(join(directory, 'lib'));
      const content = readFileSync(join(directory, 'lib', binary));
      verifyMachine(`${name}/lib/${binary}`, content, architecture);
      files.set(`${part}/lib/${installedName(binary)}`, content);
      notices.push({ name, version, license, integrity, text: licenceTextIn(directory), parts: partsIn(directory) });
    });
  }
  return { files, notices };
}

/** Throws unless the file has the checksum of the lock file. */
export function verifyIntegrity(file: string, integrity: string): void {
  const [algorithm, expected] = [integrity.slice(0, integrity.indexOf('-')), integrity.slice(integrity.indexOf('-') + 1)];
  const actual = createHash(algorithm).update(readFileSync(file)).digest('base64');
  if (actual !== expected) {
    throw new Error(`'${file}' must have the ${algorithm} ${expected} of package-lock.json, got ${actual}; delete it to fetch it again`);
  }
}

/** Throws unless the ELF file is for the architecture. */
export function verifyMachine(label: string, content: Uint8Array, architecture: Architecture): void {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const machine = content.byteLength > 20 && view.getUint32(0) === 0x7f454c46 ? view.getUint16(18, true) : undefined;
  if (machine !== MACHINE[architecture]) {
    const got = ARCHITECTURES.find((candidate) => MACHINE[candidate] === machine) ?? 'something else';
    throw new Error(`'${label}' must be an ELF file for ${architecture}, got ${got}`);
  }
}

function fetchTarball(name: string, version: string, cache: string): string {
  const target = join(cache, `${name.slice(1).replace('/', '-')}-${version}.tgz`);
  if (!existsSync(target)) {
    mkdirSync(cache, { recursive: true });
    const directory = mkdtempSync(join(cache, 'fetch-'));
    try {
      execFileSync('npm', ['pack', `${name}@${version}`, '--pack-destination', directory, '--silent'], { stdio: ['ignore', 'ignore', 'inherit'] });
      renameSync(join(directory, readdirSync(directory)[0]), target);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
  return target;
}

function withExtracted(tarball: string, cache: string, use: (directory: string) => void): void {
  const directory = mkdtempSync(join(cache, 'extract-'));
  try {
    execFileSync('tar', ['-xzf', tarball, '-C', directory, '--strip-components=1']);
    use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function findBinary(directory: string): string {
  const binaries = readdirSync(directory).filter((file) => /\.node$|\.so(\.|$)/.test(file));
  if (binaries.length !== 1) {
    throw new Error(`'${directory}' must hold exactly one binary, got ${binaries.join(', ') || 'none'}`);
  }
  return binaries[0];
}

/** The addon's file name carries sharp's version; the bundle asks for it without. The library's name is its SONAME and stays. */
function installedName(binary: string): string {
  return binary.endsWith('.node') ? 'sharp.node' : binary;
}

/** The libraries inside libvips-cpp.so, as its package lists them. */
function partsIn(directory: string): Record<string, string> | undefined {
  const list = join(directory, 'versions.json');
  return existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : undefined;
}
