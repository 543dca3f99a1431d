import { TableHead } from '../contract';

const NEW_LINE = 0x0a;

/** The rules as lines sorted by key, looked up by halving: nothing is parsed when a function starts. */
export class EdgeTable {
  public readonly head: TableHead;
  private readonly start: number;

  constructor(private readonly bytes: Buffer) {
    this.start = bytes.indexOf(NEW_LINE) + 1;
    this.head = JSON.parse(bytes.toString('utf8', 0, this.start)) as TableHead;
  }

  public get(key: string): string | undefined {
    const wanted = Buffer.from(`${key} `);
    let low = this.start;
    let high = this.bytes.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const line = middle === low ? low : this.bytes.lastIndexOf(NEW_LINE, middle - 1) + 1;
      const end = this.bytes.indexOf(NEW_LINE, line);
      const order = this.bytes.compare(wanted, 0, wanted.length, line, Math.min(line + wanted.length, end));
      if (order === 0) return this.bytes.toString('utf8', line + wanted.length, end);
      if (order < 0) low = end + 1;
      else high = line;
    }
    return undefined;
  }
}
