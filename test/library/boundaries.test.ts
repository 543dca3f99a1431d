import { readdirSync, readFileSync } from 'fs';
import { isBuiltin } from 'module';
import { basename, dirname, join, relative } from 'path';

const ROOT = join(__dirname, '../..');
const KITS = ['shared', 'private', 'handler-kit'];

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

/** What a source file belongs to. */
function zoneOf(file: string): { kind: string; room?: string } {
  const [, room, ...rest] = file.split('/');
  if (rest.length === 0) return { kind: 'map' };
  if (KITS.includes(room)) return { kind: room };
  if (rest[0] === 'contract.ts') return { kind: 'contract', room };
  if (rest[0] === 'common') return { kind: 'common', room };
  if (rest[0] === 'handlers') return { kind: file.endsWith('.lambda.ts') ? 'shell' : 'handler', room };
  return { kind: 'construct', room };
}

/** Targets of imports: files of ours as paths, packages by name. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^(?:import|export)\s[^'"]*?from\s+['"](.+?)['"]|^import\s+['"](.+?)['"]|(?:import|require)\(['"](.+?)['"]\)/gm)]
    .map(([, a, b, c]) => a ?? b ?? c)
    .map((target) => target.startsWith('.') ? resolveOwn(file, target) : target);
}

function resolveOwn(file: string, target: string): string {
  const path = join(dirname(file), target);
  return SOURCES.find((source) => source === `${path}.ts` || source === `${path}/index.ts`) ?? path;
}

const SOURCES = filesBelow('src').filter((file) => file.endsWith('.ts'));
const CDK = /^(aws-cdk-lib|constructs)(\/|$)/;

/** The import table: what each kind of file may reach. */
function allowed(file: string, target: string): boolean {
  const from = zoneOf(file);
  if (!target.startsWith('src/')) {
    switch (from.kind) {
      case 'contract': return false;
      case 'common': return isBuiltin(target);
      case 'handler': case 'shell': case 'handler-kit': return !CDK.test(target);
      default: return CDK.test(target) || isBuiltin(target);
    }
  }
  const to = zoneOf(target);
  switch (from.kind) {
    case 'map': return true;
    case 'contract': return false;
    case 'common': return to.room === from.room && ['contract', 'common'].includes(to.kind);
    case 'shared': return to.kind === 'shared';
    case 'private': return ['private', 'shared'].includes(to.kind);
    case 'handler-kit': return to.kind === 'handler-kit';
    case 'construct': return ['shared', 'private'].includes(to.kind) || (to.room === from.room && ['construct', 'contract', 'common'].includes(to.kind));
    default: return to.kind === 'handler-kit' || (to.room === from.room && ['contract', 'common', 'handler'].includes(to.kind));
  }
}

test('every import is allowed', () => {
  expect(SOURCES.length).toBeGreaterThan(20);
  const imports = SOURCES.flatMap((file) => importsOf(file).map((target) => [file, target] as const));
  expect(imports.length).toBeGreaterThan(50);
  expect(imports.filter(([file, target]) => !allowed(file, target)).map((pair) => pair.join(' → '))).toEqual([]);
});

test.each([
  ['src/image-resize-pipeline/image-source.ts', 'src/image-resize-pipeline/handlers/keys.ts'],
  ['src/image-resize-pipeline/image-source.ts', 'src/other-room/image.ts'],
  ['src/image-resize-pipeline/image-source.ts', '@aws-sdk/client-s3'],
  ['src/image-resize-pipeline/contract.ts', 'path'],
  ['src/kinesis-fan-out/common/event-pattern.ts', 'aws-cdk-lib'],
  ['src/kinesis-fan-out/common/event-pattern.ts', '@aws-sdk/client-s3'],
  ['src/kinesis-fan-out/common/event-pattern.ts', 'src/kinesis-fan-out/handlers/json.ts'],
  ['src/kinesis-fan-out/common/event-pattern.ts', 'src/kinesis-fan-out/guards.ts'],
  ['src/image-resize-pipeline/handlers/keys.ts', 'aws-cdk-lib'],
  ['src/image-resize-pipeline/handlers/keys.ts', 'src/private/validate.ts'],
  ['src/image-resize-pipeline/handlers/serve.lambda.ts', 'src/shared/index.ts'],
  ['src/private/validate.ts', 'src/image-resize-pipeline/contract.ts'],
  ['src/shared/index.ts', 'src/private/validate.ts'],
  ['src/handler-kit/log.ts', 'src/image-resize-pipeline/contract.ts'],
])('%s may not import %s', (file, target) => {
  expect(allowed(file, target)).toBe(false);
});

test('handler code that does not talk to AWS is pure: no clock, chance, environment, files or network', () => {
  // What reads the environment wires the rest to the world.
  const worldly = (target: string) => target.startsWith('@aws-sdk/') || target === 'src/handler-kit/env.ts';
  const pure = SOURCES.filter((file) => ['handler', 'common'].includes(zoneOf(file).kind) && !importsOf(file).some(worldly));
  expect(pure.length).toBeGreaterThan(5);
  const impure = /Date\.now\(|new Date\(\)|Math\.random|randomUUID|process\.env|node:(fs|https?|child_process)|\bfetch\(|(?<!BlockList, isIP \} from ')node:net/;
  expect(pure.filter((file) => impure.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
});

test('rooms export nothing of their handlers', () => {
  expect(SOURCES.filter((file) => zoneOf(file).kind === 'construct' && file.endsWith('/index.ts')).flatMap(importsOf).filter((target) => /handlers|contract/.test(target))).toEqual([]);
});

test('every room has its public files and one line in the map', () => {
  const rooms = [...new Set(SOURCES.map((file) => zoneOf(file).room).filter((room) => room !== undefined))];
  const map = readFileSync(join(ROOT, 'src/index.ts'), 'utf8');
  for (const room of rooms) {
    expect(filesBelow(`src/${room}`)).toEqual(expect.arrayContaining(['README.md', 'index.ts', 'contract.ts', `${room}.ts`].map((file) => `src/${room}/${file}`)));
    expect(map.match(new RegExp(`^export \\* from './${room}';`, 'gm'))).toHaveLength(1);
  }
  expect(rooms).toContain('image-resize-pipeline');
});

test('no code under test/ is such as jest never runs and nothing names', () => {
  const support = /^test\/kit\//;
  const files = filesBelow('test').filter((file) => !file.includes('node_modules/'));
  const code = new Map([...files, ...filesBelow('bench'), ...filesBelow('projenrc')].filter((file) => file.endsWith('.ts')).map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
  const names = (text: string, file: string) => [`/${basename(file)}`, `/${basename(file, '.ts')}'`, `'${basename(file)}'`].some((name) => text.includes(name));
  const unnamed = (file: string) => ![...code].some(([other, text]) => other !== file && names(text, file));
  const stray = files.filter((file) => /\.[cm]?[jt]sx?$/.test(file) && !file.endsWith('.test.ts') && !support.test(file) && unnamed(file));
  expect(stray).toEqual([]);
});
