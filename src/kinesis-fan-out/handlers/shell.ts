import type { RecordSelection, ReplayAnswer } from '../contract';
import { decode, type StreamEvent } from './decode';
import { type Clock, type DeliveryDeadline, type DeliveryReport, type DeliveryRules, deliverRecords } from './delivery';
import type { FanOutRecord, Prepared, Quarantine, Sender } from './ports';
import { createMemory, type Memory } from './recent-records';

/** What a delivering function has for all its invocations. */
export interface ShellParts {
  readonly rules: DeliveryRules;
  /** Filter and transforms. */
  readonly prepare: (record: FanOutRecord) => Prepared;
  readonly sender: Sender;
  readonly quarantine: Quarantine;
  readonly clock: Clock;
}

export interface DeliveryAnswer {
  /** Empty, or the one record from which on the mapping is to deliver again. */
  readonly batchItemFailures: ReadonlyArray<{ readonly itemIdentifier: string }>;
  /** For the replay function only. */
  readonly replay?: ReplayAnswer;
}

export interface Handled {
  readonly answer: DeliveryAnswer;
  readonly report: DeliveryReport;
}

/** Event in, answer out; one for each environment. */
export class Shell {
  private readonly memory: Memory;

  constructor(private readonly parts: ShellParts) {
    this.memory = createMemory(parts.clock.now);
  }

  /** @throws if it is no event of a stream */
  public async handle(event: StreamEvent, deadline: DeliveryDeadline): Promise<Handled> {
    const { rules, prepare, sender, quarantine, clock } = this.parts;
    // What is replayed was asked for by somebody, whatever this environment remembers of it.
    const memory = event.replay ? createMemory(clock.now) : this.memory;
    const report = await deliverRecords(decode(event), prepare, rules, { sender, quarantine, memory, clock, deadline });
    const [lowest] = report.unfinished;
    const batchItemFailures = lowest === undefined ? [] : [{ itemIdentifier: lowest.sequenceNumber }];
    return { answer: { batchItemFailures, ...(event.replay && { replay: replayAnswer(report) }) }, report };
  }
}

function replayAnswer({ received, delivered, filtered, quarantined, unfinished }: DeliveryReport): ReplayAnswer {
  return { received, delivered, filtered, quarantined: selection(quarantined), unfinished: selection(unfinished) };
}

function selection(records: ReadonlyArray<{ readonly id: string }>): RecordSelection {
  const selected = new Map<string, number[]>();
  for (const { id } of records) {
    const [shardId, sequenceNumber, subSequence] = id.split(':');
    const eventId = `${shardId}:${sequenceNumber}`;
    const subSequences = selected.get(eventId) ?? [];
    selected.set(eventId, subSequences);
    if (subSequence !== undefined) subSequences.push(Number(subSequence));
  }
  return Object.fromEntries(selected);
}
