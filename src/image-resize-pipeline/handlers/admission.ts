import type { FailureReason, Recipe, Rejection } from '../contract';
import type { Size } from './plan';

/** An original that is refused for good, and why; the detail holds the numbers. */
export class Refusal extends Error {
  public override readonly name = 'Refusal';

  constructor(public readonly reason: FailureReason, public readonly detail: string) {
    super(`${reason}: ${detail}`);
  }

  public get rejection(): Rejection {
    return { reason: this.reason, detail: this.detail };
  }
}

/** What an image says about itself before a pixel is decoded. */
export interface ImageFacts {
  readonly format: 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | 'tiff' | 'svg';
  /** Of one frame, as seen after orientation. */
  readonly width: number;
  readonly height: number;
  /** 1 unless animated. */
  readonly frames: number;
  readonly bytes: number;
  /** Progressive JPEG, interlaced PNG. */
  readonly progressive: boolean;
  /** JPEG only. */
  readonly subsampling?: string;
  /** WebP only. */
  readonly lossless?: boolean;
}

/** What will be made of it, as far as memory is concerned. */
export interface Output {
  /** The first step of the cascade. */
  readonly frame: Size;
  readonly formats: Recipe['formats'];
}

/** Node, the SDK and libvips at work on a small picture. All these figures: the bench's memory section. */
const BASE_MB = 120;
/** Bytes held per byte of the file: the download's pieces, then the whole of them. */
const FILE_BYTES = 2;
/** Share of the function's memory an image may take. */
const USABLE = 0.85;
/** Bytes an AVIF encoder holds per output pixel (derived from three sizes). */
const AVIF_ENCODER_BYTES = 46;
/** Bytes of a raw step per pixel: three or four channels, the step before it and the one in the making. */
const RAW_BYTES = 8;
/**
 * WebP is scaled while it is decoded, to this many times the frame; libwebp shrinks coarsely, so Lanczos needs some
 * pixels more than it makes.
 */
const WEBP_MARGIN = 1.5;
/** Bytes of a decoded WebP per pixel: libwebp's own picture and libvips' copy. */
const WEBP_BYTES = 7.3;

/**
 * Refuses what would not fit, before pixels are decoded.
 *
 * @throws {@link Refusal}
 */
export function admit(facts: ImageFacts, output: Output, recipe: Pick<Recipe, 'maxPixels' | 'maxFrames'>, memoryMb: number): void {
  const pixels = facts.width * facts.height * facts.frames;
  if (facts.frames > recipe.maxFrames) {
    throw new Refusal('TOO_MANY_FRAMES', `${facts.frames} frames, ${recipe.maxFrames} are allowed`);
  }
  if (pixels > recipe.maxPixels) {
    const frames = facts.frames > 1 ? ` in ${facts.frames} frames` : '';
    throw new Refusal('TOO_MANY_PIXELS', `${facts.width} x ${facts.height} pixels${frames}, ${recipe.maxPixels} are allowed`);
  }
  const needed = Math.round(estimateMb(facts, output));
  const usable = Math.floor(USABLE * memoryMb);
  if (needed > usable) {
    throw new Refusal('EXCEEDS_MEMORY', `about ${needed} MB needed, ${usable} of ${memoryMb} MB are usable`);
  }
}

/**
 * @throws {@link Refusal} by the size alone, before anything is downloaded
 */
export function admitBytes(bytes: number, maxBytes: number): void {
  if (bytes === 0) {
    throw new Refusal('EMPTY_FILE', 'the object has 0 bytes');
  }
  if (bytes > maxBytes) {
    throw new Refusal('FILE_TOO_LARGE', `${bytes} bytes, ${maxBytes} are allowed`);
  }
}

/** What a WebP is scaled to while it is decoded, if that is smaller than itself. */
export function scaledWebp({ width, height }: Size): Size {
  return { width: Math.round(width * WEBP_MARGIN), height: Math.round(height * WEBP_MARGIN) };
}

/** Peak memory of the process that makes these variants, in MB. */
export function estimateMb(facts: ImageFacts, { frame, formats }: Output): number {
  const pixels = area(frame);
  const encode = formats.some(({ format }) => format === 'avif') ? pixels * AVIF_ENCODER_BYTES : 0;
  return BASE_MB + (facts.bytes * FILE_BYTES + decoderBytes(facts, frame) + pixels * RAW_BYTES + encode) / 1e6;
}

/** What the decoder holds: next to nothing where it streams, else the whole picture. */
function decoderBytes(facts: ImageFacts, frame: Size): number {
  const { format, progressive, subsampling, frames, lossless } = facts;
  const pixels = area(facts) * frames;
  switch (format) {
    case 'jpeg':
      return pixels * (progressive ? (subsampling === '4:2:0' ? 3 : 6) : 0.2);
    case 'png':
      return pixels * (progressive ? 4.2 : 0.2);
    case 'gif':
      return pixels * 4.5;
    case 'webp':
      return frames > 1 ? pixels * 4.5 : pixels * (lossless ? 4 : 0.4) + Math.min(pixels, area(scaledWebp(frame))) * WEBP_BYTES;
    case 'tiff':
      return pixels * 0.2;
    case 'avif':
      return pixels * 18;
    case 'svg':
      return pixels * 4.5;
  }
}

function area({ width, height }: Size): number {
  return width * height;
}
