/** The two emulators as the kit runs them: children of the test run, loopback, a free port each. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { CACHE_DIR, PYTHON, ensureKit } from '../setup';

export const ACCOUNT = '123456789012';
export const REGION = 'eu-west-1';

export interface Emulator {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly logFile: string;
  /** Forgets everything. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface EmulatorOptions {
  /** Control door of the {@link LambdaHost} that executes functions; without it none can run. */
  readonly lambdaHostUrl?: string;
  /** @default {@link REGION} */
  readonly region?: string;
  /** @default {@link ACCOUNT} */
  readonly account?: string;
}

/** Deploy target of end-to-end tests and demo. */
export function startMiniStack(options: EmulatorOptions = {}): Promise<Emulator> {
  const { account = ACCOUNT, region = REGION } = options;
  return EmulatorProcess.start('ministack', options, {
    ready: '/_ministack/health',
    reset: '/_ministack/reset',
    environment: { MINISTACK_ACCOUNT_ID: account, MINISTACK_REGION: region },
  });
}

/** Service APIs behind the truth proxy in fault suites. */
export function startMoto(options: EmulatorOptions = {}): Promise<Emulator> {
  return EmulatorProcess.start('moto', options, {
    ready: '/moto-api/data.json',
    reset: '/moto-api/reset',
    environment: { MOTO_ACCOUNT_ID: options.account ?? ACCOUNT },
  });
}

interface Doors {
  readonly ready: string;
  readonly reset: string;
  readonly environment: Readonly<Record<string, string>>;
}

const PATIENCE_MS = 30_000;

class EmulatorProcess implements Emulator {
  public static async start(name: string, options: EmulatorOptions, doors: Doors): Promise<Emulator> {
    ensureKit();
    mkdirSync(CACHE_DIR, { recursive: true });
    const directory = mkdtempSync(join(tmpdir(), `${name}-`));
    const logFile = join(CACHE_DIR, `${name}-${process.pid}-${count++}.log`);
    const log = openSync(logFile, 'w');
    const child = spawn(PYTHON, [join(__dirname, `launch_${name}.py`)], {
      env: {
        ...doors.environment,
        PATH: process.env.PATH,
        TMPDIR: directory,
        PYTHONUNBUFFERED: '1',
        PYTHONDONTWRITEBYTECODE: '1',
        AWS_DEFAULT_REGION: options.region ?? REGION,
        ...(options.lambdaHostUrl ? { KIT_LAMBDA_HOST: options.lambdaHostUrl } : {}),
      },
      stdio: ['ignore', log, log, 'pipe'],
      detached: true, // a process group of its own
    });
    try {
      const origin = `http://127.0.0.1:${await portOf(child, PATIENCE_MS)}`;
      const emulator = new EmulatorProcess(origin, logFile, directory, child, doors);
      await emulator.call('GET', doors.ready);
      return emulator;
    } catch (error) {
      kill(child);
      throw new Error(`${name} did not start: ${(error as Error).message}\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
    }
  }

  private constructor(
    public readonly origin: string,
    public readonly logFile: string,
    private readonly directory: string,
    private readonly child: ChildProcess,
    private readonly doors: Doors,
  ) {}

  public async reset(): Promise<void> {
    await this.call('POST', this.doors.reset);
  }

  public async stop(): Promise<void> {
    const exited = this.child.exitCode === null && this.child.signalCode === null
      ? new Promise((resolve) => this.child.once('exit', resolve)) : undefined;
    kill(this.child);
    await exited;
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The port is bound before the emulator serves it: a first request just waits. */
  private async call(method: string, path: string): Promise<void> {
    const response = await fetch(`${this.origin}${path}`, { method, signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!response.ok) {
      throw new Error(`${method} ${path} must answer 2xx, got ${response.status}`);
    }
    await response.arrayBuffer();
  }
}

let count = 0;

/** The launcher writes the port it was given to descriptor 3. */
async function portOf(child: ChildProcess, patienceMs: number): Promise<number> {
  const timer = setTimeout(() => kill(child), patienceMs);
  try {
    let text = '';
    for await (const chunk of child.stdio[3] as Readable) {
      text += String(chunk);
    }
    if (!/^\d+\n$/.test(text)) {
      throw new Error(`the launcher must tell its port, got '${text}'`);
    }
    return Number(text);
  } finally {
    clearTimeout(timer);
  }
}

function kill(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // gone already
  }
}
