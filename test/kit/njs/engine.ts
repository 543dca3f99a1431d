/**
 * Runs emitted functions in njs, the engine family of CloudFront, and the same script under V8. The adapter stands for
 * CloudFront around the engine: the `cloudfront` module, the event, and the limits that turn a reply into a 502.
 */
import { spawnSync } from 'node:child_process';
import * as crypto from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { ensureNjs } from './setup';
import { LIMITS, isDisallowedHeader, isReadOnlyHeader } from '../../../src/edge-rewrite/compiler/limits';

export interface EdgeRequest {
  readonly uri: string;
  /** As in the URL, without `?`; undefined for none. */
  readonly query?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: Readonly<Record<string, string>>;
  /** Of the visitor. */
  readonly ip?: string;
}

interface Value {
  readonly value: string;
  readonly multiValue?: readonly { readonly value: string }[];
}
type Values = Readonly<Record<string, Value>>;

export interface EdgeReply {
  /** Of a reply of the function's own, or of CloudFront when it refuses one. */
  readonly statusCode?: number;
  readonly headers: Values;
  readonly cookies?: Readonly<Record<string, Value & { readonly attributes?: string }>>;
  /** Of a request that goes on. */
  readonly uri?: string;
  readonly querystring?: Values;
  readonly method?: string;
}

export interface Outcome {
  readonly reply: EdgeReply;
  readonly origin?: unknown;
  readonly reads: number;
  readonly logs: readonly string[];
  /** Why CloudFront would answer 502. */
  readonly refused?: string;
}

export interface Job {
  readonly code: string;
  readonly requests: readonly EdgeRequest[];
  readonly data?: ReadonlyArray<{ readonly key: string; readonly value: string }>;
  /** Given for viewer-response. */
  readonly response?: unknown;
  /** What Math.random returns. */
  readonly random?: number;
  /** The limit on the size of the code does not apply. */
  readonly uncut?: boolean;
  /** Every read of the store fails. */
  readonly brokenStore?: boolean;
}

export type Engine = 'njs' | 'v8';

export function run(engine: Engine, jobs: readonly Job[]): ReadonlyArray<readonly Outcome[]> {
  const script = scriptFor(jobs);
  const lines = (engine === 'njs' ? inNjs(script) : inV8(script)).split('\n').filter((line) => line !== '');
  let n = 0;
  return jobs.map((job) => job.requests.map((request) => guarded(JSON.parse(lines[n++]) as RawOutcome, job, request)));
}

export function runOne(engine: Engine, job: Omit<Job, 'requests'>, request: EdgeRequest): Outcome {
  return run(engine, [{ ...job, requests: [request] }])[0][0];
}

interface RawOutcome {
  readonly thrown?: string;
  readonly result: EdgeReply;
  readonly origin?: unknown;
  readonly reads: number;
  readonly logs: readonly string[];
}

/** What CloudFront does to a reply: anything outside the rules is a 502. */
function guarded(raw: RawOutcome, job: Job, request: EdgeRequest): Outcome {
  const refused = refusal(raw, job, request);
  const { reads, logs, origin } = raw;
  return refused === undefined
    ? { reply: raw.result, origin, reads, logs }
    : { reply: { statusCode: 502, headers: {} }, origin, reads, logs, refused };
}

function refusal({ thrown, result }: RawOutcome, { code, data, uncut = false }: Job, request: EdgeRequest): string | undefined {
  if (thrown !== undefined) {
    return thrown;
  }
  const large = tooLarge(uncut ? '' : code, data);
  if (large !== undefined) {
    return large;
  }
  if (result === null || typeof result !== 'object') {
    return `no object returned: ${JSON.stringify(result)}`;
  }
  // What the viewer sent goes on as it came.
  const headers = Object.entries(result.headers ?? {}).filter(([name, { value }]) => request.headers?.[name] !== value);
  const wrong = headers.find(([name, { value }]) => isDisallowedHeader(name) || name !== name.toLowerCase()
    || typeof value !== 'string' || /[^\t\u0020-\u007e]/.test(value));
  if (wrong !== undefined) {
    return `header ${wrong[0]}: ${JSON.stringify(wrong[1])}`;
  }
  if (result.uri !== undefined && (typeof result.uri !== 'string' || !result.uri.startsWith('/'))) {
    return `uri ${JSON.stringify(result.uri)}`;
  }
  if (result.statusCode !== undefined && !(Number.isInteger(result.statusCode) && result.statusCode >= 200 && result.statusCode <= 599)) {
    return `status ${result.statusCode}`;
  }
  return result.statusCode !== undefined && headers.find(([name]) => isReadOnlyHeader(name, 'viewer-response')) ? 'read-only header' : undefined;
}

interface Event {
  readonly viewer: { readonly ip: string };
  readonly request: Readonly<Record<string, unknown>>;
  readonly raw?: string;
  readonly response?: unknown;
}

/** What CloudFront would not even accept. */
export function tooLarge(code: string, data?: Job['data']): string | undefined {
  if (Buffer.byteLength(code) > LIMITS.codeBytes) {
    return `code of ${Buffer.byteLength(code)} bytes`;
  }
  const large = data?.find(({ key, value }) => key.length > LIMITS.keyBytes || key.length + value.length > LIMITS.entryBytes);
  return large && `key or value too large: ${large.key}`;
}

/** A function that makes the handler of emitted code. What CloudFront does not offer is shadowed by undefined parameters. */
export function asFactory(code: string): string {
  const hidden = 'process, ngx, fs, setTimeout, setImmediate, clearTimeout, fetch, require, global, globalThis';
  return `function (cf, crypto, console, Math, ${hidden}) { ${code.replace(/^import \w+ from '(?:cloudfront|crypto)';\n?/gm, '')}
return handler; }`;
}

export function eventFor(request: EdgeRequest, response?: unknown): Event {
  const headers = Object.entries({ host: 'd111111abcdef8.cloudfront.net', ...request.headers });
  const querystring: Record<string, { value: string; multiValue?: { value: string }[] }> = Object.create(null) as Record<string, never>;
  for (const pair of (request.query ?? '').split('&').filter((one) => one !== '')) {
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    const known = querystring[name];
    if (known === undefined) {
      querystring[name] = { value };
    } else {
      known.multiValue = [...known.multiValue ?? [{ value: known.value }], { value }];
    }
  }
  return {
    viewer: { ip: request.ip ?? '198.51.100.7' },
    request: {
      method: request.method ?? 'GET',
      uri: request.uri,
      querystring,
      headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), { value }])),
      cookies: Object.fromEntries(Object.entries(request.cookies ?? {}).map(([name, value]) => [name, { value }])),
    },
    ...request.query === undefined ? {} : { raw: request.query },
    ...response === undefined ? {} : { response },
  };
}

/** Plain script for both engines. */
function scriptFor(jobs: readonly Job[]): string {
  const parts = jobs.map(({ code, requests, data = [], response, random = 0.5, brokenStore = false }) => `
jobs.push({
  make: ${asFactory(code)},
  data: ${JSON.stringify(Object.fromEntries(data.map(({ key, value }) => [key, value])))},
  random: ${random}, broken: ${brokenStore},
  events: ${JSON.stringify(JSON.stringify(requests.map((request) => eventFor(request, response))))},
});`);
  return `'use strict';
var jobs = [];
${parts.join('\n')}
async function main(print) {
  for (var j = 0; j < jobs.length; j++) {
    var job = jobs[j];
    var events = JSON.parse(job.events);
    for (var n = 0; n < events.length; n++) {
      var line = await one(job, events[n]);
      print(JSON.stringify(line));
    }
  }
}
async function one(job, event) {
  var seen = { reads: 0, logs: [] };
  var raw = event.raw;
  event.request.rawQueryString = function () { return raw; };
  delete event.raw;
  var store = {
    get: async function (key) {
      seen.reads++;
      if (job.broken) { throw new Error('store not available'); }
      if (!Object.prototype.hasOwnProperty.call(job.data, key)) { throw new Error('KeyNotFound'); }
      return job.data[key];
    },
    exists: async function (key) {
      seen.reads++;
      if (job.broken) { throw new Error('store not available'); }
      return Object.prototype.hasOwnProperty.call(job.data, key);
    },
  };
  var cf = {
    kvs: function () { return store; },
    updateRequestOrigin: function (origin) { seen.origin = origin; },
    selectRequestOriginById: function (id) { seen.origin = id; },
  };
  var log = { log: function (line) { seen.logs.push(String(line)); } };
  var math = { floor: Math.floor, random: function () { return job.random; } };
  try {
    seen.result = await job.make(cf, crypto, log, math)(event);
  } catch (error) {
    seen.thrown = String(error);
  }
  return seen;
}
`;
}

function inNjs(script: string): string {
  const { njs } = ensureNjs();
  const directory = mkdtempSync(join(tmpdir(), 'njs-'));
  try {
    const file = join(directory, 'run.js');
    writeFileSync(file, `var crypto = require('crypto');\n${script}main(function (line) { console.log(line); });\n`);
    const { status, stdout, stderr } = spawnSync(njs.file, [...njs.args, '-u', file], { encoding: 'utf8', maxBuffer: 1e9, timeout: 300_000 });
    if (status !== 0) {
      throw new Error(`njs ended with ${status}: ${stdout.slice(-2_000)} ${stderr.slice(-2_000)}`);
    }
    return stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The job queue of the context runs dry before `runInContext` returns, so nothing has to be awaited. */
function inV8(script: string): string {
  const lines: string[] = [];
  const context = createContext({ lines, crypto, Buffer }, { microtaskMode: 'afterEvaluate' });
  runInContext(`${script}main(function (line) { lines.push(line); });`, context);
  return lines.join('\n');
}
