/** A simulated time of day: 2026-01-01. */
export const EPOCH = Date.UTC(2026, 0, 1);

interface Task {
  readonly due: number;
  readonly order: number;
  readonly run: () => Promise<void>;
}

/** Time that passes for somebody. */
export interface Sleep {
  readonly over: Promise<void>;
  /** Nobody waits any more; `over` never comes. */
  cancel(): void;
}

/**
 * The virtual clock and what is to happen when. Time stands still while anything runs and jumps to the next task
 * afterwards: a visibility timeout of minutes takes no time at all, and the order never depends on the machine.
 */
export class Timeline {
  private tasks: Task[] = [];
  private order = 0;
  private time = EPOCH;
  private sleepers = 0;
  private readonly failures: unknown[] = [];

  /**
   * @param onJump told the new time, for those who keep a clock of their own
   * @param beforeJump what is still on its way arrives in the time it belongs to
   */
  constructor(
    private readonly onJump: (now: number) => void = () => {},
    private readonly beforeJump: () => Promise<void> = async () => {},
  ) {}

  private onSleep: () => void = () => {};

  /** Milliseconds since 1970. */
  public get now(): number {
    return this.time;
  }

  /** Nothing is to happen any more. */
  public get isIdle(): boolean {
    return this.tasks.length === 0;
  }

  /** @param due a time that has passed means at once */
  public at(due: number, run: () => Promise<void>): void {
    this.tasks.push({ due: Math.max(due, this.time), order: this.order++, run });
  }

  public after(seconds: number, run: () => Promise<void>): void {
    this.at(this.time + seconds * 1000, run);
  }

  /**
   * What runs may let time pass, and others run meanwhile. Only for those who otherwise do nothing but compute: time goes
   * on as soon as everybody sleeps, and whoever waits for the world outside looks as if asleep.
   */
  public sleep(milliseconds: number): Sleep {
    let wake!: () => void;
    const over = new Promise<void>((resolve) => wake = resolve);
    const task: Task = {
      due: this.time + Math.max(0, milliseconds),
      order: this.order++,
      run: async () => {
        this.sleepers -= 1;
        wake();
        await turn();
      },
    };
    this.tasks.push(task);
    this.sleepers += 1;
    this.onSleep();
    return {
      over,
      cancel: () => {
        if (!this.tasks.includes(task)) return;
        this.tasks = this.tasks.filter((other) => other !== task);
        this.sleepers -= 1;
      },
    };
  }

  /** Runs until nothing is left. A system that feeds itself for ever is a failure, not a hang. */
  public async drain(maxTasks = 10_000): Promise<void> {
    for (let done = 0; this.tasks.length > 0; done++) {
      if (done >= maxTasks) throw new Error(`the system does not come to rest within ${maxTasks} steps`);
      await this.step();
    }
  }

  /** Runs what is due until then, and no more. */
  public async advance(seconds: number): Promise<void> {
    const end = this.time + seconds * 1000;
    do {
      while (this.tasks.some(({ due }) => due <= end)) await this.step();
      await this.jump(end);
    } while (this.time < end);
  }

  private async step(): Promise<void> {
    if (this.next().due > this.time) await this.jump(this.next().due);
    const next = this.next();
    this.tasks = this.tasks.filter((task) => task !== next);
    const running = next.run().catch((error: unknown) => void this.failures.push(error));
    await Promise.race([running, this.everybodySleeps()]);
    if (this.failures.length > 0) throw this.failures.shift();
  }

  /** Whoever is awake has come to his end, or to a sleep. */
  private async everybodySleeps(): Promise<void> {
    if (this.sleepers === 0) await new Promise<void>((resolve) => this.onSleep = resolve);
    await turn();
  }

  private next(): Task {
    return this.tasks.reduce((first, task) => task.due < first.due || (task.due === first.due && task.order < first.order) ? task : first);
  }

  private async jump(to: number): Promise<void> {
    await this.beforeJump();
    // What arrived may have made something due before.
    const due = Math.min(to, ...this.tasks.map((task) => task.due));
    if (due > this.time) {
      this.time = due;
      this.onJump(due);
    }
  }
}

/** Everything that waits for nothing has run when it is over. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
