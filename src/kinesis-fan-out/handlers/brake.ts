import type { CallOutcome, Entry, EntryOutcome, Refusal, Sender } from './ports';

/** So many refusals, with nothing delivered between them, say more about the destination than about the records. */
export const MAX_REFUSALS = 100;
/** No record waits longer for a destination to change its mind: producers may be wrong, too. */
export const MAX_PATIENCE_MS = 3_600_000;

/**
 * A sender whose destination, once it refuses everything, counts as broken: records wait, as they do for one that is down,
 * until it takes anything again, or until they are an hour old. A destination that changed its schema would otherwise leave a
 * whole stream in quarantine, and gaps in the order of keys.
 */
export class BrakedSender implements Sender {
  public readonly maxEntries: number;
  public readonly maxCallBytes: number;
  public readonly maxEntryBytes: number;
  public readonly concurrency: number;
  public readonly bodies: Sender['bodies'];
  /** Since something was delivered. */
  private refusals = 0;

  constructor(private readonly sender: Sender, private readonly now: () => number) {
    ({
      maxEntries: this.maxEntries,
      maxCallBytes: this.maxCallBytes,
      maxEntryBytes: this.maxEntryBytes,
      concurrency: this.concurrency,
      bodies: this.bodies,
    } = sender);
  }

  public sizeOf(entry: Entry): number {
    return this.sender.sizeOf(entry);
  }

  public async send(entries: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    const outcome = await this.sender.send(entries, signal);
    if (outcome.kind === 'answered') {
      return { kind: 'answered', outcomes: outcome.outcomes.map((own, n) => this.judge(entries[n], own)) };
    }
    return entries.length > 1 ? outcome : { kind: 'answered', outcomes: [this.judge(entries[0], outcome)] };
  }

  private judge({ items }: Entry, outcome: EntryOutcome): EntryOutcome {
    if (outcome.kind === 'delivered' || outcome.kind === 'partly') this.refusals = 0;
    // Of a pack nobody is put aside before it is split.
    if (outcome.kind !== 'refused' || items.length > 1 || !isItsWord(outcome.refusal)) return outcome;
    const isPatient = this.now() - items[0].record.arrivedAt < MAX_PATIENCE_MS;
    if (this.refusals >= MAX_REFUSALS && isPatient) return { kind: 'failed', code: `refuses all: ${outcome.refusal.code}`, broken: true };
    this.refusals += 1;
    return outcome;
  }
}

/** The other reasons can be seen from the record alone. */
function isItsWord({ reason }: Refusal): boolean {
  return reason === 'REFUSED' || reason === 'TOO_LARGE';
}
