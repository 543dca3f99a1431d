import type { LambdaFunctionURLEvent } from 'aws-lambda';
import fc from 'fast-check';
import type { Manifest, Recipe, Variant } from '../../src/image-resize-pipeline/contract';
import { Keys } from '../../src/image-resize-pipeline/handlers/keys';
import { answer, MAX_BODY_BYTES, NOT_FOUND, parseRequest, sent } from '../../src/image-resize-pipeline/handlers/serve';
import { seedFromEnv } from '../kit/faults';

const SEED = seedFromEnv(20261121);
const RECIPE = {
  presets: [{ name: 's', fit: 'width', width: 200 }, { name: 'l', fit: 'width', width: 1000 }], formats: [{ format: 'webp', extension: 'webp' }], suffixes: ['.jpg'],
} as unknown as Recipe;
const KEYS = new Keys({ sourcePrefix: 'in/', destinationPrefix: 'img/', quarantinePrefix: '' }, RECIPE);

function request(rawPath: string, method = 'GET') {
  return parseRequest({ rawPath, requestContext: { http: { method } } } as LambdaFunctionURLEvent, KEYS);
}

describe('requests', () => {
  test.each<[string, string[]]>([
    ['/img/a.jpg/s.webp', ['a.jpg']],
    ['/img/a%20b.jpg/l.webp', ['a b.jpg', 'a%20b.jpg']],
    ['/img/a+b.jpg/s.webp', ['a+b.jpg']],
    ['/img/100%25.jpg/s.webp', ['100%.jpg', '100%25.jpg']],
    ['/img/100%.jpg/s.webp', ['100%.jpg']],
    ['/img//evil.example/a.jpg/s.webp', ['/evil.example/a.jpg']],
  ])('%s names %j', (path, relatives) => {
    expect(request(path)).toMatchObject({ kind: 'variants', names: relatives.map((relative) => ({ relative, extension: 'webp' })) });
    expect(request(path, 'HEAD').kind).toBe('variants');
  });

  test.each([
    '/', '', '/img/', '/img/a.jpg', '/img/a.jpg/', '/img/a.jpg/xl.webp', '/img/a.jpg/s.jpg', '/img/a.jpg/manifest.json', '/other/a.jpg/s.webp', '/img/s.webp',
    '/img/../a.jpg/s.webp', '/img/%2e%2e/a.jpg/s.webp', '/img/a.txt/s.webp', '/img/a%00.jpg/s.webp', '/img/a.jpg/s.webp%00', '/img/a.jpg/S.webp',
  ])('%s is not found, without any work', (path) => {
    expect(request(path)).toEqual({ kind: 'refused', response: NOT_FOUND });
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'get'])('%s is not allowed', (method) => {
    expect(request('/img/a.jpg/s.webp', method)).toMatchObject({ kind: 'refused', response: { statusCode: 405, headers: { allow: 'GET, HEAD' } } });
  });

  test(`whatever the path, only declared variants of acceptable originals come through (seed ${SEED})`, () => {
    const part = fc.oneof(fc.constantFrom('img', 'a.jpg', 's.webp', 'l.webp', 'xl.webp', '..', '%2e%2e', '%2F', '%', ''), fc.webSegment(), fc.string());
    fc.assert(fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const result = request(`/${parts.join('/')}`);
      if (result.kind === 'variants') {
        for (const { relative, preset, extension } of result.names) {
          expect([['s', 'l'].includes(preset), extension, KEYS.judge(`in/${relative}`).kind]).toEqual([true, 'webp', 'accepted']);
        }
      }
    }), { seed: SEED, numRuns: 500 });
  });
});

describe('answers', () => {
  const variant = (preset: string, bytes = 10): Variant => (
    { preset, format: 'webp', key: `img/a.jpg/${preset}.webp`, width: 1, height: 1, bytes, etag: 'e', contentType: 'image/webp' });
  const manifest = (change: Partial<Manifest> = {}): Manifest => ({
    version: 1,
    state: 'ready',
    source: { key: 'in/a.jpg', etag: 'e', bytes: 1, width: 1000, height: 1000 },
    recipe: 'r',
    variants: [variant('s'), variant('l')],
    ...change,
  });
  const name = { relative: 'a.jpg', preset: 'l', extension: 'webp' };
  const redirect = (location: string) => ({ kind: 'response', response: { statusCode: 302, headers: { location, 'cache-control': 'no-store' } } });
  const notFound = { kind: 'response', response: NOT_FOUND };

  test.each<[string, Manifest | undefined, unknown]>([
    ['a variant is sent', manifest(), { kind: 'send', variant: variant('l') }],
    ['a large one is redirected to itself', manifest({ variants: [variant('l', MAX_BODY_BYTES)] }), redirect('./l.webp')],
    ['one made under another name is redirected to it', manifest({ source: { key: 'k', etag: 'e', bytes: 1, width: 100, height: 100 }, variants: [variant('s')] }),
      redirect('./s.webp')],
    ['one that was never made is not found', manifest({ variants: [] }), notFound],
    ['one of a picture of unknown width neither', manifest({ variants: [], source: { key: 'k', etag: 'e', bytes: 1, height: 1 } }), notFound],
    ['one of a picture of unknown height neither', manifest({ variants: [], source: { key: 'k', etag: 'e', bytes: 1, width: 1 } }), notFound],
    ['one of a refused original neither', manifest({ state: 'rejected' }), notFound],
    ['one of no original neither', undefined, notFound],
  ])('%s', (_name, of, expected) => {
    expect(answer(name, of, RECIPE)).toEqual(expected);
  });

  test('with and without a body', () => {
    expect(sent(variant('s'), Buffer.from([0xff]), 'max-age=1')).toEqual({
      statusCode: 200, headers: { 'content-type': 'image/webp', 'etag': '"e"', 'cache-control': 'max-age=1' }, body: '/w==', isBase64Encoded: true,
    });
    expect(sent(variant('s'), undefined, '')).toEqual({ statusCode: 200, headers: { 'content-type': 'image/webp', 'etag': '"e"' } });
  });

  test('the largest body fits a buffered answer', () => {
    expect(4 * Math.ceil(MAX_BODY_BYTES / 3)).toBeLessThan(6 * 1024 * 1024 - 10_000);
  });
});
