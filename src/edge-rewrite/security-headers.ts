import { Duration } from 'aws-cdk-lib';
import { HeadersFrameOption, HeadersReferrerPolicy } from 'aws-cdk-lib/aws-cloudfront';
import { checkKnown } from './known';

/** Which security headers responses carry. An empty text leaves a header out. */
export interface SecurityHeadersOptions {
  /**
   * Content-Security-Policy.
   * @default - as in the preset
   */
  readonly contentSecurityPolicy?: string;
  /**
   * How long browsers must use HTTPS; zero leaves the header out.
   * @default - as in the preset
   */
  readonly strictTransportSecurity?: Duration;
  /**
   * Whether that holds for subdomains.
   * @default - as in the preset
   */
  readonly includeSubdomains?: boolean;
  /**
   * Whether browsers may put the domain on their preload lists.
   * @default - as in the preset
   */
  readonly preload?: boolean;
  /**
   * X-Content-Type-Options: nosniff.
   * @default - as in the preset
   */
  readonly contentTypeOptions?: boolean;
  /**
   * X-Frame-Options.
   * @default - as in the preset
   */
  readonly frameOptions?: HeadersFrameOption;
  /**
   * Referrer-Policy.
   * @default - as in the preset
   */
  readonly referrerPolicy?: HeadersReferrerPolicy;
  /**
   * Permissions-Policy.
   * @default - as in the preset
   */
  readonly permissionsPolicy?: string;
  /**
   * Cross-Origin-Opener-Policy.
   * @default - as in the preset
   */
  readonly crossOriginOpenerPolicy?: string;
  /**
   * Cross-Origin-Resource-Policy.
   * @default - as in the preset
   */
  readonly crossOriginResourcePolicy?: string;
}

/** Security headers of all responses, also of errors, by a response headers policy: no function runs for them. */
export class SecurityHeaders {
  /** What no site should be without, and hardly any breaks by. */
  public static readonly BASIC = new SecurityHeaders({
    strictTransportSecurity: Duration.days(365),
    contentTypeOptions: true,
    frameOptions: HeadersFrameOption.SAMEORIGIN,
    referrerPolicy: HeadersReferrerPolicy.STRICT_ORIGIN_WHEN_CROSS_ORIGIN,
  });

  /** For sites that load nothing from elsewhere and are in no frame. */
  public static readonly STRICT = new SecurityHeaders({
    contentSecurityPolicy: "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; upgrade-insecure-requests",
    strictTransportSecurity: Duration.days(730),
    includeSubdomains: true,
    contentTypeOptions: true,
    frameOptions: HeadersFrameOption.DENY,
    referrerPolicy: HeadersReferrerPolicy.STRICT_ORIGIN_WHEN_CROSS_ORIGIN,
    permissionsPolicy: 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    crossOriginOpenerPolicy: 'same-origin',
    crossOriginResourcePolicy: 'same-origin',
  });

  /** Only those given. */
  public static of(options: SecurityHeadersOptions): SecurityHeaders {
    return new SecurityHeaders(options);
  }

  private constructor(
    /** @internal */
    public readonly _options: SecurityHeadersOptions,
  ) {
    const { contentSecurityPolicy, permissionsPolicy, crossOriginOpenerPolicy, crossOriginResourcePolicy } = _options;
    checkKnown('securityHeaders', contentSecurityPolicy, permissionsPolicy, crossOriginOpenerPolicy, crossOriginResourcePolicy);
  }

  /** These, with some replaced. */
  public changing(options: SecurityHeadersOptions): SecurityHeaders {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    return new SecurityHeaders({ ...this._options, ...given });
  }
}
