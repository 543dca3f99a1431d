/**
 * Runs function code as Lambda does: the deployed bytes, outside the repository, in processes under AWS's own
 * runtime client, one event at a time, with Lambda's limits. Emulators reach it through its control door.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type InvokeOutcome, LambdaEnvironment, type LambdaFunctionSpec } from './lambda-environment';
import { ensureKit, type NODE } from './setup';

export { MAX_RESPONSE_BYTES, NODE_FLAGS } from './lambda-environment';
export type { InvokeOutcome, LambdaError, LambdaFunctionSpec } from './lambda-environment';

/** Lambda's limit for a synchronous request. */
export const MAX_REQUEST_BYTES = 6 * 1024 * 1024;

export interface LambdaHostOptions {
  /** `AWS_ENDPOINT_URL` of the functions: the truth proxy. May be set later, before the first invocation. */
  readonly endpoint?: string;
  /** Called once per function the control door meets: the place to map its access key to its role. */
  readonly onFunction?: (fn: DoorFunction) => void;
  /** Lambda's 10 s. */
  readonly initTimeoutMs?: number;
  /** The functions' wall clock, for those who simulate it. @default Date.now */
  readonly now?: () => number;
}

/** A function as an emulator knows it, with the access key minted for it. */
export interface DoorFunction {
  readonly name: string;
  readonly arn: string;
  readonly role: string;
  readonly accessKeyId: string;
}

export interface InvokeOptions {
  readonly requestId?: string;
  /** Which of the idle environments serves, counted from 0; undefined: a fresh one. @default the first */
  readonly choose?: (idle: readonly number[]) => number | undefined;
}

export interface RecordedInvocation {
  readonly name: string;
  readonly event: unknown;
  readonly outcome: InvokeOutcome;
}

/** What an emulator's launcher posts to `/invoke`; `function` has the shape of Lambda's GetFunctionConfiguration. */
interface DoorRequest {
  readonly function: {
    readonly FunctionName: string;
    readonly FunctionArn: string;
    readonly Role: string;
    readonly Handler: string;
    readonly Runtime: string;
    readonly Timeout: number;
    readonly MemorySize: number;
    readonly Environment?: { readonly Variables?: Record<string, string> };
    readonly LoggingConfig?: { readonly LogFormat?: 'Text' | 'JSON' };
  };
  readonly code: string;
  readonly event: unknown;
  readonly requestId?: string;
}

interface Registered {
  readonly spec: LambdaFunctionSpec;
  readonly taskRoot: string;
  readonly environments: Set<LambdaEnvironment>;
}

/** Origins under which emulators hand out addresses of queues; a function must reach them through the proxy. */
const EMULATED_ORIGIN = /(?:http:\/\/(?:localhost|127\.0\.0\.1)|https?:\/\/sqs\.[a-z0-9-]+\.amazonaws\.com)(?::\d+)?(?=\/)/g;
const REAL_AWS = /https:\/\/[^/\s"]*amazonaws\.com/;

export class LambdaHost {
  public static async start(options: LambdaHostOptions = {}): Promise<LambdaHost> {
    ensureKit();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new LambdaHost(server, options);
  }

  /** HTTP control door for the emulator launchers. */
  public readonly url: string;
  /** `AWS_ENDPOINT_URL` of environments started from now on. */
  public endpoint?: string;

  // Outside the repository: its node_modules would hide a module missing from the bundle.
  private readonly directory = mkdtempSync(join(tmpdir(), 'lambda-host-'));
  private readonly functions = new Map<string, Registered>();
  private readonly alive = new Set<LambdaEnvironment>();
  private readonly recorded: RecordedInvocation[] = [];
  private readonly killAll: () => void;
  private requests = 0;
  private started = 0;
  private running = 0;

  private constructor(private readonly server: Server, private readonly options: LambdaHostOptions) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.endpoint = options.endpoint;
    server.on('request', (request, response) => void this.serve(request, response));
    this.killAll = () => this.alive.forEach((environment) => environment.kill());
    process.on('exit', this.killAll);
  }

  /** Every invocation that has ended, oldest first. */
  public get invocations(): readonly RecordedInvocation[] {
    return this.recorded;
  }

  /** Invocations that have not ended. */
  public get inFlight(): number {
    return this.running;
  }

  /** Makes a function known, or replaces it: an unchanged one keeps its warm environments. */
  public register(spec: LambdaFunctionSpec): void {
    refuseRealAws(spec);
    const known = this.functions.get(spec.name);
    const taskRoot = this.copyOf(spec.code);
    if (known && known.taskRoot === taskRoot && isDeepStrictEqual(known.spec, spec)) {
      return;
    }
    this.functions.set(spec.name, { spec, taskRoot, environments: new Set() });
    known?.environments.forEach((environment) => environment.retire());
  }

  public async invoke(name: string, event: unknown, options: InvokeOptions = {}): Promise<InvokeOutcome> {
    const fn = this.registered(name);
    const body = JSON.stringify(event ?? null);
    if (Buffer.byteLength(body) > MAX_REQUEST_BYTES) {
      throw new Error(`the request of '${name}' must be at most ${MAX_REQUEST_BYTES} bytes, got ${Buffer.byteLength(body)}`);
    }
    const requestId = options.requestId ?? this.nextRequestId();
    this.running++;
    try {
      const idle = [...fn.environments].filter((environment) => environment.isIdle);
      const chosen = (options.choose ?? first)(idle.map((_, i) => i));
      const environment = (chosen === undefined ? undefined : idle[chosen]) ?? await this.startEnvironment(fn);
      const outcome = await environment.invoke(body, requestId);
      this.recorded.push({ name, event, outcome });
      return outcome;
    } finally {
      this.running--;
    }
  }

  /** SIGKILL to the environments that are working on an event. */
  public killRunning(name: string): void {
    this.registered(name).environments.forEach((environment) => environment.isBusy && environment.kill());
  }

  /** The next invocation is cold; what is at work ends in peace. */
  public recycle(name: string): void {
    const fn = this.registered(name);
    fn.environments.forEach((environment) => environment.retire());
    fn.environments.clear();
  }

  public async stop(): Promise<void> {
    process.off('exit', this.killAll);
    await Promise.all([...this.alive].map((environment) => environment.stop()));
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }

  private registered(name: string): Registered {
    const known = this.functions.get(name);
    if (!known) {
      throw new Error(`no function '${name}' registered, got ${[...this.functions.keys()].join(', ') || 'none'}`);
    }
    return known;
  }

  private async startEnvironment({ spec, taskRoot, environments }: Registered): Promise<LambdaEnvironment> {
    const endpoint = this.endpoint;
    if (!endpoint) {
      throw new Error('the Lambda host has no endpoint for its functions: set it before the first invocation');
    }
    const environment = await LambdaEnvironment.start(spec, {
      taskRoot,
      endpoint,
      logFile: join(this.directory, `${spec.name}-${this.started++}.log`),
      variables: Object.fromEntries(Object.entries(spec.environment).map(([key, value]) => [key, value.replace(EMULATED_ORIGIN, endpoint)])),
      initTimeoutMs: this.options.initTimeoutMs ?? 10_000,
      now: this.options.now ?? Date.now,
    });
    environments.add(environment);
    this.alive.add(environment);
    void environment.exited.then(() => {
      environments.delete(environment);
      this.alive.delete(environment);
    });
    return environment;
  }

  /** A copy per content, so that functions with one asset share it. */
  private copyOf(code: string): string {
    const copy = join(this.directory, hashOf(code));
    if (!existsSync(copy)) {
      cpSync(code, copy, { recursive: true });
    }
    return copy;
  }

  /** Counted, not random: a replayed run makes the same ids. */
  private nextRequestId(): string {
    return `00000000-0000-4000-8000-${(++this.requests).toString(16).padStart(12, '0')}`;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) {
        chunks.push(chunk as Buffer);
      }
      if (request.method !== 'POST' || request.url !== '/invoke') {
        throw new Error(`the control door knows POST /invoke, got ${request.method} ${request.url}`);
      }
      const outcome = await this.invokeForEmulator(JSON.parse(Buffer.concat(chunks).toString()) as DoorRequest);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(outcome));
    } catch (error) {
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ message: (error as Error).message }));
    }
  }

  private invokeForEmulator({ function: config, code, event, requestId }: DoorRequest): Promise<InvokeOutcome> {
    const accessKeyId = mintAccessKey(config.FunctionArn);
    const known = this.functions.get(config.FunctionName);
    const spec: LambdaFunctionSpec = {
      name: config.FunctionName,
      arn: config.FunctionArn,
      code,
      handler: config.Handler,
      timeoutSeconds: config.Timeout,
      memoryMb: config.MemorySize,
      environment: config.Environment?.Variables ?? {},
      credentials: { accessKeyId, secretAccessKey: 'minted' },
      runtime: config.Runtime as keyof typeof NODE,
      logFormat: config.LoggingConfig?.LogFormat,
    };
    if (!known) {
      this.options.onFunction?.({ name: spec.name, arn: spec.arn, role: config.Role, accessKeyId });
    }
    // The launcher's directories are named by content: an equal spec is equal code.
    if (!known || !isDeepStrictEqual(known.spec, spec)) {
      this.register(spec);
    }
    return this.invoke(spec.name, event, { requestId });
  }
}

/** The access key of a function: the same in every run, and so is what is derived from it. */
export function mintAccessKey(arn: string): string {
  return `AKIA${createHash('sha256').update(arn).digest('hex').toUpperCase().slice(0, 16)}`;
}

function first(idle: readonly number[]): number | undefined {
  return idle[0];
}

function refuseRealAws(spec: LambdaFunctionSpec): void {
  for (const [name, value] of Object.entries(spec.environment)) {
    const found = REAL_AWS.exec(value.replace(EMULATED_ORIGIN, ''));
    if (found) {
      throw new Error(`variable '${name}' of '${spec.name}' must lead to the proxy, got ${found[0]}`);
    }
  }
}

function hashOf(directory: string): string {
  const hash = createHash('sha256');
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const name of names) {
    hash.update(`${relative(directory, name)}\0`).update(readFileSync(name));
  }
  return hash.digest('hex').slice(0, 16);
}
