import { Readable } from 'node:stream';
import type { EventRecord, Ordering, Packing, TargetKind } from '../../src/kinesis-fan-out/contract';
import { entryId } from '../../src/kinesis-fan-out/handlers/pack';
import type { Entry, FanOutRecord, SenderContext, TargetOf } from '../../src/kinesis-fan-out/handlers/ports';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Stands where an SDK client's connection would: what it really sends, and answers as they come over the wire. */
export class Wire {
  public readonly requests: Request[] = [];
  public readonly client = {
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
    requestHandler: { handle: (...call: Parameters<Wire['handle']>) => this.handle(...call) },
  };

  constructor(private readonly answer: (request: Request, n: number) => Reply) {}

  /** The last request's JSON. */
  public get json() {
    return JSON.parse(this.requests.at(-1)!.body);
  }

  /** The last request's form. */
  public get form(): Readonly<Record<string, string>> {
    return Object.fromEntries(new URLSearchParams(this.requests.at(-1)!.body));
  }

  private async handle(
    { method, path, headers, body }: { method: string; path: string; headers: Record<string, string>; body?: string | Uint8Array },
    { abortSignal }: { abortSignal?: AbortSignal } = {},
  ) {
    if (abortSignal?.aborted) throw Object.assign(new Error('aborted'), { name: 'AbortError' });
    const text = body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString() : body ?? '';
    const request = { method, path, headers, body: text };
    this.requests.push(request);
    const { status = 200, headers: replied = {}, body: reply = '' } = this.answer(request, this.requests.length);
    return { response: { statusCode: status, headers: replied, body: Readable.from(reply === '' ? [] : [Buffer.from(reply)]) } };
  }
}

/** An error of a JSON service. */
export function jsonError(code: string, message = '', status = 400): Reply {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify({ __type: code, message }) };
}

export function json(document: unknown): Reply {
  return { headers: { 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify(document) };
}

export const NEVER: AbortSignal = new AbortController().signal;
export const SHARD = 'shardId-000000000000';
export const PLAIN: Packing = { kind: 'none', maxBytes: 1e6, envelope: false };

export function sequence(n: number): string {
  return `495903382714902566085596925383615710959215759891365885${String(n).padStart(2, '0')}`;
}

export function record(n: number, more: Partial<FanOutRecord> = {}): FanOutRecord {
  const sequenceNumber = sequence(n);
  const data = more.data ?? Buffer.from(`{"n":${n}}`);
  const id = `${SHARD}:${sequenceNumber}${more.subSequence === undefined ? '' : `:${more.subSequence}`}`;
  const source: EventRecord = {
    eventID: `${SHARD}:${sequenceNumber}`,
    eventSourceARN: 'arn:aws:kinesis:eu-central-1:111111111111:stream/orders',
    kinesis: { partitionKey: 'key', sequenceNumber, data: Buffer.from(data).toString('base64'), approximateArrivalTimestamp: 1_790_000_000.5 },
  };
  return { id, shardId: SHARD, sequenceNumber, partitionKey: 'key', data, arrivedAt: 1_790_000_000_500, source, ...more };
}

export function entryOf(...records: readonly FanOutRecord[]): Entry {
  const items = records.map((one) => ({ record: one, body: one.data }));
  return { id: entryId(items), items, body: Buffer.concat(records.map(({ data }) => data)) };
}

/** Entries of one record each, with these bodies. */
export function entries(...bodies: readonly string[]): Entry[] {
  return bodies.map((body, n) => entryOf(record(n, { data: Buffer.from(body) })));
}

export function contextOf<K extends TargetKind>(
  target: TargetOf<K>, name: string, { ordering = 'none', packing = PLAIN, secretArn = '' }: { ordering?: Ordering; packing?: Packing; secretArn?: string } = {},
): SenderContext<K> {
  return { name, secretArn, target, ordering, packing };
}

export const DELIVERED = { kind: 'delivered' };

export function answered(...outcomes: readonly unknown[]): unknown {
  return { kind: 'answered', outcomes };
}

export function failed(code: string, broken = false): unknown {
  return { kind: 'failed', code, broken };
}

export function refused(code: string, reason = 'REFUSED'): unknown {
  return { kind: 'refused', refusal: { reason, code } };
}
