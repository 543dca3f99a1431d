import { RecipeFormat } from './contract';
import { checkInteger } from '../private/validate';

/** Options of JPEG. */
export interface ImageJpegOptions {
  /**
   * 1 to 100.
   * @default 80
   */
  readonly quality?: number;
  /**
   * Encode as mozjpeg does: about a quarter smaller for twice the time.
   * @default true
   */
  readonly mozjpeg?: boolean;
}

/** Options of WebP. */
export interface ImageWebpOptions {
  /**
   * 1 to 100.
   * @default 80
   */
  readonly quality?: number;
  /**
   * CPU effort, 0 to 6. 4 takes twice the time of 2 for 3 % fewer bytes.
   * @default 2
   */
  readonly effort?: number;
  /**
   * Lossless compression.
   * @default false
   */
  readonly lossless?: boolean;
}

/** Options of AVIF. */
export interface ImageAvifOptions {
  /**
   * 1 to 100.
   * @default 50
   */
  readonly quality?: number;
  /**
   * CPU effort, 0 to 9. 4 takes seven times the time of 2 for 9 % fewer bytes.
   * @default 2
   */
  readonly effort?: number;
  /**
   * Lossless compression.
   * @default false
   */
  readonly lossless?: boolean;
}

/** A format every preset is encoded in. */
export class ImageFormat {
  /** JPEG. Transparent pixels get the preset's background. */
  public static jpeg(options: ImageJpegOptions = {}): ImageFormat {
    return new ImageFormat({
      format: 'jpeg', extension: 'jpg', quality: options.quality ?? 80, mozjpeg: options.mozjpeg ?? true,
    });
  }

  /** WebP, animated if the original is. */
  public static webp(options: ImageWebpOptions = {}): ImageFormat {
    return new ImageFormat({
      format: 'webp', extension: 'webp', quality: options.quality ?? 80, effort: options.effort ?? 2, lossless: options.lossless ?? false,
    }, 6);
  }

  /** AVIF. */
  public static avif(options: ImageAvifOptions = {}): ImageFormat {
    return new ImageFormat({
      format: 'avif', extension: 'avif', quality: options.quality ?? 50, effort: options.effort ?? 2, lossless: options.lossless ?? false,
    }, 9);
  }

  /** PNG, lossless. */
  public static png(): ImageFormat {
    return new ImageFormat({ format: 'png', extension: 'png' });
  }

  /** GIF, animated if the original is. */
  public static gif(): ImageFormat {
    return new ImageFormat({ format: 'gif', extension: 'gif' });
  }

  private constructor(
    /** @internal */
    public readonly _recipe: RecipeFormat,
    maxEffort = 0,
  ) {
    checkInteger('quality', _recipe.quality, { min: 1, max: 100 });
    checkInteger('effort', _recipe.effort, { min: 0, max: maxEffort });
  }
}
