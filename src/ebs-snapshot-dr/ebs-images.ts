import { Duration } from 'aws-cdk-lib';
import { checkKnown } from '../private/validate';

/** Machine images (AMIs) beside the sets of snapshots. Taken without a reboot; the set stays what data is restored from. */
export class EbsImages {
  /** No images. */
  public static readonly NONE = new EbsImages(0);

  /** An image of each instance with its first set in each interval, in whole hours counted from midnight UTC of 1 January 1970. */
  public static every(interval: Duration): EbsImages {
    checkKnown('interval', interval);
    const hours = interval.toHours({ integral: false });
    if (!Number.isInteger(hours) || hours < 1) throw new Error(`'interval' must be whole hours, at least 1, got ${interval.toHumanString()}`);
    return new EbsImages(hours);
  }

  private constructor(
    /** @internal */
    public readonly _everyHours: number,
  ) {}
}
