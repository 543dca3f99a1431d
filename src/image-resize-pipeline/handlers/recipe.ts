import { createHash } from 'node:crypto';
import type { Recipe } from '../contract';

/** Raise it when equal recipes begin to give other bytes; every manifest is then out of date. */
const ENGINE = 1;

type Json = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const FITS = ['width', 'inside', 'cover', 'contain', 'fill'];
const FORMATS = ['jpeg', 'webp', 'avif', 'png', 'gif'];
const TOLERANCES = ['warning', 'error', 'truncated'];

const text: Check = (value) => typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
const number: Check = (value) => typeof value === 'number';
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) > 0;
const oneOf = (allowed: readonly string[]): Check => (value) => allowed.includes(value as string);
const matching = (pattern: RegExp): Check => (value) => typeof value === 'string' && pattern.test(value);
const optional = (check: Check): Check => (value) => value === undefined || check(value);
const list = (check: Check, least = 0): Check => (value) => Array.isArray(value) && value.length >= least && value.every(check);

const RECIPE: Readonly<Record<keyof Recipe, Check>> = {
  presets: list(isJson, 1),
  formats: list(isJson, 1),
  tolerance: oneOf(TOLERANCES),
  maxPixels: count,
  maxFrames: count,
  maxBytes: count,
  keepIcc: flag,
  keepCopyright: flag,
  allowSvg: flag,
  suffixes: list(matching(/^[^A-Z]+$/)),
  cacheControl: text,
};
const PRESET: Readonly<Record<keyof Recipe['presets'][number], Check>> = {
  name: matching(/^[A-Za-z0-9_-]+$/),
  fit: oneOf(FITS),
  width: count,
  height: optional(count),
  position: optional(text),
  background: optional(text),
  blur: optional(number),
  sharpen: optional(number),
  greyscale: optional(flag),
};
const FORMAT: Readonly<Record<keyof Recipe['formats'][number], Check>> = {
  format: oneOf(FORMATS),
  extension: matching(/^[a-z0-9]+$/),
  quality: optional(number),
  effort: optional(number),
  lossless: optional(flag),
  mozjpeg: optional(flag),
};

/**
 * Reads the variable `RECIPE`. The construct wrote it, so this only guards against a hand that changed it: names every
 * field that is not what the contract says.
 */
export function parseRecipe(json: string): Recipe {
  const value = parsed(json);
  const wrong = faults('', value, RECIPE);
  if (wrong.length === 0) {
    const { presets, formats } = value as unknown as { presets: Json[]; formats: Json[] };
    presets.forEach((preset, n) => {
      wrong.push(...faults(`presets[${n}].`, preset, PRESET));
      if ((preset.fit === 'width') !== (preset.height === undefined)) {
        wrong.push(`presets[${n}].height`);
      }
    });
    formats.forEach((format, n) => wrong.push(...faults(`formats[${n}].`, format, FORMAT)));
  }
  if (wrong.length > 0) {
    throw new Error(`the recipe is malformed at ${wrong.join(', ')}`);
  }
  return value as unknown as Recipe;
}

/**
 * Identifies what a recipe makes of an original. Which originals it applies to is left out: another suffix in the
 * filter must not rebuild every image.
 */
export function hashRecipe(recipe: Recipe): string {
  const { suffixes, ...made } = recipe;
  return createHash('sha256').update(canonical({ engine: ENGINE, ...made })).digest('hex').slice(0, 32);
}

/** JSON with sorted members. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => (
    isJson(member) ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))) : member
  ));
}

function faults(path: string, value: Json, shape: Readonly<Record<string, Check>>): string[] {
  return Object.entries(shape).filter(([name, check]) => !check(value[name])).map(([name]) => path + name);
}

function parsed(json: string): Json {
  try {
    const value: unknown = JSON.parse(json);
    return isJson(value) ? value : {};
  } catch {
    return {};
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
