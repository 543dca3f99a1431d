import { readFileSync } from 'fs';
import { join } from 'path';
import { mergeOptions } from '../../src/private/bundled-function';
import { suppliedHandlerOptions } from '../kit/rooms';
import { stackFor } from '../kit/stack';

const source = readFileSync(join(__dirname, '../../src/shared/handler-options.ts'), 'utf8');
const declared = [...source.matchAll(/readonly (\w+)\?:/g)].map(([, name]) => name);

test('every option is merged', () => {
  expect(Object.keys(mergeOptions({})).sort()).toEqual([...declared].sort());
});

test('the tests supply every option that is a resource or an enum', () => {
  expect(declared.filter((name) => !(name in suppliedHandlerOptions(stackFor()))))
    .toEqual(['memorySize', 'timeout', 'vpcSubnets']);
});
