import { createHash } from 'node:crypto';
import type { InvokeOutcome } from '../lambda-environment';
import type { EventSourceModel, QueueModel } from '../template';
import { EXACTLY_ONCE, type DeliveryPlan } from './delivery';
import { matchesPattern } from './pattern';
import { uuid } from './s3-events';
import type { Timeline } from './timeline';

export interface QueueMessage {
  readonly messageId: string;
  readonly body: string;
  readonly messageAttributes: Readonly<Record<string, string>>;
  readonly sentAt: number;
  readonly receiveCount: number;
  /** Of a FIFO queue. */
  readonly groupId?: string;
  readonly deduplicationId?: string;
  /** Of a message in a dead-letter queue. */
  readonly deadLetterSource?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Waiting extends Mutable<QueueMessage> {
  visibleAt: number;
  firstReceivedAt?: number;
  receiptHandle?: string;
  sender: string;
}

/** How many copies of messages went where. */
export interface Ledger {
  readonly arrived: number;
  readonly deleted: number;
  readonly deadLettered: number;
  readonly expired: number;
}
const EMPTY: Ledger = { arrived: 0, deleted: 0, deadLettered: 0, expired: 0 };

export interface SendOptions {
  readonly attributes?: Readonly<Record<string, string>>;
  readonly sender?: string;
  /** FIFO queues require both. */
  readonly groupId?: string;
  readonly deduplicationId?: string;
}

/** SQS developer guide, "Exactly-once processing": a deduplication id counts for five minutes. */
const DEDUPLICATION_MS = 300_000;

/**
 * A queue on the virtual clock: visibility, receive count, redrive, retention. A FIFO queue is a place to send to: it
 * drops duplicates and keeps the order of arrival, and nobody receives from it.
 */
export class VirtualQueue {
  private waiting: Waiting[] = [];
  private sent = 0;
  private readonly deduplication = new Map<string, number>();
  private counts: Mutable<Ledger> = { ...EMPTY };
  private readonly listeners: (() => void)[] = [];

  /** @param deadLetters the queue `redrive` names */
  constructor(
    public readonly settings: QueueModel,
    private readonly timeline: Timeline,
    private readonly deadLetters?: () => VirtualQueue,
    public plan: DeliveryPlan = EXACTLY_ONCE,
  ) {}

  /** Whatever was sent and is not deleted, visible or not. */
  public get messages(): readonly QueueMessage[] {
    this.expire();
    return this.waiting;
  }

  /** Where all copies of all messages are: conservation means that nothing is lost without a trace. */
  public get ledger(): Ledger & { readonly waiting: number } {
    return { ...this.counts, waiting: this.messages.length };
  }

  /** Forgets everything. */
  public clear(): void {
    this.waiting = [];
    this.deduplication.clear();
    this.counts = { ...EMPTY };
  }

  public onArrival(listener: () => void): void {
    this.listeners.push(listener);
  }

  public send(body: string, options: SendOptions = {}): void {
    // SQS developer guide, "Amazon SQS message quotas".
    if (Buffer.byteLength(body) > 1_048_576) throw new Error(`a message must have at most 1048576 bytes, got ${Buffer.byteLength(body)}`);
    if (this.settings.fifo && this.isDuplicate(options)) return;
    const messageId = uuid(this.settings.arn, ++this.sent);
    // What arrives in a FIFO queue arrives once and in order.
    for (const delay of this.settings.fifo ? [0] : this.plan.copies(messageId)) {
      this.add({
        messageId,
        body,
        messageAttributes: options.attributes ?? {},
        sender: options.sender ?? 'AIDAKIT',
        groupId: options.groupId,
        deduplicationId: options.deduplicationId,
        sentAt: this.timeline.now,
        receiveCount: 0,
        visibleAt: this.timeline.now + (this.settings.delaySeconds + delay) * 1000,
      });
    }
  }

  /** ReceiveMessage: hides what it hands out; what was received too often goes to the dead-letter queue instead. */
  public receive(max: number): Waiting[] {
    if (this.settings.fifo) throw new Error(`only standard queues are received from, got ${this.settings.arn}`);
    this.expire();
    const candidates = this.waiting.filter(({ visibleAt }) => visibleAt <= this.timeline.now);
    const received: Waiting[] = [];
    for (const message of this.plan.order(candidates, ({ messageId, receiveCount }) => `${messageId}/${receiveCount}`)) {
      if (received.length === max) break;
      const { redrive } = this.settings;
      if (redrive && message.receiveCount >= redrive.maxReceiveCount) {
        this.moveToDeadLetters(message);
        continue;
      }
      message.receiveCount += 1;
      message.firstReceivedAt ??= this.timeline.now;
      message.receiptHandle = uuid(message.messageId, message.sentAt, message.receiveCount);
      message.visibleAt = this.timeline.now + this.settings.visibilitySeconds * 1000;
      received.push(message);
    }
    return received;
  }

  public delete(receiptHandle: string): void {
    this.counts.deleted += this.drop((message) => message.receiptHandle === receiptHandle);
  }

  /** How many could be received now. */
  public get visible(): number {
    return this.waiting.filter(({ visibleAt }) => visibleAt <= this.timeline.now).length;
  }

  /** When something can be received, if anything is there. */
  public get nextVisibleAt(): number | undefined {
    this.expire();
    return this.waiting.length === 0 ? undefined : Math.max(this.timeline.now, Math.min(...this.waiting.map(({ visibleAt }) => visibleAt)));
  }

  private isDuplicate({ deduplicationId, groupId }: SendOptions): boolean {
    if (groupId === undefined || deduplicationId === undefined) throw new Error('a message of a FIFO queue needs a group id and a deduplication id');
    const before = this.deduplication.get(deduplicationId);
    if (before !== undefined && this.timeline.now - before < DEDUPLICATION_MS) return true;
    this.deduplication.set(deduplicationId, this.timeline.now);
    return false;
  }

  private drop(which: (message: Waiting) => boolean): number {
    const before = this.waiting.length;
    this.waiting = this.waiting.filter((message) => !which(message));
    return before - this.waiting.length;
  }

  private add(message: Waiting): void {
    this.counts.arrived += 1;
    this.waiting.push(message);
    this.listeners.forEach((listener) => listener());
  }

  /** Keeps id and age: retention goes on from the first sending. */
  private moveToDeadLetters(message: Waiting): void {
    this.counts.deadLettered += this.drop((other) => other === message);
    this.deadLetters?.().add({
      ...message,
      deadLetterSource: this.settings.arn,
      receiveCount: 0,
      firstReceivedAt: undefined,
      receiptHandle: undefined,
      visibleAt: this.timeline.now,
    });
  }

  private expire(): void {
    const oldest = this.timeline.now - this.settings.retentionSeconds * 1000;
    this.counts.expired += this.drop(({ sentAt }) => sentAt < oldest);
  }
}

export type Invoke = (functionArn: string, event: unknown) => Promise<InvokeOutcome>;

/** What Lambda's poller does with a queue: batches, window, concurrency, filters, partial failures. */
export class SqsDispatcher {
  private pollAt?: number;
  private batchSince?: number;

  constructor(
    private readonly mapping: EventSourceModel,
    private readonly queue: VirtualQueue,
    private readonly timeline: Timeline,
    private readonly invoke: Invoke,
  ) {
    const { batchSize, windowSeconds } = mapping;
    if (queue.settings.fifo) throw new Error(`only standard queues are event sources here, got ${queue.settings.arn}`);
    // Lambda developer guide, "Configuring scaling behavior for SQS event source mappings"; API reference, BatchSize.
    if (batchSize < 1 || batchSize > 10_000) throw new Error(`the batch size of a standard queue must be 1 to 10000, got ${batchSize}`);
    if (batchSize > 10 && windowSeconds < 1) throw new Error(`a batch size above 10 needs a window of at least 1 s, got ${windowSeconds}`);
    if (mapping.enabled) {
      queue.onArrival(() => this.schedule());
      this.schedule();
    }
  }

  private schedule(at = this.queue.nextVisibleAt): void {
    if (at === undefined || (this.pollAt !== undefined && this.pollAt <= at)) return;
    this.pollAt = at;
    this.timeline.at(at, async () => {
      if (this.pollAt !== at) return; // an earlier one was scheduled since
      this.pollAt = undefined;
      const end = this.windowEnd();
      if (end === undefined) await this.poll();
      this.schedule(end);
    });
  }

  /** A window collects messages until the batch is full or the window is over. */
  private windowEnd(): number | undefined {
    const { batchSize, windowSeconds } = this.mapping;
    if (this.queue.visible < batchSize && windowSeconds > 0) {
      this.batchSince ??= this.timeline.now;
      const end = this.batchSince + windowSeconds * 1000;
      if (this.timeline.now < end) return end;
    }
    this.batchSince = undefined;
    return undefined;
  }

  private async poll(): Promise<void> {
    // Without a maximum, Lambda starts with five pollers.
    const batches = Array.from({ length: this.mapping.maximumConcurrency ?? 5 }, () => this.nextBatch()).filter((batch) => batch.length > 0);
    await Promise.all(batches.map((batch) => this.deliver(batch)));
  }

  private nextBatch(): Waiting[] {
    const { batchSize, filters } = this.mapping;
    return this.queue.receive(batchSize).filter((message) => {
      if (filters.length === 0 || filters.some((filter) => matchesFilter(filter, message))) return true;
      this.queue.delete(message.receiptHandle!); // Lambda deletes what a filter drops
      return false;
    });
  }

  private async deliver(batch: readonly Waiting[]): Promise<void> {
    const sent = batch.map((message) => ({ ...message }));
    const outcome = await this.invoke(this.mapping.functionArn, { Records: sent.map((message) => this.record(message)) });
    const failed = failedMessages(outcome, sent.map(({ messageId }) => messageId), this.mapping.reportsBatchItemFailures);
    for (const message of sent) {
      if (!failed.has(message.messageId) && !this.queue.plan.losesDelete(message.messageId, message.receiveCount)) {
        this.queue.delete(message.receiptHandle!);
      }
    }
  }

  private record(message: Waiting): Record<string, unknown> {
    return {
      messageId: message.messageId,
      receiptHandle: message.receiptHandle,
      body: message.body,
      attributes: {
        ApproximateReceiveCount: String(message.receiveCount),
        SentTimestamp: String(message.sentAt),
        SenderId: message.sender,
        ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
        ...message.deadLetterSource !== undefined && { DeadLetterQueueSourceArn: message.deadLetterSource },
      },
      messageAttributes: Object.fromEntries(Object.entries(message.messageAttributes).map(([name, stringValue]) => (
        [name, { stringValue, stringListValues: [], binaryListValues: [], dataType: 'String' }]))),
      md5OfBody: createHash('md5').update(message.body).digest('hex'),
      eventSource: 'aws:sqs',
      eventSourceARN: this.queue.settings.arn,
      awsRegion: this.queue.settings.arn.split(':')[3],
    };
  }
}

/**
 * Which messages of a batch come back ("Implementing partial batch responses", Lambda developer guide): none for an
 * empty or null answer or list; all for an error, an answer that is no such list, an unknown or empty id.
 */
export function failedMessages(outcome: InvokeOutcome, ids: readonly string[], reportsBatchItemFailures: boolean): ReadonlySet<string> {
  const all = new Set(ids);
  if (outcome.kind !== 'ok') return all;
  if (!reportsBatchItemFailures || outcome.payload === null || outcome.payload === undefined) return new Set();
  if (typeof outcome.payload !== 'object' || Array.isArray(outcome.payload)) return all;
  const { batchItemFailures } = outcome.payload as { batchItemFailures?: unknown };
  if (batchItemFailures === null || batchItemFailures === undefined) return new Set();
  if (!Array.isArray(batchItemFailures)) return all;
  const failed = batchItemFailures.map((failure: { itemIdentifier?: unknown } | null) => failure?.itemIdentifier);
  return failed.every((id): id is string => typeof id === 'string' && all.has(id)) ? new Set(failed) : all;
}

/** A filter on `body` wants JSON where it names fields, and plain text where it lists texts (Lambda, "Filtering SQS messages"). */
function matchesFilter(filter: unknown, { body, messageAttributes, messageId }: Waiting): boolean {
  const parsed = parse(body);
  const wanted = (filter as { body?: unknown }).body;
  if (wanted !== undefined && Array.isArray(wanted) !== (parsed === undefined)) return false;
  return matchesPattern(filter, { body: parsed ?? body, messageAttributes, messageId });
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
