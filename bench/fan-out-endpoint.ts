import { hash32 } from '../test/kit/faults';
import { Wire, type Outcome, type WireRequest } from '../test/kit/proxy/wire';

/** Probabilities of what befalls calls and entries. */
export interface Faults {
  /** A call fails, and nothing of it arrives. */
  readonly error: number;
  /** An entry, or a call of one record, is throttled. */
  readonly throttle: number;
  /** A call arrives, and its answer does not. */
  readonly lost: number;
}

export interface Arrival {
  readonly n: number;
  readonly key: string;
  /** Its sender could know. */
  readonly acknowledged: boolean;
}

interface Put {
  readonly Data: string;
  readonly PartitionKey: string;
}

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.1' };
const THROTTLED = { ErrorCode: 'ProvisionedThroughputExceededException', ErrorMessage: 'Rate exceeded for shard.' };

/**
 * A stream behind HTTP, PutRecord and PutRecords alike. What befalls a record depends on the seed and on how often it came,
 * not on who sends it or what else is on its way: every contestant has the same bad days.
 */
export class StreamEndpoint {
  public static async start(seed: number, faults: Faults): Promise<StreamEndpoint> {
    const late: { endpoint?: StreamEndpoint } = {};
    const wire = await Wire.listen(async (request) => late.endpoint!.answer(request));
    return late.endpoint = new StreamEndpoint(wire, seed, faults);
  }

  public readonly arrivals: Arrival[] = [];
  public calls = 0;
  private readonly attempts = new Map<string, number>();

  private constructor(private readonly wire: Wire, private readonly seed: number, private readonly faults: Faults) {}

  public get origin(): string {
    return `http://127.0.0.1:${this.wire.port}`;
  }

  public async stop(): Promise<void> {
    await this.wire.close();
  }

  private answer({ headers, body }: WireRequest): Outcome {
    const operation = String(headers['x-amz-target']).split('.')[1];
    if (operation !== 'PutRecord' && operation !== 'PutRecords') throw new Error(`the endpoint knows PutRecord and PutRecords, got ${operation}`);
    const input = JSON.parse(body.toString()) as Put & { readonly Records: readonly Put[] };
    const puts = (operation === 'PutRecord' ? [input] : input.Records).map(({ Data, PartitionKey: key }) => (
      { key, n: Number(/\d+/.exec(Buffer.from(Data, 'base64').toString())![0]) }));
    this.calls += 1;
    const { error, lost, throttle } = this.faults;
    const fate = this.draw('call', puts[0].n);
    if (fate < error) return failure(500, 'InternalFailure');
    const throttled = puts.map(({ n }) => this.draw('entry', n) < throttle);
    if (operation === 'PutRecord' && throttled[0]) return failure(400, THROTTLED.ErrorCode);
    const acknowledged = fate >= error + lost;
    this.arrivals.push(...puts.filter((_, i) => !throttled[i]).map((put) => ({ ...put, acknowledged })));
    if (!acknowledged) return 'reset';
    const results = throttled.map((is) => is ? THROTTLED : { ShardId: 'shardId-000000000000', SequenceNumber: '1' });
    return reply(200, operation === 'PutRecord' ? results[0] : { FailedRecordCount: throttled.filter(Boolean).length, Records: results });
  }

  private draw(what: string, n: number): number {
    const name = `${what} ${n}`;
    const attempt = this.attempts.get(name) ?? 0;
    this.attempts.set(name, attempt + 1);
    return hash32(this.seed, what, n, attempt) / 2 ** 32;
  }
}

function failure(status: number, code: string): Outcome {
  return reply(status, { __type: code, message: code });
}

function reply(status: number, document: unknown): Outcome {
  return { status, headers: JSON_TYPE, body: Buffer.from(JSON.stringify(document)) };
}
