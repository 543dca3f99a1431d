import { Duration, Token } from 'aws-cdk-lib';
import { knownBytes } from './properties';
import { BoundTarget, EVERY_ORDERING, EVERY_PACKING, KIB, MIB, SEND_AHEAD, Statement, Target } from './target';
import { viaService } from '../../private/kms-via-service';
import { sortedByName } from '../../private/sorted-entries';
import { checkDuration, checkInteger, checkKnown, checkPattern } from '../../private/validate';
import type { FanOutHttpsOptions } from '../fan-out-destination';
import { FanOutHttpMethod } from '../fan-out-modes';

/** Requests with an `Idempotency-Key`. */
export class HttpsTarget implements Target {
  public readonly kind = 'https';
  public readonly orderings = EVERY_ORDERING;
  public readonly packings = EVERY_PACKING;
  public readonly envelope = false;
  public readonly maxEntryBytes: number;
  public readonly defaultEntryBytes: number;
  public readonly sizeRemedy = "raise 'maxBodySize'";
  public readonly sendAhead = SEND_AHEAD.OTHERS;
  public readonly batchWindow = Duration.seconds(1);
  public readonly patience: Duration;

  constructor(private readonly url: string, private readonly options: FanOutHttpsOptions) {
    checkUrl(url);
    checkInteger('concurrency', options.concurrency, { min: 1, max: 100 });
    checkDuration('timeout', options.timeout, Duration.millis(100));
    checkKnown('timeout', options.timeout);
    for (const [name, value] of Object.entries(options.headers ?? {})) checkHeader(name, value);
    this.patience = options.timeout ?? Duration.seconds(10);
    this.maxEntryBytes = knownBytes('maxBodySize', options.maxBodySize) ?? MIB;
    if (this.maxEntryBytes < KIB) throw new Error(`'maxBodySize' must be at least 1 KiB, got ${this.maxEntryBytes} bytes`);
    this.defaultEntryBytes = this.maxEntryBytes;
  }

  public bind(): BoundTarget {
    const { url, options, patience, maxEntryBytes } = this;
    const { authorization: secret } = options;
    // The six characters Secrets Manager appends to a name.
    const secretArn = secret && (secret.secretFullArn ?? `${secret.secretArn}-??????`);
    const statements: Statement[] = secretArn === undefined ? [] : [{ actions: ['secretsmanager:GetSecretValue'], resources: [secretArn] }];
    if (secret?.encryptionKey) {
      statements.push({ actions: ['kms:Decrypt'], resources: [secret.encryptionKey.keyArn], conditions: viaService('secretsmanager') });
    }
    return {
      target: url,
      secretArn: secret?.secretArn,
      settings: {
        kind: 'https',
        method: options.method ?? FanOutHttpMethod.POST,
        headers: sortedByName(options.headers),
        timeoutMs: patience.toMilliseconds(),
        maxBodyBytes: maxEntryBytes,
        concurrency: options.concurrency ?? 4,
      },
      statements,
    };
  }
}

/** Ports that `fetch` never connects to: the Fetch standard's "bad ports". */
const BLOCKED_PORTS = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119,
  123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
  995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

function checkUrl(url: string): void {
  if (Token.isUnresolved(url)) return;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'https:' || parsed.username !== '' || parsed.password !== '' || parsed.hash !== '') {
    throw new Error(`'url' must begin with 'https://' and hold no user, password or fragment, got '${url.replace(/\/\/[^/]*@/, '//***@')}'`);
  }
  if (parsed.port !== '' && BLOCKED_PORTS.has(Number(parsed.port))) {
    throw new Error(`'url' must have a port that fetch connects to, got ${parsed.port}, which the Fetch standard blocks; use 443 or another one`);
  }
}

/** What the function itself decides, or what belongs into a secret. */
const OWN_HEADERS = /^(authorization|content-length|content-encoding|content-type|host|idempotency-key|connection|transfer-encoding)$/i;

function checkHeader(name: string, value: string): void {
  checkPattern('headers', name, /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'HTTP header names');
  if (OWN_HEADERS.test(name)) throw new Error(`'headers' must not set what the function sets, got '${name}'; a secret goes into 'authorization'`);
  checkPattern('headers', value, /^[\t\x20-\x7e]*$/, 'printable ASCII');
}
