import { fieldsOf, TransformStep } from './contract';
import { parsedJson } from './parsed-json';
import { sortedByName, sortedEntries } from '../private/sorted-entries';
import { checkUnique } from '../private/validate';

/**
 * How a record's JSON changes on its way to one destination. Fields are named by paths like '$.a.b' or "$['a b']"; one that
 * a record has not is left out. A record that is no JSON is quarantined.
 */
export class FanOutTransform {
  /** Keeps these fields and no others. */
  public static pick(...paths: string[]): FanOutTransform {
    return new FanOutTransform([{ kind: 'pick', paths: checked(paths) }]);
  }

  /** Removes these fields. */
  public static remove(...paths: string[]): FanOutTransform {
    return new FanOutTransform([{ kind: 'remove', paths: checked(paths) }]);
  }

  /** Moves fields: old path → new path. */
  public static rename(paths: { [path: string]: string }): FanOutTransform {
    checked([...Object.keys(paths), ...Object.values(paths)]);
    checkUnique('paths', Object.values(paths));
    return new FanOutTransform([{ kind: 'rename', paths: sortedByName(paths) }]);
  }

  /** Gives fields a text: path → text. */
  public static set(values: { [path: string]: string }): FanOutTransform {
    checked(Object.keys(values));
    return new FanOutTransform([{ kind: 'set', values: sortedByName(values) }]);
  }

  /** Gives fields a value that is no text: path → JSON, for example '3', 'true' or '["a"]'. */
  public static insertJson(values: { [path: string]: string }): FanOutTransform {
    checked(Object.keys(values));
    const parsed = Object.fromEntries(sortedEntries(values).map(([path, json]) => [path, parsedJson(path, json)]));
    return new FanOutTransform([{ kind: 'set', values: parsed }]);
  }

  /** Replaces the values of these fields by '***'. */
  public static mask(...paths: string[]): FanOutTransform {
    return new FanOutTransform([{ kind: 'mask', paths: checked(paths) }]);
  }

  /**
   * A new JSON document, as JSON text: '<$.a.b>' in its texts is replaced by what stands there, with its type if it is the
   * whole text. Example: '{"id":"<$.order.id>","label":"order <$.order.id>"}'
   */
  public static template(json: string): FanOutTransform {
    const document = parsedJson('template', json);
    for (const [, path] of json.matchAll(/<(\$[^<>"]*)>/g)) fieldsOf('template', path);
    return new FanOutTransform([{ kind: 'template', document }]);
  }

  /** One after the other. */
  public static chain(...transforms: FanOutTransform[]): FanOutTransform {
    return new FanOutTransform(transforms.flatMap(({ _steps }) => _steps));
  }

  private constructor(
    /** @internal */
    public readonly _steps: readonly TransformStep[],
  ) {}
}

function checked(paths: readonly string[]): readonly string[] {
  if (paths.length === 0) throw new Error("'paths' must hold at least one, got none");
  for (const path of paths) fieldsOf('path', path);
  return paths;
}
