import type { Handler, HandlerFactory } from './simulate';
import { decode } from '../../../src/kinesis-fan-out/handlers/decode';
import type { DeliveryDeadline } from '../../../src/kinesis-fan-out/handlers/delivery';
import { Packer } from '../../../src/kinesis-fan-out/handlers/pack';
import type { CallOutcome, Entry, FanOutRecord, Item, Refusal } from '../../../src/kinesis-fan-out/handlers/ports';
import type { DeliveryAnswer, ShellParts } from '../../../src/kinesis-fan-out/handlers/shell';

/** How peers deliver the records of an event, reduced to what decides about loss, duplicates and order. */

interface Sending {
  readonly record: FanOutRecord;
  readonly entry: Entry;
}

abstract class Policy implements Handler {
  constructor(protected readonly parts: ShellParts) {}

  public async handle(event: Parameters<Handler['handle']>[0], deadline: DeliveryDeadline): Promise<{ answer: DeliveryAnswer }> {
    const packer = new Packer(this.parts.rules.packing, this.parts.sender);
    const sendings: Sending[] = [];
    for (const arrival of decode(event)) {
      const prepared = 'refusal' in arrival ? { kind: 'refused' as const, refusal: arrival.refusal } : this.parts.prepare(arrival);
      const record = 'refusal' in arrival ? arrival.record : arrival;
      if (prepared.kind === 'refused') await this.parts.quarantine.put(record, prepared.refusal, 0, deadline.signal);
      if (prepared.kind === 'item') sendings.push({ record, entry: entryOf(packer, prepared.item) });
    }
    return { answer: { batchItemFailures: await this.deliver(sendings, deadline) } };
  }

  protected abstract deliver(sendings: readonly Sending[], deadline: DeliveryDeadline): Promise<DeliveryAnswer['batchItemFailures']>;

  protected send(sendings: readonly Sending[], { signal }: DeliveryDeadline): Promise<CallOutcome> {
    return this.parts.sender.send(sendings.map(({ entry }) => entry), signal);
  }

  protected calls(sendings: readonly Sending[]): Sending[][] {
    const { maxEntries } = this.parts.sender;
    return Array.from({ length: Math.ceil(sendings.length / maxEntries) }, (_, n) => sendings.slice(n * maxEntries, (n + 1) * maxEntries));
  }
}

/** aws-lambda-fanout: whole batches, the answer's entries are not looked at; a call that fails fails the event. */
class IgnoresEntries extends Policy {
  protected async deliver(sendings: readonly Sending[], deadline: DeliveryDeadline): Promise<DeliveryAnswer['batchItemFailures']> {
    for (const call of this.calls(sendings)) {
      const outcome = await this.send(call, deadline);
      // A call that failed altogether throws at the SDK; what single entries say is not read.
      if (outcome.kind === 'refused' || outcome.outcomes.every(({ kind }) => kind === 'failed')) throw new Error('the call failed');
    }
    return [];
  }
}

/** Powertools' BatchProcessor around a put of one record: goes on past a failure, reports the lowest. */
class OneByOne extends Policy {
  protected async deliver(sendings: readonly Sending[], deadline: DeliveryDeadline): Promise<DeliveryAnswer['batchItemFailures']> {
    const failed: FanOutRecord[] = [];
    for (const sending of sendings) {
      const outcome = await this.send([sending], deadline);
      if (outcome.kind === 'refused' || outcome.outcomes[0].kind !== 'delivered') failed.push(sending.record);
    }
    return failed.slice(0, 1).map(({ sequenceNumber }) => ({ itemIdentifier: sequenceNumber }));
  }
}

/** Snowbridge, Vector: full batches, the failed entries again until none is left. */
class RetriesSubset extends Policy {
  protected async deliver(sendings: readonly Sending[], deadline: DeliveryDeadline): Promise<DeliveryAnswer['batchItemFailures']> {
    for (const call of this.calls(sendings)) {
      for (let left: readonly Sending[] = call; left.length > 0;) {
        const outcome = await this.send(left, deadline);
        if (outcome.kind === 'refused' || deadline.remainingMs() === 0) throw new Error('the call failed');
        left = left.filter((_sending, n) => outcome.outcomes[n].kind !== 'delivered');
      }
    }
    return [];
  }
}

function entryOf(packer: Packer, item: Item): Entry {
  const packed = packer.pack([item], 0, 1);
  if (packed.kind === 'refused') throw new Error(reasonOf(packed.refusal));
  return packed.entry;
}

function reasonOf({ reason, code }: Refusal): string {
  return `${reason}: ${code}`;
}

export const PEERS: Readonly<Record<string, HandlerFactory>> = {
  'ALF: ignores what entries say': (parts) => new IgnoresEntries(parts),
  'PT: one by one, goes on, lowest failed': (parts) => new OneByOne(parts),
  'SB, Vec: failed subset again': (parts) => new RetriesSubset(parts),
};
