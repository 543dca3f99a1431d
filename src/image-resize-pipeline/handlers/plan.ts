import type { RecipePreset } from '../contract';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What remains to be done once the whole oriented picture stands at `frame`. */
export type Shape =
  | { readonly kind: 'whole' }
  | { readonly kind: 'crop'; readonly left: number; readonly top: number }
  /** The encoder's library chooses the crop. */
  | { readonly kind: 'strategy'; readonly strategy: 'attention' | 'entropy' }
  | { readonly kind: 'pad'; readonly left: number; readonly top: number }
  | { readonly kind: 'stretch' };

/** One picture to make, in every format. */
export interface Target {
  readonly preset: RecipePreset;
  /** Other presets that come out the same; no files of their own. */
  readonly aliases: readonly string[];
  /** The whole picture, aspect ratio kept, just large enough for this target. */
  readonly frame: Size;
  readonly shape: Shape;
  readonly size: Size;
}

/** One resize of the whole picture and what branches from it. */
export interface Step {
  readonly frame: Size;
  readonly targets: readonly Target[];
}

/** WebP's limit per side, the smallest of all formats. */
const MAX_SIDE = 16_383;

/**
 * What to make of a picture of this size, smallest first. Both sides of every target are computed from the oriented
 * original, nothing is enlarged (a preset larger than the picture keeps its aspect ratio), and presets that come out
 * the same are made once, under the name of the smallest.
 */
export function planTargets(original: Size, presets: readonly RecipePreset[]): Target[] {
  const bySize = [...presets].sort((a, b) => a.width - b.width || (a.height ?? 0) - (b.height ?? 0));
  const targets = new Map<string, { target: Omit<Target, 'aliases'>; aliases: string[] }>();
  for (const preset of bySize) {
    const target = { preset, ...geometry(original, preset) };
    const { position, background, blur, sharpen, greyscale } = preset;
    const identity = JSON.stringify([target.size, target.frame, target.shape, background, blur, sharpen, greyscale, position]);
    const twin = targets.get(identity);
    if (twin === undefined) {
      targets.set(identity, { target, aliases: [] });
    } else {
      twin.aliases.push(preset.name);
    }
  }
  return [...targets.values()].map(({ target, aliases }) => ({ ...target, aliases }));
}

/**
 * The cascade: the original is decoded into the first step, each further step comes from the one before it. Targets
 * that crop or stretch branch from the smallest step that covers them; only if none does, a larger first step is added.
 */
export function cascade(targets: readonly Target[]): Step[] {
  const exact = targets.filter(({ shape }) => shape.kind === 'whole' || shape.kind === 'pad').map(({ frame }) => frame);
  const largest = [...targets.map(({ frame }) => frame)].sort(descending)[0];
  const frames = new Map([largest, ...exact].map((frame) => [`${frame.width}x${frame.height}`, frame]));
  const steps = [...frames.values()].sort(descending).map((frame) => ({ frame, targets: [] as Target[] }));
  for (const target of targets) {
    // The first step covers everything.
    [...steps].reverse().find(({ frame }) => covers(frame, target.frame))!.targets.push(target);
  }
  return steps;
}

function geometry(original: Size, preset: RecipePreset): Pick<Target, 'frame' | 'shape' | 'size'> {
  const box = { width: preset.width, height: preset.height ?? Infinity };
  const toWidth = box.width / original.width;
  const toHeight = box.height / original.height;
  const limit = Math.min(1, MAX_SIDE / original.width, MAX_SIDE / original.height);
  if (preset.fit === 'width' || preset.fit === 'inside') {
    const frame = scaled(original, Math.min(limit, toWidth, toHeight));
    return { frame, shape: { kind: 'whole' }, size: frame };
  }
  if (preset.fit === 'contain') {
    const scale = Math.min(toWidth, toHeight);
    const frame = scaled(original, Math.min(limit, scale));
    const canvas = scaled(box, Math.min(1, 1 / scale, MAX_SIDE / box.width, MAX_SIDE / box.height));
    const size = { width: Math.max(canvas.width, frame.width), height: Math.max(canvas.height, frame.height) };
    return { frame, shape: { kind: 'pad', ...aligned(size, frame, preset.position) }, size };
  }
  // The largest box of the preset's aspect ratio that the picture fills without being enlarged.
  const size = scaled(box, Math.min(1, 1 / toWidth, 1 / toHeight, MAX_SIDE / box.width, MAX_SIDE / box.height));
  const frame = scaled(original, Math.max(size.width / original.width, size.height / original.height));
  if (preset.fit === 'fill') {
    return { frame, shape: { kind: 'stretch' }, size };
  }
  if (preset.position === 'attention' || preset.position === 'entropy') {
    return { frame, shape: { kind: 'strategy', strategy: preset.position }, size };
  }
  return { frame, shape: { kind: 'crop', ...aligned(frame, size, preset.position) }, size };
}

function scaled(size: Size, scale: number): Size {
  return { width: Math.max(1, Math.round(size.width * scale)), height: Math.max(1, Math.round(size.height * scale)) };
}

/** Where the inner rectangle lies in the outer one. */
function aligned(outer: Size, inner: Size, position: string = 'centre'): { left: number; top: number } {
  const spare = { x: outer.width - inner.width, y: outer.height - inner.height };
  const point = position.split(',').map(Number);
  if (point.length === 2) {
    return {
      left: clamp(Math.round(point[0] * outer.width - inner.width / 2), spare.x),
      top: clamp(Math.round(point[1] * outer.height - inner.height / 2), spare.y),
    };
  }
  return { left: Math.round(spare.x * share(position, /west|left/, /east|right/)), top: Math.round(spare.y * share(position, /north|top/, /south|bottom/)) };
}

function share(position: string, start: RegExp, end: RegExp): number {
  if (start.test(position)) {
    return 0;
  }
  return end.test(position) ? 1 : 0.5;
}

function clamp(value: number, max: number): number {
  return Math.min(Math.max(value, 0), max);
}

function covers(outer: Size, inner: Size): boolean {
  return outer.width >= inner.width && outer.height >= inner.height;
}

function descending(a: Size, b: Size): number {
  return b.width - a.width || b.height - a.height;
}
