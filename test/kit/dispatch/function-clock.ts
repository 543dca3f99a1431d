import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Sets the wall clock of function processes: they read its distance from the real time in a file. */
export class FunctionClock {
  private readonly directory = mkdtempSync(join(tmpdir(), 'kit-clock-'));
  private readonly path = join(this.directory, 'offset');
  private readonly file = openSync(this.path, 'w');
  private offset = 0;

  /** Variables for the functions. */
  public get environment(): Record<string, string> {
    return { KIT_CLOCK: this.path, NODE_OPTIONS: `--require ${join(__dirname, 'preloaded-clock.cjs')}` };
  }

  public readonly now = (): number => Date.now() + this.offset;

  public set(time: number): void {
    this.offset = time - Date.now();
    writeSync(this.file, String(this.offset).padEnd(24), 0);
  }

  public close(): void {
    closeSync(this.file);
    rmSync(this.directory, { recursive: true });
  }
}
