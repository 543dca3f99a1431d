import { readFileSync } from 'fs';
import { checkKnown } from './known';

/**
 * A key that is read from a file at synth and goes into the key value store only, not into code or template. It passes
 * through the cloud assembly and the asset bucket, as one of their files. It is text: 32 to 400 printable ASCII characters
 * without spaces, such as `openssl rand -base64 48` makes them.
 */
export class EdgeSecret {
  /** A file that is not under version control; a line break at its end does not count. */
  public static fromFile(path: string): EdgeSecret {
    checkKnown('path', path);
    return new EdgeSecret(path);
  }

  private constructor(private readonly path: string) {}

  /** @internal */
  public _read(): string {
    const text = this.content().replace(/\r?\n$/, '');
    // No message may show it.
    if (!/^[!-~]{32,400}$/.test(text)) throw new Error(`the file '${this.path}' must hold 32 to 400 printable ASCII characters without spaces, got another text`);
    return text;
  }

  private content(): string {
    try {
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      throw new Error(`a secret must be a readable file, got '${this.path}' (${(error as NodeJS.ErrnoException).code})`);
    }
  }
}
