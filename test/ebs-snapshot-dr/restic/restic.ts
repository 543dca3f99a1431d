import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hash32 } from '../../kit/faults';

export const RESTIC = 'github.com/restic/restic@v0.18.1';
const SOURCE = join(__dirname, 'main.go');
const CACHE = join(__dirname, '../../../.cache/restic');

export function hasGo(): boolean {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** One line of the answer for each line given. */
export async function ask(lines: Iterable<string>, onAnswer: (answer: string) => void): Promise<void> {
  const restic = spawn(built(), { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    restic.on('error', reject);
    restic.on('close', resolve);
  });
  createInterface({ input: restic.stdout }).on('line', onAnswer);
  // If it ends early its exit code tells.
  const [code] = await Promise.all([ended, pipeline(Readable.from(withBreaks(lines)), restic.stdin).catch(() => {})]);
  if (code !== 0) throw new Error(`restic must answer every line, ended with ${code}`);
}

function* withBreaks(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}

/** Go lets only code inside restic's module call it, so it is built in a copy of the module. */
function built(): string {
  const folder = join(CACHE, String(hash32(RESTIC, readFileSync(SOURCE, 'utf8'))));
  const program = join(folder, 'decide');
  if (existsSync(program)) return program;
  const { Dir } = JSON.parse(execFileSync('go', ['mod', 'download', '-json', RESTIC], { encoding: 'utf8', cwd: __dirname })) as { Dir: string };
  const unfinished = `${folder}-${process.pid}`;
  const module = join(unfinished, 'module');
  cpSync(Dir, module, { recursive: true });
  for (const entry of readdirSync(module, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o755);
  }
  chmodSync(module, 0o755);
  const command = join(module, 'cmd/decide');
  mkdirSync(command);
  copyFileSync(SOURCE, join(command, 'main.go'));
  execFileSync('go', ['build', '-buildvcs=false', '-o', join(unfinished, 'decide'), './cmd/decide'], { cwd: module });
  rmSync(module, { recursive: true });
  renameSync(unfinished, folder);
  return program;
}
