import { RecipePreset } from './contract';
import { checkInteger, checkNumber, checkPattern } from '../private/validate';

/** Which part of the picture a crop keeps. */
export class CropPosition {
  /** The region the eye goes to: skin tones, saturation, detail. */
  public static readonly ATTENTION = new CropPosition('attention');
  /** The region with the most detail. */
  public static readonly ENTROPY = new CropPosition('entropy');
  public static readonly CENTER = new CropPosition('center');
  public static readonly NORTH = new CropPosition('north');
  public static readonly NORTHEAST = new CropPosition('northeast');
  public static readonly EAST = new CropPosition('east');
  public static readonly SOUTHEAST = new CropPosition('southeast');
  public static readonly SOUTH = new CropPosition('south');
  public static readonly SOUTHWEST = new CropPosition('southwest');
  public static readonly WEST = new CropPosition('west');
  public static readonly NORTHWEST = new CropPosition('northwest');

  /** Around a point, as fractions of width and height from the top left corner. */
  public static point(x: number, y: number): CropPosition {
    checkNumber('x', x, { min: 0, max: 1 });
    checkNumber('y', y, { min: 0, max: 1 });
    return new CropPosition(`${x},${y}`);
  }

  private constructor(public readonly value: string) {}
}

/** Edits any preset may make after resizing. */
export interface ImagePresetOptions {
  /**
   * CSS colour for the bars of `contain` and under transparent pixels of formats without transparency.
   * @default 'white'
   */
  readonly background?: string;
  /**
   * Gaussian blur, sigma 0.3 to 1000.
   * @default - none
   */
  readonly blur?: number;
  /**
   * Sharpening, sigma 0.3 to 10.
   * @default - none
   */
  readonly sharpen?: number;
  /**
   * Remove colour.
   * @default false
   */
  readonly greyscale?: boolean;
}

/** Options of cropping presets. */
export interface ImageCropOptions extends ImagePresetOptions {
  /**
   * Which part to keep.
   * @default CropPosition.CENTER
   */
  readonly position?: CropPosition;
}

/** A named size. Nothing is ever enlarged: a smaller original gives a smaller variant. */
export class ImagePreset {
  /** At most this wide, height in proportion. */
  public static width(name: string, width: number, options: ImagePresetOptions = {}): ImagePreset {
    return new ImagePreset({ name, fit: 'width', width, ...edits(options) });
  }

  /** At most this wide and high, in proportion. */
  public static inside(name: string, width: number, height: number, options: ImagePresetOptions = {}): ImagePreset {
    return new ImagePreset({ name, fit: 'inside', width, height, ...edits(options) });
  }

  /** Cropped to fill the box. */
  public static cover(name: string, width: number, height: number, options: ImageCropOptions = {}): ImagePreset {
    const position = (options.position ?? CropPosition.CENTER).value;
    return new ImagePreset({ name, fit: 'cover', width, height, position, ...edits(options) });
  }

  /** In proportion inside the box, with bars. */
  public static contain(name: string, width: number, height: number, options: ImagePresetOptions = {}): ImagePreset {
    return new ImagePreset({ name, fit: 'contain', width, height, ...edits(options) });
  }

  /** Stretched to the box. */
  public static fill(name: string, width: number, height: number, options: ImagePresetOptions = {}): ImagePreset {
    return new ImagePreset({ name, fit: 'fill', width, height, ...edits(options) });
  }

  private constructor(
    /** @internal */
    public readonly _recipe: RecipePreset,
  ) {
    checkPattern('name', _recipe.name, /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, "1 to 63 letters, digits, '-' and '_'");
    checkInteger('width', _recipe.width, PIXELS);
    checkInteger('height', _recipe.height, PIXELS);
    checkPattern('background', _recipe.background, /^(#[0-9a-f]{3,8}|[a-z]+|rgba?\([0-9., %]+\))$/i, 'a CSS colour');
    checkNumber('blur', _recipe.blur, { min: 0.3, max: 1000 });
    checkNumber('sharpen', _recipe.sharpen, { min: 0.3, max: 10 });
  }
}

/** WebP's limit is the lowest of the formats. */
const PIXELS = { min: 1, max: 16383 };

function edits(options: ImagePresetOptions): Pick<RecipePreset, 'background' | 'blur' | 'sharpen' | 'greyscale'> {
  const { background, blur, sharpen, greyscale } = options;
  return { background, blur, sharpen, greyscale: greyscale ? true : undefined };
}
