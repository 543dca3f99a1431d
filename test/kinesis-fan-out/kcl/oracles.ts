import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hash32 } from '../../kit/faults';

const ROOT = join(__dirname, '..', '..', '..');
const POM = join(__dirname, 'pom.xml');

/**
 * What the code behind the services says: 'kcl' is the Kinesis Client Library's deaggregation, 'ruler' EventBridge's
 * matching engine. One line of the answer for each line given.
 */
export async function ask(oracle: 'kcl' | 'ruler', lines: Iterable<string>, onAnswer: (answer: string, index: number) => void): Promise<void> {
  const java = spawn('java', ['-Xmx512m', '-cp', join(libraries(), '*'), join(__dirname, 'Oracles.java'), oracle], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    java.on('error', (error) => reject(missing('java', error)));
    java.on('close', resolve);
  });
  let answers = 0;
  createInterface({ input: java.stdout }).on('line', (answer) => onAnswer(answer, answers++));
  // If it ends early its exit code tells.
  await pipeline(Readable.from(withBreaks(lines)), java.stdin).catch(() => {});
  const code = await ended;
  if (code !== 0) throw new Error(`the ${oracle} oracle must answer every line, ended with ${code} after ${answers} answers`);
}

function* withBreaks(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}

/** Fetched once for each state of the pom. */
function libraries(): string {
  const folder = join(ROOT, '.cache', 'oracles', String(hash32(readFileSync(POM, 'utf8'))));
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    execFileSync('mvn', ['-q', '-B', '-f', POM, `-Dmaven.repo.local=${join(ROOT, '.cache', 'm2')}`, 'dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`]);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    throw missing('mvn', error);
  }
  renameSync(unfinished, folder);
  return folder;
}

function missing(command: string, error: unknown): Error {
  return new Error(`the comparison with the Kinesis Client Library needs a JDK of at least 17 and Maven: '${command}' failed`, { cause: error });
}
