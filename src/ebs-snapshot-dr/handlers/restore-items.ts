import type { RestoreRequest } from '../contract';
import { LEDGER, type Clock, type Ledger, type LedgerItem, type Millis, type Stacks } from './ports';
import type { PreparedRestore } from './prepare-restore';
import { stateOf } from './stack-state';

export interface RestoreFields {
  /** Sets that must not be deleted now. */
  readonly sets: readonly string[];
  /** refused: CloudFormation took no change set. */
  readonly state: 'review' | 'refused' | 'executing' | 'complete';
  /** What was asked for. */
  readonly asked: Pick<RestoreRequest, 'sets' | 'before'>;
  readonly prepared: PreparedRestore;
  /** Name or, once it is known, id. */
  readonly stack: string;
  /** Name of the change set. */
  readonly changeSet: string;
  /** How often there was no capacity. */
  readonly attempt: number;
  /** How often CloudFormation took no change set: the next one gets another name. */
  readonly refusals: number;
}

/** A restore in the table: what was chosen stays chosen, so that asking again changes nothing. */
export interface RestoreItem extends LedgerItem, RestoreFields {}

/** Long enough for a review and for a restore to end. Then the sets are pruned as all others are. */
const PROTECTED_DAYS = 14;
const DAY_MS = 86_400_000;

/** Items are told apart by when they were written: each write is later than the one before. */
export function timeAfter(before: LedgerItem | undefined, now: Millis): Millis {
  return before === undefined ? now : Math.max(now, before.at + 1);
}

/** @throws if somebody else wrote it meanwhile */
export async function writeRestore(
  name: string, fields: RestoreFields, before: RestoreItem | undefined, { ledger, clock }: { readonly ledger: Ledger; readonly clock: Pick<Clock, 'now'> },
): Promise<RestoreItem> {
  const at = timeAfter(before, clock.now());
  const item: RestoreItem = { ...fields, pk: LEDGER.restore, sk: name, at, expires: protectedUntil(at) };
  const written = before === undefined ? await ledger.claim(item) : await ledger.put(item, before.at);
  if (!written) throw new Error(`another invocation is at work on '${name}'`);
  return item;
}

/** In seconds since 1970. */
export function protectedUntil(at: Millis): number {
  return Math.ceil((at + PROTECTED_DAYS * DAY_MS) / 1000);
}

/** One of the points whose set retention is deleting. Asked after the restore was written down: what is not found here stays. */
export async function deletedPoint(points: PreparedRestore['points'], { ledger }: { readonly ledger: Ledger }): Promise<PreparedRestore['points'][number] | undefined> {
  for (const plan of new Set(points.map((point) => point.plan))) {
    const deleted = new Set((await ledger.list(LEDGER.deletion(plan))).map(({ sk }) => sk));
    const found = points.find((point) => point.plan === plan && deleted.has(point.set));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Lets go of the sets of restores whose stack is up or gone, however it came to that. */
export async function releaseRestores({ ledger, stacks, clock }: { readonly ledger: Ledger; readonly stacks: Pick<Stacks, 'describe'>; readonly clock: Pick<Clock, 'now'> }): Promise<void> {
  for (const item of await ledger.list(LEDGER.restore) as readonly RestoreItem[]) {
    if (item.sets.length === 0 || (item.state !== 'review' && item.state !== 'executing')) continue;
    const state = stateOf((await stacks.describe(item.stack))?.status);
    // In review, a stack that is not there may be about to be made.
    if (state !== 'up' && !(state === 'gone' && item.state === 'executing')) continue;
    // What somebody else writes meanwhile is at least as new.
    await ledger.put({ ...item, sets: [], ...state === 'up' && { state: 'complete' as const }, at: timeAfter(item, clock.now()) }, item.at);
  }
}
