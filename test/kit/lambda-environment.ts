/** One execution environment: a process under Lambda's own runtime client, and the Runtime API it talks to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MemoryGroup } from './memory-group';
import { NODE, RIC } from './setup';

export interface LambdaFunctionSpec {
  readonly name: string;
  readonly arn: string;
  /** Directory of the deployed code. */
  readonly code: string;
  readonly handler: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
  /** @default nodejs24.x */
  readonly runtime?: keyof typeof NODE;
  /** @default Text */
  readonly logFormat?: 'Text' | 'JSON';
  /** Enforce `memoryMb`; needs {@link MemoryGroup.available}. @default false */
  readonly memoryLimit?: boolean;
  /** @default {@link NODE_FLAGS} */
  readonly nodeFlags?: readonly string[];
}

export interface LambdaError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

export interface InvokeOutcome {
  readonly kind: 'ok' | 'error' | 'timeout' | 'crash' | 'init-error' | 'killed' | 'response-too-large';
  readonly payload?: unknown;
  readonly error?: LambdaError;
  /** What the process wrote during this invocation, its init included on a cold start. */
  readonly logs: string;
  readonly durationMs: number;
  readonly coldStart: boolean;
  readonly requestId: string;
}

/** Lambda's limit for a buffered response; AWS's error message names the same number. */
export const MAX_RESPONSE_BYTES = 6_291_556;
/** The runtime client's own tests run with these; that the managed runtime sets them is unconfirmed. */
export const NODE_FLAGS = ['--no-experimental-require-module', '--no-experimental-detect-module'] as const;

export interface EnvironmentOptions {
  readonly taskRoot: string;
  /** File that collects the output; unlinked at once, so nothing stays behind. */
  readonly logFile: string;
  readonly endpoint: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly initTimeoutMs: number;
  /** The functions' wall clock. */
  readonly now: () => number;
}

type Answer = Pick<InvokeOutcome, 'kind' | 'payload' | 'error'>;

interface Invocation {
  readonly requestId: string;
  readonly event: string;
  readonly coldStart: boolean;
  readonly settle: (outcome: InvokeOutcome) => void;
  startedAt: number;
  timer: NodeJS.Timeout;
  answer?: Answer;
}

const API = '/2018-06-01/runtime';

export class LambdaEnvironment {
  public static async start(spec: LambdaFunctionSpec, options: EnvironmentOptions): Promise<LambdaEnvironment> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new LambdaEnvironment(spec, options, server);
  }

  public readonly exited: Promise<void>;
  private readonly child: ChildProcess;
  private readonly memory?: MemoryGroup;
  private readonly log: number;
  private logOffset = 0;
  private invocations = 0;
  private current?: Invocation;
  /** The pending `GET next`: only a process that asks for work is idle. */
  private next?: ServerResponse;
  /** Why we ended the process, if we did. */
  private cause?: 'timeout' | 'init-timeout' | 'killed';
  private initialised = false;
  private retired = false;

  private constructor(private readonly spec: LambdaFunctionSpec, private readonly options: EnvironmentOptions, private readonly server: Server) {
    server.on('request', (request, response) => void this.serve(request, response));
    server.unref();
    // The process writes to a file, not to a pipe: when its answer arrives, all it wrote before can be read.
    this.log = openSync(options.logFile, 'ax+');
    unlinkSync(options.logFile);
    this.memory = spec.memoryLimit ? new MemoryGroup(spec.memoryMb) : undefined;
    const command = [NODE[spec.runtime ?? 'nodejs24.x'], ...(spec.nodeFlags ?? NODE_FLAGS), RIC, spec.handler];
    const [file, ...args] = this.memory?.wrap(command) ?? command;
    this.child = spawn(file, args, {
      cwd: options.taskRoot,
      env: this.environment((server.address() as AddressInfo).port),
      stdio: ['ignore', this.log, this.log],
      detached: true, // a process group of its own
    });
    this.exited = new Promise((resolve) => {
      const ended = (code: number | null, signal: NodeJS.Signals | null) => {
        this.onExit(code, signal);
        resolve();
      };
      this.child.on('exit', ended);
      this.child.on('error', () => ended(127, null)); // could not even start
    });
  }

  public get isIdle(): boolean {
    return this.next !== undefined && this.current === undefined && this.cause === undefined;
  }

  public get isBusy(): boolean {
    return this.current !== undefined;
  }

  /** Delivers one event; a fresh environment takes it when its init is done. */
  public invoke(event: string, requestId: string): Promise<InvokeOutcome> {
    return new Promise((settle) => {
      const coldStart = this.invocations++ === 0;
      const timer = setTimeout(() => this.end('init-timeout'), this.options.initTimeoutMs);
      this.current = { requestId, event, coldStart, settle, startedAt: performance.now(), timer };
      if (this.next) {
        this.deliver(this.current, this.next);
      }
    });
  }

  public kill(): void {
    this.end('killed');
  }

  /** Ends as soon as nothing is at work. */
  public retire(): void {
    this.retired = true;
    if (this.isIdle) {
      this.kill();
    }
  }

  public async stop(): Promise<void> {
    this.kill();
    await this.exited;
  }

  private end(cause: NonNullable<LambdaEnvironment['cause']>): void {
    this.cause ??= cause;
    this.killGroup();
  }

  private killGroup(): void {
    try {
      process.kill(-this.child.pid!, 'SIGKILL');
    } catch {
      // gone already
    }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.url}`;
    if (route === `GET ${API}/invocation/next`) {
      this.next = response;
      this.initialised = true;
      if (this.current?.answer) {
        this.finish(this.current.answer);
        if (this.retired) {
          this.kill();
        }
      } else if (this.current) {
        this.deliver(this.current, response);
      }
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    const body = Buffer.concat(chunks);
    const current = this.current;
    let status = 202;
    if (current && route === `POST ${API}/invocation/${current.requestId}/response`) {
      current.answer = answerOf(body);
      status = current.answer.kind === 'ok' ? 202 : 413;
    } else if (current && route === `POST ${API}/invocation/${current.requestId}/error`) {
      current.answer = { kind: 'error', error: JSON.parse(body.toString()) as LambdaError };
    } else if (current && route === `POST ${API}/init/error`) {
      current.answer = { kind: 'init-error', error: JSON.parse(body.toString()) as LambdaError };
    } else {
      status = 404;
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  }

  private deliver(invocation: Invocation, next: ServerResponse): void {
    this.next = undefined;
    clearTimeout(invocation.timer);
    const timeoutMs = this.spec.timeoutSeconds * 1000;
    invocation.timer = setTimeout(() => this.end('timeout'), timeoutMs);
    invocation.startedAt = performance.now();
    const trace = createHash('sha256').update(invocation.requestId).digest('hex');
    next.writeHead(200, {
      'content-type': 'application/json',
      'Lambda-Runtime-Aws-Request-Id': invocation.requestId,
      'Lambda-Runtime-Deadline-Ms': this.options.now() + timeoutMs,
      'Lambda-Runtime-Invoked-Function-Arn': this.spec.arn,
      'Lambda-Runtime-Trace-Id': `Root=1-${trace.slice(0, 8)}-${trace.slice(8, 32)};Parent=${trace.slice(32, 48)};Sampled=0`,
    }).end(invocation.event);
  }

  private onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.next = undefined;
    this.killGroup(); // whatever it spawned
    if (this.current) {
      this.finish(this.current.answer ?? this.verdict(this.current, code, signal));
    }
    this.memory?.remove();
    closeSync(this.log);
    this.server.close();
    this.server.closeAllConnections();
  }

  /** What an invocation is told whose process ended without an answer. */
  private verdict(invocation: Invocation, code: number | null, signal: NodeJS.Signals | null): Answer {
    const prefix = `RequestId: ${invocation.requestId} Error:`;
    switch (this.cause) {
      case 'timeout':
        return failure('timeout', 'Sandbox.Timedout', `${prefix} Task timed out after ${this.spec.timeoutSeconds.toFixed(2)} seconds`);
      case 'init-timeout':
        return failure('init-error', 'Sandbox.Timedout', `${prefix} init took longer than ${this.options.initTimeoutMs} ms`);
      default: {
        const how = signal ? `signal: ${signal === 'SIGKILL' ? 'killed' : signal}` : `exit status ${code}`;
        const kind = this.cause ?? (this.initialised ? 'crash' : 'init-error');
        return failure(kind, 'Runtime.ExitError', `${prefix} Runtime exited with error: ${how}`);
      }
    }
  }

  private finish(answer: Answer): void {
    const { requestId, coldStart, startedAt, settle, timer } = this.current!;
    clearTimeout(timer);
    this.current = undefined;
    settle({ ...answer, logs: this.readLogs(), durationMs: performance.now() - startedAt, coldStart, requestId });
  }

  private readLogs(): string {
    const buffer = Buffer.alloc(fstatSync(this.log).size - this.logOffset);
    this.logOffset += readSync(this.log, buffer, 0, buffer.length, this.logOffset);
    return buffer.toString();
  }

  /** Nothing is inherited but PATH, so that a missing module or variable shows. */
  private environment(port: number): Record<string, string> {
    const { spec } = this;
    const region = spec.arn.split(':')[3];
    return {
      ...this.options.variables,
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      TZ: ':UTC',
      LANG: 'en_US.UTF-8',
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
      LAMBDA_TASK_ROOT: this.options.taskRoot,
      _HANDLER: spec.handler,
      AWS_LAMBDA_FUNCTION_NAME: spec.name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_FORMAT: spec.logFormat ?? 'Text',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: `2026/01/01/[$LATEST]${createHash('md5').update(this.options.logFile).digest('hex')}`,
      AWS_EXECUTION_ENV: `AWS_Lambda_${spec.runtime ?? 'nodejs24.x'}`,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: spec.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: spec.credentials.secretAccessKey,
      ...(spec.credentials.sessionToken ? { AWS_SESSION_TOKEN: spec.credentials.sessionToken } : {}),
      AWS_ENDPOINT_URL: this.options.endpoint,
    };
  }
}

function answerOf(body: Buffer): Answer {
  if (body.length > MAX_RESPONSE_BYTES) {
    return failure('response-too-large', 'Function.ResponseSizeTooLarge',
      `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`);
  }
  return { kind: 'ok', payload: JSON.parse(body.toString()) };
}

function failure(kind: InvokeOutcome['kind'], errorType: string, errorMessage: string): Answer {
  return { kind, error: { errorType, errorMessage } };
}
