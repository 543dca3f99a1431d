import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { codeOf, isBroken } from './classify';
import { CLIENT } from './client';
import { contentOf } from './content';
import type { CallOutcome, Entry, EntryOutcome, Sender, SenderContext } from './ports';

/** Of an answer, which nobody looks at; reading it to its end keeps the connection. */
const MAX_ANSWER_BYTES = 64 * 1024;

const REFUSED = new Set([400, 422]);
/** Of redirections and client errors, those that pass: time-out, conflict, misdirected, locked, too early, too many. (RFC 9110, 4918, 6585, 8470.) */
const PASSING = new Set([304, 408, 409, 421, 423, 425, 429]);
/** Nobody of that name, or nobody who can prove to be it: what OpenSSL and Node.js call a certificate that does not hold. */
const NOT_THERE = /^(ENOTFOUND|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID|(DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|UNABLE_TO_(GET_ISSUER_CERT\w*|VERIFY_LEAF_SIGNATURE))$/;

/** What a header may hold. (RFC 9110, 5.5; ASCII only.) */
const HEADER_TEXT = /^[\t\x20-\x7e]+$/;

/**
 * An HTTPS API. A request carries the entry's id as `Idempotency-Key`. Certificates are checked, redirections not followed:
 * a body must not go where nobody sent it. `Retry-After` is not looked at, as the engine waits by itself.
 */
export class HttpsSender implements Sender {
  public readonly maxEntries = 1;
  public readonly maxCallBytes: number;
  public readonly maxEntryBytes: number;
  public readonly concurrency: number;
  public readonly bodies = 'bytes';
  /** The `Authorization` header, fetched when first needed. */
  private secret?: Promise<string>;

  /** @throws if the URL is none of HTTPS; the message does not quote it */
  constructor(
    private readonly context: SenderContext<'https'>,
    private readonly secrets: Pick<SecretsManagerClient, 'send'> = new SecretsManagerClient(CLIENT),
    private readonly request: typeof fetch = fetch,
  ) {
    if (!URL.canParse(context.name) || new URL(context.name).protocol !== 'https:') {
      throw new Error("the URL of an HTTPS destination must begin with 'https://'");
    }
    const { maxBodyBytes, concurrency } = context.target;
    this.maxCallBytes = maxBodyBytes;
    this.maxEntryBytes = maxBodyBytes;
    this.concurrency = concurrency;
  }

  public sizeOf({ body }: Entry): number {
    return body.length;
  }

  public async send([entry]: readonly Entry[], signal: AbortSignal): Promise<CallOutcome> {
    return { kind: 'answered', outcomes: [await this.deliver(entry, signal)] };
  }

  private async deliver(entry: Entry, signal: AbortSignal): Promise<EntryOutcome> {
    try {
      return outcomeOf(await this.authorized(entry, signal));
    } catch (error) {
      return error instanceof SecretError
        ? { kind: 'failed', code: `secret: ${error.code}`, broken: error.broken }
        : failed(networkCode(error));
    }
  }

  /** A 401 says that the body was not looked at: with a secret that has changed since, it goes once more. */
  private async authorized(entry: Entry, signal: AbortSignal): Promise<number> {
    if (this.context.secretArn === '') return this.post(entry, undefined, signal);
    this.secret ??= this.fetchSecret(signal);
    const used = this.secret;
    const authorization = await used;
    const status = await this.post(entry, authorization, signal);
    if (status !== 401) return status;
    // Requests that were refused together ask for the new one together.
    if (this.secret === used) this.secret = this.fetchSecret(signal);
    const renewed = await this.secret;
    return renewed === undefined || renewed === authorization ? status : this.post(entry, renewed, signal);
  }

  private async post({ id, body }: Entry, authorization: string | undefined, signal: AbortSignal): Promise<number> {
    const { name: url, packing, target: { method, headers, timeoutMs } } = this.context;
    const { type, encoding } = contentOf(packing, body);
    const response = await this.request(url, {
      method,
      headers: {
        ...headers,
        'content-type': type,
        ...(encoding && { 'content-encoding': encoding }),
        'idempotency-key': id,
        ...(authorization && { authorization }),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await discard(response);
    return response.status;
  }

  /** What failed is not kept. */
  private fetchSecret(signal: AbortSignal): Promise<string> {
    const secret = this.readSecret(signal);
    secret.catch(() => {
      if (this.secret === secret) this.secret = undefined;
    });
    return secret;
  }

  private async readSecret(abortSignal: AbortSignal): Promise<string> {
    let text: string | undefined;
    try {
      ({ SecretString: text } = await this.secrets.send(new GetSecretValueCommand({ SecretId: this.context.secretArn }), { abortSignal }));
    } catch (error) {
      throw new SecretError(codeOf(error), isBroken(error));
    }
    const header = text?.trim() ?? '';
    if (!HEADER_TEXT.test(header)) throw new SecretError('NoHeaderText', true);
    return header;
  }
}

class SecretError extends Error {
  constructor(public readonly code: string, public readonly broken: boolean) {
    super(code);
  }
}

function outcomeOf(status: number): EntryOutcome {
  const code = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 413) return { kind: 'refused', refusal: { reason: 'TOO_LARGE', code } };
  if (REFUSED.has(status)) return { kind: 'refused', refusal: { reason: 'REFUSED', code } };
  // Anything else from 300 to 499 is about the way the API is set up, or called: moved, closed, another method.
  return { kind: 'failed', code, broken: status >= 300 && status < 500 && !PASSING.has(status) };
}

function failed(code: string): EntryOutcome {
  return NOT_THERE.test(code) ? { kind: 'failed', code, broken: true } : { kind: 'failed', code };
}

/** The status has come; what goes wrong behind it changes nothing. */
async function discard({ body }: Response): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (let bytes = 0; bytes < MAX_ANSWER_BYTES;) {
      const { done, value } = await reader.read();
      if (done) return;
      bytes += value.length;
    }
    await reader.cancel();
  } catch {
    // Broken off.
  }
}

/** `fetch` hides what happened in the cause; messages may quote headers. */
function networkCode(error: unknown): string {
  const { name = 'Error', cause } = (error ?? {}) as { readonly name?: string; readonly cause?: { readonly code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : name;
}
