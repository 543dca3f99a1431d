import { Duration } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { ConstantHeader } from './compiler/model';
import { SecurityHeaders, SecurityHeadersOptions } from './security-headers';

/** Headers every response carries, as a policy has them: CloudFront takes six of them in fields of their own only. */
export function responseHeaders(constant: readonly ConstantHeader[]): cloudfront.ResponseHeadersPolicyProps | undefined {
  const security: cloudfront.ResponseSecurityHeadersBehavior = {};
  const custom: { name: string; value: string }[] = [];
  const removed: string[] = [];
  for (const { name, value } of constant) {
    const key = name.toLowerCase();
    if (value === undefined) removed.push(name);
    else if (key in SECURITY_FIELDS) Object.assign(security, SECURITY_FIELDS[key](value));
    else custom.push({ name, value });
  }
  if (constant.length === 0) return undefined;
  const customHeaders = custom.map(({ name, value }) => ({ header: name, value, override: true }));
  return {
    ...(Object.keys(security).length > 0 ? { securityHeadersBehavior: security } : {}),
    ...(custom.length > 0 ? { customHeadersBehavior: { customHeaders } } : {}),
    ...(removed.length > 0 ? { removeHeaders: removed } : {}),
  };
}

/** Of a preset; what rules say wins. */
export function presetHeaders(preset?: SecurityHeaders): ConstantHeader[] {
  const options: SecurityHeadersOptions = preset?._options ?? {};
  const seconds = options.strictTransportSecurity?.toSeconds() ?? 0;
  const flags = `${options.includeSubdomains ? '; includeSubDomains' : ''}${options.preload ? '; preload' : ''}`;
  return [
    { name: 'Content-Security-Policy', value: options.contentSecurityPolicy ?? '' },
    { name: 'Strict-Transport-Security', value: seconds > 0 ? `max-age=${seconds}${flags}` : '' },
    { name: 'X-Content-Type-Options', value: options.contentTypeOptions ? 'nosniff' : '' },
    { name: 'X-Frame-Options', value: options.frameOptions ?? '' },
    { name: 'Referrer-Policy', value: options.referrerPolicy ?? '' },
    { name: 'Permissions-Policy', value: options.permissionsPolicy ?? '' },
    { name: 'Cross-Origin-Opener-Policy', value: options.crossOriginOpenerPolicy ?? '' },
    { name: 'Cross-Origin-Resource-Policy', value: options.crossOriginResourcePolicy ?? '' },
  ].filter(({ value }) => value !== '');
}

const SECURITY_FIELDS: Record<string, (value: string) => cloudfront.ResponseSecurityHeadersBehavior> = {
  'content-security-policy': (value) => ({ contentSecurityPolicy: { contentSecurityPolicy: value, override: true } }),
  'strict-transport-security': (value) => {
    const parts = value.toLowerCase().split(';').map((part) => part.trim()).filter((part) => part !== '');
    const [, age] = /^max-age="?(\d+)"?$/.exec(parts.find((part) => part.startsWith('max-age')) ?? '') ?? [];
    const flags = parts.filter((part) => !part.startsWith('max-age'));
    if (age === undefined || flags.some((flag) => flag !== 'includesubdomains' && flag !== 'preload')) throw unfit('Strict-Transport-Security', "'max-age=<seconds>', 'includeSubDomains' and 'preload'", value);
    return {
      strictTransportSecurity: {
        accessControlMaxAge: Duration.seconds(Number(age)),
        includeSubdomains: flags.includes('includesubdomains'),
        preload: flags.includes('preload'),
        override: true,
      },
    };
  },
  'x-content-type-options': (value) => {
    if (value.trim().toLowerCase() !== 'nosniff') throw unfit('X-Content-Type-Options', "'nosniff'", value);
    return { contentTypeOptions: { override: true } };
  },
  'x-frame-options': (value) => {
    const frameOption = Object.values(cloudfront.HeadersFrameOption).find((option) => option === value.trim().toUpperCase());
    if (!frameOption) throw unfit('X-Frame-Options', "'DENY' or 'SAMEORIGIN'", value);
    return { frameOptions: { frameOption, override: true } };
  },
  'referrer-policy': (value) => {
    const referrerPolicy = Object.values(cloudfront.HeadersReferrerPolicy).find((policy) => policy === value.trim().toLowerCase());
    if (!referrerPolicy) throw unfit('Referrer-Policy', `one of ${Object.values(cloudfront.HeadersReferrerPolicy).join(', ')}`, value);
    return { referrerPolicy: { referrerPolicy, override: true } };
  },
  'x-xss-protection': (value) => {
    const [, protection, mode, reportUri] = /^([01])(;\s*mode=block)?(?:;\s*report=(\S+))?$/i.exec(value.trim()) ?? [];
    if (protection === undefined || (mode && reportUri)) throw unfit('X-XSS-Protection', "'0', '1', '1; mode=block' or '1; report=<url>'", value);
    return { xssProtection: { protection: protection === '1', ...(mode ? { modeBlock: true } : {}), ...(reportUri ? { reportUri } : {}), override: true } };
  },
};

function unfit(name: string, allowed: string, value: string): Error {
  return new Error(`header '${name}' of all responses must be ${allowed}, got '${value}'`);
}
