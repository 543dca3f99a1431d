import { Document, DocumentValue, MAX_DEPTH, SyntaxProblem, syntaxProblem } from './document';

/**
 * JSON with lines. Where an item of a list or object cannot be read, it is reported, the list or object is marked broken,
 * and reading goes on behind the item.
 */
export function readJson(text: string): Document {
  return new JsonReader(text.replace(/^\uFEFF/, '')).read();
}

class JsonReader {
  private readonly errors: { line: number; message: string }[] = [];
  private at = 0;
  private line = 1;
  private depth = 0;

  constructor(private readonly text: string) {}

  public read(): Document {
    let root: DocumentValue = { kind: 'other', line: 1, text: '' };
    try {
      this.space();
      root = this.value();
      this.space();
      if (this.at < this.text.length) {
        throw new SyntaxProblem('expected the end of the file');
      }
    } catch (error) {
      this.errors.push({ line: this.line, message: syntaxProblem(error).message });
    }
    return { root, errors: this.errors };
  }

  private value(): DocumentValue {
    const line = this.line;
    switch (this.text[this.at]) {
      case '{':
        return this.object();
      case '[':
        return this.array();
      case '"':
        return { kind: 'string', line, text: this.string() };
    }
    const word = this.match(/true|false|null/y);
    if (word !== undefined) {
      return { kind: word === 'null' ? 'other' : 'boolean', line, text: word };
    }
    return { kind: 'number', line, text: this.expect(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y, 'a value') };
  }

  private object(): DocumentValue {
    const line = this.line;
    const entries = new Map<string, DocumentValue>();
    const broken = this.items('}', () => {
      const key = this.string();
      if (entries.has(key)) {
        throw new SyntaxProblem(`'${key}' stands there already`);
      }
      this.space();
      this.expect(/:/y, "':'");
      this.space();
      entries.set(key, this.value());
    });
    return { kind: 'table', line, entries, broken };
  }

  private array(): DocumentValue {
    const line = this.line;
    const items: DocumentValue[] = [];
    const broken = this.items(']', () => items.push(this.value()));
    return { kind: 'array', line, items, broken };
  }

  /** What stands between brackets, separated by commas. True if some of it could not be read. */
  private items(close: '}' | ']', item: () => void, depth = this.depth): boolean {
    if (depth >= MAX_DEPTH) {
      throw new SyntaxProblem(`lists and objects nest ${MAX_DEPTH} deep at most`, 'hopeless');
    }
    let broken = false;
    this.at++;
    this.space();
    if (this.take(close)) {
      return broken;
    }
    for (;;) {
      const start = { at: this.at, line: this.line };
      try {
        this.depth = depth + 1;
        item();
        this.space();
        if (this.text[this.at] !== ',' && this.text[this.at] !== close) {
          throw new SyntaxProblem(`expected ',' or '${close}'`);
        }
      } catch (error) {
        const { message, kind } = syntaxProblem(error);
        if (kind === 'hopeless') {
          throw error;
        }
        const line = this.line;
        broken = true;
        Object.assign(this, start);
        this.skip();
        const lost = this.line > line ? `; it is left out up to line ${this.line}` : '';
        this.errors.push({ line, message: message + lost });
      }
      if (!this.take(',')) {
        break;
      }
      this.space();
    }
    this.depth = depth;
    if (!this.take(close)) {
      throw new SyntaxProblem(`expected '${close}'`);
    }
    return broken;
  }

  /** Behind the item that starts here, up to the comma or bracket that ends it. */
  private skip(): void {
    for (let depth = 0; this.at < this.text.length;) {
      const found = this.match(/"(?:[^"\\\n]|\\.)*"?|[^]/y)!;
      if (depth === 0 && /^[,\]}]$/.test(found)) {
        this.at--;
        return;
      }
      depth += /^[[{]$/.test(found) ? 1 : /^[\]}]$/.test(found) ? -1 : 0;
    }
  }

  private string(): string {
    // eslint-disable-next-line no-control-regex
    return JSON.parse(this.expect(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"/y, 'a text in double quotes')) as string;
  }

  private space(): void {
    this.match(/[ \t\r\n]*/y);
  }

  private take(character: string): boolean {
    const there = this.text[this.at] === character;
    this.at += there ? 1 : 0;
    return there;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) {
      this.at += found.length;
      this.line += found.split('\n').length - 1;
    }
    return found;
  }

  private expect(pattern: RegExp, what: string): string {
    const found = this.match(pattern);
    if (found === undefined) {
      throw new SyntaxProblem(`expected ${what}`);
    }
    return found;
  }
}
