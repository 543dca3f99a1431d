/** What the function costs a visitor: latency through nginx with njs at 20,000 rules, with and without, in one run. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type Asked, pairsOf, redirectsFile, requestsFor } from './edge-rules';
import { median } from './measure';
import { compile } from '../src/edge-rewrite/compiler/compile';
import { parseRuleFile } from '../src/edge-rewrite/compiler/parse';
import { type EdgeOptions, type Nginx, startEdge, startSink } from '../test/kit/njs/nginx';
import { ask } from '../test/kit/njs/nginx-client';
import { type EdgeDeployment, deploymentOfRules } from '../test/kit/njs/nginx-deployment';

const RULES = 20_000;
/** Every way answers all requests in every round, one after the other on one kept connection; ways take turns. */
const ROUNDS = 5;
const REQUESTS = 4_000;
const WARM_UP = 500;
/** Added by the rules to the 99th percentile. */
const BAR_MICROSECONDS = 100;

interface Way {
  readonly label: string;
  readonly through: EdgeOptions['through'];
  readonly deployment: EdgeDeployment;
}

/** Microseconds. */
interface Figures {
  readonly p50: number;
  readonly p99: number;
  /** Processor time of nginx per request, which a busy machine does not stretch. */
  readonly cpu: number;
}

export async function edgeNginx(): Promise<string> {
  const { rules, tier } = compiledRules();
  const bare = { ...rules, viewerRequest: undefined, data: undefined };
  const ways: readonly Way[] = [
    { label: 'plain proxy', through: 'nothing', deployment: bare },
    { label: 'njs handler that does nothing', through: 'empty handler', deployment: bare },
    { label: 'event and checks, function without rules', through: 'functions', deployment: { ...bare, viewerRequest: 'function handler(event) { return event.request; }' } },
    { label: `${RULES.toLocaleString('en')} rules, no hit`, through: 'functions', deployment: rules },
  ];
  const asked = requestsFor('mix', RULES);
  const misses = asked.filter(({ kind }) => kind === 'miss');
  const kinds = (['exact', 'placeholder', 'splat'] as const).map((kind) => [kind, asked.filter((one) => one.kind === kind)] as const);

  const sink = await startSink();
  const edges: Nginx[] = [];
  try {
    for (const { deployment, through } of ways) {
      edges.push(await startEdge({ deployment, through, origins: { site: sink.origin } }));
    }
    const last = edges.at(-1)!;
    await checkAnswers(last, asked);
    const runs = new Map<string, Figures[]>();
    const run = async (label: string, edge: Nginx, requests: readonly Asked[]) => {
      runs.set(label, [...runs.get(label) ?? [], await latencies(edge, requests)]);
    };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [n, { label }] of ways.entries()) await run(label, edges[n], misses);
      for (const [kind, requests] of kinds) await run(`redirect, ${kind}`, last, requests);
    }
    return report(new Map([...runs].map(([label, all]) => [label, typical(all)])), ways[0].label, ways.at(-1)!.label, tier);
  } finally {
    await Promise.all([sink, ...edges].map((nginx) => nginx.stop()));
  }
}

function compiledRules(): { readonly rules: EdgeDeployment; readonly tier: string } {
  const result = compile([parseRuleFile('netlify-redirects', redirectsFile(pairsOf('mix', RULES)), '_redirects')]);
  return { rules: deploymentOfRules(result, ['site']), tier: result.tier };
}

function report(figures: ReadonlyMap<string, Figures>, without: string, withRules: string, tier: string): string {
  const base = figures.get(without)!;
  const full = figures.get(withRules)!;
  const rows = [...figures].map(([label, { p50, p99, cpu }]) => [
    '', label, whole(p50), whole(p99), whole(p50 - base.p50), whole(p99 - base.p99), ratio(p50 / base.p50), ratio(p99 / base.p99), whole(cpu), '',
  ].join(' | ').trim());
  return [
    `### Latency through nginx with njs at ${RULES.toLocaleString('en')} rules (target: the 99th percentile rises by less than ${BAR_MICROSECONDS} µs)`,
    `Microseconds, one connection, tier ${tier}; median of ${ROUNDS} rounds of ${REQUESTS.toLocaleString('en')} requests. A new VM per request, which is nginx's, is part of it; redirects save the way to the origin.`,
    ['| | p50 | p99 | p50 added | p99 added | p50 ratio | p99 ratio | processor time of nginx |', '| --- | --- | --- | --- | --- | --- | --- | --- |', ...rows].join('\n'),
    `p99 with rules: ${whole(full.p99 - base.p99)} µs more than without.`,
  ].join('\n\n');
}

/** Nothing is measured that does not answer right. */
async function checkAnswers(edge: Nginx, asked: readonly Asked[]): Promise<void> {
  for (const { path, wanted } of asked) {
    const { status, headers: { location = null } } = await ask(edge.origin, { path });
    if (location !== wanted) throw new Error(`${path} must lead to ${wanted}, got ${status} ${location}`);
  }
}

async function latencies(edge: Nginx, requests: readonly Asked[]): Promise<Figures> {
  const client = await Client.open(edge);
  const messages = requests.map(({ path }) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`));
  const taken = new Float64Array(REQUESTS);
  const before = processorTime(edge);
  for (let n = -WARM_UP; n < REQUESTS; n++) {
    const started = process.hrtime.bigint();
    await client.ask(messages[(n + WARM_UP) % messages.length]);
    if (n >= 0) taken[n] = Number(process.hrtime.bigint() - started) / 1_000;
  }
  client.close();
  taken.sort();
  const cpu = (processorTime(edge) - before) / (WARM_UP + REQUESTS);
  return { p50: taken[Math.floor(REQUESTS * 0.5)], p99: taken[Math.floor(REQUESTS * 0.99)], cpu };
}

/** Microseconds on a processor so far (proc_pid_schedstat: the first figure, in nanoseconds). */
function processorTime({ pid }: Nginx): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000;
}

/** One connection, one request at a time, nothing parsed but the end of an answer. */
class Client {
  public static async open({ origin }: Nginx): Promise<Client> {
    const { hostname, port } = new URL(origin);
    const socket = connect(Number(port), hostname).setNoDelay(true);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Client(socket);
  }

  private waiting?: { readonly resolve: () => void; readonly reject: (error: Error) => void };
  private text = '';

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.receive(chunk));
    socket.on('error', (error) => this.waiting?.reject(error));
    socket.on('end', () => this.waiting?.reject(new Error('the connection ended')));
  }

  public ask(message: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.text = '';
      this.socket.write(message);
    });
  }

  public close(): void {
    this.waiting = undefined;
    this.socket.destroy();
  }

  private receive(chunk: string): void {
    this.text += chunk;
    const head = this.text.indexOf('\r\n\r\n');
    const at = this.text.indexOf('Content-Length: ');
    if (head >= 0 && at >= 0 && this.text.length >= head + 4 + parseInt(this.text.slice(at + 16), 10)) this.waiting?.resolve();
  }
}

function typical(all: readonly Figures[]): Figures {
  return { p50: median(all.map(({ p50 }) => p50)), p99: median(all.map(({ p99 }) => p99)), cpu: median(all.map(({ cpu }) => cpu)) };
}

function ratio(value: number): string {
  return value.toFixed(2);
}

function whole(value: number): string {
  return value.toFixed(0);
}
