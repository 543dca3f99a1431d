/**
 * Minifies the runtime blocks of EdgeRewrite once, at library build, so that synth only joins strings. The result is
 * committed; a test fails when it is out of date. Run by `npx projen bundle`.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';

const BLOCKS = join(__dirname, '../src/edge-rewrite/compiler/blocks');
export const MINIFIED = join(BLOCKS, 'minified.generated.ts');

/** Only white space and local names go: the syntax tree, and with it every opcode, stays what was counted. */
export function minifiedBlocks(): string {
  const minified = (name: string) => {
    const source = readFileSync(join(BLOCKS, `${name}.js`), 'utf8').replace(/^ *\/\/#(\w+) ?(\w*)$/gm, '$$$1("$2");');
    const { code } = esbuild.transformSync(source, {
      minifyWhitespace: true, minifyIdentifiers: true, minifySyntax: false, charset: 'ascii', legalComments: 'none',
    });
    return code.trim().replace(/\$(\w+)\("(\w*)"\);?/g, '\n//#$1 $2\n').replace(/ $/gm, '').replace(/\n\n+/g, '\n');
  };
  return [
    '// Made by projenrc/edge-blocks.ts from the blocks beside it.',
    ...['access', 'viewer-request', 'viewer-response'].map((name) => {
      const constant = name.toUpperCase().replace('-', '_');
      return `export const ${constant} = ${JSON.stringify(minified(name))};`;
    }),
    '',
  ].join('\n');
}

if (require.main === module) {
  const text = minifiedBlocks();
  // Whoever compiles meanwhile sees the whole file.
  if (readFileSync(MINIFIED, 'utf8') !== text) {
    writeFileSync(`${MINIFIED}.new`, text);
    renameSync(`${MINIFIED}.new`, MINIFIED);
  }
}
