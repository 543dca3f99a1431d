import { createHash } from 'crypto';
import { mkdirSync, writeFileSync } from 'fs';
import { dirname, join } from 'path';
import { Stage } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';

/**
 * Writes files into the cloud assembly, below a directory named after their content: equal files, equal paths. Returns
 * the directory.
 */
export function writeFiles(scope: IConstruct, files: { readonly [name: string]: string | Uint8Array }, mode?: number): string {
  const hash = createHash('sha256');
  for (const [name, content] of Object.entries(files)) hash.update(`${name}\0${content.length}\0`).update(content);
  const directory = join(Stage.of(scope)!.outdir, `edge-rewrite.${hash.digest('hex').slice(0, 32)}`);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content, { mode });
  }
  return directory;
}
