import { Duration } from 'aws-cdk-lib';
import { checkKnown, checkPattern, checkUnique } from '../private/validate';

/** Options of `EbsConsistency.freeze()`. */
export interface EbsFreezeOptions {
  /** Mount points to freeze, for example '/data'. The root file system cannot be frozen safely. */
  readonly paths: string[];
  /**
   * When they thaw whatever happens, 5 to 120 seconds after the first one froze. Writes wait so long at most.
   * @default Duration.seconds(30)
   */
  readonly maxFrozen?: Duration;
}

/** What a set of snapshots promises. All volumes of an instance are always taken at one point in time. */
export class EbsConsistency {
  /** As after a power failure: file systems and databases recover by their journals. */
  public static readonly CRASH = new EbsConsistency();

  /**
   * File systems are frozen (fsfreeze) by Systems Manager while the snapshots are created. The instance thaws by itself after
   * `maxFrozen`, whatever becomes of the function; a set that could not be frozen is taken all the same and counts as
   * crash-consistent. Linux instances with the SSM agent.
   */
  public static freeze(options: EbsFreezeOptions): EbsConsistency {
    return new EbsConsistency(options);
  }

  /** @internal */
  public readonly _freeze?: { readonly paths: readonly string[]; readonly maxFrozenSeconds: number };

  private constructor(freeze?: EbsFreezeOptions) {
    if (freeze === undefined) return;
    const { paths, maxFrozen = Duration.seconds(30) } = freeze;
    if (paths.length < 1 || paths.length > 20) throw new Error(`'paths' must be 1 to 20 mount points, got ${paths.length}`);
    for (const path of paths) {
      checkPattern('paths', path, /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._-]+)+$/, "absolute paths of letters, digits, '.', '_' and '-' below the root, which cannot be frozen safely");
    }
    checkUnique('paths', paths);
    checkKnown('maxFrozen', maxFrozen);
    if (maxFrozen.toMilliseconds() % 1000 !== 0 || maxFrozen.toSeconds() < 5 || maxFrozen.toSeconds() > 120) {
      throw new Error(`'maxFrozen' must be 5 to 120 whole seconds, got ${maxFrozen.toHumanString()}`);
    }
    this._freeze = { paths, maxFrozenSeconds: maxFrozen.toSeconds() };
  }
}
