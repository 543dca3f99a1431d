/** A simulated time of day: 2026-01-01. */
export const EPOCH = Date.UTC(2026, 0, 1);

interface Task {
  readonly due: number;
  readonly order: number;
  readonly run: () => Promise<void>;
}

/**
 * The virtual clock and what is to happen when. Time stands still while anything runs and jumps to the next task
 * afterwards: a visibility timeout of minutes takes no time at all, and the order never depends on the machine.
 */
export class Timeline {
  private tasks: Task[] = [];
  private order = 0;
  private time = EPOCH;

  /**
   * @param onJump told the new time, for those who keep a clock of their own
   * @param beforeJump what is still on its way arrives in the time it belongs to
   */
  constructor(
    private readonly onJump: (now: number) => void = () => {},
    private readonly beforeJump: () => Promise<void> = async () => {},
  ) {}

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
    await next.run();
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
