/**
 * `npx projen verify`: everything CI runs, on a bare machine after `npm ci`. The last line is 'N passed, N failed',
 * where N counts jest's tests and every other step. `--long` runs the long seeded suites instead.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Steps that must have passed before this one starts. */
  readonly needs?: readonly string[];
  /** Steps that must have ended. */
  readonly after?: readonly string[];
  /** A jest run: each test counts, as read from jest's own report. */
  readonly jest?: boolean;
  readonly timeoutMinutes?: number;
}

interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

const ROOT = join(__dirname, '..');
const LOGS = join(ROOT, '.cache', 'verify');
/** Steps running at once: the build's chain of compilers beside the tests. */
const LANES = 2;
const TAIL_LINES = 60;
const DEFAULT_TIMEOUT_MINUTES = 10;

const task = (name: string) => ['projen', name];
const check = (name: string) => ['tsx', join(__dirname, 'checks.ts'), name];
const jest = (name: string, ...args: string[]) => ['jest', '--ci', '--json', `--outputFile=${reportOf(name)}`, ...args];

/** In order of preference: whenever a lane is free, the first step that may start does. */
const SHORT: readonly Step[] = [
  { name: 'prerequisites', command: check('prerequisites') },
  { name: 'kit', command: task('kit'), needs: ['prerequisites'] },
  { name: 'bundle', command: task('bundle'), needs: ['prerequisites'] },
  // Everything that needs no compiled library: decisions, templates, true runtime, faults, IAM, end to end.
  { name: 'tests', command: jest('tests', '--testPathIgnorePatterns=/node_modules/', '<rootDir>/test/library/'), needs: ['kit', 'bundle'], jest: true, timeoutMinutes: 20 },
  { name: 'compile', command: task('compile'), needs: ['bundle'] },
  { name: 'api', command: check('api'), needs: ['compile'] },
  { name: 'rosetta', command: task('rosetta'), needs: ['compile'] },
  { name: 'package', command: task('package-all'), needs: ['rosetta'], timeoutMinutes: 15 },
  { name: 'typecheck', command: task('typecheck'), needs: ['prerequisites'] },
  { name: 'lint', command: task('lint'), needs: ['prerequisites'] },
  // What reads built artefacts: assembly, tarball, wheel, jar, consumers, CDK floor, licences.
  { name: 'library', command: jest('library', 'test/library'), needs: ['kit', 'bundle', 'package'], jest: true, timeoutMinutes: 20 },
  { name: 'demo', command: task('demo'), needs: ['kit', 'bundle'], after: ['tests', 'library'] },
  { name: 'projen', command: task('default'), after: ['demo', 'typecheck', 'lint', 'api'] },
  { name: 'generated files', command: check('generated'), after: ['projen'] },
];

const seed = process.env.KIT_SEED ?? new Date().toISOString().slice(0, 10).replaceAll('-', '');
const seeded = (name: string, pattern: string, runs: number): Step => ({
  name,
  command: jest(name, pattern),
  env: { KIT_SEED: seed, KIT_RUNS: String(runs) },
  needs: ['kit', 'bundle'],
  jest: true,
  timeoutMinutes: 8 * 60,
});
const LONG: readonly Step[] = [
  ...SHORT.filter(({ name }) => ['prerequisites', 'kit', 'bundle'].includes(name)),
  seeded('fault schedules', '(?<!ebs-snapshot-dr/\\w+)\\.faults\\.test\\.ts$', 1_000),
  // A run of these takes seconds: their numbers are of their own.
  seeded('frozen file systems', 'ebs-snapshot-dr/freeze\\.faults\\.test\\.ts$', 2_000),
  seeded('faults in disaster recovery', 'ebs-snapshot-dr/handlers\\.faults\\.test\\.ts$', 200),
  seeded('interleavings', '\\.model\\.test\\.ts$', 10_000),
  seeded('broken files', 'fuzz\\.test\\.ts$', 10_000),
  seeded('rules of every dialect', 'edge-rewrite/order\\.test\\.ts$', 100_000),
  seeded('redirects to other hosts', 'edge-rewrite/emit\\.test\\.ts$', 1_000_000),
  seeded('simulations', 'simulation/[^/]*\\.test\\.ts$', 1_000),
  seeded('aggregates', 'kcl/kcl\\.test\\.ts$', 1_000_000),
  // Runs on all processors by itself.
  { name: 'years of disaster recovery', command: ['tsx', 'test/ebs-snapshot-dr/simulation/long.ts'], env: { KIT_SEED: seed, KIT_RUNS: '1000' }, timeoutMinutes: 180 },
  // Says so and fails where there is no Go: no run without it has compared anything.
  { name: 'retention beside restic', command: ['tsx', 'test/ebs-snapshot-dr/restic/differential.ts'], env: { KIT_SEED: seed, KIT_RUNS: '500000' }, timeoutMinutes: 60 },
];

/** No credentials or addresses of a real account reach any process; tools stay silent about themselves. */
const ENVIRONMENT: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))),
  PATH: [join(ROOT, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
  AWS_EC2_METADATA_DISABLED: 'true',
  CDK_DISABLE_CLI_TELEMETRY: '1',
  NO_COLOR: '1',
};

function logOf(step: string): string {
  return join(LOGS, `${step.replaceAll(' ', '-')}.log`);
}

function reportOf(step: string): string {
  return join(LOGS, `${step.replaceAll(' ', '-')}.json`);
}

/** Groups of children still running: they end with us. */
const groups = new Set<number>();

function killGroup(pid: number) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}

function execute(step: Step): Promise<number> {
  const log = createWriteStream(logOf(step.name));
  const [file, ...args] = step.command;
  const child = spawn(file, args, {
    cwd: ROOT, env: { ...ENVIRONMENT, ...step.env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  return new Promise((resolve) => {
    const minutes = step.timeoutMinutes ?? DEFAULT_TIMEOUT_MINUTES;
    const timer = setTimeout(() => {
      log.write(`\nstopped after ${minutes} minutes\n`);
      killGroup(child.pid!);
    }, minutes * 60_000);
    const end = (code: number) => {
      clearTimeout(timer);
      if (child.pid) groups.delete(child.pid);
      log.end(() => resolve(code));
    };
    if (child.pid) groups.add(child.pid);
    child.on('error', (error) => {
      log.write(error.message);
      end(1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numRuntimeErrorTestSuites: number;
  /** `message` holds what jest prints of a file's failures. */
  readonly testResults: readonly { readonly status: 'passed' | 'failed'; readonly name: string; readonly message: string }[];
}

function jestReport(step: Step): JestReport | undefined {
  return step.jest && existsSync(reportOf(step.name)) ? JSON.parse(readFileSync(reportOf(step.name), 'utf8')) : undefined;
}

/** A skipped test counts as failed: nothing here may be skipped. */
function outcomeOf(step: Step, code: number): Outcome {
  const report = jestReport(step);
  if (!report) return code === 0 && !step.jest ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  const failed = report.numFailedTests + report.numPendingTests + report.numRuntimeErrorTestSuites;
  return { passed: report.numPassedTests, failed: code === 0 ? failed : Math.max(failed, 1) };
}

/** What to read after a failure: the end of the output, or the beginning of each failed test file's. */
function explain(step: Step): string {
  const lines = (text: string) => stripVTControlCharacters(text).trimEnd().split('\n');
  const failures = jestReport(step)?.testResults.filter(({ status }) => status === 'failed') ?? [];
  const shown = failures.length > 0
    ? failures.flatMap(({ name, message }) => [relative(ROOT, name), ...lines(message).slice(0, TAIL_LINES)])
    : lines(readFileSync(logOf(step.name), 'utf8')).slice(-TAIL_LINES);
  return [...shown, `whole output: ${relative(ROOT, logOf(step.name))}`].map((line) => `         | ${line}`).join('\n');
}

async function run(step: Step): Promise<Outcome> {
  const started = performance.now();
  console.log(`     … ${step.name}`);
  const outcome = outcomeOf(step, await execute(step));
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  const tests = step.jest ? ` (${outcome.passed} tests passed, ${outcome.failed} failed)` : '';
  console.log(`${seconds} s ${outcome.failed === 0 ? '✓' : '✗'} ${step.name}${tests}`);
  if (outcome.failed > 0) console.log(explain(step));
  return outcome;
}

async function runAll(steps: readonly Step[]): Promise<Outcome> {
  const waiting = [...steps];
  const running = new Map<string, Promise<void>>();
  const outcomes = new Map<string, Outcome>();
  while (waiting.length > 0 || running.size > 0) {
    const hopeless = waiting.findIndex((step) => step.needs?.some((name) => (outcomes.get(name)?.failed ?? 0) > 0));
    const ready = waiting.findIndex((step) => [...step.needs ?? [], ...step.after ?? []].every((name) => outcomes.has(name)));
    if (hopeless >= 0) {
      const [step] = waiting.splice(hopeless, 1);
      console.log(`         ✗ ${step.name} (not run: a step before it failed)`);
      outcomes.set(step.name, { passed: 0, failed: 1 });
    } else if (ready >= 0 && running.size < LANES) {
      const [step] = waiting.splice(ready, 1);
      running.set(step.name, run(step).then((outcome) => {
        outcomes.set(step.name, outcome);
        running.delete(step.name);
      }));
    } else {
      await Promise.race(running.values());
    }
  }
  return [...outcomes.values()].reduce((sum, { passed, failed }) => ({ passed: sum.passed + passed, failed: sum.failed + failed }));
}

async function main() {
  rmSync(LOGS, { recursive: true, force: true });
  mkdirSync(LOGS, { recursive: true });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      groups.forEach(killGroup);
      process.exit(1);
    });
  }
  const long = process.argv.includes('--long');
  if (long) console.log(`KIT_SEED=${seed}`);
  const started = performance.now();
  const { passed, failed } = await runAll(long ? LONG : SHORT);
  console.log(`${((performance.now() - started) / 60_000).toFixed(1)} minutes, logs in ${relative(ROOT, LOGS)}`);
  process.exitCode = failed > 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed`);
}

void main();
