import { FaultSchedule, type Fault } from './faults';
import { errorWords, S3_ERRORS } from './limits/errors';
import { splitBatch, type EntrySplit } from './proxy/batch';
import type { RecordedCall, Reply, ServiceError } from './proxy/call';
import { errorCodeOf, errorReply, s3ErrorDocument } from './proxy/errors';
import { Unreachable, type FakeService } from './proxy/fake-service';
import { identify, type IdentifiedCall } from './proxy/identify';
import { Locks } from './proxy/locks';
import { emptyPage, heldBackRequest, shortPage } from './proxy/pages';
import { rewriteAddresses } from './proxy/rewrite';
import { truthOf, type ResourceFacts, type TruthContext } from './proxy/truths';
import { Upstream } from './proxy/upstream';
import { Wire, type Outcome, type WireRequest } from './proxy/wire';

export type { CallParams, RecordedCall, Reply } from './proxy/call';

export interface Verdict {
  readonly allowed: boolean;
  readonly reason?: string;
}

export interface TruthProxyOptions {
  /** Origin of the emulator. */
  readonly upstream: string;
  /** Decides at call time under the caller's role; without it everything is allowed. */
  readonly authorize?: (call: RecordedCall) => Verdict;
  /** Kills the process that runs as this principal. */
  readonly onKill?: (principal: string) => void;
  /** After each call the emulator carried out, also when the caller never learns of it: wakes the dispatcher. */
  readonly onApplied?: (call: RecordedCall, reply: Reply) => void;
  /** What replies say the time is, for those who simulate it. @default Date.now */
  readonly now?: () => number;
  /** Before each call is carried out: the chance to change the world under the caller's hands. */
  readonly beforeCall?: (call: RecordedCall) => Promise<void>;
  /** Whether a missing key may be told from a forbidden one (default: what `authorize` says of HeadBucket). */
  readonly mayListBucket?: (call: RecordedCall, bucket: string) => boolean;
  /** What limits depend on (default: the services' defaults). */
  readonly facts?: ResourceFacts;
  /** Services, by signing name, that the emulator has nothing to do with. */
  readonly fakes?: Readonly<Record<string, FakeService>>;
  /** Runs a function that is called through the proxy (default: the emulator does what it can). */
  readonly invoke?: TruthContext['invoke'];
}

type Change = Pick<EntrySplit, 'request'> & Partial<EntrySplit>;
type OpenCall = { -readonly [K in keyof RecordedCall]: RecordedCall[K] };

/**
 * The one door to AWS for everything under test: identify → IAM → limits → fault before → forward → repair what the
 * emulator gets wrong → record → wake the dispatcher → fault after.
 */
export class TruthProxy {
  public static async start(options: TruthProxyOptions): Promise<TruthProxy> {
    const proxy: TruthProxy = new TruthProxy(options);
    proxy.wire = await Wire.listen((request) => proxy.handle(request));
    return proxy;
  }

  private wire!: Wire;
  private readonly upstream: Upstream;
  private readonly locks = new Locks();
  private readonly principals = new Map<string, string>();
  private readonly listeners: ((call: RecordedCall, reply: Reply) => void)[] = [];
  private recorded: OpenCall[] = [];
  private counts = new Map<string, number>();
  private schedule = FaultSchedule.none();
  private late: { remaining: number; readonly apply: () => Promise<void> }[] = [];
  private firstReads = new Map<string, Reply>();

  private constructor(private readonly options: TruthProxyOptions) {
    this.upstream = new Upstream(options.upstream);
    if (options.onApplied) this.onApplied(options.onApplied);
  }

  /** Value of AWS_ENDPOINT_URL. */
  public get endpoint(): string {
    return `http://127.0.0.1:${this.wire.port}`;
  }

  /** In the order of arrival. */
  public get calls(): readonly RecordedCall[] {
    return this.recorded;
  }

  public mapPrincipal(accessKeyId: string, principal: string): void {
    this.principals.set(accessKeyId, principal);
  }

  /** From now on this schedule decides; occurrences are counted from 1 again. */
  public use(schedule: FaultSchedule): void {
    this.schedule = schedule;
    this.counts = new Map();
    this.firstReads = new Map();
  }

  public clearCalls(): void {
    this.recorded = [];
    this.counts = new Map();
  }

  public onApplied(listener: (call: RecordedCall, reply: Reply) => void): void {
    this.listeners.push(listener);
  }

  /** Lets every request that is still on its way arrive: call it before looking at the final state. */
  public async settle(): Promise<void> {
    for (const request of this.late.splice(0)) await request.apply();
  }

  public async stop(): Promise<void> {
    try {
      await this.wire.close();
    } finally {
      this.upstream.close();
    }
  }

  private async handle(request: WireRequest): Promise<Outcome> {
    if (EMULATOR_CONTROL.test(request.url)) return this.upstream.send(request);
    const call = this.identify(request);
    const record = this.open(call);
    await this.arrivals();
    await this.options.beforeCall?.(record);
    const outcome = await this.process(call, record).catch((error: unknown) => {
      if (error instanceof Unreachable) return 'reset' as const;
      throw error;
    });
    if (typeof outcome !== 'object') return outcome;
    record.status = outcome.status;
    record.errorCode = errorCodeOf(outcome);
    // Clients compare the time with their own, and try again when it differs.
    return { ...outcome, headers: { ...outcome.headers, date: new Date(this.options.now?.() ?? Date.now()).toUTCString() } };
  }

  private identify(request: WireRequest): IdentifiedCall {
    const call = identify(request);
    const heldBack = heldBackRequest(call);
    return heldBack ? identify(heldBack) : call;
  }

  private async process(call: IdentifiedCall, record: OpenCall): Promise<Outcome> {
    const verdict = this.options.authorize?.(record);
    if (verdict && !verdict.allowed) return errorReply(call, this.denied(call, verdict.reason));
    const refusal = truthOf(call).check?.(call, this.options.facts);
    if (refusal) return errorReply(call, refusal);
    const fault = this.schedule.decide(record);
    return fault ? this.strike(fault, call, record) : this.apply(call, record);
  }

  private async strike(fault: Fault, call: IdentifiedCall, record: OpenCall): Promise<Outcome> {
    record.fault = fault.kind;
    const words = errorWords(call.service, call.protocol);
    const refuse = (error: ServiceError) => errorReply(call, {
      message: fault.message ?? error.message, status: fault.status ?? error.status, code: fault.code ?? error.code,
    });
    switch (fault.kind) {
      case 'throttle': return refuse(words.throttle);
      case 'server-error': return refuse(words.server);
      case 'access-denied': return refuse(words.denied);
      case 'not-found': return refuse(words.notFound);
      case 'precondition-failed':
      case 'conditional-conflict':
      case 'archived': return refuse(S3_ERRORS[fault.kind]);
      case 'error-in-200':
        return { status: 200, headers: { 'content-type': 'application/xml' }, body: Buffer.from(s3ErrorDocument(words.server, call.params.key ?? '')) };
      case 'reset-before': return 'reset';
      case 'hang-before': return 'hang';
      case 'kill-before': return this.kill(record);
      case 'late-apply':
        this.late.push({ remaining: fault.after ?? 1, apply: async () => void await this.apply(call, record) });
        return 'reset';
      case 'reset-after': return this.apply(call, record).then(() => 'reset');
      case 'hang-after': return this.apply(call, record).then(() => 'hang');
      case 'kill-after': return this.apply(call, record).then(() => this.kill(record));
      case 'refuse-entries': {
        const error = fault.code === undefined ? undefined : { status: 500, message: 'Refused by the schedule', ...fault, code: fault.code };
        const split = splitBatch(call, fault.entries ?? [0], error);
        return split ? this.apply(call, record, split) : this.missed(call, record);
      }
      case 'short-page': {
        const request = shortPage(call);
        return request ? this.apply(call, record, { request }) : this.missed(call, record);
      }
      case 'empty-page': {
        const full = await this.apply(call, record);
        return emptyPage(call, full) ?? this.unfault(record, full);
      }
      case 'stale-read': {
        const first = this.firstReads.get(record.requestHash);
        return first ?? this.missed(call, record);
      }
    }
  }

  /** The fault has nothing to strike here: the call goes its normal way and is not counted as faulted. */
  private missed(call: IdentifiedCall, record: OpenCall): Promise<Reply> {
    record.fault = undefined;
    return this.apply(call, record);
  }

  private unfault(record: OpenCall, reply: Reply): Reply {
    record.fault = undefined;
    return reply;
  }

  private kill(record: RecordedCall): 'reset' {
    this.options.onKill?.(record.principal);
    return 'reset';
  }

  private apply(call: IdentifiedCall, record: OpenCall, change?: Change): Promise<Reply> {
    return this.locks.run(truthOf(call).changes?.(call) ?? [], () => this.carryOut(call, record, change));
  }

  /** Forwards, repairs, announces; a change replaces what is sent and completes what comes back. */
  private async carryOut(call: IdentifiedCall, record: OpenCall, change?: Change): Promise<Reply> {
    const request = change ? change.request : call.request;
    const answered = request && await this.forward(change ? identify(request) : call, record);
    const completed = change?.merge ? change.merge(answered) : answered!;
    const reply = rewriteAddresses(call, completed, this.options.upstream, this.endpoint);
    record.applied = request !== undefined && reply.status < 300;
    if (record.applied) for (const listener of this.listeners) listener(record, reply);
    if (this.schedule.mentions('stale-read') && !this.firstReads.has(record.requestHash)) this.firstReads.set(record.requestHash, reply);
    return reply;
  }

  private async forward(call: IdentifiedCall, record: RecordedCall): Promise<Reply> {
    const fake = this.options.fakes?.[call.service];
    if (fake) return fake(call, record.principal);
    return truthOf(call).apply?.(call, this.context(record)) ?? this.upstream.send(call.request);
  }

  private context(record: RecordedCall): TruthContext {
    const { authorize, invoke, mayListBucket } = this.options;
    return {
      invoke,
      send: (request) => this.upstream.send(request),
      mayListBucket: (bucket) => {
        if (mayListBucket) return mayListBucket(record, bucket);
        return authorize === undefined || authorize({ ...record, operation: 'HeadBucket', params: { bucket, query: {}, headers: {} } }).allowed;
      },
    };
  }

  /** Late requests land before the call that follows their last waiting one. */
  private async arrivals(): Promise<void> {
    for (const request of this.late) request.remaining -= 1;
    const due = this.late.filter(({ remaining }) => remaining < 0);
    this.late = this.late.filter(({ remaining }) => remaining >= 0);
    for (const request of due) await request.apply();
  }

  private open(call: IdentifiedCall): OpenCall {
    const { accessKeyId, service, operation, region, params, requestHash } = call;
    const principal = accessKeyId === undefined ? 'anonymous' : this.principals.get(accessKeyId) ?? accessKeyId;
    const record: OpenCall = {
      n: this.recorded.length + 1,
      principal,
      service,
      operation,
      region,
      params,
      requestHash,
      status: 0,
      applied: false,
      nth: this.count(`${principal} ${service}:${operation}`),
      occurrence: this.count(`${principal} ${requestHash}`),
    };
    this.recorded.push(record);
    return record;
  }

  private count(name: string): number {
    const count = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, count);
    return count;
  }

  private denied(call: IdentifiedCall, reason?: string): ServiceError {
    const { denied } = errorWords(call.service, call.protocol);
    return reason ? { ...denied, message: `${denied.message}: ${reason}` } : denied;
  }
}

/** The emulators' own doors are no AWS calls. */
const EMULATOR_CONTROL = /^\/(moto-api|_ministack)\//;
