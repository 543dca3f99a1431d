import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { scene } from './scenes';

const CACHE = join(__dirname, '../.cache/bench/inputs');

export interface Input {
  readonly name: string;
  readonly file: string;
  readonly megapixels: number;
}

/** Every encoding a picture may arrive in, of the same pixels. */
export const ENCODINGS: Readonly<Record<string, (pixels: Sharp) => Sharp>> = {
  'jpeg': (pixels) => pixels.jpeg({ quality: 92 }),
  'jpeg 4:4:4': (pixels) => pixels.jpeg({ quality: 92, chromaSubsampling: '4:4:4' }),
  'progressive jpeg': (pixels) => pixels.jpeg({ quality: 92, progressive: true }),
  'progressive jpeg 4:4:4': (pixels) => pixels.jpeg({ quality: 92, progressive: true, chromaSubsampling: '4:4:4' }),
  'png': (pixels) => pixels.png({ compressionLevel: 3 }),
  'interlaced png': (pixels) => pixels.png({ compressionLevel: 3, progressive: true }),
  'webp': (pixels) => pixels.webp({ quality: 75, effort: 2 }),
  'tiff': (pixels) => pixels.tiff({ compression: 'lzw' }),
  'avif': (pixels) => pixels.avif({ quality: 60, effort: 0, chromaSubsampling: '4:2:0' }),
  'gif': (pixels) => pixels.gif({ effort: 1, dither: 0 }),
};

/** A scene of this size in this encoding; made once, then read from `.cache/bench`. */
export async function input(encoding: string, width: number, height: number, seed: number): Promise<Input> {
  const name = `${encoding} ${width}x${height} scene ${seed}`;
  const file = join(CACHE, name.replace(/[^a-z0-9]+/gi, '-'));
  if (!existsSync(file)) {
    const { pixels } = scene(width, height, seed);
    await store(file, ENCODINGS[encoding](sharp(pixels, { raw: { width, height, channels: 3 }, limitInputPixels: false })));
  }
  return { name, file, megapixels: width * height / 1e6 };
}

/** Flat grey: a few kilobytes that ask a decoder for gigabytes. Making a large one takes as much, once. */
export async function flat(encoding: string, side: number): Promise<Input> {
  const name = `${encoding} ${side}x${side} grey`;
  const file = join(CACHE, name.replace(/[^a-z0-9]+/gi, '-'));
  if (!existsSync(file)) {
    const grey = sharp({ create: { width: side, height: side, channels: 3, background: '#808080' }, limitInputPixels: false });
    await store(file, ENCODINGS[encoding](grey));
  }
  return { name, file, megapixels: side * side / 1e6 };
}

/** The largest pictures these formats have in common; one after the other, for the sake of the machine that makes them. */
export async function bombs(): Promise<Input[]> {
  const made: Input[] = [];
  for (const encoding of ['avif', 'progressive jpeg', 'progressive jpeg 4:4:4', 'gif', 'interlaced png']) {
    made.push(await flat(encoding, 16_383));
  }
  return made;
}

async function store(file: string, image: Sharp): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(`${file}.part`, await image.toBuffer());
  renameSync(`${file}.part`, file);
}
