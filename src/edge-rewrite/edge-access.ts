import { bitsOf } from './compiler/access';
import { AccessCheck, AccessRule } from './compiler/model';
import { EdgeSecret } from './edge-secret';
import { checkKnown } from './known';

/** Options of a protection by user and password. */
export interface EdgeBasicOptions {
  /**
   * Random text the digests are made with: 16 to 64 letters, digits, '-' and '_'. It is no secret, but another one for
   * each list of users keeps tables of known passwords useless.
   */
  readonly salt: string;
  /**
   * One digest for each user: HMAC-SHA256 of `user:password` under the salt, as 64 hexadecimal digits, as
   * `printf %s "$USER:$PASSWORD" | openssl dgst -sha256 -hmac "$SALT"` prints it. Digests are fast to compute, so passwords
   * must be long and random: make them with `openssl rand -base64 24`.
   */
  readonly digests: string[];
  /**
   * What browsers call the place the password is for: printable ASCII except quotes, backslashes, '^', '`' and '}'.
   * @default 'Protected'
   */
  readonly realm?: string;
}

/** Options of a protection by token, a JWT signed with HS256. */
export interface EdgeTokenOptions {
  /** The key of the issuer, or two while one takes over from the other. */
  readonly keys: EdgeSecret[];
  /**
   * Name of the cookie that holds the token.
   * @default - the token is in the header `Authorization: Bearer`
   */
  readonly cookie?: string;
  /**
   * What the claim `iss` must be.
   * @default - any
   */
  readonly issuer?: string;
  /**
   * What the claim `aud` must be, or have among others.
   * @default - any
   */
  readonly audience?: string;
}

/** Options of a protection by signed links. */
export interface EdgeLinkOptions {
  /** The key links are signed with, or two while one takes over from the other. */
  readonly keys: EdgeSecret[];
}

/**
 * Who may see a path and everything beneath it, in whatever way the path is written. All rules that cover a path must let
 * the request through, before any rewrite rule is looked at; where one serves another path, they must for that as well.
 * Paths have letters, digits and `-._~!$&'()+,=@`; a `/*` at the end makes no difference.
 *
 * @example
 * new EdgeRewrite(this, 'Edge', {
 *   access: [
 *     EdgeAccess.basic('/admin/*', {
 *       salt: 'pW2tq6ZyHn4cXf9K',
 *       digests: ['6d1a1ba0f2ad2e2ba5e3ed2b0bd38a6ad43ec0d2fa3cd7f1d61a1c7be9a3ef0c'],
 *     }),
 *     EdgeAccess.allowAddresses('/admin/*', '192.0.2.0/24', '2001:db8::/32'),
 *   ],
 * });
 */
export class EdgeAccess {
  /** Asks for user and password, and answers 401 to whoever has none. */
  public static basic(path: string, options: EdgeBasicOptions): EdgeAccess {
    const { salt, digests, realm = 'Protected' } = options;
    checkKnown('salt', salt);
    checkKnown('digests', ...digests);
    checkKnown('realm', realm);
    if (!/^[\w-]{16,64}$/.test(salt)) throw new Error(`'salt' must be 16 to 64 letters, digits, '-' and '_', got ${salt.length} characters`);
    if (digests.length === 0) throw new Error("'digests' must have at least one, got none");
    const wrong = digests.findIndex((digest) => !/^[\da-f]{64}$/i.test(digest));
    // It may be the password itself: it is not shown.
    if (wrong >= 0) throw new Error(`'digests' must be 64 hexadecimal digits each, got another text at position ${wrong + 1}`);
    if (!/^[ !#-[\]_a-|~]{1,100}$/.test(realm)) throw new Error(`'realm' must be 1 to 100 printable ASCII characters except quotes, '\\', '^', '\`' and '}', got '${realm}'`);
    return new EdgeAccess('basic', path, () => ({ kind: 'basic', salt, realm, digests: digests.map((digest) => digest.toLowerCase()) }));
  }

  /**
   * Asks for a JWT signed with HS256 whose `exp` is in the future and `nbf`, if there is one, is not, and answers 401 to
   * whoever has none.
   */
  public static token(path: string, options: EdgeTokenOptions): EdgeAccess {
    const { keys, cookie, issuer, audience } = options;
    checkKeys(keys);
    for (const [name, value] of Object.entries({ cookie, issuer, audience })) {
      checkKnown(name, value);
      if (value !== undefined && !/^[!-\]_a-|~]{1,200}$/.test(value)) throw new Error(`'${name}' must be 1 to 200 printable ASCII characters except space, '^', '\`' and '}', got '${value}'`);
    }
    if (cookie !== undefined && !/^[\w.-]+$/.test(cookie)) throw new Error(`'cookie' must be letters, digits, '.', '-' and '_', got '${cookie}'`);
    return new EdgeAccess('token', path, () => ({ kind: 'token', keys: keys.map((key) => key._read()), cookie, issuer, audience }));
  }

  /**
   * Asks for a signature in the link, and answers 403 to whoever has none: `?exp=<time>&sig=<signature>`, where the time is
   * in seconds since 1970 and the signature HMAC-SHA256 of `<path>?exp=<time>` in hexadecimal, with the path as it stands
   * in the link: `printf %s "/private/a.pdf?exp=$TIME" | openssl dgst -sha256 -hmac "$KEY"`. Other query parameters are not
   * signed.
   */
  public static signedLink(path: string, options: EdgeLinkOptions): EdgeAccess {
    const { keys } = options;
    checkKeys(keys);
    return new EdgeAccess('signedLink', path, () => ({ kind: 'link', keys: keys.map((key) => key._read()) }));
  }

  /** Lets only visitors from these networks through (`192.0.2.0/24`, `2001:db8::/32`, `192.0.2.7`); others get 403. */
  public static allowAddresses(path: string, ...networks: string[]): EdgeAccess {
    return EdgeAccess.ofNetworks('allowAddresses', path, networks, false);
  }

  /** Lets no visitors from these networks through: they get 403. */
  public static blockAddresses(path: string, ...networks: string[]): EdgeAccess {
    return EdgeAccess.ofNetworks('blockAddresses', path, networks, true);
  }

  /** Lets only visitors from these countries through, by ISO 3166-1 (`DE`); others, and those from nowhere, get 403. */
  public static allowCountries(path: string, ...codes: string[]): EdgeAccess {
    return EdgeAccess.ofCountries('allowCountries', path, codes, false);
  }

  /** Lets no visitors from these countries through: they, and those whose country CloudFront does not know, get 403. */
  public static blockCountries(path: string, ...codes: string[]): EdgeAccess {
    return EdgeAccess.ofCountries('blockCountries', path, codes, true);
  }

  private static ofNetworks(name: string, path: string, networks: string[], block: boolean): EdgeAccess {
    checkKnown('networks', ...networks);
    if (networks.length === 0) throw new Error("'networks' must have at least one, got none");
    networks.forEach(bitsOf);
    return new EdgeAccess(name, path, () => ({ kind: 'addresses', networks, block }));
  }

  private static ofCountries(name: string, path: string, codes: string[], block: boolean): EdgeAccess {
    checkKnown('codes', ...codes);
    if (codes.length === 0) throw new Error("'codes' must have at least one, got none");
    const wrong = codes.find((code) => !/^[a-z]{2}$/i.test(code));
    if (wrong !== undefined) throw new Error(`'codes' must be two letters each, got '${wrong}'`);
    return new EdgeAccess(name, path, () => ({ kind: 'countries', codes: codes.map((code) => code.toUpperCase()), block }));
  }

  private readonly path: string;

  private constructor(private readonly name: string, private readonly written: string, private readonly check: () => AccessCheck) {
    checkKnown('path', written);
    this.path = protectedPath(written);
  }

  /** @internal */
  public _at(file: string, line: number): AccessRule {
    return { source: { file, line, text: `${this.name} ${this.written}` }, path: this.path, check: this.check() };
  }
}

/** Only what is written in one way, so that a request for it can be told from any other. */
function protectedPath(written: string): string {
  const path = written.replace(/\/\*?$/, '');
  if (!written.startsWith('/') || !/^(\/[\w.~!$&'()+,=@-]*[\w~!$&'()+,=@-])*$/.test(path)) {
    throw new Error(`a protected path must start with '/' and have segments of letters, digits and -._~!$&'()+,=@ that do not end in a dot, got '${written}'; protect the path above it`);
  }
  return path.toLowerCase();
}

function checkKeys(keys: EdgeSecret[]): void {
  if (keys.length < 1 || keys.length > 2) throw new Error(`'keys' must be one, or two while one takes over from the other, got ${keys.length}`);
}
