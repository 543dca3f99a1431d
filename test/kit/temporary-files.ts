/**
 * jest's global set-up and tear-down: every synth of a test leaves an assembly in the temporary folder, so a run has
 * one folder of its own, gone at its end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OURS = 'BLUEPRINTS_TEMPORARY_FILES';

export default function setUpOrTearDown(): void {
  const folder = process.env[OURS];
  if (folder === undefined) {
    process.env[OURS] = process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'blueprints-'));
  } else {
    rmSync(folder, { recursive: true, force: true });
  }
}
