import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOMS } from '../kit/rooms';
import { VENV_DIR, ensureKit } from '../kit/setup';
import { FLAG_SETS, stackFor, templateOf } from '../kit/stack';

/** W3005 names every dependency CDK states twice. */
const IGNORED = ['W3005'];

let folder: string;

beforeAll(() => {
  ensureKit();
  folder = mkdtempSync(join(tmpdir(), 'cfn-lint-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function lint(...templates: readonly string[]): string {
  const { stdout, stderr } = spawnSync(join(VENV_DIR, 'bin', 'cfn-lint'), [
    '--regions', 'eu-west-1', '--ignore-checks', ...IGNORED, '--template', ...templates,
  ], { encoding: 'utf8' });
  return stdout + stderr;
}

function write(name: string, template: unknown): string {
  const file = join(folder, `${name.replaceAll(' ', '-')}.json`);
  writeFileSync(file, JSON.stringify(template));
  return file;
}

test('no template of any room has a finding', () => {
  const templates = ROOMS.flatMap((room) => FLAG_SETS.flatMap(([flags, context]) => (['minimal', 'full', 'supplied'] as const).map((variant) => {
    const stack = stackFor({ context });
    room[variant](stack);
    return write(`${room.name} ${variant} ${flags}`, templateOf(stack).toJSON());
  })));
  expect(lint(...templates)).toBe('');
}, 120_000);

test('an unknown IAM action is found, which the validator of aws-cdk-lib misses', () => {
  const stack = stackFor();
  ROOMS[0].minimal(stack);
  const template = JSON.stringify(templateOf(stack).toJSON()).replace('"s3:PutObject"', '"s3:PutObjekt"');
  expect(lint(write('mutant', JSON.parse(template)))).toContain('W3037');
}, 60_000);
