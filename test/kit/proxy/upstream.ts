import * as http from 'node:http';
import type { Reply } from './call';

export interface UpstreamRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** The emulator behind the proxy, over kept-alive connections. */
export class Upstream {
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  private readonly target: URL;

  constructor(origin: string) {
    this.target = new URL(origin);
  }

  public async send(request: UpstreamRequest): Promise<Reply> {
    try {
      return await this.attempt(request);
    } catch (error) {
      // The emulator closed an idle connection as we picked it: it has not seen the request.
      if (error instanceof StaleSocketError) return this.attempt(request);
      throw error;
    }
  }

  public close() {
    this.agent.destroy();
  }

  private attempt({ method, url, headers, body }: UpstreamRequest): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const request = http.request({
        host: this.target.hostname, port: this.target.port, agent: this.agent, method, path: url, headers: this.forwardable(headers, method, body),
      });
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject).on('end', () => {
          resolve({ status: response.statusCode!, headers: response.headers as Reply['headers'], body: Buffer.concat(chunks) });
        });
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        reject(request.reusedSocket && error.code === 'ECONNRESET' ? new StaleSocketError('stale connection', { cause: error }) : error);
      });
      request.end(body);
    });
  }

  private forwardable(headers: UpstreamRequest['headers'], method: string, body: Buffer): Record<string, string | string[]> {
    const kept: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(headers)) {
      if (value === undefined || name.startsWith(':') || DROPPED.includes(name)) continue;
      kept[name] = typeof value === 'string' ? value : [...value];
    }
    kept.host = this.target.host;
    if (body.length > 0 || (method !== 'GET' && method !== 'HEAD')) kept['content-length'] = String(body.length);
    return kept;
  }
}

/** Hop-by-hop, or recomputed. */
const DROPPED = ['connection', 'keep-alive', 'expect', 'host', 'content-length', 'transfer-encoding', 'upgrade', 'http2-settings'];

class StaleSocketError extends Error {}
