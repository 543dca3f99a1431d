import { ROOMS } from '../kit/rooms';
import { asText, policyLines, readableResources, snapshotOf } from '../kit/snapshot';
import { RECOMMENDED_FLAGS, stackFor } from '../kit/stack';

type Resources = Record<string, string>;

/** Policies a line a statement; of functions of one side, who have equal settings, only the first shows them. */
function resources(name: string, variant: 'minimal' | 'full', context: Record<string, unknown> = {}): Resources {
  const [room] = ROOMS.filter((each) => each.name === name);
  const stack = stackFor({ context });
  const { node } = room[variant](stack);
  const raw = (snapshotOf(stack) as { Resources: Record<string, unknown> }).Resources;
  let seen = false;
  return Object.fromEntries(Object.entries(readableResources(stack)).filter(([id]) => id.startsWith(node.id)).map(([id, text]) => {
    const statements = policyLines(raw[id]);
    if (statements) return [id, ['', ...statements].join('\n  ')];
    const shown = seen ? text.replace(/\n( *)Environment: \{[\s\S]*?\n\1\}/, '\n$1Environment: the same') : text;
    seen ||= text.includes('SETTINGS');
    return [id, shown];
  }));
}

/** New resources in full, of changed ones the lines that came and went. */
function changes(one: Resources, other: Resources): string {
  const gone = Object.keys(other).filter((id) => !(id in one)).map((id) => [id, 'gone']);
  const changed = Object.entries(one).filter(([id, text]) => text !== other[id]).map(([id, text]) => [id, lineChanges(text, other[id])]);
  return asText(Object.fromEntries([...gone, ...changed]));
}

function lineChanges(text: string, before: string | undefined): string {
  if (before === undefined) return text;
  const [lines, old] = [text, before].map((whole) => whole.split('\n'));
  return ['', ...old.filter((line) => !lines.includes(line)).map((line) => `-${line}`), ...lines.filter((line) => !old.includes(line)).map((line) => `+${line}`)].join('\n');
}

describe.each(['ebs-snapshot-dr', 'ebs-dr-site'])('%s', (name) => {
  test('minimal', () => {
    expect(asText(resources(name, 'minimal'))).toMatchSnapshot();
  });

  test('what all props change', () => {
    expect(changes(resources(name, 'full'), resources(name, 'minimal'))).toMatchSnapshot();
  });

  test.each(['minimal', 'full'] as const)('%s: what the recommended flags change', (variant) => {
    expect(changes(resources(name, variant, RECOMMENDED_FLAGS), resources(name, variant))).toMatchSnapshot();
  });
});
