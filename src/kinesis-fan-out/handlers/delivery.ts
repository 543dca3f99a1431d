import type { DeliverSettings } from '../contract';
import type { RefusedRecord } from './decode';
import { Packer } from './pack';
import type { CallOutcome, FanOutRecord, Item, Prepared, Quarantine, Refusal, Sender } from './ports';
import type { Memory } from './recent-records';
import { ANY_COMPANY, type Parcel, type Progress, type Task, Waves } from './waves';
import { fullJitter } from '../../handler-kit/retry';

/** Everything a delivery does to the world outside. */
export interface DeliveryWorld {
  readonly sender: Sender;
  readonly quarantine: Quarantine;
  /** Outlives the invocation. */
  readonly memory: Memory;
  readonly clock: Clock;
  readonly deadline: DeliveryDeadline;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<unknown>;
  /** 0 to 1, 1 excluded. */
  random(): number;
}

export interface DeliveryDeadline {
  /** Aborts what is under way, in time for the answer to the mapping. */
  readonly signal: AbortSignal;
  /** Milliseconds in which a call may still begin. */
  remainingMs(): number;
}

export type DeliveryRules = Pick<DeliverSettings, 'ordering' | 'packing' | 'sendAhead'>;

/** What became of a batch: received = delivered + filtered + quarantined + suppressed + unfinished. */
export interface DeliveryReport {
  readonly received: number;
  readonly delivered: number;
  readonly filtered: number;
  readonly quarantined: readonly QuarantinedTask[];
  readonly suppressed: number;
  /** Not delivered, in stream order: the mapping is to bring the first of them again, and everything behind it. */
  readonly unfinished: readonly FanOutRecord[];
  readonly calls: number;
  /** Entries that were sent more than once. */
  readonly retried: number;
  /** Answers that say the destination may not be called, or is gone. */
  readonly broken: number;
  /** Milliseconds from arrival in the stream to delivery, of the record that took longest. */
  readonly latencyMs?: number;
  /** Error code → how often it was the reason of a failure. */
  readonly failures: ReadonlyMap<string, number>;
  /** Ended before its time, as nothing arrived any more. */
  readonly gaveUp: boolean;
}

export interface QuarantinedTask {
  readonly id: string;
  readonly refusal: Refusal;
  readonly attempts: number;
}

const BACKOFF = { baseMs: 100, capMs: 5000 };
/** So many times all that is under way came to nothing: the destination is down, and waiting costs more than coming again. */
const HOPELESS = 8;
/** Parcels on their way to quarantine. */
const PUTS = 4;

/**
 * Delivers the records of an event, in order where order is asked for, and says what is unfinished. Never throws for what a
 * destination does.
 *
 * @param records in stream order
 */
export function deliverRecords(
  records: readonly (FanOutRecord | RefusedRecord)[], prepare: (record: FanOutRecord) => Prepared, rules: DeliveryRules, world: DeliveryWorld,
): Promise<DeliveryReport> {
  return new Delivery(records, prepare, rules, world).run();
}

class Delivery {
  private readonly tasks: Task[] = [];
  private readonly waves: Waves;
  private readonly running = new Set<Promise<void>>();
  private calls = 0;
  private puts = 0;
  private sending = 0;
  /** Consecutive calls and puts that came to nothing. */
  private fruitless = 0;
  /** Calls and puts under way together at most, since something arrived. */
  private widest = 1;

  private filtered = 0;
  private suppressed = 0;
  private delivered = 0;
  private retried = 0;
  private broken = 0;
  private latencyMs?: number;
  private readonly quarantined: QuarantinedTask[] = [];
  private readonly failures = new Map<string, number>();
  private readonly aborted: Promise<CallOutcome>;

  constructor(
    private readonly records: readonly (FanOutRecord | RefusedRecord)[],
    prepare: (record: FanOutRecord) => Prepared,
    rules: DeliveryRules,
    private readonly world: DeliveryWorld,
  ) {
    this.aborted = new Promise((resolve) => {
      world.deadline.signal.addEventListener('abort', () => resolve({ kind: 'answered', outcomes: [] }), { once: true });
    });
    for (const record of records) {
      this.admit(record, prepare);
    }
    const { sender } = world;
    this.waves = new Waves(this.tasks, new Packer(rules.packing, sender), {
      ordering: rules.ordering,
      sendAhead: rules.sendAhead,
      maxEntries: sender.maxEntries,
      maxCallBytes: sender.maxCallBytes,
    });
  }

  public async run(): Promise<DeliveryReport> {
    for (;;) {
      this.begin();
      const wakesAt = this.waves.wakesAt;
      if (this.running.size > 0) {
        await this.change(wakesAt);
      } else if (wakesAt !== undefined && !this.mustStop(wakesAt)) {
        await this.world.clock.sleep(wakesAt - this.world.clock.now(), this.world.deadline.signal).catch(() => {});
      } else {
        return this.report();
      }
    }
  }

  /** Records that were delivered before keep their place, as the window counts them. */
  private admit(arrival: FanOutRecord | RefusedRecord, prepare: (record: FanOutRecord) => Prepared): void {
    const record = 'refusal' in arrival ? arrival.record : arrival;
    if (this.world.memory.delivered.get(record.id)) {
      this.suppressed += 1;
      this.addTask({ record, body: record.data }, undefined, true);
      return;
    }
    const prepared: Prepared = 'refusal' in arrival ? { kind: 'refused', refusal: arrival.refusal } : prepareSafely(record, prepare);
    switch (prepared.kind) {
      case 'filtered':
        this.filtered += 1;
        break;
      case 'refused':
        this.addTask({ record, body: record.data }, prepared.refusal);
        break;
      case 'item':
        this.addTask(prepared.item);
    }
  }

  private addTask({ record, body }: Item, refusal?: Refusal, finished = false): void {
    const company = this.world.memory.suspects.get(record.id) ?? ANY_COMPANY;
    this.tasks.push({ record, body, refusal, finished, company, position: this.tasks.length, attempts: 0 });
  }

  /** Starts whatever may start now. */
  private begin(): void {
    const { clock, sender } = this.world;
    this.waves.wake(clock.now());
    while (this.sending < sender.concurrency && !this.mustStop()) {
      const call = this.waves.nextCall();
      if (call === undefined) {
        break;
      }
      this.sending += 1;
      this.start(this.send(call).finally(() => {
        this.sending -= 1;
      }));
    }
    while (this.puts < PUTS && !this.mustStop()) {
      const parcel = this.waves.nextRefused();
      if (parcel === undefined) {
        break;
      }
      this.puts += 1;
      this.start(this.putAside(parcel).finally(() => {
        this.puts -= 1;
      }));
    }
  }

  /** @param at a later moment, as far as time is concerned */
  private mustStop(at = this.world.clock.now()): boolean {
    return this.isHopeless || this.world.deadline.remainingMs() <= at - this.world.clock.now();
  }

  /** A destination that gets few calls at a time is known to be down after few of them. */
  private get isHopeless(): boolean {
    return this.fruitless >= HOPELESS * this.widest;
  }

  private start(work: Promise<void>): void {
    const done = work.then(() => {
      this.running.delete(done);
    });
    this.running.add(done);
    this.widest = Math.max(this.widest, this.running.size);
  }

  /** Something under way ended, or somebody's wait. */
  private async change(wakesAt: number | undefined): Promise<void> {
    if (wakesAt === undefined || this.sending >= this.world.sender.concurrency) {
      await Promise.race(this.running);
      return;
    }
    const waiting = new AbortController();
    const { clock } = this.world;
    const over = clock.sleep(Math.max(0, wakesAt - clock.now()), waiting.signal).catch(() => {});
    await Promise.race([...this.running, over]);
    waiting.abort();
  }

  private async send(call: readonly Parcel[]): Promise<void> {
    this.calls += 1;
    const outcome = await this.attempt(call);
    this.note(outcome);
    this.count(this.waves.settle(call, outcome, this.retryAt(call)));
    const now = this.world.clock.now();
    for (const { attempts, tasks } of call) {
      this.retried += attempts > 0 ? 1 : 0;
      for (const { finished, record } of tasks) {
        if (finished) {
          this.delivered += 1;
          this.latencyMs = Math.max(this.latencyMs ?? 0, now - record.arrivedAt);
        }
      }
    }
  }

  /** What cannot be understood counts as not delivered. */
  private async attempt(call: readonly Parcel[]): Promise<CallOutcome> {
    const { sender, deadline } = this.world;
    try {
      return await Promise.race([sender.send(call.map(({ entry }) => entry!), deadline.signal), this.aborted]);
    } catch (error) {
      return { kind: 'answered', outcomes: call.map(() => ({ kind: 'failed', code: nameOf(error) })) };
    }
  }

  private note(outcome: CallOutcome): void {
    const failed = outcome.kind === 'refused' ? [] : outcome.outcomes.filter((entry) => entry.kind === 'failed');
    failed.forEach(({ code }) => this.failures.set(code, (this.failures.get(code) ?? 0) + 1));
    if (failed.some(({ broken }) => broken)) {
      this.broken += 1;
    }
  }

  private async putAside(parcel: Parcel): Promise<void> {
    const stored = await Promise.all(parcel.tasks.map((task) => this.put(task)));
    this.count(this.waves.settleRefused(parcel, stored, this.retryAt([parcel])));
  }

  private async put({ record, refusal, attempts }: Task): Promise<boolean> {
    try {
      await this.world.quarantine.put(record, refusal!, attempts, this.world.deadline.signal);
    } catch (error) {
      const code = `quarantine: ${nameOf(error)}`;
      this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
      return false;
    }
    this.quarantined.push({ id: record.id, refusal: refusal!, attempts });
    return true;
  }

  private count(progress: Progress): void {
    if (progress === 'some') {
      this.fruitless = 0;
      this.widest = Math.max(1, this.running.size);
    } else {
      this.fruitless += 1;
    }
  }

  /** One wait for all that failed together, so that they go together again. */
  private retryAt(parcels: readonly Parcel[]): number {
    const attempt = parcels.reduce((most, { attempts }) => Math.max(most, attempts), 0) + 1;
    return this.world.clock.now() + fullJitter(attempt, BACKOFF, this.world.clock.random);
  }

  private report(): DeliveryReport {
    const unfinished = this.tasks.filter(({ finished }) => !finished).map(({ record }) => record);
    this.remember();
    return {
      received: this.records.length,
      delivered: this.delivered,
      filtered: this.filtered,
      quarantined: this.quarantined,
      suppressed: this.suppressed,
      unfinished,
      calls: this.calls,
      retried: this.retried,
      broken: this.broken,
      latencyMs: this.latencyMs,
      failures: this.failures,
      gaveUp: this.isHopeless,
    };
  }

  /** What the mapping brings again is remembered, the rest forgotten. An aggregate comes again as a whole. */
  private remember(): void {
    const { delivered, suspects } = this.world.memory;
    const checkpoint = this.waves.lowest?.record.source;
    let above = false;
    for (const { company, finished, record } of this.tasks) {
      above ||= record.source === checkpoint;
      if (!above) {
        delivered.delete(record.id);
      } else if (finished) {
        delivered.set(record.id, true);
      }
      if (finished || company === ANY_COMPANY) {
        suspects.delete(record.id);
      } else {
        suspects.set(record.id, company);
      }
    }
  }
}

/** Preparing looks at nothing but the record: where it throws once, it always does. */
function prepareSafely(record: FanOutRecord, prepare: (record: FanOutRecord) => Prepared): Prepared {
  try {
    return prepare(record);
  } catch (error) {
    return { kind: 'refused', refusal: { reason: 'UNPARSABLE', code: nameOf(error) } };
  }
}

/** Never the message, which may quote what was sent. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}
