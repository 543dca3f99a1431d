import { readFileSync } from 'node:fs';
import * as esbuild from 'esbuild';

/**
 * An AWS SDK client describes every shape of its service in one module, EC2's in 560 kB. Shapes that no command in use
 * refers to are constants nobody reads, but esbuild keeps those with a computed key, `{ [_xN]: _tS }`: turning a key
 * into a string could run code. Here each such key is a string declared above, so it may as well stand in its place.
 */
export const droppableSchemas: esbuild.Plugin = {
  name: 'droppable-schemas',
  setup(run) {
    run.onLoad({ filter: /\/node_modules\/@aws-sdk\/client-[^/]+\/dist-es\/schemas\/schemas_\d+\.js$/ }, ({ path }) => (
      { contents: withLiteralKeys(readFileSync(path, 'utf8')), loader: 'js' }));
  },
};

/** `const _xN = "xmlName"; … { [_xN]: _tS }` → `… { ["xmlName"]: _tS }` */
export function withLiteralKeys(schemas: string): string {
  const strings = new Map(Array.from(schemas.matchAll(/^const (\w+) = ("[^"\\\n]*");$/gm), ([, name, string]) => [name, string]));
  return schemas.replace(/\[([\w$]+)\]:/g, (key, name: string) => strings.has(name) ? `[${strings.get(name)}]:` : key);
}
