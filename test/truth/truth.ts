import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as cloudformation from '@aws-sdk/client-cloudformation';
import * as cloudfront from '@aws-sdk/client-cloudfront';
import * as ec2 from '@aws-sdk/client-ec2';
import * as events from '@aws-sdk/client-eventbridge';
import * as kinesis from '@aws-sdk/client-kinesis';
import * as lambda from '@aws-sdk/client-lambda';
import * as s3 from '@aws-sdk/client-s3';
import * as sns from '@aws-sdk/client-sns';
import * as sqs from '@aws-sdk/client-sqs';
import { FaultSchedule, type FaultKind } from '../kit/faults';
import { modelsOf } from '../kit/proxy/operations';
import type { TruthProxy } from '../kit/truth-proxy';

/** One behaviour of AWS we rely on. */
export interface Truth {
  readonly situation: string;
  /** `<status> [<code>]`, a reply that holds these fields, or prose where `send` is absent. */
  readonly expected: string | ExpectedReply;
  /** Page, issue or observed reply; 'assumed…' where there is none: no bar may rest on such a line. */
  readonly source: string;
  readonly date: string;
  /** Part of the kit that shows it; absent: the truth proxy. */
  readonly by?: 'dispatch' | 'fakes' | 'host';
  /** `<file>: <name>` of the kit's test that shows it. */
  readonly test?: string;
  /** Upstream it can be shown with; absent: both. */
  readonly on?: 'fake' | 'moto';
  readonly given?: Given;
  readonly fault?: FaultKind;
  /** Service, operation, input. */
  readonly send?: readonly [service: string, operation: string, input: unknown];
}

export interface ExpectedReply {
  readonly status: number;
  /** Fields of the parsed reply; '*' stands for any value. */
  readonly reply?: unknown;
  /** What the client throws although the status says success. */
  readonly error?: string;
}

export interface Given {
  /** Objects in the bucket. */
  readonly objects?: Readonly<Record<string, string>>;
  /** Lengths an emulator cannot hold. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Operations the caller's role does not allow. */
  readonly denied?: readonly string[];
}

/** Physical names of the run. */
export type Names = Readonly<Record<'bucket' | 'queue' | 'topic' | 'stream', string>>;

export const TRUTHS: readonly { readonly service: string; readonly truths: readonly Truth[] }[] = readdirSync(__dirname)
  .filter((file) => file.endsWith('.jsonl'))
  .map((file) => ({
    service: basename(file, '.jsonl'),
    truths: readFileSync(join(__dirname, file), 'utf8').trim().split('\n').map((line): Truth => JSON.parse(line)),
  }));

export function executable(upstream: 'fake' | 'moto'): readonly (readonly [name: string, truth: Truth & Required<Pick<Truth, 'send'>>])[] {
  return TRUTHS.flatMap(({ service, truths }) => truths
    .filter((truth): truth is Truth & Required<Pick<Truth, 'send'>> => truth.send !== undefined && (truth.on ?? upstream) === upstream)
    .map((truth) => [`${service}: ${truth.situation}`, truth] as const));
}

export interface Observed {
  readonly status: number;
  readonly code?: string;
  readonly reply?: unknown;
  readonly error?: string;
}

const SDKS: Readonly<Record<string, object>> = { cloudformation, cloudfront, ec2, events, kinesis, lambda, s3, sns, sqs };

interface Client { send(command: object): Promise<unknown>; destroy(): void }
type Constructor<T> = new (input: unknown) => T;

/** Sends what the line says, through the SDK's own client where the repository has one, and says what AWS would have shown. */
export async function observe(proxy: TruthProxy, { send: [service, operation, template], fault }: Truth & Required<Pick<Truth, 'send'>>, names: Names): Promise<Observed> {
  proxy.use(fault ? FaultSchedule.of({ operation: `${service}:${operation}`, fault: { kind: fault } }) : FaultSchedule.none());
  proxy.clearCalls();
  const input = expand(template, names);
  const outcome = await (SDKS[service] ? sendBySdk(proxy, service, operation, input) : sendAsJson(proxy, service, operation, input))
    .then((reply): Pick<Observed, 'reply' | 'error'> => ({ reply }), (error: Error) => ({ error: error.name }));
  const call = proxy.calls.at(-1);
  if (!call) throw new Error(`${service}:${operation} must reach the proxy, got ${JSON.stringify(outcome)}`);
  const { status, errorCode } = call;
  return { status, ...(errorCode !== undefined && errorCode !== String(status) && { code: errorCode }), ...outcome };
}

async function sendBySdk(proxy: TruthProxy, service: string, operation: string, input: unknown): Promise<unknown> {
  const sdk = SDKS[service] as Readonly<Record<string, Constructor<unknown>>>;
  const ClientClass = sdk[Object.keys(sdk).find((name) => /^[A-Z]\w+Client$/.test(name))!] as Constructor<Client>;
  const client = new ClientClass({
    region: 'eu-west-1', credentials: { accessKeyId: 'AKIATRUTH', secretAccessKey: 'secret' }, endpoint: proxy.endpoint, maxAttempts: 1, forcePathStyle: true, md5: false,
  });
  try {
    return await client.send(new sdk[`${operation}Command`](input) as object);
  } finally {
    client.destroy();
  }
}

async function sendAsJson(proxy: TruthProxy, service: string, operation: string, input: unknown): Promise<unknown> {
  const reply = await fetch(proxy.endpoint, {
    method: 'POST',
    headers: {
      'authorization': `AWS4-HMAC-SHA256 Credential=AKIATRUTH/20261121/eu-west-1/${service}/aws4_request, Signature=00`,
      'x-amz-target': `${modelsOf(service)[0].targetPrefix}.${operation}`,
      'content-type': 'application/x-amz-json-1.0',
    },
    body: JSON.stringify(input),
  });
  return reply.json();
}

/** Fills in names and the large values a line only describes: `$repeat`, `$times`, `$json`, `$bytes`, `$base64`. */
export function expand(value: unknown, names: Names, i = 0): unknown {
  if (typeof value === 'string') return value.replace(/\$(bucket|queue|topic|stream|i)/g, (_, name: keyof Names | 'i') => name === 'i' ? String(i) : names[name]);
  if (Array.isArray(value)) return value.map((item) => expand(item, names, i));
  if (typeof value !== 'object' || value === null) return value;
  const { $repeat, $times, $json, $bytes, $base64 } = value as Record<string, never>;
  if ($repeat) return String($repeat[0]).repeat($repeat[1]);
  if ($times) return Array.from({ length: $times[0] }, (_, n) => expand($times[1], names, n));
  if ($json) return JSON.stringify(expand($json, names, i));
  if ($bytes) return Buffer.alloc($bytes);
  if ($base64) return Buffer.alloc($base64).toString('base64');
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, expand(inner, names, i)]));
}

/** What an expectation looks like to jest. */
export function matcherOf(expected: Truth['expected']): object {
  if (typeof expected === 'string') {
    const [status, code] = expected.split(' ');
    return code ? { status: Number(status), code } : { status: Number(status) };
  }
  const { status, reply, error } = expected;
  return { status, ...(reply !== undefined && { reply: loosely(reply) }), ...(error && { error: expect.stringContaining(error) }) };
}

function loosely(value: unknown): unknown {
  if (value === '*') return expect.anything();
  if (Array.isArray(value)) return value.map(loosely);
  if (typeof value !== 'object' || value === null) return value;
  return expect.objectContaining(Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, loosely(inner)])));
}
