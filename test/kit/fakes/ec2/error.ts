/** A refusal of EC2: `name` is its code, as the SDK has it. */
export class Ec2Error extends Error {
  constructor(code: string, message: string) {
    super(message);
    this.name = code;
  }

  /** 503 for throttles, 500 for its own failures, 403 for permissions, else 400 ("Error codes for the Amazon EC2 API"). */
  public get status(): number {
    switch (this.name) {
      case 'RequestLimitExceeded': case 'Unavailable': return 503;
      case 'InternalError': return 500;
      case 'UnauthorizedOperation': return 403;
      default: return 400;
    }
  }
}
