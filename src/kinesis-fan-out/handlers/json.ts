/** JSON whose numbers keep their digits: 64-bit ids and decimals survive being read and written. */

/** Part of ECMAScript since 2026, in Node.js since 21. */
interface SourceText {
  rawJSON(text: string): object;
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source: string }) => unknown): unknown;
}
const { rawJSON, parse } = JSON as unknown as SourceText;

/** Of numbers that JavaScript would write otherwise: many digits, an exponent, zeros at the end, minus zero, close to zero. */
const UNUSUAL_NUMBER = /(?:[\d.]{16}|\d[eE][+-]?\d+|\.\d*0|-0|0\.0{6}\d*)(?=[\s,}\]]|$)/;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** A record's data, read when first asked for. */
export class RecordJson {
  private read?: { readonly text?: string; readonly json?: unknown };

  public constructor(private readonly data: Uint8Array) {}

  /** Undefined if it is no UTF-8. */
  public get text(): string | undefined {
    return this.reading().text;
  }

  /** Undefined if it is no JSON, or nested deeper than the stack reaches. */
  public get json(): unknown {
    return this.reading().json;
  }

  private reading(): { readonly text?: string; readonly json?: unknown } {
    if (this.read === undefined) {
      const text = textOf(this.data);
      this.read = { text, json: text === undefined ? undefined : parseJson(text) };
    }
    return this.read;
  }
}

function textOf(data: Uint8Array): string | undefined {
  try {
    return UTF8.decode(data);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    // A reviver makes it five times slower.
    return UNUSUAL_NUMBER.test(text) ? parse(text, keepDigits) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function keepDigits(_key: string, value: unknown, { source }: { readonly source: string }): unknown {
  return typeof value === 'number' && String(value) !== source ? rawJSON(source) : value;
}
