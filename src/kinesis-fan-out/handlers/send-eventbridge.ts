import { DescribeEventBusCommand, EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { callOutcome, codeOf, entryOutcome, type Refusals, says, unprovenOutcome } from './classify';
import { CLIENT } from './client';
import { textOf } from './content';
import type { CallOutcome, Entry, Sender, SenderContext } from './ports';

/** EventBridge API reference, PutEvents: less than 1 MB, of all entries together. Decimal is the stricter reading. */
const MAX_ENTRIES = 10;
const MAX_BYTES = 1_000_000 - 1;
/** A time, if given. (User guide, "Calculating PutEvents event entry size".) */
const TIME_BYTES = 14;

/** Of an entry: no JSON object, or nested more than 1,000 levels deep. The rest of an entry is ours. */
const REFUSALS: Refusals = { MalformedDetail: 'UNPARSABLE' };
/** Of a call: too many bytes. */
const TOO_LARGE: Refusals = { ValidationException: 'TOO_LARGE' };

/** How long a bus that was there counts as there. */
const SEEN_MS = 60_000;

/** An event bus. It keeps no order and drops no duplicates; the id is in the detail, which is the record in its envelope. */
export class EventBridgeSender implements Sender {
  public readonly maxEntries = MAX_ENTRIES;
  public readonly maxCallBytes = MAX_BYTES;
  public readonly maxEntryBytes = MAX_BYTES;
  public readonly concurrency = 8;
  public readonly bodies = 'utf8';
  private readonly overhead: number;
  private seen?: { readonly at: number; readonly look: Promise<void> };

  constructor(
    private readonly context: SenderContext<'eventbridge'>,
    private readonly eventBridge: Pick<EventBridgeClient, 'send'> = new EventBridgeClient(CLIENT),
    private readonly now: () => number = Date.now,
  ) {
    const { source, detailType } = context.target;
    this.overhead = TIME_BYTES + Buffer.byteLength(source) + Buffer.byteLength(detailType);
  }

  public sizeOf({ body }: Entry): number {
    return body.length + this.overhead;
  }

  public async send(entries: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    const { name, target: { source, detailType } } = this.context;
    try {
      await this.look(signal);
      const { Entries: results = [] } = await this.eventBridge.send(new PutEventsCommand({
        Entries: entries.map((entry) => ({
          EventBusName: name,
          Source: source,
          DetailType: detailType,
          Detail: textOf(entry),
          Time: new Date(entry.items[0].record.arrivedAt),
        })),
      }), { abortSignal: signal });
      return {
        kind: 'answered',
        outcomes: results.map(({ ErrorCode: code }) => code ? entryOutcome(code, REFUSALS) : { kind: 'delivered' }),
      };
    } catch (error) {
      return codeOf(error) === 'ValidationException' && !says(error, /size/i)
        ? unprovenOutcome(error, entries.length)
        : callOutcome(error, entries.length, TOO_LARGE);
    }
  }

  /**
   * EventBridge drops events for a bus that is not there, and says that it took them (seen on the real service:
   * aws/aws-cli#9186, localstack/localstack#8264). Looking once in a while bounds what is lost.
   *
   * @throws what EventBridge says of a bus that is not there
   */
  private async look(abortSignal: AbortSignal): Promise<void> {
    const now = this.now();
    if (this.seen === undefined || now - this.seen.at >= SEEN_MS) this.seen = { at: now, look: this.describe(abortSignal) };
    const { look } = this.seen;
    try {
      await look;
    } catch (error) {
      this.seen = undefined;
      throw error;
    }
  }

  /** Who may not look, as at a bus of another account, sends nevertheless. */
  private async describe(abortSignal: AbortSignal): Promise<void> {
    try {
      await this.eventBridge.send(new DescribeEventBusCommand({ Name: this.context.name }), { abortSignal });
    } catch (error) {
      if (codeOf(error) === 'ResourceNotFoundException') throw error;
    }
  }
}
