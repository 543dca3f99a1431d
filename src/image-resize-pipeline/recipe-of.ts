import { Size } from 'aws-cdk-lib';
import { Recipe } from './contract';
import { ImageFormat } from './image-format';
import { ImageTolerance } from './image-outcome';
import { ImagePreset } from './image-preset';
import type { ImageResizePipelineProps } from './image-resize-pipeline';
import { checkInteger, checkPattern, checkUnique } from '../private/validate';

/** The props that decide what an original becomes. */
export type RecipeProps = Pick<ImageResizePipelineProps,
'presets' | 'formats' | 'tolerance' | 'maxPixels' | 'maxFrames' | 'maxFileSize' | 'keepIcc' | 'keepCopyright' | 'allowSvg' | 'cacheControl'>;

export function recipeOf(props: RecipeProps, suffixes: readonly string[]): Recipe {
  const presets = props.presets ?? [
    ImagePreset.width('mobile', 480),
    ImagePreset.width('tablet', 1024),
    ImagePreset.width('desktop', 1920),
  ];
  const formats = props.formats ?? [ImageFormat.webp(), ImageFormat.jpeg()];
  checkCount('presets', presets);
  checkCount('formats', formats);
  checkUnique('presets', presets.map((preset) => preset._recipe.name));
  checkUnique('formats', formats.map((format) => format._recipe.format));
  checkInteger('maxPixels', props.maxPixels, { min: 1, max: 1_000_000_000 });
  checkInteger('maxFrames', props.maxFrames, { min: 1, max: 10_000 });
  checkPattern('cacheControl', props.cacheControl, /^[ -~]{1,256}$/, '1 to 256 printable ASCII characters');
  return {
    presets: presets.map((preset) => preset._recipe),
    formats: formats.map((format) => format._recipe),
    tolerance: props.tolerance ?? ImageTolerance.ERROR,
    maxPixels: props.maxPixels ?? 100_000_000,
    maxFrames: props.maxFrames ?? 60,
    maxBytes: (props.maxFileSize ?? Size.mebibytes(50)).toBytes(),
    keepIcc: props.keepIcc ?? false,
    keepCopyright: props.keepCopyright ?? false,
    allowSvg: props.allowSvg ?? false,
    suffixes,
    cacheControl: props.cacheControl ?? 'public, max-age=3600',
  };
}

function checkCount(name: string, values: readonly unknown[]): void {
  if (values.length === 0) throw new Error(`'${name}' must have at least one element, got none`);
}

/** Every file name a variant may have. */
export function variantFiles(recipe: Recipe): string[] {
  return recipe.presets.flatMap(({ name }) => recipe.formats.map(({ extension }) => `${name}.${extension}`));
}
