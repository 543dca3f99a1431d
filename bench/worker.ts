/** One job per process: reads it as its first argument, does it as often as the second says, prints the last time's measurement as JSON. */
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { type Answer, type Job, recipe } from './jobs';
import type { Recipe, RecipeFormat } from '../src/image-resize-pipeline/contract';
import { Refusal, admit, estimateMb } from '../src/image-resize-pipeline/handlers/admission';
import { createImaging } from '../src/image-resize-pipeline/handlers/imaging';
import { cascade, planTargets } from '../src/image-resize-pipeline/handlers/plan';
import type { EncodedVariant } from '../src/image-resize-pipeline/handlers/ports';

const NO_DEADLINE = { remainingMs: () => 900_000 };

async function core(file: string, wanted: Recipe, memoryMb: number): Promise<Answer & { variants: EncodedVariant[] }> {
  const imaging = createImaging(wanted, memoryMb);
  const input = readFileSync(file);
  const variants: EncodedVariant[] = [];
  let estimate: number | undefined;
  try {
    const image = await imaging.probe(input);
    const steps = cascade(planTargets(image.facts, wanted.presets));
    const output = { frame: steps[0].frame, formats: wanted.formats };
    estimate = estimateMb(image.facts, output);
    admit(image.facts, output, wanted, memoryMb);
    await imaging.render(input, image, steps, NO_DEADLINE, (variant) => variants.push(variant));
    return { bytes: Object.fromEntries(variants.map(({ preset, format, data }) => [`${preset}.${format}`, data.length])), estimateMb: estimate, variants };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { refusal: error.rejection, estimateMb: estimate, variants };
  }
}

async function naive(file: string, widths: readonly number[], formats: readonly RecipeFormat[]): Promise<Answer> {
  sharp.cache(false);
  sharp.concurrency(1);
  const input = readFileSync(file);
  const bytes: Record<string, number> = {};
  for (const width of widths) {
    for (const { format, extension, ...options } of formats) {
      const image = await sharp(input, { limitInputPixels: false }).autoOrient().resize(width).toFormat(format, options).toBuffer();
      bytes[`w${width}.${format}`] = image.length;
    }
  }
  return { bytes };
}

async function psnr(file: string, widths: readonly number[]): Promise<Answer> {
  const input = readFileSync(file);
  const lossless: RecipeFormat[] = [{ format: 'png', extension: 'png' }];
  const { variants } = await core(file, recipe(widths, lossless), 10_240);
  const decoded = await sharp(input, { limitInputPixels: false }).autoOrient().raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = decoded.info;
  const results = [];
  for (const variant of variants) {
    const exact = await sharp(decoded.data, { raw: { width, height, channels: channels as 3 }, limitInputPixels: false })
      .resize(variant.width, variant.height, { fit: 'fill' }).raw().toBuffer();
    const plain = await sharp(input, { limitInputPixels: false }).autoOrient().resize(variant.width, variant.height, { fit: 'fill' }).raw().toBuffer();
    results.push({ width: variant.width, core: decibels(exact, await sharp(variant.data).raw().toBuffer()), naive: decibels(exact, plain) });
  }
  return { psnr: results };
}

function decibels(a: Buffer, b: Buffer): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / a.length));
}

async function run(job: Job): Promise<Answer> {
  switch (job.kind) {
    case 'core': {
      const { variants, ...answer } = await core(job.file, job.recipe, job.memoryMb);
      return answer;
    }
    case 'naive':
      return naive(job.file, job.widths, job.formats);
    case 'psnr':
      return psnr(job.file, job.widths);
    case 'import':
      await import(job.module);
      return {};
  }
}

/** Of this program alone: `maxRSS` begins with what the parent had when it forked. */
function peakMb(): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024;
}

async function main(job: Job, runs: number): Promise<void> {
  for (let n = 1; n < runs; n++) await run(job);
  const before = process.cpuUsage();
  const answer = await run(job);
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ cpuMs: (user + system) / 1000, peakMb: peakMb(), answer }));
}

main(JSON.parse(process.argv[2]) as Job, Number(process.argv[3])).catch((error: Error) => {
  console.error(error.stack);
  process.exitCode = 1;
});
