import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync, closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { FREEZE_PARAMETER } from '../../../src/ebs-snapshot-dr/contract';
import { FREEZE_DOCUMENT, freezeScript } from '../../../src/ebs-snapshot-dr/freeze-document';
import { hash32, Prng } from '../../kit/faults';

/** Seconds; the watchdog lets go one second earlier. */
export const MAX_FROZEN = 2;
const POLL_MS = 25;
/** By then everything has ended, or it never will. */
const PATIENCE_MS = 30_000;

/** What befalls one freeze. Times are in seconds. */
export interface FreezePlan {
  readonly shell: 'dash' | 'bash';
  readonly paths: readonly PathPlan[];
  /** A signal from outside, to the script or to its process group, as when the agent ends or is restarted. */
  readonly strike?: Strike & { readonly at: number };
  /** When it is asked to thaw. */
  readonly thawAt?: number;
  /** When a second freeze of the same file systems begins. */
  readonly secondAt?: number;
}

export interface PathPlan {
  /** How long fsfreeze takes, and whether it succeeds. */
  readonly delay: number;
  readonly fails: boolean;
  /** Thawing fails so often, 0 to 2. */
  readonly stubborn: number;
  /** Strikes when the freeze begins, and when it has taken effect. */
  readonly before?: Strike;
  readonly after?: Strike;
}

export interface Strike {
  readonly whom: 'main' | 'group';
  /** STOP: for a second and a half. */
  readonly signal: 'KILL' | 'TERM' | 'HUP' | 'INT' | 'STOP';
}

export interface FreezeOutcome {
  readonly plan: FreezePlan;
  /** Of the script: undefined if it was killed. */
  readonly code?: number;
  readonly said: string;
  /** Frozen file systems when the script ended by itself. */
  readonly frozenAtEnd: readonly string[];
  /** Longest time a file system was frozen, in seconds. */
  readonly longest: number;
  /** So much longer than asked for a sleep took beside it at most: the machine's lateness, not the script's. */
  readonly lateness: number;
  /** What is frozen, and what notes are there, when all have ended. */
  readonly left: readonly string[];
  readonly frozen: number;
}

export function randomPlan(seed: number): FreezePlan {
  const prng = new Prng(hash32(seed, 'freeze'));
  const strike = (): Strike => ({ whom: prng.pick(['main', 'group']), signal: prng.pick(['KILL', 'KILL', 'TERM', 'HUP', 'INT', 'STOP']) });
  const tenths = (most: number) => prng.int(0, most) / 10;
  return {
    shell: prng.pick(['dash', 'bash']),
    paths: Array.from({ length: prng.int(1, 3) }, () => ({
      delay: prng.chance(0.25) ? tenths(22) : 0,
      fails: prng.chance(0.1),
      stubborn: prng.chance(0.15) ? prng.int(1, 2) : 0,
      ...prng.chance(0.12) && { before: strike() },
      ...prng.chance(0.12) && { after: strike() },
    })),
    ...prng.chance(0.4) && { strike: { ...strike(), at: prng.int(0, 1500) / 1000 } },
    ...prng.chance(0.6) && { thawAt: tenths(12) },
    ...prng.chance(0.1) && { secondAt: tenths(10) },
  };
}

/** A folder with the two programs the script is given in place of the real ones. */
export class Instances {
  private readonly root = mkdtempSync(join(tmpdir(), 'freeze-'));
  private readonly programs = join(this.root, 'bin');
  private readonly clock: ChildProcess;
  private count = 0;

  constructor() {
    mkdirSync(this.programs);
    for (const program of ['fsfreeze', 'stat']) {
      const path = join(this.programs, program);
      copyFileSync(join(__dirname, `${program}.sh`), path);
      chmodSync(path, 0o755);
    }
    // What a sleep of the watchdog's kind takes on this machine at this time.
    const lines = 'while :; do read -r a r </proc/uptime; sleep 0.2; read -r b r </proc/uptime; echo "$a $b"; done';
    writeFileSync(join(this.root, 'clock'), '');
    this.clock = spawn('sh', ['-c', `exec >${join(this.root, 'clock')}; ${lines}`], { detached: true, stdio: 'ignore' });
  }

  public stop(): void {
    process.kill(-this.clock.pid!, 'SIGKILL');
    rmSync(this.root, { recursive: true, force: true });
  }

  /** One instance: freezes by the plan until nothing is at work any more. */
  public async freeze(plan: FreezePlan): Promise<FreezeOutcome> {
    const instance = new FreezingInstance(join(this.root, `${++this.count}`), this.programs, plan);
    const from = uptime();
    try {
      const outcome = await instance.play();
      return { ...outcome, lateness: this.lateness(from) };
    } finally {
      instance.clear();
    }
  }

  private lateness(from: number): number {
    const waits = readFileSync(join(this.root, 'clock'), 'utf8').split('\n').slice(0, -1).map((line) => line.split(' ').map(Number));
    return Math.max(0, ...waits.filter(([, end]) => end >= from).map(([begin, end]) => end - begin - 0.2));
  }
}

interface End {
  readonly code?: number;
  readonly said: string;
}

class FreezingInstance {
  private readonly paths: string;

  constructor(private readonly root: string, private readonly programs: string, private readonly plan: FreezePlan) {
    for (const folder of ['frozen', 'plan']) mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, 'log'), '');
    plan.paths.forEach(({ delay, fails, stubborn, before, after }, i) => {
      const path = join(root, 'plan', `fs${i}`);
      writeFileSync(path, `${delay} ${fails ? 'fails' : 'ok'} ${word(before)} ${word(after)}\n`);
      for (let n = 1; n <= stubborn; n++) mkdirSync(`${path}.stubborn.${n}`);
    });
    this.paths = plan.paths.map((_, i) => `/fs${i}`).join(':');
  }

  public async play(): Promise<Omit<FreezeOutcome, 'lateness'>> {
    const { strike, thawAt, secondAt } = this.plan;
    const main = this.start('freeze', 'a1', true);
    const others: Promise<unknown>[] = [];
    const at = (seconds: number | undefined, act: () => unknown) => {
      if (seconds !== undefined) others.push(setTimeout(seconds * 1000).then(act));
    };
    at(strike?.at, () => strike && this.strike(main.child, strike));
    at(thawAt, () => this.start('thaw', 'a1').ended);
    at(secondAt, () => this.start('freeze', 'b2').ended);
    const resumed = this.resumeForEver(main.child);
    const { code, said } = await main.ended;
    const frozenAtEnd = code === undefined ? [] : readdirSync(join(this.root, 'frozen'));
    await Promise.all(others);
    const left = await this.rest();
    resumed.abort();
    return { plan: this.plan, code, said, frozenAtEnd, left, ...this.times() };
  }

  public clear(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private start(action: string, id: string, isMain = false): { readonly child: ChildProcess; readonly ended: Promise<End> } {
    const script = join(this.root, `${action}-${id}`);
    writeFileSync(script, rendered(this.root, { action, id, paths: this.paths }));
    const said = openSync(`${script}.out`, 'a');
    const child = spawn(this.plan.shell, ['-c', `${isMain ? 'echo $$ >"$FREEZE_DIR/main"; ' : ''}exec ${this.plan.shell} ${script}`], {
      detached: true,
      stdio: ['ignore', said, said],
      env: { PATH: `${this.programs}:${process.env.PATH}`, FREEZE_DIR: this.root },
    });
    closeSync(said);
    const ended = new Promise<End>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve({ ...code !== null && { code }, said: readFileSync(`${script}.out`, 'utf8') }));
    });
    return { child, ended };
  }

  private strike(child: ChildProcess, { whom, signal }: Strike): void {
    try {
      process.kill(whom === 'group' ? -child.pid! : child.pid!, `SIG${signal}`);
    } catch {
      // It has ended.
    }
  }

  /** Whoever is stopped goes on after a while. */
  private resumeForEver(child: ChildProcess): AbortController {
    const over = new AbortController();
    const timer = setInterval(() => this.strike(child, { whom: 'group', signal: 'CONT' as Strike['signal'] }), 1500);
    over.signal.addEventListener('abort', () => clearInterval(timer));
    return over;
  }

  /** Until watchdogs have ended and nothing is frozen: what is left if that never comes. */
  private async rest(): Promise<string[]> {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const state = join(this.root, 'run');
      // Killed before its watchdog was armed, a freeze leaves notes that the next one clears away.
      const notes = existsSync(state) ? readdirSync(state).filter((name) => existsSync(join(state, name, 'armed'))) : [];
      const left = [...notes, ...readdirSync(join(this.root, 'frozen'))];
      if (left.length === 0 || Date.now() > until) return left;
      await setTimeout(POLL_MS);
    }
  }

  private times(): { readonly longest: number; readonly frozen: number } {
    // The n-th freeze of a file system ends with its n-th thaw, whichever of them wrote its line first.
    const lines = readFileSync(join(this.root, 'log'), 'utf8').split('\n').slice(0, -1).map((line) => line.split(' '));
    const times = (what: string, name: string) => lines.flatMap(([event, of, at]) => event === what && of === name ? Number(at) / 100 : []);
    const durations = this.plan.paths.flatMap((_, i) => {
      const thaws = times('U', `fs${i}`);
      return times('F', `fs${i}`).map((from, n) => (thaws[n] ?? Infinity) - from);
    });
    return { longest: Math.max(0, ...durations), frozen: durations.length };
  }
}

function word(strike: Strike | undefined): string {
  return strike === undefined ? '-' : `${strike.whom}:${strike.signal}`;
}

/** As Systems Manager puts parameters into a document. */
function rendered(root: string, { action, id, paths }: { readonly action: string; readonly id: string; readonly paths: string }): string {
  const values: Readonly<Record<string, string>> = {
    [FREEZE_PARAMETER.action]: action, [FREEZE_PARAMETER.id]: id, [FREEZE_PARAMETER.paths]: paths, [FREEZE_PARAMETER.maxFrozenSeconds]: `${MAX_FROZEN}`,
  };
  const script = freezeScript({ state: join(root, 'run'), cgroups: join(root, 'cgroups') });
  return script.replace(/\{\{ (\w+) \}\}/g, (_, name: string) => values[name]);
}

function uptime(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
}

export const documentScript = (): string => FREEZE_DOCUMENT.mainSteps[0].inputs.runCommand.join('\n');
