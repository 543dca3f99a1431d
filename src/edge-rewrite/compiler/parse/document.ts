import { Source } from '../model';
import { Importer, NotConvertible } from './importer';

/** How deep lists and tables may nest: more is nothing a rule file has, and would end on the stack. */
export const MAX_DEPTH = 64;

/** What the readers of TOML and JSON make of a file: values that know their line. */
export type DocumentValue = DocumentTable | DocumentArray | DocumentScalar;

export interface DocumentTable {
  readonly kind: 'table';
  readonly line: number;
  readonly entries: ReadonlyMap<string, DocumentValue>;
  /** Something in it could not be read, so it must not be taken for whole. */
  broken: boolean;
}

export interface DocumentArray {
  readonly kind: 'array';
  readonly line: number;
  readonly items: readonly DocumentValue[];
  broken: boolean;
}

export interface DocumentScalar {
  /** `other`: null in JSON, dates and times in TOML. */
  readonly kind: 'string' | 'number' | 'boolean' | 'other';
  readonly line: number;
  /** Numbers and others as written, so nothing is rounded. */
  readonly text: string;
}

export class SyntaxProblem extends Error {
  /** Decides where reading goes on: behind what is wrong, behind the line in which it began, or nowhere. */
  constructor(message: string, public readonly kind: 'local' | 'unterminated' | 'hopeless' = 'local') {
    super(message);
  }
}

/** Whatever else is thrown is a mistake of ours and no matter of the file. */
export function syntaxProblem(error: unknown): SyntaxProblem {
  if (!(error instanceof SyntaxProblem)) {
    throw error;
  }
  return error;
}

export interface Document {
  readonly root: DocumentValue;
  readonly errors: readonly { readonly line: number; readonly message: string }[];
}

/** Access by key with an error for what has another type. A table that lost something is refused as a whole. */
export class Fields {
  private readonly used = new Set<string>();

  constructor(private readonly table: DocumentTable) {
    if (table.broken) {
      throw new NotConvertible('syntax', 'a part of it cannot be read');
    }
  }

  /** Text of the first of the keys that is there; older names stand behind newer ones. */
  public text(...keys: string[]): string | undefined {
    const value = this.get(keys);
    if (value !== undefined && value.kind !== 'string') {
      throw new NotConvertible('syntax', `'${keys[0]}' must be a text, got ${described(value)}`);
    }
    return value?.text;
  }

  public required(...keys: string[]): string {
    const text = this.text(...keys);
    if (text === undefined) {
      throw new NotConvertible('syntax', `'${keys[0]}' is missing`);
    }
    return text;
  }

  public boolean(key: string): boolean | undefined {
    const value = this.get([key]);
    if (value !== undefined && value.kind !== 'boolean') {
      throw new NotConvertible('syntax', `'${key}' must be true or false, got ${described(value)}`);
    }
    return value === undefined ? undefined : value.text === 'true';
  }

  /** A whole number, also as text. */
  public status(key: string): string | undefined {
    const value = this.get([key]);
    if (value !== undefined && value.kind !== 'number' && value.kind !== 'string') {
      throw new NotConvertible('invalid-status', `'${key}' must be a number, got ${described(value)}`);
    }
    return value?.text;
  }

  public entries(...keys: string[]): readonly (readonly [string, DocumentValue])[] {
    const value = this.get(keys);
    if (value === undefined) {
      return [];
    }
    if (value.kind !== 'table' || value.broken) {
      throw new NotConvertible('syntax', `'${keys[0]}' must be a table that can be read, got ${described(value)}`);
    }
    return [...value.entries];
  }

  public items(key: string): readonly DocumentValue[] {
    const value = this.get([key]);
    if (value === undefined) {
      return [];
    }
    if (value.kind !== 'array' || value.broken) {
      throw new NotConvertible('syntax', `'${key}' must be a list that can be read, got ${described(value)}`);
    }
    return value.items;
  }

  public value(key: string): DocumentValue | undefined {
    return this.get([key]);
  }

  /** Of a comparison: numbers stand as they are written. */
  public scalar(key: string): string {
    const value = this.get([key]);
    if (value?.kind !== 'string' && value?.kind !== 'number') {
      throw new NotConvertible('syntax', `'${key}' must be a text or number`);
    }
    return value.text;
  }

  public texts(key: string): readonly string[] {
    return this.items(key).map((item) => {
      if (item.kind !== 'string') {
        throw new NotConvertible('syntax', `'${key}' lists texts, got ${described(item)}`);
      }
      return item.text;
    });
  }

  /** Refuses what was not asked for: a key without meaning here may have one there. */
  public done(unsupported: Readonly<Record<string, string>> = {}): void {
    for (const key of this.table.entries.keys()) {
      if (!this.used.has(key)) {
        const reason = Object.hasOwn(unsupported, key) ? unsupported[key] : undefined;
        throw new NotConvertible(reason === undefined ? 'unknown-option' : 'unsupported', reason ?? `option '${key}' is not known`);
      }
    }
  }

  private get(keys: readonly string[]): DocumentValue | undefined {
    keys.forEach((key) => this.used.add(key));
    const key = keys.find((one) => this.table.entries.has(one));
    return key === undefined ? undefined : this.table.entries.get(key);
  }
}

export function described(value: DocumentValue): string {
  switch (value.kind) {
    case 'table':
    case 'array':
      return `a ${value.broken ? 'broken ' : ''}${value.kind === 'array' ? 'list' : value.kind}`;
    case 'string':
      return JSON.stringify(value.text);
    default:
      return value.text;
  }
}

/** Each table of a list, what it cannot express reported at its line. */
export function eachTable(
  importer: Importer, name: string, list: DocumentValue, convert: (fields: Fields, source: (text: string) => Source) => void,
): void {
  const at = (value: DocumentValue) => importer.source(value.line, name);
  importer.attempt(at(list), () => {
    if (list.kind !== 'array') {
      throw new NotConvertible('syntax', `'${name}' must be a list, got ${described(list)}`);
    }
    for (const item of list.items) {
      importer.attempt(at(item), () => {
        if (item.kind !== 'table') {
          throw new NotConvertible('syntax', `'${name}' lists tables, got ${described(item)}`);
        }
        convert(new Fields(item), (text) => importer.source(item.line, text));
      });
    }
  });
}
