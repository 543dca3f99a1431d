import { DIALECTS, randomCase } from './generate';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { minifiedBlocks, MINIFIED } from '../../projenrc/edge-blocks';
import { readFileSync } from 'node:fs';
import { hash32, seedFromEnv } from '../kit/faults';
import { countRequests } from '../kit/njs/opcodes';

const SEED = seedFromEnv(7);

test('the shipped blocks are those of the sources', () => {
  expect(readFileSync(MINIFIED, 'utf8')).toBe(minifiedBlocks());
});

test.each(Object.entries(DIALECTS))('%s: no request costs more than the report says', (name, dialect) => {
  for (let n = 0; n < 12; n++) {
    const { sets, options, requests } = randomCase(hash32(SEED, name, n), dialect, 60);
    const { compiled, opcodes } = countRequests(sets, { ...options, tier: n % 2 === 0 ? 'inline' : 'key-value-store' }, requests);
    const most = Math.max(...opcodes);
    console.log(name, n, most, compiled.report.opcodes, compiled.report.opcodes / most);
    expect({ seed: SEED, n, most: most <= compiled.report.opcodes ? '' : `${most} > ${compiled.report.opcodes}` }).toEqual({ seed: SEED, n, most: '' });
  }
});
void compile;
