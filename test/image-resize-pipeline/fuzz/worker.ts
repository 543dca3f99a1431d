/**
 * Mutates pictures and puts them through the core, one after the other, in a process that may die of it:
 * `worker.ts <seed> <first> <count>` prints a line before each and a line of JSON after it.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { FailureReason, Recipe } from '../../../src/image-resize-pipeline/contract';
import { Refusal, admit, admitBytes } from '../../../src/image-resize-pipeline/handlers/admission';
import { createImaging } from '../../../src/image-resize-pipeline/handlers/imaging';
import { cascade, planTargets } from '../../../src/image-resize-pipeline/handlers/plan';
import { Prng, hash32 } from '../../kit/faults';
import { RECIPE } from '../golden/run-asset';

export interface Verdict {
  readonly n: number;
  readonly file: string;
  readonly mutation: string;
  /** 'ok', a refusal, or the message of an error that is neither. */
  readonly ours: 'ok' | FailureReason | `error: ${string}`;
  /** Whether one naive sharp pipeline with `failOn: 'error'` makes a picture of it. */
  readonly oracle: boolean;
}

const MEMORY_MB = 1769;
const recipe: Recipe = {
  ...RECIPE,
  presets: [{ name: 'small', fit: 'width', width: 64 }],
  formats: [{ format: 'webp', extension: 'webp', effort: 0 }],
};
const inputs = join(__dirname, '../golden/inputs');
const originals = readdirSync(inputs).sort().map((file) => ({ file, content: readFileSync(join(inputs, file)) }));
const imaging = createImaging(recipe, MEMORY_MB);

async function ours(input: Buffer): Promise<Verdict['ours']> {
  try {
    admitBytes(input.length, recipe.maxBytes);
    const image = await imaging.probe(input);
    const steps = cascade(planTargets(image.facts, recipe.presets));
    admit(image.facts, { frame: steps[0].frame, formats: recipe.formats }, recipe, MEMORY_MB);
    await imaging.render(input, image, steps, { remainingMs: () => 30_000 }, () => {});
    return 'ok';
  } catch (error) {
    return error instanceof Refusal ? error.reason : `error: ${(error as Error).message}`;
  }
}

async function oracle(input: Buffer): Promise<boolean> {
  try {
    const { pages = 1 } = await sharp(input, { failOn: 'error' }).metadata();
    await sharp(input, { failOn: 'error', animated: pages > 1 }).autoOrient().resize(64).webp({ effort: 0 }).toBuffer();
    return true;
  } catch {
    return false;
  }
}

/** One to three wounds: flipped bits, a cut, a hole, a doubled stretch, noise, a piece of another file. */
function mutated(random: Prng): { file: string; mutation: string; input: Buffer } {
  const pick = () => originals[random.int(0, originals.length - 1)];
  const { file, content } = pick();
  let input = Buffer.from(content);
  const names: string[] = [];
  for (let wounds = random.int(1, 3); wounds > 0; wounds--) {
    // Half of them in the headers, where they do most.
    const at = random.chance(0.5) ? random.int(0, Math.min(600, input.length - 1)) : random.int(0, input.length - 1);
    const length = Math.min(random.int(1, 64), input.length - at);
    const kind = random.int(0, 5);
    names.push(`${['flip', 'cut', 'hole', 'double', 'noise', 'graft'][kind]}@${at}+${length}`);
    switch (kind) {
      case 0:
        input[at] = input[at] ^ 2 ** random.int(0, 7); // eslint-disable-line no-bitwise
        break;
      case 1:
        input = input.subarray(0, Math.max(1, at));
        break;
      case 2:
        input = Buffer.concat([input.subarray(0, at), input.subarray(at + length)]);
        break;
      case 3:
        input = Buffer.concat([input.subarray(0, at + length), input.subarray(at)]);
        break;
      case 4:
        for (let i = 0; i < length; i++) input[at + i] = random.int(0, 255);
        break;
      case 5:
        input.set(pick().content.subarray(at, at + length), at);
        break;
    }
  }
  return { file, mutation: names.join(' '), input };
}

async function main(seed: number, first: number, count: number): Promise<void> {
  for (let n = first; n < first + count; n++) {
    console.log('next');
    const { input, ...about } = mutated(new Prng(hash32(seed, n)));
    const verdict: Verdict = { n, ...about, ours: await ours(input), oracle: await oracle(input) };
    console.log(JSON.stringify(verdict));
  }
}

if (require.main === module) {
  const [seed, first, count] = process.argv.slice(2).map(Number);
  void main(seed, first, count);
}
