import type { Ledger, LedgerItem, Millis } from './ports';
import { LEDGER } from './ports';
import { SETTLING_MS } from './run';

/** What the site's table says about the copy of a snapshot or image. */
export interface CopyItem extends LedgerItem {
  /** queued: it was refused for want of a slot. */
  readonly state: 'claimed' | 'started' | 'queued' | 'failed';
  /** Failed so far. */
  readonly attempts: number;
  readonly copy?: string;
  readonly retryAt?: Millis;
}

const MAX_ATTEMPTS = 8;
const FIRST_RETRY_MS = 5 * 60_000;

/**
 * What to do about a copy nobody sees in EC2. 'unseen': it may be there, EC2 does not show it yet. 'done': it was there and is
 * gone, by retention or by hand, or has failed too often.
 */
export function prospects(item: CopyItem | undefined, now: Millis): 'start' | 'unseen' | 'later' | 'done' {
  const settled = item !== undefined && now - item.at >= SETTLING_MS;
  switch (item?.state) {
    case 'claimed': return settled ? 'start' : 'unseen';
    case 'started': return settled ? 'done' : 'unseen';
    case 'failed': return item!.attempts >= MAX_ATTEMPTS ? 'done' : now < item!.retryAt! ? 'later' : 'start';
    default: return 'start';
  }
}

/** The items of one plan: source → item. */
export class CopyLedger {
  public static async read(ledger: Ledger, plan: string): Promise<CopyLedger> {
    const items = await ledger.list(LEDGER.copy(plan));
    return new CopyLedger(ledger, plan, new Map(items.map((item) => [item.sk, item as CopyItem])));
  }

  private constructor(private readonly ledger: Ledger, private readonly plan: string, private readonly items: ReadonlyMap<string, CopyItem>) {}

  public get all(): Iterable<CopyItem> {
    return this.items.values();
  }

  public of(source: string): CopyItem | undefined {
    return this.items.get(source);
  }

  /** Undefined if another run has it. */
  public async claim(source: string, now: Millis, expires: Millis): Promise<CopyItem | undefined> {
    const earlier = this.items.get(source);
    const item = { ...this.fresh(source, now, expires), attempts: earlier?.attempts ?? 0 };
    const mine = earlier === undefined ? await this.ledger.claim(item) : await this.ledger.put(item, earlier.at);
    return mine ? item : undefined;
  }

  /** What became of a claim. */
  public async started(claim: CopyItem, copy: string, now: Millis): Promise<void> {
    await this.ledger.put({ ...claim, at: now, state: 'started', copy }, claim.at);
  }

  public async queued(claim: CopyItem, now: Millis): Promise<void> {
    await this.ledger.put({ ...claim, at: now, state: 'queued' }, claim.at);
  }

  public async refused(claim: CopyItem, now: Millis): Promise<void> {
    await this.ledger.put(failure(claim, now), claim.at);
  }

  /** A copy was found that failed. Whether it was not known yet. */
  public async failed(source: string, copy: string, now: Millis, expires: Millis): Promise<boolean> {
    const earlier = this.items.get(source);
    if (earlier === undefined) return this.ledger.claim({ ...failure(this.fresh(source, now, expires), now), copy });
    if (earlier.state === 'failed' && earlier.copy === copy) return false;
    return this.ledger.put({ ...failure(earlier, now), copy }, earlier.at);
  }

  private fresh(source: string, now: Millis, expires: Millis): CopyItem {
    return { pk: LEDGER.copy(this.plan), sk: source, at: now, state: 'claimed', attempts: 0, expires: Math.ceil(expires / 1000) };
  }
}

/** The waits double, as long as the look-back lets it be tried. */
function failure(item: CopyItem, now: Millis): CopyItem {
  return { ...item, at: now, state: 'failed', attempts: item.attempts + 1, retryAt: now + FIRST_RETRY_MS * 2 ** item.attempts };
}
