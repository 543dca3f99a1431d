/**
 * `npx projen bench [-- <section>…]`: measures the rooms against the bars of their pages, peers in the same run.
 * Prints Markdown; `--write` also puts it into README.md.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { ebsEvents } from './ebs-events';
import { ebsIam } from './ebs-iam';
import { ebsRestore } from './ebs-restore';
import { ebsScale } from './ebs-scale';
import { ebsSlots } from './ebs-slots';
import { edgeRewrite } from './edge';
import { edgeNginx } from './edge-nginx';
import { KINESIS_FAN_OUT } from './fan-out';
import { type Input, bombs, flat, input } from './inputs';
import { type Job, recipe } from './jobs';
import { NODE, buildWorker, compare, machine, median, ours, runOnce, vipsthumbnail } from './measure';
import { bundle } from '../projenrc/handler-bundles';
import type { RecipeFormat } from '../src/image-resize-pipeline/contract';
import { type ImageFacts, estimateMb } from '../src/image-resize-pipeline/handlers/admission';
import { pipelineEnvironment, runAsset } from '../test/image-resize-pipeline/golden/run-asset';
import { MemoryGroup } from '../test/kit/memory-group';

const ROOT = join(__dirname, '..');
const X64 = join(ROOT, 'assets/image-resize-pipeline/x64');
const WIDTHS = [320, 800, 1600];
const WEBP: RecipeFormat = { format: 'webp', extension: 'webp', quality: 80 };
const JPEG: RecipeFormat = { format: 'jpeg', extension: 'jpg', quality: 80 };
const AVIF: RecipeFormat = { format: 'avif', extension: 'avif' };
const MOZJPEG: RecipeFormat = { ...JPEG, mozjpeg: true };
const MEMORIES = [512, 1024, 1769];
const LAMBDA_MB = 1769;

const core = (file: string, formats: readonly RecipeFormat[]): Job => ({ kind: 'core', file, recipe: recipe(WIDTHS, formats), memoryMb: LAMBDA_MB });
const naive = (file: string, formats: readonly RecipeFormat[]): Job => ({ kind: 'naive', file, widths: WIDTHS, formats });

/** Bar 1: CPU of six outputs against naive sharp and vipsthumbnail. */
async function cpu(): Promise<string> {
  const scenes = await Promise.all([
    input('jpeg', 4032, 3024, 7), input('jpeg', 4000, 3000, 8), input('jpeg', 3024, 4032, 9), input('jpeg', 6000, 4000, 10), input('jpeg', 8000, 6000, 11),
  ]);
  const photos = scenes.map(({ name, file }) => {
    const r = compare({
      core: ours(core(file, [WEBP, JPEG])),
      naive: ours(naive(file, [WEBP, JPEG])),
      vips: vipsthumbnail(file, WIDTHS, ['.webp[Q=80]', '.jpg[Q=80]']),
      stretch: ours(core(file, [{ ...WEBP, effort: 2 }, JPEG])),
      mozCore: ours(core(file, [WEBP, MOZJPEG])),
      mozNaive: ours(naive(file, [WEBP, MOZJPEG])),
    });
    return [name, r.core, r.naive, r.vips, r.core.cpuMs / r.naive.cpuMs, r.core.cpuMs / r.vips.cpuMs,
      r.stretch.cpuMs / r.naive.cpuMs, total(r.stretch.answer.bytes) / total(r.naive.answer.bytes), r.mozCore.cpuMs / r.mozNaive.cpuMs] as const;
  });
  const others = [];
  for (const encoding of ['progressive jpeg', 'png', 'interlaced png', 'webp', 'tiff', 'avif']) {
    const { name, file } = await input(encoding, 4032, 3024, 7);
    const r = compare({ core: ours(core(file, [WEBP, JPEG])), naive: ours(naive(file, [WEBP, JPEG])) });
    others.push([name, r.core.cpuMs, r.naive.cpuMs, r.core.cpuMs / r.naive.cpuMs] as const);
  }
  return [
    '### Bar 1: CPU of 320, 800, 1600 px as WebP and JPEG, quality 80 (targets 0.67, 0.42; stretch 0.45)',
    table(['input', 'core ms', 'naive ms', 'vipsthumbnail ms', 'core / naive', 'core / vips', 'WebP effort 2 / naive', '… bytes', 'with mozjpeg: core / naive'],
      photos.map(([name, a, b, c, ...ratios]) => [name, ms(a.cpuMs), ms(b.cpuMs), ms(c.cpuMs), ...ratios.map(ratio)])),
    `Median: ${[4, 5, 6, 7, 8].map((i) => ratio(median(photos.map((row) => row[i] as number)))).join(', ')}`,
    'Other encodings (target 0.45, AVIF 0.30):',
    table(['input', 'core ms', 'naive ms', 'core / naive'], others.map(([name, a, b, r]) => [name, ms(a), ms(b), ratio(r)])),
  ].join('\n\n');
}

/** Bar 2 and the table of encoders. */
async function encoders(): Promise<string> {
  const { file } = await input('jpeg', 4032, 3024, 7);
  const variants: Record<string, RecipeFormat> = {
    'jpeg': JPEG,
    'mozjpeg': MOZJPEG,
    'webp effort 2': { ...WEBP, effort: 2 },
    'webp effort 4': { ...WEBP, effort: 4 },
    'webp effort 6': { ...WEBP, effort: 6 },
    'avif effort 0': { ...AVIF, effort: 0 },
    'avif effort 2': { ...AVIF, effort: 2 },
    'avif effort 3': { ...AVIF, effort: 3 },
    'avif effort 4': { ...AVIF, effort: 4 },
  };
  const nothing = compare({ r: ours(core(file, [])) }).r.cpuMs;
  const rows = Object.entries(variants).map(([name, format]) => {
    const { r } = compare({ r: ours(core(file, [format])) });
    return { name, all: r.cpuMs, encode: r.cpuMs - nothing, bytes: total(r.answer.bytes) };
  });
  const of = (name: string) => rows.find((row) => row.name === name)!;
  return [
    '### Bar 2: 12 MP to three AVIF widths (targets: below 700 ms, at most 1.15 x the bytes of effort 4)',
    `Effort 2: ${ms(of('avif effort 2').all)} ms, ${ratio(of('avif effort 2').bytes / of('avif effort 4').bytes)} x the bytes of effort 4.`,
    `Encoders, three widths; decoding, resizing and the placeholder (${ms(nothing)} ms) subtracted:`,
    table(['encoder', 'CPU ms', 'kB'], rows.map(({ name, encode, bytes }) => [name, ms(encode), ms(bytes / 1000)])),
  ].join('\n\n');
}

/** The part of bar 5 that is a figure: fidelity against Lanczos on the fully decoded original. */
async function fidelity(): Promise<string> {
  const rows: string[][] = [];
  for (const [width, height, seed] of [[4032, 3024, 7], [4000, 3000, 8], [3024, 4032, 9], [6000, 4000, 10]]) {
    const { name, file } = await input('jpeg', width, height, seed);
    const { answer } = ours({ kind: 'psnr', file, widths: WIDTHS }, 1)();
    answer.psnr!.forEach((at) => rows.push([name, `${at.width}`, decibels(at.core), decibels(at.naive)]));
  }
  return ['### Bar 5: PSNR in dB against full-resolution Lanczos3 (target: at least 40, at least naive)', table(['input', 'width', 'core', 'naive'], rows)].join('\n\n');
}

/** Bars 3 and 4: peak memory and what admission guessed. */
async function memory(): Promise<string> {
  const rows = [];
  const cases: Array<[encoding: string, width: number, height: number, formats: RecipeFormat[]]> = [
    ...['jpeg', 'jpeg 4:4:4', 'progressive jpeg', 'progressive jpeg 4:4:4', 'png', 'interlaced png', 'webp', 'tiff', 'gif', 'avif']
      .map((encoding) => [encoding, 8192, 6144, [WEBP, MOZJPEG]] as [string, number, number, RecipeFormat[]]),
    ['jpeg', 8192, 6144, [WEBP, MOZJPEG, AVIF]],
    ['jpeg', 4032, 3024, [WEBP, MOZJPEG]],
    ['avif', 4032, 3024, [WEBP, MOZJPEG]],
    ...['jpeg', 'png', 'tiff'].map((encoding) => [encoding, 12000, 8333, [WEBP, MOZJPEG]] as [string, number, number, RecipeFormat[]]),
  ];
  for (const [encoding, width, height, formats] of cases) {
    const { file, megapixels } = await input(encoding, width, height, 12);
    const wanted = recipe([480, 1024, 1600], formats, { maxPixels: 1e9 });
    const fileMb = statSync(file).size / 1e6;
    const coreMb = ours({ kind: 'core', file, recipe: wanted, memoryMb: LAMBDA_MB }, 1)().peakMb;
    // With next to no memory it is refused at once, and tells its estimate.
    const { estimateMb: estimate } = ours({ kind: 'core', file, recipe: wanted, memoryMb: 1 }, 1)().answer;
    const { peakMb, results } = await runAsset([NODE], X64, { original: readFileSync(file) }, { recipe: wanted });
    rows.push([encoding, ms(megapixels), formats.map(({ format }) => format).join(' '), ms(fileMb), ms(coreMb - fileMb), ms(peakMb),
      ms(estimate!), percent(estimate! / peakMb - 1), results.original]);
  }
  return [
    '### Bar 3: peak memory of the core beyond the input (target: at most 150 MB for baseline JPEG, PNG, WebP, TIFF)',
    '### Bar 4: what admission guesses against the peak of the whole function (target: within -10 / +40 %)',
    table(['input', 'MP', 'outputs', 'file MB', 'core beyond input', 'function peak', 'estimate', 'estimate / peak', 'outcome'], rows),
  ].join('\n\n');
}

/** Bar 3: bombs, and the largest pictures that are let in, under the kernel's limit. */
async function killers(): Promise<string> {
  const rows = [];
  const all = await bombs();
  for (const memoryMb of MEMORIES) {
    const largest: Input[] = [];
    for (const [encoding, facts] of Object.entries(FACTS)) largest.push(await flat(encoding, largestSide(facts, memoryMb)));
    const runs = [...all.map((bomb) => [bomb, 1e8] as const), ...[...all, ...largest].map((picture) => [picture, 1e9] as const)];
    for (const [{ name, file }, maxPixels] of runs) {
      const group = new MemoryGroup(memoryMb);
      const { status, peakMb, cpuMs, answer } = runOnce(
        { kind: 'core', file, recipe: recipe([480, 1024, 1600], [WEBP, MOZJPEG], { maxPixels }), memoryMb }, 1, (command) => group.wrap(command));
      group.remove();
      const figures = [peakMb, cpuMs, answer?.estimateMb].map((figure) => figure === undefined ? '' : ms(figure));
      rows.push([`${memoryMb}`, name, `${maxPixels / 1e6} MP`, answer?.refusal?.reason ?? status, ...figures]);
    }
  }
  const killed = rows.filter((row) => row.includes('killed') || row.includes('failed')).length;
  return [
    `### Bar 3: bombs and the largest admitted pictures under a memory limit of the kernel: ${killed} of ${rows.length} killed (target 0)`,
    table(['limit MB', 'picture', 'pixel limit', 'outcome', 'peak MB', 'CPU ms', 'estimate MB'], rows),
  ].join('\n\n');
}

const FACTS: Readonly<Record<string, Pick<ImageFacts, 'format' | 'progressive' | 'subsampling'>>> = {
  'avif': { format: 'avif', progressive: false },
  'progressive jpeg': { format: 'jpeg', progressive: true, subsampling: '4:2:0' },
  'progressive jpeg 4:4:4': { format: 'jpeg', progressive: true, subsampling: '4:4:4' },
  'gif': { format: 'gif', progressive: false },
  'interlaced png': { format: 'png', progressive: true },
};

function largestSide(facts: Pick<ImageFacts, 'format' | 'progressive' | 'subsampling'>, memoryMb: number): number {
  const output = { frame: { width: 1600, height: 1600 }, formats: [WEBP, MOZJPEG] };
  const fits = (side: number) => estimateMb({ ...facts, width: side, height: side, frames: 1, bytes: 4e6 }, output) < 0.85 * memoryMb;
  let side = 1000;
  while (side < 16_300 && fits(side + 100)) side += 100;
  return side;
}

/** Bar 9. */
function backfill(): string {
  const objects = process.env.BENCH_OBJECTS ?? '100000';
  const env = pipelineEnvironment(recipe([16], [JPEG]));
  const { stderr } = spawnSync('tsx', [join(__dirname, 'backfill.ts'), objects], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], cwd: ROOT, env });
  const runs = JSON.parse(stderr.trim().split('\n').at(-1)!) as Array<Record<string, string | number>>;
  return [
    '### Bar 9: backfill of simulated objects (targets: at most 1.01 invocations an object; the second run downloads and writes nothing)',
    table(Object.keys(runs[0]), runs.map((run) => Object.values(run).map(String))),
  ].join('\n\n');
}

/** Bar 11: loading the function against the bare packages, bundled alike. */
async function load(): Promise<string> {
  const source = join(ROOT, '.cache/bench/bare');
  const handlers = join(source, 'image-resize-pipeline/handlers');
  mkdirSync(handlers, { recursive: true });
  writeFileSync(join(handlers, 'bare.lambda.ts'), [
    "import { Logger } from '@aws-lambda-powertools/logger'; import { Metrics } from '@aws-lambda-powertools/metrics';",
    "import { S3Client } from '@aws-sdk/client-s3'; import sharp from 'sharp';",
    'export const handler = async () => [sharp, new S3Client(), new Logger(), new Metrics()];',
  ].join('\n'));
  await bundle({ source, out: source });
  const measured = (directory: string) => {
    const script = `const t = performance.now(), c = process.cpuUsage(); import('${directory}/index.mjs').then(() => {
      const { user, system } = process.cpuUsage(c);
      const peak = /VmHWM:\\s+(\\d+)/.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[1];
      console.log(JSON.stringify([performance.now() - t, (user + system) / 1000, peak / 1024])); });`;
    const command = ['-c', '1', NODE, '-e', script];
    return () => JSON.parse(execFileSync('taskset', command, { env: pipelineEnvironment(), encoding: 'utf8' })) as number[];
  };
  const [function_, bare] = [X64, join(source, 'assets/image-resize-pipeline/x64')].map(measured);
  const runs = Array.from({ length: 11 }, () => [function_(), bare()]);
  const row = (who: number) => [0, 1, 2].map((what) => median(runs.map((pair) => pair[who][what])));
  const [a, b] = [row(0), row(1)];
  return [
    '### Bar 11: loading the module (target: at most 1.3 x bare sharp + client-s3 + Powertools)',
    table(['', 'wall ms', 'CPU ms', 'peak MB'], [['function', ...a.map(ms)], ['bare', ...b.map(ms)], ['ratio', ...a.map((value, i) => ratio(value / b[i]))]]),
  ].join('\n\n');
}

type Section = (write: boolean) => Promise<string> | string;

/** Figures that are written into README.md together, between the marks of that name. */
interface Chapter {
  readonly prepare?: () => Promise<void>;
  readonly sections: Readonly<Record<string, Section>>;
}

const CHAPTERS: Readonly<Record<string, Chapter>> = {
  'image-resize-pipeline': { prepare: buildWorker, sections: { cpu, encoders, fidelity, memory, bombs: killers, backfill, load } },
  'edge-rewrite': { sections: { 'edge-rewrite': edgeRewrite, 'edge-nginx': edgeNginx } },
  'kinesis-fan-out': { sections: KINESIS_FAN_OUT },
  'ebs-snapshot-dr': {
    sections: { 'ebs-iam': ebsIam, 'ebs-slots': ebsSlots, 'ebs-restore': ebsRestore, 'ebs-events': ebsEvents, 'ebs-scale': ebsScale },
  },
};

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const ms = (value: number) => value.toFixed(0);
const ratio = (value: number) => value.toFixed(2);
const percent = (value: number) => `${value < 0 ? '' : '+'}${(value * 100).toFixed(0)} %`;
const decibels = (value: number | null) => value === null ? 'equal' : value.toFixed(1);
const total = (bytes: Readonly<Record<string, number>> = {}) => Object.values(bytes).reduce((sum, size) => sum + size, 0);

async function main(): Promise<void> {
  const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const write = process.argv.includes('--write');
  const known = Object.values(CHAPTERS).flatMap(({ sections }) => Object.keys(sections));
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`sections are ${known.join(', ')}, got ${unknown.join(', ')}`);
  for (const [chapter, { prepare, sections }] of Object.entries(CHAPTERS)) {
    const wanted = Object.keys(sections).filter((name) => names.length === 0 || names.includes(name));
    if (wanted.length === 0) continue;
    await prepare?.();
    const parts = [`Measured on ${machine()}, ${new Date().toISOString().slice(0, 10)}, load ${loadavg()[0].toFixed(1)} before.`];
    console.log(parts[0]);
    for (const name of wanted) {
      parts.push(await sections[name](write));
      console.log(`\n${parts.at(-1)}`);
    }
    if (write) putFigures(chapter, parts.join('\n\n'));
  }
}

function putFigures(chapter: string, figures: string): void {
  const file = join(__dirname, 'README.md');
  const text = readFileSync(file, 'utf8');
  const mark = `<!-- figures: ${chapter} -->\n`;
  if (!text.includes(mark)) throw new Error(`README.md needs the line '${mark.trim()}', none found`);
  const start = text.indexOf(mark) + mark.length;
  const end = text.indexOf('<!-- end -->', start);
  writeFileSync(file, `${text.slice(0, start)}\n${figures}\n\n${text.slice(end)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
