/** Everything that is measured answers the same question: where does this path go. */
import * as crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Pair, redirectsFile } from './edge-rules';
import { CompileResult } from '../src/edge-rewrite/compiler/model';
import { EdgeProgram } from '../src/edge-rewrite/handlers/edge-program';
import { EdgeTable } from '../src/edge-rewrite/handlers/edge-table';

export type Answer = string | null;
/** One request, made ready before the clock starts. */
export type Ask = () => Answer | Promise<Answer>;
export type Router = (path: string) => Ask;

export interface Built {
  readonly router: Router;
  /** Memory the process does not count as its own heap. */
  readonly outsideBytes?: () => number;
}

/** What the compiler made, as far as a router needs it. */
export type Compiled = Required<Pick<CompileResult, 'viewerRequest'>> & Pick<CompileResult, 'data'>;

export interface Input {
  readonly pairs: readonly Pair[];
  /** What the compiler made in another process; `${file}.table` for Lambda@Edge. */
  readonly file: string;
}

export const CONTESTANTS: Readonly<Record<string, (input: Input) => Built | Promise<Built>>> = {
  matching, emitted, lambda, findMyWay, pathToRegexp, netlifyRedirector, scan,
};

/**
 * The function's matching alone, over a map and without `await`, as the compiler emits it when the rules are in the
 * code: comparable to routers that have their rules in memory.
 */
function matching({ file }: Input): Built {
  return functionOver(file, (code) => code.replace(/\b(?:async|await) /g, ''), (value) => value);
}

/** The function as deployed. The store of CloudFront rejects a missing key; here that costs more than looking it up. */
function emitted({ file }: Input): Built {
  const missing = new Error('key not found');
  return functionOver(file, (code) => code, async (value) => {
    if (value === undefined) throw missing;
    return value;
  });
}

type Value = string | undefined;

function functionOver(file: string, changed: (code: string) => string, answer: (value: Value) => Value | Promise<Value>): Built {
  const { viewerRequest, data } = JSON.parse(readFileSync(file, 'utf8')) as Compiled;
  const code = changed(viewerRequest.code);
  const store = new Map(data?.entries.map(({ key, value }) => [key, value]));
  const handler = evaluated(code, { kvs: () => ({ get: (key: string) => answer(store.get(key)) }) });
  return {
    router: (path) => {
      const event = eventFor(path);
      return code.includes('async ') ? async () => locationOf(await handler(event)) : () => locationOf(handler(event) as Reply);
    },
  };
}

/** The Lambda@Edge tier: the same code over a sorted file, events converted both ways. */
function lambda({ file }: Input): Built {
  const program = new EdgeProgram(new EdgeTable(readFileSync(`${file}.table`)));
  return {
    router: (path) => {
      const request = { clientIp: '192.0.2.1', method: 'GET', uri: path, querystring: '', headers: { host: [{ key: 'Host', value: 'www.example.com' }] } };
      return async () => {
        const outcome = await program.run(request);
        return outcome.kind === 'response' ? outcome.response.headers?.location[0].value ?? null : null;
      };
    },
  };
}

interface FindMyWay {
  on(method: string, path: string, handler: () => void, store: Fill): void;
  find(method: string, path: string): { readonly store: Fill; readonly params: Params } | null;
}

function findMyWay({ pairs }: Input): Built {
  const router = (peer('find-my-way') as (options: object) => FindMyWay)({});
  const nothing = () => undefined;
  pairs.forEach(({ from, to }) => router.on('GET', from, nothing, fillOf(to.replace(':splat', ':*'))));
  return {
    router: (path) => () => {
      const found = router.find('GET', path);
      return found === null ? null : found.store(found.params);
    },
  };
}

interface PathToRegexp {
  match(path: string, options: object): (path: string) => { readonly params: Params } | false;
}

/** A list of matchers, tried one after the other. */
function pathToRegexp({ pairs }: Input): Built {
  const { match } = peer('path-to-regexp') as PathToRegexp;
  const options = { sensitive: true, decode: false };
  const list = pairs.map(({ from, to }) => ({ matches: match(from.replace('*', '*splat'), options), fill: fillOf(to) }));
  return {
    router: (path) => () => {
      for (const { matches, fill } of list) {
        const found = matches(path);
        if (found !== false) return fill(found.params);
      }
      return null;
    },
  };
}

interface NetlifyRedirector {
  parsePlain(rules: string, options: object): Promise<{ match(request: object): { readonly to: string } | null }>;
}

/** WebAssembly; nothing is compiled when it is installed. */
async function netlifyRedirector({ pairs }: Input): Promise<Built> {
  const matcher = await (peer('netlify-redirector') as NetlifyRedirector).parsePlain(redirectsFile(pairs), {});
  const { HEAPU8 } = peer('netlify-redirector/lib/redirects.js') as { readonly HEAPU8: Uint8Array };
  const none = () => '';
  return {
    router: (path) => {
      const request = { scheme: 'https', host: 'www.example.com', path, query: '', headers: {}, cookieValues: {}, getHeader: none, getCookie: none };
      return () => matcher.match(request)?.to ?? null;
    },
    outsideBytes: () => HEAPU8.buffer.byteLength,
  };
}

/** What is written by hand: a loop over regular expressions. */
function scan({ pairs }: Input): Built {
  const handler = evaluated(scanCode(pairs));
  return {
    router: (path) => {
      const event = eventFor(path);
      return () => locationOf(handler(event) as Reply);
    },
  };
}

/** The scan as a function, one basic block a line, as counting its instructions demands. */
export function scanCode(pairs: readonly Pair[]): string {
  const rule = ({ from, to }: Pair) => {
    const source = from.replace(/[./]/g, '\\$&').replace(/:\w+/, '([^\\/]+)').replace('*', '(.*)');
    return `[/^${source}$/,${JSON.stringify(to.replace(/:\w+/, '$1'))}]`;
  };
  return `var RULES = [${pairs.map(rule).join(',')}];
function handler(event) {
  var uri = event.request.uri;
  var index = 0;
  while (true) {
    if (index >= RULES.length) {
      break;
    }
    var rule = RULES[index];
    if (rule[0].test(uri)) {
      return { statusCode: 301, headers: { location: { value: uri.replace(rule[0], rule[1]) } } };
    }
    index++;
  }
  return event.request;
}`;
}

interface Reply {
  readonly statusCode?: number;
  readonly headers: Readonly<Record<string, { readonly value: string }>>;
}

function locationOf({ statusCode, headers }: Reply): Answer {
  return statusCode === undefined ? null : headers.location.value;
}

function evaluated(code: string, cloudfront: object = {}): (event: object) => Reply | Promise<Reply> {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the emitted function is what is measured
  return new Function('cf', 'crypto', `${code.replace(/^import .*$/gm, '')}\nreturn handler;`)(cloudfront, crypto) as ReturnType<typeof evaluated>;
}

function eventFor(uri: string): object {
  const request = { method: 'GET', uri, querystring: {}, headers: { host: { value: 'www.example.com' } }, cookies: {}, rawQueryString: () => undefined };
  return { request };
}

type Params = Readonly<Record<string, string>>;
type Fill = (params: Params) => string;

/** A target with `:name` in it. */
function fillOf(to: string): Fill {
  const [before, name, after] = to.split(/:(\w+|\*)/);
  return name === undefined ? () => before : (params) => before + params[name] + after;
}

function peer(name: string): unknown {
  return createRequire(join(process.cwd(), 'bench/peers/package.json'))(name);
}
