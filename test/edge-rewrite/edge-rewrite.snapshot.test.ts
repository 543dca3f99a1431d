import { ROOMS } from '../kit/rooms';
import { asText, readableResources } from '../kit/snapshot';
import { FLAG_SETS, RECOMMENDED_FLAGS, stackFor } from '../kit/stack';

const [room] = ROOMS.filter(({ name }) => name === 'edge-rewrite');

/** The emitted code has tests of its own, which run it, and so has the store's name; here they would hide the rest. */
function resources(variant: 'minimal' | 'full', context: Record<string, unknown> = {}): Record<string, string> {
  const stack = stackFor({ context });
  room[variant](stack);
  const own = Object.entries(readableResources(stack)).filter(([id]) => id.startsWith('Edge'));
  return Object.fromEntries(own.map(([id, text]) => [id, text.replace(/("?FunctionCode"?: ?)"(?:[^"\\]|\\.)*"/, '$1<code>').replace(/-[0-9a-f]{16}"/, '-<hash>"')]));
}

test('minimal', () => {
  expect(asText(resources('minimal'))).toMatchSnapshot();
});

test('full', () => {
  expect(asText(resources('full'))).toMatchSnapshot();
});

test('the recommended flags change only what CDK itself names', () => {
  expect(Object.keys(RECOMMENDED_FLAGS).length).toBeGreaterThan(50);
  for (const variant of ['minimal', 'full'] as const) {
    const [plain, flagged] = FLAG_SETS.map(([, context]) => resources(variant, context));
    const changed = Object.entries(flagged).filter(([id, text]) => plain[id] !== text);
    expect(asText(Object.fromEntries(changed))).toMatchSnapshot(variant);
  }
});
