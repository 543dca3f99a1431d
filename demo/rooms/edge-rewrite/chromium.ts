/** Chromium without a window, driven by its DevTools protocol over the WebSocket that Node.js has. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Hop, Trip, Visit, Visitor, Visitors } from './visitor';

const PROGRAM = 'chromium';
const PATIENCE_MS = 30_000;
const WINDOW = '720,460';

/** Undefined where no Chromium is installed. */
export async function startChromium(): Promise<Visitors | undefined> {
  const { status, stdout } = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8', timeout: PATIENCE_MS });
  return status === 0 ? Chromium.start(stdout.trim().split(' ').slice(0, 2).join(' ')) : undefined;
}

type Message = Readonly<Record<string, unknown>>;

class Chromium implements Visitors {
  public static async start(name: string): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
    const child = spawn('setpriv', [
      '--pdeathsig', 'KILL', PROGRAM, // it ends with us, whatever ends us
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', `--window-size=${WINDOW}`, '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-extensions', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank',
    ], { stdio: ['ignore', 'ignore', 'pipe'], detached: true }); // a process group of its own
    const timer = setTimeout(() => kill(child), PATIENCE_MS);
    try {
      const chromium = new Chromium(name, child, profile, await Protocol.open(await addressOf(child)));
      clearTimeout(timer);
      return chromium;
    } catch (error) {
      kill(child);
      throw new Error(`chromium did not start: ${(error as Error).message}`);
    }
  }

  private constructor(
    public readonly name: string,
    private readonly child: ChildProcess,
    private readonly profile: string,
    private readonly protocol: Protocol,
  ) {}

  public async arrive(): Promise<Visitor> {
    const { browserContextId } = await this.protocol.call('Target.createBrowserContext', {});
    const { targetId } = await this.protocol.call('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.protocol.call('Target.attachToTarget', { targetId, flatten: true });
    return Tab.open(this.protocol, String(sessionId), String(browserContextId));
  }

  public async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    kill(this.child);
    await exited;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Tab implements Visitor {
  public static async open(protocol: Protocol, session: string, context: string): Promise<Tab> {
    for (const domain of ['Page', 'Network', 'Runtime']) {
      await protocol.call(`${domain}.enable`, {}, session);
    }
    return new Tab(protocol, session, context);
  }

  private constructor(private readonly protocol: Protocol, private readonly session: string, private readonly context: string) {}

  public async visit({ url, headers }: Trip): Promise<Visit> {
    const hops: Hop[] = [];
    let response: { status: number; headers: Record<string, string> } = { status: 0, headers: {} };
    const stop = this.protocol.listen(this.session, (method, params) => {
      if (params.type !== 'Document') {
        return;
      }
      const redirect = params.redirectResponse as typeof response | undefined;
      if (method === 'Network.requestWillBeSent' && redirect) {
        hops.push({ status: redirect.status, location: lowerCase(redirect.headers).location });
      } else if (method === 'Network.responseReceived') {
        response = params.response as typeof response;
      }
    });
    try {
      await this.call('Network.setExtraHTTPHeaders', { headers });
      const loaded = this.protocol.once(this.session, 'Page.loadEventFired');
      const { errorText } = await this.call('Page.navigate', { url });
      if (errorText !== undefined) throw new Error(`chromium could not visit ${url}: ${String(errorText)}`);
      await loaded;
    } finally {
      stop();
    }
    const [end, title, text] = await this.evaluate('[location.href, document.title, document.body.innerText]') as string[];
    const { cookies } = await this.call('Network.getCookies', {}) as { cookies: ReadonlyArray<{ name: string; value: string }> };
    const { data } = await this.call('Page.captureScreenshot', { format: 'png' });
    return {
      url: end,
      hops,
      status: response.status,
      headers: lowerCase(response.headers),
      title,
      text,
      cookies: Object.fromEntries(cookies.map(({ name, value }) => [name, value])),
      screenshot: Buffer.from(String(data), 'base64'),
    };
  }

  public async leave(): Promise<void> {
    await this.protocol.call('Target.disposeBrowserContext', { browserContextId: this.context });
  }

  private call(method: string, params: Message): Promise<Message> {
    return this.protocol.call(method, params, this.session);
  }

  private async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.call('Runtime.evaluate', { expression, returnByValue: true });
    return (result as { value: unknown }).value;
  }
}

type Listener = (method: string, params: Message) => void;

/** Calls and events of the DevTools protocol. */
class Protocol {
  public static async open(address: string): Promise<Protocol> {
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`no answer from ${address}`)));
    });
    return new Protocol(socket);
  }

  private readonly waiting = new Map<number, { resolve(result: Message): void; reject(error: Error): void }>();
  private readonly listeners = new Map<string, Set<Listener>>();
  private count = 0;

  private constructor(private readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => this.receive(JSON.parse(String(data)) as Message));
    socket.addEventListener('close', () => this.waiting.forEach(({ reject }) => reject(new Error('chromium hung up'))));
  }

  public call(method: string, params: Message, sessionId?: string): Promise<Message> {
    const id = ++this.count;
    return within(method, new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    }));
  }

  /** @returns what ends it */
  public listen(sessionId: string, listener: Listener): () => void {
    const all = this.listeners.get(sessionId) ?? new Set();
    this.listeners.set(sessionId, all.add(listener));
    return () => all.delete(listener);
  }

  public once(sessionId: string, event: string): Promise<void> {
    return within(event, new Promise((resolve) => {
      const stop = this.listen(sessionId, (method) => {
        if (method === event) {
          stop();
          resolve();
        }
      });
    }));
  }

  private receive({ id, method, params, result, error, sessionId }: Message): void {
    if (id === undefined) {
      this.listeners.get(String(sessionId))?.forEach((listener) => listener(String(method), params as Message));
      return;
    }
    const waiting = this.waiting.get(id as number);
    this.waiting.delete(id as number);
    if (error === undefined) {
      waiting?.resolve(result as Message);
    } else {
      waiting?.reject(new Error((error as { message: string }).message));
    }
  }
}

async function within<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`chromium: no ${what} within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Chromium writes the address it listens on to its standard error. */
async function addressOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stderr! })) {
    const [, address] = /DevTools listening on (ws:\S+)/.exec(line) ?? [];
    if (address !== undefined) {
      child.stderr!.resume();
      return address;
    }
  }
  throw new Error('it ended');
}

function kill(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // gone already
  }
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
