import type { Clock } from '../../../../src/ebs-snapshot-dr/handlers/ports';

interface Task {
  readonly due: number;
  readonly order: number;
  readonly run: () => void;
}

/** 2026-01-01. */
export const EPOCH = Date.UTC(2026, 0, 1);

/**
 * Time for long simulations: hundreds of thousands of things that happen, in order, on a heap. It stands still unless
 * somebody advances it, or everybody who computes has come to a sleep.
 */
export class VirtualClock implements Clock {
  private readonly heap: Task[] = [];
  private order = 0;
  private time: number;
  private sleepers = 0;
  private pumping = false;

  constructor(start = EPOCH) {
    this.time = start;
  }

  public now(): number {
    return this.time;
  }

  /** When the next thing happens; Infinity if nothing will. */
  public get next(): number {
    return this.heap[0]?.due ?? Infinity;
  }

  /** @param due a time that has passed means with the next step */
  public at(due: number, run: () => void): void {
    this.push({ due: Math.max(due, this.time), order: this.order++, run });
  }

  public after(ms: number, run: () => void): void {
    this.at(this.time + ms, run);
  }

  /** Over when this much virtual time has passed; time goes on as soon as nobody computes any more. */
  public sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.sleepers += 1;
      this.after(ms, () => {
        this.sleepers -= 1;
        resolve();
      });
      this.pump();
    });
  }

  /** Runs everything that is due until then. */
  public advanceTo(time: number): void {
    while (this.next <= time) this.step();
    this.time = Math.max(this.time, time);
  }

  public advance(ms: number): void {
    this.advanceTo(this.time + ms);
  }

  private step(): void {
    const task = this.pop();
    this.time = Math.max(this.time, task.due);
    task.run();
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    setImmediate(() => {
      this.pumping = false;
      const sleeping = this.sleepers;
      while (sleeping > 0 && this.sleepers >= sleeping && this.heap.length > 0) this.step();
      if (this.sleepers > 0) this.pump();
    });
  }

  private push(task: Task): void {
    const { heap } = this;
    let at = heap.push(task) - 1;
    while (at > 0) {
      const parent = Math.floor((at - 1) / 2);
      if (!before(task, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = task;
  }

  private pop(): Task {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
      if (!before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function before(a: Task, b: Task): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
