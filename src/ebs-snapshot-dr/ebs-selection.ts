import { Token } from 'aws-cdk-lib';
import { EXCLUDE_TAG, Selection } from './contract';
import { checkPattern } from '../private/validate';

/**
 * Which instances a plan takes, by their tags. All attached volumes of an instance come along; one tagged `ebsdr:exclude`
 * stays out.
 */
export class EbsSelection {
  /** Tag that takes a volume out of every set, whatever its value. */
  public static readonly EXCLUDE_TAG = EXCLUDE_TAG;

  /**
   * Instances with this tag and one of these values, or any value if none is given. Keys and values are case-sensitive;
   * `*` in a value stands for any characters.
   */
  public static tag(key: string, ...values: string[]): EbsSelection {
    checkPattern('key', key, /^(?!aws:|ebsdr:).{1,128}$/i, "1 to 128 characters that don't begin with 'aws:' or 'ebsdr:'");
    for (const value of values) checkPattern('values', value, /^.{0,256}$/, 'at most 256 characters each');
    return new EbsSelection({ kind: 'tag', key, values });
  }

  /** These instances, by id. */
  public static instances(...ids: string[]): EbsSelection {
    for (const id of ids) checkPattern('ids', id, /^i-[0-9a-f]{8,17}$/, "like 'i-0123456789abcdef0'");
    return new EbsSelection({ kind: 'instances', ids: atLeastOne('ids', ids) });
  }

  /** Instances that all of the selections take. */
  public static allOf(...selections: EbsSelection[]): EbsSelection {
    return new EbsSelection({ kind: 'all', of: rulesOf(selections) });
  }

  /** Instances that at least one of the selections takes. */
  public static anyOf(...selections: EbsSelection[]): EbsSelection {
    return new EbsSelection({ kind: 'any', of: rulesOf(selections) });
  }

  /** Instances that none of the selections takes. Alone it takes nearly everything: combine it by `allOf()`. */
  public static noneOf(...selections: EbsSelection[]): EbsSelection {
    const rules = rulesOf(selections);
    return new EbsSelection({ kind: 'not', of: rules.length === 1 ? rules[0] : { kind: 'any', of: rules } });
  }

  private constructor(
    /** @internal */
    public readonly _rule: Selection,
  ) {
    if (Token.isUnresolved(JSON.stringify(_rule))) throw new Error("'selection' must be known at synth, got a token: it stands in the function's settings");
  }
}

function rulesOf(selections: readonly EbsSelection[]): Selection[] {
  return atLeastOne('selections', selections).map(({ _rule }) => _rule);
}

function atLeastOne<T>(name: string, values: readonly T[]): readonly T[] {
  if (values.length === 0) throw new Error(`'${name}' must hold at least one, got none`);
  return values;
}
