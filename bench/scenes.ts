/**
 * Synthetic photographs: the same pixels on every machine, so figures can be compared and no picture has to be shipped.
 * Value noise over many octaves gives the spectrum of a photograph, discs and bars its edges, a ramp its sky, and a
 * little grain its sensor. Integer arithmetic only where rounding could differ.
 */
/* eslint-disable no-bitwise -- hashing */

export interface Scene {
  readonly width: number;
  readonly height: number;
  /** RGB, 8 bit. */
  readonly pixels: Buffer;
}

export function scene(width: number, height: number, seed: number): Scene {
  const pixels = Buffer.allocUnsafe(width * height * 3);
  const octaves = octavesFor(Math.max(width, height), seed);
  const shapes = shapesFor(width, height, seed);
  const rows = octaves.map(() => new Float64Array(width));
  let grain = hash(seed, 1, 2) | 1;
  for (let y = 0; y < height; y++) {
    octaves.forEach((octave, i) => fillRow(rows[i], octave, y));
    for (let x = 0; x < width; x++) {
      let light = 120 + 70 * (y / height - 0.5);
      let tint = 0;
      for (let i = 0; i < rows.length; i++) {
        light += rows[i][x];
        if (i < 3) tint += rows[i][x];
      }
      grain = Math.imul(grain, 1664525) + 1013904223 | 0;
      light += (grain >> 29) * 2.0;
      let [r, g, b] = [light + tint * 0.5, light, light - tint * 0.6];
      for (const shape of shapes) {
        if (covers(shape, x, y)) {
          r = r * 0.35 + shape.color[0];
          g = g * 0.35 + shape.color[1];
          b = b * 0.35 + shape.color[2];
        }
      }
      const at = (y * width + x) * 3;
      pixels[at] = clamp(r);
      pixels[at + 1] = clamp(g);
      pixels[at + 2] = clamp(b);
    }
  }
  return { width, height, pixels };
}

interface Octave { readonly cell: number; readonly amplitude: number; readonly seed: number }

/** Halving cells, amplitude falling with the frequency, down to two pixels. */
function octavesFor(extent: number, seed: number): Octave[] {
  const octaves: Octave[] = [];
  for (let cell = Math.floor(extent / 3), amplitude = 52; cell >= 2; cell = Math.floor(cell / 2), amplitude *= 0.76) {
    octaves.push({ cell, amplitude, seed: seed + octaves.length * 7919 });
  }
  return octaves;
}

function fillRow(row: Float64Array, { cell, amplitude, seed }: Octave, y: number): void {
  const cy = Math.floor(y / cell);
  const fy = (y - cy * cell) / cell;
  let left = 0;
  let right = mix(lattice(0, cy, seed), lattice(0, cy + 1, seed), fy);
  for (let x = 0, inCell = 0, cx = -1; x < row.length; x++, inCell = inCell + 1 === cell ? 0 : inCell + 1) {
    if (inCell === 0) {
      cx++;
      left = right;
      right = mix(lattice(cx + 1, cy, seed), lattice(cx + 1, cy + 1, seed), fy);
    }
    row[x] = amplitude * mix(left, right, inCell / cell);
  }
}

interface Shape {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly disc: boolean;
  readonly color: readonly [number, number, number];
}

function shapesFor(width: number, height: number, seed: number): Shape[] {
  return Array.from({ length: 12 }, (_, i) => {
    const part = (n: number) => (hash(seed, i, n) >>> 8) / 0x1000000;
    return {
      x: part(1) * width,
      y: part(2) * height,
      size: (0.02 + 0.08 * part(3)) * Math.min(width, height),
      disc: i % 2 === 0,
      color: [part(4) * 160, part(5) * 160, part(6) * 160],
    };
  });
}

function covers({ x, y, size, disc }: Shape, px: number, py: number): boolean {
  const dx = Math.abs(px - x);
  const dy = Math.abs(py - y);
  return dx <= size && dy <= size && (disc ? dx * dx + dy * dy <= size * size : dx * 4 <= size);
}

/** -1 to 1. */
function lattice(x: number, y: number, seed: number): number {
  return hash(x, y, seed) / 0x80000000;
}

function hash(a: number, b: number, c: number): number {
  let h = Math.imul(a, 0x27d4eb2d) ^ Math.imul(b, 0x165667b1) ^ Math.imul(c, 0x9e3779b1);
  h = Math.imul(h ^ h >>> 15, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return h ^ h >>> 16;
}

const mix = (a: number, b: number, t: number) => a + (b - a) * t;
const clamp = (value: number) => value < 0 ? 0 : value > 255 ? 255 : value;
