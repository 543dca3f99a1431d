import type { Context } from 'aws-lambda';

/** There is too little time left in this invocation; another one may succeed. */
export class DeadlineError extends Error {
  public override readonly name = 'DeadlineError';
}

/** The end of an invocation, less a reserve for what must still happen before it. */
export class Deadline {
  /** @param reserveMs milliseconds kept back, for example for writing a result */
  public static of(context: Pick<Context, 'getRemainingTimeInMillis'>, reserveMs: number): Deadline {
    return new Deadline(context, reserveMs);
  }

  private constructor(
    private readonly context: Pick<Context, 'getRemainingTimeInMillis'>,
    private readonly reserveMs: number,
  ) {}

  /** Milliseconds left before the reserve begins, never below 0. */
  public remainingMs(): number {
    return Math.max(0, this.context.getRemainingTimeInMillis() - this.reserveMs);
  }

  public get expired(): boolean {
    return this.remainingMs() === 0;
  }

  /** @throws {@link DeadlineError} when expired, naming the step that was not begun */
  public check(what: string): void {
    if (this.expired) {
      throw new DeadlineError(`no time left to ${what}`);
    }
  }
}
