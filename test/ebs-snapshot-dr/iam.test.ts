import { Policies } from './iam-suite';

const policies = new Policies();
const { lines } = policies;

test('there are enough of both kinds', () => {
  const [may, mayNot] = [true, false].map((allowed) => lines.filter((line) => line.allowed === allowed).length);
  expect(may).toBeGreaterThan(60);
  expect(mayNot).toBeGreaterThan(90);
  expect(new Set(lines.map(({ what }) => what)).size).toBe(lines.length);
});

test.each(lines.map((line) => [line.what, line] as const))('%s', (_, line) => {
  expect(policies.decide(line)).toBe(line.allowed);
});

test.each(lines.map((line) => [line.what, line] as const))('makes sense: %s', async (_, line) => {
  await policies.validate(line);
});
