import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { type Golden, type Objects, goldenOf, runBoth } from './golden/run-asset';
import { ensureKit } from '../kit/setup';

/** One pinned sharp version gives these bytes. After an update: `npx tsx test/image-resize-pipeline/golden/update.ts`. */
const expected = JSON.parse(readFileSync(join(__dirname, 'golden/outputs.json'), 'utf8')) as Golden;

let x64: Objects;
let arm64: Objects;

beforeAll(async () => {
  ensureKit();
  [x64, arm64] = await runBoth();
}, 600_000);

test('every output has its golden SHA-256, the same on x64 and emulated arm64 where that is promised', () => {
  expect(goldenOf(x64, arm64)).toEqual(expected);
});

test('plain JPEG, WebP, PNG and animations never differ between the architectures', () => {
  const formats = (hashes: Record<string, string>) => new Set(Object.keys(hashes).map((key) => key.slice(key.lastIndexOf('.') + 1)));
  expect(formats(expected.both)).toEqual(new Set(['webp', 'jpg', 'png', 'avif', 'mozjpg']));
  expect(formats(expected.x64)).toEqual(new Set(['avif', 'mozjpg']));
});

test('where bytes differ, it is the same picture at the same size', async () => {
  for (const key of Object.keys(expected.x64)) {
    const [a, b] = await Promise.all([x64, arm64].map((objects) => sharp(objects[key]).raw().toBuffer({ resolveWithObject: true })));
    expect(b.info).toEqual(a.info);
    expect(decibels(a.data, b.data)).toBeGreaterThan(36);
    expect(Math.abs(arm64[key].length / x64[key].length - 1)).toBeLessThan(0.02);
  }
});

function decibels(a: Buffer, b: Buffer): number {
  const squares = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / a.length));
}
