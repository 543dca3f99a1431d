import type { LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';
import type { Manifest, Recipe, Variant } from '../contract';
import { type Keys, pathCandidates, type VariantName } from './keys';
import { planTargets } from './plan';

/** Bytes a buffered answer of 6 MB takes after base64. */
export const MAX_BODY_BYTES = 4_500_000;

export type Request =
  | { readonly kind: 'refused'; readonly response: LambdaFunctionURLResult }
  /** Readings of the path, the likelier one first. */
  | { readonly kind: 'variants'; readonly names: readonly VariantName[] };

/** Only declared presets and formats of acceptable originals cause any work. */
export function parseRequest(event: Pick<LambdaFunctionURLEvent, 'rawPath' | 'requestContext'>, keys: Keys): Request {
  const { method } = event.requestContext.http;
  if (method !== 'GET' && method !== 'HEAD') {
    return { kind: 'refused', response: { statusCode: 405, headers: { 'allow': 'GET, HEAD', 'cache-control': 'no-store' } } };
  }
  const names = pathCandidates(event.rawPath.slice(1)).map((key) => keys.parseVariant(key)).filter((name) => name !== undefined);
  const verdicts = names.map(({ relative }) => keys.judge(keys.source(relative)).kind);
  // One bad reading is enough: nobody honest asks for `%2e%2e`.
  return names.length === 0 || verdicts.some((kind) => kind !== 'accepted')
    ? { kind: 'refused', response: NOT_FOUND }
    : { kind: 'variants', names };
}

export type Answer =
  | { readonly kind: 'response'; readonly response: LambdaFunctionURLResult }
  | { readonly kind: 'send'; readonly variant: Variant };

/** What to answer once the original is reconciled. */
export function answer({ preset, extension }: VariantName, manifest: Manifest | undefined, recipe: Recipe): Answer {
  if (manifest?.state !== 'ready') {
    return { kind: 'response', response: NOT_FOUND };
  }
  const name = `${preset}.${extension}`;
  const variant = manifest.variants.find(({ key }) => key.endsWith(`/${name}`));
  if (variant === undefined) {
    // Made once under another preset's name: the picture is smaller than both.
    const { width, height } = manifest.source;
    const twin = width === undefined || height === undefined ? undefined
      : planTargets({ width, height }, recipe.presets).find(({ aliases }) => aliases.includes(preset));
    return { kind: 'response', response: twin === undefined ? NOT_FOUND : redirect(`${twin.preset.name}.${extension}`) };
  }
  return variant.bytes < MAX_BODY_BYTES
    ? { kind: 'send', variant }
    : { kind: 'response', response: redirect(name) };
}

export function sent(variant: Variant, body: Buffer | undefined, cacheControl: string): LambdaFunctionURLResult {
  return {
    statusCode: 200,
    headers: {
      'content-type': variant.contentType,
      'etag': `"${variant.etag}"`,
      ...(cacheControl === '' ? {} : { 'cache-control': cacheControl }),
    },
    ...(body === undefined ? {} : { body: body.toString('base64'), isBase64Encoded: true }),
  };
}

export const NOT_FOUND: LambdaFunctionURLResult = { statusCode: 404, headers: { 'cache-control': 'no-store' } };
/** Another worker is at it. */
export const BUSY: LambdaFunctionURLResult = { statusCode: 503, headers: { 'cache-control': 'no-store', 'retry-after': '1' } };

/** To a sibling, now stored: relative, so it can lead nowhere else, whatever the path looks like. */
function redirect(name: string): LambdaFunctionURLResult {
  return { statusCode: 302, headers: { 'location': `./${name}`, 'cache-control': 'no-store' } };
}
