import { admit, admitBytes, estimateMb, type ImageFacts, type Output, Refusal, scaledWebp } from '../../src/image-resize-pipeline/handlers/admission';

const LIMITS = { maxPixels: 100_000_000, maxFrames: 60 };
const TINY: Output = { frame: { width: 1, height: 1 }, formats: [{ format: 'jpeg', extension: 'jpg' }] };

/** What even the smallest picture takes. */
const BASE = estimateMb(facts({ width: 1, height: 1 }), TINY);

function facts(change: Partial<ImageFacts> = {}): ImageFacts {
  return { format: 'jpeg', width: 1000, height: 1000, frames: 1, bytes: 0, progressive: false, ...change };
}

function refusal(run: () => void): Refusal | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    return error as Refusal;
  }
}

describe('bytes per pixel by kind of image', () => {
  test.each<[string, Partial<ImageFacts>, number]>([
    ['baseline JPEG', {}, 0.2],
    ['progressive JPEG 4:2:0', { progressive: true, subsampling: '4:2:0' }, 3],
    ['progressive JPEG 4:4:4', { progressive: true, subsampling: '4:4:4' }, 6],
    ['progressive JPEG of unknown subsampling', { progressive: true }, 6],
    ['PNG', { format: 'png' }, 0.2],
    ['interlaced PNG', { format: 'png', progressive: true }, 4.2],
    ['GIF', { format: 'gif' }, 4.5],
    ['WebP', { format: 'webp' }, 0.4],
    ['lossless WebP', { format: 'webp', lossless: true }, 4],
    ['TIFF', { format: 'tiff' }, 0.2],
    ['AVIF', { format: 'avif' }, 18],
    ['SVG', { format: 'svg' }, 4.5],
  ])('%s', (_name, change, bytes) => {
    expect(estimateMb(facts(change), TINY) - 120).toBeCloseTo(bytes, 3);
  });

  test('each frame of an animation counts', () => {
    expect(estimateMb(facts({ format: 'gif', frames: 10 }), TINY) - 120).toBeCloseTo(45, 3);
    expect(estimateMb(facts({ format: 'webp', frames: 10 }), TINY) - 120).toBeGreaterThan(2);
  });

  test('a WebP is scaled while it is decoded, so what counts is the frame', () => {
    const frame = { width: 1000, height: 500 };
    const large = facts({ format: 'webp', width: 4000, height: 2000 });
    expect(estimateMb(large, { ...TINY, frame }) - 120).toBeCloseTo(8 * 0.4 + 0.5 * 8 + 1500 * 750 * 7.3 / 1e6, 3);
    const small = facts({ format: 'webp', width: 1200, height: 600 });
    expect(estimateMb(small, { ...TINY, frame }) - 120).toBeCloseTo(0.72 * 0.4 + 0.5 * 8 + 0.72 * 7.3, 3);
  });

  test('so do the file, twice, the raw step and an AVIF encoder', () => {
    expect(estimateMb(facts({ bytes: 5e6 }), TINY) - BASE).toBeCloseTo(10.2, 3);
    const frame = { width: 1000, height: 1000 };
    expect(estimateMb(facts(), { frame, formats: TINY.formats }) - BASE).toBeCloseTo(8.2, 3);
    expect(estimateMb(facts(), { frame, formats: [{ format: 'avif', extension: 'avif' }] }) - BASE).toBeCloseTo(54.2, 3);
  });

  test('a WebP is held at one and a half times the frame, never larger than itself', () => {
    const [half, whole] = [500, 1000].map((side) => ({ frame: { width: side, height: side }, formats: TINY.formats }));
    expect(estimateMb(facts({ format: 'webp' }), half) - BASE).toBeCloseTo(0.4 + 2 + 0.75 ** 2 * 7.3, 2);
    expect(estimateMb(facts({ format: 'webp' }), whole) - BASE).toBeCloseTo(0.4 + 8 + 7.3, 2);
    expect(scaledWebp({ width: 3, height: 2 })).toEqual({ width: 5, height: 3 });
  });
});

describe('refusals name their numbers', () => {
  test.each<[string, () => void, string, string]>([
    ['frames', () => admit(facts({ frames: 61 }), TINY, LIMITS, 1769), 'TOO_MANY_FRAMES', '61 frames, 60 are allowed'],
    ['pixels', () => admit(facts({ width: 10_001, height: 10_000 }), TINY, LIMITS, 1769), 'TOO_MANY_PIXELS', '10001 x 10000 pixels, 100000000 are allowed'],
    ['pixels of all frames', () => admit(facts({ width: 2000, height: 1000, frames: 51 }), TINY, LIMITS, 1769), 'TOO_MANY_PIXELS',
      '2000 x 1000 pixels in 51 frames, 100000000 are allowed'],
    ['memory', () => admit(facts({ format: 'avif', width: 10_000, height: 8000 }), TINY, LIMITS, 1769), 'EXCEEDS_MEMORY',
      'about 1560 MB needed, 1503 of 1769 MB are usable'],
    ['an empty file', () => admitBytes(0, 10), 'EMPTY_FILE', 'the object has 0 bytes'],
    ['a large file', () => admitBytes(11, 10), 'FILE_TOO_LARGE', '11 bytes, 10 are allowed'],
  ])('%s', (_name, run, reason, detail) => {
    expect(refusal(run)).toMatchObject({ reason, detail, message: `${reason}: ${detail}`, rejection: { reason, detail } });
  });

  test.each([
    ['as many frames and pixels as allowed', () => admit(facts({ format: 'webp', width: 1000, height: 1000, frames: 60 }), TINY, LIMITS, 1769)],
    ['76 MP of AVIF at 1,769 MB', () => admit(facts({ format: 'avif', width: 7600, height: 10_000 }), TINY, LIMITS, 1769)],
    ['17 MP of AVIF at 512 MB', () => admit(facts({ format: 'avif', width: 4250, height: 4000 }), TINY, LIMITS, 512)],
    ['100 MP of baseline JPEG at 512 MB', () => admit(facts({ width: 10_000, height: 10_000 }), TINY, LIMITS, 512)],
    ['as many bytes as allowed', () => admitBytes(10, 10)],
  ])('not %s', (_name, run) => {
    expect(refusal(run)).toBeUndefined();
  });
});
