import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ASSETS, type Objects, RECIPE, type Run, runAsset } from './golden/run-asset';
import type { RecipeFormat } from '../../src/image-resize-pipeline/contract';
import { MemoryGroup } from '../kit/memory-group';
import { NODE, ensureKit } from '../kit/setup';

/** Flat grey of 16,383 pixels a side; to decode one takes 0.9 to 4.7 GB. */
const BOMBS = read((name) => name.startsWith('16383.'));
/** The largest AVIF the formula admits at 512 MB. */
const LARGEST = read((name) => name === '4000.avif.gz');
const FORMATS: RecipeFormat[] = [{ format: 'webp', extension: 'webp' }, { format: 'jpeg', extension: 'jpg', mozjpeg: true }];

beforeAll(ensureKit);

test.each([512, 1024, 1769])('at %i MB every bomb is refused by its pixels, without being decoded', async (memoryMb) => {
  const { results, peakMb } = await runLimited(BOMBS, memoryMb, 100_000_000);
  expect(results).toEqual(Object.fromEntries(Object.keys(BOMBS).map((name) => [name, 'TOO_MANY_PIXELS'])));
  expect(peakMb).toBeLessThan(200);
});

test.each([512, 1024])('at %i MB, where so many pixels are allowed, every bomb is refused by its memory', async (memoryMb) => {
  const { results, peakMb } = await runLimited(BOMBS, memoryMb, 1_000_000_000);
  expect(new Set(Object.values(results))).toEqual(new Set(['EXCEEDS_MEMORY']));
  expect(peakMb).toBeLessThan(200);
});

test('the largest picture that is let in at 512 MB gets through with 512 MB', async () => {
  const { results, peakMb } = await runLimited(LARGEST, 512, 100_000_000);
  expect(Object.values(results)).toEqual(['processed']);
  expect(peakMb).toBeGreaterThan(200);
  expect(peakMb).toBeLessThan(512);
}, 60_000);

/** Under a limit of the kernel where the machine lets us set one; the peak is checked in either case. */
async function runLimited(originals: Objects, memoryMb: number, maxPixels: number): Promise<Run> {
  const recipe = { ...RECIPE, presets: [{ name: 'desktop', fit: 'width' as const, width: 1600 }], formats: FORMATS, maxPixels };
  const group = MemoryGroup.available() ? new MemoryGroup(memoryMb) : undefined;
  const node = [NODE['nodejs24.x']];
  try {
    return await runAsset(group?.wrap(node) ?? node, join(ASSETS, 'x64'), originals, { recipe, memoryMb });
  } finally {
    group?.remove();
  }
}

function read(wanted: (name: string) => boolean): Objects {
  const directory = join(__dirname, 'golden/bombs');
  return Object.fromEntries(readdirSync(directory).filter(wanted).sort()
    .map((name) => [name.replace(/\.gz$/, ''), gunzipSync(readFileSync(join(directory, name)))]));
}
