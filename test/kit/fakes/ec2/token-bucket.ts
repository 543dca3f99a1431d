export interface BucketSize {
  /** Requests at once. */
  readonly burst: number;
  readonly perSecond: number;
}

/** "Request throttling for the Amazon EC2 API": per account, Region and API. */
export class TokenBuckets {
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  constructor(private readonly size: BucketSize, private readonly now: () => number) {}

  /** Whether there was a token left, which is gone then. */
  public take(name: string): boolean {
    const { burst, perSecond } = this.size;
    const now = this.now();
    let bucket = this.buckets.get(name);
    if (!bucket) {
      bucket = { tokens: burst, at: now };
      this.buckets.set(name, bucket);
    }
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) * perSecond / 1000);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
