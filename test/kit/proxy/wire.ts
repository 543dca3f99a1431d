import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import type { Reply } from './call';

export interface WireRequest {
  readonly method: string;
  /** Raw path and query. */
  readonly url: string;
  readonly host: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What happens to the exchange: a reply, a dead connection, or silence until the caller gives up. */
export type Outcome = Reply | 'reset' | 'hang';

type AnyRequest = http.IncomingMessage | http2.Http2ServerRequest;
type AnyResponse = http.ServerResponse | http2.Http2ServerResponse;

const PREFACE = 'PRI';
/** Connection headers HTTP/2 forbids. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];

/** HTTP/1.1 and cleartext HTTP/2 on one loopback port, told apart by the first three bytes. */
export class Wire {
  public static async listen(handle: (request: WireRequest) => Promise<Outcome>): Promise<Wire> {
    const wire = new Wire(handle);
    await new Promise<void>((resolve, reject) => wire.door.once('error', reject).listen(0, '127.0.0.1', resolve));
    return wire;
  }

  private readonly door = net.createServer((socket) => this.greet(socket));
  private readonly http1 = http.createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 });
  private readonly http2 = http2.createServer();
  private readonly sockets = new Set<net.Socket>();
  private readonly failures: unknown[] = [];

  private constructor(private readonly handle: (request: WireRequest) => Promise<Outcome>) {
    this.http1.on('request', (request, response) => void this.exchange(request, response));
    this.http2.on('request', (request, response) => void this.exchange(request, response));
    this.http2.on('sessionError', () => undefined); // a client may die at any time
  }

  public get port(): number {
    return (this.door.address() as net.AddressInfo).port;
  }

  public async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.door.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
    // Clients take a failure for a bad day of the service and carry on: it must not go unseen.
    if (this.failures.length > 0) throw new AggregateError(this.failures, `truth proxy failed ${this.failures.length} times: ${String(this.failures[0])}`);
  }

  private greet(socket: net.Socket) {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => socket.destroy());
    socket.once('data', (first) => {
      socket.pause();
      socket.unshift(first);
      if (first.subarray(0, 3).toString('latin1') === PREFACE) {
        this.http2.emit('connection', socket); // reads what was put back by itself
      } else {
        this.http1.emit('connection', socket);
        socket.resume();
      }
    });
  }

  private async exchange(request: AnyRequest, response: AnyResponse): Promise<void> {
    response.on('error', () => undefined);
    let body: Buffer;
    try {
      body = await readAll(request);
    } catch {
      return; // the caller died while sending: nothing reached the service
    }
    const host = request.headers.host ?? String(request.headers[':authority'] ?? '');
    const outcome = await this.handle({ method: request.method!, url: request.url!, host, headers: request.headers, body })
      .catch((error: unknown) => this.fail(error));
    if (outcome === 'hang') return;
    if (outcome === 'reset') reset(request);
    else send(request, response, outcome);
  }

  private fail(error: unknown): Reply {
    this.failures.push(error);
    return { status: 599, headers: { 'content-type': 'text/plain' }, body: Buffer.from(`truth proxy failed: ${String(error)}`) };
  }
}

function send(request: AnyRequest, response: AnyResponse, reply: Reply) {
  if (response.destroyed || response.writableEnded) return;
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(reply.headers)) {
    if (!HOP_BY_HOP.includes(name)) headers[name] = typeof value === 'string' ? value : [...value];
  }
  // A HEAD reply keeps the length of the object it describes.
  if (request.method !== 'HEAD' && reply.status !== 204 && reply.status !== 304) headers['content-length'] = String(reply.body.length);
  (response as http.ServerResponse).writeHead(reply.status, headers);
  (response as http.ServerResponse).end(request.method === 'HEAD' ? undefined : reply.body);
}

function reset(request: AnyRequest) {
  if ('stream' in request) request.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  else request.socket.resetAndDestroy();
}

async function readAll(request: AnyRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}
