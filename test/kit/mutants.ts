/** Breaks handlers in ways they could be broken, so that a simulation shows what it finds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const SRC = join(__dirname, '..', '..', 'src');

export interface Mutant {
  /** Among the handlers of the room. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly code: string;
  readonly instead: string;
}

/** What the modules of a folder export, run with the handlers of a room: as they are, or some of them broken. */
export async function bundleOf<Exports>(room: string, folder: string, modules: readonly string[], mutants: readonly Mutant[] = []): Promise<Exports> {
  const broken = new Map(mutants.map((mutant) => breakFile(join(SRC, room, 'handlers', mutant.file), mutant)));
  const { outputFiles: [{ text }] } = await build({
    stdin: { contents: modules.map((name) => `export * from './${name}';`).join('\n'), resolveDir: folder },
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node22',
    plugins: [{
      name: 'mutant',
      setup: (run) => run.onLoad({ filter: /\.ts$/ }, ({ path }) => broken.has(path) ? { contents: broken.get(path), loader: 'ts' } : undefined),
    }],
  });
  const module = { exports: {} };
  new Function('require', 'module', 'exports', text)(require, module, module.exports);
  return module.exports as Exports;
}

function breakFile(path: string, { file, code, instead }: Mutant): readonly [path: string, contents: string] {
  const [before, after, ...more] = readFileSync(path, 'utf8').split(code);
  if (after === undefined || more.length > 0) throw new Error(`'${code}' must stand in ${file} exactly once, got it ${after === undefined ? 0 : more.length + 1} times`);
  return [path, before + instead + after];
}

/** The first of all findings that fits, and the run that found it. */
export async function firstFinding(runs: number, fits: RegExp, findings: (run: number) => Promise<readonly string[]>): Promise<string | undefined> {
  for (let run = 0; run < runs; run++) {
    const fitting = (await findings(run)).find((line) => fits.test(line));
    if (fitting !== undefined) return `${fitting} (run ${run + 1})`;
  }
  return undefined;
}
