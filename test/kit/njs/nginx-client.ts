/** Requests as they are: paths and headers reach the socket unchanged, no redirect is followed. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface Ask {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const PATIENCE_MS = 20_000;
/** As a visitor who clears nothing: connections are kept. */
const agent = new Agent({ keepAlive: true });

export function ask(origin: string, { path, method = 'GET', headers = {} }: Ask): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers, agent, timeout: PATIENCE_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() }));
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer from ${origin} within ${PATIENCE_MS} ms`)));
    sent.on('error', reject);
    sent.end();
  });
}

/** Ends the connections that are kept; afterwards they are opened anew. */
export function hangUp(): void {
  agent.destroy();
}
