/**
 * A distribution's edge on this machine: nginx with njs runs the functions a synthesized stack would deploy, for real
 * requests, in front of real origins. What CloudFront does around them stands in nginx-adapter.js.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asFactory, tooLarge } from './engine';
import { ask } from './nginx-client';
import type { EdgeDeployment } from './nginx-deployment';
import { ensureNjs } from './setup';
import { DISALLOWED_HEADERS, LIMITS } from '../../../src/edge-rewrite/compiler/limits';

export interface EdgeOptions {
  readonly deployment: EdgeDeployment;
  /** Addresses of the origins, `http://127.0.0.1:<port>` and perhaps a path, by their ids, and by host for those a rule names so. */
  readonly origins: Readonly<Record<string, string>>;
  /**
   * What every request runs through.
   * @default 'functions'
   */
  readonly through?: 'functions' | 'empty handler' | 'nothing';
  /**
   * What `Math.random` returns in functions.
   * @default - chance
   */
  readonly random?: number;
}

/** edge-function-restrictions-all in the Developer Guide. */
const READ_ONLY = {
  request: ['cdn-loop', 'content-length', 'host', 'transfer-encoding', 'via'],
  response: ['warning', 'via', 'content-length', 'transfer-encoding', 'content-encoding'],
};
const PROBE_HOST = 'ready.kit.invalid';

/** Content by file name; nginx.conf is what nginx reads. */
type Files = Readonly<Record<string, string>>;

/** nginx on a free port of this machine. */
export class Nginx {
  /** @param filesFor what it needs for a port, with the path of the njs module */
  public static async start(filesFor: (port: number, module: string) => Files): Promise<Nginx> {
    const engine = ensureNjs();
    const directory = mkdtempSync(join(tmpdir(), 'nginx-'));
    mkdirSync(join(directory, 'tmp'));
    // Bound here and inherited: nginx itself cannot be asked for any free port.
    const socket = createServer().listen(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address() as AddressInfo;
    Object.entries(filesFor(port, engine.module)).forEach(([name, content]) => writeFileSync(join(directory, name), content));
    const log = openSync(join(directory, 'error.log'), 'w');
    const command = [engine.nginx.file, ...engine.nginx.args, '-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr'];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { // a killed test run leaves none behind
      stdio: ['ignore', log, log, descriptorOf(socket)], env: { PATH: process.env.PATH, NGINX: '3;' }, detached: true, // a process group of its own
    });
    socket.close();
    closeSync(log);
    const nginx = new Nginx(`http://127.0.0.1:${port}`, directory, child);
    await nginx.ready();
    return nginx;
  }

  private constructor(
    /** `http://127.0.0.1:<port>` */
    public readonly origin: string,
    private readonly directory: string,
    private readonly child: ChildProcess,
  ) {}

  /** What it and the functions in it wrote to the log. */
  public get log(): string {
    return readFileSync(join(this.directory, 'error.log'), 'utf8');
  }

  public get pid(): number {
    return this.child.pid!;
  }

  public async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      process.kill(-this.pid, 'SIGKILL');
      await exited;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async ready(): Promise<void> {
    try {
      const ended = once(this.child, 'exit').then(() => { throw new Error('it ended'); });
      await Promise.race([ask(this.origin, { path: '/', headers: { host: PROBE_HOST } }), ended]);
    } catch (error) {
      const { log } = this;
      await this.stop();
      throw new Error(`the verification kit could not start nginx with njs: ${(error as Error).message}\n${log.slice(-2_000)}`);
    }
  }
}

export function startEdge(options: EdgeOptions): Promise<Nginx> {
  return Nginx.start((port, module) => filesOf(options, port, module));
}

/** Answers everything at once, as an origin that costs nothing. */
export function startSink(): Promise<Nginx> {
  return Nginx.start((port) => ({ 'nginx.conf': around(port, '', 'location / { return 200 "ok"; }') }));
}

/** Node.js hands servers over to its own kind only; their descriptor is not public. */
function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

function filesOf(options: EdgeOptions, port: number, module: string): Files {
  const { deployment } = options;
  const { viewerRequest, viewerResponse, data, forwarded, responseHeaders } = deployment;
  const factory = (code: string | undefined) => code === undefined ? 'undefined' : asFactory(code);
  return {
    'adapter.js': readFileSync(join(__dirname, 'nginx-adapter.js'), 'utf8'),
    'functions.js': `export default {\n  viewerRequest: ${factory(viewerRequest)},\n  viewerResponse: ${factory(viewerResponse)},\n};\n`,
    'store.json': JSON.stringify(Object.fromEntries((data ?? []).map(({ key, value }) => [key, value]))),
    'settings.json': JSON.stringify({
      ...originsOf(options),
      random: options.random,
      rootObject: deployment.rootObject ?? '',
      refused: tooLarge(viewerRequest ?? '', data) ?? tooLarge(viewerResponse ?? ''),
      uriCharacters: LIMITS.uriCharacters,
      disallowed: `^(${DISALLOWED_HEADERS.map((name) => name.replace('*', '.*')).join('|')})$`,
      readOnlyRequest: setOf(READ_ONLY.request),
      readOnlyResponse: setOf(READ_ONLY.response),
      visible: setOf(forwarded.headers),
      headers: Object.fromEntries(forwarded.headers.map((name, n) => [name, headerVariable(n)])),
      allCookies: forwarded.cookies === 'all',
      cookies: setOf(forwarded.cookies),
      allQueries: forwarded.queries === 'all',
      queries: setOf(forwarded.queries),
      set: Object.fromEntries(responseHeaders.set.map(({ name, value, override }) => [name, { value, override }])),
      remove: setOf(responseHeaders.remove),
    }),
    'nginx.conf': configuration(options, port, module),
  };
}

function setOf(names: readonly string[] | 'all'): Readonly<Record<string, true>> {
  return names === 'all' ? {} : Object.fromEntries(names.map((name) => [name, true]));
}

function headerVariable(n: number): string {
  return `edge_header_${n}`;
}

/** Every origin of the distribution must have an address; what else has one is a host that a rule names. */
function originsOf({ deployment: { originIds, defaultOrigin }, origins }: EdgeOptions): object {
  const missing = originIds.filter((id) => !(id in origins));
  if (missing.length > 0) throw new Error(`'origins' must have an address for each origin of the distribution, got none for ${missing.join(', ')}`);
  const of = (isId: boolean) => Object.fromEntries(Object.entries(origins).filter(([name]) => originIds.includes(name) === isId));
  return { defaultOrigin: origins[defaultOrigin], origins: of(true), hosts: of(false) };
}

function configuration({ deployment, through = 'functions', origins }: EdgeOptions, port: number, module: string): string {
  const { headers } = deployment.forwarded;
  const handler = { 'functions': 'js_content edge.viewerRequest;', 'empty handler': 'js_content edge.pass;', 'nothing': `proxy_pass ${origins[deployment.defaultOrigin]};` }[through];
  const variables = ['edge_origin', 'edge_target', 'edge_cookie', 'edge_request', ...headers.map((_, n) => headerVariable(n))];
  return `load_module ${module};
${around(port, `
  large_client_header_buffers 4 40k; # CloudFront takes 32 KB
  underscores_in_headers on;
  ignore_invalid_headers off;
  merge_slashes off;
  absolute_redirect off;
  js_path .;
  js_import edge from adapter.js;
  js_preload_object settings from settings.json;
  js_preload_object store from store.json;
  ${variables.map((name) => `js_var $${name};`).join(' ')}
  proxy_http_version 1.1;
  proxy_set_header Connection "";`, `
    location / { ${handler} }
    # nginx itself refuses a malformed path, before it reads headers; CloudFront is not known to.
    error_page 400 = /;
    location @origin {
      proxy_pass_request_headers off;
      proxy_pass_header Server;
      proxy_set_header Connection "";
      proxy_set_header User-Agent "Amazon CloudFront";
      proxy_set_header Cookie $edge_cookie;
      ${headers.map((name, n) => `proxy_set_header ${name} $${headerVariable(n)};`).join('\n      ')}
      proxy_pass $edge_origin$edge_target;
      js_header_filter edge.viewerResponse;
    }`)}`;
}

/** What every nginx here has, and a second host that answers as soon as it is up. */
function around(port: number, http: string, server: string): string {
  return `daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
  keepalive_requests 1000000000;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path tmp/${name};`).join(' ')}
  ${http}
  server {
    listen 127.0.0.1:${port};
    ${server}
  }
  server {
    listen 127.0.0.1:${port};
    server_name ${PROBE_HOST};
    return 204;
  }
}
`;
}
