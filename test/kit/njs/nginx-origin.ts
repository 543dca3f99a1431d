/** Origins for the edge: a small web server for the files of a directory, and one that answers with what it was asked. */
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

export interface Origin {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Requests so far, oldest first. */
  readonly requests: readonly OriginRequest[];
  stop(): Promise<void>;
}

export interface OriginRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml', '.xml': 'text/xml', '.json': 'application/json',
};

/** As a bucket behind an access control: a key is served or it is missing, nothing is guessed. */
export function startSite(directory: string): Promise<Origin> {
  return start((request, response) => {
    const { pathname } = new URL(request.url!, 'http://site');
    const file = join(directory, normalize(decoded(pathname)));
    const found = existsSync(file) && statSync(file).isFile();
    response.writeHead(found ? 200 : 404, {
      'Content-Type': found ? TYPES[extname(file)] ?? 'application/octet-stream' : 'text/plain',
      'Cache-Control': 'no-cache',
      'X-Powered-By': 'site',
    });
    response.end(found ? readFileSync(file) : 'not found');
  });
}

/** Answers with the request itself, as JSON, and a cookie. `/status/<code>` answers with that. */
export function startEcho(): Promise<Origin> {
  return start((request, response) => {
    const [, status = '200'] = /^\/status\/(\d{3})/.exec(request.url!) ?? [];
    response.writeHead(Number(status), { 'Content-Type': 'application/json', 'Set-Cookie': ['session=1; Path=/; HttpOnly', 'theme=dark'] });
    response.end(JSON.stringify({ method: request.method, target: request.url, headers: request.headers }));
  });
}

async function start(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Origin> {
  const requests: OriginRequest[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push({ method: request.method!, target: request.url!, headers: request.headers });
    answer(request, response);
  };
  const server = createServer({ maxHeaderSize: 65_536 }, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
