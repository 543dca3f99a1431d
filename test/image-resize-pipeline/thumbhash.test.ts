import { execFileSync } from 'node:child_process';
import { thumbhash } from '../../src/image-resize-pipeline/handlers/thumbhash';
import { Prng, seedFromEnv } from '../kit/faults';

const SEED = seedFromEnv(20261121);
/** The package is ESM only, so the oracle runs in a process of its own. */
const ORACLE = `import { rgbaToThumbHash } from 'thumbhash';
let text = ''; for await (const chunk of process.stdin) text += chunk;
console.log(JSON.stringify(JSON.parse(text).map(({ width, height, data }) => [...rgbaToThumbHash(width, height, data)])));`;

test(`equals the thumbhash package byte for byte (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  const sizes = [[1, 1], [100, 1], [1, 100], [100, 100], [7, 5], [5, 7], [64, 48], [33, 50]];
  const images = sizes.flatMap(([width, height]) => [
    { width, height, pixel: () => [prng.int(0, 255), prng.int(0, 255), prng.int(0, 255), 255] },
    { width, height, pixel: (n: number) => [n % 256, (n * 3) % 256, 128, n % 2 === 0 ? 255 : 40] },
    { width, height, pixel: () => [10, 200, 30, 255] },
    { width, height, pixel: () => [10, 200, 30, 0] },
  ]).map(({ width, height, pixel }) => ({ width, height, data: Array.from({ length: width * height }, (_x, n) => pixel(n)).flat() }));
  const oracle = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', ORACLE], { input: JSON.stringify(images), encoding: 'utf8' }));
  expect(images.map(({ data, ...size }) => [...thumbhash({ ...size, data: Uint8Array.from(data) })])).toEqual(oracle);
});
