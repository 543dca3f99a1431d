import sharp, { type Metadata, type OutputInfo, type Sharp, type SharpOptions } from 'sharp';
import type { Recipe, RecipeFormat, RecipePreset } from '../contract';
import { type ImageFacts, Refusal, scaledWebp } from './admission';
import { readCredits } from './exif';
import type { Size, Step, Target } from './plan';
import type { EncodedVariant, Imaging, Placeholder, ProbedImage, TimeBudget } from './ports';
import { thumbhash } from './thumbhash';

/** libvips' loaders of the formats taken, for buffers only: nothing a picture names can open a file. */
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'].map((name) => `VipsForeignLoad${name}Buffer`);
const SVG_LOADER = 'VipsForeignLoadSvgBuffer';

/** Formats that carry every frame of an animation; the others show the first. */
const ANIMATED = new Set<RecipeFormat['format']>(['webp', 'gif']);
const CONTENT_TYPE: Readonly<Record<RecipeFormat['format'], string>> = {
  jpeg: 'image/jpeg', webp: 'image/webp', avif: 'image/avif', png: 'image/png', gif: 'image/gif',
};
/** AVIF at effort 2 costs a seventh of sharp's default (4) and 10 % more bytes. */
const AVIF_EFFORT = 2;
const WHITE = '#ffffff';
/** Longest side of the picture a placeholder is made of. */
const PLACEHOLDER_SIDE = 100;
/** sharp's own limit. */
const MAX_TIMEOUT_SECONDS = 3600;

/** Pixels between two steps of the cascade. */
interface Pixels {
  readonly data: Buffer;
  /** How to read them: raw, or nothing for the TIFF that carries a colour profile along. */
  readonly raw?: SharpOptions['raw'];
}

/** The only user of sharp. */
export function createImaging(recipe: Recipe, memoryMb: number): Imaging {
  sharp.cache(false);
  // A vCPU per 1,769 MB; more threads than that cost memory and gain nothing.
  sharp.concurrency(Math.max(1, Math.floor(memoryMb / 1769)));
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: recipe.allowSvg ? [...LOADERS, SVG_LOADER] : LOADERS });
  return {
    probe: (input) => probe(input, recipe),
    render: (input, image, steps, deadline, emit) => new Rendering(recipe, input, image, deadline).run(steps, emit),
  };
}

async function probe(input: Buffer, recipe: Recipe): Promise<ProbedImage> {
  // Without a limit here, so that the refusal can name the numbers; nothing is decoded yet.
  const metadata = await sharp(input, { failOn: recipe.tolerance, limitInputPixels: false }).metadata().catch((error: unknown) => {
    throw refusal(error, true);
  });
  const format = formatOf(metadata);
  const frames = format === 'gif' || format === 'webp' ? metadata.pages ?? 1 : 1;
  // Frames of an animation cannot be rotated; no encoder tags them.
  const oriented = frames > 1 ? metadata : metadata.autoOrient;
  const rgb = metadata.space === 'srgb' || metadata.space === 'rgb16';
  return {
    facts: {
      format,
      width: oriented.width,
      height: oriented.height,
      frames,
      bytes: input.length,
      progressive: metadata.isProgressive,
      subsampling: metadata.chromaSubsampling,
      lossless: format === 'webp' && isLosslessWebp(input),
    },
    keepsProfile: recipe.keepIcc && metadata.hasProfile && rgb,
    credits: recipe.keepCopyright && metadata.exif !== undefined ? readCredits(metadata.exif) : {},
  };
}

/** Looks for the bitstream among the chunks of the file. (RFC 9649, section 2.) */
function isLosslessWebp(input: Buffer): boolean {
  for (let at = 12; at + 8 <= input.length;) {
    const chunk = input.toString('latin1', at, at + 4);
    if (chunk === 'VP8L' || chunk === 'VP8 ') {
      return chunk === 'VP8L';
    }
    const size = input.readUInt32LE(at + 4);
    at += 8 + size + size % 2;
  }
  return false;
}

/** AVIF is the one kind of HEIF the prebuilt library decodes. */
function formatOf({ format, compression }: Metadata): ImageFacts['format'] {
  switch (format as string) {
    case 'jpeg':
    case 'png':
    case 'webp':
    case 'gif':
    case 'tiff':
    case 'svg':
      return format as ImageFacts['format'];
    case 'heif':
      if (compression === 'av1') {
        return 'avif';
      }
  }
  throw new Refusal('UNSUPPORTED_FORMAT', `${format}${compression === undefined ? '' : ` (${compression})`} is not taken`);
}

/** One original's way through the cascade. */
class Rendering {
  private readonly animated: boolean;

  constructor(
    private readonly recipe: Recipe,
    private readonly input: Buffer,
    private readonly image: ProbedImage,
    private readonly deadline: TimeBudget,
  ) {
    this.animated = image.facts.frames > 1;
  }

  public async run(steps: readonly Step[], emit: (variant: EncodedVariant) => void): Promise<Placeholder> {
    let pixels: Pixels | undefined;
    for (const step of steps) {
      pixels = await this.resized(pixels, step.frame);
      for (const target of step.targets) {
        const finished = isWhole(target) ? pixels : await this.pixels(shaped(this.open(pixels), step.frame, target));
        for (const format of this.recipe.formats) {
          emit(await this.variant(finished, target, format));
        }
      }
    }
    return this.placeholder(pixels!);
  }

  private async variant(finished: Pixels, target: Target, format: RecipeFormat): Promise<EncodedVariant> {
    // An animation in raw form would hold all its frames: each output is a pipeline of its own.
    const animated = this.animated && ANIMATED.has(format.format);
    const source = animated ? shaped(this.openOriginal(true), undefined, target) : this.open(finished);
    const { data } = await this.finish(this.encoder(source, format, target.preset), animated);
    return {
      preset: target.preset.name,
      format: format.format,
      extension: format.extension,
      contentType: CONTENT_TYPE[format.format],
      ...target.size,
      data,
    };
  }

  /** The original decoded, or the step before it, resized to the frame. */
  private async resized(previous: Pixels | undefined, frame: Size): Promise<Pixels> {
    const source = previous === undefined ? await this.decoding(frame) : this.open(previous);
    return this.pixels(source.resize(frame.width, frame.height, { fit: 'fill', fastShrinkOnLoad: false }), previous === undefined);
  }

  /**
   * Shrinking while decoding is coarser than Lanczos: keep some of it for the resizing. For JPEG sharp keeps a factor of
   * two; for WebP it can only shrink all the way or not at all, which would hold the whole picture in memory.
   */
  private async decoding(frame: Size): Promise<Sharp> {
    const { format, width, height } = this.image.facts;
    const scaled = scaledWebp(frame);
    const shrinks = format === 'webp' && scaled.width < width && scaled.height < height;
    const original = this.openOriginal(false);
    return shrinks ? this.open(await this.pixels(original.resize(scaled.width, scaled.height, { fit: 'fill' }), true)) : original;
  }

  private async pixels(pipeline: Sharp, decodes = false): Promise<Pixels> {
    if (this.image.keepsProfile) {
      return { data: (await this.finish(pipeline.keepIccProfile().tiff({ compression: 'none' }), decodes)).data };
    }
    const { data, info: { width, height, channels } } = await this.finish(pipeline.raw(), decodes);
    return { data, raw: { width, height, channels } };
  }

  private openOriginal(animated: boolean): Sharp {
    const { tolerance, maxPixels } = this.recipe;
    return sharp(this.input, { failOn: tolerance, limitInputPixels: maxPixels, autoOrient: !this.animated, animated });
  }

  private open({ data, raw }: Pixels): Sharp {
    return sharp(data, { raw, limitInputPixels: false });
  }

  private encoder(pipeline: Sharp, format: RecipeFormat, preset: RecipePreset): Sharp {
    if (this.image.keepsProfile) {
      pipeline.keepIccProfile();
    }
    if (Object.keys(this.image.credits).length > 0) {
      pipeline.withExif({ IFD0: { ...this.image.credits } });
    }
    const { quality, effort, lossless, mozjpeg } = format;
    switch (format.format) {
      case 'jpeg':
        return pipeline.flatten({ background: preset.background ?? WHITE }).jpeg({ quality, mozjpeg });
      case 'webp':
        return pipeline.webp({ quality, effort, lossless });
      case 'avif':
        return pipeline.avif({ quality, effort: effort ?? AVIF_EFFORT, lossless });
      case 'png':
        return pipeline.png();
      case 'gif':
        return pipeline.gif({ effort });
    }
  }

  /** From the smallest picture at hand. */
  private async placeholder(pixels: Pixels): Promise<Placeholder> {
    const small = this.open(pixels).resize(PLACEHOLDER_SIDE, PLACEHOLDER_SIDE, { fit: 'inside', withoutEnlargement: true });
    const { data, info: { width, height } } = await this.finish(small.toColourspace('srgb').ensureAlpha().raw());
    const opaque = await this.finish(sharp(data, { raw: { width, height, channels: 4 } }).flatten({ background: WHITE }).raw());
    const { dominant } = await sharp(opaque.data, { raw: { width, height, channels: 3 } }).stats();
    return {
      thumbhash: Buffer.from(thumbhash({ width, height, data })).toString('base64'),
      color: `#${[dominant.r, dominant.g, dominant.b].map((part) => part.toString(16).padStart(2, '0')).join('')}`,
    };
  }

  /**
   * Runs a pipeline within the time and memory there are. Beyond these, only one that decodes the original may fail for
   * the original's sake; any other error is ours and must not refuse the picture.
   */
  private async finish(pipeline: Sharp, decodes = false): Promise<{ data: Buffer; info: OutputInfo }> {
    const seconds = Math.floor(this.deadline.remainingMs() / 1000);
    if (seconds < 1) {
      throw new Refusal('TIME_BUDGET', 'less than a second was left before the next picture');
    }
    try {
      return await pipeline.timeout({ seconds: Math.min(seconds, MAX_TIMEOUT_SECONDS) }).toBuffer({ resolveWithObject: true });
    } catch (error) {
      throw refusal(error, decodes);
    }
  }
}

/** Everything that leads from a step (undefined: the original) to a target's own pixels. */
function shaped(pipeline: Sharp, from: Size | undefined, { frame, shape, size, preset }: Target): Sharp {
  if (shape.kind === 'strategy' && from !== undefined) {
    pipeline.resize(size.width, size.height, { fit: 'cover', position: shape.strategy });
  } else {
    const { width, height } = shape.kind === 'stretch' ? size : frame;
    if (width !== from?.width || height !== from.height) {
      pipeline.resize(width, height, { fit: 'fill', fastShrinkOnLoad: false });
    }
  }
  if (shape.kind === 'crop') {
    pipeline.extract({ left: shape.left, top: shape.top, ...size });
  } else if (shape.kind === 'strategy' && from === undefined) {
    // A strategy would choose for each frame of an animation alone.
    const [left, top] = [frame.width - size.width, frame.height - size.height].map((spare) => Math.floor(spare / 2));
    pipeline.extract({ left, top, ...size });
  } else if (shape.kind === 'pad') {
    const { left, top } = shape;
    const right = size.width - frame.width - left;
    const bottom = size.height - frame.height - top;
    pipeline.extend({ left, top, right, bottom, background: preset.background ?? WHITE });
  }
  return edited(pipeline, preset);
}

function edited(pipeline: Sharp, { blur, sharpen, greyscale }: RecipePreset): Sharp {
  if (greyscale) {
    pipeline.greyscale();
  }
  if (blur !== undefined) {
    pipeline.blur(blur);
  }
  if (sharpen !== undefined) {
    pipeline.sharpen({ sigma: sharpen });
  }
  return pipeline;
}

/** The step's own pixels are the target's. */
function isWhole({ shape, preset }: Target): boolean {
  return shape.kind === 'whole' && preset.blur === undefined && preset.sharpen === undefined && !preset.greyscale;
}

/**
 * How libvips and the codecs in it say that memory ran out; one line of several, not always the first. libheif's security
 * limit, of the same error code, is about the file alone.
 */
const OUT_OF_MEMORY =
  /(?:out of|insufficient|not enough) memory|memory allocation (?:failed|error(?!: security limit))|(?:cannot|unable to|failed to) allocate|bad_alloc/i;

/** What libvips says of a picture, in our words; anything but its own words is an error of ours. */
export function refusal(error: unknown, decodes: boolean): unknown {
  const lines = error instanceof Error ? error.message.split('\n') : [''];
  const message = shortened(lines[0]);
  if (message.startsWith('timeout')) {
    return new Refusal('TIME_BUDGET', message);
  }
  const memory = lines.find((line) => OUT_OF_MEMORY.test(line));
  if (memory !== undefined) {
    return new Refusal('EXCEEDS_MEMORY', shortened(memory));
  }
  if (!decodes) {
    return error;
  }
  if (/unsupported image format/i.test(message)) {
    return new Refusal('UNSUPPORTED_FORMAT', 'no picture of a format that is taken');
  }
  if (/pixel limit/i.test(message)) {
    return new Refusal('TOO_MANY_PIXELS', message);
  }
  return new Refusal('CORRUPT_IMAGE', message);
}

function shortened(line: string): string {
  return line.slice(0, 200);
}
