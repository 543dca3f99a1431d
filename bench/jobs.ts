/** What one measured process is asked to do, and what it answers. */
import type { Recipe, RecipeFormat } from '../src/image-resize-pipeline/contract';

export type Job =
  /** The handler's own core. */
  | { readonly kind: 'core'; readonly file: string; readonly recipe: Recipe; readonly memoryMb: number }
  /** One `sharp(input).resize().toFormat()` per output, at equal settings. */
  | { readonly kind: 'naive'; readonly file: string; readonly widths: readonly number[]; readonly formats: readonly RecipeFormat[] }
  /** Fidelity of core and naive against Lanczos on the fully decoded original. */
  | { readonly kind: 'psnr'; readonly file: string; readonly widths: readonly number[] }
  | { readonly kind: 'import'; readonly module: string };

export interface Measured {
  /** User and system time of the work, without starting the process. */
  readonly cpuMs: number;
  /** Of the whole process. */
  readonly peakMb: number;
  readonly answer: Answer;
}

export interface Answer {
  /** Name of the output → bytes. */
  readonly bytes?: Readonly<Record<string, number>>;
  /** The core's own guess, made before it decoded anything. */
  readonly estimateMb?: number;
  readonly refusal?: { readonly reason: string; readonly detail: string };
  readonly psnr?: ReadonlyArray<{ readonly width: number; readonly core: number; readonly naive: number }>;
}

export function recipe(widths: readonly number[], formats: readonly RecipeFormat[], more: Partial<Recipe> = {}): Recipe {
  return {
    presets: widths.map((width) => ({ name: `w${width}`, fit: 'width', width })),
    formats,
    tolerance: 'error',
    maxPixels: 100_000_000,
    maxFrames: 60,
    maxBytes: 1e9,
    keepIcc: false,
    keepCopyright: false,
    allowSvg: false,
    suffixes: [],
    cacheControl: '',
    ...more,
  };
}
