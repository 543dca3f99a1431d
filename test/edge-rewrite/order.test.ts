import { Case, DIALECTS, randomCase } from './generate';
import { Decision, decide } from './oracle';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { CompileResult } from '../../src/edge-rewrite/compiler/model';
import { hash32, replayLine, seedFromEnv } from '../kit/faults';
import { EdgeRequest, Job, Outcome, run } from '../kit/njs/engine';

const SEED = seedFromEnv(20261121);
/** Pairs of rules and request per dialect. */
const RUNS = Number(process.env.KIT_RUNS ?? 2_000);
const REQUESTS = 20;
const BATCH = 100;

describe.each(Object.entries(DIALECTS))('%s', (name, dialect) => {
  test(`${RUNS} random pairs of rules and request: what the function does is what the file says, in njs and V8`, () => {
    for (let first = 0; first < RUNS / REQUESTS; first += BATCH) {
      const cases = Array.from({ length: Math.min(BATCH, RUNS / REQUESTS - first) }, (_, n) => {
        const seed = hash32(SEED, name, first + n);
        const one = randomCase(seed, dialect, REQUESTS);
        const tier = n % 2 === 0 ? 'inline' as const : 'key-value-store' as const;
        const lowestWins = n % 4 > 1 && one.options.site === undefined;
        return { ...one, compiled: compile(one.sets, { ...one.options, tier, lowestWins, dense: n % 3 === 0, originIds: ['api'], proxyHosts: ['api.example.com'] }) };
      });
      const jobs = cases.map(({ compiled, requests }) => jobOf(compiled, requests));
      const inNjs = run('njs', jobs);
      const inV8 = run('v8', jobs);
      cases.forEach((one, n) => {
        one.requests.forEach((request, m) => {
          const wanted = decide(one.sets, one.options, request);
          const where = () => `${replayLine(SEED, 'test/edge-rewrite/order.test.ts')}\n${described(one, request, one.compiled, inNjs[n][m])}`;
          expectSame(seen(inNjs[n][m], request), wanted, where);
          expectSame(seen(inV8[n][m], request), wanted, where);
        });
      });
    }
  }, 60_000 + 10 * RUNS);
});

function jobOf(compiled: CompileResult, requests: readonly EdgeRequest[]): Job {
  return { code: compiled.viewerRequest?.code ?? '', requests, data: compiled.data?.entries };
}

/** The reply in the oracle's terms. */
function seen({ reply, origin, refused, logs }: Outcome, request: EdgeRequest): Decision | { readonly broken: unknown } {
  if (refused !== undefined || logs.length > 0) {
    return { broken: refused ?? logs };
  }
  if (reply.statusCode !== undefined) {
    const location = reply.headers?.location?.value;
    return { status: reply.statusCode, ...location === undefined ? {} : { location } };
  }
  const query = Object.entries(reply.querystring ?? {}).map(([name, { value }]) => [name, value]);
  const page = reply.headers['x-rewrite-status']?.value;
  const variant = reply.headers['x-rewrite-variant']?.value;
  const cookie = reply.headers['x-rewrite-cookie']?.value;
  if (variant?.includes('=') && (cookie === undefined) === (request.cookies?.rw_exp === undefined)) {
    return { broken: `cookie ${cookie}` };
  }
  return {
    uri: reply.uri,
    query: Object.fromEntries(query),
    ...origin === undefined ? {} : { origin: typeof origin === 'string' ? origin : (origin as { domainName: string }).domainName },
    ...page === undefined ? {} : { page },
    ...variant === undefined ? {} : { variant },
  };
}

function expectSame(got: unknown, wanted: Decision, where: () => string): void {
  const text = canonicalJson(got);
  if (text !== canonicalJson(wanted)) {
    throw new Error(`got ${text}\nwanted ${canonicalJson(wanted)}\n${where()}`);
  }
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => part !== null && typeof part === 'object' && !Array.isArray(part)
    ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
    : part);
}

function described(one: Case, request: EdgeRequest, compiled: CompileResult, outcome: Outcome): string {
  return [
    ...one.sets[0].rules.map((rule) => JSON.stringify(rule)),
    JSON.stringify(one.options), JSON.stringify(request), JSON.stringify(outcome), compiled.viewerRequest?.code, compiled.data?.json,
  ].join('\n');
}
