import type { Recipe } from '../../src/image-resize-pipeline/contract';
import { canonical, hashRecipe, parseRecipe } from '../../src/image-resize-pipeline/handlers/recipe';

const RECIPE: Recipe = {
  presets: [
    { name: 'mobile', fit: 'width', width: 480 },
    { name: 'card', fit: 'cover', width: 600, height: 400, position: 'attention', background: 'white', blur: 1, sharpen: 1, greyscale: true },
  ],
  formats: [{ format: 'webp', extension: 'webp', quality: 80, effort: 2, lossless: false }, { format: 'jpeg', extension: 'jpg', mozjpeg: true }],
  tolerance: 'error',
  maxPixels: 1e8,
  maxFrames: 60,
  maxBytes: 5e7,
  keepIcc: false,
  keepCopyright: true,
  allowSvg: false,
  suffixes: ['.jpg'],
  cacheControl: 'public, max-age=3600',
};

test('a recipe survives its variable', () => {
  expect(parseRecipe(JSON.stringify(RECIPE))).toEqual(RECIPE);
});

describe('a malformed recipe names its fields', () => {
  const preset = RECIPE.presets[0];
  const format = RECIPE.formats[0];
  test.each<[string, object | string, string]>([
    ['no JSON', '{', 'presets, formats, tolerance, maxPixels, maxFrames, maxBytes, keepIcc, keepCopyright, allowSvg, suffixes, cacheControl'],
    ['no object', '[]', 'presets, formats, tolerance, maxPixels, maxFrames, maxBytes, keepIcc, keepCopyright, allowSvg, suffixes, cacheControl'],
    ['null', 'null', 'presets, formats, tolerance, maxPixels, maxFrames, maxBytes, keepIcc, keepCopyright, allowSvg, suffixes, cacheControl'],
    ['no presets', { presets: [] }, 'presets'],
    ['presets that are none', { presets: ['mobile'] }, 'presets'],
    ['formats that are none', { formats: {} }, 'formats'],
    ['an unknown tolerance', { tolerance: 'none' }, 'tolerance'],
    ['limits that are none', { maxPixels: 0, maxFrames: 1.5, maxBytes: '1' }, 'maxPixels, maxFrames, maxBytes'],
    ['flags that are none', { keepIcc: 'yes', keepCopyright: 1, allowSvg: null }, 'keepIcc, keepCopyright, allowSvg'],
    ['an upper-case suffix', { suffixes: ['.JPG'] }, 'suffixes'],
    ['no Cache-Control', { cacheControl: undefined }, 'cacheControl'],
    ['a name with a slash', { presets: [{ ...preset, name: 'a/b' }] }, 'presets[0].name'],
    ['an unknown fit', { presets: [preset, { ...preset, fit: 'zoom' }] }, 'presets[1].fit, presets[1].height'],
    ['a width of nothing', { presets: [{ ...preset, width: 0 }] }, 'presets[0].width'],
    ['a height for a width', { presets: [{ ...preset, height: 5 }] }, 'presets[0].height'],
    ['no height for a box', { presets: [{ ...preset, fit: 'inside' }] }, 'presets[0].height'],
    ['wrong edits', { presets: [{ ...preset, position: 1, background: 2, blur: 'x', sharpen: 'y', greyscale: 'z' }] },
      'presets[0].position, presets[0].background, presets[0].blur, presets[0].sharpen, presets[0].greyscale'],
    ['an unknown format', { formats: [{ ...format, format: 'bmp' }] }, 'formats[0].format'],
    ['an extension with a dot', { formats: [format, { ...format, extension: '.webp' }] }, 'formats[1].extension'],
    ['wrong encoder settings', { formats: [{ ...format, quality: '80', effort: '2', lossless: 1, mozjpeg: 1 }] },
      'formats[0].quality, formats[0].effort, formats[0].lossless, formats[0].mozjpeg'],
  ])('%s', (_name, change, fields) => {
    const json = typeof change === 'string' ? change : JSON.stringify({ ...RECIPE, ...change });
    expect(() => parseRecipe(json)).toThrow(new Error(`the recipe is malformed at ${fields}`));
  });
});

describe('the hash', () => {
  test('does not depend on the order of members', () => {
    const turned = Object.fromEntries(Object.entries(RECIPE).reverse()) as unknown as Recipe;
    expect(hashRecipe(turned)).toBe(hashRecipe(RECIPE));
  });

  test('changes with everything that makes a variant', () => {
    const changes: Partial<Recipe>[] = [
      { presets: [RECIPE.presets[0]] }, { presets: [...RECIPE.presets].reverse() }, { formats: [RECIPE.formats[1]] }, { tolerance: 'warning' },
      { maxPixels: 1 }, { maxFrames: 1 }, { maxBytes: 1 }, { keepIcc: true }, { keepCopyright: false }, { allowSvg: true }, { cacheControl: '' },
    ];
    const hashes = [RECIPE, ...changes.map((change) => ({ ...RECIPE, ...change }))].map(hashRecipe);
    expect(new Set(hashes).size).toBe(changes.length + 1);
    hashes.forEach((hash) => expect(hash).toMatch(/^[0-9a-f]{32}$/));
  });

  test('is not changed by the choice of originals', () => {
    expect(hashRecipe({ ...RECIPE, suffixes: ['.png'] })).toBe(hashRecipe(RECIPE));
  });

  test('canonical JSON sorts members at every depth and keeps lists as they are', () => {
    expect(canonical({ b: [{ d: 1, c: null }, 2], a: 'x' })).toBe('{"a":"x","b":[{"c":null,"d":1},2]}');
  });
});
