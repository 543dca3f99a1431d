import type { VirtualClock } from './clock';
import { Ec2Error } from './error';
import { hash32, Prng } from '../../faults';

/** One call on its way to AWS. */
export interface LineCall {
  readonly principal: string;
  /** `ec2`, `dynamodb`, `s3`, `servicequotas`. */
  readonly service: string;
  readonly operation: string;
  readonly region: string;
  /** The n-th call of this line, from 1. */
  readonly n: number;
  /** It only reads: its answer can be empty or lack something. */
  readonly reads: boolean;
}

/** What becomes of a call. */
export type Fate =
  | 'fine'
  /** Refused for too many requests, again and again. */
  | 'throttled'
  /** Refused by a failing service; nothing applied. */
  | 'refused'
  /** Applied; the caller sees a dead connection. */
  | 'lost'
  /** The caller sees a dead connection; applied within the next two minutes. */
  | 'late'
  /** Nothing is listed, though something is there. */
  | 'empty'
  /** Some of the list is missing, and nothing says so. */
  | 'partial'
  /** Applied, answered up to a minute later. */
  | 'slow'
  /** The caller dies before, or after, it is applied. */
  | 'killed-before'
  | 'killed-after';

export type Fates = (call: LineCall) => Fate;

export const FAIR: Fates = () => 'fine';

/** Probability by fate; what a call cannot suffer leaves it fine. */
export type FateRates = Partial<Readonly<Record<Exclude<Fate, 'fine'>, number>>>;

/** Draws a fate for each call, in the order of calls. */
export function seededFates(seed: number, rates: FateRates, concerns: (call: LineCall) => boolean = () => true): Fates {
  const chance = new Prng(hash32(seed, 'fates'));
  const table = Object.entries(rates) as [Fate, number][];
  return (call) => {
    let roll = chance.next();
    if (!concerns(call)) return 'fine';
    for (const [fate, rate] of table) {
      roll -= rate;
      if (roll < 0) return suits(fate, call) ? fate : 'fine';
    }
    return 'fine';
  };
}

/** One call suffers, all others are fine: for sweeps over every call of a run. */
export function fateAt(n: number, fate: Fate, otherwise: Fates = FAIR): Fates {
  return (call) => call.n === n ? fate : otherwise(call);
}

function suits(fate: Fate, { reads }: LineCall): boolean {
  switch (fate) {
    case 'empty': case 'partial': return reads;
    case 'late': return !reads;
    default: return true;
  }
}

export type RunEnd<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'killed' };

export interface LineOptions {
  readonly principal: string;
  readonly clock: VirtualClock;
  readonly fates?: Fates;
  /** Seed of what fates leave open. */
  readonly seed?: number;
}

/**
 * A function's way to AWS, for as long as one run of it takes: every port of the run goes through one line, which counts
 * the calls and is where faults strike. A killed run never hears of anything again: its promises stay open.
 */
export class Line {
  /** Every call, in order. */
  public readonly calls: LineCall[] = [];
  public readonly clock: VirtualClock;
  private readonly chance: Prng;
  private readonly death: Promise<void>;
  private dead = false;
  private die!: () => void;

  constructor(private readonly options: LineOptions) {
    this.clock = options.clock;
    this.chance = new Prng(options.seed ?? 1);
    this.death = new Promise((resolve) => this.die = resolve);
  }

  /** Runs until its end, or until a fate kills it. */
  public run<T>(work: () => Promise<T>): Promise<RunEnd<T>> {
    return Promise.race<RunEnd<T>>([
      work().then((value) => ({ kind: 'ok' as const, value }), (error: unknown) => ({ kind: 'error' as const, error })),
      this.death.then(() => ({ kind: 'killed' as const })),
    ]);
  }

  /** Ends the run from outside: its time is over. */
  public kill(): void {
    this.dead = true;
    this.die();
  }

  /** Something that only changes, or answers one thing. @throws what a client would */
  public call<T>(service: string, operation: string, region: string, apply: () => T): Promise<T> {
    return this.send({ service, operation, region, reads: false }, apply, (answer) => answer);
  }

  /** Something that lists. */
  public list<T>(service: string, operation: string, region: string, apply: () => readonly T[]): Promise<readonly T[]> {
    return this.send({ service, operation, region, reads: true }, apply, (answer, fate) => {
      if (fate === 'empty') return [];
      return fate === 'partial' ? answer.filter(() => this.chance.chance(0.5)) : answer;
    });
  }

  private async send<T>(what: Omit<LineCall, 'n' | 'principal'>, apply: () => T, lie: (answer: T, fate: Fate) => T): Promise<T> {
    if (this.dead) return NEVER;
    const call: LineCall = { ...what, principal: this.options.principal, n: this.calls.length + 1 };
    this.calls.push(call);
    const fate = this.options.fates?.(call) ?? 'fine';
    switch (fate) {
      case 'killed-before': return this.dies();
      case 'throttled': throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.');
      case 'refused': throw new Ec2Error('InternalError', 'An internal error has occurred');
      case 'late':
        this.clock.after(this.chance.int(1000, 120_000), () => void attempt(apply));
        throw connectionLost();
      default: break;
    }
    const outcome = attempt(apply);
    if (fate === 'killed-after') return this.dies();
    if (fate === 'lost') throw connectionLost();
    if (fate === 'slow') await this.clock.sleep(this.chance.int(1000, 60_000));
    if (this.dead) return NEVER;
    if ('error' in outcome) throw outcome.error;
    return lie(outcome.value, fate);
  }

  private dies(): Promise<never> {
    this.kill();
    return NEVER;
  }
}

const NEVER = new Promise<never>(() => {});

function attempt<T>(apply: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: apply() };
  } catch (error) {
    return { error };
  }
}

/** As the SDK's HTTP handler names a reset connection. */
function connectionLost(): Error {
  return Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' });
}
