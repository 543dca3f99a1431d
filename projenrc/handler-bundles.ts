/**
 * Bundles every `src/<room>/handlers/<verb>.lambda.ts` into `assets/`, in one esbuild run:
 *
 *   assets/<room>/<verb>/index.mjs         one function, exporting `handler`
 *   assets/<room>/{arm64,x64}/index.mjs    a room with native code: one directory per architecture, all its
 *                                          handlers exported by verb, the binaries beside them
 *
 * Equal inputs give equal bytes. Run by `npx projen bundle`.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import * as esbuild from 'esbuild';
import { Lockfile, billOfMaterials, checkLicences, licenceFile, noticesOf } from './licences';
import { droppableSchemas } from './sdk-schemas';
import { ARCHITECTURES, sharpBinaries } from './sharp-binaries';

export const BUDGET = {
  /** Bytes of one plain handler. */
  handler: 500_000,
  /** Bytes of one that holds EC2's client; a drill's holds six more. */
  ec2Handler: 650_000,
  /** Bytes of a native room's code without its binaries: four SDK clients and sharp's own half. */
  nativeCode: 700_000,
  /** Bytes of a native room's whole directory. */
  nativeFunction: 20 * 1024 * 1024,
};

/** Rooms that need sharp. */
const NATIVE_ROOMS = ['image-resize-pipeline'];
/** Rooms whose handlers hold EC2's client. */
const EC2_ROOMS = ['ebs-snapshot-dr'];
const ROOT = join(__dirname, '..');

/**
 * Ways of the SDK's default chain to credentials that a function never takes: Lambda puts its role's into the environment,
 * the first place asked. They are imported when reached, and would be a fifth of a bundle.
 */
const UNREACHED_CREDENTIALS = [
  ...['sso', 'ini', 'process', 'web-identity', 'login'].map((name) => `@aws-sdk/credential-provider-${name}`),
  '@smithy/credential-provider-imds',
];

export interface BundleOptions {
  /** Where `assets/`, `THIRD-PARTY-LICENSES` and `sbom.cdx.json` go. @default - the repository */
  readonly out?: string;
  /** Holds `<room>/handlers/*.lambda.ts`. @default - src/ */
  readonly source?: string;
  /** Holds the tarballs of the native binaries. @default - .cache/sharp */
  readonly cache?: string;
}

export async function bundle(options: BundleOptions = {}): Promise<esbuild.Metafile> {
  const { out = ROOT, source = join(ROOT, 'src'), cache = join(ROOT, '.cache/sharp') } = options;
  const lock = new Lockfile(ROOT);
  const { code, metafile } = await build(entriesIn(source));

  const assets = new Map<string, Uint8Array>();
  const notices = noticesOf(modulesOf(metafile), ROOT, lock);
  for (const [path, content] of code) {
    const room = dirname(path);
    if (!NATIVE_ROOMS.includes(room)) {
      checkBudget(path, content.length, EC2_ROOMS.includes(path.split('/')[0]) ? BUDGET.ec2Handler : BUDGET.handler);
      assets.set(path, content);
      continue;
    }
    checkBudget(path, content.length, BUDGET.nativeCode);
    for (const architecture of ARCHITECTURES) {
      const binaries = sharpBinaries(architecture, lock, cache);
      const directory = new Map([[basename(path), content], ...binaries.files]);
      checkBudget(`${room}/${architecture}`, [...directory.values()].reduce((sum, file) => sum + file.length, 0), BUDGET.nativeFunction);
      directory.forEach((file, name) => assets.set(`${room}/${architecture}/${name}`, file));
      notices.push(...binaries.notices);
    }
  }
  checkLicences(notices);

  const files = new Map([...assets].map(([path, content]) => [`assets/${path}`, content]));
  files.set('THIRD-PARTY-LICENSES', Buffer.from(licenceFile(notices, join(__dirname, 'licences'))));
  files.set('sbom.cdx.json', Buffer.from(billOfMaterials(notices, assets, ROOT)));
  install(files, out);
  removeOthers(join(out, 'assets'), new Set(assets.keys()));
  return metafile;
}

/** Output path without extension → entry point, sorted. */
function entriesIn(source: string): Record<string, string> {
  const handlers = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^[^/]+\/handlers\/[^/]+\.lambda\.ts$/.test(path))
    .sort();
  if (handlers.length === 0) {
    throw new Error(`'${source}' must hold <room>/handlers/<verb>.lambda.ts, got none`);
  }
  return Object.fromEntries(handlers.map((path) => {
    const room = path.split('/')[0];
    return NATIVE_ROOMS.includes(room)
      ? [`${room}/index`, `all-handlers:${join(source, room, 'handlers')}`]
      : [`${room}/${basename(path, '.lambda.ts')}/index`, join(source, path)];
  }));
}

async function build(entryPoints: Record<string, string>): Promise<{ code: Map<string, Uint8Array>; metafile: esbuild.Metafile }> {
  const outdir = join(ROOT, 'assets');
  const result = await esbuild.build({
    entryPoints,
    absWorkingDir: ROOT,
    outdir,
    outExtension: { '.js': '.mjs' },
    write: false,
    bundle: true,
    external: UNREACHED_CREDENTIALS,
    platform: 'node',
    target: 'node22', // the oldest runtime a user may choose
    format: 'esm',
    mainFields: ['module', 'main'],
    minify: true,
    keepNames: true,
    legalComments: 'none', // THIRD-PARTY-LICENSES holds them in full
    metafile: true,
    logLevel: 'silent', // what goes wrong is thrown
    tsconfigRaw: {},
    banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" },
    logOverride: { 'unsupported-dynamic-import': 'error', 'unsupported-require-call': 'error', 'indirect-require': 'error' },
    plugins: [allHandlers, droppableSchemas, sharpBesideTheBundle],
  });
  const code = new Map(result.outputFiles.map((file) => [relative(outdir, file.path), file.contents]));
  return { code, metafile: result.metafile };
}

/** `all-handlers:<directory>` is a module exporting each `<verb>.lambda.ts`'s handler by verb. */
const allHandlers: esbuild.Plugin = {
  name: 'all-handlers',
  setup(run) {
    run.onResolve({ filter: /^all-handlers:/ }, ({ path }) => (
      { path: relative(ROOT, path.slice('all-handlers:'.length)), namespace: 'all-handlers' }));
    run.onLoad({ filter: /./, namespace: 'all-handlers' }, ({ path }) => {
      const directory = join(ROOT, path);
      const verbs = readdirSync(directory).filter((file) => file.endsWith('.lambda.ts')).map((file) => basename(file, '.lambda.ts')).sort();
      const contents = verbs.map((verb) => `export { handler as ${verb} } from './${verb}.lambda';`).join('\n');
      return { contents, resolveDir: directory, loader: 'ts' };
    });
  },
};

/** sharp looks its addon up through a `require` of its own making, which esbuild cannot follow. */
const sharpBesideTheBundle: esbuild.Plugin = {
  name: 'sharp-beside-the-bundle',
  setup(run) {
    run.onLoad({ filter: /\/node_modules\/sharp\/dist\/sharp\.mjs$/ }, ({ path }) => {
      let contents = readFileSync(path, 'utf8');
      for (const architecture of ARCHITECTURES) {
        const [from, to] = [`"@img/sharp-linux-${architecture}/sharp.node"`, `"./sharp-linux-${architecture}/lib/sharp.node"`];
        if (contents.split(from).length !== 2) {
          throw new Error(`sharp/dist/sharp.mjs must name ${from} exactly once; sharp changed how it finds its addon`);
        }
        contents = contents.replace(from, to);
      }
      return { contents, loader: 'js' };
    });
    // Its helpers for building from source, never called here, look for headers with a computed name.
    run.onLoad({ filter: /\/node_modules\/sharp\/dist\/libvips\.mjs$/ }, ({ path }) => (
      { contents: `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\n${readFileSync(path, 'utf8')}`, loader: 'js' }));
  },
};

/** Every module with at least one byte in a bundle. */
function modulesOf(metafile: esbuild.Metafile): string[] {
  return Object.values(metafile.outputs).flatMap((output) => (
    Object.entries(output.inputs).filter(([, input]) => input.bytesInOutput > 0).map(([path]) => path))).sort();
}

function checkBudget(label: string, bytes: number, budget: number): void {
  if (bytes > budget) {
    throw new Error(`'${label}' must be at most ${budget} bytes, got ${bytes}`);
  }
}

/**
 * A file is replaced by renaming, and only if it differs, so that whoever reads the directory meanwhile,
 * or runs this at the same time, always sees whole files.
 */
function install(files: ReadonlyMap<string, Uint8Array>, directory: string): void {
  const staging = mkdtempSync(join(directory, '.bundle-'));
  try {
    for (const [path, content] of files) {
      const target = join(directory, path);
      if (!isEqual(target, content)) {
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(join(staging, 'file'), content);
        renameSync(join(staging, 'file'), target);
      }
    }
  } finally {
    rmSync(staging, { recursive: true });
  }
}

function isEqual(path: string, content: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(content);
  } catch {
    return false;
  }
}

function removeOthers(directory: string, wanted: ReadonlySet<string>, prefix = ''): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory() && [...wanted].some((file) => file.startsWith(`${path}/`))) {
      removeOthers(join(directory, entry.name), wanted, `${path}/`);
    } else if (!wanted.has(path)) {
      rmSync(join(directory, entry.name), { recursive: true, force: true });
    }
  }
}

if (require.main === module) {
  bundle().then(({ outputs }) => {
    for (const [path, { bytes }] of Object.entries(outputs).sort()) {
      console.log(`${path} ${(bytes / 1000).toFixed(0)} kB`);
    }
  }).catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
