import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordedCall } from './proxy/call';

/**
 * Seeded fault schedules: pure data that decides by (principal, operation, n-th occurrence | request hash), never by
 * the clock or by the order in which parallel calls happen to arrive.
 */

/** What can go wrong with one call. */
export const FAULT_KINDS = [
  /** Refused with the service's own throttling code. */
  'throttle',
  /** 500, or the status given. */
  'server-error',
  'access-denied',
  'not-found',
  /** S3: 412 PreconditionFailed. */
  'precondition-failed',
  /** S3: 409 ConditionalRequestConflict, the reply to a race of conditional writes. */
  'conditional-conflict',
  /** S3: 403 InvalidObjectState, the object is archived. */
  'archived',
  /** The connection dies and nothing was applied. */
  'reset-before',
  /** Applied, but the connection dies before the reply. */
  'reset-after',
  /** Never answered, nothing applied: the caller's deadline passes. */
  'hang-before',
  /** Applied, never answered. */
  'hang-after',
  /** The connection dies at once; the request is applied after `after` further calls. */
  'late-apply',
  /** S3 copies and multipart completion: status 200 with an error document. */
  'error-in-200',
  /** A list reply with one item and a token. */
  'short-page',
  /** A list reply without items but with a token. */
  'empty-page',
  /** The reply this same read got the first time. */
  'stale-read',
  /** Some entries of a batch refused; the rest applied. */
  'refuse-entries',
  /** The calling process is killed before, or after, the call is applied. */
  'kill-before',
  'kill-after',
] as const;
export type FaultKind = typeof FAULT_KINDS[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Overrides the status, code or message of error kinds. */
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
  /** 'late-apply': how many further calls pass before the request is applied (default 1). */
  readonly after?: number;
  /** 'refuse-entries': indices, taken modulo the batch's length (default [0]). */
  readonly entries?: readonly number[];
}

/** The one place a fault strikes. Absent fields match everything; `nth` counts from 1. */
export interface FaultPoint {
  readonly principal?: string;
  /** `<signing name>:<Operation>`, for example `s3:PutObject`. */
  readonly operation?: string;
  /** With `hash`: the n-th call of the principal with that hash; without: of that operation. Absent: each one. */
  readonly nth?: number;
  readonly hash?: string;
}

export interface ScheduledFault extends FaultPoint {
  readonly fault: Fault;
}

/** Draws a fault for each call from seed, principal, operation, request hash and occurrence. */
export interface RandomFaults {
  readonly seed: number;
  /** Probability per call, 0 to 1. */
  readonly rate: number;
  readonly kinds: readonly FaultKind[];
  readonly principals?: readonly string[];
  readonly operations?: readonly string[];
  /** Calls of one request hash beyond this occurrence are left alone, so that retries end (default 3). */
  readonly maxOccurrence?: number;
}

export interface ScheduleData {
  readonly faults: readonly ScheduledFault[];
  readonly random?: RandomFaults;
}

/** What a schedule looks at. */
export type FaultKey = Pick<RecordedCall, 'principal' | 'service' | 'operation' | 'requestHash'> & { readonly nth?: number; readonly occurrence?: number };

export class FaultSchedule {
  public static none(): FaultSchedule {
    return new FaultSchedule({ faults: [] });
  }

  public static of(...faults: readonly ScheduledFault[]): FaultSchedule {
    return new FaultSchedule({ faults });
  }

  public static random(seed: number, options: Omit<RandomFaults, 'seed'>): FaultSchedule {
    return new FaultSchedule({ faults: [], random: { seed, ...options } });
  }

  public static fromJSON(data: ScheduleData): FaultSchedule {
    for (const { fault } of data.faults) {
      if (!FAULT_KINDS.includes(fault.kind)) throw new Error(`fault kind must be one of ${FAULT_KINDS.join(', ')}, got ${fault.kind}`);
    }
    return new FaultSchedule(data);
  }

  private constructor(private readonly data: ScheduleData) {}

  public get faults(): readonly ScheduledFault[] {
    return this.data.faults;
  }

  /** Pure: equal keys give equal faults. */
  public decide(key: FaultKey): Fault | undefined {
    return this.data.faults.find((scheduled) => matches(scheduled, key))?.fault ?? this.draw(key);
  }

  /** Whether a fault of this kind can occur at all. */
  public mentions(kind: FaultKind): boolean {
    return this.data.faults.some(({ fault }) => fault.kind === kind) || (this.data.random?.kinds.includes(kind) ?? false);
  }

  public toJSON(): ScheduleData {
    return this.data;
  }

  private draw(key: FaultKey): Fault | undefined {
    const random = this.data.random;
    if (!random) return undefined;
    const operation = operationOf(key);
    if (random.principals && !random.principals.includes(key.principal)) return undefined;
    if (random.operations && !random.operations.includes(operation)) return undefined;
    if ((key.occurrence ?? 1) > (random.maxOccurrence ?? 3)) return undefined;
    const prng = new Prng(hash32(random.seed, key.principal, operation, key.requestHash, key.occurrence ?? 1));
    if (prng.next() >= random.rate) return undefined;
    const kinds = random.kinds.filter((kind) => applies(kind, operation));
    if (kinds.length === 0) return undefined;
    const kind = prng.pick(kinds);
    switch (kind) {
      case 'refuse-entries': {
        const entries = Array.from({ length: prng.int(1, 4) }, () => prng.int(0, 999));
        const code = prng.pick(ENTRY_CODES[operation] ?? [undefined]);
        return { kind, entries, ...code !== undefined && { code } };
      }
      case 'late-apply': return { kind, after: prng.int(1, 5) };
      default: return { kind };
    }
  }
}

/** Batch operations whose entries can be refused one by one. */
export const BATCH_OPERATIONS: readonly string[] = [
  'sqs:SendMessageBatch', 'sqs:DeleteMessageBatch', 'sqs:ChangeMessageVisibilityBatch', 'sns:PublishBatch', 'kinesis:PutRecords',
  'firehose:PutRecordBatch', 'events:PutEvents', 'dynamodb:BatchWriteItem', 'dynamodb:BatchGetItem', 's3:DeleteObjects',
];

/** What entries are refused with under load, where a service has more than one word for it; undefined: its first one. */
const ENTRY_CODES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  // API references: PutRecordsResultEntry, PutRecordBatchResponseEntry, PutEventsResultEntry.
  'kinesis:PutRecords': [undefined, 'InternalFailure'],
  'firehose:PutRecordBatch': [undefined, 'InternalFailure'],
  'events:PutEvents': [undefined, 'ThrottlingException', 'InternalFailure'],
};

/** Whether a kind can strike an operation at all; the others are general. */
function applies(kind: FaultKind, operation: string): boolean {
  const [service, name] = operation.split(':');
  switch (kind) {
    case 'refuse-entries': return BATCH_OPERATIONS.includes(operation);
    case 'error-in-200': return service === 's3' && /^(CopyObject|UploadPartCopy|CompleteMultipartUpload)$/.test(name);
    case 'precondition-failed': return service === 's3' && /^(Put|Copy|Delete|Get|Head)Object$|^CompleteMultipartUpload$/.test(name);
    case 'conditional-conflict': return service === 's3' && /^(PutObject|CopyObject|DeleteObject|CompleteMultipartUpload)$/.test(name);
    case 'archived': return service === 's3' && /^(GetObject|CopyObject|UploadPartCopy)$/.test(name);
    case 'short-page': case 'empty-page': return /^(List|Describe|Query|Scan)/.test(name);
    case 'stale-read': return service !== 's3' && /^(Get|List|Describe|Query|Scan)/.test(name);
    default: return true;
  }
}

/** One schedule for each call, killing its process before and one killing it after: the systematic sweep. */
export function killSweep(calls: readonly RecordedCall[], principal?: string): FaultSchedule[] {
  return calls
    .filter((call) => principal === undefined || call.principal === principal)
    .flatMap((call) => (['kill-before', 'kill-after'] as const).map((kind) => FaultSchedule.of({ ...pointOf(call), fault: { kind } })));
}

/** Names one call so that it is found again in a run with another interleaving. */
export function pointOf(call: FaultKey): FaultPoint {
  return { principal: call.principal, operation: operationOf(call), hash: call.requestHash, nth: call.occurrence ?? 1 };
}

/** The schedule of explicit faults that struck in a run: what `shrink` works on. */
export function firedFaults(calls: readonly RecordedCall[], schedule: FaultSchedule): FaultSchedule {
  return FaultSchedule.of(...calls.filter((call) => call.fault).flatMap((call) => {
    const fault = schedule.decide(call);
    return fault ? [{ ...pointOf(call), fault }] : [];
  }));
}

/** Delta debugging (ddmin): a schedule that still fails, of which no single fault can be left out. */
export async function shrink(schedule: FaultSchedule, stillFails: (candidate: FaultSchedule) => Promise<boolean>): Promise<FaultSchedule> {
  let faults = [...schedule.faults];
  let parts = 2;
  while (faults.length > 1) {
    const size = Math.ceil(faults.length / parts);
    let reduced = false;
    for (let from = 0; from < faults.length; from += size) {
      const rest = [...faults.slice(0, from), ...faults.slice(from + size)];
      if (await stillFails(FaultSchedule.of(...rest))) {
        faults = rest;
        reduced = true;
        break;
      }
    }
    if (reduced) parts = Math.max(parts - 1, 2);
    else if (size === 1) break;
    else parts = Math.min(parts * 2, faults.length);
  }
  return FaultSchedule.of(...faults);
}

/** A former failure: the seed of its input and the shrunk schedule. */
export interface Regression {
  readonly name: string;
  readonly seed: number;
  readonly schedule: FaultSchedule;
  /** How many of its faults still find the request they struck: fewer where the repair was not to make it any more. */
  readonly fired: number;
}

/** One JSON file each: they run for ever. */
export function loadRegressions(folder: string): readonly Regression[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((file) => file.endsWith('.json')).sort().map((file) => {
    const { seed, fired, ...data }: ScheduleData & { seed: number; fired?: number } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const schedule = FaultSchedule.fromJSON(data);
    return { name: file.slice(0, -'.json'.length), seed, schedule, fired: fired ?? schedule.faults.length };
  });
}

/** 32-bit generator (mulberry32): the kit's only source of chance. */
export class Prng {
  private state: number;

  constructor(seed: number) {
    this.state = toUint32(seed);
  }

  /** 0 <= x < 1. */
  public next(): number {
    /* eslint-disable no-bitwise */
    this.state = (this.state + 0x6D2B79F5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
    /* eslint-enable no-bitwise */
  }

  /** Both ends included. */
  public int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  public chance(probability: number): boolean {
    return this.next() < probability;
  }

  public pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('cannot pick from an empty list');
    return items[this.int(0, items.length - 1)];
  }

  public shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i -= 1) {
      const j = this.int(0, i);
      [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
    }
    return shuffled;
  }
}

/** `KIT_SEED` if given, else the default: runs are equal unless someone asks for another one. */
export function seedFromEnv(fallback: number, env: NodeJS.ProcessEnv = process.env): number {
  const given = env.KIT_SEED;
  if (given === undefined || given === '') return toUint32(fallback);
  if (!/^\d{1,10}$/.test(given) || Number(given) > 0xFFFF_FFFF) throw new Error(`KIT_SEED must be 0 to 4294967295, got ${given}`);
  return Number(given);
}

/** How many runs of a seeded series: `KIT_RUNS` if given (the long suites), else the default. */
export function runsFromEnv(fallback: number, env: NodeJS.ProcessEnv = process.env): number {
  const given = env.KIT_RUNS;
  if (given === undefined || given === '') return fallback;
  if (!/^[1-9]\d{0,6}$/.test(given)) throw new Error(`KIT_RUNS must be 1 to 9999999, got ${given}`);
  return Number(given);
}

/** The one line that repeats a failing run. */
export function replayLine(seed: number, testFile: string): string {
  return `KIT_SEED=${toUint32(seed)} npx projen test -- ${testFile}`;
}

/** A 32-bit seed derived from others, for the i-th run of a series. */
export function hash32(...parts: readonly (string | number)[]): number {
  return createHash('sha256').update(JSON.stringify(parts)).digest().readUInt32BE(0);
}

function matches(scheduled: FaultPoint, key: FaultKey): boolean {
  if (scheduled.principal !== undefined && scheduled.principal !== key.principal) return false;
  if (scheduled.operation !== undefined && scheduled.operation !== operationOf(key)) return false;
  if (scheduled.hash !== undefined && scheduled.hash !== key.requestHash) return false;
  if (scheduled.nth === undefined) return true;
  return scheduled.nth === (scheduled.hash === undefined ? key.nth : key.occurrence);
}

function operationOf(key: FaultKey): string {
  return `${key.service}:${key.operation}`;
}

function toUint32(value: number): number {
  // eslint-disable-next-line no-bitwise
  return value >>> 0;
}
