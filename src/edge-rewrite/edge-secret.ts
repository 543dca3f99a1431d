import { readFileSync } from 'fs';
import { checkKnown } from './known';

/**
 * A key that is read at synth and goes into the key value store only, not into code or template. It passes through the
 * cloud assembly and the asset bucket, as one of their files. It is text: 32 to 400 printable ASCII characters without
 * spaces, such as `openssl rand -base64 48` makes them.
 */
export class EdgeSecret {
  /** In a file; a line break at its end does not count. */
  public static fromFile(path: string): EdgeSecret {
    checkKnown('path', path);
    return new EdgeSecret(`the file '${path}'`, () => readFileSync(path, 'utf8').replace(/\r?\n$/, ''));
  }

  /** In an environment variable of the process that runs the synthesis. */
  public static fromEnvironment(name: string): EdgeSecret {
    checkKnown('name', name);
    return new EdgeSecret(`the environment variable '${name}'`, () => process.env[name]);
  }

  private constructor(private readonly place: string, private readonly content: () => string | undefined) {}

  /** @internal */
  public _read(): string {
    const text = this.content();
    if (text === undefined || text === '') throw new Error(`${this.place} must hold a key, got nothing`);
    // No message may show it.
    if (!/^[!-~]{32,400}$/.test(text)) throw new Error(`${this.place} must hold 32 to 400 printable ASCII characters without spaces, got another text`);
    return text;
  }
}
