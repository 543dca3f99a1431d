import { readdirSync, readFileSync } from 'fs';
import { join, relative } from 'path';
import { Stage } from 'aws-cdk-lib';
import { ROOMS } from '../kit/rooms';
import { FLAG_SETS, stackFor } from '../kit/stack';

const SRC = join(__dirname, '../../src');

function synthesizedBytes(variant: 'minimal' | 'full', room: typeof ROOMS[number], context: Record<string, unknown>): string[] {
  const stack = stackFor({ context });
  room[variant](stack);
  const { directory } = Stage.of(stack)!.synth();
  return [`${stack.artifactId}.template.json`, `${stack.artifactId}.assets.json`]
    .map((file) => readFileSync(join(directory, file), 'utf8').replaceAll(directory, '<assembly>'));
}

describe.each(ROOMS.map((room) => [room.name, room] as const))('%s', (_room, room) => {
  test.each(FLAG_SETS)('synthesizes to equal bytes twice, %s', (_flags, context) => {
    for (const variant of ['minimal', 'full'] as const) {
      expect(synthesizedBytes(variant, room, context)).toEqual(synthesizedBytes(variant, room, context));
    }
  });
});

test('nothing on the synth side reads clock, chance, network or environment', () => {
  const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/handlers|handler-kit|compiler\/blocks/.test(relative(SRC, file)));
  expect(files.length).toBeGreaterThan(10);
  const forbidden = /Date\.now|new Date\(|Math\.random|randomUUID|process\.env|child_process|node:https?|from 'https?'|fetch\(/;
  expect(files.filter((file) => forbidden.test(readFileSync(file, 'utf8')))).toEqual([]);
});
