import { ROOMS } from '../kit/rooms';
import { asText, readableResources } from '../kit/snapshot';
import { RECOMMENDED_FLAGS, stackFor } from '../kit/stack';

const [room] = ROOMS.filter(({ name }) => name === 'image-resize-pipeline');

function resources(variant: 'minimal' | 'full', context: Record<string, unknown> = {}): Record<string, string> {
  const stack = stackFor({ context });
  room[variant](stack);
  return Object.fromEntries(Object.entries(readableResources(stack)).filter(([id]) => id.startsWith('Images')));
}

/** New resources in full, of changed ones the lines that came and went. */
function changes(one: Record<string, string>, other: Record<string, string>): string {
  const gone = Object.keys(other).filter((id) => !(id in one)).map((id) => [id, 'gone']);
  const changed = Object.entries(one).filter(([id, text]) => text !== other[id]).map(([id, text]) => [id, lineChanges(text, other[id])]);
  return asText(Object.fromEntries([...gone, ...changed]));
}

function lineChanges(text: string, before: string | undefined): string {
  if (before === undefined) return text;
  const [lines, old] = [text, before].map((whole) => whole.split('\n'));
  return ['', ...old.filter((line) => !lines.includes(line)).map((line) => `-${line}`), ...lines.filter((line) => !old.includes(line)).map((line) => `+${line}`)].join('\n');
}

test('minimal', () => {
  expect(asText(resources('minimal'))).toMatchSnapshot();
});

test('what all props change', () => {
  expect(changes(resources('full'), resources('minimal'))).toMatchSnapshot();
});

test.each(['minimal', 'full'] as const)('%s: what the recommended flags change', (variant) => {
  expect(Object.keys(RECOMMENDED_FLAGS).length).toBeGreaterThan(50);
  expect(changes(resources(variant, RECOMMENDED_FLAGS), resources(variant))).toMatchSnapshot();
});
