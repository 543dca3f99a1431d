import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hash32 } from '../../kit/faults';

const ROOT = join(__dirname, '..', '..', '..');
const POM = join(__dirname, 'pom.xml');
const SOURCE = join(__dirname, 'Oracles.java');

export type OracleName = 'kcl' | 'ruler';

/**
 * What the code behind the services says: 'kcl' is the Kinesis Client Library's deaggregation, 'ruler' EventBridge's
 * matching engine. One line of the answer for each line given.
 */
export async function ask(oracle: OracleName, lines: Iterable<string>, onAnswer: (answer: string, index: number) => void): Promise<void> {
  const folder = built();
  const java = spawn('java', ['-Xmx512m', '-cp', [folder, join(folder, '*')].join(delimiter), 'Oracles', oracle], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    java.on('error', (error) => reject(missing('java', error)));
    java.on('close', resolve);
  });
  let answers = 0;
  createInterface({ input: java.stdout }).on('line', (answer) => onAnswer(answer, answers++));
  // If it ends early its exit code tells.
  const [code] = await Promise.all([ended, pipeline(Readable.from(withBreaks(lines)), java.stdin).catch(() => {})]);
  if (code !== 0) throw new Error(`the ${oracle} oracle must answer every line, ended with ${code} after ${answers} answers`);
}

function* withBreaks(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}

/** Libraries and classes, made once for each state of their sources. */
function built(): string {
  const folder = join(ROOT, '.cache', 'oracles', String(hash32(...[POM, SOURCE].map((file) => readFileSync(file, 'utf8')))));
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const libraries = [`-Dmaven.repo.local=${join(ROOT, '.cache', 'm2')}`, 'dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`];
  try {
    run('mvn', ['-q', '-B', '-f', POM, ...libraries]);
    run('javac', ['-cp', join(unfinished, '*'), '-d', unfinished, SOURCE]);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    throw error;
  }
  renameSync(unfinished, folder);
  return folder;
}

function run(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, args);
  } catch (error) {
    throw missing(command, error);
  }
}

function missing(command: string, error: unknown): Error {
  return new Error(`the comparison with the services' own code needs a JDK of at least 17 and Maven: '${command}' failed`, { cause: error });
}
