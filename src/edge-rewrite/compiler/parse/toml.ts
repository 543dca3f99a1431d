import { Document, DocumentTable, DocumentValue, MAX_DEPTH, SyntaxProblem, syntaxProblem } from './document';

/**
 * Where a table comes from decides what may be added to it: `implicit` ones stand in a header of a deeper table only,
 * a number is the section whose dotted keys made it.
 */
type Origin = 'implicit' | 'header' | 'inline' | number;

interface Table extends DocumentTable {
  readonly entries: Map<string, DocumentValue>;
  readonly origin: { is: Origin };
}

interface List {
  readonly kind: 'array';
  readonly line: number;
  readonly items: DocumentValue[];
  readonly ofTables: boolean;
  broken: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = { 'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r', '"': '"', '\\': '\\' };
const INTEGER = /^(?:[+-]?(?:0|[1-9](?:_?\d)*)|0x[\dA-Fa-f](?:_?[\dA-Fa-f])*|0o[0-7](?:_?[0-7])*|0b[01](?:_?[01])*)$/;
const FLOAT = /^[+-]?(?:(?:0|[1-9](?:_?\d)*)(?=[.eE])(?:\.\d(?:_?\d)*)?(?:[eE][+-]?\d(?:_?\d)*)?|inf|nan)$/;
const DATE = /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])/;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?$/;
const OFFSET = /(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/**
 * TOML 1.0 with lines. A line that cannot be read is reported, the table it stands in is marked broken, and reading goes
 * on with the next line. Written here because code that runs at synth has no dependencies.
 */
export function readToml(text: string): Document {
  return new TomlReader(text.replace(/^\uFEFF/, '').replace(/\r\n/g, '\n')).read();
}

class TomlReader {
  private readonly root = table(1, 'header');
  private readonly errors: { line: number; message: string }[] = [];
  private current = this.root;
  private section = 0;
  private at = 0;
  private line = 1;
  private depth = 0;

  constructor(private readonly text: string) {}

  public read(): Document {
    while (this.at < this.text.length) {
      const start = { at: this.at, line: this.line };
      this.depth = 0;
      try {
        this.statement();
      } catch (error) {
        const { message, kind } = syntaxProblem(error);
        this.errors.push({ line: start.line, message });
        this.lost(start.at, start.line);
        if (kind === 'unterminated') {
          Object.assign(this, start);
        }
        this.match(/[^\n]*/y);
        this.match(/\n/y);
      }
    }
    return { root: this.root, errors: this.errors };
  }

  /** Marks the tables that are not whole for want of this line. */
  private lost(start: number, line: number): void {
    const opening = /[ \t]*(\[{0,2})/y;
    opening.lastIndex = start;
    const brackets = opening.exec(this.text)![1];
    if (brackets !== '[[') {
      this.current.broken = true;
    }
    if (brackets !== '') {
      // What follows belongs to the table that could not be opened, not to the one before it.
      this.current = table(line, 'header');
    }
  }

  private statement(): void {
    this.match(/[ \t]*/y);
    if (this.text[this.at] === '[') {
      this.header();
    } else if (!/[\n#]/.test(this.text[this.at] ?? '\n')) {
      this.assignment(this.current, this.section);
    }
    this.match(/[ \t]*/y);
    this.comment();
    if (this.at < this.text.length) {
      this.expect(/\n/y, 'the end of the line');
    }
  }

  private comment(): void {
    const comment = this.match(/#[^\n]*/y);
    if (comment !== undefined && CONTROL.test(comment)) {
      throw new SyntaxProblem('a comment has control characters');
    }
  }

  private header(): void {
    const line = this.line;
    const list = this.match(/\[\[/y) !== undefined;
    if (!list) {
      this.match(/\[/y);
    }
    const path = this.key();
    this.expect(list ? /\]\]/y : /\]/y, list ? "']]'" : "']'");
    this.section++;
    let parent = this.root;
    for (const name of path.slice(0, -1)) {
      parent = this.descend(parent, name, line, 'implicit', (origin) => origin !== 'inline');
    }
    const name = path.at(-1)!;
    const before = parent.entries.get(name) as Table | List | undefined;
    const next = table(line, 'header');
    if (list) {
      if (before === undefined) {
        parent.entries.set(name, { kind: 'array', line, items: [next], ofTables: true, broken: false } as DocumentValue);
      } else if (before.kind === 'array' && before.ofTables) {
        before.items.push(next);
      } else {
        throw new SyntaxProblem(`'${path.join('.')}' stands there already`);
      }
      this.current = next;
    } else if (before === undefined) {
      parent.entries.set(name, next);
      this.current = next;
    } else if (before.kind === 'table' && before.origin.is === 'implicit') {
      before.origin.is = 'header';
      this.current = before;
    } else {
      throw new SyntaxProblem(`'${path.join('.')}' stands there already`);
    }
  }

  private assignment(target: Table, section: number): void {
    const line = this.line;
    const path = this.key();
    this.expect(/=/y, "'='");
    this.match(/[ \t]*/y);
    const value = this.value();
    let parent = target;
    for (const name of path.slice(0, -1)) {
      parent = this.descend(parent, name, line, section, (origin) => origin === 'implicit' || origin === section);
    }
    const name = path.at(-1)!;
    if (parent.entries.has(name)) {
      parent.broken = true;
      throw new SyntaxProblem(`'${path.join('.')}' stands there already`);
    }
    parent.entries.set(name, value);
  }

  private descend(parent: Table, name: string, line: number, origin: Origin, allowed: (origin: Origin) => boolean): Table {
    const value = parent.entries.get(name) as Table | List | undefined;
    if (value === undefined) {
      const made = table(line, origin);
      parent.entries.set(name, made);
      return made;
    }
    // A list stands for its last table, but only headers may add to that.
    const found = value.kind === 'array' && value.ofTables && origin === 'implicit' ? value.items.at(-1) as Table : value;
    if (found.kind !== 'table' || !allowed(found.origin.is)) {
      throw new SyntaxProblem(`nothing can be added to '${name}'`);
    }
    if (typeof origin === 'number') {
      found.origin.is = origin;
    }
    return found;
  }

  private key(): readonly string[] {
    const path: string[] = [];
    do {
      this.match(/[ \t]*/y);
      const quote = this.text[this.at];
      path.push(quote === '"' || quote === "'" ? this.oneLine(quote) : this.expect(/[A-Za-z0-9_-]+/y, 'a key'));
      this.match(/[ \t]*/y);
    } while (this.match(/\./y) !== undefined);
    return path;
  }

  private value(): DocumentValue {
    const line = this.line;
    switch (this.text[this.at]) {
      case '"':
      case "'":
        return { kind: 'string', line, text: this.string(this.text[this.at]) };
      case '[':
        return this.nested(() => this.array());
      case '{':
        return this.nested(() => this.inlineTable());
      default:
        return { ...this.bare(), line };
    }
  }

  private nested(read: () => DocumentValue): DocumentValue {
    if (this.depth >= MAX_DEPTH) {
      throw new SyntaxProblem(`lists and tables nest ${MAX_DEPTH} deep at most`);
    }
    this.depth++;
    const value = read();
    this.depth--;
    return value;
  }

  private bare(): { kind: 'number' | 'boolean' | 'other'; text: string } {
    const text = this.match(/\d{4}-\d\d-\d\d \d[\d:.]*(?:[Zz]|[+-]\d\d:\d\d)?|[A-Za-z0-9_+.:-]+/y) ?? '';
    if (text === 'true' || text === 'false') {
      return { kind: 'boolean', text };
    }
    if (INTEGER.test(text) || FLOAT.test(text)) {
      return { kind: 'number', text: text.replace(/_/g, '') };
    }
    if (isMoment(text)) {
      return { kind: 'other', text };
    }
    throw new SyntaxProblem(`a value is a text, number, true, false, date, list or table, got '${text}'`);
  }

  private array(): DocumentValue {
    const line = this.line;
    const items: DocumentValue[] = [];
    this.at++;
    for (;;) {
      this.space();
      if (this.match(/\]/y) !== undefined) {
        break;
      }
      items.push(this.value());
      this.space();
      if (this.match(/,/y) === undefined) {
        this.expect(/\]/y, "',' or ']'");
        break;
      }
    }
    return { kind: 'array', line, items, ofTables: false, broken: false } as DocumentValue;
  }

  /** Space, line ends and comments within a list. */
  private space(): void {
    do {
      this.match(/[ \t\n]*/y);
      this.comment();
    } while (/[ \t\n]/.test(this.text[this.at] ?? ''));
    if (this.at >= this.text.length) {
      throw new SyntaxProblem("a list has no ']'", 'unterminated');
    }
  }

  private inlineTable(): DocumentValue {
    const made = table(this.line, 'implicit');
    this.at++;
    this.match(/[ \t]*/y);
    if (this.match(/\}/y) === undefined) {
      // A section of its own: what its dotted keys make is closed with it.
      const section = -1 - this.at;
      do {
        this.assignment(made, section);
        this.match(/[ \t]*/y);
      } while (this.match(/,/y) !== undefined);
      this.expect(/\}/y, "',' or '}'");
    }
    seal(made);
    return made;
  }

  private string(quote: string): string {
    const triple = quote.repeat(3);
    return this.text.startsWith(triple, this.at) ? this.manyLines(quote, triple) : this.oneLine(quote);
  }

  /** A text within one line. */
  private oneLine(quote: string): string {
    const found = this.expect(quote === '"' ? /"(?:[^"\\\n]|\\[^\n])*"/y : /'[^'\n]*'/y, `a text that ends with ${quote}`);
    return this.content(found.slice(1, -1), quote);
  }

  /** A text over several lines. Up to two quotes may stand before the closing three. */
  private manyLines(quote: string, triple: string): string {
    const found = this.match(quote === '"' ? /"""(?:[^"\\]|\\[^]|"{1,2}(?!"))*"{3,5}/y : /'''(?:[^']|'{1,2}(?!'))*'{3,5}/y);
    if (found === undefined) {
      throw new SyntaxProblem(`a text has no ${triple}`, 'unterminated');
    }
    return this.content(found.slice(3, -3).replace(/^\n/, ''), quote);
  }

  private content(text: string, quote: string): string {
    if (CONTROL.test(text.replace(/\n/g, ''))) {
      throw new SyntaxProblem('a text has control characters');
    }
    return quote === "'" ? text : text.replace(/\\(?:([ \t]*\n[ \t\n]*)|u([\dA-Fa-f]{4})|U([\dA-Fa-f]{8})|([^]))/g, (all, fold, short, long, one) => {
      if (fold !== undefined) {
        return '';
      }
      const point = short ?? long;
      if (point !== undefined) {
        return character(parseInt(point, 16), all);
      }
      if (!Object.hasOwn(ESCAPES, one)) {
        throw new SyntaxProblem(`'${all}' is not an escape`);
      }
      return ESCAPES[one];
    });
  }

  /** Takes what matches here; counts lines. */
  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) {
      this.at += found.length;
      for (let index = found.indexOf('\n'); index >= 0; index = found.indexOf('\n', index + 1)) {
        this.line++;
      }
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

function table(line: number, origin: Origin): Table {
  return { kind: 'table', line, entries: new Map(), broken: false, origin: { is: origin } };
}

/** Nothing can be added to an inline table, nor to a table in it. */
function seal(made: Table): void {
  made.origin.is = 'inline';
  for (const value of made.entries.values()) {
    if (value.kind === 'table') {
      seal(value as Table);
    }
  }
}

function character(point: number, escape: string): string {
  if (point > 0x10ffff || point >= 0xd800 && point <= 0xdfff) {
    throw new SyntaxProblem(`'${escape}' is not a character`);
  }
  return String.fromCodePoint(point);
}

/** A date, a time, or both with or without offset. */
function isMoment(text: string): boolean {
  const date = DATE.exec(text);
  if (date === null) {
    return TIME.test(text);
  }
  const [year, month, day] = date.slice(1).map(Number);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const longest = month === 2 ? leap ? 29 : 28 : [4, 6, 9, 11].includes(month) ? 30 : 31;
  const rest = text.slice(10);
  return day <= longest && (rest === '' || /^[Tt ]/.test(rest) && TIME.test(rest.slice(1).replace(OFFSET, '')));
}
