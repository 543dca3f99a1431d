import { ROOMS } from './rooms';
import { asText, changes, readableResources, Resources, Texts, textsOf } from './snapshot';
import { RECOMMENDED_FLAGS, stackFor } from './stack';

export type Variant = 'minimal' | 'full';
type Context = Readonly<Record<string, unknown>>;

/** What a room's construct defines. */
export function resourcesOf(name: string, variant: Variant, context: Context = {}): Resources {
  const stack = stackFor({ context });
  const { node } = ROOMS.find((room) => room.name === name)![variant](stack);
  return Object.fromEntries(Object.entries(readableResources(stack)).filter(([id]) => id.startsWith(node.id)));
}

/** Of both flag sets: the smallest construct in full, of the others what differs. `mask` hides what has tests of its own. */
export function snapshotRoom(name: string, mask = (text: string) => text): void {
  const texts = (variant: Variant, context?: Context) => masked(textsOf(resourcesOf(name, variant, context)), mask);

  test('minimal', () => {
    expect(asText(texts('minimal'))).toMatchSnapshot();
  });

  test('what all props change', () => {
    expect(changes(texts('full'), texts('minimal'))).toMatchSnapshot();
  });

  snapshotFlags(texts);
}

/** What the recommended feature flags change in either variant. */
export function snapshotFlags(texts: (variant: Variant, context?: Context) => Texts): void {
  test.each(['minimal', 'full'] as const)('%s: what the recommended flags change', (variant) => {
    expect(Object.keys(RECOMMENDED_FLAGS).length).toBeGreaterThan(50);
    expect(changes(texts(variant, RECOMMENDED_FLAGS), texts(variant))).toMatchSnapshot();
  });
}

function masked(texts: Texts, mask: (text: string) => string): Texts {
  return Object.fromEntries(Object.entries(texts).map(([id, text]) => [id, mask(text)]));
}
