/** What one request to AWS was, in terms every later stage understands. */
export type CallParams = Readonly<Record<string, unknown>> & {
  /** S3: bucket and decoded key. */
  readonly bucket?: string;
  readonly key?: string;
  /** S3 copies: where the bytes come from, decoded. */
  readonly copySource?: { readonly bucket: string; readonly key: string; readonly versionId?: string };
  /** Path labels of REST services by their name in the service model, decoded. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** Lower-case headers that mean something to the service: no signature, no client telemetry. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Parsed JSON, CBOR, form or XML; absent for object content. */
  readonly body?: unknown;
  /** Length of the (decoded) request body. */
  readonly bytes?: number;
};

export interface RecordedCall {
  /** 1 for the first call the proxy saw. */
  readonly n: number;
  /** Role of the caller as given to `mapPrincipal`, else its access key id, else 'anonymous'. */
  readonly principal: string;
  /** Signing name. */
  readonly service: string;
  readonly operation: string;
  readonly region: string;
  readonly params: CallParams;
  /** Equal for equal requests of different runs: random ids and clock values are masked. */
  readonly requestHash: string;
  /** 0 while the call is under way or when it was never answered. */
  readonly status: number;
  readonly errorCode?: string;
  /** Kind of the fault that was injected. */
  readonly fault?: string;
  /** The n-th call of this principal to this operation, from 1. */
  readonly nth?: number;
  /** The n-th call of this principal with this request hash, from 1. */
  readonly occurrence?: number;
  /** The emulator answered with success, whatever the caller was told. */
  readonly applied?: boolean;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

/** Header of a reply that says yes to what the service then drops. */
export const DROPPED = 'x-kit-dropped';

/** A refusal as the service words it; `errorReply` gives it the protocol's shape. */
export interface ServiceError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}
