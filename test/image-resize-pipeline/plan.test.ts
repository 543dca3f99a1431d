import fc from 'fast-check';
import type { RecipePreset } from '../../src/image-resize-pipeline/contract';
import { cascade, planTargets, type Size } from '../../src/image-resize-pipeline/handlers/plan';
import { seedFromEnv } from '../kit/faults';

const SEED = seedFromEnv(20261121);
const width = (name: string, px: number): RecipePreset => ({ name, fit: 'width', width: px });
const box = (fit: RecipePreset['fit'], w: number, h: number, more: Partial<RecipePreset> = {}): RecipePreset => (
  { name: 'p', fit, width: w, height: h, ...more });

function only(original: Size, preset: RecipePreset) {
  const [{ size, frame, shape }] = planTargets(original, [preset]);
  return { size: [size.width, size.height], frame: [frame.width, frame.height], shape };
}

describe('geometry', () => {
  const landscape = { width: 4000, height: 3000 };
  const portrait = { width: 3000, height: 4000 };
  const small = { width: 500, height: 300 };
  const whole = { kind: 'whole' };

  test.each([
    ['width', landscape, width('p', 480), [480, 360], [480, 360], whole],
    ['width of a portrait', portrait, width('p', 480), [480, 640], [480, 640], whole],
    ['width, rounded', { width: 4032, height: 3023 }, width('p', 1000), [1000, 750], [1000, 750], whole],
    ['width never enlarges', small, width('p', 1000), [500, 300], [500, 300], whole],
    ['width keeps a pixel of height', { width: 10_000, height: 3 }, width('p', 100), [100, 1], [100, 1], whole],
    ["width stays within the formats' sides", { width: 1000, height: 40_000 }, width('p', 1000), [410, 16_383], [410, 16_383], whole],
    ['inside, by width', landscape, box('inside', 800, 800), [800, 600], [800, 600], whole],
    ['inside, by height', portrait, box('inside', 800, 800), [600, 800], [600, 800], whole],
    ['inside never enlarges', small, box('inside', 800, 800), [500, 300], [500, 300], whole],
    ['fill', landscape, box('fill', 600, 600), [600, 600], [800, 600], { kind: 'stretch' }],
    ['fill never enlarges a side', small, box('fill', 600, 400), [450, 300], [500, 300], { kind: 'stretch' }],
    ['cover, centred', landscape, box('cover', 600, 600), [600, 600], [800, 600], { kind: 'crop', left: 100, top: 0 }],
    ['cover of a portrait', portrait, box('cover', 600, 400), [600, 400], [600, 800], { kind: 'crop', left: 0, top: 200 }],
    ['cover never enlarges, aspect kept', small, box('cover', 600, 400), [450, 300], [500, 300], { kind: 'crop', left: 25, top: 0 }],
    ['cover at a corner', landscape, box('cover', 600, 600, { position: 'southeast' }), [600, 600], [800, 600], { kind: 'crop', left: 200, top: 0 }],
    ['cover at the north', portrait, box('cover', 600, 400, { position: 'north' }), [600, 400], [600, 800], { kind: 'crop', left: 0, top: 0 }],
    ['cover in sharp\'s other words', portrait, box('cover', 300, 400, { position: 'right top' }), [300, 400], [300, 400], { kind: 'crop', left: 0, top: 0 }],
    ['cover at the west', landscape, box('cover', 600, 600, { position: 'west' }), [600, 600], [800, 600], { kind: 'crop', left: 0, top: 0 }],
    ['cover at the south', portrait, box('cover', 600, 400, { position: 'south' }), [600, 400], [600, 800], { kind: 'crop', left: 0, top: 400 }],
    ['cover about a point', landscape, box('cover', 600, 600, { position: '0.5,0.5' }), [600, 600], [800, 600], { kind: 'crop', left: 100, top: 0 }],
    ['cover about a point at the edge', landscape, box('cover', 600, 600, { position: '1,0' }), [600, 600], [800, 600], { kind: 'crop', left: 200, top: 0 }],
    ['cover by attention', landscape, box('cover', 600, 600, { position: 'attention' }), [600, 600], [800, 600], { kind: 'strategy', strategy: 'attention' }],
    ['cover by entropy', landscape, box('cover', 600, 600, { position: 'entropy' }), [600, 600], [800, 600], { kind: 'strategy', strategy: 'entropy' }],
    ['contain', landscape, box('contain', 600, 600), [600, 600], [600, 450], { kind: 'pad', left: 0, top: 75 }],
    ['contain of a portrait', portrait, box('contain', 600, 600), [600, 600], [450, 600], { kind: 'pad', left: 75, top: 0 }],
    ['contain never enlarges, aspect kept', small, box('contain', 1000, 1000), [500, 500], [500, 300], { kind: 'pad', left: 0, top: 100 }],
  ])('%s', (_name, original, preset, size, frame, shape) => {
    expect(only(original, preset)).toEqual({ size, frame, shape });
  });
});

describe('targets', () => {
  test('presets that come out the same are made once, under the smallest one\'s name', () => {
    const targets = planTargets({ width: 800, height: 600 }, [width('desktop', 1920), width('mobile', 480), width('tablet', 1024)]);
    expect(targets.map(({ preset, aliases, size }) => [preset.name, aliases, size.width])).toEqual([['mobile', [], 480], ['tablet', ['desktop'], 800]]);
  });

  test.each(['background', 'blur', 'sharpen', 'greyscale', 'position'] as const)('another %s makes another picture', (edit) => {
    const edited = { ...width('b', 100), [edit]: edit === 'background' ? 'red' : 1 };
    expect(planTargets({ width: 800, height: 600 }, [width('a', 100), edited])).toHaveLength(2);
  });

  test('of equal widths the lower one is the smaller', () => {
    const targets = planTargets({ width: 90, height: 90 }, [box('inside', 100, 300), { ...box('inside', 100, 200), name: 'low' }]);
    expect(targets.map(({ preset }) => preset.name)).toEqual(['low']);
  });
});

describe('cascade', () => {
  const steps = (original: Size, presets: RecipePreset[]) => cascade(planTargets(original, presets))
    .map(({ frame, targets }) => [`${frame.width}x${frame.height}`, ...targets.map(({ preset }) => preset.name)]);

  test('goes down from the largest', () => {
    expect(steps({ width: 4000, height: 3000 }, [width('s', 400), width('l', 1600), width('m', 800)]))
      .toEqual([['1600x1200', 'l'], ['800x600', 'm'], ['400x300', 's']]);
  });

  test('crops branch from the smallest step that covers them', () => {
    expect(steps({ width: 4000, height: 3000 }, [width('s', 400), width('m', 800), width('l', 1600), { ...box('cover', 500, 500), name: 'crop' }]))
      .toEqual([['1600x1200', 'l'], ['800x600', 'crop', 'm'], ['400x300', 's']]);
  });

  test('a step of its own is added for a crop no other step covers', () => {
    expect(steps({ width: 3000, height: 4000 }, [width('s', 400), { ...box('cover', 1000, 500), name: 'crop' }]))
      .toEqual([['1000x1333', 'crop'], ['400x533', 's']]);
  });

  test('presets of one frame share its step', () => {
    expect(steps({ width: 4000, height: 3000 }, [width('s', 400), { ...width('grey', 400), greyscale: true }])).toEqual([['400x300', 's', 'grey']]);
  });
});

test(`any picture and preset: nothing is enlarged, every step covers its targets (seed ${SEED})`, () => {
  const side = fc.integer({ min: 1, max: 20_000 });
  const presetArb = fc.record({
    fit: fc.constantFrom('width', 'inside', 'cover', 'contain', 'fill'),
    width: fc.integer({ min: 1, max: 16_383 }),
    height: fc.integer({ min: 1, max: 16_383 }),
    position: fc.constantFrom(undefined, 'attention', 'northwest', '0.1,0.9'),
  });
  fc.assert(fc.property(fc.record({ width: side, height: side }), fc.array(presetArb, { minLength: 1, maxLength: 6 }), (original, boxes) => {
    const presets = boxes.map(({ height, ...preset }, n) => ({ ...preset, name: `p${n}`, ...(preset.fit === 'width' ? {} : { height }) }) as RecipePreset);
    const targets = planTargets(original, presets);
    const plan = cascade(targets);
    expect(plan.flatMap((step) => step.targets).length).toBe(targets.length);
    expect(targets.flatMap(({ preset, aliases }) => [preset.name, ...aliases]).sort()).toEqual(presets.map(({ name }) => name).sort());
    plan.forEach((step, n) => {
      const before = n === 0 ? original : plan[n - 1].frame;
      expect(step.frame.width <= before.width && step.frame.height <= before.height).toBe(true);
      for (const { frame, shape, size, preset } of step.targets) {
        expect(Math.min(size.width, size.height)).toBeGreaterThanOrEqual(1);
        expect(Math.max(size.width, size.height)).toBeLessThanOrEqual(16_383);
        expect(frame.width <= step.frame.width && frame.height <= step.frame.height).toBe(true);
        if (shape.kind === 'whole') {
          expect(size).toEqual(frame);
          expect(size).toEqual(step.frame);
        }
        if (shape.kind === 'pad') {
          expect(frame).toEqual(step.frame);
          expect(shape.left + frame.width <= size.width && shape.top + frame.height <= size.height).toBe(true);
        }
        if (shape.kind === 'crop') {
          expect(shape.left + size.width <= frame.width && shape.top + size.height <= frame.height).toBe(true);
        }
        expect(size.width <= Math.max(preset.width, 1)).toBe(true);
      }
    });
  }), { seed: SEED, numRuns: 300 });
});
