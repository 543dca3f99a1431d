/* eslint-disable no-bitwise -- a bit-packed format */
/** Unpremultiplied RGBA, at most 100 x 100. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

interface Channel {
  readonly mean: number;
  readonly waves: readonly number[];
  readonly scale: number;
}

/**
 * A blurred placeholder in about 25 bytes: the lowest frequencies of luminance, colour differences and alpha.
 * The format is Evan Wallace's ThumbHash (MIT), whose package is ESM only while this file also runs as CommonJS;
 * the tests hold every byte against that package.
 */
export function thumbhash({ width, height, data }: RgbaImage): Uint8Array {
  const count = width * height;
  const mean = meanColour(data, count);
  const transparent = mean.alpha < count;
  const [luminance, yellow, red, alpha] = [0, 1, 2, 3].map(() => new Float64Array(count));
  for (let n = 0; n < count; n++) {
    const a = data[n * 4 + 3] / 255;
    const over = (channel: number): number => mean.rgb[channel] * (1 - a) + (a / 255) * data[n * 4 + channel];
    const [r, g, b] = [over(0), over(1), over(2)];
    luminance[n] = (r + g + b) / 3;
    yellow[n] = (r + g) / 2 - b;
    red[n] = r - g;
    alpha[n] = a;
  }
  const detail = transparent ? 5 : 7;
  const across = Math.max(1, Math.round((detail * width) / Math.max(width, height)));
  const down = Math.max(1, Math.round((detail * height) / Math.max(width, height)));
  const encode = (channel: Float64Array, nx: number, ny: number): Channel => cosines(channel, width, height, nx, ny);
  const l = encode(luminance, Math.max(3, across), Math.max(3, down));
  const p = encode(yellow, 3, 3);
  const q = encode(red, 3, 3);
  const landscape = width > height;

  const head = Math.round(63 * l.mean) | (Math.round(31.5 + 31.5 * p.mean) << 6) | (Math.round(31.5 + 31.5 * q.mean) << 12)
    | (Math.round(31 * l.scale) << 18) | (Number(transparent) << 23);
  const tail = (landscape ? down : across) | (Math.round(63 * p.scale) << 3) | (Math.round(63 * q.scale) << 9) | (Number(landscape) << 15);
  const hash = [head & 255, (head >> 8) & 255, head >> 16, tail & 255, tail >> 8];
  const waves = [...l.waves, ...p.waves, ...q.waves];
  if (transparent) {
    const a = encode(alpha, 5, 5);
    hash.push(Math.round(15 * a.mean) | (Math.round(15 * a.scale) << 4));
    waves.push(...a.waves);
  }
  for (let n = 0; n < waves.length; n += 2) {
    hash.push(Math.round(15 * waves[n]) | (Math.round(15 * (waves[n + 1] ?? 0)) << 4));
  }
  return Uint8Array.from(hash);
}

function meanColour(data: Uint8Array, count: number): { rgb: number[]; alpha: number } {
  const rgb = [0, 0, 0];
  let alpha = 0;
  for (let n = 0; n < count * 4; n += 4) {
    const a = data[n + 3] / 255;
    for (let channel = 0; channel < 3; channel++) {
      rgb[channel] += (a / 255) * data[n + channel];
    }
    alpha += a;
  }
  return { rgb: alpha > 0 ? rgb.map((sum) => sum / alpha) : rgb, alpha };
}

/** The triangle of lowest frequencies of a discrete cosine transform, scaled to 0..1. */
function cosines(channel: Float64Array, width: number, height: number, nx: number, ny: number): Channel {
  const factors: number[] = [];
  for (let cy = 0; cy < ny; cy++) {
    for (let cx = 0; cx * ny < nx * (ny - cy); cx++) {
      let sum = 0;
      for (let y = 0; y < height; y++) {
        const fy = Math.cos((Math.PI / height) * cy * (y + 0.5));
        for (let x = 0; x < width; x++) {
          sum += channel[x + y * width] * Math.cos((Math.PI / width) * cx * (x + 0.5)) * fy;
        }
      }
      factors.push(sum / (width * height));
    }
  }
  const [mean, ...waves] = factors;
  const scale = Math.max(...waves.map(Math.abs));
  return { mean, scale, waves: scale > 0 ? waves.map((wave) => 0.5 + (0.5 / scale) * wave) : waves };
}
