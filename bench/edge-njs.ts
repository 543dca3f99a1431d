/** The emitted function and the scan in njs, the engine family of CloudFront: one process each. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { GROUP, type Asked } from './edge-rules';
import type { DataEntry } from '../src/edge-rewrite/compiler/model';
import { ensureNjs } from '../test/kit/njs/setup';

export interface NjsFigures {
  /** CPU time per match: median of nine samples. */
  readonly ns: number;
  readonly requests: number;
  /** What one request takes; it is given back with the request. */
  readonly requestBytes: number;
}

export interface NjsJob {
  readonly code: string;
  readonly data?: readonly DataEntry[];
  readonly requests: readonly Asked[];
  /** Where script and input go. */
  readonly file: string;
}

export function matchInNjs({ code, data = [], requests, file }: NjsJob): NjsFigures {
  const { njs } = ensureNjs();
  writeFileSync(`${file}.json`, JSON.stringify({ store: Object.fromEntries(data.map(({ key, value }) => [key, value])), requests }));
  writeFileSync(`${file}.js`, script(code, `${file}.json`));
  const { status, stdout, stderr } = spawnSync('taskset', ['-c', '1', njs.file, ...njs.args, `${file}.js`], { encoding: 'utf8', timeout: 300_000 });
  if (status !== 0) throw new Error(`njs ended with ${status}: ${stdout.slice(-1_000)} ${stderr.slice(-1_000)}`);
  return JSON.parse(stdout) as NjsFigures;
}

/** The store rejects a missing key, as CloudFront's does. njs has no CPU clock: the kernel's is read. */
function script(code: string, input: string): string {
  return `var fs = require('fs');
var crypto = require('crypto');
var input = JSON.parse(fs.readFileSync(${JSON.stringify(input)}, 'utf8'));
var missing = new Error('key not found');
var store = {
  get: async function (key) {
    if (!Object.prototype.hasOwnProperty.call(input.store, key)) { throw missing; }
    return input.store[key];
  },
};
var asks = input.requests.map(function (one) {
  return { wanted: one.wanted, request: { method: 'GET', uri: one.path, querystring: {}, headers: { host: { value: 'www.example.com' } }, cookies: {},
    rawQueryString: function () { return undefined; } } };
});
var handler = (function (cf, crypto) {
${code.replace(/^import .*$/gm, '')}
return handler;
})({ kvs: function () { return store; } }, crypto);
function cpuMs() {
  return Number(fs.readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1e6;
}
async function pass(count) {
  for (var n = 0; n < count; n++) {
    var ask = asks[n];
    var reply = await handler({ request: ask.request });
    var got = reply.statusCode ? reply.headers.location.value : null;
    if (got !== ask.wanted) { throw new Error(ask.request.uri + ' goes to ' + ask.wanted + ', got ' + got); }
  }
}
async function timed(count, passes) {
  var start = cpuMs();
  for (var n = 0; n < passes; n++) { await pass(count); }
  return cpuMs() - start;
}
async function main() {
  await pass(${GROUP});
  var count = ${GROUP};
  var once = await timed(count, 1);
  while (count * 2 < asks.length && once < 40) {
    count = count * 2 + ${GROUP};
    once = await timed(count, 1);
  }
  var passes = Math.max(1, Math.ceil(80 / Math.max(once, 1)));
  var before = njs.memoryStats.size;
  var samples = [];
  for (var n = 0; n < 9; n++) {
    once = await timed(count, passes);
    samples.push(once);
  }
  var requestBytes = Math.round((njs.memoryStats.size - before) / 9 / passes / count);
  samples.sort(function (a, b) { return a - b; });
  console.log(JSON.stringify({ ns: samples[4] * 1e6 / passes / count, requests: count, requestBytes: requestBytes }));
}
main();
`;
}
