import sharp, { type Sharp } from 'sharp';
import type { Recipe, RecipeFormat, RecipePreset } from '../../src/image-resize-pipeline/contract';
import { createImaging, refusal } from '../../src/image-resize-pipeline/handlers/imaging';
import { cascade, planTargets } from '../../src/image-resize-pipeline/handlers/plan';
import type { EncodedVariant, Placeholder } from '../../src/image-resize-pipeline/handlers/ports';
import { Prng, seedFromEnv } from '../kit/faults';

const SEED = seedFromEnv(20261121);
const PNG: RecipeFormat = { format: 'png', extension: 'png' };
const JPEG: RecipeFormat = { format: 'jpeg', extension: 'jpg', quality: 95 };
const WEBP: RecipeFormat = { format: 'webp', extension: 'webp', quality: 95 };
const AVIF: RecipeFormat = { format: 'avif', extension: 'avif', quality: 80 };
const GIF: RecipeFormat = { format: 'gif', extension: 'gif' };
const AMPLE = { remainingMs: () => 60_000 };

function recipe(change: Partial<Recipe> = {}): Recipe {
  return {
    presets: [{ name: 'p', fit: 'width', width: 40 }],
    formats: [PNG],
    tolerance: 'error',
    maxPixels: 1e8,
    maxFrames: 60,
    maxBytes: 1e8,
    keepIcc: false,
    keepCopyright: false,
    allowSvg: false,
    suffixes: [],
    cacheControl: '',
    ...change,
  };
}

interface Rendered { readonly variants: EncodedVariant[]; readonly placeholder: Placeholder }

async function render(input: Buffer, change: Partial<Recipe> = {}, deadline = AMPLE): Promise<Rendered> {
  const made = recipe(change);
  const imaging = createImaging(made, 1769);
  const image = await imaging.probe(input);
  const variants: EncodedVariant[] = [];
  const steps = cascade(planTargets(image.facts, made.presets));
  const placeholder = await imaging.render(input, image, steps, deadline, (variant) => variants.push(variant));
  return { variants, placeholder };
}

async function one(input: Buffer, preset: Partial<RecipePreset>, change: Partial<Recipe> = {}): Promise<Buffer> {
  const presets = [{ name: 'p', fit: 'width', width: 40, ...preset } as RecipePreset];
  const { variants: [{ data, width, height }] } = await render(input, { presets, ...change });
  const metadata = await sharp(data).metadata();
  expect([metadata.width, metadata.height]).toEqual([width, height]);
  return data;
}

/** Red, green, blue and yellow quarters, clockwise from the top left: no two orientations look alike. */
const QUARTERS = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]];
function quarters(width: number, height: number): Buffer {
  return raster(width, height, (x, y) => QUARTERS[y * 2 < height ? (x * 2 < width ? 0 : 1) : (x * 2 < width ? 3 : 2)]);
}

function raster(width: number, height: number, pixel: (x: number, y: number) => readonly number[]): Buffer {
  return Buffer.from(Array.from({ length: width * height }, (_v, n) => pixel(n % width, Math.floor(n / width))).flat());
}

function fromRaw(data: Buffer, width: number, height: number): Sharp {
  return sharp(data, { raw: { width, height, channels: data.length / width / height as 3 | 4 } });
}

async function pixels(image: Buffer | Sharp): Promise<{ data: Buffer; at: (x: number, y: number) => number[] }> {
  const { data, info: { width, channels } } = await (Buffer.isBuffer(image) ? sharp(image) : image).raw().toBuffer({ resolveWithObject: true });
  return { data, at: (x, y) => [...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels)] };
}

function psnr(a: Buffer, b: Buffer): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  a.forEach((value, n) => sum += (value - b[n]) ** 2);
  return 10 * Math.log10(255 ** 2 / (sum / a.length));
}

function expectColour(actual: readonly number[], wanted: readonly number[], tolerance = 12): void {
  expect(actual.slice(0, wanted.length).every((value, n) => Math.abs(value - wanted[n]) <= tolerance) ? wanted : actual).toEqual(wanted);
}

describe('orientation', () => {
  /** Where the upright picture's pixel is stored, by the EXIF specification's eight cases. */
  const STORED: Readonly<Record<number, (x: number, y: number, w: number, h: number) => [number, number]>> = {
    1: (x, y) => [x, y],
    2: (x, y, w) => [w - 1 - x, y],
    3: (x, y, w, h) => [w - 1 - x, h - 1 - y],
    4: (x, y, _w, h) => [x, h - 1 - y],
    5: (x, y) => [y, x],
    6: (x, y, w) => [y, w - 1 - x],
    7: (x, y, w, h) => [h - 1 - y, w - 1 - x],
    8: (x, y, _w, h) => [h - 1 - y, x],
  };

  test.each([1, 2, 3, 4, 5, 6, 7, 8].flatMap((orientation) => [[orientation, 120, 80], [orientation, 80, 120]]))('%i of %i x %i', async (orientation, w, h) => {
    const upright = quarters(w, h);
    const [sw, sh] = orientation > 4 ? [h, w] : [w, h];
    const stored = Buffer.alloc(upright.length);
    for (let n = 0; n < w * h; n++) {
      const [x, y] = STORED[orientation](n % w, Math.floor(n / w), w, h);
      upright.copy(stored, (y * sw + x) * 3, n * 3, n * 3 + 3);
    }
    const input = await fromRaw(stored, sw, sh).withMetadata({ orientation }).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
    const output = await one(input, { width: 60 });
    const metadata = await sharp(output).metadata();
    expect([metadata.width, metadata.height, metadata.orientation]).toEqual([60, Math.round(h * 60 / w), undefined]);
    const { at } = await pixels(output);
    const [right, bottom] = [59, metadata.height - 1];
    [[3, 3], [right - 3, 3], [right - 3, bottom - 3], [3, bottom - 3]].forEach(([x, y], n) => expectColour(at(x, y), QUARTERS[n]));
  });
});

/** A soft scene with edges and fine texture. */
function scene(width: number, height: number, prng: Prng): Buffer {
  const discs = Array.from({ length: 12 }, () => (
    { x: prng.next() * width, y: prng.next() * height, r: prng.next() * width / 8, c: [0, 1, 2].map(() => prng.int(0, 255)) }));
  const noise = Array.from({ length: 1024 }, () => prng.int(-12, 12));
  return raster(width, height, (x, y) => {
    const disc = discs.find((d) => (d.x - x) ** 2 + (d.y - y) ** 2 < d.r ** 2);
    const base = disc?.c ?? [(x * 255) / width, (y * 255) / height, 128 + 60 * Math.sin(x / 9) * Math.cos(y / 13)];
    return base.map((value, n) => Math.min(255, Math.max(0, Math.round(value + noise[(x * 7 + y * 131 + n) % 1024]))));
  });
}

test(`the cascade stays within 40 dB of a full-resolution Lanczos resize (seed ${SEED})`, async () => {
  const [width, height] = [1000, 750];
  const widths = [100, 250, 500, 700];
  const data = scene(width, height, new Prng(SEED));
  const picture = fromRaw(data, width, height);
  const inputs = [await picture.clone().jpeg({ quality: 90 }).toBuffer(), await picture.clone().webp({ quality: 90 }).toBuffer()];
  for (const input of inputs) {
    const { variants } = await render(input, { presets: widths.map((w) => ({ name: `w${w}`, fit: 'width', width: w })) });
    const full = await sharp(input).raw().toBuffer();
    for (const variant of variants) {
      const oracle = await fromRaw(full, width, height).resize(variant.width, variant.height, { fit: 'fill' }).raw().toBuffer();
      expect(psnr((await pixels(variant.data)).data, oracle)).toBeGreaterThanOrEqual(40);
    }
  }
});

describe('colour', () => {
  const orange = [230, 120, 20];
  const flat = (channels: readonly number[]) => fromRaw(raster(80, 60, () => channels), 80, 60);

  test.each<[string, () => Promise<Buffer>]>([
    ['CMYK', () => flat(orange).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()],
    ['P3', () => flat(orange).withIccProfile('p3').png().toBuffer()],
    ['16 bit', () => flat(orange).toColourspace('rgb16').png().toBuffer()],
    ['a palette', () => flat(orange).png({ palette: true }).toBuffer()],
    ['interlaced PNG', () => flat(orange).png({ progressive: true }).toBuffer()],
    ['progressive JPEG', () => flat(orange).jpeg({ quality: 100, progressive: true }).toBuffer()],
    ['TIFF', () => flat(orange).tiff().toBuffer()],
    ['AVIF', () => flat(orange).avif({ lossless: true }).toBuffer()],
    ['GIF', () => flat(orange).gif().toBuffer()],
    ['WebP', () => flat(orange).webp({ lossless: true }).toBuffer()],
  ])('%s becomes sRGB', async (name, input) => {
    const output = await one(await input(), {});
    const metadata = await sharp(output).metadata();
    // A decoded GIF always has an alpha channel.
    expect([metadata.space, metadata.channels, metadata.depth]).toEqual(['srgb', name === 'GIF' ? 4 : 3, 'uchar']);
    expectColour((await pixels(output)).at(20, 15), orange, name === 'CMYK' ? 40 : 12);
  });

  test('grey stays grey', async () => {
    const { variants } = await render(await flat([90, 90, 90]).greyscale().png().toBuffer(), { formats: [PNG, JPEG, WEBP] });
    for (const { data } of variants) {
      expectColour((await pixels(data)).at(10, 10), [90], 2);
    }
  });

  test('transparency is kept where it can be and becomes the background where not', async () => {
    const input = await fromRaw(raster(80, 60, (x) => (x < 40 ? [255, 0, 0, 255] : [0, 0, 0, 0])), 80, 60).png().toBuffer();
    const formats = [PNG, WEBP, AVIF, JPEG];
    const { variants } = await render(input, { formats });
    for (const { data, format } of variants) {
      const { at } = await pixels(data);
      expectColour(at(5, 15), [255, 0, 0], 20);
      if (format === 'jpeg') {
        expectColour(at(35, 15), [255, 255, 255]);
      } else {
        expect(at(35, 15)[3]).toBe(0);
      }
    }
    expectColour((await pixels(await one(input, { background: '#0000ff' }, { formats: [JPEG] }))).at(35, 15), [0, 0, 255]);
  });
});

describe('metadata', () => {
  const exif = { IFD0: { Copyright: 'Ada', Artist: 'Grace', Make: 'Camera' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' } };
  const tagged = () => fromRaw(quarters(80, 60), 80, 60).withExif(exif).withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>').withIccProfile('p3').jpeg().toBuffer();

  test('nothing is kept by default', async () => {
    expect(Object.keys(await sharp(await tagged()).metadata())).toEqual(expect.arrayContaining(['exif', 'icc', 'xmp']));
    const { variants } = await render(await tagged(), { formats: [PNG, JPEG, WEBP, AVIF, GIF] });
    for (const { data } of variants) {
      const { exif: e, icc, xmp, iptc, comments } = await sharp(data).metadata();
      expect([e, icc, xmp, iptc, comments]).toEqual([undefined, undefined, undefined, undefined, undefined]);
    }
  });

  test('copyright and artist on request, and nothing else', async () => {
    const { variants } = await render(await tagged(), { formats: [PNG, JPEG, WEBP, AVIF], keepCopyright: true });
    for (const { data } of variants) {
      const { exif: kept, icc, xmp } = await sharp(data).metadata();
      expect([kept!.includes('Ada'), kept!.includes('Grace'), kept!.includes('Camera'), kept!.includes('GPS'), icc, xmp])
        .toEqual([true, true, false, false, undefined, undefined]);
    }
  });

  test('no credits, no EXIF', async () => {
    const input = await fromRaw(quarters(80, 60), 80, 60).jpeg().toBuffer();
    const { variants: [{ data }] } = await render(input, { formats: [JPEG], keepCopyright: true });
    expect((await sharp(data).metadata()).exif).toBeUndefined();
  });

  test('the colour profile on request, with the pixels it belongs to', async () => {
    const input = await tagged();
    const presets: RecipePreset[] = [{ name: 'a', fit: 'width', width: 20 }, { name: 'b', fit: 'cover', width: 40, height: 40, greyscale: false, blur: 0.3 }];
    const { variants } = await render(input, { presets, formats: [PNG, JPEG, WEBP, AVIF], keepIcc: true });
    const source = await sharp(input, { ignoreIcc: true }).raw().toBuffer();
    expect(variants).toHaveLength(8);
    for (const { data, width, height } of variants) {
      expect((await sharp(data).metadata()).icc).toEqual((await sharp(input).metadata()).icc);
      const shown = await sharp(data, { ignoreIcc: true }).raw().toBuffer();
      expectColour([...shown.subarray(0, 3)], [...source.subarray(0, 3)], 25);
      expect(shown.length).toBeGreaterThanOrEqual(width * height * 3);
    }
  });

  test('a CMYK profile is never kept: the pixels are converted', async () => {
    const input = await fromRaw(quarters(80, 60), 80, 60).withIccProfile('cmyk').jpeg().toBuffer();
    expect((await sharp(input).metadata()).space).toBe('cmyk');
    const { variants: [{ data }] } = await render(input, { formats: [JPEG], keepIcc: true });
    expect(await sharp(data).metadata()).toMatchObject({ space: 'srgb', hasProfile: false });
  });
});

describe('animation', () => {
  const FRAMES = 4;
  /** Each frame of another colour; the left half is darker. */
  const colour = (frame: number) => QUARTERS[frame % 4];
  const strip = () => sharp(raster(80, 60 * FRAMES, (x, y) => colour(Math.floor(y / 60)).map((value) => (x < 40 ? value / 2 : value))), {
    raw: { width: 80, height: 60 * FRAMES, channels: 3, pageHeight: 60 },
  });
  const inputs: [string, () => Promise<Buffer>][] = [
    ['GIF', () => strip().gif({ delay: [50, 60, 70, 80], loop: 3 }).toBuffer()],
    ['WebP', () => strip().webp({ lossless: true, delay: [50, 60, 70, 80], loop: 3 }).toBuffer()],
  ];

  test.each(inputs)('%s: all frames where the format has them, else the first', async (_case, input) => {
    const { variants } = await render(await input(), { presets: [{ name: 'p', fit: 'width', width: 20 }], formats: [WEBP, GIF, JPEG, AVIF, PNG] });
    for (const { data, format, width, height } of variants) {
      expect([width, height]).toEqual([20, 15]);
      const metadata = await sharp(data, { animated: true }).metadata();
      const moves = format === 'webp' || format === 'gif';
      expect([metadata.width, metadata.pageHeight ?? metadata.height, metadata.pages ?? 1]).toEqual([20, 15, moves ? FRAMES : 1]);
      const { at } = await pixels(sharp(data, { animated: true }));
      for (let frame = 0; frame < (moves ? FRAMES : 1); frame++) {
        expectColour(at(15, frame * 15 + 7), colour(frame), 40);
      }
      if (moves) {
        expect([metadata.delay, metadata.loop]).toEqual([[50, 60, 70, 80], 3]);
      }
    }
  });

  test.each<[string, Partial<RecipePreset>, number[]]>([
    ['cover', { fit: 'cover', width: 30, height: 30 }, [30, 30]],
    ['cover by attention, from the middle', { fit: 'cover', width: 30, height: 30, position: 'attention' }, [30, 30]],
    ['contain', { fit: 'contain', width: 40, height: 40, background: '#000000' }, [40, 40]],
    ['fill', { fit: 'fill', width: 20, height: 40 }, [20, 40]],
  ])('%s', async (_case, preset, [width, height]) => {
    const { variants: [{ data }] } = await render(await inputs[0][1](), { presets: [{ name: 'p', fit: 'width', width: 1, ...preset } as RecipePreset], formats: [WEBP] });
    const metadata = await sharp(data, { animated: true }).metadata();
    expect([metadata.width, metadata.pageHeight, metadata.pages]).toEqual([width, height, FRAMES]);
    const { at } = await pixels(sharp(data, { animated: true }));
    expectColour(at(Math.floor(width * 0.8), height * 2 + Math.floor(height / 2)), colour(2), 40);
  });

  test('the frames are counted before anything is decoded', async () => {
    const { facts } = await createImaging(recipe(), 1769).probe(await inputs[0][1]());
    expect(facts).toMatchObject({ format: 'gif', width: 80, height: 60, frames: FRAMES });
  });

  test('pages of a TIFF are no frames', async () => {
    const { facts } = await createImaging(recipe(), 1769).probe(await fromRaw(quarters(80, 60), 80, 60).tiff().toBuffer());
    expect(facts).toMatchObject({ format: 'tiff', frames: 1 });
  });
});

describe('fits and edits', () => {
  const input = () => fromRaw(quarters(80, 60), 80, 60).png().toBuffer();

  test('cover crops', async () => {
    const { at } = await pixels(await one(await input(), { fit: 'cover', width: 30, height: 30, position: 'southeast' }));
    expectColour(at(28, 28), QUARTERS[2]);
    expectColour(at(2, 28), QUARTERS[3]);
  });

  test('cover by attention finds what stands out', async () => {
    const dots = raster(160, 40, (x, y) => ((x - 140) ** 2 + (y - 20) ** 2 < 150 ? [255, 40, 40] : [120, 120, 120]));
    const spot = await fromRaw(dots, 160, 40).png().toBuffer();
    const { data } = await pixels(await one(spot, { fit: 'cover', width: 40, height: 40, position: 'attention' }));
    expect(data.some((_value, n) => n % 3 === 0 && data[n] > 200 && data[n + 1] < 100)).toBe(true);
  });

  test('contain adds bars of the background', async () => {
    const { at } = await pixels(await one(await input(), { fit: 'contain', width: 60, height: 60, background: 'rgb(1, 2, 3)' }));
    expectColour(at(30, 2), [1, 2, 3], 0);
    expectColour(at(30, 57), [1, 2, 3], 0);
    expectColour(at(3, 15), QUARTERS[0]);
    expectColour((await pixels(await one(await input(), { fit: 'contain', width: 60, height: 60 }))).at(30, 2), [255, 255, 255], 0);
  });

  test('fill stretches', async () => {
    const { at } = await pixels(await one(await input(), { fit: 'fill', width: 20, height: 50 }));
    expectColour(at(17, 47), QUARTERS[2]);
  });

  test('greyscale, blur and sharpen change their own target only', async () => {
    const presets: RecipePreset[] = [
      { name: 'plain', fit: 'width', width: 40 },
      { name: 'grey', fit: 'width', width: 40, greyscale: true },
      { name: 'blur', fit: 'width', width: 40, blur: 5 },
      { name: 'sharp', fit: 'width', width: 40, sharpen: 2 },
    ];
    const { variants } = await render(await input(), { presets });
    const [plain, grey, blur, sharpened] = await Promise.all(variants.map(({ data }) => pixels(data)));
    expectColour(plain.at(3, 3), QUARTERS[0], 2);
    expect(new Set(grey.at(3, 3)).size).toBe(1);
    expect(blur.at(19, 3)[1]).toBeGreaterThan(plain.at(17, 3)[1] + 50);
    expect(sharpened.data.equals(plain.data)).toBe(false);
  });

  test('every format says what it is', async () => {
    const { variants } = await render(await input(), { formats: [PNG, JPEG, WEBP, AVIF, GIF] });
    const types = await Promise.all(variants.map(async ({ data, contentType, extension }) => (
      [contentType, extension, (await sharp(data).metadata()).mediaType])));
    expect(types).toEqual([
      ['image/png', 'png', 'image/png'], ['image/jpeg', 'jpg', 'image/jpeg'], ['image/webp', 'webp', 'image/webp'],
      ['image/avif', 'avif', 'image/avif'], ['image/gif', 'gif', 'image/gif'],
    ]);
  });

  test('the placeholder shows the picture\'s main colour', async () => {
    const { placeholder } = await render(await fromRaw(raster(80, 60, () => [200, 40, 40]), 80, 60).png().toBuffer());
    expect(placeholder.color).toMatch(/^#[0-9a-f]{6}$/);
    const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(placeholder.color.slice(at, at + 2), 16));
    expectColour([r, g, b], [200, 40, 40], 16);
    expect(Buffer.from(placeholder.thumbhash, 'base64').length).toBeGreaterThan(5);
  });
});

describe('refusals', () => {
  const svg = (inner: string) => Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="80" height="60">${inner}</svg>`);
  const photo = () => fromRaw(scene(200, 150, new Prng(SEED)), 200, 150).jpeg().toBuffer();

  test.each<[string, () => Buffer | Promise<Buffer>, string]>([
    ['text', () => Buffer.from('hello'), 'UNSUPPORTED_FORMAT'],
    ['SVG, whatever its name', () => svg('<rect width="80" height="60"/>'), 'UNSUPPORTED_FORMAT'],
    ['a PDF', () => Buffer.from('%PDF-1.7\n1 0 obj\n'), 'UNSUPPORTED_FORMAT'],
    ['a bitmap', () => Buffer.from('424d3a0000000000000036000000280000000100000001000000010018', 'hex'), 'UNSUPPORTED_FORMAT'],
    ['a truncated JPEG', async () => (await photo()).subarray(0, 4000), 'CORRUPT_IMAGE'],
    ['a JPEG of nothing but a header', async () => (await photo()).subarray(0, 400), 'CORRUPT_IMAGE'],
    ['a truncated PNG', async () => (await sharp(await photo()).png().toBuffer()).subarray(0, 9000), 'CORRUPT_IMAGE'],
    ['a truncated WebP', async () => (await sharp(await photo()).webp().toBuffer()).subarray(0, 2000), 'CORRUPT_IMAGE'],
    ['a truncated AVIF', async () => (await sharp(await photo()).avif().toBuffer()).subarray(0, 2000), 'CORRUPT_IMAGE'],
  ])('%s', async (_case, input, reason) => {
    await expect(render(await input())).rejects.toMatchObject({ name: 'Refusal', reason });
  });

  test('more pixels than admission was told, found by the decoder', async () => {
    await expect(render(await photo(), { maxPixels: 1000 })).rejects.toMatchObject({ reason: 'TOO_MANY_PIXELS' });
  });

  /** As sharp 0.35.5 throws them where memory is short; the decoders of AVIF and JPEG have their own words. */
  test.each<[string, string]>([
    ['vips_tracked: out of memory -- size == 767MB', 'vips_tracked: out of memory -- size == 767MB'],
    ['VipsJpeg: Insufficient memory (case 4)', 'VipsJpeg: Insufficient memory (case 4)'],
    [
      'source: bad seek to 3371\nsource: bad seek to 3346\nheif: Invalid input: Unspecified: Memory allocation error (2.0)',
      'heif: Invalid input: Unspecified: Memory allocation error (2.0)',
    ],
  ])('out of memory, decoding or not: %j', (message, detail) => {
    for (const decodes of [true, false]) expect(refusal(new Error(message), decodes)).toMatchObject({ reason: 'EXCEEDS_MEMORY', detail });
  });

  test.each([
    'heif: Memory allocation error: Security limit exceeded: Image size 99999x99999 exceeds the maximum image size (6.1000)',
    'tiff2vips: Memory allocation of 99 bytes is beyond the 50 byte limit defined in open options',
    'VipsJpeg: premature end of JPEG image',
  ])('no want of memory: %j', (message) => {
    expect(refusal(new Error(message), true)).toMatchObject({ reason: 'CORRUPT_IMAGE', detail: message });
  });

  test('no time', async () => {
    await expect(render(await photo(), {}, { remainingMs: () => 900 })).rejects.toMatchObject({ reason: 'TIME_BUDGET' });
  });

  test('a long encoder is stopped', async () => {
    const input = await sharp({ create: { width: 1500, height: 1500, channels: 3, background: 'red', noise: { type: 'gaussian', mean: 128, sigma: 40 } } }).png().toBuffer();
    const slow: RecipeFormat = { format: 'webp', extension: 'webp', quality: 100, effort: 6, lossless: true };
    await expect(render(input, { presets: [{ name: 'p', fit: 'width', width: 1500, blur: 300 }], formats: [slow] }, { remainingMs: () => 1000 }))
      .rejects.toMatchObject({ reason: 'TIME_BUDGET' });
  });

  test('an error of ours refuses nothing', async () => {
    await expect(one(await photo(), { fit: 'contain', height: 80, width: 80, background: 'no colour' })).rejects.toMatchObject({ name: 'Error' });
  });

  test('tolerance decides about bytes that are merely strange', async () => {
    const whole = await photo();
    // Bytes between two segments, as some cameras leave them.
    const strange = Buffer.concat([whole.subarray(0, 2), Buffer.from('ffe000100000', 'hex'), Buffer.alloc(12), whole.subarray(2, 20), Buffer.alloc(8), whole.subarray(20)]);
    await expect(render(strange, { tolerance: 'warning' })).rejects.toMatchObject({ reason: 'CORRUPT_IMAGE' });
    expect((await render(strange, { tolerance: 'error' })).variants).toHaveLength(1);
  });

  test('SVG on request, without what it names', async () => {
    const linked = svg('<image width="40" height="60" xlink:href="file:///etc/hostname"/><rect x="40" width="40" height="60" fill="#00ff00"/>');
    const { at } = await pixels(await one(linked, {}, { allowSvg: true }));
    expectColour(at(35, 15), [0, 255, 0]);
    expect(at(5, 15)[3]).toBe(0);
  });
});
