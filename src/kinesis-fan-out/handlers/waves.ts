import type { Ordering } from '../contract';
import type { Packer } from './pack';
import type { CallOutcome, Entry, EntryOutcome, FanOutRecord, Item, Refusal, Sender } from './ports';
import type { Company } from './recent-records';

/** A record on its way, and how far it has come. */
export interface Task extends Item {
  readonly record: FanOutRecord;
  /** Among the records that are to leave, in stream order. */
  readonly position: number;
  /** Nobody can deliver it: it goes to quarantine when its turn comes. */
  refusal?: Refusal;
  /** Calls that carried it. */
  attempts: number;
  finished: boolean;
  /** No limit, unless it was refused together with others. */
  company: Company;
}

/** Consecutive records of a lane that leave together: as one entry, or to quarantine. */
export interface Parcel {
  readonly lane: Lane;
  readonly tasks: readonly Task[];
  /** None: to quarantine. */
  readonly entry?: Entry;
  /** Bytes it takes of a call. */
  readonly size: number;
  /** Times it was sent, or put. */
  readonly attempts: number;
}

/**
 * Records that must leave one behind the other: of a key, of a shard, or of nothing but themselves.
 */
interface Lane {
  /** Cut from it and not finished, in order. */
  readonly parcels: Parcel[];
  /** Behind them: those the send-ahead window has reached. */
  readonly tasks: Task[];
  /** The first task that is not cut. */
  next: number;
  /** In a queue, in a call, in quarantine's hands, or waiting. */
  busy: boolean;
}

export interface WaveRules extends Pick<Sender, 'maxEntries' | 'maxCallBytes'> {
  readonly ordering: Ordering;
  readonly sendAhead: number;
}

/** What became of a call or put, as far as the one who waits is concerned. */
export type Progress = 'some' | 'none';

/** Of a record nobody suspects. */
export const ANY_COMPANY: Company = { pack: Infinity, call: Infinity };
/** Records of a lane that are put into quarantine side by side. */
const MAX_PUTS = 16;

/**
 * Decides what may leave next, and takes back what came of it. No clock, no effects.
 *
 * With order, a lane has one parcel under way; what failed keeps its place, and its lane waits while others go on. Without,
 * all records share one lane that never waits: what failed gets a lane of its own. Nothing leaves that lies further than the
 * send-ahead window beyond the lowest unfinished record. Every record is looked at a constant number of times, and once more
 * for every attempt.
 */
export class Waves {
  private readonly lanes = new Map<string, Lane>();
  /** Without order: everything that was not sent yet. */
  private readonly pool?: Lane;
  private ready: Lane[] = [];
  private refused: Lane[] = [];
  /** Halves of a split pack that reach beyond the window, now that they can arrive one without the other. */
  private held: Lane[] = [];
  private waiting: { readonly until: number; readonly lanes: readonly Lane[] }[] = [];
  /** The lowest unfinished position. */
  private low = 0;
  private admitted = 0;

  /** @param tasks in stream order; those finished before count for the window only */
  constructor(private readonly tasks: readonly Task[], private readonly packer: Packer, private readonly rules: WaveRules) {
    if (rules.ordering === 'none') {
      this.pool = { parcels: [], tasks: tasks.filter(({ finished }) => !finished), next: 0, busy: false };
    }
    this.advance();
  }

  /** The first record that is not finished, if any. */
  public get lowest(): Task | undefined {
    return this.tasks[this.low];
  }

  /** When the next lane's wait is over. */
  public get wakesAt(): number | undefined {
    return this.waiting.length === 0 ? undefined : Math.min(...this.waiting.map(({ until }) => until));
  }

  /** Ends the waits that are over. */
  public wake(now: number): void {
    const over = this.waiting.filter(({ until }) => until <= now);
    if (over.length > 0) {
      this.waiting = this.waiting.filter(({ until }) => until > now);
      over.forEach(({ lanes }) => lanes.forEach((lane) => this.enqueue(lane)));
    }
  }

  /** The parcels of one call, as many as fit; undefined if nothing may be sent now. */
  public nextCall(): readonly Parcel[] | undefined {
    const { maxCallBytes } = this.rules;
    const call: Parcel[] = [];
    let bytes = 0;
    while (this.ready.length > 0 && call.length < this.mostOf(call)) {
      const [lane] = this.ready;
      const parcel = this.head(lane);
      if (parcel === undefined) {
        this.ready.shift();
        lane.busy = false;
      } else if (parcel.entry === undefined) {
        this.setAside(lane);
      } else if (this.isBeyondWindow(parcel)) {
        this.held.push(this.ready.shift()!);
      } else if (call.length > 0 && (bytes + parcel.size > maxCallBytes || callOf(parcel) !== callOf(call[0]))) {
        break;
      } else {
        lane.parcels.shift();
        call.push(parcel);
        bytes += parcel.size;
        if (lane !== this.pool) {
          this.ready.shift();
        }
      }
    }
    if (this.ready[0] === this.pool) {
      // Those that failed before go first next time.
      this.ready.push(...this.ready.splice(0, 1));
    }
    return call.length > 0 ? call : undefined;
  }

  /** Records of one lane that are to go to quarantine now. */
  public nextRefused(): Parcel | undefined {
    return this.refused.shift()?.parcels.shift();
  }

  /** @param retryAt when what failed may be sent again */
  public settle(call: readonly Parcel[], outcome: CallOutcome, retryAt: number): Progress {
    if (outcome.kind === 'refused' && call.length > 1) {
      this.split(call);
      return 'some';
    }
    let progress: Progress = 'none';
    const waits: Lane[] = [];
    for (let n = 0; n < call.length; n++) {
      const own: EntryOutcome | undefined = outcome.kind === 'refused' ? outcome : outcome.outcomes[n];
      const rests = this.apply(call[n], own ?? UNANSWERED);
      if (rests[0]?.waits !== true) {
        progress = 'some';
      }
      this.takeBack(call[n].lane, rests, waits);
    }
    this.goOn(waits, retryAt);
    return progress;
  }

  /** @param stored whether each record of the parcel is in quarantine now */
  public settleRefused(parcel: Parcel, stored: readonly boolean[], retryAt: number): Progress {
    parcel.tasks.forEach((task, n) => {
      task.finished = stored[n];
    });
    const tasks = parcel.tasks.filter(({ finished }) => !finished);
    const waits: Lane[] = [];
    this.takeBack(parcel.lane, tasks.length > 0 ? [{ parcel: { ...parcel, tasks, attempts: parcel.attempts + 1 }, waits: true }] : [], waits);
    this.goOn(waits, retryAt);
    return tasks.length < parcel.tasks.length ? 'some' : 'none';
  }

  /** What of a parcel is left to do. */
  private apply(parcel: Parcel, outcome: EntryOutcome): readonly Left[] {
    const { tasks } = parcel;
    for (const task of tasks) {
      task.attempts += 1;
    }
    switch (outcome.kind) {
      case 'delivered':
        return finish(tasks);
      case 'partly':
        // One that claims nothing is as good as failed; else it would be sent for ever.
        return outcome.items < 1 ? [again(parcel)] : [...finish(tasks.slice(0, outcome.items)), ...this.cut(parcel, tasks.slice(outcome.items))];
      case 'refused':
        if (tasks.length === 1) {
          tasks[0].refusal = outcome.refusal;
          return this.cut(parcel, tasks);
        }
        tasks.forEach((task) => {
          task.company = { ...task.company, pack: Math.ceil(tasks.length / 2) };
        });
        return this.cut(parcel, tasks);
      case 'failed':
        return [again(parcel)];
    }
  }

  /** One of the entries spoils the call: they go in halves until that one is alone. */
  private split(call: readonly Parcel[]): void {
    for (const parcel of call) {
      parcel.tasks.forEach((task) => {
        task.attempts += 1;
        task.company = { ...task.company, call: Math.ceil(call.length / 2) };
      });
      this.takeBack(parcel.lane, [{ parcel: { ...parcel, attempts: parcel.attempts + 1 }, waits: false }], []);
    }
    this.advance();
  }

  /** Gives what is left of a lane's parcel its old place. The lane waits if it failed, and goes on if not. */
  private takeBack(lane: Lane, rests: readonly Left[], waits: Lane[]): void {
    if (lane === this.pool) {
      rests.forEach((rest) => (rest.waits ? waits.push(ownLane(rest)) : this.enqueue(ownLane(rest))));
      return;
    }
    if (rests.length > 0) {
      lane.parcels.unshift(...rests.map(({ parcel }) => parcel));
    }
    if (rests.some((rest) => rest.waits)) {
      waits.push(lane);
    } else {
      this.enqueue(lane);
    }
  }

  private goOn(waits: readonly Lane[], retryAt: number): void {
    if (waits.length > 0) {
      this.waiting.push({ until: retryAt, lanes: waits });
    }
    this.advance();
  }

  /** Moves the window on, and lets in what it reaches. */
  private advance(): void {
    while (this.low < this.tasks.length && this.tasks[this.low].finished) {
      this.low++;
    }
    if (this.pool) {
      this.held.splice(0).forEach((lane) => this.enqueue(lane));
      if (!this.pool.busy) {
        this.enqueue(this.pool);
      }
      return;
    }
    const end = this.rules.ordering === 'per-shard' ? this.tasks.length : this.windowEnd;
    for (; this.admitted < end; this.admitted++) {
      const task = this.tasks[this.admitted];
      if (!task.finished) {
        const lane = this.laneOf(task.record);
        lane.tasks.push(task);
        if (!lane.busy) {
          this.enqueue(lane);
        }
      }
    }
  }

  /** What holds the lowest unfinished record may go whatever it reaches. With order, nothing beyond is let in at all. */
  private isBeyondWindow({ tasks }: Parcel): boolean {
    return this.pool !== undefined && tasks[0].position !== this.low && tasks[tasks.length - 1].position >= this.windowEnd;
  }

  private get windowEnd(): number {
    return Math.min(this.tasks.length, this.low + this.rules.sendAhead);
  }

  private laneOf({ shardId, partitionKey }: FanOutRecord): Lane {
    const name = this.rules.ordering === 'per-shard' ? shardId : partitionKey;
    let lane = this.lanes.get(name);
    if (lane === undefined) {
      lane = { parcels: [], tasks: [], next: 0, busy: false };
      this.lanes.set(name, lane);
    }
    return lane;
  }

  private enqueue(lane: Lane): void {
    lane.busy = true;
    this.ready.push(lane);
  }

  /** Entries that may be in this call. */
  private mostOf(call: readonly Parcel[]): number {
    return Math.min(this.rules.maxEntries, call.length > 0 ? callOf(call[0]) : Infinity);
  }

  /** The lane's next parcel, which is cut if need be; it stays there. */
  private head(lane: Lane): Parcel | undefined {
    if (lane.parcels.length === 0) {
      this.cutNext(lane);
    }
    return lane.parcels[0];
  }

  private cutNext(lane: Lane): void {
    const { tasks, next } = lane;
    const first = tasks[next];
    // Whole packs may reach beyond the window if nothing unfinished lies before them: they arrive or fail as one.
    const limit = lane === this.pool && first?.position !== this.low ? this.windowEnd : this.tasks.length;
    const most = Math.min(tasks.length, next + (first?.refusal ? MAX_PUTS : this.packer.maxItems));
    let end = next;
    while (end < most && tasks[end].position < limit && isRefused(tasks[end]) === isRefused(first)) {
      end++;
    }
    if (end > next) {
      const parcel = this.parcel(lane, tasks, next, end);
      lane.next += parcel.tasks.length;
      lane.parcels.push(parcel);
    }
  }

  /** Parcels of all these tasks. */
  private cut({ lane }: Parcel, tasks: readonly Task[]): Left[] {
    const left: Left[] = [];
    for (let at = 0; at < tasks.length;) {
      const parcel = { ...this.parcel(lane, tasks, at, tasks.length), attempts: 1 };
      left.push({ parcel, waits: false });
      at += parcel.tasks.length;
    }
    return left;
  }

  /** As many as fit of `tasks[from]` to `tasks[to - 1]`, which are all refused or none. */
  private parcel(lane: Lane, tasks: readonly Task[], from: number, to: number): Parcel {
    if (!isRefused(tasks[from])) {
      const packed = this.packer.pack(tasks, from, Math.min(to, from + tasks[from].company.pack));
      if (packed.kind === 'entry') {
        const { entry, size } = packed;
        return { lane, tasks: entry.items, entry, size, attempts: 0 };
      }
      tasks[from].refusal = packed.refusal;
      return { lane, tasks: [tasks[from]], size: 0, attempts: 0 };
    }
    return { lane, tasks: tasks.slice(from, to), size: 0, attempts: 0 };
  }

  /** Hands the refused head of the ready queue's first lane to quarantine. With order, the lane waits for it. */
  private setAside(lane: Lane): void {
    if (lane === this.pool) {
      this.refused.push(ownLane({ parcel: lane.parcels.shift()!, waits: false }));
    } else {
      this.ready.shift();
      this.refused.push(lane);
    }
  }
}

interface Left {
  readonly parcel: Parcel;
  /** It failed, and is sent again later. */
  readonly waits: boolean;
}

const NOTHING_LEFT = [] as const;

/** An answer that leaves an entry out does not say that it arrived. */
const UNANSWERED: EntryOutcome = { kind: 'failed', code: 'Unanswered' };

function finish(tasks: readonly Task[]): readonly [] {
  for (const task of tasks) {
    task.finished = true;
  }
  return NOTHING_LEFT;
}

function again(parcel: Parcel): Left {
  return { parcel: { ...parcel, attempts: parcel.attempts + 1 }, waits: true };
}

/** Parcels share a call only with those of equal company: one of them spoiled a call before. */
function callOf({ tasks }: Parcel): number {
  return tasks[0].company.call;
}

function isRefused({ refusal }: Task): boolean {
  return refusal !== undefined;
}

function ownLane({ parcel }: Left): Lane {
  const lane: Lane = { parcels: [], tasks: [], next: 0, busy: true };
  lane.parcels.push({ ...parcel, lane });
  return lane;
}
