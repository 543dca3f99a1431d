import type { Reply, ServiceError } from '../call';
import type { IdentifiedCall } from '../identify';
import type { WireRequest } from '../wire';

/** What the proxy knows of a service that its emulators do not. */
export interface ServiceTruth {
  /** A real limit the request breaks. */
  readonly check?: (call: IdentifiedCall) => ServiceError | undefined;
  /** Forwards the request and puts right what comes back; absent: plain forwarding. */
  readonly apply?: (call: IdentifiedCall, context: TruthContext) => Promise<Reply>;
}

export interface TruthContext {
  readonly send: (request: WireRequest) => Promise<Reply>;
  /** Whether the caller may learn that a key does not exist. */
  readonly mayListBucket: () => boolean;
}

const TRUTHS: Readonly<Record<string, ServiceTruth>> = {};

export function truthOf(call: Pick<IdentifiedCall, 'service'>): ServiceTruth | undefined {
  return TRUTHS[call.service];
}
