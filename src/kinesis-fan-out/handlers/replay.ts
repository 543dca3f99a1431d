import { sequenceOf } from './dynamodb-item';
import { fullJitter } from '../../handler-kit/retry';
import {
  type EventRecord, EXPIRED_PREFIX, QUARANTINE_PREFIX, RECEIPT_PREFIX, type RecordSelection, type ReplayAnswer, type ReplayEvent,
  type ReplayReceipt, type ReplayRequest, type ReplayResult,
} from '../contract';

/** Everything a replay does to the world outside. */
export interface ReplayWorld {
  /** Keys below a prefix in their order, behind one of them if it is given. */
  keys(prefix: string, after?: string): AsyncIterable<string>;
  /** Undefined: it is not there, or not any more. */
  read(key: string): Promise<string | undefined>;
  /**
   * Calls the function of the destination.
   * @throws if it did not answer
   */
  deliver(event: ReplayEvent): Promise<ReplayAnswer>;
  write(key: string, receipt: ReplayReceipt): Promise<void>;
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number): Promise<unknown>;
  random(): number;
  /** Milliseconds in which a call may still begin. */
  remainingMs(): number;
}

/** Which destination, and the function that delivers to it. */
export interface ReplayTarget {
  readonly destination: string;
  readonly functionName: string;
  /** Part of the receipts' keys: a new one for each invocation. */
  readonly run: string;
}

/** A record of an event, or some of an aggregate's. */
export interface Replayable {
  readonly source: EventRecord;
  /** Sub-sequences of an aggregate; absent: all there is. */
  readonly only?: readonly number[];
}

/** Payload of a synchronous invocation, and what the event has beside records. (Lambda quotas.) */
const MAX_EVENT_BYTES = 6 * 1024 * 1024 - 1024;
/** As of an event source mapping. */
const MAX_RECORDS = 10_000;
/** A sub-sequence in `only`, at most. */
const SUB_SEQUENCE_BYTES = 8;
/** Objects read at a time. Expired batches take some 6 MB each, several times over while they are read. */
const READS = 4;
/** So many calls without progress one after the other end the replay. */
const HOPELESS = 4;
const BACKOFF = { baseMs: 500, capMs: 10_000 };
const MAX_RECEIPTS = 100;

/** ("Retain discarded batch records for a Kinesis Data Streams event source", Lambda developer guide.) */
const EXPIRED_KEY = /^aws\/lambda\/.*T\d\d\.\d\d\.\d\d-/;

/** @throws an error that says what the request must be */
export function checkRequest(request: ReplayRequest, destinations: readonly string[]): ReplayRequest {
  const { destination, key, prefix, after } = (request ?? {}) as Partial<ReplayRequest>;
  if (typeof destination !== 'string' || !destinations.includes(destination)) {
    throw new Error(`'destination' must be one of ${destinations.join(', ')}, got ${shown(destination)}`);
  }
  if ((key === undefined) === (prefix === undefined)) {
    throw new Error(`exactly one of 'key' and 'prefix' must be given, got ${key === undefined ? 'none' : 'both'}`);
  }
  const [name, value] = key === undefined ? ['prefix', prefix] : ['key', key];
  const quarantine = `${QUARANTINE_PREFIX}${destination}/`;
  if (typeof value !== 'string' || !(value.startsWith(quarantine) || isBelowMapping(value)) || (name === 'key' && value.endsWith('/'))) {
    throw new Error(`'${name}' must begin with '${quarantine}' or '${EXPIRED_PREFIX}<mapping>/', got ${shown(value)}`);
  }
  if (after !== undefined && (prefix === undefined || typeof after !== 'string' || !after.startsWith(prefix))) {
    throw new Error(`'after' must be a key below 'prefix', got ${shown(after)}`);
  }
  return { destination, key, prefix, after };
}

/** All mappings have the prefix above in common. */
function isBelowMapping(key: string): boolean {
  return key.startsWith(EXPIRED_PREFIX) && key.indexOf('/', EXPIRED_PREFIX.length) > EXPIRED_PREFIX.length;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : value === undefined ? 'none' : typeof value;
}

/** What an object of the failure bucket holds for this destination, or why it cannot be replayed there. */
export function recordsIn(key: string, text: string | undefined, { destination, functionName }: ReplayTarget): readonly Replayable[] | string {
  if (text === undefined) return 'not there';
  const json = objectOf(text);
  if (json === undefined) return 'no JSON object';
  if (key.startsWith(QUARANTINE_PREFIX)) {
    const { version, id, record } = json;
    if (version !== 1 || typeof id !== 'string' || !isEventRecord(record)) return 'no quarantined record of version 1';
    if (json.destination !== destination) return 'quarantined for another destination';
    const [, , subSequence] = id.split(':');
    return [{ source: record, only: subSequence === undefined ? undefined : [Number(subSequence)] }];
  }
  const { requestContext: context, payload } = json;
  const functionArn = (context as { readonly functionArn?: unknown } | undefined)?.functionArn;
  if (typeof functionArn !== 'string' || functionArn.split(':')[6] !== functionName) return 'expired for another function';
  // The documentation shows text; objects have been seen as well.
  const records = (typeof payload === 'string' ? objectOf(payload) : payload as { readonly Records?: unknown } | undefined)?.Records;
  if (!Array.isArray(records) || !records.every(isEventRecord)) return 'no batch of a stream';
  return records.map((source) => ({ source }));
}

/** What its first record is sorted by. */
function positionIn(records: readonly Replayable[] | string): string {
  return typeof records === 'string' || records.length === 0 ? '' : sequenceOf(records[0].source.kinesis);
}

/** Keys of one moment and shard say nothing of their order: Lambda ends those of expired batches with a random id. */
function momentOf(key: string): string {
  return EXPIRED_KEY.exec(key)?.[0] ?? key;
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? json as Readonly<Record<string, unknown>> : undefined;
  } catch {
    return undefined;
  }
}

function isEventRecord(value: unknown): value is EventRecord {
  const { eventID, kinesis } = (value ?? {}) as Partial<EventRecord>;
  return typeof eventID === 'string' && typeof kinesis?.sequenceNumber === 'string' && typeof kinesis.data === 'string';
}

/** Records for one call, each record of the stream once. */
export class Batch {
  /** Keys of the objects whose last record is in here. */
  public readonly objects: string[] = [];
  /** Once it is delivered, everything up to this key is. */
  public upTo?: string;
  public readonly skipped = new Map<string, string>();
  private readonly byEvent = new Map<string, Replayable>();
  private bytes = 0;

  public get isEmpty(): boolean {
    return this.byEvent.size === 0;
  }

  /** @returns false if there is no room for it */
  public add(record: Replayable): boolean {
    const { eventID } = record.source;
    const there = this.byEvent.get(eventID);
    const bytes = bytesOf(record, there === undefined);
    if (this.bytes + bytes > MAX_EVENT_BYTES || (there === undefined && this.byEvent.size === MAX_RECORDS)) return false;
    this.bytes += bytes;
    this.byEvent.set(eventID, there === undefined ? record : union(there, record));
    return true;
  }

  /** In the order they came in. */
  public get records(): readonly Replayable[] {
    return [...this.byEvent.values()];
  }
}

function bytesOf({ source, only = [] }: Replayable, isNew: boolean): number {
  const named = only.length * SUB_SEQUENCE_BYTES + Buffer.byteLength(source.eventID) + '"":[],'.length;
  return isNew ? Buffer.byteLength(JSON.stringify(source)) + 1 + named : named;
}

function union(one: Replayable, other: Replayable): Replayable {
  return one.only && other.only ? { ...one, only: [...new Set([...one.only, ...other.only])] } : { source: one.source };
}

export function eventOf(records: readonly Replayable[]): ReplayEvent {
  const only = Object.fromEntries(records.flatMap(({ source, only: some }) => some ? [[source.eventID, some]] : []));
  return { Records: records.map(({ source }) => source), replay: { only } };
}

/** Those the destination has not. */
export function remaining(records: readonly Replayable[], unfinished: RecordSelection): readonly Replayable[] {
  return records.flatMap(({ source }) => {
    const some = Object.hasOwn(unfinished, source.eventID) ? unfinished[source.eventID] : undefined;
    return some === undefined ? [] : [{ source, only: some.length > 0 ? some : undefined }];
  });
}

/**
 * Delivers again what the failure bucket holds, object by object in the order of their records, with the ids these had.
 * Objects stay where they are. Ends early, saying where to go on, when time runs out or a call comes to nothing again and
 * again.
 */
export async function replay(request: ReplayRequest, target: ReplayTarget, world: ReplayWorld): Promise<ReplayResult> {
  const run = new Replay(request, target, world);
  return run.finish(await run.deliverAll());
}

class Replay {
  private readonly receipts: string[] = [];
  private calls = 0;
  private objects = 0;
  private skipped = 0;
  private delivered = 0;
  private filtered = 0;
  private quarantined = 0;
  private unfinished = 0;
  /** Everything up to this key is done. */
  private done?: string;

  constructor(private readonly request: ReplayRequest, private readonly target: ReplayTarget, private readonly world: ReplayWorld) {
    this.done = request.after;
  }

  /** @returns whether nothing is left */
  public async deliverAll(): Promise<boolean> {
    let batch = new Batch();
    for await (const { key, text, upTo } of this.read()) {
      const records = recordsIn(key, text, this.target);
      if (typeof records === 'string') {
        batch.skipped.set(key, records);
      } else {
        for (const record of records) {
          if (batch.add(record)) continue;
          if (!await this.deliver(batch)) return false;
          batch = new Batch();
          if (!batch.add(record)) batch.skipped.set(key, `record ${record.source.eventID} is larger than an invocation`);
        }
      }
      batch.objects.push(key);
      batch.upTo = upTo ?? batch.upTo;
    }
    return this.deliver(batch);
  }

  public finish(everything: boolean): ReplayResult {
    const { objects, skipped, delivered, filtered, quarantined, unfinished } = this;
    return {
      destination: this.target.destination,
      objects,
      skipped,
      delivered,
      filtered,
      quarantined,
      unfinished,
      receipts: this.receipts.slice(0, MAX_RECEIPTS),
      ...(!everything && { next: { ...this.request, ...(this.request.prefix !== undefined && { after: this.done }) } }),
    };
  }

  /** Some objects ahead. */
  private async* read(): AsyncGenerator<Step & { readonly text?: string }> {
    const ahead: Promise<Step & { readonly text?: string }>[] = [];
    for await (const step of this.steps()) {
      const read = this.world.read(step.key).then((text) => ({ ...step, text }));
      // What fails is told when its turn comes.
      read.catch(() => {});
      ahead.push(read);
      if (ahead.length === READS) yield await ahead.shift()!;
    }
    for (const read of ahead) yield await read;
  }

  private async* steps(): AsyncGenerator<Step> {
    const { key, prefix, after } = this.request;
    const moment: string[] = [];
    for await (const next of key === undefined ? this.world.keys(prefix!, after) : [key]) {
      if (moment.length > 0 && momentOf(next) !== momentOf(moment[0])) yield* await this.sorted(moment.splice(0));
      moment.push(next);
    }
    yield* await this.sorted(moment);
  }

  /** Each is read for its position only: all of them at once may be more than there is memory. */
  private async sorted(keys: readonly string[]): Promise<Step[]> {
    const last = keys.at(-1);
    const positions: { readonly key: string; readonly position: string }[] = [];
    for (const key of keys) {
      positions.push({ key, position: keys.length === 1 ? '' : positionIn(recordsIn(key, await this.world.read(key), this.target)) });
    }
    positions.sort((one, other) => one.position < other.position ? -1 : 1);
    return positions.map(({ key }, n) => ({ key, upTo: n === keys.length - 1 ? last : undefined }));
  }

  /** @returns whether the replay may go on */
  private async deliver(batch: Batch): Promise<boolean> {
    if (batch.isEmpty && batch.objects.length === 0) return true;
    // One call at least, however short the invocation is.
    if (this.calls > 0 && this.world.remainingMs() === 0) return false;
    const startedAt = this.world.now();
    const outcome = await this.untilDelivered(batch.records);
    await this.writeReceipt(batch, outcome, startedAt);
    this.delivered += outcome.delivered;
    this.filtered += outcome.filtered;
    this.quarantined += count(outcome.quarantined);
    this.unfinished += count(outcome.unfinished);
    this.skipped += batch.skipped.size;
    if (outcome.unfinished.length > 0) return false;
    this.objects += batch.objects.filter((key) => !batch.skipped.has(key)).length;
    this.done = batch.upTo ?? this.done;
    return true;
  }

  private async untilDelivered(records: readonly Replayable[]): Promise<Outcome> {
    let [delivered, filtered, attempts, fruitless] = [0, 0, 0, 0];
    let error: string | undefined;
    let left = records;
    const quarantined: Replayable[] = [];
    while (left.length > 0) {
      attempts += 1;
      this.calls += 1;
      try {
        const answer = await this.world.deliver(eventOf(left));
        error = undefined;
        delivered += answer.delivered;
        filtered += answer.filtered;
        quarantined.push(...remaining(left, answer.quarantined));
        const rest = remaining(left, answer.unfinished);
        fruitless = answer.received > count(rest) ? 0 : fruitless + 1;
        left = rest;
      } catch (failure) {
        error = failure instanceof Error ? failure.name : 'Error';
        fruitless += 1;
      }
      if (left.length === 0 || fruitless === HOPELESS) break;
      const wait = fullJitter(Math.max(1, fruitless), BACKOFF, this.world.random);
      if (this.world.remainingMs() <= wait) break;
      await this.world.sleep(wait);
    }
    return { delivered, filtered, quarantined, unfinished: left, attempts, error };
  }

  private async writeReceipt(batch: Batch, outcome: Outcome, startedAt: number): Promise<void> {
    const { destination, run } = this.target;
    const { delivered, filtered, attempts, error } = outcome;
    const key = `${RECEIPT_PREFIX}${destination}/${run}/${String(this.receipts.length + 1).padStart(6, '0')}.json`;
    await this.world.write(key, {
      version: 1,
      destination,
      startedAt: new Date(startedAt).toISOString(),
      endedAt: new Date(this.world.now()).toISOString(),
      objects: batch.objects,
      skipped: Object.fromEntries(batch.skipped),
      attempts,
      delivered,
      filtered,
      quarantined: selectionOf(outcome.quarantined),
      unfinished: selectionOf(outcome.unfinished),
      error,
    });
    this.receipts.push(key);
  }
}

interface Step {
  readonly key: string;
  /** Behind it, everything up to this key was read. */
  readonly upTo?: string;
}

interface Outcome extends Pick<ReplayReceipt, 'delivered' | 'filtered' | 'attempts' | 'error'> {
  readonly quarantined: readonly Replayable[];
  readonly unfinished: readonly Replayable[];
}

function selectionOf(records: readonly Replayable[]): RecordSelection {
  return Object.fromEntries(records.map(({ source, only = [] }) => [source.eventID, only]));
}

/** An aggregate nobody has looked into counts as one. */
function count(records: readonly Replayable[]): number {
  return records.reduce((sum, { only }) => sum + (only?.length ?? 1), 0);
}
