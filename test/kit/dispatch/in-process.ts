import type { InvokeOutcome } from '../lambda-environment';
import { PLAIN_SERVICE, type StreamPlan } from './stream-plan';
import type { Sleep, Timeline } from './timeline';

/** What came of an invocation. Throttled: Lambda had no concurrency left, and the function knows nothing of it. */
export type StreamOutcome = Pick<InvokeOutcome, 'kind' | 'payload' | 'error'> | { readonly kind: 'throttled' };

/** @param name tells this invocation from all others, in every run alike */
export type StreamInvoke = (functionArn: string, event: unknown, name: string) => Promise<StreamOutcome>;

/** What a handler has in its hands besides the event. All of it is on the virtual clock. */
export interface InProcessContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly invokedFunctionArn: string;
  /** Counted from 0; a number never comes back. */
  readonly environment: number;
  /** The process is dead or its time over: what it still does must have no effect. */
  readonly dead: boolean;
  getRemainingTimeInMillis(): number;
  /** Milliseconds since 1970. */
  now(): number;
  /** Lets time pass; other invocations run meanwhile. Never over once the process is dead; rejects when the signal fires. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** The process dies here and now: `return context.kill()`, as nothing follows. */
  kill(): Promise<never>;
}

export type InProcessHandler<E> = (event: E, context: InProcessContext) => Promise<unknown>;

export interface InProcessFunctionOptions<E> {
  readonly timeline: Timeline;
  readonly arn?: string;
  /** @default 60 */
  readonly timeoutSeconds?: number;
  /** Invocations at a time. @default 1000 */
  readonly concurrency?: number;
  readonly plan?: StreamPlan;
  /** A new environment: what it closes over is state that lives as long as this environment does. */
  readonly environment: (env: number) => InProcessHandler<E>;
}

export const IN_PROCESS_ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:in-process';

/**
 * A Lambda function without a process: environments are closures, time is virtual. Its handler must do nothing but
 * compute and `context.sleep`. What a dead handler would still do goes on unseen: it asks `context.dead` before it
 * touches anything outside, or sleeps, which never ends.
 */
export class InProcessFunction<E = unknown> {
  public readonly arn: string;
  /** Environments ever started. */
  public started = 0;

  private readonly timeline: Timeline;
  private readonly plan: StreamPlan;
  private idle: { readonly env: number; readonly handler: InProcessHandler<E> }[] = [];
  private running = 0;

  constructor(private readonly options: InProcessFunctionOptions<E>) {
    this.timeline = options.timeline;
    this.plan = options.plan ?? PLAIN_SERVICE;
    this.arn = options.arn ?? IN_PROCESS_ARN;
  }

  /** All idle environments are gone, as after a deployment. */
  public recycle(): void {
    this.idle = [];
  }

  public readonly invoke: StreamInvoke = async (_functionArn, event, name) => {
    if (this.running >= (this.options.concurrency ?? 1000) || this.plan.throttles(name)) return { kind: 'throttled' };
    const environment = this.take(this.plan.environment(name, this.idle.map(({ env }) => env)));
    this.running += 1;
    const outcome = await this.run(environment, event as E, name);
    this.running -= 1;
    // A failed invocation of a managed runtime leaves the environment as it is; a dead process does not.
    if ((outcome.kind === 'ok' || outcome.kind === 'error') && !this.plan.losesEnvironment(name)) {
      this.idle.push(environment);
      this.idle.sort((a, b) => a.env - b.env);
    }
    return outcome;
  };

  private take(env: number | undefined) {
    const found = this.idle.find((candidate) => candidate.env === env);
    if (!found) {
      const fresh = this.started++;
      return { env: fresh, handler: this.options.environment(fresh) };
    }
    this.idle = this.idle.filter((candidate) => candidate !== found);
    return found;
  }

  private run({ env, handler }: { env: number; handler: InProcessHandler<E> }, event: E, name: string): Promise<StreamOutcome> {
    const { timeline } = this;
    const timeoutMs = (this.options.timeoutSeconds ?? 60) * 1000;
    const deadline = timeline.now + timeoutMs;
    const sleeps = new Set<Sleep>();
    let dead = false;
    return new Promise((resolve) => {
      const end = (outcome: StreamOutcome) => {
        if (dead) return;
        dead = true;
        sleeps.forEach((sleep) => sleep.cancel());
        resolve(outcome);
      };
      const kill = () => {
        end({ kind: 'killed', error: { errorType: 'Runtime.ExitError', errorMessage: 'killed' } });
        return new Promise<never>(() => {});
      };
      const nap = (milliseconds: number, then: () => void): Sleep => {
        const sleep = timeline.sleep(milliseconds);
        sleeps.add(sleep);
        void sleep.over.then(() => {
          sleeps.delete(sleep);
          then();
        });
        return sleep;
      };
      const killsAfter = this.plan.killsAfter(name);
      nap(timeoutMs, () => end({ kind: 'timeout', error: { errorType: 'Sandbox.Timedout', errorMessage: `Task timed out after ${timeoutMs / 1000} seconds` } }));
      if (killsAfter !== undefined) nap(killsAfter, () => void kill());
      const context: InProcessContext = {
        awsRequestId: name,
        functionName: this.arn.split(':').at(-1)!,
        invokedFunctionArn: this.arn,
        environment: env,
        getRemainingTimeInMillis: () => deadline - timeline.now,
        now: () => timeline.now,
        sleep: (milliseconds, signal) => new Promise<void>((wake, refuse) => {
          if (dead) return;
          signal?.throwIfAborted();
          const sleep = nap(milliseconds, wake);
          signal?.addEventListener('abort', () => {
            sleep.cancel();
            sleeps.delete(sleep);
            refuse(signal.reason as Error);
          }, { once: true });
        }),
        kill,
        get dead() { return dead; },
      };
      void (async () => handler(event, context))().then(
        (payload) => end({ kind: 'ok', payload }),
        (error: unknown) => end({ kind: 'error', error: describe(error) }),
      );
    });
  }
}

function describe(error: unknown) {
  return error instanceof Error ? { errorType: error.name, errorMessage: error.message } : { errorType: 'object', errorMessage: String(error) };
}
